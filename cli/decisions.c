/* decisions.c - decisions over the registry's socket, and their proofs. */
#include "decisions.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/num.h"
#include "registry.h"

#define PATH_MAX_LEN 400
#define DOCUMENT_MAX ((size_t)4 * 1024 * 1024)
#define HTTP_OK 200
#define HTTP_NOT_FOUND 404

enum pv_err
pv_decisions_ask(const char *socket, json_t **ret, struct pv_why *why,
                 const char *format, ...)
{
    char          path[PATH_MAX_LEN];
    struct pv_buf answer;
    va_list       list;
    long          status = 0;
    enum pv_err   err = PV_OK;
    int           len;

    va_start(list, format);
    len = vsnprintf(path, sizeof(path), format, list);
    va_end(list);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        return PV_ERANGE;
    }
    *ret = NULL;
    pv_buf_init(&answer, PV_REGISTRY_ANSWER_MAX);
    err = pv_registry_ask(socket, path, PV_LIT(""), &status, &answer, why);
    if (err == PV_OK && status == HTTP_OK) {
        *ret = json_loadb(answer.ptr, answer.len, JSON_REJECT_DUPLICATES, NULL);
        err = *ret == NULL ? PV_EPROTO : PV_OK;
    } else if (err == PV_OK && status != HTTP_NOT_FOUND) {
        err = PV_EPROTO;
    }
    if (err == PV_EPROTO) {
        pv_why_set(why, "the registry's answer to %s does not read (%ld)", path,
                   status);
    }
    pv_buf_clear(&answer);
    return err;
}

static enum pv_err
read_hashes(const json_t *list, struct pv_merkle_proof *proof)
{
    if (!json_is_array(list) || json_array_size(list) > PV_MERKLE_PROOF_MAX) {
        return PV_EPROTO;
    }
    proof->count = json_array_size(list);
    for (size_t i = 0; i < proof->count; i++) {
        const char *hex = json_string_value(json_array_get(list, i));

        if (pv_hex_bytes(pv_slice_from(hex), proof->hash[i].bytes,
                         PV_HASH_LEN) != PV_OK) {
            return PV_EPROTO;
        }
    }
    return PV_OK;
}

static int
add_bytes(const char *bytes, size_t len, void *context)
{
    return pv_buf_add(context, (struct pv_slice){bytes, len}) == PV_OK ? 0 : -1;
}

/* The leaf is the document's canonical form (registryd/registry.h). */
enum pv_err
pv_decisions_leaf(struct pv_sha256 *sha, const json_t *document,
                  struct pv_hash *ret)
{
    struct pv_buf room;
    enum pv_err   err = PV_ENOMEM;

    pv_buf_init(&room, DOCUMENT_MAX);
    if (json_dump_callback(document, add_bytes, &room,
                           JSON_COMPACT | JSON_SORT_KEYS) == 0) {
        err = pv_merkle_leaf(sha, pv_buf_view(&room), ret);
    }
    pv_buf_clear(&room);
    return err;
}

enum pv_err
pv_decisions_verify(struct pv_sha256 *sha, const struct pv_note_key *key,
                    const json_t *answer, const json_t *document,
                    struct pv_checkpoint *ret)
{
    const json_t *note = json_object_get(answer, "checkpoint");
    json_int_t number = json_integer_value(json_object_get(document, "number"));
    struct pv_merkle_proof proof = {.count = 0};
    struct pv_hash         leaf;
    enum pv_err            err;

    if (note == NULL) {
        return PV_ENOTFOUND;
    }
    err = pv_checkpoint_open(
        (struct pv_slice){json_string_value(note), json_string_length(note)},
        key, ret, NULL);
    if (err == PV_OK) {
        err = read_hashes(json_object_get(answer, "proof"), &proof);
    }
    if (err == PV_OK) {
        err = pv_decisions_leaf(sha, document, &leaf);
    }
    if (err == PV_OK && number < 1) {
        err = PV_EPROTO;
    }
    return err == PV_OK
               ? pv_merkle_verify_inclusion(sha, (uint64_t)number - 1,
                                            ret->size, &leaf, proof.hash,
                                            proof.count, &ret->root)
               : err;
}
