/* query.c - the strict query string of the daemons' routes. */
#include "http/server.h"

static bool
is_value_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '/' ||
           c == ':' || c == '+' || c == '-';
}

static bool
is_value(struct pv_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (!is_value_char(value.ptr[i])) {
            return false;
        }
    }
    return value.len > 0;
}

static enum pv_err
take_one(struct pv_slice item, const struct pv_server_param *param,
         size_t count, struct pv_slice *value)
{
    struct pv_slice name;
    struct pv_slice text;

    if (!pv_slice_cut(item, '=', &name, &text) || !is_value(text)) {
        return PV_EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        if (pv_slice_eq(name, param[i].name)) {
            if (value[i].len > 0) {
                return PV_EINVAL; /* it came twice */
            }
            value[i] = text;
            return PV_OK;
        }
    }
    return PV_EINVAL;
}

enum pv_err
pv_server_query(struct pv_slice query, struct pv_server_param *param,
                size_t count)
{
    struct pv_slice value[PV_SERVER_PARAMS_MAX] = {{NULL, 0}};
    struct pv_slice item;
    enum pv_err     err = count <= PV_SERVER_PARAMS_MAX ? PV_OK : PV_EINVAL;
    bool            more = query.len > 0;

    while (err == PV_OK && more) {
        more = pv_slice_cut(query, '&', &item, &query);
        err = take_one(item, param, count, value);
    }
    for (size_t i = 0; err == PV_OK && i < count; i++) {
        param[i].value = value[i];
    }
    return err;
}
