/* peer.c - one worker's connection: greeting, frames in, answers out. */
#include "traced.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"

#define READS_MAX 16 /* packets of one worker in one round */
#define SEND_BUFFER (1 << 20)
#define HELLO_LEN_MIN 25

static void
watch(struct traced *traced, struct peer *peer, bool out)
{
    struct epoll_event event = {.events = out ? EPOLLOUT : EPOLLIN,
                                .data.ptr = peer};

    if (peer->watching != out && !peer->dead) {
        peer->watching = out;
        if (epoll_ctl(traced->epfd, EPOLL_CTL_MOD, peer->fd, &event) == -1) {
            peer_close(traced, peer);
        }
    }
}

static struct peer *
free_peer(struct traced *traced)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (traced->peer[i].fd == -1 && !traced->peer[i].dead) {
            return &traced->peer[i];
        }
    }
    return NULL;
}

void
peer_accept(struct traced *traced)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct ucred       cred;
    socklen_t          len = sizeof(cred);
    struct peer       *peer;
    int                size = SEND_BUFFER;
    int                fd;

    fd = accept4(traced->listenfd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd == -1) {
        return; /* gone again, or no descriptor: it stays in the queue */
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1 ||
        (cred.uid != traced->gateway_uid && cred.uid != traced->own_uid)) {
        pv_log_event("warning", "traced.stranger", "uid=%u pid=%d; closing",
                     (unsigned)cred.uid, (int)cred.pid);
        (void)close(fd); /* nothing was said */
        return;
    }
    peer = free_peer(traced);
    if (peer == NULL) {
        pv_log_event("warning", "traced.too_many_workers", "max=%d; closing",
                     PEERS_MAX);
        (void)close(fd); /* nothing was said */
        return;
    }
    memset(peer, 0, sizeof(*peer));
    peer->fd = fd;
    peer->pid = cred.pid;
    event.data.ptr = peer;
    /* a hint: without it the queue does the work */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (epoll_ctl(traced->epfd, EPOLL_CTL_ADD, fd, &event) == -1) {
        (void)close(fd); /* nothing was said */
        peer->fd = -1;
    }
}

void
peer_close(struct traced *traced, struct peer *peer)
{
    if (peer->dead) {
        return;
    }
    peer->dead = true; /* freed by peers_sweep */
    if (peer->epoch != NULL && peer->epoch->peer == peer) {
        peer->epoch->peer = NULL;
        peer->epoch->gone_ms = traced->now_ms;
        pv_log_event("info", "traced.worker_gone",
                     "pid=%d epoch=%016llx open=%llu", (int)peer->pid,
                     (unsigned long long)peer->epoch->id,
                     (unsigned long long)peer->epoch->open);
    }
}

void
peers_sweep(struct traced *traced)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        struct peer *peer = &traced->peer[i];

        if (!peer->dead) {
            continue;
        }
        while (peer->first != NULL) {
            struct packet *next = peer->first->next;

            free(peer->first);
            peer->first = next;
        }
        (void)close(peer->fd); /* the worker sends again what it misses */
        memset(peer, 0, sizeof(*peer));
        peer->fd = -1;
    }
}

static void
broken(struct traced *traced, struct peer *peer, const char *what)
{
    pv_log_event(
        "error", "traced.protocol", "pid=%d epoch=%016llx %s; closing",
        (int)peer->pid,
        (unsigned long long)(peer->epoch == NULL ? 0 : peer->epoch->id), what);
    peer_close(traced, peer);
}

/* ---- out --------------------------------------------------------------- */

static bool
send_now(struct traced *traced, struct peer *peer, const uint8_t *bytes,
         size_t len)
{
    ssize_t n;

    do {
        n = send(peer->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n == -1 && errno == EINTR);
    if (n == (ssize_t)len) {
        return true;
    }
    if (n == -1 && errno != EAGAIN) {
        peer_close(traced, peer);
    }
    return false;
}

void
peer_send(struct traced *traced, struct peer *peer, const uint8_t *bytes,
          size_t len)
{
    struct packet *packet;

    if (peer->dead ||
        (peer->first == NULL && !peer->counting &&
         send_now(traced, peer, bytes, len)) ||
        peer->dead) {
        return;
    }
    packet =
        peer->queued < PEER_QUEUE_MAX ? malloc(sizeof(*packet) + len) : NULL;
    if (packet == NULL) {
        broken(traced, peer, "does not read its answers");
        return;
    }
    packet->next = NULL;
    packet->len = len;
    memcpy(packet->bytes, bytes, len);
    if (peer->first == NULL) {
        peer->first = packet;
    } else {
        peer->last->next = packet;
    }
    peer->last = packet;
    peer->queued++;
    watch(traced, peer, true);
}

static void
send_hello_ok(struct traced *traced, struct peer *peer)
{
    uint8_t packet[24];

    peer->counting = false;
    pv_store_u32(packet, PV_WIRE_MAGIC);
    pv_store_u32(packet + 4, PV_WIRE_HELLO_OK);
    pv_store_u64(packet + 8, peer->epoch->kept);
    pv_store_u32(packet + 16, traced->space.low ? PV_WIRE_LOW_SPACE : 0);
    pv_store_u32(packet + 20, 0);
    peer_send(traced, peer, packet, sizeof(packet));
}

void
peer_write(struct traced *traced, struct peer *peer)
{
    static uint8_t counts[PV_WIRE_PACKET_MAX];

    while (peer->counting && !peer->dead) {
        uint32_t at = peer->counts_at;
        size_t   len = counts_packet(
              &traced->counts, pv_time_tehran_day(traced->wall_ms), &at, counts);

        if (!send_now(traced, peer, counts, len)) {
            watch(traced, peer, true);
            return;
        }
        peer->counts_at = at;
        if (at == UINT32_MAX) {
            send_hello_ok(traced, peer);
        }
    }
    while (peer->first != NULL && !peer->dead) {
        struct packet *packet = peer->first;

        if (!send_now(traced, peer, packet->bytes, packet->len)) {
            watch(traced, peer, true);
            return;
        }
        peer->first = packet->next;
        peer->queued--;
        free(packet);
    }
    watch(traced, peer, false);
}

/* ---- in ---------------------------------------------------------------- */

static void
take_over(struct traced *traced, struct peer *peer, struct epoch *epoch)
{
    if (epoch->peer != NULL) {
        pv_log_event("info", "traced.worker_back",
                     "epoch=%016llx; closing its first connection",
                     (unsigned long long)epoch->id);
        peer_close(traced, epoch->peer);
    }
    epoch->peer = peer;
    peer->epoch = epoch;
}

static void
on_hello(struct traced *traced, struct peer *peer, const uint8_t *bytes,
         size_t len)
{
    struct pv_slice node = pv_slice_from(traced->node);
    struct epoch   *epoch;
    uint64_t        id;

    if (peer->greeted || len < HELLO_LEN_MIN ||
        len != (size_t)HELLO_LEN_MIN + bytes[24]) {
        broken(traced, peer, "HELLO is malformed");
        return;
    }
    if (pv_load_u32(bytes + 8) != PV_WIRE_VERSION) {
        broken(traced, peer, "speaks another version");
        return;
    }
    if (!pv_slice_eq(node,
                     (struct pv_slice){(const char *)bytes + 25, bytes[24]})) {
        broken(traced, peer, "is of another node");
        return;
    }
    id = pv_load_u64(bytes + 16);
    epoch = id == 0 ? NULL : epochs_get(&traced->epochs, id, traced->now_ms);
    if (epoch == NULL || epoch_hold(epoch) != PV_OK) {
        broken(traced, peer, "has no epoch, or there is no room for it");
        return;
    }
    take_over(traced, peer, epoch);
    peer->greeted = true;
    peer->round = traced->round;
    pv_log_event("info", "traced.worker", "pid=%d epoch=%016llx kept=%llu",
                 (int)peer->pid, (unsigned long long)id,
                 (unsigned long long)epoch->kept);
    if (pv_load_u32(bytes + 4) >> 16 == 1) {
        peer->counting = true;
        peer->counts_at = 0;
        peer_write(traced, peer);
    } else {
        send_hello_ok(traced, peer);
    }
}

/* The frame's records stand where the commit wants them. */
static void
on_frame(struct traced *traced, struct peer *peer, uint64_t sequence,
         uint32_t count, size_t len)
{
    struct epoch *epoch = peer->epoch;
    uint64_t      index = 0;

    if (sequence == 0 ||
        (peer->last_sequence != 0 && sequence != peer->last_sequence + 1)) {
        broken(traced, peer, "left out a frame");
        return;
    }
    peer->last_sequence = sequence;
    if (peer->round == traced->round) { /* its frames may be in this commit */
        for (uint32_t i = 0; i < traced->pending_count; i++) {
            const struct pending *p = &traced->pending[i];

            if (p->epoch == epoch && p->sequence == sequence && p->why == 0) {
                traced->double_count++;
                commit_answer(traced, peer, sequence, p->index, 0,
                              p->in_commit);
                return;
            }
        }
    }
    if (sequence <= epoch->kept) {
        uint32_t why = 0;

        /*
         * Not in the table: refused before, or too old to know. Closing would
         * make the worker send the same again, for ever.
         */
        if (epoch_find(epoch, sequence, &index) != PV_OK) {
            why = PV_WIRE_WHY_BROKEN;
        } else if (!commit_again(traced, index, count, len)) {
            why = PV_WIRE_WHY_RECORD;
        }
        traced->double_count++;
        commit_answer(traced, peer, sequence, index, why, false);
        return;
    }
    commit_frame(traced, peer, sequence, count, len);
}

void
peer_read(struct traced *traced, struct peer *peer)
{
    for (int i = 0; i < READS_MAX; i++) {
        uint8_t *room;
        uint8_t *packet;
        size_t   room_len;
        ssize_t  n;

        if (peer->dead || peer->counting || peer->first != NULL ||
            !commit_has_room(traced)) {
            return; /* level-triggered: it is told again */
        }
        room = pv_commit_room(&traced->commit, &room_len);
        packet = room - PV_WIRE_FRAME_HEAD_LEN; /* in the frame's head */
        n = recv(peer->fd, packet, PV_WIRE_PACKET_MAX,
                 MSG_DONTWAIT | MSG_TRUNC);
        if (n == -1 && errno == EINTR) {
            continue;
        }
        if (n == -1 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            peer_close(traced, peer);
            return;
        }
        if (n < PV_WIRE_HEAD_LEN || n > PV_WIRE_PACKET_MAX ||
            pv_load_u32(packet) != PV_WIRE_MAGIC) {
            broken(traced, peer, "sent something that is no packet");
            return;
        }
        switch (pv_load_u32(packet + 4) & 0xffff) {
        case PV_WIRE_HELLO:
            on_hello(traced, peer, packet, (size_t)n);
            break;
        case PV_WIRE_FRAME:
            if (!peer->greeted || n <= PV_WIRE_FRAME_HEAD_LEN) {
                broken(traced, peer, "sent a frame that is none");
                return;
            }
            on_frame(traced, peer, pv_load_u64(packet + 8),
                     pv_load_u32(packet + 4) >> 16,
                     (size_t)n - PV_WIRE_FRAME_HEAD_LEN);
            break;
        default:
            broken(traced, peer, "sent a packet of an unknown type");
            return;
        }
    }
}
