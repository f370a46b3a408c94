/* approval.c - proven first, read then. */
#include "approval.h"

#include <string.h>

#include "base/num.h"

static enum pv_err
prove(const struct pv_approval *approval, const struct pv_note_key *log,
      struct pv_why *why)
{
    struct pv_sha256    *sha = NULL;
    struct pv_checkpoint head;
    struct pv_hash       leaf;
    enum pv_err          err = pv_sha256_new(&sha);

    if (err == PV_OK) {
        err = pv_checkpoint_open(approval->note, log, &head, NULL);
    }
    if (err == PV_OK && approval->number == 0) {
        err = PV_EVERIFY;
    }
    if (err == PV_OK) {
        err = pv_merkle_leaf(sha, approval->document, &leaf);
    }
    if (err == PV_OK) {
        err = pv_merkle_verify_inclusion(sha, approval->number - 1, head.size,
                                         &leaf, approval->proof,
                                         approval->proof_count, &head.root);
    }
    pv_sha256_free(sha);
    if (err != PV_OK && err != PV_ENOMEM) {
        pv_why_set(why,
                   "decision %llu is not proven to stand in the signed "
                   "log: %s",
                   (unsigned long long)approval->number, pv_err_text(err));
        err = PV_EVERIFY;
    }
    return err;
}

static struct pv_slice
text_of(const json_t *object, const char *name)
{
    return pv_slice_from(json_string_value(json_object_get(object, name)));
}

static bool
is_approval(const struct pv_approval *approval, const json_t *document)
{
    return pv_slice_eq(text_of(document, "kind"),
                       PV_LIT("certificate-request")) &&
           pv_slice_eq(text_of(document, "event"), PV_LIT("approve")) &&
           json_integer_value(json_object_get(document, "number")) ==
               (json_int_t)approval->number;
}

static bool
take_names(const json_t *names, struct pv_approved *approved)
{
    json_t *name;
    size_t  i;

    if (json_array_size(names) > PV_PKI_DNS_MAX) {
        return false;
    }
    json_array_foreach(names, i, name)
    {
        approved->dns[i] = pv_slice_from(json_string_value(name));
        if (!pv_pki_is_dns(approved->dns[i])) {
            return false;
        }
        approved->dns_count++;
    }
    return true;
}

static bool
take_data(const json_t *data, struct pv_slice id, struct pv_approved *approved)
{
    char hex[2 * PV_PKI_HASH_LEN];

    pv_hex_text(approved->key.hash, PV_PKI_HASH_LEN, hex);
    approved->system = text_of(data, "system");
    approved->agency = text_of(data, "agency");
    approved->days = json_integer_value(json_object_get(data, "days"));
    return pv_slice_eq(text_of(data, "authority"), id) &&
           pv_slice_eq(text_of(data, "spki_sha256"),
                       (struct pv_slice){hex, sizeof(hex)}) &&
           approved->system.len > 0 && approved->agency.len > 0 &&
           approved->days >= 1 && approved->days <= PV_PKI_LEAF_DAYS_MAX &&
           take_names(json_object_get(data, "names"), approved);
}

enum pv_err
pv_approval_check(const struct pv_approval *approval,
                  const struct pv_note_key *log, struct pv_slice id,
                  struct pv_approved *ret, struct pv_why *why)
{
    struct pv_approved approved = {.document = NULL};
    enum pv_err        err = prove(approval, log, why);

    if (err == PV_OK) {
        err = pv_pki_key_read(approval->key, &approved.key, why);
    }
    if (err != PV_OK) {
        return err;
    }
    approved.document =
        json_loadb(approval->document.ptr, approval->document.len,
                   JSON_REJECT_DUPLICATES, NULL);
    if (!is_approval(approval, approved.document) ||
        !take_data(json_object_get(approved.document, "data"), id, &approved)) {
        pv_why_set(why,
                   "decision %llu does not approve a certificate of this "
                   "authority for this key",
                   (unsigned long long)approval->number);
        pv_approved_clear(&approved);
        return PV_EREFUSED;
    }
    *ret = approved;
    return PV_OK;
}

void
pv_approved_clear(struct pv_approved *approved)
{
    json_decref(approved->document); /* accepts NULL */
    approved->document = NULL;
}
