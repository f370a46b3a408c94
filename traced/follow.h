/*
 * follow.h - reading the journal behind its writer, commit by commit, no
 * further than what is on disk.
 *
 * One read brings many commits. The writer says where the durable bytes end
 * (state.h), so nothing that is being written is ever looked at.
 *
 * Ownership: the caller owns the struct; a commit is borrowed until the next
 * call. Blocks: on the disk.
 */
#ifndef PV_TRACED_FOLLOW_H
#define PV_TRACED_FOLLOW_H

#include "state.h"
#include "trace/journal_read.h"

struct follow {
    int                      dirfd; /* borrowed */
    const struct log_state  *state; /* borrowed */
    struct pv_segment_reader reader;
    uint64_t                 at;
    uint64_t                 next_index;
    uint64_t                 next_commit;
    uint32_t                 last_crc;
    uint64_t                 end;       /* of a segment with a successor */
    uint64_t                 window_at; /* reader.buf holds these bytes */
    size_t                   window_len;
};

/*
 * At the beginning of the segment that holds the leaf index, or will hold it.
 * PV_ENOTFOUND: the journal begins behind it. PV_ECORRUPT, PV_ESYS.
 */
enum pv_err follow_open(struct follow *follow, int dirfd,
                        const struct log_state *state,
                        uint64_t                index) PV_MUST_CHECK;
void        follow_close(struct follow *follow);

/*
 * The next commit. PV_ENOTFOUND: none is durable yet. PV_ECORRUPT: what was
 * durable does not read; reader.head.number and ->at say where.
 */
enum pv_err follow_next(struct follow         *follow,
                        struct pv_commit_view *ret_view) PV_MUST_CHECK;

#endif
