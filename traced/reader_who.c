/*
 * reader_who.c - who asks, and how much he may still read.
 *
 * Operators and auditors are named in the readers' file, by user or by key,
 * until the registry knows them. Anybody else is a registered system of the
 * policy image, judged as the gate judges it: revocation, dates, suspension,
 * network. What nginx says of a certificate is believed on nginx's socket only.
 */
#include "reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "crypto/certificate.h"

#define POLICY_LOOK_MS 1000
#define PARTY_PER_S 20 /* readings; each is a record in the journal */
#define PARTY_BURST 100
#define STAFF_PER_S 1000 /* an audit reads bundle after bundle */
#define STAFF_BURST 4000
/* all who show no certificate, together: they hold up nobody who does */
#define ANONYMOUS_PER_S 500
#define ANONYMOUS_BURST 1000

/* ---- the readers' file ------------------------------------------------- */

static bool
set_id(struct pv_id *id, struct pv_slice text)
{
    if (!pv_record_is_word(text) || text.len > sizeof(id->text)) {
        return false;
    }
    memcpy(id->text, text.ptr, text.len);
    id->len = (uint8_t)text.len;
    return true;
}

/* "operator uid 1000" or "auditor key <64 hex digits> <name>" */
static bool
parse_line(struct pv_slice text, struct reader_line *line)
{
    struct pv_slice role;
    struct pv_slice how;
    struct pv_slice value;
    struct pv_slice name;
    uint64_t        uid = 0;

    (void)pv_slice_cut(text, ' ', &role, &text); /* what is missing is empty */
    (void)pv_slice_cut(text, ' ', &how, &text);
    (void)pv_slice_cut(text, ' ', &value, &name);
    if (pv_slice_eq(role, PV_LIT("operator"))) {
        line->role = ROLE_OPERATOR;
    } else if (pv_slice_eq(role, PV_LIT("auditor"))) {
        line->role = ROLE_AUDITOR;
    } else {
        return false;
    }
    line->is_uid = pv_slice_eq(how, PV_LIT("uid"));
    if (line->is_uid) {
        line->uid = 0;
        if (name.len > 0 ||
            pv_slice_to_u64(value, UINT32_MAX - 1, &uid) != PV_OK) {
            return false;
        }
        line->uid = (uid_t)uid;
        return true;
    }
    return pv_slice_eq(how, PV_LIT("key")) && set_id(&line->name, name) &&
           pv_hex_bytes(value, line->key_hash, sizeof(line->key_hash)) == PV_OK;
}

static enum pv_err
parse_list(struct pv_slice text, struct reader_list *list, struct pv_why *why)
{
    unsigned number = 0;
    bool     more = text.len > 0;

    while (more) {
        struct pv_slice line;

        more = pv_slice_cut(text, '\n', &line, &text);
        number++;
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        if (list->count == READERS_MAX ||
            !parse_line(line, &list->line[list->count])) {
            pv_why_set(why,
                       "line %u is not \"operator|auditor uid NUMBER\" or "
                       "\"operator|auditor key SHA256-HEX NAME\"",
                       number);
            return PV_EINVAL;
        }
        list->count++;
    }
    return PV_OK;
}

enum pv_err
reader_list_read(const char *path, struct reader_list *ret_list,
                 struct pv_why *why)
{
    static char        text[READER_LINES_MAX];
    struct reader_list list = {0};
    enum pv_err        err = PV_OK;
    ssize_t            n;
    int                fd;

    if (path != NULL) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd == -1 ? -1 : read(fd, text, sizeof(text));
        if (fd != -1) {
            (void)close(fd); /* read-only: nothing to lose */
        }
        if (n == -1 || n == (ssize_t)sizeof(text)) {
            pv_why_set(why, "%s: %s", path,
                       n == -1 ? strerror(errno) : "the file is too long");
            return PV_ESYS;
        }
        err = parse_list((struct pv_slice){text, (size_t)n}, &list, why);
    }
    if (err == PV_OK) {
        *ret_list = list;
    }
    return err;
}

/* ---- budgets ----------------------------------------------------------- */

struct rate {
    uint64_t per_s;
    uint64_t burst;
};

static const struct rate rate_party = {PARTY_PER_S, PARTY_BURST};
static const struct rate rate_staff = {STAFF_PER_S, STAFF_BURST};
static const struct rate rate_anonymous = {ANONYMOUS_PER_S, ANONYMOUS_BURST};

static bool
take(struct bucket *bucket, const struct rate *rate, uint64_t count)
{
    int64_t now_ms = pv_time_monotonic_ms();

    bucket->left_milli =
        bucket->ms == 0 ? rate->burst * 1000
                        : bucket->left_milli +
                              (uint64_t)(now_ms - bucket->ms) * rate->per_s;
    bucket->ms = now_ms;
    if (bucket->left_milli > rate->burst * 1000) {
        bucket->left_milli = rate->burst * 1000;
    }
    if (bucket->left_milli < count * 1000) {
        return false;
    }
    bucket->left_milli -= count * 1000;
    return true;
}

/* Where somebody else's stood it is taken over as it is. */
static struct bucket *
bucket_of(struct reader *reader, struct pv_slice name)
{
    return &reader->bucket[pv_hash64(name) % BUCKETS];
}

/* A reading is a record: nobody outside may fill the journal with them. */
static bool
within_budget(struct reader *reader, const struct who *who, uint64_t count)
{
    if (who->role == ROLE_PUBLIC) {
        return take(&reader->anonymous, &rate_anonymous, count);
    }
    return take(bucket_of(reader, (struct pv_slice){who->by.text, who->by.len}),
                who->role == ROLE_PARTY ? &rate_party : &rate_staff, count);
}

static bool
refuse(struct pv_server_call *call, unsigned status, const char *word,
       const char *en, const char *fa)
{
    reader_of(call)->refused++;
    pv_server_problem(call, status, word, en, fa);
    return false;
}

bool
reader_may_fetch(struct pv_server_call *call)
{
    const struct face *face = call->context;
    struct reader     *reader = face->reader;
    struct pv_slice    verify = {NULL, 0};
    struct pv_slice    pem = {NULL, 0};
    struct bucket     *bucket = &reader->anonymous;
    const struct rate *rate = &rate_anonymous;

    if (face->local) {
        return true;
    }
    if (pv_server_header(call, "Payvand-Peer-Verify", &verify) == PV_OK &&
        pv_slice_eq(verify, PV_LIT("SUCCESS")) &&
        pv_server_header(call, "Payvand-Peer-Certificate", &pem) == PV_OK) {
        bucket = bucket_of(reader, pem);
        rate = &rate_staff;
    }
    if (take(bucket, rate, 1)) {
        return true;
    }
    call->retry_after_s = 1;
    return refuse(
        call, 429, "too-many-requests",
        "Too many requests just now; tiles can be kept, they never "
        "change",
        "شمار درخواست‌ها بیش از اندازه است؛ کاشی‌ها تغییر نمی‌کنند و "
        "می‌توان آن‌ها را نگه داشت");
}

/* ---- who --------------------------------------------------------------- */

static bool
local_user(struct pv_server_call *call, struct who *who)
{
    const struct reader *reader = reader_of(call);
    char                 text[4 + PV_U64_TEXT_MAX] = "uid/";
    size_t               len = 4 + pv_u64_text(call->uid, text + 4);

    who->role = ROLE_OPERATOR; /* the server let in nobody else */
    for (size_t i = 0; i < reader->list.count; i++) {
        const struct reader_line *line = &reader->list.line[i];

        if (line->is_uid && line->uid == call->uid) {
            who->role = line->role;
        }
    }
    return set_id(&who->by, (struct pv_slice){text, len});
}

static bool
source_of(const struct pv_server_call *call, uint8_t source[16])
{
    struct pv_slice text = {NULL, 0};
    char            room[INET6_ADDRSTRLEN];

    memset(source, 0, 16);
    if (pv_server_header(call, "Payvand-Peer-Address", &text) != PV_OK ||
        pv_slice_to_cstr(text, room, sizeof(room)) != PV_OK) {
        return false;
    }
    if (inet_pton(AF_INET, room, source + 12) == 1) {
        source[10] = 0xff;
        source[11] = 0xff;
        return true;
    }
    return inet_pton(AF_INET6, room, source) == 1;
}

/* The image as it is now; NULL when there is none that can be read. */
static struct pv_policy *
policy_of(struct reader *reader)
{
    int64_t now_ms = pv_time_monotonic_ms();

    if (reader->policy != NULL &&
        now_ms - reader->policy_ms >= POLICY_LOOK_MS) {
        reader->policy_ms = now_ms;
        if (!pv_policy_in_place(reader->policy)) {
            pv_policy_close(reader->policy);
            reader->policy = NULL;
        }
    }
    if (reader->policy == NULL && reader->options->policy_dir != NULL &&
        pv_policy_open(reader->options->policy_dir, &reader->policy, NULL) !=
            PV_OK) {
        reader->policy = NULL;
    }
    return reader->policy;
}

static bool
is_good(struct pv_server_call *call, struct pv_policy *policy,
        const struct pv_certificate_facts *facts)
{
    struct pv_certificate certificate = {.serial_len = facts->serial_len};
    int64_t               now_ms = pv_time_wall_ms();
    bool                  revoked = true;

    memcpy(certificate.key_hash, facts->key_hash, sizeof(facts->key_hash));
    memcpy(certificate.issuer_hash, facts->issuer_hash,
           sizeof(facts->issuer_hash));
    memcpy(certificate.serial, facts->serial, sizeof(facts->serial));
    if (policy == NULL ||
        pv_policy_revoked(policy, &certificate, &revoked) != PV_OK) {
        return refuse(
            call, 503, "policy-unavailable",
            "The policy image cannot be read now",
            "تصویر سیاست اکنون خوانده نمی‌شود");
    }
    if (revoked || now_ms < facts->not_before_ms ||
        now_ms > facts->not_after_ms) {
        return refuse(call, 403, "certificate-not-good",
                      "The certificate is withdrawn or out of date",
                      "گواهی باطل یا منقضی شده است");
    }
    return true;
}

static bool
registered_system(struct pv_server_call *call, struct pv_policy *policy,
                  const struct pv_certificate_facts *facts, struct who *who)
{
    static struct pv_found      found;
    const struct pv_system_row *system = &found.consumer.system;
    uint8_t                     source[16];

    memset(&found, 0, sizeof(found)); /* what is in it would be another's */
    if (pv_policy_find(policy, facts->key_hash, PV_LIT("/x/-/-/-/-"), &found) !=
        PV_OK) {
        return refuse(
            call, 503, "policy-unavailable",
            "The policy image cannot be read now",
            "تصویر سیاست اکنون خوانده نمی‌شود");
    }
    if (!found.consumer.known || system->suspended ||
        !source_of(call, source) || !pv_policy_is_from(system, source)) {
        return refuse(call, 403, "reader-unknown",
                      "This key, or this address of it, is not registered",
                      "این کلید یا نشانی شبکه آن ثبت نشده است");
    }
    who->role = ROLE_PARTY;
    who->by = system->system;
    who->system = system->system;
    who->agency = system->agency;
    return true;
}

static struct met *
find_met(struct reader *reader, const struct pv_hash *hash)
{
    struct met *set = reader->met[hash->bytes[0] % CERTIFICATE_SETS];

    for (size_t i = 0; i < CERTIFICATES_IN_SET; i++) {
        if (set[i].used && pv_hash_eq(&set[i].text, hash)) {
            return &set[i];
        }
    }
    reader->met_next++;
    set[reader->met_next % CERTIFICATES_IN_SET].used = false;
    return &set[reader->met_next % CERTIFICATES_IN_SET];
}

/* A caller comes again and again, and taking a certificate apart is dear. */
static enum pv_err
read_certificate(struct reader *reader, struct pv_slice text,
                 struct pv_certificate_facts *ret_facts)
{
    struct pv_hash hash;
    struct met    *met;
    enum pv_err    err = pv_sha256(reader->sha, &text, 1, &hash);

    if (err != PV_OK) {
        return err;
    }
    met = find_met(reader, &hash);
    if (!met->used) {
        err = pv_certificate_read(text, true, &met->facts);
        met->text = hash;
        met->used = err == PV_OK;
    }
    if (err == PV_OK) {
        *ret_facts = met->facts;
    }
    return err;
}

static bool
key_holder(struct pv_server_call *call, struct who *who)
{
    struct reader              *reader = reader_of(call);
    struct pv_policy           *policy = policy_of(reader);
    struct pv_certificate_facts facts;
    struct pv_slice             pem = {NULL, 0};
    struct pv_slice             verify = {NULL, 0};

    if (pv_server_header(call, "Payvand-Peer-Verify", &verify) != PV_OK) {
        return refuse(call, 403, "not-through-nginx",
                      "This request does not come through the API's nginx",
                      "این درخواست از درگاه رابط نیامده است");
    }
    if (pv_slice_eq(verify, PV_LIT("NONE"))) {
        who->role = ROLE_PUBLIC;
        return true;
    }
    if (!pv_slice_eq(verify, PV_LIT("SUCCESS")) ||
        pv_server_header(call, "Payvand-Peer-Certificate", &pem) != PV_OK ||
        read_certificate(reader, pem, &facts) != PV_OK) {
        return refuse(call, 403, "certificate-not-good",
                      "The certificate is withdrawn or out of date",
                      "گواهی باطل یا منقضی شده است");
    }
    if (!is_good(call, policy, &facts)) {
        return false;
    }
    for (size_t i = 0; i < reader->list.count; i++) {
        const struct reader_line *line = &reader->list.line[i];

        if (!line->is_uid && memcmp(line->key_hash, facts.key_hash,
                                    sizeof(facts.key_hash)) == 0) {
            who->role = line->role;
            who->by = line->name;
            return true;
        }
    }
    return registered_system(call, policy, &facts, who);
}

bool
reader_may_have(struct pv_server_call *call, const struct who *who,
                uint64_t count)
{
    if (within_budget(reader_of(call), who, count)) {
        return true;
    }
    call->retry_after_s = 1;
    return refuse(
        call, 429, "too-many-readings",
        "Too many readings; each of them is recorded",
        "شمار مشاهده‌ها بیش از اندازه است؛ هر مشاهده ثبت می‌شود");
}

bool
who_asks(struct pv_server_call *call, struct who *ret_who)
{
    const struct face *face = call->context;
    struct who         who = {.role = ROLE_PUBLIC};
    bool known = face->local ? local_user(call, &who) : key_holder(call, &who);

    if (!known || !reader_may_have(call, &who, 1)) {
        return false;
    }
    *ret_who = who;
    return true;
}
