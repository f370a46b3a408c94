/*
 * registry.c - HTTP on a Unix socket, by libcurl.
 */
#include "registry.h"

#include <curl/curl.h>

#define URL_MAX_LEN 2200
#define TIMEOUT_S 60L

static size_t
take(char *bytes, size_t size, size_t count, void *context)
{
    struct pv_slice part = {bytes, size * count};

    return pv_buf_add(context, part) == PV_OK ? part.len : 0;
}

enum pv_err
pv_registry_ask(const char *socket, const char *path, struct pv_slice body,
                long *ret_status, struct pv_buf *answer, struct pv_why *why)
{
    char               url[URL_MAX_LEN];
    CURL              *curl = curl_easy_init();
    struct curl_slist *header = NULL;
    CURLcode           code;
    enum pv_err        err = PV_ENOMEM;

    if (curl == NULL) {
        goto out;
    }
    if (snprintf(url, sizeof(url), "http://registry%s", path) >=
        (int)sizeof(url)) {
        err = PV_ERANGE;
        goto out;
    }
    header = curl_slist_append(NULL, "Content-Type: application/json");
    /* an option that is not taken makes the request fail, which is told */
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, header);
    if (body.len > 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)body.len);
    }
    code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        pv_why_set(why, "the registry at %s does not answer: %s", socket,
                   curl_easy_strerror(code));
        err = PV_ESYS;
        goto out;
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    err = PV_OK;

out:
    curl_slist_free_all(header);
    curl_easy_cleanup(curl); /* accepts NULL */
    return err;
}
