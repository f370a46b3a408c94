#include "policy/outcome.h"

struct class_row {
    struct pv_slice word;
    int             status;
};

struct reason_row {
    struct pv_slice word;
    enum pv_outcome outcome;
    int             status; /* 0: that of the class */
    struct pv_slice en;
    struct pv_slice fa;
};

static const struct class_row class[PV_OUTCOME_END] = {
    [PV_OUTCOME_ANSWERED] = {PV_SLICE_INIT("answered"), 200},
    [PV_OUTCOME_INVALID] = {PV_SLICE_INIT("invalid"), 400},
    [PV_OUTCOME_REFUSED] = {PV_SLICE_INIT("refused"), 403},
    [PV_OUTCOME_LIMITED] = {PV_SLICE_INIT("limited"), 429},
    [PV_OUTCOME_CLOSED] = {PV_SLICE_INIT("closed"), 503},
    [PV_OUTCOME_FAILED] = {PV_SLICE_INIT("failed"), 502},
    [PV_OUTCOME_TIMEOUT] = {PV_SLICE_INIT("timeout"), 504},
    [PV_OUTCOME_UNAVAILABLE] = {PV_SLICE_INIT("unavailable"), 503},
    [PV_OUTCOME_UNKNOWN] = {PV_SLICE_INIT("unknown"), 500},
};

#define ROW(word, class, status, en, fa)                                       \
    {                                                                          \
        PV_SLICE_INIT(word), PV_OUTCOME_##class, status, PV_SLICE_INIT(en),    \
            PV_SLICE_INIT(fa)                                                  \
    }

/* clang-format off: one row a reason, read as a table */
static const struct reason_row reason_table[PV_REASON_END] = {
    [PV_REASON_CERTIFICATE_MISSING] = ROW(
        "certificate-missing", REFUSED, 401,
        "No client certificate was presented; connect with the certificate of "
        "a registered system.",
        "گواهی الکترونیکی ارائه نشد؛ با گواهی یک سامانه ثبت‌شده متصل شوید."),
    [PV_REASON_CERTIFICATE_INVALID] = ROW(
        "certificate-invalid", REFUSED, 401,
        "The client certificate was not issued by a registered authority; "
        "obtain one from an authority that the registry accepts.",
        "گواهی را مرجع ثبت‌شده صادر نکرده است؛ از مرجع مورد پذیرش سامانه ثبت "
        "گواهی بگیرید."),
    [PV_REASON_CERTIFICATE_EXPIRED] = ROW(
        "certificate-expired", REFUSED, 401,
        "The client certificate has expired; renew it and connect again.",
        "اعتبار گواهی پایان یافته است؛ آن را تمدید کنید و دوباره متصل شوید."),
    [PV_REASON_CERTIFICATE_NOT_YET_VALID] = ROW(
        "certificate-not-yet-valid", REFUSED, 401,
        "The client certificate is not valid yet; use it from its first day "
        "on, and check the clock of the calling system.",
        "اعتبار گواهی هنوز آغاز نشده است؛ از نخستین روز اعتبار به کار برید و "
        "ساعت سامانه را بررسی کنید."),
    [PV_REASON_CERTIFICATE_REVOKED] = ROW(
        "certificate-revoked", REFUSED, 401,
        "The client certificate is revoked; obtain a new key and certificate "
        "and register them.",
        "گواهی باطل شده است؛ کلید و گواهی تازه بگیرید و ثبت کنید."),
    [PV_REASON_KEY_UNREGISTERED] = ROW(
        "key-unregistered", REFUSED, 0,
        "The key of this certificate belongs to no registered system; "
        "register the system's key.",
        "کلید این گواهی به هیچ سامانه ثبت‌شده‌ای تعلق ندارد؛ کلید سامانه را "
        "ثبت کنید."),
    [PV_REASON_NETWORK_NOT_REGISTERED] = ROW(
        "network-not-registered", REFUSED, 0,
        "The call comes from a network that is not registered for this "
        "system; call from its own network or register the new one.",
        "فراخوانی از شبکه‌ای است که برای این سامانه ثبت نشده؛ از شبکه خود "
        "سامانه فراخوانی کنید یا شبکه تازه را ثبت کنید."),
    [PV_REASON_SYSTEM_SUSPENDED] =
        ROW("system-suspended", REFUSED, 0,
            "The calling system is suspended; ask the secretariat for the "
            "decision and its reason.",
            "سامانه فراخواننده تعلیق شده است؛ تصمیم و دلیل آن را از دبیرخانه "
            "بپرسید."),
    [PV_REASON_PATH_NOT_CANONICAL] = ROW(
        "path-not-canonical", INVALID, 0,
        "The path is not of the form /x/{provider}/{service}/{version}/"
        "{method}; send exactly the registered ids, without query, escapes "
        "or upper case.",
        "نشانی به شکل /x/{provider}/{service}/{version}/{method} نیست؛ دقیقا "
        "شناسه‌های ثبت‌شده را بدون پرسمان، نویسه گریز و حرف بزرگ بفرستید."),
    [PV_REASON_HTTP_METHOD] = ROW(
        "http-method", INVALID, 405,
        "Calls are made with POST only; send the inputs in the body.",
        "فراخوانی تنها با POST انجام می‌شود؛ ورودی‌ها را در بدنه بفرستید."),
    [PV_REASON_HEADER_NOT_ALLOWED] = ROW(
        "header-not-allowed", INVALID, 0,
        "The request carries a header that only the exchange may set, or that "
        "it does not take; remove it.",
        "درخواست سرآیندی دارد که تنها مرکز تبادل آن را می‌نهد یا پذیرفته "
        "نیست؛ آن را حذف کنید."),
    [PV_REASON_HEADER_GRAMMAR] =
        ROW("header-grammar", INVALID, 0,
            "A header is too long or breaks its grammar; correct its value.",
            "سرآیندی بیش از اندازه بلند است یا قالب آن درست نیست؛ مقدار آن را "
            "اصلاح کنید."),
    [PV_REASON_REQUEST_MALFORMED] =
        ROW("request-malformed", INVALID, 0,
            "The request is not well-formed HTTP; correct the calling program.",
            "درخواست HTTP درست نیست؛ برنامه فراخواننده را اصلاح کنید."),
    [PV_REASON_BODY_TOO_LARGE] = ROW(
        "body-too-large", INVALID, 413,
        "The body is larger than the exchange carries; send less in one call.",
        "بدنه از اندازه مجاز مرکز تبادل بزرگ‌تر است؛ در هر فراخوانی کمتر "
        "بفرستید."),
    [PV_REASON_REQUEST_TOO_SLOW] =
        ROW("request-too-slow", INVALID, 408,
            "The request did not arrive in time; send it again without pauses.",
            "درخواست در زمان مقرر نرسید؛ دوباره و بدون مکث بفرستید."),
    [PV_REASON_CONTRACT] = ROW(
        "contract", INVALID, 0,
        "The inputs break the contract of the service; correct the member "
        "that the detail names.",
        "ورودی‌ها با قرارداد خدمت سازگار نیست؛ قلمی را که در شرح آمده اصلاح "
        "کنید."),
    [PV_REASON_METHOD_UNKNOWN] = ROW(
        "method-unknown", REFUSED, 404,
        "No such service method is registered; look up its path in the list "
        "of services.",
        "چنین روش خدمتی ثبت نشده است؛ نشانی آن را در فهرست خدمات ببینید."),
    [PV_REASON_PASSPORT_NOT_APPROVED] = ROW(
        "passport-not-approved", REFUSED, 0,
        "The service has no approved passport; its provider must have the "
        "passport approved first.",
        "شناسنامه خدمت تصویب نشده است؛ ارائه‌دهنده باید نخست شناسنامه را به "
        "تصویب برساند."),
    [PV_REASON_SERVICE_CODE_MISSING] = ROW(
        "service-code-missing", REFUSED, 0,
        "The service has no issued code yet; the secretariat issues it when "
        "the passport is approved.",
        "برای خدمت هنوز کد صادر نشده است؛ دبیرخانه پس از تصویب شناسنامه کد را "
        "صادر می‌کند."),
    [PV_REASON_SERVICE_NOT_LIVE] = ROW(
        "service-not-live", REFUSED, 0,
        "The service is registered but not in operation yet; its provider "
        "must declare it ready.",
        "خدمت ثبت شده اما هنوز عملیاتی نیست؛ ارائه‌دهنده باید آمادگی را اعلام "
        "کند."),
    [PV_REASON_SERVICE_SUSPENDED] =
        ROW("service-suspended", REFUSED, 0,
            "The service is suspended by a decision; ask the secretariat until "
            "when.",
            "خدمت به موجب تصمیم تعلیق شده است؛ مدت آن را از دبیرخانه بپرسید."),
    [PV_REASON_SERVICE_WITHDRAWN] =
        ROW("service-withdrawn", REFUSED, 0,
            "The service is withdrawn; look for its replacement in the list of "
            "services.",
            "خدمت لغو شده است؛ جایگزین آن را در فهرست خدمات بیابید."),
    [PV_REASON_ENDPOINT_MISSING] = ROW(
        "endpoint-missing", UNAVAILABLE, 0,
        "The provider has registered no endpoint for this service; it must "
        "register one.",
        "ارائه‌دهنده برای این خدمت نشانی اتصال ثبت نکرده است و باید ثبت کند."),
    [PV_REASON_NO_GRANT] = ROW(
        "no-grant", REFUSED, 0,
        "No grant covers this call; request it at the registry.",
        "هیچ مجوزی این فراخوانی را در بر نمی‌گیرد؛ آن را در سامانه ثبت "
        "درخواست کنید."),
    [PV_REASON_GRANT_NOT_STARTED] =
        ROW("grant-not-started", REFUSED, 0,
            "The grant has not started; call from its first day on.",
            "مجوز هنوز آغاز نشده است؛ از نخستین روز آن فراخوانی کنید."),
    [PV_REASON_GRANT_ENDED] = ROW(
        "grant-ended", REFUSED, 0,
        "The grant has ended; request its renewal at the registry.",
        "مدت مجوز پایان یافته است؛ تمدید آن را در سامانه ثبت درخواست کنید."),
    [PV_REASON_GRANT_SUSPENDED] = ROW(
        "grant-suspended", REFUSED, 0,
        "The grant is suspended by a decision; ask the secretariat for its "
        "reason and what lifts it.",
        "مجوز به موجب تصمیم تعلیق شده است؛ دلیل و راه رفع آن را از دبیرخانه "
        "بپرسید."),
    [PV_REASON_GRANT_WITHDRAWN] = ROW(
        "grant-withdrawn", REFUSED, 0,
        "The grant is withdrawn; a new one must be requested at the registry.",
        "مجوز لغو شده است؛ مجوز تازه را در سامانه ثبت درخواست کنید."),
    [PV_REASON_CONSUMER_SUSPENDED] = ROW(
        "consumer-suspended", REFUSED, 0,
        "This consumer is suspended from the service, also under a general "
        "opening; ask the secretariat what lifts it.",
        "دسترسی این گیرنده به خدمت تعلیق شده است، حتی اگر خدمت برای همه باز "
        "باشد؛ راه رفع آن را از دبیرخانه بپرسید."),
    [PV_REASON_PROVIDER_READINESS_MISSING] = ROW(
        "provider-readiness-missing", REFUSED, 0,
        "The grant is approved, but the provider has not confirmed readiness; "
        "ask the provider to confirm it.",
        "مجوز تصویب شده اما ارائه‌دهنده آمادگی خود را تایید نکرده است؛ از "
        "ارائه‌دهنده بخواهید تایید کند."),
    [PV_REASON_CONSUMER_READINESS_MISSING] = ROW(
        "consumer-readiness-missing", REFUSED, 0,
        "The grant is approved, but your agency has not confirmed readiness; "
        "confirm it at the registry.",
        "مجوز تصویب شده اما دستگاه شما آمادگی خود را تایید نکرده است؛ آن را "
        "در سامانه ثبت تایید کنید."),
    [PV_REASON_GRANT_AWAITS_SERVICE] = ROW(
        "grant-awaits-service", REFUSED, 0,
        "The grant is approved and waits for the service to be put in "
        "operation; follow it at the registry.",
        "مجوز تصویب شده و در انتظار راه‌اندازی خدمت است؛ آن را در سامانه ثبت "
        "پیگیری کنید."),
    [PV_REASON_NOT_THIS_UNIT] = ROW(
        "not-this-unit", REFUSED, 0,
        "Your agency's grant is limited to another unit; call from a system "
        "of that unit, or request a grant for this one.",
        "مجوز دستگاه شما محدود به واحد دیگری است؛ از سامانه همان واحد "
        "فراخوانی کنید یا برای این واحد مجوز بخواهید."),
    [PV_REASON_NOT_THIS_SYSTEM] = ROW(
        "not-this-system", REFUSED, 0,
        "Your agency's grant is limited to another system; call from that "
        "system, or request a grant for this one.",
        "مجوز دستگاه شما محدود به سامانه دیگری است؛ از همان سامانه فراخوانی "
        "کنید یا برای این سامانه مجوز بخواهید."),
    [PV_REASON_DEDICATED] =
        ROW("dedicated", REFUSED, 0,
            "This method is dedicated to one system by resolution; use another "
            "method of the service if there is one.",
            "این روش به موجب مصوبه ویژه یک سامانه است؛ اگر خدمت روش دیگری دارد "
            "همان را به کار برید."),
    [PV_REASON_NOT_COVERED_BY_MODE] = ROW(
        "not-covered-by-mode", REFUSED, 0,
        "The service is opened to other agencies, not to yours; request an "
        "individual grant at the registry.",
        "خدمت برای دستگاه‌های دیگری گشوده شده و دستگاه شما در شمار آن‌ها نیست؛ "
        "مجوز موردی را در سامانه ثبت درخواست کنید."),
    [PV_REASON_MODE_WITHOUT_RESOLUTION] = ROW(
        "mode-without-resolution", REFUSED, 0,
        "A general opening of the service is proposed but no resolution has "
        "approved it; until then request an individual grant.",
        "گشودن عمومی خدمت پیشنهاد شده اما هنوز مصوبه ندارد؛ تا آن هنگام مجوز "
        "موردی درخواست کنید."),
    [PV_REASON_MODE_NOT_STARTED] =
        ROW("mode-not-started", REFUSED, 0,
            "The general opening of the service has not started; call from its "
            "first day on.",
            "گشودن عمومی خدمت هنوز آغاز نشده است؛ از نخستین روز آن فراخوانی "
            "کنید."),
    [PV_REASON_MODE_ENDED] = ROW(
        "mode-ended", REFUSED, 0,
        "The general opening of the service has ended; request an individual "
        "grant at the registry.",
        "گشودن عمومی خدمت پایان یافته است؛ مجوز موردی را در سامانه ثبت "
        "درخواست کنید."),
    [PV_REASON_PURPOSE_MISSING] = ROW(
        "purpose-missing", REFUSED, 0,
        "The grant lists several purposes; name one of them in the header "
        "Payvand-Purpose.",
        "مجوز چند هدف دارد؛ یکی از آن‌ها را در سرآیند Payvand-Purpose بنویسید."),
    [PV_REASON_PURPOSE_NOT_GRANTED] = ROW(
        "purpose-not-granted", REFUSED, 0,
        "The grant does not list this purpose; use a granted one or request "
        "this purpose at the registry.",
        "این هدف در مجوز نیست؛ هدف مجاز را به کار برید یا این هدف را در "
        "سامانه ثبت درخواست کنید."),
    [PV_REASON_CONSENT_MISSING] = ROW(
        "consent-missing", REFUSED, 0,
        "This call needs the person's consent number; send it in the header "
        "Payvand-Consent.",
        "این فراخوانی شماره رضایت شخص را لازم دارد؛ آن را در سرآیند "
        "Payvand-Consent بفرستید."),
    [PV_REASON_USED_UP] = ROW(
        "used-up", REFUSED, 0,
        "Every answer that the grant allows has been given; another needs a "
        "new decision, request it at the registry.",
        "همه پاسخ‌هایی که مجوز اجازه می‌دهد داده شده است؛ پاسخ دیگر تصمیم تازه "
        "می‌خواهد، آن را در سامانه ثبت درخواست کنید."),
    [PV_REASON_RATE] = ROW(
        "rate", LIMITED, 0,
        "Calls come faster than the grant allows; wait as Retry-After says.",
        "فراخوانی‌ها از آهنگ مجاز مجوز تندتر است؛ به اندازه Retry-After صبر "
        "کنید."),
    [PV_REASON_DAILY] = ROW(
        "daily", LIMITED, 0,
        "The grant's calls of this day are used up; call again after midnight "
        "of Tehran or request a larger quota.",
        "سهم امروز مجوز تمام شده است؛ پس از نیمه‌شب تهران فراخوانی کنید یا سهم "
        "بیشتر بخواهید."),
    [PV_REASON_LAST_CALL_OPEN] = ROW(
        "last-call-open", LIMITED, 0,
        "The last call that the grant allows is under way; wait for its "
        "answer.",
        "آخرین فراخوانی که مجوز اجازه می‌دهد در جریان است؛ در انتظار پاسخ آن "
        "بمانید."),
    [PV_REASON_HOURS] = ROW(
        "hours", CLOSED, 0,
        "The service is closed at this hour; call within its announced hours.",
        "خدمت در این ساعت بسته است؛ در ساعت‌های اعلام‌شده فراخوانی کنید."),
    [PV_REASON_OUTAGE] = ROW(
        "outage", CLOSED, 0,
        "The provider announced an outage; call again when it is over.",
        "ارائه‌دهنده قطعی را از پیش اعلام کرده است؛ پس از پایان آن دوباره "
        "فراخوانی کنید."),
    [PV_REASON_POLICY_UNREADABLE] = ROW(
        "policy-unreadable", UNAVAILABLE, 0,
        "The exchange cannot read its policy and therefore refuses; try again "
        "later, its operator is needed.",
        "مرکز تبادل نمی‌تواند سیاست دسترسی را بخواند و از این رو رد می‌کند؛ "
        "بعدا دوباره تلاش کنید، راهبر باید رسیدگی کند."),
    [PV_REASON_POLICY_STALE] = ROW(
        "policy-stale", UNAVAILABLE, 0,
        "This node has not heard from the registry for too long and therefore "
        "refuses; call another node or try again later.",
        "این گره زمان درازی از دفتر ثبت خبر نگرفته است و از این رو رد "
        "می‌کند؛ از گره دیگری یا بعدا فراخوانی کنید."),
    [PV_REASON_JOURNAL_DOWN] = ROW(
        "journal-down", UNAVAILABLE, 0,
        "The exchange cannot record the call and therefore did not forward "
        "it; try again later.",
        "مرکز تبادل نمی‌تواند فراخوانی را ثبت کند و از این رو آن را نفرستاد؛ "
        "بعدا دوباره تلاش کنید."),
    [PV_REASON_JOURNAL_FULL] = ROW(
        "journal-full", UNAVAILABLE, 0,
        "The exchange has no room to record the call and did not forward it; "
        "its operator must make room.",
        "مرکز تبادل برای ثبت فراخوانی جا ندارد و آن را نفرستاد؛ راهبر باید جا "
        "باز کند."),
    [PV_REASON_OVERLOADED] = ROW(
        "overloaded", UNAVAILABLE, 0,
        "The exchange is overloaded and did not forward the call; try again "
        "after a pause.",
        "بار مرکز تبادل بیش از توان است و فراخوانی فرستاده نشد؛ پس از مکثی "
        "دوباره تلاش کنید."),
    [PV_REASON_PROVIDER_UNREACHABLE] = ROW(
        "provider-unreachable", FAILED, 0,
        "The provider cannot be reached; this is no answer about the person. "
        "Try again later.",
        "ارائه‌دهنده در دسترس نیست؛ این پاسخی درباره شخص نیست. بعدا دوباره "
        "تلاش کنید."),
    [PV_REASON_PROVIDER_IDENTITY] = ROW(
        "provider-identity", FAILED, 0,
        "The provider's endpoint did not prove its registered identity; "
        "nothing was sent to it. Its operator must mend it.",
        "نشانی ارائه‌دهنده هویت ثبت‌شده خود را ثابت نکرد و چیزی به آن فرستاده "
        "نشد؛ راهبر آن باید اصلاح کند."),
    [PV_REASON_PROVIDER_ANSWER] = ROW(
        "provider-answer", FAILED, 0,
        "The provider's answer is malformed or failed; this is no answer "
        "about the person. Try again later.",
        "پاسخ ارائه‌دهنده نادرست یا ناموفق است؛ این پاسخی درباره شخص نیست. "
        "بعدا دوباره تلاش کنید."),
    [PV_REASON_PROVIDER_TIMEOUT] = ROW(
        "provider-timeout", TIMEOUT, 0,
        "The provider did not answer in time; this is no answer about the "
        "person. Try again later.",
        "ارائه‌دهنده در زمان مقرر پاسخ نداد؛ این پاسخی درباره شخص نیست. بعدا "
        "دوباره تلاش کنید."),
    [PV_REASON_CALLER_GONE] = ROW(
        "caller-gone", UNAVAILABLE, 0,
        "The caller left before the call was recorded; nothing was forwarded.",
        "فراخواننده پیش از ثبت فراخوانی رفت؛ چیزی فرستاده نشد."),
};
/* clang-format on */

static const struct pv_slice empty;

struct pv_slice
pv_outcome_word(enum pv_outcome outcome)
{
    return (unsigned)outcome < PV_OUTCOME_END ? class[outcome].word : empty;
}

enum pv_outcome
pv_outcome_from_word(struct pv_slice word)
{
    unsigned i;

    for (i = PV_OUTCOME_NONE + 1; i < PV_OUTCOME_END; i++) {
        if (pv_slice_eq(class[i].word, word)) {
            return (enum pv_outcome)i;
        }
    }
    return PV_OUTCOME_NONE;
}

int
pv_outcome_status(enum pv_outcome outcome)
{
    int status = 0;

    if ((unsigned)outcome < PV_OUTCOME_END) {
        status = class[outcome].status;
    }
    /* an outcome that nobody set is a fault of ours, never a 200 */
    return status == 0 ? 500 : status;
}

struct pv_slice
pv_reason_word(enum pv_reason reason)
{
    return (unsigned)reason < PV_REASON_END ? reason_table[reason].word : empty;
}

enum pv_reason
pv_reason_from_word(struct pv_slice word)
{
    unsigned i;

    for (i = PV_REASON_NONE + 1; i < PV_REASON_END; i++) {
        if (pv_slice_eq(reason_table[i].word, word)) {
            return (enum pv_reason)i;
        }
    }
    return PV_REASON_NONE;
}

enum pv_outcome
pv_reason_outcome(enum pv_reason reason)
{
    return (unsigned)reason < PV_REASON_END ? reason_table[reason].outcome
                                            : PV_OUTCOME_UNAVAILABLE;
}

int
pv_reason_status(enum pv_reason reason)
{
    if ((unsigned)reason < PV_REASON_END && reason_table[reason].status != 0) {
        return reason_table[reason].status;
    }
    return pv_outcome_status(pv_reason_outcome(reason));
}

struct pv_slice
pv_reason_title_en(enum pv_reason reason)
{
    return (unsigned)reason < PV_REASON_END ? reason_table[reason].en : empty;
}

struct pv_slice
pv_reason_title_fa(enum pv_reason reason)
{
    return (unsigned)reason < PV_REASON_END ? reason_table[reason].fa : empty;
}
