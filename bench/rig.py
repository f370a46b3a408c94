"""What every contender of the gateway bench shares: certificates, the one
upstream, processes pinned to a core, and the load generator."""

import hashlib
import json
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent
GATEWAY_CPU, OTHER_CPU = 0, 1
PROVIDERS, SERVICES, CONSUMERS = 10, 100, 32
ANSWER_LEN = 1024
SUITE = "TLS_AES_128_GCM_SHA256"


def path_of(provider, service):
    return f"/x/provider-{provider}/service-{service}/v1/inquire"


def run(*command, **kwargs):
    done = subprocess.run([str(c) for c in command], capture_output=True,
                          text=True, **kwargs)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def free_port():
    return free_ports(1)[0]


def spki_sha256(certificate):
    pem = run("openssl", "x509", "-in", certificate, "-noout", "-pubkey")
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"],
                         input=pem.encode(), capture_output=True,
                         check=True).stdout
    return hashlib.sha256(der).hexdigest()


class Rig:
    """A folder with keys and the upstream; stops what it started."""

    def __init__(self, folder, build):
        self.dir = pathlib.Path(folder)
        self.build = pathlib.Path(build)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.started = []
        self.below = []  # what a contender's nginx runs below
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.make_keys()
        self.upstream_ports = free_ports(PROVIDERS)
        self.start_upstream()
        paths = [path_of(p, s)
                 for p in range(PROVIDERS) for s in range(SERVICES)]
        (self.dir / "paths").write_text("\n".join(paths) + "\n")

    def make_keys(self):
        pki = self.pki = self.dir / "pki"
        if (pki / "done").exists():
            return
        shutil.rmtree(pki, ignore_errors=True)
        (pki / "clients").mkdir(parents=True)
        self.make_key(pki / "ca", "bench-ca", authority=True)
        self.make_key(pki / "exchange", "localhost")
        self.make_key(pki / "provider", "provider.payvand.test")
        for i in range(CONSUMERS):
            self.make_key(pki / "clients" / f"{i:03d}", f"consumer-{i}")
        for name in ("exchange", "provider"):
            pem = ((pki / f"{name}.crt").read_text()
                   + (pki / f"{name}.key").read_text())
            (pki / f"{name}.pem").write_text(pem)
        (pki / "done").touch()

    def make_key(self, stem, name, authority=False):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                   "-keyout", f"{stem}.key", "-out", f"{stem}.crt",
                   "-subj", f"/CN={name}"]
        if not authority:
            command += ["-CA", self.pki / "ca.crt", "-CAkey",
                        self.pki / "ca.key", "-addext",
                        f"subjectAltName=DNS:{name}", "-addext",
                        "basicConstraints=critical,CA:FALSE"]
        run(*command)

    def start(self, name, command, cpu, ready_port=None, env=None):
        log = open(self.dir / f"{name}.log", "ab")
        process = subprocess.Popen(
            ["taskset", "-c", str(cpu)] + [str(c) for c in command],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})})
        self.started.append(process)
        deadline = time.monotonic() + 20
        while ready_port is not None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start: see {log.name}\n"
                                 + pathlib.Path(log.name).read_text()[-2000:])
            try:
                socket.create_connection(("127.0.0.1", ready_port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        return process

    def stop(self, process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def stop_all(self):
        for process in reversed(self.started):
            self.stop(process)

    def start_nginx(self, name, config, cpu, port):
        prefix = self.dir / name
        prefix.mkdir(exist_ok=True)
        (prefix / "nginx.conf").write_text(config)
        user = "user root;\n" if os.getuid() == 0 else ""
        (prefix / "nginx.conf").write_text(user + config)
        master = self.start(name, self.below + [
            "nginx", "-p", prefix, "-c", prefix / "nginx.conf", "-e",
            prefix / "error.log", "-g", "daemon off;"], cpu, port)
        # the port is open before the worker is there, whose CPU counts
        for _ in range(100):
            if len(self.pids_of([master])) > 1:
                return master
            time.sleep(0.05)
        raise SystemExit(f"{name} has no worker: see {prefix}/error.log")

    def start_upstream(self):
        listen = "\n".join(f"listen 127.0.0.1:{p} ssl backlog=4096;"
                           for p in self.upstream_ports)
        answer = json.dumps({"found": "yes", "filler": ""})
        filler = "x" * (ANSWER_LEN - len(answer))
        answer = json.dumps({"found": "yes", "filler": filler})
        self.start_nginx("upstream", f"""
worker_processes 1; pid upstream.pid; 
events {{ worker_connections 19000; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
server {{ {listen}
  ssl_certificate {self.pki}/provider.crt;
  ssl_certificate_key {self.pki}/provider.key;
  ssl_client_certificate {self.pki}/ca.crt; ssl_verify_client on;
  ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites {SUITE};
  default_type application/json;
  location / {{ return 200 '{answer}'; }} }} }}
""", OTHER_CPU, self.upstream_ports[0])

    def pids_of(self, processes):
        """The processes and all that they forked."""
        wanted = {p.pid for p in processes}
        grew = True
        while grew:
            grew = False
            for entry in pathlib.Path("/proc").iterdir():
                if not entry.name.isdigit() or int(entry.name) in wanted:
                    continue
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                parent = int(stat.rsplit(")", 1)[1].split()[1])
                if parent in wanted:
                    wanted.add(int(entry.name))
                    grew = True
        return sorted(wanted)

    def load(self, port, pids, connections, ms, rate=0, warmup_ms=1200,
             body_len=256, paths=None, certs=CONSUMERS):
        command = ["taskset", "-c", OTHER_CPU,
                   self.build / "bench/payvand-load", "--port", port, "--ca",
                   self.pki / "ca.crt", "--certs-dir", self.pki / "clients",
                   "--certs", certs, "--paths", paths or self.dir / "paths",
                   "--connections", connections, "--ms", ms, "--warmup-ms",
                   warmup_ms, "--body-len", body_len,
                   "--pids", ",".join(map(str, pids))]
        if rate:
            command += ["--rate", rate]
        return json.loads(run(*command))


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
