/*
 * document.h - a contract with the data items that it names, as one document
 * that is whole by itself: what a registry keeps of a version, and what
 * connectors are sent.
 *
 *   {"contract": a contract (contract.h),
 *    "data_items": [the items of its fields and of "never", and the members of
 *                   those that are a union; each once, with its example
 *                   where that is a text]}
 *
 * Its canonical text (RFC 8785: it has whole numbers alone) is named by its
 * SHA-256: the same contract over other data items has another name.
 *
 * Ownership: a loaded contract owns its data items; pv_contract_free.
 * Threads:   any. Blocks: never.
 */
#ifndef PV_CONTRACT_DOCUMENT_H
#define PV_CONTRACT_DOCUMENT_H

#include "contract/contract.h"

#define PV_DOCUMENT_BYTES_MAX ((size_t)512 * 1024)

/* The document of a contract that was read with items. PV_ENOMEM. */
enum pv_err pv_document_make(const struct pv_contract   *contract,
                             const struct pv_data_items *items,
                             json_t                    **ret) PV_MUST_CHECK;

/* PV_EINVAL, PV_EVERSION and words in why as pv_contract_load; PV_ENOMEM. */
enum pv_err pv_document_load(struct pv_slice text, struct pv_contract **ret,
                             struct pv_why *why) PV_MUST_CHECK;

#endif
