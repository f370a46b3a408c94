/* pack_read.c - an open pack. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/num.h"
#include "trace/pack.h"

#define HASH_CHUNK (1 << 18)

struct pv_pack {
    int                 fd;
    uint64_t            number;
    uint64_t            len;
    struct pv_pack_foot foot;
    uint8_t            *foot_bytes; /* ->foot.words is in it */
    ZSTD_DCtx          *zstd;
    uint8_t            *frame; /* room; grows to the longest frame used */
    size_t              frame_cap;
    struct pv_buf       content;
    uint8_t             all[PV_PACK_BITS_LEN]; /* every bit set */
};

/* len bytes; PV_ECORRUPT when the file ends before. */
static enum pv_err
read_at(int fd, void *room, size_t len, uint64_t at)
{
    uint8_t *bytes = room;

    while (len > 0) {
        ssize_t n = pread(fd, bytes, len, (off_t)at);

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1) {
            return PV_ESYS;
        }
        if (n == 0) {
            return PV_ECORRUPT;
        }
        bytes += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return PV_OK;
}

static enum pv_err
read_foot(struct pv_pack *pack)
{
    uint8_t     tail[PV_PACK_TAIL_LEN];
    uint64_t    at;
    size_t      len;
    enum pv_err err;

    if (pack->len < PV_PACK_HEAD_LEN + sizeof(tail)) {
        return PV_ECORRUPT;
    }
    err = read_at(pack->fd, tail, sizeof(tail), pack->len - sizeof(tail));
    if (err == PV_OK) {
        err = pv_pack_tail_read(tail, pack->len, &at, &len);
    }
    if (err != PV_OK) {
        return err;
    }
    pack->foot_bytes = malloc(len);
    if (pack->foot_bytes == NULL) {
        return PV_ENOMEM;
    }
    err = read_at(pack->fd, pack->foot_bytes, len, at);
    return err == PV_OK ? pv_pack_foot_read(
                              (struct pv_slice){(char *)pack->foot_bytes, len},
                              &pack->foot)
                        : err;
}

static enum pv_err
open_file(struct pv_pack *pack, int log_dirfd, const struct pv_hash *hash)
{
    char     path[sizeof(PV_PACK_DIR) + PV_PACK_NAME_LEN + 1] = PV_PACK_DIR "/";
    uint8_t  head[PV_PACK_HEAD_LEN];
    uint64_t number;
    struct stat st;
    enum pv_err err;

    pv_pack_name(hash, path + sizeof(PV_PACK_DIR));
    pack->fd = openat(log_dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (pack->fd == -1) {
        return errno == ENOENT ? PV_ENOTFOUND : PV_ESYS;
    }
    if (fstat(pack->fd, &st) == -1) {
        return PV_ESYS;
    }
    pack->len = (uint64_t)st.st_size;
    err = read_at(pack->fd, head, sizeof(head), 0);
    if (err == PV_OK) {
        err = pv_pack_head_read(head, &number);
    }
    return err == PV_OK && number != pack->number ? PV_ECORRUPT : err;
}

enum pv_err
pv_pack_open(int log_dirfd, const struct pv_hash *hash, uint64_t number,
             struct pv_pack **ret)
{
    struct pv_pack *pack = calloc(1, sizeof(*pack));
    enum pv_err     err;

    if (pack == NULL) {
        return PV_ENOMEM;
    }
    pack->fd = -1;
    memset(pack->all, 0xff, sizeof(pack->all));
    pack->number = number;
    pv_buf_init(&pack->content, PV_PACK_CONTENT_MAX);
    err = open_file(pack, log_dirfd, hash);
    if (err == PV_OK) {
        err = read_foot(pack);
    }
    if (err == PV_OK) {
        pack->zstd = ZSTD_createDCtx();
        err = pack->zstd == NULL ? PV_ENOMEM : PV_OK;
    }
    if (err != PV_OK) {
        pv_pack_close(pack);
        return err;
    }
    *ret = pack;
    return PV_OK;
}

void
pv_pack_close(struct pv_pack *pack)
{
    if (pack == NULL) {
        return;
    }
    if (pack->fd != -1) {
        (void)close(pack->fd); /* read-only: nothing to lose */
    }
    (void)ZSTD_freeDCtx(pack->zstd); /* cannot fail; accepts NULL */
    pv_buf_clear(&pack->content);
    free(pack->foot_bytes);
    free(pack->frame);
    free(pack);
}

const struct pv_pack_foot *
pv_pack_foot(const struct pv_pack *pack)
{
    return &pack->foot;
}

static enum pv_err
read_frame(struct pv_pack *pack, const struct pv_pack_row *row)
{
    enum pv_err err;

    if (pack->frame_cap < row->len) {
        uint8_t *grown = realloc(pack->frame, row->len);

        if (grown == NULL) {
            return PV_ENOMEM;
        }
        pack->frame = grown;
        pack->frame_cap = row->len;
    }
    err = read_at(pack->fd, pack->frame, row->len, row->at);
    return err == PV_OK && pv_crc32c(0, pack->frame, row->len) != row->crc
               ? PV_ECORRUPT
               : err;
}

enum pv_err
pv_pack_bundle(struct pv_pack *pack, unsigned i, struct pv_bundle *bundle)
{
    const struct pv_pack_row *row = &pack->foot.row[i];
    enum pv_err               err = read_frame(pack, row);
    size_t                    len;

    if (err != PV_OK) {
        return err;
    }
    pack->content.len = 0;
    err = pv_buf_reserve(&pack->content, row->content_len);
    if (err != PV_OK) {
        return err;
    }
    /* never more than the row says, whatever the frame does */
    len = ZSTD_decompressDCtx(pack->zstd, pack->content.ptr, row->content_len,
                              pack->frame, row->len);
    if (ZSTD_isError(len) || len != row->content_len) {
        return PV_ECORRUPT;
    }
    err = pv_pack_content_read((struct pv_slice){pack->content.ptr, len},
                               row->entries_len,
                               pack->number * PV_PACK_BUNDLES + i, bundle);
    if (err == PV_OK &&
        (bundle->width != PV_BUNDLE_LEAVES ||
         bundle->written_ms[0] != row->first_ms ||
         bundle->written_ms[PV_BUNDLE_LEAVES - 1] != row->last_ms)) {
        err = PV_ECORRUPT;
    }
    return err;
}

const uint8_t *
pv_pack_bits(const struct pv_pack *pack, enum pv_pack_kind kind,
             struct pv_slice text)
{
    static const uint8_t none[PV_PACK_BITS_LEN] = {0};
    struct pv_pack_word  word;
    size_t               at = 0;

    if ((pack->foot.not_all & (1u << kind)) != 0) {
        return pack->all;
    }
    while (pv_pack_next_word(pack->foot.words, &at, &word) == PV_OK) {
        if (word.kind == kind && pv_slice_eq(word.text, text)) {
            return word.bits;
        }
    }
    return none;
}

enum pv_err
pv_pack_hash(const struct pv_pack *pack, struct pv_hash *ret_hash,
             uint64_t *ret_len)
{
    struct pv_sha256 *sha = NULL;
    uint8_t          *chunk = malloc(HASH_CHUNK);
    uint64_t          at = 0;
    enum pv_err       err = chunk == NULL ? PV_ENOMEM : pv_sha256_new(&sha);

    if (err == PV_OK) {
        err = pv_sha256_begin(sha);
    }
    while (err == PV_OK && at < pack->len) {
        size_t len =
            pack->len - at < HASH_CHUNK ? (size_t)(pack->len - at) : HASH_CHUNK;

        err = read_at(pack->fd, chunk, len, at);
        if (err == PV_OK) {
            err = pv_sha256_add(sha, chunk, len);
        }
        at += len;
    }
    if (err == PV_OK) {
        err = pv_sha256_end(sha, ret_hash);
    }
    if (err == PV_OK) {
        *ret_len = pack->len;
    }
    pv_sha256_free(sha);
    free(chunk);
    return err;
}
