/*
 * client.h - the log's side of the talk with its signer (signer.h).
 *
 * Ownership: the caller owns the struct, and the socket.
 * Errors:    ->why has words. PV_EVERIFY: the signer refuses; PV_EAGAIN: no
 *            answer (yet); PV_ECLOSED: it is gone; PV_EPROTO: its answer does
 *            not read.
 * Threads:   one owner.  Blocks: as each function says.
 */
#ifndef PV_SIGNER_SIGNER_CLIENT_H
#define PV_SIGNER_SIGNER_CLIENT_H

#include "rights/rights.h"
#include "signer.h"

struct pv_signer_client {
    int      fd;      /* SOCK_SEQPACKET */
    uint64_t ask_id;  /* of the last packet sent */
    uint64_t head_id; /* of the last one that asked for a head */
    /* of the last one signed */
    struct pv_note_key key;
    uint64_t           size;
    struct pv_hash     root;
    struct pv_buf      note;
    struct pv_buf      before; /* the note before it, as it was at start */
    struct pv_why      why;
};

void pv_signer_client_init(struct pv_signer_client *client, int fd);
void pv_signer_client_clear(struct pv_signer_client *client);

/* What was signed last, and by which key: all of the fields above. Waits up to
   five seconds for a signer that is starting. */
enum pv_err pv_signer_last(struct pv_signer_client *client) PV_MUST_CHECK;

/* Have the tree of size leaves signed; waits as above. */
enum pv_err pv_signer_sign(struct pv_signer_client *client, uint64_t size,
                           const struct pv_hash         *root,
                           const struct pv_merkle_proof *proof) PV_MUST_CHECK;

/*
 * The same, and rights of an agency, in two steps of which none waits: ask, and
 * hear what was answered to any question. Several may be open at once; they are
 * answered in their order. PV_EAGAIN of asking: the socket is full.
 */
enum pv_err pv_signer_ask(struct pv_signer_client *client, uint64_t size,
                          const struct pv_hash         *root,
                          const struct pv_merkle_proof *proof) PV_MUST_CHECK;
enum pv_err pv_signer_ask_rights(struct pv_signer_client     *client,
                                 const struct pv_rights_head *head,
                                 uint64_t *ret_id) PV_MUST_CHECK;

/* One answer; with a head the fields above are those of the new one. */
struct pv_signer_heard {
    uint64_t    id; /* of the question */
    bool        is_head;
    enum pv_err err; /* PV_EVERIFY: it refuses, ->why has its words */
    size_t      len; /* of rights */
    char        note[PV_SIGNER_NOTE_MAX];
};

enum pv_err pv_signer_hear(struct pv_signer_client *client,
                           struct pv_signer_heard  *ret) PV_MUST_CHECK;

#endif
