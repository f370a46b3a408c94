#!/usr/bin/python3
"""deploy.py WHAT ROOT RUN NODE PORT PROVIDER_PORT WORKERS UID API_PORT OPERATOR

Makes what the running exchange is made from, out of the catalogue and the
demo's certificates. WHAT is one of

  providers   prints the providers that have a connector, a name and port each
  env         prints the shell variables for people
  deployment  writes the deployment file for `payvand import`
  files       writes a configuration for each connector, who may read the
              trace, and the nginx configurations

A file is only touched when its content changes.

UID is the user whose the programs are, OPERATOR the one who started them.
"""
import base64
import datetime
import hashlib
import json
import os
import re
import sys
from pathlib import Path

NIX = "nix"
DOMAIN = "payvand.test"
LOOPBACK = ["127.0.0.0/8"]
DRIVER = "SQLite3"
# Who may read the whole trace through the API, and their systems' names.
READERS = (("operator", "operator-console"), ("auditor", "national-audit"))
OPERATOR = "information-technology-organisation"
# Systems of the demo that no catalogue knows: the readers, and one of which the
# tour shows a certificate's life.
VISITORS = ({"system": "operator-console", "agency": OPERATOR,
             "name_fa": "میز بهره‌بردار نمایشی"},
            {"system": "national-audit", "agency": OPERATOR,
             "name_fa": "حسابرس نمایشی"},
            {"system": "tour-visitor", "agency": "mashhad-municipality",
             "name_fa": "سامانه بازدید نمایشی"})
# The agency whose applications call through a consumer face, and whose
# connector verifies what its system signs.
FACE = {"agency": "mashhad-municipality", "system": "mashhad-municipality-main",
        "asks": "civil-registration-organisation"}
REGISTRY_URL = "https://registry.payvand.test/access"


def write(path, text, mode=0o600):
    """Puts the text there in one step, unless it stands there already."""
    path = Path(path)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode),
                   "w", encoding="utf-8") as out:
        out.write(text)
    new.rename(path)


def dump(value):
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def fill(template, values):
    """Replaces every @NAME@; one without a value is a mistake."""
    return re.sub(r"@([A-Z_]+)@", lambda found: str(values[found.group(1)]),
                  Path(template).read_text(encoding="utf-8"))


def nginx_values(folder, port):
    """Where an nginx of ours lives, and its address."""
    return {"DIR": folder, "LOG": f"{folder}/logs/error.log",
            "EMPTY": f"{folder}/no-temp", "LISTEN": f"127.0.0.1:{port}"}


def der_of(path):
    """The bytes of what stands in PEM."""
    text = Path(path).read_text(encoding="ascii")
    return base64.b64decode("".join(line for line in text.splitlines()
                                    if "-----" not in line))


def fields(path):
    """The DER fields of a certificate from its serialNumber on, or those of a
    request behind its version."""
    der = der_of(path)

    def bounds(at):
        """Where the content of the element at `at` begins and ends."""
        length, start = der[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(der[start:start + count], "big")
            start += count
        return start, start + length

    at, end = bounds(bounds(0)[0])
    at = bounds(at)[1] if der[at] == 0xA0 or path.suffix == ".csr" else at
    found = []
    while at < end:
        stop = bounds(at)[1]
        found.append(der[at:stop])
        at = stop
    return found


def end_of(path):
    """The moment behind which a certificate of this century is good no more."""
    text = re.findall(rb"[\x17\x18].([0-9]+)Z", fields(path)[3])[1].decode()
    return datetime.datetime.strptime(
        ("" if len(text) == 14 else "20") + text + "+0000", "%Y%m%d%H%M%S%z")


def key_hash(stem):
    """SHA-256 of a holder's SubjectPublicKeyInfo, in hex; before there is a
    certificate, that of its request."""
    path = stem.with_suffix(".crt")
    key = fields(path)[5] if path.exists() else fields(
        stem.with_suffix(".csr"))[1]
    return hashlib.sha256(key).hexdigest()


def variable(system):
    return system.upper().replace("-", "_")


class Deployment:
    def __init__(self, root, run, node, port, provider_port, workers, uid,
                 api_port, operator):
        self.root = Path(root)
        self.run = Path(run)
        self.node = node
        self.port = int(port)
        self.provider_port = int(provider_port)
        self.workers = int(workers)
        self.uid = int(uid)
        self.api_port = int(api_port)
        self.operator = int(operator)
        self.catalogue = self.root / "catalogue"
        self.pki = self.run / "pki"
        enactment = load(self.catalogue / "enactment.json")
        self.systems = [one for one in enactment["systems"]
                        if one["kind"] != "exchange"]
        connectors = {one["id"] for one in self.systems
                      if one["kind"] in ("connector", "gateway")}
        self.services = {}
        for path in sorted((self.catalogue / "services").glob("*/*.json")):
            # a member's gateway answers for a group of agencies
            if self.connector_of(path.parent.name) in connectors:
                self.services.setdefault(path.parent.name, []).append(path)
        self.providers = sorted(self.services)
        # the others, live for tests alone, have few calls
        self.busy = {path.parent.name
                     for row in enactment["go_live"]
                     for path in (self.catalogue / "services").glob(
                         f"*/{row['service']}.json")}

    def connector_of(self, provider):
        return f"{provider}-connector"

    def port_of(self, provider):
        return self.provider_port + 1 + self.providers.index(provider)

    def deployment(self):
        return {
            "systems": [
                {"system": one["id"],
                 "networks": LOOPBACK}
                for one in self.systems],
            "endpoints": [
                {"system": self.connector_of(provider),
                 "address": "127.0.0.1",
                 "port": self.port_of(provider),
                 "tls_name": f"{self.connector_of(provider)}.{DOMAIN}",
                 "spki_sha256": key_hash(
                     self.pki / "systems" / self.connector_of(provider))}
                for provider in self.providers],
        }

    def holders(self):
        """All who have a key: its file, whose it is, and a server's names."""
        def holder(system, agency, names=(), file=None):
            return {"file": file or self.pki / "systems" / system,
                    "system": system, "agency": agency, "names": list(names)}

        yield holder(self.node, OPERATOR,
                     ["localhost", f"{self.node}.{DOMAIN}"],
                     self.pki / "exchange")
        for one in self.systems:
            yield holder(one["id"], one["agency"],
                         [f"{one['id']}.{DOMAIN}"]
                         if one["kind"] in ("connector", "gateway") else [])
        for _, name in READERS:
            yield holder(name, OPERATOR)

    def authority(self):
        """The embedded authority's id."""
        return f"{self.node}-authority"

    def agencies(self):
        """For a keeper: each agency with the systems that may call."""
        systems = {}
        for one in self.systems:
            if one["kind"] == "application":
                systems.setdefault(one["agency"], []).append(one["id"])
        return [{"id": row["id"], "title_fa": row["name_fa"],
                 "title_en": row["name_en"], "systems": systems[row["id"]]}
                for row in load(self.catalogue / "agencies.json")
                if row["id"] in systems]

    def needs(self, provider):
        """Commands write; consent numbers and their ledger have a keeper."""
        folder = self.run / "providers"
        methods = [method for path in self.services[provider] for method in
                   load(self.catalogue / "contracts" / provider /
                        path.name)["methods"]]
        found = {}
        if any(method["pattern"] == "command" for method in methods):
            found["may_write"] = True
        if any("consent" in method for method in methods):
            found["keeper"] = {"file": str(folder / f"{provider}.keeper"),
                               "desk": str(folder / f"{provider}.desk"),
                               "agencies": self.agencies()}
        return found

    def connector(self, provider):
        database = self.run / "country" / f"{provider}.sqlite"
        return {
            "provider": provider,
            "socket": str(self.run / "providers" / f"{provider}.sock"),
            "peer_uid": self.uid,
            "driver": DRIVER,
            "dsn": f"Driver={DRIVER};Database={database};"
                   "Timeout=1000;NoCreat=1;",
            "contracts": [str(path) for path in sorted(
                (self.catalogue / "contracts" / provider).glob("*.json"))],
            "services": [str(path) for path in self.services[provider]],
            "data_items": [str(self.catalogue / "data_items.json"),
                           str(self.catalogue / "enactment.json"),
                           str(self.catalogue / "data_items_proposed.json")],
            "workers": 2 if provider in self.busy else 1,
            "queue_max": 256,
            "secret": str(self.run / "providers" / f"{provider}.secret"),
            "signatures": self.signatures(provider),
            **self.needs(provider),
        }

    def signing_key(self, provider):
        """What its answers are signed with."""
        return self.run / "providers" / f"{provider}.sign.pem"

    def signatures(self, provider):
        """Every answer is signed; one connector verifies requests, too."""
        found = {"key": str(self.signing_key(provider))}
        if provider == FACE["asks"]:
            found["consumers"] = [{
                "system": FACE["system"], "key":
                str(self.pki / "systems" / f"{FACE['system']}.crt")}]
        return found

    def consumer(self):
        """The consumer face: contracts from the registry, two users."""
        folder = self.run / "consumer"
        key = self.pki / "systems" / FACE["system"]
        users = {"tour": self.uid, "you": self.operator}
        if self.uid == self.operator:
            del users["you"]
        return {
            "url": f"https://localhost:{self.port}",
            "ca": str(self.pki / "ca.crt"),
            "registry": {
                "agency": FACE["agency"],
                "log_key": (self.run / "registry/signer/vkey")
                .read_text("ascii").strip(),
                "socket": str(self.run / "socket" / "registry.sock"),
                "file": str(folder / "rights"),
                "contracts": str(folder / "contracts")},
            "provider_keys": str(folder / "providers"),
            "store": str(folder / "evidence.sqlite"),
            "socket": str(self.run / "socket" / "consumer.sock"),
            "workers": 2,
            "systems": [{"id": FACE["system"], "cert": f"{key}.crt",
                         "key": f"{key}.key"}],
            "applications": [
                {"id": name, "uid": uid, "system": FACE["system"],
                 "methods": [f"{FACE['asks']}/"]}
                for name, uid in users.items()],
        }

    def gateway_nginx(self):
        return fill(
            self.root / "packaging/nginx/gateway.conf.in",
            {**nginx_values(self.run / "gateway", self.port),
             "MODULE": self.root / "build/gateway/ngx_http_payvand_module.so",
             "WORKERS": self.workers,
             "POLICY": self.run / "policy", "PKI": self.pki,
             "JOURNAL_SOCKET": self.run / "socket" / "journal.sock",
             "NODE": self.node, "LOOPBACK": "on",
             "REGISTRY_URL": REGISTRY_URL})

    def api_nginx(self):
        return fill(
            self.root / "packaging/nginx/api.conf.in",
            {**nginx_values(self.run / "api", self.api_port),
             "PKI": self.pki,
             "API_SOCKET": self.run / "socket" / "api.sock",
             "REGISTRY_SOCKET": self.run / "socket" / "registry-web.sock",
             "SIGN_IN_SOCKET": self.run / "socket" / "sign-in.sock"})

    def readers(self):
        """The readers' file of payvand-traced."""
        lines = ["# who may read the whole trace; see payvand-traced(8)",
                 f"operator uid {self.operator}"]
        lines += [f"{role} key "
                  f"{key_hash(self.pki / 'systems' / name)} {name}"
                  for role, name in READERS]
        return "\n".join(lines) + "\n"

    def provider_nginx(self):
        servers = [
            fill(self.root / "packaging/nginx/provider-server.conf.in",
                 {"NAME": provider, "PKI": self.pki,
                  "SYSTEM": self.connector_of(provider),
                  "SOCKET": self.run / "providers" / f"{provider}.sock",
                  "LISTEN": f"127.0.0.1:{self.port_of(provider)}",
                  "TLS_NAME": f"{self.connector_of(provider)}.{DOMAIN}"})
            for provider in self.providers]
        fingerprint = hashlib.sha1(  # as nginx names it
            der_of(self.pki / "exchange.crt")).hexdigest()
        return fill(
            self.root / "packaging/nginx/provider.conf.in",
            {**nginx_values(self.run / "providers", 0), "PKI": self.pki,
             "EXCHANGE_FINGERPRINT": fingerprint,
             "SERVERS": "\n".join(servers).rstrip()})

    def env(self):
        lines = {
            "PAYVAND_URL": f"https://localhost:{self.port}",
            "PAYVAND_PORT": self.port,
            "PAYVAND_PROVIDER_PORT": self.provider_port,
            "PAYVAND_CA": self.pki / "ca.crt",
            "PAYVAND_AUTHORITY": self.authority(),
            "PAYVAND_IMAGE": self.run / "policy",
            "PAYVAND_REGISTRY_SOCKET":
                self.run / "socket" / "registry.sock",
            "PAYVAND_JOURNAL": self.run / "journal",
            "PAYVAND_JOURNAL_SOCKET": self.run / "socket" / "journal.sock",
            "PAYVAND_CATALOGUE": self.catalogue,
            "PAYVAND_MODULE":
                self.root / "build/gateway/ngx_http_payvand_module.so",
            "PAYVAND_PROVIDERS": self.run / "providers",
            "PAYVAND_API_URL": f"https://localhost:{self.api_port}",
            "PAYVAND_TRACE_SOCKET": self.run / "socket" / "trace.sock",
            "PAYVAND_LOG": self.run / "trace",
            "PAYVAND_CONSUMER_SOCKET": self.run / "socket" / "consumer.sock",
            "PAYVAND_CONSUMER_STORE": self.run / "consumer/evidence.sqlite",
            "PAYVAND_PROVIDER_KEYS": self.run / "consumer" / "providers",
            "PAYVAND_LOG_KEY":
                (self.run / "signer" / "vkey").read_text("ascii").strip(),
            "PAYVAND_DECISION_KEY":
                (self.run / "registry" / "signer" / "vkey")
                .read_text("ascii").strip(),
        }
        for name in [*(one["id"] for one in self.systems),
                     *(name for _, name in READERS)]:
            file = self.pki / "systems" / name
            lines[f"PAYVAND_CERT_{variable(name)}"] = f"{file}.crt"
            lines[f"PAYVAND_KEY_{variable(name)}"] = f"{file}.key"
        text = ["# the running exchange of ./dev up; use it with:",
                "#   set -a; . .run/env; set +a"]
        text += [f"{name}={shell(value)}" for name, value in lines.items()]
        text += [f'PATH="{self.root}/build/cli:$PATH"', ""]
        return "\n".join(text)

    def provider_list(self):
        return "\n".join(f"{provider} {self.port_of(provider)}"
                         for provider in self.providers)

    def files(self):
        for provider in self.providers:
            write(self.run / "providers" / f"{provider}.json",
                  dump(self.connector(provider)))
            secret = self.run / "providers" / f"{provider}.secret"
            if not secret.exists():     # the key of its order tokens
                secret.write_bytes(os.urandom(32))
        write(self.run / "consumer" / "consumer.json", dump(self.consumer()))
        write(self.run / "providers" / "nginx.conf", self.provider_nginx())
        write(self.run / "gateway" / "nginx.conf", self.gateway_nginx())
        write(self.run / "api" / "nginx.conf", self.api_nginx())
        write(self.run / "deploy" / "readers", self.readers())


def shell(value):
    return "'" + str(value).replace("'", "'\\''") + "'"


if __name__ == "__main__":
    os.umask(0o077)
    made = Deployment(*sys.argv[2:])
    if sys.argv[1] == "files":
        made.files()
    elif sys.argv[1] == "deployment":
        write(made.run / "deploy" / "deployment.json", dump(made.deployment()))
    else:
        print({"providers": made.provider_list, "env": made.env}[sys.argv[1]]())
