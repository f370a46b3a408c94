/*
 * view_text.c - views of the registry, line by line. Everything is written
 * with printf and checked once, by the caller, when it is flushed.
 */
#include "view_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* The member in the language asked for, or in the other. */
static const char *
pick(const json_t *object, enum pv_lang lang, const char *en, const char *fa)
{
    const char *first = text_of(object, pv_cli_text(lang, en, fa));

    return first[0] != '\0' ? first
                            : text_of(object, pv_cli_text(lang, fa, en));
}

static void
print_names(const json_t *list, enum pv_lang lang)
{
    json_t *one;
    size_t  i;

    json_array_foreach(list, i, one)
    {
        const char *name = pick(one, lang, "name_en", "name_fa");

        (void)printf("%s%s", i == 0 ? "" : pv_cli_text(lang, ", ", "، "),
                     name[0] == '\0' ? text_of(one, "id") : name);
    }
}

static void
print_duty(const json_t *duty, enum pv_lang lang)
{
    (void)printf("    %s [%s]", text_of(duty, "id"), text_of(duty, "state"));
    if (text_of(duty, "due_day")[0] != '\0') {
        (void)printf(" %s %s", pv_cli_text(lang, "due", "سررسید"),
                     text_of(duty, "due_day"));
    }
    (void)printf(": ");
    print_names(json_object_get(duty, "responsible"), lang);
    (void)printf("\n");
}

static void
print_grant(const json_t *grant, enum pv_lang lang)
{
    (void)printf(
        "    %s [%s]: %s <- %s\n", text_of(grant, "id"),
        text_of(grant, "state"),
        pick(json_object_get(grant, "service"), lang, "name_en", "name_fa"),
        pick(json_object_get(grant, "consumer"), lang, "name_en", "name_fa"));
}

static void
print_order(const json_t *order, enum pv_lang lang)
{
    (void)printf("    %s [%s]: %s\n", text_of(order, "id"),
                 text_of(order, "state"),
                 pick(order, lang, "name_en", "name_fa"));
}

static void
print_mode(const json_t *mode, enum pv_lang lang)
{
    (void)printf(
        "    %s [%s]: %s %s ", text_of(mode, "id"), text_of(mode, "state"),
        pick(json_object_get(mode, "service"), lang, "name_en", "name_fa"),
        text_of(mode, "mode"));
    print_names(json_object_get(mode, "list"), lang);
    (void)printf("\n");
}

static const struct {
    const char *name;
    void (*print)(const json_t *thing, enum pv_lang lang);
} part[] = {{"commitments", print_duty},
            {"orders", print_order},
            {"grants", print_grant},
            {"modes", print_mode}};

static void
print_item(const json_t *item, enum pv_lang lang)
{
    const char *label = text_of(item, "label");

    (void)printf("\n  %s%s%s\n", label, label[0] == '\0' ? "" : ") ",
                 pick(item, lang, "text_en", "text_fa"));
    for (size_t p = 0; p < sizeof(part) / sizeof(part[0]); p++) {
        json_t *thing;
        size_t  i;

        json_array_foreach(json_object_get(item, part[p].name), i, thing)
        {
            part[p].print(thing, lang);
        }
    }
}

void
pv_text_resolution(const json_t *view, enum pv_lang lang)
{
    const json_t *meeting = json_object_get(view, "meeting");
    json_t       *item;
    size_t        i;

    (void)printf("%s [%s] %s\n", text_of(view, "id"), text_of(view, "state"),
                 pick(view, lang, "title_en", "title_fa"));
    (void)printf(
        "  %s %s\n",
        pick(json_object_get(view, "body"), lang, "name_en", "name_fa"),
        text_of(meeting, "date"));
    json_array_foreach(json_object_get(view, "items"), i, item)
    {
        print_item(item, lang);
    }
}

/* ---- agendas ---- */

static void
print_matter(const json_t *matter, enum pv_lang lang)
{
    const json_t *about = json_object_get(matter, "about");

    (void)printf("      %s %s", text_of(matter, "kind"), text_of(matter, "id"));
    if (about != NULL) {
        (void)printf(": %s", pick(about, lang, "name_en", "name_fa"));
    } else {
        (void)printf(": %s", pick(matter, lang, "text_en", "text_fa"));
    }
    (void)printf(" (");
    print_names(json_object_get(matter, "parties"), lang);
    (void)printf(")\n");
}

static void
print_outcomes(const json_t *view, enum pv_lang lang)
{
    json_t *outcome;
    json_t *id;
    size_t  i;
    size_t  r;

    json_array_foreach(json_object_get(view, "outcomes"), i, outcome)
    {
        (void)printf(
            "  %s %lld: %s", pv_cli_text(lang, "outcome of", "نتیجه بند"),
            (long long)json_integer_value(json_object_get(outcome, "row")),
            text_of(outcome, "outcome"));
        json_array_foreach(json_object_get(outcome, "resolutions"), r, id)
        {
            (void)printf(" %s", json_string_value(id));
        }
        (void)printf(" %s\n", text_of(outcome, "to"));
    }
    if (text_of(view, "minutes_fa")[0] != '\0') {
        (void)printf("  %s\n", text_of(view, "minutes_fa"));
    }
}

void
pv_text_agenda(const json_t *view, enum pv_lang lang)
{
    json_t *item;
    json_t *matter;
    size_t  i;
    size_t  m;

    (void)printf(
        "%s %s %s\n",
        pick(json_object_get(view, "body"), lang, "name_en", "name_fa"),
        text_of(view, "id"),
        text_of(view, "id")[0] == '\0' ? text_of(view, "day")
                                       : text_of(view, "date"));
    json_array_foreach(json_object_get(view, "items"), i, item)
    {
        (void)printf(
            "  %lld. %s\n",
            (long long)json_integer_value(json_object_get(item, "row")),
            pick(item, lang, "text_en", "text_fa"));
        json_array_foreach(json_object_get(item, "matters"), m, matter)
        {
            print_matter(matter, lang);
        }
        if (json_array_size(json_object_get(item, "invited")) > 0) {
            (void)printf("    %s: ", pv_cli_text(lang, "invited", "دعوت"));
            print_names(json_object_get(item, "invited"), lang);
            (void)printf("\n");
        }
    }
    print_outcomes(view, lang);
}

/* ---- commitments ---- */

static void
print_row(const json_t *row, enum pv_lang lang)
{
    json_int_t    over = json_integer_value(json_object_get(row, "days_over"));
    const json_t *measured = json_object_get(row, "measured");

    (void)printf("%-10s %-9s ", text_of(row, "due_day"), text_of(row, "state"));
    if (over > 0) {
        (void)printf("+%-5lld ", (long long)over);
    } else {
        (void)printf("%-6s ", "");
    }
    (void)printf("%s: %s (", text_of(row, "id"),
                 pick(row, lang, "text_en", "text_fa"));
    print_names(json_object_get(row, "falls_to"), lang);
    (void)printf(")");
    if (measured != NULL) {
        (void)printf(
            " %lld/%lld",
            (long long)json_integer_value(json_object_get(measured, "done")),
            (long long)json_integer_value(json_object_get(measured, "whole")));
    }
    (void)printf("\n");
}

static void
print_rows(const json_t *rows, enum pv_lang lang)
{
    json_t *row;
    size_t  i;

    json_array_foreach(rows, i, row)
    {
        print_row(row, lang);
    }
}

static void
print_more(const json_t *view, enum pv_lang lang)
{
    if (text_of(view, "next")[0] != '\0') {
        (void)printf("... --after %s\n", text_of(view, "next"));
    } else if (json_is_true(json_object_get(view, "more"))) {
        (void)printf("%s\n",
                     pv_cli_text(lang, "... and more", "... و بیش از این"));
    }
}

void
pv_text_duties(const json_t *view, enum pv_lang lang)
{
    print_rows(json_object_get(view, "commitments"), lang);
    print_more(view, lang);
}

/* A member as text: names of parties, words, numbers, lists. */
static void
print_member(const json_t *row, const char *name)
{
    char *text =
        json_dumps(json_object_get(row, name), JSON_ENCODE_ANY | JSON_COMPACT);

    if (text != NULL) { /* not a member of this list */
        (void)printf("\n    %s %s", name, text);
    }
    free(text);
}

/* A row of any list: its id, who, and what is found or counted. */
static void
print_finding(const json_t *row, enum pv_lang lang)
{
    static const char *const who[] = {"agency", "party", "consumer",
                                      "provider"};
    static const char *const what[] = {
        "violations",    "needs",      "same_as",       "common",
        "exchange_path", "version",    "side",          "measure",
        "value",         "limit",      "unit",          "from",
        "until",         "custodian",  "connected",     "services",
        "paper",         "links",      "path",          "decisions",
        "accesses",      "permille",   "passports",     "confirmed",
        "under_way",     "requests",   "open_requests", "grants",
        "modes",         "calls",      "since",         "due_day",
        "days_over",     "resolution", "mode",          "method",
        "code",          "of",         "title_fa",      "legal_basis"};

    (void)printf("%s", text_of(row, "id")[0] == '\0'
                           ? text_of(json_object_get(row, "agency"), "id")
                           : text_of(row, "id"));
    if (json_object_get(row, "parties") != NULL) {
        (void)printf("  ");
        print_names(json_object_get(row, "parties"), lang);
    }
    for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
        const json_t *party = json_object_get(row, who[i]);

        if (party != NULL) {
            const char *name = pick(party, lang, "name_en", "name_fa");

            (void)printf("  %s", name[0] == '\0' ? text_of(party, "id") : name);
        }
    }
    for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
        print_member(row, what[i]);
    }
    (void)printf("\n");
}

void
pv_text_findings(const json_t *view, enum pv_lang lang)
{
    static const char *const lists[] = {"links",    "paths",    "passports",
                                        "breaches", "agencies", "grants",
                                        "modes",    "bases"};
    json_t                  *row;
    size_t                   i;

    for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
        json_array_foreach(json_object_get(view, lists[l]), i, row)
        {
            print_finding(row, lang);
        }
    }
    print_more(view, lang);
}

static void
print_ending(const json_t *row, enum pv_lang lang)
{
    json_int_t left = json_integer_value(json_object_get(row, "days_left"));

    (void)printf("%s (%s)  ", text_of(row, "last_day"),
                 text_of(row, "last_gregorian"));
    if (left < 0) {
        (void)printf("%s",
                     pv_cli_text(lang, "ended", "پایان‌یافته"));
    } else {
        (void)printf("%lld %s", (long long)left,
                     pv_cli_text(lang, "days", "روز"));
    }
    (void)printf("  %s", text_of(row, "id"));
    if (json_object_get(row, "system") != NULL) {
        (void)printf("  %s", text_of(json_object_get(row, "system"), "id"));
    }
    (void)printf("%s\n", json_is_true(json_object_get(row, "renewed"))
                             ? pv_cli_text(lang, "  (another key follows it)",
                                           "  (کلید تازه ثبت شده است)")
                             : "");
}

void
pv_text_ending(const json_t *view, enum pv_lang lang)
{
    static const char *const lists[] = {"authorities", "certificates"};
    json_t                  *row;
    size_t                   i;

    for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
        json_array_foreach(json_object_get(view, lists[l]), i, row)
        {
            print_ending(row, lang);
        }
    }
    print_more(view, lang);
}

void
pv_text_duty(const json_t *view, enum pv_lang lang)
{
    json_t *step;
    size_t  i;

    print_row(view, lang);
    json_array_foreach(json_object_get(view, "history"), i, step)
    {
        (void)printf(
            "  %s %s (%s %lld)\n", text_of(step, "day"), text_of(step, "state"),
            pv_cli_text(lang, "decision", "تصمیم"),
            (long long)json_integer_value(json_object_get(step, "decision")));
    }
}

void
pv_text_progress(const json_t *view, enum pv_lang lang)
{
    static const struct {
        const char *name;
        const char *en;
        const char *fa;
    } list[] = {
        {"met", "met this week", "انجام‌شده در این هفته"},
        {"became_overdue", "became overdue this week",
         "سررسیدگذشته در این هفته"},
        {"missing_entries", "weekly entry missing", "بدون گزارش هفتگی"}};
    const char *name;
    json_t     *count;

    (void)printf("%s - %s\n", text_of(view, "from"), text_of(view, "day"));
    json_object_foreach(json_object_get(view, "totals"), name, count)
    {
        (void)printf("  %-10s %lld\n", name,
                     (long long)json_integer_value(count));
    }
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        (void)printf("%s:\n", pv_cli_text(lang, list[i].en, list[i].fa));
        print_rows(json_object_get(view, list[i].name), lang);
    }
}
