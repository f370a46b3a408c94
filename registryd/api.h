/*
 * api.h - /registry/v1 over lib/http. Private to registryd.
 *
 *   POST decisions               an object, or an array of up to PV_BATCH_MAX
 *   GET  decisions?after=&count=
 *   GET  status
 *   GET  proof/{number}          that a decision stands in the log
 *   GET  {kind}?after=&count=&state= | as_of=1401-06-20 | at=NUMBER
 *   GET  {kind}/{id}?as_of= | at=
 *   GET  history/{kind}/{id}
 *   GET  users/{kind}/{id}?of={kind}&after=&count=
 *   GET  views/{view}[/{id}]?as_of= | at=&format=json|html|csv&lang=fa|en ...
 *                                see view.h
 *
 * Answers are JSON; errors are problem+json with titles in both languages. A
 * refusal is 422 and names the rule; a database that is busy or gone is 503
 * with Retry-After, and the decision may be sent again under its key.
 */
#ifndef PV_REGISTRYD_API_H
#define PV_REGISTRYD_API_H

#include "http/server.h"
#include "registry.h"

struct pv_api {
    struct pv_registry *registry; /* borrowed */
};

extern const struct pv_server_route pv_api_route[];
extern const size_t                 pv_api_route_count;

/* The answer of a view; ret_type is a literal. Errors as view.h. */
enum pv_err pv_api_view(struct pv_registry    *registry,
                        struct pv_server_call *call,
                        const char           **ret_type) PV_MUST_CHECK;

#endif
