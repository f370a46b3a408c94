"""The gateways that are compared. Each one ends mTLS (TLS 1.3, one suite),
passes POSTs on to the same upstream by TLS with its own client certificate
and keep-alive, and runs on the gateway's core with all its processes."""

import json
import pathlib
import subprocess
import time

from rig import (CONSUMERS, GATEWAY_CPU, HERE, PROVIDERS, SERVICES, SUITE,
                 free_port, path_of, run, spki_sha256)

MODULES = pathlib.Path("/usr/lib/nginx/modules")


def nginx_head(name):
    return f"""worker_processes 1; pid {name}.pid; 
events {{ worker_connections 19000; }}
"""


def nginx_server(rig, port):
    return f"""
  listen 127.0.0.1:{port} ssl backlog=4096;
  ssl_certificate {rig.pki}/exchange.crt;
  ssl_certificate_key {rig.pki}/exchange.key;
  ssl_client_certificate {rig.pki}/ca.crt; ssl_verify_client on;
  ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites {SUITE};
  keepalive_requests 1000000000; keepalive_timeout 600s;
  client_max_body_size 64k; client_body_buffer_size 64k;
"""


def nginx_proxy(rig):
    return f"""
  proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_max_temp_file_size 0;
  proxy_ssl_certificate {rig.pki}/exchange.crt;
  proxy_ssl_certificate_key {rig.pki}/exchange.key;
  proxy_ssl_trusted_certificate {rig.pki}/ca.crt; proxy_ssl_verify on;
  proxy_ssl_protocols TLSv1.3; proxy_ssl_conf_command Ciphersuites {SUITE};
  proxy_ssl_server_name on; proxy_ssl_session_reuse on;
"""


def nginx_upstreams(rig):
    upstreams = "".join(
        f"upstream up{i} {{ server 127.0.0.1:{port}; keepalive 512;"
        f" keepalive_requests 1000000000; keepalive_timeout 600s; }}\n"
        for i, port in enumerate(rig.upstream_ports))
    locations = "".join(
        f"location /x/provider-{i}/ {{ proxy_pass https://up{i};"
        f" proxy_ssl_name provider.payvand.test; {{extra}} }}\n"
        for i in range(PROVIDERS))
    return upstreams, locations


class Bare:
    """nginx as a plain reverse proxy: the measure of the others."""
    name = "bare nginx"

    def start(self, rig):
        self.port = free_port()
        upstreams, locations = nginx_upstreams(rig)
        locations = locations.replace("{extra}", "")
        self.processes = [rig.start_nginx("bare", nginx_head("bare") + f"""
http {{ access_log off; {upstreams}
server {{ {nginx_server(rig, self.port)} {nginx_proxy(rig)} {locations} }} }}
""", GATEWAY_CPU, self.port)]


class Lua:
    """nginx+Lua: fingerprint, dictionary look-up, id, buffered log line."""
    name = "nginx+Lua"

    def start(self, rig):
        self.port = free_port()
        grants = []
        for i in range(CONSUMERS):
            pem = run("openssl", "x509", "-in",
                      rig.pki / "clients" / f"{i:03d}.crt", "-noout",
                      "-fingerprint", "-sha1")
            grants.append(pem.split("=")[1].strip().replace(":", "").lower())
        paths = [path_of(p, s)
                 for p in range(PROVIDERS) for s in range(SERVICES)]
        (rig.dir / "grants.lua").write_text(
            "local g = {}\n"
            + "".join(f"g['{f}'] = {i}\n" for i, f in enumerate(grants))
            + "local p = {}\n"
            + "".join(f"p['{p}'] = {i}\n" for i, p in enumerate(paths))
            + "local d = {}\nfor _, c in pairs(g) do for _, m in pairs(p) do"
            " d[c * 100000 + m] = true end end\n"
            "return {consumer = g, method = p, grant = d}\n")
        upstreams, locations = nginx_upstreams(rig)
        locations = locations.replace("{extra}", """access_by_lua_block {
  local t = require "grants"
  local c = t.consumer[ngx.var.ssl_client_fingerprint]
  local m = t.method[ngx.var.uri]
  if not c or not m or not t.grant[c * 100000 + m] then
    return ngx.exit(403)
  end
  ngx.req.set_header("X-Consumer", c) }""")
        head = "".join(f"load_module {MODULES}/{m};\n"
                       for m in ("ndk_http_module.so",
                                 "ngx_http_lua_module.so"))
        self.processes = [rig.start_nginx("lua", head + nginx_head("lua") + f"""
http {{ lua_package_path "{rig.dir}/?.lua;;"; {upstreams}
log_format line '$msec $ssl_client_fingerprint $uri $status $request_id';
access_log {rig.dir}/lua-access.log line buffer=64k flush=1s;
server {{ {nginx_server(rig, self.port)} {nginx_proxy(rig)} {locations} }} }}
""", GATEWAY_CPU, self.port)]


class HAProxy:
    name = "HAProxy"

    def start(self, rig):
        self.port = free_port()
        rules = "".join(f"  use_backend up{i} if {{ path_beg "
                        f"/x/provider-{i}/ }}\n" for i in range(PROVIDERS))
        backends = "".join(
            f"backend up{i}\n  http-reuse always\n  server s "
            f"127.0.0.1:{port} ssl verify required "
            f"ca-file {rig.pki}/ca.crt crt {rig.pki}/exchange.pem "
            f"sni str(provider.payvand.test) verifyhost "
            f"provider.payvand.test ciphersuites {SUITE} "
            f"pool-max-conn 2000\n"
            for i, port in enumerate(rig.upstream_ports))
        config = rig.dir / "haproxy.cfg"
        config.write_text(f"""global
  nbthread 1
  maxconn 4000
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  timeout client 600s
  timeout server 60s
  timeout connect 5s
  timeout http-keep-alive 600s
frontend in
  bind 127.0.0.1:{self.port} ssl crt {rig.pki}/exchange.pem ca-file \
{rig.pki}/ca.crt verify required ciphersuites {SUITE}
{rules}
{backends}""")
        self.processes = [rig.start("haproxy", ["haproxy", "-db", "-f",
                                                config], GATEWAY_CPU,
                                    self.port)]


class Node:
    name = "Node.js"

    def start(self, rig):
        self.port = free_port()
        setup = {"port": self.port, "pki": str(rig.pki), "suite": SUITE,
                 "upstreams": rig.upstream_ports}
        (rig.dir / "node.json").write_text(json.dumps(setup))
        self.processes = [rig.start(
            "node", ["node", HERE / "node_proxy.js", rig.dir / "node.json"],
            GATEWAY_CPU, self.port)]


class Payvand:
    """The exchange, durable before forward, journal daemon included."""
    name = "Payvand"
    module = "gateway/ngx_http_payvand_module.so"
    grants = 0  # beyond those that are called

    def __init__(self, name=None, module=None, grants=None, log=False):
        self.name = name or self.name
        self.module = module or self.module
        self.log = log  # with tree, signer, packs and the reader
        self.grants = self.grants if grants is None else grants

    def start(self, rig):
        self.port = free_port()
        folder = rig.dir / self.name.replace(" ", "-").replace(",", "")
        folder.mkdir(exist_ok=True)
        (folder / "journal").mkdir(exist_ok=True)
        self.make_image(rig, folder)
        traced = rig.build / "traced/payvand-traced"
        more = []
        if self.log:
            for name in ("log", "signer"):
                (folder / name).mkdir(mode=0o700, exist_ok=True)
            run(traced, "--init-key", "--signer", folder / "signer",
                "--origin", "bench.payvand.test/trace")
            more = ["--log", folder / "log", "--signer", folder / "signer",
                    "--api", folder / "api.sock", "--policy",
                    folder / "policy"]
        journal = rig.start("traced", [
            traced, "--dir", folder / "journal",
            "--socket", folder / "journal.sock", "--node", "bench",
            "--segment-size", str(64 << 20)] + more, GATEWAY_CPU)
        for _ in range(200):
            if (folder / "journal.sock").exists():
                break
            time.sleep(0.05)
        config = f"load_module {rig.build}/{self.module};\n"
        config += nginx_head("payvand") + f"""
http {{ access_log off;
payvand_policy {folder}/policy; payvand_journal unix:{folder}/journal.sock;
payvand_node bench; payvand_quota_zone 16m; payvand_loopback_endpoints on;
payvand_registry_url https://registry.payvand.test/;
upstream payvand_provider {{ payvand_endpoint; }}
server {{ {nginx_server(rig, self.port)}
  location /x/ {{ payvand on; {nginx_proxy(rig)}
    proxy_pass https://payvand_provider; }} }} }}
"""
        gate = rig.start_nginx(folder.name + "-gate", config, GATEWAY_CPU,
                               self.port)
        self.processes = [gate, journal]
        self.folder = folder
        if self.log:
            self.start_api(rig, folder)

    def start_api(self, rig, folder):
        """The API's own nginx before the reader, as it is delivered."""
        home = folder / "api"
        (home / "logs").mkdir(parents=True, exist_ok=True)
        self.api_port = free_port()
        config = (HERE.parent / "packaging/nginx/api.conf.in").read_text()
        for mark, value in (("DIR", home), ("LOG", home / "logs/error.log"),
                            ("EMPTY", home / "no-temp"), ("PKI", rig.pki),
                            ("API_SOCKET", folder / "api.sock"),
                            ("REGISTRY_SOCKET", folder / "none.sock"),
                            ("SIGN_IN_SOCKET", folder / "none.sock"),
                            ("LISTEN", f"127.0.0.1:{self.api_port}")):
            config = config.replace(f"@{mark}@", str(value))
        self.processes.append(rig.start_nginx(folder.name + "-api", config,
                                              GATEWAY_CPU, self.api_port))

    def make_image(self, rig, folder):
        setup = {
            "consumers": [spki_sha256(rig.pki / "clients" / f"{i:03d}.crt")
                          for i in range(CONSUMERS)],
            "providers": rig.upstream_ports, "services": SERVICES,
            "tls_name": "provider.payvand.test",
            "pin": spki_sha256(rig.pki / "provider.crt"),
            "grants": self.grants}
        (folder / "image.json").write_text(json.dumps(setup))
        (folder / "policy").mkdir(exist_ok=True)
        run(rig.build / "bench/payvand-bench-image", folder / "image.json",
            folder / "policy")


def stop(rig, contender):
    for process in contender.processes:
        rig.stop(process)
