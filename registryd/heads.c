/* heads.c - the heads of the decision log, signed by another process. */
#include "heads.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "daemon/child.h"
#include "daemon/event.h"
#include "daemon/file.h"
#include "decide.h"
#include "log.h"

#define SIGNER_DIR_FD 3 /* in the signer's process */
#define SIGNER_SOCKET_FD 4
#define ANSWER_MS 5000  /* rights; whoever wants them is told */
#define OWED_MAX 64     /* answers that the signer's socket has room for */
#define SILENT_MS 60000 /* a head: its disk may be slow, then it is ended */
#define HEAD_MS 100     /* from one to the next: the signer syncs its disk */

/* ---- the process ---- */

enum pv_err
pv_heads_start(struct pv_heads *heads, const char *signer_dir,
               struct pv_why *why)
{
    int         pair[2] = {-1, -1};
    pid_t       self = getpid();
    enum pv_err err = PV_ESYS;
    int         dirfd = open(signer_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    memset(heads, 0, sizeof(*heads));
    heads->logfd = -1;
    pv_signer_client_init(&heads->signer, -1);
    if (dirfd == -1) {
        pv_why_set(why, "the signer's directory %s: %s", signer_dir,
                   strerror(errno));
        goto out;
    }
    /* one key signs for one log: two registries on copies would fork it */
    if (pv_file_lock(dirfd) != PV_OK) {
        pv_why_set(why,
                   "the signer's directory %s: another process signs with it",
                   signer_dir);
        goto out;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1 ||
        (heads->pid = fork()) == -1) {
        pv_why_set(why, "the signer: %s", strerror(errno));
        goto out;
    }
    if (heads->pid == 0) {
        static const char *const words[] = {"payvand-registryd", "-P", "signer",
                                            NULL};
        const int                fd[] = {dirfd, pair[1]};

        pv_child_become(&(struct pv_child){
            .parent = self, .words = words, .fd = fd, .fd_count = 2});
    }
    heads->signer.fd = pair[0];
    pair[0] = -1; /* kept */
    err = PV_OK;

out:
    if (pair[0] != -1) {
        (void)close(pair[0]); /* nothing was said */
    }
    if (pair[1] != -1) {
        (void)close(pair[1]); /* the child has its own */
    }
    if (dirfd != -1) {
        (void)close(dirfd); /* the child's copy keeps the lock */
    }
    return err;
}

int
pv_heads_signer_main(void)
{
    const struct pv_signer_config config = {.program = "registry",
                                            .dirfd = SIGNER_DIR_FD,
                                            .sockfd = SIGNER_SOCKET_FD};

    (void)signal(SIGTERM, SIG_IGN); /* cannot fail: it ends with its parent */
    (void)signal(SIGINT, SIG_IGN);  /* as above */
    return pv_signer_run(&config);
}

/* ---- what was signed ---- */

/* Copies for people: a crash may lose them, the next start writes them. */
static void
show(const struct pv_heads *heads)
{
    struct pv_buf vkey;

    pv_buf_init(&vkey, PV_NOTE_VKEY_MAX + 1);
    if (pv_note_key_write(&heads->signer.key, &vkey) == PV_OK &&
        pv_buf_add_char(&vkey, '\n') == PV_OK) {
        pv_file_replace_lightly(heads->logfd, "vkey", pv_buf_view(&vkey),
                                PV_FILE_MODE_GROUP);
    }
    pv_buf_clear(&vkey);
    pv_file_replace_lightly(heads->logfd, "checkpoint",
                            pv_buf_view(&heads->signer.note),
                            PV_FILE_MODE_GROUP);
}

static enum pv_err
compare(struct pv_heads *heads, struct pv_why *why)
{
    struct pv_decision_log *log = heads->registry->log;
    uint64_t                size = pv_decision_log_size(log);
    struct pv_hash          root;
    enum pv_err             err;

    if (size < heads->signer.size) {
        pv_why_set(why,
                   "%llu decisions were signed and the database holds %llu: it "
                   "was rolled back, or is another registry's. Restore the "
                   "newest copy of it, or the signer's directory that belongs "
                   "to it",
                   (unsigned long long)heads->signer.size,
                   (unsigned long long)size);
        return PV_EVERIFY;
    }
    err = pv_decision_log_root_of(log, heads->signer.size, &root);
    if (err == PV_OK && !pv_hash_eq(&root, &heads->signer.root)) {
        pv_why_set(why,
                   "the first %llu decisions in the database are not those "
                   "that were signed: they were changed. Restore the database; "
                   "its log is signed once",
                   (unsigned long long)heads->signer.size);
        return PV_EVERIFY;
    }
    return err;
}

static enum pv_err
take_head(struct pv_heads *heads)
{
    show(heads);
    return pv_registry_set_head(
        heads->registry, pv_buf_view(&heads->signer.note), heads->signer.size);
}

enum pv_err
pv_heads_open(struct pv_heads *heads, struct pv_registry *registry,
              const char *log_dir, struct pv_why *why)
{
    enum pv_err err;

    heads->registry = registry;
    heads->logfd = open(log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (heads->logfd == -1) {
        pv_why_set(why, "%s: %s", log_dir, strerror(errno));
        return PV_ESYS;
    }
    err = pv_signer_last(&heads->signer);
    if (err != PV_OK) {
        pv_why_set(why, "%s", heads->signer.why.text);
        return err;
    }
    err = compare(heads, why);
    return err == PV_OK ? take_head(heads) : err;
}

void
pv_heads_close(struct pv_heads *heads)
{
    if (heads->signer.fd != -1) {
        (void)close(heads->signer.fd); /* the signer ends with it */
    }
    if (heads->logfd != -1) {
        (void)close(heads->logfd); /* a folder: nothing to lose */
    }
    pv_signer_client_clear(&heads->signer);
}

int
pv_heads_fd(const struct pv_heads *heads)
{
    return heads->signer.fd;
}

int
pv_heads_wait(const struct pv_heads *heads)
{
    int64_t since_ms;

    if (heads->signer.fd == -1 || heads->asked ||
        pv_decision_log_size(heads->registry->log) == heads->signer.size) {
        return -1;
    }
    since_ms = pv_time_monotonic_ms() - heads->asked_ms;
    return heads->asked_ms == 0 || since_ms >= HEAD_MS
               ? 0
               : (int)(HEAD_MS - since_ms);
}

static enum pv_err
ask(struct pv_heads *heads)
{
    struct pv_decision_log *log = heads->registry->log;
    uint64_t                size = pv_decision_log_size(log);
    struct pv_merkle_proof  proof = {.count = 0};
    struct pv_hash          root;
    enum pv_err             err;

    if (pv_heads_wait(heads) != 0) {
        return PV_OK;
    }
    err = pv_decision_log_root(log, &root);
    if (err == PV_OK && heads->signer.size > 0) {
        err =
            pv_decision_log_consistency(log, heads->signer.size, size, &proof);
    }
    if (err == PV_OK) {
        err = pv_signer_ask(&heads->signer, size, &root, &proof);
    }
    if (err == PV_OK) {
        heads->asked = true;
        heads->asked_ms = pv_time_monotonic_ms();
    }
    return err == PV_EAGAIN ? PV_OK : err; /* its socket is full: later */
}

/* ---- rights ---- */

/* Out of the open ones; false: it is none of them. */
static bool
take_out(struct pv_heads *heads, const struct pv_heads_question *question)
{
    struct pv_heads_question **at = &heads->question;

    while (*at != NULL && *at != question) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return false;
    }
    *at = question->next;
    return true;
}

/* An answer goes to its question, if somebody still waits. */
static void
deliver(struct pv_heads *heads, const struct pv_signer_heard *heard)
{
    struct pv_heads_question *question = heads->question;

    while (question != NULL && question->id != heard->id) {
        question = question->next;
    }
    if (heads->owed > 0) {
        heads->owed--;
    }
    heads->owed_ms = pv_time_monotonic_ms();
    if (question != NULL && take_out(heads, question)) {
        question->is_answered = true;
        question->err = heard->err;
        question->len = heard->len;
        memcpy(question->note, heard->note, heard->len);
    }
}

static enum pv_err
ask_rights(struct pv_heads *heads, struct pv_heads_question *question)
{
    struct pv_rights_head head = {.agency = pv_slice_from(question->agency),
                                  .decision = question->decision,
                                  .when_s = (uint64_t)pv_time_wall_ms() / 1000,
                                  .body = question->body};
    enum pv_err           err;

    if (heads->owed == OWED_MAX) {
        return PV_EAGAIN; /* asked when others have been answered */
    }
    err = pv_signer_ask_rights(&heads->signer, &head, &question->id);
    if (err != PV_OK) {
        return err;
    }
    question->next = heads->question;
    heads->question = question;
    if (heads->owed++ == 0) {
        heads->owed_ms = pv_time_monotonic_ms();
    }
    return PV_EAGAIN;
}

/* For so long that who asks now need not wait as well. */
static bool
is_silent(struct pv_heads *heads, int64_t now_ms)
{
    if (heads->owed == 0 || now_ms - heads->owed_ms <= ANSWER_MS) {
        return false;
    }
    if (heads->question != NULL) {
        return true;
    }
    heads->owed = 0; /* nobody waits: the next one tries it anew */
    return false;
}

enum pv_err
pv_heads_rights(struct pv_heads *heads, struct pv_heads_question *question)
{
    int64_t now_ms = pv_time_monotonic_ms();

    if (heads->signer.fd == -1) {
        return PV_ENOTFOUND;
    }
    if (question->is_answered) {
        return question->err;
    }
    if (now_ms - question->since_ms > ANSWER_MS || is_silent(heads, now_ms)) {
        return PV_ECLOSED;
    }
    return question->id == 0 ? ask_rights(heads, question) : PV_EAGAIN;
}

void
pv_heads_forget(struct pv_heads *heads, struct pv_heads_question *question)
{
    (void)take_out(heads, question); /* it may be none of them */
}

/* ---- rounds ---- */

/* All that the signer has said. */
static enum pv_err
hear(struct pv_heads *heads, bool *ret_new)
{
    struct pv_signer_heard heard;
    enum pv_err            err = pv_signer_hear(&heads->signer, &heard);

    while (err == PV_OK) {
        if (!heard.is_head) {
            deliver(heads, &heard);
        } else {
            heads->asked = false;
            err = heard.err;
            if (err == PV_OK) {
                *ret_new = true;
                err = take_head(heads);
            }
        }
        if (err == PV_OK) {
            err = pv_signer_hear(&heads->signer, &heard);
        }
    }
    return err == PV_EAGAIN ? PV_OK : err;
}

enum pv_err
pv_heads_round(struct pv_heads *heads, bool *ret_new, struct pv_why *why)
{
    enum pv_err err;

    *ret_new = false;
    err = hear(heads, ret_new);
    if (err == PV_OK && heads->asked &&
        pv_time_monotonic_ms() - heads->asked_ms > SILENT_MS) {
        err = PV_ECLOSED;
    }
    if (err == PV_OK) {
        err = ask(heads);
    }
    if (err != PV_OK) {
        pv_why_set(why, "the decision log's signer: %s",
                   heads->signer.why.text[0] != '\0' ? heads->signer.why.text
                                                     : pv_err_text(err));
    }
    return err;
}
