/*
 * login.h - people on their way through the provider, and the two addresses
 * that a browser comes to. Private to payvand-sign-in.
 *
 *   GET /registry/v1/oidc/start     302 to the provider
 *   GET /registry/v1/oidc/callback  the provider sends the browser back here:
 *                                   a page that goes on to /, with a session
 *
 * A way that was begun is known by its state (random, used once, for
 * LOGIN_MS), and belongs to the browser that holds its cookie: nobody can be
 * signed in as somebody else by a link. PKCE (RFC 7636, S256), a nonce, and
 * the issuer in the answer (RFC 9207) are checked.
 *
 * Threads: one. Blocks: on provider and registry, as fetch.h: one after the
 *          other, so a slow provider makes sign-ins wait and nothing else.
 */
#ifndef PV_SIGNIN_LOGIN_H
#define PV_SIGNIN_LOGIN_H

#include "http/server.h"
#include "provider.h"

#define LOGIN_MS (INT64_C(600) * 1000)
#define LOGINS_MAX 512 /* at once; the oldest makes place */
#define LOGIN_TEXT_LEN 64

struct login {
    char    state[LOGIN_TEXT_LEN + 1]; /* "": free */
    char    nonce[LOGIN_TEXT_LEN + 1];
    char    verifier[LOGIN_TEXT_LEN + 1];
    char    browser[LOGIN_TEXT_LEN + 1];
    int64_t until_ms;
};

struct logins {
    struct provider provider;
    const char     *registry; /* its socket for us */
    struct login    login[LOGINS_MAX];
    char            location[4096]; /* of the answer being given */
};

extern const struct pv_server_route login_route[];
extern const size_t                 login_route_count;

#endif
