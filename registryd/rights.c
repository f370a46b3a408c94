/* rights.c - what concerns one agency, from the records as they are now. */
#include "rights.h"

#include <string.h>

#include "kind_tables.h"
#include "project.h"
#include "rules.h"

static const char *
state_of(enum pv_kind kind, const struct pv_record *record)
{
    return pv_kind_row(kind)->states[record->state];
}

/* A version that is neither replaced nor ended. */
static bool
is_in_use(const struct pv_record *version)
{
    const char *state = state_of(PV_KIND_VERSION, version);

    return strcmp(state, "replaced") != 0 && strcmp(state, "ended") != 0;
}

/* /x/provider/service/version, or with a method. */
static enum pv_err
set_path(struct pv_registry *registry, const char *version, const char *method,
         json_t *row)
{
    struct pv_record record = {.body = NULL};
    char             path[PV_POLICY_PATH_MAX + 1];
    enum pv_err      err =
        pv_record_get(registry, PV_KIND_VERSION, version, &record);

    if (err == PV_OK && !pv_project_path(record.body, method, path)) {
        err = PV_ERANGE;
    }
    pv_record_clear(&record);
    if (err == PV_OK && method[0] == '\0') {
        path[strlen(path) - 1] = '\0'; /* its last slash */
    }
    return err == PV_OK ? pv_set(row, "path", path) : err;
}

static enum pv_err
copy(const json_t *body, const char *const *names, json_t *row)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        json_t *value = json_object_get(body, names[i]);

        if (value != NULL && json_object_set(row, names[i], value) != 0) {
            return PV_ENOMEM;
        }
    }
    return PV_OK;
}

/* ---- one row ---- */

typedef enum pv_err row_fn(struct pv_registry *registry, const char *agency,
                           const struct pv_record *record, json_t *row,
                           bool *ret_is_told);

static row_fn grant_row;
static row_fn group_row;
static row_fn mode_row;
static row_fn version_row;
static row_fn system_row;

static enum pv_err
grant_row(struct pv_registry *registry, const char *agency,
          const struct pv_record *record, json_t *row, bool *ret_is_told)
{
    static const char *const names[] = {
        "consumer", "provider", "unit",        "system",
        "version",  "methods",  "purposes",    "items",
        "start",    "end",      "item_limits", "consent",
        "basis",    "mode",     "resolution",  NULL};
    enum pv_err err = copy(record->body, names, row);

    (void)agency; /* one of the two: it was found by that */
    *ret_is_told = strcmp(state_of(PV_KIND_GRANT, record), "live") == 0;
    return err == PV_OK && *ret_is_told
               ? set_path(registry, pv_member(record->body, "version"), "", row)
               : err;
}

/* Of a group: what it was granted, all its members hold. */
static enum pv_err
group_row(struct pv_registry *registry, const char *agency,
          const struct pv_record *record, json_t *row, bool *ret_is_told)
{
    if (strcmp(pv_member(record->body, "consumer"), agency) != 0) {
        *ret_is_told = false;
        return PV_OK;
    }
    return grant_row(registry, agency, record, row, ret_is_told);
}

/* Its own service, or a mode that lets it call. */
static bool
is_of_mode(const json_t *body, const char *agency)
{
    const char *mode = pv_member(body, "mode");
    bool        listed = pv_list_has(json_object_get(body, "list"), agency);

    return strcmp(mode, "all") == 0 ||
           (strcmp(mode, "all-except") == 0 ? !listed : listed);
}

/* Whether it is the provider of the record's version. */
static enum pv_err
is_provider(struct pv_registry *registry, const json_t *body,
            const char *agency, bool *ret)
{
    struct pv_record version = {.body = NULL};
    enum pv_err      err = pv_record_get(registry, PV_KIND_VERSION,
                                         pv_member(body, "version"), &version);

    *ret = err == PV_OK &&
           strcmp(pv_member(version.body, "provider"), agency) == 0;
    pv_record_clear(&version);
    return err;
}

static enum pv_err
mode_row(struct pv_registry *registry, const char *agency,
         const struct pv_record *record, json_t *row, bool *ret_is_told)
{
    static const char *const names[] = {"version", "method", "mode", NULL};
    enum pv_err              err = copy(record->body, names, row);

    *ret_is_told = strcmp(state_of(PV_KIND_MODE, record), "in-force") == 0;
    if (err == PV_OK && *ret_is_told && !is_of_mode(record->body, agency)) {
        err = is_provider(registry, record->body, agency, ret_is_told);
    }
    return err == PV_OK && *ret_is_told
               ? set_path(registry, pv_member(record->body, "version"),
                          pv_member(record->body, "method"), row)
               : err;
}

/* Those that it names, and those by which its contract translates. */
static enum pv_err
set_code_maps(const json_t *body, json_t *row)
{
    const json_t *named = json_object_get(body, "code_maps");
    const json_t *contract =
        json_object_get(json_object_get(body, "contract"), "contract");
    json_t *maps =
        named == NULL ? json_array() : json_copy((json_t *)(uintptr_t)named);
    json_t     *method;
    size_t      i;
    enum pv_err err = maps == NULL ? PV_ENOMEM : PV_OK;

    json_array_foreach(json_object_get(contract, "methods"), i, method)
    {
        const char *map = pv_member(json_object_get(method, "coding"), "map");

        if (err == PV_OK && map[0] != '\0' && !pv_list_has(maps, map) &&
            json_array_append_new(maps, json_string(map)) != 0) {
            err = PV_ENOMEM;
        }
    }
    if (err == PV_OK && json_array_size(maps) > 0 &&
        json_object_set(row, "code_maps", maps) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(maps); /* accepts NULL */
    return err;
}

static enum pv_err
version_row(struct pv_registry *registry, const char *agency,
            const struct pv_record *record, json_t *row, bool *ret_is_told)
{
    static const char *const names[] = {"service", "name", "methods", NULL};
    enum pv_err              err = copy(record->body, names, row);

    (void)registry; /* all of it is in the record */
    *ret_is_told = strcmp(pv_member(record->body, "provider"), agency) == 0 &&
                   is_in_use(record);
    if (err == PV_OK) {
        err = set_code_maps(record->body, row);
    }
    return err == PV_OK
               ? pv_set(row, "state", state_of(PV_KIND_VERSION, record))
               : err;
}

/* A grant of a unit is one of its systems alone. */
static enum pv_err
system_row(struct pv_registry *registry, const char *agency,
           const struct pv_record *record, json_t *row, bool *ret_is_told)
{
    const char *unit = pv_member(record->body, "unit");

    (void)registry; /* all of it is in the record */
    *ret_is_told = unit[0] != '\0' &&
                   strcmp(pv_member(record->body, "agency"), agency) == 0;
    return pv_set(row, "unit", unit);
}

/* ---- contracts: of its versions, and of those it may call ---- */

/* {"path","sha256"} of a version that is in use, once. */
static enum pv_err
add_contract(struct pv_registry *registry, const char *version, json_t *set)
{
    struct pv_record record = {.body = NULL};
    const char      *hash;
    json_t          *row = json_object();
    enum pv_err      err =
        pv_record_get(registry, PV_KIND_VERSION, version, &record);

    if (err == PV_OK && row == NULL) {
        err = PV_ENOMEM;
    }
    hash = err == PV_OK ? pv_member(record.body, "contract_sha256") : "";
    if (hash[0] != '\0' && is_in_use(&record)) {
        err = pv_set(row, "sha256", hash);
        if (err == PV_OK) {
            err = set_path(registry, version, "", row);
        }
        if (err == PV_OK && json_object_set(set, version, row) != 0) {
            err = PV_ENOMEM;
        }
    }
    json_decref(row); /* accepts NULL */
    pv_record_clear(&record);
    return err;
}

/* Versions that the agency was granted, or that a mode opens to it. */
static enum pv_err
add_contracts(struct pv_registry *registry, const char *agency,
              enum pv_kind kind, const char *state, json_t *set)
{
    const bool  by_mode = kind == PV_KIND_MODE;
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err =
        by_mode ? pv_record_all(registry, kind, &ids)
                : pv_record_users(registry, "agency", agency, kind, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record record = {.body = NULL};

        if (err == PV_OK) {
            err = pv_record_get(registry, kind, json_string_value(id), &record);
        }
        if (err == PV_OK && strcmp(state_of(kind, &record), state) == 0 &&
            (!by_mode || is_of_mode(record.body, agency))) {
            err =
                add_contract(registry, pv_member(record.body, "version"), set);
        }
        pv_record_clear(&record);
    }
    json_decref(ids); /* accepts NULL */
    return err;
}

static enum pv_err
add_own_contracts(struct pv_registry *registry, const char *agency, json_t *set)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err =
        pv_record_users(registry, "agency", agency, PV_KIND_VERSION, &ids);

    json_array_foreach(ids, i, id)
    {
        if (err == PV_OK) {
            err = add_contract(registry, json_string_value(id), set);
        }
    }
    json_decref(ids); /* accepts NULL */
    return err;
}

/* What its groups were granted, it may call. */
static enum pv_err
add_group_contracts(struct pv_registry *registry, const json_t *groups,
                    json_t *set)
{
    json_t     *group;
    size_t      i;
    enum pv_err err = PV_OK;

    json_array_foreach((json_t *)(uintptr_t)groups, i, group)
    {
        if (err == PV_OK) {
            err = add_contracts(registry, json_string_value(group),
                                PV_KIND_GRANT, "live", set);
        }
    }
    return err;
}

static enum pv_err
list_contracts(struct pv_registry *registry, const char *agency,
               const json_t *groups, json_t *list)
{
    json_t     *set = json_object();
    const char *version;
    json_t     *row;
    enum pv_err err = set == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK) {
        err = add_own_contracts(registry, agency, set);
    }
    if (err == PV_OK) {
        err = add_contracts(registry, agency, PV_KIND_GRANT, "live", set);
    }
    if (err == PV_OK) {
        err = add_group_contracts(registry, groups, set);
    }
    if (err == PV_OK) {
        err = add_contracts(registry, agency, PV_KIND_MODE, "in-force", set);
    }
    json_object_foreach(set, version, row)
    {
        if (err == PV_OK && json_array_append(list, row) != 0) {
            err = PV_ENOMEM;
        }
    }
    json_decref(set); /* accepts NULL */
    return err;
}

/* ---- all ---- */

static enum pv_err
add_rows(struct pv_registry *registry, const char *agency, enum pv_kind kind,
         row_fn *fn, json_t *list)
{
    json_t     *ids = NULL;
    json_t     *id;
    size_t      i;
    enum pv_err err =
        kind == PV_KIND_MODE
            ? pv_record_all(registry, kind, &ids)
            : pv_record_users(registry, "agency", agency, kind, &ids);

    json_array_foreach(ids, i, id)
    {
        struct pv_record record = {.body = NULL};
        json_t          *row = json_object();
        bool             is_told = false;

        if (err == PV_OK) {
            err = pv_record_get(registry, kind, json_string_value(id), &record);
        }
        if (err == PV_OK) {
            err = row == NULL ? PV_ENOMEM
                              : fn(registry, agency, &record, row, &is_told);
        }
        if (err == PV_OK && is_told) {
            err = pv_set(row, "id", json_string_value(id));
        }
        if (err == PV_OK && is_told && json_array_append(list, row) != 0) {
            err = PV_ENOMEM;
        }
        json_decref(row); /* accepts NULL */
        pv_record_clear(&record);
    }
    json_decref(ids); /* accepts NULL */
    return err;
}

/* The groups that the agency belongs to, and their grants behind its own. */
static enum pv_err
add_groups(struct pv_registry *registry, const char *agency, json_t *root,
           json_t *groups)
{
    struct pv_projection projection = {.registry = registry};
    json_t              *group;
    size_t               i;
    enum pv_err          err = json_object_set_new(root, "groups", groups) == 0
                                   ? pv_project_groups(&projection, agency, groups)
                                   : PV_ENOMEM;

    json_array_foreach(groups, i, group)
    {
        if (err == PV_OK) {
            err = add_rows(registry, json_string_value(group), PV_KIND_GRANT,
                           group_row, json_object_get(root, "grants"));
        }
    }
    json_decref(projection.groups); /* accepts NULL */
    return err;
}

/* ---- code maps that its versions name (R-211) ---- */

struct announced {
    int64_t version;
    int64_t day;
    json_t *body; /* NULL: none is announced */
};

/* The last one that was announced holds until the next, or its withdrawal. */
static enum pv_err
take_map(void *context, const struct pv_value *column)
{
    struct announced *last = context;

    if (!pv_slice_eq(column[3].text, PV_LIT("announced")) &&
        !pv_slice_eq(column[3].text, PV_LIT("withdrawn"))) {
        return PV_OK;
    }
    json_decref(last->body); /* accepts NULL */
    last->body = NULL;
    if (pv_slice_eq(column[3].text, PV_LIT("announced"))) {
        last->version = column[0].number;
        last->day = column[2].number;
        last->body = json_loadb(column[4].text.ptr, column[4].text.len,
                                JSON_REJECT_DUPLICATES, NULL);
        return last->body == NULL ? PV_ECORRUPT : PV_OK;
    }
    return PV_OK;
}

static enum pv_err
add_map(struct pv_registry *registry, const char *id, json_t *list)
{
    static const char *const names[] = {"lists", "rows", NULL};
    struct pv_value          arguments[] = {PV_TEXT(PV_LIT("code-map")),
                                            PV_TEXT(pv_slice_from(id))};
    struct announced         last = {.body = NULL};
    char                     day[PV_JALALI_ROOM];
    json_t                  *row = NULL;
    enum pv_err              err =
        pv_store_run(registry->store, PV_STMT_RECORD_HISTORY, arguments,
                     COUNT(arguments), take_map, &last);

    if (err == PV_OK && last.body != NULL) {
        pv_day_text(last.day, day);
        row = json_pack("{s:s, s:I, s:s}", "id", id, "version",
                        (json_int_t)last.version, "date", day);
        err = row == NULL ? PV_ENOMEM : copy(last.body, names, row);
    }
    if (err == PV_OK && row != NULL && json_array_append(list, row) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(row); /* accepts NULL */
    json_decref(last.body);
    return err;
}

/* Each map once, in the order in which the versions name them. */
static enum pv_err
add_maps(struct pv_registry *registry, const json_t *root, json_t *list)
{
    json_t     *told = json_object();
    json_t     *version;
    json_t     *map;
    size_t      i;
    size_t      m;
    enum pv_err err = told == NULL ? PV_ENOMEM : PV_OK;

    json_array_foreach(json_object_get(root, "versions"), i, version)
    {
        json_array_foreach(json_object_get(version, "code_maps"), m, map)
        {
            const char *id = json_string_value(map);

            if (err != PV_OK || json_object_get(told, id) != NULL) {
                continue;
            }
            err = json_object_set_new(told, id, json_true()) == 0
                      ? add_map(registry, id, list)
                      : PV_ENOMEM;
        }
    }
    json_decref(told);
    return err;
}

enum pv_err
pv_agency_rights(struct pv_registry *registry, const char *agency,
                 struct pv_buf *out)
{
    static const struct {
        const char  *name;
        enum pv_kind kind;
        row_fn      *fn;
    } part[] = {{"grants", PV_KIND_GRANT, grant_row},
                {"modes", PV_KIND_MODE, mode_row},
                {"versions", PV_KIND_VERSION, version_row},
                {"systems", PV_KIND_SYSTEM, system_row}};
    struct pv_record record = {.body = NULL};
    json_t          *root = json_pack("{s:s}", "agency", agency);
    enum pv_err err = pv_record_get(registry, PV_KIND_AGENCY, agency, &record);

    pv_record_clear(&record);
    if (err == PV_OK && root == NULL) {
        err = PV_ENOMEM;
    }
    for (size_t i = 0; i < COUNT(part) && err == PV_OK; i++) {
        json_t *list = json_array();

        err = json_object_set_new(root, part[i].name, list) == 0
                  ? add_rows(registry, agency, part[i].kind, part[i].fn, list)
                  : PV_ENOMEM;
    }
    if (err == PV_OK) {
        json_t *list = json_array();

        err = json_object_set_new(root, "code_maps", list) == 0
                  ? add_maps(registry, root, list)
                  : PV_ENOMEM;
    }
    if (err == PV_OK) {
        err = add_groups(registry, agency, root, json_array());
    }
    if (err == PV_OK) {
        json_t *list = json_array();

        err = json_object_set_new(root, "contracts", list) == 0
                  ? list_contracts(registry, agency,
                                   json_object_get(root, "groups"), list)
                  : PV_ENOMEM;
    }
    if (err == PV_OK) {
        err = pv_canonical(root, out);
    }
    json_decref(root); /* accepts NULL */
    return err;
}
