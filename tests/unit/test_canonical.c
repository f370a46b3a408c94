/*
 * What registryd/canonical promises: the text of jansson, which wrote the
 * documents of all decisions before, and RFC 8785's where that is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "canonical.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TREES 2000
#define DEPTH 5
#define WIDTH 40 /* more members than fit on the stack */

static void
assert_as_jansson(const json_t *value)
{
    char *theirs =
        json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    struct pv_buf ours;

    pv_buf_init(&ours, 1024 * 1024);
    assert_non_null(theirs);
    assert_int_equal(pv_canonical(value, &ours), PV_OK);
    assert_int_equal(ours.len, strlen(theirs));
    assert_memory_equal(ours.ptr, theirs, ours.len);
    pv_buf_clear(&ours);
    free(theirs);
}

static void
texts_are_those_of_jansson(void **state)
{
    static const char *const text[] = {
        "{}",
        "[]",
        "[[],{}]",
        "\"\"",
        "\"مصوبه «۳۸» کارگروه‌ها\"",
        "\"\\\"quoted\\\" and a \\\\ and a \\/\"",
        "\"\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \\u007f \\u2028\"",
        "[0,-1,1,9007199254740992,-9007199254740992]",
        "[9223372036854775807,-9223372036854775808]",
        "[true,false,null,0.5,1e300]",
        "{\"b\":1,\"a\":{\"d\":[],\"c\":\"x\"},\"ab\":2,\"A\":3,\"\":4}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(text); i++) {
        json_t *value = json_loads(text[i], JSON_DECODE_ANY, NULL);

        assert_non_null(value);
        assert_as_jansson(value);
        json_decref(value);
    }
}

static uint64_t
next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *seed >> 33;
}

/* A tree by the seed; few are wide. */
static json_t *
grow(uint64_t *seed, int depth)
{
    uint64_t what = next(seed) % (depth == 0 ? 3 : 5);
    uint64_t count = next(seed) % (next(seed) % 16 == 0 ? WIDTH : 5);
    char     name[8];
    json_t  *value;

    if (what == 0) {
        return json_integer((json_int_t)next(seed) - (1 << 30));
    }
    if (what < 3) {
        for (size_t i = 0; i < sizeof(name) - 1; i++) {
            name[i] = (char)(1 + next(seed) % 127);
        }
        return json_stringn(name, next(seed) % sizeof(name));
    }
    value = what == 3 ? json_array() : json_object();
    for (uint64_t i = 0; i < count; i++) {
        json_t *one = grow(seed, depth - 1);

        (void)snprintf(name, sizeof(name), "%llx",
                       (unsigned long long)next(seed) % 4096);
        assert_int_equal(what == 3 ? json_array_append_new(value, one)
                                   : json_object_set_new(value, name, one),
                         0);
    }
    return value;
}

static void
generated_trees_are_those_of_jansson(void **state)
{
    uint64_t seed = 1404;

    (void)state;
    for (int i = 0; i < TREES; i++) {
        json_t *value = grow(&seed, DEPTH);

        assert_as_jansson(value);
        json_decref(value);
    }
}

static json_t *
nested(int depth)
{
    json_t *value = json_array();

    for (int i = 1; i < depth; i++) {
        value = json_pack("[o]", value);
    }
    return value;
}

static void
what_is_too_deep_or_too_long_is_refused(void **state)
{
    json_t       *deep = nested(PV_CANONICAL_DEPTH_MAX + 1);
    json_t       *fits = nested(PV_CANONICAL_DEPTH_MAX);
    struct pv_buf out;

    (void)state;
    pv_buf_init(&out, 1024);
    assert_int_equal(pv_canonical(deep, &out), PV_ERANGE);
    out.len = 0;
    assert_int_equal(pv_canonical(fits, &out), PV_OK);
    pv_buf_clear(&out);
    pv_buf_init(&out, 100);
    assert_int_equal(pv_canonical(fits, &out), PV_ERANGE);
    assert_int_equal(pv_canonical(NULL, &out), PV_EINVAL);
    pv_buf_clear(&out);
    json_decref(deep);
    json_decref(fits);
}

static void
a_text_becomes_a_string(void **state)
{
    struct pv_buf out;

    (void)state;
    pv_buf_init(&out, 64);
    assert_int_equal(pv_text_json(PV_LIT("a\n\"b\""), &out), PV_OK);
    assert_int_equal(out.len, strlen("\"a\\n\\\"b\\\"\""));
    assert_memory_equal(out.ptr, "\"a\\n\\\"b\\\"\"", out.len);
    assert_int_equal(pv_text_json(PV_LIT("\xff"), &out), PV_EINVAL);
    pv_buf_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_those_of_jansson),
        cmocka_unit_test(generated_trees_are_those_of_jansson),
        cmocka_unit_test(what_is_too_deep_or_too_long_is_refused),
        cmocka_unit_test(a_text_becomes_a_string),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
