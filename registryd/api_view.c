/*
 * api_view.c - GET views/...: reading what was asked, and giving the answer.
 */
#include "access.h"
#include "api.h"
#include "view.h"

_Static_assert(PV_VIEW_PARAMS <= PV_SERVER_PARAMS_MAX, "a query holds them");

/* Views hold whole lists: a kind that one may not read whole is left out. */
static uint64_t
hidden_from(const struct pv_caller *caller)
{
    uint64_t hidden = 0;

    for (int k = 0; k < PV_KIND_END; k++) {
        if (pv_access_of(caller, (enum pv_kind)k) != PV_ACCESS_ALL) {
            hidden |= UINT64_C(1) << k;
        }
    }
    return hidden;
}

/* Link (RFC 8288): the same question, from where this page ended. */
static enum pv_err
link_next(const struct pv_slice value[PV_VIEW_PARAMS], const char *next,
          struct pv_server_call *call)
{
    struct pv_buf link;
    enum pv_err   err;

    if (next[0] == '\0') {
        return PV_OK;
    }
    pv_buf_init(&link, sizeof(call->link) - 1);
    err =
        pv_buf_addf(&link, "<?%s=%s", pv_view_param_name[PV_VIEW_AFTER], next);
    for (int p = 0; p < PV_VIEW_PARAMS && err == PV_OK; p++) {
        if (p != PV_VIEW_AFTER && value[p].len > 0) {
            err = pv_buf_addf(&link, "&%s=%.*s", pv_view_param_name[p],
                              PV_FMT(value[p]));
        }
    }
    if (err == PV_OK && value[PV_VIEW_COUNT].len == 0) {
        err = pv_buf_addf(&link, "&%s=%d", pv_view_param_name[PV_VIEW_COUNT],
                          PV_VIEW_PAGE);
    }
    if (err == PV_OK) {
        err = pv_buf_add(&link, PV_LIT(">; rel=\"next\""));
    }
    if (err == PV_OK) {
        err = pv_slice_to_cstr(pv_buf_view(&link), call->link,
                               sizeof(call->link));
    }
    pv_buf_clear(&link);
    return err;
}

enum pv_err
pv_api_view(const struct pv_api *api, struct pv_server_call *call,
            const char **ret_type)
{
    struct pv_server_param param[PV_VIEW_PARAMS];
    struct pv_slice        value[PV_VIEW_PARAMS];
    char                   next[PV_RECORD_ID_MAX + 1];
    enum pv_err            err;

    for (size_t p = 0; p < PV_VIEW_PARAMS; p++) {
        param[p] = (struct pv_server_param){
            pv_slice_from(pv_view_param_name[p]), {"", 0}};
    }
    err = pv_server_query(call->query, param, PV_VIEW_PARAMS);
    if (err != PV_OK) {
        return err;
    }
    for (size_t p = 0; p < PV_VIEW_PARAMS; p++) {
        value[p] = param[p].value;
    }
    err = pv_view(api->registry, hidden_from(&api->caller), value, call->rest,
                  &call->answer, ret_type, next);
    return err == PV_OK ? link_next(value, next, call) : err;
}
