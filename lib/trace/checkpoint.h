/*
 * checkpoint.h - the text that a log signs (C2SP tlog-checkpoint).
 *
 *   origin "\n"              the log's name: no spaces, no plus
 *   size "\n"                leaves, decimal
 *   base64(root) "\n"
 *   [extension "\n"]...      taken from others; our logs write none
 *
 * It is the text of a signed note (note.h). Threads: any.  Blocks: never.
 */
#ifndef PV_TRACE_CHECKPOINT_H
#define PV_TRACE_CHECKPOINT_H

#include "merkle/merkle.h"
#include "trace/note.h"

#define PV_ORIGIN_MAX PV_NOTE_NAME_MAX
#define PV_CHECKPOINT_TEXT_MAX (PV_ORIGIN_MAX + 80) /* of ours */
/* a note with the log's signature and those of 16 witnesses */
#define PV_CHECKPOINT_NOTE_MAX 8192

struct pv_checkpoint {
    struct pv_slice origin; /* borrowed */
    uint64_t        size;
    struct pv_hash  root;
    struct pv_slice extensions; /* lines; empty in a checkpoint of ours */
};

/*
 * Read a note's text. PV_EINVAL: breaks the grammar; PV_ERANGE: size past
 * PV_MERKLE_SIZE_MAX.
 * Law: what is parsed is written again to the same bytes.
 */
enum pv_err pv_checkpoint_parse(struct pv_slice       text,
                                struct pv_checkpoint *ret) PV_MUST_CHECK;

/* Write the text behind what out holds. PV_EINVAL: origin is not a line. */
enum pv_err pv_checkpoint_write(const struct pv_checkpoint *checkpoint,
                                struct pv_buf              *out) PV_MUST_CHECK;

/*
 * Read a note that key signed: pv_note_parse, pv_note_verify, then the text,
 * whose origin must be the key's name; size 0 has the empty tree's root.
 * Anything but PV_OK means that nothing of it may be used. ret_note (may be
 * NULL) is the note, for cosignatures.
 */
enum pv_err pv_checkpoint_open(struct pv_slice           bytes,
                               const struct pv_note_key *key,
                               struct pv_checkpoint     *ret,
                               struct pv_note *ret_note) PV_MUST_CHECK;

/*
 * Write text, empty line and signature: a whole note. The secret is the
 * log's, key is of PV_NOTE_ED25519.
 */
enum pv_err pv_checkpoint_sign(const struct pv_checkpoint *checkpoint,
                               const struct pv_note_key   *key,
                               struct pv_ed25519          *secret,
                               struct pv_buf              *out) PV_MUST_CHECK;

/* How many of the keys cosigned; each counts once. PV_EVERIFY as verify. */
enum pv_err pv_checkpoint_cosigned(const struct pv_note     *note,
                                   const struct pv_note_key *witness,
                                   size_t count, size_t *ret) PV_MUST_CHECK;

#endif
