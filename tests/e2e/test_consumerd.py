"""The consumer face: an agency's application calls with curl and nothing else;
payvand-consumerd signs, keeps evidence, checks the answer and counts what no
longer fits its contract."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time

import pytest

import httpsig
from connectors import Connectors, make_country, relay
from harness import (CATALOGUE, Exchange, Process, built, free_port,
                     program_env, reply, wait_for)
from test_client import CIVIL, CONSUMER, METHOD, of
from test_signatures import openssl, write

TOKEN = "an application's token, made at random"
COMMAND = "tax-administration/commercial-account-registration/v1/submit"


class Scene:
    """An exchange, a connector that wants signatures, and the face."""

    def __init__(self, ex, home):
        self.ex, self.home, self.asked = ex, home, []
        country, listing = make_country(str(home), 300)
        rows = listing["samples"]["identity-match/verify"]
        self.sample = {row["expect"]: row["input"] for row in rows}
        me = ex.pki.of(CONSUMER)
        keys = home / "keys"
        keys.mkdir()
        self.secret = write(home / "sign.pem", httpsig.Key().private_pem)
        self.provider_key = str(keys / (CIVIL + ".pem"))
        openssl("pkey", "-in", self.secret, "-pubout", "-out",
                self.provider_key)
        real = Connectors(ex, country, [CIVIL], front=False)
        real.start_one(CIVIL, signatures={"key": self.secret, "consumers": [
            {"system": CONSUMER, "key": me.cert, "must_sign": True}]})
        self.honest = relay(real.socket(CIVIL))
        self.pass_on()
        self.socket = ex.path("consumer.sock")
        self.port = free_port()
        self.store = str(home / "evidence.sqlite")
        self.config = {
            "url": "https://127.0.0.1:%d" % ex.address[1],
            "ca": ex.pki.root.cert, "contracts": CATALOGUE,
            "provider_keys": str(keys), "store": self.store,
            "socket": self.socket, "port": self.port, "workers": 3,
            "systems": [{"id": CONSUMER, "cert": me.cert, "key": me.key}],
            "applications": [
                {"id": "desk", "uid": os.getuid(), "system": CONSUMER,
                 "methods": [CIVIL + "/identity-match/"]},
                {"id": "web", "system": CONSUMER,
                 "token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest(),
                 "methods": [METHOD], "purposes": ["one", "two"]}]}
        path = write(home / "consumer.json", json.dumps(self.config))
        self.face = Process(
            "consumerd", [built("payvand-consumerd"), "--config", path],
            ex.path("consumerd.log"), env=program_env())
        wait_for("the consumer face", lambda: os.path.exists(self.socket))

    def pass_on(self, change=None):
        def behave(seen):
            self.asked.append(seen)
            answer = self.honest(seen)
            return change(answer) if change else answer
        self.asked.clear()
        self.ex.provider[CIVIL].behave = lambda seen, _: behave(seen)

    def curl(self, body, *more, method=METHOD, by_token=False, path=None):
        """By the real curl: (status, headers, JSON)."""
        where = [] if by_token else ["--unix-socket", self.socket]
        done = subprocess.run(
            ["curl", "-sS", "-i", "--max-time", "60", *where,
             "-H", "Content-Type: application/json", "-H", "Expect:", *more,
             *(["--data-binary", "@-"] if body is not None else []),
             "http://127.0.0.1:%d%s" % (self.port, path or "/x/" + method)],
            input=b"" if body is None else body if isinstance(body, bytes)
            else json.dumps(body).encode(), capture_output=True, timeout=90,
            check=True)
        head, _, said = done.stdout.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {n.lower(): v for n, v in
                   (line.split(": ", 1) for line in lines[1:])}
        if headers["content-type"].startswith("text/plain"):
            return int(lines[0].split()[1]), headers, said.decode()
        return int(lines[0].split()[1]), headers, json.loads(said)

    def kept(self):
        done = self.ex.payvand("evidence", "list", "--store", self.store,
                               "--json")
        return json.loads(done.stdout)["calls"]


@pytest.fixture(scope="module")
def scene(pki, tmp_path_factory):
    local = pki.make("nix-local", key=pki.of("nix").key,
                     names=["exchange.payvand.test,IP:127.0.0.1"])
    folder = tempfile.mkdtemp(prefix="pv-face-")
    with Exchange(folder, pki, workers=1, conf={
            "server": "ssl_certificate %s; ssl_certificate_key %s;" % (
                local.cert, local.key)}) as ex:
        it = Scene(ex, tmp_path_factory.mktemp("face"))
        yield it
        assert it.face.stop() is None
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def honest(scene):
    scene.pass_on()


def problem(said):
    return said["type"].rsplit(":", 1)[1]


def test_curl_and_nothing_else_makes_a_governed_call(scene):
    for word in ("yes", "no"):
        status, headers, said = scene.curl(scene.sample[word])
        assert (status, said) == (200, {"result": word})
        assert headers["payvand-outcome"] == "answered"
        record = scene.ex.record(headers["payvand-tracking-id"])
        assert record["commitment"]
        assert scene.asked[-1].get("Signature")
        row = scene.kept()[0]
        assert row["tracking_id"] == headers["payvand-tracking-id"]
        assert row["commitment"] == record["commitment"]
        assert (row["application"], row["system"], row["result"]) == (
            "desk", CONSUMER, "verified")
        assert row["signed"] is True and row["content"] is False


def test_the_store_proves_a_call_and_holds_no_content(scene, tmp_path):
    """R-098, with what the face kept and the agency's own copy of the body."""
    _, headers, _ = scene.curl(scene.sample["yes"])
    done = scene.ex.payvand("evidence", "show",
                            headers["payvand-tracking-id"], "--store",
                            scene.store)
    path, body = tmp_path / "call.json", tmp_path / "body.json"
    path.write_bytes(done.stdout)
    body.write_text(json.dumps(scene.sample["yes"]))
    proof = ["prove", str(path), "--content", str(body), "--provider-key",
             scene.provider_key, "--json"]
    assert json.loads(scene.ex.payvand(*proof).stdout)["answer_signed"] is True
    body.write_text(json.dumps(scene.sample["no"]))
    assert scene.ex.payvand(*proof, check=False).returncode == 3
    for name in os.listdir(os.path.dirname(scene.store)):
        if name.startswith("evidence.sqlite"):
            with open(os.path.join(os.path.dirname(scene.store), name),
                      "rb") as file:
                held = file.read()
            assert not any(v.encode() in held for v in
                           scene.sample["yes"].values() if len(v) > 6)


def test_evidence_is_added_and_never_changed(scene):
    scene.curl(scene.sample["yes"])
    with sqlite3.connect(scene.store) as base:
        for statement in ("UPDATE asked SET at_ms = 0",
                          "DELETE FROM asked", "DELETE FROM answered",
                          "UPDATE answered SET outcome = 'failed'"):
            with pytest.raises(sqlite3.DatabaseError):
                base.execute(statement)


def test_an_application_has_its_own_methods_and_purposes(scene):
    token = ["-H", "Authorization: Bearer " + TOKEN]
    yes = scene.sample["yes"]
    status, _, said = scene.curl(yes, by_token=True)
    assert (status, problem(said)) == (401, "application-unknown")
    status, _, said = scene.curl(yes, "-H", "Authorization: Bearer x",
                                 by_token=True)
    assert (status, problem(said)) == (401, "application-unknown")
    status, _, said = scene.curl(yes, *token, by_token=True)
    assert (status, problem(said)) == (400, "purpose-missing")
    status, headers, said = scene.curl(
        yes, *token, "-H", "Payvand-Purpose: three", by_token=True)
    assert (status, problem(said)) == (403, "application-purpose")
    assert headers["payvand-outcome"] == "refused" and said["title_fa"]
    status, _, said = scene.curl(yes, *token, by_token=True,
                                 method=CIVIL + "/identity-match/v1/other")
    assert (status, problem(said)) == (403, "application-method")
    status, _, said = scene.curl(yes, method=COMMAND)
    assert (status, problem(said)) == (403, "application-method")
    status, _, said = scene.curl(yes, "-H", "Payvand-Case: a", "-H",
                                 "Payvand-Case: b")
    assert (status, problem(said)) == (400, "header")
    assert not scene.asked
    # what the exchange says of the purpose is passed on as it is
    status, headers, said = scene.curl(
        yes, *token, "-H", "Payvand-Purpose: two", by_token=True)
    assert headers["payvand-outcome"] == "refused" and status == 403
    assert headers["payvand-tracking-id"]


def test_a_request_that_breaks_its_contract_is_not_sent(scene):
    before = len(scene.kept())
    status, headers, said = scene.curl({**scene.sample["yes"], "gender": "1"})
    assert (status, headers["payvand-outcome"]) == (400, "invalid")
    assert said["member"] == "gender" and "title_fa" in said
    status, _, _ = scene.curl(b"no JSON")
    assert status == 400
    assert not scene.asked and len(scene.kept()) == before


def test_what_the_provider_did_not_sign_is_withheld(scene):
    scene.pass_on(lambda answer: of(answer, b'"yes"', b'"no" '))
    status, headers, said = scene.curl(scene.sample["yes"])
    assert (status, problem(said)) == (502, "answer-not-verified")
    assert "result" not in said and headers["payvand-tracking-id"]
    assert scene.kept()[0]["result"] == "not-verified"


def test_a_reason_is_no_way_for_data(scene):
    """What a provider says with `failed` is not signed and has no contract: a
    problem's known members reach the application, and no others."""
    body = json.dumps({"type": "urn:payvand:problem:not-done", "title": "No",
                       "result": "yes", "birth_date": "1366-01-01"}).encode()
    scene.ex.provider[CIVIL].behave = lambda seen, _: reply(
        body, headers=[("Payvand-Outcome", "failed")],
        kind="application/problem+json")
    status, headers, said = scene.curl(scene.sample["yes"])
    assert (status, headers["payvand-outcome"]) == (502, "failed")
    assert said == {
        "type": "urn:payvand:problem:not-done", "title": "No", "status": 502,
        "outcome": "failed", "tracking_id": headers["payvand-tracking-id"]}


def test_an_interface_that_changed_is_counted_and_not_kept(scene):
    """R-238, R-091: a provider that signs answers of another form."""
    with open(os.path.join(scene.config["provider_keys"],
                           CIVIL + ".next.pem"), "w") as file:
        key = httpsig.Key()
        file.write(key.public_pem)
    for body in (b'{"result":"maybe"}', b'{"result":"no","gender":"1"}'):
        scene.ex.provider[CIVIL].behave = lambda seen, _, body=body: reply(
            body, headers=httpsig.answer(key, "/x/" + METHOD, seen.headers, body))
        status, _, said = scene.curl(scene.sample["no"])
        assert (status, problem(said)) == (502, "answer-breaks-contract")
        assert said["fault"] and b"maybe" not in json.dumps(said).encode()
    assert said["member"] == "gender"
    assert [row["fault"] for row in scene.kept()[:2]] == [
        "unknown", scene.kept()[1]["fault"]]
    _, _, text = scene.curl(None, path="/metrics")
    for kind in {row["fault"] for row in scene.kept()[:2]}:
        assert ('payvand_consumer_answers_withheld_total{method="%s",'
                'kind="%s"} 1' % (METHOD, kind)) in text
    with open(scene.ex.path("consumerd.log")) as file:
        log = file.read()
    assert "consumer.answer_withheld method=%s kind=unknown" % METHOD in log
    assert "maybe" not in log and "maybe" not in text
    # no way for data either: what is no name is not told
    body = json.dumps({"result": "no", "born 1366-01-01": "1"}).encode()
    scene.ex.provider[CIVIL].behave = lambda seen, _: reply(
        body, headers=httpsig.answer(key, "/x/" + METHOD, seen.headers, body))
    _, _, told = scene.curl(scene.sample["no"])
    assert told["fault"] == "unknown" and "member" not in told


def test_the_evidence_of_an_application_that_left_is_whole(scene):
    go = threading.Event()
    scene.pass_on(lambda answer: go.wait(60) and answer)
    curl = subprocess.Popen(
        ["curl", "-sS", "--unix-socket", scene.socket, "-d",
         json.dumps(scene.sample["yes"]), "http://x/x/" + METHOD],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for("the provider to be asked", lambda: scene.asked)
    assert scene.kept()[0]["result"] == ""
    curl.kill()
    curl.wait(60)
    go.set()
    wait_for("the end", lambda: scene.kept()[0]["result"] == "verified")
    scene.pass_on()
    assert scene.curl(scene.sample["no"])[2] == {"result": "no"}


def test_a_call_that_nobody_waits_for_is_not_sent(scene):
    go = threading.Event()
    scene.pass_on(lambda answer: go.wait(60) and answer)

    def ask():
        return subprocess.Popen(
            ["curl", "-sS", "--unix-socket", scene.socket, "-d",
             json.dumps(scene.sample["yes"]), "http://x/x/" + METHOD],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def is_open(count):
        _, _, text = scene.curl(None, path="/metrics")
        return "payvand_consumer_open %d\n" % count in text

    curls = [ask() for _ in range(2)]  # as many as one application has
    try:
        wait_for("both workers", lambda: len(scene.asked) == 2)
        curls.append(ask())
        wait_for("one to wait", lambda: is_open(3))
        curls[2].kill()
        wait_for("it to be forgotten", lambda: is_open(2))
    finally:
        go.set()
        for curl in curls:
            curl.wait(60)
    wait_for("the end", lambda: is_open(0))
    assert len(scene.asked) == 2


def test_one_application_leaves_a_worker_to_another(scene):
    """While its calls hang and one waits, another's is made: the exchange
    refuses it at once. A machine that is too slow for the calls' deadline is
    asked again."""
    def overtakes():
        go = threading.Event()
        scene.pass_on(lambda answer: go.wait(60) and answer)
        curls = [subprocess.Popen(
            ["curl", "-sS", "--unix-socket", scene.socket, "-d",
             json.dumps(scene.sample["yes"]), "http://x/x/" + METHOD],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                 for _ in range(3)]

        def are_open():
            return "payvand_consumer_open 3\n" in scene.curl(
                None, path="/metrics")[2]

        try:
            end = time.monotonic() + 5
            while not are_open() and time.monotonic() < end:
                time.sleep(0.02)
            _, headers, _ = scene.curl(
                scene.sample["yes"], "-H", "Authorization: Bearer " + TOKEN,
                "-H", "Payvand-Purpose: one", by_token=True)
            assert headers["payvand-tracking-id"]
            return are_open()
        finally:
            go.set()
            for curl in curls:
                curl.wait(60)

    wait_for("a call that overtakes", overtakes)


def test_a_call_that_was_made_is_never_said_to_be_not_sent(scene):
    with sqlite3.connect(scene.store) as base:
        base.execute("CREATE TRIGGER broken BEFORE INSERT ON answered BEGIN "
                     "SELECT raise(ABORT, 'broken'); END")
    try:
        status, headers, said = scene.curl(scene.sample["yes"])
    finally:
        with sqlite3.connect(scene.store) as base:
            base.execute("DROP TRIGGER broken")
    assert (status, headers["payvand-outcome"]) == (502, "unknown")
    assert problem(said) == "evidence-not-kept" and "result" not in said
    assert headers["payvand-tracking-id"] and len(scene.asked) == 1


def test_without_a_key_that_signs_no_call_is_made(scene):
    key = scene.config["systems"][0]["key"]
    os.rename(key, key + ".away")
    try:
        for content in (None, "no key"):
            if content:
                write(key, content)
            status, headers, said = scene.curl(scene.sample["yes"])
            assert (status, problem(said)) == (503, "key-unusable")
            assert headers["payvand-outcome"] == "unavailable"
            done = subprocess.run(
                [built("payvand-consumerd"), "--config",
                 str(scene.home / "consumer.json"), "--check"],
                env=program_env(), capture_output=True, timeout=60,
                check=False)
            assert done.returncode == 1 and b"does not sign" in done.stderr
    finally:
        os.rename(key + ".away", key)
    assert not scene.asked
    assert scene.curl(scene.sample["yes"])[2] == {"result": "yes"}


@pytest.mark.parametrize("method", ["a/b/c", METHOD + "/more",
                                    METHOD + "#part", "a" * 65 + "/b/v1/c"])
def test_a_path_of_another_form_is_not_found(scene, method):
    status, headers, said = scene.curl(
        {}, "--request-target", "/x/" + method)
    assert (status, problem(said)) == (404, "method-unknown")
    assert headers["payvand-outcome"] == "refused" and not scene.asked


def test_a_wrong_configuration_is_said(scene, tmp_path):
    for changes in ({"more": 1}, {"port": 70000}, {"workers": 0},
                    {"applications": [{"id": "x", "system": "nobody",
                                       "uid": 1, "methods": [METHOD]}]},
                    {"applications": [{"id": "x", "system": CONSUMER,
                                       "methods": [METHOD]}]},
                    {"applications": 2 * scene.config["applications"]}):
        path = tmp_path / "x.json"
        path.write_text(json.dumps({**scene.config, **changes}))
        done = subprocess.run(
            [built("payvand-consumerd"), "--config", path, "--check"],
            env=program_env(), capture_output=True, timeout=60, check=False)
        assert done.returncode == 1 and b"consumer.ended" in done.stderr
