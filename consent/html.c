#include "html.h"

static const char style[] =
    "body{font-family:Vazirmatn,sans-serif;max-width:44rem;margin:2rem auto;"
    "padding:0 1rem;line-height:1.7}dt{font-weight:bold}dd{margin:0 0 .6rem}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid "
    "#999;padding:.3rem;text-align:start;vertical-align:top}"
    "button{font:inherit;padding:.4rem 1.5rem}.number{font-size:1.6rem;"
    "letter-spacing:.1em;direction:ltr;unicode-bidi:isolate}"
    ".ltr{direction:ltr;unicode-bidi:isolate}form{display:inline}";

void
html_raw(struct html *html, const char *markup)
{
    if (html->err == PV_OK) {
        html->err = pv_buf_add(html->out, pv_slice_from(markup));
    }
}

void
html_text(struct html *html, const char *text)
{
    for (const char *at = text; *at != '\0' && html->err == PV_OK; at++) {
        switch (*at) {
        case '&':
            html_raw(html, "&amp;");
            break;
        case '<':
            html_raw(html, "&lt;");
            break;
        case '>':
            html_raw(html, "&gt;");
            break;
        case '"':
            html_raw(html, "&quot;");
            break;
        case '\'':
            html_raw(html, "&#39;");
            break;
        default:
            html->err = pv_buf_add_char(html->out, *at);
            break;
        }
    }
}

const char *
html_say(const struct html *html, const char *en, const char *fa)
{
    return html->persian ? fa : en;
}

void
html_element(struct html *html, const char *tag, const char *text)
{
    html_raw(html, "<");
    html_raw(html, tag);
    html_raw(html, ">");
    html_text(html, text);
    html_raw(html, "</");
    html_raw(html, tag);
    html_raw(html, ">");
}

void
html_row(struct html *html, const char *name, const char *text)
{
    html_element(html, "dt", name);
    html_element(html, "dd", text);
}

void
html_begin(struct html *html, const char *title)
{
    html_raw(html, "<!doctype html>\n<html lang=\"");
    html_raw(html, html->persian ? "fa\" dir=\"rtl" : "en\" dir=\"ltr");
    html_raw(html, "\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                   "content=\"width=device-width\"><meta name=\"referrer\" "
                   "content=\"no-referrer\"><title>");
    html_text(html, title);
    html_raw(html, "</title><style>");
    html_raw(html, style);
    html_raw(html, "</style></head><body>");
    html_element(html, "h1", title);
}

void
html_end(struct html *html)
{
    html_raw(html, "</body></html>\n");
}
