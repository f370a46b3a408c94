#!/usr/bin/python3
"""certify.py WHAT ...: certificates of the demo; the rest as deploy.py has it.

Everybody's key is made here, and the registry is asked for its certificate: a
request of the agency's technical contact, an approval of the secretariat, and
the embedded authority signs. WHAT is one of

  keys          a key for each holder, and a request where its certificate is
                missing or ends soon: FILE.key, FILE.csr
  certificates  files the requests, approves them, waits; FILE.crt, and ca.crt
                with the certificates of all registered authorities. Says how
                many were issued
"""
import datetime
import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time

import deploy

WORKING_GROUP = "interoperability-working-group"
OUTSIDE = "demo-outside"  # pki.sh makes it
DAYS = 397
RENEW_DAYS = 30  # before its end
WAIT_SECONDS = 60


class Registry:
    """The registry on its Unix sockets."""

    def __init__(self, folder):
        self.folder = folder

    def ask(self, method, path, body=None, name="registry.sock"):
        """(status, bytes) of one question."""
        connection = http.client.HTTPConnection("registry")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(WAIT_SECONDS)
        connection.sock.connect(str(self.folder / name))
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path):
        """A record, or None."""
        status, text = self.ask("GET", f"/registry/v1/{path}")
        return json.loads(text) if status == 200 else None

    def decide(self, decisions):
        """All of them or none; one sent again is decided once."""
        if not decisions:
            return
        status, text = self.ask("POST", "/registry/v1/decisions",
                                json.dumps(decisions))
        if status != 200:
            sys.exit(f"the registry refuses: {text.decode()}")


def decision(role, kind, record, event, data, of=WORKING_GROUP):
    """One of today; who it is, is called as the loader calls him."""
    return {"actor": f"{role}/{of}", "role": role, "of": of, "kind": kind,
            "id": record, "event": event, "date": today(), "data": data,
            "key": f"demo/{kind}/{record}/{event}"}


def today():
    """The Jalali day in Tehran, by the rule of 33 years."""
    def length(year):
        return 366 if year % 33 in (1, 5, 9, 13, 17, 22, 26, 30) else 365

    # 1349-01-01 was 1970-03-21
    days = int(time.time() + 12600) // 86400 - 79
    year, month = 1349, 1
    while days >= length(year):
        days -= length(year)
        year += 1
    while days >= (31 if month <= 6 else 30):
        days -= 31 if month <= 6 else 30
        month += 1
    return f"{year:04d}-{month:02d}-{days + 1:02d}"


def ends_soon(path):
    """Is there no certificate, or one that ends within RENEW_DAYS?"""
    now = datetime.datetime.now(datetime.timezone.utc)
    return not path.exists() or deploy.end_of(
        path) < now + datetime.timedelta(days=RENEW_DAYS)


def make_request(stem):
    """A request for the holder's key, which is made when there is none."""
    key = ["-key", f"{stem}.key"]
    if not stem.with_suffix(".key").exists():
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-noenc", "-keyout", f"{stem}.key"]
    subprocess.run(["openssl", "req", "-new", *key, "-subj",
                    f"/CN={stem.name}", "-out", f"{stem}.csr.new"],
                   check=True, stdin=subprocess.DEVNULL, capture_output=True)
    os.rename(f"{stem}.csr.new", f"{stem}.csr")


def make_signing_keys(made):
    """What connectors sign with; the public halves go to the consumer."""
    for provider in made.providers:
        own = made.signing_key(provider)
        known = made.run / "consumer/providers" / f"{provider}.pem"
        if not own.exists():
            subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519",
                            "-out", f"{own}.new"], check=True)
            os.rename(f"{own}.new", own)
            known.unlink(missing_ok=True)
        if not known.exists():
            subprocess.run(["openssl", "pkey", "-in", str(own), "-pubout",
                            "-out", f"{known}.new"], check=True)
            os.rename(f"{known}.new", known)


def make_keys(made):
    """Keys and requests of all who have no certificate, or not for long."""
    make_signing_keys(made)
    for holder in made.holders():
        stem = holder["file"]
        stem.parent.mkdir(exist_ok=True)
        if ends_soon(stem.with_suffix(".crt")) and \
                not stem.with_suffix(".csr").exists():
            make_request(stem)


def authority(record, path):
    """Proposed by one, registered by another."""
    return [decision("operator", "authority", record, "propose", {
                "name_fa": "مرجع گواهی نمایشی",
                "certificate": path.read_text("ascii")}, deploy.OPERATOR),
            decision("secretariat", "authority", record, "register", {})]


def asked(holder, number):
    """What the request and its approval both say, and its name."""
    said = {"agency": holder["agency"], "system": holder["system"],
            "authority": number}
    if holder["names"]:
        said["names"] = holder["names"]
    csr = holder["file"].with_suffix(".csr").read_text("ascii")
    digest = hashlib.sha256(csr.encode()).hexdigest()[:12]
    return f"{holder['system']}-{digest}", said, csr


def ask_all(registry, made, number):
    """Files and approves the requests; the ids, by file."""
    decisions, ids = [], {}
    for holder in made.holders():
        if not holder["file"].with_suffix(".csr").exists():
            continue
        record, said, csr = asked(holder, number)
        ids[holder["file"]] = record
        decisions += [
            decision("technical", "certificate-request", record, "request",
                     {**said, "csr": csr}, holder["agency"]),
            decision("secretariat", "certificate-request", record, "approve",
                     {**said, "days": DAYS,
                      "spki_sha256": deploy.key_hash(holder["file"])})]
    registry.decide(decisions)
    return ids


def fetch(registry, stem, record):
    """The certificate, once it is issued."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        found = registry.get(f"certificate-request/{record}")
        if found and found["state"] == "issued":
            break
        if time.monotonic() > until:
            sys.exit(f"{stem.name}: the authority issued no certificate")
        time.sleep(0.1)
    issued = registry.get(f"certificate/{found['body']['certificate']}")
    deploy.write(stem.with_suffix(".crt"), issued["body"]["certificate"])
    stem.with_suffix(".csr").unlink()


def certificates(made):
    """Everybody's, from the registry."""
    registry = Registry(made.run / "socket")
    number = made.authority()
    registry.decide([
        *authority(number, made.run / "registry/authority/ca.crt"),
        *authority(OUTSIDE, made.pki / "outside.crt"),
        *(decision("secretariat", "system", one["system"], "register", {
            "agency": one["agency"], "kind": "application",
            "name_fa": one["name_fa"]}) for one in deploy.VISITORS),
        *(decision("technical", "system", one["system"], "key", {
            "networks": deploy.LOOPBACK}, one["agency"])
          for one in deploy.VISITORS)])
    ids = ask_all(registry, made, number)
    for stem, record in ids.items():
        fetch(registry, stem, record)
    status, text = registry.ask("GET", "/pki/authorities.pem",
                                name="registry-web.sock")
    if status != 200:
        sys.exit("the registry does not say which authorities there are")
    deploy.write(made.pki / "ca.crt", text.decode("ascii"))
    return len(ids)


if __name__ == "__main__":
    os.umask(0o077)
    DEMO = deploy.Deployment(*sys.argv[2:])
    if sys.argv[1] == "keys":
        make_keys(DEMO)
    else:
        print(certificates(DEMO))
