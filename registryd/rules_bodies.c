/*
 * rules_bodies.c - what must hold for meetings, resolutions, disputes.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"

#define AGENDA_MAX 200 /* items */

/* ---- meetings ---- */

enum pv_err
pv_rule_has_agenda(struct pv_change *change)
{
    if (json_array_size(json_object_get(change->body, "agenda")) > 0) {
        return PV_OK;
    }
    return pv_refuse(
        change->context->refusal, "R-279", "no-agenda",
        "%s: an invitation carries the agenda",
        "%s: دعوت‌نامه با دستور جلسه فرستاده می‌شود",
        change->id);
}

/* A record, or a row of an earlier meeting. */
static bool
is_matter(const json_t *matter)
{
    const char  *kind = pv_member(matter, "kind");
    enum pv_kind found;

    return pv_is_record_id(pv_slice_from(pv_member(matter, "id"))) &&
           pv_kind_from_word(pv_slice_from(kind), &found) == PV_OK &&
           (strcmp(kind, "meeting") != 0 ||
            json_is_integer(json_object_get(matter, "row")));
}

/* Its items have numbers of their own, words, and matters. */
enum pv_err
pv_rule_agenda(struct pv_change *change)
{
    bool    seen[AGENDA_MAX + 1] = {false};
    bool    right = true;
    json_t *item;
    json_t *matter;
    size_t  i;
    size_t  m;

    json_array_foreach(json_object_get(change->body, "agenda"), i, item)
    {
        json_int_t row = json_integer_value(json_object_get(item, "row"));

        right = right && row >= 1 && row <= AGENDA_MAX && !seen[row] &&
                pv_member(item, "text_fa")[0] != '\0';
        if (right) {
            seen[row] = true;
        }
        json_array_foreach(json_object_get(item, "matters"), m, matter)
        {
            right = right && is_matter(matter);
        }
    }
    return right
               ? PV_OK
               : pv_refuse(
                     change->context->refusal, "R-279", "agenda",
                     "%s: each item of an agenda has a row of its own "
                     "from 1 to %d, a text_fa, and matters of a kind "
                     "and an id",
                     "%s: هر بند دستور جلسه ردیف یکتا از ۱ تا %d، متن و "
                     "موضوع‌هایی با نوع و شناسه دارد",
                     change->id, AGENDA_MAX);
}

/* Who is invited, and what for: to all of it, or to some items. */
enum pv_err
pv_rule_invitations(struct pv_change *change)
{
    static const char *const purposes[] = {"attend", "information",
                                           "representative", "item", NULL};
    bool                     right = true;
    json_t                  *one;
    json_t                  *row;
    size_t                   i;
    size_t                   r;

    json_array_foreach(json_object_get(change->body, "invitations"), i, one)
    {
        const json_t *rows = json_object_get(one, "rows");

        right = right && pv_member(one, "party")[0] != '\0' &&
                pv_is_one_of(pv_member(one, "purpose"), purposes) &&
                (strcmp(pv_member(one, "purpose"), "item") != 0 ||
                 json_array_size(rows) > 0);
        json_array_foreach(rows, r, row)
        {
            right = right && json_is_integer(row);
        }
    }
    return right
               ? PV_OK
               : pv_refuse(change->context->refusal, "R-278", "invitation",
                           "%s: an invitation names a party and a purpose: "
                           "attend, information, representative, or item with "
                           "its rows",
                           "%s: دعوت، طرف و منظور دارد: attend، information، "
                           "representative یا item با ردیف‌ها",
                           change->id);
}

static bool
has_outcome(const json_t *outcomes, json_int_t row)
{
    static const char *const words[] = {
        "resolution", "deferred", "expert-meeting", "refused", "none", NULL};
    json_t *one;
    size_t  i;

    json_array_foreach(outcomes, i, one)
    {
        if (json_integer_value(json_object_get(one, "row")) == row &&
            pv_is_one_of(pv_member(one, "outcome"), words)) {
            return true;
        }
    }
    return false;
}

enum pv_err
pv_rule_outcomes(struct pv_change *change)
{
    const json_t *outcomes = json_object_get(change->body, "outcomes");
    json_t       *item;
    size_t        i;

    json_array_foreach(json_object_get(change->body, "agenda"), i, item)
    {
        json_int_t row = json_integer_value(json_object_get(item, "row"));

        if (!has_outcome(outcomes, row)) {
            return pv_refuse(change->context->refusal, "R-280", "no-outcome",
                             "%s: item %d of the agenda has no outcome",
                             "%s: بند %d دستور جلسه نتیجه ندارد", change->id,
                             (int)row);
        }
    }
    return PV_OK;
}

/* ---- resolutions ---- */

/* Its body is that of its meeting; its items have numbers of their own. */
enum pv_err
pv_rule_resolution(struct pv_change *change)
{
    const json_t    *items = json_object_get(change->body, "items");
    struct pv_record meeting = {.body = NULL};
    json_t          *seen = json_object();
    json_t          *item;
    size_t           i;
    enum pv_err      err = seen == NULL ? PV_ENOMEM : PV_OK;

    json_array_foreach(items, i, item)
    {
        const char *number = pv_member(item, "item");

        if (err == PV_OK &&
            (number[0] == '\0' || json_object_get(seen, number) != NULL)) {
            err = pv_refuse(change->context->refusal, "R-281", "item",
                            "%s: its item %d has no number of its own",
                            "%s: بند %d آن شماره یکتا ندارد", change->id,
                            (int)i + 1);
        }
        if (err == PV_OK &&
            json_object_set_new(seen, number, json_true()) != 0) {
            err = PV_ENOMEM;
        }
    }
    json_decref(seen);
    if (err == PV_OK) {
        err = pv_record_get(pv_registry_of(change), PV_KIND_MEETING,
                            pv_member(change->body, "meeting"), &meeting);
    }
    if (err == PV_OK) {
        err = pv_set(change->body, "body", pv_member(meeting.body, "body"));
    }
    pv_record_clear(&meeting);
    return err;
}

enum pv_err
pv_rule_meeting_held(struct pv_change *change)
{
    static const char *const held[] = {"held", "minuted", "closed", NULL};
    const char              *id = pv_member(change->body, "meeting");
    struct pv_record         meeting = {.body = NULL};
    int64_t                  date = 0;
    enum pv_err              err =
        pv_record_get(pv_registry_of(change), PV_KIND_MEETING, id, &meeting);

    if (err != PV_OK) {
        return err;
    }
    err = pv_member_day(meeting.body, "date", &date);
    if (err == PV_OK &&
        (!pv_is_one_of(pv_kind_row(PV_KIND_MEETING)->states[meeting.state],
                       held) ||
         change->context->day < date)) {
        err = pv_refuse(change->context->refusal, "R-281", "not-held",
                        "%s: its meeting %s is not held yet",
                        "%s: جلسه %s هنوز برگزار نشده است", change->id, id);
    }
    pv_record_clear(&meeting);
    return err;
}

enum pv_err
pv_rule_confirmed(struct pv_change *change)
{
    const char *state = change->row->states[change->before];

    if (strcmp(state, "drafted") == 0 &&
        pv_member(change->body, "confirmed_by")[0] != '\0') {
        return pv_refuse(change->context->refusal, "R-292", "unconfirmed",
                         "%s: it needs the confirmation of %s first",
                         "%s: نخست تأیید %s لازم است", change->id,
                         pv_member(change->body, "confirmed_by"));
    }
    return PV_OK;
}

/* What only a resolution can decide names one that is enacted. */
enum pv_err
pv_rule_enacted(struct pv_change *change)
{
    static const char *const enacted[] = {"enacted", "notified", NULL};
    const char              *id = pv_member(change->body, "resolution");
    const char              *state = NULL;
    enum pv_err              err =
        pv_state_of(pv_registry_of(change), PV_KIND_RESOLUTION, id, &state);

    if (err == PV_OK && !pv_is_one_of(state, enacted)) {
        return pv_refuse(change->context->refusal, change->row->rule,
                         "no-resolution",
                         "%s: the resolution %s is not enacted",
                         "%s: مصوبه %s تصویب نشده است", change->id, id);
    }
    return err;
}

/* ---- disputes: who decides follows from the parties' branches ---- */

static enum pv_err
all_inside(struct pv_change *change, bool *ret)
{
    json_t     *party;
    size_t      i;
    bool        inside = true;
    enum pv_err err = PV_OK;

    json_array_foreach(json_object_get(change->body, "parties"), i, party)
    {
        struct pv_record agency = {.body = NULL};

        if (err == PV_OK) {
            err = pv_record_get(pv_registry_of(change), PV_KIND_AGENCY,
                                json_string_value(party), &agency);
            inside = inside && pv_member_true(agency.body, "inside_executive");
            pv_record_clear(&agency);
        }
    }
    if (err == PV_OK) {
        *ret = inside;
    }
    return err;
}

static enum pv_err
check_branch(struct pv_change *change, bool wanted)
{
    bool        inside = false;
    enum pv_err err = all_inside(change, &inside);

    if (err == PV_OK && inside != wanted) {
        return pv_refuse(
            change->context->refusal, "R-287", "other-arbiter",
            "%s: the council decides between agencies of the "
            "executive branch, the National Center of Cyberspace "
            "where a party is outside it",
            "%s: اختلاف دستگاه‌های اجرایی با شورا و اختلافی که یک "
            "طرف بیرون از قوه مجریه است با مرکز ملی فضای مجازی "
            "است",
            change->id);
    }
    return err;
}

enum pv_err
pv_rule_council_decides(struct pv_change *change)
{
    return check_branch(change, true);
}

enum pv_err
pv_rule_ncc_decides(struct pv_change *change)
{
    return check_branch(change, false);
}

/* ---- instructions: a new version replaces the one before ---- */

enum pv_err
pv_effect_issued(struct pv_change *change)
{
    const char *before = pv_member(change->body, "supersedes");
    json_t     *empty;
    enum pv_err err;

    if (before[0] == '\0') {
        return PV_OK;
    }
    empty = json_object();
    err = empty == NULL ? PV_ENOMEM
                        : pv_change_also(change, PV_KIND_INSTRUCTION, before,
                                         "replace", empty);
    json_decref(empty);
    return err;
}
