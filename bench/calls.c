/*
 * calls.c - payvand-bench-calls: signed calls to a provider's service on a
 * Unix socket, as many as asked; what they cost, as JSON. Closed loop, or with
 * --rate so many a second: then a call's time counts from when it was due.
 *
 * Requests are signed before the clock starts.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "httpsig/profile.h"
#include "load.h"

#define HEAD_MAX 2048
#define ANSWER_MAX 8192
#define LINKS_MAX 512
#define EVENTS 64
#define ROWS_MAX 100000

struct request {
    char     text[HEAD_MAX];
    unsigned len;
};

struct link {
    int                   fd;
    const struct request *at;
    uint64_t              began;
    char                  answer[ANSWER_MAX];
    size_t                got;
};

static struct {
    const char *socket;
    const char *path;
    const char *key;
    const char *ids;
    unsigned    links;
    unsigned    calls;
    unsigned    warmup;
    unsigned    rate; /* calls a second; 0: closed loop */
    int         pids[LOAD_PIDS_MAX];
    unsigned    pid_count;
} arg = {.links = 32, .calls = 10000, .warmup = 1000};

static struct load_histogram fast;
static unsigned              failed;

static _Noreturn void
die(const char *what)
{
    (void)fprintf(stderr, "payvand-bench-calls: %s: %s\n", what,
                  strerror(errno));
    exit(EXIT_FAILURE);
}

/* ---- requests ---- */

static void
make(const struct pv_httpsig_key *key, unsigned n, const char *id,
     struct request *ret)
{
    const struct pv_httpsig_field   type = {PV_LIT("content-type"),
                                            PV_LIT("application/json")};
    const struct pv_httpsig_message message = {
        .method = PV_LIT("POST"),
        .path = pv_slice_from(arg.path),
        .field = &type,
        .field_count = 1,
    };
    struct pv_httpsig_made made;
    char                   body[64];
    struct timespec        now;
    int                    len;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* there always is one */
    (void)snprintf(body, sizeof(body), "{\"id\":\"%s\"}", id); /* fits */
    if (pv_httpsig_sign(key, &message, pv_slice_from(body), now.tv_sec,
                        &made) != PV_OK) {
        die("sign");
    }
    len = snprintf(ret->text, sizeof(ret->text),
                   "POST %s HTTP/1.1\r\nHost: localhost\r\n"
                   "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                   "Payvand-Consumer: bench-consumer\r\n"
                   "Payvand-Tracking-Id: 0198f2c4-%04x-7000-8000-%012x\r\n"
                   "Content-Digest: %s\r\nSignature-Input: %s\r\n"
                   "Signature: %s\r\n\r\n%s",
                   arg.path, strlen(body), (unsigned)getpid() & 0xffff, n,
                   made.digest, made.input, made.signature, body);
    if (len < 0 || len >= HEAD_MAX) {
        die("a request is too long");
    }
    ret->len = (unsigned)len;
}

static struct request *
make_all(unsigned count)
{
    struct request        *request = calloc(count, sizeof(*request));
    struct pv_httpsig_key *key = NULL;
    struct pv_why          why = {""};
    FILE                  *file = fopen(arg.ids, "re");
    char                   line[32];

    if (request == NULL || file == NULL) {
        die(arg.ids);
    }
    if (pv_httpsig_key_read_file(arg.key, true, &key, &why) != PV_OK) {
        die(why.text);
    }
    for (unsigned i = 0; i < count; i++) {
        if (fgets(line, sizeof(line), file) == NULL) {
            rewind(file);
            if (fgets(line, sizeof(line), file) == NULL) {
                die("no ids");
            }
        }
        line[strcspn(line, "\n")] = '\0';
        make(key, i, line, &request[i]);
    }
    pv_httpsig_key_free(key);
    (void)fclose(file); /* read-only: nothing to lose */
    return request;
}

/* ---- the loop ---- */

static void
open_link(struct link *link, int epoll)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
                   arg.socket); /* too long: nothing is there */
    link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->fd == -1 ||
        connect(link->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, link->fd, &event) != 0) {
        die(arg.socket);
    }
}

static void
ask(struct link *link, const struct request *request, uint64_t began)
{
    link->at = request;
    link->got = 0;
    link->began = began;
    if (write(link->fd, request->text, request->len) !=
        (ssize_t)request->len) { /* a Unix socket has room for it */
        die("write");
    }
}

/* Is an answer whole? Then whether it was answered and signed. */
static bool
is_whole(struct link *link, bool *ret_good)
{
    char    *end;
    char    *length;
    uint64_t body = 0;
    ssize_t  got = read(link->fd, link->answer + link->got,
                        sizeof(link->answer) - 1 - link->got);

    if (got <= 0) {
        die("read");
    }
    link->got += (size_t)got;
    link->answer[link->got] = '\0';
    end = strstr(link->answer, "\r\n\r\n");
    if (end == NULL) {
        return false;
    }
    length = strcasestr(link->answer, "content-length: ");
    if (length == NULL ||
        pv_slice_to_u64(
            (struct pv_slice){length + 16, strspn(length + 16, "0123456789")},
            ANSWER_MAX, &body) != PV_OK) {
        die("an answer without its length");
    }
    if (link->got < (size_t)(end + 4 - link->answer) + body) {
        return false;
    }
    *ret_good = strcasestr(link->answer, "payvand-outcome: answered") != NULL &&
                strcasestr(link->answer, "\nsignature: ") != NULL;
    return true;
}

/* When call n is due; in a closed loop at once. */
static uint64_t
due_ns(uint64_t began, unsigned n)
{
    return arg.rate == 0 ? load_now_ns()
                         : began + (uint64_t)n * 1000000000 / arg.rate;
}

/* Wait for answers, or until the next call is due where a link is free. */
static int
wait_for_events(int epoll, struct epoll_event event[EVENTS], bool may_send,
                uint64_t due)
{
    struct timespec wait = {.tv_sec = 30};
    uint64_t        now = load_now_ns();
    int             ready;

    if (may_send) {
        wait.tv_sec = 0;
        wait.tv_nsec = due > now ? (long)(due - now) : 0;
        if (wait.tv_nsec > 999999999) {
            wait.tv_nsec = 999999999;
        }
    }
    ready = epoll_pwait2(epoll, event, EVENTS, &wait, NULL);
    if (ready < 0 || (ready == 0 && !may_send)) {
        die("nothing for 30 s");
    }
    return ready;
}

static void
run(struct link *link, int epoll, const struct request *request, unsigned count,
    bool counts)
{
    struct epoll_event event[EVENTS];
    struct link       *idle[LINKS_MAX];
    unsigned           idle_count = 0;
    unsigned           sent = 0;
    unsigned           done = 0;
    uint64_t           began = load_now_ns();

    while (idle_count < arg.links) {
        idle[idle_count] = &link[idle_count];
        idle_count++;
    }
    while (done < count) {
        uint64_t due = due_ns(began, sent);
        int      ready;

        while (idle_count > 0 && sent < count && due <= load_now_ns()) {
            ask(idle[--idle_count], &request[sent++], due);
            due = due_ns(began, sent);
        }
        ready =
            wait_for_events(epoll, event, idle_count > 0 && sent < count, due);
        for (int i = 0; i < ready; i++) {
            struct link *one = event[i].data.ptr;
            bool         good = false;

            if (!is_whole(one, &good)) {
                continue;
            }
            done++;
            if (counts) {
                load_histogram_add(&fast, load_now_ns() - one->began);
                failed += !good;
            }
            idle[idle_count++] = one;
        }
    }
}

static double
cpu_s(void)
{
    double sum = 0;

    for (unsigned i = 0; i < arg.pid_count; i++) {
        sum += load_cpu_s(arg.pids[i]);
    }
    return sum;
}

static unsigned
number(const char *text)
{
    uint64_t n = 0;

    if (pv_slice_to_u64(pv_slice_from(text), 10000000, &n) != PV_OK) {
        die(text);
    }
    return (unsigned)n;
}

static void
take_pids(const char *text)
{
    struct pv_slice left = pv_slice_from(text);
    struct pv_slice part;
    bool            more = true;

    while (more && arg.pid_count < LOAD_PIDS_MAX) {
        uint64_t n = 0;

        more = pv_slice_cut(left, ',', &part, &left);
        if (pv_slice_to_u64(part, INT32_MAX, &n) != PV_OK) {
            die("--pids");
        }
        arg.pids[arg.pid_count++] = (int)n;
    }
}

static void
take_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},
        {"path", required_argument, NULL, 'p'},
        {"key", required_argument, NULL, 'k'},
        {"ids", required_argument, NULL, 'i'},
        {"connections", required_argument, NULL, 'c'},
        {"calls", required_argument, NULL, 'n'},
        {"warmup", required_argument, NULL, 'w'},
        {"rate", required_argument, NULL, 'r'},
        {"pids", required_argument, NULL, 'P'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            arg.socket = optarg;
            break;
        case 'p':
            arg.path = optarg;
            break;
        case 'k':
            arg.key = optarg;
            break;
        case 'i':
            arg.ids = optarg;
            break;
        case 'c':
            arg.links = number(optarg);
            break;
        case 'n':
            arg.calls = number(optarg);
            break;
        case 'w':
            arg.warmup = number(optarg);
            break;
        case 'r':
            arg.rate = number(optarg);
            break;
        case 'P':
            take_pids(optarg);
            break;
        default:
            exit(EXIT_FAILURE);
        }
    }
    if (arg.socket == NULL || arg.path == NULL || arg.key == NULL ||
        arg.ids == NULL || arg.links == 0 || arg.links > LINKS_MAX) {
        die("wrong command line");
    }
}

int
main(int argc, char **argv)
{
    struct link    *link;
    struct request *request;
    uint64_t        began;
    double          cpu;
    double          seconds;
    int             epoll = epoll_create1(EPOLL_CLOEXEC);

    take_arguments(argc, argv);
    link = calloc(arg.links, sizeof(*link));
    request = make_all(arg.warmup + arg.calls);
    if (link == NULL || epoll == -1) {
        die("start");
    }
    for (unsigned i = 0; i < arg.links; i++) {
        open_link(&link[i], epoll);
    }
    run(link, epoll, request, arg.warmup, false);
    cpu = cpu_s();
    began = load_now_ns();
    run(link, epoll, request + arg.warmup, arg.calls, true);
    seconds = (double)(load_now_ns() - began) / 1e9;
    cpu = cpu_s() - cpu;
    (void)printf("{\"calls\": %u, \"failed\": %u, \"seconds\": %.3f, "
                 "\"cpu_us\": %.2f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
                 arg.calls, failed, seconds, cpu * 1e6 / arg.calls,
                 load_histogram_ms(&fast, 0.5),
                 load_histogram_ms(&fast, 0.99)); /* the caller looks */
    free(request);
    free(link);
    return EXIT_SUCCESS;
}
