"""Every state x event x role through the API: who may is exactly what the table
here says, which was written from the documents and not from the program's."""

import http.client
import json
import os
import socket
import sqlite3
import subprocess
import tempfile

import pytest

from people import make_first, make_person, registry_today
from registryd import BUILD, WG, Registry, decision

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")

COUNCIL = "executive-it-council"
NCC = "supreme-council-cyberspace"

# office -> the role, and where: "agency-a" is the record's agency, and so on
OFFICES = {
    "operator": ("operator", "operator-o"), "secretariat": ("secretariat", WG),
    "administrator": ("administrator", "administration"),
    "chair": ("chair", "body-b"), "working-group": ("chair", WG),
    "council": ("chair", COUNCIL), "ncc": ("chair", NCC),
    "confirmer": ("chair", "body-c"),
    "collector": ("representative", "ministry-ict"),
    "deregulation": ("representative", "deregulation-board-secretariat"),
    "provider": ("representative", "provider-p"),
    "consumer": ("representative", "consumer-c"),
    "agency": ("representative", "agency-a"),
    "technical": ("technical", "agency-a"),
    "security": ("security", "agency-a"),
    "party": ("representative", "party-x"),
    "responsible": ("representative", "responsible-r"),
    # who may nothing in any of it
    "member": ("member", WG), "auditor": ("auditor", WG),
    "stranger": ("representative", "other-o"),
    "stranger's technical": ("technical", "provider-p"),
    "stranger's security": ("security", "consumer-c"),
}
IN_FIELD = {"agency": "agency-a", "provider": "provider-p",
            "consumer": "consumer-c", "body": "body-b",
            "confirmed_by": "body-c", "parties": ["party-x", "other-p"],
            "responsible": ["responsible-r"]}
AGENCIES = ["operator-o", "ministry-ict",
            "deregulation-board-secretariat", "provider-p", "consumer-c",
            "agency-a", "party-x", "responsible-r", "other-o", "other-p"]
BODIES = [WG, COUNCIL, NCC, "body-b", "body-c"]

ENTRY = {"secretariat": "register change end"}
WHO = {  # kind: {offices: events}; an event in no row is no one's
    "agency": ENTRY, "unit": ENTRY, "cluster": ENTRY, "data-item": ENTRY,
    "system": {"secretariat agency": "plan register change retire",
               "working-group": "activate", "technical security": "key",
               "operator secretariat security": "suspend",
               "secretariat": "resume"},
    "register": {"secretariat": "register change dispute end",
                 "council ncc": "settle"},
    "body": {"secretariat administrator": "register",
             "secretariat": "change end"},
    "appointment": {"secretariat administrator": "appoint end"},
    "service": {"secretariat provider": "register change",
                "working-group": "name-consumers", "secretariat": "end"},
    "version": {"secretariat provider": "declare",
                "provider": "design replace",
                "operator provider": "test settings",
                "operator secretariat": "go-live",
                "operator secretariat provider": "suspend",
                "secretariat": "resume end"},
    "passport": {"agency technical": "write", "agency": "submit",
                 "collector": "evaluate", "deregulation": "coordinate",
                 "working-group collector": "return",
                 "working-group": "confirm replace"},
    "request": {"consumer": "file withdraw dispute",
                "provider": "agree decline", "secretariat": "endorse report",
                "working-group": "refuse"},
    "grant": {"provider": "provider-ready", "consumer": "consumer-ready",
              "operator secretariat": "go-live suspend",
              "secretariat": "map resume",
              "working-group": "open-items",
              "secretariat working-group": "withdraw",
              "secretariat consumer": "end"},
    "mode": {"provider": "propose withdraw", "working-group": "end"},
    "suspension": {"secretariat working-group": "impose lift"},
    "agreement": {"secretariat": "write open", "party": "sign",
                  "operator": "measure",
                  "secretariat party": "end"},
    "exemption": {"agency security": "request",
                  "working-group": "decide refuse end"},
    "extension": {"agency": "request", "working-group": "decide refuse"},
    "dispute": {"party": "file", "secretariat": "to-council to-ncc close",
                "council": "council-decides", "ncc": "ncc-decides"},
    "notice": {"operator provider": "announce change cancel close"},
    "instruction": {"secretariat": "write",
                    "working-group council": "issue withdraw"},
    "link": {"secretariat party": "declare remove", "party": "propose",
             "council": "permit", "secretariat": "exempt decommission"},
    "inquiry": {"secretariat agency": "register offer end-paper",
                "agency": "report-paper"},
    "representation": {"secretariat agency": "propose end",
                       "provider": "confirm refuse end"},
    "publication": {"secretariat provider": "propose",
                    "working-group": "determine", "ncc": "confirm",
                    "secretariat": "check-rights", "operator": "switch-on",
                    "operator secretariat": "switch-off"},
    "commitment": {"secretariat": "start anchor reject accept accept-period "
                                  "take-over cancel",
                   "responsible": "progress report", "operator": "evidence"},
    "meeting": {"secretariat": "plan set-agenda invite minute",
                "secretariat chair": "hold close cancel"},
    "resolution": {"secretariat": "cite draft send notify print",
                   "confirmer": "confirm", "chair": "enact replace"},
    "authority": {"operator secretariat": "propose register end",
                  "working-group": "register"},
    "certificate-request": {"technical": "request refuse",
                            "operator secretariat security":
                            "approve refuse"},
    "certificate": {"operator secretariat security technical": "revoke",
                    "secretariat security technical": "register"},
    "person": {"administrator": "register invite unblock change link unlink "
                                "leave",
               "secretariat administrator": "block"},
    "code-list": {"agency technical": "deliver", "secretariat": "end"},
    "code-map": {"operator": "build announce withdraw"},
    "correction": {"consumer": "report withdraw", "agency technical": "correct",
                   "agency": "reject"},
    "oid": {"agency technical": "request",
            "operator secretariat": "register refuse", "agency": "retire"},
}


def may(kind, event):
    """The offices that may."""
    return {office for offices, events in WHO[kind].items()
            for office in offices.split() if event in events.split()}


def example(field, kind):
    """Something that the field takes."""
    if field["name"] in IN_FIELD:
        value = IN_FIELD[field["name"]]
        return value if not field["list"] or isinstance(value, list) \
            else [value]
    value = {"text": "متن", "id": "t", "record": "t", "party": "agency-a",
             "flag": True, "number": 1, "day": registry_today(),
             "json": {}}.get(field["type"])
    if field["type"] == "word":
        value = field["words"][0]
    if field["type"] == "record" and field["target"] == "agency":
        value = "agency-a"
    if field["type"] == "record" and field["target"] == "body":
        value = "body-b"
    assert value is not None, (kind, field)
    return [value] if field["list"] else value


def data_of(kind, event):
    """The fields that the event needs, and those that say whose it is."""
    return {field["name"]: example(field, kind["kind"])
            for field in kind["fields"]
            if event in field["needed_by"] or
            (event in field["set_by"] and field["name"] in IN_FIELD)}


def body_of(kind):
    """What a record that stands says of whose it is."""
    names = {field["name"] for field in kind["fields"]}
    return {name: value for name, value in IN_FIELD.items() if name in names}


def insert(registry, kinds):
    """A record of every kind in every state, as if decided long ago."""
    registry.stop()
    path = registry.store.split(":", 1)[1]
    with sqlite3.connect(path) as database:
        for kind in kinds:
            rows = [(state, f"s-{state}") for state in kind["states"][1:]]
            if kind["kind"] not in ("agency", "body"):
                rows.append((kind["states"][1], "t"))
            for state, record in rows:
                database.execute(
                    "INSERT INTO record (kind, id, version, from_decision, "
                    "from_day, state, body) VALUES (?, ?, 1, 0, 0, ?, ?)",
                    (kind["kind"], record, state, json.dumps(
                        body_of(kind), ensure_ascii=False,
                        separators=(",", ":"), sort_keys=True)))
    database.close()
    registry.start()


class Kept:
    """One connection, kept: thousands of questions."""

    def __init__(self, web):
        self.web = web
        self.connection = http.client.HTTPConnection("registry", timeout=60)
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.connect(web.path)

    def refusal(self, decisions):
        """(word, index) of what is refused in any case."""
        self.connection.request(
            "POST", "/registry/v1/decisions", json.dumps(decisions),
            {"Cookie": f"__Host-payvand={self.web.cookie}",
             "Payvand-Csrf": self.web.csrf})
        answer = self.connection.getresponse()
        found = json.loads(answer.read())
        if answer.status in (404, 500):
            return "may", 0  # a check missed what these records do not have
        assert answer.status == 422, (decisions[0], found)
        return found["word"], found["index"]


@pytest.fixture(name="scene", scope="module")
def fixture_scene():
    """omid holds every office."""
    kinds = json.loads(subprocess.run(
        [BUILD / "registryd/payvand-registryd", "--kinds"], check=True,
        capture_output=True).stdout)["kinds"]
    with tempfile.TemporaryDirectory(prefix="pv-matrix-") as folder:
        os.chmod(folder, 0o755)
        registry = Registry(folder)
        registry.kinds = kinds
        omid = make_person(registry, "omid",
                           make_first(registry).sign_in())

        def console(kind, record, event, data, who=("console", "console")):
            actor = "console" if who[0] == "console" else "office"
            registry.must(decision(kind, record, event, *who,
                                   registry_today(), data, actor=actor))
        for body in BODIES:
            console("body", body, "register", {"name_fa": "نهاد"})
        console("appointment", "office", "appoint",
                {"person": "office", "role": "secretariat", "of": WG})
        for agency in AGENCIES:
            console("agency", agency, "register",
                    {"name_fa": "دستگاه", "branch": "executive",
                     "legal_type": "ministry", "inside_executive": True},
                    ("secretariat", WG))
        for number, (role, of) in enumerate(OFFICES.values()):
            console("appointment", f"omid-{number}", "appoint",
                    {"person": "omid", "role": role, "of": of},
                    ("secretariat", WG))
        insert(registry, kinds)
        registry.browser = omid.sign_in()
        try:
            yield registry
            registry.stop()
        finally:
            registry.kill()


def outcome(kept, kind, state, event):
    """"transition", "role" or "may": a second decision refuses the whole."""
    record = f"new-{event}" if state == "none" else f"s-{state}"
    word, index = kept.refusal([
        {"kind": kind["kind"], "id": record, "event": event,
         "date": registry_today(), "data": data_of(kind, event)},
        {"kind": "no-such", "id": "x", "event": "x",
         "date": registry_today(), "data": {}}])
    assert not (index == 0 and word in (
        "field-value", "field-missing", "unknown-field", "unknown-record",
        "decision-member", "no-appointment")), (kind["kind"], event, word)
    return word if index == 0 and word in ("transition", "role") else "may"


def test_the_table_here_knows_every_event(scene):
    for kind in scene.kinds:
        known = {event for events in WHO[kind["kind"]].values()
                 for event in events.split()}
        there = {event["event"] for event in kind["events"]}
        assert known <= there, kind["kind"]


def test_every_state_with_every_event_in_every_role(scene):
    asked = 0
    for office, (role, of) in OFFICES.items():
        scene.browser.must("POST", "session/role", {"role": role, "of": of})
        kept = Kept(scene.browser)
        for kind in scene.kinds:
            for event in kind["events"]:
                takes = {before for before, _ in event["steps"]}
                for state in kind["states"]:
                    if state not in takes and office != "secretariat":
                        continue  # refused before anybody is asked who he is
                    expected = ("transition" if state not in takes else
                                "may" if office in may(kind["kind"],
                                                       event["event"])
                                else "role")
                    found = outcome(kept, kind, state, event["event"])
                    assert found == expected, (
                        office, kind["kind"], state, event["event"])
                    asked += 1
        kept.connection.close()
    assert asked > 5000
