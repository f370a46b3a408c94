#include "connectord/config_http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "contract/service.h"

static bool
is_loopback(const char *address)
{
    struct in_addr  four;
    struct in6_addr six;

    if (inet_pton(AF_INET, address, &four) == 1) {
        return ntohl(four.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, address, &six) == 1 &&
           IN6_IS_ADDR_LOOPBACK(&six);
}

static bool
is_address(const char *text)
{
    struct in6_addr room; /* the larger of the two */

    return inet_pton(AF_INET, text, &room) == 1 ||
           inet_pton(AF_INET6, text, &room) == 1;
}

/* A part of the URL as a JSON text; false: it has none. */
static bool
take_part(CURLU *url, CURLUPart part, unsigned flags, json_t *out,
          const char *name)
{
    char *text = NULL;
    bool  is_there =
        curl_url_get(url, part, &text, flags) == CURLUE_OK && text[0] != '\0';

    if (is_there && name != NULL) {
        is_there = json_object_set_new(out, name, json_string(text)) == 0;
    }
    curl_free(text);
    return is_there;
}

static enum pv_err
take_url(CURLU *url, const char *text, json_t *out, struct pv_why *why)
{
    struct pv_slice base = pv_slice_from(text);

    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        !take_part(url, CURLUPART_HOST, 0, out, "host") ||
        !take_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, out, "port") ||
        (strncmp(text, "https://", 8) != 0 &&
         strncmp(text, "http://", 7) != 0)) {
        pv_why_set(why, "\"http\": \"url\" is no https:// or http:// address");
        return PV_EINVAL;
    }
    if (strpbrk(text, "@?#") != NULL) { /* an empty one, too */
        pv_why_set(why, "\"http\": \"url\" has a user, a ? or a #");
        return PV_EINVAL;
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            pv_why_set(why, "\"http\": \"url\" has a sign that is none of a "
                            "URL");
            return PV_EINVAL;
        }
    }
    while (base.len > 0 && base.ptr[base.len - 1] == '/') {
        base.len--;
    }
    return json_object_set_new(out, "url", json_stringn(base.ptr, base.len)) ==
                   0
               ? PV_OK
               : PV_ENOMEM;
}

static enum pv_err
take_address(const json_t *http, json_t *out, struct pv_why *why)
{
    const json_t   *given = json_object_get(http, "address");
    struct pv_slice host =
        pv_slice_from(json_string_value(json_object_get(out, "host")));
    char address[INET6_ADDRSTRLEN + 1];

    if (host.len > 2 && host.ptr[0] == '[') { /* [::1] */
        host = (struct pv_slice){host.ptr + 1, host.len - 2};
    }
    if (given != NULL) {
        host = pv_slice_from(json_is_string(given) ? json_string_value(given)
                                                   : "");
    }
    if (pv_slice_to_cstr(host, address, sizeof(address)) != PV_OK ||
        !is_address(address)) {
        pv_why_set(why, "\"http\": \"address\" must be the IP address of the "
                        "host: no name is looked up");
        return PV_EINVAL;
    }
    if (strncmp(json_string_value(json_object_get(out, "url")), "http://", 7) ==
            0 &&
        !is_loopback(address)) {
        pv_why_set(why, "\"http\": http:// only on this machine; another one "
                        "is asked by https://");
        return PV_EINVAL;
    }
    return json_object_set_new(out, "address", json_string(address)) == 0
               ? PV_OK
               : PV_ENOMEM;
}

static enum pv_err
take_files(const json_t *http, json_t *out, struct pv_why *why)
{
    static const char *const names[] = {"ca", "cert", "key"};
    bool                     has[3] = {false, false, false};

    for (size_t i = 0; i < 3; i++) {
        json_t *file = json_object_get(http, names[i]);

        has[i] = file != NULL;
        if (has[i] &&
            (!json_is_string(file) || json_string_value(file)[0] != '/')) {
            pv_why_set(why, "\"http\": \"%s\" must be an absolute path",
                       names[i]);
            return PV_EINVAL;
        }
        if (has[i] && json_object_set(out, names[i], file) != 0) {
            return PV_ENOMEM;
        }
    }
    if (has[1] != has[2]) {
        pv_why_set(why, "\"http\": \"cert\" and \"key\" go together");
        return PV_EINVAL;
    }
    if (!has[0] && strncmp(json_string_value(json_object_get(out, "url")),
                           "https://", 8) == 0) {
        pv_why_set(why, "\"http\": https:// needs \"ca\"");
        return PV_EINVAL;
    }
    return PV_OK;
}

static enum pv_err
take_headers(const json_t *http, json_t *out, struct pv_why *why)
{
    json_t     *headers = json_object_get(http, "headers");
    const char *name;
    json_t     *value;

    if (headers == NULL) {
        return PV_OK;
    }
    json_object_foreach(headers, name, value)
    {
        if (!json_is_string(value) ||
            !pv_http_header_fits(name, json_string_value(value))) {
            pv_why_set(why, "\"http\": \"headers\" must be names and texts");
            return PV_EINVAL;
        }
    }
    if (!json_is_object(headers)) {
        pv_why_set(why, "\"http\": \"headers\" must be an object");
        return PV_EINVAL;
    }
    return json_object_set(out, "headers", headers) == 0 ? PV_OK : PV_ENOMEM;
}

enum pv_err
pv_config_http(const json_t *http, struct pv_buf *out, struct pv_why *why)
{
    static const char *const keywords[] = {"url", "address", "ca", "cert",
                                           "key", "headers", NULL};
    const char *text = json_string_value(json_object_get(http, "url"));
    json_t     *made = json_object();
    CURLU      *url = curl_url();
    char       *dump = NULL;
    enum pv_err err = made == NULL || url == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK) {
        err = pv_json_only(http, keywords, "\"http\"", why);
    }
    if (err == PV_OK) {
        err = take_url(url, text == NULL ? "" : text, made, why);
    }
    if (err == PV_OK) {
        err = take_address(http, made, why);
    }
    if (err == PV_OK) {
        err = take_files(http, made, why);
    }
    if (err == PV_OK) {
        err = take_headers(http, made, why);
    }
    if (err == PV_OK) {
        dump = json_dumps(made, JSON_COMPACT);
        err = dump == NULL ? PV_ENOMEM : pv_buf_add(out, pv_slice_from(dump));
    }
    if (dump != NULL) {
        explicit_bzero(dump, strlen(dump)); /* a header may be a secret */
    }
    free(dump);
    curl_url_cleanup(url);
    json_decref(made);
    return err;
}
