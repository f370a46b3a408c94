"""The checker itself: it must see what it is there to see.

The other tests believe load.check; here it is given journals that break each
law, made by hand.
"""

import pytest

from harness import IBAN
from load import Call, check


class Told:
    def __init__(self, records):
        self.list = records

    def records(self, check=False):
        return list(enumerate(self.list))


def record(number, **changes):
    row = {"type": "request", "id": "id-%d" % number,
           "case": "case-%d" % number, "decision": "allowed",
           "provider": "central-bank", "service": "national-id-iban-match",
           "version": "v1", "method": "verify"}
    row.update(changes)
    return row


def done(*items):
    return {"type": "completions", "done": [list(i) for i in items]}


def call(number, outcome="answered"):
    made = Call("case-%d" % number, "bank", IBAN)
    made.outcome = outcome
    made.tracking_id = "id-%d" % number
    return made


class Saw:
    def __init__(self, *numbers):
        self.rows = [("id-%d" % n, "case-%d" % n, IBAN) for n in numbers]


GOOD = [record(0), record(1), done((0, 1, 1, 1, "answered"),
                                   (1, 1, 1, 1, "answered"))]


def test_accepts_a_journal_that_keeps_its_word():
    numbers = check(Told(GOOD), [call(0), call(1)], Saw(0, 1))
    assert numbers["answered"] == 2 and numbers["unknown"] == 0


def test_accepts_a_record_nobody_was_told_about():
    check(Told([record(0), record(1)]), [call(0)], Saw(0))


def test_accepts_one_resend_of_an_inquiry():
    check(Told(GOOD), [call(0), call(1)], Saw(0, 1, 1))


@pytest.mark.parametrize("why, records, calls, saw", [
    ("forwarded, unrecorded", [record(0)], [call(0)], Saw(0, 1)),
    ("acknowledged, lost", [record(0)], [call(0), call(1)], Saw(0)),
    ("recorded twice", [record(0), record(0)], [call(0)], Saw(0)),
    ("one call, two records", [record(0), record(1, case="case-0")],
     [call(0)], Saw(0)),
    ("answered, never forwarded", GOOD, [call(0), call(1)], Saw(0)),
    ("unavailable, yet forwarded", GOOD, [call(0), call(1, "unavailable")],
     Saw(0, 1)),
    ("a refused call forwarded", [record(0, decision="refused")], [], Saw(0)),
    ("sent three times", GOOD, [call(0), call(1)], Saw(0, 1, 1, 1)),
    ("completed twice", GOOD + [done((0, 1, 1, 1, "answered"))],
     [call(0), call(1)], Saw(0, 1)),
    ("completion of nothing", [record(0), done((7, 1, 1, 1, "answered"))],
     [call(0)], Saw(0)),
    ("answered, completed as failed",
     [record(0), done((0, 1, 1, 1, "failed"))], [call(0)], Saw(0)),
    ("another's path", [record(0, service="other")], [call(0)], Saw(0)),
])
def test_sees(why, records, calls, saw):
    with pytest.raises(AssertionError):
        check(Told(records), calls, saw)


def test_sees_a_command_sent_twice():
    with pytest.raises(AssertionError):
        check(Told(GOOD), [call(0), call(1)], Saw(0, 1, 1),
              commands=("verify",))


def test_sees_a_gap_in_the_order():
    class Gap(Told):
        def records(self, check=False):
            return [(0, GOOD[0]), (2, GOOD[1])]
    with pytest.raises(AssertionError):
        check(Gap(GOOD), [], Saw())
