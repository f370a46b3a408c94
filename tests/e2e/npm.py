"""Packages of npm that tests use: kept outside the tree, fetched once."""

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
        done = subprocess.run(
            ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund",
             "--ignore-scripts", f"{package}@{version}"],
            capture_output=True, text=True, timeout=180, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm does not install {package}: {type(error).__name__}")
    if done.returncode != 0:
        pytest.skip(f"npm does not install {package} (exit {done.returncode})")
    (folder / "whole").touch()
    return folder
