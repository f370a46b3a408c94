/*
 * view_bases.c - legal bases of resolutions, meetings and services, searched
 * for words. Spellings that people hold for one are one here: Arabic
 * and Persian ye and kaf, with and without a joiner, capitals.
 */
#include <string.h>

#include "base/num.h"
#include "kind_tables.h"
#include "view.h"

#define WORDS_MAX 400 /* bytes */
#define FOLDED_MAX (PV_TEXT_FIELD_MAX + 1)

/* ---- spellings ---- */

static const struct {
    const char *from;
    const char *to;
} folded[] = {
    {"\xD9\x8A", "\xDB\x8C"}, /* ye */
    {"\xD9\x89", "\xDB\x8C"}, /* alef maksura */
    {"\xD9\x83", "\xDA\xA9"}, /* kaf */
    {"\xE2\x80\x8C", ""},     /* zero width non-joiner */
};

/* Never longer than text; a text of a field fits. */
static void
fold(const char *text, char room[FOLDED_MAX])
{
    size_t to = 0;

    while (*text != '\0' && to + 2 < FOLDED_MAX) {
        size_t i = 0;

        while (i < COUNT(folded) &&
               strncmp(text, folded[i].from, strlen(folded[i].from)) != 0) {
            i++;
        }
        if (i < COUNT(folded)) {
            memcpy(room + to, folded[i].to, strlen(folded[i].to));
            to += strlen(folded[i].to);
            text += strlen(folded[i].from);
        } else {
            room[to++] = *text >= 'A' && *text <= 'Z'
                             ? (char)(*text - 'A' + 'a')
                             : *text;
            text++;
        }
    }
    room[to] = '\0';
}

static bool
holds(const json_t *basis, const char *words)
{
    char    room[FOLDED_MAX];
    json_t *one;
    size_t  i;

    if (json_is_string(basis)) {
        fold(json_string_value(basis), room);
        return strstr(room, words) != NULL;
    }
    json_array_foreach(basis, i, one)
    {
        if (json_is_string(one) && holds(one, words)) {
            return true;
        }
    }
    return false;
}

/* ---- rows ---- */

struct search {
    char         words[FOLDED_MAX]; /* folded; "" finds all */
    enum pv_kind kind;
    json_t      *rows;
    bool         more;
};

static enum pv_err
take(struct pv_view_call *call, const char *id, const struct pv_record *record,
     void *context)
{
    static const char *const names[] = {"title_fa", "title_en",    "name_fa",
                                        "name_en",  "body",        "provider",
                                        "date",     "legal_basis", NULL};
    struct search           *search = context;
    const json_t *basis = json_object_get(record->body, "legal_basis");
    json_t       *row;
    enum pv_err   err;

    (void)call;
    if (basis == NULL || !holds(basis, search->words)) {
        return PV_OK;
    }
    if (json_array_size(search->rows) == PV_VIEW_ROWS_MAX) {
        search->more = true;
        return PV_OK;
    }
    row = json_pack("{s:s, s:s}", "kind", pv_kind_row(search->kind)->name, "id",
                    id);
    err = row == NULL ? PV_ENOMEM : pv_view_copy(row, record->body, names);
    if (err == PV_OK && json_array_append(search->rows, row) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(row); /* accepts NULL */
    return err;
}

/* Words as UTF-8 in hex: a query takes plain characters only. */
static enum pv_err
read_words(const struct pv_view_call *call, struct search *search)
{
    struct pv_slice hex = call->param[PV_VIEW_OF];
    char            text[WORDS_MAX + 1];
    size_t          len = hex.len / 2;

    if (len > WORDS_MAX ||
        (len > 0 && pv_hex_bytes(hex, (uint8_t *)text, len) != PV_OK) ||
        hex.len % 2 != 0) {
        return PV_EINVAL;
    }
    text[len] = '\0';
    if (!pv_is_clean_text((struct pv_slice){text, len})) {
        return PV_EINVAL;
    }
    fold(text, search->words);
    return PV_OK;
}

enum pv_err
pv_view_legal_bases(struct pv_view_call *call, json_t **ret)
{
    static const enum pv_kind kinds[] = {PV_KIND_RESOLUTION, PV_KIND_MEETING,
                                         PV_KIND_SERVICE};
    struct search             search = {.rows = json_array()};
    char                      day[PV_JALALI_ROOM];
    enum pv_err               err =
        search.rows == NULL ? PV_ENOMEM : read_words(call, &search);

    for (size_t i = 0; i < COUNT(kinds) && err == PV_OK; i++) {
        search.kind = kinds[i];
        err = pv_view_each(call, kinds[i], take, &search);
    }
    if (err == PV_OK) {
        pv_day_text(call->today, day);
        *ret = json_pack("{s:s, s:O, s:b}", "day", day, "bases", search.rows,
                         "more", (int)search.more);
        err = *ret == NULL ? PV_ENOMEM : PV_OK;
    }
    json_decref(search.rows); /* accepts NULL */
    return err;
}
