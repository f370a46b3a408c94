#include "connectord/message_command.h"

#include "base/time.h"

static enum pv_err
put_name(const struct pv_command_name *name, struct pv_buf *buf)
{
    enum pv_err err = pv_put_text(buf, name->key);

    return err == PV_OK ? pv_put_text(buf, name->request) : err;
}

enum pv_err
pv_command_write(const struct pv_command *command, struct pv_buf *buf)
{
    enum pv_err err = put_name(&command->name, buf);

    if (err == PV_OK) {
        err = pv_put_text(buf, command->now);
    }
    if (err == PV_OK) {
        err = pv_put_text(buf, command->keep_until);
    }
    if (err == PV_OK) {
        err = pv_put_u32(buf, command->before_count);
    }
    for (uint32_t i = 0; err == PV_OK && i < command->before_count; i++) {
        err = put_name(&command->before[i], buf);
    }
    return err;
}

static enum pv_err
take_some(struct pv_slice *body, struct pv_slice *ret)
{
    bool        null;
    enum pv_err err = pv_take_text(body, &null, ret);

    return err == PV_OK && ret->len == 0 ? PV_EPROTO : err;
}

static enum pv_err
take_name(struct pv_slice *body, struct pv_command_name *name)
{
    enum pv_err err = take_some(body, &name->key);

    return err == PV_OK ? take_some(body, &name->request) : err;
}

enum pv_err
pv_command_read(struct pv_slice *body, struct pv_command *ret)
{
    enum pv_err err = take_name(body, &ret->name);

    if (err == PV_OK) {
        err = take_some(body, &ret->now);
    }
    if (err == PV_OK) {
        err = take_some(body, &ret->keep_until);
    }
    if (err == PV_OK) {
        err = pv_take_u32(body, &ret->before_count);
    }
    if (err == PV_OK && ret->before_count >= PV_SECRETS_MAX) {
        err = PV_EPROTO;
    }
    for (uint32_t i = 0; err == PV_OK && i < ret->before_count; i++) {
        err = take_name(body, &ret->before[i]);
    }
    return err;
}

enum pv_err
pv_done_read(struct pv_slice *body, int64_t *ret_when_ms)
{
    struct pv_slice when;
    bool            null;
    enum pv_err     err = pv_take_text(body, &null, &when);

    /* NULL is no time either */
    return err == PV_OK && pv_time_from_text(when, ret_when_ms) == PV_OK
               ? PV_OK
               : PV_EPROTO;
}
