/*
 * fetch.h - one bounded request by libcurl. Private to payvand-sign-in.
 *
 * No redirect is followed, no proxy used; https with a checked certificate,
 * or http to 127.0.0.1 where the configuration allows loopback (tests, demo),
 * or http on a Unix socket.
 *
 * Threads: one. Blocks: for at most FETCH_MS.
 * Errors:  PV_ECLOSED the peer cannot be reached in time; PV_EPROTO it answers
 *          what it should not; PV_ERANGE more than FETCH_MAX.
 */
#ifndef PV_SIGNIN_FETCH_H
#define PV_SIGNIN_FETCH_H

#include <curl/curl.h>
#include <jansson.h>

#include "base/err.h"

#define FETCH_MAX ((size_t)256 * 1024) /* bytes of an answer */
#define FETCH_CONNECT_MS 2000L
#define FETCH_MS 5000L

struct fetch {
    const char *url;
    const char *body; /* NULL: GET */
    const char *type; /* of the body */
    const char *user; /* Basic, NULL: none; percent-encoded already */
    const char *password;
    const char *ca_file;     /* NULL: the system's */
    const char *unix_socket; /* NULL: none */
    bool        loopback;
};

/* The JSON object of a 200; ret_status also when it is another. */
enum pv_err fetch_json(const struct fetch *fetch, json_t **ret,
                       long *ret_status) PV_MUST_CHECK;

/* https://..., or http://127.0.0.1... with loopback. */
bool fetch_is_url(const char *url, bool loopback);

#endif
