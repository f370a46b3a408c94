/* courier_post.c - one request to one witness, by libcurl. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/base64.h"
#include "courier_run.h"

#define CONNECT_TIMEOUT_MS 1000L
#define TIMEOUT_MS 2500L
#define PATH "/add-checkpoint"
#define RESOLVE_MAX 512

/* libcurl's type for what takes an answer's bytes */
static size_t
on_answer(char *bytes, size_t one, size_t len, void *context)
{
    struct errand *errand = context;

    return pv_buf_add(&errand->answer, (struct pv_slice){bytes, one * len}) ==
                   PV_OK
               ? one * len
               : 0; /* too long: the request fails */
}

/* host, and the port that is used for it; false: an address as it is */
static bool
is_name(const char *url, char host[256], char port[8])
{
    CURLU        *parts = curl_url();
    char         *text[2] = {NULL, NULL};
    unsigned char room[sizeof(struct in6_addr)];
    bool          name = false;

    if (parts != NULL &&
        curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &text[0], 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PORT, &text[1], CURLU_DEFAULT_PORT) ==
            CURLUE_OK &&
        strlen(text[0]) < 256 && strlen(text[1]) < 8 && text[0][0] != '[' &&
        inet_pton(AF_INET, text[0], room) != 1) {
        memcpy(host, text[0], strlen(text[0]) + 1);
        memcpy(port, text[1], strlen(text[1]) + 1);
        name = true;
    }
    curl_free(text[0]);
    curl_free(text[1]);
    curl_url_cleanup(parts);
    return name;
}

/* Once, before the rights to do it are given up. */
static enum pv_err
look_up(struct errand *errand, struct pv_why *why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo      *found = NULL;
    char                  host[256];
    char                  port[8];
    char                  address[64];
    char                  entry[RESOLVE_MAX];
    int                   error;

    if (!is_name(errand->to->url, host, port)) {
        return PV_OK;
    }
    error = getaddrinfo(host, port, &hints, &found);
    if (error == 0) {
        error = getnameinfo(found->ai_addr, found->ai_addrlen, address,
                            sizeof(address), NULL, 0, NI_NUMERICHOST);
    }
    freeaddrinfo(found);
    if (error != 0) {
        pv_why_set(why, "the witness's host %s is not found: %s", host,
                   gai_strerror(error));
        return PV_ESYS;
    }
    (void)snprintf(entry, sizeof(entry), "%s:%s:%s", host, port,
                   address); /* fits: the parts are short */
    errand->resolve = curl_slist_append(NULL, entry);
    return errand->resolve == NULL ? PV_ENOMEM : PV_OK;
}

static bool
set_options(struct errand *errand, struct pv_slice authorities)
{
    CURL            *easy = errand->easy;
    struct curl_blob blob = {.data = (void *)(uintptr_t)authorities.ptr,
                             .len = authorities.len,
                             .flags = CURL_BLOB_COPY};

    return curl_easy_setopt(easy, CURLOPT_URL, errand->url.ptr) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                            CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_RESOLVE, errand->resolve) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, -1L) == CURLE_OK &&
           /* these and no others; nothing is opened when it is needed */
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           (authorities.len == 0 ||
            curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK) &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, errand) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, errand) == CURLE_OK;
}

enum pv_err
errand_open(struct errand *errand, const struct courier_witness *to,
            struct pv_slice authorities, struct pv_why *why)
{
    const char *url;
    enum pv_err err;

    errand->to = to;
    pv_buf_init(&errand->url, COURIER_URL_MAX + sizeof(PATH));
    pv_buf_init(&errand->body, COURIER_BODY_MAX);
    pv_buf_init(&errand->answer, COURIER_ANSWER_MAX);
    err = pv_buf_addf(&errand->url, "%s" PATH, to->url);
    if (err == PV_OK) {
        err = pv_buf_cstr(&errand->url, &url);
    }
    if (err == PV_OK) {
        err = look_up(errand, why);
    }
    if (err != PV_OK) {
        return err;
    }
    errand->easy = curl_easy_init();
    if (errand->easy == NULL || !set_options(errand, authorities)) {
        pv_why_set(why, "libcurl does not take the options");
        return PV_ENOMEM;
    }
    return PV_OK;
}

void
errand_close(struct errand *errand)
{
    curl_easy_cleanup(errand->easy);
    curl_slist_free_all(errand->resolve);
    pv_buf_clear(&errand->url);
    pv_buf_clear(&errand->body);
    pv_buf_clear(&errand->answer);
}

static enum pv_err
write_body(struct pv_buf *body, uint64_t old_size,
           const struct pv_merkle_proof *proof, struct pv_slice note)
{
    char        text[PV_BASE64_LEN(PV_HASH_LEN)];
    enum pv_err err;

    body->len = 0;
    err = pv_buf_addf(body, "old %llu\n", (unsigned long long)old_size);
    for (size_t i = 0; err == PV_OK && i < proof->count; i++) {
        pv_base64_text(proof->hash[i].bytes, PV_HASH_LEN, text);
        err = pv_buf_addf(body, "%.*s\n", (int)sizeof(text), text);
    }
    if (err == PV_OK) {
        err = pv_buf_add_char(body, '\n');
    }
    return err == PV_OK ? pv_buf_add(body, note) : err;
}

enum pv_err
errand_post(struct errand *errand, CURLM *multi, uint64_t size,
            const struct pv_merkle_proof *proof, struct pv_slice note)
{
    enum pv_err err = write_body(&errand->body, errand->seen, proof, note);

    if (err != PV_OK) {
        return err;
    }
    errand->answer.len = 0;
    errand->posted = size;
    if (curl_easy_setopt(errand->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)errand->body.len) != CURLE_OK ||
        curl_easy_setopt(errand->easy, CURLOPT_POSTFIELDS, errand->body.ptr) !=
            CURLE_OK ||
        curl_multi_add_handle(multi, errand->easy) != CURLM_OK) {
        return PV_ESYS;
    }
    return PV_OK;
}

long
errand_status(struct errand *errand, CURLM *multi, CURLcode code)
{
    long status = 0;

    errand->unbelieved = code == CURLE_PEER_FAILED_VERIFICATION;
    if (code != CURLE_OK ||
        curl_easy_getinfo(errand->easy, CURLINFO_RESPONSE_CODE, &status) !=
            CURLE_OK) {
        status = 0;
    }
    /* it was added, and it is done: there is nothing that could fail */
    (void)curl_multi_remove_handle(multi, errand->easy);
    return status;
}
