/*
 * rules_revocation.c - certificates that end before their time, and keys that
 * others know.
 */
#include <string.h>

#include "rules_certificates.h"

static bool
is_compromised(const json_t *body)
{
    return strcmp(pv_member(body, "reason_code"), "key-compromise") == 0;
}

/* What is revoked is so again only when others turn out to know its key. */
static enum pv_err
check_worse(struct pv_change *change, const struct pv_record *before)
{
    if (strcmp(pv_kind_row(PV_KIND_CERTIFICATE)->states[before->state],
               "revoked") != 0 ||
        (is_compromised(change->body) && !is_compromised(before->body))) {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, "R-106", "revoked-already",
        "%s: it is revoked; only that others know its key can be "
        "said of it still (reason_code %s)",
        "%s: باطل شده است؛ تنها آشکار شدن کلید آن را می‌توان "
        "افزود (reason_code %s)",
        change->id, "key-compromise");
}

enum pv_err
pv_rule_certificate(struct pv_change *change)
{
    struct pv_certificate certificate = {.serial_len = 0};
    struct pv_record      before = {.body = NULL};
    enum pv_err           err;

    if (!pv_certificate_of(change->id, &certificate)) {
        return pv_refuse_certificate(change);
    }
    err = pv_record_get(change->context->registry, change->kind, change->id,
                        &before);
    if (err == PV_OK && strcmp(pv_member(before.body, "agency"),
                               pv_member(change->body, "agency")) != 0) {
        err = pv_refuse(change->context->refusal, "R-106", "other-agency",
                        "%s: it is a certificate of %s",
                        "%s: این گواهی متعلق به %s است", change->id,
                        pv_member(before.body, "agency"));
    }
    if (err == PV_OK) {
        err = check_worse(change, &before);
    }
    pv_record_clear(&before);
    /* nothing says whose it is, so no agency may end it */
    if (err == PV_ENOTFOUND &&
        (strcmp(change->context->role, "security") == 0 ||
         strcmp(change->context->role, "technical") == 0)) {
        return pv_refuse(
            change->context->refusal, "R-106", "not-registered",
            "%s: a certificate that is not registered is revoked "
            "by the operator or the secretariat",
            "%s: گواهی ثبت‌نشده را بهره‌بردار یا دبیرخانه باطل می‌کند",
            change->id);
    }
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/* Every other certificate of a key that others know. */
static enum pv_err
revoke_others(struct pv_change *change, const char *key)
{
    json_t     *data = json_pack("{s:s}", "reason_code", "key-compromise");
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    const char *state = NULL;
    enum pv_err err = data == NULL
                          ? PV_ENOMEM
                          : pv_record_users(change->context->registry, "key",
                                            key, PV_KIND_CERTIFICATE, &ids);

    json_array_foreach(ids, i, id)
    {
        if (err == PV_OK) {
            err = pv_state_of(change->context->registry, PV_KIND_CERTIFICATE,
                              json_string_value(id), &state);
        }
        if (err == PV_OK && state != NULL && strcmp(state, "valid") == 0) {
            err = pv_change_also(change, PV_KIND_CERTIFICATE,
                                 json_string_value(id), "revoke", data);
        }
    }
    json_decref(ids);
    json_decref(data);
    return err;
}

enum pv_err
pv_effect_revoked(struct pv_change *change)
{
    static const char *const has_keys[] = {"planned", "registered", "suspended",
                                           NULL};
    const char              *key = pv_member(change->body, "spki_sha256");
    const char              *system = pv_member(change->body, "system");
    const char              *state = NULL;
    json_t                  *data;
    enum pv_err              err;

    if (change->depth > 0 || key[0] == '\0' || !is_compromised(change->body)) {
        return PV_OK;
    }
    err = revoke_others(change, key);
    if (err == PV_OK) {
        err = pv_state_of(change->context->registry, PV_KIND_SYSTEM, system,
                          &state);
    }
    if (err != PV_OK || !pv_is_one_of(state, has_keys)) {
        return err;
    }
    data = json_pack("{s:s}", "compromised", key);
    err = data == NULL
              ? PV_ENOMEM
              : pv_change_also(change, PV_KIND_SYSTEM, system, "certify", data);
    json_decref(data);
    return err;
}
