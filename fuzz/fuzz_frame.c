/*
 * Laws: a commit that checks can be walked to its end, and its frames added
 * to a new commit give the same bytes behind the head; a segment head that
 * reads is written again to the same first 256 bytes.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "trace/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Check sums are set right, or no input would ever come behind them. */
static void
mend(uint8_t *bytes, size_t size)
{
    size_t   at = PV_COMMIT_HEAD_LEN;
    uint32_t crc = 0;

    while (size - at >= PV_FRAME_HEAD_LEN) {
        uint32_t len = pv_load_u32(bytes + at);

        if (len < PV_FRAME_HEAD_LEN || len > size - at) {
            break;
        }
        pv_store_u32(bytes + at + 4, pv_crc32c(0, bytes + at + 8, len - 8));
        crc = pv_crc32c(crc, bytes + at, PV_FRAME_HEAD_LEN);
        at += (len + 7u) & ~7u;
        if (at > size) {
            break;
        }
    }
    pv_store_u32(bytes, PV_COMMIT_MAGIC);
    pv_store_u32(bytes + 32, (uint32_t)size);
    pv_store_u32(bytes + 44, crc);
    memset(bytes + 52, 0, 12);
    pv_store_u32(bytes + 4, pv_crc32c(0, bytes + 8, PV_COMMIT_HEAD_LEN - 8));
}

static void
commit(const uint8_t *bytes, size_t size)
{
    struct pv_slice       all = {(const char *)bytes, size};
    struct pv_commit_head head;
    struct pv_commit      again;
    struct pv_frame       frame;
    size_t                at = 0;
    enum pv_err           err;

    if (pv_commit_head_read(bytes, &head) != PV_OK ||
        pv_commit_check(all, &head, NULL) != PV_OK) {
        return;
    }
    err = pv_commit_init(&again, PV_COMMIT_LEN_MAX);
    assert(err == PV_OK);
    pv_commit_begin(&again, head.first_index);
    while ((err = pv_commit_next_frame(all, &at, &frame)) == PV_OK) {
        size_t   room_len;
        uint8_t *room = pv_commit_room(&again, &room_len);

        assert(room != NULL && room_len >= frame.records.len);
        memcpy(room, frame.records.ptr, frame.records.len);
        pv_commit_add(&again, frame.epoch, frame.sequence, frame.count,
                      frame.records.len);
    }
    assert(err == PV_ENOTFOUND && again.len == size);
    assert(memcmp(again.buf + PV_COMMIT_HEAD_LEN, bytes + PV_COMMIT_HEAD_LEN,
                  size - PV_COMMIT_HEAD_LEN) == 0);
    assert(again.leaf_count == head.leaf_count &&
           again.frame_count == head.frame_count &&
           again.body_crc == head.body_crc);
    pv_commit_clear(&again);
}

static void
segment(const uint8_t *data, size_t size)
{
    uint8_t                bytes[PV_SEGMENT_HEAD_LEN] = {0};
    uint8_t                again[PV_SEGMENT_HEAD_LEN];
    struct pv_segment_head head;

    memcpy(bytes, data, size < 160 ? size : 160);
    memcpy(bytes, "PVJRNL\r\n", 8);
    pv_store_u32(bytes + 8, PV_JOURNAL_VERSION);
    pv_store_u32(bytes + 76, 0);
    pv_store_u32(bytes + 12, pv_crc32c(0, bytes + 16, 240));
    if (pv_segment_head_read(bytes, &head) == PV_OK) {
        pv_segment_head_write(&head, again);
        assert(memcmp(bytes, again, 256) == 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes;

    segment(data, size);
    if (size < PV_COMMIT_HEAD_LEN || size > PV_COMMIT_LEN_MAX) {
        return 0;
    }
    bytes = malloc(size);
    assert(bytes != NULL);
    memcpy(bytes, data, size);
    commit(bytes, size);
    mend(bytes, size);
    commit(bytes, size);
    free(bytes);
    return 0;
}
