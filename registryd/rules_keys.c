/*
 * rules_keys.c - the keys of a system: one key is one system's; while
 * a key is replaced there are two, and one that others know never returns.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

/* Known to others: a certificate of it was revoked for that. */
static enum pv_err
check_not_compromised(struct pv_change *change, const char *key)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(change->context->registry, "key", key,
                                      PV_KIND_CERTIFICATE, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record record = {.body = NULL};

        if (err == PV_OK) {
            err = pv_record_get(change->context->registry, PV_KIND_CERTIFICATE,
                                json_string_value(id), &record);
        }
        if (err == PV_OK && strcmp(pv_member(record.body, "reason_code"),
                                   "key-compromise") == 0) {
            err = pv_refuse(change->context->refusal, "R-032", "key-known",
                            "%s: others know this key: %s was revoked for that",
                            "%s: این کلید لو رفته است: %s به همین دلیل باطل شد",
                            change->id, json_string_value(id));
        }
        pv_record_clear(&record);
    }
    json_decref(ids);
    return err;
}

enum pv_err
pv_key_is_free(struct pv_change *change, const char *system, const char *key)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(change->context->registry, "key", key,
                                      PV_KIND_SYSTEM, &ids);

    json_array_foreach(ids, i, id)
    {
        if (err == PV_OK && strcmp(json_string_value(id), system) != 0) {
            err = pv_refuse(change->context->refusal, "R-032", "key-taken",
                            "%s: this key belongs to the system %s",
                            "%s: این کلید متعلق به سامانه %s است", change->id,
                            json_string_value(id));
        }
    }
    json_decref(ids);
    return err == PV_OK ? check_not_compromised(change, key) : err;
}

static void
forget_old(struct pv_change *change)
{
    /* both or none; absent is as good */
    (void)json_object_del(change->body, "old_spki_sha256");
    (void)json_object_del(change->body, "old_until");
}

/* Days are counted from the decision's own. */
static enum pv_err
check_until(struct pv_change *change)
{
    int64_t until = 0;

    if (pv_member_day(change->body, "old_until", &until) == PV_OK &&
        until >= change->context->day &&
        until - change->context->day <= PV_OVERLAP_DAYS_MAX) {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, "R-032", "overlap",
        "%s: the key before stays good until a day within %d days "
        "of the decision",
        "%s: کلید پیشین حداکثر تا %d روز پس از تصمیم معتبر می‌ماند",
        change->id, PV_OVERLAP_DAYS_MAX);
}

/* The pin of an endpoint that shows the system's own key follows the key. */
static enum pv_err
move_pin(struct pv_change *change, const char *old, const char *key)
{
    const json_t *place = json_object_get(change->body, "endpoint");
    json_t       *copy;
    enum pv_err   err;

    if (old[0] == '\0' || strcmp(pv_member(place, "spki_sha256"), old) != 0) {
        return PV_OK;
    }
    copy = json_copy((json_t *)(uintptr_t)place);
    err = copy == NULL ? PV_ENOMEM : pv_set(copy, "spki_sha256", key);
    if (err == PV_OK && json_object_set(change->body, "endpoint", copy) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(copy);
    return err;
}

/* The end of the key before is past: nobody brings it back. */
static bool
has_ended(const struct pv_change *change, const json_t *before)
{
    int64_t until = 0;

    return pv_member_day(before, "old_until", &until) != PV_OK ||
           until < change->context->day;
}

/* The same key again: the one before ends when it was to end. */
static enum pv_err
keep_end(struct pv_change *change, const json_t *before)
{
    json_t *until = json_object_get(before, "old_until");

    if (until == NULL || has_ended(change, before)) {
        forget_old(change);
        return PV_OK;
    }
    return json_object_set(change->body, "old_until", until) == 0 ? PV_OK
                                                                  : PV_ENOMEM;
}

/* The key in the body is another than in the record: what of the one before? */
static enum pv_err
replace(struct pv_change *change, const json_t *before)
{
    const char *old = pv_member(before, "spki_sha256");
    const char *key = pv_member(change->body, "spki_sha256");

    if (strcmp(old, key) == 0 && json_object_get(change->data, "old_until")) {
        /* the same key again: an overlap that has not ended may be moved */
        return json_object_get(change->body, "old_spki_sha256") == NULL ||
                       has_ended(change, before)
                   ? (forget_old(change), PV_OK)
                   : check_until(change);
    }
    if (strcmp(old, key) == 0) {
        return PV_OK;
    }
    if (old[0] == '\0' || json_object_get(change->data, "old_until") == NULL) {
        forget_old(change);
        return PV_OK;
    }
    return pv_set(change->body, "old_spki_sha256", old) == PV_OK
               ? check_until(change)
               : PV_ENOMEM;
}

enum pv_err
pv_rule_replaced_key(struct pv_change *change)
{
    struct pv_record before = {.body = NULL};
    enum pv_err err = pv_record_get(change->context->registry, PV_KIND_SYSTEM,
                                    change->id, &before);

    if (err == PV_OK) {
        err = replace(change, before.body);
    }
    pv_record_clear(&before);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/* A key that others know ends at once, and the endpoint that shows it. */
static enum pv_err
drop(struct pv_change *change, const char *key)
{
    const json_t *place = json_object_get(change->body, "endpoint");

    if (strcmp(pv_member(change->body, "old_spki_sha256"), key) == 0) {
        forget_old(change);
    }
    if (strcmp(pv_member(change->body, "spki_sha256"), key) == 0) {
        (void)json_object_del(change->body, "spki_sha256"); /* it is there */
    }
    if (strcmp(pv_member(place, "spki_sha256"), key) == 0) {
        (void)json_object_del(change->body, "endpoint"); /* as above */
    }
    return json_object_del(change->body, "compromised") == 0 ? PV_OK
                                                             : PV_ESTATE;
}

enum pv_err
pv_rule_certified_key(struct pv_change *change)
{
    const char      *compromised = pv_member(change->body, "compromised");
    struct pv_record before = {.body = NULL};
    enum pv_err      err;

    if (compromised[0] != '\0') {
        return drop(change, pv_member(change->data, "compromised"));
    }
    err = pv_record_get(change->context->registry, PV_KIND_SYSTEM, change->id,
                        &before);
    if (err == PV_OK) {
        err = strcmp(pv_member(before.body, "spki_sha256"),
                     pv_member(change->body, "spki_sha256")) == 0
                  ? keep_end(change, before.body)
                  : replace(change, before.body);
    }
    if (err == PV_OK) {
        err = move_pin(change, pv_member(before.body, "spki_sha256"),
                       pv_member(change->body, "spki_sha256"));
    }
    pv_record_clear(&before);
    return err;
}

enum pv_err
pv_refer_system(struct pv_change *change)
{
    static const char *const names[] = {"spki_sha256", "old_spki_sha256"};
    enum pv_err              err = PV_OK;

    for (size_t i = 0; i < COUNT(names) && err == PV_OK; i++) {
        const char *key = pv_member(change->body, names[i]);

        if (key[0] != '\0') {
            err = pv_record_refer(change, names[i], "key", key);
        }
    }
    return err;
}
