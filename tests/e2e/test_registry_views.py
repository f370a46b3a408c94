"""What the registry shows of its records: the text of resolutions, the agenda,
commitments, the state of services; over the enacted catalogue."""

import html.parser
import json
import os
import subprocess
import tempfile
import time

import pytest

from registryd import (BUILD, CATALOGUE, WG, Registry, UnixConnection,
                       decision)

MEETINGS = ("m24", "m35", "m38")
FA_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


@pytest.fixture(name="registry", scope="module")
def fixture_registry():
    """The whole catalogue, enacted."""
    with tempfile.TemporaryDirectory(prefix="pv-views-") as folder:
        os.chmod(folder, 0o755)
        registry = Registry(folder)
        registry.enact()
        try:
            yield registry
            registry.stop()
        finally:
            registry.kill()


def payvand(registry, *arguments):
    """What the command line prints."""
    done = subprocess.run(
        [BUILD / "cli/payvand", *arguments, "--socket", registry.socket],
        capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


class Text(html.parser.HTMLParser):
    """The words of a document, and what it is made of."""

    VOID = {"meta", "br"}

    def __init__(self, document):
        super().__init__()
        self.words = []
        self.open = []
        self.tags = set()
        self.attributes = {}
        self.feed(document)
        self.close()
        assert not self.open, "every element is closed"
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def resolutions():
    """Every resolution of the three meetings, as the catalogue has it."""
    whole = json.loads((CATALOGUE / "resolutions.json").read_text())
    return [r for m in whole["meetings"] if m["id"] in MEETINGS
            for r in m["resolutions"]]


def read(name):
    """Rows of a file of the catalogue by their id."""
    return {r["id"]: r for r in json.loads((CATALOGUE / name).read_text())}


def ids(things):
    """The ids of named things, in their order."""
    return [t["id"] for t in things]


def check_due(bullet, due):
    """A due date is what the document says."""
    said = bullet["due"]
    if said is None:
        every = bullet.get("recurring")
        assert due["kind"] == ("recurring" if every else "open")
        assert due.get("period") == every
    elif said["kind"] == "absolute":
        assert (due["kind"], due["day"]) == ("absolute", said["value"])
    elif said["value"].startswith("P"):
        assert due["period"] == said["value"]
    else:  # at a meeting, or once a service is in operation
        assert due["event"] == said["value"].removeprefix(
            "event:").removesuffix("-in-operation")


@pytest.mark.parametrize("resolution", resolutions(), ids=lambda r: r["id"])
def test_a_resolution_gives_back_every_bullet(registry, resolution):
    """All that the document says stands in the records, and in its text."""
    name = resolution["id"]
    view = json.loads(payvand(registry, "resolution", "show", name, "--json"))
    page = payvand(registry, "resolution", "show", name, "--html")
    text = Text(page).text
    agencies = read("agencies.json")
    services = read("services.json")
    grants = read("grants.json")
    items = [i for i in view["items"] if i["item"] != "orders"]
    assert view["title_fa"] == resolution["title_fa"]
    assert resolution["title_fa"].translate(FA_DIGITS) in text
    cites = resolution.get("basis_resolution")
    assert ids(view["cites"]) == ([cites] if cites else [])
    assert len(items) == len(resolution["commitments"])
    for item, bullet in zip(items, resolution["commitments"]):
        duty, *others = item["commitments"]
        assert duty["id"] == bullet["id"]
        assert item["label"] == (bullet["item"] or "")
        assert item["text_fa"] == bullet["text_fa_short"]
        assert item["text_en"] == bullet["text_en"]
        assert item["text_fa"].translate(FA_DIGITS) in text
        assert ids(duty["responsible"]) == bullet["responsible"]
        assert ids(duty["collaborators"]) == bullet["collaborators"]
        assert ids(duty["services"]) == bullet["services"]
        assert duty.get("grants", []) == bullet["grants"]
        check_due(bullet, duty["due"])
        # each right is there with its consumer and service, unless pending
        made = {g["id"]: g for g in item["grants"]}
        duties = {d["id"] for d in others}
        for grant in bullet["grants"]:
            row = grants[grant]
            if row["status"] == "approved" and row["mode"] != "join-system":
                assert made.pop(grant)["service"]["id"] == row["service"]
                assert grant in text
            elif row["status"] != "pending-next-meeting":
                assert f"duty/{grant}" in duties
        assert not made
        for one in bullet["responsible"] + bullet["collaborators"]:
            assert agencies[one]["name_fa"].translate(FA_DIGITS) in text
        for one in bullet["services"]:
            assert services[one]["name_fa"].translate(FA_DIGITS) in text


def test_the_text_of_a_resolution_is_made_for_print(registry):
    """Right to left, no scripts, nothing from outside, Persian digits."""
    page = Text(payvand(registry, "resolution", "show", "m38/r5", "--html"))
    assert page.attributes["dir"] >= {"rtl", "ltr"}
    assert not page.tags & {"script", "link", "img", "iframe", "object"}
    assert not page.attributes.keys() & {"src", "href", "onload", "style"}
    assert "جلسه ۳۸ مورخ ۱۴۰۱/۱۰/۲۰" in page.text
    assert "سررسید" in page.text
    english = Text(payvand(registry, "resolution", "show", "m38/r5", "--html",
                           "--lang", "en"))
    assert "1401-10-20 (2023-01-10)" in english.text
    assert "Responsible" in english.text


def test_a_resolution_is_shown_as_it_stood(registry):
    """As of a day before its enactment there was none."""
    status, answer = registry.ask(
        "GET", "/registry/v1/views/resolution/m38/r5?as_of=1401-10-19")
    assert status == 404, answer
    then = registry.get("views/resolution/m38/r5?as_of=1401-10-20")
    assert then["state"] == "enacted" and "notified" not in then["steps"]
    assert registry.get("views/resolution/m38/r5")["state"] == "notified"


@pytest.mark.parametrize("path,status", [
    ("views/resolution", 404), ("views/nothing", 404),
    ("views/resolution/m38/r5?format=csv", 400),
    ("views/resolution/m38/r5?lang=de", 400),
    ("views/resolution/m38/r5?party=central-bank", 400),
    ("views/resolution/m38/r5?as_of=1401-13-01", 400),
    ("views/resolution/m38/r5?as_of=1401-01-01&at=7", 400)])
def test_a_view_takes_what_it_knows(registry, path, status):
    """Another view, form, language or parameter is refused."""
    assert registry.ask("GET", "/registry/v1/" + path)[0] == status


DAY = "1402-02-01"


def secretariat(kind, record, event, data=None, day=DAY):
    """What the secretariat decides."""
    return decision(kind, record, event, "secretariat", WG, day, data)


def chair(kind, record, event, data=None, day=DAY):
    """What the chair of the working group decides."""
    return decision(kind, record, event, "chair", WG, day, data)


def topics(view):
    """{topic: its item}"""
    return {i["topic"]: i for i in view["items"]}


def agenda_on(registry, day):
    """The agenda that is proposed on a day."""
    return json.loads(payvand(registry, "meeting", "agenda", "--as-of", day,
                              "--json"))


def test_the_agenda_is_what_waits(registry):
    """R-114, R-279, R-285: pending requests and deferred matters, with the
    parties of each and who leads their clusters (R-277)."""
    items = topics(agenda_on(registry, "1401-10-21"))
    assert [i["row"] for i in items.values()] == list(range(1, len(items) + 1))
    pending = {g["id"] for g in read("grants.json").values()
               if g["status"] == "pending-next-meeting"}
    assert set(ids(items["access-requests"]["matters"])) == pending
    invited = {p["id"]: p["as"] for p in items["access-requests"]["invited"]}
    assert invited["statistical-centre"] == "consumer"
    assert invited["housing-foundation"] == "provider"
    assert "cluster-lead" in invited.values()
    assert {"m35/r5/c1", "m38/r4/c4"} <= set(ids(items["deferred"]["matters"]))
    assert "m38/r5/c6" not in ids(items["overdue"]["matters"])
    items = topics(agenda_on(registry, DAY))
    assert "m38/r5/c6" in ids(items["overdue"]["matters"])
    council = registry.get(f"views/agenda?body=executive-it-council&as_of={DAY}")
    assert "access-requests" not in topics(council)


def test_the_next_meeting_is_run_from_the_registry(registry):
    """From the proposed agenda to one decision that orders, grants and
    obliges; and what was deferred comes again (R-285)."""
    proposed = agenda_on(registry, DAY)
    agenda = [{"row": i["row"], "text_fa": i["text_fa"],
               "matters": [{k: m[k] for k in ("kind", "id")}
                           for m in i["matters"][:5]]}
              for i in proposed["items"]]
    request = "g-m35-r5-11"
    registry.must(
        secretariat("meeting", "m39", "plan",
                    {"body": WG, "date": DAY, "number": 39}),
        secretariat("meeting", "m39", "set-agenda", {"agenda": agenda}),
        secretariat("meeting", "m39", "invite", {"invitations": [
            {"party": i["party"]["id"], "purpose": i["purpose"],
             "rows": i["rows"]} for i in proposed["invitations"]]}))
    # of meeting 38 "the next meeting" has a day now
    assert registry.get("commitment/m38/r4/c4")["body"]["due_day"] == DAY
    assert "due_day" not in registry.get("commitment/m35/r5/c1")["body"]
    view = registry.get("views/meeting/m39")
    # what custodians are asked for comes first, this one behind it
    asked = ids(topics_by_row(view)[2]["matters"])
    assert view["sent"] and request in asked[1:]
    text = Text(payvand(registry, "meeting", "show", "m39", "--html")).text
    assert "فقط برای بندهای" in text and "جلسه ۳۹" in text
    wanted = registry.get(f"request/{request}")["body"]
    registry.must(
        chair("meeting", "m39", "hold"),
        secretariat("resolution", "m39/r1", "draft", {
            "meeting": "m39", "number": 1, "title_fa": "سه تصمیم", "items": [
                {"item": "1", "label": "1-1", "text_fa": "دسترسی مرکز آمار",
                 "grants": [{"id": request, "request": request,
                             "consumer": wanted["consumer"],
                             "version": wanted["version"],
                             "methods": wanted["methods"],
                             "purposes": [{"id": "statistics"}]}]},
                {"item": "2", "label": "1-2", "text_fa": "سرویس تازه",
                 "orders": [{"service": {"id": "x-ordered",
                                         "provider": "ministry-interior",
                                         "name_fa": "سرویس سفارشی"},
                             "version": {"id": "x-ordered/v1",
                                         "service": "x-ordered", "methods": [
                                             {"id": "inquire",
                                              "pattern": "inquiry"}]}}],
                 "commitments": [{"id": "m39/r1/c1", "responsible":
                                  ["ministry-interior"], "text_fa": "آماده‌سازی",
                                  "due": {"kind": "relative", "period": "P1M",
                                          "from": "notification"}}]}]}))
    draft = Text(payvand(registry, "resolution", "show", "m39/r1", "--html"))
    assert "پیش‌نویس" in draft.text and "سرویس سفارشی" in draft.text
    before = registry.get("status")["last"]
    registry.must(chair("resolution", "m39/r1", "enact"))
    assert registry.get("status")["last"] == before + 1
    for record in ("grant/g-m35-r5-11", "version/x-ordered/v1",
                   "commitment/m39/r1/c1", "service/x-ordered"):
        assert registry.get(record)["decision"] == before + 1
    text = Text(payvand(registry, "resolution", "show", "m39/r1", "--html"))
    assert "سرویس سفارشی" in text.text and "پیش‌نویس" not in text.text
    assert "تصمیم شماره" in text.text
    rows = [i["row"] for i in proposed["items"]]
    registry.must(
        secretariat("meeting", "m39", "minute", {"outcomes": [
            {"row": 2, "outcome": "resolution", "resolutions": ["m39/r1"]},
            {"row": 3, "outcome": "deferred", "to": "next"},
            *({"row": r, "outcome": "none"} for r in rows if r > 3),
            {"row": 1, "outcome": "none"}]}),
        secretariat("meeting", "m39", "close"))
    matters = topics(agenda_on(registry, DAY))["deferred"]["matters"]
    again = {"kind": "meeting", "id": "m39", "row": 3}
    assert again.items() <= {(k, v) for m in matters if m["id"] == "m39"
                             for k, v in m.items() if k != "parties"}
    registry.must(
        secretariat("meeting", "m40", "plan", {"body": WG, "date": DAY}),
        secretariat("meeting", "m40", "set-agenda", {"agenda": [
            {"row": 1, "text_fa": "گزارش", "matters": [again]}]}))
    matters = topics(agenda_on(registry, DAY))["deferred"]["matters"]
    assert "m39" not in ids(matters)


def topics_by_row(view):
    """{row: its item}"""
    return {i["row"]: i for i in view["items"]}


def notice(name, kind, hours, until=None, text="کار روی پایگاه داده"):
    """A notice of the ministry that begins in so many hours."""
    now = int(time.time() * 1000)
    data = {"version": "country-divisions/v1", "kind": kind,
            "from_ms": now + int(hours * 3600000), "text_fa": text}
    if until is not None:
        data["until_ms"] = now + int(until * 3600000)
    return decision("notice", name, "announce", "representative",
                    "ministry-interior", "1402-02-01", data)


def test_the_state_of_services_is_on_a_public_page(registry):
    """R-237, R-242: disruptions at once, outages in advance, in both
    languages; what is over or cancelled is gone."""
    registry.must(notice("x-now", "disruption", -1, 5, "<b>اختلال</b>"),
                  notice("x-later", "outage", 30, 32),
                  notice("x-over", "disruption", -9, -1),
                  notice("x-never", "outage", 40, 41))
    registry.must(decision("notice", "x-never", "cancel", "representative",
                           "ministry-interior", "1402-02-01"))
    view = registry.get("views/status")
    assert ids(view["notices"]) == ["x-now"]
    assert ids(view["upcoming"]) == ["x-later"]
    state = {s["id"]: s["now"] for s in view["services"]}
    assert state.pop("country-divisions/v1") == "disruption"
    assert set(state.values()) == {"up"}
    live = {f"{g['service']}/v1" for g in
            json.loads((CATALOGUE / "enactment.json").read_text())["go_live"]
            if g["live"]}
    assert set(state) | {"country-divisions/v1"} == live
    pages = {}
    for lang in ("fa", "en"):
        connection = UnixConnection(registry.socket)
        connection.request("GET", "/registry/v1/views/status?format=html"
                           f"&lang={lang}")
        answer = connection.getresponse()
        assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
        pages[lang] = Text(answer.read().decode())
        connection.close()
    assert "<b>اختلال</b>" in pages["fa"].text and "مختل" in pages["fa"].text
    assert "disrupted" in pages["en"].text
    registry.must(decision("notice", "x-now", "close", "representative",
                           "ministry-interior", "1402-02-01"))
    assert registry.get("views/status")["notices"] == []


def test_a_link_outside_the_exchange_has_a_duty_to_go(registry):
    """R-007: from its registration; due when the exchange path stands; met
    when it is removed."""
    link = {"parties": ["red-crescent", "ministry-health"], "base_data": True,
            "what_fa": "ارتباط", "since": "1390-01-01"}
    registry.must(secretariat("link", "x-old", "declare", link))
    duty = registry.get("commitment/link/x-old")
    assert duty["state"] == "open" and "due_day" not in duty["body"]
    registry.must(secretariat("link", "x-old", "decommission"))
    assert registry.get("commitment/link/x-old")["body"]["due_day"] == DAY
    registry.must(secretariat("link", "x-old", "remove"))
    assert registry.get("commitment/link/x-old")["state"] == "met"
