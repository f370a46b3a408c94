/*
 * signer.c - holds the key of the log, and signs nothing but checkpoints and
 * states of rights.
 *
 * -P signer:
 * Does:    signs a checkpoint that is proven to go on from the last one it
 *          signed, after it has written down that it did; refuses all else.
 * Holds:   the key (or the session of a token), its own directory.
 * Talks:   with the log process over one socketpair; see signer.h.
 * Calls:   its files, the socket; with a token also what the vendor's module
 *          asks for (sandbox.c).
 * A thief: has the key: he can sign another history of this log. Witnesses
 *          that saw the true one refuse it.
 */
#include "signer.h"

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "base/time.h"
#include "daemon/event.h"
#include "daemon/file.h"
#include "daemon/sandbox.h"
#include "rights/rights.h"
#include "signer_key.h"

#define RIGHTS_OFF_MAX_S 60 /* from the clock here */
#define REFUSE_FOR_MS 4000  /* then it ends, and a new one looks again */

/* ---- system calls ---- */

static const int own_calls[] = {
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendmsg),
    SCMP_SYS(poll),
    PV_SANDBOX_END,
};

/* What a token's driver asks for: its files, its threads, its daemon. */
static const int token_calls[] = {
    SCMP_SYS(open),      SCMP_SYS(stat),       SCMP_SYS(lstat),
    SCMP_SYS(access),    SCMP_SYS(faccessat),  SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),  SCMP_SYS(readlinkat), SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),   SCMP_SYS(unlink),     SCMP_SYS(rename),
    SCMP_SYS(ftruncate), SCMP_SYS(flock),      SCMP_SYS(readv),
    SCMP_SYS(writev),    SCMP_SYS(getuid),     SCMP_SYS(geteuid),
    SCMP_SYS(getgid),    SCMP_SYS(getegid),    SCMP_SYS(umask),
    SCMP_SYS(sysinfo),   SCMP_SYS(uname),      SCMP_SYS(ioctl),
    SCMP_SYS(socket),    SCMP_SYS(connect),    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),   SCMP_SYS(clone),      SCMP_SYS(clone3),
    SCMP_SYS(statx),     SCMP_SYS(statfs),     SCMP_SYS(fstatfs),
    SCMP_SYS(prlimit64), PV_SANDBOX_END,
};

struct signer {
    const struct pv_signer_config *config;
    struct pv_signer_key           key;
    struct pv_sha256              *sha;
    uint64_t                       size; /* of the last one signed */
    struct pv_hash                 root;
    struct pv_buf                  signed_notes; /* what `signed` holds */
    struct pv_buf                  note;         /* the next one */
    bool                           ready;
    struct pv_why                  why; /* not ready: what is wrong */
    bool ends; /* the disk failed: a new one reads what it holds */
};

static void __attribute__((format(printf, 4, 5)))
say(const struct signer *signer, const char *level, const char *what,
    const char *format, ...)
{
    char          event[64];
    struct pv_why words;
    va_list       list;

    va_start(list, format);
    (void)vsnprintf(words.text, sizeof(words.text), format,
                    list); /* may be cut */
    va_end(list);
    (void)snprintf(event, sizeof(event), "%s.%s", signer->config->program,
                   what); /* both are ours */
    pv_log_event(level, event, "%s", words.text);
}

/* ---- start --------------------------------------------------------------- */

/* What was signed last, from the signer's own words. */
static enum pv_err
take_signed(struct signer *signer, struct pv_slice bytes)
{
    struct pv_signer_notes notes;
    struct pv_checkpoint   before;
    struct pv_checkpoint   last;
    enum pv_err            err = pv_signer_cut(bytes, &notes);

    if (err == PV_OK) {
        err = pv_checkpoint_open(notes.last, &signer->key.key, &last, NULL);
    }
    if (err == PV_OK && notes.before.len > 0) {
        err = pv_checkpoint_open(notes.before, &signer->key.key, &before, NULL);
        if (err == PV_OK && before.size >= last.size) {
            err = PV_EINVAL;
        }
    }
    if (err == PV_OK) {
        signer->size = last.size;
        signer->root = last.root;
    }
    return err;
}

static enum pv_err
open_signed(struct signer *signer)
{
    enum pv_err err = pv_file_read(signer->config->dirfd, PV_SIGNER_SIGNED,
                                   &signer->signed_notes);

    if (err == PV_ENOTFOUND) {
        pv_why_set(&signer->why,
                   "the signer's file `signed` is missing: what was signed "
                   "last is not known, and nothing is signed. Restore it if "
                   "no checkpoint was published since; or, when the log's "
                   "directory is whole, let it go on from the published one: "
                   "--accept-checkpoint LOG/checkpoint --signer DIR");
        return err;
    }
    if (err == PV_OK) {
        err = take_signed(signer, pv_buf_view(&signer->signed_notes));
    }
    if (err == PV_OK) {
        /* it may have been read from a cache that a failed fsync left */
        err = pv_file_replace(signer->config->dirfd, PV_SIGNER_SIGNED,
                              pv_buf_view(&signer->signed_notes),
                              PV_FILE_MODE_OWN);
    }
    if (err == PV_ESYS) {
        pv_why_set(&signer->why, "cannot write the signer's file `signed`: %s",
                   strerror(errno));
    } else if (err != PV_OK) {
        pv_why_set(&signer->why,
                   "the signer's file `signed` is not what this log's key "
                   "signed (%s): it was changed, or key and vkey were "
                   "replaced. Restore the signer's directory as a whole",
                   pv_err_text(err));
    }
    return err;
}

static void
get_ready(struct signer *signer)
{
    enum pv_err err;

    pv_buf_init(&signer->signed_notes, (size_t)2 * PV_SIGNER_NOTE_MAX);
    pv_buf_init(&signer->note, (size_t)2 * PV_SIGNER_NOTE_MAX);
    err = pv_signer_key_open(signer->config->dirfd, &signer->key, &signer->why);
    if (err == PV_OK) {
        err = open_signed(signer);
    }
    signer->ready = err == PV_OK;
    if (!signer->ready) {
        say(signer, "error", "signer_refuses", "%s", signer->why.text);
    }
}

/* ---- answers ------------------------------------------------------------- */

static void
answer(const struct signer *signer, uint64_t id, enum pv_signer_type type,
       unsigned count, struct pv_slice first, struct pv_slice second)
{
    uint8_t       head[PV_SIGNER_HEAD_LEN];
    struct iovec  part[3] = {{head, sizeof(head)},
                             {(void *)(uintptr_t)first.ptr, first.len},
                             {(void *)(uintptr_t)second.ptr, second.len}};
    struct msghdr message = {.msg_iov = part, .msg_iovlen = 3};

    pv_store_u32(head, PV_SIGNER_MAGIC);
    pv_store_u32(head + 4, (uint32_t)type | (uint32_t)count << 16);
    pv_store_u64(head + 8, id);
    /* the log asks again when it heard nothing */
    (void)sendmsg(signer->config->sockfd, &message,
                  MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
refuse(struct signer *signer, uint64_t id, enum pv_signer_why code,
       const char *words)
{
    if (signer->ready) {
        say(signer, "error", "signer_refuses", "last_size=%llu %s",
            (unsigned long long)signer->size, words);
    }
    answer(signer, id, PV_SIGNER_REFUSED, code, pv_slice_from(words),
           PV_LIT(""));
}

/* Somebody put another `signed` there: a new signer looks at it. */
static bool
was_replaced(const struct signer *signer)
{
    struct pv_buf held;
    bool          same;

    pv_buf_init(&held, (size_t)2 * PV_SIGNER_NOTE_MAX);
    same =
        pv_file_read(signer->config->dirfd, PV_SIGNER_SIGNED, &held) == PV_OK &&
        pv_slice_eq(pv_buf_view(&held), pv_buf_view(&signer->signed_notes));
    pv_buf_clear(&held);
    return !same;
}

static void
answer_last(struct signer *signer, uint64_t id)
{
    struct pv_buf vkey;

    if (was_replaced(signer)) {
        say(signer, "warning", "signer_refuses",
            "`signed` is not what it wrote; ending, to look again");
        signer->ends = true;
        return;
    }

    pv_buf_init(&vkey, PV_NOTE_VKEY_MAX);
    if (pv_note_key_write(&signer->key.key, &vkey) == PV_OK) {
        answer(signer, id, PV_SIGNER_LAST, (unsigned)vkey.len,
               pv_buf_view(&vkey), pv_buf_view(&signer->signed_notes));
    }
    pv_buf_clear(&vkey);
}

/* ---- signing ------------------------------------------------------------- */

struct ask { /* of a signature */
    uint64_t       id;
    uint64_t       size;
    struct pv_hash root;
    size_t         proof_count;
    struct pv_hash proof[PV_MERKLE_PROOF_MAX];
};

/* 0, or why it is not signed. */
static enum pv_signer_why
judge(struct signer *signer, const struct ask *ask)
{
    if (ask->size < signer->size) {
        return PV_SIGNER_SMALLER;
    }
    if (ask->size == signer->size) { /* again: its answer was lost */
        return pv_hash_eq(&ask->root, &signer->root) ? 0 : PV_SIGNER_DIFFERENT;
    }
    if (pv_merkle_verify_consistency(signer->sha, signer->size, ask->size,
                                     &signer->root, &ask->root, ask->proof,
                                     ask->proof_count) != PV_OK) {
        return PV_SIGNER_UNPROVEN;
    }
    return 0;
}

/* Sign, and write down what was signed before anybody hears of it. */
static enum pv_err
sign(struct signer *signer, const struct ask *ask)
{
    const struct pv_note_key *key = &signer->key.key;
    struct pv_checkpoint   checkpoint = {.origin = {key->name, key->name_len},
                                         .size = ask->size,
                                         .root = ask->root};
    struct pv_signer_notes notes;
    size_t                 len;
    enum pv_err            err;

    err = pv_signer_key_sign(&signer->key, &checkpoint, &signer->note);
    len = signer->note.len;
    if (err == PV_OK) {
        err = pv_signer_cut(pv_buf_view(&signer->signed_notes), &notes);
    }
    if (err == PV_OK) {
        err = pv_buf_add(&signer->note, notes.last);
    }
    if (err == PV_OK) {
        err = pv_file_replace(signer->config->dirfd, PV_SIGNER_SIGNED,
                              pv_buf_view(&signer->note), PV_FILE_MODE_OWN);
        signer->ends = err != PV_OK;
    }
    if (err == PV_OK) {
        struct pv_buf kept = signer->signed_notes;

        signer->signed_notes = signer->note;
        signer->note = kept;
        signer->size = ask->size;
        signer->root = ask->root;
        answer(signer, ask->id, PV_SIGNER_SIGNED_NOTE, 0,
               (struct pv_slice){signer->signed_notes.ptr, len}, PV_LIT(""));
    }
    return err;
}

static void
on_sign(struct signer *signer, const struct ask *ask, struct pv_slice origin)
{
    static const char *const words[] = {
        [PV_SIGNER_ORIGIN] = "asked to sign for another log",
        [PV_SIGNER_SMALLER] = "asked to sign a tree smaller than the last one",
        [PV_SIGNER_DIFFERENT] = "asked to sign another tree of the same size",
        [PV_SIGNER_UNPROVEN] =
            "asked to sign a tree that does not go on from the last one",
    };
    const struct pv_note_key *key = &signer->key.key;
    struct pv_signer_notes    notes;
    struct pv_why             why;
    enum pv_signer_why        code;

    code = !pv_slice_eq(origin, (struct pv_slice){key->name, key->name_len})
               ? PV_SIGNER_ORIGIN
               : judge(signer, ask);
    if (code != 0) {
        refuse(signer, ask->id, code, words[code]);
        return;
    }
    if (ask->size == signer->size &&
        pv_signer_cut(pv_buf_view(&signer->signed_notes), &notes) == PV_OK) {
        answer(signer, ask->id, PV_SIGNER_SIGNED_NOTE, 0, notes.last,
               PV_LIT(""));
        return;
    }
    errno = 0;
    if (sign(signer, ask) != PV_OK) {
        pv_why_set(&why, "cannot sign: %s",
                   errno == 0 ? "the key or the token failed"
                              : strerror(errno));
        refuse(signer, ask->id, PV_SIGNER_FAILED, why.text);
    }
}

/* ---- rights -------------------------------------------------------------- */

/* What the registry says of an agency now: not what it said before. */
/* Any number may come: nothing here overflows. */
static bool
is_of_now(uint64_t when_s)
{
    uint64_t now_s = (uint64_t)pv_time_wall_ms() / 1000;

    return (when_s > now_s ? when_s - now_s : now_s - when_s) <=
           RIGHTS_OFF_MAX_S;
}

static void
on_rights(struct signer *signer, uint64_t id, const uint8_t *packet,
          struct pv_slice agency)
{
    struct pv_rights_head head = {
        .agency = agency,
        .decision = pv_load_u64(packet + PV_SIGNER_HEAD_LEN),
        .when_s = pv_load_u64(packet + PV_SIGNER_HEAD_LEN + 8)};
    struct pv_buf text;
    struct pv_buf note;
    enum pv_err   err;

    memcpy(head.body.bytes, packet + PV_SIGNER_HEAD_LEN + 16, PV_HASH_LEN);
    if (head.decision < signer->size) {
        refuse(signer, id, PV_SIGNER_OLD,
               "asked to sign rights of before the last checkpoint");
        return;
    }
    if (!is_of_now(head.when_s)) {
        refuse(signer, id, PV_SIGNER_TIME,
               "asked to sign rights of another time than now");
        return;
    }
    pv_buf_init(&text, PV_RIGHTS_TEXT_MAX);
    pv_buf_init(&note, PV_SIGNER_NOTE_MAX);
    err = pv_rights_text(&signer->key.key, &head, &text);
    if (err == PV_OK) {
        err = pv_signer_key_sign_text(&signer->key, pv_buf_view(&text), &note);
    }
    if (err == PV_OK) {
        answer(signer, id, PV_SIGNER_SIGNED_NOTE, 0, pv_buf_view(&note),
               PV_LIT(""));
    } else {
        refuse(signer, id, PV_SIGNER_FAILED, "cannot sign rights");
    }
    pv_buf_clear(&text);
    pv_buf_clear(&note);
}

/* False: the log broke the protocol. */
static bool
on_packet(struct signer *signer, const uint8_t *packet, size_t len)
{
    struct ask ask;
    uint32_t   head;
    size_t     proof_len;

    if (len < PV_SIGNER_HEAD_LEN || pv_load_u32(packet) != PV_SIGNER_MAGIC) {
        return false;
    }
    head = pv_load_u32(packet + 4);
    ask.id = pv_load_u64(packet + 8);
    if (!signer->ready) {
        refuse(signer, ask.id, PV_SIGNER_NO_KEY, signer->why.text);
        return true;
    }
    if (head == PV_SIGNER_ASK_LAST && len == PV_SIGNER_HEAD_LEN) {
        answer_last(signer, ask.id);
        return true;
    }
    if (head == PV_SIGNER_ASK_RIGHTS && len >= PV_SIGNER_RIGHTS_LEN) {
        on_rights(signer, ask.id, packet,
                  (struct pv_slice){(const char *)packet + PV_SIGNER_RIGHTS_LEN,
                                    len - PV_SIGNER_RIGHTS_LEN});
        return true;
    }
    ask.proof_count = head >> 16;
    proof_len = ask.proof_count * PV_HASH_LEN;
    if ((head & 0xffff) != PV_SIGNER_ASK_SIGN ||
        ask.proof_count > PV_MERKLE_PROOF_MAX ||
        len < PV_SIGNER_ASK_LEN + proof_len) {
        return false;
    }
    ask.size = pv_load_u64(packet + PV_SIGNER_HEAD_LEN);
    memcpy(ask.root.bytes, packet + PV_SIGNER_HEAD_LEN + 8, PV_HASH_LEN);
    memcpy(ask.proof, packet + PV_SIGNER_ASK_LEN, proof_len);
    on_sign(
        signer, &ask,
        (struct pv_slice){(const char *)packet + PV_SIGNER_ASK_LEN + proof_len,
                          len - PV_SIGNER_ASK_LEN - proof_len});
    return true;
}

static int
serve(struct signer *signer)
{
    struct pollfd  wait = {signer->config->sockfd, POLLIN, 0};
    static uint8_t packet[PV_SIGNER_PACKET_MAX];
    int64_t        end_ms = pv_time_monotonic_ms() + REFUSE_FOR_MS;

    for (;;) {
        ssize_t len;

        if (!signer->ready && pv_time_monotonic_ms() >= end_ms) {
            return PV_SIGNER_REFUSES;
        }
        if (poll(&wait, 1, signer->ready ? -1 : 1000) == -1 && errno != EINTR) {
            return 1;
        }
        len =
            recv(signer->config->sockfd, packet, sizeof(packet), MSG_DONTWAIT);
        if (len == -1 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (len == 0 || (len == -1 && errno == ECONNRESET)) {
            return 1; /* the log has ended: nothing is wrong here */
        }
        if (len == -1 || !on_packet(signer, packet, (size_t)len)) {
            say(signer, "error", "protocol",
                "the log's words to its "
                "signer; ending");
            return 1;
        }
        if (signer->ends) {
            return 1;
        }
    }
}

int
pv_signer_run(const struct pv_signer_config *config)
{
    static struct signer signer;
    struct pv_sandbox    sandbox = {
           .list = {pv_sandbox_every, pv_sandbox_files, own_calls},
           .walls = true,
           .place = {{config->dirfd, true}}};
    struct pv_why why = {""};

    signer.config = config;
    if (pv_sha256_new(&signer.sha) != PV_OK) {
        say(&signer, "error", "child_failed", "name=signer no memory");
        return 1;
    }
    get_ready(&signer);
    if (signer.key.token != NULL) { /* a vendor's module is in here */
        sandbox.list[3] = token_calls;
        sandbox.walls = false;
    }
    if (pv_sandbox_enter(&sandbox, &why) != PV_OK) {
        say(&signer, "error", "child_failed", "name=signer %s", why.text);
        return 1;
    }
    return serve(&signer);
}
