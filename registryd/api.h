/*
 * api.h - /registry/v1 over lib/http. Private to registryd.
 *
 *   POST decisions               an object, or an array of up to PV_BATCH_MAX
 *   GET  decisions?after=&count=
 *   GET  status
 *   GET  openapi.json            of all this, for nobody in particular
 *   GET  proof/{number}          that a decision stands in the log
 *   GET  log/checkpoint          the signed head of the log (C2SP)
 *   GET  log/tile/{l}/{n}        its hashes (C2SP tlog-tiles)
 *   GET  feed?from=N&wait=S      a batch behind decision N (feed.h); waits up
 *                                to S seconds, at most 30, for one; 503
 *                                where too many wait
 *   GET  rights?agency=A&known=HEX&wait=S   what concerns an agency, signed
 *                                (rights/rights.h); without its body when
 *                                that is the one known, then after S seconds;
 *                                503 where too many wait
 *   GET  {kind}?after=&count=&state= | as_of=1401-06-20 | at=NUMBER
 *   GET  {kind}/{id}?as_of= | at=
 *   GET  history/{kind}/{id}
 *   GET  users/{kind}/{id}?of={kind}&after=&count=
 *   POST first                   {code, person, name_fa, password}
 *   POST enrol                   {person, code, password}
 *   POST session                 {person, password, code[, role, of]}
 *   GET  session, DELETE session
 *   POST session/role            {role, of}
 *   POST session/password        {old, new}
 *   POST sign-in-by              {issuer, subject}: for payvand-sign-in alone
 *   POST invitations             {person[, reason]}
 *   GET  views/{view}[/{id}]?as_of= | at=&format=json|html|csv&lang=fa|en ...
 *                                see view.h
 *
 * Beside it, for whoever checks a certificate:
 *   GET  /pki/authorities.pem    the registered authorities' certificates
 *   GET  /pki/crl/{authority}    the list of revoked ones (RFC 5280, DER)
 *   POST /pki/ocsp               a request and an answer of RFC 6960, DER
 *
 * A session is the cookie __Host-payvand; every change by it shows its csrf
 * value in the header Payvand-Csrf, too. A person's decision is in his own name
 * and in the role of his session; absent, actor, role and of are filled in.
 *
 * Answers are JSON; errors are problem+json with titles in both languages. A
 * refusal is 422 and names the rule; a database that is busy or gone is 503
 * with Retry-After, and the decision may be sent again under its key.
 */
#ifndef PV_REGISTRYD_API_H
#define PV_REGISTRYD_API_H

#include "caller.h"
#include "heads.h"
#include "http/server.h"
#include "reader.h"

/* Whom a socket is for. */
enum pv_face {
    PV_FACE_CONSOLE,
    PV_FACE_WEB,     /* nginx, for people and systems */
    PV_FACE_SIGN_IN, /* payvand-sign-in, and that alone */
};

#define PV_API_CONNECTIONS_MAX 1024                     /* of one socket */
#define PV_API_WAITERS_MAX (PV_API_CONNECTIONS_MAX / 2) /* for news */
#define PV_API_FEEDS_MAX 64       /* that wait for the feed, of one socket */
#define PV_API_FEEDS_OF_ONE_MAX 4 /* of one node, and its restarts */
#define PV_API_KEPT_MAX ((size_t)64 * 1024 * 1024) /* bytes, of a socket */

struct pv_api;

/* The first member of whatever a call's ->state points at. */
struct pv_api_state {
    pv_server_forget_fn *forget;
};

/* Who asks for rights, as a call's ->state; owned by it. */
struct pv_api_waiter {
    struct pv_api_state      state;
    struct pv_api           *api; /* borrowed */
    struct pv_api_waiter    *next;
    bool                     for_news; /* and not yet for the signer */
    struct pv_heads_question question; /* ->agency in either case */
    struct pv_buf            body;     /* to be sent behind the note */
};

/* Who waits for the feed, as a call's ->state. */
struct pv_api_feeder {
    struct pv_api_state state;
    bool                waits;
    char                system[PV_RECORD_ID_MAX + 1]; /* "": the console */
};

/* One socket. */
struct pv_api {
    struct pv_registry   *registry; /* borrowed */
    struct pv_issuing    *issuing;  /* borrowed */
    struct pv_people     *people;   /* borrowed */
    struct pv_heads      *heads;    /* borrowed */
    struct pv_reader     *reader;   /* borrowed; NULL: in the reader itself */
    enum pv_face          face;
    struct pv_caller      caller; /* of the call being answered */
    struct pv_api_waiter *waiter; /* all of this socket */
    struct pv_api_feeder  feeder[PV_API_FEEDS_MAX];
};

/* api_log.c */
pv_server_fn pv_api_checkpoint;
pv_server_fn pv_api_tile;
pv_server_fn pv_api_feed;

/* api_rights.c */
pv_server_fn pv_api_rights;
pv_server_fn pv_api_contract;

/* api_pki.c */
pv_server_fn pv_api_crl;
pv_server_fn pv_api_ocsp;
pv_server_fn pv_api_ocsp_get;
pv_server_fn pv_api_authorities;

extern const struct pv_server_route pv_api_route[];
extern const size_t                 pv_api_route_count;

/* What the reader answers (reader.h), by the beginning of the path. */
extern const struct pv_server_route pv_api_read_route[];
extern const size_t                 pv_api_read_route_count;

/* When a call with a ->state has ended. */
pv_server_forget_fn pv_api_forget;

/* Who calls, and may he? Sets ->caller; see pv_api_need. (api_admit.c) */
pv_server_admit_fn pv_api_admit;

/* The one mapping from errors to answers. (api.c) */
void pv_api_error(struct pv_server_call *call, enum pv_err err);
void pv_api_too_many(struct pv_server_call *call); /* that wait */
void pv_api_refusal(struct pv_server_call   *call,
                    const struct pv_refusal *refusal);

/* Routes of persons. (api_people.c) */
pv_server_fn pv_api_first;
pv_server_fn pv_api_enrol;
pv_server_fn pv_api_sign_in;
pv_server_fn pv_api_sign_in_by;
pv_server_fn pv_api_session;
pv_server_fn pv_api_sign_out;
pv_server_fn pv_api_role;
pv_server_fn pv_api_password;
pv_server_fn pv_api_invite;

/* The OpenAPI document; PV_ESTATE: a route is not described. (openapi.c) */
enum pv_err pv_api_openapi(struct pv_buf *out) PV_MUST_CHECK;

/* The answer of a view; ret_type is a literal. Errors as view.h. */
enum pv_err pv_api_view(const struct pv_api *api, struct pv_server_call *call,
                        const char **ret_type) PV_MUST_CHECK;

#endif
