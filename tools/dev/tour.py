#!/usr/bin/python3
"""tour.py ROOT RUN [--lang en|fa]

A walk through the running exchange: real calls by curl, first the services
that answer, then the ways to be refused, then the life of a certificate, then a
call through an agency's consumer face with its evidence, then the trace of one
of them. Each call has an expected end; another end is marked
and makes the exit code 1.
"""
import json
import os
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import tour_certificate
import tour_consumer

WAIT_SECONDS = "10"
RATE_TRIES = 6  # the smallest quota is one call a second

FIC = "financial-information-centre-main"
BANK = "cooperative-development-bank-main"
MASHHAD = "mashhad-municipality-main"
FUND = "building-disaster-insurance-fund-main"
SUSPENDED = "probe-suspended"

# service/method, who asks, purpose where its grant has several
ANSWERED = [
    ("identity-match/verify", MASHHAD, None),
    ("natural-person-inquiry/inquire", "ministry-education-main", None),
    ("national-id-iban-match/verify", BANK, None),
    ("shahkar/verify", "non-government-schools-organisation-main", None),
    ("postal-code/inquire", FIC, None),
    ("address-description/inquire", FIC, None),
    ("country-divisions/inquire", "customs-administration-main", None),
    ("tax-debt/inquire", FIC, None),
    ("legal-person-identity/inquire", BANK, "facility-review"),
    ("property-deed-authenticity/verify", MASHHAD, None),
    ("academic-degree/inquire", "vp-science-technology-main", None),
    ("promissory-note/verify-note", "setad", "tender-guarantee"),
    ("promissory-note/note-parties", "setad", None),
    ("cheque-litigation-status/by-national-id", "central-bank-main", None),
    ("cheque-litigation-status/by-tracking-id", "central-bank-main",
     "cheque-credit-check"),
    ("electricity-connection-address/inquire", FUND, None),
    ("knowledge-based-company-status/verify",
     "social-security-organisation-main", None),
    # live by a synthetic resolution only: import --probe-services
    ("account-holders/inquire", "tax-administration-main", None),
    ("newborn-birth-certificate-list/list",
     "ministry-economic-affairs-finance-main", None),
    ("student-photo/inquire", "civil-registration-organisation-main", None),
    ("payroll-tax-payment-verification/verify",
     "innovation-prosperity-fund-main", None),
    ("first-class-heirs/inquire", "trade-promotion-organisation-main", None),
]

# it asks for the token that the yes before it brought
AFTER_A_YES = "promissory-note/note-parties"

# what it shows in both languages, service/method, certificate, purpose,
# reasons that may be given
REFUSED = [
    ("no grant for this service", "بدون مجوز برای این خدمت",
     "identity-match/verify", "tax-administration-main", None, ["no-grant"]),
    ("a grant that has ended", "مجوز پایان یافته",
     "postal-code/inquire", "zanjan-science-technology-park-main", None,
     ["grant-ended"]),
    ("a grant that is suspended", "مجوز معلق",
     "identity-match/verify", "red-crescent-main", None, ["grant-suspended"]),
    ("the provider is not ready", "ارائه‌دهنده هنوز آماده نیست",
     "shahkar/verify", "central-insurance-main", None,
     ["provider-readiness-missing"]),
    ("granted to another unit of the ministry", "مجوز واحد دیگری از وزارتخانه",
     "national-id-iban-match/verify", "unit-mefa-state-property-main", None,
     ["not-this-unit"]),
    ("a purpose that was not granted", "هدفی که مجوز ندارد",
     "postal-code/inquire", MASHHAD, "recruitment", ["purpose-not-granted"]),
    ("no purpose where there are several", "نبود هدف در مجوز چندهدفه",
     "postal-code/inquire", MASHHAD, None, ["purpose-missing"]),
    ("a method dedicated to another system", "متد ویژه سامانه‌ای دیگر",
     "promissory-note/note-parties", "central-bank-main", None,
     ["dedicated", "not-this-system"]),
    ("excepted from an open service", "مستثنا از خدمت همگانی",
     "address-description/inquire", "tobacco-company-main", None,
     ["not-covered-by-mode"]),
    ("a suspended consumer", "مصرف‌کننده معلق",
     "country-divisions/inquire", "national-library-archives-main", None,
     ["consumer-suspended"]),
    ("an expired certificate", "گواهی منقضی",
     "country-divisions/inquire", "/expired", None,
     ["certificate-expired"]),
    ("a key that nobody registered", "کلید ثبت‌نشده",
     "country-divisions/inquire", "/unregistered", None,
     ["key-unregistered"]),
    ("a self-made certificate", "گواهی خودساخته",
     "country-divisions/inquire", "/self-made", None,
     ["certificate-invalid"]),
    ("no certificate", "بدون گواهی",
     "country-divisions/inquire", None, None, ["certificate-missing"]),
]

WORDS = {
    "answered": ("Answered", "پاسخ داده شد"),
    "refused": ("Refused, and why", "رد شد، و چرا"),
    "steps": ("The suspended right above, decision by decision "
              "(payvand grant history ...):",
              "مجوز معلق بالا، تصمیم به تصمیم (payvand grant history ...):"),
    "service": ("service", "خدمت"),
    "who": ("asked by", "پرسنده"),
    "outcome": ("outcome and reason", "نتیجه و دلیل"),
    "answer": ("answer", "پاسخ"),
    "case": ("case", "مورد"),
    "digit": ("a national id with a wrong check digit",
              "کد ملی با رقم کنترل نادرست"),
    "rate": ("more calls than the quota allows", "بیش از سهمیه مجاز"),
    "life": ("A certificate's life (docs/keys.md)",
             "زندگی یک گواهی (docs/keys.md)"),
    "face": ("Through the agency's own consumer face, with its evidence "
             "(docs/connector.md)",
             "از درگاه مصرف‌کننده خود دستگاه، با مدرک آن (docs/connector.md)"),
    "step": ("step", "گام"),
    "result": ("result", "نتیجه"),
    "said": ("What a caller who is refused is told:",
             "آنچه به فراخواننده ردشده گفته می‌شود:"),
    "trace": ("Its trace (payvand trace ...):", "رد آن (payvand trace ...):"),
    "curl": ("The first of these calls, with nothing but curl:",
             "نخستین فراخوانی، تنها با curl:"),
    "odd": ("not as expected", "خلاف انتظار"),
}


def load(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def width(text):
    """Columns on a terminal: marks and joiners take none."""
    return sum(0 if unicodedata.category(c) in ("Mn", "Cf") else 1
               for c in text)


def pad(text, columns):
    text = str(text)
    return text + " " * max(0, columns - width(text))


def table(heads, rows):
    columns = [max(width(str(row[i])) for row in [heads, *rows])
               for i in range(len(heads))]
    for row in [heads, ["-" * c for c in columns if c], *rows]:
        print("  " + "  ".join(pad(cell, c)
                               for cell, c in zip(row, columns)).rstrip())
    print()


class Tour:
    def __init__(self, root, run, persian):
        self.root, self.run = Path(root), Path(run)
        self.language = 1 if persian else 0
        self.env = dict(self.read_env())
        self.samples = load(self.run / "country/country.json")["samples"]
        self.titles, self.paths, self.short = {}, {}, {}
        for file in sorted((self.root / "catalogue/services").glob("*/*.json")):
            service = load(self.root / "catalogue/contracts" /
                           file.parent.name / file.name)
            for method in service["methods"]:
                name = f"{service['service']}/{method['id']}"
                self.titles[name] = (service["title_fa"].partition(" (")[0]
                                     .removeprefix("سرویس "))
                if len(service["methods"]) == 1:
                    self.short[name] = service["service"]
                else:
                    self.short[name] = f"{service['service']} {method['id']}"
                self.paths[name] = (f"/x/{service['provider']}/"
                                    f"{service['service']}/"
                                    f"{service['version']}/{method['id']}")
        self.odd = 0
        self.shown = None

    def read_env(self):
        for line in (self.run / "env").read_text().splitlines():
            name, mark, value = line.partition("=")
            if mark and name.isidentifier() and value.startswith("'"):
                yield name, value[1:-1]

    def word(self, name):
        return WORDS[name][self.language]

    def certificate(self, who):
        """curl's options to call as a system, or as /one-to-be-refused."""
        if who is None:
            return []
        if who.startswith("/"):
            file = self.run / f"pki/extra{who}"
            return ["--cert", f"{file}.crt", "--key", f"{file}.key"]
        name = who.upper().replace("-", "_")
        return ["--cert", self.env[f"PAYVAND_CERT_{name}"],
                "--key", self.env[f"PAYVAND_KEY_{name}"]]

    def command(self, name, who, purpose, body):
        command = ["curl", "--silent", "--show-error", "--max-time",
                   WAIT_SECONDS, "--cacert", self.env["PAYVAND_CA"],
                   *self.certificate(who),
                   "--header", "Content-Type: application/json"]
        if purpose:
            command += ["--header", f"Payvand-Purpose: {purpose}"]
        return [*command, "--data", json.dumps(body, ensure_ascii=False),
                self.env["PAYVAND_URL"] + self.paths[name]]

    def call(self, name, who, purpose=None, body=None):
        """One call by curl: outcome, reason, tracking id, body, seconds."""
        command = self.command(name, who, purpose,
                               self.sample(name) if body is None else body)
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as heads:
            done = subprocess.run([*command, "--dump-header", heads.name],
                                  capture_output=True, text=True, check=False,
                                  stdin=subprocess.DEVNULL)
            head = {}
            for line in heads.read().splitlines():
                key, _, value = line.partition(":")
                head[key.strip().lower()] = value.strip()
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            answer = {}
        return {"outcome": head.get("payvand-outcome", "no answer"),
                "id": head.get("payvand-tracking-id", "-"),
                "reason": answer.get("reason", done.stderr.strip()[:60]),
                "answer": answer}

    def sample(self, name, expect=("yes", "found")):
        """The country's first input that ends so."""
        for one in self.samples[name]:
            if one.get("expect") in expect:
                return one["input"]
        return self.samples[name][0]["input"]

    def expected(self, good):
        if not good:
            self.odd += 1
        return "" if good else f"<- {self.word('odd')}"

    def brief(self, answer):
        """What was answered, in a word: the items themselves are long."""
        if "result" in answer:
            return answer["result"]
        for name, value in answer.items():
            if isinstance(value, list) and len(value) > 1:
                return f"{len(value)} {name}"
        if answer.get("found") == "no":
            return "not found"
        return f"found, {self.count(answer) - 1} items"

    def count(self, value):
        """How many single values an answer holds."""
        if isinstance(value, dict):
            return sum(self.count(one) for one in value.values())
        if isinstance(value, list):
            return sum(self.count(one) for one in value)
        return 1

    def answered(self):
        calls = [(name, who, purpose, self.sample(name))
                 for name, who, purpose in ANSWERED]
        calls.insert(1, (*ANSWERED[0],
                         self.sample(ANSWERED[0][0], ("no",))))
        rows, token = [], None
        for name, who, purpose, body in calls:
            if name == AFTER_A_YES:
                body = {**body, "order_token": token}
            got = self.call(name, who, purpose, body)
            token = got["answer"].get("order_token", token)
            good = got["outcome"] == "answered"
            answer = (self.brief(got["answer"]) if good
                      else f"{got['outcome']}: {got['reason']}")
            rows.append([self.short[name], who.removesuffix("-main"), answer,
                         self.titles[name], self.expected(good)])
        print(f"\n{self.word('answered')}\n")
        table([self.word("service"), self.word("who"), self.word("answer"),
               "عنوان", ""], rows)

    def wrong_digit(self):
        name = "identity-match/verify"
        body = dict(self.sample(name))
        last = int(body["national_id"][-1])
        body["national_id"] = body["national_id"][:-1] + str((last + 1) % 10)
        return self.call(name, MASHHAD, None, body)

    def over_quota(self):
        for _ in range(RATE_TRIES):
            got = self.call("postal-code/inquire", "kanoon-children-youth-main")
            if got["outcome"] != "answered":
                break
        return got

    def refused(self):
        rows = []

        def row(case, name, who, got, good):
            rows.append([case, self.short[name], who.removesuffix("-main"),
                         f"{got['outcome']}: {got['reason']}",
                         self.expected(good)])

        for english, persian, name, who, purpose, reasons in REFUSED:
            got = self.call(name, who, purpose)
            good = got["outcome"] == "refused" and got["reason"] in reasons
            if self.shown is None and good:
                self.shown = got
            row((english, persian)[self.language], name,
                (who or "-").lstrip("/"), got, good)
        got = self.over_quota()
        row(self.word("rate"), "postal-code/inquire",
            "kanoon-children-youth", got, got["outcome"] == "limited")
        got = self.wrong_digit()
        row(self.word("digit"), "identity-match/verify", MASHHAD, got,
            got["outcome"] == "invalid")
        print(f"{self.word('refused')}\n")
        table([self.word("case"), self.word("service"), self.word("who"),
               self.word("outcome"), ""], rows)

    def certificate_life(self):
        print(f"{self.word('life')}\n")
        table([self.word("step"), self.word("result"), ""],
              tour_certificate.Life(self).live())

    def consumer_face(self):
        print(f"{self.word('face')}\n")
        table([self.word("step"), self.word("result"), ""],
              tour_consumer.Call(self).made())

    def trace(self):
        if self.shown is None:
            return
        problem = self.shown["answer"]
        print(f"{self.word('said')}\n")
        for key in ("title", "title_fa", "detail", "detail_fa"):
            if problem.get(key):
                print(f"  {problem[key]}")
        print(f"\n{self.word('trace')}\n")
        self.payvand("trace", self.shown["id"], "--socket",
                     self.env["PAYVAND_TRACE_SOCKET"])

    def steps(self):
        """Where the suspended right above came from: its decisions."""
        print(f"\n{self.word('steps')}\n")
        self.payvand("grant", "history", SUSPENDED)

    def payvand(self, *command):
        """Show what a command of the command line says."""
        done = subprocess.run(
            [str(self.root / "build/cli/payvand"), *command,
             "--lang", ("en", "fa")[self.language]],
            capture_output=True, text=True, check=False,
            env={**os.environ, **self.env})
        for line in (done.stdout or done.stderr).splitlines():
            print(f"  {line}")
        if done.returncode != 0:
            self.odd += 1

    def curl(self):
        name, who, purpose = ANSWERED[0]
        command = self.command(name, who, purpose, self.sample(name))
        variable = who.upper().replace("-", "_")
        print(f"\n{self.word('curl')}\n\n"
              "  set -a; . .run/env; set +a\n"
              f"  curl --cacert $PAYVAND_CA --cert $PAYVAND_CERT_{variable} \\\n"
              f"      --key $PAYVAND_KEY_{variable} \\\n"
              "      --header 'Content-Type: application/json' \\\n"
              f"      --data '{command[-2]}' \\\n"
              f"      $PAYVAND_URL{self.paths[name]}")


def main():
    tour = Tour(sys.argv[1], sys.argv[2],
                "--lang" in sys.argv and sys.argv[-1].startswith("fa"))
    tour.answered()
    tour.refused()
    tour.certificate_life()
    tour.consumer_face()
    tour.trace()
    tour.steps()
    tour.curl()
    return 1 if tour.odd else 0


if __name__ == "__main__":
    sys.exit(main())
