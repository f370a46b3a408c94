"""R-076: content is found nowhere on disk, whatever happened to the call.

One word, made anew for each run, travels in every place a caller or a
provider can put a word. After each storm the whole run folder (logs, journal,
image, temp folders of every nginx, core dumps), the folders nginx would use by
default and the machine's places for core dumps are searched for it, plain and
in the encodings in which it could hide.
"""

import base64
import json
import os
import random
import signal
import sqlite3
import string
import subprocess
import tempfile
import threading
import time

import pytest

from harness import (BANK, FIC, HOST, IBAN, LEGAL, NOTE_PARTIES, SANITIZE, TAX,
                     answering, assert_outcome, children_of, is_alive,
                     wait_for)
from reading import ReadExchange, ask, peer_headers
from wire import Closed, Provider, reply, request

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
                for how, needle in needles.items():
                    if _contains(path, needle):
                        found.append((path, how))
                if marker in name:
                    found.append((path, "name"))
    return found


def _contains(path, needle):
    keep = len(needle) - 1
    tail = b""
    try:
        with open(path, "rb") as file:
            while True:
                data = file.read(1 << 20)
                if not data:
                    return False
                if needle in tail + data:
                    return True
                tail = data[-keep:]
    except OSError:
        return False


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


@pytest.fixture
def marker():
    return new_marker()


@pytest.fixture
def marked(make):
    """An exchange that may dump cores as large as it likes, logging all."""
    def start(**more):
        conf = dict(more.pop("conf", {}))
        conf.setdefault("level", "info")
        more.setdefault("workers", 2)
        return make(core=True, conf=conf, deploy=short, **more)
    return start


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


def test_the_search_finds_what_is_there(home, pki, marker):
    """The control: one leaked word in one file, in any of the forms."""
    class Fake:
        pass
    fake = Fake()
    fake.home = home
    assert search(fake, marker) == []
    for how, needle in forms(marker).items():
        path = os.path.join(home, "f-" + how)
        with open(path, "wb") as file:
            file.write(b"x" * ((1 << 20) - 10) + needle + b"y")
        assert (path, how) in search(fake, marker)
        os.unlink(path)
    for pad in range(3):
        with open(os.path.join(home, "f"), "wb") as file:
            file.write(base64.b64encode(b"z" * pad + marker.encode() + b"zz"))
        assert search(fake, marker), pad


def test_success_and_every_shape_of_request_leave_nothing(marked, marker):
    ex = marked()
    ex.provider["central-bank"].behave = echo(marker)
    answers = everything(ex, marker)
    assert_outcome(answers["body"], "answered")
    assert_outcome(answers["large-body"], "answered")
    assert_outcome(answers["idempotency-key"], "answered")
    assert any(marker in s.body.decode("latin-1")
               for s in ex.provider["central-bank"].seen)
    words = {a.outcome for a in answers.values() if a is not None}
    assert {"answered", "invalid", "refused"} <= words, words
    time.sleep(1.2)
    nothing_found(ex, marker)


def test_a_later_request_of_a_kept_connection_leaves_nothing(marked, marker):
    ex = marked()
    for _, data in shapes(marker):
        with ex.wire(BANK) as w:
            assert_outcome(w.ask(request(IBAN)), "answered")
            speak(w, data)
    nothing_found(ex, marker)


def test_every_refusal_leaves_nothing(marked, pki, marker):
    ex = marked()
    body = json.dumps({"national_id": marker}).encode()
    late = pki.make("late", key=pki.of(BANK).key, end=-1 * _day())
    callers = {
        "certificate-missing": {}, "certificate-expired": {"identity": late},
        "key-unregistered": {"identity": pki.make("nobody")},
        "certificate-invalid": {"identity": pki.self_made("own")},
    }
    got = set()
    for reason, who in callers.items():
        with ex.wire(**who) as w:
            got.add(speak(w, request(IBAN, body)).reason)
        for name in ("query", "header-value", "malformed-line", "host"):
            with ex.wire(**who) as w:
                speak(w, dict(shapes(marker))[name])
    for system, path in ((BANK, TAX), (BANK, LEGAL), (FIC, NOTE_PARTIES),
                         ("privatisation-organisation-main", TAX),
                         ("red-crescent-main",
                          "/x/civil-registration-organisation/identity-match/"
                          "v1/verify"),
                         ("kanoon-children-youth-main",
                          "/x/national-post-company/postal-code/v1/inquire"),
                         ("kanoon-children-youth-main",
                          "/x/national-post-company/postal-code/v1/inquire")):
        got.add(ex.call(system, path, body).reason)
    ex.deployment["methods"].append(
        {"path": LEGAL, "notices": [{"from": "2020-01-01T00:00:00Z",
                                     "until": "2099-01-01T00:00:00Z"}]})
    ex.import_policy()
    got.add(ex.call(BANK, LEGAL, body, purpose="facility-review").reason)
    ex.system(FIC)["networks"] = ["127.0.0.9/32"]
    ex.import_policy()
    got.add(ex.call(FIC, TAX, body).reason)
    assert {"certificate-missing", "certificate-expired", "key-unregistered",
            "certificate-invalid", "no-grant", "purpose-missing",
            "grant-ended", "grant-suspended", "rate", "outage",
            "network-not-registered"} <= got, got
    time.sleep(1.2)
    nothing_found(ex, marker)


def _day():
    from datetime import timedelta
    return timedelta(days=1)


def test_names_in_the_handshake_leave_nothing(marked, pki, marker):
    """SNI, and the subject of certificates good, foreign and self-made."""
    ex = marked()
    name = marker + ".example"
    subject = "/O=%s/CN=%s" % (marker, marker)
    for identity in (
            pki.make("own-" + marker[:6], key=pki.of(BANK).key,
                     subject=subject, names=[name]),
            pki.make("own-x", subject=subject, names=[name]),
            pki.make("own-y", authority=pki.stranger, subject=subject),
            pki.self_made("own-z")):
        for host in (name, HOST):
            context = None
            try:
                w = ex.wire(identity=identity, server_name=host)
            except OSError:
                # our client would not take the name: do not check it
                import ssl
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                context.load_cert_chain(identity.cert, identity.key)
                w = ex.wire(server_name=host, context=context)
            with w:
                speak(w, request(IBAN))
                speak(w, request(IBAN + "?"))
    # handshakes that fail
    import socket
    for data in (marker.encode() + b"\r\n\r\n",
                 b"GET /%s HTTP/1.1\r\nHost: %s\r\n\r\n" % (
                     marker.encode(), marker.encode())):
        with socket.create_connection(ex.address) as plain:
            plain.sendall(data)
            try:
                plain.recv(4096)
            except OSError:
                pass
    for protocol in ("-tls1_2", "-tls1_3"):
        subprocess.run(["/usr/bin/openssl", "s_client", "-connect",
                        "%s:%d" % ex.address, "-servername", name, "-alpn",
                        marker, protocol], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=10)
    time.sleep(0.5)
    nothing_found(ex, marker)


def misbehaviours(marker):
    m = marker.encode()

    def raw(data):
        def behave(seen, connection):
            connection.send(data)
            return None
        return behave

    yield "crash", lambda s, c: None
    yield "reset", lambda s, c: c.abort()
    yield "garbage", raw(m + b"\r\n\r\n")
    yield "bad-status", raw(b"HTTP/1.1 " + m + b"\r\n\r\n")
    yield "bad-header", raw(b"HTTP/1.1 200 OK\r\n" + m + b"\r\n\r\n" + m)
    yield "header", lambda s, c: reply(m, headers=[("X-" + marker, marker)])
    yield "huge-header", raw(b"HTTP/1.1 200 OK\r\nX: " + m * 9000 +
                             b"\r\n\r\n")
    yield "redirect", lambda s, c: reply(m, "302 Found", headers=[
        ("Location", "https://%s/" % marker)])
    yield "accel", lambda s, c: reply(m, headers=[
        ("X-Accel-Redirect", "/" + marker)])
    yield "cookie", lambda s, c: reply(m, headers=[("Set-Cookie",
                                                    "a=" + marker)])
    yield "error", lambda s, c: reply(m, "500 " + marker)
    yield "short", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + m)
    yield "chunk", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                       b"\r\n" + m + b"\r\n")
    yield "extension", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
                           b"\r\n\r\n2;" + m + b"\r\n{}\r\n0\r\nT: " + m +
                           b"\r\n\r\n")
    yield "two-lengths", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                             b"Content-Length: " + m + b"\r\n\r\n{}")
    yield "101", raw(b"HTTP/1.1 101 " + m + b"\r\nUpgrade: " + m +
                     b"\r\n\r\n" + m)
    yield "large", lambda s, c: reply(m * 40000)
    yield "outcome", lambda s, c: reply(m, headers=[("Payvand-Outcome",
                                                     marker)])
    yield "invalid", lambda s, c: reply(m, headers=[("Payvand-Outcome",
                                                     "invalid")])

    def late(seen, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + m)
        time.sleep(1.2)
        return None

    yield "late", late


def test_providers_that_break_leave_nothing(marked, pki, marker):
    ex = marked()
    bank = ex.provider["central-bank"]
    body = json.dumps({"national_id": marker}).encode()
    words = {}
    for name, behave in misbehaviours(marker):
        bank.behave = behave
        with ex.wire(BANK) as w:
            answer = speak(w, request(IBAN, body * 50))
            words[name] = answer.outcome if answer is not None else None
    assert words["crash"] == "failed" and words["error"] == "failed", words
    assert words["large"] == "answered", words
    # a provider with the marker in its certificate, and none at all
    system = "central-bank-connector"
    odd = Provider("odd", pki.make(system, subject="/CN=" + marker),
                   pki.root.cert)
    for row in ex.deployment["endpoints"]:
        if row["system"] == system:
            row["port"] = odd.port
    ex.import_policy()
    assert ex.call(BANK, IBAN, body).outcome == "failed"
    odd.stop()
    assert ex.call(BANK, IBAN, body).outcome == "failed"
    time.sleep(1.2)
    nothing_found(ex, marker)


def test_callers_that_read_slowly_or_leave_leave_nothing(marked, marker):
    """A large answer nobody reads must wait in the provider, not on disk."""
    ex = marked()
    m = marker.encode()
    ex.deployment["methods"] = [{"path": IBAN, "deadline_ms": 3000,
                                 "answer_max_len": 8 << 20}]
    ex.import_policy()
    ex.provider["central-bank"].behave = lambda s, c: reply(m * 300000)
    wires = []
    for _ in range(6):
        w = ex.wire(BANK)
        w.send(request(IBAN, b'"%s"' % m))
        wires.append(w)
    time.sleep(1.5)
    held = subprocess.run(["find", ex.path("tmp"), "-type", "f"],
                          stdout=subprocess.PIPE).stdout
    assert held == b"", "nginx spooled to " + held.decode()
    nothing_found(ex, marker)
    for w in wires[:3]:
        w.close()
    for w in wires[3:]:
        w.sock.settimeout(0.3)
        try:
            w.stream.fill()
        except (Closed, OSError):
            pass
        w.close()
    time.sleep(0.5)
    nothing_found(ex, marker)


# ---- the log and those who read it ----------------------------------------

def test_the_log_and_its_readers_hold_no_content(marked, marker):
    """Calls with the word everywhere; then all that anybody can be shown, and
    all files of the log: records, tree, checkpoints, receipts, figures."""
    ex = marked(kind=ReadExchange)
    ex.provider["central-bank"].behave = echo(marker)
    answers = everything(ex, marker)
    done = [a.tracking_id for a in answers.values()
            if a is not None and a.outcome == "answered"]
    assert len(done) > 5

    def look():
        got = ex.read("/trace/v1/receipts/" + done[-1])
        return got.status == 200 and "completion" in got.json
    wait_for("a receipt", look, step=0.2)
    shown = []
    for target in ("/checkpoint", "/tile/0/000.p/8", "/tile/entries/000.p/8",
                   "/trace/v1/requests?limit=1000", "/trace/v1/rollups",
                   "/trace/v1/follow?cursor=0", "/trace/v1/volumes",
                   "/metrics", *("/trace/v1/requests/" + i for i in done),
                   *("/trace/v1/receipts/" + i for i in done)):
        got = ex.read(target)
        assert got.status == 200 or "tile" not in target, (target, got.body)
        shown.append(got.body)
    for how, needle in forms(marker).items():
        for body in shown:
            assert needle not in body, how
    time.sleep(1.2)
    nothing_found(ex, marker)


def test_what_a_reader_asks_for_leaves_nothing(marked, pki, marker):
    """A word in every place of a question to the reader: whoever types a
    person's number there must not write it into the log."""
    ex = marked(kind=ReadExchange)
    ex.call(BANK, IBAN)
    requests = "/trace/v1/requests"
    targets = ["/" + marker, requests + "/" + marker, "/tile/" + marker,
               requests + "?" + marker + "=1", "/trace/v1/receipts/" + marker]
    targets += ["%s?%s=%s" % (requests, name, marker) for name in (
        "consumer", "provider", "service", "outcome", "cursor", "from",
        "until", "limit", "order", "as")]
    targets += ["/trace/v1/%s?%s=%s" % (page, name, marker)
                for page, name in (("follow", "cursor"), ("rollups", "from"),
                                   ("volumes", "from"))]
    named = pki.make("own-reader", authority=pki.stranger,
                     subject="/CN=" + marker)
    operator = peer_headers(ex.operator)
    for target in targets:
        ex.read(target)
        ex.read(target, identity=ex.auditor)
        ex.read(target, as_system=BANK)
        ex.read(target, public=True)
        ex.read(target, identity=named)
    for headers in ({marker: "1"}, {"X-A": marker}, {"Cookie": marker},
                    {"Payvand-Peer-Certificate": marker},
                    {"Payvand-Peer-Address": marker},
                    {"Payvand-Peer-Verify": marker},
                    {"Host": marker}, {"User-Agent": marker}):
        ask(ex.api, requests, dict(operator, **headers))
        ask(ex.local, requests, headers)
    for method in ("POST", marker.upper(), "HEAD"):
        ask(ex.api, requests, operator, method=method)
    time.sleep(0.5)
    nothing_found(ex, marker)


def test_a_killed_log_leaves_nothing(marked, marker):
    """SIGSEGV and SIGABRT would dump core, with no limit set."""
    ex = marked(kind=ReadExchange)
    if SANITIZE:
        ex.allow = ("AddressSanitizer",)
    ex.provider["central-bank"].behave = echo(marker)
    body = json.dumps({"national_id": marker}).encode()
    for sig in (signal.SIGSEGV, signal.SIGABRT):
        for _ in range(5):
            ex.call(BANK, IBAN, body)
        def beside():
            return [p for s in children_of(ex.traced.pid)
                    for p in children_of(s)]

        wait_for("log, signer, keeper and reader", lambda: len(beside()) >= 4)
        struck = beside()
        for pid in struck:
            ex.kill_pid(pid, sig)
        wait_for("them to be gone", lambda: not any(map(is_alive, struck)))
        wait_for("the reader again", lambda: _reads(ex), step=0.2)
    cores = [f for folder in (ex.home, ex.path("log"), ex.path("log.d"))
             for f in os.listdir(folder) if f.startswith("core")]
    assert cores == []
    nothing_found(ex, marker)


def _reads(ex):
    try:
        return ex.read("/checkpoint").status == 200
    except OSError:
        return False


def open_calls(ex, marker, count=6):
    """Calls that hang at the provider, the marker in worker memory."""
    release = threading.Event()
    body = json.dumps({"national_id": marker}).encode()
    bank = ex.provider["central-bank"]
    bank.behave = lambda s, c: release.wait(5) and None
    wires = []
    for _ in range(count):
        w = ex.wire(BANK)
        w.send(request(IBAN, body * 100, headers=[
            ("Idempotency-Key", '"%s"' % marker)]))
        wires.append(w)
    wait_for("calls at the provider", lambda: len(bank.seen) >= 1)
    return wires, release


@pytest.mark.parametrize("sig", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_killed_worker_leaves_nothing(marked, marker, sig):
    """SIGSEGV and SIGABRT would dump core, with no limit set."""
    ex = marked()
    if SANITIZE:
        ex.allow = ("AddressSanitizer",)  # it tells of the signal we send
    wires, release = open_calls(ex, marker)
    pids = ex.worker_pids()
    for pid in pids:
        ex.kill_pid(pid, getattr(signal, sig))
    wait_for("workers to be gone", lambda: not any(map(is_alive, pids)))
    release.set()
    for w in wires:
        w.close()
    wait_for("workers again", lambda: len(ex.worker_pids()) == 2)
    cores = [f for f in os.listdir(ex.home) if f.startswith("core")]
    cores += [f for f in os.listdir(ex.path("log")) if f.startswith("core")]
    for line in ex.log_text().splitlines():
        assert "core dumped" not in line, line
    assert cores == []
    nothing_found(ex, marker)
    ex.provider["central-bank"].behave = answering()
    assert_outcome(ex.call(BANK, IBAN), "answered")


def test_a_worker_does_not_let_itself_be_read(marked):
    """Not dumpable: no core, and no other user's debugger."""
    ex = marked()
    for pid in ex.worker_pids():
        with open("/proc/%d/limits" % pid) as file:
            core = [line for line in file if "core file" in line][0]
        st = os.stat("/proc/%d/environ" % pid)
        # of a process that is not dumpable the kernel gives this to root
        dumpable = st.st_uid == os.getuid() and os.getuid() != 0
        assert " 0 " in core or not dumpable, core


def test_traced_killed_or_gone_leaves_nothing(marked, marker):
    ex = marked()
    m = json.dumps({"national_id": marker}).encode()
    ex.call(BANK, IBAN, m)
    os.kill(ex.traced.pid, signal.SIGSTOP)
    w = ex.wire(BANK)
    w.send(request(IBAN, m * 500))
    time.sleep(0.2)
    ex.traced.kill(signal.SIGABRT)
    os.kill(ex.traced.pid, signal.SIGCONT)
    ex.traced.popen.wait()
    ex.traced.file.close()
    ex.processes.remove(ex.traced)
    answer = w.answer()
    assert answer.outcome == "unavailable", answer
    everything(ex, marker, only=("body", "query", "header-value",
                                 "malformed-line"))
    ex.start_traced()
    wait_for("calls again", lambda:
             ex.call(BANK, IBAN, m).outcome == "answered", step=0.1)
    w.close()
    nothing_found(ex, marker)
    cores = [f for f in os.listdir(ex.path("log")) if f.startswith("core")]
    assert cores == []


def test_a_killed_whole_leaves_nothing(marked, marker):
    ex = marked()
    wires, release = open_calls(ex, marker)
    ex.kill_traced()
    ex.kill_nginx()
    release.set()
    for w in wires:
        w.close()
    nothing_found(ex, marker)
    ex.start_traced()
    ex.start_nginx()
    ex.provider["central-bank"].behave = answering()
    assert_outcome(ex.call(BANK, IBAN), "answered")
    nothing_found(ex, marker)


def test_a_full_journal_disk_fails_closed_and_leaves_nothing(make, marker):
    """Nothing is forwarded that cannot be recorded; when there is room
    again, it goes on by itself or after traced is started again."""
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small disk")
    disk = tempfile.mkdtemp(prefix="pv-full-")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none",
                       disk]).returncode != 0:
        os.rmdir(disk)
        pytest.skip("no mounting here")
    ex = None
    body = json.dumps({"national_id": marker}).encode()
    try:
        ex = make(workers=2, core=True, journal=disk,
                  traced_args=["--segment-size", "1048576"])
        bank = ex.provider["central-bank"]
        filler = os.path.join(disk, "filler")
        answered = 0
        assert_outcome(ex.call(BANK, IBAN, body), "answered")
        with open(filler, "wb") as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
                    file.flush()
            except OSError:
                pass
        end = time.monotonic() + 40
        answer = None
        while time.monotonic() < end:
            before = len(bank.seen)
            answer = ex.call(BANK, IBAN, body)
            if answer.outcome != "answered":
                break
            answered += 1
        assert answer.outcome == "unavailable", (answered, answer)
        assert answer.reason in ("journal-full", "journal-down"), answer
        assert len(bank.seen) == before, "forwarded without a record"
        everything(ex, marker, only=("body", "query", "header-value"))
        nothing_found(ex, marker, [disk])
        os.unlink(filler)

        def again():
            return ex.call(BANK, IBAN, body).outcome == "answered"

        try:
            wait_for("calls again", again, step=0.2)
        except AssertionError:
            ex.kill_traced()
            ex.start_traced()
            wait_for("calls again after a new start", again, step=0.2)
        nothing_found(ex, marker, [disk])
        if ex.traced.popen.poll() is not None:
            ex.traced.expected_dead = True
    finally:
        if ex is not None:
            ex.close_callers()
            for process in list(ex.processes):
                process.expected_dead = True
                ex.note(process.stop())
            ex.processes = []
        subprocess.run(["umount", disk])
        os.rmdir(disk)


def test_a_real_connector_leaves_nothing(make, marker, tmp_path_factory):
    """Also in the provider's own logs and in its nginx."""
    from connectors import Connectors, make_country
    folder, listing = make_country(str(tmp_path_factory.mktemp("c")), 1000)
    match = "/x/civil-registration-organisation/identity-match/v1/verify"
    agency = "civil-registration-organisation"
    ex = make(workers=1, core=True)
    real = Connectors(ex, folder, [agency]).start()
    ex.import_policy()
    sample = dict(listing["samples"]["identity-match/verify"][0]["input"])
    city = "mashhad-municipality-main"
    for change in ({"first_name": marker}, {"national_id": marker},
                   {marker: "1"}, {"father_name": marker * 20}):
        ex.call(city, match, dict(sample, **change))
    ex.call(city, match, b'{"' + marker.encode())
    ex.call(city, match, dict(sample), headers=[
        ("Idempotency-Key", '"%s"' % marker)])
    real.kill_one(agency)
    ex.call(city, match, dict(sample, first_name=marker))
    real.start_one(agency)
    ex.call(city, match, dict(sample, first_name=marker))
    time.sleep(1.2)
    nothing_found(ex, marker)


def test_every_pattern_through_real_connectors_leaves_nothing(
        make, marker, tmp_path_factory):
    """Inquiry, verify, list and command, the word in what is asked and in what
    is answered. A provider's own register keeps what a command brings."""
    from connectors import Connectors, make_country
    from test_services import live_grants, path_of
    folder, listing = make_country(str(tmp_path_factory.mktemp("c")), 1000)
    agencies = ["civil-registration-organisation",
                "information-technology-organisation"]
    with sqlite3.connect(os.path.join(folder, agencies[0] + ".sqlite")) as db:
        db.execute("UPDATE person SET first_name = ?", (marker,))
        db.execute("UPDATE place SET city = ?", (marker,))
    ex = make(workers=1, core=True, probes=False, probe_services=True,
              providers=agencies)
    Connectors(ex, folder, agencies).start()
    ex.import_policy()
    grants = live_grants()

    def call(service, method, values, **more):
        system, purpose = grants.get((service, method)) or grants[service, None]
        return ex.call(system, path_of(service, method), values,
                       purpose=purpose, **more)

    def sample(service, method, expect):
        return [c["input"] for c in listing["samples"][
            "%s/%s" % (service, method)] if c["expect"] == expect][0]

    told = []
    for service, method, expect in (
            ("natural-person-inquiry", "inquire", "found"),
            ("residence-location", "inquire", "found"),
            ("newborn-birth-certificate-list", "list", "found")):
        told.append(call(service, method, sample(service, method, expect)))
        assert_outcome(told[-1], "answered")
        # the list has no names: they are what its rows stand beside
        assert method == "list" or marker.encode() in told[-1].body, told[-1]
    match = sample("identity-match", "verify", "yes")
    told.append(call("identity-match", "verify",
                     {**match, "first_name": marker}))
    assert told[-1].json == {"result": "yes"}
    for word in (marker, marker * 20):
        told.append(call("chapar-message", "submit", {
            "national_id": "9991234561", "text": word},
            headers=[("Idempotency-Key", word[:60])]))
        assert_outcome(told[-1], "answered")
    for answer in told:
        assert ex.completion(answer.tracking_id)[4] == "answered"
    nothing_found(ex, marker)
