/*
 * evidence_read.c - reads the evidence of a call and checks it.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "client/evidence_private.h"

#define ROOM (PV_EVIDENCE_METHOD_MAX + 8)

static enum pv_err
take_text(const char *text, char *room, size_t room_len)
{
    return text == NULL ? PV_OK
                        : pv_slice_to_cstr(pv_slice_from(text), room, room_len);
}

static enum pv_err
take_content(struct pv_evidence *evidence, const char *text)
{
    struct pv_slice base64 = pv_slice_from(text);
    enum pv_err     err;

    if (text == NULL) {
        return PV_OK;
    }
    evidence->has_content = true;
    err = pv_buf_reserve(&evidence->content, base64.len / 4 * 3);
    if (err != PV_OK || base64.len == 0) {
        return err;
    }
    return pv_base64_bytes(base64, (uint8_t *)evidence->content.ptr,
                           evidence->content.cap, &evidence->content.len);
}

static enum pv_err
take_signed(struct pv_signed *answer, json_t *object)
{
    const char *digest = NULL, *type = NULL, *signature = NULL, *input = NULL;
    const char *request_digest = NULL, *request_signature = NULL;

    if (object == NULL) {
        return PV_OK;
    }
    if (json_unpack(object, "{s:{s:s,s:s,s:s,s:s!},s:{s:s,s:s!}!}", "answer",
                    "content_digest", &digest, "content_type", &type,
                    "signature", &signature, "signature_input", &input,
                    "request", "content_digest", &request_digest, "signature",
                    &request_signature) == -1 ||
        signature[0] == '\0' ||
        take_text(digest, answer->digest, sizeof(answer->digest)) != PV_OK ||
        take_text(type, answer->type, sizeof(answer->type)) != PV_OK ||
        take_text(signature, answer->signature, sizeof(answer->signature)) !=
            PV_OK ||
        take_text(input, answer->input, sizeof(answer->input)) != PV_OK ||
        take_text(request_digest, answer->request_digest,
                  sizeof(answer->request_digest)) != PV_OK ||
        take_text(request_signature, answer->request_signature,
                  sizeof(answer->request_signature)) != PV_OK) {
        return PV_EINVAL;
    }
    return PV_OK;
}

/* The closed list of members; anything else is PV_EINVAL. */
static enum pv_err
take_members(struct pv_evidence *evidence, json_t *root)
{
    const char *commitment = NULL, *content = NULL, *method = NULL;
    const char *nonce = NULL, *outcome = NULL, *tracking_id = NULL;
    const char *type = NULL;
    json_t     *is_signed = NULL;
    uint8_t     bytes[PV_NONCE_LEN];
    json_int_t  time_ms = 0;
    int         version = 0;

    if (json_unpack(root, "{s:s,s?s,s:s,s:s,s?s,s?o,s:I,s?s,s:s,s:i!}",
                    "commitment", &commitment, "content", &content, "method",
                    &method, "nonce", &nonce, "outcome", &outcome, "signed",
                    &is_signed, "time", &time_ms, "tracking_id", &tracking_id,
                    "type", &type, "v", &version) == -1 ||
        strcmp(type, PV_EVIDENCE_TYPE) != 0 ||
        version != (is_signed == NULL ? PV_EVIDENCE_VERSION
                                      : PV_EVIDENCE_VERSION_SIGNED) ||
        take_signed(&evidence->answer, is_signed) != PV_OK ||
        pv_commitment_bytes(pv_slice_from(commitment), bytes) != PV_OK ||
        pv_commitment_bytes(pv_slice_from(nonce), evidence->nonce) != PV_OK ||
        take_text(commitment, evidence->commitment,
                  sizeof(evidence->commitment)) != PV_OK ||
        take_text(nonce, evidence->nonce_text, sizeof(evidence->nonce_text)) !=
            PV_OK ||
        take_text(method, evidence->method, sizeof(evidence->method)) !=
            PV_OK ||
        take_text(outcome, evidence->outcome, sizeof(evidence->outcome)) !=
            PV_OK ||
        take_text(tracking_id, evidence->tracking_id,
                  sizeof(evidence->tracking_id)) != PV_OK) {
        return PV_EINVAL;
    }
    evidence->time_ms = time_ms;
    return take_content(evidence, content);
}

enum pv_err
pv_evidence_read(struct pv_evidence *evidence, const char *path,
                 struct pv_why *why)
{
    char        *text = NULL;
    size_t       len = 0;
    json_t      *root = NULL;
    json_error_t wrong;
    enum pv_err  err = PV_EINVAL;
    FILE        *file = fopen(path, "re");

    if (file == NULL) {
        pv_why_set(why, "%s: %s", path, strerror(errno));
        return PV_ESYS;
    }
    text = malloc(PV_EVIDENCE_FILE_MAX);
    if (text == NULL) {
        err = PV_ENOMEM;
        goto out;
    }
    len = fread(text, 1, PV_EVIDENCE_FILE_MAX, file);
    if (ferror(file) || len == PV_EVIDENCE_FILE_MAX) {
        goto out;
    }
    root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &wrong);
    if (root != NULL) {
        err = take_members(evidence, root);
    }

out:
    if (err != PV_OK) {
        pv_why_set(why, "%s is not an evidence file of payvand call", path);
    }
    json_decref(root);
    if (text != NULL) {
        explicit_bzero(text, len);
    }
    free(text);
    (void)fclose(file); /* read-only: nothing to lose */
    return err;
}

enum pv_err
pv_evidence_check(const struct pv_evidence *evidence, struct pv_slice content)
{
    char        made[PV_COMMITMENT_TEXT_LEN];
    enum pv_err err = pv_evidence_commit(evidence, content, made);

    if (err != PV_OK) {
        return err;
    }
    return memcmp(made, evidence->commitment, sizeof(made)) == 0 ? PV_OK
                                                                 : PV_EVERIFY;
}

/* ---- the provider's signature ---- */

static struct pv_httpsig_field
field_of(const char *name, const char *value)
{
    return (struct pv_httpsig_field){pv_slice_from(name), pv_slice_from(value)};
}

/* The content that is kept must be the one that was signed as asked. */
static enum pv_err
check_content(const struct pv_evidence *evidence)
{
    if (!evidence->has_content || evidence->answer.request_digest[0] == '\0') {
        return PV_OK;
    }
    return pv_httpsig_digest_check(
        pv_slice_from(evidence->answer.request_digest),
        pv_buf_view(&evidence->content));
}

enum pv_err
pv_evidence_check_answer(const struct pv_evidence    *evidence,
                         const struct pv_httpsig_key *key, struct pv_why *why)
{
    const struct pv_signed       *kept = &evidence->answer;
    const struct pv_httpsig_field asked[] = {
        field_of("content-digest", kept->request_digest),
        field_of("signature", kept->request_signature),
    };
    const struct pv_httpsig_field said[] = {
        field_of("payvand-outcome", evidence->outcome),
        field_of("payvand-tracking-id", evidence->tracking_id),
        field_of("content-type", kept->type),
        field_of("content-digest", kept->digest),
        field_of("signature-input", kept->input),
        field_of("signature", kept->signature),
    };
    char                      path[ROOM];
    struct pv_httpsig_message request = {
        .method = PV_LIT("POST"), .field = asked, .field_count = 2};
    const struct pv_httpsig_message answer = {
        .status = 1, /* it is an answer; its status is in no profile */
        .request = &request,
        .field = said,
        .field_count = sizeof(said) / sizeof(said[0])};
    struct pv_httpsig_input input;
    enum pv_httpsig_fault   fault = PV_HTTPSIG_NONE;
    enum pv_err             err;

    (void)snprintf(path, sizeof(path), "/x/%s", evidence->method); /* fits */
    request.path = pv_slice_from(path);
    /* what was not signed has no such field */
    request.field_count = kept->request_signature[0] != '\0' ? 2
                          : kept->request_digest[0] != '\0'  ? 1
                                                             : 0;
    err = pv_httpsig_open_kept(&answer, &input, &fault);
    if (err == PV_OK) {
        err = pv_httpsig_verify(key, &answer, &input, &fault);
    }
    if (err == PV_OK) {
        err = check_content(evidence);
        fault = err == PV_EVERIFY ? PV_HTTPSIG_DIGEST : fault;
    }
    if (fault != PV_HTTPSIG_NONE) {
        pv_why_set(why, "%s", pv_httpsig_fault_en(fault));
    }
    return err == PV_EINVAL ? PV_EVERIFY : err;
}
