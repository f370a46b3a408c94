"""SQL in every input of every service of the catalogue: statements are fixed.

Real connectors over the synthetic country are asked as the exchange asks them.
What is put in stands in place of one input of a question that has an answer:
it is invalid, or it is a value like any other and finds nothing. It never fails
(a statement that it broke), and the registers are the same afterwards.
"""

import base64
import glob
import json
import os
import sqlite3
import uuid

import pytest

import desk
from connectors import load
from samples import asked
from test_connectord import UnixHTTP
from test_contract_rules import Providers
from test_services import ACTS, COMMANDS, CONSENT, PROVIDED, an_account

TEXTS = ["' OR '1'='1", "'; DROP TABLE person; --", "\\' OR 1=1 --",
         "x' UNION SELECT name FROM sqlite_master --", "1 OR 1=1",
         ":national_id", "?1", "%"]


@pytest.fixture(scope="module")
def providers(tmp_path_factory):
    made = Providers(tmp_path_factory.mktemp("injection"))
    for provider in sorted(set(PROVIDED.values())):
        made.start(provider)
    yield made
    made.stop()


def forms(value, text):
    """What stands in place of an input: the text where the value has one."""
    yield text
    if isinstance(value, dict) and "type" in value:
        yield {**value, "value": text}
        yield {**value, "type": text}
    elif isinstance(value, dict) and "media" in value:
        yield {**value, "media": text}
        yield {**value, "data": base64.b64encode(text.encode()).decode()}
    elif isinstance(value, list):
        for name in value[0]:
            for one in forms(value[0][name], text):
                yield [{**value[0], name: one}, *value[1:]]


def registers(providers):
    """{provider: (its tables as they were made, {table: rows})}."""
    found = {}
    for path in glob.glob(os.path.join(providers.country, "*.sqlite")):
        name = os.path.basename(path)[:-len(".sqlite")]
        made = providers.rows(name, "SELECT name, sql FROM sqlite_master "
                                    "WHERE type = 'table' ORDER BY 1")
        found[name] = made, {table: providers.rows(
            name, "SELECT count(*) FROM " + table)[0][0] for table, _ in made}
    return found


class Asker:
    """One service, asked at its connector."""

    def __init__(self, providers, service, contract):
        self.providers = providers
        self.service = service
        self.provider = PROVIDED[service]
        self.version = contract["version"]

    def call(self, method, values):
        headers = {"Content-Type": "application/json",
                   "Payvand-Consumer": "innovation-prosperity-fund-main",
                   "Payvand-Tracking-Id": str(uuid.uuid4()),
                   "Idempotency-Key": str(uuid.uuid4())}
        if self.service in CONSENT:
            headers["Payvand-Consent"] = self.number
        connection = UnixHTTP(os.path.join(self.providers.folder,
                                           self.provider + ".sock"))
        connection.request("POST", "/x/%s/%s/%s/%s" % (
            self.provider, self.service, self.version, method),
            json.dumps(values), headers)
        response = connection.getresponse()
        body = json.loads(response.read())
        connection.close()
        return response.getheader("Payvand-Outcome"), body

    def good(self, method, samples):
        """A question that has an answer, and its token where it needs one."""
        if self.service in ACTS:
            return ACTS[self.service]
        if self.service in COMMANDS:
            owner, account = an_account((self.providers.country,))
            return owner if "deregistration" in self.service else account
        cases = samples["%s/%s" % (self.service, method)]
        # of a list that is asked for by day there may be none today
        good = [c["input"] for c in cases if c["expect"] in ("yes", "found")]
        values = asked(good[0])
        if self.service in CONSENT:
            self.number = desk.ask(
                os.path.join(self.providers.folder, "desk.sock"), "issue",
                person=values.get("company_id") or
                values["taxpayer_id"]["value"],
                agency="innovation-prosperity-fund", purpose="وام",
                service="%s/%s/%s" % (self.provider, self.service,
                                      self.version))["number"]
        if method == "note-parties":
            token = self.call("verify-note", self.good("verify-note", samples))
            values = {**values, "order_token": token[1]["order_token"]}
        return values


def says_no(answer):
    return answer.get("result", answer.get("found")) == "no"


@pytest.mark.parametrize("service", sorted(PROVIDED))
def test_sql_in_any_input_is_a_value_and_nothing_more(providers, service):
    with open(os.path.join(providers.country, "country.json"),
              encoding="utf-8") as file:
        samples = json.load(file)["samples"]
    contract = load("contracts", PROVIDED[service], service + ".json")
    asker = Asker(providers, service, contract)
    before = registers(providers)
    for method in contract["methods"]:
        good = asker.good(method["id"], samples)
        if service not in COMMANDS:
            outcome, answer = asker.call(method["id"], good)
            assert outcome == "answered" and not says_no(answer), answer
        for item in method["inputs"]:
            name = item["name"]
            for text in TEXTS:
                for value in forms(good.get(name), text):
                    outcome, answer = asker.call(method["id"],
                                                 {**good, name: value})
                    case = (method["id"], name, value, answer)
                    assert outcome in ("invalid", "answered"), case
                    if outcome == "answered" and method[
                            "pattern"] != "command":
                        assert says_no(answer), case
    after = registers(providers)
    assert {n: t for n, (t, _) in after.items()} == {
        n: t for n, (t, _) in before.items()}
    for provider, (_, counts) in after.items():
        for table, count in counts.items():
            had = before[provider][1][table]
            assert count == had or (service in COMMANDS and count > had), table
    if "text" in ACTS.get(service, {}):
        kept = providers.rows(PROVIDED[service], "SELECT message FROM message")
        assert {(text,) for text in TEXTS} <= set(kept), "to the letter"
