/* logs.c - the file that names the logs. */
#include "base/num.h"
#include "private.h"

enum pv_err
add_log(struct pv_witness *witness, struct pv_slice vkey)
{
    struct seen_log *log = &witness->log[witness->log_count];
    struct pv_slice  origin;
    struct pv_hash   hash;
    enum pv_err      err;

    if (witness->log_count == PV_WITNESS_LOGS_MAX) {
        return PV_ERANGE;
    }
    err = pv_note_key_parse(vkey, &log->key);
    if (err == PV_OK && log->key.type != PV_NOTE_ED25519) {
        err = PV_EINVAL;
    }
    if (err != PV_OK) {
        return err;
    }
    origin = (struct pv_slice){log->key.name, log->key.name_len};
    for (size_t i = 0; i < witness->log_count; i++) {
        if (pv_slice_eq(origin,
                        (struct pv_slice){witness->log[i].key.name,
                                          witness->log[i].key.name_len})) {
            return PV_EEXIST;
        }
    }
    err = pv_sha256(witness->sha, &origin, 1, &hash);
    if (err != PV_OK) {
        return err;
    }
    pv_hex_text(hash.bytes, sizeof(hash.bytes), log->hex);
    log->size = 0;
    log->root = pv_merkle_empty;
    pv_buf_init(&log->note, PV_NOTE_MAX + PV_NOTE_VKEY_MAX);
    witness->log_count++;
    return PV_OK;
}

enum pv_err
read_logs(struct pv_witness *witness, struct pv_slice text, struct pv_why *why)
{
    struct pv_slice line;
    struct pv_slice word;
    struct pv_slice vkey;
    size_t          number = 0;

    while (text.len > 0) {
        enum pv_err err = PV_EINVAL;

        (void)pv_slice_cut(text, '\n', &line, &text); /* or the last one */
        number++;
        line = pv_slice_trim(line);
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        if (pv_slice_cut(line, ' ', &word, &vkey) &&
            pv_slice_eq(word, PV_LIT("log"))) {
            err = add_log(witness, pv_slice_trim(vkey));
        }
        if (err != PV_OK) {
            pv_why_set(why,
                       "line %zu of the file " PV_WITNESS_LOGS
                       " is not `log VKEY` of another log: %s",
                       number, pv_err_text(err));
            return err;
        }
    }
    return PV_OK;
}
