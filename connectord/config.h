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
 * secret: a file that nobody else may read, of 32 bytes, the key of all keyed
 * digests (keyed.h), and behind it those it had before; needed when a method
 * comes after another or is a command. Commands over SQLite
 * need may_write.
 *
 * "keeper": {"file":"/abs/keeper.sqlite", "desk":"/abs/desk.sock",
 *  "desk_uid":N or null, "ledger_days":1827,
 *  "agencies":[{"id","title_fa","title_en","systems":["..."]}],
 *  "delays":[{"grant" or "consumer":"...","days":N}]}
 * turns on consent numbers and the access ledger (keeper.h); it needs secret.
 *
 * "rights": {"log_key":"vkey", "file":"/abs/rights", "stale_hours":72,
 *  "socket":"/path" or "url":"https://...","ca","cert","key":"/abs/file"}
 * asks the registry for what concerns the provider (rights/fetch.h): a call is
 * then answered only under a right that is held, with the items that it opens.
 * "contracts":"/abs/folder" in it, in the place of the other one: contracts
 * come from there too (rights/fetch.h); data_items may be left out then. A
 * service file whose contract is not there, or does not fit it, waits for
 * another one.
 *
 * peer_uid null: the connector's own uid. workers: how many database
 * connections one method may hold. may_write: whether the driver may write
 * files (off: every write of a worker to a file fails). "dsn" without a
 * "Driver=" or "DSN=" part gets the Driver of "driver". "http" (config_http.h)
 * may stand in the place of both.
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
#include "crypto/sha256.h"
#include "httpsig/key.h"
#include "trace/note.h"

#define PV_CONNECTOR_SERVICES_MAX 64
#define PV_CONNECTOR_TEXTS_MAX ((size_t)64 * 1024 * 1024) /* of all */
#define PV_CONNECTOR_WORKERS_MAX 64
#define PV_CONNECTOR_QUEUE_MAX 4096
#define PV_SOCKET_PATH_MAX 104 /* sun_path less ".new" */
#define PV_CONNECTOR_CONSUMER_KEYS_MAX 1024
#define PV_CONNECTOR_FILE_MAX 1024 /* bytes of a file's path */
#define PV_KEEPER_AGENCIES_MAX 512
#define PV_KEEPER_SYSTEMS_MAX 64 /* of one agency */
#define PV_KEEPER_DELAYS_MAX 512
#define PV_KEEPER_DAYS_MAX 36500
#define PV_RIGHTS_HOURS_MAX 744 /* a month */

/* A key that a consumer's system signs with. */
struct pv_consumer_key {
    char                   system[PV_NAME_MAX + 1];
    struct pv_httpsig_key *key;
    bool                   must_sign;
};

/* One who asks: what its systems are called, and what people call it. */
struct pv_agency {
    char  id[PV_NAME_MAX + 1];
    char *title_fa;
    char *title_en;
    char (*system)[PV_NAME_MAX + 1];
    size_t system_count;
};

/* Calls under this grant, or of this consumer, are told to the person later. */
struct pv_delay {
    char     grant[PV_NAME_MAX + 1]; /* "": any */
    char     consumer[PV_NAME_MAX + 1];
    uint32_t days;
};

struct pv_keeper_config {
    char              file[PV_PATH_MAX]; /* "": there is no keeper */
    char              desk[PV_SOCKET_PATH_MAX];
    uid_t             desk_uid;
    uint32_t          ledger_days;
    struct pv_agency *agency;
    size_t            agency_count;
    struct pv_delay  *delay;
    size_t            delay_count;
};

struct pv_rights_config {
    char vkey[PV_NOTE_VKEY_MAX + 1]; /* "": rights are not asked */
    struct pv_note_key log;
    char               file[PV_CONNECTOR_FILE_MAX];
    char               socket[PV_SOCKET_PATH_MAX]; /* "": url */
    char               url[PV_CONNECTOR_FILE_MAX];
    char               ca[PV_CONNECTOR_FILE_MAX];
    char               cert[PV_CONNECTOR_FILE_MAX];
    char               key[PV_CONNECTOR_FILE_MAX];
    char               contracts[PV_CONNECTOR_FILE_MAX]; /* "": by file */
    uint32_t           stale_hours;
};

struct pv_connector_config {
    char                  provider[PV_NAME_MAX + 1];
    char                  socket[PV_SOCKET_PATH_MAX];
    uid_t                 peer_uid;
    bool                  may_write;
    bool                  http; /* the backend is one, no database */
    bool                  acts; /* it can do commands */
    uint32_t              workers;
    uint32_t              queue_max;
    struct pv_data_items *items;
    struct pv_contract   *contract[PV_CONNECTOR_SERVICES_MAX];
    struct pv_hash        contract_hash[PV_CONNECTOR_SERVICES_MAX];
    size_t                contract_count;
    struct pv_hash        seen[PV_CONNECTOR_SERVICES_MAX]; /* that came, also
                                                        what is none */
    size_t                  seen_count;
    struct pv_service      *service[PV_CONNECTOR_SERVICES_MAX];
    size_t                  service_count;
    const struct pv_method *method[PV_CONNECTOR_METHODS_MAX];
    const struct pv_hash   *method_hash[PV_CONNECTOR_METHODS_MAX]; /* or NULL */
    size_t                  method_count;
    size_t                  waiting; /* services without a contract yet */
    struct pv_why           waits;   /* why, of the last of them */
    struct pv_buf           texts;   /* what _services_read needs; or empty */
    struct pv_buf           setup;   /* the SETUP frame; holds the password */
    struct pv_secrets       secrets; /* none, when none is configured */
    char                    sign_key[PV_CONNECTOR_FILE_MAX]; /* "": none */
    struct pv_consumer_key  consumer[PV_CONNECTOR_CONSUMER_KEYS_MAX];
    size_t                  consumer_count;
    struct pv_keeper_config keeper;
    struct pv_rights_config rights;
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

/* Do contracts come from the registry? */
static inline bool
pv_config_is_pulled(const struct pv_connector_config *config)
{
    return config->rights.contracts[0] != '\0';
}

/* config_needs.c, of _load: the secret; is there what a method needs? */
enum pv_err pv_config_take_secret(struct pv_connector_config *config,
                                  const json_t               *root,
                                  struct pv_why *why) PV_MUST_CHECK;
enum pv_err pv_config_check_method(const struct pv_connector_config *config,
                                   const struct pv_method           *method,
                                   struct pv_why *why) PV_MUST_CHECK;

/* config_services.c, of _load: a service file. Where contracts are pulled, one
   that cannot be answered waits: ->waiting, ->waits. */
enum pv_err pv_config_take_service(struct pv_connector_config *config,
                                   const char                 *path,
                                   struct pv_why *why) PV_MUST_CHECK;

/* A pulled contract, the same way. */
enum pv_err pv_config_take_contract(struct pv_connector_config *config,
                                    const struct pv_hash       *sha256,
                                    struct pv_slice             path,
                                    struct pv_slice text) PV_MUST_CHECK;

/*
 * The contracts and services of another process's configuration, from its
 * ->texts, for one that has read the same file before: the limits, keys and
 * needs are those of base. PV_EINVAL: with these it would not have the same
 * methods in the same order, the file is another one by now. PV_EPROTO,
 * PV_ENOMEM.
 */
enum pv_err
pv_connector_services_read(const struct pv_connector_config *base,
                           struct pv_slice                   texts,
                           struct pv_connector_config      **ret) PV_MUST_CHECK;

/* Each gets the contracts and services of the other, and no methods. */
void pv_connector_contracts_swap(struct pv_connector_config *one,
                                 struct pv_connector_config *other);

/* Is a contract signed for this provider that _load did not see? */
struct pv_rights;
bool pv_config_lacks(const struct pv_connector_config *config,
                     const struct pv_rights           *rights);

/* config_rights.c, of _load: the member "rights". */
enum pv_err pv_rights_config_take(struct pv_rights_config *rights,
                                  const json_t            *root,
                                  struct pv_why           *why) PV_MUST_CHECK;

/* config_contracts.c, of _load: the contracts that were pulled; what is not
   there, or not what was signed, is none: ->waits. */
enum pv_err pv_config_pull_contracts(struct pv_connector_config *config,
                                     struct pv_why *why) PV_MUST_CHECK;

/* What a person's identifier is here; NULL: nothing names one. */
const struct pv_data_item *
pv_config_person(const struct pv_connector_config *config);

/* config_keeper.c, of _load: the member "keeper". */
enum pv_err pv_keeper_config_take(struct pv_keeper_config *keeper,
                                  const json_t            *root,
                                  struct pv_why           *why) PV_MUST_CHECK;
void        pv_keeper_config_clear(struct pv_keeper_config *keeper);

/* The agency of a consumer's system; NULL when it is not named. */
const struct pv_agency *pv_keeper_agency(const struct pv_keeper_config *keeper,
                                         const char                    *system);

#endif
