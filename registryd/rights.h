/*
 * rights.h - what concerns one agency, as its connectors are told: the
 * body of a state of lib/rights. Private to registryd.
 */
#ifndef PV_REGISTRYD_RIGHTS_H
#define PV_REGISTRYD_RIGHTS_H

#include "decide.h"

/*
 * Canonical JSON behind what out holds: live grants that the agency gives or
 * holds, those of its groups, whose names are told, the modes in force of its
 * services and those that let it call, the versions of its services, its
 * systems that are a unit's, the contracts of all versions that it offers or
 * may call, and the announced code maps that its versions name. The
 * same records give the same bytes. PV_ENOTFOUND: there is no such agency.
 */
enum pv_err pv_agency_rights(struct pv_registry *registry, const char *agency,
                             struct pv_buf *out) PV_MUST_CHECK;

#endif
