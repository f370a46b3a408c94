/*
 * check.h - check digits and other rules that a pattern cannot say.
 *
 * Each takes the text of one data item, whose pattern has matched already,
 * and says whether the rule holds; text of another shape does not hold.
 * The rules stand in catalogue/data_items.json, `check_rule`.
 *
 * Threads: any.  Blocks: never.
 */
#ifndef PV_CONTRACT_CHECK_H
#define PV_CONTRACT_CHECK_H

#include "base/slice.h"

typedef bool pv_check_fn(struct pv_slice text);

bool pv_check_national_id(struct pv_slice text); /* iran_national_id */
bool pv_check_legal_id(struct pv_slice text);    /* iran_legal_id */
bool pv_check_iban(struct pv_slice text);        /* iban_mod97 */
bool pv_check_bill_id(struct pv_slice text);     /* bill_id_mod11 */

bool pv_check_jalali_date(struct pv_slice text); /* a real day, 1300 to 1499 */
bool pv_check_time(struct pv_slice text);        /* RFC 3339, a real time */
bool pv_check_oid(struct pv_slice text);         /* arcs as X.660 allows */

/* The function a `check_function` names, or NULL. */
pv_check_fn *pv_check_find(struct pv_slice name);

#endif
