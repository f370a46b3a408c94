/*
 * view_findings.h - what the views of findings share. Private to registryd.
 */
#ifndef PV_REGISTRYD_VIEW_FINDINGS_H
#define PV_REGISTRYD_VIEW_FINDINGS_H

#include "view.h"

struct pv_asked {
    char party[PV_RECORD_ID_MAX + 1]; /* "" for all */
    char state[PV_RECORD_ID_MAX + 1];
};

/*
 * A list of what is still to be brought to the exchange, under that name:
 * custodians first, by that member of its rows. fn's context is a
 * struct pv_asked.
 */
enum pv_err pv_findings_backlog(struct pv_view_call *call, enum pv_kind kind,
                                pv_view_row_fn *fn, const char *name,
                                const char *member, json_t **ret) PV_MUST_CHECK;

#endif
