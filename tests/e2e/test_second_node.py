"""A further node, whole: its gateway calls through a copy of the registry that
came by TLS through the registry's nginx. A call there leads back to the
resolution; a node that is cut off tells it, and refuses after its limit."""

import json
import os
import select
import shutil
import sqlite3
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import (BANK, FIC, IBAN, TAX, assert_outcome, both_dates,
                     tehran_today, wait_for)
from prometheus import prometheus
from reading import ReadExchange, peer_headers
from load import Load
from registryd import BUILD, WG, Registry, UnixConnection, decision
from test_follow import Node, last
from test_registry_log import signed
from test_registry_web import run_nginx, start_nginx
from wire import request

ITO = "information-technology-organisation"
GATEWAY = "second-node-gateway"
LIMIT_S = "5"

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


class NodeExchange(ReadExchange):
    """A gateway, a log and its reader on an image that a registry or a
    follower writes: ->image."""

    def import_policy(self, check=True):
        os.rmdir(self.path("policy"))
        os.symlink(self.image, self.path("policy"))


def enact_deployment(registry, ex, folder):
    """The catalogue, with the keys and endpoints of this exchange."""
    ex.catalogue.save()
    deployment = folder / "deployment.json"
    deployment.write_text(json.dumps(
        {name: ex.deployment[name] for name in ("systems", "endpoints")}))
    registry.enact("--probes", "--deployment", deployment,
                   catalogue=ex.catalogue.home)


def register_gateway(registry, identity):
    """The certificate of the second node's gateway is known."""
    day = both_dates(tehran_today())["jalali"]
    registry.must(
        decision("system", GATEWAY, "register", "secretariat", WG, day,
                 {"agency": ITO, "kind": "gateway", "name_fa": "دروازه دوم"}),
        decision("system", GATEWAY, "key", "technical", ITO, day,
                 {"spki_sha256": identity.spki_sha256,
                  "networks": ["127.0.0.0/8"]}))


class Scene:
    """The registry behind nginx, one node that follows it, its exchange."""

    def __init__(self, home, pki):
        self.home, self.pki = Path(home), pki
        self.identity = {}  # instead of pki's
        for name in ("registry", "exchange"):
            (self.home / name).mkdir(mode=0o755)
        self.registry = Registry(self.home / "registry")
        self.ex = NodeExchange(self.home / "exchange", pki)
        enact_deployment(self.registry, self.ex, self.home)
        register_gateway(self.registry, pki.of(GATEWAY))
        self.nginx = start_nginx(self.registry, pki)
        self.node = self.follow()
        self.node.holds(last(self.registry))
        self.ex.image = self.node.image

    def url(self, system):
        """The registry by nginx, as this system."""
        identity = self.identity.get(system) or self.pki.of(system)
        return ("--url", f"https://localhost:{self.registry.port}",
                "--ca", self.pki.root.cert, "--cert", identity.cert,
                "--key", identity.key)

    def follow(self, *options, name="node", system=GATEWAY):
        return Node(self.home / name, self.registry, *options,
                    url=self.url(system))

    def cut_off(self):
        self.nginx.terminate()
        self.nginx.wait(20)

    def end(self):
        self.cut_off()
        self.node.process.kill()
        self.node.process.wait()
        self.registry.kill()

    def gateway_says(self):
        """Of the gateway's metrics: until when its policy is valid."""
        with self.ex.wire(BANK) as wire:
            text = wire.ask(request("/payvand/metrics", b"", method="GET",
                                    kind=None, length=False)).body.decode()
        return prometheus(text)["payvand_gateway_image_valid_until_seconds"]

    def explain(self, what, *options):
        """(exit code, JSON, what was said)."""
        done = subprocess.run(
            [BUILD / "cli/payvand", "explain", what, "--json",
             "--registry", self.registry.socket, "--socket", self.ex.local,
             "--decision-key", self.registry.vkey,
             "--log-key", self.ex.vkey, *options],
            capture_output=True, check=False)
        return (done.returncode,
                json.loads(done.stdout) if done.stdout else None,
                done.stderr.decode())


@pytest.fixture(scope="module", name="scene")
def fixture_scene(pki):
    folder = tempfile.mkdtemp(prefix="pv-second-")
    os.chmod(folder, 0o755)
    scene = Scene(folder, pki)
    try:
        with scene.ex:
            yield scene
    finally:
        scene.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module", name="call")
def fixture_call(scene):
    """The tracking id of a call that was answered, once it has a receipt."""
    answer = scene.ex.call(BANK, IBAN)
    assert_outcome(answer, "answered")
    wait_for("a receipt", lambda: scene.ex.read(
        "/trace/v1/receipts/" + answer.tracking_id).status == 200)
    signed(scene.registry)
    return answer.tracking_id


# ---- from a real call to the resolution ----

def test_a_real_call_leads_to_its_resolution(scene, call):
    code, got, said = scene.explain(call)
    assert (code, got and got["faults"]) == (0, []), said
    assert got["whole"] and got["call"]["proof"] == "proved"
    record = scene.ex.record(call)
    grant = scene.registry.get(f"grant/{record['grant']}")
    assert record["grant_decision"] == grant["decision"]
    assert got["resolution"] == grant["body"]["resolution"]
    steps = {(d["kind"], d["id"], d["event"]) for d in got["decisions"]}
    for event in ("enact", "notify"):
        assert ("resolution", got["resolution"], event) in steps
    assert ("grant", record["grant"], "go-live") in steps
    assert {d["proof"] for d in got["decisions"]} == {"proved"}


@contextmanager
def changed_decision(registry, kind, record, event):
    """Somebody with the database's file rewrites who decided; its number."""
    store = sqlite3.connect(registry.store.split(":", 1)[1], timeout=30)
    with store:
        number, before = store.execute(
            "SELECT number, document FROM decision WHERE kind = ? AND id = ? "
            "AND event = ?", (kind, record, event)).fetchone()
        after = json.loads(before)
        after["actor"] = "somebody-else"
        store.execute("UPDATE decision SET document = ? WHERE number = ?",
                      (json.dumps(after, ensure_ascii=False, sort_keys=True,
                                  separators=(",", ":")), number))
    try:
        yield number
    finally:
        with store:
            store.execute("UPDATE decision SET document = ? WHERE number = ?",
                          (before, number))
        store.close()


def test_each_changed_link_is_told(scene, call):
    whole = scene.explain(call)[1]
    for kind, record, event in (
            ("resolution", whole["resolution"], "enact"),
            ("grant", scene.ex.record(call)["grant"], "go-live")):
        with changed_decision(scene.registry, kind, record, event) as number:
            code, got, said = scene.explain(call)
            assert code == 3 and not got["whole"], said
            assert [d["number"] for d in got["decisions"]
                    if d["proof"] == "wrong"] == [number]
    assert scene.explain(call)[0] == 0


def test_a_changed_record_of_the_call_is_told(scene, call, tmp_path):
    receipt = tmp_path / "receipt"
    for old, new in ((b"", b""), (b"answered", b"rejected"),
                     (BANK.encode(), FIC.encode())):
        text = scene.ex.read("/trace/v1/receipts/" + call).body
        receipt.write_bytes(text.replace(old, new) if old else text)
        code, got, said = scene.explain(receipt)
        if not old:
            assert code == 0 and got["whole"], said
        elif old in text:
            assert code != 0 and not (got and got["whole"]), (old, got)


# ---- the copy, over TLS ----

def test_a_node_catches_up_and_begins_anew_over_tls(scene):
    away = scene.follow(name="away")
    away.holds(last(scene.registry))
    away.stop()
    day = both_dates(tehran_today())["jalali"]
    scene.registry.must(decision(
        "unit", "made-meanwhile", "register", "secretariat", WG, day,
        {"agency": ITO, "name_fa": "اداره"}))
    again = scene.follow(name="away")
    again.holds(last(scene.registry))
    again.stop()
    shutil.rmtree(scene.home / "away")  # nothing is left of it
    anew = scene.follow(name="away")
    anew.holds(last(scene.registry))
    anew.stop()
    assert (scene.home / "away/log/checkpoint").read_bytes() == (
        scene.node.log / "checkpoint").read_bytes()


def test_a_node_changes_its_key_and_no_call_waits_for_it(scene):
    """Both keys are good for a day; a node without a process has its image."""
    day = both_dates(tehran_today())["jalali"]
    new = scene.pki.make("gateway-renewed")
    with Load(scene.ex, ((FIC, TAX),), threads=2, pause=0.005) as load:
        scene.registry.must(decision(
            "system", GATEWAY, "key", "technical", ITO, day,
            {"spki_sha256": new.spki_sha256, "old_until": day}))
        scene.node.holds(last(scene.registry))  # the old key brought it
        scene.node.stop()
        load.wait_calls(20)
        scene.identity[GATEWAY] = new
        scene.node = scene.follow()
        scene.registry.must(decision(
            "unit", "made-after", "register", "secretariat", WG, day,
            {"agency": ITO, "name_fa": "اداره"}))
        scene.node.holds(last(scene.registry))
        load.wait_calls(20)
    assert {call.outcome for call in load.done} == {"answered"}


def test_no_other_system_gets_the_feed(scene):
    other = scene.follow(name="other", system=BANK)
    wait_for("a refusal", lambda: "403" in other.status().get("why", ""))
    assert other.status()["last"] == 0
    other.stop()


def test_so_many_may_wait_for_one_node(scene):
    """Its restarts have room; it keeps no place from others."""
    identity = scene.identity.get(GATEWAY) or scene.pki.of(GATEWAY)
    line = [UnixConnection(scene.registry.web) for _ in range(8)]
    for connection in line:
        connection.request("GET", "/registry/v1/feed?wait=30&from=%d"
                           % last(scene.registry),
                           headers=peer_headers(identity))

    def refused():
        return select.select([c.sock for c in line], [], [], 0)[0]
    # its own process may be one of the four
    wait_for("those that may not wait", lambda: len(refused()) in (4, 5))
    told = refused()
    for connection in line:
        if connection.sock in told:
            assert connection.getresponse().status == 503
        connection.close()
    scene.registry.must(decision(
        "unit", "made-in-line", "register", "secretariat", WG,
        both_dates(tehran_today())["jalali"],
        {"agency": ITO, "name_fa": "اداره"}))
    scene.node.holds(last(scene.registry))


def test_a_node_that_is_cut_off_tells_it_and_refuses(scene):
    """Its calls go on until the limit, and again when it hears again."""
    ex = scene.ex
    scene.node.stop()
    scene.node = scene.follow("--stale-after", LIMIT_S)

    def outcome(reason=None):
        answer = ex.call(FIC, TAX)
        return answer.outcome == "answered" if reason is None else (
            answer.outcome != "answered" and answer.reason == reason)

    wait_for("the shorter limit", lambda: scene.node.status().get(
        "valid_until_ms", 2**62) < (time.time() + 60) * 1000 and outcome())
    scene.cut_off()
    wait_for("the limit", lambda: outcome("policy-stale"))
    until = scene.gateway_says()
    assert 0 < until <= time.time()
    status = wait_for("its words", lambda: scene.node.status()["why"]
                      and scene.node.status())
    assert status["valid_until_ms"] // 1000 == until
    assert status["heard_ms"] <= until * 1000
    assert ex.status()["image_valid_until"] == until
    scene.nginx = run_nginx(scene.registry)
    wait_for("calls again", outcome)
    wait_for("the words of the failure to end", lambda: scene.node.status()[
        "why"] == "")
    assert scene.gateway_says() > until
