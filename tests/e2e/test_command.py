"""Commands (R-046): a repeated call with one Idempotency-Key acts once, and
gets the answer of the first, whoever dies in between."""

import concurrent.futures
import http.client
import json
import os
import random
import signal
import sqlite3
import threading
import time

import pytest

from harness import ROOT, built, wait_for
from test_connectord import GATE, NATIONAL_ID, SQLITE, Connector

LONG = os.environ.get("PAYVAND_LONG") == "1"
MEANING = {"yes_fa": "شد", "yes_en": "done", "no_fa": "نشد", "no_en": "not done"}


def command(name, steps, inputs, outputs=None, answer="yes-if-done", **more):
    made = {"id": name, "pattern": "command", "deadline_ms": 5000,
            "inputs": inputs, "idempotency": {"keep_days": 30},
            "outputs": outputs or [{"name": "result", "type": "yes_no"}],
            "answer": answer, "steps": [
                step if isinstance(step, dict) else {"statement": step}
                for step in steps], **more}
    if outputs is None:
        made["meaning"] = MEANING
    return made


NATIONAL = [{"name": "national_id", "type": "national_id"}]
AMOUNT = NATIONAL + [{"name": "amount", "type": "amount_rial"}]
PAY = ("UPDATE account SET total = total + :amount "
       "WHERE national_id = :national_id")
METHODS = [
    command("slow", [PAY, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
                     "SELECT x + 1 FROM c LIMIT 100000) "
                     "SELECT count(*) FROM c",
                     "INSERT INTO payment(national_id, amount) "
                     "VALUES(:national_id, :amount)"], AMOUNT),
    command("pay", [PAY,
                    "INSERT INTO payment VALUES(:national_id, :amount, "
                    ":payvand_tracking_id, :payvand_consumer, :payvand_time)"],
            AMOUNT),
    command("number", ["INSERT INTO payment(national_id, amount, call) "
                       "SELECT national_id, 0, :payvand_tracking_id "
                       "FROM account WHERE national_id = :national_id",
                       "SELECT max(rowid) AS n FROM payment "
                       "WHERE call = :payvand_tracking_id"],
            NATIONAL, [{"name": "n", "type": "count"}], "record", timed=True),
    command("half", ["UPDATE account SET total = total + 1",
                     {"statement": "DELETE FROM payment WHERE amount = -1",
                      "needed": False},
                     "INSERT INTO strict VALUES(:national_id)"], NATIONAL),
    {"id": "sneak", "pattern": "inquiry", "deadline_ms": 2000, "inputs": [],
     "outputs": [{"name": "n", "type": "count"}], "answer": "record",
     "statement": "DELETE FROM account RETURNING 1 AS n"},
]
SCHEMA = """
    CREATE TABLE account(national_id TEXT PRIMARY KEY, total INTEGER);
    CREATE TABLE payment(national_id TEXT, amount INTEGER, call TEXT,
                         consumer TEXT, at TEXT);
    CREATE TABLE strict(national_id TEXT UNIQUE);
    INSERT INTO account VALUES('%s', 0);
""" % NATIONAL_ID


class Provider(Connector):
    def __init__(self, home, **config):
        self.database = str(home / "x.sqlite")
        if not os.path.exists(self.database):
            with sqlite3.connect(self.database) as db, open(os.path.join(
                    ROOT, "connectord", "idempotency.sql")) as table:
                db.executescript(SCHEMA + table.read())
        secret = str(home / "secret")
        if not os.path.exists(secret):
            with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600),
                      "wb") as file:
                file.write(os.urandom(32))
        super().__init__(home, METHODS, "Driver=%s;Database=%s" % (
            SQLITE, self.database), **{"secret": secret, "may_write": True,
                                       **config})

    def act(self, name, key, consumer="setad", amount=None, **more):
        body = {"national_id": NATIONAL_ID}
        if name in ("pay", "slow"):
            body["amount"] = amount or "5"
        headers = {**GATE, "Payvand-Consumer": consumer}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.call(name, body, headers, **more)

    def rows(self, sql):
        with sqlite3.connect(self.database, timeout=30) as db:
            return db.execute(sql).fetchall()

    def total(self):
        return self.rows("SELECT total FROM account")[0][0]


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    made = Provider(tmp_path_factory.mktemp("command"))
    yield made
    made.stop()


def test_r046_a_repetition_gets_the_answer_and_does_not_act(provider):
    before = provider.total()
    first = provider.act("pay", "once")
    assert (first.outcome, first.json) == ("answered", {"result": "yes"})
    for _ in range(3):
        again = provider.act("pay", "once")
        assert (again.outcome, again.raw) == (first.outcome, first.raw)
    assert provider.total() == before + 5
    call, consumer, at = provider.rows(
        "SELECT call, consumer, at FROM payment ORDER BY rowid DESC")[0]
    assert call == GATE["Payvand-Tracking-Id"] and consumer == "setad"
    assert at.endswith("Z")


def test_r046_a_key_outlives_the_secret_it_was_kept_under(tmp_path):
    """The file begins with another secret; the one before stays behind it."""
    provider = Provider(tmp_path)
    first = provider.act("pay", "kept")
    assert first.outcome == "answered"
    provider.stop()
    secret = tmp_path / "secret"
    secret.write_bytes(os.urandom(32) + secret.read_bytes())
    provider = Provider(tmp_path)
    try:
        again = provider.act("pay", "kept")
        assert (again.outcome, again.raw) == (first.outcome, first.raw)
        other = provider.act("pay", "kept", amount="6")
        assert other.json["type"].endswith("idempotency-key-reused")
        assert provider.total() == 5
        for _ in range(2):
            assert provider.act("pay", "new").outcome == "answered"
        assert provider.total() == 10
    finally:
        provider.stop()


@pytest.mark.parametrize("size", [0, 31, 33, 160])
def test_a_secret_of_another_length_is_refused(tmp_path, size):
    (tmp_path / "secret").write_bytes(b"x" * size)
    (tmp_path / "secret").chmod(0o600)
    with pytest.raises(AssertionError, match="one to 4 keys of 32 bytes"):
        Provider(tmp_path)


def test_r046_a_key_belongs_to_one_request_of_one_consumer(provider):
    assert provider.act("pay", "mine").outcome == "answered"
    before = provider.total()
    for name, amount in (("pay", "6"), ("number", None)):
        other = provider.act(name, "mine", amount=amount)
        assert (other.status, other.outcome) == (200, "invalid")
        assert other.json["type"] == \
            "urn:payvand:problem:idempotency-key-reused"
        assert other.json["title_fa"]
    assert provider.total() == before
    assert provider.act("pay", "mine", consumer="tax").json["result"] == "yes"
    assert provider.total() == before + 5
    # however it is written, it is the same request
    body = '{ "amount":"5",\n "national_id" : "%s" }' % NATIONAL_ID
    again = provider.call("pay", body, {**GATE, "Idempotency-Key": "mine"})
    assert again.json == {"result": "yes"}
    assert provider.total() == before + 5


@pytest.mark.parametrize("keys", [[], [""], ["a", "b"], ["k" * 131]])
def test_r046_a_command_needs_one_key(provider, keys):
    before = provider.total()
    lines = ["POST /x/civil-registration-organisation/sample/v1/pay HTTP/1.1",
             "Host: x", "Content-Length: 40", "Connection: close"]
    lines += ["%s: %s" % item for item in GATE.items()]
    lines += ["Idempotency-Key: " + key for key in keys]
    body = ('{"national_id":"%s","amount":"5"}' % NATIONAL_ID).ljust(40)
    import socket
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(provider.socket)
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        response = http.client.HTTPResponse(sock)
        response.begin()
        problem = json.loads(response.read())
    assert response.getheader("Payvand-Outcome") == "invalid"
    assert problem["type"] == "urn:payvand:problem:idempotency-key-missing"
    assert provider.total() == before


def test_r046_a_no_is_kept_too(provider):
    with sqlite3.connect(provider.database) as db:
        db.execute("UPDATE account SET national_id = 'x'")
    try:
        no = provider.act("pay", "no")
        failed = provider.act("number", "no-number")
    finally:
        with sqlite3.connect(provider.database) as db:
            db.execute("UPDATE account SET national_id = ?", (NATIONAL_ID,))
    before = provider.total()
    assert (no.outcome, no.json) == ("answered", {"result": "no"})
    assert (failed.outcome, failed.json["type"]) == (
        "failed", "urn:payvand:problem:not-done")
    assert provider.act("pay", "no").json == {"result": "no"}
    assert provider.act("number", "no-number").json == failed.json
    assert provider.total() == before


def test_r046_a_record_is_repeated_to_the_letter(provider):
    first = provider.act("number", "record")
    assert first.outcome == "answered" and int(first.json["n"]) > 0
    assert first.json["determined_at"]
    assert provider.act("number", "other").json["n"] != first.json["n"]
    assert provider.act("number", "record").raw == first.raw


def test_a_failing_step_undoes_the_ones_before_and_keeps_no_key(provider):
    before = provider.total()
    assert provider.act("half", "h1").json == {"result": "yes"}
    assert provider.total() == before + 1
    broken = provider.act("half", "h2")
    assert broken.outcome == "failed"
    assert provider.total() == before + 1
    with sqlite3.connect(provider.database) as db:
        db.execute("DELETE FROM strict")
    assert provider.act("half", "h2").json == {"result": "yes"}
    assert provider.total() == before + 2


def test_a_key_whose_time_is_over_is_a_new_one(provider):
    assert provider.act("pay", "old").outcome == "answered"
    before = provider.total()
    with sqlite3.connect(provider.database) as db:
        until, = db.execute("SELECT max(keep_until) FROM payvand_idempotency"
                            ).fetchone()
        db.execute("UPDATE payvand_idempotency SET keep_until = "
                   "'2020-01-01T00:00:00.000Z'")
    assert until > time.strftime("%Y-%m-%d", time.gmtime(
        time.time() + 29 * 86400))
    assert provider.act("pay", "old").outcome == "answered"
    assert provider.total() == before + 5


def test_the_table_of_keys_holds_digests(provider):
    assert provider.act("pay", "a-telling-key").outcome == "answered"
    text = repr(provider.rows("SELECT * FROM payvand_idempotency"))
    assert NATIONAL_ID not in text and "a-telling-key" not in text
    assert "setad" not in text


def test_an_inquiry_writes_nothing_beside_commands(provider):
    assert provider.call("sneak").outcome == "failed"
    assert provider.act("pay", "before-sneak").outcome == "answered"
    assert provider.call("sneak").outcome == "failed"
    assert len(provider.rows("SELECT * FROM account")) == 1


def test_r046_of_calls_at_once_with_one_key_one_acts(provider):
    before = provider.total()
    keys = ["at-once-%d" % i for i in range(100 if LONG else 10)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda key: answer_of(provider, "pay", key),
                                keys * 8))
    assert {json.dumps(a) for a in answers} == {'{"result": "yes"}'}
    assert provider.total() == before + 5 * len(keys)


def act_once(provider, name, key):
    """The answer of one try; None when it brought none."""
    try:
        answer = provider.act(name, key, timeout=20)
    except (OSError, http.client.HTTPException):
        return None
    return answer.json if answer.outcome == "answered" else None


def answer_of(provider, name, key):
    return wait_for("the answer of " + key,
                    lambda: act_once(provider, name, key))


def kill(provider, stop, whole):
    """SIGKILL to the workers, or to all of the connector, at some moment."""
    if stop.wait(random.uniform(0, 0.06)):
        return
    for pid in [provider.process.pid] if whole else provider.workers():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if whole:
        provider.process.wait()


@pytest.mark.parametrize("whole", [False, True], ids=["worker", "connector"])
def test_r046_a_killed_process_neither_acts_twice_nor_loses_an_answer(
        tmp_path, whole):
    provider = Provider(tmp_path)
    keys = 200 if LONG else 8
    answered = {}

    def pay(key):
        return act_once(provider, "slow", key)

    try:
        for i in range(keys):
            key = "killed-%d" % i
            stop = threading.Event()
            killer = threading.Thread(target=kill, args=(provider, stop, whole))
            killer.start()
            until = time.monotonic() + 60
            while key not in answered:
                assert time.monotonic() < until, provider.log()
                answer = pay(key)
                if answer is not None:
                    answered[key] = answer
                elif whole and provider.process.poll() is not None:
                    os.unlink(provider.socket)
                    provider = Provider(tmp_path)
            stop.set()
            killer.join()
            if whole and provider.process.poll() is not None:
                os.unlink(provider.socket)
                provider = Provider(tmp_path)
        for key, answer in answered.items():
            # a worker that was killed last may not be replaced yet
            assert wait_for("the answer again", lambda: pay(key)) == answer
        assert provider.total() == 5 * keys
        assert len(provider.rows("SELECT * FROM payment")) == keys
    finally:
        provider.stop()


@pytest.mark.parametrize("without", ["secret", "may_write"])
def test_a_configuration_without_what_commands_need_is_refused(tmp_path,
                                                               without):
    import subprocess
    provider = Provider(tmp_path)
    provider.stop()
    with open(provider.config) as file:
        config = json.load(file)
    del config[without]
    with open(provider.config, "w") as file:
        json.dump(config, file)
    done = subprocess.run([built("payvand-connectord"), "--config",
                           provider.config, "--check"], capture_output=True)
    assert done.returncode == 1 and without in done.stderr.decode()
