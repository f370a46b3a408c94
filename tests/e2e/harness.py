"""A whole exchange in a temporary directory: policy image, journal, gate.

    with Exchange(tmp_path, pki) as ex:
        answer = ex.call("setad", NOTE_PATH, purpose="contract-guarantee")

The parts are the real ones from the build folder (PAYVAND_BUILD, default
./build). Providers are hand-written (wire.Provider) unless a test starts real
connectors (connectors.py). Everything runs as the current user, on loopback,
and is killed by pid only. At the end the logs are read: an alert, an emerg, a
sanitizer's word or an exit nobody asked for fails the test.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import wire
# tests import from here what is not used here, too
from enacted import (Catalogue, both_dates, prepared_image,  # noqa: F401
                     tehran_today)
from gate_conf import GATE_CONF, LOCATION, SERVER, directives
from journal_reader import read_records
from ports import free_port
from programs import (BUILD, CATALOGUE, LONG, NGINX, PATIENCE_S,  # noqa: F401
                      ROOT, SANITIZE, SEGMENTS, Daemon, Process, built, children_of,
                      is_alive, program_env, wait_for)
from wire import Provider, Wire, reply, request

HOST = "exchange.payvand.test"

# Providers of the services that are live in the catalogue.
PROVIDERS = (
    "civil-registration-organisation", "central-bank",
    "communications-regulatory-authority", "national-post-company",
    "ministry-interior", "tax-administration",
    "deeds-registration-organisation",
    "ministry-science-research-technology",
    "ministry-economic-affairs-finance", "judiciary-statistics-centre",
    "tavanir", "vp-science-technology",
)

# The staple of the tests: a consumer with a plain grant, verify and inquiry.
BANK = "cooperative-development-bank-main"
IBAN = "/x/central-bank/national-id-iban-match/v1/verify"
LEGAL = "/x/deeds-registration-organisation/legal-person-identity/v1/inquire"
FIC = "financial-information-centre-main"
TAX = "/x/tax-administration/tax-debt/v1/inquire"
POSTAL = "/x/national-post-company/postal-code/v1/inquire"
NOTE = "/x/ministry-economic-affairs-finance/promissory-note/v1/verify-note"
NOTE_PARTIES = ("/x/ministry-economic-affairs-finance/promissory-note/v1/"
                "note-parties")

UUIDV7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}"
                    r"-[0-9a-f]{12}$")

BAD_WORDS = ("[alert]", "[emerg]", "Sanitizer", "runtime error:",
             "Assertion", "double free", "corrupted")


class Exchange:
    def __init__(self, home, pki, workers=2, probes=True,
                 probe_services=False, edit=None,
                 deploy=None, unlimited=True, conf=None, traced_args=(),
                 providers=PROVIDERS, core=False, journal=None,
                 daemon=False):
        self.daemon = daemon
        self.home = str(home)
        self.journal = journal or os.path.join(self.home, "journal")
        self.pki = pki
        self.workers = workers
        self.probes = probes
        self.probe_services = probe_services
        self.conf = dict(conf or {})
        self.traced_args = list(traced_args)
        self.core = core
        self.processes = []
        self.nginx = None
        self.traced = None
        self.wrong = []
        self.killed = set()
        self.expected = []
        self.callers = {}
        self.address = ("127.0.0.1", free_port())
        self.cert = pki.of("nix")
        for folder in ("log", "tmp", "policy", "journal"):
            os.makedirs(os.path.join(self.home, folder), exist_ok=True)
        self.catalogue = Catalogue(os.path.join(self.home, "catalogue"))
        if unlimited:
            self.catalogue.unlimited()
        if edit:
            edit(self.catalogue)
        self.provider = {}
        for name in providers:
            self.add_provider(name)
        self.deployment = self.first_deployment()
        if deploy:
            deploy(self.deployment)

    # what it is made of

    def path(self, *names):
        return os.path.join(self.home, *names)

    def add_provider(self, agency, **more):
        system = agency + "-connector"
        identity = more.pop("identity", None) or self.pki.of(system)
        self.provider[agency] = Provider(system, identity, self.pki.root.cert,
                                         **more)
        return self.provider[agency]

    def system_ids(self):
        return [s["id"] for s in self.catalogue.enactment["systems"]]

    def first_deployment(self):
        endpoints = []
        for agency, provider in self.provider.items():
            endpoints.append(self.endpoint(agency, provider))
        return {
            "node": "nix",
            "loopback_endpoints": True,
            "exchange_addresses": ["%s:%d" % self.address],
            "systems": [{"system": s, "spki_sha256": self.pki.of(s).spki_sha256,
                         "networks": ["127.0.0.0/8"]}
                        for s in self.system_ids()],
            "endpoints": endpoints,
            "revoked": [],
            "methods": [],
        }

    def endpoint(self, agency, provider, **changes):
        row = {"system": agency + "-connector", "address": provider.address,
               "port": provider.port,
               "tls_name": agency + "-connector.payvand.test",
               "spki_sha256": self.pki.of(agency + "-connector").spki_sha256}
        row.update(changes)
        return row

    def system(self, name):
        return [s for s in self.deployment["systems"]
                if s["system"] == name][0]

    def config(self, **changes):
        """The text of nginx.conf; a test names the parts it wants changed."""
        parts = {
            "module": built("ngx_http_payvand_module.so"),
            "user": "user root;" if os.getuid() == 0 else "",
            "daemon": "on" if self.daemon else "off",
            "workers": self.workers, "home": self.home, "level": "info",
            "main": "", "http": "", "upstream": "", "server": "",
            "location": "", "locations": "", "servers": "", "listen": "",
            "loopback": "payvand_loopback_endpoints on;",
            "address": self.address[0], "port": self.address[1],
            "cert": self.cert.cert, "key": self.cert.key,
            "authorities": self.pki.bundle(),
            "proxy_pass": "proxy_pass https://payvand_provider;",
        }
        parts.update(self.conf)
        parts.update(changes)
        if SANITIZE:  # an upgraded binary starts with these variables only
            parts["main"] += (" env LD_PRELOAD; env ASAN_OPTIONS;"
                              " env UBSAN_OPTIONS;")
        parts["server"] = directives(SERVER, parts["server"], parts)
        parts["location"] = directives(LOCATION, parts["location"], parts)
        return GATE_CONF.format(**parts)

    # life

    def __enter__(self):
        try:
            return self.up()
        except BaseException:
            self.kill_everything()
            raise

    def __exit__(self, kind, value, trace):
        self.down(check=kind is None)

    def up(self):
        self.import_policy()
        self.start_traced()
        self.start_nginx()
        return self

    def payvand(self, *args, check=True, env=None):
        done = subprocess.run([built("payvand"), *args],
                              env=dict(program_env(), **(env or {})),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=120)
        with open(self.path("log", "payvand.log"), "ab") as log:
            log.write(b"$ %s -> %d\n" % (" ".join(args).encode(),
                                         done.returncode))
            log.write(done.stdout[-4000:] + done.stderr)
        if check and done.returncode != 0:
            raise AssertionError("payvand %s: %s" % (
                args, (done.stdout[-2000:] + done.stderr).decode()))
        return done

    def import_policy(self, check=True):
        """The catalogue's image, and what this exchange adds to it; again:
        the latter only, for the image is live."""
        image = self.path("policy", "data.mdb")
        if not os.path.exists(image):
            os.makedirs(self.path("policy"), exist_ok=True)
            shutil.copy(prepared_image(self.catalogue, self.probes,
                                       self.deployment, self.probe_services),
                        image)
        return self.set(check=check, **self.deployment)

    def set(self, check=True, **rows):
        """Rows of the live image: tests/overlay/rows.c has their members."""
        path = self.path("set-%d.json" % time.monotonic_ns())
        with open(path, "w") as file:
            json.dump(rows, file)
        done = self.overlay(path, check=check)
        os.unlink(path)
        return done

    def overlay(self, path, check=True, env=None):
        done = subprocess.run([built("payvand-overlay"), self.path("policy"),
                               path], env=dict(program_env(), **(env or {})),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=120)
        if check and done.returncode != 0:
            raise AssertionError("payvand-overlay: " + done.stderr.decode())
        return done

    def start_traced(self):
        log = self.path("log", "traced.log")
        self.traced = Process("traced", [
            built("payvand-traced"), "--dir", self.journal, "--socket",
            self.path("journal.sock"), "--node", "nix", *SEGMENTS,
            *self.traced_args],
            log, env=program_env(), core=self.core)
        self.processes.append(self.traced)
        wait_for("traced's socket", self._traced_listens)

    def _traced_listens(self):
        if self.traced.popen.poll() is not None:
            with open(self.traced.log) as file:
                raise AssertionError("traced ended: " + file.read()[-2000:])
        probe = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            probe.connect(self.path("journal.sock"))
            return True
        except OSError:
            return False
        finally:
            probe.close()

    def write_config(self, **changes):
        with open(self.path("nginx.conf"), "w") as file:
            file.write(self.config(**changes))

    def nginx_argv(self, *more):
        return [NGINX, "-p", self.home, "-c", self.path("nginx.conf"), "-e",
                self.path("log", "error.log"), *more]

    def nginx_test(self, **changes):
        """nginx -t on a changed configuration: (accepted, what it said)."""
        self.write_config(**changes)
        done = subprocess.run(self.nginx_argv("-t"), env=program_env(True),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode == 0, done.stdout.decode()

    def start_nginx(self):
        self.write_config()
        if self.daemon:
            self.nginx = Daemon("nginx", self.nginx_argv(),
                                self.path("nginx.pid"), program_env(True))
        else:
            self.nginx = Process("nginx", self.nginx_argv(),
                                 self.path("log", "nginx.out"),
                                 env=program_env(True), core=self.core)
        self.processes.append(self.nginx)
        wait_for("the gate to listen", self._gate_listens)

    def _gate_listens(self):
        if self.nginx.popen.poll() is not None:
            raise AssertionError("nginx ended: " + self.log_text()[-3000:])
        try:
            socket.create_connection(self.address, timeout=1).close()
            return True
        except OSError:
            return False

    def stop_nginx(self, sig=signal.SIGQUIT):
        self.close_callers()
        self.note(self.nginx.stop(sig, timeout=20))
        self.processes.remove(self.nginx)

    def stop_traced(self, sig=signal.SIGTERM):
        self.note(self.traced.stop(sig))
        self.processes.remove(self.traced)

    def note(self, wrong):
        if wrong:
            self.wrong.append(wrong)

    def kill_traced(self):
        self.traced.kill()
        self.traced.popen.wait()
        self.traced.file.close()
        self.processes.remove(self.traced)

    def kill_nginx(self):
        """kill -9 of the master and of every worker, at once. The master is
        held first: what it forks between the look and the kill would live on
        and keep the address. A new worker has its master's title for a while,
        so every child counts."""
        self.nginx.expected_dead = True
        self.kill_pid(self.nginx.pid, signal.SIGSTOP)
        pids = [self.nginx.pid] + children_of(self.nginx.pid)
        for pid in pids:
            self.kill_pid(pid)
        self.nginx.popen.wait()
        wait_for("workers to be gone",
                 lambda: not any(is_alive(p) for p in pids))
        self.nginx.file.close()
        self.processes.remove(self.nginx)

    def kill_pid(self, pid, sig=signal.SIGKILL):
        self.killed.add(pid)
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass

    def master_pid(self):
        with open(self.path("nginx.pid")) as file:
            return int(file.read())

    def worker_pids(self, master=None):
        found = []
        for pid in children_of(master or self.nginx.pid):
            try:
                with open("/proc/%d/cmdline" % pid, "rb") as file:
                    if file.read().startswith(b"nginx: worker process"):
                        found.append(pid)
            except OSError:
                pass
        return found

    def reload(self):
        os.kill(self.master_pid(), signal.SIGHUP)

    def kill_everything(self):
        for process in self.processes:
            for pid in children_of(process.pid):
                if process is self.nginx and is_alive(pid):
                    self.kill_pid(pid)
            process.kill()
        for provider in self.provider.values():
            provider.stop()

    def down(self, check=True):
        self.close_callers()
        # the gate first: its workers still have completions to hand over
        for process in sorted(self.processes,
                              key=lambda p: p is not self.nginx):
            self.note(process.stop(signal.SIGTERM))
        self.processes = []
        for provider in self.provider.values():
            provider.stop()
        if check:
            self.check_expected()
            self.check_logs()
            assert not self.wrong, self.wrong

    # what it wrote

    def log_files(self):
        for folder, _, files in os.walk(self.path("log")):
            for name in files:
                yield os.path.join(folder, name)

    def log_text(self):
        text = ""
        for name in sorted(self.log_files()):
            with open(name, errors="replace") as file:
                text += file.read()
        return text

    def check_logs(self, allow=()):
        for name in self.log_files():
            if name.endswith("payvand.log"):
                continue
            with open(name, errors="replace") as file:
                for line in file:
                    if not any(word in line for word in BAD_WORDS):
                        continue
                    if any(re.search(a, line)
                           for a in (*allow, *self.conf_allow())):
                        continue
                    gone = re.search(r"process (\d+) exited on signal", line)
                    if gone and int(gone.group(1)) in self.killed:
                        continue
                    raise AssertionError("%s: %s" % (name, line.strip()))

    def conf_allow(self):
        return getattr(self, "allow", ())

    def records(self, check=False):
        """Every leaf of the journal: list of (index, record)."""
        return read_records(self.journal, check)

    def requests(self):
        return {r["id"]: (i, r) for i, r in self.records()
                if r["type"] == "request"}

    def record(self, tracking_id):
        """The request record of an id, once it is there."""
        return wait_for("record " + tracking_id,
                        lambda: self.requests().get(tracking_id))[1]

    def completion(self, tracking_id):
        """[of, forwarded, first, last, outcome] of an id, once it is there."""
        def look():
            records = self.records()
            of = [i for i, r in records
                  if r["type"] == "request" and r["id"] == tracking_id]
            for _, record in records:
                if record["type"] == "completions":
                    for item in record["done"]:
                        if of and item[0] == of[0]:
                            return item
            return None
        return wait_for("completion of " + tracking_id, look)

    def expect(self, answer, outcome=None):
        """At the end, the journal has this call as allowed and completed with
        its outcome. Costs nothing now; completion() waits up to a second."""
        self.expected.append((answer.tracking_id, outcome or answer.outcome,
                              os.environ.get("PYTEST_CURRENT_TEST", "")))

    def check_expected(self):
        if not self.expected:
            return
        records = self.records()
        at = {i: r["id"] for i, r in records
              if r["type"] == "request" and r["decision"] == "allowed"}
        done = {at.get(item[0]): item[4] for _, r in records
                if r["type"] == "completions" for item in r["done"]}
        for tracking_id, outcome, test in self.expected:
            assert done.get(tracking_id) == outcome, "%s: %s is recorded " \
                "as %s, not %s" % (test, tracking_id, done.get(tracking_id),
                                   outcome)

    # calling it

    def wire(self, system=None, identity=None, **more):
        if identity is None and system is not None:
            identity = self.pki.of(system)
        return Wire(self.address, self.pki.root.cert, identity, **more)

    def call(self, system, path, body=b"{}", purpose=None, headers=(),
             wire=None, timeout=15, **more):
        """One call; on a kept connection of that system unless given one."""
        headers = list(headers)
        if purpose is not None:
            headers.append(("Payvand-Purpose", purpose))
        if not isinstance(body, (bytes, bytearray)):
            body = json.dumps(body, ensure_ascii=False).encode()
        data = request(path, body, headers, **more)
        if wire is not None:
            return wire.ask(data, timeout)
        key = (system, threading.get_ident())
        kept = self.callers.get(key)
        if kept is not None:
            try:
                return self._kept(key, kept.ask(data, timeout))
            except wire_closed():
                # the gate had closed the idle connection
                kept.close()
        kept = self.callers[key] = self.wire(system)
        return self._kept(key, kept.ask(data, timeout))

    def _kept(self, key, answer):
        if (answer.get("Connection") or "").lower() == "close":
            self.callers.pop(key).close()
        return answer

    def close_callers(self):
        for kept in self.callers.values():
            kept.close()
        self.callers.clear()

    def status(self):
        with self.wire(BANK) as w:
            return w.ask(request("/payvand/status", b"", method="GET",
                                 kind=None, length=False)).json


def wire_closed():
    return wire.Closed


def answering(body=b'{"result":"yes"}', **more):
    return lambda seen, connection: reply(body, **more)


def assert_outcome(answer, outcome, reason=None):
    assert answer.outcome == outcome, answer
    if outcome != "answered" and reason is not None:
        assert answer.reason == reason, answer
        assert answer.problem["outcome"] == outcome
        assert answer.problem["type"] == "urn:payvand:problem:" + reason
    assert answer.tracking_id and UUIDV7.match(answer.tracking_id), answer
