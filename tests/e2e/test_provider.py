"""Providers that misbehave, and providers that are not who they should be."""

import os
import socket
import threading
import time

import pytest

from harness import (BANK, FIC, IBAN, LEGAL, TAX, answering, assert_outcome,
                     wait_for)
from wire import Closed, Provider, reply, request

METHODS = [
    {"path": IBAN, "deadline_ms": 1500, "connect_timeout_ms": 700,
     "answer_max_len": 65536},
    {"path": TAX, "deadline_ms": 1500, "connect_timeout_ms": 700},
]


def deploy(deployment):
    deployment["methods"] = [dict(m) for m in METHODS]


EXCHANGE = {"workers": 2, "deploy": deploy}


@pytest.fixture
def bank(ex):
    provider = ex.provider["central-bank"]
    provider.clear()
    provider.behave = answering()
    yield provider
    provider.behave = answering()
    provider.drop_connections()


def raw(data):
    """Answer with these bytes and close."""
    def behave(seen, connection):
        connection.send(data)
        return None
    return behave


def failed(ex, answer, outcome="failed"):
    assert answer.outcome == outcome, answer
    assert answer.status == {"failed": 502, "timeout": 504}[outcome]
    ex.expect(answer, outcome)


# what an answer may not do


@pytest.mark.parametrize("name", [
    "X-Accel-Redirect", "X-Accel-Buffering", "X-Accel-Expires",
    "X-Accel-Limit-Rate", "X-Accel-Charset", "x-accel-redirect"])
@pytest.mark.parametrize("value", ["/payvand/status", LEGAL, "/etc/passwd",
                                   "@internal"])
def test_x_accel_redirects_nothing(ex, bank, name, value):
    deeds = ex.provider["deeds-registration-organisation"]
    deeds.clear()
    bank.behave = lambda seen, c: reply(headers=[(name, value)])
    answer = ex.call(BANK, IBAN)
    assert_outcome(answer, "answered")
    assert answer.body == b'{"result":"yes"}'
    assert not any("accel" in n.lower() for n, _ in answer.headers)
    assert deeds.seen == []


@pytest.mark.parametrize("status", [
    "300 Multiple Choices", "301 Moved Permanently", "302 Found",
    "303 See Other", "304 Not Modified", "307 Temporary Redirect",
    "308 Permanent Redirect"])
def test_a_redirect_is_a_failure(ex, bank, status):
    bank.behave = lambda seen, c: reply(
        b"" if status.startswith("304") else b"moved", status,
        headers=[("Location", "https://127.0.0.1:%d%s" % (ex.address[1],
                                                           LEGAL))])
    answer = ex.call(BANK, IBAN)
    failed(ex, answer)
    assert answer.get("Location") is None
    assert b"moved" not in answer.body


def test_101_is_a_failure(ex, bank):
    bank.behave = raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                      b"Connection: upgrade\r\n\r\nfree bytes")
    answer = ex.call(BANK, IBAN)
    failed(ex, answer)
    assert b"free bytes" not in answer.raw + answer.body


@pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing",
                                    b"103 Early Hints"])
def test_interim_answers_never_reach_the_caller(ex, bank, status):
    bank.behave = raw(b"HTTP/1.1 " + status + b"\r\nLink: </leak>\r\n\r\n" +
                      reply())
    answer = ex.call(BANK, IBAN)
    assert answer.interim == 0
    assert b"leak" not in answer.raw
    assert answer.outcome in ("answered", "failed"), answer
    if answer.outcome == "answered":
        assert answer.body == b'{"result":"yes"}'


def test_trailers_are_dropped(ex, bank):
    bank.behave = raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\nTrailer: Payvand-Outcome\r\n\r\n"
        b"10\r\n{\"result\":\"yes\"}\r\n0\r\nPayvand-Outcome: refused\r\n"
        b"X-Leak: leak\r\n\r\n")
    answer = ex.call(BANK, IBAN)
    assert answer.outcome in ("answered", "failed")
    assert answer.trailers == []
    assert b"leak" not in answer.raw + answer.body
    if answer.outcome == "answered":
        assert answer.body == b'{"result":"yes"}'


@pytest.mark.parametrize("data", [
    b"", b"garbage\r\n\r\n", b"\0\0\0\0", b"HTTP/1.1 OK\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1"
    b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9"
    b"\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100000 + b"\r\n\r\n{}",
    b"SSH-2.0-OpenSSH\r\n"], ids=range(11))
def test_a_malformed_answer_is_a_failure(ex, bank, data):
    bank.behave = raw(data)
    answer = ex.call(BANK, IBAN)
    failed(ex, answer)
    assert_outcome(ex.call(FIC, TAX), "answered")


def test_a_malformed_chunk_ends_the_answer_short(ex, bank):
    bank.behave = raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      b"4\r\n{\"a\"\r\nzz\r\n")
    with ex.wire(BANK) as w:
        try:
            answer = w.ask(request(IBAN))
        except (Closed, ValueError):
            answer = None
    if answer is not None:
        assert answer.outcome == "failed", answer
    found = wait_for("the completion", lambda: [
        d for _, r in ex.records() if r["type"] == "completions"
        for d in r["done"]][-1:])
    assert found


def test_an_answer_cut_short_never_looks_whole(ex, bank):
    bank.behave = raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      b"Content-Length: 1000\r\n\r\n{\"result\":")
    with ex.wire(BANK) as w:
        try:
            answer = w.ask(request(IBAN))
            assert answer.outcome == "failed", answer
        except Closed:
            pass
    tracking_id = bank.seen[-1].tracking_id
    assert ex.completion(tracking_id)[4] == "failed"


def test_an_endless_body_is_cut_at_the_methods_limit(ex, bank):
    sent = [0]

    def endless(seen, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json"
                        b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        while sent[0] < 300 << 20:
            connection.send(b"10000\r\n" + b"a" * 65536 + b"\r\n")
            sent[0] += 65536
        return None

    bank.behave = endless
    with ex.wire(BANK) as w:
        w.send(request(IBAN))
        got = 0
        w.sock.settimeout(10)
        try:
            while True:
                w.stream.fill()
                got += len(w.stream.buffer)
                w.stream.buffer = b""
                assert got < 2 << 20, "an answer without end was passed on"
        except Closed:
            pass
    assert got < 2 << 20
    assert ex.completion(bank.seen[-1].tracking_id)[4] in ("failed",
                                                           "timeout")
    bank.behave = answering()
    assert_outcome(ex.call(BANK, IBAN), "answered")


def test_a_declared_length_over_the_limit_is_a_failure(ex, bank):
    bank.behave = lambda seen, c: reply(b"a" * 65537)
    failed(ex, ex.call(BANK, IBAN))
    bank.behave = lambda seen, c: reply(b"a" * 65536)
    assert_outcome(ex.call(BANK, IBAN), "answered")


def test_a_drip_of_bytes_ends_at_the_deadline(ex, bank):
    """The deadline is for the whole call, not between two bytes."""
    def drip(seen, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.send(b" ")
            time.sleep(0.1)
        return None

    bank.behave = drip
    started = time.monotonic()
    with ex.wire(BANK) as w:
        try:
            answer = w.ask(request(IBAN))
            assert answer.outcome == "timeout", answer
        except Closed:
            pass
    assert time.monotonic() - started < 4
    assert ex.completion(bank.seen[-1].tracking_id)[4] == "timeout"


def test_silence_is_a_timeout_at_the_methods_deadline(ex, bank):
    release = threading.Event()

    def silent(seen, connection):
        release.wait(10)
        return None

    bank.behave = silent
    started = time.monotonic()
    answer = ex.call(BANK, IBAN)
    took = time.monotonic() - started
    release.set()
    failed(ex, answer, "timeout")
    assert 1.0 < took < 3.0, took


def test_closing_without_a_word_is_a_failure(ex, bank):
    bank.drop_connections()
    time.sleep(0.1)
    bank.behave = lambda seen, c: None
    failed(ex, ex.call(BANK, IBAN))


# providers that cannot be reached, or are somebody else


def rewire(ex, agency, **changes):
    for row in ex.deployment["endpoints"]:
        if row["system"] == agency + "-connector":
            before = dict(row)
            row.update(changes)
    ex.import_policy()
    return before


@pytest.fixture
def rewired(ex):
    """Change the endpoint of the tax administration for one test."""
    before = []
    ex.provider["tax-administration"].clear()
    ex.provider["tax-administration"].behave = answering()

    def change(**changes):
        row = rewire(ex, "tax-administration", **changes)
        before.append(row)

    yield change
    if before:
        rewire(ex, "tax-administration", **before[0])


def nobody(ex, answer, word="failed"):
    assert answer.outcome == word, answer
    assert ex.provider["tax-administration"].seen == []


def test_a_closed_port_is_a_failure(ex, rewired):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        rewired(port=taken.getsockname()[1])
        answer = ex.call(FIC, TAX)
    nobody(ex, answer)
    assert answer.reason == "provider-unreachable"


def test_a_port_that_never_answers_is_given_up(ex, rewired):
    """TCP connects (backlog), TLS never begins."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(16)
        rewired(port=mute.getsockname()[1])
        started = time.monotonic()
        answer = ex.call(FIC, TAX)
        assert time.monotonic() - started < 4
    assert answer.outcome in ("failed", "timeout"), answer


def impostor(ex, pki, identity, **more):
    return Provider("impostor", identity, pki.root.cert, **more)


@pytest.mark.parametrize("who", ["wrong-key", "self-made", "stranger",
                                 "expired", "wrong-name"])
def test_a_provider_is_chain_and_name_and_pin(ex, pki, rewired, who):
    from datetime import timedelta
    name = "tax-administration-connector"
    key = pki.of(name).key
    identity = {
        "wrong-key": lambda: pki.make(name),
        "self-made": lambda: pki.self_made(name, key),
        "stranger": lambda: pki.make(name, authority=pki.stranger, key=key),
        "expired": lambda: pki.make(name, key=key,
                                    start=timedelta(days=-3),
                                    end=timedelta(days=-1)),
        "wrong-name": lambda: pki.make(name, key=key,
                                       names=["other.payvand.test"]),
    }[who]()
    other = impostor(ex, pki, identity)
    try:
        rewired(port=other.port)
        answer = ex.call(FIC, TAX)
        nobody(ex, answer)
        assert answer.reason == "provider-identity", answer
        assert other.seen == [], "the request was sent to an impostor"
    finally:
        other.stop()


def test_the_same_key_renewed_is_accepted(ex, pki, rewired):
    """The control of the test above: pin and name hold, so it is served."""
    name = "tax-administration-connector"
    other = impostor(ex, pki, pki.make(name, key=pki.of(name).key))
    try:
        rewired(port=other.port)
        assert_outcome(ex.call(FIC, TAX), "answered")
        assert len(other.seen) == 1
    finally:
        other.stop()


def test_plain_http_is_no_provider(ex, rewired):
    heard = []

    def serve(listener):
        try:
            sock, _ = listener.accept()
            heard.append(sock.recv(65536))
            sock.sendall(reply())
            sock.close()
        except OSError:
            pass

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4)
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        rewired(port=listener.getsockname()[1])
        answer = ex.call(FIC, TAX, b'{"national_id":"MARKER"}')
        assert answer.outcome == "failed", answer
    assert all(b"MARKER" not in h and b"POST" not in h for h in heard)


def test_an_old_provider_is_no_provider(ex, pki, rewired):
    import ssl
    name = "tax-administration-connector"
    other = impostor(ex, pki, pki.of(name))
    other.context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        rewired(port=other.port)
        answer = ex.call(FIC, TAX)
        assert answer.outcome == "failed", answer
        assert other.seen == []
    finally:
        other.stop()


def test_the_gate_shows_the_exchanges_certificate(ex, pki, bank):
    assert_outcome(ex.call(BANK, IBAN), "answered")
    assert bank.connections[-1].peer_cert == pki.of("nix").der
    assert "central-bank-connector.payvand.test" in bank.server_names


# endpoints that must never be called


@pytest.mark.parametrize("address, port", [
    ("127.0.0.1", "exchange"), ("169.254.1.1", 443), ("224.0.0.1", 443),
    ("255.255.255.255", 443), ("0.0.0.0", 443), ("0.0.0.0", "provider"),
    ("::ffff:169.254.1.1", 443), ("fe80::1", 443), ("ff02::1", 443),
    ("::", "provider")])
def test_a_forbidden_address_is_never_called(ex, rewired, address, port):
    port = {"exchange": ex.address[1],
            "provider": ex.provider["tax-administration"].port}.get(port, port)
    before = ex.provider["tax-administration"].accepted
    try:
        rewired(address=address, port=port)
    except AssertionError:
        return  # refused at registration: what we want first
    answer = ex.call(FIC, TAX)
    nobody(ex, answer, answer.outcome)
    assert answer.outcome in ("failed", "unavailable"), answer
    assert ex.provider["tax-administration"].accepted == before
    raise AssertionError("registration took the address %s:%s; the gate "
                         "refused it: %s" % (address, port, answer))


def test_a_name_is_not_an_address(ex, rewired):
    with pytest.raises(AssertionError):
        rewired(address="localhost")


def test_the_gate_itself_refuses_loopback_without_the_switch(make):
    """Registration allowed it (the demo); the packages' gate does not."""
    ex = make(conf={"loopback": ""})
    answer = ex.call(BANK, IBAN)
    assert answer.outcome in ("failed", "unavailable", "refused"), answer
    assert ex.provider["central-bank"].accepted == 0


# idle connections


def test_connections_to_a_provider_are_kept(make):
    ex = make(workers=1)
    bank = ex.provider["central-bank"]
    for _ in range(20):
        assert_outcome(ex.call(BANK, IBAN), "answered")
    assert len(bank.connections) <= 2, len(bank.connections)


def test_two_endpoints_on_one_address_share_nothing(make, pki):
    """One TLS port, two names and two keys: a provider's front that hosts
    both. Neither a connection nor a session of one serves the other."""
    import ssl
    ex = make(workers=1)
    bank = ex.provider["central-bank"]
    tax = ex.provider["tax-administration"]
    deeds_context = {}
    for agency in ("central-bank", "tax-administration"):
        identity = pki.of(agency + "-connector")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.cert, identity.key)
        context.load_verify_locations(pki.root.cert)
        context.verify_mode = ssl.CERT_REQUIRED
        deeds_context[agency + "-connector.payvand.test"] = context
    names = {}

    def by_name(sock, name, context):
        sock.context = deeds_context[name]
        bank.server_names.append(name)
        names[id(sock)] = name

    bank.context.sni_callback = by_name
    for row in ex.deployment["endpoints"]:
        if row["system"] == "tax-administration-connector":
            row["port"] = bank.port
    ex.import_policy()
    for _ in range(15):
        assert_outcome(ex.call(BANK, IBAN), "answered")
        assert_outcome(ex.call(FIC, TAX), "answered")
    paths = {}
    for seen in bank.seen:
        paths.setdefault(seen.connection, set()).add(seen.path)
    assert all(len(p) == 1 for p in paths.values()), paths
    assert {p for s in paths.values() for p in s} == {IBAN, TAX}
    assert len(paths) <= 6, "connections were not kept at all"
    # sessions: drop every connection, the next must not resume across
    bank.drop_connections()
    time.sleep(0.2)
    assert_outcome(ex.call(FIC, TAX), "answered")
    assert_outcome(ex.call(BANK, IBAN), "answered")
    assert tax.seen == []


def test_a_changed_pin_forgets_kept_connections(make, pki):
    """The endpoint's version is part of the key: the old connection was
    checked against the old pin."""
    ex = make(workers=1)
    bank = ex.provider["central-bank"]
    assert_outcome(ex.call(BANK, IBAN), "answered")
    for row in ex.deployment["endpoints"]:
        if row["system"] == "central-bank-connector":
            row["spki_sha256"] = pki.make("moved").spki_sha256
    ex.import_policy()
    answer = ex.call(BANK, IBAN)
    assert answer.outcome == "failed", answer
    assert len(bank.seen) == 1


def stale(ex, provider, system, path):
    """A call on a kept connection that the provider closes on the request."""
    for _ in range(3):
        assert_outcome(ex.call(system, path), "answered")
    provider.clear()
    died = []

    def die_once(seen, connection):
        if connection.count > 1 and not died:
            died.append(connection)
            return None  # closes without a byte, after reading the request
        return reply()

    provider.behave = die_once
    return died


def test_a_stale_idle_connection_is_sent_again_once_for_an_inquiry(make):
    ex = make(workers=1)
    tax = ex.provider["tax-administration"]
    died = stale(ex, tax, FIC, TAX)
    answer = ex.call(FIC, TAX)
    assert_outcome(answer, "answered")
    assert len(died) == 1, "the connection was not a kept one"
    assert [s.tracking_id for s in tax.seen] == [answer.tracking_id] * 2
    assert list(ex.requests()).count(answer.tracking_id) == 1
    ex.expect(answer, "answered")


def test_it_is_sent_again_once_only(make):
    ex = make(workers=1)
    tax = ex.provider["tax-administration"]
    for _ in range(3):
        assert_outcome(ex.call(FIC, TAX), "answered")
    tax.clear()
    tax.behave = lambda seen, c: None
    answer = ex.call(FIC, TAX)
    assert answer.outcome == "failed", answer
    assert 1 <= len(tax.seen) <= 2


def test_a_fresh_connection_is_never_sent_again(make):
    ex = make(workers=1)
    tax = ex.provider["tax-administration"]
    tax.behave = lambda seen, c: None
    answer = ex.call(FIC, TAX)
    assert answer.outcome == "failed", answer
    assert len(tax.seen) == 1


def test_nothing_is_sent_again_after_a_byte_of_the_answer(make):
    ex = make(workers=1)
    tax = ex.provider["tax-administration"]
    for _ in range(3):
        assert_outcome(ex.call(FIC, TAX), "answered")
    tax.clear()
    tax.behave = raw(b"HTTP/1.1 2")
    answer = ex.call(FIC, TAX)
    assert answer.outcome == "failed", answer
    assert len(tax.seen) == 1


def test_a_command_is_never_sent_again(make):
    def edit(catalogue):
        for method in catalogue.methods("tax-debt")["methods"]:
            method["pattern"] = "command"
        # the service's contract says inquiry: here it has none
        os.unlink(os.path.join(catalogue.home, "contracts",
                               "tax-administration", "tax-debt.json"))

    ex = make(workers=1, edit=edit)
    tax = ex.provider["tax-administration"]
    headers = [("Idempotency-Key", '"k-1"')]
    for _ in range(3):
        assert_outcome(ex.call(FIC, TAX, headers=headers), "answered")
    tax.clear()
    tax.behave = lambda seen, c: None
    answer = ex.call(FIC, TAX, headers=headers)
    assert answer.outcome == "failed", answer
    assert len(tax.seen) == 1, "a command was sent twice"


def test_one_slow_provider_leaves_the_others_alone(make):
    ex = make(workers=2, deploy=deploy)
    release = threading.Event()
    ex.provider["central-bank"].behave = lambda s, c: release.wait(3) and None
    threads = [threading.Thread(target=lambda: ex.call(BANK, IBAN),
                                daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    slowest = 0
    for _ in range(20):
        started = time.monotonic()
        assert_outcome(ex.call(FIC, TAX), "answered")
        slowest = max(slowest, time.monotonic() - started)
    release.set()
    for thread in threads:
        thread.join(5)
    assert slowest < 0.8, slowest
