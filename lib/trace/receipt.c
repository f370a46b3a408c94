#include "trace/receipt.h"

#include <jansson.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"

#define TYPE "payvand-receipt"

/* ---- writing ------------------------------------------------------------ */

static void
write_proof(struct pv_json *json, const struct pv_merkle_proof *proof)
{
    char text[PV_BASE64_LEN(PV_HASH_LEN)];

    pv_json_array(json, "proof");
    for (size_t i = 0; i < proof->count; i++) {
        pv_base64_text(proof->hash[i].bytes, PV_HASH_LEN, text);
        pv_json_string(json, NULL, (struct pv_slice){text, sizeof(text)});
    }
    pv_json_end_array(json);
}

static void
write_leaf(struct pv_json *json, const struct pv_receipt_leaf *leaf)
{
    pv_json_string(json, "entry", leaf->entry);
    pv_json_u64(json, "index", leaf->index);
    write_proof(json, &leaf->proof);
}

enum pv_err
pv_receipt_write(const struct pv_receipt *receipt, struct pv_buf *out)
{
    struct pv_json json;
    enum pv_err    err;

    if (receipt->request.index > PV_RECORD_NUMBER_MAX ||
        (receipt->has_completion &&
         receipt->completion.index > PV_RECORD_NUMBER_MAX)) {
        return PV_ERANGE;
    }
    pv_json_init(&json, out);
    pv_json_object(&json, NULL);
    pv_json_string(&json, "checkpoint", receipt->checkpoint);
    if (receipt->has_completion) {
        pv_json_object(&json, "completion");
        write_leaf(&json, &receipt->completion);
        pv_json_end_object(&json);
    }
    write_leaf(&json, &receipt->request);
    pv_json_text(&json, "type", TYPE);
    pv_json_u64(&json, "v", PV_RECEIPT_VERSION);
    pv_json_end_object(&json);
    err = pv_json_finish(&json);
    return err == PV_OK ? pv_buf_add_char(out, '\n') : err;
}

/* ---- reading ------------------------------------------------------------ */

static enum pv_err
read_text(const json_t *object, const char *name, struct pv_slice *ret,
          struct pv_why *why)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_string(value)) {
        pv_why_set(why, "the receipt has no text in \"%s\"", name);
        return PV_EINVAL;
    }
    *ret =
        (struct pv_slice){json_string_value(value), json_string_length(value)};
    return PV_OK;
}

static enum pv_err
read_number(const json_t *object, const char *name, uint64_t *ret,
            struct pv_why *why)
{
    const json_t *value = json_object_get(object, name);
    json_int_t    number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 ||
        (uint64_t)number > PV_RECORD_NUMBER_MAX) {
        pv_why_set(why, "the receipt has no number in \"%s\"", name);
        return PV_EINVAL;
    }
    *ret = (uint64_t)number;
    return PV_OK;
}

static enum pv_err
read_leaf(const json_t *object, struct pv_receipt_leaf *leaf,
          struct pv_why *why)
{
    const json_t *proof = json_object_get(object, "proof");
    enum pv_err   err = read_text(object, "entry", &leaf->entry, why);

    if (err == PV_OK) {
        err = read_number(object, "index", &leaf->index, why);
    }
    if (err != PV_OK) {
        return err;
    }
    leaf->proof.count = json_array_size(proof);
    if (!json_is_array(proof) || leaf->proof.count > PV_MERKLE_PROOF_MAX) {
        pv_why_set(why, "the receipt's \"proof\" is no list of at most %d",
                   PV_MERKLE_PROOF_MAX);
        return PV_EINVAL;
    }
    for (size_t i = 0; i < leaf->proof.count; i++) {
        const json_t *hash = json_array_get(proof, i);

        if (!json_is_string(hash) ||
            pv_base64_exactly(pv_slice_from(json_string_value(hash)),
                              leaf->proof.hash[i].bytes,
                              PV_HASH_LEN) != PV_OK) {
            pv_why_set(why,
                       "hash %zu of a proof is not base64 of 32 bytes in its "
                       "canonical form",
                       i + 1);
            return PV_EINVAL;
        }
    }
    return PV_OK;
}

static enum pv_err
read_all(const json_t *root, struct pv_receipt *receipt, struct pv_why *why)
{
    const json_t   *completion = json_object_get(root, "completion");
    struct pv_slice type;
    uint64_t        version;
    enum pv_err     err = read_text(root, "type", &type, why);

    if (err == PV_OK && !pv_slice_eq(type, PV_LIT(TYPE))) {
        pv_why_set(why, "the file is of another type than " TYPE);
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = read_number(root, "v", &version, why);
    }
    if (err == PV_OK && version != PV_RECEIPT_VERSION) {
        pv_why_set(why, "the receipt is of version %llu, not %d",
                   (unsigned long long)version, PV_RECEIPT_VERSION);
        err = PV_EVERSION;
    }
    if (err == PV_OK) {
        err = read_text(root, "checkpoint", &receipt->checkpoint, why);
    }
    if (err == PV_OK) {
        err = read_leaf(root, &receipt->request, why);
    }
    receipt->has_completion = completion != NULL;
    if (err == PV_OK && receipt->has_completion) {
        err = read_leaf(completion, &receipt->completion, why);
    }
    return err;
}

/* Written again it must be the same to the byte. */
static enum pv_err
is_the_spelling(const struct pv_receipt *receipt, struct pv_slice bytes,
                struct pv_why *why)
{
    struct pv_buf again;
    enum pv_err   err;
    size_t        at = 0;

    pv_buf_init(&again, PV_RECEIPT_MAX);
    err = pv_receipt_write(receipt, &again);
    if (err == PV_OK && !pv_slice_eq(pv_buf_view(&again), bytes)) {
        while (at < bytes.len && at < again.len &&
               bytes.ptr[at] == again.ptr[at]) {
            at++;
        }
        pv_why_set(why,
                   "byte %zu of the file is not as a receipt is written "
                   "(another spelling, a member that is not known, or cut)",
                   at);
        err = PV_EINVAL;
    }
    pv_buf_clear(&again);
    return err == PV_ERANGE ? PV_EINVAL : err;
}

enum pv_err
pv_receipt_parse(struct pv_slice bytes, struct pv_receipt *ret,
                 struct pv_why *why)
{
    struct pv_receipt receipt = {.owner = NULL};
    json_error_t      error;
    json_t           *root;
    enum pv_err       err;

    if (bytes.len > PV_RECEIPT_MAX) {
        pv_why_set(why, "the file is longer than %d bytes", PV_RECEIPT_MAX);
        return PV_ERANGE;
    }
    root = json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        pv_why_set(why, "the file is no JSON: line %d, column %d: %s",
                   error.line, error.column, error.text);
        return PV_EINVAL;
    }
    err = read_all(root, &receipt, why);
    if (err == PV_OK) {
        err = is_the_spelling(&receipt, bytes, why);
    }
    if (err != PV_OK) {
        json_decref(root);
        return err;
    }
    receipt.owner = root;
    *ret = receipt;
    return PV_OK;
}

void
pv_receipt_clear(struct pv_receipt *receipt)
{
    if (receipt != NULL) {
        json_decref(receipt->owner); /* takes NULL */
        *receipt = (struct pv_receipt){.owner = NULL};
    }
}
