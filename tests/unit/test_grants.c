/*
 * Grants in their bundles, beside a plain table of the same rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/db.h"
#include "policy_fixture.h"

#define AGENCIES 5
#define METHODS 9
#define FEW 3    /* subjects of most pairs */
#define MANY 400 /* of the first: more than a bundle takes */
#define PAIRS (AGENCIES * METHODS)
#define PLACES (MANY + (PAIRS - 1) * FEW)
#define OWN 40
#define OTHERS 200
#define CHANGES 12000
#define A_COMMIT 400
#define MANY_PUTS 20000 /* more than wait at once */

struct table {
    uint32_t per_day[PLACES]; /* 0: no grant there; in the order of keys */
    uint64_t random;
};

static uint32_t
random_below(struct table *table, uint32_t limit)
{
    table->random ^= table->random << 13;
    table->random ^= table->random >> 7;
    table->random ^= table->random << 17;
    return (uint32_t)(table->random >> 32) % limit;
}

static struct pv_image_place
place_of(uint32_t n)
{
    uint32_t pair = n < MANY ? 0 : (n - MANY) / FEW + 1;
    uint32_t subject = n < MANY ? n : (n - MANY) % FEW;

    return (struct pv_image_place){
        .agency = 1 + pair / METHODS,
        .method = 1 + pair % METHODS,
        .level = PV_GRANT_SYSTEM,
        .subject = 1 + subject,
    };
}

/* Rows of many lengths, up to the longest there is. */
static void
put(struct fixture *fixture, struct table *table, uint32_t n)
{
    struct pv_image_place place = place_of(n);
    struct pv_grant_row   row = fixture_grant(PV_GRANT_SYSTEM, "a-grant");
    uint32_t              long_by = random_below(table, 16);

    table->per_day[n] = 1 + random_below(table, 1000000);
    row.per_day = table->per_day[n];
    if (long_by < PV_POLICY_PURPOSES_MAX) {
        row.purpose_count = (uint8_t)(1 + long_by);
        for (uint32_t i = 0; i < row.purpose_count; i++) {
            row.purpose[i].len = PV_POLICY_ID_MAX;
            memset(row.purpose[i].text, 'p', PV_POLICY_ID_MAX);
        }
    }
    assert_int_equal(pv_image_put_grant(fixture->image, &place, &row), PV_OK);
}

static void
del(struct fixture *fixture, struct table *table, uint32_t n)
{
    struct pv_image_place place = place_of(n);

    assert_int_equal(pv_image_del_grant(fixture->image, &place),
                     table->per_day[n] == 0 ? PV_ENOTFOUND : PV_OK);
    table->per_day[n] = 0;
}

struct walk {
    const struct table *table;
    uint32_t            next;
};

static uint32_t
skip_absent(const struct table *table, uint32_t n)
{
    while (n < PLACES && table->per_day[n] == 0) {
        n++;
    }
    return n;
}

static enum pv_err
compare(void *context, const struct pv_image_item *item)
{
    struct walk          *walk = context;
    struct pv_image_place place;

    walk->next = skip_absent(walk->table, walk->next);
    assert_true(walk->next < PLACES);
    place = place_of(walk->next);
    assert_int_equal(item->place.agency, place.agency);
    assert_int_equal(item->place.method, place.method);
    assert_int_equal(item->place.subject, place.subject);
    assert_int_equal(item->grant->per_day, walk->table->per_day[walk->next]);
    walk->next++;
    return PV_OK;
}

/* Commit; all rows, in order, once by walking and once by asking for each. */
static void
check(struct fixture *fixture, const struct table *table)
{
    struct walk walk = {.table = table};

    (void)fixture_commit(fixture);
    fixture_begin(fixture);
    assert_int_equal(
        pv_image_walk(fixture->image, PV_WALK_GRANTS, compare, &walk), PV_OK);
    assert_int_equal(skip_absent(table, walk.next), PLACES);
    for (uint32_t n = 0; n < PLACES; n++) {
        struct pv_image_place place = place_of(n);
        struct pv_grant_row   row = {.per_day = 0};

        assert_int_equal(pv_image_get_grant(fixture->image, &place, &row),
                         table->per_day[n] == 0 ? PV_ENOTFOUND : PV_OK);
        assert_int_equal(row.per_day, table->per_day[n]);
    }
}

static void
grants_stay_what_they_were_put_as(void **state)
{
    static struct table table;
    struct fixture      fixture;

    (void)state;
    table = (struct table){.random = 0x9e3779b97f4a7c15u};
    fixture_open(&fixture);
    fixture_begin(&fixture);
    for (uint32_t i = 0; i < CHANGES; i++) {
        uint32_t n = random_below(&table, PLACES);
        /* first more come than go, then more go */
        uint32_t goes = i < CHANGES / 2 ? 1 : 3;

        if (random_below(&table, 4) < goes) {
            del(&fixture, &table, n);
        } else {
            put(&fixture, &table, n);
        }
        if (i % A_COMMIT == A_COMMIT - 1) {
            check(&fixture, &table);
        }
    }
    for (uint32_t n = PLACES; n > 0; n--) {
        del(&fixture, &table, n - 1);
    }
    check(&fixture, &table);
    fixture_close(&fixture);
}

/* Of those that come twice in one transaction the last stays. */
static void
many_puts_in_any_order_are_in_their_places(void **state)
{
    static struct table table;
    struct fixture      fixture;

    (void)state;
    table = (struct table){.random = 0x9e3779b97f4a7c15u};
    fixture_open(&fixture);
    fixture_begin(&fixture);
    for (uint32_t size = 1; size <= MANY_PUTS; size *= 3) {
        for (uint32_t i = 0; i < size; i++) {
            put(&fixture, &table, random_below(&table, PLACES));
        }
        check(&fixture, &table);
    }
    fixture_close(&fixture);
}

static void
what_was_put_is_gone_after_an_abort(void **state)
{
    static struct table table;
    static struct table before;
    struct fixture      fixture;

    (void)state;
    table = (struct table){.random = 0x9e3779b97f4a7c15u};
    fixture_open(&fixture);
    fixture_begin(&fixture);
    put(&fixture, &table, 7);
    check(&fixture, &table);
    before = table;
    put(&fixture, &table, 7);
    put(&fixture, &table, MANY);
    pv_image_abort(fixture.image);
    fixture_begin(&fixture);
    check(&fixture, &before);
    fixture_close(&fixture);
}

static void
a_replacing_import_leaves_what_it_named(void **state)
{
    static struct table table;
    struct fixture      fixture;
    uint64_t            changes;

    (void)state;
    table = (struct table){.random = 0x9e3779b97f4a7c15u};
    fixture_open(&fixture);
    fixture_begin(&fixture);
    for (uint32_t n = 0; n < PLACES; n++) {
        put(&fixture, &table, n);
    }
    check(&fixture, &table);
    assert_int_equal(pv_image_commit(fixture.image, &changes), PV_OK);
    for (uint32_t step = 3; step < PLACES; step *= 5) {
        memset(table.per_day, 0, sizeof(table.per_day));
        assert_int_equal(pv_image_begin(fixture.image, PV_IMAGE_REPLACE),
                         PV_OK);
        for (uint32_t n = 0; n < PLACES; n += step) {
            put(&fixture, &table, n);
        }
        check(&fixture, &table);
        assert_int_equal(pv_image_commit(fixture.image, &changes), PV_OK);
    }
    fixture_close(&fixture);
}

/* One pair's rows, in front of all others, are too much for their part. */
static void
a_full_part_is_divided(void **state)
{
    static uint8_t               key[OWN + OTHERS][PV_KEY_GRANT_LEN];
    static const uint8_t         value[100];
    static uint8_t               room[PV_BUNDLE_MAX];
    static struct pv_bundle_rows rows;
    size_t                       middle;
    size_t                       len;

    (void)state;
    rows.count = OWN + OTHERS;
    for (uint32_t i = 0; i < rows.count; i++) {
        bool          own = i < OWN;
        struct pv_key bytes;

        pv_key_grants_of(&bytes, 1, own ? 1 : i);
        memcpy(key[i], bytes.bytes, bytes.len);
        key[i][PV_KEY_GRANT_LEN - 1] = (uint8_t)i;
        rows.row[i] =
            (struct pv_bundle_row){key[i], value, own ? sizeof(value) : 20};
    }
    assert_int_equal(pv_bundle_pack(&rows, 0, rows.count, key[0], room, &len),
                     PV_ERANGE);
    middle = pv_bundle_middle(&rows, 0);
    assert_int_equal(pv_bundle_pack(&rows, 0, middle, key[0], room, &len),
                     PV_OK);
    assert_int_equal(
        pv_bundle_pack(&rows, middle, rows.count, key[0], room, &len), PV_OK);
}

/* More grants than neighbours that are read in a row, over several bundles. */
static void
a_system_finds_its_own_among_hundreds(void **state)
{
    static const struct {
        const char *name;
        uint32_t    per_day;
    } own[] = {{"s-0", 1}, {"s-150", 151}, {"s-399", 400}};
    struct fixture    fixture;
    struct pv_policy *policy = NULL;
    struct pv_why     why;

    (void)state;
    fixture_open(&fixture);
    fixture_begin(&fixture);
    fixture_method(&fixture, FIXTURE_PATH);
    for (uint32_t i = 0; i < MANY; i++) {
        char                  text[PV_POLICY_ID_MAX];
        struct pv_image_place place;
        struct pv_grant_row   row = fixture_grant(PV_GRANT_SYSTEM, "a-grant");

        assert_true(snprintf(text, sizeof(text), "s-%u", i) > 0);
        fixture_system(&fixture, text, "a", NULL);
        place =
            fixture_place(&fixture, PV_GRANT_SYSTEM, "a", text, FIXTURE_PATH);
        row.per_day = i + 1;
        assert_int_equal(pv_image_put_grant(fixture.image, &place, &row),
                         PV_OK);
    }
    (void)fixture_commit(&fixture);
    assert_int_equal(pv_policy_open(fixture.dir, &policy, &why), PV_OK);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        struct pv_found found = {.consumer.version = 0};
        uint8_t         key[PV_KEY_HASH_LEN];

        fixture_key(own[i].name, key);
        assert_int_equal(
            pv_policy_find(policy, key, PV_LIT(FIXTURE_PATH), &found), PV_OK);
        assert_int_equal(found.rights.grant_count, 1);
        assert_int_equal(found.rights.grant[0].per_day, own[i].per_day);
    }
    pv_policy_close(policy);
    fixture_close(&fixture);
}

/* Each bit of a head; then the bundle under another key, and cut short. */
static void
a_damaged_bundle_is_none(void **state)
{
    static const uint8_t  key[2][PV_KEY_GRANT_LEN] = {{1}, {2}};
    static const uint8_t  value[64] = {7};
    static uint8_t        room[PV_BUNDLE_MAX];
    struct pv_bundle_rows rows = {.count = 2};
    struct pv_bundle_rows back;
    struct pv_bundle      bundle = {key[0], PV_KEY_GRANT_LEN, room, 0};
    size_t                head = 4 + 4 + 2 * 4;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rows.row[i] = (struct pv_bundle_row){key[i], value, sizeof(value)};
    }
    assert_int_equal(pv_bundle_pack(&rows, 0, 2, key[0], room, &bundle.len),
                     PV_OK);
    back.count = 0;
    assert_int_equal(pv_bundle_unpack(&bundle, &back), PV_OK);
    assert_int_equal(back.count, 2);
    for (size_t bit = 0; bit < head * 8; bit++) {
        room[bit / 8] ^= (uint8_t)(1 << bit % 8);
        back.count = 0;
        assert_int_equal(pv_bundle_unpack(&bundle, &back), PV_ECORRUPT);
        room[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len < bundle.len; len++) {
        struct pv_bundle cut = {key[0], PV_KEY_GRANT_LEN, room, len};

        back.count = 0;
        assert_int_equal(pv_bundle_unpack(&cut, &back), PV_ECORRUPT);
    }
    bundle.key = key[1];
    back.count = 0;
    assert_int_equal(pv_bundle_unpack(&bundle, &back), PV_ECORRUPT);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_stay_what_they_were_put_as),
        cmocka_unit_test(many_puts_in_any_order_are_in_their_places),
        cmocka_unit_test(what_was_put_is_gone_after_an_abort),
        cmocka_unit_test(a_replacing_import_leaves_what_it_named),
        cmocka_unit_test(a_full_part_is_divided),
        cmocka_unit_test(a_system_finds_its_own_among_hundreds),
        cmocka_unit_test(a_damaged_bundle_is_none),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
