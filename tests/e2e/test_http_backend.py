"""A service whose backend is an HTTP service: a real payvand-connectord before
a real HTTP server, which answers well or as badly as it can."""

import base64
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import pytest

from harness import CATALOGUE, SANITIZE, built, free_port, wait_for
from test_connectord import (NATIONAL_ID, PROVIDER, Connector, method,
                             optional, write_service)

LEGAL_ID = "99900123455"
NAME = "زهرا‌سادات"
XML = ('\ufeff<?xml version="1.0"?>\r\n<soap:Envelope xmlns:soap="http://'
       'schemas.xmlsoap.org/soap/envelope/">\r\n<soap:Body wsu:Id="b">  '
       '<a>ی\t</a></soap:Body></soap:Envelope>\n').encode()
POLYGON = {"type": "Polygon", "coordinates": [[
    [51.0, 35.0], [51.123, 35.7], [51.1, 35.001], [51.0, 35.0]]]}
PERSON = [{"name": "id", "type": "national_id"}]


class Backend(http.server.ThreadingHTTPServer):
    """Answers what the test puts into .answer: bytes, or a function."""

    daemon_threads = True

    def __init__(self, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_address[1]
        self.seen = []
        self.answer = (200, "application/json", b"{}")
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A peer that goes away is what some tests are about."""

    def says(self, value, status=200, kind="application/json"):
        body = value if isinstance(value, bytes) else json.dumps(
            value, ensure_ascii=False).encode()
        self.answer = (status, kind, body)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.server.seen.append((self.command, self.path, self.headers,
                                 self.rfile.read(length)))
        if callable(self.server.answer):
            self.close_connection = True
            self.server.answer(self.wfile)
            return
        status, kind, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status in (301, 302, 307):
            self.send_header("Location", "http://127.0.0.1:%d/other" %
                             self.server.port)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do

    def log_message(self, *args):
        """Nothing: the tests look at .seen."""


def ask(name, http_part, inputs=PERSON, outputs=None, answer="record", **more):
    made = method(name, "", inputs, outputs or [], answer, **more)
    del made["statement"]
    made["http"] = http_part
    return made


DOCUMENT = {"type": "signed_document", "media": ["application/xml"],
            "max_bytes": 200000}
METHODS = [
    ask("person", {"method": "GET", "path": "/person/{id}",
                   "query": {"name": "{first_name}", "lang": "fa"},
                   "none": [404], "row": "/data",
                   "columns": {"who.id": "/id", "who.first_name": "/name/0",
                               "n": "/n~1m", "birth_date": "/born"}},
        [*PERSON, optional("first_name", "first_name")],
        [{"name": "who", "type": "object", "items": [
            {"name": "id", "type": "national_id"},
            {"name": "first_name", "type": "first_name"}]},
         {"name": "n", "type": "count"},
         {"name": "birth_date", "type": "birth_date"}], deadline_ms=4000),
    ask("named", {"method": "GET", "path": "/name/{first_name}/x",
                  "columns": {"n": "/n"}},
        [{"name": "first_name", "type": "first_name"}],
        [{"name": "n", "type": "count"}]),
    ask("match", {"method": "POST", "path": "/match",
                  "headers": {"X-Fixed": "one"},
                  "body": {"id": "{id}", "kind": "{id.type}", "deep": [
                      {"first": "{first_name}", "fixed": 1}]},
                  "none": [404], "yes_if": {"/result/same": True},
                  "no_if": {"/result/same": False}},
        [{"name": "id", "type": "person_unique_id"},
         optional("first_name", "first_name")], answer="yes-if-row"),
    ask("list", {"method": "GET", "path": "/list", "row": "/items",
                 "columns": {"code": "/code", "shape": "/shape"}}, [],
        [{"name": "all", "type": "list", "items": [
            {"name": "code", "type": "division_code"},
            {"name": "shape", "type": "geo_polygon"}]}], "rows",
        rows_as="all", max_rows=3),
    ask("soap", {"method": "POST", "path": "/soap",
                 "headers": {"SOAPAction": "\"urn:a\""},
                 "send": "question", "raw": "reply", "none": [404]},
        [{"name": "question", **DOCUMENT}], [{"name": "reply", **DOCUMENT}]),
    ask("photo", {"method": "GET", "path": "/photo/{id}",
                  "columns": {"photo": "/image"}}, PERSON,
        [{"name": "photo", "type": "photo_image", "media": ["image/png"],
          "max_bytes": 1000}]),
]


def start(home, backend, **http_part):
    made = Connector(home, METHODS, None, data_items=[
        os.path.join(CATALOGUE, name) for name in (
            "data_items.json", "enactment.json", "data_items_proposed.json")],
        http={"url": "http://127.0.0.1:%d/base/" % backend.port,
              "headers": {"X-Api-Key": "secret"}, **http_part},
        env={"http_proxy": "http://127.0.0.1:9/", "all_proxy":
             "http://127.0.0.1:9/"})
    wait_for("its workers", lambda: len(made.workers()) == 3)
    return made


@pytest.fixture(scope="module")
def backend():
    made = Backend()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="module")
def sample(tmp_path_factory, backend):
    made = start(tmp_path_factory.mktemp("h"), backend)
    yield made
    made.stop()


def good(**changes):
    return {"data": {"id": NATIONAL_ID, "name": [NAME], "n/m": 3,
                     "born": "1370-12-30", "more": "unasked", **changes}}


def test_a_record_by_json_pointers(sample, backend):
    backend.says(good())
    answer = sample.call("person", {"id": NATIONAL_ID, "first_name": "آ ب&="})
    assert answer.json == {
        "found": "yes", "n": "3", "birth_date": "1370-12-30",
        "who": {"id": NATIONAL_ID, "first_name": NAME}}
    verb, path, headers, body = backend.seen[-1]
    url = urllib.parse.urlsplit(path)
    assert (verb, url.path, body) == ("GET", "/base/person/" + NATIONAL_ID,
                                      b"")
    assert urllib.parse.parse_qs(url.query) == {"name": ["آ ب&="],
                                                "lang": ["fa"]}
    assert headers["X-Api-Key"] == "secret"
    assert headers["Host"] == "127.0.0.1:%d" % backend.port


def test_not_found_absent_and_null(sample, backend):
    body = {"id": NATIONAL_ID}
    backend.says({}, 404)
    assert sample.call("person", body).json == {"found": "no"}
    assert "name=" not in backend.seen[-1][1]
    backend.says({"data": None})
    assert sample.call("person", body).json == {"found": "no"}
    backend.says(good(born=None))
    assert "birth_date" not in sample.call("person", body).json


def test_yes_and_no_are_said_and_never_guessed(sample, backend):
    body = {"id": {"type": "legal_person_id", "value": LEGAL_ID}}
    answers = []
    for value, result in ((True, "yes"), (False, "no")):
        backend.says({"result": {"same": value}})
        answers.append(sample.call("match", body))
        assert answers[-1].json == {"result": result}
    assert len(answers[0].raw) == len(answers[1].raw)
    assert json.loads(backend.seen[-1][3]) == {
        "id": LEGAL_ID, "kind": "legal_person_id", "deep": [{"fixed": 1}]}
    assert backend.seen[-1][2]["X-Fixed"] == "one"
    assert backend.seen[-1][2]["Content-Type"] == "application/json"
    backend.says({}, 404)
    assert sample.call("match", body).json == {"result": "no"}
    for value in ({}, {"result": {"same": None}}, {"result": {"same": "true"}},
                  {"result": {"same": 1}}, {"result": []}):
        backend.says(value)
        assert sample.call("match", body).outcome == "failed", value


def test_what_is_sent_cannot_leave_its_place(sample, backend):
    backend.says({"n": 1})
    for name in ("a/../../b", "x?y=z", "x#y", "%e%f", "a\\b", "x y&z", "x;y",
                 "{id}", "@host", "…"):
        assert sample.call("named", {"first_name": name}).json["n"] == "1"
        path = backend.seen[-1][1]
        assert path == "/base/name/%s/x" % urllib.parse.quote(name, safe="")
    count = len(backend.seen)
    for name in (".", ".."):
        assert sample.call("named", {"first_name": name}).outcome == "failed"
    assert len(backend.seen) == count
    backend.says({"result": {"same": True}})
    tricky = '","kind":"x","same":"'
    sample.call("match", {"id": NATIONAL_ID, "first_name": tricky})
    assert json.loads(backend.seen[-1][3])["deep"][0]["first"] == tricky


def test_lists_and_geometries_are_carried_untouched(sample, backend):
    """R-048."""
    row = {"code": "01", "shape": POLYGON}
    backend.says({"items": [row, {**row, "code": "02"}]})
    answer = sample.call("list").json
    assert [one["code"] for one in answer["all"]] == ["01", "02"]
    assert answer["all"][0]["shape"] == POLYGON
    backend.says({"items": []})
    assert sample.call("list").json == {"found": "no", "all": []}
    backend.says({"items": [row] * 4})
    assert sample.call("list").outcome == "failed"
    backend.says({"items": [1]})
    assert sample.call("list").outcome == "failed"


def document(data):
    return {"media": "application/xml",
            "data": base64.b64encode(data).decode()}


def test_soap_and_signed_documents_pass_through_untouched(sample, backend):
    """R-049: to the byte, both ways, within type and size."""
    backend.says(XML + b"<!-- \r\n -->", kind="application/xml; charset=utf-8")
    answer = sample.call("soap", {"question": document(XML)})
    assert answer.json == {"found": "yes",
                           "reply": document(XML + b"<!-- \r\n -->")}
    _, _, headers, body = backend.seen[-1]
    assert body == XML
    assert headers["Content-Type"] == "application/xml"
    assert headers["SOAPAction"] == '"urn:a"'
    question = {"question": document(XML)}
    for value, status, kind in ((XML, 500, "application/xml"),
                                (XML, 200, "text/html"),
                                (XML, 200, "application/xmlx"),
                                (b"x" * 200001, 200, "application/xml")):
        backend.says(value, status, kind)
        assert sample.call("soap", question).outcome == "failed", kind
    backend.says(XML, 404)
    assert sample.call("soap", question).json == {"found": "no"}
    count = len(backend.seen)
    wrong = {"question": {**document(XML), "media": "text/plain"}}
    assert sample.call("soap", wrong).outcome == "invalid"
    assert len(backend.seen) == count


def test_binary_values_have_their_type(sample, backend):
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
    for data, outcome in ((png, "answered"), (b"GIF89a", "failed"),
                          (png * 10, "failed")):
        backend.says({"image": base64.b64encode(data).decode()})
        assert sample.call("photo", {"id": NATIONAL_ID}).outcome == outcome
    backend.says({"image": "!!"})
    assert sample.call("photo", {"id": NATIONAL_ID}).outcome == "failed"


def endless(wfile):
    wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    while True:
        wfile.write(b"0," * 50000)


def slow(wfile):
    wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    for _ in range(100):
        wfile.write(b" ")
        time.sleep(0.1)


def bytes_of(data):
    return lambda wfile: wfile.write(data)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("name,answer,outcome", [
    ("a status that is no answer", (500, "application/json", b"{}"), "failed"),
    ("a created", (201, "application/json",
                   json.dumps(good()).encode()), "failed"),
    ("a redirect", (302, "text/plain", b""), "failed"),
    ("no JSON", (200, "text/html", b"<html>"), "failed"),
    ("nothing", (200, "application/json", b""), "failed"),
    ("a member twice", (200, "application/json",
                        b'{"data":null,"data":null}'), "failed"),
    ("a pointer to nowhere", (200, "application/json",
                              b'{"data":{"id":"9991234561"}}'), "failed"),
    ("another record", (200, "application/json", b'[]'), "failed"),
    ("wrong values", (200, "application/json", json.dumps(
        good(id="1")).encode()), "failed"),
    ("deep", (200, "application/json", b"[" * 100000), "failed"),
    ("not UTF-8", (200, "application/json", b'{"data":"\xff"}'), "failed"),
    ("endless", endless, "failed"),
    ("slow", slow, "timeout"),
    ("cut off", bytes_of(HEAD + b"Content-Length: 100\r\n\r\n{}"), "failed"),
    ("no HTTP", bytes_of(b"220 mail ready\r\n"), "failed"),
    ("HTTP/0.9", bytes_of(json.dumps(good()).encode()), "failed"),
    ("nothing at all", bytes_of(b""), "failed"),
    ("endless headers", lambda wfile: wfile.write(
        HEAD + b"X-A: " + b"a" * 2000000), "failed"),
    ("two lengths", bytes_of(HEAD + b"Content-Length: 2\r\nContent-Length: 90"
                             b"\r\n\r\n{}"), "failed"),
    ("packed", bytes_of(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2"
                        b"\r\n\r\n\x1f\x8b"), "failed"),
])
def test_hostile_answers_are_failed_never_no(sample, backend, name, answer,
                                             outcome):
    count = len(backend.seen)
    backend.answer = answer
    assert sample.call("person", {"id": NATIONAL_ID}).outcome == outcome, name
    # nothing is followed; a request that got no answer at all on a
    # connection kept open is sent once more
    assert {one[1] for one in backend.seen[count:]} <= {
        "/base/person/%s?lang=fa" % NATIONAL_ID}
    backend.says(good())
    assert sample.call("person", {"id": NATIONAL_ID}).outcome == "answered"


def test_a_service_that_is_gone_and_comes_back(tmp_path):
    port = free_port()
    gone = Connector(tmp_path, METHODS[:1], None, http={
        "url": "http://127.0.0.1:%d" % port})
    try:
        assert gone.call("person", {"id": NATIONAL_ID}).outcome == "failed"
        assert "sqlstate=PC007" in gone.log()
    finally:
        gone.stop()


def tls_context(identity, clients):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.cert, identity.key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(clients)
    return context


def test_tls_with_one_authority_and_a_certificate_of_its_own(tmp_path, pki):
    server = pki.make("backend", names=["backend.payvand.test"])
    client = pki.of("connector-of-a-provider")
    fixed = Backend(tls_context(server, pki.root.cert))
    base = {"url": "https://backend.payvand.test:%d" % fixed.port,
            "address": "127.0.0.1", "ca": pki.root.cert, "cert": client.cert,
            "key": client.key}
    fixed.says(good())
    for number, (changes, outcome, state) in enumerate((
            ({}, "answered", None),
            ({"ca": pki.stranger.cert}, "failed", "PC060"),
            ({"url": base["url"].replace("backend.", "other.")}, "failed",
             "PC060"),
            ({"cert": None, "key": None}, "failed", "PC"))):
        home = tmp_path / str(number)
        home.mkdir()
        made = Connector(home, METHODS[:1], None, http={
            k: v for k, v in {**base, **changes}.items() if v is not None})
        try:
            answer = made.call("person", {"id": NATIONAL_ID})
            assert answer.outcome == outcome, changes
            assert state is None or "sqlstate=" + state in made.log()
        finally:
            made.stop()
    fixed.shutdown()
    fixed.server_close()


@pytest.mark.skipif(SANITIZE, reason="filters are left out of these builds")
def test_its_worker_has_a_filter_and_no_new_privileges(sample):
    def filtered():
        for pid in sample.workers():
            with open("/proc/%d/status" % pid) as text:
                status = dict(x.split(":\t", 1) for x in text if ":\t" in x)
            assert status["NoNewPrivs"].strip() == "1"
            return int(status["Seccomp_filters"]) >= 3
        return False
    wait_for("a filter more than the spawner's and a database worker's",
             filtered)


def check(home, http_part, methods, **more):
    write_service(home / "contract.json", home / "service.json", methods)
    config = {"provider": PROVIDER, "socket": str(home / "s"),
              "contracts": [str(home / "contract.json")],
              "services": [str(home / "service.json")],
              "data_items": [os.path.join(CATALOGUE, name) for name in (
                  "data_items.json", "enactment.json",
                  "data_items_proposed.json")], **more}
    if http_part is not None:
        config["http"] = http_part
    with open(home / "config.json", "w") as out:
        json.dump(config, out)
    done = subprocess.run([built("payvand-connectord"), "--check", "--config",
                           str(home / "config.json")], capture_output=True,
                          text=True, env={"ASAN_OPTIONS": "detect_leaks=0"})
    return done.returncode, done.stderr


GOOD = {"url": "https://10.1.2.3:8443/x", "ca": "/ca.pem"}


@pytest.mark.parametrize("http_part,word", [
    ({"url": "http://10.1.2.3/"}, "https"), ({"url": "ftp://127.0.0.1"},
                                             "url"),
    ({"url": "https://10.1.2.3"}, "ca"), ({}, "url"),
    ({"url": "https://name.test", "ca": "/ca.pem"}, "address"),
    ({**GOOD, "address": "name"}, "address"), ({**GOOD, "x": 1}, "x"),
    ({**GOOD, "cert": "/c"}, "key"), ({**GOOD, "ca": "ca.pem"}, "absolute"),
    ({"url": "https://u:p@10.1.2.3", "ca": "/ca.pem"}, "user"),
    ({"url": "https://10.1.2.3/?a", "ca": "/ca.pem"}, "?"),
    ({**GOOD, "headers": {"A": "b\r\nc"}}, "headers"), (None, "http"),
])
def test_faults_of_the_address_are_named(tmp_path, http_part, word):
    assert check(tmp_path, GOOD, METHODS)[0] == 0
    more = {"driver": "x", "dsn": "x"} if http_part is None else {}
    code, error = check(tmp_path, http_part, METHODS, **more)
    assert code != 0 and word in error, error


@pytest.mark.parametrize("change,word", [
    ({"path": "x"}, "/"), ({"path": "/{nope}"}, "nope"),
    ({"path": "/{first_name}"}, "absent"), ({"path": "/{id"}, "{"),
    ({"path": "/a?b"}, "query"), ({"path": "/\u06cc"}, "path"),
    ({"method": "DELETE"}, "method"), ({"body": {}}, "GET has no body"),
    ({"columns": {}}, "pointer"), ({"query": {"a": "{nope}"}}, "nope"),
    ({"row": "data"}, "row"), ({"none": [200]}, "none"),
    ({"none": [500]}, "none"), ({"colour": 1}, "colour"),
    ({"headers": {"A:": "b"}}, "A:"), ({"yes_if": {"/a": 1}}, "verify"),
    ({"raw": "n"}, "raw"), ({"method": "POST", "send": "id"}, "send"),
])
def test_faults_of_a_request_are_named_with_their_line(tmp_path, change, word):
    changed = {**METHODS[0], "http": {**METHODS[0]["http"], **change}}
    code, error = check(tmp_path, GOOD, [changed])
    assert code != 0 and word in error and "line" in error, error


def test_a_command_needs_a_database(tmp_path):
    made = {**METHODS[0], "id": "act", "pattern": "command",
            "idempotency": {"keep_days": 1}}
    code, error = check(tmp_path, GOOD, [made])
    assert code != 0 and "command" in error, error


def test_what_was_carried_is_in_no_log(sample):
    for text in (NATIONAL_ID, NAME, LEGAL_ID, "secret", "Envelope"):
        assert text not in sample.log()
    with socket.socket(socket.AF_UNIX) as probe:  # it is alive
        probe.connect(sample.socket)
