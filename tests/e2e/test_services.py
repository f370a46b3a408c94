"""Every service that a connector of the catalogue can answer, called through
the exchange: real nginx, real connectors, the synthetic country.

The grants are those that the documents decided, made live by the synthetic
resolution of `payvand import --probe-services`; a service without one has a
synthetic right.
"""

import glob
import os
import re
import shutil
import sqlite3
import tempfile

import pytest

import desk
from connectors import Connectors, make_country
from harness import CATALOGUE, ROOT, Exchange, assert_outcome
from samples import asked
from test_grants import ENACTMENT, SERVICES, load, path_of, system_of
from test_marker import search

CONSENT = {"tax-performance-declaration-items", "knowledge-based-company-income"}
# A number is given at the provider's desk, not by a consumer's call.
DESK = {"taxpayer-consent-tracking-number"}

PROVIDED = {os.path.basename(path)[:-len(".json")]:
            os.path.basename(os.path.dirname(path))
            for path in glob.glob(os.path.join(CATALOGUE, "services", "*",
                                               "*.json"))}
# What must answer is counted from the catalogue, not from what there is.
PATTERNS = {"inquiry", "verify", "list-by-date", "register"}
CALLED = sorted({s["id"] for s in SERVICES if s["pattern"] in PATTERNS} - DESK)
COMMANDS = {s["id"] for s in SERVICES if s["pattern"] == "register"} - DESK


def live_grants():
    """{service: (system, purpose)} of a grant that is live for it; one for
    each method of a service whose grants name methods."""
    found = {}
    rows = {g["id"]: g for g in load("grants")}
    probe = ENACTMENT["probe_services"]
    terms = {t["grant"]: t for t in ENACTMENT["grant_terms"]}
    units = {a["id"]: a["replaced_by_unit"] for a in ENACTMENT["agencies"]
             if "replaced_by_unit" in a}
    live = [t["grant"] for t in terms.values() if t.get("has_go_live")]
    for name in live + probe["grants"]:
        row, term = rows[name], terms[name]
        bound = ENACTMENT["grant_bindings"].get(name, {})
        unit = bound.get("unit") or units.get(row["consumer"])
        if not term.get("end"):
            found.setdefault((row["service"], row.get("operation")), (
                bound.get("system") or system_of(row["consumer"], unit),
                term["purposes"][0]["id"]))
    for service in probe["without_grant"]:
        found[service, None] = (system_of(probe["consumer"]),
                                probe["purposes"][0]["id"])
    return found


@pytest.fixture(scope="module")
def country(tmp_path_factory):
    return make_country(str(tmp_path_factory.mktemp("country")))


@pytest.fixture(scope="module")
def ex(pki, country):
    folder = tempfile.mkdtemp(prefix="pv-services-")
    providers = sorted({PROVIDED[s] for s in CALLED})
    exchange = Exchange(folder, pki, probes=False, probe_services=True,
                        providers=providers)
    connectors = Connectors(exchange, country[0], providers)
    for provider in providers:
        connectors.start_one(provider, workers=1)
    connectors.start_front()
    exchange.connectors = connectors
    with exchange:
        yield exchange
    shutil.rmtree(folder, ignore_errors=True)


def ask(ex, service, method, values, **more):
    grants = live_grants()
    system, purpose = grants.get((service, method)) or grants[service, None]
    return ex.call(system, path_of(service, method), asked(values),
                   purpose=purpose, **more)


def wanted(expect):
    return {"yes": {"result": "yes"}, "no": {"result": "no"},
            "found": {"found": "yes"}, "not-found": {"found": "no"}}[expect]


def consent(ex, service, values):
    """The header with a number, given at the desk of the tax organisation."""
    if service not in CONSENT:
        return []
    person = values.get("company_id") or values["taxpayer_id"]["value"]
    said = desk.ask(ex.path("desk.sock"), "issue", person=person,
                    agency="innovation-prosperity-fund", purpose="وام",
                    service="tax-administration/%s/v1" % service)
    return [("Payvand-Consent", said["number"])]


@pytest.mark.parametrize("service", sorted(set(CALLED) - COMMANDS))
def test_answers_through_the_exchange(ex, country, service):
    keys = [k for k in country[1]["samples"] if k.split("/")[0] == service]
    assert keys, "country.json has no sample of " + service
    for key in sorted(keys, key=lambda k: k.endswith("note-parties")):
        method = key.split("/")[1]
        for case in country[1]["samples"][key]:
            answer = ask(ex, service, method, case["input"],
                         headers=consent(ex, service, case["input"]))
            if case["expect"] == "invalid" or method == "note-parties":
                assert answer.outcome == "invalid", (key, case, answer)
                continue
            assert_outcome(answer, "answered")
            assert wanted(case["expect"]).items() <= answer.json.items(), (
                key, case, answer)


def command(ex, service, key, **values):
    return ask(ex, service, "submit", values,
               headers=[("Idempotency-Key", service + "-" + key)])


def accounts(country):
    """Of the central bank's register: {iban: [holders]}."""
    path = os.path.join(country[0], "central-bank.sqlite")
    found = {}
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        for iban, holder in db.execute(
                "SELECT iban, holder_id FROM account_holder WHERE holder_type "
                "= 'iranian_legal' ORDER BY 1"):
            found.setdefault(iban, []).append(holder)
    return found


def an_account(country):
    """(what changes it back, what registers it)."""
    iban, (holder, *_) = next(iter(accounts(country).items()))
    owner = {"iban": iban, "economic_number": holder, "holders": [
        {"holder_id": {"type": "legal_person_id", "value": holder}}]}
    return owner, {**owner, "activities": [
        {"isic_code": "6201", "share": "60"},
        {"isic_code": "6202", "share": "40"}]}


def test_r162_r163_an_account_becomes_commercial_and_back(ex, country):
    owner, account = an_account(country)
    register, change = ("commercial-account-registration",
                        "commercial-account-deregistration")

    def done(answer, word):
        assert_outcome(answer, "answered")
        assert answer.json == {"result": word}

    done(command(ex, change, "a1", **owner), "no")
    done(command(ex, register, "a2", **account), "yes")
    done(command(ex, register, "a2", **account), "yes")  # not again
    done(command(ex, register, "a3", **account), "no")
    done(command(ex, change, "a4", **{**owner, "holders": [
        {"holder_id": "9991234561"}]}), "no")
    done(command(ex, change, "a5", **owner), "yes")
    done(command(ex, change, "a5", **owner), "yes")
    done(command(ex, register, "a6", **account), "yes")  # both directions
    done(command(ex, register, "a7", **{
        **account, "economic_number": "99900000000"}), "no")


# what each command is given, and what its answer tells
ACTS = {
    "chapar-message": {"national_id": "9991234561", "text": "متن"},
    "payam-iran-message": {"person_id": "99900123455", "text": "متن"},
    "electronic-bill-delivery": {
        "bill_id": "9999999999921", "person_id": "9991234561",
        "billing_period": "1404-11", "bill_amount": "1500000",
        "due_date": "1404-12-20"},
    "service-evaluation": {"service_code": "99900001", "score": "4",
                           "tracking_id": "999-00000001"},
    "health-record-entry": {"national_id": "9991234561", "kind": "dispensed",
                            "prescription_id": "999-1", "at": "1404-12-01"},
    "oid-registration": {"parent": "2.999.1", "title": "خدمت"},
    "goods-id-assignment": {"goods_name": "کالای نو"},
    "tracking-id-issue": {"service_code": "99900001",
                          "person_id": "9991234561"},
}
TOLD = {"chapar-message": "message_id", "payam-iran-message": "message_id",
        "oid-registration": "oid", "goods-id-assignment": "goods_id",
        "tracking-id-issue": "tracking_id"}  # the others: yes or no


@pytest.mark.parametrize("service,values,output", [
    (service, values, TOLD.get(service, "result"))
    for service, values in ACTS.items()])
def test_r046_a_command_of_the_catalogue_acts_once(ex, service, values, output):
    first = command(ex, service, "one", **values)
    assert_outcome(first, "answered")
    assert first.json[output]
    again = command(ex, service, "one", **values)
    assert again.json == first.json
    another = command(ex, service, "two", **values)
    assert_outcome(another, "answered")
    # a new key is a new command: another id, or "no": it is there already
    assert another.json[output] != first.json[output]
    if output == "result":
        assert (first.json, another.json) == ({"result": "yes"},
                                              {"result": "no"})


def test_a_command_on_nothing_is_not_done(ex):
    answer = command(ex, "oid-registration", "none", parent="2.999.7",
                     title="x")
    assert answer.outcome == "failed", answer
    answer = command(ex, "tracking-id-issue", "none", service_code="99700001",
                     person_id="9991234561")
    assert answer.outcome == "failed", answer


def test_the_second_method_answers_after_the_first(ex, country):
    samples = country[1]["samples"]
    yes = [c["input"] for c in samples["promissory-note/verify-note"]
           if c["expect"] == "yes"][0]
    token = ask(ex, "promissory-note", "verify-note", yes).json["order_token"]
    case = [c["input"] for c in samples["promissory-note/note-parties"]
            if c["expect"] == "found"][0]
    assert case["note_serial"] == yes["note_serial"]
    answer = ask(ex, "promissory-note", "note-parties",
                 {**case, "order_token": token})
    assert_outcome(answer, "answered")
    assert answer.json["found"] == "yes"


def first(country, key, expect):
    return [c["input"] for c in country[1]["samples"][key]
            if c["expect"] == expect][0]


@pytest.mark.parametrize("service", sorted(CONSENT))
def test_r135_items_of_a_return_ask_for_a_consent_number(ex, service):
    """Held by the gate before the provider sees the call (R-125)."""
    assert_outcome(ask(ex, service, "inquire", {}), "refused",
                   "consent-missing")


@pytest.mark.parametrize("service", sorted(CONSENT))
def test_r144_a_number_that_was_used_is_nowhere_at_the_exchange(ex, country,
                                                                service):
    """Nor is it in a file of the connector: those stand in this folder too."""
    case = first(country, service + "/inquire", "found")
    headers = consent(ex, service, case)
    answer = ask(ex, service, "inquire", case, headers=headers)
    assert_outcome(answer, "answered")
    assert ex.record(answer.tracking_id)
    assert search(ex, headers[0][1]) == []
    # the search sees what is there, and looks where the record is
    assert search(ex, answer.tracking_id.replace("-", "")) or search(
        ex, answer.tracking_id)


def test_r147_no_refused_invalid_and_failed_are_four_things(ex, country):
    key = "payroll-tax-payment-verification/verify"
    service, method = key.split("/")
    no = ask(ex, service, method, first(country, key, "no"))
    assert_outcome(no, "answered")
    assert no.json == {"result": "no"}
    invalid = ask(ex, service, method, {"year": "1"})
    assert_outcome(invalid, "invalid")
    refused = ex.call("central-bank-main", path_of(service, method),
                      first(country, key, "no"))
    assert_outcome(refused, "refused", "no-grant")
    provider = "martyrs-foundation"
    ex.connectors.kill_one(provider)
    key = "veteran-status/inquire"
    try:
        failed = ask(ex, *key.split("/"), first(country, key, "found"))
        assert failed.outcome == "failed", failed
    finally:
        ex.connectors.start_one(provider, workers=1)
    for answer in (invalid, refused, failed):
        assert "result" not in answer.json and answer.status != 200
    assert len({a.outcome for a in (no, invalid, refused, failed)}) == 4


@pytest.mark.parametrize("service", [
    "newborn-birth-certificate-list", "knowledge-based-company-status"])
def test_r122_only_the_named_consumers_may_ask(ex, country, service):
    named = [n for n in ENACTMENT["named_consumers"]
             if n["service"] == service][0]
    holders = {r["consumer"] for r in load("grants")
               if r["service"] == service and r["status"] == "approved"}
    assert holders <= set(named["consumers"])
    method = [k for k in country[1]["samples"]
              if k.split("/")[0] == service][0].split("/")[1]
    answer = ex.call("central-bank-main", path_of(service, method), {})
    assert answer.outcome == "refused", answer


def test_r155_the_method_of_setad_is_nobody_elses(ex):
    for system in ("central-bank-main", "tax-administration-main"):
        answer = ex.call(system, path_of("promissory-note", "note-parties"),
                         {})
        assert answer.outcome == "refused", answer


def test_r155_no_member_gets_a_refusal_not_an_empty_answer(ex, country):
    samples = country[1]["samples"]
    token = ask(ex, "promissory-note", "verify-note", first(
        country, "promissory-note/verify-note", "yes")).json["order_token"]
    said = {}
    for case in samples["promissory-note/note-parties"]:
        answer = ask(ex, "promissory-note", "note-parties",
                     {**case["input"], "order_token": token})
        if case["expect"] == "refused":
            said[case["input"]["agency_id"]] = answer
            assert answer.outcome == "failed", answer
            assert answer.problem["type"] == (
                "urn:payvand:problem:not-a-member"), answer
            assert "found" not in answer.json and "obligor" not in answer.json
    assert len(said) == 2, "one that was a member, and one that never was"
    # a member that asks for a note that is not there gets an answer: none
    member = first(country, "promissory-note/note-parties", "found")
    answer = ask(ex, "promissory-note", "note-parties",
                 {**member, "order_token": token})
    assert answer.json["found"] == "yes", answer


@pytest.mark.parametrize("service,consumer", [
    ("residence-location", "ministry-education"),
    ("property-details", "statistical-centre"),
    ("account-holders", "tax-administration"),
    ("court-ruling-authenticity", "civil-registration-organisation"),
    ("student-photo", "civil-registration-organisation"),
    ("payroll-tax-payment-verification", "innovation-prosperity-fund"),
    ("electricity-new-bill-ids", "building-disaster-insurance-fund")])
def test_r187_r188_the_documents_consumer_is_the_one_who_asks(service,
                                                              consumer):
    """Not a synthetic right: the consumer that the document names."""
    probe = ENACTMENT["probe_services"]
    rows = {g["id"]: g for g in load("grants")}
    assert [rows[g]["consumer"] for g in probe["grants"]
            if rows[g]["service"] == service] == [consumer]


def test_no_service_of_calls_is_forgotten():
    """Every one is called above; the exceptions stand in docs/rules.md."""
    others = {s["pattern"] for s in SERVICES} - PATTERNS
    assert others == {"publish", "bulk"}
    assert set(CALLED) == set(PROVIDED)
    with open(os.path.join(ROOT, "docs", "rules.md"),
              encoding="utf-8") as file:
        said = file.read().split("## Services that are not called")[1]
    rows = set(re.findall(r"^\| `([a-z0-9-]+)` \|", said, re.M))
    assert rows == {s["id"] for s in SERVICES} - set(CALLED)


def test_r011_a_member_answers_for_its_group(ex):
    """A group of agencies has no system; the record names the group."""
    for service in ("completion-certificate", "construction-permit-inquiries"):
        path = path_of(service, "inquire")
        answer = ask(ex, service, "inquire", {})
        assert_outcome(answer, "invalid")
        assert ex.record(answer.tracking_id)["provider"] == path.split("/")[2]


def test_what_goes_live_for_the_tests_is_what_the_catalogue_has():
    """Each service once, by a decided grant or by a synthetic right."""
    probe = ENACTMENT["probe_services"]
    of = {g["id"]: g for g in load("grants")}
    live = {row["service"] for row in ENACTMENT["go_live"]}
    services = [of[g]["service"] for g in probe["grants"]]
    services += probe["without_grant"]
    calls = {s["id"] for s in SERVICES
             if s["pattern"] not in ("publish", "bulk")}
    assert sorted(services) == sorted(calls - live)
    assert all(of[g]["status"] == "approved" for g in probe["grants"])
    approved = {g["service"] for g in of.values() if g["status"] == "approved"}
    assert not approved & set(probe["without_grant"])
    assert probe["synthetic"] is True and probe["basis"] == "proposed"
