"""The catalogue as acceptance (R-132): every consumer with every method is
allowed or refused as the resolutions say, on the days they say.

What is expected comes from this file alone: it reads the catalogue's JSON and
knows nothing of the registry, its image, or the command that sends decisions.
"""

import datetime
import hashlib
import json
import subprocess

import pytest

from harness import SANITIZE, both_dates, tehran_today, wait_for
from registryd import BUILD, CATALOGUE, WG, Registry, decision

FIRST = "1393-06-11"
TEHRAN_MS = 12_600_000
DAY_MS = 86_400_000

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


def read(name):
    """One file of the catalogue."""
    return json.loads((CATALOGUE / name).read_text())


class Catalogue:
    """What the documents say about who may call what, and when."""

    def __init__(self):
        self.enactment = read("enactment.json")
        self.grants = read("grants.json")
        self.services = {s["id"]: s for s in read("services.json")}
        self.agencies = read("agencies.json")
        self.methods = {m["service"]: m for m in self.enactment["methods"]}
        self.live = {g["service"]: g for g in self.enactment["go_live"]}
        self.live_grants = {x["grant"]: x for g in self.enactment["go_live"]
                            for x in g["grants"]}
        self.terms = {t["grant"]: t for t in self.enactment["grant_terms"]}
        self.bindings = self.enactment["grant_bindings"]
        self.enacted = {a["id"]: a for a in self.enactment["agencies"]}
        self.codes = {c["service"]: c for c in
                      self.enactment["service_codes"]["codes"]}

    def path(self, service, method):
        """Where a method is called."""
        return (f"/x/{self.services[service]['provider']}/{service}/"
                f"{self.methods[service]['version']}/{method}")

    def all_methods(self):
        """(service, method row)"""
        for service, row in self.methods.items():
            for method in row["methods"]:
                yield service, method

    def covers(self, grant, system):
        """Is the system one that the grant speaks of?"""
        binding = self.bindings.get(grant["id"], {})
        consumer = self.enacted[grant["consumer"]]
        unit = binding.get("unit") or consumer.get("replaced_by_unit")
        if binding.get("system"):
            return system["id"] == binding["system"]
        if unit:
            return system.get("unit") == unit
        if consumer["is_group"]:
            return system["agency"] in consumer["members"]
        return system["agency"] == grant["consumer"]

    def in_force(self, grant, day):
        """Is the grant a right on that day?"""
        live = self.live_grants.get(grant["id"], {}).get("live")
        service = self.live.get(grant["service"], {}).get("live")
        terms = self.terms.get(grant["id"])
        if grant["status"] != "approved" or grant["mode"] == "join-system":
            return False
        return (live is not None and service is not None
                and live["gregorian"] <= day and service["gregorian"] <= day
                and terms["start"]["gregorian"] <= day
                and (terms["end"] is None or day <= terms["end"]["gregorian"]))

    def allowed(self, systems, day):
        """Every (system, path) that may call on that day."""
        pairs = set()
        for grant in self.grants:
            if not self.in_force(grant, day):
                continue
            for method in self.methods[grant["service"]]["methods"]:
                if grant["operation"] not in (None, method["id"]):
                    continue
                only = method.get("dedicated_to")
                if only and (grant["operation"] is None
                             or self.bindings[grant["id"]]["system"] != only):
                    continue
                pairs |= {(s["id"], self.path(grant["service"], method["id"]))
                          for s in systems if self.covers(grant, s)
                          if s.get("active", True)}
        return pairs

    def closed(self, day):
        """{path: reason} of the methods that nobody may call on that day."""
        closed = {}
        for service, method in self.all_methods():
            live = self.live.get(service)
            code = self.codes[service]
            passport = (live["passport_approved"]["gregorian"] if live else
                        code["date"]["gregorian"]
                        if code["passport"] == "approved" else None)
            path = self.path(service, method["id"])
            if passport is None or passport > day:
                closed[path] = "passport-not-approved"
            elif live is None or live["live"]["gregorian"] > day:
                closed[path] = "service-not-live"
        return closed

    def ordered(self, day):
        """Services that a resolution has named by that day."""
        return {s for s, c in self.codes.items()
                if c["date"]["gregorian"] <= day}

    def days(self):
        """Every day on which something begins or ends, and its neighbours."""
        found = set()

        def walk(value):
            if isinstance(value, dict):
                if isinstance(value.get("gregorian"), str):
                    found.add(value["gregorian"])
                for one in value.values():
                    walk(one)
            elif isinstance(value, list):
                for one in value:
                    walk(one)

        walk(self.enactment["go_live"])
        walk(self.enactment["grant_terms"])
        walk(self.enactment["service_codes"])
        days = set()
        for text in found:
            day = datetime.date.fromisoformat(text)
            days |= {str(day + datetime.timedelta(days=n)) for n in (-1, 0, 1)}
        return sorted(days)


def noon(day):
    """A moment in the middle of that day in Tehran."""
    days = (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days
    return days * DAY_MS + DAY_MS // 2 - TEHRAN_MS


def all_systems(catalogue):
    """The catalogue's systems, one for each agency that has none, one for each
    unit, and a connector for every provider."""
    systems = [s for s in catalogue.enactment["systems"]
               if not s.get("probe_only")]
    having = {s["agency"] for s in systems if s["kind"] == "application"}
    for agency in catalogue.agencies:
        row = catalogue.enacted[agency["id"]]
        if (agency["id"] not in having and not row["is_group"]):
            systems.append({"id": f"t-{agency['id']}"[:64].rstrip("-"),
                            "agency": agency["id"], "kind": "application",
                            "added": True})
    for unit in catalogue.enactment["units"]:
        systems.append({"id": f"t-{unit['id']}", "agency": unit["agency"],
                        "unit": unit["id"], "kind": "application",
                        "added": True})
    providers = {s["provider"] for s in catalogue.services.values()}
    return systems + [
        {"id": f"c-{p}"[:64].rstrip("-"), "agency": p, "kind": "connector",
         "added": True}
        for p in sorted(providers) if not catalogue.enacted[p]["is_group"]]


def register(registry, systems):
    """Keys for all, and an endpoint for every connector."""
    for system in systems:
        key = hashlib.sha256(system["id"].encode()).hexdigest()
        steps = []
        if system.get("added"):
            data = {"agency": system["agency"], "kind": system["kind"],
                    "name_fa": "سامانه آزمون", "basis": "proposed"}
            if system.get("unit"):
                data["unit"] = system["unit"]
            steps.append(decision("system", system["id"], "register",
                                  "secretariat", WG, FIRST, data))
        if not system.get("active", True):
            continue
        holder = f"technical/{system['id']}"
        steps.append(decision("appointment", holder, "appoint", "secretariat",
                              WG, FIRST, {"person": holder, "role": "technical",
                                          "of": system["agency"]}))
        data = {"spki_sha256": key, "networks": ["10.0.0.0/8"]}
        if system["kind"] == "connector":
            data["endpoint"] = {"address": "10.1.1.1", "port": 443,
                                "tls_name": "connector.example",
                                "spki_sha256": key}
        steps.append(decision("system", system["id"], "key", "technical",
                              system["agency"], FIRST, data, actor=holder))
        registry.must(*steps)


@pytest.fixture(name="catalogue", scope="module")
def fixture_catalogue():
    """Read once."""
    return Catalogue()


def compare(catalogue, systems, day, found):
    """One day of the matrix against the documents."""
    may, refused, _ = found
    expected = catalogue.allowed(systems, day)
    assert may == expected, (day, sorted(may ^ expected))
    for path, reason in catalogue.closed(day).items():
        if path.split("/")[3] in catalogue.ordered(day):
            told = set(refused[path]) - {"grant-awaits-service"}
            assert told == {reason}, (day, path, refused[path])
        else:
            assert path not in refused, (day, path)


@pytest.mark.skipif(
    SANITIZE, reason="the same programs as in the other build, only slower")
def test_history_opens_exactly_what_the_resolutions_say(tmp_path, catalogue):
    """R-002, R-012, R-110, R-112, R-122, R-124, R-132: lived day by day, and
    looked at again from the end."""
    registry = Registry(tmp_path)
    jalali = {}

    def note(value):
        if isinstance(value, dict):
            if "jalali" in value and "gregorian" in value:
                jalali[value["gregorian"]] = value["jalali"]
            for one in value.values():
                note(one)
        elif isinstance(value, list):
            for one in value:
                note(one)

    note(catalogue.enactment)
    registry.enact("--until", FIRST)
    systems = all_systems(catalogue)
    register(registry, systems)

    lived = [d for d in sorted(jalali) if d in catalogue.days()
             and jalali[d] < "1402-01-01"]
    assert len(lived) > 30
    for day in lived:
        registry.enact("--until", jalali[day])
        compare(catalogue, systems, day,
                registry.matrix(noon(day))[noon(day)])

    registry.enact()
    days = catalogue.days()
    matrix = registry.matrix(*map(noon, days))
    opened = set()
    for day in days:
        may, _, pairs = matrix[noon(day)]
        assert pairs > 15_000
        assert may == catalogue.allowed(systems, day), day
        opened |= may
    assert len(opened) > 50
    registry.stop()


def test_the_same_catalogue_again_decides_nothing(tmp_path):
    """Sent twice, also after a stop in the middle, it is the same history."""
    registry = Registry(tmp_path)
    registry.enact("--until", "1401-06-15")
    registry.kill()
    registry.start()
    first = registry.enact()
    again = registry.enact()
    assert again["sent"] == again["repeated"] == first["sent"]
    status = registry.get("status")
    assert status["image"] == status["last"] == first["last"]
    assert status["log"]["size"] == first["last"]
    registry.stop()


# annex A of the rules of 1393, as requirement R-027 has it
LEADS = ["ministry-industry-mine-trade", "ministry-health",
         "ministry-foreign-affairs", "ministry-interior",
         "ministry-culture-islamic-guidance", "ministry-petroleum",
         "ministry-agriculture-jihad", "ministry-cooperatives-labour-social-welfare",
         "judiciary", "ministry-economic-affairs-finance",
         "ministry-intelligence", "ministry-ict",
         "ministry-roads-urban-development",
         "ministry-science-research-technology"]


def test_r027_the_fourteen_clusters_and_their_leads(tmp_path):
    """Each with its lead, and members that are registered."""
    registry = Registry(tmp_path)
    registry.enact("--until", FIRST)
    clusters = [c["body"] for c in registry.get("cluster")["cluster"]]
    clusters.sort(key=lambda c: c["number"])
    assert [c["number"] for c in clusters] == list(range(1, 15))
    assert [c["lead"] for c in clusters] == LEADS
    known = {a["id"] for a in registry.get("agency?count=500")["agency"]}
    for cluster in clusters:
        assert cluster["members"] and set(cluster["members"]) <= known
    registry.stop()


def test_a_resolution_gives_back_every_bullet(tmp_path):
    """R-113, R-281: m38/r5 as printed, with its grants and orders."""
    registry = Registry(tmp_path)
    registry.enact()
    printed = next(r for m in read("resolutions.json")["meetings"]
                   for r in m["resolutions"] if r["id"] == "m38/r5")
    record = registry.get("resolution/m38/r5")
    assert record["state"] == "notified"
    bullets = [i for i in record["body"]["items"] if "label" in i]
    assert [i["label"] for i in bullets] == [
        c["item"] for c in printed["commitments"]]
    assert [i["text_fa"] for i in bullets] == [
        c["text_fa_short"] for c in printed["commitments"]]
    grants = registry.get("users/resolution/m38/r5?of=grant&count=500")
    assert {g["id"] for g in grants["grant"]} == {
        g["id"] for g in read("grants.json") if g["resolution"] == "m38/r5"}
    registry.stop()


def test_the_past_can_be_asked(tmp_path):
    """As of a day, and as of a decision: a filter on the same records."""
    registry = Registry(tmp_path)
    registry.enact()
    grant = "grant/g-m24-r1-10"
    for day, state in (("1400-06-01", None), ("1400-06-02", "decided"),
                       ("1400-07-03", "approved-awaiting-service"),
                       ("1400-07-18", "live"), ("1401-06-20", "live")):
        status, answer = registry.ask(
            "GET", f"/registry/v1/{grant}?as_of={day}")
        assert (answer["state"] if status == 200 else None) == state, day
    history = registry.get(f"history/{grant}")["history"]
    for one in history:
        then = registry.get(f"{grant}?at={one['decision']}")
        assert then["version"] >= one["version"]
    registry.stop()


class Past:
    """Who could call what, as the registry says it from its records."""

    def __init__(self, registry, catalogue, systems):
        self.registry, self.catalogue = registry, catalogue
        self.systems = systems

    def covers(self, right, system):
        consumer = self.catalogue.enacted[right["consumer"]["id"]]
        if "system" in right:
            return system["id"] == right["system"]
        if "unit" in right:
            return system.get("unit") == right["unit"]
        if consumer["is_group"]:
            return system["agency"] in consumer["members"]
        return system["agency"] == consumer["id"]

    def on(self, gregorian):
        day = both_dates(datetime.date.fromisoformat(gregorian))["jalali"]
        view = self.registry.get(f"views/callers?as_of={day}")
        assert view["day"] == day and view["modes"] == []
        return {(s["id"], self.catalogue.path(
            right["version"].split("/")[0], method))
            for right in view["grants"] for method in right["methods"]
            for s in self.systems
            if s.get("active", True) and self.covers(right, s)}


def test_who_could_call_what_on_a_day_is_asked(tmp_path, catalogue):
    """Every day on which something begins or ends, from the end of all: as the
    documents say it, though the image has but the present."""
    registry = Registry(tmp_path)
    registry.enact()
    systems = all_systems(catalogue)
    past = Past(registry, catalogue, systems)
    found = [past.on(day) for day in catalogue.days()]
    for day, pairs in zip(catalogue.days(), found):
        expected = catalogue.allowed(systems, day)
        assert pairs == expected, (day, sorted(pairs ^ expected))
    assert len(set().union(*found)) > 50
    # a suspension holds from its day on, and at a decision's number
    right = registry.get("views/callers")["grants"][0]
    last = registry.get("status")["last"]
    consumer = right["consumer"]["id"]

    def now(query=""):
        view = registry.get(f"views/callers?party={consumer}{query}")
        return ([g["id"] for g in view["grants"]],
                [s["id"] for s in view.get("suspensions", [])])
    before = now()
    assert right["id"] in before[0] and before[1] == []
    today = both_dates(tehran_today())["jalali"]
    registry.must(decision("suspension", "x-halt", "impose", "secretariat", WG,
                           today, {"consumer": consumer,
                                   "version": right["version"]},
                           reason="x"))
    assert right["id"] not in now()[0] and now()[1] == ["x-halt"]
    assert now(f"&at={last}") == before
    assert now("&as_of=1403-01-01") == before
    rows = registry.payvand("grant", "callers", "--as-of", "1401-06-20",
                            "--csv").stdout.decode().splitlines()
    assert len(rows) > 10 and "resolution" in rows[0]
    registry.stop()


def leaf_hash(document):
    """RFC 6962 2.1."""
    return hashlib.sha256(b"\0" + document).digest()


def root_of(leaves):
    """The tree's root, straight from the definition."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(leaves[:k])
                          + root_of(leaves[k:])).digest()


def documents(registry):
    """Every decision's document, byte for byte."""
    found = []
    while True:
        page = registry.get(f"decisions?after={len(found)}&count=500")
        if not page["decisions"]:
            return found
        for one in page["decisions"]:
            found.append(json.dumps(one, ensure_ascii=False, sort_keys=True,
                                    separators=(",", ":")).encode())


def test_every_decision_is_a_leaf_of_the_log(tmp_path):
    """The tree is that of the documents, after a kill in the middle too, and
    proves each of them."""
    registry = Registry(tmp_path)
    registry.enact("--until", "1401-06-15")
    registry.kill()
    with open(registry.tree / "0", "r+b") as hashes:
        hashes.seek(-40, 2)
        hashes.write(b"\0" * 40)  # as power loss may leave it
    registry.start()
    registry.enact()
    leaves = [leaf_hash(d) for d in documents(registry)]
    wait_for("a head of all of them", lambda: registry.get("status")["log"][
        "signed"] == len(leaves))  # a proof leads to the newest head
    log = registry.get("status")["log"]
    assert log["size"] == len(leaves) > 1000
    assert log["root"] == root_of(leaves).hex()
    for number in (1, 256, 257, len(leaves)):
        proof = registry.get(f"proof/{number}")
        assert bytes.fromhex(proof["leaf"]) == leaves[number - 1]
        node, index, last = leaves[number - 1], number - 1, len(leaves) - 1
        for one in map(bytes.fromhex, proof["proof"]):  # RFC 9162 2.1.3.2
            if index % 2 or index == last:
                node = hashlib.sha256(b"\1" + one + node).digest()
                while index % 2 == 0 and index:
                    index, last = index >> 1, last >> 1
            else:
                node = hashlib.sha256(b"\1" + node + one).digest()
            index, last = index >> 1, last >> 1
        assert node.hex() == log["root"], number
    assert registry.ask("GET", f"/registry/v1/proof/{len(leaves) + 1}")[0] == 404
    registry.stop()


class Rights:
    """What connectors hold: the signed states of all agencies, and what
    lib/rights says by them."""

    def __init__(self, registry, folder, agencies):
        self.number, files, self.grants = {}, [], {}
        for agency in agencies:
            status, state = registry.ask(
                "GET", f"/registry/v1/rights?agency={agency}")
            assert status == 200, agency
            path = folder / f"{agency}.json"
            path.write_bytes(state.split(b"\n", 6)[6])
            self.number[agency] = len(files)
            files.append(path)
            for grant in json.loads(path.read_bytes())["grants"]:
                if grant["provider"] == agency:
                    self.grants[grant["id"]] = grant
        self.files = files

    def ask(self, lines):
        """One number a line."""
        done = subprocess.run(
            [BUILD / "tests/unit/rights_verdicts", *self.files],
            input="".join(line + "\n" for line in lines), text=True,
            capture_output=True, check=True)
        return list(map(int, done.stdout.split()))

    def given(self, catalogue, systems, when):
        """Every (system, path) that a provider's connector would answer: of
        each grant that is told to it, for whom the documents say it is."""
        documents = {g["id"]: g for g in catalogue.grants}
        pairs, lines = [], []
        for name, grant in self.grants.items():
            for method in grant["methods"]:
                path = f"{grant['path']}/{method}"
                for system in systems:
                    if (system.get("active", True)
                            and catalogue.covers(documents[name], system)):
                        pairs.append((system["id"], path))
                        lines.append(f"gives {self.number[grant['provider']]} "
                                     f"{name} {path} {system['id']} {when}")
        return {pair for pair, told in zip(pairs, self.ask(lines)) if told}

    def held(self, systems, paths, when):
        """Every (system, path) for which a consumer has a grant of its own."""
        pairs = [(s, path) for s in systems if s["agency"] in self.number
                 for path in paths]
        told = self.ask(f"holds {self.number[s['agency']]} {path} {s['id']} "
                        f"{when}" for s, path in pairs)
        return {(s["id"], path) for (s, path), n in zip(pairs, told) if n}


def test_a_decision_is_one_for_the_gate_and_both_connectors(
        tmp_path, catalogue):
    """The gate's image and the signed rights of connectors come from the same
    decisions by different ways: who may call what is the same by both, for
    every system and method, before and after a decision."""
    registry = Registry(tmp_path)
    registry.enact("--until", FIRST)
    systems = all_systems(catalogue)
    register(registry, systems)
    registry.enact()
    agencies = sorted(name for name, row in catalogue.enacted.items()
                      if not row["is_group"])
    paths = sorted({catalogue.path(service, method["id"])
                    for service, method in catalogue.all_methods()})
    active = {s["id"] for s in systems if s.get("active", True)}
    rights_of = [0]

    def verdicts(when):
        """By the gate; it must be so by connectors."""
        rights_of[0] += 1
        folder = tmp_path / f"rights{rights_of[0]}"
        folder.mkdir()
        rights = Rights(registry, folder, agencies)
        may, _, pairs = registry.matrix(when)[when]
        assert pairs > 15_000
        given = rights.given(catalogue, systems, when)
        assert given == may, (when, sorted(given ^ may))
        held = rights.held(systems, paths, when)
        held = {pair for pair in held if pair[0] in active}
        assert held == may, (when, sorted(held ^ may))
        return may

    # connectors are told the rights of today: days from the last go-live on
    live = max(row["live"]["gregorian"] for rows in (
        catalogue.live, catalogue.live_grants) for row in rows.values()
        if row.get("live"))
    days = [day for day in catalogue.days() if day >= live]
    for day in (days[0], days[-1]):
        verdicts(noon(day))
    today = "2025-06-01"    # 1404-03-11
    now = noon(today)
    before = verdicts(now)
    assert len(before) > 40
    live = [g["id"] for g in catalogue.grants if catalogue.in_force(g, today)
            and registry.get(f"grant/{g['id']}")["state"] == "live"]
    for name, event, role in ((live[0], "withdraw", "secretariat"),
                              (live[-1], "suspend", "secretariat")):
        registry.must(decision("grant", name, event, role, WG, "1404-01-01",
                               reason="a test"))
        after = verdicts(now)
        assert after < before, (name, event)
        before = after
    registry.must(decision("grant", live[-1], "resume", "secretariat", WG,
                           "1404-01-02"))
    before = verdicts(now)
    assert before > after
    # of a group, whose members each hold it
    group, ito = "all-executive-agencies", "information-technology-organisation"
    registry.must(
        decision("grant", "g-m24-r2-02", "consumer-ready", "representative",
                 group, "1404-01-03"),
        decision("grant", "g-m24-r2-02", "go-live", "operator", ito,
                 "1404-01-03"))
    assert len(verdicts(now) - before) > 10
    registry.stop()
