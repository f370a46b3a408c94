#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "trace/tracking_id.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
vectors(void **state)
{
    /* RFC 9562 appendix A.6, in lower case */
    static const char     text[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
    char                  again[PV_TRACKING_ID_LEN];
    struct pv_tracking_id id;

    (void)state; /* cmocka's */
    assert_int_equal(pv_tracking_id_parse(pv_slice_from(text), &id), PV_OK);
    assert_true(pv_tracking_id_when_ms(&id) == INT64_C(1645557742000));
    pv_tracking_id_text(&id, again);
    assert_memory_equal(again, text, sizeof(again));
}

static void
grammar(void **state)
{
    static const struct {
        const char *text;
        enum pv_err err;
        bool        uuid;
        const char *says;
    } row[] = {
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398f", PV_OK, true,
         "takes version 7"},
        {"017F22E2-79b0-7cc3-98c4-dc0c0c07398f", PV_EINVAL, false,
         "refuses upper case"},
        {"017f22e2-79b0-4cc3-98c4-dc0c0c07398f", PV_EINVAL, true,
         "refuses version 4 as a tracking id only"},
        {"017f22e2-79b0-7cc3-d8c4-dc0c0c07398f", PV_EINVAL, true,
         "refuses another variant as a tracking id only"},
        {"017f22e279b07cc398c4dc0c0c07398f", PV_EINVAL, false,
         "refuses a text without hyphens"},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", PV_EINVAL, false,
         "refuses one more digit"},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398", PV_EINVAL, false,
         "refuses one digit less"},
        {"017f22e2+79b0-7cc3-98c4-dc0c0c07398f", PV_EINVAL, false,
         "refuses another separator"},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398g", PV_EINVAL, false,
         "refuses a letter that is no digit"},
        {"", PV_EINVAL, false, "refuses nothing"},
    };

    (void)state; /* cmocka's */
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_tracking_id id;
        struct pv_tracking_id before;

        memset(&id, 0xa5, sizeof(id));
        before = id;
        print_message("# parse %s\n", row[i].says);
        assert_int_equal(pv_tracking_id_parse(pv_slice_from(row[i].text), &id),
                         row[i].err);
        assert_int_equal(pv_uuid_is_valid(pv_slice_from(row[i].text)),
                         row[i].uuid);
        if (row[i].err != PV_OK) {
            assert_memory_equal(&id, &before, sizeof(id));
        }
    }
}

static void
never_steps_back(void **state)
{
    struct pv_tracking_ids ids;
    struct pv_tracking_id  last;
    struct pv_tracking_id  next;
    int64_t                when = INT64_C(1790000000000);

    (void)state; /* cmocka's */
    memset(&last, 0, sizeof(last));
    pv_tracking_ids_init(&ids);
    for (int i = 0; i < 200000; i++) {
        if (i % 1000 == 0) {
            when += i % 3000 == 0 ? -50 : 7; /* a clock that is set back */
        }
        assert_int_equal(pv_tracking_ids_next(&ids, when, &next), PV_OK);
        assert_true(memcmp(&last, &next, sizeof(last)) < 0);
        assert_int_equal(next.bytes[6] >> 4, 7);
        assert_int_equal(next.bytes[8] >> 6, 2);
        last = next;
    }
}

static void
advances_when_the_counter_is_full(void **state)
{
    struct pv_tracking_ids ids;
    struct pv_tracking_id  id;

    (void)state; /* cmocka's */
    pv_tracking_ids_init(&ids);
    for (int i = 0; i < 4096; i++) {
        assert_int_equal(pv_tracking_ids_next(&ids, 1000, &id), PV_OK);
        assert_true(pv_tracking_id_when_ms(&id) == 1000);
    }
    assert_int_equal(pv_tracking_ids_next(&ids, 1000, &id), PV_OK);
    assert_true(pv_tracking_id_when_ms(&id) == 1001);
    assert_int_equal(pv_tracking_ids_next(&ids, INT64_MAX, &id), PV_ERANGE);
}

int
main(void)
{
    const struct CMUnitTest test[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(grammar),
        cmocka_unit_test(never_steps_back),
        cmocka_unit_test(advances_when_the_counter_is_full),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(test, NULL, NULL);
}
