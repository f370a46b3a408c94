/*
 * rules_data.c - what data are needed for, wrong data and their
 * custodian, the framework that a service conforms to.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"
#include "trace/tracking_id.h"

#define DIGITS_MAX 7        /* in a row; numbers of persons have more */
#define SPACED_DIGITS_MAX 9 /* with gaps: a date has eight */

/* ---- a base database is one whose data are needed for something (R-272) ----
 */

enum pv_err
pv_rule_needed_for(struct pv_change *change)
{
    return !pv_member_true(change->body, "is_base") ||
                   json_array_size(
                       json_object_get(change->body, "needed_for")) > 0
               ? PV_OK
               : pv_refuse(
                     change->context->refusal, "R-272", "needed-for",
                     "%s: whoever proposes a base database says what its data "
                     "are needed for",
                     "%s: پیشنهاد پایگاه داده پایه می‌گوید داده‌های آن برای چه "
                     "لازم است",
                     change->id);
}

/* ---- wrong data (R-274) ---- */

/* A digit, as it is written in ASCII, Persian or Arabic; its bytes, 0: none. */
static size_t
digit_at(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    if (at[0] >= '0' && at[0] <= '9') {
        return 1;
    }
    return (at[0] == 0xDB && at[1] >= 0xB0 && at[1] <= 0xB9) ||
                   (at[0] == 0xD9 && at[1] >= 0xA0 && at[1] <= 0xA9)
               ? 2
               : 0;
}

/* Between the digits of one number: a space, a dash, or a joiner. */
static size_t
gap_at(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    if (at[0] == ' ' || at[0] == '-') {
        return 1;
    }
    return at[0] == 0xE2 && at[1] == 0x80 && (at[2] == 0x8C || at[2] == 0x8D)
               ? 3
               : 0;
}

/* Many digits in a row are somebody's number, and more of them with gaps. */
static bool
names_somebody(const char *text)
{
    size_t in_row = 0;
    size_t with_gaps = 0;

    while (*text != '\0') {
        size_t digit = digit_at(text);
        size_t gap = gap_at(text);

        in_row = digit > 0 ? in_row + 1 : 0;
        with_gaps = digit > 0 ? with_gaps + 1 : gap > 0 ? with_gaps : 0;
        if (in_row > DIGITS_MAX || with_gaps > SPACED_DIGITS_MAX) {
            return true;
        }
        text += digit > 0 ? digit : gap > 0 ? gap : 1;
    }
    return false;
}

enum pv_err
pv_rule_no_person(struct pv_change *change)
{
    if (!names_somebody(pv_member(change->body, "text_fa")) &&
        !names_somebody(pv_member(change->body, "remarks"))) {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, "R-274", "personal",
        "%s: a report names no person; the tracking id names the call",
        "%s: گزارش نام و شماره کسی را نمی‌آورد؛ شناسه پیگیری فراخوانی را نشان "
        "می‌دهد",
        change->id);
}

/* Who reports again is who reported: the report is his. */
static enum pv_err
keep_reporter(struct pv_change *change)
{
    struct pv_record before = {.body = NULL};
    enum pv_err err = pv_record_get(pv_registry_of(change), PV_KIND_CORRECTION,
                                    change->id, &before);

    if (err == PV_OK && strcmp(pv_member(before.body, "consumer"),
                               pv_member(change->body, "consumer")) != 0) {
        err = pv_refuse(change->context->refusal, "R-274", "reporter",
                        "%s: it is another agency's report; make one of yours",
                        "%s: این گزارش از دستگاه دیگری است؛ گزارش خود را بدهید",
                        change->id);
    }
    pv_record_clear(&before);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/* The custodian of the item's register, into the report. */
static enum pv_err
address_to(struct pv_change *change, const char *register_id)
{
    struct pv_record base = {.body = NULL};
    const char      *custodian;
    enum pv_err err = pv_record_get(pv_registry_of(change), PV_KIND_REGISTER,
                                    register_id, &base);

    custodian = pv_member(base.body, "custodian");
    if (err == PV_OK && custodian[0] == '\0') {
        err = pv_refuse(change->context->refusal, "R-274", "no-custodian",
                        "%s: its register has no custodian",
                        "%s: پایگاه آن متولی ندارد", change->id);
    }
    if (err == PV_OK) {
        err = pv_set(change->body, "register", register_id);
    }
    if (err == PV_OK) {
        err = pv_set(change->body, "agency", custodian);
    }
    pv_record_clear(&base);
    return err;
}

/* A service stands on a register, and so does an item of base data. */
static enum pv_err
find_register(struct pv_change *change, char room[PV_RECORD_ID_MAX + 1])
{
    struct pv_record item = {.body = NULL};
    struct pv_record version = {.body = NULL};
    struct pv_record service = {.body = NULL};
    const json_t    *outputs;
    const char      *id = "";
    bool             is_sent = false;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_DATA_ITEM,
                      pv_member(change->body, "data_item"), &item);

    if (err == PV_OK) {
        err = pv_record_get(pv_registry_of(change), PV_KIND_VERSION,
                            pv_member(change->body, "version"), &version);
    }
    if (err == PV_OK) {
        err = pv_record_get(pv_registry_of(change), PV_KIND_SERVICE,
                            pv_member(version.body, "service"), &service);
        outputs = json_object_get(version.body, "outputs");
        is_sent = json_array_size(outputs) == 0 || /* not stated in documents */
                  pv_list_has(outputs, pv_member(change->body, "data_item"));
    }
    if (err == PV_OK) {
        id = pv_member(item.body, "register")[0] != '\0'
                 ? pv_member(item.body, "register")
                 : pv_member(service.body, "register");
    }
    (void)snprintf(room, PV_RECORD_ID_MAX + 1, "%s", id); /* an id fits */
    if (err == PV_OK && (id[0] == '\0' || !is_sent)) {
        err = pv_refuse(
            change->context->refusal, "R-274", "no-base-data",
            "%s: that version sends no such item of a register",
            "%s: این نسخه چنین قلمی از یک پایگاه نمی‌فرستد",
            change->id);
    }
    pv_record_clear(&item);
    pv_record_clear(&version);
    pv_record_clear(&service);
    return err;
}

enum pv_err
pv_rule_wrong_data(struct pv_change *change)
{
    char        id[PV_RECORD_ID_MAX + 1];
    enum pv_err err = keep_reporter(change);

    const char *call = pv_member(change->body, "tracking_id");

    if (err == PV_OK) {
        err = pv_rule_no_person(change);
    }
    if (err == PV_OK && call[0] != '\0' &&
        strlen(call) != PV_TRACKING_ID_LEN) { /* as a trace gives it */
        err = pv_refuse_member(change->context->refusal, "tracking_id");
    }
    if (err == PV_OK) {
        err = find_register(change, id);
    }
    return err == PV_OK ? address_to(change, id) : err;
}

/* ---- the interoperability framework (R-219) ---- */

static bool
is_issued(const struct pv_record *record)
{
    return strcmp(pv_kind_row(PV_KIND_INSTRUCTION)->states[record->state],
                  "issued") == 0 &&
           pv_member_true(record->body, "is_framework");
}

/* The version of it that is in force, "" while there is none. */
static enum pv_err
find_framework(struct pv_change *change, char room[PV_RECORD_ID_MAX + 1])
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err =
        pv_record_all(pv_registry_of(change), PV_KIND_INSTRUCTION, &ids);

    room[0] = '\0';
    json_array_foreach(ids, i, id)
    {
        struct pv_record record = {.body = NULL};

        if (err == PV_OK) {
            err = pv_record_get(pv_registry_of(change), PV_KIND_INSTRUCTION,
                                json_string_value(id), &record);
        }
        if (err == PV_OK && is_issued(&record)) {
            (void)snprintf(room, PV_RECORD_ID_MAX + 1, "%s",
                           json_string_value(id)); /* an id fits */
        }
        pv_record_clear(&record);
    }
    json_decref(ids); /* accepts NULL */
    return err;
}

enum pv_err
pv_rule_framework(struct pv_change *change)
{
    char        issued[PV_RECORD_ID_MAX + 1];
    enum pv_err err = find_framework(change, issued);

    if (err == PV_OK &&
        strcmp(pv_member(change->body, "framework"), issued) != 0) {
        err = pv_refuse(
            change->context->refusal, "R-219", "framework",
            "%s: a version says to which framework it conforms: "
            "\"%s\" is in force",
            "%s: نسخه سرویس می‌گوید با کدام چارچوب سازگار است: «%s» "
            "لازم‌الاجراست",
            change->id, issued);
    }
    return err;
}
