/*
 * api_admit.c - before each route: who calls, and is the route open to him?
 *
 * What is not in the table needs a role for reading and deciding: a route that
 * somebody forgets here is shut, not open.
 */
#include <string.h>

#include "api.h"

enum need {
    NEED_NOTHING,
    NEED_SESSION, /* a person, with or without a role */
    NEED_OFFICE,  /* the console, or an administrator */
    NEED_READER,  /* the console, a person with a role, a system */
    NEED_DECIDER, /* the console, a person with a role */
    NEED_SIGN_IN, /* payvand-sign-in */
    NEED_NODE,    /* the console, a node: it gets every decision whole */
};

static const struct {
    const char *method;
    const char *path;
    enum need   need;
} table[] = {
    {"GET", "/registry/v1/openapi.json", NEED_NOTHING},
    {"POST", "/registry/v1/first", NEED_NOTHING},
    {"POST", "/registry/v1/enrol", NEED_NOTHING},
    {"POST", "/registry/v1/session", NEED_NOTHING},
    {"GET", "/registry/v1/session", NEED_SESSION},
    {"DELETE", "/registry/v1/session", NEED_SESSION},
    {"POST", "/registry/v1/session/role", NEED_SESSION},
    {"POST", "/registry/v1/session/password", NEED_SESSION},
    {"POST", "/registry/v1/invitations", NEED_OFFICE},
    {"POST", "/registry/v1/sign-in-by", NEED_SIGN_IN},
    /* the state of the services is shown to everybody */
    {"GET", "/registry/v1/views/status", NEED_NOTHING},
    /* so are rights and passports, but for exempt ones */
    {"GET", "/registry/v1/views/public-grants", NEED_NOTHING},
    {"GET", "/registry/v1/views/public-passports", NEED_NOTHING},
    {"GET", "/registry/v1/log/checkpoint", NEED_NOTHING},
    {"GET", "/registry/v1/log/tile/", NEED_NOTHING}, /* hashes alone */
    {"GET", "/registry/v1/feed", NEED_NODE},
    /* whoever checks a certificate */
    {"GET", "/pki/authorities.pem", NEED_NOTHING},
    {"GET", "/pki/crl/", NEED_NOTHING},
    {"POST", "/pki/ocsp", NEED_NOTHING},
    {"GET", "/pki/ocsp/", NEED_NOTHING},
};

static bool
is_read(const struct pv_server_call *call)
{
    return pv_slice_eq(call->method, PV_LIT("GET")) ||
           pv_slice_eq(call->method, PV_LIT("HEAD"));
}

/* As a route: a path that ends in "/" stands for all below it. */
static bool
is_below(struct pv_slice path, struct pv_slice own)
{
    return own.ptr[own.len - 1] == '/' ? pv_slice_starts(path, own)
                                       : pv_slice_eq(path, own);
}

static enum need
need_of(const struct pv_server_call *call)
{
    struct pv_slice method = is_read(call) ? PV_LIT("GET") : call->method;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (pv_slice_eq(method, pv_slice_from(table[i].method)) &&
            is_below(call->path, pv_slice_from(table[i].path))) {
            return table[i].need;
        }
    }
    return is_read(call) ? NEED_READER : NEED_DECIDER;
}

static bool
meets(const struct pv_caller *caller, enum need need)
{
    bool person = caller->kind == PV_CALLER_PERSON;
    bool in_role = person && caller->session.role[0] != '\0';
    bool console = caller->kind == PV_CALLER_CONSOLE;

    switch (need) {
    case NEED_NOTHING:
        return true;
    case NEED_SESSION:
        return person;
    case NEED_OFFICE:
        return console ||
               (in_role && strcmp(caller->session.role, "administrator") == 0);
    case NEED_READER:
        return console || in_role || caller->kind == PV_CALLER_SYSTEM;
    case NEED_DECIDER:
        return console || in_role;
    case NEED_SIGN_IN:
        return caller->kind == PV_CALLER_SIGN_IN;
    case NEED_NODE:
        return console || caller->is_node;
    }
    return false;
}

static bool
refuse(struct pv_server_call *call, const struct pv_caller *caller)
{
    if (caller->kind == PV_CALLER_NOBODY) {
        pv_server_problem(
            call, 401, "sign-in",
            "sign in first, or show a registered certificate",
            "نخست وارد شوید یا گواهی ثبت‌شده نشان دهید");
    } else if (caller->kind == PV_CALLER_PERSON &&
               caller->session.role[0] == '\0') {
        pv_server_problem(
            call, 403, "no-role", "choose a role of yours first",
            "نخست یکی از نقش‌های خود را برگزینید");
    } else {
        pv_server_problem(call, 403, "not-open",
                          "this is not open to you in this role",
                          "این بخش برای شما در این نقش باز نیست");
    }
    return false;
}

bool
pv_api_admit(struct pv_server_call *call)
{
    struct pv_api *api = call->context;
    enum pv_err    err = PV_OK;

    api->caller = (struct pv_caller){.kind = PV_CALLER_NOBODY};
    switch (api->face) {
    case PV_FACE_CONSOLE:
        api->caller =
            (struct pv_caller){.kind = PV_CALLER_CONSOLE, .by = "console"};
        break;
    case PV_FACE_SIGN_IN:
        api->caller.kind = PV_CALLER_SIGN_IN;
        break;
    case PV_FACE_WEB:
        err = pv_caller_find(api->registry, api->people, call, &api->caller);
        break;
    }
    if (err != PV_OK) {
        api->caller = (struct pv_caller){.kind = PV_CALLER_NOBODY};
        pv_api_error(call, err);
        return false;
    }
    if (!meets(&api->caller, need_of(call)) ||
        (api->face == PV_FACE_SIGN_IN && need_of(call) != NEED_SIGN_IN)) {
        return refuse(call, &api->caller);
    }
    if (api->caller.kind == PV_CALLER_PERSON && !is_read(call) &&
        need_of(call) != NEED_NOTHING &&
        !pv_caller_shows_csrf(&api->caller, call)) {
        pv_server_problem(call, 403, "csrf",
                          "a change shows the session's value in Payvand-Csrf",
                          "تغییر باید مقدار نشست را در Payvand-Csrf نشان دهد");
        return false;
    }
    return true;
}
