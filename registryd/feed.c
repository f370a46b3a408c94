/* feed.c - batches of decisions: given, and taken again elsewhere. */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "base/time.h"
#include "decide.h"

#define FEED_PROOF_MAX PV_MERKLE_PROOF_MAX

/* ---- giving ---- */

struct given {
    struct pv_buf *out;
    int64_t        last; /* number of the last one written */
    size_t         count;
    size_t         begin; /* of out */
};

static enum pv_err
give_one(void *context, const struct pv_value *column)
{
    struct given *given = context;
    enum pv_err   err = PV_OK;

    if (given->count > 0 && given->out->len - given->begin > PV_FEED_LEN) {
        return PV_OK; /* the next batch has it */
    }
    if (column[0].number != given->last + 1) {
        return PV_ECORRUPT;
    }
    if (given->count > 0) {
        err = pv_buf_add_char(given->out, ',');
    }
    if (err == PV_OK) {
        err = pv_buf_add(given->out, column[1].text);
    }
    given->last++;
    given->count++;
    return err;
}

static enum pv_err
give_proof(struct pv_registry *registry, uint64_t from, uint64_t size,
           struct pv_buf *out)
{
    struct pv_merkle_proof proof = {.count = 0};
    char                   hex[2 * PV_HASH_LEN];
    enum pv_err            err = PV_OK;

    if (from < size) {
        err = pv_decision_log_consistency(registry->log, from, size, &proof);
    }
    for (size_t i = 0; i < proof.count && err == PV_OK; i++) {
        pv_hex_text(proof.hash[i].bytes, PV_HASH_LEN, hex);
        err = pv_buf_addf(out, "%s\"%.*s\"", i == 0 ? "" : ",",
                          (int)sizeof(hex), hex);
    }
    return err;
}

enum pv_err
pv_feed_give(struct pv_registry *registry, struct pv_slice note, uint64_t size,
             int64_t from, struct pv_buf *out)
{
    int64_t wanted =
        from >= 0 && (uint64_t)from < size ? (int64_t)size - from : 0;
    struct given given = {.out = out, .last = from};
    enum pv_err  err = pv_buf_add(out, PV_LIT("{\"checkpoint\":"));

    if (wanted > PV_FEED_COUNT_MAX) {
        wanted = PV_FEED_COUNT_MAX;
    }
    if (err == PV_OK) {
        err = pv_text_json(note, out);
    }
    if (err == PV_OK) {
        err = pv_buf_add(out, PV_LIT(",\"decisions\":["));
    }
    given.begin = out->len;
    if (err == PV_OK && wanted > 0) {
        struct pv_value arguments[] = {PV_INT(from), PV_INT(wanted)};

        err = pv_store_run(registry->store, PV_STMT_DECISION_LIST, arguments, 2,
                           give_one, &given);
    }
    if (err == PV_OK) {
        err = pv_buf_addf(out, "],\"from\":%lld,\"proof\":[", (long long)from);
    }
    if (err == PV_OK) {
        err = give_proof(registry, (uint64_t)given.last, size, out);
    }
    return err == PV_OK ? pv_buf_add(out, PV_LIT("]}")) : err;
}

/* ---- taking: is it what was signed? ---- */

struct batch {
    json_t              *json;
    const json_t        *decisions;
    int64_t              from;
    size_t               count;
    struct pv_buf       *room;     /* canonical text of each; owned */
    struct pv_slice     *document; /* borrowed from room; owned */
    struct pv_slice      note;
    struct pv_checkpoint checkpoint;
    size_t               proof_count;
    struct pv_hash       proof[FEED_PROOF_MAX];
};

static void
clear_batch(struct batch *batch)
{
    for (size_t i = 0; i < batch->count && batch->room != NULL; i++) {
        pv_buf_clear(&batch->room[i]);
    }
    free(batch->room);
    free(batch->document);
    json_decref(batch->json); /* accepts NULL */
}

static enum pv_err
read_proof(const json_t *list, struct batch *batch)
{
    size_t  i;
    json_t *hash;

    if (!json_is_array(list) || json_array_size(list) > FEED_PROOF_MAX) {
        return PV_EINVAL;
    }
    json_array_foreach((json_t *)(uintptr_t)list, i, hash)
    {
        struct pv_slice hex = {json_string_value(hash),
                               json_string_length(hash)};

        if (pv_hex_bytes(hex, batch->proof[i].bytes, PV_HASH_LEN) != PV_OK) {
            return PV_EINVAL;
        }
    }
    batch->proof_count = json_array_size(list);
    return PV_OK;
}

static enum pv_err
read_documents(struct batch *batch)
{
    enum pv_err err = PV_OK;
    size_t      count = json_array_size(batch->decisions);

    batch->room = calloc(count + 1, sizeof(*batch->room));
    batch->document = calloc(count + 1, sizeof(*batch->document));
    if (batch->room == NULL || batch->document == NULL) {
        return PV_ENOMEM;
    }
    batch->count = count;
    for (size_t i = 0; i < count && err == PV_OK; i++) {
        pv_buf_init(&batch->room[i], PV_DOCUMENT_MAX);
        err =
            pv_canonical(json_array_get(batch->decisions, i), &batch->room[i]);
        batch->document[i] = pv_buf_view(&batch->room[i]);
    }
    return err;
}

static enum pv_err
read_batch(struct pv_slice bytes, struct batch *batch)
{
    const json_t *from;
    const json_t *note;

    batch->json =
        json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    from = json_object_get(batch->json, "from");
    note = json_object_get(batch->json, "checkpoint");
    batch->decisions = json_object_get(batch->json, "decisions");
    if (json_object_size(batch->json) != 4 || !json_is_integer(from) ||
        json_integer_value(from) < 0 || !json_is_string(note) ||
        !json_is_array(batch->decisions) ||
        json_array_size(batch->decisions) > PV_FEED_COUNT_MAX) {
        return PV_EINVAL;
    }
    batch->from = json_integer_value(from);
    batch->note =
        (struct pv_slice){json_string_value(note), json_string_length(note)};
    return read_proof(json_object_get(batch->json, "proof"), batch);
}

/* The tree with these documents is the beginning of the one signed. */
static enum pv_err
verify(struct pv_registry *registry, const struct pv_note_key *key,
       struct batch *batch, struct pv_why *why)
{
    uint64_t          size = pv_decision_log_size(registry->log);
    uint64_t          end = size + batch->count;
    struct pv_sha256 *sha = NULL;
    struct pv_hash    root;
    enum pv_err       err =
        pv_checkpoint_open(batch->note, key, &batch->checkpoint, NULL);

    if (err != PV_OK) {
        pv_why_set(why, "the checkpoint is not signed by this log's key (%s)",
                   pv_err_text(err));
        return err == PV_ENOMEM || err == PV_ECRYPTO ? err : PV_EVERIFY;
    }
    if ((uint64_t)batch->from != size) {
        pv_why_set(why,
                   "the batch follows decision %lld, here is decision %llu",
                   (long long)batch->from, (unsigned long long)size);
        return PV_ESTATE;
    }
    if (batch->checkpoint.size < end) {
        pv_why_set(why,
                   "the checkpoint signs %llu decisions and %llu are known: an "
                   "old one, or a log that went back",
                   (unsigned long long)batch->checkpoint.size,
                   (unsigned long long)end);
        return PV_EVERIFY;
    }
    err = pv_sha256_new(&sha);
    if (err == PV_OK) {
        err = pv_decision_log_root_with(registry->log, batch->document,
                                        batch->count, &root);
    }
    if (err == PV_OK) {
        err = pv_merkle_verify_consistency(sha, end, batch->checkpoint.size,
                                           &root, &batch->checkpoint.root,
                                           batch->proof, batch->proof_count);
    }
    if (err == PV_EVERIFY) {
        pv_why_set(why, "decisions %llu to %llu are not those that were signed",
                   (unsigned long long)size + 1, (unsigned long long)end);
    }
    pv_sha256_free(sha);
    return err;
}

/* ---- taking: decided again ---- */

static enum pv_err
take_one(struct pv_registry *registry, const json_t *document, int64_t number,
         struct pv_refusal *refusal)
{
    json_t     *decision = json_copy((json_t *)(uintptr_t)document);
    char        by[PV_RECORD_ID_MAX + 1];
    int64_t     now_ms;
    enum pv_err err;

    if (decision == NULL) {
        return PV_ENOMEM;
    }
    err = pv_slice_to_cstr(pv_slice_from(pv_member(document, "by")), by,
                           sizeof(by));
    if (err == PV_OK) {
        err = pv_time_from_text(pv_slice_from(pv_member(document, "time")),
                                &now_ms);
    }
    if (err == PV_OK &&
        (by[0] == '\0' ||
         json_integer_value(json_object_get(document, "number")) != number ||
         json_object_del(decision, "number") != 0 ||
         json_object_del(decision, "time") != 0 ||
         json_object_del(decision, "by") != 0)) {
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = pv_decision_members(decision, refusal);
    }
    if (err == PV_OK) {
        err = pv_decide_one(registry, decision, by, number, now_ms, refusal);
    }
    json_decref(decision);
    return err;
}

static enum pv_err
take_all(struct pv_registry *registry, const struct batch *batch,
         struct pv_why *why)
{
    struct pv_refusal refusal = {.index = 0};
    int64_t           last = 0;
    int64_t           image;
    enum pv_err       err = pv_store_begin(registry->store);

    if (err == PV_OK) {
        err = pv_registry_numbers(registry, &last, &image);
    }
    if (err == PV_OK && last != batch->from) {
        err = PV_ESTATE; /* the tree follows the database */
    }
    for (size_t i = 0; i < batch->count && err == PV_OK; i++) {
        err = take_one(registry, json_array_get(batch->decisions, i), ++last,
                       &refusal);
    }
    if (err == PV_OK) {
        err = pv_record_flush(registry);
    }
    if (err == PV_OK) {
        err = pv_store_commit(registry->store);
    }
    pv_store_rollback(registry->store);
    if (err != PV_OK) {
        pv_record_undone(registry);
    }
    if (err == PV_EREFUSED) {
        pv_why_set(why,
                   "decision %lld is refused by the rules of this version "
                   "(%s %s): bring this copy up to the registry's version",
                   (long long)last, refusal.rule, refusal.word);
    } else if (err != PV_OK) {
        pv_why_set(why, "decision %lld: %s %s", (long long)last,
                   pv_err_text(err), pv_store_why(registry->store));
    }
    return err;
}

enum pv_err
pv_feed_take(struct pv_registry *registry, struct pv_slice bytes,
             const struct pv_note_key *key, struct pv_feed_taken *ret,
             struct pv_why *why)
{
    struct batch batch = {.json = NULL};
    enum pv_err  err = read_batch(bytes, &batch);

    if (err == PV_OK) {
        err = read_documents(&batch);
    }
    if (err != PV_OK) {
        pv_why_set(why, "not a batch of decisions: %s", pv_err_text(err));
        goto out;
    }
    err = verify(registry, key, &batch, why);
    if (err == PV_OK && batch.count > 0) {
        err = take_all(registry, &batch, why);
        if (err == PV_OK) {
            err = pv_registry_catch_up(registry);
            if (err != PV_OK) {
                pv_why_set(why, "%s", pv_registry_why(registry));
            }
        }
    }
    if (err == PV_OK) {
        *ret = (struct pv_feed_taken){.last = batch.from + (int64_t)batch.count,
                                      .size = batch.checkpoint.size,
                                      .note = batch.note,
                                      .owner = json_incref(batch.json)};
    }

out:
    clear_batch(&batch);
    return err;
}
