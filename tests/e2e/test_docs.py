"""docs/check-without-us.md, each block as it stands, and what it must catch."""

import base64
import http.server
import json
import os
import re
import subprocess
import threading

import pytest

import tlog
from harness import BANK, IBAN, ROOT, assert_outcome, wait_for
from reading import ReadExchange, ask, peer_headers
from test_witness import Witness

PAGE = os.path.join(ROOT, "docs", "check-without-us.md")
COUNT = 700  # leaves: two full tiles and a partial one, of level 0 and 1


def blocks():
    """(language, text) of each fenced block, in order."""
    with open(PAGE, encoding="utf-8") as file:
        return re.findall(r"^```(\w+)\n(.*?)^```$", file.read(), re.M | re.S)


def run(folder, log, only=None):
    """Run the blocks in a folder; the output of all, or the error of one."""
    said = ""
    for language, text in blocks():
        if only is not None and language not in only:
            continue
        program = {"python": ["/usr/bin/python3", "-I", "-"],
                   "sh": ["/bin/bash", "-euo", "pipefail"]}[language]
        done = subprocess.run(
            program, input=text, text=True, cwd=folder,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
            env={"PATH": "/usr/bin:/bin", "LOG": log, "LANG": "C.UTF-8"})
        said += done.stdout
        if done.returncode != 0:
            return said, False
    return said, True


class Tiles:
    """A log's public face over HTTP, from a list of leaf hashes."""

    def __init__(self, hashes, checkpoint):
        self.files = {"/checkpoint": checkpoint.encode()}
        level = list(hashes)
        for number in range(3):
            for n in range(0, len(level), 256):
                part = level[n:n + 256]
                path = "/tile/%d/%03d" % (number, n // 256)
                if len(part) < 256:
                    path += ".p/%d" % len(part)
                self.files[path] = b"".join(part)
            level = [tlog.root(level[i:i + 256])
                     for i in range(0, len(level) - 255, 256)]
        tiles = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = tiles.files.get(self.path)
                self.send_response(404 if body is None else 200)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Front:
    """The public face of a real log: what its reader shows to everybody."""

    def __init__(self, ex):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                got = ask(ex.api, self.path, peer_headers(None))
                self.send_response(got.status)
                self.end_headers()
                self.wfile.write(got.body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Made:
    """What the page asks for, made by the second implementation (tlog.py)."""

    def __init__(self, folder):
        self.folder = folder
        self.log = tlog.Key("ix.trace", seed=b"1" * 32)
        self.witness = tlog.Key("witness", tlog.COSIGNATURE, b"2" * 32)
        content = b'{"national_id":"9991234561"}'
        nonce = bytes(range(32))
        made = tlog.sha(b"payvand-commitment-v1", nonce, tlog.sha(content))
        self.entries = [tlog.request_record(
            "017f22e2-79b0-7cc3-98c4-%012x" % i) for i in range(COUNT - 1)]
        self.entries[5] = tlog.request_record(
            "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            commitment=urlsafe(made))
        self.entries.append(tlog.completions_record(
            (5, 1645557742000, 1645557742100, 1645557742100, "answered")))
        self.hashes = [tlog.leaf_hash(e.encode()) for e in self.entries]
        self.write("log.vkey", self.log.vkey + "\n")
        self.write("witness.vkey", self.witness.vkey + "\n")
        self.write("evidence.json", json.dumps({
            "nonce": urlsafe(nonce),
            "content": base64.b64encode(content).decode()}))
        self.checkpoint = self.note(self.hashes)
        self.write("receipt.json", tlog.receipt(
            self.checkpoint, self.entries, 5, COUNT - 1).decode())
        self.write("checkpoint.old", self.note(self.hashes[:300]))
        self.tiles = Tiles(self.hashes, self.checkpoint)

    def note(self, hashes):
        return tlog.note(tlog.checkpoint_text("ix.trace", hashes), self.log,
                         self.witness)

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")

    def read(self, name):
        return (self.folder / name).read_text(encoding="utf-8")


def urlsafe(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def made(tmp_path):
    scene = Made(tmp_path)
    yield scene
    scene.tiles.stop()


def test_the_page_checks_what_is_right(made):
    said, well = run(made.folder, made.tiles.url)
    assert well, said
    assert said.count("Signature Verified Successfully") == 2
    assert "it ended as answered" in said
    assert 'this was asked: {"national_id":"9991234561"}' in said
    assert "the log of 700 begins with the log of 300" in said


@pytest.mark.parametrize("break_it, word", [
    (lambda m: m.write("receipt.json", m.read("receipt.json").replace(
        "bank-a-core", "bank-b-core")), "NOT in the log"),
    (lambda m: m.write("receipt.json", m.read("receipt.json").replace(
        '"answered"', '"failed"').replace('\\"answered\\"', '\\"failed\\"')),
     "NOT in the log"),
    (lambda m: m.write("receipt.json", m.read("receipt.json").replace(
        "\\n700\\n", "\\n701\\n")), "Verification Failure"),
    (lambda m: m.write("log.vkey", tlog.Key("ix.trace", seed=b"3" * 32).vkey),
     "no signature of ix.trace"),
    (lambda m: m.write("witness.vkey", tlog.Key(
        "witness", tlog.COSIGNATURE, b"3" * 32).vkey), "no signature"),
    (lambda m: m.write("evidence.json", m.read("evidence.json").replace(
        '"content": "ey', '"content": "fy')), "NOT what was asked"),
    (lambda m: m.write("checkpoint.old", m.note(
        m.hashes[:299] + [bytes(32)])), "REWRITTEN"),
    (lambda m: m.tiles.files.update({"/tile/0/001": bytes(8192)}),
     "REWRITTEN"),
    (lambda m: m.tiles.files.update({"/tile/0/002.p/188": bytes(188 * 32)}),
     "not those of the checkpoint"),
], ids=["record", "completion", "size", "log key", "witness key", "content",
        "old checkpoint", "full tile", "partial tile"])
def test_the_page_catches_what_is_wrong(made, break_it, word):
    break_it(made)
    said, well = run(made.folder, made.tiles.url)
    assert not well and word in said, said


@pytest.fixture
def real(make, pki, tmp_path):
    """An exchange with a log and a witness, a call with evidence, its receipt."""
    (tmp_path / "witness").mkdir(mode=0o700)
    witness = Witness(tmp_path / "witness", "witness.example/w1")
    witnesses = tmp_path / "witnesses"
    witnesses.write_text("quorum 1\nwitness %s http://127.0.0.1:%d\n" % (
        witness.vkey, witness.port))
    local = pki.make("nix-local", key=pki.of("nix").key,
                     names=["exchange.payvand.test,IP:127.0.0.1"])
    ex = make(kind=ReadExchange, workers=1,
              traced_args=["--witnesses", str(witnesses)],
              conf={"server": "ssl_certificate %s; ssl_certificate_key %s;" % (
                  local.cert, local.key)})
    witness.know(ex.vkey)
    witness.start()
    front = Front(ex)
    yield ex, witness, front, tmp_path / "case"
    front.stop()
    witness.stop()


def checkpoint(ex, size):
    """The published note, once it covers so many leaves."""
    def look():
        got = ex.read("/checkpoint", public=True)
        note = got.body.decode() if got.status == 200 else ""
        return note if note and int(note.split("\n")[1]) >= size else None
    return wait_for("a checkpoint", look, step=0.1)


def test_the_page_checks_a_real_exchange(real, pki):
    ex, witness, front, case = real
    case.mkdir()
    me = pki.of(BANK)
    for _ in range(300):
        assert_outcome(ex.call(BANK, IBAN), "answered")
    (case / "checkpoint.old").write_text(checkpoint(ex, 290))
    done = ex.payvand(
        "call", IBAN[3:], "--url", "https://127.0.0.1:%d" % ex.address[1],
        "--ca", pki.root.cert, "--cert", me.cert, "--key", me.key, "--data",
        '{"national_id":"9991234561"}', "--keep-evidence",
        str(case / "kept"), "--json")
    mine = json.loads(done.stdout)["tracking_id"]
    for _ in range(10):
        ex.call(BANK, IBAN)

    def receipt():
        got = ex.read("/trace/v1/receipts/" + mine, as_system=BANK)
        return got.body if b'"completion"' in got.body else None
    (case / "receipt.json").write_bytes(wait_for("the receipt", receipt,
                                                 step=0.2))
    os.rename(case / "kept" / (mine + ".json"), case / "evidence.json")
    (case / "log.vkey").write_text(ex.vkey + "\n")
    (case / "witness.vkey").write_text(witness.vkey + "\n")
    said, well = run(case, front.url)
    assert well, said
    assert said.count("Signature Verified Successfully") == 2
    assert mine + " " + BANK + " asked central-bank" in said
    assert "it ended as answered" in said
    assert 'this was asked: {"national_id":"9991234561"}' in said
    # and so says our own software
    keys = ("--log-key", ex.vkey, "--witness-key", witness.vkey)
    ex.payvand("verify", str(case / "receipt.json"), *keys)
    proven = ex.payvand("prove", str(case / "evidence.json"), "--receipt",
                        str(case / "receipt.json"), "--json", *keys)
    assert json.loads(proven.stdout)["in_log"] is True


def test_the_page_of_formats_shows_a_record_in_its_one_form():
    page = os.path.join(ROOT, "docs", "format-trace.md")
    with open(page, encoding="utf-8") as file:
        (line,) = re.findall(r'^    (\{"consumer".*\})$', file.read(), re.M)
    assert line == tlog.canonical(json.loads(line))
    assert line == tlog.request_record(
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", consumer="setad", grant="g-1",
        node="nix")


def test_the_rules_of_the_registry_name_tests_that_exist():
    """Every number of these chapters once; no test, no silence about it."""
    with open(os.path.join(ROOT, "docs", "rules-registry.md"),
              encoding="utf-8") as file:
        rows = re.findall(r"^\| R-(\d+) \| .+ \| (.+) \| (.*) \|$",
                          file.read(), re.M)
    numbers = [int(number) for number, _, _ in rows]
    assert len(numbers) == len(set(numbers))
    assert {*range(1, 39), *range(110, 134), *range(209, 335)} <= set(numbers)
    for number, held, shown in rows:
        tests = re.findall(r"`(test_\w+\.py) (test_\w+)`", shown)
        assert len(tests) == shown.count("`") / 2, number
        assert tests or re.search("not there|organisational|not built",
                                  held), number
        for name, test in tests:
            with open(os.path.join(ROOT, "tests", "e2e", name),
                      encoding="utf-8") as file:
                assert f"def {test}(" in file.read(), (number, test)
