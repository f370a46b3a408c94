"""People at the registry's socket behind nginx: this file speaks as nginx
does. One-time codes are computed here by RFC 6238 itself."""

import base64
import hashlib
import hmac
import json
import struct
import time
from urllib.parse import urljoin

from registryd import UnixConnection

PASSWORD = "correct horse battery"


def totp(secret, moment=None):
    """The six digits of a base32 secret at a moment."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    step = int((time.time() if moment is None else moment) // 30)
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    at = digest[-1] & 15
    number = struct.unpack(">I", digest[at:at + 4])[0] & 0x7FFFFFFF
    return f"{number % 1000000:06d}"


def first_code(registry):
    """What the server printed for the first administrator."""
    for line in registry.out.read_text().splitlines():
        if line.startswith("first administrator: "):
            return line.split()[2]
    return None


class Web:
    """One browser: a cookie, and the value that changes need."""

    def __init__(self, registry, address="192.0.2.1"):
        self.path = registry.web
        self.cookie = None
        self.csrf = None
        self.headers = {"Payvand-Peer-Verify": "NONE",
                        "Payvand-Peer-Address": address}
        self.set_cookie = None

    def ask(self, method, path, body=None, csrf=True, headers=()):
        """(status, JSON); path is behind /registry/v1/, or whole."""
        sent = dict(self.headers, **dict(headers))
        if self.cookie is not None:
            sent["Cookie"] = f"__Host-payvand={self.cookie}"
        if csrf and self.csrf is not None and method not in ("GET", "HEAD"):
            sent["Payvand-Csrf"] = self.csrf
        connection = UnixConnection(self.path)
        try:
            connection.request(
                method, urljoin("/registry/v1/", path),
                body if body is None or isinstance(body, bytes)
                else json.dumps(body).encode(), sent)
            answer = connection.getresponse()
            self.set_cookie = answer.getheader("Set-Cookie")
            if self.set_cookie:
                self.cookie = self.set_cookie.split(";")[0].split("=")[1]
            text = answer.read()
            kind = answer.getheader("Content-Type", "")
            found = json.loads(text) if "json" in kind and text else None
            if answer.status == 200 and isinstance(found, dict):
                self.csrf = found.get("csrf", self.csrf)
            return answer.status, found
        finally:
            connection.close()

    def must(self, method, path, body=None):
        """The answer of what must go well."""
        status, answer = self.ask(method, path, body)
        assert status == 200, (path, status, answer)
        return answer

    def decide(self, kind, record, event, data=None, **more):
        """(status, answer) of a decision in the session's own name."""
        return self.ask("POST", "decisions",
                        dict({"kind": kind, "id": record, "event": event,
                              "data": data or {}}, **more))


class Person:
    """Somebody with a password and a secret for codes; a code is good once,
    so the second sign-in uses the next one (the drift allows it)."""

    def __init__(self, registry, name):
        self.registry = registry
        self.name = name
        self.secret = None
        self.step = 0

    def sign_in(self, web=None, **more):
        """A browser that is signed in; more: role, of."""
        web = web or Web(self.registry)
        code = totp(self.secret, time.time() + self.step)
        self.step += 30
        web.must("POST", "session", dict(
            {"person": self.name, "password": PASSWORD, "code": code}, **more))
        return web


def make_first(registry, name="maryam"):
    """The first administrator, by the printed code."""
    person = Person(registry, name)
    person.secret = Web(registry).must("POST", "first", {
        "code": first_code(registry), "person": name, "name_fa": "مریم",
        "password": PASSWORD})["totp"]
    return person


def make_person(registry, name, by):
    """Another one: registered and invited by an administrator's browser."""
    person = Person(registry, name)
    status, answer = by.decide("person", name, "register", {"name_fa": "نام"},
                               date=registry_today())
    assert status == 200, answer
    code = by.must("POST", "invitations", {"person": name})["code"]
    person.secret = Web(registry).must("POST", "enrol", {
        "person": name, "code": code, "password": PASSWORD})["totp"]
    return person


def registry_today():
    """Today's Jalali day of Tehran, by the 33-year rule."""
    days = int((time.time() + 12600) // 86400)
    year, left = 1348, days - 79 + 365  # 1348-01-01 was 1969-03-21
    while left >= year_days(year):
        left -= year_days(year)
        year += 1
    month = 1
    while left >= (31 if month <= 6 else 30):
        left -= 31 if month <= 6 else 30
        month += 1
    return f"{year:04d}-{month:02d}-{left + 1:02d}"


def year_days(year):
    """365, or 366 in a leap year."""
    return 366 if year % 33 in (1, 5, 9, 13, 17, 22, 26, 30) else 365
