"""payvand-traced for the trace bench: started, looked at, stopped."""

import pathlib
import signal
import subprocess
import threading
import time


def family(pid):
    """The process and all below it: {pid: name}."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
                argv = (entry / "cmdline").read_text().split("\0")
            except OSError:
                continue
            name = argv[2] if argv[1:2] == ["-P"] else argv[0]
            rest = text[text.rindex(")") + 2:].split()
            parents[int(entry.name)] = (int(rest[1]), name)
    found = {pid: "journal"}
    grew = True
    while grew:
        grew = False
        for child, (parent, name) in parents.items():
            if parent in found and child not in found:
                found[child] = name
                grew = True
    return found


def cpu_of(pids):
    """Seconds on a core, by name: to the nanosecond, since a few receipts take
    less than a tick."""
    used = {}
    for pid, name in pids.items():
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                ns = int(task.read_text().split()[0])
            except OSError:
                continue
            used[name] = used.get(name, 0) + ns / 1e9
    return used


def memory_of(pids):
    kib = {}
    for pid, name in pids.items():
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().split("\n"):
            if line.startswith("VmHWM:"):
                kib[name] = int(line.split()[1])
    return kib


def checkpoint_size(log):
    try:
        return int((log / "checkpoint").read_text().split("\n")[1])
    except FileNotFoundError:
        return 0


class Traced:
    def __init__(self, build, folder, cpu=None):
        self.build, self.folder = build, folder
        self.log = folder / "log"
        for name in ("journal", "log", "signer"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        self.program = build / "traced/payvand-traced"
        self.cpu = cpu

    def init_key(self):
        subprocess.run([self.program, "--init-key", "--signer",
                        self.folder / "signer", "--origin",
                        "bench.payvand.test/trace"], check=True,
                       stdout=subprocess.DEVNULL)

    def start(self):
        """Seconds until it takes calls, and until its log goes on."""
        pin = ["taskset", "-c", str(self.cpu)] if self.cpu is not None else []
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [*pin, self.program, "--dir", self.folder / "journal", "--socket",
             self.folder / "bench.sock", "--node", "nix", "--log", self.log,
             "--signer", self.folder / "signer"], stderr=subprocess.PIPE,
            text=True)
        ready, said = {}, []
        for line in self.process.stderr:
            for event in ("traced.started", "log.started"):
                if event in line:
                    ready[event] = time.monotonic() - begun
            if len(ready) == 2:
                break
            said.append(line)
        if len(ready) < 2:
            raise SystemExit("payvand-traced did not start:\n" + "".join(said))
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        return ready["traced.started"], ready["log.started"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
