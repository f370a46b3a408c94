/*
 * ledger.h - what an authority issued and revoked, on disk. Private to
 * authority/. Files: authority.h.
 *
 * Ownership: the caller places the struct and clears it. Threads: one.
 * Blocks:    on the disk.  Errors: PV_ESYS; PV_ECORRUPT what is there does not
 *            read; PV_EFULL a maximum is reached.
 */
#ifndef PV_AUTHORITY_LEDGER_H
#define PV_AUTHORITY_LEDGER_H

#include "pki/ocsp.h"

struct pv_ledger_serial {
    uint8_t len;
    uint8_t bytes[PV_PKI_SERIAL_MAX];
};

struct pv_ledger {
    int                      dirfd; /* the authority's */
    int                      issuedfd;
    struct pv_ledger_serial *issued; /* owned */
    size_t                   issued_count;
    struct pv_pki_revoked   *revoked; /* owned */
    size_t                   revoked_count;
    uint64_t                 revoked_changes; /* since it was opened */
    uint64_t                 crl_number;
};

enum pv_err pv_ledger_open(struct pv_ledger *ledger, int dirfd) PV_MUST_CHECK;
void        pv_ledger_clear(struct pv_ledger *ledger);

/* The certificate of a decision; PV_ENOTFOUND: none was issued for it. */
enum pv_err pv_ledger_get(const struct pv_ledger *ledger, uint64_t number,
                          struct pv_buf *out) PV_MUST_CHECK;

/* Keep the certificate of a decision, durably. */
enum pv_err pv_ledger_add(struct pv_ledger *ledger, uint64_t number,
                          struct pv_slice pem) PV_MUST_CHECK;

/* Was a certificate of this serial issued? */
bool pv_ledger_has(const struct pv_ledger *ledger, const uint8_t *serial,
                   size_t len);

/* Of all that were issued, as authority.h has them. */
enum pv_err pv_ledger_serials(const struct pv_ledger *ledger,
                              struct pv_buf          *out) PV_MUST_CHECK;

/*
 * Keep that it is revoked. What is so already stays as it was, but for the
 * reason of one whose key others turn out to know (RFC 5280 5.3.1): its moment
 * stays.
 */
enum pv_err
pv_ledger_revoke(struct pv_ledger            *ledger,
                 const struct pv_pki_revoked *revoked) PV_MUST_CHECK;

/* The number of the next list, kept before it is given. */
enum pv_err pv_ledger_next_list(struct pv_ledger *ledger,
                                uint64_t         *ret_number) PV_MUST_CHECK;

/* What is known of a serial. */
struct pv_ocsp_said pv_ledger_said(const struct pv_ledger     *ledger,
                                   const struct pv_ocsp_asked *asked);

#endif
