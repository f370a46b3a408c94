/*
 * reader_receipt.c - the file that proves, without this exchange, that a
 * request's record stands in the log (lib/trace/receipt.h).
 */
#include "reader.h"

#include "trace/receipt.h"

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

static enum pv_err
make_receipt(struct reader *reader, const struct pv_trace_found *found,
             struct pv_buf *out)
{
    struct pv_slice      note;
    struct pv_receipt    receipt = {.owner = NULL};
    struct pv_note       parsed;
    struct pv_checkpoint checkpoint;
    enum pv_err          err;

    err = reader_checkpoint_read(reader, &note);
    if (err == PV_OK) {
        err = pv_note_parse(note, &parsed);
    }
    if (err == PV_OK) {
        err = pv_checkpoint_parse(parsed.text, &checkpoint);
    }
    if (err != PV_OK) {
        return err;
    }
    if (found->index >= checkpoint.size || reader->tiles == NULL) {
        return PV_ENOTFOUND;
    }
    receipt.checkpoint = note;
    receipt.request.entry = (struct pv_slice){found->line, found->line_len};
    receipt.request.index = found->index;
    err = pv_tiles_inclusion(reader->tiles, found->index, checkpoint.size,
                             &receipt.request.proof);
    if (err == PV_OK) {
        err = add_completion(reader, found, checkpoint.size, &receipt);
    }
    return err == PV_OK ? pv_receipt_write(&receipt, out) : err;
}

void
reader_receipt(struct pv_server_call *call)
{
    static struct pv_trace_found found;
    struct reading               reading = {.what = WHAT_RECEIPT};
    struct who                   who;
    enum pv_err                  err;

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
    if (!reader_find(call, &who, &reading, &found)) {
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
    if (reading_record(call, &who, &reading)) {
        pv_server_answer(call, 200, "application/json");
    }
}
