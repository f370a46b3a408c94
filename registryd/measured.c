/* measured.c - see measured.h. */
#include "measured.h"

#include <string.h>

#include "kind_tables.h"
#include "rules.h"

#define PERMILLE 1000
#define COUNT_MAX 1000000

static const struct {
    const char  *word;
    enum pv_kind of;    /* what is counted */
    const char  *owner; /* its member that names the agency */
    enum pv_kind by;    /* what shows it; of itself: its own state */
    const char  *state;
} measure_row[] = {
    {"services-live", PV_KIND_SERVICE, "provider", PV_KIND_VERSION, "live"},
    {"passports-confirmed", PV_KIND_SERVICE, "provider", PV_KIND_PASSPORT,
     "confirmed"},
    {"inquiries-electronic", PV_KIND_INQUIRY, "agency", PV_KIND_INQUIRY,
     "electronic"},
};

static size_t
row_of(const char *word)
{
    size_t i = 0;

    while (i < COUNT(measure_row) && strcmp(measure_row[i].word, word) != 0) {
        i++;
    }
    return i;
}

bool
pv_is_duty_measure(const json_t *measure)
{
    const json_t *permille = json_object_get(measure, "permille");
    const json_t *count = json_object_get(measure, "count");
    const json_t *target = permille == NULL ? count : permille;

    return json_object_size(measure) == 2 && json_is_integer(target) &&
           json_integer_value(target) > 0 &&
           json_integer_value(target) <=
               (permille == NULL ? COUNT_MAX : PERMILLE) &&
           row_of(pv_member(measure, "of")) < COUNT(measure_row);
}

/* Does any record of that kind that names it stand in the state? */
static enum pv_err
is_shown(struct pv_view_call *call, size_t row, const char *id, bool *ret)
{
    enum pv_kind by = measure_row[row].by;
    json_t      *ids = NULL;
    json_t      *user;
    size_t       i;
    enum pv_err  err = pv_record_users(
         call->registry, pv_kind_row(measure_row[row].of)->name, id, by, &ids);

    *ret = false;
    json_array_foreach(ids, i, user)
    {
        struct pv_record record = {.body = NULL};

        if (err != PV_OK || *ret) {
            break;
        }
        err = pv_view_get(call, by, json_string_value(user), &record);
        *ret = err == PV_OK &&
               strcmp(pv_view_state(by, &record), measure_row[row].state) == 0;
        pv_record_clear(&record);
        err = err == PV_ENOTFOUND ? PV_OK : err; /* not yet, at that moment */
    }
    json_decref(ids); /* accepts NULL */
    return err;
}

/* One thing that names the agency; it may be another's. */
static enum pv_err
count_one(struct pv_view_call *call, size_t row, const char *agency,
          const char *id, struct pv_measured *ret)
{
    enum pv_kind     of = measure_row[row].of;
    struct pv_record record = {.body = NULL};
    const char      *state;
    bool             shown = false;
    enum pv_err      err = pv_view_get(call, of, id, &record);

    if (err != PV_OK) {
        return err == PV_ENOTFOUND ? PV_OK : err;
    }
    state = pv_view_state(of, &record);
    if (strcmp(pv_member(record.body, measure_row[row].owner), agency) == 0 &&
        strcmp(state, "ended") != 0) {
        ret->whole++;
        if (of == measure_row[row].by) {
            shown = strcmp(state, measure_row[row].state) == 0;
        } else {
            err = is_shown(call, row, id, &shown);
        }
        ret->done += shown;
    }
    pv_record_clear(&record);
    return err;
}

static enum pv_err
count_agency(struct pv_view_call *call, size_t row, const char *agency,
             struct pv_measured *ret)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err = pv_record_users(call->registry, "agency", agency,
                                      measure_row[row].of, &ids);

    json_array_foreach(ids, i, id)
    {
        err = err == PV_OK
                  ? count_one(call, row, agency, json_string_value(id), ret)
                  : err;
    }
    json_decref(ids); /* accepts NULL */
    return err;
}

enum pv_err
pv_duty_measured(struct pv_view_call *call, const json_t *body,
                 struct pv_measured *ret)
{
    const json_t *measure = json_object_get(body, "measure");
    const json_t *permille = json_object_get(measure, "permille");
    size_t        row = row_of(pv_member(measure, "of"));
    json_t       *party;
    size_t        i;
    enum pv_err   err = row == COUNT(measure_row) ? PV_ECORRUPT : PV_OK;

    *ret = (struct pv_measured){.done = 0};
    json_array_foreach(json_object_get(body, "responsible"), i, party)
    {
        err = err == PV_OK
                  ? count_agency(call, row, json_string_value(party), ret)
                  : err;
    }
    ret->permille = ret->whole == 0 ? 0 : ret->done * PERMILLE / ret->whole;
    ret->reached =
        ret->whole > 0 &&
        (permille == NULL ? ret->done >= json_integer_value(
                                             json_object_get(measure, "count"))
                          : ret->done * PERMILLE >=
                                ret->whole * json_integer_value(permille));
    return err;
}
