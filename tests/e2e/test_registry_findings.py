"""Rules of what has to go and of what is missing: paper, log-ins, links,
second paths, requests that nobody made; and lists page by page."""

import csv
import io
import json
import os
import tempfile

import pytest

from findings import (AEO, COUNCIL, DAY, FORM, INTERIOR, all_of, chair, passport,
                      payvand, refused, representative, secretariat)
from registryd import BUILD, WG, Registry, decision

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


@pytest.fixture(name="registry", scope="module")
def fixture_registry():
    """The whole catalogue, enacted."""
    with tempfile.TemporaryDirectory(prefix="pv-findings-") as folder:
        os.chmod(folder, 0o755)
        registry = Registry(folder)
        registry.enact()
        try:
            yield registry
            registry.stop()
        finally:
            registry.kill()


def test_r251_a_business_licence_has_one_step_more(registry):
    """The deregulation board's secretariat comes before the working group; a
    passport that came back goes through it again."""
    name = "x-licence"
    passport(registry, name, business_licence=True)
    board = "deregulation-board-secretariat"
    coordinate = representative(board, "passport", name, "coordinate",
                                {"letter": "۱۲۳"})

    def hand_in():
        registry.must(representative(INTERIOR, "passport", name, "submit"),
                      representative(AEO, "passport", name, "evaluate"))
    hand_in()
    refused(registry, "R-251", "not-coordinated",
            chair("passport", name, "confirm"))
    refused(registry, "R-248", "role",
            dict(coordinate, of=AEO, actor=f"representative/{AEO}"))
    registry.must(coordinate,
                  chair("passport", name, "return", {"remarks": "ناقص"}),
                  representative(INTERIOR, "passport", name, "write",
                                 {"form": FORM}))
    hand_in()
    refused(registry, "R-251", "not-coordinated",
            chair("passport", name, "confirm"))
    registry.must(coordinate, chair("passport", name, "confirm"))
    assert registry.get(f"passport/{name}")["state"] == "confirmed"

    passport(registry, "x-plain")
    registry.must(representative(INTERIOR, "passport", "x-plain", "submit"),
                  representative(AEO, "passport", "x-plain", "evaluate"))
    refused(registry, "R-251", "no-licence", dict(coordinate, id="x-plain"))
    registry.must(chair("passport", "x-plain", "confirm"))


def test_r013_an_old_log_in_becomes_a_duty_and_a_new_one_is_refused(registry):
    """Each agency that logs in is to get a service; declared once."""
    name = "x-cartable"
    registry.must(secretariat("system", name, "register", {
        "name_fa": "سامانه", "agency": "customs-administration",
        "kind": "connector"}))
    body = {"of": "system", "agency": "customs-administration", "system": name,
            "cartable_access": True, "basis": "proposed", "form": {},
            "cartable_agencies": ["ministry-health", "red-crescent"]}
    owner = "customs-administration"

    def write(**more):
        return representative(owner, "passport", name, "write",
                              dict(body, **more))
    refused(registry, "R-013", "cartable", write())
    refused(registry, "R-013", "cartable", write(cartable_since="1400-11-14"))
    refused(registry, "R-013", "cartable",
            write(cartable_since="1399-01-01", cartable_agencies=[]))
    registry.must(write(cartable_since="1399-01-01"),
                  representative(owner, "passport", name, "submit"))
    for agency in body["cartable_agencies"]:
        duty = registry.get(f"commitment/cartable/{name}/{agency}")
        assert duty["state"] == "open"
        assert duty["body"]["responsible"] == [owner]
        assert duty["body"]["collaborators"] == [agency]
    registry.must(
        representative(AEO, "passport", name, "return", {"remarks": "ناقص"}),
        write(cartable_since="1399-01-01"),
        representative(owner, "passport", name, "submit"))
    assert registry.get(
        f"commitment/cartable/{name}/red-crescent")["version"] == 1


def test_r009_an_inquiry_leaves_paper_and_paper_is_reported(registry):
    """Paper, both, electronic alone; nothing takes the place of paper that
    cannot be called."""
    name = "x-postal"
    post = "national-post-company"
    registry.must(representative(post, "inquiry", name, "register",
                                 {"agency": post, "name_fa": "کد پستی"}))
    refused(registry, "R-009", "transition",
            representative(post, "inquiry", name, "end-paper"))
    for version in ("country-divisions/v1", "newborn-two-parents-list/v1"):
        status, answer = registry.decide(representative(
            post, "inquiry", name, "offer", {"version": version}))
        assert status == 422 and (answer["word"] in (
            "not-electronic", "unknown-record")), answer
    registry.must(representative(post, "inquiry", name, "offer",
                                 {"version": "postal-code/v1"}),
                  representative(post, "inquiry", name, "end-paper"))
    assert registry.get(f"inquiry/{name}")["state"] == "electronic"
    report = {"asked_by": "red-crescent", "letter": "۴۵۶"}
    for day in ("1398-09-23", "1402-02-02"):
        refused(registry, "R-009", "paper-day",
                representative(post, "inquiry", name, "report-paper",
                               dict(report, received=day)))
    registry.must(representative(post, "inquiry", name, "report-paper",
                                 dict(report, received="1402-01-20")))
    refused(registry, "R-009", "role", representative(
        "red-crescent", "inquiry", name, "report-paper",
        dict(report, received="1402-01-20")))
    rows = registry.get("inquiry?state=electronic")["inquiry"]
    assert [r["id"] for r in rows] == [name]


def test_r008_a_link_without_permit_or_exemption_is_shown(registry):
    """A permit of the council does not replace the working group's exemption;
    a path of the exchange beside a link is shown too (R-017)."""
    link = {"parties": ["red-crescent", "ministry-health"], "base_data": True,
            "what_fa": "ارتباط"}
    registry.must(
        secretariat("link", "x-link", "declare",
                    dict(link, since="1390-01-01")),
        representative("red-crescent", "link", "x-new", "propose", link))

    def violations():
        rows = registry.get("views/links?party=red-crescent")["links"]
        return {r["id"]: r.get("violations") for r in rows}
    assert violations() == {"x-link": ["no-permit", "no-exemption"],
                            "x-new": None}
    registry.must(decision("link", "x-link", "permit", "chair", COUNCIL, DAY,
                           {"permit": "۷۸۹"}))
    assert violations()["x-link"] == ["no-exemption"]
    registry.must(representative(
        "ministry-defence", "exemption", "x-other", "request",
        {"agency": "ministry-defence", "scope": "محرمانه"}))
    exempt = secretariat("link", "x-link", "exempt", {"exemption": "x-other"})
    refused(registry, "R-008", "no-exemption", exempt)
    registry.must(
        representative("red-crescent", "exemption", "x-own", "request",
                       {"agency": "red-crescent", "scope": "محرمانه"}))
    exempt["data"]["exemption"] = "x-own"
    refused(registry, "R-008", "no-exemption", exempt)
    registry.must(chair("exemption", "x-own", "decide",
                        {"resolution": "m38/r1"}), exempt)
    assert violations()["x-link"] == []
    # one that is over holds no longer, nor can a link be put under it
    registry.must(
        representative("red-crescent", "exemption", "x-over", "request",
                       {"agency": "red-crescent", "scope": "محرمانه"}),
        chair("exemption", "x-over", "decide",
              {"resolution": "m38/r1", "until": DAY}),
        dict(exempt, data={"exemption": "x-over"}))
    assert registry.get(f"views/links?as_of={DAY}&party=red-crescent")[
        "links"][0]["violations"] == []
    assert violations()["x-link"] == ["no-exemption"]
    refused(registry, "R-008", "no-exemption",
            dict(exempt, date="1402-02-02",
                 data={"exemption": "x-over"}))
    registry.must(exempt)
    beside = next(g for g in registry.get("grant?state=live")["grant"])
    registry.must(secretariat("link", "x-beside", "declare", {
        "parties": [beside["body"]["consumer"], beside["body"]["provider"]],
        "base_data": False, "what_fa": "ارتباط", "since": "1390-01-01"}))
    rows = json.loads(payvand(registry, "link", "violations", "--json"))
    row = next(r for r in rows["links"] if r["id"] == "x-beside")
    assert row["violations"] == ["no-exemption", "duplicate-path"]
    assert registry.get(f"grant/{row['exchange_path']}")["state"] == "live"
    assert "x-beside" in payvand(registry, "link", "violations")
    table = list(csv.DictReader(io.StringIO(
        payvand(registry, "link", "violations", "--csv").lstrip("\ufeff"))))
    assert {r["id"] for r in table} == {r["id"] for r in rows["links"]}


def test_r123_named_consumers_are_changed_by_a_resolution_only(registry):
    """Neither the provider nor a mode opens the service to others."""
    name = "knowledge-based-company-status"
    body = registry.get(f"service/{name}")["body"]
    provider = body["provider"]
    named = body["only_consumers"]
    status, answer = registry.decide(representative(
        provider, "service", name, "change",
        {"only_consumers": [*named, "red-crescent"]}))
    assert status == 422, answer
    mode = {"version": f"{name}/v1", "method": registry.get(
        f"version/{name}/v1")["body"]["methods"][0]["id"],
            "purposes": [{"id": "any"}]}
    for more in ({"mode": "all"},
                 {"mode": "all-except", "list": ["ministry-health"]},
                 {"mode": "allow-list", "list": ["red-crescent"]}):
        refused(registry, "R-123", "named-consumers", representative(
            provider, "mode", "x-open", "propose", dict(mode, **more)))
    registry.must(representative(
        provider, "mode", "x-named", "propose",
        dict(mode, mode="allow-list", list=named[:1])))
    change = chair("service", name, "name-consumers", {
        "only_consumers": [*named, "red-crescent"],
        "consumers_by": "x-none"})
    assert registry.decide(change)[0] == 422
    registry.must(
        secretariat("meeting", "x-named", "plan", {"body": WG, "date": DAY}),
        secretariat("meeting", "x-named", "set-agenda",
                    {"agenda": [{"row": 1, "text_fa": "نام‌ها"}]}),
        secretariat("meeting", "x-named", "invite"),
        chair("meeting", "x-named", "hold"),
        secretariat("resolution", "x-named/r1", "draft", {
            "meeting": "x-named", "title_fa": "مصوبه",
            "items": [{"item": "1", "text_fa": "نام‌ها"}]}))
    change["data"]["consumers_by"] = "x-named/r1"
    refused(registry, "R-123", "no-resolution", change)
    registry.must(chair("resolution", "x-named/r1", "enact"), change,
                  representative("red-crescent", "request", "x-named", "file", {
                      "consumer": "red-crescent", "version": f"{name}/v1"}))
    # a mode that was proposed before is held against the names of today
    registry.must(
        chair("service", name, "name-consumers", {
            "only_consumers": ["red-crescent"], "consumers_by": "x-named/r1"}),
        secretariat("resolution", "x-named/r2", "draft", {
            "meeting": "x-named", "title_fa": "مصوبه",
            "items": [{"item": "1", "text_fa": "شیوه",
                       "modes": ["x-named"]}]}))
    refused(registry, "R-123", "named-consumers",
            chair("resolution", "x-named/r2", "enact"))


def test_r253_needs_of_a_passport_become_missing_requests(registry):
    """Of registers and of services that the form names, what the agency has
    not asked for; a request takes it away."""
    name = "x-needs"
    passport(registry, name, {
        "base_registry_needs": ["natural-person-identity"],
        "cooperation_services": ["postal-code"]})
    refused(registry, "R-252", "form-field", representative(
        INTERIOR, "passport", name, "write",
        {"form": dict(FORM, cooperation_services=["no-such-service"])}))

    def needs():
        rows = registry.get(
            f"views/missing-requests?party={INTERIOR}")["passports"]
        found = [r["needs"] for r in rows if r["id"] == name]
        return found[0] if found else []
    before = needs()
    assert {"services": ["postal-code"]} in before
    registry.must(representative(INTERIOR, "request", name, "file", {
        "consumer": INTERIOR, "version": "postal-code/v1",
        "purposes": [{"id": "divisions"}]}))
    after = needs()
    assert [n for n in before if n not in after] == [
        {"services": ["postal-code"]}]
    page = payvand(registry, "request", "missing", "--party", INTERIOR)
    assert (name in page) == bool(after)


def test_r017_two_paths_for_the_same_data_are_reported(registry):
    """Rights of one consumer to two services of one provider that give the
    same items; a "yes" alone is no item of data, as many services of the
    catalogue give one. Once one of them is over, nothing is left to report."""
    assert registry.get("views/duplicate-paths")["paths"] == []
    post = "national-post-company"
    outputs = ["x-zone", "yes_no"]
    registry.must(secretariat("data-item", "x-zone", "register", {
        "name_fa": "ناحیه", "definition": {"base_type": "string"}}))
    made = []
    for name in ("x-twin-a", "x-twin-b"):
        registry.must(
            representative(post, "service", name, "register",
                           {"provider": post, "name_fa": name}),
            representative(post, "version", f"{name}/v1", "declare", {
                "service": name, "outputs": outputs, "existing": True,
                "methods": [{"id": "inquire", "pattern": "inquiry"}]}),
            representative("iran-air", "request", name, "file", {
                "consumer": "iran-air", "version": f"{name}/v1",
                "purposes": [{"id": "post"}]}),
            representative(post, "request", name, "agree"),
            secretariat("request", name, "endorse"))
        made.append({"id": name, "consumer": "iran-air", "request": name,
                     "version": f"{name}/v1", "purposes": [{"id": "post"}]})
    registry.must(
        secretariat("meeting", "x-twin", "plan", {"body": WG, "date": DAY}),
        secretariat("meeting", "x-twin", "set-agenda",
                    {"agenda": [{"row": 1, "text_fa": "دسترسی"}]}),
        secretariat("meeting", "x-twin", "invite"),
        chair("meeting", "x-twin", "hold"),
        secretariat("resolution", "x-twin/r1", "draft", {
            "meeting": "x-twin", "title_fa": "مصوبه",
            "items": [{"item": "1", "grants": made}]}),
        chair("resolution", "x-twin/r1", "enact"))
    rows = json.loads(payvand(registry, "grant", "duplicates", "--json"))
    assert {(r["id"], r["same_as"]) for r in rows["paths"]} >= {
        ("x-twin-a", "x-twin-b"), ("x-twin-b", "x-twin-a")}
    assert "x-twin-a" in payvand(registry, "grant", "duplicates")
    registry.must(secretariat("grant", "x-twin-b", "withdraw"))
    rows = registry.get("views/duplicate-paths?party=iran-air")["paths"]
    assert [r for r in rows if "x-twin-b" in (r["id"], r["same_as"])] == []


@pytest.mark.parametrize("view,rows", [
    ("commitments", "commitments"), ("reminders", "commitments"),
    ("missing-requests", "passports"), ("links", "links"),
    ("duplicate-paths", "paths")])
def test_a_list_is_read_page_by_page(registry, view, rows):
    """All pages together are the whole list, each row once, by id."""
    whole = registry.get(f"views/{view}")
    assert whole["more"] is False and "next" not in whole
    found, after = [], ""
    while after is not None:
        page = registry.get(f"views/{view}?count=50" +
                            (f"&after={after}" if after else ""))
        assert len(page[rows]) <= 50
        assert page["more"] == (page["next"] is not None)
        found += page[rows]
        after = page["next"]
    ids = [r["id"] for r in found]
    assert ids == sorted(set(ids))
    assert sorted(whole[rows], key=lambda r: r["id"]) == found


@pytest.mark.parametrize("query", [
    "count=0", "count=501", "count=x", "after=x", "count=5&after=../x"])
def test_a_page_has_a_named_most(registry, query):
    """500 rows; a cursor goes with a page."""
    status, answer = registry.ask("GET",
                                  f"/registry/v1/views/commitments?{query}")
    assert status == 400 and answer["title_fa"], answer


def test_the_command_line_reads_pages(registry):
    """Of a view and of records: so many rows, and where to go on."""
    for words, rows in ((("commitment", "list"), "commitments"),
                        (("grant", "list"), "grant")):
        first = json.loads(payvand(registry, *words, "--count", "3", "--json"))
        assert len(first[rows]) == 3 and first["next"] == first[rows][2]["id"]
        second = json.loads(payvand(registry, *words, "--count", "3",
                                    "--after", first["next"], "--json"))
        assert second[rows][0]["id"] > first["next"]
        assert first["next"] in payvand(registry, *words, "--count", "3",
                                        "--lang", "en")


# ---- what data are for, and data that are wrong ----


def test_r272_whoever_proposes_base_data_says_what_they_are_for(registry):
    register = secretariat("register", "x-base", "register", {
        "name_fa": "پایگاه", "is_base": True, "custodian": INTERIOR})
    refused(registry, "R-272", "needed-for", register)
    register["data"]["needed_for"] = ["curiosity"]
    status, answer = registry.decide(register)
    assert status == 422 and answer["word"] == "field-value", answer
    register["data"]["needed_for"] = ["persons", "financial-exchange"]
    registry.must(register)
    for one in all_of(registry, "register"):
        assert bool(one["body"].get("needed_for")) == one["body"]["is_base"]


def test_r274_wrong_base_data_are_reported_to_their_custodian(registry):
    """It answers; the platform corrects nothing, and no person is named."""
    custodian, consumer = "ministry-industry-mine-trade", "red-crescent"

    def report(name, **more):
        return representative(consumer, "correction", name, "report", dict(
            {"consumer": consumer, "version": "goods-id-assignment/v1",
             "data_item": "goods_id", "text_fa": "نام با سند نمی‌خواند",
             "tracking_id": "0198f2c4-0000-7000-8000-000000000001"}, **more))
    registry.must(report("x-wrong"))
    record = registry.get("correction/x-wrong")["body"]
    assert (record["agency"], record["register"]) == (
        custodian, "goods-services")
    registry.must(
        secretariat("register", "x-nobodys", "register",
                    {"name_fa": "پایگاه", "is_base": False}),
        representative(INTERIOR, "service", "x-nobodys", "register",
                       {"provider": INTERIOR, "name_fa": "سرویس",
                        "register": "x-nobodys"}),
        representative(INTERIOR, "version", "x-nobodys/v1", "declare",
                       {"service": "x-nobodys", "methods": [
                           {"id": "ask", "pattern": "inquiry"}]}))
    refused(registry, "R-274", "no-custodian",
            report("x-nobodys", version="x-nobodys/v1"))
    for text in ("کد ملی 9991234561", "کد ملی ۹۹۹۱۲۳۴۵۶۱", "٩٩٩١٢٣٤٥٦١",
                 "کد 999 123 4561", "کد ۹۹۹-۱۲۳-۴۵۶۱"):
        refused(registry, "R-274", "personal", report("x-names", text_fa=text))
    assert registry.decide(report("x-names", tracking_id="0012345678"))[0] >= 400
    refused(registry, "R-274", "no-base-data",
            report("x-other", data_item="iban"))
    answer = representative(custodian, "correction", "x-wrong", "reject",
                            {"remarks": "درست است"})
    refused(registry, "R-274", "role", dict(
        answer, of=consumer, actor=f"representative/{consumer}"))
    refused(registry, "R-274", "personal", representative(
        custodian, "correction", "x-wrong", "reject",
        {"remarks": "کد 9991234561"}))
    registry.must(answer)
    # what was rejected stays the report of who made it
    refused(registry, "R-274", "reporter", representative(
        "ministry-health", "correction", "x-wrong", "report",
        {**report("x-wrong")["data"], "consumer": "ministry-health"}))
    registry.must(report("x-wrong", text_fa="سند پیوست است, 1402-02-15"),
                  representative(custodian, "correction", "x-wrong", "correct"))
    refused(registry, "R-274", "transition", answer)
    assert "x-wrong" in payvand(registry, "correction", "list", "--state",
                                "corrected")


def test_r219_a_version_names_the_framework_that_it_conforms_to(registry):
    """From the day on which one is issued; the version before it is over."""
    registry.must(
        secretariat("instruction", "x-egif-1", "write",
                    {"title_fa": "چارچوب", "is_framework": True}),
        representative(INTERIOR, "service", "x-framed", "register",
                       {"provider": INTERIOR, "name_fa": "سرویس چارچوب"}))

    def declare(name, **more):
        return representative(INTERIOR, "version", name, "declare", dict(
            {"service": "x-framed",
             "methods": [{"id": "ask", "pattern": "inquiry"}]}, **more))
    registry.must(declare("x-framed/v1"))  # none is in force yet
    refused(registry, "R-219", "framework",
            declare("x-framed/v2", framework="x-egif-1"))
    registry.must(chair("instruction", "x-egif-1", "issue",
                        {"effective": DAY, "resolution": "m38/r1"}))
    refused(registry, "R-219", "framework", declare("x-framed/v2"))
    registry.must(declare("x-framed/v2", framework="x-egif-1"))
    used = registry.get("users/instruction/x-egif-1?of=version")["version"]
    assert [one["id"] for one in used] == ["x-framed/v2"]
    registry.must(chair("instruction", "x-egif-1", "withdraw"))
    refused(registry, "R-219", "framework",
            representative(INTERIOR, "version", "x-framed/v2", "design",
                           {"framework": "x-egif-1"}))


def test_r282_a_legal_base_is_searched_in_any_spelling(registry):
    """Arabic and Persian letters, joiners and capitals are no difference."""
    registry.must(representative(
        INTERIOR, "service", "x-lawful", "register",
        {"provider": INTERIOR, "name_fa": "سرویس قانونی",
         "legal_basis": "مادهٔ ۷ قانون آیین‌نامه یکپارچه، Act 9"}))

    def found(words):
        return [row["id"] for row in json.loads(payvand(
            registry, "resolution", "search", words, "--json"))["bases"]]
    for words in ("آیین‌نامه یکپارچه", "آييننامه يكپارچه", "act 9"):
        assert found(words) == ["x-lawful"], words
    assert found("هیچ‌کجا") == []
    assert "cheque" in payvand(registry, "resolution", "search",
                               "CHEQUE ISSUANCE").lower()
    meetings = [row["kind"] for row in registry.get("views/legal-bases")[
        "bases"]]
    assert {"meeting", "service"} <= set(meetings)
    for bad in ("zz", "0", "00", "ff" * 500):
        status, _ = registry.ask("GET",
                                 f"/registry/v1/views/legal-bases?of={bad}")
        assert status == 400, bad
