/*
 * receipt_list.h - several receipts, asked for in lists. What the reader had no
 * time for, and says so, is asked for again; what no checkpoint covers yet,
 * too.
 *
 * Blocks: until the answers, and at most wait_ms more.
 */
#ifndef PV_CLI_RECEIPT_LIST_H
#define PV_CLI_RECEIPT_LIST_H

#include "trace_client.h"

#define PV_RECEIPT_LIST_MAX 50 /* ids; as a reader takes them */

/*
 * Lines of receipts behind out, in no order; *ret_missing: how many there are
 * not, or not for whoever asks. ids are tracking ids. An exit code; the words
 * were said to stderr.
 */
int pv_receipt_list(struct pv_client *client, const char *const *ids,
                    size_t count, int64_t wait_ms, struct pv_buf *out,
                    size_t *ret_missing);

#endif
