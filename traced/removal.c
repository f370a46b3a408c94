/*
 * removal.c - raw segments go when all their leaves are in packs and in a
 * published checkpoint, and when no start needs them any more.
 */
#include "traced.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/file.h"

static enum pv_err
first_leaf(int dirfd, uint64_t number, uint64_t *ret)
{
    struct pv_segment_reader reader;
    enum pv_err              err = pv_segment_open(dirfd, number, &reader);

    if (err == PV_OK) {
        *ret = reader.head.first_index;
        pv_segment_close(&reader);
    }
    return err;
}

/* Segments that were taken away without packs: said once. */
static void
look_for_gap(struct traced *traced, uint64_t oldest)
{
    uint64_t packed = state_get(&traced->state->packed_index);

    state_set(&traced->state->journal_oldest, oldest);
    if (state_get(&traced->state->packed_known) == 0 || packed >= oldest ||
        traced->gap_said) {
        return;
    }
    traced->gap_said = true;
    pv_log_event("error", "traced.gap",
                 "leaves %llu to %llu are neither in the journal nor in packs: "
                 "they were removed behind our back. Restore the packs from a "
                 "copy; their hashes are in the tree",
                 (unsigned long long)packed, (unsigned long long)oldest - 1);
}

/* One that is gone without our doing, while we run: the next start refuses. */
static void
look_for_missing(struct traced *traced, const struct pv_segment_list *list)
{
    uint64_t last = list->number[list->count - 1];

    if (traced->lowest == 0) {
        traced->lowest = list->number[0];
    }
    if (traced->missing_said || (list->number[0] <= traced->lowest &&
                                 last - list->number[0] + 1 == list->count)) {
        return;
    }
    traced->missing_said = true;
    pv_log_event(
        "error", "traced.missing",
        "segments=%llu first=%llu last=%llu; some were removed behind "
        "our back, and the next start will refuse. Restore them from a "
        "copy",
        (unsigned long long)list->count, (unsigned long long)list->number[0],
        (unsigned long long)last);
}

/* The lowest segment that has to stay. */
static uint64_t
lowest_needed(struct traced *traced, const struct pv_segment_list *list)
{
    uint64_t packed = state_get(&traced->state->packed_index);
    uint64_t published = state_get(&traced->state->published_size);
    uint64_t limit = packed < published ? packed : published;
    uint64_t saved = spare_saved(&traced->spare);
    uint64_t lowest = list->number[0];

    for (size_t i = 1; i < list->count && list->number[i] <= saved; i++) {
        uint64_t first;

        if (first_leaf(traced->journal.dirfd, list->number[i], &first) !=
                PV_OK ||
            first > limit) {
            break;
        }
        lowest = list->number[i];
    }
    return lowest;
}

void
removal_look(struct traced *traced)
{
    struct pv_segment_list list;
    uint64_t               oldest;

    if (pv_segment_list_read(traced->journal.dirfd, &list) != PV_OK) {
        return; /* later */
    }
    if (list.count > 0) {
        look_for_missing(traced, &list);
    }
    /* without a log nothing is removed */
    if (list.count > 0 && traced->control != -1 &&
        first_leaf(traced->journal.dirfd, list.number[0], &oldest) == PV_OK) {
        uint64_t lowest = lowest_needed(traced, &list);

        look_for_gap(traced, oldest);
        if (lowest > list.number[0]) {
            traced->lowest = lowest;
            spare_remove(&traced->spare, lowest);
        }
    }
    pv_segment_list_clear(&list);
}

void
removal_do(int dirfd, uint64_t below)
{
    struct pv_segment_list list = {NULL, 0};
    struct pv_buf          text;
    uint64_t               count = 0;
    enum pv_err            err;

    pv_buf_init(&text, PV_U64_TEXT_MAX + 2);
    err = pv_buf_addf(&text, "%llu\n", (unsigned long long)below);
    if (err == PV_OK) { /* first, so that what is missing is known to be */
        err = pv_file_replace(dirfd, PV_JOURNAL_REMOVED, pv_buf_view(&text),
                              PV_FILE_MODE_GROUP);
    }
    if (err == PV_OK) {
        err = pv_segment_list_read(dirfd, &list);
    }
    /*
     * From the oldest on, each name durably gone before the next one goes, so
     * that no gap is left by a crash, nor by a loss of power.
     */
    for (size_t i = 0; err == PV_OK && i < list.count && list.number[i] < below;
         i++) {
        char name[PV_SEGMENT_NAME_LEN + 1];

        pv_segment_name(list.number[i], name);
        err = unlinkat(dirfd, name, 0) == 0 && fsync(dirfd) == 0 ? PV_OK
                                                                 : PV_ESYS;
        count++;
    }
    if (err != PV_OK) {
        pv_log_event("warning", "traced.removal_failed", "%s%s%s; later again",
                     pv_err_text(err), err == PV_ESYS ? ": " : "",
                     err == PV_ESYS ? strerror(errno) : "");
    } else if (count > 0) {
        pv_log_event("info", "traced.removed",
                     "segments=%llu below=%llu; their leaves are in packs",
                     (unsigned long long)count, (unsigned long long)below);
    }
    pv_segment_list_clear(&list);
    pv_buf_clear(&text);
}
