"""What the registry bench measures, one function a part."""

import json
import random
import shutil
import statistics
import subprocess
import threading
import time

import registry_rig as rig
from registry_rig import (TOP, WG, Client, Registryd, agency, appoint, batches,
                          bodies, decision, grant, meeting, ordered,
                          resolution, secretariat, with_postgres)

GOALS = {"load_s": 60, "decide_ratio": 3, "enact_s": 10, "throughput": 0.95,
         "withdrawn_s": 1}
CONSUMERS, AT_ONCE = 1000, 10  # resolutions in one request
OFFICERS, ROUNDS, PER_OFFICER_S = 20, 5, 1.0
BARE_COUNT = 400


def percentile(values, part):
    values = sorted(values)
    return values[int((len(values) - 1) * part)]


def figures(values):
    return {"p50_ms": round(percentile(values, 0.5), 3),
            "p99_ms": round(percentile(values, 0.99), 3),
            "max_ms": round(max(values), 3), "count": len(values)}


# ---- a million grants -------------------------------------------------------

def measure_load(build, home, grants, say):
    """Resolutions that order a service each, for a thousand consumers."""
    folder = home / "load"
    registryd = Registryd(build, folder)
    registryd.start()
    client = Client(registryd.socket)
    names = [f"agency-{n}" for n in range(CONSUMERS)]
    setup = bodies() + agency("provider") + sum(map(agency, names), [])
    for batch in batches(setup + meeting("m1")):
        client.send(batch)
    count = max(1, grants // CONSUMERS)
    taken, made = 0.0, 0
    cpu = registryd.cpu_s()
    for first in range(0, count, AT_ONCE):
        decisions = []
        for s in range(first, min(first + AT_ONCE, count)):
            decisions += resolution(f"m1/r{s}", "m1", [{
                "item": "1", "text_fa": "متن",
                "orders": [ordered(f"service-{s}", "provider")],
                "grants": [grant(f"g-{s}-{n}", name, f"service-{s}/v1")
                           for n, name in enumerate(names)]}])
        body = json.dumps(decisions).encode()
        begun = time.monotonic()
        answer = client.send(body)
        taken += time.monotonic() - begun
        made += CONSUMERS * (len(decisions) // 3)
        if answer["image_behind"]:
            raise SystemExit("the image lags")
        if made % (100 * CONSUMERS) == 0:
            say(f"{made:,} grants in {taken:.1f} s")
    result = {"grants": made, "seconds": round(taken, 2),
              "cpu_us_per_grant": round(
                  (registryd.cpu_s() - cpu) / made * 1e6, 1),
              "per_million_s": round(taken / made * 1e6, 1),
              "peak_kib": registryd.peak_kib()}
    result.update(measure_restart(registryd))
    result["bytes"] = sum(f.stat().st_size for f in folder.rglob("*")
                          if f.is_file())
    result["reached"] = result["per_million_s"] < GOALS["load_s"]
    shutil.rmtree(folder)
    return result


def measure_restart(registryd):
    """Seconds of a restart, and of one that makes the image anew."""
    registryd.stop()
    begun = time.monotonic()
    registryd.start()
    again = time.monotonic() - begun
    registryd.stop()
    shutil.rmtree(registryd.folder / "policy")
    (registryd.folder / "policy").mkdir()
    begun = time.monotonic()
    registryd.start()
    anew = time.monotonic() - begun
    registryd.stop()
    return {"restart_s": round(again, 2), "image_anew_s": round(anew, 2)}


# ---- a decision beside a bare commit ----------------------------------------

def bare_commits(build, where, rate, length):
    done = subprocess.run(
        ["taskset", "-c", str(rig.REGISTRY_CPU),
         build / "bench/payvand-bench-store", where, str(BARE_COUNT),
         str(length), str(rate)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def next_decision(number, turn):
    """Every second one changes who may call, and so the image."""
    system = f"system-{number}"
    if turn % 2 == 0:
        return secretariat("unit", f"unit-{number}-{time.monotonic_ns()}",
                           "register", {"agency": "agency-0",
                                        "name_fa": "اداره"})
    return secretariat("system", system,
                       "suspend" if turn % 4 == 1 else "resume")


def officer(client, number, until, pause_s, found):
    """Takes one decision after the other until then; pause 0: no pause."""
    turn = 0
    while True:
        if pause_s:
            time.sleep(random.expovariate(1 / pause_s))
        if time.monotonic() >= until and turn % 4 == 0:
            return
        body = json.dumps(next_decision(number, turn)).encode()
        begun = time.monotonic()
        client.send(body)
        found.append((time.monotonic() - begun) * 1000)
        turn += 1


def decisions_of(registryd, seconds, pause_s):
    found, threads = [], []
    until = time.monotonic() + seconds
    for number in range(OFFICERS):
        client = Client(registryd.socket)
        client.get("status")
        threads.append(threading.Thread(target=officer, args=(
            client, number, until, pause_s, found)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def measure_decide(build, home, backend, say):
    """Rounds of bare commits and of decisions in turn, on one database."""
    folder = home / f"decide-{backend}"
    folder.mkdir()
    folder.chmod(0o755)
    server = None
    bare = f"sqlite:{folder / 'bare.db'}"
    store = None
    if backend == "postgresql":
        if with_postgres.find("initdb") is None:
            return {"skipped": "no PostgreSQL here"}
        (folder / "pg").mkdir()
        server = with_postgres.Postgres(str(folder / "pg"))
        server.run("createdb", "-h", server.socket, "-U", "payvand", "bare")
        store = server.store
        bare = store.replace("dbname=payvand", "dbname=bare")
    registryd = Registryd(build, folder / "r", store)
    try:
        registryd.start()
        systems = [secretariat("system", f"system-{n}", "register", {
            "agency": "agency-0", "kind": "application", "name_fa": "سامانه"})
            for n in range(OFFICERS)]
        for batch in batches(bodies() + agency("agency-0") + systems):
            Client(registryd.socket).send(batch)
        return decide_rounds(build, registryd, bare, say)
    finally:
        registryd.stop()
        if server is not None:
            server.stop("immediate")
        shutil.rmtree(folder)


def decide_rounds(build, registryd, bare, say):
    length = len(json.dumps(Client(registryd.socket).get("decisions?count=1")
                            ["decisions"][0]))
    rate = round(OFFICERS / PER_OFFICER_S)
    seconds = BARE_COUNT / rate / ROUNDS
    commits, decided, hurried, ratios = [], [], [], []
    for number in range(ROUNDS):
        ours = decisions_of(registryd, max(4, seconds), PER_OFFICER_S)
        theirs = bare_commits(build, bare, rate * 5, length)
        commits += theirs
        decided += ours
        ratios.append(percentile(ours, 0.99) / percentile(theirs, 0.99))
        hurried += decisions_of(registryd, 1, 0)
        say(f"round {number + 1}/{ROUNDS}: a decision p50 "
            f"{percentile(ours, 0.5):.2f} p99 {percentile(ours, 0.99):.2f} "
            f"ms, a bare commit p50 {percentile(theirs, 0.5):.2f} p99 "
            f"{percentile(theirs, 0.99):.2f} ms")
    ratio = percentile(decided, 0.99) / percentile(commits, 0.99)
    return {"officers": OFFICERS, "decisions_per_s": rate,
            "decision": figures(decided), "bare_commit": figures(commits),
            "ratio_p99": round(ratio, 2),
            "ratio_p50": round(percentile(decided, 0.5)
                               / percentile(commits, 0.5), 2),
            "rounds": [round(r, 2) for r in ratios],
            "ratio_median": round(statistics.median(ratios), 2),
            "no_pause": {**figures(hurried),
                         "per_s": round(len(hurried) / ROUNDS)},
            "reached": ratio <= GOALS["decide_ratio"]}


# ---- the catalogue ----------------------------------------------------------

def measure_enact(build, home):
    folder = home / "enact"
    registryd = Registryd(build, folder)
    registryd.start()
    begun = time.monotonic()
    done = subprocess.run(
        ["taskset", "-c", str(rig.OTHER_CPU), build / "cli/payvand",
         "import", "--catalogue", TOP / "catalogue", "--socket",
         registryd.socket, "--json"], stdout=subprocess.PIPE, check=True)
    seconds = time.monotonic() - begun
    status = Client(registryd.socket).get("status")
    registryd.stop()
    shutil.rmtree(folder)
    return {"seconds": round(seconds, 3), "decisions": status["last"],
            "answer": json.loads(done.stdout),
            "reached": seconds < GOALS["enact_s"]
            and status["image"] == status["last"]}
