/*
 * space.c - how much may still be written. The last tenth is for granted
 * calls; a last bit of it for the ends of calls that were forwarded.
 */
#include "traced.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define LOW_PART 10     /* the last tenth */
#define RESERVE_PART 64 /* of it, for completions */
#define RESERVE_MAX (UINT64_C(1) << 20)
#define FORECAST_MS INT64_C(600000)
#define WARN_EVERY_MS INT64_C(3600000)
#define WARN_DAYS 7

/* Bytes of all segments and of the spare. */
static uint64_t
used_by_segments(struct traced *traced)
{
    struct pv_segment_list list;
    struct stat            st;
    uint64_t               used = 0;

    if (pv_segment_list_read(traced->journal.dirfd, &list) != PV_OK) {
        return traced->space.used; /* as it was */
    }
    for (size_t i = 0; i < list.count; i++) {
        char name[PV_SEGMENT_NAME_LEN + 1];

        pv_segment_name(list.number[i], name);
        if (fstatat(traced->journal.dirfd, name, &st, AT_SYMLINK_NOFOLLOW) ==
            0) {
            used += (uint64_t)st.st_size;
        }
    }
    pv_segment_list_clear(&list);
    if (fstatat(traced->journal.dirfd, PV_SEGMENT_SPARE, &st,
                AT_SYMLINK_NOFOLLOW) == 0) {
        used += traced->spare.size;
    }
    return used;
}

static void
look(struct traced *traced)
{
    struct space  *space = &traced->space;
    uint64_t       size = traced->journal.segment_size;
    uint64_t       more = 0;
    struct statvfs fs;

    space->used = used_by_segments(traced);
    if (fstatvfs(traced->journal.dirfd, &fs) == 0) {
        uint64_t keep = (uint64_t)fs.f_blocks / 100 * space->retain_percent;
        uint64_t free_blocks = (uint64_t)fs.f_bavail;

        if (free_blocks > keep) {
            more = (free_blocks - keep) * (uint64_t)fs.f_frsize;
        }
    }
    if (space->max_size > 0) {
        uint64_t left =
            space->max_size > space->used ? space->max_size - space->used : 0;

        more = left < more ? left : more;
    }
    space->more = more / size * size;
    space->checked_ms = traced->now_ms;
}

/* Once an hour: how long the space lasts, at the rate of the last minutes. */
static void
forecast(struct traced *traced, uint64_t left)
{
    struct space            *space = &traced->space;
    const struct pv_journal *journal = &traced->journal;
    uint64_t                 bytes;
    uint64_t                 days;
    int64_t                  passed = traced->now_ms - space->rate_ms;

    if (space->rate_ms == 0) {
        space->rate_ms = traced->now_ms;
        space->rate_bytes = left;
        return;
    }
    if (passed < FORECAST_MS) {
        return;
    }
    bytes = space->rate_bytes > left ? space->rate_bytes - left : 0;
    space->rate_ms = traced->now_ms;
    space->rate_bytes = left;
    if (bytes == 0 || traced->now_ms - space->warned_ms < WARN_EVERY_MS) {
        return;
    }
    days = left / bytes * (uint64_t)passed / (uint64_t)86400000;
    space->warned_ms = traced->now_ms;
    pv_log_event(days < WARN_DAYS ? "warning" : "info", "traced.space_forecast",
                 "left_mib=%llu days=%llu next_index=%llu",
                 (unsigned long long)(left >> 20), (unsigned long long)days,
                 (unsigned long long)journal->next_index);
}

void
space_update(struct traced *traced, bool look_at_disk)
{
    struct space            *space = &traced->space;
    const struct pv_journal *journal = &traced->journal;
    uint64_t                 capacity;
    uint64_t                 left;
    uint64_t                 reserve;
    bool                     low;
    bool                     full;

    if (look_at_disk) {
        look(traced);
    }
    left = space->more;
    if (spare_is_ready(&traced->spare)) {
        left += traced->spare.size;
    }
    if (journal->fd != -1 && !journal->failed) {
        left += journal->segment.size - journal->at;
        if (journal->at > journal->segment.size / 2 &&
            space->more >= journal->segment_size && !traced->broken) {
            spare_want(&traced->spare);
        }
    }
    capacity = space->used + space->more;
    reserve = capacity / RESERVE_PART < RESERVE_MAX ? capacity / RESERVE_PART
                                                    : RESERVE_MAX;
    low = left < capacity / LOW_PART;
    full = left < reserve || traced->no_room;
    if (low != space->low || full != space->full) {
        pv_log_event(full || low ? "warning" : "info",
                     full  ? "traced.space_full"
                     : low ? "traced.space_low"
                           : "traced.space_enough",
                     "left_kib=%llu capacity_kib=%llu; %s",
                     (unsigned long long)(left >> 10),
                     (unsigned long long)(capacity >> 10),
                     full  ? "calls are refused until space is freed"
                     : low ? "only granted calls are journalled"
                           : "all calls are journalled");
    }
    space->low = low;
    space->full = full;
    if (look_at_disk) {
        forecast(traced, left);
    }
}
