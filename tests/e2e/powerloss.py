"""What a disk may hold after the power went, at every point of a run.

    recording = Recording(folder)           # before the run: what is there
    ... start programs with recording.env() ...
    replay = recording.replay()
    replay.same_as_disk()                   # nothing escaped the recorder
    for point in replay.points():           # a crash at each event
        for image in point.images(rng):     # what the disk may hold then
            image.write(elsewhere)

Who is to die in the run dies by recording.kill(process): what a call did that
never returned is not in the record. The replay would take it for pending for
ever, while the next program finds it done and goes on from there.

The rules. What an fsync or fdatasync that returned had covered is there. Of
the rest each sector of 512 bytes and each change of a name may be there or
not, in any mixture; a rename is one change. A file's size may have grown
without its bytes. An fsync of a file does not bring its name: that takes an
fsync of the directory. No file system is so unkind in all of it at once, so
what survives this survives any of them.
"""

import hashlib
import mmap
import os
import shutil
import signal
import struct
import time

from harness import built, children_of, is_alive, wait_for

SECTOR = 512
UNITS_MAX = 4  # so many pending changes are tried in every combination

(BEGIN, HAS, FORK, RETURN, OPEN, CLOSE, DUP, SEEK, READ, WRITE, TRUNCATE,
 ALLOCATE, RENAME, LINK, UNLINK, MKDIR, FSYNC, SYNC, SENT) = range(1, 20)

NO_RETURN = {BEGIN, HAS, FORK, RETURN, CLOSE, SENT}
AT_FDCWD = -100
O_CREAT, O_TRUNC, O_APPEND = os.O_CREAT, os.O_TRUNC, os.O_APPEND
O_DSYNC = os.O_DSYNC
RENAME_EXCHANGE = 2
AT_REMOVEDIR = 0x200
KEEP_SIZE = 1


class Event:
    __slots__ = ("at", "kind", "pid", "fd", "a", "b", "path", "path2", "data",
                 "of", "end")


def read_log(path):
    events, by_at = [], {}
    with open(path, "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as log:
            used, lost = struct.unpack_from("<QQ", log, 0)
            assert lost == 0, "%d events did not fit" % lost
            at = 16
            while at < used:
                (length, kind, whole, pid, fd, a, b, n1, n2, n3,
                 _) = struct.unpack_from("<IHHIiqqIIII", log, at)
                assert length, "the log ends at %d of %d" % (at, used)
                event = Event()
                event.at, event.kind, event.pid = at, kind, pid
                event.fd, event.a, event.b, event.end = fd, a, b, None
                here = at + 48
                event.path = log[here:here + n1].decode()
                event.path2 = log[here + n1:here + n1 + n2].decode()
                event.data = log[here + n1 + n2:here + n1 + n2 + n3]
                event.of = by_at.get(a) if kind == RETURN else None
                if whole:  # its process was killed in the middle otherwise
                    events.append(event)
                    by_at[at] = event
                at += length
    return events, used


class Node:
    """A file: what is durable, and what is pending, in order."""

    def __init__(self, content=b"", is_dir=False):
        self.is_dir = is_dir
        self.durable = bytearray(content)
        self.pending = []
        self.digest = None

    def settle(self, ops):
        for op in ops:
            op.apply(self.durable)
        self.pending = [op for op in self.pending if op not in ops]
        self.digest = None

    def content(self, choice):
        """choice: op -> how much of it is there, as Change.apply takes it."""
        content = bytearray(self.durable)
        for op in self.pending:
            op.apply(content, choice.get(op, ALL))
        return content


NONE, ALL, SIZE = "none", "all", "size"


class Change:
    """Of a file's bytes or size: op is write, size or room."""

    def __init__(self, node, op, at, data=b"", length=0):
        self.node, self.op, self.at = node, op, at
        self.data, self.length = data, length
        self.done = None  # the log's position of its return

    def pieces(self):
        """(from, until) of each sector of it, in its data."""
        cuts = [0]
        first = SECTOR - self.at % SECTOR
        cuts += range(first, len(self.data), SECTOR)
        cuts.append(len(self.data))
        return [(a, b) for a, b in zip(cuts, cuts[1:]) if a < b]

    def apply(self, content, how=ALL):
        """how: ALL, NONE, SIZE, or the set of pieces that are there."""
        if how == NONE:
            return
        if self.op == "size":
            if len(content) > self.at:
                del content[self.at:]
            else:
                content.extend(bytes(self.at - len(content)))
            return
        if self.op == "room":
            end = self.at + self.length
            content.extend(bytes(max(0, end - len(content))))
            return
        end = self.at + len(self.data)
        if how == ALL or how == SIZE:
            content.extend(bytes(max(0, end - len(content))))
            if how == ALL:
                content[self.at:end] = self.data
            return
        for i, (a, b) in enumerate(self.pieces()):
            if i in how:
                content.extend(bytes(max(0, self.at + b - len(content))))
                content[self.at + a:self.at + b] = self.data[a:b]


class Naming:
    """One atomic change of names: path -> node or None."""

    def __init__(self, names):
        self.names = names
        self.done = None

    def folders(self):
        return {os.path.dirname(path) for path in self.names}


class Image:
    """One thing that the disk may hold."""

    def __init__(self, root, names, choice):
        self.root = root
        self.names = names
        self.choice = choice
        hasher = hashlib.blake2b(digest_size=16)
        for path in sorted(names):
            node = names[path]
            if node.is_dir or not self.reachable(path):
                continue
            hasher.update(path.encode() + b"\0" + self._digest(node))
        self.digest = hasher.digest()

    def _digest(self, node):
        if node.pending:
            return hashlib.blake2b(node.content(self.choice),
                                   digest_size=16).digest()
        if node.digest is None:
            node.digest = hashlib.blake2b(node.durable,
                                          digest_size=16).digest()
        return node.digest

    def reachable(self, path):
        folder = os.path.dirname(path)
        while folder != self.root:
            if folder not in self.names:
                return False
            folder = os.path.dirname(folder)
        return True

    def write(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for path in sorted(self.names):
            node = self.names[path]
            if not self.reachable(path):
                continue
            target = folder + path[len(self.root):]
            if node.is_dir:
                os.mkdir(target, 0o700)
            else:
                with open(target, "wb", opener=_private) as file:
                    file.write(node.content(self.choice))


def _private(path, flags):
    return os.open(path, flags, 0o600)


class Point:
    """A crash: everything before `at` in the log has happened."""

    def __init__(self, replay, at, event):
        self.replay, self.at, self.event = replay, at, event

    def images(self, rng, samples=6):
        """Each choice of what of the pending changes is there."""
        replay = self.replay
        nodes = {id(n): n for n in replay.durable.values()}
        nodes.update((id(n), n) for c in replay.naming
                     for n in c.names.values() if n is not None)
        data = [op for n in nodes.values() for op in n.pending]
        units = data + list(replay.naming)
        choices = [{}, {u: NONE for u in units}]
        if 0 < len(units) <= UNITS_MAX:
            for bits in range(1, (1 << len(units)) - 1):
                choices.append({u: NONE for i, u in enumerate(units)
                                if not bits >> i & 1})
        elif units:
            for _ in range(samples):
                choices.append({u: NONE for u in units if rng.random() < .5})
        writes = [op for op in data if op.op == "write"]
        for op in writes[-2:]:
            choices += self._torn(op, writes, rng, samples)
        for choice in choices:
            yield replay.image(choice)

    @staticmethod
    def _torn(op, writes, rng, samples):
        count = len(op.pieces())
        yield {op: SIZE}
        for half in (set(range(count // 2)), set(range(count // 2, count))):
            yield {op: half}
        for _ in range(samples):
            choice = {}
            for other in writes:
                share = rng.random()
                choice[other] = {i for i in range(len(other.pieces()))
                                 if rng.random() < share}
            yield choice


class Replay:
    """Walks the log and keeps what is durable, what is pending, what is seen."""

    def __init__(self, root, log, initial):
        self.root = root
        self.events, self.used = read_log(log)
        self.seen = dict(initial)     # path -> node, as programs see it
        self.durable = dict(initial)  # as the disk has it
        self.naming = []              # pending changes of names
        self.fds = {}                 # pid -> {fd: [node, position, flags]}
        self.cwd = {}
        self.open = {}                # event -> what its return completes
        self.on_event = None          # called with each event, before it

    # ---- the walk

    def points(self, every=lambda event: True):
        """A crash before the first event, and behind each that matters."""
        matters = {WRITE, TRUNCATE, ALLOCATE, RENAME, LINK, UNLINK, MKDIR,
                   FSYNC, SYNC, OPEN}
        for i, event in enumerate(self.events):
            changed = self.step(event)
            after = (self.events[i + 1].at if i + 1 < len(self.events)
                     else self.used)
            kind = event.of.kind if event.kind == RETURN and event.of else \
                event.kind
            if changed and kind in matters and every(event):
                yield Point(self, after, event)

    def images(self, rng, samples, marks=(), every=lambda event: True):
        """(point, image) at each point and at the end; the same image only
        once between two of the marks, which are positions in the log."""
        seen = set()

        def at(point):
            passed = sum(mark <= point.at for mark in marks)
            for image in point.images(rng, samples=samples):
                if (image.digest, passed) not in seen:
                    seen.add((image.digest, passed))
                    yield point, image

        for point in self.points(every):
            yield from at(point)
        yield from at(Point(self, self.used, None))

    def run(self):
        for event in self.events:
            self.step(event)

    def image(self, choice):
        names = dict(self.durable)
        for change in self.naming:
            if choice.get(change) == NONE:
                continue
            for path, node in change.names.items():
                if node is None:
                    names.pop(path, None)
                else:
                    names[path] = node
        return Image(self.root, names, choice)

    def step(self, event):
        """True when it touched something under the root."""
        if self.on_event is not None:
            self.on_event(event)
        if event.kind == RETURN:
            return self._return(event) if event.of is not None else False
        handler = {BEGIN: self._begin, HAS: self._has, FORK: self._fork,
                   CLOSE: self._close, OPEN: self._open, WRITE: self._write,
                   TRUNCATE: self._size, ALLOCATE: self._size,
                   RENAME: self._rename, LINK: self._rename,
                   UNLINK: self._unlink, MKDIR: self._mkdir}.get(event.kind)
        return bool(handler(event)) if handler else False

    def _begin(self, event):
        self.fds[event.pid] = {}
        self.cwd[event.pid] = event.path

    def _has(self, event):
        node = self.seen.get(event.path)
        self.fds[event.pid][event.fd] = [node, 0, 0, event.path]

    def _fork(self, event):
        self.fds[event.a] = {k: list(v) for k, v in
                             self.fds.get(event.pid, {}).items()}
        self.cwd[event.a] = self.cwd.get(event.pid, "/")

    def _close(self, event):
        table = self.fds[event.pid]
        for fd in [f for f in table if event.fd <= f <= event.a]:
            del table[fd]

    def _path(self, event, dirfd, path):
        if not path.startswith("/"):
            base = self.cwd[event.pid]
            if dirfd != AT_FDCWD:
                base = self.fds[event.pid].get(dirfd, [None] * 4)[3]
            if base is None:
                return None
            path = base + "/" + path
        path = os.path.normpath(path)
        inside = path.startswith(self.root + "/") or path == self.root
        return path if inside else None

    def _entry(self, event):
        return self.fds.get(event.pid, {}).get(event.fd)

    # ---- calls as they begin

    def _open(self, event):
        path = self._path(event, event.fd, event.path)
        if path is None or path == self.root:
            return False
        node = self.seen.get(path)
        if node is None and event.a & O_CREAT:
            self._name(event, {path: Node()})
            return True
        if node is not None and event.a & O_TRUNC and not node.is_dir:
            self._change(event, Change(node, "size", 0))
            return True
        return False

    def _name(self, event, names):
        change = Naming(names)
        self.naming.append(change)
        self.open[event.at] = change

    def _change(self, event, change):
        change.node.pending.append(change)
        self.open[event.at] = change

    def _write(self, event):
        entry = self._entry(event)
        if entry is None or entry[0] is None:
            return False
        at = event.a
        if at == -1:
            at = self._length(entry[0]) if entry[2] & O_APPEND else entry[1]
        self._change(event, Change(entry[0], "write", at, event.data))
        return True

    @staticmethod
    def _length(node):
        length = len(node.durable)
        for op in node.pending:
            if op.op == "size":
                length = op.at
            else:
                length = max(length, op.at + (op.length or len(op.data)))
        return length

    def _size(self, event):
        entry = self._entry(event)
        if entry is None or entry[0] is None:
            return False
        if event.kind == TRUNCATE:
            change = Change(entry[0], "size", event.a)
        else:
            assert int(event.path) in (0, KEEP_SIZE), "a hole is punched"
            if int(event.path) == KEEP_SIZE:
                return False
            change = Change(entry[0], "room", event.a, length=event.b)
        self._change(event, change)
        return True

    def _rename(self, event):
        old = self._path(event, event.fd, event.path)
        new = self._path(event, event.a, event.path2)
        if old is None or new is None:
            assert old is None and new is None, "a name crosses the root"
            return False
        node = self.seen.get(old)
        if node is None:
            return False  # it will fail
        assert not node.is_dir, "a directory is renamed"
        assert event.kind == LINK or not event.b & RENAME_EXCHANGE
        names = {new: node}
        if event.kind == RENAME and old != new:
            names[old] = None
        self._name(event, names)
        return True

    def _unlink(self, event):
        path = self._path(event, event.fd, event.path)
        if path is None or path not in self.seen:
            return False
        self._name(event, {path: None})
        return True

    def _mkdir(self, event):
        path = self._path(event, event.fd, event.path)
        if path is None or path in self.seen:
            return False
        self._name(event, {path: Node(is_dir=True)})
        return True

    # ---- and as they return

    def _return(self, event):
        begun, result = event.of, event.b
        change = self.open.pop(begun.at, None)
        if change is not None:
            change.done = event.at
            if result < 0:
                self._forget(change)
            elif isinstance(change, Naming):
                for path, node in change.names.items():
                    if node is None:
                        self.seen.pop(path, None)
                    else:
                        self.seen[path] = node
        if result < 0:
            return change is not None
        if begun.kind == OPEN:
            self._opened(begun, result)
        elif begun.kind == DUP:
            entry = self._entry(begun)
            self.fds[begun.pid][result] = entry
        elif begun.kind == FSYNC:
            return self._synced(self._entry(begun), begun.at)
        elif begun.kind == SYNC:
            self._everything(begun.at)
            return True
        else:
            self._moved(begun, change, result)
        return change is not None

    def _forget(self, change):
        if isinstance(change, Naming):
            self.naming.remove(change)
        else:
            change.node.pending.remove(change)

    def _opened(self, begun, fd):
        path = self._path(begun, begun.fd, begun.path)
        node = self.seen.get(path) if path is not None else None
        full = begun.path
        if not full.startswith("/"):
            base = self.cwd[begun.pid] if begun.fd == AT_FDCWD else \
                self.fds[begun.pid].get(begun.fd, [None] * 4)[3]
            full = None if base is None else os.path.normpath(
                base + "/" + full)
        self.fds[begun.pid][fd] = [node, 0, begun.a, full]

    def _moved(self, begun, change, result):
        entry = self._entry(begun)
        if entry is None:
            return
        if begun.kind == SEEK:
            entry[1] = result
        elif begun.kind == READ:
            entry[1] += result
        elif begun.kind == WRITE and change is not None:
            change.data = change.data[:result]
            if begun.a == -1:
                entry[1] = change.at + result
            if entry[2] & O_DSYNC:
                self._synced(entry, change.done + 1)

    def _synced(self, entry, before):
        if entry is None:
            return False
        node, path = entry[0], entry[3]
        if node is not None and not node.is_dir:
            node.settle([op for op in node.pending
                         if op.done is not None and op.done < before])
            return True
        if path is None or not (path + "/").startswith(self.root + "/"):
            return False
        self._settle_names([c for c in self.naming if path in c.folders()
                            and c.done is not None and c.done < before])
        return True

    def _settle_names(self, changes):
        for change in changes:
            for path, node in change.names.items():
                if node is None:
                    self.durable.pop(path, None)
                else:
                    self.durable[path] = node
        self.naming = [c for c in self.naming if c not in changes]

    def _everything(self, before):
        for node in {id(n): n for n in self.seen.values()}.values():
            node.settle([op for op in node.pending
                         if op.done is not None and op.done < before])
        self._settle_names([c for c in self.naming
                            if c.done is not None and c.done < before])

    # ---- the assurance that nothing was missed

    def same_as_disk(self, but=()):
        """At the end of the log: what we think is there is what is there."""
        found = {}
        for folder, _, files in os.walk(self.root):
            for name in files:
                path = os.path.join(folder, name)
                if name not in but and os.path.isfile(path):
                    with open(path, "rb") as file:
                        found[path] = file.read()
        seen = {path: bytes(node.content({})) for path, node in
                self.seen.items()
                if not node.is_dir and os.path.basename(path) not in but}
        assert set(seen) == set(found), set(seen) ^ set(found)
        for path in found:
            assert seen[path] == found[path], path + " was written unseen"


def is_stopped(pid):
    """Or ended."""
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/stat" % (pid, task)) as file:
                state = file.read().rsplit(")", 1)[1].split()[0]
            if state not in "TZX":
                return False
    except FileNotFoundError:
        pass  # the task, or all of it, ended meanwhile
    return True


def stop_family(pid):
    """It, then its children: who stands makes no more of them."""
    os.kill(pid, signal.SIGSTOP)
    wait_for("a process to stop", lambda: is_stopped(pid), step=0.001)
    return [pid] + [one for child in children_of(pid) if is_alive(child)
                    for one in stop_family(child)]


class Recording:
    """The recorder over a folder; programs are started with env()."""

    def __init__(self, root, size=256 << 20):
        self.root = os.path.realpath(root)
        self.log = self.root + ".writes"
        self.initial = {}
        for folder, folders, files in os.walk(self.root):
            for name in folders:
                self.initial[os.path.join(folder, name)] = Node(is_dir=True)
            for name in files:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        self.initial[path] = Node(file.read())
        with open(self.log, "wb") as file:
            file.write(struct.pack("<QQ", 16, 0))
            file.truncate(size)  # a hole: only what is used takes room

    def env(self):
        return {"LD_PRELOAD": built("libpayvand-record.so"),
                "PAYVAND_RECORD": self.log,
                "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def position(self):
        """What has happened until now stands before it."""
        with open(self.log, "rb") as file:
            return struct.unpack("<Q", file.read(8))[0]

    def kill(self, process):
        """kill -9 of it and its children, between two calls of each."""
        while True:
            family = stop_family(process.pid)
            if not self.under_way(family):
                break
            for pid in reversed(family):
                os.kill(pid, signal.SIGCONT)
            time.sleep(0.001)  # a call may end
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        process.wait()
        wait_for("the end of its children",
                 lambda: not any(is_alive(pid) for pid in family))

    def under_way(self, pids):
        """Calls of theirs that have not returned."""
        events, _ = read_log(self.log)
        returned = {e.of.at for e in events if e.of is not None}
        return [e for e in events if e.pid in pids and
                e.kind not in NO_RETURN and e.at not in returned]

    def replay(self):
        initial = {path: Node(bytes(node.durable), node.is_dir)
                   for path, node in self.initial.items()}
        return Replay(self.root, self.log, initial)
