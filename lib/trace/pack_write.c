/* pack_write.c - sealing packs, so that a kill at any byte costs only time. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/num.h"
#include "trace/pack.h"
#include "trace/packs.h"

#define LEVEL 3 /* higher ones cost far more than they save */
#define SLOTS (2 * PV_PACK_WORDS_MAX) /* a power of two */

struct word {
    uint8_t kind;
    uint8_t len;
    char    text[PV_RECORD_WORD_MAX];
    uint8_t bits[PV_PACK_BITS_LEN];
};

struct pv_sealer {
    int                 log_dirfd; /* borrowed */
    int                 dirfd;     /* pack/ */
    int                 fd;        /* of the pack that is being made; -1 */
    uint64_t            number;    /* of that pack */
    unsigned            count;     /* bundles in it */
    uint64_t            at;        /* its length so far */
    ZSTD_CCtx          *zstd;
    struct pv_sha256   *sha;
    struct pv_buf       content;
    struct pv_buf       frame;
    struct pv_pack_foot foot;
    struct word        *word;
    uint32_t            word_count;
    uint16_t            slot[SLOTS]; /* number in ->word + 1; 0: free */
};

enum pv_err
pv_sealer_open(int log_dirfd, struct pv_sealer **ret)
{
    struct pv_sealer *sealer = calloc(1, sizeof(*sealer));
    enum pv_err       err = PV_ENOMEM;

    if (sealer == NULL) {
        return PV_ENOMEM;
    }
    sealer->log_dirfd = log_dirfd;
    sealer->fd = -1;
    sealer->dirfd = -1;
    pv_buf_init(&sealer->content, PV_PACK_CONTENT_MAX);
    pv_buf_init(&sealer->frame, PV_PACK_WORDS_LEN_MAX + PV_PACK_FRAME_MAX);
    sealer->word = calloc(PV_PACK_WORDS_MAX, sizeof(*sealer->word));
    sealer->zstd = ZSTD_createCCtx();
    if (sealer->word == NULL || sealer->zstd == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(sealer->zstd,
                                            ZSTD_c_compressionLevel, LEVEL))) {
        goto out;
    }
    err = pv_sha256_new(&sealer->sha);
    if (err != PV_OK) {
        goto out;
    }
    err = PV_ESYS;
    if (mkdirat(log_dirfd, PV_PACK_DIR, 0750) == -1 && errno != EEXIST) {
        goto out;
    }
    sealer->dirfd = openat(log_dirfd, PV_PACK_DIR,
                           O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (sealer->dirfd == -1) {
        goto out;
    }
    err = pv_packs_mend(log_dirfd, &sealer->number); /* syncs log_dirfd too */
    if (err == PV_OK) {
        *ret = sealer;
        return PV_OK;
    }

out:
    pv_sealer_close(sealer);
    return err;
}

static void
drop(struct pv_sealer *sealer)
{
    if (sealer->fd != -1) {
        (void)close(sealer->fd); /* it is made again from the beginning */
        sealer->fd = -1;
    }
    sealer->count = 0;
}

void
pv_sealer_close(struct pv_sealer *sealer)
{
    if (sealer == NULL) {
        return;
    }
    drop(sealer);
    if (sealer->dirfd != -1) {
        (void)close(sealer->dirfd); /* a directory */
    }
    (void)ZSTD_freeCCtx(sealer->zstd); /* cannot fail; accepts NULL */
    pv_sha256_free(sealer->sha);
    pv_buf_clear(&sealer->content);
    pv_buf_clear(&sealer->frame);
    free(sealer->word);
    free(sealer);
}

uint64_t
pv_sealer_next(const struct pv_sealer *sealer)
{
    return sealer->number * PV_PACK_BUNDLES + sealer->count;
}

/* ---- what is in it ------------------------------------------------------ */

static void
note_word(struct pv_sealer *sealer, enum pv_pack_kind kind,
          struct pv_slice text)
{
    struct word *word;
    uint64_t     at = pv_hash64(text) + kind;

    if (text.len == 0 || text.len > PV_RECORD_WORD_MAX) {
        return;
    }
    for (;; at++) {
        uint16_t *slot = &sealer->slot[at % SLOTS];

        if (*slot == 0) {
            if (sealer->word_count == PV_PACK_WORDS_MAX) {
                sealer->foot.not_all |= 1u << kind;
                return;
            }
            word = &sealer->word[sealer->word_count];
            *slot = (uint16_t)++sealer->word_count;
            memset(word, 0, sizeof(*word));
            word->kind = (uint8_t)kind;
            word->len = (uint8_t)text.len;
            memcpy(word->text, text.ptr, text.len);
            break;
        }
        word = &sealer->word[*slot - 1];
        if (word->kind == kind && word->len == text.len &&
            memcmp(word->text, text.ptr, text.len) == 0) {
            break;
        }
    }
    word->bits[sealer->count / 8] |= (uint8_t)(1u << sealer->count % 8);
}

static void
widen(uint64_t *low, uint64_t *high, uint64_t n)
{
    *low = n < *low ? n : *low;
    *high = n > *high ? n : *high;
}

static void
note_request(struct pv_sealer *sealer, struct pv_pack_row *row,
             const struct pv_request_record *request)
{
    struct pv_tracking_id id;

    if (pv_tracking_id_parse(request->id, &id) == PV_OK) {
        widen(&row->id_low_ms, &row->id_high_ms,
              (uint64_t)pv_tracking_id_when_ms(&id));
    }
    note_word(sealer, PV_PACK_CONSUMER, request->consumer);
    note_word(sealer, PV_PACK_PROVIDER, request->provider);
    note_word(sealer, PV_PACK_SERVICE, request->service);
    note_word(sealer, PV_PACK_OUTCOME, request->decision);
}

static void
note_completions(struct pv_sealer *sealer, struct pv_pack_row *row,
                 const struct pv_record *record)
{
    struct pv_completion completion;
    struct pv_slice      rest = record->completions;
    enum pv_outcome      before = PV_OUTCOME_NONE;

    while (pv_record_next_completion(&rest, &completion) == PV_OK) {
        widen(&row->of_low, &row->of_high, completion.of);
        if (completion.outcome != before) {
            note_word(sealer, PV_PACK_OUTCOME,
                      pv_outcome_word(completion.outcome));
            before = completion.outcome;
        }
    }
}

/* A later version's record: nothing can be excluded. */
static void
note_unknown(struct pv_sealer *sealer, struct pv_pack_row *row)
{
    widen(&row->id_low_ms, &row->id_high_ms, 0);
    widen(&row->id_low_ms, &row->id_high_ms, UINT64_MAX);
    widen(&row->of_low, &row->of_high, 0);
    widen(&row->of_low, &row->of_high, UINT64_MAX);
    row->has_own = true;
    for (unsigned kind = 1; kind < PV_PACK_KIND_END; kind++) {
        sealer->foot.not_all |= 1u << kind;
    }
}

static void
note_bundle(struct pv_sealer *sealer, struct pv_pack_row *row,
            const struct pv_bundle *bundle)
{
    *row = (struct pv_pack_row){
        .first_ms = bundle->written_ms[0],
        .last_ms = bundle->written_ms[PV_BUNDLE_LEAVES - 1],
        .id_low_ms = UINT64_MAX,
        .of_low = UINT64_MAX,
    };
    for (unsigned i = 0; i < PV_BUNDLE_LEAVES; i++) {
        struct pv_record record;

        if (bundle->epoch[i] == 0) {
            row->has_own = true;
        }
        if (pv_record_parse(pv_bundle_line(bundle, i), &record) != PV_OK) {
            note_unknown(sealer, row);
        } else if (record.type == PV_RECORD_REQUEST) {
            note_request(sealer, row, &record.request);
        } else if (record.type == PV_RECORD_COMPLETIONS) {
            note_completions(sealer, row, &record);
        } else if (record.type == PV_RECORD_REFUSALS) {
            note_word(sealer, PV_PACK_CONSUMER, record.refusals.consumer);
        }
    }
}

/* ---- writing ------------------------------------------------------------ */

static enum pv_err
put(struct pv_sealer *sealer, const void *bytes, size_t len)
{
    const char *from = bytes;
    enum pv_err err = pv_sha256_add(sealer->sha, bytes, len);

    while (err == PV_OK && len > 0) {
        ssize_t n = pwrite(sealer->fd, from, len, (off_t)sealer->at);

        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1) {
            return PV_ESYS;
        }
        from += n;
        len -= (size_t)n;
        sealer->at += (uint64_t)n;
    }
    return err;
}

static enum pv_err
begin(struct pv_sealer *sealer)
{
    uint8_t     head[PV_PACK_HEAD_LEN];
    enum pv_err err;

    sealer->fd =
        openat(sealer->dirfd, PV_PACK_SPARE,
               O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (sealer->fd == -1) {
        return PV_ESYS;
    }
    sealer->at = 0;
    sealer->foot.not_all = 0;
    sealer->word_count = 0;
    memset(sealer->slot, 0, sizeof(sealer->slot));
    err = pv_sha256_begin(sealer->sha);
    pv_pack_head_write(sealer->number, head);
    return err == PV_OK ? put(sealer, head, sizeof(head)) : err;
}

static enum pv_err
put_frame(struct pv_sealer *sealer, struct pv_pack_row *row,
          const struct pv_bundle *bundle)
{
    enum pv_err err;
    size_t      room;
    size_t      len;

    sealer->content.len = 0;
    err = pv_pack_content_write(bundle, &sealer->content);
    if (err != PV_OK) {
        return err;
    }
    room = ZSTD_compressBound(sealer->content.len);
    sealer->frame.len = 0;
    err = pv_buf_reserve(&sealer->frame, room);
    if (err != PV_OK) {
        return err;
    }
    len = ZSTD_compress2(sealer->zstd, sealer->frame.ptr, room,
                         sealer->content.ptr, sealer->content.len);
    if (ZSTD_isError(len)) {
        return PV_ENOMEM; /* nothing else can fail with that much room */
    }
    row->at = sealer->at;
    row->len = (uint32_t)len;
    row->content_len = (uint32_t)sealer->content.len;
    row->entries_len = bundle->at[bundle->width];
    row->crc = pv_crc32c(0, sealer->frame.ptr, len);
    return put(sealer, sealer->frame.ptr, len);
}

static int
compare_words(const void *a, const void *b)
{
    const struct word *x = a;
    const struct word *y = b;

    return x->kind != y->kind
               ? (x->kind > y->kind) - (x->kind < y->kind)
               : pv_slice_cmp((struct pv_slice){x->text, x->len},
                              (struct pv_slice){y->text, y->len});
}

static enum pv_err
put_foot(struct pv_sealer *sealer)
{
    struct pv_buf *words = &sealer->content;
    enum pv_err    err = PV_OK;

    qsort(sealer->word, sealer->word_count, sizeof(*sealer->word),
          compare_words);
    words->len = 0;
    sealer->foot.word_count = 0;
    for (uint32_t i = 0; i < sealer->word_count && err == PV_OK; i++) {
        const struct word *word = &sealer->word[i];
        const char         head[2] = {(char)word->kind, (char)word->len};

        if ((sealer->foot.not_all & (1u << word->kind)) != 0) {
            continue; /* not all of them: of no use */
        }
        sealer->foot.word_count++;
        err = pv_buf_add(words, (struct pv_slice){head, sizeof(head)});
        if (err == PV_OK) {
            err = pv_buf_add(words, (struct pv_slice){word->text, word->len});
        }
        if (err == PV_OK) {
            err = pv_buf_add(words, (struct pv_slice){(const char *)word->bits,
                                                      sizeof(word->bits)});
        }
    }
    if (err == PV_OK) {
        sealer->foot.table_at = sealer->at;
        sealer->foot.words = pv_buf_view(words);
        sealer->frame.len = 0;
        err = pv_pack_foot_write(&sealer->foot, &sealer->frame);
    }
    return err == PV_OK ? put(sealer, sealer->frame.ptr, sealer->frame.len)
                        : err;
}

/* The pack is on disk under its name before its line is. */
static enum pv_err
finish(struct pv_sealer *sealer)
{
    struct pv_pack_line line = {
        .number = sealer->number,
        .first_ms = sealer->foot.row[0].first_ms,
        .last_ms = sealer->foot.row[PV_PACK_BUNDLES - 1].last_ms,
    };
    char        name[PV_PACK_NAME_LEN + 1];
    enum pv_err err = put_foot(sealer);

    if (err == PV_OK) {
        err = pv_sha256_end(sealer->sha, &line.hash);
    }
    if (err != PV_OK) {
        return err;
    }
    line.len = sealer->at;
    pv_pack_name(&line.hash, name);
    if (fsync(sealer->fd) == -1 ||
        renameat(sealer->dirfd, PV_PACK_SPARE, sealer->dirfd, name) == -1 ||
        fsync(sealer->dirfd) == -1) {
        return PV_ESYS;
    }
    return pv_packs_append(sealer->log_dirfd, &line);
}

enum pv_err
pv_sealer_add(struct pv_sealer *sealer, const struct pv_bundle *bundle)
{
    enum pv_err err = PV_OK;

    if (bundle->n != pv_sealer_next(sealer) ||
        bundle->width != PV_BUNDLE_LEAVES) {
        return PV_EINVAL;
    }
    if (sealer->count == 0) {
        err = begin(sealer);
    }
    if (err == PV_OK) {
        note_bundle(sealer, &sealer->foot.row[sealer->count], bundle);
        err = put_frame(sealer, &sealer->foot.row[sealer->count], bundle);
    }
    if (err == PV_OK && ++sealer->count == PV_PACK_BUNDLES) {
        err = finish(sealer);
        if (err == PV_OK) {
            drop(sealer);
            sealer->number++;
        }
    }
    if (err != PV_OK) {
        int error = errno;

        drop(sealer);
        errno = error;
    }
    return err;
}
