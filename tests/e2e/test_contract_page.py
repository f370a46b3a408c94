"""The page about a service that a person reads: each keyword of its contract
is on it, in both languages, with both calendars."""

import html
import json
import re
from datetime import date, timedelta

import pytest

from harness import SANITIZE, both_dates
from test_contracts import CONTRACTS, load, payvand

ITEMS = {item["id"]: item for item in
         load("data_items.json") + load("data_items_proposed.json") +
         load("enactment.json")["data_items_extra"]}
NOTHING_TO_SAY = {"contract"}       # the version of the language

# what no contract of the catalogue has, in a contract that holds
ALL = {
    "contract": 1, "service": "all-of-it", "version": "v3",
    "provider": "tavanir", "basis": "proposed", "title_fa": "همه",
    "title_en": "All of it", "sources": [{"document": "001", "clause": "m1"}],
    "methods": [
        {"id": "is-it", "pattern": "verify", "deadline_ms": 4321,
         "title_fa": "آیا", "title_en": "Is it", "basis": "document",
         "pad_to": 200,
         "inputs": [{"name": "who", "type": "national_id"}],
         "outputs": [{"name": "result", "type": "yes_no"}],
         "meaning": {"yes_fa": "هست", "yes_en": "it is", "no_fa": "نیست",
                     "no_en": "it is not"},
         "consumers": ["tax-administration", "judiciary"],
         "hours": {"from": "07:30", "until": "14:15",
                   "days": ["sat", "wed"]}},
        {"id": "pages", "pattern": "list", "deadline_ms": 10000,
         "max_rows": 777,
         "inputs": [
             {"name": "behind", "type": "bill_id", "required": False,
              "absent_fa": "از آغاز", "absent_en": "from the beginning"},
             {"name": "from_day", "type": "jalali_date"},
             {"name": "to_day", "type": "jalali_date", "required": False,
              "absent_fa": "تا امروز", "absent_en": "until today"},
             {"name": "division", "type": "division_code"}],
         "outputs": [{"name": "bills", "type": "list", "max_items": 888,
                      "items": [{"name": "bill_id", "type": "bill_id"}]},
                     {"name": "address", "type": "address_text",
                      "until": "1402-06-31"}],
         "rules": [{"not_before": ["to_day", "from_day"], "text_fa": "پایان",
                    "text_en": "the end is later"},
                   {"needs": ["to_day", "from_day"], "text_fa": "با هم",
                    "text_en": "both"},
                   {"one_of": ["to_day", "from_day"], "text_fa": "یکی",
                    "text_en": "one"},
                   {"not_future": ["from_day"], "text_fa": "گذشته",
                    "text_en": "the past"}],
         "coverage": {"from": "1399-01-01", "text_fa": "از ۱۳۹۹",
                      "text_en": "since then"},
         "timed": True, "never": ["gender"],
         "coding": {"map": "settlements", "list": "settlements/interior",
                    "type": "division_code"},
         "pages": {"key": "bill_id", "after": "behind"}}]}


def iso(jalali):
    """The Gregorian day, by the tests' own calendar: searched."""
    year = int(jalali[:4])
    day = date(year + 621, 3, 19)
    while both_dates(day)["jalali"] != jalali:
        day += timedelta(days=1)
    return day.isoformat()


def page_of(path, language):
    done = payvand("page", str(path), "--lang", language)
    assert done.returncode == 0, done.stderr
    assert "<script" not in done.stdout
    return done.stdout


def text_of(page):
    """What a reader sees, without the examples of calls."""
    page = re.sub(r"<details.*?</details>", "", page, flags=re.DOTALL)
    page = re.sub(r"<head>.*?</head>", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>", " ", page))


def words(part, name, language):
    return [part[f"{name}_{language}"]] if f"{name}_{language}" in part else []


def field_words(field, language, inputs):
    """Every keyword of a field -> the texts that must be there."""
    item = ITEMS[field["type"]]
    said = {"name": [field["name"]], "type": [
        field["type"], *item.get("union_of", []),
        *(value["id"] for value in item.get("values", []))]}
    for name in ("title", "note", "absent"):
        if f"{name}_fa" in field:
            said[f"{name}_fa"] = said[f"{name}_en"] = words(field, name,
                                                            language)
    if "required" in field:
        said["required"] = [
            {"fa": "الزامی", "en": "required"}[language] if field["required"]
            else {"fa": "اختیاری", "en": "optional"}[language]]
    if "until" in field:
        said["until"] = [field["until"], iso(field["until"])]
    if "media" in field:
        said["media"] = field["media"]
    for name in ("min_items", "max_items", "max_bytes"):
        if name in field:
            said[name] = [str(field[name])]
    if "basis" in field:
        said["basis"] = [{"fa": "پیشنهادی", "en": "proposed"}[language]] \
            if field["basis"] == "proposed" else []
    if "items" in field:
        said["items"] = []
    assert not set(field) - set(said), field
    texts = [text for group in said.values() for text in group]
    for inner in field.get("items", []):
        texts += field_words(inner, language, inputs)
    return texts


def method_words(method, language):
    """Every keyword of a method -> the texts that must be there."""
    said = {"id": [method["id"]],
            "pattern": [{"en": method["pattern"] + ":",
                         "fa": {"inquiry": "استعلام:", "list": "فهرست:",
                                "verify": "راستی‌آزمایی:", "command": "فرمان:",
                                "file": "پرونده:", "events": "رویداد:"}
                         [method["pattern"]]}[language]],
            "deadline_ms": [str(method["deadline_ms"])]}
    for name, value in method.items():
        if name in ("inputs", "outputs"):
            said[name] = [text for field in value for text in
                          field_words(field, language, name == "inputs")]
        elif name in ("title_fa", "title_en", "note_fa", "note_en"):
            said[name] = words(method, name[:-3], language)
        elif name == "basis":
            said[name] = [{"document": {"fa": "آمده در اسناد",
                                        "en": "stated in the documents"},
                           "proposed": {"fa": "پیشنهادی", "en": "proposed"}}
                          [value][language]]
        elif name == "meaning":
            said[name] = [*words(value, "yes", language),
                          *words(value, "no", language), "R-146"]
        elif name == "rules":
            said[name] = ["R-043, R-166"]
            for rule in value:
                inputs = [v for k, v in rule.items() if "text" not in k][0]
                said[name] += words(rule, "text", language) + [
                    ", ".join(inputs)]
        elif name == "coverage":
            said[name] = [*words(value, "text", language), value["from"],
                          iso(value["from"]), "R-159"]
        elif name == "timed":
            said[name] = ["determined_at", "R-149"]
        elif name == "window":
            said[name] = [*words(value, "text", language), value["input"],
                          str(value["oldest_days"]),
                          str(value.get("newest_days", 0)), "R-175"]
        elif name == "consent":
            said[name] = ["Payvand-Consent", "R-134", str(value["uses"]),
                          str(value["valid_months"])]
        elif name == "after":
            said[name] = ["order_token", value["method"],
                          ", ".join(value["same"]), str(value["valid_s"]),
                          "R-154"]
        elif name == "member":
            said[name] = [*words(value, "text", language), value["input"],
                          "R-155", "not-a-member"]
        elif name == "never":
            said[name] = [*value, "R-090"]
        elif name == "aggregate_only":
            said[name] = ["R-068"]
        elif name == "idempotency":
            said[name] = ["Idempotency-Key", str(value["keep_days"]), "R-046"]
        elif name == "coding":
            said[name] = [*value.values(), "R-211"]
        elif name == "consumers":
            said[name] = [*value, "R-122"]
        elif name == "pages":
            said[name] = [*value.values(), "R-045"]
        elif name == "hours":
            said[name] = [value["from"], value["until"], *value["days"],
                          "R-241"]
        elif name in ("max_rows", "pad_to"):
            said[name] = [str(value)]
    assert not set(method) - set(said), method
    return [text for group in said.values() for text in group]


def missing(contract, page, language):
    """What a page does not say of its contract."""
    assert not set(contract) - {
        "contract", "service", "version", "provider", "basis", "title_fa",
        "title_en", "sources", "methods"} - NOTHING_TO_SAY
    head, *parts = re.split(r"<h2>", page)
    wanted = [contract["provider"], contract["service"], contract["version"],
              *words(contract, "title", language),
              {"document": {"fa": "آمده در اسناد",
                            "en": "stated in the documents"},
               "proposed": {"fa": "پیشنهادی", "en": "proposed"}}
              [contract["basis"]][language],
              *(value for source in contract["sources"]
                for value in source.values())]
    gone = [text for text in wanted if text not in text_of(head)]
    assert len(parts) == len(contract["methods"])
    for method, part in zip(contract["methods"], parts):
        seen = text_of(part)
        gone += [text for text in method_words(method, language)
                 if text not in seen]
        for language_of_call in ("curl", "Python", "Java", "C#"):
            assert f"<summary>{language_of_call}</summary>" in part
    return gone


@pytest.mark.parametrize("language", ("fa", "en"))
def test_every_keyword_of_the_catalogue_is_on_its_page(language):
    for path in sorted(CONTRACTS.values())[::6 if SANITIZE else 1]:
        with open(path, encoding="utf-8") as file:
            contract = json.load(file)
        page = page_of(path, language)
        assert missing(contract, page, language) == [], path


@pytest.mark.parametrize("language", ("fa", "en"))
def test_keywords_that_the_catalogue_does_not_use(language, tmp_path):
    path = tmp_path / "all.json"
    path.write_text(json.dumps(ALL, ensure_ascii=False), encoding="utf-8")
    page = page_of(path, language)
    assert missing(ALL, page, language) == []
    day = both_dates(date(2020, 3, 20))
    assert day["jalali"] == "1399-01-01" and day["jalali"] in page
    assert "1399-01-01 (2020-03-20)" in page
    assert "1402-06-31 (2023-09-22)" in page


def test_a_page_says_no_more_than_its_contract(tmp_path):
    """The test above can fail: what is taken away is missed."""
    path = tmp_path / "all.json"
    less = json.loads(json.dumps(ALL))
    for name in ("never", "timed", "coverage"):
        del less["methods"][1][name]
    path.write_text(json.dumps(less), encoding="utf-8")
    gone = missing(ALL, page_of(path, "en"), "en")
    assert {"gender", "R-090", "R-149", "R-159", "1399-01-01"} <= set(gone)


def test_texts_of_a_contract_are_no_markup(tmp_path):
    path = tmp_path / "all.json"
    bad = json.loads(json.dumps(ALL))
    bad["title_en"] = "<img src=x onerror=alert(1)>\"&"
    bad["methods"][0]["meaning"]["yes_en"] = "</li><script>1</script>"
    path.write_text(json.dumps(bad), encoding="utf-8")
    page = page_of(path, "en")
    assert "<img" not in page and "&lt;img" in page
    assert "<script" not in page and "&lt;script" in page
