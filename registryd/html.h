/*
 * html.h - HTML made for print: one document without scripts, without
 * anything from outside, right to left in Persian, its numbers in the digits
 * of its language. Private to registryd.
 *
 * The first error sticks in ->err and later calls do nothing. All text is
 * escaped; only pv_html_raw takes markup, and only literals go there.
 */
#ifndef PV_REGISTRYD_HTML_H
#define PV_REGISTRYD_HTML_H

#include <jansson.h>

#include "base/buf.h"

struct pv_html {
    struct pv_buf *out; /* borrowed */
    bool           fa;
    enum pv_err    err;
};

/* The head, and the title as its first heading. */
void pv_html_begin(struct pv_html *html, struct pv_buf *out, bool fa,
                   const char *title);
void pv_html_end(struct pv_html *html);

void pv_html_raw(struct pv_html *html, const char *markup);
/* Text for people; ASCII digits become those of the language. */
void pv_html_text(struct pv_html *html, const char *text);
/* One of two literals or texts, by the language. */
void pv_html_say(struct pv_html *html, const char *en, const char *fa);
/* An id or a code: left to right, nothing in it is changed. */
void pv_html_id(struct pv_html *html, const char *id);
void pv_html_number(struct pv_html *html, int64_t number);
/* "1401-06-15" as people write it; with the Gregorian day in English. */
void pv_html_day(struct pv_html *html, const char *day);

/* name_fa or name_en of a {"id","name_fa","name_en"}; else the id. */
void pv_html_name(struct pv_html *html, const json_t *thing);
/* Names with commas between; a dash when there is none. */
void pv_html_names(struct pv_html *html, const json_t *list);

/* "one month from the notification (due 1401/12/09)" of a commitment. */
void pv_html_due(struct pv_html *html, const json_t *duty);

/* A member that has two languages: name_fa or name_en, else the other. */
const char *pv_html_pick(const struct pv_html *html, const json_t *object,
                         const char *fa, const char *en);

#endif
