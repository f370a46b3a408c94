"""What is not a text, an id or a day at the registry's API; and that Persian is
kept as it was written (R-225)."""

import ctypes
import ctypes.util
import glob
import json
import os
import re
import tempfile

import pytest

from people import registry_today
from registryd import BUILD, WG, Registry, UnixConnection, decision

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


@pytest.fixture(name="registry", scope="module")
def fixture_registry():
    """A body and its secretariat."""
    with tempfile.TemporaryDirectory(prefix="pv-text-") as folder:
        os.chmod(folder, 0o755)
        registry = Registry(folder)
        registry.must(
            decision("body", WG, "register", "console", "console",
                     registry_today(), {"name_fa": "نهاد"}),
            decision("appointment", "s", "appoint", "console", "console",
                     registry_today(), {"person": f"secretariat/{WG}",
                                        "role": "secretariat", "of": WG}))
        try:
            yield registry
            registry.stop()
        finally:
            registry.kill()


def body(record, name, **more):
    """A body of that name; nothing but its text is looked at."""
    return decision("body", record, "register", "secretariat", WG,
                    registry_today(), {"name_fa": name}, **more)


def post(registry, raw):
    """(status, answer) of bytes as they are."""
    connection = UnixConnection(registry.socket)
    try:
        connection.request("POST", "/registry/v1/decisions", raw)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


KEPT = {
    "arabic-letters": "سازمان امور مالياتي كشور",
    "joiner": "دستگاه‌های اجرایی",
    "digits": "بند ۱۲ و ١٢ و 12",
    "marks": "مُصوّبه‌ی شورا",
    "quote": "x'); DROP TABLE record; --",
    "percent": "%' OR '1'='1",
    "markup": "<script>alert(1)</script>&amp;",
    "backslash": "\\u0000 \\n \\x00",
    "lines": "یک\nدو\tسه",
    "directions": "نام\u200f (x)\u200e",
    "beyond": "𐎱𐎠𐎼𐎿 😀",
}


@pytest.mark.parametrize("name", KEPT)
def test_a_text_is_kept_as_it_was_written(registry, name):
    registry.must(body(f"kept-{name}", KEPT[name], reason=KEPT[name]))
    assert registry.get(f"body/kept-{name}")["body"]["name_fa"] == KEPT[name]
    assert len(registry.get("body")["body"]) > 0


NOT_TEXTS = {
    "escape": "a\x1b[31m", "bell": "a\x07", "delete": "a\x7f",
    "return": "a\rb", "next line": "a\u0085b", "c1": "a\u009bb",
    "override": "abc\u202edcba", "embedding": "a\u202ab",
    "isolate": "a\u2066b", "line separator": "a\u2028b",
    "byte order mark": "a\ufeffb", "no character": "a\uffffb",
    "plane's end": "a\U0001fffeb",
    "tag": "a\U000e0041b",
}


@pytest.mark.parametrize("name", NOT_TEXTS)
def test_what_shows_as_something_else_is_no_text(registry, name):
    for wrong in (body("x-text", NOT_TEXTS[name]),
                  dict(body("x-text", "x"), data={
                      "name_fa": "x", "source": {"a": [NOT_TEXTS[name]]}})):
        status, answer = registry.decide(wrong)
        assert (status, answer["word"]) == (422, "field-value"), answer
    for member in ("reason", "document", "key"):
        status, answer = registry.decide(
            body("x-text", "x", **{member: NOT_TEXTS[name]}))
        assert (status, answer["word"]) == (422, "decision-member"), answer


IDS = ["X", "а", "a\u0430", "ａ", "نهاد", "۱", "a b", "a\u200cb", "a//b", "/a",
       "a/", "../a", "a/../b", ".a", "-a", "a%2fb", "a'b", 'a"b', "a;b", "a\n",
       "", "a" * 121, "a\\b", "a?b", "a#b", "ı", "K", "a\u0301"]


@pytest.mark.parametrize("wrong", IDS, ids=lambda text: ascii(text[:9]))
def test_what_looks_like_an_id_is_none(registry, wrong):
    status, answer = registry.decide(body(wrong, "x"))
    assert (status, answer["word"]) == (422, "decision-member")
    for member in ("actor", "of"):
        status, answer = registry.decide(dict(body("x-id", "x"),
                                              **{member: wrong}))
        assert (status, answer["word"]) == (422, "decision-member")


def test_lengths_have_their_ends(registry):
    registry.must(body("a" * 120, "ن" * 4000))
    for wrong in (body("x-long", "ن" * 4000 + "x"),):
        status, answer = registry.decide(wrong)
        assert (status, answer["word"]) == (422, "field-value")
    status, answer = registry.decide(body("x-long", "x", reason="ن" * 4001))
    assert (status, answer["word"]) == (422, "decision-member")
    status, answer = registry.decide(*[body("x-many", "x")] * 1001)
    assert (status, answer["word"]) == (422, "decision-member")
    assert post(registry, b" " * (4 * 1024 * 1024 + 1))[0] == 413


RAW = {
    "no UTF-8": b'{"id":"\xff"}', "half a character": b'{"id":"\xd9"}',
    "overlong": b'{"id":"\xc0\xaf"}', "surrogate": b'{"id":"\xed\xa0\x80"}',
    "lone surrogate": b'{"id":"\\ud800"}', "NUL": b'{"id":"a\\u0000b"}',
    "twice": b'{"id":"a","id":"b"}', "cut": b'{"id":', "more": b'{}{}',
    "nothing": b"", "a number": b"5", "a text": b'"x"',
    "deep": b"[" * 5000 + b"]" * 5000, "infinity": b'{"id":1e999}',
}


@pytest.mark.parametrize("name", RAW)
def test_what_is_not_json_is_not_read(registry, name):
    status, answer = post(registry, RAW[name])
    assert (status, answer["type"]) == (
        400, "urn:payvand:problem:registry-request")


def test_numbers_are_whole_and_nesting_is_bounded(registry):
    deep = {}
    for _ in range(30):
        deep = {"a": deep}
    for wrong in ({"a": 1.5}, {"a": 1e3}, {"a": 2 ** 53 + 1}, deep,
                  {"نام": 1}, {"a b": 1}, {"a\n": 1}):
        status, answer = registry.decide(
            dict(body("x-json", "x"), data={"name_fa": "x", "source": wrong}))
        assert (status, answer["word"]) == (422, "field-value"), wrong


@pytest.mark.parametrize("query", [
    "state=x'", "after=%27", "count=-1", "count=501", "count=1e2", 
    "as_of=1401-1-1", "at=-1", "at=9223372036854775808", "more=1",
    "count=1&count=2", "as_of=1401-01-01&at=1", "after="])
def test_a_query_that_is_not_right_is_refused(registry, query):
    target = "/registry/v1/body?" + query
    status, answer = registry.ask("GET", target)
    assert (status, answer["type"]) == (
        400, "urn:payvand:problem:registry-request")


# ---- days -----------------------------------------------------------------


class Icu:
    """The Persian calendar of ICU."""

    def __init__(self):
        found = [path for name in ("icui18n",) for path in glob.glob(
            f"/usr/lib/*/lib{name}.so.*")]
        if not found:
            pytest.skip("ICU is not installed")
        self.icu = ctypes.CDLL(sorted(found, key=len)[0])
        self.version = re.search(r"so\.(\d+)", sorted(found, key=len)[0])[1]
        self.error = ctypes.c_int(0)
        opened = self.call("ucal_open")
        opened.restype = ctypes.c_void_p
        zone = "UTC".encode("utf-16-le")
        self.calendar = ctypes.c_void_p(opened(
            zone, 3, b"fa_IR@calendar=persian", 0, ctypes.byref(self.error)))
        assert self.error.value == 0

    def call(self, name):
        """A function by its versioned name."""
        return getattr(self.icu, f"{name}_{self.version}")

    def month_days(self, year, month):
        """How many days the month has."""
        self.call("ucal_setDate")(self.calendar, year, month - 1, 1,
                                  ctypes.byref(self.error))
        days = self.call("ucal_getLimit")(self.calendar, 5, 5,
                                          ctypes.byref(self.error))
        assert self.error.value == 0
        return days


def test_days_are_those_of_the_calendar(registry):
    """Every month's end of 160 years: ICU says which days there are."""
    icu = Icu()
    for year in range(1301, 1461):
        for month in (1, 6, 7, 11, 12) if year % 8 else range(1, 13):
            days = icu.month_days(year, month)
            for day in (days, days + 1):
                status, _ = registry.ask(
                    "GET", "/registry/v1/body/none?as_of="
                    f"{year:04d}-{month:02d}-{day:02d}")
                assert status == (404 if day == days else 400), (
                    year, month, day)


def test_a_decision_has_a_day_of_the_calendar(registry):
    for day in ("1403-12-30", "1399-12-30", "1404-12-29", "1403-06-31"):
        registry.must(dict(body(f"day-{day}", "x"), date=day) | {
            "role": "console", "of": "console", "actor": "console"})
    for day in ("1404-12-30", "1402-12-30", "1403-07-31", "1403-13-01",
                "1403-00-10", "1403-01-00", "1403-1-1", "2024-03-20",
                "۱۴۰۳-۰۱-۰۱", "1403/01/01", "1403-01-01T00", " 1403-01-01"):
        status, answer = registry.decide(dict(body("x-day", "x"), date=day))
        assert status == 422 and answer["word"] in (
            "decision-member", "date-to-come"), day
