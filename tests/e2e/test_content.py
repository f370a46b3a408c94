"""Through real connectors: what breaks the contract is `invalid`, never "no".
"""

import json

import pytest

from connectors import Connectors, make_country
from harness import BANK, IBAN, Exchange, assert_outcome
from wire import request

MATCH = "/x/civil-registration-organisation/identity-match/v1/verify"
CITY = "mashhad-municipality-main"


@pytest.fixture(scope="module")
def country(tmp_path_factory):
    return make_country(str(tmp_path_factory.mktemp("country")))


@pytest.fixture(scope="module")
def ex(pki, country, tmp_path_factory):
    import shutil
    import tempfile
    folder = tempfile.mkdtemp(prefix="pv-content-")
    exchange = Exchange(folder, pki)
    connectors = Connectors(exchange, country[0])
    exchange.connectors = connectors.start()
    with exchange:
        yield exchange
    shutil.rmtree(folder, ignore_errors=True)


def samples(country, method, expect=None):
    found = [s for s in country[1]["samples"][method]
             if expect is None or s.get("expect") == expect]
    assert found, "country.json has no sample %s of %s" % (expect, method)
    return found


def ask(ex, body, path=MATCH, system=CITY, **more):
    if not isinstance(body, bytes):
        body = json.dumps(body, ensure_ascii=False).encode()
    return ex.call(system, path, body, **more)


def invalid(ex, answer, member=None):
    assert answer.outcome == "invalid", answer
    assert answer.status == 400
    assert b'"result"' not in answer.body
    ex.expect(answer, "invalid")  # recorded as forwarded
    if member:
        assert member in json.dumps(answer.problem), answer


@pytest.mark.parametrize("expect", ["yes", "no"])
def test_answers_as_the_register_says(ex, country, expect):
    for sample in samples(country, "identity-match/verify", expect)[:5]:
        answer = ask(ex, sample["input"])
        assert_outcome(answer, "answered")
        assert answer.json == {"result": expect}


def test_a_no_is_only_ever_answered(ex, country):
    sample = samples(country, "identity-match/verify", "no")[0]
    answer = ask(ex, sample["input"])
    assert answer.status == 200 and answer.outcome == "answered"


def yes(country):
    return dict(samples(country, "identity-match/verify", "yes")[0]["input"])


def test_duplicate_keys_are_invalid(ex, country):
    good = yes(country)
    text = json.dumps(good)
    twice = text[:-1] + ', "national_id": "%s"}' % good["national_id"]
    answer = ask(ex, twice.encode())
    invalid(ex, answer)


def test_duplicate_keys_in_another_spelling_are_invalid(ex, country):
    good = yes(country)
    twice = json.dumps(good)[:-1] + ', "national\\u005fid": "0000000000"}'
    invalid(ex, ask(ex, twice.encode()))


def test_a_wrong_check_digit_is_invalid_and_not_echoed(ex, country):
    body = yes(country)
    good = body["national_id"]
    for last in "0123456789":
        if last == good[-1]:
            continue
        body["national_id"] = good[:-1] + last
        answer = ask(ex, body)
        invalid(ex, answer, "national_id")
        assert body["national_id"].encode() not in answer.body


@pytest.mark.parametrize("value", [
    "", "1", "12345678901", "1111111111", "0000000000", "۱۲۳۴۵۶۷۸۹۱",
    "12345 6789", "123456789x", None, 1234567891, True, [], {}, ["1"],
    " 1234567891", "1234567891\n", "' OR '1'='1"])
def test_a_malformed_identifier_is_invalid(ex, country, value):
    body = yes(country)
    body["national_id"] = value
    invalid(ex, ask(ex, body), "national_id")


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"x"', b"1", b"{}", b'{"national_id":}',
    b"\xff\xfe", b'{"national_id":"\xff"}', b"{}{}", b"{} x",
    b'{"a":' * 500 + b"1" + b"}" * 500, b"\xef\xbb\xbf{}", b'{"a":1e999}'],
    ids=range(15))
def test_a_malformed_body_is_invalid(ex, body):
    invalid(ex, ask(ex, body))


def test_an_unknown_member_is_invalid(ex, country):
    body = yes(country)
    body["shoe_size"] = "44"
    answer = ask(ex, body)
    invalid(ex, answer, "shoe_size")
    assert b'"44"' not in answer.body


def test_a_missing_member_is_invalid(ex, country):
    body = yes(country)
    del body["national_id"]
    invalid(ex, ask(ex, body), "national_id")


def test_an_iban_with_a_wrong_check_is_invalid(ex, country):
    sample = samples(country, "national-id-iban-match/verify")[0]["input"]
    assert_outcome(ask(ex, sample, IBAN, BANK), "answered")
    name = [k for k, v in sample.items() if "iban" in k.lower() or
            (isinstance(v, str) and v.startswith("IR"))][0]
    body = dict(sample)
    value = body[name]
    body[name] = value[:-1] + str((int(value[-1]) + 1) % 10)
    invalid(ex, ask(ex, body, IBAN, BANK), name)


def test_an_unknown_person_is_no_and_not_an_error(ex, country):
    body = yes(country)
    digits = "998765432"
    total = sum(int(d) * (10 - i) for i, d in enumerate(digits))
    rest = total % 11
    check = rest if rest < 2 else 11 - rest
    body["national_id"] = digits + str(check)
    answer = ask(ex, body)
    assert_outcome(answer, "answered")
    assert answer.json == {"result": "no"}


def services(country):
    return sorted(country[1]["samples"])


def note_parties(ex, holder, country, inputs):
    """The second method with the token of the first one's yes; None when
    the first has no yes for this note."""
    import test_grants
    for case in country[1]["samples"]["promissory-note/verify-note"]:
        if case["expect"] == "yes" and (case["input"]["note_serial"] ==
                                        inputs["note_serial"]):
            yes = ex.call(holder[0], test_grants.path_of(
                "promissory-note", "verify-note"), case["input"],
                purpose="tender-guarantee")
            assert_outcome(yes, "answered")
            return ex.call(holder[0], test_grants.path_of(
                "promissory-note", "note-parties"),
                {**inputs, "order_token": yes.json["order_token"]},
                purpose=holder[1])
    return None


def test_every_live_service_answers_its_samples(ex, country):
    """Each sample, by a consumer that holds a grant for it."""
    import test_grants
    grants = {}
    for item in test_grants.ENACTMENT["grant_terms"]:
        if item.get("has_go_live"):
            grants[item["grant"]] = item
    rows = {g["id"]: g for g in test_grants.load("grants")}
    bindings = test_grants.ENACTMENT["grant_bindings"]
    answered = set()
    live = {row["service"] for row in test_grants.ENACTMENT["go_live"]}
    for key, cases in country[1]["samples"].items():
        service, method = key.split("/")
        if service not in live:
            continue  # test_services.py asks these
        holder = None
        for name, terms in grants.items():
            row = rows[name]
            if row["service"] != service or terms["method"] != method:
                continue
            if terms.get("end"):
                continue
            bound = bindings.get(name, {})
            system = bound.get("system") or test_grants.system_of(
                row["consumer"], bound.get("unit"))
            holder = (system, terms["purposes"][0]["id"])
            break
        assert holder, "no live grant covers " + key
        for case in cases:
            answer = ex.call(holder[0], test_grants.path_of(service, method),
                             case["input"], purpose=holder[1])
            if method == "note-parties":    # after a yes, or not at all
                assert answer.outcome == "invalid", (key, case)
                answer = note_parties(ex, holder, country, case["input"])
                if answer is None:
                    continue
            if case.get("expect") == "invalid":
                assert answer.outcome == "invalid", (key, answer)
                continue
            if case["expect"] == "refused":
                assert_outcome(answer, "failed", "not-a-member")
                continue
            assert_outcome(answer, "answered")
            want = {"yes": {"result": "yes"}, "no": {"result": "no"},
                    "found": {"found": "yes"},
                    "not-found": {"found": "no"}}[case["expect"]]
            assert want.items() <= answer.json.items(), (key, case, answer)
            answered.add(service)
    assert len(answered) >= 15, answered


def test_a_connector_takes_calls_from_its_exchange_only(ex, pki, country):
    """R-001: another system's certificate gets nothing out of a provider."""
    from wire import Closed, Wire
    row = [r for r in ex.deployment["endpoints"]
           if r["system"] == "civil-registration-organisation-connector"][0]
    for identity in (None, pki.stranger and pki.make(
            "spy", authority=pki.stranger)):
        try:
            with Wire((row["address"], row["port"]), pki.root.cert, identity,
                      server_name=row["tls_name"]) as w:
                answer = w.ask(request(MATCH, json.dumps(
                    yes(country)).encode()))
            assert b"result" not in answer.body
            assert answer.status in (400, 401, 403)
        except (Closed, OSError):
            pass


def test_a_killed_connector_comes_back(ex, country):
    agency = "civil-registration-organisation"
    ex.connectors.kill_one(agency)
    answer = ask(ex, yes(country))
    assert answer.outcome in ("failed", "timeout"), answer
    ex.connectors.start_one(agency)
    assert_outcome(ask(ex, yes(country)), "answered")
