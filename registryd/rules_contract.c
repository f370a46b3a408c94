/*
 * rules_contract.c - the contract of a version: compiled when it is decided,
 * named by its hash, found by that.
 */
#include <string.h>

#include "base/num.h"
#include "contract_check.h"
#include "crypto/sha256.h"
#include "rules.h"

#define CONTRACT_BYTES_MAX ((size_t)512 * 1024)
#define HASH_ROOM (2 * PV_HASH_LEN + 1)

static enum pv_err
hash_text(struct pv_slice bytes, char room[HASH_ROOM])
{
    struct pv_sha256 *sha = NULL;
    struct pv_hash    hash;
    enum pv_err       err = pv_sha256_new(&sha);

    if (err == PV_OK) {
        err = pv_sha256(sha, &bytes, 1, &hash);
    }
    if (err == PV_OK) {
        pv_hex_text(hash.bytes, PV_HASH_LEN, room);
        room[HASH_ROOM - 1] = '\0';
    }
    pv_sha256_free(sha);
    return err;
}

/* A connector compiles what was decided: it is compiled here first. */
enum pv_err
pv_rule_contract(struct pv_change *change)
{
    const json_t               *contract;
    const struct pv_contract_of of = {
        .provider = pv_member(change->body, "provider"),
        .service = pv_member(change->body, "service"),
        .version = pv_member(change->body, "name"),
        .methods = json_object_get(change->body, "methods")};
    struct pv_why why = {""};
    struct pv_buf text;
    char          hash[HASH_ROOM];
    enum pv_err   err;

    contract = json_object_get(change->body, "contract");
    if (contract == NULL) {
        return PV_OK;
    }
    pv_buf_init(&text, CONTRACT_BYTES_MAX);
    err = pv_canonical(contract, &text);
    if (err == PV_OK) {
        err = pv_contract_check(pv_buf_view(&text), &of, &why);
    }
    if (err == PV_OK) {
        err = hash_text(pv_buf_view(&text), hash);
    }
    if (err == PV_OK) {
        err = pv_set(change->body, "contract_sha256", hash);
    } else if (err != PV_ENOMEM && err != PV_ECRYPTO) {
        err = pv_refuse(change->context->refusal, "R-091", "contract",
                        "%s: its contract is not right: %s",
                        "%s: قرارداد آن درست نیست: %s", change->id,
                        why.text[0] == '\0' ? pv_err_text(err) : why.text);
    }
    pv_buf_clear(&text);
    return err;
}

enum pv_err
pv_contract_find(struct pv_registry *registry, struct pv_slice hash,
                 struct pv_buf *out)
{
    struct pv_record record = {.body = NULL};
    char             name[HASH_ROOM];
    json_t          *ids = NULL;
    enum pv_err      err = pv_slice_to_cstr(hash, name, sizeof(name));

    if (err == PV_OK) {
        err =
            pv_record_users(registry, "contract", name, PV_KIND_VERSION, &ids);
    }
    if (err == PV_OK && json_array_size(ids) == 0) {
        err = PV_ENOTFOUND;
    }
    if (err == PV_OK) { /* of several versions each has it */
        err = pv_record_get(registry, PV_KIND_VERSION,
                            json_string_value(json_array_get(ids, 0)), &record);
    }
    if (err == PV_OK) {
        err = pv_canonical(json_object_get(record.body, "contract"), out);
    }
    pv_record_clear(&record);
    json_decref(ids); /* accepts NULL */
    return err;
}
