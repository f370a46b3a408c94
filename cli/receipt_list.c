/* receipt_list.c - several receipts, until all are there that can be had. */
#include "receipt_list.h"

#include <string.h>
#include <time.h>

#include "base/time.h"

#define STEP_FIRST_MS 200 /* doubled from round to round */

struct list {
    const char *wanted[PV_RECEIPT_LIST_MAX]; /* NULL: it has come */
    size_t      count;
    bool        was_cut; /* the last answer said that some were left out */
};

static size_t
count_wanted(const struct list *list)
{
    size_t wanted = 0;

    for (size_t i = 0; i < list->count; i++) {
        wanted += list->wanted[i] != NULL;
    }
    return wanted;
}

/* The tracking id of a receipt; the caller frees *ret_owner. */
static const char *
id_of(const json_t *receipt, json_t **ret_owner)
{
    const json_t *entry = json_object_get(receipt, "entry");

    *ret_owner =
        json_is_string(entry)
            ? json_loadb(json_string_value(entry), json_string_length(entry),
                         JSON_REJECT_DUPLICATES, NULL)
            : NULL;
    return pv_client_text(*ret_owner, "id");
}

/* False: it is neither a receipt that was asked for nor what was left out. */
static bool
take_line(struct list *list, struct pv_slice line, struct pv_buf *out)
{
    json_t *object =
        json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, NULL);
    json_t     *owner = NULL;
    const char *id = id_of(object, &owner);
    bool        is_taken = json_is_array(json_object_get(object, "left_out"));

    list->was_cut = list->was_cut || is_taken;
    for (size_t i = 0; i < list->count && !is_taken; i++) {
        if (list->wanted[i] != NULL && strcmp(list->wanted[i], id) == 0) {
            list->wanted[i] = NULL;
            is_taken = pv_buf_add(out, line) == PV_OK &&
                       pv_buf_add_char(out, '\n') == PV_OK;
            break;
        }
    }
    json_decref(owner); /* accepts NULL */
    json_decref(object);
    return is_taken;
}

static int
ask(struct pv_client *client, struct list *list, struct pv_buf *out)
{
    struct pv_slice rest;
    struct pv_slice line;
    struct pv_buf   ids;
    int             code = PV_EXIT_OK;

    pv_buf_init(&ids, PV_CLIENT_TARGET_MAX);
    for (size_t i = 0; i < list->count; i++) {
        if (list->wanted[i] != NULL &&
            pv_buf_addf(&ids, "%s%s", ids.len == 0 ? "" : ",",
                        list->wanted[i]) != PV_OK) {
            code = PV_EXIT_FAILED;
        }
    }
    if (memchr(ids.ptr, ',', ids.len) == NULL &&
        pv_buf_add_char(&ids, ',') != PV_OK) { /* one of a list, too */
        code = PV_EXIT_FAILED;
    }
    if (code == PV_EXIT_OK &&
        (pv_buf_add_char(&ids, '\0') != PV_OK ||
         !pv_client_path(client, "/trace/v1/receipts/", ids.ptr))) {
        code = PV_EXIT_FAILED;
    }
    pv_buf_clear(&ids);
    if (code == PV_EXIT_OK) {
        code = pv_client_get(client);
    }
    list->was_cut = false;
    rest = pv_buf_view(&client->http.answer);
    while (code == PV_EXIT_OK && pv_slice_cut(rest, '\n', &line, &rest)) {
        if (!take_line(list, line, out)) {
            pv_cli_error("what came is no list of these receipts");
            code = PV_EXIT_FAILED;
        }
    }
    return code;
}

int
pv_receipt_list(struct pv_client *client, const char *const *ids, size_t count,
                int64_t wait_ms, struct pv_buf *out, size_t *ret_missing)
{
    struct list list = {.count = count};
    int64_t     end_ms = pv_time_monotonic_ms() + wait_ms;
    int64_t     step_ms = STEP_FIRST_MS;
    int         code = PV_EXIT_OK;
    bool        more = true;

    memcpy(list.wanted, ids, count * sizeof(ids[0]));
    while (more && code == PV_EXIT_OK) {
        size_t before = count_wanted(&list);
        bool   goes_on;

        code = ask(client, &list, out);
        *ret_missing = count_wanted(&list);
        goes_on = list.was_cut && *ret_missing < before;
        more = *ret_missing > 0 &&
               (goes_on || pv_time_monotonic_ms() + step_ms < end_ms);
        if (more && !goes_on) {
            const struct timespec step = {step_ms / 1000,
                                          step_ms % 1000 * 1000000};

            (void)nanosleep(&step, NULL); /* shorter is as good */
            step_ms *= 2;
        }
    }
    return code;
}
