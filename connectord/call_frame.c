/* call_frame.c - what a worker is given: a call, or a command and its key. */
#include "connectord/call_private.h"

#include <string.h>
#include <strings.h>

#include "base/time.h"
#include "connectord/keyed.h"
#include "connectord/message_command.h"

#define KEY_LABEL "payvand idempotency key 1"
#define REQUEST_LABEL "payvand idempotency request 1"
#define KEY_HEADER "Idempotency-Key"

struct key_header {
    unsigned    count;
    const char *value;
};

static enum MHD_Result
note_key(void *context, enum MHD_ValueKind kind, const char *name,
         const char *value)
{
    struct key_header *header = context;

    (void)kind; /* only headers are asked for */
    if (strcasecmp(name, KEY_HEADER) == 0) {
        header->count++;
        header->value = value;
    }
    return MHD_YES;
}

/* The key is known again for its consumer alone. */
bool
pv_call_take_key(struct call *call)
{
    const struct pv_secrets *secrets = &call->http->config->secrets;
    struct key_header        header = {0, NULL};

    if (MHD_get_connection_values(call->connection, MHD_HEADER_KIND, note_key,
                                  &header) < 0 ||
        header.count != 1 || header.value == NULL || header.value[0] == '\0' ||
        strlen(header.value) > PV_CALL_HEADER_MAX + 2) {
        pv_call_say_key_missing(call);
        return false;
    }
    for (size_t k = 0; k < secrets->count; k++) {
        struct pv_keyed keyed;

        pv_keyed_begin(&keyed, KEY_LABEL);
        pv_keyed_add(&keyed, pv_slice_from(call->consumer));
        pv_keyed_add(&keyed, pv_slice_from(header.value));
        if (pv_keyed_end_text(&keyed, secrets->key[k], call->key[k]) != PV_OK) {
            pv_call_say_failed(call);
            return false;
        }
    }
    return true;
}

/* Of what is asked, however it was written. */
static enum pv_err
digest_request(const struct call *call, const struct pv_request *request,
               size_t k, char ret[PV_KEYED_TEXT_LEN])
{
    struct pv_keyed keyed;

    pv_keyed_begin(&keyed, REQUEST_LABEL);
    pv_keyed_add(&keyed, pv_slice_from(call->method->contract->path));
    for (size_t i = 0; i < call->method->contract->input_count; i++) {
        const struct pv_value *value = &request->value[i];

        pv_keyed_add_u64(&keyed, value->present ? 1 : 0);
        if (value->present) {
            pv_keyed_add(&keyed, pv_slice_from(value->type->id));
            pv_keyed_add(&keyed, value->text);
        }
    }
    return pv_keyed_end_text(&keyed, call->http->config->secrets.key[k], ret);
}

static enum pv_err
put_parameters(struct pv_buf *buf, const struct pv_request *request,
               const struct pv_statement *statement)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < statement->bind_count; i++) {
        struct pv_slice text;

        err = pv_request_bind(request, &statement->bind[i], &text)
                  ? pv_put_text(buf, text)
                  : pv_put_null(buf);
    }
    return err;
}

/* What stands before a command's parameters; see message_command.h. */
static enum pv_err
put_command(struct call *call, struct pv_request *request, int64_t when_ms,
            char now[PV_TIME_TEXT_LEN])
{
    const size_t      secrets = call->http->config->secrets.count;
    char              digest[PV_SECRETS_MAX][PV_KEYED_TEXT_LEN];
    char              until[PV_TIME_TEXT_LEN];
    struct pv_command command = {.before_count = (uint32_t)secrets - 1,
                                 .now = {now, PV_TIME_TEXT_LEN},
                                 .keep_until = {until, PV_TIME_TEXT_LEN}};
    enum pv_err       err = PV_OK;

    for (size_t k = 0; err == PV_OK && k < secrets; k++) {
        struct pv_command_name *name =
            k == 0 ? &command.name : &command.before[k - 1];

        err = digest_request(call, request, k, digest[k]);
        *name = (struct pv_command_name){{call->key[k], PV_KEYED_TEXT_LEN},
                                         {digest[k], PV_KEYED_TEXT_LEN}};
    }
    pv_time_text(when_ms, now);
    pv_time_text(when_ms +
                     (int64_t)call->method->contract->keep_days * PV_DAY_MS,
                 until);
    request->call[PV_CALL_TRACKING_ID] = pv_slice_from(call->tracking_id);
    request->call[PV_CALL_CONSUMER] = pv_slice_from(call->consumer);
    request->call[PV_CALL_TIME] = command.now;
    return err == PV_OK ? pv_command_write(&command, &call->job.call) : err;
}

static enum pv_err
put_all_parameters(struct pv_buf *buf, const struct pv_request *request,
                   const struct pv_method *method)
{
    size_t count = method->member.bind_count + method->statement.bind_count +
                   method->scalar.bind_count;
    enum pv_err err;

    for (size_t i = 0; i < method->step_count; i++) {
        count += method->step[i].statement.bind_count;
    }
    err = pv_put_u32(buf, (uint32_t)count);
    if (err == PV_OK) {
        err = put_parameters(buf, request, &method->member);
    }
    if (err == PV_OK) {
        err = put_parameters(buf, request, &method->statement);
    }
    if (err == PV_OK) {
        err = put_parameters(buf, request, &method->scalar);
    }
    for (size_t i = 0; err == PV_OK && i < method->step_count; i++) {
        err = put_parameters(buf, request, &method->step[i].statement);
    }
    return err;
}

enum pv_err
pv_call_make_frame(struct call *call, struct pv_request *request)
{
    const struct pv_method *method = call->method;
    struct pv_buf          *buf = &call->job.call;
    bool                    acts = method->step_count > 0;
    char                    now[PV_TIME_TEXT_LEN];
    enum pv_err             err;

    pv_buf_init(buf, PV_FRAME_HEAD + PV_CALL_MAX);
    err = pv_frame_begin(buf, acts ? PV_MESSAGE_COMMAND : PV_MESSAGE_CALL, 0);
    if (err == PV_OK) {
        err = pv_put_u32(buf, (uint32_t)call->job.method);
    }
    if (err == PV_OK && acts) {
        err = put_command(call, request, pv_time_wall_ms(), now);
    }
    if (err == PV_OK) {
        err = put_all_parameters(buf, request, method);
    }
    if (err == PV_OK) {
        pv_frame_end(buf);
    }
    return err;
}
