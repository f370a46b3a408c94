/*
 * access.h - restricted records: who reads which. Private to registryd.
 *
 * Exemptions of classified things are read by those who decide on them and by
 * the agency that asked; persons by those who administer them and by
 * themselves. Everything else is open to every role and system.
 *
 * Threads: any. Blocks: never.
 */
#ifndef PV_REGISTRYD_ACCESS_H
#define PV_REGISTRYD_ACCESS_H

#include "caller.h"

enum pv_access {
    PV_ACCESS_NONE,
    PV_ACCESS_OWN, /* records of which pv_access_is_own() says so */
    PV_ACCESS_ALL,
};

enum pv_access pv_access_of(const struct pv_caller *caller, enum pv_kind kind);

/* Is the record of that id and body one's own? */
bool pv_access_is_own(const struct pv_caller *caller, enum pv_kind kind,
                      const char *id, const json_t *body);

/* May he ask which records of a kind refer to a record? */
bool pv_access_users(const struct pv_caller *caller, enum pv_kind target,
                     struct pv_slice id, enum pv_kind kind);

/*
 * {"decisions":[...]}: what he may not read is replaced by its number and
 * "restricted": true, so that the numbers stay without gaps.
 */
enum pv_err pv_access_mask(const struct pv_caller *caller,
                           struct pv_buf          *answer) PV_MUST_CHECK;

#endif
