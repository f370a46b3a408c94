"""Real connectors over a small synthetic country, for tests that need them.

A connector listens on a Unix socket; in front of it stands the provider's own
nginx, which ends TLS and takes only the exchange's client certificate.
"""

import glob
import json
import os
import socket
import subprocess

import wire
from harness import (CATALOGUE, NGINX, PROVIDERS, ROOT, Process, built,
                     free_port, program_env, wait_for)

FRONT = """
{user}
daemon off;
worker_processes 1;
pid {home}/front.pid;
error_log {home}/log/front.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {home}/tmp/fbody;
    proxy_temp_path {home}/tmp/fproxy;
    fastcgi_temp_path {home}/tmp/ffastcgi;
    uwsgi_temp_path {home}/tmp/fuwsgi;
    scgi_temp_path {home}/tmp/fscgi;
    client_body_buffer_size 1100k;
    client_max_body_size 1m;
    proxy_max_temp_file_size 0;
    keepalive_timeout 75s;
    {servers}
}}
"""

SERVER = """
    upstream {name} {{ server unix:{socket}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        ssl_verify_client on;
        ssl_client_certificate {authorities};
        location / {{
            proxy_pass http://{name};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
"""


def make_country(home, persons=2000, seed=7):
    out = os.path.join(home, "country")
    done = subprocess.run(
        [built("payvand-country"), "--seed", str(seed), "--persons",
         str(persons), "--out", out, "--quiet"], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=program_env(), timeout=300,
        cwd=ROOT)
    assert done.returncode == 0, done.stdout.decode()
    with open(os.path.join(out, "country.json"), encoding="utf-8") as file:
        return out, json.load(file)


def load(*names):
    with open(os.path.join(CATALOGUE, *names), encoding="utf-8") as file:
        return json.load(file)


def agencies():
    """For a keeper: each agency with the systems that may call."""
    systems = {}
    for row in load("enactment.json")["systems"]:
        if row["kind"] == "application":
            systems.setdefault(row["agency"], []).append(row["id"])
    return [{"id": row["id"], "title_fa": row["name_fa"],
             "title_en": row["name_en"], "systems": systems[row["id"]]}
            for row in load("agencies.json") if row["id"] in systems]


def needs(provider, folder):
    """What the methods that a provider answers ask of its configuration."""
    methods = [m for path in glob.glob(os.path.join(
        CATALOGUE, "services", provider, "*.json"))
        for m in load("contracts", provider,
                      os.path.basename(path))["methods"]]
    found = {}
    if any(m["pattern"] == "command" for m in methods):
        found["may_write"] = True
    if any("consent" in m for m in methods):
        found["keeper"] = {"file": os.path.join(folder, "keeper.sqlite"),
                           "desk": os.path.join(folder, "desk.sock"),
                           "agencies": agencies()}
    return found


def relay(socket_path):
    """A provider's front in Python: passes a call on to a real connector.
    For tests that keep a ledger of what the provider was sent. While the
    connector is gone the front answers 502, as an nginx would."""
    def behave(seen):
        lines = [seen.line] + ["%s: %s" % h for h in seen.headers]
        data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + seen.body
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            try:
                sock.connect(socket_path)
                sock.sendall(data)
                stream = wire.Stream(sock)
                head = stream.until(b"\r\n\r\n")
                line, headers = wire.parse_head(head)
                names = {n.lower(): v for n, v in headers}
                body = stream.exactly(int(names["content-length"]))
            except (OSError, wire.Closed):
                return wire.reply(b"", "502 Bad Gateway")
        return head + b"\r\n\r\n" + body
    return behave


class Connectors:
    """Real connectors of some providers, put in place of the hand-written."""

    def __init__(self, ex, country, providers=PROVIDERS, front=True):
        self.ex = ex
        self.country = country
        self.providers = providers
        self.process = {}
        servers = ""
        for agency in providers:
            identity = ex.pki.of(agency + "-connector")
            port = free_port()
            servers += SERVER.format(
                name=agency, socket=self.socket(agency), port=port,
                cert=identity.cert, key=identity.key,
                authorities=ex.pki.root.cert)
            for row in ex.deployment["endpoints"]:
                if front and row["system"] == agency + "-connector":
                    row["port"] = port
        self.conf = ex.path("front.conf")
        with open(self.conf, "w") as file:
            file.write(FRONT.format(
                home=ex.home, servers=servers,
                user="user root;" if os.getuid() == 0 else ""))

    def socket(self, agency):
        return self.ex.path(agency[:20] + ".sock")

    def start(self, front=True):
        for agency in self.providers:
            self.start_one(agency)
        if front:
            self.start_front()
        return self

    def start_front(self):
        front = Process("front", [NGINX, "-p", self.ex.home, "-c", self.conf,
                                  "-e", self.ex.path("log", "front.log")],
                        self.ex.path("log", "front.out"), env=program_env())
        self.ex.processes.append(front)

    def secret(self):
        """The key of order tokens (R-154), made at the first start."""
        path = self.ex.path("secret")
        if not os.path.exists(path):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600),
                      "wb") as file:
                file.write(os.urandom(32))
        return path

    def start_one(self, agency, **changes):
        config = {
            "provider": agency, "socket": self.socket(agency),
            "peer_uid": os.getuid(), "driver": "SQLite3",
            "dsn": "Driver=SQLite3;Database=%s;" % os.path.join(
                self.country, agency + ".sqlite"),
            "contracts": sorted(glob.glob(os.path.join(
                CATALOGUE, "contracts", agency, "*.json"))),
            "services": sorted(glob.glob(os.path.join(
                CATALOGUE, "services", agency, "*.json"))),
            "data_items": [os.path.join(CATALOGUE, "data_items.json"),
                           os.path.join(CATALOGUE, "enactment.json"),
                           os.path.join(CATALOGUE,
                                        "data_items_proposed.json")],
            "secret": self.secret(), "workers": 2, "queue_max": 256,
            **needs(agency, self.ex.home)}
        config.update(changes)
        path = self.ex.path(agency + ".json")
        with open(path, "w") as file:
            json.dump(config, file)
        process = Process(agency, [built("payvand-connectord"), "--config",
                                   path],
                          self.ex.path("log", agency + ".log"),
                          env=program_env())
        self.process[agency] = process
        self.ex.processes.append(process)

        def listens():
            if process.popen.poll() is not None:
                with open(process.log) as file:
                    raise AssertionError("%s ended: %s" % (agency,
                                                           file.read()))
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(self.socket(agency))
                    return True
                except OSError:
                    return False

        wait_for(agency + " to listen", listens)

    def kill_one(self, agency):
        process = self.process.pop(agency)
        process.kill()
        process.popen.wait()
        process.file.close()
        self.ex.processes.remove(process)
