"""The gate refuses to start on a configuration that opens a hole, by name.
"""

import os
from unittest import mock

import pytest

import harness
from harness import Exchange, free_port

# name: (changes of the configuration, words of which one must be said)
HOLES = {
    "gate-without-proxy-pass": (
        {"proxy_pass": "return 200;"}, ["proxy_pass", "only return"]),
    "gate-without-any-content": ({"proxy_pass": ""}, ["proxy_pass"]),
    "gate-with-a-static-upstream": (
        {"proxy_pass": "proxy_pass https://127.0.0.1:1;"},
        ["payvand_endpoint", "proxy_pass"]),
    "gate-with-a-uri-in-proxy-pass": (
        {"proxy_pass": "proxy_pass https://payvand_provider/other;"},
        ["proxy_pass", "URI"]),
    "gate-with-a-variable-in-proxy-pass": (
        {"proxy_pass": "proxy_pass https://$host;"}, ["proxy_pass"]),
    "provider-without-tls": (
        {"proxy_pass": "proxy_pass http://payvand_provider;"},
        ["https", "TLS"]),
    "error-page-into-the-gate": (
        {"server": "error_page 404 /x/a/b/v1/c;"}, ["error_page"]),
    "error-page-in-the-gate": (
        {"location": "error_page 502 /x/a/b/v1/c;"}, ["error_page"]),
    "try-files-into-the-gate": (
        {"locations": "location /t/ { try_files /none /x/a/b/v1/c; }"},
        ["try_files"]),
    "try-files-in-the-gate": (
        {"location": "try_files /none =404;"}, ["try_files"]),
    "rewrite-into-the-gate": (
        {"locations": "location /r/ { rewrite ^ /x/a/b/v1/c last; }"},
        ["rewrite"]),
    "rewrite-in-the-gate": (
        {"location": "rewrite ^ /x/a/b/v1/c break;"}, ["rewrite"]),
    "request-buffered-to-disk": (
        {"location": "client_body_in_file_only on;"},
        ["client_body_in_file_only"]),
    "request-buffered-to-disk-clean": (
        {"location": "client_body_in_file_only clean;"},
        ["client_body_in_file_only"]),
    "request-spooled": (
        {"location": "proxy_request_buffering on; "
                     "client_body_buffer_size 8k;"},
        ["client_body_buffer_size", "proxy_request_buffering"]),
    "answer-spooled": (
        {"location": "proxy_buffering on; proxy_max_temp_file_size 100m;"},
        ["proxy_max_temp_file_size"]),
    "answer-stored": (
        {"location": "proxy_store /tmp/never-kept;"}, ["proxy_store"]),
    "answer-cached": (
        {"http": "proxy_cache_path {home}/tmp/cache keys_zone=c:1m;",
         "location": "proxy_cache c;"}, ["proxy_cache"]),
    "no-client-certificate": (
        {"server": "ssl_verify_client off;"}, ["ssl_verify_client"]),
    "early-data": ({"server": "ssl_early_data on;"}, ["early"]),
    "tls-1.2": (
        {"server": "ssl_protocols TLSv1.2 TLSv1.3;"}, ["ssl_protocols",
                                                       "TLS"]),
    "plain-http": (
        {"server": "listen 127.0.0.1:{other};"}, ["ssl", "TLS", "listen"]),
    "access-log-in-the-gate": (
        {"location": "access_log {home}/log/access.log;"}, ["access_log"]),
    "access-log-in-the-server": (
        {"server": "access_log {home}/log/access.log;"}, ["access_log"]),
    "mirror": (
        {"location": "mirror /m;",
         "locations": "location = /m { internal; proxy_pass "
                      "http://127.0.0.1:1; }"}, ["mirror"]),
    "provider-unverified": (
        {"location": "proxy_ssl_verify off;"}, ["proxy_ssl_verify"]),
    "intercepted-errors": (
        {"location": "proxy_intercept_errors on; error_page 500 /e;"},
        ["proxy_intercept_errors", "error_page"]),
    "longer-than-a-worker-is-waited-for": (
        {"http": "payvand_journal_timeout 5s;"},
        ["payvand_journal_timeout"]),
    "debug-log": ({"level": "debug"}, ["debug", "error_log"]),
    "debug-connection": (
        {"events": "debug_connection 127.0.0.1;"}, ["debug_connection"]),
    "optional-no-ca": (
        {"server": "ssl_verify_client optional_no_ca;"},
        ["ssl_verify_client"]),
    "http2": ({"listen": "http2"}, ["http2"]),
    "deferred": ({"listen": "deferred"}, ["deferred"]),
    "proxy-protocol": ({"listen": "proxy_protocol"}, ["proxy_protocol"]),
    "real-ip": ({"server": "set_real_ip_from 127.0.0.1;"},
                ["set_real_ip_from"]),
    "satisfy-any": ({"location": "satisfy any;"}, ["satisfy"]),
    "auth-request": (
        {"location": "auth_request /m;",
         "locations": "location = /m { internal; proxy_pass "
                      "http://127.0.0.1:1; }"}, ["auth_request"]),
    "ssi": ({"location": "ssi on;"}, ["ssi"]),
    "gzip": ({"http": "gzip on; gzip_types application/json;"}, ["gzip"]),
    "post-action": ({"location": "post_action /m;"}, ["post_action"]),
    "if-in-the-gate": (
        {"location": "if ($http_x) { return 200; }"}, ["if"]),
    "another-body": ({"location": "proxy_set_body x;"}, ["proxy_set_body"]),
    "another-method": ({"location": "proxy_method GET;"}, ["proxy_method"]),
    "keepalive-by-address": ({"upstream": "keepalive 8;"},
                             ["keepalive", "payvand_endpoint"]),
    "no-limit-of-bodies": ({"location": "client_max_body_size 0;"},
                           ["client_max_body_size"]),
    "log-to-syslog": ({"server": "error_log syslog:server=127.0.0.1;"},
                      ["error_log"]),
}


@pytest.fixture(scope="module")
def ex(pki):
    import shutil
    import tempfile
    folder = tempfile.mkdtemp(prefix="pv-config-")
    exchange = Exchange(folder, pki)
    exchange.import_policy()
    exchange.start_traced()
    yield exchange
    exchange.allow = (r"\[emerg\]",)
    exchange.down()
    shutil.rmtree(folder, ignore_errors=True)


def try_out(ex, changes):
    changes = {k: v.replace("{home}", ex.home).replace(
        "{other}", str(free_port())) for k, v in changes.items()}
    events = changes.pop("events", "")
    text = harness.GATE_CONF.replace("events {{", "events {{ " + events)
    with mock.patch.object(harness, "GATE_CONF", text):
        return ex.nginx_test(**changes)


def test_the_configuration_of_these_tests_is_accepted(ex):
    accepted, said = ex.nginx_test()
    assert accepted, said


@pytest.mark.parametrize("hole", sorted(HOLES))
def test_refuses_a_hole_and_names_it(ex, hole):
    changes, words = HOLES[hole]
    accepted, said = try_out(ex, changes)
    assert not accepted, "nginx would start with %s" % hole
    reasons = [line for line in said.splitlines() if "[emerg]" in line]
    assert reasons, said
    assert any(w.lower() in " ".join(reasons).lower() for w in words), reasons
    # said by nginx itself for another reason, the test would prove nothing
    assert not any(w in r for r in reasons for w in (
        "unknown directive", "is not allowed here", "is duplicate",
        "unexpected", "invalid number", "duplicate location")), reasons


def test_refuses_a_world_writable_socket(ex):
    path = ex.path("journal.sock")
    os.chmod(path, 0o666)
    try:
        accepted, said = ex.nginx_test()
    finally:
        os.chmod(path, 0o600)
    assert not accepted
    assert "journal.sock" in said and "writable" in said, said


def test_refuses_a_world_writable_folder_of_the_socket(ex):
    os.chmod(ex.home, 0o777)
    try:
        accepted, said = ex.nginx_test()
    finally:
        os.chmod(ex.home, 0o700)
    if accepted:
        pytest.skip("the folder is not looked at: its owner is trusted")
    assert "writable" in said


def test_refuses_a_socket_that_is_a_plain_file(ex):
    path = ex.path("journal.sock")
    os.rename(path, path + ".kept")
    try:
        open(path, "w").close()
        accepted, said = ex.nginx_test()
        os.unlink(path)
    finally:
        os.rename(path + ".kept", path)
    assert not accepted
    assert "socket" in said


@pytest.mark.parametrize("missing", ["payvand_policy", "payvand_journal",
                                     "payvand_node", "payvand_quota_zone"])
def test_refuses_to_start_without(ex, missing):
    text = "\n".join(line for line in harness.GATE_CONF.splitlines()
                     if not line.strip().startswith(missing))
    with mock.patch.object(harness, "GATE_CONF", text):
        accepted, said = ex.nginx_test()
    assert not accepted
    assert missing in said, said


def test_an_absent_image_is_no_reason_to_open(ex):
    """It may refuse to start, or start and refuse every call: not more."""
    os.rename(ex.path("policy"), ex.path("policy.kept"))
    try:
        accepted, said = ex.nginx_test()
    finally:
        os.rename(ex.path("policy.kept"), ex.path("policy"))
    if not accepted:
        assert "policy" in said, said
