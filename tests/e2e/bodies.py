"""Bodies for a JSON Schema of a contract: one that fits, and what becomes of
it when one place is changed. Made of a seed, the same each time."""

import copy
import json
import random
import re

MANY = 4096     # what stands for "without end"

# in place of any value
OTHERS = [None, True, 5, 1.5, "", [], {}, [{}], ["x"], {"x": "y"},
          {"type": "national_id", "value": "9991234561"},
          {"media": "image/jpeg", "data": "/9j/"}]
# a text, spoiled
SPOIL = [
    lambda text: text + "\n", lambda text: text + "\r", lambda text: " " + text,
    lambda text: text[1:], lambda text: text[:-1], lambda text: text + text,
    lambda text: text + "\u2028", lambda text: text + "\u06f5",
    lambda text: text + "\U0001f432", lambda text: text + "\x1f",
    lambda text: text[:-1] + "\u0660", lambda text: text.upper(),
    lambda text: text + "x" * 2100, lambda text: "x" + text[1:],
    lambda text: "0" + text,
]


def text_like(pattern, rng):
    """A text that a pattern of the catalogue fits."""
    parts = []

    def walk(parsed):
        for kind, value in parsed:
            kind = str(kind)
            if kind == "LITERAL":
                parts.append(chr(value))
            elif kind in ("IN", "ANY"):
                parts.append(one_of(value if kind == "IN" else ()))
            elif kind == "NOT_LITERAL":
                parts.append("b" if value == ord("a") else "a")
            elif kind == "BRANCH":
                walk(rng.choice(value[1]))
            elif kind == "SUBPATTERN":
                walk(value[-1])
            elif kind == "MAX_REPEAT":
                least, most, inner = value
                most = min(int(most), MANY)
                count = rng.choice([least, min(most, least + rng.randint(
                    0, 40)), most if most <= 40 else least + 1])
                for _ in range(count):
                    walk(inner)
            else:
                assert kind == "AT", kind

    def one_of(options):
        signs = "aZ09 -\u0627\u06cc\u200c\u00e9/."
        said = [str(kind) for kind, _ in options]
        if not options or "NEGATE" in said or "CATEGORY" in said:
            allowed = re.compile(".") if not options else None
            fits = [sign for sign in signs if allowed or not any(
                str(kind) == "RANGE" and value[0] <= ord(sign) <= value[1]
                for kind, value in options)]
            return rng.choice(fits)
        kind, value = rng.choice(options)
        if str(kind) == "RANGE":
            return chr(rng.randint(*value))
        return chr(value)

    walk(re._parser.parse(pattern))     # pylint: disable=protected-access
    return "".join(parts)


def places(schema, value, path=()):
    """(path, schema) of each value that is there."""
    yield path, schema
    if isinstance(value, dict):
        for name, one in value.items():
            if name in schema.get("properties", {}):
                yield from places(schema["properties"][name], one,
                                  path + (name,))
    if isinstance(value, list) and value and "items" in schema:
        yield from places(schema["items"], value[0], path + (0,))


def changed(body, path, change):
    """A copy in which one place is what change makes of it."""
    whole = {"": copy.deepcopy(body)}
    at, key = whole, ""
    for step in path:
        at, key = at[key], step
    change(at, key)
    return whole[""]


def replaced(body, path, value):
    """A copy with this value there."""
    return changed(body, path, lambda at, key: at.__setitem__(key, value))


def fitting(schema, rng):
    """Values that the place may well hold."""
    if "enum" in schema:
        yield from schema["enum"]
    if "const" in schema:
        yield schema["const"]
    if "pattern" in schema:
        for _ in range(4):
            yield text_like(schema["pattern"], rng)
    for one in schema.get("anyOf", []):
        if "properties" in one:
            inner = one["properties"]["value"]
            good = {"type": one["properties"]["type"]["const"],
                    "value": inner.get("examples", [""])[0]}
            yield good
            yield {**good, "value": text_like(inner["pattern"], rng)}
            yield {**good, "more": "x"}
            yield {**good, "type": "no_such_type"}
            yield {"type": good["type"]}
        else:
            yield from fitting(one, rng)


def bodies(schema, example, seed):
    """Texts of bodies, good and bad."""
    rng = random.Random(seed)
    made = [example, {}, None, [], "x", 5, [example]]
    for path, inner in places(schema, example):
        value = example
        for step in path:
            value = value[step]
        if path:
            made.append(changed(example, path,
                                lambda at, key: at.__delitem__(key)))
        made += [replaced(example, path, one)
                 for one in [*fitting(inner, rng), *rng.sample(OTHERS, 5)]]
        if isinstance(value, str):
            made += [replaced(example, path, spoil(value))
                     for spoil in rng.sample(SPOIL, 6)]
        if isinstance(value, dict):
            made.append(replaced(example, path, {**value, "no_such": "1"}))
            for name, one in inner.get("properties", {}).items():
                if name not in value:
                    made += [replaced(example, path, {**value, name: added})
                             for added in fitting(one, rng)]
        if isinstance(value, list):
            made.append(replaced(example, path, value * 2))
            if value and inner.get("maxItems", MANY) <= 1000:
                made.append(replaced(example, path,
                                     value * (inner["maxItems"] + 1)))
                made.append(replaced(example, path,
                                     value[:1] * inner["maxItems"]))
    required = schema.get("required", [])
    made.append({name: one for name, one in example.items()
                 if name in required})
    return list(dict.fromkeys(json.dumps(one) for one in made))
