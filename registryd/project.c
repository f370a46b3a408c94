/*
 * project.c - from records to the policy image.
 *
 * What changed since the image's decision says which systems, versions,
 * grants, modes and suspensions are written again from the records that
 * stand; the image takes only rows that differ. The same code serves one
 * decision and catching up after a stop: a crash between the two commits
 * leaves the image behind, never ahead. An empty image gets everything.
 */
#include <string.h>

#include "kind_tables.h"
#include "project.h"
#include "rules.h"

static const enum pv_kind projected[] = {
    PV_KIND_SYSTEM, PV_KIND_VERSION,    PV_KIND_GRANT,
    PV_KIND_MODE,   PV_KIND_SUSPENSION, PV_KIND_CERTIFICATE};

/* ---- what is to be written ---- */

static json_t **
dirty_of(struct pv_projection *projection, enum pv_kind kind)
{
    return &projection->dirty[kind];
}

static enum pv_err
mark(struct pv_projection *projection, enum pv_kind kind, const char *id)
{
    json_t **set = dirty_of(projection, kind);

    if (*set == NULL) {
        *set = json_object();
    }
    return json_object_set_new_nocheck(*set, id, json_true()) == 0
               ? PV_OK
               : PV_ENOMEM; /* ids are ASCII */
}

static enum pv_err
mark_list(struct pv_projection *projection, enum pv_kind kind, json_t *ids)
{
    enum pv_err err = PV_OK;
    json_t     *id;
    size_t      i;

    json_array_foreach(ids, i, id)
    {
        err =
            err == PV_OK ? mark(projection, kind, json_string_value(id)) : err;
    }
    json_decref(ids);
    return err;
}

static enum pv_err
mark_users(struct pv_projection *projection, const char *target_kind,
           const char *id, enum pv_kind kind)
{
    json_t     *ids = NULL;
    enum pv_err err =
        pv_record_users(projection->registry, target_kind, id, kind, &ids);

    return err == PV_OK ? mark_list(projection, kind, ids) : err;
}

static enum pv_err
mark_all(struct pv_projection *projection, enum pv_kind kind)
{
    json_t     *ids = NULL;
    enum pv_err err = pv_record_all(projection->registry, kind, &ids);

    return err == PV_OK ? mark_list(projection, kind, ids) : err;
}

/* A connector's endpoint stands in the methods of all whom it serves. */
static enum pv_err
mark_served(struct pv_projection *projection, const char *id)
{
    struct pv_record system = {.body = NULL};
    enum pv_err      err =
        pv_record_get(projection->registry, PV_KIND_SYSTEM, id, &system);
    json_t *agency;
    size_t  i;

    if (err != PV_OK ||
        strcmp(pv_member(system.body, "kind"), "application") == 0) {
        pv_record_clear(&system);
        return err;
    }
    err = mark_users(projection, "agency", pv_member(system.body, "agency"),
                     PV_KIND_VERSION);
    json_array_foreach(json_object_get(system.body, "serves_agencies"), i,
                       agency)
    {
        err = err == PV_OK
                  ? mark_users(projection, "agency", json_string_value(agency),
                               PV_KIND_VERSION)
                  : err;
    }
    pv_record_clear(&system);
    return err;
}

static enum pv_err
mark_agency(struct pv_projection *projection, const char *id)
{
    struct pv_record agency = {.body = NULL};
    enum pv_err      err =
        pv_record_get(projection->registry, PV_KIND_AGENCY, id, &agency);
    bool is_group = pv_member_true(agency.body, "is_group");

    pv_record_clear(&agency);
    if (err != PV_OK) {
        return err;
    }
    return is_group ? mark_all(projection, PV_KIND_SYSTEM)
                    : mark_users(projection, "agency", id, PV_KIND_SYSTEM);
}

static enum pv_err
mark_service(struct pv_projection *projection, const char *id)
{
    struct pv_record service = {.body = NULL};
    enum pv_err err = mark_users(projection, "service", id, PV_KIND_VERSION);

    if (err == PV_OK) {
        err =
            pv_record_get(projection->registry, PV_KIND_SERVICE, id, &service);
    }
    if (err == PV_OK) { /* a provider may be in a group of providers */
        err = mark_users(projection, "agency",
                         pv_member(service.body, "provider"), PV_KIND_SYSTEM);
    }
    pv_record_clear(&service);
    return err;
}

static enum pv_err
mark_member(struct pv_projection *projection, enum pv_kind kind, const char *id,
            const char *member, enum pv_kind target)
{
    struct pv_record record = {.body = NULL};
    const char      *value;
    enum pv_err err = pv_record_get(projection->registry, kind, id, &record);

    value = pv_member(record.body, member);
    if (err == PV_OK && value[0] != '\0') {
        err = target == PV_KIND_SERVICE ? mark_service(projection, value)
                                        : mark(projection, target, value);
    }
    pv_record_clear(&record);
    return err;
}

/* Whose versions another system's endpoint stands in, or stood in. */
static enum pv_err
mark_represented(struct pv_projection *projection, const char *id)
{
    struct pv_record record = {.body = NULL};
    enum pv_err      err = pv_record_get(projection->registry,
                                         PV_KIND_REPRESENTATION, id, &record);

    if (err == PV_OK) {
        err = mark_users(projection, "agency",
                         pv_member(record.body, "provider"), PV_KIND_VERSION);
    }
    pv_record_clear(&record);
    return err;
}

/* What the change of one record means for the image. */
static enum pv_err
mark_changed(struct pv_projection *projection, enum pv_kind kind,
             const char *id)
{
    enum pv_err err;

    if (kind == PV_KIND_AGENCY) {
        return mark_agency(projection, id);
    }
    if (kind == PV_KIND_REGISTER) {
        return mark_all(projection, PV_KIND_SYSTEM); /* groups of custodians */
    }
    if (kind == PV_KIND_SERVICE) {
        return mark_service(projection, id);
    }
    if (kind == PV_KIND_PASSPORT) {
        return mark_member(projection, kind, id, "service", PV_KIND_SERVICE);
    }
    if (kind == PV_KIND_REPRESENTATION) {
        return mark_represented(projection, id);
    }
    if (kind == PV_KIND_NOTICE) {
        return mark_member(projection, kind, id, "version", PV_KIND_VERSION);
    }
    for (size_t p = 0; p < COUNT(projected); p++) {
        if (kind == projected[p]) {
            err = mark(projection, kind, id);
            return err == PV_OK && kind == PV_KIND_SYSTEM
                       ? mark_served(projection, id)
                       : err;
        }
    }
    return PV_OK; /* nothing of it stands in the image */
}

struct changed {
    struct pv_projection *projection;
    json_t               *list; /* [[kind, id] ...]; owned by the caller */
};

/* Of the many that a resolution makes, the image has rows of their own. */
static bool
marks_itself(enum pv_kind kind)
{
    return kind == PV_KIND_GRANT || kind == PV_KIND_MODE ||
           kind == PV_KIND_VERSION;
}

static enum pv_err
take_changed(void *context, const struct pv_value *column)
{
    struct changed *changed = context;
    char            id[PV_RECORD_ID_MAX + 1];
    enum pv_kind    kind;
    json_t         *pair;

    if (pv_kind_from_word(column[0].text, &kind) != PV_OK ||
        pv_slice_to_cstr(column[1].text, id, sizeof(id)) != PV_OK) {
        return PV_ECORRUPT;
    }
    if (marks_itself(kind)) {
        return mark(changed->projection, kind, id);
    }
    pair = json_pack("[i, s]", (int)kind, id);
    return json_array_append_new(changed->list, pair) == 0 ? PV_OK : PV_ENOMEM;
}

static enum pv_err
mark_since(struct pv_projection *projection, int64_t since)
{
    struct pv_value argument = PV_INT(since);
    struct changed  changed = {projection, json_array()};
    json_t         *pair;
    size_t          i;
    enum pv_err     err =
        changed.list == NULL
                ? PV_ENOMEM
                : pv_store_run(projection->registry->store, PV_STMT_RECORD_CHANGED,
                               &argument, 1, take_changed, &changed);

    json_array_foreach(changed.list, i, pair)
    {
        if (err == PV_OK) {
            err = mark_changed(
                projection,
                (enum pv_kind)json_integer_value(json_array_get(pair, 0)),
                json_string_value(json_array_get(pair, 1)));
        }
    }
    json_decref(changed.list);
    return err;
}

/* ---- one transaction of the image ---- */

static enum pv_err
write_kind(struct pv_projection *projection, enum pv_kind kind)
{
    pv_project_fn *const write[PV_KIND_END] = {
        [PV_KIND_SYSTEM] = pv_project_system,
        [PV_KIND_VERSION] = pv_project_version,
        [PV_KIND_GRANT] = pv_project_grant,
        [PV_KIND_MODE] = pv_project_mode,
        [PV_KIND_SUSPENSION] = pv_project_suspension,
        [PV_KIND_CERTIFICATE] = pv_project_certificate,
    };
    enum pv_err err = PV_OK;
    const char *id;
    json_t     *value;

    json_object_foreach(projection->dirty[kind], id, value)
    {
        struct pv_record record = {.body = NULL};

        if (err == PV_OK) {
            err = pv_record_get(projection->registry, kind, id, &record);
        }
        if (err == PV_OK) {
            err = write[kind](projection, id, &record);
        }
        if (err != PV_OK && projection->registry->why.text[0] == '\0') {
            pv_why_set(&projection->registry->why, "image: %s %s: %s",
                       pv_kind_row(kind)->name, id, pv_err_text(err));
        }
        pv_record_clear(&record);
    }
    return err;
}

static enum pv_err
write_all(struct pv_projection *projection, int64_t last, bool whole)
{
    struct pv_image *image = projection->image;
    uint64_t         changes;
    enum pv_err      err =
        pv_image_begin(image, whole ? PV_IMAGE_REPLACE : PV_IMAGE_CHANGE);

    for (size_t p = 0; p < COUNT(projected) && err == PV_OK; p++) {
        err = write_kind(projection, projected[p]);
    }
    if (err == PV_OK) {
        pv_image_set_decision(image, (uint64_t)last);
        err = pv_image_commit(image, &changes);
    }
    pv_image_abort(image);
    return err;
}

static bool
is_marked(const struct pv_projection *projection)
{
    for (int k = 0; k < PV_KIND_END; k++) {
        if (json_object_size(projection->dirty[k]) > 0) {
            return true;
        }
    }
    return false;
}

enum pv_err
pv_project(struct pv_registry *registry, int64_t last, bool rows_alone)
{
    struct pv_projection projection = {.registry = registry,
                                       .image = registry->image};
    int64_t              since = (int64_t)pv_image_decision(registry->image);
    enum pv_err          err = PV_OK;

    if (since == last) {
        return PV_OK;
    }
    registry->why.text[0] = '\0';
    if (since > last) {
        pv_why_set(&registry->why,
                   "the image knows decision %lld and the registry only %lld: "
                   "it is the image of another registry",
                   (long long)since, (long long)last);
        return PV_ECORRUPT;
    }
    if (since == 0) {
        for (size_t p = 0; p < COUNT(projected) && err == PV_OK; p++) {
            err = mark_all(&projection, projected[p]);
        }
    } else {
        err = mark_since(&projection, since);
    }
    if (err == PV_OK && (!rows_alone || is_marked(&projection))) {
        err = write_all(&projection, last, since == 0);
    }
    for (int k = 0; k < PV_KIND_END; k++) {
        json_decref(projection.dirty[k]); /* accepts NULL */
    }
    json_decref(projection.groups);
    return err;
}
