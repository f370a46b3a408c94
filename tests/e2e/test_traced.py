"""payvand-traced alone: what it promises its workers, and what it survives.

Every answer that a worker saw is kept (journal_client.Worker) and compared
with the journal as journal_reader.py, an independent reader, finds it.
"""

import json
import os
import random
import stat
import struct
import subprocess
import time

import pytest

import journal_reader
from harness import LONG, PATIENCE_S, built, wait_for
from journal_client import (WHY_BROKEN, WHY_RECORD, Gone, Traced, Worker,
                            canonical, completions, now_ms, reading, refusal,
                            request, salt, uuid7)
from journal_reader import read_journal

SMALL = ("--segment-size", "262144")
PATH = "/x/central-bank/national-id-iban-match/v1/verify"


def judge(traced, workers):
    """Nothing acknowledged is lost, doubled or changed; refused is absent."""
    journal = read_journal(traced.journal)
    assert [row[0] for row in journal] == list(range(len(journal)))
    frames = {}
    for index, epoch, sequence, record in journal:
        frames.setdefault((epoch, sequence), []).append((index, record))
    ids = [r["id"] for _, _, _, r in journal if r["type"] == "request"]
    assert len(ids) == len(set(ids)), "a request is there twice"
    for worker in workers:
        for sequence, first in worker.acked.items():
            rows = frames.get((worker.epoch, sequence))
            assert rows, "an acknowledged frame is lost"
            assert [r[0] for r in rows] == list(
                range(first, first + len(rows))), "indexes differ"
            assert [r[1] for r in rows] == worker.records[sequence]
        for sequence in worker.refused:
            assert (worker.epoch, sequence) not in frames
    return journal


@pytest.fixture
def traced(home):
    with Traced(home, *SMALL) as started:
        yield started


def greeted(traced, **arguments):
    worker = Worker(traced.socket, **arguments)
    worker.hello()
    return worker


def filled(home, commits=6):
    """A stopped journal, killed so that no mark stands behind the end."""
    traced = Traced(home, *SMALL).start()
    worker = greeted(traced)
    for _ in range(commits):
        worker.wait(worker.send([request(), refusal()]))
    traced.kill()
    return traced, worker


def segments(traced):
    return [os.path.join(traced.journal, n)
            for n in journal_reader.segment_names(traced.journal)]


def commit_places(path):
    with open(path, "rb") as file:
        data = file.read()
    head = journal_reader.read_head(path, data)
    at, places = journal_reader.SEGMENT_HEAD, []
    while True:
        commit = journal_reader.read_commit(data, at, head["align"])
        if commit is None:
            return places
        places.append((at, commit[2]))
        at = commit[2]


# ---- the protocol --------------------------------------------------------

def test_acknowledges_in_order_with_the_first_index(traced):
    worker = greeted(traced)
    assert worker.wait(worker.send([request(), refusal()])) == 0
    assert worker.wait(worker.send([request()])) == 2
    assert worker.wait(worker.send([completions([(0, "answered"),
                                                 (2, "failed")])])) == 3
    summary = {"consumer": "setad", "count": 9, "from": 1, "node": "nix",
               "salt": salt(), "type": "refusals", "until": 2, "v": 1}
    assert worker.wait(worker.send([summary])) == 4
    assert worker.wait(worker.send([reading(), reading(id=None)])) == 5
    assert traced.stop() == 0
    judge(traced, [worker])


@pytest.mark.parametrize("record", [
    request(subject="9991234561"),
    request(v=2),
    request(node="other"),
    request(consumer="Setad"),
    request(id=uuid7(now_ms() - 3600000)),
    request(id="0198f2c4-0000-4000-8000-000000000000"),
    request(decision="refused"),
    completions([(10 ** 9, "answered")]),
    {"epoch": "00000000000000ff", "node": "nix", "open": 1, "time": 1,
     "type": "worker-lost", "v": 1},
    reading(what="answer"), reading(subject="9991234561"),
    b"{}", b"x", canonical(request()).encode() + b" ",
    json.dumps(request()).encode(),
], ids=["unknown field", "later version", "other node", "upper case",
        "id of another time", "id of another version", "no reason",
        "completion of a record not yet acknowledged", "worker-lost",
        "reading of an answer", "reading with a subject",
        "empty object", "no JSON", "space behind", "spaces inside"])
def test_refuses_a_record_that_is_not_in_the_closed_list(traced, record):
    worker = greeted(traced)
    bad = worker.send([request(), record])
    assert worker.wait(bad) is None
    assert worker.refused[bad] == WHY_RECORD
    assert worker.wait(worker.send([request()])) == 0
    traced.stop()
    assert len(judge(traced, [worker])) == 1


def test_takes_nothing_behind_completions(traced):
    worker = greeted(traced)
    worker.wait(worker.send([request()]))
    bad = worker.send([completions([(0, "answered")]), request()])
    assert worker.wait(bad) is None
    assert worker.refused[bad] == WHY_RECORD


@pytest.mark.parametrize("packet", [
    b"x", b"\0" * 64, struct.pack("<IHHQ", 0x4A565001, 4, 1, 1),
    struct.pack("<IHHQ", 0x4A565001, 9, 1, 1) + b"x" * 9,
], ids=["short", "zeros", "frame without records", "unknown type"])
def test_closes_who_breaks_the_protocol(traced, packet):
    worker = greeted(traced)
    other = greeted(traced)
    worker.sock.send(packet)
    with pytest.raises(Gone):
        worker.receive()
    assert other.wait(other.send([request()])) == 0


def test_closes_who_leaves_out_a_frame(traced):
    worker = greeted(traced)
    worker.wait(worker.send([request()]))
    worker.send([request()], sequence=3)
    with pytest.raises(Gone):
        worker.receive()


@pytest.mark.parametrize("change", [{"version": 2}, {"node": "other"},
                                    {"frame": True}])
def test_closes_who_does_not_greet_rightly(traced, change):
    worker = Worker(traced.socket, node=change.get("node", "nix"))
    with pytest.raises(Gone):
        if "frame" in change:
            worker.connect()
            worker.send([request()])
            worker.receive()
        worker.hello(version=change.get("version", 1))


def test_a_wrong_count_or_length_refuses_the_frame(traced):
    worker = greeted(traced)
    line = canonical(request()).encode()
    for packet in (worker.frame(1, [line], count=2),
                   worker.frame(2, [line])[:-1],
                   worker.frame(3, [line]) + b"\xff\xff",
                   worker.frame(4, [line]) + b"\0\0"):
        worker.sock.send(packet)
        worker.sequence += 1
        assert worker.wait(worker.sequence) is None
        assert worker.refused[worker.sequence] == WHY_RECORD


def test_socket_and_files_are_closed_to_others(traced):
    assert stat.S_IMODE(os.stat(traced.socket).st_mode) == 0o600
    for name in os.listdir(traced.journal):
        mode = os.stat(os.path.join(traced.journal, name)).st_mode
        assert not mode & 0o007, name


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_turns_away_any_other_user(traced):
    os.chmod(traced.folder, 0o755)
    os.chmod(traced.socket, 0o666)  # as if the mode were wrong
    code = ("import os,socket;os.setuid(65534);"
            "s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET);"
            "s.connect(%r);print(len(s.recv(9)))" % traced.socket)
    done = subprocess.run(["/usr/bin/python3", "-c", code],
                          capture_output=True, text=True)
    assert done.stdout == "0\n" or "ConnectionReset" in done.stderr
    assert "traced.stranger uid=65534" in traced.words()


def test_a_second_writer_is_refused(traced, home):
    other = Traced(home, *SMALL)
    other.socket = os.path.join(home, "other.sock")
    other.log = os.path.join(home, "other.log")
    other.start(wait=False)
    assert other.process.wait(PATIENCE_S) == 1
    assert "another process writes" in other.words()
    worker = greeted(traced)
    assert worker.wait(worker.send([request()])) == 0


# ---- doubles and lost workers --------------------------------------------

def test_doubles_are_acknowledged_but_not_written_again(traced):
    worker = greeted(traced)
    worker.send([request()])
    worker.send([request(), request()])
    worker.drain()
    packets = {s: Worker.frame(s, [canonical(r).encode() for r in
                                   worker.records[s]]) for s in (1, 2)}
    worker.unacked = dict(packets)
    worker.resume()     # the same process of traced
    assert worker.kept == 2
    worker.drain()
    traced.kill()
    traced.start()
    worker.unacked = dict(packets)
    worker.resume()     # its successor
    assert worker.kept == 2
    worker.drain()
    assert worker.wait(worker.send([request()])) == 3
    traced.stop()
    assert len(judge(traced, [worker])) == 4


def test_a_refused_frame_stays_refused_when_sent_again(traced):
    worker = greeted(traced)
    worker.wait(worker.send([request()]))
    bad = worker.send([b"{}"])
    worker.wait(bad)
    worker.wait(worker.send([request()]))
    for restart in (False, True):
        if restart:
            traced.kill()
            traced.start()
        again = Worker(traced.socket, epoch=worker.epoch)
        again.hello()
        again.sequence = bad - 1
        assert again.wait(again.send([request()])) is None
        assert again.refused[bad] == WHY_BROKEN
    traced.stop()
    assert len(judge(traced, [worker])) == 2


def test_a_frame_too_old_to_know_is_refused_and_the_worker_goes_on(traced):
    worker = greeted(traced)
    for _ in range(410):        # more than 4096 frames
        for _ in range(10):
            worker.send([refusal()])
        worker.drain()
    again = Worker(traced.socket, epoch=worker.epoch)
    again.hello()
    again.wait(again.send([request()]))
    assert again.refused == {1: WHY_BROKEN}
    again.wait(again.send([request()], sequence=2))
    assert again.refused == {1: WHY_BROKEN, 2: WHY_BROKEN}
    assert len(read_journal(traced.journal)) == 4100


@pytest.mark.skipif(not LONG, reason="waits for 20 s")
def test_a_worker_that_waited_long_for_traced_learns_what_was_kept(traced):
    worker = greeted(traced)
    worker.wait(worker.send([request()]))
    worker.unacked = {1: Worker.frame(1, [canonical(r).encode() for r in
                                          worker.records[1]])}
    traced.kill()
    time.sleep(20)
    traced.start()
    worker.resume()
    worker.drain()
    assert worker.wait(worker.send([request()])) == 1
    traced.stop()
    assert len(judge(traced, [worker])) == 2


def test_more_workers_than_the_table_holds_make_no_doubles(traced):
    for _ in range(1040):
        short = greeted(traced)
        short.wait(short.send([refusal()]))
        short.close()
    workers = [greeted(traced) for _ in range(3)]
    for _ in range(3):
        for worker in workers:
            worker.wait(worker.send([refusal()]))
    traced.kill()
    traced.start()
    for worker in workers:
        worker.unacked = {s: Worker.frame(s, [canonical(r).encode() for r in
                                              worker.records[s]])
                          for s in worker.records}
        worker.resume()
        assert worker.kept == 3
        worker.drain()
        worker.wait(worker.send([request()]))
    traced.stop()
    judge(traced, workers)


def test_a_vanished_worker_is_recorded_as_lost_unless_it_comes_back(traced):
    gone, done, back = greeted(traced), greeted(traced), greeted(traced)
    record = request()
    gone.wait(gone.send([record, request(), refusal()]))
    gone.wait(gone.send([completions([(1, "answered")])]))
    first = done.wait(done.send([request()]))
    done.wait(done.send([completions([(first, "answered")])]))
    kept = back.wait(back.send([request()]))
    traced.kill()
    traced.start()
    gone.close()
    done.close()
    back.resume()
    journal_waits(traced, "worker-lost")
    back.wait(back.send([completions([(kept, "answered")])]))
    traced.stop()
    lost = [r for _, _, _, r in judge(traced, [gone, done, back])
            if r["type"] == "worker-lost"]
    assert [(r["epoch"], r["open"]) for r in lost] == [
        ("%016x" % gone.epoch, 1)]
    assert look_up(traced, record["id"])["state"] == "unknown"


def test_counts_what_was_forwarded_today(traced):
    worker = greeted(traced)
    worker.send([request(grant="g-%d" % (i % 500)) for i in range(100)])
    worker.send([request(grant="g-%d" % (i % 500)) for i in range(100)])
    worker.send([refusal()])
    worker.drain()
    worker.wait(worker.send([completions(
        [(7, 0, 0, 0, "unavailable"), (8, "failed"), (9, 0, 0, 0, "failed"),
         (10, 0, 0, 0, "timeout"), (11, "unknown"), (9, 0, 0, 0, "failed")])]))
    expect = {("g-%d" % i, "setad", PATH): 1 if i in (7, 9, 10) else 2
              for i in range(100)}
    for restart in (False, True):
        if restart:
            traced.kill()
            traced.start()
        other = Worker(traced.socket)
        other.hello(counts=True)
        assert other.counts == expect


def test_counts_of_many_grants_come_in_several_packets(traced):
    worker = greeted(traced)
    for n in range(40):
        worker.send([request(grant="grant-number-%d" % (n * 100 + i))
                     for i in range(100)])
        worker.drain()
    other = Worker(traced.socket)
    other.hello(counts=True)
    assert len(other.counts) == 4000
    assert set(other.counts.values()) == {1}


# ---- grants of which only so many calls may be answered -------------------

def ask(worker, *maxima, **fields):
    """A frame of calls with these maxima: its sequence and its first index."""
    sequence = worker.send([request(max_answered=m, **fields)
                            for m in maxima])
    return sequence, worker.wait(sequence)


def test_the_order_of_the_journal_says_who_is_in_time(traced):
    first, second = greeted(traced), greeted(traced)
    sequence, index = ask(first, 2, 2, 2)
    assert first.used == {(sequence, 2): 0}      # the others are under way
    other, _ = ask(second, 2)
    assert second.used == {(other, 0): 0}
    free, _ = ask(second, 1, grant="g-2")        # another grant
    assert (free, 0) not in second.used
    # one was answered, one was not: one is free again
    first.wait(first.send([completions([(index, "answered"),
                                        (index + 1, "failed"),
                                        (index + 2, "limited")])]))
    again, late = ask(second, 2, 2)
    assert (again, 0) not in second.used and second.used[(again, 1)] == 0
    second.wait(second.send([completions([(late, "answered")])]))
    last, _ = ask(second, 2)
    assert second.used[(last, 0)] == 1           # and now for good
    more, _ = ask(second, 3)                     # a new decision allows more
    assert (more, 0) not in second.used


def test_a_call_of_which_nobody_knows_the_end_is_taken_for_answered(traced):
    worker = greeted(traced)
    _, index = ask(worker, 1)
    worker.wait(worker.send([completions([(index, "unknown")])]))
    sequence, _ = ask(worker, 1)
    assert worker.used == {(sequence, 0): 1}

    _, index = ask(worker, 1, grant="g-lost")
    worker.close()
    journal_waits(traced, "worker-lost")
    other = greeted(traced)
    sequence, _ = ask(other, 1, grant="g-lost")
    assert other.used == {(sequence, 0): 1}


def journal_waits(traced, kind):
    wait_for(kind, lambda: any(r["type"] == kind for _, _, _, r in
                               read_journal(traced.journal)), step=0.1)


def test_answers_given_are_counted_anew_from_the_journal(traced):
    """kill -9; what was under way stays so, and who sends a frame again is
    told of it what it was told before."""
    worker = greeted(traced)
    _, index = ask(worker, 2, 2)
    worker.wait(worker.send([completions([(index, "answered")])]))
    for _ in range(30):         # over several segments
        worker.send([request() for _ in range(100)])
        worker.drain()
    late, _ = ask(worker, 2)
    assert worker.used == {(late, 0): 0}
    traced.kill()
    traced.start()
    worker.unacked = {late: worker.frame(late, [
        canonical(r).encode() for r in worker.records[late]])}
    worker.used = {}
    worker.resume()
    worker.drain()
    assert worker.used == {(late, 0): 0}
    worker.wait(worker.send([completions([(index + 1, "answered")])]))
    sequence, _ = ask(worker, 2)
    assert worker.used[(sequence, 0)] == 1
    traced.kill()
    traced.start()
    other = greeted(traced)
    sequence, _ = ask(other, 2)
    assert other.used == {(sequence, 0): 1}


def test_a_flood_by_one_such_grant_stops_no_other_call(traced):
    """None of its calls ever ends; others are not told to wait for them, and
    a successor says the same."""
    worker, other = greeted(traced), greeted(traced)
    frames = []
    for _ in range(24):
        frames.append(worker.send([request(max_answered=9999, grant="g-flood")
                                   for _ in range(200)]))
        worker.wait(frames[-1])
        sequence, index = ask(other, 1, grant="g-%d" % len(frames))
        plain = other.send([request()])
        assert index is not None and other.wait(plain) is not None
        assert not other.used
    assert not worker.refused
    assert len(worker.used) >= 24 * 200 // 2 and not any(worker.used.values())
    late = [at for at in worker.used if at[0] == frames[-1]]
    assert len(late) == 200
    traced.kill()
    traced.start()
    worker.unacked = {frames[-1]: worker.frame(frames[-1], [
        canonical(r).encode() for r in worker.records[frames[-1]]])}
    worker.used = {}
    worker.resume()
    worker.drain()
    assert sorted(worker.used) == sorted(late)


def test_refused_frames_keep_no_room_for_their_calls(traced):
    worker = greeted(traced)
    bad = [request(max_answered=1) for _ in range(100)] + \
        [request(node="another")]
    for _ in range(50):
        sequence = worker.send(bad)
        worker.wait(sequence)
        assert worker.refused[sequence] == WHY_RECORD
    sequence, index = ask(worker, 1)
    assert index is not None and worker.used == {}


def test_answers_given_before_what_is_left_of_the_journal(home):
    """Without the saved state, and with its oldest segments in packs only,
    nobody can say how many answers were given: then no more are."""
    traced = Traced(home, *SMALL).start()
    worker = greeted(traced)
    _, index = ask(worker, 1)
    worker.wait(worker.send([completions([(index, "answered")])]))
    while len(segments(traced)) < 5:
        worker.send([request() for _ in range(100)])
        worker.drain()
    traced.stop()
    os.unlink(segments(traced)[0])
    with open(os.path.join(traced.journal, "removed"), "w") as file:
        file.write("2\n")
    os.unlink(os.path.join(traced.journal, "state"))
    traced.arguments.append("--counts-from-journal")
    for _ in range(2):          # and so it stays
        traced.start()
        assert "traced.uses_unknown" in traced.words()
        worker = greeted(traced)
        sequence, _ = ask(worker, 1)
        assert worker.used == {(sequence, 0): 1}
        size = len(segments(traced))
        while len(segments(traced)) < size + 2:
            worker.send([request() for _ in range(100)])
            worker.drain()
        traced.stop()


# ---- looking up ----------------------------------------------------------

def look_up(traced, tracking_id, *arguments):
    done = subprocess.run([built("payvand"), "trace", tracking_id, "--offline",
                           traced.journal, "--json"] + list(arguments),
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_trace_finds_every_state(traced):
    worker = greeted(traced)
    records = [request(), refusal(), request(), request(
        decision="limited", reason="daily")]
    first = worker.wait(worker.send(records))
    for _ in range(30):         # over several segments
        worker.send([request() for _ in range(100)])
        worker.drain()
    worker.wait(worker.send([completions([(first, "answered")])]))
    assert len(segments(traced)) > 3
    found = look_up(traced, records[0]["id"])
    assert found["state"] == "answered" and found["index"] == first
    assert found["record"] == records[0]
    assert "ended_at" in found and "ended_at_jalali" in found
    found = look_up(traced, records[1]["id"])
    assert (found["state"], found["reason"]) == ("refused", "no-grant")
    assert look_up(traced, records[2]["id"])["state"] == "received"
    assert look_up(traced, records[3]["id"])["state"] == "limited"
    for sequence in random.sample(sorted(worker.acked), 10):
        record = worker.records[sequence][0]
        if record["type"] == "request":
            assert look_up(traced, record["id"])["record"] == record
    done = subprocess.run([built("payvand"), "trace", uuid7(), "--offline",
                           traced.journal], capture_output=True, text=True)
    assert done.returncode == 1 and "no such request" in done.stderr


def test_trace_tells_damage_from_what_was_never_there(home):
    traced, worker = filled(home)
    path = segments(traced)[0]
    places = commit_places(path)
    for broken in (b"\x01", b"\0" * 512):  # a bit, a sector that was lost
        with open(path, "r+b") as file:
            first = places[2][0]
            file.seek(first + 512 - len(broken))
            file.write(broken)
        done = subprocess.run([built("payvand"), "trace",
                               worker.records[3][0]["id"], "--offline",
                               traced.journal], capture_output=True, text=True)
        assert done.returncode == 1
        assert "no such request" not in done.stderr, done.stderr
