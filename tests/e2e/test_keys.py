"""Every key is replaced while calls run: docs/keys.md says how, this file does
it, with a real registry, its authority and a real gateway."""

import json
import os
import shutil
import subprocess
import tempfile

import pytest

import tlog
from certificates import make_csr, pki as ask_pki
from harness import BANK, IBAN, Exchange, wait_for
from load import Load
from people import registry_today
from pki import Identity
from registryd import BUILD, WG, Registry, UnixConnection, decision
from wire import request

FIRST, SECOND = "demo-authority", "next-authority"
CONNECTOR = "central-bank-connector"


class Scene:
    """An exchange whose image a running registry writes."""

    def __init__(self, home, pki):
        self.home, self.pki = home, pki
        folder = os.path.join(home, "r")
        os.mkdir(folder)
        self.registry = Registry(folder, authorities=[FIRST, SECOND])
        os.symlink(self.registry.image, os.path.join(home, "policy"))
        self.trusted = os.path.join(home, "authorities.pem")
        self.server = [os.path.join(home, "exchange." + end)
                       for end in ("crt", "key")]
        self.serve_with(pki.of("nix"))
        self.trust(FIRST)
        self.ex = Exchange(home, pki, conf={
            "authorities": self.trusted, "cert": self.server[0],
            "key": self.server[1]})
        self.ex.catalogue.save()
        path = os.path.join(home, "deployment.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({name: self.ex.deployment[name]
                       for name in ("systems", "endpoints")}, file)
        self.registry.enact("--probes", "--deployment", path,
                            catalogue=self.ex.catalogue.home)
        self.ex.up()
        for name in (FIRST, SECOND):
            self.decide("operator", "authority", name, "propose", {
                "name_fa": "مرجع", "certificate": self.root(name)})
            self.decide("secretariat", "authority", name, "register")

    def root(self, name):
        """An authority's certificate."""
        return (self.registry.folder / f"{name}.pem").read_text()

    def serve_with(self, identity):
        """What the gateway shows to callers and to providers."""
        for source, target in zip((identity.cert, identity.key), self.server):
            shutil.copy(source, target + ".new")
            os.rename(target + ".new", target)

    def trust(self, *names):
        """The authorities whose certificates callers and providers show."""
        with open(self.pki.bundle(), encoding="ascii") as file:
            text = file.read()
        with open(self.trusted, "w", encoding="ascii") as file:
            file.write(text + "".join(self.root(name) for name in names))

    def reload(self):
        """nginx -s reload, until the new workers are all there are."""
        old = set(self.ex.worker_pids())
        self.ex.reload()
        wait_for("the old workers to leave",
                 lambda: len(self.ex.worker_pids()) == self.ex.workers and
                 not set(self.ex.worker_pids()) & old)

    def decide(self, role, kind, record, event, data=None, of=None):
        """A decision that is accepted."""
        where = {"secretariat": WG, "operator": self.operator()}
        self.registry.must(decision(
            kind, record, event, role, of or where[role], registry_today(),
            data))

    def operator(self):
        """Where the catalogue's operator is one."""
        for row in self.registry.get("appointment?count=500")["appointment"]:
            if row["body"].get("role") == "operator":
                return row["body"]["of"]
        raise AssertionError("no operator")

    def certify(self, name, system, authority=FIRST, names=()):
        """A new key and certificate of a system, by its officers."""
        agency = self.registry.get(f"system/{system}")["body"]["agency"]
        key, csr, digest = make_csr(self.registry.folder, name)
        said = {"agency": agency, "system": system, "authority": authority}
        if names:
            said["names"] = list(names)
        self.decide("technical", "certificate-request", name, "request",
                    dict(said, csr=csr), agency)
        self.decide("secretariat", "certificate-request", name, "approve",
                    dict(said, spki_sha256=digest, days=30))
        wait_for("the certificate", lambda: self.registry.get(
            f"certificate-request/{name}")["state"] == "issued")
        record = self.registry.get(
            f"certificate-request/{name}")["body"]["certificate"]
        path = self.registry.folder / f"{name}.crt"
        path.write_text(
            self.registry.get(f"certificate/{record}")["body"]["certificate"])
        identity = Identity(name, str(path), key)
        identity.record = record
        return identity


@pytest.fixture(name="scene", scope="module")
def fixture_scene(pki):
    """One for all."""
    home = tempfile.mkdtemp(prefix="pv-keys-")
    scene = None
    bank = pki.of(BANK)  # a test here replaces it, and other files share pki
    try:
        scene = Scene(home, pki)
        yield scene
        scene.ex.down()
        scene.registry.stop()
    finally:
        if scene is not None:
            scene.ex.kill_everything()
            scene.registry.kill()
        pki.made[BANK] = bank
        shutil.rmtree(home, ignore_errors=True)


def call(wire, outcome, reason=None):
    """One call on a connection that is kept."""
    answer = wire.ask(request(IBAN))
    assert answer.outcome == outcome, answer
    assert reason is None or answer.reason == reason, answer


def test_a_system_renews_and_its_old_key_is_good_meanwhile(scene):
    with scene.ex.wire(BANK) as old:
        call(old, "answered")
        first = scene.certify("bank-1", BANK)
        call(old, "answered")
        with scene.ex.wire(identity=first) as new:
            call(new, "answered")
            # two keys are the most: with the third the oldest is nobody's
            scene.certify("bank-2", BANK)
            call(old, "refused", "key-unregistered")
            call(new, "answered")


def test_a_revocation_is_in_force_at_the_next_call_of_an_open_connection(scene):
    identity = scene.certify("bank-revoked", BANK)
    with scene.ex.wire(identity=identity) as wire:
        call(wire, "answered")
        scene.decide("operator", "certificate", identity.record, "revoke",
                     {"agency": scene.registry.get(f"system/{BANK}")["body"]
                      ["agency"], "reason_code": "superseded"})
        call(wire, "refused", "certificate-revoked")


def test_a_key_that_others_know_is_refused_at_the_next_call(scene):
    identity = scene.certify("bank-known", BANK)
    again = scene.certify("bank-after", BANK)
    with scene.ex.wire(identity=identity) as wire, \
            scene.ex.wire(identity=again) as good:
        call(wire, "answered")
        scene.decide("operator", "certificate", identity.record, "revoke",
                     {"agency": scene.registry.get(f"system/{BANK}")["body"]
                      ["agency"], "reason_code": "key-compromise"})
        call(wire, "refused", "certificate-revoked")
        call(good, "answered")


def test_a_provider_changes_its_key_between_two_pins(scene):
    provider = scene.ex.provider["central-bank"]
    provider.context.num_tickets = 0  # a session would stand for a key
    caller = scene.certify("bank-caller", BANK)
    new = scene.certify("provider-1", CONNECTOR,
                        names=[CONNECTOR + ".payvand.test"])
    with scene.ex.wire(identity=caller) as wire:
        call(wire, "answered")  # it still shows the old one
        provider.context.load_cert_chain(new.cert, new.key)
        provider.drop_connections()
        call(wire, "answered")
        third = scene.certify("provider-2", CONNECTOR,
                              names=[CONNECTOR + ".payvand.test"])
        provider.context.load_cert_chain(third.cert, third.key)
        provider.drop_connections()
        call(wire, "answered")
        # the first is no pin any more
        old = scene.pki.of(CONNECTOR)
        provider.context.load_cert_chain(old.cert, old.key)
        provider.drop_connections()
        assert wire.ask(request(IBAN)).outcome == "failed"
        provider.context.load_cert_chain(third.cert, third.key)


def test_the_exchange_changes_both_of_its_keys_under_calls(scene):
    caller = scene.certify("bank-load", BANK)
    scene.pki.made[BANK] = caller
    new = scene.pki.make("nix-2", names=["nix.payvand.test",
                                         "exchange.payvand.test"])
    with Load(scene.ex, ((BANK, IBAN),)) as load:
        load.wait_calls(50)
        scene.serve_with(new)
        scene.reload()
        load.wait_calls(50)
    cases = {r.get("case") for _, r in scene.ex.records()
             if r["type"] == "request"}
    for done in load.done:  # a connection that was idle may be closed unread
        assert done.outcome == "answered" or (
            done.error and done.case not in cases), done
    provider = scene.ex.provider["central-bank"]
    with scene.ex.wire(identity=caller) as wire:
        assert wire.sock.getpeercert(True) == new.der
        provider.drop_connections()
        call(wire, "answered")


def test_an_authority_follows_another(scene):
    old = scene.certify("bank-first", BANK)
    scene.trust(FIRST, SECOND)
    scene.reload()
    new = scene.certify("bank-second", BANK, SECOND)
    moved = scene.certify("provider-second", CONNECTOR, SECOND,
                          [CONNECTOR + ".payvand.test"])
    provider = scene.ex.provider["central-bank"]
    provider.context.load_cert_chain(moved.cert, moved.key)
    provider.drop_connections()
    with scene.ex.wire(identity=old) as one, \
            scene.ex.wire(identity=new) as two:
        call(one, "answered")
        call(two, "answered")
    bundle = ask_pki(scene.registry, "GET", "authorities.pem")[2].decode()
    assert scene.root(FIRST) in bundle and scene.root(SECOND) in bundle
    scene.decide("operator", "authority", FIRST, "end")
    bundle = ask_pki(scene.registry, "GET", "authorities.pem")[2].decode()
    assert scene.root(FIRST) not in bundle and scene.root(SECOND) in bundle
    scene.trust(SECOND)
    scene.reload()
    with scene.ex.wire(identity=old) as wire:
        call(wire, "refused", "certificate-invalid")
    with scene.ex.wire(identity=new) as wire:
        call(wire, "answered")


def head(registry):
    """(lines of the signed text, the signature's line)."""
    connection = UnixConnection(registry.socket)
    connection.request("GET", "/registry/v1/log/checkpoint")
    text, line = connection.getresponse().read().decode().split("\n\n")
    connection.close()
    return text + "\n", line.strip("\n")


def covered(registry):
    """Does the signed head cover every decision?"""
    status = registry.get("status")
    return status["log"]["signed"] == status["last"]


def test_the_decision_logs_key_changes_and_the_tree_goes_on(scene):
    """Calls go on; the new key signs the same tree, and the authority takes
    the new log key."""
    registry = scene.registry
    caller = scene.certify("bank-log", BANK, SECOND)
    wait_for("a head over all", lambda: covered(registry))
    before, old_line = head(registry)
    old_key = registry.vkey
    assert tlog.check_line(old_key, before, old_line) == 0
    with scene.ex.wire(identity=caller) as wire:
        registry.stop()
        call(wire, "answered")
        shutil.move(registry.signer, str(registry.signer) + "-before")
        registry.signer.mkdir(mode=0o700)
        subprocess.run(
            [BUILD / "registryd/payvand-registryd", "--init-key", "--origin",
             registry.origin, "--signer", registry.signer], check=True,
            stdout=subprocess.DEVNULL)
        registry.vkey = (registry.signer / "vkey").read_text().strip()
        for name in (FIRST, SECOND):
            (registry.signer.parent / f"authority-{name}" /
             "log.vkey").write_text(registry.vkey + "\n")
        registry.start()
        wait_for("a head over all", lambda: covered(registry))
        call(wire, "answered")
    text, line = head(registry)
    assert registry.vkey != old_key
    assert tlog.check_line(registry.vkey, text, line) == 0
    assert text == before  # the same tree under both keys: the handover
    scene.certify("bank-after-log", BANK, SECOND)


def test_another_log_with_another_key_follows_the_traces(scene):
    """A key of the trace's log is its log's for life: calls go on in another
    one, and the first stays to be checked."""
    ex = scene.ex
    caller = scene.certify("bank-trace", BANK, SECOND)
    with ex.wire(identity=caller) as wire:
        for name in ("one", "two"):
            folder = os.path.join(scene.home, name)
            log, signer = (os.path.join(folder, part)
                           for part in ("log", "signer"))
            os.makedirs(log)
            os.makedirs(os.path.join(folder, "journal"))
            os.mkdir(signer, 0o700)
            subprocess.run(
                [BUILD / "traced/payvand-traced", "--init-key", "--origin",
                 f"nix.example/{name}", "--signer", signer], check=True,
                stdout=subprocess.DEVNULL)
            ex.stop_traced()
            ex.journal = os.path.join(folder, "journal")
            ex.traced_args = ["--log", log, "--signer", signer]
            ex.start_traced()
            wait_for("a call", lambda:
                     wire.ask(request(IBAN)).outcome == "answered")
            path = os.path.join(log, "checkpoint")

            def published():
                if not os.path.exists(path):
                    return False
                with open(path, encoding="utf-8") as file:
                    return int(file.read().split("\n")[1]) > 0
            wait_for("a checkpoint over it", published)
    for name in ("one", "two"):
        folder = os.path.join(scene.home, name)
        with open(os.path.join(folder, "signer", "vkey"),
                  encoding="utf-8") as file:
            key = file.read().strip()
        with open(os.path.join(folder, "log", "checkpoint"),
                  encoding="utf-8") as file:
            text, line = file.read().split("\n\n")
        assert tlog.check_line(key, text + "\n", line.split("\n")[0]) == 0
