"""Packages of npm that tests use: kept outside the tree, fetched once."""

import fcntl
import json
import os
import subprocess
from pathlib import Path

import pytest


def installed(package, version):
    """The folder that holds it; a test without it is skipped, with the
    reason."""
    cache = Path(os.environ.get("XDG_CACHE_HOME",
                                Path.home() / ".cache")) / "payvand"
    folder = cache / f"{package.replace('/', '+')}-{version}"
    if (folder / "whole").exists():
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)    # tests run beside each other
            if not (folder / "whole").exists():
                _install(folder, package, version)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm does not install {package}: {type(error).__name__}")
    return folder


def _install(folder, package, version):
    done = subprocess.run(
        ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund",
         "--ignore-scripts", f"{package}@{version}"],
        capture_output=True, text=True, timeout=180, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm does not install {package} (exit {done.returncode})")
    (folder / "whole").touch()


def redocly(folder, *names, skip=()):
    """What a published linter finds in OpenAPI documents of a folder: the
    broken rules of each, of its recommended ones but for those skipped."""
    tool = installed("@redocly/cli", "2.77.0")
    done = subprocess.run(
        [tool / "node_modules/.bin/redocly", "lint", "--extends=recommended",
         "--format=json", *(f"--skip-rule={rule}" for rule in skip), *names],
        capture_output=True, text=True, check=False, cwd=folder, timeout=120,
        env=dict(os.environ, REDOCLY_TELEMETRY="off",
                 REDOCLY_SUPPRESS_UPDATE_NOTICE="true"))
    found = {name: [] for name in names}
    text = done.stdout.lstrip()
    read = 0
    while text:     # one JSON document a file
        report, end = json.JSONDecoder().raw_decode(text)
        text = text[end:].lstrip()
        read += 1
        for problem in report["problems"]:
            file = problem["location"][0]["source"]["ref"]
            found[os.path.basename(file)].append(problem["ruleId"])
    assert read == len(names), (done.returncode, done.stderr[-2000:])
    assert (done.returncode == 0) or any(found.values()), done.stderr[-2000:]
    return found
