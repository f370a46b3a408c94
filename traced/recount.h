/* recount.h - count all answers again: --count-answers. */
#ifndef PV_TRACED_RECOUNT_H
#define PV_TRACED_RECOUNT_H

#include "options.h"

struct traced;

/* An exit code; what was found goes to stdout, what is wrong to stderr. */
int recount(struct traced *traced, const struct options *options);

#endif
