/* volume.c - one hour against the same hour of the days before. */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "trace/rollup_sum.h"

#define HOUR_MS INT64_C(3600000)
#define HOURS (PV_VOLUME_DAYS + 1) /* 0 is the hour that is judged */

struct pair { /* one consumer and method */
    char    *text;
    size_t   consumer_len;
    size_t   method_len;
    uint64_t calls[HOURS];
    uint64_t refused[HOURS];
};

struct book {
    struct pair *pair; /* sorted by consumer and method */
    size_t       count;
    size_t       max;
    size_t       at; /* where the last one was found: they come in order */
    unsigned     hour;
    bool         any; /* a call came in this hour */
};

static struct pv_slice
consumer_of(const struct pair *pair)
{
    return (struct pv_slice){pair->text, pair->consumer_len};
}

static struct pv_slice
method_of(const struct pair *pair)
{
    return (struct pv_slice){pair->text + pair->consumer_len, pair->method_len};
}

static int
order_of(const struct pair *pair, const struct pv_rollup_sum *sum)
{
    int order = pv_slice_cmp(consumer_of(pair), sum->consumer);

    return order != 0 ? order : pv_slice_cmp(method_of(pair), sum->method);
}

static enum pv_err
insert(struct book *book, const struct pv_rollup_sum *sum)
{
    struct pair pair = {.consumer_len = sum->consumer.len,
                        .method_len = sum->method.len};

    if (book->count == book->max) {
        return PV_EFULL;
    }
    pair.text = malloc(sum->consumer.len + sum->method.len);
    if (pair.text == NULL) {
        return PV_ENOMEM;
    }
    memcpy(pair.text, sum->consumer.ptr, sum->consumer.len);
    memcpy(pair.text + sum->consumer.len, sum->method.ptr, sum->method.len);
    memmove(book->pair + book->at + 1, book->pair + book->at,
            (book->count - book->at) * sizeof(pair));
    book->pair[book->at] = pair;
    book->count++;
    return PV_OK;
}

static enum pv_err
add_sum(void *context, const struct pv_rollup_sum *sum)
{
    struct book *book = context;
    enum pv_err  err = PV_OK;

    while (book->at < book->count && order_of(&book->pair[book->at], sum) < 0) {
        book->at++;
    }
    if (book->at == book->count || order_of(&book->pair[book->at], sum) != 0) {
        err = insert(book, sum);
    }
    if (err == PV_OK) {
        book->any = true;
        book->pair[book->at].calls[book->hour] += sum->count;
        if (sum->outcome == PV_OUTCOME_REFUSED) {
            book->pair[book->at].refused[book->hour] += sum->count;
        }
    }
    return err;
}

static enum pv_err
note_any(void *context, const struct pv_rollup_cell *cell)
{
    bool *any = context;

    (void)cell; /* that there is one is enough */
    *any = true;
    return PV_OK;
}

static struct pv_volume_row
judge(const struct pair *pair, const bool with[HOURS], unsigned days)
{
    struct pv_volume_row row = {.consumer = consumer_of(pair),
                                .method = method_of(pair),
                                .calls = pair->calls[0],
                                .refused = pair->refused[0],
                                .usual_low = UINT64_MAX};

    for (unsigned i = 1; i < HOURS; i++) {
        if (!with[i]) {
            continue;
        }
        if (pair->calls[i] < row.usual_low) {
            row.usual_low = pair->calls[i];
        }
        if (pair->calls[i] > row.usual_high) {
            row.usual_high = pair->calls[i];
        }
        if (pair->refused[i] > row.usual_refused) {
            row.usual_refused = pair->refused[i];
        }
    }
    if (days == 0) {
        row.usual_low = 0;
    }
    if (days < PV_VOLUME_DAYS_MIN) {
        return row;
    }
    if (row.refused >= PV_VOLUME_REFUSED_MIN &&
        row.refused > PV_VOLUME_HIGH * row.usual_refused) {
        row.verdict = PV_VOLUME_HIGH_REFUSED;
    } else if (row.calls >= PV_VOLUME_CALLS_MIN &&
               row.calls > PV_VOLUME_HIGH * row.usual_high) {
        row.verdict = PV_VOLUME_HIGH_CALLS;
    } else if (row.usual_low >= PV_VOLUME_CALLS_MIN &&
               row.calls < row.usual_low / PV_VOLUME_LOW) {
        row.verdict = PV_VOLUME_LOW_CALLS;
    }
    return row;
}

static enum pv_err
read_hours(int dirfd, const struct pv_rollup_query *query, struct book *book,
           bool with[HOURS])
{
    struct pv_rollup_query hour = *query;
    enum pv_err            err = PV_OK;

    hour.step = PV_ROLLUP_ALL;
    hour.outcome = PV_OUTCOME_NONE;
    for (unsigned i = 0; err == PV_OK && i < HOURS; i++) {
        hour.from_ms = query->from_ms - (int64_t)i * PV_DAY_MS;
        hour.until_ms = hour.from_ms + HOUR_MS;
        book->hour = i;
        book->at = 0;
        book->any = false;
        if (hour.from_ms < 0) {
            continue;
        }
        err = pv_rollup_sums(dirfd, &hour, book->max, add_sum, book);
        if (err == PV_OK && !book->any) { /* were there calls of others? */
            err = pv_rollup_read(dirfd, hour.from_ms, hour.until_ms, note_any,
                                 &book->any);
        }
        with[i] = book->any;
    }
    return err;
}

enum pv_err
pv_rollup_volumes(int dirfd, const struct pv_rollup_query *query,
                  size_t rows_max, pv_volume_fn *fn, void *context,
                  unsigned *ret_days)
{
    struct book book = {.max = rows_max};
    bool        with[HOURS] = {false};
    unsigned    days = 0;
    enum pv_err err = PV_ENOMEM;

    if (rows_max > PV_ROLLUP_ROWS_MAX) {
        return PV_ERANGE;
    }
    book.pair = calloc(rows_max + 1, sizeof(*book.pair));
    if (book.pair != NULL) {
        err = read_hours(dirfd, query, &book, with);
    }
    for (unsigned i = 1; i < HOURS; i++) {
        days += with[i];
    }
    for (size_t i = 0; err == PV_OK && i < book.count; i++) {
        struct pv_volume_row row = judge(&book.pair[i], with, days);

        err = fn(context, &row);
    }
    if (err == PV_OK) {
        *ret_days = days;
    }
    for (size_t i = 0; i < book.count; i++) {
        free(book.pair[i].text);
    }
    free(book.pair);
    return err;
}

struct pv_slice
pv_volume_word(enum pv_volume volume)
{
    switch (volume) {
    case PV_VOLUME_USUAL:
        return PV_LIT("usual");
    case PV_VOLUME_HIGH_CALLS:
        return PV_LIT("high");
    case PV_VOLUME_HIGH_REFUSED:
        return PV_LIT("refused");
    case PV_VOLUME_LOW_CALLS:
        return PV_LIT("low");
    }
    return PV_LIT("usual");
}
