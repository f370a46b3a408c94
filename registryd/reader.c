/*
 * reader.c - handing reads to the process that answers them.
 */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"
#include "base/time.h"
#include "daemon/child.h"
#include "reader_message.h"

#define START_MS 10000 /* to open the store: libpq waits for 2 s */
#define END_MS 2000    /* then it is killed: it has nothing to lose */
#define END_STEP_US 1000
#define PIECES_AT_ONCE 16 /* of one round, so that decisions come between */
#define LOOK_MS 1000      /* whether the client is still there */
#define RETRY_S 5
#define PLACES (PV_READS_MAX + PV_READS_ANSWERED_MAX)

enum stage {
    FREE,
    QUEUED,
    ASKED,     /* the one that the process works for */
    FORGOTTEN, /* asked, and nobody waits any more */
    ANSWERED,  /* until all of it was sent */
};

struct place {
    struct pv_api_state  state; /* the first: what a call holds */
    enum stage           stage;
    uint64_t             turn;
    uint64_t             lap; /* callers take turns: one of each in a lap */
    struct reader_ask    ask;
    struct reader_answer head;
    struct pv_buf        body;
};

struct pv_reader {
    int          fd;
    pid_t        pid;
    uint64_t     turns;
    uint64_t     lap; /* of what was asked last */
    struct place place[PLACES];
    char         room[PV_READER_PIECE_MAX]; /* for one message */
};

/* ---- the process ---- */

/* It says one byte when it has opened the store. */
static bool
is_ready(int fd)
{
    struct pollfd waiting = {fd, POLLIN, 0};
    char          byte;

    return poll(&waiting, 1, START_MS) == 1 &&
           recv(fd, &byte, sizeof(byte), 0) == sizeof(byte);
}

enum pv_err
pv_reader_start(const struct pv_registry_config *config, struct pv_reader **ret,
                struct pv_why *why)
{
    struct pv_reader *reader = calloc(1, sizeof(*reader));
    int               pair[2] = {-1, -1};
    pid_t             self = getpid();
    enum pv_err       err = PV_ENOMEM;

    if (reader == NULL) {
        goto out;
    }
    reader->fd = -1;
    err = PV_ESYS;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1 ||
        (reader->pid = fork()) == -1) {
        reader->pid = 0;
        pv_why_set(why, "the reader: %s", strerror(errno));
        goto out;
    }
    if (reader->pid == 0) {
        const char *const words[] = {
            "payvand-registryd", "-P",          "reader",
            "--store",           config->store, NULL};

        pv_child_become(&(struct pv_child){
            .parent = self, .words = words, .fd = &pair[1], .fd_count = 1});
    }
    (void)close(pair[1]); /* the child has its own */
    pair[1] = -1;
    reader->fd = pair[0];
    pair[0] = -1; /* kept */
    if (!is_ready(reader->fd)) {
        pv_why_set(why, "the reader does not start");
        err = PV_ECLOSED;
        goto out;
    }
    *ret = reader;
    reader = NULL;
    err = PV_OK;

out:
    pv_reader_close(reader); /* accepts NULL */
    for (size_t i = 0; i < 2; i++) {
        if (pair[i] != -1) {
            (void)close(pair[i]); /* nothing was said */
        }
    }
    return err;
}

/* Once its socket is closed; a store is closed by its last connection. */
static void
end_process(pid_t pid)
{
    for (int waited_us = 0; waited_us < END_MS * 1000;
         waited_us += END_STEP_US) {
        if (waitpid(pid, NULL, WNOHANG) != 0) {
            return;
        }
        (void)usleep(END_STEP_US); /* shorter is as good */
    }
    (void)kill(pid, SIGKILL); /* our own child */
    (void)waitpid(pid, NULL, 0);
}

void
pv_reader_close(struct pv_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->fd != -1) {
        (void)close(reader->fd); /* the process ends with it */
    }
    if (reader->pid > 0) {
        end_process(reader->pid);
    }
    for (size_t i = 0; i < PLACES; i++) {
        pv_buf_clear(&reader->place[i].body);
    }
    free(reader);
}

int
pv_reader_fd(const struct pv_reader *reader)
{
    return reader->fd;
}

/* ---- what the process says ---- */

static struct place *
asked_place(struct pv_reader *reader)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (reader->place[i].stage == ASKED ||
            reader->place[i].stage == FORGOTTEN) {
            return &reader->place[i];
        }
    }
    return NULL;
}

static void
set_free(struct place *place)
{
    pv_buf_clear(&place->body);
    memset(place, 0, sizeof(*place));
}

/* The head, or a piece of the body. */
static enum pv_err
take_message(struct place *place, struct pv_slice message)
{
    struct reader_answer *head = &place->head;

    if (head->status != 0) {
        return message.len > head->len - place->body.len
                   ? PV_EPROTO
                   : pv_buf_add(&place->body, message);
    }
    if (message.len != sizeof(*head)) {
        return PV_EPROTO;
    }
    memcpy(head, message.ptr, sizeof(*head));
    if (head->status < 200 || head->status > 599 ||
        head->len > PV_READER_ANSWER_MAX ||
        memchr(head->type, '\0', sizeof(head->type)) == NULL ||
        memchr(head->link, '\0', sizeof(head->link)) == NULL) {
        return PV_EPROTO;
    }
    pv_buf_init(&place->body, (size_t)head->len);
    return PV_OK;
}

/* PV_EAGAIN: there is nothing more yet. */
static enum pv_err
hear(struct pv_reader *reader, const void **ret_state)
{
    struct place *place = asked_place(reader);
    ssize_t       n =
        recv(reader->fd, reader->room, sizeof(reader->room), MSG_DONTWAIT);
    enum pv_err err;

    if (n <= 0) {
        return n == -1 && (errno == EAGAIN || errno == EINTR) ? PV_EAGAIN
                                                              : PV_ECLOSED;
    }
    if (place == NULL) {
        return PV_EPROTO;
    }
    err = take_message(place, (struct pv_slice){reader->room, (size_t)n});
    if (err != PV_OK || place->body.len < place->head.len) {
        return err;
    }
    if (place->stage == FORGOTTEN) {
        set_free(place);
    } else {
        place->stage = ANSWERED;
        *ret_state = &place->state;
    }
    return PV_OK;
}

/* ---- whose turn it is ---- */

/* What is somebody's, or the most that may be. */
struct share {
    size_t   waiting;
    size_t   answered;
    uint64_t bytes; /* of answers */
};

/* The public has a share of its own, so that others leave it one. */
static const struct share most_of_public = {PV_READS_OF_PUBLIC_MAX,
                                            PV_READS_ANSWERED_OF_ONE_MAX,
                                            PV_READS_BYTES_OF_ONE_MAX};
static const struct share most_of_others = {
    PV_READS_MAX - PV_READS_OF_PUBLIC_MAX,
    PV_READS_ANSWERED_MAX - PV_READS_ANSWERED_OF_ONE_MAX,
    PV_READS_BYTES_MAX - PV_READS_BYTES_OF_ONE_MAX};
static const struct share most_of_one = {PV_READS_OF_ONE_MAX,
                                         PV_READS_ANSWERED_OF_ONE_MAX,
                                         PV_READS_BYTES_OF_ONE_MAX};

/* Systems are counted by their agency, which may have any number of them. */
static const char *
name_of(const struct pv_caller *caller)
{
    return caller->kind == PV_CALLER_PERSON ? caller->session.person
                                            : caller->agency;
}

static bool
is_same(const struct pv_caller *a, const struct pv_caller *b)
{
    return a->kind == b->kind && strcmp(name_of(a), name_of(b)) == 0;
}

static bool
is_public(const struct pv_caller *caller)
{
    return caller->kind == PV_CALLER_NOBODY;
}

static bool
waits(const struct place *place)
{
    return place->stage != FREE && place->stage != ANSWERED;
}

static void
add_place(struct share *share, const struct place *place)
{
    share->waiting += waits(place);
    share->answered += place->stage == ANSWERED;
    share->bytes += place->head.len;
}

static bool
is_within(const struct share *share, const struct share *most)
{
    return share->waiting < most->waiting && share->answered < most->answered &&
           share->bytes < most->bytes;
}

/* For this place, beside all others that are not free. */
static bool
has_room(const struct pv_reader *reader, const struct place *own)
{
    const struct pv_caller *caller = &own->ask.caller;
    struct share            others = {.waiting = 0}; /* than the public */
    struct share            one = {.waiting = 0};

    for (size_t i = 0; i < PLACES; i++) {
        const struct place *place = &reader->place[i];

        if (place == own || place->stage == FREE) {
            continue;
        }
        if (!is_public(&place->ask.caller)) {
            add_place(&others, place);
        }
        if (is_same(&place->ask.caller, caller)) {
            add_place(&one, place);
        }
    }
    return is_public(caller) ? is_within(&one, &most_of_public)
                             : is_within(&others, &most_of_others) &&
                                   is_within(&one, &most_of_one);
}

/* Behind those of his that wait, and not behind those of others. */
static uint64_t
next_lap(const struct pv_reader *reader, const struct pv_caller *caller)
{
    uint64_t lap = reader->lap;

    for (size_t i = 0; i < PLACES; i++) {
        const struct place *place = &reader->place[i];

        if (waits(place) && place->lap >= lap &&
            is_same(&place->ask.caller, caller)) {
            lap = place->lap + 1;
        }
    }
    return lap;
}

static bool
is_before(const struct place *a, const struct place *b)
{
    return a->lap < b->lap || (a->lap == b->lap && a->turn < b->turn);
}

/* The next one, when the process has nothing to do. */
static enum pv_err
ask_next(struct pv_reader *reader)
{
    struct place *next = NULL;

    if (asked_place(reader) != NULL) {
        return PV_OK;
    }
    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &reader->place[i];

        if (place->stage == QUEUED &&
            (next == NULL || is_before(place, next)) &&
            has_room(reader, place)) {
            next = place;
        }
    }
    if (next == NULL) {
        return PV_OK;
    }
    /* it waits for nothing else, so there is room */
    if (send(reader->fd, &next->ask, sizeof(next->ask),
             MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(next->ask)) {
        return PV_ECLOSED;
    }
    next->stage = ASKED;
    if (next->lap > reader->lap) { /* one that had no room is of an old one */
        reader->lap = next->lap;
    }
    return PV_OK;
}

enum pv_err
pv_reader_round(struct pv_reader *reader, const void **ret_state,
                struct pv_why *why)
{
    enum pv_err err = PV_OK;

    *ret_state = NULL;
    for (int i = 0; i < PIECES_AT_ONCE && err == PV_OK && *ret_state == NULL;
         i++) {
        err = hear(reader, ret_state);
    }
    if (err == PV_OK || err == PV_EAGAIN) {
        err = ask_next(reader);
    }
    if (err != PV_OK) {
        pv_why_set(why, "the reader: %s", pv_err_text(err));
    }
    return err;
}

/* ---- those that wait ---- */

static void
forget(void *state)
{
    struct place *place = state; /* its first member */

    if (place->stage == ASKED) {
        place->stage = FORGOTTEN;
    } else {
        set_free(place);
    }
}

/* The secrets of a session are nothing for a reader. */
static void
write_ask(struct reader_ask *ask, const struct pv_caller *caller,
          const struct pv_server_call *call)
{
    ask->caller = *caller;
    memset(ask->caller.token, 0, sizeof(ask->caller.token));
    memset(ask->caller.session.token, 0, sizeof(ask->caller.session.token));
    memset(ask->caller.session.csrf, 0, sizeof(ask->caller.session.csrf));
    /* both are of one target, which fits */
    memcpy(ask->path, call->path.ptr, call->path.len);
    if (call->query.len > 0) {
        memcpy(ask->query, call->query.ptr, call->query.len);
    }
}

static struct place *
take_place(struct pv_reader *reader, const struct pv_caller *caller,
           const struct pv_server_call *call)
{
    struct place *free_one = NULL;

    for (size_t i = 0; i < PLACES && free_one == NULL; i++) {
        if (reader->place[i].stage == FREE) {
            free_one = &reader->place[i];
        }
    }
    if (free_one == NULL) {
        return NULL;
    }
    write_ask(&free_one->ask, caller, call);
    if (!has_room(reader, free_one)) {
        set_free(free_one);
        return NULL;
    }
    free_one->state.forget = forget;
    free_one->turn = reader->turns++;
    free_one->lap = next_lap(reader, caller);
    free_one->stage = QUEUED;
    return free_one;
}

static void
wait_more(struct pv_server_call *call)
{
    int64_t now_ms = pv_time_monotonic_ms();

    if (now_ms - call->begun_ms < PV_READ_WAIT_MS) {
        pv_server_wait(call, now_ms + LOOK_MS);
        return;
    }
    call->retry_after_s = RETRY_S;
    pv_server_problem(
        call, 503, "read-slow",
        "reading takes too long now; ask again later, or by page",
        "خواندن بیش از اندازه طول کشید؛ بعداً یا صفحه‌به‌صفحه "
        "بپرسید");
}

static void
give(struct place *place, struct pv_server_call *call)
{
    pv_buf_clear(&call->answer);
    call->answer = place->body; /* moved */
    memset(&place->body, 0, sizeof(place->body));
    call->retry_after_s = place->head.retry_after_s;
    memcpy(call->link, place->head.link, sizeof(call->link));
    pv_server_answer(call, place->head.status, place->head.type);
}

void
pv_reader_ask(struct pv_reader *reader, const struct pv_caller *caller,
              struct pv_server_call *call)
{
    struct place *place = call->state; /* its first member */

    if (place == NULL) {
        place = take_place(reader, caller, call);
        call->state = place;
    }
    if (place == NULL) {
        pv_api_too_many(call);
    } else if (place->stage == ANSWERED) {
        give(place, call);
    } else {
        wait_more(call);
    }
}
