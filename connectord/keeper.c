/*
 * keeper.c - the keeper's process: its doors and its group commit.
 *
 * Does:    judges and counts consent numbers, writes the access ledger.
 * Holds:   one SQLite file of digests, the key of the digests, and for a
 *          moment the ids of the persons that are asked about.
 * Talks:   with the main process over PV_KEEPER_FD; with processes of one user
 *          at the desk's socket.
 * Calls:   a closed list (sandbox.c): no open, exec, fork or new socket.
 * A thief: can try persons against the ledger and give consent numbers. It has
 *          no body of a call, no answer, no password of a database.
 */
#include "connectord/keeper.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "connectord/desk.h"
#include "connectord/keeper_store.h"
#include "connectord/log.h"
#include "connectord/sandbox.h"

#define BATCH_MAX 1024
#define CLIENTS_MAX 16
#define CLIENT_MS 5000
#define SWEEP_MS (10 * 60 * 1000)
#define BACKLOG 16

struct client {
    int           fd; /* -1: none */
    int64_t       since_ms;
    bool          whole; /* all of the request is there */
    size_t        sent;
    struct pv_buf in;
    struct pv_buf out;
};

struct reply {
    uint64_t            call;
    enum pv_keeper_type type;
    uint32_t            word;
};

struct keeper {
    struct pv_connector_config *config;
    struct pv_keeper_store     *store;
    int                         listener;
    struct client               client[CLIENTS_MAX];
    struct reply                reply[BATCH_MAX];
    size_t                      reply_count;
    int64_t                     swept_ms;
};

/* ---- the main process ---- */

static enum pv_err
on_ask(struct keeper *keeper, const struct pv_keeper_message *message,
       int64_t when_ms, uint32_t *ret_word)
{
    enum pv_consent_verdict verdict = PV_CONSENT_BROKEN;
    enum pv_err             err = pv_consent_judge(keeper->store, message->call,
                                                   &message->as.ask, when_ms, &verdict);

    *ret_word = (uint32_t)verdict;
    return err == PV_EFULL || err == PV_ERANGE ? PV_OK : err;
}

static enum pv_err
on_end(struct keeper *keeper, const struct pv_keeper_message *message,
       int64_t when_ms, uint32_t *ret_word)
{
    enum pv_err err = pv_consent_settle(keeper->store, message->call,
                                        message->as.end.counts, when_ms);

    if (err == PV_OK) {
        err = pv_ledger_add(keeper->store, &message->as.end, when_ms);
    }
    *ret_word = err == PV_OK;
    return err;
}

static enum pv_err
take_message(struct keeper *keeper, struct pv_slice bytes, int64_t when_ms)
{
    struct pv_keeper_message message;
    struct reply            *reply = &keeper->reply[keeper->reply_count];
    enum pv_err              err = pv_keeper_read(bytes, true, &message);

    if (err != PV_OK) {
        return PV_ECLOSED; /* a sibling's breach of the protocol ends us */
    }
    reply->call = message.call;
    if (message.type == PV_KEEPER_ASK) {
        reply->type = PV_KEEPER_SAID;
        err = on_ask(keeper, &message, when_ms, &reply->word);
    } else {
        reply->type = PV_KEEPER_KEPT;
        err = on_end(keeper, &message, when_ms, &reply->word);
    }
    keeper->reply_count++;
    return err;
}

/* What came together. PV_EAGAIN: nothing more; or the first error. */
static enum pv_err
take_packet(struct keeper *keeper, int64_t when_ms)
{
    static char     packet[PV_KEEPER_PACKET_MAX];
    int             texts;
    ssize_t         got = pv_keeper_receive(packet, sizeof(packet), &texts);
    struct pv_slice left = {packet, got > 0 ? (size_t)got : 0};
    enum pv_err     err = PV_OK;

    if (got == -1 && (errno == EAGAIN || errno == EINTR)) {
        return PV_EAGAIN;
    }
    if (got <= 0) {
        return PV_ECLOSED;
    }
    if (texts != -1) {
        err = pv_keeper_renew(keeper->config, left, texts);
        return err == PV_OK ? PV_OK : PV_ECLOSED; /* and all begin anew */
    }
    for (size_t i = 0; left.len > 0; i++) {
        struct pv_slice bytes;
        enum pv_err     one = PV_ECLOSED;

        if (i < PV_KEEPER_MESSAGES_MAX &&
            pv_keeper_unpack(&left, &bytes) == PV_OK) {
            one = take_message(keeper, bytes, when_ms);
        }
        if (one == PV_ECLOSED) {
            return one;
        }
        err = err == PV_OK ? one : err;
    }
    explicit_bzero(packet, (size_t)got);
    return err;
}

/* Nothing of the batch was kept: no call may go on, no use is held. */
static void
undo(struct keeper *keeper)
{
    pv_keeper_rollback(keeper->store);
    for (size_t i = 0; i < keeper->reply_count; i++) {
        struct reply *reply = &keeper->reply[i];

        reply->word = 0;
        if (reply->type == PV_KEEPER_SAID) {
            pv_consent_release(keeper->store, reply->call);
        }
    }
    pv_log_error("connector.keeper_not_kept", "calls=%zu", keeper->reply_count);
}

static enum pv_err
send_replies(struct keeper *keeper)
{
    struct pv_buf packet;
    enum pv_err   err = PV_OK;

    pv_buf_init(&packet, PV_KEEPER_MESSAGES_MAX * PV_KEEPER_REPLY_LEN);
    for (size_t i = 0; err == PV_OK && i < keeper->reply_count; i++) {
        struct pv_keeper_message message = {.type = keeper->reply[i].type,
                                            .call = keeper->reply[i].call,
                                            .as.word = keeper->reply[i].word};
        bool                     last = i + 1 == keeper->reply_count;

        err = pv_keeper_pack(&message, &packet);
        if (err == PV_OK && (last || (i + 1) % PV_KEEPER_MESSAGES_MAX == 0)) {
            err = pv_send_all(PV_KEEPER_FD, pv_buf_view(&packet));
            packet.len = 0;
        }
    }
    pv_buf_clear(&packet);
    return err;
}

/* ---- the desk ---- */

static void
drop_client(struct client *client)
{
    (void)close(client->fd); /* nothing to lose */
    pv_buf_wipe(&client->in);
    pv_buf_wipe(&client->out);
    *client = (struct client){.fd = -1};
}

static void
accept_client(struct keeper *keeper)
{
    struct ucred peer;
    socklen_t    len = sizeof(peer);
    int          fd =
        accept4(keeper->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd == -1) {
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
        (peer.uid != keeper->config->keeper.desk_uid && peer.uid != geteuid() &&
         peer.uid != 0)) {
        pv_log_warn("connector.peer_refused", "door=desk reason=uid");
        (void)close(fd); /* nothing was said */
        return;
    }
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &keeper->client[i];

        if (client->fd == -1) {
            client->fd = fd;
            client->since_ms = pv_time_monotonic_ms();
            pv_buf_init(&client->in, PV_DESK_REQUEST_MAX);
            pv_buf_init(&client->out, PV_DESK_ANSWER_MAX);
            return;
        }
    }
    (void)close(fd); /* full: it may come again */
}

static void
read_client(struct client *client)
{
    while (!client->whole) {
        ssize_t got;

        if (client->in.len == PV_DESK_REQUEST_MAX ||
            pv_buf_reserve(&client->in, 1) != PV_OK) {
            drop_client(client);
            return;
        }
        got = recv(client->fd, client->in.ptr + client->in.len,
                   client->in.cap - client->in.len, MSG_DONTWAIT);
        if (got == -1 && errno == EAGAIN) {
            return;
        }
        if (got == -1) {
            drop_client(client);
            return;
        }
        client->whole = got == 0;
        client->in.len += (size_t)got;
    }
}

static void
write_client(struct client *client)
{
    while (client->sent < client->out.len) {
        ssize_t sent =
            send(client->fd, client->out.ptr + client->sent,
                 client->out.len - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent == -1 && errno == EAGAIN) {
            return;
        }
        if (sent == -1) {
            break;
        }
        client->sent += (size_t)sent;
    }
    drop_client(client);
}

static enum pv_err
serve_desk(struct keeper *keeper, int64_t when_ms)
{
    enum pv_err err = PV_OK;

    for (int i = 0; err == PV_OK && i < CLIENTS_MAX; i++) {
        struct client *client = &keeper->client[i];

        if (client->fd != -1 && client->whole && client->out.len == 0) {
            err =
                pv_desk_answer(keeper->store, keeper->config,
                               pv_buf_view(&client->in), when_ms, &client->out);
            pv_buf_wipe(&client->in);
        }
    }
    return err;
}

/* Those whose answer was made in this batch are told that it is not kept. */
static void
refuse_desk(struct keeper *keeper)
{
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &keeper->client[i];

        if (client->fd != -1 && client->whole && client->sent == 0 &&
            pv_desk_refuse("not-kept", &client->out) != PV_OK) {
            drop_client(client);
        }
    }
}

/* ---- the loop ---- */

static enum pv_err
run_batch(struct keeper *keeper)
{
    int64_t     when_ms = pv_time_wall_ms();
    enum pv_err closed = PV_OK;
    enum pv_err err = pv_keeper_begin(keeper->store);

    keeper->reply_count = 0;
    while (closed == PV_OK &&
           keeper->reply_count <= BATCH_MAX - PV_KEEPER_MESSAGES_MAX) {
        enum pv_err one = take_packet(keeper, when_ms);

        if (one == PV_EAGAIN) {
            break;
        }
        closed = one == PV_ECLOSED ? one : PV_OK;
        err = err == PV_OK && one != PV_ECLOSED ? one : err;
    }
    if (err == PV_OK) {
        err = serve_desk(keeper, when_ms);
    }
    if (err == PV_OK && pv_time_monotonic_ms() - keeper->swept_ms > SWEEP_MS) {
        keeper->swept_ms = pv_time_monotonic_ms();
        err = pv_ledger_sweep(keeper->store, keeper->config->keeper.ledger_days,
                              when_ms);
    }
    if (err == PV_OK) {
        err = pv_keeper_commit(keeper->store);
    }
    if (err != PV_OK) {
        undo(keeper);
        refuse_desk(keeper);
    }
    return closed == PV_OK ? send_replies(keeper) : closed;
}

static size_t
fill_poll(const struct keeper *keeper, struct pollfd *watched)
{
    size_t count = 2;

    watched[0] = (struct pollfd){PV_KEEPER_FD, POLLIN, 0};
    watched[1] = (struct pollfd){keeper->listener, POLLIN, 0};
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (keeper->client[i].fd != -1) {
            watched[count++] = (struct pollfd){
                keeper->client[i].fd,
                keeper->client[i].out.len > 0 ? POLLOUT : POLLIN, 0};
        }
    }
    return count;
}

static enum pv_err
loop(struct keeper *keeper)
{
    struct pollfd watched[2 + CLIENTS_MAX];

    for (;;) {
        size_t      count = fill_poll(keeper, watched);
        enum pv_err err;

        if (poll(watched, count, count > 2 ? CLIENT_MS : SWEEP_MS) == -1 &&
            errno != EINTR) {
            return PV_ESYS;
        }
        if (watched[1].revents != 0) {
            accept_client(keeper);
        }
        for (int i = 0; i < CLIENTS_MAX; i++) {
            struct client *client = &keeper->client[i];

            if (client->fd != -1 && client->out.len == 0) {
                read_client(client);
            }
        }
        err = run_batch(keeper);
        if (err != PV_OK) {
            return err;
        }
        for (int i = 0; i < CLIENTS_MAX; i++) {
            struct client *client = &keeper->client[i];

            if (client->fd != -1 && client->out.len > 0) {
                write_client(client);
            }
            if (client->fd != -1 &&
                pv_time_monotonic_ms() - client->since_ms > CLIENT_MS) {
                drop_client(client);
            }
        }
    }
}

/* ---- birth ---- */

static enum pv_err
open_desk(struct keeper *keeper)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char        *path = keeper->config->keeper.desk;
    bool               own = keeper->config->keeper.desk_uid == geteuid();
    mode_t             mask;
    int                bound;

    keeper->listener =
        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (keeper->listener == -1 ||
        pv_slice_to_cstr(pv_slice_from(path), address.sun_path,
                         sizeof(address.sun_path)) != PV_OK) {
        return PV_ESYS;
    }
    (void)unlink(path); /* of one that died; the file has one keeper */
    mask = umask(own ? 0177 : 0117);
    bound =
        bind(keeper->listener, (struct sockaddr *)&address, sizeof(address));
    (void)umask(mask); /* cannot fail */
    return bound == 0 && listen(keeper->listener, BACKLOG) == 0 ? PV_OK
                                                                : PV_ESYS;
}

/* What SQLite opens only when it first writes is opened before the sandbox. */
static enum pv_err
write_once(struct keeper *keeper)
{
    enum pv_err err = pv_keeper_begin(keeper->store);

    if (err == PV_OK) {
        err = pv_ledger_sweep(keeper->store, keeper->config->keeper.ledger_days,
                              pv_time_wall_ms());
    }
    if (err == PV_OK) {
        err = pv_keeper_commit(keeper->store);
    }
    keeper->swept_ms = pv_time_monotonic_ms();
    return err;
}

int
pv_keeper_run(const char *config_path)
{
    static struct keeper keeper;
    struct pv_why        why = {""};
    enum pv_err          err = pv_sandbox_every();

    for (int i = 0; i < CLIENTS_MAX; i++) {
        keeper.client[i].fd = -1;
    }
    (void)prctl(PR_SET_NAME, "pv-keeper", 0, 0, 0); /* only a name */
    if (err == PV_OK) {
        err = pv_connector_config_load(config_path, &keeper.config, &why);
    }
    if (err == PV_OK) {
        pv_buf_wipe(&keeper.config->setup);  /* the database's password */
        pv_buf_clear(&keeper.config->texts); /* the spawner has its own */
        err = pv_keeper_open(keeper.config->keeper.file,
                             &keeper.config->secrets, &keeper.store, &why);
    }
    if (err == PV_OK) {
        err = open_desk(&keeper);
    }
    if (err == PV_OK) {
        err = write_once(&keeper);
    }
    if (err == PV_OK) {
        err = pv_sandbox_keeper();
    }
    if (err == PV_OK) {
        err = pv_send_all(PV_KEEPER_FD, PV_LIT("R")); /* ready */
    }
    if (err != PV_OK) {
        pv_log_error("connector.keeper_does_not_start", "error=\"%s\"",
                     why.text[0] != '\0' ? why.text : pv_err_text(err));
        return EXIT_FAILURE;
    }
    err = loop(&keeper);
    pv_keeper_close(keeper.store);
    pv_connector_config_free(keeper.config);
    return err == PV_ECLOSED ? EXIT_SUCCESS : EXIT_FAILURE;
}
