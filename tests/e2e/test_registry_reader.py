"""Reads that may take long are answered by a process of their own: whatever it
does, decisions go on."""

import csv
import io
import json
import os
import signal
import sqlite3
import tempfile
import threading
import urllib.parse

import pytest

from harness import wait_for
from registryd import BUILD, WG, Registry, UnixConnection, decision, \
    with_postgres

DAY = "1401-06-20"
OF_ONE_MAX = 8  # reads of one caller that wait (reader.h)
OF_PUBLIC_MAX = 16  # of everybody who is nobody
BYTES_OF_ONE_MAX = 64 << 20  # of answers that he has not taken
FEEDS_MAX = 64  # that wait for the feed (api.h)
ROWS_MAX = 20000  # of one answer (view.h)

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


@pytest.fixture(name="registry", scope="module",
                params=["sqlite", "postgresql"])
def fixture_registry(request):
    """Some decisions of the catalogue."""
    with tempfile.TemporaryDirectory(prefix="pv-reader-") as folder:
        os.chmod(folder, 0o755)
        server = None
        if request.param == "postgresql":
            if with_postgres.find("initdb") is None:
                pytest.skip("no PostgreSQL")
            os.mkdir(f"{folder}/pg")
            server = with_postgres.Postgres(f"{folder}/pg")
        registry = Registry(folder, server.store if server else None)
        registry.server = server
        registry.enact("--until", "1400-06-02")
        try:
            yield registry
        finally:
            registry.kill()
            if server is not None:
                server.stop("immediate")


class Asked:
    """A read that was asked and whose answer is waited for."""

    def __init__(self, registry, path, headers=None):
        """headers: what nginx says of who asks; None: the console."""
        self.answer = None
        self.is_begun = False
        self.connection = UnixConnection(
            registry.socket if headers is None else registry.web)
        self.connection.request("GET", f"/registry/v1/{path}",
                                headers=headers or {})
        self.thread = threading.Thread(target=self.hear)
        self.thread.start()

    def hear(self):
        """Until it is there, or the connection is closed."""
        try:
            answer = self.connection.getresponse()
            self.is_begun = True
            self.answer = (answer.status, answer.read())
        except OSError:
            self.answer = (0, b"")

    def leave(self):
        """Go away before the answer came."""
        self.connection.sock.shutdown(2)
        self.end()

    def end(self):
        """The answer's status."""
        self.thread.join()
        self.connection.close()
        return self.answer[0]


def fill(registry, path="views/commitments", most=OF_ONE_MAX, headers=None):
    """Ask more than may wait: those that do, once the others were refused."""
    asked = [Asked(registry, path, headers) for _ in range(most + 4)]
    wait_for("the refusals", lambda: sum(
        one.answer is not None for one in asked) == 4)
    for one in [one for one in asked if one.answer]:
        assert one.answer[0] == 503 and b"too-many-wait" in one.answer[1]
        one.end()
        asked.remove(one)
    return asked


def register(name, **more):
    """A decision that nothing stands in the way of."""
    return decision("agency", name, "register", "secretariat", WG, DAY,
                    {"name_fa": name, "legal_type": "ministry",
                     "branch": "executive", "inside_executive": True}, **more)


def test_decisions_are_taken_while_the_reader_works(registry):
    pid = registry.child("reader")
    os.kill(pid, signal.SIGSTOP)  # a read that has no end
    try:
        asked = fill(registry)
        registry.must(register("made-meanwhile"))
        assert registry.get("agency/made-meanwhile")["state"] == "registered"
        assert registry.get("status")["last"] > 0
        assert all(one.answer is None for one in asked)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert {one.end() for one in asked} == {200}


def test_who_goes_away_leaves_his_place(registry):
    pid = registry.child("reader")
    for _ in range(2):
        os.kill(pid, signal.SIGSTOP)
        try:
            for one in fill(registry):
                one.leave()
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_for("a place, behind all of them", lambda: registry.ask(
            "GET", "/registry/v1/views/commitments")[0] == 200)


def test_a_read_knows_what_was_decided_before_it(registry):
    for n in range(5):
        name = f"seen-{n}"
        registry.must(register(name))
        view = registry.get("views/backlog")
        assert name in [row["agency"]["id"] for row in view["agencies"]]
        users = registry.get(f"users/agency/{name}?of=service")
        assert users == {"service": [], "next": None}
        then = registry.get(f"agency?as_of={DAY}&count=500")
        assert name in [one["id"] for one in then["agency"]]


def test_the_public_has_places_of_its_own(registry):
    pid = registry.child("reader")
    os.kill(pid, signal.SIGSTOP)
    try:
        asked = fill(registry)
        asked += fill(registry, "views/status", OF_PUBLIC_MAX, {})
    finally:
        os.kill(pid, signal.SIGCONT)
    assert {one.end() for one in asked} == {200}


def make_system(registry, pki, name, agency):
    """Registered, with a key; what nginx says of it."""
    identity = pki.make(name)
    registry.must(
        decision("system", name, "register", "secretariat", WG, DAY,
                 {"name_fa": name, "agency": agency, "kind": "application"}),
        decision("system", name, "key", "technical", agency, DAY,
                 {"spki_sha256": identity.spki_sha256,
                  "networks": ["192.0.2.0/24"]}))
    with open(identity.cert, encoding="ascii") as file:
        return {"Payvand-Peer-Verify": "SUCCESS",
                "Payvand-Peer-Address": "192.0.2.9",
                "Payvand-Peer-Certificate": urllib.parse.quote(file.read())}


def test_the_systems_of_an_agency_are_one_caller(registry, pki):
    registry.must(
        register("two-systems"),
        decision("appointment", "two-systems-t", "appoint", "secretariat", WG,
                 DAY, {"person": "technical/two-systems", "role": "technical",
                       "of": "two-systems"}))
    first, second = (make_system(registry, pki, f"reads-{name}", "two-systems")
                     for name in ("a", "b"))
    pid = registry.child("reader")
    os.kill(pid, signal.SIGSTOP)
    try:
        asked = fill(registry, headers=first)
        refused = Asked(registry, "views/commitments", second)
        assert refused.end() == 503 and b"too-many-wait" in refused.answer[1]
    finally:
        os.kill(pid, signal.SIGCONT)
    assert {one.end() for one in asked} == {200}


def test_a_database_that_started_again_costs_no_read(registry):
    if registry.server is None:
        pytest.skip("a file does not start again")
    assert registry.get("views/backlog")
    registry.server.stop()
    registry.server.start()
    again = register("made-after-it", key="made-after-it")
    wait_for("the registry to be back",
             lambda: registry.decide(again)[0] == 200)
    assert registry.get("views/backlog")


def test_so_many_may_wait_for_the_feed(registry):
    number = registry.get("status")["last"]
    path = f"feed?from={number}&wait=30"
    for _ in range(2):  # who has his answer is no more in the line
        asked = fill(registry, path, FEEDS_MAX)
        registry.must(register(f"news-{number}"))
        assert {one.end() for one in asked} == {200}
        number += 1
        path = f"feed?from={number}&wait=30"


def add_duties(registry, count, folder="zz", text="تکلیف"):
    """Commitments as if decisions had made them; their ids."""
    body = json.dumps({"responsible": [WG], "text_fa": text,
                       "made_day": DAY, "due_day": "1402-01-01"})
    rows = [(f"{folder}/c{n:05}", body) for n in range(count)]
    with sqlite3.connect(registry.store.removeprefix("sqlite:")) as database:
        database.executemany(
            "INSERT INTO record VALUES ('commitment', ?, 1, 1, NULL, 500000, "
            "NULL, 'open', ?, 1)", rows)
    database.close()
    return [row[0] for row in rows]


def test_a_list_longer_than_an_answer_is_whole_on_the_command_line(registry):
    if not registry.store.startswith("sqlite:"):
        pytest.skip("pages are the same there")
    before = {row["id"] for row in
              registry.get("views/commitments")["commitments"]}
    made = add_duties(registry, ROWS_MAX + 700)
    view = registry.get("views/commitments")
    assert len(view["commitments"]) == ROWS_MAX and view["more"]
    assert view["next"] == max(row["id"] for row in view["commitments"])
    done = registry.payvand("commitment", "list", "--json")
    whole = json.loads(done.stdout)
    ids = [row["id"] for row in whole["commitments"]]
    assert sorted(ids) == sorted(before | set(made))
    assert whole["more"] is False and "next" not in whole
    table = registry.payvand("commitment", "list", "--csv").stdout.decode()
    rows = list(csv.DictReader(io.StringIO(table.strip("\ufeff\n"))))
    assert [row["id"] for row in rows] == ids
    page = json.loads(registry.payvand("commitment", "list", "--json",
                                       "--count", "7").stdout)
    assert [row["id"] for row in page["commitments"]] == sorted(ids)[:7]
    assert page["next"] == sorted(ids)[6]


def test_callers_take_turns(registry):
    if not registry.store.startswith("sqlite:"):
        pytest.skip("the lists are short there")
    pid = registry.child("reader")
    os.kill(pid, signal.SIGSTOP)
    try:
        many = fill(registry)  # of 20000 rows, one after the other
        public = Asked(registry, "views/status", {})
    finally:
        os.kill(pid, signal.SIGCONT)
    public.thread.join()
    begun = sum(one.is_begun for one in many)
    assert begun < OF_ONE_MAX - 1  # one, or some more here
    assert {one.end() for one in many + [public]} == {200}


class Slow:
    """A read whose answer is begun and not taken."""

    def __init__(self, socket, path):
        self.connection = UnixConnection(socket)
        self.connection.request("GET", f"/registry/v1/{path}")
        answer = self.connection.getresponse()
        self.status = answer.status
        self.length = int(answer.getheader("Content-Length"))


def test_who_does_not_take_his_answers_holds_up_himself_alone(registry):
    if not registry.store.startswith("sqlite:"):
        pytest.skip("answers are held alike there")
    add_duties(registry, 500, "zzz", "x" * 10000)
    long_page = "views/commitments?after=zzz/a&count=500"
    slow = []
    while not slow or slow[-1].status == 200:
        slow.append(Slow(registry.socket, long_page))
    given = slow[:-1]
    assert slow[-1].status == 503
    assert len(given) > OF_ONE_MAX  # an answer that was given waits no more
    size = given[0].length
    assert BYTES_OF_ONE_MAX <= size * len(given) < BYTES_OF_ONE_MAX + size
    public = Slow(registry.web, "views/status")
    assert public.status == 200
    for one in slow + [public]:
        one.connection.close()
    wait_for("room", lambda: registry.ask(
        "GET", "/registry/v1/views/status")[0] == 200)


def test_the_registry_ends_with_its_reader(registry):
    os.kill(registry.child("reader"), signal.SIGKILL)
    assert registry.process.wait(20) == 1
    assert "the reader" in registry.log.read_text()
    registry.process = None
    registry.start()
    registry.stop()
