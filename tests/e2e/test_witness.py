"""`payvand witness`: what C2SP tlog-witness asks of it, and that it never
forgets. The log is another implementation (tlog.py)."""

import hashlib
import http.client
import os
import random
import signal
import socket
import subprocess

import pytest

import tlog
from harness import LONG, PATIENCE_S, SANITIZE, built, wait_for
from ports import free_port

ORIGIN = "ix-1.trace"


class Log:
    """A log with a tree that can be forked."""

    def __init__(self, origin=ORIGIN, seed=b"1" * 32):
        self.key = tlog.Key(origin, seed=seed)
        self.leaves = [tlog.leaf_hash(b"leaf %d" % i) for i in range(400)]

    def text(self, size):
        return tlog.checkpoint_text(self.key.name, self.leaves[:size])

    def note(self, size, *more):
        return tlog.note(self.text(size), self.key, *more)

    def proof(self, old, size):
        return [tlog.b64(h) for h in
                tlog.consistency(old, self.leaves[:size])]

    def request(self, old, size, proof=None, note=None):
        lines = ["old %d" % old]
        lines += self.proof(old, size) if proof is None else proof
        return "\n".join(lines) + "\n\n" + (note or self.note(size))


class Witness:
    """In a folder; its own words go to another file when that is recorded."""

    def __init__(self, folder, name="witness.example/w1", errors=None):
        self.dir = str(folder)
        self.port = free_port()
        self.process = None
        self.env = {}
        self.stderr = errors or os.path.join(self.dir, "stderr")
        self.errors = open(self.stderr, "ab")
        if os.path.exists(os.path.join(self.dir, "key")):
            with open(os.path.join(self.dir, "vkey")) as file:
                self.vkey = file.read().strip()
            return
        self.vkey = subprocess.run(
            [built("payvand"), "witness", "--init", name, "--dir", self.dir],
            check=True, capture_output=True, text=True).stdout.strip()

    def know(self, *vkeys):
        for vkey in vkeys:
            assert self.add(vkey).returncode == 0

    def add(self, vkey, *options):
        return subprocess.run(
            [built("payvand"), "witness", "--add", vkey, "--dir", self.dir] +
            list(options), capture_output=True, text=True, timeout=PATIENCE_S,
            env=dict(os.environ, **self.env))

    def refuses_to_start(self):
        """What it says then."""
        done = subprocess.run(
            [built("payvand"), "witness", "--dir", self.dir, "--listen",
             "127.0.0.1:%d" % free_port()], capture_output=True, text=True,
            timeout=PATIENCE_S)
        assert done.returncode == 1
        return done.stderr

    def start(self, listen=None):
        self.process = subprocess.Popen(
            [built("payvand"), "witness", "--dir", self.dir, "--listen",
             listen or "127.0.0.1:%d" % self.port], stderr=self.errors,
            env=dict(os.environ, **self.env))
        wait_for("the witness to listen", self.listens)
        return self

    def listens(self):
        assert self.process.poll() is None, self.said()
        return "witness.started" in self.said_since_start()

    def said(self):
        with open(self.stderr) as text:
            return text.read()

    def said_since_start(self):
        # each start says it once
        self.starts = getattr(self, "starts", 0)
        said = self.said()
        return said if said.count("witness.started") > self.starts else ""

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return 0
        self.starts += 1
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE_S)
        self.process = None
        return code

    def post(self, body, path="/add-checkpoint", method="POST"):
        """(status, content type, body)"""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            link.request(method, path, body and body.encode())
            got = link.getresponse()
            return (got.status, got.getheader("Content-Type"),
                    got.read().decode())
        finally:
            link.close()

    def get(self, path):
        return self.post(None, path, "GET")


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def witness(tmp_path, log):
    one = Witness(tmp_path)
    one.know(log.key.vkey)
    one.start()
    yield one
    one.stop()
    one.errors.close()


def grow(witness, log, old, size):
    status, _, body = witness.post(log.request(old, size))
    assert status == 200, (status, body)
    assert tlog.check_line(witness.vkey, log.text(size), body[:-1]) > 0
    return body


def test_cosigns_what_grows(witness, log):
    line = grow(witness, log, 0, 5)
    grow(witness, log, 5, 300)
    grow(witness, log, 300, 300)  # the same again: a new time
    assert line.count("\n") == 1
    status, kind, note = witness.get("/%s/checkpoint" % hashlib.sha256(
        ORIGIN.encode()).hexdigest())
    assert (status, kind) == (200, "text/plain; charset=utf-8")
    text, lines = note.split("\n\n")
    assert text + "\n" == log.text(300)
    tlog.check_line(log.key.vkey, log.text(300), lines.split("\n")[0])
    tlog.check_line(witness.vkey, log.text(300), lines.split("\n")[1])


def test_tells_the_size_that_it_has_seen(witness, log):
    grow(witness, log, 0, 7)
    for old in (0, 3, 8):
        assert witness.post(log.request(old, 20)) == (
            409, "text/x.tlog.size", "7\n")
    assert witness.post(log.request(0, 3))[0] == 409
    assert "error witness.rolled_back log=%s size=3 seen=7" % ORIGIN in (
        witness.said())


def test_refuses_as_the_protocol_says(witness, log):
    other = Log(seed=b"2" * 32)
    stranger = Log("another.log")
    grow(witness, log, 0, 7)
    rows = [
        (404, stranger.request(7, 9), "a log that it does not know"),
        (403, log.request(7, 9, note=other.note(9)), "another key"),
        (403, log.request(7, 9, note=log.note(9).replace("A", "B", 1)),
         "a changed note"),
        (400, log.request(9, 7, []), "an old size above the new"),
        (422, log.request(7, 9, []), "no proof"),
        (422, log.request(7, 9, log.proof(7, 9)[:-1]), "a short proof"),
        (422, log.request(7, 9, log.proof(7, 9)[::-1]), "a turned proof"),
        (400, log.request(7, 9, ["AAAA"]), "a line that is no hash"),
        (400, log.request(7, 9, [tlog.b64(bytes(32))] * 64), "64 hashes"),
        (400, "old 07\n\n" + log.note(9), "a leading zero"),
        (400, "new 7\n\n" + log.note(9), "another word"),
        (400, log.note(9), "no old size"),
        (400, "", "nothing"),
        (400, "old 7\n", "no note"),
    ]
    for status, body, what in rows:
        assert witness.post(body)[0] == status, what
    assert witness.post("x" * 200000)[0] == 413
    assert witness.get("/add-checkpoint")[0] in (404, 405)
    assert witness.get("/%s/checkpoint" % ("0" * 64))[0] == 404
    grow(witness, log, 7, 9)  # none of it has moved anything


def test_the_empty_tree(witness, log):
    grow(witness, log, 0, 0)
    text = "%s\n0\n%s\n" % (ORIGIN, tlog.b64(b"x" * 32))
    assert witness.post(log.request(
        0, 0, note=tlog.note(text, log.key)))[0] == 422
    grow(witness, log, 0, 3)


def test_refuses_and_keeps_a_split_view(witness, log):
    grow(witness, log, 0, 100)
    fork = Log()
    fork.leaves[50] = tlog.leaf_hash(b"something else")
    for size in (100, 120):
        body = fork.request(100, size)
        assert witness.post(body)[0] == 422
    assert "error witness.split_view log=%s size=100 seen=100" % ORIGIN in (
        witness.said())
    name = hashlib.sha256(ORIGIN.encode()).hexdigest()
    with open(os.path.join(witness.dir, "strange", name)) as kept:
        assert kept.read() == fork.note(120)
    grow(witness, log, 100, 120)


def test_several_logs_do_not_mix(tmp_path, log):
    second = Log("ix-2.trace", b"3" * 32)
    witness = Witness(tmp_path)
    witness.know(log.key.vkey, second.key.vkey)
    witness.start()
    grow(witness, log, 0, 10)
    grow(witness, second, 0, 4)
    grow(witness, log, 10, 11)
    assert witness.stop() == 0


def test_killed_at_any_moment_it_never_goes_back(tmp_path, log):
    witness = Witness(tmp_path)
    witness.know(log.key.vkey)
    rounds = 200 if LONG else 12
    size = 0
    cosigned = 0
    pick = random.Random(7)
    for _ in range(rounds):
        witness.start()
        status, _, body = witness.post(log.request(1, 1, []))
        seen = size if status == 200 else int(body)
        assert seen >= cosigned, "it forgot what it had cosigned"
        size = seen
        for _ in range(pick.randrange(1, 4)):
            new = min(size + pick.randrange(0, 9), 399)
            grow(witness, log, size, new)
            size = cosigned = new
        # one more that may or may not be answered
        last = min(size + 1, 399)
        body = log.request(size, last).encode()
        with socket.create_connection(("127.0.0.1", witness.port)) as link:
            link.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body)
            witness.stop(signal.SIGKILL)
    witness.errors.close()


def test_a_second_one_on_the_same_directory_does_not_start(witness):
    assert "another witness runs" in witness.refuses_to_start()


def test_a_state_that_is_not_its_own_is_refused(witness, log):
    grow(witness, log, 0, 30)
    name = hashlib.sha256(ORIGIN.encode()).hexdigest()
    path = os.path.join(witness.dir, "seen", name)
    with open(path) as text:
        good = text.read()
    witness.stop()
    for bad in (log.note(20), good.replace("\n30\n", "\n20\n"), "", good[:-9]):
        with open(path, "w") as out:
            out.write(bad)
        assert "is not a checkpoint that this key cosigned" in (
            witness.refuses_to_start())
    with open(path, "w") as out:
        out.write(good)
    witness.start()
    grow(witness, log, 30, 31)


def test_what_was_seen_is_not_begun_anew_in_silence(witness, log):
    """Neither without the file of a log, nor without the whole folder, nor by
    a line that somebody wrote into `logs`."""
    grow(witness, log, 0, 30)
    name = hashlib.sha256(ORIGIN.encode()).hexdigest()
    seen = os.path.join(witness.dir, "seen")
    logs = os.path.join(witness.dir, "logs")
    witness.stop()
    os.rename(seen, seen + ".lost")
    for _ in range(2):  # the first start has made the folder
        said = witness.refuses_to_start()
        assert "seen/%s is not there" % name in said and ORIGIN in said
        assert "bring it back, or begin with a new key" in said
    assert witness.add(log.key.vkey).returncode == 1
    os.rmdir(seen)
    os.rename(seen + ".lost", seen)
    witness.start()
    grow(witness, log, 30, 31)
    witness.stop()

    second = Log("ix-2.trace", b"3" * 32)
    with open(logs, "a") as out:
        out.write("log %s\n" % second.key.vkey)
    assert "log ix-2.trace" in witness.refuses_to_start()
    done = witness.add(second.key.vkey)
    assert done.returncode == 1 and "--anew" in done.stderr
    assert witness.add(second.key.vkey, "--anew").returncode == 0
    witness.start()
    grow(witness, second, 0, 3)
    grow(witness, log, 31, 32)
    witness.stop()

    # a log that was left out for a while goes on from what was seen of it
    with open(logs, "w"):
        pass
    witness.know(log.key.vkey)
    witness.start()
    assert witness.post(log.request(0, 40))[::2] == (409, "32\n")


def test_a_log_is_added_once_and_only_by_its_key(witness, log):
    assert "another witness runs" in witness.add(
        Log("b").key.vkey).stderr
    witness.stop()
    rows = [
        (log.key.vkey, "this log is known already"),
        (Log(seed=b"2" * 32).key.vkey, "has another key of it"),
        (witness.vkey, "not the public key of a log"),
        (log.key.vkey[:-2], "not the public key of a log"),
    ]
    for vkey, words in rows:
        for more in ([], ["--anew"]):
            done = witness.add(vkey, *more)
            assert (done.returncode, words in done.stderr) == (1, True), words
    witness.start()
    # nothing was cosigned yet, so there is nothing to show
    assert witness.get("/%s/checkpoint" % hashlib.sha256(
        ORIGIN.encode()).hexdigest())[0] == 404
    grow(witness, log, 0, 3)


@pytest.mark.skipif(SANITIZE, reason="a sanitizer is not filtered")
def test_it_runs_in_a_sandbox(witness, log):
    with open("/proc/%d/status" % witness.process.pid) as text:
        status = dict(line.split(":\t", 1) for line in text)
    assert status["Seccomp"].strip() == "2"
    assert status["NoNewPrivs"].strip() == "1"
    grow(witness, log, 0, 3)
    grow(witness, log, 3, 3)
    assert witness.post(log.request(0, 3))[0] == 409  # and keeps it


def test_a_key_that_others_may_read_is_refused(witness, log):
    witness.stop()
    os.chmod(os.path.join(witness.dir, "key"), 0o644)
    assert "others than its owner" in witness.refuses_to_start()
    assert subprocess.run(
        [built("payvand"), "witness", "--init", "again", "--dir", witness.dir],
        capture_output=True, timeout=PATIENCE_S).returncode == 1


def test_answers_on_a_unix_socket(tmp_path, log):
    witness = Witness(tmp_path)
    witness.know(log.key.vkey)
    path = str(tmp_path / "w.sock")
    witness.start("unix:" + path)
    body = log.request(0, 3).encode()
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(10)
        link.connect(path)
        link.sendall(b"POST /add-checkpoint HTTP/1.0\r\nHost: w\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert b" 200 " in link.recv(4096)
    assert witness.stop() == 0
