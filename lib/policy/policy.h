/*
 * policy.h - reading the policy image and deciding one call.
 *
 * The image (image.h has its byte tables) is an LMDB environment written in
 * place by one writer; a change is in force at the next decision (design 5).
 * Finding and deciding are apart: the rows found may be kept while the image's
 * version stands, the verdict never.
 *
 * Ownership: the caller owns every struct; rows are copies, nothing in them
 *            points into the map.
 * Threads:   one pv_policy per thread. Blocks: on page faults only.
 * Errors:    an unreadable, torn, absent or too new image gives an error from
 *            pv_policy_find, and an error is never an allow.
 */
#ifndef PV_POLICY_POLICY_H
#define PV_POLICY_POLICY_H

#include <netinet/in.h>

#include "base/slice.h"
#include "policy/outcome.h"

#define PV_KEY_HASH_LEN 32     /* SHA-256 of SubjectPublicKeyInfo */
#define PV_POLICY_ID_MAX 64    /* ids of agencies, systems, grants ... */
#define PV_POLICY_PATH_MAX 240 /* /x/provider/service/version/method */
#define PV_POLICY_PURPOSES_MAX 8
#define PV_POLICY_NETWORKS_MAX 8
#define PV_POLICY_NOTICES_MAX 4
#define PV_POLICY_GROUPS_MAX 8 /* that an agency belongs to */
#define PV_POLICY_GRANTS_MAX 8 /* rows of one (subject, method) */
#define PV_POLICY_BLOCKS_MAX 3 /* of the system, its unit, its agency */
#define PV_POLICY_ANSWERED_MAX 0xfffffu /* of max_answered */
#define PV_POLICY_SERIAL_MAX 20         /* RFC 5280 4.1.2.2, bytes */

struct pv_id { /* text of an id, copied */
    uint8_t len;
    char    text[PV_POLICY_ID_MAX];
};

struct pv_network { /* 16 bytes; IPv4 as ::ffff:a.b.c.d with bits + 96 */
    uint8_t address[16];
    uint8_t bits;
};

enum pv_pattern {
    PV_PATTERN_INQUIRY = 1,
    PV_PATTERN_VERIFY,
    PV_PATTERN_LIST,
    PV_PATTERN_COMMAND,
    PV_PATTERN_FILE,
    PV_PATTERN_EVENTS,
};

enum pv_system_kind {
    PV_SYSTEM_APPLICATION = 1,
    PV_SYSTEM_CONNECTOR,
    PV_SYSTEM_EXCHANGE,
    PV_SYSTEM_GATEWAY,
};

/* Who calls: one row of `systems`. */
struct pv_system_row {
    uint32_t          number; /* of the system, unit (0: none) and agency */
    uint32_t          unit_number;
    uint32_t          agency_number;
    uint8_t           kind; /* enum pv_system_kind */
    bool              suspended;
    bool              proposed;      /* basis: proposed */
    uint8_t           network_count; /* 0: no network is registered: refuse */
    struct pv_network network[PV_POLICY_NETWORKS_MAX];
    struct pv_id      system;
    struct pv_id      unit; /* len 0: none */
    struct pv_id      agency;
};

struct pv_notice { /* an announced outage; half open [from, until) */
    int64_t from_ms;
    int64_t until_ms;
};

/* What is called: one row of `methods`. */
struct pv_method_row {
    uint32_t number;
    uint8_t  pattern;        /* enum pv_pattern */
    uint8_t  state;          /* enum pv_reason that refuses; 0 when live */
    int64_t  state_since_ms; /* it refuses within [since, until) */
    int64_t  state_until_ms; /* 0: open */
    bool     proposed;       /* basis: proposed */
    bool     needs_consent;
    bool     reason_hidden; /* depends on an earlier answer: the record
                              says only answered or failed (design 4) */
    uint32_t dedicated;     /* number of the one system that may call it,
                               by a grant of its own; 0: any */
    uint32_t         connect_timeout_ms;
    uint32_t         deadline_ms; /* the whole call at the provider */
    uint32_t         answer_max_len;
    int16_t          open_minute;  /* hours of Tehran's day; both 0: always */
    int16_t          close_minute; /* may be below open: over midnight */
    uint8_t          weekdays;     /* bit 0 Saturday ... bit 6 Friday; 0: all */
    uint8_t          notice_count;
    struct pv_notice notice[PV_POLICY_NOTICES_MAX];
    struct pv_id     provider;
    struct pv_id     service;
    struct pv_id     version;
    struct pv_id     method;
    uint32_t         endpoint_number; /* 0: none */
    uint32_t         endpoint_version;
    uint16_t         endpoint_port;
    uint8_t          endpoint_address[16]; /* as in pv_network */
    uint8_t          endpoint_pin[PV_KEY_HASH_LEN];
    uint8_t          endpoint_old_pin[PV_KEY_HASH_LEN]; /* good as well ... */
    int64_t          endpoint_old_until_ms; /* ... before this; 0: no such */
    struct pv_id     endpoint_name;         /* TLS name */
};

enum pv_grant_kind {
    PV_GRANT_SYSTEM = 1, /* in the order of decision */
    PV_GRANT_UNIT,
    PV_GRANT_AGENCY,
    PV_GRANT_GROUP, /* all executive agencies, municipalities ... */
    PV_GRANT_MODE,
};

/* One right, or one reason why there is none. */
struct pv_grant_row {
    uint8_t  kind;     /* enum pv_grant_kind */
    uint8_t  blocked;  /* enum pv_reason that refuses; 0 when in force */
    bool     proposed; /* basis: proposed */
    bool     needs_consent;
    bool     per_member;       /* quota: each consumer agency has its own */
    int64_t  blocked_since_ms; /* it refuses within [since, until) */
    int64_t  blocked_until_ms; /* 0: open */
    int64_t  start_ms;
    int64_t  end_ms;     /* first moment without the right; 0: open */
    uint32_t rate_per_s; /* 0: no limit */
    uint32_t burst;
    uint32_t per_day;      /* 0: no limit */
    uint32_t max_answered; /* calls in all; 0: no limit */
    uint64_t decision;     /* of the registry, that made the right what it is;
                              0: not known */
    uint8_t      purpose_count;
    struct pv_id id;
    struct pv_id resolution;
    struct pv_id purpose[PV_POLICY_PURPOSES_MAX];
};

/* A consumer's suspension or withdrawal; refuses within [since, until). */
struct pv_block {
    uint8_t reason; /* enum pv_reason */
    int64_t since_ms;
    int64_t until_ms; /* 0: open */
};

/*
 * The rows that decide a call come in three parts: those of a key, those of a
 * path, and those of both. Many calls share the first two. `version` is that
 * of the image a part was found in, 0 when there is nothing in it yet.
 */
struct pv_consumer {
    uint64_t version;
    bool     known;        /* else the key is registered to nobody */
    int64_t  key_until_ms; /* a key that was replaced: it is nobody's
                              from then on; 0: the key of today */
    uint8_t              group_count;
    uint32_t             group[PV_POLICY_GROUPS_MAX];
    struct pv_system_row system;
};

struct pv_target {
    uint64_t             version;
    bool                 known; /* else no method has this path */
    struct pv_method_row method;
};

struct pv_rights {
    struct pv_block block[PV_POLICY_BLOCKS_MAX];
    uint64_t        version;
    uint64_t        decision;       /* number of the last registry decision */
    int64_t         valid_until_ms; /* a copy that nobody renewed refuses; 0: it
                                       is no copy */
    uint8_t block_count;            /* suspensions and withdrawals of this
                                       system, unit or agency for this method;
                                       they refuse also under a mode */
    uint8_t hint;                   /* reason when grants exist, but for another
                                       unit or system of this agency; 0 when not */
    uint8_t             grant_count; /* in the order of decision */
    struct pv_grant_row grant[PV_POLICY_GRANTS_MAX]; /* last: may be cut */
};

/* Everything a decision of one (key, path) needs; all of one version. */
struct pv_rows {
    const struct pv_consumer *consumer;
    const struct pv_target   *target;
    const struct pv_rights   *rights;
};

/* Room for what pv_policy_find finds; zero is empty. */
struct pv_found {
    struct pv_consumer consumer;
    struct pv_target   target;
    struct pv_rights   rights;
};

static inline struct pv_rows
pv_rows_of(const struct pv_found *found)
{
    return (struct pv_rows){&found->consumer, &found->target, &found->rights};
}

/* What the caller presented, checked by TLS but not by policy. */
struct pv_certificate {
    uint8_t key_hash[PV_KEY_HASH_LEN];
    uint8_t issuer_hash[32]; /* SHA-256 of the issuer's DER name */
    uint8_t serial[PV_POLICY_SERIAL_MAX];
    uint8_t serial_len;
    int64_t not_before_ms;
    int64_t not_after_ms;
};

/* What changes from call to call. */
struct pv_call {
    int64_t                      when_ms;
    const struct pv_certificate *certificate;
    uint8_t                      source[16]; /* address, as in pv_network */
    struct pv_slice              purpose;    /* empty: header absent */
    bool                         has_consent;
};

enum pv_verdict {
    PV_DENY = 0, /* zero is no */
    PV_ALLOW = 1,
};

struct pv_decision {
    enum pv_verdict verdict;
    enum pv_outcome outcome; /* class when denied */
    enum pv_reason  reason;
    int64_t         since_ms;           /* date that belongs to the reason, or 0
                                         (ended on, suspended since, starts
                                         on, outage until, opens again at) */
    const struct pv_grant_row *grant;   /* in rows; NULL when none applies */
    struct pv_slice            purpose; /* the one in force; in rows */
};

struct pv_policy; /* reader */

/*
 * Open the image in directory dir for reading, with LMDB's lock table and at
 * most max_readers readers; clears dead readers. PV_ENOTFOUND, PV_EVERSION
 * (of another format), PV_ECORRUPT, PV_EDB, PV_ENOMEM.
 */
enum pv_err pv_policy_open(const char *dir, struct pv_policy **ret_policy,
                           struct pv_why *why) PV_MUST_CHECK;
void        pv_policy_close(struct pv_policy *policy);

/*
 * Is the image in the directory still the one that is open? False after it
 * was removed or replaced by another file: close and open again. One stat();
 * for a timer, not for every call.
 */
bool pv_policy_in_place(const struct pv_policy *policy);

/*
 * The image's current version: changes with every committed change. A look at
 * the map, cheap enough for every call. Errors as pv_policy_find.
 */
enum pv_err pv_policy_version(struct pv_policy *policy,
                              uint64_t         *ret_version) PV_MUST_CHECK;

/* Until when the image may be used, wall clock; 0: it is no copy. Errors as
 * pv_policy_find. */
enum pv_err pv_policy_valid_until(struct pv_policy *policy,
                                  int64_t          *ret_ms) PV_MUST_CHECK;

/*
 * Copy the rows for a key and a canonical path. Parts of `found` that are of
 * the image's version are those of this key and path, and are left as they
 * are; afterwards all three are of one version. A missing system or method is
 * not an error: `known` says so, and then there are no rights. PV_EDB,
 * PV_ECORRUPT, PV_EVERSION, PV_ERANGE (path too long): nothing is known.
 */
enum pv_err pv_policy_find(struct pv_policy *policy,
                           const uint8_t     key_hash[PV_KEY_HASH_LEN],
                           struct pv_slice   path,
                           struct pv_found  *found) PV_MUST_CHECK;

/*
 * Is this (issuer, serial) revoked? Looked up on every call. Errors as above.
 */
enum pv_err pv_policy_revoked(struct pv_policy            *policy,
                              const struct pv_certificate *certificate,
                              bool *ret_revoked) PV_MUST_CHECK;

/*
 * Whose quota a call under a grant belongs to, for rebuilding quotas from the
 * journal: the agency of the system that called where each member has its own,
 * nobody's (len 0) where the grant has one for all. PV_ENOTFOUND when the
 * system, the method or its grant is there no more; other errors as above.
 */
enum pv_err pv_policy_quota_of(struct pv_policy *policy, struct pv_slice system,
                               struct pv_slice path, struct pv_slice grant,
                               struct pv_id *ret_agency) PV_MUST_CHECK;

/* Does the address lie in one of the system's networks? */
bool pv_policy_is_from(const struct pv_system_row *system,
                       const uint8_t               source[16]);

/*
 * Decide one call on the rows found, in the order of design 5, without
 * looking anything up: pure, never fails, never touches a clock or a file.
 * revoked comes from pv_policy_revoked. Quotas are not part of it (they need
 * memory shared by the workers); everything else is.
 */
void pv_policy_decide(const struct pv_rows *rows, const struct pv_call *call,
                      bool revoked, struct pv_decision *ret_decision);

#endif
