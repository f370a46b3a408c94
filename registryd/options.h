/*
 * options.h - the command line of payvand-registryd. Private to it.
 */
#ifndef PV_REGISTRYD_OPTIONS_H
#define PV_REGISTRYD_OPTIONS_H

#include <sys/types.h>

#include "api.h"
#include "issuing.h"

#define OPERATORS_MAX 8
#define SOCKETS 3 /* one for each enum pv_face */

struct options { /* texts are argv's */
    struct pv_registry_config registry;
    const char               *socket[SOCKETS]; /* NULL: none */
    uid_t                     web_uid;
    uid_t                     sign_in_uid;
    const char               *process; /* -P: NULL, or one of its own */
    const char               *authority[PV_AUTHORITIES_MAX]; /* directories */
    size_t                    authority_count;
    struct pv_authority_new   made;    /* ->id: make an authority, and end */
    const char               *secrets; /* file of keys, or NULL */
    const char               *signer;  /* directory of the log's key */
    const char               *origin;
    const char               *token;
    const char               *accept;
    bool                      init_key;
    const char               *restore; /* directory of a backup */
    bool                      forget_sealed;
    bool                      yes; /* what it was asked for is meant */
    const char               *log_key;
    uid_t                     operator_uid[OPERATORS_MAX];
    size_t                    operator_count;
    bool                      done; /* --help or --version was answered */
};

/* False: the command line is wrong. ->done: --help and such was answered. */
bool options_read(int argc, char **argv, struct options *ret);

#endif
