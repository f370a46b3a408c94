"""An independent reader of the journal, written from the byte table in
lib/trace/journal.h; the judge of what is on disk.

    for index, epoch, sequence, record in read_journal(folder): ...

Damaged raises with file and offset where payvand-traced would refuse to start.
"""

import functools
import json
import os
import re
import struct
import time

SEGMENT_HEAD = 4096
COMMIT_HEAD = 64
FRAME_HEAD = 40
COMMIT_MAX = 1 << 20
COMMIT_MAGIC = 0x435650F0
FIRST, FULL, TORN, FAILED = 1, 2, 3, 4


class Damaged(Exception):
    pass


def _table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_CRC = _table()
_ZEROS = bytes(1 << 16)


@functools.lru_cache(maxsize=2048)  # a judge reads one journal many times
def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    table = _CRC
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def segment_names(folder):
    return sorted(n for n in os.listdir(folder)
                  if re.fullmatch(r"[0-9]{10}\.pvj", n))


def read_head(name, data):
    if data[:8] != b"PVJRNL\r\n":
        raise Damaged("%s: not a segment" % name)
    version, crc = struct.unpack_from("<II", data, 8)
    if version != 1 or crc != crc32c(data[16:256]):
        raise Damaged("%s: head" % name)
    (number, first_index, first_commit, size, made, align, why, before_end,
     before_crc) = struct.unpack_from("<QQQQqIIQI", data, 16)
    return {"name": name, "number": number, "first_index": first_index,
            "first_commit": first_commit, "size": size, "made": made,
            "align": align, "why": why, "before_end": before_end,
            "before_crc": before_crc,
            "node": data[81:81 + data[80]].decode(),
            "journal": data[144:160]}


def _frame(data, at, end, index, check):
    if end - at < FRAME_HEAD:
        return None
    length, crc, first, epoch, sequence, count, zero = struct.unpack_from(
        "<IIQQQII", data, at)
    if (length < FRAME_HEAD or at + length > end or zero or first != index or
            (check and crc != crc32c(data[at + 8:at + length]))):
        return None
    lines = []
    here = at + FRAME_HEAD
    while here < at + length:
        (n,) = struct.unpack_from("<H", data, here)
        if n == 0 or here + 2 + n > at + length:
            return None
        lines.append(data[here + 2:here + 2 + n])
        here += 2 + n
    if len(lines) != count:
        return None
    return at + (length + 7 & ~7), epoch, sequence, lines


def read_commit(data, at, align, check=True):
    """(head, frames, next offset) or None; frames: (epoch, sequence, lines)."""
    if len(data) - at < COMMIT_HEAD:
        return None
    (magic, crc, number, index, when, length, frames, leaves, body, before,
     zero1, zero2) = struct.unpack_from("<IIQQqIIIIIIQ", data, at)
    if (magic != COMMIT_MAGIC or crc != crc32c(data[at + 8:at + 64]) or
            zero1 or zero2 or not COMMIT_HEAD <= length <= COMMIT_MAX or
            at + length > len(data)):
        return None
    found, here, leaf, heads = [], at + COMMIT_HEAD, index, []
    while here < at + length:
        frame = _frame(data, here, at + length, leaf, check)
        if frame is None:
            return None
        heads.append(data[here:here + FRAME_HEAD])
        here = frame[0]
        leaf += len(frame[3])
        found.append(frame[1:])
    if (len(found) != frames or leaf - index != leaves or
            crc32c(b"".join(heads)) != body):
        return None
    after = at + length + align - 1 & -align
    if data[at + length:after].strip(b"\0"):
        return None
    head = {"number": number, "index": index, "time": when, "crc": crc,
            "before": before, "length": length, "at": at}
    return head, found, after


def walk(folder, check=True):
    """(segment head, commit head, frames) of every commit, in order."""
    names = segment_names(folder)
    heads = []
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            heads.append(read_head(name, file.read(SEGMENT_HEAD)))
    state = None
    for i, head in enumerate(heads):
        last = i + 1 == len(heads)
        if head["number"] != heads[0]["number"] + i:
            raise Damaged("a segment before %s is missing" % head["name"])
        with open(os.path.join(folder, head["name"]), "rb") as file:
            data = file.read()
        if len(data) < head["size"]:
            raise Damaged("%s: shorter than its head says" % head["name"])
        expected = (head["first_commit"], head["first_index"],
                    head["before_crc"])
        if state is not None and state != expected:
            raise Damaged("%s does not follow" % head["name"])
        state = expected
        end = len(data) if last else heads[i + 1]["before_end"]
        at = SEGMENT_HEAD
        while at < end:
            commit = read_commit(data, at, head["align"], check)
            if commit is None and last:
                _judge_tail(head, data, at, state[0])
                break
            if commit is None:
                raise Damaged("%s: offset %d" % (head["name"], at))
            if (commit[0]["number"], commit[0]["index"],
                    commit[0]["before"]) != state:
                raise Damaged("%s: offset %d: order" % (head["name"], at))
            yield head, commit[0], commit[1]
            state = (state[0] + 1,
                     state[1] + sum(len(f[2]) for f in commit[1]),
                     commit[0]["crc"])
            at = commit[2]
        if not last and at != end:
            raise Damaged("%s: offset %d: over the end" % (head["name"], at))


def _end_of(data, at):
    """Where what is not zero ends, which is mostly far before the end."""
    end = len(data)
    while end - at >= len(_ZEROS) and data[end - len(_ZEROS):end] == _ZEROS:
        end -= len(_ZEROS)
    return at + len(data[at:end].rstrip(b"\0"))


def _judge_tail(head, data, at, number):
    end = _end_of(data, at)
    if end - at > COMMIT_MAX:
        raise Damaged("%s: offset %d: too far" % (head["name"], at))
    for later in range(at + head["align"], end, head["align"]):
        if (len(data) - later >= COMMIT_HEAD and
                struct.unpack_from("<I", data, later)[0] == COMMIT_MAGIC and
                struct.unpack_from("<I", data, later + 4)[0] ==
                crc32c(data[later + 8:later + 64]) and
                struct.unpack_from("<Q", data, later + 8)[0] > number):
            raise Damaged("%s: offset %d" % (head["name"], at))


def read_journal(folder, check=True):
    """[(index, epoch, sequence, record)] of all that is recorded.

    check=False leaves out the check sums of the records (for big journals).
    """
    found = []
    for _, commit, frames in walk(folder, check):
        index = commit["index"]
        for epoch, sequence, lines in frames:
            for line in lines:
                record = json.loads(line)
                again = json.dumps(record, sort_keys=True,
                                   separators=(",", ":"))
                assert again.encode() == line, "not canonical"
                found.append((index, epoch, sequence, record))
                index += 1
    return found


def read_records(folder, check=False):
    """[(index, record)] of a journal that is being written."""
    for attempt in range(20):
        try:
            return [(index, record) for index, _, _, record in
                    read_journal(folder, check)]
        except (Damaged, FileNotFoundError, IndexError):
            # a segment is being made while we look: only lasting damage counts
            if attempt == 19:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    import sys
    for row in read_journal(sys.argv[1]):
        print(row[0], "%016x" % row[1], row[2], json.dumps(row[3]))
