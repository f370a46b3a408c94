"""payvand-traced and its disk: torn and damaged commits, no room, calls that
fail, kills under load. As in test_traced.py, whose judge is asked here too."""

import os
import random
import shutil
import subprocess
import threading
import time

import pytest

import journal_reader
from harness import LONG, PATIENCE_S, SANITIZE, built, wait_for
from journal_client import (LOW_SPACE, WHY_BROKEN, WHY_FULL, Gone, Traced,
                            Worker, completions, refusal, request)
from journal_reader import read_journal
from test_traced import (SMALL, commit_places, filled, greeted, judge,
                         segments)


def fault_env(**values):
    env = {"LD_PRELOAD": built("libpayvand-fault.so"),
           "ASAN_OPTIONS": "verify_asan_link_order=0"}
    env.update({"PAYVAND_FAULT_" + k.upper(): str(v)
                for k, v in values.items()})
    return env


# ---- what is on disk -----------------------------------------------------

def test_a_torn_last_commit_is_cut_wherever_it_was_torn(home):
    traced, worker = filled(home)
    path = segments(traced)[0]
    first, end = commit_places(path)[-1]
    with open(path, "rb") as file:
        good = file.read()
    places = range(first, end, 1 if LONG else 41)
    for at in places:
        with open(path, "r+b") as file:
            file.seek(at)
            file.write(b"\0" * (end - at))
        with open(path, "rb") as file:
            torn = file.read()
        whole = torn == good
        traced.start()
        again = greeted(traced)
        assert again.wait(again.send([request()])) == (12 if whole else 10)
        traced.kill()
        assert len(read_journal(traced.journal)) == (13 if whole else 11)
        with open(path, "rb") as file:  # nothing was overwritten
            now = file.read()
        if not whole and at > first:
            assert now == torn
            assert "traced.torn_tail segment=1 offset=%d" % first in \
                traced.words()
        for extra in segments(traced)[1:]:
            os.unlink(extra)
        with open(path, "wb") as file:
            file.write(good)


def test_a_commit_whose_sectors_came_in_any_order_is_cut(home):
    traced = Traced(home, *SMALL).start()
    worker = greeted(traced)
    worker.wait(worker.send([request()]))
    worker.wait(worker.send([request() for _ in range(20)]))
    traced.kill()
    path = segments(traced)[0]
    first, end = commit_places(path)[-1]
    sectors = list(range(first, end, 512))
    assert len(sectors) > 8
    with open(path, "rb") as file:
        good = file.read()
    random.seed(7)
    for _ in range(10):
        data = bytearray(good)
        for at in random.sample(sectors, random.randint(1, len(sectors))):
            data[at:at + 512] = b"\0" * 512
        with open(path, "wb") as file:
            file.write(data)
        traced.start()
        assert greeted(traced)
        traced.kill()
        assert len(read_journal(traced.journal)) == 1
        for extra in segments(traced)[1:]:
            os.unlink(extra)


def test_damage_in_the_middle_refuses_the_start_and_names_the_place(home):
    traced, _ = filled(home)
    path = segments(traced)[0]
    places = commit_places(path)
    with open(path, "rb") as file:
        good = file.read()
    for first, end in places[:-1]:
        for at in (first, first + 9, first + 50, first + 70, first + 300):
            data = bytearray(good)
            data[at] ^= 0x10
            with open(path, "wb") as file:
                file.write(data)
            code, words = traced.check()
            assert code == 1
            traced.start(wait=False)
            assert traced.process.wait(PATIENCE_S) == 1
            place = int(words.split("offset ")[1].split(":")[0])
            assert first <= place <= at
            assert "0000000001.pvj at offset %d" % place in traced.words()
            with open(path, "rb") as file:
                assert file.read() == data, "a damaged file was changed"
            with pytest.raises(journal_reader.Damaged):
                read_journal(traced.journal)
    with open(path, "wb") as file:
        file.write(good)
    assert traced.check()[0] == 0


def test_damage_to_the_last_commit_is_told_once_it_was_marked(home):
    traced, _ = filled(home)
    traced.start()
    assert traced.stop() == 0   # writes the mark
    path = segments(traced)[0]
    first, _ = commit_places(path)[-2]
    with open(path, "r+b") as file:
        file.seek(first + 100)
        file.write(b"!")
    traced.start(wait=False)
    assert traced.process.wait(PATIENCE_S) == 1
    assert "damage in the journal" in traced.words()


def test_a_missing_or_foreign_segment_refuses_the_start(home):
    traced = Traced(home, *SMALL).start()
    worker = greeted(traced)
    while len(segments(traced)) < 4:
        worker.send([request() for _ in range(100)])
        worker.drain()
    traced.stop()
    judge(traced, [worker])
    assert traced.check()[0] == 0
    names = segments(traced)
    aside = os.path.join(home, "aside")
    for name, words in ((names[1], "0000000002.pvj is missing"),
                        (names[2], "0000000003.pvj is missing")):
        os.rename(name, aside)
        traced.start(wait=False)
        assert traced.process.wait(PATIENCE_S) == 1
        assert words in traced.words()
        os.rename(aside, name)
    shutil.copy(names[1], aside)
    for at, words in ((20, "0000000002.pvj at offset 0"),
                      (5000, "0000000002.pvj at offset 4160")):
        with open(names[1], "r+b") as file:
            file.seek(at)
            file.write(b"\xaa")
        traced.start(wait=False)
        assert traced.process.wait(PATIENCE_S) == 1
        assert words in traced.words()
        shutil.copy(aside, names[1])
    os.truncate(names[1], 200000)
    assert traced.check()[0] == 1
    shutil.copy(aside, names[1])
    os.unlink(names[0])  # the oldest may go only where that was written down
    traced.start(wait=False)
    assert traced.process.wait(PATIENCE_S) == 1
    assert "0000000001.pvj is missing" in traced.words()
    with open(os.path.join(traced.journal, "removed"), "w") as file:
        file.write("2\n")
    traced.start()
    assert greeted(traced)
    traced.stop()


def test_a_commit_shares_no_sector_of_the_disk_with_another(home):
    traced, _ = filled(home)
    device = os.stat(traced.journal).st_dev
    base = "/sys/dev/block/%d:%d/" % (os.major(device), os.minor(device))
    sector = 4096
    for name in (base + "queue", base + "../queue"):
        if os.path.exists(name):
            with open(name + "/physical_block_size") as file:
                sector = min(4096, int(file.read()))
            break
    for first, end in commit_places(segments(traced)[0]):
        assert first % sector == 0 and end % sector == 0


def test_another_nodes_journal_is_refused(home):
    traced, _ = filled(home)
    traced.arguments += ["--node", "ix-2"]
    traced.start(wait=False)
    assert traced.process.wait(PATIENCE_S) == 1
    assert "belongs to the node nix" in traced.words()


# ---- room ----------------------------------------------------------------

def test_the_last_tenth_is_for_granted_calls_and_full_refuses(home):
    traced = Traced(home, *SMALL, "--max-size", str(8 * 262144),
                    "--retain-free", "0").start()
    worker = greeted(traced)
    done = 0
    while not worker.flags & LOW_SPACE:
        worker.wait(worker.send([request() for _ in range(50)]))
        done += 1
    refused = worker.send([refusal()])
    assert worker.wait(refused) is None
    assert worker.refused[refused] == WHY_FULL
    assert worker.wait(worker.send([request(), refusal()])) is not None
    last = None
    while last is None or worker.acked.get(last) is not None:
        before, last = last, worker.send([request() for _ in range(50)])
        worker.wait(last)
    assert worker.refused[last] == WHY_FULL
    # the ends of calls that were forwarded still find room
    assert worker.wait(worker.send([completions([(0, "answered")])]))
    assert "traced.space_low" in traced.words()
    assert "traced.space_full" in traced.words()
    size = sum(os.path.getsize(p) for p in segments(traced))
    assert size <= 8 * 262144
    judge(traced, [worker])
    for path in segments(traced)[:3]:
        os.unlink(path)
    wait_accepted(worker)
    assert "traced.space_enough" in traced.words()
    traced.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_refuses_and_recovers(home):
    disk = os.path.join(home, "journal")
    os.makedirs(disk)
    if subprocess.call(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs",
                        disk], stderr=subprocess.DEVNULL) != 0:
        pytest.skip("cannot mount a tmpfs here")
    try:
        traced = Traced(home, *SMALL, "--retain-free", "0").start()
        worker = greeted(traced)
        last = None
        while last is None or last in worker.acked:
            last = worker.send([request() for _ in range(50)])
            worker.wait(last)
        assert worker.refused[last] == WHY_FULL
        judge(traced, [worker])
        os.unlink(segments(traced)[0])
        os.unlink(segments(traced)[0])
        wait_accepted(worker)
        traced.kill()
    finally:
        subprocess.call(["umount", "-l", disk])


def wait_accepted(worker):
    wait_for("calls again", lambda:
             worker.wait(worker.send([request()])) is not None)


# ---- faults --------------------------------------------------------------

def fault_run(home, n, **fault):
    """A run whose n-th write call fails; True when the fault was met."""
    folder = os.path.join(home, "run")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    traced = Traced(folder, *SMALL)
    traced.start(wait=False, env=fault_env(at=n, **fault))
    try:
        traced.wait_ready()
    except AssertionError:
        assert "FAULT" in traced.words(), traced.words()
        traced.kill()
        traced.start()          # the fault is over: it starts by itself
        traced.stop()
        judge(traced, [])
        return True
    worker = Worker(traced.socket)
    try:
        worker.hello()
        for i in range(9):
            worker.wait(worker.send([request() for _ in range(90)]))
            if i % 3 == 2:
                # a worker that was refused goes on
                worker.wait(worker.send([request()]))
        refused = len(worker.refused)
        if refused and "die" not in fault:
            wait_accepted(worker)       # it heals by itself
    except (Gone, BrokenPipeError, ConnectionError):
        assert "die" in fault
    met = "FAULT" in traced.words()
    if traced.process.poll() is None:
        judge(traced, [worker])     # beside the live writer
        traced.kill()
    traced.start()
    if worker.unacked:
        worker.resume()
        worker.drain()
    after = greeted(traced)
    assert after.wait(after.send([request()])) is not None
    assert traced.stop() == 0
    judge(traced, [worker, after])
    assert traced.check()[0] == 0
    return met


@pytest.mark.skipif(SANITIZE, reason="the shim comes before the sanitizer")
@pytest.mark.parametrize("errno", [5, 28], ids=["EIO", "ENOSPC"])
@pytest.mark.parametrize("count", [1, 3], ids=["once", "three times"])
def test_any_failing_write_or_sync_loses_nothing(home, errno, count):
    n = 1
    while fault_run(home, n, errno=errno, count=count):
        n += 1 if LONG or (errno, count) == (5, 1) else 4
    assert n > 25, "the fault was met at too few places"


@pytest.mark.skipif(SANITIZE, reason="the shim comes before the sanitizer")
@pytest.mark.parametrize("written", [0, 600, 4096])
def test_a_death_within_any_write_or_sync_loses_nothing(home, written):
    n = 1
    while fault_run(home, n, die=written):
        n += 1 if LONG or written == 600 else 4
    assert n > 25, "the fault was met at too few places"


@pytest.mark.skipif(SANITIZE, reason="the shim comes before the sanitizer")
def test_a_disk_that_stays_broken_fails_closed(home):
    traced = Traced(home, *SMALL)
    traced.start(env=fault_env(at=12, count=100000))
    worker = greeted(traced)
    wait_for("a refusal", lambda:
             worker.wait(worker.send([request()])) is None, step=0)
    assert set(worker.refused.values()) == {WHY_BROKEN}
    for _ in range(20):
        assert worker.wait(worker.send([request()])) is None
        time.sleep(0.02)
    assert "traced.closed" in traced.words()
    assert len(os.listdir(traced.journal)) < 12, "segments pile up"
    traced.kill()
    traced.start()
    worker.resume()
    assert worker.wait(worker.send([request()])) is not None
    traced.stop()
    judge(traced, [worker])


# ---- killed under load ---------------------------------------------------

class Load(threading.Thread):
    """A worker that sends, reconnects and ends calls like a real one."""

    def __init__(self, traced, stop):
        super().__init__(daemon=True)
        self.traced, self.stop_event = traced, stop
        self.worker = Worker(traced.socket)
        self.error = None

    def run(self):
        try:
            self.loop()
        except BaseException as error:
            self.error = error

    def loop(self):
        worker, open_calls, connected = self.worker, [], False
        while not self.stop_event.is_set() or worker.unacked:
            try:
                if not connected:
                    worker.resume()
                    connected = True
                if len(worker.unacked) < 8 and not self.stop_event.is_set():
                    records = [request() for _ in range(random.randint(1, 5))]
                    if len(open_calls) > 3:
                        records.append(completions(
                            [(i, "answered") for i in open_calls]))
                        open_calls = []
                    worker.send(records)
                    sent = worker.sequence
                if len(worker.unacked) >= 4 or self.stop_event.is_set():
                    before = set(worker.acked)
                    worker.receive()
                    for s in set(worker.acked) - before:
                        open_calls.append(worker.acked[s])
            except (Gone, OSError):
                connected = False
                time.sleep(0.01)


def test_kill_9_at_random_under_load_loses_nothing(home):
    kills = 1000 if LONG else 15
    traced = Traced(home, *SMALL).start()
    stop = threading.Event()
    load = [Load(traced, stop) for _ in range(3)]
    for thread in load:
        thread.start()
    for n in range(kills):
        time.sleep(random.uniform(0.005, 0.08))
        traced.kill()
        traced.start()
        failed = [t.error for t in load if t.error]
        assert not failed, failed
    stop.set()
    for thread in load:
        thread.join(60)
        assert not thread.is_alive() and thread.error is None, thread.error
    assert traced.stop() == 0
    journal = judge(traced, [t.worker for t in load])
    assert all(t.worker.acked for t in load)
    assert not any(t.worker.refused for t in load), [
        t.worker.refused for t in load]
    assert len(journal) > kills
