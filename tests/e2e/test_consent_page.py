"""The page on which a person gives consent (R-134, R-142) and sees who asked
(R-094): payvand-consent-page over a connector's keeper."""

import html
import os
import re

import pytest

from harness import NGINX, Process, built, program_env, wait_for
from test_connectord import NATIONAL_ID, UnixHTTP
from test_consent import COMPANY, OTHER_ID, SERVICE, Office, refused

ASK = "agency=science&service=%s&purpose=knowledge-based-loan" % SERVICE


class Page:
    def __init__(self, office, home):
        self.office = office
        self.socket = str(home / "page.sock")
        self.process = Process("page", [
            built("payvand-consent-page"), "--socket", self.socket, "--desk",
            office.desk], str(home / "page.log"), env=program_env())
        wait_for("the page", lambda: os.path.exists(self.socket))

    def get(self, target, person=NATIONAL_ID, verb="GET", body=None):
        status, text, _ = self.ask(target, person, verb, body)
        return status, text

    def ask(self, target, person=NATIONAL_ID, verb="GET", body=None):
        connection = UnixHTTP(self.socket)
        head = {} if person is None else {"Payvand-Peer-Person": person}
        connection.request(verb, target, body, head)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text, response.headers

    def forms(self, text):
        """Address and token of each form of a page."""
        return [(html.unescape(address), "csrf=" + token)
                for address, token in re.findall(
                    r'action="([^"]+)"><input type="hidden" name="csrf" '
                    r'value="([0-9a-f]+)">', text)]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    home = tmp_path_factory.mktemp("page")
    office = Office(home)
    made = Page(office, home)
    yield made
    made.process.stop()
    office.stop()


def test_r142_the_question_says_who_what_until_when_and_how_often(page):
    status, persian = page.get("/consent?" + ASK)
    assert status == 200 and 'dir="rtl"' in persian
    for text in ("معاونت علمی", "نمونه", "knowledge-based-loan", "1 ماه شمسی",
                 "حداکثر 2 بار"):
        assert text in persian, text
    status, english = page.get("/consent?lang=en&" + ASK)
    assert status == 200 and 'dir="ltr"' in english
    for text in ("Science office", "Sample", "1 month(s)", "at most 2"):
        assert text in english, text
    assert "<script" not in persian + english
    assert page.office.ask("list", person=NATIONAL_ID)["consents"] == []


def test_the_question_stands_in_nobodys_frame(page):
    """Else another page lays itself over it, and the yes is not the person's."""
    status, _, head = page.ask("/consent?" + ASK)
    assert status == 200
    assert head["X-Frame-Options"] == "DENY"
    assert head["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert head["X-Content-Type-Options"] == "nosniff"


def test_r134_a_yes_gives_a_number_that_works(page):
    form, = page.forms(page.get("/consent?lang=en&" + ASK)[1])
    status, text = page.get(form[0], verb="POST", body=form[1])
    assert status == 200
    number = re.search(r'class="number">([0-9 ]{19})<', text).group(1)
    assert page.office.use(number).outcome == "answered"
    row = page.office.row()
    assert (row["agency"], row["service"], row["purpose"]) == (
        "science", SERVICE, "knowledge-based-loan")
    # the number is shown once: not on the person's own page
    assert number not in page.get("/mine?lang=en")[1]


def test_r142_the_person_withdraws_and_sees_who_asked(page):
    number = page.office.issue()
    page.office.use(number)
    status, text = page.get("/mine?lang=en")
    assert status == 200 and "Science office" in text and "1 / 2" in text
    assert page.office.calls()[0]["tracking_id"] in text
    forms = [f for f in page.forms(text) if f[0].startswith("/withdraw")]
    status, text = page.get(forms[0][0], verb="POST", body=forms[0][1])
    assert status == 200 and "withdrawn" in text
    assert refused(page.office.use(number), "withdrawn")


def test_a_person_acts_for_oneself_alone(page):
    form, = page.forms(page.get("/consent?lang=en&" + ASK)[1])
    for person, body in ((COMPANY, form[1]), (NATIONAL_ID, "csrf=" + "0" * 64),
                         (NATIONAL_ID, ""), (None, form[1])):
        before = len(page.office.ask("list", person=COMPANY)["consents"])
        assert page.get(form[0], person, "POST", body)[0] == 403
        assert len(page.office.ask("list", person=COMPANY)["consents"]) == \
            before
    page.office.issue(OTHER_ID)
    withdraw = "/withdraw?id=%d" % page.office.row(OTHER_ID)["id"]
    assert page.get(withdraw, verb="POST", body=form[1])[0] == 404
    assert page.office.row(OTHER_ID)["state"] == "valid"


@pytest.mark.parametrize("target,status", [
    ("/consent?agency=nobody&service=" + SERVICE, 404),
    ("/consent?agency=science&service=p/none/v1", 404),
    ("/consent?agency=science", 404),
    ("/consent?" + ASK + "&agency=bank", 400),
    ("/consent?agency=%3Cscript%3E", 400), ("/nothing", 404), ("/", 404)])
def test_what_is_not_understood_is_no_page(page, target, status):
    assert page.get(target)[0] == status


def test_without_a_person_or_a_desk_there_is_no_page(page, tmp_path):
    assert page.get("/mine", person=None)[0] == 403
    assert page.get("/mine", person="123")[0] == 403

    class Gone:
        desk = str(tmp_path / "none.sock")
    alone = Page(Gone, tmp_path)
    assert alone.get("/mine")[0] == 503
    alone.process.stop()


# ---- behind the nginx of payvand-consent-page(8) ----------------------------

NGINX_CONF = """
{user}
daemon off; worker_processes 1; pid {home}/nginx.pid; error_log {home}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {home}/t1; proxy_temp_path {home}/t2;
    fastcgi_temp_path {home}/t3; uwsgi_temp_path {home}/t4;
    scgi_temp_path {home}/t5;
    map $cookie_session $who {{ first {first}; second {second}; default ""; }}
    server {{ # stands for the single sign-on
        listen unix:{home}/sso.sock;
        location / {{
            if ($who = "") {{ return 401; }}
            add_header X-Person $who;
            return 204;
        }}
    }}
    server {{
        listen unix:{home}/front.sock;
        location / {{
            auth_request /signed-in;
            auth_request_set $person $upstream_http_x_person;
            proxy_set_header Payvand-Peer-Person $person;
            proxy_pass http://unix:{page};
        }}
        location = /signed-in {{
            internal;
            proxy_pass http://unix:{home}/sso.sock;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }}
    }}
}}
"""


class Front:
    def __init__(self, page, home):
        conf = home / "nginx.conf"
        conf.write_text(NGINX_CONF.format(
            home=home, page=page.socket, first=NATIONAL_ID, second=OTHER_ID,
            user="user root;" if os.getuid() == 0 else ""))
        self.socket = str(home / "front.sock")
        self.process = Process("front", [
            NGINX, "-p", str(home), "-c", str(conf), "-e",
            str(home / "error.log")], str(home / "out.log"), env=program_env())
        wait_for("nginx", lambda: os.path.exists(self.socket))

    def ask(self, target, session=None, verb="GET", body=None, **headers):
        connection = UnixHTTP(self.socket)
        if session:
            headers["Cookie"] = "session=" + session
        connection.request(verb, target, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text


@pytest.fixture(scope="module")
def front(page, tmp_path_factory):
    made = Front(page, tmp_path_factory.mktemp("front"))
    yield made
    assert made.process.stop() is None


def test_r134_a_yes_through_nginx_gives_a_number(page, front):
    status, text = front.ask("/consent?lang=en&" + ASK, "second")
    (target, body), = page.forms(text)
    status, text = front.ask(target, "second", "POST", body)
    number = re.search(r'class="number">([0-9 ]{19})<', text)
    assert status == 200 and number, text
    assert page.office.row(OTHER_ID)["state"] == "valid"


def test_nobody_comes_past_the_sign_in(page, front):
    """Not by saying who one is, in whatever spelling; a form is one's own."""
    known = page.office.issue()
    for session in (None, "stolen"):
        for name in ("Payvand-Peer-Person", "payvand-peer-person",
                     "Payvand_Peer_Person"):
            status, text = front.ask("/mine", session, **{name: NATIONAL_ID})
            assert status == 401 and "science" not in text.lower()
    status, text = front.ask("/mine?lang=en", "second",
                             **{"Payvand-Peer-Person": NATIONAL_ID})
    mine = "/withdraw?id=%d" % page.office.row()["id"]
    assert status == 200 and mine + '"' not in text
    form = next(f for f in page.forms(
        front.ask("/mine?lang=en", "first")[1]) if f[0].startswith(mine))
    assert front.ask(form[0], "second", "POST", form[1])[0] in (403, 404)
    assert page.office.row()["state"] == "valid" and known
