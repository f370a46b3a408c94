/* follow.c - asking, taking, renewing. */
#include "follow.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "daemon/event.h"
#include "daemon/file.h"
#include "decide.h"

#define URL_MAX_LEN 1024
#define GRACE_S 5 /* an answer may be so late */
#define STATUS_MAX 2048
#define HTTP_OK 200

/* ---- until when ---- */

/* A copy is valid for a while after it heard; renewed in good time, and when it
   was valid for longer than it may be by now. */
static enum pv_err
renew(struct follow *follow, int64_t until_ms)
{
    struct pv_image *image = follow->registry->image;
    int64_t          held_ms = pv_image_valid_until(image);
    uint64_t         changes;
    enum pv_err      err;

    if (held_ms != 0 && held_ms <= until_ms &&
        until_ms - held_ms < follow->stale_ms / 10) {
        return PV_OK;
    }
    err = pv_image_begin(image, PV_IMAGE_CHANGE);
    if (err == PV_OK) {
        pv_image_set_valid_until(image, until_ms);
        err = pv_image_commit(image, &changes);
    }
    pv_image_abort(image);
    return err;
}

/* For people and for `payvand status`; it may be lost. */
static void
write_status(const struct follow *follow)
{
    struct pv_buf  out;
    struct pv_json json;

    pv_buf_init(&out, STATUS_MAX);
    pv_json_init(&json, &out);
    pv_json_object(&json, NULL);
    pv_json_u64(&json, "heard_ms", (uint64_t)follow->heard_ms);
    pv_json_u64(&json, "last", (uint64_t)follow->last);
    pv_json_u64(&json, "signed", follow->size);
    pv_json_u64(&json, "valid_until_ms",
                (uint64_t)pv_image_valid_until(follow->registry->image));
    pv_json_text(&json, "why", follow->why.text);
    pv_json_end_object(&json);
    if (pv_json_finish(&json) == PV_OK &&
        pv_buf_add_char(&out, '\n') == PV_OK) {
        pv_file_replace_lightly(follow->logfd, "status", pv_buf_view(&out),
                                PV_FILE_MODE_GROUP);
    }
    pv_buf_clear(&out);
}

/* ---- asking ---- */

static size_t
take(char *bytes, size_t size, size_t count, void *context)
{
    struct pv_slice part = {bytes, size * count};

    return pv_buf_add(context, part) == PV_OK ? part.len : 0;
}

/* Called about once a second; anything but 0 ends the question. */
static int
is_over(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct follow *follow = context;

    (void)a; /* how much came is not asked */
    (void)b;
    (void)c;
    (void)d;
    return *follow->stop != 0;
}

static CURLcode
set_all(struct follow *follow, const char *url, long timeout_s,
        struct pv_buf *answer)
{
    CURL          *curl = follow->curl;
    const CURLcode code[] = {
        curl_easy_setopt(curl, CURLOPT_URL, url),
        curl_easy_setopt(curl, CURLOPT_PROXY, ""),
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L),
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_s),
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take),
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer),
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L),
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_over),
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, follow),
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, follow->socket),
        curl_easy_setopt(curl, CURLOPT_CAINFO, follow->ca),
        curl_easy_setopt(curl, CURLOPT_SSLCERT, follow->cert),
        curl_easy_setopt(curl, CURLOPT_SSLKEY, follow->key),
        curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                         (long)CURL_SSLVERSION_TLSv1_3),
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
                         follow->socket != NULL ? "http" : "https"),
    };

    for (size_t i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
        if (code[i] != CURLE_OK) {
            return code[i];
        }
    }
    return CURLE_OK;
}

static enum pv_err
ask(struct follow *follow, long wait_s, struct pv_buf *answer)
{
    char     url[URL_MAX_LEN];
    long     status = 0;
    CURLcode code;

    if (snprintf(url, sizeof(url), "%s/registry/v1/feed?from=%lld&wait=%ld",
                 follow->socket != NULL ? "http://registry" : follow->url,
                 (long long)follow->last, wait_s) >= (int)sizeof(url)) {
        return PV_ERANGE;
    }
    code = set_all(follow, url, wait_s + GRACE_S, answer);
    if (code == CURLE_OK) {
        code = curl_easy_perform(follow->curl);
    }
    if (code != CURLE_OK) {
        pv_why_set(&follow->why, "the registry does not answer: %s",
                   curl_easy_strerror(code));
        return PV_EAGAIN;
    }
    (void)curl_easy_getinfo(follow->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != HTTP_OK) {
        pv_why_set(&follow->why, "the registry answers %ld", status);
        return PV_EAGAIN;
    }
    return PV_OK;
}

/* ---- rounds ---- */

enum pv_err
follow_start(struct follow *follow)
{
    int64_t     image;
    enum pv_err err;

    follow->curl = curl_easy_init();
    if (follow->curl == NULL) {
        return PV_ENOMEM;
    }
    err = pv_registry_numbers(follow->registry, &follow->last, &image);
    /* until it has heard anything it is as stale as it was left */
    if (err == PV_OK && pv_image_valid_until(follow->registry->image) == 0) {
        err = renew(follow, 1);
    }
    if (err == PV_OK) {
        write_status(follow);
    }
    return err;
}

void
follow_end(struct follow *follow)
{
    curl_easy_cleanup(follow->curl); /* accepts NULL */
    follow->curl = NULL;
}

static enum pv_err
take_answer(struct follow *follow, struct pv_slice answer)
{
    struct pv_feed_taken taken;
    enum pv_err err = pv_feed_take(follow->registry, answer, &follow->log,
                                   &taken, &follow->why);

    if (err != PV_OK) {
        return err;
    }
    follow->last = taken.last;
    follow->size = taken.size;
    follow->heard_ms = pv_time_wall_ms();
    pv_file_replace_lightly(follow->logfd, "checkpoint", taken.note,
                            PV_FILE_MODE_GROUP);
    json_decref(taken.owner);
    /* one that still has to catch up does not know what was withdrawn */
    if ((uint64_t)follow->last == follow->size) {
        err = renew(follow, follow->heard_ms + follow->stale_ms);
    }
    return err;
}

/* Said when it begins, changes or ends. */
static void
say(struct follow *follow, enum pv_err err)
{
    if (err == follow->said) {
        return;
    }
    follow->said = err;
    if (err == PV_OK) {
        pv_log_event("info", "follow.well", "last=%lld signed=%llu",
                     (long long)follow->last, (unsigned long long)follow->size);
    } else {
        pv_log_event(err == PV_EAGAIN ? "warning" : "error",
                     err == PV_EAGAIN ? "follow.away" : "follow.refuses",
                     "last=%lld %s; retrying", (long long)follow->last,
                     follow->why.text);
    }
}

void
follow_round(struct follow *follow)
{
    long quarter_s = (long)(follow->stale_ms / 4000);
    long wait_s = quarter_s < FOLLOW_WAIT_S ? quarter_s : FOLLOW_WAIT_S;
    bool behind = (uint64_t)follow->last < follow->size;
    struct pv_buf answer;
    enum pv_err   err;

    pv_buf_init(&answer, PV_FEED_MAX + PV_DOCUMENT_MAX);
    follow->why.text[0] = '\0';
    err = ask(follow, behind ? 0 : wait_s, &answer);
    if (*follow->stop != 0) {
        pv_buf_clear(&answer);
        return;
    }
    if (err == PV_OK) {
        err = take_answer(follow, pv_buf_view(&answer));
    }
    if (err == PV_OK) {
        follow->pause_ms = 0;
    } else {
        follow->pause_ms =
            follow->pause_ms == 0 ? FOLLOW_WAIT_MIN_MS : follow->pause_ms * 2;
        if (follow->pause_ms > FOLLOW_WAIT_MAX_MS) {
            follow->pause_ms = FOLLOW_WAIT_MAX_MS;
        }
        /* what was taken although the image failed is known again */
        int64_t image;

        if (pv_registry_numbers(follow->registry, &follow->last, &image) !=
            PV_OK) {
            follow->last = 0; /* asked for too much then, and refused */
        }
    }
    say(follow, err);
    write_status(follow);
    pv_buf_clear(&answer);
}
