/* keeper_ledger.c - who asked about whom. */
#include "base/time.h"
#include "connectord/keeper_private.h"

enum pv_err
pv_ledger_add(struct pv_keeper_store *store, const struct pv_keeper_end *end,
              int64_t when_ms)
{
    int64_t         told_ms = when_ms + (int64_t)end->hidden_days * PV_DAY_MS;
    struct pv_slice left = end->persons;
    enum pv_err     err = PV_OK;

    for (uint32_t i = 0; err == PV_OK && i < end->person_count; i++) {
        struct keeper_digest digest;
        struct pv_slice      person;
        bool                 null;

        err = pv_take_text(&left, &null, &person);
        if (err == PV_OK) {
            err = keeper_person(store, 0, person, &digest);
        }
        if (err == PV_OK) {
            struct keeper_value value[] = {
                K_BLOB(&digest),          K_INT(when_ms),
                K_INT(told_ms),           K_TEXT(end->agency),
                K_TEXT(end->consumer),    K_TEXT(end->path),
                K_TEXT(end->tracking_id), K_TEXT(end->grant),
                K_TEXT(end->outcome)};

            err = keeper_run(store, KEEPER_LEDGER_ADD, value,
                             sizeof(value) / sizeof(value[0]));
        }
    }
    return err;
}

/* Of one digest, and no more than *room rows. */
static enum pv_err
list_of(struct pv_keeper_store *store, const struct keeper_digest *person,
        const struct keeper_value moment[3], int64_t *room,
        pv_ledger_row_fn *fn, void *context)
{
    const enum keeper_stmt stmt = KEEPER_LEDGER_LIST;
    struct keeper_value    value[] = {K_BLOB(person), moment[0], moment[1],
                                      moment[2], K_INT(*room)};
    enum pv_err            err = keeper_start(store, stmt, value, 5);

    while (err == PV_OK && (err = keeper_step(store, stmt)) == PV_OK) {
        struct pv_ledger_row row = {
            keeper_int(store, stmt, 0),  keeper_int(store, stmt, 1),
            keeper_text(store, stmt, 2), keeper_text(store, stmt, 3),
            keeper_text(store, stmt, 4), keeper_text(store, stmt, 5),
            keeper_text(store, stmt, 6), keeper_text(store, stmt, 7)};

        err = fn(context, &row);
        (*room)--;
    }
    keeper_done(store, stmt);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/* A newer secret wrote all that is newer. */
enum pv_err
pv_ledger_list(struct pv_keeper_store *store, struct pv_slice person, bool all,
               int64_t before_ms, int64_t when_ms, pv_ledger_row_fn *fn,
               void *context)
{
    const struct keeper_value moment[] = {K_INT(before_ms), K_INT(all ? 1 : 0),
                                          K_INT(when_ms)};
    int64_t                   room = PV_LEDGER_LIST_MAX;
    enum pv_err               err = PV_OK;

    for (size_t k = 0; err == PV_OK && k < store->secrets.count; k++) {
        struct keeper_digest digest;

        err = keeper_person(store, k, person, &digest);
        if (err == PV_OK && room > 0) {
            err = list_of(store, &digest, moment, &room, fn, context);
        }
    }
    return err;
}

enum pv_err
pv_ledger_sweep(struct pv_keeper_store *store, uint32_t keep_days,
                int64_t when_ms)
{
    static const enum keeper_stmt stmt[] = {
        KEEPER_LEDGER_SWEEP, KEEPER_USED_SWEEP, KEEPER_CONSENT_SWEEP};
    struct keeper_value before = K_INT(when_ms - keep_days * PV_DAY_MS);
    struct keeper_value day = K_INT(when_ms - PV_WRONG_DAY_MS);
    enum pv_err         err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < sizeof(stmt) / sizeof(stmt[0]);
         i++) {
        err = keeper_run(store, stmt[i], &before, 1);
    }
    return err == PV_OK ? keeper_run(store, KEEPER_WRONG_SWEEP, &day, 1) : err;
}
