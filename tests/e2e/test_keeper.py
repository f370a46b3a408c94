"""payvand-traced -P keeper alone: packs from a journal and a tree, whatever
happens to it on the way.

The keeper gets a state page and a tree that the test makes, so that the test
says what is published.
"""

import fcntl
import hashlib
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import time

import pytest

from harness import LONG, built, wait_for

PACK_LEAVES = 65536
LINE = 130
FD_STATE, FD_JOURNAL, FD_LOG = 3, 5, 6
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def field(name):
    """Where a number stands in the state page."""
    with open(os.path.join(ROOT, "traced", "state.h")) as file:
        names = re.findall(r"^    state_number (\w+);", file.read(), re.M)
    return 8 * names.index(name)


def lines_of(journal):
    """Every record's line, as the byte table of journal.h has them."""
    found = []
    for name in sorted(os.listdir(journal)):
        if not name.endswith(".pvj"):
            continue
        with open(os.path.join(journal, name), "rb") as file:
            data = file.read()
        align = struct.unpack_from("<I", data, 56)[0]
        at = 4096
        while at < len(data):
            magic, _, _, _, _, length, frames = struct.unpack_from(
                "<IIQQqII", data, at)
            if magic != 0x435650F0:
                break
            place = at + 64
            for _ in range(frames):
                size, _, _, _, _, count = struct.unpack_from(
                    "<IIQQQI", data, place)
                record = place + 40
                for _ in range(count):
                    n = struct.unpack_from("<H", data, record)[0]
                    found.append(data[record + 2:record + 2 + n])
                    record += 2 + n
                place = (place + size + 7) & ~7
            at = (at + length + align - 1) & ~(align - 1)
    return found


def make_source(folder):
    """A journal of more than two packs, and the tree of it; for `source`."""
    journal = folder / "journal"
    for seconds in ("1", "6"):
        shutil.rmtree(journal, ignore_errors=True)
        journal.mkdir()
        subprocess.run([built("payvand-bench-journal"),
                        built("payvand-traced"), str(journal), "--batch",
                        "64", "--seconds", seconds],
                       check=True, capture_output=True)
        lines = lines_of(journal)
        if len(lines) > 2 * PACK_LEAVES:
            break
    else:
        pytest.skip("this machine journals too slowly for this test")
    for name in os.listdir(journal):
        if not name.endswith(".pvj"):
            os.unlink(journal / name)
    tree = folder / "tree"
    tree.mkdir()
    with open(tree / "0", "wb") as file:
        for line in lines:
            file.write(hashlib.sha256(b"\0" + line).digest())
    return folder, len(lines)


class Keeper:
    def __init__(self, source, home, published):
        self.journal = str(source[0] / "journal")
        self.log = os.path.join(home, "log")
        os.mkdir(self.log)
        shutil.copytree(source[0] / "tree", os.path.join(self.log, "tree"))
        self.errors = os.path.join(home, "keeper.err")
        self.page = os.memfd_create("state")
        os.ftruncate(self.page, 4096)
        self.set("published_size", published)
        self.process = None
        self.env = {}

    def set(self, name, value):
        os.pwrite(self.page, struct.pack("<Q", value), field(name))

    def get(self, name):
        return struct.unpack("<Q", os.pread(self.page, 8, field(name)))[0]

    def start(self, limit=None):
        journal = os.open(self.journal, os.O_RDONLY | os.O_DIRECTORY)
        log = os.open(self.log, os.O_RDONLY | os.O_DIRECTORY)
        high = [(fcntl.fcntl(fd, fcntl.F_DUPFD, 200), to) for fd, to in (
            (self.page, FD_STATE), (journal, FD_JOURNAL), (log, FD_LOG))]

        # what subprocess opens for itself must not get the child's numbers
        filler = [os.open(os.devnull, os.O_RDONLY) for _ in range(FD_LOG)]

        def place():
            for fd, to in high:
                os.dup2(fd, to)
            if limit:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(
                [built("payvand-traced"), "-P", "keeper", "--dir",
                 self.journal, "--socket", "s", "--node", "nix"],
                pass_fds=[to for _, to in high] + [fd for fd, _ in high],
                preexec_fn=place, stderr=errors,
                env=dict(os.environ, **self.env))
        for fd in filler + [fd for fd, _ in high] + [journal, log]:
            os.close(fd)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait(self, packs, seconds=60):
        end = time.monotonic() + seconds
        while self.get("packed_index") < packs * PACK_LEAVES:
            assert time.monotonic() < end, self.said()
            assert self.process.poll() is None, self.said()
            time.sleep(0.05)

    def said(self):
        with open(self.errors) as file:
            return file.read()

    def packs(self):
        with open(os.path.join(self.log, "packs"), "rb") as file:
            data = file.read()
        assert len(data) % LINE == 0
        return [data[i + 11:i + 75].decode()
                for i in range(0, len(data), LINE)]

    def check(self):
        names = self.packs()
        for name in names:
            path = os.path.join(self.log, "pack", name + ".pvp")
            with open(path, "rb") as file:
                assert hashlib.sha256(file.read()).hexdigest() == name
        return names


@pytest.fixture
def keeper(source, home):
    made = []

    def make(published, name="a"):
        folder = os.path.join(home, name)
        os.mkdir(folder)
        made.append(Keeper(source, folder, published))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.kill()
        os.close(one.page)


def test_nothing_is_packed_before_it_is_published(keeper):
    one = keeper(PACK_LEAVES - 1)
    one.start()
    wait_for("its first look", lambda: one.get("packed_known") == 1, 60)
    time.sleep(0.5)  # what it must not do would be done by then
    assert one.get("packed_index") == 0
    assert one.packs() == []
    one.set("published_size", PACK_LEAVES)
    one.wait(1)
    time.sleep(0.7)
    assert len(one.check()) == 1


def test_kills_change_no_byte(keeper):
    whole = keeper(2 * PACK_LEAVES, "whole")
    whole.start()
    whole.wait(2)
    whole.kill()
    killed = keeper(2 * PACK_LEAVES, "killed")
    for _ in range(200 if LONG else 12):
        killed.start()
        time.sleep(random.random() * 0.4)
        killed.kill()
        path = os.path.join(killed.log, "packs")
        if os.path.exists(path) and random.random() < 0.5:
            size = os.path.getsize(path)
            os.truncate(path, max(0, size - random.randrange(LINE)))
    killed.set("packed_index", 0)
    killed.start()
    killed.wait(2)
    assert killed.check() == whole.check()
    killed.kill()
    assert sorted(os.listdir(os.path.join(killed.log, "pack"))) == sorted(
        os.listdir(os.path.join(whole.log, "pack")))


def test_a_record_that_is_not_in_the_tree_stops_it_loudly(keeper):
    one = keeper(2 * PACK_LEAVES)
    with open(os.path.join(one.log, "tree", "0"), "r+b") as file:
        file.seek(32 * (PACK_LEAVES + 777) + 5)
        file.write(b"\xff")
    one.start()
    assert one.process.wait(60) == 3, one.said()
    assert "traced.pack_mismatch leaf=%d" % (PACK_LEAVES + 777) in one.said()
    assert len(one.check()) == 1
    assert one.get("packed_index") == PACK_LEAVES


def test_a_full_disk_loses_nothing(keeper):
    one = keeper(2 * PACK_LEAVES)
    one.start(limit=100000)
    wait_for("a failure", lambda: "traced.pack_failed" in one.said(), step=0.1)
    assert one.process.poll() is None and one.get("packed_index") == 0
    one.kill()
    one.start()
    one.wait(2)
    assert len(one.check()) == 2
