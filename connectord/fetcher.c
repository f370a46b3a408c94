/*
 * fetcher.c - asks the registry for what concerns the provider.
 *
 * Does:    one question after the other (long poll); what is signed and new
 *          goes to the file and to the main process.
 * Holds:   the key of the agency's certificate towards the registry; no
 *          password of a database, no call.
 * Talks:   with the registry, and with the main process, which it tells only.
 * Calls:   files and connections outwards; no exec, no listening, no signals
 *          (sandbox.c). It runs under the uid of the others.
 * A thief: can hold new rights back until they are too old, and can make none:
 *          the main process checks the signature itself. He may open what this
 *          uid may open.
 */
#include "connectord/fetcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "connectord/log.h"
#include "connectord/sandbox.h"
#include "daemon/child.h"
#include "rights/fetch.h"

#define WAIT_S 20 /* of one question */
#define PAUSE_MIN_MS 200
#define PAUSE_MAX_MS 5000

/* ---- the main process's side ---- */

static void
become_fetcher(const struct pv_connector_config *config, int socket,
               pid_t parent)
{
    const struct pv_rights_config *rights = &config->rights;
    const char *const              words[] = {"payvand-connectord",
                                              "-P",
                                              "fetcher",
                                              config->provider,
                                              rights->vkey,
                                              rights->file,
                                              rights->socket,
                                              rights->url,
                                              rights->ca,
                                              rights->cert,
                                              rights->key,
                                              rights->contracts,
                                              NULL};

    pv_child_become(&(struct pv_child){
        .parent = parent, .words = words, .fd = &socket, .fd_count = 1});
}

enum pv_err
pv_fetcher_start(const struct pv_connector_config *config, int *ret_fd)
{
    pid_t parent = getpid();
    int   pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return PV_ESYS;
    }
    pid = fork();
    if (pid == 0) {
        become_fetcher(config, pair[1], parent);
    }
    (void)close(pair[1]); /* the child's */
    if (pid == -1 || fcntl(pair[0], F_SETFL, O_NONBLOCK) == -1) {
        (void)close(pair[0]); /* nothing was said */
        return PV_ESYS;
    }
    *ret_fd = pair[0];
    return PV_OK;
}

/* ---- the fetcher's side ---- */

static enum pv_err
write_all(struct pv_slice bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(PV_FETCHER_FD, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (sent == -1 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return PV_ECLOSED; /* the main process is gone */
        }
        bytes.ptr += sent;
        bytes.len -= (size_t)sent;
    }
    return PV_OK;
}

static enum pv_err
tell(const struct pv_rights_fetch *fetch)
{
    uint8_t     len[4];
    enum pv_err err;

    pv_store_u32(len, (uint32_t)fetch->state.len);
    err = write_all((struct pv_slice){(const char *)len, sizeof(len)});
    return err == PV_OK ? write_all(pv_buf_view(&fetch->state)) : err;
}

/* Said when it begins, changes or ends. */
static void
say(const struct pv_rights_fetch *fetch, enum pv_err err, enum pv_err *said)
{
    if (err == *said) {
        return;
    }
    *said = err;
    if (err == PV_OK) {
        pv_log_info("connector.rights_well", "agency=%s decision=%llu",
                    fetch->source->agency,
                    (unsigned long long)fetch->head.decision);
    } else if (err == PV_EAGAIN) {
        pv_log_warn("connector.rights_away", "agency=%s %s; retrying",
                    fetch->source->agency, fetch->why.text);
    } else if (err == PV_ESYS) { /* the file alone */
        pv_log_error("connector.rights_unkept",
                     "agency=%s %s; it is used all the same",
                     fetch->source->agency, fetch->why.text);
    } else {
        pv_log_error("connector.rights_refused", "agency=%s %s; retrying",
                     fetch->source->agency, fetch->why.text);
    }
}

/* ---- contracts ---- */

struct contracts {
    int            dirfd; /* -1: they are brought by file */
    char           below[PV_RIGHTS_AGENCY_MAX + 8];
    bool           is_whole;
    struct pv_hash body; /* that they are whole for */
    struct pv_hash told; /* the body that the main process was told of */
    enum pv_err    said;
};

static void
say_contracts(const struct pv_rights_fetch *fetch, struct contracts *contracts,
              enum pv_err err)
{
    if (err == contracts->said) {
        return;
    }
    contracts->said = err;
    if (err == PV_OK) {
        pv_log_info("connector.contracts_well", "agency=%s",
                    fetch->source->agency);
    } else if (err == PV_EAGAIN) {
        pv_log_warn("connector.contracts_away", "agency=%s %s; retrying",
                    fetch->source->agency, fetch->why.text);
    } else if (err == PV_EVERIFY) {
        pv_log_error("connector.contract_refused", "agency=%s %s; retrying",
                     fetch->source->agency, fetch->why.text);
    } else {
        pv_log_error("connector.contracts_unkept", "agency=%s %s; retrying",
                     fetch->source->agency,
                     fetch->why.text[0] == '\0' ? pv_err_text(err)
                                                : fetch->why.text);
    }
}

/*
 * After each state; the rights were told before, they do not wait for these.
 * The word is said again once all are there and the state stands in its file:
 * who reads both finds them only then, however full the disk was before.
 */
static enum pv_err
bring_contracts(struct pv_rights_fetch *fetch, struct contracts *contracts)
{
    static const struct pv_slice none = {"\0\0\0", 4};
    bool                         is_new = false;
    enum pv_err                  err;

    if (contracts->dirfd == -1) {
        return PV_OK;
    }
    if (!contracts->is_whole ||
        !pv_hash_eq(&contracts->body, &fetch->head.body)) {
        err = pv_rights_fetch_contracts(fetch, contracts->dirfd,
                                        contracts->below, &is_new);
        pv_rights_drop_contracts(fetch, contracts->dirfd);
        contracts->is_whole = err == PV_OK;
        contracts->body = fetch->head.body;
        say_contracts(fetch, contracts, err);
    }
    if (contracts->is_whole && fetch->is_kept &&
        !pv_hash_eq(&contracts->told, &contracts->body)) {
        contracts->told = contracts->body;
        is_new = true;
    }
    return is_new ? write_all(none) : PV_OK;
}

static unsigned
wait_of(const struct pv_rights_fetch *fetch, const struct contracts *contracts)
{
    if (fetch->state.len == 0) {
        return 0;
    }
    return contracts->dirfd == -1 || contracts->is_whole ? WAIT_S : 1;
}

static void
serve(struct pv_rights_fetch *fetch, struct contracts *contracts)
{
    enum pv_err said = fetch->why.text[0] == '\0' ? PV_ESTATE : PV_OK;
    enum pv_err err = PV_OK;
    int         pause_ms = 0;

    if (said == PV_OK) { /* the file holds something, and it is not good */
        say(fetch, PV_EVERIFY, &said);
    }
    if (fetch->state.len > 0) {
        err = tell(fetch);
    }
    while (err != PV_ECLOSED) {
        err = pv_rights_fetch_round(fetch, wait_of(fetch, contracts));
        say(fetch, err == PV_OK && !fetch->is_kept ? PV_ESYS : err, &said);
        if (err == PV_OK) {
            pause_ms = 0;
            err = tell(fetch);
            if (err == PV_OK) {
                err = bring_contracts(fetch, contracts);
            }
            continue;
        }
        pause_ms = pause_ms == 0 ? PAUSE_MIN_MS : 2 * pause_ms;
        pause_ms = pause_ms > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms;
        (void)poll(NULL, 0, pause_ms); /* a signal may end it early */
    }
}

static enum pv_err
open_contracts(const char *agency, const char *folder,
               struct contracts *contracts)
{
    *contracts = (struct contracts){.dirfd = -1, .said = PV_OK};
    (void)snprintf(contracts->below, sizeof(contracts->below), "/x/%.*s/",
                   PV_RIGHTS_AGENCY_MAX, agency); /* fits */
    if (folder[0] == '\0') {
        return PV_OK;
    }
    contracts->dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (contracts->dirfd == -1) {
        pv_log_error("connector.contracts_unkept", "%s: %s", folder,
                     strerror(errno));
        return PV_ESYS;
    }
    return PV_OK;
}

int
pv_fetcher_run(int argc, char **argv)
{
    struct contracts        contracts = {.dirfd = -1};
    struct pv_rights_source source;
    struct pv_rights_fetch  fetch = {.source = NULL};
    char                   *name;
    enum pv_err             err = pv_sandbox_every();
    int                     dirfd = -1;

    /* the main process says when to end, by its own end */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_NAME, "pv-fetcher", 0, 0, 0); /* only a name */
    if (err != PV_OK || argc != PV_FETCHER_ARGUMENTS ||
        (name = strrchr(argv[2], '/')) == NULL) {
        return 1;
    }
    source = (struct pv_rights_source){.agency = argv[0],
                                       .socket = argv[3],
                                       .url = argv[4],
                                       .ca = argv[5],
                                       .cert = argv[6],
                                       .key = argv[7]};
    err = pv_note_key_parse(pv_slice_from(argv[1]), &source.log);
    *name = '\0';
    dirfd = open(argv[2][0] == '\0' ? "/" : argv[2],
                 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (err == PV_OK && dirfd == -1) {
        pv_log_error("connector.rights_refused", "%s: %s", argv[2],
                     strerror(errno));
        err = PV_ESYS;
    }
    if (err == PV_OK) {
        err = open_contracts(argv[0], argv[8], &contracts);
    }
    if (err == PV_OK) {
        err = pv_sandbox_fetcher(source.socket[0] == '\0');
    }
    if (err == PV_OK) {
        err = pv_rights_fetch_open(&fetch, &source, dirfd, name + 1);
    }
    if (err == PV_OK) {
        serve(&fetch, &contracts);
    }
    pv_rights_fetch_close(&fetch);
    if (dirfd != -1) {
        (void)close(dirfd); /* a folder: nothing to lose */
    }
    if (contracts.dirfd != -1) {
        (void)close(contracts.dirfd); /* likewise */
    }
    return 1; /* it ends only with the main process, or by a failure */
}
