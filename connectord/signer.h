/*
 * signer.h - the process that holds the connector's signing key, and how the
 * main process asks it.
 *
 * One packet socket: first the signer says the id of its key, then each packet
 * with 1 to PV_SIGNER_BATCH texts to sign (pv_put_text) is answered by one with
 * their signatures. It signs
 * nothing but answers of the profile (httpsig/profile.h): who has taken the
 * main process over can sign answers while it is there, and has no key to take
 * away.
 *
 * Threads: one.  Blocks: _start until the signer has its key; _sign for its
 *          signatures, at most PV_SIGNER_WAIT_S.
 */
#ifndef PV_CONNECTORD_SIGNER_H
#define PV_CONNECTORD_SIGNER_H

#include "connectord/watch.h"
#include "httpsig/profile.h"

#define PV_SIGNER_FD 3     /* its socket to the main process */
#define PV_SIGNER_KEY_FD 4 /* the key's file */
#define PV_SIGNER_BATCH 16
#define PV_SIGNER_PACKET_MAX (2 * (PV_HTTPSIG_BASE_MAX + 4))
#define PV_SIGNER_WAIT_S 2

struct pv_signer {
    int             fd; /* -1: nothing is signed here */
    char            keyid[PV_HTTPSIG_KEYID_LEN + 1];
    struct pv_watch watch;
    bool            gone; /* the connector ends */
};

/* Before the main process's sandbox. PV_EINVAL, PV_ESYS with words in why. */
enum pv_err pv_signer_start(const char *key_path, struct pv_signer *ret,
                            struct pv_why *why) PV_MUST_CHECK;

/* Learn of the signer's end. */
enum pv_err pv_signer_watch(struct pv_signer *signer, int epoll) PV_MUST_CHECK;

/*
 * count texts, one behind the other as pv_put_text writes them.
 * PV_ECLOSED: it is gone, or did not answer in time.
 */
enum pv_err
pv_signer_sign(struct pv_signer *signer, struct pv_slice bases, size_t count,
               uint8_t ret[][PV_HTTPSIG_SIGNATURE_LEN]) PV_MUST_CHECK;

void pv_signer_stop(struct pv_signer *signer);

/* `-P signer`: until the main process is gone. */
int pv_signer_run(void);

#endif
