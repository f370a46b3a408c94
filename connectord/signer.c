/*
 * signer.c - signs the connector's answers.
 *
 * Does:    one signature a packet, of answers and nothing else.
 * Holds:   the private key.
 * Talks:   with the main process over one packet socket.
 * Calls:   reads and writes that socket; no file, no exec (sandbox.c).
 * A thief: has the key, but would have to come by way of the bytes to sign.
 */
#include "connectord/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "connectord/message.h"
#include "connectord/sandbox.h"
#include "daemon/child.h"

/* ---- the main process's side ---- */

static enum pv_err
open_key(const char *path, int *ret_fd, struct pv_why *why)
{
    struct stat st;
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd == -1 || fstat(fd, &st) == -1) {
        pv_why_set(why, "signing key: %s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode) ||
               (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        pv_why_set(why, "signing key: others may read %s: chmod 0600", path);
    } else {
        *ret_fd = fd;
        return PV_OK;
    }
    if (fd != -1) {
        (void)close(fd); /* read-only: nothing to lose */
    }
    return PV_EINVAL;
}

/* The id of its key is the first that it says. */
static enum pv_err
hear_id(struct pv_signer *signer)
{
    struct timeval wait = {.tv_sec = PV_SIGNER_WAIT_S};
    ssize_t        got;

    do {
        got = recv(signer->fd, signer->keyid, PV_HTTPSIG_KEYID_LEN, 0);
    } while (got == -1 && errno == EINTR);
    signer->keyid[PV_HTTPSIG_KEYID_LEN] = '\0';
    return got == PV_HTTPSIG_KEYID_LEN &&
                   setsockopt(signer->fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
                              sizeof(wait)) == 0 &&
                   setsockopt(signer->fd, SOL_SOCKET, SO_SNDTIMEO, &wait,
                              sizeof(wait)) == 0
               ? PV_OK
               : PV_EINVAL;
}

enum pv_err
pv_signer_start(const char *key_path, struct pv_signer *ret, struct pv_why *why)
{
    int         pair[2] = {-1, -1};
    int         key = -1;
    pid_t       parent = getpid();
    pid_t       pid;
    enum pv_err err = open_key(key_path, &key, why);

    if (err != PV_OK) {
        return err;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        (void)close(key); /* read-only: nothing to lose */
        return PV_ESYS;
    }
    pid = fork();
    if (pid == 0) {
        static const char *const words[] = {"payvand-connectord", "-P",
                                            "signer", NULL};
        const int                fd[] = {pair[1], key};

        pv_child_become(&(struct pv_child){
            .parent = parent, .words = words, .fd = fd, .fd_count = 2});
    }
    (void)close(key);     /* the signer's */
    (void)close(pair[1]); /* likewise */
    ret->fd = pair[0];
    err = pid == -1 ? PV_ESYS : hear_id(ret);
    if (err != PV_OK) {
        pv_why_set(why,
                   "signing key: %s holds no private key of Ed25519 or P-256 "
                   "in PEM",
                   key_path);
        pv_signer_stop(ret);
    }
    return err;
}

static void
on_end(struct pv_watch *watch, uint32_t events)
{
    struct pv_signer *signer = watch->context;

    (void)events; /* it says nothing unasked: this is its end */
    signer->gone = true;
}

enum pv_err
pv_signer_watch(struct pv_signer *signer, int epoll)
{
    signer->watch = (struct pv_watch){signer->fd, on_end, signer};
    return pv_watch_add(epoll, &signer->watch);
}

enum pv_err
pv_signer_sign(struct pv_signer *signer, struct pv_slice bases, size_t count,
               uint8_t ret[][PV_HTTPSIG_SIGNATURE_LEN])
{
    size_t  want = count * PV_HTTPSIG_SIGNATURE_LEN;
    ssize_t got;

    if (signer->gone || send(signer->fd, bases.ptr, bases.len, MSG_NOSIGNAL) !=
                            (ssize_t)bases.len) {
        signer->gone = true;
        return PV_ECLOSED;
    }
    do {
        got = recv(signer->fd, ret, want, 0);
    } while (got == -1 && errno == EINTR);
    if (got != (ssize_t)want) {
        signer->gone = true; /* a late one would be of another call */
        return PV_ECLOSED;
    }
    return PV_OK;
}

void
pv_signer_stop(struct pv_signer *signer)
{
    if (signer->fd != -1) {
        (void)close(signer->fd); /* which ends it */
        signer->fd = -1;
    }
}

/* ---- the signer's side ---- */

static enum pv_err
read_key(struct pv_httpsig_key **ret)
{
    char        pem[PV_HTTPSIG_PEM_MAX];
    size_t      len = 0;
    ssize_t     got;
    enum pv_err err = PV_EINVAL;

    do {
        got = read(PV_SIGNER_KEY_FD, pem + len, sizeof(pem) - len);
        len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    if (got == 0) {
        err = pv_httpsig_key_read((struct pv_slice){pem, len}, true, ret);
    }
    OPENSSL_cleanse(pem, sizeof(pem));
    (void)close(PV_SIGNER_KEY_FD); /* read-only: nothing to lose */
    return err;
}

/* The last line of a base ends with the tag (profile.c writes it last). */
static bool
is_of_answer(struct pv_slice base)
{
    static const char end[] = ";tag=\"" PV_HTTPSIG_TAG_ANSWER "\"";
    const size_t      len = sizeof(end) - 1;

    return base.len > len && memcmp(base.ptr + base.len - len, end, len) == 0;
}

/* Sign what a packet holds and send it. False: the protocol is broken. */
static bool
answer(const struct pv_httpsig_key *key, struct pv_slice packet)
{
    uint8_t signature[PV_SIGNER_BATCH][PV_HTTPSIG_SIGNATURE_LEN];
    size_t  count = 0;
    size_t  len;

    while (packet.len > 0) {
        struct pv_slice base;
        bool            null;

        if (count == PV_SIGNER_BATCH ||
            pv_take_text(&packet, &null, &base) != PV_OK ||
            !is_of_answer(base) ||
            pv_httpsig_key_sign(key, base, signature[count]) != PV_OK) {
            return false;
        }
        count++;
    }
    len = count * PV_HTTPSIG_SIGNATURE_LEN;
    return send(PV_SIGNER_FD, signature, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static int
serve(const struct pv_httpsig_key *key)
{
    static char room[PV_SIGNER_PACKET_MAX];

    for (;;) {
        ssize_t got = recv(PV_SIGNER_FD, room, sizeof(room), MSG_TRUNC);

        if (got == -1 && errno == EINTR) {
            continue;
        }
        if (got == 0) {
            return 0; /* the main process is gone */
        }
        if (got < 0 || got > (ssize_t)sizeof(room) ||
            !answer(key, (struct pv_slice){room, (size_t)got})) {
            return 1; /* a breach of the protocol, or nobody there */
        }
    }
}

int
pv_signer_run(void)
{
    struct pv_httpsig_key *key = NULL;
    uint8_t                trial[PV_HTTPSIG_SIGNATURE_LEN];
    enum pv_err            err = pv_sandbox_every();
    int                    result = 1;

    /* the main process says when to end, by its own end */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)prctl(PR_SET_NAME, "pv-signer", 0, 0, 0); /* only a name */
    if (err == PV_OK) {
        err = read_key(&key);
    }
    if (err == PV_OK) { /* OpenSSL fetches what it needs the first time */
        err = pv_httpsig_key_sign(key, PV_LIT("trial"), trial);
    }
    if (err == PV_OK) {
        err = pv_sandbox_signer();
    }
    if (err == PV_OK &&
        send(PV_SIGNER_FD, pv_httpsig_key_id(key), PV_HTTPSIG_KEYID_LEN,
             MSG_NOSIGNAL) == PV_HTTPSIG_KEYID_LEN) {
        result = serve(key);
    }
    pv_httpsig_key_free(key);
    return result;
}
