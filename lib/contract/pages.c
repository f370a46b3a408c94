/* pages.c - see pages.h; the keyword itself is read here too. */
#include "contract/pages.h"

#include <string.h>

#include "contract/contract_private.h"

/* ---- the keyword ---- */

/* The one list among the outputs. */
static enum pv_err
find_list(const struct pv_taker *taker, const struct pv_contract_method *method,
          const struct pv_field **ret)
{
    const struct pv_field *list = NULL;
    size_t                 count = 0;

    for (size_t i = 0; i < method->output_count; i++) {
        if (method->output[i].type->base == PV_BASE_LIST) {
            list = &method->output[i];
            count++;
        }
    }
    if (count != 1 || (method->pattern != PV_CALL_LIST &&
                       method->pattern != PV_CALL_INQUIRY)) {
        return pv_taker_refuse(taker, NULL,
                               "\"pages\" are for an inquiry or a list with "
                               "one output that is a list");
    }
    *ret = list;
    return PV_OK;
}

static bool
can_be_key(const struct pv_field *field)
{
    enum pv_base base = field->type->base;

    return field->type->any_count == 0 && field->until[0] == '\0' &&
           (base == PV_BASE_STRING || base == PV_BASE_INTEGER ||
            base == PV_BASE_DATE);
}

static enum pv_err
take_key(const struct pv_taker *taker, const json_t *pages, struct pv_pages *to)
{
    const char *name;
    enum pv_err err = pv_taker_text(taker, pages, "key", PV_NAME_MAX, &name);

    if (err != PV_OK) {
        return err;
    }
    to->key = pv_field_find(to->list->item, to->list->item_count,
                            pv_slice_from(name));
    if (to->key == NULL || !can_be_key(to->key)) {
        return pv_taker_refuse(taker, "key",
                               "\"%.64s\" is no text, whole number or date of "
                               "each element that is always sent",
                               name);
    }
    return PV_OK;
}

static enum pv_err
take_after(const struct pv_taker *taker, const json_t *pages,
           const struct pv_contract_method *method, struct pv_pages *to)
{
    const struct pv_field *after;
    const char            *name;
    enum pv_err err = pv_taker_text(taker, pages, "after", PV_NAME_MAX, &name);

    if (err != PV_OK) {
        return err;
    }
    after =
        pv_field_find(method->input, method->input_count, pv_slice_from(name));
    if (after == NULL || after->required || after->type != to->key->type) {
        return pv_taker_refuse(taker, "after",
                               "\"%.64s\" is no optional input of type %s",
                               name, to->key->type->id);
    }
    to->after = (size_t)(after - method->input);
    return PV_OK;
}

enum pv_err
pv_take_pages(struct pv_taker *taker, const json_t *object,
              struct pv_contract_method *method)
{
    static const char *const keywords[] = {"key", "after", NULL};
    const json_t            *pages = json_object_get(object, "pages");
    struct pv_pages         *to = &method->pages;
    size_t                   mark;
    enum pv_err              err;

    if (pages == NULL) {
        return PV_OK;
    }
    if (method->consent.is_set) {
        return pv_taker_refuse(taker, "pages",
                               "each page would use the consent number up");
    }
    mark = pv_taker_enter(taker, "pages");
    err = pv_taker_only(taker, pages, keywords);
    if (err == PV_OK) {
        err = find_list(taker, method, &to->list);
    }
    if (err == PV_OK) {
        err = take_key(taker, pages, to);
    }
    if (err == PV_OK) {
        err = take_after(taker, pages, method, to);
    }
    to->is_set = err == PV_OK;
    pv_taker_leave(taker, mark);
    return err;
}

/* ---- the order ---- */

static bool
is_behind(const struct pv_data_item *type, struct pv_slice key,
          struct pv_slice before)
{
    key = pv_data_item_canonical(type, key);
    before = pv_data_item_canonical(type, before);
    if (type->base == PV_BASE_INTEGER && key.len != before.len) {
        return key.len > before.len;
    }
    return pv_slice_cmp(key, before) > 0;
}

static enum pv_err
fail(struct pv_fault *fault, enum pv_fault_kind kind,
     const struct pv_field *field)
{
    pv_fault_set(fault, kind, pv_slice_from(field->name));
    return PV_EINVAL;
}

enum pv_err
pv_page_check_rows(const struct pv_method *method, const struct pv_rows *rows,
                   struct pv_slice after, struct pv_fault *ret_fault)
{
    const struct pv_pages *pages = &method->contract->pages;
    size_t                 at = 0;

    if (!pages->is_set) {
        return PV_OK;
    }
    while (at < rows->column_count &&
           !pv_slice_eq(rows->column[at], pv_slice_from(pages->key->name))) {
        at++;
    }
    if (at == rows->column_count) {
        return fail(ret_fault, PV_FAULT_COLUMN_MISSING, pages->key);
    }
    for (size_t i = 0; i < rows->row_count; i++) {
        const struct pv_cell *cell = &rows->cell[i * rows->column_count + at];

        if (cell->null) {
            return fail(ret_fault, PV_FAULT_MISSING, pages->key);
        }
        if (after.len > 0 && !is_behind(pages->key->type, cell->text, after)) {
            return fail(ret_fault, PV_FAULT_ORDER, pages->key);
        }
        after = cell->text;
    }
    return PV_OK;
}

static struct pv_slice
text_of(const json_t *value)
{
    return json_is_string(value) ? (struct pv_slice){json_string_value(value),
                                                     json_string_length(value)}
                                 : PV_LIT("");
}

static json_t *
parse(struct pv_slice body)
{
    return json_loadb(body.len == 0 ? "" : body.ptr, body.len,
                      JSON_REJECT_DUPLICATES, NULL);
}

static enum pv_err
check_list(const struct pv_pages *pages, const json_t *answer,
           struct pv_slice after, struct pv_buf *last, struct pv_fault *fault)
{
    const json_t *list = json_object_get(answer, pages->list->name);
    const char   *found = json_string_value(json_object_get(answer, "found"));
    bool          some = json_array_size(list) > 0;

    /* only an empty list that is there says that there is no more */
    if (!json_is_array(list) || found == NULL ||
        (strcmp(found, "yes") == 0) != some) {
        return fail(fault, PV_FAULT_MISSING, pages->list);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct pv_slice key =
            text_of(json_object_get(json_array_get(list, i), pages->key->name));

        if (key.len == 0) {
            return fail(fault, PV_FAULT_MISSING, pages->key);
        }
        if (after.len > 0 && !is_behind(pages->key->type, key, after)) {
            return fail(fault, PV_FAULT_ORDER, pages->key);
        }
        after = key;
    }
    return some ? pv_buf_add(last, after) : PV_OK;
}

enum pv_err
pv_page_check_reply(const struct pv_contract_method *method,
                    struct pv_slice question, struct pv_slice answer,
                    struct pv_buf *last, struct pv_fault *ret_fault)
{
    json_t     *asked = parse(question);
    json_t     *said = parse(answer);
    enum pv_err err = PV_OK;

    if (method->pages.is_set) {
        err = check_list(&method->pages, said,
                         text_of(json_object_get(
                             asked, method->input[method->pages.after].name)),
                         last, ret_fault);
    }
    json_decref(asked);
    json_decref(said);
    return err;
}

static int
to_buf(const char *text, size_t len, void *out)
{
    return pv_buf_add(out, (struct pv_slice){text, len}) == PV_OK ? 0 : -1;
}

enum pv_err
pv_page_next(const struct pv_contract_method *method, struct pv_slice question,
             struct pv_slice last, struct pv_buf *out)
{
    json_t     *next = parse(question);
    enum pv_err err = PV_OK;

    if (!json_is_object(next)) {
        err = PV_EINVAL;
    } else if (json_object_set_new(next,
                                   method->input[method->pages.after].name,
                                   json_stringn(last.ptr, last.len)) != 0) {
        err = PV_ENOMEM;
    } else if (json_dump_callback(next, to_buf, out, JSON_COMPACT) != 0) {
        err = PV_ERANGE; /* or no memory; both end the list */
    }
    json_decref(next);
    return err;
}
