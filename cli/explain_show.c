/* explain_show.c - the chain for people and for programs. */
#include <stdio.h>
#include <string.h>

#include "base/jalali.h"
#include "base/time.h"
#include "explain.h"
#include "trace_show.h"

#define OUT_MAX_LEN ((size_t)4 * 1024 * 1024)
#define ISO_DATE_LEN 10
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct word {
    const char *word;
    const char *fa;
};

static const struct word kind_fa[] = {
    {"grant", "مجوز"},         {"mode", "شیوه دسترسی"},
    {"request", "درخواست"},    {"agreement", "توافق‌نامه"},
    {"resolution", "مصوبه"},   {"meeting", "جلسه"},
    {"suspension", "تعلیق"},   {"version", "نسخه خدمت"},
    {"publication", "انتشار"}, {"link", "پیوند"},
};

static const struct word role_fa[] = {
    {"chair", "رئیس"},
    {"secretariat", "دبیرخانه"},
    {"representative", "نماینده"},
    {"operator", "بهره‌بردار"},
    {"member", "عضو"},
    {"technical-contact", "رابط فنی"},
    {"security-officer", "مسئول امنیت"},
    {"console", "پیشانه سامانه"},
};

static const char *
in_lang(const struct word *list, size_t count, const char *word,
        enum pv_lang lang)
{
    for (size_t i = 0; lang == PV_LANG_FA && i < count; i++) {
        if (strcmp(list[i].word, word) == 0) {
            return list[i].fa;
        }
    }
    return word;
}

static const char *
member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* The civil day as Gregorian text; empty where it does not read. */
static struct pv_slice
iso_day(const char *jalali, char room[PV_TIME_TEXT_LEN])
{
    struct pv_civil date;
    int64_t         days;

    if (pv_jalali_parse(pv_slice_from(jalali), &date) != PV_OK ||
        pv_jalali_to_days(date, &days) != PV_OK) {
        return PV_LIT("");
    }
    pv_time_text(days * PV_DAY_MS, room);
    return (struct pv_slice){room, ISO_DATE_LEN};
}

static const char *
proof_word(enum pv_explain_proof proof, enum pv_lang lang)
{
    switch (proof) {
    case PV_EXPLAIN_PROVED:
        return pv_cli_text(lang, "proved", "اثبات شد");
    case PV_EXPLAIN_WRONG:
        return pv_cli_text(lang, "NOT PROVED", "اثبات نشد");
    case PV_EXPLAIN_UNPROVED:
        return pv_cli_text(lang, "not checked: no key",
                           "سنجیده نشد: کلیدی داده نشد");
    }
    return "";
}

/* ---- for people ---- */

static void
print_call(const struct pv_explain *explain, enum pv_lang lang)
{
    const struct pv_request_record *r = &explain->record.request;
    char                            time[PV_TIME_TEXT_LEN];
    char                            jalali[PV_JALALI_TEXT_LEN];

    pv_time_text((int64_t)r->time_ms, time);
    pv_jalali_text((int64_t)r->time_ms, jalali);
    /* writing is checked once, at the end */
    (void)printf("%s %.*s: %.*s%s%.*s\n", pv_cli_text(lang, "call", "فراخوانی"),
                 PV_FMT(r->id), PV_FMT(r->decision),
                 r->reason.len > 0 ? " " : "", PV_FMT(r->reason));
    (void)printf("  %.*s -> %.*s/%.*s/%.*s/%.*s\n", PV_FMT(r->consumer),
                 PV_FMT(r->provider), PV_FMT(r->service), PV_FMT(r->version),
                 PV_FMT(r->method));
    (void)printf("  %.*s  (%.*s)\n", PV_TIME_TEXT_LEN, time, PV_JALALI_TEXT_LEN,
                 jalali);
    (void)printf("  %s %llu: %s\n",
                 pv_cli_text(lang, "leaf of the trace", "ردیف دفتر"),
                 (unsigned long long)explain->receipt.request.index,
                 proof_word(explain->call, lang));
}

static void
print_grant(const struct pv_explain *explain, enum pv_lang lang)
{
    const struct pv_request_record *r = &explain->record.request;
    const json_t *body = json_object_get(explain->grant, "body");

    if (!explain->has_grant) {
        (void)puts(pv_cli_text(lang, "no grant applied", "مجوزی در کار نبود"));
        return;
    }
    (void)printf("%s %.*s: %s\n", pv_cli_text(lang, "grant", "مجوز"),
                 PV_FMT(r->grant), member(explain->grant, "state"));
    if (member(body, "resolution")[0] != '\0') {
        (void)printf(
            "  %s %s %s\n", pv_cli_text(lang, "of resolution", "از مصوبه"),
            member(body, "resolution"), member(body, "resolution_item"));
    }
    (void)printf("  %s %llu, %s %llu\n",
                 pv_cli_text(lang, "made by decision", "حاصل تصمیم"),
                 (unsigned long long)r->grant_decision,
                 pv_cli_text(lang, "policy as of decision", "سیاست تا تصمیم"),
                 (unsigned long long)r->image);
}

static void
print_step(const struct pv_explain_step *step, enum pv_lang lang)
{
    const json_t   *document = step->document;
    const char     *kind = member(document, "kind");
    const char     *role = member(document, "role");
    char            room[PV_TIME_TEXT_LEN];
    struct pv_slice iso = iso_day(member(document, "date"), room);

    (void)printf("%s %lld  %s (%.*s)  %s %s: %s %s, %s\n",
                 pv_cli_text(lang, "decision", "تصمیم"),
                 (long long)step->number, member(document, "date"), PV_FMT(iso),
                 in_lang(role_fa, COUNT(role_fa), role, lang),
                 member(document, "of"),
                 in_lang(kind_fa, COUNT(kind_fa), kind, lang),
                 member(document, "id"), member(document, "event"));
    if (member(document, "reason")[0] != '\0') {
        (void)printf("  %s\n", member(document, "reason"));
    }
    (void)printf("  %s: %s\n",
                 pv_cli_text(lang, "leaf of the decision log",
                             "ردیف دفتر تصمیم‌ها"),
                 proof_word(step->proof, lang));
}

int
pv_explain_text(const struct pv_explain *explain, enum pv_lang lang)
{
    print_call(explain, lang);
    print_grant(explain, lang);
    for (size_t i = 0; i < explain->step_count; i++) {
        print_step(&explain->step[i], lang);
    }
    if (pv_explain_is_whole(explain)) {
        (void)puts(pv_cli_text(lang, "whole: every link is proved",
                               "کامل: هر حلقه اثبات شد"));
    }
    for (size_t i = 0; i < explain->fault_count; i++) {
        pv_cli_error("%s: %s", pv_cli_text(lang, "does not hold", "نادرست"),
                     explain->fault[i].text);
    }
    return pv_show_flush();
}

/* ---- for programs ---- */

static const char *
proof_json(enum pv_explain_proof proof)
{
    return proof == PV_EXPLAIN_PROVED  ? "proved"
           : proof == PV_EXPLAIN_WRONG ? "wrong"
                                       : "unchecked";
}

static void
json_call(struct pv_json *json, const struct pv_explain *explain)
{
    const struct pv_request_record *r = &explain->record.request;
    char                            time[PV_TIME_TEXT_LEN];
    char                            jalali[PV_JALALI_TEXT_LEN];

    pv_time_text((int64_t)r->time_ms, time);
    pv_jalali_text((int64_t)r->time_ms, jalali);
    pv_json_object(json, "call");
    pv_json_string(json, "consumer", r->consumer);
    pv_json_string(json, "decision", r->decision);
    pv_json_string(json, "grant", r->grant);
    pv_json_u64(json, "grant_decision", r->grant_decision);
    pv_json_u64(json, "image", r->image);
    pv_json_u64(json, "index", explain->receipt.request.index);
    pv_json_string(json, "method", r->method);
    pv_json_text(json, "proof", proof_json(explain->call));
    pv_json_string(json, "provider", r->provider);
    pv_json_string(json, "reason", r->reason);
    pv_json_string(json, "service", r->service);
    pv_json_string(json, "time", (struct pv_slice){time, sizeof(time)});
    pv_json_string(json, "time_jalali",
                   (struct pv_slice){jalali, sizeof(jalali)});
    pv_json_string(json, "tracking_id", r->id);
    pv_json_string(json, "version", r->version);
    pv_json_end_object(json);
}

static void
json_step(struct pv_json *json, const struct pv_explain_step *step)
{
    static const char *const members[] = {"event",  "id",   "kind", "of",
                                          "reason", "role", "time"};
    const char              *date = member(step->document, "date");
    char                     room[PV_TIME_TEXT_LEN];

    pv_json_object(json, NULL);
    pv_json_string(json, "date", iso_day(date, room));
    pv_json_text(json, "date_jalali", date);
    for (size_t i = 0; i < COUNT(members); i++) {
        if (member(step->document, members[i])[0] != '\0') {
            pv_json_text(json, members[i], member(step->document, members[i]));
        }
    }
    pv_json_u64(json, "number", (uint64_t)step->number);
    pv_json_text(json, "proof", proof_json(step->proof));
    pv_json_end_object(json);
}

int
pv_explain_json(const struct pv_explain *explain)
{
    const json_t  *body = json_object_get(explain->grant, "body");
    struct pv_buf  out;
    struct pv_json json;
    int            code = PV_EXIT_FAILED;

    pv_buf_init(&out, OUT_MAX_LEN);
    pv_json_init(&json, &out);
    pv_json_object(&json, NULL);
    json_call(&json, explain);
    pv_json_array(&json, "decisions");
    for (size_t i = 0; i < explain->step_count; i++) {
        json_step(&json, &explain->step[i]);
    }
    pv_json_end_array(&json);
    pv_json_array(&json, "faults");
    for (size_t i = 0; i < explain->fault_count; i++) {
        pv_json_text(&json, NULL, explain->fault[i].text);
    }
    pv_json_end_array(&json);
    pv_json_text(&json, "grant_state", member(explain->grant, "state"));
    pv_json_text(&json, "log", explain->origin);
    pv_json_u64(&json, "log_size", explain->log_size);
    pv_json_text(&json, "resolution", member(body, "resolution"));
    pv_json_text(&json, "resolution_item", member(body, "resolution_item"));
    pv_json_bool(&json, "whole", pv_explain_is_whole(explain));
    pv_json_end_object(&json);
    if (pv_json_finish(&json) != PV_OK) {
        pv_cli_error("no memory");
    } else {
        code = pv_cli_print(&out);
    }
    pv_buf_clear(&out);
    return code;
}
