/* The log process behind the journal's writer: how far it looks. */
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

#include "follow.h"

#define START_MS INT64_C(1790000000000)

static const struct pv_journal_options options = {
    .segment_size = PV_SEGMENT_SIZE_MIN,
    .align = PV_COMMIT_ALIGN_MIN,
    .node = PV_SLICE_INIT("nix"),
};

struct fixture {
    char              dir[64];
    struct pv_journal journal;
    struct pv_commit  commit;
    struct log_state  page;
    struct follow     follow;
};

/* As traced/commit.c does it when a commit is on disk. */
static void
publish(struct fixture *f)
{
    state_set(&f->page.durable_place,
              state_place(f->journal.segment.number, f->journal.at));
    state_set(&f->page.durable_index, f->journal.next_index);
}

static void
commit_one(struct fixture *f)
{
    size_t   room_len;
    uint8_t *room;

    pv_commit_begin(&f->commit, f->journal.next_index);
    room = pv_commit_room(&f->commit, &room_len);
    assert_non_null(room);
    memset(room, 'a', 102);
    room[0] = 100;
    room[1] = 0;
    pv_commit_add(&f->commit, 7, f->journal.next_index + 1, 1, 102);
    assert_int_equal(pv_journal_commit(&f->journal, &f->commit, START_MS),
                     PV_OK);
}

static int
setup(void **state)
{
    struct fixture    *f = calloc(1, sizeof(*f));
    struct pv_recovery recovery = {.now_ms = START_MS};
    struct pv_why      why;

    if (f == NULL) {
        return -1;
    }
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/pv-follow-XXXXXX"); /* fits */
    if (mkdtemp(f->dir) == NULL ||
        pv_commit_init(&f->commit, 100000) != PV_OK ||
        pv_journal_open(f->dir, &options, &f->journal, &why) != PV_OK ||
        pv_journal_recover(&f->journal, &recovery, &why) != PV_OK) {
        return -1;
    }
    f->follow.reader.fd = -1;
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture        *f = *state;
    struct pv_segment_list list = {NULL, 0};
    int                    fd = open(f->dir, O_RDONLY | O_DIRECTORY);

    follow_close(&f->follow);
    pv_journal_close(&f->journal);
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

static void
takes_what_is_published_and_no_more(void **state)
{
    struct fixture       *f = *state;
    struct pv_commit_view view;

    commit_one(f);
    publish(f);
    commit_one(f); /* written; nobody has said that it is on disk */
    assert_int_equal(follow_open(&f->follow, f->journal.dirfd, &f->page, 0),
                     PV_OK);
    assert_int_equal(follow_next(&f->follow, &view), PV_OK);
    assert_int_equal(follow_next(&f->follow, &view), PV_ENOTFOUND);
    publish(f);
    assert_int_equal(follow_next(&f->follow, &view), PV_OK);
    assert_int_equal(view.head.first_index, 1);
    assert_int_equal(follow_next(&f->follow, &view), PV_ENOTFOUND);
}

/* The process ended and is started anew just then. */
static void
waits_in_a_segment_that_is_new(void **state)
{
    struct fixture       *f = *state;
    struct pv_commit_view view;

    commit_one(f);
    publish(f);
    assert_int_equal(pv_journal_next(&f->journal, -1, PV_SEGMENT_FULL), PV_OK);
    assert_int_equal(follow_open(&f->follow, f->journal.dirfd, &f->page, 1),
                     PV_OK);
    assert_int_equal(follow_next(&f->follow, &view), PV_ENOTFOUND);
    commit_one(f);
    assert_int_equal(follow_next(&f->follow, &view), PV_ENOTFOUND);
    publish(f);
    assert_int_equal(follow_next(&f->follow, &view), PV_OK);
    assert_int_equal(view.head.first_index, 1);
    assert_int_equal(follow_next(&f->follow, &view), PV_ENOTFOUND);
}

static void
goes_from_segment_to_segment(void **state)
{
    struct fixture       *f = *state;
    struct pv_commit_view view;

    assert_int_equal(follow_open(&f->follow, f->journal.dirfd, &f->page, 0),
                     PV_OK);
    for (uint64_t i = 0; i < 10; i++) {
        commit_one(f);
        publish(f);
        if (i % 3 == 2) {
            assert_int_equal(pv_journal_next(&f->journal, -1, PV_SEGMENT_FULL),
                             PV_OK);
        }
        if (i % 2 == 1) {
            continue; /* two at once */
        }
        while (follow_next(&f->follow, &view) == PV_OK) {
            assert_true(view.head.first_index <= i);
        }
        assert_int_equal(f->follow.next_index, i + 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_what_is_published_and_no_more,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(waits_in_a_segment_that_is_new, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(goes_from_segment_to_segment, setup,
                                        teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
