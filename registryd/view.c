/*
 * view.c - the table of views, what may be asked of them, and their forms.
 */
#include "view.h"

#include <string.h>

#include "base/num.h"
#include "csv.h"
#include "html.h"
#include "kind_tables.h"

const char *const pv_view_param_name[PV_VIEW_PARAMS] = {
    [PV_VIEW_AS_OF] = "as_of",   [PV_VIEW_AT] = "at",
    [PV_VIEW_FORMAT] = "format", [PV_VIEW_LANG] = "lang",
    [PV_VIEW_PARTY] = "party",   [PV_VIEW_STATE] = "state",
    [PV_VIEW_WITHIN] = "within", [PV_VIEW_BODY] = "body",
    [PV_VIEW_OF] = "of",         [PV_VIEW_IN] = "in",
    [PV_VIEW_AFTER] = "after",   [PV_VIEW_COUNT] = "count",
};

#define TAKES(param) (UINT32_C(1) << (param))
#define ALWAYS                                                                 \
    (TAKES(PV_VIEW_AS_OF) | TAKES(PV_VIEW_AT) | TAKES(PV_VIEW_FORMAT) |        \
     TAKES(PV_VIEW_LANG))
#define PAGES (TAKES(PV_VIEW_AFTER) | TAKES(PV_VIEW_COUNT))

static const char *const        duty_columns[] = {"id",
                                                  "state",
                                                  "due_day",
                                                  "due_gregorian",
                                                  "days_over",
                                                  "percent",
                                                  "measured.done",
                                                  "measured.whole",
                                                  "measured.permille",
                                                  "progress_day",
                                                  "falls_to.id",
                                                  "falls_to.name_fa",
                                                  "responsible.id",
                                                  "collaborators.id",
                                                  "resolution",
                                                  "label",
                                                  "output",
                                                  "text_fa",
                                                  "text_en",
                                                  NULL};
static const char *const        reminder_columns[] = {"id",
                                                      "level",
                                                      "remind.id",
                                                      "due_day",
                                                      "due_gregorian",
                                                      "days_left",
                                                      "days_over",
                                                      "falls_to.id",
                                                      "falls_to.name_fa",
                                                      "text_fa",
                                                      NULL};
static const struct pv_view_csv duties_csv = {"commitments", duty_columns};
static const struct pv_view_csv reminders_csv = {"commitments",
                                                 reminder_columns};
static const char *const        duplicate_columns[] = {
           "id", "consumer.id", "provider.id", "version", "same_as", "common", NULL};
static const char *const link_columns[] = {
    "id",     "state",     "since",      "parties.id", "base_data",
    "permit", "exemption", "violations", "what_fa",    NULL};
static const char *const missing_columns[] = {"id", "agency.id", "service.id",
                                              "needs", NULL};
static const struct pv_view_csv duplicates_csv = {"paths", duplicate_columns};
static const struct pv_view_csv links_csv = {"links", link_columns};
static const char *const        ending_columns[] = {
           "id",        "agency.id", "system.id", "last_day", "last_gregorian",
           "days_left", "renewed",   NULL};
static const struct pv_view_csv ending_csv = {"certificates", ending_columns};
static const struct pv_view_csv missing_csv = {"passports", missing_columns};

static const char *const backlog_columns[] = {
    "agency.id", "agency.name_fa", "custodian", "registers", "connected",
    "services",  "paper",          "links",     NULL};
static const char *const breach_columns[] = {
    "id",    "version", "side", "party.id", "measure", "value",
    "limit", "unit",    "from", "until",    NULL};
static const char *const unagreed_columns[] = {"id", "consumer.id",
                                               "provider.id", "version", NULL};
static const char *const grant_columns[] = {
    "id",      "consumer.id", "provider.id", "version",
    "methods", "resolution",  "state",       NULL};
static const char *const caller_columns[] = {
    "id",      "consumer.id", "unit",       "system",
    "version", "methods",     "resolution", NULL};
static const struct pv_view_csv callers_csv = {"grants", caller_columns};
static const char *const        passport_columns[] = {
           "id", "agency.id", "of", "service.id", "code", "confirmed", NULL};
static const char *const count_columns[] = {
    "agency.id", "agency.name_fa", "services", "passports",
    "confirmed", "under_way",      NULL};
static const char *const path_columns[] = {"path", "decisions", "accesses",
                                           "permille", NULL};
static const char *const demand_columns[] = {
    "id", "provider.id", "requests", "open_requests", "grants", "modes", NULL};
static const char *const unrepresented_columns[] = {
    "agency.id", "agency.name_fa", "since", "due_day", "days_over", NULL};
static const char *const basis_columns[] = {
    "kind", "id", "title_fa", "name_fa", "legal_basis", NULL};
static const struct pv_view_csv bases_csv = {"bases", basis_columns};
static const struct pv_view_csv backlog_csv = {"agencies", backlog_columns};
static const struct pv_view_csv breaches_csv = {"breaches", breach_columns};
static const struct pv_view_csv unagreed_csv = {"grants", unagreed_columns};
static const struct pv_view_csv grants_csv = {"grants", grant_columns};
static const struct pv_view_csv passports_csv = {"passports", passport_columns};
static const struct pv_view_csv counts_csv = {"agencies", count_columns};
static const struct pv_view_csv paths_csv = {"paths", path_columns};
static const struct pv_view_csv demand_csv = {"services", demand_columns};
static const struct pv_view_csv unrepresented_csv = {"agencies",
                                                     unrepresented_columns};

static const struct pv_view_row view_row[] = {
    {"status", false, 0, pv_view_status, pv_view_status_html, NULL},
    {"access-paths", false, 0, pv_view_access_paths, NULL, &paths_csv},
    {"backlog", false, PAGES, pv_view_backlog, NULL, &backlog_csv},
    {"breaches", false, TAKES(PV_VIEW_PARTY) | TAKES(PV_VIEW_STATE) | PAGES,
     pv_view_breaches, pv_view_breaches_html, &breaches_csv},
    {"demand", false, TAKES(PV_VIEW_PARTY) | PAGES, pv_view_demand, NULL,
     &demand_csv},
    {"grants-without-agreement", false, TAKES(PV_VIEW_PARTY) | PAGES,
     pv_view_no_agreement, NULL, &unagreed_csv},
    {"passport-counts", false, PAGES, pv_view_passport_counts,
     pv_view_passport_counts_html, &counts_csv},
    {"public-grants", false, TAKES(PV_VIEW_PARTY) | PAGES,
     pv_view_public_grants, pv_view_public_grants_html, &grants_csv},
    {"public-passports", false, TAKES(PV_VIEW_PARTY) | PAGES,
     pv_view_public_passports, pv_view_public_passports_html, &passports_csv},
    {"representatives", false, PAGES, pv_view_representatives, NULL,
     &unrepresented_csv},
    {"agenda", false, TAKES(PV_VIEW_BODY), pv_view_agenda, pv_view_agenda_html,
     NULL},
    {"callers", false, TAKES(PV_VIEW_PARTY) | PAGES, pv_view_callers, NULL,
     &callers_csv},
    {"code", true, TAKES(PV_VIEW_OF) | TAKES(PV_VIEW_IN), pv_view_code, NULL,
     NULL},
    {"code-map", true, 0, pv_view_code_map, NULL, NULL},
    {"commitment", true, 0, pv_view_commitment, pv_view_commitment_html, NULL},
    {"commitments", false,
     TAKES(PV_VIEW_STATE) | TAKES(PV_VIEW_PARTY) | TAKES(PV_VIEW_WITHIN) |
         TAKES(PV_VIEW_BODY) | PAGES,
     pv_view_commitments, pv_view_commitments_html, &duties_csv},
    {"progress", false, TAKES(PV_VIEW_BODY), pv_view_progress,
     pv_view_progress_html, &duties_csv},
    {"duplicate-paths", false, TAKES(PV_VIEW_PARTY) | PAGES,
     pv_view_duplicate_paths, NULL, &duplicates_csv},
    {"ending", false, TAKES(PV_VIEW_PARTY) | TAKES(PV_VIEW_WITHIN) | PAGES,
     pv_view_ending, NULL, &ending_csv},
    {"legal-bases", false, TAKES(PV_VIEW_OF), pv_view_legal_bases, NULL,
     &bases_csv},
    {"links", false, TAKES(PV_VIEW_PARTY) | TAKES(PV_VIEW_STATE) | PAGES,
     pv_view_links, NULL, &links_csv},
    {"missing-requests", false, TAKES(PV_VIEW_PARTY) | PAGES,
     pv_view_missing_requests, NULL, &missing_csv},
    {"reminders", false, TAKES(PV_VIEW_PARTY) | TAKES(PV_VIEW_WITHIN) | PAGES,
     pv_view_reminders, pv_view_commitments_html, &reminders_csv},
    {"meeting", true, 0, pv_view_meeting, pv_view_meeting_html, NULL},
    {"resolution", true, 0, pv_view_resolution, pv_view_resolution_html, NULL},
};

/* ---- the question ---- */

static const struct pv_view_row *
find_view(struct pv_slice path, struct pv_slice *ret_id)
{
    struct pv_slice name;
    bool            has_id = pv_slice_cut(path, '/', &name, ret_id);

    for (size_t i = 0; i < COUNT(view_row); i++) {
        if (pv_slice_eq(name, pv_slice_from(view_row[i].name))) {
            return view_row[i].needs_id == has_id ? &view_row[i] : NULL;
        }
    }
    return NULL;
}

static enum pv_err
read_moment(struct pv_view_call *call)
{
    int64_t (*clock)(void) = call->registry->config.clock;
    struct pv_slice as_of = call->param[PV_VIEW_AS_OF];
    struct pv_slice at = call->param[PV_VIEW_AT];
    struct pv_civil date;
    uint64_t        number = 0;
    enum pv_err     err = PV_OK;

    call->today =
        pv_time_tehran_day(clock == NULL ? pv_time_wall_ms() : clock());
    if (as_of.len > 0 && at.len > 0) {
        return PV_EINVAL;
    }
    if (as_of.len > 0) {
        call->at.kind = PV_ON_DAY;
        err = pv_jalali_parse(as_of, &date);
        err = err == PV_OK ? pv_jalali_to_days(date, &call->at.n) : err;
        call->today = call->at.n;
    } else if (at.len > 0) {
        call->at.kind = PV_AT_NUMBER;
        err = pv_slice_to_u64(at, INT64_MAX, &number);
        call->at.n = (int64_t)number;
    }
    return err == PV_OK ? PV_OK : PV_EINVAL;
}

static enum pv_err
read_form(struct pv_view_call *call)
{
    static const char *const formats[] = {[PV_VIEW_JSON] = "json",
                                          [PV_VIEW_HTML] = "html",
                                          [PV_VIEW_CSV] = "csv"};
    struct pv_slice          format = call->param[PV_VIEW_FORMAT];
    struct pv_slice          lang = call->param[PV_VIEW_LANG];
    size_t                   f = 0;

    while (format.len > 0 && f < COUNT(formats) &&
           !pv_slice_eq(format, pv_slice_from(formats[f]))) {
        f++;
    }
    if (f == COUNT(formats)) {
        return PV_EINVAL;
    }
    call->format = (enum pv_view_format)f;
    call->fa = !pv_slice_eq(lang, PV_LIT("en"));
    return lang.len == 0 || !call->fa || pv_slice_eq(lang, PV_LIT("fa"))
               ? PV_OK
               : PV_EINVAL;
}

/* A page has a size; without one the list is whole. */
static enum pv_err
read_page(struct pv_view_call *call)
{
    uint64_t    count = 0;
    enum pv_err err = PV_OK;

    if (call->param[PV_VIEW_COUNT].len > 0) {
        err = pv_slice_to_u64(call->param[PV_VIEW_COUNT], PV_VIEW_COUNT_MAX,
                              &count);
        err = err == PV_OK && count > 0 ? PV_OK : PV_EINVAL;
    }
    if (err == PV_OK && call->param[PV_VIEW_AFTER].len > 0) {
        err = count > 0 && pv_is_record_id(call->param[PV_VIEW_AFTER])
                  ? pv_slice_to_cstr(call->param[PV_VIEW_AFTER], call->after,
                                     sizeof(call->after))
                  : PV_EINVAL;
    }
    call->count = (size_t)count;
    return err;
}

static enum pv_err
read_call(struct pv_view_call *call, const struct pv_view_row *row)
{
    enum pv_err err = PV_OK;

    for (size_t p = 0; p < PV_VIEW_PARAMS; p++) {
        if (call->param[p].len > 0 &&
            ((row->params | ALWAYS) & TAKES(p)) == 0) {
            return PV_EINVAL;
        }
    }
    if (row->needs_id && !pv_is_record_id(call->id)) {
        return PV_ENOTFOUND;
    }
    err = read_page(call);
    if (err == PV_OK) {
        err = read_moment(call);
    }
    return err == PV_OK ? read_form(call) : err;
}

/* ---- the answer ---- */

static enum pv_err
write_view(const struct pv_view_call *call, const struct pv_view_row *row,
           const json_t *view, struct pv_buf *out, const char **ret_type)
{
    struct pv_html html = {out, call->fa, PV_OK};

    switch (call->format) {
    case PV_VIEW_JSON:
        *ret_type = "application/json";
        return pv_canonical(view, out);
    case PV_VIEW_HTML:
        if (row->html == NULL) {
            return PV_EINVAL;
        }
        *ret_type = "text/html; charset=utf-8";
        row->html(&html, view);
        return html.err;
    case PV_VIEW_CSV:
        if (row->csv == NULL) {
            return PV_EINVAL;
        }
        *ret_type = "text/csv; charset=utf-8; header=present";
        return pv_csv(json_object_get(view, row->csv->rows), row->csv->columns,
                      out);
    }
    return PV_ESTATE;
}

enum pv_err
pv_view(struct pv_registry *registry, uint64_t hidden,
        const struct pv_slice param[PV_VIEW_PARAMS], struct pv_slice path,
        struct pv_buf *out, const char **ret_type,
        char ret_next[PV_RECORD_ID_MAX + 1])
{
    struct pv_view_call       call = {.registry = registry, .hidden = hidden};
    const struct pv_view_row *row = find_view(path, &call.id);
    json_t                   *view = NULL;
    enum pv_err               err;

    if (row == NULL) {
        return PV_ENOTFOUND;
    }
    memcpy(call.param, param, sizeof(call.param));
    err = read_call(&call, row);
    if (err == PV_OK) {
        call.names = json_object();
        err = call.names == NULL ? PV_ENOMEM : row->build(&call, &view);
    }
    if (err == PV_OK) {
        err = write_view(&call, row, view, out, ret_type);
    }
    (void)snprintf(ret_next, PV_RECORD_ID_MAX + 1, "%s",
                   pv_member(view, "next")); /* an id fits */
    json_decref(view);                       /* accepts NULL */
    json_decref(call.names);
    return err;
}
