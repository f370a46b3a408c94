"""The rules of the documents, each asked for by a decision that breaks it; on
SQLite and on PostgreSQL, over the enacted catalogue."""

import json
import os
import tempfile
import time

import pytest

from registryd import (BUILD, CATALOGUE, WG, Registry, decision,
                       with_postgres)

DAY = "1402-02-01"
ITO = "information-technology-organisation"

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


@pytest.fixture(name="registry", scope="module",
                params=["sqlite", "postgresql"])
def fixture_registry(request):
    """The whole catalogue, enacted."""
    with tempfile.TemporaryDirectory(prefix="pv-registry-") as folder:
        os.chmod(folder, 0o755)
        server = None
        if request.param == "postgresql":
            if with_postgres.find("initdb") is None:
                pytest.skip("no PostgreSQL")
            os.mkdir(f"{folder}/pg")
            server = with_postgres.Postgres(f"{folder}/pg")
        registry = Registry(folder, server.store if server else None)
        registry.server = server
        registry.enact()
        try:
            yield registry
            registry.stop()
        finally:
            if registry.process is not None:
                registry.kill()
            if server is not None:
                server.stop("immediate")


def secretariat(kind, record, event, data=None, **more):
    """What the secretariat decides."""
    return decision(kind, record, event, "secretariat", WG, DAY, data, **more)


def representative(of, kind, record, event, data=None, **more):
    """What an agency's representative decides."""
    return decision(kind, record, event, "representative", of, DAY, data,
                    **more)


def chair(kind, record, event, data=None, of=WG):
    """What the chair of a body decides."""
    return decision(kind, record, event, "chair", of, DAY, data)


FA = {"name_fa": "نام"}
BRANCH = {"branch": "executive", "legal_type": "ministry",
          "inside_executive": True}
SYSTEM = dict(FA, agency="ministry-education", kind="connector")
POSTAL = {"consumer": "red-crescent", "version": "postal-code/v1",
          "purposes": [{"id": "relief"}]}

FORM = {"service_title": "خدمت", "service_nature": ["sovereign"],
        "service_description": "شرح", "recipients": "دستگاه‌ها",
        "current_channels": ["website"], "electronic_method": ["transactional"],
        "electronic_level": ["national"], "service_kind": ["G2G", "G2C"],
        "needs_cooperation": True, "direct_cost_rial": "120000",
        "base_registry_needs": ["natural-person-identity"]}
PASSPORT = {"of": "service", "agency": "ministry-interior",
            "service": "country-divisions"}

ANSWERS = {"system": "judiciary-data-centre", "agency": "judiciary",
           "provider": "central-bank"}

REFUSED = [
    # (rule, word, decisions before it, the decision)
    ("R-314", "field-missing", [],
     secretariat("agency", "x-ministry", "register", dict(FA))),
    ("R-011", "group-system", [],
     secretariat("system", "x-group", "register",
                 dict(SYSTEM, agency="municipalities"))),
    ("R-106", "certificate", [],
     secretariat("certificate", "%s/0" % ("0" * 64), "revoke")),
    ("R-012", "unit", [],
     secretariat("system", "x-unit", "register",
                 dict(SYSTEM, unit="unit-mefa-state-property"))),
    ("R-013", "cartable", [],
     secretariat("system", "x-cartable", "register",
                 dict(SYSTEM, cartable_access=True))),
    ("R-020", "base-attachment", [],
     secretariat("system", "x-base", "register",
                 dict(SYSTEM, agency="civil-registration-organisation",
                      attached_to="ix-economy-finance"))),
    ("R-030", "node", [],
     secretariat("system", "x-node", "register",
                 dict(SYSTEM, host_agency="central-bank"))),
    ("R-276", "console", [],
     decision("appointment", "x-chair", "appoint", "console", "console", DAY,
              {"person": "x", "role": "chair", "of": WG})),
    ("R-276", "no-appointment", [],
     secretariat("agency", "x-agency", "register", dict(FA, **BRANCH),
                 actor="somebody-else")),
    ("R-248", "role", [],
     representative("ministry-interior", "passport", "service/postal-code",
                    "replace", {"successor": "service/postal-code"})),
    ("R-010", "price", [],
     representative("ministry-interior", "service", "x-priced", "register",
                    dict(FA, provider="ministry-interior",
                         contract={"fee": 5}))),
    ("R-017", "same-service", [],
     representative("ministry-interior", "service", "x-twice", "register",
                    {"provider": "ministry-interior",
                     "name_fa": "سرویس تقسیمات کشوری"})),
    ("R-215", "code", [],
     representative("ministry-interior", "service", "x-code", "register",
                    dict(FA, provider="ministry-interior", code="1000018"))),
    ("R-215", "code-taken", [],
     representative("ministry-interior", "service", "x-code", "register",
                    dict(FA, provider="ministry-interior", code="1000019"))),
    ("R-042", "method",
     [representative("ministry-interior", "service", "x-new", "register",
                     {"provider": "ministry-interior", "name_fa": "تازه"})],
     representative("ministry-interior", "version", "x-new/v1", "declare",
                    {"service": "x-new", "methods": []})),
    ("R-002", "no-passport",
     [representative("ministry-interior", "version", "x-new/v1", "declare",
                     {"service": "x-new", "existing": True, "methods": [
                         {"id": "inquire", "pattern": "inquiry"}]}),
      representative("ministry-interior", "version", "x-new/v1", "test")],
     decision("version", "x-new/v1", "go-live", "operator", ITO, DAY)),
    ("R-247", "subject", [],
     representative("ministry-interior", "passport", "x", "write",
                    {"of": "service", "agency": "ministry-interior"})),
    ("R-269", "not-custodian",
     [representative("ministry-interior", "service", "x-stolen", "register",
                     {"provider": "ministry-interior", "name_fa": "هویت",
                      "register": "natural-person-identity"}),
      representative("ministry-interior", "passport", "x-stolen", "write",
                     {"of": "service", "agency": "ministry-interior",
                      "service": "x-stolen", "form": FORM}),
      representative("ministry-interior", "passport", "x-stolen", "submit"),
      representative("administrative-employment-organisation", "passport",
                     "x-stolen", "evaluate")],
     chair("passport", "x-stolen", "confirm")),
    ("R-252", "form-field", [],
     representative("ministry-interior", "passport", "x-form", "write",
                    dict(PASSPORT, form=dict(FORM, service_kind=["G2X"])))),
    ("R-252", "form-field", [],
     representative("ministry-interior", "passport", "x-form", "write",
                    dict(PASSPORT, form=dict(FORM, price="1")))),
    ("R-252", "form-field", [],
     representative("ministry-interior", "passport", "x-form", "write",
                    dict(PASSPORT, form=dict(FORM, base_registry_needs=[
                        "no-such-register"])))),
    ("R-252", "form-incomplete",
     [representative("ministry-interior", "passport", "x-form", "write",
                     dict(PASSPORT, form={"service_title": "خدمت"}))],
     representative("ministry-interior", "passport", "x-form", "submit")),
    ("R-236", "no-notice", [],
     secretariat("version", "country-divisions/v1", "end")),
    ("R-242", "not-in-advance", [],
     representative("ministry-interior", "notice", "x-outage", "announce",
                    {"version": "country-divisions/v1", "kind": "outage",
                     "from_ms": 1_600_000_000_000, "text_fa": "قطعی"})),
    ("R-123", "named-consumers", [],
     representative("red-crescent", "request", "x-named", "file",
                    {"consumer": "red-crescent",
                     "version": "knowledge-based-company-status/v1"})),
    ("R-088", "statistics",
     [representative("statistical-centre", "service", "x-census", "register",
                     {"provider": "statistical-centre", "name_fa": "سرشماری",
                      "individual_data": True}),
      representative("statistical-centre", "version", "x-census/v1", "declare",
                     {"service": "x-census", "methods": [
                         {"id": "inquire", "pattern": "inquiry"}]})],
     representative("tax-administration", "request", "x-census", "file",
                    {"consumer": "tax-administration",
                     "version": "x-census/v1"})),
    ("R-087", "passed-on",
     [secretariat("data-item", "x-birth-place", "register",
                  dict(FA, register="natural-person-identity",
                       definition={"base_type": "string"})),
      representative("ministry-interior", "service", "x-passes", "register",
                     {"provider": "ministry-interior", "name_fa": "بازارسال"})],
     representative("ministry-interior", "version", "x-passes/v1", "declare",
                    {"service": "x-passes", "outputs": ["x-birth-place"],
                     "methods": [{"id": "inquire", "pattern": "inquiry"}]})),
    ("R-111", "own-service", [],
     representative("national-post-company", "request", "x-own", "file",
                    dict(POSTAL, consumer="national-post-company"))),
    ("R-112", "transition",
     [representative("red-crescent", "request", "x-ask", "file", POSTAL)],
     secretariat("request", "x-ask", "endorse")),
    ("R-112", "role", [],
     representative("red-crescent", "request", "x-ask", "agree")),
    ("", "unknown-field", [],
     secretariat("system", "judiciary-data-centre", "change",
                 {"serves_agencies": ["central-bank"]})),
    ("R-029", "other-agency", [],
     secretariat("representation", "x-other", "propose",
                 dict(ANSWERS, agency="central-bank"))),
    ("R-029", "represented", [],
     secretariat("representation", "x-twice", "propose",
                 dict(ANSWERS, provider="judiciary-statistics-centre"))),
    ("R-029", "answers-nothing", [],
     secretariat("representation", "x-caller", "propose",
                 dict(ANSWERS, system="central-bank-main",
                      agency="central-bank", provider="judiciary"))),
    ("R-029", "role",
     [representative("judiciary", "representation", "x-asked", "propose",
                     ANSWERS)],
     representative("judiciary", "representation", "x-asked", "confirm")),
    ("R-029", "role", [],
     secretariat("representation", "x-asked", "confirm")),
    ("R-029", "transition",
     [representative("central-bank", "representation", "x-asked", "refuse")],
     representative("central-bank", "representation", "x-asked", "confirm")),
    ("R-112", "step-skipped",
     [secretariat("meeting", "x-meeting", "plan", {"body": WG, "date": DAY}),
      secretariat("meeting", "x-meeting", "set-agenda",
                  {"agenda": [{"row": 1, "text_fa": "دسترسی"}]}),
      secretariat("meeting", "x-meeting", "invite"),
      chair("meeting", "x-meeting", "hold"),
      secretariat("resolution", "x-meeting/r1", "draft",
                  {"meeting": "x-meeting", "title_fa": "مصوبه", "items": [
                      {"item": "1", "grants": [
                          dict(POSTAL, id="x-grant", request="x-ask")]}]})],
     chair("resolution", "x-meeting/r1", "enact")),
    ("R-112", "no-request",
     [secretariat("resolution", "x-meeting/r2", "draft",
                  {"meeting": "x-meeting", "title_fa": "مصوبه", "items": [
                      {"item": "1", "grants": [dict(POSTAL, id="x-free")]}]})],
     chair("resolution", "x-meeting/r2", "enact")),
    ("R-178", "item-limits",
     [secretariat("resolution", "x-meeting/r-dated", "draft",
                  {"meeting": "x-meeting", "title_fa": "مصوبه", "items": [
                      {"item": "1", "grants": [
                          dict(POSTAL, id="x-dated", item_limits=[
                              {"item": "street", "until": "1402-06-31"}])]}]})],
     chair("resolution", "x-meeting/r-dated", "enact")),
    ("R-122", "dedicated",
     [secretariat("resolution", "x-meeting/r3", "draft",
                  {"meeting": "x-meeting", "title_fa": "مصوبه", "items": [
                      {"item": "1", "grants": [
                          {"id": "x-setad", "consumer": "red-crescent",
                           "version": "promissory-note/v1",
                           "methods": ["note-parties"],
                           "request": "x-note"}]}]}),
      representative("red-crescent", "request", "x-note", "file",
                     {"consumer": "red-crescent",
                      "version": "promissory-note/v1",
                      "methods": ["note-parties"]}),
      representative("ministry-economic-affairs-finance", "request", "x-note",
                     "agree"),
      secretariat("request", "x-note", "endorse")],
     chair("resolution", "x-meeting/r3", "enact")),
    ("R-281", "role", [],
     secretariat("resolution", "x-meeting/r1", "enact")),
    ("R-280", "no-outcome",
     [secretariat("meeting", "x-meeting", "minute", {"outcomes": []})],
     secretariat("meeting", "x-meeting", "close")),
    ("R-115", "mode-list", [],
     representative("national-post-company", "mode", "x-mode", "propose",
                    {"version": "postal-code/v1", "method": "inquire",
                     "mode": "all-except"})),
    ("R-116", "transition",
     [representative("national-post-company", "mode", "x-mode", "propose",
                     {"version": "postal-code/v1", "method": "inquire",
                      "mode": "all", "purposes": [{"id": "any"}]})],
     chair("mode", "x-mode", "end")),
    ("R-233", "three-parties", [],
     secretariat("agreement", "x-sla", "write",
                 {"kind": "service-level", "text_fa": "متن",
                  "parties": ["red-crescent"]})),
    ("R-005", "no-resolution",
     [representative("ministry-defence", "exemption", "x-free", "request",
                     {"agency": "ministry-defence", "scope": "طبقه‌بندی‌شده"})],
     chair("exemption", "x-free", "decide", {"resolution": "x-meeting/r1"})),
    ("R-007", "new-link", [],
     secretariat("link", "x-link", "declare",
                 {"parties": ["red-crescent", "ministry-health"],
                  "what_fa": "ارتباط", "base_data": True,
                  "since": "1400-01-01"})),
    ("R-052", "rights",
     [representative("civil-registration-organisation", "publication", "x-pub",
                     "propose", {"version": "natural-person-inquiry/v1",
                                 "method": "inquire"}),
      chair("publication", "x-pub", "determine", {"resolution": "m38/r1"}),
      chair("publication", "x-pub", "confirm", {"letter": "۱۲۳"},
            of="supreme-council-cyberspace")],
     decision("publication", "x-pub", "switch-on", "operator", ITO, DAY)),
    ("R-287", "other-arbiter",
     [representative("judiciary", "dispute", "x-dispute", "file",
                     {"parties": ["judiciary", "central-bank"],
                      "text_fa": "اختلاف"})],
     secretariat("dispute", "x-dispute", "to-council")),
    ("R-311", "evidence",
     [representative("mashhad-municipality", "commitment",
                     "uptake/g-m38-r1-01", "report", {"report": "شد"})],
     secretariat("commitment", "uptake/g-m38-r1-01", "accept")),
    ("R-120", "no-calls", [],
     decision("commitment", "uptake/g-m38-r1-01", "evidence", "operator", ITO,
              DAY, {"evidence": {"kind": "other"}})),
    ("R-120", "not-declared", [],
     decision("commitment", "uptake/g-m24-r1-01", "evidence", "operator", ITO,
              DAY, {"evidence": {"kind": "calls", "count": 3}})),
    ("R-301", "take-over", [],
     secretariat("commitment", "m38/r5/c6", "take-over")),
    ("", "date-steps-back", [],
     decision("resolution", "m38/r5", "replace", "chair", WG, "1401-01-01",
              {"successor": "m38/r4"})),
]


@pytest.mark.parametrize("rule,word,before,broken", REFUSED,
                         ids=lambda v: v if isinstance(v, str) else "")
def test_a_decision_that_breaks_a_rule_is_refused(registry, rule, word, before,
                                                  broken):
    """The refusal names the rule, in both languages, and nothing happened."""
    for step in before:
        registry.must(step)
    last = registry.get("status")["last"]
    status, answer = registry.decide(broken)
    assert status == 422, answer
    assert (answer["rule"], answer["word"]) == (rule, word), answer
    assert answer["title"] and answer["title_fa"]
    status = registry.get("status")
    assert status["image"] == status["last"] == last


def test_a_batch_is_whole_or_nothing(registry):
    """One refused decision undoes those before it, and is named."""
    last = registry.get("status")["last"]
    good = secretariat("agency", "x-batch", "register", dict(FA, **BRANCH))
    status, answer = registry.decide(good, good)
    assert status == 422 and answer["index"] == 1
    assert registry.get("status")["last"] == last
    assert registry.ask("GET", "/registry/v1/agency/x-batch")[0] == 404


def test_both_sides_are_ready_before_a_grant_goes_live(registry):
    """R-031, R-112: a right from its request to its first call, each step by
    its own side, and withdrawn at once (R-131)."""
    ask = "x-life"
    post = "national-post-company"
    registry.must(
        representative("iran-air", "request", ask, "file",
                       dict(POSTAL, consumer="iran-air")),
        representative(post, "request", ask, "agree"),
        secretariat("request", ask, "endorse"),
        secretariat("meeting", "x-life", "plan", {"body": WG, "date": DAY}),
        secretariat("meeting", "x-life", "set-agenda",
                    {"agenda": [{"row": 1, "text_fa": "دسترسی"}]}),
        secretariat("meeting", "x-life", "invite"),
        chair("meeting", "x-life", "hold"),
        secretariat("resolution", "x-life/r1", "draft",
                    {"meeting": "x-life", "title_fa": "مصوبه", "items": [
                        {"item": "1", "grants": [
                            dict(POSTAL, consumer="iran-air", id=ask,
                                 request=ask)]}]}),
        chair("resolution", "x-life/r1", "enact"))
    live = decision("grant", ask, "go-live", "operator", ITO, DAY)
    assert registry.decide(live)[1]["word"] == "transition"
    registry.must(secretariat("resolution", "x-life/r1", "notify"))
    assert registry.decide(live)[1]["word"] == "transition"
    registry.must(representative(post, "grant", ask, "provider-ready"))
    assert registry.decide(live)[1]["word"] == "transition"
    assert registry.decide(representative(post, "grant", ask,
                                          "consumer-ready"))[0] == 422
    registry.must(representative("iran-air", "grant", ask, "consumer-ready"))
    registry.must(live)
    assert registry.get(f"grant/{ask}")["state"] == "live"
    assert registry.get(f"request/{ask}")["state"] == "granted"
    uptake = registry.get(f"commitment/uptake/{ask}")
    assert uptake["body"]["due_day"] == "1402-04-01"  # two months
    registry.must(secretariat("grant", ask, "withdraw"))
    assert registry.get(f"grant/{ask}")["state"] == "withdrawn"


def test_an_unclear_name_is_settled_before_a_grant_is_live(registry):
    """R-129: the secretariat says which service a resolution's name means."""
    grant, post = "x-unclear", "national-post-company"
    registry.must(
        representative("red-crescent", "request", grant, "file", POSTAL),
        representative(post, "request", grant, "agree"),
        secretariat("request", grant, "endorse"),
        secretariat("meeting", grant, "plan", {"body": WG, "date": DAY}),
        secretariat("meeting", grant, "set-agenda",
                    {"agenda": [{"row": 1, "text_fa": "دسترسی"}]}),
        secretariat("meeting", grant, "invite"), chair("meeting", grant, "hold"),
        secretariat("resolution", f"{grant}/r1", "draft", {
            "meeting": grant, "title_fa": "مصوبه", "items": [
                {"item": "1", "grants": [
                    dict(POSTAL, id=grant, request=grant, name_unclear=True,
                         name_in_documents="آدرس")]}]}),
        chair("resolution", f"{grant}/r1", "enact"),
        secretariat("resolution", f"{grant}/r1", "notify"),
        representative(post, "grant", grant, "provider-ready"),
        representative("red-crescent", "grant", grant, "consumer-ready"))
    live = decision("grant", grant, "go-live", "operator", ITO, DAY)
    status, answer = registry.decide(live)
    assert status == 422 and answer["rule"] == "R-129", answer
    registry.must(secretariat("grant", grant, "map", {"name_unclear": False}))
    registry.must(live)


def test_a_second_right_to_the_same_is_refused(registry):
    """R-017: the same consumer, version and method, while the first stands."""
    again = "x-again"
    body = registry.get("grant/x-unclear")["body"]
    registry.must(
        representative("red-crescent", "request", again, "file", POSTAL),
        representative("national-post-company", "request", again, "agree"),
        secretariat("request", again, "endorse"),
        secretariat("resolution", "x-unclear/r2", "draft", {
            "meeting": "x-unclear", "title_fa": "مصوبه", "items": [
                {"item": "1", "grants": [
                    dict(POSTAL, id=again, request=again,
                         methods=body["methods"])]}]}))
    status, answer = registry.decide(chair("resolution", "x-unclear/r2",
                                           "enact"))
    assert status == 422 and answer["word"] == "same-right", answer


def test_where_an_item_is_used_is_known(registry):
    """R-016, R-222: from an item to the services that take or give it."""
    with open(CATALOGUE / "services.json") as file:
        uses = {s["id"] for s in json.load(file)
                for part in [s, *s["operations"]]
                for name in ("inputs", "outputs")
                for field in part.get(name) or []
                if field["type"] == "national_id"}
    found = set()
    after = ""
    while after is not None:
        page = registry.get("users/data-item/national_id?of=version&count=500"
                            + (f"&after={after}" if after else ""))
        found |= {v["id"].split("/")[0] for v in page["version"]}
        after = page["next"]
    assert uses and uses == found


def test_a_system_answers_for_another_agency_only_while_that_agrees(registry):
    """R-029: proposed by one side, confirmed by the other, ended by any."""
    path = "property-deed-authenticity"
    deeds = "deeds-registration-organisation"
    system = "judiciary-data-centre"

    def answers():
        """(callable, whom the system's record names)."""
        shown = json.loads(registry.payvand(
            "image", "service", "show", path, "--json", "--image",
            registry.image).stdout)["methods"][0]
        named = registry.get(f"system/{system}")["body"]["serves_agencies"]
        return shown["callable"], deeds in named
    assert answers() == (False, True)  # nobody has an endpoint here
    registry.must(
        secretariat("appointment", "x-tech", "appoint", {
            "person": "technical/judiciary", "role": "technical",
            "of": "judiciary"}),
        decision("system", system, "key", "technical", "judiciary", DAY, {
            "spki_sha256": "ab" * 32, "networks": ["10.0.0.0/8"],
            "endpoint": {"address": "10.1.1.1", "port": 443,
                         "tls_name": "data.example",
                         "spki_sha256": "ab" * 32}}))
    assert answers() == (True, True)
    registry.must(representative(deeds, "representation",
                                 f"{system}/{deeds}", "end"))
    assert answers() == (False, False)
    registry.must(representative("judiciary", "representation", "x-deeds",
                                 "propose", dict(ANSWERS, provider=deeds)))
    assert answers() == (False, False)
    registry.must(representative(deeds, "representation", "x-deeds",
                                 "confirm"))
    assert answers() == (True, True)


def test_what_a_retired_system_carried_is_ended(registry):
    """Nobody else begins, or goes on, with it."""
    bank = "central-bank"

    def propose(name, of):
        return representative("judiciary", "representation", name, "propose", {
            "system": "x-old-node", "agency": "judiciary", "provider": of})
    registry.must(
        secretariat("system", "x-old-node", "register", {
            "agency": "judiciary", "kind": "connector", "name_fa": "گره"}),
        propose("x-for-bank", bank), propose("x-for-red", "red-crescent"),
        representative(bank, "representation", "x-for-bank", "confirm"),
        secretariat("system", "x-old-node", "retire"))
    for late in (propose("x-for-more", "ministry-health"),
                 representative("red-crescent", "representation", "x-for-red",
                                "confirm")):
        status, answer = registry.decide(late)
        assert (status, answer["rule"], answer["word"]) == (
            422, "R-029", "retired"), answer
    registry.must(representative(bank, "representation", "x-for-bank", "end"))
    row = registry.get("system/x-old-node")
    assert (row["state"], row["body"]["serves_agencies"]) == ("retired", [])


def test_an_extension_moves_the_due_date(registry):
    """R-006: only when the working group decides it."""
    registry.must(
        representative("tax-administration", "extension", "x-more", "request",
                       {"agency": "tax-administration",
                        "commitment": "m38/r5/c6", "until": "1402-06-31"}),
        chair("extension", "x-more", "decide", {"resolution": "m38/r1"}))
    assert registry.get("commitment/m38/r5/c6")["body"]["due_day"] == \
        "1402-06-31"


def test_the_key_decides_once(registry):
    """The same again is answered with its number; another one is refused."""
    one = secretariat("agency", "x-key", "register", dict(FA, **BRANCH),
                      key="x-key")
    first = registry.must(one)
    again = registry.must(one)
    assert again["first"] == first["first"] and again["repeated"] == 1
    status, answer = registry.decide(dict(one, id="x-other"))
    assert status == 422 and answer["word"] == "key-used"


def test_a_database_that_is_gone_is_told_and_taken_up_again(registry):
    """Decisions wait with clear words; nothing is half done."""
    if registry.server is None:
        pytest.skip("a file does not go away")
    last = registry.get("status")["last"]
    one = secretariat("agency", "x-gone", "register", dict(FA, **BRANCH),
                      key="x-gone")
    registry.server.stop("immediate")
    status, answer = registry.decide(one)
    assert status == 503 and "database-gone" in answer["type"]
    registry.server.start()
    for _ in range(100):
        status, answer = registry.decide(one)
        if status == 200:
            break
        time.sleep(0.1)  # it is tried once a second
    assert status == 200, answer
    assert registry.get("status")["last"] == last + 1


def test_a_new_image_is_made_from_the_records(registry, tmp_path):
    """An image that is lost is made again, and is the same."""
    before = registry.matrix(1_700_000_000_000)
    registry.stop()
    for name in ("data.mdb", "lock.mdb"):
        (registry.image / name).rename(tmp_path / name)
    registry.start()
    assert registry.matrix(1_700_000_000_000) == before
