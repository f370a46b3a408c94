/*
 * rollup.h - the figures of each minute: consumer x method x outcome, with a
 * histogram of the provider's time. For monitoring, quality reports and
 * unusual volumes. Derived from the log alone.
 *
 * A call counts in the minute in which its end was written: a decision against
 * it with its request's record, anything else with its completion. Minutes
 * are those of the commits' times, which never step back. A call whose end is
 * not written within PV_ROLLUP_OPEN_MIN minutes counts as `unknown` in the
 * next minute that has a leaf. Summaries of refusals (record.h) count as
 * refused, with the method "-"; so do refusals that name no known method.
 *
 * Latency is last byte - forwarded. Verify methods: a cell under
 * PV_ROLLUP_VERIFY_MIN calls keeps no latency (design 6). Whether a cell is a
 * verify method's is told by its times, which are whole tenths of a second
 * there; what looks like it by chance is treated so.
 *
 * Files: <dir>/YYYY-MM-DD.pvr, the civil day of Tehran, only appended to.
 * Lines of text that end in a line feed, fields parted by one tab:
 *
 *   c <minute> <consumer> <provider>/<service>/<version>/<method> <outcome>
 *     <count> <histogram>     histogram.h's text; sorted by the 2nd to 4th
 *   m <minute> <first> <end> <cells> <crc>
 *
 * minute: minutes since 1970. An m line ends its minute: the leaves first to
 * end - 1 were written in it (end is the next minute's first), so many c lines
 * stand before it, and crc is the CRC32C (8 hex digits) of them and of the m
 * line up to its last tab. What follows the last good m line is torn: it is
 * cut, and its minute made again from the log, to the same bytes.
 * A consumer or method "*" gathers what is above a maximum below.
 */
#ifndef PV_TRACE_ROLLUP_H
#define PV_TRACE_ROLLUP_H

#include "trace/histogram.h"
#include "trace/record.h"

#define PV_ROLLUP_OPEN_MIN 10         /* as PV_TRACE_CALL_MAX_MS */
#define PV_ROLLUP_OPEN_MAX (1u << 20) /* open calls; then the oldest goes */
#define PV_ROLLUP_CELLS_MAX 65536     /* of one minute */
#define PV_ROLLUP_KEYS_MAX (1u << 20) /* consumer x method ever seen */
#define PV_ROLLUP_VERIFY_MIN 10       /* calls */
#define PV_ROLLUP_MINUTE_LEN_MAX (1u << 28) /* bytes of one minute's lines */
#define PV_ROLLUP_TICK_MS 10000 /* a minute is over so long after its end */

/* ---- writing: one at a time on a directory ------------------------------ */

struct pv_rollup;

/*
 * Open the directory, cut what is torn. PV_ECORRUPT: a file holds something
 * else (why names it). PV_ESYS, PV_ENOMEM.
 */
enum pv_err pv_rollup_open(int dirfd, struct pv_rollup **ret_rollup,
                           struct pv_why *why) PV_MUST_CHECK;
void        pv_rollup_close(struct pv_rollup *rollup);

/* Bytes that were cut when it was opened; to be logged when not 0. */
uint64_t pv_rollup_torn(const struct pv_rollup *rollup);

/* The leaf to be added next; at first, some that were counted already. */
uint64_t pv_rollup_next(const struct pv_rollup *rollup);

/*
 * Add a leaf of the log; record is NULL for one that does not parse. Leaves
 * come in order; pruned ones may be left out. The first leaf of a later minute
 * makes the one before durable. PV_ESTATE: before pv_rollup_next. PV_ESYS,
 * PV_ENOMEM, PV_EFULL (the minute's lines): give the leaf again later.
 */
enum pv_err pv_rollup_add(struct pv_rollup *rollup, uint64_t index,
                          int64_t                 written_ms,
                          const struct pv_record *record) PV_MUST_CHECK;

/*
 * All leaves written so far were added: end the open minute when it has been
 * over for PV_ROLLUP_TICK_MS. Errors as above.
 */
enum pv_err pv_rollup_tick(struct pv_rollup *rollup,
                           int64_t           now_ms) PV_MUST_CHECK;

/* ---- reading, beside a writer too ---------------------------------------- */

struct pv_rollup_cell { /* slices borrowed until the function returns */
    uint64_t        minute;
    struct pv_slice consumer;
    struct pv_slice method; /* all four parts, "-" or "*" */
    enum pv_outcome outcome;
    uint64_t        count;
    struct pv_slice histogram; /* for pv_histogram_read */
};

/* Anything but PV_OK ends the reading and is what it gives. */
typedef enum pv_err pv_rollup_fn(void                        *context,
                                 const struct pv_rollup_cell *cell);

/*
 * The cells of the minutes that begin in [from_ms, until_ms), in order. A
 * minute that is not whole is not there yet. PV_ECORRUPT: a line before the
 * last m line breaks the format. PV_ESYS, PV_ENOMEM.
 */
enum pv_err pv_rollup_read(int dirfd, int64_t from_ms, int64_t until_ms,
                           pv_rollup_fn *fn, void *context) PV_MUST_CHECK;

/* ---- shared by the two ----------------------------------------------------
 */

#define PV_ROLLUP_NAME_LEN 14 /* 2026-11-26.pvr */

struct pv_rollup_minute { /* an m line */
    uint64_t        minute;
    uint64_t        first;
    uint64_t        end;
    uint64_t        cells;
    struct pv_slice lines; /* its c lines */
};

/*
 * The next minute of a file's text. PV_ENOTFOUND: no whole m line any more;
 * PV_ECORRUPT: one that does not fit what stands before it.
 */
enum pv_err
            pv_rollup_next_minute(struct pv_slice         *rest,
                                  struct pv_rollup_minute *ret_minute) PV_MUST_CHECK;
enum pv_err pv_rollup_next_cell(struct pv_slice       *lines,
                                struct pv_rollup_cell *ret_cell) PV_MUST_CHECK;
struct pv_rollup_file {
    int           fd; /* borrowed */
    struct pv_buf buf;
    size_t        at;    /* in buf */
    uint64_t      taken; /* bytes of the file that are whole minutes */
};

/* The same over a file; what it gives is borrowed until the next call. */
void pv_rollup_file_init(struct pv_rollup_file *file, int fd);
void pv_rollup_file_clear(struct pv_rollup_file *file);
enum pv_err
pv_rollup_file_next(struct pv_rollup_file   *file,
                    struct pv_rollup_minute *ret_minute) PV_MUST_CHECK;

void pv_rollup_name(int64_t day, char room[PV_ROLLUP_NAME_LEN + 1]);

#endif
