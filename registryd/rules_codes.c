/*
 * rules_codes.c - lists of codes and maps between them: every code of a map
 * stands in its list, nothing is matched by likeness. Object
 * identifiers below their parents. Checks of data items.
 */
#include <stdlib.h>
#include <string.h>

#include "item_check.h"
#include "kind_tables.h"
#include "rules.h"

#define CODE_MAX 40
#define LISTS_MIN 2
#define LISTS_MAX 8

/* ---- lists ---- */

static bool
is_code(const char *code)
{
    size_t len = strlen(code);

    return len > 0 && len <= CODE_MAX &&
           code[strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "abcdefghijklmnopqrstuvwxyz._-")] == '\0';
}

/* Another agency cannot deliver in its place, nor another thing. */
static enum pv_err
check_same(struct pv_change *change)
{
    static const char *const fixed[] = {"agency", "what"};
    struct pv_record         before = {.body = NULL};
    enum pv_err err = pv_record_get(pv_registry_of(change), change->kind,
                                    change->id, &before);

    if (err == PV_ENOTFOUND) {
        return PV_OK;
    }
    for (size_t i = 0; i < COUNT(fixed) && err == PV_OK; i++) {
        if (strcmp(pv_member(before.body, fixed[i]),
                   pv_member(change->body, fixed[i])) != 0) {
            err = pv_refuse(
                change->context->refusal, change->row->rule, "other-owner",
                "%s: its %s is %s and stays so",
                "%s: %s آن %s است و تغییر نمی‌کند",
                change->id, fixed[i], pv_member(before.body, fixed[i]));
        }
    }
    pv_record_clear(&before);
    return err;
}

enum pv_err
pv_rule_code_list(struct pv_change *change)
{
    json_t     *codes = json_object_get(change->body, "codes");
    const char *code;
    json_t     *name;
    bool        right = json_is_object(codes) && json_object_size(codes) > 0;

    json_object_foreach(codes, code, name)
    {
        right = right && is_code(code) && json_is_string(name) &&
                json_string_length(name) > 0;
    }
    if (!right) {
        return pv_refuse(
            change->context->refusal, "R-209", "codes",
            "%s: a list has codes of letters and digits, each "
            "with its name",
            "%s: فهرست کد از حرف و رقم و نام هر کد ساخته می‌شود",
            change->id);
    }
    return check_same(change);
}

/* ---- maps ---- */

struct lists {
    size_t           count;
    struct pv_record record[LISTS_MAX];
};

static void
clear_lists(struct lists *lists)
{
    for (size_t i = 0; i < lists->count; i++) {
        pv_record_clear(&lists->record[i]);
    }
}

/* The lists as they are now; the caller clears, also after an error. */
static enum pv_err
read_lists(struct pv_change *change, struct lists *ret)
{
    const json_t *ids = json_object_get(change->body, "lists");
    json_t       *id;
    size_t        i;
    enum pv_err   err = PV_OK;

    *ret = (struct lists){.count = 0};
    if (json_array_size(ids) < LISTS_MIN || json_array_size(ids) > LISTS_MAX) {
        return pv_refuse(change->context->refusal, "R-209", "lists",
                         "%s: a map is between 2 to 8 lists",
                         "%s: نگاشت میان ۲ تا ۸ فهرست است", change->id);
    }
    json_array_foreach(ids, i, id)
    {
        if (err == PV_OK) {
            err = pv_record_get(pv_registry_of(change), PV_KIND_CODE_LIST,
                                json_string_value(id), &ret->record[i]);
            ret->count += err == PV_OK;
        }
    }
    return err;
}

static enum pv_err
refuse_row(struct pv_change *change, size_t row, const char *code)
{
    return pv_refuse(change->context->refusal, "R-210", "map-row",
                     "%s: row %d: \"%s\" is no code of its list, or the row "
                     "stands twice; what has no partner is left null",
                     "%s: سطر %d: «%s» در فهرست خود نیست یا سطر تکراری است؛ "
                     "کد بدون جفت null می‌ماند",
                     change->id, (int)row + 1, code);
}

static enum pv_err
check_row(struct pv_change *change, const struct lists *lists,
          const json_t *row, size_t number)
{
    json_t *code;
    size_t  i;
    size_t  known = 0;

    if (json_array_size(row) != lists->count) {
        return refuse_row(change, number, "");
    }
    json_array_foreach(row, i, code)
    {
        const char *text = json_string_value(code);

        if (json_is_null(code)) {
            continue;
        }
        if (text == NULL ||
            json_object_get(json_object_get(lists->record[i].body, "codes"),
                            text) == NULL) {
            return refuse_row(change, number, text == NULL ? "" : text);
        }
        known++;
    }
    return known > 0 ? PV_OK : refuse_row(change, number, "null");
}

static enum pv_err
check_rows(struct pv_change *change, const struct lists *lists)
{
    const json_t *rows = json_object_get(change->body, "rows");
    json_t       *seen = json_object();
    json_t       *row;
    size_t        i;
    enum pv_err   err = seen == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK && json_array_size(rows) == 0) {
        err = refuse_row(change, 0, "");
    }
    json_array_foreach(rows, i, row)
    {
        char *text = json_dumps(row, JSON_COMPACT);

        if (err == PV_OK) {
            err = check_row(change, lists, row, i);
        }
        if (err == PV_OK && text == NULL) {
            err = PV_ENOMEM;
        }
        if (err == PV_OK && json_object_get(seen, text) != NULL) {
            err = refuse_row(change, i, text);
        }
        if (err == PV_OK && json_object_set_new(seen, text, json_true()) != 0) {
            err = PV_ENOMEM;
        }
        free(text);
        if (err != PV_OK) {
            break;
        }
    }
    json_decref(seen);
    return err;
}

/* [3, 1, 7]: the versions of the lists */
static json_t *
versions_of(const struct lists *lists)
{
    json_t *versions = json_array();

    for (size_t i = 0; i < lists->count; i++) {
        if (json_array_append_new(
                versions, json_integer(lists->record[i].version)) != 0) {
            json_decref(versions);
            return NULL;
        }
    }
    return versions;
}

enum pv_err
pv_rule_code_map(struct pv_change *change)
{
    struct lists lists = {.count = 0};
    enum pv_err  err = read_lists(change, &lists);

    if (err == PV_OK) {
        err = check_rows(change, &lists);
    }
    if (err == PV_OK && json_object_set_new(change->body, "versions",
                                            versions_of(&lists)) != 0) {
        err = PV_ENOMEM;
    }
    clear_lists(&lists);
    return err;
}

/* What is announced was made from the lists as they are. */
enum pv_err
pv_rule_code_map_fresh(struct pv_change *change)
{
    struct lists lists = {.count = 0};
    json_t      *now = NULL;
    enum pv_err  err = read_lists(change, &lists);

    if (err == PV_OK) {
        now = versions_of(&lists);
        err = now == NULL ? PV_ENOMEM : PV_OK;
    }
    if (err == PV_OK &&
        !json_equal(now, json_object_get(change->body, "versions"))) {
        err = pv_refuse(
            change->context->refusal, "R-210", "stale-map",
            "%s: one of its lists has a newer version; build it "
            "again",
            "%s: یکی از فهرست‌ها نسخه تازه دارد؛ نگاشت دوباره "
            "ساخته شود",
            change->id);
    }
    json_decref(now);
    clear_lists(&lists);
    return err;
}

/* ---- object identifiers ---- */

enum pv_err
pv_rule_oid(struct pv_change *change)
{
    char  parent[PV_RECORD_ID_MAX + 1];
    char *dot;

    if (!pv_item_is_oid(pv_slice_from(change->id))) {
        return pv_refuse(
            change->context->refusal, "R-213", "oid",
            "%s: an object identifier is dotted numbers: "
            "2.16.364.1",
            "%s: شناسه شیء عددهای نقطه‌دار است: 2.16.364.1",
            change->id);
    }
    (void)snprintf(parent, sizeof(parent), "%s", change->id); /* an id fits */
    dot = strrchr(parent, '.');
    if (dot != NULL) {
        *dot = '\0';
    }
    /* the root of the country's arcs has no parent here */
    if (dot != NULL) {
        const char *state = NULL;
        enum pv_err err =
            pv_state_of(pv_registry_of(change), PV_KIND_OID, parent, &state);

        if (err != PV_OK) {
            return err;
        }
        if (state != NULL) {
            err = pv_set(change->body, "parent", parent);
        }
        return err == PV_OK ? check_same(change) : err;
    }
    return check_same(change);
}

/* Below a registered arc of the agency itself, or one that is open. */
enum pv_err
pv_rule_oid_parent(struct pv_change *change)
{
    const char      *parent = pv_member(change->body, "parent");
    struct pv_record record = {.body = NULL};
    bool             fits;
    enum pv_err      err;

    if (parent[0] == '\0') {
        json_t *all = NULL;

        /* the first is the root; later ones stand below something */
        err = pv_record_all(pv_registry_of(change), PV_KIND_OID, &all);
        fits = json_array_size(all) == 1;
        json_decref(all);
    } else {
        err =
            pv_record_get(pv_registry_of(change), PV_KIND_OID, parent, &record);
        fits = strcmp(change->row->states[record.state], "registered") == 0 &&
               (pv_member_true(record.body, "open") ||
                strcmp(pv_member(record.body, "agency"),
                       pv_member(change->body, "agency")) == 0);
        pv_record_clear(&record);
    }
    if (err == PV_OK && !fits) {
        return pv_refuse(
            change->context->refusal, "R-213", "oid-parent",
            "%s: it stands below no registered arc of its agency",
            "%s: زیر شاخه ثبت‌شده‌ای از دستگاه خود نیست",
            change->id);
    }
    return err;
}

/* ---- data items ---- */

/* A check that a definition names is one that connectors run. */
enum pv_err
pv_rule_item_check(struct pv_change *change)
{
    const char *name = pv_member(json_object_get(change->body, "definition"),
                                 "check_function");

    if (name[0] == '\0' || pv_item_check_is_known(pv_slice_from(name))) {
        return PV_OK;
    }
    return pv_refuse(change->context->refusal, "R-218", "check-unknown",
                     "%s: there is no check \"%s\"",
                     "%s: قاعده کنترلی «%s» وجود ندارد", change->id, name);
}

/* Whose is the base data that an item belongs to? "" for no one's. */
static enum pv_err
custodian_of(struct pv_change *change, const char *item,
             struct pv_record *ret_register)
{
    struct pv_record record = {.body = NULL};
    const char      *id;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_DATA_ITEM, item, &record);

    id = pv_member(record.body, "register");
    if (err == PV_OK && id[0] != '\0') {
        err = pv_record_get(pv_registry_of(change), PV_KIND_REGISTER, id,
                            ret_register);
    }
    pv_record_clear(&record);
    return err;
}

/* Base data that one has received are not passed on. */
enum pv_err
pv_rule_outputs(struct pv_change *change)
{
    const char *provider = pv_member(change->body, "provider");
    json_t     *item;
    size_t      i;
    enum pv_err err = PV_OK;

    json_array_foreach(json_object_get(change->body, "outputs"), i, item)
    {
        struct pv_record base = {.body = NULL};
        const char      *custodian;

        if (err != PV_OK) {
            break;
        }
        err = custodian_of(change, json_string_value(item), &base);
        custodian = pv_member(base.body, "custodian");
        if (err == PV_OK && pv_member_true(base.body, "is_base") &&
            custodian[0] != '\0' && strcmp(custodian, provider) != 0 &&
            !pv_list_has(json_object_get(base.body, "co_custodians"),
                         provider)) {
            err = pv_refuse(change->context->refusal, "R-087", "passed-on",
                            "%s: %s is base data of %s; who received it does "
                            "not pass it on",
                            "%s: %s داده پایه %s است و گیرنده حق ارائه آن را "
                            "ندارد",
                            change->id, json_string_value(item), custodian);
        }
        pv_record_clear(&base);
    }
    return err;
}
