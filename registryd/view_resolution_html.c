/*
 * view_resolution_html.c - the official text of a resolution, made from the
 * view of its records.
 */
#include <string.h>

#include "decide.h"
#include "html.h"
#include "kind_tables.h"
#include "view.h"

struct words {
    const char *word;
    const char *en;
    const char *fa;
};

static void
say_word(struct pv_html *html, const struct words *words, const char *word)
{
    for (size_t i = 0; words[i].word != NULL; i++) {
        if (strcmp(words[i].word, word) == 0) {
            pv_html_say(html, words[i].en, words[i].fa);
            return;
        }
    }
    pv_html_id(html, word);
}

/* ---- the parts of an item ---- */

static void
line(struct pv_html *html, const char *en, const char *fa)
{
    pv_html_raw(html, "<br>");
    pv_html_say(html, en, fa);
    pv_html_raw(html, ": ");
}

static void
write_duty(struct pv_html *html, const json_t *duty)
{
    pv_html_raw(html, "<p class=\"small\">");
    pv_html_say(html, "Responsible", "مسئول");
    pv_html_raw(html, ": ");
    pv_html_names(html, json_object_get(duty, "responsible"));
    if (json_array_size(json_object_get(duty, "collaborators")) > 0) {
        line(html, "With", "همکار");
        pv_html_names(html, json_object_get(duty, "collaborators"));
    }
    if (json_array_size(json_object_get(duty, "services")) > 0) {
        line(html, "Services", "سرویس‌ها");
        pv_html_names(html, json_object_get(duty, "services"));
    }
    if (strcmp(pv_member(json_object_get(duty, "due"), "kind"), "open") != 0) {
        line(html, "Time", "مهلت");
        pv_html_due(html, duty);
    }
    line(html, "Commitment", "شماره تکلیف");
    pv_html_id(html, pv_member(duty, "id"));
    pv_html_raw(html, "</p>\n");
}

static void
write_grant(struct pv_html *html, const json_t *grant)
{
    const json_t *part = json_object_get(grant, "unit");

    pv_html_raw(html, "<tr><td>");
    pv_html_name(html, json_object_get(grant, "consumer"));
    if (part == NULL) {
        part = json_object_get(grant, "system");
    }
    if (part != NULL) {
        pv_html_raw(html, " (");
        pv_html_name(html, part);
        pv_html_raw(html, ")");
    }
    pv_html_raw(html, "</td><td>");
    pv_html_name(html, json_object_get(grant, "service"));
    pv_html_raw(html, "</td><td>");
    pv_html_id(html, pv_member(grant, "id"));
    pv_html_raw(html, "</td></tr>\n");
}

static void
write_order(struct pv_html *html, const json_t *order)
{
    pv_html_raw(html, "<tr><td>");
    pv_html_name(html, order);
    pv_html_raw(html, "</td><td>");
    if (json_object_get(order, "provider") != NULL) {
        pv_html_name(html, json_object_get(order, "provider"));
    }
    pv_html_raw(html, "</td><td>");
    pv_html_id(html, pv_member(order, "id"));
    pv_html_raw(html, "</td></tr>\n");
}

static void
write_mode(struct pv_html *html, const json_t *mode)
{
    static const struct words words[] = {
        {"all", "all agencies", "همه دستگاه‌ها"},
        {"all-except", "all agencies but",
         "همه دستگاه‌ها به جز"},
        {"allow-list", "only", "فقط"},
        {NULL, NULL, NULL}};

    pv_html_raw(html, "<tr><td>");
    say_word(html, words, pv_member(mode, "mode"));
    if (json_array_size(json_object_get(mode, "list")) > 0) {
        pv_html_raw(html, " ");
        pv_html_names(html, json_object_get(mode, "list"));
    }
    pv_html_raw(html, "</td><td>");
    pv_html_name(html, json_object_get(mode, "service"));
    pv_html_raw(html, "</td><td>");
    pv_html_id(html, pv_member(mode, "id"));
    pv_html_raw(html, "</td></tr>\n");
}

static const struct {
    const char  *name;
    struct words column[3];
    void (*row)(struct pv_html *html, const json_t *thing);
} table[] = {
    {"orders",
     {{"", "Service ordered", "سرویس سفارش‌شده"},
      {"", "Provider", "ارائه‌دهنده"},
      {"", "Version", "نسخه"}},
     write_order},
    {"grants",
     {{"", "Consumer", "دریافت‌کننده"},
      {"", "Service", "سرویس"},
      {"", "Grant", "شماره مجوز"}},
     write_grant},
    {"modes",
     {{"", "Open to", "باز برای"},
      {"", "Service", "سرویس"},
      {"", "Mode", "شماره شیوه"}},
     write_mode},
};

static void
write_tables(struct pv_html *html, const json_t *item)
{
    for (size_t t = 0; t < COUNT(table); t++) {
        const json_t *things = json_object_get(item, table[t].name);
        json_t       *thing;
        size_t        i;

        if (json_array_size(things) == 0) {
            continue;
        }
        pv_html_raw(html, "<table><thead><tr>");
        for (size_t c = 0; c < COUNT(table[t].column); c++) {
            pv_html_raw(html, "<th>");
            pv_html_say(html, table[t].column[c].en, table[t].column[c].fa);
            pv_html_raw(html, "</th>");
        }
        pv_html_raw(html, "</tr></thead><tbody>\n");
        json_array_foreach(things, i, thing)
        {
            table[t].row(html, thing);
        }
        pv_html_raw(html, "</tbody></table>\n");
    }
}

static void
write_item(struct pv_html *html, const json_t *item)
{
    const char *label = pv_member(item, "label");
    json_t     *duty;
    size_t      i;

    pv_html_raw(html, "<div class=\"item\"><p><b>");
    if (label[0] != '\0') {
        pv_html_text(html, label);
        pv_html_raw(html, ") ");
    }
    pv_html_raw(html, "</b>");
    pv_html_text(html, pv_html_pick(html, item, "text_fa", "text_en"));
    pv_html_raw(html, "</p>\n");
    json_array_foreach(json_object_get(item, "commitments"), i, duty)
    {
        write_duty(html, duty);
    }
    write_tables(html, item);
    if (pv_member(item, "note")[0] != '\0') {
        pv_html_raw(html, "<p class=\"small\">");
        pv_html_text(html, pv_member(item, "note"));
        pv_html_raw(html, "</p>");
    }
    pv_html_raw(html, "</div>\n");
}

/* ---- around the items ---- */

static void
write_head(struct pv_html *html, const json_t *view)
{
    const json_t *meeting = json_object_get(view, "meeting");
    const json_t *letter = json_object_get(view, "letter");

    pv_html_raw(html, "<p class=\"head\">");
    if (json_object_get(view, "body") != NULL) {
        pv_html_name(html, json_object_get(view, "body"));
    }
    if (json_is_integer(json_object_get(meeting, "number"))) {
        pv_html_say(html, ", meeting ", "، جلسه ");
        pv_html_number(html,
                       json_integer_value(json_object_get(meeting, "number")));
    }
    if (meeting != NULL) {
        pv_html_say(html, " of ", " مورخ ");
        pv_html_day(html, pv_member(meeting, "date"));
    }
    if (pv_member(letter, "number")[0] != '\0') {
        line(html, "Letter", "شماره نامه");
        pv_html_id(html, pv_member(letter, "number"));
    }
    if (pv_member(letter, "date_jalali")[0] != '\0') {
        pv_html_say(html, " of ", " مورخ ");
        pv_html_day(html, pv_member(letter, "date_jalali"));
    }
    pv_html_raw(html, "</p>\n");
}

static void
write_basis(struct pv_html *html, const json_t *view)
{
    json_t *one;
    size_t  i;

    if (json_array_size(json_object_get(view, "legal_basis")) > 0) {
        pv_html_raw(html, "<p>");
        pv_html_say(html, "By virtue of: ", "مستند قانونی: ");
        json_array_foreach(json_object_get(view, "legal_basis"), i, one)
        {
            pv_html_raw(html, i > 0 ? "؛ " : "");
            pv_html_text(html, json_string_value(one));
        }
        pv_html_raw(html, "</p>\n");
    }
    json_array_foreach(json_object_get(view, "cites"), i, one)
    {
        pv_html_raw(html, "<p class=\"small\">");
        pv_html_say(html, "See resolution ", "با استناد به مصوبه ");
        pv_html_id(html, pv_member(one, "id"));
        pv_html_raw(html, " ");
        pv_html_text(html, pv_html_pick(html, one, "title_fa", "title_en"));
        pv_html_raw(html, "</p>\n");
    }
}

/* Until it is enacted it is a draft, and says so on paper too. */
static void
write_standing(struct pv_html *html, const json_t *view)
{
    const json_t *enacted =
        json_object_get(json_object_get(view, "steps"), "enacted");

    if (strcmp(pv_member(view, "state"), "cited") == 0) {
        pv_html_raw(html, "<p class=\"draft\">");
        pv_html_say(html, "Only cited here; its text is not in the registry.",
                    "فقط به آن استناد شده و متن آن در دفتر نیست.");
        pv_html_raw(html, "</p>\n");
    } else if (enacted == NULL) {
        pv_html_raw(html, "<p class=\"draft\">");
        pv_html_say(html, "Draft: not decided yet.",
                    "پیش‌نویس: هنوز تصویب نشده است.");
        pv_html_raw(html, "</p>\n");
    }
}

static void
write_foot(struct pv_html *html, const json_t *view)
{
    const json_t *steps = json_object_get(view, "steps");
    const json_t *enacted = json_object_get(steps, "enacted");
    const json_t *notified = json_object_get(steps, "notified");

    if (enacted == NULL) {
        return;
    }
    pv_html_raw(html, "<p class=\"foot\">");
    pv_html_say(html, "Enacted on ", "تصویب: ");
    pv_html_day(html, pv_member(enacted, "day"));
    if (notified != NULL) {
        pv_html_say(html, ", notified on ", "، ابلاغ: ");
        pv_html_day(html, pv_member(notified, "day"));
    }
    pv_html_raw(html, "<br>");
    pv_html_id(html, pv_member(view, "id"));
    pv_html_say(html, ", decision ", "، تصمیم شماره ");
    pv_html_number(html,
                   json_integer_value(json_object_get(enacted, "decision")));
    pv_html_say(html, " of the registry", " دفتر ثبت");
    pv_html_raw(html, "</p>\n");
}

void
pv_view_resolution_html(struct pv_html *html, const json_t *view)
{
    char    title[PV_TEXT_FIELD_MAX + 64];
    json_t *number = json_object_get(view, "number");
    json_t *item;
    size_t  i;

    (void)snprintf(title, sizeof(title),
                   html->fa ? "مصوبه %s%.0lld%s%s" : "Resolution %s%.0lld%s%s",
                   pv_member(view, "label"),
                   (long long)json_integer_value(number), ": ",
                   pv_html_pick(html, view, "title_fa", "title_en")); /* fits */
    pv_html_begin(html, html->out, html->fa, title);
    write_head(html, view);
    write_standing(html, view);
    write_basis(html, view);
    json_array_foreach(json_object_get(view, "items"), i, item)
    {
        write_item(html, item);
    }
    write_foot(html, view);
    pv_html_end(html);
}
