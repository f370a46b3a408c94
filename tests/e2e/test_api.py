"""The API's nginx as it is packaged, in front of the reader: what it passes,
and that nobody can say who he is but by his certificate."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys

import pytest

from harness import (BANK, FIC, IBAN, NGINX, ROOT, Process, built, free_port,
                     program_env, wait_for)
from reading import ReadExchange
from wire import Wire

sys.path.insert(0, os.path.join(ROOT, "tools", "dev"))

REQUESTS = "/trace/v1/requests"


@pytest.fixture(scope="module")
def ex(pki):
    import shutil
    import tempfile
    folder = tempfile.mkdtemp(prefix="pv-api-")
    with ReadExchange(folder, pki, workers=1) as exchange:
        exchange.mine = exchange.call(BANK, IBAN).tracking_id
        exchange.other = exchange.call(FIC, IBAN).tracking_id
        start_api(exchange)
        yield exchange
    shutil.rmtree(folder, ignore_errors=True)


def start_api(ex):
    """packaging/nginx/api.conf.in, filled in as ./dev fills it in."""
    from deploy import fill, nginx_values
    folder = ex.path("api")
    os.makedirs(os.path.join(folder, "logs"))
    os.makedirs(os.path.join(folder, "no-temp"), mode=0o500)
    keys = ex.path("keys")
    os.makedirs(keys)
    cert = ex.pki.make("api", names=["exchange.payvand.test", "localhost"])
    for name, source in (("exchange.crt", cert.cert),
                         ("exchange.key", cert.key),
                         ("ca.crt", ex.pki.bundle())):
        os.symlink(source, os.path.join(keys, name))
    port = free_port()
    text = fill(os.path.join(ROOT, "packaging/nginx/api.conf.in"),
                {**nginx_values(folder, port), "PKI": keys,
                 "API_SOCKET": ex.api, "REGISTRY_SOCKET": ex.path("no-registry"),
                 "SIGN_IN_SOCKET": ex.path("no-sign-in")})
    if os.getuid() == 0:
        text = "user root;\n" + text
    conf = os.path.join(folder, "nginx.conf")
    with open(conf, "w") as file:
        file.write(text)
    process = Process("api", [NGINX, "-p", folder, "-c", conf, "-g",
                              "daemon off;"], ex.path("log", "api.out"),
                      env=program_env())
    ex.processes.append(process)
    ex.api_address = ("127.0.0.1", port)

    def listens():
        import socket
        try:
            socket.create_connection(ex.api_address, timeout=1).close()
            return True
        except OSError:
            return False
    wait_for("the API to listen", listens)


def get(ex, target, system=None, identity=None, headers=(), method="GET"):
    if identity is None and system is not None:
        identity = ex.pki.of(system)
    lines = ["%s %s HTTP/1.1" % (method, target), "Host: localhost",
             "Connection: close", *("%s: %s" % h for h in headers), "", ""]
    wire = Wire(ex.api_address, ex.pki.root.cert, identity)
    try:
        return wire.ask("\r\n".join(lines).encode())
    finally:
        wire.close()


def test_a_certificate_shows_its_own_calls(ex):
    answer = get(ex, REQUESTS + "/" + ex.mine, BANK)
    assert answer.status == 200 and answer.json["tracking_id"] == ex.mine
    assert get(ex, REQUESTS + "/" + ex.mine, FIC).status == 404
    assert get(ex, REQUESTS + "/" + ex.mine,
               "central-bank-connector").status == 200
    assert get(ex, "/metrics", identity=ex.operator).status == 200
    assert get(ex, "/metrics", BANK).status == 403
    assert ex.readings()[-1]["by"] == "central-bank-connector"


def test_without_a_certificate_there_are_checkpoints_and_tiles_only(ex):
    assert get(ex, "/checkpoint").status == 200
    # the first checkpoint may be of the empty tree
    wait_for("the first leaf", lambda: get(ex, "/tile/0/000.p/1").status == 200)
    for target in (REQUESTS, REQUESTS + "/" + ex.mine, "/metrics",
                   "/tile/entries/000.p/1", "/trace/v1/follow",
                   "/trace/v1/receipts/" + ex.mine):
        assert get(ex, target).status == 401, target


def test_anonymous_visitors_from_everywhere_have_one_limit(ex, pki):
    def many(source, count, identity=None):
        context = ssl.create_default_context(cafile=pki.root.cert)
        if identity:
            context.load_cert_chain(identity.cert, identity.key)
        with socket.create_connection(
                ex.api_address, timeout=60,
                source_address=(source, 0)) as plain, context.wrap_socket(
                    plain, server_hostname="localhost") as link:
            link.sendall(b"".join(
                b"GET /checkpoint HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (
                    b"Connection: close\r\n" if n == count - 1 else b"")
                for n in range(count)))
            got = b""
            while part := link.recv(65536):
                got += part
        return re.findall(rb"HTTP/1.1 (\d+) ", got)

    found = [many("127.0.0.%d" % n, 150) for n in range(2, 12)]
    assert {b"200"} == set(found[0])  # none of them alone is too much
    assert b"429" in {one for each in found for one in each}
    assert set(many("127.0.0.12", 100, pki.of(BANK))) == {b"200"}


def test_headers_of_the_callers_own_do_not_pass(ex):
    with open(ex.operator.cert) as file:
        import urllib.parse
        stolen = urllib.parse.quote(file.read(), safe="")
    forged = [("Payvand-Peer-Verify", "SUCCESS"),
              ("Payvand-Peer-Certificate", stolen),
              ("Payvand-Peer-Address", "127.0.0.1")]
    assert get(ex, REQUESTS, headers=forged).status == 401
    answer = get(ex, REQUESTS + "/" + ex.other, BANK, headers=forged)
    assert answer.status == 404
    assert ex.readings()[-1]["by"] == BANK
    spelled = [(name.replace("-", "_"), value) for name, value in forged]
    assert get(ex, REQUESTS, headers=spelled).status == 401


@pytest.mark.parametrize("target", ["/", "/payvand/status", "/x/a/b/v1/c",
                                    "/trace/v2/requests"])
def test_nothing_else_is_there(ex, target):
    assert get(ex, target, BANK).status == 404


def doctor(ex, reader, port):
    """{id: level} of what it finds."""
    done = subprocess.run(
        [built("payvand"), "doctor", "--all", "--json", "--reader", reader,
         "--api", "https://localhost:%d" % port, "--ca", ex.pki.bundle()],
        capture_output=True, text=True, env=program_env())
    return {f["id"]: f["level"] for f in json.loads(done.stdout)["findings"]}


def test_doctor_looks_at_the_reader_and_the_api(ex):
    read = len(ex.readings())
    found = doctor(ex, ex.local, ex.api_address[1])
    assert (found["reader"], found["api"]) == ("ok", "ok"), found
    assert len(ex.readings()) == read  # to look is no reading
    found = doctor(ex, ex.path("none.sock"), free_port())
    assert found["reader.silent"] == found["api.silent"] == "broken"


def test_a_certificate_that_does_not_verify_is_refused(ex, pki):
    key = pki.of(BANK).key
    for identity in (pki.make(BANK, authority=pki.stranger, key=key),
                     pki.self_made(BANK, key=key)):
        assert get(ex, REQUESTS, identity=identity).status == 400


def test_a_withdrawn_certificate_is_refused(ex, pki):
    identity = pki.make(FIC, key=pki.of(FIC).key)
    assert get(ex, REQUESTS, identity=identity).status == 200
    ex.deployment["revoked"].append(identity.revocation())
    ex.import_policy()
    answer = get(ex, REQUESTS, identity=identity)
    assert answer.status == 403
    assert answer.json["type"].endswith(":certificate-not-good")
    assert get(ex, REQUESTS, FIC).status == 200


def test_payvand_reads_through_the_api(ex):
    identity = ex.pki.of(BANK)
    done = ex.payvand("trace", ex.mine, "--url",
                      "https://localhost:%d" % ex.api_address[1], "--ca",
                      ex.pki.root.cert, "--cert", identity.cert, "--key",
                      identity.key, "--json", check=False)
    assert ex.mine.encode() in done.stdout, done.stderr


def test_what_a_reader_writes_is_kept_nowhere(ex):
    marker = "marker9991234561"
    for target in ("/" + marker, REQUESTS + "/" + marker,
                   REQUESTS + "?consumer=" + marker, "/tile/" + marker,
                   REQUESTS + "?" + marker + "=1"):
        get(ex, target, BANK, headers=[("X-" + marker, marker)])
    get(ex, REQUESTS, BANK, headers=[("Host", marker)])
    for folder in ("api", "log", "log.d", "journal", "signer"):
        for home, _, files in os.walk(ex.path(folder)):
            for name in files:
                if name == "payvand.log":
                    continue
                with open(os.path.join(home, name), "rb") as file:
                    assert marker.encode() not in file.read(), name
