"""A second node: the same policy, refused copies, staleness."""

import json
import socketserver
import subprocess
import threading
import time

import pytest

from harness import LONG, wait_for
from registryd import BUILD, Registry, UnixConnection, decision
from test_registry_catalogue import FIRST, Catalogue, all_systems, register

GRANT = "g-m24-r1-01"
THEN = 1641025800000  # 1400-10-11, noon in Tehran


class Node:
    """payvand-follow and the image that it writes; url: the options of a
    registry that is not on this machine."""

    def __init__(self, folder, registry, *options, socket=None, url=()):
        self.folder = folder
        self.image, self.log = folder / "image", folder / "log"
        for path in (folder, self.image, self.log):
            path.mkdir(exist_ok=True)
        self.registry = registry
        self.said = folder / "follow.log"
        with open(self.said, "ab") as out:
            self.process = subprocess.Popen(
                [BUILD / "registryd/payvand-follow", "--store",
                 f"sqlite:{folder / 'copy.db'}", "--image", self.image, "--log",
                 self.log, "--log-key", registry.vkey, "--node", "nix",
                 "--loopback",
                 *(url or ("--socket", socket or registry.socket)), *options],
                stderr=out)

    def status(self):
        """What it says of itself; {} before it says anything."""
        try:
            return json.loads((self.log / "status").read_text())
        except FileNotFoundError:
            assert self.process.poll() is None, self.said.read_text()
            return {}

    def holds(self, number):
        """Wait until it has this decision."""
        wait_for(f"decision {number} at the node",
                 lambda: self.status().get("last") == number, timeout=60)

    def stop(self):
        """End it well."""
        self.process.terminate()
        assert self.process.wait(20) == 0, self.said.read_text()


def last(registry):
    """Number of the last decision."""
    return registry.get("status")["last"]


def matrix(registry, image, moment):
    """What the image says of every pair at a moment."""
    kept, registry.image = registry.image, image
    try:
        return registry.matrix(moment)[moment]
    finally:
        registry.image = kept


def reasons(found):
    """Why calls are refused in a matrix."""
    return {word for counts in found[1].values() for word in counts}


def withdraw(registry, date="1400-08-10"):
    """Take the grant away; its number."""
    return registry.must(decision(
        "grant", GRANT, "withdraw", "secretariat",
        "interoperability-working-group", date, reason="a test"))["last"]


@pytest.fixture(scope="module", name="scene")
def two_nodes(tmp_path_factory):
    """The catalogue at the registry, and a node that follows it."""
    folder = tmp_path_factory.mktemp("follow")
    registry = Registry(folder)
    registry.enact("--until", FIRST)
    register(registry, all_systems(Catalogue()))
    registry.enact()
    node = Node(folder / "node", registry)
    yield registry, node
    node.stop()
    registry.stop()


def test_a_node_decides_every_pair_as_the_registry_does(scene):
    registry, node = scene
    node.holds(last(registry))
    ours = matrix(registry, registry.image, THEN)
    assert ours[0] and ours == matrix(registry, node.image, THEN)
    now = int(time.time() * 1000)
    status = node.status()
    assert status["signed"] == status["last"] and status["why"] == ""
    assert now < status["valid_until_ms"] <= now + 901000


def test_a_withdrawn_grant_is_refused_at_the_node(scene):
    registry, node = scene
    node.holds(last(registry))
    before = matrix(registry, node.image, THEN)
    node.holds(withdraw(registry))
    after = matrix(registry, node.image, THEN)
    assert after[0] < before[0]
    assert after == matrix(registry, registry.image, THEN)


def test_a_node_that_was_away_catches_up_and_one_that_lost_all_begins_anew(
        scene, tmp_path):
    registry, _ = scene
    node = Node(tmp_path / "n", registry)
    node.holds(last(registry))
    node.stop()
    number = last(registry) + 1
    registry.must(decision(
        "grant", "g-m24-r1-02", "withdraw", "secretariat",
        "interoperability-working-group", "1400-08-10", reason="a test"))
    again = Node(tmp_path / "n", registry)
    again.holds(number)
    again.stop()
    anew = Node(tmp_path / "m", registry)
    anew.holds(last(registry))
    anew.stop()
    assert matrix(registry, anew.image, THEN) == matrix(
        registry, again.image, THEN)


class Between(socketserver.ThreadingUnixStreamServer):
    """A registry's socket with somebody in between who changes answers."""

    daemon_threads = True

    def __init__(self, path, registry):
        self.change = None  # function on the batch

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while True:
                    target = self.rfile.readline().split()
                    while self.rfile.readline() not in (b"\r\n", b""):
                        pass
                    if not target:
                        return
                    self.answer(target[1].decode())

            def answer(self, target):
                connection = UnixConnection(registry.socket)
                connection.request("GET", target)
                answer = connection.getresponse()
                body = json.loads(answer.read())
                connection.close()
                if self.server.change is not None:
                    body = self.server.change(body)
                data = json.dumps(body).encode()
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                                 % len(data) + data)

        super().__init__(str(path), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def changed(batch):
    """A word in a document is another."""
    batch["decisions"][5]["actor"] += "-x"
    return batch


def without_one(batch):
    """A decision was left out."""
    del batch["decisions"][5]
    return batch


def swapped(batch):
    """Two decisions changed places."""
    d = batch["decisions"]
    d[5], d[6] = d[6], d[5]
    return batch


def skipped(batch):
    """The beginning is missing."""
    batch["decisions"] = batch["decisions"][1:]
    batch["from"] += 1
    return batch


def shortened(batch):
    """Part of it under a proof of all."""
    batch["decisions"] = batch["decisions"][:5]
    return batch


def other_head(batch):
    """The head's size is another; its signature is not."""
    lines = batch["checkpoint"].split("\n")
    lines[1] = str(int(lines[1]) + 1)
    batch["checkpoint"] = "\n".join(lines)
    return batch


def more(batch):
    """A member that no batch has."""
    return dict(batch, hint=1)


def test_what_was_not_signed_so_is_not_taken(scene, tmp_path):
    registry, _ = scene
    between = Between(tmp_path / "s", registry)
    changes = [(changed, "not those that were signed"),
               (skipped, "follows decision 1"),
               (other_head, "not signed by this log's key")]
    if LONG:
        changes += [(without_one, "not those that were signed"),
                    (swapped, "not those that were signed"),
                    (shortened, "not those that were signed"),
                    (more, "not a batch")]
    for change, word in changes:
        between.change = change
        node = Node(tmp_path / change.__name__, registry, socket=str(tmp_path / "s"))
        wait_for(f"a refusal of {change.__name__}",
                 lambda n=node, w=word: w in n.status().get("why", ""))
        assert node.status()["last"] == 0
        assert "follow.refuses" in node.said.read_text()
        between.change = None
        node.holds(last(registry))  # the true ones are taken
        node.stop()

    # an old batch again, to a node that has more
    old = {}

    def keep(batch):
        old.setdefault("batch", json.dumps(batch))
        return batch

    between.change = keep
    node = Node(tmp_path / "replay", registry, "--stale-after", "8",
                socket=str(tmp_path / "s"))
    node.holds(last(registry))
    between.change = lambda batch: json.loads(old["batch"])
    wait_for("a refusal of the old batch",
             lambda: "follows decision 0" in node.status()["why"])
    assert node.status()["last"] == last(registry)
    node.stop()
    between.shutdown()
    between.server_close()


def test_a_copy_that_hears_nothing_refuses_everything(scene, tmp_path):
    registry, _ = scene
    node = Node(tmp_path / "n", registry, "--stale-after", "4")
    node.holds(last(registry))
    wait_for("a valid copy",
             lambda: node.status()["valid_until_ms"] > time.time() * 1000)
    node.stop()  # nobody renews
    until = json.loads((node.log / "status").read_text())["valid_until_ms"]
    fresh = matrix(registry, node.image, until - 1)
    stale = matrix(registry, node.image, until)
    assert "policy-stale" not in reasons(fresh)
    assert not stale[0] and reasons(stale) == {"policy-stale"}
    assert matrix(registry, node.image, THEN)[0]  # the rows are there
    # it is renewed when it hears again
    again = Node(tmp_path / "n", registry, "--stale-after", "4")
    wait_for("a renewed copy",
             lambda: again.status().get("valid_until_ms", 0) > until)
    assert "policy-stale" not in reasons(matrix(registry, again.image, until))
    again.stop()


def test_a_new_copy_refuses_until_it_has_heard_all(scene, tmp_path):
    registry, _ = scene
    node = Node(tmp_path / "n", registry, socket=str(tmp_path / "nobody"))
    wait_for("its first words", lambda: node.status().get("why", ""))
    assert node.status()["valid_until_ms"] == 1
    node.stop()
