"""The connector alone: a real payvand-connectord over real SQLite, and over a
driver that hangs, crashes and leaks on demand (tests/fault/hang_driver.c)."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import uuid

import pytest

from harness import CATALOGUE, built, wait_for
from prometheus import prometheus

SQLITE = "/usr/lib/x86_64-linux-gnu/odbc/libsqlite3odbc.so"
PROVIDER = "civil-registration-organisation"
BASE = "/x/%s/sample/v1/" % PROVIDER
TRACKING_ID = "0198f2c4-0000-7000-8000-000000000000"
GATE = {"Payvand-Consumer": "setad", "Payvand-Tracking-Id": TRACKING_ID,
        "Content-Type": "application/json"}
NATIONAL_ID = "9991234561"
SPIN = ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
        "SELECT count(*) AS n FROM c")


def method(name, statement, inputs=(), outputs=({"name": "n",
                                                 "type": "count"},),
           answer="record", deadline_ms=2000, **more):
    pattern = "verify" if answer == "yes-if-row" else "inquiry"
    made = {"id": name, "pattern": pattern, "deadline_ms": deadline_ms,
            "inputs": list(inputs), "outputs": list(outputs),
            "statement": statement, "answer": answer, **more}
    if pattern == "verify":
        made["meaning"] = {"yes_fa": "هست", "yes_en": "so",
                           "no_fa": "نیست", "no_en": "not so"}
        made["outputs"] = [{"name": "result", "type": "yes_no"}]
    return made


def optional(name, kind):
    return {"name": name, "type": kind, "required": False,
            "absent_fa": "سنجیده نمی‌شود", "absent_en": "not compared"}


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.outcome = response.getheader("Payvand-Outcome")
        self.headers = [(k, v) for k, v in response.getheaders()
                        if k != "Date"]
        self.raw = response.read()
        self.json = json.loads(self.raw) if self.raw.strip() and "json" in (
            response.getheader("Content-Type") or "") else None


HERE = ("statement", "answer", "rows_as", "scalar_statement", "constants",
        "steps", "http")


def write_service(contract, service, methods):
    """What a method promises into one file, how it is found into the other."""
    head = {"service": "sample", "version": "v1", "provider": PROVIDER}
    with open(contract, "w") as out:
        json.dump({"contract": 1, **head, "basis": "proposed",
                   "title_fa": "نمونه", "title_en": "Sample",
                   "methods": [{k: v for k, v in one.items() if k not in HERE}
                               for one in methods]}, out, ensure_ascii=False)
    with open(service, "w") as out:
        json.dump({"format": 2, **head,
                   "methods": [{k: v for k, v in one.items()
                                if k in HERE or k == "id"}
                               for one in methods]}, out, ensure_ascii=False)


class Connector:
    def __init__(self, home, methods, dsn, driver="SQLite3", env=None,
                 **config):
        self.home = str(home)
        self.socket = os.path.join(self.home, "c.sock")
        self.service = os.path.join(self.home, "service.json")
        self.config = os.path.join(self.home, "config.json")
        self.log_path = os.path.join(self.home, "log")
        self.contract = os.path.join(self.home, "contract.json")
        write_service(self.contract, self.service, methods)
        with open(self.config, "w") as out:
            json.dump({"provider": PROVIDER, "socket": self.socket,
                       "peer_uid": None,
                       **({} if dsn is None else {"driver": driver,
                                                  "dsn": dsn}),
                       "contracts": [self.contract],
                       "services": [self.service],
                       "data_items": [
                           os.path.join(CATALOGUE, "data_items.json"),
                           os.path.join(CATALOGUE, "enactment.json")],
                       **config}, out)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [built("payvand-connectord"), "--config", self.config],
                stderr=log, stdout=log,
                env={"PATH": "/usr/bin:/bin",
                     "ASAN_OPTIONS": "detect_leaks=0", **(env or {})})
        self.wait(lambda: os.path.exists(self.socket))

    def wait(self, ready, seconds=10):
        until = time.monotonic() + seconds
        while not ready():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < until, self.log()
            time.sleep(0.01)

    def log(self):
        with open(self.log_path, errors="replace") as log:
            return log.read()

    def call(self, name, body=None, headers=None, path=None, verb="POST",
             timeout=30):
        connection = UnixHTTP(self.socket, timeout)
        data = body if isinstance(body, (bytes, str)) else json.dumps(
            body or {}, ensure_ascii=False)
        if isinstance(data, str):
            data = data.encode()
        try:
            connection.request(verb, path or BASE + name, data,
                               GATE if headers is None else headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def workers(self):
        pids = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as text:
                    line = text.read().split(b"\0")
                with open("/proc/%s/stat" % pid) as text:
                    parent = int(text.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if b"worker" in line and parent in self.children():
                pids.append(int(pid))
        return pids

    def children(self):
        found = []
        for task in os.listdir("/proc/%d/task" % self.process.pid):
            path = "/proc/%d/task/%s/children" % (self.process.pid, task)
            with open(path) as text:
                found += [int(p) for p in text.read().split()]
        return found

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        log = self.log()
        assert "Sanitizer" not in log and "runtime error" not in log, log
        return self.process.returncode


SAMPLE = [
    method("match", "SELECT 1 FROM person WHERE national_id = :national_id "
           "AND (:first_name IS NULL OR first_name = :first_name)",
           [{"name": "national_id", "type": "national_id"},
            optional("first_name", "first_name")], answer="yes-if-row"),
    method("person", "SELECT national_id AS \"who.id\", first_name AS "
           "\"who.first_name\", born AS birth_date FROM person "
           "WHERE national_id = :id AND :id.type = 'national_id'",
           [{"name": "id", "type": "person_unique_id"}],
           [{"name": "who", "type": "object", "items": [
               {"name": "id", "type": "national_id"},
               {"name": "first_name", "type": "first_name"}]},
            {"name": "birth_date", "type": "birth_date"}]),
    method("list", "SELECT code, name FROM division ORDER BY code", (),
           [{"name": "all", "type": "list", "items": [
               {"name": "code", "type": "division_code"},
               {"name": "name", "type": "division_name"}]},
            {"name": "as_of", "type": "last_change_date"}], "rows",
           rows_as="all", max_rows=3,
           scalar_statement="SELECT '1402-01-01' AS as_of"),
    method("many", "SELECT code, name FROM division, division b", (),
           [{"name": "all", "type": "list", "items": [
               {"name": "code", "type": "division_code"},
               {"name": "name", "type": "division_name"}]}], "rows",
           rows_as="all", max_rows=3),
    method("echo", "SELECT :iban AS iban, :company AS company_id, :bill AS "
           "bill_id, :post AS postal_code, :amount AS amount, :name AS name",
           [optional("iban", "iban"), optional("company", "legal_person_id"),
            optional("bill", "bill_id"), optional("post", "postal_code"),
            optional("amount", "amount_rial"),
            optional("name", "first_name")],
           [{"name": "iban", "type": "iban"},
            {"name": "company_id", "type": "legal_person_id"},
            {"name": "bill_id", "type": "bill_id"},
            {"name": "postal_code", "type": "postal_code"},
            {"name": "amount", "type": "amount_rial"},
            {"name": "name", "type": "first_name"}]),
    method("broken-output", "SELECT 'x' AS n"),
    method("broken-verify", "SELECT 1 FROM no_such_table", answer="yes-if-row"),
    method("write", "DELETE FROM person RETURNING 1 AS n"),
    method("slow", SPIN, deadline_ms=2000),
]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    home = tmp_path_factory.mktemp("c")
    path = str(home / "x.sqlite")
    with sqlite3.connect(path) as db:
        db.executescript("""
            CREATE TABLE person(national_id TEXT, first_name TEXT, born TEXT);
            CREATE TABLE division(code TEXT, name TEXT);
            INSERT INTO person VALUES('9991234561', 'زهرا‌سادات ی ک پ 𐎠',
                                      '1370-12-30');
            INSERT INTO division VALUES('01', 'تهران'), ('0101', 'شمیران');
        """)
    connector = Connector(home, SAMPLE, "Driver=%s;Database=%s" %
                          (SQLITE, path))
    connector.database = path
    yield connector
    connector.stop()


def test_yes_and_no_look_alike(sample):
    yes = sample.call("match", {"national_id": NATIONAL_ID})
    no = sample.call("match", {"national_id": "0499370899"})
    assert (yes.outcome, no.outcome) == ("answered", "answered")
    assert (yes.json, no.json) == ({"result": "yes"}, {"result": "no"})
    assert len(yes.raw) == len(no.raw)
    assert yes.headers == no.headers
    assert "answered" not in sample.log()


def test_every_answer_names_the_call_it_belongs_to(sample):
    for name, body, outcome in (
            ("match", {"national_id": NATIONAL_ID}, "answered"),
            ("match", {"national_id": "1"}, "invalid"),
            ("broken-verify", {}, "failed"), ("slow", {}, "timeout"),
            ("nope", {}, "failed")):
        headers = dict(GATE, **{"Payvand-Tracking-Id":
                                str(uuid.uuid4())})
        answer = sample.call(name, body, headers)
        assert answer.outcome == outcome
        assert [v for k, v in answer.headers if k == "Payvand-Tracking-Id"] \
            == [headers["Payvand-Tracking-Id"]]


def test_persian_text_survives(sample):
    name = "زهرا‌سادات ی ک پ 𐎠"
    answer = sample.call("match", {"national_id": NATIONAL_ID,
                                   "first_name": name})
    assert answer.json == {"result": "yes"}
    other = sample.call("match", {"national_id": NATIONAL_ID,
                                  "first_name": name.replace("ی", "ي")})
    assert other.json == {"result": "no"}
    found = sample.call("person", {"id": NATIONAL_ID})
    assert found.json == {"found": "yes", "birth_date": "1370-12-30",
                          "who": {"id": NATIONAL_ID, "first_name": name}}


def test_alternative_identifiers(sample):
    typed = {"id": {"type": "national_id", "value": NATIONAL_ID}}
    assert sample.call("person", typed).json["found"] == "yes"
    legal = {"id": {"type": "legal_person_id", "value": "99900123455"}}
    assert sample.call("person", legal).json == {"found": "no"}
    wrong = {"id": {"type": "foreigner_code", "value": NATIONAL_ID}}
    assert sample.call("person", wrong).outcome == "invalid"


def test_rows_and_scalars(sample):
    assert sample.call("list").json == {
        "found": "yes", "as_of": "1402-01-01",
        "all": [{"code": "01", "name": "تهران"},
                {"code": "0101", "name": "شمیران"}]}
    assert sample.call("many").outcome == "failed"


@pytest.mark.parametrize("item,good,bad", [
    ("iban", "IR820540102680020817909002", "IR820540102680020817909003"),
    ("company", "14007650912", "14007650913"),
    ("bill", "7748317800142", "7748317800143"),
    ("post", "1234567890", "123456789"),
    ("amount", "999999999999999999", "1000000000000000000"),
])
def test_identifiers_are_checked(sample, item, good, bad):
    assert sample.call("echo", {item: good}).outcome == "answered"
    answer = sample.call("echo", {item: bad})
    assert answer.status == 200 and answer.outcome == "invalid"
    assert answer.json["type"] == "urn:payvand:problem:contract"
    assert answer.json["member"] == item
    assert answer.json["detail_fa"]
    assert bad not in answer.raw.decode()


@pytest.mark.parametrize("body,fault", [
    (b'{"national_id":"9991234561","national_id":"9991234561"}', "duplicate"),
    (b'{"national_id":"9991234561","x":"1"}', "unknown"),
    (b'{}', "missing"), (b'', "not-json"), (b'{"national_id":', "not-json"),
    (b'[]', "not-object"), (b'{"national_id":9991234561}', "not-string"),
    (b'{"national_id":"9991234562"}', "check-digit"),
    (b'{"national_id":"\xff"}', "not-json"),
    (b'{"national_id":"9991234561\\u0000"}', "not-json"),
    (b'[' * 60000, "too-deep"), (b' ' * 70000, "too-large"),
])
def test_malformed_bodies_are_invalid(sample, body, fault):
    answer = sample.call("match", body)
    assert (answer.outcome, answer.json["fault"]) == ("invalid", fault)


def test_not_the_exchange_is_refused(sample):
    for leave_out in ("Payvand-Consumer", "Payvand-Tracking-Id"):
        headers = {k: v for k, v in GATE.items() if k != leave_out}
        answer = sample.call("match", {}, headers)
        assert (answer.status, answer.outcome) == (403, "failed")
    bad_id = dict(GATE, **{"Payvand-Tracking-Id": "x" * 36})
    assert sample.call("match", {}, bad_id).status == 403
    assert sample.call("match", {}, verb="GET").status == 405
    for path in (BASE + "nope", BASE + "match?x=1", BASE + "%6datch",
                 BASE + "match/", "/", BASE + "a" * 4000):
        assert sample.call("", {}, path=path).status == 404, path


def test_its_numbers_read_as_prometheus_text(sample):
    def numbers():
        return numbers_of(sample)
    name = 'payvand_connector_calls_total{outcome="%s"}'
    before = numbers()
    assert sample.call("broken-verify").outcome == "failed"
    assert sample.call("match", b"{").outcome == "invalid"
    after = numbers()
    for word, more in (("failed", 1), ("invalid", 1), ("answered", 0),
                       ("timeout", 0)):
        assert after[name % word] == before[name % word] + more
    assert sample.call("", {}, path="/metrics").status == 404


def test_failures_are_never_no(sample):
    for name in ("broken-output", "broken-verify"):
        answer = sample.call(name)
        assert (answer.status, answer.outcome) == (200, "failed")
    assert "connector.statement_refused" in sample.log()
    assert "connector.answer_breaks_contract" in sample.log()


def test_the_database_is_read_only(sample):
    assert sample.call("write").outcome == "failed"
    with sqlite3.connect(sample.database) as db:
        assert db.execute("SELECT count(*) FROM person").fetchone() == (1,)


def numbers_of(connector):
    answer = connector.call("", None, {}, path="/metrics", verb="GET")
    assert answer.status == 200 and answer.outcome is None
    return prometheus(answer.raw.decode())


def others_are_answered(connector, slow, fast, body):
    """Seconds that the slow ones took, which hold all that they may hold; a
    call that waited for one of them would end behind one."""
    def one(name):
        start = time.monotonic()
        assert connector.call(name).outcome == "timeout"
        return time.monotonic() - start

    assert connector.call(fast, body).outcome == "answered"
    with concurrent.futures.ThreadPoolExecutor(len(slow)) as pool:
        calls = [pool.submit(one, name) for name in slow]
        connector.wait(lambda: numbers_of(connector)[
            "payvand_connector_open"] > 3)
        assert connector.call(fast, body).outcome == "answered"
        assert not any(call.done() for call in calls)
        return [call.result() for call in calls]


def test_a_slow_statement_is_killed_at_its_deadline(sample):
    taken = others_are_answered(sample, ["slow"] * 6, "match",
                                {"national_id": NATIONAL_ID})
    assert min(taken) > 1.9, taken


def test_the_processes_give_up_what_they_can(sample):
    with open("/proc/%d/status" % sample.process.pid) as text:
        status = dict(line.split(":\t", 1) for line in text if ":\t" in line)
    assert status["NoNewPrivs"].strip() == "1"

    def without_cores():
        looked = 0
        for pid in [sample.process.pid] + sample.workers():
            try:
                with open("/proc/%d/limits" % pid) as text:
                    core = [x for x in text if x.startswith("Max core file")]
            except FileNotFoundError:
                continue  # a worker of the test before, gone meanwhile
            assert core[0].split()[4:6] == ["0", "0"]
            looked += 1
        return looked >= 2

    wait_for("the connector and a worker", without_cores)


# ---- the driver that misbehaves ----

ONE = [optional("mark", "first_name")]


def hang(home, extra="", methods=None, env=None, **config):
    methods = methods or [
        method("plain", "plain :mark", ONE),
        method("hang", "hang", deadline_ms=500),
        method("hang-too", "hang too", deadline_ms=500),
        method("crash", "crash"), method("leave", "leave"),
        method("lost", "lost"), method("two", "two"), method("long", "long"),
        method("write", "write :mark", ONE),
    ]
    driver = built("libpayvand-hang-odbc.so")
    return Connector(home, methods, "Driver=%s;%s" % (driver, extra),
                     driver=driver, env=env, **config)


@pytest.fixture
def bad(tmp_path):
    made = []

    def start(*args, **kwargs):
        made.append(hang(tmp_path, *args, **kwargs))
        return made[-1]

    yield start
    for connector in made:
        connector.stop()


HANGING = [method("plain", "plain :mark", ONE),
           method("hang", "hang", deadline_ms=3000),
           method("hang-too", "hang too", deadline_ms=3000)]


def test_a_hanging_system_call_is_killed_and_others_go_on(bad):
    connector = bad(methods=HANGING)
    taken = others_are_answered(connector, ["hang"] * 16, "plain", {})
    assert min(taken) > 2.9, taken
    connector.wait(lambda: len(connector.workers()) == 3)
    assert connector.call("plain").outcome == "answered"


def test_two_hanging_methods_leave_room(bad):
    """Also past the time after which a worker counts as slow."""
    others_are_answered(bad(methods=HANGING), ["hang", "hang-too"] * 4,
                        "plain", {})


def priorities(connector):
    found = []
    for pid in connector.workers():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open("/proc/%d/stat" % pid) as text:
                found.append(int(text.read().rsplit(")", 1)[1].split()[16]))
    return found


def test_what_hangs_is_tried_seldom_until_it_answers(bad, tmp_path):
    stuck = tmp_path / "stuck"
    stuck.touch()
    connector = bad(methods=[method("plain", "plain :mark", ONE),
                             method("stuck", "stuck", deadline_ms=200)],
                    env={"STUCK_FILE": str(stuck)})
    stop = threading.Event()
    ends = []

    def hammer():
        while not stop.is_set():
            ends.append(connector.call("stuck").outcome)

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        connector.wait(lambda: 19 in priorities(connector), 30)
        assert connector.call("plain").outcome == "answered"
        connector.wait(lambda: len(ends) >= 96, 60)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    # each of the two workers that it may hold was lost at every deadline
    killed = connector.log().count("connector.worker_killed")
    assert set(ends) == {"timeout"}
    assert killed <= len(ends) / 6, killed
    stuck.unlink()
    connector.wait(lambda: connector.call("stuck").outcome == "answered", 30)
    connector.wait(lambda: priorities(connector) == [os.nice(0)] * 3)
    assert connector.call("stuck").outcome == "answered"


def test_what_hangs_for_one_consumer_answers_the_others(bad):
    connector = bad(methods=[method("plain", "plain :mark", ONE),
                             method("trap", "trap :mark", ONE,
                                    deadline_ms=1000)], workers=6)
    stop = threading.Event()

    def hammer():
        while not stop.is_set():
            connector.call("trap", {"mark": "trap"},
                           headers={**GATE, "Payvand-Consumer": "other"})

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        connector.wait(lambda: 19 in priorities(connector), 30)
        ends = [connector.call("trap", {"mark": "fine"}).outcome
                for _ in range(12)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert ends[0] == "answered" and ends.count("answered") > 6, ends


def test_a_lost_worker_is_failed_and_replaced(bad):
    connector = bad()
    for name in ("crash", "leave", "lost"):
        assert connector.call(name).outcome == "failed", name
        assert connector.call("plain").outcome == "answered", name
    assert "sqlstate=08S01" in connector.log()
    for pid in connector.workers():
        suppress(os.kill, pid, signal.SIGKILL)  # one may be ending already
    time.sleep(0.05)
    assert connector.call("plain").outcome in ("answered", "failed")
    connector.wait(lambda: connector.call("plain").outcome == "answered")


def test_answers_past_their_bounds_fail(bad):
    connector = bad()
    assert connector.call("two").outcome == "failed"
    assert connector.call("long").outcome == "failed"
    assert connector.call("plain").outcome == "answered"


def test_a_full_queue_fails_at_once(bad):
    connector = bad(queue_max=8, methods=[
        method("plain", "plain :mark", ONE),
        method("hang", "hang", deadline_ms=3000)])
    connector.wait(lambda: connector.call("plain").outcome == "answered")
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        start = time.monotonic()

        def one(_):
            outcome = connector.call("hang").outcome
            return outcome, time.monotonic() - start

        done = list(pool.map(one, range(24)))
        full = [taken for outcome, taken in done if outcome == "failed"]
    # two with workers (one, while the second connects), four in the queue
    assert len(full) in (24 - 2 - 4, 24 - 1 - 4), done
    assert max(full) < 2.5, "before those in the queue"
    assert "reason=queue-full" in connector.log()


def test_a_driver_that_hangs_when_connecting(bad):
    connector = bad("hang-connect")
    start = time.monotonic()
    answer = connector.call("plain")
    assert answer.outcome == "timeout"
    assert time.monotonic() - start > 1.8   # its deadline, and no more


def test_a_database_that_is_not_there(tmp_path):
    connector = Connector(tmp_path, [method("n", "SELECT 1 AS n")],
                          "Driver=%s;Database=%s/none.sqlite" %
                          (SQLITE, tmp_path))
    try:
        connector.wait(lambda: "backend_down" in connector.log())
        start = time.monotonic()
        assert connector.call("n").outcome == "failed"
        assert time.monotonic() - start < 1.5   # of a deadline of 2 s
        assert not os.path.exists(str(tmp_path / "none.sqlite"))
        sqlite3.connect(str(tmp_path / "none.sqlite")).execute(
            "CREATE TABLE t(a)").connection.commit()
        connector.wait(lambda: connector.call("n").outcome == "answered")
        assert "backend_up" in connector.log()
    finally:
        connector.stop()


def test_a_talking_driver_leaves_nothing_behind(bad, tmp_path):
    marker = "نشانه‌ای‌که‌نباید‌بماند"
    connector = bad(env={"MARK_FILE": str(tmp_path / "mark")})
    assert connector.call("write", {"mark": marker}).outcome == "answered"
    assert connector.call("plain", {"mark": marker}).outcome == "answered"
    connector.stop()
    for folder, _, files in os.walk(tmp_path):
        for name in files:
            with open(os.path.join(folder, name), "rb") as text:
                assert marker.encode() not in text.read(), name


def test_kill_of_the_main_process_takes_all_with_it(bad):
    connector = bad()
    connector.wait(lambda: len(connector.workers()) == 3)
    threading.Thread(target=lambda: suppress(connector.call, "hang")).start()
    time.sleep(0.2)
    family = connector.workers() + connector.children()
    connector.process.kill()
    connector.process.wait()
    until = time.monotonic() + 5
    while any(os.path.exists("/proc/%d" % pid) and
              not is_zombie(pid) for pid in family):
        assert time.monotonic() < until, family
        time.sleep(0.02)


def suppress(function, *args):
    try:
        function(*args)
    except (OSError, http.client.HTTPException):
        pass


def is_zombie(pid):
    try:
        with open("/proc/%d/stat" % pid) as text:
            return text.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_the_end_answers_what_has_begun(bad):
    connector = bad()
    connector.wait(lambda: connector.call("plain").outcome == "answered")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(connector.call, "hang")
        time.sleep(0.1)
        assert connector.stop() == 0
        assert call.result().outcome == "timeout"
    assert not os.path.exists(connector.socket)


def test_the_end_waits_for_a_body_that_is_under_way(bad):
    connector = bad()
    connector.wait(lambda: connector.call("plain").outcome == "answered")
    late = UnixHTTP(connector.socket, 5)
    late.connect()
    late.sock.sendall(("POST %splain HTTP/1.1\r\nHost: x\r\n%sContent-Length:"
                       " 2\r\n\r\n{" % (BASE, "".join(
                           "%s: %s\r\n" % h for h in GATE.items()))).encode())
    time.sleep(0.1)
    connector.process.terminate()
    time.sleep(0.1)
    late.sock.sendall(b"}")
    answer = late.sock.recv(4096)
    assert b"Payvand-Outcome: answered" in answer
    assert b"Connection: close" in answer
    assert connector.process.wait(5) == 0


def test_without_its_spawner_it_ends_and_says_so(bad):
    connector = bad()
    connector.wait(lambda: connector.call("plain").outcome == "answered")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(connector.call, "hang")
        time.sleep(0.1)
        for pid in connector.children():
            os.kill(pid, signal.SIGKILL)
        assert connector.process.wait(10) == 1
        assert call.result().outcome == "failed"
    assert "connector.spawner_gone" in connector.log()


def test_another_uid_is_refused(bad):
    if os.geteuid() == 12345:
        pytest.skip("this is that user")
    connector = bad(peer_uid=12345)
    with pytest.raises((OSError, http.client.HTTPException)):
        connector.call("plain")
    assert "connector.peer_refused" in connector.log()


def test_configuration_faults_are_named(tmp_path):
    home = str(tmp_path)
    for change, word in (({"colour": 1}, "colour"), ({"workers": 0},
                         "workers"), ({"services": ["/none"]}, "/none"),
                         ({"provider": "other"}, "provider")):
        config = {"provider": PROVIDER, "socket": home + "/s", "dsn": "x",
                  "driver": "x", "contracts": [home + "/contract.json"],
                  "services": [home + "/service.json"],
                  "data_items": [os.path.join(CATALOGUE, "data_items.json"),
                                 os.path.join(CATALOGUE, "enactment.json")],
                  **change}
        with open(home + "/config.json", "w") as out:
            json.dump(config, out)
        write_service(home + "/contract.json", home + "/service.json",
                      [method("n", "SELECT 1 AS n")])
        done = subprocess.run([built("payvand-connectord"), "--check",
                               "--config", home + "/config.json"],
                              capture_output=True, text=True,
                              env={"ASAN_OPTIONS": "detect_leaks=0"})
        assert done.returncode != 0 and word in done.stderr, done.stderr
