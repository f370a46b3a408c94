/* journal_private.h - what reading a journal and recovering it share. */
#ifndef PV_TRACE_JOURNAL_PRIVATE_H
#define PV_TRACE_JOURNAL_PRIVATE_H

#include "trace/journal_read.h"

#define SEGMENT_SCAN_CHUNK (UINT64_C(256) << 10)

/* len bytes, or PV_ESYS; PV_ECORRUPT when the file ends before. */
enum pv_err segment_read_at(int fd, uint8_t *bytes, size_t len,
                            uint64_t at) PV_MUST_CHECK;

/*
 * The next commit head at or behind an offset (a multiple of the alignment),
 * as its check sum knows it. PV_ENOTFOUND when there is none before limit, or
 * before the first block of zeros when that ends the search: no commit of a
 * sound journal has one in it.
 */
enum pv_err segment_find_head(struct pv_segment_reader *reader, uint64_t at,
                              uint64_t limit, bool zeros_end,
                              struct pv_commit_head *ret_head,
                              uint64_t              *ret_at) PV_MUST_CHECK;

#endif
