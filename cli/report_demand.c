/* report_demand.c - see report_demand.h. */
#include "report_demand.h"

#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "registry.h"
#include "trace_client.h"

/* Calls of each service: provider/service/version/method. */
static bool
sum_calls(const json_t *rollups, json_t *calls)
{
    json_t *row;
    size_t  i;

    json_array_foreach(json_object_get(rollups, "rows"), i, row)
    {
        const char *path = pv_client_text(row, "method");
        const char *begin = strchr(path, '/');
        const char *end = begin == NULL ? NULL : strchr(begin + 1, '/');
        char        service[128];
        json_int_t  sum;

        if (end == NULL || end - begin > (int)sizeof(service)) {
            continue;
        }
        (void)snprintf(service, sizeof(service), "%.*s", (int)(end - begin - 1),
                       begin + 1); /* it fits */
        sum = json_integer_value(json_object_get(calls, service)) +
              json_integer_value(json_object_get(row, "count"));
        if (json_object_set_new(calls, service, json_integer(sum)) != 0) {
            return false;
        }
    }
    return true;
}

struct demand {
    json_t    *row; /* borrowed */
    json_int_t calls;
    json_int_t requests;
};

static int
by_demand(const void *a, const void *b)
{
    const struct demand *left = a;
    const struct demand *right = b;

    if (left->calls != right->calls) {
        return left->calls < right->calls ? 1 : -1;
    }
    if (left->requests != right->requests) {
        return left->requests < right->requests ? 1 : -1;
    }
    return strcmp(pv_client_text(left->row, "service"),
                  pv_client_text(right->row, "service"));
}

static json_t *
sort(const json_t *rows)
{
    size_t         count = json_array_size(rows);
    struct demand *demand = calloc(count + 1, sizeof(*demand));
    json_t        *sorted = json_array();
    bool           ok = demand != NULL && sorted != NULL;

    for (size_t i = 0; i < count && ok; i++) {
        demand[i].row = json_array_get(rows, i);
        demand[i].calls =
            json_integer_value(json_object_get(demand[i].row, "calls"));
        demand[i].requests =
            json_integer_value(json_object_get(demand[i].row, "requests"));
    }
    if (ok) {
        qsort(demand, count, sizeof(*demand), by_demand);
    }
    for (size_t i = 0; i < count && ok; i++) {
        ok = json_array_append(sorted, demand[i].row) == 0;
    }
    free(demand);
    if (!ok) {
        json_decref(sorted);
        return NULL;
    }
    return sorted;
}

static json_t *
make_rows(const json_t *view, const json_t *calls)
{
    static const char *const names[] = {"requests", "open_requests", "grants",
                                        "modes"};
    json_t                  *rows = json_array();
    json_t                  *service;
    size_t                   i;

    json_array_foreach(json_object_get(view, "services"), i, service)
    {
        const char *id = pv_client_text(service, "id");
        json_t     *row = json_pack(
                "{s:s, s:s, s:I}", "service", id, "provider",
                pv_client_text(json_object_get(service, "provider"), "id"), "calls",
                json_integer_value(json_object_get(calls, id)));
        bool ok = row != NULL;

        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]) && ok; n++) {
            ok = json_object_set(row, names[n],
                                 json_object_get(service, names[n])) == 0;
        }
        if (!ok || json_array_append(rows, row) != 0) {
            json_decref(row);
            json_decref(rows);
            return NULL;
        }
        json_decref(row);
    }
    return rows;
}

int
pv_report_demand(const char *registry, const json_t *rollups, json_t **ret)
{
    struct pv_why why = {""};
    json_t       *view = NULL;
    json_t       *calls = json_object();
    json_t       *rows = NULL;
    json_t       *sorted = NULL;

    if (pv_registry_get_whole(registry, "/registry/v1/views/demand", &view,
                              &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        json_decref(calls);
        return PV_EXIT_FAILED;
    }
    if (sum_calls(rollups, calls)) {
        rows = make_rows(view, calls);
        sorted = sort(rows);
    }
    json_decref(view);
    json_decref(calls);
    json_decref(rows);
    *ret = sorted == NULL ? NULL : json_pack("{s:o}", "rows", sorted);
    return *ret == NULL ? PV_EXIT_FAILED : PV_EXIT_OK;
}
