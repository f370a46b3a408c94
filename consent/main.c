/*
 * payvand-consent-page - a person gives consent, and sees who asked.
 *
 * What it does:      shows pages (page.h) and asks the keeper's desk.
 * What it holds:     nothing but the key of its forms' tokens.
 * Who may talk to it: nginx, the user of --nginx-uid, on one Unix socket; it
 *                    has signed the person in.
 * What it may call:  its sockets and new ones to the desk (seccomp).
 * What a thief of it gains: the desk: numbers for any person, and who asked
 *                    about one that the thief can name. No answer, no key.
 */
#include <getopt.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "daemon/event.h"
#include "daemon/sandbox.h"
#include "daemon/signals.h"
#include "daemon/user.h"
#include "page.h"

#define ROUND_MS 1000
#define CONNECTIONS_MAX 64
#define SOCKET_MODE 0660

static volatile sig_atomic_t stop;

struct options {
    const char *socket;
    const char *desk;
    uid_t       nginx_uid;
    bool        done; /* --help or --version was answered */
};

static const char help_text[] =
    "payvand-consent-page: a person gives consent, and sees who asked\n"
    "\n"
    "  payvand-consent-page --socket PATH --desk PATH [OPTION...]\n"
    "\n"
    "  --socket PATH      where nginx reaches it\n"
    "  --desk PATH        the desk of payvand-connectord's keeper\n"
    "  --nginx-uid USER   who may connect (default: one's own)\n"
    "  --help, --version\n"
    "\n"
    "The nginx in front signs people in and says who it is in\n"
    "Payvand-Peer-Person. Manual: man payvand-consent-page\n";

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
        {"socket", required_argument, NULL, 's'},
        {"desk", required_argument, NULL, 'd'},
        {"nginx-uid", required_argument, NULL, 'u'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
        switch (c) {
        case 's':
            ret->socket = optarg;
            break;
        case 'd':
            ret->desk = optarg;
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
            return puts("payvand-consent-page " PV_VERSION) >= 0;
        default:
            return false;
        }
    }
    return optind == argc && ret->socket != NULL && ret->desk != NULL;
}

static enum pv_err
shut_in(struct pv_why *why)
{
    static const int        own[] = {SCMP_SYS(socket), SCMP_SYS(connect),
                                     SCMP_SYS(unlink), PV_SANDBOX_END};
    const struct pv_sandbox how = {
        .list = {pv_sandbox_every, pv_sandbox_files, pv_sandbox_http, own}};

    return pv_sandbox_enter(&how, why);
}

static enum pv_err
open_server(const struct options *options, struct pages *pages,
            struct pv_server **ret, struct pv_why *why)
{
    struct pv_server_config config = {.uid = &options->nginx_uid,
                                      .uid_count = 1,
                                      .connections_max = CONNECTIONS_MAX,
                                      .route = page_route,
                                      .route_count = page_route_count,
                                      .context = pages};

    return pv_server_start(options->socket, SOCKET_MODE, &config, ret, why);
}

int
main(int argc, char **argv)
{
    struct options      options = {.nginx_uid = geteuid()};
    static struct pages pages;
    struct pv_server   *server = NULL;
    struct pv_why       why = {""};
    enum pv_err         err;

    if (!read_options(argc, argv, &options)) {
        (void)fputs("payvand-consent-page: see --help\n", stderr);
        return 2;
    }
    if (options.done) {
        return 0;
    }
    pages.desk = options.desk;
    err = pv_sandbox_harden(&why);
    if (err == PV_OK) {
        err = pv_signals_catch(on_signal, &why);
    }
    if (err == PV_OK) {
        err = pv_secret_random(pages.key, sizeof(pages.key));
    }
    if (err == PV_OK) {
        err = open_server(&options, &pages, &server, &why);
    }
    if (err == PV_OK) {
        err = shut_in(&why);
    }
    if (err == PV_OK) {
        pv_log_event("info", "consent-page.started", "desk=%s", options.desk);
    }
    while (stop == 0 && err == PV_OK) {
        err = pv_server_run(server, ROUND_MS);
    }
    if (err != PV_OK) {
        pv_log_event("error", "consent-page.ended", "%s: %s", pv_err_text(err),
                     why.text);
    }
    pv_server_close(server);
    if (server != NULL) {
        (void)unlink(options.socket); /* the next start removes it too */
    }
    explicit_bzero(pages.key, sizeof(pages.key));
    return err == PV_OK ? 0 : 1;
}
