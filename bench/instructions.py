"""What `./dev bench profile --instructions` counts: the instructions of a
worker in user space, a call, by part (valgrind's callgrind). They are the same
on a busy machine, and say nothing of caches and of the kernel. Two runs, a
short and a long one: their difference is calls only, without starting; what
handshakes took, three million instructions each, is taken off. Few paths, so
that rows are kept as they are in a long run; of one provider, so that its
connections are soon there."""

import os
import re
import signal
import time

import profile_parts
from rig import path_of, run

CONNECTIONS = 8
WARM_MS, SHORT_MS, LONG_MS = 8000, 8000, 30000
LINE = re.compile(r"\s*([\d,]+) \(\s*[\d.]+%\)\s+(.*?)(?: \[(.*)\])?$")
HANDSHAKE = "SSL_do_handshake"
CRYPTO = "OpenSSL and libc, without handshakes"
MODULE = "ngx_http_payvand_module.so"


def part_of(where, dso):
    """Inlined code has a file and no object: whose file is it?"""
    if dso is None:
        dso = MODULE if "gateway/" in where or "/lib/" in where else "nginx"
    return profile_parts.user_part("nginx", where.rsplit(":", 1)[-1], dso)


def counted(text, inclusive):
    parts = {CRYPTO: 0}
    for line in inclusive.splitlines():
        found = LINE.match(line)
        if found and found.group(2).endswith(f":{HANDSHAKE}"):
            parts[CRYPTO] -= int(found.group(1).replace(",", ""))
    for line in text.splitlines():
        found = LINE.match(line)
        if found and "PROGRAM TOTALS" not in line:
            part = part_of(found.group(2), found.group(3))
            if part in (profile_parts.OPENSSL, profile_parts.LIBC):
                part = CRYPTO
            parts[part] = (parts.get(part, 0)
                           + int(found.group(1).replace(",", "")))
    return parts


def one_run(rig, contender, ms):
    """(instructions by part, calls) of a worker's whole life."""
    rig.below = ["valgrind", "-q", "--tool=callgrind",
                 f"--callgrind-out-file={rig.dir}/callgrind.%p"]
    contender.start(rig)
    master = contender.processes[0]
    worker = [p for p in rig.pids_of([master]) if p != master.pid][-1]
    calls = sum(
        rig.load(contender.port, [worker], CONNECTIONS, part, warmup_ms=0,
                 paths=rig.dir / "few-paths", certs=CONNECTIONS)["calls"]
        for part in (WARM_MS, ms))
    for process in contender.processes:
        process.send_signal(signal.SIGQUIT)
    for _ in range(300):
        if not os.path.exists(f"/proc/{worker}"):
            break
        time.sleep(0.1)
    out = rig.dir / f"callgrind.{worker}"
    annotate = ["callgrind_annotate", "--threshold=100", "--show=Ir", out]
    return counted(run(*annotate), run(*annotate, "--inclusive=yes")), calls


def a_call(rig, contender):
    (rig.dir / "few-paths").write_text("".join(
        path_of(0, s) + "\n" for s in range(40)))
    short, few = one_run(rig, contender, SHORT_MS)
    long, many = one_run(rig, contender, LONG_MS)
    if many - few < 1000:
        raise SystemExit(f"only {many - few} calls: the machine is too busy")
    return {part: (long.get(part, 0) - short.get(part, 0)) / (many - few)
            for part in (CRYPTO, *profile_parts.PARTS)}


def show(result):
    bare, payvand = result.values()
    print(f"{'instructions of a worker a call':44}{'bare':>8}{'Payvand':>9}"
          f"{'more':>8}")
    for part in bare:
        if bare[part] > 50 or payvand[part] > 50:
            print(f"{part:44}{bare[part]:8.0f}{payvand[part]:9.0f}"
                  f"{payvand[part] - bare[part]:+8.0f}")
    all_of = [sum(one.values()) for one in (bare, payvand)]
    print(f"{'all':44}{all_of[0]:8.0f}{all_of[1]:9.0f}"
          f"{all_of[1] - all_of[0]:+8.0f}")
