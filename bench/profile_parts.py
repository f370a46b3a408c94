"""The parts of a call's CPU time, and which of them a sample or a system call
belongs to. Every sample is in one part, so that they sum to the whole."""

import os
import re

READ = "kernel: reading TLS sockets"
WRITE = "kernel: writing TLS sockets"
ASK = "kernel: getsockopt (nginx, once a call)"
WAIT = "kernel: epoll_wait"
LINE = "kernel: the line to payvand-traced"
REST = "kernel: entry, interrupts, switches, rest"
T_WAIT = "payvand-traced, kernel: waiting, reading"
T_WRITE = "payvand-traced, kernel: write, flush"
T_ANSWER = "payvand-traced, kernel: answering"
T_REST = "payvand-traced, kernel: rest"
T_OWN = "payvand-traced, own code"
OPENSSL = "OpenSSL"
LIBC = "libc: malloc, memcpy"
NGINX = "nginx"
RIGHTS = "module: rows, decision, quota"
RECORD = "module: record, waiting, end"
CALL = "module: head, endpoint, answer"
SOCKET = "module: sockets, in place of nginx's"
LMDB = "LMDB: the image's version; new pairs"

PARTS = [READ, WRITE, ASK, WAIT, LINE, REST, OPENSSL, LIBC, NGINX, RIGHTS,
         RECORD, CALL, SOCKET, LMDB, T_OWN, T_WAIT, T_WRITE, T_ANSWER, T_REST]

# by the function's name without the module's prefix, first that fits
MODULE = [
    (SOCKET, r"socket_"),
    (RECORD, r"journal|line_|flight|wake|unpark|completion|write_request"
             r"|add_done|^pv_record|^put_|message|budget"),
    (RIGHTS, r"rows|quota|judge|^gate|decide|look_up|identity|source"
             r"|check_form|^pv_(?!header|grammar)|deny|grant_at"),
    (CALL, r""),
]


def kernel_part(process, call):
    """The part of a system call of a process; call may be empty."""
    if "traced" in process:
        if call in ("pwrite64", "fdatasync", "fsync", "fallocate",
                    "fadvise64"):
            return T_WRITE
        if call == "sendto":
            return T_ANSWER
        if call in ("recvfrom", "epoll_wait"):
            return T_WAIT
        return T_REST
    return {"read": READ, "recvfrom": READ, "write": WRITE,
            "getsockopt": ASK, "epoll_wait": WAIT,
            "sendto": LINE}.get(call, REST)


def module_part(symbol):
    name = symbol.removeprefix("ngx_http_payvand_")
    return next(part for part, what in MODULE if re.search(what, name))


def user_part(process, symbol, dso):
    name = os.path.basename(dso)
    if "traced" in process:
        return T_OWN
    if name.startswith(("libcrypto", "libssl")):
        return OPENSSL
    if name.startswith("libc"):
        return LIBC
    if name.startswith("liblmdb"):
        return LMDB
    if name.startswith("ngx_http_payvand"):
        return module_part(symbol)
    return NGINX


def part_of(process, stack):
    symbol, dso = stack[0]
    if not ("kernel" in dso or dso.startswith("[")):
        return user_part(process, symbol, dso)
    for name, _ in reversed(stack):
        call = re.match(r"(?:__x64_sys_|ksys_|__sys_)(\w+)", name)
        if call:
            return kernel_part(process, call.group(1))
    return kernel_part(process, "")


def count(script):
    """{part: samples} of what `perf script` says."""
    samples = {}
    for block in script.split("\n\n"):
        lines = block.strip("\n").split("\n")
        frames = [re.match(r"\s*[0-9a-f]+ (.*) \((.*)\)$", line)
                  for line in lines[1:]]
        stack = [(f.group(1), f.group(2)) for f in frames if f]
        if stack:
            part = part_of(lines[0].split()[0], stack)
            samples[part] = samples.get(part, 0) + 1
    return samples


def strace_counts(text):
    """(system call, how many) of what `strace -c` says."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            yield words[-1], int(words[3])
