/* courier_file.c - the file that names the witnesses. */
#include <string.h>

#include "base/num.h"
#include "courier.h"

static bool
is_url(struct pv_slice url)
{
    if (url.len > COURIER_URL_MAX ||
        (!pv_slice_starts(url, PV_LIT("http://")) &&
         !pv_slice_starts(url, PV_LIT("https://")))) {
        return false;
    }
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~') {
            return false;
        }
    }
    return url.ptr[url.len - 1] != '/';
}

/* VKEY URL */
static const char *
add_witness(struct courier_witnesses *list, struct pv_slice rest)
{
    struct courier_witness *witness = &list->witness[list->count];
    struct pv_slice         vkey;
    struct pv_slice         url;

    if (list->count == COURIER_WITNESSES_MAX) {
        return "there are too many witnesses";
    }
    (void)pv_slice_cut(rest, ' ', &vkey, &url); /* an empty URL is refused */
    url = pv_slice_trim(url);
    if (pv_note_key_parse(vkey, &witness->key) != PV_OK ||
        witness->key.type != PV_NOTE_COSIGNATURE) {
        return "that is not the public key of a witness";
    }
    if (!is_url(url) ||
        pv_slice_to_cstr(url, witness->url, sizeof(witness->url)) != PV_OK) {
        return "the URL is not http:// or https:// without a slash at its end";
    }
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(list->witness[i].key.public_key, witness->key.public_key,
                   sizeof(witness->key.public_key)) == 0) {
            return "this key is there already; one key is one witness";
        }
    }
    list->count++;
    return NULL;
}

static const char *
take_line(struct courier_witnesses *list, struct pv_slice line)
{
    struct pv_slice word;
    struct pv_slice rest;
    uint64_t        quorum;

    (void)pv_slice_cut(line, ' ', &word, &rest); /* a word alone is refused */
    rest = pv_slice_trim(rest);
    if (pv_slice_eq(word, PV_LIT("witness"))) {
        return add_witness(list, rest);
    }
    if (!pv_slice_eq(word, PV_LIT("quorum"))) {
        return "it begins with neither `quorum` nor `witness`";
    }
    if (list->quorum != 0) {
        return "a second quorum";
    }
    if (pv_slice_to_u64(rest, COURIER_WITNESSES_MAX, &quorum) != PV_OK ||
        quorum == 0) {
        return "the quorum is no number from 1 on";
    }
    list->quorum = (size_t)quorum;
    return NULL;
}

enum pv_err
courier_parse(struct pv_slice text, struct courier_witnesses *ret,
              struct pv_why *why)
{
    struct courier_witnesses list = {.quorum = 0};
    struct pv_slice          line;
    size_t                   number = 0;

    while (text.len > 0) {
        const char *wrong;

        (void)pv_slice_cut(text, '\n', &line, &text); /* or the last one */
        number++;
        line = pv_slice_trim(line);
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        wrong = take_line(&list, line);
        if (wrong != NULL) {
            pv_why_set(why, "line %zu of the witnesses' file: %s", number,
                       wrong);
            return PV_EINVAL;
        }
    }
    if (list.quorum == 0 || list.quorum > list.count) {
        pv_why_set(why,
                   "the witnesses' file has %zu witnesses and a quorum of %zu; "
                   "it needs a line `quorum K`, K at most as many",
                   list.count, list.quorum);
        return PV_EINVAL;
    }
    *ret = list;
    return PV_OK;
}
