#include "recognise.h"

#include <ctype.h>
#include <string.h>

#define VALUES_MIN 5 /* so many tell an item without a name */

/* how columns are called beside the catalogue's own names; longest first
 * is not needed: the whole name must be one of them */
static const struct {
    const char *item;
    const char *name;
} called[] = {
    {"national_id", "nationalcode"},
    {"national_id", "nationalno"},
    {"national_id", "codemelli"},
    {"national_id", "kodemelli"},
    {"national_id", "mellicode"},
    {"national_id", "nid"},
    {"legal_person_id", "legalid"},
    {"legal_person_id", "shenasemelli"},
    {"legal_person_id", "nationallegalid"},
    {"iban", "sheba"},
    {"iban", "shaba"},
    {"iban", "shebano"},
    {"iban", "shomaresheba"},
    {"postal_code", "postcode"},
    {"postal_code", "zipcode"},
    {"postal_code", "codeposti"},
    {"mobile_number", "mobile"},
    {"mobile_number", "mobileno"},
    {"mobile_number", "cellphone"},
    {"mobile_number", "shomaremobile"},
    {"mobile_number", "موبایل"},
    {"mobile_number", "تلفنهمراه"},
    {"first_name", "fname"},
    {"first_name", "name"},
    {"first_name", "nam"},
    {"last_name", "lname"},
    {"last_name", "family"},
    {"last_name", "surname"},
    {"last_name", "familyname"},
    {"last_name", "namekhanevadegi"},
    {"father_name", "fathername"},
    {"father_name", "namepedar"},
    {"birth_date", "birthdate"},
    {"birth_date", "dateofbirth"},
    {"birth_date", "tavallod"},
    {"birth_date", "tarikhetavallod"},
    {"death_date", "dateofdeath"},
    {"address_text", "address"},
    {"address_text", "neshani"},
    {"amount_rial", "amount"},
    {"amount_rial", "mablagh"},
    {"company_name", "company"},
    {"jalali_date", "tarikh"},
};

/* items that values show by themselves */
static const char *const shown_by_values[] = {
    "iban", "mobile_number", "legal_person_id", "national_id", "jalali_date"};

/*
 * Small letters without blanks, _ - and joiners; Arabic yeh and kaf as the
 * Persian ones.
 */
static void
fold(const char *text, char room[PV_TABLE_NAME_MAX + 1])
{
    size_t len = 0;

    for (; *text != '\0' && len + 2 < PV_TABLE_NAME_MAX; text++) {
        if (strncmp(text, "\u200c", 3) == 0) {
            text += 2;
        } else if (strncmp(text, "ي", 2) == 0) {
            memcpy(room + len, "ی", 2);
            len += 2;
            text++;
        } else if (strncmp(text, "ك", 2) == 0) {
            memcpy(room + len, "ک", 2);
            len += 2;
            text++;
        } else if (strchr(" _-", *text) == NULL) {
            room[len++] = (char)tolower((unsigned char)*text);
        }
    }
    room[len] = '\0';
}

static bool
is_called(const char *folded, const char *name)
{
    char other[PV_TABLE_NAME_MAX + 1];

    if (name == NULL || strlen(name) > PV_TABLE_NAME_MAX) {
        return false;
    }
    fold(name, other);
    return strcmp(folded, other) == 0;
}

static bool
item_is_called(const struct pv_data_item *item, const char *folded)
{
    const json_t *aliases = json_object_get(item->source, "aliases_fa");

    if (is_called(folded, item->id) ||
        is_called(folded, json_string_value(
                              json_object_get(item->source, "name_fa")))) {
        return true;
    }
    for (size_t i = 0; i < json_array_size(aliases); i++) {
        if (is_called(folded, json_string_value(json_array_get(aliases, i)))) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(called) / sizeof(called[0]); i++) {
        if (strcmp(called[i].item, item->id) == 0 &&
            is_called(folded, called[i].name)) {
            return true;
        }
    }
    return false;
}

static size_t
count_wrong(const struct pv_table *table, const struct pv_table_column *column,
            const struct pv_data_item *item)
{
    size_t wrong = 0;

    for (size_t i = 0; i < table->row_count; i++) {
        const struct pv_data_item *member;

        wrong += column->cell[i] != NULL &&
                 pv_data_item_check(item, pv_slice_from(column->cell[i]),
                                    &member) != PV_FAULT_NONE;
    }
    return wrong;
}

void
pv_recognise(const struct pv_data_items *items, const struct pv_table *table,
             const struct pv_table_column *column, struct pv_recognised *ret)
{
    char folded[PV_TABLE_NAME_MAX + 1];

    *ret = (struct pv_recognised){NULL, NULL, false, 0, 0};
    for (size_t i = 0; i < table->row_count; i++) {
        ret->values += column->cell[i] != NULL;
    }
    fold(column->name, folded);
    for (size_t i = 0; i < pv_data_items_count(items); i++) {
        const struct pv_data_item *item = pv_data_items_at(items, i);

        if (item->pattern == NULL || item->any_count > 0 ||
            !item_is_called(item, folded)) {
            continue;
        }
        ret->named = item;
        ret->wrong = count_wrong(table, column, item);
        if (ret->wrong == 0) {
            ret->item = item;
            ret->by_name = true;
            return;
        }
    }
    for (size_t i = 0; ret->values >= VALUES_MIN &&
                       i < sizeof(shown_by_values) / sizeof(shown_by_values[0]);
         i++) {
        const struct pv_data_item *item =
            pv_data_items_find(items, pv_slice_from(shown_by_values[i]));

        if (item != NULL && count_wrong(table, column, item) == 0) {
            ret->item = item;
            return;
        }
    }
}
