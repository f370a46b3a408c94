/* test_rollup_sum.c - roll-ups added up, and what is unlike other days. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/rollup_sum.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define NOON (INT64_C(1789776000000) + 8 * HOUR + HOUR / 2) /* in Tehran */
#define DAYS 8
#define ROWS 100

struct scene {
    char              folder[64];
    int               dirfd;
    struct pv_rollup *rollup;
    uint64_t          index;
};

static void
scene_open(struct scene *scene)
{
    struct pv_why why;

    (void)snprintf(scene->folder, sizeof(scene->folder),
                   "/tmp/pv-sum-XXXXXX"); /* it fits */
    assert_non_null(mkdtemp(scene->folder));
    scene->dirfd = open(scene->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(pv_rollup_open(scene->dirfd, &scene->rollup, &why), PV_OK);
    scene->index = 0;
}

static void
scene_close(struct scene *scene)
{
    for (int64_t day = 20000; day < 21000; day++) {
        char name[PV_ROLLUP_NAME_LEN + 1];

        pv_rollup_name(day, name);
        (void)unlinkat(scene->dirfd, name, 0); /* most are not there */
    }
    (void)close(scene->dirfd); /* read-only */
    assert_int_equal(rmdir(scene->folder), 0);
}

/* So many calls, decided so, all at one moment. */
static void
calls(struct scene *scene, int64_t ms, const char *consumer,
      const char *decision, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct pv_record record = {.type = PV_RECORD_REQUEST};

        record.request.consumer = pv_slice_from(consumer);
        record.request.provider = PV_LIT("bank");
        record.request.service = PV_LIT("iban");
        record.request.version = PV_LIT("v1");
        record.request.method = PV_LIT("verify");
        record.request.decision = pv_slice_from(decision);
        record.request.reason = PV_LIT("no-grant");
        assert_int_equal(
            pv_rollup_add(scene->rollup, scene->index++, ms, &record), PV_OK);
    }
}

static void
scene_done(struct scene *scene)
{
    assert_int_equal(pv_rollup_tick(scene->rollup, NOON + 10 * DAY), PV_OK);
    pv_rollup_close(scene->rollup);
}

/* ---- sums -------------------------------------------------------------- */

struct seen {
    size_t   rows;
    uint64_t count;
    int64_t  begin_ms[ROWS];
};

static enum pv_err
see(void *context, const struct pv_rollup_sum *sum)
{
    struct seen *seen = context;

    seen->begin_ms[seen->rows++] = sum->begin_ms;
    seen->count += sum->count;
    return PV_OK;
}

static struct seen
sum_up(const struct scene *scene, struct pv_rollup_query query)
{
    struct seen seen = {0};

    query.from_ms = NOON;
    query.until_ms = NOON + 2 * DAY;
    assert_int_equal(pv_rollup_sums(scene->dirfd, &query, ROWS, see, &seen),
                     PV_OK);
    return seen;
}

static void
test_sums(void **state)
{
    struct scene           scene;
    struct seen            seen;
    struct pv_rollup_query query = {0};

    (void)state;
    scene_open(&scene);
    calls(&scene, NOON, "a", "refused", 3);
    calls(&scene, NOON + 60000, "a", "limited", 2);
    calls(&scene, NOON + 60000, "b", "refused", 1);
    calls(&scene, NOON + 2 * HOUR, "a", "refused", 4);
    calls(&scene, NOON + DAY, "a", "refused", 5);
    scene_done(&scene);

    query.step = PV_ROLLUP_MINUTE;
    seen = sum_up(&scene, query);
    assert_int_equal(seen.rows, 5);
    query.step = PV_ROLLUP_HOUR;
    seen = sum_up(&scene, query);
    assert_int_equal(seen.rows, 5);
    assert_int_equal(seen.count, 15);
    assert_int_equal(seen.begin_ms[0], NOON); /* Tehran's hours are half past */
    assert_int_equal(seen.begin_ms[3], NOON + 2 * HOUR);
    query.step = PV_ROLLUP_DAY;
    seen = sum_up(&scene, query);
    assert_int_equal(seen.rows, 4);
    assert_int_equal(seen.begin_ms[0], NOON - 12 * HOUR);
    query.step = PV_ROLLUP_ALL;
    seen = sum_up(&scene, query);
    assert_int_equal(seen.rows, 3);
    query.consumer = PV_LIT("a");
    assert_int_equal(sum_up(&scene, query).count, 14);
    query.outcome = PV_OUTCOME_LIMITED;
    assert_int_equal(sum_up(&scene, query).count, 2);
    query.provider = PV_LIT("bank");
    query.service = PV_LIT("iban");
    assert_int_equal(sum_up(&scene, query).count, 2);
    query.service = PV_LIT("other");
    assert_int_equal(sum_up(&scene, query).count, 0);
    scene_close(&scene);
}

static void
test_limits(void **state)
{
    struct scene           scene;
    struct seen            seen = {0};
    struct pv_rollup_query query = {.from_ms = NOON, .until_ms = NOON + DAY};

    (void)state;
    scene_open(&scene);
    calls(&scene, NOON, "a", "refused", 1);
    calls(&scene, NOON, "b", "refused", 1);
    scene_done(&scene);
    assert_int_equal(pv_rollup_sums(scene.dirfd, &query, 1, see, &seen),
                     PV_EFULL);
    assert_int_equal(seen.rows, 0);
    query.until_ms = NOON + PV_ROLLUP_SPAN_MAX_MS + 1;
    assert_int_equal(pv_rollup_sums(scene.dirfd, &query, ROWS, see, &seen),
                     PV_ERANGE);
    scene_close(&scene);
}

/* ---- volumes ----------------------------------------------------------- */

static enum pv_err
keep(void *context, const struct pv_volume_row *row)
{
    struct pv_volume_row *kept = context;

    if (pv_slice_eq(row->consumer, PV_LIT("a"))) {
        *kept = *row;
        kept->consumer = PV_LIT("a");
    }
    return PV_OK;
}

static void
test_volumes(void **state)
{
    static const struct {
        uint64_t       before[DAYS - 1]; /* calls of "a", the oldest first */
        uint64_t       limited;          /* in the hour */
        uint64_t       refused;
        bool           alone; /* nobody else called on the days before */
        enum pv_volume verdict;
        const char    *what;
    } row[] = {
        {{60, 60, 60, 60, 60, 60, 60},
         60,
         0,
         false,
         PV_VOLUME_USUAL,
         "finds an hour like the others usual"},
        {{60, 60, 60, 60, 60, 60, 60},
         180,
         0,
         false,
         PV_VOLUME_USUAL,
         "finds three times the most usual"},
        {{60, 60, 60, 60, 60, 60, 60},
         181,
         0,
         false,
         PV_VOLUME_HIGH_CALLS,
         "finds more than three times the most high"},
        {{0, 0, 0, 0, 0, 0, 0},
         49,
         0,
         false,
         PV_VOLUME_USUAL,
         "finds few calls usual, though there were none before"},
        {{0, 0, 0, 0, 0, 0, 0},
         50,
         0,
         false,
         PV_VOLUME_HIGH_CALLS,
         "finds many calls of a new caller high"},
        {{0, 0, 0, 0, 0, 0, 0},
         500,
         0,
         true,
         PV_VOLUME_USUAL,
         "judges nothing when the days before are not known"},
        {{60, 60, 60, 60, 60, 60, 60},
         14,
         0,
         false,
         PV_VOLUME_LOW_CALLS,
         "finds under a quarter of the fewest low"},
        {{60, 60, 60, 60, 60, 60, 60},
         15,
         0,
         false,
         PV_VOLUME_USUAL,
         "finds a quarter of the fewest usual"},
        {{60, 60, 60, 40, 60, 60, 60},
         0,
         0,
         false,
         PV_VOLUME_USUAL,
         "finds silence usual where one day was small"},
        {{60, 60, 60, 60, 60, 60, 60},
         60,
         20,
         false,
         PV_VOLUME_HIGH_REFUSED,
         "names refusals first"},
        {{60, 60, 60, 60, 60, 60, 60},
         60,
         19,
         false,
         PV_VOLUME_USUAL,
         "finds few refusals usual"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct scene           scene;
        struct pv_volume_row   kept = {.verdict = PV_VOLUME_USUAL};
        struct pv_rollup_query query = {.from_ms = NOON + 7 * DAY};
        unsigned               days = 99;

        scene_open(&scene);
        for (int day = 0; day < DAYS - 1; day++) {
            calls(&scene, NOON + day * DAY, "a", "limited", row[i].before[day]);
            calls(&scene, NOON + day * DAY, "b", "limited",
                  row[i].alone ? 0 : 1);
        }
        calls(&scene, NOON + 7 * DAY, "a", "limited", row[i].limited);
        calls(&scene, NOON + 7 * DAY, "a", "refused", row[i].refused);
        scene_done(&scene);
        assert_int_equal(
            pv_rollup_volumes(scene.dirfd, &query, ROWS, keep, &kept, &days),
            PV_OK);
        assert_int_equal(days, row[i].alone ? 0 : DAYS - 1);
        if (kept.verdict != row[i].verdict) {
            fail_msg("a volume %s", row[i].what);
        }
        scene_close(&scene);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_volumes),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("rollup_sum", tests, NULL, NULL);
}
