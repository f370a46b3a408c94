/*
 * payvand-consumerd - the consumer face of the connector: an agency's
 * applications make governed calls with nothing but HTTP.
 *
 * What it does:      knows the application, makes the call with libpayvand
 *                    (TLS, signature, evidence, safe repetition, checks), and
 *                    keeps the evidence.
 * What it holds:     the keys of the agency's calling systems, the nonces of
 *                    its evidence, the content of the calls at hand.
 * Who may talk to it: the users of the configuration on its Unix socket, who
 *                    has a token on its loopback port.
 * What it may call:  the exchange; no other program, no other listener
 *                    (seccomp).
 * What a thief of it gains: calls as those systems, until their keys are
 *                    revoked; what the grants of those systems allow.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "daemon/event.h"
#include "daemon/sandbox.h"
#include "daemon/signals.h"
#include "face.h"

#define ROUND_MS 1000
#define CONNECTIONS_MAX 256
#define BACKLOG 128
#define FREED_BYTE 0xa5
#define SWEEP_EVERY_MS 60000
#define DAY_MS INT64_C(86400000)
#define FACES 2
#define SOCKET_MODE 0666 /* who may is known by its user */

static volatile sig_atomic_t stop;

struct running {
    struct consumer_config config;
    struct consumer_counts counts;
    struct consumer_store *store;
    struct callers        *callers;
    struct feed           *feed; /* NULL: contracts are files */
    struct face            face;
    struct pv_server      *server[FACES]; /* by socket, by port; or NULL */
    int                    wakefd;
    int64_t                swept_ms; /* monotonic */
};

static const char help_text[] =
    "payvand-consumerd: an agency's applications make governed calls\n"
    "\n"
    "  payvand-consumerd --config FILE [--check]\n"
    "\n"
    "  --config FILE      the exchange, systems, applications\n"
    "  --check            read it and the keys, say what is wrong, and end\n"
    "  --help, --version\n"
    "\n"
    "Manual: man payvand-consumerd\n";

static void
on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* libcurl's resolver and SQLite have threads and files of their own, so this
   is what they never need. */
static enum pv_err
shut_in(struct pv_why *why)
{
    static const int refused[] = {
        SCMP_SYS(execve),    SCMP_SYS(execveat),
        SCMP_SYS(fork),      SCMP_SYS(vfork),
        SCMP_SYS(ptrace),    SCMP_SYS(process_vm_readv),
        SCMP_SYS(mount),     SCMP_SYS(process_vm_writev),
        SCMP_SYS(umount2),   SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),    SCMP_SYS(setns),
        SCMP_SYS(unshare),   SCMP_SYS(bpf),
        SCMP_SYS(listen),    SCMP_SYS(perf_event_open),
        SCMP_SYS(mkdir),     SCMP_SYS(mkdirat),
        SCMP_SYS(setuid),    SCMP_SYS(setgid),
        SCMP_SYS(keyctl),    SCMP_SYS(io_uring_setup),
        SCMP_SYS(renameat2), SCMP_SYS(kexec_load),
        PV_SANDBOX_END};
    const struct pv_sandbox how = {.deny = true, .list = {refused}};

    return pv_sandbox_enter(&how, why);
}

/* ---- listening ---- */

static int
listen_at_port(unsigned port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd != -1 &&
        (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == -1 ||
         bind(fd, (const struct sockaddr *)&address, sizeof(address)) == -1 ||
         listen(fd, BACKLOG) == -1)) {
        (void)close(fd); /* never listened */
        fd = -1;
    }
    return fd;
}

static enum pv_err
open_face(struct running *running, size_t which, struct pv_why *why)
{
    const struct consumer_config *own = &running->config;
    uid_t                         uid[CONSUMER_APPLICATIONS_MAX];
    struct pv_server_config       config = {.uid = uid,
                                            .is_tcp = which == 1,
                                            .connections_max = CONNECTIONS_MAX,
                                            .route = face_route,
                                            .route_count = face_route_count,
                                            .forget = caller_forget,
                                            .context = &running->face};
    enum pv_err                   err = PV_OK;

    for (size_t i = 0; i < own->application_count; i++) {
        if (own->application[i].has_uid) {
            uid[config.uid_count++] = own->application[i].uid;
        }
    }
    if (config.is_tcp) {
        config.listenfd = listen_at_port(own->port);
        if (config.listenfd == -1) {
            pv_why_set(why, "port %u: %s", own->port, strerror(errno));
            err = PV_ESYS;
        }
    } else {
        err = pv_server_listen(own->socket, SOCKET_MODE, &config.listenfd, why);
    }
    if (err != PV_OK) {
        return err;
    }
    err = pv_server_open(&config, &running->server[which]);
    if (err != PV_OK) {
        pv_why_set(why, "the server does not start: %s", pv_err_text(err));
        (void)close(config.listenfd); /* nothing came yet */
    }
    return err;
}

static enum pv_err
start(struct running *running, struct pv_why *why)
{
    enum pv_err err = pv_sha256_new(&running->face.sha);

    running->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (err == PV_OK && running->wakefd == -1) {
        err = PV_ESYS;
    }
    if (err == PV_OK) {
        err = consumer_store_open(running->config.store, false, &running->store,
                                  why);
    }
    if (err == PV_OK && running->config.socket != NULL) {
        err = open_face(running, 0, why);
    }
    if (err == PV_OK && running->config.port != 0) {
        err = open_face(running, 1, why);
    }
    if (err == PV_OK) {
        err = shut_in(why);
    }
    if (err == PV_OK && running->config.registry.is_set) {
        err = feed_start(&running->config, &running->feed, why);
    }
    if (err == PV_OK) { /* behind the filter, which threads take over */
        err = caller_start(&running->config, running->store, &running->counts,
                           running->feed, running->wakefd, &running->callers);
    }
    running->face.config = &running->config;
    running->face.callers = running->callers;
    running->face.counts = &running->counts;
    return err;
}

/* ---- the loop ---- */

static void
sweep(struct running *running)
{
    const int64_t now_ms = pv_time_monotonic_ms();
    bool          more = false;
    enum pv_err   err;

    if (running->swept_ms != 0 && now_ms - running->swept_ms < SWEEP_EVERY_MS) {
        return;
    }
    err = consumer_store_sweep(running->store, pv_time_wall_ms(),
                               running->config.keep_days * DAY_MS, &more);
    running->swept_ms = more ? 0 : now_ms; /* 0: again in the next round */
    if (err != PV_OK) {
        pv_log_event("warn", "consumer.sweep_failed", "%s", pv_err_text(err));
    }
}

static void
wait_for_work(struct running *running)
{
    struct pollfd wait[FACES + 1] = {{running->wakefd, POLLIN, 0}};
    nfds_t        count = 1;
    int           wait_ms = ROUND_MS;
    uint64_t      done;

    for (size_t i = 0; i < FACES; i++) {
        if (running->server[i] != NULL) {
            wait[count++] =
                (struct pollfd){pv_server_fd(running->server[i]), POLLIN, 0};
            wait_ms = pv_server_wait_ms(running->server[i], wait_ms);
        }
    }
    if (poll(wait, count, wait_ms) == -1) {
        return; /* a signal; the loop looks */
    }
    if ((wait[0].revents & POLLIN) == 0 ||
        read(running->wakefd, &done, sizeof(done)) == -1) {
        return; /* no call has ended */
    }
    for (size_t i = 0; i < FACES; i++) {
        if (running->server[i] != NULL) {
            pv_server_wake(running->server[i]);
        }
    }
}

static enum pv_err
run(struct running *running)
{
    enum pv_err err = PV_OK;

    while (stop == 0 && err == PV_OK) {
        sweep(running);
        wait_for_work(running);
        for (size_t i = 0; err == PV_OK && i < FACES; i++) {
            if (running->server[i] != NULL) {
                err = pv_server_run(running->server[i], 0);
            }
        }
    }
    return err;
}

static void
end(struct running *running)
{
    if (running->server[0] != NULL) {
        (void)unlink(running->config.socket); /* the next start does it too */
    }
    for (size_t i = 0; i < FACES; i++) {
        pv_server_close(running->server[i]);
    }
    caller_stop(running->callers); /* what is on its way has its evidence */
    feed_stop(running->feed);
    consumer_store_close(running->store);
    pv_sha256_free(running->face.sha);
    if (running->wakefd != -1) {
        (void)close(running->wakefd); /* nothing to lose */
    }
    consumer_config_clear(&running->config);
}

/* A call is not made without its system's signature. */
static enum pv_err
check_keys(const struct consumer_config *config, struct pv_why *why)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < config->system_count; i++) {
        struct payvand *exchange = payvand_new();

        if (exchange == NULL ||
            payvand_set(exchange, PAYVAND_KEY, config->system[i].key) ==
                PAYVAND_ENOMEM) {
            err = PV_ENOMEM;
        } else if (!pv_client_signs(exchange)) {
            pv_why_set(why, "system %s does not sign: %s", config->system[i].id,
                       payvand_error(exchange));
            err = PV_EINVAL;
        }
        payvand_free(exchange);
    }
    return err;
}

static bool
read_options(int argc, char **argv, const char **ret_config, bool *ret_check,
             bool *ret_done)
{
    static const struct option list[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int which;

    while ((which = getopt_long(argc, argv, "", list, NULL)) != -1) {
        switch (which) {
        case 'c':
            *ret_config = optarg;
            break;
        case 'k':
            *ret_check = true;
            break;
        case 'h':
            *ret_done = true;
            return fputs(help_text, stdout) >= 0;
        case 'v':
            *ret_done = true;
            return puts("payvand-consumerd " PV_VERSION) >= 0;
        default:
            return false;
        }
    }
    return optind == argc && *ret_config != NULL;
}

int
main(int argc, char **argv)
{
    static struct running running = {.wakefd = -1};
    struct pv_why         why = {""};
    const char           *config = NULL;
    bool                  check = false;
    bool                  done = false;
    enum pv_err           err;

    if (!read_options(argc, argv, &config, &check, &done)) {
        (void)fputs("payvand-consumerd: see --help\n", stderr);
        return 2;
    }
    if (done) {
        return 0;
    }
    (void)mallopt(M_PERTURB, FREED_BYTE); /* fails only for unknown options */
    consumer_counts_init(&running.counts);
    err = pv_sandbox_harden(&why);
    if (err == PV_OK) {
        err = pv_signals_catch(on_signal, &why);
    }
    if (err == PV_OK && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        pv_why_set(&why, "libcurl does not start");
        err = PV_ENOMEM;
    }
    if (err == PV_OK) {
        err = consumer_config_read(config, &running.config, &why);
    }
    if (err == PV_OK && check) {
        err = check_keys(&running.config, &why);
    } else if (err == PV_OK) {
        err = start(&running, &why);
        if (err == PV_OK) {
            pv_log_event("info", "consumer.started", "url=%s applications=%zu",
                         running.config.url, running.config.application_count);
            err = run(&running);
        }
    }
    if (err != PV_OK) {
        pv_log_event("error", "consumer.ended", "%s: %s", pv_err_text(err),
                     why.text);
    }
    end(&running);
    curl_global_cleanup();
    return err == PV_OK ? 0 : 1;
}
