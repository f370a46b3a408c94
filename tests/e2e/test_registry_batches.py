"""Decisions handed in together leave the same rows in the database as the same
ones in other company: what a batch makes is held until it is written."""

import itertools
import sqlite3

import pytest

from registryd import BUILD, Registry

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
