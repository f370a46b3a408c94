"""Ports for test files that run side by side."""

import fcntl
import os
import random
import socket
import tempfile

PORTS = range(15000, 32000)  # below what the kernel gives to callers
TRIES = 10000
_reserved = []               # open files whose locks hold our ports


def free_port(address="127.0.0.1"):
    """A port that stays ours until this process ends.

    Test files run side by side: a port is taken by a lock that they all see,
    and never from those that the kernel picks for outgoing connections.
    """
    folder = os.path.join(tempfile.gettempdir(), "pv-ports.%d" % os.getuid())
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for _ in range(TRIES):
        port = random.choice(PORTS)
        lock = open(os.path.join(folder, str(port)), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError:
            lock.close()
            continue
        _reserved.append(lock)
        return port
    raise AssertionError("no port of %s is free" % PORTS)
