"""Every service that a connector of the catalogue can answer, called through
the exchange: real nginx, real connectors, the synthetic country.

The grants are those that the documents decided, made live by the synthetic
resolution of `payvand import --probe-services`; a service without one has a
synthetic right.
"""

import glob
import os
import shutil
import tempfile

import pytest

from connectors import Connectors, make_country
from harness import CATALOGUE, Exchange, assert_outcome
from samples import asked
from test_grants import ENACTMENT, SERVICES, load, path_of, system_of

# What cannot be called through an exchange, though a connector answers it:
# a group of agencies has no system of its own, and a register has another
# custodian than the provider whom an older document names.
GROUPS = {"construction-permit-inquiries", "completion-certificate"}
CUSTODIAN = {"exam-results-admissions", "government-services-registry-inquiry"}
CLOSED = GROUPS | CUSTODIAN
# What no connector answers yet.
CONSENT = {"tax-performance-declaration-items", "knowledge-based-company-income"}

PROVIDED = {os.path.basename(path)[:-len(".json")]:
            os.path.basename(os.path.dirname(path))
            for path in glob.glob(os.path.join(CATALOGUE, "services", "*",
                                               "*.json"))}
CALLED = sorted(set(PROVIDED) - CLOSED)


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


@pytest.mark.parametrize("service", CALLED)
def test_answers_through_the_exchange(ex, country, service):
    keys = [k for k in country[1]["samples"] if k.split("/")[0] == service]
    assert keys, "country.json has no sample of " + service
    for key in sorted(keys, key=lambda k: k.endswith("note-parties")):
        method = key.split("/")[1]
        for case in country[1]["samples"][key]:
            answer = ask(ex, service, method, case["input"])
            if case["expect"] == "invalid" or method == "note-parties":
                assert answer.outcome == "invalid", (key, case, answer)
                continue
            assert_outcome(answer, "answered")
            assert wanted(case["expect"]).items() <= answer.json.items(), (
                key, case, answer)


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


def test_no_service_of_calls_is_forgotten():
    calls = {s["id"] for s in SERVICES
             if s["pattern"] not in ("publish", "bulk")}
    commands = {s["id"] for s in SERVICES if s["pattern"] == "register"}
    assert calls - set(PROVIDED) - commands == CONSENT
    assert CLOSED <= set(PROVIDED)


def test_what_goes_live_for_the_tests_is_what_the_catalogue_has():
    """Each service once, by a decided grant or by a synthetic right."""
    probe = ENACTMENT["probe_services"]
    of = {g["id"]: g for g in load("grants")}
    live = {row["service"] for row in ENACTMENT["go_live"]}
    services = [of[g]["service"] for g in probe["grants"]]
    services += probe["without_grant"]
    calls = {s["id"] for s in SERVICES
             if s["pattern"] not in ("publish", "bulk")}
    assert sorted(services) == sorted(calls - live - CLOSED)
    assert all(of[g]["status"] == "approved" for g in probe["grants"])
    approved = {g["service"] for g in of.values() if g["status"] == "approved"}
    assert not approved & set(probe["without_grant"])
    assert probe["synthetic"] is True and probe["basis"] == "proposed"
