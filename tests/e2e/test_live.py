"""Reload, binary upgrade and policy changes while calls are running."""

import os
import shutil
import signal
import threading
import time
from datetime import timedelta

from harness import (BANK, FIC, IBAN, LONG, TAX, assert_outcome, both_dates,
                     children_of, is_alive, tehran_today, wait_for)
from load import Ledger, Load, check

CALLS = ((BANK, IBAN), (FIC, TAX))


def patient(deployment):
    """A provider on a busy machine is slow, and no call fails for that."""
    deployment["methods"] = [
        {"path": path, "deadline_ms": 60000, "connect_timeout_ms": 30000}
        for path in (IBAN, TAX)]


def start(make, **more):
    ex = make(**{"deploy": patient, **more})
    ledger = Ledger(ex.provider.values())
    return ex, ledger


def no_read_call_failed(ex, load):
    """A call may find its idle connection closed, and then nobody read it:
    no record of it stands. Any other failure is the exchange's."""
    cases = {r.get("case") for _, r in ex.records()
             if r["type"] == "request"}
    for call in load.done:
        if call.error:
            assert call.case not in cases, "read, recorded, not answered: " \
                "%s" % call
        else:
            assert call.outcome == "answered", call


def test_reload_under_load_loses_no_record_and_fails_no_read_call(make):
    ex, ledger = start(make)
    with Load(ex, CALLS) as load:
        for _ in range(20 if LONG else 5):
            load.wait_calls(150)
            old = set(ex.worker_pids())
            ex.reload()
            wait_for("new workers", lambda: set(ex.worker_pids()) - old)
            load.wait_calls(100)
    time.sleep(1.5)
    no_read_call_failed(ex, load)
    numbers = check(ex, load.done, ledger)
    assert numbers["answered"] > 500, numbers
    assert numbers["unknown"] == 0, numbers
    wait_for("old workers to leave", lambda: len(ex.worker_pids()) ==
             ex.workers)


def test_binary_upgrade_under_load(make):
    """USR2, then QUIT to the old master. A master whose parent still lives
    takes USR2 for a mistake, so this nginx is a daemon."""
    ex, ledger = start(make, daemon=True)
    new = None
    try:
        with Load(ex, CALLS) as load:
            load.wait_calls(200)
            old = ex.master_pid()
            os.kill(old, signal.SIGUSR2)
            new = wait_for("a new master", lambda: _new_master(ex, old))
            wait_for("its workers", lambda: ex.worker_pids(new))
            load.wait_calls(200)
            ex.nginx.expected_dead = True
            os.kill(old, signal.SIGQUIT)
            wait_for("the old master to leave", lambda:
                     ex.nginx.popen.poll() is not None)
            load.wait_calls(200)
        time.sleep(1.5)
        no_read_call_failed(ex, load)
        numbers = check(ex, load.done, ledger)
        assert numbers["unknown"] == 0, numbers
        assert numbers["answered"] > 500, numbers
    finally:
        if new and is_alive(new):
            os.kill(new, signal.SIGTERM)
            wait_for("the new master to leave", lambda: not is_alive(new))


def _new_master(ex, old):
    try:
        pid = ex.master_pid()
    except (OSError, ValueError):
        return None
    return pid if pid != old else None


def test_a_long_call_survives_a_reload(make):
    ex, _ = start(make)
    release = threading.Event()
    from wire import reply

    def slow(seen, connection):
        release.wait(10)
        return reply()

    ex.provider["central-bank"].behave = slow
    got = []
    thread = threading.Thread(
        target=lambda: got.append(ex.call(BANK, IBAN)), daemon=True)
    thread.start()
    wait_for("the call at the provider",
             lambda: ex.provider["central-bank"].seen)
    old = set(ex.worker_pids())
    ex.reload()
    wait_for("new workers", lambda: set(ex.worker_pids()) - old)
    release.set()
    thread.join(10)
    assert_outcome(got[0], "answered")
    assert ex.completion(got[0].tracking_id)[4] == "answered"


def test_a_worker_does_not_outlive_its_master(make):
    """The call under way is answered; then the address is free, and the next
    master takes it. Orphans would answer in its place until it gave up."""
    ex, _ = start(make)
    release = threading.Event()
    from wire import reply

    def slow(seen, connection):
        release.wait(10)
        return reply()

    ex.provider["central-bank"].behave = slow
    got = []
    thread = threading.Thread(
        target=lambda: got.append(ex.call(BANK, IBAN)), daemon=True)
    thread.start()
    wait_for("the call at the provider",
             lambda: ex.provider["central-bank"].seen)
    old = ex.worker_pids()
    ex.nginx.kill()
    ex.nginx.popen.wait()
    ex.processes.remove(ex.nginx)
    wait_for("the idle worker to leave",
             lambda: sum(is_alive(pid) for pid in old) == 1)
    ex.start_nginx()
    wait_for("workers of the new master", ex.worker_pids)
    assert any(is_alive(pid) for pid in old)
    release.set()
    thread.join(10)
    assert_outcome(got[0], "answered")
    ex.expect(got[0])
    wait_for("the old workers to leave",
             lambda: not any(is_alive(pid) for pid in old))
    assert_outcome(ex.call(FIC, TAX), "answered")


def test_a_worker_forked_at_its_masters_end_leaves_too(make):
    """It has not begun to follow its master when that dies: held there by a
    journal that does not answer."""
    ex, _ = start(make)
    ex.stop_nginx()
    os.kill(ex.traced.pid, signal.SIGSTOP)
    try:
        ex.start_nginx()
        wait_for("workers",
                 lambda: len(children_of(ex.nginx.pid)) == ex.workers)
        old = children_of(ex.nginx.pid)
        ex.nginx.kill()
        ex.nginx.popen.wait()
        ex.processes.remove(ex.nginx)
        wait_for("workers to leave", lambda:
                 not any(is_alive(pid) for pid in old))
    finally:
        os.kill(ex.traced.pid, signal.SIGCONT)
    ex.start_nginx()
    assert_outcome(ex.call(FIC, TAX), "answered")


def test_a_policy_change_is_in_force_at_the_next_decision(make):
    """Every call that begins after the change ended sees it."""
    ex, ledger = start(make, workers=2)
    today = tehran_today()
    edges = []
    with Load(ex, ((BANK, IBAN),), threads=4) as load:
        load.wait_calls(50)
        for round_ in range(6):
            ended = round_ % 2 == 0
            end = both_dates(today - timedelta(days=2)) if ended else None
            before = time.monotonic()
            ex.set(grants=[{"grant": "g-m35-r1-02", "end": end}])
            edges.append((before, time.monotonic(), ended))
            load.wait_calls(60)
    for (_, done, ended), following in zip(
            edges, edges[1:] + [(time.monotonic(), 0, None)]):
        span = [c for c in load.done if c.started > done and
                c.ended < following[0] and not c.error]
        assert len(span) > 20
        for call in span:
            if ended:
                assert call.outcome == "refused", call
                assert call.reason == "grant-ended", call
            else:
                assert call.outcome == "answered", call
    time.sleep(1.2)
    check(ex, load.done, ledger)


def test_an_image_made_anew_is_read_anew(make):
    """Its version starts again: rows kept of the old one mean nothing."""
    ex = make(workers=1)
    with ex.wire(BANK) as w, ex.wire(BANK) as other:
        for wire in (w, other):
            assert_outcome(ex.call(BANK, IBAN, wire=wire), "answered")
        version = ex.status()["image_version"]
        ex.system(BANK)["suspended"] = True
        shutil.rmtree(ex.path("policy"))
        ex.import_policy()
        time.sleep(1.1)
        for wire in (w, other):
            assert_outcome(ex.call(BANK, IBAN, wire=wire), "refused",
                           "system-suspended")
        assert ex.status()["image_version"] == version


def test_ten_thousand_changes_under_load_keep_the_image_bounded(make):
    """Each change is a commit of its own, readers look all the while; the file
    must not grow with their number (a reader that pins old pages would make
    it)."""
    import subprocess
    from harness import built, program_env
    ex, ledger = start(make, workers=2)
    data = ex.path("policy", "data.mdb")
    first = os.stat(data).st_blocks * 512
    before = ex.status()["image_version"]
    written = 0
    with Load(ex, CALLS, threads=3) as load:
        for _ in range(10):
            done = subprocess.run(
                [built("payvand-churn"), ex.path("policy"), IBAN, "1000"],
                capture_output=True, text=True, env=program_env(), check=True)
            written += int(done.stdout)
            load.wait_calls(20)
    assert written >= 10000 - 10, written  # a run may begin where one ended
    assert ex.status()["image_version"] - before >= written
    last = os.stat(data).st_blocks * 512
    assert last < first + (4 << 20), (first, last)
    time.sleep(1.2)
    numbers = check(ex, load.done, ledger)
    assert numbers["answered"] == numbers["calls"], numbers


def test_a_writer_killed_in_mid_change_harms_nothing(make):
    """A writer killed at a random moment, again and again: readers go on, the
    image is the old one or the new one, the next writer can write."""
    import json
    import random
    import subprocess
    from harness import built, program_env
    ex, ledger = start(make)
    rng = random.Random(5)
    with Load(ex, ((BANK, IBAN),), threads=2) as load:
        for number in range(60 if LONG else 15):
            ex.deployment["methods"] = [
                {"path": IBAN, "deadline_ms": 3000 + number}]
            with open(ex.path("rows.json"), "w") as file:
                json.dump(ex.deployment, file)
            process = subprocess.Popen(
                [built("payvand-overlay"), ex.path("policy"),
                 ex.path("rows.json")], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env=program_env())
            time.sleep(rng.random() * 0.12)
            process.kill()
            process.wait()
            load.wait_calls(5)
    ex.import_policy()
    time.sleep(1.2)
    numbers = check(ex, load.done, ledger)
    assert numbers["answered"] == numbers["calls"], numbers


def test_a_killed_reader_does_not_pin_the_image(make):
    """A worker killed with its slot held: the file must not grow after."""
    ex, ledger = start(make, workers=2)
    data = ex.path("policy", "data.mdb")
    with Load(ex, ((BANK, IBAN),), threads=3) as load:
        for _ in range(3):
            load.wait_calls(20)
            for pid in ex.worker_pids():
                ex.kill_pid(pid)
            wait_for("workers again", lambda: len([
                p for p in ex.worker_pids() if is_alive(p)]) == 2)
    first = os.stat(data).st_blocks * 512
    for number in range(30):
        ex.set(methods=[{"path": IBAN, "deadline_ms": 4000 + number}])
    assert os.stat(data).st_blocks * 512 < first + (1 << 20)
    assert_outcome(ex.call(BANK, IBAN), "answered")
