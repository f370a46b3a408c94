"""docs/restore.md, each block as it stands: an exchange with calls, people, an
authority and its configuration is lost whole, and comes back (R-103)."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from certificates import certify, must, ocsp, populate, register_authority
from harness import (BANK, IBAN, ROOT, assert_outcome, built, program_env,
                     wait_for)
from people import Web, make_first
from registryd import BUILD, Registry
from test_registry_log import signed
from test_second_node import NodeExchange, enact_deployment

CA = "demo-authority"

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


def blocks():
    with open(os.path.join(ROOT, "docs", "restore.md"),
              encoding="utf-8") as file:
        return re.findall(r"```sh\n(.*?)```", file.read(), re.S)


class Machine:
    """An exchange whose files lie as the packages have them."""

    def __init__(self, home, pki):
        self.home = Path(home)
        self.state, self.etc = self.home / "state", self.home / "etc"
        for name in ("state/registry", "state/policy", "state/journal",
                     "state/trace", "state/signer", "etc", "exchange", "bin"):
            (self.home / name).mkdir(parents=True, mode=0o700)
        self.link_image()
        exchange = self.home / "exchange"
        for name, place in (("log.d", self.state / "trace"),
                            ("signer", self.state / "signer"),
                            ("readers", self.etc / "readers"),
                            ("nginx.conf", self.etc / "nginx.conf")):
            os.symlink(place, exchange / name)
        self.registry = Registry(self.state / "registry")
        self.make_authority()
        local = pki.make("nix-restore", key=pki.of("nix").key,
                         names=["exchange.payvand.test,IP:127.0.0.1"])
        self.ex = NodeExchange(
            exchange, pki, journal=self.state / "journal",
            conf={"server": "ssl_certificate %s; ssl_certificate_key %s;" % (
                local.cert, local.key)})
        enact_deployment(self.registry, self.ex, self.home)
        self.ex.image = self.registry.image
        self.make_programs()

    def link_image(self):
        """The registry of the tests has its image beside its database."""
        os.symlink(self.state / "policy", self.state / "registry/image")

    def make_authority(self):
        self.registry.stop()
        held = self.state / "registry/authority"
        held.mkdir(mode=0o700)
        root = subprocess.run(
            [BUILD / "registryd/payvand-registryd", "--init-authority", CA,
             "--authority", held, "--log-key", self.registry.vkey],
            check=True, capture_output=True, text=True).stdout
        (self.home / f"{CA}.pem").write_text(root)
        (self.registry.folder / f"{CA}.pem").write_text(root)
        self.registry.options += ["--authority", held]
        self.registry.start()

    def make_programs(self):
        """Endpoints are on loopback here; sqlite3 may not be installed."""
        programs = {"payvand": f'exec {built("payvand")} "$@"',
                    "payvand-traced": f'exec {built("payvand-traced")} "$@"',
                    "payvand-registryd":
                        f'exec {built("payvand-registryd")} "$@" --loopback'}
        if shutil.which("sqlite3") is None:
            programs["sqlite3"] = (
                "exec /usr/bin/python3 -c 'import sqlite3, sys\n"
                "sqlite3.connect(sys.argv[1]).backup(sqlite3.connect("
                "sys.argv[2].split(chr(39))[1]))' \"$@\"")
        for name, text in programs.items():
            path = self.home / "bin" / name
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)

    def run(self, *steps):
        done = subprocess.run(
            ["bash", "-e"], input="\n".join(steps), text=True, cwd=self.home,
            env={**program_env(), "PATH": f"{self.home / 'bin'}:/usr/bin:/bin",
                 "BACKUP": str(self.home / "backup"),
                 "KEYS": str(self.home / "keys"),
                 "STATE": str(self.state), "ETC": str(self.etc),
                 "PAYVAND_REGISTRY_SOCKET": self.registry.socket,
                 "PAYVAND_URL": "https://127.0.0.1:%d" % self.ex.address[1],
                 "PAYVAND_CA": self.ex.pki.root.cert},
            timeout=180, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def lose(self):
        self.ex.stop_nginx()
        self.ex.stop_traced()
        self.registry.kill()
        shutil.rmtree(self.state)
        shutil.rmtree(self.etc)

    def come_back(self):
        """As it was configured: nothing is written anew."""
        self.link_image()
        self.registry.start()
        self.ex.start_traced()
        self.ex.write_config = lambda: None
        self.ex.start_nginx()

    def explain(self, call):
        done = subprocess.run(
            [BUILD / "cli/payvand", "explain", call, "--json",
             "--registry", self.registry.socket, "--socket", self.ex.local,
             "--decision-key", self.registry.vkey, "--log-key", self.ex.vkey],
            capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def call(self):
        """The tracking id of a call that was answered, with a receipt."""
        answer = self.ex.call(BANK, IBAN)
        assert_outcome(answer, "answered")
        wait_for("a receipt", lambda: self.ex.read(
            "/trace/v1/receipts/" + answer.tracking_id).status == 200)
        return answer.tracking_id


@pytest.fixture(scope="module", name="machine")
def fixture_machine(pki):
    home = tempfile.mkdtemp(prefix="pv-restore-")
    os.chmod(home, 0o755)
    made = Machine(home, pki)
    try:
        with made.ex:
            yield made
    finally:
        made.registry.kill()
        shutil.rmtree(home, ignore_errors=True)


def test_r103_an_exchange_that_is_lost_comes_back_whole(machine):
    where, keys, rest, back, look = blocks()
    registry = machine.registry
    admin = make_first(registry)
    populate(registry, "system-1", "system-2")
    register_authority(registry, CA)
    _, path, name = certify(registry, machine.home, "r-1", "system-1", CA)
    call = machine.call()
    signed(registry)
    before = machine.explain(call)
    machine.run(where, keys, rest)
    # decided after the database was copied, and the last that is copied
    must(registry, "operator", "certificate", name, "revoke",
         {"agency": "agency-a"})
    signed(registry)
    last = registry.get("status")["last"]
    machine.run(where, 'payvand backup "$BACKUP/decisions"')
    machine.lose()
    said = machine.run(where, back)
    assert f"restored to decision {last}" in said
    machine.come_back()
    signed(registry)
    assert registry.get("status")["last"] == last
    machine.run(where, look)
    # a call of before is proved, and the next one is answered
    again = machine.explain(call)
    assert again["whole"] and again["call"]["proof"] == "proved"
    assert again["resolution"] == before["resolution"]
    assert machine.explain(machine.call())["whole"]
    # people, and an authority that is told what it does not know
    admin.sign_in(Web(registry))
    root = str(machine.home / f"{CA}.pem")
    wait_for("the revocation", lambda: "revoked" in ocsp(
        registry, root, path, machine.home))
    _, path, _ = certify(registry, machine.home, "r-2", "system-2", CA)
    assert "good" in ocsp(registry, root, path, machine.home)
