"""payvand KIND ...: records and decisions by one client that reads the
registry's own tables; and the completion of a real bash."""

import json
import os
import re
import sqlite3
import subprocess

import pytest

from programs import SANITIZE
from registryd import BUILD, ROOT, WG, Registry

COMPLETION = ROOT / "packaging/bash-completion/payvand"
SECRETARIAT = f"secretariat/{WG}"

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


@pytest.fixture(name="registry", scope="module")
def fixture_registry(tmp_path_factory):
    """The catalogue with its probes."""
    made = Registry(tmp_path_factory.mktemp("k"))
    made.enact("--probes")
    yield made
    made.stop()


def say(registry, *args, code=0):
    """What a command writes."""
    done = registry.payvand(*args)
    assert done.returncode == code, (args, done.stdout, done.stderr)
    return (done.stdout if code == 0 else done.stderr).decode()


def test_every_kind_can_be_listed_and_helped(registry):
    kinds = registry.get("kinds")["kinds"]
    assert len(kinds) > 26
    for kind in kinds:
        name = kind["kind"]
        if name in ("commitment", "meeting", "resolution"):
            continue  # they have views of their own
        listed = json.loads(say(registry, name, "list", "--json"))[name]
        served = registry.get(f"{name}?count=500")[name]
        assert listed[:500] == served, name
        text = say(registry, name, "--help", "--lang", "en")
        for event in kind["events"]:
            if event["by"]:
                assert event["event"] in text, (name, event)
        for field in kind["fields"]:
            if field["set_by"]:
                assert field["name"] in text, (name, field)
        assert kind["name_fa"] in say(registry, name, "--help", "--lang", "fa")


def test_where_a_record_is_used_is_asked(registry):
    """R-222: of a data item its versions; of a resolution what it made."""
    found = json.loads(say(registry, "data-item", "users", "postal_code",
                           "--json"))
    served = registry.get("users/data-item/postal_code?of=version&count=500")
    assert served["version"] and found["version"] == served["version"]
    text = say(registry, "resolution", "users", "m24/r1")
    assert re.search(r"^grant +live +g-m24-r1-10$", text, re.M)
    assert say(registry, "agency", "users", "x-none") == ""
    assert "no id" in say(registry, "agency", "users", "x" * 2000, code=1)


def test_every_kind_stands_in_the_manual_and_in_the_help(registry):
    page = (ROOT / "docs/man/payvand-registry.1").read_text("utf-8")
    for lang in ("en", "fa"):
        text = say(registry, "--help", "--lang", lang)
        named = set(re.search(r"\n  (agency [a-z \n-]+)\n\n", text)[1].split())
        kinds = {kind["kind"] for kind in registry.get("kinds")["kinds"]}
        assert named == kinds
        assert {k for k in kinds
                if not re.search(rf"payvand {k}( |$)", page, re.M)} == set()


def test_the_past_is_asked_in_both_calendars(registry):
    """1401/06/20 and 2022-09-11 are one day."""
    jalali = say(registry, "grant", "list", "--as-of", "1401-06-20")
    assert jalali == say(registry, "grant", "list", "--as-of", "2022-09-11")
    assert jalali != say(registry, "grant", "list")
    assert "g-m38-r1-01" not in jalali  # decided in 1401-10
    shown = json.loads(say(registry, "grant", "show", "g-m24-r1-10", "--as-of",
                           "1400-07-03", "--json"))
    assert shown["state"] == "approved-awaiting-service"
    assert "no day" in say(registry, "grant", "list", "--as-of", "1401-13-01",
                           code=2)
    number = shown["decision"]
    assert json.loads(say(
        registry, "grant", "show", "g-m24-r1-10", "--at", str(number),
        "--json"))["decision"] == number


def test_a_record_says_what_may_follow(registry):
    text = say(registry, "grant", "show", "g-m24-r1-01", "--lang", "en")
    assert "1400-07-26 (2021-10-18)" in text
    assert "suspend            -> suspended (operator, secretariat)" in text
    assert "provider-ready     ->" not in text
    assert "approved-awaiting-service" in say(
        registry, "grant", "history", "g-m24-r1-01")
    assert "no such record" in say(registry, "grant", "show", "nothing", code=1)


def test_decisions_and_refusals(registry):
    """The decision's number, or the rule and the reason in one's language."""
    said = json.loads(say(
        registry, "agency", "register", "x-agency", "name_fa=نام",
        "branch=executive", "legal_type=ministry", "inside_executive=true",
        "names_in_documents=یک", "names_in_documents=دو", "--as", SECRETARIAT,
        "--date", "2026-01-01", "--reason", "آزمون", "--document", "12",
        "--key", "k-1", "--json"))
    record = registry.get("agency/x-agency")
    assert record["body"]["names_in_documents"] == ["یک", "دو"]
    assert record["body"]["inside_executive"] is True
    assert record["date"] == "1404-10-11"
    decision = registry.get(
        f"decisions?after={said['last'] - 1}&count=1")["decisions"][0]
    assert (decision["reason"], decision["document"], decision["key"]) == (
        "آزمون", "12", "k-1")
    assert "R-112" in say(registry, "grant", "resume", "g-m24-r1-01", "--as",
                          SECRETARIAT, code=1)
    assert "مجاز نیست" in say(
        registry, "grant", "suspend", "g-m24-r1-01", "--as",
        "representative/ministry-education", "--lang", "fa", code=1)


def test_json_fields_and_lists(registry, tmp_path):
    """JSON on the line, or in a file."""
    path = tmp_path / "quota.json"
    path.write_text('{"rate_per_s": 1, "burst": 1, "per_day": 5}')
    say(registry, "mode", "propose", "x-mode", "version=country-divisions/v1",
        "method=inquire", "mode=all-except", "list=tobacco-company",
        "list=guilds-council", 'purposes={"id":"public-service"}',
        f"quota=@{path}", "--as", "representative/ministry-interior")
    body = registry.get("mode/x-mode")["body"]
    assert body["list"] == ["tobacco-company", "guilds-council"]
    assert body["purposes"] == [{"id": "public-service"}]
    assert body["quota"]["per_day"] == 5


@pytest.mark.parametrize("words, expected", [
    (["agency", "register", "y", "name=1"], "no such field"),
    (["agency", "register", "y", "inside_executive=yes"], "a flag is needed"),
    (["meeting", "plan", "y", "number=x"], "a number is needed"),
    (["meeting", "plan", "y", "date=1404-13-01"], "a day is needed"),
    (["mode", "propose", "y", "quota={"], "a json is needed"),
])
def test_a_wrong_word_is_never_sent(registry, words, expected):
    before = registry.get("status")["last"]
    assert expected in say(registry, *words, "--as", SECRETARIAT, code=2)
    assert registry.get("status")["last"] == before


def test_who_decides_must_be_said(registry):
    assert "--as" in say(registry, "grant", "suspend", "g-m24-r1-01", code=2)
    assert "no such kind" in say(registry, "nosuch", "list", code=2)
    assert "list, show ID" in say(registry, "grant", "decide!", "x", code=2)


def complete(registry, line):
    """What a real bash offers at the end of a line."""
    script = (f"source {COMPLETION}; complete -p payvand >&2; "
              "COMP_LINE=$1 COMP_POINT=${#1}; _payvand; "
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", line], check=True,
        capture_output=True, text=True,
        env={"PATH": f"{BUILD / 'cli'}:{os.environ['PATH']}",
             "PAYVAND_REGISTRY_SOCKET": registry.socket})
    assert "-F _payvand payvand" in done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("line, offered", [
    ("payvand gr", ["grant"]),
    ("payvand im", ["image", "import"]),
    ("payvand grant s", ["show", "suspend"]),
    ("payvand grant show probe-t", ["probe-tiny-quota", "probe-two-purposes"]),
    ("payvand grant suspend g-m24-r1-01 --d", ["--date", "--document"]),
    ("payvand grant callers --p", ["--party"]),
    ("payvand commitment list --c", ["--count", "--csv"]),
    ("payvand system key setad e", ["endpoint="]),
    ("payvand notice announce x kind=o", ["outage"]),
    ("payvand notice announce x ki", ["kind="]),
])
def test_bash_completes(registry, line, offered):
    assert complete(registry, line) == offered


@pytest.mark.parametrize("command, verbs", [
    ("log", "export prune restore"), ("contract", "check example openapi page"),
    ("consent", "issue list terms withdraw"), ("evidence", "list show"),
    ("image", "grant service"), ("report", "calls volumes"),
    ("verify", "decisions log"), ("meeting", "agenda"),
    ("commitment", "evidence overdue progress reminders"),
    ("certificate", "ending revoke"), ("certificate-request", "approve request"),
    ("grant", "duplicates"), ("link", "violations"), ("request", "missing"),
    ("service", "init"),
])
def test_bash_completes_verbs_that_are_no_events(registry, command, verbs):
    assert set(verbs.split()) <= set(complete(registry, f"payvand {command} "))


@pytest.mark.skipif(SANITIZE, reason="the same lists as in the other build")
def test_bash_completes_all_that_help_names(registry):
    named = re.findall(r"^  ([a-z-]+) +\S", say(registry, "--help"), re.M)
    offered = complete(registry, "payvand ")
    named = set(named) - {"payvand"}
    assert len(named) > 20 and named <= set(offered)
    for command in offered:
        text = say(registry, command, "--help")
        verbs = [verb for found in re.findall(
            rf"^ *payvand {command} ([a-z][a-z|-]*)", text, re.M)
            for verb in found.split("|")]
        if "\nEvents\n" in text:
            part = text.split("\nEvents\n")[1].split("\n\n")[0]
            verbs += re.findall(r"^  (\S+) +\S", part, re.M)
        missing = set(verbs) - set(complete(registry, f"payvand {command} "))
        assert not missing, (command, missing)
        if f"payvand {command}: " not in text:
            assert "--help" in complete(registry, f"payvand {command} x --")


def test_bash_completes_commands_without_a_registry(registry):
    class Nowhere:
        """No registry listens there."""
        socket = registry.socket + ".none"

    assert complete(Nowhere, "payvand rec") == ["receipt"]
    assert complete(Nowhere, "payvand grant s") == []


def test_kinds_with_views_are_kinds_too(registry):
    assert "m38/r5" in say(registry, "resolution", "list")
    assert "closed" in say(registry, "meeting", "history", "m38")
    assert "R-112" not in say(registry, "resolution", "show", "m38/r5")


def told(registry, agency):
    """The body of its signed state."""
    said = registry.ask("GET", f"/registry/v1/rights?agency={agency}")[1]
    return json.loads(said[said.index(b"{"):])


def test_an_agency_is_told_the_modes_that_concern_it(registry):
    """Of its own services, and those that let it call: no others."""
    modes = [registry.get("mode/" + row["id"])
             for row in registry.get("mode?count=500")["mode"]]
    modes = {m["id"]: m["body"] for m in modes if m["state"] == "in-force"}
    assert {m["mode"] for m in modes.values()} == {
        "all", "all-except", "allow-list"}
    provider = {m["version"]: registry.get("version/" + m["version"])["body"][
        "provider"] for m in modes.values()}
    agencies = {"ministry-education", *provider.values()}
    agencies.update(a for m in modes.values() for a in m.get("list", []))
    for agency in agencies:
        listed = {i: agency in m.get("list", []) for i, m in modes.items()}
        want = {i for i, m in modes.items()
                if provider[m["version"]] == agency or m["mode"] == "all"
                or listed[i] == (m["mode"] == "allow-list")}
        assert {m["id"] for m in told(registry, agency)["modes"]} == want


def test_an_agency_has_no_more_grants_than_its_connectors_take(registry):
    """Else its state would be too large, and all of them silent."""
    grant = "g-m24-r1-01"
    say(registry, "grant", "suspend", grant, "--as", SECRETARIAT,
        "--reason", "آزمون")
    with sqlite3.connect(registry.store[len("sqlite:"):], timeout=30) as db:
        db.row_factory = sqlite3.Row
        record = dict(db.execute(
            "SELECT * FROM record WHERE kind = 'grant' AND id = ? "
            "AND until_decision IS NULL", (grant,)).fetchone())
        where = (grant, record["reference_version"])
        record["body"], = db.execute(
            "SELECT body FROM record WHERE kind = 'grant' AND id = ? "
            "AND version = ?", where).fetchone()
        rows = {"record": [{**record, "state": "live"}],
                "reference": [dict(row) for row in db.execute(
                    "SELECT * FROM reference WHERE kind = 'grant' AND id = ? "
                    "AND version = ?", where)]}
        for table, made in rows.items():
            db.executemany(
                f"INSERT INTO {table} VALUES (:{', :'.join(made[0])})",
                ({**row, "id": f"x-{n}"} for n in range(4096) for row in made))
    try:
        refusal = say(registry, "grant", "resume", grant, "--as", SECRETARIAT,
                      code=1)
        assert "R-139" in refusal and "4096" in refusal, refusal
    finally:
        with sqlite3.connect(registry.store[len("sqlite:"):],
                             timeout=30) as db:
            for table in ("record", "reference"):
                db.execute(f"DELETE FROM {table} WHERE kind = 'grant' "
                           "AND id GLOB 'x-[0-9]*'")
    say(registry, "grant", "resume", grant, "--as", SECRETARIAT)
