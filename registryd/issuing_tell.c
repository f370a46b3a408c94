/*
 * issuing_tell.c - what an authority is told of its certificates: those that
 * were revoked, and those that an older copy of its directory lacks.
 */
#include <string.h>

#include "base/num.h"
#include "daemon/event.h"
#include "decide.h"
#include "issuing.h"

#define HEX_NAME_LEN (2 * PV_PKI_HASH_LEN)

/* ---- telling ---- */

static enum pv_pki_reason
reason_of(const json_t *body)
{
    static const struct {
        const char        *word;
        enum pv_pki_reason reason;
    } row[] = {{"key-compromise", PV_PKI_KEY_COMPROMISE},
               {"affiliation-changed", PV_PKI_AFFILIATION_CHANGED},
               {"superseded", PV_PKI_SUPERSEDED},
               {"cessation-of-operation", PV_PKI_CESSATION},
               {"privilege-withdrawn", PV_PKI_PRIVILEGE_WITHDRAWN}};

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        if (strcmp(pv_member(body, "reason_code"), row[i].word) == 0) {
            return row[i].reason;
        }
    }
    return PV_PKI_UNSPECIFIED;
}

/* Whose name is before the slash of a certificate's id; NULL: none's here. */
static struct pv_authority_client *
client_of(struct pv_issuing *issuing, struct pv_slice id,
          struct pv_slice *ret_serial)
{
    struct pv_slice name;

    if (!pv_slice_cut(id, '/', &name, ret_serial)) {
        return NULL;
    }
    for (size_t i = 0; i < issuing->count; i++) {
        struct pv_authority_client *client = &issuing->client[i];
        char                        issuer[HEX_NAME_LEN];

        pv_hex_text(client->facts.subject_hash, PV_PKI_HASH_LEN, issuer);
        if (pv_slice_eq(name, (struct pv_slice){issuer, sizeof(issuer)})) {
            return client;
        }
    }
    return NULL;
}

static enum pv_err
tell_revoked(struct pv_authority_client *client, const struct pv_record *record,
             struct pv_slice serial)
{
    struct pv_pki_revoked revoked = {.serial_len = serial.len / 2,
                                     .reason = reason_of(record->body),
                                     .when_ms = pv_time_wall_ms()};

    if (revoked.serial_len > sizeof(revoked.serial) ||
        pv_hex_bytes(serial, revoked.serial, revoked.serial_len) != PV_OK) {
        return PV_OK; /* no serial of anybody */
    }
    return pv_authority_revoke(client, &revoked);
}

static enum pv_err
take_first(void *context, const struct pv_value *column)
{
    int64_t *first = context;

    if (*first == 0) {
        *first = column[1].number;
    }
    return PV_OK;
}

/* By the decision that registered it: a later one may be of several. */
static enum pv_err
adopt(struct pv_issuing *issuing, struct pv_authority_client *client,
      const char *id, const struct pv_record *record)
{
    struct pv_slice pem = pv_slice_from(pv_member(record->body, "certificate"));
    struct pv_value arguments[] = {PV_TEXT(PV_LIT("certificate")),
                                   PV_TEXT(pv_slice_from(id))};
    int64_t         first = 0;
    enum pv_err     err;

    if (!client->forgot || pem.len == 0) {
        return PV_OK;
    }
    err = pv_store_run(issuing->registry->store, PV_STMT_RECORD_HISTORY,
                       arguments, 2, take_first, &first);
    return err == PV_OK ? pv_authority_adopt(client, (uint64_t)first, pem)
                        : err;
}

/*
 * Again after a start: the authority keeps the first moment. Revoked is told
 * first, whatever becomes of the rest.
 */
enum pv_err
pv_issuing_tell(struct pv_issuing *issuing, const char *id, bool *ret_waits)
{
    struct pv_slice             serial = {"", 0};
    struct pv_authority_client *client =
        client_of(issuing, pv_slice_from(id), &serial);
    struct pv_record record = {.body = NULL};
    enum pv_err      err;

    *ret_waits = false;
    if (client == NULL) {
        return PV_OK;
    }
    err = pv_record_get(issuing->registry, PV_KIND_CERTIFICATE, id, &record);
    if (err == PV_OK &&
        strcmp(pv_kind_row(PV_KIND_CERTIFICATE)->states[record.state],
               "revoked") == 0) {
        err = tell_revoked(client, &record, serial);
    }
    if (err == PV_OK) {
        err = adopt(issuing, client, id, &record);
    }
    if (err == PV_EREFUSED) {
        /* the image refuses what is revoked all the same */
        pv_log_event("error", "registry.authority_refuses", "certificate=%s %s",
                     id, client->why.text);
    }
    pv_record_clear(&record);
    return err;
}

/* ---- comparing ---- */

/* How many of the certificates are of which authority here. */
static void
count_by_issuer(struct pv_issuing *issuing, const json_t *ids,
                uint64_t count[PV_AUTHORITIES_MAX])
{
    json_t *id;
    size_t  i;

    memset(count, 0, PV_AUTHORITIES_MAX * sizeof(count[0]));
    json_array_foreach(ids, i, id)
    {
        struct pv_slice                   serial;
        const struct pv_authority_client *client =
            client_of(issuing, pv_slice_from(json_string_value(id)), &serial);

        if (client != NULL) {
            count[client - issuing->client]++;
        }
    }
}

static void
warn(const char *event, const struct pv_authority_client *client,
     uint64_t registered)
{
    pv_log_event("warn", event, "authority=%s issued=%llu registered=%llu",
                 client->id, (unsigned long long)client->issued,
                 (unsigned long long)registered);
}

void
pv_issuing_see_forgot(struct pv_issuing *issuing)
{
    uint64_t count[PV_AUTHORITIES_MAX];

    count_by_issuer(issuing, issuing->revoked.now, count);
    for (size_t i = 0; i < issuing->count; i++) {
        struct pv_authority_client *client = &issuing->client[i];

        client->forgot = count[i] > client->issued;
        if (client->forgot) {
            warn("registry.authority_forgot", client, count[i]);
        }
    }
}

enum pv_err
pv_issuing_compare(struct pv_issuing *issuing)
{
    uint64_t    count[PV_AUTHORITIES_MAX];
    json_t     *ids = NULL;
    size_t      ahead = 0;
    enum pv_err err =
        pv_record_all(issuing->registry, PV_KIND_CERTIFICATE, &ids);

    count_by_issuer(issuing, ids, count);
    json_decref(ids); /* accepts NULL */
    for (size_t i = 0; i < issuing->count && err == PV_OK; i++) {
        struct pv_authority_client *client = &issuing->client[i];

        err = pv_authority_hear(client);
        if (err == PV_OK && client->issued > count[i]) {
            ahead += client->issued - count[i];
            warn("registry.authority_ahead", client, count[i]);
        }
    }
    if (err == PV_OK) {
        issuing->registry->authority_ahead = ahead;
        issuing->compared = true;
    }
    return err;
}
