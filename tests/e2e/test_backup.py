"""R-103: the registry is lost and comes back, to the last decision."""

import json
import os
import shutil
import subprocess
import tempfile

import pytest

import with_postgres
from certificates import (AGENCY, approval, ask_for, certify, crl, issued,
                          make_csr, must, ocsp, populate, register_authority)
from harness import wait_for
from registryd import BUILD, Registry
from test_registry_catalogue import FIRST, Catalogue, all_systems, register

THEN = 1641025800000  # 1400-10-11, noon in Tehran


def backup(registry, folder):
    """(last, new) of one run."""
    done = subprocess.run(
        [BUILD / "cli/payvand", "backup", folder, "--registry",
         registry.socket, "--json"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    got = json.loads(done.stdout)
    return got["last"], got["new"]


def restore(store, folder, saved, vkey):
    """Into new directories; the finished process."""
    for name in ("image", "log"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [BUILD / "registryd/payvand-registryd", "--restore", saved,
         "--log-key", vkey, "--store", store, "--image", folder / "image",
         "--log", folder / "log", "--node", "nix", "--loopback"],
        capture_output=True, text=True, check=False)


def all_signed(registry):
    """The status, once the head covers all."""
    def covered():
        status = registry.get("status")
        return status if status["log"]["signed"] == status["last"] else None
    return wait_for("a head over all decisions", covered)


@pytest.fixture(scope="module", name="lost")
def lost_registry(tmp_path_factory):
    """What a registry that is gone now had said, and its backup."""
    folder = tmp_path_factory.mktemp("backup")
    saved = folder / "saved"
    saved.mkdir()
    registry = Registry(folder)
    registry.enact("--until", FIRST)
    register(registry, all_systems(Catalogue()))
    first = all_signed(registry)["last"]
    assert backup(registry, saved) == (first, first)
    registry.enact()
    status = all_signed(registry)
    assert backup(registry, saved) == (status["last"], status["last"] - first)
    assert backup(registry, saved) == (status["last"], 0)
    matrix = registry.matrix(THEN)[THEN]
    registry.stop()
    for name in ("image", "log"):
        shutil.rmtree(folder / name)
    (folder / "registry.db").unlink()
    yield registry, saved, status, matrix


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_lost_registry_comes_back_to_its_last_decision(lost, tmp_path,
                                                         backend):
    old, saved, status, matrix = lost
    server = None
    store = f"sqlite:{tmp_path / 'registry.db'}"
    with tempfile.TemporaryDirectory(prefix="pv-backup-") as folder:
        if backend == "postgresql":
            if with_postgres.find("initdb") is None:
                pytest.skip("no PostgreSQL here")
            os.chmod(folder, 0o755)
            os.mkdir(f"{folder}/pg")
            server = with_postgres.Postgres(f"{folder}/pg")
            store = server.store
        try:
            done = restore(store, tmp_path, saved, old.vkey)
            assert done.returncode == 0, done.stderr
            assert f"decision {status['last']}" in done.stdout
            # the key's directory was kept elsewhere, with what it signed
            shutil.copytree(old.signer, tmp_path / "signer")
            registry = Registry(tmp_path, store)
            assert all_signed(registry) == status
            assert registry.matrix(THEN)[THEN] == matrix
            registry.stop()
        finally:
            if server is not None:
                server.stop("immediate")


def test_a_backup_that_was_changed_or_cut_is_not_restored(lost, tmp_path):
    old, saved, _, _ = lost
    files = sorted(saved.iterdir())
    assert len(files) >= 2
    for name, word in (("changed", "not those that were signed"),
                       ("cut", "files are missing"),
                       ("key", "not signed by this log's key")):
        copy = tmp_path / name
        shutil.copytree(saved, copy)
        vkey = old.vkey
        if name == "changed":
            path = copy / files[0].name
            path.write_text(path.read_text().replace("secretariat/", "other/"))
        elif name == "cut":
            (copy / files[1].name).unlink()
        else:
            other = tmp_path / "signer"
            other.mkdir(mode=0o700)
            vkey = subprocess.run(
                [BUILD / "registryd/payvand-registryd", "--init-key",
                 "--origin", old.origin, "--signer", other], check=True,
                capture_output=True, text=True).stdout.strip()
        done = restore(f"sqlite:{tmp_path / name}.db", tmp_path / (name + ".d"),
                       copy, vkey)
        assert done.returncode == 1 and word in done.stderr, done.stderr


def test_an_older_copy_is_not_signed_over(lost, tmp_path):
    old, saved, _, _ = lost
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in sorted(saved.iterdir())[:2]:  # those of the first run
        shutil.copy(file, copy)
    done = restore(f"sqlite:{tmp_path / 'registry.db'}", tmp_path, copy,
                   old.vkey)
    assert done.returncode == 0, done.stderr
    shutil.copytree(old.signer, tmp_path / "signer")
    with pytest.raises(AssertionError) as said:
        Registry(tmp_path)
    assert "rolled back" in str(said.value)


CA = "demo-authority"


@pytest.fixture(scope="module", name="issuing")
def lost_authority(tmp_path_factory):
    """A registry with an authority: three certificates, one of them revoked;
    and a copy of the authority's folder that knows the first alone."""
    folder = tmp_path_factory.mktemp("issuing")
    saved = folder / "saved"
    saved.mkdir()
    registry = Registry(folder, authorities=[CA])
    populate(registry, "system-1", "system-2", "system-3", "system-4")
    register_authority(registry, CA)
    made = [certify(registry, folder, "r-1", "system-1", CA)]
    early = folder / "early"
    shutil.copytree(folder / f"authority-{CA}", early)
    all_signed(registry)
    (folder / "saved-early").mkdir()
    backup(registry, folder / "saved-early")
    shutil.copytree(registry.signer, folder / "signer-early")
    made.append(certify(registry, folder, "r-2", "system-2", CA))
    made.append(certify(registry, folder, "r-4", "system-4", CA))
    must(registry, "operator", "certificate", made[1][2], "revoke",
         {"agency": "agency-a"})
    root = str(folder / f"{CA}.pem")
    wait_for("the revocation", lambda: "revoked" in ocsp(
        registry, root, made[1][1], folder))
    status = all_signed(registry)
    assert backup(registry, saved)[0] == status["last"]
    registry.stop()
    for name in ("image", "log"):
        shutil.rmtree(folder / name)
    (folder / "registry.db").unlink()
    yield registry, saved, status, made, root, early


@pytest.mark.parametrize("copy", ["of the last moment", "older"])
def test_what_an_authority_issued_comes_back(issuing, tmp_path, copy):
    """Its decisions are restored without its key; with the key's folder it
    goes on, and an older copy of that is told what it does not know."""
    old, saved, status, made, root, early = issuing
    done = restore(f"sqlite:{tmp_path / 'registry.db'}", tmp_path, saved,
                   old.vkey)
    assert done.returncode == 0, done.stderr
    shutil.copytree(old.signer, tmp_path / "signer")
    registry = Registry(tmp_path)  # as yet without the authority
    try:
        assert all_signed(registry) == status
        for name, system, state in ((made[0][2], "system-1", "valid"),
                                    (made[1][2], "system-2", "revoked")):
            record = registry.get(f"certificate/{name}")
            assert record["state"] == state
            assert record["body"]["system"] == system
        registry.stop()
        shutil.copytree(early if copy == "older" else
                        old.folder / f"authority-{CA}",
                        tmp_path / f"authority-{CA}")
        registry.options += ["--authority", tmp_path / f"authority-{CA}"]
        registry.start()
        wait_for("what was revoked is told", lambda: "revoked" in ocsp(
            registry, root, made[1][1], tmp_path))
        serial = made[1][2].split("/")[1]
        assert serial.upper() in crl(registry, CA, tmp_path / "l.pem")
        for number in (0, 2):
            wait_for("what was issued is told", lambda n=number: "good" in ocsp(
                registry, root, made[n][1], tmp_path))
        known = tmp_path / f"authority-{CA}/issued"
        assert len(list(known.iterdir())) == 3
        forgot = "registry.authority_forgot" in registry.log.read_text()
        assert forgot == (copy == "older")
        _, path, name = certify(registry, tmp_path, "r-3", "system-3", CA)
        assert "good" in ocsp(registry, root, path, tmp_path)
        assert name not in [record for _, _, record in made]
        registry.stop()
    finally:
        registry.kill()


def test_an_older_authority_is_told_of_each_certificate_of_a_known_key(
        tmp_path):
    """One decision revoked them together: none may hide another."""
    registry = Registry(tmp_path, authorities=[CA])
    try:
        populate(registry, "system-1")
        register_authority(registry, CA)
        held = tmp_path / f"authority-{CA}"
        shutil.copytree(held, tmp_path / "early")
        _, csr, digest = make_csr(tmp_path, "key")
        names, paths = [], []
        for request in ("r-1", "r-2", "r-3"):
            ask_for(registry, request, "system-1", CA, csr)
            must(registry, "secretariat", "certificate-request", request,
                 "approve", approval("system-1", CA, digest))
            name, pem = issued(registry, request)
            paths.append(tmp_path / f"{request}.pem")
            paths[-1].write_text(pem)
            names.append(name)
        must(registry, "technical", "certificate", names[0], "revoke",
             {"agency": AGENCY, "reason_code": "key-compromise"})
        registry.stop()
        shutil.rmtree(held)
        shutil.move(tmp_path / "early", held)
        registry.start()
        for name, path in zip(names, paths):
            wait_for("each to be told", lambda p=path: "revoked" in ocsp(
                registry, str(tmp_path / f"{CA}.pem"), str(p), tmp_path))
            assert name.split("/")[1].upper() in crl(
                registry, CA, tmp_path / "l.pem")
        assert len(list((held / "issued").iterdir())) == 3
        registry.stop()
    finally:
        registry.kill()


def test_another_past_of_an_authority_is_seen_by_its_serials(issuing,
                                                             tmp_path):
    """As many certificates as the registry knows, but two of them others."""
    old, saved, _, made, root, early = issuing
    other = tmp_path / "other"
    other.mkdir()
    for folder, copy, signer in (
            (other, "saved-early", "signer-early"), (tmp_path, None, None)):
        done = restore(f"sqlite:{folder / 'registry.db'}", folder,
                       old.folder / copy if copy else saved, old.vkey)
        assert done.returncode == 0, done.stderr
        shutil.copytree(old.folder / signer if signer else old.signer,
                        folder / "signer")
    held = tmp_path / f"authority-{CA}"
    shutil.copytree(early, held)
    for folder, lives in ((other, True), (tmp_path, False)):
        registry = Registry(folder)
        try:
            registry.stop()
            registry.options += ["--authority", held]
            registry.start()
            if lives:
                certify(registry, folder, "r-6", "system-2", CA)
                certify(registry, folder, "r-7", "system-4", CA)
            else:
                wait_for("it to be told", lambda r=registry: "good" in ocsp(
                    r, root, made[2][1], tmp_path))
                wait_for("the others to be missed", lambda r=registry: r.get(
                    "status")["authority_ahead"] == 2)
                assert "registry.authority_forgot authority" in \
                    registry.log.read_text()
                assert len(list((held / "issued").iterdir())) == 5
            registry.stop()
        finally:
            registry.kill()


def test_an_older_registry_refuses_what_its_authority_issued_since(issuing,
                                                                   tmp_path):
    """It is told, and what is revoked is told no more."""
    old, _, _, made, root, _ = issuing
    done = restore(f"sqlite:{tmp_path / 'registry.db'}", tmp_path,
                   old.folder / "saved-early", old.vkey)
    assert done.returncode == 0, done.stderr
    shutil.copytree(old.folder / "signer-early", tmp_path / "signer")
    registry = Registry(tmp_path)
    try:
        registry.stop()
        shutil.copytree(old.folder / f"authority-{CA}",
                        tmp_path / f"authority-{CA}")
        registry.options += ["--authority", tmp_path / f"authority-{CA}"]
        registry.start()
        wait_for("both to be missed",
                 lambda: registry.get("status")["authority_ahead"] == 2)
        said = registry.payvand("doctor", "--json").stdout.decode()
        assert "registry.authority_ahead" in said, said
        for system, known in (("system-1", True), ("system-2", False),
                              ("system-4", False)):
            body = registry.get(f"system/{system}")["body"]
            assert ("spki_sha256" in body) == known, system
        for one in made[1:]:
            must(registry, "operator", "certificate", one[2], "revoke",
                 {"agency": "agency-a"})
            wait_for("it to be told", lambda path=one[1]: "revoked" in ocsp(
                registry, root, path, tmp_path))
        registry.stop()
        registry.start()
        certify(registry, tmp_path, "r-5", "system-2", CA)
        assert registry.get("status")["authority_ahead"] == 0
        registry.stop()
    finally:
        registry.kill()
