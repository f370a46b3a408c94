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
import subprocess
import time

from harness import (BANK, FIC, HOST, IBAN, LEGAL, NOTE_PARTIES, TAX,
                     assert_outcome, wait_for)
from marker import (echo, everything, forms, nothing_found, search, shapes,
                    speak)
from reading import ReadExchange, ask, peer_headers
from wire import Closed, Provider, reply, request


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
