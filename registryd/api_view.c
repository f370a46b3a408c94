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

enum pv_err
pv_api_view(const struct pv_api *api, struct pv_server_call *call,
            const char **ret_type)
{
    struct pv_server_param param[PV_VIEW_PARAMS];
    struct pv_slice        value[PV_VIEW_PARAMS];
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
    return pv_view(api->registry, hidden_from(&api->caller), value, call->rest,
                   &call->answer, ret_type);
}
