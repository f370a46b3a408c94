"""What the log of payvand-traced refuses to go on from, and the way out."""

import os
import shutil
import struct
import subprocess
import time

import pytest

import journal_reader
from harness import PATIENCE_S, wait_for
from journal_client import canonical, request
from log_client import (SMALL, LogTraced, Watcher, doctor, feed, greeted)


@pytest.fixture
def traced(home):
    with LogTraced(home, *SMALL) as started:
        yield started


def filled(home, frames=30):
    traced = LogTraced(home, *SMALL).start()
    worker = greeted(traced)
    feed(worker, frames)
    traced.wait_size(4 * frames)
    assert traced.stop() == 0
    return traced, worker


def test_status_says_that_nobody_watches(traced):
    traced.wait_size(0)
    wait_for("its status", lambda: os.path.exists(traced.path("status")))
    assert list(doctor(traced)) == ["log.unwitnessed"]


def refused(traced, *words):
    """It says why, in its log and its status; calls go on."""
    traced.start()
    for one in words:
        traced.wait_words(one)
    before = traced.checkpoint()
    worker = greeted(traced)
    assert worker.wait(worker.send([request()])) is not None
    time.sleep(0.3)
    assert traced.checkpoint() == before
    wait_for("the refusal", lambda: "refusal" in traced.status())
    assert words[0] in traced.status()["refusal"]
    assert words[0] in doctor(traced)["log.refuses"]["subject"]


def goes_on(traced):
    """After what a person did; it looks again by itself."""
    worker = greeted(traced)
    index = worker.wait(worker.send([request()]))
    traced.wait_size(index + 1)
    wait_for("no refusal", lambda: "refusal" not in traced.status())


def test_a_missing_key_is_refused_until_it_is_back(home):
    traced, _ = filled(home)
    key = os.path.join(traced.signer, "key")
    os.rename(key, home + "/aside")
    refused(traced, "the log's key is missing", "restore it")
    os.rename(home + "/aside", key)
    goes_on(traced)
    traced.kill()


def test_a_replaced_key_is_refused(home):
    traced, _ = filled(home)
    with open(os.path.join(traced.signer, "key"), "r+b") as file:
        file.write(os.urandom(32))
    refused(traced, "key was replaced", "begin another log")
    traced.kill()


def test_a_key_that_others_may_read_is_refused(home):
    traced, _ = filled(home)
    os.chmod(os.path.join(traced.signer, "key"), 0o644)
    refused(traced, "readable by others", "chmod 0600")
    traced.kill()


def test_another_signer_is_refused(home):
    traced, _ = filled(home)
    shutil.rmtree(traced.signer)
    LogTraced(home)  # makes another key
    refused(traced, "the log's directory belongs to", "never changes its key")
    traced.kill()


def test_a_lost_memory_of_what_was_signed_is_refused(home):
    traced, _ = filled(home)
    os.unlink(os.path.join(traced.signer, "signed"))
    refused(traced, "`signed` is missing", "--accept-checkpoint")
    done = traced.command("--accept-checkpoint", traced.path("checkpoint"))
    assert done.returncode == 0, done.stderr
    goes_on(traced)
    traced.kill()


def test_an_old_memory_of_what_was_signed_is_refused(home):
    traced, _ = filled(home)
    signed = os.path.join(traced.signer, "signed")
    shutil.copy(signed, home + "/aside")
    for _ in range(3):
        traced.start()
        worker = greeted(traced)
        size = worker.wait(worker.send([request()])) + 1
        traced.wait_size(size)
        traced.stop()
    shutil.copy(home + "/aside", signed)
    refused(traced, "directory was rolled back", "--accept-checkpoint")
    done = traced.command("--accept-checkpoint", traced.path("checkpoint"))
    assert done.returncode == 1, "only when the old one is taken away"
    os.unlink(signed)
    done = traced.command("--accept-checkpoint", traced.path("checkpoint"))
    assert done.returncode == 0
    goes_on(traced)
    traced.kill()


def test_signer_and_checkpoint_of_one_backup_are_refused(home):
    """They agree with one another, and with the tree as far as they know it."""
    traced, _ = filled(home)
    signed = os.path.join(traced.signer, "signed")
    both = ((signed, home + "/s"), (traced.path("checkpoint"), home + "/c"))
    for path, aside in both:
        shutil.copy(path, aside)
    with traced:
        worker = greeted(traced)
        traced.wait_size(worker.wait(worker.send([request()])) + 1)
        traced.stop()
    for path, aside in both:
        shutil.copy(aside, path)
    refused(traced, "directory was rolled back", "newest `signed`",
            "remove LOG/published and LOG/checkpoint")
    os.unlink(traced.path("published"))
    os.unlink(traced.path("checkpoint"))
    goes_on(traced)
    traced.kill()


def test_a_checkpoint_of_a_backup_is_refused(home):
    traced, worker = filled(home)
    shutil.copy(traced.path("checkpoint"), home + "/aside")
    with traced, Watcher(traced):
        for _ in range(3):
            one = greeted(traced)
            size = one.wait(one.send([request()])) + 1
            traced.wait_size(size)
        traced.stop()
    shutil.copy(home + "/aside", traced.path("checkpoint"))
    refused(traced, "it was rolled back", "remove the file")
    os.unlink(traced.path("checkpoint"))
    goes_on(traced)
    traced.kill()


def test_a_changed_checkpoint_is_refused(home):
    traced, _ = filled(home)
    with open(traced.path("checkpoint"), "r+b") as file:
        data = bytearray(file.read())
        data[-20] ^= 1
        file.seek(0)
        file.write(data)
    refused(traced, "does not read as this log's", "remove it")
    os.unlink(traced.path("checkpoint"))
    goes_on(traced)
    traced.kill()


def test_a_changed_tree_is_refused_and_computed_again(home):
    traced, _ = filled(home, frames=100)
    with open(traced.path("tree/0"), "r+b") as file:
        file.seek(32 * 399)
        file.write(b"\xaa\xaa")
    refused(traced, "the tree is not the one that was signed", "move tree/")
    traced.kill()
    os.rename(traced.path("tree"), home + "/aside")
    with traced, Watcher(traced) as watcher:
        goes_on(traced)
        assert "log.tree_short" in traced.words()
        watcher.judge()


def test_a_lost_tree_is_computed_again(home):
    traced, worker = filled(home)
    os.truncate(traced.path("tree/0"), 32 * 17 + 5)
    with traced, Watcher(traced) as watcher:
        goes_on(traced)
        watcher.judge([worker])


def test_a_journal_that_ends_before_what_was_signed_is_refused(home):
    traced, _ = filled(home)
    shutil.copytree(traced.journal, home + "/aside")
    for _ in range(2):
        with traced:
            worker = greeted(traced)
            traced.wait_size(worker.wait(worker.send([request()])) + 1)
            traced.stop()
    shutil.rmtree(traced.journal)
    shutil.copytree(home + "/aside", traced.journal)
    traced.start()
    traced.wait_words("records are lost, or the journal was rolled back")
    assert "begin another log in new directories" in traced.words()
    traced.kill()


def rewrite(path, old, new):
    """Change a record and make every check sum of its segment fit again."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    assert data.count(old) == 1 and len(old) == len(new)
    at = data.index(old)
    data[at:at + len(old)] = new
    head = journal_reader.read_head(os.path.basename(path), bytes(data))
    here, before = 4096, head["before_crc"]
    while struct.unpack_from("<I", data, here)[0] == \
            journal_reader.COMMIT_MAGIC:
        length, frames = struct.unpack_from("<II", data, here + 32)
        frame, heads = here + 64, b""
        for _ in range(frames):
            size = struct.unpack_from("<I", data, frame)[0]
            struct.pack_into("<I", data, frame + 4, journal_reader.crc32c(
                bytes(data[frame + 8:frame + size])))
            heads += bytes(data[frame:frame + 40])
            frame += size + 7 & ~7
        struct.pack_into("<II", data, here + 44,
                         journal_reader.crc32c(heads), before)
        before = journal_reader.crc32c(bytes(data[here + 8:here + 64]))
        struct.pack_into("<I", data, here + 4, before)
        here += length + head["align"] - 1 & -head["align"]
    with open(path, "wb") as file:
        file.write(data)


def test_a_record_changed_with_all_its_check_sums_is_found(home):
    traced, worker = filled(home)
    record = canonical(worker.records[7][1]).encode()
    rewrite(os.path.join(traced.journal, "0000000001.pvj"), record,
            record.replace(b'"grant":"g-1"', b'"grant":"g-2"'))
    assert traced.check()[0] == 0, "the journal alone cannot tell"
    index = worker.acked[7] + 1
    refused(traced, "record %d of the journal is not the one" % index,
            "Restore it from a copy")
    traced.kill()


def test_a_second_copy_on_the_same_log_is_refused(traced, home):
    other = LogTraced(home, *SMALL)
    other.journal = os.path.join(home, "another-journal")
    os.makedirs(other.journal)
    other.socket = os.path.join(home, "other.sock")
    other.log = os.path.join(home, "other.log")
    other.start(wait=False)
    assert other.process.wait(PATIENCE_S) == 1
    assert "another process keeps the log" in other.words()
    worker = greeted(traced)
    assert worker.wait(worker.send([request()])) == 0


def test_two_logs_never_share_a_signer(traced, home):
    """Of two copies of one log each would sign its own tree of one size."""
    folder = os.path.join(home, "copy")
    os.makedirs(folder)
    os.symlink(traced.signer, os.path.join(folder, "signer"))
    other = LogTraced(folder, *SMALL)
    other.start(wait=False)
    assert other.process.wait(PATIENCE_S) == 1
    assert "another process keeps the signer's directory" in other.words()
    worker = greeted(traced)
    assert worker.wait(worker.send([request()])) == 0
    traced.kill()  # and the lock goes with its holder
    other.start()
    other.kill()


def test_a_key_is_made_once(traced):
    done = traced.command("--init-key", "--origin", "other.example/trace")
    assert done.returncode == 1
    assert "a key was made here before" in done.stderr
    assert traced.vkey in open(os.path.join(traced.signer, "vkey")).read()


# ---- a token -------------------------------------------------------------

MODULE = "/usr/lib/softhsm/libsofthsm2.so"


@pytest.mark.skipif(not os.path.exists(MODULE), reason="needs softhsm2")
def test_a_key_may_stay_in_its_token(home):
    tokens = os.path.join(home, "tokens")
    os.makedirs(tokens)
    conf = os.path.join(home, "softhsm2.conf")
    pin = os.path.join(home, "pin")
    with open(conf, "w") as file:
        file.write("directories.tokendir = %s\nlog.level = ERROR\n" % tokens)
    with open(pin, "w") as file:
        file.write("1234\n")
    os.chmod(pin, 0o600)
    env = {"SOFTHSM2_CONF": conf}
    run = dict(env=dict(os.environ, **env), check=True, capture_output=True)
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label",
                    "log", "--so-pin", "5678", "--pin", "1234"], **run)
    pem = os.path.join(home, "key.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out",
                    pem], **run)
    subprocess.run(["softhsm2-util", "--import", pem, "--token", "log",
                    "--label", "log", "--id", "01", "--pin", "1234"], **run)
    os.unlink(pem)
    uri = ("pkcs11:token=log;object=log?module-path=%s&pin-source=file:%s"
           % (MODULE, pin))
    traced = LogTraced(home, *SMALL, token=uri, env=env)
    assert not os.path.exists(os.path.join(traced.signer, "key"))
    with traced, Watcher(traced) as watcher:
        worker = greeted(traced)
        feed(worker, 20)
        traced.wait_size(80)
        traced.kill_child("signer")
        feed(worker, 20)
        traced.wait_size(160)
        watcher.judge([worker])
    shutil.rmtree(tokens)
    refused(traced, "token", "traced.signer_refuses")
    traced.kill()
