"""The units beside the code: systemd gives a program that is stopped the time
that its longest call may take, so that no call is cut off by an upgrade; what
each unit may do is as the guide says, and each program has a profile."""

import glob
import os
import re
import shutil
import subprocess

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


# ---- what a unit may do ----

UNITS = sorted(os.path.basename(path)[:-len(".service")] for path in glob.glob(
    os.path.join(ROOT, "packaging", "systemd", "*.service")))


def tool(name):
    if shutil.which(name) is None and not os.path.exists("/usr/sbin/" + name):
        pytest.skip(f"{name} is not installed")
    return shutil.which(name) or "/usr/sbin/" + name


def test_the_guide_has_the_exposure_of_every_unit():
    program = tool("systemd-analyze")
    version = subprocess.run([program, "--version"], capture_output=True,
                             text=True, check=True).stdout.split()[1]
    said = {}
    for units, figure in re.findall(r"^\| (`payvand-.*`) \| ([0-9.]+) \|",
                                    text("docs", "install.md"), re.M):
        for unit in re.findall(r"`([^`]+)`", units):
            said[unit] = figure
    assert sorted(said) == UNITS
    if version != "252":
        pytest.skip(f"the guide's figures are of systemd 252, not {version}")
    for unit in UNITS:
        out = subprocess.run(
            [program, "security", "--offline=true", "--no-pager", os.path.join(
                ROOT, "packaging", "systemd", unit + ".service")],
            capture_output=True, text=True, check=False).stdout
        found = re.search(r"exposure level for \S+: ([0-9.]+)", out)
        assert found and found.group(1) == said[unit], (unit, out[-300:])


@pytest.mark.parametrize("name", ("payvand-exchange", "payvand-connector"))
def test_profiles_are_understood_by_apparmor(name):
    done = subprocess.run(
        [tool("apparmor_parser"), "--skip-kernel-load", "--skip-cache",
         os.path.join(ROOT, "packaging", "apparmor", name)],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"include if exists <local/{name}>" in text(
        "packaging", "apparmor", name)


def test_every_program_of_a_unit_has_a_profile():
    profiles = "".join(text("packaging", "apparmor", name) for name in (
        "payvand-exchange", "payvand-connector"))
    attached = set(re.findall(r"^profile \S+ (/\S+) flags=", profiles, re.M))
    assert set(re.findall(r"<local/([^>]+)>", profiles)) == {
        "payvand-exchange", "payvand-connector"}   # what dh_apparmor makes
    for unit in UNITS:
        said = text("packaging", "systemd", unit + ".service")
        program = re.search(r"^ExecStart=(/\S+)", said, re.M).group(1)
        named = re.search(r"^AppArmorProfile=-(\S+)$", said, re.M)
        if program == "/usr/bin/payvand":
            continue    # a witness is the command that people run
        assert program in attached or (
            named and f"\nprofile {named.group(1)} flags=" in profiles), unit
