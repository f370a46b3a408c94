/*
 * agreement_figures.h - one value of an agreement's terms, from the figures
 * of the trace. The measures stand in registryd/quality.h.
 *
 * Ownership: the caller clears the struct. Blocks: on trace and registry.
 */
#ifndef PV_CLI_AGREEMENT_FIGURES_H
#define PV_CLI_AGREEMENT_FIGURES_H

#include <jansson.h>

#include "trace_client.h"

struct pv_figures {
    struct pv_client client;   /* of the trace */
    const char      *registry; /* socket */
    json_t          *agencies; /* system -> its agency; owned */
};

void pv_figures_clear(struct pv_figures *figures);

/* Whose a system is, by the registry; "" when it is not known. Borrowed. */
const char *pv_figures_agency(struct pv_figures *figures, const char *system);

/*
 * What a term of an agreement's body was in its last whole period before
 * `day`, as {"measure","value","from","until"} in *ret, NULL when there was
 * nothing to measure. exchange is the party that is the exchange; of the other
 * two the consumer is the one that does not provide. An exit code; words were
 * said to stderr.
 */
int pv_figures_measure(struct pv_figures *figures, const json_t *agreement,
                       const json_t *term, const char *exchange, int64_t day,
                       json_t **ret);

#endif
