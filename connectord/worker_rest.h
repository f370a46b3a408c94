/*
 * worker_rest.h - a worker whose backend is an HTTP service: one address, fixed
 * requests. Part of the worker's process; see worker.c.
 *
 * worker->state names what went wrong in the place of a SQLSTATE: PVnnn for an
 * HTTP status, PCnnn for an error of libcurl, PVJSN for a body that is no JSON,
 * PVPTR for a pointer that leads nowhere or a value that is neither yes nor no,
 * PVMED for a body of another media type, PVARG for a value that cannot stand
 * in a path.
 */
#ifndef PV_CONNECTORD_WORKER_REST_H
#define PV_CONNECTORD_WORKER_REST_H

#include <curl/curl.h>
#include <jansson.h>

#include "connectord/worker_private.h"

struct pv_rest {
    CURL              *curl;     /* keeps its connection between calls */
    json_t            *settings; /* of config_http.h */
    json_t           **spec;     /* by method; service_http.c's text */
    struct curl_slist *resolve;
    struct pv_buf      body; /* of the answer at hand */
    char               media[128];
};

/* the request at hand */
struct pv_asking {
    const json_t           *spec;
    const struct parameter *parameter; /* in the order of the spec's binds */
    struct pv_buf           url;
    struct pv_buf           body;
    struct curl_slist      *headers;
};

/* worker->dsn is the settings, each method's statement its request. PV_EDB:
 * worker->state says why. */
enum pv_err pv_rest_open(struct worker   *worker,
                         struct pv_rest **ret) PV_MUST_CHECK;

/* Ask, and append one set of rows to worker->out, as pv_query_run does. */
enum pv_err pv_rest_run(struct worker *worker, const struct method *method,
                        const struct parameter *parameter,
                        enum pv_query_error    *kind) PV_MUST_CHECK;

/* worker_rest_request.c: URL, body and headers, with the call's values. */
enum pv_err pv_rest_build(struct worker    *worker,
                          struct pv_asking *asking) PV_MUST_CHECK;

/* worker_rest_answer.c: what came with status 200. */
enum pv_err pv_rest_answer(struct worker *worker, const struct method *method,
                           const json_t        *spec,
                           enum pv_query_error *kind) PV_MUST_CHECK;

/* The same for a status that means: there is no such record. */
enum pv_err pv_rest_none(struct worker *worker, const struct method *method,
                         const json_t *spec) PV_MUST_CHECK;

/* Keep the five letters; gives PV_EDB. */
enum pv_err pv_rest_fail(struct worker *worker, const char *state);

#endif
