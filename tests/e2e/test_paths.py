"""Paths: an independent parser is the oracle, on very many generated ones.

The law: a call is forwarded exactly when the request target, byte for byte,
is the path of a method the caller may use; and what the provider receives is
that same target. Everything else reaches no provider, whatever it looks like
after decoding, normalising or joining.
"""

import random
import re

import pytest

from harness import BANK, HOST, IBAN, LEGAL, POSTAL, TAX
from wire import Closed, request

EXCHANGE = {"workers": 1}

SEGMENT = re.compile(rb"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
VERSION = re.compile(rb"v[1-9][0-9]*\Z")


def oracle(target, allowed):
    """`forward`, or what may be said instead. Knows nothing of the gate."""
    if target in allowed:
        return "forward"
    parts = target.split(b"/")
    if (len(parts) == 6 and parts[0] == b"" and parts[1] == b"x" and
            all(SEGMENT.match(p) for p in parts[2:]) and
            VERSION.match(parts[4])):
        return "unknown-or-refused"
    return "not-canonical"


ALPHABET = [bytes([c]) for c in range(0x21, 0x7F)]
PIECES = [
    b"/", b"//", b"/.", b"/..", b"/./", b"/../", b"%2f", b"%2F", b"%2e",
    b"%2E%2e", b"%25", b"%", b"%0", b"%zz", b"%00", b"%0a", b"%0d%0a", b"%20",
    b"?", b"?a=1", b"?x", b"#", b"#a", b";", b";a=b", b"\\", b"..", b".",
    b"+", b"~", b"*", b"@", b":", b"&", b"=", b",", b"$", b"!", b"'", b"(",
    b"\xc3\xa9", b"\xd9\xbe", b"\xff", b"\x80", b"%c0%af", b"%e0%80%af",
    b"\t", b"\x01", b"\x7f", b"v1", b"V1", b"v01", b"v0", b"x", b"X",
    b"-", b"_", b"A", b"z", b"0", b"/x/", b"/X/", b"http://a", b"/payvand",
    b"/payvand/status",
]


def mutate(rng, base):
    target = base
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        how = rng.randrange(9)
        at = rng.randrange(len(target) + 1)
        if how == 0:
            target = target[:at] + rng.choice(PIECES) + target[at:]
        elif how == 1:
            target = target[:at] + target[at + 1:]
        elif how == 2 and at < len(target):
            target = target[:at] + rng.choice(ALPHABET) + target[at + 1:]
        elif how == 3 and at < len(target):
            byte = target[at]
            form = rng.choice((b"%%%02x", b"%%%02X"))
            target = target[:at] + form % byte + target[at + 1:]
        elif how == 4:
            parts = target.split(b"/")
            index = rng.randrange(len(parts))
            what = rng.randrange(4)
            if what == 0:
                parts.insert(index, rng.choice((b"", b".", b"..", b"x",
                                                b"a/..", b"%2e%2e")))
            elif what == 1:
                del parts[index]
            elif what == 2:
                parts[index] = parts[index].swapcase()
            else:
                other = rng.randrange(len(parts))
                parts[index], parts[other] = parts[other], parts[index]
            target = b"/".join(parts)
        elif how == 5:
            target = target + rng.choice(PIECES)
        elif how == 6:
            target = rng.choice(PIECES) + target
        elif how == 7:
            target = target[:at].upper() + target[at:]
        else:
            target = target + target[rng.randrange(len(target) + 1):]
    return target


def made_up(rng):
    parts = []
    for _ in range(rng.randrange(0, 8)):
        if rng.random() < 0.3:
            parts.append(rng.choice(PIECES))
        else:
            parts.append(b"".join(rng.choice(ALPHABET) for _ in
                                  range(rng.randrange(0, 12))))
    return b"/x/" + b"/".join(parts)


def lengthened(rng, base):
    count = rng.choice((100, 200, 239, 240, 241, 255, 256, 1000, 4000, 9000))
    return base + rng.choice((b"a", b"/a", b"-", b"%61")) * count


def targets(seed, count, methods):
    rng = random.Random(seed)
    for number in range(count):
        kind = rng.randrange(20)
        base = rng.choice(methods)
        if kind == 0:
            yield base
        elif kind <= 15:
            yield mutate(rng, base)
        elif kind <= 18:
            yield made_up(rng)
        else:
            yield lengthened(rng, base)


def sendable(target):
    """A target that is one token of a request line at all."""
    return target and not re.search(rb"[ \r\n\0]", target)


class Prober:
    def __init__(self, ex, system):
        self.ex = ex
        self.system = system
        self.wire = None
        self.opened = 0

    def ask(self, target):
        """(status, answer or None when the gate closed without answering)"""
        data = request(target, b"{}")
        for attempt in (1, 2):
            if self.wire is None:
                self.wire = self.ex.wire(self.system)
                self.opened += 1
            try:
                answer = self.wire.ask(data)
            except Closed:
                self.wire.close()
                self.wire = None
                continue
            if (answer.get("Connection") or "").lower() == "close":
                self.wire.close()
                self.wire = None
            return answer
        raise AssertionError("no answer to %r" % target)


def run(ex, seed, count):
    provider = ex.provider["central-bank"]
    allowed = {IBAN.encode()}
    methods = [m.encode() for m in (IBAN, IBAN, IBAN, LEGAL, TAX, POSTAL)]
    # of these the caller holds a grant for the first only (LEGAL wants a
    # purpose), so that a wrong match cannot hide behind a right
    every = list(ex.provider.values())
    for p in every:
        p.clear()
    prober = Prober(ex, BANK)
    tally = {}
    for target in targets(seed, count, methods):
        if not sendable(target):
            continue
        want = oracle(target, allowed)
        before = len(provider.seen)
        answer = prober.ask(target)
        forwarded = len(provider.seen) - before
        tally[want] = tally.get(want, 0) + 1
        if want == "forward":
            assert answer.status == 200, (target, answer)
            assert answer.outcome == "answered", (target, answer)
            assert forwarded == 1, target
            seen = provider.seen[-1]
            assert seen.line.encode("latin-1").split(b" ")[1] == target
        else:
            assert forwarded == 0, (target, provider.seen[-1].line)
            assert answer.outcome != "answered", (target, answer)
            assert 400 <= answer.status < 500, (target, answer)
            if answer.reason == "method-unknown":
                assert want == "unknown-or-refused", (target, answer)
        if len(provider.seen) > 10000:
            provider.clear()
    for p in every:
        if p is not provider:
            assert p.seen == [], p.seen[0].line
    print(tally, "connections:", prober.opened)
    assert tally["forward"] > count // 50
    assert tally["not-canonical"] > count // 2
    return tally


def test_decision_and_received_request_agree_on_generated_paths(ex):
    run(ex, 20261121, 4000)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_agree_on_a_hundred_thousand_more(ex, seed):
    run(ex, seed, 10500)


@pytest.mark.parametrize("target", [
    "%s?", "%s?a=1", "%s/", "/%s", "%s#", "%s#x", "%s;a", "%s/.", "%s/..",
    "%s/../verify", "/.%s", "//..%s", "/y/..%s", "/y/%%2e%%2e%s", "%s%%20",
    "%s%%00", "%s\\", "%s\xa0"])
def test_what_only_looks_like_a_method_after_mending_is_refused(ex, target):
    provider = ex.provider["central-bank"]
    provider.clear()
    with ex.wire(BANK) as w:
        answer = w.ask(request((target % IBAN).encode("latin-1")))
    assert answer.outcome != "answered"
    assert provider.seen == []


@pytest.mark.parametrize("target", [
    IBAN.upper(), IBAN.replace("/x/", "/X/"),
    IBAN.replace("verify", "Verify"), IBAN.replace("/v1/", "/V1/"),
    IBAN.replace("central-bank", "central%2dbank"),
    IBAN.replace("/x/", "/%78/"), IBAN.replace("verify", "%76erify"),
    IBAN.replace("/x/", "/x//"), IBAN.replace("/v1/", "/./v1/"),
    IBAN.replace("/v1/", "/v1/../v1/"),
    IBAN.replace("/v1/", "%2fv1%2f"), IBAN.replace("verify", "verif%79")])
def test_says_that_a_path_is_not_canonical(ex, target):
    answer = ex.call(BANK, target)
    if target.startswith("/X"):
        assert answer.status == 404 or answer.reason == "path-not-canonical"
    else:
        assert answer.outcome == "invalid", answer
        assert answer.reason == "path-not-canonical", answer


def test_absolute_form_never_names_another_path(ex):
    """RFC 9112 3.2.2: a server takes it; then the path alone counts."""
    provider = ex.provider["central-bank"]
    provider.clear()
    with ex.wire(BANK) as w:
        answer = w.ask(request("https://" + HOST + IBAN))
    if answer.outcome == "answered":
        assert provider.seen[-1].path == IBAN
    else:
        assert provider.seen == []
    with ex.wire(BANK) as w:
        answer = w.ask(request("https://" + HOST + LEGAL + "/.." + IBAN))
        assert answer.outcome != "answered"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH",
                                    "OPTIONS", "TRACE", "PROPFIND", "post",
                                    "POSTS", "CONNECT"])
def test_only_post_is_a_call(ex, method):
    provider = ex.provider["central-bank"]
    provider.clear()
    with ex.wire(BANK) as w:
        data = request(IBAN, b"{}", method=method)
        w.send(data)
        if method == "HEAD":
            head = w.stream.until(b"\r\n\r\n")
            assert b" 405 " in head.split(b"\r\n")[0]
        else:
            answer = w.answer()
            assert 400 <= answer.status <= 501, answer
            assert answer.outcome != "answered"
    assert provider.seen == []


def test_the_path_in_the_record_is_the_path_that_was_called(ex):
    answer = ex.call(BANK, IBAN)
    record = ex.record(answer.tracking_id)
    assert IBAN == "/x/%s/%s/%s/%s" % (record["provider"], record["service"],
                                       record["version"], record["method"])
