"""The published tests of JSON Schema (draft 2020-12), put to lib/contract.

Our contracts are no JSON Schema: a schema of the suite is written as the field
of a contract that says the same, and each of its instances is sent as that
field's value. Where the language says less than JSON Schema, the difference is
counted, never passed over:

- same     lib/contract and the suite agree
- closed   the suite lets pass what its keyword is not about: a number under
           `pattern`, an unknown member. Our fields always have a type and
           our objects no other members, so it must be refused
- refused  no contract can say it: the keyword, JSON's numbers, a regular
           expression outside lib/contract/pattern.h, or a NUL in a text
"""

import collections
import json
from pathlib import Path

import pytest

from verdicts import Verdicts

VECTORS = Path(__file__).resolve().parents[1] / "vectors/json-schema"
LENGTH = 2000       # of a text of which nothing is said

# tests of each file: same, closed, refused
COUNTS = {
    "additionalProperties": (0, 1, 20),     # most are about patternProperties
    "anyOf": (3, 0, 15),
    "const": (5, 0, 49),                    # of numbers, lists and objects
    "enum": (10, 0, 41),
    "items": (2, 0, 27),                    # of numbers
    "maxItems": (5, 1, 0),
    "maxLength": (6, 1, 0),
    "minItems": (5, 1, 0),
    "optional/ecmascript-regex": (37, 0, 37),
    "optional/non-bmp-regex": (7, 0, 5),
    "pattern": (2, 6, 4),
    "properties": (0, 0, 28),               # each has a number in it
    "required": (4, 5, 9),
    "type": (25, 0, 55),
}


class Unsayable(Exception):
    """No contract can say it."""


def text(pattern):
    """A string of this form."""
    return {"kind": "text", "pattern": pattern}


def quoted(word):
    """The pattern of one word."""
    if not isinstance(word, str) or word == "":
        raise Unsayable("a value that is no text")
    return "".join(c if c.isalnum() else f"\\x{ord(c):02x}" if ord(c) < 128
                   else c for c in word)


def text_of(schema):
    """What is said of a string: one thing."""
    if len(set(schema) & KINDS["string"][0]) > 1:
        raise Unsayable("two things of a string")
    if "pattern" in schema:
        return text(schema["pattern"])
    if "maxLength" in schema or "minLength" in schema:
        return text(r"^[\s\S]{%d,%d}$" % (
            int(schema.get("minLength", 0)),
            int(schema.get("maxLength", LENGTH))))
    if "anyOf" in schema:
        any_of = [field_of(one) for one in schema["anyOf"]]
        if any(one["kind"] != "text" for one in any_of):
            raise Unsayable("a union of what is no text")
        return {"kind": "text", "pattern": r"^[\s\S]{0,%d}$" % LENGTH,
                "any_of": any_of}
    words = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if words == []:
        raise Unsayable("no value at all")
    if words is not None:
        return text("^(" + "|".join(map(quoted, words)) + ")$")
    return text(r"^[\s\S]{0,%d}$" % LENGTH)


def list_of(schema):
    """A list of objects; when nothing is said of them, of empty ones."""
    if "items" in schema and schema["items"] is not True:
        raise Unsayable("elements that are no objects")
    return {"kind": "list", "min": int(schema.get("minItems", 0)),
            "max": int(schema.get("maxItems", 1000))}


def object_of(schema):
    """An object with these members and no others."""
    if schema.get("additionalProperties", False) is not False:
        raise Unsayable("additionalProperties with a schema")
    members = schema.get("properties", {})
    required = schema.get("required", [])
    members = {**{name: {} for name in required}, **members}
    for name in members:
        if not (name.isascii() and name[:1].isalpha() and name.isalnum() and
                name.islower()):
            raise Unsayable("a member that is no name")
    return {"kind": "object", "required": required,
            "members": {name: field_of(one) for name, one in members.items()}}


KINDS = {
    "string": ({"pattern", "minLength", "maxLength", "enum", "const", "anyOf"},
               text_of),
    "array": ({"minItems", "maxItems", "items"}, list_of),
    "object": ({"properties", "required", "additionalProperties"}, object_of),
}


def field_of(schema):
    """The field that says what a schema does; Unsayable."""
    if schema is True or schema == {}:
        return {"kind": "any"}
    if schema is False:
        raise Unsayable("false")
    keys = set(schema) - {"$schema", "$comment", "type"}
    kinds = [kind for kind, (words, _) in KINDS.items() if keys & words]
    if "type" in schema:
        said = schema["type"]
        said = said if isinstance(said, list) else [said]
        if len(said) != 1 or said[0] not in KINDS or kinds not in ([], said):
            raise Unsayable(f"type {said}")
        kinds = said
    if len(kinds) != 1 or keys - KINDS[kinds[0]][0]:
        raise Unsayable(f"{sorted(keys)}")
    return KINDS[kinds[0]][1](schema)


def as_contract(field, name, items):
    """A field of a contract; what it needs is added to items."""
    if field["kind"] == "list":
        return {"name": name, "type": "list", "min_items": field["min"],
                "max_items": field["max"],
                "items": [optional({"name": "none", "type": "any"})]}
    if field["kind"] == "object":
        members = [as_contract(one, inner, items)
                   for inner, one in field["members"].items()]
        return {"name": name, "type": "object", "items": [
            one if one["name"] in field["required"] else optional(one)
            for one in members] or [optional({"name": "none", "type": "any"})]}
    if field["kind"] == "any":
        return {"name": name, "type": "any"}
    union = [as_contract(one, "-", items)["type"]
             for one in field.get("any_of", [])]
    item = f"t{len(items)}"
    items.append({"id": item, "name_fa": item, "name_en": item,
                  "base_type": "string", "pattern": field["pattern"],
                  **({"union_of": union} if union else {})})
    return {"name": name, "type": item}


def optional(field):
    """One that may be absent, as the language wants it said."""
    return {**field, "required": False, "absent_fa": "-", "absent_en": "-"}


def inside(field, value):
    """Is value of the kind that the field has, and all below it?"""
    if field["kind"] == "any":
        return True
    if field["kind"] == "text":
        return isinstance(value, str)
    if field["kind"] == "list":
        return isinstance(value, list)
    return isinstance(value, dict) and all(
        name in field["members"] and inside(field["members"][name], one)
        for name, one in value.items())


def as_sent(field, value):
    """The value as it is sent: where nothing is said of it, its JSON text, or
    an empty element."""
    if field["kind"] == "any":
        return json.dumps(value)
    if field["kind"] == "list" and isinstance(value, list):
        return [{} for _ in value]
    if field["kind"] == "object" and isinstance(value, dict):
        return {name: as_sent(field["members"][name], one)
                if name in field["members"] else one
                for name, one in value.items()}
    return value


def contract_of(field):
    """A contract with this field, and its data items."""
    items = [
        {"id": "list", "name_fa": "-", "name_en": "-", "base_type": "list"},
        {"id": "object", "name_fa": "-", "name_en": "-",
         "base_type": "object"},
        {"id": "any", "name_fa": "-", "name_en": "-", "base_type": "string",
         "pattern": r"^[\s\S]{0,%d}$" % LENGTH}]
    return {
        "contract": 1, "service": "s", "version": "v1", "provider": "p",
        "basis": "proposed", "title_fa": "-", "title_en": "-",
        "methods": [{"id": "m", "pattern": "inquiry", "deadline_ms": 1000,
                     "inputs": [as_contract(field, "v", items)],
                     "outputs": [{"name": "out", "type": "any"}]}]}, items


def judged(path):
    """(group, test, what came of it) for each test of a file."""
    verdicts = Verdicts()
    asked = []
    for group in json.loads(path.read_text("utf-8")):
        try:
            field = field_of(group["schema"])
        except Unsayable as reason:
            for one in group["tests"]:
                asked.append((group, one, None, None, str(reason)))
            continue
        at = verdicts.contract(*contract_of(field))
        for one in group["tests"]:
            body = json.dumps({"v": as_sent(field, one["data"])})
            asked.append((group, one, field, (at, verdicts.add(
                method="m", side="request", body=body, when_ms=0)), ""))
    answers = verdicts.ask(items=()) if verdicts.lines else []
    for group, one, field, places, reason in asked:
        if field is None:
            yield group, one, "refused", reason
            continue
        taken, verdict = (answers[place] for place in places)
        if "\\u0000" in json.dumps(one["data"]):
            yield group, one, "refused", "no JSON text of ours holds a NUL"
        elif taken["why"]:
            yield group, one, "refused", taken["why"]
        elif (verdict["fault"] == "") == one["valid"]:
            yield group, one, "same", verdict["fault"]
        elif one["valid"] and not inside(field, one["data"]):
            yield group, one, "closed", verdict["fault"]
        else:
            yield group, one, "different", verdict["fault"]


@pytest.mark.parametrize("name", sorted(
    str(path.relative_to(VECTORS))[:-5] for path in VECTORS.rglob("*.json")))
def test_lib_contract_agrees_with_the_published_tests(name):
    counts = collections.Counter()
    for group, one, became, reason in judged(VECTORS / f"{name}.json"):
        counts[became] += 1
        assert became != "different", (
            group["description"], one["description"], reason)
    assert tuple(counts[word] for word in (
        "same", "closed", "refused")) == COUNTS[name]
