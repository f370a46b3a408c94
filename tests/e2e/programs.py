"""The programs of the build folder: where they are, how they start and end, and
the one way to wait for something."""

import functools
import os
import resource
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("PAYVAND_BUILD",
                                       os.path.join(ROOT, "build")))
SANITIZE = os.environ.get("PAYVAND_SANITIZE") == "1"
LONG = os.environ.get("PAYVAND_LONG") == "1"
NGINX = os.environ.get("PAYVAND_NGINX", "/usr/sbin/nginx")
CATALOGUE = os.path.join(ROOT, "catalogue")
# every start of a journal writes two segments of zeros: a quarter of the default
SEGMENTS = ("--segment-size", str(16 << 20))


@functools.lru_cache(maxsize=None)
def built(name):
    """The path of a built program or module; skips the test when absent."""
    for folder, _, files in os.walk(BUILD):
        if name in files and ".p" not in folder:
            return os.path.join(folder, name)
    import pytest
    pytest.skip("%s is not built in %s" % (name, BUILD))


PATIENCE_S = 60  # a busy machine is slow; what never comes fails all the same


def wait_for(what, check, timeout=PATIENCE_S, step=0.02):
    end = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %s s for %s" % (timeout, what))
        time.sleep(step)


def children_of(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Process:
    """A program the harness started; its output goes to a log file."""

    def __init__(self, name, argv, log, env=None, core=False):
        self.name = name
        self.log = log
        self.expected_dead = False
        self.file = open(log, "ab")
        self.popen = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=self.file,
            stderr=subprocess.STDOUT, env=env, cwd=os.path.dirname(log),
            preexec_fn=_no_limit_core if core else None)

    @property
    def pid(self):
        return self.popen.pid

    def kill(self, sig=signal.SIGKILL):
        self.expected_dead = True
        if self.popen.poll() is None:
            self.popen.send_signal(sig)

    def stop(self, sig=signal.SIGTERM, timeout=10):
        """Ask it to end; returns what is wrong with how it ended, or None."""
        code = self.popen.poll()
        wrong = None
        if code is not None and not self.expected_dead:
            wrong = "%s ended by itself with %s" % (self.name, code)
        if code is None:
            self.popen.send_signal(sig)
            try:
                code = self.popen.wait(timeout)
                if code not in (0, -sig) and not self.expected_dead:
                    wrong = "%s ended with %s when stopped" % (self.name, code)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
                wrong = "%s did not stop within %d s" % (self.name, timeout)
        self.file.close()
        return wrong


class Daemon:
    """nginx that went to the background: not our child, known by its pid."""

    def __init__(self, name, argv, pid_file, env):
        self.name = name
        self.expected_dead = False
        subprocess.run(argv, env=env, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        with open(pid_file) as file:
            self.pid = int(file.read())
        self.popen = self

    def poll(self):
        return None if is_alive(self.pid) else 0

    def kill(self, sig=signal.SIGKILL):
        self.expected_dead = True
        if is_alive(self.pid):
            os.kill(self.pid, sig)

    def wait(self, timeout=10):
        wait_for("%s to end" % self.name, lambda: not is_alive(self.pid),
                 timeout)

    def stop(self, sig=signal.SIGTERM, timeout=10):
        if not is_alive(self.pid):
            return None if self.expected_dead else "%s ended" % self.name
        os.kill(self.pid, sig)
        self.wait(timeout)
        return None


def _no_limit_core():
    resource.setrlimit(resource.RLIMIT_CORE,
                       (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def program_env(preload=False):
    env = {k: v for k, v in os.environ.items()
           if k in ("PATH", "HOME", "LANG", "TMPDIR")}
    env["ASAN_OPTIONS"] = ("detect_leaks=0:abort_on_error=0:disable_coredump=1:"
                           + os.environ.get("ASAN_OPTIONS", ""))
    env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    if SANITIZE and preload:
        env["LD_PRELOAD"] = subprocess.check_output(
            ["gcc", "-print-file-name=libasan.so"]).decode().strip()
    return env
