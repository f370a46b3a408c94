/*
 * desk_client.h - one question to a keeper's desk (desk.h).
 *
 * Ownership: *ret is the caller's to json_decref. Threads: any.
 * Blocks:    for at most PV_DESK_WAIT_S.
 */
#ifndef PV_CONNECTORD_DESK_CLIENT_H
#define PV_CONNECTORD_DESK_CLIENT_H

#include <jansson.h>

#include "base/err.h"

#define PV_DESK_WAIT_S 10

/*
 * *ret is what the desk said, {"error":...} too. PV_ESYS: nobody is there
 * (errno); PV_EPROTO: what was said is no JSON object, or nothing, as for a
 * wrong user; PV_EINVAL: request is NULL, or no UTF-8; PV_ENOMEM.
 */
enum pv_err pv_desk_ask(const char *socket_path, const json_t *request,
                        json_t **ret) PV_MUST_CHECK;

#endif
