/*
 * ngx_http_payvand_identity.c - who holds the TLS session.
 *
 * Computed once per connection from the peer's certificate and kept with the
 * SSL object; a resumed session brings its certificate with it, so it is the
 * same work there. What may change while the connection is kept (validity
 * dates, revocation, the system's row, networks) is judged on every call by
 * the gate.
 *
 * A chain that does not verify never identifies anybody: with
 * `ssl_verify_client optional` nginx answers such clients before any phase,
 * and this file refuses them a second time.
 */

#include "ngx_http_payvand.h"

#include <openssl/evp.h>
#include <openssl/x509.h>


#define NGX_HTTP_PAYVAND_SPKI_MAX  8192   /* bytes of DER; RSA-16384 is 2 KiB */


static void ngx_http_payvand_ssl_free(void *parent, void *ptr,
    CRYPTO_EX_DATA *ad, int index, long argl, void *argp);
static enum pv_reason ngx_http_payvand_read_certificate(X509 *x509,
    struct pv_certificate *certificate);
static enum pv_err ngx_http_payvand_asn1_ms(const ASN1_TIME *at,
    int64_t *ret_ms);


static int      ngx_http_payvand_ssl_index = -1;
static EVP_MD  *ngx_http_payvand_sha256;   /* fetched once: EVP_sha256()
                                              fetches again at each use */


ngx_int_t
ngx_http_payvand_identity_init(ngx_conf_t *cf)
{
    if (ngx_http_payvand_ssl_index == -1) {
        ngx_http_payvand_ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL,
                                                  ngx_http_payvand_ssl_free);
    }

    if (ngx_http_payvand_sha256 == NULL) {
        ngx_http_payvand_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    }

    if (ngx_http_payvand_ssl_index == -1 || ngx_http_payvand_sha256 == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "payvand: OpenSSL gives no index or no SHA-256");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_http_payvand_identity_t *
ngx_http_payvand_identity(ngx_connection_t *c)
{
    SSL                          *ssl;
    X509                         *x509;
    ngx_http_payvand_identity_t  *identity;

    if (c->ssl == NULL) {
        return NULL;
    }

    ssl = c->ssl->connection;

    identity = ngx_http_payvand_socket_owner(c);

    if (identity == NULL) {
        identity = SSL_get_ex_data(ssl, ngx_http_payvand_ssl_index);
    }

    if (identity != NULL) {
        return identity;
    }

    identity = ngx_calloc(sizeof(ngx_http_payvand_identity_t), c->log);
    if (identity == NULL) {
        return NULL;
    }

    x509 = SSL_get0_peer_certificate(ssl);

    if (x509 == NULL) {
        identity->reason = PV_REASON_CERTIFICATE_MISSING;

    } else {
        identity->reason = ngx_http_payvand_tls_reason(c);

        if (identity->reason == PV_REASON_NONE) {
            identity->reason = ngx_http_payvand_read_certificate(x509,
                                                     &identity->certificate);
        }
    }

    if (SSL_set_ex_data(ssl, ngx_http_payvand_ssl_index, identity) != 1) {
        ngx_free(identity);
        return NULL;
    }

    ngx_http_payvand_socket_watch(c, identity);
    ngx_http_payvand_socket_take_over(c);

    return identity;
}


enum pv_reason
ngx_http_payvand_tls_reason(ngx_connection_t *c)
{
    if (c->ssl == NULL
        || SSL_get0_peer_certificate(c->ssl->connection) == NULL)
    {
        return PV_REASON_CERTIFICATE_MISSING;
    }

    switch (SSL_get_verify_result(c->ssl->connection)) {

    case X509_V_OK:
        return PV_REASON_NONE;

    case X509_V_ERR_CERT_HAS_EXPIRED:
        return PV_REASON_CERTIFICATE_EXPIRED;

    case X509_V_ERR_CERT_NOT_YET_VALID:
        return PV_REASON_CERTIFICATE_NOT_YET_VALID;

    case X509_V_ERR_CERT_REVOKED:
        return PV_REASON_CERTIFICATE_REVOKED;

    default:
        return PV_REASON_CERTIFICATE_INVALID;
    }
}


static enum pv_reason
ngx_http_payvand_read_certificate(X509 *x509,
    struct pv_certificate *certificate)
{
    int                   len;
    u_char                der[NGX_HTTP_PAYVAND_SPKI_MAX], *p;
    size_t                name_len;
    X509_PUBKEY          *key;
    const u_char         *name;
    const ASN1_INTEGER   *serial;

    key = X509_get_X509_PUBKEY(x509);
    len = key == NULL ? -1 : i2d_X509_PUBKEY(key, NULL);

    if (len <= 0 || (size_t) len > sizeof(der)) {
        return PV_REASON_CERTIFICATE_INVALID;
    }

    p = der;
    if (i2d_X509_PUBKEY(key, &p) != len
        || EVP_Digest(der, (size_t) len, certificate->key_hash, NULL,
                      ngx_http_payvand_sha256, NULL) != 1)
    {
        return PV_REASON_CERTIFICATE_INVALID;
    }

    if (X509_NAME_get0_der(X509_get_issuer_name(x509), &name, &name_len) != 1
        || EVP_Digest(name, name_len, certificate->issuer_hash, NULL,
                      ngx_http_payvand_sha256, NULL) != 1)
    {
        return PV_REASON_CERTIFICATE_INVALID;
    }

    serial = X509_get0_serialNumber(x509);

    if (serial == NULL
        || ASN1_STRING_type(serial) != V_ASN1_INTEGER
        || ASN1_STRING_length(serial) <= 0
        || ASN1_STRING_length(serial) > PV_POLICY_SERIAL_MAX)
    {
        return PV_REASON_CERTIFICATE_INVALID;
    }

    certificate->serial_len = (uint8_t) ASN1_STRING_length(serial);
    ngx_memcpy(certificate->serial, ASN1_STRING_get0_data(serial),
               certificate->serial_len);

    if (ngx_http_payvand_asn1_ms(X509_get0_notBefore(x509),
                                 &certificate->not_before_ms) != PV_OK
        || ngx_http_payvand_asn1_ms(X509_get0_notAfter(x509),
                                    &certificate->not_after_ms) != PV_OK)
    {
        return PV_REASON_CERTIFICATE_INVALID;
    }

    /* as OpenSSL judges a handshake: over when notAfter is reached, so that a
       kept or resumed connection lives no longer than a new one */
    certificate->not_after_ms -= 1;

    return PV_REASON_NONE;
}


static enum pv_err
ngx_http_payvand_asn1_ms(const ASN1_TIME *at, int64_t *ret_ms)
{
    struct tm  tm;

    if (at == NULL || ASN1_TIME_to_tm(at, &tm) != 1) {
        return PV_EINVAL;
    }

    *ret_ms = (int64_t) timegm(&tm) * 1000;

    return PV_OK;
}


void
ngx_http_payvand_source(ngx_connection_t *c, uint8_t address[16])
{
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    ngx_memzero(address, 16);

    switch (c->sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) c->sockaddr;
        address[10] = 0xff;
        address[11] = 0xff;
        ngx_memcpy(&address[12], &sin->sin_addr, 4);
        break;

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) c->sockaddr;
        ngx_memcpy(address, &sin6->sin6_addr, 16);
        break;
    }
}


/*
 * Runs when any SSL object ends, with ptr NULL where no identity was made.
 * A handshake that the server did not finish is a refusal too; only counted.
 */

static void
ngx_http_payvand_ssl_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad,
    int index, long argl, void *argp)
{
    SSL  *ssl = parent;

    if (ptr != NULL) {
        ngx_free(ptr);
        return;
    }

    if (SSL_is_server(ssl) && !SSL_is_init_finished(ssl)) {
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_TLS_REFUSED);
    }
}
