"""Decisions handed in together leave the same rows in the database as the same
ones in other company: what a batch makes is held until it is written."""

import itertools
import sqlite3

import pytest

from registryd import BUILD, WG, Registry, decision

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")

SIZES = (1, 2, 5, 60, 300)
RECORDS = ("SELECT kind, id, version, from_decision, until_decision, from_day, "
           "until_day, state, body, reference_version FROM record "
           "ORDER BY kind, id, version")
REFERENCES = ("SELECT kind, id, version, name, target_kind, target_id "
              "FROM reference ORDER BY 1, 2, 3, 4, 5, 6")
# versions that do not end where the next one begins
GAPS = ("SELECT a.kind, a.id, a.version FROM record a LEFT JOIN record b "
        "ON b.kind = a.kind AND b.id = a.id AND b.version = a.version + 1 "
        "WHERE a.until_decision IS NOT b.from_decision "
        "OR a.until_day IS NOT b.from_day")


def rows(registry, *statements):
    """What its database answers, once it has ended."""
    with sqlite3.connect(registry.store.removeprefix("sqlite:")) as database:
        return [database.execute(sql).fetchall() for sql in statements]


def documents(registry):
    """Every decision, as it was handed in."""
    after = 0
    while True:
        page = registry.get(f"decisions?after={after}&count=500")["decisions"]
        if not page:
            return
        after = page[-1]["number"]
        for one in page:
            assert one["by"] == "console"
            yield {name: value for name, value in one.items()
                   if name not in ("number", "time", "by")}


def test_what_is_decided_together_leaves_the_same_rows(tmp_path):
    """The whole catalogue, as its import sends it and in parts of any size."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    first, second = Registry(whole), Registry(parts)
    first.enact()
    todo = iter(list(documents(first)))
    for size in itertools.cycle(SIZES):
        several = list(itertools.islice(todo, size))
        if not several:
            break
        second.must(*several)
    first.stop()
    second.stop()
    records, references, gaps = rows(first, RECORDS, REFERENCES, GAPS)
    assert not gaps
    assert len(records) > 1000 and len(references) > 1000
    assert rows(second, RECORDS, REFERENCES) == [records, references]


DAY = "1401-06-20"
CACHE_SETS, CACHE_WAYS = 4096, 8    # of cache.c


def cache_set(name):
    """Which set of the cache an id falls into (FNV-1a)."""
    value = 0xcbf29ce484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return value % CACHE_SETS


def agency(name):
    return decision("agency", name, "register", "secretariat", WG, DAY,
                    {"name_fa": name, "legal_type": "ministry",
                     "branch": "executive", "inside_executive": True})


def test_a_new_party_that_left_the_cache_is_referred_to(tmp_path):
    """To look for it writes what is held, in the middle of a record that is
    being made."""
    new = "new-agency"
    others = list(itertools.islice(
        (name for name in map("b{}".format, itertools.count())
         if cache_set(name) == cache_set(new)), CACHE_WAYS))
    registry = Registry(tmp_path)
    registry.enact("--until", "1400-06-02")
    registry.must(*map(agency, others))
    registry.must(
        decision("meeting", "x-m", "plan", "secretariat", WG, DAY,
                 {"body": WG, "date": DAY}),
        decision("meeting", "x-m", "set-agenda", "secretariat", WG, DAY,
                 {"agenda": [{"row": 1, "text_fa": "تکلیف"}]}),
        decision("meeting", "x-m", "invite", "secretariat", WG, DAY),
        decision("meeting", "x-m", "hold", "chair", WG, DAY),
        decision("resolution", "x-m/r1", "draft", "secretariat", WG, DAY,
                 {"meeting": "x-m", "title_fa": "مصوبه", "items": [
                     {"item": "1", "commitments": [
                         {"id": "x-m/c1", "text_fa": "ت",
                          "responsible": [new], "collaborators": others,
                          "due": {"kind": "absolute", "day": "1402-03-01"}}
                     ]}]}))
    registry.must(agency(new), decision(
        "resolution", "x-m/r1", "enact", "chair", WG, DAY))
    registry.kill()
    found, = rows(registry, "SELECT name, target_id FROM reference "
                  "WHERE kind = 'commitment' AND id = 'x-m/c1' "
                  "AND target_kind = 'agency'")
    assert sorted(found) == sorted(
        [("responsible", new)] + [("collaborators", one) for one in others])
