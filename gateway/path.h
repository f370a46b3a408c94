/*
 * path.h - the one canonical form of a call's path.
 *
 *     /x/{provider}/{service}/{version}/{method}
 *
 *     provider, service, method   [a-z0-9]([a-z0-9-]*[a-z0-9])?
 *     version                     v[1-9][0-9]*
 *
 * Nothing else is a path: no escape, dot segment, double or trailing slash,
 * upper case, query, fragment, scheme, blank or byte above 0x7e. What was
 * checked is what is looked up and what is forwarded, byte for byte.
 *
 * Ownership: slices borrow the bytes given.  Threads: any.  Blocks: never.
 */
#ifndef PV_GATEWAY_PATH_H
#define PV_GATEWAY_PATH_H

#include "base/slice.h"

#define PV_PATH_ID_MAX 64     /* provider, service, method */
#define PV_PATH_VERSION_MAX 8 /* "v" and its digits */
#define PV_PATH_MAX (3 + 3 * PV_PATH_ID_MAX + PV_PATH_VERSION_MAX + 3)

struct pv_path {
    struct pv_slice provider;
    struct pv_slice service;
    struct pv_slice version;
    struct pv_slice method;
};

/*
 * Check the bytes of a request target and cut them. PV_EINVAL when they are
 * not canonical, PV_ERANGE when a part is past its maximum. Law: "/x/" and
 * the four parts joined by "/" are the input.
 */
enum pv_err pv_path_parse(struct pv_slice raw,
                          struct pv_path *ret_path) PV_MUST_CHECK;

#endif
