#include "log_scene.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "trace/journal_read.h"

static const struct pv_journal_options options = {
    .segment_size = PV_SEGMENT_SIZE_MIN,
    .align = PV_COMMIT_ALIGN_MIN,
    .node = PV_SLICE_INIT("nix"),
};

static int
make_dir(struct log_scene *scene, const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", scene->dir, name); /* fits */
    assert_int_equal(mkdir(path, 0700), 0);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void
log_scene_open(struct log_scene *scene)
{
    struct pv_recovery recovery = {.now_ms = SCENE_START_MS};
    struct pv_why      why;
    char               path[128];

    memset(scene, 0, sizeof(*scene));
    (void)snprintf(scene->dir, sizeof(scene->dir),
                   "/tmp/pv-log-XXXXXX"); /* fits */
    assert_non_null(mkdtemp(scene->dir));
    scene->journal_fd = make_dir(scene, "journal");
    scene->log_fd = make_dir(scene, "log");
    scene->now_ms = SCENE_START_MS;
    (void)snprintf(path, sizeof(path), "%s/journal", scene->dir); /* fits */
    assert_int_equal(pv_commit_init(&scene->commit, 100000), PV_OK);
    assert_int_equal(pv_journal_open(path, &options, &scene->journal, &why),
                     PV_OK);
    assert_int_equal(pv_journal_recover(&scene->journal, &recovery, &why),
                     PV_OK);
}

void
log_scene_close(struct log_scene *scene)
{
    pid_t pid;
    int   status = 1;

    pv_journal_close(&scene->journal);
    pv_commit_clear(&scene->commit);
    (void)close(scene->journal_fd); /* read-only */
    (void)close(scene->log_fd);     /* read-only */
    pid = fork();
    if (pid == 0) {
        (void)execl("/bin/rm", "rm", "-rf", scene->dir, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

struct pv_tracking_id
log_scene_id(uint64_t n, int64_t when_ms)
{
    struct pv_tracking_id id;

    memset(&id, 0, sizeof(id));
    for (int i = 0; i < 6; i++) {
        id.bytes[i] = (uint8_t)((uint64_t)when_ms >> (40 - 8 * i));
    }
    id.bytes[6] = 0x70;
    id.bytes[8] = 0x80;
    for (unsigned i = 0; i < 6; i++) {
        id.bytes[10 + i] = (uint8_t)(n >> (40 - 8 * i));
    }
    return id;
}

static size_t
put_request(struct log_scene *scene, uint8_t *at)
{
    char                     text[PV_TRACKING_ID_LEN];
    char                     consumer[16];
    char                     provider[16];
    char                     service[16];
    size_t                   len = 0;
    struct pv_tracking_id    id = log_scene_id(scene->calls, scene->now_ms);
    struct pv_request_record r = {
        .decision = PV_LIT("allowed"),
        .grant = PV_LIT("grant-1"),
        .image = 1,
        .method = PV_LIT("verify"),
        .node = PV_LIT("nix"),
        .size = PV_LIT("1k"),
        .time_ms = (uint64_t)scene->now_ms,
        .version = PV_LIT("v1"),
    };

    (void)snprintf(consumer, sizeof(consumer), "consumer-%u", /* fits */
                   (unsigned)(scene->calls % SCENE_CONSUMERS));
    (void)snprintf(provider, sizeof(provider), "provider-%u", /* fits */
                   (unsigned)(scene->calls % 5));
    (void)snprintf(service, sizeof(service), "service-%u", /* fits */
                   (unsigned)(scene->calls % 5));
    pv_tracking_id_text(&id, text);
    r.id = (struct pv_slice){text, sizeof(text)};
    r.consumer = pv_slice_from(consumer);
    r.provider = pv_slice_from(provider);
    r.service = pv_slice_from(service);
    assert_int_equal(
        pv_record_write_request(&r, (char *)at + 2, PV_RECORD_MAX, &len),
        PV_OK);
    at[0] = (uint8_t)len;
    at[1] = (uint8_t)(len >> 8);
    scene->calls++;
    return len + 2;
}

static size_t
put_completions(struct log_scene *scene, uint8_t *at, uint64_t from,
                unsigned count)
{
    char    *room = (char *)at + 2;
    uint64_t when = (uint64_t)scene->now_ms;
    size_t   len = 0;

    assert_int_equal(
        pv_record_begin_completions(room, PV_COMPLETIONS_LEN_MAX, &len), PV_OK);
    for (unsigned i = 0; i < count; i++) {
        struct pv_completion c = {from + i, when, when, when,
                                  (from + i) % 7 == 0 ? PV_OUTCOME_FAILED
                                                      : PV_OUTCOME_ANSWERED};

        assert_int_equal(pv_record_add_completion(room, PV_COMPLETIONS_LEN_MAX,
                                                  &len, &c, i == 0),
                         PV_OK);
    }
    assert_int_equal(pv_record_end_completions(
                         room, PV_COMPLETIONS_LEN_MAX, &len, PV_LIT("nix"),
                         PV_LIT("0123456789abcdef0123456789abcdef")),
                     PV_OK);
    at[0] = (uint8_t)len;
    at[1] = (uint8_t)(len >> 8);
    return len + 2;
}

static uint64_t
write_commit(struct log_scene *scene)
{
    uint64_t    first = scene->journal.next_index;
    enum pv_err err =
        pv_journal_commit(&scene->journal, &scene->commit, scene->now_ms);

    if (err == PV_EFULL) {
        assert_int_equal(pv_journal_next(&scene->journal, -1, PV_SEGMENT_FULL),
                         PV_OK);
        err = pv_journal_commit(&scene->journal, &scene->commit, scene->now_ms);
    }
    assert_int_equal(err, PV_OK);
    scene->now_ms++;
    return first;
}

uint64_t
log_scene_commit(struct log_scene *scene, uint64_t epoch, unsigned count,
                 uint64_t done_from, unsigned done_count)
{
    size_t   room_len;
    size_t   len = 0;
    uint8_t *room;

    pv_commit_begin(&scene->commit, scene->journal.next_index);
    room = pv_commit_room(&scene->commit, &room_len);
    assert_non_null(room);
    for (unsigned i = 0; i < count; i++) {
        len += put_request(scene, room + len);
    }
    if (done_count > 0) {
        len += put_completions(scene, room + len, done_from, done_count);
        count++;
    }
    pv_commit_add(&scene->commit, epoch, 1, count, len);
    return write_commit(scene);
}

void
log_scene_lose(struct log_scene *scene, uint64_t epoch)
{
    const struct pv_worker_lost_record lost = {.epoch = epoch,
                                               .node = PV_LIT("nix"),
                                               .open = 1,
                                               .time_ms =
                                                   (uint64_t)scene->now_ms};
    size_t                             room_len;
    size_t                             len = 0;
    uint8_t                           *room;

    pv_commit_begin(&scene->commit, scene->journal.next_index);
    room = pv_commit_room(&scene->commit, &room_len);
    assert_non_null(room);
    assert_int_equal(pv_record_write_worker_lost(&lost, (char *)room + 2,
                                                 PV_RECORD_MAX, &len),
                     PV_OK);
    room[0] = (uint8_t)len;
    room[1] = (uint8_t)(len >> 8);
    pv_commit_add(&scene->commit, 0, 0, 1, len + 2);
    (void)write_commit(scene); /* its index is not asked for */
}
