/*
 * ngx_http_payvand_detail.c - what a problem document adds to its title: the
 * missing step, in Persian and English.
 */

#include "ngx_http_payvand_detail.h"

#include "base/jalali.h"
#include "base/time.h"


#define NGX_HTTP_PAYVAND_DAY_LEN       32


/* both languages get their sentence, or the detail is left out */

#define ngx_http_payvand_say(d, ...)                                          \
    if ((d)->err == PV_OK) {                                                  \
        (d)->err = pv_buf_addf(&(d)->en, __VA_ARGS__);                        \
    }

#define ngx_http_payvand_say_fa(d, ...)                                       \
    if ((d)->err == PV_OK) {                                                  \
        (d)->err = pv_buf_addf(&(d)->fa, __VA_ARGS__);                        \
    }


/* "2024-04-19 (1403-01-31)": the day in Tehran, both calendars */

static const char *
ngx_http_payvand_day(int64_t when_ms, char room[NGX_HTTP_PAYVAND_DAY_LEN])
{
    char             jalali[PV_JALALI_TEXT_LEN];
    struct pv_civil  day;

    day = pv_time_civil(pv_time_tehran_day(when_ms));
    pv_jalali_text(when_ms, jalali);

    (void) snprintf(room, NGX_HTTP_PAYVAND_DAY_LEN, "%04d-%02d-%02d (%.*s)",
                    day.year, day.month, day.day, PV_JALALI_TEXT_LEN, jalali);

    return room;
}


static void
ngx_http_payvand_say_request(ngx_http_payvand_detail_t *d)
{
    if (d->url->len == 0) {
        return;
    }

    ngx_http_payvand_say(d, " Request it at %.*s", (int) d->url->len,
                         d->url->data);
    ngx_http_payvand_say_fa(d, " درخواست در %.*s", (int) d->url->len,
                            d->url->data);
}


static void
ngx_http_payvand_say_no_grant(ngx_http_payvand_detail_t *d)
{
    const struct pv_id  *system;

    if (d->rows == NULL || !d->rows->consumer->known
        || !d->rows->target->known)
    {
        return;
    }

    system = &d->rows->consumer->system.system;

    ngx_http_payvand_say(d, "System %.*s has no grant for %.*s.",
                         (int) system->len, system->text,
                         PV_FMT(d->ctx->path));
    ngx_http_payvand_say_fa(d, "سامانه %.*s برای %.*s مجوزی ندارد.",
                            (int) system->len, system->text,
                            PV_FMT(d->ctx->path));

    ngx_http_payvand_say_request(d);
}


/* "Grant g-1 ended on ..."; without a grant, the service or system itself */

static void
ngx_http_payvand_say_when(ngx_http_payvand_detail_t *d, const char *en,
    const char *fa, int64_t when_ms)
{
    char                        room[NGX_HTTP_PAYVAND_DAY_LEN];
    const char                 *day;
    const struct pv_grant_row  *grant;

    if (when_ms == 0) {
        return;
    }

    day = ngx_http_payvand_day(when_ms, room);
    grant = d->ctx->decision.grant;

    if (grant && grant->id.len) {
        ngx_http_payvand_say(d, "Grant %.*s: %s %s.", (int) grant->id.len,
                             grant->id.text, en, day);
        ngx_http_payvand_say_fa(d, "مجوز %.*s: %s %s.", (int) grant->id.len,
                                grant->id.text, fa, day);
        return;
    }

    ngx_http_payvand_say(d, "This %s %s.", en, day);
    ngx_http_payvand_say_fa(d, "این مورد %s %s.", fa, day);
}


static void
ngx_http_payvand_say_grant(ngx_http_payvand_detail_t *d)
{
    const struct pv_grant_row  *grant;

    grant = d->ctx->decision.grant;

    if (grant == NULL || grant->id.len == 0) {
        return;
    }

    ngx_http_payvand_say(d, "It is about grant %.*s", (int) grant->id.len,
                         grant->id.text);
    ngx_http_payvand_say_fa(d, "درباره مجوز %.*s", (int) grant->id.len,
                            grant->id.text);

    if (grant->resolution.len) {
        ngx_http_payvand_say(d, " (resolution %.*s)",
                             (int) grant->resolution.len,
                             grant->resolution.text);
        ngx_http_payvand_say_fa(d, " (مصوبه %.*s)",
                                (int) grant->resolution.len,
                                grant->resolution.text);
    }

    ngx_http_payvand_say(d, ".");
    ngx_http_payvand_say_fa(d, " است.");
}


static void
ngx_http_payvand_say_purposes(ngx_http_payvand_detail_t *d)
{
    uint8_t                     i;
    const struct pv_grant_row  *grant;

    grant = d->ctx->decision.grant;

    if (grant == NULL || grant->purpose_count == 0) {
        return;
    }

    ngx_http_payvand_say(d, "Grant %.*s lists:", (int) grant->id.len,
                         grant->id.text);
    ngx_http_payvand_say_fa(d, "هدف‌های مجوز %.*s:", (int) grant->id.len,
                            grant->id.text);

    for (i = 0; i < grant->purpose_count && i < PV_POLICY_PURPOSES_MAX; i++) {
        ngx_http_payvand_say(d, "%s %.*s", i ? "," : "",
                             (int) grant->purpose[i].len,
                             grant->purpose[i].text);
        ngx_http_payvand_say_fa(d, "%s %.*s", i ? "،" : "",
                                (int) grant->purpose[i].len,
                                grant->purpose[i].text);
    }

    ngx_http_payvand_say(d, ".");
    ngx_http_payvand_say_fa(d, ".");
}


static void
ngx_http_payvand_say_quota(ngx_http_payvand_detail_t *d, enum pv_reason reason)
{
    const struct pv_grant_row  *grant;

    grant = d->ctx->decision.grant;

    if (grant == NULL) {
        return;
    }

    if (reason == PV_REASON_RATE) {
        ngx_http_payvand_say(d, "Grant %.*s allows %u calls a second.",
                             (int) grant->id.len, grant->id.text,
                             grant->rate_per_s);
        ngx_http_payvand_say_fa(d, "مجوز %.*s در هر ثانیه %u فراخوانی دارد.",
                                (int) grant->id.len, grant->id.text,
                                grant->rate_per_s);
        return;
    }

    if (reason != PV_REASON_DAILY) {
        ngx_http_payvand_say(d, "Grant %.*s allows %u answered calls in all.",
                             (int) grant->id.len, grant->id.text,
                             grant->max_answered);
        ngx_http_payvand_say_fa(d, "مجوز %.*s در مجموع %u پاسخ دارد.",
                                (int) grant->id.len, grant->id.text,
                                grant->max_answered);
        return;
    }

    ngx_http_payvand_say(d, "Grant %.*s allows %u calls a day of Tehran.",
                         (int) grant->id.len, grant->id.text, grant->per_day);
    ngx_http_payvand_say_fa(d, "مجوز %.*s در هر روز تهران %u فراخوانی دارد.",
                            (int) grant->id.len, grant->id.text,
                            grant->per_day);
}


static void
ngx_http_payvand_say_hours(ngx_http_payvand_detail_t *d)
{
    const struct pv_method_row  *method;

    if (d->rows == NULL || !d->rows->target->known) {
        return;
    }

    method = &d->rows->target->method;

    if (method->open_minute == 0 && method->close_minute == 0) {
        ngx_http_payvand_say(d, "Today is not one of its days.");
        ngx_http_payvand_say_fa(d, "امروز از روزهای ارائه آن نیست.");
        return;
    }

    ngx_http_payvand_say(d, "Its hours in Tehran are %02d:%02d to %02d:%02d.",
                         method->open_minute / 60, method->open_minute % 60,
                         method->close_minute / 60, method->close_minute % 60);
    ngx_http_payvand_say_fa(d, "ساعت کار به وقت تهران %02d:%02d تا %02d:%02d "
                               "است.",
                            method->open_minute / 60,
                            method->open_minute % 60,
                            method->close_minute / 60,
                            method->close_minute % 60);
}


static void
ngx_http_payvand_say_outage(ngx_http_payvand_detail_t *d)
{
    int                          minute;
    char                         room[NGX_HTTP_PAYVAND_DAY_LEN];
    uint8_t                      i;
    const char                  *day;
    const struct pv_notice      *notice;
    const struct pv_method_row  *method;

    if (d->rows == NULL || !d->rows->target->known) {
        return;
    }

    method = &d->rows->target->method;

    for (i = 0; i < method->notice_count && i < PV_POLICY_NOTICES_MAX; i++) {
        notice = &method->notice[i];

        if (d->ctx->received_ms < notice->from_ms
            || d->ctx->received_ms >= notice->until_ms)
        {
            continue;
        }

        day = ngx_http_payvand_day(notice->until_ms, room);
        minute = pv_time_tehran_minute(notice->until_ms);

        ngx_http_payvand_say(d, "It ends on %s at %02d:%02d in Tehran.", day,
                             minute / 60, minute % 60);
        ngx_http_payvand_say_fa(d, "پایان آن %s ساعت %02d:%02d به وقت تهران "
                                   "است.", day, minute / 60, minute % 60);
        return;
    }
}


void
ngx_http_payvand_detail(ngx_http_payvand_detail_t *d, enum pv_reason reason)
{
    int64_t  since;

    since = d->ctx->decision.since_ms;

    switch ((int) reason) {  /* most reasons say all in their title */

    case PV_REASON_NO_GRANT:
    case PV_REASON_NOT_THIS_UNIT:
    case PV_REASON_NOT_THIS_SYSTEM:
    case PV_REASON_DEDICATED:
    case PV_REASON_NOT_COVERED_BY_MODE:
    case PV_REASON_MODE_WITHOUT_RESOLUTION:
        ngx_http_payvand_say_no_grant(d);
        break;

    case PV_REASON_GRANT_NOT_STARTED:
    case PV_REASON_MODE_NOT_STARTED:
        ngx_http_payvand_say_when(d, "starts on", "آغاز در", since);
        break;

    case PV_REASON_GRANT_ENDED:
    case PV_REASON_MODE_ENDED:
        /* the row has the first moment without the right */
        ngx_http_payvand_say_when(d, "ended on", "پایان در",
                                  since ? since - 1 : 0);
        ngx_http_payvand_say_request(d);
        break;

    case PV_REASON_GRANT_SUSPENDED:
    case PV_REASON_CONSUMER_SUSPENDED:
    case PV_REASON_SERVICE_SUSPENDED:
    case PV_REASON_SYSTEM_SUSPENDED:
        ngx_http_payvand_say_when(d, "suspended since", "تعلیق از", since);
        break;

    case PV_REASON_GRANT_WITHDRAWN:
    case PV_REASON_SERVICE_WITHDRAWN:
        ngx_http_payvand_say_when(d, "withdrawn on", "لغو در", since);
        break;

    case PV_REASON_PROVIDER_READINESS_MISSING:
    case PV_REASON_CONSUMER_READINESS_MISSING:
    case PV_REASON_GRANT_AWAITS_SERVICE:
    case PV_REASON_CONSENT_MISSING:
        ngx_http_payvand_say_grant(d);
        break;

    case PV_REASON_PURPOSE_MISSING:
    case PV_REASON_PURPOSE_NOT_GRANTED:
        ngx_http_payvand_say_purposes(d);
        break;

    case PV_REASON_USED_UP:
    case PV_REASON_LAST_CALL_OPEN:
    case PV_REASON_RATE:
    case PV_REASON_DAILY:
        ngx_http_payvand_say_quota(d, reason);
        break;

    case PV_REASON_HOURS:
        ngx_http_payvand_say_hours(d);
        break;

    case PV_REASON_OUTAGE:
        ngx_http_payvand_say_outage(d);
        break;

    default:
        break;
    }
}
