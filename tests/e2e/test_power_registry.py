"""Power loss under the registry, as in test_power.py: its database, the policy
image, the log of decisions and what was signed of it agree after a restart, and
no decision that was acknowledged is gone."""

import base64
import os
import random
import sqlite3
from pathlib import Path

import pytest

import tlog
from harness import LONG, SANITIZE, wait_for
from people import registry_today
from powerloss import FSYNC, RENAME, SENT, Recording
from registryd import BUILD, ORIGIN, WG, Registry, decision, make_signer
from test_power import DASH, SEED

pytestmark = [
    pytest.mark.skipif(
        SANITIZE, reason="the same program as in the other build, only slower"),
    pytest.mark.skipif(
        not (BUILD / "registryd/payvand-registryd").exists(),
        reason="registryd is not built")]

AGENCY = {"name_fa": "دستگاه", "branch": "executive", "legal_type": "ministry",
          "inside_executive": True}
SQL = "SELECT number, document FROM decision ORDER BY number"


def console(kind, record, event, data):
    return decision(kind, record, event, "console", "console",
                    registry_today(), data, actor="console")


def secretariat(kind, record, data):
    return decision(kind, record, "register", "secretariat", WG,
                    registry_today(), data, actor="office")


def decisions(count):
    """One after the other, and a batch; each changes the image or may."""
    yield [console("body", WG, "register", {"name_fa": "نهاد"})]
    yield [console("appointment", "office", "appoint",
                   {"person": "office", "role": "secretariat", "of": WG})]
    for i in range(count):
        agency = "ministry-%d" % i
        several = [secretariat("agency", agency, AGENCY)]
        if i % 2 == 1:
            several.append(secretariat(
                "system", "system-%d" % i,
                {"name_fa": "سامانه", "agency": agency, "kind": "connector"}))
        yield several


class Run:
    """A registry under the recorder, killed once, ended well once."""

    def __init__(self, home, count):
        self.state = os.path.join(home, "state")
        os.mkdir(self.state)
        for name in ("image", "log"):
            os.mkdir(os.path.join(self.state, name))
        make_signer(Path(self.state) / "signer")
        self.recording = Recording(self.state)
        registry = Registry(home, state=self.state, env=self.recording.env())
        self.told = []  # (position, number of the last one, what was sent)
        for i, several in enumerate(decisions(count)):
            for j, one in enumerate(several):
                one["key"] = "key-%d-%d" % (i, j)
            answer = registry.must(*several)
            self.told.append((self.recording.position(), answer["last"],
                              several))
            if i == count // 2:
                self.recording.kill(registry.process)
                registry.kill()
                registry.start()
        registry.stop()
        self.documents = rows(self.state)


def rows(state):
    """[(number, document)] as SQLite finds them after the crash."""
    link = sqlite3.connect(os.path.join(state, "registry.db"))
    try:
        if link.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise AssertionError("the database is damaged")
        tables = link.execute("SELECT count(*) FROM sqlite_master WHERE "
                              "name = 'decision'").fetchone()[0]
        return link.execute(SQL).fetchall() if tables else []
    finally:
        link.close()


class RegistryJudge:
    def __init__(self, home, run):
        self.home, self.run = home, run
        self.left = []    # (position, size) of each head that was signed
        self.roots = [tlog.sha()]  # of so many documents
        leaves = []
        for _, document in run.documents:
            leaves.append(tlog.leaf_hash(document.encode()))
            self.roots.append(tlog.root(leaves))
        self.images = self.starts = 0

    def watch(self, event):
        if event.kind == SENT and DASH in event.data:
            for size in self.heads(event.data.decode("utf-8", "replace")):
                self.left.append((event.at, size))

    def heads(self, text):
        """Sizes of the notes in it; each of the one tree."""
        sizes = []
        for note in text.split(ORIGIN + "\n")[1:]:
            size, root = note.split("\n")[:2]
            assert base64.b64decode(root) == self.roots[int(size)]
            sizes.append(int(size))
        return sizes

    def judge_signed(self, state, point, count):
        """The signer knows what it gave away, and it is in the database."""
        with open(os.path.join(state, "signer", "signed"),
                  encoding="utf-8") as file:
            sizes = self.heads(file.read())
        assert sizes, "what was signed is an empty file"
        signed = max(sizes)
        assert signed <= count, "signed, and not in the database"
        assert signed >= max([size for at, size in self.left if
                              at < point.at], default=0), "it forgot"

    def judge(self, point, image, start=False):
        self.images += 1
        state = os.path.join(self.home, "image")
        image.write(state)
        for name in ("image", "log"):
            os.makedirs(os.path.join(state, name), exist_ok=True)
        told = [one for one in self.run.told if one[0] <= point.at]
        if start:
            self.starts += 1
            self.go_on(state, told)
            return
        found = rows(state)
        assert found == self.run.documents[:len(found)], "other decisions"
        assert len(found) >= (told[-1][1] if told else 0), "one is lost"
        self.judge_signed(state, point, len(found))

    def go_on(self, state, told):
        """The three agree, with what was told and with each other."""
        where = os.path.join(self.home, "again-%d" % self.starts)
        os.mkdir(where)
        registry = Registry(where, state=state)
        try:
            self.agree(registry, state, told)
            last = registry.get("status")["last"]
            if told:  # the same again changes nothing
                again = registry.must(*told[-1][2])
                assert again["last"] == told[-1][1]
                assert again["repeated"] == len(told[-1][2])
            more = console("body", "another", "register", {"name_fa": "نهاد"})
            assert registry.must(more)["last"] == last + 1
            registry.kill()
            registry.start()
            self.agree(registry, state, told, more=1)
            registry.stop()
        finally:
            registry.kill()

    def agree(self, registry, state, told, more=0):
        status = registry.get("status")
        found = rows(state)
        known = found[:len(found) - more]
        assert known == self.run.documents[:len(known)], "other decisions"
        assert len(known) >= (told[-1][1] if told else 0), "one is lost"
        leaves = [tlog.leaf_hash(row[1].encode()) for row in found]
        assert (status["last"], status["image"], status["log"]["size"]) == (
            len(found),) * 3, "they do not agree"
        assert status["log"]["root"] == tlog.root(leaves).hex()
        text = tlog.checkpoint_text(ORIGIN, leaves)
        path = os.path.join(state, "log", "checkpoint")

        def head():
            with open(path, encoding="utf-8") as file:
                return file.read().split("\n\n")

        if leaves:
            wait_for("the head of all", lambda: os.path.exists(path) and
                     head()[0] + "\n" == text)
            tlog.check_line(registry.vkey, text, head()[1].rstrip("\n"))


def makes_the_image(event):
    """The moment when there is a policy image for the first time."""
    event = event and (event.of or event)
    return event is not None and event.kind == RENAME and \
        event.path2 == "data.mdb"


def judged(home, count, share, step, samples, events=lambda replay: None):
    """A share of the points; of their images every step-th is started on."""
    run = Run(home, count)
    replay = run.recording.replay()
    events(replay)
    judge = RegistryJudge(home, run)
    replay.on_event = judge.watch
    rng = random.Random(SEED)
    for point, image in replay.images(
            rng, samples, [at for at, _, _ in run.told],
            lambda event: makes_the_image(event) or rng.random() < share):
        judge.judge(point, image, start=step and (
            judge.images % step == 0 or makes_the_image(point.event)))
    print("%d decisions, %d images, %d starts" % (
        len(run.documents), judge.images, judge.starts))
    return replay, judge


def test_the_registry_survives_power_loss_at_every_write(home):
    replay, judge = judged(home, 25 if LONG else 4, 1 if LONG else 0.06,
                           20 if LONG else 100, 4 if LONG else 1)
    assert judge.images > 100 and judge.starts > 2 and judge.left
    replay.same_as_disk(but=("lock.mdb", "registry.db-shm"))


def test_an_image_that_is_none_is_refused_with_a_way_out(tmp_path):
    registry = Registry(tmp_path)
    registry.must(console("body", WG, "register", {"name_fa": "نهاد"}))
    registry.stop()
    path = registry.image / "data.mdb"
    path.write_bytes(bytes(8192))
    with pytest.raises(AssertionError, match="move its files away"):
        registry.start()
    path.unlink()
    registry.start()
    assert registry.get("status")["image"] == 1
    registry.stop()


def test_the_judge_sees_a_registry_that_does_not_sync(home):
    """The control: all fsyncs are taken out of the record."""
    def without(replay):
        replay.events = [e for e in replay.events
                         if (e.of or e).kind != FSYNC]

    with pytest.raises((AssertionError, sqlite3.DatabaseError)):
        judged(home, 4, 0.3, 0, 1, without)
