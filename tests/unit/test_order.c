#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "connectord/order.h"

#define NOW_MS INT64_C(1679400000000)
#define VALID_S 600

#define OLD_KEY "thirty-two bytes of a test's key"
#define NEW_KEY "thirty-two bytes of another key!"

static const struct pv_secrets secrets = {{OLD_KEY}, 1};
static const struct pv_secrets both = {{NEW_KEY, OLD_KEY}, 2};
static const struct pv_secrets other = {{NEW_KEY}, 1};

/* Two methods that share a serial; the first has it second. */
static struct pv_field           first_input[2] = {{.name = "amount"},
                                                   {.name = "serial"}};
static struct pv_field           second_input[1] = {{.name = "serial"}};
static struct pv_contract_method first = {
    .path = "/x/p/s/v1/one", .input = first_input, .input_count = 2};
static struct pv_contract_method second = {
    .path = "/x/p/s/v1/two",
    .input = second_input,
    .input_count = 1,
    .after = {
        .method = &first, .same = {0}, .same_count = 1, .valid_s = VALID_S}};

static void
make(char token[PV_ORDER_TOKEN_LEN])
{
    struct pv_request request;

    memset(&request, 0, sizeof(request));
    request.value[0].text = PV_LIT("1500000");
    request.value[1].text = PV_LIT("9990000001");
    assert_int_equal(pv_order_make(&secrets, "setad", &first, &second, &request,
                                   NOW_MS, token),
                     PV_OK);
}

static enum pv_err
check_under(const struct pv_secrets *under, struct pv_slice token,
            const char *consumer, struct pv_slice serial, int64_t when_ms)
{
    struct pv_request request;

    memset(&request, 0, sizeof(request));
    request.value[0].text = serial;
    request.order_token = token;
    return pv_order_check(under, consumer, &second, &request, when_ms);
}

static enum pv_err
check(struct pv_slice token, const char *consumer, struct pv_slice serial,
      int64_t when_ms)
{
    return check_under(&secrets, token, consumer, serial, when_ms);
}

static void
a_token_is_good_for_its_call_alone(void **state)
{
    char            room[PV_ORDER_TOKEN_LEN];
    struct pv_slice token = {room, sizeof(room)};
    struct pv_slice serial = PV_LIT("9990000001");

    (void)state;
    make(room);
    assert_int_equal(check(token, "setad", serial, NOW_MS), PV_OK);
    assert_int_equal(check(token, "other", serial, NOW_MS), PV_EVERIFY);
    assert_int_equal(check(token, "setad", PV_LIT("9990000002"), NOW_MS),
                     PV_EVERIFY);
    assert_int_equal(check(PV_LIT(""), "setad", serial, NOW_MS), PV_EVERIFY);
}

static void
a_token_outlives_its_secret_as_long_as_that_is_kept(void **state)
{
    char            room[PV_ORDER_TOKEN_LEN];
    struct pv_slice token = {room, sizeof(room)};
    struct pv_slice serial = PV_LIT("9990000001");

    (void)state;
    make(room);
    assert_int_equal(check_under(&both, token, "setad", serial, NOW_MS), PV_OK);
    assert_int_equal(check_under(&other, token, "setad", serial, NOW_MS),
                     PV_EVERIFY);
}

static void
a_token_ends(void **state)
{
    char            room[PV_ORDER_TOKEN_LEN];
    struct pv_slice token = {room, sizeof(room)};
    struct pv_slice serial = PV_LIT("9990000001");

    (void)state;
    make(room);
    assert_int_equal(check(token, "setad", serial, NOW_MS + VALID_S * 1000),
                     PV_OK);
    assert_int_equal(
        check(token, "setad", serial, NOW_MS + VALID_S * 1000 + 1000),
        PV_EVERIFY);
}

static void
no_changed_character_passes(void **state)
{
    char            room[PV_ORDER_TOKEN_LEN];
    struct pv_slice token = {room, sizeof(room)};

    (void)state;
    make(room);
    for (size_t i = 0; i < sizeof(room); i++) {
        char kept = room[i];

        room[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(check(token, "setad", PV_LIT("9990000001"), NOW_MS),
                         PV_EVERIFY);
        room[i] = kept;
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_good_for_its_call_alone),
        cmocka_unit_test(a_token_outlives_its_secret_as_long_as_that_is_kept),
        cmocka_unit_test(a_token_ends),
        cmocka_unit_test(no_changed_character_passes),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
