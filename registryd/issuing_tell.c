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

/* ---- comparing, serial by serial ---- */

/* What each authority issued: serial -> does only the authority know it? */
struct known {
    json_t *of[PV_AUTHORITIES_MAX]; /* owned */
};

static void
clear_known(struct known *known)
{
    for (size_t i = 0; i < PV_AUTHORITIES_MAX; i++) {
        json_decref(known->of[i]); /* accepts NULL */
    }
}

static enum pv_err
hear_one(struct pv_authority_client *client, json_t *serials)
{
    struct pv_slice rest = {"", 0};
    struct pv_slice line;
    enum pv_err     err = pv_authority_serials(client, &rest);

    while (err == PV_OK && pv_slice_cut(rest, '\n', &line, &rest)) {
        char serial[2 * PV_PKI_SERIAL_MAX + 1];

        err = pv_slice_to_cstr(line, serial, sizeof(serial));
        if (err == PV_OK &&
            json_object_set_new(serials, serial, json_true()) != 0) {
            err = PV_ENOMEM;
        }
    }
    return err;
}

/* The caller clears it, whatever comes back. */
static enum pv_err
hear(struct pv_issuing *issuing, struct known *ret)
{
    enum pv_err err = PV_OK;

    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < issuing->count && err == PV_OK; i++) {
        ret->of[i] = json_object();
        err = ret->of[i] == NULL ? PV_ENOMEM
                                 : hear_one(&issuing->client[i], ret->of[i]);
    }
    return err;
}

/* As an authority writes it: DER may put a zero in front. */
static enum pv_err
serial_text(struct pv_slice hex, char ret[2 * PV_PKI_SERIAL_MAX + 1])
{
    while (hex.len > 2 && hex.ptr[0] == '0' && hex.ptr[1] == '0') {
        hex.ptr += 2;
        hex.len -= 2;
    }
    return pv_slice_to_cstr(hex, ret, 2 * PV_PKI_SERIAL_MAX + 1);
}

/* A serial that was only ever revoked by hand is nothing to adopt. */
static bool
can_be_told(struct pv_issuing *issuing, const char *id)
{
    struct pv_record record = {.body = NULL};
    bool ret = pv_record_get(issuing->registry, PV_KIND_CERTIFICATE, id,
                             &record) == PV_OK &&
               pv_member(record.body, "certificate")[0] != '\0';

    pv_record_clear(&record);
    return ret;
}

/*
 * What the registry knows too becomes false in known; missing: how many of the
 * registry's an authority does not have.
 */
static enum pv_err
take_registered(struct pv_issuing *issuing, const json_t *ids,
                struct known *known, uint64_t missing[PV_AUTHORITIES_MAX])
{
    json_t *id;
    size_t  i;

    memset(missing, 0, PV_AUTHORITIES_MAX * sizeof(missing[0]));
    json_array_foreach(ids, i, id)
    {
        const char                       *name = json_string_value(id);
        struct pv_slice                   hex;
        const struct pv_authority_client *client =
            client_of(issuing, pv_slice_from(name), &hex);
        json_t *known_here;
        char    serial[2 * PV_PKI_SERIAL_MAX + 1];

        if (client == NULL || serial_text(hex, serial) != PV_OK) {
            continue; /* none's here, or no serial of anybody */
        }
        known_here = known->of[client - issuing->client];
        if (json_object_get(known_here, serial) == NULL) {
            missing[client - issuing->client] += can_be_told(issuing, name);
        } else if (json_object_set_new(known_here, serial, json_false()) != 0) {
            return PV_ENOMEM;
        }
    }
    return PV_OK;
}

static size_t
count_true(json_t *object)
{
    const char *name;
    json_t     *value;
    size_t      count = 0;

    json_object_foreach(object, name, value)
    {
        (void)name; /* the loop needs one */
        count += json_is_true(value);
    }
    return count;
}

static void
warn(const char *event, const struct pv_authority_client *client,
     uint64_t count)
{
    pv_log_event("warn", event, "authority=%s certificates=%llu", client->id,
                 (unsigned long long)count);
}

enum pv_err
pv_issuing_see_forgot(struct pv_issuing *issuing)
{
    uint64_t     missing[PV_AUTHORITIES_MAX];
    struct known known;
    enum pv_err  err = hear(issuing, &known);

    if (err == PV_OK) {
        err = take_registered(issuing, issuing->revoked.now, &known, missing);
    }
    for (size_t i = 0; i < issuing->count && err == PV_OK; i++) {
        issuing->client[i].forgot = missing[i] > 0;
        if (missing[i] > 0) {
            warn("registry.authority_forgot", &issuing->client[i], missing[i]);
        }
    }
    clear_known(&known);
    return err;
}

enum pv_err
pv_issuing_compare(struct pv_issuing *issuing)
{
    uint64_t     missing[PV_AUTHORITIES_MAX];
    struct known known = {{NULL}};
    json_t      *ids = NULL;
    size_t       ahead = 0;
    enum pv_err  err =
        pv_record_all(issuing->registry, PV_KIND_CERTIFICATE, &ids);

    if (err == PV_OK) {
        err = hear(issuing, &known);
    }
    if (err == PV_OK) {
        err = take_registered(issuing, ids, &known, missing);
    }
    for (size_t i = 0; i < issuing->count && err == PV_OK; i++) {
        size_t more = count_true(known.of[i]);

        ahead += more;
        if (more > 0) {
            warn("registry.authority_ahead", &issuing->client[i], more);
        }
    }
    if (err == PV_OK) {
        issuing->registry->authority_ahead = ahead;
        issuing->compared = true;
    }
    json_decref(ids); /* accepts NULL */
    clear_known(&known);
    return err;
}
