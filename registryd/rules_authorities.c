/*
 * rules_authorities.c - what must hold for authorities, and what the
 * rules of certificates share.
 */
#include <string.h>

#include "rules_certificates.h"

/* ---- shared ---- */

void
pv_hash_text(const uint8_t hash[PV_PKI_HASH_LEN],
             char          room[PV_HASH_TEXT_LEN + 1])
{
    pv_hex_text(hash, PV_PKI_HASH_LEN, room);
    room[PV_HASH_TEXT_LEN] = '\0';
}

static enum pv_err
refuse_why(struct pv_change *change, const char *word, const struct pv_why *why)
{
    return pv_refuse(change->context->refusal, "R-106", word,
                     "%s: it is not accepted: %s", "%s: پذیرفته نشد: %s",
                     change->id, why->text);
}

/* What the library says of what came from outside; others are our own faults */
enum pv_err
pv_told(struct pv_change *change, enum pv_err err, const char *word,
        const struct pv_why *why)
{
    return err == PV_EINVAL || err == PV_ERANGE || err == PV_EVERIFY ||
                   err == PV_EREFUSED
               ? refuse_why(change, word, why)
               : err;
}

/* The last day in Tehran on which it is good the whole day or in part. */
enum pv_err
pv_set_facts(struct pv_change *change, const struct pv_pki_facts *facts)
{
    char        key[PV_HASH_TEXT_LEN + 1];
    char        day[PV_JALALI_ROOM];
    enum pv_err err;

    pv_hash_text(facts->key.hash, key);
    pv_day_text(pv_time_tehran_day(facts->until_ms), day);
    err = pv_set(change->body, "spki_sha256", key);
    if (err == PV_OK) {
        err = pv_set(change->body, "last_day", day);
    }
    if (err == PV_OK &&
        json_object_set_new(change->body, "until_ms",
                            json_integer(facts->until_ms)) != 0) {
        err = PV_ENOMEM;
    }
    return err;
}

struct pv_slice
pv_text_of(const json_t *body, const char *name)
{
    return pv_slice_from(pv_member(body, name));
}

/* ---- authorities ---- */

/* Two of one name would name each other's certificates. */
static enum pv_err
check_issuer_free(struct pv_change *change, const char *issuer)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(change->context->registry, "issuer",
                                      issuer, PV_KIND_AUTHORITY, &ids);

    json_array_foreach(ids, i, id)
    {
        if (err == PV_OK && strcmp(json_string_value(id), change->id) != 0) {
            err = pv_refuse(change->context->refusal, "R-106", "issuer-taken",
                            "%s: the authority %s has the same name",
                            "%s: مرجع %s همین نام را دارد", change->id,
                            json_string_value(id));
        }
    }
    json_decref(ids);
    return err;
}

enum pv_err
pv_rule_authority(struct pv_change *change)
{
    struct pv_pki_facts facts = {.serial_len = 0};
    struct pv_why       why = {""};
    char                issuer[PV_HASH_TEXT_LEN + 1];
    enum pv_err         err = pv_pki_certificate_read(
                pv_text_of(change->body, "certificate"), &facts, &why);

    if (err == PV_OK && !facts.is_authority) {
        pv_why_set(&why, "its certificate does not say that it may sign "
                         "certificates");
        err = PV_EVERIFY;
    }
    if (err != PV_OK) {
        return pv_told(change, err, "authority", &why);
    }
    pv_hash_text(facts.subject_hash, issuer);
    err = check_issuer_free(change, issuer);
    if (err == PV_OK) {
        err = pv_set(change->body, "issuer", issuer);
    }
    return err == PV_OK ? pv_set_facts(change, &facts) : err;
}

enum pv_err
pv_refer_authority(struct pv_change *change)
{
    const char *issuer = pv_member(change->body, "issuer");

    return issuer[0] == '\0'
               ? PV_OK
               : pv_record_refer(change, "certificate", "issuer", issuer);
}

/* A registered one; its body is owned by the caller. */
enum pv_err
pv_registered_authority(struct pv_change *change, const char *id,
                        struct pv_record *ret)
{
    enum pv_err err =
        pv_record_get(change->context->registry, PV_KIND_AUTHORITY, id, ret);

    if (err == PV_OK &&
        strcmp(pv_kind_row(PV_KIND_AUTHORITY)->states[ret->state],
               "registered") != 0) {
        err = pv_refuse(change->context->refusal, "R-106", "authority-state",
                        "%s: the authority %s is not registered",
                        "%s: مرجع %s ثبت‌شده نیست", change->id,
                        id);
    }
    return err;
}
