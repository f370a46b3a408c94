/*
 * binary.h - bytes of a binary item: from hexadecimal text and base64 and
 * back, and whether they look like their media type.
 *
 * Ownership: the caller's buffers. Threads: any. Blocks: never.
 */
#ifndef PV_CONTRACT_BINARY_H
#define PV_CONTRACT_BINARY_H

#include "base/buf.h"

/* PV_EINVAL: not that text; PV_ERANGE: more bytes than bytes->max. */
enum pv_err pv_binary_from_hex(struct pv_slice hex,
                               struct pv_buf  *bytes) PV_MUST_CHECK;
enum pv_err pv_binary_from_base64(struct pv_slice text,
                                  struct pv_buf  *bytes) PV_MUST_CHECK;
enum pv_err pv_binary_to_base64(struct pv_slice bytes,
                                struct pv_buf  *text) PV_MUST_CHECK;

/*
 * Whether the first bytes are those of the type: image/jpeg, image/png,
 * application/pdf. Other types have no signature here: any bytes fit.
 */
bool pv_media_fits(struct pv_slice media, struct pv_slice bytes);

#endif
