"""R-076 for every pattern: what an inquiry, a verify, a list and a command ask
and answer is found nowhere on disk, at the exchange, in the connectors' logs
and fronts, or in the consumer face and its store of evidence.

The applications' way: curl to payvand-consumerd, real gateway, real
connectors. The words stand in the requests and in the registers themselves, so
that they come in the answers too.
"""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile

import pytest

import httpsig
from connectors import Connectors, make_country
from harness import (CATALOGUE, Exchange, Process, assert_outcome, built,
                     children_of, free_port, program_env, wait_for)
from samples import asked
from marker import new_marker, nothing_found
from test_services import live_grants
from test_signatures import openssl, write

CIVIL, POST, POWER, ITO = (
    "civil-registration-organisation", "national-post-company", "tavanir",
    "information-technology-organisation")
METHODS = {"verify": CIVIL + "/identity-match/v1/verify",
           "inquiry": POST + "/postal-code/v1/inquire",
           "list": POWER + "/electricity-new-bill-ids/v1/list",
           "command": ITO + "/payam-iran-message/v1/submit"}


def change(country, provider, statement, values):
    with sqlite3.connect(os.path.join(country, provider + ".sqlite")) as base:
        assert base.execute(statement, values).rowcount == 1


class Scene:
    """Four connectors whose registers hold the marker, and the face."""

    def __init__(self, ex, home, country, samples):
        self.ex, self.home, self.marker = ex, home, new_marker()
        person = samples["identity-match/verify"][0]["input"]
        code = samples["postal-code/inquire"][0]["input"]
        change(country, CIVIL, "UPDATE person SET first_name = ? "
               "WHERE national_id = ?", (self.marker, person["national_id"]))
        change(country, POST, "UPDATE postal_address SET street = ? "
               "WHERE postal_code = ?", (self.marker, code["postal_code"]))
        self.body = {
            "verify": {**person, "first_name": self.marker}, "inquiry": code,
            "list": asked(samples["electricity-new-bill-ids/list"][0][
                "input"]),
            "command": {"text": self.marker, "person_id": {
                "type": "national_id", "value": person["national_id"]}}}
        keys = home / "keys"
        keys.mkdir()
        self.connectors = Connectors(ex, country, [CIVIL, POST, POWER, ITO])
        for agency in self.connectors.providers:
            secret = write(home / (agency + ".pem"),
                           httpsig.Key().private_pem)
            openssl("pkey", "-in", secret, "-pubout", "-out",
                    str(keys / (agency + ".pem")))
            self.connectors.start_one(agency, workers=1,
                                      signatures={"key": secret})
        self.connectors.start_front()
        self.keys, self.port, self.face = str(keys), free_port(), None

    def start_face(self):
        grants = live_grants()
        systems, applications = {}, []
        for pattern, method in METHODS.items():
            service = method.split("/")[1]
            system, purpose = grants.get((service, method.split("/")[3]),
                                         grants.get((service, None)))
            me = self.ex.pki.of(system)
            systems[system] = {"id": system, "cert": me.cert, "key": me.key}
            applications.append({
                "id": pattern, "system": system, "methods": [method],
                "purposes": [purpose], "token_sha256": hashlib.sha256(
                    pattern.encode()).hexdigest()})
        path = write(self.home / "consumer.json", json.dumps({
            "url": "https://127.0.0.1:%d" % self.ex.address[1],
            "ca": self.ex.pki.root.cert, "contracts": CATALOGUE,
            "provider_keys": self.keys, "port": self.port, "workers": 4,
            "store": self.ex.path("evidence.sqlite"),
            "systems": list(systems.values()),
            "applications": applications}))
        self.face = Process("consumerd", [built("payvand-consumerd"),
                                          "--config", path],
                            self.ex.path("log", "consumerd.log"),
                            env=program_env(), core=True)
        wait_for("the face", lambda: self.metrics() is not None)

    def arguments(self, pattern, body, key):
        return ["curl", "-sS", "--max-time", "60", "-H",
                "Content-Type: application/json", "-H",
                "Authorization: Bearer " + pattern,
                *(["-H", "Idempotency-Key: " + key] if pattern == "command"
                  else []),
                "--data-binary", body if isinstance(body, str)
                else json.dumps(body),
                "http://127.0.0.1:%d/x/%s" % (self.port, METHODS[pattern])]

    def curl(self, pattern, body=None, key=None):
        done = subprocess.run(self.arguments(
            pattern, body or self.body[pattern], key or self.marker),
            capture_output=True, timeout=90, check=False)
        return json.loads(done.stdout) if done.stdout else None

    def begin(self, pattern):
        return subprocess.Popen(self.arguments(
            pattern, self.body[pattern], self.marker),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def metrics(self):
        done = subprocess.run(
            ["curl", "-sSf", "-H", "Authorization: Bearer verify",
             "http://127.0.0.1:%d/metrics" % self.port], capture_output=True,
            timeout=60, check=False)
        return done.stdout.decode() if done.returncode == 0 else None

    def is_open(self, count):
        return "payvand_consumer_open %d\n" % count in (self.metrics() or "")

    def leaves_nothing(self, *words):
        for word in (self.marker, *words):
            nothing_found(self.ex, word, [str(self.home)])
        folders = (self.ex.home, self.ex.path("log"))
        cores = [n for folder in folders for n in os.listdir(folder)
                 if n.startswith("core")]
        assert cores == []


@pytest.fixture(scope="module")
def scene(pki, tmp_path_factory):
    country, listing = make_country(str(tmp_path_factory.mktemp("country")),
                                    300)
    local = pki.make("nix-marker", key=pki.of("nix").key,
                     names=["exchange.payvand.test,IP:127.0.0.1"])
    folder = tempfile.mkdtemp(prefix="pv-marks-")
    ex = Exchange(folder, pki, probes=False, probe_services=True, workers=2,
                  core=True, providers=[CIVIL, POST, POWER, ITO], conf={
                      "level": "info",
                      "server": "ssl_certificate %s; ssl_certificate_key %s;"
                      % (local.cert, local.key)})
    it = Scene(ex, tmp_path_factory.mktemp("face"), country,
               listing["samples"])
    with ex:
        it.start_face()
        yield it
        assert it.face.stop() is None
    shutil.rmtree(folder, ignore_errors=True)


def is_well(scene):
    """Each pattern is answered as it is asked; what the list says."""
    assert scene.curl("verify") == {"result": "yes"}
    assert scene.curl("inquiry")["street"] == scene.marker
    assert scene.curl("command")["delivery_status"] == "accepted"
    rows = scene.curl("list")["bill_ids"]
    assert rows and len(rows[0]["bill_id"]) == 13
    return [row["bill_id"] for row in rows]


def test_answers_of_every_pattern_leave_nothing(scene):
    scene.leaves_nothing(*is_well(scene)[:3])


def test_what_is_wrong_in_every_pattern_leaves_nothing(scene):
    """Refused by the face, and by the connector behind the exchange."""
    for pattern, method in METHODS.items():
        for body in ({**scene.body[pattern], scene.marker: "1"},
                     '{"' + scene.marker, [scene.marker],
                     {name: scene.marker for name in scene.body[pattern]}):
            said = scene.curl(pattern, body)
            assert said["status"] == 400, (pattern, said)
            system = [a["system"] for a in json.loads(
                (scene.home / "consumer.json").read_text())["applications"]
                if a["id"] == pattern][0]
            purpose = live_grants()[method.split("/")[1], None][1]
            answer = scene.ex.call(
                system, "/x/" + method, body.encode()
                if isinstance(body, str) else json.dumps(body).encode(),
                purpose=purpose, headers=[("Idempotency-Key", scene.marker)])
            assert_outcome(answer, "invalid")
    scene.leaves_nothing()


def test_applications_that_leave_and_workers_that_die_leave_nothing(scene):
    """A call of each pattern is on its way to a connector that says nothing;
    then its application, the gateway's worker, or the face is gone."""
    mains = [p.pid for p in scene.connectors.process.values()]
    for how in ("application", "worker", "face"):
        for pid in mains:
            os.kill(pid, signal.SIGSTOP)
        curls = [scene.begin(pattern) for pattern in METHODS]
        try:
            wait_for("a call of each", lambda: scene.is_open(len(METHODS)))
            if how == "application":
                for curl in curls:
                    curl.kill()
            elif how == "worker":
                for pid in children_of(scene.ex.nginx.pid):
                    scene.ex.killed.add(pid)
                    os.kill(pid, signal.SIGABRT)
            else:
                scene.face.kill(signal.SIGABRT)
                scene.face.popen.wait(60)
                scene.start_face()
        finally:
            for pid in mains:
                os.kill(pid, signal.SIGCONT)
            for curl in curls:
                curl.wait(90)
        wait_for("the calls to end", lambda: scene.is_open(0))
        wait_for("all to be well", lambda: scene.curl("verify") == {
            "result": "yes"})
        scene.leaves_nothing()
    words = is_well(scene)
    scene.leaves_nothing(*words[:3])
