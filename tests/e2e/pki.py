"""Authorities and certificates made at test time with the openssl command.

Everything is P-256. An Identity is one key with one certificate; the same
key may carry several certificates (renewed, expired, made by another
authority), which is what the tests about identity need.
"""

import base64
import hashlib
import os
import re
import subprocess
import threading
from datetime import datetime, timedelta, timezone

OPENSSL = "/usr/bin/openssl"


def run_openssl(*args, data=None, cwd=None):
    done = subprocess.run([OPENSSL, *args], input=data, cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise RuntimeError("openssl %s: %s" % (args[0], done.stderr.decode()))
    return done.stdout


def der_of(pem):
    text = re.search(rb"-----BEGIN [A-Z ]+-----(.*?)-----END", pem, re.S)
    return base64.b64decode(text.group(1))


def _der_item(data, at):
    """(tag, start of content, end) of the DER item at `at`."""
    length = data[at + 1]
    start = at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[start:start + size], "big")
        start += size
    return data[at], start, start + length


def tbs_parts(der):
    """What the policy wants of a certificate: issuer name, serial, SPKI."""
    _, at, _ = _der_item(der, 0)
    _, at, _ = _der_item(der, at)
    parts = []
    while len(parts) < 7:
        tag, start, end = _der_item(der, at)
        if tag != 0xA0:
            parts.append((at, start, end))
        if len(parts) == 6:
            break
        at = end
    serial = der[parts[0][1]:parts[0][2]].lstrip(b"\0")
    issuer = der[parts[2][0]:parts[2][2]]
    spki = der[parts[5][0]:parts[5][2]]
    return issuer, serial, spki


class Identity:
    """A certificate file, a key file, and what the policy knows them by."""

    def __init__(self, name, cert, key):
        self.name = name
        self.cert = cert
        self.key = key
        with open(cert, "rb") as file:
            self.der = der_of(file.read())
        issuer, serial, spki = tbs_parts(self.der)
        self.issuer_sha256 = hashlib.sha256(issuer).hexdigest()
        self.serial = serial.hex()
        self.spki_sha256 = hashlib.sha256(spki).hexdigest()

    def revocation(self):
        return {"issuer_sha256": self.issuer_sha256, "serial": self.serial}


class Authority:
    def __init__(self, home, name):
        self.name = name
        self.home = os.path.join(home, "ca-" + name)
        os.makedirs(self.home)
        self.cert = os.path.join(self.home, "ca.crt")
        self.key = os.path.join(self.home, "ca.key")
        self.lock = threading.Lock()
        run_openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                    "-out", self.cert, "-days", "30", "-subj",
                    "/O=Payvand test/CN=" + name, "-addext",
                    "basicConstraints=critical,CA:TRUE", "-addext",
                    "keyUsage=critical,keyCertSign,cRLSign")
        open(os.path.join(self.home, "index.txt"), "w").close()
        self.config = os.path.join(self.home, "ca.cnf")
        with open(self.config, "w") as file:
            file.write(
                "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nrand_serial=yes\n"
                "new_certs_dir=.\ncertificate=ca.crt\nprivate_key=ca.key\n"
                "default_md=sha256\npolicy=p\nunique_subject=no\n"
                "copy_extensions=copy\nstring_mask=utf8only\n"
                "[p]\ncommonName=supplied\norganizationName=optional\n")


def stamp(when):
    return when.astimezone(timezone.utc).strftime("%Y%m%d%H%M%SZ")


class Pki:
    """One exchange's worth of authorities and identities."""

    def __init__(self, home):
        self.home = home
        os.makedirs(home, exist_ok=True)
        self.root = Authority(home, "payvand-root")
        self.second = Authority(home, "second-root")   # registered too, R-106
        self.stranger = Authority(home, "stranger")    # known to nobody
        self.made = {}
        self.count = 0

    def bundle(self):
        path = os.path.join(self.home, "authorities.crt")
        if not os.path.exists(path):
            with open(path, "wb") as out:
                for authority in (self.root, self.second):
                    with open(authority.cert, "rb") as file:
                        out.write(file.read())
        return path

    def key(self, name):
        path = os.path.join(self.home, name + ".key")
        if not os.path.exists(path):
            run_openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-out", path)
        return path

    def make(self, name, authority=None, key=None, names=None, subject=None,
             start=None, end=None, address=None):
        """A fresh certificate; start and end are datetimes or timedeltas."""
        authority = authority or self.root
        self.count += 1
        base = os.path.join(self.home, "%s-%d" % (name, self.count))
        key = key or self.key("%s-%d" % (name, self.count))
        alt = ",".join("DNS:" + n for n in (names or [name + ".payvand.test"]))
        if address:
            alt = "IP:" + address
        subject = subject or "/O=Payvand test/CN=" + name
        if start is None and end is None:
            run_openssl("req", "-x509", "-new", "-key", key, "-CA",
                        authority.cert, "-CAkey", authority.key, "-out",
                        base + ".crt", "-days", "20", "-utf8", "-subj", subject,
                        "-addext", "subjectAltName=" + alt, "-addext",
                        "basicConstraints=critical,CA:FALSE")
            return Identity(name, base + ".crt", key)
        now = datetime.now(timezone.utc)
        start = start if start is not None else timedelta(days=-1)
        end = end if end is not None else timedelta(days=20)
        start = now + start if isinstance(start, timedelta) else start
        end = now + end if isinstance(end, timedelta) else end
        run_openssl("req", "-new", "-key", key, "-out", base + ".csr", "-utf8",
                    "-subj", subject, "-addext", "subjectAltName=" + alt)
        with authority.lock:
            run_openssl("ca", "-batch", "-notext", "-config", authority.config,
                        "-in", os.path.abspath(base + ".csr"), "-out",
                        os.path.abspath(base + ".crt"), "-startdate",
                        stamp(start), "-enddate", stamp(end),
                        cwd=authority.home)
        return Identity(name, base + ".crt", key)

    def self_made(self, name, key=None):
        self.count += 1
        base = os.path.join(self.home, "%s-%d" % (name, self.count))
        key = key or self.key("%s-%d" % (name, self.count))
        run_openssl("req", "-x509", "-new", "-key", key, "-out", base + ".crt",
                    "-days", "20", "-subj", "/CN=" + name)
        return Identity(name, base + ".crt", key)

    def of(self, system):
        """The one registered identity of a system, made when first asked."""
        if system not in self.made:
            names = [system + ".payvand.test"]
            if system == "nix":
                names.append("exchange.payvand.test")
            self.made[system] = self.make(system, names=names)
        return self.made[system]
