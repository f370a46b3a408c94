/*
 * base.h - a message as a signature sees it, and the bytes that are signed
 * (RFC 9421 section 2.5).
 *
 * Derived components: @method, @authority, @path, @target-uri of a request,
 * @status of an answer. Any other name is a field's. A field has one value;
 * who has several lines of it joins them with ", " first (RFC 9421 2.1).
 *
 * Ownership: a message borrows all it names.  Threads: any.  Blocks: never.
 */
#ifndef PV_HTTPSIG_BASE_H
#define PV_HTTPSIG_BASE_H

#include "base/buf.h"
#include "httpsig/input.h"

#define PV_HTTPSIG_BASE_MAX (16 * 1024)

struct pv_httpsig_field {
    struct pv_slice name; /* lower case */
    struct pv_slice value;
};

struct pv_httpsig_message {
    /* of a request; empty: not known here, so it cannot be covered */
    struct pv_slice method;
    struct pv_slice authority;
    struct pv_slice path;
    struct pv_slice target_uri;
    /* of an answer */
    unsigned                         status;  /* 0: this is a request */
    const struct pv_httpsig_message *request; /* that it answers, or NULL */

    const struct pv_httpsig_field *field;
    size_t                         field_count;
};

/* The field's value; false when the message has none. */
bool pv_httpsig_field_find(const struct pv_httpsig_message *message,
                           struct pv_slice name, struct pv_slice *ret);

/*
 * Append the signature base. PV_ENOTFOUND: a component that this message does
 * not have. PV_EINVAL: a value with a control character, a field twice.
 * PV_ERANGE, PV_ENOMEM: of out.
 */
enum pv_err pv_httpsig_base(const struct pv_httpsig_message *message,
                            const struct pv_httpsig_input   *input,
                            struct pv_buf                   *out) PV_MUST_CHECK;

#endif
