/*
 * view_meeting.h - matters of an agenda, and who is invited to its items
 * . Private to registryd's views.
 */
#ifndef PV_REGISTRYD_VIEW_MEETING_H
#define PV_REGISTRYD_VIEW_MEETING_H

#include "rules.h"
#include "view.h"

/*
 * {"kind","id","state","day","text_fa","text_en","parties":[{"id","as",...}]}
 * of a record; a new reference, NULL without memory. Its parties are what the
 * fields of its kind name: consumer, provider, responsible ...
 */
json_t *pv_view_matter(struct pv_view_call *call, enum pv_kind kind,
                       const char *id, const struct pv_record *record);

/* Was the commitment made by a resolution of that body? */
enum pv_err pv_view_is_of_body(struct pv_view_call *call, const json_t *duty,
                               const char *body, bool *ret) PV_MUST_CHECK;

/*
 * Add to a view with "items" (with "row" and "matters"): of each item
 * "invited" - the parties of its matters, and who leads their clusters - and
 * to the view "members" (who holds a seat in the body, and its seats) and
 * "invitations": each party once, with its rows.
 */
enum pv_err pv_view_invite(struct pv_view_call *call, const char *body,
                           json_t *view) PV_MUST_CHECK;

#endif
