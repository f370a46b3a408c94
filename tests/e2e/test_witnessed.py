"""A real payvand-traced with its log and real witnesses: what is published,
what an auditor finds on the disk, and what a log that was rolled back meets."""

import json
import os
import shutil
import subprocess

import pytest

import tlog
from harness import built, wait_for
from journal_client import Worker, request
from log_client import ORIGIN, LogTraced, doctor
from test_witness import Witness


class Scene:
    def __init__(self, folder, quorum, count):
        self.folder = str(folder)
        self.file = os.path.join(self.folder, "witnesses")
        self.traced = LogTraced(self.folder, "--witnesses", self.file)
        self.witness = []
        for i in range(count):
            where = folder / ("w%d" % i)
            where.mkdir()
            one = Witness(where, "w%d" % i)
            one.know(self.traced.vkey)
            self.witness.append(one.start())
        with open(self.file, "w") as out:
            out.write("quorum %d\n" % quorum)
            out.writelines("witness %s http://127.0.0.1:%d\n" % (
                one.vkey, one.port) for one in self.witness)

    def record(self, count):
        """So many records more; the size of the log behind them."""
        client = Worker(self.traced.socket)
        client.hello()
        index = client.wait(client.send([request() for _ in range(count)]))
        client.close()
        return index + count

    def cosigners(self, note):
        """Names of the witnesses whose line is right."""
        text, lines = note.split("\n\n")
        names = []
        for one in self.witness:
            for line in lines.splitlines():
                if line.split(" ")[1] == one.vkey.split("+")[0]:
                    assert tlog.check_line(one.vkey, text + "\n", line) > 0
                    names.append(one.vkey.split("+")[0])
        return names

    def audit(self, *options):
        done = subprocess.run(
            [built("payvand"), "verify", "log", self.traced.tree, "--journal",
             self.traced.journal, "--log-key", self.traced.vkey, "--json"] +
            [o for one in self.witness
             for o in ("--witness-key", one.vkey)] + list(options),
            capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 3), done.stderr
        return done.returncode, json.loads(done.stdout)

    def close(self):
        self.traced.kill()
        for one in self.witness:
            one.stop()
            one.errors.close()


@pytest.fixture
def scene(tmp_path):
    it = Scene(tmp_path, 2, 3)
    yield it
    it.close()


def test_what_is_published_is_cosigned_and_the_disk_is_whole(scene):
    scene.traced.start()
    for count in (1, 7, 150, 150):
        size = scene.record(count)
        _, _, note = scene.traced.wait_size(size)
        assert len(scene.cosigners(note)) >= 2
    assert scene.traced.stop() == 0
    code, got = scene.audit("--witnesses", "2")
    assert (code, got["whole"], got["size"]) == (0, True, size), got
    assert got["records"] == got["leaves"] == size
    path = os.path.join(scene.traced.tree, "tree", "0")
    with open(path, "r+b") as tree:
        tree.seek(32 * 5)
        tree.write(b"x")
    code, got = scene.audit()
    found = [(f["found"], f["file"], f["at"]) for f in got["findings"]]
    assert (code, found) == (3, [("leaf-differs", "journal", 5),
                                 ("tree-differs", "tree/1", 0)])


def test_one_witness_down_holds_nothing_up(scene):
    scene.traced.start()
    scene.witness[0].stop()
    _, _, note = scene.traced.wait_size(scene.record(5))
    assert sorted(scene.cosigners(note)) == ["w1", "w2"]
    scene.traced.wait_words("log.witness_down witness=w0")


def test_below_the_quorum_nothing_is_published_until_they_are_back(scene):
    scene.traced.start()
    scene.witness[0].stop()
    scene.witness[1].stop()
    size = scene.record(5)
    scene.traced.wait_words("log.witness_down witness=w1")
    found = scene.traced.checkpoint()
    assert found is None or found[0] < size
    scene.witness[1].start()
    _, _, note = scene.traced.wait_size(size)
    assert sorted(scene.cosigners(note)) == ["w1", "w2"]


def test_a_machine_put_back_from_a_copy_is_told_by_its_witnesses(scene):
    """The signer's state goes back with everything else; only a witness can
    know."""
    scene.traced.start()
    scene.traced.wait_size(scene.record(10))
    assert scene.traced.stop() == 0
    copies = [(name, name + ".old") for name in
              (scene.traced.journal, scene.traced.tree, scene.traced.signer)]
    for name, copy in copies:
        shutil.copytree(name, copy)
    scene.traced.start()
    scene.traced.wait_size(scene.record(10))
    assert scene.traced.stop() == 0
    for name, copy in copies:
        shutil.rmtree(name)
        os.rename(copy, name)
    scene.traced.start()
    scene.record(3)  # another history from leaf 10 on
    scene.traced.wait_words("log.split_view witness=w1")
    wait_for("the witness to say it", lambda: "witness.rolled_back" in
             scene.witness[1].said() or "witness.split_view" in
             scene.witness[1].said())
    assert scene.traced.checkpoint()[0] == 10


def test_a_witness_with_another_key_follows_one(tmp_path):
    """docs/keys.md: beside it first, then in its place; calls are recorded
    all the time."""
    scene = Scene(tmp_path, 2, 3)

    def publish(count, *who):
        with open(scene.file, "w", encoding="ascii") as out:
            out.write("quorum %d\n" % len(who))
            out.writelines("witness %s http://127.0.0.1:%d\n" % (
                one.vkey, one.port) for one in who)
        scene.traced.start()
        _, _, note = scene.traced.wait_size(scene.record(count))
        assert scene.traced.stop() == 0
        return scene.cosigners(note)
    try:
        old, stays, new = scene.witness
        assert publish(5, old, stays) == ["w0", "w1"]
        assert publish(5, old, stays, new) == ["w0", "w1", "w2"]
        assert publish(5, stays, new) == ["w1", "w2"]
        code, got = scene.audit("--witnesses", "2")
        assert (code, got["whole"], got["size"]) == (0, True, 15), got
    finally:
        scene.close()


def refused(scene, *words):
    """It does not go on, and says so; an honest `checkpoint` is left alone."""
    before = scene.traced.words().count("log.refuses")
    scene.traced.start()
    wait_for("the log to refuse", lambda:
             scene.traced.words().count("log.refuses") > before)
    said = scene.traced.words().split("log.refuses")[-1]
    for word in words:
        assert word in said, said
    scene.traced.kill()


def test_a_published_checkpoint_that_is_old_or_of_another_tree_is_refused(
        scene):
    """What the log signed last stands in another file; this one is what the
    world reads."""
    scene.traced.start()
    scene.traced.wait_size(scene.record(10))
    assert scene.traced.stop() == 0
    path = scene.traced.path("checkpoint")
    shutil.copy(path, path + ".old")
    for _ in range(2):
        scene.traced.start()
        size = scene.record(5)
        scene.traced.wait_size(size)
        assert scene.traced.stop() == 0
    shutil.copy(path, path + ".good")
    os.rename(path + ".old", path)
    refused(scene, "of 10 leaves was rolled back", "remove the file")

    with open(os.path.join(scene.traced.signer, "key"), "rb") as file:
        key = tlog.Key(ORIGIN, seed=file.read())
    leaves = [tlog.leaf_hash(b"a record of nobody %d" % i)
              for i in range(size + 1)]
    for count, words in ((size, "is not of this tree"), (7, "of this tree"),
                         (size + 1, "the signer knows of %d" % size)):
        with open(path, "w") as out:
            out.write(tlog.note(tlog.checkpoint_text(ORIGIN, leaves[:count]),
                                key))
        refused(scene, words)

    shutil.copy(path + ".good", path)
    scene.traced.start()
    scene.traced.wait_size(scene.record(1))
    assert scene.traced.stop() == 0
    os.unlink(path)  # the way out
    scene.traced.start()
    scene.traced.wait_size(scene.record(1))


def test_a_witness_put_back_from_a_copy_is_told_by_the_log(scene):
    """It cosigns what it is proven, as before: only the log knows."""
    one = scene.witness[0]
    scene.traced.start()
    scene.traced.wait_size(scene.record(10))
    one.stop()
    shutil.copytree(one.dir, one.dir + ".old")
    one.start()
    size = scene.record(5)
    wait_for("its word", lambda: "w0" in scene.cosigners(
        scene.traced.wait_size(size)[2]))
    one.stop()
    shutil.copytree(one.dir + ".old", one.dir, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("stderr"))
    one.start()
    size = scene.record(5)
    scene.traced.wait_words("error log.witness_back witness=w0 size=10")
    scene.traced.wait_words("log.witness_well witness=w0")
    assert scene.traced.status()["published"] <= size
    wait_for("its status", lambda: scene.traced.status()["witness_back"])
    assert "log.forgotten" in doctor(scene.traced)


def test_a_checkpoint_that_is_minutes_old_is_refused(scene):
    """One run: nothing was kept for auditors since."""
    path = scene.traced.path("checkpoint")
    scene.traced.start()
    scene.traced.wait_size(scene.record(10))
    shutil.copy(path, path + ".old")
    scene.traced.wait_size(scene.record(5))
    assert scene.traced.stop() == 0
    with open(scene.traced.path("published")) as file:
        assert file.read() == "15\n"
    shutil.copy(path, path + ".good")
    os.rename(path + ".old", path)
    refused(scene, "of 10 leaves was rolled back", "remove the file")
    # a note that a crash cut says nothing; what is newest is right
    shutil.copy(path + ".good", path)
    with open(scene.traced.path("published"), "w") as file:
        file.write("99")
    scene.traced.start()
    scene.traced.wait_size(scene.record(1))


def test_the_courier_is_killed_and_comes_back(scene):
    scene.traced.start()
    scene.traced.wait_size(scene.record(3))
    for _ in range(3):
        wait_for("a courier", lambda: scene.traced.kill_child("courier"))
        scene.traced.wait_size(scene.record(3))
