"""A hostile registered system: it stops nobody and does not fill the journal.
"""

import os
import threading
import time

import pytest

from harness import (BANK, FIC, IBAN, LONG, TAX, NOTE_PARTIES,
                     assert_outcome)
from load import Ledger, Load, check
from wire import Closed, request

HOSTILE = "customs-administration-main"
REFUSED = [
    request(TAX), request(NOTE_PARTIES), request(IBAN),
    request(IBAN.replace("verify", "none")), request(IBAN + "?a=1"),
    request(IBAN, headers=[("Payvand-Consumer", "setad")]),
    request(IBAN, headers=[("Payvand-Purpose", "wrong")]),
    request("/x/a/b/v1/c"),
]


class Hostile:
    """Pipelined refused calls on a few connections, as fast as they go."""

    def __init__(self, ex, system=HOSTILE, threads=3, depth=32):
        self.ex = ex
        self.system = system
        self.depth = depth
        self.sent = 0
        self.answered = 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True)
                        for _ in range(threads)]

    def run(self):
        wire = None
        at = 0
        while not self.stopping.is_set():
            try:
                if wire is None:
                    wire = self.ex.wire(self.system)
                batch = [REFUSED[(at + n) % len(REFUSED)]
                         for n in range(self.depth)]
                at += self.depth
                wire.send(b"".join(batch))
                for _ in batch:
                    answer = wire.answer()
                    assert answer.outcome != "answered"
                    self.sent += 1
            except (Closed, OSError):
                if wire is not None:
                    wire.close()
                wire = None
                time.sleep(0.01)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(20)


def test_an_hour_of_refusals_stops_no_granted_call(make):
    ex = make(workers=2)
    ledger = Ledger(ex.provider.values())
    seconds = 75 if LONG else 6
    # how it goes in peace
    with Load(ex, ((BANK, IBAN), (FIC, TAX)), threads=2, pause=0.01) as peace:
        time.sleep(1.5)
    with Hostile(ex) as hostile, \
            Load(ex, ((BANK, IBAN), (FIC, TAX)), threads=2,
                 pause=0.01) as load:
        time.sleep(seconds)
    bad = [c for c in load.done if c.outcome != "answered"]
    assert not bad, bad[:3]
    assert hostile.sent > 1000 * seconds / 4, hostile.sent
    slow = sorted(c.ended - c.started for c in load.done)
    assert slow[len(slow) // 2] < 0.25, slow[len(slow) // 2]
    time.sleep(1.5)
    records = ex.records()
    refused = [r for _, r in records if r["type"] == "request" and
               r["consumer"] == HOSTILE]
    # a budget, not a share: three times the noise adds nothing
    assert 0 < len(refused) < hostile.sent / 10, (len(refused), hostile.sent)
    assert len(refused) <= 2000 * (1 + seconds // 60), len(refused)
    if LONG:
        summed = sum(r["count"] for _, r in records
                     if r["type"] == "refusals" and r["consumer"] == HOSTILE)
        assert summed + len(refused) >= hostile.sent * 0.5
        assert summed + len(refused) <= hostile.sent
    check(ex, peace.done + load.done, ledger)


def test_the_summary_counts_what_was_not_journalled(make):
    """One summary a minute; waiting for it takes the long form, unless the
    gate leaves: a worker that ends says what it still holds."""
    ex = make(workers=1)
    count = 3000
    with ex.wire(HOSTILE) as w:
        for _ in range(count // 50):
            w.send(request(TAX) * 50)
            for _ in range(50):
                assert w.answer().outcome == "refused"
    ex.stop_nginx()
    time.sleep(0.5)
    records = ex.records()
    single = sum(1 for _, r in records if r["type"] == "request")
    summed = sum(r["count"] for _, r in records if r["type"] == "refusals")
    assert single < count, "no budget at all"
    assert single + summed == count, (single, summed)
    assert len([r for _, r in records if r["type"] == "refusals"]) < 10


def test_one_systems_noise_does_not_spend_anothers_budget(make):
    ex = make(workers=1)
    with Hostile(ex, threads=2):
        time.sleep(2)
        answer = ex.call("statistical-centre-main", TAX)
        assert_outcome(answer, "refused", "no-grant")
        assert ex.record(answer.tracking_id)["consumer"] == \
            "statistical-centre-main"


def test_the_last_of_the_disk_is_for_granted_calls(make):
    """See test_marker for the full disk; here: refusals stop first."""
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small disk")
    import subprocess
    import tempfile
    disk = tempfile.mkdtemp(prefix="pv-disk-")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none",
                       disk]).returncode != 0:
        os.rmdir(disk)
        pytest.skip("no mounting here")
    ex = None
    try:
        ex = make(workers=1, journal=disk,
                  traced_args=["--segment-size", "1048576"])
        with Hostile(ex, threads=2):
            end = time.monotonic() + 6
            while time.monotonic() < end:
                assert_outcome(ex.call(BANK, IBAN), "answered")
                time.sleep(0.05)
    finally:
        if ex is not None:
            for process in list(ex.processes):
                process.expected_dead = True
            ex.allow = (r".",)
            ex.kill_everything()
            for process in ex.processes:
                process.popen.wait(10)
        time.sleep(0.2)
        subprocess.run(["umount", disk])
        os.rmdir(disk)


def test_strangers_cannot_fill_the_journal(make, pki):
    ex = make(workers=2)
    assert_outcome(ex.call(BANK, IBAN), "answered")
    before = len(ex.records())
    with ex.wire(identity=pki.make("stranger")) as w:
        for _ in range(20):
            w.send(request(IBAN) * 50)
            for _ in range(50):
                assert w.answer().reason == "key-unregistered"
    for _ in range(30):
        with ex.wire() as w:
            w.ask(request(IBAN))
    time.sleep(1.3)
    assert len(ex.records()) - before <= 1
