/* keeper_consent.c - consent numbers: given, judged, counted, taken back. */
#include <string.h>
#include <sys/random.h>

#include "base/due.h"
#include "connectord/keeper_private.h"

#define NUMBER_LABEL "payvand consent number 1"
#define PAIR_LABEL "payvand wrong numbers of consumer and person 1"
#define CONSUMER_LABEL "payvand wrong numbers of consumer 1"

/* Sixteen digits, each as likely as the others. */
static enum pv_err
draw(char number[PV_CONSENT_DIGITS])
{
    size_t len = 0;

    while (len < PV_CONSENT_DIGITS) {
        uint8_t byte;

        if (getrandom(&byte, 1, 0) != 1) {
            return PV_ESYS;
        }
        if (byte < 250) {
            number[len++] = (char)('0' + byte % 10);
        }
    }
    return PV_OK;
}

static enum pv_err
number_digest(const struct pv_keeper_store *store, size_t k,
              struct pv_slice number, struct keeper_digest *ret)
{
    return keeper_digest_of(store, k, NUMBER_LABEL, number, PV_LIT(""), ret);
}

/* The same time of the day, so many Jalali months on. */
static enum pv_err
end_of(int64_t when_ms, uint32_t months, int64_t *ret)
{
    struct pv_period period = {.months = (int)months};
    int64_t          day = pv_time_tehran_day(when_ms);
    int64_t          last;
    enum pv_err      err = pv_period_add(day, &period, 1, &last);

    if (err == PV_OK) {
        *ret = when_ms + (last - day) * PV_DAY_MS;
    }
    return err;
}

/* The row of the number, as one of the secrets wrote it. PV_ENOTFOUND. */
static enum pv_err
find(struct pv_keeper_store *store, const struct pv_keeper_ask *ask,
     int64_t row[4])
{
    enum pv_err err = PV_ENOTFOUND;

    for (size_t k = 0; err == PV_ENOTFOUND && k < store->secrets.count; k++) {
        struct keeper_digest number;
        struct keeper_digest person;
        struct keeper_value  value[] = {K_BLOB(&number), K_BLOB(&person),
                                        K_TEXT(ask->agency),
                                        K_TEXT(ask->service)};

        err = number_digest(store, k, ask->number, &number);
        if (err == PV_OK) {
            err = keeper_person(store, k, ask->person, &person);
        }
        if (err == PV_OK) {
            err = keeper_start(store, KEEPER_CONSENT_FIND, value,
                               sizeof(value) / sizeof(value[0]));
        }
        if (err == PV_OK) {
            err = keeper_step(store, KEEPER_CONSENT_FIND);
        }
        for (int i = 0; err == PV_OK && i < 4; i++) {
            row[i] = keeper_int(store, KEEPER_CONSENT_FIND, i);
        }
        keeper_done(store, KEEPER_CONSENT_FIND);
    }
    return err;
}

enum pv_err
pv_consent_issue(struct pv_keeper_store        *store,
                 const struct pv_consent_terms *terms, int64_t when_ms,
                 char number[PV_CONSENT_DIGITS], int64_t *ret_ends_ms)
{
    struct keeper_digest person;
    struct keeper_digest digest;
    int64_t              ends_ms;
    enum pv_err          err = end_of(when_ms, terms->months, &ends_ms);

    if (err == PV_OK) {
        err = keeper_person(store, 0, terms->person, &person);
    }
    if (err == PV_OK) {
        err = draw(number); /* one of 10^16: a double is refused by the table */
    }
    if (err == PV_OK) {
        err = number_digest(
            store, 0, (struct pv_slice){number, PV_CONSENT_DIGITS}, &digest);
    }
    if (err == PV_OK) {
        struct keeper_value value[] = {
            K_BLOB(&digest),        K_BLOB(&person),
            K_TEXT(terms->agency),  K_TEXT(terms->service),
            K_TEXT(terms->purpose), K_INT(when_ms),
            K_INT(ends_ms),         K_INT(terms->uses)};

        err = keeper_run(store, KEEPER_CONSENT_ADD, value,
                         sizeof(value) / sizeof(value[0]));
    }
    if (err == PV_OK) {
        *ret_ends_ms = ends_ms;
    }
    return err;
}

/* ---- wrong numbers ---- */

static enum pv_err
count_of(struct pv_keeper_store *store, enum keeper_stmt stmt,
         const struct keeper_value *value, size_t count, int64_t *ret)
{
    enum pv_err err = keeper_start(store, stmt, value, count);

    *ret = 0;
    if (err == PV_OK) {
        err = keeper_step(store, stmt);
    }
    if (err == PV_OK) {
        *ret = keeper_int(store, stmt, 0);
    }
    keeper_done(store, stmt);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

struct wrong {
    struct keeper_digest pair;
    struct keeper_digest consumer;
};

static enum pv_err
wrong_init(const struct pv_keeper_store *store, size_t k,
           const struct pv_keeper_ask *ask, struct wrong *wrong)
{
    enum pv_err err = keeper_digest_of(store, k, PAIR_LABEL, ask->consumer,
                                       ask->person, &wrong->pair);

    return err == PV_OK
               ? keeper_digest_of(store, k, CONSUMER_LABEL, ask->consumer,
                                  PV_LIT(""), &wrong->consumer)
               : err;
}

/* Another secret gives nobody more tries: the counts of all are added. */
static enum pv_err
is_limited(struct pv_keeper_store *store, const struct pv_keeper_ask *ask,
           int64_t when_ms, bool *ret)
{
    int64_t     of_pair = 0;
    int64_t     of_consumer = 0;
    enum pv_err err = PV_OK;

    for (size_t k = 0; err == PV_OK && k < store->secrets.count; k++) {
        struct wrong        wrong;
        struct keeper_value pair[] = {K_BLOB(&wrong.pair),
                                      K_INT(when_ms - PV_WRONG_DAY_MS)};
        struct keeper_value consumer[] = {K_BLOB(&wrong.consumer),
                                          K_INT(when_ms - PV_WRONG_DAY_MS)};
        int64_t             count[2] = {0, 0};

        err = wrong_init(store, k, ask, &wrong);
        if (err == PV_OK) {
            err = count_of(store, KEEPER_WRONG_GET, pair, 2, &count[0]);
        }
        if (err == PV_OK) {
            err = count_of(store, KEEPER_WRONG_GET, consumer, 2, &count[1]);
        }
        of_pair += count[0];
        of_consumer += count[1];
    }
    *ret = of_pair >= PV_WRONG_PAIR_MAX || of_consumer >= PV_WRONG_CONSUMER_MAX;
    return err;
}

static enum pv_err
note_wrong(struct pv_keeper_store *store, const struct pv_keeper_ask *ask,
           int64_t when_ms)
{
    struct wrong                wrong;
    const struct keeper_digest *who[] = {&wrong.pair, &wrong.consumer};
    enum pv_err                 err = wrong_init(store, 0, ask, &wrong);

    for (int i = 0; err == PV_OK && i < 2; i++) {
        struct keeper_value value[] = {K_BLOB(who[i]), K_INT(when_ms),
                                       K_INT(when_ms - PV_WRONG_DAY_MS)};

        err = keeper_run(store, KEEPER_WRONG_SET, value, 3);
    }
    return err;
}

/* ---- a call ---- */

/* Is it the first hold of its call? One that came twice counts once. */
static bool
is_first(const struct pv_keeper_store *store, size_t at)
{
    const struct keeper_hold *hold = &store->hold[at];

    for (size_t i = 0; i < at; i++) {
        const struct keeper_hold *other = &store->hold[i];

        if (other->consent == hold->consent &&
            strcmp(other->tracking_id, hold->tracking_id) == 0 &&
            strcmp(other->path, hold->path) == 0) {
            return false;
        }
    }
    return true;
}

/*
 * What is counted and held; *ret_counted: this very call is counted already,
 * *ret_again: or held.
 */
static enum pv_err
count_uses(struct pv_keeper_store *store, int64_t consent,
           const struct pv_keeper_ask *ask, int64_t *ret_count,
           bool *ret_counted, bool *ret_again)
{
    struct keeper_value value[] = {K_INT(consent), K_TEXT(ask->path),
                                   K_TEXT(ask->tracking_id)};
    int64_t             found = 0;
    enum pv_err         err =
        ask->shared
                    ? count_of(store, KEEPER_USED_COUNT, value, 1, ret_count)
                    : count_of(store, KEEPER_USED_COUNT_PATH, value, 2, ret_count);

    if (err == PV_OK) {
        err = count_of(store, KEEPER_USED_FIND, value, 3, &found);
    }
    if (err != PV_OK) {
        return err;
    }
    *ret_counted = found > 0;
    *ret_again = *ret_counted;
    for (size_t i = 0; i < store->hold_count; i++) {
        const struct keeper_hold *hold = &store->hold[i];
        bool same_path = pv_slice_eq(pv_slice_from(hold->path), ask->path);

        if (hold->consent != consent || !hold->counts || !is_first(store, i)) {
            continue;
        }
        *ret_count += ask->shared || same_path;
        if (same_path &&
            pv_slice_eq(pv_slice_from(hold->tracking_id), ask->tracking_id)) {
            *ret_again = true;
        }
    }
    return PV_OK;
}

static enum pv_err
hold_use(struct pv_keeper_store *store, uint64_t call, int64_t consent,
         const struct pv_keeper_ask *ask, bool counts)
{
    struct keeper_hold *hold = &store->hold[store->hold_count];
    enum pv_err         err;

    if (store->hold_count == PV_HOLDS_MAX) {
        return PV_EFULL;
    }
    hold->call = call;
    hold->consent = consent;
    hold->counts = counts;
    err = pv_slice_to_cstr(ask->path, hold->path, sizeof(hold->path));
    if (err == PV_OK) {
        err = pv_slice_to_cstr(ask->tracking_id, hold->tracking_id,
                               sizeof(hold->tracking_id));
    }
    store->hold_count += err == PV_OK;
    return err;
}

/* The number is the person's, the agency's and the service's. */
static enum pv_err
judge_known(struct pv_keeper_store *store, uint64_t call,
            const struct pv_keeper_ask *ask, const int64_t row[4],
            int64_t when_ms, enum pv_consent_verdict *ret)
{
    int64_t     limit = row[2] < ask->uses ? row[2] : ask->uses;
    int64_t     count;
    bool        counted;
    bool        again;
    enum pv_err err;

    if (row[3] != 0) {
        *ret = PV_CONSENT_WITHDRAWN;
        return PV_OK;
    }
    if (when_ms >= row[1]) {
        *ret = PV_CONSENT_EXPIRED;
        return PV_OK;
    }
    err = count_uses(store, row[0], ask, &count, &counted, &again);
    if (err == PV_OK && !again && count >= limit) {
        *ret = PV_CONSENT_USED_UP;
        return PV_OK;
    }
    if (err == PV_OK) {
        err = hold_use(store, call, row[0], ask, !counted);
    }
    if (err == PV_OK) {
        *ret = PV_CONSENT_OK;
    }
    return err;
}

enum pv_err
pv_consent_judge(struct pv_keeper_store *store, uint64_t call,
                 const struct pv_keeper_ask *ask, int64_t when_ms,
                 enum pv_consent_verdict *ret)
{
    int64_t     row[4];
    bool        limited;
    enum pv_err err = is_limited(store, ask, when_ms, &limited);

    if (err != PV_OK) {
        return err;
    }
    if (limited) {
        *ret = PV_CONSENT_LIMITED;
        return PV_OK;
    }
    err = find(store, ask, row);
    if (err == PV_ENOTFOUND) {
        err = note_wrong(store, ask, when_ms);
        if (err == PV_OK) {
            *ret = PV_CONSENT_UNKNOWN;
        }
        return err;
    }
    return err == PV_OK ? judge_known(store, call, ask, row, when_ms, ret)
                        : err;
}

static struct keeper_hold *
find_hold(struct pv_keeper_store *store, uint64_t call)
{
    for (size_t i = 0; i < store->hold_count; i++) {
        if (store->hold[i].call == call) {
            return &store->hold[i];
        }
    }
    return NULL;
}

void
pv_consent_release(struct pv_keeper_store *store, uint64_t call)
{
    struct keeper_hold *hold = find_hold(store, call);

    if (hold != NULL) {
        *hold = store->hold[--store->hold_count];
    }
}

enum pv_err
pv_consent_settle(struct pv_keeper_store *store, uint64_t call, bool counts,
                  int64_t when_ms)
{
    const struct keeper_hold *hold = find_hold(store, call);
    enum pv_err               err = PV_OK;

    if (hold != NULL && counts && hold->counts) {
        struct keeper_value value[] = {
            K_INT(hold->consent), K_TEXT(pv_slice_from(hold->path)),
            K_TEXT(pv_slice_from(hold->tracking_id)), K_INT(when_ms)};

        err = keeper_run(store, KEEPER_USED_ADD, value,
                         sizeof(value) / sizeof(value[0]));
    }
    pv_consent_release(store, call);
    return err;
}

/* ---- for the person ---- */

/* Of one digest, and no more than *room rows. */
static enum pv_err
list_of(struct pv_keeper_store *store, const struct keeper_digest *person,
        int64_t *room, pv_consent_row_fn *fn, void *context)
{
    const enum keeper_stmt stmt = KEEPER_CONSENT_LIST;
    struct keeper_value    value[] = {K_BLOB(person), K_INT(*room)};
    enum pv_err            err = keeper_start(store, stmt, value, 2);

    while (err == PV_OK && (err = keeper_step(store, stmt)) == PV_OK) {
        struct pv_consent_row row = {
            keeper_int(store, stmt, 0),  keeper_text(store, stmt, 1),
            keeper_text(store, stmt, 2), keeper_text(store, stmt, 3),
            keeper_int(store, stmt, 4),  keeper_int(store, stmt, 5),
            keeper_int(store, stmt, 6),  keeper_int(store, stmt, 7),
            keeper_int(store, stmt, 8)};

        err = fn(context, &row);
        (*room)--;
    }
    keeper_done(store, stmt);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/* A newer secret gave all that are newer. */
enum pv_err
pv_consent_list(struct pv_keeper_store *store, struct pv_slice person,
                pv_consent_row_fn *fn, void *context)
{
    int64_t     room = PV_CONSENT_LIST_MAX;
    enum pv_err err = PV_OK;

    for (size_t k = 0; err == PV_OK && k < store->secrets.count; k++) {
        struct keeper_digest digest;

        err = keeper_person(store, k, person, &digest);
        if (err == PV_OK && room > 0) {
            err = list_of(store, &digest, &room, fn, context);
        }
    }
    return err;
}

enum pv_err
pv_consent_withdraw(struct pv_keeper_store *store, struct pv_slice person,
                    int64_t id, int64_t when_ms)
{
    enum pv_err err = PV_ENOTFOUND;

    for (size_t k = 0; err == PV_ENOTFOUND && k < store->secrets.count; k++) {
        struct keeper_digest digest;
        struct keeper_value  value[] = {K_INT(when_ms), K_BLOB(&digest),
                                        K_INT(id)};

        err = keeper_person(store, k, person, &digest);
        if (err == PV_OK) {
            err = keeper_start(store, KEEPER_CONSENT_WITHDRAW, value, 3);
        }
        if (err == PV_OK) {
            err = keeper_step(store, KEEPER_CONSENT_WITHDRAW);
        }
        keeper_done(store, KEEPER_CONSENT_WITHDRAW);
    }
    return err;
}
