/* state.c - a signed state: its text, and whether it is what was signed. */
#include <string.h>

#include "base/num.h"
#include "rights/rights.h"

#define NOTE_LINES 6 /* four of text, an empty one, a signature */
#define WORD "/rights/"

enum pv_err
pv_rights_text(const struct pv_note_key *key, const struct pv_rights_head *head,
               struct pv_buf *out)
{
    char digest[PV_BASE64_LEN(PV_HASH_LEN)];

    if (head->agency.len == 0 || head->agency.len > PV_RIGHTS_AGENCY_MAX ||
        !pv_note_is_name(head->agency) ||
        memchr(head->agency.ptr, '/', head->agency.len) != NULL) {
        return PV_EINVAL;
    }
    pv_base64_text(head->body.bytes, PV_HASH_LEN, digest);
    return pv_buf_addf(
        out, "%.*s" WORD "%.*s\n%llu\n%llu\n%.*s\n", (int)key->name_len,
        key->name, PV_FMT(head->agency), (unsigned long long)head->decision,
        (unsigned long long)head->when_s, (int)sizeof(digest), digest);
}

enum pv_err
pv_rights_cut(struct pv_slice state, struct pv_slice *ret_note,
              struct pv_slice *ret_body)
{
    struct pv_slice rest = state;
    struct pv_slice line;

    for (int i = 0; i < NOTE_LINES; i++) {
        if (!pv_slice_cut(rest, '\n', &line, &rest)) {
            return PV_EINVAL;
        }
    }
    *ret_note = (struct pv_slice){state.ptr, state.len - rest.len};
    *ret_body = rest;
    return PV_OK;
}

enum pv_err
pv_rights_agency(struct pv_slice state, struct pv_slice *ret)
{
    struct pv_slice line;
    struct pv_slice rest;
    size_t          at;

    if (!pv_slice_cut(state, '\n', &line, &rest)) {
        return PV_EINVAL;
    }
    for (at = line.len; at > 0 && line.ptr[at - 1] != '/'; at--) {
    }
    *ret = (struct pv_slice){line.ptr + at, line.len - at};
    return PV_OK;
}

static enum pv_err
read_text(struct pv_slice text, struct pv_rights_head *ret)
{
    struct pv_slice line[4];
    enum pv_err     err;

    for (size_t i = 0; i < 4; i++) {
        if (!pv_slice_cut(text, '\n', &line[i], &text)) {
            return PV_EINVAL;
        }
    }
    err = pv_slice_to_u64(line[1], INT64_MAX, &ret->decision);
    if (err == PV_OK) {
        err = pv_slice_to_u64(line[2], INT64_MAX / 1000, &ret->when_s);
    }
    if (err == PV_OK) {
        err = pv_base64_exactly(line[3], ret->body.bytes, PV_HASH_LEN);
    }
    return err;
}

static enum pv_err
check_body(struct pv_slice body, const struct pv_hash *signed_hash)
{
    struct pv_sha256 *sha = NULL;
    struct pv_hash    hash;
    enum pv_err       err = pv_sha256_new(&sha);

    if (err == PV_OK) {
        err = pv_sha256(sha, &body, 1, &hash);
    }
    if (err == PV_OK && !pv_hash_eq(&hash, signed_hash)) {
        err = PV_EVERIFY;
    }
    pv_sha256_free(sha);
    return err;
}

enum pv_err
pv_rights_open(struct pv_slice state, const struct pv_note_key *key,
               struct pv_slice agency, struct pv_rights_head *ret,
               struct pv_slice *ret_body)
{
    struct pv_rights_head head = {.agency = agency};
    struct pv_note        note = {.count = 0};
    struct pv_slice       bytes;
    struct pv_slice       body;
    struct pv_buf         text;
    enum pv_err           err = pv_rights_cut(state, &bytes, &body);

    pv_buf_init(&text, PV_RIGHTS_TEXT_MAX);
    if (err == PV_OK) {
        err = pv_note_parse(bytes, &note);
    }
    if (err == PV_OK) {
        err = pv_note_verify(&note, key, NULL);
        err = err == PV_ENOTFOUND ? PV_EVERIFY : err;
    }
    if (err == PV_OK) {
        err = read_text(note.text, &head);
    }
    if (err == PV_OK) { /* one form, of this log and this agency */
        err = pv_rights_text(key, &head, &text);
    }
    if (err == PV_OK && !pv_slice_eq(pv_buf_view(&text), note.text)) {
        err = PV_EVERIFY;
    }
    if (err == PV_OK) {
        err = check_body(body, &head.body);
    }
    pv_buf_clear(&text);
    if (err == PV_OK) {
        *ret = head;
        *ret_body = body;
    }
    return err;
}

bool
pv_rights_is_older(const struct pv_rights_head *head,
                   const struct pv_rights_head *held)
{
    return head->decision < held->decision || head->when_s < held->when_s;
}

bool
pv_rights_is_ahead(const struct pv_rights_head *head, int64_t now_ms)
{
    uint64_t now_s = now_ms > 0 ? (uint64_t)now_ms / 1000 : 0;

    return head->when_s > now_s && head->when_s - now_s > PV_RIGHTS_AHEAD_MAX_S;
}
