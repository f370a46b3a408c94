#!/usr/bin/python3
"""Consumers that call through the gateway and ask for their receipts at the
API, each by its own certificate, from its own address, on connections that
stay open. Prints one JSON object. bench/trace runs it beside the load.

With --poll-ms each of a few threads calls, then asks again and again until
the receipt is there: how long that took, counted from before the call was
sent, so the acknowledgement came later. Without, calls are due by the clock
and each receipt is asked for once, --after seconds later, --batch of them at
once."""

import argparse
import http.client
import itertools
import json
import pathlib
import random
import ssl
import sys
import threading
import time

BODY = b'{"national_id":"' + b"0" * 200 + b'"}'


class Consumer:
    def __init__(self, arguments, number):
        pki = pathlib.Path(arguments.pki)
        context = ssl.create_default_context(cafile=pki / "ca.crt")
        stem = pki / "clients" / f"{number:03d}"
        context.load_cert_chain(f"{stem}.crt", f"{stem}.key")
        source = (f"127.0.1.{number + 1}", 0)
        self.gate, self.api = [
            http.client.HTTPSConnection("localhost", port, context=context,
                                        source_address=source, timeout=20)
            for port in (arguments.gate, arguments.api)]
        self.paths = arguments.path_list

    def call(self):
        """A tracking id, and when its call was sent."""
        sent = time.monotonic()
        self.gate.request("POST", random.choice(self.paths), BODY,
                          {"Content-Type": "application/json"})
        answer = self.gate.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"a call was answered {answer.status}")
        return answer.headers["Payvand-Tracking-Id"], sent

    def receipts(self, ids):
        """The answer's status, and how many receipts are in it."""
        self.api.request("GET", "/trace/v1/receipts/" + ",".join(ids))
        answer = self.api.getresponse()
        body = answer.read()
        if answer.status != 200:
            return answer.status, 0
        if not body.startswith(b'{"checkpoint"'):
            raise RuntimeError("no receipt: " + body[:200].decode())
        return 200, body.count(b"\n")


def by_the_clock(consumer, arguments, found):
    """Calls at the rate's own part, each receipt once, later."""
    every = arguments.consumers / arguments.rate
    due = time.monotonic() + random.random() * every
    waiting = {}  # tracking id -> when its call was sent
    while True:
        now = time.monotonic()
        ids = list(itertools.islice(waiting, arguments.batch))
        ended = now >= arguments.end
        if ids and (len(ids) == arguments.batch or ended) and (
                waiting[ids[-1]] + arguments.after <= now):
            begun = time.monotonic()
            status, count = consumer.receipts(ids)
            found["s"].append(time.monotonic() - begun)
            found["asked"] += len(ids)
            found["given"] += count
            found["status"].append(status)
            for tracking_id in ids:
                del waiting[tracking_id]
        elif ended and not waiting:
            break
        elif due <= now and not ended:
            tracking_id, sent = consumer.call()
            waiting[tracking_id] = sent
            due += every
        else:
            time.sleep(max(0.001, min(due - now, 0.02)))


def until_there(consumers, arguments, found):
    while time.monotonic() < arguments.end:
        consumer = random.choice(consumers)
        tracking_id, sent = consumer.call()
        while True:
            begun = time.monotonic()
            status, count = consumer.receipts([tracking_id])
            if status == 200:
                break
            if status != 503 or begun - sent > 30:
                found["status"].append(status)
                return
            time.sleep(max(0, begun + arguments.poll_ms / 1000
                           - time.monotonic()))
        found["asked"] += 1
        found["given"] += count
        found["status"].append(status)
        found["s"].append(time.monotonic() - sent)


def guard(found, work, *more):
    try:
        work(*more, found)
    except Exception as error:  # told in the result
        found["failed"].append(repr(error))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gate", type=int, required=True)
    parser.add_argument("--api", type=int, required=True)
    parser.add_argument("--pki", required=True)
    parser.add_argument("--paths", required=True)
    parser.add_argument("--consumers", type=int, default=32)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--after", type=float, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--poll-ms", type=float)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    arguments.path_list = pathlib.Path(arguments.paths).read_text().split()
    consumers = [Consumer(arguments, n) for n in range(arguments.consumers)]
    for consumer in consumers:  # the handshakes, before anything counts
        consumer.receipts([consumer.call()[0]])
    print("ready", flush=True)
    sys.stdin.readline()
    found = {"s": [], "status": [], "asked": 0, "given": 0, "failed": []}
    arguments.end = time.monotonic() + arguments.seconds
    if arguments.poll_ms:
        work = [(until_there, consumers[t::arguments.threads], arguments)
                for t in range(arguments.threads)]
    else:
        work = [(by_the_clock, c, arguments) for c in consumers]
    threads = [threading.Thread(target=guard, args=(found, *w)) for w in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = sorted(found["s"])
    print(json.dumps({
        "receipts": found["given"],
        "not_given": found["asked"] - found["given"],
        "odd": sorted({status for status in found["status"] if status != 200}),
        "failed": found["failed"][:3],
        "p50_s": round(good[len(good) // 2], 4),
        "p99_s": round(good[int((len(good) - 1) * 0.99)], 4),
        "max_s": round(good[-1], 4)}))


if __name__ == "__main__":
    main()
