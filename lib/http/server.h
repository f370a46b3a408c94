/*
 * server.h - the little that the daemons share over libmicrohttpd: a listening
 * socket, who may connect, a table of routes, limits, problem+json.
 *
 * TLS, slow senders and the outside world are nginx's work; a daemon listens
 * on a Unix socket and takes only the users named (SO_PEERCRED). The target of
 * a request is taken as it was sent: an escape, a dot segment or a double
 * slash is no path of a route that does not ask for it. A query is strict: see
 * pv_server_query.
 *
 * One thread runs everything: a route's function gives the whole answer before
 * it returns, so it may wait for the disk but never for a peer. One that has
 * nothing to say yet asks to be called again (pv_server_wait).
 *
 * Ownership: the caller owns the struct pv_server it opened; a call and all in
 *            it is borrowed until the route's function returns.
 * Threads:   one at a time.
 * Blocks:    pv_server_run, up to its wait_ms and as long as the functions.
 * Limits:    the PV_SERVER_*_MAX below, ->connections_max, a route's body_max.
 */
#ifndef PV_HTTP_SERVER_H
#define PV_HTTP_SERVER_H

#include <sys/types.h>

#include "base/buf.h"

#define PV_SERVER_TARGET_MAX 2048 /* path and query */
#define PV_SERVER_ROUTES_MAX 64
#define PV_SERVER_UIDS_MAX 16
#define PV_SERVER_HEAD_MAX (32 * 1024)          /* memory of one connection */
#define PV_SERVER_ANSWER_MAX (16 * 1024 * 1024) /* bytes of a body */
#define PV_SERVER_IDLE_S 75                     /* an unused connection */
#define PV_SERVER_PARAMS_MAX 16                 /* of one query */
#define PV_SERVER_COOKIE_MAX 256                /* a Set-Cookie, with its NUL */
#define PV_SERVER_LINK_MAX (PV_SERVER_TARGET_MAX + 64) /* a Link */
#define PV_SERVER_MORE_MAX 4 /* headers of a route's own */

struct pv_server;

struct pv_server_more { /* a header of an answer; both literal or in ->state */
    const char *name;
    const char *value;
};

struct pv_server_call {
    void           *context; /* of the server */
    void           *state;   /* the function's own, kept while it waits */
    uid_t           uid;     /* who is connected; (uid_t)-1 on TCP */
    struct pv_slice method;
    struct pv_slice path;
    struct pv_slice rest;  /* of the path, behind a route that ends in "/" */
    struct pv_slice query; /* behind the "?", as it was sent */
    struct pv_slice body;

    /* the answer; pv_server_answer and _problem fill it in */
    unsigned              status;
    const char           *type;          /* Content-Type; a literal */
    const char           *cache;         /* Cache-Control; NULL: no-store */
    unsigned              retry_after_s; /* Retry-After; 0: none */
    const char           *location;      /* Location; NULL: none */
    char                  set_cookie[PV_SERVER_COOKIE_MAX]; /* "": none */
    char                  link[PV_SERVER_LINK_MAX]; /* RFC 8288; "": none */
    struct pv_server_more more[PV_SERVER_MORE_MAX];
    size_t                more_count;
    struct pv_buf         answer;

    int64_t begun_ms;   /* monotonic: when the request was there */
    int64_t again_ms;   /* monotonic: of pv_server_wait; 0: answered */
    void   *connection; /* libmicrohttpd's; for pv_server_header */
};

typedef void pv_server_fn(struct pv_server_call *call);

/* Before a route's function; false: it has answered, the function is not run.
 */
typedef bool pv_server_admit_fn(struct pv_server_call *call);

/* What a call's ->state held, when the request has ended, however it did. */
typedef void pv_server_forget_fn(void *state);

/*
 * A path that ends in "/" stands for all below it, another one for itself; one
 * that ends in "/" and "*" for all below it as it was sent, escapes and all.
 */
struct pv_server_route {
    const char   *method; /* "GET" also answers HEAD */
    const char   *path;
    size_t        body_max;
    pv_server_fn *fn;
};

struct pv_server_config {
    int          listenfd; /* non-blocking; taken over */
    const uid_t *uid;      /* who may connect on a Unix socket */
    size_t       uid_count;
    bool         is_tcp; /* a TCP socket: anybody may connect */
    unsigned     connections_max;
    const struct pv_server_route *route; /* borrowed while the server lives */
    size_t                        route_count;
    pv_server_admit_fn           *admit;  /* NULL: every call is */
    pv_server_forget_fn          *forget; /* NULL: no function keeps a state */
    void                         *context;
};

/*
 * A listening Unix socket at path, which replaces what a dead one left there.
 * PV_EEXIST: somebody listens there. PV_ERANGE: the path is too long. PV_ESYS.
 */
enum pv_err pv_server_listen(const char *path, mode_t mode, int *ret_fd,
                             struct pv_why *why) PV_MUST_CHECK;

/*
 * Both: listen at path and open the server there. config->listenfd is set, and
 * closed on failure. The errors of both, with words.
 */
enum pv_err pv_server_start(const char *path, mode_t mode,
                            struct pv_server_config *config,
                            struct pv_server       **ret,
                            struct pv_why           *why) PV_MUST_CHECK;

/* PV_EINVAL: a maximum above is passed. PV_ENOMEM, PV_ESYS. */
enum pv_err pv_server_open(const struct pv_server_config *config,
                           struct pv_server **ret_server) PV_MUST_CHECK;
void        pv_server_close(struct pv_server *server);

/* Readable when pv_server_run has something to do; for another loop. */
int pv_server_fd(const struct pv_server *server);

/* How long that loop may wait for it, at most most_ms. */
int pv_server_wait_ms(const struct pv_server *server, int most_ms);

/* What waits is asked again in the next round (pv_server_wait). */
void pv_server_wake(struct pv_server *server);

/* Of what waits, the one call with that ->state. */
void pv_server_wake_one(struct pv_server *server, const void *state);

/*
 * One round: wait for at most wait_ms, answer what came. A signal ends the
 * wait. PV_ESYS when the kernel refuses to wait.
 */
enum pv_err pv_server_run(struct pv_server *server, int wait_ms) PV_MUST_CHECK;

/* ---- for a route's function --------------------------------------------- */

/*
 * The value of a header that came exactly once. PV_ENOTFOUND; PV_EINVAL when
 * it came more than once. Borrowed from the call.
 */
enum pv_err pv_server_header(const struct pv_server_call *call,
                             const char                  *name,
                             struct pv_slice *ret_value) PV_MUST_CHECK;

/* A parameter that a route knows; ->value is empty when it did not come. */
struct pv_server_param {
    struct pv_slice name;
    struct pv_slice value;
};

/*
 * Take "name=value&name=value" apart into the parameters known. No escapes:
 * a value is 1 or more of [A-Za-z0-9._/:+-]. PV_EINVAL for another byte, an
 * unknown name, one that comes twice, an empty value; nothing is changed then.
 */
enum pv_err pv_server_query(struct pv_slice         query,
                            struct pv_server_param *param,
                            size_t                  count) PV_MUST_CHECK;

/*
 * No answer yet: the function is called again for the same request after
 * pv_server_wake or _wake_one, or at until_ms (monotonic) at the latest. When
 * the client has gone by then, the request ends: its state is forgotten and fn
 * is not called.
 */
void pv_server_wait(struct pv_server_call *call, int64_t until_ms);

/* Set status and type; the body is what call->answer holds. */
void pv_server_answer(struct pv_server_call *call, unsigned status,
                      const char *type);

/*
 * RFC 9457 problem+json, type urn:payvand:problem:<word>, in both languages;
 * replaces what call->answer holds.
 */
void pv_server_problem(struct pv_server_call *call, unsigned status,
                       const char *word, const char *title,
                       const char *title_fa);

#endif
