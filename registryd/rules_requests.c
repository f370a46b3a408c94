/*
 * rules_requests.c - what must hold for requests of certificates and their
 * approvals.
 */
#include <string.h>

#include "rules_certificates.h"

/* ---- whose it is ---- */

enum pv_err
pv_check_holder(struct pv_change *change)
{
    const char      *system = pv_member(change->body, "system");
    const char      *agency = pv_member(change->body, "agency");
    struct pv_record record = {.body = NULL};
    enum pv_err err = pv_record_get(change->context->registry, PV_KIND_SYSTEM,
                                    system, &record);

    if (err == PV_OK && strcmp(pv_member(record.body, "agency"), agency) != 0) {
        err = pv_refuse(change->context->refusal, "R-032", "other-agency",
                        "%s: the system %s is none of %s",
                        "%s: سامانه %s متعلق به %s نیست", change->id, system,
                        agency);
    } else if (err == PV_OK &&
               strcmp(pv_kind_row(PV_KIND_SYSTEM)->states[record.state],
                      "retired") == 0) {
        err =
            pv_refuse(change->context->refusal, "R-032", "system-retired",
                      "%s: the system %s is retired",
                      "%s: سامانه %s کنار گذاشته شده است", change->id, system);
    } else if (err == PV_OK && (strlen(system) > PV_PKI_NAME_MAX ||
                                strlen(agency) > PV_PKI_NAME_MAX)) {
        err = pv_refuse(change->context->refusal, "R-106", "name-length",
                        "%s: a certificate names a system and an agency of at "
                        "most %d characters",
                        "%s: نام سامانه و دستگاه در گواهی حداکثر %d نویسه است",
                        change->id, PV_PKI_NAME_MAX);
    }
    pv_record_clear(&record);
    return err;
}

/* Of a request, an approval or a certificate from outside. */
enum pv_err
pv_check_overlap(struct pv_change *change)
{
    const json_t *overlap = json_object_get(change->body, "overlap_days");
    int64_t       days = json_integer_value(overlap);

    return overlap == NULL || (days >= 0 && days <= PV_OVERLAP_DAYS_MAX)
               ? PV_OK
               : pv_refuse(
                     change->context->refusal, "R-032", "overlap",
                     "%s: two keys of a system overlap for at most %d "
                     "days",
                     "%s: هم‌پوشانی دو کلید سامانه حداکثر %d روز است",
                     change->id, PV_OVERLAP_DAYS_MAX);
}

/* ---- requests ---- */

static enum pv_err
check_names(struct pv_change *change)
{
    const json_t *names = json_object_get(change->body, "names");
    json_t       *name;
    size_t        i;
    bool          good = json_array_size(names) <= PV_PKI_DNS_MAX;

    json_array_foreach(names, i, name)
    {
        good = good && pv_pki_is_dns(pv_slice_from(json_string_value(name)));
    }
    return good ? PV_OK
                : pv_refuse(change->context->refusal, "R-106", "names",
                            "%s: at most %d names, of labels in lower-case "
                            "letters, digits and hyphens",
                            "%s: حداکثر %d نام، از حروف کوچک لاتین، رقم و خط "
                            "تیره",
                            change->id, PV_PKI_DNS_MAX);
}

enum pv_err
pv_rule_signing_request(struct pv_change *change)
{
    struct pv_record  authority = {.body = NULL};
    struct pv_pki_key key = {.len = 0};
    struct pv_why     why = {""};
    char              hex[PV_HASH_TEXT_LEN + 1];
    enum pv_err       err = pv_check_holder(change);

    if (err == PV_OK) {
        err = pv_registered_authority(
            change, pv_member(change->body, "authority"), &authority);
        pv_record_clear(&authority);
    }
    if (err == PV_OK) {
        err = check_names(change);
    }
    if (err == PV_OK) {
        err = pv_check_overlap(change);
    }
    if (err == PV_OK) {
        err = pv_pki_request_key(pv_text_of(change->body, "csr"), &key, &why);
        err = pv_told(change, err, "csr", &why);
    }
    if (err == PV_OK) {
        pv_hash_text(key.hash, hex);
        err = pv_key_is_free(change, pv_member(change->body, "system"), hex);
    }
    return err == PV_OK ? pv_set(change->body, "spki_sha256", hex) : err;
}

/* Who approves says again what he approves: that is what will be signed. */
static enum pv_err
check_restated(struct pv_change *change, const json_t *requested)
{
    static const char *const same[] = {"agency", "system", "authority",
                                       "spki_sha256", NULL};
    const json_t            *names = json_object_get(requested, "names");

    for (size_t i = 0; same[i] != NULL; i++) {
        if (strcmp(pv_member(requested, same[i]),
                   pv_member(change->data, same[i])) != 0) {
            return pv_refuse(change->context->refusal, "R-106", "restate",
                             "%s: the approval's %s is not the request's",
                             "%s: %s در تأیید همان درخواست نیست", change->id,
                             same[i]);
        }
    }
    if (json_array_size(names) == 0
            ? json_array_size(json_object_get(change->data, "names")) != 0
            : !json_equal(names, json_object_get(change->data, "names"))) {
        return pv_refuse(change->context->refusal, "R-106", "restate",
                         "%s: the approval's %s is not the request's",
                         "%s: %s در تأیید همان درخواست نیست", change->id,
                         "names");
    }
    return PV_OK;
}

/* What is signed must be what can be registered: so all of it is asked here. */
static enum pv_err
check_registrable(struct pv_change *change)
{
    struct pv_record authority = {.body = NULL};
    enum pv_err      err = pv_check_overlap(change);

    if (err == PV_OK) {
        err = pv_check_holder(change);
    }
    if (err == PV_OK) {
        err = pv_registered_authority(
            change, pv_member(change->body, "authority"), &authority);
        pv_record_clear(&authority);
    }
    return err == PV_OK
               ? pv_key_is_free(change, pv_member(change->body, "system"),
                                pv_member(change->body, "spki_sha256"))
               : err;
}

enum pv_err
pv_rule_approval(struct pv_change *change)
{
    int64_t days = json_integer_value(json_object_get(change->data, "days"));
    struct pv_record requested = {.body = NULL};
    enum pv_err err = pv_record_get(change->context->registry, change->kind,
                                    change->id, &requested);

    if (err == PV_OK) {
        err = check_restated(change, requested.body);
    }
    pv_record_clear(&requested);
    if (err == PV_OK && (days < 1 || days > PV_PKI_LEAF_DAYS_MAX)) {
        err = pv_refuse(change->context->refusal, "R-106", "days",
                        "%s: a certificate is valid for 1 to %d days",
                        "%s: اعتبار گواهی ۱ تا %d روز است", change->id,
                        PV_PKI_LEAF_DAYS_MAX);
    }
    /* a name would let one agency answer in another's place */
    if (err == PV_OK && strcmp(change->context->role, "security") == 0 &&
        json_array_size(json_object_get(change->body, "names")) > 0) {
        err = pv_refuse(
            change->context->refusal, "R-106", "names-approval",
            "%s: names of a server are approved by the "
            "secretariat or the operator",
            "%s: نام‌های سرور را دبیرخانه یا بهره‌بردار تأیید می‌کند",
            change->id);
    }
    return err == PV_OK ? check_registrable(change) : err;
}
