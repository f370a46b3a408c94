/*
 * http.c - one request by libcurl.
 */
#include <curl/curl.h>
#include <string.h>

#include "client/http.h"

void
pv_http_init(struct pv_http *http)
{
    memset(http, 0, sizeof(*http));
    pv_buf_init(&http->answer, PV_HTTP_ANSWER_MAX);
    http->timeout_ms = 30000;
}

void
pv_http_clear(struct pv_http *http)
{
    pv_buf_clear(&http->answer);
}

void
pv_http_reset(struct pv_http *http)
{
    http->answer.len = 0;
    http->status = 0;
    http->outcome[0] = '\0';
    http->tracking_id[0] = '\0';
    http->retry_after[0] = '\0';
    http->content_type[0] = '\0';
    http->content_digest[0] = '\0';
    http->signature_input[0] = '\0';
    http->signature[0] = '\0';
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *data)
{
    struct pv_http *http = data;
    struct pv_slice s = {bytes, size * count};

    return pv_buf_add(&http->answer, s) == PV_OK ? s.len : 0;
}

/* The value of the header when it has this name; "" when it does not fit. */
static void
take(struct pv_slice line, struct pv_slice name, char *room, size_t room_len)
{
    struct pv_slice value;

    if (line.len <= name.len || line.ptr[name.len] != ':' ||
        !curl_strnequal(line.ptr, name.ptr, name.len)) {
        return;
    }
    value.ptr = line.ptr + name.len + 1;
    value.len = line.len - name.len - 1;
    while (value.len > 0 && (value.ptr[value.len - 1] == '\r' ||
                             value.ptr[value.len - 1] == '\n')) {
        value.len--;
    }
    if (pv_slice_to_cstr(pv_slice_trim(value), room, room_len) != PV_OK) {
        room[0] = '\0';
    }
}

#define TAKE(name, member)                                                     \
    take(line, PV_LIT(name), http->member, sizeof(http->member))

static size_t
on_header(char *bytes, size_t size, size_t count, void *data)
{
    struct pv_http *http = data;
    struct pv_slice line = {bytes, size * count};

    TAKE("Payvand-Outcome", outcome);
    TAKE("Payvand-Tracking-Id", tracking_id);
    TAKE("Retry-After", retry_after);
    TAKE("Content-Type", content_type);
    TAKE("Content-Digest", content_digest);
    TAKE("Signature-Input", signature_input);
    TAKE("Signature", signature);
    return line.len;
}

static bool
is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static enum pv_err
add_headers(struct pv_http *http, struct curl_slist **list, struct pv_why *why)
{
    struct curl_slist *more;
    size_t             i;

    for (i = 0; i < http->header_count; i++) {
        if (!is_plain(http->header[i])) {
            pv_why_set(why, "a header value holds a control character");
            return PV_EINVAL;
        }
        more = curl_slist_append(*list, http->header[i]);
        if (more == NULL) {
            pv_why_set(why, "no memory");
            return PV_ENOMEM;
        }
        *list = more;
    }
    return PV_OK;
}

static CURLcode
set_tls(CURL *curl, const struct pv_http *http)
{
    CURLcode code;

    code = curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                            (long)CURL_SSLVERSION_TLSv1_3);
    if (code == CURLE_OK && http->ca != NULL) {
        code = curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca);
    }
    if (code == CURLE_OK && http->cert != NULL) {
        code = curl_easy_setopt(curl, CURLOPT_SSLCERT, http->cert);
    }
    if (code == CURLE_OK && http->key != NULL) {
        code = curl_easy_setopt(curl, CURLOPT_SSLKEY, http->key);
    }
    return code;
}

static CURLcode
set_all(CURL *curl, struct pv_http *http, struct curl_slist *list, char *error)
{
    CURLcode code[] = {
        curl_easy_setopt(curl, CURLOPT_URL, http->url),
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
                         http->unix_socket == NULL ? "https" : "http"),
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, http->unix_socket),
        curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L), /* as it is signed */
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"),
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L),
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error),
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, http->timeout_ms),
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body),
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, http),
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header),
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, http),
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list),
        curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                         (long)CURL_HTTP_VERSION_1_1),
        set_tls(curl, http),
    };
    size_t i;

    for (i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
        if (code[i] != CURLE_OK) {
            return code[i];
        }
    }
    if (!http->is_post) {
        return CURLE_OK;
    }
    code[0] = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)http->body.len);
    if (code[0] == CURLE_OK) {
        code[0] = curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                                   http->body.len == 0 ? "" : http->body.ptr);
    }
    return code[0];
}

enum pv_err
pv_http_run(struct pv_http *http, struct pv_why *why)
{
    char               error[CURL_ERROR_SIZE] = "";
    struct curl_slist *list = NULL;
    CURL              *curl = NULL;
    CURLcode           code;
    enum pv_err        err;

    if (http->header_count > PV_HTTP_HEADERS_MAX) {
        pv_why_set(why, "too many headers");
        return PV_EFULL;
    }
    curl = curl_easy_init();
    if (curl == NULL) {
        pv_why_set(why, "libcurl cannot be used here");
        err = PV_ENOMEM;
        goto out;
    }
    err = add_headers(http, &list, why);
    if (err != PV_OK) {
        goto out;
    }

    err = PV_ESYS;
    code = set_all(curl, http, list, error);
    if (code == CURLE_OK) {
        code = curl_easy_perform(curl);
    }
    if (code == CURLE_OK) {
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http->status);
    }
    if (code != CURLE_OK) {
        pv_why_set(why, "%s: %s", http->url,
                   error[0] != '\0' ? error : curl_easy_strerror(code));
        goto out;
    }
    err = PV_OK;

out:
    curl_slist_free_all(list); /* accepts NULL */
    curl_easy_cleanup(curl);   /* accepts NULL */
    return err;
}
