/* snapshot.c - the file `state`: written at each new segment, read at start. */
#include "snapshot.h"

#include <errno.h>
#include <string.h>

#include "daemon/file.h"
#include "traced.h"

static const char magic[8] = "PVSTATE\n";

/* ---- writing --------------------------------------------------------------
 */

enum pv_err
snapshot_fill(const struct traced *traced, struct pv_buf *out)
{
    const struct pv_segment_head *head = &traced->journal.segment;
    uint8_t                       room[SNAPSHOT_HEAD_LEN] = {0};
    enum pv_err                   err;

    memcpy(room, magic, sizeof(magic));
    pv_store_u32(room + 8, SNAPSHOT_VERSION);
    pv_store_u64(room + 24, head->number);
    pv_store_u64(room + 32, head->first_index);
    pv_store_u32(room + 40, head->before_crc);
    memcpy(room + 48, head->journal_id, PV_JOURNAL_ID_LEN);
    err = saved_put(out, room, sizeof(room));
    if (err == PV_OK) {
        err = counts_save(&traced->counts, traced->journal.next_index, out);
    }
    if (err == PV_OK) {
        err = uses_save(&traced->uses, out);
    }
    if (err == PV_OK) {
        err =
            epochs_save(&traced->epochs, traced->now_ms, traced->wall_ms, out);
    }
    if (err == PV_OK) {
        pv_store_u64(out->ptr + 16, out->len);
        pv_store_u32(out->ptr + 12, pv_crc32c(0, out->ptr + 16, out->len - 16));
    }
    return err;
}

void
snapshot_take(struct traced *traced)
{
    struct pv_buf out;

    pv_buf_init(&out, SNAPSHOT_MAX);
    if (snapshot_fill(traced, &out) == PV_OK) {
        spare_save(&traced->spare, &out, traced->journal.segment.number);
    } else {
        pv_log_event("warning", "traced.snapshot",
                     "no memory for one; the next "
                     "start reads more");
        pv_buf_clear(&out);
    }
}

/* ---- reading --------------------------------------------------------------
 */

/* Its own form, and that it is of this journal and this segment. */
static enum pv_err
check(const struct traced *traced, struct pv_slice bytes, uint64_t *ret_number)
{
    struct pv_segment_reader reader;
    const char              *head = bytes.ptr;
    enum pv_err              err;

    if (bytes.len < SNAPSHOT_HEAD_LEN ||
        memcmp(head, magic, sizeof(magic)) != 0 ||
        pv_load_u32(head + 8) != SNAPSHOT_VERSION ||
        pv_load_u64(head + 16) != bytes.len ||
        pv_load_u32(head + 12) != pv_crc32c(0, head + 16, bytes.len - 16)) {
        return PV_ECORRUPT;
    }
    err =
        pv_segment_open(traced->journal.dirfd, pv_load_u64(head + 24), &reader);
    if (err != PV_OK) {
        return err;
    }
    if (reader.head.first_index != pv_load_u64(head + 32) ||
        reader.head.before_crc != pv_load_u32(head + 40) ||
        memcmp(reader.head.journal_id, head + 48, PV_JOURNAL_ID_LEN) != 0) {
        err = PV_ESTATE;
    }
    *ret_number = reader.head.number;
    pv_segment_close(&reader);
    return err;
}

static enum pv_err
load(struct traced *traced, struct pv_slice bytes)
{
    struct saved saved = {
        {bytes.ptr + SNAPSHOT_HEAD_LEN, bytes.len - SNAPSHOT_HEAD_LEN}, false};
    enum pv_err err = counts_load(&traced->counts, &saved);

    if (err == PV_OK) {
        err = uses_load(&traced->uses, &saved);
    }
    if (err == PV_OK) {
        err = epochs_load(&traced->epochs, traced->now_ms, traced->wall_ms,
                          &saved);
    }
    return err == PV_OK && (saved.bad || saved.rest.len != 0) ? PV_ECORRUPT
                                                              : err;
}

uint64_t
snapshot_load(struct traced *traced)
{
    struct pv_buf bytes;
    uint64_t      number = 0;
    enum pv_err   err;

    pv_buf_init(&bytes, SNAPSHOT_MAX);
    err = pv_file_read(traced->journal.dirfd, PV_JOURNAL_STATE, &bytes);
    if (err == PV_OK) {
        err = check(traced, pv_buf_view(&bytes), &number);
    }
    if (err == PV_OK) {
        err = load(traced, pv_buf_view(&bytes));
        if (err != PV_OK) { /* half of it may have been taken */
            counts_reset(&traced->counts);
            uses_reset(&traced->uses);
            epochs_clear(&traced->epochs);
        }
    }
    pv_buf_clear(&bytes);
    if (err != PV_OK && err != PV_ENOTFOUND) {
        pv_log_event("warning", "traced.snapshot",
                     "%s; reading the journal instead", pv_err_text(err));
    }
    return err == PV_OK ? number : 0;
}
