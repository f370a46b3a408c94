/* Law: a line that parses is written again to the same bytes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "trace/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_completions(const struct pv_record *record, char *room, size_t room_len,
                  size_t *len)
{
    struct pv_slice      rest = record->completions;
    struct pv_completion completion;
    size_t               count = 0;
    enum pv_err          err;

    err = pv_record_begin_completions(room, room_len, len);
    assert(err == PV_OK);
    while ((err = pv_record_next_completion(&rest, &completion)) == PV_OK) {
        err = pv_record_add_completion(room, room_len, len, &completion,
                                       count == 0);
        assert(err == PV_OK);
        count++;
    }
    assert(err == PV_ENOTFOUND && count == record->completion_count);
    err = pv_record_end_completions(room, room_len, len, record->node,
                                    record->completion_salt);
    assert(err == PV_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char      room[PV_COMPLETIONS_LEN_MAX];
    struct pv_slice  line = {(const char *)data, size};
    struct pv_record record;
    size_t           len = 0;
    enum pv_err      err = PV_OK;

    if (pv_record_parse(line, &record) != PV_OK) {
        return 0;
    }
    switch (record.type) {
    case PV_RECORD_REQUEST:
        err =
            pv_record_write_request(&record.request, room, sizeof(room), &len);
        break;
    case PV_RECORD_COMPLETIONS:
        write_completions(&record, room, sizeof(room), &len);
        break;
    case PV_RECORD_REFUSALS:
        err = pv_record_write_refusals(&record.refusals, room, sizeof(room),
                                       &len);
        break;
    case PV_RECORD_WORKER_LOST:
        err = pv_record_write_worker_lost(&record.worker_lost, room,
                                          sizeof(room), &len);
        break;
    case PV_RECORD_READING:
        err =
            pv_record_write_reading(&record.reading, room, sizeof(room), &len);
        break;
    case PV_RECORD_PRUNED:
        err = pv_record_write_pruned(&record.pruned, room, sizeof(room), &len);
        break;
    }
    assert(err == PV_OK && len == size && memcmp(room, data, size) == 0);
    return 0;
}
