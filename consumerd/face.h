/*
 * face.h - the local address of an agency's applications.
 *
 *   POST /x/{provider}/{service}/{version}/{method}   a governed call. Taken of
 *        the application: the body, Payvand-Purpose, Payvand-Consent,
 *        Payvand-Case, Idempotency-Key; nothing else is passed on
 *   GET  /metrics     for Prometheus
 *
 * Who asks is the user of the connection on the Unix socket, and the bearer
 * token on the loopback port. The answer is the exchange's, to the byte, with
 * Payvand-Outcome and Payvand-Tracking-Id; or one of outcome.c.
 */
#ifndef CONSUMERD_FACE_H
#define CONSUMERD_FACE_H

#include "caller.h"
#include "http/server.h"

struct face {
    const struct consumer_config *config;
    struct callers               *callers;
    struct consumer_counts       *counts;
    struct pv_sha256             *sha;
};

extern const struct pv_server_route face_route[];
extern const size_t                 face_route_count;

#endif
