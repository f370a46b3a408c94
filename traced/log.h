/*
 * log.h - what the files of the log process share: the tree that follows the
 * journal, its signed checkpoints, and the files of the log's directory.
 *
 *   vkey         the log's public key and name (origin), one line
 *   tree/        hashes (trace/tiles.h)
 *   checkpoint   the published signed note; with witnesses the last one that
 *                enough of them cosigned
 *   checkpoint.log  with witnesses: the last one that the log signed
 *   checkpoints  kept ones, notes one behind the other: at least one an hour
 *                while there is something new, and one behind each pack's end
 *   published    decimal and line feed: leaves of the last one published, not
 *                synced, so perhaps an older number; an older `checkpoint` than
 *                that was put there by somebody
 *   status       JSON for people and `payvand status`; may be a second old
 */
#ifndef PV_TRACED_LOG_H
#define PV_TRACED_LOG_H

#include "children.h"
#include "courier.h"
#include "follow.h"
#include "signer_client.h"
#include "trace/tiles.h"

#define LOG_VKEY "vkey"
#define LOG_TREE "tree"
#define LOG_CHECKPOINT "checkpoint"
#define LOG_SIGNED "checkpoint.log"
#define LOG_KEPT "checkpoints"
#define LOG_PUBLISHED "published"
#define LOG_STATUS "status"

#define CHECKPOINT_MS 150 /* from the beginning of one to that of the next */
#define KEEP_EVERY_MS INT64_C(3600000)
#define KEEP_EVERY_LEAVES 65536 /* a pack */

struct log {
    struct log_state       *state;
    struct pv_sha256       *sha;
    struct pv_tiles        *tiles;
    int                     treefd;
    struct follow           follow;
    struct pv_signer_client signer;    /* what was signed last */
    bool                    witnessed; /* there is a witnesses file */
    bool public; /* `checkpoint` is there, at start: its */
    uint64_t           public_size;
    struct pv_hash     public_root;
    bool               written;  /* the last one signed stands in its file */
    int64_t            begun_ms; /* monotonic; when the last one was begun */
    struct pv_note_key witness[COURIER_WITNESSES_MAX];
    size_t             witness_count;
    size_t             quorum;
    /* on its way to the witnesses */
    struct pv_buf asked; /* its note */
    uint64_t      asked_size;
    int64_t       asked_ms; /* monotonic; 0: none is on its way */
    /* wall clock of the oldest leaf that is not yet ...; 0: none */
    int64_t new_ms;       /* signed */
    int64_t signed_ms;    /* asked for, of those signed */
    int64_t asked_new_ms; /* published, of those asked for */
    /* the files */
    uint64_t      kept_size;
    int64_t       kept_ms;     /* monotonic */
    int64_t       status_ms;   /* monotonic; when it was written last */
    uint64_t      status_size; /* and what it said was published */
    struct pv_why why;         /* why it does not go on */
};

/* ---- log_start.c: is what is there what was signed? ---------------------- */

/* PV_EVERIFY: it is not; ->why has the way out. Others: ->why too. */
enum pv_err log_start(struct log *log) PV_MUST_CHECK;

/* ---- log_publish.c: checkpoints, status ---------------------------------- */

/* The last one published is one of the last two signed. As above. */
enum pv_err log_check_published(struct log *log) PV_MUST_CHECK;
/*
 * With witnesses `checkpoint` may be older; it is of this tree all the same,
 * and none that was published after it is kept. Needs the tree. As above.
 */
enum pv_err log_check_public(struct log *log) PV_MUST_CHECK;
/* Write the last signed one to its file; ->written tells. */
void log_write_signed(struct log *log);
/* A note of size leaves for all to see. False: said, and to be tried again. */
bool log_publish(struct log *log, struct pv_slice note, uint64_t size);
void log_write_status(struct log *log, bool now);

/* ---- log_courier.c: witnesses -------------------------------------------- */

/* Read who they are, before the sandbox. PV_EINVAL ...; ->why. */
enum pv_err log_read_witnesses(struct log *log) PV_MUST_CHECK;

/* Ask for cosignatures of the last one signed, when none is on its way. */
void log_ask_witnesses(struct log *log);
/* Wait for words of the courier, at most so long, and act on them. */
void log_hear_courier(struct log *log, int wait_ms);

/* ---- log.c ----------------------------------------------------------------
 */

/* Hash the leaves of a commit from index `from` on into the tree. */
enum pv_err log_add_commit(struct log *log, const struct pv_commit_view *view,
                           uint64_t from) PV_MUST_CHECK;

#endif
