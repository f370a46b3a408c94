/*
 * pack.h - a sealed part of the log: byte table, codec, reading one.
 *
 * A pack holds PV_PACK_LEAVES leaves, pack k those from k * PV_PACK_LEAVES on.
 * It is made from leaves that are in a published checkpoint, never changed,
 * and named by the SHA-256 of its bytes (pack/<hex>.pvp). The same leaves give
 * the same bytes. All numbers are little-endian.
 *
 * head, PV_PACK_HEAD_LEN bytes
 *    0  8  magic "PVPACK\r\n"
 *    8  4  version (PV_PACK_VERSION)
 *   12  4  CRC32C of bytes 16 to 63
 *   16  8  number of the pack
 *   24 40  zeros
 * frames: PV_PACK_BUNDLES frames of zstd (RFC 8878) without gaps, each with
 *   its content's size. The content of one is
 *      the entry bundle as tlog-tiles publishes it: 256 times a big-endian u16
 *      length and a line; then runs, each for the leaves behind those of the
 *      run before, all of the same frame and commit of the journal:
 *    0  4  how many leaves, 1 to 256
 *    4  8  epoch of the worker; 0 for payvand-traced itself
 *   12  8  when the commit was written, ms
 * table: PV_PACK_BUNDLES rows of PV_PACK_ROW_LEN bytes
 *    0  8  offset of the frame
 *    8  4  its length
 *   12  4  length of its content
 *   16  4  length of the entries in it
 *   20  4  CRC32C of the frame
 *   24  8  first leaf written at, ms
 *   32  8  last leaf written at, ms
 *   40  8  lowest time in the ids of its requests, ms; no requests: 2^64 - 1
 *   48  8  highest; no requests: 0
 *   56  8  lowest leaf that a completion in it is of; none: 2^64 - 1
 *   64  8  highest; none: 0
 *   72  4  bit 0: it has records of payvand-traced itself
 *   76  4  0
 * words: what the records name, ascending by kind and text
 *    0  1  kind (enum pv_pack_kind)
 *    1  1  length of the text, 1 to 255
 *    2     text
 *      32  bit i (byte i / 8, bit i mod 8): bundle i has it
 * tail, PV_PACK_TAIL_LEN bytes
 *    0  8  offset of the table
 *    8  4  length of the words
 *   12  4  how many words
 *   16  4  bit k: the words of kind k are not all here, there were too many
 *   20  4  CRC32C of table and words
 *   24 28  zeros
 *   52  4  CRC32C of bytes 0 to 51
 *   56  8  magic "PVPKEND\n"
 *
 * Limits: a bundle's content PV_PACK_CONTENT_MAX, PV_PACK_WORDS_MAX words. A
 * reader takes no more memory than that, whatever a file says.
 */
#ifndef PV_TRACE_PACK_H
#define PV_TRACE_PACK_H

#include "crypto/sha256.h"
#include "trace/bundle.h"

#define PV_PACK_VERSION 1
#define PV_PACK_LEAVES 65536
#define PV_PACK_BUNDLES (PV_PACK_LEAVES / PV_BUNDLE_LEAVES)
#define PV_PACK_HEAD_LEN 64
#define PV_PACK_ROW_LEN 80
#define PV_PACK_TABLE_LEN (PV_PACK_BUNDLES * PV_PACK_ROW_LEN)
#define PV_PACK_TAIL_LEN 64
#define PV_PACK_RUN_LEN 20
#define PV_PACK_CONTENT_MAX                                                    \
    (PV_BUNDLE_ENTRIES_MAX + PV_BUNDLE_LEAVES * PV_PACK_RUN_LEN)
#define PV_PACK_FRAME_MAX                                                      \
    (PV_PACK_CONTENT_MAX + (PV_PACK_CONTENT_MAX >> 8) + 64)
#define PV_PACK_BITS_LEN (PV_PACK_BUNDLES / 8)
#define PV_PACK_WORDS_MAX 4096
#define PV_PACK_WORDS_LEN_MAX                                                  \
    (PV_PACK_WORDS_MAX * (2 + PV_RECORD_WORD_MAX + PV_PACK_BITS_LEN))
#define PV_PACK_LEN_MAX (UINT64_C(4) << 30)
#define PV_PACK_NUMBER_MAX UINT64_C(9999999999)
#define PV_PACK_DIR "pack"
#define PV_PACK_SPARE "next.tmp" /* in it: the one that is being made */
#define PV_PACK_NAME_LEN (2 * PV_HASH_LEN + 4) /* <hex>.pvp */

enum pv_pack_kind {
    PV_PACK_CONSUMER = 1,
    PV_PACK_PROVIDER,
    PV_PACK_SERVICE,
    PV_PACK_OUTCOME, /* of a completion, or a request's decision */
    PV_PACK_KIND_END,
};

struct pv_pack_row {
    uint64_t at;
    uint32_t len;
    uint32_t content_len;
    uint32_t entries_len;
    uint32_t crc;
    int64_t  first_ms;
    int64_t  last_ms;
    uint64_t id_low_ms; /* low > high: none */
    uint64_t id_high_ms;
    uint64_t of_low;
    uint64_t of_high;
    bool     has_own;
};

struct pv_pack_foot { /* table, words and tail */
    uint64_t           table_at;
    struct pv_pack_row row[PV_PACK_BUNDLES];
    uint32_t           word_count;
    uint32_t           not_all; /* bit k: kind k */
    struct pv_slice    words;   /* borrowed */
};

/* ---- codec: no I/O (pack.c) --------------------------------------------- */

void pv_pack_name(const struct pv_hash *hash, char room[PV_PACK_NAME_LEN + 1]);
void pv_pack_head_write(uint64_t number, uint8_t room[PV_PACK_HEAD_LEN]);
enum pv_err pv_pack_head_read(const uint8_t bytes[PV_PACK_HEAD_LEN],
                              uint64_t     *ret_number) PV_MUST_CHECK;

/*
 * Where the foot begins and how long it is, by the file's tail and length.
 * PV_ECORRUPT.
 */
enum pv_err pv_pack_tail_read(const uint8_t bytes[PV_PACK_TAIL_LEN],
                              uint64_t file_len, uint64_t *ret_at,
                              size_t *ret_len) PV_MUST_CHECK;

/*
 * Read a foot, from the table to the end of the file. PV_ECORRUPT: anything
 * but what pv_pack_foot_write gives. Law: read and written again, equal.
 */
enum pv_err pv_pack_foot_read(struct pv_slice      bytes,
                              struct pv_pack_foot *ret_foot) PV_MUST_CHECK;
enum pv_err pv_pack_foot_write(const struct pv_pack_foot *foot,
                               struct pv_buf             *out) PV_MUST_CHECK;

/* The content of a frame, and back. PV_ECORRUPT; PV_ENOMEM, PV_ERANGE. */
enum pv_err pv_pack_content_write(const struct pv_bundle *bundle,
                                  struct pv_buf          *out) PV_MUST_CHECK;
enum pv_err pv_pack_content_read(struct pv_slice content, size_t entries_len,
                                 uint64_t          n,
                                 struct pv_bundle *ret_bundle) PV_MUST_CHECK;

/* *at starts at 0. PV_ENOTFOUND at the end, PV_ECORRUPT. */
struct pv_pack_word {
    enum pv_pack_kind kind;
    struct pv_slice   text;
    const uint8_t    *bits; /* PV_PACK_BITS_LEN */
};
enum pv_err pv_pack_next_word(struct pv_slice words, size_t *at,
                              struct pv_pack_word *ret_word) PV_MUST_CHECK;

/* ---- reading (pack_read.c) ---------------------------------------------- */

struct pv_pack; /* an open one */

/*
 * Open pack number of pack/ in a log's directory. The name's hash is not
 * checked here (pv_pack_hash does): frames and foot have check sums of their
 * own. PV_ENOTFOUND, PV_ECORRUPT, PV_EVERSION, PV_ESYS, PV_ENOMEM.
 */
enum pv_err pv_pack_open(int log_dirfd, const struct pv_hash *hash,
                         uint64_t number, struct pv_pack **ret) PV_MUST_CHECK;
void        pv_pack_close(struct pv_pack *pack);
const struct pv_pack_foot *pv_pack_foot(const struct pv_pack *pack);

/* Bundle i of the pack, 0 to 255. PV_ECORRUPT, PV_ESYS, PV_ENOMEM. */
enum pv_err pv_pack_bundle(struct pv_pack *pack, unsigned i,
                           struct pv_bundle *bundle) PV_MUST_CHECK;

/*
 * Which bundles may hold a record that names the text: PV_PACK_BITS_LEN bytes
 * as above, all set when that is not known. Borrowed until the close.
 */
const uint8_t *pv_pack_bits(const struct pv_pack *pack, enum pv_pack_kind kind,
                            struct pv_slice text);

/* The SHA-256 of the open file's bytes, and its length. */
enum pv_err pv_pack_hash(const struct pv_pack *pack, struct pv_hash *ret_hash,
                         uint64_t *ret_len) PV_MUST_CHECK;

/* ---- sealing (pack_write.c) --------------------------------------------- */

struct pv_sealer; /* makes the packs of one log, one after the other */

/*
 * What a killed sealer left in part is made again. One process seals; the
 * caller sees to that. The directory stays the caller's.
 */
enum pv_err pv_sealer_open(int log_dirfd, struct pv_sealer **ret) PV_MUST_CHECK;
void        pv_sealer_close(struct pv_sealer *sealer);

/* The bundle that is wanted next. */
uint64_t pv_sealer_next(const struct pv_sealer *sealer);

/*
 * Add that bundle, whole. With the last one of a pack the pack is on disk and
 * named in `packs` when this returns. After an error the pack begins anew:
 * pv_sealer_next says where. PV_EINVAL: another bundle, or one in part.
 * PV_ESYS (ENOSPC: nothing is lost), PV_ENOMEM, PV_ECRYPTO.
 */
enum pv_err pv_sealer_add(struct pv_sealer       *sealer,
                          const struct pv_bundle *bundle) PV_MUST_CHECK;

#endif
