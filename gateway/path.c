/* path.c - the one canonical form of a call's path. */

#include "path.h"

static bool
is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Cut an id that ends before sep, or at the end of the input when last. */
static enum pv_err
cut_id(struct pv_slice *rest, bool last, struct pv_slice *ret_id)
{
    size_t i = 0;

    while (i < rest->len && (is_id_char(rest->ptr[i]) || rest->ptr[i] == '-')) {
        i++;
        if (i > PV_PATH_ID_MAX) {
            return PV_ERANGE;
        }
    }
    if (i == 0 || rest->ptr[0] == '-' || rest->ptr[i - 1] == '-') {
        return PV_EINVAL;
    }
    if (last ? i != rest->len : (i == rest->len || rest->ptr[i] != '/')) {
        return PV_EINVAL;
    }

    *ret_id = (struct pv_slice){rest->ptr, i};
    i += last ? 0 : 1;
    *rest = (struct pv_slice){rest->ptr + i, rest->len - i};
    return PV_OK;
}

static enum pv_err
cut_version(struct pv_slice *rest, struct pv_slice *ret_version)
{
    size_t i = 1;

    if (rest->len < 2 || rest->ptr[0] != 'v' || rest->ptr[1] < '1' ||
        rest->ptr[1] > '9') {
        return PV_EINVAL;
    }
    while (i < rest->len && rest->ptr[i] >= '0' && rest->ptr[i] <= '9') {
        i++;
        if (i > PV_PATH_VERSION_MAX) {
            return PV_ERANGE;
        }
    }
    if (i == rest->len || rest->ptr[i] != '/') {
        return PV_EINVAL;
    }

    *ret_version = (struct pv_slice){rest->ptr, i};
    *rest = (struct pv_slice){rest->ptr + i + 1, rest->len - i - 1};
    return PV_OK;
}

enum pv_err
pv_path_parse(struct pv_slice raw, struct pv_path *ret_path)
{
    struct pv_path  path;
    struct pv_slice rest;
    enum pv_err     err;

    if (!pv_slice_starts(raw, PV_LIT("/x/"))) {
        return PV_EINVAL;
    }
    if (raw.len > PV_PATH_MAX) {
        return PV_ERANGE;
    }
    rest = (struct pv_slice){raw.ptr + 3, raw.len - 3};

    err = cut_id(&rest, false, &path.provider);
    if (err != PV_OK) {
        return err;
    }
    err = cut_id(&rest, false, &path.service);
    if (err != PV_OK) {
        return err;
    }
    err = cut_version(&rest, &path.version);
    if (err != PV_OK) {
        return err;
    }
    err = cut_id(&rest, true, &path.method);
    if (err != PV_OK) {
        return err;
    }

    *ret_path = path;
    return PV_OK;
}
