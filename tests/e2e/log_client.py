"""payvand-traced with its log, and an outside checker that forgets nothing.

    with LogTraced(folder) as traced, Watcher(traced) as watcher:
        ...
    watcher.judge()

The checker keeps every checkpoint that it ever saw published and every record
that was acknowledged. Nothing here is shared with the C code.
"""

import base64
import glob
import json
import os
import signal
import subprocess
import threading
import time

import tlog
from harness import built, wait_for
from journal_client import Traced, Worker, canonical, request
from journal_reader import read_journal

ORIGIN = "nix.example/trace"
SMALL = ("--segment-size", "262144")


class LogTraced(Traced):
    """payvand-traced with --log and --signer; its key is made once."""

    def __init__(self, folder, *arguments, env=None, token=None):
        self.tree = os.path.join(folder, "log")
        self.signer = os.path.join(folder, "signer")
        super().__init__(folder, "--log", self.tree, "--signer", self.signer,
                         *arguments, env=env)
        os.makedirs(self.tree, exist_ok=True)
        if not os.path.isdir(self.signer):
            os.makedirs(self.signer, 0o700)
            words = ["--pkcs11", token] if token else []
            done = self.command("--init-key", "--origin", ORIGIN, *words)
            assert done.returncode == 0, done.stderr
        with open(os.path.join(self.signer, "vkey")) as file:
            self.vkey = file.read().strip()

    def command(self, *words):
        return subprocess.run(
            [built("payvand-traced"), "--signer", self.signer, *words],
            capture_output=True, text=True, env=dict(os.environ,
                                                     **(self.env or {})))

    def path(self, name):
        return os.path.join(self.tree, name)

    def checkpoint(self):
        """(size, root, note) as published, or None."""
        try:
            with open(self.path("checkpoint"), encoding="utf-8") as file:
                return parse(file.read())
        except FileNotFoundError:
            return None

    def wait_size(self, size, timeout=60):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            found = self.checkpoint()
            if found is not None and found[0] >= size:
                return found
            time.sleep(0.01)
        raise AssertionError("no checkpoint of %d leaves: %r\n%s" % (
            size, self.checkpoint(), self.words()[-3000:]))

    def wait_words(self, words, timeout=60):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if words in self.words():
                return
            time.sleep(0.02)
        raise AssertionError("never said %r:\n%s" % (words,
                                                     self.words()[-3000:]))

    def status(self):
        with open(self.path("status")) as file:
            return json.load(file)

    def children(self):
        """{name: pid} of the processes beside the journal, also the last's."""
        found = {}
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if self.journal.encode() in words and b"-P" in words:
                name = words[words.index(b"-P") + 1].decode()
                found[name] = int(path.split("/")[2])
        return found

    def kill_child(self, name):
        pid = self.children().get(name)
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


def parse(note):
    """(size, root, note) of a checkpoint of ours."""
    origin, size, root = note.split("\n")[:3]
    assert origin == ORIGIN
    return int(size), base64.b64decode(root, validate=True), note


def prefix_roots(entries, sizes, hash_of=tlog.leaf_hash):
    """{size: root of the first size leaves}; one pass over the leaves."""
    sizes = sorted(set(sizes))
    stack = []  # (leaves, hash), larger ones first
    roots = {}
    done = 0
    for size in sizes:
        while done < size:
            stack.append((1, hash_of(entries[done])))
            done += 1
            while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
                right, left = stack.pop(), stack.pop()
                stack.append((left[0] * 2,
                              tlog.sha(b"\x01", left[1], right[1])))
        if not stack:
            roots[size] = tlog.sha()
            continue
        top = stack[-1][1]
        for _, left in reversed(stack[:-1]):
            top = tlog.sha(b"\x01", left, top)
        roots[size] = top
    return roots


def greeted(traced):
    worker = Worker(traced.socket)
    worker.hello()
    return worker


def feed(worker, frames, records=4):
    for _ in range(frames):
        worker.send([request() for _ in range(records)])
        if len(worker.unacked) > 16:
            worker.receive()
    worker.drain()


def doctor_says(traced, what):
    """What it finds of that id, once the log's status says it."""
    return wait_for(what, lambda: doctor(traced).get(what), step=0.1)


def doctor(traced):
    """{id: finding} of what `payvand doctor` says of the log."""
    done = subprocess.run(
        [built("payvand"), "doctor", "--json", "--all", "--log", traced.tree],
        capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    return {one["id"]: one for one in json.loads(done.stdout)["findings"]
            if one["id"].startswith("log")}


class Watcher:
    """Looks at the published checkpoint again and again, and keeps each."""

    def __init__(self, traced):
        self.traced = traced
        self.seen = {}  # size -> (root, note)
        self.trouble = []
        self.last = -1
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.done.is_set():
            try:
                self.look()
            except Exception as error:  # a test thread must not die silently
                self.trouble.append(repr(error))
            self.done.wait(0.004)

    def look(self):
        found = self.traced.checkpoint()
        if found is None:
            if self.last > 0:
                self.trouble.append("the checkpoint is gone")
            return
        size, root, note = found
        if size < self.last:
            self.trouble.append("%d after %d" % (size, self.last))
        self.last = max(size, self.last)
        before = self.seen.setdefault(size, (root, note))
        if before[0] != root:
            self.trouble.append("two roots of %d leaves" % size)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.done.set()
        self.thread.join()

    def _entries(self, workers):
        """All leaves: of segments that were removed, as acknowledged."""
        journal = read_journal(self.traced.journal)
        first = journal[0][0] if journal else 0
        entries = [None] * first
        for worker in workers:
            for sequence, at in worker.acked.items():
                for i, record in enumerate(worker.records[sequence]):
                    if at + i < first:
                        entries[at + i] = canonical(record).encode()
        assert None not in entries, "a removed leaf is nobody's"
        return entries + [canonical(row[3]).encode() for row in journal]

    def judge(self, workers=()):
        """Every checkpoint is the journal's beginning; each is signed once,
        and every acknowledged record stands at its index."""
        self.look()
        assert not self.trouble, self.trouble
        # what is seen from here on may be of leaves that are read later
        last, seen = self.last, dict(self.seen)
        entries = self._entries(workers)
        assert last <= len(entries), "signed what is not on disk"
        roots = prefix_roots(entries, seen)
        for size, (root, note) in seen.items():
            assert roots[size] == root, "another tree at %d leaves" % size
        for size in sorted(seen)[-3:]:
            note = seen[size][1]
            text, line = note.split("\n\n")
            tlog.check_line(self.traced.vkey, text + "\n", line.rstrip("\n"))
        for worker in workers:
            for sequence, first in worker.acked.items():
                for i, record in enumerate(worker.records[sequence]):
                    assert entries[first + i] == canonical(record).encode()
        with open(self.traced.path("tree/0"), "rb") as file:
            hashes = file.read()
        for i in range(last):
            assert hashes[32 * i:32 * i + 32] == tlog.leaf_hash(entries[i])
        return entries
