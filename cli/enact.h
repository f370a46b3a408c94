/*
 * enact.h - the catalogue as the decisions that the life cycles demand.
 *
 * pv_enact_read makes the whole list, in the order in which it happened: who
 * takes part, meetings, resolutions with what they order and grant, requests,
 * passports, readiness, going live. What the documents do not say is marked
 * basis: proposed. Each decision has a key of its own, so that a list sent
 * again decides nothing twice.
 *
 * Ownership: the caller owns the struct; pv_enact_clear.
 * Threads:   one. Blocks: on files.
 */
#ifndef PV_CLI_ENACT_H
#define PV_CLI_ENACT_H

#include <jansson.h>

#include "base/buf.h"
#include "contract/data_item.h"

/* The order within one day. */
enum pv_enact_phase {
    PV_ENACT_BODIES,
    PV_ENACT_AGENCIES,
    PV_ENACT_PARTS, /* units, clusters, registers, items */
    PV_ENACT_SYSTEMS,
    PV_ENACT_MEETINGS, /* planned, invited */
    PV_ENACT_SERVICES, /* that exist already, and their passports */
    PV_ENACT_REQUESTS,
    PV_ENACT_HELD,
    PV_ENACT_RESOLUTIONS,
    PV_ENACT_MINUTES,
    PV_ENACT_NOTIFIED,
    PV_ENACT_PASSPORTS, /* of what was ordered */
    PV_ENACT_TESTED,
    PV_ENACT_PROVIDER_READY,
    PV_ENACT_SERVICE_LIVE,
    PV_ENACT_CONSUMER_READY,
    PV_ENACT_GRANT_LIVE,
};

struct pv_enact_step {
    int64_t             day;
    enum pv_enact_phase phase;
    size_t              number; /* in the order of making */
    json_t             *decision;
};

struct pv_enact {
    const char *dir;
    bool        probes;         /* the synthetic rights too */
    bool        probe_services; /* every service live, by synthetic decisions */
    const char *source; /* begins the keys; NULL: decisions without a key */
    json_t     *agencies;
    json_t     *clusters;
    json_t     *registries;
    json_t     *data_items;
    json_t     *services;
    json_t     *grants;
    json_t     *resolutions;
    json_t     *obligations;
    json_t     *enactment;
    json_t     *enacted; /* agency -> its row of enactment.json */
    json_t     *unit;    /* by id */
    json_t     *service;
    json_t     *methods; /* by service */
    json_t     *code;    /* by service */
    json_t     *live;    /* by service */
    json_t     *live_grant;
    json_t     *term;     /* by grant */
    json_t     *grant;    /* by id */
    json_t     *notified; /* resolution -> day */

    struct pv_data_items *items; /* of contracts; NULL: not read yet */

    struct pv_enact_step *step; /* owned, sorted by pv_enact_read */
    size_t                count;
    size_t                room;
    enum pv_err           err; /* the first that happened */
    struct pv_why         why;
};

/*
 * Read the catalogue in dir, with its probes or without, and with its probes
 * of services or without; words in ->why. PV_EINVAL, PV_ENOMEM.
 */
enum pv_err pv_enact_read(const char *dir, bool probes, bool probe_services,
                          struct pv_enact *ret) PV_MUST_CHECK;
void        pv_enact_clear(struct pv_enact *enact);

/* ---- shared by the files ---- */

struct pv_enact_who {
    const char *role;
    const char *of;
};

/* Who decides in the name of the council's secretariat. */
#define PV_ENACT_WG "interoperability-working-group"
#define PV_ENACT_SECRETARIAT ((struct pv_enact_who){"secretariat", PV_ENACT_WG})
#define PV_ENACT_OPERATOR                                                      \
    ((struct pv_enact_who){"operator", "information-technology-organisation"})

/*
 * Add a decision of that Jalali day; data is taken, also on failure. Does
 * nothing after the first error.
 */
void pv_enact_add(struct pv_enact *enact, const char *day,
                  enum pv_enact_phase phase, struct pv_enact_who who,
                  const char *kind, const char *id, const char *event,
                  json_t *data);

/* The contract's document of a service; NULL: it has none, or ->err. */
json_t *pv_enact_contract(struct pv_enact *enact, const char *provider,
                          const char *service);

/* Copy members that are there and not null into data. */
void pv_enact_copy(struct pv_enact *enact, json_t *data, const json_t *from,
                   const char *const *names);
void pv_enact_set(struct pv_enact *enact, json_t *data, const char *name,
                  json_t *value); /* taken */
void pv_enact_fail(struct pv_enact *enact, const char *format, ...)
    PV_PRINTF(2, 3);

const char *pv_enact_text(const json_t *row, const char *name);
/* The Jalali day of a member {"jalali":...}; NULL when there is none. */
const char *pv_enact_day(const json_t *row, const char *name);

/* enact_parties.c, enact_services.c, enact_rights.c, enact_bodies.c,
 * enact_probes.c, enact_probe_services.c */
void pv_enact_parties(struct pv_enact *enact);
void pv_enact_services(struct pv_enact *enact);
void pv_enact_requests(struct pv_enact *enact);
void pv_enact_meetings(struct pv_enact *enact);
void pv_enact_go_live(struct pv_enact *enact);
void pv_enact_probes(struct pv_enact *enact);
void pv_enact_probe_services(struct pv_enact *enact);

/* A synthetic meeting with its resolution, which grants and opens; both
 * arrays are borrowed. */
void pv_enact_probe_resolution(struct pv_enact *enact, const char *meeting,
                               const json_t *resolution, json_t *grants,
                               json_t *modes);

/* A request for a synthetic right, filed, agreed and endorsed; data is taken.
 */
void pv_enact_probe_request(struct pv_enact *enact, const char *day,
                            const char *id, const char *provider, json_t *data);

/* A row as of go_live: the service goes live, and its grants with it. */
void pv_enact_service_live(struct pv_enact *enact, const json_t *row);

/* A meeting from its plan to its minutes; its resolutions come beside it. */
void pv_enact_meeting(struct pv_enact *enact, const json_t *meeting);

/* It exists already; the others are ordered by a resolution. */
bool pv_enact_is_existing(const json_t *service);

/* "service/v1", of a service of the catalogue. */
#define PV_ENACT_ID_ROOM 256
void pv_enact_version(const struct pv_enact *enact, const char *service,
                      char room[PV_ENACT_ID_ROOM]);

/* One thing of an item of a resolution; a new object. */
json_t *pv_enact_order(struct pv_enact *enact, const char *service);
json_t *pv_enact_grant(struct pv_enact *enact, const json_t *grant);
json_t *pv_enact_duty(struct pv_enact *enact, const json_t *commitment);

/* Does the right begin with a request, on the day of its resolution? */
bool pv_enact_needs_request(struct pv_enact *enact, const json_t *grant);

/* The day of the meeting of a resolution; NULL. */
const char *pv_enact_resolution_day(const struct pv_enact *enact,
                                    const char            *resolution);

#endif
