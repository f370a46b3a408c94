"""Lists for everybody: what stands in them, what an exemption keeps out of them;
and figures of the whole."""

import csv
import io
import json
import os
import tempfile

import pytest

from findings import (AEO, DAY, INTERIOR, all_of, chair, ids, passport, payvand,
                      refused, representative, secretariat)
from registryd import BUILD, WG, Registry, UnixConnection

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
