/* view_public_html.c - lists as tables for people: rights, passports, breaches,
 * how many passports were approved. */
#include <string.h>

#include "html.h"
#include "kind_tables.h"
#include "view.h"

enum form { NAME, NAMES, ID, DAY, NUMBER, TEXT };

struct column {
    const char *member;
    enum form   form;
    const char *en;
    const char *fa;
};

struct table {
    const char          *rows; /* member of the view */
    const char          *en;
    const char          *fa;
    const struct column *column;
    size_t               count;
};

static void
write_cell(struct pv_html *html, const json_t *value, enum form form)
{
    json_t *one;
    size_t  i;

    switch (form) {
    case NAME:
        pv_html_name(html, value);
        return;
    case NAMES:
        pv_html_names(html, value);
        return;
    case ID: /* one, or a list of them */
        pv_html_id(html, json_is_string(value) ? json_string_value(value) : "");
        json_array_foreach(value, i, one)
        {
            pv_html_raw(html, i > 0 ? "<br>" : "");
            pv_html_id(html, json_string_value(one));
        }
        return;
    case DAY:
        if (json_string_length(value) > 0) {
            pv_html_day(html, json_string_value(value));
        }
        return;
    case NUMBER:
        pv_html_number(html, json_integer_value(value));
        return;
    case TEXT:
        pv_html_text(html,
                     json_is_string(value) ? json_string_value(value) : "");
        return;
    }
}

static void
write_table(struct pv_html *html, const json_t *view, const struct table *table)
{
    json_t *row;
    size_t  i;

    pv_html_raw(html, "<h2>");
    pv_html_say(html, table->en, table->fa);
    pv_html_raw(html, "</h2>\n<table><thead><tr>");
    for (size_t c = 0; c < table->count; c++) {
        pv_html_raw(html, "<th>");
        pv_html_say(html, table->column[c].en, table->column[c].fa);
        pv_html_raw(html, "</th>");
    }
    pv_html_raw(html, "</tr></thead><tbody>\n");
    json_array_foreach(json_object_get(view, table->rows), i, row)
    {
        pv_html_raw(html, "<tr>");
        for (size_t c = 0; c < table->count; c++) {
            pv_html_raw(html, "<td>");
            write_cell(html, json_object_get(row, table->column[c].member),
                       table->column[c].form);
            pv_html_raw(html, "</td>");
        }
        pv_html_raw(html, "</tr>\n");
    }
    pv_html_raw(html, "</tbody></table>\n");
}

/* Where the list goes on; ids need no escape in an address. */
static void
write_next(struct pv_html *html, const json_t *view)
{
    const char *next = json_string_value(json_object_get(view, "next"));
    const char *party = json_string_value(json_object_get(view, "party"));

    if (next == NULL) {
        return;
    }
    pv_html_raw(html, "<p class=\"foot\"><a href=\"?format=html&amp;after=");
    pv_html_text(html, next);
    pv_html_raw(html,
                html->fa ? "&amp;count=500" : "&amp;count=500&amp;lang=en");
    if (party != NULL) {
        pv_html_raw(html, "&amp;party=");
        pv_html_text(html, party);
    }
    pv_html_raw(html, "\">");
    pv_html_say(html, "next page", "صفحه بعد");
    pv_html_raw(html, "</a></p>\n");
}

static void
write_page(struct pv_html *html, const json_t *view, const char *en,
           const char *fa, const struct table *table, size_t count)
{
    pv_html_begin(html, html->out, html->fa, html->fa ? fa : en);
    pv_html_raw(html, "<p class=\"head\">");
    pv_html_day(html, json_string_value(json_object_get(view, "day")));
    pv_html_raw(html, "</p>\n");
    for (size_t i = 0; i < count; i++) {
        write_table(html, view, &table[i]);
    }
    write_next(html, view);
    pv_html_end(html);
}

/* ---- rights (R-128) ---- */

static const struct column grant_column[] = {
    {"consumer", NAME, "consumer", "دریافت‌کننده"},
    {"provider", NAME, "provider", "ارائه‌دهنده"},
    {"service", NAME, "service", "سرویس"},
    {"version", ID, "version", "نسخه"},
    {"methods", ID, "methods", "متدها"},
    {"resolution", ID, "resolution", "مصوبه"},
    {"state", ID, "state", "وضعیت"},
};
static const struct column mode_column[] = {
    {"provider", NAME, "provider", "ارائه‌دهنده"},
    {"service", NAME, "service", "سرویس"},
    {"method", ID, "method", "متد"},
    {"mode", ID, "mode", "شیوه"},
    {"list", NAMES, "agencies", "دستگاه‌ها"},
    {"resolution", ID, "resolution", "مصوبه"},
};

void
pv_view_public_grants_html(struct pv_html *html, const json_t *view)
{
    static const struct table tables[] = {
        {"grants", "Rights of agencies", "مجوزهای دستگاه‌ها",
         grant_column, COUNT(grant_column)},
        {"modes", "Services opened to many",
         "سرویس‌های گشوده برای همه", mode_column,
         COUNT(mode_column)}};

    write_page(html, view, "Who may ask whom", "فهرست مجوزهای تبادل اطلاعات",
               tables, COUNT(tables));
}

/* ---- passports (R-255) ---- */

static const struct column passport_column[] = {
    {"agency", NAME, "agency", "دستگاه"},
    {"service", NAME, "service", "سرویس"},
    {"of", ID, "of", "نوع"},
    {"code", ID, "code", "شناسه"},
    {"confirmed", DAY, "confirmed", "تأیید"},
    {"id", ID, "passport", "شناسنامه"},
};

/* What the form says, member by member; lists with commas. */
static void
write_form(struct pv_html *html, const json_t *form)
{
    const char *name;
    json_t     *value;

    pv_html_raw(html, "<table><tbody>\n");
    json_object_foreach((json_t *)(uintptr_t)form, name, value)
    {
        json_t *one;
        size_t  i;

        pv_html_raw(html, "<tr><td>");
        pv_html_id(html, name);
        pv_html_raw(html, "</td><td>");
        if (json_is_string(value)) {
            pv_html_text(html, json_string_value(value));
        } else if (json_is_integer(value)) {
            pv_html_number(html, json_integer_value(value));
        } else if (json_is_boolean(value)) {
            pv_html_say(html, json_is_true(value) ? "yes" : "no",
                        json_is_true(value) ? "بله" : "خیر");
        }
        json_array_foreach(value, i, one)
        {
            if (json_is_string(one)) {
                pv_html_raw(html, i > 0 ? "<br>" : "");
                pv_html_text(html, json_string_value(one));
            }
        }
        pv_html_raw(html, "</td></tr>\n");
    }
    pv_html_raw(html, "</tbody></table>\n");
}

void
pv_view_public_passports_html(struct pv_html *html, const json_t *view)
{
    static const struct table table = {
        "passports", "Confirmed passports",
        "شناسنامه‌های تأییدشده", passport_column,
        COUNT(passport_column)};
    json_t *row;
    size_t  i;

    pv_html_begin(html, html->out, html->fa,
                  html->fa ? "شناسنامه‌های خدمات"
                           : "Passports of services");
    write_table(html, view, &table);
    json_array_foreach(json_object_get(view, "passports"), i, row)
    {
        if (json_object_size(json_object_get(row, "form")) > 0) {
            pv_html_raw(html, "<h2>");
            pv_html_id(html, json_string_value(json_object_get(row, "id")));
            pv_html_raw(html, "</h2>\n");
            write_form(html, json_object_get(row, "form"));
        }
    }
    write_next(html, view);
    pv_html_end(html);
}

/* ---- breaches (R-234) ---- */

static const struct column breach_column[] = {
    {"party", NAME, "party", "طرف"},
    {"side", ID, "as", "نقش"},
    {"service", NAME, "service", "سرویس"},
    {"measure", ID, "measure", "سنجه"},
    {"value", NUMBER, "measured", "سنجیده"},
    {"limit", NUMBER, "limit", "حد"},
    {"unit", ID, "unit", "واحد"},
    {"from", DAY, "from", "از"},
    {"until", DAY, "until", "تا"},
    {"id", ID, "agreement", "توافق‌نامه"},
};

void
pv_view_breaches_html(struct pv_html *html, const json_t *view)
{
    static const struct table table = {"breaches", "Breaches", "موارد نقض",
                                       breach_column, COUNT(breach_column)};

    write_page(html, view, "Breaches of agreements",
               "نقض توافق‌نامه‌های سطح خدمت", &table,
               1);
}

/* ---- passports by agency (R-258) ---- */

static const struct column count_column[] = {
    {"agency", NAME, "agency", "دستگاه"},
    {"services", NUMBER, "services", "سرویس‌ها"},
    {"passports", NUMBER, "passports", "شناسنامه‌ها"},
    {"confirmed", NUMBER, "confirmed", "تأییدشده"},
    {"under_way", NUMBER, "under way", "در جریان"},
};

void
pv_view_passport_counts_html(struct pv_html *html, const json_t *view)
{
    static const struct table table = {
        "agencies", "Passports by agency",
        "شناسنامه‌ها به تفکیک دستگاه", count_column,
        COUNT(count_column)};

    write_page(html, view, "Passports", "شناسنامه‌های خدمات",
               &table, 1);
}
