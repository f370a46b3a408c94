"""payvand service init: a table becomes a service, on real databases."""

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile

import pytest

import databases
from harness import CATALOGUE, built, program_env, wait_for
from test_connectord import GATE, NATIONAL_ID, Answer, UnixHTTP

OTHERS = ["0499370899", "0084575948"]
SHEBA = "IR820540102680020817909002"
SECRET = "زهرا‌سادات"
TABLE = """
CREATE TABLE citizen(code_melli char(10) PRIMARY KEY, nam varchar(60),
    family varchar(60), born varchar(10), mobile varchar(20),
    account varchar(30), remark integer, other varchar(10));
CREATE INDEX citizen_born ON citizen(born);
""" + "".join(
    "INSERT INTO citizen VALUES('%s', '%s', 'کیانی', '1370-12-%02d', '%s', "
    "'%s', 5, '%s');\n" % (number, SECRET, i + 1, mobile, SHEBA, number)
    for i, (number, mobile) in enumerate(zip(
        [NATIONAL_ID] + OTHERS, ["09121234567", "0912", "09121234568"])))


def init(out, dsn, *more, table="citizen", env=None):
    return subprocess.run(
        [built("payvand"), "service", "init", "--table", table, "--provider",
         "tavanir", "--service", "citizen-by-id", "--out", str(out),
         "--catalogue", CATALOGUE, *(["--dsn", dsn] if dsn else []), *more],
        capture_output=True, text=True, cwd=str(out),
        env={**program_env(), **(env or {})})


@pytest.fixture(scope="module", params=list(databases.ALL))
def db(request):
    folder = tempfile.mkdtemp(prefix="pv-si-")
    made = databases.ALL[request.param](folder)
    made.run(TABLE)
    yield made
    made.end()
    shutil.rmtree(folder)


def test_a_table_becomes_a_service_that_answers(db, tmp_path):
    sock = str(tmp_path / "c.sock")
    done = init(tmp_path, db.dsn(), "--json", "--socket", sock)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    found = {one["column"]: one.get("item") for one in said["columns"]}
    assert found == {
        "code_melli": "national_id", "nam": "first_name", "family":
        "last_name", "born": None, "mobile": None, "account": None,
        "remark": None, "other": None}
    mobile = [one for one in said["columns"] if one["column"] == "mobile"][0]
    assert (mobile["named_as"], mobile["wrong"]) == ("mobile_number", 1)
    assert (said["key"], said["indexed"]) == ("code_melli", True)
    assert (said["tried"], said["answered"]) == (3, 3)
    for value in (SECRET, NATIONAL_ID, SHEBA, "09121234567"):
        assert value not in done.stdout + done.stderr
        for path in said["files"]:
            with open(path, encoding="utf-8") as file:
                assert value not in file.read()
    assert os.stat(said["files"][2]).st_mode & 0o777 == 0o600
    log = open(str(tmp_path / "log"), "wb")
    process = subprocess.Popen(
        [built("payvand-connectord"), "--config", said["files"][2]],
        stdout=log, stderr=log, env=program_env())
    try:
        wait_for("the connector", lambda: os.path.exists(sock))

        def ask(number):
            connection = UnixHTTP(sock)
            connection.request("POST", "/x/tavanir/citizen-by-id/v1/get",
                               json.dumps({"national_id": number}), GATE)
            return Answer(connection.getresponse())
        wait_for("its database", lambda: ask(NATIONAL_ID).outcome ==
                 "answered", 30)
        assert ask(NATIONAL_ID).json == {"found": "yes", "first_name": SECRET,
                                         "last_name": "کیانی"}
        assert ask("0499370898").outcome == "invalid"
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def test_values_show_an_item_when_there_are_enough(db, tmp_path):
    db.run("".join("INSERT INTO citizen VALUES('%010d', NULL, NULL, "
                   "'1370-11-%02d', NULL, '%s', 1, NULL);" %
                   (number, i + 1, SHEBA)
                   for i, number in enumerate((10000046, 10000062, 10000089))))
    done = init(tmp_path, db.dsn(), "--json", "--key", "born")
    db.run("DELETE FROM citizen WHERE code_melli LIKE '001%'")
    said = json.loads(done.stdout)
    found = {one["column"]: (one.get("item"), one.get("by"))
             for one in said["columns"]}
    assert found["account"] == ("iban", "values")
    assert found["born"] == ("jalali_date", "values")
    assert found["remark"] == (None, None)


def test_the_key_and_its_index_are_judged(db, tmp_path):
    for number, (more, word) in enumerate((
            (["--key", "nope"], "no such key column"),
            (["--key", "remark"], "no data item"))):
        home = tmp_path / str(number)
        home.mkdir()
        done = init(home, db.dsn(), *more)
        assert done.returncode == 1 and word in done.stderr, done.stderr
        assert os.listdir(home) == []
    done = init(tmp_path, db.dsn(), "--key", "nam")
    assert "no index begins with it" in done.stdout
    assert done.returncode == 1  # one name finds three rows
    assert "0 answered" in done.stdout
    done = init(tmp_path, db.dsn(), "--lang", "fa")
    assert done.returncode == 1 and "contract.json" in done.stderr  # is there


def test_what_is_not_there_is_named(tmp_path):
    path = str(tmp_path / "x.sqlite")
    with sqlite3.connect(path) as base:
        base.executescript(TABLE + "CREATE TABLE two(a, b, PRIMARY KEY(a, b))")
    dsn = "Driver=%s;Database=%s" % (databases.Sqlite.driver, path)
    for table, word in (("none", "no table none"), ("two", "--key"),
                        ("x" * 200, "too long")):
        done = init(tmp_path, dsn, table=table)
        assert done.returncode == 1 and word in done.stderr, done.stderr
    done = init(tmp_path, "Driver=/none.so")
    assert done.returncode == 1 and "cannot connect" in done.stderr
    assert init(tmp_path, None).returncode == 2
    done = init(tmp_path, None, "--lang", "fa", env={"PAYVAND_DSN": dsn})
    assert done.returncode == 0 and "کلید code_melli" in done.stdout


def test_persian_names_are_recognised_in_either_spelling(tmp_path):
    path = str(tmp_path / "x.sqlite")
    with sqlite3.connect(path) as base:
        base.executescript(
            'CREATE TABLE people("كد ملي" TEXT PRIMARY KEY, "کد پستی" TEXT);'
            "INSERT INTO people VALUES('%s', '1234567890');" % NATIONAL_ID)
    done = init(tmp_path, "Driver=%s;Database=%s" % (
        databases.Sqlite.driver, path), "--json", table="people")
    assert done.returncode == 0, done.stderr
    assert [one["item"] for one in json.loads(done.stdout)["columns"]] == [
        "national_id", "postal_code"]
