/* server.c - connections, requests and answers over libmicrohttpd. */
#include "http/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/time.h"

#define ACCEPT_AT_ONCE 64
#define ROUND_EVENTS 2
#define CALL_MAGIC 0x68747470u
#define PROBLEM_PREFIX "urn:payvand:problem:"

struct pv_server {
    struct pv_server_config config;
    uid_t                   uid[PV_SERVER_UIDS_MAX];
    struct MHD_Daemon      *daemon;
    int                     epfd;
    struct request         *waiting; /* request.next; suspended */
    bool                    woken;
};

struct request {
    uint32_t                      magic;
    struct pv_server             *server;
    struct request               *next; /* of those that wait */
    char                          target[PV_SERVER_TARGET_MAX];
    const struct pv_server_route *route;
    struct pv_buf                 body;
    bool                          begun;
    bool                          too_large;
    struct pv_server_call         call;
};

static struct request *
request_of(void *context)
{
    struct request *request = context;

    return request != NULL && request->magic == CALL_MAGIC ? request : NULL;
}

/* ---- answers ----------------------------------------------------------- */

void
pv_server_answer(struct pv_server_call *call, unsigned status, const char *type)
{
    call->status = status;
    call->type = type;
}

void
pv_server_problem(struct pv_server_call *call, unsigned status,
                  const char *word, const char *title, const char *title_fa)
{
    char           type[128] = PROBLEM_PREFIX;
    struct pv_json json;

    call->answer.len = 0;
    call->cache = NULL;
    pv_server_answer(call, status, "application/problem+json");
    if (strlen(word) < sizeof(type) - sizeof(PROBLEM_PREFIX)) {
        memcpy(type + sizeof(PROBLEM_PREFIX) - 1, word, strlen(word) + 1);
    }
    pv_json_init(&json, &call->answer);
    pv_json_object(&json, NULL);
    pv_json_u64(&json, "status", status);
    pv_json_text(&json, "title", title);
    pv_json_text(&json, "title_fa", title_fa);
    pv_json_text(&json, "type", type);
    pv_json_end_object(&json);
    if (pv_json_finish(&json) != PV_OK) {
        call->answer.len = 0; /* the status still says it */
    }
}

void
pv_server_wait(struct pv_server_call *call, int64_t until_ms)
{
    call->again_ms = until_ms > 0 ? until_ms : 1;
}

/* A page stands in nobody's frame, and is taken for nothing else. */
static bool
add_page_head(struct MHD_Response *response, const struct pv_server_call *call)
{
    static const char *const head[][2] = {
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", "frame-ancestors 'none'"},
        {"X-Frame-Options", "DENY"},
    };

    if (strncmp(call->type, "text/html", strlen("text/html")) != 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
        if (MHD_add_response_header(response, head[i][0], head[i][1]) !=
            MHD_YES) {
            return false;
        }
    }
    return true;
}

static bool
add_head(struct MHD_Response *response, const struct pv_server_call *call)
{
    char   seconds[16];
    size_t len = 0;

    if (MHD_add_response_header(response, "Content-Type", call->type) !=
            MHD_YES ||
        MHD_add_response_header(response, "Cache-Control",
                                call->cache == NULL ? "no-store"
                                                    : call->cache) != MHD_YES ||
        !add_page_head(response, call)) {
        return false;
    }
    for (size_t i = 0; i < call->more_count; i++) {
        if (MHD_add_response_header(response, call->more[i].name,
                                    call->more[i].value) != MHD_YES) {
            return false;
        }
    }
    if (call->set_cookie[0] != '\0' &&
        MHD_add_response_header(response, "Set-Cookie", call->set_cookie) !=
            MHD_YES) {
        return false;
    }
    if (call->link[0] != '\0' &&
        MHD_add_response_header(response, "Link", call->link) != MHD_YES) {
        return false;
    }
    if (call->location != NULL &&
        MHD_add_response_header(response, "Location", call->location) !=
            MHD_YES) {
        return false;
    }
    if (call->retry_after_s == 0) {
        return true;
    }
    for (unsigned n = call->retry_after_s; n > 0; n /= 10) {
        len++;
    }
    seconds[len] = '\0';
    for (unsigned n = call->retry_after_s; n > 0; n /= 10) {
        seconds[--len] = (char)('0' + n % 10);
    }
    return MHD_add_response_header(response, "Retry-After", seconds) == MHD_YES;
}

static enum MHD_Result
send_answer(struct request *request)
{
    struct pv_server_call *call = &request->call;
    struct MHD_Response   *response;
    enum MHD_Result        done = MHD_NO;
    bool                   is_empty = call->answer.len == 0;

    response = MHD_create_response_from_buffer(
        call->answer.len, is_empty ? (char *)(uintptr_t) "" : call->answer.ptr,
        is_empty ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        return MHD_NO;
    }
    if (!is_empty) { /* the response frees it now */
        memset(&call->answer, 0, sizeof(call->answer));
    }
    if (add_head(response, call)) {
        done = MHD_queue_response(call->connection, call->status, response);
    }
    MHD_destroy_response(response); /* the connection holds its own */
    return done;
}

/* ---- requests ---------------------------------------------------------- */

struct wanted {
    const char     *name;
    unsigned        count;
    struct pv_slice value;
};

static enum MHD_Result
note_header(void *context, enum MHD_ValueKind kind, const char *key,
            const char *value)
{
    struct wanted *wanted = context;

    (void)kind; /* only headers are asked for */
    if (strcasecmp(key, wanted->name) == 0) {
        wanted->count++;
        wanted->value = pv_slice_from(value);
    }
    return MHD_YES;
}

enum pv_err
pv_server_header(const struct pv_server_call *call, const char *name,
                 struct pv_slice *ret_value)
{
    struct wanted wanted = {name, 0, {NULL, 0}};

    if (MHD_get_connection_values(call->connection, MHD_HEADER_KIND,
                                  note_header, &wanted) < 0 ||
        wanted.count == 0) {
        return PV_ENOTFOUND;
    }
    if (wanted.count > 1) {
        return PV_EINVAL;
    }
    *ret_value = wanted.value;
    return PV_OK;
}

/* No escapes, no empty or dot segment: one spelling of each path. */
static bool
is_plain_path(struct pv_slice path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];

        if (c <= ' ' || c > '~' || c == '%' || c == '\\' ||
            (i > 0 && path.ptr[i - 1] == '/' && (c == '/' || c == '.'))) {
            return false;
        }
    }
    return path.len > 0 && path.ptr[0] == '/';
}

static bool
route_fits(const struct pv_server_route *route, struct pv_slice path,
           struct pv_slice *ret_rest)
{
    struct pv_slice own = pv_slice_from(route->path);

    if (own.ptr[own.len - 1] == '*') {
        own.len--; /* what follows is the route's to judge */
    } else if (!is_plain_path(path)) {
        return false;
    }
    if (own.ptr[own.len - 1] == '/' && path.len > own.len &&
        pv_slice_starts(path, own)) {
        *ret_rest = (struct pv_slice){path.ptr + own.len, path.len - own.len};
        return true;
    }
    return pv_slice_eq(own, path);
}

static void
find_route(struct request *request)
{
    struct pv_server_call         *call = &request->call;
    const struct pv_server_config *config = &request->server->config;
    struct pv_slice                method = call->method;
    bool                           is_path = false;

    if (pv_slice_eq(method, PV_LIT("HEAD"))) {
        method = PV_LIT("GET");
    }
    for (size_t i = 0; i < config->route_count; i++) {
        const struct pv_server_route *route = &config->route[i];

        if (!route_fits(route, call->path, &call->rest)) {
            continue;
        }
        is_path = true;
        if (pv_slice_eq(pv_slice_from(route->method), method)) {
            request->route = route;
            request->body.max = route->body_max;
            return;
        }
    }
    if (is_path) {
        pv_server_problem(call, MHD_HTTP_METHOD_NOT_ALLOWED, "http-method",
                          "This method is not answered here",
                          "این متد HTTP در این نشانی پذیرفته نیست");
    } else {
        pv_server_problem(call, MHD_HTTP_NOT_FOUND, "not-found",
                          "There is nothing to see here",
                          "چیزی برای نمایش نیست");
    }
}

static void
begin(struct request *request, struct MHD_Connection *connection,
      const char *method)
{
    struct pv_server_call          *call = &request->call;
    const union MHD_ConnectionInfo *info;
    struct ucred                    peer;
    socklen_t                       len = sizeof(peer);

    call->connection = connection;
    call->begun_ms = pv_time_monotonic_ms();
    call->context = request->server->config.context;
    call->method = pv_slice_from(method);
    (void)pv_slice_cut(pv_slice_from(request->target), '?', &call->path,
                       &call->query); /* none: an empty query */
    call->uid = (uid_t)-1;
    info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!request->server->config.is_tcp && info != NULL &&
        getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ==
            0) {
        call->uid = peer.uid;
    }
    find_route(request);
}

static void
answer(struct request *request)
{
    struct pv_server_call *call = &request->call;

    if (request->route == NULL) {
        return; /* the problem stands there already */
    }
    if (request->too_large) {
        pv_server_problem(call, MHD_HTTP_CONTENT_TOO_LARGE, "too-large",
                          "The body is too large", "بدنه درخواست بزرگ است");
        return;
    }
    call->body = pv_buf_view(&request->body);
    call->again_ms = 0;
    if (request->server->config.admit == NULL ||
        request->server->config.admit(call)) {
        request->route->fn(call);
    }
    if (call->again_ms != 0) {
        return;
    }
    if (call->status == 0) {
        pv_server_problem(call, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal",
                          "No answer was made", "پاسخی ساخته نشد");
    }
}

/* Nobody reads an answer there: one that only asked to be called again when it
   can answer would be worked for in vain. A half-closed one is gone as well. */
static bool
is_gone(const struct request *request)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        request->call.connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    char    byte;
    ssize_t n;

    if (info == NULL) {
        return true;
    }
    n = recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK &&
                      errno != EINTR);
}

static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url,
           const char *method, const char *version, const char *data,
           size_t *len, void **con_cls)
{
    struct request *request = request_of(*con_cls);

    (void)context;
    (void)url; /* unescaped; the raw one was kept by on_target */
    (void)version;
    if (request == NULL) {
        return MHD_NO;
    }
    if (!request->begun) {
        request->begun = true;
        begin(request, connection, method);
        return MHD_YES;
    }
    if (*len > 0) {
        if (request->route == NULL || request->too_large ||
            pv_buf_add(&request->body, (struct pv_slice){data, *len}) !=
                PV_OK) {
            request->too_large = true; /* swallow the rest, then say so */
        }
        *len = 0;
        return MHD_YES;
    }
    if (request->call.again_ms != 0 && is_gone(request)) {
        return MHD_NO; /* the state is forgotten in on_completed */
    }
    answer(request);
    if (request->call.again_ms != 0) {
        request->next = request->server->waiting;
        request->server->waiting = request;
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    return send_answer(request);
}

/* Called with the request line's target as it was sent. */
static void *
on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct request *request = calloc(1, sizeof(*request));

    (void)connection;
    if (request == NULL) {
        return NULL;
    }
    request->magic = CALL_MAGIC;
    request->server = context;
    pv_buf_init(&request->body, 0);
    pv_buf_init(&request->call.answer, PV_SERVER_ANSWER_MAX);
    if (pv_slice_to_cstr(pv_slice_from(target), request->target,
                         sizeof(request->target)) != PV_OK) {
        request->target[0] = '\0'; /* longer than any: no route */
    }
    return request;
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **con_cls,
             enum MHD_RequestTerminationCode code)
{
    struct request *request = request_of(*con_cls);

    (void)context;
    (void)connection;
    (void)code; /* there is no one left to tell */
    if (request != NULL) {
        if (request->call.state != NULL) {
            request->server->config.forget(request->call.state);
        }
        pv_buf_clear(&request->body);
        pv_buf_clear(&request->call.answer);
        request->magic = 0;
        free(request);
        *con_cls = NULL;
    }
}

static size_t
keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

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
        NULL, NULL, on_request, server, MHD_OPTION_URI_LOG_CALLBACK, on_target,
        server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_CONNECTION_LIMIT, server->config.connections_max,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PV_SERVER_IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)PV_SERVER_HEAD_MAX,
        MHD_OPTION_END);
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
