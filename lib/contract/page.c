#include "contract/page.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "contract/call_text.h"
#include "contract/example.h"

/* A page being written: the first error stays. */
struct page {
    struct pv_buf *out;
    bool           fa;
    int64_t        when_ms;
    enum pv_err    err;
};

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

static void
raw(struct page *page, const char *text)
{
    if (page->err == PV_OK) {
        page->err = pv_buf_add(page->out, pv_slice_from(text));
    }
}

static void
escaped(struct page *page, const char *text)
{
    for (const char *c = text; page->err == PV_OK && *c != '\0'; c++) {
        switch (*c) {
        case '<':
            raw(page, "&lt;");
            break;
        case '>':
            raw(page, "&gt;");
            break;
        case '&':
            raw(page, "&amp;");
            break;
        case '"':
            raw(page, "&quot;");
            break;
        default:
            page->err = pv_buf_add_char(page->out, *c);
            break;
        }
    }
}

static const char *
say(const struct page *page, const char *en, const char *fa)
{
    return page->fa ? fa : en;
}

/* NAME_fa or NAME_en of an object; "" when there is none. */
static const char *
word(const struct page *page, const json_t *source, const char *name)
{
    char        member[64];
    const char *text;

    (void)snprintf(member, sizeof(member), "%s_%s", name,
                   page->fa ? "fa" : "en"); /* names are short */
    text = json_string_value(json_object_get(source, member));
    return text == NULL ? "" : text;
}

static void
element(struct page *page, const char *name, const char *text)
{
    raw(page, "<");
    raw(page, name);
    raw(page, ">");
    escaped(page, text);
    raw(page, "</");
    raw(page, name);
    raw(page, ">\n");
}

/* ---- fields ---- */

static void
remark(struct page *page, const char *label, const char *text)
{
    if (text[0] != '\0') {
        raw(page, "<div>");
        escaped(page, label);
        escaped(page, text);
        raw(page, "</div>");
    }
}

static void
field_row(struct page *page, const struct pv_field *field, const char *prefix,
          bool inputs)
{
    const json_t *item = field->type->source;
    const char   *title = word(page, field->source, "title");

    raw(page, "<tr><td><code>");
    escaped(page, prefix);
    escaped(page, field->name);
    raw(page, "</code></td><td>");
    escaped(page, title[0] == '\0' ? word(page, item, "name") : title);
    raw(page, "</td><td><code>");
    escaped(page, field->type->id);
    raw(page, "</code></td><td>");
    if (inputs) {
        remark(page, "",
               field->required ? say(page, "required", "الزامی")
                               : say(page, "optional", "اختیاری"));
        remark(page, say(page, "absent: ", "اگر نباشد: "),
               word(page, field->source, "absent"));
    }
    remark(page, "", word(page, field->source, "note"));
    remark(page, say(page, "sent until ", "ارسال تا "), field->until);
    if (field->proposed) {
        raw(page, "<span class=\"proposed\">");
        raw(page, say(page, "proposed", "پیشنهادی"));
        raw(page, "</span>");
    }
    raw(page, "</td></tr>\n");
}

static void
field_rows(struct page *page, const struct pv_field *field, size_t count,
           const char *prefix, bool inputs)
{
    for (size_t i = 0; i < count; i++) {
        char inner[PV_MEMBER_MAX];

        field_row(page, &field[i], prefix, inputs);
        /* a cut name will do */
        (void)snprintf(inner, sizeof(inner), "%.60s%.30s%s", prefix,
                       field[i].name,
                       field[i].type->base == PV_BASE_LIST ? "[]." : ".");
        field_rows(page, field[i].item, field[i].item_count, inner, inputs);
    }
}

static void
fields(struct page *page, const char *title, const struct pv_field *field,
       size_t count, bool inputs)
{
    element(page, "h3", title);
    if (count == 0) {
        element(page, "p", say(page, "None.", "ندارد."));
        return;
    }
    raw(page, "<table><tr>");
    element(page, "th", say(page, "Name", "نام"));
    element(page, "th", say(page, "Title", "عنوان"));
    element(page, "th", say(page, "Data item", "قلم داده"));
    element(page, "th", say(page, "Remarks", "توضیح"));
    raw(page, "</tr>\n");
    field_rows(page, field, count, "", inputs);
    raw(page, "</table>\n");
}

/* ---- meaning and rules ---- */

static void
line(struct page *page, const char *label, const char *text)
{
    raw(page, "<li><strong>");
    escaped(page, label);
    raw(page, "</strong> ");
    escaped(page, text);
    raw(page, "</li>\n");
}

static void
number_line(struct page *page, const char *label, uint32_t n, const char *unit)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%u %s", n, unit); /* short words */
    line(page, label, text);
}

static void
rules(struct page *page, const struct pv_contract_method *method)
{
    const json_t *source = method->source;
    const json_t *meaning = json_object_get(source, "meaning");
    const json_t *list = json_object_get(source, "rules");

    raw(page, "<ul>\n");
    if (meaning != NULL) {
        line(page, say(page, "Yes:", "بلی:"), word(page, meaning, "yes"));
        line(page, say(page, "No:", "خیر:"), word(page, meaning, "no"));
    }
    if (method->coverage_from[0] != '\0') {
        line(page, say(page, "Covers:", "دامنه:"),
             word(page, json_object_get(source, "coverage"), "text"));
    }
    if (method->window.is_set) {
        line(page,
             say(page, "Days answered:", "روزهای پاسخ‌دادنی:"),
             word(page, json_object_get(source, "window"), "text"));
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        line(page, say(page, "Rule:", "قاعده:"),
             word(page, json_array_get(list, i), "text"));
    }
    if (method->consent.is_set) {
        number_line(page,
                    say(page, "Consent number; uses:", "شماره رضایت؛ دفعات:"),
                    method->consent.uses, "");
        number_line(
            page,
            say(page, "Consent number; valid for:", "اعتبار شماره رضایت:"),
            method->consent.valid_months, say(page, "months", "ماه"));
    }
    if (method->after.method != NULL) {
        line(page,
             say(page, "Only with the order_token of a yes of:",
                 "تنها با order_token پاسخ بلی در:"),
             method->after.method->id);
    }
    if (method->coding.type != NULL) {
        line(page,
             say(page, "With \"coding\", codes of another list of the map:",
                 "با «coding»، کدهای فهرستی دیگر از نگاشت:"),
             method->coding.map);
    }
    if (method->member != NULL) {
        line(page, say(page, "Only for a member:", "تنها برای عضو:"),
             word(page, json_object_get(source, "member"), "text"));
    }
    if (method->pages.is_set) {
        line(
            page,
            say(page,
                "In pages, until one comes without rows; the last key goes "
                "into:",
                "صفحه‌به‌صفحه، تا پاسخی بی سطر بیاید؛ کلید آخرین سطر در:"),
            method->input[method->pages.after].name);
    }
    if (method->aggregate_only) {
        line(page, say(page, "Aggregate only:", "تنها تجمیعی:"),
             say(page, "no individual is told",
                 "فردی گفته نمی‌شود"));
    }
    number_line(page, say(page, "Answered within:", "مهلت پاسخ:"),
                method->deadline_ms, say(page, "ms", "هزارم ثانیه"));
    remark(page, "", word(page, source, "note"));
    raw(page, "</ul>\n");
}

/* ---- examples ---- */

static void
examples(struct page *page, const struct pv_contract_method *method)
{
    struct pv_buf call;
    json_t       *answer = NULL;
    char         *text = NULL;
    const char   *command;

    element(page, "h3", say(page, "A call", "یک فراخوانی"));
    pv_buf_init(&call, 64 * 1024);
    if (page->err == PV_OK) {
        page->err =
            pv_call_text(method, PV_CALL_CURL, NULL, page->when_ms, &call);
    }
    if (page->err == PV_OK) {
        page->err = pv_buf_cstr(&call, &command);
    }
    if (page->err == PV_OK) {
        element(page, "pre", command);
        page->err = pv_example_answer(method, page->when_ms, &answer);
    }
    if (page->err == PV_OK) {
        text = json_dumps(answer, JSON_INDENT(2));
        page->err = text == NULL ? PV_ENOMEM : PV_OK;
    }
    if (page->err == PV_OK) {
        element(page, "h3", say(page, "Its answer", "پاسخ آن"));
        element(page, "pre", text);
    }
    pv_buf_clear(&call);
    free(text);
    json_decref(answer);
}

/* ---- the page ---- */

static void
head(struct page *page, const struct pv_contract *contract)
{
    if (page->err == PV_OK) {
        page->err = pv_buf_addf(page->out, head_text, page->fa ? "fa" : "en",
                                page->fa ? "rtl" : "ltr");
    }
    element(page, "title", word(page, contract->root, "title"));
    raw(page, "</head><body>\n");
    element(page, "h1", word(page, contract->root, "title"));
    raw(page, "<p>");
    escaped(page, say(page, "Provider: ", "ارائه‌دهنده: "));
    raw(page, "<code>");
    escaped(page, contract->provider);
    raw(page, "</code> &middot; <code>");
    escaped(page, contract->version);
    raw(page, "</code> &middot; ");
    escaped(page, contract->proposed
                      ? say(page, "proposed", "پیشنهادی")
                      : say(page, "stated in the documents", "آمده در اسناد"));
    raw(page, "</p>\n");
}

enum pv_err
pv_contract_page(const struct pv_contract *contract, bool persian,
                 int64_t when_ms, struct pv_buf *out)
{
    struct page page = {out, persian, when_ms, PV_OK};

    head(&page, contract);
    for (size_t i = 0; i < contract->method_count; i++) {
        const struct pv_contract_method *method = &contract->method[i];

        raw(&page, "<h2><code>");
        escaped(&page, method->path);
        raw(&page, "</code></h2>\n");
        rules(&page, method);
        fields(&page, say(&page, "Inputs", "ورودی‌ها"), method->input,
               method->input_count, true);
        fields(&page, say(&page, "Outputs", "خروجی‌ها"),
               method->output, method->output_count, false);
        examples(&page, method);
    }
    raw(&page, "</body></html>");
    return page.err;
}
