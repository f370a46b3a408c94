/* take.c - members of a contract or a backend, checked as they are taken. */
#include "contract/take.h"

#include <stdarg.h>
#include <string.h>

#define TITLE_MAX 2000 /* bytes of a sentence for people */

/* ---- where we are ---- */

size_t
pv_taker_enter(struct pv_taker *taker, const char *name)
{
    size_t mark = strlen(taker->pointer);

    /* a cut pointer is still a place */
    (void)snprintf(taker->pointer + mark, sizeof(taker->pointer) - mark, "/%s",
                   name);
    return mark;
}

size_t
pv_taker_enter_index(struct pv_taker *taker, const char *name, size_t index)
{
    size_t mark = pv_taker_enter(taker, name);
    size_t len = strlen(taker->pointer);

    (void)snprintf(taker->pointer + len, sizeof(taker->pointer) - len, "/%zu",
                   index); /* see above */
    return mark;
}

void
pv_taker_leave(struct pv_taker *taker, size_t mark)
{
    taker->pointer[mark] = '\0';
}

enum pv_err
pv_taker_refuse(const struct pv_taker *taker, const char *member,
                const char *format, ...)
{
    char    pointer[PV_POINTER_MAX + PV_ITEM_ID_MAX];
    char    text[PV_WHY_MAX / 2];
    size_t  line;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* a cut text will do */
    va_end(args);
    (void)snprintf(pointer, sizeof(pointer), "%s%s%s", taker->pointer,
                   member == NULL ? "" : "/", member == NULL ? "" : member);
    line = pv_taker_line(taker->text, pointer);
    if (line == 0) {
        pv_why_set(taker->why, "%s: %s", pointer, text);
    } else {
        pv_why_set(taker->why, "line %zu, %s: %s", line, pointer, text);
    }
    return PV_EINVAL;
}

/* ---- names ---- */

static bool
is_name(struct pv_slice text, char joiner)
{
    if (text.len == 0 || text.len > PV_ITEM_ID_MAX || text.ptr[0] < 'a' ||
        text.ptr[0] > 'z') {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != joiner) {
            return false;
        }
    }
    return true;
}

bool
pv_is_id(struct pv_slice text)
{
    return is_name(text, '-');
}

/* ---- members ---- */

enum pv_err
pv_taker_only(const struct pv_taker *taker, const json_t *object,
              const char *const *keywords)
{
    void *at;

    if (!json_is_object(object)) {
        return pv_taker_refuse(taker, NULL, "must be a JSON object");
    }
    /* jansson's iterators take no const; nothing is changed */
    for (at = json_object_iter((json_t *)(uintptr_t)object); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        const char *name = json_object_iter_key(at);
        size_t      i = 0;

        while (keywords[i] != NULL && strcmp(keywords[i], name) != 0) {
            i++;
        }
        if (keywords[i] == NULL) {
            return pv_taker_refuse(taker, name, "unknown keyword \"%.64s\"",
                                   name);
        }
    }
    return PV_OK;
}

enum pv_err
pv_taker_text(const struct pv_taker *taker, const json_t *object,
              const char *name, size_t max, const char **ret)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL) {
        return pv_taker_refuse(taker, NULL, "\"%s\" is missing", name);
    }
    if (!json_is_string(value) || json_string_length(value) == 0) {
        return pv_taker_refuse(taker, name, "\"%s\" is no text", name);
    }
    if (json_string_length(value) > max) {
        return pv_taker_refuse(taker, name, "\"%s\" is longer than %zu bytes",
                               name, max);
    }
    *ret = json_string_value(value);
    return PV_OK;
}

static enum pv_err
take_named(const struct pv_taker *taker, const json_t *object, const char *name,
           char *room, size_t size, char joiner)
{
    const char *text;
    enum pv_err err = pv_taker_text(taker, object, name, size - 1, &text);

    if (err != PV_OK) {
        return err;
    }
    if (!is_name(pv_slice_from(text), joiner)) {
        return pv_taker_refuse(taker, name,
                               "\"%s\" must be a-z first, then a-z, 0-9 and %c",
                               name, joiner);
    }
    return pv_slice_to_cstr(pv_slice_from(text), room, size);
}

enum pv_err
pv_taker_id(const struct pv_taker *taker, const json_t *object,
            const char *name, char *room, size_t size)
{
    return take_named(taker, object, name, room, size, '-');
}

enum pv_err
pv_taker_name(const struct pv_taker *taker, const json_t *object,
              const char *name, char *room, size_t size)
{
    return take_named(taker, object, name, room, size, '_');
}

enum pv_err
pv_taker_number(const struct pv_taker *taker, const json_t *object,
                const char *name, uint32_t min, uint32_t max, uint32_t *ret)
{
    const json_t *value = json_object_get(object, name);
    json_int_t    n = json_integer_value(value);

    if (value == NULL) {
        return PV_OK; /* the default stays */
    }
    if (!json_is_integer(value) || n < min || n > max) {
        return pv_taker_refuse(taker, name,
                               "\"%s\" must be a number from %u to %u", name,
                               min, max);
    }
    *ret = (uint32_t)n;
    return PV_OK;
}

enum pv_err
pv_taker_bool(const struct pv_taker *taker, const json_t *object,
              const char *name, bool *ret)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL) {
        return PV_OK; /* the default stays */
    }
    if (!json_is_boolean(value)) {
        return pv_taker_refuse(taker, name, "\"%s\" must be true or false",
                               name);
    }
    *ret = json_is_true(value);
    return PV_OK;
}

enum pv_err
pv_taker_word(const struct pv_taker *taker, const json_t *object,
              const char *name, const char *const *words, size_t *ret)
{
    const char *text;
    enum pv_err err = pv_taker_text(taker, object, name, PV_ITEM_ID_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = i;
            return PV_OK;
        }
    }
    return pv_taker_refuse(taker, name,
                           "\"%s\" is \"%.40s\", which is not known here", name,
                           text);
}

enum pv_err
pv_taker_day(const struct pv_taker *taker, const json_t *object,
             const char *name, char room[11])
{
    const char *text;
    enum pv_err err = pv_taker_text(taker, object, name, 10, &text);

    if (err != PV_OK) {
        return err;
    }
    if (!pv_check_jalali_date(pv_slice_from(text))) {
        return pv_taker_refuse(
            taker, name, "\"%s\" must be a Jalali day as 1401-06-31", name);
    }
    return pv_slice_to_cstr(pv_slice_from(text), room, 11);
}

enum pv_err
pv_taker_words(const struct pv_taker *taker, const json_t *object,
               const char *name, bool needed)
{
    static const char *const language[] = {"fa", "en"};
    bool                     there = needed;

    for (int i = 0; i < 2; i++) {
        char member[PV_ITEM_ID_MAX + 4];

        (void)snprintf(member, sizeof(member), "%s_%s", name, language[i]);
        there = there || json_object_get(object, member) != NULL;
    }
    for (int i = 0; there && i < 2; i++) {
        char        member[PV_ITEM_ID_MAX + 4];
        const char *text;
        enum pv_err err;

        (void)snprintf(member, sizeof(member), "%s_%s", name, language[i]);
        err = pv_taker_text(taker, object, member, TITLE_MAX, &text);
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}

enum pv_err
pv_taker_list(const struct pv_taker *taker, const json_t *object,
              const char *name, size_t max, const json_t **ret)
{
    const json_t *list = json_object_get(object, name);

    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > max) {
        return pv_taker_refuse(taker, list == NULL ? NULL : name,
                               "\"%s\" must be a list of 1 to %zu", name, max);
    }
    *ret = list;
    return PV_OK;
}

enum pv_err
pv_taker_type(const struct pv_taker *taker, const json_t *object,
              const struct pv_data_item **ret)
{
    const char *text;
    enum pv_err err =
        pv_taker_text(taker, object, "type", PV_ITEM_ID_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    *ret = pv_data_items_find(taker->items, pv_slice_from(text));
    return *ret != NULL ? PV_OK
                        : pv_taker_refuse(taker, "type",
                                          "type \"%s\" is no data item", text);
}
