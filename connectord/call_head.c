/* call_head.c - does the call come from the gate, and for which method? */
#include "connectord/call_private.h"

#include <string.h>
#include <strings.h>

struct gate_headers {
    unsigned    consumers;
    unsigned    tracking_ids;
    const char *consumer;
    const char *tracking_id;
    const char *grant;
};

static enum MHD_Result
note_header(void *context, enum MHD_ValueKind kind, const char *key,
            const char *value)
{
    struct gate_headers *headers = context;

    (void)kind; /* only headers are asked for */
    if (strcasecmp(key, "Payvand-Consumer") == 0) {
        headers->consumers++;
        headers->consumer = value;
    } else if (strcasecmp(key, "Payvand-Tracking-Id") == 0) {
        headers->tracking_ids++;
        headers->tracking_id = value;
    } else if (strcasecmp(key, "Payvand-Grant") == 0) {
        headers->grant = value;
    }
    return MHD_YES;
}

static bool
is_plain(const char *value)
{
    size_t len = value == NULL ? 0 : strlen(value);

    for (size_t i = 0; i < len; i++) {
        if (value[i] <= 0x20 || value[i] > 0x7e) {
            return false;
        }
    }
    return len > 0 && len <= PV_CALL_HEADER_MAX;
}

/* Does the call bear what only the exchange's gate sets? */
static bool
is_from_gate(struct call *call)
{
    struct gate_headers headers = {0, 0, NULL, NULL, NULL};

    if (MHD_get_connection_values(call->connection, MHD_HEADER_KIND,
                                  note_header, &headers) < 0 ||
        headers.consumers != 1 || headers.tracking_ids != 1 ||
        !is_plain(headers.consumer) || headers.tracking_id == NULL ||
        !pv_uuid_is_valid(pv_slice_from(headers.tracking_id))) {
        return false;
    }
    if (is_plain(headers.grant) && /* a call under a mode has none */
        pv_slice_to_cstr(pv_slice_from(headers.grant), call->grant,
                         sizeof(call->grant)) != PV_OK) {
        return false;
    }
    return pv_slice_to_cstr(pv_slice_from(headers.consumer), call->consumer,
                            sizeof(call->consumer)) == PV_OK &&
           pv_slice_to_cstr(pv_slice_from(headers.tracking_id),
                            call->tracking_id,
                            sizeof(call->tracking_id)) == PV_OK;
}

static bool
find_method(struct call *call)
{
    struct pv_serving                *serving = call->http->serving;
    const struct pv_connector_config *config = serving->config;

    for (size_t i = 0; i < config->method_count; i++) {
        if (strcmp(config->method[i]->contract->path, call->uri) == 0) {
            call->method = config->method[i];
            call->job.method = i;
            call->serving = serving;
            serving->calls++;
            return true;
        }
    }
    return false;
}

/* The numbers; whoever may connect may see them. */
static void
say_metrics(struct call *call)
{
    call->metrics = true;
    call->status = MHD_HTTP_OK;
    call->outcome = "";
    if (pv_metrics_write(call->http, &call->answer) != PV_OK) {
        call->metrics = false;
        pv_call_say_failed(call);
    }
}

/* False when an answer stands already. */
bool
pv_call_judge_head(struct call *call, const char *http_method)
{
    if (call->http->serving->pool == NULL) { /* the program ends */
        pv_call_say_failed(call);
        return false;
    }
    if (strcmp(http_method, MHD_HTTP_METHOD_GET) == 0 &&
        strcmp(call->uri, "/metrics") == 0) {
        say_metrics(call);
        return false;
    }
    if (strcmp(http_method, MHD_HTTP_METHOD_POST) != 0) {
        pv_call_say_problem(call, MHD_HTTP_METHOD_NOT_ALLOWED, "failed",
                            "urn:payvand:problem:http-method",
                            "Only POST is answered", "تنها POST پذیرفته است");
        return false;
    }
    if (!is_from_gate(call)) {
        pv_call_say_problem(call, MHD_HTTP_FORBIDDEN, "failed",
                            "urn:payvand:problem:not-through-exchange",
                            "This call does not come through the exchange",
                            "این فراخوانی از مرکز تبادل نیامده است");
        return false;
    }
    if (!find_method(call)) {
        pv_call_say_problem(
            call, MHD_HTTP_NOT_FOUND, "failed",
            "urn:payvand:problem:method-unknown",
            "This connector has no such method",
            "این اتصال‌دهنده چنین متدی ندارد");
        return false;
    }
    return true;
}
