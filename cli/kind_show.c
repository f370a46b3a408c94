/*
 * kind_show.c - records of the registry as text or JSON, now or in the past.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"
#include "names.h"
#include "registry.h"

#define PATH_ROOM 1024
#define OUT_MAX ((size_t)16 * 1024 * 1024)
#define CELL_MAX 200 /* bytes of a summary */
#define ID_WIDTH 40
#define STATE_WIDTH 26
#define DATE_WIDTH 23

static bool
is_plain(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._/-")] ==
           '\0';
}

/* "&as_of=...", "&at=..."; false when a value is not right. */
static bool
moment_of(const struct pv_kind_args *args, char room[PATH_ROOM])
{
    const char *state = args->state == NULL ? "" : args->state;

    return is_plain(state) &&
           snprintf(
               room, PATH_ROOM, "%s%s%s%s%s%s",
               args->as_of[0] == '\0' ? "" : "&as_of=", args->as_of,
               args->at == NULL ? "" : "&at=", args->at == NULL ? "" : args->at,
               state[0] == '\0' ? "" : "&state=", state) < PATH_ROOM;
}

static int
print_json(const json_t *value)
{
    return json_dumpf(value, stdout, JSON_COMPACT | JSON_SORT_KEYS) == 0 &&
                   putchar('\n') != EOF
               ? PV_EXIT_OK
               : PV_EXIT_FAILED;
}

/* "1400-07-26 (2021-10-18)" */
static const char *
date_of(const json_t *record, char room[PV_DATE_TEXT_MAX])
{
    const char     *text = pv_kind_text(record, "date");
    struct pv_civil jalali;
    int64_t         days;

    if (pv_jalali_parse(pv_slice_from(text), &jalali) != PV_OK ||
        pv_jalali_to_days(jalali, &days) != PV_OK) {
        return text;
    }
    return pv_date_text(days * PV_DAY_MS - PV_TEHRAN_OFFSET_MS, false, room);
}

/* ---- list ---- */

/* Its name, else the records that it is about. */
static void
summary(const struct pv_kind_args *args, const json_t *body,
        char room[CELL_MAX + 1])
{
    static const char *const names[2][6] = {
        {"name_en", "title_en", "text_en", "name_fa", "title_fa", "text_fa"},
        {"name_fa", "title_fa", "text_fa", "name_en", "title_en", "text_en"}};
    json_t *field;
    size_t  i;
    size_t  used = 0;

    room[0] = '\0';
    for (i = 0; i < 6; i++) {
        const char *text =
            pv_kind_text(body, names[args->lang == PV_LANG_FA][i]);

        if (text[0] != '\0') {
            (void)snprintf(room, CELL_MAX + 1, "%s", text); /* cut is fine */
            return;
        }
    }
    json_array_foreach(json_object_get(args->kind, "fields"), i, field)
    {
        const char *value = pv_kind_text(body, pv_kind_text(field, "name"));
        int         len = 0;

        if (strcmp(pv_kind_text(field, "type"), "record") == 0 &&
            value[0] != '\0' && used < CELL_MAX) {
            len = snprintf(room + used, CELL_MAX + 1 - used, "%s%s",
                           used == 0 ? "" : " ", value);
        }
        used += len < 0 ? 0 : (size_t)len;
    }
}

static enum pv_err
print_row(const struct pv_kind_args *args, const json_t *record,
          struct pv_buf *out)
{
    static const size_t width[] = {ID_WIDTH, STATE_WIDTH, DATE_WIDTH, 0};
    char                words[CELL_MAX + 1];
    char                date[PV_DATE_TEXT_MAX];
    struct pv_slice     cell[4];

    summary(args, json_object_get(record, "body"), words);
    cell[0] = pv_slice_from(pv_kind_text(record, "id"));
    cell[1] = pv_slice_from(pv_kind_text(record, "state"));
    cell[2] = pv_slice_from(date_of(record, date));
    cell[3] = pv_slice_from(words);
    return pv_line(out, cell, width, 4);
}

static int
print_list(const struct pv_kind_args *args, const json_t *records)
{
    struct pv_buf out;
    enum pv_err   err = PV_OK;
    const char   *id;
    json_t       *record;
    int           code = PV_EXIT_FAILED;

    pv_buf_init(&out, OUT_MAX);
    json_object_foreach((json_t *)(uintptr_t)records, id, record)
    {
        err = err == PV_OK ? print_row(args, record, &out) : err;
    }
    if (err == PV_OK && fwrite(out.ptr, 1, out.len, stdout) == out.len) {
        code = PV_EXIT_OK;
    }
    pv_buf_clear(&out);
    return code;
}

/* Records in an array under the kind's name. */
static int
print_array(const struct pv_kind_args *args, const json_t *records)
{
    const char *name = pv_kind_text(args->kind, "kind");
    json_t     *rows = json_array();
    json_t     *all = json_pack("{s:o}", name, rows);
    const char *id;
    json_t     *record;
    int         code = PV_EXIT_FAILED;
    bool        ok = all != NULL;

    json_object_foreach((json_t *)(uintptr_t)records, id, record)
    {
        ok = ok && json_array_append(rows, record) == 0;
    }
    if (ok) {
        code = print_json(all);
    }
    json_decref(all);
    return code;
}

/* ---- one page ---- */

static int
print_page(const struct pv_kind_args *args, const json_t *page)
{
    const char   *next = pv_kind_text(page, "next");
    struct pv_buf out;
    json_t       *record;
    size_t        i;
    enum pv_err   err = PV_OK;
    int           code = PV_EXIT_FAILED;

    if (args->json) {
        return print_json(page);
    }
    pv_buf_init(&out, OUT_MAX);
    json_array_foreach(json_object_get(page, pv_kind_text(args->kind, "kind")),
                       i, record)
    {
        err = err == PV_OK ? print_row(args, record, &out) : err;
    }
    if (err == PV_OK && next[0] != '\0') {
        err = pv_buf_addf(&out, "... --after %s\n", next);
    }
    if (err == PV_OK && fwrite(out.ptr, 1, out.len, stdout) == out.len) {
        code = PV_EXIT_OK;
    }
    pv_buf_clear(&out);
    return code;
}

static int
list_page(const struct pv_kind_args *args, const char *query)
{
    const char   *after = args->after == NULL ? "" : args->after;
    char          path[2 * PATH_ROOM];
    json_t       *page = NULL;
    struct pv_why why = {""};
    int           code = PV_EXIT_FAILED;

    if (!is_plain(after) ||
        snprintf(path, sizeof(path), "/registry/v1/%s?count=%s%s%s%s",
                 pv_kind_text(args->kind, "kind"), args->count,
                 after[0] == '\0' ? "" : "&after=", after,
                 query) >= (int)sizeof(path)) {
        return pv_cli_usage_error(pv_kind_text(args->kind, "kind"));
    }
    if (pv_registry_get_json(args->socket, path, &page, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        return PV_EXIT_FAILED;
    }
    code = print_page(args, page);
    json_decref(page);
    return code;
}

int
pv_kind_list(const struct pv_kind_args *args)
{
    char          query[PATH_ROOM];
    json_t       *records = NULL;
    struct pv_why why = {""};
    int           code = PV_EXIT_FAILED;

    if (!moment_of(args, query)) {
        return pv_cli_usage_error(pv_kind_text(args->kind, "kind"));
    }
    if (args->count != NULL) {
        return list_page(args, query);
    }
    if (args->after != NULL) {
        return pv_cli_usage_error(pv_kind_text(args->kind, "kind"));
    }
    if (pv_registry_records(args->socket, pv_kind_text(args->kind, "kind"),
                            query, &records, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        return PV_EXIT_FAILED;
    }
    code = args->json ? print_array(args, records) : print_list(args, records);
    json_decref(records);
    return code;
}

/* ---- show ---- */

static bool
print_member(const char *name, const json_t *value)
{
    char *text = NULL;
    bool  ok;

    if (json_is_string(value)) {
        return printf("  %-18s %s\n", name, json_string_value(value)) > 0;
    }
    text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    ok = text != NULL && printf("  %-18s %s\n", name, text) > 0;
    free(text);
    return ok;
}

/* What may be decided about it now, and by whom. */
static bool
print_next(const struct pv_kind_args *args, const char *state)
{
    bool    ok = printf("%s\n", pv_cli_text(args->lang, "may follow",
                                            "گام‌های ممکن")) > 0;
    json_t *event;
    json_t *step;
    json_t *role;
    size_t  i;
    size_t  n;

    json_array_foreach(json_object_get(args->kind, "events"), i, event)
    {
        const json_t *by = json_object_get(event, "by");

        json_array_foreach(json_object_get(event, "steps"), n, step)
        {
            if (strcmp(json_string_value(json_array_get(step, 0)), state) !=
                    0 ||
                json_array_size(by) == 0) {
                continue;
            }
            ok = printf("  %-18s -> %s (", pv_kind_text(event, "event"),
                        json_string_value(json_array_get(step, 1))) > 0 &&
                 ok;
            json_array_foreach(by, n, role)
            {
                ok = printf("%s%s", n == 0 ? "" : ", ",
                            json_string_value(role)) > 0 &&
                     ok;
            }
            ok = printf(")\n") > 0 && ok;
            break;
        }
    }
    return ok;
}

static int
print_record(const struct pv_kind_args *args, const json_t *record)
{
    const char *state = pv_kind_text(record, "state");
    char        date[PV_DATE_TEXT_MAX];
    const char *name;
    json_t     *value;
    bool ok = printf("%s %s: %s\n  %s, %s %lld\n", pv_kind_text(record, "kind"),
                     pv_kind_text(record, "id"), state, date_of(record, date),
                     pv_cli_text(args->lang, "decision", "تصمیم"),
                     (long long)json_integer_value(
                         json_object_get(record, "decision"))) > 0;

    json_object_foreach(json_object_get(record, "body"), name, value)
    {
        ok = print_member(name, value) && ok;
    }
    return print_next(args, state) && ok ? PV_EXIT_OK : PV_EXIT_FAILED;
}

/* GET a path about one record; NULL after a message. */
static json_t *
get(const struct pv_kind_args *args, const char *before, const char *id)
{
    char          moment[PATH_ROOM];
    char          path[2 * PATH_ROOM];
    json_t       *answer = NULL;
    struct pv_why why = {""};

    if (!is_plain(id) || !moment_of(args, moment) ||
        snprintf(path, sizeof(path), "/registry/v1/%s%s/%s%s%s", before,
                 pv_kind_text(args->kind, "kind"), id,
                 moment[0] == '\0' ? "" : "?",
                 moment[0] == '\0' ? "" : moment + 1) >= (int)sizeof(path)) {
        pv_cli_error("\"%s\" is no id", id);
        return NULL;
    }
    if (pv_registry_get_json(args->socket, path, &answer, &why) != PV_OK) {
        pv_cli_error("%s %s: %s", pv_kind_text(args->kind, "kind"), id,
                     why.text);
    }
    return answer;
}

int
pv_kind_show(const struct pv_kind_args *args, const char *id)
{
    json_t *record = get(args, "", id);
    int     code = PV_EXIT_FAILED;

    if (record != NULL) {
        code = args->json ? print_json(record) : print_record(args, record);
    }
    json_decref(record);
    return code;
}

int
pv_kind_history(const struct pv_kind_args *args, const char *id)
{
    json_t *answer = get(args, "history/", id);
    int     code = PV_EXIT_FAILED;
    char    date[PV_DATE_TEXT_MAX];
    bool    ok = true;
    json_t *one;
    size_t  i;

    if (answer == NULL) {
        return code;
    }
    if (args->json) {
        code = print_json(answer);
    } else {
        json_array_foreach(json_object_get(answer, "history"), i, one)
        {
            ok = printf("%s  %-26s %s %lld\n", date_of(one, date),
                        pv_kind_text(one, "state"),
                        pv_cli_text(args->lang, "decision", "تصمیم"),
                        (long long)json_integer_value(
                            json_object_get(one, "decision"))) > 0 &&
                 ok;
        }
        code = ok ? PV_EXIT_OK : PV_EXIT_FAILED;
    }
    json_decref(answer);
    return code;
}
