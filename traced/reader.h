/* reader.h - what the files of `-P reader` share. */
#ifndef PV_TRACED_READER_H
#define PV_TRACED_READER_H

#include "base/jalali.h"
#include "children.h"
#include "crypto/certificate.h"
#include "crypto/sha256.h"
#include "http/server.h"
#include "policy/policy.h"
#include "trace/checkpoint.h"
#include "trace/log_read.h"
#include "trace/sender.h"
#include "trace/tiles.h"

#define READERS_MAX 256 /* lines of the readers' file */
#define READER_NAME_MAX PV_POLICY_ID_MAX
#define READER_LINES_MAX 65536 /* bytes of that file */
#define RECORD_WAIT_MS 2000    /* for the journal; then nothing is shown */
#define SEARCH_LIMIT_MAX 1000  /* requests in one answer */
#define SEARCH_LIMIT_DEFAULT 100
#define SEARCH_BUDGET_MS 1000 /* then an answer says how to go on */
#define FOLLOW_LIMIT 1000     /* records in one answer */
#define RECEIPTS_MAX 50       /* in one answer */
#define BUCKETS 1024          /* of budgets */

/* ---- reader_who.c: who asks ---------------------------------------------- */

enum role {                  /* what somebody is, apart from a side of a call */
            ROLE_PUBLIC = 0, /* hash tiles and checkpoints only */
            ROLE_PARTY,      /* a registered system: its agency's calls */
            ROLE_AUDITOR,
            ROLE_OPERATOR,
};

struct who {
    enum role    role;
    struct pv_id by;     /* the record's word; empty for the public */
    struct pv_id system; /* of a party */
    struct pv_id agency;
};

struct reader_line { /* of the readers' file */
    enum role    role;
    bool         is_uid;
    uid_t        uid;
    uint8_t      key_hash[PV_KEY_HASH_LEN];
    struct pv_id name; /* of a key */
};

struct reader_list {
    size_t             count;
    struct reader_line line[READERS_MAX];
};

/* Read the file; NULL: nobody beside one's own uid. PV_EINVAL names a line. */
enum pv_err reader_list_read(const char *path, struct reader_list *ret_list,
                             struct pv_why *why) PV_MUST_CHECK;

struct reader;

/*
 * Who asks. False: an answer stands already (a certificate that is not good,
 * too many readings). On the local socket: the connected uid. Behind nginx:
 * what its Payvand-Peer-* headers say of the certificate.
 */
bool who_asks(struct pv_server_call *call, struct who *ret_who);

/* He may read so many more now. False: an answer stands already. */
bool reader_may_have(struct pv_server_call *call, const struct who *who,
                     uint64_t count);

/*
 * Who asks for what is for everybody, and no reading: who it is does not
 * matter, how much does. False: an answer stands already.
 */
bool reader_may_fetch(struct pv_server_call *call);

/* ---- reader_record.c: a reading is recorded before it is shown ------------
 */

struct recorder {
    struct pv_sender sender;
    uint64_t         failures;
    uint64_t         count;
};

enum what { /* in the order of the words */
            WHAT_BUNDLE = 0,
            WHAT_FOLLOW,
            WHAT_LOOKUP,
            WHAT_RECEIPT,
            WHAT_ROLLUP,
            WHAT_SEARCH,
};

struct reading {
    enum what       what;
    bool            as_provider; /* of a party */
    struct pv_slice id;          /* empty: none */
    struct pv_slice ids;         /* of several, as in the record; empty: none */
    uint64_t        count;
};

/*
 * Write the reading into the journal and wait until it is on disk. False: it
 * is not; the call's answer says so instead of what it held (fail closed).
 */
bool reading_record(struct pv_server_call *call, const struct who *who,
                    const struct reading *reading);

/* ---- reader.c --------------------------------------------------------------
 */

struct bucket { /* how much somebody may still read */
    int64_t  ms;
    uint64_t left_milli; /* readings x 1000 */
};

/* certificates met before: sets by the hash of their text, so many each */
#define CERTIFICATE_SETS 128
#define CERTIFICATES_IN_SET 4

struct met { /* a certificate that was read */
    struct pv_hash              text;
    struct pv_certificate_facts facts;
    bool                        used;
};

/* The published checkpoint as it was last read. */
struct published {
    uint64_t size; /* what the state said of it then; 0: nothing is kept */
    uint64_t ms;
    uint64_t leaves;  /* that it signs */
    bool     in_tree; /* ->leaves is known, and ->tiles reaches as far */
    size_t   len;
    char     note[PV_CHECKPOINT_NOTE_MAX];
};

struct reader {
    const struct options   *options;
    const struct log_state *state;
    struct pv_log          *log;
    struct pv_tiles        *tiles; /* NULL: not there yet */
    struct pv_policy       *policy;
    int64_t                 policy_ms; /* when it was looked at */
    struct reader_list      list;
    struct recorder         recorder;
    int                     logfd; /* -1: no log, the journal alone */
    int                     rollupfd;
    struct bucket           bucket[BUCKETS];
    struct pv_sha256       *sha;
    struct met              met[CERTIFICATE_SETS][CERTIFICATES_IN_SET];
    size_t                  met_next; /* that is forgotten for another one */
    struct published        published;
    struct bucket           anonymous; /* of all without a certificate */
    uint64_t                answers;
    uint64_t                refused;
};

struct face { /* a server's context */
    struct reader *reader;
    bool           local;
};

static inline struct reader *
reader_of(const struct pv_server_call *call)
{
    const struct face *face = call->context;

    return face->reader;
}

/*
 * See what was written since, leaves from end on apart: reader_durable (what is
 * not on disk stays unseen) or less.
 */
enum pv_err reader_refresh(struct reader *reader, uint64_t end) PV_MUST_CHECK;

static inline uint64_t
reader_durable(const struct reader *reader)
{
    return state_get(&reader->state->durable_index);
}

/* 500 or 503 with a problem, and a line in the log. */
void reader_fails(struct pv_server_call *call, const char *what,
                  enum pv_err err);
/* 400 for a query; 401 or 403 for somebody who may not; 404. */
void reader_refuses_query(struct pv_server_call *call);
void reader_refuses_role(struct pv_server_call *call, const struct who *who);
void reader_finds_nothing(struct pv_server_call *call);

/* As which side may he see the request? False: not at all. */
bool reader_may_see(const struct who               *who,
                    const struct pv_request_record *request,
                    bool                           *ret_as_provider);

/*
 * Narrow what is asked for to what he may see as that side. False: it is
 * somebody else's, so there is nothing.
 */
bool reader_narrows(const struct who *who, bool as_provider,
                    struct pv_slice *consumer, struct pv_slice *provider);

/* "consumer", "provider" or nothing. */
bool reader_is_side(struct pv_slice as);

/*
 * A request by the text of its tracking id, when he may see it. For a receipt
 * it is looked for in what is published first. PV_ENOTFOUND: there is none
 * that he may see; PV_EPRUNED. Nothing is recorded yet.
 */
enum pv_err reader_look(struct reader *reader, const struct who *who,
                        struct pv_slice text, enum what what,
                        struct pv_trace_found *found,
                        bool                  *ret_as_provider) PV_MUST_CHECK;

/*
 * The same for the request of the path; fills in the reading. False: an answer
 * stands already, and the attempt is recorded.
 */
bool reader_find(struct pv_server_call *call, const struct who *who,
                 struct reading *reading, struct pv_trace_found *found);

/* A time as people write it, or ms since 1970. PV_EINVAL. */
enum pv_err reader_time(struct pv_slice text, int64_t *ret_ms) PV_MUST_CHECK;

/*
 * The published checkpoint (reader_tiles.c), until the next call, with ->tiles
 * that reach as far. PV_ENOTFOUND: none yet.
 */
enum pv_err
reader_published(struct reader           *reader,
                 const struct published **ret_published) PV_MUST_CHECK;

/* ---- routes: reader_tiles.c, reader_requests.c, reader_receipt.c,
 *      reader_figures.c, reader_metrics.c ---- */

pv_server_fn reader_checkpoint;
pv_server_fn reader_tile;
pv_server_fn reader_bundle;
pv_server_fn reader_lookup;
pv_server_fn reader_search;
pv_server_fn reader_follow;
pv_server_fn reader_receipt;
pv_server_fn reader_rollups;
pv_server_fn reader_volumes;
pv_server_fn reader_metrics;

#endif
