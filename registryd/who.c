/*
 * who.c - roles: may this actor take this event on this record?
 *
 * A decision names a role and where it is held; the appointment must be in
 * force, and the event must be open to that role at that place. Four eyes:
 * the actor of a named earlier event on the same record may not.
 */
#include <string.h>

#include "decide.h"
#include "kind_tables.h"
#include "rules.h"

enum scope {
    ANYWHERE, /* whichever body or agency it is held at */
    AT_NAME,  /* held at the id ->name */
    AT_FIELD, /* held at what the record's field ->name says */
    IN_FIELD, /* held at one of the list in the field */
    IN_DUTY,  /* held at whom the duty falls to on that day */
};

static const struct {
    uint32_t    who;
    const char *role;
    enum scope  scope;
    const char *name;
} may[] = {
    {PV_BY_OPERATOR, "operator", ANYWHERE, NULL},
    {PV_BY_SECRETARIAT, "secretariat", ANYWHERE, NULL},
    {PV_BY_ADMINISTRATOR, "administrator", ANYWHERE, NULL},
    {PV_BY_CHAIR, "chair", AT_FIELD, "body"},
    {PV_BY_WORKING_GROUP, "chair", AT_NAME, "interoperability-working-group"},
    {PV_BY_COUNCIL, "chair", AT_NAME, "executive-it-council"},
    {PV_BY_NCC, "chair", AT_NAME, "supreme-council-cyberspace"},
    {PV_BY_CONFIRMER, "chair", AT_FIELD, "confirmed_by"},
    {PV_BY_COLLECTOR, "representative", AT_NAME,
     "administrative-employment-organisation"},
    {PV_BY_COLLECTOR, "representative", AT_NAME, "ministry-ict"},
    {PV_BY_DEREGULATION, "representative", AT_NAME,
     "deregulation-board-secretariat"},
    {PV_BY_PROVIDER, "representative", AT_FIELD, "provider"},
    {PV_BY_CONSUMER, "representative", AT_FIELD, "consumer"},
    {PV_BY_AGENCY, "representative", AT_FIELD, "agency"},
    {PV_BY_TECHNICAL, "technical", AT_FIELD, "agency"},
    {PV_BY_SECURITY, "security", AT_FIELD, "agency"},
    {PV_BY_PARTY, "representative", IN_FIELD, "parties"},
    {PV_BY_RESPONSIBLE, "representative", IN_DUTY, NULL},
    {PV_BY_RESPONSIBLE, "secretariat", IN_DUTY, NULL},
};

static bool
fits(const struct pv_change *change, size_t row)
{
    const char *of = change->context->of;

    switch (may[row].scope) {
    case ANYWHERE:
        return true;
    case AT_NAME:
        return strcmp(of, may[row].name) == 0;
    case AT_FIELD:
        return strcmp(of, pv_member(change->body, may[row].name)) == 0;
    case IN_FIELD:
        return pv_list_has(json_object_get(change->body, may[row].name), of);
    case IN_DUTY:
        return pv_duty_falls_to(change->body, change->context->day, of);
    }
    return false;
}

static bool
is_open_to(const struct pv_change *change)
{
    uint32_t who = change->row->events[change->event].who;

    for (size_t m = 0; m < COUNT(may); m++) {
        if ((who & may[m].who) != 0 &&
            strcmp(change->context->role, may[m].role) == 0 &&
            fits(change, m)) {
            return true;
        }
    }
    return false;
}

/* ---- appointments ---- */

enum pv_err
pv_role_is_held(struct pv_registry *registry, const char *person,
                const char *role, const char *of, int64_t day, bool *ret)
{
    char        holder[3 * PV_RECORD_ID_MAX + 3];
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err;
    bool        found = false;

    if (snprintf(holder, sizeof(holder), "%s %s %s", person, role, of) >=
        (int)sizeof(holder)) {
        return PV_ERANGE;
    }
    err =
        pv_record_users(registry, "holder", holder, PV_KIND_APPOINTMENT, &ids);
    json_array_foreach(ids, i, id)
    {
        struct pv_record record = {.body = NULL};

        if (err == PV_OK && !found) {
            err = pv_record_get(registry, PV_KIND_APPOINTMENT,
                                json_string_value(id), &record);
            found =
                err == PV_OK &&
                strcmp(pv_kind_row(PV_KIND_APPOINTMENT)->states[record.state],
                       "in-force") == 0 &&
                record.from_day <= day;
            pv_record_clear(&record);
        }
    }
    json_decref(ids);
    if (err == PV_OK) {
        *ret = found;
    }
    return err;
}

/* ---- four eyes ---- */

struct other {
    const char *event;
    const char *actor;
    bool        same;
    bool        each;
};

/*
 * The last decision of that event counts: a passport may come back. Where an
 * event names itself (a signature), each of them does.
 */
static enum pv_err
note_actor(void *context, const struct pv_value *column)
{
    struct other *other = context;

    if (pv_slice_eq(column[1].text, pv_slice_from(other->event))) {
        other->same = (other->same && other->each) ||
                      pv_slice_eq(column[2].text, pv_slice_from(other->actor));
    }
    return PV_OK;
}

static enum pv_err
check_other(struct pv_change *change)
{
    const struct pv_event *event = &change->row->events[change->event];
    struct other    other = {event->other_than, change->context->actor, false,
                             event->other_than != NULL &&
                                 strcmp(event->other_than, event->word) == 0};
    struct pv_value arguments[] = {PV_TEXT(pv_slice_from(change->row->name)),
                                   PV_TEXT(pv_slice_from(change->id))};
    enum pv_err     err;

    if (event->other_than == NULL) {
        return PV_OK;
    }
    err = pv_store_run(change->context->registry->store, PV_STMT_DECISION_OF,
                       arguments, COUNT(arguments), note_actor, &other);
    if (err == PV_OK && other.same) {
        return pv_refuse(
            change->context->refusal, change->row->rule, "four-eyes",
            "%s: %s was decided by %s, so %s needs another "
            "person",
            "%s: %s را %s انجام داده است؛ %s نیاز به شخص دیگری "
            "دارد",
            change->id, event->other_than, change->context->actor, event->word);
    }
    return err;
}

enum pv_err
pv_change_who(struct pv_change *change)
{
    const struct pv_event *event = &change->row->events[change->event];
    const struct pv_decision_context *context = change->context;
    bool                              holds = false;
    enum pv_err                       err;

    if (change->depth > 0) {
        return PV_OK; /* the effect of a decision that was allowed */
    }
    if (context->by_console && (event->who & PV_BY_CONSOLE) != 0 &&
        strcmp(context->role, "console") == 0) {
        return PV_OK;
    }
    if (context->by_authority && (event->who & PV_BY_AUTHORITY) != 0 &&
        strcmp(context->role, "authority") == 0) {
        return PV_OK;
    }
    if (!is_open_to(change)) {
        return pv_refuse(context->refusal, change->row->rule, "role",
                         "%s: the event %s is not open to the role %s of %s",
                         "%s: رویداد %s برای نقش %s در %s مجاز نیست",
                         change->id, event->word, context->role, context->of);
    }
    err = pv_role_is_held(context->registry, context->actor, context->role,
                          context->of, context->day, &holds);
    if (err == PV_OK && !holds) {
        return pv_refuse(context->refusal, "R-276", "no-appointment",
                         "%s: %s does not hold the role %s of %s on that day",
                         "%s: %s در آن تاریخ نقش %s در %s را ندارد", change->id,
                         context->actor, context->role, context->of);
    }
    return err == PV_OK ? check_other(change) : err;
}
