/* client.c - starts an authority's process, and asks it. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "daemon/child.h"
#include "daemon/file.h"
#include "stream.h"

#define DIR_FD 3 /* in the authority's process */
#define SOCKET_FD 4
#define ANSWER_MS 5000

/* ---- the process ---- */

enum pv_err
pv_authority_start(struct pv_authority_client *client, const char *program,
                   const char *dir)
{
    int         pair[2] = {-1, -1};
    pid_t       self = getpid();
    enum pv_err err = PV_ESYS;
    int         dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    memset(client, 0, sizeof(*client));
    client->fd = -1;
    pv_buf_init(&client->certificate, PV_PKI_PEM_MAX);
    pv_buf_init(&client->body, PV_AUTHORITY_ANSWER_MAX);
    if (dirfd == -1) {
        pv_why_set(&client->why, "the authority's directory %s: %s", dir,
                   strerror(errno));
        goto out;
    }
    /* one directory is one authority: two of it would forget each other's */
    if (pv_file_lock(dirfd) != PV_OK) {
        pv_why_set(&client->why,
                   "the authority's directory %s: another process signs "
                   "with it",
                   dir);
        goto out;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1 ||
        (client->pid = fork()) == -1) {
        pv_why_set(&client->why, "the authority: %s", strerror(errno));
        goto out;
    }
    if (client->pid == 0) {
        const char *const words[] = {program, "-P", "authority", NULL};
        const int         fd[] = {dirfd, pair[1]};

        pv_child_become(&(struct pv_child){
            .parent = self, .words = words, .fd = fd, .fd_count = 2});
    }
    client->fd = pair[0];
    pair[0] = -1; /* kept */
    err = PV_OK;

out:
    for (size_t i = 0; i < 2; i++) {
        if (pair[i] != -1) {
            (void)close(pair[i]); /* the child has its own */
        }
    }
    if (dirfd != -1) {
        (void)close(dirfd); /* the child's copy keeps the lock */
    }
    return err;
}

int
pv_authority_main(const char *program)
{
    const struct pv_authority_config config = {
        .program = program, .dirfd = DIR_FD, .sockfd = SOCKET_FD};

    (void)signal(SIGTERM, SIG_IGN); /* cannot fail: it ends with its parent */
    (void)signal(SIGINT, SIG_IGN);  /* as above */
    return pv_authority_run(&config);
}

void
pv_authority_close(struct pv_authority_client *client)
{
    if (client->fd != -1) {
        (void)close(client->fd); /* the process ends with it */
    }
    client->fd = -1;
    pv_buf_clear(&client->certificate);
    pv_buf_clear(&client->body);
}

/* ---- questions ---- */

static enum pv_err
ask(struct pv_authority_client *client, enum pv_authority_type question,
    const struct pv_slice *part, size_t count, enum pv_authority_type expected)
{
    enum pv_authority_type type = PV_AUTHORITY_REFUSED;
    enum pv_err err = pv_stream_send(client->fd, question, part, count);

    if (err == PV_OK) {
        err = pv_stream_receive(client->fd, ANSWER_MS, &type, &client->body);
    }
    if (err != PV_OK) {
        client->lost = true;
        pv_why_set(&client->why, "the authority's process: %s",
                   pv_err_text(err));
        return err;
    }
    if (type == PV_AUTHORITY_REFUSED) {
        pv_why_set(&client->why, "the authority %s refuses: %.*s", client->id,
                   PV_FMT(pv_buf_view(&client->body)));
        return PV_EREFUSED;
    }
    client->lost = type != expected;
    return client->lost ? PV_EPROTO : PV_OK;
}

enum pv_err
pv_authority_hear(struct pv_authority_client *client)
{
    struct pv_slice id;
    struct pv_slice pem;
    enum pv_err     err =
        ask(client, PV_AUTHORITY_ASK_FACTS, NULL, 0, PV_AUTHORITY_FACTS);

    if (err == PV_OK &&
        !pv_slice_cut(pv_buf_view(&client->body), '\n', &id, &pem)) {
        err = PV_EPROTO;
    }
    if (err == PV_OK) {
        err = pv_slice_to_cstr(id, client->id, sizeof(client->id));
    }
    if (err == PV_OK) {
        err = pv_pki_certificate_read(pem, &client->facts, &client->why);
    }
    if (err == PV_OK) {
        client->certificate.len = 0;
        err = pv_buf_add(&client->certificate, pem);
    }
    return err;
}

enum pv_err
pv_authority_issue(struct pv_authority_client *client,
                   const struct pv_approval *approval, struct pv_slice *ret_pem)
{
    char                  head[PV_AUTHORITY_ISSUE_LEN];
    const struct pv_slice part[] = {
        {head, sizeof(head)},
        approval->note,
        approval->document,
        approval->key,
        {(const char *)approval->proof, approval->proof_count * PV_HASH_LEN}};
    enum pv_err err;

    if (approval->note.len + approval->document.len + approval->key.len >
        PV_AUTHORITY_ASK_MAX / 2) {
        return PV_EREFUSED;
    }
    pv_store_u64(head, approval->number);
    pv_store_u32(head + 8, (uint32_t)approval->note.len);
    pv_store_u32(head + 12, (uint32_t)approval->document.len);
    pv_store_u32(head + 16, (uint32_t)approval->key.len);
    pv_store_u32(head + 20, (uint32_t)approval->proof_count);
    err = ask(client, PV_AUTHORITY_ASK_ISSUE, part,
              sizeof(part) / sizeof(part[0]), PV_AUTHORITY_ISSUED_ONE);
    if (err == PV_OK) {
        *ret_pem = pv_buf_view(&client->body);
    }
    return err;
}

enum pv_err
pv_authority_adopt(struct pv_authority_client *client, uint64_t number,
                   struct pv_slice pem)
{
    char                  head[PV_AUTHORITY_ADOPT_LEN];
    const struct pv_slice part[] = {{head, sizeof(head)}, pem};

    pv_store_u64(head, number);
    return ask(client, PV_AUTHORITY_ASK_ADOPT, part, 2, PV_AUTHORITY_DONE);
}

enum pv_err
pv_authority_revoke(struct pv_authority_client  *client,
                    const struct pv_pki_revoked *revoked)
{
    char                  head[PV_AUTHORITY_REVOKE_LEN];
    const struct pv_slice part[] = {
        {head, sizeof(head)},
        {(const char *)revoked->serial, revoked->serial_len}};

    head[0] = (char)revoked->serial_len;
    head[1] = (char)revoked->reason;
    pv_store_u64(head + 2, (uint64_t)revoked->when_ms);
    return ask(client, PV_AUTHORITY_ASK_REVOKE, part, 2, PV_AUTHORITY_DONE);
}

enum pv_err
pv_authority_serials(struct pv_authority_client *client, struct pv_slice *ret)
{
    enum pv_err err =
        ask(client, PV_AUTHORITY_ASK_SERIALS, NULL, 0, PV_AUTHORITY_SERIALS);

    if (err == PV_OK) {
        *ret = pv_buf_view(&client->body);
    }
    return err;
}

enum pv_err
pv_authority_list(struct pv_authority_client *client, struct pv_slice *ret_der)
{
    enum pv_err err =
        ask(client, PV_AUTHORITY_ASK_CRL, NULL, 0, PV_AUTHORITY_LIST);

    if (err == PV_OK) {
        *ret_der = pv_buf_view(&client->body);
    }
    return err;
}

enum pv_err
pv_authority_ocsp(struct pv_authority_client *client,
                  const struct pv_ocsp *ocsp, struct pv_slice *ret_der)
{
    const struct pv_slice part = {(const char *)ocsp, sizeof(*ocsp)};
    enum pv_err           err =
        ask(client, PV_AUTHORITY_ASK_OCSP, &part, 1, PV_AUTHORITY_ANSWERED);

    if (err == PV_OK) {
        *ret_der = pv_buf_view(&client->body);
    }
    return err;
}
