/* reader_state.c - one GET, without a certificate. */
#include "reader_state.h"

#include <stdio.h>
#include <string.h>

#include "client/http.h"

#define URL_MAX_LEN 512
#define WAIT_MS 5000L

static long
get(const char *base, const char *path, const char *unix_socket, const char *ca,
    struct pv_why *why)
{
    struct pv_http http;
    char           url[URL_MAX_LEN];
    size_t         len = strlen(base);
    long           status = 0;

    while (len > 0 && base[len - 1] == '/') {
        len--;
    }
    /* a base that fills all the room is cut, and the length says so */
    if (snprintf(url, sizeof(url), "%.*s%s",
                 (int)(len < sizeof(url) ? len : sizeof(url)), base,
                 path) >= (int)sizeof(url)) {
        pv_why_set(why, "the URL is too long");
        return 0;
    }
    pv_http_init(&http);
    http.url = url;
    http.unix_socket = unix_socket;
    http.ca = ca;
    http.timeout_ms = WAIT_MS;
    if (pv_http_run(&http, why) == PV_OK) {
        status = http.status;
    }
    pv_http_clear(&http);
    return status;
}

long
pv_reader_asked(const char *socket_path, struct pv_why *why)
{
    return get("http://localhost", PV_API_CHECKPOINT, socket_path, NULL, why);
}

long
pv_api_asked(const char *url, const char *ca, const char *path,
             struct pv_why *why)
{
    return get(url, path, NULL, ca, why);
}

bool
pv_reader_is_answer(long status)
{
    return status == 200 || status == 404;
}
