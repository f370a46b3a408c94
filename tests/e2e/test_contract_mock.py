"""payvand contract mock: what a developer calls before there is a grant."""

import json
import signal
import subprocess

import jsonschema
import pytest

from harness import CATALOGUE, built, program_env
from test_contracts import CONTRACTS, contract, payvand

# every pattern, consent, an order, pages, pictures and geometries
SHOWN = sorted(CONTRACTS)[::8] + [
    "identity-match", "knowledge-based-company-income",
    "commercial-account-registration"]


class Mock:
    def __init__(self, name):
        self.process = subprocess.Popen(
            [built("payvand"), "contract", "mock", CONTRACTS[name], "--json",
             "--catalogue", CATALOGUE],
            stdout=subprocess.PIPE, text=True, env=program_env())
        self.url = json.loads(self.process.stdout.readline())["url"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.code = self.process.wait(60)
        self.process.stdout.close()


def curl(command):
    """Runs a printed example as it stands; (status, headers, body)."""
    done = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    head, body = done.stdout.replace("\r\n", "\n").split("\n\n", 1)
    lines = head.split("\n")
    return (int(lines[0].split()[1]),
            dict(line.lower().split(": ", 1) for line in lines[1:]),
            json.loads(body))


def example(name, method, url):
    done = payvand("example", CONTRACTS[name], method, "--as", "curl",
                   "--server", url)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(name, url):
    """{path: (schema of its answer, the document)}"""
    document = json.loads(payvand("openapi", CONTRACTS[name], "--server",
                                  url).stdout)
    return {path: item["post"]["responses"]["200"]["content"]
            ["application/json"]["schema"]
            for path, item in document["paths"].items()}, document


@pytest.mark.parametrize("name", sorted(set(SHOWN)))
def test_printed_examples_get_what_the_contract_says(name):
    with Mock(name) as mock:
        schemas, document = answers(name, mock.url)
        for method in contract(name)["methods"]:
            command = example(name, method["id"], mock.url)
            status, headers, body = curl(command)
            assert status == 200, body
            assert headers["payvand-mock"] == "1"
            assert headers["payvand-outcome"] == "answered"
            path = [p for p in schemas if p.endswith("/" + method["id"])][0]
            jsonschema.validate(
                body, {**schemas[path],
                       "components": document.get("components", {})},
                cls=jsonschema.Draft202012Validator)
            again = curl(command)[2]
            for one in (body, again):
                one.pop("determined_at", None)  # the moment of the call
            assert again == body
    assert mock.code == 0


def test_a_request_is_checked_as_a_connector_does_it():
    name = "identity-match"
    with Mock(name) as mock:
        command = example(name, "verify", mock.url)
        for wrong, word in (
                (command.replace("9991234561", "9991234562"), "check-digit"),
                (command.replace("'{", "'{\"born\":\"1\","), "born")):
            status, headers, body = curl(wrong)
            assert status == 400, body
            assert headers["payvand-mock"] == "1"
            assert headers["payvand-outcome"] == "invalid"
            assert headers["content-type"] == "application/problem+json"
            assert word in json.dumps(body)
        status, headers, body = curl(command.replace("/verify", "/other"))
        assert headers["payvand-outcome"] == "refused"
        assert body["type"] == "urn:payvand:problem:method-unknown"
        assert body["title"] and body["title_fa"]


def test_a_command_needs_its_key_and_consent_its_number():
    for name, method, header, outcome, problem in (
            ("commercial-account-registration", "submit", "Idempotency-Key",
             "invalid", "idempotency-key-missing"),
            ("knowledge-based-company-income", "inquire", "Payvand-Consent",
             "failed", "consent-missing")):
        with Mock(name) as mock:
            command = example(name, method, mock.url)
            assert header in command
            _, headers, body = curl(command.replace(header, "X-Else"))
            assert headers["payvand-outcome"] == outcome, body
            assert body["type"] == "urn:payvand:problem:" + problem


def test_a_port_that_is_taken_is_said():
    with Mock("identity-match") as mock:
        done = payvand("mock", CONTRACTS["identity-match"], "--port",
                       mock.url.rsplit(":", 1)[1])
        assert done.returncode == 1 and "cannot listen" in done.stderr
    assert payvand("mock", CONTRACTS["identity-match"], "--port",
                   "70000").returncode == 2
