/*
 * Laws: what is read of a pack is written again to the same bytes: the foot
 * (table, words, tail), the content of a frame, a line of the list of packs.
 * The first byte of the input chooses.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "trace/packs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATCHES 16 /* of 3 bytes each: where in the table, what */
#define FRAME_LEN 100

/* A foot that reads, but for the words. */
static void
make_foot(uint8_t *foot, const uint8_t *words, size_t words_len)
{
    uint64_t at = PV_PACK_HEAD_LEN;

    memset(foot, 0, PV_PACK_TABLE_LEN);
    for (unsigned i = 0; i < PV_PACK_BUNDLES; i++) {
        uint8_t *row = foot + i * PV_PACK_ROW_LEN;

        pv_store_u64(row, at);
        pv_store_u32(row + 8, FRAME_LEN);
        pv_store_u32(row + 12, 1000 + PV_PACK_RUN_LEN);
        pv_store_u32(row + 16, 1000);
        pv_store_u64(row + 24, i);
        pv_store_u64(row + 32, i);
        pv_store_u64(row + 40, UINT64_MAX);
        pv_store_u64(row + 56, UINT64_MAX);
        at += FRAME_LEN;
    }
    memcpy(foot + PV_PACK_TABLE_LEN, words, words_len);
    foot += PV_PACK_TABLE_LEN + words_len;
    memset(foot, 0, PV_PACK_TAIL_LEN);
    pv_store_u64(foot, at);
    pv_store_u32(foot + 8, (uint32_t)words_len);
    memcpy(foot + 56, "PVPKEND\n", 8);
}

static void
try_foot(const uint8_t *data, size_t size)
{
    static uint8_t
        foot[PV_PACK_TABLE_LEN + PV_PACK_WORDS_LEN_MAX + PV_PACK_TAIL_LEN];
    static struct pv_pack_foot parsed;
    struct pv_slice            bytes = {(char *)foot, 0};
    struct pv_buf              again;
    size_t                     words_len;
    uint8_t                   *tail;
    enum pv_err                err;

    if (size < 5 + PATCHES * 3 || size > PV_PACK_WORDS_LEN_MAX) {
        return;
    }
    words_len = size - 5 - PATCHES * 3;
    make_foot(foot, data + 5 + PATCHES * 3, words_len);
    for (unsigned i = 0; i < PATCHES; i++) {
        const uint8_t *patch = data + 5 + 3 * i;

        foot[(patch[0] | (unsigned)patch[1] << 8) % PV_PACK_TABLE_LEN] ^=
            patch[2];
    }
    bytes.len = PV_PACK_TABLE_LEN + words_len + PV_PACK_TAIL_LEN;
    tail = foot + bytes.len - PV_PACK_TAIL_LEN;
    tail[12] = data[0];
    tail[13] = data[1];
    tail[16] = data[2];
    tail[24 + data[3] % 28] = data[4];
    pv_store_u32(tail + 20, pv_crc32c(0, foot, bytes.len - PV_PACK_TAIL_LEN));
    pv_store_u32(tail + 52, pv_crc32c(0, tail, 52));
    if (pv_pack_foot_read(bytes, &parsed) != PV_OK) {
        return;
    }
    pv_buf_init(&again, sizeof(foot));
    err = pv_pack_foot_write(&parsed, &again);
    assert(err == PV_OK);
    assert(pv_slice_eq(bytes, pv_buf_view(&again)));
    pv_buf_clear(&again);
}

static void
try_content(struct pv_slice content)
{
    struct pv_bundle bundle;
    struct pv_buf    again;

    if (content.len < 2) {
        return;
    }
    pv_bundle_init(&bundle);
    pv_buf_init(&again, PV_PACK_CONTENT_MAX);
    if (pv_pack_content_read(
            (struct pv_slice){content.ptr + 2, content.len - 2},
            (uint8_t)content.ptr[0] | (size_t)(uint8_t)content.ptr[1] << 8, 0,
            &bundle) == PV_OK) {
        enum pv_err err = pv_pack_content_write(&bundle, &again);

        assert(err == PV_OK);
        assert(again.len == content.len - 2 &&
               memcmp(again.ptr, content.ptr + 2, again.len) == 0);
    }
    pv_buf_clear(&again);
    pv_bundle_clear(&bundle);
}

static void
try_line(struct pv_slice text)
{
    struct pv_pack_line line;
    char                again[PV_PACK_LINE_LEN];

    if (pv_pack_line_read(text, &line) == PV_OK) {
        pv_pack_line_write(&line, again);
        assert(memcmp(again, text.ptr, sizeof(again)) == 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pv_slice rest = {(const char *)data + 1, size - 1};

    if (size < 2) {
        return 0;
    }
    if (data[0] % 3 == 0) {
        try_foot(data + 1, size - 1);
    } else if (data[0] % 3 == 1) {
        try_content(rest);
    } else {
        try_line(rest);
    }
    return 0;
}
