/*
 * store.h - the registry's database: one closed list of statements over
 * SQLite or PostgreSQL (design 7). Nothing but a statement of this list and
 * the migrations ever reaches a database; both run the same text.
 *
 * Ownership: the caller owns arguments; what a row holds ends with the call
 *            of the row's function.
 * Threads:   one owner at a time. Blocks: on the database, for at most
 *            PV_STORE_WAIT_MS where it does not answer.
 * Errors:    PV_EAGAIN   another writer holds the database; nothing was done
 *            PV_ECLOSED  the database is gone; what stood open is undone, and
 *                        of a commit under way nobody knows: read again
 *            PV_EEXIST   a row with this key is there already
 *            PV_EFULL    no room on its disk
 *            PV_EVERSION its schema is newer than this build
 *            PV_ESTATE   a call in the wrong order (a row's function must not
 *                        use the store)
 *            PV_ECORRUPT a row is not of the declared types, or SQLite found
 *                        the file damaged
 *            PV_EDB      anything else; pv_store_why() has its words
 */
#ifndef PV_STORE_STORE_H
#define PV_STORE_STORE_H

#include "base/slice.h"

#define PV_STORE_ARGUMENTS_MAX 10
#define PV_STORE_COLUMNS_MAX 8
#define PV_STORE_WAIT_MS 5000
#define PV_STORE_SCHEMA 4 /* the newest migration of this build */

enum pv_value_type {
    PV_VALUE_NULL,
    PV_VALUE_INT,
    PV_VALUE_TEXT,
};

struct pv_value {
    enum pv_value_type type;
    int64_t            number;
    struct pv_slice    text;
};

#define PV_INT(n) ((struct pv_value){PV_VALUE_INT, (n), {NULL, 0}})
#define PV_TEXT(s) ((struct pv_value){PV_VALUE_TEXT, 0, (s)})
#define PV_NULL ((struct pv_value){PV_VALUE_NULL, 0, {NULL, 0}})

/*
 * The list. Behind each: its arguments -> its columns. "Current" is the
 * version of a record that no later decision closed; "as of day" the one that
 * stood at the end of that civil day; "at number" the one after that decision.
 */
enum pv_stmt {
    PV_STMT_DECISION_ADD,   /* number time_ms day key kind id event actor
                               document */
    PV_STMT_DECISION_LAST,  /* -> number day (no row: none yet) */
    PV_STMT_DECISION_GET,   /* number -> document */
    PV_STMT_DECISION_KEY,   /* key -> number document */
    PV_STMT_DECISION_LIST,  /* after count -> number document */
    PV_STMT_DECISION_OF,    /* kind id -> number event actor document */
    PV_STMT_RECORD_ADD,     /* kind id version from_decision from_day state
                               body references until_decision until_day.
                               references: the version whose references hold
                               for it, its own or an earlier one; an empty body
                               is that one's, and read as that. The last two
                               are null for the one that stands */
    PV_STMT_RECORD_CLOSE,   /* kind id version until_decision until_day */
    PV_STMT_RECORD_GET,     /* kind id -> version from_decision from_day state
                               body references */
    PV_STMT_RECORD_AS_OF,   /* kind id day -> version from_decision from_day
                               state body */
    PV_STMT_RECORD_AT,      /* kind id number -> as above */
    PV_STMT_RECORD_HISTORY, /* kind id -> as above, oldest first */
    PV_STMT_RECORD_LIST,    /* kind after_id count -> id version from_decision
                               from_day state body, by id */
    PV_STMT_RECORD_LIST_AS_OF, /* kind day after_id count -> as above */
    PV_STMT_RECORD_LIST_AT,    /* kind number after_id count -> as above */
    PV_STMT_RECORD_LIST_STATE, /* kind state after_id count -> as above */
    PV_STMT_RECORD_CHANGED,    /* number -> kind id, changed after it */
    PV_STMT_REFERENCE_ADD,     /* kind id version name target_kind target_id */
    PV_STMT_REFERENCE_FIND,    /* target_kind target_id kind after_id count
                                  -> id name state, of current records */
    PV_STMT_REFERENCE_EVER,    /* target_kind target_id -> kind id, of any
                                  version, one row at most */
    PV_STMT_META_SET,          /* name value */
    PV_STMT_META_GET,          /* name -> value */
    PV_STMT_CREDENTIAL_SET,    /* person password totp totp_step code
                                  code_until_ms; replaces the person's */
    PV_STMT_CREDENTIAL_GET,    /* person -> as above without person */
    PV_STMT_CREDENTIAL_TOTP,   /* -> person totp, of all who have one */
    PV_STMT_CREDENTIAL_COUNT,  /* -> persons who have a password */
    PV_STMT_SESSION_ADD,       /* token_hash person role held_at made_ms
                                  seen_ms */
    PV_STMT_SESSION_GET,       /* token_hash -> as above without the hash */
    PV_STMT_SESSION_SEEN,      /* token_hash seen_ms */
    PV_STMT_SESSION_DROP,      /* token_hash */
    PV_STMT_SESSION_DROP_OF,   /* person */
    PV_STMT_SESSION_DROP_OLD,  /* made_ms seen_ms: all before either */
    PV_STMT_END
};

struct pv_store;

/*
 * Open and bring the schema up to PV_STORE_SCHEMA. where is "sqlite:FILE"
 * (made when there is none, 0640) or "postgresql:CONNINFO" (libpq's words).
 * One store at a time holds a database for writing: a second is PV_EAGAIN.
 */
enum pv_err pv_store_open(const char *where, struct pv_store **ret_store,
                          struct pv_why *why) PV_MUST_CHECK;
void        pv_store_close(struct pv_store *store); /* rolls back */

/*
 * Open beside the one that writes, to read alone: writing is PV_ESTATE, and
 * what one transaction reads is of one moment, whatever is written meanwhile.
 * PV_EVERSION: the schema is not that of this build.
 */
enum pv_err pv_store_open_reader(const char *where, struct pv_store **ret_store,
                                 struct pv_why *why) PV_MUST_CHECK;

/*
 * One transaction at a time; writing outside one is PV_ESTATE. A commit
 * returns when it is durable. What a writing statement does wrong may be told
 * by a later one, at the latest by commit (PostgreSQL: it is sent and not
 * waited for). After any error of run or commit only rollback
 * helps. begin takes up a database that was gone, when it is back.
 */
enum pv_err pv_store_begin(struct pv_store *store) PV_MUST_CHECK;
enum pv_err pv_store_commit(struct pv_store *store) PV_MUST_CHECK;
void        pv_store_rollback(struct pv_store *store);

/* Called for each row; anything but PV_OK ends the run and is its result. */
typedef enum pv_err pv_store_row_fn(void                  *context,
                                    const struct pv_value *column);

/* fn may be NULL where no row is expected. Reading needs no transaction. */
enum pv_err pv_store_run(struct pv_store *store, enum pv_stmt stmt,
                         const struct pv_value *arguments, size_t count,
                         pv_store_row_fn *fn, void *context) PV_MUST_CHECK;

/*
 * Grows when a database that was lost is taken up again: another one may have
 * written meanwhile, so what was read before is to be read again.
 */
uint64_t pv_store_session(const struct pv_store *store);

/* The words of the last error, "" when there was none; never content. */
const char *pv_store_why(const struct pv_store *store);

/* "sqlite" or "postgresql". */
const char *pv_store_backend(const struct pv_store *store);

#endif
