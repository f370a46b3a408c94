/* add.c - add-checkpoint, in the order of the rules of tlog-witness. */
#include <string.h>

#include "base/base64.h"
#include "base/num.h"
#include "private.h"

#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_SIZE "text/x.tlog.size"
#define ANSWER_MAX 4096

static void
refuse(struct pv_witness_answer *answer, unsigned status, const char *words)
{
    answer->status = status;
    pv_why_set(&answer->why, "%s", words);
    if (pv_buf_addf(&answer->body, "%s\n", words) != PV_OK) {
        answer->body.len = 0; /* the status says it too */
    }
}

bool
parse_add(struct pv_slice body, struct add_request *request)
{
    const struct pv_slice old = PV_SLICE_INIT("old ");
    struct pv_slice       line;

    if (!pv_slice_cut(body, '\n', &line, &body) ||
        !pv_slice_starts(line, old)) {
        return false;
    }
    line.ptr += old.len;
    line.len -= old.len;
    if (pv_slice_to_u64(line, PV_MERKLE_SIZE_MAX, &request->old_size) !=
        PV_OK) {
        return false;
    }
    for (;;) {
        if (!pv_slice_cut(body, '\n', &line, &body)) {
            return false;
        }
        if (line.len == 0) {
            break;
        }
        if (request->proof_count == PV_WITNESS_PROOF_MAX ||
            pv_base64_exactly(line, request->proof[request->proof_count].bytes,
                              PV_HASH_LEN) != PV_OK) {
            return false;
        }
        request->proof_count++;
    }
    request->bytes = body;
    return pv_note_parse(body, &request->note) == PV_OK &&
           pv_checkpoint_parse(request->note.text, &request->checkpoint) ==
               PV_OK;
}

static struct seen_log *
find_log(struct pv_witness *witness, struct pv_slice origin)
{
    for (size_t i = 0; i < witness->log_count; i++) {
        struct seen_log *log = &witness->log[i];

        if (pv_slice_eq(origin,
                        (struct pv_slice){log->key.name, log->key.name_len})) {
            return log;
        }
    }
    return NULL;
}

/* Signed by the log, and yet it does not fit: keep it. */
static void
keep_strange(struct pv_witness *witness, const struct seen_log *log,
             const struct add_request *request)
{
    /* evidence is good to have; the refusal stands without it too */
    if (pv_file_replace(witness->strangefd, log->hex, request->bytes,
                        PV_FILE_MODE_GROUP) != PV_OK) {
        return;
    }
}

static void
conflict(struct pv_witness *witness, const struct seen_log *log,
         const struct add_request *request, struct pv_witness_answer *answer)
{
    answer->status = 409;
    answer->type = TYPE_SIZE;
    pv_why_set(&answer->why, "the last one cosigned is of another size");
    if (pv_buf_add_u64(&answer->body, log->size) != PV_OK ||
        pv_buf_add_char(&answer->body, '\n') != PV_OK) {
        answer->body.len = 0;
        refuse(answer, 500, "no memory");
    }
    if (request->checkpoint.size < log->size) {
        answer->event = PV_WITNESS_ROLLED_BACK;
        keep_strange(witness, log, request);
    }
}

/* The note as it was sent, but with no other line than the log's, and ours. */
static enum pv_err
cosign(struct pv_witness *witness, const struct seen_log *log,
       const struct add_request *request, uint64_t now_s, struct pv_buf *note,
       struct pv_buf *line)
{
    struct pv_slice          rest = request->note.signatures;
    struct pv_note_signature signature;
    enum pv_err err = pv_note_sign(line, &witness->key, witness->secret,
                                   request->note.text, now_s);

    if (err == PV_OK) {
        err = pv_buf_add(note, request->note.text);
    }
    if (err == PV_OK) {
        err = pv_buf_add_char(note, '\n');
    }
    while (err == PV_OK && pv_note_next(&rest, &signature)) {
        if (signature.id == log->key.id &&
            pv_slice_eq(signature.name, request->checkpoint.origin)) {
            err = pv_buf_add(note, signature.line);
            break; /* one is enough */
        }
    }
    return err == PV_OK ? pv_buf_add(note, pv_buf_view(line)) : err;
}

static void
accept(struct pv_witness *witness, struct seen_log *log,
       const struct add_request *request, uint64_t now_s,
       struct pv_witness_answer *answer)
{
    struct pv_buf note;
    enum pv_err   err;

    pv_buf_init(&note, log->note.max);
    err = cosign(witness, log, request, now_s, &note, &answer->body);
    if (err != PV_OK) {
        answer->body.len = 0;
        refuse(answer, 500, "it cannot be signed now");
        goto out;
    }
    err = pv_file_replace(witness->seenfd, log->hex, pv_buf_view(&note),
                          PV_FILE_MODE_GROUP);
    if (err != PV_OK) {
        /* which of the two is on disk is not known: no word more */
        answer->body.len = 0;
        witness->broken = true;
        answer->event = PV_WITNESS_BROKEN;
        refuse(answer, 500, "what was seen cannot be written down");
        goto out;
    }
    pv_buf_clear(&log->note);
    log->note = note;
    pv_buf_init(&note, 0);
    log->size = request->checkpoint.size;
    log->root = request->checkpoint.root;
    answer->status = 200;
    answer->event = PV_WITNESS_COSIGNED;

out:
    pv_buf_clear(&note);
}

/* The checkpoint is the log's: does it grow out of what was seen? */
static void
judge(struct pv_witness *witness, struct seen_log *log,
      const struct add_request *request, uint64_t now_s,
      struct pv_witness_answer *answer)
{
    const struct pv_checkpoint *checkpoint = &request->checkpoint;
    enum pv_err                 err;

    if (request->old_size > checkpoint->size) {
        refuse(answer, 400, "the old size is above the checkpoint's");
        return;
    }
    if (request->old_size != log->size) {
        conflict(witness, log, request, answer);
        return;
    }
    err = pv_merkle_verify_consistency(
        witness->sha, log->size, checkpoint->size, &log->root,
        &checkpoint->root, request->proof, request->proof_count);
    if (err == PV_EVERIFY) {
        answer->event = PV_WITNESS_SPLIT;
        keep_strange(witness, log, request);
        refuse(answer, 422,
               "nothing shows that the tree that was seen is its beginning");
        return;
    }
    if (err != PV_OK) {
        refuse(answer, 500, "it cannot be checked now");
        return;
    }
    accept(witness, log, request, now_s, answer);
}

void
pv_witness_add(struct pv_witness *witness, struct pv_slice body, uint64_t now_s,
               struct pv_witness_answer *answer)
{
    struct add_request request = {.proof_count = 0};
    struct seen_log   *log;
    enum pv_err        err;

    *answer = (struct pv_witness_answer){.status = 500, .type = TYPE_TEXT};
    pv_buf_init(&answer->body, ANSWER_MAX);
    if (witness->broken) {
        refuse(answer, 500, "what was seen could not be written down before");
        return;
    }
    if (body.len > PV_WITNESS_BODY_MAX || !parse_add(body, &request)) {
        refuse(answer, 400, "not an add-checkpoint request");
        return;
    }
    answer->origin = request.checkpoint.origin;
    answer->size = request.checkpoint.size;
    log = find_log(witness, request.checkpoint.origin);
    if (log == NULL) {
        refuse(answer, 404, "no such log here");
        return;
    }
    answer->seen_size = log->size;
    err = pv_note_verify(&request.note, &log->key, NULL);
    if (err == PV_ENOTFOUND || err == PV_EVERIFY) {
        refuse(answer, 403, "not signed by the log's key");
        return;
    }
    if (err != PV_OK) {
        refuse(answer, 500, "it cannot be checked now");
        return;
    }
    judge(witness, log, &request, now_s, answer);
}

enum pv_err
pv_witness_latest(const struct pv_witness *witness, struct pv_slice origin_hex,
                  struct pv_buf *out)
{
    for (size_t i = 0; i < witness->log_count; i++) {
        const struct seen_log *log = &witness->log[i];

        if (log->note.len > 0 &&
            pv_slice_eq(origin_hex, pv_slice_from(log->hex))) {
            return pv_buf_add(out, pv_buf_view(&log->note));
        }
    }
    return PV_ENOTFOUND;
}
