/*
 * report_demand.h - how much each service is asked for: requests, rights and
 * modes from the registry, calls from the trace, in one list.
 *
 * Ownership: the caller's. Blocks: on the registry.
 */
#ifndef PV_CLI_REPORT_DEMAND_H
#define PV_CLI_REPORT_DEMAND_H

#include <jansson.h>

/*
 * {"rows":[{"service","provider","requests","open_requests","grants","modes",
 * "calls"}]} of a page of roll-ups, what is asked for most first, into *ret.
 * An exit code; words were said to stderr.
 */
int pv_report_demand(const char *registry, const json_t *rollups, json_t **ret);

#endif
