/*
 * reader_record.c - one reading, one record, on disk before the answer.
 *
 * The reader speaks to the journal as a worker does (wire.h): an epoch of its
 * own, one frame of one record, and it waits for the acknowledgement.
 */
#include "reader.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "daemon/event.h"
#include "trace/wire.h"

#define HELLO_HEAD_LEN 25
#define PACKET_LEN (PV_WIRE_FRAME_HEAD_LEN + 2 + PV_RECORD_MAX)
#define ANSWER_LEN 4096

static const char *const what_word[] = {
    [WHAT_BUNDLE] = "bundle", [WHAT_FOLLOW] = "follow",
    [WHAT_LOOKUP] = "lookup", [WHAT_RECEIPT] = "receipt",
    [WHAT_ROLLUP] = "rollup", [WHAT_SEARCH] = "search",
};

void
recorder_close(struct recorder *recorder)
{
    if (recorder->fd != -1) {
        (void)close(recorder->fd); /* what was acknowledged is on disk */
        recorder->fd = -1;
    }
}

/* The next packet; its length, 0 when none came in time or the peer is gone */
static size_t
receive(struct recorder *recorder, uint8_t *packet, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd poll_fd = {recorder->fd, POLLIN, 0};
        int64_t       left_ms = deadline_ms - pv_time_monotonic_ms();
        ssize_t       n;

        if (left_ms <= 0) {
            return 0;
        }
        if (poll(&poll_fd, 1, (int)left_ms) <= 0) {
            if (errno == EINTR) {
                continue;
            }
            return 0;
        }
        n = recv(recorder->fd, packet, ANSWER_LEN, MSG_DONTWAIT);
        if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (n < 16 || pv_load_u32(packet) != PV_WIRE_MAGIC) {
            return 0;
        }
        return (size_t)n;
    }
}

static bool
hello(struct recorder *recorder, int64_t deadline_ms)
{
    uint8_t packet[HELLO_HEAD_LEN + UINT8_MAX];
    uint8_t answer[ANSWER_LEN];
    size_t  len = strlen(recorder->node);

    if (recorder->epoch == 0 &&
        getrandom(&recorder->epoch, sizeof(recorder->epoch), 0) !=
            (ssize_t)sizeof(recorder->epoch)) {
        return false;
    }
    pv_store_u32(packet, PV_WIRE_MAGIC);
    pv_store_u32(packet + 4, PV_WIRE_HELLO);
    pv_store_u32(packet + 8, PV_WIRE_VERSION);
    pv_store_u32(packet + 12, (uint32_t)getpid());
    pv_store_u64(packet + 16, recorder->epoch);
    packet[24] = (uint8_t)len;
    memcpy(packet + HELLO_HEAD_LEN, recorder->node, len);
    len += HELLO_HEAD_LEN;
    return send(recorder->fd, packet, len, MSG_NOSIGNAL) == (ssize_t)len &&
           receive(recorder, answer, deadline_ms) > 0 &&
           (pv_load_u32(answer + 4) & 0xffff) == PV_WIRE_HELLO_OK;
}

static bool
connected(struct recorder *recorder, int64_t deadline_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (recorder->fd != -1) {
        return true;
    }
    if (pv_slice_to_cstr(pv_slice_from(recorder->socket), address.sun_path,
                         sizeof(address.sun_path)) != PV_OK) {
        return false;
    }
    recorder->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (recorder->fd == -1 ||
        connect(recorder->fd, (struct sockaddr *)&address, sizeof(address)) ==
            -1 ||
        !hello(recorder, deadline_ms)) {
        recorder_close(recorder);
        return false;
    }
    return true;
}

/* The acknowledgement of this frame; those of frames given up are passed by */
static bool
acknowledged(struct recorder *recorder, uint64_t sequence, int64_t deadline_ms)
{
    uint8_t answer[ANSWER_LEN];
    size_t  len;

    while ((len = receive(recorder, answer, deadline_ms)) > 0) {
        uint32_t type = pv_load_u32(answer + 4) & 0xffff;
        uint32_t count = pv_load_u32(answer + 4) >> 16;

        if (type == PV_WIRE_REFUSED && pv_load_u64(answer + 8) == sequence) {
            return false;
        }
        if (type != PV_WIRE_ACK || len != 16 + (size_t)16 * count) {
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            if (pv_load_u64(answer + 16 + (size_t)16 * i) == sequence) {
                return true;
            }
        }
    }
    return false;
}

static bool
write_once(struct recorder *recorder, const uint8_t *record, size_t len,
           int64_t deadline_ms)
{
    uint8_t  packet[PACKET_LEN];
    uint64_t sequence = recorder->sequence;

    if (!connected(recorder, deadline_ms)) {
        return false;
    }
    pv_store_u32(packet, PV_WIRE_MAGIC);
    pv_store_u32(packet + 4, (uint32_t)PV_WIRE_FRAME | 1u << 16);
    pv_store_u64(packet + 8, sequence);
    packet[16] = (uint8_t)len;
    packet[17] = (uint8_t)(len >> 8);
    memcpy(packet + 18, record, len);
    len += 18;
    if (send(recorder->fd, packet, len, MSG_NOSIGNAL) != (ssize_t)len ||
        !acknowledged(recorder, sequence, deadline_ms)) {
        recorder_close(recorder);
        return false;
    }
    return true;
}

static struct pv_slice
role_word(const struct who *who, bool as_provider)
{
    switch (who->role) {
    case ROLE_OPERATOR:
        return PV_LIT("operator");
    case ROLE_AUDITOR:
        return PV_LIT("auditor");
    case ROLE_PARTY:
    case ROLE_PUBLIC:
        break;
    }
    return as_provider ? PV_LIT("provider") : PV_LIT("consumer");
}

bool
reading_record(struct pv_server_call *call, const struct who *who,
               const struct reading *reading)
{
    struct recorder         *recorder = &reader_of(call)->recorder;
    struct pv_reading_record record = {
        .by = {who->by.text, who->by.len},
        .count = reading->count,
        .id = reading->id,
        .node = pv_slice_from(recorder->node),
        .role = role_word(who, reading->as_provider),
        .time_ms = (uint64_t)pv_time_wall_ms(),
        .what = pv_slice_from(what_word[reading->what]),
    };
    int64_t deadline_ms = pv_time_monotonic_ms() + RECORD_WAIT_MS;
    bool    was_open = recorder->fd != -1;
    char    line[PV_RECORD_MAX];
    char    salt[PV_RECORD_SALT_LEN];
    size_t  len = 0;
    bool    done = false;

    record.salt = (struct pv_slice){salt, sizeof(salt)};
    if (pv_record_make_salt(salt) == PV_OK &&
        pv_record_write_reading(&record, line, sizeof(line), &len) == PV_OK) {
        recorder->sequence++;
        done = write_once(recorder, (uint8_t *)line, len, deadline_ms);
        if (!done && was_open) { /* the journal may have been started anew;
                                    it knows the same frame again */
            done = write_once(recorder, (uint8_t *)line, len, deadline_ms);
        }
    }
    if (done) {
        recorder->count++;
        return true;
    }
    recorder->failures++;
    pv_log_event("error", "traced.reading_unrecorded", "what=%s; refusing it",
                 what_word[reading->what]);
    pv_server_problem(
        call, 503, "reading-unrecorded",
        "The reading cannot be recorded now, so nothing is shown",
        "ثبت این مشاهده اکنون ممکن نیست؛ چیزی نمایش داده نمی‌شود");
    call->retry_after_s = 1;
    return false;
}
