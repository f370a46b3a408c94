"""The tour's part about a certificate: asked for, approved, issued, used,
revoked. OCSP and the list of revoked ones are asked and checked by openssl.
"""
import hashlib
import json
import os
import subprocess
import time
from pathlib import Path

AGENCY = "mashhad-municipality"
SYSTEM = "tour-visitor"  # deploy.py names it
METHOD = "identity-match/verify"
WORKING_GROUP = "interoperability-working-group"
DAYS = 30
WAIT_SECONDS = 20

# step, in both languages
STEPS = {
    "request": ("its technical contact asks for a certificate",
                "رابط فنی درخواست گواهی می‌دهد"),
    "approve": ("the secretariat approves, and names the key again",
                "دبیرخانه با ذکر دوباره کلید تأیید می‌کند"),
    "issued": ("the embedded authority issues", "مرجع درونی صادر می‌کند"),
    "first": ("a call with it", "فراخوانی با آن"),
    "good": ("openssl ocsp", "openssl ocsp"),
    "revoke": ("its technical contact: others know the key",
               "رابط فنی: کلید لو رفته است"),
    "next": ("the next call with it", "فراخوانی بعدی با آن"),
    "known": ("openssl ocsp", "openssl ocsp"),
    "listed": ("openssl verify -crl_check", "openssl verify -crl_check"),
}


class Life:
    """One certificate, from its request to its end."""

    def __init__(self, tour):
        self.tour = tour
        self.env = {**os.environ, **tour.env}
        self.stem = tour.run / "pki/extra/visitor"
        self.authority = tour.run / "registry/authority/ca.crt"
        self.rows = []

    def run(self, *command):
        """(code, words) of a command."""
        done = subprocess.run(command, capture_output=True, text=True,
                              check=False, env=self.env,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    def payvand(self, *words):
        return self.run(str(self.tour.root / "build/cli/payvand"), *words)

    def show(self, kind, record):
        """A record of the registry."""
        return json.loads(self.payvand(kind, "show", record, "--json")[1])

    def row(self, step, said, good):
        self.rows.append([STEPS[step][self.tour.language], said,
                          self.tour.expected(good)])

    def decided(self, step, kind, record, event, *words):
        """A decision by the command line."""
        code, said = self.payvand(kind, event, record, *words)
        self.row(step, said.strip(), code == 0)

    def ask(self):
        """The key, the request, the approval; the certificate's record."""
        self.run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-noenc", "-keyout",
                 f"{self.stem}.key", "-subj", f"/CN={SYSTEM}", "-out",
                 f"{self.stem}.csr")
        csr = Path(f"{self.stem}.csr").read_text("ascii")
        key = subprocess.run(
            ["openssl", "pkey", "-in", f"{self.stem}.key", "-pubout",
             "-outform", "DER"], check=True, capture_output=True).stdout
        digest = hashlib.sha256(key).hexdigest()
        record = f"tour-{digest[:12]}"
        both = [f"agency={AGENCY}", f"system={SYSTEM}",
                "authority=" + self.tour.env["PAYVAND_AUTHORITY"]]
        self.decided("request", "certificate-request", record, "request",
                     *both, f"csr={csr}", "--as", f"technical/{AGENCY}")
        self.decided("approve", "certificate-request", record, "approve",
                     *both, f"spki_sha256={digest}", f"days={DAYS}", "--as",
                     f"secretariat/{WORKING_GROUP}")
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            found = self.show("certificate-request", record)
            if found.get("state") == "issued":
                return found["body"]["certificate"]
            time.sleep(0.1)
        return None

    def call(self, step, outcome, reason=""):
        got = self.tour.call(METHOD, "/visitor")
        said = f"{got['outcome']}: {got['reason']}".strip(": ")
        self.row(step, said,
                 (got["outcome"], got["reason"]) == (outcome, reason))

    def ocsp(self, step, word):
        """What the authority says of it to everybody who asks."""
        _, said = self.run(
            "openssl", "ocsp", "-issuer", str(self.authority), "-CAfile",
            str(self.authority), "-cert", f"{self.stem}.crt", "-url",
            self.tour.env["PAYVAND_API_URL"] + "/pki/ocsp")
        state = [line.split(": ")[1] for line in said.splitlines()
                 if line.startswith(f"{self.stem}.crt: ")]
        self.row(step, (state or [said.strip()[-60:]])[0],
                 state == [word] and "Response verify OK" in said)

    def listed(self):
        """Is it in the list of revoked ones?"""
        path = self.tour.run / "pki/extra/list"
        name = self.tour.env["PAYVAND_AUTHORITY"]
        self.run("curl", "--silent", "--cacert", self.tour.env["PAYVAND_CA"],
                 "--output", f"{path}.der",
                 f"{self.tour.env['PAYVAND_API_URL']}/pki/crl/{name}")
        self.run("openssl", "crl", "-inform", "DER", "-in", f"{path}.der",
                 "-out", f"{path}.pem")
        _, said = self.run("openssl", "verify", "-CAfile",
                           str(self.authority), "-crl_check", "-CRLfile",
                           f"{path}.pem", f"{self.stem}.crt")
        self.row("listed", [line.split(": ")[-1] for line in said.splitlines()
                            if "lookup" in line or "OK" in line][0],
                 "certificate revoked" in said)

    def live(self):
        """All steps; the rows."""
        record = self.ask()
        if record is None:
            self.row("issued", "-", False)
            return self.rows
        Path(f"{self.stem}.crt").write_text(
            self.show("certificate", record)["body"]["certificate"], "ascii")
        self.row("issued", record.split("/")[1], True)
        self.call("first", "answered")
        self.ocsp("good", "good")
        self.decided("revoke", "certificate", record, "revoke",
                     f"agency={AGENCY}", "reason_code=key-compromise", "--as",
                     f"technical/{AGENCY}")
        self.call("next", "refused", "certificate-revoked")
        self.ocsp("known", "revoked")
        self.listed()
        return self.rows
