/*
 * view_progress.c - the week's progress: what was made, met
 * and became overdue from Saturday to the day asked about, who owes how much,
 * and which weekly entries are missing.
 */
#include <string.h>

#include "kind_tables.h"
#include "view_duties.h"
#include "view_meeting.h"

#define SATURDAY_SHIFT 5 /* day 0 of the count is a Thursday */

struct progress {
    int64_t from; /* the week's Saturday */
    char    body[PV_RECORD_ID_MAX + 1];
    json_t *totals;  /* state -> count, "overdue" -> count */
    json_t *week;    /* "made", "met", "became_overdue" -> count */
    json_t *parties; /* id -> {"open","overdue","met"} */
    json_t *met;     /* rows; owned like all of these */
    json_t *overdue;
    json_t *missing;
    json_t *commitments;
};

static enum pv_err
count_up(json_t *object, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(object, name));

    return pv_view_set(object, name, json_integer(n + 1));
}

/* Among the parties it falls to, or that met it. */
static enum pv_err
count_parties(struct progress *progress, const json_t *falls_to,
              const char *name)
{
    json_t     *party;
    size_t      i;
    enum pv_err err = PV_OK;

    json_array_foreach(falls_to, i, party)
    {
        const char *id = pv_member(party, "id");
        json_t     *counts = json_object_get(progress->parties, id);

        if (err == PV_OK && counts == NULL) {
            counts = json_pack("{s:O, s:i, s:i, s:i}", "party", party, "open",
                               0, "overdue", 0, "met", 0);
            err = pv_view_set(progress->parties, id, counts);
        }
        err = err == PV_OK ? count_up(counts, name) : err;
    }
    return err;
}

/* One commitment; a row is made of it when a list takes it. */
struct duty {
    struct pv_view_call    *call;
    const char             *id;
    const struct pv_record *record;
    json_t                 *falls_to;
    json_t                 *row; /* NULL: not yet */
};

static enum pv_err
add_row(json_t *rows, struct duty *duty)
{
    if (json_array_size(rows) == PV_VIEW_ROWS_MAX) {
        return PV_OK; /* the counts say how many there are */
    }
    if (duty->row == NULL) {
        duty->row = pv_view_duty(duty->call, duty->id, duty->record);
    }
    return duty->row != NULL && json_array_append(rows, duty->row) == 0
               ? PV_OK
               : PV_ENOMEM;
}

/* An entry that the week should have, and has not. */
static bool
is_missing(const struct pv_record *record, int64_t from)
{
    int64_t last = 0;

    if (!pv_member_true(record->body, "weekly") ||
        json_object_get(record->body, "measure") != NULL || /* */
        strcmp(pv_view_state(PV_KIND_COMMITMENT, record), "open") != 0) {
        return false;
    }
    return pv_member_day(record->body, "progress_day", &last) != PV_OK ||
           last < from;
}

static enum pv_err
count_open(struct progress *progress, struct duty *duty)
{
    int64_t     today = duty->call->today;
    int64_t     over = pv_duty_days_over(duty->record->body, today);
    enum pv_err err = add_row(progress->commitments, duty);

    if (err == PV_OK) {
        err = count_parties(progress, duty->falls_to, "open");
    }
    if (err == PV_OK && is_missing(duty->record, progress->from)) {
        err = add_row(progress->missing, duty);
    }
    if (err != PV_OK || over == 0) {
        return err;
    }
    err = count_up(progress->totals, "overdue");
    if (err == PV_OK) {
        err = count_parties(progress, duty->falls_to, "overdue");
    }
    /* its first day over lies in the week */
    if (err == PV_OK && today - over + 1 >= progress->from) {
        err = count_up(progress->week, "became_overdue");
        err = err == PV_OK ? add_row(progress->overdue, duty) : err;
    }
    return err;
}

static enum pv_err
count_met(struct progress *progress, struct duty *duty)
{
    enum pv_err err = count_parties(progress, duty->falls_to, "met");

    if (err != PV_OK || duty->record->from_day < progress->from) {
        return err;
    }
    err = count_up(progress->week, "met");
    if (err == PV_OK) {
        err = add_row(progress->met, duty);
    }
    return err == PV_OK ? add_row(progress->commitments, duty) : err;
}

static enum pv_err
count_duty(struct progress *progress, struct duty *duty)
{
    const struct pv_record *record = duty->record;
    const char             *state = pv_view_state(PV_KIND_COMMITMENT, record);
    int64_t                 made = 0;
    enum pv_err             err = count_up(progress->totals, state);

    if (err == PV_OK &&
        pv_member_day(record->body, "made_day", &made) == PV_OK &&
        made >= progress->from && made <= duty->call->today) {
        err = count_up(progress->week, "made");
    }
    if (err == PV_OK && pv_view_is_open(record)) {
        err = count_open(progress, duty);
    } else if (err == PV_OK && strcmp(state, "met") == 0) {
        err = count_met(progress, duty);
    }
    return err;
}

static enum pv_err
take_duty(struct pv_view_call *call, const char *id,
          const struct pv_record *record, void *context)
{
    struct progress *progress = context;
    struct duty      duty = {call, id, record, NULL, NULL};
    bool             ours = true;
    enum pv_err      err = PV_OK;

    if (progress->body[0] != '\0') {
        err = pv_view_is_of_body(call, record->body, progress->body, &ours);
    }
    if (err != PV_OK || !ours) {
        return err;
    }
    duty.falls_to = pv_view_falls_to(call, record);
    err = duty.falls_to == NULL ? PV_ENOMEM : count_duty(progress, &duty);
    json_decref(duty.falls_to); /* accept NULL */
    json_decref(duty.row);
    return err;
}

static json_t *
values_of(const json_t *object)
{
    json_t     *list = json_array();
    const char *name;
    json_t     *value;

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (json_array_append(list, value) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static bool
begin(struct pv_view_call *call, struct progress *progress)
{
    progress->from =
        call->today - (call->today + SATURDAY_SHIFT) % PV_WEEK_DAYS;
    progress->totals =
        json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "waiting", 0, "open", 0,
                  "reported", 0, "met", 0, "cancelled", 0, "overdue", 0);
    progress->week =
        json_pack("{s:i, s:i, s:i}", "made", 0, "met", 0, "became_overdue", 0);
    progress->parties = json_object();
    progress->met = json_array();
    progress->overdue = json_array();
    progress->missing = json_array();
    progress->commitments = json_array();
    return progress->totals != NULL && progress->week != NULL &&
           progress->parties != NULL && progress->met != NULL &&
           progress->overdue != NULL && progress->missing != NULL &&
           progress->commitments != NULL;
}

static void
end(struct progress *progress)
{
    json_t *const owned[] = {progress->totals,     progress->week,
                             progress->parties,    progress->met,
                             progress->overdue,    progress->missing,
                             progress->commitments};

    for (size_t i = 0; i < COUNT(owned); i++) {
        json_decref(owned[i]); /* accepts NULL */
    }
}

enum pv_err
pv_view_progress(struct pv_view_call *call, json_t **ret)
{
    struct progress progress = {.from = 0};
    char            day[PV_JALALI_ROOM];
    char            from[PV_JALALI_ROOM];
    json_t         *view = NULL;
    enum pv_err     err = begin(call, &progress) ? PV_OK : PV_ENOMEM;

    if (err == PV_OK) {
        err = pv_slice_to_cstr(call->param[PV_VIEW_BODY], progress.body,
                               sizeof(progress.body));
    }
    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_COMMITMENT, take_duty, &progress);
    }
    if (err == PV_OK) {
        pv_day_text(call->today, day);
        pv_day_text(progress.from, from);
        view = json_pack("{s:s, s:s, s:O, s:O, s:o, s:O, s:O, s:O, s:O}", "day",
                         day, "from", from, "totals", progress.totals, "week",
                         progress.week, "parties", values_of(progress.parties),
                         "met", progress.met, "became_overdue",
                         progress.overdue, "missing_entries", progress.missing,
                         "commitments", progress.commitments);
        err = view == NULL ? PV_ENOMEM : PV_OK;
    }
    end(&progress);
    if (err == PV_OK) {
        *ret = view;
    }
    return err;
}
