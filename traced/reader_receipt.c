/*
 * reader_receipt.c - the file that proves, without this exchange, that a
 * request's record stands in the log (lib/trace/receipt.h).
 */
#include "reader.h"

#include <string.h>

#include "base/time.h"
#include "trace/receipt.h"

#define RECEIPTS_MS 500 /* for several in one answer */

/* The leaf of the completion, when the checkpoint covers it. */
static enum pv_err
add_completion(struct reader *reader, const struct pv_trace_found *found,
               uint64_t size, struct pv_receipt *receipt)
{
    struct pv_log_leaf leaf;
    enum pv_err        err;

    if (found->state != PV_TRACE_DONE || found->completion_index >= size) {
        return PV_OK;
    }
    err = pv_log_leaf(reader->log, found->completion_index, &leaf);
    if (err == PV_EPRUNED) {
        return PV_OK;
    }
    if (err == PV_OK) {
        receipt->has_completion = true;
        receipt->completion.entry = leaf.line; /* until the next read */
        receipt->completion.index = leaf.index;
        err = pv_tiles_inclusion(reader->tiles, leaf.index, size,
                                 &receipt->completion.proof);
    }
    return err;
}

/* Behind what out holds. PV_ENOTFOUND: no published checkpoint covers it. */
static enum pv_err
make_receipt(struct reader *reader, const struct pv_trace_found *found,
             struct pv_buf *out)
{
    const struct published *published;
    struct pv_receipt       receipt = {.owner = NULL};
    enum pv_err             err = reader_published(reader, &published);

    if (err != PV_OK) {
        return err;
    }
    if (found->index >= published->leaves) {
        return PV_ENOTFOUND;
    }
    receipt.checkpoint = (struct pv_slice){published->note, published->len};
    receipt.request.entry = (struct pv_slice){found->line, found->line_len};
    receipt.request.index = found->index;
    err = pv_tiles_inclusion(reader->tiles, found->index, published->leaves,
                             &receipt.request.proof);
    if (err == PV_OK) {
        err = add_completion(reader, found, published->leaves, &receipt);
    }
    return err == PV_OK ? pv_receipt_write(&receipt, out) : err;
}

static void
give_one(struct pv_server_call *call, const struct who *who)
{
    static struct pv_trace_found found;
    struct reading               reading = {.what = WHAT_RECEIPT};
    enum pv_err                  err;

    if (!reader_find(call, who, &reading, &found)) {
        return;
    }
    err = make_receipt(reader_of(call), &found, &call->answer);
    if (err == PV_ENOTFOUND) {
        pv_server_problem(
            call, 503, "receipt-not-yet",
            "No published checkpoint covers this record yet",
            "هنوز نقطه بازبینی منتشرشده‌ای این رکورد را در بر "
            "ندارد");
        call->retry_after_s = 1;
        return;
    }
    if (err != PV_OK) {
        reader_fails(call, "receipt", err);
        return;
    }
    if (reading_record(call, who, &reading)) {
        pv_server_answer(call, 200, "application/json");
    }
}

/* ---- several in one answer ---------------------------------------------- */

struct given { /* receipts, and as which side */
    uint64_t        as_consumer;
    uint64_t        as_provider;
    struct pv_slice consumers_id; /* the last one; told when it is the only */
    struct pv_slice providers_id;
};

/* What he may not see, or is not there yet, is passed over alike. */
static enum pv_err
add_receipt(struct pv_server_call *call, const struct who *who,
            struct pv_slice id, struct given *given)
{
    static struct pv_trace_found found;
    struct reader               *reader = reader_of(call);
    bool                         as_provider = false;
    enum pv_err                  err =
        reader_look(reader, who, id, WHAT_RECEIPT, &found, &as_provider);

    if (err == PV_OK) {
        err = make_receipt(reader, &found, &call->answer);
    }
    if (err == PV_OK && as_provider) {
        given->as_provider++;
        given->providers_id = id;
    } else if (err == PV_OK) {
        given->as_consumer++;
        given->consumers_id = id;
    }
    return err == PV_ENOTFOUND || err == PV_EPRUNED ? PV_OK : err;
}

/*
 * One record for each side that something was seen as; else for the attempt.
 * A receipt that is the only one is named.
 */
static bool
record_given(struct pv_server_call *call, const struct who *who,
             const struct given *given)
{
    struct reading reading = {.what = WHAT_RECEIPT,
                              .count = given->as_consumer};

    if (given->as_consumer == 1) {
        reading.id = given->consumers_id;
    }
    if ((given->as_consumer > 0 || given->as_provider == 0) &&
        !reading_record(call, who, &reading)) {
        return false;
    }
    reading.as_provider = true;
    reading.count = given->as_provider;
    reading.id = given->as_provider == 1 ? given->providers_id : PV_LIT("");
    return reading.count == 0 || reading_record(call, who, &reading);
}

/*
 * One line each, in the order asked. What others wait for meanwhile is short:
 * past RECEIPTS_MS the rest is left out, and is asked for again.
 */
static void
give_many(struct pv_server_call *call, const struct who *who)
{
    int64_t         end_ms = pv_time_monotonic_ms() + RECEIPTS_MS;
    struct given    given = {.as_consumer = 0};
    struct pv_slice rest = call->rest;
    struct pv_slice id;
    size_t          count = 0;
    bool            more = true;

    for (size_t i = 0; i < rest.len; i++) {
        count += rest.ptr[i] == ',';
    }
    if (count >= RECEIPTS_MAX) {
        reader_refuses_query(call);
        return;
    }
    if (!reader_may_have(call, who, count)) { /* beside the first one */
        return;
    }
    while (more && pv_time_monotonic_ms() <= end_ms) {
        enum pv_err err;

        more = pv_slice_cut(rest, ',', &id, &rest);
        err = add_receipt(call, who, id, &given);
        if (err != PV_OK) {
            reader_fails(call, "receipt", err);
            return;
        }
    }
    if (record_given(call, who, &given)) {
        pv_server_answer(call, 200, "application/x-ndjson");
    }
}

void
reader_receipt(struct pv_server_call *call)
{
    struct who who;

    if (!who_asks(call, &who)) {
        return;
    }
    if (who.role == ROLE_PUBLIC) {
        reader_refuses_role(call, &who);
        return;
    }
    if (call->query.len > 0) {
        reader_refuses_query(call);
        return;
    }
    if (memchr(call->rest.ptr, ',', call->rest.len) == NULL) {
        give_one(call, &who);
    } else {
        give_many(call, &who);
    }
}
