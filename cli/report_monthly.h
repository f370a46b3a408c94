/*
 * report_monthly.h - the month's figures, a file for each who is to have them
 * a provider the calls on its services, a consumer its own calls, the
 * working group all.
 *
 * Ownership: the caller's. Blocks: on the registry and on files.
 */
#ifndef PV_CLI_REPORT_MONTHLY_H
#define PV_CLI_REPORT_MONTHLY_H

#include <jansson.h>
#include <stdbool.h>

#define PV_MONTH_DAY_ROOM 11 /* "1405-08-01" and a NUL */

/*
 * The first day of a Jalali month "1405-08" and the day behind its last; of
 * NULL the last whole month. False: it is no month.
 */
bool pv_report_month(const char *month, char from[PV_MONTH_DAY_ROOM],
                     char until[PV_MONTH_DAY_ROOM]);

/*
 * Write working-group.csv, AGENCY-provider.csv and AGENCY-consumer.csv into a
 * folder that is there; what stood there under these names is replaced. *ret:
 * {"rows":[{"file","count"}]}. An exit code; words were said to stderr.
 */
int pv_report_monthly(const char *registry, const char *folder,
                      const json_t *rollups, json_t **ret);

#endif
