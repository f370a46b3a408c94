"""A second, small implementation of the log's formats, for the tests only.

Written from RFC 6962, C2SP signed-note, tlog-checkpoint, tlog-cosignature and
lib/trace/receipt.h; shares nothing with the code it tests.
"""

import base64
import hashlib
import json
import os
import struct

import ed25519

ED25519 = 1
COSIGNATURE = 4
DASH = "\u2014 "


def b64(data):
    return base64.b64encode(data).decode()


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(entry):
    return sha(b"\x00", entry)


def split(count):
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def root(hashes):
    if not hashes:
        return sha()
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return sha(b"\x01", root(hashes[:k]), root(hashes[k:]))


def inclusion(index, hashes):
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return inclusion(index, hashes[:k]) + [root(hashes[k:])]
    return inclusion(index - k, hashes[k:]) + [root(hashes[:k])]


def consistency(old, hashes, whole=True):
    if old == 0 or (old == len(hashes) and whole):
        return []
    if old == len(hashes):
        return [root(hashes)]
    k = split(len(hashes))
    if old <= k:
        return consistency(old, hashes[:k], whole) + [root(hashes[k:])]
    return consistency(old - k, hashes[k:], False) + [root(hashes[:k])]


class Key:
    """Who signs notes: a log (ED25519) or a witness (COSIGNATURE)."""

    def __init__(self, name, kind=ED25519, seed=None):
        self.name = name
        self.kind = kind
        self.seed = seed or os.urandom(32)
        self.public = ed25519.public(self.seed)
        self.id = sha(name.encode(), b"\n", bytes([kind]), self.public)[:4]

    @property
    def vkey(self):
        return "%s+%s+%s" % (self.name, self.id.hex(),
                             b64(bytes([self.kind]) + self.public))

    def line(self, text, when=1700000000):
        if self.kind == COSIGNATURE:
            message = "cosignature/v1\ntime %d\n%s" % (when, text)
            made = struct.pack(">Q", when) + ed25519.sign(
                self.seed, message.encode())
        else:
            made = ed25519.sign(self.seed, text.encode())
        return "%s%s %s\n" % (DASH, self.name, b64(self.id + made))


def checkpoint_text(origin, hashes):
    return "%s\n%d\n%s\n" % (origin, len(hashes), b64(root(hashes)))


def note(text, *keys):
    return text + "\n" + "".join(key.line(text) for key in keys)


def parse_vkey(vkey):
    """(name, id, kind, public key)"""
    name, key_id, rest = vkey.split("+", 2)
    data = base64.b64decode(rest, validate=True)
    assert sha(name.encode(), b"\n", data)[:4].hex() == key_id
    return name, bytes.fromhex(key_id), data[0], data[1:]


def check_line(vkey, text, line):
    """Verify one signature line; gives the time of a cosignature, or 0."""
    name, key_id, kind, public = parse_vkey(vkey)
    assert line.startswith(DASH + name + " "), line
    data = base64.b64decode(line.split(" ")[2], validate=True)
    assert data[:4] == key_id
    if kind == COSIGNATURE:
        when = struct.unpack(">Q", data[4:12])[0]
        message = "cosignature/v1\ntime %d\n%s" % (when, text)
        ed25519.verify(public, message.encode(), data[12:])
        return when
    ed25519.verify(public, text.encode(), data[4:])
    return 0


def canonical(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True,
                      ensure_ascii=False)


def receipt(signed, entries, index, completion=None):
    """The bytes of a receipt; entries are the lines of the whole log."""
    hashes = [leaf_hash(entry.encode()) for entry in entries]

    def part(at):
        return {"entry": entries[at], "index": at,
                "proof": [b64(h) for h in inclusion(at, hashes)]}

    value = dict(part(index), checkpoint=signed, type="payvand-receipt", v=1)
    if completion is not None:
        value["completion"] = part(completion)
    return (canonical(value) + "\n").encode()


def request_record(tracking_id, **more):
    record = {"consumer": "bank-a-core", "decision": "allowed", "grant": "g1",
              "hop": 0, "id": tracking_id, "image": 7, "method": "verify",
              "node": "ix-1", "provider": "central-bank",
              "service": "national-id-iban-match", "size": "1k",
              "time": 1645557742000, "type": "request", "v": 1,
              "version": "v1"}
    record.update(more)
    return canonical(record)


def completions_record(*items):
    return canonical({"done": [list(item) for item in items], "node": "ix-1",
                      "salt": "0123456789abcdef" * 2, "type": "completions",
                      "v": 1})
