"""The OpenAPI document of the registry: what a published linter says of it, and
that real answers and real decisions are as it says."""

import json
import os
import tempfile

import jsonschema
import pytest

import npm
from people import PASSWORD, Web, first_code, registry_today, totp
from registryd import BUILD, Registry

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")

# what stands for a parameter in the path, for each template
EXAMPLES = {
    "/registry/v1/proof/{number}": "/registry/v1/proof/7",
    "/registry/v1/history/{kind}/{id}":
        "/registry/v1/history/service/postal-code",
    "/registry/v1/users/{kind}/{id}":
        "/registry/v1/users/service/postal-code?of=version",
    "/registry/v1/views/{view}": "/registry/v1/views/status",
}


@pytest.fixture(name="registry", scope="module")
def fixture_registry():
    """The catalogue, enacted."""
    with tempfile.TemporaryDirectory(prefix="pv-openapi-") as folder:
        os.chmod(folder, 0o755)
        registry = Registry(folder)
        registry.enact()
        status, registry.document = Web(registry).ask("GET", "openapi.json")
        assert status == 200
        try:
            yield registry
            registry.stop()
        finally:
            registry.kill()


def validator(registry, schema):
    """For a schema of the document, by its name."""
    whole = dict(registry.document, **{
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": f"#/components/schemas/{schema}"})
    return jsonschema.Draft202012Validator(whole)


def answer_of(operation):
    """The schema of a good answer."""
    content = operation["responses"]["200"]["content"]["application/json"]
    return content["schema"]["$ref"].rsplit("/", 1)[1]


def test_a_published_linter_finds_nothing(registry):
    path = registry.folder / "openapi.json"
    path.write_text(json.dumps(registry.document))
    found = npm.redocly(registry.folder, path.name)
    assert found == {path.name: []}


def test_real_answers_are_as_it_says(registry):
    asked = 0
    for path, methods in registry.document["paths"].items():
        # texts and bytes; a session is a person's
        if "get" not in methods or path.split("/")[3] in (
                "session", "log", "feed", "rights", "contracts"):
            continue
        kind = path.split("/")[3]
        if "{id}" in path and path not in EXAMPLES:
            some = registry.get(f"{kind}?count=1")[kind]
            if not some:
                continue
            target = f"/registry/v1/{kind}/{some[0]['id']}"
        else:
            target = EXAMPLES.get(path, path)
        status, answer = registry.ask("GET", target)
        assert status == 200, (target, answer)
        check = validator(registry, answer_of(methods["get"]))
        for error in check.iter_errors(answer):
            raise AssertionError((target, list(error.path), error.message))
        asked += 1
    assert asked > 45


def test_every_decision_of_the_catalogue_is_as_it_says(registry):
    checks = {}
    after = count = 0
    while True:
        page = registry.get(f"decisions?after={after}&count=500")
        for one in page["decisions"]:
            name = f"decision.{one['kind']}.{one['event']}"
            sent = {key: one[key] for key in one
                    if key not in ("by", "number", "time")}
            check = checks.setdefault(name, validator(registry, name))
            for error in check.iter_errors(sent):
                raise AssertionError((name, list(error.path), error.message))
            after, count = one["number"], count + 1
        if after == page["last"]:
            break
    assert count > 1000 and len(checks) > 30


def test_what_it_does_not_allow_is_refused(registry):
    good = {"actor": "a", "role": "secretariat", "of": "b", "kind": "agency",
            "date": registry_today(), "id": "x", "event": "register",
            "data": {"name_fa": "x", "branch": "executive",
                     "legal_type": "ministry", "inside_executive": True}}
    check = validator(registry, "Decision")
    assert check.is_valid(good)
    for wrong in (dict(good, kind="no"), dict(good, event="no"),
                  dict(good, id="X"), dict(good, date="1405-13-01"),
                  dict(good, more=1), dict(good, data={}),
                  dict(good, data=dict(good["data"], branch="no")),
                  dict(good, data=dict(good["data"], more=1)),
                  dict(good, data=dict(good["data"], name_fa=5))):
        assert not check.is_valid(wrong), wrong
        status, answer = registry.decide(wrong)
        assert status == 422, (wrong, answer)
        validator(registry, "Refusal").validate(answer)


def test_what_people_get_is_as_it_says(registry):
    web = Web(registry)
    enrolled = web.must("POST", "first", {
        "code": first_code(registry), "person": "maryam", "name_fa": "مریم",
        "password": PASSWORD})
    validator(registry, "Enrolled").validate(enrolled)
    validator(registry, "Session").validate(web.must("POST", "session", {
        "person": "maryam", "password": PASSWORD,
        "code": totp(enrolled["totp"])}))
    validator(registry, "Session").validate(web.must("GET", "session"))
    status, decided = web.decide("person", "sara", "register",
                                 {"name_fa": "سارا"}, date=registry_today())
    assert status == 200
    validator(registry, "Decided").validate(decided)
    validator(registry, "Invited").validate(
        web.must("POST", "invitations", {"person": "sara"}))
    for path in ("agency/none", "agency?count=0", "none"):
        status, answer = web.ask("GET", path)
        assert status in (400, 404)
        validator(registry, "Problem").validate(answer)
    validator(registry, "Problem").validate(
        Web(registry).ask("GET", "agency")[1])
    validator(registry, "Empty").validate(web.must("DELETE", "session"))
