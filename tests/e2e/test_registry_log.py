"""The log of decisions: signed, proved, and told from a forged one."""

import base64
import json
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

import tlog
from harness import wait_for
from people import registry_today
from registryd import BUILD, WG, Registry, UnixConnection, decision

ID = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
GRANT = "g-m24-r1-01"


def signed(registry):
    """The signed head, once it covers every decision: (size, root)."""
    def covered():
        status = registry.get("status")
        return status["log"]["signed"] == status["last"]
    wait_for("a head over all decisions", covered)
    text, line = raw(registry, "log/checkpoint").decode().split("\n\n")
    assert tlog.check_line(registry.vkey, text + "\n", line.strip("\n")) == 0
    origin, size, root = text.split("\n")
    assert origin == registry.origin
    return int(size), base64.b64decode(root)


def raw(registry, path):
    """The bytes of an answer."""
    connection = UnixConnection(registry.socket)
    connection.request("GET", "/registry/v1/" + path)
    answer = connection.getresponse()
    assert answer.status == 200, (path, answer.status)
    body = answer.read()
    connection.close()
    return body


def leaves(registry):
    """The hashes of all documents, by another implementation."""
    found, after = [], 0
    while True:
        page = registry.get(f"decisions?after={after}&count=500")["decisions"]
        if not page:
            return found
        found += [tlog.leaf_hash(tlog.canonical(d).encode()) for d in page]
        after = page[-1]["number"]


@pytest.fixture(scope="module", name="registry")
def enacted(tmp_path_factory):
    """The catalogue, enacted."""
    registry = Registry(tmp_path_factory.mktemp("log"))
    registry.enact()
    yield registry
    registry.stop()


def test_the_head_signs_every_decision_and_the_proofs_lead_to_it(registry):
    size, root = signed(registry)
    hashes = leaves(registry)
    assert (len(hashes), tlog.root(hashes)) == (size, root)
    for number in (1, 256, 257, size):
        proof = registry.get(f"proof/{number}")
        assert proof["checkpoint"] == raw(registry, "log/checkpoint").decode()
        assert proof["leaf"] == hashes[number - 1].hex()
        assert proof["proof"] == [h.hex() for h in
                                  tlog.inclusion(number - 1, hashes)]
    assert raw(registry, "log/tile/0/000") == b"".join(hashes[:256])
    assert raw(registry, "log/tile/1/000.p/5") == b"".join(
        tlog.root(hashes[256 * i:256 * i + 256]) for i in range(5))


def verify(registry, *options, key=None):
    """(exit code, JSON) of an audit by the command line."""
    done = subprocess.run(
        [BUILD / "cli/payvand", "verify", "decisions", "--registry",
         registry.socket, "--decision-key", key or registry.vkey, "--json",
         *options], capture_output=True, check=False)
    return done.returncode, json.loads(done.stdout)


def test_the_whole_log_and_one_decision_can_be_audited(registry):
    size, _ = signed(registry)
    assert verify(registry) == (0, {"decisions": size, "good": True, "why": "",
                                    "log": registry.origin, "size": size})
    assert verify(registry, "700")[1]["good"]
    other = tlog.Key(registry.origin, seed=b"3" * 32).vkey
    for options in ((), ("700",)):
        code, got = verify(registry, *options, key=other)
        assert (code, got["good"]) == (3, False) and got["why"]


def refuses(folder, word):
    """A start that ends by itself and says why."""
    with pytest.raises(AssertionError) as said:
        Registry(folder)
    assert word in str(said.value)


def small(folder, *more):
    """A registry with some decisions of the catalogue."""
    folder.mkdir()
    registry = Registry(folder)
    registry.enact("--until", "1400-06-02", *more)
    signed(registry)
    return registry


def test_a_database_that_went_back_or_was_changed_is_refused(tmp_path):
    registry = small(tmp_path / "a")
    registry.stop()
    old = tmp_path / "old.db"
    shutil.copy(tmp_path / "a/registry.db", old)
    registry.start()
    registry.enact("--until", "1400-07-30")
    signed(registry)
    registry.stop()
    kept = tmp_path / "kept.db"
    shutil.copy(tmp_path / "a/registry.db", kept)

    shutil.copy(old, tmp_path / "a/registry.db")
    shutil.rmtree(tmp_path / "a/image")
    shutil.rmtree(tmp_path / "a/log")
    refuses(tmp_path / "a", "rolled back")

    shutil.copy(kept, tmp_path / "a/registry.db")
    database = sqlite3.connect(tmp_path / "a/registry.db")
    database.execute("UPDATE decision SET document = replace(document, "
                     "'chair', 'chaos') WHERE event = 'enact'")
    database.commit()
    database.close()
    refuses(tmp_path / "a", "not those that were signed")

    shutil.copy(kept, tmp_path / "a/registry.db")
    registry = Registry(tmp_path / "a")
    registry.stop()


def test_nothing_is_signed_again_with_a_lost_memory(tmp_path):
    registry = small(tmp_path / "b")
    registry.stop()
    (tmp_path / "b/signer/signed").rename(tmp_path / "signed")
    refuses(tmp_path / "b", "signer refuses")
    (tmp_path / "signed").rename(tmp_path / "b/signer/signed")
    registry = Registry(tmp_path / "b")
    registry.stop()


def signer_of(registry):
    """The process that holds the key."""
    return registry.child("signer")


def test_the_registry_ends_with_its_signer_and_goes_on_from_what_it_signed(
        tmp_path):
    registry = small(tmp_path / "c")
    pid = signer_of(registry)
    files = [os.readlink(f"/proc/{pid}/fd/{fd}")
             for fd in os.listdir(f"/proc/{pid}/fd")]
    assert not [f for f in files if "registry.db" in f or "data.mdb" in f]
    size = signed(registry)[0]
    os.kill(pid, signal.SIGKILL)
    try:
        registry.enact("--until", "1400-07-30")
    except AssertionError:
        pass  # it ended meanwhile; what was sent may be sent again
    assert registry.process.wait(20) == 1
    registry.process = None
    registry.start()
    registry.enact("--until", "1400-07-30")
    assert signed(registry)[0] > size
    registry.stop()


AGENCY = "ministry-interior"


def ask_for_rights(registry):
    """A question whose answer the signer signs."""
    connection = UnixConnection(registry.socket)
    connection.request("GET", "/registry/v1/rights?agency=" + AGENCY)
    return connection


def is_answered(connection):
    """Has its answer begun?"""
    return bool(select.select([connection.sock], [], [], 0)[0])


def decided_before_the_signer(registry):
    """With a signer that stands still: others ask, one decides, and only
    whoever wants its signature still waits."""
    signer = signer_of(registry)
    signed(registry)  # it owes nothing
    os.kill(signer, signal.SIGSTOP)
    try:
        connection = ask_for_rights(registry)
        for _ in range(20):
            registry.get("status")
        registry.must(decision(
            "unit", "unit-%d" % time.monotonic_ns(), "register",
            "secretariat", WG, registry_today(),
            {"agency": AGENCY, "name_fa": "اداره"}))
        waits = not is_answered(connection)
    finally:
        os.kill(signer, signal.SIGCONT)
    answer = connection.getresponse()
    assert answer.status in (200, 503), answer.read()
    connection.close()
    return waits


def test_a_signer_that_stands_still_holds_nobody_up(registry):
    wait_for("a decision before the signer", lambda: decided_before_the_signer(
        registry))

    def rights():
        connection = ask_for_rights(registry)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status == 200 and text
    note = wait_for("rights", rights)
    assert note.decode().startswith(
        "%s/rights/%s\n" % (registry.origin, AGENCY))


def test_more_may_ask_at_once_than_the_signers_socket_holds(registry):
    """None of their answers is lost, which would silence it for the others."""
    several = []
    for _ in range(200):
        connection = UnixConnection(registry.socket)
        connection.request("GET", "/registry/v1/status")
        connection.getresponse().read()
        several.append(connection)
    os.kill(registry.process.pid, signal.SIGSTOP)  # so that they come together
    for connection in several:
        connection.request("GET", "/registry/v1/rights?agency=" + AGENCY)
    os.kill(registry.process.pid, signal.SIGCONT)
    statuses = set()
    for connection in several:
        answer = connection.getresponse()
        answer.read()
        statuses.add(answer.status)
        connection.close()
    assert 200 in statuses and statuses <= {200, 503}, statuses

    def rights():
        connection = ask_for_rights(registry)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status == 200
    wait_for("rights for whoever asks next", rights)


def test_its_processes_are_in_a_sandbox(registry):
    for pid in (registry.process.pid, signer_of(registry),
                registry.child("reader")):
        status = Path(f"/proc/{pid}/status").read_text()
        if "Seccomp:\t0" in status and os.environ.get("PAYVAND_SANITIZE"):
            pytest.skip("a sanitizer needs its system calls")
        assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status


# ---- from a call to its decisions ----

TRACE = tlog.Key("ix-1.trace", seed=b"1" * 32)


def explain(registry, folder, *options, **record):
    """(exit code, JSON) for a call with this record."""
    entries = [tlog.request_record(ID[:-3] + "%03x" % i) for i in range(5)]
    entries[3] = tlog.request_record(ID, **record)
    text = tlog.checkpoint_text(TRACE.name, [tlog.leaf_hash(e.encode())
                                             for e in entries])
    receipt = folder / "receipt.json"
    receipt.write_bytes(tlog.receipt(tlog.note(text, TRACE), entries, 3))
    done = subprocess.run(
        [BUILD / "cli/payvand", "explain", receipt, "--registry",
         registry.socket, "--log-key", TRACE.vkey, "--decision-key",
         registry.vkey, "--json", *options], capture_output=True, check=False)
    assert done.returncode in (0, 3), done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


def test_a_call_leads_to_the_decisions_that_allowed_it(registry, tmp_path):
    size = signed(registry)[0]
    grant = registry.get(f"grant/{GRANT}")
    code, got = explain(registry, tmp_path, grant=GRANT, image=size,
                        grant_decision=grant["decision"])
    assert (code, got["whole"], got["faults"]) == (0, True, [])
    assert got["call"]["proof"] == "proved"
    assert (got["resolution"], got["resolution_item"]) == ("m24/r1", "c1")
    assert {d["proof"] for d in got["decisions"]} == {"proved"}
    steps = [(d["kind"], d["id"], d["event"]) for d in got["decisions"]]
    for step in (("meeting", "m24", "hold"), ("resolution", "m24/r1", "enact"),
                 ("resolution", "m24/r1", "notify"),
                 ("grant", GRANT, "provider-ready"),
                 ("grant", GRANT, "go-live")):
        assert step in steps, step
    held = [d for d in got["decisions"] if d["event"] == "enact"][0]
    assert (held["date_jalali"], held["date"]) == ("1400-06-02", "2021-08-24")
    assert held["role"] == "chair" and "actor" not in held


def test_a_chain_that_does_not_hold_is_named(registry, tmp_path):
    size = signed(registry)[0]
    made = registry.get(f"grant/{GRANT}")["decision"]
    history = [v["decision"] for v in
               registry.get(f"history/grant/{GRANT}")["history"]]
    # the state at the image's number counts, not what came later
    code, _ = explain(registry, tmp_path, grant=GRANT, image=made - 1,
                      grant_decision=history[-2])
    assert code == 0
    for record, word in (
            ({"grant_decision": made - 1}, f"names decision {made - 1}"),
            ({"grant_decision": made, "image": made - 1}, "the registry says"),
            ({"grant": "g-invented", "grant_decision": 1}, "no such record"),
            ({}, "no decision made it")):
        code, got = explain(registry, tmp_path,
                            **dict({"grant": GRANT, "image": size}, **record))
        assert code == 3 and not got["whole"], record
        assert word in " ".join(got["faults"]), got["faults"]
    other = tlog.Key(registry.origin, seed=b"2" * 32)
    code, got = explain(registry, tmp_path, "--decision-key", other.vkey,
                        grant=GRANT, image=size, grant_decision=made)
    assert code == 3
    assert {d["proof"] for d in got["decisions"]} == {"wrong"}


def test_explain_speaks_both_languages(registry, tmp_path):
    grant = registry.get(f"grant/{GRANT}")
    explain(registry, tmp_path, grant=GRANT, image=signed(registry)[0],
            grant_decision=grant["decision"])
    for lang, word in (("en", "every link is proved"),
                       ("fa", "هر حلقه اثبات شد")):
        said = subprocess.run(
            [BUILD / "cli/payvand", "explain", tmp_path / "receipt.json",
             "--registry", registry.socket, "--log-key", TRACE.vkey,
             "--decision-key", registry.vkey, "--lang", lang],
            capture_output=True, text=True, check=True).stdout
        assert word in said and "1400-06-02 (2021-08-24)" in said
