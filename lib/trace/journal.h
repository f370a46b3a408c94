/*
 * journal.h - the segment files of the journal: byte table, the writing side.
 *
 * A journal is a directory of segments NNNNNNNNNN.pvj (ten digits, from 1, or
 * from any number up to the one in the file `removed`: decimal, a line feed;
 * written durably before older segments, which are in packs, are removed),
 * preallocated and filled with zeros, so that a commit overwrites written
 * blocks and fdatasync has no metadata to bring. One process writes, under a
 * lock on the file `lock`; readers need nothing but read permission. All
 * numbers are little-endian.
 *
 * segment head, PV_SEGMENT_HEAD_LEN bytes
 *    0  8  magic "PVJRNL\r\n"
 *    8  4  version (PV_JOURNAL_VERSION)
 *   12  4  CRC32C of bytes 16 to 255
 *   16  8  segment number, that of the name
 *   24  8  index of the first leaf here
 *   32  8  number of the first commit here
 *   40  8  size of the file
 *   48  8  made at, ms; no commit before it is later, none after it earlier
 *   56  4  alignment of commits: 512 to 4096, a power of two
 *   60  4  why it was begun (enum pv_segment_why)
 *   64  8  where the commits of the segment before end; 0 in the first
 *   72  4  head CRC of the last commit before this segment; 0 in the first
 *   76  4  0
 *   80  1  length of the node id, 81 the node id (PV_NODE_MAX)
 *  144 16  random id of the journal, the same in all its segments
 *  160     zeros
 * commit, on a multiple of the alignment, padded with zeros to the next one
 *    0  4  PV_COMMIT_MAGIC
 *    4  4  CRC32C of bytes 8 to 63 (head CRC)
 *    8  8  commit number; consecutive through all segments, from 1
 *   16  8  index of its first leaf
 *   24  8  written at, ms; never steps back
 *   32  4  length with this head, without the padding
 *   36  4  how many frames; 0 in a mark
 *   40  4  how many leaves
 *   44  4  CRC32C of all frame heads, one after the other
 *   48  4  head CRC of the commit before; 0 in the very first
 *   52 12  zeros
 * frame, on a multiple of 8, padded with zeros
 *    0  4  length with this head, without the padding
 *    4  4  CRC32C of bytes 8 to length
 *    8  8  index of its first leaf
 *   16  8  worker epoch; 0 for payvand-traced itself
 *   24  8  sequence
 *   32  4  how many records
 *   36  4  0
 *   40     records: u16 length, a line of record.h; one leaf each
 *
 * Why a torn commit can be told from damage. A commit is one pwrite and one
 * fdatasync; the next is not written before that fdatasync returned, and
 * nothing is acknowledged before it. So a crash leaves at most one commit in
 * part, the last one, of which any sectors may be there; it was never
 * acknowledged and is cut as a whole. Commits start on sectors of their own:
 * writing one never rewrites a sector that holds an acknowledged one. A commit
 * that does not read, with a later valid commit, a later segment, or bytes
 * farther behind than a commit can reach, was complete once: that is damage,
 * and nobody goes on. An idle writer adds a mark (a commit of no frames) a
 * second after its last commit, and at its end; so damage to the last commit
 * is told from a torn one too, except when the machine also stopped within
 * that second. What a cut or failed write left behind stays in the file: the
 * next segment's head says where the commits before it end.
 */
#ifndef PV_TRACE_JOURNAL_H
#define PV_TRACE_JOURNAL_H

#include "base/slice.h"

#define PV_JOURNAL_VERSION 1
#define PV_SEGMENT_HEAD_LEN 4096
#define PV_SEGMENT_NAME_LEN 14 /* 0000000001.pvj */
#define PV_SEGMENT_SPARE "spare.tmp"
#define PV_JOURNAL_REMOVED "removed"
#define PV_JOURNAL_STATE "state" /* what payvand-traced counted (its own) */
#define PV_SEGMENT_SIZE_DEFAULT (UINT64_C(64) << 20)
#define PV_SEGMENT_SIZE_MIN (UINT64_C(256) << 10)
#define PV_SEGMENT_SIZE_MAX (UINT64_C(4) << 30)
#define PV_SEGMENT_NUMBER_MAX UINT64_C(9999999999)
#define PV_COMMIT_MAGIC 0x435650f0u /* "\xf0PVC": no text begins so */
#define PV_COMMIT_HEAD_LEN 64
#define PV_COMMIT_LEN_MAX (UINT32_C(1) << 20)
#define PV_COMMIT_ALIGN_MIN 512
#define PV_COMMIT_ALIGN_MAX 4096
#define PV_FRAME_HEAD_LEN 40
#define PV_NODE_MAX 63
#define PV_JOURNAL_ID_LEN 16

enum pv_segment_why {
    PV_SEGMENT_FIRST = 1, /* the journal begins */
    PV_SEGMENT_FULL,      /* the one before is full */
    PV_SEGMENT_TORN,      /* the one before ends in a torn commit */
    PV_SEGMENT_FAILED,    /* a write or fdatasync of the one before failed */
};

struct pv_segment_head {
    uint64_t            number;
    uint64_t            first_index;
    uint64_t            first_commit;
    uint64_t            size;
    int64_t             made_ms;
    uint32_t            align;
    enum pv_segment_why why;
    uint64_t            before_end;
    uint32_t            before_crc;
    uint8_t             node_len;
    char                node[PV_NODE_MAX];
    uint8_t             journal_id[PV_JOURNAL_ID_LEN];
};

struct pv_commit_head {
    uint64_t number;
    uint64_t first_index;
    int64_t  time_ms;
    uint32_t len;
    uint32_t frame_count;
    uint32_t leaf_count;
    uint32_t body_crc;
    uint32_t before_crc;
    uint32_t head_crc;
};

struct pv_frame { /* slices borrow the commit's bytes */
    uint64_t        first_index;
    uint64_t        epoch;
    uint64_t        sequence;
    uint32_t        count;
    struct pv_slice records; /* for pv_frame_next_record */
};

/* ---- codec: no I/O (frame.c) ------------------------------------------ */

void pv_segment_head_write(const struct pv_segment_head *head,
                           uint8_t room[PV_SEGMENT_HEAD_LEN]);
/* PV_ECORRUPT, or PV_EVERSION for a later version. */
enum pv_err
pv_segment_head_read(const uint8_t           bytes[PV_SEGMENT_HEAD_LEN],
                     struct pv_segment_head *ret_head) PV_MUST_CHECK;

void pv_segment_name(uint64_t number, char room[PV_SEGMENT_NAME_LEN + 1]);
/* PV_EINVAL for the name of anything else. */
enum pv_err pv_segment_number(struct pv_slice name,
                              uint64_t       *ret_number) PV_MUST_CHECK;

/*
 * A commit that is being filled. The caller owns the struct, the struct ->buf.
 * Records are placed at pv_commit_room and made a frame by pv_commit_add.
 */
struct pv_commit {
    uint8_t *buf;
    size_t   cap; /* of it may be used; see pv_commit_init */
    size_t   len; /* in use, multiple of 8 */
    uint64_t first_index;
    uint32_t frame_count;
    uint32_t leaf_count;
    uint32_t body_crc;
};

/* max is the longest commit, at most PV_COMMIT_LEN_MAX. PV_ENOMEM. */
enum pv_err pv_commit_init(struct pv_commit *commit, size_t max) PV_MUST_CHECK;
void        pv_commit_clear(struct pv_commit *commit);
void        pv_commit_begin(struct pv_commit *commit, uint64_t first_index);

/*
 * Where the next frame's records go, and how many bytes fit; NULL when none
 * do. PV_FRAME_HEAD_LEN bytes before it are free for use until the add.
 */
uint8_t *pv_commit_room(struct pv_commit *commit, size_t *ret_room_len);

/* len bytes of count records stand at pv_commit_room: make them a frame. */
void pv_commit_add(struct pv_commit *commit, uint64_t epoch, uint64_t sequence,
                   uint32_t count, size_t len);

/*
 * Read the head of a commit. PV_ENOTFOUND: only zeros here, nothing was
 * written. PV_ECORRUPT: something else.
 */
enum pv_err pv_commit_head_read(const uint8_t bytes[PV_COMMIT_HEAD_LEN],
                                struct pv_commit_head *ret_head) PV_MUST_CHECK;

/*
 * Check all of a commit: bytes holds head->len of them. PV_ECORRUPT; ret_at,
 * when given, is the offset of the frame that is broken.
 */
enum pv_err pv_commit_check(struct pv_slice              bytes,
                            const struct pv_commit_head *head,
                            size_t                      *ret_at) PV_MUST_CHECK;

/* Walk a checked commit: *at starts at 0. PV_ENOTFOUND at the end. */
enum pv_err pv_commit_next_frame(struct pv_slice bytes, size_t *at,
                                 struct pv_frame *ret_frame) PV_MUST_CHECK;
/* PV_ENOTFOUND at the end, PV_ECORRUPT for a length that leads outside. */
enum pv_err pv_frame_next_record(struct pv_slice *rest,
                                 struct pv_slice *ret_line) PV_MUST_CHECK;

/* ---- writing (journal.c) ---------------------------------------------- */

struct pv_journal_options {
    uint64_t        segment_size;
    uint32_t        align; /* of a new journal; 0: what the disk writes whole */
    struct pv_slice node;
};

/*
 * The writer. One process, one thread; it blocks on the disk. The caller owns
 * the struct; the fields may be read.
 */
struct pv_journal {
    int                    dirfd;
    int                    lockfd;
    int                    fd; /* of the open segment; -1 when none */
    struct pv_segment_head segment;
    uint64_t               at; /* where the next commit goes */
    uint64_t               next_index;
    uint64_t               next_commit;
    uint32_t               last_crc;
    int64_t                time_ms;      /* of the last commit */
    bool                   direct;       /* ->fd goes past the page cache */
    bool                   failed;       /* ->fd is not to be written again */
    bool                   marked;       /* the last commit is a mark */
    uint64_t               segment_size; /* of the next one */
};

/*
 * Open and lock the directory. PV_EEXIST: another process writes it. Nothing
 * is read; pv_journal_recover (journal_read.h) does that.
 */
enum pv_err pv_journal_open(const char                      *dir,
                            const struct pv_journal_options *options,
                            struct pv_journal               *ret_journal,
                            struct pv_why                   *why) PV_MUST_CHECK;
void        pv_journal_close(struct pv_journal *journal);

/*
 * Make a segment ready under PV_SEGMENT_SPARE: allocate, fill with zeros,
 * fsync. It may run in another thread. PV_ESYS; ENOSPC shows in errno.
 */
enum pv_err pv_segment_prepare(int dirfd, uint64_t size,
                               int *ret_fd) PV_MUST_CHECK;

/*
 * Go on in a new segment, whose zeros are ready in spare (taken, also on
 * failure) or are written now when spare is -1. PV_ESYS leaves the journal
 * as it was.
 */
enum pv_err pv_journal_next(struct pv_journal *journal, int spare,
                            enum pv_segment_why why) PV_MUST_CHECK;

/*
 * Write past the page cache from now on, where the file system takes it: one
 * copy less, and what a failed write left is never read from a cache.
 */
void pv_journal_go_direct(struct pv_journal *journal);

/* Whether the commit fits in the open segment. */
bool pv_journal_fits(const struct pv_journal *journal, size_t len);

/*
 * Write the commit and make it durable. PV_EFULL when it does not fit: call
 * pv_journal_next. PV_ESYS: the write or fdatasync failed, the segment has
 * ended (->failed): pv_journal_next, then the same commit again. PV_ESTATE
 * when that was not done. On success the commit's leaves have their indexes.
 */
enum pv_err pv_journal_commit(struct pv_journal *journal,
                              struct pv_commit  *commit,
                              int64_t            now_ms) PV_MUST_CHECK;

/* A commit of no frames: what stands before it was complete. */
enum pv_err pv_journal_mark(struct pv_journal *journal,
                            int64_t            now_ms) PV_MUST_CHECK;

#endif
