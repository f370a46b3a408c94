/*
 * payvand-bench-store WHERE COUNT LEN RATE - bare commits of a database: one
 * row of LEN bytes each, durable, RATE a second on average (0: one after the
 * other). WHERE as in payvand-registryd --store. Prints how long each took, ms.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"
#include "store/store.h"

#define COUNT_MAX 100000
#define LEN_MAX 65536

static _Noreturn void
fail(const char *what)
{
    (void)fprintf(stderr, "payvand-bench-store: %s\n", what);
    exit(1);
}

static double
now_s(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail */
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t
number(const char *text, uint64_t max)
{
    uint64_t n = 0;

    if (pv_slice_to_u64(pv_slice_from(text), max, &n) != PV_OK) {
        fail(text);
    }
    return n;
}

static double
commit_ms(struct pv_store *store, uint64_t i, size_t len)
{
    static char     text[LEN_MAX];
    char            name[PV_U64_TEXT_MAX];
    struct pv_value row[] = {
        PV_TEXT(((struct pv_slice){name, pv_u64_text(i, name)})),
        PV_TEXT(((struct pv_slice){text, len}))};
    double start = now_s();

    memset(text, 'x', len);
    /* a row that is as before would not be written */
    (void)pv_u64_text((uint64_t)(start * 1e6), text);
    if (pv_store_begin(store) != PV_OK ||
        pv_store_run(store, PV_STMT_META_SET, row, 2, NULL, NULL) != PV_OK ||
        pv_store_commit(store) != PV_OK) {
        fail(pv_store_why(store));
    }
    return (now_s() - start) * 1000;
}

/* As calls come: the pauses between them are exponential. */
static void
wait_some(uint64_t rate)
{
    double          s = -log((double)(arc4random() + 1.0) / 4294967297.0);
    struct timespec wait;

    if (rate > 0) {
        s /= (double)rate;
        wait.tv_sec = (time_t)s;
        wait.tv_nsec = (long)((s - (double)wait.tv_sec) * 1e9);
        (void)nanosleep(&wait, NULL); /* shorter is as good */
    }
}

int
main(int argc, char **argv)
{
    static double    ms[COUNT_MAX];
    struct pv_store *store = NULL;
    struct pv_why    why = {.text = ""};
    uint64_t         count;
    size_t           len;
    uint64_t         rate;

    if (argc != 5) {
        fail("WHERE COUNT LEN RATE");
    }
    count = number(argv[2], COUNT_MAX);
    len = (size_t)number(argv[3], LEN_MAX);
    rate = number(argv[4], 1000000);
    if (count == 0 || len < PV_U64_TEXT_MAX) {
        fail("COUNT from 1, LEN from 20");
    }
    if (pv_store_open(argv[1], &store, &why) != PV_OK) {
        fail(why.text);
    }
    for (uint64_t i = 0; i < count; i++) {
        wait_some(rate);
        ms[i] = commit_ms(store, i, len);
    }
    pv_store_close(store);
    (void)printf("[");
    for (uint64_t i = 0; i < count; i++) {
        (void)printf("%s%.4f", i == 0 ? "" : ",", ms[i]);
    }
    (void)printf("]\n"); /* a loss shows */
    return 0;
}
