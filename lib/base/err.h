/*
 * err.h - the one set of results that libraries return.
 *
 * A library never logs and never exits: it returns one of these and leaves
 * its outputs alone on failure. Where a person needs words, the function
 * takes a struct pv_why and writes one sentence into it.
 */
#ifndef PV_BASE_ERR_H
#define PV_BASE_ERR_H

#define PV_MUST_CHECK __attribute__((warn_unused_result))
#define PV_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum pv_err {
    PV_OK = 0,
    PV_ENOMEM = -1,    /* no memory */
    PV_ERANGE = -2,    /* a number, length or count past its maximum */
    PV_EINVAL = -3,    /* input breaks its grammar */
    PV_ENOTFOUND = -4, /* no such thing */
    PV_EEXIST = -5,    /* the thing is there already */
    PV_ESYS = -6,      /* a system call failed; errno tells */
    PV_ECORRUPT = -7,  /* stored bytes are not what was written */
    PV_EVERSION = -8,  /* written by a version this build does not know */
    PV_EPROTO = -9,    /* a peer broke the protocol */
    PV_EAGAIN = -10,   /* nothing now; try later */
    PV_ECLOSED = -11,  /* the peer is gone */
    PV_EFULL = -12,    /* no room left */
    PV_ECRYPTO = -13,  /* the crypto library failed */
    PV_EDB = -14,      /* a database library failed */
    PV_ESTATE = -15,   /* called in the wrong order */
    PV_EVERIFY = -16,  /* a signature, a hash or a proof is not right */
    PV_EPRUNED = -17,  /* removed by a decision on retention */
    PV_EREFUSED = -18, /* a rule forbids it; the refusal tells which */
};

#define PV_WHY_MAX 512

/* One sentence for a person: what is wrong, where, and what to do. */
struct pv_why {
    char text[PV_WHY_MAX];
};

/* The English words for err; never NULL. */
const char *pv_err_text(enum pv_err err);

/* Write the sentence (cut at PV_WHY_MAX - 1); why may be NULL. */
void pv_why_set(struct pv_why *why, const char *format, ...) PV_PRINTF(2, 3);

#endif
