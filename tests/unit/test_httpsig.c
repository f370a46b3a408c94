/*
 * lib/httpsig against the published vectors (RFC 9421, RFC 9530), and what
 * its profile takes and refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "httpsig/nonces.h"
#include "httpsig/profile.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define VECTORS PV_SOURCE_ROOT "/tests/vectors/httpsig.json"
#define NOW 1790000000
#define BODY PV_LIT("{\"national_id\":\"9991234561\"}")

/* ---- the published vectors ---- */

static struct pv_slice
text_of(const json_t *object, const char *name)
{
    return pv_slice_from(json_string_value(json_object_get(object, name)));
}

static struct pv_httpsig_message
message_of(const json_t *json, struct pv_httpsig_field *field)
{
    const json_t             *list = json_object_get(json, "fields");
    struct pv_httpsig_message message = {
        .method = text_of(json, "method"),
        .authority = text_of(json, "authority"),
        .path = text_of(json, "path"),
        .target_uri = text_of(json, "target_uri"),
        .status = (unsigned)json_integer_value(json_object_get(json, "status")),
        .field = field,
        .field_count = json_array_size(list),
    };

    assert_true(message.field_count <= PV_HTTPSIG_FIELDS_MAX);
    for (size_t i = 0; i < message.field_count; i++) {
        const json_t *pair = json_array_get(list, i);

        field[i].name =
            pv_slice_from(json_string_value(json_array_get(pair, 0)));
        field[i].value =
            pv_slice_from(json_string_value(json_array_get(pair, 1)));
    }
    return message;
}

static void
check_published(const json_t *row)
{
    struct pv_httpsig_field   field[2][PV_HTTPSIG_FIELDS_MAX];
    struct pv_httpsig_message message;
    struct pv_httpsig_message request;
    struct pv_httpsig_input   input;
    struct pv_httpsig_key    *key = NULL;
    const json_t             *json = json_object_get(row, "message");
    uint8_t                   signature[PV_HTTPSIG_SIGNATURE_LEN];
    uint8_t                   made[PV_HTTPSIG_SIGNATURE_LEN];
    struct pv_buf             base;

    pv_buf_init(&base, PV_HTTPSIG_BASE_MAX);
    message = message_of(json, field[0]);
    if (json_object_get(json, "request") != NULL) {
        request = message_of(json_object_get(json, "request"), field[1]);
        message.request = &request;
    }
    assert_int_equal(pv_httpsig_input_read(text_of(row, "input"), &input),
                     PV_OK);
    assert_int_equal(pv_httpsig_signature_read(text_of(row, "signature"),
                                               input.label, signature),
                     PV_OK);
    assert_int_equal(pv_httpsig_base(&message, &input, &base), PV_OK);
    assert_true(pv_slice_eq(pv_buf_view(&base), text_of(row, "base")));
    assert_int_equal(pv_httpsig_key_read(text_of(row, "public"), false, &key),
                     PV_OK);
    assert_int_equal(pv_httpsig_key_verify(key, pv_buf_view(&base), signature),
                     PV_OK);
    base.ptr[1] ^= 1;
    assert_int_equal(pv_httpsig_key_verify(key, pv_buf_view(&base), signature),
                     PV_EVERIFY);
    base.ptr[1] ^= 1;
    signature[40] ^= 1;
    assert_int_equal(pv_httpsig_key_verify(key, pv_buf_view(&base), signature),
                     PV_EVERIFY);
    signature[40] ^= 1;
    pv_httpsig_key_free(key);
    if (json_object_get(row, "private") != NULL) { /* Ed25519: the same bytes */
        assert_int_equal(
            pv_httpsig_key_read(text_of(row, "private"), true, &key), PV_OK);
        assert_int_equal(pv_httpsig_key_sign(key, pv_buf_view(&base), made),
                         PV_OK);
        assert_memory_equal(made, signature, sizeof(made));
        pv_httpsig_key_free(key);
    }
    pv_buf_clear(&base);
}

static json_t *
vectors(void)
{
    json_t *root = json_load_file(VECTORS, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(root);
    return root;
}

static void
signatures_of_rfc_9421_are_right_and_no_other(void **state)
{
    json_t *root = vectors();
    json_t *list = json_object_get(root, "signatures");

    (void)state;
    assert_true(json_array_size(list) >= 4);
    for (size_t i = 0; i < json_array_size(list); i++) {
        check_published(json_array_get(list, i));
    }
    json_decref(root);
}

static void
digests_of_rfc_9530_are_made_and_taken(void **state)
{
    json_t *root = vectors();
    json_t *list = json_object_get(root, "digests");

    (void)state;
    assert_true(json_array_size(list) >= 4);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        char          made[PV_HTTPSIG_DIGEST_LEN + 1];

        assert_int_equal(pv_httpsig_digest_make(text_of(row, "body"), made),
                         PV_OK);
        assert_string_equal(made, text_of(row, "value").ptr);
        assert_int_equal(pv_httpsig_digest_check(text_of(row, "value"),
                                                 text_of(row, "body")),
                         PV_OK);
        assert_int_equal(
            pv_httpsig_digest_check(text_of(row, "value"), PV_LIT("other")),
            PV_EVERIFY);
    }
    json_decref(root);
}

#define SHA256_OF_EMPTY "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
#define SHA512_OF_EMPTY                                                        \
    "sha-512=:z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHf"   \
    "uwvY7kxvUdBeoGlODJ6+SfaPg==:"

static void
digest_is_taken_in_one_form(void **state)
{
    static const struct {
        struct pv_slice value;
        enum pv_err     err;
        const char     *what;
    } row[] = {
        {PV_SLICE_INIT(SHA512_OF_EMPTY), PV_OK, "takes sha-512"},
        {PV_SLICE_INIT(SHA256_OF_EMPTY ", " SHA512_OF_EMPTY), PV_OK,
         "takes both when both are right"},
        {PV_SLICE_INIT(SHA256_OF_EMPTY ", " SHA256_OF_EMPTY), PV_EINVAL,
         "refuses one twice"},
        {PV_SLICE_INIT(SHA256_OF_EMPTY ", md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"),
         PV_EINVAL, "refuses a third algorithm"},
        {PV_SLICE_INIT(SHA256_OF_EMPTY ","), PV_EINVAL,
         "refuses an empty member"},
        {PV_SLICE_INIT(""), PV_EINVAL, "refuses nothing"},
        {PV_SLICE_INIT("sha-256=47DEQpj8HBSa"), PV_EINVAL,
         "refuses bytes without colons"},
        {PV_SLICE_INIT("sha-256=:47DEQpj8HBSa:"), PV_EINVAL,
         "refuses a short one"},
        {PV_SLICE_INIT("sha-256=:"), PV_EINVAL, "refuses no bytes at all"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        if (pv_httpsig_digest_check(row[i].value, PV_LIT("")) != row[i].err) {
            fail_msg("digest: %s", row[i].what);
        }
    }
}

/* ---- the form ---- */

static void
input_is_taken_in_one_form(void **state)
{
    static const struct {
        struct pv_slice value;
        enum pv_err     err;
        const char     *what;
    } row[] = {
        {PV_SLICE_INIT("a=()"), PV_OK, "takes no component, no parameter"},
        {PV_SLICE_INIT("a=(\"date\");created=1;expires=2;keyid=\"k\";nonce="
                       "\"n\";alg=\"ed25519\";tag=\"t\""),
         PV_OK, "takes every parameter"},
        {PV_SLICE_INIT("a=(\"date\" \"date\";req)"), PV_OK,
         "takes one of the answer and one of the request"},
        {PV_SLICE_INIT("a=(\"date\" \"date\")"), PV_EINVAL,
         "refuses a component twice"},
        {PV_SLICE_INIT("a=(\"date\"  \"host\")"), PV_EINVAL,
         "refuses two blanks"},
        {PV_SLICE_INIT("a=( \"date\")"), PV_EINVAL, "refuses a blank in front"},
        {PV_SLICE_INIT("a=(\"date\" )"), PV_EINVAL, "refuses a blank behind"},
        {PV_SLICE_INIT("a=(\"Date\")"), PV_EINVAL, "refuses upper case"},
        {PV_SLICE_INIT("a=(date)"), PV_EINVAL, "refuses a token"},
        {PV_SLICE_INIT("a=(\"@\")"), PV_EINVAL, "refuses a bare @"},
        {PV_SLICE_INIT("a=(\"da@te\")"), PV_EINVAL, "refuses @ inside"},
        {PV_SLICE_INIT("a=(\"date\";sf)"), PV_EINVAL,
         "refuses another parameter of a component"},
        {PV_SLICE_INIT("a=(\"date\";req=?1)"), PV_EINVAL,
         "refuses req in another spelling"},
        {PV_SLICE_INIT("a=(\"date\";req;req)"), PV_EINVAL, "refuses req twice"},
        {PV_SLICE_INIT("a=(\"date\"), b=(\"date\")"), PV_EINVAL,
         "refuses a second signature"},
        {PV_SLICE_INIT("a=(\"date\");created=1;created=1"), PV_EINVAL,
         "refuses a parameter twice"},
        {PV_SLICE_INIT("a=(\"date\");created=01"), PV_EINVAL,
         "refuses a leading zero"},
        {PV_SLICE_INIT("a=(\"date\");created=-1"), PV_EINVAL,
         "refuses a time before 1970"},
        {PV_SLICE_INIT("a=(\"date\");created=1.5"), PV_EINVAL,
         "refuses half a second"},
        {PV_SLICE_INIT("a=(\"date\");created=1000000000000000"), PV_EINVAL,
         "refuses more than 15 digits"},
        {PV_SLICE_INIT("a=(\"date\");keyid=k"), PV_EINVAL,
         "refuses a keyid that is no string"},
        {PV_SLICE_INIT("a=(\"date\");keyid=\"\""), PV_EINVAL,
         "refuses an empty keyid"},
        {PV_SLICE_INIT("a=(\"date\");keyid=\"k\\\"\""), PV_EINVAL,
         "refuses an escape"},
        {PV_SLICE_INIT("a=(\"date\"); created=1"), PV_EINVAL,
         "refuses a blank before a parameter"},
        {PV_SLICE_INIT("a=(\"date\");other=1"), PV_EINVAL,
         "refuses a parameter it does not know"},
        {PV_SLICE_INIT("a=(\"date\""), PV_EINVAL, "refuses an open list"},
        {PV_SLICE_INIT("a"), PV_EINVAL, "refuses a lone label"},
        {PV_SLICE_INIT("=()"), PV_EINVAL, "refuses no label"},
        {PV_SLICE_INIT(""), PV_EINVAL, "refuses nothing"},
        {PV_SLICE_INIT(
             "a=(\"a\" \"b\" \"c\" \"d\" \"e\" \"f\" \"g\" \"h\" "
             "\"i\" \"j\" \"k\" \"l\" \"m\" \"n\" \"o\" \"p\" \"q\")"),
         PV_ERANGE, "refuses one component too many"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_httpsig_input input = {.created = 77};
        enum pv_err err = pv_httpsig_input_read(row[i].value, &input);

        if (err != row[i].err || (err != PV_OK && input.created != 77)) {
            fail_msg("input: %s", row[i].what);
        }
    }
}

static void
signature_is_64_canonical_bytes_under_its_label(void **state)
{
#define HALF "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    static const struct {
        struct pv_slice value;
        const char     *what;
    } row[] = {
        {PV_SLICE_INIT("b=:" HALF HALF "==:"), "another label"},
        {PV_SLICE_INIT("a=:" HALF HALF "AA:"), "66 bytes"},
        {PV_SLICE_INIT("a=:" HALF "=:"), "32 bytes"},
        {PV_SLICE_INIT("a=:" HALF HALF ":"), "no padding"},
        {PV_SLICE_INIT("a=" HALF HALF "=="), "no colons"},
        {PV_SLICE_INIT("a=:" HALF HALF "==:;p=1"), "a parameter"},
        {PV_SLICE_INIT("a=:" HALF HALF "==:, b=:AA==:"), "a second member"},
        {PV_SLICE_INIT(""), "nothing"},
    };
    uint8_t bytes[PV_HTTPSIG_SIGNATURE_LEN];

    (void)state;
    assert_int_equal(pv_httpsig_signature_read(PV_LIT("a=:" HALF HALF "==:"),
                                               PV_LIT("a"), bytes),
                     PV_OK);
    for (size_t i = 0; i < COUNT(row); i++) {
        memset(bytes, 7, sizeof(bytes));
        if (pv_httpsig_signature_read(row[i].value, PV_LIT("a"), bytes) !=
                PV_EINVAL ||
            bytes[0] != 7) {
            fail_msg("signature: takes %s", row[i].what);
        }
    }
#undef HALF
}

/* ---- the profile ---- */

static struct pv_httpsig_key *consumer;
static struct pv_httpsig_key *provider;
static struct pv_httpsig_key *stranger;

static struct pv_httpsig_key *
new_key(const char *kind)
{
    EVP_PKEY              *pair = NULL;
    struct pv_httpsig_key *key = NULL;
    BIO                   *bio = BIO_new(BIO_s_mem());
    char                  *pem;
    long                   len;

    pair = kind == NULL ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                        : EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    assert_non_null(pair);
    assert_int_equal(
        PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL), 1);
    len = BIO_get_mem_data(bio, &pem);
    assert_int_equal(
        pv_httpsig_key_read((struct pv_slice){pem, (size_t)len}, true, &key),
        PV_OK);
    BIO_free(bio);
    EVP_PKEY_free(pair);
    return key;
}

static int
make_keys(void **state)
{
    (void)state;
    consumer = new_key("prime256v1");
    provider = new_key(NULL);
    stranger = new_key(NULL);
    return 0;
}

static int
free_keys(void **state)
{
    (void)state;
    pv_httpsig_key_free(consumer);
    pv_httpsig_key_free(provider);
    pv_httpsig_key_free(stranger);
    return 0;
}

/* A message with room for the three fields of its signature. */
struct scene {
    struct pv_httpsig_field   field[PV_HTTPSIG_FIELDS_MAX];
    struct pv_httpsig_message message;
    struct pv_httpsig_made    made;
};

static void
put(struct scene *scene, const char *name, const char *value)
{
    size_t at = 0;

    while (at < scene->message.field_count &&
           !pv_slice_eq(scene->field[at].name, pv_slice_from(name))) {
        at++;
    }
    scene->field[at] =
        (struct pv_httpsig_field){pv_slice_from(name), pv_slice_from(value)};
    scene->message.field_count += at == scene->message.field_count;
}

static void
drop(struct scene *scene, const char *name)
{
    for (size_t i = 0; i < scene->message.field_count; i++) {
        if (pv_slice_eq(scene->field[i].name, pv_slice_from(name))) {
            scene->field[i] = scene->field[--scene->message.field_count];
            return;
        }
    }
    fail();
}

static void
sign(struct scene *scene, const struct pv_httpsig_key *key)
{
    assert_int_equal(
        pv_httpsig_sign(key, &scene->message, BODY, NOW, &scene->made), PV_OK);
    put(scene, "content-digest", scene->made.digest);
    put(scene, "signature-input", scene->made.input);
    put(scene, "signature", scene->made.signature);
}

static void
make_request(struct scene *scene)
{
    memset(scene, 0, sizeof(*scene));
    scene->message = (struct pv_httpsig_message){
        .method = PV_LIT("POST"),
        .path = PV_LIT("/x/tavanir/bills/v1/list"),
        .field = scene->field,
    };
    put(scene, "content-type", "application/json");
    put(scene, "payvand-consent", "4821093755162240");
    sign(scene, consumer);
}

static void
make_answer(struct scene *scene, const struct scene *request)
{
    memset(scene, 0, sizeof(*scene));
    scene->message = (struct pv_httpsig_message){
        .status = 200,
        .request = &request->message,
        .field = scene->field,
    };
    put(scene, "content-type", "application/json");
    put(scene, "payvand-outcome", "answered");
    put(scene, "payvand-tracking-id", "0198f2c4-0000-7000-8000-000000000000");
    sign(scene, provider);
}

static enum pv_httpsig_fault
fault_of(const struct scene *scene, const struct pv_httpsig_key *key,
         struct pv_slice body, int64_t now_s)
{
    struct pv_httpsig_input input;
    enum pv_httpsig_fault   fault = PV_HTTPSIG_NONE;
    enum pv_err             err;

    err = pv_httpsig_open(&scene->message, body, now_s, &input, &fault);
    if (err == PV_OK) {
        err = pv_httpsig_verify(key, &scene->message, &input, &fault);
    }
    assert_int_equal(err, fault == PV_HTTPSIG_NONE ? PV_OK : PV_EVERIFY);
    return fault;
}

static void
request_is_taken_as_it_was_signed(void **state)
{
    struct scene scene;

    (void)state;
    make_request(&scene);
    assert_int_equal(fault_of(&scene, consumer, BODY, NOW), PV_HTTPSIG_NONE);
    put(&scene, "accept", "*/*"); /* not covered, and need not be */
    assert_int_equal(fault_of(&scene, consumer, BODY, NOW), PV_HTTPSIG_NONE);
}

static void
request_is_refused_when_anything_changed(void **state)
{
    struct scene scene;

    (void)state;
    make_request(&scene);
    assert_int_equal(fault_of(&scene, consumer, PV_LIT("{}"), NOW),
                     PV_HTTPSIG_DIGEST);
    assert_int_equal(fault_of(&scene, stranger, BODY, NOW), PV_HTTPSIG_KEY);
    scene.message.path = PV_LIT("/x/tavanir/bills/v1/other");
    assert_int_equal(fault_of(&scene, consumer, BODY, NOW), PV_HTTPSIG_WRONG);
    scene.message.path = PV_LIT("");
    assert_int_equal(fault_of(&scene, consumer, BODY, NOW),
                     PV_HTTPSIG_COVERAGE);

    make_request(&scene);
    put(&scene, "payvand-consent", "4821093755162241");
    assert_int_equal(fault_of(&scene, consumer, BODY, NOW), PV_HTTPSIG_WRONG);
    drop(&scene, "payvand-consent");
    assert_int_equal(fault_of(&scene, consumer, BODY, NOW),
                     PV_HTTPSIG_COVERAGE);

    make_request(&scene); /* one that was added on the way */
    put(&scene, "idempotency-key", "\"k\"");
    assert_int_equal(fault_of(&scene, consumer, BODY, NOW),
                     PV_HTTPSIG_COVERAGE);

    make_request(&scene);
    drop(&scene, "content-digest");
    assert_int_equal(fault_of(&scene, consumer, BODY, NOW),
                     PV_HTTPSIG_COVERAGE);
    drop(&scene, "signature");
    assert_int_equal(fault_of(&scene, consumer, BODY, NOW), PV_HTTPSIG_FORM);
    drop(&scene, "signature-input");
    assert_int_equal(fault_of(&scene, consumer, BODY, NOW), PV_HTTPSIG_MISSING);
}

static void
request_is_refused_outside_its_time(void **state)
{
    struct scene  scene;
    const int64_t ends = NOW + PV_HTTPSIG_VALID_MAX_S;

    (void)state;
    make_request(&scene);
    assert_int_equal(
        fault_of(&scene, consumer, BODY, NOW - PV_HTTPSIG_SKEW_MAX_S),
        PV_HTTPSIG_NONE);
    assert_int_equal(
        fault_of(&scene, consumer, BODY, NOW - PV_HTTPSIG_SKEW_MAX_S - 1),
        PV_HTTPSIG_CLOCK);
    assert_int_equal(
        fault_of(&scene, consumer, BODY, ends + PV_HTTPSIG_SKEW_MAX_S),
        PV_HTTPSIG_NONE);
    assert_int_equal(
        fault_of(&scene, consumer, BODY, ends + PV_HTTPSIG_SKEW_MAX_S + 1),
        PV_HTTPSIG_CLOCK);
}

/* What a signer may write that the profile's own maker does not. */
static void
request_is_refused_with_less_than_the_profile(void **state)
{
#define TIMES ";created=1790000000;expires=1790000060"
#define COVERED                                                                \
    "payvand=(\"@method\" \"@path\" \"content-digest\" \"content-type\" "      \
    "\"payvand-consent\")"
#define ID ";keyid=\"k\""
#define TAG ";tag=\"payvand-request\""
    static const struct {
        const char           *input;
        enum pv_httpsig_fault fault;
        const char           *what;
    } row[] = {
        {COVERED TIMES ";nonce=\"n\"" ID, PV_HTTPSIG_FORM, "no tag"},
        {COVERED TIMES ";nonce=\"n\"" ID ";tag=\"payvand-answer\"",
         PV_HTTPSIG_FORM, "the tag of an answer"},
        {COVERED TIMES ID TAG, PV_HTTPSIG_FORM, "no nonce"},
        {COVERED TIMES ";nonce=\"n\"" TAG, PV_HTTPSIG_FORM, "no keyid"},
        {COVERED ";created=1790000000;nonce=\"n\"" ID TAG, PV_HTTPSIG_CLOCK,
         "no end"},
        {COVERED ";expires=1790000060;nonce=\"n\"" ID TAG, PV_HTTPSIG_CLOCK,
         "no beginning"},
        {COVERED ";created=1790000000;expires=1790000061;nonce=\"n\"" ID TAG,
         PV_HTTPSIG_CLOCK, "a second too long"},
        {COVERED ";created=1790000000;expires=1790000000;nonce=\"n\"" ID TAG,
         PV_HTTPSIG_CLOCK, "an end that is no later"},
        {"payvand=(\"@method\" \"content-digest\" \"content-type\" "
         "\"payvand-consent\")" TIMES ";nonce=\"n\"" ID TAG,
         PV_HTTPSIG_COVERAGE, "no path"},
        {"payvand=(\"@path\" \"content-digest\" \"content-type\" "
         "\"payvand-consent\")" TIMES ";nonce=\"n\"" ID TAG,
         PV_HTTPSIG_COVERAGE, "no method"},
        {"payvand=(\"@method\" \"@path\" \"content-type\" "
         "\"payvand-consent\")" TIMES ";nonce=\"n\"" ID TAG,
         PV_HTTPSIG_COVERAGE, "no digest"},
        {"payvand=(\"@method\" \"@path\" \"content-digest\" "
         "\"content-type\")" TIMES ";nonce=\"n\"" ID TAG,
         PV_HTTPSIG_COVERAGE, "no consent"},
    };
    struct scene scene;

    (void)state;
    make_request(&scene);
    for (size_t i = 0; i < COUNT(row); i++) {
        put(&scene, "signature-input", row[i].input);
        if (fault_of(&scene, consumer, BODY, NOW) != row[i].fault) {
            fail_msg("takes a request with %s", row[i].what);
        }
    }
#undef TIMES
#undef COVERED
#undef ID
#undef TAG
}

static void
answer_belongs_to_its_request_alone(void **state)
{
    struct scene request;
    struct scene twin; /* the same question, asked again */
    struct scene answer;

    (void)state;
    make_request(&request);
    make_request(&twin);
    make_answer(&answer, &request);
    assert_int_equal(fault_of(&answer, provider, BODY, NOW), PV_HTTPSIG_NONE);
    answer.message.request = &twin.message;
    assert_int_equal(fault_of(&answer, provider, BODY, NOW), PV_HTTPSIG_WRONG);
    answer.message.request = NULL;
    assert_int_equal(fault_of(&answer, provider, BODY, NOW),
                     PV_HTTPSIG_COVERAGE);
}

static void
answer_is_refused_when_anything_changed(void **state)
{
    static const char *const covered[][2] = {
        {"payvand-outcome", "invalid"},
        {"payvand-tracking-id", "0198f2c4-0000-7000-8000-000000000001"},
        {"content-type", "application/problem+json"},
    };
    struct scene request;
    struct scene answer;

    (void)state;
    make_request(&request);
    for (size_t i = 0; i < COUNT(covered); i++) {
        make_answer(&answer, &request);
        put(&answer, covered[i][0], covered[i][1]);
        assert_int_equal(fault_of(&answer, provider, BODY, NOW),
                         PV_HTTPSIG_WRONG);
        drop(&answer, covered[i][0]);
        assert_int_equal(fault_of(&answer, provider, BODY, NOW),
                         PV_HTTPSIG_COVERAGE);
    }
    make_answer(&answer, &request);
    answer.message.status = 400; /* made by the exchange, not covered */
    assert_int_equal(fault_of(&answer, provider, BODY, NOW), PV_HTTPSIG_NONE);
    assert_int_equal(fault_of(&answer, provider, PV_LIT("{}"), NOW),
                     PV_HTTPSIG_DIGEST);
    put(&answer, "signature-input", request.made.input);
    put(&answer, "signature", request.made.signature);
    assert_int_equal(fault_of(&answer, consumer, BODY, NOW), PV_HTTPSIG_FORM);
}

static void
value_with_a_line_break_is_never_signed(void **state)
{
    struct scene           scene;
    struct pv_httpsig_made made;

    (void)state;
    make_request(&scene);
    drop(&scene, "content-digest");
    put(&scene, "payvand-consent", "1\n\"@path\": /x");
    assert_int_equal(
        pv_httpsig_sign(consumer, &scene.message, BODY, NOW, &made), PV_EINVAL);
}

static void
key_has_the_id_of_its_public_half_and_one_algorithm(void **state)
{
    struct pv_httpsig_key *key = NULL;
    struct pv_httpsig_key *half = NULL;
    struct pv_why          why;
    json_t                *root = vectors();
    const json_t *row = json_array_get(json_object_get(root, "signatures"), 1);

    (void)state;
    assert_int_equal(pv_httpsig_key_read(text_of(row, "private"), true, &key),
                     PV_OK);
    assert_int_equal(pv_httpsig_key_read(text_of(row, "public"), false, &half),
                     PV_OK);
    assert_string_equal(pv_httpsig_key_id(key), pv_httpsig_key_id(half));
    assert_int_equal(strlen(pv_httpsig_key_id(key)), PV_HTTPSIG_KEYID_LEN);
    assert_true(pv_slice_eq(pv_httpsig_key_alg(key), PV_LIT("ed25519")));
    assert_true(
        pv_slice_eq(pv_httpsig_key_alg(consumer), PV_LIT("ecdsa-p256-sha256")));
    pv_httpsig_key_free(key);
    pv_httpsig_key_free(half);
    assert_int_equal(pv_httpsig_key_read(text_of(row, "public"), true, &key),
                     PV_EINVAL);
    assert_int_equal(pv_httpsig_key_read(PV_LIT(""), false, &key), PV_EINVAL);
    assert_int_equal(
        pv_httpsig_key_read_file("/nonexistent/key", true, &key, &why),
        PV_ESYS);
    assert_non_null(strstr(why.text, "/nonexistent/key"));
    json_decref(root);
}

/* ---- once only ---- */

static void
nonce_is_taken_once_as_long_as_it_counts(void **state)
{
    struct pv_nonces *nonces = NULL;
    struct pv_slice   key = PV_LIT("k");

    (void)state;
    assert_int_equal(pv_nonces_new(0, &nonces), PV_ERANGE);
    assert_int_equal(pv_nonces_new(3, &nonces), PV_OK);
    assert_int_equal(pv_nonces_take(nonces, key, PV_LIT("a"), 1000), PV_OK);
    assert_int_equal(pv_nonces_take(nonces, key, PV_LIT("a"), 1000), PV_EEXIST);
    assert_int_equal(pv_nonces_take(nonces, PV_LIT("l"), PV_LIT("a"), 1000),
                     PV_OK);
    for (int64_t after_s = 1; after_s < PV_NONCES_LIFE_S; after_s++) {
        assert_int_equal(
            pv_nonces_take(nonces, key, PV_LIT("a"), 1000 + after_s),
            PV_EEXIST);
    }
    assert_int_equal(pv_nonces_take(nonces, key, PV_LIT("b"), 1000), PV_OK);
    assert_int_equal(pv_nonces_take(nonces, key, PV_LIT("c"), 1000), PV_EFULL);
    assert_int_equal(
        pv_nonces_take(nonces, key, PV_LIT("c"), 1000 + PV_NONCES_LIFE_S),
        PV_OK);
    assert_int_equal(
        pv_nonces_take(nonces, key, PV_LIT("b"), 1000 + PV_NONCES_LIFE_S),
        PV_EEXIST);
    assert_int_equal(
        pv_nonces_take(nonces, key, PV_LIT("a"), 1000 + 3 * PV_NONCES_LIFE_S),
        PV_OK);
    pv_nonces_free(nonces);
    pv_nonces_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_of_rfc_9421_are_right_and_no_other),
        cmocka_unit_test(digests_of_rfc_9530_are_made_and_taken),
        cmocka_unit_test(digest_is_taken_in_one_form),
        cmocka_unit_test(input_is_taken_in_one_form),
        cmocka_unit_test(signature_is_64_canonical_bytes_under_its_label),
        cmocka_unit_test(request_is_taken_as_it_was_signed),
        cmocka_unit_test(request_is_refused_when_anything_changed),
        cmocka_unit_test(request_is_refused_outside_its_time),
        cmocka_unit_test(request_is_refused_with_less_than_the_profile),
        cmocka_unit_test(answer_belongs_to_its_request_alone),
        cmocka_unit_test(answer_is_refused_when_anything_changed),
        cmocka_unit_test(value_with_a_line_break_is_never_signed),
        cmocka_unit_test(key_has_the_id_of_its_public_half_and_one_algorithm),
        cmocka_unit_test(nonce_is_taken_once_as_long_as_it_counts),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
