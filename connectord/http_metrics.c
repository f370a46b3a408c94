/* http_metrics.c - numbers for Prometheus: how calls ended, what waits. */
#include "connectord/http_private.h"

#include <string.h>

static const char *const outcome_word[PV_COUNTS] = {
    [PV_COUNT_ANSWERED] = "answered",
    [PV_COUNT_INVALID] = "invalid",
    [PV_COUNT_FAILED] = "failed",
    [PV_COUNT_TIMEOUT] = "timeout",
};

void
pv_metrics_count(struct pv_http *http, const char *outcome)
{
    for (size_t i = 0; i < PV_COUNTS; i++) {
        if (strcmp(outcome, outcome_word[i]) == 0) {
            http->count[i]++;
            return;
        }
    }
}

enum pv_err
pv_metrics_write(const struct pv_http *http, struct pv_buf *out)
{
    enum pv_err err;

    err = pv_buf_addf(
        out, "# HELP payvand_connector_calls_total Calls by how they ended.\n"
             "# TYPE payvand_connector_calls_total counter\n");
    for (size_t i = 0; err == PV_OK && i < PV_COUNTS; i++) {
        err = pv_buf_addf(out,
                          "payvand_connector_calls_total{outcome=\"%s\"} "
                          "%llu\n",
                          outcome_word[i], (unsigned long long)http->count[i]);
    }
    if (err == PV_OK) {
        err = pv_buf_addf(
            out,
            "# HELP payvand_connector_open Calls queued or with a worker.\n"
            "# TYPE payvand_connector_open gauge\n"
            "payvand_connector_open %zu\n",
            pv_pool_open_count(http->serving->pool));
    }
    if (err == PV_OK) {
        err = pv_buf_addf(
            out,
            "# HELP payvand_connector_services_waiting Service files that are "
            "not answered, for want of a contract or of what it needs.\n"
            "# TYPE payvand_connector_services_waiting gauge\n"
            "payvand_connector_services_waiting %zu\n",
            http->serving->config->waiting);
    }
    if (err == PV_OK && http->rights != NULL) {
        err = pv_rights_link_metrics(http->rights, out);
    }
    return err;
}
