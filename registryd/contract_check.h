/*
 * contract_check.h - whether a version's contract is one (lib/contract), for
 * the registry; apart, because both speak of checks. Threads: any. Blocks:
 * never.
 */
#ifndef PV_REGISTRYD_CONTRACT_CHECK_H
#define PV_REGISTRYD_CONTRACT_CHECK_H

#include <jansson.h>

#include "base/err.h"
#include "base/slice.h"

/* What a version says of itself; methods: [{"id", "pattern", ...}]. */
struct pv_contract_of {
    const char   *provider;
    const char   *service;
    const char   *version;
    const json_t *methods;
};

/*
 * Compile a document (contract/document.h) and hold it against its version: of
 * the same names, with the same methods of the same patterns (what the version
 * calls a verify may be an inquiry). PV_EINVAL and the
 * like with words in why; PV_ENOMEM.
 */
enum pv_err pv_contract_check(struct pv_slice              document,
                              const struct pv_contract_of *of,
                              struct pv_why               *why) PV_MUST_CHECK;

#endif
