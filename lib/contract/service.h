/*
 * service.h - the service file: what a provider's connector answers and how.
 *
 * JSON, catalogue/services/<provider>/<service>.json, format 1:
 *
 *   format 1 | service, version "v1", provider | basis proposed, document
 *   title_fa, title_en
 *   methods: [{
 *     id | pattern inquiry, verify, list | deadline_ms 100 to 60000
 *     inputs:  [{name, type, required (true)}]
 *     outputs: [{name, type}], a list or object with items: [{name, type}];
 *              "obligor.name" is the member name of the object obligor
 *     meaning: {yes, no}             (verify only, and there needed)
 *     statement                      SQL with :name and :name.type
 *     answer: yes-if-row, record, rows
 *     rows_as                        (rows) the output that is the list
 *     max_rows                       (rows) 1 to PV_METHOD_ROWS_MAX, 1000
 *     scalar_statement, constants    (rows) the other outputs
 *     pad_to                         (yes-if-row) bytes of every answer, 64
 *   }]
 *
 * Any other keyword is refused with its place.
 *
 * Ownership: struct pv_service owns all below it; types point into the data
 *            items, which must live longer. Threads: any, once loaded.
 * Blocks:    _load_file reads a file. Limits: below.
 */
#ifndef PV_CONTRACT_SERVICE_H
#define PV_CONTRACT_SERVICE_H

#include "contract/data_item.h"
#include "contract/statement.h"

#define PV_NAME_MAX 64
#define PV_METHODS_MAX 16 /* in one service */
#define PV_FIELDS_MAX 64  /* inputs, or outputs with their items */
#define PV_PATH_MAX 288
#define PV_DEADLINE_MIN_MS 100
#define PV_DEADLINE_MAX_MS 60000
#define PV_METHOD_ROWS_MAX 20000
#define PV_METHOD_ROWS_DEFAULT 1000
#define PV_PAD_MIN 32
#define PV_PAD_DEFAULT 64
#define PV_PAD_MAX 4096
#define PV_TITLE_MAX 300

enum pv_call_pattern {
    PV_CALL_INQUIRY = 0,
    PV_CALL_VERIFY,
    PV_CALL_LIST,
};

enum pv_answer_kind {
    PV_ANSWER_YES_IF_ROW = 0,
    PV_ANSWER_RECORD,
    PV_ANSWER_ROWS,
};

enum pv_column_source {
    PV_FROM_STATEMENT = 0, /* a column of the statement */
    PV_FROM_SCALAR,        /* a column of the scalar statement */
    PV_FROM_CONSTANT,      /* ->constant */
};

struct pv_input {
    char                       name[PV_NAME_MAX + 1];
    const struct pv_data_item *type;
    bool                       required;
};

struct pv_column {                                  /* one plain output */
    char                       name[PV_MEMBER_MAX]; /* dotted */
    const struct pv_data_item *type;
    enum pv_column_source      source;
    char                      *constant; /* or NULL */
};

struct pv_method {
    char                 id[PV_NAME_MAX + 1];
    char                 path[PV_PATH_MAX]; /* /x/provider/service/v1/id */
    enum pv_call_pattern pattern;
    enum pv_answer_kind  answer;
    uint32_t             deadline_ms;
    uint32_t             max_rows;
    uint32_t             pad_to;
    char                 rows_as[PV_NAME_MAX + 1];
    struct pv_input      input[PV_FIELDS_MAX];
    size_t               input_count;
    struct pv_column     column[PV_FIELDS_MAX];
    size_t               column_count;
    struct pv_statement  statement;
    struct pv_statement  scalar; /* ->sql NULL when there is none */
};

struct pv_service {
    char              service[PV_NAME_MAX + 1];
    char              version[8]; /* v1 to v9999 */
    char              provider[PV_NAME_MAX + 1];
    bool              proposed; /* basis: proposed */
    struct pv_method *method;
    size_t            method_count;
};

/* PV_EINVAL with place and reason in why; PV_ENOMEM. */
enum pv_err pv_service_load(const json_t               *root,
                            const struct pv_data_items *items,
                            struct pv_service         **ret,
                            struct pv_why              *why) PV_MUST_CHECK;

/* The same from a file; its path stands in why. Also PV_ESYS. */
enum pv_err pv_service_load_file(const char                 *path,
                                 const struct pv_data_items *items,
                                 struct pv_service         **ret,
                                 struct pv_why              *why) PV_MUST_CHECK;
void        pv_service_free(struct pv_service *service);

/* Lower-case ids of paths: letter first, then letters, digits and -. */
bool pv_service_id_is_valid(struct pv_slice id);

#endif
