/*
 * service_test.h - what the files of `payvand service test` share: calls that
 * a contract describes, made to a connector, and what came of each.
 *
 * No value of a request or an answer is printed or written anywhere: what is
 * said is names of members, words of faults and JSON pointers.
 *
 * Ownership: cmd_service_test.c's. Threads: one. Blocks: yes.
 */
#ifndef PV_CLI_SERVICE_TEST_H
#define PV_CLI_SERVICE_TEST_H

#include "cmd.h"
#include "connectord/config.h"
#include "contract/fault.h"

#define PV_TEST_CASES_MAX 2048
#define PV_TEST_WHY_MAX 256
#define PV_TEST_DIFFERS_MAX 16 /* pointers that are named */
#define PV_TEST_POINTER_MAX 128
#define PV_TEST_NAME_MAX 128
#define PV_TEST_LOG_MAX (256u * 1024)
#define PV_TEST_PATH_MAX 104 /* of the connector's socket */

enum pv_test_kind {
    PV_TEST_EXAMPLE = 0, /* the contract's example, required inputs */
    PV_TEST_EXAMPLE_ALL, /* all inputs */
    PV_TEST_GIVEN,       /* of --examples */
    PV_TEST_MISSING,     /* without a required input */
    PV_TEST_UNKNOWN,     /* with an input that the contract does not have */
    PV_TEST_FORM,        /* an input that is not of its data item */
    PV_TEST_NO_KEY,      /* a command without Idempotency-Key */
    PV_TEST_KINDS,
};

enum pv_test_result {
    PV_TEST_NOT_TRIED = 0,
    PV_TEST_PASSED,
    PV_TEST_FAILED,
};

struct pv_test_case {
    const struct pv_contract_method *method;
    enum pv_test_kind                kind;
    char            name[PV_TEST_NAME_MAX]; /* of a given one, or a member's */
    char            outcome[16];            /* that is wanted */
    struct pv_fault fault;                  /* that is wanted; NONE: any */
    json_t         *request;
    json_t         *answer; /* that is wanted, or NULL */

    enum pv_test_result result;
    bool                found_nothing; /* passed, but "found" is no */
    char                why_en[PV_TEST_WHY_MAX];
    char                why_fa[PV_TEST_WHY_MAX];
    char                differs[PV_TEST_DIFFERS_MAX][PV_TEST_POINTER_MAX];
    size_t              differ_count;
};

struct pv_test_cases {
    struct pv_test_case *list; /* PV_TEST_CASES_MAX of them */
    size_t               count;
};

/* The connector that is asked: ours, or one that runs already. */
struct pv_test_connector {
    char          socket[PV_TEST_PATH_MAX];
    char          folder[PV_TEST_PATH_MAX]; /* "": not ours */
    char          desk[PV_TEST_PATH_MAX];   /* "": gives no numbers */
    const char   *consumer;
    int           config_fd; /* in memory, as it holds the password */
    int           file_fd[PV_CONNECTOR_SERVICES_MAX + 1]; /* likewise */
    size_t        file_count;
    int           log_fd;
    int           pid;
    int64_t       ready_by_ms; /* monotonic; until then a backend may be away */
    struct pv_buf log;
};

/* An answer, as it came. */
struct pv_test_reply {
    char          outcome[16];
    char          tracking_id[40];
    struct pv_buf body;
};

/* service_test_cases.c: the cases of a connector's methods; of one where only
 * is not NULL. Those of a file of examples. PV_EINVAL with words, PV_ENOMEM,
 * PV_ERANGE, PV_ESYS. _clear wipes. */
enum pv_err pv_test_cases_make(const struct pv_connector_config *config,
                               const char *only, int64_t when_ms,
                               struct pv_test_cases *cases,
                               struct pv_why        *why) PV_MUST_CHECK;
enum pv_err pv_test_cases_read(const struct pv_connector_config *config,
                               const char *only, const char *path,
                               struct pv_test_cases *cases,
                               struct pv_why        *why) PV_MUST_CHECK;
void        pv_test_cases_clear(struct pv_test_cases *cases);

/* service_test_connector.c: start program (a name in PATH, or a path) with the
 * configuration that was loaded from path, less what reaches outside: its
 * rights, signatures and ledger. The connector is to be stopped in any case. */
enum pv_err pv_test_connector_start(const char *program, const char *path,
                                    const struct pv_connector_config *config,
                                    struct pv_test_connector         *connector,
                                    struct pv_why *why) PV_MUST_CHECK;
void        pv_test_connector_stop(struct pv_test_connector *connector);

/* What our connector's log says of a call, "" for nothing: "reason, sqlstate".
 */
void pv_test_connector_reason(struct pv_test_connector *connector,
                              const char *tracking_id, char *room, size_t size);

/* Whether the call failed because ours has no connection yet; naps if so. */
bool pv_test_connector_must_wait(struct pv_test_connector *connector,
                                 const char               *tracking_id);

/* service_test_pulled.c: the configuration root with the contracts that the
 * feed brought, as files of the connector's. PV_EINVAL with words: two name a
 * data item that is not the same. */
enum pv_err pv_test_pulled_put(struct pv_test_connector         *connector,
                               const struct pv_connector_config *config,
                               json_t *root, struct pv_why *why) PV_MUST_CHECK;

/* service_test_ask.c: one call. key: with an Idempotency-Key; consent: 16
 * digits or "". The reply's body is to be wiped by the caller in any case. */
enum pv_err pv_test_ask(const struct pv_test_connector  *connector,
                        const struct pv_contract_method *method,
                        const json_t *request, bool key, const char *consent,
                        struct pv_test_reply *reply,
                        struct pv_why        *why) PV_MUST_CHECK;

/* service_test_run.c: try one, commands only when act is set. */
void pv_test_run(struct pv_test_connector *connector, bool act,
                 struct pv_test_case *one);

#endif
