/*
 * sealing.h - the secrets of one-time codes as the database holds them: sealed
 * (crypto/seal.h) by a key of a file that the database is not told of.
 *
 * The file, mode 0600, has a key a line, 64 hex digits: the first seals, the
 * others only open. So a key is changed by a new first line and a new start,
 * which seals everything again; the old line may go then. A file that is not
 * there is made, with one random key, unless something is sealed already.
 *
 * A sealed text is "v1:", eight hex digits that name the key, ":" and the hex
 * of what pv_seal gives, about the person's id. Without a file texts are plain
 * hex, as before there was one.
 */
#ifndef PV_REGISTRYD_SEALING_H
#define PV_REGISTRYD_SEALING_H

#include "crypto/seal.h"
#include "people.h"

#define PV_SEALING_KEYS_MAX 4
#define PV_SEALING_NAME_LEN 8
#define PV_SEALED_TEXT_MAX 160

struct pv_sealing {
    size_t  count; /* 0: nothing is sealed */
    uint8_t key[PV_SEALING_KEYS_MAX][PV_SEAL_KEY_LEN];
    char    name[PV_SEALING_KEYS_MAX][PV_SEALING_NAME_LEN + 1];
};

/*
 * PV_EINVAL, PV_ESYS with words; PV_ENOTFOUND: it is_needed, since something is
 * sealed, and is not there. The caller wipes it.
 */
enum pv_err pv_sealing_read(const char *file, bool is_needed,
                            struct pv_sealing *ret,
                            struct pv_why     *why) PV_MUST_CHECK;

/* Of a secret's hex, the text to keep; and back. PV_ECORRUPT: no key opens it.
 */
enum pv_err pv_sealing_close(const struct pv_sealing *sealing,
                             const char *person, const char *hex,
                             char ret[PV_SEALED_TEXT_MAX]) PV_MUST_CHECK;
enum pv_err pv_sealing_open(const struct pv_sealing *sealing,
                            const char *person, const char *text, char *ret,
                            size_t room) PV_MUST_CHECK;

bool pv_sealing_is_sealed(const char *text);

/* Is it as pv_sealing_close would write it now? */
bool pv_sealing_is_new(const struct pv_sealing *sealing, const char *text);

#endif
