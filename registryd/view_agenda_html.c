/*
 * view_agenda_html.c - the agenda that is proposed, the invitation to a meeting
 * with its agenda, and its minutes, for print.
 */
#include <string.h>

#include "html.h"
#include "kind_tables.h"
#include "view.h"

static void
write_matter(struct pv_html *html, const json_t *matter)
{
    const json_t *about = json_object_get(matter, "about");
    const char   *text = pv_html_pick(html, matter, "text_fa", "text_en");

    pv_html_raw(html, "<li>");
    if (about != NULL) {
        pv_html_name(html, about);
        pv_html_raw(html, " ");
    }
    pv_html_text(html, text);
    if (json_array_size(json_object_get(matter, "parties")) > 0) {
        pv_html_raw(html, " — ");
        pv_html_names(html, json_object_get(matter, "parties"));
    }
    pv_html_raw(html, " <span class=\"small\">");
    pv_html_id(html, pv_member(matter, "id"));
    pv_html_raw(html, "</span></li>\n");
}

static void
write_items(struct pv_html *html, const json_t *view)
{
    json_t *item;
    json_t *matter;
    size_t  i;
    size_t  m;

    pv_html_raw(html, "<table><thead><tr><th>");
    pv_html_say(html, "Item", "بند");
    pv_html_raw(html, "</th><th>");
    pv_html_say(html, "Subject", "موضوع");
    pv_html_raw(html, "</th><th>");
    pv_html_say(html, "Invited to this item",
                "دعوت‌شدگان این بند");
    pv_html_raw(html, "</th></tr></thead><tbody>\n");
    json_array_foreach(json_object_get(view, "items"), i, item)
    {
        pv_html_raw(html, "<tr><td>");
        pv_html_number(html, json_integer_value(json_object_get(item, "row")));
        pv_html_raw(html, "</td><td>");
        pv_html_text(html, pv_html_pick(html, item, "text_fa", "text_en"));
        if (json_array_size(json_object_get(item, "matters")) > 0) {
            pv_html_raw(html, "<ul>\n");
            json_array_foreach(json_object_get(item, "matters"), m, matter)
            {
                write_matter(html, matter);
            }
            pv_html_raw(html, "</ul>");
        }
        pv_html_raw(html, "</td><td>");
        pv_html_names(html, json_object_get(item, "invited"));
        pv_html_raw(html, "</td></tr>\n");
    }
    pv_html_raw(html, "</tbody></table>\n");
}

static void
write_members(struct pv_html *html, const json_t *view)
{
    const json_t *seats =
        json_object_get(json_object_get(view, "members"), "seats");
    json_t *seat;
    size_t  i;

    if (json_array_size(seats) == 0) {
        return;
    }
    pv_html_raw(html, "<h2>");
    pv_html_say(html, "Members", "اعضا");
    pv_html_raw(html, "</h2><p>");
    json_array_foreach(seats, i, seat)
    {
        pv_html_raw(html, i > 0 ? "؛ " : "");
        pv_html_text(html, json_string_value(seat));
    }
    pv_html_raw(html, "</p>\n");
}

static void
write_purpose(struct pv_html *html, const json_t *invitation)
{
    static const struct {
        const char *word;
        const char *en;
        const char *fa;
    } purpose[] = {
        {"attend", "to attend", "برای حضور"},
        {"information", "for information", "برای اطلاع"},
        {"representative", "to name a representative",
         "برای معرفی نماینده تام‌الاختیار"},
        {"item", "only items ", "فقط برای بندهای "}};
    json_t *row;
    size_t  r;

    for (size_t p = 0; p < COUNT(purpose); p++) {
        if (strcmp(purpose[p].word, pv_member(invitation, "purpose")) == 0) {
            pv_html_say(html, purpose[p].en, purpose[p].fa);
        }
    }
    json_array_foreach(json_object_get(invitation, "rows"), r, row)
    {
        if (r > 0) {
            pv_html_say(html, ", ", "، ");
        }
        pv_html_number(html, json_integer_value(row));
    }
}

/* As they were sent; else as they would be. */
static void
write_invitations(struct pv_html *html, const json_t *view)
{
    const json_t *sent = json_object_get(view, "sent");
    json_t       *one;
    size_t        i;

    pv_html_raw(html, "<h2>");
    pv_html_say(html, "Invited", "دعوت‌شدگان");
    pv_html_raw(html, "</h2><table><tbody>\n");
    json_array_foreach(
        sent == NULL ? json_object_get(view, "invitations") : sent, i, one)
    {
        pv_html_raw(html, "<tr><td>");
        pv_html_name(html, json_object_get(one, "party"));
        pv_html_raw(html, "</td><td>");
        write_purpose(html, one);
        pv_html_raw(html, "</td></tr>\n");
    }
    pv_html_raw(html, "</tbody></table>\n");
}

/* ---- minutes (R-280) ---- */

static void
write_outcome(struct pv_html *html, const json_t *outcome)
{
    static const struct {
        const char *word;
        const char *en;
        const char *fa;
    } words[] = {{"resolution", "resolved", "مصوبه"},
                 {"deferred", "deferred", "موکول شد"},
                 {"expert-meeting", "to an expert meeting", "جلسه کارشناسی"},
                 {"refused", "refused", "رد شد"},
                 {"none", "no decision", "بدون تصمیم"}};
    json_t *id;
    size_t  i;

    for (size_t w = 0; w < COUNT(words); w++) {
        if (strcmp(words[w].word, pv_member(outcome, "outcome")) == 0) {
            pv_html_say(html, words[w].en, words[w].fa);
        }
    }
    json_array_foreach(json_object_get(outcome, "resolutions"), i, id)
    {
        pv_html_raw(html, " ");
        pv_html_id(html, json_string_value(id));
    }
    if (pv_member(outcome, "to")[0] != '\0') {
        pv_html_raw(html, " ");
        pv_html_id(html, pv_member(outcome, "to"));
    }
    if (pv_member(outcome, "note_fa")[0] != '\0') {
        pv_html_raw(html, " — ");
        pv_html_text(html, pv_member(outcome, "note_fa"));
    }
}

static void
write_minutes(struct pv_html *html, const json_t *view)
{
    json_t *present = json_object_get(view, "present");
    json_t *one;
    size_t  i;

    pv_html_raw(html, "<h2>");
    pv_html_say(html, "Outcomes", "نتیجه بندها");
    pv_html_raw(html, "</h2><table><tbody>\n");
    json_array_foreach(json_object_get(view, "outcomes"), i, one)
    {
        pv_html_raw(html, "<tr><td>");
        pv_html_number(html, json_integer_value(json_object_get(one, "row")));
        pv_html_raw(html, "</td><td>");
        write_outcome(html, one);
        pv_html_raw(html, "</td></tr>\n");
    }
    pv_html_raw(html, "</tbody></table>\n<p>");
    pv_html_text(html, pv_member(view, "minutes_fa"));
    pv_html_raw(html, "</p>\n");
    if (json_array_size(present) > 0) {
        pv_html_raw(html, "<h2>");
        pv_html_say(html, "Present", "حاضران");
        pv_html_raw(html, "</h2><p>");
        json_array_foreach(present, i, one)
        {
            pv_html_raw(html, i > 0 ? "؛ " : "");
            pv_html_text(html, json_string_value(one));
        }
        pv_html_raw(html, "</p>\n");
    }
}

void
pv_view_agenda_html(struct pv_html *html, const json_t *view)
{
    pv_html_begin(html, html->out, html->fa,
                  html->fa ? "دستور جلسه پیشنهادی" : "Proposed agenda");
    pv_html_raw(html, "<p class=\"head\">");
    pv_html_name(html, json_object_get(view, "body"));
    pv_html_raw(html, "<br>");
    pv_html_say(html, "What waits on ", "موارد در انتظار تا ");
    pv_html_day(html, pv_member(view, "day"));
    pv_html_raw(html, "</p>\n");
    write_items(html, view);
    write_invitations(html, view);
    write_members(html, view);
    pv_html_end(html);
}

/* The invitation; once there are outcomes, the minutes. */
void
pv_view_meeting_html(struct pv_html *html, const json_t *view)
{
    json_t *number = json_object_get(view, "number");
    bool    is_minuted = json_object_get(view, "outcomes") != NULL;

    if (is_minuted) {
        pv_html_begin(html, html->out, html->fa,
                      html->fa ? "صورت‌جلسه" : "Minutes");
    } else {
        pv_html_begin(html, html->out, html->fa,
                      html->fa ? "دعوت‌نامه و دستور جلسه"
                               : "Invitation and agenda");
    }
    pv_html_raw(html, "<p class=\"head\">");
    pv_html_name(html, json_object_get(view, "body"));
    if (json_is_integer(number)) {
        pv_html_say(html, ", meeting ", "، جلسه ");
        pv_html_number(html, json_integer_value(number));
    }
    pv_html_raw(html, "<br>");
    pv_html_day(html, pv_member(view, "date"));
    if (pv_member(view, "time")[0] != '\0') {
        pv_html_say(html, ", time ", "، ساعت ");
        pv_html_text(html, pv_member(view, "time"));
    }
    if (pv_member(view, "place")[0] != '\0') {
        pv_html_say(html, ", place: ", "، محل: ");
        pv_html_text(html, pv_member(view, "place"));
    }
    pv_html_raw(html, "</p>\n");
    write_items(html, view);
    if (is_minuted) {
        write_minutes(html, view);
    }
    write_invitations(html, view);
    write_members(html, view);
    pv_html_end(html);
}
