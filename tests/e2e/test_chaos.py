"""kill -9 of everything, at random, under load: the journal keeps its word.

A checker outside (load.check) holds what callers were told and what providers
saw, and compares both with the journal: nothing forwarded is unrecorded,
nothing acknowledged is lost or doubled.
"""

import json
import os
import random
import time

import pytest

from harness import (BANK, FIC, IBAN, LONG, TAX, assert_outcome, children_of,
                     is_alive, wait_for)
from load import Ledger, Load, check, unexplained
from wire import reply

CALLS = ((BANK, IBAN), (FIC, TAX))


MATCH = "/x/civil-registration-organisation/identity-match/v1/verify"
CIVIL = "civil-registration-organisation"


class Chaos:
    def __init__(self, ex, rng, connectors=None):
        self.ex = ex
        self.connectors = connectors
        self.rng = rng
        self.kills = 0

    def worker(self):
        pids = [p for p in self.ex.worker_pids() if is_alive(p)]
        if pids:
            self.ex.kill_pid(self.rng.choice(pids))
            self.kills += 1

    def workers(self):
        for pid in self.ex.worker_pids():
            self.ex.kill_pid(pid)
            self.kills += 1

    def traced(self, away=None):
        self.ex.kill_traced()
        self.kills += 1
        time.sleep(self.rng.random() * 0.5 if away is None else away)
        self.ex.start_traced()

    def provider(self):
        """A connector that dies: every connection of it is reset."""
        provider = self.rng.choice([self.ex.provider["central-bank"],
                                    self.ex.provider["tax-administration"]])
        provider.drop_connections()
        self.kills += 1

    def all(self):
        self.ex.kill_traced()
        self.kills += 1 + len(self.ex.worker_pids())
        self.ex.kill_nginx()
        for provider in self.ex.provider.values():
            provider.drop_connections()
        self.ex.start_traced()
        self.ex.start_nginx()

    def connector(self):
        """kill -9 of a real connector, or of one of its workers."""
        process = self.connectors.process[CIVIL]
        below = children_of(process.pid)
        if below and self.rng.random() < 0.5:
            self.ex.kill_pid(self.rng.choice(below))
        else:
            self.connectors.kill_one(CIVIL)
            time.sleep(self.rng.random() * 0.2)
            self.connectors.start_one(CIVIL)
        self.kills += 1

    def one(self):
        ways = [self.worker, self.worker, self.workers, self.traced,
                self.traced, self.provider, self.all]
        if self.connectors:
            ways += [self.connector, self.connector]
        self.rng.choice(ways)()


def storm(make, kills, seed, threads=5):
    ex = make(workers=2)
    ledger = Ledger(ex.provider.values())
    chaos = Chaos(ex, random.Random(seed))
    with Load(ex, CALLS, threads=threads) as load:
        load.wait_calls(50)
        while chaos.kills < kills:
            time.sleep(chaos.rng.random() * 0.25)
            chaos.one()
            load.wait_calls(1)
        try:
            wait_for("workers", lambda: ex.worker_pids())
        except AssertionError as error:
            below = [(p, is_alive(p)) for p in children_of(ex.nginx.pid)]
            raise AssertionError("%s; master %s, its children %s; %s" % (
                error, ex.nginx.popen.poll(), below, ex.log_text()[-3000:]))
        load.wait_calls(50)
    time.sleep(1.5)
    numbers = check(ex, load.done, ledger)
    print("kills %d %s" % (chaos.kills, numbers))
    wait_for("every unknown outcome to have its lost worker",
             lambda: unexplained(ex) == [], step=0.5)
    assert numbers["answered"] > kills, numbers
    assert_outcome(ex.call(BANK, IBAN), "answered")
    return numbers


def test_random_kills_lose_and_double_nothing(make):
    storm(make, 30, 1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_random_kills_lose_and_double_nothing(make, seed):
    storm(make, 210, 100 + seed)


def test_random_kills_with_a_real_connector(make, tmp_path_factory):
    """A front of the test's own keeps the ledger before the connector."""
    from connectors import Connectors, make_country, relay
    folder, listing = make_country(str(tmp_path_factory.mktemp("c")), 1000)
    ex = make(workers=2)
    real = Connectors(ex, folder, [CIVIL], front=False).start(front=False)
    ledger = Ledger([ex.provider[CIVIL]], relay(real.socket(CIVIL)))
    sample = listing["samples"]["identity-match/verify"][0]
    chaos = Chaos(ex, random.Random(9), real)
    body = json.dumps(sample["input"], ensure_ascii=False).encode()
    with Load(ex, (("mashhad-municipality-main", MATCH),), threads=4,
              bodies={MATCH: body}) as load:
        load.wait_calls(30)
        while chaos.kills < (200 if LONG else 12):
            time.sleep(chaos.rng.random() * 0.25)
            chaos.one()
            load.wait_calls(1)
        load.wait_calls(30)
    time.sleep(1.5)
    numbers = check(ex, load.done, ledger)
    assert numbers["answered"] > chaos.kills, numbers


def test_kills_give_no_more_answers_than_the_grant_allows(make):
    """Workers, traced and all at once die; what nobody knows the end of counts
    as answered, so the provider is never asked more often."""
    most = 60
    ex = make(workers=2)
    ex.set(grants=[{"grant": "g-m35-r1-02", "max_calls_answered": most}])
    ledger = Ledger(ex.provider.values(), lambda seen: time.sleep(0.05) or
                    reply())
    chaos = Chaos(ex, random.Random(5))
    with Load(ex, ((BANK, IBAN),), threads=5, pause=0.02) as load:
        for way in (chaos.worker, chaos.traced, chaos.workers, chaos.all) * 3:
            load.wait_calls(6)
            way()
        # lost workers are written down some seconds later
        wait_for("every answer to be given", lambda: any(
            c.reason == "used-up" for c in load.done[-20:]), step=0.1)
    answered = sum(c.outcome == "answered" for c in load.done)
    asked = {row[0] for row in ledger.rows}
    print("kills %d, asked %d, answered %d" % (chaos.kills, len(asked),
                                               answered))
    assert answered <= len(asked) <= most
    ex.kill_nginx()
    ex.start_nginx()
    assert_outcome(ex.call(BANK, IBAN), "refused", "used-up")


def test_traced_killed_and_back_is_not_noticed(make):
    """Away for less than the stated wait: calls are late, none fails."""
    ex = make()
    ledger = Ledger(ex.provider.values())
    chaos = Chaos(ex, random.Random(3))
    with Load(ex, CALLS, threads=4) as load:
        for _ in range(5):
            load.wait_calls(40)
            chaos.traced(away=0.3)
        load.wait_calls(40)
    time.sleep(1.5)
    assert all(c.outcome == "answered" for c in load.done), [
        c for c in load.done if c.outcome != "answered"][:3]
    check(ex, load.done, ledger)


def test_without_traced_nothing_is_forwarded(make):
    ex = make()
    ledger = Ledger(ex.provider.values())
    assert_outcome(ex.call(BANK, IBAN), "answered")
    ex.kill_traced()
    before = len(ledger.rows)
    answer = ex.call(BANK, IBAN)
    assert answer.outcome == "unavailable", answer
    assert answer.status == 503
    assert answer.reason == "journal-down"
    assert len(ledger.rows) == before
    ex.start_traced()
    wait_for("calls again", lambda:
             ex.call(BANK, IBAN).outcome == "answered", step=0.1)


def test_a_hanging_traced_is_not_waited_for_for_ever(make):
    import signal
    ex = make()
    ledger = Ledger(ex.provider.values())
    assert_outcome(ex.call(BANK, IBAN), "answered")
    os.kill(ex.traced.pid, signal.SIGSTOP)
    try:
        before = len(ledger.rows)
        answer = ex.call(BANK, IBAN)
        assert answer.outcome == "unavailable", answer
        assert len(ledger.rows) == before
    finally:
        os.kill(ex.traced.pid, signal.SIGCONT)
    wait_for("calls again", lambda:
             ex.call(BANK, IBAN).outcome == "answered", step=0.1)
    time.sleep(1.5)
    # what was given up is in the log, and says that it was not forwarded
    seen = {row[0] for row in ledger.rows}
    for _, record in ex.records():
        if record["type"] == "request" and record["id"] == \
                answer.tracking_id:
            assert record["id"] not in seen


def test_a_lost_worker_leaves_its_word(make):
    """Its open calls read as unknown: traced writes worker-lost."""
    import threading
    from wire import Closed
    ex = make(workers=1)
    release = threading.Event()
    ex.provider["central-bank"].behave = lambda s, c: (
        release.wait(60), None)[1]

    def quiet():
        try:
            ex.call(BANK, IBAN)
        except (Closed, OSError):
            pass

    threads = [threading.Thread(target=quiet, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_for("three calls at the provider", lambda:
             len(ex.provider["central-bank"].seen) == 3)
    for pid in ex.worker_pids():
        ex.kill_pid(pid)
    lost = wait_for("worker-lost", lambda: [
        r for _, r in ex.records() if r["type"] == "worker-lost"])
    release.set()
    assert lost[0]["open"] == 3, lost
    assert lost[0]["node"] == "nix"
    for thread in threads:
        thread.join(10)
    wait_for("a worker again", lambda: ex.worker_pids())


def test_callers_that_leave_while_parked_leak_nothing(make):
    """256 callers gone while their records are on the way, again and again."""
    import signal
    ex = make(workers=1)
    Ledger(ex.provider.values())
    from wire import request
    assert_outcome(ex.call(BANK, IBAN), "answered")
    for _ in range(4):
        os.kill(ex.traced.pid, signal.SIGSTOP)
        wires = [ex.wire(BANK) for _ in range(64)]
        for w in wires:
            w.send(request(IBAN))
        time.sleep(0.1)
        for w in wires:
            w.close()
        os.kill(ex.traced.pid, signal.SIGCONT)
        wait_for("calls again", lambda:
                 ex.call(BANK, IBAN).outcome == "answered", step=0.05)
