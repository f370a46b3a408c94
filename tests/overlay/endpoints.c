/*
 * endpoints.c - where providers are, and revoked certificates.
 */
#include <string.h>

#include "base/num.h"
#include "overlay.h"

static bool
is_tls_name(struct pv_slice name)
{
    if (name.len == 0 || name.len > PV_POLICY_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
              c == '.')) {
            return false;
        }
    }
    return true;
}

bool
pv_endpoint_row(struct pv_import *import, const char *row,
                const json_t *settings, const struct pv_network *network,
                size_t network_count, struct pv_image_endpoint *ret)
{
    struct pv_slice address = pv_text(settings, "address");
    struct pv_slice name = pv_text(settings, "tls_name");
    const char     *why;
    uint64_t        port;
    size_t          i;

    *ret = (struct pv_image_endpoint){.version = 0};
    if (!pv_to_address(address, ret->address)) {
        pv_complain(import, row,
                    "\"%.*s\" is no address: a literal IPv4 or IPv6 address "
                    "is needed, names are not looked up",
                    PV_FMT(address));
        return false;
    }
    if (!pv_to_number(import, row, "port", json_object_get(settings, "port"),
                      UINT16_MAX, &port)) {
        return false;
    }
    if (port == 0 || !is_tls_name(name)) {
        pv_complain(import, row, "a port and a lower-case TLS name are needed");
        return false;
    }
    if (pv_hex_bytes(pv_text(settings, "spki_sha256"), ret->pin,
                     PV_KEY_HASH_LEN) != PV_OK) {
        pv_complain(import, row, "spki_sha256 must be 64 hex digits");
        return false;
    }
    why = pv_forbidden(import, ret->address, (uint16_t)port);
    if (why != NULL) {
        pv_complain(import, row, "no endpoint may be at %.*s port %u: %s",
                    PV_FMT(address), (unsigned)port, why);
        return false;
    }
    for (i = 0; i < network_count; i++) {
        if (pv_in_network(&network[i], ret->address)) {
            break;
        }
    }
    if (i == network_count) {
        pv_complain(import, row,
                    "%.*s lies outside the networks registered for the system",
                    PV_FMT(address));
        return false;
    }
    ret->port = (uint16_t)port;
    ret->name.len = (uint8_t)name.len;
    memcpy(ret->name.text, name.ptr, name.len);
    return true;
}

/* ---- revoked certificates ---- */

static bool
to_serial(struct pv_slice hex, struct pv_certificate *ret)
{
    char   even[2 * PV_POLICY_SERIAL_MAX];
    size_t len = hex.len + hex.len % 2;

    if (hex.len == 0 || len > sizeof(even)) {
        return false;
    }
    even[0] = '0';
    memcpy(even + hex.len % 2, hex.ptr, hex.len);
    ret->serial_len = (uint8_t)(len / 2);
    return pv_hex_bytes((struct pv_slice){even, len}, ret->serial, len / 2) ==
           PV_OK;
}

enum pv_err
pv_import_revoked(struct pv_import *import, const json_t *rows)
{
    static const char *const names[] = {"issuer_sha256", "serial", "since",
                                        "remove", NULL};
    json_t                  *row;
    size_t                   i;
    enum pv_err              err;

    json_array_foreach(rows, i, row)
    {
        struct pv_certificate certificate = {.serial_len = 0};
        const char           *serial = pv_cstr(row, "serial");
        int64_t               since = 0;

        pv_known(import, serial, row, names);
        if (pv_hex_bytes(pv_text(row, "issuer_sha256"), certificate.issuer_hash,
                         sizeof(certificate.issuer_hash)) != PV_OK ||
            !to_serial(pv_slice_from(serial), &certificate) ||
            !pv_to_when(import, serial, "since", json_object_get(row, "since"),
                        false, &since)) {
            pv_complain(import, serial,
                        "a revoked certificate has an issuer_sha256 and a "
                        "serial in hex");
            continue;
        }
        if (pv_true(row, "remove")) {
            err = pv_image_del_revoked(import->image, &certificate);
            err = err == PV_ENOTFOUND ? PV_OK : err;
        } else {
            err = pv_image_put_revoked(import->image, &certificate, since);
        }
        if (err != PV_OK) {
            return err;
        }
    }
    return PV_OK;
}
