/*
 * registry.c - HTTP on a Unix socket, by libcurl.
 */
#include "registry.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX_LEN 2200
#define TIMEOUT_S 60L
#define PAGE 500

#define DEFAULT_SOCKET "/run/payvand/registry.sock"

const char *
pv_registry_socket(const char *option)
{
    const char *named = getenv("PAYVAND_REGISTRY_SOCKET");

    if (option != NULL) {
        return option;
    }
    return named == NULL ? DEFAULT_SOCKET : named;
}

static size_t
take(char *bytes, size_t size, size_t count, void *context)
{
    struct pv_slice part = {bytes, size * count};

    return pv_buf_add(context, part) == PV_OK ? part.len : 0;
}

/* The query of `<?query>; rel="next"` behind the same path. */
static enum pv_err
read_link(CURL *curl, const char *path, char ret_next[PV_REGISTRY_PATH_MAX])
{
    struct curl_header *link = NULL;
    const char         *begin;
    const char         *end;
    int                 len;

    ret_next[0] = '\0';
    if (curl_easy_header(curl, "Link", 0, CURLH_HEADER, -1, &link) !=
        CURLHE_OK) {
        return PV_OK;
    }
    begin = strchr(link->value, '<');
    end = strchr(link->value, '>');
    if (begin == NULL || end < begin || begin[1] != '?' ||
        strcmp(end, ">; rel=\"next\"") != 0) {
        return PV_EPROTO;
    }
    len = snprintf(ret_next, PV_REGISTRY_PATH_MAX, "%.*s%.*s",
                   (int)strcspn(path, "?"), path, (int)(end - begin - 1),
                   begin + 1);
    return len < PV_REGISTRY_PATH_MAX ? PV_OK : PV_ERANGE;
}

/* ret_next may be NULL. */
static enum pv_err
ask(const char *socket, const char *path, struct pv_slice body,
    long *ret_status, struct pv_buf *answer, char *ret_next, struct pv_why *why)
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
    err = ret_next == NULL ? PV_OK : read_link(curl, path, ret_next);
    if (err != PV_OK) {
        pv_why_set(why, "the registry's answer does not say what follows");
    }

out:
    curl_slist_free_all(header);
    curl_easy_cleanup(curl); /* accepts NULL */
    return err;
}

enum pv_err
pv_registry_ask(const char *socket, const char *path, struct pv_slice body,
                long *ret_status, struct pv_buf *answer, struct pv_why *why)
{
    return ask(socket, path, body, ret_status, answer, NULL, why);
}

enum pv_err
pv_registry_page(const char *socket, const char *path, long *ret_status,
                 struct pv_buf *answer, char ret_next[PV_REGISTRY_PATH_MAX],
                 struct pv_why *why)
{
    return ask(socket, path, (struct pv_slice){NULL, 0}, ret_status, answer,
               ret_next, why);
}

/* ret_next as above. */
static enum pv_err
get_json(const char *socket, const char *path, json_t **ret, char *ret_next,
         struct pv_why *why)
{
    struct pv_buf answer;
    long          status = 0;
    const char   *title;
    enum pv_err   err;

    pv_buf_init(&answer, PV_REGISTRY_ANSWER_MAX);
    err = ask(socket, path, (struct pv_slice){NULL, 0}, &status, &answer,
              ret_next, why);
    *ret = err == PV_OK ? json_loadb(answer.ptr, answer.len,
                                     JSON_REJECT_DUPLICATES, NULL)
                        : NULL;
    pv_buf_clear(&answer);
    if (err == PV_OK && status != 200) {
        title = json_string_value(json_object_get(*ret, "title"));
        pv_why_set(why, "%s", title == NULL ? "the registry failed" : title);
        err = status == 404 ? PV_ENOTFOUND : PV_EINVAL;
    } else if (err == PV_OK && *ret == NULL) {
        pv_why_set(why, "the registry's answer is no JSON");
        err = PV_EINVAL;
    }
    if (err != PV_OK) {
        json_decref(*ret);
        *ret = NULL;
    }
    return err;
}

enum pv_err
pv_registry_get_json(const char *socket, const char *path, json_t **ret,
                     struct pv_why *why)
{
    return get_json(socket, path, ret, NULL, why);
}

/* ---- views by their pages ---- */

enum pv_err
pv_registry_join(json_t *whole, const json_t *page)
{
    const char *name;
    json_t     *member;

    json_object_foreach((json_t *)(uintptr_t)page, name, member)
    {
        json_t *list = json_object_get(whole, name);

        if (json_is_array(member) && json_is_array(list) &&
            json_array_extend(list, member) != 0) {
            return PV_ENOMEM;
        }
    }
    return PV_OK;
}

enum pv_err
pv_registry_joined(json_t *whole)
{
    if (!json_is_true(json_object_get(whole, "more"))) {
        return PV_OK;
    }
    (void)json_object_del(whole, "next"); /* not there: as good */
    return json_object_set_new(whole, "more", json_false()) == 0 ? PV_OK
                                                                 : PV_ENOMEM;
}

enum pv_err
pv_registry_get_whole(const char *socket, const char *path, json_t **ret,
                      struct pv_why *why)
{
    char        next[PV_REGISTRY_PATH_MAX] = "";
    json_t     *whole = NULL;
    enum pv_err err = get_json(socket, path, &whole, next, why);

    while (err == PV_OK && next[0] != '\0') {
        json_t *page = NULL;
        char    here[PV_REGISTRY_PATH_MAX];

        memcpy(here, next, sizeof(here));
        err = get_json(socket, here, &page, next, why);
        err = err == PV_OK ? pv_registry_join(whole, page) : err;
        json_decref(page); /* accepts NULL */
    }
    err = err == PV_OK ? pv_registry_joined(whole) : err;
    if (err != PV_OK) {
        json_decref(whole); /* accepts NULL */
        return err;
    }
    *ret = whole;
    return PV_OK;
}

/* ---- records ---- */

/* One page into all; ret_next is the id to go on behind, "" at the end. */
static enum pv_err
take_page(const json_t *page, const char *kind, json_t *all, char *ret_next,
          size_t room)
{
    const char *next = json_string_value(json_object_get(page, "next"));
    json_t     *record;
    size_t      i;

    json_array_foreach(json_object_get(page, kind), i, record)
    {
        const char *id = json_string_value(json_object_get(record, "id"));

        if (id == NULL || json_object_set(all, id, record) != 0) {
            return PV_EINVAL;
        }
    }
    return pv_slice_to_cstr(pv_slice_from(next == NULL ? "" : next), ret_next,
                            room);
}

enum pv_err
pv_registry_records(const char *socket, const char *kind, const char *query,
                    json_t **ret, struct pv_why *why)
{
    json_t     *all = json_object();
    char        after[PV_REGISTRY_PATH_MAX / 4] = "";
    enum pv_err err = all == NULL ? PV_ENOMEM : PV_OK;

    while (err == PV_OK) {
        json_t *page = NULL;
        char    path[PV_REGISTRY_PATH_MAX];

        if (snprintf(path, sizeof(path), "/registry/v1/%s?count=%d%s%s%s", kind,
                     PAGE, after[0] == '\0' ? "" : "&after=", after,
                     query) >= (int)sizeof(path)) {
            err = PV_ERANGE;
            break;
        }
        err = pv_registry_get_json(socket, path, &page, why);
        if (err == PV_OK) {
            err = take_page(page, kind, all, after, sizeof(after));
        }
        json_decref(page);
        if (after[0] == '\0') {
            break;
        }
    }
    if (err != PV_OK) {
        json_decref(all);
        all = NULL;
    }
    *ret = all;
    return err;
}
