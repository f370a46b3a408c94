/* client.c - asks the signer, and keeps what was signed last. */
#include "signer_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "base/time.h"

#define ANSWER_MS 5000 /* the signer may be starting anew */
#define SEND_AGAIN_MS 1000
#define NOTES_MAX 4096

struct answer {
    uint64_t        id;
    uint32_t        head; /* type, count */
    struct pv_slice body;
};

struct question {
    size_t  len;
    uint8_t packet[PV_SIGNER_ASK_LEN + PV_MERKLE_PROOF_MAX * PV_HASH_LEN +
                   PV_NOTE_NAME_MAX];
};

void
pv_signer_client_init(struct pv_signer_client *client, int fd)
{
    memset(client, 0, sizeof(*client));
    client->fd = fd;
    pv_buf_init(&client->note, NOTES_MAX);
    pv_buf_init(&client->before, NOTES_MAX);
}

void
pv_signer_client_clear(struct pv_signer_client *client)
{
    pv_buf_clear(&client->note);
    pv_buf_clear(&client->before);
}

/* ---- packets ---- */

static enum pv_err
receive_any(struct pv_signer_client *client, uint8_t room[PV_SIGNER_PACKET_MAX],
            struct answer *ret)
{
    ssize_t len;

    do {
        len = recv(client->fd, room, PV_SIGNER_PACKET_MAX, MSG_DONTWAIT);
    } while (len == -1 && errno == EINTR);
    if (len == -1) {
        return errno == EAGAIN ? PV_EAGAIN : PV_ECLOSED;
    }
    if (len == 0) {
        return PV_ECLOSED;
    }
    if (len < PV_SIGNER_HEAD_LEN || pv_load_u32(room) != PV_SIGNER_MAGIC) {
        return PV_EPROTO;
    }
    ret->id = pv_load_u64(room + 8);
    ret->head = pv_load_u32(room + 4);
    ret->body = (struct pv_slice){(const char *)room + PV_SIGNER_HEAD_LEN,
                                  (size_t)len - PV_SIGNER_HEAD_LEN};
    return PV_OK;
}

/* The next packet with our last id; older answers are passed over. */
static enum pv_err
receive(struct pv_signer_client *client, uint8_t room[PV_SIGNER_PACKET_MAX],
        struct answer *ret)
{
    enum pv_err err;

    do {
        err = receive_any(client, room, ret);
    } while (err == PV_OK && ret->id != client->ask_id);
    return err;
}

static enum pv_err
judge(struct pv_signer_client *client, enum pv_err err,
      const struct answer *answer)
{
    if (err == PV_OK && (answer->head & 0xffff) == PV_SIGNER_REFUSED) {
        pv_why_set(&client->why, "the signer refuses: %.*s",
                   PV_FMT(answer->body));
        return PV_EVERIFY;
    }
    if (err != PV_OK) {
        pv_why_set(&client->why, "the signer does not answer: %s",
                   pv_err_text(err));
    }
    return err;
}

static void
send_question(struct pv_signer_client *client, struct question *question)
{
    pv_store_u64(question->packet + 8, ++client->ask_id);
    /* where it does not go through now it is said again */
    (void)send(client->fd, question->packet, question->len,
               MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Ask, and again when a signer died over it: asking twice does no harm. */
static enum pv_err
ask(struct pv_signer_client *client, struct question *question,
    uint8_t room[PV_SIGNER_PACKET_MAX], struct answer *ret)
{
    int64_t     end_ms = pv_time_monotonic_ms() + ANSWER_MS;
    int64_t     again_ms = 0;
    enum pv_err err = PV_EAGAIN;

    while (err == PV_EAGAIN) {
        struct pollfd wait = {client->fd, POLLIN, 0};
        int64_t       now_ms = pv_time_monotonic_ms();

        if (now_ms >= end_ms) {
            break;
        }
        if (now_ms >= again_ms) {
            send_question(client, question);
            again_ms = now_ms + SEND_AGAIN_MS;
        }
        if (poll(&wait, 1, (int)(again_ms - now_ms)) == -1 && errno != EINTR) {
            err = PV_ESYS;
            break;
        }
        err = receive(client, room, ret);
    }
    return judge(client, err, ret);
}

/* ---- what was signed ---- */

/* Keep a note as the last one, after a look at it. */
static enum pv_err
keep(struct pv_signer_client *client, struct pv_slice note)
{
    struct pv_checkpoint checkpoint;
    enum pv_err          err;

    err = pv_checkpoint_open(note, &client->key, &checkpoint, NULL);
    if (err == PV_OK) {
        client->note.len = 0;
        err = pv_buf_add(&client->note, note);
    }
    if (err == PV_OK) {
        client->size = checkpoint.size;
        client->root = checkpoint.root;
    }
    return err;
}

static enum pv_err
said(struct pv_signer_client *client, enum pv_err err)
{
    if (err != PV_OK) {
        pv_why_set(&client->why, "the signer's answer does not read: %s",
                   pv_err_text(err));
    }
    return err;
}

enum pv_err
pv_signer_last(struct pv_signer_client *client)
{
    uint8_t                room[PV_SIGNER_PACKET_MAX];
    struct question        question = {.len = PV_SIGNER_HEAD_LEN};
    struct pv_signer_notes notes;
    struct answer          answer = {.head = 0};
    struct pv_slice        rest;
    size_t                 vkey_len;
    enum pv_err            err;

    pv_store_u32(question.packet, PV_SIGNER_MAGIC);
    pv_store_u32(question.packet + 4, PV_SIGNER_ASK_LAST);
    err = ask(client, &question, room, &answer);
    if (err != PV_OK) {
        return err;
    }
    vkey_len = answer.head >> 16;
    rest = answer.body;
    err = PV_EPROTO;
    if ((answer.head & 0xffff) == PV_SIGNER_LAST && vkey_len <= rest.len) {
        err = pv_note_key_parse((struct pv_slice){rest.ptr, vkey_len},
                                &client->key);
        rest = (struct pv_slice){rest.ptr + vkey_len, rest.len - vkey_len};
    }
    if (err == PV_OK) {
        err = pv_signer_cut(rest, &notes);
    }
    if (err == PV_OK) {
        err = keep(client, notes.last);
    }
    if (err == PV_OK) {
        client->before.len = 0;
        err = pv_buf_add(&client->before, notes.before);
    }
    return said(client, err);
}

static void
put_question(const struct pv_signer_client *client, uint64_t size,
             const struct pv_hash *root, const struct pv_merkle_proof *proof,
             struct question *ret)
{
    size_t len = PV_SIGNER_ASK_LEN + proof->count * PV_HASH_LEN;

    pv_store_u32(ret->packet, PV_SIGNER_MAGIC);
    pv_store_u32(ret->packet + 4,
                 PV_SIGNER_ASK_SIGN | (uint32_t)proof->count << 16);
    pv_store_u64(ret->packet + PV_SIGNER_HEAD_LEN, size);
    memcpy(ret->packet + PV_SIGNER_HEAD_LEN + 8, root->bytes, PV_HASH_LEN);
    memcpy(ret->packet + PV_SIGNER_ASK_LEN, proof->hash,
           len - PV_SIGNER_ASK_LEN);
    memcpy(ret->packet + len, client->key.name, client->key.name_len);
    ret->len = len + client->key.name_len;
}

static enum pv_err
take_signed(struct pv_signer_client *client, const struct answer *answer)
{
    return said(client, (answer->head & 0xffff) == PV_SIGNER_SIGNED_NOTE
                            ? keep(client, answer->body)
                            : PV_EPROTO);
}

enum pv_err
pv_signer_sign(struct pv_signer_client *client, uint64_t size,
               const struct pv_hash *root, const struct pv_merkle_proof *proof)
{
    uint8_t         room[PV_SIGNER_PACKET_MAX];
    struct question question;
    struct answer   answer = {.head = 0};
    enum pv_err     err;

    put_question(client, size, root, proof, &question);
    err = ask(client, &question, room, &answer);
    if (err == PV_OK) {
        err = take_signed(client, &answer);
    }
    if (err == PV_OK &&
        (client->size != size || !pv_hash_eq(&client->root, root))) {
        err = said(client, PV_EPROTO);
    }
    return err;
}

/* Say it once; an answer is heard later. */
static enum pv_err
send_once(struct pv_signer_client *client, struct question *question)
{
    pv_store_u64(question->packet + 8, ++client->ask_id);
    if (send(client->fd, question->packet, question->len,
             MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)question->len) {
        return PV_OK;
    }
    return judge(client, errno == EAGAIN ? PV_EAGAIN : PV_ECLOSED, NULL);
}

enum pv_err
pv_signer_ask(struct pv_signer_client *client, uint64_t size,
              const struct pv_hash *root, const struct pv_merkle_proof *proof)
{
    struct question question;
    enum pv_err     err;

    put_question(client, size, root, proof, &question);
    err = send_once(client, &question);
    if (err == PV_OK) {
        client->head_id = client->ask_id;
    }
    return err;
}

enum pv_err
pv_signer_ask_rights(struct pv_signer_client     *client,
                     const struct pv_rights_head *head, uint64_t *ret_id)
{
    struct question question = {.len = PV_SIGNER_RIGHTS_LEN + head->agency.len};
    enum pv_err     err;

    if (head->agency.len > PV_RIGHTS_AGENCY_MAX) {
        return PV_ERANGE;
    }
    pv_store_u32(question.packet, PV_SIGNER_MAGIC);
    pv_store_u32(question.packet + 4, PV_SIGNER_ASK_RIGHTS);
    pv_store_u64(question.packet + PV_SIGNER_HEAD_LEN, head->decision);
    pv_store_u64(question.packet + PV_SIGNER_HEAD_LEN + 8, head->when_s);
    memcpy(question.packet + PV_SIGNER_HEAD_LEN + 16, head->body.bytes,
           PV_HASH_LEN);
    memcpy(question.packet + PV_SIGNER_RIGHTS_LEN, head->agency.ptr,
           head->agency.len);
    err = send_once(client, &question);
    if (err == PV_OK) {
        *ret_id = client->ask_id;
    }
    return err;
}

/* Rights that were signed, into what was heard. */
static enum pv_err
take_rights(struct pv_signer_client *client, const struct answer *answer,
            struct pv_signer_heard *heard)
{
    if ((answer->head & 0xffff) != PV_SIGNER_SIGNED_NOTE ||
        answer->body.len > sizeof(heard->note)) {
        return said(client, PV_EPROTO);
    }
    memcpy(heard->note, answer->body.ptr, answer->body.len);
    heard->len = answer->body.len;
    return PV_OK;
}

enum pv_err
pv_signer_hear(struct pv_signer_client *client, struct pv_signer_heard *ret)
{
    uint8_t       room[PV_SIGNER_PACKET_MAX];
    struct answer answer = {.head = 0};
    enum pv_err   err = receive_any(client, room, &answer);

    if (err != PV_OK) {
        return err == PV_EAGAIN ? err : judge(client, err, &answer);
    }
    ret->id = answer.id;
    ret->is_head = answer.id == client->head_id;
    ret->len = 0;
    ret->err = judge(client, PV_OK, &answer);
    if (ret->err == PV_OK) {
        ret->err = ret->is_head ? take_signed(client, &answer)
                                : take_rights(client, &answer, ret);
    }
    return PV_OK;
}
