/*
 * reader_record.c - one reading, one record, on disk before the answer.
 *
 * The reader speaks to the journal as a worker does (trace/sender.h).
 */
#include "reader.h"

#include "base/time.h"
#include "daemon/event.h"

static const char *const what_word[] = {
    [WHAT_BUNDLE] = "bundle", [WHAT_FOLLOW] = "follow",
    [WHAT_LOOKUP] = "lookup", [WHAT_RECEIPT] = "receipt",
    [WHAT_ROLLUP] = "rollup", [WHAT_SEARCH] = "search",
};

static struct pv_slice
role_word(const struct who *who, bool as_provider)
{
    switch (who->role) {
    case ROLE_OPERATOR:
        return PV_LIT("operator");
    case ROLE_AUDITOR:
        return PV_LIT("auditor");
    case ROLE_PARTY:
    case ROLE_PUBLIC:
        break;
    }
    return as_provider ? PV_LIT("provider") : PV_LIT("consumer");
}

bool
reading_record(struct pv_server_call *call, const struct who *who,
               const struct reading *reading)
{
    struct recorder         *recorder = &reader_of(call)->recorder;
    struct pv_reading_record record = {
        .by = {who->by.text, who->by.len},
        .count = reading->count,
        .id = reading->id,
        .ids = reading->ids,
        .node = recorder->sender.node,
        .role = role_word(who, reading->as_provider),
        .time_ms = (uint64_t)pv_time_wall_ms(),
        .what = pv_slice_from(what_word[reading->what]),
    };
    char     line[PV_RECORD_MAX];
    char     salt[PV_RECORD_SALT_LEN];
    size_t   len = 0;
    uint64_t index;
    bool     done;

    record.salt = (struct pv_slice){salt, sizeof(salt)};
    done =
        pv_record_make_salt(salt) == PV_OK &&
        pv_record_write_reading(&record, line, sizeof(line), &len) == PV_OK &&
        pv_sender_record(&recorder->sender, (struct pv_slice){line, len},
                         RECORD_WAIT_MS, &index) == PV_OK;
    if (done) {
        recorder->count++;
        return true;
    }
    recorder->failures++;
    pv_log_event("error", "traced.reading_unrecorded", "what=%s; refusing it",
                 what_word[reading->what]);
    pv_server_problem(
        call, 503, "reading-unrecorded",
        "The reading cannot be recorded now, so nothing is shown",
        "ثبت این مشاهده اکنون ممکن نیست؛ چیزی نمایش داده نمی‌شود");
    call->retry_after_s = 1;
    return false;
}
