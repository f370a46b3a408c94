/* service_test_ask.c - one call to a connector, as its gate would make it. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "contract/answer.h"
#include "service_test.h"

#define WAIT_MORE_MS 5000 /* beyond the method's deadline */
#define HEADER_MAX 256

static size_t
take(char *bytes, size_t size, size_t count, void *context)
{
    struct pv_slice part = {bytes, size * count};

    return pv_buf_add(context, part) == PV_OK ? part.len : 0;
}

static size_t
take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct pv_test_reply *reply = context;
    struct pv_slice       line = {bytes, size * count};
    struct pv_slice       name;
    struct pv_slice       value;

    while (line.len > 0 && strchr("\r\n", line.ptr[line.len - 1]) != NULL) {
        line.len--;
    }
    if (pv_slice_cut(line, ':', &name, &value) &&
        name.len == strlen("payvand-outcome") &&
        strncasecmp(name.ptr, "payvand-outcome", name.len) == 0 &&
        pv_slice_to_cstr(pv_slice_trim(value), reply->outcome,
                         sizeof(reply->outcome)) != PV_OK) {
        reply->outcome[0] = '\0'; /* no class that there is */
    }
    return size * count;
}

/* A UUID of version 7, without a time: nobody sorts by it. */
static void
make_tracking_id(char room[40])
{
    uint8_t bytes[16];
    size_t  at = 0;

    arc4random_buf(bytes, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x70);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;

        at += (size_t)snprintf(room + at, 40 - at, "%s%02x", dash ? "-" : "",
                               bytes[i]); /* 36 characters */
    }
}

static bool
add_header(struct curl_slist **list, const char *name, const char *value)
{
    char               line[HEADER_MAX];
    struct curl_slist *longer;
    int len = snprintf(line, sizeof(line), "%s: %s", name, value);

    if (len < 0 || (size_t)len >= sizeof(line)) {
        return false;
    }
    longer = curl_slist_append(*list, line);
    *list = longer == NULL ? *list : longer;
    return longer != NULL;
}

/* What the gate sets, and what a consumer sends beside its body. */
static bool
make_headers(const struct pv_test_connector *connector, bool key,
             const char *consent, const struct pv_test_reply *reply,
             struct curl_slist **list)
{
    return add_header(list, "Content-Type", "application/json") &&
           add_header(list, "Expect", "") &&
           add_header(list, "Payvand-Consumer", connector->consumer) &&
           add_header(list, "Payvand-Tracking-Id", reply->tracking_id) &&
           (!key || add_header(list, "Idempotency-Key", reply->tracking_id)) &&
           (consent[0] == '\0' || add_header(list, "Payvand-Consent", consent));
}

static enum pv_err
send_call(const struct pv_test_connector *connector, CURL *curl,
          const struct pv_contract_method *method, const char *body,
          struct curl_slist *headers, struct pv_test_reply *reply,
          struct pv_why *why)
{
    char     url[PV_PATH_MAX + sizeof("http://localhost")];
    CURLcode code;

    (void)snprintf(url, sizeof(url), "http://localhost%s",
                   method->path); /* it fits */
    /* an option that is not taken makes the request fail, which is told */
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, connector->socket);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                           (long)method->deadline_ms + WAIT_MORE_MS);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply->body);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, reply);
    code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        pv_why_set(why, "%s: %s", connector->socket, curl_easy_strerror(code));
        return PV_ESYS;
    }
    return PV_OK;
}

enum pv_err
pv_test_ask(const struct pv_test_connector  *connector,
            const struct pv_contract_method *method, const json_t *request,
            bool key, const char *consent, struct pv_test_reply *reply,
            struct pv_why *why)
{
    struct curl_slist *headers = NULL;
    CURL              *curl = curl_easy_init();
    char              *body = json_dumps(request, JSON_COMPACT);
    enum pv_err        err = PV_ENOMEM;

    memset(reply, 0, sizeof(*reply));
    pv_buf_init(&reply->body, PV_ANSWER_MAX + 4096);
    make_tracking_id(reply->tracking_id);
    if (curl != NULL && body != NULL &&
        make_headers(connector, key, consent, reply, &headers)) {
        err = send_call(connector, curl, method, body, headers, reply, why);
    }
    if (body != NULL) {
        explicit_bzero(body, strlen(body));
    }
    free(body);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl); /* accepts NULL */
    return err;
}
