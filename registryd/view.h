/*
 * view.h - what people need that is no single record: the text of a
 * resolution, the agenda of the next meeting, what is overdue, the state of
 * the services. Private to registryd.
 *
 * A view is computed from records when it is asked for, as of any moment;
 * nothing of it is stored. It makes one JSON document; HTML for print and CSV
 * are made from that document and hold nothing else.
 *
 * Ownership: as said at each function. Threads: one at a time, as registry.h.
 * Blocks:    on the database.
 * Errors:    PV_ENOTFOUND no such view, or not of this record; PV_EINVAL a
 *            parameter, or a format the view does not have; PV_ERANGE the
 *            answer would be larger than its buffer.
 */
#ifndef PV_REGISTRYD_VIEW_H
#define PV_REGISTRYD_VIEW_H

#include "decide.h"

#define PV_VIEW_ROWS_MAX 20000 /* of one list; the rest is said as "more" */
#define PV_VIEW_PAGE 500
#define PV_VIEW_COUNT_MAX                                                      \
    500                       /* rows of one page, where pages are asked for   \
                               */
#define PV_VIEW_SCAN_MAX 5000 /* records looked at for one page */

enum pv_view_format {
    PV_VIEW_JSON,
    PV_VIEW_HTML,
    PV_VIEW_CSV,
};

/* What may be asked; a view takes some of them. Values are "" when absent. */
enum pv_view_param {
    PV_VIEW_AS_OF, /* Jalali day */
    PV_VIEW_AT,    /* number of a decision */
    PV_VIEW_FORMAT,
    PV_VIEW_LANG,   /* fa (default) or en */
    PV_VIEW_PARTY,  /* id of an agency, body or cluster */
    PV_VIEW_STATE,  /* a word of the view */
    PV_VIEW_WITHIN, /* days */
    PV_VIEW_BODY,
    PV_VIEW_OF,    /* id or code that is looked for */
    PV_VIEW_IN,    /* where it is looked for */
    PV_VIEW_AFTER, /* "next" of the page before */
    PV_VIEW_COUNT, /* rows of one page */
    PV_VIEW_PARAMS
};

extern const char *const pv_view_param_name[PV_VIEW_PARAMS];

struct pv_view_call {
    struct pv_registry *registry;
    uint64_t            hidden; /* bits of kinds that the caller may not read:
                                   as if there were no records of them */
    struct pv_slice id;         /* behind the view's name; may be empty */
    struct pv_slice param[PV_VIEW_PARAMS];

    /* from here on the view's; set by pv_view */
    struct pv_moment    at;
    int64_t             today; /* the day asked about, or the day it is */
    enum pv_view_format format;
    bool                fa;
    size_t              count; /* rows of a page; 0: the whole list */
    char                after[PV_RECORD_ID_MAX + 1];
    json_t             *names; /* owned; "agency/x" -> {id, name_fa, name_en} */
};

/*
 * One view, by the path behind /registry/v1/views/: "agenda",
 * "resolution/m38/r5". hidden as in the call; ret_type is a literal; ret_next
 * is where the next page begins, "" at the end or of what has no pages.
 */
enum pv_err pv_view(struct pv_registry *registry, uint64_t hidden,
                    const struct pv_slice param[PV_VIEW_PARAMS],
                    struct pv_slice path, struct pv_buf *out,
                    const char **ret_type,
                    char         ret_next[PV_RECORD_ID_MAX + 1]) PV_MUST_CHECK;

/* ---- a view's row (view.c has the table) ---- */

typedef enum pv_err pv_view_build_fn(struct pv_view_call *call, json_t **ret);

struct pv_html;
typedef void pv_view_html_fn(struct pv_html *html, const json_t *view);

/* Rows of the view's member `rows`, and the columns by their paths. */
struct pv_view_csv {
    const char        *rows;
    const char *const *columns; /* "responsible.id"; NULL ends it */
};

struct pv_view_row {
    const char *name;
    bool        needs_id;
    uint32_t    params; /* bits of what it takes beside moment,
                           format, language */
    pv_view_build_fn         *build;
    pv_view_html_fn          *html; /* NULL: has none */
    const struct pv_view_csv *csv;  /* NULL: has none */
};

pv_view_build_fn pv_view_access_paths;
pv_view_build_fn pv_view_agenda;
pv_view_html_fn  pv_view_agenda_html;
pv_view_build_fn pv_view_backlog;
pv_view_build_fn pv_view_breaches;
pv_view_html_fn  pv_view_breaches_html;
pv_view_build_fn pv_view_callers;
pv_view_build_fn pv_view_code;
pv_view_build_fn pv_view_code_map;
pv_view_build_fn pv_view_commitment;
pv_view_html_fn  pv_view_commitment_html;
pv_view_build_fn pv_view_commitments;
pv_view_html_fn  pv_view_commitments_html;
pv_view_build_fn pv_view_demand;
pv_view_build_fn pv_view_duplicate_paths;
pv_view_build_fn pv_view_ending;
pv_view_build_fn pv_view_legal_bases;
pv_view_build_fn pv_view_links;
pv_view_build_fn pv_view_missing_requests;
pv_view_build_fn pv_view_progress;
pv_view_html_fn  pv_view_progress_html;
pv_view_build_fn pv_view_reminders;
pv_view_build_fn pv_view_meeting;
pv_view_html_fn  pv_view_meeting_html;
pv_view_build_fn pv_view_no_agreement;
pv_view_build_fn pv_view_passport_counts;
pv_view_html_fn  pv_view_passport_counts_html;
pv_view_build_fn pv_view_public_grants;
pv_view_html_fn  pv_view_public_grants_html;
pv_view_build_fn pv_view_public_passports;
pv_view_html_fn  pv_view_public_passports_html;
pv_view_build_fn pv_view_representatives;
pv_view_build_fn pv_view_status;
pv_view_html_fn  pv_view_status_html;
pv_view_build_fn pv_view_resolution;
pv_view_html_fn  pv_view_resolution_html;

/* ---- reading records at the call's moment (view_read.c) ---- */

/* The caller clears ret; PV_ENOTFOUND. */
enum pv_err pv_view_get(const struct pv_view_call *call, enum pv_kind kind,
                        const char *id, struct pv_record *ret) PV_MUST_CHECK;

/* Word of the record's state. */
const char *pv_view_state(enum pv_kind kind, const struct pv_record *record);

/*
 * Every record of a kind by its id; anything but PV_OK ends it and is the
 * result. The record is borrowed; fn may read further.
 */
typedef enum pv_err pv_view_each_fn(struct pv_view_call *call, const char *id,
                                    const struct pv_record *record,
                                    void                   *context);
enum pv_err         pv_view_each(struct pv_view_call *call, enum pv_kind kind,
                                 pv_view_each_fn *fn, void *context) PV_MUST_CHECK;
/* The same, behind an id ("": from the first). */
enum pv_err pv_view_each_after(struct pv_view_call *call, enum pv_kind kind,
                               const char *after, pv_view_each_fn *fn,
                               void *context) PV_MUST_CHECK;

/*
 * Rows of a list (view_list.c), made of the records of a kind: fn sets a new
 * reference, or leaves NULL for a record that is not in the list. Where the
 * call asks for pages: rows by id, at most call->count of them and out of at
 * most PV_VIEW_SCAN_MAX records, "next" to go on with, null at the end. Else
 * the whole list, cut at PV_VIEW_ROWS_MAX and then "more" and "next": pages
 * follow. They are set in view, beside the rows under their name.
 */
typedef enum pv_err pv_view_row_fn(struct pv_view_call *call, const char *id,
                                   const struct pv_record *record,
                                   void *context, json_t **ret);
enum pv_err         pv_view_rows(struct pv_view_call *call, enum pv_kind kind,
                                 pv_view_row_fn *fn, void *context, const char *name,
                                 json_t *view) PV_MUST_CHECK;

/* A view that is such a list and the "day" that it is of. */
enum pv_err pv_view_list(struct pv_view_call *call, enum pv_kind kind,
                         pv_view_row_fn *fn, void *context, const char *name,
                         json_t **ret) PV_MUST_CHECK;

/* A parameter as text, "" when absent. PV_EINVAL: longer than an id. */
enum pv_err pv_view_text(const struct pv_view_call *call,
                         enum pv_view_param         param,
                         char room[PV_RECORD_ID_MAX + 1]) PV_MUST_CHECK;

/* Agencies that keep a register, alone or with others: id -> list of registers;
 * a new reference. */
enum pv_err pv_view_custodians(struct pv_view_call *call,
                               json_t             **ret) PV_MUST_CHECK;

/*
 * Of a whole list, the rows of custodians first, the others behind
 * them, each in the order it had; rows of one page stay by id. member holds
 * a name {"id"} or a list of names.
 */
enum pv_err pv_view_custodians_first(struct pv_view_call *call, json_t *view,
                                     const char *list,
                                     const char *member) PV_MUST_CHECK;

/*
 * When a record came into a state: its day as text and the decision. The
 * room is "" and the number 0 when it never did (by the call's moment).
 */
enum pv_err pv_view_since(const struct pv_view_call *call, enum pv_kind kind,
                          const char *id, const char *state,
                          char     day[PV_JALALI_ROOM],
                          int64_t *ret_decision) PV_MUST_CHECK;

/*
 * {"id","name_fa","name_en"} of an agency, body, cluster, unit, system,
 * service (or of a version: its service) as a new reference; with the id
 * alone when it is not there. NULL only without memory.
 */
json_t *pv_view_name(struct pv_view_call *call, enum pv_kind kind,
                     const char *id);
/* Of one that is an agency, a body or a cluster. */
json_t *pv_view_party(struct pv_view_call *call, const char *id);
/* A list of ids as a list of names. */
json_t *pv_view_parties(struct pv_view_call *call, const json_t *ids);

/* Set and take value; PV_ENOMEM when it is NULL or cannot be set. */
enum pv_err pv_view_set(json_t *object, const char *name,
                        json_t *value) PV_MUST_CHECK;
/* Copy members that are there. */
enum pv_err pv_view_copy(json_t *object, const json_t *from,
                         const char *const *names) PV_MUST_CHECK;

#endif
