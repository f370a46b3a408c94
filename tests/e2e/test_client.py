"""libpayvand through a real exchange and a real connector: what it signs is
taken, what was changed on the way is withheld (R-098), and only what may be
repeated is."""

import http.server
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import threading

import pytest

import httpsig
from connectors import Connectors, make_country, relay
from harness import (CATALOGUE, ROOT, Exchange, assert_outcome, built,
                     program_env, reply)
from test_signatures import openssl, write

CIVIL = "civil-registration-organisation"
CONSUMER = "mashhad-municipality-main"
METHOD = CIVIL + "/identity-match/v1/verify"
HEADER = os.path.join(ROOT, "lib/client/payvand.h")


class Scene:
    """An exchange; a connector that signs and wants signatures of one system;
    a front between them that can do as it likes."""

    def __init__(self, ex, home):
        self.ex, self.home = ex, home
        country, listing = make_country(str(home), 300)
        rows = listing["samples"]["identity-match/verify"]
        self.sample = {row["expect"]: row["input"] for row in rows}
        self.me = ex.pki.of(CONSUMER)
        self.second = httpsig.Key()  # of the same system
        keys = home / "keys"
        keys.mkdir()
        self.keys = str(keys)
        self.secret = write(home / "sign.pem", httpsig.Key().private_pem)
        openssl("pkey", "-in", self.secret, "-pubout", "-out",
                str(keys / (CIVIL + ".pem")))
        real = Connectors(ex, country, [CIVIL], front=False)
        real.start_one(CIVIL, signatures={"key": self.secret, "consumers": [
            {"system": CONSUMER, "key": self.me.cert, "must_sign": True},
            {"system": CONSUMER, "key": write(home / "second.pem",
                                              self.second.public_pem)}]})
        self.honest = relay(real.socket(CIVIL))
        self.pass_on()

    def pass_on(self, change=None):
        """change(seen, answer) -> answer: the exchange as it should not be."""
        self.ex.provider[CIVIL].behave = lambda seen, connection: (
            change(seen, self.honest(seen)) if change else self.honest(seen))

    def environment(self):
        return {"PAYVAND_URL": "https://127.0.0.1:%d" % self.ex.address[1],
                "PAYVAND_CA": self.ex.pki.root.cert,
                "PAYVAND_CERT": self.me.cert, "PAYVAND_KEY": self.me.key,
                "PAYVAND_PROVIDER_KEYS": self.keys}

    def call(self, word="yes", *more, **env):
        return self.ex.payvand(
            "call", METHOD, "--cert", self.me.cert, "--key", self.me.key,
            "--data", json.dumps(self.sample[word]), "--json", *more,
            check=False, env={**self.environment(), **env})


@pytest.fixture(scope="module")
def scene(pki, tmp_path_factory):
    local = pki.make("nix-local", key=pki.of("nix").key,
                     names=["exchange.payvand.test,IP:127.0.0.1"])
    folder = tempfile.mkdtemp(prefix="pv-client-")
    with Exchange(folder, pki, workers=1, conf={
            "server": "ssl_certificate %s; ssl_certificate_key %s;" % (
                local.cert, local.key)}) as ex:
        yield Scene(ex, tmp_path_factory.mktemp("client"))
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def honest(scene):
    scene.pass_on()


def test_a_signed_call_is_answered_and_verified(scene):
    for word in ("yes", "no"):
        done = scene.call(word)
        said = json.loads(done.stdout)
        assert (done.returncode, said["outcome"]) == (0, "answered")
        assert said["answer"] == {"result": word}
        assert said["verified"] is True and said["tries"] == 1


def test_evidence_is_signed_with_the_request(scene, tmp_path):
    done = scene.call("yes", "--keep-evidence", str(tmp_path / "e"))
    said = json.loads(done.stdout)
    assert said["verified"] is True
    assert os.listdir(tmp_path / "e") == [said["tracking_id"] + ".json"]


def test_evidence_keeps_the_providers_signature(scene, tmp_path):
    """R-098: shown offline and later, without the answer itself."""
    said = json.loads(scene.call("yes", "--keep-evidence",
                                 str(tmp_path)).stdout)
    path = tmp_path / (said["tracking_id"] + ".json")
    kept = json.loads(path.read_text())
    assert kept["v"] == 2 and '"yes"' not in path.read_text()
    key = os.path.join(scene.keys, CIVIL + ".pem")

    def prove(key=key, check=False, **changes):
        path.write_text(json.dumps({**kept, **changes}))
        done = scene.ex.payvand("prove", str(path), "--provider-key", key,
                                "--json", check=check)
        return done.returncode, json.loads(done.stdout).get("fault")

    assert prove(check=True) == (0, None)
    other = json.loads(json.dumps(kept["signed"]))
    other["request"]["signature"] = other["answer"]["signature"]
    for changes in ({"outcome": "failed"}, {"method": METHOD + "x"},
                    {"tracking_id": "0198f2c4-0000-7000-8000-000000000000"},
                    {"signed": other}):
        assert prove(**changes) == (3, "signature")
    assert prove(write(tmp_path / "stranger",
                       httpsig.Key().public_pem)) == (3, "signature")
    del kept["signed"]
    assert prove(v=1) == (3, "signature")


def test_a_request_that_breaks_its_contract_is_not_sent(scene):
    asked = []
    scene.pass_on(lambda seen, answer: asked.append(seen) or answer)
    wrong = {**scene.sample["yes"], "gender": "1"}
    done = scene.ex.payvand(
        "call", METHOD, "--cert", scene.me.cert, "--key", scene.me.key,
        "--data", json.dumps(wrong), "--contracts", CATALOGUE, check=False,
        env=scene.environment())
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"unknown, gender" in done.stderr and not asked


def test_the_exchange_passes_a_refusal_on_with_its_reason(scene):
    """Raw, as curl does it: not signed, and a signed one twice."""
    path = "/x/" + METHOD
    plain = scene.ex.call(CONSUMER, path, scene.sample["yes"])
    assert_outcome(plain, "invalid")
    assert plain.json["type"] == "urn:payvand:problem:signature-missing"
    body = json.dumps(scene.sample["yes"]).encode()
    headers = [(n, v) for n, v in httpsig.sign(
        scene.second, path, body, {"Content-Type": "application/json"}).items()
               if n != "Content-Type"]  # ex.call() says that itself
    assert_outcome(scene.ex.call(CONSUMER, path, body, headers=headers),
                   "answered")
    again = scene.ex.call(CONSUMER, path, body, headers=headers)
    assert_outcome(again, "invalid")
    assert again.json["type"] == "urn:payvand:problem:signature-replayed"
    assert again.json["title_fa"]


def of(answer, pattern, new):
    changed, count = re.subn(pattern, new, answer, count=1)
    assert count == 1
    return changed


def test_without_keys_of_providers_nothing_is_verified(scene):
    scene.pass_on(CHANGES["another body"])
    done = scene.call("yes", PAYVAND_PROVIDER_KEYS="")
    said = json.loads(done.stdout)
    assert (said["verified"], said["answer"]) == (False, {"result": "no"})


class Older:
    """Gives the first answer to everybody."""

    first = None

    def __call__(self, seen, answer):
        tracking_id = dict((n.lower(), v) for n, v in seen.headers)[
            "payvand-tracking-id"].encode()
        if self.first is None:
            self.first = answer
        return of(self.first, b"(?<=Tracking-Id: )[0-9a-f-]{36}", tracking_id)


CHANGES = {
    "another body": lambda seen, answer: of(answer, b'"yes"', b'"no" '),
    "no signature": lambda seen, answer: of(
        answer, b"Signature: [^\r]*\r\n", b""),
    "no digest": lambda seen, answer: of(
        answer, b"Content-Digest: [^\r]*\r\n", b""),
    "another type": lambda seen, answer: of(
        answer, b"application/json", b"application/problem+json"),
    "another time": lambda seen, answer: of(
        answer, b"created=1", b"created=2"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_answer_that_was_changed_is_withheld(scene, what):
    scene.pass_on(CHANGES[what])
    done = scene.call("yes")
    assert done.returncode == 3, done
    assert done.stdout == b"" and b"withheld" in done.stderr


def test_an_old_answer_is_no_answer_to_the_same_question(scene):
    older = Older()
    scene.pass_on(older)
    assert scene.call("yes").returncode == 0
    done = scene.call("yes")
    assert (done.returncode, done.stdout) == (3, b"")


def test_a_provider_without_a_key_here_is_not_believed(scene, tmp_path):
    done = scene.call("yes", "--provider-keys", str(tmp_path))
    assert (done.returncode, done.stdout) == (3, b"")
    stranger = str(tmp_path / (CIVIL + ".pem"))
    write(stranger, httpsig.Key().public_pem)
    assert scene.call("yes", "--provider-keys",
                      str(tmp_path)).returncode == 3
    shutil.copy(os.path.join(scene.keys, CIVIL + ".pem"),
                tmp_path / (CIVIL + ".next.pem"))
    assert scene.call("yes", "--provider-keys",
                      str(tmp_path)).returncode == 0


def test_an_answer_is_held_against_its_contract(scene):
    """R-091: checked again by the consumer, whoever signed it."""
    for word in ("yes", "no"):
        done = scene.call(word, "--contracts", CATALOGUE)
        assert json.loads(done.stdout)["answer"] == {"result": word}
    shown = scene.ex.payvand(
        "call", METHOD, "--cert", scene.me.cert, "--key", scene.me.key,
        "--data", json.dumps(scene.sample["no"]), "--contracts", CATALOGUE,
        "--lang", "fa", env=scene.environment())
    with open(os.path.join(CATALOGUE, "contracts", CIVIL,
                           "identity-match.json"), encoding="utf-8") as file:
        meaning = json.load(file)["methods"][0]["meaning"]["no_fa"]
    assert meaning in shown.stderr.decode()
    for body in (b'{"result":"maybe"}', b'{"result":"no","gender":"1"}',
                 b'{}', b'{"result":"no"} {}'):
        scene.ex.provider[CIVIL].behave = lambda seen, _, body=body: reply(body)
        done = scene.call("no", "--contracts", CATALOGUE,
                          PAYVAND_PROVIDER_KEYS="")
        assert (done.returncode, done.stdout) == (3, b""), done
        assert b"breaks its contract" in done.stderr
        assert b"maybe" not in done.stderr


def test_without_its_contract_nothing_is_sent(scene, tmp_path):
    asked = []
    scene.pass_on(lambda seen, answer: asked.append(seen) or answer)
    done = scene.call("yes", "--contracts", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"nothing was sent" in done.stderr and not asked


def test_the_example_is_a_whole_program(scene):
    done = subprocess.run(
        [built("payvand-example"), METHOD, json.dumps(scene.sample["no"])],
        env={**program_env(), **scene.environment()}, capture_output=True,
        timeout=60, check=False)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"result": "no"})
    assert b" verified" in done.stderr
    done = subprocess.run([built("payvand-example"), METHOD, "{}"],
                          env={**program_env(), **scene.environment()},
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 1 and done.stderr.startswith(b"invalid: ")


# ---- repeating, at an exchange that is never available ----------------------

class Unavailable(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(dict(self.headers))
        status, outcome, id, body = self.server.answer
        self.send_response(status)
        for name, value in self.server.more(dict(self.headers)):
            self.send_header(name, value)
        for name, value in (("Payvand-Outcome", outcome),
                            ("Payvand-Tracking-Id",
                             id or "0198f2c4-0000-7000-8000-%012d" %
                             len(self.server.seen)),
                            ("Content-Type", self.server.type),
                            ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def down(pki):
    local = pki.make("nix-down", key=pki.of("nix").key,
                     names=["exchange.payvand.test,IP:127.0.0.1"])
    server = http.server.HTTPServer(("127.0.0.1", 0), Unavailable)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(local.cert, local.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.seen = []
    server.type = "application/problem+json"
    server.more = lambda asked: ()
    server.answer = (503, "unavailable", None,
                     b'{"type":"urn:payvand:problem:journal-down"}')
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("more,tries", [
    ([], 1), (["--repeatable"], 3), (["--contracts", CATALOGUE], 3),
    (["--idempotency-key", "0198f2c4-7d5e-7c3a-9a51-2f6d0c1b7e11"], 3)])
def test_only_what_may_be_repeated_is(scene, down, tmp_path, more, tries):
    store = tmp_path / "e"
    done = scene.call("yes", *more, "--keep-evidence", str(store),
                      PAYVAND_URL="https://127.0.0.1:%d" %
                      down.server_address[1])
    said = json.loads(done.stdout)
    assert (done.returncode, said["outcome"]) == (16, "unavailable")
    assert said["tries"] == len(down.seen) == tries
    assert said["tracking_id"].endswith("%012d" % tries)
    assert len(os.listdir(store)) == tries
    for name in ("Signature", "Payvand-Commitment"):
        assert len({seen[name] for seen in down.seen}) == tries
    assert len({seen.get("Idempotency-Key") for seen in down.seen}) == 1
    assert len({seen["Content-Digest"] for seen in down.seen}) == 1


@pytest.mark.parametrize("status,outcome,id", [
    (200, "failed", None), (204, "unavailable", None), (302, "refused", None),
    (502, "answered", None), (200, "Answered", None), (502, "broken", None),
    (502, "failed", "1"), (200, "answered", "0198f2c4")])
def test_what_no_exchange_says_is_withheld(scene, down, tmp_path, status,
                                           outcome, id):
    """Nobody signs an outcome that is not `answered`: with a status of
    success an application would take its body for an answer."""
    down.answer = (status, outcome, id,
                   b'' if status == 204 else b'{"result":"yes"}')
    done = scene.call("yes", "--keep-evidence", str(tmp_path / "e"),
                      PAYVAND_PROVIDER_KEYS="",
                      PAYVAND_URL="https://127.0.0.1:%d" %
                      down.server_address[1])
    assert (done.returncode, done.stdout, len(down.seen)) == (1, b"", 1)
    assert b"is it a Payvand exchange" in done.stderr
    assert os.listdir(tmp_path / "e")[0].startswith("pending-")


def test_an_answer_is_bound_to_what_was_asked_without_a_signature(
        scene, down, tmp_path):
    """A key that TLS takes and signatures do not: the signed answer to another
    question is none to this."""
    secret = tmp_path / "p384.pem"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
            "ec_paramgen_curve:P-384", "-out", str(secret))
    openssl("req", "-x509", "-new", "-key", str(secret), "-subj", "/CN=x",
            "-out", str(tmp_path / "p384.crt"))
    provider, tracking_id = httpsig.Key(), "0198f2c4-0000-7000-8000-000000000001"
    keys = tmp_path / "keys"
    keys.mkdir()
    write(keys / (CIVIL + ".pem"), provider.public_pem)
    body = b'{"result":"yes"}'
    other = {"changes": {}}

    def sign(asked):
        assert "Signature" not in asked
        asked = {**asked, "Payvand-Tracking-Id": tracking_id,
                 **other["changes"]}
        return [(n, v) for n, v in httpsig.answer(
            provider, "/x/" + METHOD, asked.items(), body)
                if n not in ("Payvand-Outcome", "Payvand-Tracking-Id")]

    down.answer, down.type = (200, "answered", tracking_id, body), (
        "application/json")
    down.more = sign

    def call():
        return scene.ex.payvand(
            "call", METHOD, "--cert", str(tmp_path / "p384.crt"), "--key",
            str(secret), "--data", json.dumps(scene.sample["yes"]), "--json",
            check=False, env={
                **scene.environment(), "PAYVAND_PROVIDER_KEYS": str(keys),
                "PAYVAND_URL": "https://127.0.0.1:%d" % down.server_address[1]})

    assert json.loads(call().stdout)["verified"] is True
    other["changes"] = {"Content-Digest": httpsig.digest(b"another question")}
    done = call()
    assert (done.returncode, done.stdout) == (3, b"")


@pytest.mark.parametrize("method", [
    CIVIL + "/identity-match/../status", CIVIL + "/../../metrics",
    CIVIL + "/./v1/verify", CIVIL + "/identity-match//verify", "/a/b/c"])
def test_a_method_is_no_way_to_another_path(scene, down, method):
    done = scene.ex.payvand(
        "call", method, "--cert", scene.me.cert, "--key", scene.me.key,
        check=False, env={**scene.environment(), "PAYVAND_URL":
                          "https://127.0.0.1:%d" % down.server_address[1]})
    assert done.returncode == 2 and not down.seen, done


def test_what_came_is_no_command_to_a_terminal(scene):
    """Raw, as without --contracts: a terminal is shown no control character."""
    body = b'{"a":"\x7f\xc2\x9b31m\x1b]0;mine\x07","b":"\xd8\xa8"}'
    scene.ex.provider[CIVIL].behave = lambda seen, _: reply(body)
    env = {**program_env(), **scene.environment(), "PAYVAND_PROVIDER_KEYS": ""}
    ours, theirs = os.openpty()
    command = [built("payvand"), "call", METHOD, "--cert", scene.me.cert,
               "--key", scene.me.key, "--data", json.dumps(scene.sample["yes"])]
    with subprocess.Popen(command, env=env, stdout=theirs,
                          stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:
            pass  # its other end is closed
        assert process.wait(30) == 0
    os.close(ours)
    assert shown == b'{"a":"??31m?]0;mine?","b":"\xd8\xa8"}\r\n'
    done = subprocess.run(command, env=env, capture_output=True, check=True,
                          timeout=60)
    assert done.stdout == body + b"\n"


KNOWN = {"type": "urn:payvand:problem:consent-used-up", "title": "Used up",
         "title_fa": "به پایان رسید", "reason": "consent-used-up",
         "detail": "as often as it may be", "detail_fa": "دفعات مجاز",
         "fault": "window", "member": "list.from"}


@pytest.mark.parametrize("came,left", [
    (KNOWN, KNOWN),
    ({**KNOWN, "data": "9991234561", "status": 200, "outcome": "answered"},
     KNOWN),
    ({"title": "a" * 2048, "detail": "a" * 2049}, {"title": "a" * 2048}),
    ({"title": {"data": 1}, "type": "urn:other:x", "reason": "Not a word",
      "detail": "\x1b]0;mine\x07", "detail_fa": "\x9b31m", "fault": "a" * 65},
     {}),
    ([KNOWN], {}), ("text", {}), ({"title": "x", "filler": "a" * 16384}, {}),
    (b"no JSON", {}), (b'{"title":"a","title":"b"}', {}), (b"", {})])
def test_of_a_problem_its_known_members_are_left(scene, down, came, left):
    """Nobody signs it and no contract says what it holds: it is no way for
    data past contract and rights."""
    down.answer = (502, "failed", None, came if isinstance(came, bytes)
                   else json.dumps(came).encode())
    done = scene.call("yes", PAYVAND_URL="https://127.0.0.1:%d" %
                      down.server_address[1])
    said = json.loads(done.stdout)
    assert done.returncode == 14
    assert said["answer"] == {**left, "outcome": "failed", "status": 502,
                              "tracking_id": said["tracking_id"]}
    assert said.get("reason") == left.get("reason")


# ---- the library itself -----------------------------------------------------

def test_the_library_shows_its_header_and_no_more():
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", os.path.join(
            os.path.dirname(os.path.dirname(built("payvand-example"))),
            "libpayvand.so.0")], capture_output=True, text=True, check=True)
    shown = {line.split()[2].split("@")[0]
             for line in listed.stdout.splitlines()} - {"PAYVAND_0"}
    with open(HEADER) as file:
        declared = set(re.findall(r"\b(payvand_[a-z_]+)\(", file.read()))
    assert shown == declared


def test_every_function_has_its_man_page():
    """Its declaration is that of the header, and `man FUNCTION` finds it."""
    with open(HEADER, encoding="utf-8") as file:
        header = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
    declared = {name: (" ".join(kind.split()), [" ".join(one.split())
                                                for one in taken.split(",")])
                for kind, name, taken in re.findall(
                    r"PAYVAND_API\s+([^;()]*?\*?)\s*\b(payvand_[a-z_]+)\("
                    r"([^)]*)\)", header)}
    folder = os.path.join(ROOT, "docs", "man")
    with open(os.path.join(folder, "libpayvand.3"), encoding="utf-8") as file:
        page = file.read()
    shown = {name: (kind, re.findall(r'"([^"]*)"', taken) or [taken])
             for kind, name, taken in re.findall(
                 r"^\.Ft (.*)\n\.Fn (payvand_[a-z_]+) (.*)$", page, re.M)}
    assert shown == declared
    body = page.split(".Sh DESCRIPTION")[1]
    with open(os.path.join(folder, "meson.build"), encoding="utf-8") as file:
        links = set(re.findall(r"'(payvand_[a-z_]+)'", file.read()))
    assert links == set(declared)
    assert [name for name in declared if name not in body] == []


@pytest.mark.parametrize("standard", ["c99", "c17"])
def test_the_header_is_plain_c(tmp_path, standard):
    source = tmp_path / "x.c"
    source.write_text('#include "payvand.h"\nint x;\n')
    subprocess.run(["cc", "-std=" + standard, "-Wall", "-Wextra", "-pedantic",
                    "-Werror", "-fsyntax-only", "-I", os.path.dirname(HEADER),
                    source], check=True)
