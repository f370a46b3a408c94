/* page_field.c - the tables of inputs and outputs. */
#include "contract/page_private.h"

static void
remark(struct pv_page *page, const char *label, const char *text)
{
    if (text[0] != '\0') {
        pv_page_raw(page, "<div>");
        pv_page_text(page, label);
        pv_page_text(page, text);
        pv_page_raw(page, "</div>");
    }
}

/* ---- a data item ---- */

static void
values(struct pv_page *page, const json_t *list)
{
    const json_t *value;
    size_t        i;

    json_array_foreach(list, i, value)
    {
        const char *id = json_string_value(json_object_get(value, "id"));
        const char *fa = json_string_value(json_object_get(value, "fa"));

        pv_page_raw(page, "<div><code>");
        pv_page_text(page, id == NULL ? "" : id);
        pv_page_raw(page, "</code> ");
        pv_page_text(page, fa == NULL || !page->fa ? "" : fa);
        pv_page_raw(page, "</div>");
    }
}

static void
example(struct pv_page *page, const struct pv_data_item *item)
{
    const char *text =
        json_string_value(json_object_get(item->source, "example"));
    char both[PV_PAGE_DAYS_ROOM];

    if (text != NULL && item->base == PV_BASE_DATE) {
        pv_page_day(text, both);
        text = both;
    }
    remark(page, pv_page_say(page, "example: ", "نمونه: "),
           text == NULL ? "" : text);
}

/* Its form, as its rule says it. */
static void
item(struct pv_page *page, const struct pv_data_item *item)
{
    const char *pattern =
        json_string_value(json_object_get(item->source, "pattern"));
    const json_t *list = json_object_get(item->source, "values");

    pv_page_raw(page, "<code>");
    pv_page_text(page, item->id);
    pv_page_raw(page, "</code>");
    for (size_t i = 0; i < item->any_count; i++) {
        remark(page,
               i == 0
                   ? pv_page_say(page, "one of (R-044): ", "یکی از (R-044): ")
                   : pv_page_say(page, "or: ", "یا: "),
               item->any_of[i]->id);
    }
    values(page, list);
    if (item->base == PV_BASE_DATE) {
        remark(page, "",
               pv_page_say(page, "a day of the Solar Hijri calendar",
                           "روزی از تقویم هجری شمسی"));
    } else if (pattern != NULL && item->any_count == 0 && list == NULL) {
        pv_page_raw(page, "<div><code>");
        pv_page_text(page, pattern);
        pv_page_raw(page, "</code></div>");
    }
    if (item->check != NULL && item->check_fault == PV_FAULT_CHECK_DIGIT) {
        remark(page, "",
               pv_page_say(page, "with check digits", "با رقم کنترل"));
    }
    example(page, item);
}

/* ---- a field ---- */

static void
sizes(struct pv_page *page, const struct pv_field *field)
{
    const json_t *media = json_object_get(field->source, "media");
    const json_t *type;
    size_t        i;
    char          text[128];

    if (field->type->base == PV_BASE_LIST &&
        (field->input || json_object_get(field->source, "max_items") != NULL)) {
        (void)snprintf(text, sizeof(text),
                       pv_page_say(page, "%u to %u elements", "%u تا %u عضو"),
                       field->min_items, field->max_items); /* it fits */
        remark(page, "", text);
    }
    if (field->type->base != PV_BASE_BINARY) {
        return;
    }
    json_array_foreach(media, i, type)
    {
        remark(page, "", json_string_value(type));
    }
    (void)snprintf(text, sizeof(text),
                   pv_page_say(page, "at most %u bytes", "حداکثر %u بایت"),
                   field->max_bytes); /* it fits */
    remark(page, "", text);
}

static void
remarks(struct pv_page *page, const struct pv_field *field)
{
    char both[PV_PAGE_DAYS_ROOM];

    if (field->input) {
        remark(page, "",
               field->required ? pv_page_say(page, "required", "الزامی")
                               : pv_page_say(page, "optional", "اختیاری"));
        remark(page, pv_page_say(page, "absent: ", "اگر نباشد: "),
               pv_page_word(page, field->source, "absent"));
    }
    sizes(page, field);
    remark(page, "", pv_page_word(page, field->source, "note"));
    if (field->until[0] != '\0') {
        pv_page_day(field->until, both);
        remark(page,
               pv_page_say(
                   page, "last sent on (R-178): ", "آخرین روز ارسال (R-178): "),
               both);
    }
    if (field->proposed) {
        pv_page_raw(page, "<span class=\"proposed\">");
        pv_page_raw(page, pv_page_say(page, "proposed", "پیشنهادی"));
        pv_page_raw(page, "</span>");
    }
}

static void
row(struct pv_page *page, const struct pv_field *field, const char *prefix)
{
    const char *title = pv_page_word(page, field->source, "title");

    pv_page_raw(page, "<tr><td><code>");
    pv_page_text(page, prefix);
    pv_page_text(page, field->name);
    pv_page_raw(page, "</code></td><td>");
    pv_page_text(page, title[0] == '\0'
                           ? pv_page_word(page, field->type->source, "name")
                           : title);
    pv_page_raw(page, "</td><td>");
    item(page, field->type);
    pv_page_raw(page, "</td><td>");
    remarks(page, field);
    pv_page_raw(page, "</td></tr>\n");
}

static void
rows(struct pv_page *page, const struct pv_field *field, size_t count,
     const char *prefix)
{
    for (size_t i = 0; i < count; i++) {
        char inner[PV_MEMBER_MAX];

        row(page, &field[i], prefix);
        /* a cut name will do */
        (void)snprintf(inner, sizeof(inner), "%.60s%.30s%s", prefix,
                       field[i].name,
                       field[i].type->base == PV_BASE_LIST ? "[]." : ".");
        rows(page, field[i].item, field[i].item_count, inner);
    }
}

static void
table(struct pv_page *page, const char *title, const struct pv_field *field,
      size_t count)
{
    pv_page_element(page, "h3", title);
    if (count == 0) {
        pv_page_element(page, "p", pv_page_say(page, "None.", "ندارد."));
        return;
    }
    pv_page_raw(page, "<table><tr>");
    pv_page_element(page, "th", pv_page_say(page, "Name", "نام"));
    pv_page_element(page, "th", pv_page_say(page, "Title", "عنوان"));
    pv_page_element(page, "th", pv_page_say(page, "Data item", "قلم داده"));
    pv_page_element(page, "th", pv_page_say(page, "Remarks", "توضیح"));
    pv_page_raw(page, "</tr>\n");
    rows(page, field, count, "");
    pv_page_raw(page, "</table>\n");
}

void
pv_page_fields(struct pv_page *page, const struct pv_contract_method *method)
{
    table(page, pv_page_say(page, "Inputs", "ورودی‌ها"), method->input,
          method->input_count);
    table(page, pv_page_say(page, "Outputs", "خروجی‌ها"),
          method->output, method->output_count);
    if (pv_method_says_found(method)) {
        pv_page_element(
            page, "p",
            pv_page_say(
                page,
                "Beside these, found: yes, or no when there is no such "
                "record; that is an answer, not a fault.",
                "در کنار اینها found: بلی (yes)، یا خیر (no) اگر چنین رکوردی "
                "نباشد؛ این پاسخ است، نه خطا."));
    }
}
