/*
 * service.h - the service file: how a provider's connector finds the answers
 * that a contract (contract.h) promises. Only the provider has it.
 *
 * JSON, catalogue/services/<provider>/<service>.json, format 2:
 *
 *   format 2 | service, version, provider: those of a contract
 *   methods: [{
 *     id                             a method of the contract
 *     statement                      SQL with :name and :name.type
 *     answer    yes-if-row           verify: yes when there is a row
 *               record               one row or none
 *               rows                 rows of the list that rows_as names
 *     rows_as                        (rows) the output that is the list
 *     scalar_statement, constants    (rows) the other outputs
 *     member_statement               a row: it is a member; there when
 *                                    the contract has "member"
 *   }]
 *
 * A command has no statement of its own but
 *     answer    yes-if-done          the contract answers yes or no
 *               record               the last step's row is the answer
 *     steps     [{statement, needed}], 1 to 8: one transaction. A step that is
 *               needed (true unless said) and neither changes nor gives a row
 *               undoes all of it: the command is not done
 * Its statements may also name :payvand_tracking_id, :payvand_consumer and
 * :payvand_time. docs/connector.md says how a key acts once.
 *
 * In place of a statement, where the backend is an HTTP service, stands
 *     http      method     GET, or POST or PUT with a body
 *               path       /person/{id}: inputs that are always there, percent-
 *                          encoded; query {"name": "{input}"}, left out when
 *                          the input is absent
 *               body       JSON; a text "{input}" or "{input.type}" is
 * replaced, a member whose input is absent is left out send       or a binary
 * input, sent as it is with its media type headers    fixed ones none statuses
 * that mean: there is no such record row        JSON pointer (RFC 6901) to the
 * record or the list columns    {"output": "/pointer"} from there raw        or
 * the one binary output that is the whole body yes_if, no_if   (verify)
 * {"/pointer": value} Status 200 alone is an answer. What is neither yes nor
 * no, a pointer that leads nowhere and any other status have failed.
 *
 * A method of the contract without an entry is not answered here; files and
 * events never are. Columns are
 * named as the outputs; a member of an object is "obligor.name"; a list, or an
 * object with structures in it, is one column of JSON text. A list or object
 * among the inputs is bound as JSON text; a binary column is hexadecimal text
 * and becomes base64.
 *
 * Any other keyword is refused with its line.
 *
 * Ownership: struct pv_service owns all below it; the contract must live
 *            longer. Threads: any, once loaded.
 * Blocks:    _load_file reads a file. Limits: contract.h and statement.h.
 */
#ifndef PV_CONTRACT_SERVICE_H
#define PV_CONTRACT_SERVICE_H

#include "contract/contract.h"
#include "contract/statement.h"

#define PV_COLUMNS_MAX 64 /* of one method */
#define PV_STEPS_MAX 8    /* of one command */

enum pv_answer_kind {
    PV_ANSWER_YES_IF_ROW = 0,
    PV_ANSWER_RECORD,
    PV_ANSWER_ROWS,
    PV_ANSWER_YES_IF_DONE, /* a command's */
};

enum pv_column_source {
    PV_FROM_STATEMENT = 0, /* a column of the statement */
    PV_FROM_SCALAR,        /* a column of the scalar statement */
    PV_FROM_CONSTANT,      /* ->constant */
};

struct pv_column {
    char                   name[PV_MEMBER_MAX]; /* dotted */
    const struct pv_field *field;
    const char            *until; /* the field's, or its object's; "" */
    enum pv_column_source  source;
    char                  *constant; /* or NULL */
};

struct pv_step {
    struct pv_statement statement;
    bool                needed; /* without a row, nothing is done */
};

struct pv_method {
    const struct pv_contract_method *contract;
    enum pv_answer_kind              answer;
    const struct pv_field           *rows_as; /* of PV_ANSWER_ROWS */
    struct pv_column                 column[PV_COLUMNS_MAX];
    size_t                           column_count;
    bool                             http; /* ->statement is service_http.c's */
    struct pv_statement              statement;
    struct pv_statement              scalar; /* ->sql NULL: there is none */
    struct pv_statement              member; /* likewise; it is asked first */
    struct pv_step                   step[PV_STEPS_MAX]; /* of a command */
    size_t                           step_count;
};

struct pv_service {
    const struct pv_contract *contract;
    struct pv_method         *method;
    size_t                    method_count;
};

/* PV_EINVAL with line, pointer and reason in why, PV_EVERSION for another
 * format, PV_ENOTFOUND when none of the contracts is the service's;
 * PV_ENOMEM. */
enum pv_err pv_service_load(struct pv_slice                  text,
                            const struct pv_contract *const *contract,
                            size_t contract_count, struct pv_service **ret,
                            struct pv_why *why) PV_MUST_CHECK;

/* The same from a file; its path stands in why. Also PV_ESYS. */
enum pv_err pv_service_load_file(const char                      *path,
                                 const struct pv_contract *const *contract,
                                 size_t contract_count, struct pv_service **ret,
                                 struct pv_why *why) PV_MUST_CHECK;
void        pv_service_free(struct pv_service *service);

/* Whether HTTP can carry it: a plain name, a visible value. */
bool pv_http_header_fits(const char *name, const char *value);

#endif
