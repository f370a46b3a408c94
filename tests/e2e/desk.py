"""The desk of a connector's keeper (connectord/desk.h)."""

import json
import socket


def ask(path, do, **more):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(path)
        sock.sendall(json.dumps({"do": do, **more}).encode())
        sock.shutdown(socket.SHUT_WR)
        said = b""
        while True:
            more_of_it = sock.recv(65536)
            if not more_of_it:
                return json.loads(said)
            said += more_of_it
