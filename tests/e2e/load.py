"""Load from outside, with a memory: what each caller was told, what each
provider saw. The checker (check) compares both with the journal.

A call carries its own UUID as Payvand-Case, which the journal keeps, and in
its body, which the provider sees: so every call can be followed without
believing any part of the exchange.
"""

import json
import random
import threading
import time
import uuid

from harness import BANK, IBAN, PATIENCE_S
from wire import Closed, reply, request


class Call:
    __slots__ = ("case", "status", "outcome", "reason", "tracking_id",
                 "error", "started", "ended", "path", "system")

    def __init__(self, case, system, path):
        self.case = case
        self.system = system
        self.path = path
        self.status = None
        self.outcome = None
        self.reason = None
        self.tracking_id = None
        self.error = None
        self.started = time.monotonic()
        self.ended = None

    def __repr__(self):
        return "<%s %s %s %s %s>" % (self.case, self.outcome, self.reason,
                                     self.tracking_id, self.error)


class Load:
    """Threads that call without pause on kept connections until stopped."""

    def __init__(self, ex, calls=((BANK, IBAN),), threads=6, pause=0.0,
                 purpose=None, bodies=None):
        self.ex = ex
        self.bodies = bodies or {}   # path: body, where a real one is wanted
        self.calls = calls
        self.pause = pause
        self.purpose = purpose
        self.done = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n,),
                                         daemon=True) for n in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive(), "a caller hangs"

    def _run(self, number):
        rng = random.Random(number)
        wires = {}
        while not self.stopping.is_set():
            system, path = rng.choice(self.calls)
            call = Call(str(uuid.uuid4()), system, path)
            self._one(call, wires)
            call.ended = time.monotonic()
            self.done.append(call)
            if self.pause:
                time.sleep(self.pause)
            elif call.error:
                time.sleep(0.02)
        for wire in wires.values():
            wire.close()

    def _one(self, call, wires):
        wire = wires.get(call.system)
        try:
            if wire is None:
                wire = wires[call.system] = self.ex.wire(call.system,
                                                         timeout=20)
            headers = [("Payvand-Case", call.case)]
            if self.purpose:
                headers.append(("Payvand-Purpose", self.purpose))
            body = self.bodies.get(call.path) or json.dumps(
                {"case": call.case}).encode()
            answer = wire.ask(request(call.path, body, headers))
            call.status = answer.status
            call.outcome = answer.outcome
            call.reason = answer.reason
            call.tracking_id = answer.tracking_id
            closing = (answer.get("Connection") or "").lower() == "close"
        except (Closed, OSError, ValueError) as error:
            call.error = "%s: %s" % (type(error).__name__, error)
            closing = True
        if closing and wire is not None:
            wires.pop(call.system, None)
            wire.close()

    def wait_calls(self, count, timeout=PATIENCE_S):
        end = time.monotonic() + timeout
        target = len(self.done) + count
        while len(self.done) < target:
            assert time.monotonic() < end, "the load stands still: %s" % \
                self.done[-3:]
            time.sleep(0.005)


class Ledger:
    """What providers saw, kept outside: (tracking id, case, path, when)."""

    def __init__(self, providers, then=None):
        self.rows = []
        self.then = then or (lambda seen: reply())
        for provider in providers:
            provider.behave = self.behave

    def behave(self, seen, connection):
        case = None
        if seen.body.startswith(b'{"case"'):
            case = json.loads(seen.body)["case"]
        self.rows.append((seen.tracking_id, case, seen.path))
        if len(connection.provider.seen) > 5000:
            connection.provider.clear()
        return self.then(seen)


def unexplained(ex):
    """Requests without completion whose worker is not written down as lost:
    the only reason for which an outcome may stay unknown."""
    import journal_reader
    opened, done, lost = {}, set(), set()
    for index, epoch, _, record in journal_reader.read_journal(ex.journal,
                                                               False):
        if record["type"] == "request":
            if record["decision"] == "allowed":
                opened[index] = "%016x" % epoch
        elif record["type"] == "completions":
            done.update(item[0] for item in record["done"])
        elif record["type"] == "worker-lost":
            lost.add(record["epoch"])
    return [index for index, epoch in opened.items()
            if index not in done and epoch not in lost]


def check(ex, calls, ledger, commands=()):
    """The laws of the journal, from outside. Returns a few numbers."""
    records = ex.records(check=True)
    assert [i for i, _ in records] == list(range(len(records))), \
        "the order of the log has a gap"
    by_id, by_case, at = {}, {}, {}
    for index, record in records:
        if record["type"] != "request":
            continue
        assert record["id"] not in by_id, "doubled: %s" % record
        by_id[record["id"]] = record
        at[index] = record
        if "case" in record:
            assert record["case"] not in by_case, "one call twice: %s" % record
            by_case[record["case"]] = record
    outcome = {}
    for _, record in records:
        if record["type"] != "completions":
            continue
        for of, forwarded, first, last, word in record["done"]:
            assert of in at, "a completion of nothing: %d" % of
            assert at[of]["id"] not in outcome, "completed twice"
            outcome[at[of]["id"]] = (word, forwarded)
    # nothing forwarded is unrecorded
    times = {}
    for tracking_id, case, path in ledger.rows:
        assert tracking_id in by_id, "forwarded, not recorded: %s" % \
            tracking_id
        record = by_id[tracking_id]
        assert record["decision"] == "allowed", record
        assert case is None or record.get("case") == case, record
        assert path == "/x/%s/%s/%s/%s" % (
            record["provider"], record["service"], record["version"],
            record["method"])
        times[tracking_id] = times.get(tracking_id, 0) + 1
    for tracking_id, count in times.items():
        record = by_id[tracking_id]
        most = 1 if record["method"] in commands else 2
        assert count <= most, "sent %d times: %s" % (count, record)
    # nothing acknowledged is lost
    numbers = {"calls": 0, "answered": 0, "unavailable": 0, "errors": 0,
               "unknown": 0, "forwarded": len(times),
               "records": len(records)}
    for call in calls:
        numbers["calls"] += 1
        if call.error:
            numbers["errors"] += 1
            continue
        if call.outcome == "unavailable":
            numbers["unavailable"] += 1
            # it may be recorded; it was not forwarded
            assert call.tracking_id not in times, call
            continue
        assert call.outcome is not None, call
        if call.outcome == "answered":
            numbers["answered"] += 1
        record = by_id.get(call.tracking_id)
        if call.outcome in ("answered", "failed", "timeout", "invalid"):
            assert record, "acknowledged, not recorded: %s" % call
            assert record.get("case") == call.case
            assert record["decision"] == "allowed"
        if call.outcome == "answered":
            assert call.tracking_id in times, call
            if call.tracking_id in outcome:
                assert outcome[call.tracking_id][0] == "answered", call
            else:
                numbers["unknown"] += 1
    return numbers
