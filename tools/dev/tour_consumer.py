"""The tour's part about an application: curl to the agency's own consumer face
and nothing else, what the face kept of the call, and what that proves.
"""
import json
import os
import subprocess
import tempfile
from pathlib import Path

METHOD = "identity-match/verify"
PROVIDER = "civil-registration-organisation"  # deploy.py's FACE asks it

# step, in both languages
STEPS = {
    "curl": ("curl --unix-socket ... --json ...: signed, sent, checked",
             "curl --unix-socket ... --json ...: امضا، فرستاده و وارسی شد"),
    "kept": ("payvand evidence show: what the face kept",
             "payvand evidence show: آنچه نگه داشته شد"),
    "answer": ("payvand prove --provider-key: the provider answered this call",
               "payvand prove --provider-key: ارائه‌دهنده به همین پاسخ داد"),
    "log": ("payvand prove --receipt: and it stands in the log",
            "payvand prove --receipt: و در دفتر ثبت شده است"),
    "verify": ("payvand verify: the receipt by itself",
               "payvand verify: رسید به تنهایی"),
    "other": ("payvand prove with another request: no",
              "payvand prove با درخواستی دیگر: نه"),
}


class Call:
    """One call, and its proof."""

    def __init__(self, tour):
        self.tour = tour
        self.env = {**os.environ, **tour.env}
        self.key = f"{self.env['PAYVAND_PROVIDER_KEYS']}/{PROVIDER}.pem"
        self.log = ["--log-key", self.env["PAYVAND_LOG_KEY"]]
        self.rows = []

    def run(self, *command):
        """(code, words) of a command."""
        done = subprocess.run(command, capture_output=True, text=True,
                              check=False, env=self.env,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout or done.stderr

    def payvand(self, *words):
        return self.run(str(self.tour.root / "build/cli/payvand"), *words)

    def row(self, step, said, good):
        self.rows.append([STEPS[step][self.tour.language], said,
                          self.tour.expected(good)])

    def proved(self, step, *words, expect=0):
        """A proof, told by its exit code and what it says as JSON."""
        code, said = self.payvand(*words, "--json")
        try:
            told = json.loads(said)
        except ValueError:
            told = {}
        words = ", ".join(name for name in ("proven", "answer_signed",
                                            "in_log", "good")
                          if told.get(name) is True)
        self.row(step, words or ("not proven" if code == 3 else
                                 said.strip()[:60]), code == expect)

    def ask(self, body):
        """The tracking id of a call by curl."""
        code, said = self.run(
            "curl", "-sS", "--max-time", "30", "--unix-socket",
            self.env["PAYVAND_CONSUMER_SOCKET"], "--json", body, "-w",
            "\n%header{payvand-outcome} %header{payvand-tracking-id}",
            f"http://consumer{self.tour.paths[METHOD]}")
        answer, _, head = said.rpartition("\n")
        outcome, _, tracking_id = head.partition(" ")
        try:
            result = json.loads(answer).get("result", answer)
        except ValueError:
            result = said.strip()[:60]
        self.row("curl", f"{outcome}: {result}",
                 code == 0 and outcome == "answered" and result == "yes")
        return tracking_id

    def kept(self, tracking_id, path):
        """The evidence, as the file that payvand prove reads."""
        code, said = self.payvand("evidence", "show", tracking_id, "--store",
                                  self.env["PAYVAND_CONSUMER_STORE"])
        path.write_text(said, "utf-8")
        try:
            names = [name for name in ("nonce", "commitment", "signed")
                     if name in json.loads(said)]
        except ValueError:
            names = []
        self.row("kept", ", ".join(names) or said.strip()[:60], code == 0)

    def made(self):
        """The rows of all steps."""
        body = json.dumps(self.tour.sample(METHOD), ensure_ascii=False)
        other = json.dumps(self.tour.sample(METHOD, ("no",)),
                           ensure_ascii=False)
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            (home / "body.json").write_text(body, "utf-8")
            (home / "other.json").write_text(other, "utf-8")
            tracking_id = self.ask(body)
            self.kept(tracking_id, home / "call.json")
            prove = ["prove", str(home / "call.json"), "--content"]
            self.proved("answer", *prove, str(home / "body.json"),
                        "--provider-key", self.key)
            self.payvand("receipt", tracking_id, "-o",
                         str(home / "receipt.json"))
            receipt = str(home / "receipt.json")
            self.proved("log", *prove, str(home / "body.json"), "--receipt",
                        receipt, *self.log)
            self.proved("verify", "verify", receipt, *self.log)
            self.proved("other", *prove, str(home / "other.json"), expect=3)
        return self.rows
