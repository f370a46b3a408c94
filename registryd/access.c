/*
 * access.c - restricted records.
 */
#include "access.h"

#include <string.h>

#include "decide.h"
#include "kind_tables.h"

static const struct {
    enum pv_kind kind;
    const char  *all[6]; /* roles, wherever they are held */
    const char  *own[4]; /* roles of an agency, for what is the agency's */
} restricted[] = {
    {PV_KIND_EXEMPTION,
     {"secretariat", "chair", "member", "auditor", NULL},
     {"representative", "security", "technical", NULL}},
    {PV_KIND_PERSON, {"administrator", "secretariat", "auditor", NULL}, {NULL}},
};

static bool
is_in(const char *const *list, const char *role)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strcmp(list[i], role) == 0) {
            return true;
        }
    }
    return false;
}

static const char *
place_of(const struct pv_caller *caller)
{
    return caller->kind == PV_CALLER_SYSTEM ? caller->agency
                                            : caller->session.of;
}

enum pv_access
pv_access_of(const struct pv_caller *caller, enum pv_kind kind)
{
    bool person = caller->kind == PV_CALLER_PERSON;

    if (caller->kind == PV_CALLER_CONSOLE) {
        return PV_ACCESS_ALL;
    }
    for (size_t i = 0; i < COUNT(restricted); i++) {
        if (restricted[i].kind != kind) {
            continue;
        }
        if (person && is_in(restricted[i].all, caller->session.role)) {
            return PV_ACCESS_ALL;
        }
        return kind == PV_KIND_PERSON
                   ? (person ? PV_ACCESS_OWN : PV_ACCESS_NONE)
               : caller->kind == PV_CALLER_SYSTEM ||
                       is_in(restricted[i].own, caller->session.role)
                   ? PV_ACCESS_OWN
                   : PV_ACCESS_NONE;
    }
    return PV_ACCESS_ALL;
}

bool
pv_access_is_own(const struct pv_caller *caller, enum pv_kind kind,
                 const char *id, const json_t *body)
{
    switch (pv_access_of(caller, kind)) {
    case PV_ACCESS_ALL:
        return true;
    case PV_ACCESS_OWN:
        return kind == PV_KIND_PERSON ? strcmp(id, caller->session.person) == 0
                                      : place_of(caller)[0] != '\0' &&
                                            strcmp(pv_member(body, "agency"),
                                                   place_of(caller)) == 0;
    case PV_ACCESS_NONE:
        break;
    }
    return false;
}

bool
pv_access_users(const struct pv_caller *caller, enum pv_kind target,
                struct pv_slice id, enum pv_kind kind)
{
    if (pv_access_of(caller, target) != PV_ACCESS_ALL) {
        return false;
    }
    switch (pv_access_of(caller, kind)) {
    case PV_ACCESS_ALL:
        return true;
    case PV_ACCESS_OWN:
        return kind != PV_KIND_PERSON && target == PV_KIND_AGENCY &&
               pv_slice_eq(id, pv_slice_from(place_of(caller)));
    case PV_ACCESS_NONE:
        break;
    }
    return false;
}

/* ---- decisions ---- */

static bool
may_read(const struct pv_caller *caller, const json_t *decision)
{
    enum pv_kind kind;

    if (pv_kind_from_word(pv_slice_from(pv_member(decision, "kind")), &kind) !=
        PV_OK) {
        return false;
    }
    return pv_access_is_own(caller, kind, pv_member(decision, "id"),
                            json_object_get(decision, "data"));
}

static enum pv_err
mask_all(const struct pv_caller *caller, json_t *list)
{
    json_t *decision;
    size_t  i;

    json_array_foreach(list, i, decision)
    {
        if (!may_read(caller, decision) &&
            json_array_set_new(list, i,
                               json_pack("{s:O, s:b}", "number",
                                         json_object_get(decision, "number"),
                                         "restricted", 1)) != 0) {
            return PV_ENOMEM;
        }
    }
    return PV_OK;
}

enum pv_err
pv_access_mask(const struct pv_caller *caller, struct pv_buf *answer)
{
    json_t     *whole;
    enum pv_err err = PV_OK;
    bool        all = true;

    for (size_t i = 0; i < COUNT(restricted); i++) {
        all = all && pv_access_of(caller, restricted[i].kind) == PV_ACCESS_ALL;
    }
    if (all) {
        return PV_OK;
    }
    whole = json_loadb(answer->ptr, answer->len, JSON_REJECT_DUPLICATES, NULL);
    err = whole == NULL ? PV_ECORRUPT
                        : mask_all(caller, json_object_get(whole, "decisions"));
    if (err == PV_OK) {
        answer->len = 0;
        err = pv_canonical(whole, answer);
    }
    json_decref(whole);
    return err;
}
