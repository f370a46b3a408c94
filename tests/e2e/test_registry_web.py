"""The registry behind the API's nginx as it is packaged: what passes, and that
nobody can say who he is but by a certificate or a session."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

import pytest

from harness import NGINX, ROOT, free_port, program_env, wait_for
from people import PASSWORD, first_code, registry_today, totp
from registryd import BUILD, Registry

sys.path.insert(0, os.path.join(ROOT, "tools", "dev"))

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


def start_nginx(registry, pki):
    """packaging/nginx/api.conf.in, filled in as ./dev fills it in."""
    from deploy import fill, nginx_values
    folder = registry.folder / "nginx"
    (folder / "logs").mkdir(parents=True)
    (folder / "no-temp").mkdir(mode=0o500)
    (folder / "keys").mkdir()
    cert = pki.make("api", names=["localhost"])
    for name, source in (("exchange.crt", cert.cert),
                         ("exchange.key", cert.key),
                         ("ca.crt", pki.bundle())):
        os.symlink(source, folder / "keys" / name)
    registry.port = free_port()
    text = fill(os.path.join(ROOT, "packaging/nginx/api.conf.in"),
                {**nginx_values(folder, registry.port),
                 "PKI": folder / "keys",
                 "API_SOCKET": folder / "none", "REGISTRY_SOCKET": registry.web,
                 "SIGN_IN_SOCKET": folder / "none"})
    if os.getuid() == 0:
        text = "user root;\n" + text
    (folder / "nginx.conf").write_text(text)
    return run_nginx(registry)


def run_nginx(registry):
    """With the files of start_nginx, also once more."""
    folder = registry.folder / "nginx"
    process = subprocess.Popen(
        [NGINX, "-p", folder, "-c", folder / "nginx.conf", "-g",
         "daemon off;"], env=program_env())

    def listens():
        try:
            socket.create_connection(("127.0.0.1", registry.port), 1).close()
            return True
        except OSError:
            return False
    wait_for("the API to listen", listens)
    return process


@pytest.fixture(name="registry", scope="module")
def fixture_registry(pki):
    """maryam administers; one system of an agency has a key."""
    with tempfile.TemporaryDirectory(prefix="pv-web-") as folder:
        os.chmod(folder, 0o755)
        registry = Registry(folder)
        registry.pki = pki
        registry.nginx = start_nginx(registry, pki)
        try:
            yield registry
            registry.stop()
        finally:
            registry.nginx.terminate()
            registry.nginx.wait()
            registry.kill()


def test_whoever_checks_a_certificate_needs_none(registry):
    context = ssl.create_default_context(cafile=registry.pki.bundle())
    connection = http.client.HTTPSConnection(
        "localhost", registry.port, context=context, timeout=10)
    for method, path, body, status, found in (
            ("GET", "/pki/authorities.pem", None, 200, b""),
            ("GET", "/pki/crl/none", None, 404, None),
            ("POST", "/pki/ocsp", b"no", 200, b"\x30\x03\x0a\x01\x01"),
            ("POST", "/pki/ocsp", b"x" * 3000, 413, None),
            ("GET", "/pki/ocsp//%2Fbm8%3D", None, 200,
             b"\x30\x03\x0a\x01\x01"),
            ("GET", "/pki/ocsp/" + "A" * 1025, None, 414, None)):
        connection.request(method, path, body)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == status, (path, answer.status, said)
        assert found is None or said == found


def ask(registry, method, path, body=None, identity=None, headers=()):
    """(status, headers, JSON) through nginx."""
    context = ssl.create_default_context(cafile=registry.pki.root.cert)
    if identity is not None:
        context.load_cert_chain(identity.cert, identity.key)
    connection = http.client.HTTPSConnection("localhost", registry.port,
                                             context=context, timeout=60)
    try:
        connection.request(method, "/registry/v1/" + path,
                           None if body is None else json.dumps(body),
                           dict(headers))
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, answer, json.loads(text) if text else None
    finally:
        connection.close()


@pytest.fixture(name="session", scope="module")
def fixture_session(registry):
    """maryam's headers: cookie and csrf value."""
    status, _, found = ask(registry, "POST", "first", {
        "code": first_code(registry), "person": "maryam", "name_fa": "مریم",
        "password": PASSWORD})
    assert status == 200, found
    status, head, answer = ask(registry, "POST", "session", {
        "person": "maryam", "password": PASSWORD,
        "code": totp(found["totp"])})
    assert status == 200, answer
    return {"Cookie": head.getheader("Set-Cookie").split(";")[0],
            "Payvand-Csrf": answer["csrf"]}


def test_a_person_comes_through(registry, session):
    status, head, answer = ask(registry, "GET", "session", headers=session)
    assert (status, answer["role"]) == (200, "administrator")
    for name, value in (("Cache-Control", "no-store"),
                        ("X-Content-Type-Options", "nosniff"),
                        ("Referrer-Policy", "no-referrer")):
        assert head.getheader(name) == value
    assert "default-src 'none'" in head.getheader("Content-Security-Policy")
    assert head.getheader("Strict-Transport-Security") is not None


def test_a_decision_of_some_size_comes_through(registry, session):
    batch = [{"kind": "person", "id": f"p{n}", "event": "register",
              "date": registry_today(), "data": {"name_fa": "ن" * 800}}
             for n in range(500)]
    assert len(json.dumps(batch)) > 1024 * 1024
    status, _, answer = ask(registry, "POST", "decisions", batch,
                            headers=session)
    assert status == 200, answer
    assert answer["last"] - answer["first"] == 499


def test_a_change_from_elsewhere_has_no_csrf_value(registry, session):
    cookie = {"Cookie": session["Cookie"]}
    status, _, answer = ask(registry, "POST", "decisions", {}, headers=cookie)
    assert (status, answer["type"]) == (403, "urn:payvand:problem:csrf")


def test_what_nginx_refuses_is_a_problem_too(registry, session):
    status, _, answer = ask(registry, "POST", "decisions",
                            ["x" * (5 * 1024 * 1024)], headers=session)
    assert (status, answer["type"]) == (413, "urn:payvand:problem:too-large")


def test_nobody_names_himself_by_headers(registry, session, pki):
    identity = pki.make("web-system")
    with open(identity.cert, encoding="ascii") as file:
        stolen = urllib.parse.quote(file.read())
    forged = {"Payvand-Peer-Verify": "SUCCESS",
              "Payvand-Peer-Certificate": stolen,
              "Payvand-Peer-Address": "127.0.0.1"}
    for day in (registry_today(),):
        for kind, record, data in (
                ("body", "wg", {"name_fa": "x"}),
                ("appointment", "s", {"person": "office", "role": "secretariat",
                                      "of": "wg"})):
            registry.must({"actor": "console", "role": "console",
                           "of": "console", "date": day, "kind": kind,
                           "id": record, "data": data, "event":
                           "register" if kind == "body" else "appoint"})
        office = {"actor": "office", "role": "secretariat", "of": "wg",
                  "date": day}
        registry.must(
            dict(office, kind="agency", id="ministry", event="register",
                 data={"name_fa": "x", "branch": "executive",
                       "legal_type": "ministry", "inside_executive": True}),
            dict(office, kind="appointment", id="t", event="appoint",
                 data={"person": "tech", "role": "technical",
                       "of": "ministry"}),
            dict(office, kind="system", id="web-system", event="register",
                 data={"name_fa": "x", "agency": "ministry",
                       "kind": "application"}),
            dict(office, actor="tech", role="technical", of="ministry",
                 kind="system", id="web-system", event="key",
                 data={"spki_sha256": identity.spki_sha256,
                       "networks": ["127.0.0.0/8"]}))
    assert ask(registry, "GET", "agency", identity=identity)[0] == 200
    assert ask(registry, "GET", "agency")[0] == 401
    for spelled in (forged, {name.replace("-", "_"): value
                             for name, value in forged.items()}):
        assert ask(registry, "GET", "agency", headers=spelled)[0] == 401
    other = pki.make("web-other")
    assert ask(registry, "GET", "agency", identity=other,
               headers=forged)[0] == 401
    assert ask(registry, "POST", "decisions", {}, identity=identity)[0] == 403
    stranger = pki.make("web-system", authority=pki.stranger, key=identity.key)
    context = ssl.create_default_context(cafile=pki.root.cert)
    context.load_cert_chain(stranger.cert, stranger.key)
    connection = http.client.HTTPSConnection("localhost", registry.port,
                                             context=context, timeout=60)
    connection.request("GET", "/registry/v1/agency")
    assert connection.getresponse().status == 400
    connection.close()


def test_guesses_are_few(registry):
    found = [ask(registry, "POST", "first",
                 {"code": "x", "person": "eve", "name_fa": "x",
                  "password": PASSWORD})[0] for _ in range(40)]
    assert found[-1] == 429 and set(found) <= {401, 429}
    assert ask(registry, "GET", "session")[0] == 401  # reading goes on


def test_a_registry_that_is_away_is_told(registry, session):
    status, head, answer = ask(registry, "GET", "oidc/start")
    assert (status, answer["type"]) == (
        503, "urn:payvand:problem:registry-away")
    assert head.getheader("Retry-After") == "5" and answer["title_fa"]
    registry.stop()
    status, _, answer = ask(registry, "GET", "session", headers=session)
    assert (status, answer["type"]) == (
        503, "urn:payvand:problem:registry-away")
    registry.start()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if ask(registry, "GET", "session", headers=session)[0] == 200:
            return
        time.sleep(0.1)
    raise AssertionError("it does not come back")
