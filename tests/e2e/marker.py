"""A word made anew for each run, every place of a request where it can stand,
and the search for it in all that an exchange leaves on disk."""

import base64
import json
import os
import random
import string

from harness import BANK, IBAN, TAX
from wire import Closed, reply, request

LETTERS = random.SystemRandom()


def new_marker():
    """Lower-case letters only: legal in nearly every place."""
    return "mk" + "".join(LETTERS.choice(string.ascii_lowercase)
                          for _ in range(18)) + "km"


def forms(marker):
    plain = marker.encode()
    return {
        "plain": plain, "upper": plain.upper(),
        "utf-16": marker.encode("utf-16-le"),
        "base64-0": base64.b64encode(plain)[:-4],
        "base64-1": base64.b64encode(b"." + plain)[4:-4],
        "base64-2": base64.b64encode(b".." + plain)[4:-4],
        "hex": plain.hex().encode(), "HEX": plain.hex().upper().encode(),
        "escaped": "".join("\\x%02X" % c for c in plain).encode(),
        "percent": "".join("%%%02X" % c for c in plain).encode(),
    }


def places(ex):
    yield ex.home
    for folder in ("/var/lib/nginx", "/var/log/nginx", "/var/crash",
                   "/var/lib/systemd/coredump", "/tmp/client_body_temp"):
        if os.path.isdir(folder):
            yield folder


# files the test itself wrote the marker into (its own keys and requests)
OWN = ("own-",)


def search(ex, marker, extra=()):
    found = []
    needles = forms(marker)
    for place in list(places(ex)) + list(extra):
        for folder, _, names in os.walk(place):
            for name in names:
                path = os.path.join(folder, name)
                if name.startswith(OWN) or not os.path.isfile(path) or \
                        os.path.islink(path):
                    continue
                found += [(path, how) for how in held(path, needles)]
                if marker in name:
                    found.append((path, "name"))
    return found


def held(path, needles):
    """Which of {name: bytes} the file has, wherever its blocks part them."""
    found = set()
    keep = max(map(len, needles.values())) - 1
    tail = b""
    try:
        with open(path, "rb") as file:
            while data := file.read(1 << 20):
                if data.count(0) == len(data):  # most of a journal is zeros
                    tail = data[-keep:]
                    continue
                data = tail + data
                found |= {how for how, needle in needles.items()
                          if needle in data}
                tail = data[-keep:]
    except OSError:
        pass  # gone meanwhile
    return sorted(found)


def nothing_found(ex, marker, extra=()):
    found = search(ex, marker, extra)
    if found:
        path, _ = found[0]
        lines = []
        with open(path, "rb") as file:
            for line in file:
                if marker.encode() in line.lower():
                    lines.append(line[:400])
                    break
        raise AssertionError("content on disk: %s %s" % (found[:5], lines))


def short(deployment):
    deployment["methods"] = [
        {"path": p, "deadline_ms": 700, "connect_timeout_ms": 400}
        for p in (IBAN, TAX)]


def shapes(marker):
    """Every place of a request where a word can stand."""
    m = marker
    body = json.dumps({"national_id": m}).encode()
    yield "body", request(IBAN, body)
    yield "large-body", request(IBAN, body * 9000)
    yield "path", request("/x/central-bank/%s/v1/verify" % m)
    yield "path-tail", request(IBAN + "/" + m)
    yield "path-escaped", request(IBAN.replace("verify", "%76" + m))
    yield "path-elsewhere", request("/%s" % m)
    yield "query", request(IBAN + "?national_id=" + m)
    yield "fragment", request(IBAN + "#" + m)
    yield "absolute-form", request("https://%s%s" % (m, IBAN))
    yield "host", request(IBAN, host=m + ".example")
    yield "host-bad", request(IBAN, host=m + "/../")
    yield "referer", request(IBAN, headers=[("Referer", "https://a/" + m)])
    yield "user-agent", request(IBAN, headers=[("User-Agent", m)])
    yield "cookie", request(IBAN, headers=[("Cookie", "a=" + m)])
    yield "authorization", request(IBAN, headers=[("Authorization", m)])
    yield "forwarded", request(IBAN, headers=[("X-Forwarded-For", m)])
    yield "header-name", request(IBAN, headers=[("X-" + m, "1")])
    yield "header-name-underscore", request(IBAN, headers=[("x_" + m, "1")])
    yield "header-name-bad", request(IBAN, headers=[("X " + m, "1")])
    yield "header-value", request(IBAN, headers=[("X-A", m)])
    yield "payvand-header", request(IBAN, headers=[("Payvand-" + m, m)])
    yield "spoof", request(IBAN, headers=[("Payvand-Consumer", m)])
    yield "idempotency-key", request(IBAN, headers=[("Idempotency-Key",
                                                     '"%s"' % m)])
    yield "evidence", request(IBAN, headers=[("Payvand-Evidence", m)])
    yield "signature", request(IBAN, headers=[("Signature", "sig=:%s:" % m)])
    yield "consent", request(IBAN, headers=[("Payvand-Consent", m)])
    yield "case", request(IBAN, headers=[("Payvand-Case", m)])
    yield "purpose", request(IBAN, headers=[("Payvand-Purpose", m)])
    yield "traceparent", request(IBAN, headers=[("traceparent", m)])
    yield "content-type", request(IBAN, kind="application/" + m)
    yield "accept", request(IBAN, headers=[("Accept", "a/" + m)])
    yield "accept-language", request(IBAN, headers=[("Accept-Language", m)])
    yield "digest", request(IBAN, headers=[("Content-Digest",
                                            "sha-256=:%s:" % m)])
    yield "expect", request(IBAN, headers=[("Expect", m)])
    yield "upgrade", request(IBAN, headers=[("Upgrade", m)])
    yield "connection", request(IBAN, headers=[("Connection", m)])
    yield "range", request(IBAN, headers=[("Range", m)])
    yield "te", request(IBAN, headers=[("Transfer-Encoding", m)])
    yield "length", request(IBAN, headers=[("Content-Length", m)],
                            length=False)
    yield "two-hosts", request(IBAN, headers=[("Host", m)])
    chunked = b"Transfer-Encoding: chunked\r\n"
    head = b"POST %s HTTP/1.1\r\nHost: a\r\n" % IBAN.encode()
    word = m.encode()
    yield "chunk-extension", head + chunked + (
        b"\r\n2;a=" + word + b"\r\n{}\r\n0\r\n\r\n")
    yield "chunk-size", head + chunked + b"\r\n" + word + b"\r\n{}\r\n"
    yield "trailer", head + chunked + (
        b"\r\n2\r\n{}\r\n0\r\nX-T: " + word + b"\r\n\r\n")
    yield "http-method", b"%s %s HTTP/1.1\r\nHost: a\r\n\r\n" % (
        word.upper(), IBAN.encode())
    yield "http-method-bad", b"%s %s HTTP/1.1\r\nHost: a\r\n\r\n" % (
        word, IBAN.encode())
    yield "malformed-line", b"POST %s %s HTTP/1.1\r\nHost: a\r\n\r\n" % (
        IBAN.encode(), word)
    yield "malformed-version", b"POST %s %s/1.1\r\nHost: a\r\n\r\n" % (
        IBAN.encode(), word)
    yield "no-version", b"POST /%s\r\n\r\n" % word
    yield "get-0.9", b"GET /x/%s\r\n" % word
    yield "garbage", word + b"\r\n\r\n"
    yield "binary", b"\x16\x03\x01\0" + word + b"\r\n\r\n"
    yield "null", head + b"X: a\0" + word + b"\r\n\r\n"
    yield "bare-cr", head + b"X: a\r" + word + b"\r\n\r\n"
    yield "fold", head + b"X: a\r\n " + word + b"\r\nContent-Length: 2" \
        b"\r\n\r\n{}"
    yield "colonless", head + word + b"\r\n\r\n"
    yield "huge-header", head + b"X: " + word * 2000 + b"\r\n\r\n"
    yield "huge-line", b"POST /x/" + word * 2000 + b" HTTP/1.1\r\n\r\n"
    yield "too-large", request(IBAN, word * 60000)
    yield "get", request(IBAN + "?a=" + m, method="GET")
    yield "status-page", request("/payvand/status?" + m, method="GET")
    yield "cut-short", request(IBAN, body)[:-1 - len(body) // 2]
    yield "two-lengths", head + b"Content-Length: 2\r\nContent-Length: " + \
        word + b"\r\n\r\n{}"


def speak(wire, data):
    """Send and hear what there is; a broken connection is as good."""
    try:
        wire.send(data)
        return wire.answer(timeout=2)
    except (Closed, OSError, ValueError):
        return None


def everything(ex, marker, system=BANK, only=None):
    """Each shape on a connection of its own; what was answered, by shape."""
    answers = {}
    for name, data in shapes(marker):
        if only is not None and name not in only:
            continue
        with ex.wire(system) as w:
            answers[name] = speak(w, data)
    return answers


def echo(marker):
    return lambda seen, connection: reply(
        json.dumps({"name": marker, "echo": seen.body.decode(
            "latin-1")[:200]}).encode())
