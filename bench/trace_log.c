/* trace_log.c - builds the synthetic log of trace_log.h. */
#include "trace_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/journal_read.h"
#include "trace/pack.h"
#include "trace/tiles.h"

#define SHAPES 64 /* consumer x service */
#define ID_MARK "00000000-0000-7000-8000-000000000000"
#define TIME_MARK 1111111111111
#define TIME_DIGITS 13
#define SAY_EVERY (UINT64_C(1) << 22)

static struct {
    char   line[PV_RECORD_MAX];
    size_t len;
    size_t id_at;
    size_t time_at;
} shape[SHAPES];

_Noreturn void
die(const char *what)
{
    perror(what);
    exit(1);
}

int
open_dir(const char *dir, const char *name)
{
    char path[512];
    int  fd;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name); /* cut: fails */
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        die(path);
    }
    return fd;
}

/* splitmix64: bits that do not compress, the same in every run */
static uint64_t
mix(uint64_t n)
{
    n += UINT64_C(0x9e3779b97f4a7c15);
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}

int64_t
log_written_ms(uint64_t index)
{
    return LOG_START_MS + (int64_t)(index / LOG_FRAME) * LOG_FRAME_MS;
}

struct pv_tracking_id
log_id(uint64_t index)
{
    struct pv_tracking_id id;
    uint64_t              ms = (uint64_t)log_written_ms(index) - 2;
    uint64_t              random = mix(index);

    for (int i = 0; i < 6; i++) {
        id.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    }
    id.bytes[6] = 0x70;
    id.bytes[7] = (uint8_t)(index % LOG_FRAME);
    for (int i = 0; i < 8; i++) {
        id.bytes[8 + i] = (uint8_t)(random >> (56 - 8 * i));
    }
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

static size_t
find(const char *line, size_t len, const char *text)
{
    const char *at = memmem(line, len, text, strlen(text));

    if (at == NULL) {
        die("shape");
    }
    return (size_t)(at - line);
}

void
log_prepare(void)
{
    for (unsigned i = 0; i < SHAPES; i++) {
        char                     consumer[48];
        char                     service[48];
        char                     provider[48];
        struct pv_request_record r = {
            .decision = PV_LIT("allowed"),
            .grant = PV_LIT("grant-1403-0117"),
            .id = PV_LIT(ID_MARK),
            .image = 4711,
            .method = PV_LIT("verify"),
            .node = PV_LIT("nix"),
            .purpose = PV_LIT("knowledge-based-loan"),
            .size = PV_LIT("1k"),
            .time_ms = TIME_MARK,
            .version = PV_LIT("v1"),
        };

        (void)snprintf(consumer, sizeof(consumer), /* fits, as below */
                       "cooperative-development-bank-%u", i % 16);
        (void)snprintf(provider, sizeof(provider), "provider-%u", i / 16);
        (void)snprintf(service, sizeof(service), "national-id-match-%u", i);
        r.consumer = pv_slice_from(consumer);
        r.provider = pv_slice_from(provider);
        r.service = pv_slice_from(service);
        if (pv_record_write_request(&r, shape[i].line, PV_RECORD_MAX,
                                    &shape[i].len) != PV_OK) {
            die("record");
        }
        shape[i].id_at = find(shape[i].line, shape[i].len, ID_MARK);
        shape[i].time_at = find(shape[i].line, shape[i].len, "1111111111111");
    }
}

static void
add(struct pv_bundle *bundle, uint64_t index, struct pv_slice line)
{
    if (pv_bundle_add(bundle, line, 0x1234567890abcdef,
                      log_written_ms(index)) != PV_OK) {
        die("bundle");
    }
}

static void
add_request(struct pv_bundle *bundle, uint64_t index)
{
    unsigned              i = (unsigned)(mix(index / 7) % SHAPES);
    uint64_t              ms = (uint64_t)log_written_ms(index) - 1;
    struct pv_tracking_id id = log_id(index);

    pv_tracking_id_text(&id, shape[i].line + shape[i].id_at);
    for (int k = TIME_DIGITS - 1; k >= 0; k--, ms /= 10) {
        shape[i].line[shape[i].time_at + (size_t)k] = (char)('0' + ms % 10);
    }
    add(bundle, index, (struct pv_slice){shape[i].line, shape[i].len});
}

/* Of the frame before; the last of them waits LOG_LATE_FRAMES more. */
static void
add_completions(struct pv_bundle *bundle, uint64_t index)
{
    static char room[PV_COMPLETIONS_LEN_MAX];
    char        salt[PV_RECORD_SALT_LEN]; /* the same log each time */
    uint64_t    frame = index / LOG_FRAME;
    uint64_t    ms = (uint64_t)log_written_ms(index) - 1;
    size_t      len = 0;
    bool        first = true;
    bool good = pv_record_begin_completions(room, sizeof(room), &len) == PV_OK;

    for (size_t i = 0; i < sizeof(salt); i++) {
        salt[i] = "0123456789abcdef"[index >> (i % 16) * 4 & 15];
    }
    for (uint64_t i = 0; good && i < LOG_FRAME - 1; i++) {
        uint64_t back = i == LOG_FRAME - 2 ? 1 + LOG_LATE_FRAMES : 1;
        struct pv_completion c = {
            .of = (frame - back) * LOG_FRAME + i,
            .forwarded_ms = ms - back * LOG_FRAME_MS + 1,
            .first_ms = ms - 1,
            .last_ms = ms,
            .outcome =
                index % 97 == 0 ? PV_OUTCOME_FAILED : PV_OUTCOME_ANSWERED,
        };

        if (frame >= back) {
            good = pv_record_add_completion(room, sizeof(room), &len, &c,
                                            first) == PV_OK;
            first = false;
        }
    }
    if (good && first) { /* the very first frame has nothing to end */
        struct pv_worker_lost_record lost = {
            .epoch = 1, .node = PV_LIT("nix"), .time_ms = ms};

        good = pv_record_write_worker_lost(&lost, room, sizeof(room), &len) ==
               PV_OK;
    } else if (good) {
        good = pv_record_end_completions(
                   room, sizeof(room), &len, PV_LIT("nix"),
                   (struct pv_slice){salt, sizeof(salt)}) == PV_OK;
    }
    if (!good) {
        die("completions");
    }
    add(bundle, index, (struct pv_slice){room, len});
}

void
log_fill(struct pv_bundle *bundle, uint64_t n, unsigned width)
{
    pv_bundle_begin(bundle, n);
    for (unsigned i = 0; i < width; i++) {
        uint64_t index = n * PV_BUNDLE_LEAVES + i;

        if (log_is_request(index)) {
            add_request(bundle, index);
        } else {
            add_completions(bundle, index);
        }
    }
}

/* ---- building ------------------------------------------------------------ */

static void
hash_bundle(struct pv_sha256 *sha, struct pv_tiles *tiles,
            const struct pv_bundle *bundle)
{
    struct pv_hash hash[PV_BUNDLE_LEAVES];

    for (unsigned i = 0; i < bundle->width; i++) {
        if (pv_merkle_leaf(sha, pv_bundle_line(bundle, i), &hash[i]) != PV_OK) {
            die("hash");
        }
    }
    if (pv_tiles_append(tiles, hash, bundle->width) != PV_OK) {
        die("tree");
    }
}

/* One frame of a bundle, as a commit of its own. */
static void
journal_frame(struct pv_journal *journal, struct pv_commit *commit,
              const struct pv_bundle *bundle, unsigned from, unsigned count)
{
    size_t   room_len;
    size_t   len = 0;
    uint8_t *room;

    pv_commit_begin(commit, journal->next_index);
    room = pv_commit_room(commit, &room_len);
    for (unsigned i = from; i < from + count; i++) {
        struct pv_slice line = pv_bundle_line(bundle, i);

        room[len] = (uint8_t)line.len;
        room[len + 1] = (uint8_t)(line.len >> 8);
        memcpy(room + len + 2, line.ptr, line.len);
        len += 2 + line.len;
    }
    pv_commit_add(commit, bundle->epoch[from], journal->next_commit, count,
                  len);
    if (pv_journal_commit(journal, commit, bundle->written_ms[from]) != PV_OK) {
        die("commit");
    }
}

/* A journal whose segments up to the first leaf were removed. */
static void
build_journal(const char *dir, struct pv_tiles *tiles, struct pv_sha256 *sha,
              uint64_t first, uint64_t end)
{
    const struct pv_journal_options options = {
        .segment_size = PV_SEGMENT_SIZE_DEFAULT, .node = PV_LIT("nix")};
    struct pv_recovery recovery = {.now_ms = LOG_START_MS - 1000};
    struct pv_journal  journal;
    struct pv_commit   commit;
    struct pv_bundle   bundle;
    struct pv_why      why;
    char               path[512];
    char               name[PV_SEGMENT_NAME_LEN + 1];
    int                fd;

    (void)snprintf(path, sizeof(path), "%s/" LOG_JOURNAL, dir); /* cut: fails */
    pv_bundle_init(&bundle);
    if (pv_commit_init(&commit, PV_COMMIT_LEN_MAX) != PV_OK ||
        pv_journal_open(path, &options, &journal, &why) != PV_OK ||
        pv_journal_recover(&journal, &recovery, &why) != PV_OK) {
        die("journal");
    }
    if (first > 0) {
        journal.next_index = first;
        journal.next_commit = first / LOG_FRAME + 1;
        journal.time_ms = log_written_ms(first) - 1;
        if (pv_journal_next(&journal, -1, PV_SEGMENT_FULL) != PV_OK) {
            die("segment");
        }
        pv_segment_name(1, name);
        if (unlinkat(journal.dirfd, name, 0) == -1) {
            die(name);
        }
        fd = openat(journal.dirfd, PV_JOURNAL_REMOVED,
                    O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
        if (fd == -1 || write(fd, "2\n", 2) != 2 || close(fd) == -1) {
            die(PV_JOURNAL_REMOVED);
        }
    }
    for (uint64_t n = first / PV_BUNDLE_LEAVES; n * PV_BUNDLE_LEAVES < end;
         n++) {
        uint64_t left = end - n * PV_BUNDLE_LEAVES;

        log_fill(&bundle, n,
                 left < PV_BUNDLE_LEAVES ? (unsigned)left : PV_BUNDLE_LEAVES);
        hash_bundle(sha, tiles, &bundle);
        for (unsigned i = 0; i < bundle.width; i += LOG_FRAME) {
            unsigned count =
                bundle.width - i < LOG_FRAME ? bundle.width - i : LOG_FRAME;

            journal_frame(&journal, &commit, &bundle, i, count);
        }
    }
    if (pv_journal_mark(&journal, log_written_ms(end) + 1) != PV_OK) {
        die("mark");
    }
    pv_journal_close(&journal);
    pv_commit_clear(&commit);
    pv_bundle_clear(&bundle);
}

static void
make(const char *dir, const char *name)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name); /* cut: fails */
    if (mkdir(path, 0750) == -1 && errno != EEXIST) {
        die(path);
    }
}

void
log_build(const char *dir, uint64_t leaves)
{
    struct pv_sha256 *sha;
    struct pv_tiles  *tiles;
    struct pv_sealer *sealer;
    struct pv_bundle  bundle;
    uint64_t          packed = leaves / PV_PACK_LEAVES * PV_PACK_LEAVES;
    int               log_fd;
    int               tree_fd;

    make(dir, LOG_JOURNAL);
    make(dir, LOG_DIR);
    make(dir, LOG_DIR "/tree");
    log_fd = open_dir(dir, LOG_DIR);
    tree_fd = open_dir(dir, LOG_DIR "/tree");
    pv_bundle_init(&bundle);
    if (pv_sha256_new(&sha) != PV_OK ||
        pv_tiles_open(tree_fd, true, &tiles) != PV_OK ||
        pv_tiles_truncate(tiles, 0) != PV_OK ||
        pv_sealer_open(log_fd, &sealer) != PV_OK) {
        die("log");
    }
    for (uint64_t n = 0; n * PV_BUNDLE_LEAVES < packed; n++) {
        log_fill(&bundle, n, PV_BUNDLE_LEAVES);
        hash_bundle(sha, tiles, &bundle);
        if (pv_sealer_add(sealer, &bundle) != PV_OK) {
            die("pack");
        }
        if (n * PV_BUNDLE_LEAVES % SAY_EVERY == 0 && isatty(STDERR_FILENO)) {
            (void)fprintf(stderr, "\r%llu of %llu leaves", /* progress */
                          (unsigned long long)(n * PV_BUNDLE_LEAVES),
                          (unsigned long long)leaves);
        }
    }
    build_journal(dir, tiles, sha, packed, leaves);
    if (pv_tiles_sync(tiles) != PV_OK) {
        die("tree");
    }
    pv_sealer_close(sealer);
    pv_tiles_close(tiles);
    pv_sha256_free(sha);
    pv_bundle_clear(&bundle);
    (void)close(tree_fd); /* a directory, as the next */
    (void)close(log_fd);
}
