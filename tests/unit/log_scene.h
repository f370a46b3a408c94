/*
 * log_scene.h - a small journal and log in a directory of their own, with
 * records of which the test knows what they are.
 */
#ifndef PV_TESTS_LOG_SCENE_H
#define PV_TESTS_LOG_SCENE_H

#include "trace/journal.h"
#include "trace/log_read.h"

#define SCENE_START_MS INT64_C(1790000000000)
#define SCENE_CONSUMERS 3 /* consumer-0 to consumer-2 in turn */

struct log_scene {
    char              dir[64]; /* journal/ and log/ are in it */
    int               journal_fd;
    int               log_fd;
    struct pv_journal journal;
    struct pv_commit  commit;
    int64_t           now_ms; /* of the next commit */
    uint64_t          calls;  /* requests so far */
};

void log_scene_open(struct log_scene *scene);
void log_scene_close(struct log_scene *scene); /* removes all */

/*
 * One commit with a frame: count requests (allowed, of the consumers in turn,
 * provider-k/service-k by the call's number mod 5), and the ends of the
 * done_count requests from leaf done_from on. Gives the first leaf's index.
 */
uint64_t log_scene_commit(struct log_scene *scene, uint64_t epoch,
                          unsigned count, uint64_t done_from,
                          unsigned done_count);

/* payvand-traced's own record that a worker was lost. */
void log_scene_lose(struct log_scene *scene, uint64_t epoch);

/* The tracking id of call number n. */
struct pv_tracking_id log_scene_id(uint64_t n, int64_t when_ms);

#endif
