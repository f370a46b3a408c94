/*
 * The image's life: killed writers and readers, many changes, damage.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "policy/db.h"
#include "policy_fixture.h"

#define PAGE 4096
#define CHANGES 10000
#define ROUNDS 40

static void
path_in(const char *dir, const char *file, char path[256])
{
    assert_true(snprintf(path, 256, "%s/%s", dir, file) < 256);
}

static off_t
size_of(const char *dir)
{
    struct stat file;
    char        path[256];

    path_in(dir, PV_DB_FILE, path);
    assert_int_equal(stat(path, &file), 0);
    return file.st_size;
}

/* Systems a and b, a method, and a grant of each. */
static void
fill(struct fixture *fixture)
{
    static const char *const agency[] = {"a", "b"};

    fixture_begin(fixture);
    fixture_system(fixture, "a-main", "a", NULL);
    fixture_system(fixture, "b-main", "b", NULL);
    fixture_method(fixture, FIXTURE_PATH);
    for (size_t i = 0; i < 2; i++) {
        struct pv_image_place place = fixture_place(
            fixture, PV_GRANT_AGENCY, agency[i], agency[i], FIXTURE_PATH);
        struct pv_grant_row row = fixture_grant(PV_GRANT_AGENCY, agency[i]);

        assert_int_equal(pv_image_put_grant(fixture->image, &place, &row),
                         PV_OK);
    }
    (void)fixture_commit(fixture);
}

/* Both grants get the same quota in one transaction, for ever. */
static void
change_for_ever(const char *dir, bool durable)
{
    struct fixture fixture = {.image = NULL};
    struct pv_why  why;
    uint64_t       changes;

    if (pv_image_open(dir, durable, &fixture.image, &why) != PV_OK) {
        _exit(2);
    }
    for (uint32_t n = 1;; n++) {
        if (pv_image_begin(fixture.image, PV_IMAGE_CHANGE) != PV_OK) {
            _exit(3);
        }
        for (uint32_t agency = 1; agency <= 2; agency++) {
            struct pv_image_place place = {.agency = agency,
                                           .method = 1,
                                           .level = PV_GRANT_AGENCY,
                                           .subject = agency};
            struct pv_grant_row   row =
                fixture_grant(PV_GRANT_AGENCY, agency == 1 ? "a" : "b");

            row.per_day = n;
            if (pv_image_put_grant(fixture.image, &place, &row) != PV_OK) {
                _exit(4);
            }
        }
        if (pv_image_commit(fixture.image, &changes) != PV_OK) {
            _exit(5);
        }
    }
}

static uint32_t
quota_of(struct pv_policy *policy, const char *name)
{
    struct pv_found found = {.consumer.version = 0};
    uint8_t         key[PV_KEY_HASH_LEN];

    fixture_key(name, key);
    assert_int_equal(pv_policy_find(policy, key, PV_LIT(FIXTURE_PATH), &found),
                     PV_OK);
    assert_int_equal(found.rights.grant_count, 1);
    return found.rights.grant[0].per_day;
}

static void
kill_and_wait(pid_t child)
{
    int status;

    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status)); /* it did not end by itself */
}

static void
a_writer_killed_anywhere_leaves_a_whole_image(void **state)
{
    struct fixture    fixture;
    struct pv_policy *policy = NULL;
    struct pv_why     why;
    uint32_t          highest = 0;

    (void)state;
    fixture_open(&fixture);
    fill(&fixture);
    pv_image_close(fixture.image);
    fixture.image = NULL;

    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            change_for_ever(fixture.dir, round % 4 == 0);
        }
        assert_int_equal(usleep(2000 + round * 977 % 20000), 0);
        kill_and_wait(child);

        assert_int_equal(pv_policy_open(fixture.dir, &policy, &why), PV_OK);
        assert_int_equal(quota_of(policy, "a-main"),
                         quota_of(policy, "b-main"));
        if (quota_of(policy, "a-main") > highest) {
            highest = quota_of(policy, "a-main");
        }
        pv_policy_close(policy);
    }
    assert_true(highest > 1); /* it really did commit */

    /* the lock of a dead writer is taken over */
    assert_int_equal(pv_image_open(fixture.dir, false, &fixture.image, &why),
                     PV_OK);
    fixture_begin(&fixture);
    fixture_system(&fixture, "c-main", "c", NULL);
    assert_true(fixture_commit(&fixture) > 0);
    fixture_close(&fixture);
}

static void
change_quota(struct fixture *fixture, uint32_t n)
{
    struct pv_image_place place = {
        .agency = 1, .method = 1, .level = PV_GRANT_AGENCY, .subject = 1};
    struct pv_grant_row row = fixture_grant(PV_GRANT_AGENCY, "a");

    row.per_day = n;
    fixture_begin(fixture);
    assert_int_equal(pv_image_put_grant(fixture->image, &place, &row), PV_OK);
    assert_int_equal(fixture_commit(fixture), 1);
}

static void
ten_thousand_changes_keep_the_file_small(void **state)
{
    struct fixture    fixture;
    struct pv_policy *policy = NULL;
    struct pv_why     why;
    off_t             before;

    (void)state;
    fixture_open(&fixture);
    fill(&fixture);
    assert_int_equal(pv_policy_open(fixture.dir, &policy, &why), PV_OK);
    before = size_of(fixture.dir);
    for (uint32_t n = 1; n <= CHANGES; n++) {
        change_quota(&fixture, n);
        if (n % 100 == 0) {
            assert_int_equal(quota_of(policy, "a-main"), n);
        }
    }
    assert_true(size_of(fixture.dir) < before + 32 * PAGE);
    pv_policy_close(policy);
    fixture_close(&fixture);
}

static void
a_reader_killed_with_its_slot_does_not_grow_the_file(void **state)
{
    struct fixture fixture;
    off_t          before;
    int            ready[2];
    pid_t          child;
    char           byte;

    (void)state;
    fixture_open(&fixture);
    fill(&fixture);
    pv_image_close(fixture.image); /* an environment must not be forked */
    fixture.image = NULL;
    assert_int_equal(pipe(ready), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct pv_policy *policy = NULL;
        struct pv_why     why;

        if (pv_policy_open(fixture.dir, &policy, &why) != PV_OK ||
            pv_reader_begin(policy) != PV_OK || write(ready[1], "r", 1) != 1) {
            _exit(2);
        }
        for (;;) { /* the slot is held */
            (void)pause();
        }
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    {
        struct pv_why why;

        assert_int_equal(
            pv_image_open(fixture.dir, false, &fixture.image, &why), PV_OK);
    }
    for (uint32_t n = 1; n <= 50; n++) {
        change_quota(&fixture, n);
    }
    kill_and_wait(child);
    change_quota(&fixture, 51);
    before = size_of(fixture.dir);
    for (uint32_t n = 52; n <= 3000; n++) {
        change_quota(&fixture, n);
    }
    assert_true(size_of(fixture.dir) < before + 32 * PAGE);
    (void)close(ready[0]);
    (void)close(ready[1]);
    fixture_close(&fixture);
}

/* Neither opens nor finds: nothing is decided on such an image. */
static bool
refuses(const char *dir)
{
    struct pv_policy *policy = NULL;
    struct pv_found   found = {.consumer.version = 0};
    struct pv_why     why = {""};
    enum pv_err       err;
    uint8_t           key[PV_KEY_HASH_LEN];

    err = pv_policy_open(dir, &policy, &why);
    if (err != PV_OK) {
        assert_null(policy);
        assert_true(why.text[0] != '\0');
        return true;
    }
    fixture_key("a-main", key);
    err = pv_policy_find(policy, key, PV_LIT(FIXTURE_PATH), &found);
    pv_policy_close(policy);
    return err != PV_OK;
}

static void
a_torn_image_refuses(void **state)
{
    static const off_t length[] = {0,        1,        100,      PAGE,
                                   PAGE + 1, 2 * PAGE, 3 * PAGE, 4 * PAGE};

    (void)state;
    for (size_t i = 0; i < sizeof(length) / sizeof(length[0]); i++) {
        struct fixture fixture;
        char           path[256];

        fixture_open(&fixture);
        fill(&fixture);
        pv_image_close(fixture.image);
        fixture.image = NULL;
        assert_false(refuses(fixture.dir));
        path_in(fixture.dir, PV_DB_FILE, path);
        assert_true(size_of(fixture.dir) > length[i]);
        assert_int_equal(truncate(path, length[i]), 0);
        assert_true(refuses(fixture.dir));
        fixture_close(&fixture);
    }
    assert_true(refuses("/nonexistent/policy"));
}

/* Invert the byte at an offset of the file. */
static void
flip(const char *dir, off_t at)
{
    char    path[256];
    uint8_t byte;
    int     fd;

    path_in(dir, PV_DB_FILE, path);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (uint8_t)~byte;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

static void
a_damaged_head_refuses(void **state)
{
    static const off_t offset[] = {16, 17, 20, PAGE + 16, PAGE + 20};

    (void)state; /* magic and version of both meta pages */
    for (size_t i = 0; i < sizeof(offset) / sizeof(offset[0]); i++) {
        struct fixture fixture;

        fixture_open(&fixture);
        fill(&fixture);
        pv_image_close(fixture.image);
        fixture.image = NULL;
        flip(fixture.dir, offset[i]);
        assert_true(refuses(fixture.dir));
        fixture_close(&fixture);
    }
}

/* Where the text stands in the file, from an offset on; -1 when nowhere. */
static off_t
find_text(const char *dir, const char *text, off_t from)
{
    static char bytes[1 << 20];
    char        path[256];
    ssize_t     len;
    int         fd;
    char       *hit;

    path_in(dir, PV_DB_FILE, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    len = pread(fd, bytes, sizeof(bytes), 0);
    assert_true(len > 0);
    assert_int_equal(close(fd), 0);
    if (from >= len) {
        return -1;
    }
    hit = memmem(bytes + from, (size_t)(len - from), text, strlen(text));
    return hit == NULL ? -1 : hit - bytes;
}

static void
a_damaged_row_refuses(void **state)
{
    static const char *const text[] = {"provider.test", "m24/r1", "purpose"};

    (void)state;
    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        struct fixture fixture;
        off_t          at = 0;

        fixture_open(&fixture);
        fill(&fixture);
        pv_image_close(fixture.image);
        fixture.image = NULL;
        while ((at = find_text(fixture.dir, text[i], at)) >= 0) {
            flip(fixture.dir, at); /* every copy, also on old pages */
            at++;
        }
        assert_true(refuses(fixture.dir));
        fixture_close(&fixture);
    }
}

/* Write the meta row as a later version would. */
static void
write_format(const char *dir, uint32_t format)
{
    struct pv_key key;
    MDB_env      *env;
    MDB_txn      *txn;
    MDB_dbi       dbi;
    MDB_val       at;
    MDB_val       value;
    char          row[64] = PV_ROW_MAGIC;

    pv_store_u32(row + 4, format);
    pv_key_start(&key, PV_TABLE_META);
    at = (MDB_val){key.len, key.bytes};
    value = (MDB_val){sizeof(row), row};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 1), 0);
    assert_int_equal(mdb_env_open(env, dir, MDB_NOSYNC, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &at, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void
a_newer_image_refuses_also_who_has_it_open(void **state)
{
    struct fixture    fixture;
    struct pv_policy *policy = NULL;
    struct pv_policy *again = NULL;
    struct pv_why     why;
    struct pv_found   found = {.consumer.version = 0};
    uint64_t          version;
    uint8_t           key[PV_KEY_HASH_LEN];

    (void)state;
    fixture_open(&fixture);
    fill(&fixture);
    pv_image_close(fixture.image);
    fixture.image = NULL;
    assert_int_equal(pv_policy_open(fixture.dir, &policy, &why), PV_OK);
    fixture_key("a-main", key);
    assert_int_equal(pv_policy_find(policy, key, PV_LIT(FIXTURE_PATH), &found),
                     PV_OK);
    write_format(fixture.dir, PV_IMAGE_FORMAT + 1);
    assert_int_equal(pv_policy_version(policy, &version), PV_EVERSION);
    assert_int_equal(pv_policy_find(policy, key, PV_LIT(FIXTURE_PATH), &found),
                     PV_EVERSION);
    assert_false(found.consumer.known);
    assert_int_equal(pv_policy_open(fixture.dir, &again, &why), PV_EVERSION);
    assert_non_null(strstr(why.text, "upgrade this program"));
    assert_int_equal(pv_image_open(fixture.dir, false, &fixture.image, &why),
                     PV_EVERSION);
    assert_non_null(strstr(why.text, "upgrade this program"));
    pv_policy_close(policy);
    fixture_close(&fixture);
}

/* By its name, and with what to do; not as damage. */
static void
an_older_image_is_refused_by_its_format(void **state)
{
    static const char *const said[] = {"format 1, this program reads 4",
                                       "makes it anew"};
    struct fixture           fixture;
    struct pv_policy        *policy = NULL;
    struct pv_why            why[2] = {{""}, {""}};

    (void)state;
    fixture_open(&fixture);
    fill(&fixture);
    pv_image_close(fixture.image);
    fixture.image = NULL;
    write_format(fixture.dir, 1);
    assert_int_equal(pv_policy_open(fixture.dir, &policy, &why[0]),
                     PV_EVERSION);
    assert_int_equal(pv_image_open(fixture.dir, false, &fixture.image, &why[1]),
                     PV_EVERSION);
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(strstr(why[i].text, said[0]));
        assert_non_null(strstr(why[i].text, said[1]));
    }
    fixture_close(&fixture);
}

static void
a_removed_image_is_noticed(void **state)
{
    struct fixture    fixture;
    struct pv_policy *policy = NULL;
    struct pv_why     why;
    char              path[256];

    (void)state;
    fixture_open(&fixture);
    fill(&fixture);
    assert_int_equal(pv_policy_open(fixture.dir, &policy, &why), PV_OK);
    assert_true(pv_policy_in_place(policy));
    path_in(fixture.dir, PV_DB_FILE, path);
    assert_int_equal(unlink(path), 0);
    assert_false(pv_policy_in_place(policy));
    pv_policy_close(policy);
    fixture_close(&fixture);
}

static void
a_number_that_was_not_committed_is_not_told(void **state)
{
    struct fixture fixture;
    uint64_t       before;
    uint64_t       changes;

    (void)state;
    fixture_open(&fixture);
    before = pv_image_decision(fixture.image);
    assert_int_equal(pv_image_begin(fixture.image, PV_IMAGE_CHANGE), PV_OK);
    pv_image_set_decision(fixture.image, before + 7);
    pv_image_abort(fixture.image);
    assert_int_equal(pv_image_decision(fixture.image), before);
    assert_int_equal(pv_image_begin(fixture.image, PV_IMAGE_CHANGE), PV_OK);
    pv_image_set_decision(fixture.image, before + 7);
    assert_int_equal(pv_image_commit(fixture.image, &changes), PV_OK);
    assert_int_equal(pv_image_settle(fixture.image), PV_OK);
    assert_int_equal(pv_image_decision(fixture.image), before + 7);
    fixture_close(&fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_writer_killed_anywhere_leaves_a_whole_image),
        cmocka_unit_test(ten_thousand_changes_keep_the_file_small),
        cmocka_unit_test(a_reader_killed_with_its_slot_does_not_grow_the_file),
        cmocka_unit_test(a_torn_image_refuses),
        cmocka_unit_test(a_damaged_head_refuses),
        cmocka_unit_test(a_damaged_row_refuses),
        cmocka_unit_test(a_newer_image_refuses_also_who_has_it_open),
        cmocka_unit_test(an_older_image_is_refused_by_its_format),
        cmocka_unit_test(a_removed_image_is_noticed),
        cmocka_unit_test(a_number_that_was_not_committed_is_not_told),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
