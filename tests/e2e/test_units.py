"""The units beside the code: systemd gives a program that is stopped the time
that its longest call may take, so that no call is cut off by an upgrade."""

import os
import re

import pytest

from harness import ROOT


def text(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def number(name, *path):
    """A constant of the code."""
    found = re.search(r"^#define %s (\d+)" % name, text(*path), re.M)
    assert found, (name, path)
    return int(found.group(1))


def stop_seconds(unit):
    """For how long systemd waits before it kills."""
    return int(re.search(r"^TimeoutStopSec=(\d+)$", text(
        "packaging", "systemd", unit), re.M).group(1))


DEADLINE_MS = number("PV_DEADLINE_MAX_MS", "lib", "contract", "contract.h")


def consumer_ms():
    """A call of the consumer face at its longest: every try, and the pauses,
    each twice the one before."""
    tries = number("TRIES_DEFAULT", "lib", "client", "client.c")
    pause = number("PAUSE_FIRST_MS", "lib", "client", "call.c")
    way = number("ON_THE_WAY_MS", "lib", "client", "client.c")
    return tries * (DEADLINE_MS + way) + pause * (2 ** (tries - 1) - 1)


@pytest.mark.parametrize("unit, longest_ms", (
    ("payvand-consumerd.service", consumer_ms()),
    ("payvand-connectord@.service", DEADLINE_MS + number(
        "DRAIN_MORE_MS", "connectord", "main.c")),
    ("payvand-gateway.service", DEADLINE_MS)))
def test_a_unit_waits_for_the_longest_call(unit, longest_ms):
    assert stop_seconds(unit) * 1000 >= longest_ms + 5000, unit


def test_the_connector_waits_for_the_longest_deadline():
    assert re.search(r"^#define DRAIN_MS \(PV_DEADLINE_MAX_MS \+ "
                     r"DRAIN_MORE_MS\)", text("connectord", "main.c"), re.M)


def test_the_default_of_a_call_without_a_contract_is_no_longer():
    assert number("TIMEOUT_DEFAULT_MS", "lib", "client",
                  "client.c") <= DEADLINE_MS
