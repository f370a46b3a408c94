"""A client and a server that say exactly what they are told to.

Nothing here normalises: the tests decide every byte of a request and see
every byte of an answer. http.client and friends would mend what must stay
broken.
"""

import json
import socket
import ssl
import threading
import time

from ports import free_port


class Closed(Exception):
    """The peer ended the connection before a whole answer."""


class Answer:
    def __init__(self, status, headers, body, raw, complete=True):
        self.status = status
        self.headers = headers          # list of (name, value), as received
        self.body = body
        self.raw = raw
        self.complete = complete

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        assert len(values) <= 1, "%s came %d times" % (name, len(values))
        return values[0] if values else None

    @property
    def outcome(self):
        return self.get("Payvand-Outcome")

    @property
    def tracking_id(self):
        return self.get("Payvand-Tracking-Id")

    @property
    def reason(self):
        return self.problem.get("reason")

    @property
    def problem(self):
        kind = self.get("Content-Type") or ""
        if not kind.startswith("application/problem+json"):
            return {}
        return json.loads(self.body)

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "<%d %s %s>" % (self.status, self.outcome, self.body[:300])


def parse_head(head):
    lines = head.split(b"\r\n")
    headers = []
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        headers.append((name.decode("latin-1"),
                        value.strip().decode("latin-1")))
    return lines[0], headers


class Stream:
    """Buffered reading over a socket, ssl or plain."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def fill(self):
        try:
            data = self.sock.recv(65536)
        except (ConnectionError, ssl.SSLError, OSError) as error:
            if isinstance(error, (socket.timeout, TimeoutError)):
                raise
            raise Closed(str(error))
        if not data:
            raise Closed("end of stream, %d bytes held" % len(self.buffer))
        self.buffer += data

    def until(self, mark, limit=1 << 20):
        while mark not in self.buffer:
            if len(self.buffer) > limit:
                raise Closed("head too long")
            self.fill()
        part, _, self.buffer = self.buffer.partition(mark)
        return part

    def exactly(self, count):
        while len(self.buffer) < count:
            self.fill()
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        return part

    def rest(self):
        try:
            while True:
                self.fill()
        except Closed:
            pass
        part, self.buffer = self.buffer, b""
        return part

    def chunks(self):
        body, raw = b"", b""
        while True:
            line = self.until(b"\r\n")
            raw += line + b"\r\n"
            size = int(line.split(b";")[0], 16)
            if size == 0:
                break
            body += self.exactly(size)
            raw += self.exactly(2)
        trailers = []
        while True:
            line = self.until(b"\r\n")
            if not line:
                return body, trailers
            trailers.append(line)


class Wire:
    """One TLS connection to the exchange."""

    def __init__(self, address, ca, identity=None, source=None, session=None,
                 server_name="exchange.payvand.test", version=None, timeout=30,
                 context=None):
        self.timeout = timeout
        if context is None:
            context = client_context(ca, identity, version)
        self.context = context
        plain = socket.create_connection(
            address, timeout=timeout,
            source_address=(source, 0) if source else None)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.sock = context.wrap_socket(plain, server_hostname=server_name,
                                            session=session)
        except BaseException:
            plain.close()
            raise
        self.stream = Stream(self.sock)

    @property
    def session(self):
        return self.sock.session

    @property
    def resumed(self):
        return self.sock.session_reused

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionError, ssl.SSLError) as error:
            raise Closed(str(error))

    def answer(self, timeout=None):
        self.sock.settimeout(timeout or self.timeout)
        interim = 0
        while True:
            head = self.stream.until(b"\r\n\r\n")
            first, headers = parse_head(head)
            status = int(first.split(b" ")[1])
            if status >= 200 or status == 101:
                break
            interim += 1
        names = {n.lower(): v for n, v in headers}
        complete = True
        if names.get("transfer-encoding", "").lower() == "chunked":
            body, trailers = self.stream.chunks()
        elif "content-length" in names:
            body = self.stream.exactly(int(names["content-length"]))
            trailers = []
        elif status in (204, 304):
            body, trailers = b"", []
        else:
            body, trailers = self.stream.rest(), []
        answer = Answer(status, headers, body, head, complete)
        answer.trailers = trailers
        answer.interim = interim
        return answer

    def ask(self, data, timeout=None):
        self.send(data)
        return self.answer(timeout)

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def client_context(ca, identity=None, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    if version is not None:
        context.minimum_version = version
        context.maximum_version = version
    if identity is not None:
        context.load_cert_chain(identity.cert, identity.key)
    return context


def request(path, body=b"{}", headers=None, method="POST", version="HTTP/1.1",
            host="exchange.payvand.test", kind="application/json",
            length=True):
    """Bytes of one request. headers: list of (name, value), sent as given."""
    def enc(text):
        return text if isinstance(text, bytes) else text.encode("utf-8")

    lines = [b"%s %s %s" % (enc(method), enc(path), enc(version))]
    if host is not None:
        lines.append(b"Host: " + enc(host))
    if kind is not None:
        lines.append(b"Content-Type: " + enc(kind))
    for name, value in headers or []:
        lines.append(enc(name) + b": " + enc(value))
    if length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class Seen:
    """A request as a provider received it, to the byte."""

    def __init__(self, line, headers, body, raw, peer, connection, trailers=()):
        self.line = line.decode("latin-1")
        self.headers = headers
        self.body = body
        self.raw = raw
        self.peer = peer
        self.connection = connection    # (endpoint name, serial number)
        self.trailers = trailers
        self.when = time.time()

    @property
    def path(self):
        return self.line.split(" ")[1]

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        assert len(values) <= 1, "%s came %d times" % (name, len(values))
        return values[0] if values else None

    @property
    def tracking_id(self):
        return self.get("Payvand-Tracking-Id")


def reply(body=b'{"result":"yes"}', status="200 OK", headers=(),
          kind="application/json", length=True):
    lines = ["HTTP/1.1 " + status]
    if kind:
        lines.append("Content-Type: " + kind)
    lines += ["%s: %s" % pair for pair in headers]
    if length:
        lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class Provider:
    """A provider written by hand: TLS, client certificate demanded.

    `behave(seen, connection)` answers one request: it returns bytes to send
    (the connection stays open), or None when it dealt with the connection
    itself (the connection is then closed). Replace it at any time.
    """

    def __init__(self, name, identity, ca, address="127.0.0.1", port=0,
                 verify=True, listen=True):
        self.name = name
        self.identity = identity
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(identity.cert, identity.key)
        if verify:
            self.context.load_verify_locations(ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.behave = lambda seen, connection: reply()
        self.seen = []
        self.lock = threading.Lock()
        self.connections = []     # every connection that finished its handshake
        self.failed = []          # handshakes that did not
        self.accepted = 0
        self.open = set()
        self.stopping = False
        self.server_names = []
        self.context.sni_callback = self._sni
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port or free_port(address)))
        self.address, self.port = self.socket.getsockname()
        if listen:
            self.socket.listen(512)
            threading.Thread(target=self._accept, daemon=True).start()

    def _sni(self, sock, name, context):
        self.server_names.append(name)

    def _accept(self):
        while not self.stopping:
            try:
                plain, peer = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(plain, peer),
                             daemon=True).start()

    def _serve(self, plain, peer):
        plain.settimeout(60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock = self.context.wrap_socket(plain, server_side=True)
        except (OSError, ssl.SSLError) as error:
            self.failed.append(str(error))
            plain.close()
            return
        with self.lock:
            connection = Connection(self, sock, peer, len(self.connections))
            self.connections.append(connection)
            self.open.add(connection)
        try:
            connection.serve()
        except (Closed, OSError, ssl.SSLError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(connection)
            connection.close()

    def clear(self):
        with self.lock:
            del self.seen[:]

    def drop_connections(self):
        """Close every open connection from our side."""
        with self.lock:
            connections = list(self.open)
        for connection in connections:
            connection.abort()

    def stop(self):
        self.stopping = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        self.drop_connections()


class Connection:
    def __init__(self, provider, sock, peer, number):
        self.provider = provider
        self.sock = sock
        self.peer = peer
        self.number = number
        self.stream = Stream(sock)
        self.count = 0
        self.resumed = sock.session_reused
        self.peer_cert = sock.getpeercert(binary_form=True)

    def serve(self):
        while True:
            seen = self.read()
            self.count += 1
            with self.provider.lock:
                self.provider.seen.append(seen)
            out = self.provider.behave(seen, self)
            if out is None:
                return
            self.sock.sendall(out)

    def read(self):
        head = self.stream.until(b"\r\n\r\n")
        line, headers = parse_head(head)
        names = {n.lower(): v for n, v in headers}
        trailers = []
        if "chunked" in names.get("transfer-encoding", "").lower():
            body, trailers = self.stream.chunks()
        else:
            body = self.stream.exactly(int(names.get("content-length", "0")))
        return Seen(line, headers, body, head, self.peer,
                    (self.provider.name, self.number), trailers)

    def send(self, data):
        self.sock.sendall(data)

    def abort(self):
        """Close the way a crashed machine does: with a reset."""
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 b"\1\0\0\0\0\0\0\0")
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass
