"""Signed calls at a real connector (R-097, R-098): requests are verified,
answers are signed, and a published implementation agrees both ways."""

import hashlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
import uuid

import pytest

import httpsig
import npm
from harness import built, wait_for
from test_connectord import (BASE, GATE, NATIONAL_ID, SQLITE, Connector,
                             method, optional)

METHODS = [
    method("match", "SELECT 1 FROM person WHERE national_id = :national_id",
           [{"name": "national_id", "type": "national_id"}],
           answer="yes-if-row"),
    method("broken", "SELECT 'x' AS n"),
    method("count", "SELECT count(*) AS n FROM person WHERE :iban IS NULL",
           [optional("iban", "iban")]),
]
BODY = json.dumps({"national_id": NATIONAL_ID}).encode()
P256 = "ecdsa-p256-sha256"


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True,
                          capture_output=True).stdout


def write(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(text)
    return str(path)


class Scene:
    """Keys, and connectors that know them."""

    def __init__(self, home):
        self.home = home
        self.database = str(home / "x.sqlite")
        with sqlite3.connect(self.database) as db:
            db.executescript("CREATE TABLE person(national_id TEXT);"
                             "INSERT INTO person VALUES('9991234561');")
        self.provider = httpsig.Key()
        self.consumer = httpsig.Key()
        self.stranger = httpsig.Key()
        self.key = write(home / "provider.pem", self.provider.private_pem)
        public = write(home / "consumer.pem", self.consumer.public_pem)
        self.p256 = str(home / "p256.pem")
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-out", self.p256)
        os.chmod(self.p256, 0o600)
        openssl("pkey", "-in", self.p256, "-pubout", "-out",
                self.p256 + ".pub")
        self.signatures = {"key": self.key, "consumers": [
            {"system": "setad", "key": public},
            {"system": "setad", "key": self.p256 + ".pub"},
            {"system": "bank", "key": public, "must_sign": True}]}

    def start(self, name, **signatures):
        home = self.home / name
        home.mkdir(exist_ok=True)
        return Connector(home, METHODS, "Driver=%s;Database=%s" %
                         (SQLITE, self.database),
                         signatures={**self.signatures, **signatures})

    def signed(self, path=BASE + "match", body=BODY, more=None, **changes):
        key = changes.pop("key", self.consumer)
        return httpsig.sign(key, path, body, {
            **GATE, "Payvand-Tracking-Id": str(uuid.uuid4()), **(more or {})},
            **changes)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return Scene(tmp_path_factory.mktemp("s"))


@pytest.fixture(scope="module")
def connector(scene):
    started = scene.start("c")
    yield started
    assert started.stop() == 0


def refused(answer, word):
    assert (answer.status, answer.outcome) == (200, "invalid"), answer.json
    assert answer.json["type"] == "urn:payvand:problem:" + word
    assert answer.json["title"] and answer.json["title_fa"]


def test_each_answer_is_signed_and_belongs_to_its_request(scene, connector):
    """R-098; whatever the outcome, and whether the request is signed."""
    for name, body, outcome in (("match", BODY, "answered"),
                                ("match", b"{}", "invalid"),
                                ("broken", b"{}", "failed")):
        plain = dict(GATE, **{"Payvand-Tracking-Id": str(uuid.uuid4())})
        for headers in (plain, scene.signed(BASE + name, body)):
            answer = connector.call(name, body, headers)
            assert answer.outcome == outcome
            said = httpsig.verify(scene.provider.public, answer.raw,
                                  answer.headers, BASE + name, headers)
            assert said["keyid"] == scene.provider.id
            assert abs(int(said["created"]) - time.time()) < 60
            with pytest.raises(ValueError):
                httpsig.verify(scene.provider.public, answer.raw,
                               answer.headers, BASE + "count", headers)


def test_an_answer_is_of_one_request_and_not_of_its_twin(scene, connector):
    first, twin = scene.signed(), scene.signed()
    answer = connector.call("match", BODY, first)
    httpsig.verify(scene.provider.public, answer.raw, answer.headers,
                   BASE + "match", first)
    with pytest.raises(ValueError):
        httpsig.verify(scene.provider.public, answer.raw, answer.headers,
                       BASE + "match", twin)


def test_yes_and_no_are_signed_alike(scene, connector):
    """R-080: no length tells them apart."""
    yes = connector.call("match", BODY, scene.signed())
    body = json.dumps({"national_id": "0499370899"}).encode()
    no = connector.call("match", body, scene.signed(body=body))
    assert (yes.json, no.json) == ({"result": "yes"}, {"result": "no"})
    assert [(k, len(v)) for k, v in yes.headers] == \
        [(k, len(v)) for k, v in no.headers]


def test_a_signed_request_is_taken_once(scene, connector):
    headers = scene.signed()
    assert connector.call("match", BODY, headers).outcome == "answered"
    refused(connector.call("match", BODY, headers), "signature-replayed")
    again = dict(headers, **{"Payvand-Tracking-Id": str(uuid.uuid4())})
    refused(connector.call("match", BODY, again), "signature-replayed")


def test_reordered_requests_are_each_taken_once_in_any_order(scene, connector):
    """The exchange promises no order; what was signed first may come last."""
    signed = [scene.signed() for _ in range(20)]
    late = signed[::-1] + signed[:5] + signed[15:]
    answers = [connector.call("match", BODY, headers) for headers in late]
    assert {a.outcome for a in answers[:20]} == {"answered"}
    for answer in answers[20:]:
        refused(answer, "signature-replayed")


def now():
    return int(time.time())


def test_clocks_may_differ_a_little(scene, connector):
    """30 s either way; a nonce is kept for as long as it could be taken."""
    ahead = now() + 20
    ahead = scene.signed(created=ahead, expires=ahead + 10)
    behind = now() + 1
    behind = scene.signed(created=behind - 1, expires=behind)
    wait_for("its end", lambda: now() > int(
        behind["Signature-Input"].split("expires=")[1].split(";")[0]))
    for headers in (ahead, behind):
        assert connector.call("match", BODY, headers).outcome == "answered"
        refused(connector.call("match", BODY, headers), "signature-replayed")


@pytest.mark.parametrize("word,changes", [
    ("signature-clock", lambda: {"created": now() - 200,
                                 "expires": now() - 140}),
    ("signature-clock", lambda: {"created": now() + 60,
                                 "expires": now() + 120}),
    ("signature-clock", lambda: {"expires": now() + 600}),
    ("signature-clock", lambda: {"expires": None}),
    ("signature-clock", lambda: {"created": None}),
    ("signature-form", lambda: {"nonce": None}),
    ("signature-form", lambda: {"keyid": None}),
    ("signature-form", lambda: {"tag": None}),
    ("signature-form", lambda: {"tag": "payvand-answer"}),
    ("signature-form", lambda: {"label": "other"}),
    ("signature-coverage", lambda: {"cover": ["@method", "@path"]}),
    ("signature-coverage", lambda: {"cover": ["@path", "content-digest",
                                              "content-type"]}),
    ("signature-key", lambda: {"keyid": "0" * 64}),
])
def test_a_signature_that_says_too_little_is_refused(scene, connector, word,
                                                     changes):
    refused(connector.call("match", BODY, scene.signed(**changes())), word)


def test_a_request_that_was_changed_on_the_way_is_refused(scene, connector):
    other = json.dumps({"national_id": "0499370899"}).encode()
    refused(connector.call("match", other, scene.signed()), "content-digest")
    moved = scene.signed(path=BASE + "count")
    refused(connector.call("match", BODY, moved), "signature-wrong")
    digest = dict(scene.signed(),
                  **{"Content-Digest": httpsig.digest(other)})
    refused(connector.call("match", other, digest), "signature-wrong")
    more = {"Payvand-Consent": "4821093755162240"}
    consent = dict(scene.signed(more=more),
                   **{"Payvand-Consent": "4821093755162241"})
    refused(connector.call("match", BODY, consent), "signature-wrong")
    added = dict(scene.signed(), **{"Idempotency-Key": '"k"'})
    refused(connector.call("match", BODY, added), "signature-coverage")
    half = {k: v for k, v in scene.signed().items() if k != "Signature"}
    refused(connector.call("match", BODY, half), "signature-form")
    mixed = dict(scene.signed(), Signature=scene.signed()["Signature"])
    refused(connector.call("match", BODY, mixed), "signature-wrong")
    stranger = scene.signed(key=scene.stranger)
    refused(connector.call("match", BODY, stranger), "signature-key")
    claimed = scene.signed(key=scene.stranger, keyid=scene.consumer.id)
    refused(connector.call("match", BODY, claimed), "signature-wrong")


def test_a_refused_request_leaves_its_nonce(scene, connector):
    """What did not verify must not use up what a right one needs."""
    headers = scene.signed()
    wrong = dict(headers, **{"Payvand-Evidence": "A" * 43})
    refused(connector.call("match", BODY, wrong), "signature-coverage")
    assert connector.call("match", BODY, headers).outcome == "answered"


def test_only_a_system_that_must_sign_is_asked_to(scene, connector):
    plain = dict(GATE, **{"Payvand-Consumer": "bank"})
    refused(connector.call("match", BODY, plain), "signature-missing")
    signed = dict(scene.signed(), **{"Payvand-Consumer": "bank"})
    assert connector.call("match", BODY, signed).outcome == "answered"
    unknown = dict(scene.signed(key=scene.stranger),
                   **{"Payvand-Consumer": "who-has-no-key-here"})
    assert connector.call("match", BODY, unknown).outcome == "answered"
    wrong = dict(GATE, **{"Content-Digest": httpsig.digest(b"{}")})
    refused(connector.call("match", BODY, wrong), "content-digest")


def test_a_field_that_comes_twice_is_refused(scene, connector):
    headers = scene.signed()
    wire = http.client.HTTPConnection("localhost")
    wire.sock = socket.socket(socket.AF_UNIX)
    wire.sock.settimeout(30)
    wire.sock.connect(connector.socket)
    wire.putrequest("POST", BASE + "match")
    for name, value in [*headers.items(),
                        ("Signature", headers["Signature"]),
                        ("Content-Length", str(len(BODY)))]:
        wire.putheader(name, value)
    wire.endheaders(BODY)
    answer = wire.getresponse()
    assert json.loads(answer.read())["type"].endswith("signature-form")
    wire.close()


def test_another_key_signs_after_a_restart_and_answers_name_theirs(scene):
    """docs/keys.md: consumers know both meanwhile, by the key's name."""
    following = httpsig.Key()
    path = write(scene.home / "rotates.pem", scene.provider.private_pem)
    known = {key.id: key for key in (scene.provider, following)}
    assert len(known) == 2
    consumers = [{"system": "setad", "key": write(
        scene.home / ("c%d.pem" % n), key.public_pem)}
        for n, key in enumerate((scene.consumer, scene.stranger))]
    for key in (scene.provider, following):
        write(path, key.private_pem)
        started = scene.start("rotates", key=path, consumers=consumers)
        headers = scene.signed()
        answer = started.call("match", BODY, headers)
        assert answer.outcome == "answered"
        said = httpsig.verify(key.public, answer.raw, answer.headers,
                              BASE + "match", headers)
        assert known[said["keyid"]] is key
        # a consumer's other key is as good
        assert started.call("match", BODY, scene.signed(
            key=scene.stranger)).outcome == "answered"
        assert started.stop() == 0


@pytest.mark.parametrize("end", ("killed", "stopped"))
def test_what_was_taken_before_a_restart_is_not_taken_again(scene, end):
    """Nonces are forgotten; by its time a request is older than the start."""
    first = scene.start("before-" + end)
    taken = [scene.signed() for _ in range(3)]
    held = scene.signed()  # it never came
    for headers in taken:
        assert first.call("match", BODY, headers).outcome == "answered"
    if end == "killed":
        first.process.kill()
        first.process.wait()
        os.unlink(first.socket)
    else:
        assert first.stop() == 0
    again = scene.start("before-" + end)
    for headers in (*taken, held):
        refused(again.call("match", BODY, headers), "signature-clock")
    fresh = scene.signed()
    assert again.call("match", BODY, fresh).outcome == "answered"
    refused(again.call("match", BODY, fresh), "signature-replayed")
    assert again.stop() == 0


def test_the_log_says_why_and_no_value(scene, connector):
    refused(connector.call("match", BODY,
                           scene.signed(keyid="0" * 64)), "signature-key")
    log = connector.log()
    assert "connector.signature_refused" in log
    assert "reason=signature-key" in log and "consumer=setad" in log
    assert NATIONAL_ID not in log


def test_what_was_taken_before_a_start_is_not_taken_after_it(scene):
    connector = scene.start("r")
    headers = scene.signed()
    assert connector.call("match", BODY, headers).outcome == "answered"
    assert connector.stop() == 0
    made = int(headers["Signature-Input"].split("created=")[1].split(";")[0])
    wait_for("the next second", lambda: now() > made)
    connector = scene.start("r")
    refused(connector.call("match", BODY, headers), "signature-clock")
    assert connector.call("match", BODY, scene.signed()).outcome == "answered"
    assert connector.stop() == 0


def signer_of(connector):
    for pid in connector.children():
        with open("/proc/%d/cmdline" % pid, "rb") as text:
            if b"signer" in text.read().split(b"\0"):
                return pid
    return None


def test_a_connector_without_its_signer_ends(scene):
    """Never an answer that is not signed; systemd starts it again."""
    connector = scene.start("k")
    assert connector.call("match", BODY, scene.signed()).outcome == "answered"
    os.kill(signer_of(connector), signal.SIGKILL)
    assert connector.process.wait(20) == 1
    assert "connector.signer_gone" in connector.log()


@pytest.mark.parametrize("key,words", [
    ("public", "holds no private key"), ("open", "others may read"),
    ("absent", "No such file")])
def test_a_faulty_key_stops_the_start(scene, key, words):
    path = str(scene.home / (key + ".pem"))
    if key == "public":
        write(path, scene.provider.public_pem)
    elif key == "open":
        write(path, scene.provider.private_pem)
        os.chmod(path, 0o644)
    config = json.loads((scene.home / "c" / "config.json").read_text())
    config["signatures"]["key"] = path
    file = scene.home / "faulty.json"
    file.write_text(json.dumps(config))
    done = subprocess.run([built("payvand-connectord"), "--config", file,
                           "--check"], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 1 and words in done.stderr, done.stderr


def peer(**asked):
    folder = npm.installed("http-message-signatures", "1.0.6")
    done = subprocess.run(
        ["node", os.path.join(os.path.dirname(__file__), "httpsig_peer.mjs"),
         folder], input=json.dumps(asked), capture_output=True, text=True,
        timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_published_implementation_agrees_both_ways(scene):
    """http-message-signatures of npm signs what we take, and takes what we
    sign, with both algorithms."""
    npm.installed("http-message-signatures", "1.0.6")
    with open(scene.p256) as file:
        p256 = file.read()
    with open(scene.p256 + ".pub") as file:
        p256_public = file.read()
    p256_id = hashlib.sha256(openssl(
        "pkey", "-pubin", "-in", scene.p256 + ".pub", "-outform",
        "DER")).hexdigest()
    sides = {
        "ed25519": (scene.key, scene.consumer.private_pem, scene.consumer.id,
                    scene.provider.public_pem, scene.provider.id),
        P256: (scene.p256, p256, p256_id, p256_public, p256_id),
    }
    for alg, (key, private, private_id, public, public_id) in sides.items():
        connector = scene.start("i-" + alg, key=key)
        url = "http://localhost" + BASE + "match"
        plain = {**GATE, "Payvand-Consent": "4821093755162240",
                 "Content-Digest": httpsig.digest(BODY)}
        headers = peer(
            sign={"method": "POST", "url": url, "headers": plain},
            key=private, alg=alg, keyid=private_id, created=now(),
            nonce="n" + alg,
            fields=["@method", "@path", "content-digest", "content-type",
                    "payvand-consent"])
        answer = connector.call("match", BODY, headers)
        assert answer.json == {"result": "yes"}, (alg, answer.json)
        request = {"method": "POST", "url": url, "headers": headers}
        message = {"status": 200, "headers": dict(answer.headers)}
        assert peer(answer=message, request=request, key=public, alg=alg,
                    keyid=public_id) is True
        message["headers"]["Payvand-Outcome"] = "invalid"
        assert peer(answer=message, request=request, key=public, alg=alg,
                    keyid=public_id) is False
        assert connector.stop() == 0
