"""An exchange with a log and a reader, and clients of the reader's sockets.

    with ReadExchange(home, pki) as ex:
        answer = ex.read("/trace/v1/requests/" + tracking_id)        # operator
        answer = ex.read(path, as_system="setad-main")               # by key

`read` on the nginx socket plays the API's nginx: it says what certificate its
caller has. test_api.py has the real nginx in front.
"""

import http.client
import json
import os
import socket
import subprocess
import time
import urllib.parse

from journal_reader import crc32c
from harness import Exchange, built, program_env, wait_for

OPERATOR, AUDITOR = "operator-console", "national-audit"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        return self.json["type"].rsplit(":", 1)[1]


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path, timeout=20):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def peer_headers(identity, address="127.0.0.1", verify=None):
    """What the API's nginx sets of its caller."""
    headers = {"Payvand-Peer-Verify": verify or
               ("SUCCESS" if identity else "NONE"),
               "Payvand-Peer-Address": address}
    if identity:
        with open(identity.cert) as file:
            headers["Payvand-Peer-Certificate"] = urllib.parse.quote(
                file.read(), safe="")
    return headers


def ask(path, target, headers=None, method="GET"):
    connection = UnixHTTP(path)
    try:
        connection.putrequest(method, target)
        for name, value in (headers or {}).items():
            for one in value if isinstance(value, list) else [value]:
                connection.putheader(name, one)
        connection.endheaders()
        return Answer(connection.getresponse())
    finally:
        connection.close()


class ReadExchange(Exchange):
    def __init__(self, home, pki, traced_args=(), **more):
        home = str(home)
        for name in ("log.d", "signer"):
            os.makedirs(os.path.join(home, name), mode=0o700, exist_ok=True)
        self.operator = pki.of(OPERATOR)
        self.auditor = pki.of(AUDITOR)
        readers = os.path.join(home, "readers")
        with open(readers, "w") as file:
            file.write("# who may read everything\n")
            for role, who, name in (("operator", self.operator, OPERATOR),
                                    ("auditor", self.auditor, AUDITOR)):
                file.write("%s key %s %s\n" % (role, who.spki_sha256, name))
        self.api = os.path.join(home, "api.sock")
        self.local = os.path.join(home, "local.sock")
        super().__init__(home, pki, traced_args=[
            "--log", os.path.join(home, "log.d"),
            "--signer", os.path.join(home, "signer"),
            "--api", self.api, "--local", self.local, "--readers", readers,
            "--policy", os.path.join(home, "policy"),
            "--segment-size", "1048576", *traced_args], **more)
        done = subprocess.run(
            [built("payvand-traced"), "--init-key", "--signer",
             os.path.join(home, "signer"), "--origin", "nix.payvand.test/log"],
            env=program_env(), stdout=subprocess.PIPE, check=False)
        self.vkey = done.stdout.decode().strip()

    def start_traced(self):
        super().start_traced()
        for path in (self.api, self.local):
            wait_for("the reader at " + path, lambda: self._answers(path))

    @staticmethod
    def _answers(path):
        try:
            ask(path, "/checkpoint")
            return True
        except OSError:
            return False

    def read(self, target, as_system=None, identity=None, public=False,
             **more):
        """One request: of the local operator when nobody else is named."""
        if identity is None and as_system is not None:
            identity = self.pki.of(as_system)
        if identity is None and not public:
            return ask(self.local, target)
        return ask(self.api, target, peer_headers(identity, **more))

    def readings(self):
        return [r for _, r in self.records() if r["type"] == "reading"]


def write_rollups(ex, cells):
    """Figures of days gone by, as lib/trace/rollup.h says; cells: (ms,
    consumer, method, outcome, count, histogram)."""
    folder = ex.path("log.d", "rollup")
    os.makedirs(folder, exist_ok=True)
    minutes = {}
    for ms, *rest in cells:
        minutes.setdefault(ms // 60000, []).append(rest)
    for minute in sorted(minutes):
        text = "".join("c\t%d\t%s\t%s\t%s\t%d\t%s\n" % (minute, *cell)
                       for cell in sorted(minutes[minute]))
        text += "m\t%d\t0\t0\t%d" % (minute, len(minutes[minute]))
        text += "\t%08x\n" % crc32c(text.encode())
        day = time.gmtime(minute * 60 + 12600)
        name = time.strftime("%Y-%m-%d.pvr", day)
        with open(os.path.join(folder, name), "a") as file:
            file.write(text)
