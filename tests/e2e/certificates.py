"""An agency's officers, and what they decide about keys and certificates."""

import hashlib
import subprocess

from harness import wait_for
from people import registry_today
from pki import OPENSSL, run_openssl
from registryd import WG, UnixConnection, decision

AGENCY = "agency-a"
OFFICERS = {"technical": ("tech", AGENCY), "security": ("sec", AGENCY),
            "secretariat": ("office", WG), "operator": ("oper", AGENCY)}


def decide(registry, role, kind, record, event, data=None):
    """(status, answer) of one decision of an officer, today."""
    actor, of = OFFICERS[role]
    return registry.decide(decision(kind, record, event, role, of,
                                    registry_today(), data, actor=actor))


def must(registry, *args):
    """A decision that is accepted."""
    status, answer = decide(registry, *args)
    assert status == 200, answer
    return answer["last"]


def refused(registry, word, *args):
    """A decision that is refused, with that word."""
    status, answer = decide(registry, *args)
    assert (status, answer.get("word")) == (422, word), answer
    assert answer["title_fa"]


def populate(registry, *systems):
    """A body where there is none yet, an agency, its officers and systems."""
    today = registry_today()
    if registry.ask("GET", f"/registry/v1/body/{WG}")[0] == 404:
        registry.must(decision(
            "body", WG, "register", "console", "console", today,
            {"name_fa": "کارگروه"}, actor="console"))
    for actor, role in (("office", "secretariat"),):
        registry.must(decision(
            "appointment", f"a-{actor}", "appoint", "console", "console",
            today, {"person": actor, "role": role, "of": WG}, actor="console"))
    must(registry, "secretariat", "agency", AGENCY, "register",
         {"name_fa": "دستگاه", "branch": "executive",
          "legal_type": "ministry", "inside_executive": True})
    for role, (actor, of) in OFFICERS.items():
        if role != "secretariat":
            must(registry, "secretariat", "appointment", f"a-{actor}",
                 "appoint", {"person": actor, "role": role, "of": of})
    for system in systems:
        must(registry, "secretariat", "system", system, "register",
             {"agency": AGENCY, "kind": "application", "name_fa": "سامانه"})


def register_authority(registry, name, pem=None):
    """Its certificate is proposed by one and registered by another."""
    pem = pem or (registry.folder / f"{name}.pem").read_text()
    must(registry, "operator", "authority", name, "propose",
         {"name_fa": "مرجع", "certificate": pem})
    must(registry, "secretariat", "authority", name, "register")


def make_csr(folder, name, subject="/CN=whatever", key="EC"):
    """(path of the key, request in PEM, digest of the key)."""
    path = str(folder / f"{name}.key")
    args = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"] \
        if key == "EC" else ["-algorithm", key]
    run_openssl("genpkey", *args, "-out", path)
    csr = run_openssl("req", "-new", "-key", path, "-utf8", "-subj", subject,
                      "-addext", "subjectAltName=DNS:evil.test")
    der = run_openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
    return path, csr.decode(), hashlib.sha256(der).hexdigest()


def ask_for(registry, name, system, authority, csr, **more):
    """File a request."""
    must(registry, "technical", "certificate-request", name, "request",
         dict({"agency": AGENCY, "system": system, "authority": authority,
               "csr": csr}, **more))


def approval(system, authority, digest, days=90, **more):
    """What who approves says."""
    return dict({"agency": AGENCY, "system": system, "authority": authority,
                 "spki_sha256": digest, "days": days}, **more)


def issued(registry, request):
    """(record id, PEM) of what was issued for a request, once it is there."""
    wait_for(f"the certificate of {request}", lambda: registry.get(
        f"certificate-request/{request}")["state"] == "issued")
    record = registry.get(f"certificate-request/{request}")
    name = record["body"]["certificate"]
    return name, registry.get(f"certificate/{name}")["body"]["certificate"]


def certify(registry, folder, request, system, authority, **more):
    """A whole request: (path of key, path of certificate, record id)."""
    names = {"names": more["names"]} if "names" in more else {}
    key, csr, digest = make_csr(folder, request)
    ask_for(registry, request, system, authority, csr, **names)
    must(registry, "secretariat", "certificate-request", request, "approve",
         approval(system, authority, digest, **more))
    name, pem = issued(registry, request)
    path = folder / f"{request}.crt"
    path.write_text(pem)
    return key, str(path), name


def pki(registry, method, path, body=None):
    """(status, type, bytes) of /pki on the socket that nginx reaches."""
    return pki_cached(registry, method, path, body)[:3]


def pki_cached(registry, method, path, body=None):
    """The same, and Cache-Control."""
    connection = UnixConnection(registry.web)
    try:
        connection.request(method, "/pki/" + path, body)
        answer = connection.getresponse()
        return (answer.status, answer.getheader("Content-Type"),
                answer.read(), answer.getheader("Cache-Control"))
    finally:
        connection.close()


def crl(registry, name, path):
    """Fetch the list into a file, as PEM; its text."""
    status, kind, der = pki(registry, "GET", f"crl/{name}")
    assert (status, kind) == (200, "application/pkix-crl")
    path.write_bytes(run_openssl("crl", "-inform", "DER", data=der))
    return run_openssl("crl", "-in", str(path), "-noout", "-text").decode()


def ocsp(registry, root, certificate, folder):
    """What `openssl ocsp` makes of the answer about a certificate."""
    question, answer = folder / "ocsp.req", folder / "ocsp.resp"
    run_openssl("ocsp", "-issuer", root, "-cert", certificate, "-reqout",
                str(question))
    status, kind, der = pki(registry, "POST", "ocsp", question.read_bytes())
    assert (status, kind) == (200, "application/ocsp-response")
    answer.write_bytes(der)
    both = ["ocsp", "-issuer", root, "-CAfile", root, "-respin", str(answer)]
    run_openssl(*both, "-reqin", str(question))  # signature and nonce
    # with a certificate it makes a question of its own
    done = subprocess.run(
        [OPENSSL, *both, "-no_nonce", "-cert", certificate],
        capture_output=True, text=True, check=False)
    assert "Response verify OK" in done.stderr, done.stderr
    return done.stdout
