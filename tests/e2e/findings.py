"""What the files about findings share: who decides, and a passport's draft."""

import subprocess

from registryd import BUILD, WG, decision

DAY = "1402-02-01"
COUNCIL = "executive-it-council"
AEO = "administrative-employment-organisation"
INTERIOR = "ministry-interior"


def secretariat(kind, record, event, data=None):
    """What the secretariat decides."""
    return decision(kind, record, event, "secretariat", WG, DAY, data)


def representative(of, kind, record, event, data=None):
    """What an agency's representative decides."""
    return decision(kind, record, event, "representative", of, DAY, data)


def chair(kind, record, event, data=None, of=WG):
    """What the chair of a body decides."""
    return decision(kind, record, event, "chair", of, DAY, data)


def refused(registry, rule, word, broken):
    """By that rule, in both languages, and nothing is decided."""
    last = registry.get("status")["last"]
    status, answer = registry.decide(broken)
    assert (status, answer.get("rule"), answer.get("word")) == (
        422, rule, word), answer
    assert answer["title"] and answer["title_fa"]
    assert registry.get("status")["last"] == last


def payvand(registry, *arguments):
    """What the command line prints."""
    done = subprocess.run(
        [BUILD / "cli/payvand", *arguments, "--socket", registry.socket],
        capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


FORM = {"service_title": "خدمت", "service_nature": ["sovereign"],
        "service_description": "شرح", "recipients": "مردم",
        "current_channels": ["website"], "electronic_method": ["transactional"],
        "electronic_level": ["national"], "service_kind": ["G2C"],
        "needs_cooperation": True, "base_registry_needs": []}


def passport(registry, name, form=None, **more):
    """A service of the interior ministry, and its passport's draft."""
    registry.must(
        representative(INTERIOR, "service", name, "register",
                       {"provider": INTERIOR, "name_fa": name}),
        representative(INTERIOR, "passport", name, "write", dict(
            {"of": "service", "agency": INTERIOR, "service": name,
             "form": dict(FORM, **(form or {}))}, **more)))


def ids(rows):
    """Of their agencies."""
    return [row["agency"]["id"] for row in rows]


def all_of(registry, kind):
    """Every record of a kind."""
    after, found = "", []
    while after is not None:
        page = registry.get(f"{kind}?count=500"
                            + (f"&after={after}" if after else ""))
        found += page[kind]
        after = page["next"]
    return found
