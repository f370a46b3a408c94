/* log_ask.c - the log's words to its signer (signer.h). */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "base/time.h"
#include "log.h"

#define ANSWER_MS 5000 /* the signer may be starting anew */
#define SEND_AGAIN_MS 1000

struct answer {
    uint32_t        head; /* type, count */
    struct pv_slice body;
};

/* One packet with this id; older answers are passed over. */
static enum pv_err
receive(uint64_t id, int64_t until_ms, uint8_t room[SIGNER_PACKET_MAX],
        struct answer *ret)
{
    for (;;) {
        struct pollfd wait = {FD_ASK_SIGNER, POLLIN, 0};
        int64_t       left = until_ms - pv_time_monotonic_ms();
        ssize_t       len;

        if (left <= 0) {
            return PV_EAGAIN;
        }
        if (poll(&wait, 1, (int)left) == -1 && errno != EINTR) {
            return PV_ESYS;
        }
        len = recv(FD_ASK_SIGNER, room, SIGNER_PACKET_MAX, MSG_DONTWAIT);
        if (len == -1 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (len == 0) {
            return PV_ECLOSED; /* no signer, and nobody who starts one */
        }
        if (len < SIGNER_HEAD_LEN || pv_load_u32(room) != SIGNER_MAGIC) {
            return PV_EPROTO;
        }
        if (pv_load_u64(room + 8) == id) {
            ret->head = pv_load_u32(room + 4);
            ret->body = (struct pv_slice){(const char *)room + SIGNER_HEAD_LEN,
                                          (size_t)len - SIGNER_HEAD_LEN};
            return PV_OK;
        }
    }
}

/* Ask, and again when a signer died over it: asking twice does no harm. */
static enum pv_err
ask(struct log *log, uint8_t *packet, size_t len,
    uint8_t room[SIGNER_PACKET_MAX], struct answer *ret)
{
    int64_t     end_ms = pv_time_monotonic_ms() + ANSWER_MS;
    enum pv_err err = PV_EAGAIN;

    while (err == PV_EAGAIN && pv_time_monotonic_ms() < end_ms) {
        int64_t until_ms = pv_time_monotonic_ms() + SEND_AGAIN_MS;

        pv_store_u64(packet + 8, ++log->ask_id);
        /* where it does not go through now it is said again */
        (void)send(FD_ASK_SIGNER, packet, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        err = receive(log->ask_id, until_ms < end_ms ? until_ms : end_ms, room,
                      ret);
    }
    if (err == PV_OK && (ret->head & 0xffff) == SIGNER_REFUSED) {
        pv_why_set(&log->why, "the signer refuses: %.*s", PV_FMT(ret->body));
        err = PV_EVERIFY;
    } else if (err != PV_OK) {
        pv_why_set(&log->why, "the signer does not answer: %s",
                   pv_err_text(err));
    }
    return err;
}

/* Keep a note as the last one, after a look at it. */
static enum pv_err
keep(struct log *log, struct pv_slice note)
{
    struct pv_checkpoint checkpoint;
    enum pv_err          err;

    err = pv_checkpoint_open(note, &log->key, &checkpoint, NULL);
    if (err == PV_OK) {
        log->note.len = 0;
        err = pv_buf_add(&log->note, note);
    }
    if (err == PV_OK) {
        log->size = checkpoint.size;
        log->root = checkpoint.root;
    }
    return err;
}

enum pv_err
log_ask_last(struct log *log)
{
    static uint8_t      room[SIGNER_PACKET_MAX];
    uint8_t             packet[SIGNER_HEAD_LEN];
    struct signer_notes notes;
    struct answer       answer;
    struct pv_slice     rest;
    size_t              vkey_len;
    enum pv_err         err;

    pv_store_u32(packet, SIGNER_MAGIC);
    pv_store_u32(packet + 4, SIGNER_ASK_LAST);
    err = ask(log, packet, sizeof(packet), room, &answer);
    if (err != PV_OK) {
        return err;
    }
    vkey_len = answer.head >> 16;
    rest = answer.body;
    err = PV_EPROTO;
    if ((answer.head & 0xffff) == SIGNER_LAST && vkey_len <= rest.len) {
        err =
            pv_note_key_parse((struct pv_slice){rest.ptr, vkey_len}, &log->key);
        rest = (struct pv_slice){rest.ptr + vkey_len, rest.len - vkey_len};
    }
    if (err == PV_OK) {
        err = signer_cut(rest, &notes);
    }
    if (err == PV_OK) {
        err = keep(log, notes.last);
    }
    if (err == PV_OK) {
        err = pv_buf_add(&log->before, notes.before);
    }
    if (err != PV_OK) {
        pv_why_set(&log->why, "the signer's answer does not read: %s",
                   pv_err_text(err));
    }
    return err;
}

enum pv_err
log_ask_sign(struct log *log, uint64_t size, const struct pv_hash *root,
             const struct pv_merkle_proof *proof)
{
    static uint8_t room[SIGNER_PACKET_MAX];
    uint8_t        packet[SIGNER_ASK_LEN + PV_MERKLE_PROOF_MAX * PV_HASH_LEN +
                   PV_NOTE_NAME_MAX];
    struct answer  answer;
    size_t         len = SIGNER_ASK_LEN + proof->count * PV_HASH_LEN;
    enum pv_err    err;

    pv_store_u32(packet, SIGNER_MAGIC);
    pv_store_u32(packet + 4, SIGNER_ASK_SIGN | (uint32_t)proof->count << 16);
    pv_store_u64(packet + SIGNER_HEAD_LEN, size);
    memcpy(packet + SIGNER_HEAD_LEN + 8, root->bytes, PV_HASH_LEN);
    memcpy(packet + SIGNER_ASK_LEN, proof->hash, len - SIGNER_ASK_LEN);
    memcpy(packet + len, log->key.name, log->key.name_len);
    len += log->key.name_len;
    err = ask(log, packet, len, room, &answer);
    if (err != PV_OK) {
        return err;
    }
    err = (answer.head & 0xffff) == SIGNER_SIGNED_NOTE ? keep(log, answer.body)
                                                       : PV_EPROTO;
    if (err == PV_OK && (log->size != size || !pv_hash_eq(&log->root, root))) {
        err = PV_EPROTO;
    }
    if (err != PV_OK) {
        pv_why_set(&log->why, "the signer's answer does not read: %s",
                   pv_err_text(err));
    }
    return err;
}
