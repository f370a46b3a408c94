/*
 * field.c - what an event brings, against the fields of its kind.
 */
#include <string.h>

#include "base/jalali.h"
#include "decide.h"
#include "kind_tables.h"

#define NUMBER_MAX (INT64_C(1) << 53) /* exact in JSON everywhere */
#define JSON_DEPTH_MAX 24 /* a contract within an order of a resolution */

static const struct pv_field *
find_field(const struct pv_change *change, const char *name)
{
    for (size_t f = 0; f < change->row->field_count; f++) {
        if (strcmp(change->row->fields[f].name, name) == 0) {
            return &change->row->fields[f];
        }
    }
    for (size_t f = 0; f < pv_common_field_count; f++) {
        if (strcmp(pv_common_field[f].name, name) == 0) {
            return &pv_common_field[f];
        }
    }
    return NULL;
}

static bool
is_common(const struct pv_field *field)
{
    return field >= pv_common_field &&
           field < pv_common_field + pv_common_field_count;
}

/* ---- values ---- */

/* Whole numbers, clean texts, ASCII names: so that its canonical form is one */
static bool
is_canonical(const json_t *value, int depth)
{
    const char *name;
    json_t     *one;
    size_t      i;

    if (depth > JSON_DEPTH_MAX || json_is_real(value)) {
        return false;
    }
    if (json_is_integer(value)) {
        return json_integer_value(value) >= -NUMBER_MAX &&
               json_integer_value(value) <= NUMBER_MAX;
    }
    if (json_is_string(value)) {
        return pv_is_clean_text((struct pv_slice){json_string_value(value),
                                                  json_string_length(value)});
    }
    json_array_foreach(value, i, one)
    {
        if (!is_canonical(one, depth + 1)) {
            return false;
        }
    }
    json_object_foreach((json_t *)(uintptr_t)value, name, one)
    {
        for (const char *at = name; *at != '\0'; at++) {
            if (*at <= ' ' || *at > '~') {
                return false;
            }
        }
        if (!is_canonical(one, depth + 1)) {
            return false;
        }
    }
    return true;
}

static bool
is_word(const struct pv_field *field, const char *text)
{
    for (size_t w = 0; field->words[w] != NULL; w++) {
        if (strcmp(field->words[w], text) == 0) {
            return true;
        }
    }
    return false;
}

/* What is needed has words of its own in each language. */
static enum pv_err
refuse_value(struct pv_change *change, const struct pv_field *field,
             const char *what_en, const char *what_fa)
{
    struct pv_refusal *refusal = change->context->refusal;
    enum pv_err        err =
        pv_refuse(refusal, "", "field-value", "%s: the field %s of %s needs %s",
                  "%s: فیلد %s در %s: %s", change->id, field->name,
                  change->row->name, what_en);

    (void)snprintf(refusal->fa, sizeof(refusal->fa),
                   "%s: فیلد %s در %s باید %s باشد", change->id, field->name,
                   change->row->name_fa, what_fa); /* cut when too long */
    return err;
}

static enum pv_err
check_target(struct pv_change *change, const struct pv_field *field,
             const char *id)
{
    static const enum pv_kind party[] = {PV_KIND_AGENCY, PV_KIND_BODY,
                                         PV_KIND_CLUSTER};
    size_t      count = field->type == PV_FIELD_PARTY ? COUNT(party) : 1;
    enum pv_err err = PV_ENOTFOUND;

    for (size_t i = 0; i < count && err == PV_ENOTFOUND; i++) {
        struct pv_record record = {.body = NULL};

        err = pv_record_get(change->context->registry,
                            field->type == PV_FIELD_PARTY ? party[i]
                                                          : field->target,
                            id, &record);
        pv_record_clear(&record);
    }
    if (err == PV_ENOTFOUND) {
        return pv_refuse(change->context->refusal, "", "unknown-record",
                         "%s: its %s \"%s\" is not registered",
                         "%s: %s «%s» ثبت نشده است", change->id, field->name,
                         id);
    }
    return err;
}

static enum pv_err
check_text(struct pv_change *change, const struct pv_field *field,
           const json_t *value)
{
    const char     *text = json_string_value(value);
    size_t          len = json_string_length(value);
    struct pv_civil date;

    if (text == NULL || len > PV_TEXT_FIELD_MAX ||
        !pv_is_clean_text((struct pv_slice){text, len})) {
        return refuse_value(change, field, "a text", "متن");
    }
    switch (field->type) {
    case PV_FIELD_TEXT:
        return PV_OK;
    case PV_FIELD_WORD:
        return is_word(field, text)
                   ? PV_OK
                   : refuse_value(change, field, "one of its words",
                                  "یکی از واژه‌های مجاز");
    case PV_FIELD_ID:
        return pv_is_record_id((struct pv_slice){text, len})
                   ? PV_OK
                   : refuse_value(change, field, "an id in lower-case ASCII",
                                  "شناسه با حروف کوچک لاتین");
    case PV_FIELD_DAY:
        return pv_jalali_parse((struct pv_slice){text, len}, &date) == PV_OK
                   ? PV_OK
                   : refuse_value(change, field, "a Jalali day as 1401-06-15",
                                  "تاریخ شمسی مانند 1401-06-15");
    case PV_FIELD_RECORD:
    case PV_FIELD_PARTY:
        if (!pv_is_record_id((struct pv_slice){text, len})) {
            return refuse_value(change, field, "the id of a record",
                                "شناسه یک رکورد");
        }
        return check_target(change, field, text);
    case PV_FIELD_FLAG:
    case PV_FIELD_NUMBER:
    case PV_FIELD_JSON:
        break;
    }
    return PV_ESTATE;
}

static enum pv_err
check_value(struct pv_change *change, const struct pv_field *field,
            const json_t *value)
{
    switch (field->type) {
    case PV_FIELD_FLAG:
        return json_is_boolean(value)
                   ? PV_OK
                   : refuse_value(change, field, "true or false",
                                  "true یا false");
    case PV_FIELD_NUMBER:
        return json_is_integer(value) && json_integer_value(value) >= 0 &&
                       json_integer_value(value) <= NUMBER_MAX
                   ? PV_OK
                   : refuse_value(change, field, "a whole number from 0",
                                  "عدد صحیح از صفر");
    case PV_FIELD_JSON:
        return is_canonical(value, 0)
                   ? PV_OK
                   : refuse_value(change, field,
                                  "JSON of whole numbers, clean texts and "
                                  "ASCII names",
                                  "JSON با عدد صحیح، متن پاک و نام لاتین");
    case PV_FIELD_TEXT:
    case PV_FIELD_WORD:
    case PV_FIELD_ID:
    case PV_FIELD_RECORD:
    case PV_FIELD_PARTY:
    case PV_FIELD_DAY:
        return check_text(change, field, value);
    }
    return PV_ESTATE;
}

static enum pv_err
check_list(struct pv_change *change, const struct pv_field *field,
           const json_t *list)
{
    json_t     *seen;
    json_t     *one;
    size_t      i;
    enum pv_err err = PV_OK;

    if (!json_is_array(list) || json_array_size(list) > PV_LIST_FIELD_MAX) {
        return refuse_value(change, field, "a list", "فهرست");
    }
    seen = json_array_size(list) > 1 ? json_object() : NULL;
    if (seen == NULL && json_array_size(list) > 1) {
        return PV_ENOMEM;
    }
    json_array_foreach(list, i, one)
    {
        err = check_value(change, field, one);
        if (err == PV_OK && seen != NULL && json_is_string(one)) {
            if (json_object_get(seen, json_string_value(one)) != NULL) {
                err = refuse_value(change, field, "each thing once",
                                   "بدون تکرار");
            } else if (json_object_set_new(seen, json_string_value(one),
                                           json_true()) != 0) {
                err = PV_ENOMEM;
            }
        }
        if (err != PV_OK) {
            break;
        }
    }
    json_decref(seen); /* accepts NULL */
    return err;
}

/* ---- what the event brings ---- */

/* exchange between agencies is free, so no word of a price is taken. */
static enum pv_err
check_price(struct pv_change *change, const json_t *value, int depth)
{
    static const char *const words[] = {"price", "fee",     "tariff",
                                        "cost",  "invoice", "charge"};
    const char              *name;
    json_t                  *one;
    size_t                   i;
    enum pv_err              err = PV_OK;

    if (depth > JSON_DEPTH_MAX) {
        return PV_OK; /* refused later, as too deep */
    }
    json_object_foreach((json_t *)(uintptr_t)value, name, one)
    {
        for (size_t w = 0; w < COUNT(words); w++) {
            if (strcmp(name, words[w]) == 0) {
                return pv_refuse(
                    change->context->refusal, "R-010", "price",
                    "%s: exchange between agencies is free of charge; a "
                    "\"%s\" cannot be set",
                    "%s: تبادل اطلاعات بین دستگاه‌ها رایگان است و «%s» "
                    "پذیرفته نمی‌شود",
                    change->id, name);
            }
        }
        err = err == PV_OK ? check_price(change, one, depth + 1) : err;
    }
    json_array_foreach(value, i, one)
    {
        err = err == PV_OK ? check_price(change, one, depth + 1) : err;
    }
    return err;
}

static bool
is_priced(enum pv_kind kind)
{
    return kind == PV_KIND_SERVICE || kind == PV_KIND_VERSION ||
           kind == PV_KIND_AGREEMENT || kind == PV_KIND_GRANT ||
           kind == PV_KIND_MODE || kind == PV_KIND_REQUEST;
}

static enum pv_err
check_member(struct pv_change *change, const char *name, const json_t *value)
{
    const struct pv_field *field = find_field(change, name);

    if (field == NULL ||
        (!is_common(field) && (field->set_by & ON(change->event)) == 0)) {
        return pv_refuse(change->context->refusal, "", "unknown-field",
                         "%s: the event %s of %s takes no field \"%s\"",
                         "%s: رویداد %s در %s فیلد «%s» ندارد", change->id,
                         change->row->events[change->event].word,
                         change->row->name, name);
    }
    return field->is_list ? check_list(change, field, value)
                          : check_value(change, field, value);
}

static enum pv_err
check_needed(struct pv_change *change)
{
    for (size_t f = 0; f < change->row->field_count; f++) {
        const struct pv_field *field = &change->row->fields[f];

        if ((field->needed_by & ON(change->event)) != 0 &&
            json_object_get(change->data, field->name) == NULL) {
            return pv_refuse(
                change->context->refusal, change->row->rule, "field-missing",
                "%s: the event %s of %s needs the field \"%s\"",
                "%s: رویداد %s در %s فیلد «%s» می‌خواهد",
                change->id, change->row->events[change->event].word,
                change->row->name, field->name);
        }
    }
    return PV_OK;
}

enum pv_err
pv_change_fields(struct pv_change *change)
{
    json_t     *data = (json_t *)(uintptr_t)change->data;
    const char *name;
    json_t     *value;
    enum pv_err err = PV_OK;

    if (is_priced(change->kind)) {
        err = check_price(change, data, 0);
    }
    json_object_foreach(data, name, value)
    {
        err = err == PV_OK ? check_member(change, name, value) : err;
    }
    if (err == PV_OK) {
        err = check_needed(change);
    }
    if (err == PV_OK && json_object_update(change->body, data) != 0) {
        err = PV_ENOMEM;
    }
    return err;
}
