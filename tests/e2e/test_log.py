"""`payvand log`: pruning by decision, export and restore, on a real log."""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import LONG, PATIENCE_S, built, wait_for
from journal_client import Traced, Worker, counts_of, request
from log_client import LogTraced
from reading import ask

PACK_LEAVES = 65536


class Log:
    """payvand-traced with a log, filled by the journal's bench."""

    def __init__(self, home):
        self.home = str(home)
        self.journal, self.log, self.signer = (
            os.path.join(self.home, n) for n in ("journal", "log", "signer"))
        for folder in (self.journal, self.log, self.signer):
            os.makedirs(folder, mode=0o700)
        self.socket = os.path.join(self.home, "bench.sock")
        self.local = os.path.join(self.home, "local.sock")
        self.vkey = subprocess.run(
            [built("payvand-traced"), "--init-key", "--signer", self.signer,
             "--origin", "payvand.test/trace"], check=True,
            capture_output=True, text=True).stdout.strip()
        self.process = None

    def start(self):
        self.errors = open(os.path.join(self.home, "traced.err"), "ab")
        self.process = subprocess.Popen(
            [built("payvand-traced"), "--dir", self.journal, "--socket",
             self.socket, "--node", "nix", "--log", self.log, "--signer",
             self.signer, "--local", self.local, "--segment-size", "16777216"],
                stderr=self.errors)
        self.until(lambda: os.path.exists(self.socket))

    def until(self, what, seconds=60):
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    def said(self):
        with open(os.path.join(self.home, "traced.err")) as file:
            return file.read()[-3000:]

    def fill(self):
        subprocess.run([built("payvand-bench-journal"), "-", self.home,
                        "--batch", "64", "--seconds", "1"], check=True,
                       capture_output=True)

    def size(self):
        try:
            with open(os.path.join(self.log, "checkpoint")) as file:
                return int(file.read().split("\n")[1])
        except FileNotFoundError:
            return 0

    def packs(self):
        return os.path.getsize(os.path.join(self.log, "packs")) // 130

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE_S)
            self.errors.close()

    def readings(self):
        """How many the reader has recorded."""
        text = ask(self.local, "/metrics").body.decode()
        return int(re.search(r"^payvand_reader_readings_total (\d+)$", text,
                             re.M).group(1))

    def payvand(self, *args, journal=None, log=None):
        return subprocess.run(
            [built("payvand"), "log", *args, "--journal",
             journal or self.journal, "--log", log or self.log, "--socket",
             self.socket], capture_output=True, text=True)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A running log of two packs and more."""
    home = "/tmp/pv-log-%d" % os.getpid()
    os.mkdir(home)
    log = Log(home)
    log.start()
    while log.size() < 2 * PACK_LEAVES + 1000:
        before = log.size()
        log.fill()
        log.until(lambda: log.size() > before)
    log.until(lambda: log.packs() >= 2)
    yield log
    log.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def backup(filled):
    path = os.path.join(filled.home, "backup")
    done = filled.payvand("export", path, "--static",
                          os.path.join(filled.home, "static"), "--json")
    assert done.returncode == 0, done.stderr
    return path, json.loads(done.stdout)


def folders(filled, name):
    at = os.path.join(filled.home, name)
    shutil.rmtree(at, ignore_errors=True)
    os.mkdir(at)
    return {"journal": os.path.join(at, "journal"),
            "log": os.path.join(at, "log")}


def test_a_running_log_is_exported_and_restored(filled, backup):
    path, told = backup
    assert told["first"] == 0
    assert told["end"] >= told["checkpoint_size"] > 2 * PACK_LEAVES
    to = folders(filled, "restored")
    done = filled.payvand("restore", path, "--json", **to)
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    for name in ("checkpoint_size", "checkpoint_root", "end", "files"):
        assert again[name] == told[name]
    # the restored log is one: it takes up where it ended
    copy = Log(os.path.join(filled.home, "second"))
    shutil.rmtree(copy.journal)
    shutil.rmtree(copy.log)
    os.rename(to["journal"], copy.journal)
    os.rename(to["log"], copy.log)
    done = subprocess.run([built("payvand-traced"), "--check", "--dir",
                           copy.journal], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_copy_of_a_log_whose_old_segments_are_gone_starts():
    home = "/tmp/pv-gone-%d" % os.getpid()
    os.mkdir(home)
    names = [os.path.join(home, name) for name in ("backup", "journal2",
                                                   "log2")]

    def payvand(verb, journal, log):
        return subprocess.run(
            [built("payvand"), "log", verb, names[0], "--journal", journal,
             "--log", log], capture_output=True, text=True)
    try:
        with LogTraced(home, "--segment-size", "262144") as traced:
            worker = Worker(traced.socket)
            worker.hello()
            for _ in range(2 * PACK_LEAVES // 100):
                worker.wait(worker.send([request() for _ in range(100)]))
            gone = os.path.join(traced.journal, "removed")
            wait_for("segments to go", lambda: os.path.exists(gone),
                     timeout=60)
            counts = counts_of(traced)
            assert sum(counts.values()) == 2 * PACK_LEAVES // 100 * 100
            done = payvand("export", traced.journal, traced.tree)
            assert done.returncode == 0, done.stderr
        done = payvand("restore", *names[1:])
        assert done.returncode == 0, done.stderr
        assert not os.path.exists(os.path.join(names[1], "0000000001.pvj"))
        # what was counted before is not forgotten with them
        copy = Traced(home)
        copy.journal = names[1]
        with copy:
            assert counts_of(copy) == counts
            assert "traced.uses_unknown" not in copy.words()
        os.unlink(os.path.join(names[1], "state"))
        copy.start(wait=False)  # without the packs beside it
        assert copy.process.wait(PATIENCE_S) == 1
        assert "daily maxima would begin anew" in copy.words()
        assert "damaged" not in copy.words()
        done = subprocess.run([built("payvand-traced"), "--check", "--dir",
                               names[1]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_restore_overwrites_nothing(filled, backup):
    done = filled.payvand("restore", backup[0])
    assert done.returncode == 1 and "not empty" in done.stderr
    done = filled.payvand("export", backup[0])
    assert done.returncode == 1 and "not empty" in done.stderr


def test_every_flipped_byte_of_a_backup_is_found(filled, backup):
    path = backup[0]
    files = [os.path.join(folder, name)
             for folder, _, names in os.walk(path) for name in names]
    assert any(f.endswith(".pvp") for f in files)
    assert any(f.endswith(".pvj") for f in files)
    random.shuffle(files)
    for file in files[:200 if LONG else 8] + [
            os.path.join(path, "MANIFEST")]:
        size = os.path.getsize(file)
        if size == 0:
            continue
        at = random.randrange(size)
        with open(file, "r+b") as f:
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 1 << random.randrange(8)]))
        done = filled.payvand("restore", path, **folders(filled, "flipped"))
        with open(file, "r+b") as f:
            f.seek(at)
            f.write(bytes([byte]))
        assert done.returncode == 3, (file, at, done.stderr)
        assert (os.path.relpath(file, path) in done.stderr), done.stderr
    done = filled.payvand("restore", path, **folders(filled, "flipped"))
    assert done.returncode == 0, done.stderr
    shutil.rmtree(os.path.join(filled.home, "flipped"))


def test_the_static_copy_has_the_published_layout(filled, backup):
    static = os.path.join(filled.home, "static")
    size = backup[1]["checkpoint_size"]
    with open(os.path.join(static, "checkpoint")) as file:
        assert file.read().split("\n")[1] == str(size)
    with open(os.path.join(static, "tile/0/001"), "rb") as file:
        tile = file.read()
    with open(os.path.join(static, "tile/entries/001"), "rb") as file:
        entries = file.read()
    at = 0
    for i in range(256):
        n = int.from_bytes(entries[at:at + 2], "big")
        leaf = hashlib.sha256(b"\0" + entries[at + 2:at + 2 + n]).digest()
        assert leaf == tile[32 * i:32 * i + 32]
        at += 2 + n
    assert at == len(entries)
    if size % 256:
        n = size // 256
        where = "%03d" % n if n < 1000 else "x%03d/%03d" % divmod(n, 1000)
        assert os.path.exists(os.path.join(
            static, "tile/0/%s.p/%d" % (where, size % 256)))


def test_pruning_needs_a_day_and_a_decision(filled):
    for args in (("prune", "--before", "2030-01-01"),
                 ("prune", "--decision", "resolution/7"),
                 ("prune", "--before", "1405-13-01", "--decision", "x"),
                 ("prune", "--before", "2030-01-01", "--decision", "A b")):
        assert filled.payvand(*args).returncode == 2
    done = filled.payvand("prune", "--before", "1400-01-01", "--decision",
                          "resolution/7", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["count"] == 0


def test_a_pruning_is_recorded_and_old_leaves_still_verify(filled, backup):
    packs = filled.packs()
    first = ask(filled.local, "/trace/v1/requests?order=oldest&limit=1")
    first = first.json["requests"][0]["tracking_id"]
    args = ("prune", "--before", "2099-01-01", "--decision", "resolution/7",
            "--json")
    told = json.loads(filled.payvand(*args, "--dry-run").stdout)
    assert told["dry_run"] and told["files"] == packs
    assert len(os.listdir(os.path.join(filled.log, "pack"))) >= packs
    done = filled.payvand(*args)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["files"] == packs and told["count"] == packs * PACK_LEAVES
    with open(os.path.join(filled.log, "pruned")) as file:
        assert file.read().split(" ")[2] == "resolution/7"
    # the record of it is in the published tree, and the tree is whole
    filled.until(lambda: filled.size() > told["index"])
    path = os.path.join(filled.home, "after")
    done = filled.payvand("export", path, "--json")
    assert done.returncode == 0, done.stderr
    after = json.loads(done.stdout)
    assert after["first"] == packs * PACK_LEAVES
    with open(os.path.join(path, "log", "tree", "0"), "rb") as file:
        hashes = file.read(32 * PACK_LEAVES)
    with open(os.path.join(backup[0], "log", "tree", "0"), "rb") as file:
        assert file.read(32 * PACK_LEAVES) == hashes
    done = subprocess.run(
        [built("payvand"), "verify", "log", filled.log, "--journal",
         filled.journal, "--log-key", filled.vkey, "--json"],
        capture_output=True, text=True)
    assert json.loads(done.stdout)["whole"], done.stdout
    # who asks for them is told why, and that he asked is recorded
    for target in ("/trace/v1/requests/" + first, "/trace/v1/receipts/" + first,
                   "/tile/entries/000"):
        before = filled.readings()
        answer = ask(filled.local, target)
        assert (answer.status, filled.readings()) == (410, before + 1), target


def test_nothing_goes_that_was_not_recorded(filled):
    packs = filled.packs()
    while filled.packs() == packs:
        filled.fill()
        time.sleep(0.5)
    before = sorted(os.listdir(os.path.join(filled.log, "pack")))
    done = subprocess.run(
        [built("payvand"), "log", "prune", "--before", "2099-01-01",
         "--decision", "x", "--journal", filled.journal, "--log", filled.log,
         "--socket", filled.home + "/none"], capture_output=True, text=True)
    assert done.returncode == 1 and "nothing was removed" in done.stderr
    assert set(before) <= set(os.listdir(os.path.join(filled.log, "pack")))
