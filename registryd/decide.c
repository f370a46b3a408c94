/*
 * decide.c - one decision: checked and written.
 *
 * The order: its own members, the record's state, the role, the transition, the
 * fields, the checks, the record, its effects; last the document.
 */
#include "decide.h"

#include <string.h>

#include "base/due.h"
#include "kind_tables.h"

#define PERSON_MAX PV_RECORD_ID_MAX
#define EVENT_MAX 64

/* ---- one change ---- */

static enum pv_err
find_event(struct pv_change *change, const char *word)
{
    if (pv_kind_event(change->row, word, &change->event) == PV_OK) {
        return PV_OK;
    }
    return pv_refuse(change->context->refusal, "", "unknown-event",
                     "%s: %s has no event \"%s\"", "%s: %s رویداد «%s» ندارد",
                     change->id, change->row->name, word);
}

/* Nothing writes into its body: the one before is shared. */
static bool
keeps_body(const struct pv_change *change)
{
    const struct pv_event *event = &change->row->events[change->event];

    return json_object_size(change->data) == 0 && event->check[0] == NULL &&
           event->effect == NULL;
}

static enum pv_err
load_before(struct pv_change *change)
{
    struct pv_record record = {.body = NULL};
    enum pv_err err = pv_record_get(change->context->registry, change->kind,
                                    change->id, &record);

    change->version = 1;
    if (err == PV_ENOTFOUND) {
        change->body = json_object();
        return change->body == NULL ? PV_ENOMEM : PV_OK;
    }
    if (err != PV_OK) {
        return err;
    }
    change->before = record.state;
    change->version = record.version + 1;
    change->body =
        keeps_body(change) ? json_incref(record.body) : json_copy(record.body);
    pv_record_clear(&record);
    if (change->body == NULL) {
        return PV_ENOMEM;
    }
    if (record.from_day > change->context->day) {
        char day[PV_JALALI_ROOM];

        pv_day_text(record.from_day, day);
        return pv_refuse(change->context->refusal, "", "date-steps-back",
                         "%s: its last decision is of %s, so this one cannot "
                         "be earlier",
                         "%s: آخرین تصمیم آن در %s است و تصمیم پیش از آن "
                         "پذیرفته نیست",
                         change->id, day);
    }
    return PV_OK;
}

static enum pv_err
check_transition(struct pv_change *change)
{
    change->after = pv_kind_next(change->row, change->before, change->event);
    if (change->after != 0) {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, change->row->rule, "transition",
        "%s: %s in the state \"%s\" does not take the event "
        "\"%s\"",
        "%s: %s در وضعیت «%s» رویداد «%s» را نمی‌پذیرد",
        change->id, change->row->name, change->row->states[change->before],
        change->row->events[change->event].word);
}

static bool
has_provider(const struct pv_kind_row *row)
{
    for (size_t f = 0; f < row->field_count; f++) {
        if (strcmp(row->fields[f].name, "provider") == 0) {
            return true;
        }
    }
    return false;
}

/* Whose service it is about follows from the service; nobody types it. */
static enum pv_err
fill_provider(struct pv_change *change)
{
    struct pv_registry *registry = change->context->registry;
    const char         *version = pv_member(change->body, "version");
    const char         *service = pv_member(change->body, "service");
    bool                by_version = version[0] != '\0';
    struct pv_record    record = {.body = NULL};
    enum pv_err         err;

    if (change->kind == PV_KIND_SERVICE || !has_provider(change->row) ||
        json_object_size(change->data) == 0 ||
        (!by_version && service[0] == '\0')) {
        return PV_OK; /* it is there already, or there is none */
    }
    err =
        pv_record_get(registry, by_version ? PV_KIND_VERSION : PV_KIND_SERVICE,
                      by_version ? version : service, &record);
    if (err == PV_OK) {
        err = pv_set(change->body, "provider",
                     pv_member(record.body, "provider"));
    }
    pv_record_clear(&record);
    return err;
}

static enum pv_err
run_checks(struct pv_change *change)
{
    const struct pv_event *event = &change->row->events[change->event];
    enum pv_err            err = PV_OK;

    for (size_t c = 0; c < PV_CHECKS_MAX && event->check[c] != NULL; c++) {
        err = err == PV_OK ? event->check[c](change) : err;
    }
    return err;
}

static enum pv_err
apply(struct pv_change *change, const char *event)
{
    enum pv_err err = find_event(change, event);

    if (err == PV_OK) {
        err = load_before(change);
    }
    if (err == PV_OK) {
        err = check_transition(change);
    }
    if (err == PV_OK) {
        err = pv_change_fields(change);
    }
    if (err == PV_OK) {
        err = fill_provider(change);
    }
    if (err == PV_OK) {
        err = pv_change_who(change);
    }
    if (err == PV_OK) {
        err = run_checks(change);
    }
    if (err == PV_OK) {
        err = pv_record_put(change);
    }
    if (err == PV_OK && change->row->events[change->event].effect != NULL) {
        err = change->row->events[change->event].effect(change);
    }
    json_decref(change->body); /* accepts NULL */
    change->body = NULL;
    return err;
}

enum pv_err
pv_change_also(struct pv_change *change, enum pv_kind kind, const char *id,
               const char *event, const json_t *data)
{
    struct pv_change also = {.context = change->context,
                             .kind = kind,
                             .row = pv_kind_row(kind),
                             .id = id,
                             .data = data,
                             .depth = change->depth + 1};

    if (!pv_is_record_id(pv_slice_from(id))) {
        return pv_refuse(change->context->refusal, "", "id",
                         "%s: \"%s\" is no id of a record",
                         "%s: «%s» شناسه رکورد نیست", change->id, id);
    }
    if (also.depth > PV_EFFECT_DEPTH_MAX) {
        return PV_ERANGE;
    }
    return apply(&also, event);
}

/* ---- the members of a decision ---- */

enum pv_err
pv_refuse_member(struct pv_refusal *refusal, const char *name)
{
    return pv_refuse(refusal, "", "decision-member",
                     "the decision's \"%s\" is missing or not right",
                     "«%s» در تصمیم نیست یا درست نیست", name);
}

enum pv_err
pv_decision_members(const json_t *decision, struct pv_refusal *refusal)
{
    static const char *const ids[] = {"actor", "of", "id"};
    static const char *const texts[] = {"role", "kind", "event", "date"};
    static const char *const maybe[] = {"reason", "document", "key"};
    static const char *const known[] = {"actor",    "of",    "id",   "role",
                                        "kind",     "event", "date", "reason",
                                        "document", "key",   "data"};
    const char              *name;
    json_t                  *value;

    if (!json_is_object(decision)) {
        return pv_refuse_member(refusal, "decision");
    }
    for (size_t i = 0; i < COUNT(ids); i++) {
        if (!pv_is_record_id(pv_slice_from(pv_member(decision, ids[i])))) {
            return pv_refuse_member(refusal, ids[i]);
        }
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (strlen(pv_member(decision, texts[i])) > EVENT_MAX ||
            pv_member(decision, texts[i])[0] == '\0') {
            return pv_refuse_member(refusal, texts[i]);
        }
    }
    for (size_t i = 0; i < COUNT(maybe); i++) {
        value = json_object_get(decision, maybe[i]);
        if (value != NULL &&
            (!json_is_string(value) || json_string_length(value) == 0 ||
             json_string_length(value) > PV_TEXT_FIELD_MAX ||
             !pv_is_clean_text(pv_slice_from(json_string_value(value))))) {
            return pv_refuse_member(refusal, maybe[i]);
        }
    }
    if (!json_is_object(json_object_get(decision, "data"))) {
        return pv_refuse_member(refusal, "data");
    }
    json_object_foreach((json_t *)(uintptr_t)decision, name, value)
    {
        bool is_known = false;

        for (size_t i = 0; i < COUNT(known); i++) {
            is_known = is_known || strcmp(known[i], name) == 0;
        }
        if (!is_known) {
            return pv_refuse_member(refusal, name);
        }
    }
    return PV_OK;
}

/* Its day: a day of the calendar, and not a day that is still to come. */
static enum pv_err
take_day(const json_t *decision, struct pv_decision_context *context)
{
    enum pv_err err = pv_member_day(decision, "date", &context->day);

    if (err != PV_OK) {
        return pv_refuse_member(context->refusal, "date");
    }
    if (context->day > pv_time_tehran_day(context->now_ms)) {
        return pv_refuse(context->refusal, "", "date-to-come",
                         "%s: the decision's day %s is still to come",
                         "%s: تاریخ تصمیم %s هنوز نرسیده است",
                         pv_member(decision, "id"),
                         pv_member(decision, "date"));
    }
    return PV_OK;
}

/* ---- one decision ---- */

static enum pv_err
write_document(struct pv_registry *registry, const json_t *decision,
               const struct pv_decision_context *context, const char *by)
{
    const char   *key = pv_member(decision, "key");
    char          time[PV_TIME_TEXT_LEN];
    json_t       *whole = json_copy((json_t *)(uintptr_t)decision);
    struct pv_buf document;
    enum pv_err   err = PV_ENOMEM;

    pv_buf_init(&document, PV_DOCUMENT_MAX);
    pv_time_text(context->now_ms, time);
    if (whole != NULL &&
        json_object_set_new(whole, "number", json_integer(context->number)) ==
            0 &&
        json_object_set_new(whole, "time", json_stringn(time, sizeof(time))) ==
            0 &&
        json_object_set_new(whole, "by", json_string(by)) == 0) {
        err = pv_canonical(whole, &document);
    }
    if (err == PV_OK) {
        struct pv_value arguments[] = {
            PV_INT(context->number),
            PV_INT(context->now_ms),
            PV_INT(context->day),
            key[0] == '\0' ? PV_NULL : PV_TEXT(pv_slice_from(key)),
            PV_TEXT(pv_slice_from(pv_member(decision, "kind"))),
            PV_TEXT(pv_slice_from(pv_member(decision, "id"))),
            PV_TEXT(pv_slice_from(pv_member(decision, "event"))),
            PV_TEXT(pv_slice_from(context->actor)),
            PV_TEXT(pv_buf_view(&document))};

        err = pv_store_run(registry->store, PV_STMT_DECISION_ADD, arguments,
                           COUNT(arguments), NULL, NULL);
    }
    pv_buf_clear(&document);
    json_decref(whole);
    return err;
}

enum pv_err
pv_decide_one(struct pv_registry *registry, const json_t *decision,
              const char *by, int64_t number, int64_t now_ms,
              struct pv_refusal *refusal)
{
    struct pv_decision_context context = {
        .registry = registry,
        .refusal = refusal,
        .number = number,
        .now_ms = now_ms,
        .actor = pv_member(decision, "actor"),
        .role = pv_member(decision, "role"),
        .of = pv_member(decision, "of"),
        .by_console =
            strcmp(by, "console") == 0 || strcmp(by, "first-code") == 0,
        .by_authority = strcmp(by, "authority") == 0};
    struct pv_change change = {.context = &context,
                               .id = pv_member(decision, "id"),
                               .data = json_object_get(decision, "data")};
    enum pv_err      err = take_day(decision, &context);

    registry->last = -1; /* until it is committed */
    if (err == PV_OK &&
        pv_kind_from_word(pv_slice_from(pv_member(decision, "kind")),
                          &change.kind) != PV_OK) {
        err = pv_refuse_member(refusal, "kind");
    }
    if (err == PV_OK) {
        change.row = pv_kind_row(change.kind);
        err = apply(&change, pv_member(decision, "event"));
    }
    return err == PV_OK ? write_document(registry, decision, &context, by)
                        : err;
}
