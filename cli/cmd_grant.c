/*
 * cmd_grant.c - payvand image grant list: who may call what, since when, under
 * which resolution, and what still stands in the way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "names.h"

#define LIST_BYTES_MAX (256u << 20)
#define COLUMNS 9

static const size_t column[COLUMNS] = {22, 38, 15, 68, 23, 23, 18, 28, 0};

struct listing {
    const struct pv_list_options *options;
    struct pv_names               names;
    struct pv_policy             *policy;
    int64_t                       now_ms;
    struct item                  *item; /* owned; gathered in one walk */
    size_t                        count;
    size_t                        room;
};

struct item {
    struct pv_image_place place;
    struct pv_grant_row   row;
    uint8_t               mode; /* enum pv_mode_kind; 0: a grant */
};

static enum pv_err
gather(void *context, const struct pv_image_item *found)
{
    struct listing *list = context;

    if (list->count == list->room) {
        size_t       room = list->room == 0 ? 256 : list->room * 2;
        struct item *more = reallocarray(list->item, room, sizeof(*more));

        if (more == NULL) {
            return PV_ENOMEM;
        }
        list->item = more;
        list->room = room;
    }
    list->item[list->count++] = (struct item){
        .place = found->place,
        .row = *found->grant,
        .mode = found->mode == NULL ? 0 : found->mode->mode,
    };
    return PV_OK;
}

/* What the row amounts to now; NONE when it allows. */
static enum pv_reason
state_of(const struct pv_grant_row *row, int64_t now_ms)
{
    enum pv_reason blocked = pv_reason_now(row->blocked, row->blocked_since_ms,
                                           row->blocked_until_ms, now_ms);
    bool           mode = row->kind == PV_GRANT_MODE;

    if (blocked != PV_REASON_NONE) {
        return blocked;
    }
    if (now_ms < row->start_ms) {
        return mode ? PV_REASON_MODE_NOT_STARTED : PV_REASON_GRANT_NOT_STARTED;
    }
    if (row->end_ms != 0 && now_ms >= row->end_ms) {
        return mode ? PV_REASON_MODE_ENDED : PV_REASON_GRANT_ENDED;
    }
    return PV_REASON_NONE;
}

struct described {
    char           consumer[PV_POLICY_PATH_MAX + 1];
    char           subject[PV_POLICY_PATH_MAX + 1]; /* system or unit; "" */
    char           path[PV_POLICY_PATH_MAX + 1];
    char           service[PV_POLICY_ID_MAX + 1];
    const char    *level;
    enum pv_reason state;
};

static const char *
level_of(const struct item *item)
{
    static const char *const mode[] = {[0] = "mode",
                                       [PV_MODE_ALL] = "mode-all",
                                       [PV_MODE_ALL_EXCEPT] = "mode-all-except",
                                       [PV_MODE_ALLOW_LIST] =
                                           "mode-allow-list"};

    switch (item->place.level) {
    case PV_GRANT_SYSTEM:
        return "system";
    case PV_GRANT_UNIT:
        return "unit";
    case PV_GRANT_AGENCY:
        return "agency";
    case PV_GRANT_GROUP:
        return "group";
    default:
        return mode[item->mode <= PV_MODE_ALLOW_LIST ? item->mode : 0];
    }
}

static enum pv_err
describe(const struct listing *list, const struct item *item,
         struct described *ret)
{
    struct pv_slice rest;
    struct pv_slice part;
    enum pv_err     err;

    *ret = (struct described){.level = level_of(item),
                              .state = state_of(&item->row, list->now_ms)};
    memcpy(ret->consumer, "*", 2);
    err = pv_policy_id_of(list->policy, PV_IMAGE_METHOD, item->place.method,
                          ret->path);
    if (err == PV_OK && item->place.level != PV_GRANT_MODE) {
        err = pv_policy_id_of(list->policy, PV_IMAGE_AGENCY, item->place.agency,
                              ret->consumer);
    }
    if (err == PV_OK && item->place.level == PV_GRANT_SYSTEM) {
        err = pv_policy_id_of(list->policy, PV_IMAGE_SYSTEM,
                              item->place.subject, ret->subject);
    }
    if (err == PV_OK && item->place.level == PV_GRANT_UNIT) {
        err = pv_policy_id_of(list->policy, PV_IMAGE_UNIT, item->place.subject,
                              ret->subject);
    }
    if (err != PV_OK) {
        return err;
    }
    rest = pv_slice_from(ret->path); /* /x/provider/service/version/method */
    for (int i = 0; i < 4; i++) {
        (void)pv_slice_cut(rest, '/', &part, &rest); /* a short path: empty */
    }
    return pv_slice_to_cstr(part, ret->service, sizeof(ret->service));
}

static bool
wanted(const struct listing *list, const struct described *is)
{
    const char *consumer = list->options->consumer;
    const char *service = list->options->service;

    return (consumer == NULL || strcmp(consumer, is->consumer) == 0 ||
            strcmp(consumer, is->subject) == 0) &&
           (service == NULL || strcmp(service, is->service) == 0 ||
            strcmp(service, is->path) == 0);
}

static void
write_json(struct pv_json *json, const struct listing *list,
           const struct item *item, const struct described *is)
{
    const struct pv_grant_row *row = &item->row;
    const char *name = pv_names_agency(&list->names, PV_LANG_FA, is->consumer);

    pv_json_object(json, NULL);
    pv_json_id(json, "grant", &row->id);
    pv_json_text(json, "level", is->level);
    pv_json_text(json, "consumer", is->consumer);
    if (name != NULL) {
        pv_json_text(json, "consumer_fa", name);
    }
    if (is->subject[0] != '\0') {
        pv_json_text(json, is->level, is->subject);
    }
    pv_json_text(json, "service", is->service);
    pv_json_text(json, "path", is->path);
    pv_json_id(json, "resolution", &row->resolution);
    pv_json_u64(json, "decision", row->decision);
    pv_json_date(json, "start", row->start_ms);
    pv_json_date(json, "end", row->end_ms);
    pv_json_array(json, "purposes");
    for (size_t i = 0; i < row->purpose_count; i++) {
        pv_json_id(json, NULL, &row->purpose[i]);
    }
    pv_json_end_array(json);
    pv_json_u64(json, "rate_per_s", row->rate_per_s);
    pv_json_u64(json, "burst", row->burst);
    pv_json_u64(json, "per_day", row->per_day);
    pv_json_text(json, "quota_per", row->per_member ? "member" : "grant");
    pv_json_u64(json, "max_calls_answered", row->max_answered);
    pv_json_bool(json, "needs_consent", row->needs_consent);
    pv_json_bool(json, "in_force", is->state == PV_REASON_NONE);
    pv_json_reason(json, "missing", is->state);
    pv_json_text(json, "basis", row->proposed ? "proposed" : "document");
    pv_json_end_object(json);
}

static enum pv_err
write_text(struct pv_buf *out, const struct listing *list,
           const struct item *item, const struct described *is)
{
    const struct pv_grant_row *row = &item->row;
    enum pv_lang               lang = list->options->lang;
    const char     *name = pv_names_agency(&list->names, lang, is->consumer);
    struct pv_slice state =
        is->state == PV_REASON_NONE
            ? pv_slice_from(pv_cli_text(lang, "in force", "برقرار"))
            : pv_reason_word(is->state);
    char                  start[PV_DATE_TEXT_MAX];
    char                  end[PV_DATE_TEXT_MAX];
    const struct pv_slice cell[] = {
        {row->id.text, row->id.len},
        pv_slice_from(is->subject[0] != '\0' ? is->subject
                      : name != NULL         ? name
                                             : is->consumer),
        pv_slice_from(is->level),
        pv_slice_from(is->path),
        pv_slice_from(pv_date_text(row->start_ms, false, start)),
        pv_slice_from(pv_date_text(row->end_ms, true, end)),
        row->resolution.len == 0
            ? PV_LIT("-")
            : (struct pv_slice){row->resolution.text, row->resolution.len},
        state,
        pv_slice_from(row->proposed ? pv_cli_text(lang, "proposed", "پیشنهادی")
                                    : pv_cli_text(lang, "document", "سند")),
    };

    _Static_assert(sizeof(cell) / sizeof(cell[0]) == COLUMNS, "one a column");
    return pv_line(out, cell, column, COLUMNS);
}

static enum pv_err
write_titles(struct pv_buf *out, enum pv_lang lang)
{
    static const char *const en[] = {"grant",      "consumer", "level",
                                     "path",       "start",    "last day",
                                     "resolution", "state",    "basis"};
    static const char *const fa[] = {"مجوز",  "گیرنده", "سطح",
                                     "نشانی", "آغاز",   "آخرین روز",
                                     "مصوبه", "وضعیت",  "مبنا"};
    const char *const       *title = lang == PV_LANG_FA ? fa : en;

    struct pv_slice cell[COLUMNS];

    for (size_t i = 0; i < COLUMNS; i++) {
        cell[i] = pv_slice_from(title[i]);
    }
    return pv_line(out, cell, column, COLUMNS);
}

static enum pv_err
write_all(struct listing *list, struct pv_buf *out)
{
    bool             as_json = list->options->json;
    struct pv_json   json;
    struct described is;
    enum pv_err      err = PV_OK;

    pv_json_init(&json, out);
    if (as_json) {
        pv_json_object(&json, NULL);
        pv_json_array(&json, "grants");
    } else {
        err = write_titles(out, list->options->lang);
    }
    for (size_t i = 0; err == PV_OK && i < list->count; i++) {
        err = describe(list, &list->item[i], &is);
        if (err != PV_OK || !wanted(list, &is)) {
            continue;
        }
        if (as_json) {
            write_json(&json, list, &list->item[i], &is);
            err = json.err;
        } else {
            err = write_text(out, list, &list->item[i], &is);
        }
    }
    if (err == PV_OK && as_json) {
        pv_json_end_array(&json);
        pv_json_end_object(&json);
        err = pv_json_finish(&json);
    }
    return err;
}

static int
help(enum pv_lang lang)
{
    return fputs(
               pv_cli_text(
                   lang,
                   "payvand image grant list: who may call what\n\n"
                   "  payvand image grant list [--consumer ID] [--service ID] "
                   "[--image DIR]\n"
                   "                     [--catalogue DIR] [--json] "
                   "[--lang en|fa]\n\n"
                   "  --consumer ID    of an agency, a unit or a system\n"
                   "  --service ID     a service, or a whole path\n"
                   "  --image DIR      the policy image (PAYVAND_POLICY, "
                   ".run/policy)\n"
                   "  --catalogue DIR  show the agencies' names from there\n\n"
                   "Dates are Jalali and ISO. The state is \"in force\" or the "
                   "step that is\nmissing. Rows that no document states are "
                   "marked \"proposed\".\n",
                   "payvand image grant list: چه کسی چه چیزی را می‌تواند فراخوانی "
                   "کند\n\n"
                   "  payvand image grant list [--consumer ID] [--service ID] "
                   "[--image DIR]\n"
                   "                     [--catalogue DIR] [--json] "
                   "[--lang en|fa]\n\n"
                   "تاریخ‌ها هجری شمسی و میلادی است. وضعیت یا «برقرار» است یا "
                   "گامی که مانده.\nردیف‌هایی که در سندی نیست «پیشنهادی» نشان "
                   "دارد.\n"),
               stdout) < 0
               ? PV_EXIT_FAILED
               : PV_EXIT_OK;
}

static enum pv_err
list_grants(struct listing *list, struct pv_buf *out)
{
    static const enum pv_image_walk walk[] = {
        PV_WALK_GRANTS, PV_WALK_GROUP_GRANTS, PV_WALK_MODES};
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < sizeof(walk) / sizeof(walk[0]);
         i++) {
        err = pv_policy_walk(list->policy, walk[i], gather, list);
    }
    return err == PV_OK ? write_all(list, out) : err;
}

int
pv_cmd_grant(int argc, char **argv)
{
    struct pv_list_options options;
    struct listing         list = {.options = &options};
    struct pv_buf          out;
    struct pv_why          why = {""};
    enum pv_err            err;
    int                    code;

    code = pv_list_options(argc, argv, "image grant", &options);
    if (code != PV_EXIT_OK) {
        return code;
    }
    if (options.help) {
        return help(options.lang);
    }
    if (strcmp(options.verb, "list") != 0) {
        pv_cli_error("grant knows one verb: list");
        return pv_cli_usage_error("image grant");
    }
    pv_buf_init(&out, LIST_BYTES_MAX);
    list.now_ms = pv_time_wall_ms();
    err = pv_names_load(&list.names, options.catalogue, &why);
    if (err == PV_OK) {
        err = pv_policy_open(options.image, &list.policy, &why);
    }
    if (err == PV_OK) {
        err = list_grants(&list, &out);
        if (err != PV_OK) {
            pv_why_set(&why, "cannot list: %s", pv_err_text(err));
        }
    }
    if (err == PV_OK) {
        code = pv_cli_print(&out);
    } else {
        pv_cli_error("%s", why.text);
        code = PV_EXIT_FAILED;
    }
    free(list.item);
    pv_policy_close(list.policy);
    pv_names_clear(&list.names);
    pv_buf_clear(&out);
    return code;
}
