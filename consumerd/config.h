/*
 * config.h - the configuration of payvand-consumerd: one JSON object with these
 * members and no others.
 *
 *   url            https://host:port of the exchange
 *   ca             PEM file of who signed its key
 *   contracts      folder laid out as the catalogue (libpayvand(3)), or
 *   registry       {agency, log_key, file, contracts, and socket, or url, ca,
 *                  cert, key}: they are pulled from there into the folder
 *                  contracts (feed.h); file keeps the last good state
 *   provider_keys  folder of <provider>.pem (libpayvand(3))
 *   store          SQLite file of the agency's evidence
 *   keep_days      how long a row is kept, 1 to 36525; 1827
 *   keep_content   true: the request's body is kept too; false
 *   socket         Unix socket for applications with a uid; or port, or both
 *   port           loopback port for applications with a token
 *   workers        calls at a time, 1 to 64; 8
 *   systems        [{id, cert, key}]: PEM files of each calling system
 *   applications   [{id, uid, token_sha256, system, purposes, methods}]
 *     uid            user or number, at most one application each
 *     token_sha256   hex of the SHA-256 of its bearer token
 *     purposes       what it may ask for; none: it names no purpose
 *     methods        "provider/service/version/method", or a beginning of that
 *                    which ends in "/"
 *
 * Ownership: texts are borrowed from ->root. Blocks: _read on the file, and on
 *            the machine's users. Errors: PV_EINVAL, PV_ENOMEM, PV_ESYS, with
 *            words in why.
 */
#ifndef CONSUMERD_CONFIG_H
#define CONSUMERD_CONFIG_H

#include <jansson.h>
#include <sys/types.h>

#include "base/slice.h"
#include "crypto/sha256.h"
#include "trace/note.h"

#define CONSUMER_SYSTEMS_MAX 16
#define CONSUMER_APPLICATIONS_MAX 16 /* as many uids a server takes */
#define CONSUMER_LIST_MAX 64         /* purposes, and methods, of one */
#define CONSUMER_WORKERS_MAX 64
#define CONSUMER_CONFIG_MAX (256 * 1024)
#define CONSUMER_WORD_MAX 64

struct consumer_registry {
    bool               is_set;
    const char        *agency;
    const char        *file;
    const char        *contracts;
    const char        *socket; /* "": url */
    const char        *url;
    const char        *ca;
    const char        *cert;
    const char        *key;
    const char        *log_key; /* its text */
    struct pv_note_key log;
};

struct consumer_system {
    const char *id;
    const char *cert;
    const char *key;
};

struct consumer_application {
    const char                   *id;
    bool                          has_uid;
    uid_t                         uid;
    bool                          has_token;
    struct pv_hash                token;
    const struct consumer_system *system;
    const json_t                 *purposes; /* of texts; NULL: none */
    const json_t                 *methods;  /* of texts */
};

struct consumer_config {
    json_t                     *root;
    const char                 *url;
    const char                 *ca;
    const char                 *contracts; /* NULL: from the registry */
    struct consumer_registry    registry;
    const char                 *provider_keys;
    const char                 *store;
    const char                 *socket; /* NULL: none */
    unsigned                    port;   /* 0: none */
    unsigned                    keep_days;
    bool                        keep_content;
    unsigned                    workers;
    struct consumer_system      system[CONSUMER_SYSTEMS_MAX];
    size_t                      system_count;
    struct consumer_application application[CONSUMER_APPLICATIONS_MAX];
    size_t                      application_count;
};

enum pv_err consumer_config_take(struct pv_slice         text,
                                 struct consumer_config *ret,
                                 struct pv_why          *why) PV_MUST_CHECK;
enum pv_err consumer_config_read(const char *path, struct consumer_config *ret,
                                 struct pv_why *why) PV_MUST_CHECK;
void        consumer_config_clear(struct consumer_config *config);

/* May it call this "provider/service/version/method"? */
bool consumer_may_call(const struct consumer_application *application,
                       struct pv_slice                    method);

/* May it name this purpose? */
bool consumer_may_for(const struct consumer_application *application,
                      struct pv_slice                    purpose);

#endif
