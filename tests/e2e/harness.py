"""A whole exchange in a temporary directory: policy image, journal, gate.

    with Exchange(tmp_path, pki) as ex:
        answer = ex.call("setad", NOTE_PATH, purpose="contract-guarantee")

The parts are the real ones from the build folder (PAYVAND_BUILD, default
./build). Providers are hand-written (wire.Provider) unless a test starts real
connectors (connectors.py). Everything runs as the current user, on loopback,
and is killed by pid only. At the end the logs are read: an alert, an emerg, a
sanitizer's word or an exit nobody asked for fails the test.
"""

import atexit
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone

import wire
from ports import free_port
from registryd import Registry
from wire import Provider, Wire, reply, request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("PAYVAND_BUILD",
                                       os.path.join(ROOT, "build")))
SANITIZE = os.environ.get("PAYVAND_SANITIZE") == "1"
LONG = os.environ.get("PAYVAND_LONG") == "1"
NGINX = os.environ.get("PAYVAND_NGINX", "/usr/sbin/nginx")
CATALOGUE = os.path.join(ROOT, "catalogue")
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


def built(name):
    """The path of a built program or module; skips the test when absent."""
    for folder, _, files in os.walk(BUILD):
        if name in files and ".p" not in folder:
            return os.path.join(folder, name)
    import pytest
    pytest.skip("%s is not built in %s" % (name, BUILD))


PATIENCE_S = 60  # a busy machine is slow; what never comes fails all the same


def wait_for(what, check, timeout=PATIENCE_S, step=0.02):
    end = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %s s for %s" % (timeout, what))
        time.sleep(step)


def children_of(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def both_dates(day):
    """{"jalali", "gregorian"} of a date, as the catalogue writes them."""
    offset = (day - datetime(2024, 3, 20).date()).days  # 1403-01-01
    year = 1403
    while offset < 0:
        year -= 1
        offset += 366 if jalali_leap(year) else 365
    while offset >= (366 if jalali_leap(year) else 365):
        offset -= 366 if jalali_leap(year) else 365
        year += 1
    month = offset // 31 + 1 if offset < 186 else (offset - 186) // 30 + 7
    dom = offset % 31 + 1 if offset < 186 else (offset - 186) % 30 + 1
    return {"jalali": "%d-%02d-%02d" % (year, month, dom),
            "gregorian": day.isoformat()}


def jalali_leap(year):
    return year % 33 in (1, 5, 9, 13, 17, 22, 26, 30)


def tehran_today():
    return (datetime.now(timezone.utc) + timedelta(hours=3, minutes=30)).date()


class Catalogue:
    """A private copy of the catalogue that a test may change."""

    def __init__(self, home):
        self.home = home
        shutil.copytree(CATALOGUE, home, ignore=shutil.ignore_patterns(
            "*.c", "meson.build", "country"))
        self.parts = {}

    def part(self, name):
        if name not in self.parts:
            with open(os.path.join(self.home, name + ".json"),
                      encoding="utf-8") as file:
                self.parts[name] = json.load(file)
        return self.parts[name]

    @property
    def enactment(self):
        return self.part("enactment")

    def save(self):
        for name, value in self.parts.items():
            path = os.path.join(self.home, name + ".json")
            with open(path + ".new", "w", encoding="utf-8") as file:
                json.dump(value, file, ensure_ascii=False, indent=1)
            os.rename(path + ".new", path)

    def terms(self, grant):
        return [t for t in self.enactment["grant_terms"]
                if t["grant"] == grant][0]

    def probe(self, name):
        return [p for p in self.enactment["probes"] if p["id"] == name][0]

    def methods(self, service):
        return [m for m in self.enactment["methods"]
                if m["service"] == service][0]

    def unlimited(self):
        """Quotas out of the way, except those of the probes."""
        for terms in self.enactment["grant_terms"]:
            terms["quota"] = {"rate_per_s": 1000000, "burst": 1000000,
                              "per_day": 100000000}


PREPARED = {}  # digest of a catalogue -> its image, for this session


def prepared_image(catalogue, probes, deployment, probe_services=False):
    """The image that the registry makes of a catalogue and a deployment; made
    once for all exchanges that differ in keys and ports only."""
    catalogue.save()
    parts = {name: deployment[name] for name in ("systems", "endpoints")}
    connected = sorted(row["system"] for row in parts["endpoints"])
    options = ["--probes"] * probes + ["--probe-services"] * probe_services
    digest = hashlib.sha256(repr((options, connected)).encode())
    for folder, _, names in sorted(os.walk(catalogue.home)):
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as file:
                digest.update(file.read())
    if digest.digest() not in PREPARED:
        folder = tempfile.mkdtemp(prefix="pv-image-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        registry = Registry(folder)
        with open(os.path.join(folder, "deployment.json"), "w") as file:
            json.dump(parts, file)
        try:
            registry.enact(*options, "--deployment", file.name,
                           catalogue=catalogue.home)
            registry.stop()
        finally:
            registry.kill()
        PREPARED[digest.digest()] = str(registry.image / "data.mdb")
    return PREPARED[digest.digest()]


class Process:
    """A program the harness started; its output goes to a log file."""

    def __init__(self, name, argv, log, env=None, core=False):
        self.name = name
        self.log = log
        self.expected_dead = False
        self.file = open(log, "ab")
        self.popen = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=self.file,
            stderr=subprocess.STDOUT, env=env, cwd=os.path.dirname(log),
            preexec_fn=_no_limit_core if core else None)

    @property
    def pid(self):
        return self.popen.pid

    def kill(self, sig=signal.SIGKILL):
        self.expected_dead = True
        if self.popen.poll() is None:
            self.popen.send_signal(sig)

    def stop(self, sig=signal.SIGTERM, timeout=10):
        """Ask it to end; returns what is wrong with how it ended, or None."""
        code = self.popen.poll()
        wrong = None
        if code is not None and not self.expected_dead:
            wrong = "%s ended by itself with %s" % (self.name, code)
        if code is None:
            self.popen.send_signal(sig)
            try:
                code = self.popen.wait(timeout)
                if code not in (0, -sig) and not self.expected_dead:
                    wrong = "%s ended with %s when stopped" % (self.name, code)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
                wrong = "%s did not stop within %d s" % (self.name, timeout)
        self.file.close()
        return wrong


class Daemon:
    """nginx that went to the background: not our child, known by its pid."""

    def __init__(self, name, argv, pid_file, env):
        self.name = name
        self.expected_dead = False
        subprocess.run(argv, env=env, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        with open(pid_file) as file:
            self.pid = int(file.read())
        self.popen = self

    def poll(self):
        return None if is_alive(self.pid) else 0

    def kill(self, sig=signal.SIGKILL):
        self.expected_dead = True
        if is_alive(self.pid):
            os.kill(self.pid, sig)

    def wait(self, timeout=10):
        wait_for("%s to end" % self.name, lambda: not is_alive(self.pid),
                 timeout)

    def stop(self, sig=signal.SIGTERM, timeout=10):
        if not is_alive(self.pid):
            return None if self.expected_dead else "%s ended" % self.name
        os.kill(self.pid, sig)
        self.wait(timeout)
        return None


def _no_limit_core():
    import resource
    resource.setrlimit(resource.RLIMIT_CORE,
                       (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def program_env(preload=False):
    env = {k: v for k, v in os.environ.items()
           if k in ("PATH", "HOME", "LANG", "TMPDIR")}
    env["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=0:disable_coredump=1"
    env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    if SANITIZE and preload:
        env["LD_PRELOAD"] = subprocess.check_output(
            ["gcc", "-print-file-name=libasan.so"]).decode().strip()
    return env


BAD_WORDS = ("[alert]", "[emerg]", "Sanitizer", "runtime error:",
             "Assertion", "double free", "corrupted")

GATE_CONF = """
load_module {module};
{user}
daemon {daemon};
worker_processes {workers};
worker_rlimit_core 0;
working_directory {home};
pid {home}/nginx.pid;
error_log {home}/log/error.log {level};
{main}
events {{ worker_connections 2048; }}
http {{
    server_tokens off;
    access_log off;
    client_body_temp_path {home}/tmp/body;
    proxy_temp_path {home}/tmp/proxy;
    fastcgi_temp_path {home}/tmp/fastcgi;
    uwsgi_temp_path {home}/tmp/uwsgi;
    scgi_temp_path {home}/tmp/scgi;

    payvand_policy {home}/policy;
    payvand_journal unix:{home}/journal.sock;
    payvand_node nix;
    payvand_quota_zone 16m;
    {loopback}
    payvand_registry_url https://registry.payvand.test/requests;
    {http}
    upstream payvand_provider {{ payvand_endpoint; {upstream} }}
    server {{
        listen {address}:{port} ssl {listen};
        server_name exchange.payvand.test;
        {server}
        location /x/ {{
            payvand on;
            {proxy_pass}
            {location}
        }}
        location = /payvand/status {{
            payvand_status;
            allow 127.0.0.1;
            deny all;
        }}
        location = /payvand/metrics {{ payvand_status prometheus; }}
        location / {{ return 404; }}
        {locations}
    }}
    {servers}
}}
"""

# What a test does not say about the server and the gate location; a directive
# that it names takes the place of the one here.
SERVER = {
    "ssl_certificate": "{cert}", "ssl_certificate_key": "{key}",
    "ssl_client_certificate": "{authorities}", "ssl_protocols": "TLSv1.3",
    "ssl_verify_client": "optional", "ssl_verify_depth": "1",
    "ssl_session_timeout": "1h", "client_header_timeout": "10s",
    "client_body_timeout": "10s", "send_timeout": "10s",
    "keepalive_timeout": "75s", "keepalive_requests": "1000000",
    "client_header_buffer_size": "1k", "large_client_header_buffers": "4 4k",
    "client_max_body_size": "1m", "client_body_buffer_size": "16k",
}
LOCATION = {
    "proxy_http_version": "1.1", "proxy_set_header": 'Connection ""',
    "proxy_request_buffering": "off", "proxy_max_temp_file_size": "0",
    "proxy_ssl_protocols": "TLSv1.3", "proxy_ssl_certificate": "{cert}",
    "proxy_ssl_certificate_key": "{key}",
    "proxy_ssl_trusted_certificate": "{authorities}",
    "proxy_ssl_verify": "on", "proxy_ssl_verify_depth": "1",
    "proxy_ssl_server_name": "on",
}


def directives(defaults, said, parts):
    """The defaults, less those whose first word is said, then what is said."""
    words = {line.split()[0] for line in said.split(";") if line.split()}
    lines = ["%s %s;" % (name, value.format(**parts))
             for name, value in defaults.items() if name not in words]
    return " ".join(lines) + " " + said


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
            self.path("journal.sock"), "--node", "nix", *self.traced_args],
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


def read_records(folder, check=False):
    import journal_reader
    for attempt in range(20):
        try:
            return [(index, record) for index, _, _, record in
                    journal_reader.read_journal(folder, check)]
        except (journal_reader.Damaged, FileNotFoundError, IndexError):
            # a segment is being made while we look: only lasting damage counts
            if attempt == 19:
                raise
            time.sleep(0.1)


def answering(body=b'{"result":"yes"}', **more):
    return lambda seen, connection: reply(body, **more)


def assert_outcome(answer, outcome, reason=None):
    assert answer.outcome == outcome, answer
    if outcome != "answered" and reason is not None:
        assert answer.reason == reason, answer
        assert answer.problem["outcome"] == outcome
        assert answer.problem["type"] == "urn:payvand:problem:" + reason
    assert answer.tracking_id and UUIDV7.match(answer.tracking_id), answer
