"""Consent numbers (R-134 to R-145) and the access ledger (R-094), in the
connector's keeper."""

import concurrent.futures
import datetime
import http.client
import json
import os
import random
import sqlite3
import subprocess
import threading
import time
import uuid

import pytest

import desk
from harness import built, program_env, wait_for
from test_connectord import GATE, NATIONAL_ID, SQLITE, Connector, method

LONG = os.environ.get("PAYVAND_LONG") == "1"
OTHER_ID = "0499370899"
COMPANY = "14007650912"
SERVICE = "civil-registration-organisation/sample/v1"
TAXPAYER = [{"name": "taxpayer_id", "type": "person_unique_id"}]
AMOUNT = [{"name": "amount", "type": "amount_rial"}]
FIND = "SELECT amount FROM filed WHERE id = :taxpayer_id"
METHODS = [
    method("return", FIND, TAXPAYER, AMOUNT,
           consent={"valid_months": 1, "uses": 2, "shared": True}),
    method("income", FIND, TAXPAYER, AMOUNT,
           consent={"valid_months": 1, "uses": 2, "shared": True}),
    method("alone", FIND, TAXPAYER, AMOUNT,
           consent={"valid_months": 2, "uses": 2, "shared": False}),
    method("broken", "SELECT 'x' AS amount WHERE :taxpayer_id <> ''", TAXPAYER,
           AMOUNT, consent={"valid_months": 1, "uses": 2}),
    method("open", FIND, TAXPAYER, AMOUNT),
    method("holders", "SELECT :holders AS n WHERE 0", [
        {"name": "holders", "type": "list", "min_items": 1, "max_items": 5,
         "items": [{"name": "holder_id", "type": "account_holder_id"}]},
        {"name": "chief", "type": "national_id"}]),
]
AGENCIES = [
    {"id": "science", "title_fa": "معاونت علمی", "title_en": "Science office",
     "systems": ["science-app", "science-desk"]},
    {"id": "bank", "title_fa": "بانک", "title_en": "Bank",
     "systems": ["bank-app"]},
    {"id": "court", "title_fa": "دادگاه", "title_en": "Court",
     "systems": ["court-app"]},
]


class Office(Connector):
    def __init__(self, home, methods=None, **config):
        self.database = str(home / "x.sqlite")
        self.file = str(home / "keeper.sqlite")
        self.desk = str(home / "desk.sock")
        if not os.path.exists(self.database):
            with sqlite3.connect(self.database) as db:
                db.executescript("""
                    CREATE TABLE filed(id TEXT, amount TEXT);
                    INSERT INTO filed VALUES('%s', '100'), ('%s', '7');
                """ % (NATIONAL_ID, COMPANY))
        secret = str(home / "secret")
        if not os.path.exists(secret):
            with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600),
                      "wb") as file:
                file.write(os.urandom(32))
        super().__init__(home, methods or METHODS, "Driver=%s;Database=%s" % (
            SQLITE, self.database), **{
                "secret": secret, "keeper": {
                    "file": self.file, "desk": self.desk, "ledger_days": 30,
                    "agencies": AGENCIES,
                    "delays": [{"consumer": "court-app", "days": 400},
                               {"grant": "g-secret", "days": 10}]}, **config})

    def ask(self, do, **more):
        return desk.ask(self.desk, do, **more)

    def issue(self, person=NATIONAL_ID, agency="science", service=SERVICE):
        said = self.ask("issue", person=person, agency=agency,
                        service=service, purpose="وام دانش‌بنیان")
        assert len(said["number"]) == 16 and said["number"].isdigit(), said
        return said["number"]

    def use(self, number, name="return", person=NATIONAL_ID,
            consumer="science-app", tracking=None, **headers):
        head = {**GATE, "Payvand-Consumer": consumer,
                "Payvand-Tracking-Id": tracking or str(uuid.uuid4()),
                **headers}
        if number is not None:
            head["Payvand-Consent"] = number
        return self.call(name, {"taxpayer_id": person}, head)

    def row(self, person=NATIONAL_ID):
        return self.ask("list", person=person)["consents"][0]

    def calls(self, person=NATIONAL_ID, **more):
        return self.ask("who-asked", person=person, **more)["calls"]


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    made = Office(tmp_path_factory.mktemp("consent"))
    yield made
    made.stop()


def refused(answer, word):
    assert (answer.status, answer.outcome) == (200, "failed"), answer.raw
    assert answer.json["type"] == "urn:payvand:problem:consent-" + word
    assert answer.json["title_fa"]
    return True


def test_r137_a_number_is_good_for_two_calls(office):
    number = office.issue()
    grouped = " ".join(number[i:i + 4] for i in range(0, 16, 4))
    assert office.use(number).json == {"found": "yes", "amount": "100"}
    assert office.row()["used"] == 1 and office.row()["state"] == "valid"
    assert office.use(grouped).outcome == "answered"
    assert refused(office.use(number), "used-up")
    assert office.row()["used"] == 2 and office.row()["state"] == "used-up"


def test_r135_without_a_number_nothing_is_answered(office):
    for number in (None, "123", "123456789012345x", "12345678901234567"):
        assert refused(office.use(number), "missing")


def test_r136_a_number_ends_after_a_jalali_month(office):
    number = office.issue()
    row = office.row()
    made, ends = (datetime.datetime.fromisoformat(row[name].rstrip("Z"))
                  for name in ("made", "ends"))
    assert 29 <= (ends - made).days <= 31
    # the same time of the same day, or of the last of a shorter month
    assert made.time() == ends.time()
    days = [list(map(int, row[name].split("-")))
            for name in ("made_jalali", "ends_jalali")]
    assert (days[1][1] - days[0][1]) % 12 == 1
    assert days[1][2] == days[0][2] or days[1][2] in (29, 30)
    with sqlite3.connect(office.file, timeout=20) as db:
        db.execute("UPDATE consent SET ends_ms = ? WHERE id = ?",
                   (int(time.time() * 1000) - 1, row["id"]))
    assert refused(office.use(number), "expired")
    assert office.row()["state"] == "expired" and office.row()["used"] == 0


def test_r138_a_number_is_of_one_person_agency_and_service(office):
    number = office.issue()
    assert refused(office.use(number, person=COMPANY), "unknown")
    assert refused(office.use(number, consumer="bank-app"), "unknown")
    assert refused(office.use(number[::-1]), "unknown")
    # another system of the same agency is that agency
    assert office.use(number, consumer="science-desk").outcome == "answered"
    assert office.ask("issue", person=NATIONAL_ID, agency="science",
                      service="p/other/v1")["error"] == "service"
    with sqlite3.connect(office.file, timeout=20) as db:
        db.execute("DELETE FROM wrong")


def test_r140_methods_share_the_count_unless_the_contract_says_else(office):
    number = office.issue()
    assert office.use(number, "return").outcome == "answered"
    assert office.use(number, "income").outcome == "answered"
    assert refused(office.use(number, "return"), "used-up")
    number = office.issue(service="")
    assert office.use(number, "alone").outcome == "answered"
    assert office.use(number, "alone").outcome == "answered"
    assert refused(office.use(number, "alone"), "used-up")


def test_r145_another_provider_sets_other_limits(tmp_path):
    """By its contract alone: three months and five uses, and one use."""
    for months, uses in ((3, 5), (12, 1)):
        home = tmp_path / str(uses)
        home.mkdir()
        other = Office(home, [method("read", FIND, TAXPAYER, AMOUNT, consent={
            "valid_months": months, "uses": uses})])
        try:
            number = other.issue()
            row = other.row()
            made, ends = (list(map(int, row[name].split("-")))
                          for name in ("made_jalali", "ends_jalali"))
            assert (ends[0] - made[0]) * 12 + ends[1] - made[1] == months
            assert row["uses"] == uses
            for _ in range(uses):
                assert other.use(number, "read").outcome == "answered"
            assert refused(other.use(number, "read"), "used-up")
        finally:
            other.stop()


def test_r141_a_call_that_failed_technically_is_not_counted(office):
    number = office.issue()
    for _ in range(3):
        assert office.use(number, "broken").json["type"] == \
            "urn:payvand:problem:provider-answer"
    assert office.row()["used"] == 0
    # not found is an answer too
    other = office.issue(person=OTHER_ID)
    assert office.use(other, person=OTHER_ID).json == {"found": "no"}
    assert office.row(OTHER_ID)["used"] == 1


def test_a_call_that_comes_twice_counts_once(office):
    number = office.issue()
    same = str(uuid.uuid4())
    for _ in range(4):
        assert office.use(number, tracking=same).outcome == "answered"
    assert office.row()["used"] == 1
    assert office.use(number).outcome == "answered"
    assert office.use(number, tracking=same).outcome == "answered"
    assert refused(office.use(number), "used-up")


def test_r142_the_person_sees_and_withdraws(office):
    number = office.issue()
    row = office.row()
    assert (row["agency"], row["agency_fa"]) == ("science", "معاونت علمی")
    assert (row["service_en"], row["uses"]) == ("Sample", 2)
    assert row["purpose"] == "وام دانش‌بنیان"
    assert office.ask("withdraw", person=COMPANY, id=row["id"]) == {
        "error": "not-found"}
    assert office.use(number).outcome == "answered"
    assert office.ask("withdraw", person=NATIONAL_ID, id=row["id"]) == {
        "withdrawn": True}
    assert refused(office.use(number), "withdrawn")
    assert office.row()["state"] == "withdrawn"
    assert office.ask("withdraw", person=NATIONAL_ID, id=row["id"]) == {
        "error": "not-found"}


def test_wrong_numbers_are_limited_for_a_consumer_and_a_person(office):
    number = office.issue()
    for i in range(5):
        assert refused(office.use("%016d" % i), "unknown")
    assert refused(office.use(number), "limited")
    other = office.issue(person=OTHER_ID)
    assert office.use(other, person=OTHER_ID).outcome == "answered"
    with sqlite3.connect(office.file, timeout=20) as db:
        db.execute("UPDATE wrong SET since_ms = since_ms - 86400001")
    assert office.use(number).outcome == "answered"


def test_the_desk_takes_nothing_that_it_does_not_know(office):
    for request, word in (
            ({"do": "sing"}, "request"),
            ({"do": "list", "person": "9991234562"}, "person"),
            ({"do": "list"}, "person"),
            ({"do": "issue", "person": NATIONAL_ID, "agency": "nobody",
              "service": SERVICE}, "agency"),
            ({"do": "issue", "person": NATIONAL_ID, "agency": "bank",
              "service": SERVICE, "purpose": "x" * 301}, "purpose")):
        assert office.ask(**request) == {"error": word}
    terms = office.ask("terms")
    assert terms["services"] == [{
        "service": SERVICE, "title_fa": "نمونه", "title_en": "Sample",
        "months": 1, "uses": 2}]
    assert [a["id"] for a in terms["agencies"]] == ["science", "bank", "court"]


def test_r094_the_provider_can_say_who_asked(office):
    before = len(office.calls(COMPANY))
    tracking = str(uuid.uuid4())
    answer = office.use(None, "open", COMPANY, "bank-app", tracking,
                        **{"Payvand-Grant": "g-1"})
    assert answer.outcome == "answered"
    row = office.calls(COMPANY)[0]
    assert len(office.calls(COMPANY)) == before + 1
    assert row["tracking_id"] == tracking and row["grant"] == "g-1"
    assert (row["agency"], row["agency_en"], row["consumer"]) == (
        "bank", "Bank", "bank-app")
    assert row["path"].endswith("/open") and row["outcome"] == "answered"
    assert row["service_fa"] == "نمونه" and row["at_jalali"].startswith("14")


def test_r094_everyone_in_the_request_is_found(office):
    body = {"holders": [{"holder_id": COMPANY},
                        {"holder_id": {"type": "national_id",
                                       "value": NATIONAL_ID}},
                        {"holder_id": COMPANY}], "chief": OTHER_ID}
    before = [len(office.calls(p)) for p in (COMPANY, NATIONAL_ID, OTHER_ID)]
    office.call("holders", body)
    after = [len(office.calls(p)) for p in (COMPANY, NATIONAL_ID, OTHER_ID)]
    assert after == [n + 1 for n in before]


def test_r094_some_calls_are_told_later(office):
    before = len(office.calls(COMPANY))
    office.use(None, "open", COMPANY, "court-app")
    office.use(None, "open", COMPANY, "bank-app",
               **{"Payvand-Grant": "g-secret"})
    assert len(office.calls(COMPANY)) == before
    hidden = office.calls(COMPANY, all=True)[:2]
    told = [datetime.datetime.fromisoformat(r["told_from"].rstrip("Z")) -
            datetime.datetime.fromisoformat(r["at"].rstrip("Z"))
            for r in hidden]
    assert [t.days for t in told] == [10, 400]
    with sqlite3.connect(office.file, timeout=20) as db:
        db.execute("UPDATE ledger SET told_ms = at_ms WHERE "
                   "consumer = 'court-app'")
    assert len(office.calls(COMPANY)) == before + 1


def test_r144_the_file_holds_no_number_and_nobody(office):
    number = office.issue()
    office.use(number)
    text = b""
    for name in (office.file, office.file + "-wal"):
        with open(name, "rb") as file:
            text += file.read()
    for secret in (number, NATIONAL_ID, COMPANY, OTHER_ID):
        assert secret.encode() not in text
    assert number not in office.log() and NATIONAL_ID not in office.log()
    assert os.stat(office.file).st_mode & 0o777 == 0o600


def test_r137_calls_at_once_are_counted_exactly(office):
    """With a number of two uses, of many calls at once two are answered."""
    numbers = [office.issue() for _ in range(200 if LONG else 10)]
    todo = numbers * (50 if LONG else 12)
    random.shuffle(todo)
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(office.use, todo))
    got = dict.fromkeys(numbers, 0)
    for number, answer in zip(todo, answers):
        if answer.outcome == "answered":
            got[number] += 1
        else:
            assert answer.json["type"].endswith(("used-up",
                                                 "provider-answer"))
    # a call may be refused while another holds the last use and then fails
    for number in numbers:
        while got[number] < 2:
            assert office.use(number).outcome == "answered"
            got[number] += 1
        assert refused(office.use(number), "used-up")
    assert set(got.values()) == {2}


def test_a_file_has_one_keeper(office, tmp_path):
    with open(office.config) as file:
        config = json.load(file)
    config["socket"] = str(tmp_path / "c.sock")
    config["keeper"]["desk"] = str(tmp_path / "desk.sock")
    with open(tmp_path / "config.json", "w") as file:
        json.dump(config, file)
    done = subprocess.run([built("payvand-connectord"), "--config",
                           str(tmp_path / "config.json")], timeout=30,
                          env=program_env(), capture_output=True)
    assert done.returncode == 1
    assert b"another keeper holds it" in done.stderr


@pytest.mark.parametrize("who", ["keeper", "connector"])
def test_r137_a_crash_neither_loses_nor_adds_a_use(tmp_path, who):
    office = Office(tmp_path)
    numbers = [office.issue() for _ in range(100 if LONG else 4)]
    given = dict.fromkeys(numbers, 0)
    asked = {}
    try:
        for number in numbers:
            pids = [office.process.pid] if who == "connector" else keeper_of(
                office)

            def kill(pids=pids):
                time.sleep(random.uniform(0, 0.03))
                for pid in pids:
                    os.kill(pid, 9)
            killer = threading.Thread(target=kill)
            killer.start()
            while office.process.poll() is None and given[number] < 2:
                tracking = str(uuid.uuid4())
                try:
                    answer = office.use(number, tracking=tracking)
                except (OSError, http.client.HTTPException):
                    break
                if answer.outcome == "answered":
                    given[number] += 1
                    asked[tracking] = number
            killer.join()
            wait_for("the connector to end",
                     lambda: office.process.poll() is not None)
            for path in (office.socket, office.desk):
                if os.path.exists(path):
                    os.unlink(path)
            office = Office(tmp_path)
        told = {row["tracking_id"] for row in office.calls()}
        assert set(asked) <= told  # no answer left unrecorded
        for number in numbers:
            left = 0
            while office.use(number).outcome == "answered":
                left += 1
            # a use may be counted whose answer was lost on its way
            assert given[number] + left in (1, 2)
    finally:
        office.stop()


def payvand(office, *words, said=None, lang="en"):
    return subprocess.run(
        [built("payvand"), *words, "--lang", lang], input=said, text=True,
        env={**program_env(), "PAYVAND_DESK": office.desk}, capture_output=True,
        timeout=20)


def test_r142_a_number_is_given_at_a_counter(office):
    words = ("consent", "issue", "--agency", "science", "--service", SERVICE,
             "--purpose", "وام", "-")
    asked = payvand(office, *words, said=NATIONAL_ID + "\n")
    assert asked.returncode == 1 and "--yes" in asked.stderr
    for text in ("Science office", "Sample", "وام", "Jalali months", "2"):
        assert text in asked.stderr
    given = payvand(office, *words, "--yes", said=NATIONAL_ID + "\n")
    assert given.returncode == 0, given.stderr
    number = given.stdout.split("\n")[0]
    assert [len(part) for part in number.split()] == [4, 4, 4, 4]
    assert office.use(number).outcome == "answered"
    listed = payvand(office, "consent", "list", NATIONAL_ID, lang="fa")
    assert "معاونت علمی" in listed.stdout and "معتبر" in listed.stdout
    row = json.loads(payvand(office, "consent", "list", "--json",
                             NATIONAL_ID).stdout)["consents"][0]
    assert row["used"] == 1
    gone = payvand(office, "consent", "withdraw", "--id", str(row["id"]),
                   NATIONAL_ID)
    assert gone.returncode == 0
    assert refused(office.use(number), "withdrawn")
    again = payvand(office, "consent", "withdraw", "--id", str(row["id"]),
                    NATIONAL_ID)
    assert again.returncode == 1 and "no such number" in again.stderr
    terms = payvand(office, "consent", "terms", lang="fa")
    assert SERVICE in terms.stdout and "دادگاه" in terms.stdout


def test_r094_payvand_says_who_asked(office):
    tracking = str(uuid.uuid4())
    office.use(None, "open", OTHER_ID, "bank-app", tracking,
               **{"Payvand-Grant": "g-1"})
    said = payvand(office, "who-asked", OTHER_ID)
    assert said.returncode == 0
    assert tracking in said.stdout and "Bank (bank-app)" in said.stdout
    assert "Sample / open: answered" in said.stdout
    assert "بانک" in payvand(office, "who-asked", "-", said=OTHER_ID + "\n",
                             lang="fa").stdout
    calls = json.loads(payvand(office, "who-asked", "--json",
                               OTHER_ID).stdout)["calls"]
    assert calls[0]["tracking_id"] == tracking
    wrong = payvand(office, "who-asked", "123")
    assert wrong.returncode == 1 and "national id" in wrong.stderr
    assert payvand(office, "who-asked").returncode == 2


def keeper_of(office):
    found = []
    for pid in office.children():
        with open("/proc/%d/cmdline" % pid, "rb") as line:
            if b"keeper" in line.read():
                found.append(pid)
    assert found
    return found


def doctor(folder):
    """{id: level} of what it finds of the keeper."""
    done = subprocess.run(
        [built("payvand"), "doctor", "--all", "--json", "--providers",
         str(folder)], env=program_env(), capture_output=True, timeout=60,
        check=False)
    return {f["id"]: f["level"] for f in json.loads(done.stdout)["findings"]
            if f["id"].startswith(("keeper", "connector"))}


def test_doctor_looks_at_the_keeper(office, tmp_path):
    with open(office.config) as file:
        config = json.load(file)

    def found(**changes):
        with open(tmp_path / "c.json", "w") as file:
            json.dump({**config, **changes,
                       "keeper": {**config["keeper"],
                                  **changes.get("keeper", {})}}, file)
        return doctor(tmp_path)

    good = found()
    assert good["keeper"] == good["connector"] == "ok", good
    loose = tmp_path / "loose"
    loose.write_bytes(b"x" * 32)
    loose.chmod(0o640)
    for word, changes in (
            ("connector.secret", {"secret": str(loose)}),
            ("connector.secret", {"secret": str(tmp_path / "none")}),
            ("keeper.file", {"keeper": {"file": str(tmp_path / "none")}}),
            ("keeper.file", {"keeper": {"file": str(loose)}}),
            ("keeper.desk", {"keeper": {"desk": str(tmp_path / "none")}})):
        bad = found(**changes)
        assert bad[word] != "ok" and "keeper" not in bad, bad
