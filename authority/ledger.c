/* ledger.c - the authority's own memory. */
#include "ledger.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "authority.h"
#include "base/num.h"
#include "daemon/file.h"

#define NUMBER_ROOM (PV_U64_TEXT_MAX + 1)
#define LINE_MAX_LEN (2 * PV_PKI_SERIAL_MAX + 32)
#define REVOKED_FILE_MAX ((size_t)PV_PKI_REVOKED_MAX * LINE_MAX_LEN)

/* ---- serials ---- */

/* DER may put a zero in front; a number has none. */
static struct pv_slice
bare(const uint8_t *serial, size_t len)
{
    while (len > 1 && serial[0] == 0) {
        serial++;
        len--;
    }
    return (struct pv_slice){(const char *)serial, len};
}

static bool
is_same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return pv_slice_eq(bare(a, a_len), bare(b, b_len));
}

static struct pv_pki_revoked *
find_revoked(const struct pv_ledger *ledger, const uint8_t *serial, size_t len)
{
    for (size_t i = 0; i < ledger->revoked_count; i++) {
        if (is_same(ledger->revoked[i].serial, ledger->revoked[i].serial_len,
                    serial, len)) {
            return &ledger->revoked[i];
        }
    }
    return NULL;
}

bool
pv_ledger_has(const struct pv_ledger *ledger, const uint8_t *serial, size_t len)
{
    for (size_t i = 0; i < ledger->issued_count; i++) {
        if (is_same(ledger->issued[i].bytes, ledger->issued[i].len, serial,
                    len)) {
            return true;
        }
    }
    return false;
}

enum pv_err
pv_ledger_serials(const struct pv_ledger *ledger, struct pv_buf *out)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; i < ledger->issued_count && err == PV_OK; i++) {
        const struct pv_ledger_serial *one = &ledger->issued[i];
        const struct pv_slice          serial = bare(one->bytes, one->len);
        char                           line[2 * PV_PKI_SERIAL_MAX + 1];

        pv_hex_text((const uint8_t *)serial.ptr, serial.len, line);
        line[2 * serial.len] = '\n';
        err = pv_buf_add(out, (struct pv_slice){line, 2 * serial.len + 1});
    }
    return err;
}

struct pv_ocsp_said
pv_ledger_said(const struct pv_ledger     *ledger,
               const struct pv_ocsp_asked *asked)
{
    const struct pv_pki_revoked *revoked =
        find_revoked(ledger, asked->serial, asked->serial_len);

    if (revoked != NULL) {
        return (struct pv_ocsp_said){PV_OCSP_REVOKED, revoked->when_ms,
                                     revoked->reason};
    }
    return (struct pv_ocsp_said){
        .state = pv_ledger_has(ledger, asked->serial, asked->serial_len)
                     ? PV_OCSP_GOOD
                     : PV_OCSP_UNKNOWN};
}

/* ---- issued ---- */

static enum pv_err
remember(struct pv_ledger *ledger, struct pv_slice pem)
{
    struct pv_pki_facts      facts;
    struct pv_ledger_serial *one = &ledger->issued[ledger->issued_count];

    if (ledger->issued_count == PV_AUTHORITY_ISSUED_MAX) {
        return PV_EFULL;
    }
    if (pv_pki_certificate_read(pem, &facts, NULL) != PV_OK) {
        return PV_ECORRUPT;
    }
    one->len = (uint8_t)facts.serial_len;
    memcpy(one->bytes, facts.serial, facts.serial_len);
    ledger->issued_count++;
    return PV_OK;
}

static enum pv_err
read_issued(struct pv_ledger *ledger)
{
    DIR           *folder = fdopendir(dup(ledger->issuedfd));
    struct dirent *entry;
    enum pv_err    err = folder == NULL ? PV_ESYS : PV_OK;

    while (err == PV_OK && (entry = readdir(folder)) != NULL) {
        struct pv_buf pem;
        uint64_t      number;

        /* a name.tmp was never given away */
        if (pv_slice_to_u64(pv_slice_from(entry->d_name), INT64_MAX, &number) !=
            PV_OK) {
            continue;
        }
        pv_buf_init(&pem, PV_PKI_PEM_MAX);
        err = pv_file_read(ledger->issuedfd, entry->d_name, &pem);
        if (err == PV_OK) {
            err = remember(ledger, pv_buf_view(&pem));
        }
        pv_buf_clear(&pem);
    }
    if (folder != NULL) {
        (void)closedir(folder); /* read-only: nothing to lose */
    }
    return err;
}

static void
name_of(uint64_t number, char room[NUMBER_ROOM])
{
    room[pv_u64_text(number, room)] = '\0';
}

enum pv_err
pv_ledger_get(const struct pv_ledger *ledger, uint64_t number,
              struct pv_buf *out)
{
    char name[NUMBER_ROOM];

    name_of(number, name);
    return pv_file_read(ledger->issuedfd, name, out);
}

enum pv_err
pv_ledger_add(struct pv_ledger *ledger, uint64_t number, struct pv_slice pem)
{
    char        name[NUMBER_ROOM];
    enum pv_err err;

    if (ledger->issued_count == PV_AUTHORITY_ISSUED_MAX) {
        return PV_EFULL;
    }
    name_of(number, name);
    err = pv_file_replace(ledger->issuedfd, name, pem, PV_FILE_MODE_OWN);
    return err == PV_OK ? remember(ledger, pem) : err;
}

/* ---- revoked ---- */

/* "serial moment reason" */
static enum pv_err
read_line(struct pv_slice line, struct pv_pki_revoked *ret)
{
    struct pv_slice serial;
    struct pv_slice moment;
    struct pv_slice reason;
    uint64_t        when;
    uint64_t        code;

    if (!pv_slice_cut(line, ' ', &serial, &moment) ||
        !pv_slice_cut(moment, ' ', &moment, &reason) || serial.len == 0 ||
        serial.len % 2 != 0 || serial.len / 2 > PV_PKI_SERIAL_MAX ||
        pv_hex_bytes(serial, ret->serial, serial.len / 2) != PV_OK ||
        pv_slice_to_u64(moment, INT64_MAX, &when) != PV_OK ||
        pv_slice_to_u64(reason, UINT8_MAX, &code) != PV_OK ||
        !pv_pki_is_reason((unsigned)code)) {
        return PV_ECORRUPT;
    }
    ret->serial_len = serial.len / 2;
    ret->when_ms = (int64_t)when;
    ret->reason = (enum pv_pki_reason)code;
    return PV_OK;
}

static enum pv_err
read_revoked(struct pv_ledger *ledger)
{
    struct pv_buf   bytes;
    struct pv_slice rest;
    struct pv_slice line;
    enum pv_err     err;

    pv_buf_init(&bytes, REVOKED_FILE_MAX);
    err = pv_file_read(ledger->dirfd, PV_AUTHORITY_REVOKED, &bytes);
    rest = pv_buf_view(&bytes);
    while (err == PV_OK && rest.len > 0) {
        err = !pv_slice_cut(rest, '\n', &line, &rest) ? PV_ECORRUPT
              : ledger->revoked_count == PV_PKI_REVOKED_MAX
                  ? PV_EFULL
                  : read_line(line, &ledger->revoked[ledger->revoked_count]);
        ledger->revoked_count += err == PV_OK ? 1 : 0;
    }
    pv_buf_clear(&bytes);
    return err;
}

static enum pv_err
write_revoked(const struct pv_ledger *ledger)
{
    struct pv_buf bytes;
    enum pv_err   err = PV_OK;

    pv_buf_init(&bytes, REVOKED_FILE_MAX);
    for (size_t i = 0; i < ledger->revoked_count && err == PV_OK; i++) {
        const struct pv_pki_revoked *one = &ledger->revoked[i];
        char                         hex[2 * PV_PKI_SERIAL_MAX];

        pv_hex_text(one->serial, one->serial_len, hex);
        err = pv_buf_addf(&bytes, "%.*s %lld %d\n", (int)(2 * one->serial_len),
                          hex, (long long)one->when_ms, (int)one->reason);
    }
    if (err == PV_OK) {
        err = pv_file_replace(ledger->dirfd, PV_AUTHORITY_REVOKED,
                              pv_buf_view(&bytes), PV_FILE_MODE_OWN);
    }
    pv_buf_clear(&bytes);
    return err;
}

/* Nobody hears of what is not on disk. */
static enum pv_err
revoke_one(struct pv_ledger *ledger, const struct pv_pki_revoked *revoked)
{
    enum pv_err err;

    if (ledger->revoked_count == PV_PKI_REVOKED_MAX) {
        return PV_EFULL;
    }
    ledger->revoked[ledger->revoked_count++] = *revoked;
    err = write_revoked(ledger);
    if (err != PV_OK) {
        ledger->revoked_count--;
    }
    return err;
}

static enum pv_err
worsen(struct pv_ledger *ledger, struct pv_pki_revoked *known)
{
    enum pv_pki_reason before = known->reason;
    enum pv_err        err;

    known->reason = PV_PKI_KEY_COMPROMISE;
    err = write_revoked(ledger);
    if (err != PV_OK) {
        known->reason = before;
    }
    return err;
}

enum pv_err
pv_ledger_revoke(struct pv_ledger *ledger, const struct pv_pki_revoked *revoked)
{
    struct pv_pki_revoked *known =
        find_revoked(ledger, revoked->serial, revoked->serial_len);
    enum pv_err err;

    if (known != NULL && (revoked->reason != PV_PKI_KEY_COMPROMISE ||
                          known->reason == PV_PKI_KEY_COMPROMISE)) {
        return PV_OK;
    }
    err = known == NULL ? revoke_one(ledger, revoked) : worsen(ledger, known);
    ledger->revoked_changes += err == PV_OK;
    return err;
}

/* ---- lists ---- */

static enum pv_err
read_number(struct pv_ledger *ledger)
{
    struct pv_buf bytes;
    enum pv_err   err;

    pv_buf_init(&bytes, NUMBER_ROOM);
    err = pv_file_read(ledger->dirfd, PV_AUTHORITY_CRL, &bytes);
    if (err == PV_OK && pv_slice_to_u64(pv_buf_view(&bytes), INT64_MAX,
                                        &ledger->crl_number) != PV_OK) {
        err = PV_ECORRUPT;
    }
    pv_buf_clear(&bytes);
    return err;
}

enum pv_err
pv_ledger_next_list(struct pv_ledger *ledger, uint64_t *ret_number)
{
    char        text[PV_U64_TEXT_MAX];
    uint64_t    next = ledger->crl_number + 1;
    enum pv_err err = pv_file_replace(
        ledger->dirfd, PV_AUTHORITY_CRL,
        (struct pv_slice){text, pv_u64_text(next, text)}, PV_FILE_MODE_OWN);

    if (err == PV_OK) {
        ledger->crl_number = next;
        *ret_number = next;
    }
    return err;
}

/* ---- opening ---- */

enum pv_err
pv_ledger_open(struct pv_ledger *ledger, int dirfd)
{
    enum pv_err err;

    memset(ledger, 0, sizeof(*ledger));
    ledger->dirfd = dirfd;
    ledger->issuedfd =
        openat(dirfd, PV_AUTHORITY_ISSUED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ledger->issued = calloc(PV_AUTHORITY_ISSUED_MAX, sizeof(*ledger->issued));
    ledger->revoked = calloc(PV_PKI_REVOKED_MAX, sizeof(*ledger->revoked));
    if (ledger->issuedfd == -1) {
        err = PV_ESYS;
    } else if (ledger->issued == NULL || ledger->revoked == NULL) {
        err = PV_ENOMEM;
    } else {
        err = read_issued(ledger);
    }
    if (err == PV_OK) {
        err = read_revoked(ledger);
    }
    return err == PV_OK ? read_number(ledger) : err;
}

void
pv_ledger_clear(struct pv_ledger *ledger)
{
    if (ledger->issuedfd > 0) {
        (void)close(ledger->issuedfd); /* a folder: nothing to lose */
    }
    free(ledger->issued);
    free(ledger->revoked);
}
