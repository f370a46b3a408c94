"""Where a connector's rights come from, and for how long they are good: the
registry by https with its authority pinned, and the age of what is held."""

import base64
import hashlib
import json
import shutil
import sqlite3
import tempfile
import time

import pytest

import tlog
from harness import wait_for
from people import registry_today
from registryd import BUILD, Registry
from test_connectord import (BASE, GATE, PROVIDER, SQLITE, Connector, method)
from test_registry_web import start_nginx

OTHER = "another-agency"
HOUR_S = 3600
METHODS = [method("count", "SELECT 7 AS n")]
CALL = {**GATE, "Payvand-Grant": "g-1"}

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


class Kept(Connector):
    """A connector with rights, over a database of nothing."""

    def __init__(self, home, rights):
        home.mkdir(exist_ok=True)
        database = home / "x.sqlite"
        sqlite3.connect(database).close()
        super().__init__(home, METHODS, "Driver=%s;Database=%s" % (
            SQLITE, database), rights={"file": str(home / "rights"),
                                       **rights})

    def says(self, text):
        wait_for(text, lambda: text in self.log())


# ---- by https ----------------------------------------------------------------


def enter(registry, pki):
    """Two agencies, with a system each."""
    day = registry_today()
    for kind, record, event, data in (
            ("body", "wg", "register", {"name_fa": "x"}),
            ("appointment", "s", "appoint",
             {"person": "office", "role": "secretariat", "of": "wg"})):
        registry.must({"actor": "console", "role": "console", "of": "console",
                       "date": day, "kind": kind, "id": record,
                       "event": event, "data": data})
    office = {"actor": "office", "role": "secretariat", "of": "wg",
              "date": day}
    for agency in (PROVIDER, OTHER):
        registry.must(
            dict(office, kind="agency", id=agency, event="register",
                 data={"name_fa": "x", "branch": "executive",
                       "legal_type": "ministry", "inside_executive": True}),
            dict(office, kind="appointment", id="t-" + agency,
                 event="appoint", data={"person": "tech", "role": "technical",
                                        "of": agency}),
            dict(office, kind="system", id=agency + "-c", event="register",
                 data={"name_fa": "x", "agency": agency,
                       "kind": "application"}),
            dict(office, actor="tech", role="technical", of=agency,
                 kind="system", id=agency + "-c", event="key",
                 data={"spki_sha256": pki.of(agency + "-c").spki_sha256,
                       "networks": ["127.0.0.0/8"]}))


@pytest.fixture(scope="module")
def registry(pki):
    folder = tempfile.mkdtemp(prefix="pv-https-")
    made = Registry(folder)
    enter(made, pki)
    nginx = start_nginx(made, pki)
    yield made
    nginx.terminate()
    nginx.wait(20)
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def source(registry, pki, agency=PROVIDER, **changes):
    me = pki.of(agency + "-c")
    return {"log_key": registry.vkey, "cert": me.cert, "key": me.key,
            "url": "https://localhost:%d" % registry.port,
            "ca": pki.root.cert, **changes}


def test_rights_come_by_https(registry, pki, tmp_path):
    one = Kept(tmp_path / "c", source(registry, pki))
    one.says("connector.rights decision=")
    answer = one.call("count", {}, CALL)
    assert (answer.outcome, answer.json["type"]) == (
        "failed", "urn:payvand:problem:right-unknown")
    assert one.stop() == 0


@pytest.mark.parametrize("case, words", (
    ("another authority", "peer certificate"),
    ("another name", "certificate or SSH remote key"),
    ("no tls", "url"),
    ("another agency's system", "the registry answers 403"),
    ("a system that nobody knows", "the registry answers 401"),
    ("a certificate of no authority", "the registry answers 4")))
def test_another_registry_or_system_is_refused(registry, pki, tmp_path, case,
                                               words):
    """Nothing is held, and every call is refused."""
    stranger = pki.make("stranger", authority=pki.stranger)
    changes = {
        "another authority": {"ca": pki.stranger.cert},
        "another name": {"url": "https://127.0.0.1:%d" % registry.port},
        "no tls": {"url": "http://localhost:%d" % registry.port},
        "another agency's system": {"cert": pki.of(OTHER + "-c").cert,
                                    "key": pki.of(OTHER + "-c").key},
        "a system that nobody knows": {"cert": pki.of("nobody").cert,
                                       "key": pki.of("nobody").key},
        "a certificate of no authority": {"cert": stranger.cert,
                                          "key": stranger.key}}[case]
    if case == "no tls":
        with pytest.raises(AssertionError, match="https://"):
            Kept(tmp_path / "c", source(registry, pki, **changes))
        return
    one = Kept(tmp_path / "c", source(registry, pki, **changes))
    one.says("connector.rights_away")
    line = [line for line in one.log().splitlines()
            if "connector.rights_away" in line][0]
    assert words in line, line
    answer = one.call("count", {}, CALL)
    assert (answer.outcome, answer.json["type"]) == (
        "failed", "urn:payvand:problem:rights-stale")
    assert "connector.rights decision=" not in one.log()
    assert one.stop() == 0


# ---- their age ---------------------------------------------------------------


def state(key, age_s):
    """Signed so long ago."""
    body = json.dumps({"agency": PROVIDER, "modes": [], "grants": [{
        "id": "g-1", "path": BASE[:-1], "methods": ["count"]}]}).encode()
    text = "%s/rights/%s\n%d\n%d\n%s\n" % (
        key.name, PROVIDER, 7, time.time() - age_s,
        base64.b64encode(hashlib.sha256(body).digest()).decode())
    return tlog.note(text, key).encode() + body


@pytest.mark.parametrize("hours, age_s, good", (
    (1, 0, True), (1, HOUR_S - 600, True), (1, HOUR_S + 1, False),
    (72, 71 * HOUR_S, True), (72, 72 * HOUR_S + 1, False),
    (744, 745 * HOUR_S, False)))
def test_rights_that_are_too_old_refuse_every_call(tmp_path, hours, age_s,
                                                   good):
    """The registry is away, and its last word lies in the file."""
    key = tlog.Key("registry.example/decisions", tlog.ED25519)
    home = tmp_path / "c"
    home.mkdir()
    (home / "rights").write_bytes(state(key, age_s))
    one = Kept(home, {"log_key": key.vkey, "stale_hours": hours,
                      "socket": str(tmp_path / "none")})
    one.says("connector.rights decision=7")
    answer = one.call("count", {}, CALL)
    if good:
        assert (answer.outcome, answer.json) == (
            "answered", {"found": "yes", "n": "7"})
    else:
        assert (answer.outcome, answer.json["type"]) == (
            "failed", "urn:payvand:problem:rights-stale")
        assert answer.json["title"] and answer.json["title_fa"]
        assert "connector.rights_stale" in one.log()
    assert one.stop() == 0
