#!/usr/bin/python3
"""status.py RUN PORT PROVIDER_PORT [--json]

Reads "name state pid since" lines from standard input, asks the exchange for
its counters, and says in words or JSON what runs.
"""
import http.client
import json
import signal
import socket
import ssl
import sys
import urllib.request
from pathlib import Path

WAIT_SECONDS = 3


def exchange(run, port):
    """The gateway's own status, or None when it does not answer."""
    try:
        context = ssl.create_default_context(cafile=str(run / "pki/ca.crt"))
        with urllib.request.urlopen(
                f"https://localhost:{port}/payvand/status",
                context=context, timeout=WAIT_SECONDS) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


class Registry(http.client.HTTPConnection):
    """HTTP on the registry's Unix socket."""

    def connect(self):
        """As the class above wants it."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(WAIT_SECONDS)
        self.sock.connect(self.host)


def registry(run):
    """Numbers of the last decision and of the image's, or None."""
    connection = Registry(str(run / "socket/registry.sock"))
    try:
        connection.request("GET", "/registry/v1/status",
                           headers={"Host": "registry"})
        return json.load(connection.getresponse())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def log_of(run):
    """What the log process says of itself, at most 10 s ago."""
    try:
        return json.loads((run / "trace/status").read_text("utf-8"))
    except (OSError, ValueError):
        return None


def size_of(folder):
    try:
        return sum(file.stat().st_blocks * 512 for file in folder.rglob("*")
                   if file.is_file())
    except OSError:
        return None


def main():
    run, port, provider_port = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    programs = [dict(zip(("name", "state", "pid", "since"), line.split()))
                for line in sys.stdin if line.strip()]
    for one in programs:
        one["pid"] = int(one["pid"]) or None
    dead = [one["name"] for one in programs if one["state"] != "running"]
    report = {
        "running": bool(programs) and not dead,
        "url": f"https://localhost:{port}",
        "port": int(port),
        "provider_port": int(provider_port),
        "programs": programs,
        "image_bytes": size_of(run / "policy"),
        "journal_bytes": size_of(run / "journal"),
        "log_bytes": size_of(run / "trace"),
        "log": log_of(run),
        "registry": registry(run) if programs else None,
        "exchange": exchange(run, port) if programs else None,
    }
    if "--json" in sys.argv:
        print(json.dumps(report, ensure_ascii=False, indent=1))
    else:
        words(report)
    if not programs:
        return 4
    return 3 if dead else 0


def words(report):
    if not report["programs"]:
        print("nothing was started; ./dev up starts everything")
        return
    print(f"exchange   {report['url']}  (providers from port "
          f"{report['provider_port'] + 1})")
    for one in report["programs"]:
        print(f"  {one['state']:8} {one['name']:52} "
              f"pid {one['pid'] or '-'}  since {one['since']}")
    for name, title in (("image", "policy image"), ("journal", "journal"),
                        ("log", "log")):
        size = report[f"{name}_bytes"]
        print(f"{title:13} " + (f"{size / 1048576:.1f} MiB on disk"
                                if size is not None else "not readable by you"))
    decided = report["registry"]
    if decided is not None:
        behind = decided["last"] - decided["image"]
        print(f"{'registry':13} {decided['last']} decisions, "
              + ("all in the image" if behind == 0
                 else f"{behind} of them not in the image yet"))
    log = report["log"]
    if log is not None:
        print(f"{'checkpoint':13} {log['published']} of {log['durable']} "
              f"records, {log['origin']}")
        if "refusal" in log:
            print(f"{'':13} refused: {log['refusal']}")
        if not log["witnessed"]:
            print(f"{'':13} no witness: a machine restored from an old copy "
                  "cannot be told")
    if report["exchange"] is None:
        print("the exchange does not answer: see .run/gateway/logs/error.log")
    else:
        for name, value in flat(report["exchange"]):
            print(f"  {name:34} {value}")


def flat(value, name=""):
    """Members of nested objects as dotted names; zeros are left out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else key)
    elif value not in (0, None, [], ""):
        yield name, value


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
