/*
 * authority.c - holds an authority's key, and signs certificates that a
 * decision approves, lists of revoked ones, and OCSP answers.
 *
 * -P authority:
 * Does:    signs for a key what the approving decision says, once a decision,
 *          after it has seen the proof that it stands in the signed log and
 *          has written down what it signs; says which are revoked.
 * Holds:   the key, its own directory.
 * Talks:   with the registry over one socketpair; see authority.h.
 * Calls:   its files, the socket.
 * A thief: has the key, and can sign in this authority's name until its
 *          certificate is taken out of the gateway's list.
 */
#include "authority.h"

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "approval.h"
#include "base/num.h"
#include "base/time.h"
#include "daemon/event.h"
#include "daemon/file.h"
#include "daemon/sandbox.h"
#include "ledger.h"
#include "stream.h"

#define LOG_KEY_MAX 512
#define URLS_MAX (2 * PV_PKI_URL_MAX + 2)
#define BACK_MS (INT64_C(5) * 60 * 1000) /* other machines' clocks */
#define LIST_MS PV_DAY_MS                /* a list is good for a day ... */
#define LIST_NEW_MS                                                            \
    (INT64_C(60) * 60 * 1000)               /* ... and made anew each hour     \
                                             */
#define ANSWER_MS (INT64_C(60) * 60 * 1000) /* an OCSP answer */

static const int own_calls[] = {
    SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(poll),
    SCMP_SYS(dup),      PV_SANDBOX_END,
};

struct authority {
    const struct pv_authority_config *config;
    struct pv_pki_authority          *authority;
    struct pv_ledger                  ledger;
    struct pv_note_key                log;
    struct pv_buf                     id;
    struct pv_buf                     certificate;
    struct pv_buf                     urls;
    struct pv_slice                   crl_url;
    struct pv_slice                   ocsp_url;
    struct pv_buf                     list; /* the last CRL, DER */
    int64_t                           list_ms;
    uint64_t                          list_changes; /* that are in it */
    struct pv_why                     why;
};

static void
say(const struct authority *authority, const char *what, const char *words)
{
    char event[64];

    (void)snprintf(event, sizeof(event), "%s.%s", authority->config->program,
                   what); /* both are ours */
    pv_log_event("error", event, "%s", words);
}

/* ---- start ---- */

static enum pv_err
read_line(int dirfd, const char *name, struct pv_buf *out)
{
    enum pv_err err = pv_file_read(dirfd, name, out);

    if (err == PV_OK && (out->len == 0 || out->ptr[out->len - 1] != '\n')) {
        err = PV_ECORRUPT;
    }
    if (err == PV_OK) {
        out->len--;
    }
    return err;
}

static enum pv_err
read_key(struct authority *authority)
{
    int           dirfd = authority->config->dirfd;
    struct pv_buf key;
    enum pv_err   err;

    pv_buf_init(&key, PV_PKI_PEM_MAX);
    err =
        pv_file_read(dirfd, PV_AUTHORITY_CERTIFICATE, &authority->certificate);
    if (err == PV_OK) {
        err = pv_file_read(dirfd, PV_AUTHORITY_KEY, &key);
    }
    if (err == PV_OK) {
        err =
            pv_pki_open(pv_buf_view(&authority->certificate), pv_buf_view(&key),
                        &authority->authority, &authority->why);
    }
    pv_buf_wipe(&key);
    return err;
}

static enum pv_err
read_rest(struct authority *authority)
{
    int           dirfd = authority->config->dirfd;
    struct pv_buf vkey;
    enum pv_err   err;

    pv_buf_init(&vkey, LOG_KEY_MAX);
    err = read_line(dirfd, PV_AUTHORITY_ID, &authority->id);
    if (err == PV_OK) {
        err = read_line(dirfd, PV_AUTHORITY_LOG_KEY, &vkey);
    }
    if (err == PV_OK) {
        err = pv_note_key_parse(pv_buf_view(&vkey), &authority->log);
    }
    if (err == PV_OK) {
        err = read_line(dirfd, PV_AUTHORITY_URLS, &authority->urls);
    }
    if (err == PV_OK &&
        !pv_slice_cut(pv_buf_view(&authority->urls), '\n', &authority->crl_url,
                      &authority->ocsp_url)) {
        err = PV_ECORRUPT;
    }
    pv_buf_clear(&vkey);
    return err == PV_OK ? pv_ledger_open(&authority->ledger, dirfd) : err;
}

static enum pv_err
get_ready(struct authority *authority)
{
    enum pv_err err;

    pv_buf_init(&authority->id, PV_AUTHORITY_ID_MAX + 1);
    pv_buf_init(&authority->certificate, PV_PKI_PEM_MAX);
    pv_buf_init(&authority->urls, URLS_MAX);
    pv_buf_init(&authority->list, PV_PKI_CRL_MAX);
    authority->ledger.issuedfd = -1;
    err = read_key(authority);
    if (err == PV_OK) {
        err = read_rest(authority);
    }
    if (err != PV_OK && authority->why.text[0] == '\0') {
        pv_why_set(&authority->why,
                   "the authority's directory does not read (%s%s%s); restore "
                   "it as a whole",
                   pv_err_text(err), err == PV_ESYS ? ": " : "",
                   err == PV_ESYS ? strerror(errno) : "");
    }
    return err;
}

/* ---- answers ---- */

static enum pv_err
answer(const struct authority *authority, enum pv_authority_type type,
       struct pv_slice body)
{
    return pv_stream_send(authority->config->sockfd, type, &body, 1);
}

static enum pv_err
refuse(const struct authority *authority, enum pv_err err,
       const struct pv_why *why)
{
    const char *words = why->text[0] != '\0' ? why->text : pv_err_text(err);

    say(authority, "authority_refuses", words);
    return answer(authority, PV_AUTHORITY_REFUSED, pv_slice_from(words));
}

static enum pv_err
on_facts(struct authority *authority, struct pv_slice body)
{
    const struct pv_slice part[] = {pv_buf_view(&authority->id), PV_LIT("\n"),
                                    pv_buf_view(&authority->certificate)};

    (void)body; /* there is none */
    return pv_stream_send(authority->config->sockfd, PV_AUTHORITY_FACTS, part,
                          sizeof(part) / sizeof(part[0]));
}

static enum pv_err
on_serials(struct authority *authority, struct pv_slice body)
{
    struct pv_buf serials;
    enum pv_err   err;

    (void)body; /* there is none */
    pv_buf_init(&serials, PV_AUTHORITY_ANSWER_MAX);
    err = pv_ledger_serials(&authority->ledger, &serials);
    if (err == PV_OK) {
        err = answer(authority, PV_AUTHORITY_SERIALS, pv_buf_view(&serials));
    }
    pv_buf_clear(&serials);
    return err;
}

/* ---- issuing ---- */

static enum pv_err
cut(struct pv_slice *rest, size_t len, struct pv_slice *ret)
{
    if (rest->len < len) {
        return PV_EPROTO;
    }
    *ret = (struct pv_slice){rest->ptr, len};
    rest->ptr += len;
    rest->len -= len;
    return PV_OK;
}

static enum pv_err
read_issue(struct pv_slice body, struct pv_approval *ret,
           struct pv_hash room[PV_MERKLE_PROOF_MAX])
{
    struct pv_slice head;
    enum pv_err     err = cut(&body, PV_AUTHORITY_ISSUE_LEN, &head);

    if (err != PV_OK) {
        return err;
    }
    ret->number = pv_load_u64(head.ptr);
    ret->proof_count = pv_load_u32(head.ptr + 20);
    ret->proof = room;
    err = cut(&body, pv_load_u32(head.ptr + 8), &ret->note);
    if (err == PV_OK) {
        err = cut(&body, pv_load_u32(head.ptr + 12), &ret->document);
    }
    if (err == PV_OK) {
        err = cut(&body, pv_load_u32(head.ptr + 16), &ret->key);
    }
    if (err == PV_OK && (ret->proof_count > PV_MERKLE_PROOF_MAX ||
                         body.len != ret->proof_count * PV_HASH_LEN)) {
        err = PV_EPROTO;
    }
    if (err == PV_OK && body.len > 0) {
        memcpy(room, body.ptr, body.len);
    }
    return err;
}

/* Not longer than the authority's own certificate. */
static enum pv_err
sign(struct authority *authority, const struct pv_approved *approved,
     struct pv_buf *out)
{
    int64_t now_ms = pv_time_wall_ms();
    int64_t last_ms = pv_pki_facts_of(authority->authority)->until_ms;
    int64_t until_ms = now_ms - BACK_MS + approved->days * PV_DAY_MS;
    struct pv_pki_leaf leaf = {.key = &approved->key,
                               .name = approved->system,
                               .organisation = approved->agency,
                               .dns = approved->dns,
                               .dns_count = approved->dns_count,
                               .from_ms = now_ms - BACK_MS,
                               .until_ms =
                                   until_ms < last_ms ? until_ms : last_ms,
                               .crl_url = authority->crl_url,
                               .ocsp_url = authority->ocsp_url};
    enum pv_err        err = pv_pki_serial(leaf.serial);

    return err == PV_OK ? pv_pki_issue(authority->authority, &leaf, out) : err;
}

static enum pv_err
issue(struct authority *authority, const struct pv_approval *approval,
      struct pv_buf *out)
{
    struct pv_approved approved = {.document = NULL};
    enum pv_err        err = pv_approval_check(approval, &authority->log,
                                               pv_buf_view(&authority->id), &approved,
                                               &authority->why);

    if (err == PV_OK) {
        err = pv_ledger_get(&authority->ledger, approval->number, out);
        if (err == PV_ENOTFOUND) { /* else it was lost on its way */
            err = sign(authority, &approved, out);
            if (err == PV_OK) {
                err = pv_ledger_add(&authority->ledger, approval->number,
                                    pv_buf_view(out));
            }
        }
    }
    pv_approved_clear(&approved);
    return err;
}

static enum pv_err
on_issue(struct authority *authority, struct pv_slice body)
{
    struct pv_approval approval = {.number = 0};
    struct pv_hash     proof[PV_MERKLE_PROOF_MAX];
    struct pv_buf      pem;
    enum pv_err        err = read_issue(body, &approval, proof);

    if (err != PV_OK) {
        return err;
    }
    pv_buf_init(&pem, PV_PKI_PEM_MAX);
    authority->why.text[0] = '\0';
    err = issue(authority, &approval, &pem);
    err = err == PV_OK
              ? answer(authority, PV_AUTHORITY_ISSUED_ONE, pv_buf_view(&pem))
              : refuse(authority, err, &authority->why);
    pv_buf_clear(&pem);
    return err;
}

/* What bears its own signature it has issued, and an older copy forgot. */
static enum pv_err
adopt(struct authority *authority, uint64_t number, struct pv_slice pem)
{
    struct pv_pki_facts facts;
    struct pv_buf       other;
    enum pv_err err = pv_pki_certificate_read(pem, &facts, &authority->why);

    if (err == PV_OK) { /* it may have ended since */
        err = pv_pki_is_issued_by(pem, pv_buf_view(&authority->certificate),
                                  facts.from_ms, &authority->why);
    }
    if (err != PV_OK ||
        pv_ledger_has(&authority->ledger, facts.serial, facts.serial_len)) {
        return err;
    }
    pv_buf_init(&other, PV_PKI_PEM_MAX);
    err = pv_ledger_get(&authority->ledger, number, &other);
    pv_buf_clear(&other);
    if (err == PV_ENOTFOUND) {
        return pv_ledger_add(&authority->ledger, number, pem);
    }
    return err == PV_OK ? PV_EEXIST : err;
}

static enum pv_err
on_adopt(struct authority *authority, struct pv_slice body)
{
    struct pv_slice head;
    enum pv_err     err = cut(&body, PV_AUTHORITY_ADOPT_LEN, &head);

    if (err != PV_OK) {
        return err;
    }
    authority->why.text[0] = '\0';
    err = adopt(authority, pv_load_u64(head.ptr), body);
    return err == PV_OK ? answer(authority, PV_AUTHORITY_DONE, PV_LIT(""))
                        : refuse(authority, err, &authority->why);
}

/* ---- revoked ---- */

static enum pv_err
on_revoke(struct authority *authority, struct pv_slice body)
{
    struct pv_pki_revoked revoked = {.serial_len = 0};
    const uint8_t        *at = (const uint8_t *)body.ptr;
    enum pv_err           err;

    if (body.len < PV_AUTHORITY_REVOKE_LEN || at[0] == 0 ||
        at[0] > PV_PKI_SERIAL_MAX ||
        body.len != PV_AUTHORITY_REVOKE_LEN + (size_t)at[0] ||
        !pv_pki_is_reason(at[1])) {
        return PV_EPROTO;
    }
    revoked.serial_len = at[0];
    revoked.reason = (enum pv_pki_reason)at[1];
    revoked.when_ms = (int64_t)pv_load_u64(at + 2);
    memcpy(revoked.serial, at + PV_AUTHORITY_REVOKE_LEN, revoked.serial_len);
    authority->why.text[0] = '\0';
    err = pv_ledger_revoke(&authority->ledger, &revoked);
    return err == PV_OK ? answer(authority, PV_AUTHORITY_DONE, PV_LIT(""))
                        : refuse(authority, err, &authority->why);
}

static enum pv_err
make_list(struct authority *authority)
{
    int64_t     now_ms = pv_time_wall_ms();
    uint64_t    number = 0;
    enum pv_err err;

    if (authority->list.len > 0 && now_ms - authority->list_ms < LIST_NEW_MS &&
        now_ms >= authority->list_ms &&
        authority->list_changes == authority->ledger.revoked_changes) {
        return PV_OK;
    }
    err = pv_ledger_next_list(&authority->ledger, &number);
    authority->list.len = 0;
    if (err == PV_OK) {
        err = pv_pki_crl(authority->authority, authority->ledger.revoked,
                         authority->ledger.revoked_count, number, now_ms,
                         now_ms + LIST_MS, &authority->list);
    }
    authority->list_ms = now_ms;
    authority->list_changes = authority->ledger.revoked_changes;
    return err;
}

static enum pv_err
on_list(struct authority *authority, struct pv_slice body)
{
    enum pv_err err = make_list(authority);

    (void)body; /* there is none */
    authority->why.text[0] = '\0';
    return err == PV_OK ? answer(authority, PV_AUTHORITY_LIST,
                                 pv_buf_view(&authority->list))
                        : refuse(authority, err, &authority->why);
}

/* The struct came from another process: every length in it is looked at. */
static bool
is_whole(const struct pv_ocsp *ocsp)
{
    if (ocsp->count == 0 || ocsp->count > PV_OCSP_ASKED_MAX ||
        ocsp->nonce_len > PV_OCSP_NONCE_MAX) {
        return false;
    }
    for (size_t i = 0; i < ocsp->count; i++) {
        if (ocsp->asked[i].hash_len > PV_OCSP_HASH_MAX ||
            ocsp->asked[i].serial_len == 0 ||
            ocsp->asked[i].serial_len > PV_PKI_SERIAL_MAX) {
            return false;
        }
    }
    return true;
}

static enum pv_err
on_ocsp(struct authority *authority, struct pv_slice body)
{
    struct pv_ocsp_said said[PV_OCSP_ASKED_MAX];
    struct pv_ocsp      ocsp;
    struct pv_buf       der;
    int64_t             now_ms = pv_time_wall_ms();
    enum pv_err         err;

    if (body.len != sizeof(ocsp)) {
        return PV_EPROTO;
    }
    memcpy(&ocsp, body.ptr, sizeof(ocsp));
    if (!is_whole(&ocsp)) {
        return PV_EPROTO;
    }
    for (size_t i = 0; i < ocsp.count; i++) {
        said[i] = pv_ledger_said(&authority->ledger, &ocsp.asked[i]);
    }
    pv_buf_init(&der, PV_OCSP_ANSWER_MAX);
    authority->why.text[0] = '\0';
    err = pv_ocsp_answer(authority->authority, &ocsp, said, now_ms,
                         now_ms + ANSWER_MS, &der);
    err = err == PV_OK
              ? answer(authority, PV_AUTHORITY_ANSWERED, pv_buf_view(&der))
              : refuse(authority, err, &authority->why);
    pv_buf_clear(&der);
    return err;
}

/* ---- the process ---- */

typedef enum pv_err message_fn(struct authority *authority,
                               struct pv_slice   body);

static message_fn *const take[] = {
    [PV_AUTHORITY_ASK_FACTS] = on_facts,
    [PV_AUTHORITY_ASK_ISSUE] = on_issue,
    [PV_AUTHORITY_ASK_REVOKE] = on_revoke,
    [PV_AUTHORITY_ASK_CRL] = on_list,
    [PV_AUTHORITY_ASK_OCSP] = on_ocsp,
    [PV_AUTHORITY_ASK_ADOPT] = on_adopt,
    [PV_AUTHORITY_ASK_SERIALS] = on_serials,
};

static int
serve(struct authority *authority)
{
    struct pv_buf          body;
    enum pv_authority_type type = PV_AUTHORITY_REFUSED;
    enum pv_err            err = PV_OK;

    pv_buf_init(&body, PV_AUTHORITY_ASK_MAX);
    while (err == PV_OK) {
        err = pv_stream_receive(authority->config->sockfd, -1, &type, &body);
        if (err == PV_OK) {
            err = type >= sizeof(take) / sizeof(take[0]) || take[type] == NULL
                      ? PV_EPROTO
                      : take[type](authority, pv_buf_view(&body));
        }
    }
    pv_buf_clear(&body);
    if (err == PV_EPROTO) {
        say(authority, "protocol", "the registry's words to its authority");
    }
    return err == PV_ECLOSED ? 0 : 1;
}

int
pv_authority_run(const struct pv_authority_config *config)
{
    static struct authority authority;
    struct pv_sandbox       sandbox = {
              .list = {pv_sandbox_every, pv_sandbox_files, own_calls},
              .walls = true,
              .place = {{config->dirfd, true}}};

    authority.config = config;
    if (pv_sandbox_harden(&authority.why) != PV_OK ||
        get_ready(&authority) != PV_OK ||
        pv_sandbox_enter(&sandbox, &authority.why) != PV_OK) {
        say(&authority, "authority_refuses", authority.why.text);
        return 1;
    }
    return serve(&authority);
}
