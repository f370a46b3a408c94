/*
 * item_check.h - what lib/contract knows of data items, for the registry;
 * apart, because both speak of checks. Threads: any. Blocks: never.
 */
#ifndef PV_REGISTRYD_ITEM_CHECK_H
#define PV_REGISTRYD_ITEM_CHECK_H

#include "base/slice.h"

/* Is there a check of that name, "iran_national_id"? */
bool pv_item_check_is_known(struct pv_slice name);

/* Arcs as X.660 allows: 2.16.364.1 */
bool pv_item_is_oid(struct pv_slice text);

#endif
