"""payvand import: the catalogue, its probes and a deployment as decisions."""

import hashlib
import json
import os
import shutil
import time

import pytest

from registryd import BUILD, CATALOGUE, Registry

BANK = "cooperative-development-bank-main"
CONNECTOR = "central-bank-connector"
IBAN = "national-id-iban-match/v1"

pytestmark = pytest.mark.skipif(
    not (BUILD / "registryd/payvand-registryd").exists(),
    reason="registryd is not built")


def digest(text):
    """64 hex digits that are nobody's key."""
    return hashlib.sha256(text.encode()).hexdigest()


def deployment(port=9501, key="a key"):
    """One caller, one connector, one revocation."""
    return {
        "systems": [
            {"system": BANK, "spki_sha256": digest(key),
             "networks": ["127.0.0.0/8"]},
            {"system": CONNECTOR, "spki_sha256": digest("connector"),
             "networks": ["127.0.0.0/8"]}],
        "endpoints": [
            {"system": CONNECTOR, "address": "127.0.0.1", "port": port,
             "tls_name": "central-bank-connector.payvand.test",
             "spki_sha256": digest("connector")}],
        "revoked": [{"issuer_sha256": digest("issuer"), "serial": "0a"}]}


class Importer:
    """A registry with the catalogue, and imports of deployments into it."""

    def __init__(self, folder):
        self.folder = folder
        self.registry = Registry(folder)
        self.first = self.registry.enact("--probes")

    def send(self, content):
        """(exit code, the result, what was said) of one deployment."""
        path = self.folder / "deployment.json"
        path.write_text(json.dumps(content))
        done = self.registry.payvand("import", "--deployment", path, "--json",
                                     "--catalogue", CATALOGUE, "--probes")
        return (done.returncode,
                json.loads(done.stdout) if done.stdout else None,
                done.stderr.decode())

    def record(self, kind, name):
        """One record."""
        return self.registry.get(f"{kind}/{name}")


@pytest.fixture(name="importer", scope="module")
def fixture_importer(tmp_path_factory):
    """The same for all tests here."""
    made = Importer(tmp_path_factory.mktemp("i"))
    yield made
    made.registry.stop()


def test_it_says_what_the_registry_holds(importer):
    kinds = importer.first["kinds"]
    assert kinds["agency"] == {"registered": 139}
    assert sum(kinds["service"].values()) == 96
    assert kinds["meeting"] == {"closed": 7}
    assert importer.first["proposed"] > 500
    assert importer.first["ok"] and importer.first["repeated"] == 0


def test_probes_have_whole_histories(importer):
    """R-112, R-116, R-131: no state without the steps before it."""
    def events(kind, name):
        found = importer.registry.get(f"history/{kind}/{name}")["history"]
        return [one["state"] for one in found]

    assert events("grant", "probe-suspended") == [
        "decided", "notified", "provider-ready", "both-ready", "live",
        "suspended"]
    assert events("grant", "probe-provider-not-ready")[-1] == "consumer-ready"
    assert events("grant", "probe-no-passport")[-1] == "both-ready"
    assert events("mode", "probe-mode-all") == [
        "proposed", "decided", "in-force"]
    assert events("mode", "probe-mode-unresolved") == ["proposed"]
    request = importer.record("request", "probe-ended")
    assert request["state"] == "granted"
    assert request["body"]["grant"] == "probe-ended"
    for probe in json.loads(
            (CATALOGUE / "enactment.json").read_text("utf-8"))["probes"]:
        if probe["kind"] in ("grant", "mode", "suspension"):
            body = importer.record(probe["kind"], probe["id"])["body"]
            assert body["basis"] == "proposed", probe["id"]


def test_a_deployment_is_decisions_of_today_and_only_once(importer):
    before = importer.registry.get("status")["last"]
    code, said, words = importer.send(deployment())
    assert code == 0, words
    assert said["last"] > before
    system = importer.record("system", BANK)
    assert system["body"]["spki_sha256"] == digest("a key")
    assert importer.record("system", CONNECTOR)["body"]["endpoint"][
        "port"] == 9501
    assert importer.record("version", IBAN)["body"]["settings"] == {
        "deadline_ms": 3500}  # the contract's, and the margin
    assert importer.record(
        "certificate", f"{digest('issuer')}/0a")["state"] == "revoked"
    decision = importer.registry.get(
        f"decisions?after={system['decision'] - 1}&count=1")["decisions"][0]
    assert decision["role"] == "technical"
    assert decision["event"] == "key"

    again = importer.send(deployment())[1]
    assert again["last"] == said["last"]  # nothing new
    moved = importer.send(deployment(port=9502))[1]
    assert moved["last"] == said["last"] + 1  # the connector, and no other
    assert importer.record("system", CONNECTOR)["body"]["endpoint"][
        "port"] == 9502
    back = importer.send(deployment())[1]
    assert back["last"] == said["last"] + 2  # an earlier state is new again
    status = importer.registry.get("status")
    assert status["image"] == status["last"]


def wrong_key(content):
    content["systems"][0]["spki_sha256"] = "xyz"
    return "spki_sha256"


def shared_key(content):
    content["systems"][0]["spki_sha256"] = digest("connector")
    return "R-032"


def wrong_network(content):
    content["systems"][0]["networks"] = ["10.0.0.0/33"]
    return "networks"


def unknown_system(content):
    content["systems"][0]["system"] = "nobody"
    return 'no system "nobody"'


def unknown_version(content):
    content["versions"] = [{"version": "nothing/v1", "settings": {}}]
    return 'no version "nothing/v1"'


def wrong_settings(content):
    content["versions"] = [{"version": IBAN,
                            "settings": {"deadline": 1000}}]
    return "settings"


def outside_its_networks(content):
    content["endpoints"][0]["address"] = "10.0.0.1"
    return "endpoint"


def special_address(content):
    content["systems"][1]["networks"] = ["0.0.0.0/0"]
    content["endpoints"][0]["address"] = "169.254.169.254"
    return "endpoint"


def endpoint_of_an_application(content):
    content["endpoints"].append(dict(content["endpoints"][0], system=BANK))
    return "R-001"


def unknown_member(content):
    content["endpoint"] = []
    return 'unknown member "endpoint"'


def wrong_serial(content):
    content["revoked"][0]["serial"] = "a"
    return "R-106"


@pytest.mark.parametrize("spoil", [
    wrong_key, shared_key, wrong_network, unknown_system, unknown_version,
    wrong_settings, outside_its_networks, special_address,
    endpoint_of_an_application, unknown_member, wrong_serial])
def test_a_deployment_that_does_not_hold_together_is_refused(importer, spoil):
    """As a whole: nothing of it is decided."""
    content = deployment(key="another key")
    word = spoil(content)
    before = importer.registry.get("status")["last"]
    code, _, words = importer.send(content)
    assert code == 1 and word in words, (word, words)
    assert importer.registry.get("status")["last"] == before


def test_loopback_is_refused_without_the_switch(tmp_path):
    """The demo's endpoints are for the demo."""
    registry = Registry(tmp_path, loopback=False)
    registry.enact("--until", "1393-06-11")
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(deployment()))
    done = registry.payvand("import", "--deployment", path)
    assert done.returncode == 1 and b"endpoint" in done.stderr, done.stderr
    registry.stop()


# ---- a catalogue that does not hold together ----


def dedicated_to_another(parts):
    """R-122."""
    parts["enactment"]["grant_bindings"]["g-m24-r2-03"] = {
        "system": "household-base", "basis": "proposed"}
    return "g-m24-r2-03: "


def terms_without_an_end(parts):
    """A forgotten member must not read as for ever."""
    next(t for t in parts["enactment"]["grant_terms"]
         if t["grant"] == "g-m24-r2-03").pop("end")
    return "g-m24-r2-03: its terms need start, end and quota"


def not_the_same_day(parts):
    """Both calendars name one day."""
    terms = next(t for t in parts["enactment"]["grant_terms"]
                 if t["grant"] == "g-m24-r1-01")
    terms["start"] = {"jalali": "1400-06-02", "gregorian": "2021-08-25"}
    return "enactment.json: g-m24-r1-01: 1400-06-02 is not the same day"


def live_before_ready(parts):
    """R-112: no step skipped, and the days do not step back."""
    row = next(r for live in parts["enactment"]["go_live"]
               for r in live["grants"] if r.get("live"))
    row["consumer_ready"] = {"jalali": "1405-08-30", "gregorian": "2026-11-21"}
    return f"grant {row['grant']} go-live"


def group_with_a_system(parts):
    """R-011."""
    parts["enactment"]["systems"].append({
        "id": "x-main", "agency": "municipalities", "kind": "application",
        "name_fa": "سامانه", "basis": "proposed"})
    return "R-011"


def typo_in_a_quota(parts):
    """A limit that is misspelt is no limit."""
    next(t for t in parts["enactment"]["grant_terms"]
         if t["grant"] == "g-m24-r1-01")["quota"] = {"rate_per_sec": 1}
    return "quota"


def typo_in_a_consent(parts):
    """A consent that is no object and no flag."""
    next(t for t in parts["enactment"]["grant_terms"]
         if t["grant"] == "g-m24-r1-01")["consent"] = "yes"
    return "consent"


def spoilt(tmp_path, spoil):
    """(folder, word of the refusal) of a catalogue with one thing wrong."""
    home = tmp_path / "catalogue"
    shutil.copytree(CATALOGUE, home, ignore=shutil.ignore_patterns("country"))
    parts = {"enactment": json.loads(
        (home / "enactment.json").read_text("utf-8"))}
    word = spoil(parts)
    (home / "enactment.json").write_text(
        json.dumps(parts["enactment"], ensure_ascii=False), "utf-8")
    return home, word


@pytest.mark.parametrize("spoil", [terms_without_an_end, not_the_same_day])
def test_a_catalogue_that_cannot_be_read_is_never_sent(importer, tmp_path,
                                                       spoil):
    """With the file or the row, and the reason."""
    home, word = spoilt(tmp_path, spoil)
    before = importer.registry.get("status")["last"]
    done = importer.registry.payvand("import", "--catalogue", home)
    assert done.returncode == 1
    assert word in done.stderr.decode(), done.stderr.decode()
    assert importer.registry.get("status")["last"] == before


@pytest.mark.parametrize("spoil", [
    dedicated_to_another, live_before_ready, group_with_a_system,
    typo_in_a_quota, typo_in_a_consent])
def test_a_catalogue_that_breaks_a_rule_is_refused(tmp_path, spoil):
    """With the record, the rule and the reason; nothing behind it is decided."""
    home, word = spoilt(tmp_path, spoil)
    registry = Registry(tmp_path)
    done = registry.payvand("import", "--catalogue", home)
    assert done.returncode == 1
    assert word in done.stderr.decode(), done.stderr.decode()
    registry.stop()


def test_history_is_not_written_again(importer, tmp_path):
    """A catalogue that says something else now is refused, not passed over."""
    home = tmp_path / "catalogue"
    shutil.copytree(CATALOGUE, home, ignore=shutil.ignore_patterns("country"))
    agencies = json.loads((home / "agencies.json").read_text("utf-8"))
    agencies[0]["name_fa"] = "نامی دیگر"
    (home / "agencies.json").write_text(
        json.dumps(agencies, ensure_ascii=False), "utf-8")
    before = importer.registry.get("status")["last"]
    done = importer.registry.payvand("import", "--catalogue", home)
    assert done.returncode == 1
    assert "was used for another decision" in done.stderr.decode()
    assert importer.registry.get("status")["last"] == before


def test_a_registry_that_is_not_there_is_said(tmp_path):
    """In words, with the socket."""
    registry = Registry(tmp_path)
    registry.stop()
    done = registry.payvand("import", "--catalogue", CATALOGUE)
    assert done.returncode == 1
    assert registry.socket in done.stderr.decode()


def test_the_image_is_made_anew_from_decisions(tmp_path):
    """Thrown away, it comes back as it was."""
    registry = Registry(tmp_path)
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(deployment()))
    registry.enact("--probes", "--deployment", path)
    now = int(time.time() * 1000)
    before = registry.matrix(now)[now]
    registry.stop()
    for name in os.listdir(registry.image):
        os.unlink(registry.image / name)
    registry.start()
    assert registry.matrix(now)[now] == before
    assert before[2] > 90 and before[0]
    registry.stop()


def test_doctor_says_whether_the_registry_answers(importer):
    """And that the image has followed it."""
    def finding(socket):
        done = importer.registry.payvand("doctor", "--registry", socket,
                                         "--json")
        return [one for one in json.loads(done.stdout)["findings"]
                if one["id"].startswith("registry")][0]

    assert finding(importer.registry.socket)["level"] == "ok"
    quiet = finding(importer.registry.socket + ".none")
    assert quiet["id"] == "registry.quiet" and quiet["level"] != "ok"
    assert quiet["mend_fa"]
