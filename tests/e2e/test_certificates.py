"""The embedded authority: from a request to a certificate, to its revocation,
checked with the openssl command."""

import base64
import datetime
import json
import os
import shutil
import signal
import subprocess
from urllib.parse import quote

import pytest

from certificates import (AGENCY, approval, ask_for, certify, crl, decide,
                          issued, make_csr, must, ocsp, pki, pki_cached, populate,
                          refused, register_authority)
from harness import children_of, wait_for
from people import registry_today
from pki import OPENSSL, run_openssl
from registryd import BUILD, WG, Registry, decision
from test_follow import Node

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")

CA = "demo-authority"
SYSTEMS = [f"system-{n}" for n in range(1, 9)]


@pytest.fixture(name="registry", scope="module")
def fixture_registry(tmp_path_factory):
    """A registry with one authority."""
    registry = Registry(tmp_path_factory.mktemp("pki"), authorities=[CA])
    populate(registry, *SYSTEMS)
    register_authority(registry, CA)
    yield registry
    registry.stop()


@pytest.fixture(name="root", scope="module")
def fixture_root(registry):
    """Path of the authority's certificate."""
    return str(registry.folder / f"{CA}.pem")


def verify(root, certificate, *more):
    """openssl verify: (good, words)."""
    done = subprocess.run(
        [OPENSSL, "verify", "-CAfile", root, *more, certificate],
        capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def text_of(certificate):
    """openssl's words for a certificate."""
    return run_openssl("x509", "-in", certificate, "-noout", "-text").decode()


def test_a_certificate_says_what_was_approved_and_nothing_of_the_request(
        registry, root, tmp_path):
    _, path, name = certify(registry, tmp_path, "r-say", "system-1", CA,
                            names=["a.payvand.test"])
    text = text_of(path)
    assert verify(root, path, "-x509_strict")[0]
    for part in (f"Subject: O = {AGENCY}, CN = system-1",
                 f"Issuer: CN = {CA}", "DNS:a.payvand.test", "CA:FALSE",
                 "TLS Web Server Authentication, TLS Web Client",
                 f"http://pki.payvand.test/pki/crl/{CA}",
                 "OCSP - URI:http://pki.payvand.test/pki/ocsp"):
        assert part in text, text
    assert "evil.test" not in text and "whatever" not in text
    body = registry.get(f"certificate/{name}")["body"]
    assert (body["agency"], body["system"]) == (AGENCY, "system-1")
    system = registry.get("system/system-1")["body"]
    assert system["spki_sha256"] == body["spki_sha256"]


def test_four_eyes_and_every_word_restated(registry, tmp_path):
    _, csr, digest = make_csr(tmp_path, "key")
    ask_for(registry, "r-eyes", "system-2", CA, csr,
            names=["b.payvand.test"])
    said = approval("system-2", CA, digest, names=["b.payvand.test"])
    event = ("certificate-request", "r-eyes", "approve")
    refused(registry, "role", "technical", *event, said)
    for name, other in (("system", "system-3"), ("spki_sha256", "0" * 64),
                        ("names", ["c.payvand.test"])):
        refused(registry, "restate", "secretariat", *event,
                dict(said, **{name: other}))
    refused(registry, "days", "secretariat", *event, dict(said, days=398))
    refused(registry, "names-approval", "security", *event, said)
    must(registry, "operator", *event, said)
    issued(registry, "r-eyes")


@pytest.mark.parametrize("case", ["rsa-2048", "another-signs", "no-csr"])
def test_a_request_that_proves_nothing_is_refused(registry, tmp_path, case):
    _, csr, _ = make_csr(tmp_path, "key")
    if case == "rsa-2048":
        run_openssl("genpkey", "-algorithm", "RSA", "-pkeyopt",
                    "rsa_keygen_bits:2048", "-out", str(tmp_path / "rsa"))
        csr = run_openssl("req", "-new", "-key", str(tmp_path / "rsa"),
                          "-subj", "/CN=x").decode()
    elif case == "another-signs":
        lines = csr.splitlines()
        middle = lines[2]
        lines[2] = ("B" if middle[0] != "B" else "C") + middle[1:]
        csr = "\n".join(lines) + "\n"
    else:
        csr = "-----BEGIN NOTHING-----"
    refused(registry, "csr", "technical", "certificate-request", f"r-{case}",
            "request", {"agency": AGENCY, "system": "system-2",
                        "authority": CA, "csr": csr})


def test_a_key_is_one_systems(registry, tmp_path):
    _, csr, digest = make_csr(tmp_path, "key")
    ask_for(registry, "r-one", "system-3", CA, csr)
    must(registry, "security", "certificate-request", "r-one", "approve",
         approval("system-3", CA, digest))
    issued(registry, "r-one")
    refused(registry, "key-taken", "technical", "certificate-request",
            "r-two", "request", {"agency": AGENCY, "system": "system-4",
                                 "authority": CA, "csr": csr})


def test_renewal_keeps_the_old_key_for_its_overlap(registry, tmp_path):
    certify(registry, tmp_path, "r-old", "system-4", CA)
    old = registry.get("system/system-4")["body"]["spki_sha256"]
    certify(registry, tmp_path, "r-new", "system-4", CA, overlap_days=7)
    body = registry.get("system/system-4")["body"]
    assert body["spki_sha256"] != old == body["old_spki_sha256"]
    assert body["old_until"] > "1405"
    # another certificate of the same key moves no end
    csr = run_openssl("req", "-new", "-key", str(tmp_path / "r-new.key"),
                      "-subj", "/CN=x").decode()
    ask_for(registry, "r-same", "system-4", CA, csr)
    must(registry, "secretariat", "certificate-request", "r-same", "approve",
         approval("system-4", CA, body["spki_sha256"], overlap_days=30))
    issued(registry, "r-same")
    again = registry.get("system/system-4")["body"]
    for name in ("spki_sha256", "old_spki_sha256", "old_until"):
        assert again[name] == body[name]
    certify(registry, tmp_path, "r-next", "system-4", CA, overlap_days=7)
    assert old not in str(registry.get("system/system-4")["body"])


def test_a_revoked_certificate_is_in_the_list_and_in_ocsp(
        registry, root, tmp_path):
    _, path, name = certify(registry, tmp_path, "r-rev", "system-5", CA)
    listed = tmp_path / "list.pem"
    assert "good" in ocsp(registry, root, path, tmp_path)
    first = crl(registry, CA, listed)
    assert verify(root, path, "-crl_check", "-CRLfile", str(listed))[0]
    must(registry, "security", "certificate", name, "revoke",
         {"agency": AGENCY, "reason_code": "superseded", "why": "آزمون"})
    serial = name.split("/")[1].upper()
    wait_for("the list to have it",
             lambda: serial in crl(registry, CA, listed))
    said = ocsp(registry, root, path, tmp_path)
    assert "revoked" in said and "superseded" in said
    good, words = verify(root, path, "-crl_check", "-CRLfile", str(listed))
    assert not good and "revoked" in words
    assert number_of(crl(registry, CA, listed)) > number_of(first)
    # what was only superseded leaves the system its key
    assert "spki_sha256" in registry.get("system/system-5")["body"]


def test_what_an_authority_refuses_is_asked_again(registry, root, tmp_path):
    """Its disk takes nothing for a while: nothing decided is forgotten."""
    _, path, name = certify(registry, tmp_path, "r-full", "system-5", CA)
    folder = registry.signer.parent / f"authority-{CA}"
    _, csr, digest = make_csr(tmp_path, "key")
    ask_for(registry, "r-wait", "system-8", CA, csr)
    number = registry.get("status")["last"] + 1
    blocked = [folder / "issued" / f"{number}.tmp", folder / "revoked.tmp"]
    for one in blocked:
        one.mkdir()
    try:
        assert must(registry, "secretariat", "certificate-request", "r-wait",
                    "approve", approval("system-8", CA, digest)) == number
        must(registry, "security", "certificate", name, "revoke",
             {"agency": AGENCY, "reason_code": "superseded"})
        wait_for("both to wait",
                 lambda: registry.get("status")["authority_waits"] == 2)
        assert registry.get("certificate-request/r-wait")["state"] == "approved"
        assert "good" in ocsp(registry, root, path, tmp_path)
    finally:
        for one in blocked:
            one.rmdir()
    issued(registry, "r-wait")
    wait_for("the revocation",
             lambda: "revoked" in ocsp(registry, root, path, tmp_path))
    wait_for("nothing to wait",
             lambda: registry.get("status")["authority_waits"] == 0)


def test_an_authority_that_has_ended_signs_nothing_more(
        tmp_path, tmp_path_factory):
    """Not even what was approved before, and waits for its disk."""
    registry = Registry(tmp_path_factory.mktemp("over"), authorities=[CA])
    try:
        populate(registry, "system-1")
        register_authority(registry, CA)
        _, csr, digest = make_csr(tmp_path, "key")
        ask_for(registry, "r-over", "system-1", CA, csr)
        folder = registry.signer.parent / f"authority-{CA}" / "issued"
        blocked = folder / f"{registry.get('status')['last'] + 1}.tmp"
        blocked.mkdir()
        must(registry, "secretariat", "certificate-request", "r-over",
             "approve", approval("system-1", CA, digest))
        wait_for("it to wait",
                 lambda: registry.get("status")["authority_waits"] == 1)
        must(registry, "operator", "authority", CA, "end")
        blocked.rmdir()
        wait_for("it to be given up",
                 lambda: registry.get("status")["authority_waits"] == 0)
        assert registry.get("certificate-request/r-over")["state"] == "approved"
        assert not list(folder.iterdir())
        registry.stop()
    finally:
        registry.kill()


def test_an_approval_of_great_length_holds_nobody_up(registry, tmp_path):
    """What the authority's process cannot be shown waits by itself."""
    _, csr, digest = make_csr(tmp_path, "key")
    ask_for(registry, "r-words", "system-7", CA, csr)
    registry.must(decision(
        "certificate-request", "r-words", "approve", "secretariat", WG,
        registry_today(), approval("system-7", CA, digest, note="x" * 7900),
        actor="office", reason="x" * 7900, document="x" * 7900))
    certify(registry, tmp_path, "r-behind", "system-7", CA)
    assert registry.get("certificate-request/r-words")["state"] == "approved"
    wait_for("the long one to be told",
             lambda: registry.get("status")["authority_waits"] == 1)


def test_of_a_revoked_one_only_that_its_key_is_known_can_be_said(
        registry, root, tmp_path):
    _, path, name = certify(registry, tmp_path, "r-worse", "system-1", CA)
    event = ("certificate", name, "revoke")

    def say(reason):
        return {"agency": AGENCY, "reason_code": reason}

    def said(word):
        text = ocsp(registry, root, path, tmp_path)
        return word in text and text.split("Revocation Time: ")[1]

    must(registry, "security", *event, say("superseded"))
    first = wait_for("the first reason", lambda: said("superseded"))
    refused(registry, "revoked-already", "security", *event,
            say("cessation-of-operation"))
    must(registry, "security", *event, say("key-compromise"))
    worse = wait_for("the worse reason", lambda: said("keyCompromise"))
    assert worse == first, "the moment has moved"
    assert "spki_sha256" not in registry.get("system/system-1")["body"]
    refused(registry, "revoked-already", "security", *event,
            say("key-compromise"))


def test_nothing_is_signed_that_cannot_be_registered(registry, tmp_path):
    _, csr, digest = make_csr(tmp_path, "key")
    refused(registry, "overlap", "technical", "certificate-request", "r-long",
            "request", {"agency": AGENCY, "system": "system-8",
                        "authority": CA, "csr": csr, "overlap_days": 100000})
    ask_for(registry, "r-long", "system-8", CA, csr)
    refused(registry, "overlap", "secretariat", "certificate-request",
            "r-long", "approve",
            approval("system-8", CA, digest, overlap_days=100000))
    run_openssl("req", "-x509", "-newkey", "ed25519", "-noenc", "-keyout",
                str(tmp_path / "e.key"), "-out", str(tmp_path / "e.pem"),
                "-subj", "/CN=soon ended")
    register_authority(registry, "ended", (tmp_path / "e.pem").read_text())
    ask_for(registry, "r-ended", "system-8", "ended", csr)
    must(registry, "operator", "authority", "ended", "end")
    refused(registry, "authority-state", "secretariat", "certificate-request",
            "r-ended", "approve", approval("system-8", "ended", digest))


def number_of(text):
    """The CRL number."""
    return int(text.split("X509v3 CRL Number:")[1].split()[0], 0)


def test_a_key_that_others_know_ends_with_all_its_certificates(
        registry, tmp_path):
    key, csr, digest = make_csr(tmp_path, "key")
    names = []
    for request in ("r-k1", "r-k2"):
        ask_for(registry, request, "system-6", CA, csr)
        must(registry, "secretariat", "certificate-request", request,
             "approve", approval("system-6", CA, digest))
        names.append(issued(registry, request)[0])
    assert key and names[0] != names[1]
    must(registry, "technical", "certificate", names[0], "revoke",
         {"agency": AGENCY, "reason_code": "key-compromise"})
    assert [registry.get(f"certificate/{name}")["state"]
            for name in names] == ["revoked", "revoked"]
    assert "spki_sha256" not in registry.get("system/system-6")["body"]
    refused(registry, "key-known", "technical", "certificate-request", "r-k3",
            "request", {"agency": AGENCY, "system": "system-6",
                        "authority": CA, "csr": csr})


def test_ocsp_is_asked_by_get_and_its_answer_cached(registry, root, tmp_path):
    """RFC 6960 A.1.1: escaped as it should be, and as some clients do not."""
    _, path, name = certify(registry, tmp_path, "r-get", "system-7", CA)
    question, answer = tmp_path / "q", tmp_path / "a"

    def said(nonce, safe):
        run_openssl("ocsp", "-issuer", root, "-cert", path, nonce, "-reqout",
                    str(question))
        text = quote(base64.b64encode(question.read_bytes()), safe=safe)
        status, kind, der, cache = pki_cached(registry, "GET", "ocsp/" + text)
        assert (status, kind) == (200, "application/ocsp-response")
        answer.write_bytes(der)
        both = ["ocsp", "-issuer", root, "-CAfile", root, "-respin",
                str(answer)]
        run_openssl(*both, "-reqin", str(question))  # signature and nonce
        done = subprocess.run([OPENSSL, *both, "-no_nonce", "-cert", path],
                              capture_output=True, text=True, check=False)
        assert "Response verify OK" in done.stderr, done.stderr
        return done.stdout, cache

    for safe in ("", "+/="):
        words, cache = said("-no_nonce", safe)
        assert "good" in words
        assert cache == "max-age=300, public, no-transform, must-revalidate"
    words, cache = said("-nonce", "")
    assert "good" in words and cache == "no-store"
    must(registry, "security", "certificate", name, "revoke",
         {"agency": AGENCY, "reason_code": "superseded"})
    wait_for("the revocation", lambda: "revoked" in said("-no_nonce", "")[0])
    for bad in ("%", "%4", "%zz", "no!", ""):
        assert pki(registry, "GET", "ocsp/" + bad)[2] == \
            b"\x30\x03\x0a\x01\x01"


def test_ocsp_says_unknown_and_refuses_what_is_not_its_own(
        registry, root, tmp_path):
    question = tmp_path / "q"
    run_openssl("ocsp", "-issuer", root, "-serial", "0x1234", "-reqout",
                str(question))
    status, _, der = pki(registry, "POST", "ocsp", question.read_bytes())
    (tmp_path / "a").write_bytes(der)
    assert status == 200
    said = run_openssl("ocsp", "-issuer", root, "-CAfile", root, "-serial",
                       "0x1234", "-no_nonce", "-respin",
                       str(tmp_path / "a")).decode()
    assert "0x1234: unknown" in said
    run_openssl("req", "-x509", "-newkey", "ed25519", "-noenc", "-keyout",
                str(tmp_path / "o.key"), "-out", str(tmp_path / "o.pem"),
                "-subj", "/CN=other")
    run_openssl("ocsp", "-issuer", str(tmp_path / "o.pem"), "-serial", "1",
                "-reqout", str(question))
    assert pki(registry, "POST", "ocsp",
               question.read_bytes())[2] == b"\x30\x03\x0a\x01\x06"
    assert pki(registry, "POST", "ocsp", b"no")[2] == b"\x30\x03\x0a\x01\x01"
    assert pki(registry, "GET", "crl/none")[0] == 404


def test_an_outside_authority_is_registered_by_two_and_its_chain_checked(
        registry, tmp_path):
    run_openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-noenc", "-days", "30", "-keyout",
                str(tmp_path / "ca.key"), "-out", str(tmp_path / "ca.pem"),
                "-subj", "/O=National/CN=Outside root")
    pem = (tmp_path / "ca.pem").read_text()
    must(registry, "secretariat", "authority", "outside", "propose",
         {"name_fa": "بیرونی", "certificate": pem})
    refused(registry, "four-eyes", "secretariat", "authority", "outside",
            "register")
    key, _, _ = make_csr(tmp_path, "leaf")
    run_openssl("req", "-x509", "-key", key, "-CA", str(tmp_path / "ca.pem"),
                "-CAkey", str(tmp_path / "ca.key"), "-days", "20", "-subj",
                "/CN=any", "-set_serial", "0x42", "-out",
                str(tmp_path / "leaf.pem"), "-addext",
                "basicConstraints=critical,CA:FALSE")
    data = {"agency": AGENCY, "system": "system-7", "authority": "outside",
            "certificate": (tmp_path / "leaf.pem").read_text()}
    issuer = registry.get("authority/outside")["body"]["issuer"]
    name = f"{issuer}/42"
    refused(registry, "authority-state", "technical", "certificate", name,
            "register", data)
    must(registry, "operator", "authority", "outside", "register")
    refused(registry, "certificate", "technical", "certificate",
            f"{issuer}/43", "register", data)
    refused(registry, "certificate", "technical", "certificate", name,
            "register", dict(data, authority=CA))
    must(registry, "technical", "certificate", name, "register", data)
    assert registry.get("system/system-7")["body"]["spki_sha256"]
    assert pem.strip().encode() in pki(registry, "GET",
                                       "authorities.pem")[2]


def test_what_was_approved_before_a_stop_is_issued_after_it(
        registry, root, tmp_path):
    _, csr, digest = make_csr(tmp_path, "key")
    ask_for(registry, "r-stop", "system-8", CA, csr)
    options, registry.options = registry.options, ["--loopback"]
    registry.stop()
    registry.start()
    must(registry, "secretariat", "certificate-request", "r-stop", "approve",
         approval("system-8", CA, digest))
    registry.kill()
    registry.options = options
    registry.start()
    _, pem = issued(registry, "r-stop")
    (tmp_path / "c.pem").write_text(pem)
    assert verify(root, str(tmp_path / "c.pem"))[0]
    assert "good" in ocsp(registry, root, str(tmp_path / "c.pem"), tmp_path)


def test_the_authority_signs_for_no_decision_that_is_not_in_the_signed_log(
        tmp_path, tmp_path_factory):
    """A registry whose log another key signs gets no certificate."""
    registry = Registry(tmp_path_factory.mktemp("forged"), authorities=[CA])
    try:
        populate(registry, "system-1")
        register_authority(registry, CA)
        registry.stop()
        shutil.rmtree(registry.signer)
        registry.signer.mkdir(mode=0o700)
        subprocess.run(
            [BUILD / "registryd/payvand-registryd", "--init-key", "--origin",
             registry.origin, "--signer", registry.signer], check=True,
            stdout=subprocess.DEVNULL)
        registry.start()
        _, csr, digest = make_csr(tmp_path, "key")
        ask_for(registry, "r-1", "system-1", CA, csr)
        must(registry, "secretariat", "certificate-request", "r-1", "approve",
             approval("system-1", CA, digest))
        wait_for("the authority's refusal",
                 lambda: "registry.authority_refuses" in
                 registry.log.read_text())
        assert "not proven to stand in the signed log" in \
            registry.log.read_text()
        assert registry.get("certificate-request/r-1")["state"] == "approved"
        registry.stop()
    finally:
        registry.kill()


def test_the_commands_of_the_documentation(registry, tmp_path):
    today = registry_today()
    for role in ("technical", "security"):
        registry.must(decision(
            "appointment", f"cli-{role}", "appoint", "secretariat", WG, today,
            {"person": f"{role}/{AGENCY}", "role": role, "of": AGENCY},
            actor="office"))
    _, csr, digest = make_csr(tmp_path, "key")
    said = [f"agency={AGENCY}", "system=system-7", f"authority={CA}"]
    for event, more, role in (
            ("request", ["csr=" + csr.strip()], "technical"),
            ("approve", ["spki_sha256=" + digest, "days=30"], "security")):
        done = registry.payvand("certificate-request", event, "r-cli", *said,
                                *more, "--as", f"{role}/{AGENCY}")
        assert done.returncode == 0, done.stderr.decode()
    name, pem = issued(registry, "r-cli")
    done = registry.payvand("certificate", "show", name, "--json")
    assert json.loads(done.stdout)["body"]["certificate"] == pem
    done = registry.payvand("certificate", "list", "--state", "valid")
    assert name in done.stdout.decode()
    done = registry.payvand("certificate", "revoke", name, f"agency={AGENCY}",
                            "reason_code=superseded", "--as",
                            f"security/{AGENCY}")
    assert done.returncode == 0, done.stderr.decode()


def test_an_agency_ends_only_its_own(registry, root, tmp_path):
    _, path, name = certify(registry, tmp_path, "r-own", "system-2", CA)
    issuer = name.split("/")[0]
    for role in ("security", "technical"):
        refused(registry, "not-registered", role, "certificate",
                f"{issuer}/00aa", "revoke", {"agency": AGENCY})
    must(registry, "secretariat", "agency", "agency-b", "register",
         {"name_fa": "دیگر", "branch": "executive",
          "legal_type": "ministry", "inside_executive": True})
    refused(registry, "other-agency", "operator", "certificate", name,
            "revoke", {"agency": "agency-b"})
    assert "good" in ocsp(registry, root, path, tmp_path)
    must(registry, "operator", "certificate", f"{issuer}/00aa", "revoke")


def ending(registry, *args):
    """Rows of `payvand certificate ending`, by system."""
    done = registry.payvand("certificate", "ending", "--json", *args)
    assert done.returncode == 0, done.stderr.decode()
    view = json.loads(done.stdout)
    return view, {(row["system"]["id"], row["renewed"]): row
                  for row in view["certificates"]}


def test_what_ends_soon_is_listed_in_both_calendars(registry, tmp_path):
    must(registry, "secretariat", "system", "system-soon", "register",
         {"agency": AGENCY, "kind": "application", "name_fa": "سامانه"})
    _, path, name = certify(registry, tmp_path, "r-soon", "system-soon", CA,
                            days=10)
    last = run_openssl("x509", "-in", path, "-noout", "-enddate", "-dateopt",
                       "iso_8601").decode().split("=")[1]
    view, rows = ending(registry, "--within", "11", "--party", AGENCY)
    row = rows["system-soon", False]
    assert row["id"] == name and row["days_left"] in (9, 10)
    # UTC and Tehran may differ by a day
    days = [(datetime.date.fromisoformat(last[:10]) +
             datetime.timedelta(n)).isoformat() for n in (0, 1)]
    assert row["last_gregorian"] in days and row["last_day"] > "1405"
    assert view["authorities"] == []
    assert ("system-soon", False) not in ending(registry, "--within", "8")[1]
    assert not ending(registry, "--party", "agency-none")[1]
    for lang, word in (("en", "days"), ("fa", "روز")):
        done = registry.payvand("certificate", "ending", "--lang", lang)
        line = [one for one in done.stdout.decode().splitlines()
                if name in one][0]
        assert word in line and row["last_day"] in line and \
            row["last_gregorian"] in line
    done = registry.payvand("doctor", "--json")
    assert "registry.ending" in done.stdout.decode(), done.stdout.decode()
    # what has another key beside it is said so, to the end of its overlap
    certify(registry, tmp_path, "r-later", "system-soon", CA, overlap_days=3)
    rows = ending(registry)[1]
    assert rows["system-soon", True]["days_left"] == 3
    assert ("system-soon", False) not in rows
    view = ending(registry, "--within", "100000")[0]
    assert CA in [row["id"] for row in view["authorities"]]


def test_a_node_decides_the_same(registry, tmp_path):
    """Chains are judged at the decision's moment, wherever it is."""
    certify(registry, tmp_path, "r-node", "system-2", CA)
    node = Node(tmp_path / "node", registry)
    try:
        node.holds(registry.get("status")["last"])
    finally:
        node.process.terminate()
        node.process.wait(20)


def test_an_authority_that_ends_takes_the_registry_with_it(tmp_path_factory):
    """systemd starts both; nothing is half decided."""
    registry = Registry(tmp_path_factory.mktemp("ends"), authorities=[CA])
    try:
        populate(registry)
        for child in children_of(registry.process.pid):
            with open(f"/proc/{child}/cmdline", "rb") as file:
                if file.read().split(b"\0")[1:3] == [b"-P", b"authority"]:
                    os.kill(child, signal.SIGKILL)
        assert pki(registry, "GET", f"crl/{CA}")[0] == 503
        wait_for("the registry's end",
                 lambda: registry.process.poll() is not None)
        registry.process = None
        registry.start()
        assert pki(registry, "GET", f"crl/{CA}")[0] == 200
        registry.stop()
    finally:
        registry.kill()


def test_nobody_but_the_authority_issues(registry, tmp_path):
    _, path, _ = certify(registry, tmp_path, "r-self", "system-1", CA)
    status, answer = decide(registry, "operator", "certificate", "a/1",
                            "issue", {"request": "r-self", "certificate":
                                      open(path, encoding="ascii").read()})
    assert (status, answer["word"]) == (422, "role")
