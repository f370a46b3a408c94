#include "trace/request_json.h"

#include "base/jalali.h"
#include "base/time.h"

struct pv_slice
pv_request_state(const struct pv_trace_found *found)
{
    switch (found->state) {
    case PV_TRACE_RECEIVED:
        return PV_LIT("received");
    case PV_TRACE_DECIDED:
        return found->record.request.decision;
    case PV_TRACE_DONE:
        return pv_outcome_word(found->completion.outcome);
    case PV_TRACE_UNKNOWN:
        return PV_LIT("unknown");
    }
    return PV_LIT("unknown");
}

void
pv_json_time(struct pv_json *json, const char *name, const char *jalali_name,
             int64_t when_ms)
{
    char text[PV_TIME_TEXT_LEN];
    char jalali[PV_JALALI_TEXT_LEN];

    if (when_ms > 0) {
        pv_time_text(when_ms, text);
        pv_jalali_text(when_ms, jalali);
        pv_json_string(json, name, (struct pv_slice){text, sizeof(text)});
        pv_json_string(json, jalali_name,
                       (struct pv_slice){jalali, sizeof(jalali)});
    }
}

void
pv_json_line(struct pv_json *json, const char *name, struct pv_slice line)
{
    static const struct pv_slice null = PV_SLICE_INIT("null");

    pv_json_null(json, name); /* takes care of the comma and the name */
    if (json->err == PV_OK) {
        json->out->len -= null.len;
        json->err = pv_buf_add(json->out, line);
    }
}

void
pv_json_request(struct pv_json *json, const struct pv_trace_found *found)
{
    const struct pv_request_record *r = &found->record.request;

    pv_json_object(json, NULL);
    pv_json_string(json, "tracking_id", r->id);
    pv_json_string(json, "state", pv_request_state(found));
    if (r->reason.len > 0) {
        pv_json_string(json, "reason", r->reason);
    }
    pv_json_time(json, "received_at", "received_at_jalali",
                 (int64_t)r->time_ms);
    if (found->state == PV_TRACE_DONE) {
        const struct pv_completion *c = &found->completion;

        pv_json_time(json, "forwarded_at", "forwarded_at_jalali",
                     (int64_t)c->forwarded_ms);
        pv_json_time(json, "first_byte_at", "first_byte_at_jalali",
                     (int64_t)c->first_ms);
        pv_json_time(json, "ended_at", "ended_at_jalali", (int64_t)c->last_ms);
    }
    pv_json_time(json, "recorded_at", "recorded_at_jalali", found->written_ms);
    pv_json_u64(json, "index", found->index);
    pv_json_line(json, "record",
                 (struct pv_slice){found->line, found->line_len});
    pv_json_end_object(json);
}
