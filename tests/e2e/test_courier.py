"""The courier of payvand-traced between a log (played here, tlog.py) and real
witnesses: how many of them are enough, and what is said of the others."""

import fcntl
import os
import re
import select
import socket
import struct
import subprocess
import time

import pytest

import tlog
from harness import NGINX, PATIENCE_S, ROOT, built, wait_for
from pki import Pki
from ports import free_port
from test_witness import Log, Witness

MAGIC = 0x43565001
ASK, WANT, PROOF, DONE, FAILED, TOLD = range(1, 7)
WELL, DOWN, REFUSES, SPLIT = range(1, 5)
NO_PROOF = 0xffff


def fixed_fd(name):
    """The number of a descriptor, as traced/children.h counts them."""
    with open(os.path.join(ROOT, "traced", "children.h")) as text:
        names = re.findall(r"^    (FD_\w+)", text.read(), re.M)
    return 3 + names.index(name)


class Courier:
    """The real process; this object is the log."""

    def __init__(self, folder, log, quorum=1, witnesses=(), text=None,
                 options=()):
        self.log = log
        self.told = {}
        self.why = {}
        path = str(folder / "witnesses")
        with open(path, "w") as out:
            out.write(text or "# ours\nquorum %d\n" % quorum + "".join(
                "witness %s %s\n" % one for one in witnesses))
        self.socket, other = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET)
        file = os.open(path, os.O_RDONLY)
        self.stderr = str(folder / "courier.log")

        def place():
            # out of the way first: either may have the other's place
            spare = [fcntl.fcntl(fd, fcntl.F_DUPFD, 500)
                     for fd in (other.fileno(), file)]
            os.dup2(spare[0], fixed_fd("FD_SERVE_COURIER"))
            os.dup2(spare[1], fixed_fd("FD_WITNESSES"))
            os.closerange(fixed_fd("FD_WITNESSES") + 1, 1000)

        with open(self.stderr, "ab") as errors:
            self.process = subprocess.Popen(
                [built("payvand-traced"), "-P", "courier", "--dir", "/",
                 "--socket", "/none", "--node", "ix-1", "--gateway-uid",
                 str(os.getuid()), *options],
                preexec_fn=place, close_fds=False, stderr=errors,
                stdin=subprocess.DEVNULL)
        other.close()
        os.close(file)

    def send(self, kind, count, size, body):
        self.socket.send(struct.pack("<IHHQ", MAGIC, kind, count, size) + body)

    def ask(self, size, log=None):
        self.send(ASK, 0, size, (log or self.log).note(size).encode())

    def prove(self, start, size):
        if start > size:
            self.send(PROOF, NO_PROOF, size, struct.pack("<Q", start))
            return
        proof = tlog.consistency(start, self.log.leaves[:size])
        self.send(PROOF, len(proof), size,
                  struct.pack("<Q", start) + b"".join(proof))

    def hear(self, timeout=60):
        """The next (type, count, size, lines) that ends a round."""
        end = time.monotonic() + timeout
        while True:
            ready = select.select([self.socket], [], [],
                                  max(0, end - time.monotonic()))[0]
            assert ready, "the courier says nothing: " + self.said()
            packet = self.socket.recv(65536)
            assert packet, "the courier ended: " + self.said()
            magic, kind, count, size = struct.unpack("<IHHQ", packet[:16])
            assert magic == MAGIC
            if kind == WANT:
                self.prove(struct.unpack("<Q", packet[16:24])[0], size)
            elif kind == TOLD:
                name, words = packet[24:].decode().split("\n")
                self.told[name] = count
                self.why[name] = words
            elif kind in (DONE, FAILED):
                return kind, count, size, packet[20:].decode()

    def until(self, kind, size, count=None, timeout=60):
        """What it says until a round of this size ends so."""
        end = time.monotonic() + timeout
        while True:
            got = self.hear(max(0.1, end - time.monotonic()))
            if got[0] == kind and got[2] == size and count in (None, got[1]):
                return got[3]

    def said(self):
        with open(self.stderr) as text:
            return text.read()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        self.socket.close()
        assert "Sanitizer" not in self.said()


class Scene:
    def __init__(self, folder):
        self.folder = folder
        self.log = Log()
        self.witness = []
        self.courier = None

    def add(self, count, know=True):
        for _ in range(count):
            name = "w%d" % len(self.witness)
            where = self.folder / name
            where.mkdir()
            one = Witness(where, name)
            one.know(*([self.log.key.vkey] if know else []))
            self.witness.append(one.start())

    def start(self, quorum, log=None):
        self.courier = Courier(
            self.folder, log or self.log, quorum,
            [(w.vkey, "http://127.0.0.1:%d" % w.port) for w in self.witness])
        return self.courier

    def check(self, lines, size, names):
        text = self.log.text(size)
        assert sorted(line.split(" ")[1] for line in lines.splitlines()) == (
            sorted(names))
        for line in lines.splitlines():
            vkey = [w.vkey for w in self.witness
                    if w.vkey.startswith(line.split(" ")[1] + "+")][0]
            assert tlog.check_line(vkey, text, line) > 0

    def close(self):
        if self.courier is not None:
            self.courier.close()
        for one in self.witness:
            one.stop()
            one.errors.close()


@pytest.fixture
def scene(tmp_path):
    it = Scene(tmp_path)
    yield it
    it.close()


def test_all_witnesses_cosign(scene):
    scene.add(3)
    courier = scene.start(quorum=3)
    for size in (1, 2, 9, 300, 400):
        courier.ask(size)
        scene.check(courier.until(DONE, size, 3), size, ["w0", "w1", "w2"])
    assert courier.told == {"w0": WELL, "w1": WELL, "w2": WELL}


def test_a_courier_that_is_new_learns_where_witnesses_stand(scene):
    scene.add(2)
    courier = scene.start(quorum=2)
    courier.ask(100)
    courier.until(DONE, 100, 2)
    courier.close()
    courier = scene.start(quorum=2)
    courier.ask(250)
    scene.check(courier.until(DONE, 250, 2), 250, ["w0", "w1"])
    courier.ask(250)  # a second copy of the same is cosigned again
    courier.until(DONE, 250, 2)


def test_one_down_is_said_and_does_not_matter_to_a_quorum(scene):
    scene.add(3)
    courier = scene.start(quorum=2)
    courier.ask(5)
    courier.until(DONE, 5)
    scene.witness[1].stop()
    courier.ask(8)
    scene.check(courier.until(DONE, 8, 2), 8, ["w0", "w2"])
    assert courier.told["w1"] == DOWN
    assert courier.why["w1"] == "no answer"
    scene.witness[1].start()
    size = 8

    def comes_back():
        nonlocal size
        size += 1
        courier.ask(size)
        courier.until(DONE, size)
        return courier.told["w1"] == WELL

    wait_for("the witness to cosign again", comes_back, step=0.3)


def test_below_the_quorum_it_fails_and_comes_back_by_itself(scene):
    scene.add(2)
    courier = scene.start(quorum=2)
    scene.witness[0].stop()
    courier.ask(7)
    scene.check(courier.until(FAILED, 7, 1), 7, ["w1"])
    scene.witness[0].start()
    scene.check(courier.until(DONE, 7, 2), 7, ["w0", "w1"])


def test_a_witness_that_hangs_does_not_stop_the_others(scene):
    scene.add(1)
    with socket.socket() as deaf:  # takes connections, answers nothing
        deaf.bind(("127.0.0.1", free_port()))
        deaf.listen(8)
        key = tlog.Key("deaf", tlog.COSIGNATURE)
        scene.courier = courier = Courier(
            scene.folder, scene.log, 1,
            [(scene.witness[0].vkey,
              "http://127.0.0.1:%d" % scene.witness[0].port),
             (key.vkey, "http://127.0.0.1:%d" % deaf.getsockname()[1])])
        for size in range(1, 20):
            courier.ask(size)
            scene.check(courier.until(DONE, size), size, ["w0"])
        courier.ask(20)
        courier.until(DONE, 20)
        wait_for("it to be said", lambda: (courier.ask(21),
                                           courier.until(DONE, 21),
                                           "deaf" in courier.told)[-1])
        assert courier.told["deaf"] == DOWN


def test_the_newest_of_many_is_carried(scene):
    scene.add(2)
    courier = scene.start(quorum=2)
    for size in range(1, 200):
        courier.ask(size)
    scene.check(courier.until(DONE, 199, 2), 199, ["w0", "w1"])


def test_a_split_view_is_refused_and_reported(scene):
    scene.add(3)
    courier = scene.start(quorum=3)
    courier.ask(100)
    courier.until(DONE, 100, 3)
    courier.close()
    # w2 has seen another history of this log, with the log's own signature
    fork = Log()
    fork.leaves[40] = tlog.leaf_hash(b"a record that was slipped in")
    folder = scene.folder / "other"
    folder.mkdir()
    other = Witness(folder, "w3")
    other.know(scene.log.key.vkey)
    scene.witness.append(other.start())
    assert other.post(fork.request(0, 90))[0] == 200
    courier = scene.start(quorum=4)
    courier.ask(120)
    scene.check(courier.until(FAILED, 120, 3), 120, ["w0", "w1", "w2"])
    assert courier.told["w3"] == SPLIT
    assert "another history" in courier.why["w3"]
    assert "witness.split_view" in other.said()


def test_a_log_that_was_rolled_back_is_told(scene):
    scene.add(1)
    courier = scene.start(quorum=1)
    courier.ask(100)
    courier.until(DONE, 100)
    courier.close()
    courier = scene.start(quorum=1)
    courier.ask(60)
    courier.until(FAILED, 60, 0)
    assert courier.told["w0"] == SPLIT
    assert "larger tree" in courier.why["w0"]
    assert "witness.rolled_back" in scene.witness[0].said()


def test_a_witness_that_does_not_know_the_log_is_told(scene):
    scene.add(1)
    scene.add(1, know=False)
    courier = scene.start(quorum=1)
    courier.ask(3)
    scene.check(courier.until(DONE, 3), 3, ["w0"])
    assert courier.told["w1"] == REFUSES


class Front:
    """The TLS server before a witness; what the packages would have."""

    CONF = """
daemon off;
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        location / {{ proxy_pass http://127.0.0.1:{witness}; }}
    }}
}}
"""

    def __init__(self, home, identity, witness):
        home.mkdir()
        self.port = free_port()
        (home / "nginx.conf").write_text(self.CONF.format(
            home=home, port=self.port, cert=identity.cert, key=identity.key,
            witness=witness))
        self.process = subprocess.Popen(
            [NGINX, "-p", str(home), "-c", "nginx.conf", "-e", "error.log"])
        wait_for("the TLS server", self.listens)

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)


def test_https_is_believed_only_with_the_right_certificate(scene, tmp_path):
    """Its authority is one of those told, and its name is the URL's. Another
    one is down, and does not end the courier, which may open no file."""
    pki = Pki(str(tmp_path / "pki"))
    good = pki.make("front", address="127.0.0.1")
    elsewhere = pki.make("front", address="127.0.0.2")
    stranger = pki.make("front", authority=pki.stranger, address="127.0.0.1")
    scene.add(3)
    fronts = []
    try:
        for n, identity in enumerate((good, elsewhere, stranger)):
            fronts.append(Front(tmp_path / ("front%d" % n), identity,
                                scene.witness[n].port))
        urls = [(one.vkey, "https://127.0.0.1:%d" % front.port)
                for one, front in zip(scene.witness, fronts)]
        scene.courier = courier = Courier(
            scene.folder, scene.log, 1, urls,
            options=["--witnesses", "f", "--log", "l", "--signer", "s",
                     "--witness-ca", pki.root.cert])
        for size in (3, 8):
            courier.ask(size)
            scene.check(courier.until(DONE, size, 1), size, ["w0"])
        wait_for("the others to be told", lambda: (
            courier.ask(9), courier.until(DONE, 9), len(courier.told) == 3)[-1])
        assert courier.told == {"w0": WELL, "w1": DOWN, "w2": DOWN}
        for name in ("w1", "w2"):
            assert courier.why[name] == "its certificate is not believed"
        assert courier.process.poll() is None, courier.said()
        courier.close()

        # the system's authorities know none of them
        scene.courier = courier = Courier(scene.folder, scene.log, 1, urls)
        courier.ask(10)
        assert courier.until(FAILED, 10, 0) == ""
        assert courier.process.poll() is None, courier.said()
    finally:
        for front in fronts:
            front.close()


def test_authorities_that_cannot_be_read_are_refused(scene, tmp_path):
    scene.courier = courier = Courier(
        scene.folder, scene.log, 1,
        [(tlog.Key("w", tlog.COSIGNATURE).vkey, "https://127.0.0.1:1")],
        options=["--witnesses", "f", "--log", "l", "--signer", "s",
                 "--witness-ca", str(tmp_path / "none.pem")])
    assert courier.process.wait(PATIENCE_S) == 3, courier.said()
    assert "cannot read --witness-ca" in courier.said()


def test_a_wrong_cosignature_is_not_taken(scene):
    scene.add(2)
    liar = tlog.Key("w1", tlog.COSIGNATURE)  # w1's name, another key
    courier = scene.courier = Courier(
        scene.folder, scene.log, 1,
        [(scene.witness[0].vkey,
          "http://127.0.0.1:%d" % scene.witness[0].port),
         (liar.vkey, "http://127.0.0.1:%d" % scene.witness[1].port)])
    courier.ask(3)
    scene.check(courier.until(DONE, 3), 3, ["w0"])
    assert courier.told["w1"] == DOWN


def test_a_witness_killed_at_any_moment_never_goes_back(scene):
    scene.add(2)
    courier = scene.start(quorum=1)
    size = 0
    for turn in range(6):
        for _ in range(5):
            size += 3
            courier.ask(size)
            courier.until(DONE, size)
        one = scene.witness[turn % 2]
        one.stop(9)
        size += 1
        courier.ask(size)
        one.start()
        courier.until(DONE, size)
    assert all(told in (WELL, DOWN) for told in courier.told.values())


@pytest.mark.parametrize("text,words", [
    ("quorum 1\n", "0 witnesses and a quorum of 1"),
    ("quorum 0\n", "line 1"), ("quorum 1\nquorum 1\n", "line 2"),
    ("witness nonsense http://127.0.0.1:1\n", "not the public key"),
    ("\n# x\nwitnes x y\n", "line 3"),
])
def test_a_wrong_witnesses_file_is_refused(scene, text, words):
    scene.courier = Courier(scene.folder, scene.log, text=text)
    assert scene.courier.process.wait(PATIENCE_S) == 3
    assert words in scene.courier.said()
