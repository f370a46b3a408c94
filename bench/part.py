"""What the benches of several parts share: progress, verdicts, and a command
that keeps others out while something is measured."""

import contextlib
import shlex
import subprocess
import sys
import time

BEGUN = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - BEGUN:5.0f} s] {text}", file=sys.stderr,
          flush=True)


def line(reached, text):
    print(("reached      " if reached else "NOT REACHED  ") + text)


@contextlib.contextmanager
def held(command):
    """While this lasts, the command runs; it copies a line when it may."""
    if not command:
        yield
        return
    with subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as holder:
        holder.stdin.write(b"\n")
        holder.stdin.flush()
        holder.stdout.readline()
        yield
        holder.stdin.close()
