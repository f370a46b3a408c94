/*
 * view_duties.c - commitments as of a day: all, those of a party, overdue
 * ones, and whom to remind.
 */
#include "view_duties.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "kind_tables.h"
#include "measured.h"
#include "view_meeting.h"

/* ---- one ---- */

bool
pv_view_is_open(const struct pv_record *record)
{
    static const char *const open[] = {"waiting", "open", "reported", NULL};

    return pv_is_one_of(pv_view_state(PV_KIND_COMMITMENT, record), open);
}

bool
pv_view_days_left(const json_t *body, int64_t today, int64_t *ret)
{
    int64_t due = 0;

    if (pv_member_day(body, "due_day", &due) != PV_OK || due < today) {
        return false;
    }
    *ret = due - today;
    return true;
}

/* The due day in both calendars, and how far it is. */
static enum pv_err
add_days(struct pv_view_call *call, const struct pv_record *record, json_t *out)
{
    char        text[PV_TIME_TEXT_LEN + 1];
    int64_t     due = 0;
    int64_t     left = 0;
    enum pv_err err;

    if (pv_member_day(record->body, "due_day", &due) != PV_OK) {
        return PV_OK;
    }
    pv_time_text(due * PV_DAY_MS, text);
    text[PV_JALALI_TEXT_LEN] = '\0'; /* the date of it */
    err = pv_set(out, "due_gregorian", text);
    if (err != PV_OK || !pv_view_is_open(record)) {
        return err;
    }
    if (pv_view_days_left(record->body, call->today, &left)) {
        return pv_view_set(out, "days_left", json_integer(left));
    }
    return pv_view_set(
        out, "days_over",
        json_integer(pv_duty_days_over(record->body, call->today)));
}

json_t *
pv_view_falls_to(struct pv_view_call *call, const struct pv_record *record)
{
    const char *heir =
        pv_view_is_open(record) ? pv_duty_heir(record->body, call->today) : "";

    return heir[0] == '\0'
               ? pv_view_parties(call,
                                 json_object_get(record->body, "responsible"))
               : json_pack("[o]", pv_view_party(call, heir));
}

static enum pv_err
add_parties(struct pv_view_call *call, const struct pv_record *record,
            json_t *out)
{
    static const char *const lists[] = {"responsible", "collaborators",
                                        "taken_from"};
    enum pv_err              err = PV_OK;

    for (size_t i = 0; i < COUNT(lists) && err == PV_OK; i++) {
        const json_t *ids = json_object_get(record->body, lists[i]);

        if (ids != NULL) {
            err = pv_view_set(out, lists[i], pv_view_parties(call, ids));
        }
    }
    return err == PV_OK
               ? pv_view_set(out, "falls_to", pv_view_falls_to(call, record))
               : err;
}

/* What it has come to, where the registry can see it. */
static enum pv_err
add_measured(struct pv_view_call *call, const struct pv_record *record,
             json_t *out)
{
    struct pv_measured measured;
    enum pv_err        err;

    if (json_object_get(record->body, "measure") == NULL) {
        return PV_OK;
    }
    err = pv_duty_measured(call, record->body, &measured);
    return err != PV_OK
               ? err
               : pv_view_set(out, "measured",
                             json_pack("{s:I, s:I, s:I, s:b}", "done",
                                       measured.done, "whole", measured.whole,
                                       "permille", measured.permille, "reached",
                                       (int)measured.reached));
}

json_t *
pv_view_duty(struct pv_view_call *call, const char *id,
             const struct pv_record *record)
{
    static const char *const names[] = {
        "text_fa",    "text_en",     "due",         "due_day",
        "anchor_day", "output",      "extended_to", "last_done",
        "percent",    "progress_fa", "weekly",      "progress_day",
        "report",     "evidence",    "remarks",     "grants",
        "services",   "by_evidence", "plan",        "cites",
        "item",       "basis",       "note",        "made_day",
        "measure",    "resolution",  NULL};
    json_t *out = json_pack("{s:s, s:s}", "id", id, "state",
                            pv_view_state(PV_KIND_COMMITMENT, record));

    if (out == NULL || pv_view_copy(out, record->body, names) != PV_OK ||
        add_days(call, record, out) != PV_OK ||
        add_parties(call, record, out) != PV_OK ||
        add_measured(call, record, out) != PV_OK) {
        json_decref(out);
        return NULL;
    }
    return out;
}

/* ---- lists ---- */

enum wanted { ALL, STILL_OPEN, OVERDUE, TO_REMIND, IN_STATE };

struct list {
    enum wanted wanted;
    const char *state; /* IN_STATE */
    char        party[PV_RECORD_ID_MAX + 1];
    char        body[PV_RECORD_ID_MAX + 1];
    int64_t     within; /* days; -1: any */
};

static bool
concerns(const struct list *list, const json_t *body, int64_t today)
{
    return list->party[0] == '\0' ||
           pv_duty_falls_to(body, today, list->party) ||
           pv_list_has(json_object_get(body, "responsible"), list->party) ||
           pv_list_has(json_object_get(body, "collaborators"), list->party);
}

/* Due within the days asked for; the day is what costs time to read. */
static bool
is_soon(const struct pv_view_call *call, const struct list *list,
        const struct pv_record *record)
{
    int64_t left = 0;

    return pv_view_days_left(record->body, call->today, &left) &&
           (list->within < 0 || left <= list->within);
}

static bool
fits(const struct pv_view_call *call, const struct list *list,
     const struct pv_record *record)
{
    bool any = list->within < 0;

    switch (list->wanted) {
    case ALL:
        return any || is_soon(call, list, record);
    case STILL_OPEN:
        return pv_view_is_open(record) && (any || is_soon(call, list, record));
    case OVERDUE:
        return pv_view_is_open(record) &&
               pv_duty_days_over(record->body, call->today) > 0;
    case TO_REMIND:
        return pv_view_is_open(record) &&
               (is_soon(call, list, record) ||
                pv_duty_days_over(record->body, call->today) > 0);
    case IN_STATE:
        return strcmp(pv_view_state(PV_KIND_COMMITMENT, record), list->state) ==
               0;
    }
    return false;
}

static enum pv_err
take_duty(struct pv_view_call *call, const char *id,
          const struct pv_record *record, void *context, json_t **ret)
{
    struct list *list = context;
    bool         ours = true;
    enum pv_err  err = PV_OK;

    if (!fits(call, list, record) ||
        !concerns(list, record->body, call->today)) {
        return PV_OK;
    }
    if (list->body[0] != '\0') {
        err = pv_view_is_of_body(call, record->body, list->body, &ours);
    }
    if (err != PV_OK || !ours) {
        return err;
    }
    *ret = pv_view_duty(call, id, record);
    return *ret == NULL ? PV_ENOMEM : PV_OK;
}

static enum pv_err
read_list(struct pv_view_call *call, struct list *list)
{
    uint64_t    within = 0;
    enum pv_err err = PV_OK;

    if (call->param[PV_VIEW_WITHIN].len > 0) {
        err = pv_slice_to_u64(call->param[PV_VIEW_WITHIN], 100000, &within);
        list->within = (int64_t)within;
    }
    if (err == PV_OK) {
        err = pv_slice_to_cstr(call->param[PV_VIEW_PARTY], list->party,
                               sizeof(list->party));
    }
    if (err == PV_OK) {
        err = pv_slice_to_cstr(call->param[PV_VIEW_BODY], list->body,
                               sizeof(list->body));
    }
    return err == PV_OK ? PV_OK : PV_EINVAL;
}

/* The longest overdue first, then the next due, then those without a day. */
struct row {
    json_t *value; /* borrowed */
};

static int
by_day(const void *a, const void *b)
{
    const json_t *left = ((const struct row *)a)->value;
    const json_t *right = ((const struct row *)b)->value;
    const char   *one = pv_member(left, "due_day");
    const char   *two = pv_member(right, "due_day");
    int           order = strcmp(one, two);

    if (order != 0 && (one[0] == '\0' || two[0] == '\0')) {
        return one[0] == '\0' ? 1 : -1;
    }
    return order != 0 ? order
                      : strcmp(pv_member(left, "id"), pv_member(right, "id"));
}

static enum pv_err
sort_rows(json_t *view)
{
    json_t     *rows = json_object_get(view, "commitments");
    size_t      count = json_array_size(rows);
    struct row *row = calloc(count + 1, sizeof(*row));
    json_t     *sorted = json_array();

    if (row == NULL || sorted == NULL) {
        free(row);
        json_decref(sorted);
        return PV_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        row[i].value = json_array_get(rows, i);
    }
    qsort(row, count, sizeof(*row), by_day);
    for (size_t i = 0; i < count; i++) {
        if (json_array_append(sorted, row[i].value) != 0) {
            free(row);
            json_decref(sorted);
            return PV_ENOMEM;
        }
    }
    free(row);
    return pv_view_set(view, "commitments", sorted);
}

static enum pv_err
make_list(struct pv_view_call *call, struct list *list, const char *what,
          json_t **ret)
{
    char        day[PV_JALALI_ROOM];
    json_t     *view;
    enum pv_err err = read_list(call, list);

    pv_day_text(call->today, day);
    view = json_pack("{s:s, s:s}", "what", what, "day", day);
    if (err == PV_OK) {
        err = view == NULL ? PV_ENOMEM
                           : pv_view_rows(call, PV_KIND_COMMITMENT, take_duty,
                                          list, "commitments", view);
    }
    if (err == PV_OK && call->count == 0) { /* a page is by id */
        err = sort_rows(view);
    }
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}

enum pv_err
pv_view_commitments(struct pv_view_call *call, json_t **ret)
{
    static const struct {
        const char *word;
        enum wanted wanted;
    } words[] = {{"all", ALL},         {"still-open", STILL_OPEN},
                 {"overdue", OVERDUE}, {"waiting", IN_STATE},
                 {"open", IN_STATE},   {"reported", IN_STATE},
                 {"met", IN_STATE},    {"cancelled", IN_STATE}};
    struct pv_slice state = call->param[PV_VIEW_STATE];
    struct list     list = {.wanted = ALL, .within = -1};
    size_t          w = 0;

    while (state.len > 0 && w < COUNT(words) &&
           !pv_slice_eq(state, pv_slice_from(words[w].word))) {
        w++;
    }
    if (w == COUNT(words)) {
        return PV_EINVAL;
    }
    list.wanted = words[w].wanted;
    list.state = words[w].word;
    return make_list(call, &list, words[w].word, ret);
}

/* ---- reminders (R-310) ---- */

/* Before the day its party; after it the secretariat; long after, the body. */
static enum pv_err
add_reminder(struct pv_view_call *call, json_t *row)
{
    json_int_t  over = json_integer_value(json_object_get(row, "days_over"));
    const char *level = over == 0                   ? "before"
                        : over <= PV_ESCALATE_AFTER ? "overdue"
                                                    : "escalated";
    json_t     *remind = json_copy(json_object_get(row, "falls_to"));
    struct pv_record resolution = {.body = NULL};
    enum pv_err      err = remind == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK) {
        err = pv_view_set(row, "remind", remind);
    }
    if (err == PV_OK) {
        err = pv_set(row, "level", level);
    }
    if (err == PV_OK && over > 0) {
        err = json_array_append_new(
                  remind, pv_view_party(call, "it-council-secretariat")) == 0
                  ? PV_OK
                  : PV_ENOMEM;
    }
    if (err != PV_OK || over <= PV_ESCALATE_AFTER) {
        return err;
    }
    err = pv_view_get(call, PV_KIND_RESOLUTION, pv_member(row, "resolution"),
                      &resolution);
    if (err == PV_OK && pv_member(resolution.body, "body")[0] != '\0' &&
        json_array_append_new(
            remind, pv_view_party(call, pv_member(resolution.body, "body"))) !=
            0) {
        err = PV_ENOMEM;
    }
    pv_record_clear(&resolution);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

enum pv_err
pv_view_reminders(struct pv_view_call *call, json_t **ret)
{
    struct list list = {.wanted = TO_REMIND, .within = PV_REMIND_WITHIN};
    json_t     *view = NULL;
    json_t     *row;
    size_t      i;
    enum pv_err err = make_list(call, &list, "reminders", &view);

    json_array_foreach(json_object_get(view, "commitments"), i, row)
    {
        err = err == PV_OK ? add_reminder(call, row) : err;
    }
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}

/* ---- one with its history ---- */

struct history {
    const struct pv_view_call *call;
    json_t                    *list;
};

static enum pv_err
take_step(void *context, const struct pv_value *column)
{
    struct history            *history = context;
    const struct pv_view_call *call = history->call;
    char                       day[PV_JALALI_ROOM];
    json_t                    *step;

    if ((call->at.kind == PV_ON_DAY && column[2].number > call->at.n) ||
        (call->at.kind == PV_AT_NUMBER && column[1].number > call->at.n)) {
        return PV_OK;
    }
    pv_day_text(column[2].number, day);
    step =
        json_pack("{s:I, s:s, s:s%}", "decision", (json_int_t)column[1].number,
                  "day", day, "state", column[3].text.ptr, column[3].text.len);
    return json_array_append_new(history->list, step) == 0 ? PV_OK : PV_ENOMEM;
}

enum pv_err
pv_view_commitment(struct pv_view_call *call, json_t **ret)
{
    char             id[PV_RECORD_ID_MAX + 1];
    struct pv_record record = {.body = NULL};
    struct history   history = {call, json_array()};
    json_t          *view = NULL;
    enum pv_err      err = pv_slice_to_cstr(call->id, id, sizeof(id));

    if (err == PV_OK) {
        err = pv_view_get(call, PV_KIND_COMMITMENT, id, &record);
    }
    if (err == PV_OK) {
        struct pv_value arguments[] = {PV_TEXT(PV_LIT("commitment")),
                                       PV_TEXT(pv_slice_from(id))};

        err = pv_store_run(call->registry->store, PV_STMT_RECORD_HISTORY,
                           arguments, COUNT(arguments), take_step, &history);
    }
    if (err == PV_OK) {
        view = pv_view_duty(call, id, &record);
        err = view == NULL
                  ? PV_ENOMEM
                  : pv_view_set(view, "history", json_incref(history.list));
    }
    json_decref(history.list);
    pv_record_clear(&record);
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}
