"""R-076, again: content is found nowhere on disk when processes die, a disk is
full, or real connectors answer (test_marker.py has the search and its control).
"""

import json
import os
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time

import pytest

from harness import (BANK, IBAN, SANITIZE, answering, assert_outcome,
                     children_of, is_alive, wait_for)
from marker import echo, everything, nothing_found
from reading import ReadExchange
from wire import request


def test_a_killed_log_leaves_nothing(marked, marker):
    """SIGSEGV and SIGABRT would dump core, with no limit set."""
    ex = marked(kind=ReadExchange)
    if SANITIZE:
        ex.allow = ("AddressSanitizer",)
    ex.provider["central-bank"].behave = echo(marker)
    body = json.dumps({"national_id": marker}).encode()
    for sig in (signal.SIGSEGV, signal.SIGABRT):
        for _ in range(5):
            ex.call(BANK, IBAN, body)
        def beside():
            return [p for s in children_of(ex.traced.pid)
                    for p in children_of(s)]

        wait_for("log, signer, keeper and reader", lambda: len(beside()) >= 4)
        struck = beside()
        for pid in struck:
            ex.kill_pid(pid, sig)
        wait_for("them to be gone", lambda: not any(map(is_alive, struck)))
        wait_for("the reader again", lambda: _reads(ex), step=0.2)
    cores = [f for folder in (ex.home, ex.path("log"), ex.path("log.d"))
             for f in os.listdir(folder) if f.startswith("core")]
    assert cores == []
    nothing_found(ex, marker)


def _reads(ex):
    try:
        return ex.read("/checkpoint").status == 200
    except OSError:
        return False


def open_calls(ex, marker, count=6):
    """Calls that hang at the provider, the marker in worker memory."""
    release = threading.Event()
    body = json.dumps({"national_id": marker}).encode()
    bank = ex.provider["central-bank"]
    bank.behave = lambda s, c: release.wait(5) and None
    wires = []
    for _ in range(count):
        w = ex.wire(BANK)
        w.send(request(IBAN, body * 100, headers=[
            ("Idempotency-Key", '"%s"' % marker)]))
        wires.append(w)
    wait_for("calls at the provider", lambda: len(bank.seen) >= 1)
    return wires, release


@pytest.mark.parametrize("sig", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_killed_worker_leaves_nothing(marked, marker, sig):
    """SIGSEGV and SIGABRT would dump core, with no limit set."""
    ex = marked()
    if SANITIZE:
        ex.allow = ("AddressSanitizer",)  # it tells of the signal we send
    wires, release = open_calls(ex, marker)
    pids = ex.worker_pids()
    for pid in pids:
        ex.kill_pid(pid, getattr(signal, sig))
    wait_for("workers to be gone", lambda: not any(map(is_alive, pids)))
    release.set()
    for w in wires:
        w.close()
    wait_for("workers again", lambda: len(ex.worker_pids()) == 2)
    cores = [f for f in os.listdir(ex.home) if f.startswith("core")]
    cores += [f for f in os.listdir(ex.path("log")) if f.startswith("core")]
    for line in ex.log_text().splitlines():
        assert "core dumped" not in line, line
    assert cores == []
    nothing_found(ex, marker)
    ex.provider["central-bank"].behave = answering()
    assert_outcome(ex.call(BANK, IBAN), "answered")


def test_a_worker_does_not_let_itself_be_read(marked):
    """Not dumpable: no core, and no other user's debugger."""
    ex = marked()
    for pid in ex.worker_pids():
        with open("/proc/%d/limits" % pid) as file:
            core = [line for line in file if "core file" in line][0]
        st = os.stat("/proc/%d/environ" % pid)
        # of a process that is not dumpable the kernel gives this to root
        dumpable = st.st_uid == os.getuid() and os.getuid() != 0
        assert " 0 " in core or not dumpable, core


def test_traced_killed_or_gone_leaves_nothing(marked, marker):
    ex = marked()
    m = json.dumps({"national_id": marker}).encode()
    ex.call(BANK, IBAN, m)
    os.kill(ex.traced.pid, signal.SIGSTOP)
    w = ex.wire(BANK)
    w.send(request(IBAN, m * 500))
    time.sleep(0.2)
    ex.traced.kill(signal.SIGABRT)
    os.kill(ex.traced.pid, signal.SIGCONT)
    ex.traced.popen.wait()
    ex.traced.file.close()
    ex.processes.remove(ex.traced)
    answer = w.answer()
    assert answer.outcome == "unavailable", answer
    everything(ex, marker, only=("body", "query", "header-value",
                                 "malformed-line"))
    ex.start_traced()
    wait_for("calls again", lambda:
             ex.call(BANK, IBAN, m).outcome == "answered", step=0.1)
    w.close()
    nothing_found(ex, marker)
    cores = [f for f in os.listdir(ex.path("log")) if f.startswith("core")]
    assert cores == []


def test_a_killed_whole_leaves_nothing(marked, marker):
    ex = marked()
    wires, release = open_calls(ex, marker)
    ex.kill_traced()
    ex.kill_nginx()
    release.set()
    for w in wires:
        w.close()
    nothing_found(ex, marker)
    ex.start_traced()
    ex.start_nginx()
    ex.provider["central-bank"].behave = answering()
    assert_outcome(ex.call(BANK, IBAN), "answered")
    nothing_found(ex, marker)


def test_a_full_journal_disk_fails_closed_and_leaves_nothing(make, marker):
    """Nothing is forwarded that cannot be recorded; when there is room
    again, it goes on by itself or after traced is started again."""
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small disk")
    disk = tempfile.mkdtemp(prefix="pv-full-")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none",
                       disk]).returncode != 0:
        os.rmdir(disk)
        pytest.skip("no mounting here")
    ex = None
    body = json.dumps({"national_id": marker}).encode()
    try:
        ex = make(workers=2, core=True, journal=disk,
                  traced_args=["--segment-size", "1048576"])
        bank = ex.provider["central-bank"]
        filler = os.path.join(disk, "filler")
        answered = 0
        assert_outcome(ex.call(BANK, IBAN, body), "answered")
        with open(filler, "wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            except OSError:
                pass
        end = time.monotonic() + 40
        answer = None
        while time.monotonic() < end:
            before = len(bank.seen)
            answer = ex.call(BANK, IBAN, body)
            if answer.outcome != "answered":
                break
            answered += 1
        assert answer.outcome == "unavailable", (answered, answer)
        assert answer.reason in ("journal-full", "journal-down"), answer
        assert len(bank.seen) == before, "forwarded without a record"
        everything(ex, marker, only=("body", "query", "header-value"))
        nothing_found(ex, marker, [disk])
        os.unlink(filler)

        def again():
            return ex.call(BANK, IBAN, body).outcome == "answered"

        try:
            wait_for("calls again", again, step=0.2)
        except AssertionError:
            ex.kill_traced()
            ex.start_traced()
            wait_for("calls again after a new start", again, step=0.2)
        nothing_found(ex, marker, [disk])
        if ex.traced.popen.poll() is not None:
            ex.traced.expected_dead = True
    finally:
        if ex is not None:
            ex.close_callers()
            for process in list(ex.processes):
                process.expected_dead = True
                ex.note(process.stop())
            ex.processes = []
        subprocess.run(["umount", disk])
        os.rmdir(disk)


def test_a_real_connector_leaves_nothing(make, marker, tmp_path_factory):
    """Also in the provider's own logs and in its nginx."""
    from connectors import Connectors, make_country
    folder, listing = make_country(str(tmp_path_factory.mktemp("c")), 1000)
    match = "/x/civil-registration-organisation/identity-match/v1/verify"
    agency = "civil-registration-organisation"
    ex = make(workers=1, core=True)
    real = Connectors(ex, folder, [agency]).start()
    ex.import_policy()
    sample = dict(listing["samples"]["identity-match/verify"][0]["input"])
    city = "mashhad-municipality-main"
    for change in ({"first_name": marker}, {"national_id": marker},
                   {marker: "1"}, {"father_name": marker * 20}):
        ex.call(city, match, dict(sample, **change))
    ex.call(city, match, b'{"' + marker.encode())
    ex.call(city, match, dict(sample), headers=[
        ("Idempotency-Key", '"%s"' % marker)])
    real.kill_one(agency)
    ex.call(city, match, dict(sample, first_name=marker))
    real.start_one(agency)
    ex.call(city, match, dict(sample, first_name=marker))
    time.sleep(1.2)
    nothing_found(ex, marker)


def test_every_pattern_through_real_connectors_leaves_nothing(
        make, marker, tmp_path_factory):
    """Inquiry, verify, list and command, the word in what is asked and in what
    is answered. A provider's own register keeps what a command brings."""
    from connectors import Connectors, make_country
    from test_services import live_grants, path_of
    folder, listing = make_country(str(tmp_path_factory.mktemp("c")), 1000)
    agencies = ["civil-registration-organisation",
                "information-technology-organisation"]
    with sqlite3.connect(os.path.join(folder, agencies[0] + ".sqlite")) as db:
        db.execute("UPDATE person SET first_name = ?", (marker,))
        db.execute("UPDATE place SET city = ?", (marker,))
    ex = make(workers=1, core=True, probes=False, probe_services=True,
              providers=agencies)
    Connectors(ex, folder, agencies).start()
    ex.import_policy()
    grants = live_grants()

    def call(service, method, values, **more):
        system, purpose = grants.get((service, method)) or grants[service, None]
        return ex.call(system, path_of(service, method), values,
                       purpose=purpose, **more)

    def sample(service, method, expect):
        return [c["input"] for c in listing["samples"][
            "%s/%s" % (service, method)] if c["expect"] == expect][0]

    told = []
    for service, method, expect in (
            ("natural-person-inquiry", "inquire", "found"),
            ("residence-location", "inquire", "found"),
            ("newborn-birth-certificate-list", "list", "found")):
        told.append(call(service, method, sample(service, method, expect)))
        assert_outcome(told[-1], "answered")
        # the list has no names: they are what its rows stand beside
        assert method == "list" or marker.encode() in told[-1].body, told[-1]
    match = sample("identity-match", "verify", "yes")
    told.append(call("identity-match", "verify",
                     {**match, "first_name": marker}))
    assert told[-1].json == {"result": "yes"}
    for word in (marker, marker * 20):
        told.append(call("chapar-message", "submit", {
            "national_id": "9991234561", "text": word},
            headers=[("Idempotency-Key", word[:60])]))
        assert_outcome(told[-1], "answered")
    for answer in told:
        assert ex.completion(answer.tracking_id)[4] == "answered"
    nothing_found(ex, marker)
