/* The writer and the reader of segments, in a directory of their own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/journal_read.h"

#define COMMITS 40
#define START_MS INT64_C(1790000000000)

struct fixture {
    char              dir[64];
    struct pv_journal journal;
    struct pv_commit  commit;
};

static const struct pv_journal_options options = {
    .segment_size = PV_SEGMENT_SIZE_MIN,
    .align = PV_COMMIT_ALIGN_MIN,
    .node = PV_SLICE_INIT("nix"),
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (f == NULL) {
        return -1;
    }
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/pv-journal-XXXXXX"); /* fits */
    if (mkdtemp(f->dir) == NULL ||
        pv_commit_init(&f->commit, 100000) != PV_OK) {
        return -1;
    }
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture        *f = *state;
    struct pv_segment_list list = {NULL, 0};
    int                    fd = open(f->dir, O_RDONLY | O_DIRECTORY);

    if (pv_segment_list_read(fd, &list) == PV_OK) {
        for (size_t i = 0; i < list.count; i++) {
            char name[PV_SEGMENT_NAME_LEN + 1];

            pv_segment_name(list.number[i], name);
            (void)unlinkat(fd, name, 0); /* rmdir tells */
        }
    }
    pv_segment_list_clear(&list);
    (void)unlinkat(fd, "lock", 0); /* rmdir tells */
    (void)close(fd);               /* read-only */
    pv_commit_clear(&f->commit);
    if (rmdir(f->dir) == -1) {
        return -1;
    }
    free(f);
    return 0;
}

static enum pv_err
count_leaves(void *context, const struct pv_frame *frame, int64_t time_ms)
{
    uint64_t *leaves = context;

    (void)time_ms; /* checked by the recovery */
    *leaves += frame->count;
    return PV_OK;
}

static enum pv_err
start(struct fixture *f, uint64_t *leaves, struct pv_recovery *recovery,
      struct pv_why *why)
{
    enum pv_err err = pv_journal_open(f->dir, &options, &f->journal, why);

    if (err != PV_OK) {
        return err;
    }
    *recovery = (struct pv_recovery){
        .now_ms = START_MS,
        .verify_len = UINT64_MAX,
        .on_frame = count_leaves,
        .context = leaves,
    };
    *leaves = 0;
    err = pv_journal_recover(&f->journal, recovery, why);
    if (err != PV_OK) {
        pv_journal_close(&f->journal);
    }
    return err;
}

static void
fill(struct fixture *f, int commits, size_t record_len)
{
    for (int i = 0; i < commits; i++) {
        enum pv_err err;

        pv_commit_begin(&f->commit, f->journal.next_index);
        for (uint64_t k = 0; k < 3; k++) {
            size_t   room_len;
            uint8_t *room = pv_commit_room(&f->commit, &room_len);

            assert_non_null(room);
            memset(room, 'a' + (int)k, record_len + 2);
            room[0] = (uint8_t)record_len;
            room[1] = (uint8_t)(record_len >> 8);
            pv_commit_add(&f->commit, 7, k + 1, 1, record_len + 2);
        }
        err = pv_journal_commit(&f->journal, &f->commit, START_MS + i);
        if (err == PV_EFULL) {
            assert_int_equal(pv_journal_next(&f->journal, -1, PV_SEGMENT_FULL),
                             PV_OK);
            err = pv_journal_commit(&f->journal, &f->commit, START_MS + i);
        }
        assert_int_equal(err, PV_OK);
    }
}

static void
goes_on_where_it_ended(void **state)
{
    struct fixture    *f = *state;
    struct pv_recovery recovery;
    struct pv_why      why;
    uint64_t           leaves;

    for (uint64_t round = 0; round < 4; round++) {
        assert_int_equal(start(f, &leaves, &recovery, &why), PV_OK);
        assert_int_equal(leaves, round * COMMITS * 3);
        assert_int_equal(f->journal.next_index, leaves);
        fill(f, COMMITS, 5000);
        pv_journal_close(&f->journal);
    }
    assert_int_equal(start(f, &leaves, &recovery, &why), PV_OK);
    assert_true(recovery.segment_count > 3);
    assert_int_equal(recovery.read_count, recovery.segment_count);
    pv_journal_close(&f->journal);
}

static void
has_one_writer(void **state)
{
    struct fixture    *f = *state;
    struct pv_journal  other;
    struct pv_recovery recovery;
    struct pv_why      why;
    uint64_t           leaves;

    assert_int_equal(start(f, &leaves, &recovery, &why), PV_OK);
    assert_int_equal(pv_journal_open(f->dir, &options, &other, &why),
                     PV_EEXIST);
    pv_journal_close(&f->journal);
    assert_int_equal(pv_journal_open(f->dir, &options, &other, &why), PV_OK);
    pv_journal_close(&other);
}

static void
seeks_by_time(void **state)
{
    struct fixture          *f = *state;
    struct pv_journal_cursor cursor;
    struct pv_commit_view    view;
    struct pv_recovery       recovery;
    struct pv_why            why;
    uint64_t                 leaves;

    assert_int_equal(start(f, &leaves, &recovery, &why), PV_OK);
    fill(f, 300, 2000);
    for (int i = -1; i < 300; i++) {
        int64_t when = START_MS + i;

        assert_int_equal(
            pv_journal_cursor_open(&cursor, f->journal.dirfd, when), PV_OK);
        assert_int_equal(pv_journal_cursor_next(&cursor, &view), PV_OK);
        assert_true(view.head.time_ms == (i < 0 ? START_MS : when));
        pv_journal_cursor_close(&cursor);
    }
    assert_int_equal(
        pv_journal_cursor_open(&cursor, f->journal.dirfd, INT64_MAX), PV_OK);
    assert_int_equal(pv_journal_cursor_next(&cursor, &view), PV_ENOTFOUND);
    fill(f, 1, 10);
    assert_int_equal(pv_journal_cursor_next(&cursor, &view), PV_OK);
    pv_journal_cursor_close(&cursor);
    pv_journal_close(&f->journal);
}

/* Each byte of a written commit, changed, is seen. */
static void
no_changed_byte_passes(void **state)
{
    struct fixture          *f = *state;
    struct pv_segment_reader reader;
    struct pv_commit_view    view;
    struct pv_recovery       recovery;
    struct pv_why            why;
    uint64_t                 leaves;
    uint8_t                  byte;

    assert_int_equal(start(f, &leaves, &recovery, &why), PV_OK);
    fill(f, 2, 40);
    assert_int_equal(pv_segment_open(f->journal.dirfd, 1, &reader), PV_OK);
    for (uint64_t at = PV_SEGMENT_HEAD_LEN; at < PV_SEGMENT_HEAD_LEN + 512;
         at++) {
        int fd = openat(f->journal.dirfd, "0000000001.pvj", O_RDWR);

        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        assert_int_equal(
            pv_segment_commit(&reader, PV_SEGMENT_HEAD_LEN, &view, NULL),
            PV_ECORRUPT);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        (void)close(fd); /* written */
    }
    assert_int_equal(
        pv_segment_commit(&reader, PV_SEGMENT_HEAD_LEN, &view, NULL), PV_OK);
    pv_segment_close(&reader);
    pv_journal_close(&f->journal);
}

static void
a_failed_segment_takes_no_more(void **state)
{
    struct fixture    *f = *state;
    struct pv_recovery recovery;
    struct pv_why      why;
    uint64_t           leaves;
    int                kept;
    uint64_t           index;

    assert_int_equal(start(f, &leaves, &recovery, &why), PV_OK);
    fill(f, 3, 100);
    kept = f->journal.fd;
    f->journal.fd = open("/dev/null", O_RDONLY); /* every write fails */
    pv_commit_begin(&f->commit, f->journal.next_index);
    assert_int_equal(pv_journal_commit(&f->journal, &f->commit, START_MS + 10),
                     PV_ESYS);
    (void)close(f->journal.fd); /* /dev/null */
    f->journal.fd = kept;
    index = f->journal.next_index;
    assert_int_equal(pv_journal_commit(&f->journal, &f->commit, START_MS + 10),
                     PV_ESTATE);
    assert_int_equal(pv_journal_next(&f->journal, -1, PV_SEGMENT_FAILED),
                     PV_OK);
    assert_int_equal(f->journal.next_index, index);
    fill(f, 3, 100);
    pv_journal_close(&f->journal);
    assert_int_equal(start(f, &leaves, &recovery, &why), PV_OK);
    assert_int_equal(leaves, 18);
    pv_journal_close(&f->journal);
}

/* Two that made a spare at once left one name for two files: what was then
 * written stood under no name, and a file of zeros under the segment's. */
static void
a_spare_of_another_file_is_not_taken(void **state)
{
    struct fixture    *f = *state;
    struct pv_recovery recovery;
    struct pv_why      why;
    uint64_t           leaves;
    int                first = -1;
    int                second = -1;

    assert_int_equal(start(f, &leaves, &recovery, &why), PV_OK);
    fill(f, 3, 100);
    assert_int_equal(
        pv_segment_prepare(f->journal.dirfd, f->journal.segment_size, &first),
        PV_OK);
    assert_int_equal(
        pv_segment_prepare(f->journal.dirfd, f->journal.segment_size, &second),
        PV_OK);
    assert_int_equal(pv_journal_next(&f->journal, first, PV_SEGMENT_FULL),
                     PV_ESYS);
    (void)close(second); /* its name went with the refusal */
    assert_int_equal(pv_journal_next(&f->journal, -1, PV_SEGMENT_FULL), PV_OK);
    fill(f, 3, 100);
    pv_journal_close(&f->journal);
    assert_int_equal(start(f, &leaves, &recovery, &why), PV_OK);
    assert_int_equal(leaves, 18);
    pv_journal_close(&f->journal);
}

static void
names_are_strict(void **state)
{
    static const struct {
        const char *name;
        enum pv_err err;
    } row[] = {
        {"0000000001.pvj", PV_OK},     {"9999999999.pvj", PV_OK},
        {"0000000000.pvj", PV_EINVAL}, {"000000001.pvj", PV_EINVAL},
        {"0000000001.pvk", PV_EINVAL}, {"00000000x1.pvj", PV_EINVAL},
        {"spare.tmp", PV_EINVAL},      {"", PV_EINVAL},
    };

    (void)state; /* cmocka's */
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        uint64_t n = 0;
        char     again[PV_SEGMENT_NAME_LEN + 1];

        assert_int_equal(pv_segment_number(pv_slice_from(row[i].name), &n),
                         row[i].err);
        if (row[i].err == PV_OK) {
            pv_segment_name(n, again);
            assert_string_equal(again, row[i].name);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest test[] = {
        cmocka_unit_test_setup_teardown(goes_on_where_it_ended, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(has_one_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(seeks_by_time, setup, teardown),
        cmocka_unit_test_setup_teardown(no_changed_byte_passes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_failed_segment_takes_no_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_spare_of_another_file_is_not_taken,
                                        setup, teardown),
        cmocka_unit_test(names_are_strict),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(test, NULL, NULL);
}
