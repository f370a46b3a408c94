/*
 * rules_certificates.c - what must hold for authorities, requests and
 * certificates, and what they change of a system.
 */
#include <string.h>

#include "base/num.h"
#include "kind_tables.h"
#include "pki/pki.h"
#include "rules.h"

#define HEX_HASH_LEN (2 * PV_PKI_HASH_LEN)
#define OVERLAP_DAYS 30 /* when nobody says how long */

/* ---- shared ---- */

static void
hex_of(const uint8_t hash[PV_PKI_HASH_LEN], char room[HEX_HASH_LEN + 1])
{
    pv_hex_text(hash, PV_PKI_HASH_LEN, room);
    room[HEX_HASH_LEN] = '\0';
}

static enum pv_err
refuse_why(struct pv_change *change, const char *word, const struct pv_why *why)
{
    return pv_refuse(change->context->refusal, "R-106", word,
                     "%s: it is not accepted: %s", "%s: پذیرفته نشد: %s",
                     change->id, why->text);
}

/* What the library says of what came from outside; others are our own faults */
static enum pv_err
told(struct pv_change *change, enum pv_err err, const char *word,
     const struct pv_why *why)
{
    return err == PV_EINVAL || err == PV_ERANGE || err == PV_EVERIFY ||
                   err == PV_EREFUSED
               ? refuse_why(change, word, why)
               : err;
}

/* The last day in Tehran on which it is good the whole day or in part. */
static enum pv_err
set_facts(struct pv_change *change, const struct pv_pki_facts *facts)
{
    char        key[HEX_HASH_LEN + 1];
    char        day[PV_JALALI_ROOM];
    enum pv_err err;

    hex_of(facts->key.hash, key);
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

static struct pv_slice
text_of(const json_t *body, const char *name)
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
    char                issuer[HEX_HASH_LEN + 1];
    enum pv_err         err = pv_pki_certificate_read(
                text_of(change->body, "certificate"), &facts, &why);

    if (err == PV_OK && !facts.is_authority) {
        pv_why_set(&why, "its certificate does not say that it may sign "
                         "certificates");
        err = PV_EVERIFY;
    }
    if (err != PV_OK) {
        return told(change, err, "authority", &why);
    }
    hex_of(facts.subject_hash, issuer);
    err = check_issuer_free(change, issuer);
    if (err == PV_OK) {
        err = pv_set(change->body, "issuer", issuer);
    }
    return err == PV_OK ? set_facts(change, &facts) : err;
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
static enum pv_err
get_authority(struct pv_change *change, const char *id, struct pv_record *ret)
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

/* ---- whose it is ---- */

static enum pv_err
check_system(struct pv_change *change)
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

/* Of a request, an approval or a certificate from outside. */
static enum pv_err
check_overlap(struct pv_change *change)
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

enum pv_err
pv_rule_signing_request(struct pv_change *change)
{
    struct pv_record  authority = {.body = NULL};
    struct pv_pki_key key = {.len = 0};
    struct pv_why     why = {""};
    char              hex[HEX_HASH_LEN + 1];
    enum pv_err       err = check_system(change);

    if (err == PV_OK) {
        err = get_authority(change, pv_member(change->body, "authority"),
                            &authority);
        pv_record_clear(&authority);
    }
    if (err == PV_OK) {
        err = check_names(change);
    }
    if (err == PV_OK) {
        err = check_overlap(change);
    }
    if (err == PV_OK) {
        err = pv_pki_request_key(text_of(change->body, "csr"), &key, &why);
        err = told(change, err, "csr", &why);
    }
    if (err == PV_OK) {
        hex_of(key.hash, hex);
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
    enum pv_err      err = check_overlap(change);

    if (err == PV_OK) {
        err = check_system(change);
    }
    if (err == PV_OK) {
        err = get_authority(change, pv_member(change->body, "authority"),
                            &authority);
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

/* ---- certificates ---- */

static enum pv_err
refuse_name(struct pv_change *change)
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
               : refuse_name(change);
}

/* Signed by the registered authority of the body; its key may be a system's */
static enum pv_err
check_certificate(struct pv_change *change)
{
    struct pv_slice     pem = text_of(change->body, "certificate");
    struct pv_record    authority = {.body = NULL};
    struct pv_pki_facts facts = {.serial_len = 0};
    struct pv_why       why = {""};
    enum pv_err         err =
        get_authority(change, pv_member(change->body, "authority"), &authority);

    if (err == PV_OK) {
        err = pv_pki_certificate_read(pem, &facts, &why);
        if (err == PV_OK) {
            err =
                pv_pki_is_issued_by(pem, text_of(authority.body, "certificate"),
                                    change->context->now_ms, &why);
        }
        err = told(change, err, "certificate", &why);
    }
    pv_record_clear(&authority);
    if (err == PV_OK) {
        err = check_name(change, &facts);
    }
    if (err == PV_OK) {
        err = set_facts(change, &facts);
    }
    return err == PV_OK
               ? pv_key_is_free(change, pv_member(change->body, "system"),
                                pv_member(change->body, "spki_sha256"))
               : err;
}

enum pv_err
pv_rule_outside(struct pv_change *change)
{
    enum pv_err err = check_system(change);

    if (err == PV_OK) {
        err = check_overlap(change);
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
    char                     approved[HEX_HASH_LEN + 1] = "";
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

/* ---- revocation ---- */

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
        return refuse_name(change);
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
