/*
 * keyed.h - digests that only this connector can make: HMAC-SHA256 (RFC 2104)
 * under its secret, over a label and a list of parts.
 *
 * What is told apart by such a digest can be found again by who has the key,
 * and tried out by nobody else. The label keeps the uses apart; each
 * part has its length before it, so that no two lists of parts read alike.
 *
 * Ownership: the caller's from _begin to _end, which wipes the parts.
 * Errors:    the first sticks; PV_ERANGE past PV_KEYED_MAX, PV_ENOMEM,
 *            PV_ECRYPTO. Threads: one owner at a time. Blocks: never.
 */
#ifndef PV_CONNECTORD_KEYED_H
#define PV_CONNECTORD_KEYED_H

#include "base/buf.h"

#define PV_KEY_LEN 32
#define PV_KEYED_LEN 32
#define PV_KEYED_TEXT_LEN (2 * PV_KEYED_LEN) /* in lower-case hex */
#define PV_KEYED_MAX (256 * 1024)            /* bytes of all parts */
#define PV_SECRETS_MAX 4

/* The first makes digests; those before it only know theirs again. */
struct pv_secrets {
    uint8_t key[PV_SECRETS_MAX][PV_KEY_LEN];
    size_t  count;
};

struct pv_keyed {
    struct pv_buf parts;
    enum pv_err   err;
};

void pv_keyed_begin(struct pv_keyed *keyed, const char *label);
void pv_keyed_add(struct pv_keyed *keyed, struct pv_slice part);
void pv_keyed_add_u64(struct pv_keyed *keyed, uint64_t n);

/* The digest of what was added. */
enum pv_err pv_keyed_end(struct pv_keyed *keyed, const uint8_t key[PV_KEY_LEN],
                         uint8_t ret[PV_KEYED_LEN]) PV_MUST_CHECK;

/* The same in hex, without a NUL. */
enum pv_err pv_keyed_end_text(struct pv_keyed *keyed,
                              const uint8_t    key[PV_KEY_LEN],
                              char ret[PV_KEYED_TEXT_LEN]) PV_MUST_CHECK;

#endif
