/*
 * values.c - dates, addresses and settings of the import.
 */
#include <string.h>

#include "base/jalali.h"
#include "base/num.h"
#include "overlay.h"

#define MINUTES_OF_DAY 1440
#define DEADLINE_MAX_MS 600000
#define ANSWER_MAX_LEN (UINT64_C(1) << 30)
#define COUNT_MAX UINT32_MAX

/* ---- dates ---- */

/* "2026-11-21T10:00:00Z", with or without milliseconds. */
static bool
utc_time(struct pv_slice text, int64_t *ret)
{
    static const int64_t unit[] = {3600000, 60000, 1000};
    static const int     limit[] = {24, 60, 60};
    int64_t              when;
    uint64_t             n;

    if (text.len < 20 || text.ptr[10] != 'T' ||
        pv_time_from_date((struct pv_slice){text.ptr, 10}, &when) != PV_OK) {
        return false;
    }
    when += PV_TEHRAN_OFFSET_MS; /* that was the day in Tehran */
    for (size_t i = 0; i < 3; i++) {
        const char *at = text.ptr + 11 + 3 * i;

        if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9' ||
            at[2] != (i < 2 ? ':' : (text.len == 20 ? 'Z' : '.'))) {
            return false;
        }
        n = (uint64_t)(at[0] - '0') * 10 + (uint64_t)(at[1] - '0');
        if (n >= (uint64_t)limit[i]) {
            return false;
        }
        when += (int64_t)n * unit[i];
    }
    if (text.len > 20) {
        if (text.len != PV_TIME_TEXT_LEN || text.ptr[23] != 'Z') {
            return false;
        }
        n = 0;
        for (size_t i = 20; i < 23; i++) {
            if (text.ptr[i] < '0' || text.ptr[i] > '9') {
                return false;
            }
            n = n * 10 + (uint64_t)(text.ptr[i] - '0');
        }
        when += (int64_t)n;
    }
    *ret = when;
    return true;
}

static bool
both_dates(struct pv_import *import, const char *row, const char *name,
           const json_t *value, int64_t *ret)
{
    struct pv_slice jalali = pv_text(value, "jalali");
    struct pv_slice gregorian = pv_text(value, "gregorian");
    struct pv_civil day;
    int64_t         days;

    if (pv_jalali_parse(jalali, &day) != PV_OK ||
        pv_jalali_to_days(day, &days) != PV_OK) {
        pv_complain(import, row, "%s: \"%.*s\" is no Jalali date", name,
                    PV_FMT(jalali));
        return false;
    }
    if (pv_time_from_date(gregorian, ret) != PV_OK) {
        pv_complain(import, row, "%s: \"%.*s\" is no date", name,
                    PV_FMT(gregorian));
        return false;
    }
    if (pv_time_tehran_day(*ret) != days) {
        pv_complain(import, row, "%s: %.*s is not the same day as %.*s", name,
                    PV_FMT(jalali), PV_FMT(gregorian));
        return false;
    }
    return true;
}

bool
pv_to_when(struct pv_import *import, const char *row, const char *name,
           const json_t *value, bool end, int64_t *ret)
{
    struct pv_slice text;

    if (value == NULL || json_is_null(value)) {
        *ret = 0;
        return true;
    }
    if (json_is_object(value)) {
        if (!both_dates(import, row, name, value, ret)) {
            return false;
        }
        *ret += end ? PV_DAY_MS : 0;
        return true;
    }
    text =
        (struct pv_slice){json_string_value(value), json_string_length(value)};
    if (text.len == 10 && pv_time_from_date(text, ret) == PV_OK) {
        *ret += end ? PV_DAY_MS : 0;
        return true;
    }
    if (utc_time(text, ret)) {
        return true;
    }
    pv_complain(import, row,
                "%s must be {\"jalali\", \"gregorian\"}, a date, or a time "
                "such as 2026-11-21T10:00:00Z",
                name);
    return false;
}

bool
pv_to_span(struct pv_import *import, const char *row, const json_t *span,
           int64_t *ret_since, int64_t *ret_until)
{
    const json_t *since = json_object_get(span, "from");

    if (since == NULL) {
        since = json_object_get(span, "since");
    }
    if (!pv_to_when(import, row, "from", since, false, ret_since) ||
        !pv_to_when(import, row, "until", json_object_get(span, "until"), true,
                    ret_until)) {
        return false;
    }
    if (*ret_until != 0 && *ret_until <= *ret_since) {
        pv_complain(import, row, "it ends before it starts");
        return false;
    }
    return true;
}

/* ---- addresses of the exchange itself ---- */

/* "127.0.0.1:8443", "[::1]:8443" */
static bool
is_exchange(const char *text, const uint8_t address[16], uint16_t port,
            bool *ret_same_port)
{
    struct pv_slice all = pv_slice_from(text);
    const char     *colon = strrchr(text, ':');
    uint8_t         own[16];
    uint64_t        number;
    struct pv_slice host;

    if (colon == NULL) {
        return false;
    }
    host = (struct pv_slice){text, (size_t)(colon - text)};
    if (host.len > 2 && host.ptr[0] == '[') {
        host = (struct pv_slice){host.ptr + 1, host.len - 2};
    }
    if (!pv_to_address(host, own) || memcmp(own, address, sizeof(own)) != 0 ||
        pv_slice_to_u64(
            (struct pv_slice){colon + 1, all.len - host.len - 1 -
                                             (text[0] == '[' ? 2 : 0)},
            UINT16_MAX, &number) != PV_OK) {
        return false;
    }
    *ret_same_port = number == port;
    return true;
}

const char *
pv_forbidden(const struct pv_import *import, const uint8_t address[16],
             uint16_t port)
{
    const json_t *own = json_object_get(import->overlay, "exchange_addresses");
    bool          is_loopback = false;
    const char   *what = pv_address_special(address, &is_loopback);
    json_t       *row;
    size_t        i;

    if (what != NULL && (!is_loopback || !import->loopback)) {
        return what;
    }
    json_array_foreach(own, i, row)
    {
        bool        same_port = false;
        const char *text = json_string_value(row);

        if (text != NULL && is_exchange(text, address, port, &same_port) &&
            (same_port || !is_loopback)) {
            return "an address of the exchange itself";
        }
    }
    return NULL;
}

/* ---- settings of a method ---- */

static bool
clock_minute(struct pv_slice text, int16_t *ret)
{
    uint64_t hour;
    uint64_t minute;

    if (text.len != 5 || text.ptr[2] != ':') {
        return false;
    }
    for (size_t i = 0; i < 5; i++) {
        if (i != 2 && (text.ptr[i] < '0' || text.ptr[i] > '9')) {
            return false;
        }
    }
    hour = (uint64_t)(text.ptr[0] - '0') * 10 + (uint64_t)(text.ptr[1] - '0');
    minute = (uint64_t)(text.ptr[3] - '0') * 10 + (uint64_t)(text.ptr[4] - '0');
    if (minute > 59 || hour * 60 + minute > MINUTES_OF_DAY) {
        return false;
    }
    *ret = (int16_t)(hour * 60 + minute);
    return true;
}

static void
set_hours(struct pv_import *import, const char *row, const json_t *hours,
          struct pv_method_row *method)
{
    static const char *const weekday[] = {"saturday", "sunday",    "monday",
                                          "tuesday",  "wednesday", "thursday",
                                          "friday"};
    static const char *const names[] = {"open", "close", "weekdays", NULL};
    json_t                  *day;
    size_t                   i;
    size_t                   n;

    method->open_minute = 0;
    method->close_minute = 0;
    method->weekdays = 0;
    if (json_is_null(hours)) {
        return;
    }
    pv_known(import, row, hours, names);
    if (!clock_minute(pv_text(hours, "open"), &method->open_minute) ||
        !clock_minute(pv_text(hours, "close"), &method->close_minute) ||
        method->open_minute == MINUTES_OF_DAY ||
        (method->open_minute == method->close_minute &&
         method->open_minute != 0)) {
        pv_complain(import, row,
                    "hours need an open and another close, such as 07:00 and "
                    "20:00");
    }
    json_array_foreach(json_object_get(hours, "weekdays"), i, day)
    {
        for (n = 0; n < 7; n++) {
            if (strcmp(weekday[n], json_is_string(day) ? json_string_value(day)
                                                       : "") == 0) {
                method->weekdays |= (uint8_t)(1u << n);
                break;
            }
        }
        if (n == 7) {
            pv_complain(import, row, "a weekday is saturday to friday");
        }
    }
}

static void
set_notices(struct pv_import *import, const char *row, const json_t *notices,
            struct pv_method_row *method)
{
    json_t *notice;
    size_t  i;

    method->notice_count = 0;
    if (json_array_size(notices) > PV_POLICY_NOTICES_MAX) {
        pv_complain(import, row, "at most %d notices", PV_POLICY_NOTICES_MAX);
        return;
    }
    json_array_foreach(notices, i, notice)
    {
        struct pv_notice *to = &method->notice[method->notice_count];

        if (!pv_to_span(import, row, notice, &to->from_ms, &to->until_ms)) {
            continue;
        }
        if (to->until_ms == 0) {
            pv_complain(import, row, "a notice needs an \"until\"");
            continue;
        }
        method->notice_count++;
    }
}

static void
set_u32(struct pv_import *import, const char *row, const json_t *settings,
        const char *name, uint64_t max, uint32_t *field)
{
    const json_t *value = json_object_get(settings, name);
    uint64_t      n;

    if (value != NULL && !json_is_null(value) &&
        pv_to_number(import, row, name, value, max, &n)) {
        *field = (uint32_t)n;
    }
}

void
pv_method_settings(struct pv_import *import, const char *row,
                   const json_t *settings, struct pv_method_row *method)
{
    const json_t *hours = json_object_get(settings, "hours");
    const json_t *notices = json_object_get(settings, "notices");

    set_u32(import, row, settings, "deadline_ms", DEADLINE_MAX_MS,
            &method->deadline_ms);
    set_u32(import, row, settings, "connect_timeout_ms", DEADLINE_MAX_MS,
            &method->connect_timeout_ms);
    set_u32(import, row, settings, "answer_max_len", ANSWER_MAX_LEN,
            &method->answer_max_len);
    if (hours != NULL) {
        set_hours(import, row, hours, method);
    }
    if (notices != NULL) {
        set_notices(import, row, notices, method);
    }
}

/* ---- terms of a grant ---- */

static void
set_purposes(struct pv_import *import, const char *row, const json_t *purposes,
             struct pv_grant_row *grant)
{
    json_t *purpose;
    size_t  i;

    grant->purpose_count = 0;
    if (json_array_size(purposes) == 0 ||
        json_array_size(purposes) > PV_POLICY_PURPOSES_MAX) {
        pv_complain(import, row, "a grant has 1 to %d purposes",
                    PV_POLICY_PURPOSES_MAX);
        return;
    }
    json_array_foreach(purposes, i, purpose)
    {
        struct pv_slice id = json_is_string(purpose)
                                 ? pv_slice_from(json_string_value(purpose))
                                 : pv_text(purpose, "id");

        if (pv_to_id(import, row, id, &grant->purpose[i])) {
            grant->purpose_count++;
        }
    }
}

/* How many calls may be answered in all; null: any number. */
static void
set_answered(struct pv_import *import, const char *row, const json_t *value,
             struct pv_grant_row *grant)
{
    uint64_t n = 0;

    if (json_is_null(value)) {
        grant->max_answered = 0;
    } else if (value != NULL &&
               pv_to_number(import, row, "max_calls_answered", value,
                            PV_POLICY_ANSWERED_MAX, &n)) {
        grant->max_answered = (uint32_t)n;
        if (n == 0) {
            pv_complain(import, row, "max_calls_answered is at least 1");
        }
    }
}

/* A group's quota is one for all its members, or one for each. */
static void
set_quota_per(struct pv_import *import, const char *row, const json_t *value,
              struct pv_grant_row *grant)
{
    if (value == NULL) {
        return;
    }
    grant->per_member = json_is_string(value) &&
                        strcmp(json_string_value(value), "member") == 0;
    if (!grant->per_member && !json_is_null(value)) {
        pv_complain(import, row, "quota_per is \"member\" or null");
    }
}

void
pv_grant_terms(struct pv_import *import, const char *row, const json_t *terms,
               struct pv_grant_row *grant)
{
    const json_t *purposes = json_object_get(terms, "purposes");
    const json_t *quota = json_object_get(terms, "quota");
    const json_t *consent = json_object_get(terms, "consent");
    const json_t *start = json_object_get(terms, "start");
    const json_t *end = json_object_get(terms, "end");

    static const char *const limits[] = {"rate_per_s", "burst", "per_day",
                                         NULL};

    if (purposes != NULL) {
        set_purposes(import, row, purposes, grant);
    }
    if (quota != NULL && !json_is_null(quota) && !json_is_object(quota)) {
        pv_complain(import, row, "quota must be an object or null");
    } else if (quota != NULL) {
        pv_known(import, row, quota, limits); /* a typo would be no limit */
    }
    set_u32(import, row, quota, "rate_per_s", COUNT_MAX, &grant->rate_per_s);
    set_u32(import, row, quota, "burst", COUNT_MAX, &grant->burst);
    set_u32(import, row, quota, "per_day", COUNT_MAX, &grant->per_day);
    set_answered(import, row, json_object_get(terms, "max_calls_answered"),
                 grant);
    set_quota_per(import, row, json_object_get(terms, "quota_per"), grant);
    if (consent != NULL && !json_is_object(consent) &&
        !json_is_boolean(consent) && !json_is_null(consent)) {
        pv_complain(import, row, "consent must be an object, or true or false");
    } else if (consent != NULL) {
        grant->needs_consent = json_is_object(consent) || json_is_true(consent);
    }
    if (start != NULL &&
        !pv_to_when(import, row, "start", start, false, &grant->start_ms)) {
        return;
    }
    if (end != NULL &&
        !pv_to_when(import, row, "end", end, true, &grant->end_ms)) {
        return;
    }
    if (grant->end_ms != 0 && grant->end_ms <= grant->start_ms) {
        pv_complain(import, row, "it ends before it starts");
    }
}
