"""docs/run-a-meeting.md, each block as it stands: the next meeting, from what
waits to minutes that are closed and a resolution that is in force."""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness import ROOT, program_env
from registryd import BUILD, WG, Registry, decision

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


def blocks():
    with open(os.path.join(ROOT, "docs", "run-a-meeting.md"),
              encoding="utf-8") as file:
        return re.findall(r"```sh\n(.*?)```", file.read(), re.S)


class Desk:
    """A secretariat's own folder, beside a registry with the catalogue."""

    def __init__(self, home):
        self.home = Path(home)
        for name in ("registry", "desk", "bin"):
            (self.home / name).mkdir()
        self.registry = Registry(self.home / "registry")
        os.symlink(BUILD / "cli/payvand", self.home / "bin/payvand")

    def run(self, script):
        return subprocess.run(
            ["bash", "-e"], input=script, text=True, cwd=self.home / "desk",
            env={**program_env(), "PATH": f"{self.home / 'bin'}:/usr/bin:/bin",
                 "PAYVAND_REGISTRY_SOCKET": self.registry.socket},
            timeout=180, capture_output=True, check=False)

    def page(self, name):
        text = (self.home / "desk" / name).read_text(encoding="utf-8")
        return re.sub(r"<[^>]+>", "", text)


@pytest.fixture(scope="module", name="desk")
def fixture_desk():
    with tempfile.TemporaryDirectory(prefix="pv-ram-") as folder:
        os.chmod(folder, 0o755)
        made = Desk(folder)
        try:
            made.registry.enact()
            yield made
            made.registry.stop()
        finally:
            made.registry.kill()


def test_r279_r281_the_guide_leads_to_a_resolution_in_force(desk):
    steps = blocks()
    assert len(steps) == 13
    done = desk.run("\n".join(steps))
    assert done.returncode == 0, done.stdout + done.stderr
    get = desk.registry.get
    assert get("meeting/m39")["state"] == "closed"
    assert get("resolution/m39/r1")["state"] == "notified"
    assert get("grant/r-relief")["state"] == "live"
    assert get("grant/g-m35-r5-11")["state"] == "approved-awaiting-service"
    assert get("request/r-late")["state"] == "refused"
    assert get("version/relief-depots/v1")["state"] == "ordered"
    for duty in ("m39/r2/c1", "uptake/r-relief"):
        assert "due_day" in get(f"commitment/{duty}")["body"], duty
    # what was deferred comes again
    agenda = get("views/agenda")["items"]
    assert "m39" in [m["id"] for i in agenda for m in i["matters"]]
    assert "r-relief" not in [m["id"] for i in agenda for m in i["matters"]]
    # and the papers say so
    assert "فقط برای بندهای" in desk.page("invitation.html")
    assert "پیش‌نویس" in desk.page("draft.html")
    assert "پیش‌نویس" not in desk.page("m39-r1.html")
    assert "دسترسی جمعیت هلال احمر" in desk.page("m39-r1.html")
    minutes = desk.page("minutes.html")
    for words in ("صورت‌جلسه", "موکول شد", "گزارش ارائه شد", "m39/r2",
                  "بانک مرکزی؛ سازمان ثبت احوال کشور"):
        assert words in minutes, words


def test_a_draft_is_what_the_agenda_shows(desk):
    """No more, and no less: names are the view's, not the record's."""
    draft, view = (json.loads(desk.run(
        f"payvand meeting {words} --as-of 1401-10-21").stdout)
        for words in ("draft", "agenda --json"))
    assert [(i["row"], [m["id"] for m in i["matters"]])
            for i in draft["agenda"]] == [
        (i["row"], [m["id"] for m in i["matters"]]) for i in view["items"]]
    assert {m for i in draft["agenda"] for one in i["matters"] for m in one} \
        <= {"kind", "id", "row"}
    assert [(i["party"], i["rows"]) for i in draft["invitations"]] == [
        (i["party"]["id"], i["rows"]) for i in view["invitations"]]


def test_what_is_not_there_makes_no_draft(desk):
    done = desk.run("payvand resolution items g-m35-r5-15 x-none")
    assert done.returncode == 1 and done.stdout == ""
    assert "x-none" in done.stderr
    assert desk.run("payvand resolution items").returncode == 2
    done = desk.run("echo '{\"agenda\":[]}' > a.json; payvand meeting "
                    f"set-agenda m39 agenda=@a.json:items --as secretariat/{WG}")
    assert done.returncode == 2 and "a json is needed" in done.stderr


@pytest.mark.parametrize("rule, word, event, data", [
    ("R-279", "agenda", "set-agenda", {"agenda": agenda}) for agenda in (
        [{"text_fa": "بی‌ردیف"}], [{"row": 1}], [{"row": 0, "text_fa": "x"}],
        [{"row": 1, "text_fa": "x"}, {"row": 1, "text_fa": "y"}],
        [{"row": 1, "text_fa": "x", "matters": [{"kind": "thing", "id": "x"}]}],
        [{"row": 1, "text_fa": "x", "matters": [{"kind": "request"}]}],
        [{"row": 1, "text_fa": "x", "matters": [
            {"kind": "meeting", "id": "m38"}]}])
] + [
    ("R-278", "invitation", "invite", {"invitations": [one]}) for one in (
        {"party": "judiciary"}, {"purpose": "attend"},
        {"party": "judiciary", "purpose": "dinner"},
        {"party": "judiciary", "purpose": "item"},
        {"party": "judiciary", "purpose": "item", "rows": ["1"]})
])
def test_r278_r279_an_agenda_and_an_invitation_have_their_form(
        desk, rule, word, event, data):
    def secretariat(name, more):
        return decision("meeting", "x-form", name, "secretariat", WG,
                        "1405-09-01", more)
    status, answer = desk.registry.decide(
        secretariat("plan", {"body": WG, "date": "1405-09-01"}),
        secretariat("set-agenda", {"agenda": [{"row": 1, "text_fa": "x"}]}),
        secretariat(event, data))
    assert (status, answer.get("rule"), answer.get("word")) == (
        422, rule, word), answer
    assert desk.registry.ask("GET", "/registry/v1/meeting/x-form")[0] == 404
