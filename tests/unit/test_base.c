/* What lib/base promises in its headers, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/jalali.h"
#include "base/json.h"
#include "base/num.h"

static void
to_u64_knows_its_range(void **state)
{
    static const struct {
        struct pv_slice text;
        uint64_t        max;
        enum pv_err     err;
        uint64_t        value;
        const char     *what;
    } row[] = {
        {PV_SLICE_INIT("0"), 5, PV_OK, 0, "accepts zero"},
        {PV_SLICE_INIT("255"), 255, PV_OK, 255, "accepts the maximum itself"},
        {PV_SLICE_INIT("256"), 255, PV_ERANGE, 0, "refuses one past it"},
        {PV_SLICE_INIT("9"), 5, PV_ERANGE, 0, "refuses a digit above it"},
        {PV_SLICE_INIT("18446744073709551615"), UINT64_MAX, PV_OK, UINT64_MAX,
         "accepts the largest"},
        {PV_SLICE_INIT("18446744073709551616"), UINT64_MAX, PV_ERANGE, 0,
         "refuses an overflow"},
        {PV_SLICE_INIT(""), 5, PV_EINVAL, 0, "refuses nothing"},
        {PV_SLICE_INIT("01"), 5, PV_EINVAL, 0, "refuses a leading zero"},
        {PV_SLICE_INIT("-1"), 5, PV_EINVAL, 0, "refuses a sign"},
        {PV_SLICE_INIT(" 1"), 5, PV_EINVAL, 0, "refuses a blank"},
        {PV_SLICE_INIT("1x"), 5, PV_EINVAL, 0, "refuses a letter"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        uint64_t value = 77;

        print_message("# to_u64 %s\n", row[i].what);
        assert_int_equal(pv_slice_to_u64(row[i].text, row[i].max, &value),
                         row[i].err);
        assert_true(value == (row[i].err == PV_OK ? row[i].value : 77));
    }
}

static void
crc32c_gives_the_published_values(void **state)
{
    uint8_t zeros[32] = {0};
    uint8_t ones[32];
    uint8_t up[32];

    (void)state;
    memset(ones, 0xff, sizeof(ones));
    for (uint8_t i = 0; i < 32; i++) {
        up[i] = i;
    }
    /* RFC 3720 appendix B.4 */
    assert_int_equal(pv_crc32c(0, zeros, 32), 0x8a9136aau);
    assert_int_equal(pv_crc32c(0, ones, 32), 0x62a8ab43u);
    assert_int_equal(pv_crc32c(0, up, 32), 0x46dd794eu);
    assert_int_equal(pv_crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(pv_crc32c(pv_crc32c(0, "12345", 5), "6789", 4),
                     0xe3069283u);
}

static void
hex_goes_there_and_back(void **state)
{
    uint8_t bytes[4] = {0, 1, 0xab, 0xff};
    uint8_t again[4] = {9, 9, 9, 9};
    char    text[8];

    (void)state;
    pv_hex_text(bytes, 4, text);
    assert_memory_equal(text, "0001abff", 8);
    assert_int_equal(pv_hex_bytes((struct pv_slice){text, 8}, again, 4), PV_OK);
    assert_memory_equal(again, bytes, 4);
    assert_int_equal(pv_hex_bytes(PV_LIT("0g"), again, 1), PV_EINVAL);
    assert_int_equal(pv_hex_bytes(PV_LIT("012"), again, 1), PV_EINVAL);
}

static void
jalali_agrees_with_known_days(void **state)
{
    static const struct {
        struct pv_civil jalali;
        struct pv_civil gregorian;
    } row[] = {
        {{1300, 1, 1}, {1921, 3, 21}},   {{1354, 1, 1}, {1975, 3, 21}},
        {{1358, 1, 1}, {1979, 3, 21}},   {{1375, 1, 1}, {1996, 3, 20}},
        {{1399, 1, 1}, {2020, 3, 20}},   {{1399, 12, 30}, {2021, 3, 20}},
        {{1400, 1, 1}, {2021, 3, 21}},   {{1400, 6, 2}, {2021, 8, 24}},
        {{1401, 10, 20}, {2023, 1, 10}}, {{1403, 12, 30}, {2025, 3, 20}},
        {{1404, 1, 1}, {2025, 3, 21}},   {{1404, 12, 29}, {2026, 3, 20}},
        {{1405, 1, 1}, {2026, 3, 21}},   {{1408, 12, 30}, {2030, 3, 20}},
        {{1430, 1, 1}, {2051, 3, 21}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        int64_t         days = 0;
        struct pv_civil back;

        assert_int_equal(pv_jalali_to_days(row[i].jalali, &days), PV_OK);
        assert_true(days == pv_time_days(row[i].gregorian));
        assert_int_equal(pv_jalali_from_days(days, &back), PV_OK);
        assert_memory_equal(&back, &row[i].jalali, sizeof(back));
    }
}

static void
jalali_walks_every_day_once(void **state)
{
    struct pv_civil first = {PV_JALALI_MIN, 1, 1};
    struct pv_civil before;
    int64_t         start = 0;

    (void)state;
    assert_int_equal(pv_jalali_to_days(first, &start), PV_OK);
    assert_int_equal(pv_jalali_from_days(start - 1, &before), PV_ERANGE);
    before = first;
    for (int64_t d = start + 1;; d++) {
        struct pv_civil day;
        int64_t         back = 0;

        if (pv_jalali_from_days(d, &day) != PV_OK) {
            assert_int_equal(before.year, PV_JALALI_MAX);
            assert_int_equal(before.month, 12);
            break;
        }
        assert_int_equal(pv_jalali_to_days(day, &back), PV_OK);
        assert_true(back == d);
        assert_true(day.day == before.day + 1 || day.day == 1);
        before = day;
    }
}

static void
jalali_refuses_days_that_are_not(void **state)
{
    static const char *const bad[] = {"1400-12-30", "1404-12-30", "1400-07-31",
                                      "1400-13-01", "1400-00-01", "1400-01-00",
                                      "1400-1-01",  "1400/01/01", "",
                                      "0999-01-01", "1501-01-01"};
    struct pv_civil          day = {7, 7, 7};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_not_equal(pv_jalali_parse(pv_slice_from(bad[i]), &day),
                             PV_OK);
        assert_int_equal(day.year, 7);
    }
    assert_int_equal(pv_jalali_parse(PV_LIT("1399-12-30"), &day), PV_OK);
    assert_int_equal(day.day, 30);
}

static void
time_text_and_tehran_days(void **state)
{
    char    text[PV_TIME_TEXT_LEN];
    char    jalali[PV_JALALI_TEXT_LEN];
    int64_t when = 0;

    (void)state;
    pv_time_text(INT64_C(1673308800123), text);
    assert_memory_equal(text, "2023-01-10T00:00:00.123Z", PV_TIME_TEXT_LEN);
    assert_int_equal(pv_time_from_date(PV_LIT("2023-01-10"), &when), PV_OK);
    assert_true(when == INT64_C(1673308800000) - PV_TEHRAN_OFFSET_MS);
    pv_jalali_text(when, jalali);
    assert_memory_equal(jalali, "1401-10-20", PV_JALALI_TEXT_LEN);
    pv_jalali_text(when - 1, jalali);
    assert_memory_equal(jalali, "1401-10-19", PV_JALALI_TEXT_LEN);
    assert_int_equal(pv_time_tehran_minute(when), 0);
    assert_int_equal(pv_time_tehran_minute(when - 1), 1439);
    assert_int_equal(pv_time_from_date(PV_LIT("2023-02-29"), &when), PV_EINVAL);
    assert_int_equal(pv_time_from_date(PV_LIT("2024-02-29"), &when), PV_OK);
}

static void
buf_stops_at_its_ceiling(void **state)
{
    struct pv_buf buf;

    (void)state;
    pv_buf_init(&buf, 4);
    assert_int_equal(pv_buf_add(&buf, PV_LIT("abc")), PV_OK);
    assert_int_equal(pv_buf_add(&buf, PV_LIT("de")), PV_ERANGE);
    assert_int_equal(buf.len, 3);
    assert_int_equal(pv_buf_add_char(&buf, 'd'), PV_OK);
    assert_memory_equal(buf.ptr, "abcd", 4);
    pv_buf_clear(&buf);
    pv_buf_clear(&buf);
}

/* Escapes at the very end of what the ceiling leaves are not written past. */
static void
json_fills_a_buffer_to_its_ceiling(void **state)
{
    struct row {
        struct pv_slice value;
        size_t          len; /* with both quotes */
        const char     *text;
    } row[] = {
        {PV_SLICE_INIT("ab"), 4, "\"ab\""},
        {PV_SLICE_INIT("a\""), 5, "\"a\\\"\""},
        {PV_SLICE_INIT("a\n"), 5, "\"a\\n\""},
        {PV_SLICE_INIT("a\x1f"), 9, "\"a\\u001f\""},
        /* looked at eight at a time */
        {PV_SLICE_INIT("12345678"), 10, "\"12345678\""},
        {PV_SLICE_INIT("1234567\"9"), 12, "\"1234567\\\"9\""},
        {PV_SLICE_INIT("\"2345678"), 11, "\"\\\"2345678\""},
        {PV_SLICE_INIT("123\\5678\""), 13, "\"123\\\\5678\\\"\""},
        {PV_SLICE_INIT("1234567\x7f"), 10, "\"1234567\x7f\""},
        {PV_SLICE_INIT("پیوند\n"), 14, "\"پیوند\\n\""},
    };

    (void)state; /* none */
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        for (size_t less = 0; less < 2; less++) {
            struct pv_buf  buf;
            struct pv_json json;

            pv_buf_init(&buf, row[i].len - less);
            pv_json_init(&json, &buf);
            pv_json_string(&json, NULL, row[i].value);
            assert_int_equal(pv_json_finish(&json), less ? PV_ERANGE : PV_OK);
            if (less == 0) {
                assert_true(
                    pv_slice_eq(pv_buf_view(&buf), pv_slice_from(row[i].text)));
            }
            pv_buf_clear(&buf);
        }
    }
}

/* Also when it grows first: the ceiling is that of what is in it. */
static void
buf_keeps_a_ceiling_below_its_first_size(void **state)
{
    struct pv_buf buf;

    (void)state; /* none */
    pv_buf_init(&buf, 3);
    assert_int_equal(pv_buf_add(&buf, PV_LIT("ab")), PV_OK);
    assert_int_equal(pv_buf_add(&buf, PV_LIT("cd")), PV_ERANGE);
    assert_int_equal(pv_buf_add(&buf, PV_LIT("c")), PV_OK);
    assert_int_equal(pv_buf_add(&buf, PV_LIT("d")), PV_ERANGE);
    assert_true(pv_slice_eq(pv_buf_view(&buf), PV_LIT("abc")));
    pv_buf_clear(&buf);
}

static void
json_escapes_as_rfc_8785(void **state)
{
    struct pv_buf  buf;
    struct pv_json json;

    (void)state;
    pv_buf_init(&buf, 1024);
    pv_json_init(&json, &buf);
    pv_json_object(&json, NULL);
    /* RFC 8785 3.2.2.2: short forms, then \u00xx in lower case */
    pv_json_string(&json, "a", PV_LIT("\x0f\n\"\\/\b\t\f\r\x1f"));
    pv_json_i64(&json, "b", -5);
    pv_json_array(&json, "c");
    pv_json_u64(&json, NULL, 1);
    pv_json_bool(&json, NULL, true);
    pv_json_null(&json, NULL);
    pv_json_end_array(&json);
    assert_int_equal(pv_json_finish(&json), PV_ESTATE);
    pv_json_end_object(&json);
    assert_int_equal(pv_json_finish(&json), PV_OK);
    assert_int_equal(pv_buf_add_char(&buf, '\0'), PV_OK);
    assert_string_equal(buf.ptr,
                        "{\"a\":\"\\u000f\\n\\\"\\\\/\\b\\t\\f\\r\\u001f\","
                        "\"b\":-5,\"c\":[1,true,null]}");
    pv_buf_clear(&buf);
}

static void
slices_cut_and_rejoin(void **state)
{
    struct pv_slice head;
    struct pv_slice tail;
    char            room[4];

    (void)state;
    assert_true(pv_slice_cut(PV_LIT("a=b=c"), '=', &head, &tail));
    assert_true(pv_slice_eq(head, PV_LIT("a")));
    assert_true(pv_slice_eq(tail, PV_LIT("b=c")));
    assert_false(pv_slice_cut(PV_LIT("abc"), '=', &head, &tail));
    assert_true(pv_slice_eq(head, PV_LIT("abc")));
    assert_int_equal(tail.len, 0);
    assert_int_equal(pv_slice_to_cstr(PV_LIT("abcd"), room, 4), PV_ERANGE);
    assert_int_equal(pv_slice_to_cstr(PV_LIT("a\0c"), room, 4), PV_EINVAL);
    assert_int_equal(pv_slice_to_cstr(PV_LIT("abc"), room, 4), PV_OK);
    assert_true(pv_slice_cmp(PV_LIT("ab"), PV_LIT("abc")) < 0);
    assert_true(pv_slice_eq(pv_slice_trim(PV_LIT(" \ta b ")), PV_LIT("a b")));
}

static void
base64_takes_one_form_only(void **state)
{
    static const struct {
        struct pv_slice text;
        enum pv_err     err;
        struct pv_slice bytes;
        const char     *what;
    } row[] = {
        /* RFC 4648 section 10 */
        {PV_SLICE_INIT(""), PV_OK, PV_SLICE_INIT(""), "takes nothing"},
        {PV_SLICE_INIT("Zg=="), PV_OK, PV_SLICE_INIT("f"), "takes one"},
        {PV_SLICE_INIT("Zm8="), PV_OK, PV_SLICE_INIT("fo"), "takes two"},
        {PV_SLICE_INIT("Zm9v"), PV_OK, PV_SLICE_INIT("foo"), "takes three"},
        {PV_SLICE_INIT("Zm9vYmFy"), PV_OK, PV_SLICE_INIT("foobar"),
         "takes six"},
        {PV_SLICE_INIT("Zh=="), PV_EINVAL, PV_SLICE_INIT(""),
         "refuses unused bits that are set"},
        {PV_SLICE_INIT("Zm9="), PV_EINVAL, PV_SLICE_INIT(""),
         "refuses unused bits in two"},
        {PV_SLICE_INIT("Zg="), PV_EINVAL, PV_SLICE_INIT(""),
         "refuses short padding"},
        {PV_SLICE_INIT("Zg"), PV_EINVAL, PV_SLICE_INIT(""),
         "refuses no padding"},
        {PV_SLICE_INIT("===="), PV_EINVAL, PV_SLICE_INIT(""),
         "refuses padding alone"},
        {PV_SLICE_INIT("Zg==Zg=="), PV_EINVAL, PV_SLICE_INIT(""),
         "refuses padding inside"},
        {PV_SLICE_INIT("Zm9\n"), PV_EINVAL, PV_SLICE_INIT(""),
         "refuses a line end"},
        {PV_SLICE_INIT("Zm-_"), PV_EINVAL, PV_SLICE_INIT(""),
         "refuses the other alphabet"},
        {PV_SLICE_INIT("Zm9vYmFyZg=="), PV_ERANGE, PV_SLICE_INIT(""),
         "refuses more than there is room for"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        uint8_t room[6] = {0};
        char    text[8];
        size_t  len = 77;

        print_message("# base64 %s\n", row[i].what);
        assert_int_equal(pv_base64_bytes(row[i].text, room, sizeof(room), &len),
                         row[i].err);
        if (row[i].err != PV_OK) {
            assert_int_equal(len, 77);
            continue;
        }
        assert_int_equal(len, row[i].bytes.len);
        assert_memory_equal(room, row[i].bytes.ptr, len);
        pv_base64_text(room, len, text);
        assert_memory_equal(text, row[i].text.ptr, PV_BASE64_LEN(len));
        assert_int_equal(pv_base64_exactly(row[i].text, room, len + 1),
                         PV_EINVAL);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_u64_knows_its_range),
        cmocka_unit_test(crc32c_gives_the_published_values),
        cmocka_unit_test(hex_goes_there_and_back),
        cmocka_unit_test(jalali_agrees_with_known_days),
        cmocka_unit_test(jalali_walks_every_day_once),
        cmocka_unit_test(jalali_refuses_days_that_are_not),
        cmocka_unit_test(time_text_and_tehran_days),
        cmocka_unit_test(buf_stops_at_its_ceiling),
        cmocka_unit_test(json_escapes_as_rfc_8785),
        cmocka_unit_test(json_fills_a_buffer_to_its_ceiling),
        cmocka_unit_test(buf_keeps_a_ceiling_below_its_first_size),
        cmocka_unit_test(slices_cut_and_rejoin),
        cmocka_unit_test(base64_takes_one_form_only),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
