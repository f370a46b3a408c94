#include "policy/scan.h"

#include <string.h>

void
pv_scan_start(struct pv_scan *scan, MDB_cursor *cursor)
{
    scan->cursor = cursor;
    scan->started = false;
}

enum pv_err
pv_scan_next(struct pv_scan *scan)
{
    MDB_cursor_op op = scan->started ? MDB_NEXT : MDB_SET_RANGE;
    enum pv_err   err;

    if (!scan->started) {
        scan->key = (MDB_val){scan->prefix.len, scan->prefix.bytes};
        scan->started = true;
    }
    err = pv_db_err(mdb_cursor_get(scan->cursor, &scan->key, &scan->value, op));
    if (err != PV_OK) {
        return err;
    }
    if (scan->key.mv_size < scan->prefix.len ||
        memcmp(scan->key.mv_data, scan->prefix.bytes, scan->prefix.len) != 0) {
        return PV_ENOTFOUND;
    }
    return PV_OK;
}

enum pv_err
pv_scan_row(const struct pv_scan *scan, enum pv_row_kind kind, void *ret_row)
{
    return pv_row_read(kind, scan->key.mv_data, scan->key.mv_size,
                       scan->value.mv_data, scan->value.mv_size, ret_row);
}

void
pv_grant_scan_start(struct pv_grant_scan *scan, MDB_cursor *cursor)
{
    scan->cursor = cursor;
    scan->sought = false;
    scan->opened = false;
    scan->ended = false;
}

/* Only a bundle whose key has the prefix may have more of it behind it. */
static enum pv_err
seek(struct pv_grant_scan *scan)
{
    MDB_cursor_op    op = scan->sought ? MDB_NEXT : MDB_SET_RANGE;
    struct pv_bundle bundle;
    enum pv_err      err;

    if (scan->ended ||
        (scan->sought && memcmp(scan->key.mv_data, scan->prefix.bytes,
                                scan->prefix.len) != 0)) {
        return PV_ENOTFOUND;
    }
    if (!scan->sought) {
        scan->key = (MDB_val){scan->prefix.len, scan->prefix.bytes};
    }
    scan->sought = true;
    scan->opened = false;
    err = pv_db_err(mdb_cursor_get(scan->cursor, &scan->key, &scan->value, op));
    scan->ended = err != PV_OK;
    if (err == PV_OK) {
        bundle = pv_bundle_at(&scan->key, &scan->value);
        pv_bundle_ask(&bundle, &scan->prefix);
    }
    return err;
}

enum pv_err
pv_grant_scan_ask(struct pv_grant_scan *scan)
{
    enum pv_err err = seek(scan);

    return err == PV_ENOTFOUND ? PV_OK : err;
}

static enum pv_err
next_in_bundle(struct pv_grant_scan *scan)
{
    struct pv_bundle bundle = pv_bundle_at(&scan->key, &scan->value);
    enum pv_err      err;

    if (!scan->opened) {
        err = pv_bundle_part_of(&bundle, &scan->prefix, &scan->part);
        if (err != PV_OK) {
            return err;
        }
        scan->opened = true;
        scan->at = 0;
    }
    return pv_bundle_next(&scan->part, &scan->prefix, &scan->at, &scan->row);
}

enum pv_err
pv_grant_scan_next(struct pv_grant_scan *scan)
{
    enum pv_err err = scan->sought ? PV_OK : seek(scan);

    if (scan->ended) {
        return err != PV_OK ? err : PV_ENOTFOUND;
    }
    while (err == PV_OK) {
        err = next_in_bundle(scan);
        if (err != PV_ENOTFOUND) {
            return err;
        }
        err = seek(scan);
    }
    return err;
}
