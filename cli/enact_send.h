/*
 * enact_send.h - a list of decisions to the registry, day by day.
 */
#ifndef PV_CLI_ENACT_SEND_H
#define PV_CLI_ENACT_SEND_H

#include "cmd.h"
#include "enact.h"

struct pv_enact_totals {
    long long sent;
    long long repeated; /* of them, known before */
    long long last;     /* number of the last decision of all */
};

/*
 * Send the steps up to the day `until`; up to a thousand of one day are one
 * transaction. False after a message when the registry refuses or is not
 * there: what was accepted before stands, and is not decided again.
 */
bool pv_enact_send(const char *socket, enum pv_lang lang,
                   const struct pv_enact *enact, int64_t until,
                   struct pv_enact_totals *totals);

/* Write them to standard output, one a line. */
bool pv_enact_list(const struct pv_enact *enact, int64_t until);

#endif
