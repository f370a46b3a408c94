/*
 * config.h - the connector's configuration file and all it names.
 *
 * JSON: {"provider":"...", "socket":"/path.sock", "peer_uid":N or null,
 *  "driver":"SQLite3", "dsn":"Driver=SQLite3;Database=/path/x.sqlite",
 *  "data_items":["/abs/data_items.json"],
 *  "contracts":["/abs/contract.json"], "services":["/abs/service.json"],
 *  "workers":2, "queue_max":256, "may_write":false, "secret":"/abs/secret",
 *  "signatures":{"key":"/abs/key.pem", "consumers":[
 *     {"system":"...", "key":"/abs/public.pem", "must_sign":true}]}}
 *
 * signatures: key is the private key (PEM, nobody else may read it) that signs
 * every answer; consumers are the systems whose requests are verified when they
 * are signed, and refused when they must be and are not. A system may have
 * several keys. Both are optional.
 *
 * secret: a file of 32 bytes that nobody else may read, the key of all keyed
 * digests (keyed.h); needed when a method comes after another or is a
 * command. Commands over SQLite need may_write.
 *
 * peer_uid null: the connector's own uid. workers: how many database
 * connections one method may hold. may_write: whether the driver may write
 * files (off: every write of a worker to a file fails). "dsn" without a
 * "Driver=" or "DSN=" part gets the Driver of "driver".
 *
 * Ownership: the config owns all it points to until _free.
 * Threads: one.  Blocks: _load reads files.
 */
#ifndef PV_CONNECTORD_CONFIG_H
#define PV_CONNECTORD_CONFIG_H

#include <sys/types.h>

#include "connectord/keyed.h"
#include "connectord/message.h"
#include "contract/service.h"
#include "httpsig/key.h"

#define PV_CONNECTOR_SERVICES_MAX 64
#define PV_CONNECTOR_WORKERS_MAX 64
#define PV_CONNECTOR_QUEUE_MAX 4096
#define PV_SOCKET_PATH_MAX 104 /* sun_path less ".new" */
#define PV_CONNECTOR_CONSUMER_KEYS_MAX 1024
#define PV_CONNECTOR_FILE_MAX 1024 /* bytes of a file's path */

/* A key that a consumer's system signs with. */
struct pv_consumer_key {
    char                   system[PV_NAME_MAX + 1];
    struct pv_httpsig_key *key;
    bool                   must_sign;
};

struct pv_connector_config {
    char                    provider[PV_NAME_MAX + 1];
    char                    socket[PV_SOCKET_PATH_MAX];
    uid_t                   peer_uid;
    bool                    may_write;
    uint32_t                workers;
    uint32_t                queue_max;
    struct pv_data_items   *items;
    struct pv_contract     *contract[PV_CONNECTOR_SERVICES_MAX];
    size_t                  contract_count;
    struct pv_service      *service[PV_CONNECTOR_SERVICES_MAX];
    size_t                  service_count;
    const struct pv_method *method[PV_CONNECTOR_METHODS_MAX];
    size_t                  method_count;
    struct pv_buf           setup; /* the SETUP frame; holds the password */
    bool                    has_secret;
    uint8_t                 secret[PV_KEY_LEN];
    char                    sign_key[PV_CONNECTOR_FILE_MAX]; /* "": none */
    struct pv_consumer_key  consumer[PV_CONNECTOR_CONSUMER_KEYS_MAX];
    size_t                  consumer_count;
};

/* PV_EINVAL and the like with place and reason in why. */
enum pv_err pv_connector_config_load(const char                  *path,
                                     struct pv_connector_config **ret,
                                     struct pv_why *why) PV_MUST_CHECK;
void        pv_connector_config_free(struct pv_connector_config *config);

/* config_sign.c: the part "signatures" of _load. */
enum pv_err pv_connector_config_signatures(struct pv_connector_config *config,
                                           const json_t               *root,
                                           struct pv_why *why) PV_MUST_CHECK;

#endif
