/*
 * pattern.h - the part of ECMA-262 regular expressions that data items use,
 * matched in time linear in the text.
 *
 * Grammar: ^ first and $ last; literals, `.` (no line end), [classes] with
 * ranges and ^, \d \w \s \S \xHH and escaped punctuation, ( | ) groups, and
 * ? * + {n} {n,} {n,m}. A `|` stands only inside a group. Anything else is
 * refused when the pattern is compiled. Text is UTF-8 and counted in code
 * points; text that is not UTF-8 never matches.
 *
 * Ownership: the pattern owns its program and its scratch room.
 * Threads:   one owner at a time (matching uses the scratch room).
 * Blocks:    never.    Limits: the maxima below.
 */
#ifndef PV_CONTRACT_PATTERN_H
#define PV_CONTRACT_PATTERN_H

#include "base/slice.h"

#define PV_PATTERN_TEXT_MAX 512   /* bytes of the expression */
#define PV_PATTERN_STEPS_MAX 8192 /* instructions after expanding {n,m} */
#define PV_PATTERN_REPEAT_MAX 4096
#define PV_PATTERN_DEPTH_MAX 16 /* nested groups */

struct pv_pattern;

/* PV_EINVAL: outside the grammar; PV_ERANGE: past a maximum; PV_ENOMEM. */
enum pv_err pv_pattern_new(struct pv_slice text, struct pv_pattern **ret,
                           struct pv_why *why) PV_MUST_CHECK;
void        pv_pattern_free(struct pv_pattern *pattern);

/* Whether all of text matches. */
bool pv_pattern_matches(struct pv_pattern *pattern, struct pv_slice text);

#endif
