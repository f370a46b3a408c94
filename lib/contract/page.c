#include "contract/page.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/jalali.h"
#include "contract/call_text.h"
#include "contract/example.h"
#include "contract/page_private.h"

#define FACT_MAX 512
#define EXAMPLE_MAX (64u * 1024)

static const char head_text[] =
    "<!DOCTYPE html>\n<html lang=\"%s\" dir=\"%s\"><head><meta "
    "charset=\"utf-8\">\n<meta name=\"viewport\" "
    "content=\"width=device-width\">\n<style>\n"
    "body{font-family:Vazirmatn,Tahoma,sans-serif;line-height:1.7;"
    "max-width:60em;margin:2em auto;padding:0 1em;color:#222}\n"
    "table{border-collapse:collapse;width:100%%;margin:.5em 0 1.5em}\n"
    "th,td{border:1px solid #bbb;padding:.3em .6em;text-align:start;"
    "vertical-align:top}\nth{background:#eef2f6}\n"
    "pre,code{direction:ltr;text-align:left;unicode-bidi:isolate}\n"
    "pre{background:#f6f6f6;padding:.8em;overflow:auto}\n"
    ".proposed{color:#8a5a00}\n"
    "</style>\n";

void
pv_page_raw(struct pv_page *page, const char *html)
{
    if (page->err == PV_OK) {
        page->err = pv_buf_add(page->out, pv_slice_from(html));
    }
}

void
pv_page_text(struct pv_page *page, const char *text)
{
    for (const char *c = text; page->err == PV_OK && *c != '\0'; c++) {
        switch (*c) {
        case '<':
            pv_page_raw(page, "&lt;");
            break;
        case '>':
            pv_page_raw(page, "&gt;");
            break;
        case '&':
            pv_page_raw(page, "&amp;");
            break;
        case '"':
            pv_page_raw(page, "&quot;");
            break;
        default:
            page->err = pv_buf_add_char(page->out, *c);
            break;
        }
    }
}

void
pv_page_element(struct pv_page *page, const char *name, const char *text)
{
    pv_page_raw(page, "<");
    pv_page_raw(page, name);
    pv_page_raw(page, ">");
    pv_page_text(page, text);
    pv_page_raw(page, "</");
    pv_page_raw(page, name);
    pv_page_raw(page, ">\n");
}

const char *
pv_page_say(const struct pv_page *page, const char *en, const char *fa)
{
    return page->fa ? fa : en;
}

const char *
pv_page_word(const struct pv_page *page, const json_t *source, const char *name)
{
    char        member[64];
    const char *text;

    (void)snprintf(member, sizeof(member), "%s_%s", name,
                   page->fa ? "fa" : "en"); /* names are short */
    text = json_string_value(json_object_get(source, member));
    return text == NULL ? "" : text;
}

void
pv_page_day(const char *jalali, char room[PV_PAGE_DAYS_ROOM])
{
    struct pv_civil day;
    int64_t         days;

    if (pv_jalali_parse(pv_slice_from(jalali), &day) != PV_OK ||
        pv_jalali_to_days(day, &days) != PV_OK) {
        (void)snprintf(room, PV_PAGE_DAYS_ROOM, "%.10s", jalali);
        return;
    }
    day = pv_time_civil(days);
    (void)snprintf(room, PV_PAGE_DAYS_ROOM, "%.10s (%04d-%02d-%02d)", jalali,
                   day.year, day.month, day.day); /* a calendar's days */
}

void
pv_page_line(struct pv_page *page, const char *label, const char *text,
             const char *source)
{
    pv_page_raw(page, "<li><strong>");
    pv_page_text(page, label);
    pv_page_raw(page, "</strong> ");
    pv_page_text(page, text);
    if (source != NULL) {
        pv_page_raw(page, " <small>");
        pv_page_text(page, source);
        pv_page_raw(page, "</small>");
    }
    pv_page_raw(page, "</li>\n");
}

void
pv_page_fact(struct pv_page *page, const char *source, const char *label,
             const char *format, ...)
{
    char    text[FACT_MAX];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof(text), format, list); /* names are short */
    va_end(list);
    pv_page_line(page, label, text, source);
}

/* ---- examples ---- */

static void
call(struct pv_page *page, const struct pv_contract_method *method,
     enum pv_call_text as, const char *name)
{
    struct pv_buf text;
    const char   *command;

    pv_buf_init(&text, EXAMPLE_MAX);
    if (page->err == PV_OK) {
        page->err = pv_call_text(method, as, NULL, page->when_ms, &text);
    }
    if (page->err == PV_OK) {
        page->err = pv_buf_cstr(&text, &command);
    }
    if (page->err == PV_OK) {
        pv_page_raw(page, as == PV_CALL_CURL ? "<details open>" : "<details>");
        pv_page_element(page, "summary", name);
        pv_page_element(page, "pre", command);
        pv_page_raw(page, "</details>\n");
    }
    pv_buf_clear(&text);
}

static void
examples(struct pv_page *page, const struct pv_contract_method *method)
{
    json_t *answer = NULL;
    char   *text = NULL;

    pv_page_element(page, "h3", pv_page_say(page, "A call", "یک فراخوانی"));
    call(page, method, PV_CALL_CURL, "curl");
    call(page, method, PV_CALL_PYTHON, "Python");
    call(page, method, PV_CALL_JAVA, "Java");
    call(page, method, PV_CALL_CSHARP, "C#");
    if (page->err == PV_OK) {
        page->err = pv_example_answer(method, page->when_ms, &answer);
    }
    if (page->err == PV_OK) {
        text = json_dumps(answer, JSON_INDENT(2));
        page->err = text == NULL ? PV_ENOMEM : PV_OK;
    }
    if (page->err == PV_OK) {
        pv_page_element(page, "h3", pv_page_say(page, "Its answer", "پاسخ آن"));
        pv_page_element(page, "pre", text);
    }
    free(text);
    json_decref(answer);
}

/* ---- the page ---- */

static void
basis(struct pv_page *page, bool proposed)
{
    if (proposed) {
        pv_page_raw(page, "<span class=\"proposed\">");
        pv_page_text(page, pv_page_say(page, "proposed", "پیشنهادی"));
        pv_page_raw(page, "</span>");
    } else {
        pv_page_text(page, pv_page_say(page, "stated in the documents",
                                       "آمده در اسناد"));
    }
}

static void
sources(struct pv_page *page, const json_t *list)
{
    const json_t *source;
    size_t        i;

    if (json_array_size(list) == 0) {
        return;
    }
    pv_page_raw(page, "<p>");
    pv_page_text(page, pv_page_say(page, "Sources: ", "منابع: "));
    json_array_foreach(list, i, source)
    {
        const char *document =
            json_string_value(json_object_get(source, "document"));
        const char *clause =
            json_string_value(json_object_get(source, "clause"));

        pv_page_raw(page, i == 0 ? "<bdi>" : "; <bdi>");
        pv_page_text(page, document == NULL ? "" : document);
        pv_page_raw(page, clause == NULL ? "" : ", ");
        pv_page_text(page, clause == NULL ? "" : clause);
        pv_page_raw(page, "</bdi>");
    }
    pv_page_raw(page, "</p>\n");
}

static void
head(struct pv_page *page, const struct pv_contract *contract)
{
    char today[PV_JALALI_TEXT_LEN + 1] = "";
    char both[PV_PAGE_DAYS_ROOM];

    pv_jalali_text(page->when_ms, today);
    pv_page_day(today, both);
    if (page->err == PV_OK) {
        page->err = pv_buf_addf(page->out, head_text, page->fa ? "fa" : "en",
                                page->fa ? "rtl" : "ltr");
    }
    pv_page_element(page, "title", pv_page_word(page, contract->root, "title"));
    pv_page_raw(page, "</head><body>\n");
    pv_page_element(page, "h1", pv_page_word(page, contract->root, "title"));
    pv_page_raw(page, "<p>");
    pv_page_text(page,
                 pv_page_say(page, "Provider: ", "ارائه‌دهنده: "));
    pv_page_raw(page, "<code>");
    pv_page_text(page, contract->provider);
    pv_page_raw(page, "</code> &middot; <code>");
    pv_page_text(page, contract->service);
    pv_page_raw(page, "</code> <code>");
    pv_page_text(page, contract->version);
    pv_page_raw(page, "</code> &middot; ");
    basis(page, contract->proposed);
    pv_page_raw(page, "</p>\n");
    sources(page, json_object_get(contract->root, "sources"));
    pv_page_raw(page, "<p>");
    pv_page_text(page, pv_page_say(page, "Examples as of ",
                                   "نمونه‌ها به تاریخ "));
    pv_page_text(page, both);
    pv_page_raw(page, "</p>\n");
}

static void
method_head(struct pv_page *page, const struct pv_contract_method *method)
{
    const char *title = pv_page_word(page, method->source, "title");

    pv_page_raw(page, "<h2>");
    if (title[0] != '\0') {
        pv_page_text(page, title);
        pv_page_raw(page, "<br>");
    }
    pv_page_raw(page, "<code>");
    pv_page_text(page, method->path);
    pv_page_raw(page, "</code></h2>\n");
    if (json_object_get(method->source, "basis") != NULL) {
        pv_page_raw(page, "<p>");
        basis(page, method->proposed);
        pv_page_raw(page, "</p>\n");
    }
}

enum pv_err
pv_contract_page(const struct pv_contract *contract, bool persian,
                 int64_t when_ms, struct pv_buf *out)
{
    struct pv_page page = {out, persian, when_ms, PV_OK};

    head(&page, contract);
    for (size_t i = 0; i < contract->method_count; i++) {
        const struct pv_contract_method *method = &contract->method[i];

        method_head(&page, method);
        pv_page_method(&page, method);
        pv_page_fields(&page, method);
        examples(&page, method);
    }
    pv_page_raw(&page, "</body></html>");
    return page.err;
}
