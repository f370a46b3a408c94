/*
 * utf8.h - walking UTF-8 text (RFC 3629).
 *
 * Threads: any.  Blocks: never.
 */
#ifndef PV_BASE_UTF8_H
#define PV_BASE_UTF8_H

#include "base/slice.h"

/*
 * Take one code point off the front of text. False at the end and on bytes
 * that are not UTF-8 (overlong forms and surrogates are not).
 */
bool pv_utf8_next(struct pv_slice *text, uint32_t *ret);

bool pv_utf8_is_valid(struct pv_slice text);

#endif
