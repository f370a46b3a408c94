/*
 * base64.h - base64 of RFC 4648 section 4, in its one canonical form.
 *
 * Canonical: padded, no line breaks, unused bits zero. So one text stands for
 * one run of bytes, and no byte of it can change unseen.
 *
 * Threads: any.  Blocks: never.
 */
#ifndef PV_BASE_BASE64_H
#define PV_BASE_BASE64_H

#include "base/slice.h"

/* Characters that len bytes need. */
#define PV_BASE64_LEN(len) (((size_t)(len) + 2) / 3 * 4)

/* Write PV_BASE64_LEN(len) characters at room, no NUL. */
void pv_base64_text(const uint8_t *bytes, size_t len, char *room);

/*
 * The bytes of text, at most room_len. PV_EINVAL: not canonical; PV_ERANGE:
 * more bytes than room_len.
 */
enum pv_err pv_base64_bytes(struct pv_slice text, uint8_t *room,
                            size_t room_len, size_t *ret_len) PV_MUST_CHECK;

/* As pv_base64_bytes, but exactly len bytes, otherwise PV_EINVAL. */
enum pv_err pv_base64_exactly(struct pv_slice text, uint8_t *room,
                              size_t len) PV_MUST_CHECK;

#endif
