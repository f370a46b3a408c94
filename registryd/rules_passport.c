/*
 * rules_passport.c - the forms of passports: of services the form of annex B
 * of systems and of data. Their fields are those of
 * catalogue/service_passport_fields.json; what agency, service and code it is
 * of, the record says.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

#define AMOUNT_DIGITS_MAX 18

enum form_type {
    TEXT,
    TEXTS,    /* list of texts */
    COUNT_OF, /* whole number */
    AMOUNT,   /* rials: digits in a text */
    FLAG,
    WORDS,     /* one or more of ->words, each once */
    REGISTERS, /* list of ids of registers, may be empty */
    SERVICES,  /* ... of services */
};

struct form_field {
    const char        *of;
    const char        *name;
    enum form_type     type;
    const char *const *words;
    bool               needed; /* for submitting it */
};

static const char *const nature[] = {"sovereign", "executive", "supportive",
                                     NULL};
static const char *const channels[] = {"agency_offices",
                                       "counter_and_rural_ict_offices",
                                       "website", "other", NULL};
static const char *const methods[] = {"non_electronic", "information",
                                      "interactive", "transactional", NULL};
static const char *const levels[] = {"national", "regional", "provincial",
                                     "urban",    "rural",    NULL};
static const char *const kinds[] = {"G2G", "G2C", "G2B", "B2B", "B2C", NULL};

static const struct form_field form_field[] = {
    {"service", "service_title", TEXT, NULL, true},
    {"service", "service_nature", WORDS, nature, true},
    {"service", "service_description", TEXT, NULL, true},
    {"service", "recipients", TEXT, NULL, true},
    {"service", "service_subgroups", TEXTS, NULL, false},
    {"service", "current_channels", WORDS, channels, true},
    {"service", "agency_office_count", COUNT_OF, NULL, false},
    {"service", "counter_office_count", COUNT_OF, NULL, false},
    {"service", "other_channels_text", TEXT, NULL, false},
    {"service", "electronic_method", WORDS, methods, true},
    {"service", "visit_necessities", TEXT, NULL, false},
    {"service", "recipient_count", COUNT_OF, NULL, false},
    {"service", "electronic_level", WORDS, levels, true},
    {"service", "service_kind", WORDS, kinds, true},
    {"service", "yearly_repetitions", COUNT_OF, NULL, false},
    {"service", "delivery_duration", TEXT, NULL, false},
    {"service", "direct_cost_rial", AMOUNT, NULL, false},
    {"service", "finished_cost_rial", AMOUNT, NULL, false},
    {"service", "needs_cooperation", FLAG, NULL, true},
    {"service", "cooperation_details", TEXT, NULL, false},
    {"service", "cooperation_services", SERVICES, NULL, false},
    {"service", "natural_person_authentication", TEXT, NULL, false},
    {"service", "legal_person_authentication", TEXT, NULL, false},
    {"service", "base_registry_needs", REGISTERS, NULL, true},
    {"system", "custodian", TEXT, NULL, true},
    {"system", "data_held", TEXTS, NULL, true},
    {"system", "links", TEXTS, NULL, false},
    {"system", "security_result", TEXT, NULL, true},
    {"system", "hosting", TEXT, NULL, true},
    {"system", "human_access_by_others", FLAG, NULL, true},
    {"data", "definition", TEXT, NULL, true},
    {"data", "custodian", TEXT, NULL, true},
    {"data", "format", TEXT, NULL, true},
    {"data", "code_list", TEXT, NULL, false},
    {"data", "classification", TEXT, NULL, true},
    {"data", "legal_basis", TEXT, NULL, true},
    {"data", "open_data", FLAG, NULL, true},
};

static const struct form_field *
find_field(const char *of, const char *name)
{
    for (size_t f = 0; f < COUNT(form_field); f++) {
        if (strcmp(form_field[f].of, of) == 0 &&
            strcmp(form_field[f].name, name) == 0) {
            return &form_field[f];
        }
    }
    return NULL;
}

/* ---- values ---- */

static bool
is_text(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) > 0 &&
           json_string_length(value) <= PV_TEXT_FIELD_MAX;
}

static bool
are_texts(const json_t *list)
{
    json_t *one;
    size_t  i;

    json_array_foreach(list, i, one)
    {
        if (!is_text(one)) {
            return false;
        }
    }
    return json_is_array(list) && json_array_size(list) <= PV_LIST_FIELD_MAX;
}

/* Each of the words, and none twice; the rest of the list is in `seen`. */
static bool
are_words(const json_t *list, const char *const *words)
{
    json_t *one;
    size_t  i;

    json_array_foreach(list, i, one)
    {
        const char *word = json_string_value(one);

        if (word == NULL || !pv_is_one_of(word, words)) {
            return false;
        }
        for (size_t n = 0; n < i; n++) {
            if (json_equal(one, json_array_get(list, n))) {
                return false;
            }
        }
    }
    return json_array_size(list) > 0;
}

static bool
is_amount(const json_t *value)
{
    const char *text = json_string_value(value);

    return text != NULL && text[0] != '\0' &&
           strlen(text) <= AMOUNT_DIGITS_MAX &&
           text[strspn(text, "0123456789")] == '\0';
}

static enum pv_err
are_records(struct pv_change *change, enum pv_kind kind, const json_t *list,
            bool *ret)
{
    json_t     *one;
    size_t      i;
    enum pv_err err = PV_OK;

    *ret = are_texts(list);
    json_array_foreach(list, i, one)
    {
        const char *state = NULL;

        if (err == PV_OK && *ret) {
            err = pv_state_of(change->context->registry, kind,
                              json_string_value(one), &state);
            *ret = state != NULL;
        }
    }
    return err;
}

static enum pv_err
check_value(struct pv_change *change, const struct form_field *field,
            const json_t *value, bool *ret)
{
    switch (field->type) {
    case TEXT:
        *ret = is_text(value);
        return PV_OK;
    case TEXTS:
        *ret = are_texts(value);
        return PV_OK;
    case COUNT_OF:
        *ret = json_is_integer(value) && json_integer_value(value) >= 0;
        return PV_OK;
    case AMOUNT:
        *ret = is_amount(value);
        return PV_OK;
    case FLAG:
        *ret = json_is_boolean(value);
        return PV_OK;
    case WORDS:
        *ret = are_words(value, field->words);
        return PV_OK;
    case REGISTERS:
        return are_records(change, PV_KIND_REGISTER, value, ret);
    case SERVICES:
        return are_records(change, PV_KIND_SERVICE, value, ret);
    }
    return PV_ESTATE;
}

/* ---- the rules ---- */

static enum pv_err
refuse_field(struct pv_change *change, const char *word, const char *name)
{
    return pv_refuse(change->context->refusal, "R-252", word,
                     "%s: the field \"%s\" of the form is missing, unknown, or "
                     "not right",
                     "%s: فیلد «%s» در فرم نیست، ناشناخته است یا درست نیست",
                     change->id, name);
}

enum pv_err
pv_rule_passport_form(struct pv_change *change)
{
    const char *of = pv_member(change->body, "of");
    json_t     *form = json_object_get(change->body, "form");
    const char *name;
    json_t     *value;
    enum pv_err err = PV_OK;

    if (form != NULL && !json_is_object(form)) {
        return refuse_field(change, "form", "form");
    }
    json_object_foreach(form, name, value)
    {
        const struct form_field *field = find_field(of, name);
        bool                     right = false;

        if (field != NULL) {
            err = check_value(change, field, value, &right);
        }
        if (err == PV_OK && !right) {
            err = refuse_field(change, "form-field", name);
        }
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

/* What was only proposed from the documents may have gaps, and says so. */
enum pv_err
pv_rule_passport_whole(struct pv_change *change)
{
    const char   *of = pv_member(change->body, "of");
    const json_t *form = json_object_get(change->body, "form");

    if (strcmp(pv_member(change->body, "basis"), "proposed") == 0) {
        return PV_OK;
    }
    for (size_t f = 0; f < COUNT(form_field); f++) {
        if (strcmp(form_field[f].of, of) == 0 && form_field[f].needed &&
            json_object_get(form, form_field[f].name) == NULL) {
            return refuse_field(change, "form-incomplete", form_field[f].name);
        }
    }
    return PV_OK;
}

/* ---- licences of business (R-251) ---- */

enum pv_err
pv_rule_licence(struct pv_change *change)
{
    if (pv_member_true(change->body, "business_licence")) {
        return PV_OK;
    }
    return pv_refuse(change->context->refusal, "R-251", "no-licence",
                     "%s: it is no passport of a business licence",
                     "%s: شناسنامه مجوز کسب‌وکار نیست",
                     change->id);
}

enum pv_err
pv_rule_coordinated(struct pv_change *change)
{
    if (!pv_member_true(change->body, "business_licence") ||
        strcmp(change->row->states[change->before], "coordinated") == 0) {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, "R-251", "not-coordinated",
        "%s: a business licence is coordinated with the "
        "secretariat of the deregulation board first",
        "%s: شناسنامه مجوز کسب‌وکار نخست با دبیرخانه هیئت "
        "مقررات‌زدایی هماهنگ می‌شود",
        change->id);
}

/* ---- what it is of ---- */

enum pv_err
pv_rule_passport_subject(struct pv_change *change)
{
    static const char *const subject[] = {"service", "system", "data_item"};
    const char              *of = pv_member(change->body, "of");
    const char              *agency = pv_member(change->body, "agency");
    const char              *service = pv_member(change->body, "service");
    struct pv_record         record = {.body = NULL};
    size_t                   count = 0;
    enum pv_err              err = PV_OK;

    for (size_t i = 0; i < COUNT(subject); i++) {
        count += pv_member(change->body, subject[i])[0] != '\0';
    }
    if (of[0] == '\0' || agency[0] == '\0' || count != 1 ||
        (strcmp(of, "service") == 0) != (service[0] != '\0')) {
        return pv_refuse(change->context->refusal, "R-247", "subject",
                         "%s: a passport says of what it is, of which agency, "
                         "and names one service, system or data item",
                         "%s: شناسنامه نوع، دستگاه و یک سرویس، سامانه یا قلم "
                         "داده دارد",
                         change->id);
    }
    if (service[0] == '\0') {
        return PV_OK;
    }
    err = pv_record_get(pv_registry_of(change), PV_KIND_SERVICE, service,
                        &record);
    if (err == PV_OK &&
        strcmp(pv_member(record.body, "provider"), agency) != 0) {
        err = pv_refuse(change->context->refusal, "R-252", "not-provider",
                        "%s: %s is not offered by %s",
                        "%s: %s را %s ارائه نمی‌کند", change->id,
                        service, agency);
    }
    pv_record_clear(&record);
    return err;
}

static enum pv_err
check_register(struct pv_change *change, const char *id, const char *provider)
{
    struct pv_record record = {.body = NULL};
    const char      *state;
    const char      *custodian;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_REGISTER, id, &record);

    if (err != PV_OK) {
        return err;
    }
    state = pv_kind_row(PV_KIND_REGISTER)->states[record.state];
    custodian = pv_member(record.body, "custodian");
    if (strcmp(state, "registered") != 0 ||
        (pv_member_true(record.body, "is_base") && custodian[0] == '\0')) {
        err = pv_refuse(change->context->refusal, "R-273", "no-custodian",
                        "%s: the custodian of %s is not settled, so services "
                        "on it cannot be approved",
                        "%s: متولی %s تعیین نشده و سرویس آن قابل تأیید نیست",
                        change->id, id);
    } else if (pv_member_true(record.body, "is_base") &&
               strcmp(custodian, provider) != 0 &&
               !pv_list_has(json_object_get(record.body, "co_custodians"),
                            provider)) {
        err = pv_refuse(
            change->context->refusal, "R-269", "not-custodian",
            "%s: data of %s are offered by their custodian only, "
            "not by %s",
            "%s: داده‌های %s را فقط متولی آن ارائه می‌کند، نه %s",
            change->id, id, provider);
    }
    pv_record_clear(&record);
    return err;
}

enum pv_err
pv_rule_custodian(struct pv_change *change)
{
    const char      *service = pv_member(change->body, "service");
    struct pv_record record = {.body = NULL};
    enum pv_err      err;

    if (service[0] == '\0') {
        return PV_OK;
    }
    err = pv_record_get(pv_registry_of(change), PV_KIND_SERVICE, service,
                        &record);
    if (err == PV_OK && pv_member(record.body, "register")[0] != '\0') {
        err = check_register(change, pv_member(record.body, "register"),
                             pv_member(record.body, "provider"));
    }
    pv_record_clear(&record);
    return err;
}
