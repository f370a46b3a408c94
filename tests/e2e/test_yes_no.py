"""R-080: a yes and a no leave traces that differ only in ids and times."""

import json
import re
import time

from harness import BANK, IBAN, assert_outcome, reply

PAD = 64


def padded(word):
    body = json.dumps({"result": word}).encode()
    return body + b" " * (PAD - len(body))


def behave(seen, connection):
    word = "yes" if b"yes" in seen.body else "no"
    return reply(padded(word))


def one(pki, make, word):
    """A whole exchange of its own that answers one word ten times."""
    ex = make(workers=1)
    ex.provider["central-bank"].behave = behave
    answers = []
    body = b'{"want":"%s"}' % word.encode().ljust(3)
    for _ in range(10):
        answer = ex.call(BANK, IBAN, body)
        assert_outcome(answer, "answered")
        assert answer.json == {"result": word}
        answers.append(answer)
    ex.completion(answers[-1].tracking_id)
    return ex, answers


def masked(text):
    """Ids, times, pids, ports and paths of the run taken out."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-"
                  r"[0-9a-f]{12}", "ID", text)
    text = re.sub(r"pv-[\w-]+", "DIR", text)
    text = re.sub(r"\d{4}[/-]\d\d[/-]\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?", "TIME",
                  text)
    text = re.sub(r"\b[0-9a-f]{16}\b", "EPOCH", text)
    return re.sub(r"\d+", "N", text)


def shapes(ex):
    """Records without ids and times: requests, and every completion item."""
    requests, done = [], []
    for _, record in ex.records():
        if record["type"] == "request":
            requests.append({k: v for k, v in record.items()
                             if k not in ("id", "time", "image")})
        elif record["type"] == "completions":
            for item in record["done"]:
                done.append(item)
    return requests, done


def test_yes_and_no_leave_the_same_traces(pki, make):
    left = {}
    for word in ("yes", "no"):
        ex, answers = one(pki, make, word)
        requests, done = shapes(ex)
        ex.close_callers()
        time.sleep(0.3)
        left[word] = {
            "requests": requests,
            "outcomes": [item[4] for item in done],
            "steps": [tuple(t % 100 for t in item[1:4]) for item in done],
            "heads": [sorted((n, len(v)) for n, v in a.headers)
                      for a in answers],
            "sizes": [len(a.body) for a in answers],
            "log": sorted(set(masked(line) for line in
                              ex.log_text().splitlines()
                              if "payvand " not in line)),
            "status": sorted(ex.status() if isinstance(ex.status(), dict)
                             else []),
        }
    for key in left["yes"]:
        assert left["yes"][key] == left["no"][key], key
    # times of a verify method are kept in steps of 100 ms
    assert all(step == (0, 0, 0) for step in left["yes"]["steps"])


def test_journals_of_yes_and_no_have_one_size(pki, make):
    """The files themselves: the same bytes written, whatever was said."""
    sizes = {}
    for word in ("yes", "no"):
        ex, _ = one(pki, make, word)
        sizes[word] = sorted(len(json.dumps(
            {k: v for k, v in r.items() if k != "image"}, sort_keys=True))
            for _, r in ex.records() if r["type"] == "request")
    assert sizes["yes"] == sizes["no"]


def test_no_record_has_a_place_for_an_answer(make):
    """The closed list of fields (R-077), seen from outside."""
    ex = make()
    assert_outcome(ex.call(BANK, IBAN, headers=[
        ("Payvand-Case", "0198f2c4-1111-7222-8333-444455556666"),
        ("Payvand-Commitment", "A" * 43)]), "answered")
    ex.call(BANK, IBAN.replace("verify", "unknown"))
    time.sleep(1.5)
    allowed = {
        "request": {"case", "commitment", "consumer", "decision", "grant",
                    "hop", "id", "image", "method", "node", "provider",
                    "purpose", "reason", "service", "size", "time", "type",
                    "unit", "v", "version", "via"},
        "completions": {"done", "node", "type", "v"},
        "refusals": {"consumer", "count", "from", "node", "type", "until",
                     "v"},
        "worker-lost": {"epoch", "node", "open", "time", "type", "v"},
        "reading": {"by", "count", "id", "node", "role", "time", "type", "v",
                    "what"}}
    records = ex.records()
    assert len(records) >= 3
    for _, record in records:
        assert set(record) <= allowed[record["type"]], record


def test_a_real_connectors_answers_have_one_length(make, pki,
                                                   tmp_path_factory):
    from connectors import Connectors, make_country
    folder, listing = make_country(str(tmp_path_factory.mktemp("c")), 1000)
    match = "/x/civil-registration-organisation/identity-match/v1/verify"
    ex = make(workers=1)
    real = Connectors(ex, folder, ["civil-registration-organisation"])
    real.start()
    ex.import_policy()
    lengths, heads, times = {}, {}, {}
    for sample in listing["samples"]["identity-match/verify"]:
        word = sample.get("expect")
        if word not in ("yes", "no"):
            continue
        for _ in range(10):
            started = time.monotonic()
            answer = ex.call("mashhad-municipality-main", match,
                             sample["input"])
            times.setdefault(word, []).append(time.monotonic() - started)
            assert_outcome(answer, "answered")
            assert answer.json == {"result": word}
            lengths.setdefault(word, set()).add(len(answer.body))
            heads.setdefault(word, set()).add(tuple(
                (n, len(v)) for n, v in answer.headers))
    assert set(lengths) == {"yes", "no"}
    assert lengths["yes"] == lengths["no"] and len(lengths["yes"]) == 1
    assert heads["yes"] == heads["no"]
