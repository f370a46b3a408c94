/*
 * doctor_tls.c - certificates, keys, and whether the exchange answers.
 */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>

#include "client/http.h"
#include "doctor.h"

#define ADDRESS_MAX_LEN 512
#define DAYS_WARN 30
#define WAIT_MS 5000

extern char **environ;

static const struct pv_doctor_words cert_unreadable = {
    "certificate.unreadable", "the certificate cannot be read",
    "گواهی خوانده نمی‌شود",
    "look at the path and the file's mode",
    "نشانی و حق دسترسی پرونده را ببینید"};
static const struct pv_doctor_words cert_ended = {
    "certificate.ended", "the certificate is not valid now",
    "گواهی اکنون معتبر نیست", "ask the authority for a new one",
    "از مرجع صدور گواهی تازه بگیرید"};
static const struct pv_doctor_words cert_ends = {
    "certificate.ends", "the certificate ends soon",
    "گواهی به‌زودی پایان می‌یابد",
    "ask the authority for a new one now",
    "همین حالا از مرجع صدور گواهی تازه بگیرید"};
static const struct pv_doctor_words cert_good = {
    "certificate", "the certificate is valid", "گواهی معتبر است", NULL, NULL};
static const struct pv_doctor_words key_unreadable = {
    "key.unreadable", "the private key cannot be read",
    "کلید خصوصی خوانده نمی‌شود",
    "look at the path and the file's mode",
    "نشانی و حق دسترسی پرونده را ببینید"};
static const struct pv_doctor_words key_loose = {
    "key.open", "others than its owner may read the private key",
    "دیگران می‌توانند کلید خصوصی را بخوانند",
    "chmod 600, and think of it as lost: ask for a new certificate",
    "chmod 600؛ و آن را لو رفته بدانید: گواهی تازه بگیرید"};
static const struct pv_doctor_words key_other = {
    "key.mismatch", "the private key is not that of the certificate",
    "کلید خصوصی با گواهی نمی‌خواند",
    "name the key that belongs to it", "کلید همان گواهی را بدهید"};
static const struct pv_doctor_words exchange_silent = {
    "exchange.silent", "the exchange does not answer",
    "مرکز تبادل پاسخ نمی‌دهد",
    "start it; look at nginx's error log",
    "آن را راه بیندازید؛ گزارش خطای nginx را ببینید"};
static const struct pv_doctor_words exchange_good = {
    "exchange", "the exchange answers",
    "مرکز تبادل پاسخ می‌دهد", NULL, NULL};

static X509 *
read_certificate(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *cert = NULL;

    if (file != NULL) {
        cert = PEM_read_X509(file, NULL, NULL, NULL);
        (void)fclose(file); /* read-only: nothing to lose */
    }
    return cert;
}

static void
check_dates(struct pv_doctor *doctor, const X509 *cert, const char *path)
{
    int days = 0;
    int seconds = 0;

    if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0 ||
        X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0 ||
        ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)) != 1) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &cert_ended, "%s", path);
    } else {
        pv_doctor_add(doctor, days < DAYS_WARN ? PV_DOCTOR_WARN : PV_DOCTOR_OK,
                      days < DAYS_WARN ? &cert_ends : &cert_good,
                      "%s: %d days left", path, days);
    }
}

static void
check_key(struct pv_doctor *doctor, const X509 *cert, const char *path)
{
    EVP_PKEY   *key = NULL;
    FILE       *file;
    struct stat st;

    file = fopen(path, "re");
    if (file == NULL || fstat(fileno(file), &st) != 0) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &key_unreadable, "%s: %s", path,
                      strerror(errno));
        goto out;
    }
    if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &key_loose, "%s", path);
    }
    key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    if (key == NULL) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &key_unreadable, "%s", path);
    } else if (X509_check_private_key(cert, key) != 1) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &key_other, "%s", path);
    }

out:
    EVP_PKEY_free(key); /* accepts NULL */
    if (file != NULL) {
        (void)fclose(file); /* read-only: nothing to lose */
    }
}

static void
check_pair(struct pv_doctor *doctor, const char *cert_path,
           const char *key_path)
{
    X509 *cert = read_certificate(cert_path);

    if (cert == NULL) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &cert_unreadable, "%s", cert_path);
        return;
    }
    check_dates(doctor, cert, cert_path);
    if (key_path != NULL) {
        check_key(doctor, cert, key_path);
    }
    X509_free(cert);
}

/* The value of PAYVAND_KEY_<name> for PAYVAND_CERT_<name>; NULL if absent. */
static const char *
key_of(struct pv_slice name)
{
    static const struct pv_slice prefix = PV_SLICE_INIT("PAYVAND_KEY_");
    struct pv_slice              key;
    struct pv_slice              value;
    size_t                       i;

    for (i = 0; environ[i] != NULL; i++) {
        if (!pv_slice_starts(pv_slice_from(environ[i]), prefix) ||
            !pv_slice_cut(pv_slice_from(environ[i] + prefix.len), '=', &key,
                          &value)) {
            continue;
        }
        if (pv_slice_eq(key, name)) {
            return value.ptr;
        }
    }
    return NULL;
}

void
pv_doctor_certificates(struct pv_doctor *doctor)
{
    static const struct pv_slice prefix = PV_SLICE_INIT("PAYVAND_CERT_");
    struct pv_slice              name;
    struct pv_slice              value;
    size_t                       i;

    if (doctor->ca != NULL) {
        check_pair(doctor, doctor->ca, NULL);
    }
    for (i = 0; environ[i] != NULL; i++) {
        if (pv_slice_starts(pv_slice_from(environ[i]), prefix) &&
            pv_slice_cut(pv_slice_from(environ[i] + prefix.len), '=', &name,
                         &value)) {
            check_pair(doctor, value.ptr, key_of(name));
        }
    }
}

void
pv_doctor_exchange(struct pv_doctor *doctor)
{
    struct pv_http http;
    struct pv_why  why = {""};
    char           address[ADDRESS_MAX_LEN];

    if (doctor->url == NULL ||
        (size_t)snprintf(address, sizeof(address), "%s/payvand/status",
                         doctor->url) >= sizeof(address)) {
        return;
    }
    pv_http_init(&http);
    http.url = address;
    http.ca = doctor->ca;
    http.timeout_ms = WAIT_MS;
    if (pv_http_run(&http, &why) != PV_OK) {
        pv_doctor_add(doctor, PV_DOCTOR_BAD, &exchange_silent, "%s", why.text);
    } else {
        pv_doctor_add(doctor, PV_DOCTOR_OK, &exchange_good, "%s", doctor->url);
    }
    pv_http_clear(&http);
}
