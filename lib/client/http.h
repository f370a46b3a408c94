/*
 * http.h - one HTTPS request to an exchange.
 *
 * TLS 1.3 only, the peer checked against the given authority, no proxy, no
 * redirect, nothing kept between calls. The answer stays in memory. Plain HTTP
 * goes to a Unix socket of this machine only.
 *
 * Ownership: the caller owns the struct and clears it with pv_http_clear.
 * Blocks: until the answer or timeout_ms.
 */
#ifndef PV_CLIENT_HTTP_H
#define PV_CLIENT_HTTP_H

#include "base/buf.h"

#define PV_HTTP_ANSWER_MAX (16 * 1024 * 1024)
#define PV_HTTP_BODY_MAX (1024 * 1024) /* what a gateway takes */
#define PV_HTTP_FIELD_MAX 128
#define PV_HTTP_SIGNATURE_MAX 2048 /* what a gateway passes */
#define PV_HTTP_HEADERS_MAX 12

struct pv_http {
    /* the request; all borrowed */
    const char     *url;
    const char     *unix_socket; /* path, or NULL; then url is http:// */
    const char     *ca;          /* file, or NULL for the system's */
    const char     *cert;        /* file, or NULL: no client certificate */
    const char     *key;         /* file, or NULL with cert NULL */
    const char     *header[PV_HTTP_HEADERS_MAX]; /* "Name: value" */
    size_t          header_count;
    bool            is_post;
    struct pv_slice body;
    long            timeout_ms;

    /* the answer */
    struct pv_buf answer;
    long          status;
    char          outcome[PV_HTTP_FIELD_MAX];     /* Payvand-Outcome */
    char          tracking_id[PV_HTTP_FIELD_MAX]; /* Payvand-Tracking-Id */
    char          retry_after[PV_HTTP_FIELD_MAX];
    char          content_type[PV_HTTP_FIELD_MAX];
    char          content_digest[PV_HTTP_SIGNATURE_MAX];  /* RFC 9530 */
    char          signature_input[PV_HTTP_SIGNATURE_MAX]; /* RFC 9421 */
    char          signature[PV_HTTP_SIGNATURE_MAX];
};

void pv_http_init(struct pv_http *http);
void pv_http_clear(struct pv_http *http);

/* Forget the answer, so that the request can be sent once more. */
void pv_http_reset(struct pv_http *http);

/*
 * Sends and waits. PV_EINVAL when a header holds a control character, PV_EFULL
 * for more than PV_HTTP_HEADERS_MAX headers, PV_ESYS when there was no answer;
 * why says it in words.
 */
enum pv_err pv_http_run(struct pv_http *http, struct pv_why *why) PV_MUST_CHECK;

#endif
