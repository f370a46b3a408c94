"""A registryd of its own, over SQLite or PostgreSQL, and talking to it."""

import atexit
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

import with_postgres  # noqa: E402

BUILD = Path(os.environ.get("PAYVAND_BUILD", "build")).resolve()
ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "catalogue"
WG = "interoperability-working-group"
ORIGIN = "registry.example/decisions"


class UnixConnection(http.client.HTTPConnection):
    """HTTP on a Unix socket."""

    def __init__(self, path):
        super().__init__("registry", timeout=60)
        self.unix_path = path

    def connect(self):
        """As the class above wants it."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(self.unix_path)


def make_signer(folder):
    """The key of the log of decisions, once."""
    if not folder.exists():
        folder.mkdir(mode=0o700)
        subprocess.run(
            [BUILD / "registryd/payvand-registryd", "--init-key", "--origin",
             ORIGIN, "--signer", folder], check=True,
            stdout=subprocess.DEVNULL)


class Registry:
    """One payvand-registryd in a folder; state: where else it keeps its own."""

    def __init__(self, folder, store=None, loopback=True, state=None,
                 env=None, authorities=()):
        self.folder = Path(folder)
        self.env = dict(os.environ, **(env or {}))
        state = Path(state or folder)
        self.image = state / "image"
        self.image.mkdir(exist_ok=True)
        self.tree = state / "log"
        self.tree.mkdir(exist_ok=True)
        self.signer = state / "signer"
        self.origin = ORIGIN
        make_signer(self.signer)
        self.vkey = (self.signer / "vkey").read_text().strip()
        self.socket = str(self.folder / "s")
        self.web = str(self.folder / "w")  # as nginx reaches it
        self.sign_in = str(self.folder / "n")  # as payvand-sign-in does
        self.out = self.folder / "registryd.out"
        self.store = store or f"sqlite:{state / 'registry.db'}"
        self.process = None
        self.options = ["--loopback"] if loopback else []
        for name in authorities:
            self.add_authority(name)
        self.log = self.folder / "registryd.log"
        atexit.register(self.kill)  # a test that failed leaves it running
        self.start()

    def add_authority(self, name):
        """Make one; it is there after the next start. Its certificate."""
        folder = self.signer.parent / f"authority-{name}"
        folder.mkdir(mode=0o700)
        pem = subprocess.run(
            [BUILD / "registryd/payvand-registryd", "--init-authority", name,
             "--authority", folder, "--log-key", self.vkey,
             "--crl-url", f"http://pki.payvand.test/pki/crl/{name}",
             "--ocsp-url", "http://pki.payvand.test/pki/ocsp"],
            check=True, capture_output=True, text=True).stdout
        (self.folder / f"{name}.pem").write_text(pem)
        self.options += ["--authority", folder]
        return pem

    def start(self):
        """Start and wait for its socket."""
        with open(self.log, "ab") as log, open(self.out, "wb") as out:
            self.process = subprocess.Popen(
                [BUILD / "registryd/payvand-registryd", "--store", self.store,
                 "--image", self.image, "--log", self.tree, "--signer", self.signer,
                 "--node", "nix",
                 "--socket", self.socket, "--web-socket", self.web,
                 "--sign-in-socket", self.sign_in,
                 "--secrets", self.signer.parent / "secrets",
                 *self.options], stdout=out, stderr=log, env=self.env)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.ask("GET", "/registry/v1/status")
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(self.log.read_text())

    def child(self, name):
        """The pid of a process of its own: signer, authority, reader."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        found = [int(child) for child in children.split()
                 if f"\0-P\0{name}\0".encode()
                 in Path(f"/proc/{child}/cmdline").read_bytes()]
        assert len(found) == 1, found
        return found[0]

    def stop(self):
        """End it and see that it ended well."""
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(20) == 0, self.log.read_text()
            self.process = None

    def kill(self):
        """End it as a power loss would."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None

    def ask(self, method, path, body=None):
        """(status, JSON) of one request."""
        connection = UnixConnection(self.socket)
        try:
            connection.request(
                method, path,
                None if body is None else json.dumps(body).encode(),
                {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, (
                json.loads(text) if "json" in answer.getheader(
                    "Content-Type", "") else text)
        finally:
            connection.close()

    def get(self, path):
        """JSON that must be there."""
        status, answer = self.ask("GET", "/registry/v1/" + path)
        assert status == 200, (path, status, answer)
        return answer

    def decide(self, *decisions):
        """(status, answer) of one decision or a batch."""
        return self.ask("POST", "/registry/v1/decisions",
                        decisions[0] if len(decisions) == 1
                        else list(decisions))

    def must(self, *decisions):
        """Decisions that must be accepted."""
        status, answer = self.decide(*decisions)
        assert status == 200, answer
        return answer

    def enact(self, *options, catalogue=CATALOGUE):
        """The catalogue, by the command line."""
        done = self.payvand("import", "--catalogue", catalogue, "--json",
                            *options)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def payvand(self, *args):
        """A command of the command line, for this registry."""
        return subprocess.run(
            [BUILD / "cli/payvand", *args], capture_output=True, check=False,
            env=dict(os.environ, PAYVAND_REGISTRY_SOCKET=self.socket))

    def matrix(self, *moments):
        """{moment: (allowed pairs, {path: {reason: count}}, pairs)}"""
        out = subprocess.run(
            [BUILD / "tests/unit/registry_matrix", self.image,
             *map(str, moments)], capture_output=True, check=True,
            text=True).stdout
        found = {}
        for line in out.splitlines():
            word, *rest = line.split()
            if word == "at":
                moment = int(rest[0])
                found[moment] = [set(), {}, 0]
            elif word == "may":
                found[moment][0].add((rest[0], rest[1]))
            elif word == "not":
                found[moment][1].setdefault(rest[0], {})[rest[1]] = int(rest[2])
            else:
                found[moment][2] = int(rest[0])
        return found


def decision(kind, record, event, role, of, date, data=None, **more):
    """A decision as a client writes it."""
    actor = more.pop("actor", f"{role}/{of}")
    return dict({"actor": actor, "role": role, "of": of, "date": date,
                 "kind": kind, "id": record, "event": event,
                 "data": data or {}}, **more)
