/*
 * report_place.h - figures of the calls of one province or county: of
 * systems whose unit stands there, as the registry has it.
 *
 * Ownership: the caller's. Blocks: on the registry.
 */
#ifndef PV_CLI_REPORT_PLACE_H
#define PV_CLI_REPORT_PLACE_H

#include <jansson.h>

/*
 * Leaves in the page's rows those of consumers whose unit is of the province
 * and the county; either may be NULL. Who has no unit is in none. An exit code;
 * words were said to stderr.
 */
int pv_report_place(const char *registry, const char *province,
                    const char *county, json_t *page);

#endif
