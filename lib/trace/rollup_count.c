/* rollup_count.c - calls, open and ended, counted into cells in memory. */
#include "trace/rollup_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define NONE UINT32_MAX
#define TENTH_MS 100

/* ---- keys -------------------------------------------------------------- */

static enum pv_err
table_new(struct pv_rollup_table *table, uint32_t size)
{
    uint32_t *slot = calloc(size, sizeof(*slot));

    if (slot == NULL) {
        return PV_ENOMEM;
    }
    free(table->slot);
    table->slot = slot;
    table->mask = size - 1;
    return PV_OK;
}

static uint32_t
hash_pair(struct pv_slice a, struct pv_slice b)
{
    uint64_t h = pv_hash64(a) * 31 + pv_hash64(b);

    return (uint32_t)(h ^ h >> 32);
}

static enum pv_err
keys_grow(struct pv_rollup *r)
{
    uint32_t              cap = r->key_cap == 0 ? 1024 : r->key_cap * 2;
    struct pv_rollup_key *key = realloc(r->key, cap * sizeof(*key));
    enum pv_err           err;

    if (key == NULL) {
        return PV_ENOMEM;
    }
    r->key = key;
    err = table_new(&r->keys, cap * 2);
    if (err != PV_OK) {
        return err;
    }
    r->key_cap = cap;
    for (uint32_t i = 0; i < r->key_count; i++) {
        uint32_t at = hash_pair(key[i].consumer, key[i].method) & r->keys.mask;

        while (r->keys.slot[at] != 0) {
            at = (at + 1) & r->keys.mask;
        }
        r->keys.slot[at] = i + 1;
    }
    return PV_OK;
}

static enum pv_err
key_make(struct pv_rollup *r, struct pv_slice consumer, struct pv_slice method)
{
    struct pv_rollup_key *key = &r->key[r->key_count];

    key->text = malloc(consumer.len + method.len);
    if (key->text == NULL) {
        return PV_ENOMEM;
    }
    memcpy(key->text, consumer.ptr, consumer.len);
    memcpy(key->text + consumer.len, method.ptr, method.len);
    key->consumer = (struct pv_slice){key->text, consumer.len};
    key->method = (struct pv_slice){key->text + consumer.len, method.len};
    r->key_count++;
    return PV_OK;
}

static enum pv_err
key_of(struct pv_rollup *r, struct pv_slice consumer, struct pv_slice method,
       uint32_t *ret_key)
{
    enum pv_err err = PV_OK;
    uint32_t    at;

    if (r->key_count == PV_ROLLUP_KEYS_MAX) { /* number 0 is that of "*" */
        *ret_key = 0;
        return PV_OK;
    }
    if (r->key_count == r->key_cap) {
        err = keys_grow(r);
    }
    if (err != PV_OK) {
        return err;
    }
    at = hash_pair(consumer, method) & r->keys.mask;
    for (; r->keys.slot[at] != 0; at = (at + 1) & r->keys.mask) {
        const struct pv_rollup_key *key = &r->key[r->keys.slot[at] - 1];

        if (pv_slice_eq(key->consumer, consumer) &&
            pv_slice_eq(key->method, method)) {
            *ret_key = r->keys.slot[at] - 1;
            return PV_OK;
        }
    }
    err = key_make(r, consumer, method);
    if (err == PV_OK) {
        *ret_key = r->key_count - 1;
        r->keys.slot[at] = r->key_count;
    }
    return err;
}

static enum pv_err
key_of_request(struct pv_rollup *r, const struct pv_request_record *q,
               uint32_t *ret_key)
{
    char            text[4 * (PV_RECORD_WORD_MAX + 1)];
    struct pv_slice part[] = {q->provider, q->service, q->version, q->method};
    size_t          len = 0;

    if (q->method.len == 0) {
        return key_of(r, q->consumer, PV_LIT("-"), ret_key);
    }
    for (size_t i = 0; i < 4; i++) {
        memcpy(text + len, part[i].ptr, part[i].len);
        len += part[i].len;
        text[len++] = '/';
    }
    return key_of(r, q->consumer, (struct pv_slice){text, len - 1}, ret_key);
}

/* ---- open calls -------------------------------------------------------- */

static uint32_t *
call_bucket(struct pv_rollup *r, uint64_t index)
{
    return &r->bucket[(index * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
                      (r->call_cap - 1)];
}

static void
call_chain(struct pv_rollup *r, uint32_t n)
{
    uint32_t *bucket = call_bucket(r, r->call[n].index);

    r->call[n].next = *bucket;
    *bucket = n;
}

static enum pv_err
calls_grow(struct pv_rollup *r)
{
    uint32_t               old = r->call_cap;
    uint32_t               cap = old == 0 ? 4096 : old * 2;
    struct pv_rollup_call *call = realloc(r->call, cap * sizeof(*call));
    uint32_t              *bucket;

    if (call == NULL) {
        return PV_ENOMEM;
    }
    r->call = call;
    bucket = malloc(cap * sizeof(*bucket));
    if (bucket == NULL) {
        return PV_ENOMEM;
    }
    free(r->bucket);
    r->bucket = bucket;
    memset(bucket, 0xff, cap * sizeof(*bucket));
    r->call_cap = cap;
    for (uint32_t n = r->oldest; n != NONE; n = call[n].newer) {
        call_chain(r, n);
    }
    for (uint32_t n = cap; n-- > old;) {
        call[n].next = r->call_free;
        r->call_free = n;
    }
    return PV_OK;
}

static void
call_close(struct pv_rollup *r, uint32_t n)
{
    struct pv_rollup_call *call = &r->call[n];
    uint32_t              *link = call_bucket(r, call->index);

    while (*link != n) {
        link = &r->call[*link].next;
    }
    *link = call->next;
    *(call->older == NONE ? &r->oldest : &r->call[call->older].newer) =
        call->newer;
    *(call->newer == NONE ? &r->newest : &r->call[call->newer].older) =
        call->older;
    call->next = r->call_free;
    r->call_free = n;
}

static uint32_t
call_find(struct pv_rollup *r, uint64_t index)
{
    uint32_t n = r->call_cap == 0 ? NONE : *call_bucket(r, index);

    while (n != NONE && r->call[n].index != index) {
        n = r->call[n].next;
    }
    return n;
}

static void give_up(struct pv_rollup *r, uint32_t n);

static enum pv_err
call_open(struct pv_rollup *r, uint64_t index, uint64_t minute, uint32_t key)
{
    uint32_t n;

    if (r->call_free == NONE && r->call_cap == PV_ROLLUP_OPEN_MAX) {
        give_up(r, r->oldest);
    }
    if (r->call_free == NONE) {
        enum pv_err err = calls_grow(r);

        if (err != PV_OK) {
            return err;
        }
    }
    n = r->call_free;
    r->call_free = r->call[n].next;
    r->call[n] = (struct pv_rollup_call){.index = index,
                                         .minute = minute,
                                         .key = key,
                                         .older = r->newest,
                                         .newer = NONE};
    *(r->newest == NONE ? &r->oldest : &r->call[r->newest].newer) = n;
    r->newest = n;
    call_chain(r, n);
    return PV_OK;
}

/* ---- cells ------------------------------------------------------------- */

static struct pv_rollup_item *
cell_of(struct pv_rollup *r, uint32_t key, enum pv_outcome outcome)
{
    uint32_t at;

    at = (key * 31 + (uint32_t)outcome) * 2654435761u & r->cells.mask;
    for (; r->cells.slot[at] != 0; at = (at + 1) & r->cells.mask) {
        struct pv_rollup_item *cell = &r->cell[r->cells.slot[at] - 1];

        if (cell->key == key && cell->outcome == outcome) {
            return cell;
        }
    }
    if (r->cell_count >= PV_ROLLUP_CELLS_MAX - PV_OUTCOME_END && key != 0) {
        return cell_of(r, 0, outcome); /* the last places are for "*" */
    }
    r->cell[r->cell_count] = (struct pv_rollup_item){
        .key = key, .outcome = outcome, .is_verify = true};
    r->cells.slot[at] = ++r->cell_count;
    return &r->cell[r->cell_count - 1];
}

void
pv_rollup_count_next(struct pv_rollup *r)
{
    for (uint32_t i = 0; i < r->cell_count; i++) {
        free(r->cell[i].histogram);
    }
    memset(r->cells.slot, 0, (r->cells.mask + 1) * sizeof(*r->cells.slot));
    r->cell_count = 0;
}

static void
count(struct pv_rollup *r, uint32_t key, enum pv_outcome outcome, uint64_t n)
{
    if (r->at >= r->from) { /* else it was, before the start */
        cell_of(r, key, outcome)->count += n;
    }
}

/* Its end did not come in time. */
static void
give_up(struct pv_rollup *r, uint32_t n)
{
    count(r, r->call[n].key, PV_OUTCOME_UNKNOWN, 1);
    call_close(r, n);
}

static enum pv_err
count_completion(struct pv_rollup *r, uint32_t key,
                 const struct pv_completion *c)
{
    struct pv_rollup_item *cell;

    if (r->at < r->from) {
        return PV_OK;
    }
    cell = cell_of(r, key, c->outcome);
    if (cell->histogram == NULL) {
        cell->histogram = calloc(1, sizeof(*cell->histogram));
        if (cell->histogram == NULL) {
            return PV_ENOMEM;
        }
    }
    cell->count++;
    if (c->forwarded_ms % TENTH_MS != 0 || c->first_ms % TENTH_MS != 0 ||
        c->last_ms % TENTH_MS != 0) {
        cell->is_verify = false;
    }
    if (c->forwarded_ms > 0 && c->last_ms >= c->forwarded_ms) {
        pv_histogram_add(cell->histogram, c->last_ms - c->forwarded_ms);
    }
    return PV_OK;
}

static int
compare_rows(const void *a, const void *b)
{
    const struct pv_rollup_row *x = a;
    const struct pv_rollup_row *y = b;
    int order = pv_slice_cmp(x->key->consumer, y->key->consumer);

    if (order == 0) {
        order = pv_slice_cmp(x->key->method, y->key->method);
    }
    if (order == 0) {
        order = pv_slice_cmp(pv_outcome_word(x->cell->outcome),
                             pv_outcome_word(y->cell->outcome));
    }
    return order;
}

void
pv_rollup_count_sort(struct pv_rollup *rollup)
{
    for (uint32_t i = 0; i < rollup->cell_count; i++) {
        rollup->row[i] = (struct pv_rollup_row){
            &rollup->key[rollup->cell[i].key], &rollup->cell[i]};
    }
    qsort(rollup->row, rollup->cell_count, sizeof(*rollup->row), compare_rows);
}

void
pv_rollup_count_late(struct pv_rollup *rollup)
{
    while (rollup->oldest != NONE &&
           rollup->call[rollup->oldest].minute + PV_ROLLUP_OPEN_MIN <
               rollup->minute) {
        give_up(rollup, rollup->oldest);
    }
}

/* ---- records ------------------------------------------------------------ */

static enum pv_err
add_completions(struct pv_rollup *r, const struct pv_record *record)
{
    struct pv_slice      rest = record->completions;
    struct pv_completion completion;
    enum pv_err          err = PV_OK;

    while (err == PV_OK &&
           pv_record_next_completion(&rest, &completion) == PV_OK) {
        uint32_t n = call_find(r, completion.of);

        if (n != NONE) { /* else it ended already, or was pruned */
            err = count_completion(r, r->call[n].key, &completion);
        }
        if (n != NONE && err == PV_OK) {
            call_close(r, n);
        }
    }
    return err;
}

enum pv_err
pv_rollup_count(struct pv_rollup *rollup, uint64_t minute,
                const struct pv_record *record)
{
    uint32_t    key = 0;
    enum pv_err err = PV_OK;

    switch (record->type) {
    case PV_RECORD_REQUEST:
        err = key_of_request(rollup, &record->request, &key);
        if (err != PV_OK) {
            break;
        }
        if (record->request.reason.len == 0) {
            err = call_open(rollup, rollup->at, minute, key);
        } else {
            count(rollup, key, pv_outcome_from_word(record->request.decision),
                  1);
        }
        break;
    case PV_RECORD_COMPLETIONS:
        err = add_completions(rollup, record);
        break;
    case PV_RECORD_REFUSALS:
        err = key_of(rollup, record->refusals.consumer, PV_LIT("-"), &key);
        if (err == PV_OK) {
            count(rollup, key, PV_OUTCOME_REFUSED, record->refusals.count);
        }
        break;
    case PV_RECORD_WORKER_LOST: /* its calls end by their age */
    case PV_RECORD_READING:
    case PV_RECORD_PRUNED:
        break;
    }
    return err;
}

/* ---- life -------------------------------------------------------------- */

enum pv_err
pv_rollup_count_init(struct pv_rollup *rollup)
{
    uint32_t    star;
    enum pv_err err;

    rollup->call_free = NONE;
    rollup->oldest = NONE;
    rollup->newest = NONE;
    rollup->cell = calloc(PV_ROLLUP_CELLS_MAX, sizeof(*rollup->cell));
    rollup->row = calloc(PV_ROLLUP_CELLS_MAX, sizeof(*rollup->row));
    if (rollup->cell == NULL || rollup->row == NULL) {
        return PV_ENOMEM;
    }
    err = table_new(&rollup->cells, 2 * PV_ROLLUP_CELLS_MAX);
    if (err == PV_OK) {
        err = key_of(rollup, PV_LIT("*"), PV_LIT("*"), &star); /* number 0 */
    }
    return err;
}

void
pv_rollup_count_clear(struct pv_rollup *rollup)
{
    for (uint32_t i = 0; i < rollup->cell_count; i++) {
        free(rollup->cell[i].histogram);
    }
    for (uint32_t i = 0; i < rollup->key_count; i++) {
        free(rollup->key[i].text);
    }
    free(rollup->key);
    free(rollup->keys.slot);
    free(rollup->call);
    free(rollup->bucket);
    free(rollup->cell);
    free(rollup->row);
    free(rollup->cells.slot);
}
