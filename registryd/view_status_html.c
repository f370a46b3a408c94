/*
 * view_status_html.c - the public page of services.
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
    {"up", "running", "برقرار"},
    {"outage", "outage", "قطع"},
    {"disruption", "disrupted", "مختل"},
    {"suspended", "suspended", "معلق"},
    {"change", "change", "تغییر"},
    {"replacement", "replacement", "جایگزینی"},
    {"end", "end", "پایان سرویس"},
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

static void
head(struct pv_html *html, const char *en, const char *fa)
{
    pv_html_raw(html, "<h2>");
    pv_html_say(html, en, fa);
    pv_html_raw(html, "</h2>\n");
}

/* "1401-06-15 14:30": left to right, in the digits of the language. */
static void
write_moment(struct pv_html *html, const char *text)
{
    pv_html_raw(html, "<bdi dir=\"ltr\">");
    pv_html_text(html, text);
    pv_html_raw(html, "</bdi>");
}

static void
write_notices(struct pv_html *html, const json_t *notices)
{
    json_t *one;
    size_t  i;

    if (json_array_size(notices) == 0) {
        pv_html_raw(html, "<p>");
        pv_html_say(html, "None.", "موردی نیست.");
        pv_html_raw(html, "</p>\n");
        return;
    }
    pv_html_raw(html, "<table><tbody>\n");
    json_array_foreach(notices, i, one)
    {
        pv_html_raw(html, "<tr><td>");
        pv_html_name(html, json_object_get(one, "service"));
        pv_html_raw(html, "</td><td>");
        say_word(html, pv_member(one, "kind"));
        pv_html_raw(html, "</td><td>");
        write_moment(html, pv_member(one, "from"));
        if (pv_member(one, "until")[0] != '\0') {
            pv_html_say(html, " to ", " تا ");
            write_moment(html, pv_member(one, "until"));
        }
        pv_html_raw(html, "</td><td>");
        pv_html_text(html, pv_html_pick(html, one, "text_fa", "text_en"));
        pv_html_raw(html, "</td></tr>\n");
    }
    pv_html_raw(html, "</tbody></table>\n");
}

/* The other pages for everybody. */
static void
write_links(struct pv_html *html)
{
    pv_html_raw(html, "<p class=\"foot\"><a href=\"public-grants?format=html");
    pv_html_raw(html, html->fa ? "\">" : "&amp;lang=en\">");
    pv_html_say(html, "Who may ask whom", "فهرست مجوزها");
    pv_html_raw(html, "</a> · <a href=\"public-passports?format=html");
    pv_html_raw(html, html->fa ? "\">" : "&amp;lang=en\">");
    pv_html_say(html, "Passports of services",
                "شناسنامه‌های خدمات");
    pv_html_raw(html, "</a></p>\n");
}

void
pv_view_status_html(struct pv_html *html, const json_t *view)
{
    json_t *one;
    size_t  i;

    pv_html_begin(
        html, html->out, html->fa,
        html->fa ? "وضعیت سرویس‌های تبادل اطلاعات"
                 : "State of the exchange's services");
    pv_html_raw(html, "<p class=\"head\">");
    write_moment(html, pv_member(view, "time"));
    pv_html_raw(html, "</p>\n");
    head(html, "Now", "اکنون");
    write_notices(html, json_object_get(view, "notices"));
    head(html, "Announced", "اعلام‌شده برای آینده");
    write_notices(html, json_object_get(view, "upcoming"));
    head(html, "Services", "سرویس‌ها");
    pv_html_raw(html, "<table><tbody>\n");
    json_array_foreach(json_object_get(view, "services"), i, one)
    {
        pv_html_raw(html, "<tr><td>");
        pv_html_name(html, json_object_get(one, "service"));
        pv_html_raw(html, "<br><span class=\"small\">");
        pv_html_id(html, pv_member(one, "id"));
        pv_html_raw(html, "</span></td><td>");
        pv_html_name(html, json_object_get(one, "provider"));
        pv_html_raw(html, "</td><td>");
        say_word(html, pv_member(one, "now"));
        pv_html_raw(html, "</td></tr>\n");
    }
    pv_html_raw(html, "</tbody></table>\n");
    write_links(html);
    pv_html_end(html);
}
