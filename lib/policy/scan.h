/*
 * scan.h - the rows whose key starts with a prefix, one after another.
 * Private to lib/policy.
 *
 * Start, build the prefix, then next until PV_ENOTFOUND; the cursor is the
 * reader's and is renewed. What is found points into the map and ends with the
 * reader's transaction. Other errors: PV_ECORRUPT, PV_EDB.
 */
#ifndef PV_POLICY_SCAN_H
#define PV_POLICY_SCAN_H

#include "policy/bundle.h"
#include "policy/db.h"

/* Over the small tables. */
struct pv_scan {
    MDB_cursor   *cursor;
    struct pv_key prefix;
    MDB_val       key;
    MDB_val       value;
    bool          started;
};

void        pv_scan_start(struct pv_scan *scan, MDB_cursor *cursor);
enum pv_err pv_scan_next(struct pv_scan *scan) PV_MUST_CHECK;
enum pv_err pv_scan_row(const struct pv_scan *scan, enum pv_row_kind kind,
                        void *ret_row) PV_MUST_CHECK;

/* Over the grants, bundle by bundle. */
struct pv_grant_scan {
    MDB_cursor           *cursor;
    struct pv_key         prefix; /* agency and method at least */
    MDB_val               key;    /* the bundle, once it was sought */
    MDB_val               value;
    struct pv_bundle_part part;
    size_t                at;
    struct pv_bundle_row  row;
    bool                  sought;
    bool                  opened; /* the part is the bundle's */
    bool                  ended;
};

void pv_grant_scan_start(struct pv_grant_scan *scan, MDB_cursor *cursor);
/* Seek the first bundle and have memory bring it, while other things are done
 * before next. Nothing there is no error. */
enum pv_err pv_grant_scan_ask(struct pv_grant_scan *scan) PV_MUST_CHECK;
enum pv_err pv_grant_scan_next(struct pv_grant_scan *scan) PV_MUST_CHECK;

#endif
