/*
 * payvand-bench-trace - a log of synthetic records, and how fast it answers.
 *
 *   build DIR LEAVES    make it; prints the CPU that a leaf took
 *   proof DIR LEAVES    a record and its proof, warm
 *   find DIR LEAVES     a record by its tracking id, each time by a fresh
 *                       process with all files dropped from the page cache
 *   sign DIR LEAVES     what a signer with the key in DIR/signer had signed
 *   limits DIR          SHA-256 of such leaves, sequential write + fdatasync
 *
 * Each prints one JSON object. bench/trace puts them together.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "trace/checkpoint.h"
#include "trace/log_read.h"
#include "trace/tiles.h"
#include "trace_log.h"

#define PROOFS 4000
#define FINDS 40
#define LIMIT_NS UINT64_C(1000000000)
#define DISK_CHUNK (1 << 20)
#define DISK_LEN (64 << 20)

static uint64_t
now_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail */
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
percentile(double *sample, size_t count, double part)
{
    qsort(sample, count, sizeof(*sample), by_size);
    return sample[(size_t)((double)(count - 1) * part)];
}

/* The most memory that this process has had, KiB. */
static uint64_t
peak_kib(void)
{
    char     text[128];
    uint64_t kib = 0;
    FILE    *file = fopen("/proc/self/status", "r");

    while (file != NULL && fgets(text, sizeof(text), file) != NULL) {
        struct pv_slice s = pv_slice_from(text);

        if (pv_slice_starts(s, PV_LIT("VmHWM:"))) {
            s = pv_slice_trim((struct pv_slice){s.ptr + 6, s.len - 6});
            (void)pv_slice_cut(s, ' ', &s, &(struct pv_slice){0}); /* " kB" */
            if (pv_slice_to_u64(s, UINT64_MAX, &kib) != PV_OK) {
                die("VmHWM");
            }
        }
    }
    if (file != NULL) {
        (void)fclose(file); /* read-only */
    }
    return kib;
}

/* A request's leaf, anywhere in the log, the same in every run. */
static uint64_t
pick(uint64_t n, uint64_t leaves)
{
    uint64_t index =
        n * UINT64_C(0x9e3779b97f4a7c15) % (leaves - LOG_FRAME * 1000);

    return log_is_request(index) ? index : index - 1;
}

/* ---- build ----------------------------------------------------------------
 */

static void
build(const char *dir, uint64_t leaves)
{
    uint64_t      start = now_ns();
    struct rusage usage;
    double        cpu;

    log_prepare();
    log_build(dir, leaves);
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail */
    cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
          (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    (void)printf("{\"leaves\":%" PRIu64 ",\"seconds\":%.1f,\"cpu_us_per_leaf\":"
                 "%.3f,\"peak_kib\":%" PRIu64 "}\n",
                 leaves, (double)(now_ns() - start) / 1e9,
                 cpu * 1e6 / (double)leaves, peak_kib()); /* a loss shows */
}

/* ---- proof ----------------------------------------------------------------
 */

static double
prove(struct pv_log *log, struct pv_tiles *tiles, uint64_t index,
      uint64_t leaves, struct pv_sha256 *sha, const struct pv_hash *root)
{
    struct pv_merkle_proof proof;
    struct pv_log_leaf     leaf;
    struct pv_hash         hash;
    uint64_t               start = now_ns();
    double                 ms;

    if (pv_log_leaf(log, index, &leaf) != PV_OK ||
        pv_tiles_inclusion(tiles, index, leaves, &proof) != PV_OK) {
        die("proof");
    }
    ms = (double)(now_ns() - start) / 1e6;
    if (pv_merkle_leaf(sha, leaf.line, &hash) != PV_OK ||
        pv_merkle_verify_inclusion(sha, index, leaves, &hash, proof.hash,
                                   proof.count, root) != PV_OK) {
        die("a proof does not verify");
    }
    return ms;
}

static void
measure_proofs(const char *dir, uint64_t leaves)
{
    static double     ms[PROOFS];
    struct pv_sha256 *sha;
    struct pv_tiles  *tiles;
    struct pv_log    *log;
    struct pv_hash    root;

    if (pv_sha256_new(&sha) != PV_OK ||
        pv_tiles_open(open_dir(dir, LOG_DIR "/tree"), false, &tiles) != PV_OK ||
        pv_log_open(open_dir(dir, LOG_JOURNAL), open_dir(dir, LOG_DIR), &log) !=
            PV_OK ||
        pv_tiles_root(tiles, leaves, &root) != PV_OK) {
        die("log");
    }
    for (int round = 0; round < 2; round++) { /* the first one warms up */
        for (uint64_t i = 0; i < PROOFS; i++) {
            ms[i] = prove(log, tiles, pick(i, leaves), leaves, sha, &root);
        }
    }
    (void)printf("{\"leaves\":%" PRIu64 ",\"proof_p50_ms\":%.3f,"
                 "\"proof_p99_ms\":%.3f,\"proof_max_ms\":%.3f,"
                 "\"peak_kib\":%" PRIu64 "}\n",
                 leaves, percentile(ms, PROOFS, 0.50),
                 percentile(ms, PROOFS, 0.99), percentile(ms, PROOFS, 1),
                 peak_kib()); /* a loss shows */
    pv_log_close(log);
    pv_tiles_close(tiles);
    pv_sha256_free(sha);
}

/* ---- find -----------------------------------------------------------------
 */

/* KiB of a file that are in the page cache. */
static uint64_t
resident_kib(int fd)
{
    long           page = sysconf(_SC_PAGESIZE);
    struct stat    st;
    unsigned char *in;
    void          *map;
    uint64_t       kib = 0;
    size_t         pages;

    if (fstat(fd, &st) == -1 || st.st_size == 0) {
        return 0;
    }
    pages = ((size_t)st.st_size + (size_t)page - 1) / (size_t)page;
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    in = malloc(pages);
    if (map == MAP_FAILED || in == NULL ||
        mincore(map, (size_t)st.st_size, in) == -1) {
        die("mincore");
    }
    for (size_t i = 0; i < pages; i++) {
        kib += (in[i] & 1u) * (unsigned)page / 1024;
    }
    (void)munmap(map, (size_t)st.st_size); /* nothing to lose */
    free(in);
    return kib;
}

/* Drop a directory's files from the page cache; KiB that stayed. */
static uint64_t
drop_dir(const char *dir, const char *name)
{
    int            fd = open_dir(dir, name);
    DIR           *list = fdopendir(fd);
    struct dirent *entry;
    uint64_t       kib = 0;

    while (list != NULL && (entry = readdir(list)) != NULL) {
        struct stat st;
        int         file = openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC);

        if (file != -1 && fstat(file, &st) == 0 && S_ISREG(st.st_mode)) {
            (void)posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED); /* counted */
            kib += resident_kib(file);
        }
        if (file != -1) {
            (void)close(file); /* read-only */
        }
    }
    if (list != NULL) {
        (void)closedir(list); /* read-only */
    }
    return kib;
}

static uint64_t
drop_all(const char *dir)
{
    return drop_dir(dir, LOG_JOURNAL) + drop_dir(dir, LOG_DIR) +
           drop_dir(dir, LOG_DIR "/tree") + drop_dir(dir, LOG_DIR "/pack");
}

/* In the fresh process: prints us since the parent began it. */
static void
find_one(const char *dir, uint64_t index, uint64_t begun_ns)
{
    static struct pv_trace_found found;
    struct pv_tracking_id        id = log_id(index);
    struct pv_log               *log;

    if (pv_log_open(open_dir(dir, LOG_JOURNAL), open_dir(dir, LOG_DIR), &log) !=
            PV_OK ||
        pv_log_find(log, &id, LOG_START_MS, &found) != PV_OK ||
        found.index != index || found.state != PV_TRACE_DONE) {
        die("not found");
    }
    (void)printf("%" PRIu64 " %" PRIu64 "\n", (now_ns() - begun_ns) / 1000,
                 peak_kib()); /* a loss shows */
    pv_log_close(log);
}

/* ms from before the fork to the answer in a fresh process. */
static double
find_in_child(const char *dir, uint64_t index, double *ret_kib)
{
    char            text[64];
    char            leaf[PV_U64_TEXT_MAX + 1] = {0};
    char            begun[PV_U64_TEXT_MAX + 1] = {0};
    struct pv_slice rest = {text, 0};
    struct pv_slice us;
    uint64_t        n[2];
    int             pipe_fd[2];
    int             status;
    pid_t           pid = -1;

    (void)pv_u64_text(index, leaf); /* a NUL follows, as below */
    (void)pv_u64_text(now_ns(), begun);
    if (pipe(pipe_fd) == -1 || (pid = fork()) == -1) {
        die("fork");
    }
    if (pid == 0) {
        (void)dup2(pipe_fd[1], STDOUT_FILENO); /* else nothing is read */
        (void)execl("/proc/self/exe", "payvand-bench-trace", "find-one", dir,
                    leaf, begun, (char *)NULL);
        _exit(127);
    }
    (void)close(pipe_fd[1]); /* the child's */
    if (waitpid(pid, &status, 0) != pid || status != 0 ||
        read(pipe_fd[0], text, sizeof(text)) < 4) {
        die("find-one");
    }
    (void)close(pipe_fd[0]); /* read */
    rest.len = strcspn(text, "\n");
    if (!pv_slice_cut(rest, ' ', &us, &rest) ||
        pv_slice_to_u64(us, UINT64_MAX, &n[0]) != PV_OK ||
        pv_slice_to_u64(rest, UINT64_MAX, &n[1]) != PV_OK) {
        die("find-one");
    }
    *ret_kib = (double)n[1];
    return (double)n[0] / 1000;
}

static void
measure_finds(const char *dir, uint64_t leaves)
{
    double   cold[FINDS];
    double   warm[FINDS];
    double   kib = 0;
    uint64_t stayed = 0;

    for (uint64_t i = 0; i < FINDS; i++) {
        uint64_t index = pick(i, leaves);
        uint64_t left = drop_all(dir);

        stayed = left > stayed ? left : stayed;
        cold[i] = find_in_child(dir, index, &kib);
        warm[i] = find_in_child(dir, index, &kib);
    }
    (void)printf("{\"leaves\":%" PRIu64 ",\"find_cold_p50_ms\":%.2f,"
                 "\"find_cold_max_ms\":%.2f,\"find_warm_p50_ms\":%.2f,"
                 "\"still_cached_kib\":%" PRIu64 ",\"peak_kib\":%.0f}\n",
                 leaves, percentile(cold, FINDS, 0.50),
                 percentile(cold, FINDS, 1), percentile(warm, FINDS, 0.50),
                 stayed, kib); /* a loss shows */
}

/* ---- sign -----------------------------------------------------------------
 */

static void
put_file(int dirfd, const char *name, struct pv_slice bytes, mode_t mode)
{
    int fd =
        openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    if (fd == -1 || write(fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len ||
        fsync(fd) == -1 || close(fd) == -1) {
        die(name);
    }
}

/* The checkpoint of the log that was built, as if it had grown here. */
static void
sign(const char *dir, uint64_t leaves)
{
    int                  signer_fd = open_dir(dir, "signer");
    int                  log_fd = open_dir(dir, LOG_DIR);
    struct pv_checkpoint checkpoint = {.size = leaves};
    struct pv_note_key   key;
    struct pv_ed25519   *secret;
    struct pv_tiles     *tiles;
    struct pv_buf        note;
    struct pv_slice      line;
    struct pv_slice      rest;
    char                 vkey[PV_NOTE_VKEY_MAX + 1];
    int                  fd = openat(signer_fd, "vkey", O_RDONLY | O_CLOEXEC);
    ssize_t              len = fd == -1 ? -1 : read(fd, vkey, sizeof(vkey));

    if (len <= 0) {
        die("vkey");
    }
    (void)pv_slice_cut((struct pv_slice){vkey, (size_t)len}, '\n', &line,
                       &rest); /* one line */
    pv_buf_init(&note, PV_CHECKPOINT_NOTE_MAX);
    if (pv_note_key_parse(line, &key) != PV_OK ||
        pv_ed25519_load(signer_fd, "key", &secret) != PV_OK ||
        pv_tiles_open(open_dir(dir, LOG_DIR "/tree"), false, &tiles) != PV_OK ||
        pv_tiles_root(tiles, leaves, &checkpoint.root) != PV_OK) {
        die("key or tree");
    }
    checkpoint.origin = (struct pv_slice){key.name, key.name_len};
    if (pv_checkpoint_sign(&checkpoint, &key, secret, &note) != PV_OK) {
        die("sign");
    }
    put_file(signer_fd, "signed", pv_buf_view(&note), 0600);
    put_file(log_fd, "checkpoint", pv_buf_view(&note), 0640);
    put_file(log_fd, "vkey", (struct pv_slice){vkey, (size_t)len}, 0640);
    pv_tiles_close(tiles);
    pv_ed25519_free(secret);
    pv_buf_clear(&note);
    (void)close(fd); /* read-only */
}

/* ---- limits ---------------------------------------------------------------
 */

static double
sha_rate(const struct pv_bundle *bundle)
{
    struct pv_sha256 *sha;
    struct pv_hash    hash;
    uint64_t          start = now_ns();
    uint64_t          count = 0;

    if (pv_sha256_new(&sha) != PV_OK) {
        die("sha");
    }
    while (now_ns() - start < LIMIT_NS) {
        for (unsigned i = 0; i < bundle->width; i++, count++) {
            if (pv_merkle_leaf(sha, pv_bundle_line(bundle, i), &hash) !=
                PV_OK) {
                die("sha");
            }
        }
    }
    pv_sha256_free(sha);
    return (double)count * 1e9 / (double)(now_ns() - start);
}

/* Bytes a second, in chunks of a commit, each with its fdatasync. */
static double
disk_rate(const char *dir)
{
    char     path[512];
    void    *chunk = NULL;
    uint64_t start;
    uint64_t len = 0;
    int      fd;

    (void)snprintf(path, sizeof(path), "%s/limit.tmp", dir); /* cut: fails */
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_DIRECT, 0600);
    if (fd == -1 || posix_memalign(&chunk, 4096, DISK_CHUNK) != 0) {
        die(path);
    }
    memset(chunk, 'x', DISK_CHUNK);
    for (off_t at = 0; at < DISK_LEN; at += DISK_CHUNK) { /* written blocks */
        if (pwrite(fd, chunk, DISK_CHUNK, at) != DISK_CHUNK) {
            die(path);
        }
    }
    if (fsync(fd) == -1) {
        die(path);
    }
    start = now_ns();
    while (now_ns() - start < LIMIT_NS) {
        if (pwrite(fd, chunk, DISK_CHUNK, (off_t)(len % DISK_LEN)) !=
                DISK_CHUNK ||
            fdatasync(fd) == -1) {
            die(path);
        }
        len += DISK_CHUNK;
    }
    start = now_ns() - start;
    (void)close(fd);    /* thrown away */
    (void)unlink(path); /* thrown away */
    free(chunk);
    return (double)len * 1e9 / (double)start;
}

static void
measure_limits(const char *dir)
{
    struct pv_bundle bundle;
    double           leaf_len;
    double           sha;
    double           disk;

    pv_bundle_init(&bundle);
    log_prepare();
    log_fill(&bundle, 1000, PV_BUNDLE_LEAVES);
    leaf_len = (double)bundle.entries.len / PV_BUNDLE_LEAVES;
    sha = sha_rate(&bundle);
    disk = disk_rate(dir);
    (void)printf("{\"leaf_len\":%.0f,\"sha_leaves_per_s\":%.0f,"
                 "\"write_bytes_per_s\":%.0f,\"write_leaves_per_s\":%.0f}\n",
                 leaf_len, sha, disk, disk / leaf_len); /* a loss shows */
    pv_bundle_clear(&bundle);
}

static uint64_t
number(const char *text)
{
    uint64_t n = 0;

    if (pv_slice_to_u64(pv_slice_from(text), UINT64_MAX, &n) != PV_OK) {
        errno = EINVAL;
        die(text);
    }
    return n;
}

int
main(int argc, char **argv)
{
    struct pv_slice what = pv_slice_from(argc > 2 ? argv[1] : "");

    if (argc == 4 && pv_slice_eq(what, PV_LIT("build"))) {
        build(argv[2], number(argv[3]));
    } else if (argc == 4 && pv_slice_eq(what, PV_LIT("proof"))) {
        measure_proofs(argv[2], number(argv[3]));
    } else if (argc == 4 && pv_slice_eq(what, PV_LIT("find"))) {
        measure_finds(argv[2], number(argv[3]));
    } else if (argc == 5 && pv_slice_eq(what, PV_LIT("find-one"))) {
        find_one(argv[2], number(argv[3]), number(argv[4]));
    } else if (argc == 4 && pv_slice_eq(what, PV_LIT("sign"))) {
        sign(argv[2], number(argv[3]));
    } else if (argc == 3 && pv_slice_eq(what, PV_LIT("limits"))) {
        measure_limits(argv[2]);
    } else {
        (void)fputs("payvand-bench-trace build|proof|find|sign DIR LEAVES, or "
                    "limits DIR\n",
                    stderr); /* the exit code says it too */
        return 2;
    }
    return 0;
}
