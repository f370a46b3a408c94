/*
 * view_duties_html.c - commitments for print: lists, one, the week.
 */
#include <string.h>

#include "html.h"
#include "kind_tables.h"
#include "view.h"

static const struct {
    const char *word;
    const char *en;
    const char *fa;
} words[] = {
    {"waiting", "waiting", "در انتظار شرط"},
    {"open", "open", "باز"},
    {"reported", "reported", "گزارش‌شده"},
    {"met", "met", "انجام‌شده"},
    {"cancelled", "cancelled", "لغوشده"},
    {"overdue", "overdue", "سررسیدگذشته"},
    {"made", "made", "ایجادشده"},
    {"became_overdue", "became overdue", "تازه سررسیدگذشته"},
    {"all", "Commitments", "تکالیف"},
    {"still-open", "Commitments still open", "تکالیف باز"},
    {"reminders", "Reminders", "یادآوری‌ها"},
    {"before", "before its day", "پیش از سررسید"},
    {"escalated", "long overdue",
     "ارجاع به نهاد تصمیم‌گیر"},
};

static void
say_word(struct pv_html *html, const char *word)
{
    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(words[i].word, word) == 0) {
            pv_html_say(html, words[i].en, words[i].fa);
            return;
        }
    }
    pv_html_id(html, word);
}

static const char *
title_of(const struct pv_html *html, const char *what)
{
    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(words[i].word, what) == 0) {
            return html->fa ? words[i].fa : words[i].en;
        }
    }
    return what;
}

/* ---- rows ---- */

static void
begin_table(struct pv_html *html)
{
    static const struct {
        const char *en;
        const char *fa;
    } column[] = {{"Commitment", "تکلیف"},
                  {"Responsible", "مسئول"},
                  {"Due", "مهلت"},
                  {"State", "وضعیت"}};

    pv_html_raw(html, "<table><thead><tr>");
    for (size_t c = 0; c < COUNT(column); c++) {
        pv_html_raw(html, "<th>");
        pv_html_say(html, column[c].en, column[c].fa);
        pv_html_raw(html, "</th>");
    }
    pv_html_raw(html, "</tr></thead><tbody>\n");
}

static void
write_state(struct pv_html *html, const json_t *row)
{
    json_int_t over = json_integer_value(json_object_get(row, "days_over"));
    json_t    *percent = json_object_get(row, "percent");
    json_t    *measured = json_object_get(row, "measured");

    if (over > 0) {
        pv_html_raw(html, "<span class=\"bad\">");
        pv_html_number(html, over);
        pv_html_say(html, " days overdue", " روز از سررسید گذشته");
        pv_html_raw(html, "</span>");
    } else {
        say_word(html, pv_member(row, "state"));
    }
    if (percent != NULL) {
        pv_html_raw(html, "<br>");
        pv_html_number(html, json_integer_value(percent));
        pv_html_say(html, " %", " درصد");
    }
    if (measured != NULL) { /* */
        pv_html_raw(html, "<br>");
        pv_html_number(html,
                       json_integer_value(json_object_get(measured, "done")));
        pv_html_say(html, " of ", " از ");
        pv_html_number(html,
                       json_integer_value(json_object_get(measured, "whole")));
    }
    if (pv_member(row, "level")[0] != '\0') {
        pv_html_raw(html, "<br>");
        pv_html_say(html, "tell: ", "یادآوری به: ");
        pv_html_names(html, json_object_get(row, "remind"));
    }
}

static void
write_row(struct pv_html *html, const json_t *row)
{
    pv_html_raw(html, "<tr><td>");
    pv_html_text(html, pv_html_pick(html, row, "text_fa", "text_en"));
    pv_html_raw(html, "<br><span class=\"small\">");
    pv_html_id(html, pv_member(row, "id"));
    pv_html_raw(html, "</span></td><td>");
    pv_html_names(html, json_object_get(row, "falls_to"));
    if (json_object_get(row, "taken_from") != NULL) {
        pv_html_say(html, ", taken over from ", "، به جای ");
        pv_html_names(html, json_object_get(row, "taken_from"));
    }
    pv_html_raw(html, "</td><td>");
    pv_html_due(html, row);
    pv_html_raw(html, "</td><td>");
    write_state(html, row);
    pv_html_raw(html, "</td></tr>\n");
}

static void
write_rows(struct pv_html *html, const json_t *rows)
{
    json_t *row;
    size_t  i;

    begin_table(html);
    json_array_foreach(rows, i, row)
    {
        write_row(html, row);
    }
    pv_html_raw(html, "</tbody></table>\n");
}

/* ---- the views ---- */

void
pv_view_commitments_html(struct pv_html *html, const json_t *view)
{
    const json_t *rows = json_object_get(view, "commitments");

    pv_html_begin(html, html->out, html->fa,
                  title_of(html, pv_member(view, "what")));
    pv_html_raw(html, "<p class=\"head\">");
    pv_html_day(html, pv_member(view, "day"));
    pv_html_say(html, ", number: ", "، تعداد: ");
    pv_html_number(html, (int64_t)json_array_size(rows));
    if (json_is_true(json_object_get(view, "more"))) {
        pv_html_say(html, " (the first of more)", " (بخشی از فهرست)");
    }
    pv_html_raw(html, "</p>\n");
    write_rows(html, rows);
    pv_html_end(html);
}

void
pv_view_commitment_html(struct pv_html *html, const json_t *view)
{
    json_t *step;
    size_t  i;

    pv_html_begin(html, html->out, html->fa, html->fa ? "تکلیف" : "Commitment");
    begin_table(html);
    write_row(html, view);
    pv_html_raw(html, "</tbody></table>\n<h2>");
    pv_html_say(html, "History", "پیشینه");
    pv_html_raw(html, "</h2>\n<table><tbody>\n");
    json_array_foreach(json_object_get(view, "history"), i, step)
    {
        pv_html_raw(html, "<tr><td>");
        pv_html_day(html, pv_member(step, "day"));
        pv_html_raw(html, "</td><td>");
        say_word(html, pv_member(step, "state"));
        pv_html_raw(html, "</td><td>");
        pv_html_say(html, "decision ", "تصمیم شماره ");
        pv_html_number(html,
                       json_integer_value(json_object_get(step, "decision")));
        pv_html_raw(html, "</td></tr>\n");
    }
    pv_html_raw(html, "</tbody></table>\n");
    pv_html_end(html);
}

static void
write_counts(struct pv_html *html, const json_t *counts)
{
    const char *name;
    json_t     *count;
    bool        more = false;

    pv_html_raw(html, "<p>");
    json_object_foreach((json_t *)(uintptr_t)counts, name, count)
    {
        if (more) {
            pv_html_say(html, ", ", "، ");
        }
        say_word(html, name);
        pv_html_raw(html, ": ");
        pv_html_number(html, json_integer_value(count));
        more = true;
    }
    pv_html_raw(html, "</p>\n");
}

static void
write_parties(struct pv_html *html, const json_t *parties)
{
    static const char *const columns[] = {"open", "overdue", "met"};
    json_t                  *one;
    size_t                   i;

    pv_html_raw(html, "<table><thead><tr><th>");
    pv_html_say(html, "Agency", "دستگاه");
    for (size_t c = 0; c < COUNT(columns); c++) {
        pv_html_raw(html, "</th><th>");
        say_word(html, columns[c]);
    }
    pv_html_raw(html, "</th></tr></thead><tbody>\n");
    json_array_foreach(parties, i, one)
    {
        pv_html_raw(html, "<tr><td>");
        pv_html_name(html, json_object_get(one, "party"));
        for (size_t c = 0; c < COUNT(columns); c++) {
            pv_html_raw(html, "</td><td>");
            pv_html_number(
                html, json_integer_value(json_object_get(one, columns[c])));
        }
        pv_html_raw(html, "</td></tr>\n");
    }
    pv_html_raw(html, "</tbody></table>\n");
}

void
pv_view_progress_html(struct pv_html *html, const json_t *view)
{
    static const struct {
        const char *name;
        const char *en;
        const char *fa;
    } part[] = {
        {"met", "Met this week", "انجام‌شده در این هفته"},
        {"became_overdue", "Became overdue this week",
         "سررسیدگذشته در این هفته"},
        {"missing_entries", "Weekly entry missing", "بدون گزارش هفتگی"}};

    pv_html_begin(html, html->out, html->fa,
                  html->fa ? "گزارش هفتگی پیشرفت تکالیف"
                           : "Weekly progress of commitments");
    pv_html_raw(html, "<p class=\"head\">");
    pv_html_day(html, pv_member(view, "from"));
    pv_html_say(html, " to ", " تا ");
    pv_html_day(html, pv_member(view, "day"));
    pv_html_raw(html, "</p>\n<h2>");
    pv_html_say(html, "In all", "در مجموع");
    pv_html_raw(html, "</h2>\n");
    write_counts(html, json_object_get(view, "totals"));
    pv_html_raw(html, "<h2>");
    pv_html_say(html, "This week", "در این هفته");
    pv_html_raw(html, "</h2>\n");
    write_counts(html, json_object_get(view, "week"));
    write_parties(html, json_object_get(view, "parties"));
    for (size_t p = 0; p < COUNT(part); p++) {
        const json_t *rows = json_object_get(view, part[p].name);

        pv_html_raw(html, "<h2>");
        pv_html_say(html, part[p].en, part[p].fa);
        pv_html_raw(html, "</h2>\n");
        if (json_array_size(rows) == 0) {
            pv_html_raw(html, "<p>—</p>\n");
        } else {
            write_rows(html, rows);
        }
    }
    pv_html_end(html);
}
