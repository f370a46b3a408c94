#include "httpsig/base.h"

#include <stdio.h>

#define STATUS_LEN 3

bool
pv_httpsig_field_find(const struct pv_httpsig_message *message,
                      struct pv_slice name, struct pv_slice *ret)
{
    for (size_t i = 0; i < message->field_count; i++) {
        if (pv_slice_eq(message->field[i].name, name)) {
            *ret = message->field[i].value;
            return true;
        }
    }
    return false;
}

static size_t
count_of(const struct pv_httpsig_message *message, struct pv_slice name)
{
    size_t count = 0;

    for (size_t i = 0; i < message->field_count; i++) {
        count += pv_slice_eq(message->field[i].name, name);
    }
    return count;
}

/* @status lives in room; everything else is borrowed from the message. */
static enum pv_err
derived(const struct pv_httpsig_message *message, struct pv_slice name,
        char room[STATUS_LEN + 1], struct pv_slice *ret)
{
    const struct {
        struct pv_slice name;
        struct pv_slice value;
    } row[] = {
        {PV_LIT("@method"), message->method},
        {PV_LIT("@authority"), message->authority},
        {PV_LIT("@path"), message->path},
        {PV_LIT("@target-uri"), message->target_uri},
    };

    if (message->status != 0) {
        if (!pv_slice_eq(name, PV_LIT("@status")) || message->status < 100 ||
            message->status > 999) {
            return PV_ENOTFOUND;
        }
        (void)snprintf(room, STATUS_LEN + 1, "%u", message->status); /* fits */
        *ret = (struct pv_slice){room, STATUS_LEN};
        return PV_OK;
    }
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        if (pv_slice_eq(row[i].name, name) && row[i].value.len > 0) {
            *ret = row[i].value;
            return PV_OK;
        }
    }
    return PV_ENOTFOUND;
}

static bool
is_plain(struct pv_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];

        if ((c < 0x20 && c != '\t') || c > 0x7e) {
            return false;
        }
    }
    return true;
}

static enum pv_err
value_of(const struct pv_httpsig_message   *message,
         const struct pv_httpsig_component *component,
         char room[STATUS_LEN + 1], struct pv_slice *ret)
{
    enum pv_err err = PV_OK;

    if (component->req) {
        message = message->request;
    }
    if (message == NULL) {
        return PV_ENOTFOUND;
    }
    if (component->name.ptr[0] == '@') {
        err = derived(message, component->name, room, ret);
    } else if (count_of(message, component->name) > 1) {
        err = PV_EINVAL;
    } else if (!pv_httpsig_field_find(message, component->name, ret)) {
        err = PV_ENOTFOUND;
    }
    if (err != PV_OK) {
        return err;
    }
    *ret = pv_slice_trim(*ret);
    return is_plain(*ret) ? PV_OK : PV_EINVAL;
}

enum pv_err
pv_httpsig_base(const struct pv_httpsig_message *message,
                const struct pv_httpsig_input *input, struct pv_buf *out)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < input->component_count; i++) {
        const struct pv_httpsig_component *component = &input->component[i];
        struct pv_slice                    value;
        char                               room[STATUS_LEN + 1];

        err = value_of(message, component, room, &value);
        if (err == PV_OK) {
            err = pv_buf_addf(out, "\"%.*s\"%s: ", PV_FMT(component->name),
                              component->req ? ";req" : "");
        }
        if (err == PV_OK) {
            err = pv_buf_add(out, value);
        }
        if (err == PV_OK) {
            err = pv_buf_add_char(out, '\n');
        }
    }
    if (err == PV_OK) {
        err = pv_buf_add(out, PV_LIT("\"@signature-params\": "));
    }
    return err == PV_OK ? pv_buf_add(out, input->params) : err;
}
