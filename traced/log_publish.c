/* log_publish.c - the checkpoints that others read, and the log's status. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/num.h"
#include "base/time.h"
#include "daemon/event.h"
#include "daemon/file.h"
#include "log.h"

#define STATUS_MS 1000
#define STATUS_IDLE_MS 10000
#define STATUS_MAX 4096
#define NOTED_LEN_MAX 32
#define ROLLED_BACK                                                            \
    "was rolled back, perhaps from a backup: a larger one was published since"

/* ---- at start -------------------------------------------------------------
 */

/* The size of a published note of ours. PV_ENOTFOUND: no such file. */
static enum pv_err
read_published(struct log *log, const char *name, struct pv_checkpoint *ret,
               struct pv_buf *room)
{
    enum pv_err err = pv_file_read(FD_LOG, name, room);

    if (err == PV_OK) {
        err =
            pv_checkpoint_open(pv_buf_view(room), &log->signer.key, ret, NULL);
    }
    if (err != PV_OK && err != PV_ENOTFOUND) {
        pv_why_set(&log->why,
                   "the published %s does not read as this log's (%s). If it "
                   "was changed or damaged, remove it: the last one signed is "
                   "published again",
                   name, pv_err_text(err));
        return err == PV_ESYS || err == PV_ENOMEM ? err : PV_EVERIFY;
    }
    return err;
}

static enum pv_err
signer_is_behind(struct log *log, const char *name, uint64_t size)
{
    pv_why_set(&log->why,
               "the published %s is of %llu leaves, the signer knows of "
               "%llu: the signer's directory was rolled back. Restore its "
               "newest `signed`. When that is lost, remove the old one and "
               "go on from the published checkpoint: payvand-traced "
               "--accept-checkpoint LOG/%s --signer DIR",
               name, (unsigned long long)size,
               (unsigned long long)log->signer.size, name);
    return PV_EVERIFY;
}

static enum pv_err
compare_published(struct log *log, const char *name,
                  const struct pv_checkpoint *published)
{
    struct pv_checkpoint before;
    bool                 is_last = published->size == log->signer.size;

    if (is_last && pv_hash_eq(&published->root, &log->signer.root)) {
        log->written = true;
        return PV_OK;
    }
    if (published->size > log->signer.size || is_last) {
        return signer_is_behind(log, name, published->size);
    }
    /* it ended between signing and publishing */
    if (log->signer.before.len > 0 &&
        pv_checkpoint_open(pv_buf_view(&log->signer.before), &log->signer.key,
                           &before, NULL) == PV_OK &&
        published->size == before.size &&
        pv_hash_eq(&published->root, &before.root)) {
        return PV_OK;
    }
    pv_why_set(
        &log->why,
        "the published %s is of %llu leaves, but %llu were signed since: "
        "it was rolled back, perhaps from a backup. Who trusts it sees "
        "an old log. If journal and tree are whole, remove the file: "
        "the last one signed is published again",
        name, (unsigned long long)published->size,
        (unsigned long long)log->signer.size);
    return PV_EVERIFY;
}

/*
 * Without witnesses `checkpoint` is the last one that was published; with
 * them `checkpoint.log` is, and `checkpoint` may be as late as they are.
 */
enum pv_err
log_check_published(struct log *log)
{
    const char          *name = LOG_CHECKPOINT;
    struct pv_checkpoint published;
    struct pv_buf        room;
    enum pv_err          err;

    pv_buf_init(&room, PV_CHECKPOINT_NOTE_MAX);
    err = read_published(log, LOG_CHECKPOINT, &published, &room);
    if (err == PV_OK) {
        log->public = true;
        log->public_size = published.size;
        log->public_root = published.root;
    }
    if (err == PV_OK && published.size > log->signer.size) {
        err = signer_is_behind(log, LOG_CHECKPOINT, published.size);
    } else if (err == PV_OK) {
        state_set(&log->state->published_size, published.size);
    }
    if (pv_file_is_there(FD_LOG, LOG_SIGNED) &&
        (err == PV_OK || err == PV_ENOTFOUND)) {
        name = LOG_SIGNED;
        room.len = 0;
        err = read_published(log, name, &published, &room);
    }
    if (err == PV_OK) {
        err = compare_published(log, name, &published);
    } else if (err == PV_ENOTFOUND) {
        err = PV_OK;
    }
    if (err == PV_OK && log->witnessed &&
        !pv_file_is_there(FD_LOG, LOG_SIGNED)) {
        log->written = false; /* the first one since there are witnesses */
    }
    pv_buf_clear(&room);
    return err;
}

/* ---- kept ones ------------------------------------------------------------
 */

/*
 * The last whole note of the kept ones, and where it ends: behind it may stand
 * half a note that a crash left. PV_ENOTFOUND: none; then ret_end is 0.
 */
static enum pv_err
last_kept(int fd, struct pv_slice *ret_note, off_t *ret_end)
{
    static char room[2 * PV_CHECKPOINT_NOTE_MAX];
    struct stat st;
    off_t       from;
    ssize_t     len;
    size_t      begin = 0;
    bool        signature = true; /* the line before this one is */

    if (fstat(fd, &st) == -1) {
        return PV_ESYS;
    }
    from =
        st.st_size > (off_t)sizeof(room) ? st.st_size - (off_t)sizeof(room) : 0;
    len = pread(fd, room, sizeof(room), from);
    if (len < 0) {
        return PV_ESYS;
    }
    *ret_end = from;
    *ret_note = (struct pv_slice){room, 0};
    for (size_t i = 0, line = 0; i < (size_t)len; i++) {
        if (room[i] != '\n') {
            continue;
        }
        begin = signature && (unsigned char)room[line] != 0xe2 ? line : begin;
        signature = (unsigned char)room[line] == 0xe2; /* of the long dash */
        line = i + 1;
        if (signature) {
            *ret_note = (struct pv_slice){room + begin, line - begin};
            *ret_end = from + (off_t)line;
        }
    }
    return ret_note->len > 0 ? PV_OK : PV_ENOTFOUND;
}

static enum pv_err
refuse_public(struct log *log, const char *what)
{
    pv_why_set(&log->why,
               "the published " LOG_CHECKPOINT " of %llu leaves %s. Who trusts "
               "it sees another log or an old one. If journal and tree are "
               "whole, remove the file: the next one is published",
               (unsigned long long)log->public_size, what);
    return PV_EVERIFY;
}

/* Was a larger one published? PV_OK: none is known. */
static enum pv_err
compare_kept(struct log *log)
{
    struct pv_checkpoint kept;
    struct pv_slice      note;
    off_t                end;
    int fd = openat(FD_LOG, LOG_KEPT, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum pv_err err = PV_ENOTFOUND;

    if (fd == -1) {
        return errno == ENOENT ? PV_OK : PV_ESYS;
    }
    err = last_kept(fd, &note, &end);
    if (err == PV_OK &&
        pv_checkpoint_open(note, &log->signer.key, &kept, NULL) == PV_OK &&
        kept.size > log->public_size) {
        err = refuse_public(log, ROLLED_BACK);
    }
    (void)close(fd); /* read-only: nothing to lose */
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/* What does not read is lost, and says nothing. */
static uint64_t
read_noted(void)
{
    struct pv_slice line;
    struct pv_slice rest;
    struct pv_buf   room;
    uint64_t        size = 0;

    pv_buf_init(&room, NOTED_LEN_MAX);
    if (pv_file_read(FD_LOG, LOG_PUBLISHED, &room) != PV_OK ||
        !pv_slice_cut(pv_buf_view(&room), '\n', &line, &rest) || rest.len > 0 ||
        pv_slice_to_u64(line, PV_MERKLE_SIZE_MAX, &size) != PV_OK) {
        size = 0;
    }
    pv_buf_clear(&room);
    return size;
}

static enum pv_err
compare_noted(struct log *log, uint64_t noted)
{
    if (noted <= log->signer.size) {
        return PV_OK;
    }
    pv_why_set(&log->why,
               "a checkpoint of %llu leaves was published, the signer knows of "
               "%llu: the signer's directory was rolled back. Restore its "
               "newest `signed` and the newest " LOG_CHECKPOINT ". When both "
               "are lost, remove LOG/" LOG_PUBLISHED " and LOG/" LOG_CHECKPOINT
               ": it goes on from what is there",
               (unsigned long long)noted, (unsigned long long)log->signer.size);
    return PV_EVERIFY;
}

static void
note_published(uint64_t size)
{
    char   text[PV_U64_TEXT_MAX + 1];
    size_t len = pv_u64_text(size, text);

    text[len++] = '\n';
    pv_file_replace_lightly(FD_LOG, LOG_PUBLISHED, (struct pv_slice){text, len},
                            PV_FILE_MODE_GROUP);
}

enum pv_err
log_check_public(struct log *log)
{
    uint64_t       noted = read_noted();
    struct pv_hash root;
    enum pv_err    err = compare_noted(log, noted);

    if (!log->public || err != PV_OK) {
        return err;
    }
    err = pv_tiles_root(log->tiles, log->public_size, &root);
    if (err == PV_OK && !pv_hash_eq(&root, &log->public_root)) {
        return refuse_public(log, "is not of this tree");
    }
    if (err == PV_OK && noted > log->public_size) {
        return refuse_public(log, ROLLED_BACK); /* in this very hour */
    }
    if (err == PV_OK) {
        err = compare_kept(log);
    }
    if (err != PV_OK && log->why.text[0] == '\0') {
        pv_why_set(&log->why, "cannot compare the published checkpoint: %s",
                   pv_err_text(err));
    }
    return err;
}

/* ---- publishing -----------------------------------------------------------
 */

/* One for auditors to keep: behind each pack, and each hour. */
static enum pv_err
keep_one(struct log *log, struct pv_slice note, uint64_t size)
{
    int64_t         now_ms = pv_time_monotonic_ms();
    enum pv_err     err = PV_ESYS;
    struct pv_slice last;
    off_t           end = 0;
    int             fd;

    if (size == 0 ||
        (log->kept_ms != 0 && now_ms - log->kept_ms < KEEP_EVERY_MS &&
         size / KEEP_EVERY_LEAVES == log->kept_size / KEEP_EVERY_LEAVES)) {
        return PV_OK;
    }
    fd = openat(FD_LOG, LOG_KEPT, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                PV_FILE_MODE_GROUP);
    if (fd == -1) {
        return PV_ESYS;
    }
    if (last_kept(fd, &last, &end) != PV_ESYS && ftruncate(fd, end) == 0 &&
        pwrite(fd, note.ptr, note.len, end) == (ssize_t)note.len &&
        fdatasync(fd) == 0) {
        log->kept_ms = now_ms;
        log->kept_size = size;
        err = PV_OK;
    }
    (void)close(fd); /* what counts was synced; half a note is cut later */
    return err;
}

static void
say_failed(uint64_t size)
{
    pv_log_event("error", "log.publish_failed",
                 "size=%llu errno=%d (%s); trying again",
                 (unsigned long long)size, errno, strerror(errno));
}

bool
log_publish(struct log *log, struct pv_slice note, uint64_t size)
{
    enum pv_err err =
        pv_file_replace(FD_LOG, LOG_CHECKPOINT, note, PV_FILE_MODE_GROUP);

    if (err == PV_OK) {
        err = keep_one(log, note, size);
    }
    if (err != PV_OK) {
        say_failed(size);
        return false;
    }
    note_published(size);
    log->asked_new_ms = 0;
    state_set(&log->state->published_ms, (uint64_t)pv_time_wall_ms());
    state_set(&log->state->published_size, size);
    return true;
}

/*
 * Of a time with witnesses: older than `checkpoint` from now on. It is gone
 * from the disk before more is signed: if it came back with the power, a start
 * would take it for a copy of long ago and refuse.
 */
static bool
remove_signed(uint64_t size)
{
    if (unlinkat(FD_LOG, LOG_SIGNED, 0) == -1) {
        if (errno == ENOENT) {
            return true;
        }
    } else if (fsync(FD_LOG) == 0) {
        return true;
    }
    say_failed(size);
    return false;
}

void
log_write_signed(struct log *log)
{
    struct pv_slice note = pv_buf_view(&log->signer.note);

    if (!log->witnessed) {
        log->asked_new_ms = log->signed_ms;
        log->written = log_publish(log, note, log->signer.size) &&
                       remove_signed(log->signer.size);
        log->signed_ms = log->written ? 0 : log->signed_ms;
        return;
    }
    log->written =
        pv_file_replace(FD_LOG, LOG_SIGNED, note, PV_FILE_MODE_GROUP) == PV_OK;
    if (!log->written) {
        say_failed(log->signer.size);
    }
}

/* ---- status ---------------------------------------------------------------
 */

static void
fill_status(const struct log *log, struct pv_json *json)
{
    const struct log_state *state = log->state;
    uint64_t                late_ms = state_get(&state->unsigned_ms);
    uint64_t                now_ms = (uint64_t)pv_time_wall_ms();

    pv_json_object(json, NULL);
    pv_json_u64(json, "durable", state_get(&state->durable_index));
    pv_json_string(
        json, "origin",
        (struct pv_slice){log->signer.key.name, log->signer.key.name_len});
    pv_json_u64(json, "published", state_get(&state->published_size));
    pv_json_u64(json, "published_time", state_get(&state->published_ms));
    if (log->why.text[0] != '\0') {
        pv_json_text(json, "refusal", log->why.text);
    }
    pv_json_u64(json, "signed", state_get(&state->signed_size));
    pv_json_bool(json, "split_view", state_get(&state->split_view) != 0);
    pv_json_u64(json, "staleness_ms",
                late_ms != 0 && now_ms > late_ms ? now_ms - late_ms : 0);
    pv_json_u64(json, "time", now_ms);
    if (state_get(&state->uses_unknown) != 0) {
        pv_json_bool(json, "uncounted", true);
    }
    pv_json_bool(json, "witness_back", state_get(&state->witness_back) != 0);
    pv_json_u64(json, "witness_count", state_get(&state->witness_count));
    pv_json_bool(json, "witnessed", log->witnessed);
    pv_json_end_object(json);
}

void
log_write_status(struct log *log, bool now)
{
    int64_t        now_ms = pv_time_monotonic_ms();
    uint64_t       published = state_get(&log->state->published_size);
    bool           idle = log->new_ms == 0 && published == log->status_size;
    int64_t        wait_ms = idle ? STATUS_IDLE_MS : STATUS_MS;
    struct pv_buf  room;
    struct pv_json json;

    if (!now && log->status_ms != 0 && now_ms - log->status_ms < wait_ms) {
        return;
    }
    log->status_ms = now_ms;
    log->status_size = published;
    pv_buf_init(&room, STATUS_MAX);
    pv_json_init(&json, &room);
    fill_status(log, &json);
    if (pv_json_finish(&json) == PV_OK &&
        pv_buf_add_char(&room, '\n') == PV_OK) {
        /* it may be lost; its age is looked at */
        pv_file_replace_lightly(FD_LOG, LOG_STATUS, pv_buf_view(&room),
                                PV_FILE_MODE_GROUP);
    }
    pv_buf_clear(&room);
}
