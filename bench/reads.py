#!/usr/bin/env python3
"""How long a decision waits while somebody reads whole lists.

    bench/reads.py [--duties N] [--decisions N]

One registryd of PAYVAND_BUILD on SQLite, with N open commitments. Decisions are
sent one after another, first alone, then while two readers ask for the week's
progress and the list of commitments without a pause."""

import argparse
import json
import pathlib
import sqlite3
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "tests/e2e"))

from registryd import UnixConnection, WG, Registry, decision  # noqa: E402

DAY = "1401-06-20"
PAUSE_S = 0.1  # between two decisions, so that each meets another moment


def add_duties(registry, count):
    """Commitments as if decisions had made them."""
    body = json.dumps({"responsible": [WG], "text_fa": "تکلیف " * 20,
                       "made_day": DAY, "due_day": "1402-01-01"})
    with sqlite3.connect(registry.store.removeprefix("sqlite:")) as database:
        database.executemany(
            "INSERT INTO record VALUES ('commitment', ?, 1, 1, NULL, 500000, "
            "NULL, 'open', ?, 1)",
            ((f"zz/c{n:07}", body) for n in range(count)))
    database.close()


def decide(registry, count, word):
    """Milliseconds of each."""
    took = []
    for n in range(count):
        one = decision("agency", f"{word}-{n}", "register", "secretariat", WG,
                       DAY, {"name_fa": "دستگاه", "legal_type": "ministry",
                             "branch": "executive", "inside_executive": True})
        begun = time.monotonic()
        registry.must(one)
        took.append((time.monotonic() - begun) * 1000)
        time.sleep(PAUSE_S)
    return sorted(took)


class Reader(threading.Thread):
    """Asks for one view again and again."""

    def __init__(self, registry, view):
        super().__init__(daemon=True)
        self.registry, self.view = registry, view
        self.took = []
        self.stop = False

    def run(self):
        while not self.stop:
            begun = time.monotonic()
            connection = UnixConnection(self.registry.socket)
            connection.request("GET", f"/registry/v1/views/{self.view}")
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read()  # not taken apart: that would hold this program
            connection.close()
            self.took.append(time.monotonic() - begun)


def say(what, took):
    print(f"{what}: median {took[len(took) // 2]:.1f} ms, "
          f"longest {took[-1]:.1f} ms")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--duties", type=int, default=50000)
    arguments.add_argument("--decisions", type=int, default=60)
    args = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="pv-reads-") as folder:
        registry = Registry(folder)
        registry.enact("--until", "1400-06-02")
        add_duties(registry, args.duties)
        say("decisions alone", decide(registry, args.decisions, "a"))
        readers = [Reader(registry, view)
                   for view in ("progress", "commitments")]
        for reader in readers:
            reader.start()
        while not all(reader.took for reader in readers):
            time.sleep(0.05)
        say("decisions while lists are read",
            decide(registry, args.decisions, "b"))
        for reader in readers:
            reader.stop = True
        for reader in readers:
            reader.join()
            took = sorted(reader.took)
            print(f"{reader.view}: {len(took)} answers, median "
                  f"{took[len(took) // 2]:.2f} s")
        registry.stop()


if __name__ == "__main__":
    main()
