"""Requests that two parsers may read differently: refused, or read one way."""

import socket
import time

import pytest

from harness import BANK, IBAN, LEGAL, answering, assert_outcome
from wire import Closed, request

EXCHANGE = {
    "workers": 2,
    "conf": {"server": "client_header_timeout 2s; client_body_timeout 2s; "
                       "keepalive_timeout 20s;"},
}

HIDDEN = (b"POST %s HTTP/1.1\r\nHost: a\r\nPayvand-Consumer: setad\r\n"
          b"Content-Length: 2\r\n\r\n{}" % LEGAL.encode())


@pytest.fixture
def bank(ex):
    provider = ex.provider["central-bank"]
    for p in ex.provider.values():
        p.clear()
        p.behave = answering()
    return provider


def everything_seen(ex):
    return [s for p in ex.provider.values() for s in p.seen]


def head(*lines, path=IBAN):
    return (b"POST %s HTTP/1.1\r\nHost: exchange.payvand.test\r\n"
            b"Content-Type: application/json\r\n" % path.encode() +
            b"".join(line + b"\r\n" for line in lines) + b"\r\n")


def outcomes(ex, data):
    """All answers to these bytes, until the gate closes or says no more."""
    answers = []
    with ex.wire(BANK) as w:
        try:
            w.send(data)
            while True:
                answers.append(w.answer(timeout=2.5))
        except (Closed, socket.timeout, TimeoutError):
            pass
    return answers


AMBIGUOUS = {
    "both-lengths": head(b"Content-Length: 4", b"Transfer-Encoding: chunked") +
    b"0\r\n\r\n" + HIDDEN,
    "both-lengths-reversed": head(b"Transfer-Encoding: chunked",
                                  b"Content-Length: 4") +
    b"0\r\n\r\n" + HIDDEN,
    "two-lengths": head(b"Content-Length: 2", b"Content-Length: %d" %
                        (2 + len(HIDDEN))) + b"{}" + HIDDEN,
    "two-equal-lengths": head(b"Content-Length: 2", b"Content-Length: 2") +
    b"{}" + HIDDEN,
    "length-list": head(b"Content-Length: 2, 2") + b"{}" + HIDDEN,
    "length-plus": head(b"Content-Length: +2") + b"{}" + HIDDEN,
    "length-minus": head(b"Content-Length: -2") + b"{}" + HIDDEN,
    "length-hex": head(b"Content-Length: 0x2") + b"{}" + HIDDEN,
    "length-empty": head(b"Content-Length: ") + b"{}" + HIDDEN,
    "length-huge": head(b"Content-Length: 99999999999999999999") + b"{}",
    "length-space": head(b"Content-Length : 2") + b"{}" + HIDDEN,
    "te-twice": head(b"Transfer-Encoding: chunked",
                     b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + HIDDEN,
    "te-identity": head(b"Transfer-Encoding: identity",
                        b"Content-Length: 2") + b"{}" + HIDDEN,
    "te-gzip-chunked": head(b"Transfer-Encoding: gzip, chunked") +
    b"0\r\n\r\n" + HIDDEN,
    "te-chunked-list": head(b"Transfer-Encoding: chunked, identity") +
    b"0\r\n\r\n" + HIDDEN,
    "te-xchunked": head(b"Transfer-Encoding: xchunked", b"Content-Length: 2") +
    b"{}" + HIDDEN,
    "te-space": head(b"Transfer-Encoding : chunked", b"Content-Length: 2") +
    b"0\r\n\r\n" + HIDDEN,
    "te-folded": head(b"Transfer-Encoding:\r\n chunked",
                      b"Content-Length: 5") + b"0\r\n\r\n" + HIDDEN,
    "obs-fold": head(b"X-A: b\r\n c: d", b"Content-Length: 2") + b"{}",
    "obs-fold-spoof": head(b"Accept: a\r\n\tPayvand-Consumer: setad",
                           b"Content-Length: 2") + b"{}",
    "te-tab": head(b"Transfer-Encoding:\tchunked\x0b", b"Content-Length: 2") +
    b"{}" + HIDDEN,
    "underscore-length": head(b"Content_Length: 2", b"Content-Length: 2") +
    b"{}",
    "chunk-bad-size": head(b"Transfer-Encoding: chunked") + b"zz\r\n{}\r\n",
    "chunk-negative": head(b"Transfer-Encoding: chunked") + b"-2\r\n{}\r\n",
    "chunk-overflow": head(b"Transfer-Encoding: chunked") +
    b"ffffffffffffffffff\r\n{}\r\n",
    "chunk-no-crlf": head(b"Transfer-Encoding: chunked") + b"2\r\n{}0\r\n\r\n",
    "chunk-space": head(b"Transfer-Encoding: chunked") + b" 2\r\n{}\r\n",
    "chunk-0x": head(b"Transfer-Encoding: chunked") + b"0x2\r\n{}\r\n0\r\n\r\n",
    "te-http10": (b"POST %s HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
                  b"0\r\n\r\n" % IBAN.encode()) + HIDDEN,
    "no-host": (b"POST %s HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" %
                IBAN.encode()) + HIDDEN,
    "two-hosts": head(b"Host: other", b"Content-Length: 2") + b"{}" + HIDDEN,
    "null-in-header": head(b"X-A: b\0c", b"Content-Length: 2") + b"{}",
    "bare-cr": head(b"X-A: b\rPayvand-Consumer: setad",
                    b"Content-Length: 2") + b"{}",
    "http-0.9": b"POST %s\r\n\r\n" % IBAN.encode(),
    "http-2.0": b"POST %s HTTP/2.0\r\nHost: a\r\nContent-Length: 0\r\n\r\n" %
    IBAN.encode(),
    "http-1.11": b"POST %s HTTP/1.11\r\nHost: a\r\nContent-Length: 0\r\n\r\n" %
    IBAN.encode(),
    "space-in-line": b"POST %s  HTTP/1.1\r\nHost: a\r\nContent-Length: 0"
                     b"\r\n\r\n" % IBAN.encode(),
    "colonless": head(b"Payvand-Consumer setad", b"Content-Length: 2") + b"{}",
    "empty-name": head(b": setad", b"Content-Length: 2") + b"{}",
}


@pytest.mark.parametrize("shape", sorted(AMBIGUOUS))
def test_no_second_request_hides_in_a_first(ex, bank, shape):
    """The hidden call would be answered if it were sent honestly: a granted
    caller, only its Payvand-Consumer is forged, and it names no purpose."""
    answers = outcomes(ex, AMBIGUOUS[shape])
    for seen in everything_seen(ex):
        assert seen.get("Payvand-Consumer") == BANK
        assert seen.path != LEGAL, shape
        assert b"setad" not in seen.raw
        # the gate's own framing, in one way only
        lengths = seen.all("Content-Length")
        encodings = seen.all("Transfer-Encoding")
        assert len(lengths) + len(encodings) <= 1, seen.headers
        assert b"HTTP/1.1" not in seen.body
    assert len(bank.seen) <= 1
    if not answers:
        assert bank.seen == [] or shape in ("chunk-no-crlf",), shape


REFUSED_OUTRIGHT = sorted(set(AMBIGUOUS) - {
    "underscore-length", "te-http10", "http-0.9", "space-in-line",
    "bare-cr", "obs-fold", "obs-fold-spoof", "colonless", "empty-name",
    "te-identity", "length-space", "te-space", "te-tab", "null-in-header",
    "http-1.11", "te-folded"})


@pytest.mark.parametrize("shape", REFUSED_OUTRIGHT)
def test_an_ambiguous_length_is_refused_and_the_connection_ends(ex, bank,
                                                                shape):
    answers = outcomes(ex, AMBIGUOUS[shape])
    assert bank.seen == [] or shape.startswith("chunk-"), shape
    assert all(a.outcome != "answered" for a in answers), answers
    assert len(answers) <= 1, "the connection went on after %s" % shape


def test_an_honest_pair_in_one_packet_is_two_calls(ex, bank):
    """The control: pipelining works, so the tests above can fail."""
    answers = outcomes(ex, request(IBAN) + request(IBAN, headers=[
        ("Connection", "close")]))
    assert [a.outcome for a in answers] == ["answered", "answered"]
    assert len(bank.seen) == 2


def test_malformed_requests_get_a_problem_not_a_page(ex):
    with ex.wire(BANK) as w:
        answer = w.ask(b"POST " + IBAN.encode() +
                       b" HTTP/1.1\r\nHost: a\r\nHost: b\r\n"
                       b"Content-Length: 2\r\n\r\n{}")
    assert answer.status == 400
    assert b"<html" not in answer.body.lower(), answer


def test_a_body_over_the_limit_is_refused_before_it_is_sent(ex, bank):
    with ex.wire(BANK) as w:
        w.send(head(b"Content-Length: 2000000"))
        answer = w.answer()
    assert answer.status == 413
    assert_outcome(answer, "invalid", "body-too-large")
    record = ex.record(answer.tracking_id)
    assert (record["decision"], record["reason"]) == ("invalid",
                                                      "body-too-large")
    assert (record["consumer"], record["method"], record["size"]) == (
        BANK, "verify", "big")
    assert "grant" not in record
    assert bank.seen == []


def test_who_sends_too_much_is_told_first_that_nobody_knows_him(ex, pki, bank):
    with ex.wire(identity=pki.make("stranger-too-large")) as w:
        w.send(head(b"Content-Length: 2000000"))
        answer = w.answer()
    assert_outcome(answer, "refused", "key-unregistered")
    with ex.wire() as w:
        w.send(head(b"Content-Length: 2000000"))
        answer = w.answer()
    assert_outcome(answer, "refused", "certificate-missing")
    assert bank.seen == []


def test_a_chunked_body_over_the_limit_never_arrives_whole(ex, bank):
    bank.behave = answering()
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    answer = None
    with ex.wire(BANK) as w:
        try:
            w.send(head(b"Transfer-Encoding: chunked"))
            for _ in range(40):
                w.send(chunk)
            w.send(b"0\r\n\r\n")
        except (Closed, OSError):
            pass
        try:
            answer = w.answer()
        except (Closed, OSError):
            pass
    if answer is not None:
        assert answer.status == 413
        assert_outcome(answer, "invalid", "body-too-large")
        ex.expect(answer, "invalid")
    assert bank.seen == []


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 65535, 65536, 1048576])
def test_a_body_at_the_limit_passes(ex, bank, size):
    with ex.wire(BANK) as w:
        answer = w.ask(request(IBAN, b"a" * size))
    assert_outcome(answer, "answered")
    assert len(bank.seen[-1].body) == size


def test_too_many_headers_are_refused(ex, bank):
    lines = [b"X-%d: %s" % (i, b"v" * 500) for i in range(200)]
    answers = outcomes(ex, head(*lines, b"Content-Length: 2") + b"{}")
    assert all(a.outcome != "answered" for a in answers)
    assert bank.seen == []


def test_a_slow_header_is_cut_off(ex, bank):
    with ex.wire(BANK) as w:
        started = time.monotonic()
        ended = False
        for byte in head(b"Content-Length: 2"):
            try:
                w.send(bytes([byte]))
                time.sleep(0.2)
            except (Closed, OSError):
                ended = True
            if ended or time.monotonic() - started > 12:
                break
            try:
                w.sock.settimeout(0.001)
                w.stream.fill()
            except (socket.timeout, TimeoutError):
                pass
            except Closed:
                ended = True
        assert ended, "a slow header was read for 12 s"
    assert bank.seen == []


def test_a_slow_body_is_cut_off_and_recorded(ex, bank):
    started = time.monotonic()
    with ex.wire(BANK) as w:
        w.send(head(b"Content-Length: 100") + b"{")
        try:
            answer = w.answer(timeout=15)
        except Closed:
            answer = None
    assert time.monotonic() - started < 10
    if answer is not None:
        assert answer.outcome != "answered"
        assert answer.status in (408, 400)
    assert all(len(s.body) == 100 for s in bank.seen)


def test_slow_senders_do_not_hold_others_up(ex, bank):
    slow = []
    for _ in range(60):
        w = ex.wire(BANK)
        w.send(head(b"Content-Length: 100") + b"{")
        slow.append(w)
    started = time.monotonic()
    for _ in range(20):
        assert_outcome(ex.call(BANK, IBAN), "answered")
    assert time.monotonic() - started < 2
    for w in slow:
        w.close()


def test_a_caller_that_leaves_in_mid_body_does_no_harm(ex, bank):
    for _ in range(30):
        w = ex.wire(BANK)
        w.send(head(b"Content-Length: 100") + b"{")
        w.close()
    assert_outcome(ex.call(BANK, IBAN), "answered")
    assert all(len(s.body) in (2, 100) for s in bank.seen)


def test_a_caller_that_leaves_at_once_leaves_a_whole_record(ex, bank):
    """Its call may be recorded and not forwarded, never the other way."""
    for _ in range(40):
        w = ex.wire(BANK)
        w.send(request(IBAN))
        w.close()
    time.sleep(1.5)
    known = ex.requests()
    for seen in bank.seen:
        assert seen.tracking_id in known
    assert_outcome(ex.call(BANK, IBAN), "answered")
