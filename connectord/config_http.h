/*
 * config_http.h - the "http" of a connector's configuration: the one address
 * that its worker may ask.
 *
 *   {"url": "https://HOST[:PORT][/BASE]", "address": "10.1.2.3",
 *    "ca": "/abs/ca.pem", "cert": "/abs/cert.pem", "key": "/abs/key.pem",
 *    "headers": {"X-Api-Key": "..."}}
 *
 * address: where HOST is; needed when HOST is a name, because nothing is looked
 * up. ca: needed for https; no other authority is believed. cert, key: for
 * mutual TLS. headers: fixed ones, such as a key of the service. http:// is
 * taken only where the address is this machine's own (127.0.0.0/8 or ::1).
 *
 * Ownership: the caller's. Threads: any. Blocks: never.
 */
#ifndef PV_CONNECTORD_CONFIG_HTTP_H
#define PV_CONNECTORD_CONFIG_HTTP_H

#include <jansson.h>

#include "base/buf.h"

/*
 * Append what the worker needs, as JSON: url (without a / at its end), host,
 * port, address, and ca, cert, key, headers where they are. PV_EINVAL with the
 * reason in why, PV_ERANGE, PV_ENOMEM.
 */
enum pv_err pv_config_http(const json_t *http, struct pv_buf *out,
                           struct pv_why *why) PV_MUST_CHECK;

#endif
