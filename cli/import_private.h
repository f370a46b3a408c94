/*
 * import_private.h - what the files of the import share.
 */
#ifndef PV_CLI_IMPORT_PRIVATE_H
#define PV_CLI_IMPORT_PRIVATE_H

#include <jansson.h>

#include "import.h"
#include "policy/address.h"

struct pv_import {
    const struct pv_import_options *options;
    struct pv_import_report        *report;
    struct pv_image                *image;
    const char                     *file; /* being read, for complaints */
    /* the files; owned */
    json_t *agencies;
    json_t *services;
    json_t *grants;
    json_t *resolutions;
    json_t *registries;
    json_t *enactment;
    json_t *deployment;
    json_t *overlay;
    /* id -> row, borrowed rows in owned objects */
    json_t *agency;
    json_t *enacted; /* agencies of enactment.json */
    json_t *unit;
    json_t *service;
    json_t *methods; /* by service */
    json_t *system;
    json_t *code; /* by service */
    json_t *live; /* go_live by service */
    json_t *live_grant;
    json_t *term;
    json_t *grant;
    json_t *resolution;
    json_t *deployed;        /* systems of the deployment */
    json_t *endpoint;        /* by system */
    json_t *deployed_method; /* by path */
    json_t *seq;             /* "agency/method/level/subject" -> next */
    json_t *key_holder;      /* key hash -> system */
    bool    loopback;        /* loopback endpoints are allowed */
};

/* ---- import_json.c: files, members, complaints ---- */

/* Say what is wrong with a row; the import goes on to find more. */
void pv_complain(struct pv_import *import, const char *row, const char *format,
                 ...) PV_PRINTF(3, 4);

/* PV_EINVAL and a complaint when the file is not JSON. */
enum pv_err pv_import_file(struct pv_import *import, const char *dir,
                           const char *name, json_t **ret) PV_MUST_CHECK;

/* Members; the empty slice, NULL, false when absent or of another type. */
struct pv_slice pv_text(const json_t *row, const char *name);
const char     *pv_cstr(const json_t *row, const char *name); /* never NULL */
bool            pv_true(const json_t *row, const char *name);

/* Copy text into an id; false (and a complaint) when it is no id. */
bool pv_to_id(struct pv_import *import, const char *row, struct pv_slice text,
              struct pv_id *ret);

/* A whole number in [0, max]; false and a complaint otherwise. */
bool pv_to_number(struct pv_import *import, const char *row, const char *name,
                  const json_t *value, uint64_t max, uint64_t *ret);

/* Index array by the member key; complains about missing and double keys. */
enum pv_err pv_index(struct pv_import *import, const json_t *array,
                     const char *key, json_t **ret) PV_MUST_CHECK;

/*
 * Complain about members that are not in the list (NULL ends it), and about
 * flags that are neither true nor false.
 */
void pv_known(struct pv_import *import, const char *row, const json_t *object,
              const char *const *names);

/* ---- import_values.c: dates, addresses, hours ---- */

/*
 * {"jalali","gregorian"} (which must agree), "YYYY-MM-DD" or an RFC 3339 UTC
 * time; end: the first moment after that day. NULL and null give 0. False and
 * a complaint otherwise.
 */
bool pv_to_when(struct pv_import *import, const char *row, const char *name,
                const json_t *value, bool end, int64_t *ret);

/* Why an endpoint may not be there; NULL when it may. */
const char *pv_forbidden(const struct pv_import *import,
                         const uint8_t address[16], uint16_t port);

/* deadline_ms, hours, notices ... of a deployed method into its row. */
void pv_method_settings(struct pv_import *import, const char *row,
                        const json_t *settings, struct pv_method_row *method);
/* purposes, quota, consent, dates of a grant's terms into its row. */
void pv_grant_terms(struct pv_import *import, const char *row,
                    const json_t *terms, struct pv_grant_row *grant);
/* {"from"|"since","until"} */
bool pv_to_span(struct pv_import *import, const char *row, const json_t *span,
                int64_t *ret_since, int64_t *ret_until);

/* ---- import_parties.c ---- */

enum pv_err pv_import_parties(struct pv_import *import) PV_MUST_CHECK;
/* Networks and key of a deployed system into its row. */
void pv_system_settings(struct pv_import *import, const char *row,
                        const json_t           *settings,
                        struct pv_image_system *system_row);

/* ---- import_endpoints.c ---- */

/* Address, port, name and pin; false and a complaint. */
bool        pv_endpoint_row(struct pv_import *import, const char *row,
                            const json_t *settings, const struct pv_network *network,
                            size_t network_count, struct pv_image_endpoint *ret);
enum pv_err pv_import_revoked(struct pv_import *import,
                              const json_t     *rows) PV_MUST_CHECK;

/* ---- import_services.c ---- */

enum pv_err pv_import_services(struct pv_import *import) PV_MUST_CHECK;
/* /x/provider/service/version/method into room; false when there is none. */
bool pv_method_path(const struct pv_import *import, const char *service,
                    const char *method, char room[PV_POLICY_PATH_MAX + 1]);
bool pv_service_is_live(const struct pv_import *import, const char *service);

/* ---- import_grants.c ---- */

enum pv_err pv_import_grants(struct pv_import *import) PV_MUST_CHECK;
enum pv_err pv_import_put_grant(struct pv_import      *import,
                                struct pv_image_place *place,
                                struct pv_grant_row   *row) PV_MUST_CHECK;
/* Consumer, unit and system of a row into a place; false and a complaint. */
bool pv_grant_place(struct pv_import *import, const char *row,
                    const char *consumer, const char *unit,
                    const char *system_id, const char *path,
                    struct pv_image_place *ret);

/* ---- import_probes.c, import_set.c ---- */

enum pv_err pv_import_probes(struct pv_import *import) PV_MUST_CHECK;
enum pv_err pv_import_set(struct pv_import *import) PV_MUST_CHECK;

#endif
