/*
 * Laws: text, empty line and the lines of a note are the note again; lines
 * alone read as they did in the note; a vkey that parses is written again to
 * the same bytes.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "trace/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_key(struct pv_slice text)
{
    struct pv_note_key key;
    struct pv_buf      out;
    enum pv_err        err;

    if (pv_note_key_parse(text, &key) != PV_OK) {
        return;
    }
    pv_buf_init(&out, PV_NOTE_VKEY_MAX);
    err = pv_note_key_write(&key, &out);
    assert(err == PV_OK && pv_slice_eq(pv_buf_view(&out), text));
    pv_buf_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pv_slice          bytes = {(const char *)data, size};
    struct pv_note           note;
    struct pv_note_signature signature;
    struct pv_slice          rest;
    size_t                   count = 0;
    const char              *at;
    enum pv_err              err;

    try_key(bytes);
    if (pv_note_parse(bytes, &note) != PV_OK) {
        return 0;
    }
    assert(note.text.ptr == bytes.ptr);
    assert(note.text.len + 1 + note.signatures.len == bytes.len);
    assert(bytes.ptr[note.text.len] == '\n');
    err = pv_note_parse_lines(note.signatures, &count);
    assert(err == PV_OK && count == note.count && count > 0);
    rest = note.signatures;
    at = rest.ptr;
    while (pv_note_next(&rest, &signature)) {
        assert(signature.line.ptr == at);
        at += signature.line.len;
        count--;
    }
    assert(count == 0 && at == bytes.ptr + bytes.len);
    return 0;
}
