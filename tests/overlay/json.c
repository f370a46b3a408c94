/*
 * json.c - members and complaints.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "overlay.h"

#define COMPLAINTS_MAX 50 /* later ones are counted only */

void
pv_complain(struct pv_import *import, const char *row, const char *format, ...)
{
    char    text[PV_WHY_MAX];
    va_list list;

    va_start(list, format);
    if (vsnprintf(text, sizeof(text), format, list) < 0) {
        text[0] = '\0';
    }
    va_end(list);
    import->complaints++;
    if (import->complaints <= COMPLAINTS_MAX) {
        (void)fprintf(stderr, "%s: %s\n", row, text); /* only for the eye */
    }
}

struct pv_slice
pv_text(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);

    return json_is_string(value) ? (struct pv_slice){json_string_value(value),
                                                     json_string_length(value)}
                                 : (struct pv_slice){NULL, 0};
}

const char *
pv_cstr(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));

    return text == NULL ? "" : text;
}

bool
pv_true(const json_t *row, const char *name)
{
    return json_is_true(json_object_get(row, name));
}

/* Ids are ASCII: lower-case letters, digits, and - . _ / between them. */
bool
pv_to_id(struct pv_import *import, const char *row, struct pv_slice text,
         struct pv_id *ret)
{
    if (text.len == 0 || text.len > PV_POLICY_ID_MAX) {
        pv_complain(import, row, "an id has 1 to %d characters",
                    PV_POLICY_ID_MAX);
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '.' || c == '_' || c == '/')) {
            pv_complain(import, row, "\"%.*s\" is no id", PV_FMT(text));
            return false;
        }
    }
    ret->len = (uint8_t)text.len;
    memcpy(ret->text, text.ptr, text.len);
    return true;
}

bool
pv_to_number(struct pv_import *import, const char *row, const char *name,
             const json_t *value, uint64_t max, uint64_t *ret)
{
    json_int_t n = json_integer_value(value);

    if (!json_is_integer(value) || n < 0 || (uint64_t)n > max) {
        pv_complain(import, row, "%s must be a whole number from 0 to %llu",
                    name, (unsigned long long)max);
        return false;
    }
    *ret = (uint64_t)n;
    return true;
}

static bool
is_flag(const char *name)
{
    static const char *const flags[] = {"remove", "lift", "suspended",
                                        "needs_consent", "loopback_endpoints"};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(flags[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void
pv_known(struct pv_import *import, const char *row, const json_t *object,
         const char *const *names)
{
    const char *name;
    json_t     *value;
    size_t      i;

    /* jansson takes no const object here, but does not change it */
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        name = json_object_iter_key(at);
        value = json_object_iter_value(at);
        for (i = 0; names[i] != NULL; i++) {
            if (strcmp(names[i], name) == 0) {
                break;
            }
        }
        if (names[i] == NULL && value != NULL) {
            pv_complain(import, row, "unknown member \"%s\"", name);
        } else if (is_flag(name) && !json_is_boolean(value)) {
            /* "true" in quotes must not read as false */
            pv_complain(import, row, "%s must be true or false", name);
        }
    }
}
