/*
 * submit.h - a new service to the registry: the service, its version with its
 * contract, and the passports of the service and of its data, as
 * decisions of the provider's representative.
 *
 * What is there already is not decided again, so that it can be run until
 * nothing is left to do. Passports whose form has gaps stay drafts.
 *
 * Ownership: the struct owns its JSON until _clear. Threads: one. Blocks: on
 * the registry. Errors: PV_ESYS no registry, PV_EINVAL a refusal or a wrong
 * file, with words; PV_ENOMEM.
 */
#ifndef PV_CLI_SUBMIT_H
#define PV_CLI_SUBMIT_H

#include "cmd.h"
#include "contract/contract.h"

#define PV_SUBMIT_RECORDS 4
#define PV_SUBMIT_ID_MAX 160
#define PV_SUBMIT_WORD_MAX 32

enum pv_submit_record {
    PV_SUBMIT_SERVICE = 0,
    PV_SUBMIT_VERSION,
    PV_SUBMIT_SERVICE_PASSPORT,
    PV_SUBMIT_DATA_PASSPORT,
};

struct pv_submit {
    /* the caller's; borrowed */
    const char                 *socket;
    const char                 *as; /* role/agency */
    const struct pv_contract   *contract;
    const struct pv_data_items *items;    /* the contract was read with them */
    const char                 *passport; /* a file: {"service": form, "data":
                                           form, "system": id} */
    enum pv_lang lang;
    bool         list; /* make the decisions, send none */

    /* what came of it */
    char      id[PV_SUBMIT_RECORDS][PV_SUBMIT_ID_MAX];
    char      state[PV_SUBMIT_RECORDS][PV_SUBMIT_WORD_MAX]; /* "": none yet */
    json_t   *document;       /* the contract with its items */
    json_t   *decisions;      /* that were sent, or are to be */
    json_t   *missing;        /* fields of forms, "service.recipients" */
    json_t   *unknown_items;  /* of the contract, that are not registered */
    bool      other_contract; /* the version has another, and is not changed */
    long long last;           /* number of the last decision; 0: none sent */
};

enum pv_err pv_submit_run(struct pv_submit *submit,
                          struct pv_why    *why) PV_MUST_CHECK;
void        pv_submit_clear(struct pv_submit *submit);

/*
 * A passport file with what a contract tells; null stands for what people have
 * to say. NULL when there is no memory; json_decref.
 */
json_t *pv_submit_form(const char *provider, const char *title_fa,
                       const char *items);

/* submit_say.c: states, what is left to say, and the next steps: as a
 * member of JSON, or as lines without the last line feed. */
void pv_submit_say_json(const struct pv_submit *submit, struct pv_json *json,
                        const char *name);
enum pv_err pv_submit_say_text(const struct pv_submit *submit,
                               struct pv_buf          *out) PV_MUST_CHECK;

#endif
