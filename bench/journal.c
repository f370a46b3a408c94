/*
 * journal.c - payvand-traced alone: what a call costs it, how long a worker
 * waits, and what the disk's own fdatasync takes.
 *
 *   payvand-bench-journal TRACED DIR [--workers N] [--batch N] [--depth N]
 *                         [--seconds N] [--gather-us N] [--json]
 *                         [--acks FILE]
 *
 * Each of N fake workers keeps `depth` frames in flight; a frame holds `batch`
 * request records and the completions of the calls acknowledged before.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "trace/record.h"
#include "trace/wire.h"

#define WORKERS_MAX 64
#define DEPTH_MAX 64
#define BATCH_MAX 128
#define SAMPLES_MAX 2000000
#define ACK_EVERY_NS 5000000
#define SYNC_ROUNDS 2000
#define SYNC_LEN 4096
#define SYNC_FILE_LEN (8 << 20)

struct worker {
    int                    fd;
    uint64_t               sequence;
    uint64_t               sent_ns[DEPTH_MAX]; /* by sequence */
    uint64_t               done[DEPTH_MAX * BATCH_MAX];
    size_t                 done_count;
    struct pv_tracking_ids ids;
};

static struct {
    uint64_t workers;
    uint64_t batch;
    uint64_t depth;
    uint64_t seconds;
    char    *gather_us;
    char    *acks; /* file for when which leaf was acknowledged */
    bool     json;
} arg = {2, 16, 4, 4, NULL, NULL, false};

static struct worker worker[WORKERS_MAX];
static uint32_t      sample_us[SAMPLES_MAX];
static size_t        sample_count;
static uint64_t      calls;
static uint64_t      frames;

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

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
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static double
percentile(uint32_t *sample, size_t count, double part)
{
    if (count == 0) {
        return 0;
    }
    qsort(sample, count, sizeof(*sample), by_size);
    return (double)sample[(size_t)((double)(count - 1) * part)];
}

/* User and system time of a process, in seconds. */
static double
cpu_seconds(pid_t pid)
{
    char     path[64];
    char     text[1024];
    char    *at;
    uint64_t ticks = 0;
    FILE    *file;
    size_t   len;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid); /* fits */
    file = fopen(path, "r");
    if (file == NULL) {
        die(path);
    }
    len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    (void)fclose(file); /* read-only */
    at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 15; field++) {
        at = strchr(at + 1, ' ');
        if (at != NULL && field >= 13) {
            struct pv_slice rest = pv_slice_from(at + 1);
            struct pv_slice word;
            uint64_t        n = 0;

            (void)pv_slice_cut(rest, ' ', &word, &rest); /* there are more */
            if (pv_slice_to_u64(word, UINT64_MAX, &n) != PV_OK) {
                die("stat");
            }
            ticks += n;
        }
    }
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static size_t
put_record(uint8_t *at, size_t len)
{
    at[0] = (uint8_t)len;
    at[1] = (uint8_t)(len >> 8);
    return len + 2;
}

static size_t
put_request(struct worker *w, uint8_t *at, int64_t when_ms)
{
    char                     text[PV_TRACKING_ID_LEN];
    struct pv_tracking_id    id;
    size_t                   len = 0;
    struct pv_request_record r = {
        .consumer = PV_LIT("cooperative-development-bank-main"),
        .decision = PV_LIT("allowed"),
        .grant = PV_LIT("grant-1403-0117"),
        .image = 4711,
        .method = PV_LIT("verify"),
        .node = PV_LIT("nix"),
        .provider = PV_LIT("central-bank"),
        .purpose = PV_LIT("knowledge-based-loan"),
        .service = PV_LIT("national-id-iban-match"),
        .size = PV_LIT("1k"),
        .time_ms = (uint64_t)when_ms,
        .version = PV_LIT("v1"),
    };

    if (pv_tracking_ids_next(&w->ids, when_ms, &id) != PV_OK) {
        die("id");
    }
    pv_tracking_id_text(&id, text);
    r.id = (struct pv_slice){text, sizeof(text)};
    if (pv_record_write_request(&r, (char *)at + 2, PV_RECORD_MAX, &len) !=
        PV_OK) {
        die("record");
    }
    return put_record(at, len);
}

static size_t
put_completions(struct worker *w, uint8_t *at, int64_t when_ms)
{
    char  *room = (char *)at + 2;
    char   salt[PV_RECORD_SALT_LEN];
    size_t len = 0;
    bool   good = pv_record_begin_completions(room, PV_COMPLETIONS_LEN_MAX,
                                              &len) == PV_OK;

    for (size_t i = 0; good && i < w->done_count; i++) {
        struct pv_completion c = {w->done[i], (uint64_t)when_ms,
                                  (uint64_t)when_ms, (uint64_t)when_ms,
                                  PV_OUTCOME_ANSWERED};

        good = pv_record_add_completion(room, PV_COMPLETIONS_LEN_MAX, &len, &c,
                                        i == 0) == PV_OK;
    }
    if (!good || pv_record_make_salt(salt) != PV_OK ||
        pv_record_end_completions(
            room, PV_COMPLETIONS_LEN_MAX, &len, PV_LIT("nix"),
            (struct pv_slice){salt, sizeof(salt)}) != PV_OK) {
        die("completions");
    }
    w->done_count = 0;
    return put_record(at, len);
}

static void
send_frame(struct worker *w)
{
    static uint8_t packet[PV_WIRE_PACKET_MAX + PV_RECORD_MAX];
    size_t         len = PV_WIRE_FRAME_HEAD_LEN;
    uint32_t       count = (uint32_t)arg.batch;
    int64_t        when_ms = pv_time_wall_ms();

    for (uint64_t i = 0; i < arg.batch; i++) {
        len += put_request(w, packet + len, when_ms);
    }
    if (w->done_count > 0) {
        len += put_completions(w, packet + len, when_ms);
        count++;
    }
    w->sequence++;
    pv_store_u32(packet, PV_WIRE_MAGIC);
    pv_store_u32(packet + 4, (uint32_t)PV_WIRE_FRAME | count << 16);
    pv_store_u64(packet + 8, w->sequence);
    w->sent_ns[w->sequence % DEPTH_MAX] = now_ns();
    if (send(w->fd, packet, len, 0) != (ssize_t)len) {
        die("send");
    }
}

/* "ns leaf": this leaf was acknowledged then; a line each ACK_EVERY_NS. */
static void
note_ack(uint64_t now, uint64_t index)
{
    static uint64_t last;
    static FILE    *file;

    if (arg.acks == NULL || now - last < ACK_EVERY_NS) {
        return;
    }
    last = now;
    if (file == NULL) {
        file = fopen(arg.acks, "w");
    }
    if (file == NULL ||
        fprintf(file, "%llu %llu\n", (unsigned long long)now,
                (unsigned long long)index) < 0 ||
        fflush(file) != 0) {
        die(arg.acks);
    }
}

static void
receive(struct worker *w)
{
    uint8_t  packet[PV_WIRE_PACKET_MAX];
    ssize_t  n = recv(w->fd, packet, sizeof(packet), 0);
    uint64_t now = now_ns();
    uint32_t count;

    if (n < 16 || (pv_load_u32(packet + 4) & 0xffff) != PV_WIRE_ACK) {
        die("no acknowledgement");
    }
    count = pv_load_u32(packet + 4) >> 16;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t sequence = pv_load_u64(packet + 16 + 16 * i);
        uint64_t index = pv_load_u64(packet + 24 + 16 * i);

        for (uint64_t k = 0; k < arg.batch; k++) {
            w->done[w->done_count++] = index + k;
        }
        if (sample_count < SAMPLES_MAX) {
            sample_us[sample_count++] =
                (uint32_t)((now - w->sent_ns[sequence % DEPTH_MAX]) / 1000);
        }
        note_ack(now, index);
        calls += arg.batch;
        frames++;
        send_frame(w);
    }
}

static void
greet(struct worker *w, const char *path, uint64_t n)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint8_t            hello[28] = {0};
    uint8_t            answer[64];

    if (pv_slice_to_cstr(pv_slice_from(path), address.sun_path,
                         sizeof(address.sun_path)) != PV_OK) {
        die("path");
    }
    w->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    for (int i = 0; i < 500; i++) {
        struct timespec pause = {.tv_nsec = 10000000};

        if (connect(w->fd, (const struct sockaddr *)&address,
                    sizeof(address)) == 0) {
            break;
        }
        (void)nanosleep(&pause, NULL); /* shorter is as good */
    }
    pv_tracking_ids_init(&w->ids);
    pv_store_u32(hello, PV_WIRE_MAGIC);
    pv_store_u32(hello + 4, PV_WIRE_HELLO);
    pv_store_u32(hello + 8, PV_WIRE_VERSION);
    pv_store_u64(hello + 16, now_ns() + n);
    hello[24] = 3;
    memcpy(hello + 25, "nix", 3);
    if (send(w->fd, hello, sizeof(hello), 0) != sizeof(hello) ||
        recv(w->fd, answer, sizeof(answer), 0) != 24) {
        die("HELLO");
    }
}

/* fdatasync of 4 KiB overwritten in a file of written zeros. */
static void
measure_sync(const char *dir, double *ret_p50, double *ret_p99)
{
    static uint8_t  bytes[1 << 20];
    static uint32_t us[SYNC_ROUNDS];
    char            path[512];
    int             fd;

    (void)snprintf(path, sizeof(path), "%s/sync.tmp",
                   dir); /* cut: open fails */
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1) {
        die(path);
    }
    for (off_t at = 0; at < SYNC_FILE_LEN; at += (off_t)sizeof(bytes)) {
        if (pwrite(fd, bytes, sizeof(bytes), at) != sizeof(bytes)) {
            die(path);
        }
    }
    if (fsync(fd) == -1) {
        die(path);
    }
    memset(bytes, 'x', SYNC_LEN);
    for (int i = 0; i < SYNC_ROUNDS; i++) {
        uint64_t start = now_ns();

        if (pwrite(fd, bytes, SYNC_LEN, (off_t)i * SYNC_LEN % SYNC_FILE_LEN) !=
                SYNC_LEN ||
            fdatasync(fd) == -1) {
            die(path);
        }
        us[i] = (uint32_t)((now_ns() - start) / 1000);
    }
    (void)close(fd);    /* thrown away */
    (void)unlink(path); /* thrown away */
    *ret_p50 = percentile(us, SYNC_ROUNDS, 0.50);
    *ret_p99 = percentile(us, SYNC_ROUNDS, 0.99);
}

static pid_t
start_traced(const char *program, const char *dir, const char *path)
{
    pid_t pid;

    if (strcmp(program, "-") == 0) {
        return 0; /* it is running, and stays so */
    }
    pid = fork();
    if (pid == -1) {
        die("fork");
    }
    if (pid == 0) {
        (void)execl(program, program, "--dir", dir, "--socket", path, "--node",
                    "nix", "--gather-us",
                    arg.gather_us == NULL ? "0" : arg.gather_us, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void
run_for(uint64_t ns)
{
    struct pollfd fd[WORKERS_MAX];
    uint64_t      end = now_ns() + ns;

    for (uint64_t i = 0; i < arg.workers; i++) {
        fd[i] = (struct pollfd){.fd = worker[i].fd, .events = POLLIN};
    }
    while (now_ns() < end) {
        if (poll(fd, (nfds_t)arg.workers, 1000) < 1) {
            die("no answer");
        }
        for (uint64_t i = 0; i < arg.workers; i++) {
            if ((fd[i].revents & POLLIN) != 0) {
                receive(&worker[i]);
            }
        }
    }
}

static void
parse(int argc, char **argv)
{
    static const struct option list[] = {
        {"workers", required_argument, NULL, 'w'},
        {"batch", required_argument, NULL, 'b'},
        {"depth", required_argument, NULL, 'd'},
        {"seconds", required_argument, NULL, 's'},
        {"gather-us", required_argument, NULL, 'g'},
        {"acks", required_argument, NULL, 'a'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    int  key;
    bool good = true;

    while ((key = getopt_long(argc, argv, "", list, NULL)) != -1) {
        struct pv_slice text = pv_slice_from(optarg);

        if (key == 'w') {
            good = pv_slice_to_u64(text, WORKERS_MAX, &arg.workers) == PV_OK;
        } else if (key == 'b') {
            good = pv_slice_to_u64(text, BATCH_MAX, &arg.batch) == PV_OK;
        } else if (key == 'd') {
            good = pv_slice_to_u64(text, DEPTH_MAX / 2, &arg.depth) == PV_OK;
        } else if (key == 's') {
            good = pv_slice_to_u64(text, 600, &arg.seconds) == PV_OK;
        } else if (key == 'g') {
            arg.gather_us = optarg;
        } else if (key == 'a') {
            arg.acks = optarg;
        } else if (key == 'j') {
            arg.json = true;
        } else {
            good = false;
        }
        if (!good) {
            break;
        }
    }
    if (!good || argc - optind != 2) {
        (void)fputs(
            "payvand-bench-journal TRACED|- DIR [--workers N] [--batch "
            "N] [--depth N] [--seconds N] [--gather-us N] [--acks FILE] "
            "[--json]\n",
            stderr); /* the exit code says it too */
        exit(2);
    }
}

int
main(int argc, char **argv)
{
    char     path[512];
    pid_t    pid;
    double   sync_p50;
    double   sync_p99;
    double   cpu;
    double   seconds;
    uint64_t start;
    double   rate;

    parse(argc, argv);
    (void)snprintf(path, sizeof(path), "%s/bench.sock",
                   argv[optind + 1]); /* cut: bind fails */
    measure_sync(argv[optind + 1], &sync_p50, &sync_p99);
    pid = start_traced(argv[optind], argv[optind + 1], path);
    for (uint64_t i = 0; i < arg.workers; i++) {
        greet(&worker[i], path, i + 1);
        for (uint64_t k = 0; k < arg.depth; k++) {
            send_frame(&worker[i]);
        }
    }
    run_for(500000000); /* to warm up */
    sample_count = 0;
    calls = 0;
    frames = 0;
    cpu = pid == 0 ? 0 : cpu_seconds(pid);
    start = now_ns();
    run_for(arg.seconds * 1000000000u);
    seconds = (double)(now_ns() - start) / 1e9;
    if (pid != 0) {
        cpu = cpu_seconds(pid) - cpu;
        (void)kill(pid, SIGTERM);    /* our own child */
        (void)waitpid(pid, NULL, 0); /* as above */
    }
    rate = (double)calls / seconds;
    (void)printf(
        arg.json ? "{\"workers\":%llu,\"batch\":%llu,\"depth\":%llu,"
                   "\"calls_per_s\":%.0f,\"frames_per_s\":%.0f,"
                   "\"cpu_us_per_call\":%.3f,\"ack_p50_us\":%.0f,"
                   "\"ack_p99_us\":%.0f,\"fdatasync_p50_us\":%.0f,"
                   "\"fdatasync_p99_us\":%.0f}\n"
                 : "workers %llu, batch %llu, depth %llu: %.0f calls/s (%.0f "
                   "frames/s), CPU of payvand-traced %.3f us a call, "
                   "acknowledged p50 %.0f us, p99 %.0f us; the disk's own "
                   "fdatasync p50 %.0f us, p99 %.0f us\n",
        (unsigned long long)arg.workers, (unsigned long long)arg.batch,
        (unsigned long long)arg.depth, rate, (double)frames / seconds,
        cpu * 1e6 / (double)calls, percentile(sample_us, sample_count, 0.50),
        percentile(sample_us, sample_count, 0.99), sync_p50,
        sync_p99); /* a lost line shows */
    return 0;
}
