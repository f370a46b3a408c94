/* server.c - connections over libmicrohttpd, and the server's life. */
#include "http/server_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/time.h"

#define ACCEPT_AT_ONCE 64
#define ROUND_EVENTS 2

/* ---- connections ------------------------------------------------------- */

static bool
may_connect(const struct pv_server *server, int fd)
{
    struct ucred peer;
    socklen_t    len = sizeof(peer);

    if (server->config.is_tcp) {
        return true;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1) {
        return false;
    }
    for (size_t i = 0; i < server->config.uid_count; i++) {
        if (peer.uid == server->uid[i]) {
            return true;
        }
    }
    return false;
}

static void
accept_some(struct pv_server *server)
{
    struct sockaddr_storage address = {0};

    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        int fd = accept4(server->config.listenfd, NULL, NULL,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd == -1) {
            return; /* none left, or gone again */
        }
        if (!may_connect(server, fd)) {
            (void)close(fd); /* nothing was said */
            continue;
        }
        address.ss_family = server->config.is_tcp ? AF_INET : AF_UNIX;
        /* closes fd itself on failure */
        (void)MHD_add_connection(
            server->daemon, fd, (struct sockaddr *)&address,
            server->config.is_tcp ? (socklen_t)sizeof(struct sockaddr_in)
                                  : (socklen_t)sizeof(struct sockaddr_un));
    }
}

enum pv_err
pv_server_listen(const char *path, mode_t mode, int *ret_fd, struct pv_why *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct sockaddr_un fresh = {.sun_family = AF_UNIX};
    struct pv_slice    name = pv_slice_from(path);
    enum pv_err        err = PV_ESYS;
    int                fd = -1;

    if (pv_slice_to_cstr(name, address.sun_path, sizeof(address.sun_path)) !=
            PV_OK ||
        name.len + sizeof(".new") > sizeof(fresh.sun_path)) {
        pv_why_set(why, "the socket's path is too long: %s", path);
        return PV_ERANGE;
    }
    memcpy(fresh.sun_path, path, name.len);
    memcpy(fresh.sun_path + name.len, ".new", sizeof(".new"));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1) {
        goto out;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        pv_why_set(why, "%s: another one listens there", path);
        err = PV_EEXIST;
        goto out;
    }
    /* made under another name, so that who sees the path can connect */
    (void)unlink(fresh.sun_path); /* left by one that died */
    if (bind(fd, (struct sockaddr *)&fresh, sizeof(fresh)) == -1 ||
        chmod(fresh.sun_path, mode) == -1 || listen(fd, SOMAXCONN) == -1 ||
        rename(fresh.sun_path, path) == -1) {
        goto out;
    }
    *ret_fd = fd;
    fd = -1;
    err = PV_OK;

out:
    if (err == PV_ESYS) {
        pv_why_set(why, "%s: %s", path, strerror(errno));
    }
    if (fd != -1) {
        (void)close(fd); /* never listened */
    }
    return err;
}

/* ---- life -------------------------------------------------------------- */

static enum pv_err
start(struct pv_server *server)
{
    struct epoll_event          event = {.events = EPOLLIN};
    const union MHD_DaemonInfo *info;

    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0,
        NULL, NULL, pv_server_request, server, MHD_OPTION_URI_LOG_CALLBACK,
        pv_server_target, server, MHD_OPTION_NOTIFY_COMPLETED,
        pv_server_completed, server, MHD_OPTION_UNESCAPE_CALLBACK,
        pv_server_escapes, NULL, MHD_OPTION_CONNECTION_LIMIT,
        server->config.connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)PV_SERVER_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)PV_SERVER_HEAD_MAX, MHD_OPTION_END);
    if (server->daemon == NULL) {
        return PV_ESYS;
    }
    info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    server->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (info == NULL || server->epfd == -1) {
        return PV_ESYS;
    }
    event.data.fd = server->config.listenfd;
    if (epoll_ctl(server->epfd, EPOLL_CTL_ADD, server->config.listenfd,
                  &event) == -1) {
        return PV_ESYS;
    }
    event.data.fd = info->epoll_fd;
    return epoll_ctl(server->epfd, EPOLL_CTL_ADD, info->epoll_fd, &event) == -1
               ? PV_ESYS
               : PV_OK;
}

enum pv_err
pv_server_open(const struct pv_server_config *config,
               struct pv_server             **ret_server)
{
    struct pv_server *server;
    enum pv_err       err;

    if (config->uid_count > PV_SERVER_UIDS_MAX ||
        config->route_count > PV_SERVER_ROUTES_MAX) {
        return PV_EINVAL;
    }
    server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return PV_ENOMEM;
    }
    server->config = *config;
    server->epfd = -1;
    for (size_t i = 0; i < config->uid_count; i++) {
        server->uid[i] = config->uid[i];
    }
    err = start(server);
    if (err == PV_OK) {
        *ret_server = server;
        return PV_OK;
    }
    server->config.listenfd = -1; /* stays the caller's */
    pv_server_close(server);
    return err;
}

enum pv_err
pv_server_start(const char *path, mode_t mode, struct pv_server_config *config,
                struct pv_server **ret, struct pv_why *why)
{
    enum pv_err err = pv_server_listen(path, mode, &config->listenfd, why);

    if (err != PV_OK) {
        return err;
    }
    err = pv_server_open(config, ret);
    if (err != PV_OK) {
        pv_why_set(why, "the server does not start: %s", pv_err_text(err));
        (void)close(config->listenfd); /* nothing came yet */
    }
    return err;
}

/* Let go on what waited long enough. */
static void
resume(struct pv_server *server, int64_t now_ms)
{
    struct request **link = &server->waiting;

    while (*link != NULL) {
        struct request *request = *link;

        if (request->call.again_ms <= now_ms) {
            *link = request->next;
            MHD_resume_connection(request->call.connection);
        } else {
            link = &request->next;
        }
    }
}

void
pv_server_close(struct pv_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->config.listenfd != -1) {
        (void)close(server->config.listenfd); /* nothing to lose */
    }
    if (server->daemon != NULL) {
        resume(server, INT64_MAX); /* it will not be asked again */
        MHD_stop_daemon(server->daemon);
    }
    if (server->epfd != -1) {
        (void)close(server->epfd); /* nothing to lose */
    }
    free(server);
}

int
pv_server_fd(const struct pv_server *server)
{
    return server->epfd;
}

int
pv_server_wait_ms(const struct pv_server *server, int most_ms)
{
    MHD_UNSIGNED_LONG_LONG wanted_ms;
    int64_t                now_ms = pv_time_monotonic_ms();

    if (server->woken && server->waiting != NULL) {
        return 0;
    }
    for (const struct request *request = server->waiting; request != NULL;
         request = request->next) {
        int64_t left_ms = request->call.again_ms - now_ms;

        if (most_ms < 0 || left_ms < most_ms) {
            most_ms = left_ms > 0 ? (int)left_ms : 0;
        }
    }
    if (MHD_get_timeout(server->daemon, &wanted_ms) == MHD_YES &&
        (most_ms < 0 || wanted_ms < (unsigned)most_ms)) {
        return (int)wanted_ms;
    }
    return most_ms;
}

void
pv_server_wake(struct pv_server *server)
{
    server->woken = true;
}

void
pv_server_wake_one(struct pv_server *server, const void *state)
{
    for (struct request *request = server->waiting; request != NULL;
         request = request->next) {
        if (request->call.state == state) {
            request->call.again_ms = 1; /* long ago */
        }
    }
}

enum pv_err
pv_server_run(struct pv_server *server, int wait_ms)
{
    struct epoll_event event[ROUND_EVENTS];
    int                count;

    resume(server, server->woken ? INT64_MAX : pv_time_monotonic_ms());
    server->woken = false;
    count = epoll_wait(server->epfd, event, ROUND_EVENTS,
                       pv_server_wait_ms(server, wait_ms));
    if (count == -1) {
        return errno == EINTR ? PV_OK : PV_ESYS;
    }
    for (int i = 0; i < count; i++) {
        if (event[i].data.fd == server->config.listenfd) {
            accept_some(server);
        }
    }
    return MHD_run(server->daemon) == MHD_YES ? PV_OK : PV_ESYS;
}
