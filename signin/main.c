/*
 * payvand-sign-in - people come through a national sign-in (OpenID Connect).
 *
 * What it does:      sends a browser to the provider, takes what the provider
 *                    says of it, checks that, and asks the registry for the
 *                    session of the person linked to it.
 * What it holds:     the client's secret at the provider.
 * Who may talk to it: nginx, the user of --nginx-uid, on one Unix socket.
 * What it may call:  the network, by libcurl; no other program (seccomp).
 * What a thief of it gains: sessions of persons who are linked to that
 *                    provider; no database, no password.
 */
#include <curl/curl.h>
#include <getopt.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/event.h"
#include "daemon/sandbox.h"
#include "daemon/signals.h"
#include "daemon/user.h"
#include "login.h"

#define ROUND_MS 1000
#define CONNECTIONS_MAX 128
#define SOCKET_MODE 0660

static volatile sig_atomic_t stop;

static struct logins logins;

struct options {
    const char *config;
    const char *socket;
    const char *registry;
    uid_t       nginx_uid;
    bool        done; /* --help or --version was answered */
};

static const char help_text[] =
    "payvand-sign-in: people come through a national sign-in\n"
    "\n"
    "  payvand-sign-in --config FILE --socket PATH --registry PATH [OPTION...]\n"
    "\n"
    "  --config FILE      the provider: issuer, client_id, client_secret_file,\n"
    "                     redirect_uri[, ca_file, loopback]\n"
    "  --socket PATH      where nginx reaches it\n"
    "  --registry PATH    payvand-registryd's --sign-in-socket\n"
    "  --nginx-uid USER   who may connect (default: one's own)\n"
    "  --help, --version\n"
    "\n"
    "Manual: man payvand-sign-in\n";

static void
on_signal(int number)
{
    (void)number;
    stop = 1;
}

static bool
read_options(int argc, char **argv, struct options *ret)
{
    static const struct option list[] = {
        {"config", required_argument, NULL, 'c'},
        {"socket", required_argument, NULL, 's'},
        {"registry", required_argument, NULL, 'r'},
        {"nginx-uid", required_argument, NULL, 'u'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
        switch (c) {
        case 'c':
            ret->config = optarg;
            break;
        case 's':
            ret->socket = optarg;
            break;
        case 'r':
            ret->registry = optarg;
            break;
        case 'u':
            if (!pv_user_id(optarg, &ret->nginx_uid)) {
                return false;
            }
            break;
        case 'h':
            ret->done = true;
            return fputs(help_text, stdout) >= 0;
        case 'v':
            ret->done = true;
            return puts("payvand-sign-in " PV_VERSION) >= 0;
        default:
            return false;
        }
    }
    return optind == argc && ret->config != NULL && ret->socket != NULL &&
           ret->registry != NULL;
}

/* libcurl's resolver has threads and files of its own, so this is what it
   never needs. */
static enum pv_err
shut_in(struct pv_why *why)
{
    static const int refused[] = {
        SCMP_SYS(execve),     SCMP_SYS(execveat),
        SCMP_SYS(ptrace),     SCMP_SYS(process_vm_readv),
        SCMP_SYS(mount),      SCMP_SYS(process_vm_writev),
        SCMP_SYS(umount2),    SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),     SCMP_SYS(setns),
        SCMP_SYS(unshare),    SCMP_SYS(bpf),
        SCMP_SYS(unlinkat),   SCMP_SYS(perf_event_open),
        SCMP_SYS(mkdir),      SCMP_SYS(mkdirat),
        SCMP_SYS(renameat),   SCMP_SYS(renameat2),
        SCMP_SYS(setuid),     SCMP_SYS(setgid),
        SCMP_SYS(kexec_load), SCMP_SYS(keyctl),
        PV_SANDBOX_END};
    const struct pv_sandbox how = {.deny = true, .list = {refused}};

    return pv_sandbox_enter(&how, why);
}

static enum pv_err
open_server(const struct options *options, struct pv_server **ret,
            struct pv_why *why)
{
    struct pv_server_config config = {.uid = &options->nginx_uid,
                                      .uid_count = 1,
                                      .connections_max = CONNECTIONS_MAX,
                                      .route = login_route,
                                      .route_count = login_route_count,
                                      .context = &logins};

    return pv_server_start(options->socket, SOCKET_MODE, &config, ret, why);
}

int
main(int argc, char **argv)
{
    struct options    options = {.nginx_uid = geteuid()};
    struct pv_server *server = NULL;
    struct pv_why     why = {""};
    enum pv_err       err;

    if (!read_options(argc, argv, &options)) {
        (void)fputs("payvand-sign-in: see --help\n", stderr);
        return 2;
    }
    if (options.done) {
        return 0;
    }
    logins.registry = options.registry;
    err = pv_sandbox_harden(&why);
    if (err == PV_OK) {
        err = pv_signals_catch(on_signal, &why);
    }
    if (err == PV_OK && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        pv_why_set(&why, "libcurl does not start");
        err = PV_ENOMEM;
    }
    if (err == PV_OK) {
        err = provider_read(options.config, &logins.provider, &why);
    }
    if (err == PV_OK) {
        err = open_server(&options, &server, &why);
    }
    if (err == PV_OK) {
        err = shut_in(&why);
    }
    if (err == PV_OK) {
        pv_log_event("info", "sign-in.started", "issuer=%s",
                     logins.provider.config.issuer);
    }
    while (stop == 0 && err == PV_OK) {
        err = pv_server_run(server, ROUND_MS);
    }
    if (err != PV_OK) {
        pv_log_event("error", "sign-in.ended", "%s: %s", pv_err_text(err),
                     why.text);
    }
    pv_server_close(server);
    if (server != NULL) {
        (void)unlink(options.socket); /* the next start removes it too */
    }
    provider_clear(&logins.provider);
    curl_global_cleanup();
    return err == PV_OK ? 0 : 1;
}
