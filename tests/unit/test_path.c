/* What gateway/path.h promises: one canonical form, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "path.h"

#define ID64 "a123456789b123456789c123456789d123456789e123456789f123456789g123"

static void
path_takes_only_its_canonical_form(void **state)
{
    static const struct {
        struct pv_slice raw;
        enum pv_err     err;
        const char     *what;
    } row[] = {
        {PV_SLICE_INIT("/x/central-bank/iban-match/v1/verify"), PV_OK,
         "accepts the canonical form"},
        {PV_SLICE_INIT("/x/a/b/v1/c"), PV_OK, "accepts one character ids"},
        {PV_SLICE_INIT("/x/0/9/v9/1"), PV_OK, "accepts digits as ids"},
        {PV_SLICE_INIT("/x/a--b/b/v1/c"), PV_OK, "accepts a double hyphen"},
        {PV_SLICE_INIT("/x/" ID64 "/" ID64 "/v1234567/" ID64), PV_OK,
         "accepts the longest"},
        {PV_SLICE_INIT("/x/" ID64 "x/b/v1/c"), PV_ERANGE,
         "refuses a provider past its maximum"},
        {PV_SLICE_INIT("/x/a/" ID64 "x/v1/c"), PV_ERANGE,
         "refuses a service past its maximum"},
        {PV_SLICE_INIT("/x/a/b/v1/" ID64 "x"), PV_ERANGE,
         "refuses a method past its maximum"},
        {PV_SLICE_INIT("/x/a/b/v12345678/c"), PV_ERANGE,
         "refuses a version past its maximum"},
        {PV_SLICE_INIT(""), PV_EINVAL, "refuses nothing"},
        {PV_SLICE_INIT("/"), PV_EINVAL, "refuses the root"},
        {PV_SLICE_INIT("/x/"), PV_EINVAL, "refuses the prefix alone"},
        {PV_SLICE_INIT("/y/a/b/v1/c"), PV_EINVAL, "refuses another prefix"},
        {PV_SLICE_INIT("x/a/b/v1/c"), PV_EINVAL, "refuses a relative path"},
        {PV_SLICE_INIT("/x/a/b/v1"), PV_EINVAL, "refuses a missing method"},
        {PV_SLICE_INIT("/x/a/b/v1/"), PV_EINVAL, "refuses an empty method"},
        {PV_SLICE_INIT("/x/a/b/v1/c/"), PV_EINVAL, "refuses a trailing slash"},
        {PV_SLICE_INIT("/x/a/b/v1/c/d"), PV_EINVAL, "refuses a fifth part"},
        {PV_SLICE_INIT("/x//b/v1/c"), PV_EINVAL, "refuses a double slash"},
        {PV_SLICE_INIT("//x/a/b/v1/c"), PV_EINVAL,
         "refuses a double slash in front"},
        {PV_SLICE_INIT("/x/a/../v1/c"), PV_EINVAL, "refuses a dot segment"},
        {PV_SLICE_INIT("/x/./a/b/v1/c"), PV_EINVAL, "refuses a single dot"},
        {PV_SLICE_INIT("/x/a/b/v1/c."), PV_EINVAL, "refuses a dot in an id"},
        {PV_SLICE_INIT("/x/%61/b/v1/c"), PV_EINVAL, "refuses an escape"},
        {PV_SLICE_INIT("/x/a%2fb/b/v1/c"), PV_EINVAL,
         "refuses an escaped slash"},
        {PV_SLICE_INIT("/x/A/b/v1/c"), PV_EINVAL, "refuses upper case"},
        {PV_SLICE_INIT("/X/a/b/v1/c"), PV_EINVAL,
         "refuses upper case in the prefix"},
        {PV_SLICE_INIT("/x/a/b/V1/c"), PV_EINVAL,
         "refuses upper case in the version"},
        {PV_SLICE_INIT("/x/a/b/v0/c"), PV_EINVAL, "refuses version 0"},
        {PV_SLICE_INIT("/x/a/b/v01/c"), PV_EINVAL,
         "refuses a leading zero in the version"},
        {PV_SLICE_INIT("/x/a/b/v/c"), PV_EINVAL,
         "refuses a version without a number"},
        {PV_SLICE_INIT("/x/a/b/1/c"), PV_EINVAL,
         "refuses a version without its letter"},
        {PV_SLICE_INIT("/x/a/b/v1a/c"), PV_EINVAL,
         "refuses a letter in the version"},
        {PV_SLICE_INIT("/x/-a/b/v1/c"), PV_EINVAL, "refuses a hyphen in front"},
        {PV_SLICE_INIT("/x/a-/b/v1/c"), PV_EINVAL,
         "refuses a hyphen at the end"},
        {PV_SLICE_INIT("/x/a/b/v1/-"), PV_EINVAL, "refuses a hyphen alone"},
        {PV_SLICE_INIT("/x/a/b/v1/c?"), PV_EINVAL, "refuses an empty query"},
        {PV_SLICE_INIT("/x/a/b/v1/c?d=1"), PV_EINVAL, "refuses a query"},
        {PV_SLICE_INIT("/x/a/b/v1/c#d"), PV_EINVAL, "refuses a fragment"},
        {PV_SLICE_INIT("/x/a/b/v1/c;d=1"), PV_EINVAL, "refuses a parameter"},
        {PV_SLICE_INIT("/x\\a/b/v1/c"), PV_EINVAL, "refuses a backslash"},
        {PV_SLICE_INIT("/x/a/b/v1/c "), PV_EINVAL, "refuses a blank"},
        {PV_SLICE_INIT("/x/a/b/v1/c\t"), PV_EINVAL, "refuses a tab"},
        {PV_SLICE_INIT("/x/a/b/v1/c\n"), PV_EINVAL, "refuses a line end"},
        {PV_SLICE_INIT("/x/a/b/v1/c\0"), PV_EINVAL, "refuses a NUL"},
        {PV_SLICE_INIT("/x/a\0b/b/v1/c"), PV_EINVAL,
         "refuses a NUL inside an id"},
        {PV_SLICE_INIT("/x/\xd8\xa7/b/v1/c"), PV_EINVAL,
         "refuses a Persian letter"},
        {PV_SLICE_INIT("/x/a\x7f/b/v1/c"), PV_EINVAL, "refuses DEL"},
        {PV_SLICE_INIT("/x/a_b/b/v1/c"), PV_EINVAL, "refuses an underscore"},
        {PV_SLICE_INIT("https://host/x/a/b/v1/c"), PV_EINVAL,
         "refuses the absolute form"},
        {PV_SLICE_INIT("*"), PV_EINVAL, "refuses the asterisk form"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct pv_path path = {.method = PV_LIT("untouched")};

        print_message("# path %s\n", row[i].what);
        assert_int_equal(pv_path_parse(row[i].raw, &path), row[i].err);
        if (row[i].err != PV_OK) {
            assert_true(pv_slice_eq(path.method, PV_LIT("untouched")));
        }
    }
}

static void
path_gives_its_four_parts(void **state)
{
    struct pv_path path;

    (void)state;
    assert_int_equal(
        pv_path_parse(PV_LIT("/x/central-bank/iban-match/v12/verify"), &path),
        PV_OK);
    assert_true(pv_slice_eq(path.provider, PV_LIT("central-bank")));
    assert_true(pv_slice_eq(path.service, PV_LIT("iban-match")));
    assert_true(pv_slice_eq(path.version, PV_LIT("v12")));
    assert_true(pv_slice_eq(path.method, PV_LIT("verify")));
}

static void
path_refuses_every_other_byte(void **state)
{
    char raw[] = "/x/provider/service/v1/method";

    (void)state;
    for (size_t at = 0; at + 1 < sizeof(raw); at++) {
        char kept = raw[at];

        for (int c = 0; c < 256; c++) {
            struct pv_path path;
            bool id = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

            raw[at] = (char)c;
            if (pv_path_parse((struct pv_slice){raw, sizeof(raw) - 1}, &path) ==
                PV_OK) {
                assert_true(id || c == '-' || c == kept);
            }
        }
        raw[at] = kept;
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_takes_only_its_canonical_form),
        cmocka_unit_test(path_gives_its_four_parts),
        cmocka_unit_test(path_refuses_every_other_byte),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
