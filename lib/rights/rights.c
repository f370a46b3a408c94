/* rights.c - the body of a state, and the right that a call has. */
#include "rights/rights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jalali.h"
#include "base/num.h"

struct pv_rights {
    json_t                    *root;
    json_t                    *by_id; /* id of a grant: borrowed from root */
    const json_t              *modes;
    struct pv_rights_contract *contract; /* owned; sorted by path */
    size_t                     contract_count;
    json_t *indexes; /* "map own other" -> what was made of a map */
};

static enum pv_err
index_grants(struct pv_rights *rights, const json_t *grants)
{
    size_t  i;
    json_t *grant;

    json_array_foreach((json_t *)(uintptr_t)grants, i, grant)
    {
        const char *id = json_string_value(json_object_get(grant, "id"));

        if (id == NULL || !json_is_string(json_object_get(grant, "path")) ||
            !json_is_array(json_object_get(grant, "methods"))) {
            return PV_EINVAL;
        }
        if (json_object_set(rights->by_id, id, grant) != 0) {
            return PV_ENOMEM;
        }
    }
    return PV_OK;
}

/* ---- contracts ---- */

static int
by_path(const void *a, const void *b)
{
    const struct pv_slice one = ((const struct pv_rights_contract *)a)->path;
    const struct pv_slice two = ((const struct pv_rights_contract *)b)->path;
    size_t                len = one.len < two.len ? one.len : two.len;
    int                   order = memcmp(one.ptr, two.ptr, len);

    return order != 0 ? order : (one.len > two.len) - (one.len < two.len);
}

/* A registry of an older build names none. */
static enum pv_err
take_contracts(struct pv_rights *rights, const json_t *list)
{
    size_t count = json_array_size(list);

    if (count > PV_RIGHTS_CONTRACTS_MAX) {
        return PV_EINVAL;
    }
    rights->contract = calloc(count + 1, sizeof(*rights->contract));
    if (rights->contract == NULL) {
        return PV_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t              *row = json_array_get(list, i);
        struct pv_rights_contract *own = &rights->contract[i];
        const char *path = json_string_value(json_object_get(row, "path"));
        const char *hex = json_string_value(json_object_get(row, "sha256"));

        if (path == NULL || path[0] != '/' || hex == NULL ||
            pv_hex_bytes(pv_slice_from(hex), own->sha256.bytes, PV_HASH_LEN) !=
                PV_OK) {
            return PV_EINVAL;
        }
        own->path = pv_slice_from(path);
    }
    rights->contract_count = count;
    qsort(rights->contract, count, sizeof(*rights->contract), by_path);
    return PV_OK;
}

size_t
pv_rights_contract_count(const struct pv_rights *rights)
{
    return rights->contract_count;
}

struct pv_rights_contract
pv_rights_contract_at(const struct pv_rights *rights, size_t i)
{
    return rights->contract[i];
}

const struct pv_hash *
pv_rights_contract_of(const struct pv_rights *rights, const char *path)
{
    struct pv_rights_contract        wanted = {.path = pv_slice_from(path)};
    const struct pv_rights_contract *found;

    found = bsearch(&wanted, rights->contract, rights->contract_count,
                    sizeof(wanted), by_path);
    if (found == NULL) { /* a method's */
        const char *last = strrchr(path, '/');

        wanted.path.len = last == NULL ? 0 : (size_t)(last - path);
        found = bsearch(&wanted, rights->contract, rights->contract_count,
                        sizeof(wanted), by_path);
    }
    return found == NULL ? NULL : &found->sha256;
}

/* ---- a body ---- */

enum pv_err
pv_rights_read(struct pv_slice body, struct pv_rights **ret)
{
    struct pv_rights *rights = calloc(1, sizeof(*rights));
    const json_t     *grants;
    enum pv_err       err = PV_ENOMEM;

    if (rights == NULL) {
        return err;
    }
    rights->by_id = json_object();
    rights->indexes = json_object();
    rights->root = json_loadb(body.len == 0 ? "" : body.ptr, body.len,
                              JSON_REJECT_DUPLICATES, NULL);
    grants = json_object_get(rights->root, "grants");
    rights->modes = json_object_get(rights->root, "modes");
    if (!json_is_array(grants) || !json_is_array(rights->modes)) {
        err = PV_EINVAL;
    } else if (rights->by_id != NULL && rights->indexes != NULL) {
        err = index_grants(rights, grants);
    }
    if (err == PV_OK) {
        err =
            take_contracts(rights, json_object_get(rights->root, "contracts"));
    }
    if (err != PV_OK) {
        pv_rights_free(rights);
        return err;
    }
    *ret = rights;
    return PV_OK;
}

void
pv_rights_free(struct pv_rights *rights)
{
    if (rights != NULL) {
        json_decref(rights->by_id); /* accepts NULL */
        json_decref(rights->indexes);
        json_decref(rights->root);
        free(rights->contract);
        free(rights);
    }
}

size_t
pv_rights_count(const struct pv_rights *rights)
{
    return json_object_size(rights->by_id);
}

/* ---- which right ---- */

/* Is it not yet `start`, or after `end`? Texts of days sort as days do. */
static bool
is_beyond(const json_t *grant, const char *name, int64_t when_ms, bool until)
{
    const char *day = json_string_value(json_object_get(grant, name));
    char        today[PV_JALALI_TEXT_LEN];
    int         order;

    if (day == NULL || strlen(day) != PV_JALALI_TEXT_LEN) {
        return false; /* open */
    }
    pv_jalali_text(when_ms, today);
    order = memcmp(day, today, PV_JALALI_TEXT_LEN);
    return until ? order < 0 : order > 0;
}

/* Is path below base, and its method one of those named? */
static bool
covers(const json_t *grant, const char *path)
{
    const char *base = json_string_value(json_object_get(grant, "path"));
    size_t      len = strlen(base);
    size_t      i;
    json_t     *method;

    if (strncmp(path, base, len) != 0 || path[len] != '/') {
        return false;
    }
    json_array_foreach(json_object_get(grant, "methods"), i, method)
    {
        if (json_is_string(method) &&
            strcmp(json_string_value(method), path + len + 1) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_of_system(const json_t *grant, const char *system)
{
    const char *only = json_string_value(json_object_get(grant, "system"));

    return only == NULL || system == NULL || strcmp(only, system) == 0;
}

/* What a call under a mode bears as its grant is the mode's id. */
static bool
allows_mode(const struct pv_rights *rights, const struct pv_rights_call *call)
{
    size_t  i;
    json_t *mode;

    json_array_foreach((json_t *)(uintptr_t)rights->modes, i, mode)
    {
        const char *path = json_string_value(json_object_get(mode, "path"));
        const char *id = json_string_value(json_object_get(mode, "id"));

        if (path != NULL && id != NULL && strcmp(path, call->path) == 0 &&
            (call->grant[0] == '\0' || strcmp(id, call->grant) == 0)) {
            return true;
        }
    }
    return false;
}

/* ---- and what it opens ---- */

/* Of an item that is open until a day: has that day passed? */
static bool
read_limit(const json_t *limit, const char *today, bool *ret_is_over)
{
    const json_t *item = json_object_get(limit, "item");
    const char   *day = json_string_value(
          json_object_get(json_object_get(limit, "until"), "jalali"));
    struct pv_civil civil;
    int64_t         days;

    if (json_string_length(item) == 0 || day == NULL ||
        pv_jalali_parse(pv_slice_from(day), &civil) != PV_OK ||
        pv_jalali_to_days(civil, &days) != PV_OK) {
        return false;
    }
    *ret_is_over = memcmp(day, today, PV_JALALI_TEXT_LEN) < 0;
    return true;
}

static bool
take_limits(const json_t *grant, int64_t when_ms, json_t **ret_over)
{
    const json_t *limits = json_object_get(grant, "item_limits");
    json_t       *over = NULL;
    char          today[PV_JALALI_TEXT_LEN];
    bool          good = limits == NULL || json_is_array(limits);
    size_t        i;
    json_t       *limit;

    pv_jalali_text(when_ms, today);
    json_array_foreach((json_t *)(uintptr_t)limits, i, limit)
    {
        bool is_over = false;

        good = good && read_limit(limit, today, &is_over);
        if (good && is_over) {
            over = over == NULL ? json_array() : over;
            good = json_array_append(over, json_object_get(limit, "item")) == 0;
        }
    }
    if (!good) {
        json_decref(over); /* accepts NULL */
        return false;
    }
    *ret_over = over;
    return true;
}

void
pv_rights_items_clear(struct pv_rights_items *items)
{
    json_decref(items->over); /* accepts NULL */
    *items = (struct pv_rights_items){NULL, NULL};
}

static bool
take_items(const json_t *grant, int64_t when_ms, struct pv_rights_items *ret)
{
    const json_t *items = json_object_get(grant, "items");

    if (items == NULL || (json_is_string(items) &&
                          strcmp(json_string_value(items), "all") == 0)) {
        ret->open = NULL;
    } else if (json_is_array(items)) {
        ret->open = items;
    } else {
        return false;
    }
    if (!take_limits(grant, when_ms, &ret->over)) {
        ret->open = NULL;
        return false;
    }
    return true;
}

/* Is it for this call, and in force? */
static bool
is_for(const json_t *grant, const struct pv_rights_call *call)
{
    return covers(grant, call->path) && is_of_system(grant, call->system) &&
           !is_beyond(grant, "start", call->when_ms, false) &&
           !is_beyond(grant, "end", call->when_ms, true);
}

/* The agency's, or one of its groups'. */
static bool
is_own(const struct pv_rights *rights, const json_t *grant)
{
    const json_t *consumer = json_object_get(grant, "consumer");
    const json_t *groups = json_object_get(rights->root, "groups");
    size_t        i;
    json_t       *group;

    json_array_foreach((json_t *)(uintptr_t)groups, i, group)
    {
        if (json_equal(consumer, group) == 1) {
            return true;
        }
    }
    return json_equal(consumer, json_object_get(rights->root, "agency")) == 1;
}

/* Of a unit: is the system one of its? A registry of an older build names no
   systems; then it is not known. */
static bool
is_of_unit(const struct pv_rights *rights, const json_t *grant,
           const char *system)
{
    const json_t *unit = json_object_get(grant, "unit");
    json_t       *row;
    size_t        i;

    if (unit == NULL || system == NULL) {
        return true;
    }
    json_array_foreach(json_object_get(rights->root, "systems"), i, row)
    {
        const char *id = json_string_value(json_object_get(row, "id"));

        if (id != NULL && strcmp(id, system) == 0) {
            return json_equal(json_object_get(row, "unit"), unit) == 1;
        }
    }
    return false;
}

/* As the gate looks at it (policy/decide.c). */
static bool
is_for_purpose(const json_t *grant, const char *asked)
{
    const json_t *purposes = json_object_get(grant, "purposes");
    json_t       *purpose;
    size_t        i;

    if (asked == NULL) {
        return true;
    }
    if (asked[0] == '\0') {
        return json_array_size(purposes) == 1;
    }
    json_array_foreach((json_t *)(uintptr_t)purposes, i, purpose)
    {
        const char *id = json_string_value(json_object_get(purpose, "id"));

        if (id != NULL && strcmp(id, asked) == 0) {
            return true;
        }
    }
    return false;
}

bool
pv_rights_next(const struct pv_rights      *rights,
               const struct pv_rights_call *call, size_t *at,
               struct pv_rights_items *ret)
{
    const json_t *grants = json_object_get(rights->root, "grants");

    while (*at < json_array_size(grants)) {
        const json_t *grant = json_array_get(grants, (*at)++);

        *ret = (struct pv_rights_items){NULL, NULL};
        if (is_own(rights, grant) && is_for(grant, call) &&
            is_of_unit(rights, grant, call->system) &&
            is_for_purpose(grant, call->purpose) &&
            take_items(grant, call->when_ms, ret)) {
            return true;
        }
    }
    return false;
}

bool
pv_rights_allow(const struct pv_rights      *rights,
                const struct pv_rights_call *call, struct pv_rights_items *ret)
{
    const json_t *grant;

    *ret = (struct pv_rights_items){NULL, NULL};
    grant = json_object_get(rights->by_id, call->grant);
    if (grant == NULL) {
        return allows_mode(rights, call);
    }
    if (!is_for(grant, call)) {
        return false;
    }
    return take_items(grant, call->when_ms, ret);
}

/* ---- code maps (R-211) ---- */

/* Where a list stands among those of a map; their number: nowhere. */
static size_t
place_of(const json_t *lists, const char *list)
{
    size_t i = 0;

    while (i < json_array_size(lists) &&
           (!json_is_string(json_array_get(lists, i)) ||
            strcmp(json_string_value(json_array_get(lists, i)), list) != 0)) {
        i++;
    }
    return i;
}

/* One more partner of a code: a second, other one makes it null. */
static enum pv_err
add_partner(json_t *index, const char *code, json_t *partner)
{
    json_t *known = json_object_get(index, code);

    if (known == NULL) {
        return json_object_set(index, code, partner) == 0 ? PV_OK : PV_ENOMEM;
    }
    if (json_equal(known, partner) == 1) {
        return PV_OK;
    }
    return json_object_set_new(index, code, json_null()) == 0 ? PV_OK
                                                              : PV_ENOMEM;
}

static enum pv_err
index_map(const json_t *map, size_t own, size_t other, json_t **ret)
{
    char        version[24];
    json_t     *from = json_object();
    json_t     *to = json_object();
    json_t     *row;
    size_t      i;
    enum pv_err err = PV_OK;

    (void)snprintf(version, sizeof(version), "%lld",
                   (long long)json_integer_value(
                       json_object_get(map, "version"))); /* it fits */
    json_array_foreach(json_object_get(map, "rows"), i, row)
    {
        json_t *mine = json_array_get(row, own);
        json_t *theirs = json_array_get(row, other);

        if (err == PV_OK && json_is_string(mine) && json_is_string(theirs)) {
            err = add_partner(to, json_string_value(mine), theirs);
        }
        if (err == PV_OK && json_is_string(mine) && json_is_string(theirs)) {
            err = add_partner(from, json_string_value(theirs), mine);
        }
    }
    *ret = json_pack("{s:s, s:o, s:o}", "version", version, "from", from, "to",
                     to);
    if (*ret == NULL) {
        return PV_ENOMEM;
    }
    if (err != PV_OK) {
        json_decref(*ret);
    }
    return err;
}

static const json_t *
find_map(const struct pv_rights *rights, const char *id)
{
    json_t *map;
    size_t  i;

    json_array_foreach(json_object_get(rights->root, "code_maps"), i, map)
    {
        const char *name = json_string_value(json_object_get(map, "id"));

        if (name != NULL && strcmp(name, id) == 0) {
            return map;
        }
    }
    return NULL;
}

enum pv_err
pv_rights_code_map(const struct pv_rights *rights, const char *id,
                   const char *own, const char *other, json_t **ret)
{
    const json_t *map = find_map(rights, id);
    const json_t *lists = json_object_get(map, "lists");
    size_t        mine = place_of(lists, own);
    size_t        theirs = place_of(lists, other);
    char          key[512];
    json_t       *index = NULL;
    int           len;
    enum pv_err   err = PV_OK;

    if (mine == json_array_size(lists)) {
        return PV_ENOTFOUND;
    }
    len = snprintf(key, sizeof(key), "%s %s %s", id, own, other);
    if (theirs == json_array_size(lists) || len >= (int)sizeof(key)) {
        return PV_EINVAL;
    }
    index = json_incref(json_object_get(rights->indexes, key));
    if (index == NULL) {
        err = index_map(map, mine, theirs, &index);
        if (err == PV_OK) {
            /* without memory it is made again, no more */
            (void)json_object_set(rights->indexes, key, index);
        }
    }
    if (err == PV_OK) {
        *ret = index;
    }
    return err;
}
