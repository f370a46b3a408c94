#include "page.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/num.h"
#include "connectord/desk_client.h"
#include "crypto/secret.h"
#include "html.h"

#define PERSON_HEADER "Payvand-Peer-Person"
#define PERSON_MAX 16
#define VALUE_MAX 300
#define TOKEN_LEN 64
#define BODY_MAX 512
#define HTML "text/html; charset=utf-8"
#define SHOWN_CALLS 100

enum query {
    Q_AGENCY = 0,
    Q_SERVICE,
    Q_PURPOSE,
    Q_ID,
    Q_LANG,
    Q_END,
};

/* One request: who asks for the page, and what for. */
struct visit {
    struct pv_server_call *call;
    const struct pages    *pages;
    char                   person[PERSON_MAX];
    char                   token[TOKEN_LEN + 1];
    char                   value[Q_END][VALUE_MAX];
    struct html            html;
};

/* ---- the visitor ---- */

static bool
take_person(struct visit *visit)
{
    struct pv_slice text;

    if (pv_server_header(visit->call, PERSON_HEADER, &text) != PV_OK ||
        pv_slice_to_cstr(text, visit->person, sizeof(visit->person)) != PV_OK) {
        pv_server_problem(visit->call, 403, "no-person",
                          "The sign-in in front does not say who you are",
                          "سامانه ورود نگفته است شما که هستید");
        return false;
    }
    return true;
}

static bool
take_query(struct visit *visit)
{
    struct pv_server_param param[Q_END] = {
        [Q_AGENCY] = {PV_LIT("agency"), {NULL, 0}},
        [Q_SERVICE] = {PV_LIT("service"), {NULL, 0}},
        [Q_PURPOSE] = {PV_LIT("purpose"), {NULL, 0}},
        [Q_ID] = {PV_LIT("id"), {NULL, 0}},
        [Q_LANG] = {PV_LIT("lang"), {NULL, 0}}};

    if (pv_server_query(visit->call->query, param, Q_END) != PV_OK) {
        return false;
    }
    for (int i = 0; i < Q_END; i++) {
        if (pv_slice_to_cstr(param[i].value, visit->value[i], VALUE_MAX) !=
            PV_OK) {
            return false;
        }
    }
    return true;
}

static bool
make_token(struct visit *visit)
{
    uint8_t  digest[TOKEN_LEN / 2];
    unsigned len = 0;

    if (HMAC(EVP_sha256(), visit->pages->key, PAGE_KEY_LEN,
             (const uint8_t *)visit->person, strlen(visit->person), digest,
             &len) == NULL ||
        len != sizeof(digest)) {
        return false;
    }
    pv_hex_text(digest, sizeof(digest), visit->token);
    visit->token[TOKEN_LEN] = '\0';
    return true;
}

/* Does the form come from a page that this person got from us? */
static bool
is_our_form(const struct visit *visit)
{
    struct pv_server_param param = {PV_LIT("csrf"), {NULL, 0}};

    return pv_server_query(visit->call->body, &param, 1) == PV_OK &&
           pv_secret_eq(param.value, pv_slice_from(visit->token));
}

/* False: an answer stands. */
static bool
begin(struct visit *visit, struct pv_server_call *call)
{
    memset(visit, 0, sizeof(*visit));
    visit->call = call;
    visit->pages = call->context;
    if (!take_person(visit)) {
        return false;
    }
    if (!take_query(visit) || !make_token(visit)) {
        pv_server_problem(call, 400, "page-request",
                          "This address is not understood",
                          "این نشانی خوانده نمی‌شود");
        return false;
    }
    if (pv_slice_eq(call->method, PV_LIT("POST")) && !is_our_form(visit)) {
        pv_server_problem(call, 403, "csrf",
                          "This form is not of this page; open it again",
                          "این فرم از این صفحه نیست؛ دوباره باز کنید");
        return false;
    }
    visit->html = (struct html){&call->answer, PV_OK,
                                strcmp(visit->value[Q_LANG], "en") != 0};
    return true;
}

static void
finish(struct visit *visit)
{
    if (visit->html.err == PV_OK) {
        pv_server_answer(visit->call, 200, HTML);
    } else {
        pv_server_problem(visit->call, 500, "page", "The page is not made",
                          "صفحه ساخته نشد");
    }
    explicit_bzero(visit, sizeof(*visit));
}

/* ---- the desk ---- */

static void
say_refusal(struct visit *visit, const char *word)
{
    bool unknown = strcmp(word, "agency") == 0 || strcmp(word, "service") == 0;

    visit->call->answer.len = 0;
    if (unknown || strcmp(word, "not-found") == 0) {
        pv_server_problem(
            visit->call, 404, "not-found",
            "There is no such agency, service or number",
            "چنین دستگاه، سرویس یا شماره‌ای نیست");
    } else if (strcmp(word, "person") == 0) {
        pv_server_problem(visit->call, 403, "no-person",
                          "The sign-in in front says nothing that names you",
                          "سامانه ورود شما را به درستی نشناسانده است");
    } else {
        pv_server_problem(visit->call, 503, "desk",
                          "This cannot be done now; try again",
                          "اکنون شدنی نیست؛ دوباره بکوشید");
    }
}

/* What the desk answers to the request, which is taken; NULL: a problem is the
 * answer. */
static json_t *
ask(struct visit *visit, json_t *request)
{
    json_t     *answer = NULL;
    const char *word = "";
    enum pv_err err = pv_desk_ask(visit->pages->desk, request, &answer);

    json_decref(request);
    if (err == PV_OK) {
        word = json_string_value(json_object_get(answer, "error"));
    }
    if (word == NULL) {
        return answer;
    }
    say_refusal(visit, word);
    json_decref(answer);
    return NULL;
}

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static void
put_number(struct html *html, json_int_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)number); /* fits */
    html_text(html, text);
}

/* ---- the question ---- */

static const json_t *
find(const json_t *list, const char *member, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(text_of(json_array_get(list, i), member), text) == 0) {
            return json_array_get(list, i);
        }
    }
    return NULL;
}

static void
put_form(struct visit *visit, const char *path, const char *button)
{
    struct html *html = &visit->html;

    html_raw(html, "<form method=\"post\" action=\"");
    html_raw(html, path);
    for (int i = 0; i < Q_END; i++) {
        static const char *const name[Q_END] = {"agency", "service", "purpose",
                                                "id", "lang"};

        if (visit->value[i][0] != '\0') {
            html_raw(html, strchr(path, '?') == NULL ? "?" : "&amp;");
            path = "?"; /* the next one follows */
            html_raw(html, name[i]);
            html_raw(html, "=");
            html_text(html, visit->value[i]);
        }
    }
    html_raw(html, "\"><input type=\"hidden\" name=\"csrf\" value=\"");
    html_raw(html, visit->token);
    html_raw(html, "\"><button>");
    html_text(html, button);
    html_raw(html, "</button></form>");
}

static void
put_question(struct visit *visit, const json_t *agency, const json_t *service)
{
    struct html *html = &visit->html;
    const char  *title = html->persian ? "title_fa" : "title_en";

    html_begin(html, html_say(html, "Your consent is asked for",
                              "رضایت شما خواسته شده است"));
    html_raw(html, "<dl>");
    html_row(html, html_say(html, "Who asks", "چه کسی می‌پرسد"),
             text_of(agency, title));
    html_row(html, html_say(html, "What about you", "چه چیزی درباره شما"),
             text_of(service, title));
    if (visit->value[Q_PURPOSE][0] != '\0') {
        html_row(html, html_say(html, "What for", "برای چه"),
                 visit->value[Q_PURPOSE]);
    }
    html_element(html, "dt", html_say(html, "Until when", "تا کی"));
    html_raw(html, "<dd>");
    put_number(html, json_integer_value(json_object_get(service, "months")));
    html_text(html, html_say(html, " month(s) of the Jalali calendar from now",
                             " ماه شمسی از اکنون"));
    html_raw(html, "</dd>");
    html_element(html, "dt", html_say(html, "How often", "چند بار"));
    html_raw(html, "<dd>");
    html_text(html, html_say(html, "at most ", "حداکثر "));
    put_number(html, json_integer_value(json_object_get(service, "uses")));
    html_text(html, html_say(html, " time(s)", " بار"));
    html_raw(html, "</dd></dl>");
    html_element(
        html, "p",
        html_say(
            html,
            "If you agree you get a number of 16 digits. Whoever "
            "asks can ask only with it. You can withdraw it at "
            "any time. If you do not agree, close this page.",
            "اگر بپذیرید شماره‌ای ۱۶ رقمی می‌گیرید که پرسنده تنها با "
            "آن می‌تواند بپرسد. هر زمان می‌توانید آن را پس بگیرید. "
            "اگر نمی‌پذیرید این صفحه را ببندید."));
    put_form(visit, "/consent", html_say(html, "I agree", "می‌پذیرم"));
    html_end(html);
}

static void
on_question(struct pv_server_call *call)
{
    struct visit  visit;
    const json_t *agency;
    const json_t *service;
    json_t       *terms;

    if (!begin(&visit, call)) {
        return;
    }
    terms = ask(&visit, json_pack("{s:s}", "do", "terms"));
    if (terms == NULL) {
        return;
    }
    agency =
        find(json_object_get(terms, "agencies"), "id", visit.value[Q_AGENCY]);
    service = find(json_object_get(terms, "services"), "service",
                   visit.value[Q_SERVICE]);
    if (agency == NULL || service == NULL) {
        say_refusal(&visit, "agency");
    } else {
        put_question(&visit, agency, service);
        finish(&visit);
    }
    json_decref(terms);
}

static void
on_yes(struct pv_server_call *call)
{
    struct visit visit;
    struct html *html = &visit.html;
    const char  *number;
    json_t      *answer;

    if (!begin(&visit, call)) {
        return;
    }
    if (visit.value[Q_SERVICE][0] == '\0') {
        say_refusal(&visit, "service"); /* not what the question showed */
        return;
    }
    answer =
        ask(&visit, json_pack("{s:s,s:s,s:s,s:s,s:s}", "do", "issue", "person",
                              visit.person, "agency", visit.value[Q_AGENCY],
                              "service", visit.value[Q_SERVICE], "purpose",
                              visit.value[Q_PURPOSE]));
    if (answer == NULL) {
        return;
    }
    number = text_of(answer, "number");
    html_begin(html, html_say(html, "Your number", "شماره شما"));
    html_raw(html, "<p class=\"number\">");
    for (size_t i = 0; number[i] != '\0'; i++) {
        char digit[] = {number[i], '\0'};

        html_raw(html, i > 0 && i % 4 == 0 ? " " : "");
        html_text(html, digit);
    }
    html_raw(html, "</p>");
    html_row(html, html_say(html, "Good until", "اعتبار تا"),
             text_of(answer, "ends_jalali"));
    html_element(
        html, "p",
        html_say(
            html, "It is shown only now. Give it to whoever asked.",
            "تنها اکنون نشان داده می‌شود. آن را به پرسنده بدهید."));
    html_end(html);
    json_decref(answer);
    finish(&visit);
}

/* ---- what there is about the person ---- */

static const char *
title_of(const struct html *html, const json_t *object, const char *fa,
         const char *en, const char *plain)
{
    const char *title = text_of(object, html->persian ? fa : en);

    return title[0] != '\0' ? title : text_of(object, plain);
}

static const char *
state_of(const struct html *html, const char *word)
{
    static const struct {
        const char *word;
        const char *en;
        const char *fa;
    } state[] = {{"valid", "valid", "معتبر"},
                 {"used-up", "used up", "به پایان رسیده"},
                 {"expired", "expired", "منقضی"},
                 {"withdrawn", "withdrawn", "پس‌گرفته"}};

    for (size_t i = 0; i < sizeof(state) / sizeof(state[0]); i++) {
        if (strcmp(state[i].word, word) == 0) {
            return html_say(html, state[i].en, state[i].fa);
        }
    }
    return word;
}

static void
put_consent(struct visit *visit, const json_t *one)
{
    struct html *html = &visit->html;
    bool         valid = strcmp(text_of(one, "state"), "valid") == 0;

    html_raw(html, "<tr>");
    html_element(html, "td",
                 title_of(html, one, "agency_fa", "agency_en", "agency"));
    html_element(html, "td",
                 title_of(html, one, "service_fa", "service_en", "service"));
    html_element(html, "td", text_of(one, "purpose"));
    html_element(html, "td", text_of(one, "ends_jalali"));
    html_raw(html, "<td>");
    put_number(html, json_integer_value(json_object_get(one, "used")));
    html_raw(html, " / ");
    put_number(html, json_integer_value(json_object_get(one, "uses")));
    html_raw(html, "</td>");
    html_element(html, "td", state_of(html, text_of(one, "state")));
    html_raw(html, "<td>");
    if (valid) {
        (void)snprintf(
            visit->value[Q_ID], VALUE_MAX, "%lld", /* it fits */
            (long long)json_integer_value(json_object_get(one, "id")));
        put_form(visit, "/withdraw", html_say(html, "Withdraw", "پس گرفتن"));
        visit->value[Q_ID][0] = '\0';
    }
    html_raw(html, "</td></tr>");
}

static void
put_call(struct html *html, const json_t *one)
{
    html_raw(html, "<tr>");
    html_element(html, "td", text_of(one, "at_jalali"));
    html_raw(html, "<td class=\"ltr\">");
    html_text(html, text_of(one, "at"));
    html_raw(html, "</td>");
    html_element(html, "td",
                 title_of(html, one, "agency_fa", "agency_en", "agency"));
    html_element(html, "td",
                 title_of(html, one, "service_fa", "service_en", "path"));
    html_raw(html, "<td class=\"ltr\">");
    html_text(html, text_of(one, "tracking_id"));
    html_raw(html, "</td></tr>");
}

static void
put_all(struct visit *visit, const json_t *consents, const json_t *calls)
{
    struct html *html = &visit->html;

    html_begin(
        html,
        html_say(
            html, "Your consents, and who asked about you",
            "رضایت‌های شما و پرسندگان درباره شما"));
    html_element(html, "h2",
                 html_say(html, "Your consents", "رضایت‌های شما"));
    html_raw(html, "<table>");
    for (size_t i = 0; i < json_array_size(consents); i++) {
        put_consent(visit, json_array_get(consents, i));
    }
    html_raw(html, "</table>");
    html_element(html, "h2", html_say(html, "Who asked", "چه کسی پرسید"));
    html_raw(html, "<table>");
    for (size_t i = 0; i < json_array_size(calls) && i < SHOWN_CALLS; i++) {
        put_call(html, json_array_get(calls, i));
    }
    html_raw(html, "</table>");
    html_end(html);
}

static void
show_all(struct visit *visit)
{
    json_t *calls = NULL;
    json_t *list = ask(
        visit, json_pack("{s:s,s:s}", "do", "list", "person", visit->person));

    if (list != NULL) {
        calls = ask(visit, json_pack("{s:s,s:s,s:b}", "do", "who-asked",
                                     "person", visit->person, "all", 0));
    }
    if (calls != NULL) {
        put_all(visit, json_object_get(list, "consents"),
                json_object_get(calls, "calls"));
        finish(visit);
    }
    json_decref(calls);
    json_decref(list);
}

static void
on_all(struct pv_server_call *call)
{
    struct visit visit;

    if (begin(&visit, call)) {
        show_all(&visit);
    }
}

static void
on_withdraw(struct pv_server_call *call)
{
    struct visit visit;
    uint64_t     id = 0;
    json_t      *answer;

    if (!begin(&visit, call)) {
        return;
    }
    if (pv_slice_to_u64(pv_slice_from(visit.value[Q_ID]), INT64_MAX, &id) !=
        PV_OK) {
        say_refusal(&visit, "not-found");
        return;
    }
    answer = ask(&visit, json_pack("{s:s,s:s,s:I}", "do", "withdraw", "person",
                                   visit.person, "id", (json_int_t)id));
    if (answer != NULL) {
        visit.value[Q_ID][0] = '\0';
        show_all(&visit);
    }
    json_decref(answer);
}

const struct pv_server_route page_route[] = {
    {"GET", "/mine", 0, on_all},
    {"GET", "/consent", 0, on_question},
    {"POST", "/consent", BODY_MAX, on_yes},
    {"POST", "/withdraw", BODY_MAX, on_withdraw},
};

const size_t page_route_count = sizeof(page_route) / sizeof(page_route[0]);
