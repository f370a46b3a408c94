/*
 * client.h - the registry's side of the talk with an authority's process.
 *
 * Ownership: the caller places the struct and closes it.
 * Errors:    PV_EREFUSED the authority refuses, ->why tells; PV_ECLOSED,
 *            PV_EPROTO, PV_EAGAIN it is gone or lost its way: the registry
 *            ends, and both start anew.
 * Threads:   one.  Blocks: up to five seconds for an answer.
 */
#ifndef PV_AUTHORITY_CLIENT_H
#define PV_AUTHORITY_CLIENT_H

#include <sys/types.h>

#include "approval.h"
#include "authority.h"
#include "pki/ocsp.h"

struct pv_authority_client {
    int                 fd;   /* -1: closed */
    bool                lost; /* it is gone, or lost its way: nothing goes on */
    pid_t               pid;
    char                id[PV_AUTHORITY_ID_MAX + 1];
    struct pv_buf       certificate; /* PEM */
    struct pv_pki_facts facts;
    bool                forgot; /* the registry knows of one that it does not */
    struct pv_buf       body;   /* of the last answer */
    struct pv_why       why;
};

/*
 * Start the process: fork and exec of this binary with `-P authority`, before
 * any thread. Another process with the same directory: PV_EEXIST. PV_ESYS.
 */
enum pv_err pv_authority_start(struct pv_authority_client *client,
                               const char                 *program,
                               const char                 *dir) PV_MUST_CHECK;
void        pv_authority_close(struct pv_authority_client *client);

/* Hear who it is: ->id, ->certificate, ->facts. */
enum pv_err pv_authority_hear(struct pv_authority_client *client) PV_MUST_CHECK;

/* One of its own that it may have forgotten; number is of its registering. */
enum pv_err pv_authority_adopt(struct pv_authority_client *client,
                               uint64_t                    number,
                               struct pv_slice             pem) PV_MUST_CHECK;

/* The certificate, borrowed until the next question. */
enum pv_err pv_authority_issue(struct pv_authority_client *client,
                               const struct pv_approval   *approval,
                               struct pv_slice *ret_pem) PV_MUST_CHECK;
enum pv_err
pv_authority_revoke(struct pv_authority_client  *client,
                    const struct pv_pki_revoked *revoked) PV_MUST_CHECK;

/* Of all that it issued (authority.h), borrowed as above. */
enum pv_err pv_authority_serials(struct pv_authority_client *client,
                                 struct pv_slice            *ret) PV_MUST_CHECK;

/* DER, borrowed as above. */
enum pv_err pv_authority_list(struct pv_authority_client *client,
                              struct pv_slice *ret_der) PV_MUST_CHECK;
enum pv_err pv_authority_ocsp(struct pv_authority_client *client,
                              const struct pv_ocsp       *ocsp,
                              struct pv_slice *ret_der) PV_MUST_CHECK;

/* main of the authority's process: an exit code. */
int pv_authority_main(const char *program);

#endif
