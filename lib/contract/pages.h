/*
 * pages.h - lists longer than one answer: asked for page by page.
 *
 * A method with `pages` answers its rows in the order of one of their items,
 * the key, and only those behind the input that says where to go on. So the
 * next question is the same with the last key, and the list is whole when an
 * answer comes without rows. An answer is checked, signed and kept as any
 * other; its signature covers the question, and the question the key before:
 * the pages are a chain. A page that is short for whatever reason only makes
 * one more; a list that breaks off has no last answer.
 *
 * Keys of one list ascend without equals: whole numbers by their value,
 * everything else by its bytes. Both ends hold a page against that.
 *
 * Ownership: nothing is kept.  Threads: any.  Blocks: never.
 */
#ifndef PV_CONTRACT_PAGES_H
#define PV_CONTRACT_PAGES_H

#include "contract/answer.h"

/*
 * Rows as a backend gave them. after is empty on the first page. PV_EINVAL with
 * *ret_fault: a row without a key, or not behind the one before it. PV_OK for
 * a method without pages.
 */
enum pv_err pv_page_check_rows(const struct pv_method *method,
                               const struct pv_rows   *rows,
                               struct pv_slice         after,
                               struct pv_fault        *ret_fault) PV_MUST_CHECK;

/*
 * An answer that pv_reply_check has taken, to a question with this body. The
 * key of its last row is added to *last: nothing when the list is whole.
 * PV_EINVAL with *ret_fault as above, or PV_ENOMEM, PV_ERANGE.
 */
enum pv_err pv_page_check_reply(const struct pv_contract_method *method,
                                struct pv_slice                  question,
                                struct pv_slice answer, struct pv_buf *last,
                                struct pv_fault *ret_fault) PV_MUST_CHECK;

/*
 * Add the question for the page behind last to out: the same question with
 * another key. PV_EINVAL: question is no JSON object. PV_ENOMEM, PV_ERANGE.
 */
enum pv_err pv_page_next(const struct pv_contract_method *method,
                         struct pv_slice question, struct pv_slice last,
                         struct pv_buf *out) PV_MUST_CHECK;

#endif
