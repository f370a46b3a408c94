/*
 * trust.c - keys given on the command line.
 */
#include "trust.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd.h"

void
pv_cli_trust_init(struct pv_cli_trust *trust)
{
    memset(trust, 0, sizeof(*trust));
    trust->quorum = UINT64_MAX;
}

static bool
take_key(const char *text, enum pv_note_type type, const char *what,
         struct pv_note_key *ret)
{
    enum pv_err err = pv_note_key_parse(pv_slice_from(text), ret);

    if (err != PV_OK) {
        pv_cli_error("--%s: %s: %s", what,
                     err == PV_EVERIFY
                         ? "the key id does not belong to name and key"
                         : "not a public key of the form name+id+base64",
                     text);
        return false;
    }
    if (ret->type != type) {
        pv_cli_error("--%s: %s", what,
                     type == PV_NOTE_ED25519
                         ? "that is a witness's key"
                         : "that is a log's key, not a witness's");
        return false;
    }
    return true;
}

bool
pv_cli_trust_take(struct pv_cli_trust *trust, int option, const char *value)
{
    switch (option) {
    case PV_CLI_OPT_LOG_KEY:
        trust->has_log = true;
        return take_key(value, PV_NOTE_ED25519, "log-key", &trust->log);
    case PV_CLI_OPT_WITNESS_KEY:
        if (trust->witness_count == PV_CLI_WITNESSES_MAX) {
            pv_cli_error("at most %d witnesses", PV_CLI_WITNESSES_MAX);
            return false;
        }
        return take_key(value, PV_NOTE_COSIGNATURE, "witness-key",
                        &trust->witness[trust->witness_count++]);
    case PV_CLI_OPT_WITNESSES:
        return pv_slice_to_u64(pv_slice_from(value), PV_CLI_WITNESSES_MAX,
                               &trust->quorum) == PV_OK;
    default:
        return false;
    }
}

bool
pv_cli_trust_is_whole(const struct pv_cli_trust *trust)
{
    return trust->has_log && (trust->quorum == UINT64_MAX ||
                              trust->quorum <= trust->witness_count);
}

struct pv_receipt_trust
pv_cli_trust_view(const struct pv_cli_trust *trust)
{
    return (struct pv_receipt_trust){
        .log = &trust->log,
        .witness = trust->witness,
        .witness_count = trust->witness_count,
        .quorum = trust->quorum == UINT64_MAX ? trust->witness_count
                                              : (size_t)trust->quorum,
    };
}

enum pv_err
pv_cli_read_file(const char *name, struct pv_buf *out)
{
    bool        is_stdin = strcmp(name, "-") == 0;
    int         fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    ssize_t     n = 1;
    enum pv_err err = fd == -1 ? PV_ESYS : PV_OK;

    while (err == PV_OK && n > 0) {
        err = pv_buf_reserve(out, 1);
        if (err == PV_OK) {
            n = read(fd, out->ptr + out->len, out->cap - out->len);
            err = n == -1 ? PV_ESYS : PV_OK;
            out->len += n > 0 ? (size_t)n : 0;
        }
    }
    if (fd != -1 && !is_stdin) {
        (void)close(fd); /* read-only: nothing to lose */
    }
    return err;
}
