/*
 * registry.h - one request to payvand-registryd over its Unix socket.
 *
 * Ownership: the caller owns answer. Blocks: until the answer or a minute.
 */
#ifndef PV_CLI_REGISTRY_H
#define PV_CLI_REGISTRY_H

#include <jansson.h>

#include "base/buf.h"

/* PAYVAND_REGISTRY_SOCKET, or where packages put it. */
const char *pv_registry_socket(const char *option);

#define PV_REGISTRY_ANSWER_MAX ((size_t)64 * 1024 * 1024)
#define PV_REGISTRY_PATH_MAX 2048

/*
 * GET path, or POST body to it when body.len is not 0. ret_status is HTTP's;
 * answer takes the body. PV_ESYS when there is no answer, with words.
 */
enum pv_err pv_registry_ask(const char *socket, const char *path,
                            struct pv_slice body, long *ret_status,
                            struct pv_buf *answer,
                            struct pv_why *why) PV_MUST_CHECK;

/*
 * GET one page of a list; ret_next is the path of the next one (Link, RFC
 * 8288), "" when it was the last.
 */
enum pv_err pv_registry_page(const char *socket, const char *path,
                             long *ret_status, struct pv_buf *answer,
                             char           ret_next[PV_REGISTRY_PATH_MAX],
                             struct pv_why *why) PV_MUST_CHECK;

/* A page's lists behind those of the same name; PV_ENOMEM. */
enum pv_err pv_registry_join(json_t *whole, const json_t *page) PV_MUST_CHECK;

/* What is whole says no more that something follows; PV_ENOMEM. */
enum pv_err pv_registry_joined(json_t *whole) PV_MUST_CHECK;

/*
 * GET a view with all pages that follow as one document: lists are joined,
 * "next" is gone and "more" false. Errors as pv_registry_get_json.
 */
enum pv_err pv_registry_get_whole(const char *socket, const char *path,
                                  json_t       **ret,
                                  struct pv_why *why) PV_MUST_CHECK;

/* GET an answer that is JSON and 200; words of the problem otherwise. */
enum pv_err pv_registry_get_json(const char *socket, const char *path,
                                 json_t       **ret,
                                 struct pv_why *why) PV_MUST_CHECK;

/*
 * All records of a kind, id -> record, in the order of ids. query is "" or
 * further parameters, such as "&as_of=1401-06-20".
 */
enum pv_err pv_registry_records(const char *socket, const char *kind,
                                const char *query, json_t **ret,
                                struct pv_why *why) PV_MUST_CHECK;

#endif
