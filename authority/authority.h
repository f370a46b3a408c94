/*
 * authority.h - what the registry and the process that holds an authority's key
 * say to each other, and the files of the authority's directory.
 *
 * Files
 *   id        the authority's id in the registry, one line
 *   ca.key    its key in PEM, mode 0600
 *   ca.crt    its certificate in PEM
 *   log.vkey  the key of the decision log that it obeys (trace/note.h)
 *   urls      two lines: where the CRL is, where OCSP is asked; may be empty
 *   issued/N  the certificate of decision N, in PEM: one a decision, its
 *             approval or, when it was adopted, that which registered it
 *   revoked   a line each: serial in hex, moment in ms, reason (RFC 5280)
 *   crl       number of the last list
 * A certificate, a revocation and a list's number are on disk before anybody
 * hears of them. A revocation is never taken back.
 *
 * Messages: a stream; each is a head of 12 bytes, little-endian, and a body.
 *   0 u32 PV_AUTHORITY_MAGIC, 4 u32 type, 8 u32 length of the body
 * ASK_FACTS   -> FACTS    id with a line's end; ca.crt
 * ASK_ISSUE   -> ISSUED   the certificate in PEM
 *     0 u64 number of the decision, 8 u32 length of the note, 12 u32 of the
 *     document, 16 u32 of the key, 20 u32 count of hashes; then the signed head
 *     of the decision log, the decision's document, the key
 *     (SubjectPublicKeyInfo), and the proof that the document is leaf number -
 *     1
 * ASK_ADOPT   -> DONE     0 u64 number of the decision that registered it, 8 a
 *     certificate in PEM: of its own, which an older copy of issued/ lacks
 * ASK_REVOKE  -> DONE     0 u8 length of the serial, 1 u8 reason, 2 i64 moment
 *     in ms, 10 serial
 * ASK_CRL     -> CRL      the list in DER
 * ASK_OCSP    -> OCSP     struct pv_ocsp as it lies in memory (the same
 *     program); the answer in DER
 * ASK_SERIALS -> SERIALS  of each in issued/, in any order: its serial in hex,
 *     without zeros in front, and a line's end
 * Any         -> REFUSED  words for a person
 */
#ifndef PV_AUTHORITY_AUTHORITY_H
#define PV_AUTHORITY_AUTHORITY_H

#include "base/slice.h"

#define PV_AUTHORITY_ID "id"
#define PV_AUTHORITY_KEY "ca.key"
#define PV_AUTHORITY_CERTIFICATE "ca.crt"
#define PV_AUTHORITY_LOG_KEY "log.vkey"
#define PV_AUTHORITY_URLS "urls"
#define PV_AUTHORITY_ISSUED "issued"
#define PV_AUTHORITY_REVOKED "revoked"
#define PV_AUTHORITY_CRL "crl"

#define PV_AUTHORITY_MAGIC 0x41565001u /* "\1PVA" */
#define PV_AUTHORITY_HEAD_LEN 12
#define PV_AUTHORITY_ISSUE_LEN 24 /* of the body, without what follows */
#define PV_AUTHORITY_ADOPT_LEN 8
#define PV_AUTHORITY_REVOKE_LEN 10
#define PV_AUTHORITY_ASK_MAX ((size_t)64 * 1024)
#define PV_AUTHORITY_ANSWER_MAX ((size_t)9 * 1024 * 1024)
#define PV_AUTHORITY_ISSUED_MAX 100000
#define PV_AUTHORITY_ID_MAX 64 /* it is the name in the certificate too */

enum pv_authority_type {
    PV_AUTHORITY_ASK_FACTS = 1,
    PV_AUTHORITY_ASK_ISSUE,
    PV_AUTHORITY_ASK_ADOPT,
    PV_AUTHORITY_ASK_REVOKE,
    PV_AUTHORITY_ASK_CRL,
    PV_AUTHORITY_ASK_OCSP,
    PV_AUTHORITY_ASK_SERIALS,
    PV_AUTHORITY_FACTS,
    PV_AUTHORITY_ISSUED_ONE,
    PV_AUTHORITY_DONE,
    PV_AUTHORITY_LIST,
    PV_AUTHORITY_ANSWERED,
    PV_AUTHORITY_SERIALS,
    PV_AUTHORITY_REFUSED,
};

struct pv_authority_config {
    const char *program; /* whose event ids it uses: "registry" */
    int         dirfd;
    int         sockfd; /* SOCK_STREAM to the registry */
};

/* Read the key, give up all rights but its own, serve until the registry is
   gone. An exit code. */
int pv_authority_run(const struct pv_authority_config *config);

struct pv_authority_new {
    const char *dir; /* empty, there */
    const char *id;
    const char *log_key; /* vkey of the decision log */
    const char *crl_url; /* NULL: none */
    const char *ocsp_url;
};

/* From the command line: make its key and certificate; the certificate goes to
   stdout, words to stderr. An exit code. */
int pv_authority_init(const char *program, const struct pv_authority_new *made);

#endif
