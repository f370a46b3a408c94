"""Rules of what has to go and of what is missing: paper, log-ins, links,
second paths, requests that nobody made; and lists page by page."""

import csv
import io
import json
import os
import subprocess
import tempfile

import pytest

from registryd import BUILD, WG, Registry, UnixConnection, decision

DAY = "1402-02-01"
COUNCIL = "executive-it-council"
AEO = "administrative-employment-organisation"
INTERIOR = "ministry-interior"

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


def secretariat(kind, record, event, data=None):
    """What the secretariat decides."""
    return decision(kind, record, event, "secretariat", WG, DAY, data)


def representative(of, kind, record, event, data=None):
    """What an agency's representative decides."""
    return decision(kind, record, event, "representative", of, DAY, data)


def chair(kind, record, event, data=None, of=WG):
    """What the chair of a body decides."""
    return decision(kind, record, event, "chair", of, DAY, data)


def refused(registry, rule, word, broken):
    """By that rule, in both languages, and nothing is decided."""
    last = registry.get("status")["last"]
    status, answer = registry.decide(broken)
    assert (status, answer.get("rule"), answer.get("word")) == (
        422, rule, word), answer
    assert answer["title"] and answer["title_fa"]
    assert registry.get("status")["last"] == last


def payvand(registry, *arguments):
    """What the command line prints."""
    done = subprocess.run(
        [BUILD / "cli/payvand", *arguments, "--socket", registry.socket],
        capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


FORM = {"service_title": "خدمت", "service_nature": ["sovereign"],
        "service_description": "شرح", "recipients": "مردم",
        "current_channels": ["website"], "electronic_method": ["transactional"],
        "electronic_level": ["national"], "service_kind": ["G2C"],
        "needs_cooperation": True, "base_registry_needs": []}


def passport(registry, name, form=None, **more):
    """A service of the interior ministry, and its passport's draft."""
    registry.must(
        representative(INTERIOR, "service", name, "register",
                       {"provider": INTERIOR, "name_fa": name}),
        representative(INTERIOR, "passport", name, "write", dict(
            {"of": "service", "agency": INTERIOR, "service": name,
             "form": dict(FORM, **(form or {}))}, **more)))


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


# ---- lists for everybody, and figures ----


def ids(rows):
    """Of their agencies."""
    return [row["agency"]["id"] for row in rows]


def public(registry, view, form="json"):
    """What nobody in particular gets, through nginx's socket."""
    connection = UnixConnection(registry.web)
    connection.request("GET", f"/registry/v1/views/{view}?format={form}")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200, text
    return json.loads(text) if form == "json" else text


def exempt(registry, name, agency, **more):
    """Decided by the working group (R-005)."""
    registry.must(
        representative(agency, "exemption", name, "request", dict(
            {"agency": agency, "scope": "طبقه‌بندی‌شده"}, **more)),
        chair("exemption", name, "decide", {"resolution": "m38/r1"}))


def test_r128_the_list_of_rights_is_public_but_for_exempt_ones(registry):
    """Consumer, provider, service and resolution of each; what is exempt is
    not there, and nothing says so."""
    before = public(registry, "public-grants")
    # what is exempt is kept until the next decision
    assert public(registry, "public-grants") == before
    rows = {row["id"]: row for row in before["grants"]}
    one = rows["g-m38-r1-22"]
    body = registry.get("grant/g-m38-r1-22")["body"]
    assert (one["consumer"]["id"], one["provider"]["id"], one["version"],
            one["resolution"]) == (body["consumer"], body["provider"],
                                   body["version"], body["resolution"])
    assert not {"purposes", "quota", "conditions", "items"} & set(one)
    told = {i["id"] for i in all_of(registry, "grant")
            if i["state"] not in ("decided", "withdrawn", "ended")}
    assert set(rows) == told
    service = body["version"].split("/")[0]
    exempt(registry, "x-exempt", body["provider"], service=service)
    after = {row["id"] for row in public(registry, "public-grants")["grants"]}
    assert set(rows) - after == {
        i for i, row in rows.items()
        if row["version"].split("/")[0] == service} and after
    page = public(registry, "public-grants", "html")
    assert 'dir="rtl"' in page and "g-m24-r1-10" not in page
    assert "m24/r1" in page and service not in page
    text = payvand(registry, "grant", "public", "--party", "red-crescent")
    assert "red-crescent" not in text or "m38" in text
    registry.must(chair("exemption", "x-exempt", "end"))
    assert public(registry, "public-grants")["grants"] == before["grants"]
    # its records stay for those who have a role
    connection = UnixConnection(registry.web)
    connection.request("GET", "/registry/v1/grant")
    assert connection.getresponse().status == 401
    connection.close()


def ask_public(registry, view, query):
    connection = UnixConnection(registry.web)
    connection.request("GET", f"/registry/v1/views/{view}?{query}")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.getheader("Link"), text


@pytest.mark.parametrize("view", ["public-grants", "public-passports"])
@pytest.mark.parametrize("moment", ["at=1", "as_of=1500-01-01",
                                    "as_of=1390-01-01"])
def test_r005_no_other_day_shows_what_is_exempt_now(registry, view, moment):
    assert ask_public(registry, view, "format=json&" + moment)[0] == 400


def test_r005_an_exempt_agency_is_in_no_list(registry):
    member = "ministry-health"
    registry.must(
        representative("national-post-company", "mode", "x-listed", "propose", {
            "version": "postal-code/v1", "method": "inquire",
            "mode": "all-except", "list": [member, "tavanir"],
            "purposes": [{"id": "any"}]}),
        secretariat("meeting", "x-listed", "plan", {"body": WG, "date": DAY}),
        secretariat("meeting", "x-listed", "set-agenda",
                    {"agenda": [{"row": 1, "text_fa": "شیوه"}]}),
        secretariat("meeting", "x-listed", "invite"),
        chair("meeting", "x-listed", "hold"),
        secretariat("resolution", "x-listed/r1", "draft", {
            "meeting": "x-listed", "title_fa": "مصوبه",
            "items": [{"item": "1", "text_fa": "شیوه",
                       "modes": ["x-listed"]}]}),
        chair("resolution", "x-listed/r1", "enact"),
        secretariat("resolution", "x-listed/r1", "notify"))

    def listed():
        row, = [m for m in public(registry, "public-grants")["modes"]
                if m["id"] == "x-listed"]
        return {party["id"] for party in row["list"]}

    assert member in listed() and member in listed()
    other = ask_public(registry, "public-grants", "party=tavanir&format=json")
    assert json.loads(other[2])["modes"] == []
    exempt(registry, "x-member", member)
    assert member not in listed()
    registry.must(chair("exemption", "x-member", "end"))
    assert member in listed()


def test_public_lists_come_by_page_in_every_form(registry):
    whole = public(registry, "public-grants")
    assert whole["next"] is None and len(whole["grants"]) > 4
    found, query = [], "format=json&count=3"
    while query:
        status, link, text = ask_public(registry, "public-grants", query)
        assert status == 200, text
        page = json.loads(text)
        assert len(page["grants"]) <= 3
        assert ("modes" in page) == ("after" not in query)
        found += page["grants"]
        assert (link is None) == (page["next"] is None)
        query = link and link.split("?", 1)[1].split(">")[0]
        assert not link or link.endswith('>; rel="next"')
    assert found == whole["grants"]
    for form, more in (("csv", None), ("html", "after=")):
        status, link, text = ask_public(
            registry, "public-grants", f"format={form}&count=3&lang=en")
        assert status == 200 and "lang=en" in link and "count=3" in link
        assert more is None or more in text


def test_r255_confirmed_passports_are_public(registry):
    """At once; a draft is not, nor one of an exempt service."""
    for name in ("x-public", "x-hidden", "x-draft"):
        passport(registry, name)
    for name in ("x-public", "x-hidden"):
        registry.must(representative(INTERIOR, "passport", name, "submit"),
                      representative(AEO, "passport", name, "evaluate"),
                      chair("passport", name, "confirm"))

    rows = {row["id"]: row for row in public(
        registry, "public-passports")["passports"]}
    assert {"x-public", "x-hidden"} <= set(rows) and "x-draft" not in rows
    assert rows["x-public"]["form"]["service_title"] == "خدمت"
    assert rows["x-public"]["confirmed"] == DAY
    assert {row["of"] for row in rows.values()} == {"service"}
    exempt(registry, "x-hides", INTERIOR, service="x-hidden")
    rows = {row["id"] for row in public(
        registry, "public-passports")["passports"]}
    assert "x-public" in rows and "x-hidden" not in rows
    for lang, word in (("html&lang=fa", "شناسنامه"), ("html&lang=en",
                                                     "Passports of services")):
        page = public(registry, "public-passports", lang)
        assert word in page and "x-public" in page and "x-hidden" not in page
    registry.must(chair("exemption", "x-hides", "end"))


def test_r005_an_exemption_is_over_after_its_last_day(registry):
    """Until then its service is registered nowhere; then it may be."""
    registry.must(
        representative(INTERIOR, "exemption", "x-while", "request",
                       {"agency": INTERIOR, "scope": "محرمانه",
                        "service": "x-later"}),
        chair("exemption", "x-while", "decide",
              {"resolution": "m38/r1", "until": DAY}))
    register = representative(INTERIOR, "service", "x-later", "register",
                              {"provider": INTERIOR, "name_fa": "سرویس آزادشده"})
    refused(registry, "R-005", "exempt", register)
    registry.must(dict(register, date="1402-02-02"))


def all_of(registry, kind):
    """Every record of a kind."""
    after, found = "", []
    while after is not None:
        page = registry.get(f"{kind}?count=500"
                            + (f"&after={after}" if after else ""))
        found += page[kind]
        after = page["next"]
    return found


def test_r258_passports_are_counted_by_agency(registry):
    counts = registry.get("views/passport-counts")
    rows = {row["agency"]["id"]: row for row in counts["agencies"]}
    expected = {}
    for one in all_of(registry, "passport"):
        if one["state"] != "replaced":
            agency = expected.setdefault(one["body"]["agency"], [0, 0])
            agency[0] += 1
            agency[1] += one["state"] == "confirmed"
    assert {a: [r["passports"], r["confirmed"]] for a, r in rows.items()
            if r["passports"]} == expected
    assert counts["totals"]["confirmed"] == sum(
        c for _, c in expected.values()) > 10
    assert counts["totals"]["services"] == sum(
        1 for s in all_of(registry, "service") if s["state"] == "registered")
    lines = list(csv.DictReader(io.StringIO(payvand(
        registry, "passport", "counts", "--csv").lstrip("\ufeff"))))
    assert {line["agency.id"] for line in lines} == set(rows)
    assert "شناسنامه‌ها" in payvand(registry, "passport", "counts", "--html")


def test_r290_access_by_resolution_and_by_mode_is_a_share(registry):
    view = registry.get("views/access-paths")
    path = {row["path"]: row for row in view["paths"]}
    live = [g for g in all_of(registry, "grant") if g["state"] == "live"]
    assert path["resolution"]["decisions"] == len(live)
    assert path["resolution"]["accesses"] == sum(
        len(g["body"]["methods"]) for g in live)
    agencies = sum(1 for a in all_of(registry, "agency")
                   if a["state"] == "registered"
                   and a["body"]["legal_type"] != "group")
    opened = 0
    for one in all_of(registry, "mode"):
        if one["state"] == "in-force":
            listed = len(one["body"].get("list", []))
            opened += {"all": agencies - 1, "allow-list": listed,
                       "all-except": agencies - 1 - listed}[
                           one["body"]["mode"]]
    assert path["mode"]["accesses"] == opened
    whole = path["resolution"]["accesses"] + opened
    assert view["accesses"] == whole
    assert [path[p]["permille"] for p in ("resolution", "mode")] == [
        path["resolution"]["accesses"] * 1000 // whole, opened * 1000 // whole]
    assert "resolution" in payvand(registry, "grant", "paths")


def test_r014_custodians_come_first_in_what_waits(registry):
    """Onboarding and conversion: each list has custodians before all others."""
    custodians = set()
    for one in all_of(registry, "register"):
        custodians |= {one["body"].get("custodian")} | set(
            one["body"].get("co_custodians", []))
    registry.must(secretariat("agency", "aa-new", "register", {
        "name_fa": "دستگاه تازه", "branch": "executive",
        "legal_type": "ministry", "inside_executive": True}))
    rows = registry.get("views/backlog")["agencies"]
    assert "aa-new" in ids(rows) and ids(rows)[0] in custodians
    flags = [agency in custodians for agency in ids(rows)]
    assert flags == sorted(flags, reverse=True) and any(flags)
    assert flags == [row["custodian"] for row in rows]
    assert not [r for r in rows if r["agency"]["id"] == "aa-new"][0][
        "connected"]
    registry.must(
        secretariat("link", "a-link", "declare",
                    {"parties": ["aa-new", "red-crescent"], "what_fa": "الف",
                     "base_data": False, "since": "1390-01-01"}),
        secretariat("link", "z-link", "declare",
                    {"parties": ["aa-new", INTERIOR], "what_fa": "ب",
                     "base_data": False, "since": "1390-01-01"}))
    links = [row["id"] for row in registry.get("views/links")["links"]]
    assert links.index("z-link") < links.index("a-link")
    paged = registry.get("views/links?count=500")["links"]
    assert [row["id"] for row in paged] == sorted(row["id"] for row in paged)
    registry.must(secretariat("link", "a-link", "remove"),
                  secretariat("link", "z-link", "remove"))
    assert "aa-new" in payvand(registry, "agency", "backlog")


def test_r315_agencies_without_a_representative_are_listed(registry):
    """From the sixteenth day on it is overdue; a change is dated too."""
    registry.must(secretariat("agency", "x-new", "register", {
        "name_fa": "دستگاه تازه", "branch": "executive",
        "legal_type": "ministry", "inside_executive": True}))

    def row(day):
        view = registry.get(f"views/representatives?as_of={day}")
        return {r["agency"]["id"]: r for r in view["agencies"]}.get("x-new")
    assert (row(DAY)["since"], row(DAY)["due_day"]) == (DAY, "1402-02-16")
    assert [row(day)["days_over"] for day in (
        "1402-02-16", "1402-02-17", "1402-03-01")] == [0, 1, 16]
    registry.must(dict(secretariat(
        "appointment", "x-rep", "appoint",
        {"person": "representative/x-new", "role": "representative",
         "of": "x-new"}), date="1402-03-02"))
    assert row("1402-03-02") is None and row("1402-03-01")["days_over"] == 16
    registry.must(dict(secretariat("appointment", "x-rep", "end"),
                       date="1402-04-01"))
    assert (row("1402-04-01")["since"], row("1402-04-20")["days_over"]) == (
        "1402-04-01", 4)
    assert "x-new" in payvand(registry, "agency", "unrepresented")


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
