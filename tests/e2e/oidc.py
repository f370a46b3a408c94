"""A certified OpenID provider from npm, run by node, and a browser for it."""

import html
import http.cookiejar
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

import npm
from ports import free_port

HERE = Path(__file__).resolve().parent
PACKAGE = "oidc-provider"
VERSION = "8.8.1"
REDIRECT = "https://registry.payvand.test/registry/v1/oidc/callback"
SECRET = "a secret: 100% &+=/ of the client"


class Provider:
    """The provider on a port of its own."""

    def __init__(self, secret=SECRET, port=None):
        folder = npm.installed(PACKAGE, VERSION)
        self.port = port or free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            ["node", HERE / "oidc_provider.mjs", folder, str(self.port),
             REDIRECT, secret], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)
        for line in self.process.stdout:
            if line.strip() == "ready":
                return
        pytest.fail("the provider does not start")

    def stop(self):
        """End it."""
        self.process.kill()
        self.process.wait()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are followed here, not by urllib."""

    def redirect_request(self, *_):
        return None


class Browser:
    """A person's browser at the provider."""

    def __init__(self):
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            NoRedirect)

    def open(self, url, form=None):
        """(where it is sent on to or None, the page)"""
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with self.opener.open(url, data, timeout=10) as answer:
                return None, answer.read().decode()
        except urllib.error.HTTPError as answer:
            place = answer.headers.get("Location")
            assert place is not None, (url, answer.code, answer.read())
            return urllib.parse.urljoin(url, place), ""

    def sign_in(self, url, name):
        """From the address of the start to that of the callback."""
        for _ in range(20):
            if url.startswith(REDIRECT):
                return url
            place, page = self.open(url)
            if place is None:
                action = re.search(r'action="([^"]+)"', page).group(1)
                form = dict(re.findall(
                    r'name="(prompt)" value="(\w+)"', page),
                    login=name, password="x")
                place, _ = self.open(
                    urllib.parse.urljoin(url, html.unescape(action)), form)
            url = place
        raise AssertionError("the provider does not send back")
