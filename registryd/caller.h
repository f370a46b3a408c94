/*
 * caller.h - who calls the API, and what he may read. Private to registryd.
 *
 * On the console's socket it is the machine's owner. Behind nginx it is the
 * person of a session (a cookie), or the system whose certificate nginx has
 * checked; what nginx says of it is believed on nginx's socket only. A person
 * with the role of a session decides and reads; a system reads what its agency
 * may and decides nothing, for rights are given by persons.
 *
 * Threads: one. Blocks: on the database.
 */
#ifndef PV_REGISTRYD_CALLER_H
#define PV_REGISTRYD_CALLER_H

#include "http/server.h"
#include "people.h"

enum pv_caller_kind {
    PV_CALLER_NOBODY,
    PV_CALLER_CONSOLE,
    PV_CALLER_PERSON,
    PV_CALLER_SYSTEM,
    PV_CALLER_SIGN_IN, /* the program that asks a national sign-in */
};

#define PV_CALLER_BY_MAX (PV_RECORD_ID_MAX + 8)

struct pv_caller {
    enum pv_caller_kind kind;
    struct pv_session   session; /* of a person */
    char                token[PV_TOKEN_LEN + 1];
    char                system[PV_RECORD_ID_MAX + 1];
    char                agency[PV_RECORD_ID_MAX + 1]; /* of a system */
    bool                is_node; /* a system that is a gateway of ours */
    char                by[PV_CALLER_BY_MAX + 1]; /* of its decisions */
};

/*
 * From cookie and certificate of a call behind nginx; what is not good is
 * nobody. Errors are the database's.
 */
enum pv_err pv_caller_find(struct pv_registry          *registry,
                           struct pv_people            *people,
                           const struct pv_server_call *call,
                           struct pv_caller            *ret) PV_MUST_CHECK;

/* Has the request shown the session's csrf value? */
bool pv_caller_shows_csrf(const struct pv_caller      *caller,
                          const struct pv_server_call *call);

/*
 * Are the decisions (an object or an array of them) in the caller's own name
 * and role? Absent members are filled in. Always for the console.
 */
bool pv_caller_signs(const struct pv_caller *caller, json_t *decisions);

#endif
