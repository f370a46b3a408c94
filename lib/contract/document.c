/* document.c - a contract together with its data items. */
#include "contract/document.h"

#include <stdlib.h>
#include <string.h>

/* ---- making one ---- */

struct used {
    const struct pv_data_items *items;
    bool                        is[PV_ITEMS_MAX];
};

static void
use(struct used *used, const struct pv_data_item *item)
{
    for (size_t i = 0; i < pv_data_items_count(used->items); i++) {
        used->is[i] = used->is[i] || pv_data_items_at(used->items, i) == item;
    }
    for (size_t i = 0; i < item->any_count; i++) {
        use(used, item->any_of[i]); /* no union holds a union */
    }
}

static void
use_fields(struct used *used, const struct pv_field *field, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        use(used, field[i].type);
        use_fields(used, field[i].item, field[i].item_count);
    }
}

static void
use_method(struct used *used, const struct pv_contract_method *method)
{
    const json_t *never = json_object_get(method->source, "never");

    use_fields(used, method->input, method->input_count);
    use_fields(used, method->output, method->output_count);
    for (size_t i = 0; i < json_array_size(never); i++) {
        const char *id = json_string_value(json_array_get(never, i));
        const struct pv_data_item *item =
            id == NULL ? NULL
                       : pv_data_items_find(used->items, pv_slice_from(id));

        if (item != NULL) {
            use(used, item);
        }
    }
}

/* An example that is no text may have other numbers than whole ones. */
static enum pv_err
add_item(json_t *list, json_t *source)
{
    json_t *item = json_copy(source); /* its members are shared */

    if (item != NULL && !json_is_string(json_object_get(item, "example"))) {
        (void)json_object_del(item, "example"); /* or there is none */
    }
    return json_array_append_new(list, item) == 0 ? PV_OK : PV_ENOMEM;
}

enum pv_err
pv_document_make(const struct pv_contract   *contract,
                 const struct pv_data_items *items, json_t **ret)
{
    struct used used = {.items = items};
    json_t     *list = json_array();
    json_t     *root = json_object();
    enum pv_err err = list == NULL || root == NULL ? PV_ENOMEM : PV_OK;

    for (size_t i = 0; i < contract->method_count; i++) {
        use_method(&used, &contract->method[i]);
    }
    for (size_t i = 0; err == PV_OK && i < pv_data_items_count(items); i++) {
        if (used.is[i]) {
            err = add_item(list, pv_data_items_at(items, i)->source);
        }
    }
    if (err == PV_OK &&
        (json_object_set(root, "contract", contract->root) != 0 ||
         json_object_set(root, "data_items", list) != 0)) {
        err = PV_ENOMEM;
    }
    json_decref(list); /* accepts NULL */
    if (err != PV_OK) {
        json_decref(root); /* accepts NULL */
        return err;
    }
    *ret = root;
    return PV_OK;
}

/* ---- reading one ---- */

static enum pv_err
load_items(const json_t *root, struct pv_data_items **ret, struct pv_why *why)
{
    struct pv_data_items *items = NULL;
    const json_t         *list = json_object_get(root, "data_items");
    enum pv_err           err = pv_data_items_new(&items);

    if (err == PV_OK && !json_is_array(list)) {
        pv_why_set(why, "\"data_items\" must be a list");
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = pv_data_items_add(items, list, why);
    }
    if (err == PV_OK) {
        err = pv_data_items_finish(items, why);
    }
    if (err != PV_OK) {
        pv_data_items_free(items);
        return err;
    }
    *ret = items;
    return PV_OK;
}

enum pv_err
pv_document_load(struct pv_slice text, struct pv_contract **ret,
                 struct pv_why *why)
{
    static const char *const keywords[] = {"contract", "data_items", NULL};
    struct pv_data_items    *items = NULL;
    struct pv_contract      *contract = NULL;
    json_error_t             wrong;
    char                    *own = NULL;
    enum pv_err              err;
    json_t *root = json_loadb(text.len == 0 ? "" : text.ptr, text.len,
                              JSON_REJECT_DUPLICATES, &wrong);

    if (root == NULL) {
        pv_why_set(why, "line %d: %s", wrong.line, wrong.text);
        return json_error_code(&wrong) == json_error_out_of_memory ? PV_ENOMEM
                                                                   : PV_EINVAL;
    }
    if (!json_is_object(root)) {
        pv_why_set(why, "it is no object");
        err = PV_EINVAL;
        goto out;
    }
    err = pv_json_only(root, keywords, "document", why);
    if (err == PV_OK) {
        err = load_items(root, &items, why);
    }
    if (err == PV_OK) {
        own = json_dumps(json_object_get(root, "contract"),
                         JSON_INDENT(1) | JSON_ENCODE_ANY);
        if (own == NULL) {
            pv_why_set(why, "\"contract\" is missing");
            err = PV_EINVAL;
        }
    }
    if (err == PV_OK) {
        err = pv_contract_load(pv_slice_from(own), items, &contract, why);
    }
    if (err == PV_OK) {
        contract->own_items = items;
        items = NULL;
        *ret = contract;
    }

out:
    free(own);
    pv_data_items_free(items);
    json_decref(root);
    return err;
}
