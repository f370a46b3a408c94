/*
 * cmd_call.c - `payvand call`: one governed call with a system's certificate.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"
#include "call_list.h"
#include "client/payvand.h"
#include "cmd.h"

struct call {
    struct payvand *exchange;
    const char     *path;
    const char     *system;
    const char     *data;
    const char     *url;
    const char     *cert;
    const char     *key;
    const char     *lang;
    const char     *value[PAYVAND_REPEATABLE + 1]; /* of a call setting */
    bool            as_json;
    bool            contracts;
    bool            all; /* pages */
    struct pv_buf   body;
};

static const char usage_en[] =
    "payvand call PROVIDER/SERVICE/VERSION/METHOD --as SYSTEM [OPTION...]\n"
    "\n"
    "Calls a method of a service with the certificate of an information\n"
    "system. The answer goes to standard output, what became of the call to\n"
    "standard error.\n"
    "\n"
    "  --as SYSTEM            who calls; its certificate is found in\n"
    "                         PAYVAND_CERT_<SYSTEM> and PAYVAND_KEY_<SYSTEM>\n"
    "                         (capitals, _ for -)\n"
    "  --data JSON|@FILE|-    the input; {} when absent; - is standard input\n"
    "  --purpose PURPOSE      where the grant lists more than one\n"
    "  --consent NUMBER       the person's consent, where it is demanded\n"
    "  --case UUID            the citizen's case that the call belongs to\n"
    "  --idempotency-key KEY  for commands; makes one repeatable\n"
    "  --repeatable           the method changes nothing: up to 3 tries when\n"
    "                         there is no answer\n"
    "  --provider-keys DIR    take only answers that are signed with the key\n"
    "                         in DIR/PROVIDER.pem (PAYVAND_PROVIDER_KEYS)\n"
    "  --contracts DIR        take only answers that are as their contract in\n"
    "                         DIR says; show what yes and no mean\n"
    "  --rights FILE --log-key VKEY --agency ID\n"
    "                         take only answers with the items that the grants\n"
    "                         in FILE open, as the registry's log signed them\n"
    "                         for that agency, and send no command without one;\n"
    "                         needs --contracts\n"
    "  --all                  a list that comes in pages, to its end: a line of\n"
    "                         JSON for each row, and a last one that says it is\n"
    "                         whole; needs --contracts\n"
    "  --keep-evidence DIR    keep what was asked, and a secret, in a file "
    "there,\n"
    "                         to prove later what was asked: payvand prove\n"
    "  --url URL              the exchange (PAYVAND_URL)\n"
    "  --ca FILE              who signed the exchange's key (PAYVAND_CA)\n"
    "  --cert FILE --key FILE instead of --as\n"
    "  --timeout-ms N         how long to wait (30000)\n"
    "  --json                 outcome, tracking id and answer as one object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 answered, 3 answered and withheld (not shown to be the\n"
    "provider's, or not as its contract says), 10 invalid, 11 refused,\n"
    "12 limited, 13 closed, 14 failed, 15 timeout, 16 unavailable, 17 unknown;\n"
    "1 no answer from the exchange, 2 wrong command line.\n"
    "\n"
    "  payvand call ministry-interior/country-divisions/v1/inquire \\\n"
    "      --as customs-administration-main\n";

static const char usage_fa[] =
    "payvand call PROVIDER/SERVICE/VERSION/METHOD --as SYSTEM [OPTION...]\n"
    "\n"
    "یک متد از یک خدمت را با گواهی یک سامانه فرا می‌خواند. پاسخ در خروجی\n"
    "استاندارد و سرنوشت فراخوانی در خروجی خطا می‌آید.\n"
    "\n"
    "  --as SYSTEM            سامانه فراخواننده؛ گواهی آن از متغیرهای\n"
    "                         PAYVAND_CERT_<SYSTEM> و PAYVAND_KEY_<SYSTEM>\n"
    "  --data JSON|@FILE|-    ورودی؛ در نبود آن {}\n"
    "  --purpose PURPOSE      هدف، اگر مجوز بیش از یک هدف دارد\n"
    "  --consent NUMBER       شماره رضایت شخص، اگر لازم باشد\n"
    "  --case UUID            پرونده شهروند\n"
    "  --idempotency-key KEY  برای فرمان‌ها؛ تکرار را بی‌خطر می‌کند\n"
    "  --repeatable           متد چیزی را تغییر نمی‌دهد: تا ۳ بار تلاش\n"
    "  --provider-keys DIR    تنها پاسخی پذیرفته است که با کلید\n"
    "                         DIR/PROVIDER.pem امضا شده باشد\n"
    "                         (PAYVAND_PROVIDER_KEYS)\n"
    "  --contracts DIR        تنها پاسخی پذیرفته است که با قرارداد آن در\n"
    "                         DIR بخواند؛ معنای بلی و خیر نشان داده می‌شود\n"
    "  --rights FILE --log-key VKEY --agency ID\n"
    "                         تنها پاسخی پذیرفته است که اقلام آن را مجوزهای\n"
    "                         FILE با امضای دفتر ثبت برای آن دستگاه باز کرده\n"
    "                         باشد، و فرمان بی‌مجوز فرستاده نمی‌شود؛ با\n"
    "                         --contracts\n"
    "  --all                  فهرستی که صفحه‌به‌صفحه می‌آید، تا پایان: هر سطر یک\n"
    "                         خط JSON، و خط آخر که می‌گوید کامل است؛ با\n"
    "                         --contracts\n"
    "  --keep-evidence DIR    نگهداری پرسش و یک راز در پرونده‌ای در آن پوشه،\n"
    "                         برای اثبات پرسش در آینده: payvand prove\n"
    "  --url URL              نشانی مرکز تبادل (PAYVAND_URL)\n"
    "  --ca FILE              مرجع گواهی مرکز تبادل (PAYVAND_CA)\n"
    "  --cert FILE --key FILE به جای --as\n"
    "  --timeout-ms N         مهلت پاسخ (۳۰۰۰۰)\n"
    "  --json                 نتیجه، شناسه پیگیری و پاسخ در یک شیء\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ پاسخ داده شد، ۳ پاسخ آمد و پذیرفته نشد (امضا یا قرارداد)،\n"
    "۱۰ ورودی نامعتبر، ۱۱ رد شد، ۱۲ سهمیه تمام، ۱۳ بسته، ۱۴ خطای\n"
    "ارائه‌دهنده، ۱۵ پایان مهلت، ۱۶ مرکز در دسترس نیست، ۱۷ نامعلوم؛ ۱ مرکز\n"
    "پاسخ نداد، ۲ خط فرمان نادرست.\n";

enum {
    OPT_AS = 1000,
    OPT_DATA,
    OPT_PURPOSE,
    OPT_CONSENT,
    OPT_CASE,
    OPT_KEY_OF_COMMAND,
    OPT_REPEATABLE,
    OPT_KEEP_EVIDENCE,
    OPT_PROVIDER_KEYS,
    OPT_CONTRACTS,
    OPT_RIGHTS,
    OPT_LOG_KEY,
    OPT_AGENCY,
    OPT_ALL,
    OPT_URL,
    OPT_CA,
    OPT_CERT,
    OPT_KEY,
    OPT_TIMEOUT,
    OPT_JSON,
    OPT_LANG,
};

static const struct option option[] = {
    {"as", required_argument, NULL, OPT_AS},
    {"data", required_argument, NULL, OPT_DATA},
    {"purpose", required_argument, NULL, OPT_PURPOSE},
    {"consent", required_argument, NULL, OPT_CONSENT},
    {"case", required_argument, NULL, OPT_CASE},
    {"idempotency-key", required_argument, NULL, OPT_KEY_OF_COMMAND},
    {"repeatable", no_argument, NULL, OPT_REPEATABLE},
    {"provider-keys", required_argument, NULL, OPT_PROVIDER_KEYS},
    {"contracts", required_argument, NULL, OPT_CONTRACTS},
    {"rights", required_argument, NULL, OPT_RIGHTS},
    {"log-key", required_argument, NULL, OPT_LOG_KEY},
    {"agency", required_argument, NULL, OPT_AGENCY},
    {"all", no_argument, NULL, OPT_ALL},
    {"keep-evidence", required_argument, NULL, OPT_KEEP_EVIDENCE},
    {"url", required_argument, NULL, OPT_URL},
    {"ca", required_argument, NULL, OPT_CA},
    {"cert", required_argument, NULL, OPT_CERT},
    {"key", required_argument, NULL, OPT_KEY},
    {"timeout-ms", required_argument, NULL, OPT_TIMEOUT},
    {"json", no_argument, NULL, OPT_JSON},
    {"lang", required_argument, NULL, OPT_LANG},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* A setting of the exchange; false after saying what is wrong. */
static bool
set(struct call *call, enum payvand_setting setting, const char *value)
{
    if (payvand_set(call->exchange, setting, value) == PAYVAND_OK) {
        return true;
    }
    pv_cli_error("%s: %s", payvand_error(call->exchange), value);
    return false;
}

/* One option; false after saying what is wrong. */
static bool
take_option(struct call *call, int which)
{
    switch (which) {
    case OPT_AS:
        call->system = optarg;
        return set(call, PAYVAND_SYSTEM, optarg);
    case OPT_DATA:
        call->data = optarg;
        return true;
    case OPT_PURPOSE:
        call->value[PAYVAND_PURPOSE] = optarg;
        return true;
    case OPT_CONSENT:
        call->value[PAYVAND_CONSENT] = optarg;
        return true;
    case OPT_CASE:
        call->value[PAYVAND_CASE] = optarg;
        return true;
    case OPT_KEY_OF_COMMAND:
        call->value[PAYVAND_IDEMPOTENCY_KEY] = optarg;
        return true;
    case OPT_REPEATABLE:
        call->value[PAYVAND_REPEATABLE] = "yes";
        return true;
    case OPT_KEEP_EVIDENCE:
        return set(call, PAYVAND_EVIDENCE, optarg);
    case OPT_PROVIDER_KEYS:
        return set(call, PAYVAND_PROVIDER_KEYS, optarg);
    case OPT_CONTRACTS:
        call->contracts = true;
        return set(call, PAYVAND_CONTRACTS, optarg);
    case OPT_RIGHTS:
        return set(call, PAYVAND_RIGHTS, optarg);
    case OPT_LOG_KEY:
        return set(call, PAYVAND_LOG_KEY, optarg);
    case OPT_AGENCY:
        return set(call, PAYVAND_AGENCY, optarg);
    case OPT_ALL:
        call->all = true;
        return true;
    case OPT_URL:
        call->url = optarg;
        return true;
    case OPT_CA:
        return set(call, PAYVAND_CA, optarg);
    case OPT_CERT:
        call->cert = optarg;
        return true;
    case OPT_KEY:
        call->key = optarg;
        return true;
    case OPT_TIMEOUT:
        return set(call, PAYVAND_TIMEOUT_MS, optarg);
    case OPT_JSON:
        call->as_json = true;
        return true;
    case OPT_LANG:
        call->lang = optarg;
        return true;
    default:
        return false; /* getopt has said what is wrong */
    }
}

static bool
find_certificate(struct call *call)
{
    if (call->cert == NULL && call->system != NULL) {
        call->cert = pv_cli_of_system("CERT", call->system);
        call->key = pv_cli_of_system("KEY", call->system);
    }
    if (call->cert != NULL && call->key != NULL) {
        return set(call, PAYVAND_CERT, call->cert) &&
               set(call, PAYVAND_KEY, call->key);
    }
    if (call->system == NULL) {
        pv_cli_error("say who calls: --as SYSTEM, or --cert and --key");
    } else {
        pv_cli_error("no certificate of %s: PAYVAND_CERT_... and "
                     "PAYVAND_KEY_... are not set (after ./dev up: set -a; "
                     ". .run/env; set +a)",
                     call->system);
    }
    return false;
}

static bool
find_address(struct call *call)
{
    if (call->url == NULL) {
        call->url = getenv("PAYVAND_URL");
    }
    if (call->url == NULL) {
        pv_cli_error("which exchange? --url, or PAYVAND_URL (after ./dev up: "
                     "set -a; . .run/env; set +a)");
        return false;
    }
    return set(call, PAYVAND_URL, call->url);
}

static bool
read_all(FILE *in, struct pv_buf *body)
{
    char   part[4096];
    size_t got;

    while ((got = fread(part, 1, sizeof(part), in)) > 0) {
        if (pv_buf_add(body, (struct pv_slice){part, got}) != PV_OK) {
            pv_cli_error("the input is larger than %d bytes", PAYVAND_BODY_MAX);
            return false;
        }
    }
    if (ferror(in)) {
        pv_cli_error("cannot read the input: %s", strerror(errno));
        return false;
    }
    return true;
}

static bool
read_body(struct call *call)
{
    FILE *file;
    bool  is_read;

    if (call->data == NULL) {
        return pv_buf_add(&call->body, PV_LIT("{}")) == PV_OK;
    }
    if (strcmp(call->data, "-") == 0) {
        return read_all(stdin, &call->body);
    }
    if (call->data[0] != '@') {
        if (pv_buf_add(&call->body, pv_slice_from(call->data)) != PV_OK) {
            pv_cli_error("the input is larger than %d bytes", PAYVAND_BODY_MAX);
            return false;
        }
        return true;
    }
    file = fopen(call->data + 1, "re");
    if (file == NULL) {
        pv_cli_error("%s: %s", call->data + 1, strerror(errno));
        return false;
    }
    is_read = read_all(file, &call->body);
    (void)fclose(file); /* read-only: nothing to lose */
    return is_read;
}

/* What became of the call, for a person, to stderr. */
static void
tell(const struct call *call, const struct payvand_call *made,
     int64_t elapsed_ms)
{
    enum pv_lang lang = pv_cli_lang(call->lang);
    const char  *title =
        payvand_call_problem(made, pv_cli_text(lang, "title", "title_fa"));
    const char *detail =
        payvand_call_problem(made, pv_cli_text(lang, "detail", "detail_fa"));
    const char *reason = payvand_call_problem(made, "reason");
    const char *meaning =
        payvand_call_meaning(made, pv_cli_text(lang, "en", "fa"));
    const char *id = payvand_call_tracking_id(made);

    (void)fprintf(
        stderr, "%s%s%s  %s  %lld ms%s\n", /* only for a person */
        payvand_call_outcome(made), reason != NULL ? "  " : "",
        reason != NULL ? reason : "", id[0] != '\0' ? id : "-",
        (long long)elapsed_ms,
        payvand_call_is_verified(made)
            ? pv_cli_text(lang, "  signature verified", "  امضا درست است")
            : "");
    if (meaning != NULL) {
        (void)fprintf(stderr, "%s\n", meaning); /* as above */
    }
    if (title != NULL) {
        (void)fprintf(stderr, "%s\n", title); /* as above */
    }
    if (detail != NULL && (title == NULL || strcmp(title, detail) != 0)) {
        (void)fprintf(stderr, "%s\n", detail); /* as above */
    }
    if (payvand_call_retry_after(made) > 0) {
        (void)fprintf(stderr, "%s: %d s\n", /* as above */
                      pv_cli_text(lang, "try again after", "تلاش دوباره پس از"),
                      payvand_call_retry_after(made));
    }
}

/* The answer without the line feed at its end: one is added. */
static struct pv_slice
answer_of(const struct payvand_call *made)
{
    struct pv_slice answer;

    answer.ptr = payvand_call_answer(made, &answer.len);
    while (answer.len > 0 && answer.ptr[answer.len - 1] == '\n') {
        answer.len--;
    }
    return answer;
}

static int
print_json(const struct payvand_call *made, int64_t elapsed_ms)
{
    const char     *reason = payvand_call_problem(made, "reason");
    struct pv_slice body = answer_of(made);
    struct pv_buf   out;
    struct pv_json  json;
    json_t         *answer;
    int             result = PV_EXIT_FAILED;

    pv_buf_init(&out, 2 * PAYVAND_ANSWER_MAX);
    answer = json_loadb(body.ptr == NULL ? "" : body.ptr, body.len,
                        JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    pv_json_init(&json, &out);
    pv_json_object(&json, NULL);
    pv_json_text(&json, "outcome", payvand_call_outcome(made));
    if (reason != NULL) {
        pv_json_text(&json, "reason", reason);
    }
    pv_json_text(&json, "tracking_id", payvand_call_tracking_id(made));
    pv_json_i64(&json, "status", payvand_call_status(made));
    pv_json_i64(&json, "elapsed_ms", elapsed_ms);
    pv_json_bool(&json, "verified", payvand_call_is_verified(made) != 0);
    pv_json_i64(&json, "tries", payvand_call_tries(made));
    if (answer == NULL) { /* not JSON: as text */
        pv_json_string(&json, "answer", body);
    }
    pv_json_end_object(&json);
    if (pv_json_finish(&json) == PV_OK && answer != NULL) {
        /* the answer itself, as it came, before the closing brace */
        out.len--;
        if (pv_buf_add(&out, PV_LIT(",\"answer\":")) != PV_OK ||
            pv_buf_add(&out, pv_slice_trim(body)) != PV_OK ||
            pv_buf_add_char(&out, '}') != PV_OK) {
            goto out;
        }
    }
    result = pv_cli_print(&out);

out:
    json_decref(answer);
    pv_buf_clear(&out);
    return result;
}

static int
print_answer(const struct call *call, const struct payvand_call *made,
             int64_t elapsed_ms)
{
    struct pv_buf out;
    int           result;

    if (call->as_json) {
        return print_json(made, elapsed_ms);
    }
    tell(call, made, elapsed_ms);
    pv_buf_init(&out, PAYVAND_ANSWER_MAX + 1);
    result = pv_buf_add(&out, answer_of(made)) == PV_OK ? pv_cli_print(&out)
                                                        : PV_EXIT_FAILED;
    pv_buf_clear(&out);
    return result;
}

/* Without an outcome there is nothing to print but why. */
static int
say_why(const struct payvand_call *made, enum payvand_result result)
{
    const char *why = payvand_call_error(made);

    switch (result) {
    case PAYVAND_ENOANSWER:
        pv_cli_error("no answer from the exchange: %s", why);
        break;
    case PAYVAND_EEVIDENCE:
    case PAYVAND_EINVAL:
    case PAYVAND_ENOMEM:
        pv_cli_error("%s; nothing was sent", why);
        break;
    case PAYVAND_ERIGHT:
        pv_cli_error("%s; nothing was sent", why);
        return pv_cli_outcome_exit(PV_OUTCOME_REFUSED);
    case PAYVAND_EVERIFY:
        pv_cli_error("%s: this is not shown to be the provider's answer to "
                     "call %s, and is withheld",
                     why, payvand_call_tracking_id(made));
        return PV_EXIT_UNVERIFIED;
    case PAYVAND_ECONTRACT:
        pv_cli_error("%s: the answer to call %s is withheld", why,
                     payvand_call_tracking_id(made));
        return PV_EXIT_UNVERIFIED;
    case PAYVAND_OK:
    case PAYVAND_EPROTOCOL:
        pv_cli_error("%s", why);
        break;
    }
    return PV_EXIT_FAILED;
}

/* A list, page by page: the rows have gone to standard output already. */
static int
run_all(struct call *call, struct payvand_call *made)
{
    int64_t             began = pv_time_monotonic_ms();
    struct pv_call_list list;
    enum payvand_result result =
        pv_call_list_run(made, pv_buf_view(&call->body), &list);
    enum pv_outcome outcome;

    if (!list.is_printed) {
        pv_cli_error("cannot write the list: %s", strerror(errno));
        return PV_EXIT_FAILED;
    }
    if (!list.is_whole) {
        pv_cli_error("the list broke off after %llu rows",
                     (unsigned long long)list.rows);
    }
    if (result != PAYVAND_OK) {
        return say_why(made, result);
    }
    tell(call, made, pv_time_monotonic_ms() - began);
    outcome = pv_outcome_from_word(pv_slice_from(payvand_call_outcome(made)));
    return pv_cli_outcome_exit(outcome);
}

static bool
take_settings(struct call *call, struct payvand_call *made)
{
    for (int i = 0; i <= PAYVAND_REPEATABLE; i++) {
        if (call->value[i] != NULL &&
            payvand_call_set(made, (enum payvand_call_setting)i,
                             call->value[i]) != PAYVAND_OK) {
            pv_cli_error("%s: %s", payvand_call_error(made), call->value[i]);
            return false;
        }
    }
    return true;
}

static int
run(struct call *call, struct payvand_call *made)
{
    int64_t             began = pv_time_monotonic_ms();
    struct pv_slice     body = pv_buf_view(&call->body);
    enum payvand_result result;
    enum pv_outcome     outcome;
    int                 printed;

    if (!take_settings(call, made)) {
        return PV_EXIT_USAGE;
    }
    if (call->all) {
        return run_all(call, made);
    }
    result = payvand_call_run(made, body.ptr, body.len);
    outcome = pv_outcome_from_word(pv_slice_from(payvand_call_outcome(made)));
    if (result == PAYVAND_EVERIFY || result == PAYVAND_ECONTRACT ||
        outcome == PV_OUTCOME_NONE) {
        return say_why(made, result);
    }
    printed = print_answer(call, made, pv_time_monotonic_ms() - began);
    if (result != PAYVAND_OK) { /* the evidence of a call that was made */
        pv_cli_error("%s", payvand_call_error(made));
        return PV_EXIT_FAILED;
    }
    return printed != PV_EXIT_OK ? printed : pv_cli_outcome_exit(outcome);
}

static int
parse(struct call *call, int argc, char **argv)
{
    bool help = false;
    int  which;

    optind = 1;
    while ((which = getopt_long(argc, argv, "h", option, NULL)) != -1) {
        if (which == 'h') {
            help = true;
            continue;
        }
        if (!take_option(call, which)) {
            return pv_cli_usage_error("call");
        }
    }
    if (help) {
        return fputs(pv_cli_text(pv_cli_lang(call->lang), usage_en, usage_fa),
                     stdout) < 0
                   ? PV_EXIT_FAILED
                   : -1;
    }
    if (argc - optind != 1) {
        pv_cli_error("which method? PROVIDER/SERVICE/VERSION/METHOD");
        return pv_cli_usage_error("call");
    }
    if (call->all && !call->contracts) {
        pv_cli_error("--all needs --contracts, which say how a list goes on");
        return pv_cli_usage_error("call");
    }
    call->path = argv[optind];
    if (!find_certificate(call) || !find_address(call) || !read_body(call)) {
        return PV_EXIT_USAGE;
    }
    return PV_EXIT_OK;
}

/* What the command line may say otherwise. */
static bool
take_environment(struct call *call)
{
    const char *ca = getenv("PAYVAND_CA");
    const char *keys = getenv("PAYVAND_PROVIDER_KEYS");

    return (ca == NULL || set(call, PAYVAND_CA, ca)) &&
           (keys == NULL || keys[0] == '\0' ||
            set(call, PAYVAND_PROVIDER_KEYS, keys));
}

int
pv_cmd_call(int argc, char **argv)
{
    struct call          call = {.exchange = payvand_new()};
    struct payvand_call *made = NULL;
    int                  result = PV_EXIT_FAILED;

    pv_buf_init(&call.body, PAYVAND_BODY_MAX);
    if (call.exchange == NULL) {
        pv_cli_error("no memory");
        goto out;
    }
    result = take_environment(&call) ? parse(&call, argc, argv) : PV_EXIT_USAGE;
    if (result == PV_EXIT_OK) {
        made = payvand_call_new(call.exchange, call.path);
        if (made == NULL) {
            pv_cli_error("which method? PROVIDER/SERVICE/VERSION/METHOD");
            result = pv_cli_usage_error("call");
        } else {
            result = run(&call, made);
        }
    } else if (result == -1) {
        result = PV_EXIT_OK; /* help was asked for and given */
    }

out:
    payvand_call_free(made);
    payvand_free(call.exchange);
    pv_buf_wipe(&call.body);
    return result;
}
