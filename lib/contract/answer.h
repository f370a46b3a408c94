/*
 * answer.h - rows from a backend, checked against the method's outputs, as
 * the JSON body of an answer.
 *
 *   yes-if-done {"result":"yes"} or {"result":"no"}
 *   yes-if-row  {"result":"yes"} or {"result":"no"}, both padded with blanks
 *               to pad_to bytes, so that their lengths are one
 *   record      {"found":"yes","a":"...","b":{"c":"..."}} or {"found":"no"};
 *               a command's has no "found", since it is only there when done
 *   rows        {"found":"yes","divisions":[{...}],"as_of":"..."}; without a
 *               row {"found":"no","divisions":[],"as_of":"..."}
 *
 * Where the contract says so, "coverage_from" and "determined_at", a
 * time in UTC, stand behind them. A null column is left out, and so is
 * one whose last day has passed. A column that is missing, undeclared
 * or not of its shape, and a row too many, are faults: the answer has failed.
 *
 * Ownership: the caller's. Threads: one owner at a time. Blocks: never.
 */
#ifndef PV_CONTRACT_ANSWER_H
#define PV_CONTRACT_ANSWER_H

#include "contract/coding.h"
#include "contract/service.h"

#define PV_ANSWER_MAX (1024 * 1024) /* bytes of a body */

struct pv_cell {
    bool            null;
    struct pv_slice text;
};

struct pv_rows {
    size_t           column_count;
    size_t           row_count;
    struct pv_slice *column; /* names */
    struct pv_cell  *cell;   /* row by row */
};

/*
 * Append the body to out. PV_EINVAL with *ret_fault for a breach of the
 * contract, PV_ERANGE past out's maximum, PV_ENOMEM. scalar is only read
 * where the method has a scalar statement; when_ms is now, by the wall clock.
 * order_token, which may be empty, goes with a yes. closed is a bit for
 * each column that is left out, of pv_method_closed; 0: all are sent. map is
 * that of the coding which was asked for (coding.h); NULL: the provider's own.
 */
enum pv_err pv_answer_build(const struct pv_method *method,
                            const struct pv_rows   *rows,
                            const struct pv_rows *scalar, int64_t when_ms,
                            struct pv_slice order_token, uint64_t closed,
                            const struct pv_code_map *map, struct pv_buf *out,
                            struct pv_fault *ret_fault) PV_MUST_CHECK;

/*
 * Which columns a right does not open: bit i is column i. open is the
 * array of names that it opens; NULL opens all. over is the array of those that
 * it opens no more, or NULL; it goes before open. A name opens the
 * output of that name and all below it. A column of a list is opened by "list",
 * "list.column" and, where no output beside the list begins with it, by
 * "column". A list without an open column is left out whole. What is no item of
 * data, as "found" or a verify's yes and no, is no column that can be closed.
 */
uint64_t pv_method_closed(const struct pv_method *method, const json_t *open,
                          const json_t *over);

#endif
