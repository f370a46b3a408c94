/*
 * html_due.c - due dates in words.
 */
#include <string.h>

#include "base/due.h"
#include "decide.h"
#include "html.h"
#include "kind_tables.h"

static const struct {
    const char *word;
    const char *en;
    const char *fa;
} anchor[] = {
    {"notification", "the notification", "ابلاغ"},
    {"resolution", "the resolution", "تصویب مصوبه"},
    {"approval", "the approval", "تصویب"},
    {"publication", "the publication", "انتشار"},
    {"go-live", "the service's go-live", "برقراری سرویس"},
    {"task", "the end of the task before", "پایان کار پیشین"},
    {"meeting", "the meeting", "جلسه"},
    {"event", "the event", "رویداد"},
    {"formation", "the formation", "تشکیل"},
    {"principles", "the notification of the principles", "ابلاغ اصول"},
};

static void
say_anchor(struct pv_html *html, const char *word)
{
    for (size_t i = 0; i < COUNT(anchor); i++) {
        if (strcmp(anchor[i].word, word) == 0) {
            pv_html_say(html, anchor[i].en, anchor[i].fa);
            return;
        }
    }
    pv_html_id(html, word);
}

static void
say_period(struct pv_html *html, const char *text)
{
    static const struct {
        const char *en;
        const char *fa;
    } unit[] = {{"years", "سال"},
                {"months", "ماه"},
                {"weeks", "هفته"},
                {"days", "روز"}};
    struct pv_period period;
    int              part[COUNT(unit)];
    bool             more = false;

    if (pv_period_parse(pv_slice_from(text), &period) != PV_OK) {
        pv_html_id(html, text);
        return;
    }
    part[0] = period.years;
    part[1] = period.months;
    part[2] = period.weeks;
    part[3] = period.days;
    for (size_t i = 0; i < COUNT(unit); i++) {
        if (part[i] > 0) {
            if (more) {
                pv_html_say(html, " and ", " و ");
            }
            pv_html_number(html, part[i]);
            pv_html_raw(html, " ");
            pv_html_say(html, unit[i].en, unit[i].fa);
            more = true;
        }
    }
}

static void
say_relative(struct pv_html *html, const json_t *due)
{
    const char *period = pv_member(due, "period");
    const char *event = pv_member(due, "event");

    if (strcmp(period, "P0D") == 0) {
        pv_html_say(html, "with ", "هم‌زمان با ");
    } else {
        say_period(html, period);
        pv_html_say(html, " from ", " از ");
    }
    say_anchor(html, pv_member(due, "from"));
    if (event[0] != '\0') {
        pv_html_raw(html, " ");
        pv_html_id(html, event);
    }
}

void
pv_html_due(struct pv_html *html, const json_t *duty)
{
    const json_t *due = json_object_get(duty, "due");
    const char   *kind = pv_member(due, "kind");
    const char   *day = pv_member(duty, "due_day");

    if (strcmp(kind, "relative") == 0 || strcmp(kind, "conditional") == 0) {
        say_relative(html, due);
    } else if (strcmp(kind, "recurring") == 0) {
        pv_html_say(html, "every ", "هر ");
        say_period(html, pv_member(due, "period"));
    } else if (strcmp(kind, "absolute") == 0) {
        pv_html_say(html, "until ", "تا ");
        pv_html_day(html, pv_member(due, "day"));
    }
    if (day[0] != '\0' && strcmp(kind, "absolute") != 0) {
        pv_html_say(html, " (due ", " (سررسید ");
        pv_html_day(html, day);
        pv_html_raw(html, ")");
    }
    if (pv_member(duty, "extended_to")[0] != '\0') {
        pv_html_say(html, ", extended to ", "، تمدید تا ");
        pv_html_day(html, pv_member(duty, "extended_to"));
    }
}
