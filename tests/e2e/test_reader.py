"""Reading the trace: who sees what, and that each reading is a record first
(R-078, R-079, R-083). The tests play the API's nginx; test_api.py has it."""

import json
import os
import random
import re
import signal
import socket
import socketserver
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import BANK, FIC, IBAN, TAX, wait_for
from prometheus import prometheus
from reading import (AUDITOR, OPERATOR, ReadExchange, ask, peer_headers,
                     write_rollups)

PROVIDER = "central-bank-connector"
REQUESTS = "/trace/v1/requests"
RECEIPTS = "/trace/v1/receipts/"


@pytest.fixture(scope="module")
def ex(request, pki):
    import shutil
    import tempfile
    folder = tempfile.mkdtemp(prefix="pv-read-")
    with ReadExchange(folder, pki) as exchange:
        exchange.mine = exchange.call(BANK, IBAN).tracking_id
        exchange.other = exchange.call(FIC, TAX).tracking_id
        exchange.refused = exchange.call(BANK, TAX).tracking_id
        for tracking_id in (exchange.mine, exchange.other):
            exchange.completion(tracking_id)
        wait_for("a receipt", lambda: exchange.read(
            "/trace/v1/receipts/" + exchange.mine).status == 200)
        wait_for("the first figures", lambda: exchange.read(
            "/trace/v1/rollups").status == 200)
        yield exchange
    shutil.rmtree(folder, ignore_errors=True)


def readers(ex):
    """name -> arguments of ex.read."""
    return {
        "public": {"public": True},
        "consumer": {"as_system": BANK},
        "provider": {"as_system": PROVIDER},
        "other": {"as_system": FIC},
        "auditor": {"identity": ex.auditor},
        "operator": {"identity": ex.operator},
        "local": {},
    }


# What each gets of the bank's own call, and of the pages for all.
MATRIX = {
    "checkpoint": ("/checkpoint", {}),
    "lookup": (REQUESTS + "/{mine}",
               {"public": 401, "other": 404}),
    "search": (REQUESTS + "?limit=5", {"public": 401}),
    "follow": ("/trace/v1/follow?cursor=0", {"public": 401}),
    "rollups": ("/trace/v1/rollups", {"public": 401}),
    "volumes": ("/trace/v1/volumes", {"public": 401}),
    "receipt": ("/trace/v1/receipts/{mine}", {"public": 401, "other": 404}),
    "metrics": ("/metrics", {"public": 401, "consumer": 403, "provider": 403,
                             "other": 403, "auditor": 403}),
    "entries": ("/tile/entries/000.p/1",
                {"public": 401, "consumer": 403, "provider": 403,
                 "other": 403}),
    "hashes": ("/tile/0/000.p/1", {}),
}


@pytest.mark.parametrize("name", MATRIX)
@pytest.mark.parametrize("reader", ["public", "consumer", "provider", "other",
                                    "auditor", "operator", "local"])
def test_each_role_sees_its_own(ex, name, reader):
    target, refused = MATRIX[name]
    answer = ex.read(target.format(mine=ex.mine), **readers(ex)[reader])
    if reader in refused:
        assert answer.status == refused[reader]
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["title"] and answer.json["title_fa"]
    else:
        assert answer.status == 200, answer.body


@pytest.mark.parametrize("reader", ["consumer", "provider", "other", "auditor",
                                    "operator", "local"])
def test_a_search_shows_nothing_of_others(ex, reader):
    answer = ex.read(REQUESTS + "?as=" + (
        "provider" if reader == "provider" else "consumer"),
        **readers(ex)[reader])
    seen = {r["tracking_id"] for r in answer.json["requests"]}
    assert (ex.mine in seen) == (reader != "other")
    assert (ex.other in seen) == (reader not in ("consumer", "provider"))
    for row in answer.json["requests"]:
        if reader == "consumer":
            assert row["record"]["consumer"] == BANK
        if reader == "provider":
            assert row["record"]["provider"] == "central-bank"


def test_asking_for_anothers_calls_gives_an_empty_list(ex):
    for target, who in (("?consumer=" + FIC, BANK),
                        ("?as=provider&provider=tax-administration",
                         PROVIDER)):
        answer = ex.read(REQUESTS + target, as_system=who)
        assert answer.status == 200
        assert answer.json == {"requests": []}


def test_not_there_and_not_yours_are_the_same_answer(ex):
    unknown = ex.mine[:-12] + "0123456789ab"
    answers = [ex.read(REQUESTS + "/" + i, as_system=FIC)
               for i in (ex.mine, unknown, "9991234561")]
    assert {a.status for a in answers} == {404}
    assert len({a.body for a in answers}) == 1
    heads = [{k: v for k, v in a.headers.items() if k != "Date"}
             for a in answers]
    assert heads[0] == heads[1] == heads[2]


def test_follow_shows_a_party_its_calls_and_their_ends(ex):
    rows = ex.read("/trace/v1/follow?cursor=0", as_system=BANK).json["records"]
    ids = {r["record"]["id"] for r in rows if "record" in r}
    assert ids == {ex.mine, ex.refused}
    ends = [r["completion"] for r in rows if "completion" in r]
    assert [e["outcome"] for e in ends] == ["answered"]


def test_follow_goes_on_where_it_stopped(ex):
    begin = ex.read("/trace/v1/follow").json
    assert begin["records"] == []
    before = len(ex.readings())
    assert ex.read("/trace/v1/follow?cursor=" +
                   begin["cursor"]).json["records"] == []
    assert len(ex.readings()) == before  # a look that showed nothing
    new = ex.call(BANK, IBAN).tracking_id

    def shown():
        rows = ex.read("/trace/v1/follow?cursor=" + begin["cursor"]).json
        return [r for r in rows["records"] if "record" in r and
                r["record"].get("id") == new]
    wait_for("the new call", shown)


def test_pages_of_a_search_have_no_gap_and_no_double(ex):
    for _ in range(12):
        ex.call(BANK, IBAN)
    whole = ex.read(REQUESTS + "?limit=1000").json["requests"]
    for order in ("newest", "oldest"):
        seen, cursor = [], ""
        while True:
            page = ex.read(REQUESTS + "?limit=5&order=%s%s" % (
                order, cursor)).json
            seen += [r["index"] for r in page["requests"]]
            if "cursor" not in page:
                break
            cursor = "&cursor=" + page["cursor"]
        expected = [r["index"] for r in whole]
        assert seen == (expected if order == "newest" else expected[::-1])


def test_pages_by_outcome_have_no_gap_and_no_double(ex):
    for _ in range(8):  # their ends share leaves
        ex.call(BANK, IBAN)
    time.sleep(1.5)
    target = REQUESTS + "?outcome=answered&consumer=" + BANK
    whole = [r["index"] for r in ex.read(target + "&limit=1000")
             .json["requests"]]
    seen, cursor = [], ""
    while True:
        page = ex.read(target + "&limit=3" + cursor).json
        seen += [r["index"] for r in page["requests"]]
        if "cursor" not in page:
            break
        cursor = "&cursor=" + page["cursor"]
    assert sorted(seen) == sorted(whole) and len(seen) == len(set(seen))


def test_tiles_and_bundles_are_those_of_the_published_tree(ex):
    import base64
    import hashlib
    note = ex.read("/checkpoint", public=True)
    assert note.headers["Cache-Control"] == "max-age=1"
    origin, size, root = note.body.decode().split("\n")[:3]
    size = int(size)
    assert origin == "nix.payvand.test/log" and 0 < size < 256
    leaves = ex.read("/tile/0/000.p/%d" % size, public=True)
    assert "immutable" in leaves.headers["Cache-Control"]
    bundle = ex.read("/tile/entries/000.p/%d" % size, identity=ex.auditor)
    assert bundle.headers["Cache-Control"] == "no-store"
    at, level = 0, []
    for i in range(size):
        length = int.from_bytes(bundle.body[at:at + 2], "big")
        entry = bundle.body[at + 2:at + 2 + length]
        at += 2 + length
        level.append(hashlib.sha256(b"\0" + entry).digest())
    assert at == len(bundle.body) and b"".join(level) == leaves.body
    while len(level) > 1:  # RFC 6962: the odd one goes up as it is
        level = [hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest()
                 if i + 1 < len(level) else level[i]
                 for i in range(0, len(level), 2)]
    assert base64.b64encode(level[0]).decode() == root


@pytest.mark.parametrize("target", [
    "/tile/0/001", "/tile/0/000", "/tile/0/000.p/256", "/tile/0/0.p/1",
    "/tile/64/000.p/1", "/tile/entries/001.p/1", "/tile/../checkpoint",
    "/tile/0/000.p/01", "/tile/", "/tile/entries/"])
def test_a_tile_that_is_not_published_is_not_there(ex, target):
    assert ex.read(target).status == 404


@pytest.mark.parametrize("query", [
    "?subject=9991234561", "?limit=0", "?limit=1001", "?from=yesterday",
    "?limit=1&limit=2", "?outcome=yes", "?as=friend", "?cursor=x", "?order=",
    "?from=%31", "?"+"x" * 100,
])
def test_refuses_a_query_it_does_not_know(ex, query):
    answer = ex.read(REQUESTS + query)
    assert answer.status == 400 and answer.problem == "query"


@pytest.mark.parametrize("day", ["from=2026-01-01", "from=1405-01-01",
                                 "from=1"])
def test_takes_dates_of_both_calendars(ex, day):
    assert ex.read(REQUESTS + "?" + day).json["requests"]


# ---- recorded -------------------------------------------------------------

def test_every_reading_is_a_record(ex):
    def one(target, **how):
        before = len(ex.readings())
        answer = ex.read(target, **how)
        new = ex.readings()[before:]
        assert len(new) == 1, (target, new)
        return answer, new[0]

    answer, reading = one(REQUESTS + "/" + ex.mine, as_system=BANK)
    assert answer.status == 200
    assert (reading["by"], reading["role"], reading["what"], reading["count"],
            reading["id"]) == (BANK, "consumer", "lookup", 1, ex.mine)
    _, reading = one(REQUESTS + "/" + ex.mine, as_system=PROVIDER)
    assert (reading["by"], reading["role"]) == (PROVIDER, "provider")
    answer, reading = one(REQUESTS + "?limit=3", identity=ex.auditor)
    assert (reading["by"], reading["role"], reading["what"], reading["count"]
            ) == (AUDITOR, "auditor", "search", 3)
    _, reading = one("/trace/v1/follow?cursor=0&limit=2", identity=ex.operator)
    assert (reading["by"], reading["role"], reading["what"], reading["count"]
            ) == (OPERATOR, "operator", "follow", 2)
    _, reading = one(REQUESTS + "/" + ex.mine)
    assert reading["by"] == "uid/%d" % os.getuid()
    # an attempt too, without what was written there
    answer, reading = one(REQUESTS + "/9991234561", as_system=FIC)
    assert answer.status == 404
    assert reading["count"] == 0 and "id" not in reading


def test_several_receipts_come_in_one_answer(ex):
    """Lines in the order asked; what one may not see, or is not there, is
    left out; a record names each that was given (R-083)."""
    def given(ids, **how):
        before = len(ex.readings())
        answer = ex.read(RECEIPTS + ",".join(ids), **how)
        assert answer.status == 200, answer.body
        lines = answer.body.decode().splitlines()
        return ([json.loads(json.loads(line)["entry"])["id"]
                 for line in lines], ex.readings()[before:])

    asked = [ex.refused, ex.other, "9991234561", "", ex.mine]
    wait_for("both receipts", lambda: given(asked, as_system=BANK)[0]
             == [ex.refused, ex.mine])
    _, (reading,) = given(asked, as_system=BANK)
    assert (reading["by"], reading["role"], reading["what"], reading["count"]
            ) == (BANK, "consumer", "receipt", 2)
    assert "id" not in reading and reading["ids"] == [ex.refused, ex.mine]
    shown, (reading,) = given([ex.mine, ex.other], as_system=PROVIDER)
    assert shown == [ex.mine]
    assert (reading["role"], reading["count"], reading["id"]
            ) == ("provider", 1, ex.mine)
    # a list of one is no way to read it unnamed
    shown, (reading,) = given([ex.mine, ""], as_system=BANK)
    assert shown == [ex.mine] and reading["id"] == ex.mine
    shown, (reading,) = given([ex.other, ex.mine], identity=ex.auditor)
    assert shown == [ex.other, ex.mine] == reading["ids"]
    # more than a record holds
    shown, read = given([ex.other, ex.mine] * 25, identity=ex.auditor)
    assert len(shown) == 50
    assert [one["count"] for one in read] == [32, 18]
    assert read[0]["ids"] + read[1]["ids"] == shown
    # an attempt too, without what was written there
    shown, (reading,) = given([ex.mine, "9991234561"], as_system=FIC)
    assert shown == [] and reading["count"] == 0 and "id" not in reading
    for line in ex.read(RECEIPTS + ex.mine + "," + ex.refused,
                        as_system=BANK).body.splitlines(True):
        path = ex.path("one-of-several.json")
        with open(path, "wb") as f:
            f.write(line)
        ex.payvand("verify", path, "--log-key", ex.vkey)
    many = ex.read(RECEIPTS + ",".join([ex.mine] * 51), as_system=BANK)
    assert many.status == 400


def reader_pid(ex):
    return int(re.findall(r"traced.child name=reader pid=(\d+)",
                          ex.log_text())[-1])


def test_a_list_that_was_cut_says_what_it_leaves_out(ex):
    """A reader that gets no time in the midst of a list."""
    pid = reader_pid(ex)
    ids = [ex.mine, ex.other] * 25

    def cut():
        os.kill(pid, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as pool:
            try:
                asked = pool.submit(ex.read, RECEIPTS + ",".join(ids),
                                    identity=ex.auditor)
                time.sleep(0.02)
                os.kill(pid, signal.SIGCONT)
                end = time.monotonic() + random.uniform(0, 0.005)
                while time.monotonic() < end:
                    pass  # a sleep is too long
                os.kill(pid, signal.SIGSTOP)
                time.sleep(0.6)
            finally:
                os.kill(pid, signal.SIGCONT)
            lines = [json.loads(line) for line in
                     asked.result().body.splitlines()]
        return "left_out" in lines[-1] and lines

    *given, last = wait_for("a list that was cut", cut)
    assert given and len(given) + len(last["left_out"]) == 50
    assert last["left_out"] == ids[len(given):]


def test_the_command_gets_several_receipts(ex, tmp_path):
    asked = [ex.mine, ex.refused, ex.other]
    done = ex.payvand("receipt", *asked, "--socket", ex.local)
    lines = done.stdout.splitlines(True)
    assert {json.loads(json.loads(line)["entry"])["id"]
            for line in lines} == set(asked)
    for line in lines:
        (tmp_path / "one").write_bytes(line)
        ex.payvand("verify", str(tmp_path / "one"), "--log-key", ex.vkey)
    none = "0198f2c4-7d5e-7c3a-9a51-2f6d0c1b7e11"
    done = ex.payvand("receipt", ex.mine, none, "--no-wait", "--socket",
                      ex.local, check=False)
    assert done.returncode == 1 and b"1/2: not there" in done.stderr
    assert len(done.stdout.splitlines()) == 1
    for wrong in ([ex.mine, "x"], [ex.mine] * 51):
        assert ex.payvand("receipt", *wrong, "--socket", ex.local,
                          check=False).returncode == 2


class Cutting(socketserver.StreamRequestHandler):
    """A reader with time for one receipt an answer."""

    def handle(self):
        ids = self.rfile.readline().split()[1].decode().rsplit(
            "/", 1)[1].strip(",").split(",")
        self.server.asked.append(ids)
        while self.rfile.readline().strip():
            pass
        entry = json.dumps({"id": ids[0]})
        body = json.dumps({"entry": entry}) + "\n"
        if ids[1:]:
            body += json.dumps({"left_out": ids[1:]}) + "\n"
        self.wfile.write(b"HTTP/1.1 200 X\r\nConnection: close\r\n"
                         b"Content-Length: %d\r\n\r\n%s"
                         % (len(body), body.encode()))


def test_the_command_asks_again_for_what_was_left_out(ex, tmp_path):
    ids = ["0198f2c4-7d5e-7c3a-9a51-2f6d0c1b7e1%d" % i for i in range(3)]
    path = str(tmp_path / "cutting.sock")
    with socketserver.ThreadingUnixStreamServer(path, Cutting) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever).start()
        try:
            done = ex.payvand("receipt", *ids, "--no-wait", "--socket", path)
        finally:
            server.shutdown()
    assert server.asked == [ids, ids[1:], ids[2:]]
    assert [json.loads(json.loads(line)["entry"])["id"]
            for line in done.stdout.splitlines()] == ids


def test_a_checkpoint_that_could_not_be_read_is_read_again(home, pki):
    """What failed once is not remembered: nothing new is published meanwhile."""
    with ReadExchange(home, pki, workers=1) as ex:
        tracking_id = ex.call(BANK, IBAN).tracking_id
        ex.completion(tracking_id)
        wait_for("a receipt", lambda: ex.read(
            RECEIPTS + tracking_id).status == 200)
        folder = Path(ex.home, "log.d")

        def put(note):
            (folder / "other").write_bytes(note)
            os.rename(folder / "other", folder / "checkpoint")

        def stumbled():
            """Put back, if nothing newer was published."""
            good = (folder / "checkpoint").read_bytes()
            put(b"no note\n")
            failed = ex.read(RECEIPTS + tracking_id).status == 500
            if (folder / "checkpoint").read_bytes() == b"no note\n":
                put(good)
            return failed

        wait_for("a reader that cannot read it", stumbled)
        answer = ex.read(RECEIPTS + tracking_id)
        assert answer.status == 200, answer.body


def test_the_record_is_on_disk_before_the_answer(ex):
    for _ in range(20):
        before = len(ex.readings())
        assert ex.read(REQUESTS + "/" + ex.mine).status == 200
        assert len(ex.readings()) == before + 1


def test_without_a_journal_nothing_is_shown(home, pki):
    with ReadExchange(home, pki, workers=1) as ex:
        tracking_id = ex.call(BANK, IBAN).tracking_id
        assert ex.read(REQUESTS + "/" + tracking_id).status == 200
        os.kill(ex.traced.pid, signal.SIGSTOP)
        try:
            answers = [ex.read(REQUESTS + "/" + tracking_id),
                       ex.read(REQUESTS, as_system=BANK),
                       ex.read("/trace/v1/follow?cursor=0")]
        finally:
            os.kill(ex.traced.pid, signal.SIGCONT)
        for answer in answers:
            assert answer.status == 503
            assert answer.problem == "reading-unrecorded"
            assert answer.headers["Retry-After"] == "1"
            assert tracking_id.encode() not in answer.body
        wait_for("readings again", lambda: ex.read(
            REQUESTS + "/" + tracking_id).status == 200)


def test_a_reader_that_dies_comes_back(home, pki):
    with ReadExchange(home, pki, workers=1) as ex:
        tracking_id = ex.call(BANK, IBAN).tracking_id
        for line in ex.log_text().splitlines():
            found = re.search(r"traced.child name=reader pid=(\d+)", line)
            if found:
                pid = int(found.group(1))
        ex.kill_pid(pid)

        def reads():
            try:
                return ex.read(REQUESTS + "/" + tracking_id).status == 200
            except OSError:
                return False
        wait_for("the reader", reads)
        assert ex.call(BANK, IBAN).status == 200


# ---- who may come ----------------------------------------------------------

def test_an_unknown_key_is_refused(ex, pki):
    answer = ex.read(REQUESTS, identity=pki.of("nobody-registered"))
    assert answer.status == 403 and answer.problem == "reader-unknown"


def test_a_registered_key_from_elsewhere_is_refused(ex, pki):
    answer = ex.read(REQUESTS, as_system=BANK, address="192.0.2.1")
    assert answer.status == 403 and answer.problem == "reader-unknown"


def test_a_certificate_that_did_not_verify_is_refused(ex, pki):
    answer = ex.read(REQUESTS, as_system=BANK, verify="FAILED:expired")
    assert answer.status == 403 and answer.problem == "certificate-not-good"


def test_headers_that_come_twice_are_refused(ex, pki):
    headers = peer_headers(pki.of(BANK))
    headers["Payvand-Peer-Verify"] = ["NONE", "SUCCESS"]
    assert ask(ex.api, REQUESTS, headers).status == 403


def test_the_local_socket_believes_no_header(ex, pki):
    answer = ask(ex.local, REQUESTS + "?consumer=" + FIC,
                 peer_headers(pki.of(BANK)))
    assert [r["record"]["consumer"] for r in answer.json["requests"]] == [FIC]
    assert ex.readings()[-1]["role"] == "operator"


def test_without_nginxs_headers_nothing_is_shown(ex):
    answer = ask(ex.api, REQUESTS, {})
    assert answer.status == 403 and answer.problem == "not-through-nginx"


def test_too_many_readings_are_refused(ex):
    statuses = []
    while 429 not in statuses and len(statuses) < 1000:  # slow, it takes more
        statuses.append(ex.read(REQUESTS + "?limit=1",
                                as_system="customs-administration-main").status)
    assert statuses[0] == 200 and statuses[-1] == 429
    # several receipts in one answer are as many readings
    several = {ex.read(RECEIPTS + ",".join([ex.mine] * 50),
                       as_system="customs-administration-main").status
               for _ in range(10)}
    assert 429 in several and several <= {200, 429}
    assert ex.read(REQUESTS + "?limit=1", as_system=FIC).status == 200


def test_anonymous_visitors_hold_up_nobody_who_is_known(ex, pki):
    """One budget for all of them together; who shows a certificate has his
    own, and this machine's users none for what is public."""
    def many(headers, count):
        text = "".join("GET /checkpoint HTTP/1.1\r\nHost: r\r\n%s%s\r\n" % (
            "".join("%s: %s\r\n" % h for h in headers.items()),
            "Connection: close\r\n" if n == count - 1 else "")
            for n in range(count))
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(60)
            link.connect(ex.api)
            sender = threading.Thread(target=link.sendall,
                                      args=(text.encode(),))
            sender.start()
            got = b""
            while part := link.recv(65536):
                got += part
            sender.join()
        return re.findall(rb"HTTP/1.1 (\d+) ", got)

    nobody = peer_headers(None)
    statuses = many(nobody, 4000)
    assert len(statuses) == 4000 and set(statuses) == {b"200", b"429"}
    answer = ask(ex.api, "/checkpoint", nobody)
    if answer.status == 429:  # a slow machine is past it
        assert answer.problem == "too-many-requests"
        assert answer.headers["Retry-After"] == "1"
    known = peer_headers(pki.of(FIC))
    assert set(many(known, 300)) == {b"200"}
    assert ask(ex.local, "/checkpoint").status == 200
    assert ex.read(REQUESTS + "?limit=1", as_system=FIC).status == 200


def test_only_get_is_answered(ex):
    for method in ("POST", "PUT", "DELETE"):
        answer = ask(ex.local, REQUESTS, method=method)
        assert answer.status == 405


def test_the_gateways_counters_read_as_prometheus_text(ex):
    from wire import request
    answer = ex.wire(FIC).ask(request("/payvand/metrics", b"", method="GET",
                                      length=False))
    assert answer.status == 200
    samples = prometheus(answer.body.decode())
    status = ex.status()
    assert samples["payvand_gateway_calls_total"] >= 3
    assert samples["payvand_gateway_journal_up"] == 1
    assert samples["payvand_gateway_calls_total"] == status["calls"]


def test_metrics_read_as_prometheus_text(ex):
    answer = ex.read("/metrics")
    assert answer.headers["Content-Type"].startswith(
        "text/plain; version=0.0.4")
    assert prometheus(answer.body.decode())[
        "payvand_log_staleness_seconds"] >= 0


# ---- never content ---------------------------------------------------------

def test_what_was_asked_is_nowhere_in_what_is_read(ex, pki):
    marker = "9991234561marker"
    tracking_id = ex.call(BANK, IBAN, {"national_id": marker}).tracking_id
    ex.completion(tracking_id)
    for target in (REQUESTS + "/" + tracking_id, REQUESTS,
                   "/trace/v1/follow?cursor=0", "/metrics",
                   "/trace/v1/receipts/" + tracking_id):
        assert marker.encode() not in ex.read(target).body
    ex.read(REQUESTS + "/" + marker)
    ex.read(REQUESTS + "?consumer=" + marker)
    ex.read("/" + marker)
    assert marker not in ex.log_text()
    assert marker not in json.dumps(ex.records())


# ---- the command line ------------------------------------------------------

def cli(ex, *args, code=0, lang="en"):
    done = ex.payvand(*args, "--socket", ex.local, "--lang", lang, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done


def test_payvand_trace_tells_what_became_of_a_request(ex):
    found = json.loads(cli(ex, "trace", ex.mine, "--json").stdout)
    assert found["state"] == "answered" and found["tracking_id"] == ex.mine
    text = cli(ex, "trace", ex.refused).stdout.decode()
    assert "refused" in text and BANK in text and "1405-" in text
    text = cli(ex, "trace", ex.refused, lang="fa").stdout.decode()
    assert "رد شد" in text
    unknown = ex.mine[:-12] + "0123456789ab"
    assert "no such request" in cli(ex, "trace", unknown,
                                    code=1).stderr.decode()
    assert "نیست" in cli(ex, "trace", unknown, code=1,
                         lang="fa").stderr.decode()
    cli(ex, "trace", "9991234561", code=2)


def test_payvand_trace_lists_and_goes_through_the_pages(ex):
    rows = [json.loads(line) for line in cli(
        ex, "trace", "--list", "--consumer", BANK, "--order", "oldest",
        "--limit", "1500", "--json").stdout.splitlines()]
    ids = [r["tracking_id"] for r in rows]
    assert ids[0] == ex.mine and ex.other not in ids
    assert len(ids) == len(set(ids)) == len(
        [r for r in ex.requests().values() if r[1]["consumer"] == BANK])
    text = cli(ex, "trace", "--outcome", "refused").stdout.decode()
    assert ex.refused in text and ex.mine not in text


def test_payvand_trace_follows(ex):
    import subprocess
    from harness import built, program_env
    process = subprocess.Popen(
        [built("payvand"), "trace", "--follow", "--json", "--socket",
         ex.local], env=program_env(), stdout=subprocess.PIPE, text=True)
    time.sleep(0.7)
    tracking_id = ex.call(BANK, IBAN).tracking_id
    for line in process.stdout:
        item = json.loads(line)
        if item["record"].get("id") == tracking_id:
            break
    process.terminate()
    assert process.wait(10) == 0
    process.stdout.close()
    text = cli_follow_all(ex)
    assert ex.mine in text and "answered" in text


def cli_follow_all(ex):
    import subprocess
    from harness import built, program_env
    process = subprocess.Popen(
        [built("payvand"), "trace", "--follow", "--all", "--socket",
         ex.local], env=program_env(), stdout=subprocess.PIPE, text=True)
    text = "".join(process.stdout.readline() for _ in range(10))
    process.terminate()
    process.stdout.close()  # it may be full
    process.wait(10)
    return text


def test_payvand_receipt_is_checked_offline(ex, home):
    fresh = ex.call(BANK, IBAN).tracking_id
    path = os.path.join(home, "receipt.json")
    cli(ex, "receipt", fresh, "-o", path)
    done = ex.payvand("verify", path, "--log-key", ex.vkey)
    assert fresh.encode() in done.stdout
    assert ex.readings()[-1]["what"] == "receipt"
    cli(ex, "receipt", fresh, "-o", path, code=1)  # never written over
    with open(path, "rb") as file:
        text = file.read()
    with open(path, "wb") as file:
        file.write(text.replace(b'"decision":', b'"decisiom":')
                   if b'"decision":' in text else
                   text.replace(b"allowed", b"alloweD"))
    assert ex.payvand("verify", path, "--log-key", ex.vkey,
                      check=False).returncode != 0
    cli(ex, "receipt", fresh[:-12] + "0123456789ab", code=1)


# Cells of two days ago, at noon in Tehran.
NOON = (int(time.time() * 1000) + 12600000) // 86400000 * 86400000 \
    - 2 * 86400000 + 43200000 - 12600000
DAY = 86400000


@pytest.fixture(scope="module")
def figures(ex):
    cells = [(NOON - day * DAY, BANK, IBAN[3:], "answered", 60, "82:60")
             for day in range(1, 8)]
    cells += [(NOON, BANK, IBAN[3:], "answered", 200, "82:150,100:50"),
              (NOON + 60000, FIC, TAX[3:], "answered", 3, "-"),
              (NOON + 60000, FIC, TAX[3:], "refused", 30, "-")]
    write_rollups(ex, cells)
    return ["--from", str(NOON - DAY), "--until", str(NOON + 3600000)]


def test_payvand_report_shows_calls(ex, figures):
    rows = [json.loads(line) for line in cli(
        ex, "report", "calls", "--json", *figures).stdout.splitlines()]
    assert [(r["consumer"], r["outcome"], r["count"]) for r in rows] == [
        (BANK, "answered", 60), (BANK, "answered", 200),
        (FIC, "answered", 3), (FIC, "refused", 30)]
    assert rows[1]["p50_ms"] == 296 and rows[1]["timed"] == 200
    assert "p50_ms" not in rows[2]
    csv = cli(ex, "report", "calls", "--csv",
              *figures).stdout.decode().splitlines()
    assert csv[0].startswith("begin,begin_jalali,") and len(csv) == 5
    assert csv[1].count(",") == csv[0].count(",")
    rows = cli(ex, "report", "calls", "--by", "all", "--consumer", BANK,
               "--json", *figures).stdout.splitlines()
    assert [json.loads(r)["count"] for r in rows] == [260]
    assert BANK in cli(ex, "report", "calls", *figures,
                       lang="fa").stdout.decode()
    cli(ex, "report", "answers", code=2)


def test_each_sees_its_own_figures(ex, figures):
    target = "/trace/v1/rollups?from=%s&until=%s" % (figures[1], figures[3])
    own = ex.read(target, as_system=BANK).json["rows"]
    assert own and {r["consumer"] for r in own} == {BANK}
    served = ex.read(target + "&as=provider", as_system=PROVIDER).json["rows"]
    assert served and {r["method"] for r in served} == {IBAN[3:]}
    assert ex.read(target + "&consumer=" + FIC,
                   as_system=BANK).json["rows"] == []
    reading = ex.readings()[-1]
    assert (reading["what"], reading["by"]) == ("rollup", BANK)


def test_payvand_report_names_unusual_volumes(ex, figures):
    rows = [json.loads(line) for line in cli(
        ex, "report", "volumes", "--unusual", "--until", figures[3],
        "--json").stdout.splitlines()]
    assert [(r["consumer"], r["volume"], r["calls"], r["usual_high"])
            for r in rows] == [(BANK, "high", 200, 60),
                               (FIC, "refused", 33, 0)]
    rows = cli(ex, "report", "volumes", "--unusual", "--until",
               str(NOON - DAY + 3600000), "--json").stdout.splitlines()
    assert rows == []  # an hour like the others


def test_each_sees_its_own_volumes(ex, figures):
    target = "/trace/v1/volumes?until=" + figures[3]

    def consumers(query, who):
        rows = ex.read(target + query, as_system=who).json["rows"]
        return {row["consumer"] for row in rows}
    assert consumers("", BANK) == {BANK}
    assert consumers("&consumer=" + BANK, BANK) == {BANK}
    assert consumers("&as=provider", PROVIDER) == {BANK}
    assert consumers("&consumer=" + FIC, BANK) == set()
    assert consumers("&as=provider&provider=tax-administration",
                     PROVIDER) == set()


@pytest.mark.long
def test_the_minutes_that_are_over_are_written(ex):
    ex.call(BANK, IBAN)
    wait_for("a minute to be over", lambda: cli(
        ex, "report", "calls", "--json").stdout, timeout=90, step=2)
    rows = [json.loads(line) for line in
            cli(ex, "report", "calls", "--json").stdout.splitlines()]
    assert (BANK, IBAN[3:], "answered") in {
        (r["consumer"], r["method"], r["outcome"]) for r in rows}


def test_payvand_trace_offline_says_that_it_leaves_no_record(ex):
    before = len(ex.readings())
    done = ex.payvand("trace", ex.mine, "--offline", ex.journal, "--json",
                      "--lang", "en")
    assert json.loads(done.stdout)["tracking_id"] == ex.mine
    assert b"leaves no record" in done.stderr
    assert len(ex.readings()) == before


def test_payvand_says_whom_to_ask(ex):
    done = ex.payvand("trace", ex.mine, "--lang", "en", check=False)
    assert done.returncode == 2 and b"PAYVAND_TRACE_SOCKET" in done.stderr
