/*
 * view_agenda.c - the next meeting's agenda, from everything that waits for
 * the body: standing items, requests, matters that only it decides,
 * what was deferred to it, and duties whose day has passed.
 * Each item names its matters; who is invited to it follows from them.
 */
#include <string.h>

#include "kind_tables.h"
#include "view.h"
#include "view_meeting.h"

#define WG "interoperability-working-group"
#define COUNCIL "executive-it-council"
#define NCC "supreme-council-cyberspace"

/* What stands on an agenda, in its order; states: what waits for it. */
struct topic {
    const char  *word;
    const char  *en;
    const char  *fa;
    bool         standing; /* on every agenda, also without matters */
    const char  *body;     /* NULL: of every body */
    enum pv_kind kind;     /* PV_KIND_END: no records */
    const char  *states[4];
};

static const struct topic topic_row[] = {
    {"opening",
     "opening of the meeting",
     "شروع جلسه",
     true,
     NULL,
     PV_KIND_END,
     {NULL}},
    {"access-requests",
     "access requests of agencies",
     "درخواست‌های دسترسی برای تبادل اطلاعات دستگاه‌های اجرایی",
     true,
     WG,
     PV_KIND_REQUEST,
     {"endorsed", "reported", NULL}},
    {"performance",
     "report on the work of the national exchange centre",
     "گزارش عملکرد مرکز ملی تبادل اطلاعات",
     true,
     WG,
     PV_KIND_END,
     {NULL}},
    {"breaches",
     "breaches of agreements",
     "نقض توافق‌نامه‌های سطح خدمت",
     false,
     WG,
     PV_KIND_AGREEMENT,
     {"in-force", NULL}},
    {"modes",
     "access modes proposed by providers",
     "شیوه‌های دسترسی پیشنهادی ارائه‌دهندگان",
     false,
     WG,
     PV_KIND_MODE,
     {"proposed", NULL}},
    {"passports",
     "passports under evaluation",
     "شناسنامه‌های در حال ارزیابی",
     false,
     WG,
     PV_KIND_PASSPORT,
     {"under-evaluation", "coordinated", NULL}},
    {"extensions",
     "extensions of due dates",
     "درخواست‌های استمهال",
     false,
     WG,
     PV_KIND_EXTENSION,
     {"requested", NULL}},
    {"exemptions",
     "exemptions of classified information",
     "درخواست‌های معافیت اطلاعات طبقه‌بندی‌شده",
     false,
     WG,
     PV_KIND_EXEMPTION,
     {"requested", NULL}},
    {"publications",
     "inquiries to be turned into publishing",
     "تبدیل استعلام به انتشار",
     false,
     WG,
     PV_KIND_PUBLICATION,
     {"proposed", "ncc-key", NULL}},
    {"publications",
     "inquiries to be turned into publishing",
     "تبدیل استعلام به انتشار",
     false,
     NCC,
     PV_KIND_PUBLICATION,
     {"proposed", "working-group-key", NULL}},
    {"nodes",
     "nodes of services at other agencies",
     "استقرار نود مستقل سرویس در دستگاه دیگر",
     false,
     WG,
     PV_KIND_SYSTEM,
     {"planned", NULL}},
    {"instructions",
     "instructions and standards",
     "دستورالعمل‌ها و استانداردها",
     false,
     NULL,
     PV_KIND_INSTRUCTION,
     {"draft", NULL}},
    {"links",
     "links outside the exchange centres",
     "ارتباط‌های اختصاصی بیرون از مراکز تبادل",
     false,
     COUNCIL,
     PV_KIND_LINK,
     {"proposed", "declared", NULL}},
    {"disputes",
     "disputes between agencies",
     "اختلاف دستگاه‌ها",
     false,
     COUNCIL,
     PV_KIND_DISPUTE,
     {"with-council", NULL}},
    {"disputes",
     "disputes between agencies",
     "اختلاف دستگاه‌ها",
     false,
     NCC,
     PV_KIND_DISPUTE,
     {"with-ncc", NULL}},
    {"custody",
     "disputed custody of registers",
     "تعیین متولی پایگاه‌های مورد اختلاف",
     false,
     NCC,
     PV_KIND_REGISTER,
     {"custodian-disputed", NULL}},
    {"deferred",
     "matters deferred to this meeting",
     "موارد موکول‌شده به این جلسه",
     false,
     NULL,
     PV_KIND_END,
     {NULL}},
    {"overdue",
     "commitments whose day has passed",
     "تکالیف سررسیدگذشته",
     false,
     NULL,
     PV_KIND_COMMITMENT,
     {"open", "reported", NULL}},
    {"other",
     "other requests received",
     "سایر درخواست‌های واصله",
     true,
     NULL,
     PV_KIND_END,
     {NULL}},
};

/* ---- what waits ---- */

struct waiting {
    const struct topic *topic;
    const char         *body;
    json_t             *matters; /* borrowed */
    bool                more;
};

static enum pv_err
belongs(struct pv_view_call *call, const struct waiting *waiting,
        const struct pv_record *record, bool *ret)
{
    *ret = pv_is_one_of(pv_view_state(waiting->topic->kind, record),
                        waiting->topic->states);
    if (*ret && waiting->topic->kind == PV_KIND_SYSTEM) {
        *ret = json_object_get(record->body, "host_agency") != NULL;
    }
    if (*ret && waiting->topic->kind == PV_KIND_AGREEMENT) { /* */
        *ret = json_array_size(json_object_get(record->body, "breaches")) > 0;
    }
    if (*ret && waiting->topic->kind == PV_KIND_COMMITMENT) {
        *ret = pv_duty_days_over(record->body, call->today) > 0;
        return *ret ? pv_view_is_of_body(call, record->body, waiting->body, ret)
                    : PV_OK;
    }
    return PV_OK;
}

static enum pv_err
take_waiting(struct pv_view_call *call, const char *id,
             const struct pv_record *record, void *context)
{
    struct waiting *waiting = context;
    bool            is_one = false;
    enum pv_err     err = belongs(call, waiting, record, &is_one);

    if (err != PV_OK || !is_one) {
        return err;
    }
    if (json_array_size(waiting->matters) == PV_VIEW_ROWS_MAX) {
        waiting->more = true;
        return PV_OK;
    }
    return json_array_append_new(
               waiting->matters,
               pv_view_matter(call, waiting->topic->kind, id, record)) == 0
               ? PV_OK
               : PV_ENOMEM;
}

/* ---- what was deferred (R-285) ---- */

/* Is a row of an earlier meeting on a later agenda of the body? */
static enum pv_err
note_taken_up(struct pv_view_call *call, const char *id,
              const struct pv_record *record, void *context)
{
    json_t *item;
    json_t *matter;
    size_t  i;
    size_t  m;

    (void)call;
    (void)id;
    json_array_foreach(json_object_get(record->body, "agenda"), i, item)
    {
        json_array_foreach(json_object_get(item, "matters"), m, matter)
        {
            char key[PV_RECORD_ID_MAX + 32];

            (void)snprintf(key, sizeof(key), "%s %lld", pv_member(matter, "id"),
                           (long long)json_integer_value(
                               json_object_get(matter, "row"))); /* ids fit */
            if (strcmp(pv_member(matter, "kind"), "meeting") == 0 &&
                json_object_set_new(context, key, json_true()) != 0) {
                return PV_ENOMEM;
            }
        }
    }
    return PV_OK;
}

struct deferred {
    const char *body;
    json_t     *taken_up; /* "m35 4" */
    json_t     *matters;
};

static const char *
text_of_row(const json_t *agenda, json_int_t row)
{
    json_t *item;
    size_t  i;

    json_array_foreach(agenda, i, item)
    {
        if (json_integer_value(json_object_get(item, "row")) == row) {
            return pv_member(item, "text_fa");
        }
    }
    return "";
}

static enum pv_err
take_deferred(struct pv_view_call *call, const char *id,
              const struct pv_record *record, void *context)
{
    struct deferred *deferred = context;
    json_t          *outcome;
    size_t           i;

    (void)call;
    if (strcmp(pv_member(record->body, "body"), deferred->body) != 0) {
        return PV_OK;
    }
    json_array_foreach(json_object_get(record->body, "outcomes"), i, outcome)
    {
        json_int_t row = json_integer_value(json_object_get(outcome, "row"));
        char       key[PV_RECORD_ID_MAX + 32];

        (void)snprintf(key, sizeof(key), "%s %lld", id,
                       (long long)row); /* ids fit */
        if (strcmp(pv_member(outcome, "outcome"), "deferred") != 0 ||
            json_object_get(deferred->taken_up, key) != NULL) {
            continue;
        }
        if (json_array_append_new(
                deferred->matters,
                json_pack(
                    "{s:s, s:s, s:I, s:s, s:[]}", "kind", "meeting", "id", id,
                    "row", row, "text_fa",
                    text_of_row(json_object_get(record->body, "agenda"), row),
                    "parties")) != 0) {
            return PV_ENOMEM;
        }
    }
    return PV_OK;
}

/* Duties that are due at a meeting whose day was not known. */
static enum pv_err
take_owed(struct pv_view_call *call, const char *id,
          const struct pv_record *record, void *context)
{
    static const char *const open[] = {"open", "reported", NULL};
    struct deferred         *deferred = context;
    const json_t            *due = json_object_get(record->body, "due");
    bool                     ours = false;
    enum pv_err              err;

    if (!pv_is_one_of(pv_view_state(PV_KIND_COMMITMENT, record), open) ||
        strcmp(pv_member(due, "from"), "meeting") != 0) {
        return PV_OK;
    }
    err = pv_view_is_of_body(call, record->body, deferred->body, &ours);
    if (err != PV_OK || !ours) {
        return err;
    }
    return json_array_append_new(
               deferred->matters,
               pv_view_matter(call, PV_KIND_COMMITMENT, id, record)) == 0
               ? PV_OK
               : PV_ENOMEM;
}

static enum pv_err
add_deferred(struct pv_view_call *call, const char *body, json_t *matters)
{
    struct deferred deferred = {body, json_object(), matters};
    enum pv_err     err = deferred.taken_up == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_MEETING, note_taken_up,
                           deferred.taken_up);
    }
    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_MEETING, take_deferred, &deferred);
    }
    if (err == PV_OK) {
        err = pv_view_each(call, PV_KIND_COMMITMENT, take_owed, &deferred);
    }
    json_decref(deferred.taken_up);
    return err;
}

/* ---- the agenda ---- */

/* Onboarding begins with custodians: what they are asked for first. */
static enum pv_err
custodians_first(struct pv_view_call *call, json_t **matters)
{
    json_t     *holder = json_pack("{s:O}", "matters", *matters);
    enum pv_err err =
        holder == NULL
            ? PV_ENOMEM
            : pv_view_custodians_first(call, holder, "matters", "parties");

    if (err == PV_OK) {
        json_decref(*matters);
        *matters = json_incref(json_object_get(holder, "matters"));
    }
    json_decref(holder); /* accepts NULL */
    return err;
}

static enum pv_err
add_topic(struct pv_view_call *call, const struct topic *topic,
          const char *body, json_t *items)
{
    json_t        *matters = json_array();
    struct waiting waiting = {topic, body, matters, false};
    json_t        *item;
    enum pv_err    err = matters == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK && topic->kind != PV_KIND_END) {
        err = pv_view_each(call, topic->kind, take_waiting, &waiting);
    } else if (err == PV_OK && strcmp(topic->word, "deferred") == 0) {
        err = add_deferred(call, body, matters);
    }
    if (err == PV_OK && topic->kind == PV_KIND_REQUEST) {
        err = custodians_first(call, &matters);
    }
    if (err != PV_OK || (json_array_size(matters) == 0 && !topic->standing)) {
        json_decref(matters);
        return err;
    }
    item = json_pack("{s:I, s:s, s:s, s:s, s:o}", "row",
                     (json_int_t)json_array_size(items) + 1, "topic",
                     topic->word, "text_en", topic->en, "text_fa", topic->fa,
                     "matters", matters);
    if (item != NULL && waiting.more) {
        err = pv_view_set(item, "more", json_true());
    }
    return err == PV_OK && json_array_append_new(items, item) == 0 ? PV_OK
                                                                   : PV_ENOMEM;
}

enum pv_err
pv_view_agenda(struct pv_view_call *call, json_t **ret)
{
    char        body[PV_RECORD_ID_MAX + 1] = WG;
    char        day[PV_JALALI_ROOM];
    json_t     *items = json_array();
    json_t     *view = NULL;
    enum pv_err err = items == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK && call->param[PV_VIEW_BODY].len > 0) {
        err = pv_slice_to_cstr(call->param[PV_VIEW_BODY], body, sizeof(body));
    }
    for (size_t t = 0; t < COUNT(topic_row) && err == PV_OK; t++) {
        if (topic_row[t].body == NULL || strcmp(topic_row[t].body, body) == 0) {
            err = add_topic(call, &topic_row[t], body, items);
        }
    }
    if (err == PV_OK) {
        pv_day_text(call->today, day);
        view = json_pack("{s:o, s:s, s:O}", "body",
                         pv_view_name(call, PV_KIND_BODY, body), "day", day,
                         "items", items);
        err = view == NULL ? PV_ENOMEM : pv_view_invite(call, body, view);
    }
    json_decref(items);
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}
