"""A registryd of its own for the registry bench, and decisions to send it."""

import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests/unit"))

import with_postgres  # noqa: E402

WG = "interoperability-working-group"
ITO = "information-technology-organisation"
DAY = "1402-02-01"
REGISTRY_CPU, OTHER_CPU = 0, 1


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("registry", timeout=170)
        self.unix_path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(170)
        self.sock.connect(self.unix_path)


class Client:
    """One officer's connection, which stays open."""

    def __init__(self, path):
        self.connection = UnixConnection(path)

    def send(self, body):
        """The answer to decisions that must be taken; body is bytes."""
        self.connection.request("POST", "/registry/v1/decisions", body,
                                {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{answer.status}: {text[:1000].decode()}")
        return json.loads(text)

    def get(self, path):
        self.connection.request("GET", "/registry/v1/" + path)
        answer = self.connection.getresponse()
        return json.loads(answer.read())

    def must(self, *decisions):
        return self.send(json.dumps(decisions).encode())


class Registryd:
    def __init__(self, build, folder, store=None, cpu=REGISTRY_CPU,
                 signer=False):
        self.folder = pathlib.Path(folder)
        for name in ("policy", "decisions"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.socket = str(self.folder / "s")
        self.store = store or f"sqlite:{self.folder / 'registry.db'}"
        self.log = self.folder / "registryd.log"
        self.command = ["taskset", "-c", str(cpu),
                        build / "registryd/payvand-registryd", "--store",
                        self.store, "--image", self.folder / "policy", "--log",
                        self.folder / "decisions", "--node", "nix",
                        "--loopback", "--socket", self.socket]
        if signer:
            self.vkey = self.make_signer(build)
            self.command += ["--signer", self.folder / "signer"]
        self.process = None

    def make_signer(self, build):
        """The key of the log of decisions; what others know it by."""
        folder = self.folder / "signer"
        folder.mkdir(mode=0o700)
        subprocess.run(
            [build / "registryd/payvand-registryd", "--init-key", "--origin",
             "bench.payvand.test/decisions", "--signer", folder],
            stdout=subprocess.DEVNULL, check=True)
        return (folder / "vkey").read_text().strip()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stderr=log)
        until = time.monotonic() + 120
        while True:
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(self.log.read_text())
            try:
                return Client(self.socket).get("status")
            except OSError:
                time.sleep(0.01)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def cpu_s(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        rest = text[text.rindex(")") + 2:].split()
        return ((int(rest[11]) + int(rest[12]))
                / os.sysconf("SC_CLK_TCK"))

    def peak_kib(self):
        for line in pathlib.Path(
                f"/proc/{self.process.pid}/status").read_text().split("\n"):
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        return 0


class Follower:
    """A second node's copy; since when it has which decision."""

    def __init__(self, build, folder, registryd, cpu):
        self.folder = pathlib.Path(folder)
        for name in ("image", "log"):
            (self.folder / name).mkdir(parents=True)
        self.had = []  # [monotonic moment, number]
        self.over = False
        with open(self.folder / "follow.log", "ab") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(cpu), build / "registryd/payvand-follow",
                 "--store", f"sqlite:{self.folder / 'copy.db'}",
                 "--image", self.folder / "image",
                 "--log", self.folder / "log", "--log-key", registryd.vkey,
                 "--node", "nix", "--loopback", "--socket",
                 registryd.socket], stderr=log)
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()

    def last(self):
        try:
            return json.loads(
                (self.folder / "log/status").read_text())["last"]
        except FileNotFoundError:
            return 0

    def watch(self):
        while not self.over:
            number = self.last()
            if not self.had or number != self.had[-1][1]:
                self.had.append((time.monotonic(), number))
            time.sleep(0.005)

    def wait(self, number):
        until = time.monotonic() + 60
        while self.last() < number:
            if time.monotonic() > until or self.process.poll() is not None:
                raise SystemExit((self.folder / "follow.log").read_text())
            time.sleep(0.02)

    def since(self, number):
        """From when on it had this decision."""
        return next(when for when, last in self.had if last >= number)

    def stop(self):
        self.over = True
        self.watcher.join()
        self.process.terminate()
        self.process.wait(20)


def decision(kind, record, event, role, of, data=None):
    return {"actor": f"{role}/{of}", "role": role, "of": of, "date": DAY,
            "kind": kind, "id": record, "event": event, "data": data or {}}


def secretariat(kind, record, event, data=None):
    return decision(kind, record, event, "secretariat", WG, data)


def appoint(role, of):
    return secretariat("appointment", f"{role}/{of}", "appoint",
                       {"person": f"{role}/{of}", "role": role, "of": of})


def bodies():
    """The working group, its secretariat and chair, the operator."""
    first = {"person": f"secretariat/{WG}", "role": "secretariat", "of": WG}
    return [decision("body", WG, "register", "console", "console",
                     {"name_fa": "کارگروه"}),
            decision("appointment", f"secretariat/{WG}", "appoint", "console",
                     "console", first),
            appoint("chair", WG), *agency(ITO), appoint("operator", ITO)]


def agency(name):
    return [secretariat("agency", name, "register", {
        "name_fa": "دستگاه", "branch": "executive", "legal_type": "ministry",
        "inside_executive": True}), appoint("representative", name)]


def meeting(name):
    """Planned, with an agenda, invited, held."""
    return [secretariat("meeting", name, "plan",
                        {"body": WG, "date": DAY, "title_fa": "جلسه"}),
            secretariat("meeting", name, "set-agenda",
                        {"agenda": [{"row": 1, "text_fa": "دستور"}]}),
            secretariat("meeting", name, "invite"),
            decision("meeting", name, "hold", "chair", WG)]


def resolution(name, held, items):
    """Drafted, enacted, notified."""
    return [secretariat("resolution", name, "draft", {
        "meeting": held, "title_fa": "مصوبه", "items": items}),
            decision("resolution", name, "enact", "chair", WG),
            secretariat("resolution", name, "notify",
                        {"without_uptake": True})]


def ordered(service, provider):
    """An order of a service with one method."""
    return {"service": {"id": service, "provider": provider,
                        "name_fa": f"سرویس {service}"},
            "version": {"id": f"{service}/v1", "service": service,
                        "methods": [{"id": "inquire", "pattern": "inquiry"}]}}


def grant(name, consumer, version):
    return {"id": name, "consumer": consumer, "version": version,
            "purposes": [{"id": "licence-review"}]}


def batches(decisions, most=500):
    for i in range(0, len(decisions), most):
        yield json.dumps(decisions[i:i + most]).encode()
