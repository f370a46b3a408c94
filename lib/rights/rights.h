/*
 * rights.h - what a registry decided for one agency: the grants of its
 * services, with the items that each opened, the grants that it holds,
 * the modes and versions of its services.
 *
 * A state is a signed note (trace/note.h) and behind it its body:
 *
 *   origin "/rights/" agency "\n"  origin is the name of the registry's log
 *   decision "\n"                  the last one that is in it
 *   time "\n"                      seconds since 1970, when it was signed
 *   base64(SHA-256(body)) "\n"
 *   "\n" signature line "\n"       of the log's key
 *   body                           JSON, see struct pv_rights
 *
 * It is no checkpoint of that log and cannot be taken for one: its first line
 * is another. Who carries a state can keep a newer one back, no longer than
 * whoever holds it takes an old time; he can change nothing.
 *
 * Ownership: slices borrow the state. Threads: any. Blocks: never.
 * Errors:    PV_EINVAL: no state; PV_EVERIFY: not signed by this key, another
 *            agency's, or another body; PV_ENOMEM, PV_ECRYPTO.
 */
#ifndef PV_RIGHTS_RIGHTS_H
#define PV_RIGHTS_RIGHTS_H

#include <jansson.h>

#include "crypto/sha256.h"
#include "trace/note.h"

#define PV_RIGHTS_MAX ((size_t)32 * 1024 * 1024) /* bytes of a state */
#define PV_RIGHTS_AGENCY_MAX 64
#define PV_RIGHTS_AHEAD_MAX_S 300 /* of the clock of whoever takes a state */
/* What one agency is told; the registry decides no more (rules_told.c). */
#define PV_RIGHTS_CONTRACTS_MAX 16384 /* versions in use, of the registry */
#define PV_RIGHTS_GRANTS_MAX 4096     /* live, of one agency or group */
#define PV_RIGHTS_MODES_MAX 1024      /* in force, of the registry */
#define PV_RIGHTS_TEXT_MAX (PV_NOTE_NAME_MAX + PV_RIGHTS_AGENCY_MAX + 128)

struct pv_rights_head {
    struct pv_slice agency;
    uint64_t        decision;
    uint64_t        when_s;
    struct pv_hash  body; /* SHA-256 of it */
};

/* The text that is signed, behind what out holds. */
enum pv_err pv_rights_text(const struct pv_note_key    *key,
                           const struct pv_rights_head *head,
                           struct pv_buf               *out) PV_MUST_CHECK;

/* Cut a state into note and body; verifies nothing. */
enum pv_err pv_rights_cut(struct pv_slice state, struct pv_slice *ret_note,
                          struct pv_slice *ret_body) PV_MUST_CHECK;

/* What key signed for this agency, and nothing else. */
enum pv_err pv_rights_open(struct pv_slice state, const struct pv_note_key *key,
                           struct pv_slice agency, struct pv_rights_head *ret,
                           struct pv_slice *ret_body) PV_MUST_CHECK;

/* Whose state it says it is; that is true once _open has taken it. */
enum pv_err pv_rights_agency(struct pv_slice  state,
                             struct pv_slice *ret) PV_MUST_CHECK;

/* Is a state older than one that is held already? Then it is refused. */
bool pv_rights_is_older(const struct pv_rights_head *head,
                        const struct pv_rights_head *held);

/*
 * Was a state signed in the future, by more than PV_RIGHTS_AHEAD_MAX_S? It is
 * refused, and held no more: it would never be too old.
 */
bool pv_rights_is_ahead(const struct pv_rights_head *head, int64_t now_ms);

/*
 * A body: {"agency":id, "grants":[{"id","provider","consumer","path","methods",
 * "state","start","end","items",
 * "item_limits":[{"item","until":{"jalali"},...}],...}],
 * "modes":[{"id","path"}] of its services and those that let it call,
 * "groups":[those that the agency is in, whose grants are its own],
 * "systems":[{"id","unit"}]: those of the agency that are a unit's,
 * "versions":[{"id","service","name","methods","state"}]}: those that are
 * neither replaced nor ended; "contracts":[{"path","sha256"}]: of these and of
 * those that the agency may call (contract/document.h);
 * "code_maps":[{"id","version","lists":[id],"rows":[[code or null]]}]: the
 * announced maps that they name. path is
 * /x/provider/service/version, of a mode with its method. Members that nobody
 * here knows are left alone.
 */
struct pv_rights;

enum pv_err pv_rights_read(struct pv_slice    body,
                           struct pv_rights **ret) PV_MUST_CHECK;
void        pv_rights_free(struct pv_rights *rights);
size_t      pv_rights_count(const struct pv_rights *rights); /* grants */

/* A contract that is named, by its version's path, borrowed. */
struct pv_rights_contract {
    struct pv_slice path;
    struct pv_hash  sha256;
};

size_t pv_rights_contract_count(const struct pv_rights *rights);
struct pv_rights_contract pv_rights_contract_at(const struct pv_rights *rights,
                                                size_t                  i);

/*
 * The contract of a version now; path is its own or, below it, a method's.
 * Borrowed. NULL: there is none, or the version is not in use.
 */
const struct pv_hash *pv_rights_contract_of(const struct pv_rights *rights,
                                            const char             *path);

/* A call, as the exchange let it pass. */
struct pv_rights_call {
    const char *grant;  /* id; "": under a mode */
    const char *path;   /* /x/provider/service/version/method */
    const char *system; /* who calls */
    int64_t     when_ms;
    const char *purpose; /* for _next; "": none is named, NULL: not looked at */
};

/* What of an answer a right opens. */
struct pv_rights_items {
    const json_t *open; /* names; NULL: all of the contract. Borrowed */
    json_t *over; /* names whose last day has passed; NULL: none */
};

void pv_rights_items_clear(struct pv_rights_items *items);

/*
 * Is there such a right, in force? False: there is none, or one that is not
 * understood; then *ret opens nothing and need not be cleared.
 */
bool pv_rights_allow(const struct pv_rights      *rights,
                     const struct pv_rights_call *call,
                     struct pv_rights_items      *ret);

/*
 * What the agency's own grants open for a call of one of its systems: of the
 * first in force from *at on, which is 0 at the beginning. The call's grant is
 * not looked at, for who calls is not told it; system may be NULL, not known,
 * and is then of every unit. A purpose is one of the grant's; without one it
 * has one alone. A grant that is not understood is none. False: there are no
 * more.
 */
bool pv_rights_next(const struct pv_rights      *rights,
                    const struct pv_rights_call *call, size_t *at,
                    struct pv_rights_items *ret);

/*
 * What a map says between two of its lists, as a new reference: {"version":
 * text, "from":{code of other: code of own}, "to":{the other way}}, with null
 * where a code has several partners. Made at the first question and kept with
 * the state. PV_ENOTFOUND: no such map is announced, or own is no list of it;
 * PV_EINVAL: other is none; PV_ENOMEM.
 */
enum pv_err pv_rights_code_map(const struct pv_rights *rights, const char *map,
                               const char *own, const char *other,
                               json_t **ret) PV_MUST_CHECK;

#endif
