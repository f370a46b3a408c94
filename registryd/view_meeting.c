/*
 * view_meeting.c - matters, and who is invited for the sake of them; and the
 * view of one meeting: agenda, invitations, outcomes.
 */
#include "view_meeting.h"

#include <string.h>

#include "kind_tables.h"

/* ---- a matter ---- */

static enum pv_err
add_party(struct pv_view_call *call, json_t *parties, const char *id,
          const char *as)
{
    json_t *name;
    json_t *party;

    if (id == NULL || id[0] == '\0') {
        return PV_OK;
    }
    name = pv_view_party(call, id);
    party = json_copy(name); /* the cache keeps its own */
    json_decref(name);
    if (party == NULL || pv_view_set(party, "as", json_string(as)) != PV_OK ||
        json_array_append(parties, party) != 0) {
        json_decref(party);
        return PV_ENOMEM;
    }
    json_decref(party);
    return PV_OK;
}

static bool
is_party(const struct pv_field *field)
{
    return field->type == PV_FIELD_PARTY ||
           (field->type == PV_FIELD_RECORD && field->target == PV_KIND_AGENCY);
}

static enum pv_err
add_parties(struct pv_view_call *call, enum pv_kind kind, const json_t *body,
            json_t *parties)
{
    const struct pv_kind_row *row = pv_kind_row(kind);
    enum pv_err               err = PV_OK;

    for (size_t f = 0; f < row->field_count && err == PV_OK; f++) {
        const struct pv_field *field = &row->fields[f];
        const json_t          *value = json_object_get(body, field->name);
        json_t                *one;
        size_t                 i;

        if (!is_party(field)) {
            continue;
        }
        if (json_is_string(value)) {
            err =
                add_party(call, parties, json_string_value(value), field->name);
        }
        json_array_foreach(value, i, one)
        {
            err = err == PV_OK ? add_party(call, parties,
                                           json_string_value(one), field->name)
                               : err;
        }
    }
    return err;
}

/* What it is about: its own words, or the service's name. */
static enum pv_err
add_text(struct pv_view_call *call, const json_t *body, json_t *matter)
{
    static const struct {
        const char  *field;
        enum pv_kind kind;
    } about[] = {{"version", PV_KIND_VERSION},
                 {"service", PV_KIND_SERVICE},
                 {"system", PV_KIND_SYSTEM},
                 {"data_item", PV_KIND_DATA_ITEM}};
    static const char *const own_fa[] = {"text_fa", "title_fa", "what_fa",
                                         "name_fa"};
    static const char *const own_en[] = {"text_en", "title_en", "name_en"};
    enum pv_err              err = PV_OK;

    for (size_t i = 0; i < COUNT(about); i++) {
        const char *id = pv_member(body, about[i].field);

        if (id[0] != '\0') {
            json_t *name = pv_view_name(call, about[i].kind, id);

            err = pv_view_set(matter, "about", name);
            break;
        }
    }
    for (size_t i = 0; i < COUNT(own_fa) && err == PV_OK; i++) {
        if (json_object_get(matter, "text_fa") == NULL &&
            pv_member(body, own_fa[i])[0] != '\0') {
            err = pv_set(matter, "text_fa", pv_member(body, own_fa[i]));
        }
    }
    for (size_t i = 0; i < COUNT(own_en) && err == PV_OK; i++) {
        if (json_object_get(matter, "text_en") == NULL &&
            pv_member(body, own_en[i])[0] != '\0') {
            err = pv_set(matter, "text_en", pv_member(body, own_en[i]));
        }
    }
    return err;
}

json_t *
pv_view_matter(struct pv_view_call *call, enum pv_kind kind, const char *id,
               const struct pv_record *record)
{
    char    day[PV_JALALI_ROOM];
    json_t *parties = json_array();
    json_t *matter;

    pv_day_text(record->from_day, day);
    matter = json_pack(
        "{s:s, s:s, s:s, s:s, s:o}", "kind", pv_kind_row(kind)->name, "id", id,
        "state", pv_view_state(kind, record), "day", day, "parties", parties);
    if (matter == NULL ||
        add_parties(call, kind, record->body, parties) != PV_OK ||
        add_text(call, record->body, matter) != PV_OK) {
        json_decref(matter);
        return NULL;
    }
    return matter;
}

enum pv_err
pv_view_is_of_body(struct pv_view_call *call, const json_t *duty,
                   const char *body, bool *ret)
{
    struct pv_record resolution = {.body = NULL};
    enum pv_err      err = pv_view_get(call, PV_KIND_RESOLUTION,
                                       pv_member(duty, "resolution"), &resolution);

    *ret =
        err == PV_OK && strcmp(pv_member(resolution.body, "body"), body) == 0;
    pv_record_clear(&resolution);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/* ---- who leads the clusters of an agency ---- */

/* leads: agency -> {lead: true} */
static enum pv_err
note_leads(struct pv_view_call *call, const char *id,
           const struct pv_record *record, void *context)
{
    const char *lead = pv_member(record->body, "lead");
    json_t     *member;
    size_t      i;

    (void)call;
    (void)id;
    json_array_foreach(json_object_get(record->body, "members"), i, member)
    {
        json_t *of = json_object_get(context, json_string_value(member));

        if (of == NULL) {
            of = json_object();
            if (json_object_set_new(context, json_string_value(member), of) !=
                0) {
                return PV_ENOMEM;
            }
        }
        if (json_object_set_new(of, lead, json_true()) != 0) {
            return PV_ENOMEM;
        }
    }
    return PV_OK;
}

/* ---- invitations ---- */

struct invite {
    struct pv_view_call *call;
    json_t              *leads;
    json_t              *rows; /* party -> [row] of the whole view */
};

static enum pv_err
invite_one(struct invite *invite, json_t *invited, const char *id,
           const char *as, json_int_t row)
{
    json_t *rows = json_object_get(invite->rows, id);
    json_t *one;
    size_t  i;

    json_array_foreach(invited, i, one)
    {
        if (strcmp(pv_member(one, "id"), id) == 0) {
            return PV_OK; /* once an item, for the first reason */
        }
    }
    if (rows == NULL) {
        rows = json_array();
        if (json_object_set_new(invite->rows, id, rows) != 0) {
            return PV_ENOMEM;
        }
    }
    if (json_array_append_new(rows, json_integer(row)) != 0) {
        return PV_ENOMEM;
    }
    return add_party(invite->call, invited, id, as);
}

static enum pv_err
invite_item(struct invite *invite, json_t *item)
{
    json_int_t  row = json_integer_value(json_object_get(item, "row"));
    json_t     *invited = json_array();
    json_t     *matter;
    json_t     *party;
    json_t     *yes;
    const char *lead;
    size_t      m;
    size_t      p;
    enum pv_err err = pv_view_set(item, "invited", invited);

    json_array_foreach(json_object_get(item, "matters"), m, matter)
    {
        json_array_foreach(json_object_get(matter, "parties"), p, party)
        {
            err = err == PV_OK
                      ? invite_one(invite, invited, pv_member(party, "id"),
                                   pv_member(party, "as"), row)
                      : err;
        }
    }
    json_array_foreach(json_object_get(item, "matters"), m, matter)
    {
        json_array_foreach(json_object_get(matter, "parties"), p, party)
        {
            json_object_foreach(
                json_object_get(invite->leads, pv_member(party, "id")), lead,
                yes)
            {
                err = err == PV_OK ? invite_one(invite, invited, lead,
                                                "cluster-lead", row)
                                   : err;
            }
        }
    }
    return err;
}

struct seats {
    const char *body;
    json_t     *list;
};

static enum pv_err
take_seat(struct pv_view_call *call, const char *id,
          const struct pv_record *record, void *context)
{
    static const char *const names[] = {"person", "role", "name_fa", NULL};
    static const char *const roles[] = {"member", "chair", "secretariat", NULL};
    struct seats            *seats = context;
    json_t                  *one;

    (void)call;
    (void)id;
    if (strcmp(pv_view_state(PV_KIND_APPOINTMENT, record), "in-force") != 0 ||
        strcmp(pv_member(record->body, "of"), seats->body) != 0 ||
        !pv_is_one_of(pv_member(record->body, "role"), roles)) {
        return PV_OK;
    }
    one = json_object();
    if (pv_view_copy(one, record->body, names) != PV_OK) {
        json_decref(one);
        return PV_ENOMEM;
    }
    return json_array_append_new(seats->list, one) == 0 ? PV_OK : PV_ENOMEM;
}

/* Permanent members come to every item; others to theirs. */
static enum pv_err
add_members(struct pv_view_call *call, const char *body, json_t *view)
{
    struct seats     seats = {body, json_array()};
    struct pv_record record = {.body = NULL};
    json_t          *members = json_object();
    enum pv_err      err = pv_view_set(view, "members", members);

    if (err == PV_OK) {
        err = pv_view_set(members, "holders", seats.list);
    }
    if (err == PV_OK) {
        err = pv_view_get(call, PV_KIND_BODY, body, &record);
    }
    if (err == PV_OK && json_object_get(record.body, "members") != NULL) {
        err = pv_view_set(members, "seats",
                          json_incref(json_object_get(record.body, "members")));
    }
    pv_record_clear(&record);
    return err == PV_OK
               ? pv_view_each(call, PV_KIND_APPOINTMENT, take_seat, &seats)
               : err;
}

static enum pv_err
add_invitations(struct invite *invite, json_t *view)
{
    json_t     *list = json_array();
    const char *id;
    json_t     *rows;
    enum pv_err err = pv_view_set(view, "invitations", list);

    json_object_foreach(invite->rows, id, rows)
    {
        json_t *one = json_pack("{s:o, s:s, s:O}", "party",
                                pv_view_party(invite->call, id), "purpose",
                                "item", "rows", rows);

        if (err == PV_OK && json_array_append_new(list, one) != 0) {
            err = PV_ENOMEM;
        }
    }
    return err;
}

enum pv_err
pv_view_invite(struct pv_view_call *call, const char *body, json_t *view)
{
    struct invite invite = {call, json_object(), json_object()};
    json_t       *item;
    size_t        i;
    enum pv_err   err =
        invite.leads == NULL || invite.rows == NULL
              ? PV_ENOMEM
              : pv_view_each(call, PV_KIND_CLUSTER, note_leads, invite.leads);

    json_array_foreach(json_object_get(view, "items"), i, item)
    {
        err = err == PV_OK ? invite_item(&invite, item) : err;
    }
    if (err == PV_OK) {
        err = add_members(call, body, view);
    }
    if (err == PV_OK) {
        err = add_invitations(&invite, view);
    }
    json_decref(invite.leads);
    json_decref(invite.rows);
    return err;
}

/* ---- one meeting ---- */

/* What was sent, with names: it stands before what would be proposed. */
static enum pv_err
add_sent(struct pv_view_call *call, const json_t *invitations, json_t *view)
{
    json_t     *sent = json_array();
    json_t     *one;
    size_t      i;
    enum pv_err err = pv_view_set(view, "sent", sent);

    json_array_foreach((json_t *)(uintptr_t)invitations, i, one)
    {
        json_t *named = json_copy(one);

        if (err == PV_OK) {
            err = pv_view_set(named, "party",
                              pv_view_party(call, pv_member(one, "party")));
        }
        if (err != PV_OK || json_array_append(sent, named) != 0) {
            err = err == PV_OK ? PV_ENOMEM : err;
        }
        json_decref(named); /* accepts NULL */
    }
    return err;
}

/* The matters of an agenda's item as they stand; unknown ones stay ids. */
static enum pv_err
fill_item(struct pv_view_call *call, const json_t *said, json_t *items)
{
    json_t     *item = json_copy((json_t *)(uintptr_t)said);
    json_t     *matters = json_array();
    json_t     *one;
    size_t      i;
    enum pv_err err = pv_view_set(item, "matters", matters);

    json_array_foreach(json_object_get(said, "matters"), i, one)
    {
        struct pv_record record = {.body = NULL};
        enum pv_kind     kind;
        json_t          *matter = NULL;

        if (err == PV_OK &&
            pv_kind_from_word(pv_slice_from(pv_member(one, "kind")), &kind) ==
                PV_OK &&
            pv_view_get(call, kind, pv_member(one, "id"), &record) == PV_OK) {
            matter = pv_view_matter(call, kind, pv_member(one, "id"), &record);
        } else {
            matter = json_incref(one);
        }
        pv_record_clear(&record);
        if (json_array_append_new(matters, matter) != 0) {
            err = PV_ENOMEM;
        }
    }
    if (err != PV_OK) {
        json_decref(item);
        return err;
    }
    return json_array_append_new(items, item) == 0 ? PV_OK : PV_ENOMEM;
}

enum pv_err
pv_view_meeting(struct pv_view_call *call, json_t **ret)
{
    static const char *const names[] = {"number",      "date",       "time",
                                        "place",       "title_fa",   "title_en",
                                        "outcomes",    "minutes_fa", "present",
                                        "legal_basis", NULL};
    char                     id[PV_RECORD_ID_MAX + 1];
    struct pv_record         record = {.body = NULL};
    json_t                  *view = NULL;
    json_t                  *items = json_array();
    json_t                  *item;
    size_t                   i;
    enum pv_err              err = pv_slice_to_cstr(call->id, id, sizeof(id));

    if (err == PV_OK) {
        err = pv_view_get(call, PV_KIND_MEETING, id, &record);
    }
    json_array_foreach(json_object_get(record.body, "agenda"), i, item)
    {
        err = err == PV_OK ? fill_item(call, item, items) : err;
    }
    if (err == PV_OK) {
        view = json_pack(
            "{s:s, s:s, s:o, s:O}", "id", id, "state",
            pv_view_state(PV_KIND_MEETING, &record), "body",
            pv_view_name(call, PV_KIND_BODY, pv_member(record.body, "body")),
            "items", items);
        err = view == NULL ? PV_ENOMEM : pv_view_copy(view, record.body, names);
    }
    if (err == PV_OK) {
        err = pv_view_invite(call, pv_member(record.body, "body"), view);
    }
    item = json_object_get(record.body, "invitations");
    if (err == PV_OK && json_array_size(item) > 0) {
        err = add_sent(call, item, view);
    }
    json_decref(items);
    pv_record_clear(&record);
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}
