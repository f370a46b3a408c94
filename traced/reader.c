/*
 * reader.c - shows the trace to those who may see it.
 *
 * Does:    answers HTTP on two Unix sockets: one for the nginx of the API,
 *          which says what certificate its caller has, and one for users of
 *          this machine; every reading is a record before it is an answer.
 * Holds:   the journal, the log and the policy image, all of them to read.
 * Talks:   with nginx's user, the users in the readers' file, the journal.
 * Calls:   see sandbox.c.
 * A thief: reads the trace, unseen; he writes records of readings that never
 *          were. He cannot change a record, nor sign.
 */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "daemon/event.h"
#include "sandbox.h"

#define CONNECTIONS_MAX 256
#define WAIT_MS 1000
#define SOCKET_MODE_OWN 0600
#define SOCKET_MODE_OTHERS 0666 /* SO_PEERCRED says who may */
#define ROLLUP_NAME "rollup"

static const struct pv_server_route route[] = {
    {"GET", "/checkpoint", 0, reader_checkpoint},
    {"GET", "/tile/entries/", 0, reader_bundle},
    {"GET", "/tile/", 0, reader_tile},
    {"GET", "/trace/v1/requests", 0, reader_search},
    {"GET", "/trace/v1/requests/", 0, reader_lookup},
    {"GET", "/trace/v1/receipts/", 0, reader_receipt},
    {"GET", "/trace/v1/follow", 0, reader_follow},
    {"GET", "/trace/v1/rollups", 0, reader_rollups},
    {"GET", "/trace/v1/volumes", 0, reader_volumes},
    {"GET", "/metrics", 0, reader_metrics},
};

static volatile sig_atomic_t stop;

static void
on_stop(int number)
{
    (void)number; /* there is one */
    stop = 1;
}

/* ---- for the routes ---------------------------------------------------- */

static int
open_below(int dirfd, const char *name)
{
    return openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum pv_err
reader_refresh(struct reader *reader, uint64_t end)
{
    pv_log_set_end(reader->log, end);
    return pv_log_refresh(reader->log);
}

void
reader_fails(struct pv_server_call *call, const char *what, enum pv_err err)
{
    pv_log_event("error", "traced.reader_failed", "what=%s error=\"%s\"", what,
                 pv_err_text(err));
    pv_server_problem(
        call, err == PV_ENOMEM ? 503 : 500, "trace-unreadable",
        "The trace cannot be read now",
        "دفتر رویداد اکنون خوانده نمی‌شود");
}

void
reader_refuses_query(struct pv_server_call *call)
{
    pv_server_problem(call, 400, "query",
                      "A parameter is unknown, comes twice or is malformed",
                      "پارامتری ناشناخته، تکراری یا نادرست است");
}

void
reader_refuses_role(struct pv_server_call *call, const struct who *who)
{
    reader_of(call)->refused++;
    if (who->role == ROLE_PUBLIC) {
        pv_server_problem(
            call, 401, "certificate-missing",
            "A registered certificate is needed here",
            "در این نشانی گواهی ثبت‌شده لازم است");
    } else {
        pv_server_problem(
            call, 403, "role", "This is for operators and auditors",
            "این نشانی ویژه بهره‌بردار و حسابرس است");
    }
}

/* The same words for what is not there and for what is not yours to see. */
void
reader_finds_nothing(struct pv_server_call *call)
{
    pv_server_problem(call, 404, "request-unknown",
                      "There is no such request that you may see",
                      "درخواستی با این شناسه که دیدنش برای شما مجاز باشد نیست");
}

enum pv_err
reader_time(struct pv_slice text, int64_t *ret_ms)
{
    struct pv_civil jalali;
    uint64_t        ms;
    int64_t         days;

    if (text.len == PV_JALALI_TEXT_LEN && text.ptr[0] == '1' &&
        pv_jalali_parse(text, &jalali) == PV_OK &&
        pv_jalali_to_days(jalali, &days) == PV_OK) {
        *ret_ms = days * PV_DAY_MS - PV_TEHRAN_OFFSET_MS;
        return PV_OK;
    }
    if (pv_time_from_date(text, ret_ms) == PV_OK) {
        return PV_OK;
    }
    if (pv_slice_to_u64(text, PV_RECORD_NUMBER_MAX, &ms) == PV_OK) {
        *ret_ms = (int64_t)ms;
        return PV_OK;
    }
    return PV_EINVAL;
}

/* ---- life -------------------------------------------------------------- */

static enum pv_err
open_all(struct reader *reader, struct pv_why *why)
{
    const struct options *options = reader->options;
    enum pv_err           err;

    err = reader_list_read(options->readers, &reader->list, why);
    if (err != PV_OK) {
        return err;
    }
    if (options->policy_dir != NULL &&
        pv_policy_open(options->policy_dir, &reader->policy, NULL) != PV_OK) {
        reader->policy = NULL; /* tried again when somebody asks */
    }
    err = pv_sha256_new(&reader->sha);
    if (err != PV_OK) {
        pv_why_set(why, "SHA-256: %s", pv_err_text(err));
        return err;
    }
    err = state_map_read(FD_STATE_READ, &reader->state);
    if (err == PV_OK) {
        err = pv_log_open(FD_JOURNAL, reader->logfd, &reader->log);
    }
    if (err != PV_OK) {
        pv_why_set(why, "cannot read the trace: %s", pv_err_text(err));
    }
    return err;
}

/* A server on a path for the users given; *ret is NULL where path is. */
static enum pv_err
open_face(struct face *face, const char *path, const uid_t *uid, size_t count,
          struct pv_server **ret, struct pv_why *why)
{
    struct pv_server_config config = {
        .listenfd = -1,
        .uid = uid,
        .uid_count = count,
        .connections_max = CONNECTIONS_MAX,
        .route = route,
        .route_count = sizeof(route) / sizeof(route[0]),
        .context = face,
    };
    bool        others = count > 1 || uid[0] != geteuid();
    enum pv_err err;

    if (path == NULL) {
        return PV_OK;
    }
    err = pv_server_listen(path, others ? SOCKET_MODE_OTHERS : SOCKET_MODE_OWN,
                           &config.listenfd, why);
    if (err != PV_OK) {
        return err;
    }
    err = pv_server_open(&config, ret);
    if (err != PV_OK) {
        (void)close(config.listenfd); /* nobody was let in */
        pv_why_set(why, "the HTTP server does not start");
    }
    return err;
}

static enum pv_err
open_faces(struct reader *reader, struct face face[2],
           struct pv_server *server[2], struct pv_why *why)
{
    const struct options *options = reader->options;
    uid_t                 uid[PV_SERVER_UIDS_MAX];
    size_t                count = 1;
    enum pv_err           err;

    err = open_face(&face[0], options->api, &options->api_uid, 1, &server[0],
                    why);
    if (err != PV_OK) {
        return err;
    }
    uid[0] = geteuid();
    for (size_t i = 0; i < reader->list.count; i++) {
        if (reader->list.line[i].is_uid && count == PV_SERVER_UIDS_MAX) {
            pv_why_set(why, "more than %d users in the readers' file",
                       PV_SERVER_UIDS_MAX - 1);
            return PV_ERANGE;
        }
        if (reader->list.line[i].is_uid) {
            uid[count++] = reader->list.line[i].uid;
        }
    }
    return open_face(&face[1], options->local, uid, count, &server[1], why);
}

static int
run(struct pv_server *server[2])
{
    while (stop == 0) {
        struct pollfd poll_fd[2] = {{-1, POLLIN, 0}, {-1, POLLIN, 0}};
        int           wait_ms = WAIT_MS;

        for (int i = 0; i < 2; i++) {
            if (server[i] != NULL) {
                poll_fd[i].fd = pv_server_fd(server[i]);
                wait_ms = pv_server_wait_ms(server[i], wait_ms);
            }
        }
        if (poll(poll_fd, 2, wait_ms) == -1 && errno != EINTR) {
            return 1;
        }
        for (int i = 0; i < 2; i++) {
            if (server[i] != NULL && pv_server_run(server[i], 0) != PV_OK) {
                pv_log_event("error", "traced.reader_failed",
                             "what=http errno=%d (%s)", errno, strerror(errno));
                return 1;
            }
        }
    }
    return 0;
}

static void
set_signals(void)
{
    struct sigaction end = {.sa_handler = on_stop};

    (void)sigaction(CHILD_STOP_SIGNAL, &end, NULL); /* cannot fail */
    (void)signal(SIGTERM, SIG_IGN);                 /* as above */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
}

int
reader_main(const struct options *options)
{
    static struct reader reader;
    struct face          face[2] = {{&reader, false}, {&reader, true}};
    struct pv_server    *server[2] = {NULL, NULL};
    struct pv_why        why;
    enum pv_err          err;
    int                  code = 1;

    set_signals();
    reader.options = options;
    pv_sender_init(&reader.recorder.sender, options->socket,
                   pv_slice_from(options->node));
    reader.logfd = FD_LOG;
    reader.rollupfd = open_below(FD_LOG, ROLLUP_NAME);
    /* now, while it may; without its file OpenSSL has its defaults */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    why.text[0] = '\0';
    err = open_all(&reader, &why);
    if (err == PV_OK) {
        err = open_faces(&reader, face, server, &why);
    }
    if (err == PV_OK) {
        err = sandbox_enter(SANDBOX_READER, &why);
    }
    if (err == PV_OK) {
        pv_log_event("info", "traced.reader", "readers=%llu",
                     (unsigned long long)reader.list.count);
        code = run(server);
    } else {
        pv_log_event("error", "traced.reader_failed", "%s", why.text);
    }
    pv_server_close(server[0]);
    pv_server_close(server[1]);
    pv_sender_close(&reader.recorder.sender);
    pv_tiles_close(reader.tiles);
    pv_log_close(reader.log);
    pv_policy_close(reader.policy);
    pv_sha256_free(reader.sha);
    return code;
}
