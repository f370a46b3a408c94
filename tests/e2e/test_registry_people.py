"""People at the registry: the first administrator, invitations, sessions,
roles, what each role may ask and read, systems by their certificates."""

import os
import re
import subprocess
import tempfile
import urllib.parse
from urllib.parse import urljoin

import pytest

from people import (PASSWORD, Web, first_code, make_first, make_person,
                    registry_today)
from registryd import BUILD, ROOT, WG, Registry, decision

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")

COUNCIL = "executive-it-council"
ITO = "information-technology-organisation"
BRANCH = {"name_fa": "دستگاه", "branch": "executive",
          "legal_type": "ministry", "inside_executive": True}
ROLES = [  # (role, of) of one person who holds them all
    ("administrator", "administration"), ("secretariat", WG), ("chair", WG),
    ("member", WG), ("auditor", COUNCIL), ("operator", ITO),
    ("representative", "ministry-a"), ("technical", "ministry-a"),
    ("security", "ministry-a"), ("representative", "ministry-b"),
]


def console(registry, kind, record, event, data=None, role="console",
            of="console", actor="console"):
    """A decision by who holds the machine, in any role."""
    registry.must(decision(kind, record, event, role, of, registry_today(),
                           data, actor=actor))


@pytest.fixture(name="scene", scope="module")
def fixture_scene(pki):
    """maryam administers, omid holds every role, three hold none; an
    exemption of ministry-a; a system of it with a key."""
    with tempfile.TemporaryDirectory(prefix="pv-people-") as folder:
        os.chmod(folder, 0o755)
        registry = Registry(folder)
        registry.maryam = make_first(registry)
        admin = registry.maryam.sign_in()
        registry.admin = admin
        registry.omid = make_person(registry, "omid", admin)
        for name in ("sara", "nima", "tara"):
            setattr(registry, name, make_person(registry, name, admin))
        for body in (WG, COUNCIL):
            console(registry, "body", body, "register", {"name_fa": "نهاد"})
        console(registry, "appointment", "office", "appoint",
                {"person": "office", "role": "secretariat", "of": WG})
        secretariat = {"role": "secretariat", "of": WG, "actor": "office"}
        for agency in ("ministry-a", "ministry-b", ITO):
            console(registry, "agency", agency, "register", BRANCH,
                    **secretariat)
        for number, (role, of) in enumerate(ROLES):
            console(registry, "appointment", f"omid-{number}", "appoint",
                    {"person": "omid", "role": role, "of": of}, **secretariat)
        for number, (role, of) in enumerate(ROLES[6:9]):
            console(registry, "appointment", f"office-{number}", "appoint",
                    {"person": "office-a", "role": role, "of": of},
                    **secretariat)
        console(registry, "exemption", "secret", "request",
                {"agency": "ministry-a", "scope": "محرمانه"},
                role="representative", of="ministry-a", actor="office-a")
        console(registry, "system", "system-a", "register",
                {"name_fa": "سامانه", "agency": "ministry-a",
                 "kind": "connector"}, **secretariat)
        registry.identity = pki.make("system-a")
        console(registry, "system", "system-a", "key",
                {"spki_sha256": registry.identity.spki_sha256,
                 "networks": ["192.0.2.0/24"]},
                role="technical", of="ministry-a", actor="office-a")
        registry.browser = registry.omid.sign_in()
        try:
            yield registry
            registry.stop()
        finally:
            registry.kill()


def as_role(registry, role, of):
    """omid's browser in that role."""
    registry.browser.must("POST", "session/role", {"role": role, "of": of})
    return registry.browser


def as_system(registry, address="192.0.2.9", verify="SUCCESS"):
    """What nginx says of a connection with that certificate."""
    web = Web(registry, address)
    with open(registry.identity.cert, encoding="ascii") as file:
        pem = file.read()
    web.headers["Payvand-Peer-Verify"] = verify
    web.headers["Payvand-Peer-Certificate"] = urllib.parse.quote(pem)
    return web


# ---- the first administrator --------------------------------------------


def test_the_first_code_is_printed_once_and_used_once(scene):
    code = first_code(scene)
    assert code is not None and len(code) == 32
    assert code not in scene.log.read_text()
    status, answer = Web(scene, "192.0.2.50").ask("POST", "first", {
        "code": code, "person": "eve", "name_fa": "x", "password": PASSWORD})
    assert (status, answer["type"][-14:]) == (401, "sign-in-failed")


def test_its_decisions_say_so(scene):
    decisions = scene.get("decisions?count=3")["decisions"]
    assert [(one["kind"], one["by"], one["actor"]) for one in decisions] == [
        ("body", "first-code", "maryam"), ("person", "first-code", "maryam"),
        ("appointment", "first-code", "maryam")]


def test_when_the_sealing_key_is_lost_people_are_invited_again(
        tmp_path_factory):
    registry = Registry(tmp_path_factory.mktemp("lost"))
    try:
        admin = make_first(registry).sign_in()
        omid = make_person(registry, "omid", admin)
        browser = omid.sign_in()
        registry.stop()
        secrets = registry.signer.parent / "secrets"
        key = secrets.read_text()
        secrets.unlink()
        with pytest.raises(AssertionError, match="--forget-sealed"):
            registry.start()
        registry.process = None

        def forget(*more):
            return subprocess.run(
                [BUILD / "registryd/payvand-registryd", "--forget-sealed",
                 "--store", registry.store, "--secrets", secrets, *more],
                check=False, capture_output=True, text=True)

        # a wrong name makes no file and forgets nobody
        done = forget("--yes")
        assert done.returncode == 1 and "is not there" in done.stderr
        assert not secrets.exists()
        # a wrong file forgets nobody either, unless it is meant
        secrets.write_text("7" * 64 + "\n")
        secrets.chmod(0o600)
        done = forget()
        assert done.returncode == 1 and "is it the right one?" in done.stderr
        assert done.stdout.splitlines() == [
            "would be forgotten: maryam", "would be forgotten: omid",
            "2 of 2 would be forgotten"]
        lost = secrets.read_text()
        secrets.write_text(key)
        assert forget().stdout == "0 of 2 would be forgotten\n"
        registry.start()
        assert browser.ask("GET", "session")[0] == 200
        registry.stop()
        secrets.write_text(lost)
        done = forget("--yes")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [
            "to be invited again: maryam", "to be invited again: omid",
            "2 of 2 are forgotten"]
        registry.start()
        assert browser.ask("GET", "session")[0] == 401
        code = first_code(registry)
        secret = Web(registry).must("POST", "first", {
            "code": code, "person": "maryam", "name_fa": "مریم",
            "password": PASSWORD})["totp"]
        assert secret
        status, answer = registry.ask("POST", "/registry/v1/invitations",
                                      {"person": "omid"})
        assert status == 200, answer
        omid.secret = Web(registry).must("POST", "enrol", {
            "person": "omid", "code": answer["code"],
            "password": PASSWORD})["totp"]
        omid.step = 0
        omid.sign_in()
        registry.stop()
    finally:
        registry.kill()


def test_no_decision_holds_a_secret(scene):
    text = str(scene.get("decisions?count=500"))
    for secret in (PASSWORD, first_code(scene), scene.omid.secret,
                   scene.browser.cookie, scene.browser.csrf):
        assert secret not in text


# ---- sessions ------------------------------------------------------------


def test_a_cookie_is_for_this_host_only_and_for_no_script(scene):
    web = scene.sara.sign_in()
    name, *rest = web.set_cookie.split("; ")
    assert name.startswith("__Host-payvand=")
    assert sorted(rest) == ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]
    assert web.must("GET", "session")["role"] == ""
    status, answer = web.ask("GET", "agency")
    assert (status, answer["type"]) == (403, "urn:payvand:problem:no-role")
    web.must("DELETE", "session")
    assert "Max-Age=0" in web.set_cookie


def test_a_change_needs_the_csrf_value(scene):
    web = as_role(scene, "secretariat", WG)
    body = {"kind": "agency", "id": "x", "event": "register", "data": BRANCH,
            "date": registry_today()}
    for headers in ({}, {"Payvand-Csrf": "0" * 64}, {"Payvand-Csrf": ""}):
        status, answer = web.ask("POST", "decisions", body, csrf=False,
                                 headers=headers)
        assert (status, answer["type"]) == (403, "urn:payvand:problem:csrf")


def test_cookies_that_are_not_right_are_nobody(scene):
    web = as_role(scene, "secretariat", WG)
    good = web.cookie
    for cookie in ("", "x", good[:-1], good + "0", good.upper(),
                   f"{good}; __Host-payvand={good}", "0" * 64):
        other = Web(scene)
        status, _ = other.ask("GET", "agency", headers={
            "Cookie": f"__Host-payvand={cookie}"})
        assert status == 401, cookie
    other = Web(scene)
    status, _ = other.ask("GET", "agency", headers={
        "Cookie": f"a=b; __Host-payvand={good}; c=d"})
    assert status == 200


def test_wrong_sign_ins_have_one_answer(scene):
    answers = set()
    for number, (person, password, code) in enumerate((
            ("nobody", PASSWORD, "000000"), ("sara", "wrong" * 4, "000000"),
            ("sara", PASSWORD, "000000"), ("", "", ""),
            ("a" * 500, PASSWORD, "1"), ("sara/x", PASSWORD, "۱۲۳۴۵۶"))):
        status, answer = Web(scene, f"192.0.2.{60 + number}").ask(
            "POST", "session",
            {"person": person, "password": password, "code": code})
        answers.add((status, str(answer)))
    assert len(answers) == 1 and answers.pop()[0] == 401


def test_one_address_does_not_try_without_end(scene):
    web = Web(scene, "192.0.2.99")
    found = [web.ask("POST", "first", {
        "code": "0" * 32, "person": "eve", "name_fa": "x",
        "password": PASSWORD})[0] for _ in range(25)]
    assert found[0] == 401 and found[-1] == 429


# ---- one's own name -------------------------------------------------------


def test_a_person_decides_in_his_own_name_and_role(scene):
    web = as_role(scene, "secretariat", WG)
    status, answer = web.decide("agency", "ministry-c", "register", BRANCH,
                                date=registry_today())
    assert status == 200, answer
    document = scene.get(f"decisions?after={answer['last'] - 1}")
    document = document["decisions"][0]
    assert {key: document[key] for key in ("actor", "role", "of", "by")} == {
        "actor": "omid", "role": "secretariat", "of": WG, "by": "person/omid"}
    for other in ({"actor": "maryam"}, {"role": "chair"}, {"of": COUNCIL},
                  {"actor": "office"}, {"role": "console", "of": "console"},
                  {"actor": 5}, {"role": None}):
        status, answer = web.decide("agency", "ministry-d", "register", BRANCH,
                                    date=registry_today(), **other)
        assert (status, answer["type"]) == (
            403, "urn:payvand:problem:not-own-role"), other
    status, answer = web.decide("person", "eve", "register",
                                {"name_fa": "x"}, date=registry_today())
    assert (status, answer["word"]) == (422, "role")


def test_one_person_with_two_roles_is_not_two_eyes(scene):
    web = as_role(scene, "representative", "ministry-a")
    status, answer = web.decide("exemption", "own", "request",
                                {"agency": "ministry-a", "scope": "x"},
                                date=registry_today())
    assert status == 200, answer
    as_role(scene, "secretariat", WG)
    status, answer = web.decide("resolution", "r1", "cite",
                                {"body": WG, "title_fa": "x"},
                                date=registry_today())
    assert status == 200, answer
    web = as_role(scene, "chair", WG)
    status, answer = web.decide("exemption", "own", "decide",
                                {"resolution": "r1"}, date=registry_today())
    assert (status, answer["word"]) == (422, "four-eyes")


def test_a_dismissed_person_is_out_at_the_next_call(scene):
    web = scene.maryam.sign_in()
    assert web.ask("GET", "person")[0] == 200
    console(scene, "appointment", "administrator-maryam", "end")
    assert web.ask("GET", "person")[0] == 401
    console(scene, "appointment", "maryam-2", "appoint",
            {"person": "maryam", "role": "administrator",
             "of": "administration"})
    assert scene.admin.ask("GET", "person")[0] == 200


def test_a_blocked_person_is_out_and_comes_back_by_another(scene):
    web = scene.nima.sign_in()
    assert web.ask("GET", "session")[0] == 200
    status, answer = scene.admin.decide("person", "nima", "block", {},
                                        date=registry_today())
    assert status == 200, answer
    assert web.ask("GET", "session")[0] == 401
    status, answer = scene.admin.decide("person", "nima", "unblock", {},
                                        date=registry_today())
    assert (status, answer["word"]) == (422, "four-eyes")
    console(scene, "person", "nima", "unblock")


# ---- who may ask what -----------------------------------------------------

MAY = "pass"  # anything but 401 and 403: the route itself answers
NO, SIGN_IN = 403, 401

# (method, path, body): expectation of nobody, a person without a role, a
# system, an administrator, any other role, the console
PUBLIC = ("views/status", "views/public-grants", "views/public-passports")
RESTRICTED = ("exemption", "person")  # their readers have tables of their own
READ = (SIGN_IN, NO, MAY, MAY, MAY, MAY)
OPEN = (MAY, MAY, MAY, MAY, MAY, MAY)
POINTS = [
    ("GET", "status", None, READ),
    ("GET", "kinds", None, READ),
    ("GET", "decisions", None, READ),
    ("GET", "proof/1", None, READ),
    ("GET", "history/agency/ministry-a", None, READ),
    ("GET", "users/agency/ministry-a?of=system", None, READ),
    ("GET", "feed", None, (SIGN_IN, NO, NO, NO, NO, MAY)),
    ("GET", "rights?agency=ministry-a", None, (SIGN_IN, NO, MAY, NO, NO, MAY)),
    ("GET", "contracts/" + 64 * "0", None, READ),
    ("GET", "log/checkpoint", None, OPEN),
    ("GET", "log/tile/0/000", None, OPEN),
    ("GET", "views/agenda", None, READ),
    *(("GET", view, None, OPEN) for view in PUBLIC),
    ("POST", "first", {}, OPEN),
    ("POST", "enrol", {}, OPEN),
    ("POST", "session", {}, OPEN),
    ("POST", "sign-in-by", {}, (SIGN_IN, NO, NO, NO, NO, NO)),
    ("GET", "openapi.json", None, OPEN),
    ("GET", "no-such-kind", None, READ),
    ("POST", "decisions", {}, (SIGN_IN, NO, NO, MAY, MAY, MAY)),
    ("POST", "decisions", [], (SIGN_IN, NO, NO, MAY, MAY, MAY)),
    ("GET", "session", None, (SIGN_IN, MAY, NO, MAY, MAY, NO)),
    ("POST", "session/role", {}, (SIGN_IN, MAY, NO, MAY, MAY, NO)),
    ("POST", "session/password", {}, (SIGN_IN, MAY, NO, MAY, MAY, NO)),
    ("POST", "invitations", {"person": "nobody"},
     (SIGN_IN, NO, NO, MAY, NO, MAY)),
    ("DELETE", "session", None, (SIGN_IN, MAY, NO, MAY, MAY, NO)),
    ("GET", "/pki/authorities.pem", None, OPEN),
    ("GET", "/pki/crl/none", None, OPEN),
    ("GET", "/pki/ocsp/MA==", None, OPEN),
    ("POST", "/pki/ocsp", {}, OPEN),
    ("PUT", "decisions", {}, OPEN),
    ("DELETE", "agency/ministry-a", None, OPEN),
    ("PATCH", "agency/ministry-a", {}, OPEN),
]


def check(found, expected, what):
    """Is the status what the table says?"""
    assert (found if found in (401, 403) else MAY) == expected, (what, found)


def document_of(scene):
    """OpenAPI's."""
    status, document = scene.ask("GET", "/registry/v1/openapi.json")
    assert status == 200
    return document


def paths_of(document):
    """{path template: its methods}."""
    prefix = "/registry/v1/"
    return {path[len(prefix):]: [m.upper() for m in methods]
            for path, methods in document["paths"].items()}


def points_of(scene):
    """The table, the records of every kind, every view."""
    document = document_of(scene)
    paths = paths_of(document)
    kinds = [path for path in paths if path + "/{id}" in paths
             and path not in RESTRICTED]
    views = re.findall(r'^    \{"([a-z-]+)", (true|false),',
                       (ROOT / "registryd/view.c").read_text("utf-8"), re.M)
    assert len(kinds) > 30 and len(views) > 5
    more = [kind + end for kind in kinds for end in ("", "/nobody")] + [
        f"views/{view}" + ("/nobody" if has_id == "true" else "")
        for view, has_id in views if f"views/{view}" not in PUBLIC]
    return POINTS + [("GET", path, None, READ) for path in more]


def test_no_endpoint_is_missing_in_the_table(scene):
    asked = {(method, path.split("?")[0])
             for method, path, *_ in points_of(scene)}
    for path, methods in paths_of(document_of(scene)).items():
        if path.split("/")[0] in RESTRICTED:
            continue
        shape = re.compile(".+".join(
            map(re.escape, re.split("[{][^}]*[}]", path))))
        for method in methods:
            assert any(m == method and shape.fullmatch(p)
                       for m, p in asked), (method, path)
    # nor one that the document does not tell of
    routes = re.findall(r'^    \{"([A-Z]+)", "(/[^"]+)",',
                        (ROOT / "registryd/api.c").read_text("utf-8"), re.M)
    whole = {(method, urljoin("/registry/v1/", path))
             for method, path in asked}
    assert len(routes) > 25
    for method, path in routes:
        assert any(m == method and p.startswith(path.rstrip("*"))
                   for m, p in whole), (method, path)


def test_every_endpoint_against_every_role(scene):
    nobody = Web(scene, "192.0.2.70")
    expired = Web(scene, "192.0.2.71")
    expired.cookie = "1" * 64
    bare = scene.tara.sign_in(Web(scene, "192.0.2.72"))
    system = as_system(scene)
    ends = ("DELETE", "session")  # of each session the last
    points = sorted(points_of(scene), key=lambda point: point[:2] == ends)
    for method, path, body, row in points:
        what = f"{method} {path}"
        check(nobody.ask(method, path, body)[0], row[0], what)
        check(expired.ask(method, path, body)[0], row[0], what)
        check(bare.ask(method, path, body)[0], row[1], what)
        check(system.ask(method, path, body)[0], row[2], what)
        check(scene.ask(method, urljoin("/registry/v1/", path), body)[0],
              row[5], what)
    for role, of in ROLES:
        web = as_role(scene, role, of)
        for method, path, body, row in points:
            if (method, path) != ends:
                expected = row[3 if role == "administrator" else 4]
                check(web.ask(method, path, body)[0], expected,
                      (role, of, method, path))
    assert scene.browser.ask(*ends)[0] == 200
    scene.browser = scene.omid.sign_in(Web(scene, "192.0.2.73"))


# what is restricted: kind -> roles that read all; (role, of) that read their own
EXEMPTIONS = {"secretariat", "chair", "member", "auditor"}
OWN_EXEMPTIONS = {("representative", "ministry-a"), ("technical", "ministry-a"),
                  ("security", "ministry-a")}
PERSONS = {"administrator", "secretariat", "auditor"}


def test_exemptions_are_read_by_those_who_may(scene):
    for role, of in ROLES:
        web = as_role(scene, role, of)
        everything = role in EXEMPTIONS
        own = everything or (role, of) in OWN_EXEMPTIONS
        asked = {
            "exemption": (200 if everything else 403),
            "exemption/secret": (200 if own else 404),
            "history/exemption/secret": (200 if own else 404),
            "users/agency/ministry-a?of=exemption": (200 if own else 403),
            "users/agency/ministry-b?of=exemption":
                (200 if everything or (role, of) ==
                 ("representative", "ministry-b") else 403),
            "users/exemption/secret?of=agency": (200 if everything else 403),
        }
        assert {path: web.ask("GET", path)[0] for path in asked} == asked, role
        decisions = web.must("GET", "decisions?count=500")["decisions"]
        assert ("محرمانه" in str(decisions)) == own, role
        assert [one["number"] for one in decisions] == list(
            range(1, len(decisions) + 1))


def test_views_show_no_more_than_the_records(scene):
    """The agenda names exemptions to those who read them; the state of the
    services is everybody's."""
    for role, of in ROLES:
        topics = {i["topic"] for i in as_role(scene, role, of).must(
            "GET", "views/agenda")["items"]}
        assert ("exemptions" in topics) == (role in EXEMPTIONS), role
    nobody = Web(scene)
    assert nobody.ask("GET", "views/status")[0] == 200
    for view in ("agenda", "commitments", "status/x", "meeting/x"):
        assert nobody.ask("GET", f"views/{view}")[0] == 401, view


def test_persons_are_read_by_those_who_may(scene):
    for role, of in ROLES:
        web = as_role(scene, role, of)
        found = [web.ask("GET", path)[0] for path in
                 ("person", "person/maryam", "person/omid")]
        assert found == ([200, 200, 200] if role in PERSONS
                         else [403, 404, 200]), role


# ---- systems --------------------------------------------------------------


def test_a_system_reads_what_its_agency_may_and_decides_nothing(scene):
    system = as_system(scene)
    assert system.ask("GET", "agency/ministry-a")[0] == 200
    assert system.ask("GET", "exemption/secret")[0] == 200
    assert system.ask("GET", "exemption")[0] == 403
    assert system.ask("GET", "person/omid")[0] == 404
    assert system.ask("GET", "rights?agency=ministry-a")[0] == 200
    assert system.ask("GET", "rights?agency=ministry-b")[0] == 403
    assert scene.browser.ask("GET", "rights?agency=ministry-a")[0] == 403
    status, answer = system.ask("POST", "decisions", decision(
        "agency", "x", "register", "secretariat", WG, registry_today(),
        BRANCH, actor="omid"))
    assert (status, answer["type"]) == (403, "urn:payvand:problem:not-open")


def test_a_certificate_that_is_not_good_is_nobody(scene, pki):
    assert as_system(scene, address="198.51.100.1").ask(
        "GET", "agency")[0] == 401
    for verify in ("NONE", "FAILED:certificate has expired", ""):
        assert as_system(scene, verify=verify).ask("GET", "agency")[0] == 401
    unknown = as_system(scene)
    with open(pki.make("unknown-one").cert, encoding="ascii") as file:
        unknown.headers["Payvand-Peer-Certificate"] = urllib.parse.quote(
            file.read())
    assert unknown.ask("GET", "agency")[0] == 401
    unknown.headers["Payvand-Peer-Certificate"] = "x"
    assert unknown.ask("GET", "agency")[0] == 401
    console(scene, "system", "system-a", "suspend", role="secretariat", of=WG,
            actor="office")
    assert as_system(scene).ask("GET", "agency")[0] == 401
    console(scene, "system", "system-a", "resume", role="secretariat", of=WG,
            actor="office")
    assert as_system(scene).ask("GET", "agency")[0] == 200
