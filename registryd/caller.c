/*
 * caller.c - who calls: a cookie's session, or a certificate's system.
 */
#include "caller.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/secret.h"
#include "kind_tables.h"
#include "rules.h"

#define COOKIE "__Host-payvand"

/* ---- cookies (RFC 6265 4.2.1) ---- */

/* The value of our cookie; false when there is none, or more than one. */
static bool
find_cookie(struct pv_slice header, struct pv_slice *ret)
{
    struct pv_slice pair;
    struct pv_slice name;
    struct pv_slice value;
    unsigned        count = 0;
    bool            more = header.len > 0;

    while (more) {
        more = pv_slice_cut(header, ';', &pair, &header);
        if (pv_slice_cut(pv_slice_trim(pair), '=', &name, &value) &&
            pv_slice_eq(name, PV_LIT(COOKIE))) {
            *ret = value;
            count++;
        }
    }
    return count == 1;
}

static enum pv_err
find_person(struct pv_people *people, const struct pv_server_call *call,
            struct pv_caller *caller)
{
    struct pv_slice header;
    struct pv_slice token;
    enum pv_err     err;

    if (pv_server_header(call, "Cookie", &header) != PV_OK ||
        !find_cookie(header, &token)) {
        return PV_EVERIFY;
    }
    err = pv_session_find(people, token, &caller->session);
    if (err == PV_OK) {
        err = pv_slice_to_cstr(token, caller->token, sizeof(caller->token));
    }
    if (err == PV_OK &&
        snprintf(caller->by, sizeof(caller->by), "person/%s",
                 caller->session.person) >= (int)sizeof(caller->by)) {
        err = PV_ERANGE;
    }
    if (err == PV_OK) {
        caller->kind = PV_CALLER_PERSON;
    }
    return err;
}

bool
pv_caller_shows_csrf(const struct pv_caller      *caller,
                     const struct pv_server_call *call)
{
    struct pv_slice shown;

    return pv_server_header(call, "Payvand-Csrf", &shown) == PV_OK &&
           pv_secret_eq(shown, pv_slice_from(caller->session.csrf));
}

/* ---- certificates ---- */

static bool
source_of(const struct pv_server_call *call, uint8_t source[16])
{
    struct pv_slice text;
    char            room[INET6_ADDRSTRLEN];

    memset(source, 0, 16);
    if (pv_server_header(call, "Payvand-Peer-Address", &text) != PV_OK ||
        pv_slice_to_cstr(text, room, sizeof(room)) != PV_OK) {
        return false;
    }
    if (inet_pton(AF_INET, room, source + 12) == 1) {
        source[10] = 0xff;
        source[11] = 0xff;
        return true;
    }
    return inet_pton(AF_INET6, room, source) == 1;
}

static enum pv_err
is_revoked(struct pv_registry                *registry,
           const struct pv_certificate_facts *facts, bool *ret)
{
    char   id[2 * (PV_CERTIFICATE_HASH_LEN + PV_CERTIFICATE_SERIAL_MAX) + 2];
    size_t serial_at = 2 * PV_CERTIFICATE_HASH_LEN + 1;
    struct pv_record record = {.body = NULL};
    enum pv_err      err;

    pv_hex_text(facts->issuer_hash, PV_CERTIFICATE_HASH_LEN, id);
    id[serial_at - 1] = '/';
    pv_hex_text(facts->serial, facts->serial_len, id + serial_at);
    id[serial_at + 2 * (size_t)facts->serial_len] = '\0';
    err = pv_record_get(registry, PV_KIND_CERTIFICATE, id, &record);
    /* an error is never a no */
    *ret = err != PV_ENOTFOUND &&
           (err != PV_OK ||
            strcmp(pv_kind_row(PV_KIND_CERTIFICATE)->states[record.state],
                   "valid") != 0);
    pv_record_clear(&record);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/* Its key, or the one before while that is good. */
static bool
is_current(const struct pv_image_system *system,
           const uint8_t                 key_hash[PV_KEY_HASH_LEN])
{
    return (system->has_key &&
            memcmp(system->key_hash, key_hash, PV_KEY_HASH_LEN) == 0) ||
           (pv_time_wall_ms() < system->old_until_ms &&
            memcmp(system->old_key_hash, key_hash, PV_KEY_HASH_LEN) == 0);
}

/* A system in use, called from one of its networks. */
static enum pv_err
check_system(struct pv_registry *registry, const struct pv_server_call *call,
             const struct pv_certificate_facts *facts, const char *id,
             struct pv_caller *caller)
{
    struct pv_record         record = {.body = NULL};
    struct pv_image_system   system = {.has_key = false};
    struct pv_image_endpoint endpoint = {.version = 0};
    struct pv_refusal        refusal = {.index = 0};
    bool                     has_endpoint;
    uint8_t                  source[16];
    enum pv_err err = pv_record_get(registry, PV_KIND_SYSTEM, id, &record);

    if (err == PV_OK &&
        (strcmp(pv_kind_row(PV_KIND_SYSTEM)->states[record.state],
                "registered") != 0 ||
         !source_of(call, source))) {
        err = PV_EVERIFY;
    }
    if (err == PV_OK) {
        err = pv_system_rows(id, record.body, registry->config.loopback,
                             &refusal, &system, &endpoint, &has_endpoint);
    }
    if (err == PV_OK && (!pv_policy_is_from(&system.row, source) ||
                         !is_current(&system, facts->key_hash))) {
        err = PV_EVERIFY;
    }
    if (err == PV_OK) {
        (void)snprintf(caller->system, sizeof(caller->system), "%s", id);
        (void)snprintf(caller->agency, sizeof(caller->agency), "%s",
                       pv_member(record.body, "agency")); /* both are ids */
        caller->kind = PV_CALLER_SYSTEM;
        caller->is_node =
            strcmp(pv_member(record.body, "kind"), "gateway") == 0;
    }
    pv_record_clear(&record);
    return err;
}

static enum pv_err
find_system(struct pv_registry *registry, const struct pv_server_call *call,
            struct pv_caller *caller)
{
    struct pv_certificate_facts facts;
    struct pv_slice             verify;
    struct pv_slice             pem;
    char                        key[2 * PV_CERTIFICATE_HASH_LEN + 1];
    int64_t                     now_ms = pv_time_wall_ms();
    json_t                     *ids = NULL;
    const char                 *id;
    bool                        revoked = true;
    enum pv_err                 err;

    if (pv_server_header(call, "Payvand-Peer-Verify", &verify) != PV_OK ||
        !pv_slice_eq(verify, PV_LIT("SUCCESS")) ||
        pv_server_header(call, "Payvand-Peer-Certificate", &pem) != PV_OK ||
        pv_certificate_read(pem, true, &facts) != PV_OK ||
        now_ms < facts.not_before_ms || now_ms > facts.not_after_ms) {
        return PV_EVERIFY;
    }
    err = is_revoked(registry, &facts, &revoked);
    if (err != PV_OK || revoked) {
        return err == PV_OK ? PV_EVERIFY : err;
    }
    pv_hex_text(facts.key_hash, sizeof(facts.key_hash), key);
    key[sizeof(key) - 1] = '\0';
    err = pv_record_users(registry, "key", key, PV_KIND_SYSTEM, &ids);
    id = json_string_value(json_array_get(ids, 0));
    if (err == PV_OK) {
        err = id == NULL ? PV_EVERIFY
                         : check_system(registry, call, &facts, id, caller);
    }
    json_decref(ids);
    return err;
}

enum pv_err
pv_caller_find(struct pv_registry *registry, struct pv_people *people,
               const struct pv_server_call *call, struct pv_caller *ret)
{
    struct pv_caller caller = {.kind = PV_CALLER_NOBODY};
    enum pv_err      err = find_person(people, call, &caller);

    if (err == PV_EVERIFY) {
        caller = (struct pv_caller){.kind = PV_CALLER_NOBODY};
        err = find_system(registry, call, &caller);
    }
    if (err == PV_EVERIFY || err == PV_EREFUSED) {
        caller = (struct pv_caller){.kind = PV_CALLER_NOBODY};
        err = PV_OK;
    }
    if (err == PV_OK) {
        *ret = caller;
    }
    return err;
}

/* ---- decisions in one's own name ---- */

static bool
is_own(json_t *decision, const char *name, const char *own)
{
    const json_t *value = json_object_get(decision, name);

    if (value == NULL) {
        return json_object_set_new(decision, name, json_string(own)) == 0;
    }
    return json_is_string(value) && strcmp(json_string_value(value), own) == 0;
}

static bool
signs_one(const struct pv_session *session, json_t *decision)
{
    return json_is_object(decision) &&
           is_own(decision, "actor", session->person) &&
           is_own(decision, "role", session->role) &&
           is_own(decision, "of", session->of);
}

bool
pv_caller_signs(const struct pv_caller *caller, json_t *decisions)
{
    json_t *one;
    size_t  i;

    if (caller->kind != PV_CALLER_PERSON) {
        return caller->kind == PV_CALLER_CONSOLE;
    }
    if (!json_is_array(decisions)) {
        return signs_one(&caller->session, decisions);
    }
    json_array_foreach(decisions, i, one)
    {
        if (!signs_one(&caller->session, one)) {
            return false;
        }
    }
    return true;
}
