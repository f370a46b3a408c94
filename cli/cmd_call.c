/*
 * cmd_call.c - `payvand call`: one governed call with a system's certificate.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "cmd.h"
#include "evidence.h"
#include "http.h"

#define LINE_MAX_LEN 512
#define TIMEOUT_MAX_MS 600000

struct call {
    const char *path;
    const char *system;
    const char *data;
    const char *url;
    const char *ca;
    const char *cert;
    const char *key;
    const char *lang;
    const char *keep_dir;
    bool        as_json;
    long        timeout_ms;

    struct pv_evidence evidence;

    char          line[PV_HTTP_HEADERS_MAX][LINE_MAX_LEN];
    char          address[LINE_MAX_LEN];
    struct pv_buf body;
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
    "  --idempotency-key KEY  for commands\n"
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
    "Exit code: 0 answered, 10 invalid, 11 refused, 12 limited, 13 closed,\n"
    "14 failed, 15 timeout, 16 unavailable, 17 unknown; 1 no answer from the\n"
    "exchange, 2 wrong command line.\n"
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
    "  --idempotency-key KEY  برای فرمان‌ها\n"
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
    "کد خروج: ۰ پاسخ داده شد، ۱۰ ورودی نامعتبر، ۱۱ رد شد، ۱۲ سهمیه تمام،\n"
    "۱۳ بسته، ۱۴ خطای ارائه‌دهنده، ۱۵ پایان مهلت، ۱۶ مرکز در دسترس نیست،\n"
    "۱۷ نامعلوم؛ ۱ مرکز پاسخ نداد، ۲ خط فرمان نادرست.\n";

enum {
    OPT_AS = 1000,
    OPT_DATA,
    OPT_PURPOSE,
    OPT_CONSENT,
    OPT_CASE,
    OPT_KEY_OF_COMMAND,
    OPT_KEEP_EVIDENCE,
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

/* "Name: value" into one of the lines; a line already used is an error. */
static bool
add_header(struct call *call, struct pv_http *http, const char *name,
           const char *value)
{
    size_t at = http->header_count;
    int    len;

    if (at >= PV_HTTP_HEADERS_MAX) {
        return false;
    }
    len = snprintf(call->line[at], LINE_MAX_LEN, "%s: %s", name, value);
    if (len < 0 || len >= LINE_MAX_LEN) {
        pv_cli_error("the value of %s is too long", name);
        return false;
    }
    http->header[at] = call->line[at];
    http->header_count++;
    return true;
}

/* One option; false after saying what is wrong. */
static bool
take_option(struct call *call, struct pv_http *http, int which)
{
    uint64_t n;

    switch (which) {
    case OPT_AS:
        call->system = optarg;
        return true;
    case OPT_DATA:
        call->data = optarg;
        return true;
    case OPT_PURPOSE:
        return add_header(call, http, "Payvand-Purpose", optarg);
    case OPT_CONSENT:
        return add_header(call, http, "Payvand-Consent", optarg);
    case OPT_CASE:
        return add_header(call, http, "Payvand-Case", optarg);
    case OPT_KEY_OF_COMMAND:
        return add_header(call, http, "Idempotency-Key", optarg);
    case OPT_KEEP_EVIDENCE:
        call->keep_dir = optarg;
        return true;
    case OPT_URL:
        call->url = optarg;
        return true;
    case OPT_CA:
        call->ca = optarg;
        return true;
    case OPT_CERT:
        call->cert = optarg;
        return true;
    case OPT_KEY:
        call->key = optarg;
        return true;
    case OPT_TIMEOUT:
        if (pv_slice_to_u64(pv_slice_from(optarg), TIMEOUT_MAX_MS, &n) !=
                PV_OK ||
            n == 0) {
            pv_cli_error("--timeout-ms: not a number from 1 to %d: %s",
                         TIMEOUT_MAX_MS, optarg);
            return false;
        }
        http->timeout_ms = (long)n;
        return true;
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
        return true;
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

/* The path without a leading "/x/". */
static const char *
method_of(const struct call *call)
{
    return strncmp(call->path, "/x/", 3) == 0 ? call->path + 3 : call->path;
}

static bool
find_address(struct call *call)
{
    const char *path = method_of(call);
    size_t      url_len;
    int         len;

    if (call->url == NULL) {
        call->url = getenv("PAYVAND_URL");
    }
    if (call->ca == NULL) {
        call->ca = getenv("PAYVAND_CA");
    }
    if (call->url == NULL) {
        pv_cli_error("which exchange? --url, or PAYVAND_URL (after ./dev up: "
                     "set -a; . .run/env; set +a)");
        return false;
    }
    url_len = strlen(call->url);
    while (url_len > 0 && call->url[url_len - 1] == '/') {
        url_len--;
    }
    len = snprintf(call->address, sizeof(call->address), "%.*s/x/%s",
                   (int)url_len, call->url, path);
    if (len < 0 || (size_t)len >= sizeof(call->address)) {
        pv_cli_error("the address is too long");
        return false;
    }
    return true;
}

static bool
read_all(FILE *in, struct pv_buf *body)
{
    char   part[4096];
    size_t got;

    while ((got = fread(part, 1, sizeof(part), in)) > 0) {
        if (pv_buf_add(body, (struct pv_slice){part, got}) != PV_OK) {
            pv_cli_error("the input is larger than %d bytes", PV_HTTP_BODY_MAX);
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
            pv_cli_error("the input is larger than %d bytes", PV_HTTP_BODY_MAX);
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

/* A member of a problem as text, or NULL. */
static const char *
member(const json_t *problem, const char *name)
{
    return json_string_value(json_object_get(problem, name));
}

/* What became of the call, for a person, to stderr. */
static void
tell(const struct call *call, const struct pv_http *http, const json_t *problem,
     int64_t elapsed_ms)
{
    enum pv_lang lang = pv_cli_lang(call->lang);
    const char *title = member(problem, pv_cli_text(lang, "title", "title_fa"));
    const char *detail =
        member(problem, pv_cli_text(lang, "detail", "detail_fa"));
    const char *reason = member(problem, "reason");

    (void)fprintf(stderr, "%s%s%s  %s  %lld ms\n", /* only for a person */
                  http->outcome, reason != NULL ? "  " : "",
                  reason != NULL ? reason : "",
                  http->tracking_id[0] != '\0' ? http->tracking_id : "-",
                  (long long)elapsed_ms);
    if (title != NULL) {
        (void)fprintf(stderr, "%s\n", title); /* as above */
    }
    if (detail != NULL && (title == NULL || strcmp(title, detail) != 0)) {
        (void)fprintf(stderr, "%s\n", detail); /* as above */
    }
    if (http->retry_after[0] != '\0') {
        (void)fprintf(stderr, "%s: %s s\n", /* as above */
                      pv_cli_text(lang, "try again after", "تلاش دوباره پس از"),
                      http->retry_after);
    }
}

static int
print_json(const struct pv_http *http, const json_t *problem,
           int64_t elapsed_ms)
{
    const char    *reason = member(problem, "reason");
    struct pv_buf  out;
    struct pv_json json;
    json_t        *answer;
    int            result = PV_EXIT_FAILED;

    pv_buf_init(&out, 2 * PV_HTTP_ANSWER_MAX);
    answer = json_loadb(http->answer.ptr, http->answer.len,
                        JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    pv_json_init(&json, &out);
    pv_json_object(&json, NULL);
    pv_json_text(&json, "outcome", http->outcome);
    if (reason != NULL) {
        pv_json_text(&json, "reason", reason);
    }
    pv_json_text(&json, "tracking_id", http->tracking_id);
    pv_json_i64(&json, "status", http->status);
    pv_json_i64(&json, "elapsed_ms", elapsed_ms);
    if (answer == NULL) { /* not JSON: as text */
        pv_json_string(&json, "answer", pv_buf_view(&http->answer));
    }
    pv_json_end_object(&json);
    if (pv_json_finish(&json) == PV_OK && answer != NULL) {
        /* the answer itself, as it came, before the closing brace */
        out.len--;
        if (pv_buf_add(&out, PV_LIT(",\"answer\":")) != PV_OK ||
            pv_buf_add(&out, pv_slice_trim(pv_buf_view(&http->answer))) !=
                PV_OK ||
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

/* The evidence is on disk before the exchange hears of the call. */
static bool
begin_evidence(struct call *call, struct pv_http *http)
{
    struct pv_why why = {""};

    if (call->keep_dir == NULL) {
        return true;
    }
    if (pv_evidence_begin(&call->evidence, call->keep_dir, method_of(call),
                          pv_buf_view(&call->body), &why) != PV_OK) {
        pv_cli_error("%s; nothing was sent", why.text);
        return false;
    }
    return add_header(call, http, "Payvand-Commitment",
                      call->evidence.commitment) &&
           add_header(call, http, "Payvand-Evidence",
                      call->evidence.nonce_text);
}

/* False after saying what is wrong; the pending file holds all that counts. */
static bool
end_evidence(struct call *call, const struct pv_http *http)
{
    struct pv_why why = {""};

    if (call->keep_dir == NULL) {
        return true;
    }
    if (pv_evidence_end(&call->evidence, http->tracking_id, http->outcome,
                        &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        return false;
    }
    return true;
}

static int
run(struct call *call, struct pv_http *http)
{
    struct pv_why   why = {""};
    json_t         *problem = NULL;
    enum pv_outcome outcome;
    int64_t         began = pv_time_monotonic_ms();
    int64_t         elapsed_ms;
    int             printed;
    bool            kept;

    if (!add_header(call, http, "Content-Type", "application/json")) {
        return PV_EXIT_USAGE;
    }
    if (!begin_evidence(call, http)) {
        return PV_EXIT_FAILED;
    }
    http->url = call->address;
    http->ca = call->ca;
    http->cert = call->cert;
    http->key = call->key;
    http->is_post = true;
    http->body = pv_buf_view(&call->body);
    if (pv_http_run(http, &why) != PV_OK) {
        pv_cli_error("no answer from the exchange: %s", why.text);
        return PV_EXIT_FAILED;
    }
    elapsed_ms = pv_time_monotonic_ms() - began;
    while (http->answer.len > 0 &&
           http->answer.ptr[http->answer.len - 1] == '\n') {
        http->answer.len--; /* one is added when it is printed */
    }
    outcome = pv_outcome_from_word(pv_slice_from(http->outcome));
    if (outcome == PV_OUTCOME_NONE) {
        pv_cli_error("%s answered HTTP %ld without saying what became of the "
                     "call: is it a Payvand exchange?",
                     call->url, http->status);
        return PV_EXIT_FAILED;
    }
    kept = end_evidence(call, http);
    if (outcome != PV_OUTCOME_ANSWERED) {
        problem = json_loadb(http->answer.ptr, http->answer.len,
                             JSON_REJECT_DUPLICATES, NULL);
    }
    if (call->as_json) {
        printed = print_json(http, problem, elapsed_ms);
    } else {
        tell(call, http, problem, elapsed_ms);
        printed = pv_cli_print(&http->answer);
    }
    json_decref(problem);
    if (printed == PV_EXIT_OK && !kept) {
        printed = PV_EXIT_FAILED;
    }
    return printed != PV_EXIT_OK ? printed : pv_cli_outcome_exit(outcome);
}

static int
parse(struct call *call, struct pv_http *http, int argc, char **argv)
{
    bool help = false;
    int  which;

    optind = 1;
    while ((which = getopt_long(argc, argv, "h", option, NULL)) != -1) {
        if (which == 'h') {
            help = true;
            continue;
        }
        if (!take_option(call, http, which)) {
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
    call->path = argv[optind];
    if (!find_certificate(call) || !find_address(call) || !read_body(call)) {
        return PV_EXIT_USAGE;
    }
    return PV_EXIT_OK;
}

int
pv_cmd_call(int argc, char **argv)
{
    struct call    call = {0};
    struct pv_http http;
    int            result;

    pv_http_init(&http);
    pv_evidence_init(&call.evidence);
    pv_buf_init(&call.body, PV_HTTP_BODY_MAX);
    result = parse(&call, &http, argc, argv);
    if (result == PV_EXIT_OK) {
        result = run(&call, &http);
    } else if (result == -1) {
        result = PV_EXIT_OK; /* help was asked for and given */
    }
    pv_evidence_clear(&call.evidence);
    pv_buf_clear(&call.body);
    pv_http_clear(&http);
    return result;
}
