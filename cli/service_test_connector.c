/*
 * service_test_connector.c - a connector of our own: the agency's
 * configuration with another socket, from memory, and a folder that goes with
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "service_test.h"

#define START_MS 30000
#define READY_MS 10000
#define STEP_NS 10000000
#define BELOW_MAX 50 /* bytes of TMPDIR */

/* ---- the configuration ---- */

static void
name_in(const struct pv_test_connector *connector, const char *name,
        char room[PV_TEST_PATH_MAX])
{
    (void)snprintf(room, PV_TEST_PATH_MAX, "%.80s/%s", connector->folder,
                   name); /* mkdtemp made a short one */
}

/* Numbers for the test's own consumer, kept in the folder. */
static json_t *
keeper_of(struct pv_test_connector *connector)
{
    char file[PV_TEST_PATH_MAX];

    name_in(connector, "keeper.sqlite", file);
    name_in(connector, "desk.sock", connector->desk);
    return json_pack("{s:s, s:s, s:n, s:[{s:s, s:s, s:s, s:[s]}]}", "file",
                     file, "desk", connector->desk, "desk_uid", "agencies",
                     "id", connector->consumer, "title_fa", "آزمون سرویس",
                     "title_en", "service test", "systems",
                     connector->consumer);
}

static enum pv_err
change(struct pv_test_connector *connector, json_t *root)
{
    bool done;

    name_in(connector, "c.sock", connector->socket);
    done = json_object_set_new(root, "socket",
                               json_string(connector->socket)) == 0 &&
           json_object_set_new(root, "peer_uid", json_null()) == 0;
    if (done && json_object_get(root, "keeper") != NULL) {
        done = json_object_set_new(root, "keeper", keeper_of(connector)) == 0;
    }
    (void)json_object_del(root, "rights");     /* may be absent */
    (void)json_object_del(root, "signatures"); /* may be absent */
    return done ? PV_OK : PV_ENOMEM;
}

static enum pv_err
put_config(struct pv_test_connector *connector, const char *path,
           const struct pv_connector_config *config, struct pv_why *why)
{
    json_t     *root = NULL;
    enum pv_err err = pv_json_load_file(path, &root, why);

    if (err == PV_OK) {
        err = change(connector, root);
    }
    if (err == PV_OK && config->rights.contracts[0] != '\0') {
        err = pv_test_pulled_put(connector, config, root, why);
    }
    if (err == PV_OK) {
        connector->config_fd = memfd_create("connector", MFD_CLOEXEC);
        err = connector->config_fd != -1 &&
                      json_dumpfd(root, connector->config_fd, 0) == 0
                  ? PV_OK
                  : PV_ESYS;
    }
    json_decref(root);
    return err;
}

/* Below TMPDIR, unless a socket's path would be too long there. */
static enum pv_err
make_folder(struct pv_test_connector *connector, struct pv_why *why)
{
    const char *below = getenv("TMPDIR");
    bool fits = below != NULL && below[0] == '/' && strlen(below) <= BELOW_MAX;

    (void)snprintf(connector->folder, sizeof(connector->folder),
                   "%s/payvand-test-XXXXXX",
                   fits ? below : "/tmp"); /* it fits */
    if (mkdtemp(connector->folder) == NULL) {
        pv_why_set(why, "%s: %s", connector->folder, strerror(errno));
        connector->folder[0] = '\0';
        return PV_ESYS;
    }
    return PV_OK;
}

/* ---- the process ---- */

static void
become(const char *program, const char *config, int log, pid_t parent)
{
    static char name[] = "payvand-connectord";
    static char option[] = "--config";
    char       *argv[] = {name, option, (char *)(uintptr_t)config, NULL};
    int         null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
        dup2(null, STDOUT_FILENO) == -1 || dup2(log, STDERR_FILENO) == -1 ||
        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 || getppid() != parent) {
        _exit(1);
    }
    (void)execvp(program, argv); /* returns only on failure */
    (void)dprintf(STDERR_FILENO, "%s: %s\n", program,
                  strerror(errno)); /* the parent reads it */
    _exit(1);
}

static enum pv_err
start(const char *program, struct pv_test_connector *connector)
{
    char  config[64];
    pid_t parent = getpid();
    int   pair[2];

    if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) != 0) {
        return PV_ESYS;
    }
    connector->log_fd = pair[0];
    /* its keeper reads the configuration too, and has no descriptor of ours */
    (void)snprintf(config, sizeof(config), "/proc/%ld/fd/%d", (long)parent,
                   connector->config_fd); /* it fits */
    connector->pid = fork();
    if (connector->pid == 0) {
        become(program, config, pair[1], parent);
    }
    (void)close(pair[1]); /* the child's */
    return connector->pid == -1 ? PV_ESYS : PV_OK;
}

/* What stands in the pipe now. */
static void
read_log(struct pv_test_connector *connector)
{
    char    room[4096];
    ssize_t got;

    while ((got = read(connector->log_fd, room, sizeof(room))) > 0) {
        if (pv_buf_add(&connector->log, (struct pv_slice){room, (size_t)got}) !=
            PV_OK) {
            connector->log.len = 0; /* the newest lines are those of use */
        }
    }
}

static void
nap(void)
{
    struct timespec step = {0, STEP_NS};

    (void)nanosleep(&step, NULL); /* a shorter one does no harm */
}

static enum pv_err
wait_for_socket(struct pv_test_connector *connector, struct pv_why *why)
{
    int64_t     until = pv_time_monotonic_ms() + START_MS;
    struct stat made;

    while (stat(connector->socket, &made) != 0) {
        bool over = waitpid(connector->pid, NULL, WNOHANG) != 0;

        read_log(connector);
        if (over || pv_time_monotonic_ms() > until) {
            connector->pid = over ? -1 : connector->pid;
            while (connector->log.len > 0 &&
                   connector->log.ptr[connector->log.len - 1] == '\n') {
                connector->log.len--;
            }
            pv_why_set(why, "the connector does not start: %.*s",
                       PV_FMT(pv_buf_view(&connector->log)));
            return PV_EINVAL;
        }
        nap();
    }
    return PV_OK;
}

enum pv_err
pv_test_connector_start(const char *program, const char *path,
                        const struct pv_connector_config *config,
                        struct pv_test_connector *connector, struct pv_why *why)
{
    enum pv_err err = make_folder(connector, why);

    if (err == PV_OK) {
        err = put_config(connector, path, config, why);
    }
    if (err == PV_OK) {
        err = start(program, connector);
    }
    if (err == PV_OK) {
        err = wait_for_socket(connector, why);
    }
    connector->ready_by_ms = pv_time_monotonic_ms() + READY_MS;
    return err;
}

void
pv_test_connector_stop(struct pv_test_connector *connector)
{
    static const char *const made[] = {"c.sock",
                                       "c.sock.new",
                                       "desk.sock",
                                       "keeper.sqlite",
                                       "keeper.sqlite-wal",
                                       "keeper.sqlite-shm",
                                       "keeper.sqlite-journal"};

    if (connector->pid > 0) {
        (void)kill(connector->pid, SIGTERM);
        while (waitpid(connector->pid, NULL, WNOHANG) == 0) {
            read_log(connector); /* a full pipe would hold its end up */
            nap();
        }
    }
    for (size_t i = 0;
         connector->folder[0] != '\0' && i < sizeof(made) / sizeof(made[0]);
         i++) {
        char path[PV_TEST_PATH_MAX];

        name_in(connector, made[i], path);
        (void)unlink(path); /* most are not there */
    }
    if (connector->folder[0] != '\0') {
        (void)rmdir(connector->folder); /* nothing to do about it */
    }
    if (connector->config_fd != -1) {
        (void)close(connector->config_fd); /* memory */
    }
    for (size_t i = 0; i < connector->file_count; i++) {
        (void)close(connector->file_fd[i]); /* memory */
    }
    if (connector->log_fd != -1) {
        (void)close(connector->log_fd); /* read-only */
    }
    pv_buf_clear(&connector->log);
}

/* ---- its log ---- */

/* The word behind "name=" in the line. */
static struct pv_slice
word_of(struct pv_slice line, const char *name)
{
    struct pv_slice word;
    bool            more = true;

    while (more) {
        struct pv_slice left;
        struct pv_slice value;

        more = pv_slice_cut(line, ' ', &word, &line);
        if (!more) {
            word = line;
        }
        if (pv_slice_cut(word, '=', &left, &value) &&
            pv_slice_eq(left, pv_slice_from(name))) {
            return value;
        }
    }
    return PV_LIT("");
}

void
pv_test_connector_reason(struct pv_test_connector *connector,
                         const char *tracking_id, char *room, size_t size)
{
    struct pv_slice left;
    struct pv_slice line;

    room[0] = '\0';
    if (connector->log_fd == -1) {
        return;
    }
    read_log(connector);
    left = pv_buf_view(&connector->log);
    while (pv_slice_cut(left, '\n', &line, &left)) {
        struct pv_slice reason = word_of(line, "reason");
        struct pv_slice fault = word_of(line, "fault");
        struct pv_slice state = word_of(line, "sqlstate");
        struct pv_slice member = word_of(line, "member");

        if (!pv_slice_eq(word_of(line, "tracking_id"),
                         pv_slice_from(tracking_id))) {
            continue;
        }
        reason = reason.len == 0 ? fault : reason;
        state = state.len == 0 ? member : state;
        (void)snprintf(room, size, "%.*s%s%.*s", PV_FMT(reason),
                       state.len == 0 ? "" : " ",
                       PV_FMT(state)); /* cut when it is long */
    }
}

bool
pv_test_connector_must_wait(struct pv_test_connector *connector,
                            const char               *tracking_id)
{
    char reason[PV_TEST_WHY_MAX];

    pv_test_connector_reason(connector, tracking_id, reason, sizeof(reason));
    if (pv_time_monotonic_ms() > connector->ready_by_ms ||
        (strncmp(reason, "backend-down", strlen("backend-down")) != 0 &&
         strncmp(reason, "deadline-in-queue", strlen("deadline-in-queue")) !=
             0)) {
        return false;
    }
    nap();
    return true;
}
