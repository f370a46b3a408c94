"""docs/open-a-service.md and use-a-service.md, each block as it stands: from a
table to a live governed call, through a real registry, gateway, nginx and
connector; and what the developer of another agency does with it."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import pytest

from connectors import FRONT, SERVER
from harness import (CATALOGUE, NGINX, ROOT, Process, built, free_port,
                     program_env, wait_for)
from registryd import BUILD, Registry, decision
from test_second_node import NodeExchange, enact_deployment
from test_service_init import SECRET, TABLE

PROVIDER, CONSUMER = "tavanir", "tax-administration-main"

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


def guide(name):
    with open(os.path.join(ROOT, "docs", name), encoding="utf-8") as file:
        return file.read()


def blocks(name="open-a-service.md"):
    return re.findall(r"```sh\n(.*?)```", guide(name), re.S)


class Scene:
    """What stands before the guide begins: the registry with the catalogue,
    a gateway on its image, and the provider's nginx before c.sock."""

    def __init__(self, home, pki):
        self.home = Path(home)
        for name in ("registry", "exchange", "agency", "agency/bin"):
            (self.home / name).mkdir()
        self.agency = self.home / "agency"
        self.registry = Registry(self.home / "registry")
        local = pki.make("nix-local", key=pki.of("nix").key,
                         names=["exchange.payvand.test,IP:127.0.0.1"])
        self.ex = NodeExchange(self.home / "exchange", pki,
                               providers=[PROVIDER], conf={
                                   "server": "ssl_certificate %s; "
                                   "ssl_certificate_key %s;" % (
                                       local.cert, local.key)})
        self.port = free_port()
        for row in self.ex.deployment["endpoints"]:
            row["port"] = self.port
        enact_deployment(self.registry, self.ex, self.home)
        self.ex.image = self.registry.image
        with sqlite3.connect(str(self.agency / "people.sqlite")) as base:
            base.executescript(TABLE.replace("citizen", "person"))
        base.close()
        for name in ("payvand", "payvand-connectord"):
            os.symlink(built(name), str(self.agency / "bin" / name))

    def start_front(self):
        identity = self.ex.pki.of(PROVIDER + "-connector")
        conf = self.ex.path("front.conf")
        with open(conf, "w") as file:
            file.write(FRONT.format(
                home=self.ex.home, user="user root;" if os.getuid() == 0
                else "", servers=SERVER.format(
                    name=PROVIDER, socket=self.agency / "c.sock",
                    port=self.port, cert=identity.cert, key=identity.key,
                    authorities=self.ex.pki.root.cert)))
        self.ex.processes.append(Process(
            "front", [NGINX, "-p", self.ex.home, "-c", conf, "-e",
                      self.ex.path("log", "front.log")],
            self.ex.path("log", "front.out"), env=program_env()))

    def env(self):
        identity = self.ex.pki.of(CONSUMER)
        name = CONSUMER.upper().replace("-", "_")
        return {**program_env(), "PAYVAND_CATALOGUE": CATALOGUE,
                "PATH": "%s:/usr/bin:/bin" % (self.agency / "bin"),
                "PAYVAND_REGISTRY_SOCKET": self.registry.socket,
                "PAYVAND_URL": "https://127.0.0.1:%d" % self.ex.address[1],
                "PAYVAND_CA": self.ex.pki.root.cert,
                "PAYVAND_CERT_" + name: identity.cert,
                "PAYVAND_KEY_" + name: identity.key}

    def run(self, script, cwd=None):
        end = "trap 'kill $(jobs -rp) 2>/dev/null || true' EXIT\n"
        try:
            return subprocess.run(
                ["bash", "-ex"], input=end + script, text=True,
                cwd=str(cwd or self.agency), env=self.env(), timeout=180,
                capture_output=True, check=False)
        except subprocess.TimeoutExpired as late:
            waits = subprocess.run(["ps", "-eo", "pid,ppid,stat,wchan:24,args"],
                                   capture_output=True, text=True, check=False)
            raise AssertionError("\n".join(
                [(late.stderr or b"").decode()[-2000:], *(
                    line[:160] for line in waits.stdout.splitlines()
                    if "payvand" in line or "bash" in line)])) from late


@pytest.fixture(scope="module")
def scene(pki):
    home = tempfile.mkdtemp(prefix="pv-oas-")
    made = Scene(home, pki)
    with made.ex:
        made.start_front()
        yield made
    made.registry.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def opened(scene):
    """The whole guide, once."""
    steps = blocks()
    assert len(steps) == 8
    done = scene.run("\n".join(steps))
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_r112_r247_the_guide_leads_from_a_table_to_a_live_call(scene, opened):
    done = opened
    assert "4 passed, 0 failed, 0 not tried" in done.stdout
    assert "passport confirm data/person-by-id" in done.stdout
    # once by itself, once through the exchange
    assert done.stdout.count('"first_name":"%s"' % SECRET) == 2
    service = scene.registry.get("service/person-by-id")["body"]
    assert service["code_is_issued"] is True
    assert scene.registry.get("version/person-by-id/v1")["state"] == "live"
    assert scene.registry.get("grant/tax-person-by-id")["state"] == "live"
    calls = list(scene.ex.requests().values())
    assert [(call["consumer"], call["service"], call["grant"])
            for _, call in calls] == [(CONSUMER, "person-by-id",
                                    "tax-person-by-id")]


def test_another_agencys_developer_needs_curl_alone(scene, opened):
    """docs/use-a-service.md: the contract out of the registry, the mock, the
    call, a mistake, and what curl does not show."""
    home = scene.home / "developer"
    home.mkdir()
    identity = scene.ex.pki.of(CONSUMER)
    for name, path in (("client.crt", identity.cert), ("client.key",
                       identity.key), ("ca.crt", scene.ex.pki.root.cert)):
        shutil.copy(path, home / name)
    before = len(scene.ex.requests())
    log = Path(scene.ex.path("log", "again.log"))
    connector = Process(
        "connectord", [built("payvand-connectord"), "--config", str(
            scene.agency / "connector.json")], str(log), env=program_env())
    wait_for("the connector", lambda: "connector.started" in log.read_text())
    try:
        done = scene.run("\n".join(blocks("use-a-service.md")), home)
    finally:
        connector.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.lower()
    assert said.count("payvand-mock: 1") == 1
    assert "payvand-outcome: answered" in said
    assert "payvand-tracking-id: " in said
    assert done.stdout.count('"first_name":"%s"' % SECRET) == 2
    wrong = json.loads((home / "invalid.txt").read_text().rsplit("\n", 1)[1])
    assert (wrong["outcome"], wrong["fault"], wrong["member"]) == (
        "invalid", "check-digit", "national_id") and wrong["title_fa"]
    assert "<html" in (home / "page.html").read_text()
    assert json.loads((home / "openapi.json").read_text())["openapi"]
    assert len(list((home / "evidence").glob("*.json"))) == 1
    assert len(scene.ex.requests()) == before + 3


def test_the_guides_outcomes_are_those_of_the_exchange():
    with open(os.path.join(ROOT, "lib", "policy", "outcome.c"),
              encoding="utf-8") as file:
        held = dict(re.findall(r'\{PV_SLICE_INIT\("([a-z]+)"\), (\d{3})\}',
                               file.read()))
    assert len(held) == 9
    assert dict(re.findall(r"^\| `([a-z]+)` \| (\d{3}) \|",
                           guide("use-a-service.md"), re.M)) == held


def submit(scene, *more, passport="p.json"):
    return subprocess.run(
        [built("payvand"), "service", "submit", "--contract",
         str(scene.agency / "two.json"), "--passport",
         str(scene.agency / passport), "--as", "representative/tavanir",
         *more], capture_output=True, text=True, env=scene.env())


def records(done):
    return [one["state"] for one in json.loads(done.stdout)["records"]]


def write(scene, name, value):
    (scene.agency / name).write_text(json.dumps(value, ensure_ascii=False))


def contract(service="two-by-id", **more):
    return {"contract": 1, "service": service, "version": "v1", "provider":
            PROVIDER, "basis": "proposed", "title_fa": "دوم", "title_en":
            "Second", "methods": [{
                "id": "get", "pattern": "inquiry", "deadline_ms": 1000,
                "inputs": [{"name": "national_id", "type": "national_id"}],
                "outputs": [{"name": "first_name", "type": "first_name"}],
                **more}]}


FORMS = {"service": {
    "service_title": "دوم", "service_nature": ["executive"],
    "service_description": "شرح", "recipients": None,
    "current_channels": ["other"], "electronic_method": ["transactional"],
    "electronic_level": ["national"], "service_kind": ["G2G"],
    "needs_cooperation": False, "base_registry_needs": []},
    "data": {"definition": "د", "custodian": PROVIDER, "format": "x",
             "classification": "عادی", "legal_basis": "قانون",
             "open_data": False}}


def test_what_is_proposed_is_not_proposed_twice(scene):
    write(scene, "two.json", contract())
    write(scene, "p.json", FORMS)
    done = submit(scene, "--json")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["missing"] == ["service.recipients"]
    assert records(done) == ["registered", "designed", "draft", "submitted"]
    assert "not filled in" in submit(scene).stdout
    write(scene, "p.json", {**FORMS, "service": {
        **FORMS["service"], "recipients": "دستگاه‌ها"}})
    done = submit(scene, "--json")
    assert done.returncode == 0, done.stderr
    assert records(done) == ["registered", "designed", "submitted",
                             "submitted"]
    done = submit(scene, "--json")
    assert (done.returncode, json.loads(done.stdout)["sent"]) == (0, 0)
    write(scene, "two.json", contract(deadline_ms=2000))
    done = submit(scene, "--json")
    assert (done.returncode, json.loads(done.stdout)["sent"]) == (0, 1)
    kept = scene.registry.get("version/two-by-id/v1")["body"]["contract"]["contract"]
    assert kept["methods"][0]["deadline_ms"] == 2000
    assert "سپس" in submit(scene, "--lang", "fa").stdout


def test_a_version_that_is_tested_keeps_its_contract(scene):
    write(scene, "two.json", contract("three-by-id") | {"title_fa": "سوم"})
    write(scene, "p.json", FORMS)
    submit(scene)
    day = scene.registry.get("version/three-by-id/v1")["date"]
    scene.registry.must(decision("version", "three-by-id/v1", "test",
                                 "representative", PROVIDER, day))
    write(scene, "two.json", contract("three-by-id", deadline_ms=3000))
    done = submit(scene)
    assert done.returncode == 1 and "a new version" in done.stdout
    kept = scene.registry.get("version/three-by-id/v1")["body"]["contract"]["contract"]
    assert kept["methods"][0]["deadline_ms"] == 1000


def test_a_refusal_says_its_rule_and_nothing_is_kept(scene):
    write(scene, "two.json", contract("four-by-id") | {"title_fa": "دوم"})
    write(scene, "p.json", FORMS)
    done = submit(scene)
    assert done.returncode == 1 and "R-017" in done.stderr
    assert "R-017" in submit(scene, "--lang", "fa").stderr
    write(scene, "two.json", contract("four-by-id") | {"title_fa": "چهارم"})
    write(scene, "wrong.json", {**FORMS, "data": {"unknown": "x"}})
    done = submit(scene, passport="wrong.json")
    assert done.returncode == 1 and "R-252" in done.stderr, done.stderr
    assert scene.registry.ask(
        "GET", "/registry/v1/service/four-by-id")[0] == 404
    for name, value, word in (("wrong.json", {"service": {}}, "forms"),
                              ("wrong.json", {**FORMS, "x": 1}, '"x"')):
        write(scene, name, value)
        done = submit(scene, passport=name)
        assert done.returncode == 1 and word in done.stderr, done.stderr


def test_decisions_can_be_carried_to_a_registry_elsewhere(scene):
    write(scene, "two.json", contract("five-by-id") | {"title_fa": "پنجم"})
    write(scene, "p.json", {**FORMS, "service": {
        **FORMS["service"], "recipients": "دستگاه‌ها"}})
    done = submit(scene, "--list", "--socket", "/none")
    made = json.loads(done.stdout)
    assert [(one["kind"], one["event"]) for one in made] == [
        ("service", "register"), ("version", "declare"),
        ("passport", "write"), ("passport", "submit"),
        ("passport", "write"), ("passport", "submit")]
    scene.registry.must(*made)
    assert records(submit(scene, "--json")) == [
        "registered", "designed", "submitted", "submitted"]
    done = submit(scene, "--socket", "/none")
    assert done.returncode == 1 and "does not answer" in done.stderr


def test_init_proposes_what_it_has_tried(scene):
    out = scene.agency / "six"
    out.mkdir()
    ask = [built("payvand"), "service", "init", "--dsn",
           "Driver=SQLite3;Database=%s" % (scene.agency / "people.sqlite"),
           "--table", "person", "--provider", PROVIDER, "--service",
           "six-by-id", "--title-fa", "ششم", "--out", str(out), "--json",
           "--submit"]
    done = subprocess.run(ask, capture_output=True, text=True,
                          env=scene.env())
    assert done.returncode == 1 and "--as representative" in done.stderr
    shutil.rmtree(out)
    out.mkdir()
    done = subprocess.run([*ask, "--as", "representative/tavanir"],
                          capture_output=True, text=True, env=scene.env())
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [one["state"] for one in said["submit"]["records"]] == [
        "registered", "designed", "draft", "draft"]
    assert "service.recipients" in said["submit"]["missing"]
    form = json.loads(Path(said["files"][3]).read_text())
    assert form["data"]["format"] == "national_id, first_name, last_name"
