"""Power loss, replayed from a recorded run; kill -9 is not power loss.

Each test runs real programs under the recorder (tests/fault/record.c), notes
what clients were told and when, and then goes through the crash points: what
the disk may hold there (powerloss.py) is written out, the programs recover on
it, and nothing that anybody was told may be gone.
"""

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
import time

import pytest

from harness import (IBAN, LONG, SANITIZE, Exchange, built, program_env,
                     wait_for)
from journal_client import Traced, Worker, canonical, completions, request
from journal_reader import Damaged, crc32c, read_commit, read_journal, walk
from log_client import ORIGIN, LogTraced, parse, prefix_roots
from powerloss import (FSYNC, OPEN, RENAME, SENT, SYNC, UNLINK, WRITE,
                       Recording)
from test_keeper import LINE, PACK_LEAVES, Keeper

pytestmark = pytest.mark.skipif(
    SANITIZE, reason="the same programs as in the other build, only slower")

DASH = "\u2014 ".encode()
SEED = int(os.environ.get("PAYVAND_SEED", "1405"))


class Listener(Worker):
    """A worker that keeps, with each acknowledgement, when it had come."""

    def __init__(self, recording, path):
        super().__init__(path)
        self.recording = recording
        self.known = {}  # sequence -> position in the log

    def receive(self):
        kind = super().receive()
        now = self.recording.position()
        for sequence in self.acked:
            self.known.setdefault(sequence, now)
        return kind


def run_of_a_journal(home, frames, restarts=1):
    """traced under the recorder: frames of 2 workers, marks, new segments,
    kill -9 and recovery, a clean end. Gives the recording and the workers."""
    traced = Traced(home, "--segment-size", "262144")
    recording = Recording(traced.journal)
    traced.env = recording.env()
    workers = []
    for run in range(restarts + 1):
        traced.start()
        both = [Listener(recording, traced.socket) for _ in range(2)]
        workers += both
        for worker in both:
            worker.hello()
        for i in range(frames):
            worker = both[i % 2]
            index = worker.wait(worker.send(
                [request() for _ in range(1 + 40 * (i % 3))]))
            if i % 5 == 4:
                worker.send([completions([(index, "answered")])])
                both[1 - i % 2].send([request()])
                for each in both:
                    each.drain()
        if run == 0:
            time.sleep(1.3)  # the mark of an idle writer
        if run < restarts:
            recording.kill(traced.process)
        else:
            assert traced.stop() == 0
        for worker in both:
            worker.close()
    return recording, workers


class JournalJudge:
    """Recovers images of a journal, each only once, and asks of them what
    clients had been told."""

    def __init__(self, home, workers):
        self.home = home
        self.workers = workers
        self.sent = {(w.epoch, s): records for w in workers
                     for s, records in w.records.items()}
        self.known = sorted((at, w.epoch, s) for w in workers
                            for s, at in w.known.items())
        self.found = {}  # digest -> keys of its frames
        self.images = self.starts = 0

    def told(self, at):
        return [(epoch, s) for when, epoch, s in self.known if when <= at]

    def look(self, image, start=False):
        """The frames that the journal of the image holds, each as it was
        sent: their (epoch, sequence)."""
        if image.digest in self.found and not start:
            return self.found[image.digest]
        self.images += 1
        folder = os.path.join(self.home, "image")
        image.write(os.path.join(folder, "journal"))
        traced = Traced(folder, "--segment-size", "262144")
        code, words = traced.check()
        assert code == 0 or not os.listdir(traced.journal), words
        before = self.frames(traced.journal)
        for key, records in before.items():
            if key[0] != 0:  # traced's own
                assert self.sent[key] == records, "what was never sent"
        if start:
            self.starts += 1
            self.go_on(traced, before)
        self.found[image.digest] = frozenset(before)
        return self.found[image.digest]

    @staticmethod
    def frames(folder):
        """By the independent reader. Check sums of all commits but the last
        were payvand-traced --check's work: here they would take too long."""
        commits = list(walk(folder, check=False))
        if commits:
            head, commit, _ = commits[-1]
            with open(os.path.join(folder, head["name"]), "rb") as file:
                data = file.read()
            if read_commit(data, commit["at"], head["align"]) is None:
                commits.pop()  # torn
        frames, index = {}, 0
        for _, commit, found in commits:
            assert commit["index"] == index
            for epoch, sequence, lines in found:
                frames[epoch, sequence] = [json.loads(line) for line in lines]
                index += len(lines)
        return frames

    def go_on(self, traced, before):
        """A start on the image works, and changes nothing of it."""
        traced.start()
        worker = Worker(traced.socket)
        worker.hello()
        index = worker.wait(worker.send([request()]))
        assert index >= sum(len(r) for r in before.values())
        assert traced.stop() == 0
        worker.close()
        after = self.frames(traced.journal)
        assert after.pop((worker.epoch, 1)) == worker.records[1]
        # of traced's own there may be more: it says which workers are lost
        assert {key: after[key] for key in after if key[0] != 0} == \
            {key: before[key] for key in before if key[0] != 0}
        assert traced.check()[0] == 0

    def judge(self, point, image, start=False):
        frames = self.look(image, start)
        for key in self.told(point.at):
            assert key in frames, "an acknowledged frame is lost"


def test_the_recorder_misses_nothing(home):
    recording, _ = run_of_a_journal(home, 6)
    replay = recording.replay()
    replay.run()
    replay.same_as_disk()


CHANGING = """
import os, time
folder = os.open(".", os.O_RDONLY)
while True:
    time.sleep(0.001)
    with open("new.tmp", "w") as file:
        file.write(str(os.getpid()))
    os.rename("new.tmp", "new")
    os.fsync(folder)
"""


def test_a_kill_leaves_no_call_half_done(home):
    """So that what the next program makes durable is durable here too."""
    site = os.path.join(home, "site")
    os.mkdir(site)
    new = os.path.join(site, "new")
    recording = Recording(site)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", CHANGING], cwd=site,
            env=dict(os.environ, **recording.env()))
        wait_for("its file", lambda: os.path.exists(new) and
                 open(new).read() == str(process.pid), step=0.001)
        recording.kill(process)
        assert recording.under_way([process.pid]) == []
    subprocess.run(
        [sys.executable, "-c", "import os; os.fsync(os.open('.', 0))"],
        cwd=site, env=dict(os.environ, **recording.env()), check=True)
    replay = recording.replay()
    replay.run()
    replay.same_as_disk()
    assert new in replay.durable and not replay.naming


def test_the_judge_sees_an_acknowledgement_before_its_fdatasync(home):
    """The control: with every fsync taken out of the record, some image loses
    an acknowledged frame."""
    recording, workers = run_of_a_journal(home, 6, restarts=0)
    replay = recording.replay()
    replay.events = [e for e in replay.events
                     if (e.of or e).kind not in (FSYNC, SYNC)]
    judge = JournalJudge(home, workers)
    lost = 0
    for point in replay.points():
        for image in point.images(random.Random(SEED), samples=1):
            try:
                judge.judge(point, image)
            except AssertionError:
                lost += 1
    assert lost > 0


def test_a_journal_survives_power_loss_at_every_write(home):
    rng = random.Random(SEED)
    recording, workers = run_of_a_journal(home, 60 if LONG else 16)
    replay = recording.replay()
    judge = JournalJudge(home, workers)
    points = 0
    for point in replay.points():
        points += 1
        for image in point.images(rng, samples=20 if LONG else 3):
            judge.judge(point, image,
                        start=rng.random() < (0.05 if LONG else 0.015))
    print("%d points, %d images, %d starts" % (points, judge.images,
                                               judge.starts))
    assert judge.images > 50 and judge.starts > 1
    replay.same_as_disk()


# ---- the log -------------------------------------------------------------

class LogJudge(JournalJudge):
    """Beside the journal: whatever checkpoint anybody could have seen, the
    signer knows of it, the journal has its leaves, and the log goes on."""

    def __init__(self, home, workers, replay):
        super().__init__(home, workers)
        self.replay = replay
        self.more = ()       # arguments of the traced that goes on
        self.left = []       # (position, size, root) of each note that left
        self.judged = set()  # digest and how much had left

    def watch(self, event):
        """Notes: out of a process by a message, or under a name."""
        if event.kind == SENT and DASH in event.data:
            at = event.data.index(ORIGIN.encode() + b"\n")
            self._left(event.at, event.data[at:])
        elif event.kind == RENAME and event.path2 == "checkpoint":
            path = self.replay._path(event, event.fd, event.path)
            self._left(event.at, bytes(self.replay.seen[path].content({})))

    def _left(self, at, data):
        """One note, or the two of `signed`."""
        for note in data.split(ORIGIN.encode() + b"\n")[1:]:
            size, root = note.split(b"\n")[:2]
            self.left.append((at, int(size), base64.b64decode(root)))

    def judge(self, point, image, start=False):
        left = {(size, root) for at, size, root in self.left if at < point.at}
        told = self.told(point.at)
        key = image.digest, len(left), len(told)
        if key in self.judged and not start:
            return
        self.judged.add(key)
        self.images += 1
        folder = os.path.join(self.home, "image")
        image.write(folder)
        frames = self.frames(os.path.join(folder, "journal"))
        for acked in told:
            assert acked in frames, "an acknowledged frame is lost"
        entries = [canonical(record).encode() for records in frames.values()
                   for record in records]
        signed = self.notes(os.path.join(folder, "signer", "signed"))
        assert signed, "the signer forgot all that it signed"
        largest = max(size for size, _ in signed)
        for size, root in left | signed:
            assert size <= largest, "the signer forgot what it signed"
            assert size <= len(entries), "signed leaves are lost"
        roots = prefix_roots(entries, [size for size, _ in left | signed])
        for size, root in left | signed:
            assert roots[size] == root, "another tree"
        self.judge_published(folder, signed, roots)
        if start:
            self.starts += 1
            self.go_on_with_the_log(folder, entries, left | signed)

    def judge_published(self, folder, signed, roots):
        published = os.path.join(folder, "log", "checkpoint")
        if os.path.exists(published):
            assert self.notes(published) <= signed, \
                "published and signed are too far apart"

    @staticmethod
    def notes(path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        return {parse(ORIGIN + "\n" + note)[:2]
                for note in text.split(ORIGIN + "\n")[1:]}

    def go_on_with_the_log(self, folder, entries, seen):
        traced = LogTraced(folder, "--segment-size", "262144", *self.more)
        traced.start()
        worker = Worker(traced.socket)
        worker.hello()
        index = worker.wait(worker.send([request()]))
        assert index >= len(entries)  # behind them words of lost workers
        size, root, _ = traced.wait_size(index + 1)
        worker.close()
        assert traced.stop() == 0
        after = [canonical(row[3]).encode()
                 for row in read_journal(traced.journal, check=False)]
        assert after[:len(entries)] == entries
        roots = prefix_roots(after, [size, *(s for s, _ in seen)])
        for old_size, old_root in seen | {(size, root)}:
            assert roots[old_size] == old_root, "not the tree that was seen"
        return traced


def run_of_a_log(home, frames):
    """traced with log and signer under the recorder; all of it is killed once
    and goes on."""
    site = os.path.join(home, "site")
    traced = LogTraced(site, "--segment-size", "262144")
    traced.log = os.path.join(home, "traced.log")
    traced.socket = os.path.join(home, "journal.sock")
    recording = Recording(site)
    traced.env = recording.env()
    workers = []
    for run in range(2):
        traced.start()
        worker = Listener(recording, traced.socket)
        workers.append(worker)
        worker.hello()
        for i in range(frames):
            worker.wait(worker.send([request() for _ in range(1 + 20 * (i % 3))]))
            if i % 4 == 3:
                traced.wait_size(sum(
                    len(w.records[s]) for w in workers for s in w.acked))
        if run == 0:
            recording.kill(traced.process)
        else:
            assert traced.stop() == 0
        worker.close()
    return recording, workers


def test_the_log_survives_power_loss_at_every_write(home):
    rng = random.Random(SEED)
    recording, workers = run_of_a_log(home, 40 if LONG else 8)
    replay = recording.replay()
    judge = LogJudge(home, workers, replay)
    replay.on_event = judge.watch
    for point in replay.points():
        for image in point.images(rng, samples=12 if LONG else 1):
            judge.judge(point, image,
                        start=rng.random() < (0.05 if LONG else 0.005))
    print("%d images, %d starts, %d notes" % (judge.images, judge.starts,
                                              len(judge.left)))
    assert judge.images > 100 and judge.starts > 3 and len(judge.left) > 4
    replay.same_as_disk()


@pytest.mark.parametrize("file, word", [
    ("signed.tmp", "the signer forgot"), ("spare.tmp", "not a segment")],
    ids=["the signer", "the journal"])
def test_the_judge_of_the_log_sees_a_process_that_does_not_sync(home, file,
                                                                word):
    """The control: the fsyncs of one process are taken out of the record."""
    recording, workers = run_of_a_log(home, 4)
    replay = recording.replay()
    pids = {e.pid for e in replay.events if e.kind == OPEN and e.path == file}
    assert pids
    replay.events = [e for e in replay.events if e.pid not in pids or
                     (e.of or e).kind != FSYNC]
    judge = LogJudge(home, workers, replay)
    replay.on_event = judge.watch
    found = set()
    for point in replay.points():
        for image in point.images(random.Random(SEED), samples=1):
            try:
                judge.judge(point, image)
            except (AssertionError, Damaged, FileNotFoundError) as error:
                found.add(str(error))
        if any(word in text for text in found):
            break
    assert any(word in text for text in found), found


# ---- packs ---------------------------------------------------------------

class PackJudge:
    """A pack that is named is there and whole; what the keeper has told, and
    the journal may have removed, is named."""

    def __init__(self, home, source, told):
        self.home, self.source, self.told = home, source, told
        self.judged = {}  # digest -> names
        self.starts = 0

    def names(self, folder):
        path = os.path.join(folder, "packs")
        data = b""
        if os.path.exists(path):
            with open(path, "rb") as file:
                data = file.read()
        names = []
        for at in range(0, len(data), LINE):
            line = data[at:at + LINE]
            if len(line) < LINE or line[-9:-1] != b"%08x" % crc32c(line[:121]):
                assert at + LINE >= len(data), "a line before the last is torn"
                break
            names.append(line[11:75].decode())
        for name in names:
            with open(os.path.join(folder, "pack", name + ".pvp"),
                      "rb") as file:
                assert hashlib.sha256(file.read()).hexdigest() == name
        return names

    def judge(self, point, image, start=False):
        if image.digest not in self.judged:
            folder = os.path.join(self.home, "image")
            image.write(folder)
            self.judged[image.digest] = self.names(folder)
        names = self.judged[image.digest]
        told = max([n for at, n in self.told if at <= point.at], default=0)
        assert len(names) >= told, "a pack is lost that was told of"
        if start:
            self.go_on(image, names)

    def go_on(self, image, names):
        self.starts += 1
        folder = os.path.join(self.home, "again-%d" % self.starts)
        os.mkdir(folder)
        one = Keeper(self.source, folder, 2 * PACK_LEAVES)
        image.write(one.log)
        one.start()
        one.wait(2)
        one.kill()
        os.close(one.page)
        assert one.check()[:len(names)] == names and len(one.packs()) == 2


def test_packs_survive_power_loss_at_every_write(home, source):
    rng = random.Random(SEED)
    one = Keeper(source, home, 2 * PACK_LEAVES)
    recording = Recording(one.log)
    one.env = recording.env()
    told = []
    for run in range(2):
        one.start()
        while run > 0 or not told:
            packed = one.get("packed_index") // PACK_LEAVES
            if packed > (told[-1][1] if told else 0):
                told.append((recording.position(), packed))
            if packed == 2:
                break
            assert one.process.poll() is None, one.said()
            time.sleep(0.002)
        recording.kill(one.process)
        one.set("packed_index", 0)
    os.close(one.page)
    replay = recording.replay()
    judge = PackJudge(home, source, told)

    def every(event):
        """Of the hundreds of frames in a pack some are enough."""
        return LONG or (event.of or event).kind != WRITE or \
            rng.random() < 0.02

    for point in replay.points(every):
        for image in point.images(rng, samples=6 if LONG else 1):
            judge.judge(point, image, start=rng.random() < 0.01)
    print("%d images, %d starts" % (len(judge.judged), judge.starts))
    assert told[-1][1] == 2 and len(judge.judged) > 20
    replay.same_as_disk()


class RemovalJudge(LogJudge):
    """The whole: after a start and an end the log is whole to the byte, though
    segments were removed, and goes on from every checkpoint that was seen."""

    def judge(self, point, image, start=True):
        self.images += 1
        folder = os.path.join(self.home, "image")
        image.write(folder)
        traced = LogTraced(folder, *REMOVAL)
        traced.start()
        told = sum(len(w.records[s]) for w in self.workers
                   for s, at in w.known.items() if at <= point.at)
        size = traced.wait_size(told)[0]
        wait_for("the packs", lambda: self.packs(traced) >= size // PACK_LEAVES,
                 step=0.1)
        assert traced.stop() == 0, traced.words()
        done = subprocess.run(
            [built("payvand"), "verify", "log", traced.tree, "--journal",
             traced.journal, "--log-key", traced.vkey], capture_output=True,
            text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        with open(traced.path("tree/0"), "rb") as file:
            hashes = file.read()
        seen = {(size, root) for at, size, root in self.left if at < point.at}
        roots = prefix_roots([hashes[i:i + 32]
                              for i in range(0, len(hashes), 32)],
                             [size for size, _ in seen], lambda h: h)
        for size, root in seen:
            assert roots[size] == root, "not the tree that was seen"


    @staticmethod
    def packs(traced):
        path = traced.path("packs")
        return os.path.getsize(path) // LINE if os.path.exists(path) else 0


REMOVAL = ("--segment-size", "4194304")
REMOVAL_IMAGES = 60


@pytest.mark.long
def test_removal_of_packed_segments_survives_power_loss(home):
    rng = random.Random(SEED)
    site = os.path.join(home, "site")
    traced = LogTraced(site, *REMOVAL)
    traced.log = os.path.join(home, "traced.log")
    traced.socket = os.path.join(home, "journal.sock")
    recording = Recording(site, 512 << 20)
    traced.env = recording.env()
    traced.start()
    worker = Listener(recording, traced.socket)
    worker.hello()
    for _ in range(2 * PACK_LEAVES // 150 + 10):
        worker.send([request() for _ in range(150)])
        if len(worker.unacked) > 8:
            worker.receive()
    worker.drain()
    oldest = os.path.join(traced.journal, "0000000001.pvj")
    wait_for("the oldest segment to be removed",
             lambda: not os.path.exists(oldest), step=0.1)
    assert traced.stop() == 0
    replay = recording.replay()
    judge = RemovalJudge(home, [worker], replay)
    replay.on_event = judge.watch
    removed = []

    def every(event):
        """Around each removal; of the rest one in a hundred."""
        begun = event.of or event
        if begun.kind == UNLINK and begun.path.endswith(".pvj"):
            removed.append(begun.path)
            return True
        return rng.random() < (0.05 if removed else 0.01)

    for point in replay.points(every):
        images = list(point.images(rng, samples=1))
        if judge.images < REMOVAL_IMAGES:  # each takes some seconds
            judge.judge(point, rng.choice(images))
    print("%d images, %d removals" % (judge.images, len(removed)))
    assert removed and judge.images > 20
    replay.same_as_disk()


# ---- the policy image ----------------------------------------------------

class Recorded(Exchange):
    """Its changes of the image run under a recorder."""

    recording = None

    def overlay(self, path, **more):
        if self.recording is not None:
            more["env"] = self.recording.env()
        return super().overlay(path, **more)


class ImageJudge:
    """What an image says must be one of the states that were reported, or the
    one that was being written; never less than the last reported."""

    def __init__(self, exchange, home, states):
        self.exchange, self.home, self.states = exchange, home, states
        self.said = {}  # digest -> what the image says; None: it refuses
        self.starts = 0

    def words(self, folder):
        said = []
        for what in ("grant", "service"):
            done = self.exchange.payvand("image", what, "list", "--image",
                                         folder, "--json", check=False)
            if done.returncode != 0:
                return None
            said.append(done.stdout)
        return tuple(said)

    def judge(self, point, image, start=False):
        folder = os.path.join(self.home, "policy-image")
        told = [i for i, (at, _) in enumerate(self.states) if at <= point.at]
        if start or image.digest not in self.said:
            image.write(folder)
            said = self.words(folder)
            if start:
                self.starts += 1
                subprocess.run([built("payvand-overlay"), folder,
                                self.exchange.path("rows.json")],
                               env=program_env(), check=True)
                assert self.words(folder) == self.states[-1][1], \
                    "the next change does not mend it"
            self.said[image.digest] = said
        said = self.said[image.digest]
        least = told[-1]
        allowed = [words for _, words in self.states[least:least + 2]]
        assert said in allowed, "after change %d of %d" % (
            least, len(self.states))


def test_the_policy_image_survives_power_loss_at_every_write(home, pki):
    exchange = Recorded(os.path.join(home, "x"), pki)
    rng = random.Random(SEED)
    policy = exchange.path("policy")
    last = {"methods": [{"path": IBAN, "deadline_ms": 950}]}
    with open(exchange.path("rows.json"), "w") as file:
        json.dump(last, file)
    exchange.import_policy()
    recording = Recording(policy)
    judge = ImageJudge(exchange, home, [])
    judge.states.append((recording.position(), judge.words(policy)))
    exchange.recording = recording
    try:
        for rows in [{"methods": [{"path": IBAN, "deadline_ms": ms}]}
                     for ms in (700, 800, 900)] + [last]:
            exchange.set(**rows)
            at = recording.position()
            judge.states.append((at, judge.words(policy)))
    finally:
        exchange.kill_everything()
    exchange.recording = None
    said = [words for _, words in judge.states]
    assert None not in said and len(set(said)) >= 4
    replay = recording.replay()
    for point in replay.points():
        for image in point.images(rng, samples=20 if LONG else 2):
            judge.judge(point, image, start=rng.random() < 0.02)
    print("%d images, %d next changes" % (len(judge.said), judge.starts))
    assert len(judge.said) > 10
    replay.same_as_disk(but=("lock.mdb",))
