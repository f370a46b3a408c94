"""One table and one service on SQLite, PostgreSQL and MariaDB: real servers
behind a real payvand-connectord. SQL Server's protocol has no server in Debian:
of FreeTDS' driver only what it does without one is looked at."""

import os
import random
import shutil
import socket
import tempfile
import threading
import time

import pytest

import databases
from harness import ROOT, SANITIZE, wait_for
from test_command import AMOUNT, command
from test_connectord import (BASE, GATE, NATIONAL_ID, Connector, UnixHTTP,
                             method, optional)

NAME = "یاسمن کیانی"
ARABIC = "ياسمن كياني"
QUOTED = "O'Brien; -- \\"
EMPTY_ID = "0499370899"  # a person of whom nothing else is known
NO_ONE = "0084575948"
MEGABYTE = 1024 * 1024
LONG = os.environ.get("PAYVAND_LONG") == "1"

SCHEMA = """
CREATE TABLE person(national_id char(10) PRIMARY KEY, first_name varchar(60),
                    n integer, father varchar(60));
INSERT INTO person VALUES('%s', '%s', 3, NULL), ('%s', NULL, NULL, NULL);
INSERT INTO person VALUES('9990000999', '%s', 1, NULL);
CREATE TABLE division(code varchar(20) PRIMARY KEY, name varchar(200));
INSERT INTO division VALUES('01', 'تهران'), ('0101', 'شمیران');
CREATE TABLE account(national_id char(10) PRIMARY KEY, total integer);
INSERT INTO account VALUES('%s', 0);
CREATE TABLE payment(call_id varchar(40), amount integer);
CREATE TABLE big(body %%s);
INSERT INTO big VALUES(%%s);
""" % (NATIONAL_ID, NAME, EMPTY_ID, QUOTED.replace("'", "''"), NATIONAL_ID)

with open(os.path.join(ROOT, "connectord", "idempotency.sql"),
          encoding="utf-8") as file:
    SCHEMA += file.read().replace("%", "%%")

PERSON = [{"name": "id", "type": "national_id"}]
FOLDED = "replace(replace(%s, 'ي', 'ی'), 'ك', 'ک')"


def rows(name, statement, item="division_code", **more):
    return method(name, statement, (), [
        {"name": "all", "type": "list",
         "items": [{"name": "code", "type": item}]}], "rows", rows_as="all",
        **more)


def methods_of(db):
    named = [*PERSON, optional("first_name", "first_name")]
    quote = "`" if db.name == "mariadb" else '"'
    return [
        method("match", "SELECT 1 FROM person WHERE national_id = :id AND "
               "first_name = coalesce(:first_name, first_name)", named,
               answer="yes-if-row"),
        method("match-folded", "SELECT 1 FROM person WHERE national_id = :id "
               "AND %s = %s" % (FOLDED % "first_name",
                                FOLDED % ":first_name"), named,
               answer="yes-if-row"),
        method("person", "SELECT first_name AS {0}who.first_name{0}, n FROM "
               "person WHERE national_id = :id".format(quote), PERSON,
               [{"name": "who", "type": "object", "items": [
                   {"name": "first_name", "type": "first_name"}]},
                {"name": "n", "type": "count"}]),
        method("by-number", "SELECT n FROM person WHERE n = :n",
               [{"name": "n", "type": "count"}]),
        method("father", "SELECT father AS father_name FROM person WHERE "
               "national_id = :id", PERSON,
               [{"name": "father_name", "type": "father_name"}]),
        rows("divisions", "SELECT code FROM division ORDER BY code",
             max_rows=2),
        rows("million", db.million.replace(" AS n", " AS code"), "count",
             max_rows=1000, deadline_ms=20000),
        rows("page", "SELECT code FROM division WHERE code > '01' ORDER BY "
             "code LIMIT 1"),
        method("big", "SELECT body AS message FROM big", (),
               [{"name": "message", "type": "message_text"}],
               deadline_ms=20000),
        method("slow", db.sleep, deadline_ms=600),
        command("add", ["UPDATE person SET n = n + CAST(:amount AS %s) WHERE "
                        "national_id = :national_id" %
                        ("signed" if db.name == "mariadb" else "integer")],
                AMOUNT),
        *([] if db.name == "sqlite" else [pay(db)]),
        method("delete", "DELETE FROM person"),
        method("change", "UPDATE person SET n = 7"),
        method("drop", "DROP TABLE person"),
        method("make", "CREATE TABLE t(a integer)"),
    ]


def pay(db):
    """A command of two changes, with a while between them: 10 ms a rial."""
    number = "CAST(:amount AS %s)" % ("signed" if db.name == "mariadb" else
                                      "integer")
    return command("pay", [
        "UPDATE account SET total = total + %s WHERE national_id = "
        ":national_id" % number, db.doze,
        "INSERT INTO payment VALUES(:payvand_tracking_id, %s)" % number],
        AMOUNT)


class Bench:
    """A database and the connector in front of it."""

    def __init__(self, kind):
        self.folder = tempfile.mkdtemp(prefix="pv-db-")
        self.home = tempfile.mkdtemp(prefix="pv-db-c-")
        self.db = kind(self.folder)
        self.db.run(SCHEMA % (self.db.big_text,
                              self.db.repeat(100 * 1000 * 1000)))
        secret = os.path.join(self.home, "secret")
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600),
                  "wb") as out:
            out.write(os.urandom(32))
        self.connector = Connector(
            self.home, methods_of(self.db), self.db.dsn(), secret=secret,
            driver=self.db.driver, may_write=self.db.name == "sqlite")
        self.ready()

    def call(self, name, body=None, **more):
        return self.connector.call(name, body, **more)

    def outcome(self, name, body=None):
        return self.call(name, body).outcome

    def ready(self):
        wait_for("the database to be asked", lambda: self.outcome(
            "match", {"id": NATIONAL_ID}) == "answered", 60)

    def end(self):
        self.connector.stop()
        self.db.end()
        shutil.rmtree(self.folder)
        shutil.rmtree(self.home)


@pytest.fixture(scope="module", params=list(databases.ALL))
def bench(request):
    made = Bench(databases.ALL[request.param])
    yield made
    made.end()


def test_yes_no_and_not_found(bench):
    for body, result in (({"id": NATIONAL_ID}, "yes"), ({"id": NO_ONE}, "no"),
                         ({"id": NATIONAL_ID, "first_name": NAME}, "yes"),
                         ({"id": NATIONAL_ID, "first_name": "زهرا"}, "no")):
        assert bench.call("match", body).json == {"result": result}, body
    assert bench.call("person", {"id": NO_ONE}).json == {"found": "no"}
    assert bench.call("by-number", {"n": "3"}).json == {"found": "yes",
                                                        "n": "3"}
    assert bench.call("by-number", {"n": "4"}).json == {"found": "no"}


def test_lists_and_one_row_too_many(bench):
    assert bench.call("divisions").json == {
        "found": "yes", "all": [{"code": "01"}, {"code": "0101"}]}
    assert bench.call("page").json["all"] == [{"code": "0101"}]
    bench.db.run("INSERT INTO division VALUES('0102', 'ری')")
    assert bench.outcome("divisions") == "failed"
    bench.db.run("DELETE FROM division WHERE code = '0102'")
    assert bench.outcome("divisions") == "answered"


def test_what_is_null_is_left_out(bench):
    assert bench.call("person", {"id": EMPTY_ID}).json == {"found": "yes"}
    assert bench.call("father", {"id": NATIONAL_ID}).json == {"found": "yes"}


def test_spelling_is_carried_and_folded_only_by_the_statement(bench):
    """R-225: the original spelling is kept; a comparison folds yeh and kaf."""
    found = bench.call("person", {"id": NATIONAL_ID}).json
    assert found == {"found": "yes", "n": "3", "who": {"first_name": NAME}}
    for name, plain in ((NAME, "yes"), (ARABIC, "no")):
        body = {"id": NATIONAL_ID, "first_name": name}
        assert bench.call("match", body).json == {"result": plain}
        assert bench.call("match-folded", body).json == {"result": "yes"}


def test_a_value_of_another_shape_is_failed_never_no(bench):
    bench.db.run("UPDATE person SET father = '12' WHERE national_id = '%s'"
                 % NATIONAL_ID)
    assert bench.outcome("father", {"id": NATIONAL_ID}) == "failed"
    bench.db.run("UPDATE person SET father = NULL")
    assert bench.outcome("father", {"id": NATIONAL_ID}) == "answered"


@pytest.mark.parametrize("text", [
    "' OR '1'='1", "'; DROP TABLE person; --", "\\' OR 1=1 --", "$1", "?",
    ":id", "x' UNION SELECT '", "%", "_", "{fn user()}", "{oj x}", "`", "/*"])
def test_statements_are_fixed_whatever_is_bound(bench, text):
    for name in ("match", "match-folded"):
        answer = bench.call(name, {"id": NATIONAL_ID, "first_name": text})
        assert answer.json.get("result", "no") == "no"
    answer = bench.call("match", {"id": text})
    assert answer.outcome == "invalid"
    assert bench.call("by-number", {"n": text}).outcome == "invalid"
    assert bench.call("person", {"id": NATIONAL_ID}).json["n"] == "3"


def test_quotes_are_only_letters(bench):
    body = {"id": "9990000999", "first_name": QUOTED}
    assert bench.call("match", body).json == {"result": "yes"}


def test_the_database_is_only_read(bench):
    """The drivers of PostgreSQL and MariaDB do not hold SQL_MODE_READ_ONLY;
    the session itself must."""
    for name in ("delete", "change", "drop", "make"):
        assert bench.outcome(name) == "failed", name
    assert bench.call("person", {"id": NATIONAL_ID}).json["n"] == "3"
    assert bench.call("match", {"id": EMPTY_ID}).outcome == "answered"
    bench.db.run("CREATE TABLE t(a integer)")  # it was not made
    bench.db.run("DROP TABLE t")


def test_a_command_writes_once_and_leaves_the_session_reading(bench):
    """R-046, in the same workers that otherwise only read."""
    body = {"national_id": EMPTY_ID, "amount": "2"}
    bench.db.run("UPDATE person SET n = 1 WHERE national_id = '%s'" % EMPTY_ID)
    for _ in range(3):
        answer = bench.call("add", body, headers={
            **GATE, "Idempotency-Key": "one-key"})
        assert answer.json == {"result": "yes"}
    assert bench.call("person", {"id": EMPTY_ID}).json["n"] == "3"
    assert {bench.outcome("change") for _ in range(4)} == {"failed"}
    bench.db.run("UPDATE person SET n = NULL WHERE national_id = '%s'"
                 % EMPTY_ID)


def memory(connector):
    """MB that the connector and its workers hold: (now, at most one's ever)"""
    now, most = 0, 0
    for pid in [connector.process.pid] + connector.workers():
        try:
            with open("/proc/%d/status" % pid) as text:
                status = dict(x.split(":\t", 1) for x in text if ":\t" in x)
        except OSError:
            continue  # it has just ended
        now += int(status["VmRSS"].split()[0]) // 1024
        most = max(most, int(status["VmHWM"].split()[0]) // 1024)
    return now, most


def test_huge_answers_are_failed_and_memory_stays(bench):
    """A text of 100 MB and a million rows are refused, not carried."""
    for name in ("big", "million") * 2:
        assert bench.outcome(name) == "failed", name
        assert bench.outcome("match", {"id": NATIONAL_ID}) == "answered"
    log = bench.connector.log()
    assert "reason=too-large" in log and "reason=too-many-rows" in log
    if not SANITIZE:
        wait_for("the memory to come back",
                 lambda: 0 < memory(bench.connector)[0] < 100)
        assert memory(bench.connector)[1] < 300


def test_a_schema_that_changes_is_failed_and_comes_back(bench):
    body = {"id": NATIONAL_ID}
    for change, back in (
            ("ALTER TABLE person RENAME COLUMN n TO m",
             "ALTER TABLE person RENAME COLUMN m TO n"),
            ("ALTER TABLE person RENAME TO people",
             "ALTER TABLE people RENAME TO person")):
        bench.db.run(change)
        assert bench.outcome("person", body) == "failed", change
        bench.db.run(back)
        # what every worker has prepared fails at most once
        wait_for("the old schema", lambda: bench.outcome(
            "person", body) == "answered")


def test_a_slow_statement_ends_in_the_database_too(bench):
    assert bench.outcome("slow") == "timeout"
    assert bench.outcome("match", {"id": NATIONAL_ID}) == "answered"
    wait_for("its statement to end", lambda: not bench.db.sleeps(), 30)


def test_a_consumer_that_goes_away(bench):
    for _ in range(5):
        gone = UnixHTTP(bench.connector.socket)
        gone.request("POST", BASE + "slow", b"{}", GATE)
        gone.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\x01\0\0\0\0\0\0\0")
        gone.close()
    bench.ready()
    assert bench.outcome("slow") == "timeout"


def test_a_database_that_goes_and_comes_back(bench):
    bench.db.stop()
    # SQLite goes on with the file that it has open
    if bench.db.name != "sqlite":
        body = {"id": NATIONAL_ID}
        seen = {bench.outcome("match", body) for _ in range(10)}
        assert seen <= {"failed", "timeout"}
    bench.db.start()
    bench.ready()


def paid(bench):
    """(sum that the account has, sum and number of the payments)."""
    wait_for("the database", lambda: bench.outcome(
        "match", {"id": NATIONAL_ID}) == "answered", 60)
    return bench.db.number("SELECT total FROM account"), bench.db.number(
        "SELECT coalesce(sum(amount), 0) FROM payment"), bench.db.number(
        "SELECT count(*) FROM payment")


def try_to_pay(bench, key, amount):
    """The answer, or None where there is none."""
    answer = bench.call("pay", {"national_id": NATIONAL_ID,
                                "amount": str(amount)}, headers={**GATE, "Idempotency-Key": key})
    assert answer.outcome in ("answered", "failed", "timeout"), answer.raw
    return answer.json if answer.outcome == "answered" else None


def kill_while(bench, key, amount, ready):
    """Kill the server while the command is under way; the try's answer."""
    told = []
    caller = threading.Thread(
        target=lambda: told.append(try_to_pay(bench, key, amount)))
    caller.start()
    ready()
    bench.db.kill()
    caller.join()
    bench.db.start()
    return told[0]


@pytest.mark.parametrize("bench", ["postgresql", "mariadb"], indirect=True)
def test_r046_a_killed_server_acts_once_or_not_at_all(bench):
    """kill -9 of the whole server, in the middle of a command and anywhere
    around its end: the same key again tells the truth. SQLite has no server;
    its process is the worker, which test_command.py kills."""
    before = paid(bench)
    amounts = {"server-%d" % i: 2 for i in range(40 if LONG else 1)}
    # between its two changes: not done, whatever the caller was told
    assert kill_while(bench, "server-slow", 300, lambda: wait_for(
        "the command to be under way", bench.db.sleeps)) is None
    assert paid(bench) == before
    for key, amount in amounts.items():
        kill_while(bench, key, amount,
                   lambda: time.sleep(random.uniform(0, 0.06)))
        paid(bench)
    amounts["server-slow"] = 300
    for key, amount in amounts.items():
        for _ in range(2):
            assert wait_for("the answer", lambda: try_to_pay(
                bench, key, amount), 60) == {"result": "yes"}
    total, payments, count = paid(bench)
    assert total - before[0] == payments - before[1] == sum(amounts.values())
    assert count - before[2] == len(amounts)


# ---- SQL Server's protocol ----

TDS = ("Driver=" + databases.LIBS +
       "libtdsodbc.so;Server=127.0.0.1;Port=%d;UID=sa;PWD=x;TDS_Version=7.4")


@pytest.mark.parametrize("peer", ["refuses", "silent", "babbles"])
def test_freetds_without_a_server_is_failed_never_no(tmp_path, peer):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    held = []

    def babble():
        while True:
            try:
                one = listener.accept()[0]
                held.append(one)
                if peer == "babbles":
                    one.sendall(b"HTTP/1.0 400 no\r\n\r\n" * 50)
            except OSError:
                return

    if peer == "refuses":
        listener.close()
    else:
        listener.listen(8)
        threading.Thread(target=babble, daemon=True).start()
    connector = Connector(tmp_path, [method("n", "SELECT 1 AS n",
                                            deadline_ms=400)],
                          TDS % port, driver=databases.LIBS +
                          "libtdsodbc.so")
    try:
        seen = {connector.call("n").outcome for _ in range(2)}
        assert seen <= {"failed", "timeout"}
        if peer == "refuses":
            wait_for("it to be said", lambda: "backend_down" in
                     connector.log())
    finally:
        listener.close()
        for one in held:
            one.close()
        connector.stop()


def test_every_driver_is_a_package_of_debian():
    for name in ("libsqlite3odbc.so", "psqlodbcw.so", "libmaodbc.so",
                 "libtdsodbc.so"):
        assert os.path.exists(databases.LIBS + name), name
