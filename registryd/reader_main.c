/*
 * payvand-registryd -P reader - the reader of a registry.
 *
 * What it does:      answers reads that may take long: views, lists as of a
 *                    day, where a record is used.
 * What it holds:     a connection to the registry's database that cannot
 *                    write.
 * Who may talk to it: the registry that made it, on one socketpair; who asks
 *                    stands in the question, and was admitted before.
 * What it may call:  files that are open, with SQLite the database's folder,
 *                    with PostgreSQL its server; see sandbox.c.
 * What a thief of it gains: what is in the database, restricted records and
 *                    hashes of passwords too; no key, no right to decide.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "api.h"
#include "daemon/event.h"
#include "reader.h"
#include "reader_message.h"
#include "sandbox.h"

static bool
send_all(struct pv_slice message)
{
    return send(READER_SOCKET_FD, message.ptr, message.len, MSG_NOSIGNAL) ==
           (ssize_t)message.len;
}

/* The head and the body, in pieces. */
static bool
send_answer(const struct pv_server_call *call)
{
    struct reader_answer head = {.status = call->status,
                                 .retry_after_s = call->retry_after_s,
                                 .len = call->answer.len};
    struct pv_slice      rest = pv_buf_view(&call->answer);

    if (strlen(call->type) >= sizeof(head.type)) {
        return false;
    }
    memcpy(head.type, call->type, strlen(call->type));
    memcpy(head.link, call->link, sizeof(head.link));
    if (!send_all((struct pv_slice){(const char *)&head, sizeof(head)})) {
        return false;
    }
    while (rest.len > 0) {
        struct pv_slice piece = {rest.ptr, rest.len < PV_READER_PIECE_MAX
                                               ? rest.len
                                               : PV_READER_PIECE_MAX};

        if (!send_all(piece)) {
            return false;
        }
        rest.ptr += piece.len;
        rest.len -= piece.len;
    }
    return true;
}

static const struct pv_server_route *
find_route(struct pv_slice path, struct pv_slice *ret_rest)
{
    for (size_t i = 0; i < pv_api_read_route_count; i++) {
        struct pv_slice own = pv_slice_from(pv_api_read_route[i].path);

        if (pv_slice_starts(path, own)) {
            *ret_rest =
                (struct pv_slice){path.ptr + own.len, path.len - own.len};
            return &pv_api_read_route[i];
        }
    }
    return NULL;
}

/* False: the registry has gone, or asks what it may not. */
static bool
answer(struct pv_api *api, const struct reader_ask *ask)
{
    struct pv_server_call         call = {.context = api,
                                          .method = PV_LIT("GET"),
                                          .path = pv_slice_from(ask->path),
                                          .query = pv_slice_from(ask->query)};
    const struct pv_server_route *route = find_route(call.path, &call.rest);
    enum pv_err                   err;
    bool                          said;

    if (route == NULL) {
        return false;
    }
    api->caller = ask->caller;
    pv_buf_init(&call.answer, PV_READER_ANSWER_MAX);
    err = pv_registry_read_begin(api->registry);
    if (err == PV_OK) {
        route->fn(&call);
        pv_registry_read_end(api->registry);
    } else {
        pv_api_error(&call, err);
    }
    said = send_answer(&call);
    pv_buf_clear(&call.answer);
    return said;
}

/* Until the registry closes its end. */
static void
serve(struct pv_registry *registry)
{
    struct pv_api     api = {.registry = registry, .face = PV_FACE_WEB};
    struct reader_ask ask;
    ssize_t           n;

    do {
        n = recv(READER_SOCKET_FD, &ask, sizeof(ask), 0);
    } while ((n == -1 && errno == EINTR) ||
             (n == (ssize_t)sizeof(ask) && answer(&api, &ask)));
}

int
pv_reader_main(const struct pv_registry_config *config)
{
    struct pv_registry *registry = NULL;
    struct pv_why       why = {""};
    enum pv_err         err;

    (void)signal(SIGTERM, SIG_IGN); /* cannot fail: it ends with its parent */
    (void)signal(SIGINT, SIG_IGN);  /* as above */
    err = pv_registry_open_reader(config, &registry, &why);
    if (err == PV_OK) {
        err = pv_reader_sandbox(config, &why);
    }
    if (err == PV_OK) {
        if (send_all(PV_LIT("r"))) {
            serve(registry);
        }
    } else {
        pv_log_event("error", "registry.child_failed", "name=reader %s: %s",
                     pv_err_text(err), why.text);
    }
    pv_registry_close(registry); /* accepts NULL */
    return err == PV_OK ? 0 : 1;
}
