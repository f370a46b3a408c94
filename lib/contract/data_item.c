#include "contract/data_item.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

struct pv_data_items {
    struct pv_data_item *item[PV_ITEMS_MAX];
    char                *union_text[PV_ITEMS_MAX]; /* ids, one a line */
    size_t               count;
    bool                 finished;
};

/* ---- JSON files ---- */

enum pv_err
pv_catalogue_read(const char *path, struct pv_buf *buf)
{
    enum pv_err err = PV_OK;
    int         fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1) {
        return PV_ESYS;
    }
    for (;;) {
        ssize_t got;

        err = pv_buf_reserve(buf, 4096);
        if (err != PV_OK) {
            break;
        }
        got = read(fd, buf->ptr + buf->len, buf->cap - buf->len);
        if (got == -1 && errno == EINTR) {
            continue;
        }
        if (got == -1) {
            err = PV_ESYS;
            break;
        }
        if (got == 0) {
            break;
        }
        buf->len += (size_t)got;
    }
    (void)close(fd); /* read-only: nothing to lose */
    return err;
}

enum pv_err
pv_json_load_file(const char *path, json_t **ret, struct pv_why *why)
{
    struct pv_buf buf;
    json_error_t  error;
    json_t       *root;
    enum pv_err   err;

    pv_buf_init(&buf, PV_CATALOGUE_FILE_MAX);
    err = pv_catalogue_read(path, &buf);
    if (err != PV_OK) {
        pv_why_set(why, "%s: %s", path,
                   err == PV_ESYS ? strerror(errno) : pv_err_text(err));
        goto out;
    }
    root = json_loadb(buf.ptr == NULL ? "" : buf.ptr, buf.len,
                      JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        pv_why_set(why, "%s, line %d, column %d: %s", path, error.line,
                   error.column, error.text);
        err = PV_EINVAL;
        goto out;
    }
    *ret = root;

out:
    pv_buf_clear(&buf);
    return err;
}

enum pv_err
pv_json_only(const json_t *object, const char *const *names, const char *place,
             struct pv_why *why)
{
    /* jansson's iterators take no const; nothing is changed */
    json_t *walk = json_incref((json_t *)(uintptr_t)object);

    for (void *at = json_object_iter(walk); at != NULL;
         at = json_object_iter_next(walk, at)) {
        const char *name = json_object_iter_key(at);
        bool        known = false;

        for (size_t i = 0; names[i] != NULL; i++) {
            known = known || strcmp(names[i], name) == 0;
        }
        if (!known) {
            pv_why_set(why, "%s: unknown keyword \"%s\"", place, name);
            json_decref(walk);
            return PV_EINVAL;
        }
    }
    json_decref(walk);
    return PV_OK;
}

/* ---- the items ---- */

enum pv_err
pv_data_items_new(struct pv_data_items **ret)
{
    struct pv_data_items *items = calloc(1, sizeof(*items));

    if (items == NULL) {
        return PV_ENOMEM;
    }
    *ret = items;
    return PV_OK;
}

static void
item_free(struct pv_data_item *item)
{
    if (item == NULL) {
        return;
    }
    pv_pattern_free(item->pattern);
    json_decref(item->source);
    free(item);
}

void
pv_data_items_free(struct pv_data_items *items)
{
    if (items == NULL) {
        return;
    }
    for (size_t i = 0; i < items->count; i++) {
        item_free(items->item[i]);
        free(items->union_text[i]);
    }
    free(items);
}

size_t
pv_data_items_count(const struct pv_data_items *items)
{
    return items->count;
}

const struct pv_data_item *
pv_data_items_at(const struct pv_data_items *items, size_t i)
{
    assert(i < items->count);
    return items->item[i];
}

const struct pv_data_item *
pv_data_items_find(const struct pv_data_items *items, struct pv_slice id)
{
    for (size_t i = 0; i < items->count; i++) {
        if (pv_slice_eq(pv_slice_from(items->item[i]->id), id)) {
            return items->item[i];
        }
    }
    return NULL;
}

static enum pv_err
take_base(struct pv_data_item *item, const json_t *object, struct pv_why *why)
{
    static const struct {
        const char  *word;
        enum pv_base base;
    } known[] = {
        {"string", PV_BASE_STRING},   {"integer", PV_BASE_INTEGER},
        {"decimal", PV_BASE_DECIMAL}, {"boolean", PV_BASE_BOOLEAN},
        {"date", PV_BASE_DATE},       {"enum", PV_BASE_ENUM},
        {"binary", PV_BASE_BINARY},   {"object", PV_BASE_OBJECT},
        {"list", PV_BASE_LIST},
    };
    const char *word = json_string_value(json_object_get(object, "base_type"));

    for (size_t i = 0; word != NULL && i < sizeof(known) / sizeof(known[0]);
         i++) {
        if (strcmp(word, known[i].word) == 0) {
            item->base = known[i].base;
            return PV_OK;
        }
    }
    pv_why_set(why, "data item %s: unknown base_type \"%s\"", item->id,
               word == NULL ? "" : word);
    return PV_EINVAL;
}

static enum pv_err
take_check(struct pv_data_item *item, const json_t *object, struct pv_why *why)
{
    const char *name =
        json_string_value(json_object_get(object, "check_function"));

    if (name != NULL) {
        item->check = pv_check_find(pv_slice_from(name));
        item->check_fault = PV_FAULT_CHECK_DIGIT;
        if (item->check == NULL) {
            pv_why_set(why, "data item %s: unknown check_function \"%s\"",
                       item->id, name);
            return PV_EINVAL;
        }
    } else if (item->base == PV_BASE_DATE) {
        item->check = pv_check_jalali_date;
        item->check_fault = PV_FAULT_NO_SUCH_DAY;
    } else if (strcmp(item->id, "determined_at") == 0) {
        item->check = pv_check_time;
        item->check_fault = PV_FAULT_NO_SUCH_DAY;
    } else if (strcmp(item->id, "object_identifier") == 0) {
        item->check = pv_check_oid;
        item->check_fault = PV_FAULT_RULE;
    }
    return PV_OK;
}

static enum pv_err
take_pattern(struct pv_data_item *item, const json_t *object,
             struct pv_why *why)
{
    const json_t *pattern = json_object_get(object, "pattern");
    bool          structure = item->base == PV_BASE_BINARY ||
                     item->base == PV_BASE_OBJECT || item->base == PV_BASE_LIST;
    struct pv_why inner;
    enum pv_err   err;

    if (structure) {
        if (pattern != NULL && !json_is_null(pattern)) {
            pv_why_set(why, "data item %s: a structure has no pattern",
                       item->id);
            return PV_EINVAL;
        }
        return PV_OK;
    }
    if (!json_is_string(pattern)) {
        pv_why_set(why, "data item %s: pattern is missing", item->id);
        return PV_EINVAL;
    }
    err = pv_pattern_new(pv_slice_from(json_string_value(pattern)),
                         &item->pattern, &inner);
    if (err != PV_OK) {
        pv_why_set(why, "data item %s: %s", item->id,
                   err == PV_ENOMEM ? pv_err_text(err) : inner.text);
    }
    return err;
}

static enum pv_err
take_union(struct pv_data_items *items, size_t at, const json_t *object,
           struct pv_why *why)
{
    const json_t *list = json_object_get(object, "union_of");
    struct pv_buf buf;
    const char   *text;
    enum pv_err   err = PV_OK;

    if (list == NULL) {
        return PV_OK;
    }
    if (!json_is_array(list) || json_array_size(list) < 2 ||
        json_array_size(list) > PV_ITEM_UNION_MAX) {
        pv_why_set(why, "data item %s: union_of must name 2 to %d items",
                   items->item[at]->id, PV_ITEM_UNION_MAX);
        return PV_EINVAL;
    }
    pv_buf_init(&buf, (PV_ITEM_ID_MAX + 1) * PV_ITEM_UNION_MAX + 1);
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));

        err = id == NULL ? PV_EINVAL : pv_buf_addf(&buf, "%s\n", id);
    }
    if (err == PV_OK) {
        err = pv_buf_cstr(&buf, &text);
    }
    if (err == PV_OK) {
        items->union_text[at] = strdup(text);
        err = items->union_text[at] == NULL ? PV_ENOMEM : PV_OK;
    }
    pv_buf_clear(&buf);
    if (err != PV_OK) {
        pv_why_set(why, "data item %s: union_of: %s", items->item[at]->id,
                   pv_err_text(err));
    }
    return err;
}

static enum pv_err
take_item(struct pv_data_items *items, const json_t *object, size_t index,
          struct pv_why *why)
{
    static const char *const keywords[] = {"id",
                                           "name_fa",
                                           "name_en",
                                           "base_type",
                                           "pattern",
                                           "basis",
                                           "sources",
                                           "check_rule",
                                           "check_function",
                                           "example",
                                           "note",
                                           "values",
                                           "union_of",
                                           "aliases_fa",
                                           "lifecycle",
                                           "same_as",
                                           "format_stated_in_documents",
                                           NULL};
    const char          *id = json_string_value(json_object_get(object, "id"));
    struct pv_data_item *item;
    size_t               at = items->count;
    char                 place[PV_ITEM_ID_MAX + 32];
    enum pv_err          err;

    if (id == NULL || strlen(id) == 0 || strlen(id) > PV_ITEM_ID_MAX) {
        pv_why_set(why, "data item number %zu: id is missing or too long",
                   index + 1);
        return PV_EINVAL;
    }
    if (at == PV_ITEMS_MAX) {
        pv_why_set(why, "more than %d data items", PV_ITEMS_MAX);
        return PV_ERANGE;
    }
    (void)snprintf(place, sizeof(place), "data item %s", id); /* fits */
    err = pv_json_only(object, keywords, place, why);
    if (err != PV_OK) {
        return err;
    }
    if (pv_data_items_find(items, pv_slice_from(id)) != NULL) {
        pv_why_set(why, "data item %s: is there already", id);
        return PV_EEXIST;
    }
    item = calloc(1, sizeof(*item));
    if (item == NULL) {
        return PV_ENOMEM;
    }
    (void)snprintf(item->id, sizeof(item->id), "%s", id); /* fits */
    /* jansson counts references in the value itself */
    item->source = json_incref((json_t *)(uintptr_t)object);
    items->item[at] = item; /* freed with items, whatever happens now */
    items->count++;

    err = take_base(item, object, why);
    if (err == PV_OK) {
        err = take_check(item, object, why);
    }
    if (err == PV_OK) {
        err = take_pattern(item, object, why);
    }
    if (err == PV_OK) {
        err = take_union(items, at, object, why);
    }
    return err;
}

enum pv_err
pv_data_items_add(struct pv_data_items *items, const json_t *root,
                  struct pv_why *why)
{
    if (items->finished) {
        return PV_ESTATE;
    }
    if (json_is_object(root)) {
        root = json_object_get(root, "data_items_extra");
    }
    if (!json_is_array(root)) {
        pv_why_set(why, "neither a list of data items nor an object with "
                        "data_items_extra");
        return PV_EINVAL;
    }
    for (size_t i = 0; i < json_array_size(root); i++) {
        enum pv_err err = take_item(items, json_array_get(root, i), i, why);

        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

enum pv_err
pv_data_items_add_file(struct pv_data_items *items, const char *path,
                       struct pv_why *why)
{
    struct pv_why inner;
    json_t       *root = NULL;
    enum pv_err   err = pv_json_load_file(path, &root, why);

    if (err != PV_OK) {
        return err;
    }
    pv_why_set(&inner, "%s", "");
    err = pv_data_items_add(items, root, &inner);
    if (err != PV_OK) {
        pv_why_set(why, "%s: %s", path,
                   inner.text[0] == '\0' ? pv_err_text(err) : inner.text);
    }
    json_decref(root);
    return err;
}

static enum pv_err
join_union(struct pv_data_items *items, size_t at, struct pv_why *why)
{
    struct pv_data_item *item = items->item[at];
    struct pv_slice      left = pv_slice_from(items->union_text[at]);

    while (left.len > 0) {
        struct pv_slice            id;
        const struct pv_data_item *member;

        (void)pv_slice_cut(left, '\n', &id, &left); /* each ends in one */
        member = pv_data_items_find(items, id);
        if (member == NULL || member->pattern == NULL ||
            items->union_text[at] == NULL || member == item) {
            pv_why_set(why,
                       "data item %s: union_of names %.*s, which is no "
                       "plain item",
                       item->id, PV_FMT(id));
            return PV_EINVAL;
        }
        item->any_of[item->any_count++] = member;
    }
    return PV_OK;
}

enum pv_err
pv_data_items_finish(struct pv_data_items *items, struct pv_why *why)
{
    for (size_t i = 0; i < items->count; i++) {
        enum pv_err err = join_union(items, i, why);

        if (err != PV_OK) {
            return err;
        }
    }
    for (size_t i = 0; i < items->count; i++) {
        const struct pv_data_item *item = items->item[i];
        const struct pv_data_item *member;
        const char                *example =
            json_string_value(json_object_get(item->source, "example"));

        for (size_t j = 0; j < item->any_count; j++) {
            if (item->any_of[j]->any_count > 0) {
                pv_why_set(why, "data item %s: a union of unions", item->id);
                return PV_EINVAL;
            }
        }
        if (example != NULL && item->pattern != NULL &&
            pv_data_item_check(item, pv_slice_from(example), &member) !=
                PV_FAULT_NONE) {
            pv_why_set(why, "data item %s: its example breaks its own rule",
                       item->id);
            return PV_EINVAL;
        }
    }
    items->finished = true;
    return PV_OK;
}

/* ---- values ---- */

static enum pv_fault_kind
check_plain(const struct pv_data_item *item, struct pv_slice text)
{
    if (item->pattern == NULL || !pv_pattern_matches(item->pattern, text)) {
        return PV_FAULT_PATTERN;
    }
    if (item->check != NULL && !item->check(text)) {
        return item->check_fault;
    }
    return PV_FAULT_NONE;
}

static enum pv_fault_kind
check_union(const struct pv_data_item *item, struct pv_slice text,
            const struct pv_data_item **ret_member)
{
    const struct pv_data_item *fits = NULL;
    enum pv_fault_kind         fault;

    if (!pv_pattern_matches(item->pattern, text)) {
        return PV_FAULT_PATTERN;
    }
    for (size_t i = 0; i < item->any_count; i++) {
        if (!pv_pattern_matches(item->any_of[i]->pattern, text)) {
            continue;
        }
        if (fits != NULL) {
            return PV_FAULT_AMBIGUOUS;
        }
        fits = item->any_of[i];
    }
    if (fits == NULL) {
        return PV_FAULT_PATTERN;
    }
    fault = check_plain(fits, text);
    if (fault == PV_FAULT_NONE) {
        *ret_member = fits;
    }
    return fault;
}

enum pv_fault_kind
pv_data_item_check(const struct pv_data_item *item, struct pv_slice text,
                   const struct pv_data_item **ret_member)
{
    enum pv_fault_kind fault;

    if (text.len > PV_VALUE_MAX) {
        return PV_FAULT_TOO_LONG;
    }
    if (!pv_utf8_is_valid(text)) {
        return PV_FAULT_NOT_UTF8;
    }
    if (item->any_count > 0) {
        return check_union(item, text, ret_member);
    }
    fault = check_plain(item, text);
    if (fault == PV_FAULT_NONE) {
        *ret_member = item;
    }
    return fault;
}

const struct pv_data_item *
pv_data_item_member(const struct pv_data_item *item, struct pv_slice id)
{
    if (item->any_count == 0) {
        return pv_slice_eq(pv_slice_from(item->id), id) ? item : NULL;
    }
    for (size_t i = 0; i < item->any_count; i++) {
        if (pv_slice_eq(pv_slice_from(item->any_of[i]->id), id)) {
            return item->any_of[i];
        }
    }
    return NULL;
}

struct pv_slice
pv_data_item_canonical(const struct pv_data_item *item, struct pv_slice text)
{
    if (item->base == PV_BASE_INTEGER) {
        while (text.len > 1 && text.ptr[0] == '0') {
            text.ptr++;
            text.len--;
        }
    }
    return text;
}
