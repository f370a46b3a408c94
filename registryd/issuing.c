/* issuing.c - from approvals to certificates, from revocations to lists. */
#include "issuing.h"

#include <string.h>

#include "base/num.h"
#include "daemon/event.h"
#include "decide.h"
#include "rules.h"

#define PROGRAM "registry"
#define HEX_NAME_LEN (2 * PV_PKI_HASH_LEN)
#define ID_ROOM (HEX_NAME_LEN + 1 + 2 * PV_PKI_SERIAL_MAX + 1)
#define DOCUMENT_MAX (PV_AUTHORITY_ASK_MAX / 4)
#define AGAIN_MIN_MS 1000
#define AGAIN_MAX_MS (10 * 60 * 1000)

/* ---- the processes ---- */

enum pv_err
pv_issuing_start(struct pv_issuing *issuing, const char *const *dirs,
                 size_t count, struct pv_why *why)
{
    enum pv_err err = PV_OK;

    memset(issuing, 0, sizeof(*issuing));
    for (size_t i = 0; i < count && err == PV_OK; i++) {
        err = pv_authority_start(&issuing->client[i], PROGRAM, dirs[i]);
        issuing->count++;
        if (err != PV_OK) {
            *why = issuing->client[i].why;
        }
    }
    return err;
}

static enum pv_err
list_open(struct pv_issuing_list *list)
{
    list->now = json_array();
    list->again = json_array();
    return list->now == NULL || list->again == NULL ? PV_ENOMEM : PV_OK;
}

static void
list_close(struct pv_issuing_list *list)
{
    json_decref(list->now); /* accepts NULL */
    json_decref(list->again);
    *list = (struct pv_issuing_list){NULL, NULL};
}

enum pv_err
pv_issuing_open(struct pv_issuing *issuing, struct pv_registry *registry,
                struct pv_why *why)
{
    enum pv_err err = PV_OK;

    issuing->registry = registry;
    err = list_open(&issuing->requests);
    if (err == PV_OK) {
        err = list_open(&issuing->revoked);
    }
    for (size_t i = 0; i < issuing->count && err == PV_OK; i++) {
        err = pv_authority_hear(&issuing->client[i]);
        if (err != PV_OK) {
            *why = issuing->client[i].why;
        }
    }
    return err;
}

void
pv_issuing_close(struct pv_issuing *issuing)
{
    for (size_t i = 0; i < issuing->count; i++) {
        pv_authority_close(&issuing->client[i]);
    }
    list_close(&issuing->requests);
    list_close(&issuing->revoked);
}

struct pv_authority_client *
pv_issuing_find(struct pv_issuing *issuing, struct pv_slice id)
{
    for (size_t i = 0; i < issuing->count; i++) {
        if (pv_slice_eq(pv_slice_from(issuing->client[i].id), id)) {
            return &issuing->client[i];
        }
    }
    return NULL;
}

struct pv_authority_client *
pv_issuing_of(struct pv_issuing *issuing, const struct pv_ocsp *ocsp)
{
    for (size_t i = 0; i < issuing->count; i++) {
        bool own = false;

        if (pv_ocsp_is_of(ocsp, pv_buf_view(&issuing->client[i].certificate),
                          &own) == PV_OK &&
            own) {
            return &issuing->client[i];
        }
    }
    return NULL;
}

/* ---- one certificate ---- */

static enum pv_err
take_document(void *context, const struct pv_value *column)
{
    return pv_buf_add(context, column[0].text);
}

/* The certificate's name, as its record is called. */
static enum pv_err
name_of(struct pv_slice pem, char room[ID_ROOM])
{
    struct pv_pki_facts facts;
    enum pv_err         err = pv_pki_certificate_read(pem, &facts, NULL);

    if (err == PV_OK) {
        pv_hex_text(facts.issuer_hash, PV_PKI_HASH_LEN, room);
        room[HEX_NAME_LEN] = '/';
        pv_hex_text(facts.serial, facts.serial_len, room + HEX_NAME_LEN + 1);
        room[HEX_NAME_LEN + 1 + 2 * facts.serial_len] = '\0';
    }
    return err;
}

/* The certificate becomes a decision of its own. */
static enum pv_err
decide(struct pv_issuing *issuing, const char *authority, const char *request,
       struct pv_slice pem)
{
    char              day[PV_JALALI_ROOM];
    char              id[ID_ROOM];
    char              actor[PV_AUTHORITY_ID_MAX + sizeof("authority/")];
    struct pv_decided decided;
    struct pv_refusal refusal = {.index = 0};
    json_t           *decision;
    enum pv_err       err = name_of(pem, id);

    if (err != PV_OK) {
        return err;
    }
    pv_day_text(pv_time_tehran_day(pv_time_wall_ms()), day);
    (void)snprintf(actor, sizeof(actor), "authority/%s", authority); /* fits */
    decision =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s%}}", "actor",
                  actor, "role", "authority", "of", authority, "date", day,
                  "kind", "certificate", "id", id, "event", "issue", "data",
                  "request", request, "certificate", pem.ptr, pem.len);
    err = decision == NULL
              ? PV_ENOMEM
              : pv_registry_decide(issuing->registry, decision, "authority",
                                   &decided, &refusal);
    json_decref(decision);
    if (err == PV_EREFUSED) {
        pv_log_event("error", "registry.authority_refuses", "request=%s %s",
                     request, refusal.en);
    }
    /* in force now, not after the loop has waited again */
    return err == PV_OK ? pv_registry_catch_up(issuing->registry) : err;
}

/* Everything that the authority wants to see. */
static enum pv_err
gather(struct pv_registry *registry, const struct pv_record *request,
       struct pv_buf *document, struct pv_approval *approval,
       struct pv_pki_key *key, struct pv_merkle_proof *proof)
{
    struct pv_value number = PV_INT(request->from_decision);
    uint64_t        size;
    enum pv_err     err;

    approval->note = pv_registry_head(registry, &size);
    approval->number = (uint64_t)request->from_decision;
    err = pv_store_run(registry->store, PV_STMT_DECISION_GET, &number, 1,
                       take_document, document);
    if (err == PV_OK) {
        err = pv_pki_request_key(pv_slice_from(pv_member(request->body, "csr")),
                                 key, NULL);
    }
    if (err == PV_OK) {
        err = pv_decision_log_prove(registry->log, request->from_decision, size,
                                    proof);
    }
    approval->document = pv_buf_view(document);
    approval->key = (struct pv_slice){(const char *)key->der, key->len};
    approval->proof = proof->hash;
    approval->proof_count = proof->count;
    return err;
}

static enum pv_err
issue(struct pv_issuing *issuing, struct pv_authority_client *client,
      const char *id, const struct pv_record *request)
{
    struct pv_approval     approval = {.number = 0};
    struct pv_merkle_proof proof = {.count = 0};
    struct pv_pki_key      key = {.len = 0};
    struct pv_buf          document;
    struct pv_slice        pem;
    enum pv_err            err;

    pv_buf_init(&document, DOCUMENT_MAX);
    err =
        gather(issuing->registry, request, &document, &approval, &key, &proof);
    if (err == PV_ERANGE || err == PV_EINVAL || err == PV_EVERIFY) {
        /* of this request alone: those behind it go on */
        pv_log_event("error", "registry.authority_refuses",
                     "request=%s its approval cannot be shown: %s", id,
                     pv_err_text(err));
        err = PV_EREFUSED;
    }
    if (err == PV_OK) {
        err = pv_authority_issue(client, &approval, &pem);
        if (err == PV_EREFUSED) {
            pv_log_event("error", "registry.authority_refuses", "request=%s %s",
                         id, client->why.text);
        }
    }
    pv_buf_clear(&document);
    return err == PV_OK ? decide(issuing, client->id, id, pem) : err;
}

static bool
is_covered(struct pv_issuing *issuing, int64_t number)
{
    uint64_t size;

    return pv_registry_head(issuing->registry, &size).len > 0 &&
           (uint64_t)number <= size;
}

/* Of an authority that has ended nothing is signed: nobody could use it. */
static enum pv_err
may_issue(struct pv_issuing *issuing, const struct pv_record *request,
          bool *ret)
{
    const char *state = NULL;
    enum pv_err err =
        pv_state_of(issuing->registry, PV_KIND_AUTHORITY,
                    pv_member(request->body, "authority"), &state);

    *ret =
        err == PV_OK && state != NULL && strcmp(state, "registered") == 0 &&
        strcmp(pv_kind_row(PV_KIND_CERTIFICATE_REQUEST)->states[request->state],
               "approved") == 0;
    return err;
}

/* ret_waits: the head does not cover it yet. PV_EREFUSED: that was said. */
static enum pv_err
try_request(struct pv_issuing *issuing, const char *id, bool *ret_waits)
{
    struct pv_record            record = {.body = NULL};
    bool                        may = false;
    struct pv_authority_client *client;
    enum pv_err                 err = pv_record_get(issuing->registry,
                                                    PV_KIND_CERTIFICATE_REQUEST, id, &record);

    *ret_waits = false;
    if (err != PV_OK) {
        return err;
    }
    client = pv_issuing_find(
        issuing, pv_slice_from(pv_member(record.body, "authority")));
    err = may_issue(issuing, &record, &may);
    if (err == PV_OK && client != NULL && may) {
        *ret_waits = !is_covered(issuing, record.from_decision);
        err = *ret_waits ? PV_OK : issue(issuing, client, id, &record);
    }
    pv_record_clear(&record);
    return err;
}

/* ---- rounds ---- */

struct changed {
    json_t *requests;
    json_t *certificates;
};

static enum pv_err
take_changed(void *context, const struct pv_value *column)
{
    struct changed *changed = context;
    json_t         *list = NULL;

    if (pv_slice_eq(column[0].text, PV_LIT("certificate-request"))) {
        list = changed->requests;
    } else if (pv_slice_eq(column[0].text, PV_LIT("certificate"))) {
        list = changed->certificates;
    }
    return list == NULL || json_array_append_new(
                               list, json_stringn(column[1].text.ptr,
                                                  column[1].text.len)) == 0
               ? PV_OK
               : PV_ENOMEM;
}

/* All that was decided before has been issued and told. */
static bool
is_done(const struct pv_issuing *issuing)
{
    return json_array_size(issuing->requests.now) == 0 &&
           json_array_size(issuing->requests.again) == 0 &&
           json_array_size(issuing->revoked.now) == 0 &&
           json_array_size(issuing->revoked.again) == 0;
}

static enum pv_err
look(struct pv_issuing *issuing, int64_t last)
{
    struct pv_value since = PV_INT(issuing->seen);
    struct changed  changed = {issuing->requests.now, issuing->revoked.now};
    enum pv_err     err =
        pv_store_run(issuing->registry->store, PV_STMT_RECORD_CHANGED, &since,
                     1, take_changed, &changed);

    if (err == PV_OK && issuing->seen == 0) {
        err = pv_issuing_see_forgot(issuing);
    }
    if (err == PV_OK) {
        issuing->seen = last;
    }
    return err;
}

typedef enum pv_err try_fn(struct pv_issuing *issuing, const char *id,
                           bool *ret_waits);

/* What of the list is done leaves it; what was refused is for later. */
static enum pv_err
try_all(struct pv_issuing *issuing, struct pv_issuing_list *list,
        try_fn *try_one)
{
    json_t     *later = json_array();
    json_t     *id;
    size_t      i;
    enum pv_err err = later == NULL ? PV_ENOMEM : PV_OK;

    json_array_foreach(list->now, i, id)
    {
        bool waits = false;

        if (err == PV_OK) {
            err = try_one(issuing, json_string_value(id), &waits);
        }
        if (err == PV_EREFUSED) {
            err = json_array_append(list->again, id) == 0 ? PV_OK : PV_ENOMEM;
        }
        if ((waits || err != PV_OK) && json_array_append(later, id) != 0) {
            err = PV_ENOMEM;
        }
    }
    if (later != NULL) {
        json_decref(list->now);
        list->now = later;
    }
    return err;
}

static enum pv_err
take_again(struct pv_issuing_list *list)
{
    return json_array_extend(list->now, list->again) == 0 &&
                   json_array_clear(list->again) == 0
               ? PV_OK
               : PV_ENOMEM;
}

/* A round for something new makes nobody wait longer. */
static void
wait_longer(struct pv_issuing *issuing, bool due)
{
    size_t refused = json_array_size(issuing->requests.again) +
                     json_array_size(issuing->revoked.again);
    int64_t longer_ms = 2 * issuing->wait_ms;

    issuing->registry->authority_waits = refused;
    if (refused == 0) {
        issuing->wait_ms = 0;
    } else if (due || issuing->wait_ms == 0) {
        issuing->wait_ms = longer_ms < AGAIN_MIN_MS   ? AGAIN_MIN_MS
                           : longer_ms > AGAIN_MAX_MS ? AGAIN_MAX_MS
                                                      : longer_ms;
        issuing->again_ms = pv_time_monotonic_ms() + issuing->wait_ms;
    }
}

static enum pv_err
work(struct pv_issuing *issuing)
{
    bool due =
        issuing->wait_ms > 0 && pv_time_monotonic_ms() >= issuing->again_ms;
    int64_t     last = 0;
    int64_t     image;
    enum pv_err err = pv_registry_numbers(issuing->registry, &last, &image);

    if (err == PV_OK && last != issuing->seen) {
        err = look(issuing, last);
    }
    if (err == PV_OK && due) {
        err = take_again(&issuing->revoked);
    }
    if (err == PV_OK && due) {
        err = take_again(&issuing->requests);
    }
    if (err == PV_OK) {
        err = try_all(issuing, &issuing->revoked, pv_issuing_tell);
    }
    if (err == PV_OK) {
        err = try_all(issuing, &issuing->requests, try_request);
    }
    wait_longer(issuing, due);
    return err == PV_OK && !issuing->compared && is_done(issuing)
               ? pv_issuing_compare(issuing)
               : err;
}

enum pv_err
pv_issuing_round(struct pv_issuing *issuing, struct pv_why *why)
{
    if (issuing->count > 0) {
        (void)work(issuing); /* where the database fails: the next round */
    }
    for (size_t i = 0; i < issuing->count; i++) {
        if (issuing->client[i].lost) {
            *why = issuing->client[i].why;
            return PV_ECLOSED;
        }
    }
    return PV_OK;
}
