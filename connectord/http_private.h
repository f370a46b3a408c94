/*
 * http_private.h - what http.c (connections) and http_call.c (calls) share.
 */
#ifndef PV_CONNECTORD_HTTP_PRIVATE_H
#define PV_CONNECTORD_HTTP_PRIVATE_H

#include <microhttpd.h>
#include <sys/stat.h>

#include "connectord/http.h"
#include "connectord/signature.h"

enum pv_count { /* of calls that came through the gate */
                PV_COUNT_ANSWERED = 0,
                PV_COUNT_INVALID,
                PV_COUNT_FAILED,
                PV_COUNT_TIMEOUT,
                PV_COUNTS,
};

struct pv_http {
    const struct pv_connector_config *config;
    struct pv_serving                *serving; /* of calls that come */
    struct pv_keeper_link            *keeper;  /* NULL: none */
    const struct pv_rights_link      *rights;  /* NULL: none are asked for */
    int                               epoll;
    struct pv_watch                   listener;
    struct pv_watch                   inner; /* libmicrohttpd's epoll */
    struct MHD_Daemon                *daemon;
    size_t                            calls; /* begun and not yet answered */
    bool                              stopping;
    uint64_t                          count[PV_COUNTS];
    struct stat                       made; /* our socket in the file system */
    struct pv_signatures              signatures;
    struct call                      *to_sign; /* answers; oldest first */
    struct call                     **to_sign_end;
    struct pv_signing                 signing;
};

/* http_call.c: libmicrohttpd's three callbacks of one request; context is the
 * struct pv_http, *con_cls the call. */
enum MHD_Result pv_call_on_request(void                  *context,
                                   struct MHD_Connection *connection,
                                   const char *url, const char *http_method,
                                   const char *version, const char *data,
                                   size_t *len, void **con_cls);
void           *pv_call_on_uri(void *context, const char *uri,
                               struct MHD_Connection *connection);
void pv_call_on_completed(void *context, struct MHD_Connection *connection,
                          void **con_cls, enum MHD_RequestTerminationCode code);

/* call_sign.c: sign the answers that wait for it, and let them go. */
void pv_call_sign_waiting(struct pv_http *http);

/* http_metrics.c */

/* One more call that ended so; words that are no class are not counted. */
void pv_metrics_count(struct pv_http *http, const char *outcome);

/* The numbers of this connector in Prometheus' text format 0.0.4. */
enum pv_err pv_metrics_write(const struct pv_http *http,
                             struct pv_buf        *out) PV_MUST_CHECK;

#endif
