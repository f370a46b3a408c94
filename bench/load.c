/*
 * load.c - payvand-load: bounded load on a gateway of this machine, from one
 * thread, with client certificates and keep-alive. Closed loop: each
 * connection asks again when it has its answer. Open loop (--rate): calls are
 * scheduled by the clock and latency counts from the scheduled moment, so a
 * stall is not hidden. Prints one JSON object.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"

#define ANSWER_MAX 65536
#define REQUEST_MAX 2048

enum state { S_HANDSHAKE, S_IDLE, S_WAITING, S_DEAD };

struct connection {
    SSL       *ssl;
    int        fd;
    enum state state;
    unsigned   cert;
    uint64_t   since_ns;
    size_t     in_len;
    size_t     want_len; /* whole answer; 0: head not read yet */
    int        status;
    char       in[ANSWER_MAX];
};

struct load {
    struct load_options   opt;
    SSL_CTX              *ctx[LOAD_CERTS_MAX];
    char                **path;
    int                  *path_cert; /* -1: any */
    size_t                path_count;
    size_t                next_path[LOAD_CERTS_MAX];
    char                 *body;
    struct connection    *conn;
    int                   epoll;
    unsigned              ready;
    bool                  measuring;
    uint64_t              seed;
    uint64_t              due_ns; /* open loop: when the next call is due */
    uint64_t              backlog_max;
    struct load_histogram latency;
    uint64_t              status_count[6]; /* by hundreds */
    uint64_t              errors;
    uint64_t              reconnects;
};

static void
die(const char *what)
{
    (void)fprintf(stderr, "payvand-load: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static uint64_t
random_u64(struct load *load)
{
    uint64_t z = (load->seed += 0x9e3779b97f4a7c15u); /* splitmix64 */

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void
connect_one(struct load *load, struct connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(load->opt.port)};
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                             .data.ptr = c};
    int                one = 1;

    if (inet_pton(AF_INET, load->opt.address, &to.sin_addr) != 1 ||
        to.sin_addr.s_addr >> 0 == 0 ||
        (ntohl(to.sin_addr.s_addr) >> 24) != 127) {
        errno = EINVAL;
        die("only addresses of this machine (127.0.0.0/8) are loaded");
    }
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd == -1) {
        die("socket");
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == -1 &&
        errno != EINPROGRESS) {
        die("connect");
    }
    c->ssl = SSL_new(load->ctx[c->cert]);
    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 ||
        /* OpenSSL's macro for it drops const, which clang refuses */
        SSL_ctrl(c->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
                 TLSEXT_NAMETYPE_host_name,
                 (void *)(uintptr_t)load->opt.server_name) != 1) {
        die("SSL_new");
    }
    SSL_set_connect_state(c->ssl);
    c->state = S_HANDSHAKE;
    c->in_len = 0;
    c->want_len = 0;
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &ev) == -1) {
        die("epoll_ctl");
    }
}

static void
reconnect(struct load *load, struct connection *c)
{
    if (load->measuring && c->state != S_IDLE) {
        load->errors++;
    }
    load->reconnects++;
    SSL_free(c->ssl);
    (void)close(c->fd); /* broken already */
    if (load->reconnects > 100000) {
        errno = 0;
        die("too many broken connections");
    }
    connect_one(load, c);
}

static size_t
pick_path(struct load *load, const struct connection *c)
{
    size_t at = (size_t)(random_u64(load) % load->path_count);

    while (load->path_cert[at] != -1 && load->path_cert[at] != (int)c->cert) {
        at = (at + 1) % load->path_count;
    }
    return at;
}

static void
send_call(struct load *load, struct connection *c, uint64_t since_ns)
{
    char request[REQUEST_MAX];
    int  len = snprintf(request, sizeof(request),
                        "POST %s HTTP/1.1\r\nHost: %s\r\n"
                         "Content-Type: application/json\r\n"
                         "Content-Length: %u\r\n\r\n%s",
                        load->path[pick_path(load, c)], load->opt.server_name,
                        load->opt.body_len, load->body);

    if (len <= 0 || (size_t)len >= sizeof(request)) {
        errno = ERANGE;
        die("request too long");
    }
    c->since_ns = since_ns;
    c->state = S_WAITING;
    c->in_len = 0;
    c->want_len = 0;
    if (SSL_write(c->ssl, request, len) != len) {
        reconnect(load, c);
    }
}

static const char *
find(const char *in, size_t len, const char *what)
{
    return memmem(in, len, what, strlen(what));
}

/* Status and length of the answer once its head is there. */
static bool
read_head(struct connection *c)
{
    const char *end = find(c->in, c->in_len, "\r\n\r\n");
    const char *length;
    size_t      body_len = 0;

    if (end == NULL) {
        return false;
    }
    c->status = (c->in[9] - '0') * 100;
    length = find(c->in, (size_t)(end - c->in), "Content-Length: ");
    if (length == NULL) {
        length = find(c->in, (size_t)(end - c->in), "content-length: ");
    }
    if (length != NULL) {
        for (length += 16; *length >= '0' && *length <= '9'; length++) {
            body_len = body_len * 10 + (size_t)(*length - '0');
        }
    } else {
        errno = 0;
        die("an answer without Content-Length");
    }
    c->want_len = (size_t)(end - c->in) + 4 + body_len;
    if (c->want_len > ANSWER_MAX) {
        errno = ERANGE;
        die("answer too long");
    }
    return true;
}

static void
on_answer(struct load *load, struct connection *c)
{
    uint64_t now = load_now_ns();

    if (load->measuring) {
        load_histogram_add(&load->latency, now - c->since_ns);
        load->status_count[c->status / 100 % 6]++;
    }
    c->state = S_IDLE;
    load->ready++;
    if (load->opt.rate == 0 && !load->opt.idle) {
        load->ready--;
        send_call(load, c, now);
    }
}

static void
on_readable(struct load *load, struct connection *c)
{
    for (;;) {
        int n =
            SSL_read(c->ssl, c->in + c->in_len, (int)(ANSWER_MAX - c->in_len));

        if (n <= 0) {
            if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ) {
                if (c->state == S_IDLE) {
                    load->ready--;
                }
                reconnect(load, c);
            }
            return;
        }
        c->in_len += (size_t)n;
        if (c->want_len == 0 && !read_head(c)) {
            continue;
        }
        if (c->want_len != 0 && c->in_len >= c->want_len) {
            on_answer(load, c);
        }
    }
}

static void
on_event(struct load *load, struct connection *c)
{
    int n;

    ERR_clear_error();
    if (c->state != S_HANDSHAKE) {
        on_readable(load, c);
        return;
    }
    n = SSL_do_handshake(c->ssl);
    if (n == 1) {
        c->state = S_IDLE;
        load->ready++;
        if (load->opt.rate == 0 && !load->opt.idle) {
            load->ready--;
            send_call(load, c, load_now_ns());
        }
    } else {
        n = SSL_get_error(c->ssl, n);
        if (n != SSL_ERROR_WANT_READ && n != SSL_ERROR_WANT_WRITE) {
            die("TLS handshake");
        }
    }
}

/* Send what is due; what finds no idle connection waits for one. */
static void
send_due(struct load *load, unsigned *cursor)
{
    uint64_t now = load_now_ns();
    uint64_t step = (uint64_t)(1e9 / load->opt.rate);

    while (load->due_ns <= now && load->ready > 0) {
        struct connection *c = &load->conn[*cursor];

        *cursor = (*cursor + 1) % load->opt.connections;
        if (c->state == S_IDLE) {
            load->ready--;
            send_call(load, c, load->due_ns);
            load->due_ns += step;
        }
    }
    if (load->due_ns < now && (now - load->due_ns) / step > load->backlog_max) {
        load->backlog_max = (now - load->due_ns) / step;
    }
}

static void
run_until(struct load *load, uint64_t until_ns, unsigned *cursor)
{
    struct epoll_event ev[256];

    while (load_now_ns() < until_ns) {
        int wait_ms = 20;
        int n;

        if (load->opt.rate > 0) {
            uint64_t now = load_now_ns();

            send_due(load, cursor);
            wait_ms = load->due_ns > now + 1000000 ? 1 : 0;
        }
        n = epoll_wait(load->epoll, ev, 256, wait_ms);
        if (n == -1 && errno != EINTR) {
            die("epoll_wait");
        }
        for (int i = 0; i < n; i++) {
            on_event(load, ev[i].data.ptr);
        }
    }
}

static void
load_certificates(struct load *load)
{
    for (unsigned i = 0; i < load->opt.certs; i++) {
        char crt[512];
        char key[512];

        (void)snprintf(crt, sizeof(crt), "%s/%03u.crt", load->opt.certs_dir, i);
        (void)snprintf(key, sizeof(key), "%s/%03u.key", load->opt.certs_dir, i);
        load->ctx[i] = SSL_CTX_new(TLS_client_method());
        if (load->ctx[i] == NULL ||
            SSL_CTX_set_min_proto_version(load->ctx[i], TLS1_3_VERSION) != 1 ||
            SSL_CTX_set_ciphersuites(load->ctx[i], "TLS_AES_128_GCM_SHA256") !=
                1 ||
            SSL_CTX_load_verify_locations(load->ctx[i], load->opt.ca, NULL) !=
                1 ||
            SSL_CTX_use_certificate_file(load->ctx[i], crt, SSL_FILETYPE_PEM) !=
                1 ||
            SSL_CTX_use_PrivateKey_file(load->ctx[i], key, SSL_FILETYPE_PEM) !=
                1) {
            die(crt);
        }
        SSL_CTX_set_verify(load->ctx[i], SSL_VERIFY_PEER, NULL);
    }
}

static void
load_paths(struct load *load)
{
    FILE  *in = fopen(load->opt.paths_file, "re");
    char   line[512];
    size_t room = LOAD_PATHS_MAX;

    load->path = calloc(room, sizeof(*load->path));
    load->path_cert = calloc(room, sizeof(*load->path_cert));
    if (in == NULL || load->path == NULL || load->path_cert == NULL) {
        die(load->opt.paths_file);
    }
    while (load->path_count < room && fgets(line, sizeof(line), in) != NULL) {
        struct pv_slice text = pv_slice_from(line);
        struct pv_slice head;
        struct pv_slice tail;
        uint64_t        cert = 0;
        int             only = -1;

        line[strcspn(line, "\n")] = '\0';
        text = pv_slice_from(line);
        if (pv_slice_cut(text, ' ', &head, &tail)) {
            if (pv_slice_to_u64(head, LOAD_CERTS_MAX, &cert) != PV_OK) {
                errno = EINVAL;
                die(load->opt.paths_file);
            }
            only = (int)cert;
            text = tail;
        }
        load->path[load->path_count] = strdup(text.ptr);
        load->path_cert[load->path_count] = only;
        load->path_count++;
    }
    (void)fclose(in); /* read-only: nothing to lose */
    if (load->path_count == 0) {
        errno = EINVAL;
        die("no paths");
    }
}

static double
cpu_of_all(const struct load *load)
{
    double sum = 0;

    for (unsigned i = 0; i < load->opt.pid_count; i++) {
        sum += load_cpu_s(load->opt.pids[i]);
    }
    return sum;
}

static void
report(const struct load *load, double seconds, double cpu_s)
{
    double calls = (double)load->latency.total;

    (void)printf(
        "{\"calls\":%.0f,\"seconds\":%.3f,\"rps\":%.1f,\"errors\":%llu,"
        "\"reconnects\":%llu,"
        "\"status_2xx\":%llu,\"status_4xx\":%llu,\"status_5xx\":%llu,"
        "\"cpu_s\":%.3f,\"cpu_s_per_10k\":%.4f,"
        "\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,"
        "\"backlog_max\":%llu}\n",
        calls, seconds, calls / seconds, (unsigned long long)load->errors,
        (unsigned long long)load->reconnects,
        (unsigned long long)load->status_count[2],
        (unsigned long long)load->status_count[4],
        (unsigned long long)load->status_count[5], cpu_s,
        calls > 0 ? cpu_s / calls * 10000 : 0,
        load_histogram_ms(&load->latency, 0.5),
        load_histogram_ms(&load->latency, 0.9),
        load_histogram_ms(&load->latency, 0.99),
        load_histogram_ms(&load->latency, 0.999),
        (unsigned long long)load->backlog_max);
}

static uint64_t
number(const char *text, uint64_t max)
{
    uint64_t n = 0;

    if (pv_slice_to_u64(pv_slice_from(text), max, &n) != PV_OK) {
        errno = EINVAL;
        die(text);
    }
    return n;
}

static void
take_pids(struct load_options *opt, const char *list)
{
    struct pv_slice rest = pv_slice_from(list);
    struct pv_slice head;

    while (rest.len > 0 && opt->pid_count < LOAD_PIDS_MAX) {
        uint64_t pid = 0;

        (void)pv_slice_cut(rest, ',', &head, &rest); /* last: rest is empty */
        if (pv_slice_to_u64(head, INT32_MAX, &pid) != PV_OK) {
            errno = EINVAL;
            die("--pids");
        }
        opt->pids[opt->pid_count++] = (int)pid;
    }
}

static const char usage[] =
    "usage: payvand-load --port N --ca FILE --certs-dir DIR --paths FILE\n"
    "         [--address 127.0.0.1] [--name HOST] [--certs N]\n"
    "         [--connections N] [--body-len N] [--rate CALLS_PER_S]\n"
    "         [--warmup-ms N] [--ms N] [--pids A,B,...] [--idle]\n"
    "Loads a gateway on this machine and prints one JSON object.\n"
    "Without --rate the loop is closed; with it, open (latency from the\n"
    "scheduled moment). --pids: whose CPU time to count. --idle: only hold\n"
    "the connections open.\n";

static void
take_options(struct load_options *opt, int argc, char **argv)
{
    static const struct option option[] = {
        {"port", required_argument, NULL, 'p'},
        {"address", required_argument, NULL, 'a'},
        {"name", required_argument, NULL, 'n'},
        {"ca", required_argument, NULL, 'A'},
        {"certs-dir", required_argument, NULL, 'd'},
        {"certs", required_argument, NULL, 'c'},
        {"paths", required_argument, NULL, 'P'},
        {"connections", required_argument, NULL, 'C'},
        {"body-len", required_argument, NULL, 'b'},
        {"rate", required_argument, NULL, 'r'},
        {"warmup-ms", required_argument, NULL, 'w'},
        {"ms", required_argument, NULL, 't'},
        {"pids", required_argument, NULL, 'i'},
        {"idle", no_argument, NULL, 'I'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "h", option, NULL)) != -1) {
        switch (c) {
        case 'p':
            opt->port = (uint16_t)number(optarg, UINT16_MAX);
            break;
        case 'a':
            opt->address = optarg;
            break;
        case 'n':
            opt->server_name = optarg;
            break;
        case 'A':
            opt->ca = optarg;
            break;
        case 'd':
            opt->certs_dir = optarg;
            break;
        case 'c':
            opt->certs = (unsigned)number(optarg, LOAD_CERTS_MAX);
            break;
        case 'P':
            opt->paths_file = optarg;
            break;
        case 'C':
            opt->connections = (unsigned)number(optarg, LOAD_CONNECTIONS_MAX);
            break;
        case 'b':
            opt->body_len = (unsigned)number(optarg, 1024);
            break;
        case 'r':
            opt->rate = (double)number(optarg, 1000000);
            break;
        case 'w':
            opt->warmup_s = (double)number(optarg, 600000) / 1000;
            break;
        case 't':
            opt->seconds = (double)number(optarg, 600000) / 1000;
            break;
        case 'i':
            take_pids(opt, optarg);
            break;
        case 'I':
            opt->idle = true;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            exit(0);
        default:
            (void)fputs(usage, stderr);
            exit(2);
        }
    }
    if (opt->port == 0 || opt->ca == NULL || opt->certs_dir == NULL ||
        opt->paths_file == NULL || opt->connections == 0 || opt->certs == 0) {
        (void)fputs(usage, stderr);
        exit(2);
    }
}

static char *
make_body(unsigned len)
{
    char *body = malloc((size_t)len + 1);

    if (body == NULL) {
        die("malloc");
    }
    memset(body, 'x', len);
    if (len >= 16) { /* a JSON object of exactly len bytes */
        memcpy(body, "{\"national_id\":\"", 16);
        body[len - 2] = '"';
        body[len - 1] = '}';
    }
    body[len] = '\0';
    return body;
}

int
main(int argc, char **argv)
{
    static struct load load = {.seed = 1};
    unsigned           cursor = 0;
    uint64_t           start;
    double             cpu;

    load.opt = (struct load_options){.address = "127.0.0.1",
                                     .server_name = "localhost",
                                     .certs = 1,
                                     .connections = 32,
                                     .body_len = 256,
                                     .warmup_s = 1.2,
                                     .seconds = 4};
    take_options(&load.opt, argc, argv);
    load_certificates(&load);
    load_paths(&load);
    load.body = make_body(load.opt.body_len);
    load.conn = calloc(load.opt.connections, sizeof(*load.conn));
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.conn == NULL || load.epoll == -1) {
        die("start");
    }
    for (unsigned i = 0; i < load.opt.connections; i++) {
        load.conn[i].cert = i % load.opt.certs;
        connect_one(&load, &load.conn[i]);
        if (i % 64 == 63) { /* not more handshakes at once than a backlog */
            run_until(&load, load_now_ns() + 30000000u, &cursor);
        }
    }
    load.due_ns = load_now_ns();
    run_until(&load, load_now_ns() + (uint64_t)(load.opt.warmup_s * 1e9),
              &cursor);
    load.measuring = true;
    load.backlog_max = 0;
    cpu = cpu_of_all(&load);
    start = load_now_ns();
    run_until(&load, start + (uint64_t)(load.opt.seconds * 1e9), &cursor);
    load.measuring = false;
    cpu = cpu_of_all(&load) - cpu;
    report(&load, (double)(load_now_ns() - start) / 1e9, cpu);
    return 0;
}
