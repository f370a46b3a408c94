/*
 * Laws: a value that passes as a data item is UTF-8, passes again, passes in
 * its canonical form, and (for a union) passes as the one member it was said
 * to be; a pattern that compiles never matches what is not UTF-8, and its
 * verdict on a text does not depend on what it matched before.
 *
 * Input: one byte chooses the item; 0xff: the rest up to a newline is a
 * pattern, what follows a text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "contract/data_item.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct pv_data_items *items;

static const char *const ids[] = {
    "national_id",       "legal_person_id",
    "person_unique_id",  "iban",
    "bill_id",           "jalali_date",
    "amount_rial",       "object_identifier",
    "determined_at",     "message_text",
    "first_name",        "deed_plate_number",
    "birth_date",        "account_holder_id",
    "natural_person_id", "activity_share_percent",
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct pv_why why = {""};

    (void)argc;
    (void)argv;
    if (pv_data_items_new(&items) != PV_OK ||
        pv_data_items_add_file(items,
                               PV_SOURCE_ROOT "/catalogue/data_items.json",
                               &why) != PV_OK ||
        pv_data_items_add_file(
            items, PV_SOURCE_ROOT "/catalogue/enactment.json", &why) != PV_OK ||
        pv_data_items_finish(items, &why) != PV_OK) {
        abort();
    }
    return 0;
}

static void
item_law(const char *id, struct pv_slice text)
{
    const struct pv_data_item *item =
        pv_data_items_find(items, pv_slice_from(id));
    const struct pv_data_item *member = NULL;
    const struct pv_data_item *again = NULL;

    if (item == NULL) {
        abort();
    }
    if (pv_data_item_check(item, text, &member) != PV_FAULT_NONE) {
        if (member != NULL) {
            abort(); /* an output was touched on failure */
        }
        return;
    }
    if (!pv_utf8_is_valid(text) || member == NULL ||
        pv_data_item_check(item, text, &again) != PV_FAULT_NONE ||
        again != member ||
        pv_data_item_member(item, pv_slice_from(member->id)) != member ||
        pv_data_item_check(member, text, &again) != PV_FAULT_NONE ||
        pv_data_item_check(item, pv_data_item_canonical(member, text),
                           &again) != PV_FAULT_NONE) {
        abort();
    }
}

static void
pattern_law(struct pv_slice input)
{
    struct pv_pattern *pattern = NULL;
    struct pv_slice    source;
    struct pv_slice    text;
    bool               first;

    (void)pv_slice_cut(input, '\n', &source, &text);
    if (pv_pattern_new(source, &pattern, NULL) != PV_OK) {
        if (pattern != NULL) {
            abort();
        }
        return;
    }
    first = pv_pattern_matches(pattern, text);
    (void)pv_pattern_matches(pattern, source);
    if (pv_pattern_matches(pattern, text) != first ||
        (first && !pv_utf8_is_valid(text))) {
        abort();
    }
    pv_pattern_free(pattern);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pv_slice rest;

    if (len == 0) {
        return 0;
    }
    rest = (struct pv_slice){(const char *)data + 1, len - 1};
    if (data[0] == 0xff) {
        pattern_law(rest);
    } else {
        item_law(ids[data[0] % (sizeof(ids) / sizeof(ids[0]))], rest);
    }
    return 0;
}
