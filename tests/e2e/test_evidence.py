"""Evidence without content: payvand call --keep-evidence, payvand prove.

The exchange keeps a commitment and passes a nonce on. Who has nonce and content
can show what was asked; who has not can test no guess, though the whole world
of guesses has only a million members.
"""

import base64
import hashlib
import json
import os
import stat
import subprocess
import time

import pytest

import tlog
from harness import (BANK, IBAN, LONG, SANITIZE, answering,
                     assert_outcome)
from pki import OPENSSL
from marker import held

METHOD = IBAN[3:]


def urlsafe(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def bytes_of(text):
    return base64.urlsafe_b64decode(text + "=")


def by_openssl(data):
    return subprocess.run([OPENSSL, "dgst", "-sha256", "-binary"], input=data,
                          stdout=subprocess.PIPE, check=True).stdout


def commitment(nonce, content):
    return hashlib.sha256(b"payvand-commitment-v1" + nonce +
                          hashlib.sha256(content).digest()).digest()


def national_ids():
    """Every id that a person of the synthetic country can have: 999 and six
    digits and the check digit."""
    for nine in range(999000000, 1000000000):
        digits = [int(c) for c in str(nine)]
        rest = sum(d * (10 - i) for i, d in enumerate(digits)) % 11
        yield "%d%d" % (nine, rest if rest < 2 else 11 - rest)


@pytest.fixture
def caller(make, pki, tmp_path):
    """An exchange, and the command line of a consumer with its own store."""
    local = pki.make("nix-local", key=pki.of("nix").key,
                     names=["exchange.payvand.test,IP:127.0.0.1"])
    ex = make(workers=1, conf={"server": "ssl_certificate %s; "
                               "ssl_certificate_key %s;" % (local.cert,
                                                            local.key)})
    ex.provider["central-bank"].behave = answering()
    store = str(tmp_path / "evidence")
    me = pki.of(BANK)

    def call(body, *more, port=None, check=True):
        return ex.payvand(
            "call", METHOD, "--url",
            "https://127.0.0.1:%d" % (port or ex.address[1]), "--ca",
            pki.root.cert, "--cert", me.cert, "--key", me.key, "--data", body,
            "--keep-evidence", store, "--json", *more, check=check)

    call.ex, call.store = ex, store
    return call


def evidence_of(caller, tracking_id):
    path = os.path.join(caller.store, tracking_id + ".json")
    with open(path) as file:
        return path, json.load(file)


def test_a_call_with_evidence_is_recorded_and_proven(caller, tmp_path):
    body = '{"national_id":"9991234561"}'
    said = json.loads(caller(body).stdout)
    assert said["outcome"] == "answered"
    path, evidence = evidence_of(caller, said["tracking_id"])
    nonce = bytes_of(evidence["nonce"])
    assert len(nonce) == 32 and base64.b64decode(
        evidence["content"]) == body.encode()
    # another program's arithmetic: openssl
    other = by_openssl(b"payvand-commitment-v1" + nonce +
                       by_openssl(body.encode()))
    assert evidence["commitment"] == urlsafe(other)
    # the exchange recorded the commitment, the provider was given the nonce
    record = caller.ex.record(said["tracking_id"])
    assert record["commitment"] == evidence["commitment"]
    seen = caller.ex.provider["central-bank"].seen[-1]
    assert seen.get("Payvand-Evidence") == evidence["nonce"]
    assert seen.get("Payvand-Commitment") is None
    # the caller's store is the caller's
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(caller.store).st_mode) == 0o700
    assert os.listdir(caller.store) == [os.path.basename(path)]
    done = caller.ex.payvand("prove", path, "--json")
    assert json.loads(done.stdout)["proven"] is True
    # in words, in both languages
    for lang, word in (("en", "proven"), ("fa", "اثبات شد")):
        done = caller.ex.payvand("prove", path, "--lang", lang)
        assert done.stdout.decode().startswith(word)
    # content kept elsewhere
    del evidence["content"]
    short = tmp_path / "short.json"
    short.write_text(json.dumps(evidence))
    done = caller.ex.payvand("prove", str(short), check=False)
    assert done.returncode == 1 and b"--content" in done.stderr
    content = tmp_path / "content"
    content.write_text(body)
    caller.ex.payvand("prove", str(short), "--content", str(content))


@pytest.mark.parametrize("change", ["content", "nonce", "commitment",
                                    "unknown", "version", "double"])
def test_evidence_that_was_changed_proves_nothing(caller, tmp_path, change):
    said = json.loads(caller('{"national_id":"9991234561"}').stdout)
    _, evidence = evidence_of(caller, said["tracking_id"])
    if change == "content":
        evidence["content"] = base64.b64encode(
            b'{"national_id":"9991234579"}').decode()
    elif change in ("nonce", "commitment"):
        evidence[change] = urlsafe(bytes(32))
    elif change == "unknown":
        evidence["signed"] = "yes"
    elif change == "version":
        evidence["v"] = 2
    text = json.dumps(evidence)
    if change == "double":
        text = '{"nonce":"%s",' % urlsafe(bytes(32)) + text[1:]
    path = tmp_path / "changed.json"
    path.write_text(text)
    done = caller.ex.payvand("prove", str(path), "--json", check=False)
    assert done.returncode == (3 if change in ("content", "nonce",
                                               "commitment") else 1)
    assert b'"proven":true' not in done.stdout


@pytest.fixture
def proven(caller, tmp_path):
    """A call, its evidence, and a receipt of it by another implementation."""
    log = tlog.Key("ix.trace", seed=b"1" * 32)
    said = json.loads(caller('{"national_id":"9991234561"}').stdout)
    path, _ = evidence_of(caller, said["tracking_id"])
    line = tlog.canonical(caller.ex.record(said["tracking_id"]))
    entries = [tlog.request_record(said["tracking_id"][:-1] + c)
               for c in "0123456789"]

    def prove(at=4, line=line, key=log.vkey, evidence=path, entries=entries):
        entries = entries[:at] + [line] + entries[at:]
        text = tlog.checkpoint_text(
            "ix.trace", [tlog.leaf_hash(e.encode()) for e in entries])
        receipt = tmp_path / "receipt.json"
        receipt.write_bytes(tlog.receipt(tlog.note(text, log), entries, at))
        done = caller.ex.payvand(
            "prove", evidence, "--receipt", str(receipt), "--log-key", key,
            "--json", check=False)
        return done.returncode, json.loads(done.stdout)

    prove.line, prove.path = line, path
    return prove


def test_evidence_and_receipt_prove_what_stands_in_the_log(proven):
    code, said = proven()
    assert code == 0 and said["proven"] and said["in_log"]
    assert (said["index"], said["size"], said["log"]) == (4, 11, "ix.trace")


def other_record(line, **changes):
    record = dict(json.loads(line), **changes)
    return tlog.canonical({k: v for k, v in record.items() if v is not None})


@pytest.mark.parametrize("changes", [
    {"commitment": None}, {"commitment": "A" * 43},
    {"id": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"}, {"method": "other"},
    {"provider": "tax-administration"}], ids=lambda c: next(iter(c)))
def test_a_good_receipt_of_another_call_proves_nothing(proven, changes):
    code, said = proven(line=other_record(proven.line, **changes))
    assert (code, said["fault"], said["in_log"]) == (3, "record", False)


def test_a_receipt_that_is_not_good_proves_nothing(proven, tmp_path):
    other = tlog.Key("ix.trace", seed=b"2" * 32)
    code, said = proven(key=other.vkey)
    assert (code, said["fault"], said["in_log"]) == (3, "receipt", False)


def test_a_good_receipt_does_not_help_wrong_content(proven, tmp_path):
    with open(proven.path) as file:
        evidence = json.load(file)
    evidence["content"] = base64.b64encode(b"{}").decode()
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(evidence))
    code, said = proven(evidence=str(wrong))
    assert (code, said["fault"], said["in_log"]) == (3, "commitment", False)


def test_each_call_has_a_nonce_of_its_own(caller):
    """The same question twice: nobody sees that it was the same."""
    kept = []
    for _ in range(2):
        said = json.loads(caller('{"national_id":"9991234561"}').stdout)
        kept.append(evidence_of(caller, said["tracking_id"])[1])
    assert kept[0]["content"] == kept[1]["content"]
    assert kept[0]["nonce"] != kept[1]["nonce"]
    assert kept[0]["commitment"] != kept[1]["commitment"]


def test_evidence_is_there_before_the_exchange_hears_of_the_call(caller):
    done = caller("{}", port=1, check=False)  # nobody listens
    assert done.returncode == 1
    (name,) = os.listdir(caller.store)
    assert name.startswith("pending-")
    caller.ex.payvand("prove", os.path.join(caller.store, name))


def test_a_refused_call_has_evidence_too(caller):
    caller.ex.system(BANK)["networks"] = ["127.0.0.9/32"]
    caller.ex.import_policy()
    done = caller("{}", check=False)
    said = json.loads(done.stdout)
    assert said["outcome"] == "refused"
    _, evidence = evidence_of(caller, said["tracking_id"])
    assert evidence["outcome"] == "refused"
    record = caller.ex.record(said["tracking_id"])
    assert record["commitment"] == evidence["commitment"]
    assert caller.ex.provider["central-bank"].seen == []


def test_nothing_is_sent_when_evidence_cannot_be_kept(caller):
    os.mkdir(caller.store)
    os.chmod(caller.store, 0o777)
    done = caller("{}", check=False)
    assert done.returncode == 1 and b"nothing was sent" in done.stderr
    assert caller.ex.provider["central-bank"].seen == []


def test_the_nonce_is_nowhere_at_the_exchange(caller):
    """Whatever becomes of the call: passed on, never stored."""
    nonces = []
    behaviours = (answering(), lambda s, c: None, lambda s, c: c.abort())
    for behave in behaviours:
        caller.ex.provider["central-bank"].behave = behave
        said = json.loads(caller("{}", check=False).stdout)
        nonces.append(evidence_of(caller, said["tracking_id"])[1]["nonce"])
    time.sleep(1.2)
    nowhere(caller.ex, nonces)
    # the control: what is kept is found
    evidence = evidence_of(caller, said["tracking_id"])[1]
    assert any(held(p, {"it": evidence["commitment"].encode()})
               for p in files(caller.ex))


def files(ex):
    for folder, _, names in os.walk(ex.home):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield path


def nowhere(ex, nonces):
    for nonce in nonces:
        raw = bytes_of(nonce)
        for needle in (nonce.encode(), raw, raw.hex().encode(),
                       raw.hex().upper().encode(),
                       base64.b64encode(raw)[:-1]):
            for path in files(ex):
                assert not held(path, {"it": needle}), path


def test_a_real_connector_gets_the_nonce_and_logs_it_not(make, pki,
                                                         tmp_path_factory):
    from connectors import Connectors, make_country
    folder, listing = make_country(str(tmp_path_factory.mktemp("c")), 1000)
    agency = "civil-registration-organisation"
    match = "/x/%s/identity-match/v1/verify" % agency
    ex = make(workers=1)
    real = Connectors(ex, folder, [agency]).start()
    ex.import_policy()
    sample = listing["samples"]["identity-match/verify"][0]["input"]
    nonces = []
    for wrong in ({}, {"national_id": "1"}):
        nonces.append(urlsafe(os.urandom(32)))
        answer = ex.call("mashhad-municipality-main", match,
                         dict(sample, **wrong),
                         headers=[("Payvand-Evidence", nonces[-1])])
        assert_outcome(answer, "invalid" if wrong else "answered")
    real.kill_one(agency)
    ex.call("mashhad-municipality-main", match, dict(sample), headers=[
        ("Payvand-Evidence", nonces[0])])
    time.sleep(0.5)
    nowhere(ex, nonces)


@pytest.mark.skipif(SANITIZE, reason="the same bytes as in the other build")
def test_no_guess_over_all_national_ids_finds_what_was_asked(caller):
    """Whoever reads the log tries every person there is, in the exact bytes of
    the question. Without the nonce nothing can be tested; with it the one
    person is found, so the trial itself works."""
    asked = "9991234561"
    said = json.loads(caller('{"national_id":"%s"}' % asked).stdout)
    _, evidence = evidence_of(caller, said["tracking_id"])
    record = caller.ex.record(said["tracking_id"])
    target = bytes_of(record["commitment"])
    nonce = bytes_of(evidence["nonce"])
    # what a reader of the log could put in the nonce's place
    guesses = {"zeros": bytes(32), "nothing": b"",
               "the commitment": target,
               "the tracking id": record["id"].encode(),
               "the time": str(record["time"]).encode()}
    found = {name: [] for name in (*guesses, "bare", "the nonce")}
    ids = national_ids()
    if not LONG:
        ids = (i for i in ids if i[5] == asked[5])  # a tenth of them
    count = 0
    for person in ids:
        count += 1
        content = b'{"national_id":"%s"}' % person.encode()
        inner = hashlib.sha256(content).digest()
        if inner == target or hashlib.sha256(inner).digest() == target:
            found["bare"].append(person)
        for name, guess in guesses.items():
            if hashlib.sha256(b"payvand-commitment-v1" + guess +
                              inner).digest() == target:
                found[name].append(person)
        if hashlib.sha256(b"payvand-commitment-v1" + nonce +
                          inner).digest() == target:
            found["the nonce"].append(person)
    assert count >= (1000000 if LONG else 100000)
    assert found.pop("the nonce") == [asked]
    assert not any(found.values()), found
