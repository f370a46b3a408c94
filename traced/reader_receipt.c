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

struct given { /* ids of receipts, by the side that they were seen as */
    struct pv_slice id[2][RECEIPTS_MAX];
    size_t          count[2];
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
    if (err == PV_OK) {
        given->id[as_provider][given->count[as_provider]++] = id;
    }
    return err == PV_ENOTFOUND || err == PV_EPRUNED ? PV_OK : err;
}

/* A record that names them: one, or at most PV_READING_IDS_MAX. */
static bool
record_ids(struct pv_server_call *call, const struct who *who, bool as_provider,
           const struct pv_slice *id, size_t count)
{
    struct reading reading = {
        .what = WHAT_RECEIPT, .as_provider = as_provider, .count = count};
    struct pv_buf ids;
    enum pv_err   err = PV_OK;
    bool          is_recorded = false;

    pv_buf_init(&ids, PV_RECORD_MAX);
    if (count == 1) {
        reading.id = id[0];
    }
    for (size_t i = 0; count > 1 && i < count && err == PV_OK; i++) {
        err = pv_buf_addf(&ids, "%s\"%.*s\"", i == 0 ? "" : ",", PV_FMT(id[i]));
    }
    reading.ids = pv_buf_view(&ids);
    if (err != PV_OK) {
        reader_fails(call, "receipt", err);
    } else {
        is_recorded = reading_record(call, who, &reading);
    }
    pv_buf_clear(&ids);
    return is_recorded;
}

/* Each receipt is named, on the side that it was seen as; where there is none
   it is an attempt. */
static bool
record_given(struct pv_server_call *call, const struct who *who,
             const struct given *given)
{
    if (given->count[0] + given->count[1] == 0) {
        return record_ids(call, who, false, NULL, 0);
    }
    for (int side = 0; side < 2; side++) {
        for (size_t at = 0; at < given->count[side]; at += PV_READING_IDS_MAX) {
            size_t left = given->count[side] - at;

            if (!record_ids(call, who, side == 1, &given->id[side][at],
                            left < PV_READING_IDS_MAX ? left
                                                      : PV_READING_IDS_MAX)) {
                return false;
            }
        }
    }
    return true;
}

/* A last line: {"left_out":[...]}, those that the time did not suffice for. */
static enum pv_err
add_left_out(struct pv_slice ids, struct pv_buf *out)
{
    enum pv_err err = pv_buf_add(out, PV_LIT("{\"left_out\":["));
    const char *comma = "";
    bool        more = true;

    while (more && err == PV_OK) {
        struct pv_tracking_id parsed;
        struct pv_slice       id;

        more = pv_slice_cut(ids, ',', &id, &ids);
        if (pv_tracking_id_parse(id, &parsed) == PV_OK) { /* else it is none */
            err = pv_buf_addf(out, "%s\"%.*s\"", comma, PV_FMT(id));
            comma = ",";
        }
    }
    return err == PV_OK ? pv_buf_add(out, PV_LIT("]}\n")) : err;
}

/*
 * One line each, in the order asked. What others wait for meanwhile is short:
 * past RECEIPTS_MS the rest is left out, which is said, and is asked for again.
 */
static void
give_many(struct pv_server_call *call, const struct who *who)
{
    int64_t         end_ms = pv_time_monotonic_ms() + RECEIPTS_MS;
    struct given    given = {.count = {0, 0}};
    struct pv_slice rest = call->rest;
    struct pv_slice id;
    size_t          count = 0;
    bool            more = true;
    enum pv_err     err = PV_OK;

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
    while (more && err == PV_OK && pv_time_monotonic_ms() <= end_ms) {
        more = pv_slice_cut(rest, ',', &id, &rest);
        err = add_receipt(call, who, id, &given);
    }
    if (more && err == PV_OK) {
        err = add_left_out(rest, &call->answer);
    }
    if (err != PV_OK) {
        reader_fails(call, "receipt", err);
    } else if (record_given(call, who, &given)) {
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
