/* courier_round.c - one checkpoint and all witnesses: who is asked when. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "base/time.h"
#include "courier_run.h"

#define GRACE_MS 100 /* for the others, once the quorum is reached */
#define PAUSE_MIN_MS 500
#define PAUSE_MAX_MS 30000
#define TURNS_MAX 3 /* requests to one witness for one checkpoint */
#define IDLE_WAIT_MS 1000

/* ---- to the log -----------------------------------------------------------
 */

static void
put_head(uint8_t *packet, enum courier_type type, size_t count, uint64_t size)
{
    pv_store_u32(packet, COURIER_MAGIC);
    packet[4] = (uint8_t)type;
    packet[5] = 0;
    packet[6] = (uint8_t)count;
    packet[7] = (uint8_t)(count >> 8);
    pv_store_u64(packet + 8, size);
}

/* The log reads what it is sent; when it is gone there is nothing to do. */
static void
send_packet(const struct courier *courier, const void *packet, size_t len)
{
    if (send(courier->fd, packet, len, MSG_NOSIGNAL) != (ssize_t)len) {
        exit(1);
    }
}

/* The log process says it to people. */
static void
tell(struct courier *courier, struct errand *errand, enum courier_told told,
     const char *words)
{
    const struct pv_note_key *key = &errand->to->key;
    uint8_t packet[COURIER_TOLD_LEN + PV_NOTE_NAME_MAX + 1 + 128];
    size_t  len = COURIER_TOLD_LEN;
    size_t  words_len = strlen(words);

    if (errand->told == told) {
        return;
    }
    errand->told = told;
    put_head(packet, COURIER_TOLD, (size_t)told, courier->size);
    pv_store_u64(packet + COURIER_HEAD_LEN, errand->seen);
    memcpy(packet + len, key->name, key->name_len);
    len += key->name_len;
    packet[len++] = '\n';
    memcpy(packet + len, words, words_len);
    send_packet(courier, packet, len + words_len);
}

static size_t
count_of(const struct courier *courier, enum errand_state state)
{
    size_t count = 0;

    for (size_t i = 0; i < courier->list.count; i++) {
        count += courier->errand[i].state == state;
    }
    return count;
}

/* DONE or FAILED, with the lines that there are. */
static void
report(struct courier *courier, enum courier_type type)
{
    static uint8_t packet[COURIER_PACKET_MAX];
    size_t         count = count_of(courier, ERRAND_SIGNED);
    size_t         len = COURIER_DONE_LEN;

    put_head(packet, type, count, courier->size);
    pv_store_u32(packet + COURIER_HEAD_LEN, (uint32_t)courier->list.count);
    for (size_t i = 0; i < courier->list.count; i++) {
        const struct errand *errand = &courier->errand[i];

        if (errand->state == ERRAND_SIGNED) {
            memcpy(packet + len, errand->line, errand->line_len);
            len += errand->line_len;
        }
    }
    send_packet(courier, packet, len);
    courier->told_end = true;
    courier->told_count = count;
}

/* ---- one witness ----------------------------------------------------------
 */

void
courier_rest(struct courier *courier, struct errand *errand,
             enum courier_told told, const char *words)
{
    tell(courier, errand, told, words);
    errand->state = ERRAND_FAILED;
    errand->pause_ms =
        errand->pause_ms == 0 ? PAUSE_MIN_MS : errand->pause_ms * 2;
    if (errand->pause_ms > PAUSE_MAX_MS) {
        errand->pause_ms = PAUSE_MAX_MS;
    }
    errand->again_ms = pv_time_monotonic_ms() + errand->pause_ms;
}

void
courier_post(struct courier *courier, struct errand *errand,
             const struct pv_merkle_proof *proof)
{
    errand->turns++;
    errand->state = ERRAND_POSTED;
    if (errand_post(errand, courier->multi, courier->size, proof,
                    pv_buf_view(&courier->note)) != PV_OK) {
        courier_rest(courier, errand, COURIER_DOWN,
                     "the request cannot be made");
    }
}

/* With a proof from where the witness stands; the log has it. */
static void
ask(struct courier *courier, struct errand *errand)
{
    static const struct pv_merkle_proof none = {.count = 0};
    uint8_t                             packet[COURIER_PROOF_LEN];

    if (errand->turns == TURNS_MAX) {
        courier_rest(courier, errand, COURIER_DOWN,
                     "it stands at ever other sizes");
        return;
    }
    if (errand->seen == 0 || errand->seen == courier->size) {
        courier_post(courier, errand, &none);
        return;
    }
    errand->state = ERRAND_PROOF;
    put_head(packet, COURIER_WANT, 0, courier->size);
    pv_store_u64(packet + COURIER_HEAD_LEN, errand->seen);
    send_packet(courier, packet, sizeof(packet));
}

/* A good line of this witness for this checkpoint. */
static bool
take_line(const struct courier *courier, struct errand *errand)
{
    const struct pv_note_key *key = &errand->to->key;
    struct pv_note            answer = {.text = courier->parsed.text,
                                        .signatures = pv_buf_view(&errand->answer)};
    struct pv_slice           rest_of = answer.signatures;
    struct pv_note_signature  line;

    if (pv_note_parse_lines(answer.signatures, &answer.count) != PV_OK ||
        pv_note_verify(&answer, key, NULL) != PV_OK) {
        return false;
    }
    while (pv_note_next(&rest_of, &line)) {
        if (line.id == key->id && line.line.len <= sizeof(errand->line) &&
            pv_slice_eq(line.name,
                        (struct pv_slice){key->name, key->name_len})) {
            memcpy(errand->line, line.line.ptr, line.line.len);
            errand->line_len = line.line.len;
            return true;
        }
    }
    return false;
}

static void
has_cosigned(struct errand *errand, uint64_t size)
{
    errand->seen = size;
    errand->cosigned = size > errand->cosigned ? size : errand->cosigned;
}

/* 409: its size, one line. */
static void
on_conflict(struct courier *courier, struct errand *errand)
{
    struct pv_slice line;
    struct pv_slice more;
    uint64_t        seen;

    if (!pv_slice_cut(pv_buf_view(&errand->answer), '\n', &line, &more) ||
        more.len > 0 ||
        pv_slice_to_u64(line, PV_MERKLE_SIZE_MAX, &seen) != PV_OK) {
        courier_rest(courier, errand, COURIER_DOWN,
                     "its answer cannot be read");
        return;
    }
    errand->seen = seen;
    if (seen < errand->cosigned) { /* it goes on all the same, from there */
        tell(courier, errand, COURIER_BACK,
             "it has forgotten what it cosigned, as one put back from an old "
             "copy has");
    }
    if (seen > courier->size) {
        courier_rest(courier, errand, COURIER_SPLIT,
                     "it has cosigned a larger tree of this log");
        return;
    }
    ask(courier, errand);
}

void
courier_answered(struct courier *courier, struct errand *errand, long status)
{
    bool is_late = errand->posted != courier->size;

    errand->state = ERRAND_IDLE;
    if (is_late && status != 0) {
        if (status == 200) {
            has_cosigned(errand, errand->posted);
        }
        return; /* of the round before; it is asked anew */
    }
    if (status == 200 && take_line(courier, errand)) {
        errand->state = ERRAND_SIGNED;
        has_cosigned(errand, courier->size);
        errand->pause_ms = 0;
        tell(courier, errand, COURIER_WELL, "cosigns");
    } else if (status == 409) {
        on_conflict(courier, errand);
    } else if (status == 422) {
        courier_rest(courier, errand, COURIER_SPLIT,
                     "it has seen another history of this log");
    } else if (status == 403 || status == 404) {
        courier_rest(courier, errand, COURIER_REFUSES,
                     "it does not know this log and key");
    } else {
        courier_rest(courier, errand, COURIER_DOWN,
                     errand->unbelieved ? "its certificate is not believed"
                     : status == 0      ? "no answer"
                                        : "an answer that cannot be used");
    }
}

/* ---- rounds ---------------------------------------------------------------
 */

/* Take up the checkpoint that waits. Who still carries an older one goes on. */
static void
begin(struct courier *courier)
{
    struct pv_buf note = courier->note;

    courier->note = courier->next;
    courier->next = note;
    courier->next.len = 0;
    courier->size = courier->next_size;
    courier->active = true;
    courier->told_end = false;
    courier->told_count = 0;
    courier->began_ms = pv_time_monotonic_ms();
    courier->quorum_ms = 0;
    if (pv_note_parse(pv_buf_view(&courier->note), &courier->parsed) != PV_OK) {
        exit(1); /* from the log: a protocol error */
    }
    for (size_t i = 0; i < courier->list.count; i++) {
        struct errand *errand = &courier->errand[i];

        errand->turns = 0;
        if (errand->state == ERRAND_SIGNED || errand->state == ERRAND_PROOF) {
            errand->state = ERRAND_IDLE;
        }
    }
}

static void
wake(struct courier *courier, int64_t now_ms)
{
    for (size_t i = 0; i < courier->list.count; i++) {
        struct errand *errand = &courier->errand[i];

        if (errand->state == ERRAND_FAILED && now_ms >= errand->again_ms) {
            errand->turns = 0;
            errand->state = ERRAND_IDLE;
        }
        if (errand->state == ERRAND_IDLE) {
            ask(courier, errand);
        }
    }
}

/* Say what is to be said; is the round at its end? */
static bool
settle(struct courier *courier, int64_t now_ms)
{
    size_t count = count_of(courier, ERRAND_SIGNED);
    bool   is_last = count_of(courier, ERRAND_POSTED) == 0 &&
                   count_of(courier, ERRAND_PROOF) == 0;
    bool is_late = now_ms - courier->began_ms >= COURIER_ROUND_MAX_MS;

    if (count >= courier->list.quorum) {
        if (courier->quorum_ms == 0) {
            courier->quorum_ms = now_ms;
        }
        if (is_last || now_ms - courier->quorum_ms >= GRACE_MS) {
            if (!courier->told_end || count > courier->told_count) {
                report(courier, COURIER_DONE);
            }
            return true;
        }
        return false;
    }
    if ((is_last || is_late) && !courier->told_end) {
        report(courier, COURIER_FAILED);
    }
    return is_last || is_late;
}

int
courier_step(struct courier *courier)
{
    int64_t now_ms = pv_time_monotonic_ms();

    if (!courier->active && courier->next.len > 0) {
        begin(courier);
    }
    if (!courier->active) {
        return IDLE_WAIT_MS;
    }
    wake(courier, now_ms);
    if (settle(courier, now_ms) && courier->next.len > 0) {
        begin(courier);
        wake(courier, now_ms);
    }
    if (count_of(courier, ERRAND_POSTED) + count_of(courier, ERRAND_PROOF) >
        0) {
        return GRACE_MS / 2;
    }
    return count_of(courier, ERRAND_FAILED) > 0 ? PAUSE_MIN_MS / 2
                                                : IDLE_WAIT_MS;
}
