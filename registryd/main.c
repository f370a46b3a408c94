/*
 * payvand-registryd - the registry: decisions, records, the policy image.
 *
 * What it does:      takes decisions, checks them against life cycles, roles
 *                    and rules, writes them and the records they make in one
 *                    transaction, and brings the policy image up to them.
 * What it holds:     the registry's database, the policy image, the log of
 *                    decisions.
 * Who may talk to it: the users of --operator-uid, on one Unix socket
 *                    (SO_PEERCRED): they speak for the roles they name. nginx,
 *                    the user of --web-uid, on another: people by their
 *                    sessions, systems by the certificates nginx has checked.
 *                    payvand-sign-in, on a third: whom a provider has told.
 * What it may call:  files and sockets that are open, and with SQLite only
 *                    the folders it uses; see sandbox.c. Its signer, a
 *                    process of its own (-P signer), holds the log's key; an
 *                    authority's (-P authority) the key of certificates; what
 *                    may take long is read by a third (-P reader).
 * What a thief of it gains: the power to give and take rights, each of it a
 *                    numbered decision that stands in the log for good; no
 *                    call's trace and no content, and not the log's key.
 */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "daemon/event.h"
#include "heads.h"
#include "issuing.h"
#include "options.h"
#include "restore.h"
#include "sandbox.h"

/* a leak is told at the end only by a process that can be looked into */
#if defined(__SANITIZE_ADDRESS__)
#define DUMPABLE 1
#else
#define DUMPABLE 0
#endif

#define ROUND_MS 1000
#define SETTLE_MS 100 /* what answers do not wait for, not more often */
#define FILES_MAX (SOCKETS * PV_API_CONNECTIONS_MAX + 256)
#define WEB_MODE 0660 /* its group is nginx's; the uid is checked, too */

static volatile sig_atomic_t stop;

static void
on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* So many connections are more files than a shell or systemd begins with. */
static bool
raise_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return false;
    }
    if (files.rlim_cur < FILES_MAX) {
        files.rlim_cur =
            files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
    }
    return setrlimit(RLIMIT_NOFILE, &files) == 0;
}

/* No core, nothing to attach to, no new rights. */
static enum pv_err
harden(struct pv_why *why)
{
    struct rlimit    none = {0, 0};
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)umask(027); /* cannot fail */
    if (setrlimit(RLIMIT_CORE, &none) != 0 || !raise_files() ||
        prctl(PR_SET_DUMPABLE, DUMPABLE) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        sigaction(SIGTERM, &action, NULL) != 0 ||
        sigaction(SIGINT, &action, NULL) != 0 ||
        sigaction(SIGPIPE, &ignore, NULL) != 0) {
        pv_why_set(why, "cannot start: %s", strerror(errno));
        return PV_ESYS;
    }
    return PV_OK;
}

static enum pv_err
open_server(const struct options *options, struct pv_api *api,
            struct pv_server **ret, struct pv_why *why)
{
    const uid_t *uid[SOCKETS] = {[PV_FACE_CONSOLE] = options->operator_uid,
                                 [PV_FACE_WEB] = &options->web_uid,
                                 [PV_FACE_SIGN_IN] = &options->sign_in_uid};
    struct pv_server_config config = {
        .uid = uid[api->face],
        .uid_count = api->face == PV_FACE_CONSOLE ? options->operator_count : 1,
        .connections_max = PV_API_CONNECTIONS_MAX,
        .route = pv_api_route,
        .route_count = pv_api_route_count,
        .admit = pv_api_admit,
        .forget = pv_api_forget,
        .context = api};

    if (options->socket[api->face] == NULL) {
        return PV_OK;
    }
    return pv_server_start(options->socket[api->face],
                           api->face == PV_FACE_CONSOLE ? 0600 : WEB_MODE,
                           &config, ret, why);
}

struct daemon {
    struct pv_registry *registry;
    struct pv_people   *people;
    struct pv_server   *server[SOCKETS]; /* NULL: there is none */
    struct pv_api       api[SOCKETS];
    struct pv_heads     heads;
    struct pv_issuing   issuing;
    struct pv_reader   *reader;
    int64_t             settled_ms; /* monotonic */
};

/* Until what answers left is to be done; -1: they left nothing. */
static int64_t
settle_wait(const struct daemon *daemon)
{
    int64_t due = daemon->settled_ms + SETTLE_MS - pv_time_monotonic_ms();

    if (!pv_registry_lags(daemon->registry)) {
        return -1;
    }
    return due < 0 ? 0 : due;
}

/* One round of all sockets, and of the signer's answers. */
static enum pv_err
serve(struct daemon *daemon)
{
    struct pollfd waiting[SOCKETS + 2] = {
        {pv_reader_fd(daemon->reader), POLLIN, 0}};
    nfds_t      count = 1;
    int         wait_ms = pv_heads_wait(&daemon->heads);
    int64_t     settle_ms = settle_wait(daemon);
    enum pv_err err = PV_OK;

    if (wait_ms == -1) {
        wait_ms = ROUND_MS;
    }
    if (settle_ms != -1 && settle_ms < wait_ms) {
        wait_ms = (int)settle_ms;
    }
    for (size_t i = 0; i < SOCKETS; i++) {
        if (daemon->server[i] != NULL) {
            waiting[count++] =
                (struct pollfd){pv_server_fd(daemon->server[i]), POLLIN, 0};
            wait_ms = pv_server_wait_ms(daemon->server[i], wait_ms);
        }
    }
    if (pv_heads_fd(&daemon->heads) != -1) {
        waiting[count++] =
            (struct pollfd){pv_heads_fd(&daemon->heads), POLLIN, 0};
    }
    if (poll(waiting, count, wait_ms) == -1 && errno != EINTR) {
        return PV_ESYS;
    }
    for (size_t i = 0; i < SOCKETS && err == PV_OK; i++) {
        err = daemon->server[i] == NULL ? PV_OK
                                        : pv_server_run(daemon->server[i], 0);
    }
    return err;
}

/* A head that was signed goes to those who wait for it. */
static enum pv_err
sign(struct daemon *daemon, struct pv_why *why)
{
    bool        is_new = false;
    enum pv_err err = PV_OK;

    if (pv_heads_fd(&daemon->heads) != -1) {
        err = pv_heads_round(&daemon->heads, &is_new, why);
    }
    for (size_t i = 0; i < SOCKETS && is_new; i++) {
        if (daemon->server[i] != NULL) {
            pv_server_wake(daemon->server[i]);
        }
    }
    return err;
}

/* What the reader has answered goes to who asked for it. */
static enum pv_err
hand_reads(struct daemon *daemon, struct pv_why *why)
{
    const void *state = NULL;
    enum pv_err err = pv_reader_round(daemon->reader, &state, why);

    for (size_t i = 0; i < SOCKETS && state != NULL; i++) {
        if (daemon->server[i] != NULL) {
            pv_server_wake_one(daemon->server[i], state);
        }
    }
    return err;
}

/*
 * What answers left: at once after a pause, and then for several decisions
 * together, for each time costs the disk that records of calls wait for, too.
 */
static enum pv_err
settle(struct daemon *daemon, enum pv_err before)
{
    enum pv_err err;

    if (settle_wait(daemon) > 0) {
        return before;
    }
    err = pv_registry_catch_up(daemon->registry);
    daemon->settled_ms = pv_time_monotonic_ms();
    return err;
}

/* Answer, and bring up an image that lags; said once when it begins. */
static enum pv_err
run(struct daemon *daemon, struct pv_why *why)
{
    struct pv_registry *registry = daemon->registry;
    enum pv_err         err = PV_OK;
    enum pv_err         said = PV_OK;

    while (stop == 0 && err == PV_OK) {
        enum pv_err image;

        err = serve(daemon);
        image = settle(daemon, said);
        if (err == PV_OK) {
            err = hand_reads(daemon, why);
        }
        if (err == PV_OK) {
            err = sign(daemon, why);
        }
        if (err == PV_OK) {
            err = pv_issuing_round(&daemon->issuing, why);
        }
        if (image != said) {
            pv_log_event(image == PV_OK ? "info" : "error", "registry.image",
                         "%s: %s",
                         image == PV_OK ? "the image is up to date again"
                                        : "the image lags, retrying",
                         image == PV_OK ? "" : pv_registry_why(registry));
            said = image;
        }
    }
    return err;
}

/* While nobody can sign in, whoever reads this may become the first. */
static enum pv_err
print_first_code(struct pv_people *people)
{
    char        code[PV_CODE_LEN + 1];
    enum pv_err err = pv_people_first_code(people, code);

    if (err == PV_ENOTFOUND) {
        return PV_OK;
    }
    if (err == PV_OK) {
        (void)printf("first administrator: %s (once, within an hour)\n", code);
        err = fflush(stdout) == 0 ? PV_OK : PV_ESYS;
        pv_secret_wipe(code, sizeof(code));
    }
    return err;
}

static enum pv_err
open_servers(const struct options *options, struct pv_api api[SOCKETS],
             struct pv_server *server[SOCKETS], struct pv_why *why)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; i < SOCKETS && err == PV_OK; i++) {
        err = open_server(options, &api[i], &server[i], why);
    }
    if (err == PV_OK && options->socket[PV_FACE_WEB] != NULL) {
        err = print_first_code(api->people);
        if (err != PV_OK) {
            pv_why_set(why, "the first administrator's code is not printed");
        }
    }
    return err;
}

static void
close_server(struct pv_server *server, const char *socket)
{
    pv_server_close(server);
    if (server != NULL) {
        (void)unlink(socket); /* the next start removes it too */
    }
}

/* The signer's process, started before there is anything for it to inherit. */
static enum pv_err
start_signer(const struct options *options, struct pv_heads *heads,
             struct pv_why *why)
{
    if (options->signer == NULL) {
        return PV_OK;
    }
    if (options->registry.log == NULL) {
        pv_why_set(why, "--signer is of the log: give --log too");
        return PV_EINVAL;
    }
    return pv_heads_start(heads, options->signer, why);
}

/* As above. They obey a signed log only. */
static enum pv_err
start_authorities(const struct options *options, struct pv_issuing *issuing,
                  struct pv_why *why)
{
    if (options->authority_count > 0 && options->signer == NULL) {
        pv_why_set(why, "--authority obeys the signed log of decisions: give "
                        "--log and --signer too");
        return PV_EINVAL;
    }
    return pv_issuing_start(issuing, options->authority,
                            options->authority_count, why);
}

static enum pv_err
open_registry(const struct options *options, struct daemon *daemon,
              struct pv_why *why)
{
    enum pv_err err =
        pv_registry_open(&options->registry, &daemon->registry, why);

    if (err == PV_OK && options->signer != NULL) {
        err = pv_heads_open(&daemon->heads, daemon->registry,
                            options->registry.log, why);
    }
    if (err == PV_OK) {
        err = pv_issuing_open(&daemon->issuing, daemon->registry, why);
    }
    if (err == PV_OK) {
        err = pv_people_open(daemon->registry, &daemon->people);
    }
    return err == PV_OK ? pv_people_seal(daemon->people, options->secrets, why)
                        : err;
}

/* All is opened, and compared with what was signed, before it listens. */
static enum pv_err
open_all(const struct options *options, struct daemon *daemon,
         struct pv_why *why)
{
    enum pv_err err = harden(why);

    if (err == PV_OK) {
        err = start_signer(options, &daemon->heads, why);
    }
    if (err == PV_OK) {
        err = start_authorities(options, &daemon->issuing, why);
    }
    if (err == PV_OK) {
        err = open_registry(options, daemon, why);
    }
    if (err == PV_OK) {
        err = pv_reader_start(&options->registry, &daemon->reader, why);
    }
    if (err == PV_OK) {
        for (size_t i = 0; i < SOCKETS; i++) {
            daemon->api[i] = (struct pv_api){.registry = daemon->registry,
                                             .issuing = &daemon->issuing,
                                             .people = daemon->people,
                                             .heads = &daemon->heads,
                                             .reader = daemon->reader,
                                             .face = (enum pv_face)i};
        }
        err = open_servers(options, daemon->api, daemon->server, why);
    }
    return err == PV_OK
               ? pv_registry_sandbox(&options->registry,
                                     options->socket[PV_FACE_CONSOLE], why)
               : err;
}

static int
run_daemon(const struct options *options)
{
    struct daemon daemon = {.heads = {.signer = {.fd = -1}, .logfd = -1}};
    struct pv_why why = {""};
    int64_t       last = 0;
    int64_t       image = 0;
    enum pv_err   err = open_all(options, &daemon, &why);

    if (err == PV_OK) {
        err = pv_registry_numbers(daemon.registry, &last, &image);
    }
    if (err == PV_OK) {
        pv_log_event("info", "registry.started", "decisions=%lld image=%lld",
                     (long long)last, (long long)image);
        err = run(&daemon, &why);
    }
    if (err != PV_OK) {
        pv_log_event("error", "registry.failed", "%s: %s", pv_err_text(err),
                     why.text);
    }
    for (size_t i = 0; i < SOCKETS; i++) {
        close_server(daemon.server[i], options->socket[i]);
    }
    pv_reader_close(daemon.reader);
    pv_people_close(daemon.people);
    pv_registry_close(daemon.registry);
    pv_heads_close(&daemon.heads);
    pv_issuing_close(&daemon.issuing);
    return err == PV_OK ? 0 : 1;
}

/* One of the processes of a registry. */
static int
become(const struct options *options)
{
    struct pv_why why;

    if (strcmp(options->process, "signer") == 0) {
        return pv_heads_signer_main();
    }
    if (strcmp(options->process, "authority") == 0) {
        return pv_authority_main("registry");
    }
    return harden(&why) == PV_OK ? pv_reader_main(&options->registry) : 1;
}

int
main(int argc, char **argv)
{
    struct options options = {.registry = {.durable = true},
                              .web_uid = geteuid(),
                              .sign_in_uid = geteuid()};

    /* a request's many small pieces go back one by one, and not all at once in
       the middle of the next one */
    (void)mallopt(M_MXFAST, 0);
    if (!options_read(argc, argv, &options)) {
        (void)fputs("payvand-registryd: see --help\n", stderr);
        return 2;
    }
    if (options.done) {
        return 0;
    }
    if (options.process != NULL) {
        return become(&options);
    }
    if (options.made.id != NULL) {
        options.made.dir = options.authority[0];
        options.made.log_key = options.log_key;
        return pv_authority_init("payvand-registryd", &options.made);
    }
    if (options.init_key) {
        return pv_signer_init("payvand-registryd", options.signer,
                              options.origin, options.token);
    }
    if (options.accept != NULL) {
        return pv_signer_accept("payvand-registryd", options.signer,
                                options.accept);
    }
    if (options.restore != NULL) {
        return pv_restore(&options.registry, options.restore, options.log_key);
    }
    if (options.forget_sealed) {
        return pv_forget_sealed(&options.registry, options.secrets,
                                options.yes);
    }
    return run_daemon(&options);
}
