/*
 * signer_key.h - the signer's directory: its key, in a file or in a token,
 * and what was signed with it.
 *
 * Errors: a person is told by why what is wrong and what to do.
 */
#ifndef PV_SIGNER_SIGNER_KEY_H
#define PV_SIGNER_SIGNER_KEY_H

#include "base/buf.h"
#include "signer.h"

struct pv_signer_key {
    struct pv_note_key key;    /* what vkey says */
    struct pv_ed25519 *secret; /* one of the two */
    struct pv_token   *token;
};

/* Read vkey and open the key that it names. PV_ENOTFOUND, PV_EVERIFY ... */
enum pv_err pv_signer_key_open(int dirfd, struct pv_signer_key *ret,
                               struct pv_why *why) PV_MUST_CHECK;
void        pv_signer_key_close(struct pv_signer_key *key);

/* Write the whole signed note of a checkpoint into out, which is emptied. */
enum pv_err pv_signer_key_sign(struct pv_signer_key       *key,
                               const struct pv_checkpoint *checkpoint,
                               struct pv_buf              *out) PV_MUST_CHECK;

/* The same of any text that ends in a newline. */
enum pv_err pv_signer_key_sign_text(struct pv_signer_key *key,
                                    struct pv_slice       text,
                                    struct pv_buf        *out) PV_MUST_CHECK;

#endif
