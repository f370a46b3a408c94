"""Codes of three agencies and their map, which never guesses (R-209 to R-212),
and object identifiers (R-213); over a small registry."""

import os
import tempfile

import pytest

from registryd import BUILD, WG, Registry, decision

DAY = "1401-06-15"
ITO = "information-technology-organisation"
AGENCIES = ("interior", "statistics", "housing")

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


@pytest.fixture(name="registry", scope="module")
def fixture_registry():
    """Three agencies with a representative each, and the operator."""
    with tempfile.TemporaryDirectory(prefix="pv-codes-") as folder:
        os.chmod(folder, 0o755)
        registry = Registry(folder)
        console = ("console", "console", DAY)
        registry.must(
            decision("body", WG, "register", *console, {"name_fa": "کارگروه"}),
            decision("appointment", "s", "appoint", *console,
                     {"person": f"secretariat/{WG}", "role": "secretariat",
                      "of": WG}))
        for agency in (*AGENCIES, ITO):
            registry.must(
                office("agency", agency, "register",
                       {"name_fa": agency, "branch": "executive",
                        "legal_type": "ministry", "inside_executive": True}),
                office("appointment", f"r-{agency}", "appoint",
                       {"person": f"representative/{agency}",
                        "role": "representative", "of": agency}))
        registry.must(office("appointment", "o", "appoint",
                             {"person": f"operator/{ITO}", "role": "operator",
                              "of": ITO}))
        try:
            yield registry
            registry.stop()
        finally:
            registry.kill()


def office(kind, record, event, data=None):
    """What the secretariat decides."""
    return decision(kind, record, event, "secretariat", WG, DAY, data)


def operator(kind, record, event, data=None):
    """What the operator of the exchange decides."""
    return decision(kind, record, event, "operator", ITO, DAY, data)


def deliver(agency, codes, **more):
    """A list of settlements from an agency."""
    return decision("code-list", f"settlements/{agency}", "deliver",
                    "representative", agency, more.pop("day", DAY),
                    dict({"agency": agency, "what": "settlements",
                          "date": DAY, "codes": codes}, **more))


def build(rows):
    """The map of the three lists."""
    return operator("code-map", "settlements", "build", {
        "lists": [f"settlements/{a}" for a in AGENCIES], "rows": rows})


def look_up(registry, code, agency, more=""):
    """{list: (result, codes)} of one code."""
    view = registry.get(f"views/code/settlements?of={code}"
                        f"&in=settlements/{agency}{more}")
    return view["is_known"], {
        p["list"].split("/")[1]: (p["result"], sorted(p["codes"]))
        for p in view["partners"]}


def refused(registry, *decisions):
    """The rule and word of a refusal."""
    status, answer = registry.decide(*decisions)
    assert status == 422, answer
    return answer["rule"], answer["word"]


def test_a_code_is_found_by_any_of_the_three_and_none_is_guessed(registry):
    """R-209, R-210: one, several, none, and unknown are told apart."""
    registry.must(
        deliver("interior", {"0101": "آبگرم", "0102": "آبیک", "0103": "دشت"}),
        deliver("statistics", {"17": "آبگرم", "18": "آبیک بالا",
                               "19": "آبیک پایین", "20": "دشت"}),
        deliver("housing", {"A-1": "آبگرم", "A-2": "آبیک"}),
        build([["0101", "17", "A-1"], ["0102", "18", "A-2"],
               ["0102", "19", None], ["0103", None, None]]),
        operator("code-map", "settlements", "announce"))
    assert look_up(registry, "17", "statistics") == (True, {
        "interior": ("one", ["0101"]), "housing": ("one", ["A-1"])})
    assert look_up(registry, "0102", "interior") == (True, {
        "statistics": ("many", ["18", "19"]), "housing": ("one", ["A-2"])})
    # the same name in both lists is no partner
    assert look_up(registry, "0103", "interior") == (True, {
        "statistics": ("none", []), "housing": ("none", [])})
    assert look_up(registry, "20", "statistics") == (True, {
        "interior": ("none", []), "housing": ("none", [])})
    assert look_up(registry, "99", "statistics") == (False, {
        "interior": ("none", []), "housing": ("none", [])})
    lists = {one["id"].split("/")[1]: one for one in
             registry.get("views/code-map/settlements")["lists"]}
    assert lists["interior"]["without_partner"] == ["0103"]
    assert lists["interior"]["many_partners"] == ["0102"]
    assert lists["statistics"]["without_partner"] == ["20"]
    assert lists["housing"]["without_partner"] == []
    assert [one["used_version"] for one in lists.values()] == [1, 1, 1]


@pytest.mark.parametrize("rows", [
    [["0101", "17"]], [["0101", "آبگرم", "A-1"]], [[None, None, None]],
    [["0101", "17", "A-1"], ["0101", "17", "A-1"]], [["0101", 17, None]], []])
def test_a_row_that_is_not_of_the_lists_is_refused(registry, rows):
    """R-210: names, other codes, doubles, and empty rows."""
    assert refused(registry, build(rows)) == ("R-210", "map-row")


def test_each_version_has_its_sources(registry):
    """R-210, R-212: a newer list makes the map old, and it says so; what was
    announced before stays readable as of its day."""
    later = "1401-07-01"
    registry.must(deliver("interior", {"0101": "آبگرم", "0102": "آبیک"},
                          day=later, date=later))
    one = registry.get("views/code-map/settlements")["lists"][0]
    assert (one["version"], one["used_version"], one["is_newer"]) == (2, 1, True)
    assert one["date"] == later
    then = registry.get(f"views/code-map/settlements?as_of={DAY}")["lists"][0]
    assert (then["version"], then["is_newer"]) == (1, False)
    again = dict(build([["0101", "17", "A-1"]]), date=later)
    registry.must(again)
    registry.must(dict(deliver("housing", {"A-1": "آبگرم"}), date=later))
    announce = dict(operator("code-map", "settlements", "announce"), date=later)
    assert refused(registry, announce) == ("R-210", "stale-map")
    registry.must(again, announce)
    assert look_up(registry, "0102", "interior", f"&as_of={DAY}")[1][
        "statistics"][0] == "many"
    assert look_up(registry, "0102", "interior")[1]["statistics"][0] == "none"


def test_a_list_is_of_its_agency(registry):
    """Nobody delivers in the place of another."""
    stolen = deliver("statistics", {"A-9": "دیگری"}, day="1401-07-02")
    stolen["id"] = "settlements/housing"
    assert refused(registry, stolen) == ("R-209", "other-owner")
    for codes in ({}, {"1/2": "x"}, {"1": ""}, ["1"], {"1": 2}):
        assert refused(registry, dict(
            deliver("housing", codes), date="1401-07-02")) == (
                "R-209", "codes")


def test_identifiers_are_unique_and_below_their_agency(registry):
    """R-213: request, hierarchy, look-up, and never used again."""
    def ask(oid, agency):
        return decision("oid", oid, "request", "representative", agency, DAY,
                        {"agency": agency, "name_fa": "شاخه"})
    for name in ("2.16.0364", "3.1", "1.40", "2"):
        status, answer = registry.decide(ask(name, "interior"))
        assert status == 422 and answer["rule"] == "R-213", (name, answer)
    registry.must(ask("2.16.364", ITO),
                  operator("oid", "2.16.364", "register", {"open": True}),
                  ask("2.16.364.1", "interior"),
                  operator("oid", "2.16.364.1", "register"))
    assert registry.get("oid/2.16.364.1")["body"]["parent"] == "2.16.364"
    registry.must(ask("2.16.364.1.5", "statistics"))
    assert refused(registry, operator("oid", "2.16.364.1.5", "register")) == (
        "R-213", "oid-parent")
    registry.must(operator("oid", "2.16.364.1.5", "refuse",
                           {"refusal": "شاخه دستگاه دیگر"}))
    assert refused(registry, ask("2.16.364.1", "interior"))[0] == "R-213"
    registry.must(decision("oid", "2.16.364.1", "retire", "representative",
                           "interior", DAY))
    assert refused(registry, ask("2.16.364.1", "interior"))[0] == "R-213"
    used = registry.get("users/oid/2.16.364?of=oid")["oid"]
    assert [one["id"] for one in used] == ["2.16.364.1"]


def test_a_check_of_an_item_is_one_that_is_run(registry):
    """R-218: the definition names a check of lib/contract, or none."""
    def item(name):
        return office("data-item", "x", "register", {
            "name_fa": "قلم", "definition": {"check_function": name}})
    assert refused(registry, item("luhn-ish")) == ("R-218", "check-unknown")
    registry.must(item("iran_national_id"))
