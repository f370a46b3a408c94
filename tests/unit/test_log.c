/* The stored log as one row of leaves: by index, by id, by query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "log_scene.h"
#include "trace/log_private.h"

#define COMMITS 400
#define CALLS 9    /* in a commit */
#define LEAVES 10u /* of them: nine requests and the ends of the last nine */

static int
setup(void **state)
{
    struct log_scene *scene = calloc(1, sizeof(*scene));

    if (scene == NULL) {
        return -1;
    }
    log_scene_open(scene);
    for (uint64_t i = 0; i < COMMITS; i++) {
        (void)log_scene_commit(scene, 7, CALLS, i == 0 ? 0 : (i - 1) * LEAVES,
                               i == 0 ? 0 : CALLS);
        if (i == 0) { /* keep ten leaves a commit */
            log_scene_lose(scene, 99);
        }
    }
    *state = scene;
    return 0;
}

static int
teardown(void **state)
{
    log_scene_close(*state);
    free(*state);
    return 0;
}

static struct pv_log *
open_log(struct log_scene *scene)
{
    struct pv_log *log = NULL;

    assert_int_equal(pv_log_open(scene->journal_fd, scene->log_fd, &log),
                     PV_OK);
    return log;
}

/* Leaf i is a request when i mod 10 < 9: call number of it. */
static uint64_t
call_of(uint64_t index)
{
    return index / LEAVES * CALLS + index % LEAVES;
}

static int64_t
written_of(uint64_t index)
{
    uint64_t commit = index / LEAVES;

    /* the worker-lost record is a commit of its own, the second one */
    return SCENE_START_MS + (int64_t)(commit == 0 ? index == 9 : commit + 1);
}

static void
gives_every_leaf_in_any_order(void **state)
{
    struct log_scene  *scene = *state;
    struct pv_log     *log = open_log(scene);
    struct pv_log_leaf leaf;
    uint64_t           first;
    uint64_t           end;

    pv_log_range(log, &first, &end);
    assert_int_equal(first, 0);
    assert_int_equal(end, COMMITS * LEAVES);
    for (uint64_t k = 0; k < end; k++) {
        uint64_t         index = k * 2357 % end;
        struct pv_record record;

        assert_int_equal(pv_log_leaf(log, index, &leaf), PV_OK);
        assert_int_equal(leaf.index, index);
        assert_int_equal(leaf.written_ms, written_of(index));
        assert_int_equal(leaf.epoch, index == 9 ? 0 : 7);
        assert_int_equal(pv_record_parse(leaf.line, &record), PV_OK);
        assert_int_equal(record.type, index == 9 ? PV_RECORD_WORKER_LOST
                                      : index % LEAVES == 9
                                          ? PV_RECORD_COMPLETIONS
                                          : PV_RECORD_REQUEST);
    }
    assert_int_equal(pv_log_leaf(log, end, &leaf), PV_ENOTFOUND);
    pv_log_close(log);
}

static void
shows_nothing_behind_the_end_that_was_set(void **state)
{
    struct log_scene  *scene = *state;
    struct pv_log     *log = open_log(scene);
    struct pv_log_leaf leaf;
    struct pv_buf      out;

    pv_buf_init(&out, PV_BUNDLE_ENTRIES_MAX);
    pv_log_set_end(log, 300);
    assert_int_equal(pv_log_leaf(log, 299, &leaf), PV_OK);
    assert_int_equal(pv_log_leaf(log, 300, &leaf), PV_ENOTFOUND);
    assert_int_equal(pv_log_bundle(log, 1, 44, &out), PV_OK);
    assert_int_equal(pv_log_bundle(log, 1, 45, &out), PV_ENOTFOUND);
    pv_log_set_end(log, 310);
    assert_int_equal(pv_log_leaf(log, 309, &leaf), PV_OK);
    assert_int_equal(pv_log_leaf(log, 310, &leaf), PV_ENOTFOUND);
    pv_buf_clear(&out);
    pv_log_close(log);
}

static void
gives_bundles_as_published(void **state)
{
    struct log_scene *scene = *state;
    struct pv_log    *log = open_log(scene);
    struct pv_buf     out;
    size_t            at = 0;

    pv_buf_init(&out, PV_BUNDLE_ENTRIES_MAX);
    assert_int_equal(pv_log_bundle(log, 3, PV_BUNDLE_LEAVES, &out), PV_OK);
    for (uint64_t i = 0; i < PV_BUNDLE_LEAVES; i++) {
        struct pv_log_leaf leaf;
        size_t             len =
            (size_t)(uint8_t)out.ptr[at] << 8 | (uint8_t)out.ptr[at + 1];

        assert_int_equal(pv_log_leaf(log, 3 * PV_BUNDLE_LEAVES + i, &leaf),
                         PV_OK);
        assert_int_equal(leaf.line.len, len);
        assert_memory_equal(leaf.line.ptr, out.ptr + at + 2, len);
        at += 2 + len;
    }
    assert_int_equal(at, out.len);
    pv_buf_clear(&out);
    pv_log_close(log);
}

static void
finds_each_request_and_its_end(void **state)
{
    static struct pv_trace_found found;
    struct log_scene            *scene = *state;
    struct pv_log               *log = open_log(scene);
    uint64_t                     end = COMMITS * LEAVES;

    for (uint64_t index = 0; index < end; index += 7) {
        struct pv_tracking_id id =
            log_scene_id(call_of(index), written_of(index));

        if (index % LEAVES == 9) {
            continue;
        }
        assert_int_equal(pv_log_find(log, &id, SCENE_START_MS, &found), PV_OK);
        assert_int_equal(found.index, index);
        assert_int_equal(found.written_ms, written_of(index));
        if (index < end - LEAVES) {
            assert_int_equal(found.state, PV_TRACE_DONE);
            assert_int_equal(found.completion.of, index);
            assert_int_equal(found.completion_index,
                             (index / LEAVES + 1) * LEAVES + 9);
        } else {
            assert_int_equal(found.state, PV_TRACE_RECEIVED);
        }
        assert_int_equal(pv_log_find_index(log, index, SCENE_START_MS, &found),
                         PV_OK);
        assert_int_equal(found.index, index);
    }
    pv_log_close(log);
}

static void
knows_no_request_that_was_not_made(void **state)
{
    static struct pv_trace_found found;
    struct log_scene            *scene = *state;
    struct pv_log               *log = open_log(scene);
    struct pv_tracking_id        id = log_scene_id(1, SCENE_START_MS + 77);

    assert_int_equal(pv_log_find(log, &id, SCENE_START_MS, &found),
                     PV_ENOTFOUND);
    id = log_scene_id(1, SCENE_START_MS + 10000000);
    assert_int_equal(pv_log_find(log, &id, SCENE_START_MS, &found),
                     PV_ENOTFOUND);
    pv_log_close(log);
}

static void
says_unknown_when_the_worker_was_lost(void **state)
{
    static struct pv_trace_found found;
    struct log_scene            *scene = *state;
    struct pv_log               *log;
    uint64_t                     index = log_scene_commit(scene, 1234, 1, 0, 0);

    log_scene_lose(scene, 1234);
    log = open_log(scene);
    assert_int_equal(pv_log_find_index(log, index, scene->now_ms, &found),
                     PV_OK);
    assert_int_equal(found.state, PV_TRACE_UNKNOWN);
    pv_log_set_end(log, index + 1);
    assert_int_equal(pv_log_find_index(log, index, scene->now_ms, &found),
                     PV_OK);
    assert_int_equal(found.state, PV_TRACE_RECEIVED);
    pv_log_close(log);
}

struct tally {
    uint64_t count;
    uint64_t ends;
    uint64_t last;
    bool     rising;
    bool     falling;
};

static enum pv_err
tally_item(void *context, const struct pv_log_item *item)
{
    struct tally *tally = context;

    if (tally->count > 0) {
        tally->rising = tally->rising && item->at >= tally->last;
        tally->falling = tally->falling && item->at <= tally->last;
    }
    tally->last = item->at;
    tally->count++;
    tally->ends += item->completion != NULL;
    return PV_OK;
}

static uint64_t
failures_among(uint64_t end)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < end; i++) {
        count += i % 7 == 0 && i % LEAVES != 9;
    }
    return count;
}

static void
gives_what_a_query_asks_for(void **state)
{
    static const uint64_t calls = (uint64_t)COMMITS * CALLS;
    const struct {
        struct pv_log_query query;
        uint64_t            count;
        const char         *what;
    } row[] = {
        {{.types = 1u << PV_RECORD_REQUEST}, calls, "all requests"},
        {{.types = 1u << PV_RECORD_WORKER_LOST}, 1, "one type alone"},
        {{.consumer = PV_LIT("consumer-1")}, calls / 3, "one consumer"},
        {{.consumer = PV_LIT("consumer-1"), .newest_first = true},
         calls / 3,
         "the same, newest first"},
        {{.consumer = PV_LIT("nobody")}, 0, "nobody's"},
        {{.provider = PV_LIT("provider-2"), .service = PV_LIT("service-2")},
         calls / 5,
         "a provider's service"},
        {{.provider = PV_LIT("provider-2"), .service = PV_LIT("service-3")},
         0,
         "a service that is another's"},
        {{.outcome = PV_LIT("allowed")}, calls, "by decision"},
        {{.outcome = PV_LIT("failed")},
         failures_among((COMMITS - 1) * LEAVES),
         "by how it ended"},
        {{.outcome = PV_LIT("failed"), .newest_first = true},
         failures_among((COMMITS - 1) * LEAVES),
         "the same, newest first"},
        {{.limit = 17}, 17, "so many and no more"},
        {{.from_ms = SCENE_START_MS + 100, .until_ms = SCENE_START_MS + 110},
         10 * LEAVES,
         "a span of time"},
        {{.from_index = 500, .end_index = 503}, 3, "a span of leaves"},
    };
    struct pv_log *log = open_log(*state);

    pv_log_set_end(log, COMMITS * LEAVES);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct tally tally = {.rising = true, .falling = true};

        assert_int_equal(pv_log_walk(log, &row[i].query, tally_item, &tally),
                         PV_OK);
        if (tally.count != row[i].count) {
            fail_msg("%s: %llu, not %llu", row[i].what,
                     (unsigned long long)tally.count,
                     (unsigned long long)row[i].count);
        }
        assert_true(row[i].query.newest_first ? tally.falling : tally.rising);
    }
    pv_log_close(log);
}

/* Each time only what is new is read, over the ends of segments too. */
static void
follows_a_log_that_grows(void **state)
{
    struct log_scene *scene = *state;
    struct pv_log    *log = open_log(scene);

    for (uint64_t i = COMMITS; i < 3 * COMMITS; i++) {
        struct pv_log_leaf leaf;
        uint64_t           end = (i + 1) * LEAVES;

        (void)log_scene_commit(scene, 7, CALLS, (i - 1) * LEAVES, CALLS);
        pv_log_set_end(log, end - i % LEAVES);
        assert_int_equal(pv_log_refresh(log), PV_OK);
        assert_int_equal(pv_log_leaf(log, end - i % LEAVES - 1, &leaf), PV_OK);
        assert_int_equal(leaf.index, end - i % LEAVES - 1);
        assert_int_equal(pv_log_leaf(log, end - i % LEAVES, &leaf),
                         PV_ENOTFOUND);
        assert_int_equal(pv_log_leaf(log, end / 2, &leaf), PV_OK);
        assert_int_equal(leaf.index, end / 2);
    }
    pv_log_close(log);
}

/* The same request, end and line. */
static void
is_same_request(struct pv_log *log, struct pv_log *other, uint64_t index,
                int64_t when_ms)
{
    static struct pv_trace_found found;
    static struct pv_trace_found wanted;
    struct pv_tracking_id        id = log_scene_id(call_of(index), when_ms);
    struct pv_log_leaf           leaf;
    struct pv_log_leaf           same;

    assert_int_equal(pv_log_find(other, &id, SCENE_START_MS, &wanted), PV_OK);
    assert_int_equal(pv_log_find(log, &id, SCENE_START_MS, &found), PV_OK);
    assert_int_equal(found.index, index);
    assert_int_equal(found.index, wanted.index);
    assert_int_equal(found.epoch, wanted.epoch);
    assert_int_equal(found.written_ms, wanted.written_ms);
    assert_int_equal(found.state, wanted.state);
    assert_int_equal(found.line_len, wanted.line_len);
    assert_memory_equal(found.line, wanted.line, found.line_len);
    if (found.state != PV_TRACE_DONE) {
        return;
    }
    assert_int_equal(found.completion_index, wanted.completion_index);
    assert_int_equal(found.completion.of, index);
    assert_int_equal(found.completion.last_ms, wanted.completion.last_ms);
    assert_int_equal(pv_log_leaf(log, found.completion_index, &leaf), PV_OK);
    assert_int_equal(pv_log_leaf(other, found.completion_index, &same), PV_OK);
    assert_true(pv_slice_eq(leaf.line, same.line));
    assert_int_equal(leaf.epoch, same.epoch);
    assert_int_equal(leaf.written_ms, same.written_ms);
}

/*
 * Places kept while following lead to what reading from the start finds: over
 * the ends of segments, at an end within a commit, and of calls that go on.
 */
static void
finds_among_the_newest_what_all_reading_finds(void **state)
{
    struct log_scene scene;
    struct pv_log   *log;

    (void)state;
    log_scene_open(&scene);
    (void)log_scene_commit(&scene, 7, CALLS, 0, 1);
    log = open_log(&scene);
    for (uint64_t i = 1; i < 400; i++) {
        int64_t  when_ms = scene.now_ms;
        uint64_t first =
            log_scene_commit(&scene, 7, CALLS, (i - 1) * LEAVES, CALLS);

        pv_log_set_end(log, first + LEAVES - i % 3);
        assert_int_equal(pv_log_refresh(log), PV_OK);
        if (i % 9 == 0) {
            struct pv_log *other = open_log(&scene);

            pv_log_set_end(other, first + LEAVES - i % 3);
            for (uint64_t k = 0; k < CALLS && k < i; k++) {
                is_same_request(log, other, first - k * LEAVES + k,
                                when_ms - (int64_t)k);
            }
            pv_log_close(other);
        }
    }
    assert_int_equal(log->raw.place_first, 0);
    assert_int_equal(log->raw.place_end, 399);
    assert_true(log->raw.list.count > 2);
    pv_log_close(log);
    log_scene_close(&scene);
}

static void
keeps_a_bounded_number_of_places(void **state)
{
    const uint64_t count = 3 * PV_RAW_PLACES + 5;
    struct pv_raw  raw;
    uint64_t       n = 0;

    (void)state;
    pv_raw_init(&raw, -1);
    assert_int_equal(pv_raw_place_of(&raw, 0, &n), PV_ENOTFOUND);
    assert_int_equal(pv_raw_place_since(&raw, 0), 0);
    for (uint64_t i = 0; i < count; i++) { /* two leaves, two in each ms */
        const struct pv_commit_head head = {
            .first_index = 2 * i,
            .leaf_count = 2,
            .time_ms = SCENE_START_MS + (int64_t)i / 2,
        };

        assert_int_equal(raw_keep_place(&raw, 1, 4096 + 512 * i, &head), PV_OK);
        raw.end = 2 * i + 2;
    }
    assert_int_equal(raw.place_end - raw.place_first, PV_RAW_PLACES);
    assert_int_equal(pv_raw_place_of(&raw, 2 * count - 1, &n), PV_OK);
    assert_int_equal(n, count - 1);
    assert_int_equal(pv_raw_place_of(&raw, 2 * raw.place_first, &n), PV_OK);
    assert_int_equal(n, raw.place_first);
    assert_int_equal(pv_raw_place_of(&raw, 2 * raw.place_first - 1, &n),
                     PV_ENOTFOUND);
    assert_int_equal(pv_raw_place_of(&raw, 2 * count, &n), PV_ENOTFOUND);
    n = pv_raw_place_since(&raw, SCENE_START_MS + (int64_t)(count - 7) / 2);
    assert_int_equal(n, (count - 7) / 2 * 2);
    assert_int_equal(pv_raw_place_since(&raw, 0), raw.place_first);
    assert_int_equal(pv_raw_place_since(&raw, INT64_MAX), count);
    raw_forget_places(&raw);
    assert_int_equal(pv_raw_place_of(&raw, 2 * count - 1, &n), PV_ENOTFOUND);
    pv_raw_clear(&raw);
}

/* A segment that is gone (packed, removed) is looked for elsewhere. */
static void
believes_no_place_in_a_segment_that_is_gone(void **state)
{
    struct log_scene   scene;
    struct pv_log_leaf leaf;
    struct pv_log     *log;
    uint64_t           n = 0;
    uint64_t           first = 0;

    (void)state;
    log_scene_open(&scene);
    (void)log_scene_commit(&scene, 7, CALLS, 0, 1);
    log = open_log(&scene);
    while (log->raw.list.count < 3) {
        first = log_scene_commit(&scene, 7, CALLS, 0, 1);
        pv_log_set_end(log, first + LEAVES);
        assert_int_equal(pv_log_refresh(log), PV_OK);
    }
    assert_int_equal(pv_raw_place_of(&log->raw, LEAVES, &n), PV_OK);
    assert_int_equal(pv_log_leaf(log, first, &leaf), PV_OK); /* leave it */
    assert_int_equal(unlinkat(scene.journal_fd, "0000000001.pvj", 0), 0);
    assert_int_equal(pv_raw_enter_place(&log->raw, n), PV_ENOTFOUND);
    assert_int_not_equal(pv_log_leaf(log, LEAVES, &leaf), PV_OK);
    assert_int_equal(pv_log_leaf(log, first, &leaf), PV_OK);
    assert_int_equal(leaf.index, first);
    pv_log_close(log);
    log_scene_close(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_every_leaf_in_any_order),
        cmocka_unit_test(shows_nothing_behind_the_end_that_was_set),
        cmocka_unit_test(gives_bundles_as_published),
        cmocka_unit_test(finds_each_request_and_its_end),
        cmocka_unit_test(knows_no_request_that_was_not_made),
        cmocka_unit_test(gives_what_a_query_asks_for),
        cmocka_unit_test(says_unknown_when_the_worker_was_lost),
        cmocka_unit_test(follows_a_log_that_grows),
        cmocka_unit_test(finds_among_the_newest_what_all_reading_finds),
        cmocka_unit_test(keeps_a_bounded_number_of_places),
        cmocka_unit_test(believes_no_place_in_a_segment_that_is_gone),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
