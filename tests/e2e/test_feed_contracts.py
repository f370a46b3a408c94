"""Contracts by the registry's signed feed (R-091): a provider's connector and a
consumer face begin with empty folders; what was changed on the way or on the
disk is refused; a new version comes, one that ended goes."""

import hashlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

import desk
import httpsig
from connectors import Connectors, make_country
from harness import (CATALOGUE, POSTAL, Exchange, Process, built, program_env,
                     wait_for)
from registryd import WG, Registry, UnixConnection, decision
from test_registry_catalogue import FIRST, Catalogue, all_systems, register
from test_rights import CENTRE, GRANTS, POST, Relay
from test_signatures import openssl, write

AGAIN = 75  # of a connector that wants to begin anew
METHOD = POSTAL[len("/x/"):]
V2 = "postal-code/v2"


class Forger(Relay):
    """Says another contract than the registry has."""
    forge = None

    def ask(self, target):
        status, body = super().ask(target)
        if self.forge and target.startswith("/registry/v1/contracts/"):
            body = self.forge(body)  # pylint: disable=not-callable
        return status, body


class Supervised:
    """A connector that is started again when it asks for that, as systemd
    does."""

    def __init__(self, config, log):
        self.config, self.log, self.popen, self.ends = config, log, None, False
        self.starts = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        code = AGAIN
        while code == AGAIN and not self.ends:
            with open(self.log, "ab") as log:
                self.popen = subprocess.Popen(
                    [built("payvand-connectord"), "--config", self.config],
                    stdout=log, stderr=log, env=program_env())
            self.starts += 1
            code = self.popen.wait()

    def stop(self):
        self.ends = True
        self.popen.terminate()
        self.thread.join(30)
        assert self.popen.returncode in (0, AGAIN), self.popen.returncode
        assert "Sanitizer" not in Path(self.log).read_text()


class Scene:
    """Registry, exchange, and both faces with nothing but a service file."""

    def __init__(self, ex, home, registry, relay, country):
        self.ex, self.home, self.registry, self.relay = (
            ex, home, registry, relay)
        self.code = country[1]["samples"]["postal-code/inquire"][0]["input"]
        self.connectors = Connectors(ex, country[0], [POST])
        keys = home / "keys"
        keys.mkdir()
        secret = write(home / "sign.pem", httpsig.Key().private_pem)
        openssl("pkey", "-in", secret, "-pubout", "-out",
                str(keys / (POST + ".pem")))
        self.folder = {}
        for who in ("provider", "consumer"):
            self.folder[who] = home / who
            self.folder[who].mkdir()
        services = home / "services"
        services.mkdir()
        first = Path(CATALOGUE, "services", POST, "postal-code.json")
        for version in ("v1", "v2", "v5", "v6", "v7", "v8"):
            (services / (version + ".json")).write_text(
                first.read_text().replace('"v1"', '"%s"' % version))
        feed = {"log_key": registry.vkey, "socket": relay.path}
        self.providers = home / "providers"
        self.providers.mkdir()
        self.config = write(self.providers / "provider.json", json.dumps({
            "provider": POST, "socket": self.connectors.socket(POST),
            "peer_uid": os.getuid(), "driver": "SQLite3",
            "dsn": "Driver=SQLite3;Database=%s;" % os.path.join(
                country[0], POST + ".sqlite"),
            "services": [str(services / (n + ".json"))
                         for n in ("v1", "v2", "v5", "v6", "v8")],
            "signatures": {"key": secret},
            "rights": {**feed, "file": str(home / "rights"),
                       "contracts": str(self.folder["provider"])}}))
        self.log = ex.path("log", "provider.log")
        me = ex.pki.of(CENTRE + "-main")
        self.socket = ex.path("face.sock")
        self.face_log = ex.path("face.log")
        self.face_config = write(home / "consumer.json", json.dumps({
            "url": "https://127.0.0.1:%d" % ex.address[1],
            "ca": ex.pki.root.cert, "provider_keys": str(keys),
            "store": str(home / "evidence.sqlite"), "socket": self.socket,
            "registry": {**feed, "agency": CENTRE,
                         "file": str(home / "state"),
                         "contracts": str(self.folder["consumer"])},
            "systems": [{"id": CENTRE + "-main", "cert": me.cert,
                         "key": me.key}],
            "applications": [{"id": "desk", "uid": os.getuid(),
                              "system": CENTRE + "-main",
                              "methods": [POST + "/"]}]}))
        self.provider = self.face = None

    def start(self):
        self.connectors.start_front()
        self.provider = Supervised(self.config, self.log)
        self.face = Process(
            "consumerd", [built("payvand-consumerd"), "--config",
                          self.face_config], self.face_log, env=program_env())

    def stop(self):
        self.provider.stop()
        assert self.face.stop() is None

    def curl(self):
        """(status, JSON) of the call, by the consumer face."""
        done = subprocess.run(
            ["curl", "-sS", "--max-time", "60", "--unix-socket", self.socket,
             "-H", "Content-Type: application/json", "--json",
             json.dumps(self.code), "-w", "\n%{http_code}",
             "http://face/x/" + METHOD], capture_output=True, timeout=90,
            check=False)
        if done.returncode:
            return 0, {}
        body, _, status = done.stdout.rpartition(b"\n")
        return int(status), json.loads(body)

    def answers(self):
        status, said = self.curl()
        return status == 200 and said["found"] == "yes"

    def begin(self, version, at=None):
        """A call to the connector itself, whose body is not sent."""
        connection = UnixConnection(at or self.connectors.socket(POST))
        connection.putrequest("POST", "/x/%s/%s/inquire" % (POST, version))
        for name, value in (
                ("Content-Type", "application/json"),
                ("Content-Length", len(json.dumps(self.code))),
                ("Payvand-Consumer", CENTRE + "-main"),
                ("Payvand-Grant", GRANTS[CENTRE]),
                ("Payvand-Tracking-Id",
                 "0198f2c4-7d5e-7c3a-9a51-2f6d0c1b7e11")):
            connection.putheader(name, str(value))
        connection.endheaders()
        return connection

    def end(self, connection):
        """The problem that the connector has with it, or ""."""
        try:
            connection.send(json.dumps(self.code).encode())
            said = json.loads(connection.getresponse().read())
            return said.get("type", "").rsplit(":", 1)[-1]
        finally:
            connection.close()

    def direct(self, version, at=None):
        try:
            return self.end(self.begin(version, at))
        except OSError:
            return "away"

    def processes(self, config=None):
        """How many run with this configuration: main process and spawners."""
        count = 0
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            count += (config or self.config).encode() in words and b"-P" not in words
        return count

    def said(self, who):
        return Path(self.log if who == "provider"
                    else self.face_log).read_text()


@pytest.fixture(scope="module")
def scene(pki, tmp_path_factory):
    folder = tempfile.mkdtemp(prefix="pv-feed-")
    country = make_country(str(tmp_path_factory.mktemp("country")), 300)
    os.mkdir(os.path.join(folder, "r"))
    registry = Registry(os.path.join(folder, "r"))
    registry.enact("--until", FIRST)
    register(registry, all_systems(Catalogue()))
    registry.enact()
    relay = Forger(os.path.join(folder, "relay"), registry)
    relay.brief = True
    local = pki.make("nix-feed", key=pki.of("nix").key,
                     names=["exchange.payvand.test,IP:127.0.0.1"])
    exchange = Exchange(os.path.join(folder, "x"), pki, providers=[POST],
                        workers=1, conf={
                            "server": "ssl_certificate %s; "
                            "ssl_certificate_key %s;" % (local.cert,
                                                         local.key)})
    it = Scene(exchange, tmp_path_factory.mktemp("feed"), registry, relay,
               country)
    with exchange:
        it.start()
        yield it
        it.stop()
    relay.server.shutdown()
    registry.stop()
    shutil.rmtree(folder, ignore_errors=True)


def contract_of(version="v1"):
    """The document as `payvand contract` makes it, of another version."""
    done = subprocess.run(
        [built("payvand"), "contract", "document", os.path.join(
            CATALOGUE, "contracts", POST, "postal-code.json"), "--catalogue",
         CATALOGUE], capture_output=True, timeout=60, check=True,
        env=program_env())
    document = json.loads(done.stdout)
    document["contract"]["version"] = version
    return document


def name_of(document):
    text = json.dumps(document, ensure_ascii=False, sort_keys=True,
                      separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def test_both_faces_begin_with_empty_folders_and_a_call_works(scene):
    wait_for("the first answer", scene.answers)
    for folder in scene.folder.values():
        kept = {p.name[:-5]: p.read_bytes() for p in folder.iterdir()}
        assert name_of(contract_of()) in kept
        for name, text in kept.items():
            assert hashlib.sha256(text).hexdigest() == name
    assert "connector.contracts_changed" in scene.said("provider")


def test_a_contract_that_was_changed_on_the_disk_is_refused(scene):
    wait_for("an answer", scene.answers)
    path = scene.folder["consumer"] / (name_of(contract_of()) + ".json")
    scene.relay.away = True
    try:
        path.write_text(path.read_text().replace("postal_code", "postal_kode"))
        status, said = scene.curl()
    finally:
        scene.relay.away = False
    assert status == 503 and said["title_fa"]
    assert said["type"] == "urn:payvand:problem:contract-not-held"
    assert "is not what the registry signed" in scene.said("consumer")
    wait_for("the right one to come again", scene.answers)


def test_the_connector_answers_nothing_by_a_changed_contract(scene):
    wait_for("an answer", scene.answers)
    path = scene.folder["provider"] / (name_of(contract_of()) + ".json")
    whole = path.read_text()
    path.write_text(whole.replace("postal_code", "postal_kode"))
    done = subprocess.run(
        [built("payvand-connectord"), "--config", scene.config, "--check"],
        env=program_env(), capture_output=True, timeout=60, check=True)
    assert b": 0 services" in done.stdout
    assert b"contract" in done.stdout and b"wait" in done.stdout
    path.write_text(whole)


def service_test(scene, **changes):
    """`payvand service test` with the connector's own configuration, less
    what stays for the one that runs."""
    config = {**json.loads(Path(scene.config).read_text()), **changes}
    path = scene.home / "tried.json"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    done = subprocess.run(
        [built("payvand"), "service", "test", "--json", "--config", path,
         "--connectord", built("payvand-connectord")], capture_output=True,
        text=True, timeout=120, check=False, env=program_env())
    said = json.loads(done.stdout) if done.stdout else {}
    return done.returncode, said, done.stderr


def test_a_service_is_tested_with_the_contracts_that_came(scene):
    wait_for("an answer", scene.answers)
    code, said, words = service_test(scene)
    assert code == 0 and said["failed"] == 0 < said["passed"], (said, words)
    assert {one["method"] for one in said["cases"]} == {
        "/x/%s/postal-code/v1/inquire" % POST}
    assert "example" in {one["case"] for one in said["cases"]}
    assert "4 of the service files wait" in words  # v1 alone is there

    empty = scene.home / "empty"
    empty.mkdir()
    feed = json.loads(Path(scene.config).read_text())["rights"]
    code, said, words = service_test(
        scene, rights={**feed, "contracts": str(empty)})
    assert code == 1 and not said
    assert "5 of the service files wait" in words, words
    assert "no method is answered here" in words

    kept = scene.folder["provider"] / (name_of(contract_of()) + ".json")
    (empty / kept.name).write_text(kept.read_text().replace("inquire", "more"))
    code, said, words = service_test(
        scene, rights={**feed, "contracts": str(empty)})
    assert code == 1 and not said and "wait" in words, words


def test_a_new_version_comes_by_itself_and_a_forged_one_does_not(scene):
    """Its file of the service lay there and waited."""
    wait_for("an answer", scene.answers)
    assert scene.direct(V2) not in ("right-unknown", "away")
    registry, starts = scene.registry, scene.provider.starts
    scene.relay.forge = lambda body: body.replace(b"postal", b"p0stal")
    registry.must(decision(
        "version", V2, "declare", "representative", POST, "1404-02-01",
        {"service": "postal-code", "existing": True, "contract":
         contract_of("v2"),
         "methods": [{"id": "inquire", "pattern": "inquiry"}]}))
    wait_for("the forged one to be refused",
             lambda: "connector.contract_refused" in scene.said("provider"))
    line = [line for line in scene.said("provider").splitlines()
            if "connector.contract_refused" in line][0]
    assert V2 in line and name_of(contract_of("v2")) in line
    assert scene.provider.starts == starts and scene.answers()
    scene.relay.forge = None
    # the grant is of v1: so far the call comes, and no further
    wait_for("v2", lambda: scene.direct(V2) == "right-unknown")
    assert scene.provider.starts == starts
    wait_for("v1", scene.answers)


def test_no_call_is_lost_while_a_contract_comes(scene):
    """Those that began under the old contracts end under them; then what
    answered them goes."""
    wait_for("an answer", scene.answers)
    wait_for("one spawner", lambda: scene.processes() == 2)
    starts, over, seen = scene.provider.starts, threading.Event(), []

    def call():
        while not over.is_set():
            seen.append(scene.direct("postal-code/v1"))

    half = scene.begin("postal-code/v1")
    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        scene.registry.must(decision(
            "version", "postal-code/v6", "declare", "representative", POST,
            "1404-02-02", {"service": "postal-code", "existing": True,
                           "contract": contract_of("v6"), "methods": [
                               {"id": "inquire", "pattern": "inquiry"}]}))
        wait_for("v6", lambda: scene.direct("postal-code/v6") ==
                 "right-unknown")
        done = len(seen)
        wait_for("calls after it", lambda: len(seen) > done + 20)
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert set(seen) == {""}, sorted(set(seen))
    # for the one that has begun; a worker has its spawner's words for a moment
    wait_for("the old spawner and the new", lambda: scene.processes() == 3)
    assert scene.end(half) == ""
    wait_for("the old ones to go", lambda: scene.processes() == 2)
    assert scene.provider.starts == starts


@pytest.mark.long
def test_a_body_that_never_ends_is_not_waited_for(scene):
    """What it began under could not go, and nothing else come."""
    wait_for("an answer", scene.answers)
    connection = scene.begin("postal-code/v1")
    body = json.dumps(scene.code).encode()
    try:
        for at in range(len(body) - 1):
            connection.send(body[at:at + 1])
            if select.select([connection.sock], [], [], 6)[0]:
                break
        else:
            pytest.fail("it is waited for")
        assert connection.sock.recv(1) == b""
    finally:
        connection.close()


def test_a_contract_that_came_while_the_disk_was_full_is_answered(scene):
    """It lies there, and the state that names it could not be written."""
    wait_for("an answer", scene.answers)
    full, starts = scene.home / "rights.tmp", scene.provider.starts

    def fill():
        try:
            full.mkdir()  # nothing can be written to it
            return True
        except FileExistsError:
            return False  # it is being written

    wait_for("a full disk", fill)
    document = contract_of("v8")
    try:
        scene.registry.must(decision(
            "version", "postal-code/v8", "declare", "representative", POST,
            "1404-02-02", {"service": "postal-code", "existing": True,
                           "contract": document, "methods": [
                               {"id": "inquire", "pattern": "inquiry"}]}))
        wait_for("its contract", lambda: (scene.folder["provider"] / (
            name_of(document) + ".json")).exists())
        wait_for("the word for it", lambda: "connector.rights_unkept" in
                 scene.said("provider"))
    finally:
        full.rmdir()
    wait_for("v8", lambda: scene.direct("postal-code/v8") == "right-unknown",
             timeout=60)
    assert scene.provider.starts == starts


def test_the_desk_gives_numbers_by_a_contract_that_came(scene, tmp_path):
    """Of a second connector, with a keeper."""
    config = json.loads(Path(scene.config).read_text())
    at = scene.ex.path("desk.sock")
    (tmp_path / "secret").write_bytes(os.urandom(32))
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "contracts").mkdir()
    other = Supervised(write(tmp_path / "c.json", json.dumps({
        **config, "socket": scene.ex.path("second.sock"),
        "secret": str(tmp_path / "secret"),
        "services": [str(scene.home / "services" / "v7.json")],
        "rights": {**config["rights"], "file": str(tmp_path / "rights"),
                   "contracts": str(tmp_path / "contracts")},
        "keeper": {"file": str(tmp_path / "keeper"), "desk": at,
                   "agencies": [{"id": CENTRE, "title_fa": "مرکز",
                                 "title_en": "Centre",
                                 "systems": [CENTRE + "-main"]}]}})),
        scene.ex.path("second.log"))

    def terms():
        try:
            return [s["service"] for s in desk.ask(at, "terms")["services"]]
        except OSError:
            return None

    wait_for("the desk", lambda: terms() == [])
    document = contract_of("v7")
    document["data_items"] += [
        i for i in json.loads(Path(CATALOGUE, "data_items.json").read_text())
        if i["id"] in ("person_unique_id", "national_id", "legal_person_id",
                       "foreigner_code")]
    method = document["contract"]["methods"][0]
    method["inputs"].append({"name": "asked", "type": "person_unique_id"})
    method["consent"] = {"valid_months": 1, "uses": 2, "shared": True}
    try:
        scene.registry.must(decision(
            "version", "postal-code/v7", "declare", "representative", POST,
            "1404-02-02", {"service": "postal-code", "existing": True,
                           "contract": document, "methods": [
                               {"id": "inquire", "pattern": "inquiry"}]}))
        wait_for("its terms",
                 lambda: terms() == [POST + "/postal-code/v7"])
        said = desk.ask(at, "issue", person="9991234561", agency=CENTRE,
                        service=POST + "/postal-code/v7", purpose="نشانی")
        assert len(said.get("number", "")) == 16, said
        assert other.starts == 1
    finally:
        other.stop()


class Second:
    """Another connector, of the same provider, and its own file."""

    def __init__(self, scene, home, name, **changes):
        self.home, self.at = home, scene.ex.path(name + ".sock")
        self.log = scene.ex.path(name + ".log")
        (home / "contracts").mkdir(parents=True)
        config = json.loads(Path(scene.config).read_text())
        self.config = {
            **config, "socket": self.at,
            "services": [str(scene.home / "services" / "v1.json")],
            "rights": {**config["rights"], "file": str(home / "rights"),
                       "contracts": str(home / "contracts")}, **changes}
        self.path = write(home / "c.json", json.dumps(self.config))
        self.run = Supervised(self.path, self.log)

    def write(self, **changes):
        Path(self.path).write_text(json.dumps({**self.config, **changes}))

    def said(self, word):
        return Path(self.log).read_text().count(word)


def test_a_wrong_file_holds_no_change_up(scene, tmp_path):
    """Its new workers get no connection: the old ones go on, all of them. The
    only worker there is leaves its connection to the next."""
    v1 = "postal-code/v1"
    many = Second(scene, tmp_path / "many", "many", workers=2)
    one = Second(scene, tmp_path / "one", "one", workers=1)
    try:
        for each in (many, one):
            wait_for("v1", lambda c=each: scene.direct(v1, c.at) == "")
            wait_for("one spawner",
                     lambda c=each: scene.processes(c.path) == 2)
            each.write(dsn="Driver=SQLite3;Database=/nonexistent/file;")
        before = one.said("connector.contracts_changed")
        scene.registry.must(decision(
            "version", "postal-code/v9", "declare", "representative", POST,
            "1404-02-02", {"service": "postal-code", "existing": True,
                           "contract": contract_of("v9"), "methods": [
                               {"id": "inquire", "pattern": "inquiry"}]}))
        wait_for("the one to change", lambda: one.said(
            "connector.contracts_changed") > before)
        wait_for("its word", lambda: one.said("connector.backend_down"))
        wait_for("the others to give up", lambda: many.said(
            "connector.change_failed"), timeout=60)
        wait_for("the spawner to go", lambda: scene.processes(many.path) == 2)
        assert scene.direct(v1, many.at) == ""
        if os.environ.get("PAYVAND_LONG") == "1":
            before = many.said("connector.contracts_changed")
            many.write()
            one.write()
            wait_for("the file to be read again", lambda: many.said(
                "connector.contracts_changed") > before, timeout=120)
            wait_for("v1", lambda: scene.direct(v1, one.at) == "",
                     timeout=120)
        assert many.run.starts == one.run.starts == 1
    finally:
        many.run.stop()
        one.run.stop()


def test_a_contract_that_is_none_is_refused_when_it_is_decided(scene):
    """Unknown keywords are refused with their place (design, section 8)."""
    def tried(change):
        document = contract_of("v3")
        change(document)
        return scene.registry.decide(decision(
            "version", "postal-code/v3", "declare", "representative", POST,
            "1404-02-02", {"service": "postal-code", "existing": True,
                           "contract": document, "methods": [
                               {"id": "inquire", "pattern": "inquiry"}]}))

    for change, word in (
            (lambda d: d["contract"]["methods"][0].update(colour=1), "colour"),
            (lambda d: d["contract"].update(version="v4"), "v4"),
            (lambda d: d["contract"]["methods"][0].update(id="other"),
             "inquire"),
            (lambda d: d["contract"]["methods"].append(
                dict(d["contract"]["methods"][0], id="more")), "2 methods"),
            (lambda d: d.update(data_items=[]), "data item"),
            (lambda d: d.update(more=1), "more")):
        status, said = tried(change)
        assert (status, said["rule"]) == (422, "R-091"), said
        assert word in said["title"] and said["title_fa"]
    assert tried(lambda d: None)[0] == 200


def test_contracts_that_name_an_item_differently_are_tested_apart(scene):
    document = contract_of("v4")
    item = document["data_items"][0]
    item["name_en"] = "of another year"
    scene.registry.must(decision(
        "version", "postal-code/v4", "declare", "representative", POST,
        "1404-02-02", {"service": "postal-code", "existing": True,
                       "contract": document, "methods": [
                           {"id": "inquire", "pattern": "inquiry"}]}))
    wait_for("v4", lambda: (scene.folder["provider"] /
                            (name_of(document) + ".json")).exists())
    first = json.loads(Path(scene.config).read_text())["services"][0]
    fourth = write(scene.home / "services" / "v4.json", Path(
        first).read_text().replace('"version": "v1"', '"version": "v4"'))
    code, said, words = service_test(scene, services=[first, fourth])
    assert code == 1 and not said and item["id"] in words, words
    assert service_test(scene, services=[fourth])[0] == 0


def test_a_contract_that_needs_a_secret_waits_and_others_are_answered(scene):
    """Whoever decides a contract does not stop the connector by it."""
    document = contract_of("v5")
    method = document["contract"]["methods"][0]
    document["data_items"] += [
        i for i in json.loads(Path(CATALOGUE, "data_items.json").read_text())
        if i["id"] == "yes_no"]
    document["contract"]["methods"] = [
        {"id": "check", "pattern": "verify", "deadline_ms": 3000,
         "pad_to": 128, "inputs": method["inputs"],
         "outputs": [{"name": "matches", "type": "yes_no"}],
         "meaning": {"yes_fa": "هست", "yes_en": "it is there",
                     "no_fa": "نیست", "no_en": "it is not"}},
        {**method, "after": {"method": "check", "same": ["postal_code"],
                             "valid_s": 60}}]
    scene.registry.must(decision(
        "version", "postal-code/v5", "declare", "representative", POST,
        "1404-02-02", {"service": "postal-code", "existing": True, "contract":
                       document, "methods": [
                           {"id": "check", "pattern": "verify"},
                           {"id": "inquire", "pattern": "inquiry"}]}))
    wait_for("its contract", lambda: (scene.folder["provider"] / (
        name_of(document) + ".json")).exists())
    wait_for("the word for it", lambda: 'needs "secret"' in
             scene.said("provider"))
    wait_for("the others", scene.answers)
    assert scene.direct("postal-code/v5") == "method-unknown"
    done = subprocess.run(
        [built("payvand"), "doctor", "--all", "--json", "--providers",
         str(scene.providers)], env=program_env(), capture_output=True,
        timeout=60, check=False)
    found = {f["id"]: f["level"] for f in json.loads(done.stdout)["findings"]}
    assert found["connector"] == "ok" and found["connector.waits"] == "warning"


def test_a_contract_goes_with_the_last_right_to_it(scene):
    wait_for("an answer", scene.answers)
    scene.registry.must(decision("grant", GRANTS[CENTRE], "withdraw",
                                 "secretariat", WG, "1404-02-03",
                                 reason="a test"))
    wait_for("the face to hold none", lambda: scene.curl()[1].get(
        "type") == "urn:payvand:problem:contract-not-held")
    path = scene.folder["consumer"] / (name_of(contract_of()) + ".json")
    wait_for("its file to go", lambda: not path.exists())
    wait_for("the connector to know it",
             lambda: scene.direct("postal-code/v1") == "right-unknown")


def test_a_version_that_ended_is_answered_no_more(scene):
    scene.registry.must(
        decision("notice", "n-postal-end", "announce", "representative", POST,
                 "1404-02-04", {"version": "postal-code/v1", "kind": "end",
                                "from_ms": 1777000000000,
                                "text_fa": "پایان"}),
        decision("version", "postal-code/v1", "end", "secretariat", WG,
                 "1404-02-05"))
    wait_for("it to be gone",
             lambda: scene.direct("postal-code/v1") == "contract-other")
    wait_for("its file to go", lambda: not (
        scene.folder["provider"] / (name_of(contract_of()) +
                                    ".json")).exists())
