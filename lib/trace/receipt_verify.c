#include "trace/receipt.h"

#include "base/base64.h"

/* What the checks share. */
struct check {
    const struct pv_receipt       *receipt;
    const struct pv_receipt_trust *trust;
    struct pv_receipt_verdict     *verdict;
    struct pv_why                 *why;
    struct pv_sha256              *sha;
};

const char *
pv_receipt_fault_word(enum pv_receipt_fault fault)
{
    static const char *const word[PV_RECEIPT_FAULTS] = {
        [PV_RECEIPT_UNCHECKED] = "unchecked",
        [PV_RECEIPT_GOOD] = "good",
        [PV_RECEIPT_NOTE] = "note",
        [PV_RECEIPT_LOG_UNSIGNED] = "log-unsigned",
        [PV_RECEIPT_LOG_SIGNATURE] = "log-signature",
        [PV_RECEIPT_CHECKPOINT] = "checkpoint",
        [PV_RECEIPT_WITNESS] = "witness",
        [PV_RECEIPT_QUORUM] = "quorum",
        [PV_RECEIPT_ENTRY] = "entry",
        [PV_RECEIPT_INDEX] = "index",
        [PV_RECEIPT_PROOF] = "proof",
        [PV_RECEIPT_COMPLETION_ENTRY] = "completion-entry",
        [PV_RECEIPT_COMPLETION_OF] = "completion-of",
        [PV_RECEIPT_COMPLETION_INDEX] = "completion-index",
        [PV_RECEIPT_COMPLETION_PROOF] = "completion-proof",
    };

    return fault < PV_RECEIPT_FAULTS ? word[fault] : word[0];
}

static enum pv_err
fault(const struct check *check, enum pv_receipt_fault which)
{
    check->verdict->fault = which;
    return PV_EVERIFY;
}

static struct pv_slice
name_of(const struct pv_note_key *key)
{
    return (struct pv_slice){key->name, key->name_len};
}

static enum pv_err
check_log(const struct check *check)
{
    const struct pv_note_key *log = check->trust->log;
    struct pv_note           *note = &check->verdict->note;
    struct pv_checkpoint     *checkpoint = &check->verdict->checkpoint;
    enum pv_err err = pv_note_parse(check->receipt->checkpoint, note);

    if (err == PV_EINVAL || err == PV_ERANGE) {
        pv_why_set(check->why, "the checkpoint is not a signed note");
        return fault(check, PV_RECEIPT_NOTE);
    }
    if (err == PV_OK) {
        err = pv_note_verify(note, log, NULL);
    }
    if (err == PV_ENOTFOUND) {
        pv_why_set(check->why,
                   "the checkpoint has no signature line of %.*s with key id "
                   "%08x",
                   PV_FMT(name_of(log)), log->id);
        return fault(check, PV_RECEIPT_LOG_UNSIGNED);
    }
    if (err == PV_EVERIFY) {
        pv_why_set(check->why,
                   "the signature line of %.*s does not verify: text or "
                   "signature was changed",
                   PV_FMT(name_of(log)));
        return fault(check, PV_RECEIPT_LOG_SIGNATURE);
    }
    if (err != PV_OK) {
        return err;
    }
    if (pv_checkpoint_parse(note->text, checkpoint) != PV_OK ||
        checkpoint->extensions.len > 0 ||
        !pv_slice_eq(checkpoint->origin, name_of(log))) {
        pv_why_set(check->why,
                   "the signed text is not a checkpoint of %.*s: name, size "
                   "and root, three lines",
                   PV_FMT(name_of(log)));
        return fault(check, PV_RECEIPT_CHECKPOINT);
    }
    return PV_OK;
}

static enum pv_err
check_witnesses(const struct check *check)
{
    const struct pv_receipt_trust *trust = check->trust;
    const struct pv_note          *note = &check->verdict->note;

    for (size_t i = 0; i < trust->witness_count; i++) {
        if (pv_note_verify(note, &trust->witness[i], NULL) == PV_EVERIFY) {
            pv_why_set(check->why,
                       "the cosignature line of %.*s does not verify",
                       PV_FMT(name_of(&trust->witness[i])));
            return fault(check, PV_RECEIPT_WITNESS);
        }
    }
    if (trust->witness_count > 0) {
        enum pv_err err =
            pv_checkpoint_cosigned(note, trust->witness, trust->witness_count,
                                   &check->verdict->cosigned);

        if (err != PV_OK) {
            return err;
        }
    }
    if (check->verdict->cosigned < trust->quorum) {
        pv_why_set(check->why,
                   "%zu of the %zu witnesses given signed the checkpoint; %zu "
                   "are needed",
                   check->verdict->cosigned, trust->witness_count,
                   trust->quorum);
        return fault(check, PV_RECEIPT_QUORUM);
    }
    return PV_OK;
}

static enum pv_err
check_leaf(const struct check *check, const struct pv_receipt_leaf *leaf,
           const char *what, enum pv_receipt_fault bad_index,
           enum pv_receipt_fault bad_proof, struct pv_hash *ret_hash)
{
    const struct pv_checkpoint *checkpoint = &check->verdict->checkpoint;
    struct pv_hash              hash;
    char                        text[PV_BASE64_LEN(PV_HASH_LEN)];
    char                        root[PV_BASE64_LEN(PV_HASH_LEN)];
    enum pv_err err = pv_merkle_leaf(check->sha, leaf->entry, &hash);

    if (err == PV_OK) {
        *ret_hash = hash;
        err = pv_merkle_verify_inclusion(
            check->sha, leaf->index, checkpoint->size, &hash, leaf->proof.hash,
            leaf->proof.count, &checkpoint->root);
    }
    if (err == PV_ERANGE) {
        pv_why_set(check->why,
                   "leaf %llu of the %s is outside of the checkpoint's %llu",
                   (unsigned long long)leaf->index, what,
                   (unsigned long long)checkpoint->size);
        return fault(check, bad_index);
    }
    if (err == PV_EVERIFY) {
        pv_base64_text(hash.bytes, PV_HASH_LEN, text);
        pv_base64_text(checkpoint->root.bytes, PV_HASH_LEN, root);
        pv_why_set(check->why,
                   "the proof of the %s (%zu hashes) does not lead from leaf "
                   "%llu with hash %.*s to the root %.*s: entry, index or "
                   "proof was changed",
                   what, leaf->proof.count, (unsigned long long)leaf->index,
                   (int)sizeof(text), text, (int)sizeof(root), root);
        return fault(check, bad_proof);
    }
    return err;
}

static enum pv_err
check_request(const struct check *check)
{
    struct pv_record *record = &check->verdict->record;

    if (pv_record_parse(check->receipt->request.entry, record) != PV_OK ||
        record->type != PV_RECORD_REQUEST) {
        pv_why_set(check->why, "the entry is not the record of a request");
        return fault(check, PV_RECEIPT_ENTRY);
    }
    return check_leaf(check, &check->receipt->request, "request",
                      PV_RECEIPT_INDEX, PV_RECEIPT_PROOF,
                      &check->verdict->leaf);
}

static enum pv_err
check_completion(const struct check *check)
{
    const struct pv_receipt *receipt = check->receipt;
    struct pv_completion    *completion = &check->verdict->completion;
    struct pv_record         record;
    struct pv_hash           hash;
    struct pv_slice          rest;

    if (!receipt->has_completion) {
        return PV_OK;
    }
    if (pv_record_parse(receipt->completion.entry, &record) != PV_OK ||
        record.type != PV_RECORD_COMPLETIONS) {
        pv_why_set(check->why,
                   "the entry of the completion is not a completions record");
        return fault(check, PV_RECEIPT_COMPLETION_ENTRY);
    }
    rest = record.completions;
    do {
        if (pv_record_next_completion(&rest, completion) != PV_OK) {
            pv_why_set(check->why,
                       "the completions record does not name leaf %llu",
                       (unsigned long long)receipt->request.index);
            return fault(check, PV_RECEIPT_COMPLETION_OF);
        }
    } while (completion->of != receipt->request.index);
    return check_leaf(check, &receipt->completion, "completion",
                      PV_RECEIPT_COMPLETION_INDEX, PV_RECEIPT_COMPLETION_PROOF,
                      &hash);
}

enum pv_err
pv_receipt_verify(const struct pv_receipt       *receipt,
                  const struct pv_receipt_trust *trust,
                  struct pv_receipt_verdict *verdict, struct pv_why *why)
{
    static enum pv_err (*const step[])(const struct check *check) = {
        check_log, check_witnesses, check_request, check_completion};
    struct check check = {receipt, trust, verdict, why, NULL};
    enum pv_err  err = pv_sha256_new(&check.sha);

    *verdict = (struct pv_receipt_verdict){.fault = PV_RECEIPT_UNCHECKED};
    for (size_t i = 0; err == PV_OK && i < sizeof(step) / sizeof(step[0]);
         i++) {
        err = step[i](&check);
    }
    if (err == PV_OK) {
        verdict->fault = PV_RECEIPT_GOOD;
    }
    pv_sha256_free(check.sha);
    return err;
}
