/*
 * kind_users.c - where a record is used: the records, of every kind, that name
 * it, as they stand now.
 */
#include <stdio.h>
#include <string.h>

#include "kind.h"
#include "registry.h"

#define PATH_ROOM 1024
#define PAGE 500

/* One page into rows; ret_after is where the next begins, "" at the end. */
static bool
ask_page(const struct pv_kind_args *args, const char *id, const char *of,
         char after[PATH_ROOM / 4], json_t *rows)
{
    char          path[PATH_ROOM];
    json_t       *page = NULL;
    struct pv_why why = {""};
    const char   *next;
    bool          ok;

    if (snprintf(
            path, sizeof(path), "/registry/v1/users/%s/%s?of=%s&count=%d%s%s",
            pv_kind_text(args->kind, "kind"), id, of, PAGE,
            after[0] == '\0' ? "" : "&after=", after) >= (int)sizeof(path)) {
        pv_cli_error("%s: no id", id);
        return false;
    }
    if (pv_registry_get_json(args->socket, path, &page, &why) != PV_OK) {
        pv_cli_error("%s: %s", id, why.text);
        return false;
    }
    ok = json_array_extend(rows, json_object_get(page, of)) == 0;
    next = pv_kind_text(page, "next");
    ok = pv_slice_to_cstr(pv_slice_from(next), after, PATH_ROOM / 4) == PV_OK &&
         ok;
    json_decref(page);
    return ok;
}

static bool
ask_kind(const struct pv_kind_args *args, const char *id, const char *of,
         json_t *all)
{
    char    after[PATH_ROOM / 4] = "";
    json_t *rows = json_array();
    bool    ok = rows != NULL;

    do {
        ok = ok && ask_page(args, id, of, after, rows);
    } while (ok && after[0] != '\0');
    if (ok && json_array_size(rows) > 0) {
        ok = json_object_set(all, of, rows) == 0;
    }
    json_decref(rows); /* accepts NULL */
    return ok;
}

static bool
print_all(json_t *all)
{
    const char *of;
    json_t     *rows;
    json_t     *row;
    size_t      i;
    bool        ok = true;

    json_object_foreach(all, of, rows)
    {
        json_array_foreach(rows, i, row)
        {
            ok = printf("%-20s %-26s %s\n", of, pv_kind_text(row, "state"),
                        pv_kind_text(row, "id")) > 0 &&
                 ok;
        }
    }
    return ok;
}

int
pv_kind_users(const struct pv_kind_args *args, const char *id)
{
    json_t *all = json_object();
    json_t *kind;
    size_t  i;
    bool    ok = all != NULL;

    json_array_foreach(json_object_get(args->tables, "kinds"), i, kind)
    {
        ok = ok && ask_kind(args, id, pv_kind_text(kind, "kind"), all);
    }
    if (ok && args->json) {
        ok = json_dumpf(all, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;
    } else if (ok) {
        ok = print_all(all);
    }
    json_decref(all); /* accepts NULL */
    return ok ? PV_EXIT_OK : PV_EXIT_FAILED;
}
