/* report_place.c - see report_place.h. */
#include "report_place.h"

#include <string.h>

#include "cmd.h"
#include "registry.h"
#include "trace_client.h"

struct places {
    const char *province; /* NULL: any */
    const char *county;
    json_t     *units;   /* id -> record */
    json_t     *systems; /* the same */
};

static const json_t *
body_of(const json_t *records, const char *id)
{
    return json_object_get(json_object_get(records, id), "body");
}

static bool
is_in(const struct places *places, const char *system)
{
    const char   *id = pv_client_text(body_of(places->systems, system), "unit");
    const json_t *unit = body_of(places->units, id);

    return unit != NULL &&
           (places->province == NULL ||
            strcmp(places->province, pv_client_text(unit, "province")) == 0) &&
           (places->county == NULL ||
            strcmp(places->county, pv_client_text(unit, "county")) == 0);
}

static bool
keep(const struct places *places, json_t *page)
{
    json_t *rows = json_array();
    json_t *row;
    size_t  i;
    bool    ok = rows != NULL;

    json_array_foreach(json_object_get(page, "rows"), i, row)
    {
        if (ok && is_in(places, pv_client_text(row, "consumer"))) {
            ok = json_array_append(rows, row) == 0;
        }
    }
    return json_object_set_new(page, "rows", rows) == 0 && ok;
}

int
pv_report_place(const char *registry, const char *province, const char *county,
                json_t *page)
{
    struct places places = {.province = province, .county = county};
    struct pv_why why = {""};
    int           code = PV_EXIT_FAILED;

    if (pv_registry_records(registry, "unit", "", &places.units, &why) !=
            PV_OK ||
        pv_registry_records(registry, "system", "", &places.systems, &why) !=
            PV_OK) {
        pv_cli_error("%s", why.text);
    } else if (keep(&places, page)) {
        code = PV_EXIT_OK;
    }
    json_decref(places.units); /* accepts NULL */
    json_decref(places.systems);
    return code;
}
