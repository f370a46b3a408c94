/*
 * overlay.h - rows of a live image changed directly. A helper of the tests:
 * an exchange changes its image by decisions of the registry alone.
 *
 * What does not hold together is refused as a whole: every complaint names
 * the row and the reason, and nothing is written.
 */
#ifndef PV_TESTS_OVERLAY_H
#define PV_TESTS_OVERLAY_H

#include <jansson.h>

#include "base/buf.h"
#include "policy/address.h"
#include "policy/image.h"

struct pv_import {
    struct pv_image *image;
    json_t          *overlay; /* the file; owned */
    size_t           complaints;
    bool             loopback; /* loopback endpoints are allowed */
};

/* ---- json.c: members, complaints ---- */

/* Say what is wrong with a row; the import goes on to find more. */
void pv_complain(struct pv_import *import, const char *row, const char *format,
                 ...) PV_PRINTF(3, 4);

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

/*
 * Complain about members that are not in the list (NULL ends it), and about
 * flags that are neither true nor false.
 */
void pv_known(struct pv_import *import, const char *row, const json_t *object,
              const char *const *names);

/* ---- values.c: dates, addresses, hours ---- */

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

/* ---- places.c ---- */

/* Networks and key of a deployed system into its row. */
void pv_system_settings(struct pv_import *import, const char *row,
                        const json_t           *settings,
                        struct pv_image_system *system_row);

/* ---- endpoints.c ---- */

/* Address, port, name and pin; false and a complaint. */
bool        pv_endpoint_row(struct pv_import *import, const char *row,
                            const json_t *settings, const struct pv_network *network,
                            size_t network_count, struct pv_image_endpoint *ret);
enum pv_err pv_import_revoked(struct pv_import *import,
                              const json_t     *rows) PV_MUST_CHECK;

/* ---- places.c ---- */

/* Consumer, unit and system of a row into a place; false and a complaint. */
bool pv_grant_place(struct pv_import *import, const char *row,
                    const char *consumer, const char *unit,
                    const char *system_id, const char *path,
                    struct pv_image_place *ret);

/* ---- rows.c ---- */

/* Every row of the overlay into the image's transaction. */
enum pv_err pv_import_set(struct pv_import *import) PV_MUST_CHECK;

#endif
