"""What the trace bench measures, one function a part."""

import json
import shutil
import statistics
import subprocess
import sys
import threading
import time

import contenders
from rig import HERE, OTHER_CPU, Rig
from trace_daemon import (Traced, checkpoint_size, cpu_of, family, memory_of)

BATCH = 64
# Consumers that ask for receipts: of what share of all calls, how many in one
# answer, how many consumers. A limit of 20 a second each is far from them.
WAYS = {"one by one": (0.001, 1, 32), "40 at once": (0.004, 40, 12)}
ROUNDS, WINDOW_S, POLL_S = 3, 6, 8
POLL_MS = 20
RECEIPTS_MAX_PER_S = 200
GOALS = {"rate": 200000, "rate_part": 0.5, "gateway_part": 0.04,
         "receipt_s": 1, "proof_ms": 5, "find_ms": 100, "restart_s": 2,
         "flat": 3}


def tool(build, *args, cpu=None):
    pin = ["taskset", "-c", str(cpu)] if cpu is not None else []
    done = subprocess.run(pin + [str(build / "bench/payvand-bench-trace")]
                          + [str(a) for a in args], stdout=subprocess.PIPE,
                          text=True, check=True)
    return json.loads(done.stdout) if done.stdout else None


# ---- one core ---------------------------------------------------------------

def watch(log, samples, stop):
    """(when, size) of each checkpoint that was published."""
    last = -1
    while not stop.is_set():
        size = checkpoint_size(log)
        if size != last:
            samples.append((time.monotonic_ns(), size))
            last = size
        time.sleep(0.002)


def measure_rate(build, home, seconds):
    """Journal, tree, signer and keeper on core 0, the workers on core 1."""
    limits = tool(build, "limits", home, cpu=0)
    folder = home / "rate"
    folder.mkdir()
    traced = Traced(build, folder, cpu=0)
    traced.init_key()
    traced.start()
    samples, stop = [], threading.Event()
    watcher = threading.Thread(target=watch, args=(traced.log, samples, stop))
    watcher.start()
    pids = family(traced.process.pid)
    before, begun = cpu_of(pids), time.monotonic()
    done = subprocess.run(
        ["taskset", "-c", "1", build / "bench/payvand-bench-journal", "-",
         folder, "--batch", str(BATCH), "--depth", "4", "--workers", "2",
         "--seconds", str(seconds), "--acks", folder / "acks", "--json"],
        stdout=subprocess.PIPE, check=True)
    ended = time.monotonic()
    used = {name: round(cpu - before.get(name, 0), 3)
            for name, cpu in cpu_of(pids).items()}
    time.sleep(2)
    stop.set()
    watcher.join()
    memory = memory_of(pids)
    traced.stop()
    acks = [tuple(map(int, line.split()))
            for line in (folder / "acks").read_text().split("\n") if line]
    shutil.rmtree(folder)
    return {**rates(limits, samples, acks), "cpu_s": used,
            "seconds": round(ended - begun, 2), "peak_kib": memory,
            "journal": json.loads(done.stdout)}


def rates(limits, samples, acks):
    lags, at = [], 0
    for when, index in acks:
        while at < len(samples) and samples[at][1] <= index:
            at += 1
        if at < len(samples):
            lags.append(max(0, samples[at][0] - when) / 1e9)
    first, last = acks[0], acks[-1]
    # leaves acknowledged a second, and those that are in a checkpoint
    within = [s for s in samples if first[0] <= s[0] <= last[0]]
    published = ((within[-1][1] - within[0][1])
                 / (within[-1][0] - within[0][0]) * 1e9)
    acked = (last[1] - first[1]) / (last[0] - first[0]) * 1e9
    part = BATCH / (BATCH + 1)
    rate = min(published, acked) * part
    limit = min(limits["sha_leaves_per_s"], limits["write_leaves_per_s"])
    wanted = min(GOALS["rate"], GOALS["rate_part"] * limit)
    return {
        "requests_per_s": round(rate), "wanted_per_s": round(wanted),
        "acknowledged_per_s": round(acked * part),
        "limit_per_s": round(limit), "of_limit": round(rate / limit, 3),
        "sha256_per_s": limits["sha_leaves_per_s"],
        "write_fdatasync_per_s": limits["write_leaves_per_s"],
        "leaf_len": limits["leaf_len"], "reached": rate >= wanted,
        "checkpoint_p50_s": round(statistics.median(lags), 3),
        "checkpoint_max_s": round(max(lags), 3),
        "never_published": len(acks) - len(lags),
    }


# ---- beside the gateway -----------------------------------------------------

class Receipts:
    """trace_receipts.py beside the load, on the load's core."""

    def __init__(self, rig, gate, *more):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(OTHER_CPU), sys.executable,
             HERE / "trace_receipts.py", "--gate", str(gate.port), "--api",
             str(gate.api_port), "--pki", rig.pki, "--paths",
             rig.dir / "paths", *map(str, more)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_ready(self):
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("trace_receipts.py did not start")

    def run(self):
        out, _ = self.process.communicate("\n", timeout=120)
        return json.loads(out)


def window(pids, work):
    """What the work gives, and CPU s of each process meanwhile."""
    before, begun = cpu_of(pids), time.monotonic()
    result = work()
    seconds = time.monotonic() - begun
    used = {name: cpu - before.get(name, 0)
            for name, cpu in cpu_of(pids).items()}
    return result, used, seconds


def parts_of(used):
    whole = used["gateway"] + used["journal"]
    log = sum(used.get(name, 0) for name in ("log", "signer", "courier"))
    receipts = used.get("reader", 0) + used["api"]
    return {"log": log / whole, "receipts": receipts / whole,
            "keeper": used.get("keeper", 0) / whole,
            "together": (log + receipts) / whole}


def measure_gateway(build, home, say):
    """The gateway at full load: what its log adds, and when receipts are
    there. Windows without and with receipts take turns in one load."""
    rig = Rig(home / "rig", build)
    try:
        gate = contenders.Payvand("Payvand with its log", log=True)
        gate.start(rig)
        return gateway_windows(rig, gate, say)
    finally:
        rig.stop_all()


def gateway_windows(rig, gate, say):
    pids = {**family(gate.processes[1].pid),
            **{pid: "gateway" for pid in rig.pids_of(gate.processes[:1])},
            **{pid: "api" for pid in rig.pids_of(gate.processes[2:3])}}
    gateway = [pid for pid, name in pids.items() if name == "gateway"]
    trial = rig.load(gate.port, gateway, connections=256, ms=2000)
    askers = {way: [asker(rig, gate, trial["rps"], *WAYS[way])
                    for _ in range(ROUNDS)] for way in WAYS}
    poller = Receipts(rig, gate, "--poll-ms", POLL_MS, "--seconds", POLL_S)
    for each in [*sum(askers.values(), []), poller]:
        each.wait_ready()
    windows = 1 + len(WAYS)
    ms = int(1000 * (ROUNDS * (windows * WINDOW_S + 2) + POLL_S + 3))
    row = {}
    loader = threading.Thread(target=lambda: row.update(rig.load(
        gate.port, gateway, connections=256, ms=ms)))
    loader.start()
    time.sleep(2.5)
    without, asked = [], {way: [] for way in WAYS}
    for number in range(ROUNDS):
        _, used, _ = window(pids, lambda: time.sleep(WINDOW_S))
        without.append(parts_of(used))
        say(f"log {without[-1]['together']:.4f} of the gateway's CPU")
        for way in WAYS:
            asked[way].append(receipts_window(pids, askers[way][number]))
            say(f"with {asked[way][-1]['per_s']:.0f} receipts/s, {way}, "
                f"{asked[way][-1]['together']:.4f}")
    polled = poller.run()
    loader.join()
    memory = memory_of(pids)
    return gateway_result(row, without, asked, polled, memory)


def asker(rig, gate, calls_per_s, share, batch, consumers):
    per_s = min(calls_per_s * share, RECEIPTS_MAX_PER_S)
    return Receipts(rig, gate, "--rate", per_s, "--seconds", WINDOW_S,
                    "--batch", batch, "--consumers", consumers)


def receipts_window(pids, asker):
    result, used, seconds = window(pids, asker.run)
    return {**result, **parts_of(used),
            "us_per_receipt": {
                name: used.get(name, 0) / max(1, result["receipts"]) * 1e6
                for name in ("reader", "api")},
            "per_s": result["receipts"] / seconds}


def middle(rows, key):
    return round(statistics.median(r[key] for r in rows), 4)


def way_result(calls_per_s, rows):
    together = middle(rows, "together")
    failed = [text for row in rows for text in row["failed"]]
    return {
        "share": round(middle(rows, "per_s") / calls_per_s, 4),
        "us_per_receipt": {
            name: round(statistics.median(r["us_per_receipt"][name]
                                          for r in rows))
            for name in ("reader", "api")},
        "log_part": middle(rows, "log"),
        "receipts_part": middle(rows, "receipts"),
        "together_part": together,
        "together_spread": [round(min(r["together"] for r in rows), 4),
                            round(max(r["together"] for r in rows), 4)],
        "not_given": sum(r["not_given"] for r in rows), "failed": failed,
        "reached": together <= GOALS["gateway_part"] and not failed,
    }


def gateway_result(row, without, asked, polled, memory):
    return {
        "calls_per_s": round(row["rps"]), "errors": row["errors"],
        "log_part_without_receipts": middle(without, "log"),
        "keeper_part": middle(without, "keeper"), "peak_kib": memory,
        "ways": {way: way_result(row["rps"], asked[way]) for way in asked},
        "receipt": {**polled, "reached": polled["max_s"] < GOALS["receipt_s"]
                    and polled["not_given"] == 0 and not polled["failed"]},
    }


# ---- a log of that many -----------------------------------------------------

def build_log(build, folder, leaves):
    """Made once; a folder that is there already is taken as it is."""
    if (folder / "built").exists():
        return json.loads((folder / "built").read_text())
    folder.mkdir()
    built = tool(build, "build", folder, leaves)
    traced = Traced(build, folder)
    traced.init_key()
    tool(build, "sign", folder, leaves)
    length = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    row = {"leaves": leaves, "bytes": length, "build_s": built["seconds"],
           "build_cpu_us_per_leaf": built["cpu_us_per_leaf"]}
    (folder / "built").write_text(json.dumps(row))
    return row


def measure_size(build, folder, leaves):
    row = tool(build, "proof", folder, leaves)
    found = tool(build, "find", folder, leaves)
    found["find_peak_kib"] = found.pop("peak_kib")
    row.update(found)
    times = []
    traced = Traced(build, folder)
    for _ in range(3):
        times.append(traced.start())
        memory = memory_of(family(traced.process.pid))
        traced.stop()
    row["restart_calls_s"] = round(max(t[0] for t in times), 3)
    row["restart_log_s"] = round(max(t[1] for t in times), 3)
    row["restart_peak_kib"] = memory
    row["reached"] = (row["proof_max_ms"] < GOALS["proof_ms"]
                      and row["find_cold_max_ms"] < GOALS["find_ms"]
                      and row["restart_log_s"] < GOALS["restart_s"])
    return row


def flatness(rows):
    """The largest log's medians beside the smallest one's."""
    few, many = rows[0], rows[-1]
    result = {key: round(many[key] / few[key], 2)
              for key in ("proof_p50_ms", "find_cold_p50_ms", "peak_kib",
                          "find_peak_kib")}
    result["reached"] = all(ratio <= GOALS["flat"]
                            for ratio in result.values())
    return result
