/*
 * Every branch of the decision by a table, and random rows against a second,
 * naive implementation of design 5 written for this test alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "policy/policy.h"

/* a row of the table names only what differs from a call that is allowed */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define WHEN INT64_C(1795255200000) /* Saturday 2026-11-21 13:30 in Tehran */
#define HOUR INT64_C(3600000)

static struct pv_id
id_of(const char *text)
{
    struct pv_id id = {0};

    id.len = (uint8_t)strlen(text);
    memcpy(id.text, text, id.len);
    return id;
}

/* A grant in a row of the table; times are relative to the call. */
struct grant {
    uint8_t     kind;
    uint8_t     blocked;
    int64_t     blocked_from; /* 0: always */
    int64_t     blocked_until;
    int64_t     start;
    int64_t     end; /* 0: open */
    const char *one; /* purposes; NULL: "p" */
    const char *two;
    bool        consent;
};

#define CALLER 5 /* number of the system that calls */

struct scenario {
    enum pv_reason reason;
    const char    *what; /* completes "the decision ..." */
    /* who */
    bool    no_certificate, revoked, no_system, suspended, other_network;
    int64_t not_before, not_after; /* relative to the call; 0: far away */
    int64_t valid_until;           /* of the image; 0: no limit */
    /* what */
    bool no_method, dedicated, dedicated_to_other, method_consent, no_endpoint;
    uint8_t state;
    int64_t state_from, state_until;
    int16_t open, close;
    uint8_t weekdays;
    int64_t notice_from, notice_until;
    /* the right */
    uint8_t      block;
    int64_t      block_from, block_until;
    uint8_t      hint;
    struct grant grant[3];
    bool         no_grant;
    const char  *purpose;
    bool         has_consent;
};

static int64_t
at(int64_t relative)
{
    return relative == 0 ? 0 : WHEN + relative;
}

static void
build(const struct scenario *s, struct pv_found *found, struct pv_call *call,
      struct pv_certificate *certificate)
{
    struct pv_method_row *method = &found->target.method;
    struct pv_rights     *rights = &found->rights;

    *found = (struct pv_found){.consumer.known = !s->no_system,
                               .target.known = !s->no_method,
                               .rights.hint = s->hint};
    found->consumer.system.suspended = s->suspended;
    found->consumer.system.network_count = 1;
    found->consumer.system.network[0] =
        (struct pv_network){.address = {10, 0, 0, 0x80}, .bits = 25};
    found->consumer.system.number = CALLER;
    method->dedicated = s->dedicated_to_other ? CALLER + 1
                        : s->dedicated        ? CALLER
                                              : 0;
    method->needs_consent = s->method_consent;
    method->endpoint_number = s->no_endpoint ? 0 : 7;
    method->state = s->state;
    method->state_since_ms = at(s->state_from);
    method->state_until_ms = at(s->state_until);
    method->open_minute = s->open;
    method->close_minute = s->close;
    method->weekdays = s->weekdays;
    if (s->notice_from != 0 || s->notice_until != 0) {
        method->notice_count = 1;
        method->notice[0].from_ms = WHEN + s->notice_from;
        method->notice[0].until_ms = WHEN + s->notice_until;
    }
    rights->valid_until_ms = at(s->valid_until);
    if (s->block != 0) {
        rights->block_count = 1;
        rights->block[0] =
            (struct pv_block){s->block, at(s->block_from), at(s->block_until)};
    }
    for (size_t i = 0; i < 3 && !s->no_grant; i++) {
        const struct grant  *from = &s->grant[i];
        struct pv_grant_row *to = &rights->grant[rights->grant_count];

        if (from->kind == 0 && i > 0) {
            break;
        }
        rights->grant_count++;
        *to = (struct pv_grant_row){
            .kind = from->kind == 0 ? PV_GRANT_AGENCY : from->kind,
            .blocked = from->blocked,
            .blocked_since_ms = at(from->blocked_from),
            .blocked_until_ms = at(from->blocked_until),
            .start_ms = at(from->start),
            .end_ms = at(from->end),
            .needs_consent = from->consent,
            .purpose_count = from->two == NULL ? 1 : 2,
        };
        to->purpose[0] = id_of(from->one == NULL ? "p" : from->one);
        if (from->two != NULL) {
            to->purpose[1] = id_of(from->two);
        }
    }
    *certificate = (struct pv_certificate){
        .not_before_ms = at(s->not_before),
        .not_after_ms = s->not_after == 0 ? INT64_MAX : at(s->not_after),
    };
    *call = (struct pv_call){
        .when_ms = WHEN,
        .certificate = s->no_certificate ? NULL : certificate,
        .source = {10, 0, 0, s->other_network ? 0x7f : 0xff},
        .purpose = pv_slice_from(s->purpose),
        .has_consent = s->has_consent,
    };
}

static const struct scenario table[] = {
    {PV_REASON_NONE, "allows a plain grant"},
    /* who calls */
    {PV_REASON_CERTIFICATE_MISSING, "refuses without a certificate",
     .no_certificate = true},
    {PV_REASON_CERTIFICATE_REVOKED, "refuses a revoked certificate",
     .revoked = true},
    {PV_REASON_CERTIFICATE_REVOKED, "names revocation before expiry",
     .revoked = true, .not_after = -1},
    {PV_REASON_CERTIFICATE_NOT_YET_VALID, "refuses before not_before",
     .not_before = 1},
    {PV_REASON_CERTIFICATE_EXPIRED, "refuses after not_after", .not_after = -1},
    {PV_REASON_KEY_UNREGISTERED, "refuses an unknown key", .no_system = true},
    {PV_REASON_SYSTEM_SUSPENDED, "refuses a suspended system",
     .suspended = true},
    {PV_REASON_NETWORK_NOT_REGISTERED, "refuses from the next network",
     .other_network = true},
    {PV_REASON_POLICY_STALE, "refuses by a copy that nobody renewed",
     .valid_until = -1},
    {PV_REASON_POLICY_STALE, "names a stale copy before all else",
     .valid_until = -1, .no_system = true},
    {PV_REASON_NONE, "allows by a copy that is valid", .valid_until = 1},
    /* what is called */
    {PV_REASON_METHOD_UNKNOWN, "refuses an unknown method", .no_method = true},
    {PV_REASON_PASSPORT_NOT_APPROVED, "refuses without a passport",
     .state = PV_REASON_PASSPORT_NOT_APPROVED},
    {PV_REASON_SERVICE_NOT_LIVE, "refuses until the day of going live",
     .state = PV_REASON_SERVICE_NOT_LIVE, .state_until = 1},
    {PV_REASON_NONE, "allows from the day of going live on",
     .state = PV_REASON_SERVICE_NOT_LIVE, .state_until = -1},
    {PV_REASON_GRANT_AWAITS_SERVICE, "tells a holder that the grant waits",
     .state = PV_REASON_SERVICE_NOT_LIVE,
     .grant = {{.blocked = PV_REASON_GRANT_AWAITS_SERVICE}}},
    {PV_REASON_SERVICE_SUSPENDED, "refuses a suspended service",
     .state = PV_REASON_SERVICE_SUSPENDED, .state_from = -1},
    {PV_REASON_NONE, "allows before the suspension begins",
     .state = PV_REASON_SERVICE_SUSPENDED, .state_from = 1},
    {PV_REASON_SERVICE_SUSPENDED, "names the service before the consumer",
     .state = PV_REASON_SERVICE_SUSPENDED,
     .block = PV_REASON_CONSUMER_SUSPENDED},
    /* the consumer */
    {PV_REASON_CONSUMER_SUSPENDED, "refuses a suspended consumer",
     .block = PV_REASON_CONSUMER_SUSPENDED, .block_from = -1},
    {PV_REASON_CONSUMER_SUSPENDED, "refuses it also under a mode",
     .block = PV_REASON_CONSUMER_SUSPENDED, .grant = {{PV_GRANT_MODE}}},
    {PV_REASON_NONE, "allows when the suspension is over",
     .block = PV_REASON_CONSUMER_SUSPENDED, .block_from = -2,
     .block_until = -1},
    {PV_REASON_NONE, "allows when the suspension has not begun",
     .block = PV_REASON_CONSUMER_SUSPENDED, .block_from = 1},
    /* the grant */
    {PV_REASON_NO_GRANT, "refuses without a grant", .no_grant = true},
    {PV_REASON_NOT_THIS_UNIT, "hints at another unit", .no_grant = true,
     .hint = PV_REASON_NOT_THIS_UNIT},
    {PV_REASON_GRANT_NOT_STARTED, "refuses before the start",
     .grant = {{.start = 1}}},
    {PV_REASON_GRANT_ENDED, "refuses at the end",
     .grant = {{.start = -2, .end = -1}}},
    {PV_REASON_GRANT_SUSPENDED, "refuses a suspended grant",
     .grant = {{.blocked = PV_REASON_GRANT_SUSPENDED}}},
    {PV_REASON_NONE, "allows a grant that is suspended from tomorrow",
     .grant = {{.blocked = PV_REASON_GRANT_SUSPENDED, .blocked_from = 1}}},
    {PV_REASON_PROVIDER_READINESS_MISSING, "refuses without readiness",
     .grant = {{.blocked = PV_REASON_PROVIDER_READINESS_MISSING}}},
    {PV_REASON_NONE, "lets an allowing grant win over an ended one",
     .grant = {{PV_GRANT_AGENCY, .start = -2, .end = -1}, {PV_GRANT_AGENCY}}},
    {PV_REASON_NONE, "lets an allowing grant win over a suspended one",
     .grant = {{PV_GRANT_AGENCY, PV_REASON_GRANT_SUSPENDED},
               {PV_GRANT_AGENCY}}},
    {PV_REASON_GRANT_SUSPENDED, "does not fall from a suspension to a mode",
     .grant = {{PV_GRANT_AGENCY, PV_REASON_GRANT_SUSPENDED}, {PV_GRANT_MODE}}},
    {PV_REASON_GRANT_WITHDRAWN, "does not fall from a withdrawal to a group",
     .grant = {{PV_GRANT_AGENCY, PV_REASON_GRANT_WITHDRAWN}, {PV_GRANT_GROUP}}},
    {PV_REASON_GRANT_SUSPENDED, "does not fall from system to agency",
     .grant = {{PV_GRANT_SYSTEM, PV_REASON_GRANT_SUSPENDED},
               {PV_GRANT_AGENCY}}},
    {PV_REASON_NONE, "falls from an ended grant to a mode",
     .grant = {{PV_GRANT_AGENCY, .start = -2, .end = -1}, {PV_GRANT_MODE}}},
    {PV_REASON_NONE, "allows an excepted agency by its own grant",
     .grant = {{PV_GRANT_AGENCY},
               {PV_GRANT_MODE, PV_REASON_NOT_COVERED_BY_MODE}}},
    {PV_REASON_NOT_COVERED_BY_MODE, "refuses who is not covered",
     .grant = {{PV_GRANT_MODE, PV_REASON_NOT_COVERED_BY_MODE}}},
    {PV_REASON_MODE_WITHOUT_RESOLUTION, "refuses a mode that is proposed",
     .grant = {{PV_GRANT_MODE, PV_REASON_MODE_WITHOUT_RESOLUTION}}},
    {PV_REASON_NOT_COVERED_BY_MODE, "names a real mode before a proposed one",
     .grant = {{PV_GRANT_MODE, PV_REASON_MODE_WITHOUT_RESOLUTION},
               {PV_GRANT_MODE, PV_REASON_NOT_COVERED_BY_MODE}}},
    {PV_REASON_MODE_NOT_STARTED, "refuses a mode before its start",
     .grant = {{PV_GRANT_MODE, .start = 1}}},
    {PV_REASON_MODE_ENDED, "refuses a mode after its end",
     .grant = {{PV_GRANT_MODE, .start = -2, .end = -1}}},
    /* dedicated */
    {PV_REASON_DEDICATED, "ignores an agency's grant of a dedicated method",
     .dedicated = true},
    {PV_REASON_DEDICATED, "ignores a mode of a dedicated method",
     .dedicated = true, .grant = {{PV_GRANT_MODE}}},
    {PV_REASON_DEDICATED, "says dedicated, not which system", .no_grant = true,
     .dedicated = true, .hint = PV_REASON_NOT_THIS_SYSTEM},
    {PV_REASON_NONE, "allows the system a method is dedicated to",
     .dedicated = true, .grant = {{PV_GRANT_SYSTEM}}},
    {PV_REASON_DEDICATED, "ignores a system's grant of another's method",
     .dedicated_to_other = true, .grant = {{PV_GRANT_SYSTEM}}},
    {PV_REASON_GRANT_ENDED, "names the end of the dedicated grant",
     .dedicated = true, .grant = {{PV_GRANT_SYSTEM, .start = -2, .end = -1}}},
    /* purpose and consent */
    {PV_REASON_NONE, "takes the granted purpose", .purpose = "p"},
    {PV_REASON_PURPOSE_NOT_GRANTED, "refuses another purpose", .purpose = "q"},
    {PV_REASON_PURPOSE_NOT_GRANTED, "refuses a purpose that only begins so",
     .purpose = "pp"},
    {PV_REASON_PURPOSE_MISSING, "wants one of two purposes named",
     .grant = {{.one = "a", .two = "b"}}},
    {PV_REASON_NONE, "takes the second purpose", .purpose = "b",
     .grant = {{.one = "a", .two = "b"}}},
    {PV_REASON_NONE, "finds the purpose in another grant", .purpose = "q",
     .grant = {{PV_GRANT_AGENCY}, {PV_GRANT_MODE, .one = "q"}}},
    {PV_REASON_CONSENT_MISSING, "wants the consent of the grant",
     .grant = {{.consent = true}}},
    {PV_REASON_CONSENT_MISSING, "wants the consent of the method",
     .method_consent = true},
    {PV_REASON_NONE, "takes a consent", .method_consent = true,
     .has_consent = true},
    {PV_REASON_CONSENT_MISSING, "names what the caller can mend first",
     .grant = {{PV_GRANT_SYSTEM, .start = -2, .end = -1},
               {PV_GRANT_AGENCY, .consent = true}}},
    /* when */
    {PV_REASON_ENDPOINT_MISSING, "refuses without an endpoint",
     .no_endpoint = true},
    {PV_REASON_NO_GRANT, "names the right before the endpoint",
     .no_grant = true, .no_endpoint = true},
    {PV_REASON_OUTAGE, "closes in an outage", .notice_from = 0,
     .notice_until = 1},
    {PV_REASON_NONE, "opens at the end of an outage", .notice_from = -2,
     .notice_until = 0},
    {PV_REASON_NO_GRANT, "names the right before the hours", .no_grant = true,
     .open = 60, .close = 120},
    {PV_REASON_NONE, "is open from the first minute", .open = 13 * 60 + 30,
     .close = 14 * 60},
    {PV_REASON_HOURS, "is closed from the last minute", .open = 8 * 60,
     .close = 13 * 60 + 30},
    {PV_REASON_NONE, "is open over midnight", .open = 13 * 60, .close = 60},
    {PV_REASON_HOURS, "is closed between hours over midnight", .open = 14 * 60,
     .close = 13 * 60},
    {PV_REASON_NONE, "is open on its weekday", .weekdays = 1},
    {PV_REASON_HOURS, "is closed on another weekday", .weekdays = 2},
    {PV_REASON_NONE, "counts a night to the day of its opening",
     .open = 20 * 60, .close = 14 * 60, .weekdays = 0x40},
    {PV_REASON_HOURS, "and not to the day of its end", .open = 20 * 60,
     .close = 14 * 60, .weekdays = 0x01},
};

static void
decides_every_branch_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct pv_certificate certificate;
        struct pv_decision    decision;
        struct pv_found       found;
        struct pv_rows        rows = pv_rows_of(&found);
        struct pv_call        call;

        build(&table[i], &found, &call, &certificate);
        pv_policy_decide(&rows, &call, table[i].revoked, &decision);
        if (decision.reason != table[i].reason) {
            fail_msg("the decision %s: got \"%.*s\"", table[i].what,
                     PV_FMT(pv_reason_word(decision.reason)));
        }
        assert_int_equal(decision.verdict == PV_ALLOW,
                         table[i].reason == PV_REASON_NONE);
        if (decision.verdict == PV_ALLOW) {
            assert_int_equal(decision.outcome, PV_OUTCOME_NONE);
            assert_non_null(decision.grant);
            assert_true(decision.purpose.len > 0);
        } else {
            assert_int_equal(decision.outcome,
                             pv_reason_outcome(table[i].reason));
        }
    }
}

static void
dates_that_belong_to_a_reason_are_told(void **state)
{
    static const struct {
        struct scenario scenario;
        int64_t         since;
    } row[] = {
        {{PV_REASON_GRANT_ENDED, .grant = {{.start = -2, .end = -1}}},
         WHEN - 1},
        {{PV_REASON_GRANT_NOT_STARTED, .grant = {{.start = 5}}}, WHEN + 5},
        {{PV_REASON_OUTAGE, .notice_from = -1, .notice_until = 9}, WHEN + 9},
        {{PV_REASON_CERTIFICATE_EXPIRED, .not_after = -3}, WHEN - 3},
        {{PV_REASON_HOURS, .open = 14 * 60, .close = 15 * 60}, WHEN + HOUR / 2},
        {{PV_REASON_HOURS, .weekdays = 2}, WHEN + 10 * HOUR + HOUR / 2},
        {{PV_REASON_CONSUMER_SUSPENDED, .block = PV_REASON_CONSUMER_SUSPENDED,
          .block_from = -7},
         WHEN - 7},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct pv_certificate certificate;
        struct pv_decision    decision;
        struct pv_found       found;
        struct pv_rows        rows = pv_rows_of(&found);
        struct pv_call        call;

        build(&row[i].scenario, &found, &call, &certificate);
        pv_policy_decide(&rows, &call, false, &decision);
        assert_int_equal(decision.reason, row[i].scenario.reason);
        assert_true(decision.since_ms == row[i].since);
    }
}

static void
a_grant_without_purposes_refuses(void **state)
{
    static const struct scenario plain = {PV_REASON_NONE, "plain"};
    struct pv_certificate        certificate;
    struct pv_decision           decision;
    struct pv_found              found;
    struct pv_rows               rows = pv_rows_of(&found);
    struct pv_call               call;

    (void)state;
    build(&plain, &found, &call, &certificate);
    found.rights.grant[0].purpose_count = 0;
    pv_policy_decide(&rows, &call, false, &decision);
    assert_int_equal(decision.verdict, PV_DENY);
    memset(&found, 0, sizeof(found));
    memset(&call, 0, sizeof(call));
    pv_policy_decide(&rows, &call, false, &decision);
    assert_int_equal(decision.verdict, PV_DENY);
}

/* ---- a second implementation ---- */

static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static bool
naive_usable(const struct pv_rows *rows, const struct pv_call *call,
             const struct pv_grant_row *grant)
{
    bool hit = call->purpose.len == 0 && grant->purpose_count == 1;

    for (size_t i = 0; i < grant->purpose_count; i++) {
        hit = hit || (call->purpose.len == grant->purpose[i].len &&
                      call->purpose.len > 0 &&
                      memcmp(call->purpose.ptr, grant->purpose[i].text,
                             call->purpose.len) == 0);
    }
    return hit && call->when_ms >= grant->start_ms &&
           !(grant->end_ms != 0 && grant->end_ms <= call->when_ms) &&
           !(grant->blocked != 0 && grant->blocked_since_ms <= call->when_ms &&
             (grant->blocked_until_ms == 0 ||
              grant->blocked_until_ms > call->when_ms)) &&
           (call->has_consent ||
            (!grant->needs_consent && !rows->target->method.needs_consent));
}

static bool
naive_revokes(const struct pv_call *call, const struct pv_grant_row *grant)
{
    return grant->kind <= PV_GRANT_AGENCY &&
           (grant->blocked == PV_REASON_GRANT_SUSPENDED ||
            grant->blocked == PV_REASON_GRANT_WITHDRAWN) &&
           grant->blocked_since_ms <= call->when_ms &&
           (grant->blocked_until_ms == 0 ||
            grant->blocked_until_ms > call->when_ms);
}

/* Level by level: any usable grant allows, else a revoked one ends it. */
static bool
naive_allows(const struct pv_rows *rows, const struct pv_call *call)
{
    int last = rows->target->method.dedicated ? PV_GRANT_SYSTEM : PV_GRANT_MODE;

    if (rows->target->method.dedicated != 0 &&
        rows->target->method.dedicated != CALLER) {
        return false;
    }
    for (int level = PV_GRANT_SYSTEM; level <= last; level++) {
        bool usable = false;
        bool revoked = false;

        for (size_t i = 0; i < rows->rights->grant_count; i++) {
            if (rows->rights->grant[i].kind == level) {
                usable =
                    usable || naive_usable(rows, call, &rows->rights->grant[i]);
                revoked =
                    revoked || naive_revokes(call, &rows->rights->grant[i]);
            }
        }
        if (usable || revoked) {
            return usable;
        }
    }
    return false;
}

static void
agrees_with_a_naive_implementation(void **state)
{
    static const uint8_t         blocks[] = {PV_REASON_NONE,
                                             PV_REASON_NONE,
                                             PV_REASON_NONE,
                                             PV_REASON_GRANT_SUSPENDED,
                                             PV_REASON_GRANT_WITHDRAWN,
                                             PV_REASON_PROVIDER_READINESS_MISSING,
                                             PV_REASON_NOT_COVERED_BY_MODE};
    static const struct scenario plain = {PV_REASON_NONE, "plain"};
    static const char *const     purposes[] = {"", "p", "q", "r"};
    uint64_t                     seed = 0x9e3779b97f4a7c15u;
    size_t                       allowed = 0;

    (void)state;
    for (int round = 0; round < 300000; round++) {
        struct pv_certificate certificate;
        struct pv_decision    decision;
        struct pv_found       found;
        struct pv_rows        rows = pv_rows_of(&found);
        struct pv_call        call;
        uint8_t               kind = PV_GRANT_SYSTEM;
        bool                  expected;

        build(&plain, &found, &call, &certificate);
        found.target.method.dedicated =
            next_random(&seed) % 8 == 0
                ? CALLER + (uint32_t)(next_random(&seed) % 2)
                : 0;
        found.target.method.needs_consent = next_random(&seed) % 8 == 0;
        found.rights.grant_count = (uint8_t)(next_random(&seed) % 5);
        call.purpose = pv_slice_from(purposes[next_random(&seed) % 4]);
        call.has_consent = next_random(&seed) % 2 == 0;
        for (size_t i = 0; i < found.rights.grant_count; i++) {
            struct pv_grant_row *row = &found.rights.grant[i];

            *row = (struct pv_grant_row){0};
            kind = (uint8_t)(kind + next_random(&seed) % 3);
            row->kind = kind > PV_GRANT_MODE ? PV_GRANT_MODE : kind;
            kind = row->kind;
            row->blocked = blocks[next_random(&seed) % sizeof(blocks)];
            row->blocked_since_ms =
                WHEN + (int64_t)(next_random(&seed) % 3) - 1;
            row->blocked_until_ms =
                next_random(&seed) % 2 == 0
                    ? 0
                    : WHEN + (int64_t)(next_random(&seed) % 3) - 1;
            row->start_ms = WHEN + (int64_t)(next_random(&seed) % 4) - 2;
            row->end_ms = next_random(&seed) % 2 == 0
                              ? 0
                              : WHEN + (int64_t)(next_random(&seed) % 4) - 1;
            row->needs_consent = next_random(&seed) % 4 == 0;
            row->purpose_count = (uint8_t)(next_random(&seed) % 3);
            row->purpose[0] = id_of(purposes[1 + next_random(&seed) % 3]);
            row->purpose[1] = id_of(purposes[1 + next_random(&seed) % 3]);
        }
        expected = naive_allows(&rows, &call);
        pv_policy_decide(&rows, &call, false, &decision);
        if ((decision.verdict == PV_ALLOW) != expected) {
            fail_msg("round %d: decided %d, naive %d", round, decision.verdict,
                     expected);
        }
        assert_int_equal(expected, decision.reason == PV_REASON_NONE);
        allowed += expected;
    }
    assert_true(allowed > 10000 && allowed < 290000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_every_branch_of_the_table),
        cmocka_unit_test(dates_that_belong_to_a_reason_are_told),
        cmocka_unit_test(a_grant_without_purposes_refuses),
        cmocka_unit_test(agrees_with_a_naive_implementation),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
