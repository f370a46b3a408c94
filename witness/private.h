/* private.h - what the files of witness/ share. */
#ifndef PV_WITNESS_PRIVATE_H
#define PV_WITNESS_PRIVATE_H

#include "daemon/file.h"
#include "witness.h"

#define HEX_LEN (2 * PV_HASH_LEN)
#define LOGS_TEXT_MAX ((size_t)PV_WITNESS_LOGS_MAX * 1024)

struct seen_log {
    struct pv_note_key key;
    char               hex[HEX_LEN + 1]; /* of SHA-256 of the origin */
    uint64_t           size;
    struct pv_hash     root;
    struct pv_buf      note; /* the last cosigned; empty: none */
};

struct pv_witness {
    int                dirfd;
    int                lockfd;
    int                seenfd; /* of the two folders */
    int                strangefd;
    bool               broken; /* what was seen may not be on disk */
    struct pv_note_key key;
    struct pv_ed25519 *secret;
    struct pv_sha256  *sha;
    size_t             log_count;
    struct seen_log    log[PV_WITNESS_LOGS_MAX];
};

/* What an add-checkpoint request says. */
struct add_request {
    uint64_t             old_size;
    struct pv_hash       proof[PV_WITNESS_PROOF_MAX];
    size_t               proof_count;
    struct pv_slice      bytes; /* of the note */
    struct pv_note       note;
    struct pv_checkpoint checkpoint;
};

/* "old N", hashes, an empty line, a note whose text is a checkpoint. (add.c) */
bool parse_add(struct pv_slice body, struct add_request *request);

/* Read lines `log VKEY`. PV_EINVAL: why has the line. (logs.c) */
enum pv_err read_logs(struct pv_witness *witness, struct pv_slice text,
                      struct pv_why *why) PV_MUST_CHECK;

/* Behind the others, of nothing seen. PV_EEXIST: its name is there. (logs.c) */
enum pv_err add_log(struct pv_witness *witness,
                    struct pv_slice    vkey) PV_MUST_CHECK;

/* As pv_witness_open, without what was seen. (open.c) */
enum pv_err open_unseen(int dirfd, struct pv_witness **ret,
                        struct pv_why *why) PV_MUST_CHECK;

#endif
