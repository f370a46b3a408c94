"""The national sign-in (OpenID Connect), with a certified provider from npm,
and with providers that are not what they should be."""

import http.server
import json
import os
import subprocess
import tempfile
import threading
import urllib.parse

import pytest

from harness import wait_for
from oidc import REDIRECT, SECRET, Browser, Provider
from people import Web, make_first, registry_today
from registryd import BUILD, Registry, UnixConnection

pytestmark = pytest.mark.skipif(
    not (BUILD / "signin/payvand-sign-in").exists(),
    reason="payvand-sign-in is not built")


class SignIn:
    """One payvand-sign-in; this file speaks to it as nginx does."""

    def __init__(self, registry, issuer, client, name, secret=SECRET, **more):
        self.socket = str(registry.folder / f"i-{name}")
        self.cookie = None
        self.log = registry.folder / f"sign-in-{name}.log"
        file = registry.folder / f"secret-{name}"
        file.write_text(secret + "\n")
        config = registry.folder / f"config-{name}"
        config.write_text(json.dumps(dict(
            {"issuer": issuer, "client_id": client, "loopback": True,
             "client_secret_file": str(file), "redirect_uri": REDIRECT},
            **more)))
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [BUILD / "signin/payvand-sign-in", "--config", config,
                 "--socket", self.socket, "--registry", registry.sign_in],
                stderr=log)
        wait_for("sign-in to listen", self.listens)

    def listens(self):
        """Does it answer?"""
        try:
            return self.get("/")[0] == 404
        except OSError:
            return False

    def get(self, target, cookie="own"):
        """(status, headers, body)"""
        connection = UnixConnection(self.socket)
        headers = {}
        if cookie == "own" and self.cookie:
            headers["Cookie"] = f"a=b; __Host-payvand-start={self.cookie}"
        elif cookie and cookie != "own":
            headers["Cookie"] = f"__Host-payvand-start={cookie}"
        try:
            connection.request("GET", target, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer, answer.read().decode()
        finally:
            connection.close()

    def start(self):
        """Where the browser is sent."""
        status, head, body = self.get("/registry/v1/oidc/start", cookie=None)
        assert status == 302, body
        cookie = head.getheader("Set-Cookie")
        name, *rest = cookie.split("; ")
        assert sorted(rest) == ["HttpOnly", "Max-Age=600", "Path=/",
                                "SameSite=Lax", "Secure"]
        self.cookie = name.split("=")[1]
        return head.getheader("Location")

    def come_back(self, url, cookie="own"):
        """What the browser gets at the callback."""
        assert url.startswith(REDIRECT)
        parts = urllib.parse.urlsplit(url)
        return self.get(f"{parts.path}?{parts.query}", cookie)

    def stop(self):
        """End it and see that it ended well."""
        self.process.terminate()
        assert self.process.wait(20) == 0, self.log.read_text()


@pytest.fixture(name="registry", scope="module")
def fixture_registry():
    """maryam administers; sara is a person."""
    with tempfile.TemporaryDirectory(prefix="pv-sign-in-") as folder:
        os.chmod(folder, 0o755)
        registry = Registry(folder)
        registry.admin = make_first(registry).sign_in()
        status, answer = registry.admin.decide(
            "person", "sara", "register", {"name_fa": "سارا"},
            date=registry_today())
        assert status == 200, answer
        try:
            yield registry
            registry.stop()
        finally:
            registry.kill()


@pytest.fixture(name="provider", scope="module")
def fixture_provider(registry):
    """The certified one; sara is linked to its subject 4711."""
    provider = Provider()
    status, answer = registry.admin.decide(
        "person", "sara", "link", {"issuer": provider.issuer,
                                   "subject": "4711"}, date=registry_today())
    assert status == 200, answer
    yield provider
    provider.stop()


@pytest.fixture(name="sign_in", scope="module", params=["rsa", "ec"])
def fixture_sign_in(request, registry, provider):
    """RS256 and ES256."""
    found = SignIn(registry, provider.issuer, f"payvand-{request.param}",
                   request.param)
    yield found
    found.stop()


def problem(answer):
    """The word of a problem."""
    return json.loads(answer[2])["type"].rsplit(":", 1)[1]


def test_a_linked_person_is_signed_in(registry, sign_in):
    back = Browser().sign_in(sign_in.start(), "4711")
    status, head, page = sign_in.come_back(back)
    assert status == 200, page
    assert 'content="0;url=/"' in page
    name, *rest = head.getheader("Set-Cookie").split("; ")
    assert sorted(rest) == ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]
    web = Web(registry)
    web.cookie = name.split("=")[1]
    assert web.must("GET", "session")["person"] == "sara"
    again = sign_in.come_back(back)
    assert (again[0], problem(again)) == (401, "sign-in-failed")


def test_a_subject_that_is_linked_to_nobody_makes_nobody(registry, sign_in):
    before = registry.get("decisions")["last"]
    answer = sign_in.come_back(Browser().sign_in(sign_in.start(), "0815"))
    assert (answer[0], problem(answer)) == (401, "sign-in-failed")
    assert answer[1].getheader("Set-Cookie") is None
    assert registry.get("decisions")["last"] == before


def test_the_way_belongs_to_the_browser_that_began_it(sign_in):
    back = Browser().sign_in(sign_in.start(), "4711")
    for cookie in (None, "0" * 64, sign_in.cookie[:-1]):
        assert sign_in.come_back(back, cookie)[0] == 401
    assert sign_in.come_back(back)[0] == 200


@pytest.mark.parametrize("change", [
    lambda q: dict(q, state="0" * 64), lambda q: dict(q, code="wrong"),
    lambda q: dict(q, iss="http://127.0.0.1:1"),
    lambda q: {"state": q["state"], "error": "access_denied"},
    lambda q: {"code": q["code"]}, lambda q: {},
], ids=["state", "code", "issuer", "refused", "no state", "nothing"])
def test_an_answer_that_is_not_right_is_none(sign_in, change):
    back = Browser().sign_in(sign_in.start(), "4711")
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))
    assert {"code", "state", "iss"} <= query.keys()
    answer = sign_in.come_back(
        REDIRECT + "?" + urllib.parse.urlencode(change(query)))
    assert (answer[0], problem(answer)) == (401, "sign-in-failed")


def test_the_code_is_bound_to_its_way(sign_in):
    """A code of another way: the provider refuses its verifier (PKCE)."""
    other = Browser().sign_in(sign_in.start(), "4711")
    mine = Browser().sign_in(sign_in.start(), "4711")
    stolen = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(other).query))
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(mine).query))
    answer = sign_in.come_back(REDIRECT + "?" + urllib.parse.urlencode(
        dict(query, code=stolen["code"])))
    assert (answer[0], problem(answer)) == (401, "sign-in-failed")


def test_another_client_secret_ends_no_session(registry):
    """docs/keys.md: the file is written, payvand-sign-in starts again."""
    provider = Provider()
    found = None
    try:
        for event, data in (("register", {"name_fa": "نیکا"}),
                            ("link", {"issuer": provider.issuer,
                                      "subject": "4712"})):
            status, answer = registry.admin.decide(
                "person", "nika", event, data, date=registry_today())
            assert status == 200, answer
        found = SignIn(registry, provider.issuer, "payvand-ec", "change")
        back = Browser().sign_in(found.start(), "4712")
        status, head, page = found.come_back(back)
        assert status == 200, page
        web = Web(registry)
        web.cookie = head.getheader("Set-Cookie").split("; ")[0].split("=")[1]
        provider.stop()
        provider = Provider("the next secret", provider.port)
        back = Browser().sign_in(found.start(), "4712")
        assert problem(found.come_back(back)) == "sign-in-failed"
        found.stop()
        found = SignIn(registry, provider.issuer, "payvand-ec", "change",
                       secret="the next secret")
        back = Browser().sign_in(found.start(), "4712")
        assert found.come_back(back)[0] == 200
        assert web.must("GET", "session")["person"] == "nika"
        found.stop()
    finally:
        provider.stop()
        if found is not None:
            found.process.kill()


# ---- providers that are not what they should be ---------------------------


class Liar(http.server.BaseHTTPRequestHandler):
    """Answers everything by its server's function."""

    def do_GET(self):
        """Discovery and keys."""
        status, headers, body = self.server.answer(self)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # it hung up: the body was too long for it

    def log_message(self, *_):
        """Nothing."""


def discovery(issuer, **more):
    """A discovery document."""
    return json.dumps(dict({
        "issuer": issuer, "authorization_endpoint": issuer + "/auth",
        "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys"},
        **more)).encode()


LIES = {
    "another issuer": lambda me, _: (200, [], discovery("http://127.0.0.1:1")),
    "no JSON": lambda me, _: (200, [], b"<html>"),
    "a list": lambda me, _: (200, [], b"[]"),
    "an error": lambda me, _: (500, [], discovery(me)),
    "a redirect": lambda me, at: (
        (302, [("Location", me + "/else")], b"") if "else" not in at.path
        else (200, [], discovery(me))),
    "too much": lambda me, _: (
        200, [], discovery(me, more="x" * (300 * 1024))),
    "a place elsewhere": lambda me, _: (
        200, [], discovery(me, authorization_endpoint="http://example.com/")),
    "a place with a line end": lambda me, _: (
        200, [], discovery(me, authorization_endpoint=me + "/a\r\nX: y")),
    "no place": lambda me, _: (
        200, [], discovery(me, authorization_endpoint=None)),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_provider_that_lies_is_not_used(registry, lie):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    issuer = f"http://127.0.0.1:{server.server_port}"
    server.answer = lambda at: LIES[lie](issuer, at)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = SignIn(registry, issuer, "payvand", "liar")
    try:
        answer = found.get("/registry/v1/oidc/start")
        assert (answer[0], problem(answer)) == (503, "sign-in-unavailable")
        assert answer[1].getheader("Retry-After") is not None
        found.stop()
    finally:
        found.process.kill()
        server.shutdown()
        server.server_close()


def test_a_provider_without_tls_is_refused_outside_loopback(registry):
    for issuer, loopback in (("http://sso.test", True),
                             ("http://127.0.0.1:9", False),
                             ("http://127.0.0.1.evil.test", True)):
        found = subprocess.run(
            [BUILD / "signin/payvand-sign-in", "--config",
             config_of(registry, issuer, loopback), "--socket",
             str(registry.folder / "i-none"), "--registry", registry.sign_in],
            capture_output=True, text=True, timeout=20, check=False)
        assert found.returncode == 1 and "issuer (https)" in found.stderr


def config_of(registry, issuer, loopback):
    """A configuration file."""
    (registry.folder / "secret-none").write_text("x")
    path = registry.folder / "config-none"
    path.write_text(json.dumps({
        "issuer": issuer, "client_id": "payvand", "loopback": loopback,
        "client_secret_file": str(registry.folder / "secret-none"),
        "redirect_uri": REDIRECT}))
    return path


def test_only_the_sign_in_socket_names_whom_a_provider_told(registry):
    body = {"issuer": "x", "subject": "y"}
    path = "/registry/v1/sign-in-by"
    assert registry.ask("POST", path, body)[0] == 403
    assert Web(registry).ask("POST", "sign-in-by", body)[0] == 401
    assert registry.admin.ask("POST", "sign-in-by", body)[0] == 403
    inside = Web(registry)
    inside.path = registry.sign_in
    assert inside.ask("POST", "sign-in-by", body)[0] == 401
    for method, other in (("GET", "status"), ("GET", "person"),
                          ("POST", "decisions"), ("POST", "session")):
        assert inside.ask(method, other, None if method == "GET"
                          else {})[0] == 403
