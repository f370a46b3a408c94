"""A connector, the same service in Node.js and a table of people for both."""

import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests/e2e"))

import databases  # noqa: E402

BUILD = pathlib.Path(os.environ["PAYVAND_BUILD"])
PROVIDER = "civil-registration-organisation"
PATH = f"/x/{PROVIDER}/bench/v1/"
PEOPLE = 20000
LINKS = 32
RATE = 500  # fast calls a second beside hanging ones: a sixth of a core
BATCH = 16  # calls of one commit, for the bare parts: half of those under way
SERVICE_CPU, OTHER_CPU = "0", "1"
MODULES = {"better-sqlite3": "12.11.1", "pg": "8.23.1", "fastify": "5.12.8",
           "ajv": "8.17.1"}
STATEMENT = ("SELECT first_name, last_name, father_name, birth_date FROM person "
             "WHERE national_id = :id")


KEYS = {"ed25519": ["-algorithm", "ed25519"],
        "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]}


class Missing(Exception):
    """Something that is measured beside is not there."""


def modules():
    """The folder of Node.js' packages, fetched and built once."""
    folder = pathlib.Path(os.environ.get(
        "XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "payvand/bench-node"
    want = json.dumps(MODULES)
    mark = folder / "whole"
    if mark.exists() and mark.read_text() == want:
        return folder / "node_modules"
    folder.mkdir(parents=True, exist_ok=True)
    for command in (["install", "--no-audit", "--no-fund", *(
            f"{name}@{version}" for name, version in MODULES.items())],
                    ["rebuild", "better-sqlite3"]):
        done = subprocess.run(["npm", *command], cwd=folder, check=False,
                              env={**os.environ, "npm_config_nodedir": "/usr"},
                              capture_output=True, text=True, timeout=900)
        if done.returncode != 0:
            raise Missing("npm: " + done.stderr[-300:])
    mark.write_text(want)
    return folder / "node_modules"


def national_ids(count):
    numbers = random.Random(7).sample(range(100000000, 999999999), count)
    for number in numbers:
        digits = [int(d) for d in str(number)]
        rest = sum(d * (10 - i) for i, d in enumerate(digits)) % 11
        if len(set(digits)) > 1:
            yield f"{number}{rest if rest < 2 else 11 - rest}"


def descendants(pid):
    found = [pid]
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        for child in file.read().split():
            found += descendants(int(child))
    return found


def method(name, statement, deadline_ms):
    fields = [{"name": n, "type": n} for n in (
        "first_name", "last_name", "father_name", "birth_date")]
    return ({"id": name, "pattern": "inquiry", "deadline_ms": deadline_ms,
             "inputs": [{"name": "id", "type": "national_id"}],
             "outputs": fields},
            {"id": name, "answer": "record", "statement": statement})


class Rig:
    def __init__(self, kind, folder, key="ed25519"):
        self.key = key
        self.folder = pathlib.Path(folder)
        self.folder.chmod(0o755)
        data = self.folder / "db"
        data.mkdir(mode=0o755)
        found = [k for k in databases.ALL.values() if k.name == kind] if (
            isinstance(databases.ALL, dict)) else []
        try:
            self.db = found[0](str(data))
        except (OSError, IndexError, subprocess.CalledProcessError) as error:
            raise Missing(str(error)) from error
        self.processes = []
        self.parts = {}
        self.ledgers = 0

    def path(self, name):
        return str(self.folder / name)

    def write(self, name, content):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT, 0o600),
                  "wb") as file:
            file.write(content if isinstance(content, bytes)
                       else json.dumps(content).encode())
        return self.path(name)

    # ---- what both of them have ----

    def make_people(self):
        ids = list(national_ids(PEOPLE))
        rows = ",".join(f"('{i}', 'یاسمن', 'کیانی', 'بهرام', '1370-05-0"
                        f"{n % 9 + 1}')" for n, i in enumerate(ids))
        self.db.run("CREATE TABLE person(national_id char(10) PRIMARY KEY, "
                    "first_name varchar(60), last_name varchar(60), "
                    "father_name varchar(60), birth_date varchar(10));"
                    f"INSERT INTO person VALUES {rows};")
        self.write("ids", "\n".join(random.Random(8).sample(ids, 5000)).encode())

    def make_key(self, name):
        for command in (["genpkey", *KEYS[self.key], "-out",
                         self.path(name)],
                        ["pkey", "-in", self.path(name), "-pubout", "-out",
                         self.path(name + ".pub")]):
            subprocess.run(["openssl", *command], check=True,
                           stderr=subprocess.DEVNULL)
        os.chmod(self.path(name), 0o600)

    def run(self, name, command, socket):
        with open(self.path(name + ".log"), "wb") as log:
            process = subprocess.Popen(["taskset", "-c", SERVICE_CPU, *command],
                                       stderr=log, stdout=log)
        self.processes.append(process)
        until = time.monotonic() + 30
        while not os.path.exists(socket):
            if process.poll() is not None or time.monotonic() > until:
                with open(self.path(name + ".log")) as log:
                    raise SystemExit(log.read()[-2000:])
            time.sleep(0.02)
        return process

    def start(self, with_node):
        self.make_people()
        self.make_key("consumer")
        self.make_key("provider")
        self.start_connector()
        if with_node:
            self.start_node(modules())

    def start_connector(self):
        head = {"service": "bench", "version": "v1", "provider": PROVIDER}
        pairs = [method("person", STATEMENT, 3000), method("hang", (
            "SELECT first_name, last_name, father_name, birth_date FROM person "
            "WHERE national_id = :id AND EXISTS (%s)" % self.db.sleep.replace(
                "count(*) AS n", "count(*)")), 300)]
        contract = self.write("contract.json", {
            "contract": 1, **head, "basis": "proposed", "title_fa": "سنجش",
            "title_en": "Bench", "methods": [c for c, _ in pairs]})
        service = self.write("service.json", {
            "format": 2, **head, "methods": [s for _, s in pairs]})
        config = self.write("connector.json", {
            "provider": PROVIDER, "socket": self.path("c.sock"),
            "peer_uid": os.getuid(), "driver": self.db.driver,
            "dsn": self.db.dsn(), "contracts": [contract],
            "services": [service], "workers": 2, "queue_max": 1024,
            "data_items": [str(TOP / "catalogue" / name) for name in (
                "data_items.json", "enactment.json")],
            "secret": self.write("secret", os.urandom(32)),
            "signatures": {"key": self.path("provider"), "consumers": [
                {"system": "bench-consumer", "must_sign": True,
                 "key": self.path("consumer.pub")}]},
            "keeper": {"file": self.path("keeper.sqlite"),
                       "desk": self.path("desk.sock"), "agencies": [{
                           "id": "bench", "title_fa": "سنجش",
                           "title_en": "Bench",
                           "systems": ["bench-consumer"]}]}})
        self.connectord = self.run("connectord", [
            str(BUILD / "connectord/payvand-connectord"), "--config", config],
            self.path("c.sock"))
        # its workers are there, and are counted, before anything is measured
        self.calls("c.sock", self.connectord, 200, 200)
        self.calls("c.sock", self.connectord, 200, 0)

    def start_node(self, folder):
        database = {"sqlite": self.db.path} if self.db.name == "sqlite" else {
            "pg": {"host": self.db.server.socket, "user": "payvand",
                   "database": "payvand"}}
        setup = self.write("node.json", {
            "modules": str(folder), "consumer": self.path("consumer.pub"),
            "key": self.path("provider"), "ledger": self.path("node.sqlite"),
            "database": database, "path": PATH + "person",
            "socket": self.path("n.sock")})
        self.nodejs = self.run("node", ["node", str(
            TOP / "bench/connector_node.js"), setup], self.path("n.sock"))

    # ---- measuring ----

    def generator(self, socket, name):
        return ["taskset", "-c", OTHER_CPU,
                str(BUILD / "bench/payvand-bench-calls"), "--socket",
                self.path(socket), "--path", PATH + name, "--key",
                self.path("consumer"), "--ids", self.path("ids")]

    def calls(self, socket, process, calls, warmup, *more):
        pids = descendants(process.pid)
        before = {pid: ticks(pid) for pid in pids}
        done = subprocess.run(
            [*self.generator(socket, "person"), "--connections", str(LINKS),
             "--calls", str(calls), "--warmup", str(warmup), "--pids",
             ",".join(map(str, pids)), *more],
            stdout=subprocess.PIPE, check=True, timeout=170)
        result = json.loads(done.stdout)
        if result["failed"]:
            raise SystemExit(f"{socket}: {result['failed']} calls failed")
        self.took = {pid: (ticks(pid) - before[pid]) * 1e6 / (calls + warmup)
                     for pid in pids}
        return result

    def connector(self, calls):
        result = self.calls("c.sock", self.connectord, calls, calls // 10)
        self.parts = {}
        for pid, took in self.took.items():
            name = name_of(pid)
            self.parts[name] = round(self.parts.get(name, 0) + took, 1)
        return result

    def node(self, calls):
        return self.calls("n.sock", self.nodejs, calls, calls // 4)

    def bare(self, calls):
        self.ledgers += 1
        done = subprocess.run(
            ["taskset", "-c", SERVICE_CPU, str(
                BUILD / "bench/payvand-bench-statement"),
             "Driver=%s;%s" % (self.db.driver, self.db.dsn().split(";", 1)[1]),
             self.path(f"bare{self.ledgers}.sqlite"), self.path("consumer"),
             self.path("ids"), str(calls), str(BATCH)],
            stdout=subprocess.PIPE, check=True, timeout=170)
        return json.loads(done.stdout)

    def hangs(self, calls, rounds):
        """p99 of fast calls, so many a second, alone and beside a tenth of
        calls that never end before their deadline: in PostgreSQL they sleep,
        in SQLite they compute, on the core that all processes share."""
        rows = {"alone": [], "beside": []}
        fast = ["--connections", "64", "--rate", str(RATE)]
        for _ in range(rounds):
            rows["alone"].append(self.calls(
                "c.sock", self.connectord, calls, 100, *fast)["p99_ms"])
            with subprocess.Popen(
                    [*self.generator("c.sock", "hang"), "--connections", "256",
                     "--calls", str(calls // 9 + 20), "--warmup", "0",
                     "--rate", str(RATE // 9)],
                    stdout=subprocess.DEVNULL) as beside:
                rows["beside"].append(self.calls(
                    "c.sock", self.connectord, calls, 100, *fast)["p99_ms"])
                beside.wait(60)
        return {name: {"median": round(statistics.median(values), 2),
                       "lowest": min(values), "highest": max(values)}
                for name, values in rows.items()}

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait(30)
        self.db.end()


def ticks(pid):
    """CPU seconds of a process; 0 when it is gone."""
    try:
        rest = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    fields = rest[rest.rindex(")") + 2:].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "gone"
