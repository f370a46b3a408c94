"""What lib/contract says of many bodies, by tests/unit/contract_verdicts.c."""

import json
import os
import subprocess

from harness import BUILD, CATALOGUE, program_env

ITEM_FILES = [os.path.join(CATALOGUE, name) for name in (
    "data_items.json", "enactment.json", "data_items_proposed.json")]


class Verdicts:
    """Lines to ask; each is an object of contract_verdicts.c."""

    def __init__(self):
        self.lines = []

    def add(self, **line):
        """Returns where its answer will stand."""
        self.lines.append(json.dumps(line))
        return len(self.lines) - 1

    def contract(self, contract, items=None):
        """This contract from here on, with these data items only."""
        if items is not None:
            self.add(items=items)
        return self.add(contract=contract)

    def ask(self, items=tuple(ITEM_FILES)):
        """All answers, in order."""
        done = subprocess.run(
            [os.path.join(BUILD, "tests/unit/contract_verdicts"), *items],
            input="\n".join(self.lines) + "\n", capture_output=True, text=True,
            env=program_env(), timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(answers) == len(self.lines)
        return answers
