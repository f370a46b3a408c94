"""What a contract says beside its fields, held by the provider's connector.

Each test is named by the requirement whose rule it is. Connectors of the
catalogue answer from the synthetic country; the exchange is not needed.
"""

import datetime
import glob
import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess

import pytest

from connectors import needs
from harness import CATALOGUE, Process, built, program_env, wait_for

TRACKING = "0190b2c0-0000-7000-8000-%012d"


class UnixHTTP(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Providers:
    """The connectors of the catalogue, each started when first asked."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.country = os.path.join(self.folder, "country")
        subprocess.run([built("payvand-country"), "--seed", "7", "--persons",
                        "2000", "--out", self.country, "--quiet"], check=True,
                       timeout=120)
        self.processes = {}
        self.secret = os.path.join(self.folder, "secret")
        with open(os.open(self.secret, os.O_WRONLY | os.O_CREAT, 0o600),
                  "wb") as file:
            file.write(os.urandom(32))
        self.calls = 0

    def rows(self, provider, sql):
        path = os.path.join(self.country, provider + ".sqlite")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            return db.execute(sql).fetchall()

    def start(self, provider):
        path = os.path.join(self.folder, provider)
        files = {name: sorted(glob.glob(os.path.join(
            CATALOGUE, name, provider, "*.json")))
            for name in ("contracts", "services")}
        with open(path + ".json", "w") as out:
            json.dump({
                "provider": provider, "socket": path + ".sock",
                "peer_uid": os.getuid(), "driver": "SQLite3",
                "dsn": "Driver=SQLite3;Database=%s/%s.sqlite;" % (
                    self.country, provider),
                "data_items": [os.path.join(CATALOGUE, "data_items.json"),
                               os.path.join(CATALOGUE, "enactment.json"),
                               os.path.join(CATALOGUE,
                                            "data_items_proposed.json")],
                "workers": 2, "queue_max": 16, "secret": self.secret,
                **files, **needs(provider, self.folder)}, out)
        process = Process(provider, [built("payvand-connectord"), "--config",
                                     path + ".json"], path + ".log",
                          env=program_env())
        self.processes[provider] = process
        wait_for("the connector of " + provider,
                 lambda: os.path.exists(path + ".sock"))

    def call(self, path, consumer="test-consumer", **inputs):
        provider = path.split("/")[0]
        if provider not in self.processes:
            self.start(provider)
        self.calls += 1
        connection = UnixHTTP(os.path.join(self.folder, provider + ".sock"))
        connection.request("POST", "/x/" + path, json.dumps(inputs), {
            "Content-Type": "application/json",
            "Payvand-Consumer": consumer,
            "Payvand-Tracking-Id": TRACKING % self.calls})
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return response.getheader("Payvand-Outcome"), answer

    def length(self, path, **inputs):
        """Bytes of the answer's body."""
        connection = UnixHTTP(os.path.join(self.folder,
                                           path.split("/")[0] + ".sock"))
        self.calls += 1
        connection.request("POST", "/x/" + path, json.dumps(inputs), {
            "Content-Type": "application/json", "Payvand-Consumer": "x",
            "Payvand-Tracking-Id": TRACKING % self.calls})
        return len(connection.getresponse().read())

    def stop(self):
        for process in self.processes.values():
            process.stop()


@pytest.fixture(scope="module")
def providers(tmp_path_factory):
    made = Providers(tmp_path_factory.mktemp("rules"))
    yield made
    made.stop()


def test_r166_an_end_before_the_start_is_an_input_error_not_no(providers):
    company = providers.rows("vp-science-technology",
                             "SELECT company_id FROM approval")[0][0]
    path = "vp-science-technology/knowledge-based-company-status/v1/verify"
    outcome, answer = providers.call(path, company_id=company,
                                     start_date="1402-01-02",
                                     end_date="1402-01-01")
    assert (outcome, answer["fault"], answer["member"]) == (
        "invalid", "not-before", "end_date")
    outcome, answer = providers.call(path, company_id=company,
                                     start_date="1499-01-01")
    assert (outcome, answer["fault"]) == ("invalid", "future")
    outcome, answer = providers.call(path, company_id=company,
                                     start_date="1402-01-01",
                                     end_date="1402-01-01")
    assert outcome == "answered" and answer["result"] in ("yes", "no")


def test_r178_the_address_ended_with_shahrivar_1402(providers):
    bill, address = providers.rows(
        "tavanir", "SELECT bill_id, address FROM connection "
        "WHERE address IS NOT NULL")[0]
    outcome, answer = providers.call(
        "tavanir/electricity-connection-address/v1/inquire", bill_id=bill)
    assert address and outcome == "answered" and answer["found"] == "yes"
    assert "address" not in answer and answer["postal_code"]


@pytest.mark.parametrize("method,name", [("by-national-id", "national_id"),
                                         ("by-tracking-id", "tracking_id")])
def test_r159_r149_an_answer_says_since_when_and_when(providers, method, name):
    provider = "judiciary-statistics-centre"
    old = providers.rows(provider, f"SELECT {name} FROM cheque_case WHERE "
                         "filed_on >= '1400-01-01'")[0][0]
    path = f"{provider}/cheque-litigation-status/v1/{method}"
    before = datetime.datetime.now(datetime.timezone.utc)
    yes = providers.call(path, **{name: old})[1]
    no = providers.call(path, **{
        name: "9991234561" if name == "national_id" else "1"})[1]
    assert yes["result"] == "yes" and no["result"] in ("yes", "no")
    for answer in (yes, no):
        assert answer["coverage_from"] == "1400-01-01"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                            answer["determined_at"])
        at = datetime.datetime.fromisoformat(
            answer["determined_at"].replace("Z", "+00:00"))
        assert abs((at - before).total_seconds()) < 60


NOTE = "ministry-economic-affairs-finance/promissory-note/v1/"


def note(providers, which=0):
    """A valid note, as its two methods want it."""
    rows = providers.rows(
        "ministry-economic-affairs-finance",
        "SELECT note_serial, obligor_id, beneficiary_id, amount FROM "
        "promissory_note WHERE note_status = 'valid' ORDER BY 1")
    return dict(zip(("note_serial", "obligor_id", "beneficiary_id", "amount"),
                    map(str, rows[which])))


def parties(providers, serial, **more):
    member = providers.rows(
        "ministry-economic-affairs-finance",
        "SELECT agency_unique_id FROM setad_member WHERE is_current = 1")[0][0]
    return providers.call(NOTE + "note-parties", note_serial=serial,
                          agency_id=member, **more)


def test_r154_method_two_only_after_a_yes_of_method_one(providers):
    one, other = note(providers), note(providers, 1)
    outcome, yes = providers.call(NOTE + "verify-note", **one)
    assert (outcome, yes["result"]) == ("answered", "yes")
    token = yes["order_token"]
    outcome, answer = parties(providers, one["note_serial"], order_token=token)
    assert outcome == "answered" and answer["found"] == "yes"
    assert answer["obligor"]["id"] == one["obligor_id"]
    # the token says nothing of the note, and is of no use for another one
    assert one["note_serial"] not in token
    for serial, consumer, bad in (
            (other["note_serial"], "test-consumer", token),
            (one["note_serial"], "another-consumer", token),
            (one["note_serial"], "test-consumer", token[:-4] + "AAA="),
            (one["note_serial"], "test-consumer", "AAAA"),
            (one["note_serial"], "test-consumer", "")):
        outcome, answer = parties(providers, serial, consumer=consumer,
                                  order_token=bad)
        assert outcome == "failed", (serial, consumer, bad)
        assert answer["type"] == "urn:payvand:problem:method-order"
    outcome, answer = parties(providers, one["note_serial"])
    assert (outcome, answer["fault"], answer["member"]) == (
        "invalid", "missing", "order_token")


def test_r154_a_no_brings_no_token_and_looks_like_a_yes(providers):
    one = note(providers)
    outcome, no = providers.call(NOTE + "verify-note",
                                 **{**one, "amount": "1"})
    assert (outcome, no) == ("answered", {"result": "no"})
    lengths = {providers.length(NOTE + "verify-note", **inputs)
               for inputs in (one, {**one, "amount": "1"})}
    assert lengths == {128}
