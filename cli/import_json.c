/*
 * import_json.c - files, members and complaints of the import.
 */
#include <stdarg.h>
#include <string.h>

#include "import_private.h"

#define COMPLAINTS_BYTES_MAX (64 * 1024)
#define FILE_PATH_MAX 4096

void
pv_import_report_init(struct pv_import_report *report)
{
    *report = (struct pv_import_report){.complaint_count = 0};
    pv_buf_init(&report->complaints, COMPLAINTS_BYTES_MAX);
}

void
pv_import_report_clear(struct pv_import_report *report)
{
    pv_buf_clear(&report->complaints);
}

void
pv_complain(struct pv_import *import, const char *row, const char *format, ...)
{
    struct pv_import_report *report = import->report;
    char                     text[PV_WHY_MAX];
    va_list                  list;

    va_start(list, format);
    if (vsnprintf(text, sizeof(text), format, list) < 0) {
        text[0] = '\0';
    }
    va_end(list);
    report->complaint_count++;
    if (report->complaint_count > PV_IMPORT_COMPLAINTS_MAX) {
        return;
    }
    if (pv_buf_addf(&report->complaints, "%s: %s: %s\n", import->file, row,
                    text) != PV_OK) {
        return; /* the count refuses; the words are cut */
    }
}

enum pv_err
pv_import_file(struct pv_import *import, const char *dir, const char *name,
               json_t **ret)
{
    char         path[FILE_PATH_MAX];
    json_error_t error;
    json_t      *file;
    int          len;

    import->file = name;
    len = dir == NULL ? snprintf(path, sizeof(path), "%s", name)
                      : snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (len < 0 || len >= (int)sizeof(path)) {
        pv_complain(import, "-", "the path is too long");
        return PV_EINVAL;
    }
    file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (file == NULL) {
        pv_complain(import, "-", "%s (line %d of %s)", error.text, error.line,
                    path);
        return PV_EINVAL;
    }
    *ret = file;
    return PV_OK;
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

enum pv_err
pv_index(struct pv_import *import, const json_t *array, const char *key,
         json_t **ret)
{
    json_t *index = json_object();
    json_t *row;
    size_t  i;

    if (index == NULL) {
        return PV_ENOMEM;
    }
    json_array_foreach(array, i, row)
    {
        const char *id = pv_cstr(row, key);

        if (id[0] == '\0') {
            pv_complain(import, "-", "row %zu has no \"%s\"", i, key);
        } else if (json_object_get(index, id) != NULL) {
            pv_complain(import, id, "stands here twice");
        } else if (json_object_set(index, id, row) != 0) {
            json_decref(index);
            return PV_ENOMEM;
        }
    }
    json_decref(*ret);
    *ret = index;
    return PV_OK;
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
