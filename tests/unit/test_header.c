/* What gateway/header.h promises: fates, lengths and grammars, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "header.h"

static void
header_has_one_fate_each_way(void **state)
{
    static const struct {
        struct pv_slice     name;
        enum pv_header      header;
        enum pv_header_fate consumer;
        enum pv_header_fate provider;
    } row[] = {
        {PV_SLICE_INIT("accept"), PV_HEADER_ACCEPT, PV_HEADER_PASS,
         PV_HEADER_DROP},
        {PV_SLICE_INIT("accept-language"), PV_HEADER_ACCEPT_LANGUAGE,
         PV_HEADER_PASS, PV_HEADER_DROP},
        {PV_SLICE_INIT("content-digest"), PV_HEADER_CONTENT_DIGEST,
         PV_HEADER_PASS, PV_HEADER_PASS},
        {PV_SLICE_INIT("content-length"), PV_HEADER_CONTENT_LENGTH,
         PV_HEADER_READ, PV_HEADER_READ},
        {PV_SLICE_INIT("content-type"), PV_HEADER_CONTENT_TYPE, PV_HEADER_PASS,
         PV_HEADER_PASS},
        {PV_SLICE_INIT("expect"), PV_HEADER_EXPECT, PV_HEADER_REFUSE,
         PV_HEADER_DROP},
        {PV_SLICE_INIT("idempotency-key"), PV_HEADER_IDEMPOTENCY_KEY,
         PV_HEADER_PASS, PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand-case"), PV_HEADER_PAYVAND_CASE, PV_HEADER_READ,
         PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand-commitment"), PV_HEADER_PAYVAND_COMMITMENT,
         PV_HEADER_READ, PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand-consent"), PV_HEADER_PAYVAND_CONSENT,
         PV_HEADER_PASS, PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand-evidence"), PV_HEADER_PAYVAND_EVIDENCE,
         PV_HEADER_PASS, PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand-outcome"), PV_HEADER_PAYVAND_OUTCOME,
         PV_HEADER_REFUSE, PV_HEADER_READ},
        {PV_SLICE_INIT("payvand-purpose"), PV_HEADER_PAYVAND_PURPOSE,
         PV_HEADER_READ, PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand-consumer"), PV_HEADER_PAYVAND_RESERVED,
         PV_HEADER_REFUSE, PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand-grant"), PV_HEADER_PAYVAND_RESERVED,
         PV_HEADER_REFUSE, PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand-tracking-id"), PV_HEADER_PAYVAND_TRACKING_ID,
         PV_HEADER_REFUSE, PV_HEADER_READ},
        {PV_SLICE_INIT("payvand-tracking-ie"), PV_HEADER_PAYVAND_RESERVED,
         PV_HEADER_REFUSE, PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand-path"), PV_HEADER_PAYVAND_RESERVED,
         PV_HEADER_REFUSE, PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand-"), PV_HEADER_PAYVAND_RESERVED,
         PV_HEADER_REFUSE, PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand-casf"), PV_HEADER_PAYVAND_RESERVED,
         PV_HEADER_REFUSE, PV_HEADER_DROP},
        {PV_SLICE_INIT("retry-after"), PV_HEADER_RETRY_AFTER, PV_HEADER_DROP,
         PV_HEADER_PASS},
        {PV_SLICE_INIT("signature"), PV_HEADER_SIGNATURE, PV_HEADER_PASS,
         PV_HEADER_PASS},
        {PV_SLICE_INIT("signature-input"), PV_HEADER_SIGNATURE_INPUT,
         PV_HEADER_PASS, PV_HEADER_PASS},
        {PV_SLICE_INIT("traceparent"), PV_HEADER_TRACEPARENT, PV_HEADER_PASS,
         PV_HEADER_DROP},
        {PV_SLICE_INIT("transfer-encoding"), PV_HEADER_TRANSFER_ENCODING,
         PV_HEADER_READ, PV_HEADER_READ},
        {PV_SLICE_INIT("upgrade"), PV_HEADER_UPGRADE, PV_HEADER_REFUSE,
         PV_HEADER_DROP},
        {PV_SLICE_INIT(""), PV_HEADER_OTHER, PV_HEADER_DROP, PV_HEADER_DROP},
        {PV_SLICE_INIT("host"), PV_HEADER_OTHER, PV_HEADER_DROP,
         PV_HEADER_DROP},
        {PV_SLICE_INIT("cookie"), PV_HEADER_OTHER, PV_HEADER_DROP,
         PV_HEADER_DROP},
        {PV_SLICE_INIT("payvand"), PV_HEADER_OTHER, PV_HEADER_DROP,
         PV_HEADER_DROP},
        {PV_SLICE_INIT("x-accel-redirect"), PV_HEADER_OTHER, PV_HEADER_DROP,
         PV_HEADER_DROP},
        {PV_SLICE_INIT("set-cookie"), PV_HEADER_OTHER, PV_HEADER_DROP,
         PV_HEADER_DROP},
        {PV_SLICE_INIT("location"), PV_HEADER_OTHER, PV_HEADER_DROP,
         PV_HEADER_DROP},
        {PV_SLICE_INIT("accepu"), PV_HEADER_OTHER, PV_HEADER_DROP,
         PV_HEADER_DROP},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        enum pv_header header = pv_header_find(row[i].name);

        print_message("# header %.*s\n", PV_FMT(row[i].name));
        assert_int_equal(header, row[i].header);
        assert_int_equal(pv_header_from_consumer(header), row[i].consumer);
        assert_int_equal(pv_header_from_provider(header), row[i].provider);
    }
}

static void
header_names_lead_back_to_themselves(void **state)
{
    (void)state;
    for (int i = 0; i < PV_HEADER_END; i++) {
        struct pv_slice name = pv_header_name((enum pv_header)i);
        char            lower[32];

        if (name.len == 0) {
            continue;
        }
        assert_true(name.len <= sizeof(lower));
        for (size_t k = 0; k < name.len; k++) {
            char c = name.ptr[k];

            lower[k] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        }
        assert_int_equal(pv_header_find((struct pv_slice){lower, name.len}), i);
    }
}

#define B64_32 "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define KEY64 "abcdefghijklmnopqrstuvwxyz012345abcdefghijklmnopqrstuvwxyz012345"

static const struct {
    enum pv_header  header;
    struct pv_slice value;
    bool            valid;
    const char     *what;
} value_row[] = {
    {PV_HEADER_OTHER, PV_SLICE_INIT("x"), false, "nothing of an unknown one"},
    {PV_HEADER_PAYVAND_RESERVED, PV_SLICE_INIT("x"), false, "nothing reserved"},
    {PV_HEADER_EXPECT, PV_SLICE_INIT("100-continue"), false, "no Expect"},
    {PV_HEADER_UPGRADE, PV_SLICE_INIT("h2c"), false, "no Upgrade"},

    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("application/json"), true, "JSON"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("Application/JSON"), true,
     "a type in any case"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("application/json; charset=utf-8"),
     true, "a charset"},
    {PV_HEADER_CONTENT_TYPE,
     PV_SLICE_INIT("application/json;charset=\"UTF-8\""), true,
     "a quoted charset"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("text/xml ; Charset=windows-1256"),
     true, "blanks and another charset"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("application/pdf"), true, "PDF"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT(""), false, "no empty type"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("application/jsonx"), false,
     "no longer type"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("text/html"), false, "no HTML"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("multipart/form-data; boundary=x"),
     false, "no form"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("application/json; q=1"), false,
     "no other parameter"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("application/json;"), false,
     "no empty parameter"},
    {PV_HEADER_CONTENT_TYPE,
     PV_SLICE_INIT("application/json; charset=utf-8; x=y"), false,
     "no second parameter"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("application/json; charset=\"utf-8"),
     false, "no open quote"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("application/json, text/xml"), false,
     "no list of types"},
    {PV_HEADER_CONTENT_TYPE, PV_SLICE_INIT("application/json\0"), false,
     "no NUL behind a type"},

    {PV_HEADER_CONTENT_LENGTH, PV_SLICE_INIT("0"), true, "length zero"},
    {PV_HEADER_CONTENT_LENGTH, PV_SLICE_INIT("123456789012345678"), true,
     "18 digits"},
    {PV_HEADER_CONTENT_LENGTH, PV_SLICE_INIT("1234567890123456789"), false,
     "no 19 digits"},
    {PV_HEADER_CONTENT_LENGTH, PV_SLICE_INIT("+1"), false, "no sign"},
    {PV_HEADER_CONTENT_LENGTH, PV_SLICE_INIT("1, 1"), false, "no list"},
    {PV_HEADER_TRANSFER_ENCODING, PV_SLICE_INIT("chunked"), true, "chunked"},
    {PV_HEADER_TRANSFER_ENCODING, PV_SLICE_INIT("Chunked"), true,
     "chunked in any case"},
    {PV_HEADER_TRANSFER_ENCODING, PV_SLICE_INIT("gzip, chunked"), false,
     "no other coding"},

    {PV_HEADER_ACCEPT, PV_SLICE_INIT("*/*"), true, "any type"},
    {PV_HEADER_ACCEPT,
     PV_SLICE_INIT("application/json;q=0.9, text/*;q=0.1;x=\"a b\" , */*"),
     true, "ranges with parameters"},
    {PV_HEADER_ACCEPT, PV_SLICE_INIT("application"), false, "no half range"},
    {PV_HEADER_ACCEPT, PV_SLICE_INIT("a/b,"), false, "no empty range"},
    {PV_HEADER_ACCEPT, PV_SLICE_INIT("a/b;q"), false, "no half parameter"},
    {PV_HEADER_ACCEPT_LANGUAGE, PV_SLICE_INIT("fa"), true, "a language"},
    {PV_HEADER_ACCEPT_LANGUAGE, PV_SLICE_INIT("fa-IR, en;q=0.8, *;q=0"), true,
     "weighted languages"},
    {PV_HEADER_ACCEPT_LANGUAGE, PV_SLICE_INIT("fa;q=1.000"), true,
     "the largest weight"},
    {PV_HEADER_ACCEPT_LANGUAGE, PV_SLICE_INIT("fa;q=1.001"), false,
     "no weight above one"},
    {PV_HEADER_ACCEPT_LANGUAGE, PV_SLICE_INIT("fa;q=0.1234"), false,
     "no long weight"},
    {PV_HEADER_ACCEPT_LANGUAGE, PV_SLICE_INIT("fa_IR"), false, "no underscore"},

    {PV_HEADER_IDEMPOTENCY_KEY, PV_SLICE_INIT("8e03978e-40d5"), true, "a key"},
    {PV_HEADER_IDEMPOTENCY_KEY, PV_SLICE_INIT(KEY64 KEY64), true,
     "the longest key"},
    {PV_HEADER_IDEMPOTENCY_KEY, PV_SLICE_INIT(KEY64 KEY64 "x"), false,
     "no longer key"},
    {PV_HEADER_IDEMPOTENCY_KEY, PV_SLICE_INIT("\"a b\""), true,
     "a quoted key with a blank"},
    {PV_HEADER_IDEMPOTENCY_KEY, PV_SLICE_INIT("a b"), false,
     "no blank without quotes"},
    {PV_HEADER_IDEMPOTENCY_KEY, PV_SLICE_INIT("\"a b\" c"), false,
     "nothing behind the quotes"},
    {PV_HEADER_IDEMPOTENCY_KEY, PV_SLICE_INIT("a\x7f"), false, "no DEL"},
    {PV_HEADER_IDEMPOTENCY_KEY, PV_SLICE_INIT("\xd8\xa7"), false,
     "no Persian letter"},

    {PV_HEADER_TRACEPARENT, PV_SLICE_INIT(TRACE), true, "W3C's example"},
    {PV_HEADER_TRACEPARENT, PV_SLICE_INIT(TRACE "-x"), false, "no more parts"},
    {PV_HEADER_TRACEPARENT,
     PV_SLICE_INIT("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
     false, "no version ff"},
    {PV_HEADER_TRACEPARENT,
     PV_SLICE_INIT("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
     false, "no zero trace id"},
    {PV_HEADER_TRACEPARENT,
     PV_SLICE_INIT("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
     false, "no zero parent id"},
    {PV_HEADER_TRACEPARENT,
     PV_SLICE_INIT("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
     false, "no upper case"},

    {PV_HEADER_CONTENT_DIGEST, PV_SLICE_INIT("sha-256=:X48E9qOokqqrvdts8=:"),
     true, "a digest"},
    {PV_HEADER_CONTENT_DIGEST,
     PV_SLICE_INIT("sha-256=:YQ==:,\tsha-512=:Yg==:;x=1"), true,
     "two digests, one with a parameter"},
    {PV_HEADER_CONTENT_DIGEST, PV_SLICE_INIT("sha-256=:YQ==:,"), false,
     "no trailing comma"},
    {PV_HEADER_CONTENT_DIGEST, PV_SLICE_INIT("sha-256=:YQ=="), false,
     "no open byte sequence"},
    {PV_HEADER_CONTENT_DIGEST, PV_SLICE_INIT("SHA-256=:YQ==:"), false,
     "no upper-case key"},
    {PV_HEADER_SIGNATURE,
     PV_SLICE_INIT("sig1=:K2qGT5srn2OGbOIDzQ6kYT+ruaycnDA"
                   "==:"),
     true, "a signature"},
    {PV_HEADER_SIGNATURE_INPUT,
     PV_SLICE_INIT("sig1=(\"@method\" \"@path\" \"content-digest\";req);"
                   "created=1618884473;keyid=\"k\\\"1\";alg=\"ed25519\""),
     true, "an input with an inner list"},
    {PV_HEADER_SIGNATURE_INPUT, PV_SLICE_INIT("a=?1, b=-12.345, c=tok/en:*, d"),
     true, "every kind of item"},
    {PV_HEADER_SIGNATURE_INPUT, PV_SLICE_INIT("a=( )"), true,
     "an empty inner list"},
    {PV_HEADER_SIGNATURE_INPUT, PV_SLICE_INIT("a=(\"x\"\"y\")"), false,
     "no list without blanks"},
    {PV_HEADER_SIGNATURE_INPUT, PV_SLICE_INIT("a=(\"x\""), false,
     "no open list"},
    {PV_HEADER_SIGNATURE_INPUT, PV_SLICE_INIT("a=1.2345"), false,
     "no long fraction"},
    {PV_HEADER_SIGNATURE_INPUT, PV_SLICE_INIT("a=?2"), false, "no third truth"},
    {PV_HEADER_SIGNATURE_INPUT, PV_SLICE_INIT("a=\"\x01\""), false,
     "no control character"},
    {PV_HEADER_SIGNATURE_INPUT, PV_SLICE_INIT("=1"), false, "no empty key"},

    {PV_HEADER_PAYVAND_PURPOSE, PV_SLICE_INIT("knowledge-based-loan"), true,
     "a purpose"},
    {PV_HEADER_PAYVAND_PURPOSE, PV_SLICE_INIT(KEY64), true,
     "the longest purpose"},
    {PV_HEADER_PAYVAND_PURPOSE, PV_SLICE_INIT(KEY64 "x"), false,
     "no longer purpose"},
    {PV_HEADER_PAYVAND_PURPOSE, PV_SLICE_INIT("-x"), false,
     "no hyphen in front"},
    {PV_HEADER_PAYVAND_PURPOSE, PV_SLICE_INIT("Loan"), false,
     "no upper-case purpose"},
    {PV_HEADER_PAYVAND_CONSENT, PV_SLICE_INIT("4821093755162240"), true,
     "a consent number"},
    {PV_HEADER_PAYVAND_CONSENT, PV_SLICE_INIT("4821 0937 5516 2240"), true,
     "a grouped consent number"},
    {PV_HEADER_PAYVAND_CONSENT, PV_SLICE_INIT("4821 093755162240"), false,
     "no half grouping"},
    {PV_HEADER_PAYVAND_CONSENT, PV_SLICE_INIT("4821-0937-5516-2240"), false,
     "no hyphens"},
    {PV_HEADER_PAYVAND_CONSENT, PV_SLICE_INIT("482109375516224"), false,
     "no 15 digits"},
    {PV_HEADER_PAYVAND_CONSENT, PV_SLICE_INIT("48210937551622401"), false,
     "no 17 digits"},
    {PV_HEADER_PAYVAND_CASE,
     PV_SLICE_INIT("0198f2c4-1c00-7000-8000-000000000001"), true, "a UUID"},
    {PV_HEADER_PAYVAND_CASE,
     PV_SLICE_INIT("0198F2C4-1C00-7000-8000-000000000001"), false,
     "no upper-case UUID"},
    {PV_HEADER_PAYVAND_CASE, PV_SLICE_INIT("0198f2c41c00700080000000000001"),
     false, "no UUID without hyphens"},
    {PV_HEADER_PAYVAND_CASE,
     PV_SLICE_INIT("0198f2c4-1c00-7000-8000-00000000000g"), false,
     "no letter past f"},
    {PV_HEADER_PAYVAND_COMMITMENT, PV_SLICE_INIT(B64_32), true, "a commitment"},
    {PV_HEADER_PAYVAND_COMMITMENT, PV_SLICE_INIT(B64_32 "="), false,
     "no padding"},
    {PV_HEADER_PAYVAND_COMMITMENT,
     PV_SLICE_INIT("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFV"), false,
     "no set bits past the 256th"},
    {PV_HEADER_PAYVAND_COMMITMENT,
     PV_SLICE_INIT("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"), false,
     "no plain base64"},
    {PV_HEADER_PAYVAND_EVIDENCE, PV_SLICE_INIT(B64_32), true, "a nonce"},
    {PV_HEADER_PAYVAND_OUTCOME, PV_SLICE_INIT("answered"), true, "a word"},
    {PV_HEADER_PAYVAND_OUTCOME, PV_SLICE_INIT("answered, failed"), false,
     "no two words"},
    {PV_HEADER_RETRY_AFTER, PV_SLICE_INIT("30"), true, "seconds"},
    {PV_HEADER_RETRY_AFTER, PV_SLICE_INIT("Fri, 31 Dec 1999 23:59:59 GMT"),
     false, "no date"},
};

static void
header_values_keep_their_grammar(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(value_row) / sizeof(value_row[0]); i++) {
        print_message("# header takes %s\n", value_row[i].what);
        assert_int_equal(
            pv_header_is_valid(value_row[i].header, value_row[i].value),
            value_row[i].valid);
    }
}

static void
header_values_never_hold_a_control_character(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(value_row) / sizeof(value_row[0]); i++) {
        struct pv_slice value = value_row[i].value;
        char            room[PV_HEADER_VALUE_MAX];

        if (!value_row[i].valid) {
            continue;
        }
        memcpy(room, value.ptr, value.len);
        for (size_t at = 0; at < value.len; at++) {
            for (int c = 0; c < 256; c++) {
                if (c == '\t' || (c >= 0x20 && c < 0x7f)) {
                    continue;
                }
                room[at] = (char)c;
                assert_false(pv_header_is_valid(
                    value_row[i].header, (struct pv_slice){room, value.len}));
            }
            room[at] = value.ptr[at];
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_has_one_fate_each_way),
        cmocka_unit_test(header_names_lead_back_to_themselves),
        cmocka_unit_test(header_values_keep_their_grammar),
        cmocka_unit_test(header_values_never_hold_a_control_character),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
