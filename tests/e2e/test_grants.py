"""Who may ask what: every probe of the catalogue, and changes while open."""

import json
import os
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from harness import (BANK, CATALOGUE, FIC, IBAN, LEGAL, NOTE, NOTE_PARTIES,
                     POSTAL, TAX, assert_outcome, both_dates, tehran_today,
                     wait_for)
from wire import Closed, reply, request

LATER = "ministry-health-main"  # registered after the probes were written


def add_later(catalogue):
    catalogue.enactment["systems"].append({
        "id": LATER, "agency": "ministry-health", "name_fa": "سامانه آزمون",
        "name_en": "Registered later (test)", "kind": "application",
        "aliases_fa": [], "basis": "proposed"})


def edit(catalogue):
    add_later(catalogue)


EXCHANGE = {"edit": edit}


def load(name):
    path = os.path.join(CATALOGUE, name + ".json")
    if not os.path.exists(path):
        return {} if name == "enactment" else []
    with open(path, encoding="utf-8") as file:
        return json.load(file)


ENACTMENT = load("enactment")
SERVICES = load("services")
SYSTEMS = ENACTMENT.get("systems", [])


def system_of(agency, unit=None):
    if unit is not None:
        return [s["id"] for s in SYSTEMS if s.get("unit") == unit][0]
    if agency == "agency registered later":
        return LATER
    found = [s["id"] for s in SYSTEMS
             if s["agency"] == agency and s["kind"] == "application" and
             s["id"].endswith("-main") and not s.get("unit")]
    return found[0]


def path_of(service, method):
    provider = [s["provider"] for s in SERVICES if s["id"] == service][0]
    version = [m["version"] for m in ENACTMENT["methods"]
               if m["service"] == service][0]
    return "/x/%s/%s/%s/%s" % (provider, service, version, method)


def probe_cases():
    for probe in ENACTMENT.get("probes", []):
        if probe["kind"] == "resolution" or probe.get("case") == "tiny-quota":
            continue
        for number, expect in enumerate(probe["expect"]):
            mode = probe
            if probe["kind"] == "suspension":
                mode = [p for p in ENACTMENT["probes"]
                        if p["id"] == probe["mode_probe"]][0]
            system = expect.get("system") or system_of(
                expect.get("consumer") or probe.get("consumer"),
                expect.get("unit"))
            # a purpose is sent when the probe is about one, or has several
            purpose = expect.get("purpose")
            yield pytest.param(system,
                               path_of(probe["service"], mode["method"]),
                               purpose, expect,
                               id="%s-%d-%s" % (probe["id"], number,
                                                expect["outcome"]))


@pytest.mark.parametrize("system, path, purpose, expect", probe_cases())
def test_probe_of_the_catalogue(ex, system, path, purpose, expect):
    answer = ex.call(system, path, purpose=purpose)
    assert_outcome(answer, expect["outcome"], expect.get("reason"))
    record = ex.record(answer.tracking_id)
    assert record["consumer"] == system
    if expect["outcome"] == "answered":
        assert record["decision"] == "allowed"
        assert "reason" not in record
        if "via" in expect:
            assert record["grant"].startswith(expect["via"])
        if purpose:
            assert record["purpose"] == purpose
    else:
        assert record["decision"] == expect["outcome"]
        assert record["reason"] == expect["reason"]


def test_every_probe_of_the_catalogue_is_covered():
    covered = [p for p in ENACTMENT["probes"] if p["kind"] != "resolution" and
               p.get("case") != "tiny-quota"]
    assert len(list(probe_cases())) == sum(len(p["expect"]) for p in covered)
    assert len(covered) >= 12


def test_refusals_carry_dates_in_both_calendars(ex):
    """probe-ended: ended on 1403-01-31, which is 2024-04-19."""
    answer = ex.call(system_of("privatisation-organisation"), TAX)
    assert answer.reason == "grant-ended"
    problem = answer.problem
    text = problem["detail"] + problem["detail_fa"]
    assert "2024-04-19" in text or "2024-04-20" in text, problem
    assert "1403" in text.translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹",
                                                  "0123456789")), problem


def test_no_grant_says_where_to_request_one(ex):
    answer = ex.call("statistical-centre-main", TAX)
    assert_outcome(answer, "refused", "no-grant")
    assert "https://registry.payvand.test/requests" in json.dumps(
        answer.problem), answer.problem


# method two of the promissory note is SETAD's alone


def test_setad_reads_the_parties_of_a_note(ex):
    assert_outcome(ex.call("setad", NOTE_PARTIES), "answered")


@pytest.mark.parametrize("system", [
    "ecommerce-development-centre-main",       # setad's own agency
    "ministry-economic-affairs-finance-main",  # the provider itself
    "tax-administration-main", "central-bank-main", BANK])
def test_nobody_else_reads_the_parties_of_a_note(ex, system):
    answer = ex.call(system, NOTE_PARTIES)
    assert answer.outcome == "refused", answer
    assert answer.reason in ("dedicated", "not-this-system"), answer


def test_a_grant_to_a_group_waits_for_each_members_readiness(ex):
    """g-m24-r2-02 is for all executive agencies; the judiciary is none."""
    assert_outcome(ex.call("tax-administration-main", NOTE), "refused",
                   "consumer-readiness-missing")
    assert_outcome(ex.call("judiciary-main", NOTE), "refused", "no-grant")


# purposes


def test_a_single_purpose_need_not_be_said(ex):
    answer = ex.call(BANK, IBAN)
    assert_outcome(answer, "answered")
    assert ex.record(answer.tracking_id)["purpose"] == "facility-review"


@pytest.mark.parametrize("purpose, reason", [
    (None, "purpose-missing"),
    ("recruitment", "purpose-not-granted"),
    ("facility-revie", "purpose-not-granted"),
    ("facility-reviews", "purpose-not-granted")])
def test_refuses_a_wrong_purpose(ex, purpose, reason):
    assert_outcome(ex.call(BANK, LEGAL, purpose=purpose), "refused", reason)


@pytest.mark.parametrize("purpose", ["facility-review", "account-opening"])
def test_takes_each_purpose_of_the_grant(ex, purpose):
    answer = ex.call(BANK, LEGAL, purpose=purpose)
    assert_outcome(answer, "answered")
    assert ex.record(answer.tracking_id)["purpose"] == purpose


# consent


def test_refuses_a_call_without_the_demanded_consent(make):
    def edit(catalogue):
        catalogue.terms("g-m24-r1-07")["consent"] = True

    ex = make(edit=edit)
    with ex.wire(FIC) as w:
        answer = ex.call(FIC, TAX, wire=w)
        assert_outcome(answer, "refused", "consent-missing")
        assert ex.provider["tax-administration"].seen == []
        answer = ex.call(FIC, TAX, wire=w, headers=[
            ("Payvand-Consent", "4821 0937 5516 2240")])
        assert_outcome(answer, "answered")
        seen = ex.provider["tax-administration"].seen[-1]
        assert seen.get("Payvand-Consent") == "4821 0937 5516 2240"
        # the number is passed on and never kept
        assert "2240" not in json.dumps(ex.record(answer.tracking_id))
        answer = ex.call(FIC, TAX, wire=w, headers=[("Payvand-Consent", "")])
        assert answer.outcome in ("refused", "invalid"), answer


# quotas


KANOON = "kanoon-children-youth-main"


def test_tiny_quota_is_spent_across_workers_and_restarts(make):
    """probe-tiny-quota: 1/s, burst 1, 3 a day, whichever worker is asked."""
    ex = make(workers=4)
    provider = ex.provider["national-post-company"]

    def fresh():
        with ex.wire(KANOON) as w:
            return w.ask(request(POSTAL))

    assert_outcome(fresh(), "answered")
    assert_outcome(fresh(), "limited", "rate")
    assert_outcome(fresh(), "limited", "rate")
    answered = 1
    end = time.monotonic() + 12
    while answered < 3 and time.monotonic() < end:
        time.sleep(1.05)
        answer = fresh()
        answered += answer.outcome == "answered"
    assert answered == 3
    for _ in range(12):
        time.sleep(0.11)
        answer = fresh()
        assert answer.outcome == "limited", answer
    time.sleep(1.1)
    assert_outcome(fresh(), "limited", "daily")
    assert len(provider.seen) == 3

    ex.stop_nginx()
    ex.start_nginx()
    time.sleep(1.1)
    assert_outcome(fresh(), "limited", "daily")

    ex.kill_nginx()
    ex.kill_traced()
    ex.start_traced()
    ex.start_nginx()
    time.sleep(1.1)
    assert_outcome(fresh(), "limited", "daily")
    assert len(provider.seen) == 3


GROUP = "g-m24-r2-02"  # of all executive agencies


def spent(ex, system, want):
    """Call until the day's quota is spent: how many calls were answered."""
    with ex.wire(system) as w:
        for n in range(want + 1):
            answer = w.ask(request(NOTE))
            if answer.outcome != "answered":
                assert_outcome(answer, "limited", "daily")
                return n
    return want + 1


def test_a_groups_quota_is_one_for_each_member_where_its_terms_say_so(make):
    """quota_per: member; without it the group has one for all together. Both
    are counted anew, each in its own way, when the exchange starts again."""
    ex = make(workers=2)
    quota = {"rate_per_s": 1000, "burst": 1000, "per_day": 3}
    first, second, third = ("customs-administration-main",
                            "national-library-archives-main",
                            "tax-administration-main")
    ex.set(grants=[{"grant": GROUP, "blocked": None, "quota": quota}])
    assert spent(ex, first, 3) == 3
    assert spent(ex, second, 3) == 3

    ex.set(grants=[{"grant": GROUP, "quota_per": None}])
    with ex.wire(first) as w:
        assert_outcome(w.ask(request(NOTE)), "answered")
    assert spent(ex, second, 2) == 2
    assert spent(ex, third, 0) == 0
    ex.kill_nginx()
    ex.start_nginx()
    assert spent(ex, third, 0) == 0

    ex.set(grants=[{"grant": GROUP, "quota_per": "member"}])
    ex.kill_nginx()
    ex.start_nginx()
    assert spent(ex, first, 0) == 0
    assert spent(ex, third, 3) == 3
    listed = json.loads(ex.payvand("image", "grant", "list", "--json", "--image",
                                   ex.path("policy")).stdout)["grants"]
    per = {g["grant"]: g["quota_per"] for g in listed}
    assert per[GROUP] == "member"
    assert per["g-m24-r2-01"] == "grant"
    assert per["probe-mode-all"] == "member"


def test_counts_wait_for_the_image(make):
    """Today's calls are counted when the exchange starts, not forgotten
    because the image came later."""
    ex = make(workers=2)
    answered = 0
    end = time.monotonic() + 12
    while answered < 3 and time.monotonic() < end:
        with ex.wire(KANOON) as w:
            answered += w.ask(request(POSTAL)).outcome == "answered"
        time.sleep(1.05)
    assert answered == 3
    ex.stop_nginx()
    os.rename(ex.path("policy"), ex.path("policy.away"))
    ex.allow = (r"policy",)
    ex.start_nginx()
    with ex.wire(KANOON) as w:
        assert_outcome(w.ask(request(POSTAL)), "unavailable")
    os.rename(ex.path("policy.away"), ex.path("policy"))

    def fresh():
        with ex.wire(KANOON) as w:
            return w.ask(request(POSTAL))

    wait_for("the image and the journal", lambda: fresh().outcome !=
             "unavailable", step=0.3)
    time.sleep(1.1)
    assert_outcome(fresh(), "limited", "daily")
    assert len(ex.provider["national-post-company"].seen) == 3


def test_a_reload_does_not_give_the_quota_back(make):
    ex = make(workers=2)
    answered = 0
    end = time.monotonic() + 12
    while answered < 3 and time.monotonic() < end:
        with ex.wire(KANOON) as w:
            answered += w.ask(request(POSTAL)).outcome == "answered"
        time.sleep(1.05)
    old = ex.worker_pids()
    ex.reload()
    wait_for("new workers", lambda: ex.worker_pids() and
             not set(old) & set(ex.worker_pids()))
    time.sleep(1.05)
    with ex.wire(KANOON) as w:
        assert_outcome(w.ask(request(POSTAL)), "limited", "daily")


def test_refused_calls_spend_no_quota(make):
    ex = make()
    with ex.wire(KANOON) as w:
        for _ in range(6):
            answer = w.ask(request(POSTAL, headers=[
                ("Payvand-Purpose", "something-else")]))
            assert_outcome(answer, "refused", "purpose-not-granted")
        assert_outcome(w.ask(request(POSTAL)), "answered")


def test_limited_says_when_to_come_back(make):
    ex = make()
    with ex.wire(KANOON) as w:
        w.ask(request(POSTAL))
        answer = w.ask(request(POSTAL))
        assert_outcome(answer, "limited", "rate")
        assert answer.status == 429
        assert int(answer.get("Retry-After")) >= 1


# so many answers in all


ONCE = "g-m35-r1-02"  # BANK calls IBAN on it


def fresh_call(ex, system=BANK, path=IBAN):
    with ex.wire(system) as w:
        return w.ask(request(path))


def rush(ex, threads, each):
    """Calls at the same time on connections of their own: all answers."""
    answers = []

    def run():
        for _ in range(each):
            answers.append(fresh_call(ex))

    runners = [threading.Thread(target=run) for _ in range(threads)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(30)
    assert len(answers) == threads * each
    return answers


def test_no_more_calls_are_answered_than_the_grant_allows(make):
    """max_calls_answered, whichever worker is asked and however often the
    exchange starts again; more needs a new decision (R-059)."""
    ex = make(workers=4)
    bank = ex.provider["central-bank"]
    ex.set(grants=[{"grant": ONCE, "max_calls_answered": 3}])
    answers = rush(ex, 8, 4)
    assert sum(a.outcome == "answered" for a in answers) == 3, answers
    assert len(bank.seen) == 3
    for answer in answers:
        if answer.outcome != "answered":
            assert (answer.outcome, answer.reason) in (
                ("refused", "used-up"), ("limited", "last-call-open")), answer
    wait_for("the answers to be recorded", lambda:
             fresh_call(ex).reason == "used-up")
    answer = fresh_call(ex)
    assert_outcome(answer, "refused", "used-up")
    assert "3" in answer.problem["detail"], answer.problem

    old = ex.worker_pids()
    ex.reload()
    wait_for("new workers", lambda: ex.worker_pids() and
             not set(old) & set(ex.worker_pids()))
    assert_outcome(fresh_call(ex), "refused", "used-up")
    ex.kill_nginx()
    ex.kill_traced()
    ex.start_traced()
    ex.start_nginx()
    assert_outcome(fresh_call(ex), "refused", "used-up")
    assert len(bank.seen) == 3

    ex.set(grants=[{"grant": ONCE, "max_calls_answered": 4}])
    answers = rush(ex, 4, 2)
    assert sum(a.outcome == "answered" for a in answers) == 1, answers
    assert len(bank.seen) == 4
    listed = json.loads(ex.payvand("image", "grant", "list", "--json", "--image",
                                   ex.path("policy")).stdout)["grants"]
    most = {g["grant"]: g["max_calls_answered"] for g in listed}
    assert most[ONCE] == 4
    assert most["g-m38-r4-02"] == 1  # the catalogue's: handed over once


def test_a_call_that_was_not_answered_may_be_made_again(make):
    ex = make(workers=2)
    bank = ex.provider["central-bank"]
    ex.set(grants=[{"grant": ONCE, "max_calls_answered": 1}])
    bank.behave = lambda seen, connection: reply(
        b"{}", status="503 Service Unavailable")
    assert_outcome(fresh_call(ex), "failed")
    bank.behave = lambda seen, connection: reply()
    # until its end is recorded, within a second, it may have been answered
    answer = wait_for("an answer", lambda: answered_or_soon(fresh_call(ex)),
                      step=0.1)
    assert_outcome(answer, "answered")
    wait_for("the end", lambda: fresh_call(ex).reason == "used-up")
    assert len(bank.seen) == 2


def answered_or_soon(answer):
    if answer.outcome != "answered":
        assert_outcome(answer, "limited", "last-call-open")
        assert int(answer.get("Retry-After")) >= 1
        return None
    return answer


def test_a_call_whose_worker_died_may_have_been_answered(make):
    ex = make(workers=1)
    bank = ex.provider["central-bank"]
    ex.set(grants=[{"grant": ONCE, "max_calls_answered": 1}])
    release = threading.Event()
    bank.behave = lambda seen, connection: release.wait(20) and None

    def quiet():
        try:
            fresh_call(ex)
        except (Closed, OSError):
            pass

    thread = threading.Thread(target=quiet, daemon=True)
    thread.start()
    wait_for("the call at the provider", lambda: bank.seen)
    for pid in ex.worker_pids():
        ex.kill_pid(pid)
    release.set()
    thread.join(10)
    bank.behave = lambda seen, connection: reply()
    wait_for("a worker again", ex.worker_pids)
    assert_outcome(fresh_call(ex), "limited", "last-call-open")
    wait_for("the worker to be given up", lambda:
             fresh_call(ex).reason == "used-up", step=0.3)
    assert len(bank.seen) == 1


@pytest.mark.parametrize("end", ["cut", "stalled", "caller-gone"])
@pytest.mark.parametrize("system,path,grant,owner", [
    (BANK, IBAN, ONCE, "central-bank"),
    ("setad", NOTE_PARTIES, "g-m24-r2-03",       # its end is not told apart
     "ministry-economic-affairs-finance")])
def test_an_answer_that_began_counts_as_one(make, system, path, grant, owner,
                                            end):
    """Whoever has most of an answer must not get it again for nothing."""
    ex = make(workers=1)
    provider = ex.provider[owner]
    ex.set(grants=[{"grant": grant, "max_calls_answered": 1}],
           methods=[{"path": path, "deadline_ms": 1000}])
    over = threading.Event()

    def most_of_it(seen, connection):
        connection.send(reply(b"x" * 60000)[:-1])
        if end != "cut":
            over.wait(10)

    provider.behave = most_of_it
    with ex.wire(system) as w:
        w.send(request(path))
        assert b"answered" in w.stream.until(b"\r\n\r\n")
        w.stream.exactly(20000)
        if end != "caller-gone":
            with pytest.raises((Closed, OSError)):
                w.stream.exactly(60000)
    provider.behave = lambda seen, connection: reply()
    ended = wait_for("the end", lambda: not_open(fresh_call(ex, system, path)))
    over.set()
    assert_outcome(ended, "refused", "used-up")
    assert len(provider.seen) == 1


def not_open(answer):
    return None if answer.reason == "last-call-open" else answer


# changes on an open connection: the rows may be kept, the verdict never


def method_row(ex, path):
    for row in ex.deployment["methods"]:
        if row["path"] == path:
            return row
    row = {"path": path}
    ex.deployment["methods"].append(row)
    return row


def iso(when):
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_purposes_change_on_an_open_connection(make):
    ex = make()
    with ex.wire(BANK) as w:
        assert_outcome(ex.call(BANK, IBAN, wire=w), "answered")
        ex.set(grants=[{"grant": "g-m35-r1-02",
                        "purposes": [{"id": "other-purpose"}]}])
        assert_outcome(ex.call(BANK, IBAN, wire=w, purpose="facility-review"),
                       "refused", "purpose-not-granted")
        assert_outcome(ex.call(BANK, IBAN, wire=w, purpose="other-purpose"),
                       "answered")


def test_dates_change_on_an_open_connection(make):
    ex = make()
    today = tehran_today()
    with ex.wire(BANK) as w:
        assert_outcome(ex.call(BANK, IBAN, wire=w), "answered")
        ex.set(grants=[{"grant": "g-m35-r1-02",
                        "end": both_dates(today - timedelta(days=2))}])
        assert_outcome(ex.call(BANK, IBAN, wire=w), "refused", "grant-ended")
        ex.set(grants=[{"grant": "g-m35-r1-02",
                        "end": both_dates(today + timedelta(days=2))}])
        assert_outcome(ex.call(BANK, IBAN, wire=w), "answered")


def test_hours_close_and_open_on_an_open_connection(make):
    ex = make()
    now = datetime.now(timezone.utc) + timedelta(hours=3, minutes=30)

    def clock(delta):
        return (now + timedelta(minutes=delta)).strftime("%H:%M")

    with ex.wire(BANK) as w:
        assert_outcome(ex.call(BANK, IBAN, wire=w), "answered")
        row = method_row(ex, IBAN)
        row["hours"] = {"open": clock(120), "close": clock(180)}
        ex.import_policy()
        answer = ex.call(BANK, IBAN, wire=w)
        assert_outcome(answer, "closed", "hours")
        assert answer.status == 503
        row["hours"] = {"open": clock(-120), "close": clock(120)}
        ex.import_policy()
        assert_outcome(ex.call(BANK, IBAN, wire=w), "answered")
        del row["hours"]


def test_the_clock_alone_ends_an_announced_outage(make):
    """No import between: the verdict is made anew on every call."""
    ex = make()
    with ex.wire(BANK) as w:
        assert_outcome(ex.call(BANK, IBAN, wire=w), "answered")
        now = datetime.now(timezone.utc)
        method_row(ex, IBAN)["notices"] = [
            {"from": iso(now + timedelta(seconds=2)),
             "until": iso(now + timedelta(seconds=4))}]
        ex.import_policy()
        seen = []

        def outcomes():
            answer = ex.call(BANK, IBAN, wire=w)
            word = answer.outcome
            if word == "closed":
                assert answer.reason == "outage"
            if not seen or seen[-1] != word:
                seen.append(word)
            return len(seen) >= 3 or (len(seen) == 2 and
                                      seen[0] == "closed")

        wait_for("the outage to pass", outcomes, step=0.1)
        assert seen[-2:] == ["closed", "answered"], seen


def test_a_suspension_is_in_force_at_the_next_decision(make):
    ex = make(workers=2)
    wires = [ex.wire(BANK) for _ in range(6)]
    for w in wires:
        assert_outcome(ex.call(BANK, IBAN, wire=w), "answered")
    ex.set(suspensions=[{
        "consumer": "cooperative-development-bank", "path": IBAN,
        "reason": "consumer-suspended",
        "since": "2024-01-01T00:00:00Z"}])
    for w in wires:
        assert_outcome(ex.call(BANK, IBAN, wire=w), "refused",
                       "consumer-suspended")
        w.close()


def test_a_missing_image_refuses_everything(make):
    """A torn, absent or too new image is `unavailable`, never an allow."""
    ex = make()
    with ex.wire(BANK) as w:
        assert_outcome(ex.call(BANK, IBAN, wire=w), "answered")
    ex.stop_nginx()
    data = ex.path("policy", "data.mdb")
    with open(data, "r+b") as file:
        file.truncate(4096)
    ex.write_config()
    try:
        ex.start_nginx()
    except AssertionError:
        ex.processes.remove(ex.nginx)  # it said so at once: as good
        ex.allow = (r"\[emerg\]",)
        return
    ex.allow = (r"policy",)
    with ex.wire(BANK) as w:
        answer = ex.call(BANK, IBAN, wire=w)
        assert answer.outcome == "unavailable", answer
    assert len(ex.provider["central-bank"].seen) == 1
