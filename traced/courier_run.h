/* courier_run.h - what the files of the courier share. */
#ifndef PV_TRACED_COURIER_RUN_H
#define PV_TRACED_COURIER_RUN_H

#include <curl/curl.h>

#include "courier.h"

#define COURIER_ANSWER_MAX 8192
#define COURIER_BODY_MAX (PV_CHECKPOINT_NOTE_MAX + 64 * 48)

enum errand_state {
    ERRAND_IDLE = 0, /* nothing to do for this checkpoint yet */
    ERRAND_PROOF,    /* waits for the log's proof */
    ERRAND_POSTED,   /* waits for the witness */
    ERRAND_SIGNED,   /* ->line is good */
    ERRAND_FAILED,   /* until ->again_ms */
};

struct errand { /* one witness */
    const struct courier_witness *to;
    enum errand_state             state;
    enum courier_told             told; /* last */
    uint64_t           seen;     /* the size it stands at, as far as is known */
    uint64_t           cosigned; /* the largest since the courier runs */
    unsigned           turns;    /* requests for this checkpoint */
    uint64_t           posted;   /* the size of the request on its way */
    int64_t            again_ms;
    int64_t            pause_ms;
    CURL              *easy;
    struct curl_slist *resolve;
    struct pv_buf      url;
    struct pv_buf      body;
    struct pv_buf      answer;
    char               line[PV_NOTE_NAME_MAX + 128];
    size_t             line_len;
    bool               unbelieved; /* its certificate is not the right one */
};

struct courier {
    struct courier_witnesses list;
    struct errand            errand[COURIER_WITNESSES_MAX];
    CURLM                   *multi;
    int                      fd; /* to the log */
    /* the round */
    bool           active;
    bool           told_end; /* DONE or FAILED was said */
    size_t         told_count;
    uint64_t       size;
    struct pv_buf  note;
    struct pv_note parsed;
    int64_t        began_ms;
    int64_t        quorum_ms; /* when it was reached; 0: not yet */
    /* the one that comes next */
    uint64_t      next_size;
    struct pv_buf next;
};

/* ---- courier_round.c ------------------------------------------------------
 */

/* What is to be done next; gives how long to wait for the world, in ms. */
int courier_step(struct courier *courier);

/* The proof is there. */
void courier_post(struct courier *courier, struct errand *errand,
                  const struct pv_merkle_proof *proof);

/* The witness is left alone for a while, and why is said. */
void courier_rest(struct courier *courier, struct errand *errand,
                  enum courier_told told, const char *words);

/* A request has ended with an HTTP status, or with 0: no answer. */
void courier_answered(struct courier *courier, struct errand *errand,
                      long status);

/* ---- courier_post.c: HTTP -------------------------------------------------
 */

/* Names are looked up here, and only here. PV_ESYS, PV_ENOMEM; why. */
enum pv_err errand_open(struct errand *errand, const struct courier_witness *to,
                        struct pv_slice authorities,
                        struct pv_why  *why) PV_MUST_CHECK;
void        errand_close(struct errand *errand);

/* Send "old N", proof and note. PV_ENOMEM, PV_ERANGE, PV_ESYS. */
enum pv_err errand_post(struct errand *errand, CURLM *multi, uint64_t size,
                        const struct pv_merkle_proof *proof,
                        struct pv_slice               note) PV_MUST_CHECK;

/* What the witness said: an HTTP status, or 0: no answer; ->answer the body. */
long errand_status(struct errand *errand, CURLM *multi, CURLcode code);

#endif
