#include "connectord/keeper_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "connectord/log.h"

#define REPLY_MAX (PV_KEEPER_MESSAGES_MAX * PV_KEEPER_REPLY_LEN)

struct packet {
    struct packet *next;
    size_t         len;
    char           bytes[];
};

struct pv_keeper_link {
    struct pv_watch    watch;
    int                epoll;
    bool               alive;
    uint64_t           last_number;
    struct pv_keeping *waiting; /* oldest first; pv_keeping.next */
    size_t             waiting_count;
    struct pv_buf      out; /* the packet of this round */
    size_t             out_count;
    struct packet     *queue; /* that the socket had no room for */
    struct packet    **queue_end;
};

static void
lose(struct pv_keeper_link *link)
{
    if (link->alive) {
        link->alive = false;
        pv_log_error("connector.keeper_gone", "ending");
    }
}

/* ---- out ---- */

static enum pv_err
want_room(struct pv_keeper_link *link, bool want)
{
    struct epoll_event event = {.events = EPOLLIN | (want ? EPOLLOUT : 0u),
                                .data.ptr = &link->watch};

    return epoll_ctl(link->epoll, EPOLL_CTL_MOD, link->watch.fd, &event) == 0
               ? PV_OK
               : PV_ESYS;
}

/* PV_EAGAIN: no room. */
static enum pv_err
send_now(struct pv_keeper_link *link, struct pv_slice bytes)
{
    ssize_t sent;

    do {
        sent = send(link->watch.fd, bytes.ptr, bytes.len,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent == -1 && errno == EINTR);
    if (sent == -1) {
        return errno == EAGAIN ? PV_EAGAIN : PV_ECLOSED;
    }
    return PV_OK;
}

static void
drop_first(struct pv_keeper_link *link)
{
    struct packet *first = link->queue;

    link->queue = first->next;
    if (link->queue == NULL) {
        link->queue_end = &link->queue;
    }
    explicit_bzero(first->bytes, first->len);
    free(first);
}

static void
flush(struct pv_keeper_link *link)
{
    while (link->queue != NULL) {
        enum pv_err err = send_now(
            link, (struct pv_slice){link->queue->bytes, link->queue->len});

        if (err == PV_EAGAIN) {
            return;
        }
        if (err != PV_OK) {
            lose(link);
            return;
        }
        drop_first(link);
    }
    if (want_room(link, false) != PV_OK) {
        lose(link);
    }
}

static enum pv_err
queue_up(struct pv_keeper_link *link, struct pv_slice bytes)
{
    struct packet *packet = malloc(sizeof(*packet) + bytes.len);

    if (packet == NULL) {
        return PV_ENOMEM;
    }
    packet->next = NULL;
    packet->len = bytes.len;
    memcpy(packet->bytes, bytes.ptr, bytes.len);
    *link->queue_end = packet;
    link->queue_end = &packet->next;
    return want_room(link, true);
}

void
pv_keeper_link_flush(struct pv_keeper_link *link)
{
    enum pv_err err = PV_EAGAIN;

    if (link->out_count == 0) {
        return;
    }
    if (link->queue == NULL) {
        err = send_now(link, pv_buf_view(&link->out));
    }
    if (err == PV_EAGAIN) {
        err = queue_up(link, pv_buf_view(&link->out));
    }
    explicit_bzero(link->out.ptr, link->out.len);
    link->out.len = 0;
    link->out_count = 0;
    if (err != PV_OK) {
        lose(link);
    }
}

static enum pv_err
send_message(struct pv_keeper_link          *link,
             const struct pv_keeper_message *message)
{
    enum pv_err err;

    if (link->out_count == PV_KEEPER_MESSAGES_MAX) {
        pv_keeper_link_flush(link);
    }
    err = pv_keeper_pack(message, &link->out);
    if (err == PV_ERANGE && link->out_count > 0) {
        pv_keeper_link_flush(link);
        err = pv_keeper_pack(message, &link->out);
    }
    link->out_count += err == PV_OK;
    return err;
}

uint64_t
pv_keeper_link_number(struct pv_keeper_link *link)
{
    return ++link->last_number;
}

enum pv_err
pv_keeper_link_send(struct pv_keeper_link          *link,
                    const struct pv_keeper_message *message,
                    struct pv_keeping              *keeping)
{
    struct pv_keeping **at = &link->waiting;
    enum pv_err         err;

    if (!link->alive) {
        return PV_ECLOSED;
    }
    if (link->waiting_count == PV_KEEPER_WAITING_MAX) {
        return PV_EFULL;
    }
    err = send_message(link, message);
    if (err != PV_OK) {
        return err;
    }
    while (*at != NULL) {
        at = &(*at)->next;
    }
    keeping->call = message->call;
    keeping->answer =
        message->type == PV_KEEPER_ASK ? PV_KEEPER_SAID : PV_KEEPER_KEPT;
    keeping->deadline_ms = pv_time_monotonic_ms() + PV_KEEPER_WAIT_MS;
    keeping->next = NULL;
    *at = keeping;
    link->waiting_count++;
    return PV_OK;
}

/* ---- in ---- */

static void
end_at(struct pv_keeper_link *link, struct pv_keeping **at, uint32_t word)
{
    struct pv_keeping *keeping = *at;

    *at = keeping->next;
    link->waiting_count--;
    keeping->done(keeping, word);
}

/* An allowed use whose call has gone is given back. */
static void
give_back(struct pv_keeper_link *link, uint64_t call)
{
    const struct pv_keeper_message end = {.type = PV_KEEPER_END, .call = call};

    if (send_message(link, &end) != PV_OK) {
        lose(link);
    }
}

static void
on_message(struct pv_keeper_link *link, const struct pv_keeper_message *message)
{
    struct pv_keeping **at = &link->waiting;

    while (*at != NULL && (*at)->call != message->call) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        /* what an ASK hears too late is no answer to the END after it */
        end_at(link, at, message->type == (*at)->answer ? message->as.word : 0);
    } else if (message->type == PV_KEEPER_SAID &&
               message->as.word == PV_CONSENT_OK) {
        give_back(link, message->call);
    }
}

/* One packet; epoll tells of the next. */
static void
on_ready(struct pv_watch *watch, uint32_t events)
{
    struct pv_keeper_link *link = watch->context;
    char                   packet[REPLY_MAX];
    struct pv_slice        left = {packet, 0};
    ssize_t                got;

    if ((events & EPOLLOUT) != 0) {
        flush(link);
    }
    got =
        link->alive ? recv(watch->fd, packet, sizeof(packet), MSG_DONTWAIT) : 0;
    if (got == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        lose(link);
        return;
    }
    left.len = (size_t)got;
    while (left.len > 0) {
        struct pv_keeper_message message;
        struct pv_slice          bytes;

        if (pv_keeper_unpack(&left, &bytes) != PV_OK ||
            pv_keeper_read(bytes, false, &message) != PV_OK) {
            lose(link);
            return;
        }
        on_message(link, &message);
    }
}

/* ---- time, birth and death ---- */

void
pv_keeper_link_tick(struct pv_keeper_link *link, int64_t now_ms)
{
    while (link->waiting != NULL && now_ms >= link->waiting->deadline_ms) {
        pv_log_error("connector.keeper_late", "waiting=%zu",
                     link->waiting_count);
        end_at(link, &link->waiting, 0);
    }
}

int64_t
pv_keeper_link_next_ms(const struct pv_keeper_link *link)
{
    return link->waiting == NULL ? INT64_MAX : link->waiting->deadline_ms;
}

int
pv_keeper_link_fd(const struct pv_keeper_link *link)
{
    return link->watch.fd;
}

bool
pv_keeper_link_is_alive(const struct pv_keeper_link *link)
{
    return link->alive;
}

enum pv_err
pv_keeper_link_new(int fd, int epoll, struct pv_keeper_link **ret)
{
    struct pv_keeper_link *link = calloc(1, sizeof(*link));
    enum pv_err            err;

    if (link == NULL) {
        return PV_ENOMEM;
    }
    link->watch = (struct pv_watch){fd, on_ready, link};
    link->epoll = epoll;
    link->alive = true;
    link->queue_end = &link->queue;
    pv_buf_init(&link->out, PV_KEEPER_PACKET_MAX);
    err = pv_watch_add(epoll, &link->watch);
    if (err != PV_OK) {
        free(link);
        return err;
    }
    *ret = link;
    return PV_OK;
}

void
pv_keeper_link_free(struct pv_keeper_link *link)
{
    if (link == NULL) {
        return;
    }
    link->alive = false;
    while (link->waiting != NULL) {
        end_at(link, &link->waiting, 0);
    }
    while (link->queue != NULL) {
        drop_first(link);
    }
    pv_buf_wipe(&link->out);
    pv_watch_remove(link->epoll, &link->watch);
    (void)close(link->watch.fd); /* the keeper ends when it sees it */
    free(link);
}
