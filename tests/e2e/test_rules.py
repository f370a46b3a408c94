"""The rules of requirements 2.8 on single services, by their numbers.

Connectors of the catalogue answer from the synthetic country; the exchange is
not needed (test_services.py calls the same services through it). What each
rule says and where it is held stands in docs/rules.md; the rules that a
contract's keyword holds for any service are in test_contract_rules.py.
"""

import base64
import json
import os
import re
import sqlite3
from datetime import timedelta

import pytest

from harness import CATALOGUE, ROOT, both_dates, tehran_today
from test_connectord import SQLITE, Connector, method
from test_contract_rules import Providers

PAYROLL = "tax-administration/payroll-tax-payment-verification/v1/verify"
NOTE = "ministry-economic-affairs-finance/promissory-note/v1/verify-note"
CHEQUE = "judiciary-statistics-centre/cheque-litigation-status/v1/"
EMPLOYED = ("social-security-organisation/insured-employment-verification/v1/"
            "verify")
NEWBORN = ("civil-registration-organisation/newborn-birth-certificate-list/v1/"
           "list")
BILLS = "tavanir/electricity-new-bill-ids/v1/list"
PHOTO = "ministry-education/student-photo/v1/inquire"


@pytest.fixture(scope="module")
def providers(tmp_path_factory):
    made = Providers(tmp_path_factory.mktemp("rules"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def samples(providers):
    with open(os.path.join(providers.country, "country.json"),
              encoding="utf-8") as file:
        return json.load(file)["samples"]


def first(samples, key, expect):
    return dict([s["input"] for s in samples[key]
                 if s["expect"] == expect][0])


def answered(providers, path, **inputs):
    outcome, answer = providers.call(path, **inputs)
    assert outcome == "answered", (path, answer)
    return answer


def invalid(providers, path, fault, **inputs):
    outcome, answer = providers.call(path, **inputs)
    assert (outcome, answer["fault"]) == ("invalid", fault), answer


def contract(provider, service):
    with open(os.path.join(CATALOGUE, "contracts", provider,
                           service + ".json"), encoding="utf-8") as file:
        return json.load(file)


def as_stored(providers, path, inputs, sql):
    """The answer is what the provider's database has, no more and no less; of
    a list its rows. The statement is the test's own."""
    answer = answered(providers, path, **inputs)
    assert answer.pop("found") == "yes"
    folder = os.path.join(providers.country, path.split("/")[0] + ".sqlite")
    with sqlite3.connect(f"file:{folder}?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        rows = [{k: str(row[k]) for k in row.keys() if row[k] is not None}
                for row in db.execute(sql, inputs)]
    assert rows
    if [list] == [type(value) for value in answer.values()]:
        assert list(answer.values()) == [rows]
    else:
        assert [answer] == rows
    return answer


def jalali(days_ago):
    return both_dates(tehran_today() - timedelta(days=days_ago))["jalali"]


def test_the_table_of_rules_is_whole_and_names_tests_that_exist():
    with open(os.path.join(ROOT, "docs", "rules.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| R-(\d+) \| .+ \| (.+) \| (.*) \|$",
                          file.read(), re.M)
    assert [int(n) for n, _, _ in rows if 134 <= int(n) <= 208] == list(
        range(134, 209))
    for number, held, shown in rows:
        tests = re.findall(r"`(test_\w+\.py) (test_\w+)`", shown)
        assert len(tests) == shown.count("`") / 2, number
        assert tests or re.search("not yet|not carried yet|organisational|"
                                  "no service is named", held), number
        for name, test in tests:
            there_is(name, test)


def there_is(name, test):
    with open(os.path.join(ROOT, "tests", "e2e", name),
              encoding="utf-8") as file:
        assert f"def {test}(" in file.read(), (name, test)


def test_what_the_connector_withstands_names_tests_that_exist():
    with open(os.path.join(ROOT, "docs", "connector.md"),
              encoding="utf-8") as file:
        part = file.read().split("## What it withstands")[1].split("\n## ")[0]
    rows = re.findall(r"^\| [^|]+ \| (`test_.*) \|$", part, re.M)
    assert len(rows) == part.count("\n| ") - 1, "each row names a test"
    for row in rows:
        tests = re.findall(r"`(test_\w+\.py) (test_\w+)`", row)
        assert len(tests) == row.count("`") / 2, row
        for name, test in tests:
            there_is(name, test)


# ---- merged answers, and what is no answer ----

def test_r147_no_is_another_thing_than_a_wrong_request(providers, samples):
    inputs = first(samples, "payroll-tax-payment-verification/verify", "no")
    assert answered(providers, PAYROLL, **inputs) == {"result": "no"}
    outcome, answer = providers.call(PAYROLL, **{**inputs, "year": "year"})
    assert outcome == "invalid" and "result" not in answer


def test_r148_r169_not_paid_and_no_match_are_one_no(providers):
    person, company, year, month = providers.rows(
        "tax-administration", "SELECT person_id, company_id, year, month FROM "
        "payroll WHERE paid = 1")[0]
    unpaid = providers.rows(
        "tax-administration", "SELECT person_id, company_id, year, month FROM "
        "payroll WHERE paid = 0")[0]

    def ask(person, company, year, month):
        inputs = {"person_id": person, "company_id": company,
                  "year": str(year), "month": str(month)}
        return (providers.call(PAYROLL, **inputs),
                providers.length(PAYROLL, **inputs))

    assert ask(person, company, year, month)[0] == (
        "answered", {"result": "yes"})
    no = ask(*unpaid)
    assert no[0] == ("answered", {"result": "no"})
    other = unpaid[1]
    assert other != company
    for wrong in ((person, other, year, month), (person, company, 1390, month),
                  (unpaid[0], company, year, month),
                  ("999000000001", company, year, month)):
        assert ask(*wrong) == no, "the two cases of no cannot be told apart"


# ---- promissory notes, cheques ----

@pytest.mark.parametrize("member,value", [
    ("note_serial", "9990000000"), ("obligor_id", "99900123455"),
    ("beneficiary_id", "9991234561"), ("amount", "1")])
def test_r152_a_note_is_verified_by_all_four_items(providers, samples, member,
                                                   value):
    inputs = first(samples, "promissory-note/verify-note", "yes")
    assert answered(providers, NOTE, **inputs)["result"] == "yes"
    assert answered(providers, NOTE, **{**inputs, member: value}) == {
        "result": "no"}


def test_r153_method_two_gives_what_the_note_says_of_both(providers, samples):
    inputs = first(samples, "promissory-note/verify-note", "yes")
    token = answered(providers, NOTE, **inputs)["order_token"]
    member = providers.rows(
        "ministry-economic-affairs-finance", "SELECT agency_unique_id FROM "
        "setad_member WHERE is_current = 1")[0][0]
    answer = answered(providers, NOTE.replace("verify-note", "note-parties"),
                      note_serial=inputs["note_serial"], agency_id=member,
                      order_token=token)
    for party in ("obligor", "beneficiary"):
        wanted = inputs[party + "_id"]
        if isinstance(wanted, dict):
            wanted = wanted["value"]
        assert answer[party]["id"] == wanted
        assert answer[party]["postal_code"] and answer[party]["address"]


def test_r157_r158_a_case_since_the_first_of_1400_and_no_older_one(providers):
    rows = providers.rows(
        "judiciary-statistics-centre", "SELECT tracking_id, national_id, "
        "max(filed_on) FROM cheque_case GROUP BY tracking_id")
    by_day = {day: row for *row, day in rows}
    assert "1400-01-01" in by_day and any(d < "1400" for d in by_day)
    for day in ("1400-01-01", max(d for d in by_day if d < "1400")):
        answer = answered(providers, CHEQUE + "by-tracking-id",
                          tracking_id=by_day[day][0])
        assert answer["result"] == ("yes" if day >= "1400" else "no")
        assert answer["coverage_from"] == "1400-01-01"
    newest = dict(providers.rows(
        "judiciary-statistics-centre", "SELECT national_id, max(filed_on) "
        "FROM cheque_case GROUP BY national_id"))
    for person, expect in (
            (max(newest, key=newest.get), "yes"),
            ([i for i, day in newest.items() if day < "1400"][0], "no")):
        assert answered(providers, CHEQUE + "by-national-id",
                        national_id=person)["result"] == expect
    with_case = set(newest)
    clean = [i for i, in providers.rows(
        "civil-registration-organisation", "SELECT national_id FROM person")
        if i not in with_case][0]
    assert answered(providers, CHEQUE + "by-national-id",
                    national_id=clean)["result"] == "no"


# ---- accounts ----

def test_r161_every_owner_of_an_account_is_named(providers):
    path = "central-bank/account-holders/v1/inquire"
    shared = providers.rows(
        "central-bank", "SELECT iban FROM account_holder GROUP BY iban "
        "HAVING count(*) > 1")[0][0]
    answer = answered(providers, path, iban=shared)
    assert len(answer["holders"]) == 2 and answer["account_type"]
    assert answer["bank_code"] == shared[4:7]
    kinds = {}
    for kind, iban in providers.rows(
            "central-bank", "SELECT holder_type, min(iban) FROM account_holder "
            "GROUP BY holder_type"):
        holder = answered(providers, path, iban=iban)["holders"][0]
        kinds[kind] = len(holder["holder_id"])
        assert holder["holder_type"] == kind
    assert kinds == {"iranian_natural": 10, "foreign_natural": 12,
                     "iranian_legal": 11}


def test_r193_a_holder_and_an_iban_match_or_not(providers, samples):
    path = "central-bank/national-id-iban-match/v1/verify"
    for expect in ("yes", "no"):
        inputs = first(samples, "national-id-iban-match/verify", expect)
        assert answered(providers, path, **inputs) == {"result": expect}


# ---- companies, insurance, tax ----

@pytest.mark.parametrize("expect", ["yes", "no"])
def test_r165_knowledge_based_for_the_whole_asked_time(providers, samples,
                                                       expect):
    path = "vp-science-technology/knowledge-based-company-status/v1/verify"
    cases = [s["input"] for s in samples[
        "knowledge-based-company-status/verify"] if s["expect"] == expect]
    forms = {("start_date" in c, "end_date" in c) for c in cases}
    assert (False, False) in forms and (True, True) in forms
    for inputs in cases:
        assert answered(providers, path, **inputs) == {"result": expect}


def test_r167_an_employment_is_verified_by_all_items_together(providers,
                                                              samples):
    inputs = first(samples, "insured-employment-verification/verify", "yes")
    assert answered(providers, EMPLOYED, **inputs) == {"result": "yes"}
    assert answered(providers, EMPLOYED, **{
        **inputs, "insurable_wage": "000" + inputs["insurable_wage"]}) == {
            "result": "yes"}, "an amount is a number"
    other = {"workshop_code": "1", "company_id": "99900140107",
             "insurance_number": "99999999", "national_id": "9991399999",
             "year": "1390", "month": "1", "worked_days": "31",
             "insurable_wage": "1", "non_insurable_wage": "1"}
    other["national_id"] = providers.rows(
        "social-security-organisation", "SELECT national_id FROM worked "
        "WHERE national_id <> '%s'" % inputs["national_id"])[0][0]
    assert set(other) == set(inputs)
    for member, value in other.items():
        assert answered(providers, EMPLOYED, **{**inputs, member: value}) == {
            "result": "no"}, member


def test_r168_r068_a_premium_list_is_a_count_and_a_sum(providers, samples):
    path = "social-security-organisation/workshop-premium-payment/v1/inquire"
    inputs = first(samples, "workshop-premium-payment/inquire", "found")
    answer = answered(providers, path, **inputs)
    assert set(answer) == {"found", "headcount", "total_wages"}
    count, total = providers.rows(
        "social-security-organisation", "SELECT count(*), sum(wage) FROM worked "
        "WHERE workshop_code = '%s' AND month = %s" % (
            inputs["workshop_code"], inputs["month"]))[0]
    assert (answer["headcount"], answer["total_wages"]) == (
        str(count), str(total))


@pytest.mark.parametrize("service,outputs", [
    ("tax-performance-declaration-items", {"declaration_items"}),
    ("knowledge-based-company-income", {
        "declaration_tracking_code", "declaration_type", "zero_rate_income",
        "exempt_amount", "fiscal_year_start", "fiscal_year_end"})])
def test_r170_r171_returns_ask_for_a_number_and_give_these_items(service,
                                                                 outputs):
    method = contract("tax-administration", service)["methods"][0]
    assert method["consent"] == {"valid_months": 1, "uses": 2, "shared": True}
    assert {o["name"] for o in method["outputs"]} == outputs


def test_r143_the_payroll_check_asks_for_no_number(providers, samples):
    inputs = first(samples, "payroll-tax-payment-verification/verify", "yes")
    method = contract("tax-administration",
                      "payroll-tax-payment-verification")["methods"][0]
    assert "consent" not in method
    assert answered(providers, PAYROLL, **inputs) == {"result": "yes"}


def test_r198_taxes_of_a_person_and_identity_in_pay_lists(providers, samples):
    for service, key in (("payroll-tax-to-welfare", "taxable_salary"),
                         ("income-tax-to-welfare", "taxable_income")):
        inputs = first(samples, service + "/inquire", "found")
        answer = answered(providers,
                          f"tax-administration/{service}/v1/inquire", **inputs)
        assert answer[key].isdigit() and answer["tax_paid"].isdigit()
    inputs = first(samples, "payroll-tax-to-welfare/inquire", "found")
    as_stored(providers, "tax-administration/payroll-tax-to-welfare/v1/inquire",
              inputs, "SELECT sum(taxable_salary) AS taxable_salary, "
              "sum(CASE WHEN paid THEN tax_paid ELSE 0 END) AS tax_paid FROM "
              "payroll WHERE person_id = :national_id AND year = 0 + :year AND "
              "month = 0 + :month")
    path = "tax-administration/payroll-list-identity-verification/v1/verify"
    for expect in ("yes", "no"):
        inputs = first(samples, "payroll-list-identity-verification/verify",
                       expect)
        assert answered(providers, path, **inputs) == {"result": expect}


# ---- newborns and families ----

def test_r172_r173_newborns_are_found_by_the_day_of_issue(providers):
    number, born, issued = providers.rows(
        "civil-registration-organisation", "SELECT national_id, birth_date, "
        "certificate_issued_on FROM person JOIN kinship USING (national_id) "
        "WHERE substr(birth_date, 1, 7) < substr(certificate_issued_on, 1, 7) "
        "ORDER BY certificate_issued_on DESC")[0]
    answer = answered(providers, NEWBORN, issue_date=issued)
    one = [p for p in answer["persons"] if p["national_id"] == number][0]
    assert one["birth_date"] == born != issued
    parents = providers.rows(
        "civil-registration-organisation", "SELECT father_id, mother_id FROM "
        "kinship WHERE national_id = '%s'" % number)[0]
    assert [p["national_id"] for p in one["parent_ids"]] == list(parents)
    again = answered(providers, NEWBORN, issue_date=born)
    assert number not in [p["national_id"] for p in again["persons"]]


def test_r090_no_gender_is_sent_and_none_could_be(providers):
    days = providers.rows("civil-registration-organisation",
                          "SELECT DISTINCT certificate_issued_on FROM person")
    for day, in days[:20]:
        for person in answered(providers, NEWBORN, issue_date=day)["persons"]:
            assert set(person) == {"national_id", "birth_date", "parent_ids"}
    method = contract("civil-registration-organisation",
                      "newborn-birth-certificate-list")["methods"][0]
    assert method["never"] == ["gender"]


def test_r195_first_class_heirs_are_the_living_next_of_kin(providers, samples):
    path = "civil-registration-organisation/first-class-heirs/v1/inquire"
    inputs = first(samples, "first-class-heirs/inquire", "found")
    heirs = answered(providers, path, **inputs)["heirs"]
    alive = {i for i, in providers.rows(
        "civil-registration-organisation",
        "SELECT national_id FROM person WHERE life_status = 'alive'")}
    children = {i for i, in providers.rows(
        "civil-registration-organisation", "SELECT national_id FROM kinship "
        "WHERE '%s' IN (father_id, mother_id)" % inputs["deceased_id"])}
    assert heirs and {h["heir_id"] for h in heirs} <= alive
    assert {h["heir_id"] for h in heirs if h["relation"] == "فرزند"} == (
        children & alive)
    assert {h["relation"] for h in heirs} <= {"فرزند", "همسر", "پدر", "مادر"}
    living = first(samples, "first-class-heirs/inquire", "not-found")
    assert answered(providers, path, **living) == {"found": "no", "heirs": []}


def test_r196_parents_and_marriages(providers):
    child, father, mother = providers.rows(
        "civil-registration-organisation", "SELECT national_id, father_id, "
        "mother_id FROM kinship")[0]
    path = "civil-registration-organisation/parent-child-relationship/v1/"
    answer = answered(providers, path + "inquire", child_id=child)
    assert answer["parents"] == [{"national_id": father, "role": "father"},
                                 {"national_id": mother, "role": "mother"}]
    assert answered(providers, path + "inquire", child_id=father,
                    parent_id=child)["found"] == "no"
    path = "civil-registration-organisation/marriage-relationship/v1/inquire"
    for one, other in ((father, mother), (mother, father)):
        answer = answered(providers, path, national_id=one, spouse_id=other)
        assert answer["marriages"][0]["spouse_id"] == other
        assert answer["marriages"][0]["status"] in ("current", "ended")
    husband, wife, ended = providers.rows(
        "civil-registration-organisation", "SELECT husband_id, wife_id, "
        "ended_on FROM marriage WHERE ended_on IS NOT NULL")[0]
    answer = answered(providers, path, national_id=husband, spouse_id=wife)
    assert answer["marriages"][0]["ended_on"] == ended


def test_r180_r181_a_ruling_is_verified_with_both_persons(providers, samples):
    path = "judiciary/court-ruling-authenticity/v1/verify"
    inputs = first(samples, "court-ruling-authenticity/verify", "yes")
    assert answered(providers, path, **inputs) == {"result": "yes"}
    outsider = providers.rows("judiciary", "SELECT first_id FROM ruling")[-1][0]
    for change in ({"first_national_id": outsider},
                   {"second_national_id": outsider},
                   {"ruling_kind": "other"}, {"ruling_id": "1"}):
        assert answered(providers, path, **{**inputs, **change}) == {
            "result": "no"}, change
    kinds = {k for k, in providers.rows("judiciary", "SELECT kind FROM ruling")}
    assert {"custody", "guardianship"} & kinds


def test_r194_r047_a_rulings_image_and_each_heir_with_the_relation(providers,
                                                                   samples):
    inputs = first(samples, "probate-ruling-authenticity/verify", "found")
    image = answered(providers, "judiciary/probate-ruling-authenticity/v1/"
                     "verify", **inputs)["ruling_image"]
    assert image["media"] == "image/jpeg"
    assert base64.b64decode(image["data"], validate=True)[:2] == b"\xff\xd8"
    inputs = first(samples, "probate-certificate-info/inquire", "found")
    heirs = answered(providers, "judiciary/probate-certificate-info/v1/inquire",
                     **inputs)["heirs"]
    assert heirs and all(h["heir_id"] and h["relation"] for h in heirs)
    as_stored(providers, "judiciary/probate-certificate-info/v1/inquire",
              inputs, "SELECT heir_id, relation FROM heir WHERE deceased_id = "
              ":deceased_id ORDER BY heir_id")
    ruling = first(samples, "probate-ruling-authenticity/verify", "found")
    stored = providers.rows("judiciary", "SELECT image FROM probate WHERE "
                            "ruling_id = '%s'" % ruling["ruling_id"])[0][0]
    assert base64.b64decode(image["data"]).hex() == stored


# ---- electricity ----

def test_r174_r175_new_bills_of_the_seven_days_before_today(providers):
    for days in (1, 4, 7):
        answer = answered(providers, BILLS, creation_date=jalali(days))
        made = providers.rows("tavanir", "SELECT bill_id FROM connection "
                              "WHERE created_on = '%s'" % jalali(days))
        assert made and sorted(b["bill_id"] for b in answer["bill_ids"]) == (
            sorted(b for b, in made))
    for days in (0, 8, -1, 400):
        invalid(providers, BILLS, "window", creation_date=jalali(days))


def test_r150_until_a_month_is_until_its_last_day(providers):
    method = contract("tavanir", "electricity-connection-address")["methods"][0]
    until = [o["until"] for o in method["outputs"] if "until" in o]
    assert until == ["1402-06-31"], "to the end of Shahrivar 1402"
    invalid(providers, BILLS, "pattern", creation_date="2023-09-22")


def test_r150_until_a_day_is_sent_on_that_day_and_never_after(tmp_path):
    """By the day of Tehran; none of the three is another's neighbour's."""
    def ask():
        days = {"gone": jalali(1), "last": jalali(0), "next": jalali(-1)}
        home = tmp_path / str(len(os.listdir(tmp_path)))
        home.mkdir()
        with sqlite3.connect(home / "x.sqlite") as db:
            db.execute("CREATE TABLE t(a)")
        connector = Connector(home, [method(
            "get", "SELECT 'a' AS gone, 'b' AS last, 'c' AS next, 'd' AS kept "
            "WHERE :national_id <> ''",
            [{"name": "national_id", "type": "national_id"}],
            [*({"name": name, "type": "first_name", "until": day}
               for name, day in days.items()),
             {"name": "kept", "type": "first_name"}])],
            "Driver=%s;Database=%s" % (SQLITE, home / "x.sqlite"))
        try:
            connector.wait(lambda: connector.call(
                "get", {"national_id": "9991234561"}).outcome == "answered")
            return connector.call("get", {"national_id": "9991234561"}).json
        finally:
            connector.stop()

    day, answer = None, None
    while day != jalali(0):     # once more when it was midnight meanwhile
        day, answer = jalali(0), ask()
    assert answer == {"found": "yes", "last": "b", "next": "c", "kept": "d"}


def test_r177_what_is_said_of_a_connection(providers):
    bill = providers.rows("tavanir", "SELECT bill_id FROM connection")[0][0]
    answer = answered(providers, "tavanir/electricity-connection-address/v1/"
                      "inquire", bill_id=bill)
    assert set(answer) == {"found", "connection_status", "bill_id", "province",
                           "county", "postal_code"}


# ---- pupils ----

def pupil(providers):
    return dict(zip(("national_id", "birth_date"), providers.rows(
        "ministry-education", "SELECT national_id, birth_date FROM pupil")[0]))


def test_r183_a_pupils_photo_by_id_and_birth_date(providers):
    inputs = pupil(providers)
    photo = answered(providers, PHOTO, **inputs)["photo"]
    data = base64.b64decode(photo["data"], validate=True)
    assert photo["media"] == "image/jpeg" and data[:2] == b"\xff\xd8"
    assert answered(providers, PHOTO, **{
        **inputs, "birth_date": "1341-01-01"}) == {"found": "no"}


@pytest.mark.parametrize("photo", [
    b"\x89PNG\r\n\x1a\n" + b"\0" * 100, b"GIF89a" + b"\0" * 100, b"",
    b"\xff\xd8\xff\xe0" + b"\0" * 131072],
    ids=["png", "gif", "nothing", "too-large"])
def test_r184_a_photo_of_another_kind_or_size_is_not_sent(providers, photo):
    """As accepted: JPEG, at most 128 KiB; what is not so stays here."""
    path = os.path.join(providers.country, "ministry-education.sqlite")
    providers.call(PHOTO, **pupil(providers))
    number = providers.rows("ministry-education",
                            "SELECT max(photo_number) FROM pupil")[0][0]
    with sqlite3.connect(path, timeout=30) as db:
        kept = db.execute("SELECT photo FROM photo WHERE photo_number = ?",
                          (number,)).fetchone()
        db.execute("UPDATE photo SET photo = ? WHERE photo_number = ?",
                   (photo.hex(), number))
    inputs = dict(zip(("national_id", "birth_date"), providers.rows(
        "ministry-education", "SELECT national_id, birth_date FROM pupil "
        "WHERE photo_number = %d" % number)[0]))
    try:
        outcome, answer = providers.call(PHOTO, **inputs)
        assert outcome == "failed" and "photo" not in answer, answer
    finally:
        with sqlite3.connect(path, timeout=30) as db:
            db.execute("UPDATE photo SET photo = ? WHERE photo_number = ?",
                       (*kept, number))
    assert answered(providers, PHOTO, **inputs)["found"] == "yes"


def test_r200_a_pupils_records_of_all_levels_or_one(providers):
    path = "ministry-education/student-academic-records/v1/inquire"
    one, levels = providers.rows(
        "ministry-education", "SELECT national_id, count(DISTINCT level) FROM "
        "record GROUP BY 1 ORDER BY 2 DESC")[0]
    every = answered(providers, path, national_id=one)
    assert levels == 2 == len({r["level"] for r in every["records"]})
    some = answered(providers, path, national_id=one,
                    level=every["records"][0]["level"])
    assert len({r["level"] for r in some["records"]}) == 1
    assert len(some["records"]) < len(every["records"])


def test_r201_results_of_exams_and_degrees(providers, samples):
    inputs = first(samples, "exam-results-admissions/inquire", "found")
    results = answered(providers, "sanjesh-organisation/"
                       "exam-results-admissions/v1/inquire",
                       **inputs)["results"]
    assert results[0]["admission_status"] == "admitted"
    assert results[0]["university"] and results[0]["field_of_study"]
    inputs = first(samples, "last-academic-degree/inquire", "found")
    degree = answered(providers, "ministry-science-research-technology/"
                      "last-academic-degree/v1/inquire", **inputs)
    assert degree["degree_status"] == "graduated"


# ---- properties, homes, buildings ----

def test_r188_details_only_where_the_ledger_is_electronic(providers):
    path = "deeds-registration-organisation/property-details/v1/inquire"
    for ledger, found in (("electronic", "yes"), ("paper", "no")):
        number = providers.rows(
            "deeds-registration-organisation", "SELECT property_id FROM deed "
            "JOIN parcel USING (plate_number) WHERE deed_status = 'valid' AND "
            "ledger = '%s'" % ledger)[0][0]
        assert answered(providers, path, property_id=number)["found"] == found


def test_r048_r161_a_property_has_its_shape_and_all_its_owners(providers):
    path = ("deeds-registration-organisation/"
            "property-cadastre-registry-inquiry/v1/inquire")
    number, owners = providers.rows(
        "deeds-registration-organisation", "SELECT property_id, count(*) FROM "
        "deed JOIN deed_owner USING (deed_number) WHERE deed_status = 'valid' "
        "GROUP BY deed_number ORDER BY 2 DESC")[0]
    answer = answered(providers, path, property_id=number)
    assert owners > 1 and len(answer["owners"]) == owners
    assert sum(int(o["share_parts"]) for o in answer["owners"]) == int(
        answer["owners"][0]["share_whole"])
    ring = answer["shape"]["coordinates"][0]
    assert answer["shape"]["type"] == "Polygon" and ring[0] == ring[-1]


def test_r190_coverage_of_a_plate(providers):
    path = "deeds-registration-organisation/deed-plate-coverage/v1/inquire"
    for plate, coverage, shape in providers.rows(
            "deeds-registration-organisation", "SELECT min(plate_number), "
            "coverage, shape FROM parcel GROUP BY coverage"):
        answer = answered(providers, path, plate=plate)
        assert answer["coverage"] == coverage
        assert ("shape" in answer) == (shape is not None)


def test_r192_zones_of_a_villages_plan(providers, samples):
    inputs = first(samples, "hadi-plan-zones/inquire", "found")
    zones = answered(providers, "housing-foundation/hadi-plan-zones/v1/inquire",
                     **inputs)["zones"]
    assert zones[0]["shape"]["type"] == "Polygon"
    stored = providers.rows(
        "housing-foundation", "SELECT zone_name, shape FROM zone WHERE "
        "division_code = '%s' ORDER BY zone_number" % inputs["division_code"])
    assert [(z["zone_name"], z["shape"]) for z in zones] == [
        (name, json.loads(shape)) for name, shape in stored]


def test_r187_r199_where_one_lives_and_a_change_of_it(providers, samples):
    inputs = first(samples, "residence-location/inquire", "found")
    home = answered(providers, "civil-registration-organisation/"
                    "residence-location/v1/inquire", **inputs)
    assert {"province", "county", "city", "postal_code", "since"} <= set(home)
    change = answered(providers, "ministry-roads-urban-development/"
                      "legal-residence-change/v1/inquire", **inputs)
    assert change["change_status"] == "registered"
    assert change["postal_code"] == home["postal_code"]


def test_r202_completion_and_inquiries_before_a_permit(providers, samples):
    inputs = first(samples, "completion-certificate/inquire", "found")
    answer = answered(providers, "municipalities/completion-certificate/v1/"
                      "inquire", **inputs)
    assert answer["certificate_number"] and answer["issue_date"]
    as_stored(providers, "municipalities/completion-certificate/v1/inquire",
              inputs, "SELECT permit_number, certificate_number, issued_on AS "
              "issue_date, postal_code, area FROM completion WHERE "
              "permit_number = :permit_number")
    inputs = first(samples, "construction-permit-inquiries/inquire", "found")
    answer = answered(providers, "all-executive-agencies/"
                      "construction-permit-inquiries/v1/inquire", **inputs)
    assert answer["answer"] == "no_objection"


# ---- police, health, customs ----

@pytest.mark.parametrize("service,method,expect", [
    ("vehicle-authenticity", "verify", "yes"),
    ("vehicle-authenticity", "verify", "no"),
    ("border-crossings", "inquire", "found"),
    ("residence-abroad", "inquire", "found"),
    ("vehicle-scrappage", "inquire", "found"),
    ("government-vehicle-plate-permit", "inquire", "found"),
    ("government-vehicle-plate-permit", "inquire", "not-found"),
    ("persons-vehicle-status", "inquire", "found")])
def test_r197_services_of_the_police(providers, samples, service, method,
                                     expect):
    inputs = first(samples, f"{service}/{method}", expect)
    answer = answered(providers, f"police-command/{service}/v1/{method}",
                      **inputs)
    said = answer.get("result", {"yes": "found", "no": "not-found"}.get(
        answer.get("found")))
    assert said == expect


@pytest.mark.parametrize("service,sql", [
    ("residence-abroad", "SELECT status, country, since FROM abroad WHERE "
     "national_id = :national_id"),
    ("vehicle-scrappage", "SELECT status, scrapped_on, scrap_certificate AS "
     "certificate_number FROM vehicle WHERE vin = :vehicle_vin"),
    ("government-vehicle-plate-permit", "SELECT permit_number, plate, "
     "issued_on AS issue_date, status AS licence_status FROM plate_permit "
     "WHERE permit_number = :permit_number AND agency_id = :agency_id"),
    ("persons-vehicle-status", "SELECT plate, model, status FROM vehicle "
     "WHERE owner_id = :owner_id ORDER BY plate")])
def test_r197_the_police_say_what_they_have(providers, samples, service, sql):
    inputs = {name: value["value"] if isinstance(value, dict) else value
              for name, value in first(samples, service + "/inquire",
                                       "found").items()}
    as_stored(providers, f"police-command/{service}/v1/inquire", inputs, sql)


def test_r197_a_vehicle_is_verified_with_its_owner(providers, samples):
    path = "police-command/vehicle-authenticity/v1/verify"
    inputs = first(samples, "vehicle-authenticity/verify", "yes")
    plate, owner = providers.rows(
        "police-command", "SELECT plate, owner_id FROM vehicle WHERE plate <> "
        "'%s'" % inputs["plate"])[0]
    for change in ({"plate": plate}, {"owner_id": owner}):
        assert {**inputs, **change} != inputs
        assert answered(providers, path, **{**inputs, **change}) == {
            "result": "no"}, change


def test_r197_r043_crossings_between_two_days(providers, samples):
    path = "police-command/border-crossings/v1/inquire"
    person = first(samples, "border-crossings/inquire", "found")["national_id"]
    every = answered(providers, path, national_id=person)["crossings"]
    assert [c["direction"] for c in every] == ["exit", "entry"]
    some = answered(providers, path, national_id=person,
                    from_date=every[1]["date"])["crossings"]
    assert some == every[1:]
    invalid(providers, path, "not-before", national_id=person,
            from_date=every[1]["date"], until_date=every[0]["date"])


@pytest.mark.parametrize("holder", ["national_id", "legal_person_id"])
def test_r205_r044_hygiene_of_a_person_or_a_company(providers, samples, holder):
    inputs = [s["input"] for s in samples[
        "workplace-hygiene-certificate/inquire"] if s["expect"] == "found" and
        s["input"]["holder_id"]["type"] == holder][0]
    answer = answered(providers, "ministry-health/"
                      "workplace-hygiene-certificate/v1/inquire", **inputs)
    assert answer["certificate_status"] in ("valid", "expired")


def test_r206_a_clearance_permit_of_the_customs(providers, samples):
    inputs = first(samples, "goods-clearance-permits/inquire", "found")
    answer = answered(providers, "customs-administration/"
                      "goods-clearance-permits/v1/inquire", **inputs)
    assert answer["status"] == "issued" and answer["issue_date"]
    as_stored(providers, "customs-administration/goods-clearance-permits/v1/"
              "inquire", inputs, "SELECT permit_number, goods_id, status, "
              "issued_on AS issue_date FROM permit WHERE permit_number = "
              ":permit_number")


def test_r049_a_signed_document_comes_as_it_is(providers, samples):
    inputs = first(samples, "contract-clearance-document/inquire", "found")
    answer = answered(providers, "social-security-organisation/"
                      "contract-clearance-document/v1/inquire", **inputs)
    stored = providers.rows(
        "social-security-organisation", "SELECT document FROM clearance WHERE "
        "contract_number = '%s'" % inputs["contract_number"])[0][0]
    assert answer["document"]["media"] == "application/pdf"
    assert base64.b64decode(answer["document"]["data"]).hex() == stored
