#include "connectord/order.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/num.h"

#define LABEL "payvand method order 2"

/* The value of the input of this name, in a request of `method`. */
static struct pv_slice
value_of(const struct pv_contract_method *method,
         const struct pv_request *request, const char *name)
{
    const struct pv_field *field =
        pv_field_find(method->input, method->input_count, pv_slice_from(name));

    return field == NULL ? PV_LIT("")
                         : request->value[field - method->input].text;
}

/* `of` is the method that request is a request of. */
static enum pv_err
mac(const uint8_t key[PV_KEY_LEN], const char *consumer,
    const struct pv_contract_method *second,
    const struct pv_contract_method *of, const struct pv_request *request,
    uint64_t ends_s, uint8_t ret[PV_KEYED_LEN])
{
    const struct pv_after *after = &second->after;
    struct pv_keyed        keyed;

    pv_keyed_begin(&keyed, LABEL);
    pv_keyed_add_u64(&keyed, ends_s);
    pv_keyed_add(&keyed, pv_slice_from(consumer));
    pv_keyed_add(&keyed, pv_slice_from(after->method->path));
    for (size_t i = 0; i < after->same_count; i++) {
        pv_keyed_add(&keyed,
                     value_of(of, request, second->input[after->same[i]].name));
    }
    return pv_keyed_end(&keyed, key, ret);
}

enum pv_err
pv_order_make(const struct pv_secrets *secrets, const char *consumer,
              const struct pv_contract_method *first,
              const struct pv_contract_method *second,
              const struct pv_request *request, int64_t when_ms,
              char token[PV_ORDER_TOKEN_LEN])
{
    uint64_t    ends_s = (uint64_t)(when_ms / 1000) + second->after.valid_s;
    uint8_t     bytes[PV_ORDER_TOKEN_BYTES];
    enum pv_err err;

    pv_store_be64(bytes, ends_s);
    err = mac(secrets->key[0], consumer, second, first, request, ends_s,
              bytes + 8);
    if (err == PV_OK) {
        pv_base64_text(bytes, sizeof(bytes), token);
    }
    return err;
}

enum pv_err
pv_order_check(const struct pv_secrets *secrets, const char *consumer,
               const struct pv_contract_method *second,
               const struct pv_request *request, int64_t when_ms)
{
    uint8_t     bytes[PV_ORDER_TOKEN_BYTES];
    uint8_t     wanted[PV_KEYED_LEN];
    uint64_t    ends_s;
    enum pv_err err = PV_OK;
    bool        same = false;

    if (pv_base64_exactly(request->order_token, bytes, sizeof(bytes)) !=
        PV_OK) {
        return PV_EVERIFY;
    }
    ends_s = pv_load_be64(bytes);
    for (size_t k = 0; err == PV_OK && !same && k < secrets->count; k++) {
        err = mac(secrets->key[k], consumer, second, second, request, ends_s,
                  wanted);
        same =
            err == PV_OK && CRYPTO_memcmp(wanted, bytes + 8, PV_KEYED_LEN) == 0;
    }
    if (err != PV_OK) {
        return err;
    }
    return same && (uint64_t)(when_ms / 1000) <= ends_s ? PV_OK : PV_EVERIFY;
}
