/* fetch.c - asking, checking, keeping. */
#include "rights/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "daemon/file.h"

#define URL_MAX_LEN 1024
#define GRACE_S 8 /* an answer may be so late */
#define HTTP_OK 200

/* ---- what is held ---- */

/* Is a state of the past, or of the future? Then why says so. */
static bool
is_of_another_time(struct pv_rights_fetch      *fetch,
                   const struct pv_rights_head *head)
{
    int64_t now_ms = pv_time_wall_ms();

    if (pv_rights_is_ahead(head, now_ms)) {
        pv_why_set(&fetch->why,
                   "it was signed %llu s in the future: a clock is wrong",
                   (unsigned long long)head->when_s -
                       (unsigned long long)(now_ms / 1000));
        return true;
    }
    if (fetch->state.len > 0 && !pv_rights_is_ahead(&fetch->head, now_ms) &&
        pv_rights_is_older(head, &fetch->head)) {
        pv_why_set(&fetch->why,
                   "it is of decision %llu, and %llu is held: an old one",
                   (unsigned long long)head->decision,
                   (unsigned long long)fetch->head.decision);
        return true;
    }
    return false;
}

/* Hold a whole state if it is good and not older; else nothing changes. */
static enum pv_err
hold(struct pv_rights_fetch *fetch, struct pv_buf *state)
{
    const struct pv_rights_source *source = fetch->source;
    struct pv_rights_head          head;
    struct pv_rights              *rights = NULL;
    struct pv_slice                body;
    enum pv_err                    err =
        pv_rights_open(pv_buf_view(state), &source->log,
                       pv_slice_from(source->agency), &head, &body);

    if (err == PV_OK && is_of_another_time(fetch, &head)) {
        return PV_EVERIFY;
    }
    if (err == PV_OK) {
        err = pv_rights_read(body, &rights);
        pv_rights_free(rights);
    }
    if (err != PV_OK) {
        pv_why_set(&fetch->why, "it is not what this log signed for %s: %s",
                   source->agency, pv_err_text(err));
        return err;
    }
    pv_buf_clear(&fetch->state);
    fetch->state = *state; /* taken */
    fetch->head = head;
    pv_buf_init(state, PV_RIGHTS_MAX);
    return PV_OK;
}

enum pv_err
pv_rights_fetch_open(struct pv_rights_fetch        *fetch,
                     const struct pv_rights_source *source, int dirfd,
                     const char *name)
{
    struct pv_buf state;
    enum pv_err   err;

    memset(fetch, 0, sizeof(*fetch));
    fetch->source = source;
    fetch->dirfd = dirfd;
    fetch->name = name;
    pv_buf_init(&fetch->state, PV_RIGHTS_MAX);
    fetch->curl = curl_easy_init();
    if (fetch->curl == NULL) {
        return PV_ENOMEM;
    }
    pv_buf_init(&state, PV_RIGHTS_MAX);
    err = pv_file_read(dirfd, name, &state);
    if (err == PV_OK) {
        (void)hold(fetch, &state); /* ->why says why not */
    }
    pv_buf_clear(&state);
    return err == PV_ENOMEM || err == PV_ESYS ? err : PV_OK;
}

void
pv_rights_fetch_close(struct pv_rights_fetch *fetch)
{
    curl_easy_cleanup(fetch->curl); /* accepts NULL */
    fetch->curl = NULL;
    pv_buf_clear(&fetch->state);
}

/* ---- asking ---- */

static size_t
take(char *bytes, size_t size, size_t count, void *context)
{
    struct pv_slice part = {bytes, size * count};

    return pv_buf_add(context, part) == PV_OK ? part.len : 0;
}

/* libcurl asks several times a second. */
static int
is_over(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct pv_rights_fetch *fetch = context;

    (void)a, (void)b, (void)c, (void)d; /* how much has come */
    return fetch->stop != NULL && atomic_load(fetch->stop) ? 1 : 0;
}

static CURLcode
set_all(struct pv_rights_fetch *fetch, const char *url, long timeout_s,
        struct pv_buf *answer)
{
    const struct pv_rights_source *source = fetch->source;
    bool                           local = source->socket[0] != '\0';
    CURL                          *curl = fetch->curl;
    const CURLcode                 code[] = {
                        curl_easy_setopt(curl, CURLOPT_URL, url),
                        curl_easy_setopt(curl, CURLOPT_PROXY, ""),
                        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L),
                        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_over),
                        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, fetch),
                        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L),
                        curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_s),
                        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take),
                        curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer),
                        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH,
                         local ? source->socket : NULL),
                        curl_easy_setopt(curl, CURLOPT_CAINFO, local ? NULL : source->ca),
                        curl_easy_setopt(curl, CURLOPT_SSLCERT, local ? NULL : source->cert),
                        curl_easy_setopt(curl, CURLOPT_SSLKEY, local ? NULL : source->key),
                        curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                                         (long)CURL_SSLVERSION_TLSv1_3),
                        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, local ? "http" : "https"),
    };

    for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
        if (code[i] != CURLE_OK) {
            return code[i];
        }
    }
    return CURLE_OK;
}

enum pv_err
pv_rights_ask(struct pv_rights_fetch *fetch, const char *path, long timeout_s,
              struct pv_buf *answer)
{
    const struct pv_rights_source *source = fetch->source;
    char                           url[URL_MAX_LEN];
    long                           status = 0;
    CURLcode                       code;
    int                            len = snprintf(
                                   url, sizeof(url), "%s%s",
        source->socket[0] != '\0' ? "http://registry" : source->url, path);

    if (len < 0 || len >= URL_MAX_LEN) {
        return PV_ERANGE;
    }
    code = set_all(fetch, url, timeout_s, answer);
    if (code == CURLE_OK) {
        code = curl_easy_perform(fetch->curl);
    }
    if (code != CURLE_OK) {
        pv_why_set(&fetch->why, "the registry does not answer: %s",
                   curl_easy_strerror(code));
        return PV_EAGAIN;
    }
    (void)curl_easy_getinfo(fetch->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != HTTP_OK) {
        pv_why_set(&fetch->why, "the registry answers %ld", status);
        return PV_EAGAIN;
    }
    return PV_OK;
}

static enum pv_err
ask(struct pv_rights_fetch *fetch, unsigned wait_s, struct pv_buf *answer)
{
    char known[2 * PV_HASH_LEN];
    char path[URL_MAX_LEN];
    int  len;

    pv_hex_text(fetch->head.body.bytes, PV_HASH_LEN, known);
    len = snprintf(
        path, sizeof(path), "/registry/v1/rights?agency=%s%s%.*s&wait=%u",
        fetch->source->agency, fetch->state.len > 0 ? "&known=" : "",
        fetch->state.len > 0 ? (int)sizeof(known) : 0, known, wait_s);
    return len < 0 || len >= URL_MAX_LEN
               ? PV_ERANGE
               : pv_rights_ask(fetch, path, (long)wait_s + GRACE_S, answer);
}

/* A note alone stands before the body that is held. */
static enum pv_err
make_whole(const struct pv_rights_fetch *fetch, struct pv_buf *answer)
{
    struct pv_slice note;
    struct pv_slice body;
    enum pv_err     err = pv_rights_cut(pv_buf_view(answer), &note, &body);

    if (err == PV_OK && body.len == 0 && fetch->state.len > 0) {
        err = pv_rights_cut(pv_buf_view(&fetch->state), &note, &body);
        if (err == PV_OK) {
            err = pv_buf_add(answer, body);
        }
    }
    return err;
}

/* A full disk takes no right from anybody: what is held goes on. */
static void
keep(struct pv_rights_fetch *fetch)
{
    enum pv_err err =
        pv_file_replace(fetch->dirfd, fetch->name, pv_buf_view(&fetch->state),
                        PV_FILE_MODE_OWN);

    fetch->is_kept = err == PV_OK;
    if (err != PV_OK) {
        pv_why_set(&fetch->why, "it cannot be kept in %s: %s", fetch->name,
                   pv_err_text(err));
    }
}

enum pv_err
pv_rights_fetch_round(struct pv_rights_fetch *fetch, unsigned wait_s)
{
    struct pv_buf answer;
    enum pv_err   err;

    pv_buf_init(&answer, PV_RIGHTS_MAX);
    fetch->why.text[0] = '\0';
    err = ask(fetch, wait_s, &answer);
    if (err == PV_OK) {
        err = make_whole(fetch, &answer);
    }
    if (err == PV_OK) {
        err = hold(fetch, &answer);
    }
    if (err == PV_OK) {
        keep(fetch);
    }
    pv_buf_clear(&answer);
    return err;
}
