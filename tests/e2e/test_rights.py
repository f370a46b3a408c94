"""Rights that a connector pulls from the registry, signed: two consumers of
one service get different items (R-139, R-091); old, unsigned and foreign
states are refused; what is held is used while the registry is away."""

import base64
import hashlib
import json
import os
import shutil
import socket
import socketserver
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from connectors import Connectors, make_country
import httpsig
import tlog
from harness import (CATALOGUE, POSTAL, Exchange, Process, assert_outcome, built,
                     children_of, free_port, is_alive, program_env, wait_for)
from harness import Catalogue as Copy
from registryd import BUILD, WG, Registry, UnixConnection, decision
from test_registry_catalogue import FIRST, Catalogue, all_systems, register
from test_signatures import openssl, write

POST = "national-post-company"
CENTRE, FUND = "financial-information-centre", "building-disaster-insurance-fund"
INTERIOR, STATISTICS = "ministry-interior", "statistical-centre"
SCHOOLS = "non-government-schools-organisation"
SCHOOLS_GRANT = "g-m38-r1-11"
DIVISIONS = f"/x/{INTERIOR}/country-divisions/v1/inquire"
GRANTS = {CENTRE: "g-m24-r1-10", FUND: "g-m38-r1-22"}


class Relay:
    """Between connector and registry: passes on, says nothing, or says what
    the test put there."""

    def __init__(self, path, registry):
        self.path, self.registry = path, registry
        self.away, self.instead = False, None
        self.brief = False  # "nothing new" is said at once
        relay = self

        class Handler(socketserver.StreamRequestHandler):
            """One question."""

            def handle(self):
                line = self.rfile.readline().split()
                while self.rfile.readline().strip():
                    pass
                if relay.away or len(line) < 2:
                    return
                body = relay.instead
                status = 200
                if body is None:
                    status, body = relay.ask(line[1].decode())
                try:
                    self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Length: %d"
                                     b"\r\nConnection: close\r\n\r\n"
                                     % (status, len(body)) + body)
                except OSError:
                    pass  # the connector was ended meanwhile

        class Server(socketserver.ThreadingUnixStreamServer):
            """Threads that end with us."""
            daemon_threads = True

        self.server = Server(path, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def ask(self, target):
        """(status, bytes) of the registry."""
        if self.brief:
            time.sleep(0.05)
            target = target.replace("wait=20", "wait=0")
        connection = UnixConnection(self.registry.socket)
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 503, b""
        finally:
            connection.close()

    def state(self, agency=POST):
        """A whole signed state."""
        status, body = self.ask("/registry/v1/rights?agency=" + agency)
        assert status == 200, body
        return body


def coded_contracts(folder):
    """Those of the interior ministry; its divisions may be asked for in
    another coding."""
    contracts = []
    for path in sorted(Path(CATALOGUE, "contracts", INTERIOR).glob("*.json")):
        contract = json.loads(path.read_text())
        if contract["service"] == "country-divisions":
            contract["methods"][0]["coding"] = {
                "map": "settlements", "list": "settlements/interior",
                "type": "division_code"}
        to = Path(folder, path.name)
        to.write_text(json.dumps(contract, ensure_ascii=False))
        contracts.append(str(to))
    return contracts


@pytest.fixture(scope="module")
def scene(pki, tmp_path_factory):
    folder = tempfile.mkdtemp(prefix="pv-rights-")
    country = make_country(str(tmp_path_factory.mktemp("country")))
    os.mkdir(os.path.join(folder, "r"))
    registry = Registry(os.path.join(folder, "r"))
    copy = Copy(os.path.join(folder, "catalogue"))
    copy.terms(SCHOOLS_GRANT)["item_limits"] = [
        {"item": "street", "until": {"jalali": "1403-12-30"}},
        {"item": "county", "until": {"jalali": "1450-01-01"},
         "or_event": "none-of-ours"}]
    copy.save()
    registry.enact("--until", FIRST, catalogue=copy.home)
    register(registry, all_systems(Catalogue()))
    registry.enact(catalogue=copy.home)
    relay = Relay(os.path.join(folder, "relay"), registry)
    local = pki.make("nix-local", key=pki.of("nix").key,
                     names=["exchange.payvand.test,IP:127.0.0.1"])
    exchange = Exchange(os.path.join(folder, "x"), pki,
                        providers=[POST, INTERIOR], conf={
        "server": "ssl_certificate %s; ssl_certificate_key %s;" % (
            local.cert, local.key)})
    connectors = Connectors(exchange, country[0], [POST, INTERIOR])
    exchange.rights = {"log_key": registry.vkey, "socket": relay.path,
                       "file": os.path.join(folder, "rights")}
    exchange.keys = Path(folder, "keys")
    exchange.keys.mkdir()
    secret = write(Path(folder, "sign.pem"), httpsig.Key().private_pem)
    openssl("pkey", "-in", secret, "-pubout", "-out",
            str(exchange.keys / (POST + ".pem")))
    exchange.signatures = {"key": secret, "consumers": [
        {"system": agency + "-main", "key": pki.of(agency + "-main").cert}
        for agency in (CENTRE, SCHOOLS)]}
    connectors.start_one(POST, rights=exchange.rights,
                         signatures=exchange.signatures)
    connectors.start_one(INTERIOR, contracts=coded_contracts(folder),
                         rights=dict(exchange.rights,
                                     file=os.path.join(folder, "interior")))
    exchange.divisions = os.path.join(country[0], INTERIOR + ".sqlite")
    connectors.start_front()
    exchange.connectors, exchange.relay = connectors, relay
    exchange.registry = registry
    exchange.code = country[1]["samples"]["postal-code/inquire"][0]["input"]
    with exchange:
        yield exchange
    relay.server.shutdown()
    registry.stop()
    shutil.rmtree(folder, ignore_errors=True)


def ask(ex, agency):
    """The answer of the postal service, by its real way."""
    return ex.call(agency + "-main", POSTAL, json.dumps(ex.code).encode())


def items(ex, agency):
    """Names of what was answered."""
    answer = ask(ex, agency)
    assert_outcome(answer, "answered")
    return set(answer.json)


def log(ex):
    """What the connector said."""
    return Path(ex.path("log", POST + ".log")).read_text()


def end(ex):
    """No process of the connector is left to write its file."""
    pids = children_of(ex.connectors.process[POST].pid)
    ex.connectors.kill_one(POST)
    wait_for("its processes to be gone",
             lambda: not any(is_alive(pid) for pid in pids))


def again(ex):
    """The connector, started anew."""
    ex.connectors.start_one(POST, rights=ex.rights, signatures=ex.signatures)


def has_rights(ex, agency=CENTRE):
    wait_for("the connector to hold rights",
             lambda: ask(ex, agency).outcome == "answered")


def test_r139_two_consumers_of_one_service_get_different_items(scene):
    has_rights(scene)
    assert items(scene, CENTRE) == {
        "found", "postal_code", "province", "county", "city", "street",
        "building_number"}
    fund = items(scene, FUND)
    assert "street" not in fund and "building_number" not in fund
    assert fund - {"rural_district", "city"} == {
        "found", "postal_code", "province", "county", "district"}


def test_r178_an_item_whose_last_day_has_passed_for_one_is_sent_to_others(
        scene):
    """A limit of the grant: the rest is answered (R-178)."""
    wait_for("the connector to hold rights",
             lambda: ask(scene, SCHOOLS).outcome == "answered")
    dated = items(scene, SCHOOLS)
    assert "street" not in dated
    assert {"found", "postal_code", "county", "building_number"} <= dated
    assert "street" in items(scene, CENTRE)


def test_r139_a_decision_about_items_is_in_force_soon(scene):
    has_rights(scene)
    registry = scene.registry
    before = items(scene, CENTRE)
    resolution = registry.get("grant/" + GRANTS[CENTRE])["body"]["resolution"]
    change = {"items_resolution": resolution}
    registry.must(decision("grant", GRANTS[CENTRE], "open-items",
                           "chair", WG, "1404-01-01",
                           dict(change, items=["county"])))
    wait_for("the narrower right",
             lambda: items(scene, CENTRE) == {"found", "county"})
    registry.must(decision("grant", GRANTS[CENTRE], "open-items",
                           "chair", WG, "1404-01-01",
                           dict(change, items="all")))
    wait_for("all of the contract",
             lambda: items(scene, CENTRE) > before)
    for bad in ([], "some", {"a": 1}, [7], [""]):
        status, said = registry.decide(decision(
            "grant", GRANTS[CENTRE], "open-items", "chair", WG,
            "1404-01-01", dict(change, items=bad)))
        assert (status, said["rule"]) == (422, "R-139"), bad


def test_a_right_that_is_withdrawn_is_none_at_the_connector(scene):
    """Here only the connector's registry knows: the gate lets the call pass."""
    has_rights(scene, FUND)
    scene.registry.must(decision("grant", GRANTS[FUND], "withdraw",
                                 "secretariat", WG, "1404-01-02",
                                 reason="a test"))
    wait_for("the refusal", lambda: ask(scene, FUND).outcome == "failed")
    answer = ask(scene, FUND)
    assert_outcome(answer, "failed", "right-unknown")
    assert "connector.right_unknown tracking_id=" + answer.tracking_id in log(
        scene)


def test_what_is_held_is_used_while_the_registry_is_away(scene):
    has_rights(scene)
    scene.relay.away = True
    end(scene)
    again(scene)
    has_rights(scene)
    held = scene.connectors.process[POST]
    assert held.popen.poll() is None
    scene.relay.away = False


def refused_as_stale(ex):
    answer = ask(ex, CENTRE)
    assert_outcome(answer, "failed", "rights-stale")
    assert "connector.rights_stale tracking_id=" + answer.tracking_id in log(ex)


def test_without_any_state_nothing_is_answered(scene):
    scene.relay.away = True
    end(scene)
    os.rename(scene.rights["file"], scene.rights["file"] + ".kept")
    again(scene)
    refused_as_stale(scene)
    scene.relay.away = False
    has_rights(scene)


def body_of(state):
    """What is behind the note."""
    return state.split(b"\n", 6)[6]


def forged(state, **changes):
    """A state with another body, under the note of the old one."""
    lines = state.split(b"\n", 6)
    body = json.loads(lines[6])
    body.update(changes)
    return b"\n".join(lines[:6] + [json.dumps(body).encode()])


def with_its_hash(state):
    """The same, and the note says its hash; the signature is the old one's."""
    lines = state.split(b"\n", 6)
    lines[3] = base64.b64encode(hashlib.sha256(lines[6]).digest())
    return b"\n".join(lines)


def test_unsigned_foreign_and_old_states_are_refused(scene):
    has_rights(scene)
    good = scene.relay.state()
    resolution = scene.registry.get("grant/" + GRANTS[CENTRE])["body"][
        "resolution"]
    scene.relay.brief = True
    scene.registry.must(decision(
        "grant", GRANTS[CENTRE], "open-items", "chair", WG, "1404-01-03",
        {"items": ["province"], "items_resolution": resolution}))
    newest = {"found", "province"}
    wait_for("the newest", lambda: items(scene, CENTRE) == newest)
    wide = forged(good, grants=[])
    for wrong in (wide, with_its_hash(wide), good, b"", b"\n" * 9,
                  scene.relay.state(agency="tax-administration")):
        held = body_of(Path(scene.rights["file"]).read_bytes())
        said = log(scene).count("connector.rights_refused")
        scene.relay.instead = wrong
        wait_for("it to be refused", lambda: log(scene).count(
            "connector.rights_refused") > said)
        assert items(scene, CENTRE) == newest
        assert body_of(Path(scene.rights["file"]).read_bytes()) == held
        scene.relay.instead = None
        wait_for("it to be well again", lambda: log(scene).rindex(
            "connector.rights_well") > log(scene).rindex(
                "connector.rights_refused"))
    scene.relay.brief = False


def test_a_file_that_was_changed_is_not_used(scene):
    has_rights(scene)
    path = Path(scene.rights["file"])
    scene.relay.away = True
    end(scene)
    path.write_bytes(forged(path.read_bytes(), grants=[]))
    said = log(scene).count("connector.rights_refused")
    again(scene)
    wait_for("it to be refused", lambda: log(scene).count(
        "connector.rights_refused") > said)
    refused_as_stale(scene)
    scene.relay.away = False
    has_rights(scene)


def test_another_agencys_rights_are_open_to_nobody(scene):
    """Behind nginx a system of its own agency, or none; here it shows no
    certificate."""
    connection = UnixConnection(scene.registry.web)
    connection.request("GET", "/registry/v1/rights?agency=" + POST)
    assert connection.getresponse().status == 401
    connection.close()
    for query in ("", "?agency=", "?agency=a&known=1", "?agency=a&wait=31",
                  "?agency=a&other=1"):
        status, said = scene.registry.ask("GET",
                                          "/registry/v1/rights" + query)
        assert status == 400, (query, said)
    assert scene.registry.ask("GET", "/registry/v1/rights?agency=none")[
        0] == 404


def test_how_old_the_rights_are_is_shown(scene):
    has_rights(scene)
    connection = UnixConnection(scene.connectors.socket(POST))
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    said = dict(line.rsplit(" ", 1) for line in text.splitlines()
                if line.startswith("payvand_connector_rights"))
    assert int(said["payvand_connector_rights_decision"]) > 0
    assert 0 <= int(said["payvand_connector_rights_age_seconds"]) < 3600


# ---- codes in the consumer's own coding (R-211) ----

def deliver(registry, agency, codes, day):
    """A list of codes from its agency."""
    registry.must(decision(
        "code-list", "settlements/" + agency[0], "deliver", "representative",
        agency[1], day, {"agency": agency[1], "what": "settlements",
                         "date": day, "codes": codes}))


def announce(registry, rows, day, name="settlements"):
    """A map of the two lists."""
    operator = ("operator", "information-technology-organisation", day)
    registry.must(
        decision("code-map", name, "build", *operator, {
            "lists": ["settlements/interior", "settlements/statistics"],
            "rows": rows}),
        decision("code-map", name, "announce", *operator))


def divisions(ex, **question):
    """A whole answer of the divisions."""
    return ex.call(CENTRE + "-main", DIVISIONS, json.dumps(question).encode())


def test_r211_codes_are_asked_for_in_the_consumers_own_coding(scene):
    registry, day = scene.registry, "1404-02-01"
    with sqlite3.connect(scene.divisions) as db:
        ours = dict(db.execute("SELECT code, name FROM division"))
        parent, = db.execute(
            "SELECT parent_code FROM division WHERE parent_code != '' "
            "GROUP BY parent_code HAVING count(*) > 3 LIMIT 1").fetchone()
        below = [code for code, in db.execute(
            "SELECT code FROM division WHERE parent_code = ? ORDER BY code",
            (parent,))]
    wait_for("the connector to hold rights", lambda: divisions(
        scene, code=below[0]).outcome == "answered")
    coding = "settlements/statistics"
    # without a map nothing is answered in that coding, and all in their own
    answer = divisions(scene, code=below[0], coding=coding)
    assert_outcome(answer, "failed", "code-map-missing")
    theirs = {str(n): name for n, name in
              enumerate(list(ours.values())[:900], 100000)}
    theirs |= {"7001": "یک", "7002": "دو", "7003": "سه", "7100": "بالا"}
    deliver(registry, ("interior", INTERIOR), ours, day)
    deliver(registry, ("statistics", STATISTICS), theirs, day)
    # the third division has two partners, the fourth none
    announce(registry, [[parent, "7100"], [below[0], "7001"],
                        [below[1], "7002"], [below[2], "7002"],
                        [below[2], "7003"], [below[3], None]], day)
    registry.must(decision(
        "version", "country-divisions/v1", "settings", "representative",
        INTERIOR, day, {"code_maps": ["settlements"]}))
    wait_for("the map", lambda: divisions(
        scene, code="7001", coding=coding).outcome == "answered")
    own = divisions(scene, code=parent).json
    assert not {"coding", "code_map", "code_map_version"} & set(own)
    said = divisions(scene, code="7100", coding=coding).json
    assert (said["coding"], said["code_map"], said["code_map_version"]) == (
        coding, "settlements", "2")
    assert len(said["divisions"]) == len(own["divisions"])
    found = {ours_row["code"]: row for ours_row, row in
             zip(own["divisions"], said["divisions"])}

    def typed(code, partners):
        return {"type": "settlements/interior", "value": code,
                "partners": partners}
    assert found[parent]["code"] == "7100"
    assert (found[below[0]]["code"], found[below[0]]["parent_code"]) == (
        "7001", "7100")
    assert found[below[1]]["code"] == "7002"
    assert found[below[2]]["code"] == typed(below[2], "many")
    assert found[below[3]]["code"] == typed(below[3], "none")
    # two of ours are their 7002: which is asked for is not guessed
    for question, fault, member in (
            ({"code": "7002", "coding": coding}, "no-partner", "code"),
            ({"code": below[0], "coding": coding}, "no-partner", "code"),
            ({"coding": "settlements/housing"}, "coding", "coding"),
            ({"coding": ""}, "coding", "coding")):
        answer = divisions(scene, **question)
        assert_outcome(answer, "invalid")
        assert (answer.json["fault"], answer.json["member"]) == (
            fault, member), question
    # a newer map holds from its announcement on, until it is withdrawn
    announce(registry, [[below[0], "7003"]], day)
    wait_for("the newer map", lambda: divisions(
        scene, code="7003", coding=coding).json["code_map_version"] == "4")
    answer = divisions(scene, code="7003", coding=coding).json
    assert answer["divisions"][0]["parent_code"] == typed(parent, "none")
    registry.must(decision("code-map", "settlements", "withdraw", "operator",
                           "information-technology-organisation", day))
    wait_for("the withdrawal", lambda: divisions(
        scene, code="7003", coding=coding).outcome == "failed")
    assert "connector.code_map_missing" in Path(
        scene.path("log", INTERIOR + ".log")).read_text()
    assert divisions(scene, code=below[0]).outcome == "answered"


def test_r211_an_agency_is_told_the_maps_of_its_contracts(scene):
    """The registry holds the contract, and the map that it names is told."""
    registry, day = scene.registry, "1404-02-02"
    path = Path(CATALOGUE, "contracts", INTERIOR, "country-divisions.json")
    contract = dict(json.loads(path.read_text()), version="v2")
    contract["methods"][0]["coding"] = {
        "map": "settlements-2", "list": "settlements/interior",
        "type": "division_code"}
    written = Path(scene.path("v2.json"))
    written.write_text(json.dumps(contract, ensure_ascii=False))
    document = json.loads(subprocess.run(
        [BUILD / "cli/payvand", "contract", "document", written,
         "--catalogue", CATALOGUE], check=True, capture_output=True).stdout)
    v1 = registry.get("version/country-divisions/v1")["body"]
    registry.must(decision(
        "version", "country-divisions/v2", "declare", "representative",
        INTERIOR, day, {"service": "country-divisions",
                        "methods": v1["methods"], "contract": document}))

    def told():
        state = json.loads(body_of(scene.relay.state(agency=INTERIOR)))
        return {m["id"]: m for m in state["code_maps"]}
    assert told() == {}
    listed = registry.get("code-list/settlements/interior")["body"]["codes"]
    rows = [[code, None] for code in sorted(listed)[:2]]
    announce(registry, rows, day, "settlements-2")
    said = told()["settlements-2"]
    assert (said["version"], said["rows"], said["date"]) == (2, rows, day)
    assert "settlements" not in told()  # it was withdrawn


def wait_in_line(registry, query):
    """A question that waits; its connection."""
    connection = UnixConnection(registry.socket)
    connection.request("GET", "/registry/v1/rights?agency=" + query)
    return connection


def test_so_many_may_wait_for_one_agency(scene):
    """The next is sent away, and others go on; who has his answer is no more
    in the line."""
    registry = scene.registry

    def known():
        body = body_of(scene.relay.state(agency=CENTRE))
        return "&known=%s&wait=%%d" % hashlib.sha256(body).hexdigest()

    query = CENTRE + known()
    line = [wait_in_line(registry, query % 30) for _ in range(4)]

    def sent_away(query):
        connection = wait_in_line(registry, query % 1)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status == 200:
            return None  # not all four had been read
        assert (answer.status, answer.getheader("Retry-After")) == (503, "5")
        return json.loads(text)

    said = wait_for("one to be sent away", lambda: sent_away(query))
    assert said["type"] == "urn:payvand:problem:too-many-wait"
    assert said["title_fa"]
    assert sent_away(FUND + query[len(CENTRE):]) is None
    resolution = registry.get("grant/" + GRANTS[CENTRE])["body"]["resolution"]
    registry.must(decision(
        "grant", GRANTS[CENTRE], "open-items", "chair", WG, "1404-01-04",
        {"items": ["county"], "items_resolution": resolution}))
    for connection in line:
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
        connection.close()
    wait_for("the line to be empty",
             lambda: sent_away(CENTRE + known()) is None)


def test_what_cannot_be_written_is_used_all_the_same(scene):
    has_rights(scene)
    end(scene)
    for path in (scene.rights["file"], scene.rights["file"] + ".tmp"):
        Path(path).unlink(missing_ok=True)  # it was ended at any moment
    os.mkdir(scene.rights["file"] + ".tmp")  # nothing can be written to it
    again(scene)
    has_rights(scene)
    assert "connector.rights_unkept" in log(scene)
    assert not os.path.exists(scene.rights["file"])
    end(scene)
    os.rmdir(scene.rights["file"] + ".tmp")
    again(scene)
    wait_for("the file", lambda: os.path.exists(scene.rights["file"]))


def test_a_registry_is_found_by_its_name_in_the_sandbox(scene):
    """Nobody listens there: the name was found, and a socket made."""
    end(scene)
    said = log(scene).count("connector.rights_away")
    scene.connectors.start_one(POST, rights={
        "log_key": scene.rights["log_key"], "file": scene.rights["file"],
        "url": "https://localhost:1", "ca": "/none", "cert": "/none",
        "key": "/none"})
    wait_for("it to be away", lambda: log(scene).count(
        "connector.rights_away") > said)
    line = [line for line in log(scene).splitlines()
            if "connector.rights_away" in line][-1]
    assert "connect to server" in line, line


def test_the_signer_signs_only_what_is_of_now(tmp_path):
    """Whoever holds the registry's main process cannot sign for next year."""
    program = str(BUILD / "registryd/payvand-registryd")
    folder = tmp_path / "signer"
    folder.mkdir(mode=0o700)
    subprocess.run([program, "--init-key", "--signer", folder, "--origin",
                    "registry.example/decisions"], check=True,
                   stdout=subprocess.DEVNULL)
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(20)
    home = os.open(folder, os.O_RDONLY)
    with subprocess.Popen(
            ["bash", "-c", 'exec "$0" -P signer 3<&%d 4<&%d' % (
                home, its.fileno()), program],
            pass_fds=[home, its.fileno()]) as signer:
        os.close(home)
        its.close()
        signed, refused, now = 4, 5, int(time.time())
        for when, wanted in ((now, signed), (now + 3600, refused),
                             (now - 3600, refused), (2 ** 63, refused),
                             (2 ** 64 - 1, refused), (0, refused)):
            ours.send(struct.pack("<IIQQQ", 0x53565001, 6, 7, 0, when)
                      + bytes(32) + b"post")
            kind, = struct.unpack_from("<H", ours.recv(8192), 4)
            assert kind == wanted, when
        ours.close()
        signer.wait(20)


# ---- items once more, at the consumer (R-091) ----

TOKEN = "a token, made at random"


@pytest.fixture(name="sends_all")
def fixture_sends_all(scene):
    """The provider's connector without rights: it signs, and sends all of the
    contract to everybody."""
    end(scene)
    scene.connectors.start_one(POST, signatures=scene.signatures)
    yield
    end(scene)
    again(scene)


@pytest.fixture(name="face", scope="module")
def fixture_face(scene):
    """The consumer face of one agency."""
    me = scene.pki.of(SCHOOLS + "-main")
    port = free_port()
    contracts = Path(scene.home, "face-contracts")
    contracts.mkdir()
    path = write(Path(scene.home, "face.json"), json.dumps({
        "url": "https://127.0.0.1:%d" % scene.address[1],
        "ca": scene.pki.root.cert, "provider_keys": str(scene.keys),
        "port": port, "store": os.path.join(scene.home, "face.sqlite"),
        "registry": {"agency": SCHOOLS, "log_key": scene.rights["log_key"],
                     "file": os.path.join(scene.home, "face.rights"),
                     "contracts": str(contracts),
                     "socket": scene.relay.path},
        "systems": [{"id": SCHOOLS + "-main", "cert": me.cert,
                     "key": me.key}],
        "applications": [{
            "id": "desk", "system": SCHOOLS + "-main", "methods": [POSTAL[3:]],
            "token_sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}]}))
    face = Process("consumerd", [built("payvand-consumerd"), "--config", path],
                   scene.path("consumerd.log"), env=program_env())

    def curl():
        done = subprocess.run(
            ["curl", "-sS", "-w", "\n%{http_code}", "--max-time", "60",
             "-H", "Authorization: Bearer " + TOKEN,
             "-H", "Content-Type: application/json", "--data-binary",
             json.dumps(scene.code), "http://127.0.0.1:%d%s" % (port, POSTAL)],
            capture_output=True, timeout=90, check=False)
        if done.returncode != 0:
            return None, {}     # it does not listen yet
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status), json.loads(body)

    yield curl
    assert face.stop() is None


def test_r091_an_item_past_its_day_is_withheld_by_the_consumers_side(
        scene, face, sends_all):
    everything = ask(scene, SCHOOLS)
    assert_outcome(everything, "answered")
    street = everything.json["street"]
    wait_for("the face to hold rights and to withhold", lambda: face()[1].get(
        "type") == "urn:payvand:problem:answer-breaks-contract")
    status, said = face()
    assert (status, said["fault"], said["member"]) == (502, "closed", "street")
    assert street not in json.dumps(said, ensure_ascii=False)


def test_what_the_grant_opens_is_handed_over(scene, face):
    has_rights(scene, SCHOOLS)
    wait_for("the face to answer", lambda: face()[0] == 200)
    status, said = face()
    assert status == 200 and set(said) == items(scene, SCHOOLS)


def test_a_call_has_rights_and_contract_of_the_state_that_is_held(scene, face):
    """Of one number, and not of a file that is older, or another."""
    has_rights(scene, SCHOOLS)
    wait_for("the face to answer", lambda: face()[0] == 200)
    kept = Path(scene.home, "face.rights")
    kept.unlink()
    kept.mkdir()  # nothing is kept any more, and the old one is not there
    try:
        assert face()[0] == 200
        wait_for("it to be said", lambda: "consumer.registry_unkept" in Path(
            scene.path("consumerd.log")).read_text())
        assert face()[0] == 200
    finally:
        kept.rmdir()
    wait_for("the file", kept.is_file)


def by_library(ex, state, log_key=None, contracts=CATALOGUE, *more,
               path=POSTAL, data=None):
    """`payvand call`, which is libpayvand, with these rights."""
    me = ex.pki.of(CENTRE + "-main")
    rights = Path(ex.home, "library.rights")
    rights.write_bytes(state)
    return ex.payvand(
        "call", path, "--cert", me.cert, "--key", me.key, "--data",
        json.dumps(data or ex.code), "--contracts", contracts, "--rights",
        str(rights), "--log-key", log_key or ex.rights["log_key"], "--agency", CENTRE,
        *more, check=False, env={
            "PAYVAND_URL": "https://127.0.0.1:%d" % ex.address[1],
            "PAYVAND_CA": ex.pki.root.cert,
            "PAYVAND_PROVIDER_KEYS": str(ex.keys)})


def test_r091_libpayvand_withholds_what_no_grant_opens(scene, sends_all):
    done = by_library(scene, scene.relay.state(agency=CENTRE))
    assert done.returncode == 3 and done.stdout == b"", done.stderr
    assert b"closed, " in done.stderr
    # without rights it is what the contract says


def test_r091_libpayvand_hands_over_what_the_grant_opens(scene):
    has_rights(scene)
    done = by_library(scene, scene.relay.state(agency=CENTRE))
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == items(scene, CENTRE)


def test_nothing_is_sent_under_rights_that_the_log_did_not_sign(scene):
    """Nor under those that it signed for another agency."""
    has_rights(scene)
    good = scene.relay.state(agency=CENTRE)
    for wrong in (forged(good, grants=[]), with_its_hash(forged(
            good, grants=[])), good[:-1], b"",
                  scene.relay.state(agency=SCHOOLS)):
        done = by_library(scene, wrong)
        assert done.returncode == 1 and done.stdout == b"", wrong[:80]
        assert b"not what this log signed" in done.stderr


def test_r091_items_beyond_the_contract_are_withheld_though_they_are_signed(
        scene, tmp_path):
    """R-090, R-178: a provider whose own contract says more than was decided,
    by an excluded item or one without its last day."""
    name = Path("contracts", POST, "postal-code.json")
    contract = json.loads(Path(CATALOGUE, name).read_text("utf-8"))
    service = json.loads(Path(CATALOGUE, "services", POST,
                              "postal-code.json").read_text("utf-8"))
    key = tlog.Key("another.example/decisions", tlog.ED25519)
    ours = Copy(str(tmp_path / "catalogue"))
    decided = json.loads(json.dumps(contract))
    for field in decided["methods"][0]["outputs"]:
        if field["name"] == "street":
            field["until"] = "1403-12-30"
    Path(ours.home, name).write_text(json.dumps(decided), "utf-8")
    contract["methods"][0]["outputs"].append(
        {"name": "owner", "type": "national_id"})
    service["methods"][0]["statement"] = service["methods"][0][
        "statement"].replace("SELECT ", "SELECT '9991234561' AS owner, ")
    theirs = write(tmp_path / "contract.json", json.dumps(contract))
    end(scene)
    try:
        scene.connectors.start_one(
            POST, signatures=scene.signatures, contracts=[theirs],
            services=[write(tmp_path / "service.json", json.dumps(service))])
        for contracts, word in ((CATALOGUE, b"unknown, owner"),
                                (ours.home, b"over, street")):
            done = by_library(scene, signed(key, "all"), key.vkey, contracts)
            assert done.returncode == 3 and word in done.stderr, done.stderr
            assert done.stdout == b""
    finally:
        end(scene)
        again(scene)


def signed(key, items, age_s=0, modes=(), systems=(), **more):
    """A state by another implementation, and another log."""
    body = json.dumps({
        "agency": CENTRE, "modes": modes, "systems": systems, "grants": [dict({
            "id": "g", "consumer": CENTRE, "provider": POST, "items": items,
            "path": POSTAL.rsplit("/", 1)[0], "methods": ["inquire"],
            "purposes": [{"id": "service"}]}, **more)]}).encode()
    text = "%s/rights/%s\n7\n%d\n%s\n" % (
        key.name, CENTRE, time.time() - age_s,
        base64.b64encode(hashlib.sha256(body).digest()).decode())
    return tlog.note(text, key).encode() + body


def test_r091_rights_are_read_as_they_are_signed(scene):
    """No item, an item that is over, rights that are old or of the future."""
    has_rights(scene)
    all_of = sorted(items(scene, CENTRE) - {"found"})
    assert all_of
    key = tlog.Key("another.example/decisions", tlog.ED25519)
    past = {"item": all_of[0], "until": {"jalali": "1404-01-01"}}
    to_come = {"item": all_of[0], "until": {"jalali": "1450-01-01"}}
    two = [{"id": "tax"}, {"id": "service"}]
    for state, code, word in (
            (signed(key, "all"), 0, b""),
            (signed(key, all_of), 0, b""),
            (signed(key, "all", item_limits=[to_come]), 0, b""),
            (signed(key, ["none"]), 3, b"closed, "),
            (signed(key, "all", item_limits=[past]), 3,
             b"closed, " + all_of[0].encode()),
            (signed(key, "all", item_limits=7), 3, b"closed"),
            (signed(key, {}), 3, b"closed"),
            # another purpose, or several and none is named
            (signed(key, "all", purposes=two), 3, b"closed"),
            (signed(key, "all", purposes=[]), 3, b"closed"),
            # neither a grant nor a mode; a mode; and one of another method
            (signed(key, "all", consumer=POST), 3, b"closed"),
            (signed(key, "all", consumer=POST, modes=[
                {"id": "m", "path": POSTAL}]), 0, b""),
            (signed(key, "all", consumer=POST, modes=[
                {"id": "m", "path": POSTAL + "r"}]), 3, b"closed"),
            (signed(key, ["none"], modes=[{"id": "m", "path": POSTAL}]), 3,
             b"closed"),
            (signed(key, "all", age_s=71 * 3600), 0, b""),
            (signed(key, "all", age_s=73 * 3600), 1, b"72 hours"),
            (signed(key, "all", age_s=-3600), 1, b"future")):
        done = by_library(scene, state, key.vkey)
        assert done.returncode == code and word in done.stderr, (
            state, done.stderr)
        assert bool(done.stdout) == (code == 0)


COMMAND = "/x/information-technology-organisation/chapar-message/v1/submit"


def test_r046_a_command_without_a_right_to_it_is_not_sent(scene):
    """As the gate looks at it: neither a grant nor a mode, another purpose,
    another unit's, or a grant in words that nobody here knows. What only asks is
    sent: the exchange says which step is missing (R-110)."""
    key = tlog.Key("another.example/decisions", tlog.ED25519)
    me, two = CENTRE + "-main", [{"id": "tax"}, {"id": "service"}]
    north = {"unit": "north", "systems": [{"id": me, "unit": "north"}]}
    data = {"national_id": "9991234561", "text": "a message"}
    grant = {"path": COMMAND.rsplit("/", 1)[0], "methods": ["submit"]}

    def sent(*more, items="all", **terms):
        done = by_library(scene, signed(key, items, **{**grant, **terms}),
                          key.vkey, CATALOGUE, "--json", *more, path=COMMAND,
                          data=data)
        if not done.stdout:
            assert done.returncode == 11
            assert b"no right" in done.stderr and b"nothing was sent" in (
                done.stderr)
            return False
        assert json.loads(done.stdout)["tracking_id"]
        return True

    assert sent()
    assert sent("--as", me, **north)
    assert not sent("--as", me, **dict(north, unit="south"))
    assert not sent("--as", me, unit="north")
    assert not sent(purposes=two)
    assert sent("--purpose", "tax", purposes=two)
    assert not sent("--purpose", "law", purposes=two)
    assert not sent(item_limits=7)
    assert not sent(items="most")
    assert not sent(consumer=POST, modes=[{"id": "m", "path": COMMAND + "t"}])
    assert sent(consumer=POST, modes=[{"id": "m", "path": COMMAND}])
