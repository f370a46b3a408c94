"""A list longer than an answer, through a real exchange and a real connector:
page by page, each row checked, each page signed, in memory that does not grow;
and a list that broke off never looks whole."""

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile

import pytest

import httpsig
from connectors import Connectors, relay
from harness import (CATALOGUE, LONG, SANITIZE, Exchange, built, children_of,
                     program_env)
from test_client import CIVIL, CONSUMER, METHOD, of
from test_connectord import optional
from test_signatures import openssl, write

ROWS = 1000000 if LONG else 24000
PAGE = 1000
GROWTH_MAX = 4 << 20  # bytes, of each process, after the first quarter
CONTRACT = {
    "contract": 1, "service": "identity-match", "version": "v1",
    "provider": CIVIL, "basis": "proposed", "title_fa": "فهرست",
    "title_en": "A list", "methods": [{
        "id": "verify", "pattern": "list", "deadline_ms": 20000,
        "inputs": [optional("after", "count")],
        "outputs": [{"name": "all", "type": "list", "items": [
            {"name": "n", "type": "count"},
            {"name": "name", "type": "first_name"}]}],
        "pages": {"key": "n", "after": "after"}, "max_rows": PAGE}]}
BEHIND = ("SELECT n, name FROM thing WHERE "
          "n > CAST(coalesce(:after, '-1') AS integer) ")


def save(path, document):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False)
    return path


def peak(pid):
    """Bytes of memory that a process has held at most."""
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) * 1024 for line in file
                    if line.startswith("VmHWM"))


class Scene:
    def __init__(self, ex, home):
        self.ex, self.home = ex, str(home)
        os.mkdir(self.path("country"))
        with sqlite3.connect(self.path("country", CIVIL + ".sqlite")) as db:
            db.execute("CREATE TABLE thing(n INTEGER PRIMARY KEY, name)")
            db.executemany("INSERT INTO thing VALUES(?, 'یاسمن')",
                           ((n,) for n in range(1, ROWS + 1)))
        db.close()
        self.contract = save(self.path("contracts", CIVIL,
                                       "identity-match.json"), CONTRACT)
        for name in ("data_items.json", "enactment.json",
                     "data_items_proposed.json"):
            shutil.copy(os.path.join(CATALOGUE, name), self.home)
        self.secret = write(home / "sign.pem", httpsig.Key().private_pem)
        openssl("pkey", "-in", self.secret, "-pubout", "-out",
                self.path(CIVIL + ".pem"))
        self.me = ex.pki.of(CONSUMER)
        self.connectors = Connectors(ex, self.path("country"), [CIVIL],
                                     front=False)

    def path(self, *names):
        return os.path.join(self.home, *names)

    def service(self, statement, path):
        return save(path, {
            "format": 2, "service": "identity-match", "version": "v1",
            "provider": CIVIL, "methods": [{
                "id": "verify", "answer": "rows", "rows_as": "all",
                "statement": statement}]})

    def answer_with(self, statement):
        """One connector, that answers the list with this statement."""
        service = self.service(statement, self.path("service.json"))
        if CIVIL in self.connectors.process:
            old = self.connectors.process.pop(CIVIL)
            self.ex.processes.remove(old)
            assert old.stop() is None
        self.connectors.start_one(
            CIVIL, contracts=[self.contract], services=[service],
            data_items=[self.path(name) for name in (
                "data_items.json", "enactment.json",
                "data_items_proposed.json")],
            signatures={"key": self.secret})
        self.pages = 0
        self.pass_on()

    def pass_on(self, change=None):
        """change(page, answer, seen) -> answer: what becomes of it on its way;
        half of it in a list: then the connection ends."""
        honest = relay(self.connectors.socket(CIVIL))

        def behave(seen, connection):
            self.pages += 1
            answer = honest(seen)
            if change:
                answer = change(self.pages, answer, seen)
            if isinstance(answer, list):
                connection.send(answer[0])
                return None
            return answer

        self.pages = 0
        self.ex.provider[CIVIL].behave = behave

    def call(self, data=None):
        done = subprocess.run(
            [built("payvand"), "call", METHOD, "--cert", self.me.cert,
             "--key", self.me.key, "--data", json.dumps(data or {}),
             "--contracts", self.home, "--provider-keys", self.home, "--all"],
            env={**program_env(), "PAYVAND_CA": self.ex.pki.root.cert,
                 "PAYVAND_URL": "https://127.0.0.1:%d" % self.ex.address[1]},
            capture_output=True, timeout=3600 if LONG else 120, check=False)
        return done, done.stdout.splitlines()

    def memory(self):
        roots = [self.connectors.process[CIVIL].pid, self.ex.nginx.pid]
        return {pid: peak(pid) for root in roots
                for pid in [root] + children_of(root)}


@pytest.fixture(scope="module")
def scene(pki, tmp_path_factory):
    local = pki.make("nix-local", key=pki.of("nix").key,
                     names=["exchange.payvand.test,IP:127.0.0.1"])
    folder = tempfile.mkdtemp(prefix="pv-pages-")
    with Exchange(folder, pki, workers=1, conf={
            "server": "ssl_certificate %s; ssl_certificate_key %s;" % (
                local.cert, local.key)}) as ex:
        made = Scene(ex, tmp_path_factory.mktemp("pages"))
        made.answer_with(BEHIND + "ORDER BY n LIMIT %d" % PAGE)
        yield made
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def honest(scene):
    scene.pass_on()


def test_a_long_list_comes_whole_in_memory_that_does_not_grow(scene):
    early = {}
    quarter = ROWS // PAGE // 4

    def look(page, answer, _):
        if page == quarter:
            early.update(scene.memory())
        return answer

    scene.pass_on(look)
    done, lines = scene.call()
    assert done.returncode == 0, done.stderr
    assert json.loads(lines[-1]) == {
        "whole": {"rows": ROWS, "calls": ROWS // PAGE + 1}}
    assert len(lines) == ROWS + 1
    for at, line in enumerate(lines[:-1], 1):
        assert line == b'{"n":"%d","name":"%s"}' % (at, "یاسمن".encode())
    assert b"signature verified" in done.stderr
    late = scene.memory()
    assert early and early.keys() == late.keys()  # nobody was replaced
    for pid, bytes_held in late.items() if not SANITIZE else ():
        # a sanitizer holds what was given back
        assert bytes_held - early[pid] < GROWTH_MAX, (pid, early, late)


def test_it_can_be_taken_up_where_it_broke_off(scene):
    done, lines = scene.call({"after": str(ROWS - 1500)})
    assert done.returncode == 0
    assert json.loads(lines[0])["n"] == str(ROWS - 1499)
    assert json.loads(lines[-1]) == {"whole": {"rows": 1500, "calls": 3}}


def test_an_empty_list_is_whole(scene):
    done, lines = scene.call({"after": str(ROWS)})
    assert (done.returncode, [json.loads(line) for line in lines]) == (
        0, [{"whole": {"rows": 0, "calls": 1}}])


def cut(answer):
    return [answer[:len(answer) // 2]]


def empty(answer):
    """The provider's words for a list that ends here, and its old head."""
    body = b'{"found":"no","all":[]}'
    head, old = answer.split(b"\r\n\r\n", 1)
    return head.replace(b"Content-Length: %d" % len(old),
                        b"Content-Length: %d" % len(body)) + \
        b"\r\n\r\n" + body


@pytest.mark.parametrize("change,code", [
    (lambda answer: b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
     None), (cut, None), (empty, 3)])
def test_a_list_that_breaks_off_is_never_whole(scene, change, code):
    scene.pass_on(
        lambda page, answer, _: change(answer) if page >= 3 else answer)
    done, lines = scene.call()
    assert done.returncode == code if code else done.returncode not in (0, 3)
    assert b"broke off after 2000 rows" in done.stderr, done.stderr
    assert len(lines) == 2000 and b"whole" not in lines[-1]


def test_an_old_page_in_the_place_of_a_new_one_is_withheld(scene):
    kept = []

    def older(page, answer, seen):
        kept.append(answer)
        if page != 3:
            return answer
        tracking_id = dict((n.lower(), v) for n, v in seen.headers)[
            "payvand-tracking-id"].encode()
        return of(kept[1], b"(?<=Tracking-Id: )[0-9a-f-]{36}", tracking_id)

    scene.pass_on(older)
    done, lines = scene.call()
    assert (done.returncode, len(lines)) == (3, 2000), done.stderr


def test_a_list_whose_contract_lost_its_pages_is_not_whole(scene):
    def lose(page, answer, _):
        if page == 2:
            method = {**CONTRACT["methods"][0]}
            del method["pages"]
            save(scene.contract, {**CONTRACT, "methods": [method]})
        return answer

    scene.pass_on(lose)
    try:
        done, lines = scene.call()
    finally:
        save(scene.contract, CONTRACT)
    assert (done.returncode, len(lines)) == (3, 2000), done.stderr
    assert b"has no pages any more" in done.stderr and scene.pages == 3


def test_a_statement_with_a_smaller_limit_only_gives_more_pages(scene):
    scene.answer_with(BEHIND + "ORDER BY n LIMIT 7")
    done, lines = scene.call({"after": str(ROWS - 14)})
    assert done.returncode == 0
    assert json.loads(lines[-1]) == {"whole": {"rows": 14, "calls": 3}}


@pytest.mark.parametrize("statement,rows", [
    (BEHIND + "ORDER BY n LIMIT %d" % (PAGE + 1), 0),
    ("SELECT n, name FROM thing WHERE coalesce(:after, '') <> 'x' "
     "ORDER BY n LIMIT 10", 10)])
def test_a_statement_that_gives_other_rows_fails(scene, statement, rows):
    scene.answer_with(statement)
    done, lines = scene.call()
    assert (done.returncode, len(lines)) == (14, rows), done.stderr


@pytest.mark.parametrize("statement,reason", [
    ("SELECT n, name FROM thing ORDER BY n LIMIT 10", "begin behind :after"),
    (BEHIND + "LIMIT 10", "end with ORDER BY n"),
    (BEHIND + "ORDER BY n DESC LIMIT 10", "end with ORDER BY n"),
    (BEHIND + "ORDER BY n % 10 LIMIT 20", "end with ORDER BY n"),
    ("SELECT n, name FROM (SELECT * FROM thing WHERE n > :after ORDER BY n) "
     "ORDER BY name", "end with ORDER BY n")])
def test_a_statement_that_could_leave_rows_out_is_refused(
        scene, tmp_path, statement, reason):
    with open(scene.ex.path(CIVIL + ".json")) as file:
        config = json.load(file)
    config["services"] = [scene.service(statement, str(tmp_path / "s.json"))]
    done = subprocess.run(
        [built("payvand-connectord"), "--check", "--config",
         save(str(tmp_path / "c.json"), config)], env=program_env(),
        capture_output=True, timeout=60, check=False)
    assert done.returncode != 0 and reason in done.stderr.decode(), done
