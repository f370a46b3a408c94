/*
 * input.h - the fields Signature-Input and Signature (RFC 9421 sections 4.1
 * and 4.2), as structured fields (RFC 9651), in the one form that is taken.
 *
 *   Signature-Input: <label>=("<name>" "<name>";req ...);<parameter>...
 *   Signature:       <label>=:<base64>:
 *
 * Stricter than the RFCs, so that what is signed has one spelling: one member
 * a field, one blank between components, none elsewhere, no escape in a
 * string, no parameter of a component but req, no component and no parameter
 * twice, canonical base64. The parameters are created, expires (whole
 * seconds), keyid, nonce, alg, tag (strings), in any order.
 *
 * Ownership: slices are borrowed from the value.  Threads: any.
 * Blocks:    never.
 */
#ifndef PV_HTTPSIG_INPUT_H
#define PV_HTTPSIG_INPUT_H

#include "base/slice.h"

#define PV_HTTPSIG_COMPONENTS_MAX 16
#define PV_HTTPSIG_TEXT_MAX 128 /* of a name or a string parameter */
#define PV_HTTPSIG_INPUT_MAX 2048
#define PV_HTTPSIG_SIGNATURE_LEN 64 /* of both algorithms */
#define PV_HTTPSIG_NO_TIME (-1)
#define PV_HTTPSIG_TIME_MAX INT64_C(999999999999999) /* RFC 9651 3.3.1 */

struct pv_httpsig_component {
    struct pv_slice name; /* lower case; "@..." when derived */
    bool            req;  /* of the request that an answer belongs to */
};

struct pv_httpsig_input {
    struct pv_slice             label;
    struct pv_slice             params; /* from "(" on, as it stands */
    struct pv_httpsig_component component[PV_HTTPSIG_COMPONENTS_MAX];
    size_t                      component_count;
    int64_t                     created; /* or PV_HTTPSIG_NO_TIME */
    int64_t                     expires;
    struct pv_slice             keyid; /* empty: not said */
    struct pv_slice             nonce;
    struct pv_slice             alg;
    struct pv_slice             tag;
};

/* PV_EINVAL: another form. PV_ERANGE: past a maximum. */
enum pv_err pv_httpsig_input_read(struct pv_slice          value,
                                  struct pv_httpsig_input *ret) PV_MUST_CHECK;

/* The bytes of the signature with this label. PV_EINVAL: there is none. */
enum pv_err
pv_httpsig_signature_read(struct pv_slice value, struct pv_slice label,
                          uint8_t ret[PV_HTTPSIG_SIGNATURE_LEN]) PV_MUST_CHECK;

/* Is the component covered, with or without req as asked? */
bool pv_httpsig_covers(const struct pv_httpsig_input *input,
                       struct pv_slice name, bool req);

#endif
