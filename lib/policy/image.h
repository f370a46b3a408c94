/*
 * image.h - the policy image: its file format, its writer, and walking it.
 *
 * The image is an LMDB environment in a directory: data.mdb and lock.mdb,
 * written in place. Small tables share the unnamed database, where the first
 * byte of a key names the table; grants have a database of their own, named
 * "grants", where they stand in bundles. All integers in values are
 * little-endian, in keys big-endian, so that keys sort by number.
 *
 * Format version 4 (in 1 a grant had fixed numbers, in 2 a system had one key,
 * in 3 a grant was a value by itself).
 * A text is one length byte and that many bytes. A flag is one byte, 0 or 1. A
 * reason is a text, its word from outcome.h; empty is none. A v is a number of
 * up to 64 bits, seven a byte, the lowest first, with the top bit where more
 * follow. Every value ends with the CRC32C of key and value before it.
 *
 * In the table below, what is in front of the arrow is the key, behind the
 * table byte; grants have none.
 *
 *    1 meta          nothing -> magic "PVPI" u32 format u64 decision number
 *                    i64 valid until, ms
 *    2 numbers       u8 what, id -> u32 number
 *    3 ids           u8 what, u32 number -> text id
 *    4 keys          32 key hash -> system (a copy: one look-up); two of one
 *                    system while it replaces its key
 *    5 systems       u32 system number -> system
 *    6 methods       path -> method
 *    7 endpoints     u32 endpoint number -> endpoint
 *    8 group grants  u32 method u32 group u8 seq -> grant
 *    9 modes         u32 method u8 seq -> mode
 *   10 suspensions   u32 agency u32 method u8 level u32 subject -> suspension
 *   11 revoked       32 issuer hash, serial (no zeros in front) -> i64 since
 *   12 homes         u32 agency -> text id of its exchange
 *      grants        u32 agency u32 method u8 level u32 subject u8 seq
 *                    -> grant
 *
 *   system     u32 number u32 unit u32 agency u8 kind flag suspended
 *              flag proposed u8 count {16 address u8 bits} text system
 *              text unit text agency u8 count {u32 group} flag has_key
 *              32 key hash v old until 32 old key hash (when until is not 0)
 *   method     u32 number u8 pattern reason state i64 since i64 until
 *              flag proposed u32 dedicated flags needs_consent reason_hidden
 *              u32 connect_ms u32 deadline_ms u32 answer_max
 *              i16 open i16 close u8 weekdays u8 count {i64 from i64 until}
 *              text provider service version method code u32 endpoint
 *   endpoint   u32 version u16 port 16 address 32 pin v old until 32 old pin
 *              (when until is not 0) text TLS name
 *   grant      u8 kind reason blocked v since v until flags proposed
 *              needs_consent per_member v start v end v rate v burst
 *              v per_day v max_answered v decision text id
 *              text resolution u8 count {text purpose}
 *   mode       grant, then u8 mode u16 count {u32 agency}
 *   suspension reason i64 since i64 until flag imported
 *
 * A bundle is a value with the grants above the key of the bundle before it, up
 * to its own key, which is a bound and need not be a grant's; the highest key
 * there is (14 bytes 0xff) is the last one's. A value of up to 4,080 bytes is
 * one part with all of them; one of 16,368 has four parts, at 0, 4,080, 8,176
 * and 12,272 (each is a page behind LMDB's 16 bytes). Which part and what tag
 * is told by the low 32 bits of hash = (agency * 0x9e3779b1 + method) *
 * 0x85ebca6b bits 10 and 11 the part, 12 to 31 the tag. Rows of a part are in
 * the order of their keys; all that is behind the last is of no meaning.
 *
 *   part       u32 CRC32C (starting with the number of the part) of the
 *              bundle's key and of the head behind it, u32 count of rows, count
 *              x {u32: tag in its bits, and below it the row's end, from the
 *              part's start}, then the rows: 14 key, value as in the table
 *
 * Level is enum pv_grant_kind. All grants of one agency for one method are
 * neighbours, whichever of its systems or units they name: one seek finds
 * them and what to hint at.
 *
 * Access: readers need data.mdb readable and lock.mdb readable and writable
 * (they register there; MDB_NOLOCK is never used). The directory belongs to
 * the writer; mode 02750 with the readers' group makes data.mdb 0640 and
 * lock.mdb 0660. Who can write lock.mdb can stall the writer, not change
 * policy. One writer at a time: LMDB's own robust lock. A new data.mdb is made
 * as data.mdb.new and renamed when it is whole, under flock of the directory.
 */
#ifndef PV_POLICY_IMAGE_H
#define PV_POLICY_IMAGE_H

#include "policy/policy.h"

#define PV_IMAGE_FORMAT 4
#define PV_IMAGE_MAP_SIZE (UINT64_C(4) << 30) /* address space, not disk */
#define PV_IMAGE_READERS_MAX 1024
#define PV_IMAGE_MODE_LIST_MAX 512 /* agencies named by one mode */
#define PV_IMAGE_NUMBER_MAX 0x0fffffffu
#define PV_IMAGE_KEY_MAX 256  /* bytes of any key */
#define PV_IMAGE_ROW_MAX 4096 /* bytes of any value */

enum pv_image_what {                      /* what a stable number counts */
                     PV_IMAGE_AGENCY = 1, /* groups of agencies too */
                     PV_IMAGE_UNIT,
                     PV_IMAGE_SYSTEM, /* also the number of the system's
                                         endpoint */
                     PV_IMAGE_METHOD, /* by its path */
};

enum pv_mode_kind {
    PV_MODE_ALL = 1,
    PV_MODE_ALL_EXCEPT,
    PV_MODE_ALLOW_LIST,
};

struct pv_image_system {
    struct pv_system_row row;
    bool                 has_key;
    uint8_t              key_hash[PV_KEY_HASH_LEN];
    int64_t              old_until_ms; /* the key before, until then; 0: none */
    uint8_t              old_key_hash[PV_KEY_HASH_LEN];
    uint8_t              group_count;
    uint32_t             group[PV_POLICY_GROUPS_MAX];
};

struct pv_image_method {
    struct pv_method_row row;  /* its endpoint_* but the number are not kept */
    struct pv_id         code; /* of the service; empty: none issued */
};

struct pv_image_endpoint {
    uint32_t     version; /* changes with every change of the rest */
    uint16_t     port;
    uint8_t      address[16];
    uint8_t      pin[PV_KEY_HASH_LEN];
    int64_t      old_until_ms; /* the pin before, until then; 0: none */
    uint8_t      old_pin[PV_KEY_HASH_LEN];
    struct pv_id name;
};

/* Where a grant belongs: its key. */
struct pv_image_place {
    uint32_t agency; /* number; of the group for PV_GRANT_GROUP */
    uint32_t method;
    uint8_t  level;   /* enum pv_grant_kind */
    uint32_t subject; /* system, unit; the agency itself for its own */
    uint8_t  seq;     /* tells grants of one subject and method apart */
};

struct pv_image_mode {
    struct pv_grant_row row;
    uint8_t             mode; /* enum pv_mode_kind */
    uint16_t            list_count;
    uint32_t            list[PV_IMAGE_MODE_LIST_MAX]; /* agency numbers */
};

struct pv_image_suspension {
    uint8_t reason; /* enum pv_reason */
    int64_t since_ms;
    int64_t until_ms; /* 0: open */
    bool    imported; /* of the catalogue: a replacing import deletes it */
};

/* ---- writing ---- */

struct pv_image; /* one writer; not thread-safe; not across fork */

enum pv_image_begin {
    PV_IMAGE_CHANGE,  /* rows not put stay */
    PV_IMAGE_REPLACE, /* systems, methods, endpoints, grants, modes, homes and
                         imported suspensions not put again are deleted at
                         commit; revocations, other suspensions and numbers
                         stay */
};

/*
 * Open for writing, creating the image when there is none; durable says
 * whether commits wait for the disk (tests and benches do without): all rows,
 * but power loss may undo the last commit as a whole until pv_image_settle.
 * PV_EVERSION, PV_ECORRUPT, PV_EDB, PV_ESYS, PV_ENOMEM.
 */
enum pv_err pv_image_open(const char *dir, bool durable,
                          struct pv_image **ret_image,
                          struct pv_why    *why) PV_MUST_CHECK;
void        pv_image_close(struct pv_image *image); /* aborts what is open */

/* Have the last commit outlive a power loss. PV_EDB; no change costs nothing.
 */
enum pv_err pv_image_settle(struct pv_image *image) PV_MUST_CHECK;

/* Waits for another writer. PV_ESTATE inside a transaction, PV_EDB. */
enum pv_err pv_image_begin(struct pv_image    *image,
                           enum pv_image_begin how) PV_MUST_CHECK;

/*
 * Make everything since begin visible at once; a change raises the decision
 * number, no change writes nothing. ret_changes counts rows written and
 * deleted. On any error nothing has changed. PV_EDB, PV_EFULL.
 */
enum pv_err pv_image_commit(struct pv_image *image,
                            uint64_t        *ret_changes) PV_MUST_CHECK;
void        pv_image_abort(struct pv_image *image);

/* Number of the last decision in the image; commit raises it by one unless
 * it is set here. */
void     pv_image_set_decision(struct pv_image *image, uint64_t decision);
uint64_t pv_image_decision(const struct pv_image *image);

/*
 * Until when the image may be used (wall clock): a copy of another machine's
 * that nobody renews refuses everything from then on. 0: it is no copy. In
 * begin; kept by later commits.
 */
void    pv_image_set_valid_until(struct pv_image *image, int64_t when_ms);
int64_t pv_image_valid_until(const struct pv_image *image);

/* The stable number of an id, allocated at first sight. PV_ERANGE, PV_EDB. */
enum pv_err pv_image_number(struct pv_image *image, enum pv_image_what what,
                            struct pv_slice id,
                            uint32_t       *ret_number) PV_MUST_CHECK;

/* As above, but PV_ENOTFOUND for an id never seen. */
enum pv_err pv_image_lookup(struct pv_image *image, enum pv_image_what what,
                            struct pv_slice id,
                            uint32_t       *ret_number) PV_MUST_CHECK;

/*
 * Put writes only what differs. A key hash that belongs to another system is
 * PV_EEXIST. A row past a maximum is PV_ERANGE. put_endpoint sets the version
 * itself. Get gives PV_ENOTFOUND. All: PV_EDB, PV_ESTATE outside begin. Grants
 * are written together, at the latest by commit, which then tells their error.
 */
enum pv_err
            pv_image_put_system(struct pv_image              *image,
                                const struct pv_image_system *row) PV_MUST_CHECK;
enum pv_err pv_image_get_system(struct pv_image *image, uint32_t number,
                                struct pv_image_system *ret) PV_MUST_CHECK;
enum pv_err pv_image_del_system(struct pv_image *image,
                                uint32_t         number) PV_MUST_CHECK;
enum pv_err
            pv_image_put_method(struct pv_image *image, struct pv_slice path,
                                const struct pv_image_method *row) PV_MUST_CHECK;
enum pv_err pv_image_get_method(struct pv_image *image, struct pv_slice path,
                                struct pv_image_method *ret) PV_MUST_CHECK;
enum pv_err pv_image_del_method(struct pv_image *image,
                                struct pv_slice  path) PV_MUST_CHECK;
enum pv_err
            pv_image_put_endpoint(struct pv_image *image, uint32_t number,
                                  const struct pv_image_endpoint *row) PV_MUST_CHECK;
enum pv_err pv_image_del_endpoint(struct pv_image *image,
                                  uint32_t         number) PV_MUST_CHECK;
enum pv_err pv_image_put_grant(struct pv_image             *image,
                               const struct pv_image_place *place,
                               const struct pv_grant_row   *row) PV_MUST_CHECK;
enum pv_err pv_image_get_grant(struct pv_image             *image,
                               const struct pv_image_place *place,
                               struct pv_grant_row         *ret) PV_MUST_CHECK;
enum pv_err
            pv_image_del_grant(struct pv_image             *image,
                               const struct pv_image_place *place) PV_MUST_CHECK;
enum pv_err pv_image_put_mode(struct pv_image *image, uint32_t method,
                              uint8_t                     seq,
                              const struct pv_image_mode *row) PV_MUST_CHECK;
enum pv_err pv_image_get_mode(struct pv_image *image, uint32_t method,
                              uint8_t               seq,
                              struct pv_image_mode *ret) PV_MUST_CHECK;
enum pv_err pv_image_del_mode(struct pv_image *image, uint32_t method,
                              uint8_t seq) PV_MUST_CHECK;
enum pv_err
pv_image_put_suspension(struct pv_image                  *image,
                        const struct pv_image_place      *place,
                        const struct pv_image_suspension *row) PV_MUST_CHECK;
enum pv_err
            pv_image_del_suspension(struct pv_image             *image,
                                    const struct pv_image_place *place) PV_MUST_CHECK;
enum pv_err pv_image_put_revoked(struct pv_image             *image,
                                 const struct pv_certificate *certificate,
                                 int64_t since_ms) PV_MUST_CHECK;
enum pv_err
            pv_image_del_revoked(struct pv_image             *image,
                                 const struct pv_certificate *certificate) PV_MUST_CHECK;
enum pv_err pv_image_put_home(struct pv_image *image, uint32_t agency,
                              struct pv_slice exchange) PV_MUST_CHECK;

/* ---- walking a reader's image, for lists ---- */

/* What one call of the walker's function gets; pointers end with the call. */
struct pv_image_item {
    struct pv_image_place             place; /* grants, modes, suspensions */
    struct pv_slice                   path;  /* methods */
    const struct pv_image_system     *system;
    const struct pv_image_method     *method;
    const struct pv_grant_row        *grant;
    const struct pv_image_mode       *mode;
    const struct pv_image_suspension *suspension;
};

/* Anything but PV_OK ends the walk and is its result. */
typedef enum pv_err pv_image_item_fn(void                       *context,
                                     const struct pv_image_item *item);

enum pv_image_walk {
    PV_WALK_SYSTEMS,
    PV_WALK_METHODS, /* in the order of their paths */
    PV_WALK_GRANTS,
    PV_WALK_GROUP_GRANTS,
    PV_WALK_MODES,
    PV_WALK_SUSPENSIONS,
};

/*
 * Call fn for every row, in one read transaction: fn must not wait for
 * anybody (pages freed meanwhile are not used again).
 */
enum pv_err pv_policy_walk(struct pv_policy *policy, enum pv_image_walk what,
                           pv_image_item_fn *fn, void *context) PV_MUST_CHECK;

/* The same in the writer's transaction; fn must not change the image. */
enum pv_err pv_image_walk(struct pv_image *image, enum pv_image_walk what,
                          pv_image_item_fn *fn, void *context) PV_MUST_CHECK;

/* The id behind a number; PV_ENOTFOUND. room takes PV_POLICY_PATH_MAX + 1. */
enum pv_err pv_policy_id_of(struct pv_policy *policy, enum pv_image_what what,
                            uint32_t number, char *room) PV_MUST_CHECK;

/* Number of the last decision in the image, and of its version. */
enum pv_err pv_policy_decision(struct pv_policy *policy, uint64_t *ret_decision,
                               uint64_t *ret_version) PV_MUST_CHECK;

#endif
