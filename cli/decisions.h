/*
 * decisions.h - asking payvand-registryd for decisions, and proving that they
 * stand in its signed log.
 *
 * Ownership: JSON and buffers are the caller's. Blocks: until the answer.
 */
#ifndef PV_CLI_DECISIONS_H
#define PV_CLI_DECISIONS_H

#include <jansson.h>

#include "trace/checkpoint.h"

/*
 * The JSON of a path, by printf; NULL in ret: there is none (404). PV_EPROTO:
 * the answer does not read; PV_ESYS: there is none. With words.
 */
enum pv_err pv_decisions_ask(const char *socket, json_t **ret,
                             struct pv_why *why, const char *format, ...)
    PV_PRINTF(4, 5) PV_MUST_CHECK;

/* The leaf of a decision: its document's canonical form. */
enum pv_err pv_decisions_leaf(struct pv_sha256 *sha, const json_t *document,
                              struct pv_hash *ret) PV_MUST_CHECK;

/*
 * Does an answer of GET proof/N show that the document stands in the log that
 * key signs? PV_EVERIFY, PV_EPROTO, PV_ENOTFOUND (no signed head covers it
 * yet) and what pv_checkpoint_open gives: it does not. The checkpoint borrows
 * from the answer.
 */
enum pv_err pv_decisions_verify(struct pv_sha256         *sha,
                                const struct pv_note_key *key,
                                const json_t *answer, const json_t *document,
                                struct pv_checkpoint *ret) PV_MUST_CHECK;

#endif
