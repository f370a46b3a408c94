/* trace_show.c - requests and records for people: both calendars, both
 * languages. What goes to stdout is flushed and checked by pv_show_flush. */
#include <stdio.h>
#include <string.h>

#include "base/jalali.h"
#include "trace_client.h"
#include "trace_show.h"

#define LABEL_WIDTH 14

/* Persian for the states. */
static const struct {
    const char *word;
    const char *fa;
} state_fa[] = {
    {"received", "دریافت شد؛ پایانی ثبت نشده است"},
    {"refused", "رد شد"},
    {"limited", "سهمیه پایان یافته بود"},
    {"closed", "خارج از زمان ارائه خدمت"},
    {"invalid", "ورودی نادرست"},
    {"unavailable", "مرکز تبادل در دسترس نبود؛ ارسال نشد"},
    {"answered", "پاسخ داده شد"},
    {"failed", "خطای ارائه‌دهنده"},
    {"timeout", "ارائه‌دهنده به‌موقع پاسخ نداد"},
    {"unknown", "نامعلوم؛ پردازشگر آن از دست رفت"},
};

/* The fields of a record that a person is shown. */
static const struct {
    const char *name;
    const char *en;
    const char *fa;
} field[] = {
    {"consumer", "consumer", "متقاضی"},
    {"unit", "unit", "واحد"},
    {"provider", "provider", "ارائه‌دهنده"},
    {"service", "service", "خدمت"},
    {"version", "version", "نسخه"},
    {"method", "method", "متد"},
    {"grant", "grant", "مجوز"},
    {"purpose", "purpose", "هدف"},
    {"case", "case", "پرونده"},
    {"via", "via", "از طریق"},
    {"node", "node", "گره"},
};

static const struct {
    const char *name;
    const char *jalali;
    const char *en;
    const char *fa;
} moment[] = {
    {"received_at", "received_at_jalali", "received", "دریافت"},
    {"forwarded_at", "forwarded_at_jalali", "forwarded", "ارسال"},
    {"first_byte_at", "first_byte_at_jalali", "first byte", "نخستین بایت"},
    {"ended_at", "ended_at_jalali", "ended", "پایان"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int
pv_show_flush(void)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        pv_cli_error("cannot write to standard output");
        return PV_EXIT_FAILED;
    }
    return PV_EXIT_OK;
}

static const char *
state_in_persian(const char *word)
{
    for (size_t i = 0; i < COUNT(state_fa); i++) {
        if (strcmp(word, state_fa[i].word) == 0) {
            return state_fa[i].fa;
        }
    }
    return "";
}

/* Pads by characters, not bytes; the zero-width non-joiner takes no room. */
static void
label(enum pv_lang lang, const char *en, const char *fa)
{
    const char *text = pv_cli_text(lang, en, fa);
    int         width = 0;

    for (const char *at = text; *at != '\0'; at++) {
        width += (*at & 0xc0) != 0x80;
        width -= strncmp(at, "\u200c", 3) == 0;
    }
    (void)printf("%s%*s", text,
                 width < LABEL_WIDTH ? LABEL_WIDTH - width + 1 : 1, "");
}

static void
row(enum pv_lang lang, const char *en, const char *fa, const char *value)
{
    if (value[0] != '\0') {
        label(lang, en, fa);
        (void)printf("%s\n", value);
    }
}

static void
show_reason(const json_t *request, enum pv_lang lang)
{
    const char     *word = pv_client_text(request, "reason");
    enum pv_reason  reason = pv_reason_from_word(pv_slice_from(word));
    struct pv_slice title;

    row(lang, "reason", "دلیل", word);
    if (reason != PV_REASON_NONE) {
        title = lang == PV_LANG_FA ? pv_reason_title_fa(reason)
                                   : pv_reason_title_en(reason);
        label(lang, "", "");
        (void)printf("%.*s\n", PV_FMT(title));
    }
}

int
pv_show_request(const json_t *request, enum pv_lang lang)
{
    const json_t *record = json_object_get(request, "record");
    const char   *state = pv_client_text(request, "state");

    row(lang, "tracking id", "شناسه پیگیری",
        pv_client_text(request, "tracking_id"));
    row(lang, "state", "وضعیت", state);
    if (lang == PV_LANG_FA) {
        row(lang, "", "", state_in_persian(state));
    }
    show_reason(request, lang);
    for (size_t i = 0; i < COUNT(moment); i++) {
        const char *text = pv_client_text(request, moment[i].name);

        if (text[0] != '\0') {
            label(lang, moment[i].en, moment[i].fa);
            (void)printf("%s  (%s)\n", text,
                         pv_client_text(request, moment[i].jalali));
        }
    }
    for (size_t i = 0; i < COUNT(field); i++) {
        row(lang, field[i].en, field[i].fa,
            pv_client_text(record, field[i].name));
    }
    label(lang, "leaf", "ردیف");
    (void)printf("%lld\n", (long long)json_integer_value(
                               json_object_get(request, "index")));
    return pv_show_flush();
}

static void
show_call(const json_t *record)
{
    (void)printf(
        "%s -> %s/%s/%s/%s", pv_client_text(record, "consumer"),
        pv_client_text(record, "provider"), pv_client_text(record, "service"),
        pv_client_text(record, "version"), pv_client_text(record, "method"));
}

void
pv_show_line(const json_t *request, enum pv_lang lang)
{
    const char *state = pv_client_text(request, "state");

    (void)printf("%s %s %s ", pv_client_text(request, "received_at"),
                 pv_client_text(request, "received_at_jalali"),
                 pv_client_text(request, "tracking_id"));
    show_call(json_object_get(request, "record"));
    (void)printf(" %s %s\n",
                 lang == PV_LANG_FA ? state_in_persian(state) : state,
                 pv_client_text(request, "reason"));
}

/* ---- records as they come ----------------------------------------------- */

static void
show_when(int64_t ms, long long index)
{
    char text[PV_TIME_TEXT_LEN];
    char jalali[PV_JALALI_TEXT_LEN];

    memset(text, '-', sizeof(text));
    memset(jalali, '-', sizeof(jalali));
    if (ms > 0) {
        pv_time_text(ms, text);
        pv_jalali_text(ms, jalali);
    }
    (void)printf("%.*s %.*s #%lld ", PV_TIME_TEXT_LEN, text, PV_JALALI_TEXT_LEN,
                 jalali, index);
}

static void
show_end(long long of, int64_t forwarded_ms, int64_t last_ms,
         const char *outcome)
{
    show_when(last_ms > 0 ? last_ms : forwarded_ms, of);
    (void)printf("%s\n", outcome);
}

static int64_t
number(const json_t *object, const char *name)
{
    return (int64_t)json_integer_value(json_object_get(object, name));
}

static void
show_ends(const json_t *record)
{
    const json_t *done = json_object_get(record, "done");
    const json_t *item;
    size_t        i;

    json_array_foreach(done, i, item)
    {
        const char *word = json_string_value(json_array_get(item, 4));

        show_end(json_integer_value(json_array_get(item, 0)),
                 json_integer_value(json_array_get(item, 1)),
                 json_integer_value(json_array_get(item, 3)),
                 word == NULL ? "" : word);
    }
}

static void
show_other(const json_t *record, int64_t ms, long long index)
{
    char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);

    show_when(ms, index);
    (void)printf("%s\n", text == NULL ? "" : text);
    free(text);
}

void
pv_show_item(const json_t *item)
{
    const json_t *record = json_object_get(item, "record");
    const json_t *end = json_object_get(item, "completion");
    const char   *type = pv_client_text(record, "type");
    long long     index = number(item, "index");

    if (end != NULL) {
        show_end(number(end, "of"), number(end, "forwarded"),
                 number(end, "last"), pv_client_text(end, "outcome"));
    } else if (strcmp(type, "request") == 0) {
        show_when(number(record, "time"), index);
        (void)printf("%s ", pv_client_text(record, "id"));
        show_call(record);
        (void)printf(" %s %s\n", pv_client_text(record, "decision"),
                     pv_client_text(record, "reason"));
    } else if (strcmp(type, "completions") == 0) {
        show_ends(record);
    } else {
        show_other(
            record,
            number(record, strcmp(type, "refusals") == 0 ? "until" : "time"),
            index);
    }
}
