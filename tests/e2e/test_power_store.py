"""Power loss while records are pruned, minutes are rolled up, and a log is
exported and restored; as in test_power.py."""

import json
import os
import random
import shutil
import struct
import subprocess

import pytest

import journal_reader
from harness import LONG, SANITIZE, built, wait_for
from journal_client import Traced, Worker, completions, request
from journal_reader import crc32c, segment_names
from log_client import LogTraced
from powerloss import SYNC, Recording
from test_keeper import LINE, PACK_LEAVES, Keeper
from test_power import SEED

pytestmark = pytest.mark.skipif(
    SANITIZE, reason="the same programs as in the other build, only slower")


class Judged:
    """Images of a run, each once; whether a client had been told before."""

    def __init__(self, home, recording, told, samples):
        self.folder = os.path.join(home, "image")
        self.replay = recording.replay()
        self.told, self.samples = told, samples
        self.count = 0

    def images(self, every=lambda event: True):
        for point, image in self.replay.images(
                random.Random(SEED), self.samples, (self.told,), every):
            self.count += 1
            yield point.at >= self.told, image
        self.replay.same_as_disk(but=("lock",))

    def write(self, image):
        image.write(self.folder)
        return self.folder


# ---- pruning -------------------------------------------------------------

def decisions(folder):
    """Of the file `pruned`: [(end, decision)], without a torn last line."""
    path = os.path.join(folder, "pruned")
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    found = []
    for i, line in enumerate(lines):
        if line[-8:] != b"%08x" % crc32c(line[:-8]):
            assert i + 2 >= len(lines), "a line before the last is torn"
            break
        end, _, decision, _ = line.decode().split(" ")
        found.append((int(end), decision))
    return found


class Pruner:
    """`payvand log prune` on a keeper's packs; a traced takes the record."""

    def __init__(self, home):
        self.traced = Traced(home)
        self.traced.start()
        worker = Worker(self.traced.socket)
        worker.hello()
        worker.wait(worker.send([request()]))
        worker.close()

    def prune(self, log, decision, env=None):
        done = subprocess.run(
            [built("payvand"), "log", "prune", "--before", "2099-01-01",
             "--decision", decision, "--journal", self.traced.journal,
             "--log", log, "--socket", self.traced.socket, "--json"],
            capture_output=True, text=True, env=dict(os.environ, **(env or {})))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def packs_there(folder):
    with open(os.path.join(folder, "packs"), "rb") as file:
        data = file.read()
    names = [data[i + 11:i + 75].decode() + ".pvp"
             for i in range(0, len(data), LINE)]
    kept = set(os.listdir(os.path.join(folder, "pack")))
    return [name in kept for name in names]


def test_a_pruning_survives_power_loss_at_every_write(home, source):
    """What goes is named by a decision that is on disk; what was told to be
    gone stays gone; an interrupted one is finished by the same command."""
    pruner = Pruner(home)
    one = Keeper(source, home, PACK_LEAVES)
    before, judged = [], 0
    for number, decision in enumerate(("resolution/7", "resolution/8"), 1):
        one.set("published_size", number * PACK_LEAVES)
        one.start()
        one.wait(number)
        one.kill()
        shutil.rmtree(os.path.join(one.log, "tree"), ignore_errors=True)
        recording = Recording(one.log)
        told = pruner.prune(one.log, decision, env=recording.env())
        assert told["files"] == 1
        after = before + [(number, decision)]
        run = Judged(home, recording, recording.position(), 100 if LONG else 9)
        for was_told, image in run.images():
            folder = run.write(image)
            assert decisions(folder) in ([after] if was_told else
                                         [before, after])
            there = packs_there(folder)
            assert len(there) == number and not any(there[:len(before)])
            if decisions(folder) == before or not was_told:
                assert there[-1] or decisions(folder) == after
            assert not (was_told and there[-1]), "a removed pack is back"
            pruner.prune(folder, decision)
            assert decisions(folder) == after
            assert not any(packs_there(folder))
        judged += run.count
        before = after
        if number == 1:
            shutil.copytree(source[0] / "tree", os.path.join(one.log, "tree"))
    os.close(one.page)
    pruner.traced.kill()
    print("%d images" % judged)
    assert judged > 6


# ---- roll-ups ------------------------------------------------------------

MINUTE = 60000
DAY = 86400000


def spread(journal, begin, step):
    """Other times for the commits of one segment: from begin on, by steps;
    with check sums."""
    number = 0
    for name in segment_names(journal):
        path = os.path.join(journal, name)
        with open(path, "rb") as file:
            data = bytearray(file.read())
        head = journal_reader.read_head(name, bytes(data))
        struct.pack_into("<q", data, 48, begin)
        struct.pack_into("<I", data, 12, crc32c(bytes(data[16:256])))
        at, before = 4096, None
        while struct.unpack_from("<I", data, at)[0] == \
                journal_reader.COMMIT_MAGIC:
            length, = struct.unpack_from("<I", data, at + 32)
            struct.pack_into("<q", data, at + 24, begin + number * step)
            if before is not None:
                struct.pack_into("<I", data, at + 48, before)
            before = crc32c(bytes(data[at + 8:at + 64]))
            struct.pack_into("<I", data, at + 4, before)
            at += length + head["align"] - 1 & -head["align"]
            number += 1
        with open(path, "wb") as file:
            file.write(data)
    return number


@pytest.fixture
def minutes(home):
    """A journal of one segment over a midnight in Tehran; its leaves."""
    folder = os.path.join(home, "source")
    traced = Traced(folder)
    leaves = 0
    with traced:
        worker = Worker(traced.socket)
        worker.hello()
        for i in range(36):
            index = worker.wait(worker.send(
                [request(consumer="c-%d" % (i % 3)) for _ in range(2)]))
            leaves = index + 2
            if i % 2 == 0:
                worker.wait(worker.send([completions([(index, "answered")])]))
                leaves += 1
        assert traced.stop() == 0
    midnight = 1790000000000 // DAY * DAY - 12600000
    assert spread(traced.journal, midnight - 10 * MINUTE, 20000) > 50
    assert traced.check()[0] == 0, traced.check()
    os.mkdir(os.path.join(folder, "tree"))
    with open(os.path.join(folder, "tree", "0"), "wb"):
        pass
    return folder, leaves


def rollups(folder):
    path = os.path.join(folder, "rollup")
    found = {}
    for name in os.listdir(path) if os.path.isdir(path) else ():
        with open(os.path.join(path, name), "rb") as file:
            found[name] = file.read()
    return found


class Figures(Keeper):
    """A keeper that has nothing but roll-ups to make."""

    def __init__(self, minutes, home, image=None):
        class Source:
            def __truediv__(self, name):
                return os.path.join(minutes[0], name)

        super().__init__((Source(), None), home, 0)
        if image is not None:
            image.write(self.log)
            shutil.rmtree(os.path.join(self.log, "tree"),
                          ignore_errors=True)
            shutil.copytree(os.path.join(minutes[0], "tree"),
                            os.path.join(self.log, "tree"))
        self.set("durable_index", minutes[1])

    def until_done(self, leaves):
        def done():
            assert self.process.poll() is None, self.said()
            assert "failed" not in self.said(), self.said()
            lines = b"".join(rollups(self.log).values()).split(b"\n")
            ends = [int(line.split(b"\t")[3]) for line in lines
                    if line.startswith(b"m\t") and line.count(b"\t") == 5]
            return leaves in ends

        wait_for("all minutes", done, step=0.02)

    def end(self):
        self.kill()
        os.close(self.page)


def test_rollups_survive_power_loss_at_every_write(home, minutes):
    """Whatever is left of them, a start makes the same bytes again."""
    one = Figures(minutes, home)
    recording = Recording(one.log)
    one.env = recording.env()
    one.start()
    one.until_done(minutes[1])
    recording.kill(one.process)
    os.close(one.page)
    whole = rollups(one.log)
    assert len(whole) == 2
    run = Judged(home, recording, recording.position(), 12 if LONG else 1)
    starts = 0
    for _, image in run.images():
        folder = run.write(image)
        for name, data in rollups(folder).items():
            marks = data.rfind(b"\nm\t")
            if marks != -1 and b"\0" not in data:
                good = data[:data.rfind(b"\n", 0, marks + 1) + 1]
                assert whole[name].startswith(good), name
        if LONG or run.count % 9 == 0:
            starts += 1
            again = os.path.join(home, "again-%d" % starts)
            os.mkdir(again)
            other = Figures(minutes, again, image)
            other.start()
            other.until_done(minutes[1])
            other.end()
            assert rollups(other.log) == whole, "other figures"
    print("%d images, %d starts" % (run.count, starts))
    assert run.count > 30 and starts > 2


# ---- export and restore --------------------------------------------------

@pytest.fixture
def small(home):
    """A log of some hundred leaves, ended well."""
    traced = LogTraced(os.path.join(home, "site"), "--segment-size", "262144")
    traced.socket = os.path.join(home, "journal.sock")
    with traced:
        worker = Worker(traced.socket)
        worker.hello()
        for _ in range(6):
            index = worker.wait(worker.send([request() for _ in range(50)]))
        traced.wait_size(index + 50)
        assert traced.stop() == 0
    return traced


def log_command(*words, env=None):
    done = subprocess.run([built("payvand"), "log", *words],
                          capture_output=True, text=True,
                          env=dict(os.environ, **(env or {})))
    return done.returncode, done.stdout + done.stderr


def export(traced, to, env=None):
    return log_command("export", to, "--journal", traced.journal, "--log",
                       traced.tree, env=env)


def restore(backup, to, env=None):
    return log_command("restore", backup, "--journal",
                       os.path.join(to, "journal"), "--log",
                       os.path.join(to, "log"), env=env)


def content(folder):
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def few():
    """Each image is copied by a program: a part of the writes before the
    sync, in the short form."""
    rng, synced = random.Random(SEED), []

    def every(event):
        if (event.of or event).kind == SYNC:
            synced.append(event)
        return LONG or synced or rng.random() < 0.06

    return every


def test_an_export_survives_power_loss_at_every_write(home, small):
    """A copy with a MANIFEST is whole, to the byte; one without is refused."""
    root = os.path.join(home, "copies")
    os.mkdir(root)
    recording = Recording(root)
    code, words = export(small, os.path.join(root, "c"), env=recording.env())
    assert code == 0, words
    whole = content(os.path.join(root, "c"))
    run = Judged(home, recording, recording.position(), 60 if LONG else 2)
    good = 0
    for told, image in run.images(few()):
        copy = os.path.join(run.write(image), "c")
        to = os.path.join(home, "to")
        shutil.rmtree(to, ignore_errors=True)
        os.mkdir(to)
        code, words = restore(copy, to)
        if code == 0:
            good += 1
            restored = content(to)
            for name, data in whole.items():
                assert name == "MANIFEST" or restored[name] == data, name
        else:
            assert not told, "a copy that was told of is lost: " + words
            assert "MANIFEST" in words or not os.path.isdir(copy), words
    print("%d images, %d whole" % (run.count, good))
    assert good > 0 and run.count - good > 10


def test_a_restore_survives_power_loss_at_every_write(home, small):
    """What was told to be restored is there and goes on with its signer; a
    half one is not overwritten, and goes when its folders are emptied."""
    backup = os.path.join(home, "backup")
    assert export(small, backup)[0] == 0
    root = os.path.join(home, "restored")
    os.mkdir(root)
    recording = Recording(root)
    code, words = restore(backup, root, env=recording.env())
    assert code == 0, words
    whole = content(root)
    run = Judged(home, recording, recording.position(), 60 if LONG else 2)
    starts, half = 0, 0
    for told, image in run.images(few()):
        folder = run.write(image)
        if told:
            assert content(folder) == whole, "it was told to be restored"
            starts += 1
            go_on(folder, small)
            continue
        empty = not content(folder)
        code, words = restore(backup, folder)
        assert (code == 0) == empty, words
        if not empty:
            half += 1
            assert "is not empty" in words
            shutil.rmtree(folder)
            os.mkdir(folder)
            assert restore(backup, folder)[0] == 0
        assert content(folder) == whole
    print("%d images, %d half, %d starts" % (run.count, half, starts))
    assert half > 10 and starts > 0


def go_on(folder, small):
    """With the signer that was kept, to a tree that grows out of it."""
    shutil.copytree(small.signer, os.path.join(folder, "signer"))
    before = small.checkpoint()
    traced = LogTraced(folder, "--segment-size", "262144")
    with traced:
        worker = Worker(traced.socket)
        worker.hello()
        index = worker.wait(worker.send([request()]))
        assert index == before[0]
        traced.wait_size(index + 1)
        worker.close()
        assert traced.stop() == 0
    done = subprocess.run(
        [built("payvand"), "verify", "log", traced.tree, "--journal",
         traced.journal, "--log-key", traced.vkey], capture_output=True,
        text=True)
    assert done.returncode == 0, done.stdout + done.stderr
