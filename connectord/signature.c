#include "connectord/signature.h"

#include <poll.h>
#include <string.h>

#include "base/time.h"
#include "connectord/message.h"

/*
 * A signature's time is in whole seconds: what the process before this one took
 * was made in an earlier one than the second that has begun when this returns.
 */
static int64_t
wait_for_a_second(void)
{
    int64_t begun_s = pv_time_wall_ms() / 1000;

    while (pv_time_wall_ms() / 1000 == begun_s) {
        (void)poll(NULL, 0, (int)(1000 - pv_time_wall_ms() % 1000));
        /* a signal ends it early, and it looks again */
    }
    return pv_time_wall_ms() / 1000;
}

enum pv_err
pv_signatures_init(struct pv_signatures             *signatures,
                   const struct pv_connector_config *config,
                   struct pv_signer                 *signer)
{
    *signatures = (struct pv_signatures){.config = config, .signer = signer};
    if (config->consumer_count == 0) {
        return PV_OK;
    }
    signatures->since_s = wait_for_a_second();
    /* 8 MiB, kept in memory: only where some request can be verified */
    return pv_nonces_new(PV_SIGNATURE_NONCES_MAX, &signatures->nonces);
}

void
pv_signatures_clear(struct pv_signatures *signatures)
{
    pv_nonces_free(signatures->nonces);
    signatures->nonces = NULL;
}

/* What is known here of a system. */
struct known {
    bool                         has_key;
    bool                         must_sign;
    const struct pv_httpsig_key *key; /* the one with the id asked for */
};

static struct known
look_up(const struct pv_connector_config *config, const char *system,
        struct pv_slice keyid)
{
    struct known known = {false, false, NULL};

    for (size_t i = 0; i < config->consumer_count; i++) {
        const struct pv_consumer_key *row = &config->consumer[i];

        if (strcmp(row->system, system) != 0) {
            continue;
        }
        known.has_key = true;
        known.must_sign |= row->must_sign;
        if (pv_slice_eq(pv_slice_from(pv_httpsig_key_id(row->key)), keyid)) {
            known.key = row->key;
        }
    }
    return known;
}

/* Without a signature, a digest that is there must be right all the same. */
static enum pv_err
check_digest(const struct pv_httpsig_message *request, struct pv_slice body,
             enum pv_httpsig_fault *ret_fault)
{
    struct pv_slice digest;
    enum pv_err     err;

    if (!pv_httpsig_field_find(request, PV_LIT("content-digest"), &digest)) {
        return PV_OK;
    }
    err = pv_httpsig_digest_check(digest, body);
    if (err == PV_EINVAL || err == PV_EVERIFY) {
        *ret_fault = PV_HTTPSIG_DIGEST;
        return PV_EVERIFY;
    }
    return err;
}

static enum pv_err
check_signed(struct pv_signatures            *signatures,
             const struct pv_httpsig_message *request, struct pv_slice body,
             const char *system, enum pv_httpsig_fault *ret_fault)
{
    struct pv_httpsig_input input;
    struct known            known;
    enum pv_err             err;

    err = pv_httpsig_open(request, body, pv_time_wall_ms() / 1000, &input,
                          ret_fault);
    if (err != PV_OK) {
        return err;
    }
    known = look_up(signatures->config, system, input.keyid);
    if (known.key == NULL) {
        *ret_fault = PV_HTTPSIG_KEY;
        return PV_EVERIFY;
    }
    err = pv_httpsig_verify(known.key, request, &input, ret_fault);
    if (err != PV_OK) {
        return err;
    }
    if (input.created < signatures->since_s) {
        *ret_fault = PV_HTTPSIG_CLOCK; /* it may have been taken before */
        return PV_EVERIFY;
    }
    err = pv_nonces_take(signatures->nonces, input.keyid, input.nonce,
                         pv_time_monotonic_ms() / 1000);
    if (err == PV_EEXIST) {
        *ret_fault = PV_HTTPSIG_REPLAYED;
        err = PV_EVERIFY;
    }
    return err;
}

enum pv_err
pv_signatures_check(struct pv_signatures            *signatures,
                    const struct pv_httpsig_message *request,
                    struct pv_slice body, const char *system,
                    enum pv_httpsig_fault *ret_fault)
{
    struct known known = look_up(signatures->config, system, PV_LIT(""));

    if (known.has_key && pv_httpsig_is_signed(request)) {
        return check_signed(signatures, request, body, system, ret_fault);
    }
    if (known.must_sign) {
        *ret_fault = PV_HTTPSIG_MISSING;
        return PV_EVERIFY;
    }
    return check_digest(request, body, ret_fault);
}

void
pv_signing_init(struct pv_signing *signing)
{
    pv_buf_init(&signing->bases, PV_SIGNER_PACKET_MAX);
    signing->count = 0;
}

void
pv_signing_clear(struct pv_signing *signing)
{
    pv_buf_clear(&signing->bases);
    signing->count = 0;
}

enum pv_err
pv_signatures_add(const struct pv_signatures      *signatures,
                  const struct pv_httpsig_message *answer, struct pv_slice body,
                  struct pv_signing *signing, struct pv_httpsig_made *ret)
{
    struct pv_buf base;
    size_t        at = signing->bases.len;
    enum pv_err   err;

    if (signatures->signer->fd == -1) {
        return PV_ENOTFOUND;
    }
    if (signing->count == PV_SIGNER_BATCH) {
        return PV_EFULL;
    }
    pv_buf_init(&base, PV_HTTPSIG_BASE_MAX);
    err = pv_httpsig_prepare(answer, body, signatures->signer->keyid,
                             pv_time_wall_ms() / 1000, ret, &base);
    if (err == PV_OK) {
        err = pv_put_text(&signing->bases, pv_buf_view(&base));
        if (err != PV_OK) {
            signing->bases.len = at;
            err = err == PV_ERANGE && at > 0 ? PV_EFULL : err;
        }
    }
    if (err == PV_OK) {
        signing->made[signing->count++] = ret;
    }
    pv_buf_clear(&base);
    return err;
}

enum pv_err
pv_signatures_make(const struct pv_signatures *signatures,
                   struct pv_signing          *signing)
{
    uint8_t     signature[PV_SIGNER_BATCH][PV_HTTPSIG_SIGNATURE_LEN];
    enum pv_err err = PV_OK;

    if (signing->count > 0) {
        err = pv_signer_sign(signatures->signer, pv_buf_view(&signing->bases),
                             signing->count, signature);
    }
    for (size_t i = 0; err == PV_OK && i < signing->count; i++) {
        pv_httpsig_finish(signature[i], signing->made[i]);
    }
    signing->count = 0;
    signing->bases.len = 0;
    return err;
}
