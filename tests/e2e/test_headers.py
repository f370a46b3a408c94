"""Headers pass by allow-list, both ways; nothing else ever passes."""

import pytest

from harness import BANK, IBAN, answering, assert_outcome
from wire import reply, request

EXCHANGE = {"workers": 1}

SET_BY_THE_GATE = ["Payvand-Consumer", "Payvand-Grant", "Payvand-Tracking-Id",
                   "Payvand-Path"]

# a value of each that keeps its grammar
ALLOWED_IN = {
    "Accept": "application/json",
    "Accept-Language": "fa, en;q=0.5",
    "Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "Signature": "sig1=:YW55IGJ5dGVzIGRvIGhlcmU=:",
    "Signature-Input": 'sig1=("@method" "@path");created=1732180000;'
                       'keyid="k1"',
    "Content-Digest": "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
    "Payvand-Consent": "4821 0937 5516 2240",
    "Payvand-Evidence": "bm9uY2Utb2YtdGhpcnR5LXR3by1ieXRlcy1sb25nMTI",
}

ALLOWED_OUT = {
    "Content-Digest": ALLOWED_IN["Content-Digest"],
    "Signature": ALLOWED_IN["Signature"],
    "Signature-Input": ALLOWED_IN["Signature-Input"],
}


@pytest.fixture
def bank(ex):
    provider = ex.provider["central-bank"]
    provider.clear()
    provider.behave = answering()
    return provider


def test_the_gate_says_who_calls_and_why(ex, bank):
    answer = ex.call(BANK, IBAN)
    seen = bank.seen[-1]
    assert seen.get("Payvand-Consumer") == BANK
    assert seen.get("Payvand-Grant").startswith("g-m35-r1-02")
    assert seen.get("Payvand-Path") == "nix"  # the exchanges on the way
    assert seen.get("Payvand-Tracking-Id") == answer.tracking_id
    record = ex.record(answer.tracking_id)
    assert record["grant"] == seen.get("Payvand-Grant")


@pytest.mark.parametrize("name", SET_BY_THE_GATE + ["Payvand-Outcome"])
@pytest.mark.parametrize("shape", ["%s", "lower", "UPPER"])
def test_refuses_a_caller_who_sets_what_the_gate_sets(ex, bank, name, shape):
    name = {"%s": name, "lower": name.lower(), "UPPER": name.upper()}[shape]
    with ex.wire(BANK) as w:
        answer = w.ask(request(IBAN, headers=[(name, "setad")]))
    if name.lower() == "payvand-outcome":
        # means nothing in a request: refused or dropped, never passed
        assert all(s.get(name) is None for s in bank.seen)
        return
    assert_outcome(answer, "invalid", "header-not-allowed")
    assert bank.seen == []


@pytest.mark.parametrize("name", [
    "Payvand_Consumer", "Payvand.Consumer", "Payvand-Consumer ",
    " Payvand-Consumer", "Payvand-Consumer\t", "Payvand-Peer-Uid",
    "Payvand-Via", "Payvand-Hop", "Payvand-Unknown", "Payvand-Decision",
    "X-Payvand-Consumer", "Payvand-Peer-System"])
def test_no_spelling_of_a_payvand_header_slips_through(ex, bank, name):
    with ex.wire(BANK) as w:
        answer = w.ask(request(IBAN, headers=[(name, "setad")]))
    for seen in bank.seen:
        assert seen.all("Payvand-Consumer") == [BANK]
        for known, value in seen.headers:
            assert value != "setad", (name, known)
            assert known.lower().strip() in (
                "payvand-consumer", "payvand-grant", "payvand-path",
                "payvand-tracking-id") or not known.lower().startswith(
                    "payvand"), known
    assert answer.outcome in ("answered", "invalid")


@pytest.mark.parametrize("name", ["Payvand-Purpose", "Payvand-Case",
                                  "Payvand-Commitment"])
def test_what_is_for_the_exchange_stays_at_the_exchange(ex, bank, name):
    value = {"Payvand-Purpose": "facility-review",
             "Payvand-Case": "0198f2c4-1111-7222-8333-444455556666",
             "Payvand-Commitment": "A" * 43}[name]
    answer = ex.call(BANK, IBAN, headers=[(name, value)])
    assert_outcome(answer, "answered")
    assert bank.seen[-1].get(name) is None
    record = ex.record(answer.tracking_id)
    assert record[name.split("-")[1].lower()] == value


def test_only_the_listed_request_headers_pass(ex, bank):
    extra = [(n, "leak") for n in (
        "Cookie", "Authorization", "Proxy-Authorization", "Referer", "Origin",
        "User-Agent", "X-Forwarded-For", "X-Real-IP", "Forwarded", "Via",
        "X-Request-Id", "X-Accel-Redirect", "Range", "If-None-Match",
        "If-Modified-Since", "Accept-Encoding", "Pragma", "Cache-Control",
        "Keep-Alive", "From", "DNT", "tracestate", "baggage",
        "X-HTTP-Method-Override", "Content-Encoding", "Content-Language")]
    answer = ex.call(BANK, IBAN, headers=extra + list(ALLOWED_IN.items()))
    assert_outcome(answer, "answered")
    seen = bank.seen[-1]
    for name, value in ALLOWED_IN.items():
        assert seen.get(name) == value, name
    passed = {n.lower() for n, _ in seen.headers}
    assert passed <= {n.lower() for n in ALLOWED_IN} | {
        "host", "connection", "content-type", "content-length",
        "transfer-encoding"} | {n.lower() for n in SET_BY_THE_GATE}, passed
    assert b"leak" not in seen.raw


def test_host_of_the_caller_does_not_reach_the_provider(ex, bank):
    ex.call(BANK, IBAN, host="marker-host.example")
    for seen in bank.seen:
        assert b"marker-host" not in seen.raw


@pytest.mark.parametrize("name", sorted(ALLOWED_IN) + [
    "Payvand-Purpose", "Payvand-Case", "Payvand-Commitment", "Content-Type"])
def test_each_passed_header_has_a_length(ex, bank, name):
    with ex.wire(BANK) as w:
        answer = w.ask(request(
            IBAN, headers=[(name, "a" * 7000)],
            kind=None if name == "Content-Type" else "application/json"))
    assert answer.outcome in ("invalid", "refused"), answer
    assert bank.seen == []


@pytest.mark.parametrize("name, value", [
    ("traceparent", "00-xyz"), ("traceparent", "not a trace"),
    ("Payvand-Consent", "4821 0937 5516"),
    ("Payvand-Consent", "4821-0937-5516-224x"),
    ("Payvand-Consent", "۴۸۲۱ ۰۹۳۷ ۵۵۱۶ ۲۲۴۰"),
    ("Payvand-Case", "not-a-uuid"),
    ("Payvand-Case", "0198F2C4-1111-7222-8333-444455556666"),
    ("Payvand-Case", "{0198f2c4-1111-7222-8333-444455556666}"),
    ("Payvand-Commitment", "short"), ("Payvand-Commitment", "A" * 44),
    ("Payvand-Commitment", "!" * 43),
    ("Payvand-Purpose", "Upper-Case"), ("Payvand-Purpose", "two words"),
    ("Payvand-Purpose", "a,b"),
    ("Content-Digest", "plain text"), ("Content-Digest", "md5=:x:, ="),
    ("Accept-Language", "fa\x01"), ("Idempotency-Key", "a\x7fb"),
    ("Payvand-Evidence", "space here"), ("Signature", "sig1=\x80")])
def test_each_passed_header_has_a_grammar(ex, bank, name, value):
    with ex.wire(BANK) as w:
        answer = w.ask(request(IBAN, headers=[(name, value)]))
    assert answer.outcome in ("invalid", "refused"), answer
    assert bank.seen == [], bank.seen[-1].headers


@pytest.mark.parametrize("name", [
    "Payvand-Purpose", "Payvand-Case", "Payvand-Consent", "Payvand-Commitment",
    "Payvand-Evidence", "Idempotency-Key", "traceparent", "Content-Type"])
def test_doubled_headers_are_refused(ex, bank, name):
    value = ALLOWED_IN.get(name, {
        "Payvand-Purpose": "facility-review",
        "Payvand-Case": "0198f2c4-1111-7222-8333-444455556666",
        "Payvand-Commitment": "A" * 43,
        "Content-Type": "application/json"}.get(name))
    headers = [(name, value), (name, value)]
    with ex.wire(BANK) as w:
        answer = w.ask(request(IBAN, headers=headers, kind=None if
                               name == "Content-Type" else "application/json"))
    assert answer.outcome == "invalid", answer
    assert bank.seen == []


@pytest.mark.parametrize("header", [
    ("Expect", "100-continue"), ("Upgrade", "websocket"), ("Upgrade", "h2c"),
    ("Expect", "anything")])
def test_expect_and_upgrade_are_refused(ex, bank, header):
    headers = [header]
    if header[0] == "Upgrade":
        headers.append(("Connection", "upgrade"))
    with ex.wire(BANK) as w:
        answer = w.ask(request(IBAN, headers=headers))
    assert answer.interim == 0
    assert answer.status >= 400
    assert answer.outcome == "invalid", answer
    assert bank.seen == []


@pytest.mark.parametrize("name", ["Content-Type", "Accept", "Payvand-Purpose"])
def test_connection_cannot_name_headers_away(ex, bank, name):
    """Hop-by-hop games: Connection: Payvand-Consumer, close."""
    with ex.wire(BANK) as w:
        answer = w.ask(request(IBAN, headers=[
            ("Connection", "close, Payvand-Consumer, Payvand-Tracking-Id, " +
             name)]))
    for seen in bank.seen:
        assert seen.get("Payvand-Consumer") == BANK
        assert "Payvand-Consumer" not in (seen.get("Connection") or "")
    assert answer.outcome in ("answered", "invalid")


def test_no_line_of_the_configuration_adds_a_header(make):
    """The head of a call is written by the gate alone."""
    ex = make(workers=1, conf={"location":
              "proxy_set_header Payvand-Consumer setad; "
              "proxy_set_header X-Added yes; add_header X-Out yes always; "
              "proxy_set_header Host $http_host;"})
    answer = ex.call(BANK, IBAN, host="marker-host.example")
    assert_outcome(answer, "answered")
    seen = ex.provider["central-bank"].seen[-1]
    assert seen.all("Payvand-Consumer") == [BANK]
    assert seen.get("X-Added") is None
    assert seen.get("Host") == "central-bank-connector.payvand.test"


# the other way


def test_only_the_listed_answer_headers_pass(ex, bank):
    extra = [(n, "leak") for n in (
        "Set-Cookie", "Server", "Location", "Refresh", "X-Accel-Redirect-Not",
        "X-Powered-By", "Via", "ETag", "Link", "Warning", "Age", "Expires",
        "Cache-Control", "Vary", "Access-Control-Allow-Origin",
        "Strict-Transport-Security", "Alt-Svc", "WWW-Authenticate",
        "Last-Modified", "Accept-Ranges", "X-Accel-Charset", "Content-Language",
        "Proxy-Authenticate", "Clear-Site-Data", "Content-Disposition",
        "Server-Timing", "X-Debug")]
    bank.behave = lambda seen, c: reply(headers=extra +
                                        list(ALLOWED_OUT.items()))
    answer = ex.call(BANK, IBAN)
    assert_outcome(answer, "answered")
    for name, value in ALLOWED_OUT.items():
        assert answer.get(name) == value
    assert b"leak" not in answer.raw
    passed = {n.lower() for n, _ in answer.headers}
    assert passed <= {n.lower() for n in ALLOWED_OUT} | {
        "content-type", "content-length", "transfer-encoding", "retry-after",
        "connection", "keep-alive", "date", "server", "payvand-tracking-id",
        "payvand-outcome"}, passed


@pytest.mark.parametrize("name", [n for n in SET_BY_THE_GATE if
                                  n != "Payvand-Tracking-Id"] + [
    "Payvand-Decision", "Payvand_Tracking_Id"])
def test_a_provider_cannot_speak_for_the_gate(ex, bank, name):
    bank.behave = lambda seen, c: reply(headers=[(name, "forged")])
    answer = ex.call(BANK, IBAN)
    assert b"forged" not in answer.raw
    assert_outcome(answer, "answered")


def test_an_answer_to_another_call_goes_nowhere(ex, bank):
    for forged in ("forged", "0198f2c4-0000-7000-8000-000000000000"):
        bank.behave = lambda seen, c, id=forged: reply(
            headers=[("Payvand-Tracking-Id", id)])
        answer = ex.call(BANK, IBAN)
        assert forged.encode() not in answer.raw
        assert answer.outcome == "failed", answer
    bank.behave = lambda seen, c: reply(
        headers=[("Payvand-Tracking-Id", seen.get("Payvand-Tracking-Id"))])
    assert_outcome(ex.call(BANK, IBAN), "answered")


def test_a_caller_sees_the_class_not_the_word_of_the_provider(ex, bank):
    bank.behave = lambda seen, c: reply(headers=[("Payvand-Outcome",
                                                  "triumph")])
    answer = ex.call(BANK, IBAN)
    assert answer.outcome == "failed", answer


@pytest.mark.parametrize("word, status", [
    ("answered", 200), ("invalid", 400), ("failed", 502), ("timeout", 504),
    ("closed", 503)])
def test_the_class_that_a_connector_states_decides_the_status(ex, bank, word,
                                                              status):
    bank.behave = lambda seen, c: reply(headers=[("Payvand-Outcome", word)])
    answer = ex.call(BANK, IBAN)
    assert answer.outcome == word
    assert answer.status == status
    ex.expect(answer, word)


@pytest.mark.parametrize("word", ["refused", "limited", "unavailable",
                                  "unknown"])
def test_a_provider_cannot_claim_the_classes_of_the_exchange(ex, bank, word):
    bank.behave = lambda seen, c: reply(headers=[("Payvand-Outcome", word)])
    answer = ex.call(BANK, IBAN)
    assert answer.outcome in ("failed", "invalid"), answer


@pytest.mark.parametrize("status, word", [
    ("201 Created", "answered"), ("204 No Content", "answered"),
    ("400 Bad Request", "invalid"),
    ("422 Unprocessable Entity", "invalid"), ("401 Unauthorized", "failed"),
    ("403 Forbidden", "failed"), ("404 Not Found", "failed"),
    ("418 Teapot", "failed"), ("429 Too Many", "failed"),
    ("500 Oops", "failed"), ("503 Busy", "failed"), ("599 Odd", "failed")])
def test_a_foreign_providers_status_becomes_a_class(ex, bank, status, word):
    empty = status.startswith("204")
    bank.behave = lambda seen, c: reply(b"" if empty else b"{}", status,
                                        length=not empty)
    answer = ex.call(BANK, IBAN)
    assert answer.outcome == word, answer
    if word == "failed":
        assert answer.problem["outcome"] == "failed"


def test_a_failed_answers_body_is_the_gates_own(ex, bank):
    bank.behave = lambda seen, c: reply(b'{"secret":"stack trace"}',
                                        "500 Oops")
    answer = ex.call(BANK, IBAN)
    assert answer.outcome == "failed"
    assert b"stack trace" not in answer.body


@pytest.mark.parametrize("status, outcome, kind, passes", [
    ("200 OK", "failed", "application/problem+json", True),
    ("200 OK", "failed", "application/json", False),
    ("200 OK", "refused", "application/problem+json", False),
    ("500 Oops", "failed", "application/problem+json", False)])
def test_a_connectors_reason_passes_as_a_problem_alone(ex, bank, status,
                                                       outcome, kind, passes):
    """R-155, R-136: who is refused by the provider reads why."""
    problem = b'{"type":"urn:payvand:problem:consent-used-up"}'
    bank.behave = lambda seen, c: reply(
        problem, status, headers=[("Payvand-Outcome", outcome)], kind=kind)
    answer = ex.call(BANK, IBAN)
    assert (answer.outcome, answer.status) == ("failed", 502)
    assert (answer.body == problem) == passes, answer
    assert passes or answer.reason == "provider-answer"
    assert ex.completion(answer.tracking_id)[4] == "failed"


def test_a_reason_is_no_way_for_an_answer(ex, bank):
    """What is longer than a reason is not one."""
    bank.behave = lambda seen, c: reply(
        b'{"type":"x","data":"%s"}' % (b"a" * 16384),
        headers=[("Payvand-Outcome", "failed")],
        kind="application/problem+json")
    answer = ex.call(BANK, IBAN)
    assert answer.outcome == "failed" and answer.reason == "provider-answer"
    assert b"aaaa" not in answer.body


def test_an_invalid_answers_body_passes(ex, bank):
    problem = b'{"type":"urn:payvand:problem:contract","detail":"national_id"}'
    bank.behave = lambda seen, c: reply(
        problem, headers=[("Payvand-Outcome", "invalid")],
        kind="application/problem+json")
    answer = ex.call(BANK, IBAN)
    assert answer.outcome == "invalid"
    assert answer.status == 400
    assert b"national_id" in answer.body


def test_bodies_pass_to_the_byte_both_ways(ex, bank):
    body = bytes(range(256)) * 300
    bank.behave = lambda seen, c: reply(seen.body)
    for sent in (b"", b"\0", body):
        with ex.wire(BANK) as w:
            answer = w.ask(request(IBAN, sent))
            assert_outcome(answer, "answered")
            assert bank.seen[-1].body == sent
            assert answer.body == sent


def test_a_chunked_body_passes_whole(ex, bank):
    data = (b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json"
            b"\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n"
            b"0\r\n\r\n" % IBAN.encode())
    with ex.wire(BANK) as w:
        answer = w.ask(data)
    assert_outcome(answer, "answered")
    assert bank.seen[-1].body == b'{"a":1}'
    assert ex.record(answer.tracking_id)["size"] == "chunked"
