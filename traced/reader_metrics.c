/*
 * reader_metrics.c - numbers of journal, log and reader in Prometheus' text
 * format 0.0.4, for operators. No label names an agency: who asked whom is in
 * the roll-ups, whose reading is recorded.
 */
#include "reader.h"

#include "base/time.h"

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

static enum pv_err
put(struct pv_buf *out, const char *type, const char *name, const char *help,
    uint64_t value)
{
    return pv_buf_addf(out,
                       "# HELP payvand_%s %s\n# TYPE payvand_%s %s\n"
                       "payvand_%s %llu\n",
                       name, help, name, type, name, (unsigned long long)value);
}

static enum pv_err
put_ms(struct pv_buf *out, const char *name, const char *help, uint64_t ms)
{
    return pv_buf_addf(out,
                       "# HELP payvand_%s %s\n# TYPE payvand_%s gauge\n"
                       "payvand_%s %llu.%03u\n",
                       name, help, name, name, (unsigned long long)(ms / 1000),
                       (unsigned)(ms % 1000));
}

struct metric {
    bool                is_counter;
    const char         *name;
    const char         *help;
    const state_number *value;
};

/* How long the oldest leaf has waited that no published checkpoint has. */
static uint64_t
staleness_ms(const struct log_state *state)
{
    uint64_t since_ms = state_get(&state->unsigned_ms);
    int64_t  now_ms = pv_time_wall_ms();

    return since_ms == 0 || now_ms < (int64_t)since_ms
               ? 0
               : (uint64_t)now_ms - since_ms;
}

static enum pv_err
put_state(struct pv_buf *out, const struct log_state *state)
{
    const struct metric metric[] = {
        {true, "journal_leaves_total", "Records on disk.",
         &state->durable_index},
        {false, "journal_oldest_leaf", "First record still in a segment.",
         &state->journal_oldest},
        {false, "journal_broken", "1 while the journal cannot be written.",
         &state->journal_broken},
        {true, "log_child_restarts_total",
         "Processes beside the journal that were started again.",
         &state->child_restarts},
        {true, "log_signed_leaves_total", "Records in the signed tree.",
         &state->signed_size},
        {true, "log_published_leaves_total", "Records in the published tree.",
         &state->published_size},
        {false, "log_refusal", "0, or why the log does not go on.",
         &state->log_refusal},
        {false, "log_witnesses", "Cosignatures on the published checkpoint.",
         &state->witness_count},
        {false, "log_split_view", "1 when a witness saw another history.",
         &state->split_view},
        {false, "log_witness_back",
         "1 when a witness was put back from an old copy.",
         &state->witness_back},
        {true, "log_packed_leaves_total", "Records in sealed packs.",
         &state->packed_index},
    };
    enum pv_err err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < sizeof(metric) / sizeof(metric[0]);
         i++) {
        err = put(out, metric[i].is_counter ? "counter" : "gauge",
                  metric[i].name, metric[i].help, state_get(metric[i].value));
    }
    if (err == PV_OK) {
        err = put_ms(out, "log_staleness_seconds",
                     "Age of the oldest record that no published checkpoint "
                     "covers.",
                     staleness_ms(state));
    }
    return err;
}

void
reader_metrics(struct pv_server_call *call)
{
    const struct reader *reader = reader_of(call);
    struct who           who;
    enum pv_err          err;

    if (!who_asks(call, &who)) {
        return;
    }
    if (who.role != ROLE_OPERATOR) {
        reader_refuses_role(call, &who);
        return;
    }
    err = put_state(&call->answer, reader->state);
    if (err == PV_OK) {
        err = put(&call->answer, "counter", "reader_readings_total",
                  "Readings recorded.", reader->recorder.count);
    }
    if (err == PV_OK) {
        err = put(&call->answer, "counter", "reader_unrecorded_total",
                  "Readings refused because they could not be recorded.",
                  reader->recorder.failures);
    }
    if (err == PV_OK) {
        err = put(&call->answer, "counter", "reader_refused_total",
                  "Requests of readers that were refused.", reader->refused);
    }
    if (err == PV_OK) {
        pv_server_answer(call, 200, CONTENT_TYPE);
    } else {
        reader_fails(call, "metrics", err);
    }
}
