/*
 * decide.c - one call against the rows found, in the order of design 5.
 *
 * Nothing here looks anything up, and every path that does not end in grant()
 * leaves the verdict at PV_DENY.
 */
#include "policy/policy.h"

#include <string.h>

#include "base/time.h"

#define MINUTE_MS INT64_C(60000)
#define WEEK_DAYS 7
#define SATURDAY_OFFSET 5 /* 1970-01-01 was a Thursday; Saturday is 0 */
#define NETWORK_BITS_MAX 128

/* Why one grant does not allow this call; PV_REASON_NONE when it does. */
struct finding {
    enum pv_reason             reason;
    int64_t                    since_ms;
    const struct pv_grant_row *grant;
    struct pv_slice            purpose;
};

static void
deny(struct pv_decision *decision, enum pv_reason reason, int64_t since_ms)
{
    decision->reason = reason;
    decision->outcome = pv_reason_outcome(reason);
    decision->since_ms = since_ms;
}

static bool
in_force(uint8_t reason, int64_t since_ms, int64_t until_ms, int64_t when_ms)
{
    return reason != PV_REASON_NONE && when_ms >= since_ms &&
           (until_ms == 0 || when_ms < until_ms);
}

static bool
network_covers(const struct pv_network *network, const uint8_t source[16])
{
    unsigned bits = network->bits;
    size_t   whole = bits / 8;
    uint8_t  mask = (uint8_t)(0xff00u >> bits % 8);

    if (bits > NETWORK_BITS_MAX ||
        memcmp(network->address, source, whole) != 0) {
        return false;
    }
    return bits % 8 == 0 ||
           ((network->address[whole] ^ source[whole]) & mask) == 0;
}

bool
pv_policy_is_from(const struct pv_system_row *system, const uint8_t source[16])
{
    for (size_t i = 0; i < system->network_count && i < PV_POLICY_NETWORKS_MAX;
         i++) {
        if (network_covers(&system->network[i], source)) {
            return true;
        }
    }
    return false;
}

/* Who calls. False: refused, and the decision says why. */
static bool
check_caller(const struct pv_rows *rows, const struct pv_call *call,
             bool revoked, struct pv_decision *decision)
{
    const struct pv_certificate *certificate = call->certificate;

    if (certificate == NULL) {
        deny(decision, PV_REASON_CERTIFICATE_MISSING, 0);
    } else if (revoked) {
        deny(decision, PV_REASON_CERTIFICATE_REVOKED, 0);
    } else if (call->when_ms < certificate->not_before_ms) {
        deny(decision, PV_REASON_CERTIFICATE_NOT_YET_VALID,
             certificate->not_before_ms);
    } else if (call->when_ms > certificate->not_after_ms) {
        deny(decision, PV_REASON_CERTIFICATE_EXPIRED,
             certificate->not_after_ms);
    } else if (!rows->consumer->known) {
        deny(decision, PV_REASON_KEY_UNREGISTERED, 0);
    } else if (rows->consumer->key_until_ms != 0 &&
               call->when_ms >= rows->consumer->key_until_ms) {
        deny(decision, PV_REASON_KEY_UNREGISTERED,
             rows->consumer->key_until_ms);
    } else if (rows->consumer->system.suspended) {
        deny(decision, PV_REASON_SYSTEM_SUSPENDED, 0);
    } else if (!pv_policy_is_from(&rows->consumer->system, call->source)) {
        deny(decision, PV_REASON_NETWORK_NOT_REGISTERED, 0);
    } else {
        return true;
    }
    return false;
}

/* Suspensions of the consumer. False: refused, and the decision says why. */
static bool
check_consumer(const struct pv_rows *rows, int64_t when_ms,
               struct pv_decision *decision)
{
    for (size_t i = 0;
         i < rows->rights->block_count && i < PV_POLICY_BLOCKS_MAX; i++) {
        const struct pv_block *block = &rows->rights->block[i];

        if (in_force(block->reason, block->since_ms, block->until_ms,
                     when_ms)) {
            deny(decision, (enum pv_reason)block->reason, block->since_ms);
            return false;
        }
    }
    return true;
}

/*
 * A service that is approved but not live yet: who holds a grant for it hears
 * that the grant waits, anyone else that the service is not live.
 */
static enum pv_reason
service_reason(const struct pv_rows *rows)
{
    if (rows->target->method.state == PV_REASON_SERVICE_NOT_LIVE) {
        for (size_t i = 0;
             i < rows->rights->grant_count && i < PV_POLICY_GRANTS_MAX; i++) {
            if (rows->rights->grant[i].blocked ==
                PV_REASON_GRANT_AWAITS_SERVICE) {
                return PV_REASON_GRANT_AWAITS_SERVICE;
            }
        }
    }
    return (enum pv_reason)rows->target->method.state;
}

static struct pv_slice
id_view(const struct pv_id *id)
{
    return (struct pv_slice){id->text, id->len};
}

/* The purpose in force under this grant, or the reason there is none. */
static enum pv_reason
find_purpose(const struct pv_grant_row *grant, struct pv_slice asked,
             struct pv_slice *ret_purpose)
{
    size_t count = grant->purpose_count;

    if (count > PV_POLICY_PURPOSES_MAX) {
        count = PV_POLICY_PURPOSES_MAX;
    }
    if (asked.len == 0) {
        if (count != 1) {
            return PV_REASON_PURPOSE_MISSING;
        }
        *ret_purpose = id_view(&grant->purpose[0]);
        return PV_REASON_NONE;
    }
    for (size_t i = 0; i < count; i++) {
        if (pv_slice_eq(id_view(&grant->purpose[i]), asked)) {
            *ret_purpose = id_view(&grant->purpose[i]);
            return PV_REASON_NONE;
        }
    }
    return PV_REASON_PURPOSE_NOT_GRANTED;
}

static struct finding
look_at(const struct pv_grant_row *grant, const struct pv_rows *rows,
        const struct pv_call *call)
{
    bool           mode = grant->kind == PV_GRANT_MODE;
    struct finding found = {.grant = grant};

    if (in_force(grant->blocked, grant->blocked_since_ms,
                 grant->blocked_until_ms, call->when_ms)) {
        found.reason = (enum pv_reason)grant->blocked;
        found.since_ms = grant->blocked_since_ms;
    } else if (call->when_ms < grant->start_ms) {
        found.reason =
            mode ? PV_REASON_MODE_NOT_STARTED : PV_REASON_GRANT_NOT_STARTED;
        found.since_ms = grant->start_ms;
    } else if (grant->end_ms != 0 && call->when_ms >= grant->end_ms) {
        found.reason = mode ? PV_REASON_MODE_ENDED : PV_REASON_GRANT_ENDED;
        found.since_ms = grant->end_ms;
    } else {
        found.reason = find_purpose(grant, call->purpose, &found.purpose);
        if (found.reason == PV_REASON_NONE && !call->has_consent &&
            (grant->needs_consent || rows->target->method.needs_consent)) {
            found.reason = PV_REASON_CONSENT_MISSING;
        }
    }
    return found;
}

/*
 * How near a refusal is to a call that works: what the caller mends alone
 * first, then what somebody must confirm, then what must be decided.
 */
static int
nearness(enum pv_reason reason)
{
    static const uint8_t near[PV_REASON_END] = {
        [PV_REASON_CONSENT_MISSING] = 16,
        [PV_REASON_PURPOSE_MISSING] = 15,
        [PV_REASON_PURPOSE_NOT_GRANTED] = 14,
        [PV_REASON_GRANT_SUSPENDED] = 13,
        [PV_REASON_GRANT_WITHDRAWN] = 12,
        [PV_REASON_CONSUMER_READINESS_MISSING] = 11,
        [PV_REASON_PROVIDER_READINESS_MISSING] = 10,
        [PV_REASON_GRANT_AWAITS_SERVICE] = 9,
        [PV_REASON_GRANT_NOT_STARTED] = 8,
        [PV_REASON_GRANT_ENDED] = 7,
        [PV_REASON_NOT_THIS_UNIT] = 6,
        [PV_REASON_NOT_THIS_SYSTEM] = 6,
        [PV_REASON_MODE_NOT_STARTED] = 5,
        [PV_REASON_NOT_COVERED_BY_MODE] = 4,
        [PV_REASON_MODE_ENDED] = 3,
        [PV_REASON_MODE_WITHOUT_RESOLUTION] = 2,
        [PV_REASON_NO_GRANT] = 1,
    };

    return (unsigned)reason < PV_REASON_END ? near[reason] : 0;
}

static bool
is_individual(uint8_t kind)
{
    return kind >= PV_GRANT_SYSTEM && kind <= PV_GRANT_AGENCY;
}

static bool
is_revoking(const struct finding *found)
{
    return is_individual(found->grant->kind) &&
           (found->reason == PV_REASON_GRANT_SUSPENDED ||
            found->reason == PV_REASON_GRANT_WITHDRAWN);
}

/*
 * The first grant that allows, level by level; otherwise the nearest reason.
 * A suspended or withdrawn grant of the consumer itself ends the search below
 * its level unless another grant of the same level allows: it refuses also
 * under a mode.
 */
static struct finding
find_grant(const struct pv_rows *rows, const struct pv_call *call)
{
    struct finding nearest = {.reason = PV_REASON_NO_GRANT};
    struct finding ending = {.reason = PV_REASON_NONE};
    uint8_t        level = 0;

    if (rows->target->method.dedicated != 0) {
        nearest.reason = PV_REASON_DEDICATED;
        if (rows->target->method.dedicated != rows->consumer->system.number) {
            return nearest; /* whatever grants the image holds */
        }
    } else if (rows->rights->hint != PV_REASON_NONE) {
        nearest.reason = (enum pv_reason)rows->rights->hint;
    }

    for (size_t i = 0;
         i < rows->rights->grant_count && i < PV_POLICY_GRANTS_MAX; i++) {
        const struct pv_grant_row *grant = &rows->rights->grant[i];
        struct finding             found;

        if (rows->target->method.dedicated != 0 &&
            grant->kind != PV_GRANT_SYSTEM) {
            continue;
        }
        if (grant->kind != level && ending.reason != PV_REASON_NONE) {
            return ending;
        }
        level = grant->kind;
        found = look_at(grant, rows, call);
        if (found.reason == PV_REASON_NONE) {
            return found;
        }
        if (is_revoking(&found) && ending.reason == PV_REASON_NONE) {
            ending = found;
        }
        if (nearness(found.reason) > nearness(nearest.reason)) {
            nearest = found;
        }
    }
    return ending.reason != PV_REASON_NONE ? ending : nearest;
}

static bool
weekday_is_open(const struct pv_method_row *method, int64_t day)
{
    int64_t weekday =
        ((day + SATURDAY_OFFSET) % WEEK_DAYS + WEEK_DAYS) % WEEK_DAYS;

    return method->weekdays == 0 || (method->weekdays >> weekday & 1) != 0;
}

/* Hours of Tehran's day; the weekday is that of the opening. */
static bool
is_open(const struct pv_method_row *method, int64_t when_ms)
{
    int64_t day = pv_time_tehran_day(when_ms);
    int     minute = pv_time_tehran_minute(when_ms);
    int     open = method->open_minute;
    int     close = method->close_minute;

    if (open == 0 && close == 0) {
        return weekday_is_open(method, day);
    }
    if (open <= close) {
        return minute >= open && minute < close && weekday_is_open(method, day);
    }
    return (minute >= open && weekday_is_open(method, day)) ||
           (minute < close && weekday_is_open(method, day - 1));
}

/* The next moment at which is_open() holds, or 0 when it never does. */
static int64_t
opens_at(const struct pv_method_row *method, int64_t when_ms)
{
    int64_t day = pv_time_tehran_day(when_ms);

    for (int64_t next = day; next <= day + WEEK_DAYS; next++) {
        int64_t at = next * PV_DAY_MS - PV_TEHRAN_OFFSET_MS +
                     method->open_minute * MINUTE_MS;

        if (at > when_ms && is_open(method, at)) {
            return at;
        }
    }
    return 0;
}

/* When is it asked. False: refused, and the decision says why. */
static bool
check_time(const struct pv_method_row *method, int64_t when_ms,
           struct pv_decision *decision)
{
    for (size_t i = 0; i < method->notice_count && i < PV_POLICY_NOTICES_MAX;
         i++) {
        if (when_ms >= method->notice[i].from_ms &&
            when_ms < method->notice[i].until_ms) {
            deny(decision, PV_REASON_OUTAGE, method->notice[i].until_ms);
            return false;
        }
    }
    if (!is_open(method, when_ms)) {
        deny(decision, PV_REASON_HOURS, opens_at(method, when_ms));
        return false;
    }
    return true;
}

void
pv_policy_decide(const struct pv_rows *rows, const struct pv_call *call,
                 bool revoked, struct pv_decision *ret_decision)
{
    struct pv_decision decision = {.verdict = PV_DENY};
    struct finding     found;

    if (rows->rights->valid_until_ms != 0 &&
        call->when_ms >= rows->rights->valid_until_ms) {
        deny(&decision, PV_REASON_POLICY_STALE, 0);
        goto out;
    }
    if (!check_caller(rows, call, revoked, &decision)) {
        goto out;
    }
    if (!rows->target->known) {
        deny(&decision, PV_REASON_METHOD_UNKNOWN, 0);
        goto out;
    }
    if (in_force(rows->target->method.state,
                 rows->target->method.state_since_ms,
                 rows->target->method.state_until_ms, call->when_ms)) {
        deny(&decision, service_reason(rows),
             rows->target->method.state_since_ms);
        goto out;
    }
    if (!check_consumer(rows, call->when_ms, &decision)) {
        goto out;
    }

    found = find_grant(rows, call);
    decision.grant = found.grant;
    if (found.reason != PV_REASON_NONE) {
        deny(&decision, found.reason, found.since_ms);
        goto out;
    }
    if (rows->target->method.endpoint_number == 0) {
        deny(&decision, PV_REASON_ENDPOINT_MISSING, 0);
        goto out;
    }
    if (!check_time(&rows->target->method, call->when_ms, &decision)) {
        goto out;
    }
    decision.purpose = found.purpose;
    decision.verdict = PV_ALLOW;

out:
    *ret_decision = decision;
}
