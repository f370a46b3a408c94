/*
 * main.c - payvand-connectord: the provider's side of a governed call.
 *
 * Does:    answers HTTP on a Unix socket; checks requests and answers against
 *          the service files; keeps the queue, the workers and their
 *          deadlines.
 * Holds:   bodies of the calls at hand. Not the connection string: that is in
 *          the spawner, which is forked before any input is read.
 * Talks:   with its nginx (by uid), the spawner, the workers.
 * Calls:   a closed list (sandbox.c): no exec, no fork, no new socket, no
 *          file but the removal of its own socket.
 * A thief: sees the calls that pass while it is there and may run the fixed
 *          statements with parameters of its own; it has neither the
 *          database's password, nor other statements, nor a TLS key.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/time.h"
#include "connectord/change.h"
#include "connectord/config.h"
#include "connectord/fetcher.h"
#include "connectord/http.h"
#include "connectord/keeper.h"
#include "connectord/log.h"
#include "connectord/pool.h"
#include "connectord/sandbox.h"
#include "connectord/signer.h"
#include "connectord/spawner.h"
#include "connectord/worker.h"

#define EVENTS_MAX 64
#define EXIT_AGAIN 75 /* EX_TEMPFAIL: the supervisor starts it anew */
#define DRAIN_MORE_MS 5000
/* calls that have begun get this long at the end */
#define DRAIN_MS (PV_DEADLINE_MAX_MS + DRAIN_MORE_MS)

static struct {
    const char *config;
    const char *process;
    bool        check;
} arg;

struct program {
    struct pv_connector_config *config;
    struct pv_change            change; /* methods and workers */
    struct pv_http             *http;
    struct pv_keeper_link      *keeper; /* NULL: none */
    struct pv_rights_link      *rights; /* NULL: none are asked for */
    struct pv_watch             signals;
    struct pv_signer            signer;
    int                         epoll;
    int64_t                     end_ms; /* INT64_MAX until told to end */
    bool                        again;  /* for another configuration */
};

static void
usage(FILE *out)
{
    (void)
        fputs(/* nothing to do when this fails */
              "usage: payvand-connectord --config FILE [--check]\n"
              "\n"
              "The provider's side of the exchange: answers the calls of "
              "the services named in\n"
              "FILE from a database (ODBC) or an HTTP service, on a Unix socket "
              "behind the agency's nginx.\n"
              "\n"
              "  --config FILE  JSON: provider, socket, peer_uid, driver, "
              "dsn, services,\n"
              "                 data_items, workers, queue_max, may_write, "
              "secret,\n"
              "                 signatures, http, rights\n"
              "  --check        read FILE and all it names, say what is "
              "wrong, and end\n"
              "  --help         this text\n"
              "\n"
              "Runs in the foreground and logs to standard error. SIGTERM "
              "ends it after the\n"
              "calls that have begun. See payvand-connectord(8).\n"
              "\n"
              "سمت ارائه‌دهنده در مرکز تبادل: به فراخوانی سرویس‌های "
              "نام‌برده "
              "در FILE از پایگاه داده پاسخ می‌دهد.\n",
              out);
}

/* No new calls; those that have begun get their time. */
static void
end_in_order(struct program *program)
{
    if (program->end_ms == INT64_MAX) {
        pv_log_info("connector.ending", "provider=%s open=%zu",
                    program->config->provider,
                    pv_http_open_count(program->http));
        pv_http_stop(program->http);
        program->end_ms = pv_time_monotonic_ms() + DRAIN_MS;
    }
}

/* Contracts came, and the configuration is another one than at the start. */
static void
look_for_another(struct program *program)
{
    if (program->change.again && program->end_ms == INT64_MAX) {
        program->again = true;
        pv_log_warn("connector.begins_anew", "provider=%s",
                    program->config->provider);
        end_in_order(program);
    }
}

static void
on_signal(struct pv_watch *watch, uint32_t events)
{
    struct program         *program = watch->context;
    struct signalfd_siginfo info;

    (void)events;
    if (read(watch->fd, &info, sizeof(info)) != sizeof(info)) {
        return;
    }
    program->again = false;
    end_in_order(program);
}

static enum pv_err
watch_signals(struct program *program)
{
    sigset_t set;

    (void)sigemptyset(&set); /* these three cannot fail */
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
        signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
        signal(SIGCHLD, SIG_IGN) == SIG_ERR) { /* nobody waits for them */
        return PV_ESYS;
    }
    program->signals = (struct pv_watch){
        signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), on_signal, program};
    if (program->signals.fd == -1) {
        return PV_ESYS;
    }
    return pv_watch_add(program->epoll, &program->signals);
}

static int
wait_ms(const struct program *program, int64_t http_ms)
{
    int64_t now_ms = pv_time_monotonic_ms();
    int64_t next_ms = pv_change_next_ms(&program->change, now_ms);
    int64_t wait = http_ms;

    if (next_ms != INT64_MAX && next_ms - now_ms < wait) {
        wait = next_ms > now_ms ? next_ms - now_ms : 0;
    }
    if (program->keeper != NULL) {
        int64_t late_ms = pv_keeper_link_next_ms(program->keeper);

        if (late_ms != INT64_MAX && late_ms - now_ms < wait) {
            wait = late_ms > now_ms ? late_ms - now_ms : 0;
        }
    }
    if (program->end_ms != INT64_MAX && program->end_ms - now_ms < wait) {
        wait = program->end_ms > now_ms ? program->end_ms - now_ms : 0;
    }
    return wait > 60000 ? 60000 : (int)wait;
}

static bool
is_alive(const struct program *program)
{
    return pv_change_is_alive(&program->change) && !program->signer.gone &&
           (program->rights == NULL ||
            pv_rights_link_is_alive(program->rights)) &&
           (program->keeper == NULL ||
            pv_keeper_link_is_alive(program->keeper));
}

static bool
is_done(const struct program *program)
{
    if (!is_alive(program)) {
        return true;
    }
    return program->end_ms != INT64_MAX &&
           ((pv_change_open_count(&program->change) == 0 &&
             pv_http_open_count(program->http) == 0) ||
            pv_time_monotonic_ms() >= program->end_ms);
}

static enum pv_err
loop(struct program *program)
{
    struct epoll_event event[EVENTS_MAX];
    int64_t            http_ms;

    while (!is_done(program)) {
        int count;

        pv_change_tick(&program->change, pv_time_monotonic_ms());
        if (program->keeper != NULL) {
            pv_keeper_link_tick(program->keeper, pv_time_monotonic_ms());
        }
        pv_http_run(program->http, &http_ms);
        if (program->keeper != NULL) {
            pv_keeper_link_flush(program->keeper);
        }
        look_for_another(program);
        if (is_done(program)) {
            break;
        }
        count = epoll_wait(program->epoll, event, EVENTS_MAX,
                           wait_ms(program, http_ms));
        if (count == -1 && errno != EINTR) {
            return PV_ESYS;
        }
        for (int i = 0; i < count; i++) {
            struct pv_watch *watch = event[i].data.ptr;

            /* an earlier event of this round may have closed it */
            if (watch->fd != -1) {
                watch->ready(watch, event[i].events);
            }
        }
    }
    pv_http_run(program->http, &http_ms); /* send what has been answered */
    return is_alive(program) ? PV_OK : PV_ECLOSED;
}

static int
complain(const char *what, enum pv_err err, const struct pv_why *why)
{
    (void)fprintf(stderr, /* nothing to do when this fails */
                  "payvand-connectord: %s: %s\n", what,
                  why != NULL && why->text[0] != '\0' ? why->text
                  : err == PV_ESYS                    ? strerror(errno)
                                                      : pv_err_text(err));
    return EXIT_FAILURE;
}

static enum pv_err
start(struct program *program, struct pv_spawner_ends spawner, int keeper,
      int fetcher, struct pv_why *why)
{
    enum pv_err err;

    program->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (program->epoll == -1) {
        return PV_ESYS;
    }
    err = watch_signals(program);
    if (err == PV_OK) {
        err = pv_change_init(&program->change, program->config, spawner,
                             program->epoll);
    }
    if (err == PV_OK) {
        err =
            pv_http_new(program->config, program->change.now, &program->signer,
                        program->epoll, &program->http, why);
        program->change.http = program->http;
    }
    if (err == PV_OK && program->signer.fd != -1) {
        err = pv_signer_watch(&program->signer, program->epoll);
    }
    if (err == PV_OK && keeper != -1) {
        err = pv_keeper_link_new(keeper, program->epoll, &program->keeper);
        if (err == PV_OK) {
            pv_http_keep(program->http, program->keeper);
            program->change.keeper = program->keeper;
        }
    }
    if (err == PV_OK && fetcher != -1) {
        err = pv_rights_link_new(fetcher, program->epoll, program->config,
                                 &program->rights);
        if (err == PV_OK) {
            pv_http_need_rights(program->http, program->rights);
            program->change.rights = program->rights;
        }
    }
    if (err == PV_OK) {
        err = pv_sandbox_main();
    }
    return err;
}

/* Say what the configuration holds, and with which key it would sign. */
static int
check(struct program *program)
{
    struct pv_connector_config *config = program->config;
    struct pv_why               why = {""};
    enum pv_err                 err = PV_OK;

    if (config->sign_key[0] != '\0') {
        err = pv_signer_start(config->sign_key, &program->signer, &why);
    }
    if (err != PV_OK) {
        pv_connector_config_free(config);
        return complain("configuration", err, &why);
    }
    (void)printf("%s: %zu services, %zu methods, %zu data items\n",
                 config->provider, config->service_count, config->method_count,
                 pv_data_items_count(config->items));
    if (config->waiting > 0) {
        (void)printf("%zu services wait for a contract: %s\n", config->waiting,
                     config->waits.text);
    }
    if (program->signer.fd != -1) {
        (void)printf("signs with %s\n", program->signer.keyid);
    }
    pv_signer_stop(&program->signer);
    pv_connector_config_free(config);
    return EXIT_SUCCESS;
}

static int
run(void)
{
    struct program program = {
        .epoll = -1, .end_ms = INT64_MAX, .signer = {.fd = -1}};
    struct pv_why          why = {""};
    struct pv_spawner_ends spawner = {-1, -1};
    int                    keeper = -1;
    int                    fetcher = -1;
    enum pv_err            err;

    err = pv_connector_config_load(arg.config, &program.config, &why);
    if (err != PV_OK) {
        return complain("configuration", err, &why);
    }
    if (arg.check) {
        return check(&program);
    }
    why.text[0] = '\0';
    err = pv_sandbox_every();
    if (err == PV_OK) {
        err = pv_spawner_start(program.config, arg.config, &spawner);
    }
    if (err == PV_OK && program.config->keeper.file[0] != '\0') {
        err = pv_keeper_start(arg.config, &keeper);
    }
    if (err == PV_OK && program.config->rights.vkey[0] != '\0') {
        err = pv_fetcher_start(program.config, &fetcher);
    }
    pv_buf_wipe(&program.config->setup);  /* the spawner has its own */
    pv_buf_clear(&program.config->texts); /* likewise */
    if (err == PV_OK && program.config->sign_key[0] != '\0') {
        err = pv_signer_start(program.config->sign_key, &program.signer, &why);
    }
    if (err == PV_OK) {
        err = start(&program, spawner, keeper, fetcher, &why);
    }
    if (err != PV_OK) {
        (void)complain("start", err, &why); /* the status is given below */
    } else {
        pv_log_info("connector.started", "provider=%s methods=%zu workers=%u",
                    program.config->provider, program.config->method_count,
                    program.config->workers);
        if (program.config->waiting > 0) {
            pv_log_warn("connector.contract_awaited", "services=%zu %s",
                        program.config->waiting, program.config->waits.text);
        }
        err = loop(&program);
        if (program.signer.gone) {
            pv_log_error("connector.signer_gone", "provider=%s",
                         program.config->provider);
        }
        pv_log_info("connector.ended", "provider=%s", program.config->provider);
    }
    pv_change_end_jobs(&program.change); /* calls still open have failed */
    pv_keeper_link_free(program.keeper);
    if (program.http != NULL) {
        int64_t unused;

        pv_http_run(program.http, &unused); /* and are told so */
    }
    pv_http_free(program.http);
    pv_change_free(&program.change);
    pv_rights_link_free(program.rights);
    pv_signer_stop(&program.signer);
    pv_connector_config_free(program.config);
    if (err == PV_OK && program.again) {
        return EXIT_AGAIN;
    }
    return err == PV_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool
take_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:P:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            arg.config = optarg;
            break;
        case 'k':
            arg.check = true;
            break;
        case 'P':
            arg.process = optarg;
            break;
        case 'h':
            usage(stdout);
            exit(EXIT_SUCCESS);
        default:
            return false;
        }
    }
    return optind == argc && (arg.config != NULL || arg.process != NULL);
}

int
main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "-P") == 0 &&
        strcmp(argv[2], "fetcher") == 0) {
        return pv_fetcher_run(argc - 3, argv + 3);
    }
    if (!take_arguments(argc, argv)) {
        usage(stderr);
        return EXIT_FAILURE;
    }
    if (arg.process != NULL) {
        if (strcmp(arg.process, "signer") == 0) {
            return pv_signer_run();
        }
        if (strcmp(arg.process, "worker") == 0) {
            return pv_worker_run();
        }
        if (strcmp(arg.process, "keeper") == 0 && arg.config != NULL) {
            return pv_keeper_run(arg.config);
        }
        usage(stderr);
        return EXIT_FAILURE;
    }
    return run();
}
