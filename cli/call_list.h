/*
 * call_list.h - a list longer than one answer, page by page (payvand.h).
 *
 * Each row goes to standard output as a line of JSON when its page has been
 * looked at; nothing but one page is held. The last line, {"whole":{"rows":N,
 * "calls":N}}, comes only when the list is whole: a list that broke off cannot
 * be taken for a shorter one.
 */
#ifndef PV_CLI_CALL_LIST_H
#define PV_CLI_CALL_LIST_H

#include <stdint.h>

#include "base/slice.h"
#include "client/payvand.h"

struct pv_call_list {
    uint64_t rows;
    uint64_t calls;
    bool     is_whole;
    bool     is_printed; /* false: standard output took not all of it */
};

/* What the last call came to; it is to be looked at unless is_whole. */
enum payvand_result pv_call_list_run(struct payvand_call *call,
                                     struct pv_slice      body,
                                     struct pv_call_list *ret);

#endif
