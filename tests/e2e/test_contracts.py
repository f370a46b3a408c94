"""All contracts of the catalogue: they say what the catalogue says, and what
`payvand contract` makes of them holds for others' tools."""

import ast
import copy
import glob
import json
import os
import re
import shutil
import subprocess

import jsonschema
import pytest

from harness import CATALOGUE, SANITIZE, built, program_env
from npm import redocly

PATTERN = {"inquiry": "inquiry", "verify": "verify", "list-by-date": "list",
           "register": "command", "bulk": "file", "publish": "events"}
# the document names an image as the answer, which no yes or no is
NOT_A_VERIFY = "probate-ruling-authenticity"
IN_A_HEADER = "tracking_number"     # Payvand-Consent


def load(name):
    with open(os.path.join(CATALOGUE, name), encoding="utf-8") as file:
        return json.load(file)


SERVICES = {s["id"]: s for s in load("services.json")}
ENACTMENT = load("enactment.json")
METHODS = {m["service"]: m for m in ENACTMENT["methods"]}
CONTRACTS = {os.path.basename(p)[:-5]: p for p in sorted(
    glob.glob(os.path.join(CATALOGUE, "contracts", "*", "*.json")))}


def payvand(*args, catalogue=CATALOGUE):
    return subprocess.run(
        [built("payvand"), "contract", *args, "--catalogue", catalogue],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=program_env(), timeout=60, check=False)


def contract(name):
    with open(CONTRACTS[name], encoding="utf-8") as file:
        return json.load(file)


def shape(fields):
    return [(f["name"], f["type"], shape(f.get("items", []))) for f in fields]


def test_every_service_has_its_contract():
    assert set(CONTRACTS) == set(SERVICES) and len(CONTRACTS) == 96
    done = payvand("check", "--json", *CONTRACTS.values())
    said = json.loads(done.stdout)
    assert done.returncode == 0 and said["holds"] is True
    assert len(said["contracts"]) == 96


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_says_what_the_catalogue_says(name):
    one, of = contract(name), SERVICES[name]
    assert (one["provider"], one["title_fa"], one["title_en"]) == (
        of["provider"], of["name_fa"], of["name_en"])
    assert one["sources"] == of["sources"]
    assert one["version"] == METHODS[name]["version"]
    assert one["basis"] == ("document" if of["fields_stated"] else "proposed")
    wanted = [(m["id"], "inquiry" if name == NOT_A_VERIFY else m["pattern"])
              for m in METHODS[name]["methods"]]
    assert [(m["id"], m["pattern"]) for m in one["methods"]] == wanted
    for method in one["methods"]:
        source = next((o for o in of["operations"]
                       if o["id"] == method["id"]), of)
        for side in ("inputs", "outputs"):
            stated = shape(f for f in source[side]
                           if side == "outputs" or f["name"] != IN_A_HEADER)
            # an object whose members the document leaves open gets proposed ones
            said = [(n, t, [] if t == "object" else items)
                    for n, t, items in shape(method[side])]
            # what is stated stands first, as it is stated
            assert said[:len(stated)] == [
                (n, t, [] if t == "object" else items)
                for n, t, items in stated], side
            # and nothing else claims to be stated
            basis = method.get("basis", one["basis"])
            assert all(f.get("basis", basis) == "proposed"
                       for f in method[side][len(stated):])


def test_r146_every_yes_and_no_says_what_it_means():
    for name in CONTRACTS:
        for method in contract(name)["methods"]:
            kinds = [f["type"] for f in method["outputs"]]
            if kinds != ["yes_no"]:
                assert "meaning" not in method
                continue
            for word in ("yes_fa", "yes_en", "no_fa", "no_en"):
                assert len(method["meaning"][word]) > 8, (name, word)
            assert re.search("[آ-ی]", method["meaning"]["yes_fa"])


def outputs(name):
    def walk(fields):
        for field in fields:
            yield field["type"]
            yield from walk(field.get("items", []))
    return {t for m in contract(name)["methods"] for t in walk(m["outputs"])}


def test_r090_no_gender_in_the_newborn_list():
    assert "gender" in contract(
        "newborn-birth-certificate-list")["methods"][0]["never"]
    assert "gender" not in outputs("newborn-birth-certificate-list")


def test_r054_r055_an_identity_change_names_no_item():
    assert outputs("identity-changes") == {"list", "event_sequence",
                                           "national_id", "jalali_date"}


def test_r135_returns_need_a_consent_number_for_a_month_and_two_uses():
    for name in ("tax-performance-declaration-items",
                 "knowledge-based-company-income"):
        assert contract(name)["methods"][0]["consent"] == {
            "valid_months": 1, "uses": 2, "shared": True}
    # this one returns no item of a return
    assert "consent" not in contract(
        "payroll-tax-payment-verification")["methods"][0]


def test_r068_premium_payment_is_aggregate_only():
    method = contract("workshop-premium-payment")["methods"][0]
    assert method["aggregate_only"] is True
    assert outputs("workshop-premium-payment") == {"count", "amount_rial"}


def test_r175_new_bills_are_those_of_the_seven_days_before():
    window = contract("electricity-new-bill-ids")["methods"][0]["window"]
    assert (window["oldest_days"], window["newest_days"]) == (7, 1)


@pytest.fixture(name="documents", scope="module")
def fixture_documents(tmp_path_factory):
    """The OpenAPI document of each contract, as a file."""
    folder = tmp_path_factory.mktemp("openapi")
    for name, path in CONTRACTS.items():
        done = payvand("openapi", path, "--server", "https://exchange.example")
        assert done.returncode == 0, done.stderr
        (folder / f"{name}.json").write_text(done.stdout, encoding="utf-8")
    return folder


NOT_TWICE = pytest.mark.skipif(
    SANITIZE, reason="the same documents as in the other build")


@NOT_TWICE
def test_a_published_linter_finds_nothing(documents):
    # who may use an answer for what is said by a grant, not by a licence
    found = redocly(documents, *(f"{name}.json" for name in CONTRACTS),
                    skip=["info-license"])
    assert len(found) == 96 and not any(found.values()), found


@NOT_TWICE
def test_the_linter_sees_what_is_wrong(documents):
    document = json.loads((documents / "tax-debt.json").read_text("utf-8"))
    path, item = next(iter(document["paths"].items()))
    content = item["post"]["requestBody"]["content"]["application/json"]
    content["example"]["no_such_member"] = "1"
    content["schema"]["type"] = "record"
    item["post"]["responses"]["default"]["$ref"] += "s"
    item["post"]["parameters"].append({"name": "id", "in": "path",
                                       "schema": {"type": "string"}})
    wrong = documents / "wrong.json"
    wrong.write_text(json.dumps(document), encoding="utf-8")
    found = redocly(documents, wrong.name, skip=["info-license"])[wrong.name]
    assert path and {"no-unresolved-refs", "struct",
                     "path-parameters-defined"} <= set(found), found


@pytest.mark.parametrize("name", CONTRACTS)
def test_openapi_and_its_schemas_hold_for_a_published_validator(
        name, documents):
    document = json.loads((documents / f"{name}.json").read_text("utf-8"))
    assert document["openapi"] == "3.1.0" and document["info"]["version"]
    for path, item in document["paths"].items():
        operation = item["post"]
        assert path.startswith("/x/" + SERVICES[name]["provider"])
        request = operation["requestBody"]["content"]["application/json"]
        answer = operation["responses"]["200"]["content"]["application/json"]
        for part in (request, answer):
            jsonschema.Draft202012Validator.check_schema(part["schema"])
            jsonschema.validate(part["example"], part["schema"],
                                cls=jsonschema.Draft202012Validator)
            worse = copy.deepcopy(part["example"])
            worse["no_such_member"] = "1"
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(worse, part["schema"],
                                    cls=jsonschema.Draft202012Validator)
        for missing in request["schema"].get("required", []):
            worse = copy.deepcopy(request["example"])
            del worse[missing]
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(worse, request["schema"],
                                    cls=jsonschema.Draft202012Validator)


def test_example_calls_are_of_their_language():
    path = CONTRACTS["knowledge-based-company-income"]
    for language, word in (("curl", "--cert client.crt"),
                           ("python", "import ssl"),
                           ("java", "public class Call"),
                           ("csharp", "using System.Net.Http")):
        done = payvand("example", path, "inquire", "--as", language)
        assert done.returncode == 0 and word in done.stdout
        assert "/x/tax-administration/knowledge-based-company-income/v1/" \
            "inquire" in done.stdout
        assert "99900123455" in done.stdout and "Payvand-Consent" in done.stdout
        assert "@" not in done.stdout
    python = payvand("example", path, "--as", "python").stdout
    compile(python, "example", "exec")
    assert payvand("example", path, "none").returncode == 1
    assert payvand("example", path, "--as", "cobol").returncode == 1


def test_an_example_ends_no_quotes_of_a_shell_or_of_python(tmp_path):
    """A data item says its example itself, and people paste the calls."""
    said = "x'; touch done; echo '" + "'" * 3 + " + str(1) + " + "'" * 3
    catalogue = tmp_path / "catalogue"
    shutil.copytree(CATALOGUE, catalogue)
    path = catalogue / "data_items.json"
    items = json.loads(path.read_text("utf-8"))
    for item in items:
        if item["id"] == "address_text":
            item["example"] = said
    path.write_text(json.dumps(items), encoding="utf-8")
    document = contract("electricity-connection-address")
    document["methods"][0]["inputs"].append(
        {"name": "address", "type": "address_text"})
    path = tmp_path / "contract.json"
    path.write_text(json.dumps(document), encoding="utf-8")

    def example(language):
        done = payvand("example", path, "--as", language,
                       catalogue=catalogue)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run = subprocess.run(["sh", "-c", example("curl").replace(
        "curl ", "printf '%s\\n' ", 1)], cwd=tmp_path, timeout=60, check=True,
        stdout=subprocess.PIPE, text=True)
    body = [line for line in run.stdout.splitlines() if line[:1] == "{"]
    assert json.loads(body[0])["address"] == said
    assert not (tmp_path / "done").exists()
    texts = [node.value for node in ast.walk(ast.parse(example("python")))
             if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert any(said in json.loads(text).values() for text in texts
               if text.startswith("{"))


def test_the_page_is_whole_in_both_languages():
    for language, direction, word in (("fa", "rtl", "بلی:"),
                                      ("en", "ltr", "Yes:")):
        page = payvand("page", CONTRACTS["cheque-litigation-status"], "--lang",
                       language).stdout
        assert f'lang="{language}" dir="{direction}"' in page and word in page
        assert "<script" not in page and "1400-01-01" in page
        assert page.count("<table") == 4


def test_a_fault_is_named_with_its_line(tmp_path):
    text = open(CONTRACTS["cheque-litigation-status"],
                encoding="utf-8").read().replace('"timed"', '"timid"', 1)
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    line = text[:text.index('"timid"')].count("\n") + 1
    done = payvand("check", str(path))
    assert done.returncode == 1
    assert f"line {line}, /methods/0/timid: unknown keyword" in done.stderr
