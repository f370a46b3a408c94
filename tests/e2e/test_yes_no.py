"""R-080: a yes and a no leave traces that differ only in ids and times."""

import json
import os
import re
import time

import pytest

from harness import BANK, FIC, IBAN, TAX, assert_outcome, reply, wait_for
from reading import ReadExchange
from wire import Closed, request

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
                    "grant_decision", "hop", "id", "image", "max_answered", "method", "node",
                    "provider", "purpose", "reason", "service", "size", "time", "type",
                    "unit", "v", "version", "via"},
        "completions": {"done", "node", "salt", "type", "v"},
        "pruned": {"count", "decision", "first", "node", "salt", "time",
                   "type", "v"},
        "reading": {"by", "count", "id", "ids", "node", "role", "salt", "time",
                    "type", "v", "what"},
        "refusals": {"consumer", "count", "from", "node", "salt", "type",
                     "until", "v"},
        "worker-lost": {"epoch", "node", "open", "time", "type", "v"}}
    records = ex.records()
    assert len(records) >= 3
    for _, record in records:
        assert set(record) <= allowed[record["type"]], record
    # a hash that is public tests no guess of a record
    salts = [record["salt"] for _, record in records if "salt" in record]
    assert len(salts) == len([r for _, r in records if r["type"] in (
        "completions", "pruned", "reading", "refusals")]) > 0
    assert len(set(salts)) == len(salts)
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in salts)


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


# ---- what the log and its readers show ------------------------------------

PROVIDER = "central-bank-connector"
REQUESTS = "/trace/v1/requests"
RECEIPTS = "/trace/v1/receipts/"


def asked(ex, words):
    """Calls answered with these words, in this order; {word: tracking ids}"""
    ids = {}
    ex.provider["central-bank"].behave = behave
    for word in words:
        answer = ex.call(BANK, IBAN, b'{"want":"%s"}' % word.encode().ljust(3))
        assert_outcome(answer, "answered")
        assert answer.json == {"result": word}
        ids.setdefault(word, []).append(answer.tracking_id)
    return ids


def receipt_of(ex, tracking_id, **who):
    """A receipt with the call's end, once the log has it."""
    def look():
        answer = ex.read(RECEIPTS + tracking_id, **who)
        return answer if answer.status == 200 and \
            "completion" in answer.json else None
    return wait_for("a receipt with its completion", look, step=0.2)


def shape_of_receipt(answer):
    """Without ids, times and hashes; the call's own end of all in its leaf."""
    receipt = answer.json
    record = json.loads(receipt["entry"])
    mine = [item for item in json.loads(receipt["completion"]["entry"])["done"]
            if item[0] == receipt["index"]]
    assert len(mine) == 1
    return {
        "members": sorted(receipt), "entry": len(receipt["entry"]),
        "record": {k: v for k, v in record.items() if k not in ("id", "time")},
        "end": mine[0][4], "steps": [t % 100 for t in mine[0][1:4]],
        "head": sorted((n, masked(v)) for n, v in answer.headers.items()
                       if n != "Content-Length"),
    }


def readers_of(ex):
    return {"consumer": {"as_system": BANK},
            "provider": {"as_system": PROVIDER},
            "auditor": {"identity": ex.auditor},
            "operator": {"identity": ex.operator}, "local": {}}


def test_no_reader_can_tell_a_yes_from_a_no(make):
    """Yes and no by turns in one log: what each role is shown of the ones is
    what it is shown of the others."""
    ex = make(kind=ReadExchange, workers=1)
    ids = asked(ex, ["yes", "no"] * 5)
    receipt_of(ex, ids["no"][-1])
    for name, who in readers_of(ex).items():
        shown = {}
        for word, tracking_ids in ids.items():
            shown[word] = []
            for tracking_id in tracking_ids:
                looked = ex.read(REQUESTS + "/" + tracking_id, **who)
                assert looked.status == 200, (name, looked.body)
                shown[word].append((
                    masked(looked.body.decode()),
                    sorted((n, masked(v)) for n, v in looked.headers.items()),
                    shape_of_receipt(receipt_of(ex, tracking_id, **who))))
        assert shown["yes"] == shown["no"], name
        side = "?as=provider" if name == "provider" else "?as=consumer"
        rows = ex.read(REQUESTS + side + "&limit=100", **who).json["requests"]
        row = {r["tracking_id"]: masked(json.dumps(r)) for r in rows}
        assert [row[i] for i in ids["yes"]] == [row[i] for i in ids["no"]]


def ended(text):
    """What the reader shows, once it has seen the end."""
    return '"state":"received"' not in text and text


def test_refusals_and_failures_do_not_tell_either(make):
    """What fails behind a yes and behind a no leaves the same."""
    ex = make(kind=ReadExchange, workers=1)
    shown = {}
    for word in ("yes", "no"):
        def broken(seen, connection, word=word):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" +
                            padded(word))
        ex.provider["central-bank"].behave = broken
        before = set(ex.requests())
        with ex.wire(BANK) as w, pytest.raises(Closed):
            w.ask(request(IBAN))
        ex.call(BANK, TAX)
        ex.call(FIC, IBAN)
        # refusals are journalled without waiting
        new = sorted(wait_for("three records", lambda: len(
            set(ex.requests()) - before) == 3 and set(ex.requests()) - before))
        assert ex.completion(new[0])[4] == "failed"
        shown[word] = [masked(wait_for("how it ended", lambda i=i: ended(
            ex.read(REQUESTS + "/" + i).body.decode()))) for i in new]
        assert sum("no-grant" in text for text in shown[word]) == 2, shown
    assert shown["yes"] == shown["no"]


def figures(ex):
    """What is added up: figures a minute, metrics, status, sizes of files."""
    rows = ex.read("/trace/v1/rollups?limit=1000")
    metrics = ex.read("/metrics").body.decode()
    names = {line.split(" ")[0] for line in metrics.splitlines()
             if line and not line.startswith("#")}
    with open(ex.path("log.d", "status")) as file:
        status = json.load(file)
    leaves = os.path.getsize(ex.path("log.d", "tree", "0"))
    return {
        "figures": rows.status, "metrics": {masked(n) for n in names},
        "status": sorted(status), "tree": leaves % 32,
        "files": sorted(masked(n) for n in os.listdir(ex.path("log.d"))),
        "segments": {os.path.getsize(ex.path("journal", n))
                     for n in os.listdir(ex.path("journal"))
                     if n.endswith(".pvj")},
        "log": sorted({masked(line) for line in ex.log_text().splitlines()
                       if "payvand " not in line}),
    }


def test_what_is_added_up_does_not_tell_either(make):
    left = {}
    for word in ("yes", "no"):
        ex = make(kind=ReadExchange, workers=1)
        ids = asked(ex, [word] * 10)
        receipt_of(ex, ids[word][-1])
        ex.close_callers()
        time.sleep(0.3)
        left[word] = figures(ex)
    for key in left["yes"]:
        assert left["yes"][key] == left["no"][key], key
