"""A strict reader of Prometheus' text format 0.0.4. Where promtool is (Debian:
prometheus, 100 MB and a daemon, so it is not among our packages), it is asked
too: in PATH, or PAYVAND_PROMTOOL."""

import os
import re
import shutil
import subprocess

PROMTOOL = os.environ.get("PAYVAND_PROMTOOL") or shutil.which("promtool")


def linted(text):
    """Nothing to complain of, says Prometheus' own linter."""
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=text,
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def prometheus(text):
    """{sample: value}; asserts what a scraper and its linter ask for."""
    if PROMTOOL:
        linted(text)
    samples, kind, helped = {}, {}, set()
    assert text.endswith("\n")
    for line in text.splitlines():
        found = re.fullmatch(r"# HELP ([a-z_:][a-z0-9_:]*) (\S.*)", line)
        if found:
            assert found.group(1) not in helped, "HELP twice: " + line
            helped.add(found.group(1))
            continue
        found = re.fullmatch(r"# TYPE ([a-z_:][a-z0-9_:]*) "
                             r"(counter|gauge|histogram)", line)
        if found:
            assert found.group(1) not in kind, "TYPE twice: " + line
            assert found.group(1) in helped, "no HELP: " + line
            kind[found.group(1)] = found.group(2)
            continue
        found = re.fullmatch(r"([a-z_:][a-z0-9_:]*)(\{[^{}]*\})? "
                             r"([0-9]+(?:\.[0-9]+)?)", line)
        assert found, "not a sample: " + line
        name = found.group(1)
        assert name in kind, "no TYPE: " + line
        if kind[name] == "counter":
            assert name.endswith("_total"), "a counter's name: " + name
        assert name + (found.group(2) or "") not in samples
        samples[name + (found.group(2) or "")] = float(found.group(3))
    return samples
