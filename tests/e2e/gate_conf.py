"""nginx.conf of a test's gate: what stands there always, and what stands there
until a test says otherwise."""

GATE_CONF = """
load_module {module};
{user}
daemon {daemon};
worker_processes {workers};
worker_rlimit_core 0;
working_directory {home};
pid {home}/nginx.pid;
error_log {home}/log/error.log {level};
{main}
events {{ worker_connections 2048; }}
http {{
    server_tokens off;
    access_log off;
    client_body_temp_path {home}/tmp/body;
    proxy_temp_path {home}/tmp/proxy;
    fastcgi_temp_path {home}/tmp/fastcgi;
    uwsgi_temp_path {home}/tmp/uwsgi;
    scgi_temp_path {home}/tmp/scgi;

    payvand_policy {home}/policy;
    payvand_journal unix:{home}/journal.sock;
    payvand_node nix;
    payvand_quota_zone 16m;
    {loopback}
    payvand_registry_url https://registry.payvand.test/requests;
    {http}
    upstream payvand_provider {{ payvand_endpoint; {upstream} }}
    server {{
        listen {address}:{port} ssl {listen};
        server_name exchange.payvand.test;
        {server}
        location /x/ {{
            payvand on;
            {proxy_pass}
            {location}
        }}
        location = /payvand/status {{
            payvand_status;
            allow 127.0.0.1;
            deny all;
        }}
        location = /payvand/metrics {{ payvand_status prometheus; }}
        location / {{ return 404; }}
        {locations}
    }}
    {servers}
}}
"""

# What a test does not say about the server and the gate location; a directive
# that it names takes the place of the one here.
SERVER = {
    "ssl_certificate": "{cert}", "ssl_certificate_key": "{key}",
    "ssl_client_certificate": "{authorities}", "ssl_protocols": "TLSv1.3",
    "ssl_verify_client": "optional", "ssl_verify_depth": "1",
    "ssl_session_timeout": "1h", "client_header_timeout": "10s",
    "client_body_timeout": "10s", "send_timeout": "10s",
    "keepalive_timeout": "75s", "keepalive_requests": "1000000",
    "client_header_buffer_size": "1k", "large_client_header_buffers": "4 4k",
    "client_max_body_size": "1m", "client_body_buffer_size": "16k",
}
LOCATION = {
    "proxy_http_version": "1.1", "proxy_set_header": 'Connection ""',
    "proxy_request_buffering": "off", "proxy_max_temp_file_size": "0",
    "proxy_ssl_protocols": "TLSv1.3", "proxy_ssl_certificate": "{cert}",
    "proxy_ssl_certificate_key": "{key}",
    "proxy_ssl_trusted_certificate": "{authorities}",
    "proxy_ssl_verify": "on", "proxy_ssl_verify_depth": "1",
    "proxy_ssl_server_name": "on",
}


def directives(defaults, said, parts):
    """The defaults, less those whose first word is said, then what is said."""
    words = {line.split()[0] for line in said.split(";") if line.split()}
    lines = ["%s %s;" % (name, value.format(**parts))
             for name, value in defaults.items() if name not in words]
    return " ".join(lines) + " " + said
