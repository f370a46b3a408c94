/* lib/rights: what is signed for an agency, and the right that a call has. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "base/time.h"
#include "daemon/file.h"
#include "rights/fetch.h"
#include "rights/rights.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LOG "registry.example/decisions"
#define HEX_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define WHEN_MS INT64_C(1790000000000) /* 1405-06-30, 21 September 2026 */

static const char body[] =
    "{\"agency\":\"post\",\"grants\":["
    "{\"id\":\"g-some\",\"path\":\"/x/post/code/v1\",\"methods\":[\"ask\"],"
    "\"items\":[\"city\"]},"
    "{\"id\":\"g-all\",\"path\":\"/x/post/code/v1\",\"methods\":[\"ask\"],"
    "\"items\":\"all\",\"end\":\"1405-06-30\",\"start\":\"1405-06-30\"},"
    "{\"id\":\"g-none\",\"path\":\"/x/post/code/v1\",\"methods\":[\"ask\"]},"
    "{\"id\":\"g-odd\",\"path\":\"/x/post/code/v1\",\"methods\":[\"ask\"],"
    "\"items\":{}},"
    "{\"id\":\"g-over\",\"path\":\"/x/post/code/v1\",\"methods\":[\"ask\"],"
    "\"end\":\"1405-06-29\"},"
    "{\"id\":\"g-later\",\"path\":\"/x/post/code/v1\",\"methods\":[\"ask\"],"
    "\"start\":\"1405-06-31\"},"
    "{\"id\":\"g-one\",\"path\":\"/x/post/code/v1\",\"methods\":[\"ask\"],"
    "\"system\":\"bank-1\"},"
    "{\"id\":\"g-dated\",\"path\":\"/x/post/code/v1\",\"methods\":[\"ask\"],"
    "\"item_limits\":[{\"item\":\"street\",\"until\":{\"jalali\":"
    "\"1405-06-29\"}},{\"item\":\"city\",\"until\":{\"jalali\":"
    "\"1405-06-30\"},\"or_event\":\"x\"}]},"
    "{\"id\":\"g-dated-odd\",\"path\":\"/x/post/code/v1\",\"methods\":"
    "[\"ask\"],\"item_limits\":[{\"item\":\"street\",\"until\":"
    "\"1405-06-29\"}]},"
    "{\"id\":\"g-dated-none\",\"path\":\"/x/post/code/v1\",\"methods\":"
    "[\"ask\"],\"item_limits\":[{\"item\":\"street\",\"until\":"
    "{\"jalali\":\"1405-13-01\"}}]}],"
    "\"modes\":[{\"id\":\"m-1\",\"path\":\"/x/post/open/v1/ask\"}],"
    "\"code_maps\":[{\"id\":\"m\",\"version\":3,\"lists\":[\"a\",\"b\",\"c\"],"
    "\"rows\":[[\"1\",\"x\",null],[\"2\",\"y\",\"k\"],[\"2\",\"z\",\"k\"],"
    "[\"3\",\"z\",null],[\"4\",null,null]]}],"
    "\"contracts\":[{\"path\":\"/x/post/open/v1\",\"sha256\":\"" HEX_A "\"},"
    "{\"path\":\"/x/post/code/v1\",\"sha256\":\"" HEX_B "\"}]}";

static struct pv_note_key key[2];
static struct pv_ed25519 *secret[2];

static int
make_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(key); i++) {
        uint8_t seed[PV_ED25519_SEED_LEN] = {(uint8_t)(i + 1)};
        uint8_t public_key[PV_ED25519_PUBLIC_LEN];

        assert_int_equal(pv_ed25519_from_seed(seed, &secret[i]), PV_OK);
        pv_ed25519_public(secret[i], public_key);
        assert_int_equal(
            pv_note_key_init(&key[i], PV_LIT(LOG), PV_NOTE_ED25519, public_key),
            PV_OK);
    }
    return 0;
}

static int
free_keys(void **state)
{
    (void)state;
    pv_ed25519_free(secret[0]);
    pv_ed25519_free(secret[1]);
    return 0;
}

/* A state of that agency, signed by that key, at that time. */
static void
sign_at(size_t signer, const char *agency, const char *text, int64_t when_ms,
        struct pv_buf *out)
{
    struct pv_rights_head head = {.agency = pv_slice_from(agency),
                                  .decision = 7,
                                  .when_s = (uint64_t)when_ms / 1000};
    struct pv_slice       part = pv_slice_from(text);
    struct pv_sha256     *sha = NULL;
    struct pv_buf         note;

    assert_int_equal(pv_sha256_new(&sha), PV_OK);
    assert_int_equal(pv_sha256(sha, &part, 1, &head.body), PV_OK);
    pv_sha256_free(sha);
    pv_buf_init(&note, PV_RIGHTS_TEXT_MAX);
    assert_int_equal(pv_rights_text(&key[0], &head, &note), PV_OK);
    assert_int_equal(pv_buf_add(out, pv_buf_view(&note)), PV_OK);
    assert_int_equal(pv_buf_add_char(out, '\n'), PV_OK);
    assert_int_equal(
        pv_note_sign(out, &key[signer], secret[signer], pv_buf_view(&note), 0),
        PV_OK);
    assert_int_equal(pv_buf_add(out, part), PV_OK);
    pv_buf_clear(&note);
}

static void
sign(size_t signer, const char *agency, const char *text, struct pv_buf *out)
{
    sign_at(signer, agency, text, WHEN_MS, out);
}

static void
a_state_is_what_was_signed_for_its_agency(void **state)
{
    struct pv_rights_head head;
    struct pv_slice       found = {NULL, 0};
    struct pv_buf         whole;

    (void)state;
    pv_buf_init(&whole, PV_RIGHTS_MAX);
    sign(0, "post", body, &whole);
    assert_int_equal(pv_rights_open(pv_buf_view(&whole), &key[0],
                                    PV_LIT("post"), &head, &found),
                     PV_OK);
    assert_true(pv_slice_eq(found, pv_slice_from(body)));
    assert_int_equal(head.decision, 7);
    assert_int_equal(pv_rights_agency(pv_buf_view(&whole), &found), PV_OK);
    assert_true(pv_slice_eq(found, PV_LIT("post")));
    assert_int_equal(head.when_s, WHEN_MS / 1000);

    /* another agency's, another key's */
    assert_int_equal(pv_rights_open(pv_buf_view(&whole), &key[0],
                                    PV_LIT("bank"), &head, &found),
                     PV_EVERIFY);
    assert_int_equal(pv_rights_open(pv_buf_view(&whole), &key[1],
                                    PV_LIT("post"), &head, &found),
                     PV_EVERIFY);

    /* every byte is signed */
    for (size_t i = 0; i < whole.len; i++) {
        whole.ptr[i] ^= 1;
        assert_int_not_equal(pv_rights_open(pv_buf_view(&whole), &key[0],
                                            PV_LIT("post"), &head, &found),
                             PV_OK);
        whole.ptr[i] ^= 1;
    }
    for (size_t len = 0; len < whole.len; len++) {
        assert_int_not_equal(pv_rights_open((struct pv_slice){whole.ptr, len},
                                            &key[0], PV_LIT("post"), &head,
                                            &found),
                             PV_OK);
    }
    pv_buf_clear(&whole);
}

/* What a file of that time is worth now. */
static bool
is_used(int dirfd, int64_t ahead_ms)
{
    const struct pv_rights_source source = {.agency = "post", .log = key[0]};
    struct pv_rights_fetch        fetch;
    struct pv_buf                 whole;
    bool                          used;

    pv_buf_init(&whole, PV_RIGHTS_MAX);
    sign_at(0, "post", body, pv_time_wall_ms() + ahead_ms, &whole);
    assert_int_equal(
        pv_file_replace(dirfd, "rights", pv_buf_view(&whole), PV_FILE_MODE_OWN),
        PV_OK);
    pv_buf_clear(&whole);
    assert_int_equal(pv_rights_fetch_open(&fetch, &source, dirfd, "rights"),
                     PV_OK);
    used = fetch.state.len > 0;
    assert_true(used == (fetch.why.text[0] == '\0'));
    pv_rights_fetch_close(&fetch);
    return used;
}

static void
a_state_of_the_future_is_refused(void **state)
{
    static const struct {
        int64_t when_s;
        bool    is_ahead;
    } row[] = {
        {0, false},
        {WHEN_MS / 1000, false},
        {WHEN_MS / 1000 + PV_RIGHTS_AHEAD_MAX_S, false},
        {WHEN_MS / 1000 + PV_RIGHTS_AHEAD_MAX_S + 1, true},
        {INT64_MAX, true},
    };
    char folder[] = "/tmp/pv-rights-XXXXXX";
    int  dirfd;

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_rights_head head = {.when_s = (uint64_t)row[i].when_s};

        assert_int_equal(pv_rights_is_ahead(&head, WHEN_MS), row[i].is_ahead);
    }
    assert_non_null(mkdtemp(folder));
    dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_not_equal(dirfd, -1);
    assert_true(is_used(dirfd, -3600000));
    assert_false(is_used(dirfd, 3600000));
    assert_int_equal(unlinkat(dirfd, "rights", 0), 0);
    (void)close(dirfd);
    assert_int_equal(rmdir(folder), 0);
}

static void
a_checkpoint_is_no_state(void **state)
{
    static const char text[] =
        LOG "\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    struct pv_rights_head head;
    struct pv_slice       found;
    struct pv_buf         whole;

    (void)state;
    pv_buf_init(&whole, PV_RIGHTS_MAX);
    assert_int_equal(pv_buf_add(&whole, pv_slice_from(text)), PV_OK);
    assert_int_equal(pv_buf_add_char(&whole, '\n'), PV_OK);
    assert_int_equal(
        pv_note_sign(&whole, &key[0], secret[0], pv_slice_from(text), 0),
        PV_OK);
    assert_int_not_equal(pv_rights_open(pv_buf_view(&whole), &key[0],
                                        PV_LIT("post"), &head, &found),
                         PV_OK);
    pv_buf_clear(&whole);
}

static void
a_contract_is_found_by_its_version_and_its_methods(void **state)
{
    static const struct {
        const char *path;
        const char *hex; /* NULL: none */
    } row[] = {
        {"/x/post/open/v1", HEX_A},        {"/x/post/open/v1/ask", HEX_A},
        {"/x/post/code/v1", HEX_B},        {"/x/post/code/v1/ask", HEX_B},
        {"/x/post/code/v11", NULL},        {"/x/post/code", NULL},
        {"/x/post/code/v2/a", NULL},       {"", NULL},
        {"/x/post/open/v1/ask/more", NULL}};
    struct pv_rights *rights = NULL;

    (void)state;
    assert_int_equal(pv_rights_read(pv_slice_from(body), &rights), PV_OK);
    assert_int_equal(pv_rights_contract_count(rights), 2);
    for (size_t i = 0; i < COUNT(row); i++) {
        const struct pv_hash *found =
            pv_rights_contract_of(rights, row[i].path);
        char hex[2 * PV_HASH_LEN];

        assert_int_equal(found != NULL, row[i].hex != NULL);
        if (found != NULL) {
            pv_hex_text(found->bytes, PV_HASH_LEN, hex);
            assert_memory_equal(hex, row[i].hex, sizeof(hex));
        }
    }
    pv_rights_free(rights);
}

static void
older_is_what_goes_back_in_decisions_or_time(void **state)
{
    static const struct {
        uint64_t decision;
        uint64_t when_s;
        bool     older;
    } row[] = {{7, 100, false}, {8, 100, false}, {7, 101, false},
               {6, 101, true},  {7, 99, true},   {8, 99, true}};
    const struct pv_rights_head held = {.decision = 7, .when_s = 100};

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        const struct pv_rights_head head = {.decision = row[i].decision,
                                            .when_s = row[i].when_s};

        assert_int_equal(pv_rights_is_older(&head, &held), row[i].older);
    }
}

static void
a_call_has_the_right_that_is_held_or_none(void **state)
{
    static const struct {
        const char *grant;
        const char *path;
        const char *system;
        bool        allowed;
        size_t      open; /* 0: all */
        const char *over; /* NULL: none */
    } row[] = {
        {"g-some", "/x/post/code/v1/ask", "bank-1", true, 1, NULL},
        {"g-all", "/x/post/code/v1/ask", "bank-1", true, 0, NULL},
        {"g-none", "/x/post/code/v1/ask", "bank-1", true, 0, NULL},
        {"g-one", "/x/post/code/v1/ask", "bank-1", true, 0, NULL},
        {"g-one", "/x/post/code/v1/ask", "bank-2", false, 0, NULL},
        {"g-odd", "/x/post/code/v1/ask", "bank-1", false, 0, NULL},
        {"g-over", "/x/post/code/v1/ask", "bank-1", false, 0, NULL},
        {"g-later", "/x/post/code/v1/ask", "bank-1", false, 0, NULL},
        {"g-some", "/x/post/code/v1/other", "bank-1", false, 0, NULL},
        {"g-some", "/x/post/code/v10/ask", "bank-1", false, 0, NULL},
        {"g-some", "/x/post/code/v1", "bank-1", false, 0, NULL},
        {"g-unknown", "/x/post/code/v1/ask", "bank-1", false, 0, NULL},
        {"g-dated", "/x/post/code/v1/ask", "bank-1", true, 0, "street"},
        {"g-dated-odd", "/x/post/code/v1/ask", "bank-1", false, 0, NULL},
        {"g-dated-none", "/x/post/code/v1/ask", "bank-1", false, 0, NULL},
        {"", "/x/post/code/v1/ask", "bank-1", false, 0, NULL},
        {"", "/x/post/open/v1/ask", "bank-1", true, 0, NULL},
        {"m-1", "/x/post/open/v1/ask", "bank-1", true, 0, NULL},
        {"m-2", "/x/post/open/v1/ask", "bank-1", false, 0, NULL},
        {"g-some", "/x/post/open/v1/ask", "bank-1", false, 0, NULL},
    };
    struct pv_rights *rights = NULL;

    (void)state;
    assert_int_equal(pv_rights_read(pv_slice_from(body), &rights), PV_OK);
    assert_int_equal(pv_rights_count(rights), 10);
    for (size_t i = 0; i < COUNT(row); i++) {
        const struct pv_rights_call call = {.grant = row[i].grant,
                                            .path = row[i].path,
                                            .system = row[i].system,
                                            .when_ms = WHEN_MS};
        struct pv_rights_items      items;

        if (pv_rights_allow(rights, &call, &items) != row[i].allowed ||
            json_array_size(items.open) != row[i].open ||
            json_array_size(items.over) != (row[i].over == NULL ? 0 : 1)) {
            fail_msg("%zu: %s on %s", i, row[i].grant, row[i].path);
        }
        if (row[i].over != NULL) {
            assert_string_equal(
                json_string_value(json_array_get(items.over, 0)), row[i].over);
        }
        pv_rights_items_clear(&items);
    }
    pv_rights_free(rights);
}

/* A consumer knows its agency's grants, and not under which it was answered. */
static void
own_grants_of_a_call_come_one_after_the_other(void **state)
{
#define GRANT(id, more)                                                        \
    "{\"id\":\"" id                                                            \
    "\",\"path\":\"/x/post/code/v1\",\"methods\":[\"ask\"]," more "}"
    static const char own[] = "{\"agency\":\"bank\",\"groups\":[\"banks\"],\"modes\":[],"
                              "\"systems\":[{\"id\":\"bank-2\",\"unit\":\"north\"}],\"grants\":[" GRANT(
                                  "1",
                                  "\"consumer\":\"bank\",\"items\":[\"city\"],"
                                  "\"purposes\":[{\"id\":\"tax\"},{\"id\":\"post\"}]") "," GRANT("2",
                                                                                                 "\"consumer\":\"post\"") "," GRANT("3",
                                                                                                                                    "\"consumer\":\"bank\",\"system\":\"bank-2\","
                                                                                                                                    "\"purposes\":[{\"id\":\"tax\"}]") "," GRANT("4",
                                                                                                                                                                                 "\"consumer\":\"bank\",\"end\":\"1405-06-29\"") "," GRANT("5", "\"consumer\":\"bank\",\"item_limits\":7") "," GRANT("6",
                                                                                                                                                                                                                                                                                                     "\"consumer\":\"bank\",\"items\":\"most\"") "," GRANT("7", "\"consumer\":\"banks\",\"items\":[\"a\",\"b\"]") "," GRANT("8", "\"consumer\":\"bank\",\"unit\":\"north\","
                                                                                                                                                                                                                                                                                                                                                                                                                                 "\"items\":[\"a\",\"b\",\"c\"],\"purposes\":[{\"id\":7},"
                                                                                                                                                                                                                                                                                                                                                                                                                                 "{\"id\":\"post\"}]") "," GRANT("9", "\"consumer\":\"bank\",\"unit\":\"south\"") "]}";
#undef GRANT
    static const struct {
        const char *system;
        const char *purpose;
        const char *opens; /* of each: a number of names, or * for all */
    } row[] = {
        {"bank-1", NULL, "12"},   {"bank-2", NULL, "1*23"},
        {NULL, NULL, "1*23*"},    {"bank-1", "tax", "1"},
        {"bank-1", "law", ""},    {"bank-2", "tax", "1*"},
        {"bank-2", "post", "13"}, {"bank-2", "", "*"},
        {"bank-1", "", ""},       {NULL, "post", "13"},
    };
    struct pv_rights *rights = NULL;

    (void)state;
    assert_int_equal(pv_rights_read(pv_slice_from(own), &rights), PV_OK);
    for (size_t i = 0; i < COUNT(row); i++) {
        const struct pv_rights_call call = {
            "", "/x/post/code/v1/ask", row[i].system, WHEN_MS, row[i].purpose};
        struct pv_rights_items items;
        char                   found[8] = "";
        size_t                 at = 0;

        while (pv_rights_next(rights, &call, &at, &items)) {
            size_t len = strlen(found);

            assert_true(len < sizeof(found) - 1);
            found[len] = items.open == NULL
                             ? '*'
                             : (char)('0' + (int)json_array_size(items.open));
            pv_rights_items_clear(&items);
        }
        assert_string_equal(found, row[i].opens);
    }
    pv_rights_free(rights);
}

/* A registry of an older build tells no systems: whose unit it is is unknown.
 */
static void
a_grant_of_a_unit_needs_a_system_that_is_told(void **state)
{
    static const char own[] =
        "{\"agency\":\"bank\",\"modes\":[],\"grants\":[{\"id\":\"1\","
        "\"consumer\":\"bank\",\"path\":\"/x/post/code/v1\","
        "\"methods\":[\"ask\"],\"unit\":\"north\"}]}";
    const struct pv_rights_call call = {.grant = "",
                                        .path = "/x/post/code/v1/ask",
                                        .system = "bank-2",
                                        .when_ms = WHEN_MS};
    struct pv_rights_items      items;
    struct pv_rights           *rights = NULL;
    size_t                      at = 0;

    (void)state;
    assert_int_equal(pv_rights_read(pv_slice_from(own), &rights), PV_OK);
    assert_false(pv_rights_next(rights, &call, &at, &items));
    pv_rights_free(rights);
}

static const char *
partner(const json_t *codes, const char *way, const char *code)
{
    const json_t *found = json_object_get(json_object_get(codes, way), code);

    return found == NULL         ? "none"
           : json_is_null(found) ? "many"
                                 : json_string_value(found);
}

/* */
static void
a_code_has_one_partner_or_none_is_named(void **state)
{
    static const struct {
        const char *own;
        const char *other;
        const char *way;
        const char *code;
        const char *partner;
    } row[] = {
        {"a", "b", "to", "1", "x"},    {"a", "b", "to", "2", "many"},
        {"a", "b", "to", "4", "none"}, {"a", "b", "from", "z", "many"},
        {"a", "b", "from", "y", "2"},  {"a", "c", "to", "2", "k"},
        {"a", "c", "from", "k", "2"},  {"b", "a", "to", "z", "many"},
        {"a", "c", "to", "1", "none"}, {"b", "c", "from", "k", "many"},
    };
    struct pv_rights *rights = NULL;
    json_t           *codes = NULL;

    (void)state;
    assert_int_equal(pv_rights_read(pv_slice_from(body), &rights), PV_OK);
    for (size_t i = 0; i < COUNT(row); i++) {
        assert_int_equal(
            pv_rights_code_map(rights, "m", row[i].own, row[i].other, &codes),
            PV_OK);
        assert_string_equal(partner(codes, row[i].way, row[i].code),
                            row[i].partner);
        assert_string_equal(
            json_string_value(json_object_get(codes, "version")), "3");
        json_decref(codes);
        codes = NULL;
    }
    assert_int_equal(pv_rights_code_map(rights, "n", "a", "b", &codes),
                     PV_ENOTFOUND);
    assert_int_equal(pv_rights_code_map(rights, "m", "d", "b", &codes),
                     PV_ENOTFOUND);
    assert_int_equal(pv_rights_code_map(rights, "m", "a", "d", &codes),
                     PV_EINVAL);
    assert_null(codes);
    pv_rights_free(rights);
}

static void
what_is_no_body_is_refused(void **state)
{
    static const char *const row[] = {
        "",
        "[]",
        "{}",
        "{\"grants\":[]}",
        "{\"grants\":[7],\"modes\":[]}",
        "{\"grants\":[{\"id\":\"a\"}],\"modes\":[]}",
        "{\"grants\":[],\"grants\":[],\"modes\":[]}",
        "{\"grants\":[],\"modes\":[],\"contracts\":[7]}",
        "{\"grants\":[],\"modes\":[],\"contracts\":[{\"path\":\"/x/a/b/v1\","
        "\"sha256\":\"00\"}]}",
        "{\"grants\":[],\"modes\":[],\"contracts\":[{\"path\":\"\","
        "\"sha256\":\"" HEX_A "\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_rights *rights = NULL;

        assert_int_equal(pv_rights_read(pv_slice_from(row[i]), &rights),
                         PV_EINVAL);
        assert_null(rights);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_what_was_signed_for_its_agency),
        cmocka_unit_test(a_state_of_the_future_is_refused),
        cmocka_unit_test(a_checkpoint_is_no_state),
        cmocka_unit_test(a_contract_is_found_by_its_version_and_its_methods),
        cmocka_unit_test(older_is_what_goes_back_in_decisions_or_time),
        cmocka_unit_test(a_call_has_the_right_that_is_held_or_none),
        cmocka_unit_test(own_grants_of_a_call_come_one_after_the_other),
        cmocka_unit_test(a_grant_of_a_unit_needs_a_system_that_is_told),
        cmocka_unit_test(a_code_has_one_partner_or_none_is_named),
        cmocka_unit_test(what_is_no_body_is_refused),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
