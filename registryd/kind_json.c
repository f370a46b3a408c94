/*
 * kind_json.c - the tables of kinds as JSON, for clients and for pictures.
 */
#include "base/json.h"
#include "kind_tables.h"

static const char *const who_words[] = {
    "operator", "secretariat",   "chair",       "working-group", "council",
    "ncc",      "provider",      "consumer",    "agency",        "technical",
    "security", "party",         "responsible", "collector",     "confirmer",
    "console",  "administrator", "authority",   "deregulation"};

static const char *const type_words[] = {
    [PV_FIELD_TEXT] = "text",     [PV_FIELD_WORD] = "word",
    [PV_FIELD_ID] = "id",         [PV_FIELD_RECORD] = "record",
    [PV_FIELD_PARTY] = "party",   [PV_FIELD_FLAG] = "flag",
    [PV_FIELD_NUMBER] = "number", [PV_FIELD_DAY] = "day",
    [PV_FIELD_JSON] = "json"};

static void
write_words(struct pv_json *json, const char *name, const char *const *words,
            size_t count)
{
    pv_json_array(json, name);
    for (size_t i = 0; i < count && words[i] != NULL; i++) {
        pv_json_text(json, NULL, words[i]);
    }
    pv_json_end_array(json);
}

/* The events whose bits are set. */
static void
write_events_of(struct pv_json *json, const char *name, uint32_t bits,
                const struct pv_kind_row *kind)
{
    pv_json_array(json, name);
    for (size_t e = 0; kind != NULL && e < kind->event_count; e++) {
        if ((bits & ON(e)) != 0) {
            pv_json_text(json, NULL, kind->events[e].word);
        }
    }
    pv_json_end_array(json);
}

static void
write_field(struct pv_json *json, const struct pv_field *field,
            const struct pv_kind_row *kind)
{
    pv_json_object(json, NULL);
    pv_json_bool(json, "list", field->is_list);
    pv_json_text(json, "name", field->name);
    write_events_of(json, "needed_by", field->needed_by, kind);
    write_events_of(json, "set_by", field->set_by, kind);
    if (field->type == PV_FIELD_RECORD) {
        pv_json_text(json, "target", pv_kind_row(field->target)->name);
    }
    pv_json_text(json, "type", type_words[field->type]);
    if (field->words != NULL) {
        write_words(json, "words", field->words, SIZE_MAX);
    }
    pv_json_end_object(json);
}

/* Roles, and the transitions as [from, to]. */
static void
write_event(struct pv_json *json, const struct pv_kind_row *kind, size_t event)
{
    const struct pv_event *row = &kind->events[event];

    pv_json_object(json, NULL);
    pv_json_array(json, "by");
    for (size_t w = 0; w < COUNT(who_words); w++) {
        if ((row->who & ON(w)) != 0) {
            pv_json_text(json, NULL, who_words[w]);
        }
    }
    pv_json_end_array(json);
    pv_json_text(json, "event", row->word);
    if (row->other_than != NULL) {
        pv_json_text(json, "other_than", row->other_than);
    }
    pv_json_array(json, "steps");
    for (size_t s = 0; s < kind->state_count; s++) {
        size_t next = pv_kind_next(kind, s, event);

        if (next != 0) {
            pv_json_array(json, NULL);
            pv_json_text(json, NULL, kind->states[s]);
            pv_json_text(json, NULL, kind->states[next]);
            pv_json_end_array(json);
        }
    }
    pv_json_end_array(json);
    pv_json_end_object(json);
}

static void
write_kind(struct pv_json *json, const struct pv_kind_row *kind)
{
    pv_json_object(json, NULL);
    pv_json_array(json, "events");
    for (size_t e = 0; e < kind->event_count; e++) {
        write_event(json, kind, e);
    }
    pv_json_end_array(json);
    pv_json_array(json, "fields");
    for (size_t f = 0; f < kind->field_count; f++) {
        write_field(json, &kind->fields[f], kind);
    }
    pv_json_end_array(json);
    pv_json_text(json, "kind", kind->name);
    pv_json_text(json, "name_fa", kind->name_fa);
    pv_json_text(json, "rule", kind->rule);
    write_words(json, "states", kind->states, kind->state_count);
    pv_json_end_object(json);
}

enum pv_err
pv_kinds_json(struct pv_buf *out)
{
    struct pv_json json;

    pv_json_init(&json, out);
    pv_json_object(&json, NULL);
    pv_json_array(&json, "fields");
    for (size_t f = 0; f < pv_common_field_count; f++) {
        write_field(&json, &pv_common_field[f], NULL);
    }
    pv_json_end_array(&json);
    pv_json_array(&json, "kinds");
    for (int k = 0; k < PV_KIND_END; k++) {
        write_kind(&json, pv_kind_row((enum pv_kind)k));
    }
    pv_json_end_array(&json);
    pv_json_end_object(&json);
    return pv_json_finish(&json);
}
