"""The synthetic country, and the statements that answer from it.

A small country is made by payvand-country; every sample of its country.json
runs through the statement of its service file, with SQLite in the place of
the connector.
"""

import json
import os
import re
import sqlite3
import subprocess

import pytest

from harness import CATALOGUE, ROOT, built
from samples import asked

PERSONS = 4000
SEED = "7"


def check(ok, what, detail=""):
    assert ok, f"{what}: {detail}"


def run(*args):
    return subprocess.run([built("payvand-country"), *args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, timeout=300)


def dump(path):
    """Every row of every table, in the order of all columns."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        tables = [r[0] for r in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
        return [(t, db.execute(f"SELECT * FROM {t}").fetchall())
                for t in tables]


def parameters(statement):
    return re.findall(r":([a-z_]+(?:\.type)?)", re.sub(r"'[^']*'", "''",
                                                       statement))


def bind(method, values):
    """Like the connector: text or NULL; an identifier object is its value,
    a binary one is JSON text."""
    bound = {}
    for item in method["inputs"]:
        value = values.get(item["name"])
        if isinstance(value, dict):
            value = value.get("value", json.dumps(
                value, separators=(",", ":"), sort_keys=True))
        bound[item["name"]] = value
    return bound


def answer(db, method, values):
    member = method.get("member_statement")
    if member and not db.execute(member, bind(method, values)).fetchall():
        return "refused", []
    rows = db.execute(method["statement"], bind(method, values))
    names = [c[0] for c in rows.description]
    rows = rows.fetchall()
    if method["answer"] == "yes-if-row":
        return ("yes" if rows else "no"), []
    return ("found" if rows else "not-found"), [dict(zip(names, r))
                                                for r in rows]


def load(name):
    with open(os.path.join(CATALOGUE, name), encoding="utf-8") as file:
        return json.load(file)


def load_services():
    services = {}
    for folder, _, files in os.walk(os.path.join(CATALOGUE, "services")):
        for name in files:
            if name.endswith(".json"):
                place = os.path.join(os.path.basename(folder), name)
                service = load(os.path.join("contracts", place))
                found = {m["id"]: m for m in load(
                    os.path.join("services", place))["methods"]}
                for method in service["methods"]:
                    method.update(found[method["id"]])
                service["place"] = place
                services[service["service"]] = service
    return dict(sorted(services.items()))


ANSWERED = load_services()
SERVICES = {n: s for n, s in ANSWERED.items()
            if s["methods"][0]["pattern"] != "command"}
COMMANDS = {n: s for n, s in ANSWERED.items() if n not in SERVICES}
METHODS = {f"{s['service']}/{m['id']}": (s, m)
           for s in SERVICES.values() for m in s["methods"]}
each_method = pytest.mark.parametrize("key", METHODS)


def plain_outputs(method):
    """Column name -> type, as the connector names the columns."""
    out = {}
    for item in method["outputs"]:
        if item["type"] == "object":
            out.update({f"{item['name']}.{i['name']}": i["type"]
                        for i in item["items"]})
        elif item["name"] == method.get("rows_as"):
            out.update({i["name"]: i["type"] for i in item["items"]})
        elif method["answer"] != "rows":
            out[item["name"]] = item["type"]
    return out


# the check rules of data_items.json, written again from their words

def national_id(text):
    digits = [int(c) for c in text]
    rest = sum(d * (10 - i) for i, d in enumerate(digits[:9])) % 11
    return (len(text) == 10 and len(set(text)) > 1 and
            digits[9] == (rest if rest < 2 else 11 - rest))


def legal_id(text):
    digits = [int(c) for c in text]
    weights = [29, 27, 23, 19, 17] * 2
    total = sum((d + digits[9] + 2) * w for d, w in zip(digits, weights))
    return (len(text) == 11 and int(text[3:9]) != 0 and
            digits[10] == total % 11 % 10)


def iban(text):
    return (re.fullmatch("IR[0-9]{24}", text) is not None and
            int(text[4:] + "1827" + text[2:4]) % 97 == 1)


def bill_id(text):
    rest = sum(int(c) * (2 + i % 6)
               for i, c in enumerate(reversed(text[:-1]))) % 11
    return int(text[-1]) == (0 if rest < 2 else 11 - rest)


def leap(year):
    return year % 33 in (1, 5, 9, 13, 17, 22, 26, 30)


def jalali(text):
    year, month, day = (int(p) for p in text.split("-"))
    last = 31 if month <= 6 else 30 if month < 12 or leap(year) else 29
    return 1 <= month <= 12 and 1 <= day <= last


def person_or_company(text):
    return {10: national_id, 11: legal_id,
            12: lambda t: t.startswith("999")}[len(text)](text)


class Country:
    """One made country with its registers open."""

    def __init__(self, folder):
        self.folder = folder
        with open(f"{folder}/country.json", encoding="utf-8") as file:
            self.index = json.load(file)
        self.db = {s["provider"]: sqlite3.connect(
            f"file:{folder}/{s['provider']}.sqlite?mode=ro", uri=True)
            for s in ANSWERED.values()}

    def all(self, provider, sql):
        return self.db[provider].execute(sql).fetchall()

    def texts(self, provider, sql):
        return [r[0] for r in self.all(provider, sql)]

    def ask(self, key, values):
        service, method = METHODS[key]
        return answer(self.db[service["provider"]], method, asked(values))


@pytest.fixture(scope="module")
def country(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("country") / "first")
    done = run("--seed", SEED, "--persons", str(PERSONS), "--out", folder)
    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr, "shows its progress"
    return Country(folder)


@pytest.fixture(scope="module")
def items():
    found = (load("data_items.json") + load("data_items_proposed.json") +
             load("enactment.json")["data_items_extra"])
    return {i["id"]: i for i in found}


@each_method
def test_answers_its_samples_as_noted(country, key):
    samples = country.index["samples"][key]
    kinds = {"yes", "no"} if METHODS[key][1]["answer"] == "yes-if-row" else {
        "found", "invalid" if "window" in METHODS[key][1] else "not-found"}
    if "member" in METHODS[key][1]:
        kinds.add("refused")
    assert {s["expect"] for s in samples} == kinds
    for sample in samples:
        if sample["expect"] == "invalid":
            continue  # the contract's matter, not the statement's
        got, _ = country.ask(key, sample["input"])
        check(got == sample["expect"], sample, got)


@pytest.mark.parametrize("key", [k for k, (_, m) in METHODS.items()
                                 if m["answer"] != "yes-if-row"])
def test_gives_columns_that_fit_their_types(country, items, key):
    named = plain_outputs(METHODS[key][1])
    for sample in country.index["samples"][key]:
        _, rows = country.ask(key, sample["input"])
        for row in rows:
            assert list(row) == list(named)
            for name, value in row.items():
                item = items[named[name]]
                assert value is None or isinstance(value, str), (name, value)
                if value is None:
                    continue
                if item["base_type"] == "binary":
                    assert bytes.fromhex(value), name
                elif item["pattern"] is None:
                    assert json.loads(value) is not None, name
                else:
                    assert re.search(item["pattern"], value), (name, value)


@each_method
def test_looks_its_rows_up_by_a_key(country, key):
    service, method = METHODS[key]
    rows = country.db[service["provider"]].execute(
        "EXPLAIN QUERY PLAN " + method["statement"],
        {p: None for p in parameters(method["statement"])}).fetchall()
    scans = [r[3] for r in rows if r[3].startswith("SCAN") and
             r[3] not in ("SCAN CONSTANT ROW", "SCAN asked")]
    assert rows and not scans


def statement_of(method):
    """All that it says to the database."""
    return "; ".join(step["statement"] for step in
                     method.get("steps", [method]))


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_look_their_rows_up_by_a_key(country, name):
    service = COMMANDS[name]
    for step in service["methods"][0]["steps"]:
        rows = country.db[service["provider"]].execute(
            "EXPLAIN QUERY PLAN " + step["statement"],
            {p: None for p in parameters(step["statement"])}).fetchall()
        scans = [r[3] for r in rows if r[3].startswith("SCAN") and
                 "json_each" not in r[3] and r[3] != "SCAN CONSTANT ROW"]
        assert not scans, (step, scans)


def test_the_table_of_commands_is_the_connectors(country):
    with sqlite3.connect(":memory:") as db, open(os.path.join(
            ROOT, "connectord", "idempotency.sql"), encoding="utf-8") as file:
        db.executescript(file.read())
        wanted = [db.execute(f"PRAGMA table_info({t})").fetchall()
                  for t in ("payvand_idempotency",)]
        wanted += db.execute("SELECT name FROM sqlite_master "
                             "WHERE type = 'index' ORDER BY 1").fetchall()
    for provider in {s["provider"] for s in COMMANDS.values()}:
        got = [country.all(provider, "PRAGMA table_info(payvand_idempotency)")]
        got += country.all(provider, "SELECT name FROM sqlite_master WHERE "
                           "type = 'index' AND tbl_name = "
                           "'payvand_idempotency' ORDER BY 1")
        assert got == wanted, provider


def kinds(fields):
    return [(f["name"], f["type"], f.get("required", True)) for f in fields]


def test_services_are_as_the_catalogue_has_them():
    catalogue = {s["id"]: s for s in load("services.json")}
    enactment = load("enactment.json")
    fields = {s["service"]: s for s in enactment["service_fields"]}
    methods = {s["service"]: s for s in enactment["methods"]}
    check(len(SERVICES) == 69, "so many services answer", len(SERVICES))
    check(len(COMMANDS) == 10, "and so many commands", len(COMMANDS))
    for name, service in ANSWERED.items():
        of = catalogue[name]
        wrong = []
        if service["place"] != f"{of['provider']}/{name}.json":
            wrong.append("it stands in another folder")
        if (service["provider"], service["title_fa"]) != (of["provider"],
                                                          of["name_fa"]):
            wrong.append("provider or title differs")
        if [m["id"] for m in service["methods"]] != [
                m["id"] for m in methods[name]["methods"]]:
            wrong.append("methods differ")
        for method in service["methods"]:
            source = fields.get(name) or next(
                (o for o in of["operations"] if o["id"] == method["id"]), of)
            # the documents may name none of either
            for side in ("inputs", "outputs"):
                stated = [f for f in source[side] if "consent" not in method or
                          f["type"] != "dynamic_tracking_number"]  # a header
                # what is stated stands first
                if kinds(method[side])[:len(stated)] != kinds(stated):
                    wrong.append(f"{side} of {method['id']} differ")
            unknown = set(parameters(statement_of(method))) - {
                i["name"] for i in method["inputs"]} - {
                    "payvand_tracking_id", "payvand_consumer", "payvand_time"}
            if unknown:
                wrong.append(f"parameters without an input: {unknown}")
        basis = "document" if of["fields_stated"] else "proposed"
        if service["basis"] != basis:
            wrong.append("basis differs")
        check(not wrong, f"{name} is as the catalogue has it",
              "\n".join(wrong))


def test_identifiers_are_valid_and_nobodys(country):
    civil = "civil-registration-organisation"
    wrong = [i for i in country.texts(civil, "SELECT national_id FROM person")
             if not national_id(i) or not i.startswith("999")]
    check(not wrong, "national ids are valid and in the 999 range", wrong[:5])
    people = country.texts(civil, "SELECT national_id FROM person")
    check(len(people) == PERSONS and "9991234561" in people,
          "there are as many persons as asked, with the example person")
    wrong = [i for i in country.texts("deeds-registration-organisation",
                                      "SELECT company_id FROM company")
             if not legal_id(i)]
    check(not wrong, "legal ids are valid", wrong[:5])
    wrong = [i for i in country.texts("central-bank",
                                      "SELECT iban FROM account")
             if not iban(i)]
    check(not wrong, "IBANs are valid", wrong[:5])
    wrong = [i for i in country.texts("tavanir",
                                      "SELECT bill_id FROM connection")
             if not bill_id(i) or i[-2] != "2"]
    check(not wrong, "bill ids are valid and of electricity", wrong[:5])
    codes = country.texts("national-post-company",
                          "SELECT postal_code FROM postal_address")
    wrong = [c for c in codes
             if not re.fullmatch("999[1345678][1346789][013-9]{5}", c)]
    check(not wrong, "postal codes have the structure known publicly",
          wrong[:5])
    wrong = [d for d in country.texts(
        civil, "SELECT birth_date FROM person UNION SELECT death_date FROM "
        "person WHERE death_date IS NOT NULL UNION SELECT married_on FROM "
        "marriage") if not jalali(d)]
    check(not wrong, "dates are real Jalali days", wrong[:5])


def test_families_hold_together(country):
    civil = "civil-registration-organisation"
    wrong = country.all(civil, """
        SELECT c.national_id, c.father_name, f.first_name FROM kinship k
        JOIN person c ON c.national_id = k.national_id
        JOIN person f ON f.national_id = k.father_id
        WHERE c.father_name <> f.first_name OR c.last_name <> f.last_name""")
    check(not wrong, "a child has the father's names", wrong[:5])
    wrong = country.all(civil, """
        SELECT k.national_id FROM kinship k
        JOIN person c ON c.national_id = k.national_id
        JOIN person m ON m.national_id = k.mother_id
        JOIN person f ON f.national_id = k.father_id
        WHERE substr(c.birth_date, 1, 4) - substr(m.birth_date, 1, 4)
            NOT BETWEEN 16 AND 50
        OR m.death_date < c.birth_date OR f.death_date < c.birth_date""")
    check(not wrong, "parents are of an age to be parents, and alive",
          wrong[:5])
    wrong = country.all(civil, """
        SELECT k.national_id FROM kinship k LEFT JOIN marriage m
        ON m.husband_id = k.father_id AND m.wife_id = k.mother_id
        WHERE m.wife_id IS NULL""")
    check(not wrong, "parents are married to each other", wrong[:5])
    wrong = country.all(civil, """
        SELECT national_id FROM person WHERE (life_status = 'deceased') <>
        (death_date IS NOT NULL) OR death_date < birth_date""")
    check(not wrong, "only the deceased have a date of death", wrong[:5])


def test_registers_speak_of_the_same_people_and_places(country):
    civil = "civil-registration-organisation"
    people = set(country.texts(civil, "SELECT national_id FROM person"))
    companies = set(country.texts("deeds-registration-organisation",
                                  "SELECT company_id FROM company"))
    codes = set(country.texts("national-post-company",
                              "SELECT postal_code FROM postal_address"))
    agencies = set(country.texts("ministry-economic-affairs-finance",
                                 "SELECT agency_unique_id FROM setad_member"))
    known = people | companies | agencies
    for provider, sql in [
            ("central-bank", "SELECT holder_id FROM account_holder"),
            ("communications-regulatory-authority",
             "SELECT subscriber_id FROM subscription"),
            ("tax-administration", "SELECT taxpayer_id FROM taxpayer"),
            ("deeds-registration-organisation",
             "SELECT owner_id FROM deed_owner"),
            ("deeds-registration-organisation",
             "SELECT head_id FROM company"),
            ("ministry-science-research-technology",
             "SELECT national_id FROM degree"),
            ("ministry-economic-affairs-finance",
             "SELECT obligor_id FROM promissory_note"),
            ("ministry-economic-affairs-finance",
             "SELECT beneficiary_id FROM promissory_note"),
            ("judiciary-statistics-centre",
             "SELECT national_id FROM cheque_case"),
            ("vp-science-technology", "SELECT company_id FROM approval")]:
        wrong = [i for i in country.texts(provider, sql)
                 if not person_or_company(i) or
                 (i not in known and len(i) != 12)]
        check(not wrong, f"{sql.split()[1]} of {provider} is registered",
              wrong[:5])
    for provider, sql in [
            (civil, "SELECT postal_code FROM residence"),
            ("tavanir", "SELECT postal_code FROM connection"),
            ("deeds-registration-organisation",
             "SELECT postal_code FROM company UNION ALL "
             "SELECT postal_code FROM deed")]:
        wrong = [c for c in country.texts(provider, sql) if c not in codes]
        check(not wrong, f"postal codes of {provider} are registered",
              wrong[:5])
    places = set(country.all("ministry-interior", """
        SELECT p.name, c.name FROM division c JOIN division p
        ON p.code = c.parent_code WHERE c.level = 'county'"""))
    used = set(country.all("national-post-company",
                           "SELECT province, county FROM postal_address"))
    check(used <= places, "addresses are in registered counties",
          used - places)
    wrong = country.all("ministry-interior", """
        SELECT code FROM division d WHERE level <> 'province' AND NOT EXISTS
        (SELECT 1 FROM division p WHERE p.code = d.parent_code)""")
    provinces = country.texts("ministry-interior", "SELECT name FROM division "
                              "WHERE level = 'province'")
    check(not wrong and len(provinces) == 31,
          "31 provinces; every other division has its parent", wrong)
    wrong = country.all("deeds-registration-organisation", """
        SELECT deed_number FROM deed_owner GROUP BY deed_number
        HAVING sum(share_parts) <> max(share_total)""")
    check(not wrong, "the shares of a deed make the whole", wrong[:5])


def test_the_tax_office_and_the_insurer_know_the_same_wages(country):
    tax = country.all("tax-administration", "SELECT person_id, year, month, "
                      "company_id, taxable_salary FROM payroll ORDER BY 1, 4, 3")
    insured = country.all("social-security-organisation", "SELECT national_id, "
                          "year, month, company_id, wage FROM worked "
                          "ORDER BY 1, 4, 3")
    assert tax and tax == insured
    sums = country.all("social-security-organisation", """
        SELECT p.workshop_code FROM premium_list p JOIN worked w
        USING (workshop_code, year, month) GROUP BY workshop_code, year, month
        HAVING count(*) <> headcount OR sum(w.wage) <> total_wages""")
    assert not sums, "a premium list sums up its workshop"


def test_the_courts_and_the_civil_registration_know_the_same_heirs(country):
    deceased = country.texts("judiciary",
                             "SELECT DISTINCT deceased_id FROM heir")
    for one in deceased:
        heirs = [sorted((r["heir_id"], r["relation"]) for r in country.ask(
            key, {"deceased_id": one})[1])
            for key in ("first-class-heirs/inquire",
                        "probate-certificate-info/inquire")]
        assert heirs[0] == heirs[1] and heirs[0], one


def test_what_the_new_registers_name_is_registered(country):
    people = set(country.texts("civil-registration-organisation",
                               "SELECT national_id FROM person"))
    companies = set(country.texts("deeds-registration-organisation",
                                  "SELECT company_id FROM company"))
    agencies = set(country.texts("ministry-economic-affairs-finance",
                                 "SELECT agency_unique_id FROM setad_member"))
    codes = set(country.texts("national-post-company",
                              "SELECT postal_code FROM postal_address"))
    divisions = set(country.texts("ministry-interior",
                                  "SELECT code FROM division"))
    goods = set(country.texts("ministry-industry-mine-trade",
                              "SELECT goods_id FROM goods"))
    plates = set(country.texts("deeds-registration-organisation",
                               "SELECT plate_number FROM parcel"))
    for provider, column, known in (
            ("police-command", "vehicle.owner_id", people),
            ("police-command", "plate_permit.agency_id", agencies),
            ("judiciary", "ruling.first_id", people),
            ("judiciary", "ruling.second_id", people),
            ("ministry-education", "pupil.national_id", people),
            ("ministry-health", "hygiene.holder_id", people | companies),
            ("social-security-organisation", "clearance.employer_id",
             companies),
            ("ministry-economic-affairs-finance",
             "institution.institution_id", companies),
            ("tax-administration", "tax_return.taxpayer_id",
             people | companies),
            ("national-gas-company", "bill.postal_code", codes),
            ("municipalities", "completion.postal_code", codes),
            ("housing-foundation", "zone.division_code", divisions),
            ("customs-administration", "permit.goods_id", goods),
            ("vp-management-human-capital", "service.agency_id", agencies),
            ("deeds-registration-organisation", "deed.plate_number", plates)):
        table, name = column.split(".")
        found = set(country.texts(provider, f"SELECT {name} FROM {table}"))
        check(found and found <= known, f"{column} of {provider}",
              sorted(found - known)[:5])


def decoded(data):
    """Height, width and the grey levels of a baseline JPEG whose blocks have
    one value each; every bit is accounted for."""
    assert data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9"
    at, codes = 2, {}
    while data[at + 1] != 0xda:
        length = int.from_bytes(data[at + 2:at + 4], "big")
        body = data[at + 4:at + 2 + length]
        if data[at + 1] == 0xdb:
            step = body[1]
        elif data[at + 1] == 0xc0:
            height, width = (int.from_bytes(body[i:i + 2], "big")
                             for i in (1, 3))
        elif data[at + 1] == 0xc4:
            code, values = 0, iter(body[17:])
            for size, count in enumerate(body[1:17], 1):
                for _ in range(count):
                    codes[body[0], f"{code:0{size}b}"] = next(values)
                    code += 1
                code <<= 1
        at += 2 + length
    bits = iter("".join(f"{b:08b}" for b in
                        data[at + 10:-2].replace(b"\xff\0", b"\xff")))

    def symbol(table):
        word = ""
        while (table, word) not in codes:
            word += next(bits)
        return codes[table, word]

    level, levels = 0, []
    for _ in range(height * width // 64):
        size = symbol(0)
        value = int("".join(next(bits) for _ in range(size)) or "0", 2)
        if size and value >> (size - 1) == 0:
            value -= (1 << size) - 1
        level += value
        assert symbol(0x10) == 0, "the end of the block"
        levels.append(level * step // 8 + 128)
    assert set(bits) <= {"1"}
    return height, width, levels


def test_pictures_are_pictures(country):
    photos = country.texts("ministry-education", "SELECT photo FROM photo")
    sheets = country.texts("judiciary", "SELECT image FROM probate")
    assert len(set(photos)) > 50 and sheets
    for text in photos + sheets:
        height, width, levels = decoded(bytes.fromhex(text))
        assert (height, width) == (80, 64)
        assert min(levels) >= 0 and max(levels) <= 255
        assert len(set(levels)) > 1
    for text in country.texts("social-security-organisation", "SELECT document "
                              "FROM clearance WHERE document IS NOT NULL"):
        page = bytes.fromhex(text)
        start = int(page.split(b"startxref\n")[1].split(b"\n")[0])
        assert page.startswith(b"%PDF-1.4") and page[start:].startswith(b"xref")
        for number, row in enumerate(page[start:].split(b"\n")[3:7], 1):
            assert page[int(row[:10]):].startswith(b"%d 0 obj" % number)


def test_arabic_yeh_and_kaf_are_the_persian_ones(country):
    civil = country.db["civil-registration-organisation"]
    person, last, born = civil.execute(
        "SELECT national_id, last_name, birth_date FROM person "
        "WHERE last_name LIKE '%ی%'").fetchone()
    got, _ = country.ask("identity-match/verify", {
        "national_id": person, "birth_date": born,
        "last_name": last.replace("ی", "ي").replace("ک", "ك")})
    assert got == "yes"


def test_cheque_cases_before_1400_are_not_answered(country):
    rows = country.all("judiciary-statistics-centre",
                       "SELECT tracking_id, max(filed_on) FROM cheque_case "
                       "GROUP BY 1")
    wrong = [(t, d) for t, d in rows
             if country.ask("cheque-litigation-status/by-tracking-id",
                            {"tracking_id": t})[0] !=
             ("yes" if d >= "1400-01-01" else "no")]
    check(not wrong and any(d < "1400" for _, d in rows),
          "cheque cases before 1400 are not answered", wrong[:5])


def test_one_day_without_approval_makes_the_answer_no(country):
    """R-166 against the plain reading: every day in some approval."""
    def number(text):
        year, month, day = (int(p) for p in text.split("-"))
        before = sum(366 if leap(y) else 365 for y in range(1380, year))
        return (before + day - 1 + 31 * min(month - 1, 6) +
                30 * max(month - 7, 0))

    rows = country.all("vp-science-technology",
                       "SELECT company_id, valid_from, valid_until "
                       "FROM approval")
    approvals = {}
    for company, first, last in rows:
        approvals.setdefault(company, []).append((first, last))
    wrong = []
    for company, periods in approvals.items():
        edges = sorted({d for p in periods for d in p} |
                       {"1399-12-30", "1400-01-01", "1401-07-01"})
        for start in edges:
            for end in edges:
                if end < start:
                    continue
                covered = set()
                for first, last in periods:
                    covered.update(range(max(number(first), number(start)),
                                         min(number(last), number(end)) + 1))
                whole = number(end) - number(start) + 1
                expect = "yes" if len(covered) == whole else "no"
                got, _ = country.ask(
                    "knowledge-based-company-status/verify",
                    {"company_id": company, "start_date": start,
                     "end_date": end})
                if got != expect:
                    wrong.append((company, start, end, got))
    check(not wrong, "one day without approval makes the answer no", wrong[:5])


def test_setads_members_are_those_of_the_catalogue(country):
    def date(value):
        return value["jalali"] if value else None

    rows = country.all("ministry-economic-affairs-finance",
                       "SELECT agency_unique_id, agency, member_since, "
                       "member_until, is_current FROM setad_member ORDER BY 1")
    wanted = sorted((m["agency_unique_id"], m["agency"], date(m["since"]),
                     date(m["until"]), int(m["current"]))
                    for m in load("enactment.json")["setad_members"])
    check(rows == wanted, "SETAD's members are those of the catalogue", rows)


def make(folder, seed, *more):
    done = run("--seed", seed, "--persons", str(PERSONS), "--out", folder,
               "--quiet", "--json", *more)
    assert done.returncode == 0 and done.stderr == "", done
    return json.loads(done.stdout)


def test_a_second_run_does_nothing(country):
    before = os.stat(f"{country.folder}/tavanir.sqlite").st_mtime_ns
    assert make(country.folder, SEED)["made"] is False
    assert os.stat(f"{country.folder}/tavanir.sqlite").st_mtime_ns == before


def test_the_same_seed_gives_the_same_content(country, tmp_path):
    again = str(tmp_path)
    make(again, SEED)
    names = sorted(os.listdir(country.folder))
    assert names == sorted(os.listdir(again)) and len(names) == 33
    for name in names:
        if name.endswith(".sqlite"):
            assert dump(f"{country.folder}/{name}") == dump(f"{again}/{name}")
    assert Country(again).index == country.index


def test_another_seed_gives_other_people_in_the_same_provinces(country,
                                                               tmp_path):
    other = str(tmp_path)
    make(other, "8")
    same = [n for n in os.listdir(other) if n.endswith(".sqlite") and
            dump(f"{country.folder}/{n}") == dump(f"{other}/{n}")]
    assert sorted(same) == [
        "information-technology-organisation.sqlite",  # filled by commands
        "ministry-ict.sqlite", "ministry-interior.sqlite"]


def test_makes_anew_what_is_not_whole(tmp_path):
    out = str(tmp_path)
    assert make(out, "1")["made"] is True
    assert make(out, "2")["made"] is True, "another seed"
    os.unlink(f"{out}/tavanir.sqlite")
    assert make(out, "2")["made"] is True, "a missing register"
    assert os.path.exists(f"{out}/tavanir.sqlite")
    with open(f"{out}/country.json", "w", encoding="utf-8") as file:
        file.write('{"format": 1, "seed"')
    assert make(out, "2")["made"] is True, "a torn index"
    assert make(out, "2", "--force")["made"] is True, "asked to"


def test_the_smallest_country_has_every_sample(tmp_path):
    done = run("--persons", "100", "--out", str(tmp_path), "--quiet")
    assert done.returncode == 0, done.stderr
    small = Country(str(tmp_path))
    assert set(small.index["samples"]) == set(METHODS)
    for key, samples in small.index["samples"].items():
        for sample in samples:
            assert sample["expect"] == "invalid" or (
                small.ask(key, sample["input"])[0] == sample["expect"])


@pytest.mark.parametrize("args", [
    [], ["--out", "x", "--persons", "99"], ["--out", "x", "--seed", "x"],
    ["--out", "x", "--persons", "1000001"], ["--out", "x", "--speed"],
    ["--out", "x", "more"]])
def test_refuses_wrong_use(args):
    done = run(*args)
    assert done.returncode == 2 and done.stderr


def test_says_which_folder_cannot_be_made(tmp_path):
    done = run("--out", f"{tmp_path}/no/such", "--persons", "1000")
    assert done.returncode == 1 and "/no/such" in done.stderr


def test_help_explains_in_both_languages():
    done = run("--help")
    assert done.returncode == 0
    assert "--persons" in done.stdout and "کشور" in done.stdout
