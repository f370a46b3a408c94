/*
 * counts.h - how calls ended, and which methods no longer answer as their
 * contract says: numbers by method and kind, never an answer.
 *
 * Threads: any. Blocks: never for long. Limits: below; a method behind the
 *          last counts under "other".
 */
#ifndef CONSUMERD_COUNTS_H
#define CONSUMERD_COUNTS_H

#include <pthread.h>

#include "client/host.h"

#define CONSUMER_METHODS_MAX 512
#define CONSUMER_METHOD_LEN 280
#define CONSUMER_KINDS (PV_FAULT_END + 1)
#define CONSUMER_KIND_SIGNATURE PV_FAULT_END /* behind the contract's kinds */
#define CONSUMER_ENDS 16

struct consumer_counts {
    pthread_mutex_t lock;
    struct {
        char     name[CONSUMER_METHOD_LEN];
        uint64_t withheld[CONSUMER_KINDS];
    } method[CONSUMER_METHODS_MAX];
    size_t method_count;
    struct {
        char     outcome[PV_EVIDENCE_WORD_MAX];
        uint64_t count;
    } end[CONSUMER_ENDS]; /* by outcome, of those that came */
    size_t end_count;
};

void consumer_counts_init(struct consumer_counts *counts);

/* A call of this method ended so. The log names a kind of mismatch when it
   comes the first time, the tenth, the hundredth ... */
void consumer_counts_add(struct consumer_counts *counts, const char *method,
                         const struct pv_client_end *end);

/* As Prometheus reads it. PV_ENOMEM, PV_ERANGE. */
enum pv_err consumer_counts_write(struct consumer_counts *counts,
                                  struct pv_buf          *out) PV_MUST_CHECK;

#endif
