/*
 * The input is the value of Signature-Input.
 * Laws: what is read, written again from what was read, is the same bytes but
 * for the order of its parameters; no component and no parameter is there
 * twice; the base of a message that has all that is covered holds one line a
 * component and one more; taking a value does not depend on what stands
 * behind it in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "httpsig/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* "(...)" as it must have been written. */
static size_t
write_components(const struct pv_httpsig_input *input, struct pv_buf *out)
{
    expect(pv_buf_add_char(out, '(') == PV_OK);
    for (size_t i = 0; i < input->component_count; i++) {
        const struct pv_httpsig_component *one = &input->component[i];

        expect(pv_buf_addf(out, "%s\"%.*s\"%s", i == 0 ? "" : " ",
                           PV_FMT(one->name), one->req ? ";req" : "") == PV_OK);
        for (size_t j = 0; j < i; j++) {
            expect(input->component[j].req != one->req ||
                   !pv_slice_eq(input->component[j].name, one->name));
        }
    }
    expect(pv_buf_add_char(out, ')') == PV_OK);
    return out->len;
}

static size_t
len_of_text(const char *name, struct pv_slice value)
{
    return value.len == 0 ? 0 : strlen(name) + value.len + 4; /* ;="" */
}

static size_t
len_of_time(const char *name, int64_t time)
{
    size_t digits = 1;

    if (time == PV_HTTPSIG_NO_TIME) {
        return 0;
    }
    expect(time >= 0 && time <= PV_HTTPSIG_TIME_MAX);
    for (; time >= 10; time /= 10) {
        digits++;
    }
    return strlen(name) + digits + 2; /* ;= */
}

static void
spelling_law(const struct pv_httpsig_input *input)
{
    struct pv_buf out;
    size_t        len;

    pv_buf_init(&out, 2 * PV_HTTPSIG_INPUT_MAX);
    len = write_components(input, &out);
    expect(pv_slice_starts(input->params, pv_buf_view(&out)));
    len += len_of_time("created", input->created);
    len += len_of_time("expires", input->expires);
    len += len_of_text("keyid", input->keyid);
    len += len_of_text("nonce", input->nonce);
    len += len_of_text("alg", input->alg);
    len += len_of_text("tag", input->tag);
    expect(len == input->params.len);
    pv_buf_clear(&out);
}

/* A field for each name that is covered, in the answer and in the request. */
static void
base_law(const struct pv_httpsig_input *input)
{
    struct pv_httpsig_field   field[PV_HTTPSIG_COMPONENTS_MAX];
    struct pv_httpsig_message request = {
        .method = PV_LIT("POST"),
        .authority = PV_LIT("a"),
        .path = PV_LIT("/"),
        .target_uri = PV_LIT("https://a/"),
        .field = field,
    };
    struct pv_httpsig_message answer = {
        .status = 200,
        .request = &request,
        .field = field,
    };
    struct pv_buf out;
    size_t        lines = 0;
    enum pv_err   err;

    for (size_t i = 0; i < input->component_count; i++) {
        struct pv_slice name = input->component[i].name;
        struct pv_slice unused;

        if (!pv_httpsig_field_find(&request, name, &unused)) {
            field[request.field_count++] =
                (struct pv_httpsig_field){name, PV_LIT(" v ")};
        }
    }
    answer.field_count = request.field_count;
    pv_buf_init(&out, PV_HTTPSIG_BASE_MAX);
    err = pv_httpsig_base(&answer, input, &out);
    expect(err == PV_OK || err == PV_ENOTFOUND);
    for (size_t i = 0; i < out.len; i++) {
        lines += out.ptr[i] == '\n';
    }
    expect(err != PV_OK || lines == input->component_count);
    pv_buf_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pv_httpsig_input input;
    char                   *exact;

    if (len == 0 || len > 2 * PV_HTTPSIG_INPUT_MAX) {
        return 0;
    }
    /* heap memory of the very length, so that a step too far is seen */
    exact = malloc(len);
    expect(exact != NULL);
    memcpy(exact, data, len);
    if (pv_httpsig_input_read((struct pv_slice){exact, len}, &input) == PV_OK) {
        expect(input.label.len + 1 + input.params.len == len);
        spelling_law(&input);
        base_law(&input);
    }
    free(exact);
    return 0;
}
