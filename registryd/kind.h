/*
 * kind.h - what a record may be: its fields, its life cycle, who may move it.
 *
 * A kind is a closed table. Its life cycle is a table of states and events;
 * an empty cell refuses, and state 0 is "none": there is no such record yet.
 * A field says which events may set it and which need it. Everything that is
 * not in the tables is refused; what tables cannot say stands in the checks
 * of an event (rules.h), each named by its R-number.
 *
 * Everything here is constant. Threads: any.
 */
#ifndef PV_REGISTRYD_KIND_H
#define PV_REGISTRYD_KIND_H

#include <jansson.h>

#include "base/buf.h"

#define PV_RECORD_ID_MAX 120   /* m38/r5/c7, service/v1 ... */
#define PV_TEXT_FIELD_MAX 8000 /* bytes of one text */
#define PV_LIST_FIELD_MAX 2000 /* things in one list */

enum pv_kind {
    PV_KIND_AGENCY,
    PV_KIND_UNIT,
    PV_KIND_SYSTEM,
    PV_KIND_CLUSTER,
    PV_KIND_REGISTER,
    PV_KIND_BODY,
    PV_KIND_APPOINTMENT,
    PV_KIND_DATA_ITEM,
    PV_KIND_SERVICE,
    PV_KIND_VERSION,
    PV_KIND_PASSPORT,
    PV_KIND_REQUEST,
    PV_KIND_GRANT,
    PV_KIND_MODE,
    PV_KIND_SUSPENSION,
    PV_KIND_AGREEMENT,
    PV_KIND_EXEMPTION,
    PV_KIND_EXTENSION,
    PV_KIND_DISPUTE,
    PV_KIND_NOTICE,
    PV_KIND_INSTRUCTION,
    PV_KIND_LINK,
    PV_KIND_INQUIRY,
    PV_KIND_REPRESENTATION,
    PV_KIND_PUBLICATION,
    PV_KIND_COMMITMENT,
    PV_KIND_MEETING,
    PV_KIND_RESOLUTION,
    PV_KIND_AUTHORITY,
    PV_KIND_CERTIFICATE_REQUEST,
    PV_KIND_CERTIFICATE,
    PV_KIND_PERSON,
    PV_KIND_CODE_LIST,
    PV_KIND_CODE_MAP,
    PV_KIND_OID,
    PV_KIND_CORRECTION,
    PV_KIND_END,
};

enum pv_field_type {
    PV_FIELD_TEXT,   /* for people; PV_TEXT_FIELD_MAX */
    PV_FIELD_WORD,   /* one of ->words */
    PV_FIELD_ID,     /* grammar of an id, names no record */
    PV_FIELD_RECORD, /* id of a record of ->target */
    PV_FIELD_PARTY,  /* id of an agency, a body or a cluster */
    PV_FIELD_FLAG,
    PV_FIELD_NUMBER, /* whole, 0 to 2^53 */
    PV_FIELD_DAY,    /* "1401-06-15", Jalali */
    PV_FIELD_JSON,   /* object or array of no further meaning here */
};

struct pv_field {
    const char        *name;
    enum pv_field_type type;
    bool               is_list;
    enum pv_kind       target;
    const char *const *words;  /* ends with NULL */
    uint32_t           set_by; /* bits of the kind's events */
    uint32_t           needed_by;
};

/* Who may decide: a role, and where it is held. More bits: any of them. */
enum {
    PV_BY_OPERATOR = 1 << 0, /* operator of the exchange */
    PV_BY_SECRETARIAT = 1 << 1,
    PV_BY_CHAIR = 1 << 2,          /* of the record's body */
    PV_BY_WORKING_GROUP = 1 << 3,  /* chair of the working group */
    PV_BY_COUNCIL = 1 << 4,        /* chair of the executive council */
    PV_BY_NCC = 1 << 5,            /* National Center of Cyberspace */
    PV_BY_PROVIDER = 1 << 6,       /* representative of the field provider */
    PV_BY_CONSUMER = 1 << 7,       /* ... of the field consumer */
    PV_BY_AGENCY = 1 << 8,         /* ... of the field agency */
    PV_BY_TECHNICAL = 1 << 9,      /* technical contact of that agency */
    PV_BY_SECURITY = 1 << 10,      /* security officer of that agency */
    PV_BY_PARTY = 1 << 11,         /* representative of one of parties */
    PV_BY_RESPONSIBLE = 1 << 12,   /* ... of one of responsible */
    PV_BY_COLLECTOR = 1 << 13,     /* who collects passports */
    PV_BY_CONFIRMER = 1 << 14,     /* chair of the field confirmed_by */
    PV_BY_CONSOLE = 1 << 15,       /* who holds the machine; first roles only */
    PV_BY_ADMINISTRATOR = 1 << 16, /* of persons and first roles */
    PV_BY_AUTHORITY = 1 << 17,     /* the process that signs certificates */
    PV_BY_DEREGULATION = 1 << 18,  /* secretariat of the deregulation board */
};

struct pv_change; /* decide.h */
typedef enum pv_err pv_check_fn(struct pv_change *change);

#define PV_CHECKS_MAX 6

struct pv_event {
    const char  *word;
    uint32_t     who;        /* 0: only as the effect of another decision */
    const char  *other_than; /* four eyes: who took that event may not */
    pv_check_fn *check[PV_CHECKS_MAX]; /* before writing; may fill the body */
    pv_check_fn *effect;               /* after writing; further changes */
};

struct pv_kind_row {
    const char            *name;
    const char            *name_fa;
    const char            *rule; /* whose refusal a missing transition is */
    const char *const     *states;
    size_t                 state_count;
    const struct pv_event *events;
    size_t                 event_count;
    const uint8_t         *next; /* [state_count][event_count] */
    const struct pv_field *fields;
    size_t                 field_count;
    pv_check_fn           *references; /* beyond those of the fields */
};

const struct pv_kind_row *pv_kind_row(enum pv_kind kind);

/* PV_ENOTFOUND for a word not in the table. */
enum pv_err pv_kind_from_word(struct pv_slice word,
                              enum pv_kind   *ret) PV_MUST_CHECK;

/* Index of the event; PV_ENOTFOUND. */
enum pv_err pv_kind_event(const struct pv_kind_row *kind, const char *word,
                          size_t *ret) PV_MUST_CHECK;
enum pv_err pv_kind_state(const struct pv_kind_row *kind, const char *word,
                          size_t *ret) PV_MUST_CHECK;

/* The state that follows; 0 refuses. */
size_t pv_kind_next(const struct pv_kind_row *kind, size_t state, size_t event);

/*
 * All tables as one JSON object: "kinds", each with its states, its events
 * (who may take them, what they lead to) and its fields; and the "fields"
 * that every kind has.
 */
enum pv_err pv_kinds_json(struct pv_buf *out) PV_MUST_CHECK;

/*
 * [a-z0-9] first, then [a-z0-9._/-], no "//", no "/" at the end, and at most
 * PV_RECORD_ID_MAX: ASCII, so that no two ids look alike.
 */
bool pv_is_record_id(struct pv_slice id);

/*
 * Text for people, kept as it was written: UTF-8 without control
 * characters (but a line's end and a tab), overrides and isolates of
 * direction, or what shows as nothing; joiners and marks are letters' own.
 */
bool pv_is_clean_text(struct pv_slice text);

/* Fields that every kind has and every event may set. */
extern const struct pv_field pv_common_field[];
extern const size_t          pv_common_field_count;

#endif
