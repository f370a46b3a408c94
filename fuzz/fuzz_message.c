/*
 * Laws: only one side of the connector's socket to a worker may send a frame,
 * and a head that is taken is written again to the same bytes; a COMMAND, a
 * CALL's parameters, a DONE and a ROWS that are taken are written again to the
 * bytes they were read from, and no digest of a command is empty.
 *
 * Input: a frame; its length need not be that of what follows.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "connectord/message_command.h"

#define ROWS_MAX 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* What was written is what stands in front of body, up to rest. */
static void
same(struct pv_buf *written, struct pv_slice body, struct pv_slice rest)
{
    struct pv_slice read = {body.ptr, body.len - rest.len};

    must(pv_slice_eq(pv_buf_view(written), read));
    pv_buf_clear(written);
}

static void
put_cell(struct pv_buf *buf, const struct pv_cell *cell)
{
    must((cell->null ? pv_put_null(buf) : pv_put_text(buf, cell->text)) ==
         PV_OK);
}

static void
rows_law(struct pv_slice body, size_t want)
{
    struct pv_rows  sets[2];
    struct pv_buf   again;
    struct pv_slice none = {body.ptr + body.len, 0};

    if (pv_rows_read(body, want, ROWS_MAX, sets) != PV_OK) {
        must(sets[0].cell == NULL && sets[1].cell == NULL);
        return;
    }
    must(sets[0].row_count <= ROWS_MAX && sets[1].row_count <= 1);
    pv_buf_init(&again, body.len);
    must(pv_put_u32(&again, (uint32_t)want) == PV_OK);
    for (size_t i = 0; i < want; i++) {
        const struct pv_rows *rows = &sets[i];

        must(pv_put_u32(&again, (uint32_t)rows->column_count) == PV_OK);
        for (size_t j = 0; j < rows->column_count; j++) {
            must(pv_put_text(&again, rows->column[j]) == PV_OK);
        }
        must(pv_put_u32(&again, (uint32_t)rows->row_count) == PV_OK);
        for (size_t j = 0; j < rows->column_count * rows->row_count; j++) {
            put_cell(&again, &rows->cell[j]);
        }
    }
    same(&again, body, none);
    pv_rows_clear(&sets[0]);
    pv_rows_clear(&sets[1]);
}

static void
parameters_law(struct pv_slice body)
{
    struct pv_slice rest = body;
    struct pv_buf   again;
    uint32_t        count;

    if (pv_take_u32(&rest, &count) != PV_OK) {
        return;
    }
    pv_buf_init(&again, body.len);
    must(pv_put_u32(&again, count) == PV_OK);
    for (uint32_t i = 0; i < count; i++) {
        struct pv_slice at = rest;
        struct pv_cell  cell;

        if (pv_take_text(&rest, &cell.null, &cell.text) != PV_OK) {
            rest = at;
            break;
        }
        put_cell(&again, &cell);
    }
    same(&again, body, rest);
}

static void
command_law(struct pv_slice body)
{
    struct pv_slice   rest = body;
    struct pv_command command;
    struct pv_buf     again;

    if (pv_command_read(&rest, &command) != PV_OK) {
        return;
    }
    must(command.before_count < PV_SECRETS_MAX && command.name.key.len > 0 &&
         command.name.request.len > 0 && command.now.len > 0);
    for (uint32_t i = 0; i < command.before_count; i++) {
        must(command.before[i].key.len > 0 &&
             command.before[i].request.len > 0);
    }
    pv_buf_init(&again, body.len);
    must(pv_command_write(&command, &again) == PV_OK);
    same(&again, body, rest);
    parameters_law(rest);
}

static void
done_law(struct pv_slice body)
{
    struct pv_slice rest = body;
    struct pv_buf   again;
    char            now[PV_TIME_TEXT_LEN];
    int64_t         when_ms;

    if (pv_done_read(&rest, &when_ms) != PV_OK) {
        return;
    }
    pv_time_text(when_ms, now);
    pv_buf_init(&again, body.len);
    must(pv_put_text(&again, (struct pv_slice){now, sizeof(now)}) == PV_OK);
    same(&again, body, rest);
    rows_law(rest, 1);
}

static void
body_law(enum pv_message type, struct pv_slice body)
{
    uint32_t method;

    if (type == PV_MESSAGE_DONE) {
        done_law(body);
    } else if (type == PV_MESSAGE_ROWS) {
        rows_law(body, 1);
        rows_law(body, 2);
    } else if ((type == PV_MESSAGE_CALL || type == PV_MESSAGE_COMMAND) &&
               pv_take_u32(&body, &method) == PV_OK) {
        if (type == PV_MESSAGE_CALL) {
            parameters_law(body);
        } else {
            command_law(body);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char     *head = (const char *)data;
    struct pv_frame frame;
    struct pv_buf   again;
    int             sides = 0;

    if (len < PV_FRAME_HEAD) {
        return 0;
    }
    for (int from_worker = 0; from_worker < 2; from_worker++) {
        if (pv_frame_read(head, from_worker != 0, &frame) != PV_OK) {
            continue;
        }
        sides++;
        pv_buf_init(&again, PV_FRAME_HEAD);
        must(pv_frame_begin(&again, frame.type, frame.call) == PV_OK);
        pv_store_u32(again.ptr, frame.len);
        must(memcmp(again.ptr, head, PV_FRAME_HEAD) == 0);
        pv_buf_clear(&again);
        body_law(frame.type,
                 (struct pv_slice){head + PV_FRAME_HEAD, len - PV_FRAME_HEAD});
    }
    must(sides < 2);
    return 0;
}
