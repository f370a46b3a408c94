/* What a connector's main process and its workers say: the bodies of COMMAND
   and DONE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "connectord/message_command.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW "2026-11-21T10:00:00.123Z"

static struct pv_command
sample(uint32_t before)
{
    struct pv_command command = {.name = {PV_LIT("key"), PV_LIT("request")},
                                 .before_count = before,
                                 .now = PV_LIT(NOW),
                                 .keep_until = PV_LIT("later")};

    for (size_t i = 0; i < COUNT(command.before); i++) {
        command.before[i] =
            (struct pv_command_name){PV_LIT("old"), PV_LIT("older")};
    }
    return command;
}

static void
a_command_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (uint32_t before = 0; before < PV_SECRETS_MAX; before++) {
        struct pv_command command = sample(before);
        struct pv_command again;
        struct pv_buf     buf;
        struct pv_slice   body;

        pv_buf_init(&buf, 1024);
        assert_int_equal(pv_command_write(&command, &buf), PV_OK);
        assert_int_equal(pv_put_text(&buf, PV_LIT("rest")), PV_OK);
        body = pv_buf_view(&buf);
        assert_int_equal(pv_command_read(&body, &again), PV_OK);
        assert_int_equal(body.len, 4 + strlen("rest"));
        assert_int_equal(again.before_count, before);
        assert_true(pv_slice_eq(again.name.key, PV_LIT("key")));
        assert_true(pv_slice_eq(again.name.request, PV_LIT("request")));
        assert_true(pv_slice_eq(again.now, PV_LIT(NOW)));
        assert_true(pv_slice_eq(again.keep_until, PV_LIT("later")));
        if (before > 0) {
            assert_true(
                pv_slice_eq(again.before[before - 1].key, PV_LIT("old")));
        }
        pv_buf_clear(&buf);
    }
}

static void
a_command_of_another_form_is_refused(void **state)
{
    static const char *const empty[] = {"key", "request", "now", "until"};
    struct pv_command        command;
    struct pv_buf            buf;
    struct pv_slice          body;

    (void)state;
    pv_buf_init(&buf, 1024);
    for (size_t i = 0; i < COUNT(empty); i++) {
        command = sample(0);
        *(struct pv_slice *[]){&command.name.key, &command.name.request,
                               &command.now, &command.keep_until}[i] =
            PV_LIT("");
        buf.len = 0;
        assert_int_equal(pv_command_write(&command, &buf), PV_OK);
        body = pv_buf_view(&buf);
        if (pv_command_read(&body, &command) != PV_EPROTO) {
            fail_msg("an empty %s is taken", empty[i]);
        }
    }
    /* one secret too many, and every body that is cut off */
    command = sample(PV_SECRETS_MAX - 1);
    buf.len = 0;
    assert_int_equal(pv_command_write(&command, &buf), PV_OK);
    for (size_t len = 0; len < buf.len; len++) {
        body = (struct pv_slice){buf.ptr, len};
        assert_int_equal(pv_command_read(&body, &command), PV_EPROTO);
    }
    command = sample(0);
    buf.len = 0;
    assert_int_equal(pv_command_write(&command, &buf), PV_OK);
    pv_store_u32(buf.ptr + buf.len - 4, PV_SECRETS_MAX);
    body = pv_buf_view(&buf);
    assert_int_equal(pv_command_read(&body, &command), PV_EPROTO);
    pv_buf_clear(&buf);
}

static void
done_begins_with_a_time(void **state)
{
    static const struct {
        const char *text; /* NULL: NULL */
        bool        is_time;
    } row[] = {
        {NOW, true},           {"2026-11-21T25:00:00.123Z", false},
        {"2026-11-21", false}, {"", false},
        {NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_buf   buf;
        struct pv_slice body;
        int64_t         when_ms = 7;

        pv_buf_init(&buf, 64);
        assert_int_equal(row[i].text == NULL
                             ? pv_put_null(&buf)
                             : pv_put_text(&buf, pv_slice_from(row[i].text)),
                         PV_OK);
        assert_int_equal(pv_put_u32(&buf, 1), PV_OK);
        body = pv_buf_view(&buf);
        if ((pv_done_read(&body, &when_ms) == PV_OK) != row[i].is_time) {
            fail_msg("%zu", i);
        }
        assert_true(row[i].is_time ? body.len == 4 && when_ms > 7
                                   : when_ms == 7);
        pv_buf_clear(&buf);
    }
}

static void
a_frame_is_said_by_one_side(void **state)
{
    static const struct {
        enum pv_message type;
        uint32_t        len;
        bool            from_worker;
        enum pv_err     err;
    } row[] = {
        {PV_MESSAGE_COMMAND, 24, false, PV_OK},
        {PV_MESSAGE_COMMAND, 24, true, PV_EPROTO},
        {PV_MESSAGE_COMMAND, 23, false, PV_EPROTO},
        {PV_MESSAGE_COMMAND, PV_CALL_MAX + 1, false, PV_EPROTO},
        {PV_MESSAGE_DONE, 16, true, PV_OK},
        {PV_MESSAGE_DONE, 16, false, PV_EPROTO},
        {PV_MESSAGE_DONE, PV_ROWS_BYTES_MAX + 1, true, PV_EPROTO},
        {PV_MESSAGE_NONE, 16, true, PV_EPROTO},
        {PV_MESSAGE_END, 16, true, PV_EPROTO},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        char            head[PV_FRAME_HEAD] = "";
        struct pv_frame frame = {.len = 7};

        pv_store_u32(head, row[i].len);
        pv_store_u32(head + 4, (uint32_t)row[i].type);
        pv_store_u64(head + 8, 9);
        assert_int_equal(pv_frame_read(head, row[i].from_worker, &frame),
                         row[i].err);
        assert_int_equal(frame.len, row[i].err == PV_OK ? row[i].len : 7);
        head[6] = 1; /* is zero */
        assert_int_equal(pv_frame_read(head, row[i].from_worker, &frame),
                         PV_EPROTO);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_read_as_it_was_written),
        cmocka_unit_test(a_command_of_another_form_is_refused),
        cmocka_unit_test(done_begins_with_a_time),
        cmocka_unit_test(a_frame_is_said_by_one_side),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
