/*
 * html.h - HTML written into a buffer; what is not ours is escaped.
 *
 * The first error sticks in ->err and later calls do nothing.
 */
#ifndef PV_CONSENT_HTML_H
#define PV_CONSENT_HTML_H

#include "base/buf.h"

struct html {
    struct pv_buf *out;
    enum pv_err    err;
    bool           persian;
};

/* The page up to its heading, and its end. */
void html_begin(struct html *html, const char *title);
void html_end(struct html *html);

/* As it stands: our own markup. */
void html_raw(struct html *html, const char *markup);

/* Escaped, as text or inside a quoted attribute. */
void html_text(struct html *html, const char *text);

/* One or the other, by the page's language. */
const char *html_say(const struct html *html, const char *en, const char *fa);

/* <tag>text</tag>, escaped. */
void html_element(struct html *html, const char *tag, const char *text);

/* <dt>name</dt><dd>text</dd>, escaped. */
void html_row(struct html *html, const char *name, const char *text);

#endif
