"""`payvand verify`: receipts made by another implementation (tlog.py)."""

import json
import os
import subprocess

import pytest

import tlog
from harness import LONG, built

ID = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
ORIGIN = "ix-1.trace"


class Scene:
    def __init__(self, folder):
        self.file = str(folder / "receipt.json")
        self.log = tlog.Key(ORIGIN, seed=b"1" * 32)
        self.witness = [tlog.Key("w%d" % i, tlog.COSIGNATURE, b"%d" % i * 32)
                        for i in range(3)]
        self.entries = [tlog.request_record(ID[:-3] + "%03x" % i)
                        for i in range(20)]
        self.entries[5] = tlog.request_record(ID)
        self.entries.append(tlog.completions_record(
            (5, 1645557742000, 1645557742100, 1645557742100, "answered")))

    def write(self, *keys, completion=20):
        text = tlog.checkpoint_text(
            ORIGIN, [tlog.leaf_hash(e.encode()) for e in self.entries])
        data = tlog.receipt(tlog.note(text, *keys), self.entries, 5,
                            completion)
        with open(self.file, "wb") as out:
            out.write(data)
        return data

    def run(self, *options, log=None, lang="en"):
        done = subprocess.run(
            [built("payvand"), "verify", self.file, "--log-key",
             (log or self.log).vkey, "--lang", lang] + list(options),
            capture_output=True, text=True, timeout=20)
        return done

    def run_json(self, *options, **more):
        done = self.run("--json", *options, **more)
        return done.returncode, json.loads(done.stdout)

    def witnesses(self, *which):
        return [o for i in which
                for o in ("--witness-key", self.witness[i].vkey)]


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def test_a_good_receipt_says_what_it_shows(scene):
    scene.write(scene.log, scene.witness[0], scene.witness[2])
    code, got = scene.run_json(*scene.witnesses(0, 1, 2), "--witnesses", "2")
    assert (code, got["good"]) == (0, True)
    assert got["tracking_id"] == ID and got["outcome"] == "answered"
    assert (got["index"], got["size"], got["witnesses"]) == (5, 21, 2)
    english = scene.run(*scene.witnesses(0))
    assert english.returncode == 0 and "1400-12-03" in english.stdout
    persian = scene.run(*scene.witnesses(0), lang="fa")
    assert "شناسه پیگیری: " + ID in persian.stdout


def test_without_a_witness_it_says_what_that_means(scene):
    scene.write(scene.log, completion=None)
    done = scene.run()
    assert done.returncode == 0
    assert "no witness was asked for" in done.stdout
    assert "outcome" not in done.stdout


def test_too_few_witnesses_are_refused(scene):
    scene.write(scene.log, scene.witness[0])
    code, got = scene.run_json(*scene.witnesses(0, 1))
    assert (code, got["good"], got["fault"]) == (3, False, "quorum")
    assert "1 of the 2 witnesses" in got["why"]


def test_another_logs_receipt_is_refused(scene):
    scene.write(scene.log)
    code, got = scene.run_json(log=tlog.Key(ORIGIN))
    assert (code, got["fault"]) == (3, "log-unsigned")
    scene.write(tlog.Key("another", seed=b"1" * 32))
    code, got = scene.run_json(log=tlog.Key("another", seed=b"1" * 32))
    assert (code, got["fault"]) == (3, "checkpoint")


def test_a_changed_entry_is_refused_in_both_languages(scene):
    data = scene.write(scene.log)
    with open(scene.file, "wb") as out:
        out.write(data.replace(b'\\"grant\\":\\"g1\\"',
                               b'\\"grant\\":\\"g2\\"', 1))
    done = scene.run()
    assert done.returncode == 3
    assert "refused [proof]" in done.stderr and "leaf 5" in done.stderr
    assert "نپذیرفتنی" in scene.run(lang="fa").stderr


def test_every_changed_byte_is_refused_by_the_program(scene):
    data = scene.write(scene.log, scene.witness[0])
    step = 1 if LONG else 37
    for at in range(0, len(data), step):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 7
        with open(scene.file, "wb") as out:
            out.write(changed)
        assert scene.run(*scene.witnesses(0)).returncode == 3, at


def test_wrong_command_lines(scene):
    scene.write(scene.log)
    payvand = built("payvand")
    for options in ([], ["--log-key", "nonsense"],
                    ["--log-key", scene.witness[0].vkey],
                    ["--log-key", scene.log.vkey, "--witnesses", "1"],
                    ["--log-key", scene.log.vkey, "--witness-key",
                     scene.log.vkey]):
        done = subprocess.run([payvand, "verify", scene.file] + options,
                              capture_output=True, timeout=20)
        assert done.returncode == 2, options
    os.unlink(scene.file)
    assert scene.run().returncode == 1
