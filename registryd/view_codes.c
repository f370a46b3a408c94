/*
 * view_codes.c - codes through a map: what it says and what it does not
 * . A code without a partner, or with several, is shown so.
 */
#include <string.h>

#include "kind_tables.h"
#include "rules.h"
#include "view.h"

/* A map and the codes of its lists, at the call's moment. */
struct map {
    char             id[PV_RECORD_ID_MAX + 1];
    struct pv_record record;
    json_t          *lists; /* borrowed */
    json_t          *rows;  /* borrowed */
    json_t          *codes; /* [ {"code": "name"}, ... ]; owned */
    json_t          *about; /* [ {"id","agency","version",...}, ... ]; owned */
};

static void
clear_map(struct map *map)
{
    pv_record_clear(&map->record);
    json_decref(map->codes);
    json_decref(map->about);
}

static enum pv_err
add_list(struct pv_view_call *call, struct map *map, size_t i)
{
    const char *id = json_string_value(json_array_get(map->lists, i));
    json_int_t  used = json_integer_value(
         json_array_get(json_object_get(map->record.body, "versions"), i));
    struct pv_record list = {.body = NULL};
    json_t          *about;
    enum pv_err      err = pv_view_get(call, PV_KIND_CODE_LIST, id, &list);

    if (err != PV_OK) {
        return err;
    }
    about = json_pack(
        "{s:s, s:o, s:O, s:I, s:I, s:b}", "id", id, "agency",
        pv_view_name(call, PV_KIND_AGENCY, pv_member(list.body, "agency")),
        "date", json_object_get(list.body, "date"), "version",
        (json_int_t)list.version, "used_version", used, "is_newer",
        (int)(list.version != used));
    if (json_array_append_new(map->about, about) != 0 ||
        json_array_append(map->codes, json_object_get(list.body, "codes")) !=
            0) {
        err = PV_ENOMEM;
    }
    pv_record_clear(&list);
    return err;
}

/* The caller clears, also after an error. */
static enum pv_err
read_map(struct pv_view_call *call, struct map *map)
{
    enum pv_err err = pv_slice_to_cstr(call->id, map->id, sizeof(map->id));

    map->codes = json_array();
    map->about = json_array();
    if (err == PV_OK) {
        err = pv_view_get(call, PV_KIND_CODE_MAP, map->id, &map->record);
    }
    map->lists = json_object_get(map->record.body, "lists");
    map->rows = json_object_get(map->record.body, "rows");
    for (size_t i = 0; i < json_array_size(map->lists) && err == PV_OK; i++) {
        err = add_list(call, map, i);
    }
    return err;
}

static json_t *
begin_view(const struct map *map)
{
    char day[PV_JALALI_ROOM];

    pv_day_text(map->record.from_day, day);
    return json_pack("{s:s, s:s, s:s, s:I, s:O}", "id", map->id, "state",
                     pv_view_state(PV_KIND_CODE_MAP, &map->record), "date", day,
                     "version", (json_int_t)map->record.version, "lists",
                     map->about);
}

/* ---- one code ---- */

/* Partners of the code of list `from` in list `to`: {"code": "name"}. */
static json_t *
partners(const struct map *map, size_t from, const char *code, size_t to)
{
    json_t *found = json_object();
    json_t *row;
    size_t  i;

    json_array_foreach(map->rows, i, row)
    {
        const char *one = json_string_value(json_array_get(row, from));
        const char *two = json_string_value(json_array_get(row, to));

        if (one != NULL && two != NULL && strcmp(one, code) == 0) {
            json_t *name = json_object_get(json_array_get(map->codes, to), two);

            /* a newer list may not have it any more; the code is said still */
            if (json_object_set_new(found, two,
                                    name == NULL ? json_null()
                                                 : json_incref(name)) != 0) {
                json_decref(found);
                return NULL;
            }
        }
    }
    return found;
}

static const char *
result_word(size_t count)
{
    return count == 0 ? "none" : count == 1 ? "one" : "many";
}

static enum pv_err
add_partners(const struct map *map, size_t from, const char *code, json_t *view)
{
    json_t     *list = json_array();
    enum pv_err err = pv_view_set(view, "partners", list);

    for (size_t to = 0; to < json_array_size(map->lists) && err == PV_OK;
         to++) {
        json_t *found;
        json_t *one;

        if (to == from) {
            continue;
        }
        found = partners(map, from, code, to);
        one = json_pack("{s:O, s:s, s:o}", "list",
                        json_array_get(map->lists, to), "result",
                        result_word(json_object_size(found)), "codes", found);
        if (json_array_append_new(list, one) != 0) {
            err = PV_ENOMEM;
        }
    }
    return err;
}

enum pv_err
pv_view_code(struct pv_view_call *call, json_t **ret)
{
    char        code[PV_RECORD_ID_MAX + 1];
    char        in[PV_RECORD_ID_MAX + 1];
    struct map  map = {.codes = NULL};
    size_t      from = 0;
    json_t     *view = NULL;
    enum pv_err err = read_map(call, &map);

    if (err == PV_OK &&
        (pv_slice_to_cstr(call->param[PV_VIEW_OF], code, sizeof(code)) !=
             PV_OK ||
         pv_slice_to_cstr(call->param[PV_VIEW_IN], in, sizeof(in)) != PV_OK ||
         code[0] == '\0')) {
        err = PV_EINVAL;
    }
    while (err == PV_OK && from < json_array_size(map.lists) &&
           strcmp(json_string_value(json_array_get(map.lists, from)), in) !=
               0) {
        from++;
    }
    if (err == PV_OK && from == json_array_size(map.lists)) {
        err = PV_EINVAL; /* no list of this map */
    }
    if (err == PV_OK) {
        json_t *name = json_object_get(json_array_get(map.codes, from), code);

        view = begin_view(&map);
        err = pv_set(view, "code", code);
        err = err == PV_OK ? pv_set(view, "in", in) : err;
        if (err == PV_OK) {
            err = pv_view_set(view, "is_known", json_boolean(name != NULL));
        }
        if (err == PV_OK && name != NULL) {
            err = pv_view_set(view, "name_fa", json_incref(name));
        }
    }
    if (err == PV_OK) {
        err = add_partners(&map, from, code, view);
    }
    clear_map(&map);
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}

/* ---- the whole map: what it leaves open ---- */

/* code of list `from` -> [ {partner: true}, ... ], a set for each list */
static json_t *
index_of(const struct map *map, size_t from)
{
    json_t *index = json_object();
    json_t *row;
    size_t  i;

    json_array_foreach(map->rows, i, row)
    {
        const char *code = json_string_value(json_array_get(row, from));
        json_t     *sets;

        if (code == NULL) {
            continue;
        }
        sets = json_object_get(index, code);
        if (sets == NULL) {
            sets = json_array();
            if (json_object_set_new(index, code, sets) != 0) {
                json_decref(index);
                return NULL;
            }
        }
        for (size_t to = 0; to < json_array_size(row); to++) {
            const char *two = json_string_value(json_array_get(row, to));
            json_t     *set = json_array_get(sets, to);

            if (set == NULL) {
                set = json_object();
                if (json_array_append_new(sets, set) != 0) {
                    json_decref(index);
                    return NULL;
                }
            }
            if (two != NULL && to != from &&
                json_object_set_new(set, two, json_true()) != 0) {
                json_decref(index);
                return NULL;
            }
        }
    }
    return index;
}

/* The most partners that a code has in any one list. */
static size_t
most_partners(const json_t *sets)
{
    json_t *set;
    size_t  i;
    size_t  most = 0;

    json_array_foreach(sets, i, set)
    {
        most = json_object_size(set) > most ? json_object_size(set) : most;
    }
    return most;
}

/* Codes of a list that have no partner in any other, and those with many. */
static enum pv_err
add_open(const struct map *map, size_t from)
{
    json_t     *index = index_of(map, from);
    json_t     *without = json_array();
    json_t     *many = json_array();
    json_t     *about = json_array_get(map->about, from);
    const char *code;
    json_t     *name;
    enum pv_err err = pv_view_set(about, "without_partner", without);

    err = err == PV_OK ? pv_view_set(about, "many_partners", many) : err;
    err = err == PV_OK && index == NULL ? PV_ENOMEM : err;
    json_object_foreach(json_array_get(map->codes, from), code, name)
    {
        size_t most = most_partners(json_object_get(index, code));

        if (err == PV_OK && most != 1 &&
            json_array_append_new(most == 0 ? without : many,
                                  json_string(code)) != 0) {
            err = PV_ENOMEM;
        }
    }
    json_decref(index);
    return err;
}

enum pv_err
pv_view_code_map(struct pv_view_call *call, json_t **ret)
{
    struct map  map = {.codes = NULL};
    json_t     *view = NULL;
    enum pv_err err = read_map(call, &map);

    for (size_t i = 0; i < json_array_size(map.lists) && err == PV_OK; i++) {
        err = add_open(&map, i);
    }
    if (err == PV_OK) {
        view = begin_view(&map);
        err = view == NULL
                  ? PV_ENOMEM
                  : pv_view_set(
                        view, "row_count",
                        json_integer((json_int_t)json_array_size(map.rows)));
    }
    clear_map(&map);
    if (err != PV_OK) {
        json_decref(view);
        return err;
    }
    *ret = view;
    return PV_OK;
}
