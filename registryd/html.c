/*
 * html.c - HTML for print: escaping, digits, days, names.
 */
#include "html.h"

#include <string.h>

#include "base/jalali.h"
#include "decide.h"

#define FULL_TEXT 128

static const char style[] =
    "@page{size:A4;margin:20mm 16mm}"
    "body{font:11pt/1.9 Vazirmatn,\"B Nazanin\",\"Noto Naskh Arabic\",Tahoma,"
    "serif;color:#000;background:#fff;max-width:180mm;margin:0 auto}"
    "h1{font-size:15pt;text-align:center}h2{font-size:12.5pt;margin:1em 0 .3em}"
    "p{margin:.3em 0}.head,.foot{text-align:center;font-size:10pt}"
    ".small{font-size:9pt;color:#333}.draft{border:1pt solid #000;padding:.3em}"
    "table{width:100%;border-collapse:collapse;font-size:9.5pt;margin:.4em 0}"
    "th,td{border:.5pt solid #555;padding:.2em .4em;vertical-align:top;"
    "text-align:start}th{background:#eee}thead{display:table-header-group}"
    "tr,.item{break-inside:avoid}h2{break-after:avoid}"
    ".bad{font-weight:bold}bdi{unicode-bidi:isolate}";

static void
add(struct pv_html *html, struct pv_slice part)
{
    if (html->err == PV_OK) {
        html->err = pv_buf_add(html->out, part);
    }
}

void
pv_html_raw(struct pv_html *html, const char *markup)
{
    add(html, pv_slice_from(markup));
}

/* Escape; and where digits is not NULL, write its digits. */
static void
escape(struct pv_html *html, const char *text, bool persian)
{
    static const char *const digit[] = {"۰", "۱", "۲", "۳", "۴",
                                        "۵", "۶", "۷", "۸", "۹"};

    for (const char *at = text; *at != '\0'; at++) {
        switch (*at) {
        case '&':
            pv_html_raw(html, "&amp;");
            break;
        case '<':
            pv_html_raw(html, "&lt;");
            break;
        case '>':
            pv_html_raw(html, "&gt;");
            break;
        case '"':
            pv_html_raw(html, "&quot;");
            break;
        case '\n':
            pv_html_raw(html, "<br>");
            break;
        default:
            if (persian && *at >= '0' && *at <= '9') {
                pv_html_raw(html, digit[*at - '0']);
            } else {
                add(html, (struct pv_slice){at, 1});
            }
        }
    }
}

void
pv_html_text(struct pv_html *html, const char *text)
{
    escape(html, text, html->fa);
}

void
pv_html_say(struct pv_html *html, const char *en, const char *fa)
{
    escape(html, html->fa ? fa : en, html->fa);
}

void
pv_html_id(struct pv_html *html, const char *id)
{
    pv_html_raw(html, "<bdi dir=\"ltr\">");
    escape(html, id, false);
    pv_html_raw(html, "</bdi>");
}

void
pv_html_number(struct pv_html *html, int64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld",
                   (long long)number); /* 20 characters at most */
    pv_html_text(html, text);
}

void
pv_html_day(struct pv_html *html, const char *day)
{
    char            text[FULL_TEXT];
    struct pv_civil date;
    int64_t         days = 0;

    if (pv_jalali_parse(pv_slice_from(day), &date) != PV_OK ||
        pv_jalali_to_days(date, &days) != PV_OK) {
        pv_html_text(html, day);
        return;
    }
    if (html->fa) {
        (void)snprintf(text, sizeof(text), "%04d/%02d/%02d", date.year,
                       date.month, date.day); /* fits */
    } else {
        struct pv_civil also = pv_time_civil(days);

        (void)snprintf(text, sizeof(text), "%s (%04d-%02d-%02d)", day,
                       also.year, also.month, also.day); /* fits */
    }
    pv_html_raw(html, "<bdi dir=\"ltr\">");
    pv_html_text(html, text);
    pv_html_raw(html, "</bdi>");
}

const char *
pv_html_pick(const struct pv_html *html, const json_t *object, const char *fa,
             const char *en)
{
    const char *first = pv_member(object, html->fa ? fa : en);

    return first[0] != '\0' ? first : pv_member(object, html->fa ? en : fa);
}

void
pv_html_name(struct pv_html *html, const json_t *thing)
{
    const char *name = pv_html_pick(html, thing, "name_fa", "name_en");

    if (name[0] == '\0') {
        pv_html_id(html, pv_member(thing, "id"));
    } else {
        pv_html_text(html, name);
    }
}

void
pv_html_names(struct pv_html *html, const json_t *list)
{
    json_t *one;
    size_t  i;

    if (json_array_size(list) == 0) {
        pv_html_raw(html, "—");
    }
    json_array_foreach(list, i, one)
    {
        if (i > 0) {
            pv_html_say(html, ", ", "، ");
        }
        pv_html_name(html, one);
    }
}

void
pv_html_begin(struct pv_html *html, struct pv_buf *out, bool fa,
              const char *title)
{
    *html = (struct pv_html){out, fa, PV_OK};
    pv_html_raw(html, "<!doctype html>\n<html lang=\"");
    pv_html_raw(html, fa ? "fa\" dir=\"rtl" : "en\" dir=\"ltr");
    pv_html_raw(html,
                "\">\n<head><meta charset=\"utf-8\">"
                "<meta http-equiv=\"Content-Security-Policy\" "
                "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
                "<meta name=\"viewport\" content=\"width=device-width\">"
                "<title>");
    pv_html_text(html, title);
    pv_html_raw(html, "</title><style>");
    pv_html_raw(html, style);
    /* the page's number, in the digits of its language */
    pv_html_raw(html, fa ? "@page{@bottom-center{content:counter(page,persian)"
                           "\" / \"counter(pages,persian)}}"
                         : "@page{@bottom-center{content:counter(page)\" / \""
                           "counter(pages)}}");
    pv_html_raw(html, "</style></head>\n<body>\n<h1>");
    pv_html_text(html, title);
    pv_html_raw(html, "</h1>\n");
}

void
pv_html_end(struct pv_html *html)
{
    pv_html_raw(html, "</body></html>\n");
}
