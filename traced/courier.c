/*
 * courier.c - the process `-P courier`: asks the witnesses to cosign.
 *
 * Does:   carries the log's newest checkpoint to all witnesses at once, brings
 *         back the cosignatures of enough of them, says who is down or sees
 *         another history.
 * Holds:  the file of witnesses, one socket to the log.
 * Talks:  with the log, and with the witnesses over HTTP(S).
 * Calls:  sockets, poll, memory; no file.
 * A thief of it can keep checkpoints from being cosigned, and see that they
 * are made; it cannot sign, and the cosignatures are verified by whoever uses
 * them.
 *
 * One round a checkpoint. A witness that is still busy with the round before
 * is asked when it answers; so a slow one holds a round up only when it is
 * needed for the quorum. After a failure a witness rests, ever longer.
 */
#include "courier.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "children.h"
#include "courier_run.h"
#include "daemon/event.h"
#include "daemon/file.h"
#include "sandbox.h"

#define AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"
#define AUTHORITIES_MAX (4 * 1024 * 1024)

/* ---- from the log ---------------------------------------------------------
 */

static bool
on_ask(struct courier *courier, uint64_t size, struct pv_slice note)
{
    courier->next.len = 0;
    courier->next_size = size;
    return note.len <= PV_CHECKPOINT_NOTE_MAX &&
           pv_buf_add(&courier->next, note) == PV_OK;
}

static bool
on_proof(struct courier *courier, uint64_t size, size_t count,
         struct pv_slice body)
{
    struct pv_merkle_proof proof;
    uint64_t               from;

    if (body.len < 8) {
        return false;
    }
    from = pv_load_u64(body.ptr);
    if (size != courier->size) {
        return true; /* of the round before */
    }
    proof.count = count == COURIER_NO_PROOF ? 0 : count;
    if (proof.count > PV_MERKLE_PROOF_MAX ||
        body.len != 8 + proof.count * PV_HASH_LEN) {
        return false;
    }
    memcpy(proof.hash, body.ptr + 8, proof.count * PV_HASH_LEN);
    for (size_t i = 0; i < courier->list.count; i++) {
        struct errand *errand = &courier->errand[i];

        if (errand->state != ERRAND_PROOF || errand->seen != from) {
            continue;
        }
        if (count == COURIER_NO_PROOF) {
            courier_rest(courier, errand, COURIER_DOWN,
                         "there is no proof for it");
        } else {
            courier_post(courier, errand, &proof);
        }
    }
    return true;
}

static bool
take_packet(struct courier *courier, const uint8_t *packet, size_t len)
{
    struct pv_slice body = {(const char *)packet + COURIER_HEAD_LEN,
                            len - COURIER_HEAD_LEN};
    size_t          count;
    uint64_t        size;

    if (len < COURIER_HEAD_LEN || pv_load_u32(packet) != COURIER_MAGIC) {
        return false;
    }
    count = (size_t)packet[6] | (size_t)packet[7] << 8;
    size = pv_load_u64(packet + 8);
    switch (packet[4]) {
    case COURIER_ASK:
        return on_ask(courier, size, body);
    case COURIER_PROOF:
        return on_proof(courier, size, count, body);
    default:
        return false;
    }
}

/* All that is there. False: the log is gone, or broke the protocol. */
static bool
hear(struct courier *courier)
{
    static uint8_t packet[COURIER_PACKET_MAX];

    for (;;) {
        ssize_t n = recv(courier->fd, packet, sizeof(packet), MSG_DONTWAIT);

        if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
            return true;
        }
        if (n <= 0 || !take_packet(courier, packet, (size_t)n)) {
            return false;
        }
    }
}

/* ---- the process ----------------------------------------------------------
 */

static enum pv_err
read_file(int fd, struct pv_buf *out)
{
    off_t at = 0;

    for (;;) {
        enum pv_err err = pv_buf_reserve(out, 1);
        ssize_t     n;

        if (err != PV_OK) {
            return err;
        }
        /* a restarted courier shares the descriptor's place */
        n = pread(fd, out->ptr + out->len, out->cap - out->len, at);
        if (n <= 0) {
            return n == 0 ? PV_OK : PV_ESYS;
        }
        out->len += (size_t)n;
        at += n;
    }
}

/* Certificates for https; without any, https cannot be verified and fails. */
static enum pv_err
read_authorities(const char *path, struct pv_buf *out, struct pv_why *why)
{
    enum pv_err err =
        pv_file_read(AT_FDCWD, path == NULL ? AUTHORITIES : path, out);

    if (err == PV_OK) {
        return err;
    }
    out->len = 0;
    if (path == NULL) {
        return PV_OK; /* a machine that has none; http does without */
    }
    pv_why_set(why, "cannot read --witness-ca %s: %s", path,
               err == PV_ESYS ? strerror(errno) : pv_err_text(err));
    return PV_EINVAL;
}

static enum pv_err
open_errands(struct courier *courier, const char *authorities_path,
             struct pv_why *why)
{
    struct pv_buf authorities;
    enum pv_err   err;

    pv_buf_init(&authorities, AUTHORITIES_MAX);
    err = read_authorities(authorities_path, &authorities, why);
    for (size_t i = 0; err == PV_OK && i < courier->list.count; i++) {
        err = errand_open(&courier->errand[i], &courier->list.witness[i],
                          pv_buf_view(&authorities), why);
    }
    pv_buf_clear(&authorities);
    return err;
}

static enum pv_err
open_all(struct courier *courier, const struct options *options,
         struct pv_why *why)
{
    struct pv_buf text;
    enum pv_err   err;

    pv_buf_init(&text, COURIER_FILE_MAX);
    pv_buf_init(&courier->note, PV_CHECKPOINT_NOTE_MAX);
    pv_buf_init(&courier->next, PV_CHECKPOINT_NOTE_MAX);
    courier->fd = FD_SERVE_COURIER;
    err = read_file(FD_WITNESSES, &text);
    if (err != PV_OK) {
        pv_why_set(why, "cannot read the witnesses' file: %s",
                   err == PV_ESYS ? strerror(errno) : pv_err_text(err));
        goto out;
    }
    err = courier_parse(pv_buf_view(&text), &courier->list, why);
    if (err != PV_OK) {
        goto out;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        (courier->multi = curl_multi_init()) == NULL) {
        pv_why_set(why, "libcurl does not start");
        err = PV_ENOMEM;
        goto out;
    }
    /* OpenSSL reads a certificate's dates by mktime(), which reads the time
       zone: now, because later it may not */
    if (setenv("TZ", "UTC0", 1) != 0) {
        err = PV_ENOMEM;
        goto out;
    }
    tzset();
    err = open_errands(courier, options->witness_ca, why);

out:
    pv_buf_clear(&text);
    return err;
}

static void
finish(struct courier *courier)
{
    CURLMsg *message;
    int      left;

    while ((message = curl_multi_info_read(courier->multi, &left)) != NULL) {
        struct errand *errand = NULL;
        CURLcode       code = message->data.result;

        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                              (char **)&errand) != CURLE_OK) {
            continue;
        }
        courier_answered(courier, errand,
                         errand_status(errand, courier->multi, code));
    }
}

static int
run(struct courier *courier)
{
    struct curl_waitfd log = {.fd = courier->fd, .events = CURL_WAIT_POLLIN};
    int                running;
    int                ready;

    for (;;) {
        int wait_ms = courier_step(courier);

        if (curl_multi_perform(courier->multi, &running) != CURLM_OK) {
            break;
        }
        finish(courier);
        log.revents = 0;
        if (curl_multi_poll(courier->multi, &log, 1, wait_ms, &ready) !=
                CURLM_OK ||
            !hear(courier)) {
            break;
        }
    }
    return 1; /* it is started again */
}

int
courier_main(const struct options *options)
{
    static struct courier courier;
    struct pv_why         why = {""};
    enum pv_err           err;

    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail */
    err = open_all(&courier, options, &why);
    if (err == PV_OK) {
        err = sandbox_enter(SANDBOX_COURIER, &why);
    }
    if (err != PV_OK) {
        pv_log_event("error", "traced.courier", "%s", why.text);
        return err == PV_EINVAL ? CHILD_REFUSES : 1;
    }
    return run(&courier);
}
