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
 * What it may call:  what its systemd unit lets it; see packaging.
 * What a thief of it gains: the power to give and take rights, each of it a
 *                    numbered decision; no call's trace and no content.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"
#include "base/num.h"
#include "crypto/secret.h"
#include "daemon/event.h"

/* a leak is told at the end only by a process that can be looked into */
#if defined(__SANITIZE_ADDRESS__)
#define DUMPABLE 1
#else
#define DUMPABLE 0
#endif

#define ROUND_MS 1000
#define CONNECTIONS_MAX 256
#define OPERATORS_MAX 8
#define WEB_MODE 0660 /* its group is nginx's; the uid is checked, too */
#define KINDS_BYTES_MAX ((size_t)1024 * 1024)

#define SOCKETS 3 /* one for each enum pv_face */

static volatile sig_atomic_t stop;

struct options {
    struct pv_registry_config registry;
    const char               *socket[SOCKETS]; /* NULL: none */
    uid_t                     web_uid;
    uid_t                     sign_in_uid;
    uid_t                     operator_uid[OPERATORS_MAX];
    size_t                    operator_count;
    bool                      done; /* --help or --version was answered */
};

static const char help_text[] =
    "payvand-registryd: the registry of an exchange\n"
    "\n"
    "  payvand-registryd --store WHERE --socket PATH [OPTION...]\n"
    "\n"
    "  --store WHERE        sqlite:FILE or postgresql:CONNINFO\n"
    "  --socket PATH        where it listens (made with mode 0600)\n"
    "  --image DIR          the policy image that follows its decisions\n"
    "  --log DIR            the Merkle log of decisions; must exist\n"
    "  --node ID            this exchange: the home of its agencies\n"
    "  --operator-uid UID   who may connect; may come again (default: one's\n"
    "                       own)\n"
    "  --web-socket PATH    where nginx reaches it, for people and systems\n"
    "  --web-uid UID        the user of that nginx (default: one's own)\n"
    "  --sign-in-socket PATH  where payvand-sign-in reaches it\n"
    "  --sign-in-uid UID    the user of that program (default: one's own)\n"
    "  --loopback           endpoints on loopback are allowed (demo only)\n"
    "  --kinds              write the tables of kinds as JSON, and end\n"
    "  --help, --version\n"
    "\n"
    "Manual: man payvand-registryd\n";

static void
on_signal(int number)
{
    (void)number;
    stop = 1;
}

enum {
    OPT_STORE = 256,
    OPT_SOCKET,
    OPT_IMAGE,
    OPT_LOG,
    OPT_NODE,
    OPT_UID,
    OPT_WEB_SOCKET,
    OPT_WEB_UID,
    OPT_SIGN_IN_SOCKET,
    OPT_SIGN_IN_UID,
    OPT_LOOPBACK,
    OPT_KINDS,
    OPT_HELP,
    OPT_VERSION
};

static const struct option option_list[] = {
    {"store", required_argument, NULL, OPT_STORE},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"image", required_argument, NULL, OPT_IMAGE},
    {"log", required_argument, NULL, OPT_LOG},
    {"node", required_argument, NULL, OPT_NODE},
    {"operator-uid", required_argument, NULL, OPT_UID},
    {"web-socket", required_argument, NULL, OPT_WEB_SOCKET},
    {"web-uid", required_argument, NULL, OPT_WEB_UID},
    {"sign-in-socket", required_argument, NULL, OPT_SIGN_IN_SOCKET},
    {"sign-in-uid", required_argument, NULL, OPT_SIGN_IN_UID},
    {"loopback", no_argument, NULL, OPT_LOOPBACK},
    {"kinds", no_argument, NULL, OPT_KINDS},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static bool
read_uid(const char *text, uid_t *ret)
{
    uint64_t uid;

    if (pv_slice_to_u64(pv_slice_from(text), UINT32_MAX - 1, &uid) != PV_OK) {
        return false;
    }
    *ret = (uid_t)uid;
    return true;
}

static bool
add_operator(struct options *options, const char *text)
{
    return options->operator_count < OPERATORS_MAX &&
           read_uid(text, &options->operator_uid[options->operator_count++]);
}

static bool
write_kinds(void)
{
    struct pv_buf out;
    bool          ok;

    pv_buf_init(&out, KINDS_BYTES_MAX);
    ok = pv_kinds_json(&out) == PV_OK &&
         fwrite(out.ptr, 1, out.len, stdout) == out.len && puts("") >= 0;
    pv_buf_clear(&out);
    return ok;
}

static bool
read_options(int argc, char **argv, struct options *ret)
{
    int  c;
    bool ok = true;

    while (ok && (c = getopt_long(argc, argv, "", option_list, NULL)) != -1) {
        switch (c) {
        case OPT_STORE:
            ret->registry.store = optarg;
            break;
        case OPT_SOCKET:
            ret->socket[PV_FACE_CONSOLE] = optarg;
            break;
        case OPT_IMAGE:
            ret->registry.image = optarg;
            break;
        case OPT_LOG:
            ret->registry.log = optarg;
            break;
        case OPT_NODE:
            ret->registry.node = optarg;
            break;
        case OPT_UID:
            ok = add_operator(ret, optarg);
            break;
        case OPT_WEB_SOCKET:
            ret->socket[PV_FACE_WEB] = optarg;
            break;
        case OPT_WEB_UID:
            ok = read_uid(optarg, &ret->web_uid);
            break;
        case OPT_SIGN_IN_SOCKET:
            ret->socket[PV_FACE_SIGN_IN] = optarg;
            break;
        case OPT_SIGN_IN_UID:
            ok = read_uid(optarg, &ret->sign_in_uid);
            break;
        case OPT_LOOPBACK:
            ret->registry.loopback = true;
            break;
        case OPT_KINDS:
            ret->done = true;
            return write_kinds();
        case OPT_HELP:
            ret->done = true;
            return fputs(help_text, stdout) >= 0;
        case OPT_VERSION:
            ret->done = true;
            return puts("payvand-registryd " PV_VERSION) >= 0;
        default:
            ok = false;
        }
    }
    if (ret->operator_count == 0) {
        ret->operator_uid[ret->operator_count++] = geteuid();
    }
    return ok && optind == argc && ret->registry.store != NULL &&
           ret->socket[PV_FACE_CONSOLE] != NULL;
}

/* No core, nothing to attach to, no new rights. */
static enum pv_err
harden(struct pv_why *why)
{
    struct rlimit    none = {0, 0};
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)umask(027); /* cannot fail */
    if (setrlimit(RLIMIT_CORE, &none) != 0 ||
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
        .connections_max = CONNECTIONS_MAX,
        .route = pv_api_route,
        .route_count = pv_api_route_count,
        .admit = pv_api_admit,
        .context = api};
    enum pv_err err;

    if (options->socket[api->face] == NULL) {
        return PV_OK;
    }
    err = pv_server_listen(options->socket[api->face],
                           api->face == PV_FACE_CONSOLE ? 0600 : WEB_MODE,
                           &config.listenfd, why);
    if (err != PV_OK) {
        return err;
    }
    err = pv_server_open(&config, ret);
    if (err != PV_OK) {
        pv_why_set(why, "the server does not start: %s", pv_err_text(err));
    }
    return err;
}

/* One round of both sockets. */
static enum pv_err
serve(struct pv_server *const server[SOCKETS])
{
    struct pollfd waiting[SOCKETS];
    nfds_t        count = 0;
    int           wait_ms = ROUND_MS;
    enum pv_err   err = PV_OK;

    for (size_t i = 0; i < SOCKETS; i++) {
        if (server[i] != NULL) {
            waiting[count++] =
                (struct pollfd){pv_server_fd(server[i]), POLLIN, 0};
            wait_ms = pv_server_wait_ms(server[i], wait_ms);
        }
    }
    if (poll(waiting, count, wait_ms) == -1 && errno != EINTR) {
        return PV_ESYS;
    }
    for (size_t i = 0; i < SOCKETS && err == PV_OK; i++) {
        err = server[i] == NULL ? PV_OK : pv_server_run(server[i], 0);
    }
    return err;
}

/* Answer, and bring up an image that lags; said once when it begins. */
static enum pv_err
run(struct pv_registry *registry, struct pv_server *const server[SOCKETS])
{
    enum pv_err err = PV_OK;
    enum pv_err said = PV_OK;

    while (stop == 0 && err == PV_OK) {
        enum pv_err image;

        err = serve(server);
        image = pv_registry_catch_up(registry);
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

int
main(int argc, char **argv)
{
    struct options      options = {.registry = {.durable = true},
                                   .web_uid = geteuid(),
                                   .sign_in_uid = geteuid()};
    struct pv_registry *registry = NULL;
    struct pv_people   *people = NULL;
    struct pv_server   *server[SOCKETS] = {NULL};
    struct pv_api       api[SOCKETS];
    struct pv_why       why = {""};
    int64_t             last = 0;
    int64_t             image = 0;
    enum pv_err         err;

    if (!read_options(argc, argv, &options)) {
        (void)fputs("payvand-registryd: see --help\n", stderr);
        return 2;
    }
    if (options.done) {
        return 0;
    }
    err = harden(&why);
    if (err == PV_OK) {
        err = pv_registry_open(&options.registry, &registry, &why);
    }
    if (err == PV_OK) {
        err = pv_people_open(registry, &people);
    }
    if (err == PV_OK) {
        for (size_t i = 0; i < SOCKETS; i++) {
            api[i] = (struct pv_api){.registry = registry,
                                     .people = people,
                                     .face = (enum pv_face)i};
        }
        err = open_servers(&options, api, server, &why);
    }
    if (err == PV_OK) {
        err = pv_registry_numbers(registry, &last, &image);
    }
    if (err == PV_OK) {
        pv_log_event("info", "registry.started", "decisions=%lld image=%lld",
                     (long long)last, (long long)image);
        err = run(registry, server);
    }
    if (err != PV_OK) {
        pv_log_event("error", "registry.failed", "%s: %s", pv_err_text(err),
                     why.text);
    }
    for (size_t i = 0; i < SOCKETS; i++) {
        close_server(server[i], options.socket[i]);
    }
    pv_people_close(people);
    pv_registry_close(registry);
    return err == PV_OK ? 0 : 1;
}
