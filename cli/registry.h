/*
 * registry.h - one request to payvand-registryd over its Unix socket.
 *
 * Ownership: the caller owns answer. Blocks: until the answer or a minute.
 */
#ifndef PV_CLI_REGISTRY_H
#define PV_CLI_REGISTRY_H

#include "base/buf.h"

#define PV_REGISTRY_ANSWER_MAX ((size_t)16 * 1024 * 1024)

/*
 * GET path, or POST body to it when body.len is not 0. ret_status is HTTP's;
 * answer takes the body. PV_ESYS when there is no answer, with words.
 */
enum pv_err pv_registry_ask(const char *socket, const char *path,
                            struct pv_slice body, long *ret_status,
                            struct pv_buf *answer,
                            struct pv_why *why) PV_MUST_CHECK;

#endif
