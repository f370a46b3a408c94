"""A worker's side of lib/trace/wire.h, in Python, for tests of payvand-traced.

    with Traced(folder) as traced:
        worker = Worker(traced.socket)
        worker.hello()
        sequence = worker.send([request()])
        index = worker.wait(sequence)

It keeps what was acknowledged, so that a test can compare it with the journal
(journal_reader.py) afterwards. Nothing here is shared with the C code.
"""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import time

from harness import PATIENCE_S, SANITIZE, SEGMENTS, built

MAGIC = 0x4A565001
HELLO, HELLO_OK, COUNTS, FRAME, ACK, REFUSED, USED = 1, 2, 3, 4, 5, 6, 7
WHY_FULL, WHY_RECORD, WHY_BROKEN = 1, 2, 3
LOW_SPACE = 1
PACKET_MAX = 65536


def now_ms():
    return time.time_ns() // 1000000


def uuid7(when_ms=None):
    """A tracking id of the present, without looking at the C code's."""
    when_ms = now_ms() if when_ms is None else when_ms
    number = (when_ms << 80) | (7 << 76) | (random.getrandbits(12) << 64)
    number |= (2 << 62) | random.getrandbits(62)
    text = "%032x" % number
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20],
                     text[20:]))


def canonical(record):
    return json.dumps(record, sort_keys=True, separators=(",", ":"))


def request(**fields):
    """A request record with the given fields changed; None leaves one out."""
    record = {
        "consumer": "setad", "decision": "allowed", "grant": "g-1", "hop": 0,
        "id": uuid7(), "image": 7, "method": "verify", "node": "nix",
        "provider": "central-bank", "service": "national-id-iban-match",
        "size": "1k", "time": now_ms(), "type": "request", "v": 1,
        "version": "v1",
    }
    record.update(fields)
    return {k: v for k, v in record.items() if v is not None}


def refusal(**fields):
    return request(decision="refused", reason="no-grant", grant=None, **fields)


def salt():
    """The random bits of a record that has no other."""
    return "%032x" % random.getrandbits(128)


def completions(items, node="nix"):
    """items: (of, outcome) or (of, forwarded, first, last, outcome)."""
    done = [list(i) if len(i) == 5 else [i[0], now_ms(), now_ms(), now_ms(),
                                         i[1]] for i in items]
    return {"done": done, "node": node, "salt": salt(), "type": "completions",
            "v": 1}


def reading(**fields):
    record = {"by": "uid/1000", "count": 1, "id": uuid7(), "node": "nix",
              "role": "operator", "salt": salt(), "time": now_ms(), "type": "reading", "v": 1,
              "what": "lookup"}
    record.update(fields)
    return {k: v for k, v in record.items() if v is not None}


class Gone(Exception):
    """payvand-traced closed the connection."""


class Worker:
    """One nginx worker: an epoch, frames in flight, what was acknowledged."""

    def __init__(self, path, epoch=None, node="nix", timeout=PATIENCE_S):
        self.path = path
        self.epoch = epoch or random.getrandbits(63) + 1
        self.node = node
        self.timeout = timeout
        self.sequence = 0
        self.unacked = {}   # sequence -> packet
        self.acked = {}     # sequence -> index of its first leaf
        self.refused = {}   # sequence -> why
        self.records = {}   # sequence -> records
        self.flags = 0
        self.counts = {}
        self.used = {}      # (sequence, position) -> every answer is given
        self.kept = None
        self.sock = None

    def connect(self):
        self.close()
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def hello(self, counts=False, version=1):
        if self.sock is None:
            self.connect()
        node = self.node.encode()
        self.sock.send(struct.pack("<IHHIIQB", MAGIC, HELLO, int(counts),
                                   version, os.getpid(), self.epoch,
                                   len(node)) + node)
        self.counts = {}
        self.kept = None
        while self.kept is None:
            self.receive()
        return self.kept

    def resume(self):
        """After a reconnect: greet, and send again what is not answered."""
        self.connect()
        self.hello()
        for sequence in sorted(self.unacked):
            self.sock.send(self.unacked[sequence])

    @staticmethod
    def frame(sequence, lines, count=None):
        packet = struct.pack("<IHHQ", MAGIC, FRAME,
                             len(lines) if count is None else count, sequence)
        return packet + b"".join(struct.pack("<H", len(line)) + line
                                 for line in lines)

    def send(self, records, sequence=None):
        """Send a frame of records (dicts, or bytes as they are)."""
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        lines = [r if isinstance(r, bytes) else canonical(r).encode()
                 for r in records]
        packet = self.frame(sequence, lines)
        self.unacked[sequence] = packet
        self.records[sequence] = records
        self.sock.send(packet)
        return sequence

    def receive(self):
        """One packet from payvand-traced; its type."""
        try:
            packet = self.sock.recv(PACKET_MAX)
        except ConnectionResetError:
            raise Gone()
        if not packet:
            raise Gone()
        magic, kind, count = struct.unpack_from("<IHH", packet)
        assert magic == MAGIC
        if kind == HELLO_OK:
            self.kept, self.flags, zero = struct.unpack_from("<QII", packet, 8)
            assert zero == 0
        elif kind == COUNTS:
            self._take_counts(packet, count)
        elif kind == ACK:
            self.flags, zero = struct.unpack_from("<II", packet, 8)
            assert zero == 0 and len(packet) == 16 + 16 * count
            for i in range(count):
                sequence, index = struct.unpack_from("<QQ", packet,
                                                     16 + 16 * i)
                before = self.acked.setdefault(sequence, index)
                assert before == index, "an index changed"
                assert sequence not in self.refused
                self.unacked.pop(sequence, None)
        elif kind == USED:
            sequence, position, spent = struct.unpack_from("<QII", packet, 8)
            assert len(packet) == 24 and spent in (0, 1)
            assert position < len(self.records[sequence])
            before = self.used.setdefault((sequence, position), spent)
            assert before == spent, "it was told otherwise before"
        elif kind == REFUSED:
            sequence, why = struct.unpack_from("<QI", packet, 8)
            assert sequence not in self.acked
            self.refused[sequence] = why
            self.unacked.pop(sequence, None)
        else:
            raise AssertionError("packet of type %d" % kind)
        return kind

    def _take_counts(self, packet, count):
        at = 16
        for _ in range(count):
            calls, grant, consumer, path = struct.unpack_from("<IBBB", packet,
                                                              at)
            at += 7
            text = packet[at:at + grant + consumer + path].decode()
            at += grant + consumer + path
            self.counts[(text[:grant], text[grant:grant + consumer],
                         text[grant + consumer:])] = calls
        assert at == len(packet)

    def wait(self, sequence):
        """The index of an acknowledged frame; None when it was refused."""
        while sequence not in self.acked and sequence not in self.refused:
            self.receive()
        return self.acked.get(sequence)

    def drain(self):
        while self.unacked:
            self.receive()


class Traced:
    """A payvand-traced in a folder; restartable, killed by pid only."""

    def __init__(self, folder, *arguments, env=None):
        self.folder = folder
        self.journal = os.path.join(folder, "journal")
        self.socket = os.path.join(folder, "journal.sock")
        self.arguments = list(arguments)
        self.log = os.path.join(folder, "traced.log")
        self.env = env
        self.process = None
        os.makedirs(self.journal, exist_ok=True)

    def start(self, wait=True, env=None):
        environment = dict(os.environ, **(env or self.env or {}))
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [built("payvand-traced"), "--dir", self.journal, "--socket",
                 self.socket, "--node", "nix", *SEGMENTS, *self.arguments],
                stderr=log, stdout=log, env=environment)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=60):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError("payvand-traced ended with %s:\n%s" % (
                    self.process.returncode, self.words()))
            probe = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                probe.connect(self.socket)
                return
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.005)
            finally:
                probe.close()
        raise AssertionError("payvand-traced does not listen:\n" + self.words())

    def words(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def check(self):
        """payvand-traced --check: its exit code and its words."""
        done = subprocess.run([built("payvand-traced"), "--check", "--dir",
                               self.journal], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.kill()
        assert "Sanitizer" not in self.words() or not SANITIZE, self.words()
        assert "Sanitizer" not in self.words(), self.words()


def counts_of(traced):
    """{(grant, consumer, path): calls} of today."""
    worker = Worker(traced.socket)
    worker.hello(counts=True)
    worker.close()
    return worker.counts
