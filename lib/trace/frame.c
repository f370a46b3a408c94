/* frame.c - the bytes of journal.h: heads, commits, frames. No I/O. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "trace/journal.h"

static const char magic[8] = {'P', 'V', 'J', 'R', 'N', 'L', '\r', '\n'};

#define HEAD_CRC_FROM 16
#define HEAD_CRC_UNTIL 256
#define FRAME_ALIGN 8

static size_t
pad(size_t len)
{
    return (len + FRAME_ALIGN - 1) & ~(size_t)(FRAME_ALIGN - 1);
}

void
pv_segment_head_write(const struct pv_segment_head *head,
                      uint8_t                       room[PV_SEGMENT_HEAD_LEN])
{
    memset(room, 0, PV_SEGMENT_HEAD_LEN);
    memcpy(room, magic, sizeof(magic));
    pv_store_u32(room + 8, PV_JOURNAL_VERSION);
    pv_store_u64(room + 16, head->number);
    pv_store_u64(room + 24, head->first_index);
    pv_store_u64(room + 32, head->first_commit);
    pv_store_u64(room + 40, head->size);
    pv_store_u64(room + 48, (uint64_t)head->made_ms);
    pv_store_u32(room + 56, head->align);
    pv_store_u32(room + 60, (uint32_t)head->why);
    pv_store_u64(room + 64, head->before_end);
    pv_store_u32(room + 72, head->before_crc);
    room[80] = head->node_len;
    memcpy(room + 81, head->node, PV_NODE_MAX);
    memcpy(room + 144, head->journal_id, PV_JOURNAL_ID_LEN);
    pv_store_u32(room + 12, pv_crc32c(0, room + HEAD_CRC_FROM,
                                      HEAD_CRC_UNTIL - HEAD_CRC_FROM));
}

enum pv_err
pv_segment_head_read(const uint8_t           bytes[PV_SEGMENT_HEAD_LEN],
                     struct pv_segment_head *ret_head)
{
    struct pv_segment_head head;
    uint32_t               why;

    if (memcmp(bytes, magic, sizeof(magic)) != 0) {
        return PV_ECORRUPT;
    }
    if (pv_load_u32(bytes + 8) != PV_JOURNAL_VERSION) {
        return PV_EVERSION;
    }
    if (pv_load_u32(bytes + 12) !=
        pv_crc32c(0, bytes + HEAD_CRC_FROM, HEAD_CRC_UNTIL - HEAD_CRC_FROM)) {
        return PV_ECORRUPT;
    }
    memset(&head, 0, sizeof(head));
    why = pv_load_u32(bytes + 60);
    head.number = pv_load_u64(bytes + 16);
    head.first_index = pv_load_u64(bytes + 24);
    head.first_commit = pv_load_u64(bytes + 32);
    head.size = pv_load_u64(bytes + 40);
    head.made_ms = (int64_t)pv_load_u64(bytes + 48);
    head.align = pv_load_u32(bytes + 56);
    head.before_end = pv_load_u64(bytes + 64);
    head.before_crc = pv_load_u32(bytes + 72);
    head.node_len = bytes[80];
    if (why < PV_SEGMENT_FIRST || why > PV_SEGMENT_FAILED ||
        head.node_len > PV_NODE_MAX || head.number == 0 ||
        head.number > PV_SEGMENT_NUMBER_MAX || head.first_commit == 0 ||
        head.align < PV_COMMIT_ALIGN_MIN || head.align > PV_COMMIT_ALIGN_MAX ||
        (head.align & (head.align - 1)) != 0 ||
        head.size < PV_SEGMENT_SIZE_MIN || head.size > PV_SEGMENT_SIZE_MAX ||
        head.size % PV_COMMIT_ALIGN_MAX != 0) {
        return PV_ECORRUPT;
    }
    head.why = (enum pv_segment_why)why;
    memcpy(head.node, bytes + 81, PV_NODE_MAX);
    memcpy(head.journal_id, bytes + 144, PV_JOURNAL_ID_LEN);
    *ret_head = head;
    return PV_OK;
}

void
pv_segment_name(uint64_t number, char room[PV_SEGMENT_NAME_LEN + 1])
{
    memcpy(room, "0000000000.pvj", PV_SEGMENT_NAME_LEN + 1);
    for (int i = 9; i >= 0; i--) {
        room[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

enum pv_err
pv_segment_number(struct pv_slice name, uint64_t *ret_number)
{
    uint64_t n = 0;

    if (name.len != PV_SEGMENT_NAME_LEN ||
        memcmp(name.ptr + 10, ".pvj", 4) != 0) {
        return PV_EINVAL;
    }
    for (size_t i = 0; i < 10; i++) {
        if (name.ptr[i] < '0' || name.ptr[i] > '9') {
            return PV_EINVAL;
        }
        n = n * 10 + (uint64_t)(name.ptr[i] - '0');
    }
    if (n == 0) {
        return PV_EINVAL;
    }
    *ret_number = n;
    return PV_OK;
}

enum pv_err
pv_commit_init(struct pv_commit *commit, size_t max)
{
    void *buf = NULL;

    memset(commit, 0, sizeof(*commit));
    if (max > PV_COMMIT_LEN_MAX || max < PV_COMMIT_HEAD_LEN) {
        return PV_ERANGE;
    }
    /* pages of its own: the kernel copies whole ones; and room to pad */
    if (posix_memalign(&buf, 4096, PV_COMMIT_LEN_MAX + PV_COMMIT_ALIGN_MAX) !=
        0) {
        return PV_ENOMEM;
    }
    commit->buf = buf;
    commit->cap = max;
    pv_commit_begin(commit, 0);
    return PV_OK;
}

void
pv_commit_clear(struct pv_commit *commit)
{
    if (commit != NULL) {
        free(commit->buf);
        memset(commit, 0, sizeof(*commit));
    }
}

void
pv_commit_begin(struct pv_commit *commit, uint64_t first_index)
{
    memset(commit->buf, 0, PV_COMMIT_HEAD_LEN);
    commit->len = PV_COMMIT_HEAD_LEN;
    commit->first_index = first_index;
    commit->frame_count = 0;
    commit->leaf_count = 0;
    commit->body_crc = 0;
}

uint8_t *
pv_commit_room(struct pv_commit *commit, size_t *ret_room_len)
{
    if (commit->cap - commit->len <= PV_FRAME_HEAD_LEN) {
        *ret_room_len = 0;
        return NULL;
    }
    *ret_room_len = commit->cap - commit->len - PV_FRAME_HEAD_LEN;
    return commit->buf + commit->len + PV_FRAME_HEAD_LEN;
}

void
pv_commit_add(struct pv_commit *commit, uint64_t epoch, uint64_t sequence,
              uint32_t count, size_t len)
{
    uint8_t *head = commit->buf + commit->len;
    size_t   end = PV_FRAME_HEAD_LEN + len;

    pv_store_u32(head, (uint32_t)end);
    pv_store_u64(head + 8, commit->first_index + commit->leaf_count);
    pv_store_u64(head + 16, epoch);
    pv_store_u64(head + 24, sequence);
    pv_store_u32(head + 32, count);
    pv_store_u32(head + 36, 0);
    pv_store_u32(head + 4, pv_crc32c(0, head + 8, end - 8));
    commit->body_crc = pv_crc32c(commit->body_crc, head, PV_FRAME_HEAD_LEN);
    memset(head + end, 0, pad(end) - end);
    commit->len += pad(end);
    commit->frame_count++;
    commit->leaf_count += count;
}

static bool
is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

enum pv_err
pv_commit_head_read(const uint8_t          bytes[PV_COMMIT_HEAD_LEN],
                    struct pv_commit_head *ret_head)
{
    struct pv_commit_head head;

    if (pv_load_u32(bytes) != PV_COMMIT_MAGIC) {
        return is_zero(bytes, PV_COMMIT_HEAD_LEN) ? PV_ENOTFOUND : PV_ECORRUPT;
    }
    memset(&head, 0, sizeof(head));
    head.head_crc = pv_load_u32(bytes + 4);
    head.number = pv_load_u64(bytes + 8);
    head.first_index = pv_load_u64(bytes + 16);
    head.time_ms = (int64_t)pv_load_u64(bytes + 24);
    head.len = pv_load_u32(bytes + 32);
    head.frame_count = pv_load_u32(bytes + 36);
    head.leaf_count = pv_load_u32(bytes + 40);
    head.body_crc = pv_load_u32(bytes + 44);
    head.before_crc = pv_load_u32(bytes + 48);
    if (head.head_crc != pv_crc32c(0, bytes + 8, PV_COMMIT_HEAD_LEN - 8) ||
        head.len < PV_COMMIT_HEAD_LEN || head.len > PV_COMMIT_LEN_MAX ||
        !is_zero(bytes + 52, 12)) {
        return PV_ECORRUPT;
    }
    *ret_head = head;
    return PV_OK;
}

static enum pv_err
check_frame(const uint8_t *at, size_t room, uint64_t first_index)
{
    struct pv_slice rest;
    struct pv_slice line;
    uint32_t        len;
    uint32_t        count = 0;
    enum pv_err     err;

    if (room < PV_FRAME_HEAD_LEN) {
        return PV_ECORRUPT;
    }
    len = pv_load_u32(at);
    if (len < PV_FRAME_HEAD_LEN || len > room || pad(len) > room ||
        pv_load_u32(at + 4) != pv_crc32c(0, at + 8, len - 8) ||
        pv_load_u64(at + 8) != first_index || pv_load_u32(at + 36) != 0 ||
        !is_zero(at + len, pad(len) - len)) {
        return PV_ECORRUPT;
    }
    rest.ptr = (const char *)at + PV_FRAME_HEAD_LEN;
    rest.len = len - PV_FRAME_HEAD_LEN;
    while ((err = pv_frame_next_record(&rest, &line)) == PV_OK) {
        count++;
    }
    return err == PV_ENOTFOUND && count == pv_load_u32(at + 32) ? PV_OK
                                                                : PV_ECORRUPT;
}

enum pv_err
pv_commit_check(struct pv_slice bytes, const struct pv_commit_head *head,
                size_t *ret_at)
{
    const uint8_t *start = (const uint8_t *)bytes.ptr;
    size_t         at = PV_COMMIT_HEAD_LEN;
    uint32_t       frames = 0;
    uint32_t       leaves = 0;
    uint32_t       crc = 0;
    enum pv_err    err = PV_ECORRUPT;

    if (bytes.len != head->len) {
        goto out;
    }
    while (at < bytes.len) {
        if (check_frame(start + at, bytes.len - at,
                        head->first_index + leaves) != PV_OK) {
            goto out;
        }
        crc = pv_crc32c(crc, start + at, PV_FRAME_HEAD_LEN);
        frames++;
        leaves += pv_load_u32(start + at + 32);
        at += pad(pv_load_u32(start + at));
    }
    if (frames == head->frame_count && leaves == head->leaf_count &&
        crc == head->body_crc) {
        err = PV_OK;
    } else {
        at = 0;
    }

out:
    if (err != PV_OK && ret_at != NULL) {
        *ret_at = at < bytes.len ? at : 0;
    }
    return err;
}

enum pv_err
pv_commit_next_frame(struct pv_slice bytes, size_t *at,
                     struct pv_frame *ret_frame)
{
    const uint8_t *head;
    uint32_t       len;

    if (*at == 0) {
        *at = PV_COMMIT_HEAD_LEN;
    }
    if (*at >= bytes.len || bytes.len - *at < PV_FRAME_HEAD_LEN) {
        return PV_ENOTFOUND;
    }
    head = (const uint8_t *)bytes.ptr + *at;
    len = pv_load_u32(head);
    if (len < PV_FRAME_HEAD_LEN || len > bytes.len - *at) {
        return PV_ECORRUPT;
    }
    ret_frame->first_index = pv_load_u64(head + 8);
    ret_frame->epoch = pv_load_u64(head + 16);
    ret_frame->sequence = pv_load_u64(head + 24);
    ret_frame->count = pv_load_u32(head + 32);
    ret_frame->records = (struct pv_slice){
        (const char *)head + PV_FRAME_HEAD_LEN, len - PV_FRAME_HEAD_LEN};
    *at += pad(len);
    return PV_OK;
}

enum pv_err
pv_frame_next_record(struct pv_slice *rest, struct pv_slice *ret_line)
{
    size_t len;

    if (rest->len == 0) {
        return PV_ENOTFOUND;
    }
    if (rest->len < 2) {
        return PV_ECORRUPT;
    }
    len = (size_t)(uint8_t)rest->ptr[0] | (size_t)(uint8_t)rest->ptr[1] << 8;
    if (len == 0 || len > rest->len - 2) {
        return PV_ECORRUPT;
    }
    *ret_line = (struct pv_slice){rest->ptr + 2, len};
    rest->ptr += 2 + len;
    rest->len -= 2 + len;
    return PV_OK;
}
