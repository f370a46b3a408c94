"""The Merkle log that payvand-traced keeps on its journal.

An outside checker (log_client.Watcher) holds every acknowledgement and every
checkpoint that was ever published, and compares them with the journal.
"""

import errno
import os
import random
import stat
import struct
import subprocess
import time

import pytest

import tlog
from harness import LONG, PATIENCE_S, built, wait_for
from journal_client import Traced, canonical, completions, counts_of, request
from log_client import (SMALL, LogTraced, Watcher, doctor_says, feed, greeted)


@pytest.fixture
def traced(home):
    with LogTraced(home, *SMALL) as started:
        yield started


# ---- what it does --------------------------------------------------------

def test_signs_the_tree_of_all_that_was_acknowledged(traced):
    worker = greeted(traced)
    with Watcher(traced) as watcher:
        for _ in range(10):
            feed(worker, 40)
            time.sleep(0.1)
        traced.wait_size(1600)
        wait_for("several", lambda: feed(worker, 1) or len(watcher.seen) > 4)
    watcher.judge([worker])
    status = traced.status()
    assert status["origin"] == "nix.example/trace"
    assert "refusal" not in status and not status["witnessed"]


def test_signs_within_its_time_and_nothing_while_nothing_is_new(traced):
    worker = greeted(traced)
    traced.wait_size(0)
    worker.wait(worker.send([request()]))
    first = traced.wait_size(1)
    time.sleep(0.5)
    assert traced.checkpoint() == first
    with open(os.path.join(traced.signer, "signed"), "rb") as file:
        assert file.read().startswith(first[2].encode())


def test_goes_on_after_an_ordinary_end(home):
    workers = []
    for i in range(3):
        with LogTraced(home, *SMALL) as traced, Watcher(traced) as watcher:
            workers.append(greeted(traced))
            feed(workers[-1], 30)
            traced.wait_words("log.started size=%d " % (120 * i))
            assert traced.stop() == 0
            watcher.judge(workers)
            # the end itself brings the last checkpoint
            assert traced.checkpoint()[0] == 120 * (i + 1)


def test_keeps_a_checkpoint_for_auditors(traced):
    worker = greeted(traced)
    feed(worker, 3)
    traced.wait_size(12)
    wait_for("a kept one", lambda: os.path.exists(traced.path("checkpoints"))
             and os.path.getsize(traced.path("checkpoints")))
    with open(traced.path("checkpoints"), encoding="utf-8") as file:
        kept = file.read()
    text, line = kept.split("\n\n")[:2]
    tlog.check_line(traced.vkey, text + "\n", line.split("\n")[0])


def test_files_are_closed_to_others_and_the_key_to_all(traced):
    traced.wait_size(0)
    assert stat.S_IMODE(os.stat(
        os.path.join(traced.signer, "key")).st_mode) == 0o600
    for folder, _, names in os.walk(traced.tree):
        for name in names:
            mode = os.stat(os.path.join(folder, name)).st_mode
            assert not mode & 0o007, name


def test_each_child_has_what_it_needs_and_no_more(traced):
    traced.wait_size(0)
    held = {}
    for name, pid in traced.children().items():
        held[name] = {os.readlink("/proc/%d/fd/%s" % (pid, fd))
                      for fd in os.listdir("/proc/%d/fd" % pid)}
        with open("/proc/%d/status" % pid) as file:
            words = file.read()
        assert "NoNewPrivs:\t1" in words, name
    assert traced.signer in held["signer"]
    assert traced.tree in held["log"] and traced.journal in held["log"]
    assert traced.signer not in held["log"]
    for other in (traced.tree, traced.journal):
        assert other not in held["signer"]
    assert not any("memfd" in path for path in held["signer"])


# ---- kill -9 -------------------------------------------------------------

def strike(traced, victim):
    """Kill -9; the journal process takes all with it."""
    if victim in ("journal", "all"):
        names = ["children", "signer", "log"] if victim == "all" else []
        for name in names:
            traced.kill_child(name)
        traced.kill()
        traced.start()
    else:
        traced.kill_child(victim)


@pytest.mark.parametrize("seed", range(250 if LONG else 2))
def test_no_kill_makes_another_tree(home, seed):
    """20 kills each at random points, under load."""
    chance = random.Random(seed)
    traced = LogTraced(home, *SMALL)
    with traced, Watcher(traced) as watcher:
        workers = [greeted(traced) for _ in range(2)]
        for _ in range(20):
            until = time.monotonic() + chance.uniform(0.0, 0.35)
            victim = chance.choice(["journal", "log", "signer", "all"])
            while time.monotonic() < until:
                for worker in workers:
                    worker.send([request() for _ in range(3)])
                    while len(worker.unacked) > 8:
                        worker.receive()
            strike(traced, victim)
            for worker in workers:
                if victim in ("journal", "all"):
                    worker.resume()
                worker.drain()
        total = max(max(w.acked.values()) for w in workers) + 3
        traced.wait_size(total)
        assert "refuses" not in traced.words()
    watcher.judge(workers)
    print("20 kills, %d records acknowledged, %d checkpoints seen" % (
        total, len(watcher.seen)))


# ---- what a start reads --------------------------------------------------

def wait_snapshot(traced, first_index):
    """Until `state` is that of a segment that begins at or behind a leaf."""
    path = os.path.join(traced.journal, "state")

    def number():
        try:
            with open(path, "rb") as file:
                head = file.read(64)
            if struct.unpack_from("<Q", head, 32)[0] >= first_index:
                return struct.unpack_from("<Q", head, 24)[0]
        except (FileNotFoundError, struct.error):
            pass
        return None

    return wait_for("a snapshot", number)


def test_a_start_goes_on_from_the_snapshot_as_if_it_had_read_all(home):
    with Traced(home, *SMALL) as traced:
        worker = greeted(traced)
        feed(worker, 400)
        number = wait_snapshot(traced, 700)
        feed(worker, 20)
        packet = worker.frame(worker.sequence, [
            canonical(r).encode() for r in worker.records[worker.sequence]])
        early = worker.sequence - 300
        old = worker.frame(early, [canonical(r).encode()
                                   for r in worker.records[early]])
        counts = counts_of(traced)
        assert sum(counts.values()) == 1680
        traced.kill()
        traced.start()
        assert counts_of(traced) == counts
        for again in (old, packet):  # of before the snapshot, and behind it
            worker.connect()
            worker.hello()
            worker.sock.send(again)
            worker.receive()  # it asserts that the index is the same
        # all before the snapshot may be gone, and nothing is missed
        traced.kill()
        with open(os.path.join(traced.journal, "removed"), "w") as file:
            file.write("%d\n" % number)
        for n in range(1, number):
            os.unlink(os.path.join(traced.journal, "%010d.pvj" % n))
        traced.start()
        assert counts_of(traced) == counts
        # a snapshot that does not read is not used, and what is there is read
        traced.kill()
        with open(os.path.join(traced.journal, "state"), "r+b") as file:
            file.seek(70)
            file.write(b"\xaa")
        traced.start(wait=False)
        assert traced.process.wait(PATIENCE_S) == 1
        assert "traced.snapshot" in traced.words()
        assert "daily maxima would begin anew" in traced.words()
        traced.kill()
        traced.arguments.append("--counts-from-journal")
        traced.start()
        assert 0 < sum(counts_of(traced).values()) < 1680


def ask_few(worker, count):
    """Calls of a grant that allows three answers; the first one's index."""
    sequence = worker.send([request(max_answered=3, grant="g-few")
                            for _ in range(count)])
    return sequence, worker.wait(sequence)


def answers_are_counted_again(traced):
    """The snapshot is lost, and the oldest records are in packs only."""
    traced.start()
    counts = counts_of(traced)
    traced.kill()
    os.unlink(os.path.join(traced.journal, "state"))
    traced.start()
    traced.wait_words("traced.uses_unknown")
    assert counts_of(traced) == counts  # today's, from the packs
    worker = greeted(traced)
    sequence, index = ask_few(worker, 1)
    assert worker.used == {(sequence, 0): 1}
    worker.wait(worker.send([completions([(index, "limited")])]))
    traced.wait_size(index + 2)
    assert "--count-answers" in doctor_says(traced, "log.uncounted")["mend"]
    count = [built("payvand-traced"), "--count-answers", "--dir",
             traced.journal, "--log", traced.tree]
    done = subprocess.run(count, capture_output=True, text=True)
    assert done.returncode == 1 and "another process" in done.stderr
    counts = counts_of(traced)
    traced.kill()
    done = subprocess.run(count, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("grants=1 open=1 records=")
    said = traced.words().count("uses_unknown")
    traced.start()
    assert traced.words().count("uses_unknown") == said
    assert counts_of(traced) == counts
    worker = greeted(traced)    # one was answered, one is under way
    sequence, _ = ask_few(worker, 2)
    assert worker.used == {(sequence, 1): 0}
    traced.kill()


def test_packed_segments_go_and_their_absence_is_known(home):
    """Two packs' worth of leaves, through the keeper."""
    with LogTraced(home, *SMALL) as traced, Watcher(traced) as watcher:
        worker = greeted(traced)
        _, index = ask_few(worker, 3)
        worker.wait(worker.send([completions([(index, "answered"),
                                              (index + 1, "failed")])]))
        feed(worker, 600, records=128)
        traced.wait_size(76800)
        traced.wait_words("traced.removed", timeout=60)
        feed(worker, 10)
        traced.wait_size(76840)
        first = min(n for n in os.listdir(traced.journal)
                    if n.endswith(".pvj"))
        assert first != "0000000001.pvj"
        traced.kill()
        traced.start()
        feed(greeted(traced), 1)
        traced.wait_size(76844)
        assert "traced.gap" not in traced.words()
        watcher.judge([worker])
        traced.kill()
        answers_are_counted_again(traced)
        traced.start()
        traced.wait_size(1)
        # one more is taken away behind its back
        os.unlink(os.path.join(traced.journal, first))
        traced.wait_words("traced.missing")
        traced.kill()
        traced.start(wait=False)
        assert traced.process.wait(PATIENCE_S) == 1
        assert first + " is missing" in traced.words()


# ---- a disk that fails ---------------------------------------------------

def fault(at, child, **kind):
    return {"LD_PRELOAD": built("libpayvand-fault.so"),
            "ASAN_OPTIONS": "verify_asan_link_order=0",
            "PAYVAND_FAULT_CHILD": child, "PAYVAND_FAULT_AT": str(at),
            **{"PAYVAND_FAULT_" + name.upper(): str(value)
               for name, value in kind.items()}}


CALLS = {"log": range(1, 60), "signer": range(1, 25)}


def few(calls, count):
    return calls if LONG else random.Random(7).sample(list(calls), count)


def goes_on_behind(home, env, words="FAULT"):
    """The same tree goes on after what env does once to a child."""
    traced = LogTraced(home, *SMALL)
    traced.env = env
    with traced, Watcher(traced) as watcher:
        worker = greeted(traced)
        feed(worker, 20)  # the fault may be met at the start already
        while "FAULT" not in traced.words():
            time.sleep(0.2)
            feed(worker, 20)
        traced.wait_words(words)
        traced.wait_size(worker.acked[worker.sequence] + 4)
        traced.kill()
        traced.start(env={})
        feed(worker2 := greeted(traced), 5)
        traced.wait_size(worker2.acked[5] + 4)
    watcher.judge([worker, worker2])
    return traced


@pytest.mark.parametrize("child,error,at", [
    (child, error, at)
    for child, count in (("log", 5), ("signer", 3))
    for error in (errno.EIO, errno.ENOSPC)
    for at in few(CALLS[child], count)])
def test_a_write_that_fails_makes_no_other_tree(home, child, error, at):
    """The n-th write, fsync or rename of a child fails, once."""
    goes_on_behind(home, fault(at, child, errno=error))


@pytest.mark.parametrize("child,written,at", [
    (child, written, at)
    for child, count in (("log", 1), ("signer", 1))
    for written in (0, 21)
    for at in few(CALLS[child], count)])
def test_a_death_at_a_write_makes_no_other_tree(home, child, written, at):
    """A child ends before its n-th write, fsync or rename, or in it."""
    goes_on_behind(home, fault(at, child, die=written),
                   "traced.child_ended name=%s" % child)


def test_a_clock_that_steps_back_changes_nothing(home):
    """An hour back under load, in every process."""
    traced = LogTraced(home, *SMALL)
    traced.env = {"LD_PRELOAD": built("libpayvand-fault.so"),
                  "ASAN_OPTIONS": "verify_asan_link_order=0",
                  "PAYVAND_FAULT_BACK": "3600"}
    with traced, Watcher(traced) as watcher:
        worker = greeted(traced)
        for _ in range(25):
            feed(worker, 4)
            time.sleep(0.1)
        end = max(worker.acked.values()) + 4
        traced.wait_size(end)
        assert not worker.refused
        wait_for("all to be fresh", lambda:
                 traced.status()["staleness_ms"] < 3000)
        traced.stop()
        traced.start()
        traced.wait_words("log.started size=%d" % end)
    watcher.judge([worker])


def test_the_end_of_the_supervisor_is_said_and_calls_go_on(traced):
    worker = greeted(traced)
    worker.wait(worker.send([request()]))
    traced.wait_size(1)
    assert traced.kill_child("children")
    traced.wait_words("traced.children_lost")
    assert "log.refuses" not in traced.words(), "it says what is not so"
    assert worker.wait(worker.send([request()])) == 1
    traced.kill()
    traced.start()
    traced.wait_size(2)
