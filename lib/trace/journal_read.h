/*
 * journal_read.h - reading a journal, beside a live writer too, and making a
 * writer ready to go on (recovery). Formats and their reasons: journal.h.
 *
 * Reading needs read permission on the directory and takes no lock. What a
 * writer is just writing reads as not there yet.
 * Ownership: the caller owns the structs. Blocks: on the disk.
 */
#ifndef PV_TRACE_JOURNAL_READ_H
#define PV_TRACE_JOURNAL_READ_H

#include "trace/journal.h"
#include "trace/record.h"

#define PV_SEGMENTS_MAX 1000000 /* files in one directory */

struct pv_segment_list {
    uint64_t *number; /* ascending */
    size_t    count;
};

/* The segments of a directory. PV_ESYS, PV_ENOMEM, PV_ERANGE. */
enum pv_err
pv_segment_list_read(int dirfd, struct pv_segment_list *ret_list) PV_MUST_CHECK;
void pv_segment_list_clear(struct pv_segment_list *list);

struct pv_segment_reader {
    int                    fd;
    struct pv_segment_head head;
    uint64_t               size; /* of the file as it is */
    uint8_t               *buf;  /* of the last commit read */
};

/*
 * Open and check the head. PV_ENOTFOUND, PV_ECORRUPT (also: the file is
 * shorter than its head says), PV_EVERSION, PV_ESYS, PV_ENOMEM.
 */
enum pv_err pv_segment_open(int dirfd, uint64_t number,
                            struct pv_segment_reader *ret_reader) PV_MUST_CHECK;
void        pv_segment_close(struct pv_segment_reader *reader);

struct pv_commit_view {
    struct pv_commit_head head;
    uint64_t              at;    /* its offset */
    uint64_t              next;  /* offset of the one behind it */
    struct pv_slice       bytes; /* borrowed until the next read */
};

/*
 * The commit at an offset, checked. PV_ENOTFOUND: zeros, or the segment's
 * end. PV_ECORRUPT: something is there that does not read; ret_bad, when
 * given, is the offset of the broken part in the file.
 */
enum pv_err pv_segment_commit(struct pv_segment_reader *reader, uint64_t at,
                              struct pv_commit_view *ret_view,
                              uint64_t              *ret_bad) PV_MUST_CHECK;

/*
 * Its head alone; what pv_segment_commit gave stays. PV_ENOTFOUND: zeros, or
 * the segment's end. PV_ECORRUPT. ret_next: the offset of the one behind it.
 */
enum pv_err pv_segment_commit_head(const struct pv_segment_reader *reader,
                                   uint64_t at, struct pv_commit_head *ret_head,
                                   uint64_t *ret_next) PV_MUST_CHECK;

/*
 * The writer goes past the page cache: a page that was read while it was
 * written may be an old one. Have the next read of these bytes ask the disk.
 */
void pv_segment_forget_cached(const struct pv_segment_reader *reader,
                              uint64_t from, uint64_t until);

/*
 * Nothing reads at an offset of a segment that may still be written: is that
 * its end for now? PV_ENOTFOUND: it is. PV_OK: it reads now. PV_ECORRUPT: a
 * later commit stands behind it, and was begun only when it was on disk.
 */
enum pv_err pv_segment_judge_end(struct pv_segment_reader *reader,
                                 uint64_t                  at) PV_MUST_CHECK;

/*
 * The offset of the first commit written at when_ms or later; the end of the
 * commits when there is none. By halving, reading heads only.
 */
enum pv_err pv_segment_seek(struct pv_segment_reader *reader, int64_t when_ms,
                            uint64_t *ret_at) PV_MUST_CHECK;

/*
 * The same for the commit that holds a leaf; the end of the commits when the
 * segment does not reach that far.
 */
enum pv_err pv_segment_seek_index(struct pv_segment_reader *reader,
                                  uint64_t                  index,
                                  uint64_t *ret_at) PV_MUST_CHECK;

/* The last commit whose head reads (its body may not). PV_ENOTFOUND: none. */
enum pv_err pv_segment_last(struct pv_segment_reader *reader,
                            uint64_t                 *ret_at) PV_MUST_CHECK;

/* Called with each frame in order; anything but PV_OK ends the walk. */
typedef enum pv_err pv_frame_fn(void *context, const struct pv_frame *frame,
                                int64_t time_ms);

struct pv_recovery {
    /* in */
    int64_t  now_ms;
    uint64_t verify_len;     /* read at least so many bytes of the newest
                                segments; older ones by their heads */
    uint64_t from_number;    /* and all segments from this one on, whose
                                frames are handed on; 0: all */
    bool         check_only; /* change nothing; no lock is needed */
    pv_frame_fn *on_frame;
    void        *context;
    /* out */
    uint64_t segment_count;
    uint64_t read_count; /* segments read in full */
    uint64_t frame_count;
    uint64_t torn_number; /* segment that ends in a torn commit; 0: none */
    uint64_t torn_at;
};

/*
 * Read what is there and make journal ready to write behind it: cuts a torn
 * last commit by beginning a new segment, makes the last commit durable once
 * more (it may have been read from a cache that a failed fdatasync left), and
 * begins the first segment of an empty directory.
 * PV_ECORRUPT: damage before the end; why names file and offset. PV_EINVAL: it
 * is another node's. The alignment is that of the journal's first segment.
 * PV_EVERSION, PV_ESYS, PV_ENOMEM, or what on_frame returned.
 */
enum pv_err pv_journal_recover(struct pv_journal  *journal,
                               struct pv_recovery *recovery,
                               struct pv_why      *why) PV_MUST_CHECK;

/* ---- walking (journal_cursor.c) ----------------------------------------- */

/* Walks the commits of a journal in order, also while it grows. */
struct pv_journal_cursor {
    int                      dirfd; /* borrowed */
    struct pv_segment_list   list;
    size_t                   i; /* in the list */
    struct pv_segment_reader reader;
    uint64_t                 at;
    uint64_t                 end;   /* of the commits in this segment */
    bool                     ended; /* a later segment says so */
};

/*
 * Before the first commit written at when_ms or later: 0 for the first of
 * all, INT64_MAX for those to come. PV_ENOTFOUND: no segments.
 */
enum pv_err pv_journal_cursor_open(struct pv_journal_cursor *cursor, int dirfd,
                                   int64_t when_ms) PV_MUST_CHECK;
void        pv_journal_cursor_close(struct pv_journal_cursor *cursor);

/*
 * The next commit, borrowed until the next call. PV_ENOTFOUND: none yet; ask
 * again later. PV_ECORRUPT: damage.
 */
enum pv_err
pv_journal_cursor_next(struct pv_journal_cursor *cursor,
                       struct pv_commit_view    *ret_view) PV_MUST_CHECK;

#endif
