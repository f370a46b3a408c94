/* server_request.c - one request: its route, its body, its state. */
#include "http/server_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/time.h"

#define CALL_MAGIC 0x68747470u

static struct request *
request_of(void *context)
{
    struct request *request = context;

    return request != NULL && request->magic == CALL_MAGIC ? request : NULL;
}

/* ---- its headers and its route ------------------------------------------ */

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

enum MHD_Result
pv_server_request(void *context, struct MHD_Connection *connection,
                  const char *url, const char *method, const char *version,
                  const char *data, size_t *len, void **con_cls)
{
    struct request *request = request_of(*con_cls);

    (void)context;
    (void)url; /* unescaped; the raw one was kept by pv_server_target */
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
        return MHD_NO; /* the state is forgotten in pv_server_completed */
    }
    answer(request);
    if (request->call.again_ms != 0) {
        request->next = request->server->waiting;
        request->server->waiting = request;
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    return pv_server_send(request);
}

/* Called with the request line's target as it was sent. */
void *
pv_server_target(void *context, const char *target,
                 struct MHD_Connection *connection)
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

void
pv_server_completed(void *context, struct MHD_Connection *connection,
                    void **con_cls, enum MHD_RequestTerminationCode code)
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

size_t
pv_server_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}
