/*
 * rules_certificates.c - what must hold for certificates, and what they change
 * of a system.
 */
#include <string.h>

#include "rules_certificates.h"

#define OVERLAP_DAYS 30 /* when nobody says how long */

enum pv_err
pv_refuse_certificate(struct pv_change *change)
{
    return pv_refuse(change->context->refusal, "R-106", "certificate",
                     "%s: a certificate is named by the hash of its issuer's "
                     "name and its serial, in hex",
                     "%s: گواهی با چکیده نام صادرکننده و شماره سریال (هر دو به "
                     "هگز) نامیده می‌شود",
                     change->id);
}

/* Is the record's id the name of this certificate? */
static enum pv_err
check_name(struct pv_change *change, const struct pv_pki_facts *facts)
{
    struct pv_certificate named = {.serial_len = 0};

    return pv_certificate_of(change->id, &named) &&
                   memcmp(named.issuer_hash, facts->issuer_hash,
                          PV_PKI_HASH_LEN) == 0 &&
                   named.serial_len == facts->serial_len &&
                   memcmp(named.serial, facts->serial, facts->serial_len) == 0
               ? PV_OK
               : pv_refuse_certificate(change);
}

/* Signed by the registered authority of the body; its key may be a system's */
static enum pv_err
check_certificate(struct pv_change *change)
{
    struct pv_slice     pem = pv_text_of(change->body, "certificate");
    struct pv_record    authority = {.body = NULL};
    struct pv_pki_facts facts = {.serial_len = 0};
    struct pv_why       why = {""};
    enum pv_err         err = pv_registered_authority(
                change, pv_member(change->body, "authority"), &authority);

    if (err == PV_OK) {
        err = pv_pki_certificate_read(pem, &facts, &why);
        if (err == PV_OK) {
            err = pv_pki_is_issued_by(pem,
                                      pv_text_of(authority.body, "certificate"),
                                      change->context->now_ms, &why);
        }
        err = pv_told(change, err, "certificate", &why);
    }
    pv_record_clear(&authority);
    if (err == PV_OK) {
        err = check_name(change, &facts);
    }
    if (err == PV_OK) {
        err = pv_set_facts(change, &facts);
    }
    return err == PV_OK
               ? pv_key_is_free(change, pv_member(change->body, "system"),
                                pv_member(change->body, "spki_sha256"))
               : err;
}

enum pv_err
pv_rule_outside(struct pv_change *change)
{
    enum pv_err err = pv_check_holder(change);

    if (err == PV_OK) {
        err = pv_check_overlap(change);
    }
    return err == PV_OK ? check_certificate(change) : err;
}

/* What was approved is what was issued. */
enum pv_err
pv_rule_issue(struct pv_change *change)
{
    static const char *const taken[] = {"agency", "system", "authority", NULL};
    const char              *id = pv_member(change->body, "request");
    struct pv_record         request = {.body = NULL};
    char                     approved[PV_HASH_TEXT_LEN + 1] = "";
    enum pv_err              err = pv_record_get(change->context->registry,
                                                 PV_KIND_CERTIFICATE_REQUEST, id, &request);

    for (size_t i = 0; taken[i] != NULL && err == PV_OK; i++) {
        err = pv_set(change->body, taken[i], pv_member(request.body, taken[i]));
    }
    if (err == PV_OK) {
        (void)snprintf(approved, sizeof(approved), "%s",
                       pv_member(request.body, "spki_sha256")); /* a hash */
        if (json_object_set(change->body, "overlap_days",
                            json_object_get(request.body, "overlap_days")) !=
            0) {
            (void)json_object_del(change->body, "overlap_days"); /* none */
        }
    }
    pv_record_clear(&request);
    if (err == PV_OK) {
        err = check_certificate(change);
    }
    if (err == PV_OK &&
        strcmp(pv_member(change->body, "spki_sha256"), approved) != 0) {
        err = pv_refuse(change->context->refusal, "R-106", "other-key",
                        "%s: its key is not the one that was approved",
                        "%s: کلید آن همان کلید تأییدشده نیست", change->id);
    }
    return err;
}

enum pv_err
pv_refer_certificate(struct pv_change *change)
{
    const char *key = pv_member(change->body, "spki_sha256");

    return key[0] == '\0' ? PV_OK
                          : pv_record_refer(change, "certificate", "key", key);
}

/* The system gets the key; the one before stays good for the overlap. */
static enum pv_err
certify(struct pv_change *change)
{
    json_t *overlap = json_object_get(change->body, "overlap_days");
    int64_t days = overlap == NULL ? OVERLAP_DAYS : json_integer_value(overlap);
    char    until[PV_JALALI_ROOM];
    json_t *data;
    enum pv_err err;

    pv_day_text(change->context->day + days, until);
    data =
        json_pack("{s:s, s:s}", "spki_sha256",
                  pv_member(change->body, "spki_sha256"), "old_until", until);
    err = data == NULL ? PV_ENOMEM
                       : pv_change_also(change, PV_KIND_SYSTEM,
                                        pv_member(change->body, "system"),
                                        "certify", data);
    json_decref(data);
    return err;
}

enum pv_err
pv_effect_certificate(struct pv_change *change)
{
    const char *request = pv_member(change->body, "request");
    json_t     *data;
    enum pv_err err = certify(change);

    if (err != PV_OK || request[0] == '\0') {
        return err;
    }
    data = json_pack("{s:s}", "certificate", change->id);
    err = data == NULL ? PV_ENOMEM
                       : pv_change_also(change, PV_KIND_CERTIFICATE_REQUEST,
                                        request, "issue", data);
    json_decref(data);
    return err;
}
