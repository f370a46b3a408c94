/* http.c - the connector's listener: connections, libmicrohttpd, the end. */
#include "connectord/http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/time.h"
#include "connectord/log.h"

#define BACKLOG 512
#define IDLE_TIMEOUT_S 120
#define CONNECTION_MEMORY (32 * 1024)
#define CONNECTIONS_EXTRA 128 /* idle ones beside those that wait */
#define ACCEPT_AT_ONCE 64

/* ---- connections ---- */

static bool
is_our_nginx(const struct pv_http *http, int fd)
{
    struct ucred peer;
    socklen_t    len = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           len == sizeof(peer) && peer.uid == http->config->peer_uid;
}

static void
on_listener(struct pv_watch *watch, uint32_t events)
{
    struct pv_http *http = watch->context;

    (void)events;
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd == -1) {
            return; /* none left, or gone again */
        }
        if (!is_our_nginx(http, fd)) {
            pv_log_warn("connector.peer_refused", "provider=%s reason=uid",
                        http->config->provider);
            (void)close(fd); /* nothing was said */
            continue;
        }
        /* closes fd itself on failure */
        (void)MHD_add_connection(http->daemon, fd, (struct sockaddr *)&address,
                                 sizeof(address));
    }
}

static void
on_inner(struct pv_watch *watch, uint32_t events)
{
    (void)watch;
    (void)events; /* the main loop runs libmicrohttpd after every round */
}

static enum pv_err
open_listener(struct pv_http *http, struct pv_why *why)
{
    const char        *path = http->config->socket;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t             mask;
    int                bound;
    int                fd;

    if (pv_slice_to_cstr(pv_slice_from(path), address.sun_path,
                         sizeof(address.sun_path)) != PV_OK) {
        pv_why_set(why, "the socket's path is too long");
        return PV_ERANGE;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    http->listener = (struct pv_watch){fd, on_listener, http};
    if (fd == -1) {
        return PV_ESYS;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        pv_why_set(why, "%s: another connector listens there", path);
        return PV_EEXIST;
    }
    /* made under another name, so that who sees the path can connect */
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s.new", path);
    (void)unlink(address.sun_path); /* left by one that died */
    mask = umask(http->config->peer_uid == geteuid() ? 0177 : 0117);
    bound = bind(fd, (struct sockaddr *)&address, sizeof(address));
    (void)umask(mask); /* cannot fail */
    if (bound != 0 || listen(fd, BACKLOG) != 0 ||
        rename(address.sun_path, path) != 0 || stat(path, &http->made) != 0) {
        pv_why_set(why, "%s: %s", path, strerror(errno));
        return PV_ESYS;
    }
    return pv_watch_add(http->epoll, &http->listener);
}

static size_t
keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static enum pv_err
start_daemon(struct pv_http *http)
{
    const union MHD_DaemonInfo *info;
    unsigned                    connections;

    connections =
        http->config->queue_max + 2 * http->config->workers + CONNECTIONS_EXTRA;
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0,
        NULL, NULL, pv_call_on_request, http, MHD_OPTION_URI_LOG_CALLBACK,
        pv_call_on_uri, http, MHD_OPTION_NOTIFY_COMPLETED, pv_call_on_completed,
        http, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
    if (http->daemon == NULL) {
        return PV_ESYS;
    }
    info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        return PV_ESYS;
    }
    http->inner = (struct pv_watch){info->epoll_fd, on_inner, http};
    return pv_watch_add(http->epoll, &http->inner);
}

enum pv_err
pv_http_new(const struct pv_connector_config *config,
            struct pv_serving *serving, struct pv_signer *signer, int epoll,
            struct pv_http **ret, struct pv_why *why)
{
    struct pv_http *http = calloc(1, sizeof(*http));
    enum pv_err     err;

    if (http == NULL) {
        return PV_ENOMEM;
    }
    http->config = config;
    http->serving = serving;
    http->epoll = epoll;
    http->listener.fd = -1;
    http->inner.fd = -1;
    http->to_sign_end = &http->to_sign;
    pv_signing_init(&http->signing);
    pv_why_set(why, "the HTTP server does not start");
    err = pv_signatures_init(&http->signatures, config, signer);
    if (err == PV_OK) {
        err = start_daemon(http);
    }
    if (err == PV_OK) {
        err = open_listener(http, why);
    }
    if (err == PV_OK) {
        *ret = http;
        http = NULL;
    }
    pv_http_free(http);
    return err;
}

void
pv_http_serve(struct pv_http *http, struct pv_serving *serving)
{
    http->serving = serving;
}

void
pv_http_keep(struct pv_http *http, struct pv_keeper_link *keeper)
{
    http->keeper = keeper;
}

void
pv_http_need_rights(struct pv_http *http, const struct pv_rights_link *rights)
{
    http->rights = rights;
}

void
pv_http_run(struct pv_http *http, int64_t *ret_wait_ms)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    pv_call_sign_waiting(http);
    if (MHD_run(http->daemon) != MHD_YES) {
        pv_log_error("connector.http_run_failed", "ignoring");
    }
    *ret_wait_ms = INT64_MAX;
    if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES) {
        *ret_wait_ms = wait_ms > IDLE_TIMEOUT_S * 1000 ? IDLE_TIMEOUT_S * 1000
                                                       : (int64_t)wait_ms;
    }
    if (http->to_sign != NULL) {
        *ret_wait_ms = 0; /* ended meanwhile: nothing else would wake us */
    }
}

size_t
pv_http_open_count(const struct pv_http *http)
{
    return http->calls;
}

void
pv_http_stop(struct pv_http *http)
{
    struct stat now;

    if (http->listener.fd == -1) {
        return;
    }
    http->stopping = true;
    pv_watch_remove(http->epoll, &http->listener);
    (void)close(http->listener.fd); /* nothing to lose */
    http->listener.fd = -1;
    if (stat(http->config->socket, &now) == 0 &&
        now.st_ino == http->made.st_ino && now.st_dev == http->made.st_dev) {
        (void)unlink(http->config->socket); /* the next one cleans up too */
    }
}

void
pv_http_free(struct pv_http *http)
{
    if (http == NULL) {
        return;
    }
    if (http->made.st_ino != 0) {
        pv_http_stop(http);
    } else if (http->listener.fd != -1) {
        (void)close(http->listener.fd); /* never listened */
    }
    if (http->inner.fd != -1) {
        pv_watch_remove(http->epoll, &http->inner);
    }
    if (http->daemon != NULL) {
        MHD_stop_daemon(http->daemon);
    }
    pv_signatures_clear(&http->signatures);
    pv_signing_clear(&http->signing);
    free(http);
}
