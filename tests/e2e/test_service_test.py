"""payvand service test: a contract's examples, and what it does not take,
against real backends, through a connector of its own or one that runs."""

import atexit
import glob
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile

import pytest

import databases
import tlog
from connectors import make_country, needs
from harness import CATALOGUE, ROOT, built, program_env
from test_connectord import (NATIONAL_ID, PROVIDER, Connector, method,
                             write_service)

SECRET_NAME = "زهرا‌سادات"
PERSON = {"name": "national_id", "type": "national_id"}
NAME = {"name": "first_name", "type": "first_name"}
METHODS = [
    method("get", "SELECT first_name FROM person WHERE id = :national_id",
           [PERSON], [NAME]),
    method("is-there", "SELECT 1 FROM person WHERE id = :national_id",
           [PERSON], answer="yes-if-row"),
    {"id": "rename", "pattern": "command", "deadline_ms": 5000,
     "idempotency": {"keep_days": 30}, "inputs": [PERSON, NAME],
     "meaning": {"yes_fa": "شد", "yes_en": "done", "no_fa": "نشد",
                 "no_en": "not done"},
     "outputs": [{"name": "result", "type": "yes_no"}],
     "answer": "yes-if-done", "steps": [{
         "statement": "UPDATE person SET first_name = :first_name "
                      "WHERE id = :national_id"}]}]


TMP = tempfile.mkdtemp(prefix="pv-st-")
atexit.register(shutil.rmtree, TMP)


class Scene:
    def __init__(self, home, methods=METHODS, **config):
        self.home = str(home)
        self.base = os.path.join(self.home, "x.sqlite")
        with sqlite3.connect(self.base) as base:
            base.executescript(
                "CREATE TABLE person(id TEXT PRIMARY KEY, first_name TEXT);"
                "INSERT INTO person VALUES('%s', '%s');" % (NATIONAL_ID,
                                                          SECRET_NAME))
            with open(os.path.join(ROOT, "connectord",
                                   "idempotency.sql")) as file:
                base.executescript(file.read())
        base.close()
        write_service(self.path("contract.json"), self.path("service.json"),
                      methods)
        with open(os.open(self.path("secret"), os.O_WRONLY | os.O_CREAT,
                          0o600), "wb") as file:
            file.write(os.urandom(32))
        self.write("c.json", {
            "provider": PROVIDER, "socket": self.path("c.sock"),
            "peer_uid": None, "driver": databases.Sqlite.driver,
            "dsn": "Database=" + self.base, "may_write": True,
            "secret": self.path("secret"),
            "contracts": [self.path("contract.json")],
            "services": [self.path("service.json")],
            "data_items": [os.path.join(CATALOGUE, name) for name in (
                "data_items.json", "enactment.json")], **config})

    def path(self, name):
        return os.path.join(self.home, name)

    def write(self, name, value):
        with open(self.path(name), "w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False)

    def names(self):
        with sqlite3.connect(self.base) as base:
            found = base.execute("SELECT first_name FROM person").fetchall()
        base.close()
        return [row[0] for row in found]

    def run(self, *more, config="c.json", json_too=True):
        done = subprocess.run(
            [built("payvand"), "service", "test", "--config",
             self.path(config), "--connectord", built("payvand-connectord"),
             *(["--json"] if json_too else []), *more], capture_output=True,
            text=True, env={**program_env(), "TMPDIR": TMP}, timeout=120)
        assert os.listdir(TMP) == []
        for value in (NATIONAL_ID, SECRET_NAME):
            assert value not in done.stdout + done.stderr
        self.code = done.returncode
        self.err = done.stderr
        return json.loads(done.stdout) if json_too and done.stdout \
            else done.stdout


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def cases(said, result):
    return [(one["method"].rsplit("/", 1)[1], one["case"], one.get("name"))
            for one in said["cases"] if one["result"] == result]


def test_examples_are_answered_and_the_rest_is_refused(scene):
    said = scene.run()
    assert scene.code == 0, said
    assert cases(said, "passed") == [
        ("get", "example", None), ("get", "missing", "national_id"),
        ("get", "form", "national_id"),
        ("get", "unknown", "not_in_the_contract"),
        ("is-there", "example", None), ("is-there", "missing", "national_id"),
        ("is-there", "form", "national_id"),
        ("is-there", "unknown", "not_in_the_contract"),
        ("rename", "missing", "national_id"),
        ("rename", "missing", "first_name"), ("rename", "form", "national_id"),
        ("rename", "form", "first_name"),
        ("rename", "unknown", "not_in_the_contract"),
        ("rename", "no-key", None)]
    assert cases(said, "not-tried") == [("rename", "example", None)]
    assert scene.names() == [SECRET_NAME]
    assert "درست" in scene.run("--lang", "fa", json_too=False)


def test_commands_act_only_when_told(scene):
    said = scene.run("--act", "rename")
    assert (scene.code, said["failed"], said["not_tried"]) == (0, 0, 0)
    assert len(scene.names()) == 1 and scene.names() != [SECRET_NAME]


def test_what_a_backend_does_wrong_is_named(tmp_path):
    scene = Scene(tmp_path, [
        method("form", "SELECT '13' AS birth_date FROM person WHERE "
               ":national_id > ''", [PERSON],
               [{"name": "birth_date", "type": "jalali_date"}]),
        method("column", "SELECT first_name AS other FROM person WHERE "
               "id = :national_id", [PERSON], [NAME]),
        method("gone", "SELECT first_name FROM nowhere WHERE "
               "id = :national_id", [PERSON], [NAME])])
    said = scene.run()
    why = {one["method"].rsplit("/", 1)[1]: one["why"]
           for one in said["cases"] if one["result"] == "failed"}
    assert scene.code == 1 and set(why) == {"form", "column", "gone"}
    assert all("failed, not answered" in text for text in why.values())
    assert "pattern birth_date" in why["form"]
    assert "column" in why["column"]
    assert said["passed"] == 9
    assert scene.run("gone")["passed"] == 3


def test_an_empty_table_finds_nothing_and_says_so(scene):
    with sqlite3.connect(scene.base) as base:
        base.execute("DELETE FROM person")
    base.close()
    said = scene.run("get")
    assert scene.code == 0 and said["cases"][0]["found"] is False
    assert "(nothing was found)" in scene.run("get", json_too=False)


def test_given_examples_are_compared_without_being_shown(scene):
    ask = {"method": "get", "request": {"national_id": NATIONAL_ID}}
    scene.write("examples.json", {"examples": [
        {**ask, "name": "right", "answer": {"found": "yes",
                                            "first_name": SECRET_NAME}},
        {**ask, "name": "other", "answer": {"found": "yes",
                                            "first_name": "دیگری"}},
        {**ask, "name": "less", "answer": {"found": "yes"}},
        {**ask, "name": "more", "answer": {"found": "yes", "x": [1],
                                           "first_name": SECRET_NAME}},
        {**ask, "name": "class", "outcome": "invalid"},
        {**ask, "name": "bad", "outcome": "invalid",
         "request": {"national_id": "1"}},
        {"method": "sample/v1/is-there", "answer": {"result": "yes"},
         "request": ask["request"]}]})
    said = scene.run("--examples", scene.path("examples.json"))
    given = [one for one in said["cases"] if one["case"] == "given"]
    assert [(one.get("name"), one["result"], one.get("differs"))
            for one in given] == [
        ("right", "passed", None), ("other", "failed", ["/first_name"]),
        ("less", "failed", ["/first_name"]), ("more", "failed", ["/x"]),
        ("class", "failed", None), ("bad", "passed", None),
        (None, "passed", None)]
    assert given[4]["why"] == "answered, not invalid" and scene.code == 1
    for wrong, word in (({"examples": [{"method": "none", "request": {}}]},
                         "no method none"), ([], "examples"),
                        ({"examples": [{"method": "get"}]}, "request"),
                        ({"examples": [{**ask, "x": 1}]}, '"x"')):
        scene.write("wrong.json", wrong)
        scene.run("--examples", scene.path("wrong.json"))
        assert scene.code == 1 and word in scene.err, scene.err


def test_a_running_connector_is_asked_as_it_is(tmp_path):
    scene = Scene(tmp_path)
    scene.run("get", "--running")
    assert scene.code == 1
    connector = Connector(tmp_path, METHODS[:2], "Database=" + scene.base,
                          databases.Sqlite.driver)
    try:
        connector.wait(lambda: connector.call("get", {
            "national_id": NATIONAL_ID}).outcome == "answered", 30)
        said = scene.run("--running", config="config.json")
        assert (scene.code, said["passed"], said["failed"]) == (0, 8, 0)
    finally:
        connector.process.terminate()
        connector.process.wait(20)


def test_nothing_of_the_outside_is_reached(tmp_path):
    scene = Scene(tmp_path, METHODS[:2], rights={
        "log_key": tlog.Key("r.example/decisions", seed=b"1" * 32).vkey,
        "file": str(tmp_path / "rights"), "socket": "/none.sock"})
    scene.run("get")
    assert scene.code == 0, scene.err
    assert not os.path.exists(str(tmp_path / "rights"))


def test_what_cannot_begin_is_said(scene):
    for more, word in ((["none"], "no method none"),
                       (["--connectord", "/none"], "does not start: /none"),
                       (["--config", "/none"], "/none")):
        scene.run(*more)
        assert scene.code == 1 and word in scene.err, scene.err
    done = subprocess.run([built("payvand"), "service", "test"],
                          capture_output=True, text=True, env=program_env())
    assert done.returncode == 2 and "--config" in done.stderr


def test_completion_knows_verbs_that_need_no_registry():
    def offered(*words):
        done = subprocess.run(
            [built("payvand"), "complete", *words], capture_output=True,
            text=True, env={**program_env(),
                            "PAYVAND_REGISTRY_SOCKET": "/none"})
        return done.stdout.split()
    assert offered("service", "") == ["init", "submit", "test"]
    assert offered("service", "test", "--r") == ["--running"]
    assert "check" in offered("contract", "")


def test_r135_r154_consent_and_order_are_kept(tmp_path):
    country, _ = make_country(str(tmp_path), persons=200)
    scene = Scene(tmp_path)
    for agency, wanted in (("tax-administration", []),
                           ("ministry-economic-affairs-finance",
                            [("note-parties", "example", None)])):
        scene.write("a.json", {
            "provider": agency, "socket": scene.path("a.sock"),
            "peer_uid": None, "driver": databases.Sqlite.driver,
            "dsn": "Database=" + os.path.join(country, agency + ".sqlite"),
            "contracts": sorted(glob.glob(os.path.join(
                CATALOGUE, "contracts", agency, "*.json"))),
            "services": sorted(glob.glob(os.path.join(
                CATALOGUE, "services", agency, "*.json"))),
            "data_items": [os.path.join(CATALOGUE, name) for name in (
                "data_items.json", "enactment.json",
                "data_items_proposed.json")],
            "secret": scene.path("secret"), **needs(agency, scene.home)})
        said = scene.run("--act", config="a.json")
        assert (scene.code, cases(said, "failed")) == (0, []), scene.err
        assert cases(said, "not-tried") == wanted
