"""The registry's database is gone while calls run: these go on, decisions wait
with clear words, and what was decided after is in force at the next call."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness import (BANK, FIC, IBAN, LONG, TAX, assert_outcome, both_dates,
                     tehran_today, wait_for)
from load import Ledger, Load
from registryd import BUILD, WG, Registry, decision
from test_follow import last
from test_registry_log import signed
from test_second_node import NodeExchange, enact_deployment

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

import with_postgres  # noqa: E402

GONE_S = 600 if LONG else 3
PAUSE_S = 0.02 if LONG else 0  # between two calls: every one is kept to be judged

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists()
    or with_postgres.find("initdb") is None,
    reason="registryd is not built, or there is no PostgreSQL")


class Scene:
    """An exchange on the image of a registry over PostgreSQL."""

    def __init__(self, home, pki):
        for name in ("pg", "registry", "exchange"):
            (home / name).mkdir(mode=0o755)
        self.server = with_postgres.Postgres(str(home / "pg"))
        self.registry = Registry(home / "registry", self.server.store)
        # a disk that stands still for seconds is no matter of the registry
        self.ex = NodeExchange(home / "exchange", pki, conf={
            "http": "payvand_journal_timeout 4900ms;"})
        enact_deployment(self.registry, self.ex, home)
        self.ex.image = self.registry.image

    def end(self):
        self.registry.kill()
        self.server.stop("immediate")


@pytest.fixture(name="scene")
def fixture_scene(pki):
    folder = tempfile.mkdtemp(prefix="pv-gone-")
    os.chmod(folder, 0o755)
    scene = Scene(Path(folder), pki)
    try:
        with scene.ex:
            yield scene
    finally:
        scene.end()
        shutil.rmtree(folder, ignore_errors=True)


def refused_while_gone(registry, one):
    """Decisions wait with clear words, again and again; how often."""
    until = time.monotonic() + GONE_S
    count = 0
    while time.monotonic() < until:
        status, answer = registry.decide(one)
        assert status == 503 and answer["type"].endswith("database-gone")
        assert answer["title"] and answer["title_fa"]
        count += 1
        time.sleep(0.1)
    return count


def test_calls_go_on_and_decisions_wait(scene):
    ex, registry = scene.ex, scene.registry
    answer = ex.call(BANK, IBAN)
    assert_outcome(answer, "answered")
    grant = ex.record(answer.tracking_id)["grant"]
    one = decision("grant", grant, "withdraw", "secretariat", WG,
                   both_dates(tehran_today())["jalali"], reason="a test",
                   key="while-gone")
    before = last(registry)
    Ledger(ex.provider.values())  # they forget what they saw
    with Load(ex, ((FIC, TAX),), threads=4, pause=PAUSE_S) as load:
        load.wait_calls(50)
        scene.server.stop("immediate")
        began = len(load.done)
        refused = refused_while_gone(registry, one)
        during = len(load.done) - began
        load.wait_calls(50)  # as many again
        assert_outcome(ex.call(BANK, IBAN), "answered")
        scene.server.start()
        wait_for("the decision", lambda: registry.decide(one)[0] == 200)
        assert_outcome(ex.call(BANK, IBAN), "refused", "grant-withdrawn")
        load.wait_calls(50)
    wrong = [c for c in load.done if c.error or c.outcome != "answered"]
    print(f"{GONE_S} s: {during} calls, {refused} decisions refused, "
          f"{len(wrong)} of {len(load.done)} calls not answered")
    assert not wrong, wrong[:3]
    assert last(registry) == before + 1 == signed(registry)[0]
    states = [v["state"] for v in
              registry.get(f"history/grant/{grant}")["history"]]
    assert states[-1] == "withdrawn" and states.count("withdrawn") == 1
