"""What the registry shows of its records: the text of resolutions, the agenda,
commitments, the state of services; over the enacted catalogue."""

import html.parser
import json
import os
import subprocess
import tempfile

import pytest

from registryd import BUILD, CATALOGUE, Registry

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
    else:  # at a meeting, or after an event
        assert due["event"] == said["value"].removeprefix("event:")


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
