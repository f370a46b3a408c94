/*
 * service_test_run.c - one case: what it needs first, the call, and whether
 * the answer is what was wanted.
 */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "connectord/desk_client.h"
#include "contract/example.h"
#include "contract/person.h"
#include "contract/reply.h"
#include "service_test.h"

#define NUMBER_ROOM 32

/* ---- words ---- */

static void
say(struct pv_test_case *one, enum pv_test_result result, const char *en,
    const char *fa)
{
    one->result = result;
    (void)snprintf(one->why_en, sizeof(one->why_en), "%.*s",
                   PV_TEST_WHY_MAX - 1, en); /* cut when it is long */
    (void)snprintf(one->why_fa, sizeof(one->why_fa), "%.*s",
                   PV_TEST_WHY_MAX - 1, fa);
}

/* Some other outcome than the wanted one, and what the log has on it. */
static void
say_outcome(struct pv_test_connector *connector, struct pv_test_case *one,
            const struct pv_test_reply *reply, const char *problem)
{
    char reason[PV_TEST_WHY_MAX / 2];
    char en[2 * PV_TEST_WHY_MAX];
    char fa[2 * PV_TEST_WHY_MAX];

    pv_test_connector_reason(connector, reply->tracking_id, reason,
                             sizeof(reason));
    (void)snprintf(en, sizeof(en), "%s, not %s%s%s%s%s", /* cut by say */
                   reply->outcome, one->outcome, problem[0] == '\0' ? "" : ": ",
                   problem, reason[0] == '\0' ? "" : ": ", reason);
    (void)snprintf(fa, sizeof(fa), "%s است و نه %s%s%s%s%s", reply->outcome,
                   one->outcome, problem[0] == '\0' ? "" : ": ", problem,
                   reason[0] == '\0' ? "" : ": ", reason);
    say(one, PV_TEST_FAILED, en, fa);
}

static void
say_fault(struct pv_test_case *one, const char *en, const char *fa,
          const char *word, const char *member)
{
    char text_en[2 * PV_TEST_WHY_MAX];
    char text_fa[2 * PV_TEST_WHY_MAX];

    (void)snprintf(text_en, sizeof(text_en), "%s: %s%s%s", en, /* cut by say */
                   word, member[0] == '\0' ? "" : " ", member);
    (void)snprintf(text_fa, sizeof(text_fa), "%s: %s%s%s", fa, word,
                   member[0] == '\0' ? "" : " ", member);
    say(one, PV_TEST_FAILED, text_en, text_fa);
}

/* ---- where two answers differ ---- */

static void differ(struct pv_test_case *one, const json_t *want,
                   const json_t *got, const char *pointer);

static void
note_differ(struct pv_test_case *one, const char *pointer)
{
    if (one->differ_count < PV_TEST_DIFFERS_MAX) {
        (void)snprintf(one->differs[one->differ_count++], PV_TEST_POINTER_MAX,
                       "%s", pointer); /* cut when it is long */
    }
}

static void
differ_members(struct pv_test_case *one, const json_t *want, const json_t *got,
               const char *pointer, bool other_way)
{
    const char   *name;
    const json_t *value;
    char          below[PV_TEST_POINTER_MAX];

    json_object_foreach((json_t *)(uintptr_t)want, name, value)
    {
        const json_t *other = json_object_get(got, name);

        (void)snprintf(below, sizeof(below), "%.80s/%.40s", pointer,
                       name); /* cut when it is long */
        if (other == NULL) {
            note_differ(one, below);
        } else if (!other_way) {
            differ(one, value, other, below);
        }
    }
}

static void
differ(struct pv_test_case *one, const json_t *want, const json_t *got,
       const char *pointer)
{
    char below[PV_TEST_POINTER_MAX];

    if (json_is_object(want) && json_is_object(got)) {
        differ_members(one, want, got, pointer, false);
        differ_members(one, got, want, pointer, true);
        return;
    }
    if (json_is_array(want) && json_is_array(got) &&
        json_array_size(want) == json_array_size(got)) {
        for (size_t i = 0; i < json_array_size(want); i++) {
            (void)snprintf(below, sizeof(below), "%.100s/%zu", pointer,
                           i); /* cut when it is long */
            differ(one, json_array_get(want, i), json_array_get(got, i), below);
        }
        return;
    }
    if (!json_equal(want, got)) {
        note_differ(one, pointer);
    }
}

/* What no example can know beforehand. */
static void
drop_moment(const struct pv_contract_method *method, json_t *answer)
{
    if (method->timed) {
        (void)json_object_del(answer, "determined_at"); /* or it is absent */
    }
    if (method->unlocks != NULL) {
        (void)json_object_del(answer, "order_token"); /* or it is absent */
    }
}

/* ---- judging ---- */

static void
judge_answer(struct pv_test_case *one, struct pv_slice body, int64_t when_ms)
{
    struct pv_fault fault = {PV_FAULT_NONE, ""};
    json_t         *got;

    if (pv_reply_check(one->method, body, when_ms, &fault) != PV_OK) {
        say_fault(one, "the answer breaks the contract",
                  "پاسخ با قرارداد سازگار نیست", pv_fault_word(fault.kind).ptr,
                  fault.member);
        return;
    }
    say(one, PV_TEST_PASSED, "", "");
    got = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
    if (pv_method_says_found(one->method)) {
        const char *found = json_string_value(json_object_get(got, "found"));

        one->found_nothing = found != NULL && strcmp(found, "no") == 0;
    }
    if (one->answer != NULL) {
        json_t *want = json_deep_copy(one->answer);

        drop_moment(one->method, want);
        drop_moment(one->method, got);
        differ(one, want, got, "");
        json_decref(want);
    }
    if (one->differ_count > 0) {
        say(one, PV_TEST_FAILED, "the answer differs",
            "پاسخ با نمونه فرق دارد");
    }
    json_decref(got);
}

static void
judge_refusal(struct pv_test_case *one, const json_t *problem)
{
    const char *word = json_string_value(json_object_get(problem, "fault"));
    const char *member = json_string_value(json_object_get(problem, "member"));
    const char *type = json_string_value(json_object_get(problem, "type"));
    const char *wanted = pv_fault_word(one->fault.kind).ptr;

    if (one->kind == PV_TEST_NO_KEY) {
        if (type == NULL ||
            strcmp(type, "urn:payvand:problem:idempotency-key-missing") != 0) {
            say_fault(one, "refused for another reason",
                      "به دلیل دیگری پذیرفته نشد", type == NULL ? "?" : type,
                      "");
            return;
        }
    } else if (one->fault.kind != PV_FAULT_NONE &&
               (word == NULL || strcmp(word, wanted) != 0 ||
                strcmp(member == NULL ? "" : member, one->fault.member) != 0)) {
        say_fault(one, "refused for another reason",
                  "به دلیل دیگری پذیرفته نشد", word == NULL ? "?" : word,
                  member == NULL ? "" : member);
        return;
    }
    say(one, PV_TEST_PASSED, "", "");
}

static void
judge(struct pv_test_connector *connector, struct pv_test_case *one,
      const struct pv_test_reply *reply, int64_t when_ms)
{
    struct pv_slice body = pv_buf_view(&reply->body);
    json_t         *problem;
    const char     *type;

    if (strcmp(reply->outcome, "answered") == 0 &&
        strcmp(one->outcome, "answered") == 0) {
        judge_answer(one, body, when_ms);
        return;
    }
    problem = json_loadb(body.len == 0 ? "" : body.ptr, body.len,
                         JSON_REJECT_DUPLICATES, NULL);
    if (strcmp(reply->outcome, one->outcome) == 0) {
        judge_refusal(one, problem);
    } else {
        type = json_string_value(json_object_get(problem, "type"));
        say_outcome(connector, one, reply,
                    strcmp(reply->outcome, "answered") == 0 || type == NULL
                        ? ""
                        : type);
    }
    json_decref(problem);
}

/* ---- what a call needs first ---- */

/* a number of the person in the request, from our own keeper. False:
 * there is none, and the case says so. */
static bool
get_consent(const struct pv_test_connector *connector, struct pv_test_case *one,
            char number[NUMBER_ROOM])
{
    char          service[PV_PATH_MAX];
    const char   *person = NULL;
    json_t       *request;
    json_t       *answer = NULL;
    const char   *given = NULL;
    size_t        input;
    const json_t *value;

    number[0] = '\0';
    if (!one->method->consent.is_set) {
        return true;
    }
    if (connector->desk[0] != '\0' &&
        pv_method_person(one->method, &input) == PV_OK) {
        value = json_object_get(one->request, one->method->input[input].name);
        person = json_is_object(value)
                     ? json_string_value(json_object_get(value, "value"))
                     : json_string_value(value);
    }
    if (person != NULL) {
        (void)snprintf(
            service, sizeof(service), "%.*s",
            (int)(strrchr(one->method->path, '/') - one->method->path - 3),
            one->method->path + 3); /* less "/x/" and the method */
        request = json_pack("{s:s, s:s, s:s, s:s, s:s}", "do", "issue",
                            "person", person, "agency", connector->consumer,
                            "service", service, "purpose", "test");
        if (pv_desk_ask(connector->desk, request, &answer) == PV_OK) {
            given = json_string_value(json_object_get(answer, "number"));
        }
        json_decref(request);
    }
    if (given != NULL) {
        (void)snprintf(number, NUMBER_ROOM, "%s", given); /* 16 digits */
    } else {
        say(one, PV_TEST_NOT_TRIED, "needs a consent number (R-135)",
            "به شماره رضایت نیاز دارد (R-135)");
    }
    json_decref(answer);
    return given != NULL;
}

/* The request of the method before, with the values that must be the same. */
static json_t *
earlier_request(const struct pv_test_case *one, int64_t when_ms)
{
    const struct pv_after *after = &one->method->after;
    json_t                *request = NULL;

    if (pv_example_request(after->method, true, when_ms, &request) != PV_OK) {
        return NULL;
    }
    for (size_t i = 0; i < after->same_count; i++) {
        const char *name = one->method->input[after->same[i]].name;
        json_t     *value = json_object_get(one->request, name);

        if (value != NULL && json_object_set(request, name, value) != 0) {
            json_decref(request);
            return NULL;
        }
    }
    return request;
}

/* the token that a yes of the method before brings. */
static bool
get_token(const struct pv_test_connector *connector, struct pv_test_case *one)
{
    struct pv_test_reply reply;
    struct pv_why        why;
    json_t              *answer = NULL;
    json_t              *token = NULL;
    json_t              *request;

    if (one->method->after.method == NULL) {
        return true;
    }
    request = earlier_request(one, pv_time_wall_ms());
    if (request != NULL &&
        pv_test_ask(connector, one->method->after.method, request, false, "",
                    &reply, &why) == PV_OK) {
        answer = json_loadb(reply.body.len == 0 ? "" : reply.body.ptr,
                            reply.body.len, JSON_REJECT_DUPLICATES, NULL);
        token = json_object_get(answer, "order_token");
    }
    if (request != NULL) {
        pv_buf_wipe(&reply.body);
    }
    if (token == NULL ||
        json_object_set(one->request, "order_token", token) != 0) {
        say(one, PV_TEST_NOT_TRIED,
            "the method before it says no yes to the same values (R-154)",
            "متد پیشین برای همین اقلام پاسخ بلی نمی‌دهد (R-154)");
        token = NULL;
    }
    json_decref(request);
    json_decref(answer);
    return token != NULL;
}

void
pv_test_run(struct pv_test_connector *connector, bool act,
            struct pv_test_case *one)
{
    bool                 command = one->method->pattern == PV_CALL_COMMAND;
    bool                 with_key = command && one->kind != PV_TEST_NO_KEY;
    bool                 wants_answer = strcmp(one->outcome, "invalid") != 0;
    struct pv_test_reply reply;
    struct pv_why        why = {""};
    enum pv_err          err;
    char                 number[NUMBER_ROOM] = "";
    int64_t              when_ms = pv_time_wall_ms();

    if (wants_answer && command && !act) {
        say(one, PV_TEST_NOT_TRIED, "it changes something: --act",
            "چیزی را عوض می‌کند: ‎--act");
        return;
    }
    if (wants_answer &&
        (!get_consent(connector, one, number) || !get_token(connector, one))) {
        return;
    }
    err = pv_test_ask(connector, one->method, one->request, with_key, number,
                      &reply, &why);
    while (err == PV_OK &&
           pv_test_connector_must_wait(connector, reply.tracking_id)) {
        pv_buf_wipe(&reply.body);
        err = pv_test_ask(connector, one->method, one->request, with_key,
                          number, &reply, &why);
    }
    if (err == PV_OK) {
        judge(connector, one, &reply, when_ms);
    } else {
        say(one, PV_TEST_FAILED, why.text[0] == '\0' ? "no answer" : why.text,
            why.text[0] == '\0' ? "پاسخی نیامد" : why.text);
    }
    pv_buf_wipe(&reply.body);
    explicit_bzero(number, sizeof(number));
}
