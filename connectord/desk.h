/*
 * desk.h - what the page and the command line ask the keeper.
 *
 * A connection to the desk's Unix socket carries one JSON object each way: the
 * asker writes its own and shuts down its side, the keeper answers and closes.
 * Only processes of one user may connect (SO_PEERCRED); whoever may, has
 * already made sure who the person is.
 *
 *   {"do":"terms"}         {"services":[{"service","title_fa","title_en",
 *                          "months","uses"}],"agencies":[{"id","title_fa",
 *                          "title_en"}]}
 *   {"do":"issue","person","agency","service","purpose"}
 *                          {"number","ends","ends_jalali","uses"}
 *   {"do":"list","person"} {"consents":[{"id","agency","agency_fa",
 *                          "agency_en","service","service_fa","service_en",
 *                          "purpose","made","made_jalali","ends",
 *                          "ends_jalali","uses","used","state"}]}
 *   {"do":"withdraw","person","id"}    {"withdrawn":true}
 *   {"do":"who-asked","person","all"}  {"calls":[{"at","at_jalali","agency",
 *                          "agency_fa","agency_en","consumer","path",
 *                          "service_fa","service_en","tracking_id","grant",
 *                          "outcome","told_from"}]}
 *
 * "service" is provider/service/v1, or empty: any that needs a number. "state"
 * is valid, used-up, expired or withdrawn. Times are UTC; *_jalali the day in
 * Tehran. Whatever cannot be done: {"error":WORD}: request, person, agency,
 * service, purpose, not-found, not-kept.
 *
 * Threads: one. Blocks: on the store.
 */
#ifndef PV_CONNECTORD_DESK_H
#define PV_CONNECTORD_DESK_H

#include "connectord/config.h"
#include "connectord/keeper_store.h"

#define PV_DESK_REQUEST_MAX (8 * 1024)
#define PV_DESK_ANSWER_MAX (1024 * 1024)
#define PV_DESK_PURPOSE_MAX 300 /* bytes */

/* Append the answer to out. An error is of the store: nothing is to be kept. */
enum pv_err pv_desk_answer(struct pv_keeper_store           *store,
                           const struct pv_connector_config *config,
                           struct pv_slice request, int64_t when_ms,
                           struct pv_buf *out) PV_MUST_CHECK;

/* {"error":word}; PV_ERANGE, PV_ENOMEM. */
enum pv_err pv_desk_refuse(const char *word, struct pv_buf *out) PV_MUST_CHECK;

#endif
