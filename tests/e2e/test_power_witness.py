"""Power loss under a witness, and under a log whose checkpoints are cosigned;
as in test_power.py, whose judge of a log is asked here too."""

import hashlib
import os
import random
import signal
import struct
import subprocess

import pytest

import log_client
import tlog
from harness import LONG, SANITIZE, built, wait_for
from journal_client import request
from log_client import LogTraced
from powerloss import FSYNC, RENAME, SENT, Recording
from test_courier import ASK, MAGIC
from test_power import DASH, SEED, Listener, LogJudge
from test_witness import ORIGIN, Log, Witness

pytestmark = pytest.mark.skipif(
    SANITIZE, reason="the same programs as in the other build, only slower")

ORIGIN_LINE = log_client.ORIGIN.encode() + b"\n"
ASK_HEAD = struct.pack("<IHH", MAGIC, ASK, 0)
SEEN = os.path.join("seen", hashlib.sha256(ORIGIN.encode()).hexdigest())


# ---- the witness ---------------------------------------------------------

def run_of_a_witness(home, log, turns):
    """It cosigns, is killed, goes on, meets a fork; gives the recording and
    {its line: size} of all that it answered."""
    folder = os.path.join(home, "w")
    os.mkdir(folder)
    witness = Witness(folder, errors=os.path.join(home, "stderr"))
    witness.know(log.key.vkey)
    recording = Recording(folder)
    witness.env = recording.env()
    pick, lines, size = random.Random(SEED), {}, 0
    for turn in range(turns):
        witness.start()
        for _ in range(3):
            new = min(size + pick.randrange(0, 30), 399)
            status, _, line = witness.post(log.request(size, new))
            assert status == 200, line
            size, lines[line] = new, new
        if turn % 2 == 1:
            fork = Log()
            fork.leaves[0] = tlog.leaf_hash(b"something else")
            assert witness.post(fork.request(size, size + 1))[0] == 422
        if turn + 1 < turns:
            recording.kill(witness.process)
            witness.stop()
    assert witness.stop() == 0
    witness.errors.close()
    return recording, witness, lines


class WitnessJudge:
    """What it has seen is never less than what it has said, and it starts."""

    def __init__(self, home, log, vkey, lines):
        self.home, self.log, self.vkey, self.lines = home, log, vkey, lines
        self.said = []      # (position, size) of each line that left
        self.judged = set()
        self.starts = 0

    def watch(self, event):
        if event.kind == SENT and DASH in event.data:
            line = event.data[event.data.index(DASH):].decode()
            self.said.append((event.at, self.lines[line]))

    def seen(self, folder):
        path = os.path.join(folder, SEEN)
        if not os.path.exists(path):
            return 0
        with open(path, encoding="utf-8") as file:
            text, lines = file.read().split("\n\n")
        size = int(text.split("\n")[1])
        assert text + "\n" == self.log.text(size), "another tree"
        assert tlog.check_line(self.vkey, text + "\n",
                               lines.strip().split("\n")[-1]) > 0
        return size

    def judge(self, point, image, start=False):
        said = max([size for at, size in self.said if at < point.at],
                   default=0)
        if (image.digest, said) in self.judged and not start:
            return
        self.judged.add((image.digest, said))
        folder = os.path.join(self.home, "image")
        image.write(folder)
        seen = self.seen(folder)
        assert seen >= said, "it forgot what it had cosigned"
        if start:
            self.starts += 1
            self.go_on(folder, seen)

    def go_on(self, folder, seen):
        witness = Witness(folder)
        witness.start()
        try:
            status, _, body = witness.post(self.log.request(399, 399, []))
            if seen < 399:
                assert (status, body) == (409, "%d\n" % seen)
            if seen > 1:
                assert witness.post(self.log.request(0, seen - 1))[0] == 409
                fork = Log()
                fork.leaves[0] = tlog.leaf_hash(b"something else")
                assert witness.post(fork.request(seen, 399))[0] == 422
            assert witness.post(self.log.request(seen, 399))[0] == 200
        finally:
            assert witness.stop() == 0
            witness.errors.close()


def judged_witness(home, events=lambda replay: None, starts=0.0, samples=2):
    log = Log()
    recording, witness, lines = run_of_a_witness(home, log, 12 if LONG else 4)
    replay = recording.replay()
    events(replay)
    judge = WitnessJudge(home, log, witness.vkey, lines)
    replay.on_event = judge.watch
    rng = random.Random(SEED)
    for point in replay.points():
        for image in point.images(rng, samples=samples):
            judge.judge(point, image, start=rng.random() < starts)
    return replay, judge


def test_a_witness_survives_power_loss_at_every_write(home):
    replay, judge = judged_witness(home, starts=0.2 if LONG else 0.02,
                                   samples=20 if LONG else 2)
    print("%d images, %d starts, %d cosignatures" % (
        len(judge.judged), judge.starts, len(judge.said)))
    assert len(judge.judged) > 50 and judge.starts > 3 and judge.said
    replay.same_as_disk()


def test_the_judge_sees_a_witness_that_does_not_sync(home):
    """The control: all fsyncs are taken out of the record."""
    def without(replay):
        replay.events = [e for e in replay.events
                         if (e.of or e).kind != FSYNC]

    with pytest.raises((AssertionError, ValueError, IndexError)):
        judged_witness(home, without)


def test_power_loss_while_a_log_is_added_takes_nothing_away(home):
    """Each log that was told to be added is known, what was seen of another
    stays, and the same command again ends what was begun."""
    first, second = Log(), Log("ix-2.trace", b"3" * 32)
    folder = os.path.join(home, "w")
    os.mkdir(folder)
    witness = Witness(folder, errors=os.path.join(home, "stderr"))
    recording = Recording(folder)
    witness.env = recording.env()
    witness.know(first.key.vkey)
    known = recording.position()
    witness.start()
    assert witness.post(first.request(0, 9))[0] == 200
    seen = recording.position()
    assert witness.stop() == 0
    witness.know(second.key.vkey)
    told = recording.position()
    witness.errors.close()
    ends = []
    for point, image in recording.replay().images(
            random.Random(SEED), 40 if LONG else 2, (known, seen, told)):
        where = os.path.join(home, "image")
        image.write(where)
        one = Witness(where)
        for log, at in ((first, known), (second, told)):
            done = one.add(log.key.vkey)
            ends.append(done.returncode)
            if done.returncode == 0:
                assert point.at < at, "it was told to be known"
            else:
                assert "is known already" in done.stderr, done.stderr
        if LONG or len(ends) % 5 == 0:
            one.start()
            status, _, body = one.post(first.request(399, 399, []))
            assert status == 409 and (body == "9\n" or point.at < seen)
            assert one.post(second.request(0, 3))[0] == 200
            assert one.stop() == 0
        one.errors.close()
    assert 0 in ends and 1 in ends and len(ends) > 30


# ---- making a key --------------------------------------------------------

def points_of(recording, rng, samples):
    """Each image once, at the last moment when the disk may hold it."""
    replay = recording.replay()
    found = {}
    for point in replay.points():
        for image in point.images(rng, samples=samples):
            found[image.digest] = point, image.copy()
    yield from found.values()


@pytest.mark.parametrize("make, finished, words", [
    (["payvand", "witness", "--init", "w.example", "--dir"],
     ["vkey", "logs"], "an --init did not end"),
    (["payvand-traced", "--init-key", "--origin", "w.example", "--signer"],
     ["vkey", "signed"], "an --init-key did not end"),
], ids=["of a witness", "of a log"])
def test_power_loss_while_a_key_is_made_leaves_a_way_on(home, make, finished,
                                                        words):
    """The key is there as it was told, or a new one can be made: at once, or
    when what the words say was done."""
    folder = os.path.join(home, "k")
    os.mkdir(folder)
    recording = Recording(folder)
    command = [built(make[0])] + make[1:]

    def run(where, **more):
        return subprocess.run(command + [where], capture_output=True,
                              text=True, **more)

    done = run(folder, env=dict(os.environ, **recording.env()))
    assert done.returncode == 0, done.stderr
    vkey, told = done.stdout, recording.position()
    ends = []
    for point, image in recording.replay().images(
            random.Random(SEED), 100 if LONG else 10, (told,)):
        where = os.path.join(home, "image")
        image.write(where)
        names = set(os.listdir(where))
        done = run(where)
        if done.returncode == 0:
            assert point.at < told and done.stdout != vkey
            ends.append("made")
        elif set(finished) <= names:
            with open(os.path.join(where, "vkey")) as file:
                assert file.read() == vkey
            assert os.path.getsize(os.path.join(where, "key")) == 32
            ends.append("there")
        else:
            assert point.at < told, "a key that was told of is lost"
            assert words in done.stderr, done.stderr
            for name in os.listdir(where):
                os.unlink(os.path.join(where, name))
            assert run(where).returncode == 0
            ends.append("half")
    print({end: ends.count(end) for end in set(ends)})
    assert set(ends) == {"made", "there", "half"}


# ---- a log with witnesses ------------------------------------------------

class CosignedJudge(LogJudge):
    """A checkpoint is the last that was signed, or cosigned; and with a
    witness that has seen all that was carried to one, the log goes on."""

    def __init__(self, home, workers, replay, run):
        super().__init__(home, workers, replay)
        self.vkey = run.vkey    # of the witness
        self.alone = run.alone  # from where to where there was none
        self.by_itself = set()  # (size, root) last published without one
        self.carried = []       # (position, size, note) given to the courier
        self.cosigned = {}      # note -> it is

    def watch(self, event):
        if event.kind == SENT and ORIGIN_LINE not in event.data:
            return
        super().watch(event)
        if event.kind == SENT and event.data.startswith(ASK_HEAD):
            size, = struct.unpack_from("<Q", event.data, 8)
            self.carried.append((event.at, size, event.data[16:].decode()))
        if event.kind == RENAME and event.path2 == "checkpoint":
            path = self.replay._path(event, event.fd, event.path)
            note = bytes(self.replay.seen[path].content({})).decode()
            if self.alone[0] < event.at < self.alone[1]:
                self.by_itself = {self.left[-1][1:]}
            else:
                assert self.is_cosigned(note), "not cosigned"

    def judge(self, point, image, start=False):
        self.at = point.at
        super().judge(point, image, start)

    def judge_published(self, folder, signed, roots):
        """What was published alone stays until a witness has answered, however
        much is signed meanwhile."""
        log = os.path.join(folder, "log")
        for name, known in (("checkpoint", signed | self.by_itself),
                            ("checkpoint.log", signed)):
            path = os.path.join(log, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    note = file.read()
                assert self.notes(path) <= known or self.is_cosigned(note), \
                    "neither signed last nor cosigned"

    def is_cosigned(self, note):
        if note not in self.cosigned:
            text, lines = note.split("\n\n")
            found = [tlog.check_line(self.vkey, text + "\n", line)
                     for line in lines.splitlines()
                     if line.split(" ")[1] == self.vkey.split("+")[0]]
            self.cosigned[note] = bool(found)
        return self.cosigned[note]

    def go_on_with_the_log(self, folder, entries, seen):
        where = os.path.join(self.home, "witness-%d" % self.starts)
        os.mkdir(where)
        with open(os.path.join(folder, "signer", "vkey")) as file:
            log_key = file.read().strip()
        with Cosigner(where, "again", log_key) as witness:
            carried = [(size, note) for at, size, note in self.carried
                       if at < self.at]
            if carried:
                status, _, body = witness.post("old 0\n\n" +
                                               max(carried)[1])
                assert status == 200, body
            if self.starts % 3 != 0:  # else the log is witnessed no more
                self.more = ("--witnesses", witness.file)
            traced = super().go_on_with_the_log(folder, entries, seen)
            assert "log.split_view" not in traced.words()
            assert (not self.more) == ("log.witness_well" not in
                                       traced.words())
            self.more = ()


class Cosigner(Witness):
    """A witness of one log, and the file that names it."""

    def __init__(self, folder, name, log_key):
        super().__init__(folder, name)
        self.file = os.path.join(folder, "witnesses")
        with open(self.file, "w") as out:
            out.write("quorum 1\nwitness %s http://127.0.0.1:%d\n" % (
                self.vkey, self.port))
        self.know(log_key)

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.stop()
        self.errors.close()


class CosignedRun:
    """With a witness, then without one, then with it again, which answers
    only after more was signed."""

    def __init__(self, home, frames):
        site = os.path.join(home, "site")
        traced = LogTraced(site, "--segment-size", "262144")
        traced.log = os.path.join(home, "traced.log")
        traced.socket = os.path.join(home, "journal.sock")
        where = os.path.join(home, "w")
        os.mkdir(where)
        self.recording = Recording(site)
        traced.env = self.recording.env()
        self.workers = []
        plain = list(traced.arguments)
        ends = []
        with Cosigner(where, "w", traced.vkey) as witness:
            self.vkey = witness.vkey
            for more in (["--witnesses", witness.file], [],
                         ["--witnesses", witness.file]):
                traced.arguments = plain + more
                if len(ends) == 2:
                    witness.process.send_signal(signal.SIGSTOP)
                traced.start()
                if len(ends) == 2:
                    try:
                        self.feed_unseen(traced, 2)
                    finally:
                        witness.process.send_signal(signal.SIGCONT)
                self.feed(traced, frames)
                if len(ends) < 2:
                    self.recording.kill(traced.process)
                else:
                    assert traced.stop() == 0
                ends.append(self.recording.position())
        self.alone = ends[0], ends[1]

    def feed_unseen(self, traced, frames):
        """Each is signed by itself, and published by nobody."""
        before = traced.checkpoint()
        worker = Listener(self.recording, traced.socket)
        self.workers.append(worker)
        worker.hello()
        for _ in range(frames):
            index = worker.wait(worker.send([request()]))
            wait_for("a signature", lambda: self.signed(traced) > index)
        worker.close()
        assert traced.checkpoint() == before

    @staticmethod
    def signed(traced):
        try:
            with open(traced.path("checkpoint.log"), encoding="utf-8") as file:
                return log_client.parse(file.read())[0]
        except FileNotFoundError:
            return 0

    def feed(self, traced, frames):
        worker = Listener(self.recording, traced.socket)
        self.workers.append(worker)
        worker.hello()
        for i in range(frames):
            index = worker.wait(worker.send(
                [request() for _ in range(1 + 20 * (i % 3))]))
            if i % 2 == 1:
                traced.wait_size(index + 1)
        worker.close()


def test_a_cosigned_log_survives_power_loss_at_every_write(home):
    rng = random.Random(SEED)
    run = CosignedRun(home, 12 if LONG else 3)
    replay = run.recording.replay()
    judge = CosignedJudge(home, run.workers, replay, run)
    replay.on_event = judge.watch
    for point in replay.points():
        for image in point.images(rng, samples=8 if LONG else 1):
            judge.judge(point, image,
                        start=rng.random() < (0.03 if LONG else 0.003))
    print("%d images, %d starts, %d notes, %d cosigned" % (
        judge.images, judge.starts, len(judge.left),
        sum(judge.cosigned.values())))
    assert judge.images > 100 and judge.starts > 1
    assert sum(judge.cosigned.values()) > 2
    replay.same_as_disk()
