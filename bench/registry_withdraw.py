"""Grants withdrawn one after the other under full gateway load: is the next
call refused, how long did that take, and are the other calls disturbed? Between
them as many decisions that change nothing of the image, with calls as theirs:
registryd and the callers have the load generator's core, so what those take is
not the gateway's. Then as many again while a second node follows: when is it in
its image?"""

import functools
import http.client
import itertools
import json
import os
import pathlib
import random
import ssl
import statistics
import threading
import time

import contenders
from registry_rig import (ITO, WG, Client, Follower, Registryd, agency,
                          appoint, batches, bodies, decision, grant, meeting,
                          ordered, resolution, secretariat)
from rig import CONSUMERS, Rig, spki_sha256
from trace_daemon import checkpoint_size

CALLED = 2  # services that the load calls; of the others grants are withdrawn
COLLECTOR = "administrative-employment-organisation"
WINDOW_S, WINDOWS = 5, 4  # without, with idle decisions, with withdrawals
OFFICERS = 4
SEED = 1404


def technical(system, of, key, more=None):
    """A key for a system, by the technical contact of its agency."""
    return [appoint("technical", of),
            decision("system", system, "key", "technical", of,
                     dict({"spki_sha256": key, "networks": ["127.0.0.0/8"]},
                          **(more or {})))]


def parties(rig):
    """Consumers with their keys, and a provider with an endpoint."""
    steps = bodies() + agency(COLLECTOR) + agency("provider")
    steps.append(secretariat("system", "provider-connector", "register", {
        "agency": "provider", "kind": "connector", "name_fa": "رابط"}))
    pin = spki_sha256(rig.pki / "provider.crt")
    steps += technical("provider-connector", "provider", "0" * 64, {
        "endpoint": {"address": "127.0.0.1", "port": rig.upstream_ports[0],
                     "tls_name": "provider.payvand.test",
                     "spki_sha256": pin}})
    for n in range(CONSUMERS):
        steps += agency(f"consumer-{n}")
        steps.append(secretariat("system", f"consumer-{n}-main", "register", {
            "agency": f"consumer-{n}", "kind": "application",
            "name_fa": "سامانه"}))
        steps += technical(f"consumer-{n}-main", f"consumer-{n}",
                           spki_sha256(rig.pki / "clients" / f"{n:03d}.crt"))
    return steps


def go_live(service):
    """Passport and version of an ordered service, step by step."""
    by = {"role": "representative", "of": "provider"}
    passport, version = f"service/{service}", f"{service}/v1"
    return [decision("passport", passport, "write", **by, data={
        "of": "service", "agency": "provider", "service": service,
        "form": {"service_title": "سرویس", "service_kind": ["G2G"]},
        "basis": "proposed"}),
            decision("passport", passport, "submit", **by),
            decision("passport", passport, "evaluate", "representative",
                     COLLECTOR),
            decision("passport", passport, "confirm", "chair", WG),
            decision("version", version, "design", **by),
            decision("version", version, "test", **by),
            decision("version", version, "go-live", "operator", ITO)]


def rights(count):
    """Resolutions, and what makes their grants live."""
    steps = meeting("m1")
    for s in range(count):
        service = f"service-{s}"
        ids = {n: f"g-{s}-{n}" for n in range(CONSUMERS)}
        steps += resolution(f"m1/r{s}", "m1", [{
            "item": "1", "text_fa": "متن",
            "orders": [ordered(service, "provider")],
            "grants": [grant(ids[n], f"consumer-{n}", f"{service}/v1")
                       for n in ids]}])
        steps += go_live(service)
        for n, name in ids.items():
            steps += [decision("grant", name, "provider-ready",
                               "representative", "provider"),
                      decision("grant", name, "consumer-ready",
                               "representative", f"consumer-{n}"),
                      decision("grant", name, "go-live", "operator", ITO)]
    return steps


def path_of(service):
    return f"/x/provider/service-{service}/v1/inquire"


class Callers:
    """A connection of each consumer that stays open; an officer's."""

    def __init__(self, rig, port):
        self.connections = []
        for n in range(CONSUMERS):
            context = ssl.create_default_context(cafile=rig.pki / "ca.crt")
            stem = rig.pki / "clients" / f"{n:03d}"
            context.load_cert_chain(f"{stem}.crt", f"{stem}.key")
            connection = http.client.HTTPSConnection(
                "localhost", port, context=context, timeout=20)
            connection.connect()  # no handshake while it is measured
            self.connections.append(connection)

    def call(self, consumer, service):
        """Status, and the reason when it is a refusal."""
        connection = self.connections[consumer]
        connection.request("POST", path_of(service), b'{"q":1}',
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        reason = ""
        if answer.status != 200:
            reason = json.loads(body).get("type", "").rsplit(":", 1)[-1]
        return answer.status, reason


def withdraw_one(client, callers, which, found):
    service, consumer = which
    before, _ = callers.call(consumer, service)
    begun = time.monotonic()
    answer = client.must(
        secretariat("grant", f"g-{service}-{consumer}", "withdraw"))
    decided = time.monotonic()
    after, reason = callers.call(consumer, service)
    refused = time.monotonic()
    found.append({"before": before, "after": after, "reason": reason,
                  "begun": begun, "number": answer["last"],
                  "decided_ms": (decided - begun) * 1000,
                  "refused_ms": (refused - begun) * 1000})


def decide_idle(client, callers, passing, refused):
    """What withdraw_one does, but nothing of the image changes."""
    callers.call(passing[1], passing[0])
    client.must(secretariat("unit", f"unit-{time.monotonic_ns()}", "register",
                            {"agency": "provider", "name_fa": "اداره"}))
    callers.call(refused[1], refused[0])


class Gateway(contenders.Payvand):
    """The gateway that calls through the registry's image."""

    def make_image(self, rig, folder):
        (folder / "policy").symlink_to(self.registryd.folder / "policy")


def officer(client, callers, until, pause_s, step):
    """One of several, at their common pace; no list is shared but by whole
    steps of it."""
    due = time.monotonic()
    while time.monotonic() < until and step(client, callers):
        due = max(due + pause_s, time.monotonic())
        time.sleep(max(0, min(due, until) - time.monotonic()))


def withdrawals(waiting, found, client, callers):
    """A step; false when nothing is left."""
    if not waiting:
        return False
    withdraw_one(client, callers, waiting.pop(), found)
    return True


def idle_decisions(passing, gone, client, callers):
    """A step with calls as a withdrawal's: one passes, one is refused."""
    pair = next(passing)
    decide_idle(client, callers, pair, random.choice(gone) if gone else pair)
    return True


def cpu_s(pids):
    """Of the gateway's processes."""
    ticks = 0
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
        rest = text[text.rindex(")") + 2:].split()
        ticks += int(rest[11]) + int(rest[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def window(gate, pids, work, seconds=WINDOW_S):
    """Leaves a second meanwhile, and the gateway's CPU for each, us."""
    first, begun = checkpoint_size(gate.folder / "log"), time.monotonic()
    until = begun + seconds
    cpu = cpu_s(pids)
    threads = [threading.Thread(target=w, args=(until,)) for w in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(max(0, until - time.monotonic()))
    leaves = checkpoint_size(gate.folder / "log") - first
    return {"per_s": leaves / (time.monotonic() - begun),
            "cpu_us": (cpu_s(pids) - cpu) / max(1, leaves) * 1e6}


def measure_withdraw(build, home, count, say):
    rig = Rig(home / "rig", build)
    gate = Gateway("Payvand with its registry", log=True)
    gate.registryd = Registryd(build, home / "registry", cpu=1, signer=True)
    try:
        gate.registryd.start()
        client = Client(gate.registryd.socket)
        services = CALLED + -(-2 * count // CONSUMERS)
        for batch in batches(parties(rig) + rights(services)):
            client.send(batch)
        gate.start(rig)
        paths = rig.dir / "called"
        paths.write_text("".join(path_of(s) + "\n" for s in range(CALLED)))
        return under_load(rig, gate, paths, services, count, say)
    finally:
        rig.stop_all()
        gate.registryd.stop()


def under_load(rig, gate, paths, services, count, say):
    waiting = [(s, n) for s in range(CALLED, services)
               for n in range(CONSUMERS)][:2 * count]
    random.Random(SEED).shuffle(waiting)
    pids = rig.pids_of(gate.processes[:1])
    row, later = {}, []
    ms = int(1000 * (4 * WINDOW_S * WINDOWS + 14))
    loader = threading.Thread(target=lambda: row.update(rig.load(
        gate.port, pids, connections=256, ms=ms, paths=paths)))
    loader.start()
    time.sleep(4)
    pause_s = WINDOW_S * WINDOWS / count * OFFICERS
    without, idle, having, found = [], [], [], []

    crew = [(Client(gate.registryd.socket), Callers(rig, gate.port))
            for _ in range(OFFICERS)]

    def officers(step, *of):
        step = functools.partial(step, *of)
        return [functools.partial(officer, *one, pause_s=pause_s, step=step)
                for one in crew]

    first, second = waiting[:count], waiting[count:]
    passing = itertools.cycle(second)
    gone = []  # withdrawn in a window before
    for _ in range(WINDOWS):
        without.append(window(gate, pids, []))
        idle.append(window(gate, pids, officers(idle_decisions, passing, gone)))
        left = len(first)
        having.append(window(gate, pids, officers(withdrawals, first, found)))
        gone = waiting[len(first):left] or gone
        say(f"{without[-1]['per_s']:.0f} leaves/s without, "
            f"{idle[-1]['per_s']:.0f} with idle decisions, "
            f"{having[-1]['per_s']:.0f} with withdrawals, {len(found)} of "
            "them so far")
    follower = Follower(rig.build, gate.registryd.folder / "node",
                        gate.registryd, cpu=1)
    try:
        follower.wait(Client(gate.registryd.socket).get("status")["last"])
        window(gate, pids, officers(withdrawals, second, later),
               WINDOW_S * WINDOWS)
        follower.wait(max((f["number"] for f in later), default=0))
        time.sleep(0.05)  # the watcher has seen it, too
    finally:
        follower.stop()
    loader.join()
    return {**result_of(row, without, idle, having, found),
            **second_node(follower, later), "not_done": len(first)}


def second_node(follower, later):
    """From sending a decision until the second node's image has it."""
    waited = sorted((follower.since(f["number"]) - f["begun"]) * 1000
                    for f in later)
    return {"node_withdrawn": len(later),
            "node_p50_ms": round(waited[len(waited) // 2]),
            "node_p99_ms": round(waited[int((len(waited) - 1) * 0.99)]),
            "node_max_ms": round(waited[-1])}


def beside(which, those, these):
    """Of these, in parts of those: median, and each round."""
    rounds = [b[which] / q[which] for q, b in zip(those, these)]
    return round(statistics.median(rounds), 3), [round(r, 3) for r in rounds]


def result_of(row, without, idle, having, found):
    def part(key, share):
        values = sorted(f[key] for f in found)
        return round(values[int((len(values) - 1) * share)], 2)

    passed = [f for f in found if f["after"] != 403]
    odd = [f for f in found if f["before"] != 200]
    throughput, rounds = beside("per_s", idle, having)
    cpu, cpu_rounds = beside("cpu_us", idle, having)
    acknowledged = sorted(f["refused_ms"] - f["decided_ms"] for f in found)
    return {
        "calls_per_s": round(row["rps"]), "errors": row["errors"],
        "not_2xx": row["calls"] - row["status_2xx"],
        "withdrawn": len(found), "passed_after": len(passed),
        "refused_before": len(odd),
        "reasons": sorted({f["reason"] for f in found}),
        "decided_p50_ms": part("decided_ms", 0.5),
        "decided_p99_ms": part("decided_ms", 0.99),
        "refused_p50_ms": part("refused_ms", 0.5),
        "refused_p99_ms": part("refused_ms", 0.99),
        "refused_max_ms": part("refused_ms", 1),
        "answered_refused_p99_ms": round(
            acknowledged[int((len(acknowledged) - 1) * 0.99)], 2),
        "throughput": throughput, "throughput_rounds": rounds,
        "throughput_of_quiet": beside("per_s", without, having)[0],
        "idle_of_quiet": beside("per_s", without, idle)[0],
        "gateway_cpu": cpu, "gateway_cpu_rounds": cpu_rounds,
        "gateway_cpu_of_quiet": beside("cpu_us", without, having)[0],
    }
