/* test_rollup.c - histograms, the figures of a minute, and going on. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/rollup.h"

#define MINUTE 60000
#define START (INT64_C(29829600) * MINUTE) /* 2026-09-19T00:00Z */
#define TEXT_MAX (1 << 20)
#define LEAVES 4000

/* ---- histograms -------------------------------------------------------- */

static void
test_error_bound(void **state)
{
    (void)state;
    for (uint64_t ms = 0; ms < PV_HISTOGRAM_LIMIT_MS; ms++) {
        unsigned bucket = pv_histogram_bucket(ms);
        uint64_t low = pv_histogram_low(bucket);
        uint64_t next = pv_histogram_next(bucket);
        uint64_t middle = low + (next - low) / 2;
        uint64_t error = middle > ms ? middle - ms : ms - middle;

        if (bucket >= PV_HISTOGRAM_BUCKETS || low > ms || next <= ms ||
            error * 32 > ms) {
            fail_msg("%llu ms is in bucket %u", (unsigned long long)ms, bucket);
        }
    }
    assert_int_equal(pv_histogram_bucket(PV_HISTOGRAM_LIMIT_MS),
                     PV_HISTOGRAM_BUCKETS - 1);
    assert_int_equal(pv_histogram_bucket(UINT64_MAX), PV_HISTOGRAM_BUCKETS - 1);
}

static void
test_merge(void **state)
{
    static struct pv_histogram all;
    static struct pv_histogram part[3];
    static struct pv_histogram read;
    struct pv_buf              text;

    (void)state;
    pv_buf_init(&text, TEXT_MAX);
    for (uint64_t i = 0; i < 3000; i++) {
        uint64_t ms = i * i % 70000;

        pv_histogram_add(&all, ms);
        pv_histogram_add(&part[i % 3], ms);
    }
    pv_histogram_merge(&part[0], &part[1]);
    pv_histogram_merge(&part[0], &part[2]);
    assert_memory_equal(&part[0], &all, sizeof(all));
    assert_int_equal(pv_histogram_write(&all, &text), PV_OK);
    assert_int_equal(pv_histogram_read(pv_buf_view(&text), &read), PV_OK);
    assert_memory_equal(&read, &all, sizeof(all));
    pv_buf_clear(&text);
}

static void
test_quantile(void **state)
{
    static struct pv_histogram h;

    (void)state;
    assert_int_equal(pv_histogram_quantile(&h, 500), 0);
    for (uint64_t ms = 1; ms <= 1000; ms++) {
        pv_histogram_add(&h, ms);
    }
    assert_in_range(pv_histogram_quantile(&h, 500), 485, 516);
    assert_in_range(pv_histogram_quantile(&h, 990), 960, 1021);
    assert_int_equal(pv_histogram_quantile(&h, 1), 1);
}

static void
test_read(void **state)
{
    static const struct {
        const char *text;
        enum pv_err err;
        const char *what;
    } row[] = {
        {"-", PV_OK, "takes none"},
        {"0:1,5:2", PV_OK, "takes two"},
        {"271:1", PV_OK, "takes the last bucket"},
        {"272:1", PV_EINVAL, "refuses a bucket behind it"},
        {"5:2,0:1", PV_EINVAL, "refuses buckets out of order"},
        {"5:2,5:1", PV_EINVAL, "refuses a bucket twice"},
        {"5:0", PV_EINVAL, "refuses an empty bucket"},
        {"5", PV_EINVAL, "refuses a bucket without a count"},
        {"", PV_EINVAL, "refuses nothing"},
        {"5:1,", PV_EINVAL, "refuses a comma at the end"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct pv_histogram h = {0};

        if (pv_histogram_read(pv_slice_from(row[i].text), &h) != row[i].err) {
            fail_msg("histogram %s", row[i].what);
        }
    }
}

/* ---- a directory ------------------------------------------------------- */

struct scene {
    char folder[64];
    int  dirfd;
};

static void
scene_open(struct scene *scene)
{
    (void)snprintf(scene->folder, sizeof(scene->folder),
                   "/tmp/pv-rollup-XXXXXX"); /* it fits */
    assert_non_null(mkdtemp(scene->folder));
    scene->dirfd = open(scene->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_not_equal(scene->dirfd, -1);
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

/* All days' files, one behind the other. */
static size_t
scene_text(const struct scene *scene, char *room)
{
    size_t len = 0;

    for (int64_t day = 20000; day < 21000; day++) {
        char    name[PV_ROLLUP_NAME_LEN + 1];
        ssize_t n;
        int     fd;

        pv_rollup_name(day, name);
        fd = openat(scene->dirfd, name, O_RDONLY | O_CLOEXEC);
        if (fd != -1) {
            n = read(fd, room + len, TEXT_MAX - len);
            assert_in_range(n, 0, TEXT_MAX - 1);
            len += (size_t)n;
            (void)close(fd); /* read-only */
        }
    }
    room[len] = '\0';
    return len;
}

/* Takes bytes away from the newest file's end. */
static void
scene_tear(const struct scene *scene, off_t bytes)
{
    for (int64_t day = 21000; day-- > 20000;) {
        char        name[PV_ROLLUP_NAME_LEN + 1];
        struct stat st;
        int         fd;

        pv_rollup_name(day, name);
        fd = openat(scene->dirfd, name, O_RDWR | O_CLOEXEC);
        if (fd != -1) {
            assert_int_equal(fstat(fd, &st), 0);
            assert_int_equal(
                ftruncate(fd, st.st_size > bytes ? st.st_size - bytes : 0), 0);
            (void)close(fd); /* as it is */
            return;
        }
    }
}

static struct pv_rollup *
opened(const struct scene *scene)
{
    struct pv_rollup *rollup = NULL;
    struct pv_why     why;

    assert_int_equal(pv_rollup_open(scene->dirfd, &rollup, &why), PV_OK);
    return rollup;
}

/* ---- records ----------------------------------------------------------- */

static struct pv_record
call_of(const char *consumer, const char *method, const char *refused)
{
    struct pv_record record = {.type = PV_RECORD_REQUEST};

    record.request.consumer = pv_slice_from(consumer);
    record.request.provider = PV_LIT("bank");
    record.request.service = PV_LIT("iban");
    record.request.version = PV_LIT("v1");
    record.request.method = pv_slice_from(method);
    record.request.decision =
        pv_slice_from(refused == NULL ? "allowed" : refused);
    record.request.reason = pv_slice_from(refused == NULL ? "" : "no-grant");
    return record;
}

static struct pv_record
end_of(uint64_t of, uint64_t forwarded, uint64_t last, char room[128])
{
    struct pv_record record = {.type = PV_RECORD_COMPLETIONS,
                               .completion_count = 1};
    int              n;

    n = snprintf(room, 128, "[%llu,%llu,%llu,%llu,\"answered\"]",
                 (unsigned long long)of, (unsigned long long)forwarded,
                 (unsigned long long)forwarded, (unsigned long long)last);
    record.completions = (struct pv_slice){room, (size_t)n};
    return record;
}

static void
add(struct pv_rollup *rollup, uint64_t index, int64_t ms,
    const struct pv_record *record)
{
    assert_int_equal(pv_rollup_add(rollup, index, START + ms, record), PV_OK);
}

static void
test_minute(void **state)
{
    struct scene      scene;
    struct pv_rollup *rollup;
    struct pv_record  record;
    char              room[128];
    static char       text[TEXT_MAX];

    (void)state;
    scene_open(&scene);
    rollup = opened(&scene);
    record = call_of("setad", "inquire", NULL);
    add(rollup, 0, 0, &record);
    record = call_of("setad", "inquire", "refused");
    add(rollup, 1, 10, &record);
    record = call_of("setad", "", "refused");
    add(rollup, 2, 20, &record);
    record = (struct pv_record){.type = PV_RECORD_REFUSALS};
    record.refusals.consumer = PV_LIT("setad");
    record.refusals.count = 40;
    add(rollup, 3, 30, &record);
    record = end_of(0, 1001, 1014, room);
    add(rollup, 4, 40, &record);
    assert_int_equal(pv_rollup_tick(rollup, START + MINUTE), PV_OK);
    assert_int_equal(scene_text(&scene, text), 0); /* not over yet */
    add(rollup, 5, MINUTE, NULL);
    (void)scene_text(&scene, text);
    assert_non_null(strstr(
        text, "c\t29829600\tsetad\t-\trefused\t41\t-\n"
              "c\t29829600\tsetad\tbank/iban/v1/inquire\tanswered\t1\t13:1\n"
              "c\t29829600\tsetad\tbank/iban/v1/inquire\trefused\t1\t-\n"
              "m\t29829600\t0\t5\t3\t"));
    assert_int_equal(
        pv_rollup_tick(rollup, START + 2 * MINUTE + PV_ROLLUP_TICK_MS), PV_OK);
    (void)scene_text(&scene, text);
    assert_non_null(strstr(text, "\nm\t29829601\t5\t6\t0\t"));
    pv_rollup_close(rollup);
    scene_close(&scene);
}

static void
test_verify(void **state)
{
    struct scene scene;
    char         room[128];
    static char  text[TEXT_MAX];

    (void)state;
    for (uint64_t calls = PV_ROLLUP_VERIFY_MIN - 1;
         calls <= PV_ROLLUP_VERIFY_MIN; calls++) {
        struct pv_rollup *rollup;
        struct pv_record  record;

        scene_open(&scene);
        rollup = opened(&scene);
        for (uint64_t i = 0; i < 2 * calls; i += 2) {
            record = call_of("setad", "verify", NULL);
            add(rollup, i, 0, &record);
            record = end_of(i, 1000, 1300, room);
            add(rollup, i + 1, 0, &record);
        }
        add(rollup, 2 * calls, MINUTE, NULL);
        (void)scene_text(&scene, text);
        if (calls < PV_ROLLUP_VERIFY_MIN) {
            assert_non_null(strstr(text, "\tanswered\t9\t-\n"));
        } else {
            assert_non_null(strstr(text, "\tanswered\t10\t82:10\n"));
        }
        pv_rollup_close(rollup);
        scene_close(&scene);
    }
}

static void
test_unknown(void **state)
{
    struct scene      scene;
    struct pv_rollup *rollup;
    struct pv_record  record = call_of("setad", "inquire", NULL);
    char              room[128];
    static char       text[TEXT_MAX];

    (void)state;
    scene_open(&scene);
    rollup = opened(&scene);
    add(rollup, 0, 0, &record);
    for (uint64_t minute = 1; minute <= PV_ROLLUP_OPEN_MIN + 2; minute++) {
        add(rollup, minute, (int64_t)minute * MINUTE, NULL);
    }
    (void)scene_text(&scene, text);
    assert_non_null(strstr(text, "c\t29829611\tsetad\tbank/iban/v1/inquire\t"
                                 "unknown\t1\t-\n"));
    record = end_of(0, 1000, 1300, room); /* too late */
    add(rollup, 13, 12 * MINUTE, &record);
    add(rollup, 14, 13 * MINUTE, NULL);
    (void)scene_text(&scene, text);
    assert_null(strstr(text, "answered"));
    pv_rollup_close(rollup);
    scene_close(&scene);
}

/* ---- going on ---------------------------------------------------------- */

/* Leaf i of a made-up log over an hour that crosses midnight in Tehran. */
static void
made_leaf(uint64_t i, struct pv_record *ret_record, int64_t *ret_ms,
          char room[128])
{
    static const char *const consumer[] = {"a", "b", "c"};
    uint64_t                 noise = i * UINT64_C(0x9e3779b97f4a7c15) >> 40;

    *ret_ms = INT64_C(20) * 3600000 + (int64_t)(i * 900) -
              (i > LEAVES / 2 ? 150000 : 0); /* the clock steps back once */
    if (i % 2 == 1) { /* ends a call that is up to 12 minutes old */
        uint64_t back = noise % 4 == 0 ? noise % 800 : noise % 20;
        uint64_t of = i > back ? i - back : 0;

        *ret_record =
            end_of(of - of % 2, 1000 + noise % 7, 1300 + noise % 1000, room);
    } else {
        *ret_record =
            call_of(consumer[noise % 3], noise % 5 == 0 ? "verify" : "inquire",
                    noise % 11 == 0 ? "limited" : NULL);
    }
}

static void
feed(struct pv_rollup *rollup, uint64_t until)
{
    for (uint64_t i = pv_rollup_next(rollup); i < until; i++) {
        struct pv_record record;
        char             room[128];
        int64_t          ms;

        made_leaf(i, &record, &ms, room);
        add(rollup, i, ms, &record);
    }
}

static void
test_goes_on(void **state)
{
    struct scene      scene;
    struct pv_rollup *rollup;
    static char       whole[TEXT_MAX];
    static char       text[TEXT_MAX];
    size_t            len;

    (void)state;
    scene_open(&scene);
    rollup = opened(&scene);
    feed(rollup, LEAVES);
    pv_rollup_close(rollup);
    len = scene_text(&scene, whole);
    scene_close(&scene);
    assert_true(len > 10000);

    for (uint64_t step = 37; step < LEAVES; step += 211) {
        uint64_t until = 0;

        scene_open(&scene);
        while (until < LEAVES) {
            rollup = opened(&scene);
            until = until + step < LEAVES ? until + step : LEAVES;
            feed(rollup, until);
            pv_rollup_close(rollup); /* as a crash: nothing is written */
            scene_tear(&scene, (off_t)(until % 3 * step));
        }
        rollup = opened(&scene);
        feed(rollup, LEAVES);
        pv_rollup_close(rollup);
        assert_int_equal(scene_text(&scene, text), len);
        assert_memory_equal(text, whole, len);
        scene_close(&scene);
    }
}

struct sum {
    uint64_t calls;
    uint64_t minutes;
    uint64_t last;
};

static enum pv_err
sum_up(void *context, const struct pv_rollup_cell *cell)
{
    struct sum *sum = context;

    sum->calls += cell->count;
    sum->minutes += cell->minute != sum->last;
    sum->last = cell->minute;
    return PV_OK;
}

static void
test_walk(void **state)
{
    struct scene      scene;
    struct pv_rollup *rollup;
    struct sum        all = {0};
    struct sum        part = {0};
    int64_t           begin = START + INT64_C(20) * 3600000;

    (void)state;
    scene_open(&scene);
    rollup = opened(&scene);
    feed(rollup, LEAVES);
    pv_rollup_close(rollup);
    assert_int_equal(
        pv_rollup_read(scene.dirfd, begin, begin + 2 * 3600000, sum_up, &all),
        PV_OK);
    assert_in_range(all.calls, LEAVES / 4, LEAVES / 2);
    assert_in_range(all.minutes, 50, 61);
    assert_int_equal(pv_rollup_read(scene.dirfd, begin + 5 * MINUTE,
                                    begin + 8 * MINUTE, sum_up, &part),
                     PV_OK);
    assert_int_equal(part.minutes, 3);
    scene_close(&scene);
}

static void
test_damage(void **state)
{
    static const char bad[] = "x\n";
    struct scene      scene;
    struct pv_rollup *rollup;
    struct sum        sum = {0};
    char              name[PV_ROLLUP_NAME_LEN + 1];
    int               fd;

    (void)state;
    scene_open(&scene);
    rollup = opened(&scene);
    feed(rollup, LEAVES / 4);
    pv_rollup_close(rollup);
    pv_rollup_name((START + INT64_C(20) * 3600000 + 12600000) / 86400000, name);
    fd = openat(scene.dirfd, name, O_WRONLY | O_CLOEXEC);
    assert_int_not_equal(fd, -1);
    assert_int_equal(pwrite(fd, bad, 2, 0), 2);
    (void)close(fd); /* as it is */
    assert_int_equal(
        pv_rollup_read(scene.dirfd, START, START + 86400000, sum_up, &sum),
        PV_ECORRUPT);
    rollup = opened(&scene);
    assert_true(pv_rollup_torn(rollup) > 0);
    assert_int_equal(pv_rollup_next(rollup), 0); /* all of it again */
    pv_rollup_close(rollup);
    scene_close(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_bound), cmocka_unit_test(test_merge),
        cmocka_unit_test(test_quantile),    cmocka_unit_test(test_read),
        cmocka_unit_test(test_minute),      cmocka_unit_test(test_verify),
        cmocka_unit_test(test_unknown),     cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_walk),        cmocka_unit_test(test_damage),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("rollup", tests, NULL, NULL);
}
