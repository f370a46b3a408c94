/*
 * explain.h - from a call to the decisions that made it possible: the request
 * in the trace, the grant that it names, and the entries of the decision log
 * that made the grant; each with its proof.
 *
 * Ownership: the caller owns struct pv_explain and clears it. Blocks: on the
 *            two servers that are asked.
 */
#ifndef PV_CLI_EXPLAIN_H
#define PV_CLI_EXPLAIN_H

#include <jansson.h>

#include "cmd.h"
#include "trace/receipt.h"

#define PV_EXPLAIN_DECISIONS_MAX 200
#define PV_EXPLAIN_RECORDS_MAX 16
#define PV_EXPLAIN_FAULTS_MAX 8

enum pv_explain_proof {
    PV_EXPLAIN_UNPROVED = 0, /* no key to prove it with */
    PV_EXPLAIN_PROVED,
    PV_EXPLAIN_WRONG,
};

struct pv_explain_step { /* one decision */
    int64_t               number;
    json_t               *document; /* owned */
    enum pv_explain_proof proof;
    const char           *about; /* the record that it made what it was */
};

struct pv_explain_record { /* one that the chain leads through */
    char kind[24];
    char id[128];
};

struct pv_explain {
    /* given, borrowed */
    const char                    *registry; /* socket */
    const struct pv_receipt_trust *trace;    /* NULL: no key was given */
    const struct pv_note_key      *log;      /* of decisions; NULL as above */
    /* the call */
    struct pv_receipt         receipt;
    struct pv_receipt_verdict verdict;
    struct pv_record          record; /* borrows from the receipt */
    enum pv_explain_proof     call;
    /* the chain */
    bool                     has_grant; /* a grant or mode decided the call */
    json_t                  *grant;     /* as it was then; owned */
    struct pv_explain_record visited[PV_EXPLAIN_RECORDS_MAX];
    size_t                   visited_count;
    struct pv_explain_step   step[PV_EXPLAIN_DECISIONS_MAX];
    size_t                   step_count;
    uint64_t                 log_size; /* of the checkpoint of decisions */
    char                     origin[256];
    struct pv_why            fault[PV_EXPLAIN_FAULTS_MAX]; /* what is wrong */
    size_t                   fault_count;
};

void pv_explain_init(struct pv_explain *explain);
void pv_explain_clear(struct pv_explain *explain);

/* Take the receipt of the call and check it. PV_EINVAL with words. */
enum pv_err pv_explain_call(struct pv_explain *explain, struct pv_slice receipt,
                            struct pv_why *why) PV_MUST_CHECK;

/*
 * Ask the registry for everything behind it. What does not hold together is a
 * fault, not an error; errors mean that it could not be asked.
 */
enum pv_err pv_explain_chain(struct pv_explain *explain,
                             struct pv_why     *why) PV_MUST_CHECK;

/* All of it proved, nothing wrong. */
bool pv_explain_is_whole(const struct pv_explain *explain);

/* For people, for programs: exit codes of writing. */
int pv_explain_text(const struct pv_explain *explain, enum pv_lang lang);
int pv_explain_json(const struct pv_explain *explain);

#endif
