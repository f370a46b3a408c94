/*
 * log_courier.c - the log's words to the courier of its witnesses
 * (courier.h): one checkpoint on its way at a time, the newest next.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "courier.h"
#include "daemon/event.h"
#include "log.h"

/* A courier that died with one is asked again. */
#define ANSWER_MAX_MS (2 * COURIER_ROUND_MAX_MS)

static void
head(uint8_t *packet, enum courier_type type, unsigned count, uint64_t size)
{
    pv_store_u32(packet, COURIER_MAGIC);
    pv_store_u32(packet + 4, (uint32_t)type | (uint32_t)count << 16);
    pv_store_u64(packet + 8, size);
}

/*
 * The courier talks to strangers: what it brings is judged here again, by the
 * same file. It reads the descriptor too, so no offset is used.
 */
enum pv_err
log_read_witnesses(struct log *log)
{
    static struct courier_witnesses list;
    static char                     room[COURIER_FILE_MAX];
    ssize_t     len = pread(FD_WITNESSES, room, sizeof(room), 0);
    enum pv_err err = PV_ESYS;

    if (len >= 0) {
        err = courier_parse((struct pv_slice){room, (size_t)len}, &list,
                            &log->why);
    }
    if (err != PV_OK) {
        return err;
    }
    for (size_t i = 0; i < list.count; i++) {
        log->witness[i] = list.witness[i].key;
    }
    log->witness_count = list.count;
    log->quorum = list.quorum;
    return PV_OK;
}

void
log_ask_witnesses(struct log *log)
{
    static uint8_t packet[COURIER_HEAD_LEN + PV_CHECKPOINT_NOTE_MAX];
    int64_t        now_ms = pv_time_monotonic_ms();
    size_t         len = COURIER_HEAD_LEN + log->signer.note.len;

    if ((log->asked_ms != 0 && now_ms - log->asked_ms < ANSWER_MAX_MS) ||
        log->signer.size == 0 || len > sizeof(packet) ||
        state_get(&log->state->published_size) >= log->signer.size) {
        return;
    }
    log->asked.len = 0;
    if (pv_buf_add(&log->asked, pv_buf_view(&log->signer.note)) != PV_OK) {
        return; /* cannot be: its maximum is a note's */
    }
    head(packet, COURIER_ASK, 0, log->signer.size);
    memcpy(packet + COURIER_HEAD_LEN, log->signer.note.ptr,
           log->signer.note.len);
    if (send(FD_ASK_COURIER, packet, len, MSG_NOSIGNAL | MSG_DONTWAIT) == -1) {
        return; /* again in the next round */
    }
    log->asked_ms = now_ms;
    log->asked_size = log->signer.size;
    if (log->asked_new_ms == 0) {
        log->asked_new_ms = log->signed_ms;
    }
    log->signed_ms = 0;
}

/* The proof from where a witness stands to the checkpoint on its way. */
static void
send_proof(struct log *log, uint64_t size, uint64_t from)
{
    static uint8_t
        packet[COURIER_PROOF_LEN + PV_MERKLE_PROOF_MAX * PV_HASH_LEN];
    struct pv_merkle_proof proof;
    unsigned               count = COURIER_NO_PROOF;
    size_t                 len = COURIER_PROOF_LEN;

    if (size == log->asked_size &&
        pv_tiles_consistency(log->tiles, from, size, &proof) == PV_OK) {
        count = (unsigned)proof.count;
        memcpy(packet + len, proof.hash, proof.count * PV_HASH_LEN);
        len += proof.count * PV_HASH_LEN;
    }
    head(packet, COURIER_PROOF, count, size);
    pv_store_u64(packet + COURIER_HEAD_LEN, from);
    /* the courier's round ends without it, and the next one asks again */
    (void)send(FD_ASK_COURIER, packet, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The note as it was asked, with the witnesses' lines behind it. */
static void
publish_cosigned(struct log *log, struct pv_slice lines)
{
    struct pv_checkpoint checkpoint;
    struct pv_note       parsed;
    struct pv_buf        note;
    size_t               count = 0;
    enum pv_err          err;

    pv_buf_init(&note, PV_CHECKPOINT_NOTE_MAX);
    err = pv_buf_add(&note, pv_buf_view(&log->asked));
    if (err == PV_OK) {
        err = pv_buf_add(&note, lines);
    }
    if (err == PV_OK) {
        err = pv_checkpoint_open(pv_buf_view(&note), &log->signer.key,
                                 &checkpoint, &parsed);
    }
    if (err == PV_OK) {
        err = pv_checkpoint_cosigned(&parsed, log->witness, log->witness_count,
                                     &count);
    }
    if (err == PV_OK && count < log->quorum) {
        err = PV_EVERIFY;
    }
    if (err != PV_OK) {
        pv_log_event("error", "traced.protocol",
                     "the courier's cosignatures: %s", pv_err_text(err));
    } else if (log_publish(log, pv_buf_view(&note), log->asked_size)) {
        state_set(&log->state->witness_count, count);
    }
    pv_buf_clear(&note);
}

static void
on_told(struct log *log, enum courier_told told, struct pv_slice text,
        uint64_t size)
{
    static const struct {
        const char *level;
        const char *event;
    } word[] = {
        [COURIER_WELL] = {"info", "log.witness_well"},
        [COURIER_DOWN] = {"warning", "log.witness_down"},
        [COURIER_REFUSES] = {"error", "log.witness_refuses"},
        [COURIER_SPLIT] = {"error", "log.split_view"},
        [COURIER_BACK] = {"error", "log.witness_back"},
    };
    struct pv_slice name;
    struct pv_slice words;

    if (told < COURIER_WELL || told > COURIER_BACK) {
        return;
    }
    (void)pv_slice_cut(text, '\n', &name, &words);
    if (told == COURIER_SPLIT) {
        state_set(&log->state->split_view, 1);
    } else if (told == COURIER_BACK) {
        state_set(&log->state->witness_back, 1);
    }
    pv_log_event(word[told].level, word[told].event,
                 "witness=%.*s size=%llu signed=%llu %.*s", PV_FMT(name),
                 (unsigned long long)size, (unsigned long long)log->signer.size,
                 PV_FMT(words));
}

static void
on_packet(struct log *log, const uint8_t *packet, size_t len)
{
    uint32_t        word = pv_load_u32(packet + 4);
    unsigned        count = word >> 16;
    uint64_t        size = pv_load_u64(packet + 8);
    struct pv_slice rest;

    switch ((enum courier_type)(word & 0xffff)) {
    case COURIER_WANT:
        if (len == COURIER_HEAD_LEN + 8) {
            send_proof(log, size, pv_load_u64(packet + COURIER_HEAD_LEN));
        }
        return;
    case COURIER_DONE:
        if (len >= COURIER_DONE_LEN && size == log->asked_size) {
            rest = (struct pv_slice){(const char *)packet + COURIER_DONE_LEN,
                                     len - COURIER_DONE_LEN};
            log->asked_ms = 0;
            publish_cosigned(log, rest);
        }
        return;
    case COURIER_FAILED:
        if (size == log->asked_size) {
            log->asked_ms = 0;
            state_set(&log->state->witness_failed_ms,
                      (uint64_t)pv_time_wall_ms());
        }
        return;
    case COURIER_TOLD:
        if (len >= COURIER_TOLD_LEN) {
            rest = (struct pv_slice){(const char *)packet + COURIER_TOLD_LEN,
                                     len - COURIER_TOLD_LEN};
            on_told(log, (enum courier_told)count, rest,
                    pv_load_u64(packet + COURIER_HEAD_LEN));
        }
        return;
    case COURIER_ASK:
    case COURIER_PROOF:
        return; /* ours */
    }
}

void
log_hear_courier(struct log *log, int wait_ms)
{
    static uint8_t packet[COURIER_PACKET_MAX];
    struct pollfd  wait = {FD_ASK_COURIER, POLLIN, 0};
    ssize_t        len;

    /* a signal ends the wait; nothing else can go wrong */
    if (poll(&wait, log->witnessed ? 1 : 0, wait_ms) != 1) {
        return;
    }
    while ((len = recv(FD_ASK_COURIER, packet, sizeof(packet), MSG_DONTWAIT)) >=
           COURIER_HEAD_LEN) {
        if (pv_load_u32(packet) == COURIER_MAGIC) {
            on_packet(log, packet, (size_t)len);
        }
    }
}
