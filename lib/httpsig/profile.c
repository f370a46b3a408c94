#include "httpsig/profile.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "crypto/secret.h"

#define NONCE_BYTES 16
#define DIGEST_NAME "content-digest"

struct rule {
    struct pv_slice name;
    bool            req;
    bool            always; /* otherwise: where the message has it */
};

static const struct rule of_request[] = {
    {PV_SLICE_INIT("@method"), false, true},
    {PV_SLICE_INIT("@path"), false, true},
    {PV_SLICE_INIT(DIGEST_NAME), false, true},
    {PV_SLICE_INIT("content-type"), false, false},
    {PV_SLICE_INIT("idempotency-key"), false, false},
    {PV_SLICE_INIT("payvand-consent"), false, false},
    {PV_SLICE_INIT("payvand-evidence"), false, false},
};

static const struct rule of_answer[] = {
    {PV_SLICE_INIT("payvand-outcome"), false, true},
    {PV_SLICE_INIT("payvand-tracking-id"), false, true},
    {PV_SLICE_INIT("content-type"), false, true},
    {PV_SLICE_INIT(DIGEST_NAME), false, true},
    {PV_SLICE_INIT("@method"), true, true},
    {PV_SLICE_INIT("@path"), true, true},
    {PV_SLICE_INIT(DIGEST_NAME), true, false},
    {PV_SLICE_INIT("signature"), true, false},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool
is_answer(const struct pv_httpsig_message *message)
{
    return message->status != 0;
}

static const struct rule *
rules_of(const struct pv_httpsig_message *message, size_t *ret_count)
{
    *ret_count = is_answer(message) ? COUNT(of_answer) : COUNT(of_request);
    return is_answer(message) ? of_answer : of_request;
}

/* Must this message's signature cover it? */
static bool
applies(const struct rule *rule, const struct pv_httpsig_message *message)
{
    struct pv_slice unused;

    if (rule->always) {
        return true;
    }
    if (rule->req) {
        message = message->request;
    }
    return message != NULL &&
           pv_httpsig_field_find(message, rule->name, &unused);
}

/* ---- signing ---- */

static enum pv_err
add_times(struct pv_buf *input, int64_t now_s)
{
    return pv_buf_addf(input, ";created=%lld;expires=%lld", (long long)now_s,
                       (long long)now_s + PV_HTTPSIG_VALID_MAX_S);
}

static enum pv_err
add_nonce(struct pv_buf *input)
{
    uint8_t     bytes[NONCE_BYTES];
    char        hex[2 * NONCE_BYTES];
    enum pv_err err = pv_secret_random(bytes, sizeof(bytes));

    if (err != PV_OK) {
        return err;
    }
    pv_hex_text(bytes, sizeof(bytes), hex);
    return pv_buf_addf(input, ";nonce=\"%.*s\"", (int)sizeof(hex), hex);
}

static enum pv_err
write_input(const struct pv_httpsig_message *message, const char *keyid,
            int64_t now_s, struct pv_buf *input)
{
    size_t             count;
    const struct rule *rule = rules_of(message, &count);
    enum pv_err        err = pv_buf_addf(input, PV_HTTPSIG_LABEL "=(");
    bool               first = true;

    for (size_t i = 0; err == PV_OK && i < count; i++) {
        if (applies(&rule[i], message)) {
            err = pv_buf_addf(input, "%s\"%.*s\"%s", first ? "" : " ",
                              PV_FMT(rule[i].name), rule[i].req ? ";req" : "");
            first = false;
        }
    }
    if (err == PV_OK) {
        err = pv_buf_add_char(input, ')');
    }
    if (err == PV_OK) {
        err = add_times(input, now_s);
    }
    if (err == PV_OK && !is_answer(message)) {
        err = add_nonce(input);
    }
    return err == PV_OK
               ? pv_buf_addf(input, ";keyid=\"%s\";tag=\"%s\"", keyid,
                             is_answer(message) ? PV_HTTPSIG_TAG_ANSWER
                                                : PV_HTTPSIG_TAG_REQUEST)
               : err;
}

enum pv_err
pv_httpsig_prepare(const struct pv_httpsig_message *message,
                   struct pv_slice body, const char *keyid, int64_t now_s,
                   struct pv_httpsig_made *ret, struct pv_buf *base)
{
    struct pv_httpsig_field   field[PV_HTTPSIG_FIELDS_MAX];
    struct pv_httpsig_message whole = *message;
    struct pv_httpsig_input   input;
    struct pv_buf             text;
    enum pv_err               err;

    if (message->field_count >= PV_HTTPSIG_FIELDS_MAX) {
        return PV_ERANGE;
    }
    for (size_t i = 0; i < message->field_count; i++) {
        field[i] = message->field[i];
    }
    pv_buf_init(&text, PV_HTTPSIG_MADE_INPUT_MAX);
    err = pv_httpsig_digest_make(body, ret->digest);
    field[whole.field_count++] = (struct pv_httpsig_field){
        PV_LIT(DIGEST_NAME), pv_slice_from(ret->digest)};
    whole.field = field;
    if (err == PV_OK) {
        err = write_input(&whole, keyid, now_s, &text);
    }
    if (err == PV_OK) {
        err = pv_slice_to_cstr(pv_buf_view(&text), ret->input,
                               sizeof(ret->input));
    }
    if (err == PV_OK) {
        err = pv_httpsig_input_read(pv_slice_from(ret->input), &input);
    }
    if (err == PV_OK) {
        err = pv_httpsig_base(&whole, &input, base);
    }
    pv_buf_clear(&text);
    return err;
}

void
pv_httpsig_finish(const uint8_t           signature[PV_HTTPSIG_SIGNATURE_LEN],
                  struct pv_httpsig_made *made)
{
    static const char head[] = PV_HTTPSIG_LABEL "=:";
    size_t            at = sizeof(head) - 1;

    memcpy(made->signature, head, at);
    pv_base64_text(signature, PV_HTTPSIG_SIGNATURE_LEN, made->signature + at);
    memcpy(made->signature + PV_HTTPSIG_MADE_SIGNATURE_LEN - 1, ":", 2);
}

enum pv_err
pv_httpsig_sign(const struct pv_httpsig_key     *key,
                const struct pv_httpsig_message *message, struct pv_slice body,
                int64_t now_s, struct pv_httpsig_made *ret)
{
    uint8_t       signature[PV_HTTPSIG_SIGNATURE_LEN];
    struct pv_buf base;
    enum pv_err   err;

    pv_buf_init(&base, PV_HTTPSIG_BASE_MAX);
    err = pv_httpsig_prepare(message, body, pv_httpsig_key_id(key), now_s, ret,
                             &base);
    if (err == PV_OK) {
        err = pv_httpsig_key_sign(key, pv_buf_view(&base), signature);
    }
    if (err == PV_OK) {
        pv_httpsig_finish(signature, ret);
    }
    pv_buf_clear(&base);
    return err;
}

/* ---- verifying ---- */

bool
pv_httpsig_is_signed(const struct pv_httpsig_message *message)
{
    struct pv_slice unused;

    return pv_httpsig_field_find(message, PV_LIT("signature"), &unused) ||
           pv_httpsig_field_find(message, PV_LIT("signature-input"), &unused);
}

static enum pv_err
no(enum pv_httpsig_fault fault, enum pv_httpsig_fault *ret_fault)
{
    *ret_fault = fault;
    return PV_EVERIFY;
}

static bool
is_of_form(const struct pv_httpsig_message *message,
           struct pv_httpsig_input         *ret)
{
    const char *tag =
        is_answer(message) ? PV_HTTPSIG_TAG_ANSWER : PV_HTTPSIG_TAG_REQUEST;
    struct pv_slice input;
    struct pv_slice signature;
    uint8_t         unused[PV_HTTPSIG_SIGNATURE_LEN];

    return pv_httpsig_field_find(message, PV_LIT("signature-input"), &input) &&
           pv_httpsig_field_find(message, PV_LIT("signature"), &signature) &&
           pv_httpsig_input_read(input, ret) == PV_OK &&
           pv_httpsig_signature_read(signature, ret->label, unused) == PV_OK &&
           pv_slice_eq(ret->label, PV_LIT(PV_HTTPSIG_LABEL)) &&
           pv_slice_eq(ret->tag, pv_slice_from(tag)) && ret->keyid.len > 0 &&
           (ret->nonce.len > 0 || is_answer(message));
}

static bool
covers_all(const struct pv_httpsig_message *message,
           const struct pv_httpsig_input   *input)
{
    size_t             count;
    const struct rule *rule = rules_of(message, &count);

    for (size_t i = 0; i < count; i++) {
        if (applies(&rule[i], message) &&
            !pv_httpsig_covers(input, rule[i].name, rule[i].req)) {
            return false;
        }
    }
    return true;
}

static bool
is_in_time(const struct pv_httpsig_input *input, int64_t now_s)
{
    return input->created != PV_HTTPSIG_NO_TIME &&
           input->expires != PV_HTTPSIG_NO_TIME &&
           input->expires > input->created &&
           input->expires - input->created <= PV_HTTPSIG_VALID_MAX_S &&
           input->created <= now_s + PV_HTTPSIG_SKEW_MAX_S &&
           input->expires >= now_s - PV_HTTPSIG_SKEW_MAX_S;
}

enum pv_err
pv_httpsig_open_kept(const struct pv_httpsig_message *message,
                     struct pv_httpsig_input         *ret_input,
                     enum pv_httpsig_fault           *ret_fault)
{
    struct pv_httpsig_input input;
    struct pv_slice         digest;

    if (!pv_httpsig_is_signed(message)) {
        return no(PV_HTTPSIG_MISSING, ret_fault);
    }
    if (!is_of_form(message, &input)) {
        return no(PV_HTTPSIG_FORM, ret_fault);
    }
    if (!covers_all(message, &input) ||
        !pv_httpsig_field_find(message, PV_LIT(DIGEST_NAME), &digest)) {
        return no(PV_HTTPSIG_COVERAGE, ret_fault);
    }
    *ret_input = input;
    return PV_OK;
}

enum pv_err
pv_httpsig_open(const struct pv_httpsig_message *message, struct pv_slice body,
                int64_t now_s, struct pv_httpsig_input *ret_input,
                enum pv_httpsig_fault *ret_fault)
{
    struct pv_httpsig_input input;
    struct pv_slice         digest = {NULL, 0};
    enum pv_err err = pv_httpsig_open_kept(message, &input, ret_fault);

    if (err != PV_OK) {
        return err;
    }
    (void)pv_httpsig_field_find(message, PV_LIT(DIGEST_NAME), /* it is there */
                                &digest);
    err = pv_httpsig_digest_check(digest, body);
    if (err == PV_EVERIFY || err == PV_EINVAL) {
        return no(PV_HTTPSIG_DIGEST, ret_fault);
    }
    if (err != PV_OK) {
        return err;
    }
    if (!is_in_time(&input, now_s)) {
        return no(PV_HTTPSIG_CLOCK, ret_fault);
    }
    *ret_input = input;
    return PV_OK;
}

enum pv_err
pv_httpsig_verify(const struct pv_httpsig_key     *key,
                  const struct pv_httpsig_message *message,
                  const struct pv_httpsig_input   *input,
                  enum pv_httpsig_fault           *ret_fault)
{
    struct pv_slice value;
    uint8_t         signature[PV_HTTPSIG_SIGNATURE_LEN];
    struct pv_buf   base;
    enum pv_err     err;

    if (!pv_httpsig_field_find(message, PV_LIT("signature"), &value) ||
        pv_httpsig_signature_read(value, input->label, signature) != PV_OK) {
        return no(PV_HTTPSIG_FORM, ret_fault);
    }
    if (!pv_slice_eq(input->keyid, pv_slice_from(pv_httpsig_key_id(key))) ||
        (input->alg.len > 0 &&
         !pv_slice_eq(input->alg, pv_httpsig_key_alg(key)))) {
        return no(PV_HTTPSIG_KEY, ret_fault);
    }
    pv_buf_init(&base, PV_HTTPSIG_BASE_MAX);
    err = pv_httpsig_base(message, input, &base);
    if (err == PV_ENOTFOUND || err == PV_EINVAL) {
        err = no(PV_HTTPSIG_COVERAGE, ret_fault);
    } else if (err == PV_OK) {
        err = pv_httpsig_key_verify(key, pv_buf_view(&base), signature);
        if (err == PV_EVERIFY) {
            err = no(PV_HTTPSIG_WRONG, ret_fault);
        }
    }
    pv_buf_clear(&base);
    return err;
}
