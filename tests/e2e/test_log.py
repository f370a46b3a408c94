"""The Merkle log that payvand-traced keeps on its journal.

An outside checker (log_client.Watcher) holds every acknowledgement and every
checkpoint that was ever published, and compares them with the journal.
"""

import os
import random
import shutil
import signal
import stat
import subprocess
import time

import pytest

import tlog
from harness import LONG
from journal_client import Gone, Traced, Worker, request
from log_client import LogTraced, Watcher

SMALL = ("--segment-size", "262144")


@pytest.fixture
def traced(home):
    with LogTraced(home, *SMALL) as started:
        yield started


def greeted(traced):
    worker = Worker(traced.socket)
    worker.hello()
    return worker


def feed(worker, frames, records=4):
    for _ in range(frames):
        worker.send([request() for _ in range(records)])
        if len(worker.unacked) > 16:
            worker.receive()
    worker.drain()


# ---- what it does --------------------------------------------------------

def test_signs_the_tree_of_all_that_was_acknowledged(traced):
    worker = greeted(traced)
    with Watcher(traced) as watcher:
        for _ in range(10):
            feed(worker, 40)
            time.sleep(0.1)
        traced.wait_size(1600)
    assert len(watcher.seen) > 4
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
        traced.wait_size(total, timeout=40)
        assert "refuses" not in traced.words()
    watcher.judge(workers)
