"""The JSON Schemas of all contracts say what lib/contract does: two published
validators and lib/contract are asked about the same bodies.

What lib/contract takes, the schema takes. What only lib/contract refuses, it
refuses for a reason of a closed list, and the document says that there is one.
"""

import collections
import glob
import json
import os
import subprocess

import jsonschema
import pytest

import npm
from bodies import bodies
from harness import CATALOGUE
from verdicts import Verdicts

WHEN_MS = 1_790_000_000_000     # 1405-06-29, in 2026
MAX_BYTES = 60_000              # of a body; past it lib/contract does not look

# what no schema says: the fault, and where the document announces it
OPERATION = {"window": "x-payvand-window", "not-before": "x-payvand-rules",
             "needs": "x-payvand-rules", "one-of": "x-payvand-rules",
             "future": "x-payvand-rules"}
FIELD = {"check-digit": "x-payvand-check", "no-such-day": "x-payvand-check",
         "rule": "x-payvand-check", "ambiguous": "anyOf",
         "media": "contentEncoding", "binary": "contentEncoding",
         "bytes": "contentEncoding", "over": "x-payvand-until",
         "geometry": "coordinates", "missing": "date-time"}


class Case:
    """One side of one method."""

    def __init__(self, name, operation, side, part, first):
        self.name, self.operation, self.side = name, operation, side
        self.schema, self.example = part["schema"], part["example"]
        self.texts = [text for text in bodies(
            self.schema, self.example, f"{name} {side}")
            if len(text) < MAX_BYTES]
        self.first = first      # where its verdicts stand
        self.faults = []


@pytest.fixture(name="cases", scope="module")
def fixture_cases():
    contracts = {}
    made = Verdicts()
    for path in sorted(glob.glob(os.path.join(
            CATALOGUE, "contracts", "*", "*.json"))):
        with open(path, encoding="utf-8") as file:
            contract = json.load(file)
        made.contract(contract)
        contracts[contract["service"]] = contract, made.add(when_ms=WHEN_MS)
    documents = made.ask()
    verdicts = Verdicts()
    cases = []
    for name, (contract, at) in contracts.items():
        verdicts.contract(contract)
        for item in documents[at]["openapi"]["paths"].values():
            operation = item["post"]
            for side, body in (("request", operation["requestBody"]),
                               ("answer", operation["responses"]["200"])):
                case = Case(name, operation, side,
                            body["content"]["application/json"],
                            len(verdicts.lines))
                for text in case.texts:
                    verdicts.add(method=operation["operationId"], side=side,
                                 body=text, when_ms=WHEN_MS)
                cases.append(case)
    answers = verdicts.ask()
    for case in cases:
        case.faults = answers[case.first:case.first + len(case.texts)]
    assert len({case.name for case in cases}) == 96 and len(cases) == 196
    return cases


def check(case, text, fault, fits):
    """One body, by lib/contract and by a validator."""
    where = (case.name, case.side, text[:300], fault)
    if fault["fault"] == "":
        assert fits, where
        return "taken"
    if not fits:
        return "refused"
    word = fault["fault"]
    if word in OPERATION:
        assert OPERATION[word] in case.operation, where
    else:
        assert word in FIELD, where
        assert FIELD[word] in json.dumps(case.schema), where
    return word


def counted(cases, fits):
    """What came of all bodies; fits says what the validator finds."""
    counts = collections.Counter()
    for number, case in enumerate(cases):
        for text, fault in zip(case.texts, case.faults):
            verdict = fits(number, text)
            if verdict is not None:
                counts[check(case, text, fault, verdict)] += 1
    return counts


def test_the_bodies_are_good_and_bad(cases):
    taken = collections.Counter(
        (case.name, case.side, fault["fault"] == "")
        for case in cases for fault in case.faults)
    for case in cases:
        assert taken[case.name, case.side, True], (case.name, case.side)
        assert taken[case.name, case.side, False], (case.name, case.side)


def test_python_jsonschema_gives_the_same_verdicts(cases):
    checks = [jsonschema.Draft202012Validator(case.schema) for case in cases]
    # Python's $ and . are not ECMA-262's where lines end
    ends = ("\\n", "\\r", "\\u2028")

    def fits(number, text):
        if any(end in text for end in ends):
            return None
        return checks[number].is_valid(json.loads(text))

    counts = counted(cases, fits)
    assert counts["taken"] > 2000 and counts["refused"] > 4000, counts
    print(counts)


def test_ajv_gives_the_same_verdicts(cases):
    folder = npm.installed("ajv", "8.20.0")
    asked = [(number, text) for number, case in enumerate(cases)
             for text in case.texts]
    done = subprocess.run(
        ["node", os.path.join(os.path.dirname(__file__), "ajv.mjs"), folder],
        input=json.dumps({"schemas": [case.schema for case in cases],
                          "bodies": asked}),
        capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    said = dict(zip(asked, done.stdout.strip()))
    counts = counted(cases, lambda number, text: said[number, text] == "1")
    assert counts["taken"] > 2000 and counts["refused"] > 4000, counts
    print(counts)
