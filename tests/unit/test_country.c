/*
 * The synthetic country: its numbers, names and people, without a database.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "country.h"
#include "ids.h"
#include "names.h"
#include "registers.h"
#include "rng.h"
#include "samples.h"

#define SEED 1405
#define PERSONS 3000

static void
the_numbers_are_those_of_splitmix64(void **state)
{
    /* the first outputs for state 1234567, from the published reference */
    static const uint64_t expect[] = {
        UINT64_C(6457827717110365317),  UINT64_C(3203168211198807973),
        UINT64_C(9817491932198370423),  UINT64_C(4593380528125082431),
        UINT64_C(16408922859458223821),
    };
    struct pv_rng rng = {1234567};

    (void)state; /* cmocka's */
    for (size_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
        assert_true(pv_rng_next(&rng) == expect[i]);
    }
}

static void
streams_differ_by_name_and_seed(void **state)
{
    struct pv_rng a;
    struct pv_rng b;
    struct pv_rng c;

    (void)state; /* cmocka's */
    pv_rng_init(&a, SEED, "one");
    pv_rng_init(&b, SEED, "two");
    pv_rng_init(&c, SEED + 1, "one");
    assert_true(pv_rng_next(&a) != pv_rng_next(&b));
    pv_rng_init(&a, SEED, "one");
    assert_true(pv_rng_next(&a) != pv_rng_next(&c));
}

static void
numbers_stay_in_their_range(void **state)
{
    struct pv_rng rng;
    bool          seen[7] = {false};

    (void)state; /* cmocka's */
    pv_rng_init(&rng, SEED, "range");
    for (int i = 0; i < 1000; i++) {
        int n = pv_rng_between(&rng, -3, 3);

        assert_in_range(n + 3, 0, 6);
        seen[n + 3] = true;
        assert_int_equal(pv_rng_below(&rng, 1), 0);
        assert_false(pv_rng_chance(&rng, 0));
        assert_true(pv_rng_chance(&rng, 1000));
    }
    for (int i = 0; i < 7; i++) {
        assert_true(seen[i]);
    }
}

static void
a_permutation_meets_every_number_once(void **state)
{
    static const struct {
        uint64_t count;
        uint64_t pinned;
    } cases[] = {{1, 0}, {2, 1}, {10, 7}, {1000, 0}, {4096, 4095}, {59049, 5}};

    (void)state; /* cmocka's */
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct pv_perm perm;
        uint8_t       *seen = calloc(cases[c].count, 1);

        assert_non_null(seen);
        pv_perm_init(&perm, cases[c].count, cases[c].pinned, SEED, "perm");
        assert_true(pv_perm_at(&perm, 0) == cases[c].pinned);
        for (uint64_t i = 0; i < cases[c].count; i++) {
            uint64_t at = pv_perm_at(&perm, i);

            assert_true(at < cases[c].count);
            assert_int_equal(seen[at], 0);
            seen[at] = 1;
        }
        free(seen);
    }
}

static void
check_digits_are_those_of_the_catalogues_examples(void **state)
{
    char id[PV_ID_ROOM];

    (void)state; /* cmocka's */
    pv_national_id(999123456, id);
    assert_string_equal(id, "9991234561");
    pv_legal_id(UINT64_C(9990012345), id);
    assert_string_equal(id, "99900123455");
    for (size_t i = 0; i < PV_SETAD_MEMBERS; i++) {
        uint64_t ten = 0;

        for (size_t d = 0; d < 10; d++) {
            ten = ten * 10 + (uint64_t)(pv_setad_members[i].unique_id[d] - '0');
        }
        pv_legal_id(ten, id);
        assert_string_equal(id, pv_setad_members[i].unique_id);
    }
    pv_iban(99, 1, id);
    assert_string_equal(id, "IR740990000000000000000001");
    pv_bill_id(99999999, 999, 2, id);
    assert_string_equal(id, "9999999999921");
}

static void
the_first_of_everything_is_the_catalogues_example(void **state)
{
    struct pv_country country;
    char              id[PV_ID_ROOM];

    (void)state; /* cmocka's */
    assert_int_equal(pv_country_make(&country, SEED, PERSONS), PV_OK);
    pv_person_id(&country, 0, id);
    assert_string_equal(id, "9991234561");
    pv_company_id(&country, 0, id);
    assert_string_equal(id, "99900123455");
    pv_foreigner_id(&country, 0, id);
    assert_string_equal(id, "999000000001");
    pv_postal_code(&country, 0, id);
    assert_string_equal(id, "9991399999");
    assert_int_equal(country.persons[0].address, 0);
    assert_string_equal(pv_country_date(&country, country.persons[0].birth_day),
                        "1370-01-01");
    pv_country_clear(&country);
}

static void
people_hold_together(void **state)
{
    struct pv_country country;

    (void)state; /* cmocka's */
    assert_int_equal(pv_country_make(&country, SEED, PERSONS), PV_OK);
    for (uint32_t i = 0; i < PERSONS; i++) {
        const struct pv_person *at = &country.persons[i];

        assert_true(at->birth_day < country.as_of);
        assert_true(at->death_day > at->birth_day);
        assert_true(at->address < country.address_count);
        if (at->spouse != PV_NONE) {
            assert_int_equal(country.persons[at->spouse].spouse, i);
            assert_true(country.persons[at->spouse].is_man != at->is_man);
        }
        if (at->father != PV_NONE) {
            assert_true(at->father < i && at->mother < i);
            assert_int_equal(at->father_name,
                             country.persons[at->father].first_name);
        }
    }
    for (uint32_t i = 0; i < country.marriage_count; i++) {
        const struct pv_marriage *at = &country.marriages[i];

        assert_true(at->day < at->end_day);
        assert_true(at->day - country.persons[at->woman].birth_day >= 17 * 365);
    }
    pv_country_clear(&country);
}

static void
refuses_a_size_past_its_limits(void **state)
{
    struct pv_country country = {.seed = 77};

    (void)state; /* cmocka's */
    assert_int_equal(pv_country_make(&country, SEED, PV_PERSONS_MIN - 1),
                     PV_ERANGE);
    assert_int_equal(pv_country_make(&country, SEED, PV_PERSONS_MAX + 1),
                     PV_ERANGE);
    assert_int_equal(country.seed, 77); /* left alone */
}

static void
days_have_their_jalali_text(void **state)
{
    struct pv_country country;

    (void)state; /* cmocka's */
    assert_int_equal(pv_country_make(&country, SEED, PV_PERSONS_MIN), PV_OK);
    for (int32_t day = country.first_day; day <= country.last_day; day += 17) {
        struct pv_civil at;
        struct pv_civil read;
        const char     *text = pv_country_date(&country, day);

        assert_int_equal(pv_jalali_from_days(day, &at), PV_OK);
        assert_int_equal(pv_jalali_parse(pv_slice_from(text), &read), PV_OK);
        assert_memory_equal(&at, &read, sizeof(at));
    }
    assert_null(pv_country_date(&country, PV_NEVER));
    assert_null(pv_country_date(&country, country.last_day + 1));
    pv_country_clear(&country);
}

/* No word twice: two companies or villages must not share a name. */
static void
lists_have_no_word_twice(void **state)
{
    static const struct pv_words *const lists[] = {
        &pv_names_men,        &pv_names_women,      &pv_names_family,
        &pv_names_streets,    &pv_names_alleys,     &pv_names_villages,
        &pv_names_activities, &pv_names_brands,     &pv_names_brand_tails,
        &pv_names_fields,     &pv_names_family_tail};

    (void)state; /* cmocka's */
    for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
        for (uint32_t a = 0; a < lists[l]->count; a++) {
            for (uint32_t b = 0; b < a; b++) {
                assert_string_not_equal(pv_word(lists[l], a),
                                        pv_word(lists[l], b));
            }
        }
    }
}

static void
provinces_have_their_counties(void **state)
{
    (void)state; /* cmocka's */
    for (uint32_t a = 0; a < PV_PLACES_PROVINCES; a++) {
        const struct pv_province *at = &pv_provinces[a];

        assert_in_range(pv_province_counties(at), 1, PV_PLACES_COUNTIES_MAX);
        assert_true(at->slots >= 1);
        assert_in_range(at->number, 0, PV_PLACES_PROVINCES - 1);
        assert_string_equal(pv_county_seat(&at->county[0]), at->capital);
        for (uint32_t b = 0; b < a; b++) {
            assert_int_not_equal(at->number, pv_provinces[b].number);
            assert_string_not_equal(at->name, pv_provinces[b].name);
        }
    }
}

static void
samples_are_written_by_method(void **state)
{
    static struct pv_samples samples;
    struct pv_buf            buf;
    struct pv_json           json;

    (void)state; /* cmocka's */
    pv_buf_init(&buf, 4096);
    pv_sample_add(&samples, "a/x", "yes", "first", "id:national_id", "1", "b",
                  "2", NULL);
    pv_sample_add(&samples, "b/y", "no", "other", NULL);
    pv_sample_add(&samples, "a/x", "no", "second", "id", "3", NULL);
    assert_int_equal(pv_samples_with(&samples, "a/x", "first"), 1);
    assert_int_equal(pv_samples_with(&samples, "b/y", "first"), 0);
    pv_json_init(&json, &buf);
    pv_json_object(&json, NULL);
    pv_samples_write(&samples, &json);
    pv_json_end_object(&json);
    assert_int_equal(pv_json_finish(&json), PV_OK);
    assert_true(pv_slice_eq(
        pv_buf_view(&buf),
        PV_LIT("{\"samples\":{\"a/x\":[{\"input\":{\"id\":{\"type\":"
               "\"national_id\",\"value\":\"1\"},\"b\":\"2\"},\"expect\":"
               "\"yes\",\"note\":\"first\"},{\"input\":{\"id\":\"3\"},"
               "\"expect\":\"no\",\"note\":\"second\"}],\"b/y\":[{\"input\":"
               "{},\"expect\":\"no\",\"note\":\"other\"}]}}")));
    pv_buf_clear(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_those_of_splitmix64),
        cmocka_unit_test(streams_differ_by_name_and_seed),
        cmocka_unit_test(numbers_stay_in_their_range),
        cmocka_unit_test(a_permutation_meets_every_number_once),
        cmocka_unit_test(check_digits_are_those_of_the_catalogues_examples),
        cmocka_unit_test(the_first_of_everything_is_the_catalogues_example),
        cmocka_unit_test(people_hold_together),
        cmocka_unit_test(refuses_a_size_past_its_limits),
        cmocka_unit_test(days_have_their_jalali_text),
        cmocka_unit_test(lists_have_no_word_twice),
        cmocka_unit_test(provinces_have_their_counties),
        cmocka_unit_test(samples_are_written_by_method),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
