/*
 * problem.c - what of a problem (RFC 9457) is handed on: its known members,
 * each of its form. Nobody signs an outcome that is not `answered`, and no
 * contract says what it holds: what else came with it goes nowhere.
 */
#include "client/private.h"

#include <string.h>
#include <strings.h>

#define PROBLEM_MAX ((size_t)16 * 1024) /* as a gateway passes it */
#define TEXT_MAX 2048
#define WORD_MAX 64
#define TYPE "urn:payvand:problem:"

enum form { FORM_TYPE, FORM_WORD, FORM_TEXT };

/* Letters, digits and hyphens. */
static bool
is_word(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return len > 0 && len <= WORD_MAX && text[len] == '\0';
}

/* Without control characters, those of two bytes (C1) too: it may be shown on a
   terminal. */
static bool
is_text(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    for (; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0)) {
            return false;
        }
    }
    return strlen(text) <= TEXT_MAX;
}

static bool
has_form(enum form form, const json_t *value)
{
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) != json_string_length(value)) {
        return false;
    }
    switch (form) {
    case FORM_TYPE:
        return strncmp(text, TYPE, sizeof(TYPE) - 1) == 0 &&
               is_word(text + sizeof(TYPE) - 1);
    case FORM_WORD:
        return is_word(text);
    case FORM_TEXT:
        return is_text(text);
    }
    return false;
}

static bool
is_problem(const struct pv_http *http)
{
    static const char type[] = "application/problem+json";

    return strcasecmp(http->content_type, type) == 0 &&
           http->answer.len <= PROBLEM_MAX;
}

/* What the headers say stands in it, too: one truth. */
static json_t *
make_problem(const struct payvand_call *call, const json_t *came)
{
    static const struct {
        const char *name;
        enum form   form;
    } member[] = {
        {"type", FORM_TYPE},   {"title", FORM_TEXT},  {"title_fa", FORM_TEXT},
        {"reason", FORM_WORD}, {"detail", FORM_TEXT}, {"detail_fa", FORM_TEXT},
        {"fault", FORM_WORD},  {"member", FORM_TEXT},
    };
    json_t *made = json_pack("{s:s,s:I,s:s}", "outcome", call->http.outcome,
                             "status", (json_int_t)call->http.status,
                             "tracking_id", call->http.tracking_id);

    for (size_t i = 0; i < sizeof(member) / sizeof(member[0]); i++) {
        json_t *value = json_object_get(came, member[i].name);

        if (made != NULL && has_form(member[i].form, value) &&
            json_object_set(made, member[i].name, value) != 0) {
            json_decref(made);
            made = NULL;
        }
    }
    return made;
}

static int
add(const char *bytes, size_t len, void *context)
{
    return pv_buf_add(context, (struct pv_slice){bytes, len}) == PV_OK ? 0 : -1;
}

void
pv_client_take_problem(struct payvand_call *call)
{
    struct pv_buf *answer = &call->http.answer;
    json_t        *came = NULL;

    if (is_problem(&call->http)) {
        came = json_loadb(answer->len == 0 ? "" : answer->ptr, answer->len,
                          JSON_REJECT_DUPLICATES, NULL);
    }
    call->problem = make_problem(call, came);
    json_decref(came); /* accepts NULL */
    pv_buf_wipe(answer);
    pv_buf_init(answer, PV_HTTP_ANSWER_MAX);
    if (call->problem != NULL &&
        json_dump_callback(call->problem, add, answer,
                           JSON_COMPACT | JSON_SORT_KEYS) != 0) {
        answer->len = 0; /* the outcome still says it */
    }
}
