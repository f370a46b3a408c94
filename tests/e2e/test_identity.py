"""Who calls: only a registered key, in a good certificate, from its network."""

import ssl
import subprocess
import time
from datetime import timedelta

import pytest

from harness import BANK, IBAN, assert_outcome, wait_for
from wire import request

EXCHANGE = {"workers": 2}


def call(wire, path=IBAN):
    return wire.ask(request(path))


def refused(answer, reason):
    assert answer.outcome == "refused", answer
    assert answer.reason == reason, answer
    assert answer.status in (401, 403)


@pytest.fixture(autouse=True)
def nothing_reaches_the_provider(request, ex):
    """Every test here that ends in a refusal forwarded nothing."""
    ex.provider["central-bank"].clear()
    yield


def test_answers_a_registered_key_in_a_valid_certificate(ex):
    with ex.wire(BANK) as w:
        assert_outcome(call(w), "answered")


def test_refuses_a_caller_without_certificate(ex):
    with ex.wire() as w:
        answer = call(w)
    refused(answer, "certificate-missing")
    assert ex.provider["central-bank"].seen == []


@pytest.mark.parametrize("kind", ["expired", "not-yet-valid"])
def test_refuses_a_certificate_outside_its_dates(ex, pki, kind):
    dates = {"expired": {"start": timedelta(days=-9),
                         "end": timedelta(seconds=-2)},
             "not-yet-valid": {"start": timedelta(hours=1),
                               "end": timedelta(days=2)}}[kind]
    identity = pki.make("late", key=pki.of(BANK).key, **dates)
    assert identity.spki_sha256 == pki.of(BANK).spki_sha256
    with ex.wire(identity=identity) as w:
        refused(call(w), "certificate-" + kind)
    assert ex.provider["central-bank"].seen == []


def test_refuses_a_revoked_certificate_and_not_its_successor(ex, pki):
    old = pki.make("renewed", key=pki.of(BANK).key)
    with ex.wire(identity=old) as w:
        assert_outcome(call(w), "answered")
        ex.deployment["revoked"].append(old.revocation())
        ex.import_policy()
        refused(call(w), "certificate-revoked")
    with ex.wire(identity=old) as w:
        refused(call(w), "certificate-revoked")
    with ex.wire(BANK) as w:
        assert_outcome(call(w), "answered")


def test_revocation_counts_for_its_own_issuer_only(ex, pki):
    identity = pki.of(BANK)
    ex.deployment["revoked"].append(
        {"issuer_sha256": pki.of(BANK).issuer_sha256[::-1],
         "serial": identity.serial})
    ex.import_policy()
    with ex.wire(BANK) as w:
        assert_outcome(call(w), "answered")


def test_refuses_a_self_made_certificate_with_a_registered_key(ex, pki):
    with ex.wire(identity=pki.self_made("own", pki.of(BANK).key)) as w:
        refused(call(w), "certificate-invalid")
    assert ex.provider["central-bank"].seen == []


def test_refuses_a_registered_key_under_an_unknown_authority(ex, pki):
    stranger = pki.make("odd", authority=pki.stranger, key=pki.of(BANK).key)
    with ex.wire(identity=stranger) as w:
        refused(call(w), "certificate-invalid")
    assert ex.provider["central-bank"].seen == []


def test_accepts_a_registered_key_under_the_second_authority(ex, pki):
    other = pki.make("twin", authority=pki.second, key=pki.of(BANK).key)
    with ex.wire(identity=other) as w:
        assert_outcome(call(w), "answered")


def test_refuses_the_right_authority_with_an_unregistered_key(ex, pki):
    before = len(ex.requests())
    with ex.wire(identity=pki.make(BANK)) as w:
        refused(call(w), "key-unregistered")
    assert ex.provider["central-bank"].seen == []
    time.sleep(0.5)
    assert len(ex.requests()) == before, "a stranger filled the journal"


def test_counts_strangers_instead_of_journalling_them(ex, pki):
    before = len(ex.requests())
    first = ex.status()
    stranger = pki.make("counted")
    with ex.wire(identity=stranger) as w:
        for _ in range(20):
            call(w)
    assert len(ex.requests()) == before
    assert ex.status() != first


def test_refuses_a_wrong_source_network(ex):
    ex.system(BANK)["networks"] = ["127.0.0.2/32"]
    ex.import_policy()
    try:
        with ex.wire(BANK) as w:
            refused(call(w), "network-not-registered")
        with ex.wire(BANK, source="127.0.0.3") as w:
            refused(call(w), "network-not-registered")
        with ex.wire(BANK, source="127.0.0.2") as w:
            assert_outcome(call(w), "answered")
    finally:
        ex.system(BANK)["networks"] = ["127.0.0.0/8"]
        ex.import_policy()


def test_believes_no_forwarding_header_about_the_source(ex):
    ex.system(BANK)["networks"] = ["127.0.0.2/32"]
    ex.import_policy()
    try:
        with ex.wire(BANK) as w:
            answer = w.ask(request(IBAN, headers=[
                ("X-Forwarded-For", "127.0.0.2"), ("X-Real-IP", "127.0.0.2"),
                ("Forwarded", "for=127.0.0.2")]))
            refused(answer, "network-not-registered")
    finally:
        ex.system(BANK)["networks"] = ["127.0.0.0/8"]
        ex.import_policy()


@pytest.mark.parametrize("version", ["TLSv1_2"])
def test_refuses_older_tls(ex, version):
    with pytest.raises((ssl.SSLError, OSError)):
        with ex.wire(BANK, version=getattr(ssl.TLSVersion, version)) as w:
            call(w)


def test_openssl_is_refused_with_tls_1_2_and_served_with_1_3(ex, pki):
    def s_client(flag):
        done = subprocess.run(
            ["/usr/bin/openssl", "s_client", "-connect",
             "%s:%d" % ex.address, flag, "-cert", pki.of(BANK).cert, "-key",
             pki.of(BANK).key, "-CAfile", pki.root.cert, "-quiet",
             "-no_ign_eof"],
            input=request(IBAN, headers=[("Connection", "close")]),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
        return done.stdout

    assert b"HTTP/1.1" not in s_client("-tls1_2")
    # -quiet keeps reading until the peer closes
    process = subprocess.Popen(
        ["/usr/bin/openssl", "s_client", "-connect", "%s:%d" % ex.address,
         "-tls1_3", "-cert", pki.of(BANK).cert, "-key", pki.of(BANK).key,
         "-CAfile", pki.root.cert, "-quiet"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdin.write(request(IBAN, headers=[("Connection", "close")]))
    process.stdin.flush()
    out = process.stdout.read()
    process.stdin.close()
    process.wait(10)
    assert out.startswith(b"HTTP/1.1 200"), out


def test_curl_and_a_certificate_are_enough(ex, pki):
    out = subprocess.check_output(
        ["curl", "-sS", "-i", "--http1.1", "--cacert", pki.root.cert, "--cert",
         pki.of(BANK).cert, "--key", pki.of(BANK).key, "--connect-to",
         "nix.payvand.test:443:%s:%d" % ex.address, "-H",
         "Content-Type: application/json", "-d", "{}",
         "https://nix.payvand.test" + IBAN], timeout=20)
    assert out.startswith(b"HTTP/1.1 200"), out
    assert b"payvand-outcome: answered" in out.lower()


# on connections that were good when they were opened


def test_a_certificate_that_expires_on_a_kept_connection_is_refused(ex, pki):
    short = pki.make("short", key=pki.of(BANK).key, end=timedelta(seconds=3))
    with ex.wire(identity=short) as w:
        assert_outcome(call(w), "answered")
        wait_for("the certificate to expire",
                 lambda: call(w).outcome != "answered", step=0.3)
        refused(call(w), "certificate-expired")


def test_a_key_removed_from_the_registry_is_refused_on_a_kept_connection(ex,
                                                                         pki):
    rows = ex.deployment["systems"]
    with ex.wire(BANK) as w:
        assert_outcome(call(w), "answered")
        mine = ex.system(BANK)
        old = mine["spki_sha256"]
        mine["spki_sha256"] = pki.make("replacement").spki_sha256
        ex.import_policy()
        try:
            refused(call(w), "key-unregistered")
        finally:
            mine["spki_sha256"] = old
            ex.import_policy()
        assert_outcome(call(w), "answered")
    assert rows is ex.deployment["systems"]


def test_the_network_is_checked_again_on_a_kept_connection(ex):
    with ex.wire(BANK) as w:
        assert_outcome(call(w), "answered")
        ex.system(BANK)["networks"] = ["127.0.0.2/32"]
        ex.import_policy()
        try:
            refused(call(w), "network-not-registered")
        finally:
            ex.system(BANK)["networks"] = ["127.0.0.0/8"]
            ex.import_policy()


def resumed(ex, first):
    """A second connection that resumed the first one's session, or None."""
    for _ in range(8):  # another worker may not know the session
        w = ex.wire(context=first.context, session=first.session)
        if w.resumed:
            return w
        w.close()
    return None


def test_resumption_never_forgets_who_calls(ex, pki):
    """Expired, revoked, unregistered: the same on a resumed session."""
    expiring = pki.make("brief", key=pki.of(BANK).key,
                        end=timedelta(seconds=3))
    revoked = pki.make("undone", key=pki.of(BANK).key)
    first = {}
    for identity in (expiring, revoked):
        w = ex.wire(identity=identity)
        assert_outcome(call(w), "answered")
        first[identity.name] = w
        again = resumed(ex, w)
        if again is not None:
            assert_outcome(call(again), "answered")
            again.close()
    ex.deployment["revoked"].append(revoked.revocation())
    ex.import_policy()
    time.sleep(4.2)  # valid through the last second
    for name, reason in (("brief", "certificate-expired"),
                         ("undone", "certificate-revoked")):
        w = first[name]
        again = resumed(ex, w) or ex.wire(context=w.context)
        refused(call(again), reason)
        again.close()
        w.close()


def test_a_refused_session_resumes_refused(ex, pki):
    """A bad chain must not become good by way of a session ticket."""
    for identity, reason in (
            (pki.self_made("again", pki.of(BANK).key), "certificate-invalid"),
            (pki.make("no-one"), "key-unregistered"),
            (None, "certificate-missing")):
        w = ex.wire(identity=identity)
        refused(call(w), reason)
        again = resumed(ex, w)
        if again is not None:
            refused(call(again), reason)
            again.close()
        w.close()


def test_a_session_of_one_system_is_not_good_for_another(ex, pki):
    """The ticket decides, not the certificate offered beside it."""
    w = ex.wire(BANK)
    assert_outcome(call(w), "answered")
    session = w.session
    with ex.wire(identity=pki.make("thief"), ) as thief:
        refused(call(thief), "key-unregistered")
    w.close()
    assert session is not None


def test_refuses_early_data(ex, pki, home):
    """TLS 1.3 early data may be replayed: never answered."""
    session = home + "/session.pem"
    base = ["/usr/bin/openssl", "s_client", "-connect", "%s:%d" % ex.address,
            "-tls1_3", "-cert", pki.of(BANK).cert, "-key", pki.of(BANK).key,
            "-CAfile", pki.root.cert]
    data = request(IBAN, headers=[("Connection", "close")])
    process = subprocess.Popen(base + ["-sess_out", session, "-ign_eof"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    process.stdin.write(data)
    process.stdin.flush()
    out = process.stdout.read()
    process.stdin.close()
    process.wait(10)
    assert b"HTTP/1.1 200" in out
    ex.provider["central-bank"].clear()
    early = home + "/early"
    with open(early, "wb") as file:
        file.write(data)
    try:
        open(session).close()
    except FileNotFoundError:
        return  # no sessions at all: nothing to replay
    out = subprocess.run(base + ["-sess_in", session, "-early_data", early],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=20).stdout
    assert b"Early data was accepted" not in out
    assert ex.provider["central-bank"].seen == []


def test_a_suspended_system_is_refused_everywhere(ex):
    row = ex.system(BANK)
    row["suspended"] = True
    done = ex.import_policy(check=False)
    if done.returncode != 0:
        del row["suspended"]
        ex.import_policy()
        pytest.skip("the deployment file has no word for a suspended system")
    try:
        with ex.wire(BANK) as w:
            refused(call(w), "system-suspended")
    finally:
        del row["suspended"]
        ex.import_policy()


def test_refusals_say_what_to_do_in_both_languages(ex):
    with ex.wire() as w:
        problem = call(w).problem
    assert problem["title"] and problem["title_fa"]
    assert any("\u0600" <= c <= "\u06ff" for c in problem["title_fa"])
    assert problem["type"] == "urn:payvand:problem:certificate-missing"
    assert problem["status"] == 401
