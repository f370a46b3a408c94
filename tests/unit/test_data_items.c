#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <locale.h>
#include <regex.h>
#include <string.h>

#include "contract/data_item.h"

#define S(text) PV_SLICE_INIT(text)

static struct pv_data_items *catalogue; /* read once for the file */

static int
load_catalogue(void **state)
{
    struct pv_why why = {""};

    (void)state;
    assert_int_equal(pv_data_items_new(&catalogue), PV_OK);
    if (pv_data_items_add_file(catalogue,
                               PV_SOURCE_ROOT "/catalogue/data_items.json",
                               &why) != PV_OK ||
        pv_data_items_add_file(catalogue,
                               PV_SOURCE_ROOT "/catalogue/enactment.json",
                               &why) != PV_OK ||
        pv_data_items_finish(catalogue, &why) != PV_OK) {
        fail_msg("%s", why.text);
    }
    return 0;
}

static int
free_catalogue(void **state)
{
    (void)state;
    pv_data_items_free(catalogue);
    return 0;
}

/* ---- check digits ---- */

struct check_row {
    pv_check_fn    *check;
    struct pv_slice text;
    bool            good;
    const char     *says;
};

static void
check_digits(void **state)
{
    static const struct check_row row[] = {
        {pv_check_national_id, S("9991234561"), true, "catalogue's example"},
        {pv_check_national_id, S("0499370899"), true, "published valid id"},
        {pv_check_national_id, S("0790419904"), true, "published valid id"},
        {pv_check_national_id, S("0084575948"), true, "published valid id"},
        {pv_check_national_id, S("0963695398"), true, "published valid id"},
        {pv_check_national_id, S("0684159415"), false, "published wrong id"},
        {pv_check_national_id, S("1111111111"), false, "ten equal digits"},
        {pv_check_national_id, S("0000000000"), false, "ten zeros"},
        {pv_check_national_id, S("999123456"), false, "a digit too few"},
        {pv_check_national_id, S("09991234561"), false, "a digit too many"},
        {pv_check_national_id, S("999123456x"), false, "a letter"},
        {pv_check_national_id, S(""), false, "nothing"},
        {pv_check_legal_id, S("99900123455"), true, "catalogue's example"},
        {pv_check_legal_id, S("10380284790"), true, "published valid id"},
        {pv_check_legal_id, S("14007650912"), true, "published valid id"},
        {pv_check_legal_id, S("10380285692"), false, "published wrong id"},
        {pv_check_legal_id, S("09053990011"), false, "published wrong id"},
        {pv_check_legal_id, S("99900000005"), false, "six zeros inside"},
        {pv_check_legal_id, S("9990012345"), false, "a digit too few"},
        {pv_check_iban, S("IR740990000000000000000001"), true,
         "catalogue's example"},
        {pv_check_iban, S("IR820540102680020817909002"), true,
         "published valid IBAN"},
        {pv_check_iban, S("IR062960000000100324200001"), true,
         "published valid IBAN"},
        {pv_check_iban, S("IR012960000000100324200001"), false,
         "published wrong IBAN"},
        {pv_check_iban, S("ir820540102680020817909002"), false,
         "lower case letters"},
        {pv_check_iban, S("DE82054010268002081790900"), false,
         "another country"},
        {pv_check_bill_id, S("9999999999921"), true, "catalogue's example"},
        {pv_check_bill_id, S("7748317800142"), true, "published valid bill"},
        {pv_check_bill_id, S("9174639504124"), true, "published valid bill"},
        {pv_check_bill_id, S("1117753200140"), true, "published valid bill"},
        {pv_check_bill_id, S("2234322344613"), false, "published wrong bill"},
        {pv_check_bill_id, S("99921"), false, "a digit too few"},
        {pv_check_jalali_date, S("1403-12-30"), true, "a leap year's last day"},
        {pv_check_jalali_date, S("1404-12-30"), false, "no leap year"},
        {pv_check_jalali_date, S("1401-07-31"), false, "a month of 30 days"},
        {pv_check_jalali_date, S("1399-12-30"), true, "a leap year's last day"},
        {pv_check_time, S("2023-01-10T09:30:00+03:30"), true, "an offset"},
        {pv_check_time, S("2023-01-10T06:00:00Z"), true, "UTC"},
        {pv_check_time, S("2023-02-29T06:00:00Z"), false, "no leap year"},
        {pv_check_time, S("2023-01-10T24:00:00Z"), false, "hour 24"},
        {pv_check_oid, S("2.999.1"), true, "an example arc"},
        {pv_check_oid, S("1.39"), true, "the last second arc below 1"},
        {pv_check_oid, S("1.40"), false, "a second arc past 39"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        if (row[i].check(row[i].text) != row[i].good) {
            fail_msg("%.*s: %s", PV_FMT(row[i].text), row[i].says);
        }
    }
}

/* Every wrong last digit, and every swap of neighbours, is found. */
static void
check_digits_find_typing_errors(void **state)
{
    static const struct {
        const char  *text;
        pv_check_fn *check;
    } row[] = {
        {"9991234561", pv_check_national_id},
        {"99900123455", pv_check_legal_id},
        {"IR820540102680020817909002", pv_check_iban},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        size_t len = strlen(row[i].text);
        char   text[32];

        for (char last = '0'; last <= '9'; last++) {
            struct pv_slice s = {text, len};

            memcpy(text, row[i].text, len);
            text[len - 1] = last;
            assert_int_equal(row[i].check(s), last == row[i].text[len - 1]);
        }
    }
}

/* ---- patterns ---- */

struct pattern_row {
    struct pv_slice pattern;
    struct pv_slice text;
    bool            matches;
    const char     *says;
};

static void
patterns_match(void **state)
{
    static const struct pattern_row row[] = {
        {S("^[0-9]{3}$"), S("099"), true, "counts exactly"},
        {S("^[0-9]{3}$"), S("0990"), false, "anchors at the end"},
        {S("^.{1,3}$"), S("\xd8\xa7\xd8\xa8\xd9\xbe"), true,
         "counts code points, not bytes"},
        {S("^.{1,3}$"), S("abcd"), false, "stops at the maximum"},
        {S("^.{1,3}$"), S(""), false, "needs the minimum"},
        {S("^.{1,3}$"), S("a\nb"), false, "keeps . off a line end"},
        {S("^[\\s\\S]{1,2000}$"), S("a\nb"), true, "takes all with \\s\\S"},
        {S("^[^0-9\\x00-\\x1f]{1,60}$"), S("\xd8\xb2\xd9\x87\xd8\xb1\xd8\xa7"),
         true, "takes a Persian name"},
        {S("^[^0-9\\x00-\\x1f]{1,60}$"), S("ali\x01"), false,
         "keeps control characters out"},
        {S("^[^0-9\\x00-\\x1f]{1,60}$"), S("ali2"), false, "keeps digits out"},
        {S("^.{1,9}$"), S("\xff"), false, "refuses what is not UTF-8"},
        {S("^.{1,9}$"), S("\xc0\x80"), false, "refuses an overlong form"},
        {S("^.{1,9}$"), S("\xed\xa0\x80"), false, "refuses a surrogate"},
        {S("^[0-9]+(/[0-9]+)*$"), S("1/99/3"), true, "repeats a group"},
        {S("^[0-9]+(/[0-9]+)*$"), S("1/"), false, "wants all of the group"},
        {S("^(a|bc)?d$"), S("bcd"), true, "chooses"},
        {S("^(a|bc)?d$"), S("d"), true, "leaves out"},
        {S("^(a*)*b$"), S("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"), false,
         "ends in linear time where backtracking would not"},
        {S("^[a-c-]+$"), S("a-c"), true, "takes a - at the end of a class"},
        {S("^\\d{2}\\.\\w$"), S("12._"), true, "knows \\d, \\w and \\."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct pv_pattern *pattern = NULL;
        struct pv_why      why = {""};

        if (pv_pattern_new(row[i].pattern, &pattern, &why) != PV_OK) {
            fail_msg("%.*s: %s", PV_FMT(row[i].pattern), why.text);
        }
        for (int again = 0; again < 2; again++) { /* and leaves no trace */
            if (pv_pattern_matches(pattern, row[i].text) != row[i].matches) {
                fail_msg("%.*s: a pattern %s", PV_FMT(row[i].pattern),
                         row[i].says);
            }
        }
        pv_pattern_free(pattern);
    }
}

static void
patterns_are_refused(void **state)
{
    static const struct {
        struct pv_slice pattern;
        const char     *says;
    } row[] = {
        {S("a"), "without anchors"},
        {S("^a"), "without an end"},
        {S("^a|b$"), "with | outside a group"},
        {S("^(a$"), "with an open group"},
        {S("^a)$"), "with a ) too many"},
        {S("^[a$"), "with an open class"},
        {S("^[b-a]$"), "with a range that runs backwards"},
        {S("^a{2,1}$"), "with counts that run backwards"},
        {S("^a{9999}$"), "with a count past the maximum"},
        {S("^(a{4000}){4000}$"), "that expands past the maximum"},
        {S("^*a$"), "with a repetition of nothing"},
        {S("^a**$"), "with a repetition of a repetition"},
        {S("^(?=a)$"), "with a look-ahead"},
        {S("^\\bq$"), "with an escape outside the grammar"},
        {S("^a$b$"), "with $ inside"},
        {S("^\\x0g$"), "with a broken \\x"},
    };
    char                     mark;
    struct pv_pattern *const untouched = (void *)&mark;

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct pv_pattern *pattern = untouched;
        struct pv_why      why = {""};

        if (pv_pattern_new(row[i].pattern, &pattern, &why) == PV_OK ||
            pattern != untouched || why.text[0] == '\0') {
            fail_msg("a pattern %s is refused", row[i].says);
        }
    }
}

#define DAY_PATTERN                                                            \
    "^1[34][0-9]{2}-(0[1-6]-(0[1-9]|[12][0-9]|3[01])|(0[7-9]|1[01])-"          \
    "(0[1-9]|[12][0-9]|30)|12-(0[1-9]|[12][0-9]|30))$"

/* glibc's own engine is the oracle on short random texts. */
static void
patterns_agree_with_posix(void **state)
{
    static const char *const patterns[] = {
        "^([0-9]{10}|[0-9]{11}|[0-9]{12})$",
        "^(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)$",
        DAY_PATTERN,
        "^[0-2](\\.(0|[1-9][0-9]*))+$",
        "^-?[0-9]{1,3}$",
        "^(a|ab)(c|bcd)*$",
        "^[^0-9]{1,4}$",
        "^[0-9]+(/[0-9]+)*$",
    };
    static const char alphabet[] = "0123456789-./abcd";
    uint32_t          seed = 1;

    (void)state;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        struct pv_pattern *ours = NULL;
        regex_t            theirs;
        char               text[16];

        assert_int_equal(
            pv_pattern_new(pv_slice_from(patterns[i]), &ours, NULL), PV_OK);
        assert_int_equal(regcomp(&theirs, patterns[i], REG_EXTENDED), 0);
        for (int n = 0; n < 20000; n++) {
            size_t len;

            seed = seed * 1664525u + 1013904223u;
            len = seed >> 28;
            for (size_t j = 0; j < len; j++) {
                seed = seed * 1664525u + 1013904223u;
                text[j] = alphabet[(seed >> 8) % (sizeof(alphabet) - 1)];
            }
            text[len] = '\0';
            if (pv_pattern_matches(ours, pv_slice_from(text)) !=
                (regexec(&theirs, text, 0, NULL, 0) == 0)) {
                fail_msg("%s on %s", patterns[i], text);
            }
        }
        regfree(&theirs);
        pv_pattern_free(ours);
    }
}

/* ---- data items ---- */

static void
items_judge_values(void **state)
{
    static const struct {
        const char        *id;
        struct pv_slice    text;
        enum pv_fault_kind fault;
        const char        *member;
        const char        *says;
    } row[] = {
        {"national_id", S("9991234561"), PV_FAULT_NONE, "national_id",
         "takes a good one"},
        {"national_id", S("9991234562"), PV_FAULT_CHECK_DIGIT, "",
         "tells a wrong check digit"},
        {"national_id", S("999123456"), PV_FAULT_PATTERN, "",
         "tells a wrong form"},
        {"legal_person_id", S("99900123454"), PV_FAULT_CHECK_DIGIT, "",
         "tells a wrong check digit"},
        {"iban", S("IR740990000000000000000002"), PV_FAULT_CHECK_DIGIT, "",
         "tells wrong check digits"},
        {"bill_id", S("9999999999922"), PV_FAULT_CHECK_DIGIT, "",
         "tells a wrong check digit"},
        {"postal_code", S("0000000000"), PV_FAULT_NONE, "postal_code",
         "is checked by pattern only"},
        {"person_unique_id", S("9991234561"), PV_FAULT_NONE, "national_id",
         "finds the member by its form"},
        {"person_unique_id", S("99900123455"), PV_FAULT_NONE, "legal_person_id",
         "finds the member by its form"},
        {"person_unique_id", S("999000000001"), PV_FAULT_NONE, "foreigner_code",
         "finds the member by its form"},
        {"person_unique_id", S("9991234562"), PV_FAULT_CHECK_DIGIT, "",
         "checks the member's digit"},
        {"natural_person_id", S("99900123455"), PV_FAULT_PATTERN, "",
         "has no legal persons"},
        {"birth_date", S("1404-12-30"), PV_FAULT_NO_SUCH_DAY, "",
         "tells a day that is not in the calendar"},
        {"jalali_date", S("1403-12-30"), PV_FAULT_NONE, "jalali_date",
         "takes a leap day"},
        {"amount_rial", S("1e3"), PV_FAULT_PATTERN, "", "is decimal digits"},
        {"amount_rial", S("-1"), PV_FAULT_PATTERN, "", "is not negative"},
        {"yes_no", S("true"), PV_FAULT_PATTERN, "", "is yes or no"},
        {"first_name", S("\xff\xfe"), PV_FAULT_NOT_UTF8, "", "is UTF-8"},
        {"object", S("x"), PV_FAULT_PATTERN, "", "is no plain value"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const struct pv_data_item *item =
            pv_data_items_find(catalogue, pv_slice_from(row[i].id));
        const struct pv_data_item *member = NULL;

        assert_non_null(item);
        if (pv_data_item_check(item, row[i].text, &member) != row[i].fault ||
            (member == NULL ? row[i].member[0] != '\0'
                            : strcmp(member->id, row[i].member) != 0)) {
            fail_msg("%s with %.*s %s", row[i].id, PV_FMT(row[i].text),
                     row[i].says);
        }
    }
}

static void
amounts_have_one_form(void **state)
{
    const struct pv_data_item *amount =
        pv_data_items_find(catalogue, PV_LIT("amount_rial"));
    const struct pv_data_item *id =
        pv_data_items_find(catalogue, PV_LIT("national_id"));

    (void)state;
    assert_true(pv_slice_eq(pv_data_item_canonical(amount, PV_LIT("00100")),
                            PV_LIT("100")));
    assert_true(pv_slice_eq(pv_data_item_canonical(amount, PV_LIT("000")),
                            PV_LIT("0")));
    assert_true(pv_slice_eq(pv_data_item_canonical(id, PV_LIT("0499370899")),
                            PV_LIT("0499370899")));
}

static void
catalogue_is_whole(void **state)
{
    (void)state;
    assert_true(pv_data_items_count(catalogue) >= 85);
    assert_null(pv_data_items_find(catalogue, PV_LIT("no_such_item")));
}

static void
broken_items_are_refused(void **state)
{
    static const struct {
        const char *json;
        const char *word; /* stands in the reason */
    } row[] = {
        {"{}", "data_items_extra"},
        {"[{\"id\":\"a\",\"base_type\":\"string\",\"pattern\":\"^a$\","
         "\"colour\":1}]",
         "colour"},
        {"[{\"id\":\"a\",\"base_type\":\"word\",\"pattern\":\"^a$\"}]",
         "base_type"},
        {"[{\"id\":\"a\",\"base_type\":\"string\",\"pattern\":\"a\"}]",
         "pattern"},
        {"[{\"id\":\"a\",\"base_type\":\"string\"}]", "pattern"},
        {"[{\"id\":\"a\",\"base_type\":\"string\",\"pattern\":\"^a$\","
         "\"check_function\":\"luhn\"}]",
         "luhn"},
        {"[{\"id\":\"a\",\"base_type\":\"string\",\"pattern\":\"^a$\","
         "\"example\":\"b\"}]",
         "example"},
        {"[{\"id\":\"a\",\"base_type\":\"string\",\"pattern\":\"^a$\","
         "\"union_of\":[\"b\",\"c\"]}]",
         "union_of"},
        {"[{\"id\":\"a\",\"base_type\":\"string\",\"pattern\":\"^a$\"},"
         "{\"id\":\"a\",\"base_type\":\"string\",\"pattern\":\"^a$\"}]",
         "already"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct pv_data_items *items = NULL;
        struct pv_why         why = {""};
        json_t *root = json_loads(row[i].json, JSON_REJECT_DUPLICATES, NULL);
        enum pv_err err;

        assert_non_null(root);
        assert_int_equal(pv_data_items_new(&items), PV_OK);
        err = pv_data_items_add(items, root, &why);
        if (err == PV_OK) {
            err = pv_data_items_finish(items, &why);
        }
        if (err == PV_OK || strstr(why.text, row[i].word) == NULL) {
            fail_msg("%s: \"%s\" should tell of %s", row[i].json, why.text,
                     row[i].word);
        }
        json_decref(root);
        pv_data_items_free(items);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_digits),
        cmocka_unit_test(check_digits_find_typing_errors),
        cmocka_unit_test(patterns_match),
        cmocka_unit_test(patterns_are_refused),
        cmocka_unit_test(patterns_agree_with_posix),
        cmocka_unit_test(catalogue_is_whole),
        cmocka_unit_test(items_judge_values),
        cmocka_unit_test(amounts_have_one_form),
        cmocka_unit_test(broken_items_are_refused),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, load_catalogue, free_catalogue);
}
