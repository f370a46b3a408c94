/*
 * cmd_service_test.c - payvand service test: the contract's examples, and
 * requests that it does not take, against the backend of a service file,
 * through a connector.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "service_test.h"

#define OUT_MAX (4u * 1024 * 1024)

static const char usage_en[] =
    "payvand service test --config FILE [METHOD]\n"
    "\n"
    "Tries each method of a connector's configuration: the contract's examples\n"
    "must be answered as the contract says; requests without an input, with an\n"
    "unknown one or with one of another form must be refused, for that reason.\n"
    "A connector of its own is started for it, with the same files and the same\n"
    "database, without rights, signatures and ledger. No value is printed or\n"
    "written: only names of members, words of faults and where answers differ.\n"
    "\n"
    "  --config FILE    of payvand-connectord\n"
    "  --examples FILE  more requests, with the answers that are wanted:\n"
    "                   {\"examples\": [{\"method\": \"get\", \"name\": \"...\",\n"
    "                   \"request\": {...}, \"answer\": {...}}]}; in the place\n"
    "                   of answer may stand \"outcome\": \"invalid\"\n"
    "  --act            try commands too: they change the database\n"
    "  --running        ask the connector that runs with FILE, as it is\n"
    "  --as SYSTEM      the consumer that is named to it; service-test\n"
    "  --connectord P   the program; payvand-connectord\n"
    "  --json           one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 what was tried has passed; 1 not, or nothing could be tried;\n"
    "2 wrong command line.\n";

static const char usage_fa[] =
    "payvand service test --config FILE [METHOD]\n"
    "\n"
    "متدهای یک پیکربندی اتصال‌دهنده را می‌آزماید: نمونه‌های قرارداد باید چنان که\n"
    "قرارداد می‌گوید پاسخ بگیرند و درخواست ناقص، ناشناخته یا نادرست به همان دلیل\n"
    "پذیرفته نشود. برای آن اتصال‌دهنده‌ای جدا با همان پرونده‌ها و همان پایگاه داده،\n"
    "بدون مجوزها، امضا و دفتر دسترسی، آغاز می‌شود. هیچ مقداری چاپ یا نوشته نمی‌شود.\n"
    "\n"
    "  --config FILE    پیکربندی payvand-connectord\n"
    "  --examples FILE  درخواست‌های دیگر با پاسخی که انتظار می‌رود:\n"
    "                   {\"examples\": [{\"method\": \"get\", \"name\": \"...\",\n"
    "                   \"request\": {...}, \"answer\": {...}}]}\n"
    "                   یا به جای answer: \"outcome\": \"invalid\"\n"
    "  --act            متدهای فرمان هم: پایگاه داده را عوض می‌کنند\n"
    "  --running        پرسش از اتصال‌دهنده‌ای که اکنون با FILE کار می‌کند\n"
    "  --as SYSTEM      مصرف‌کننده‌ای که نام برده می‌شود؛ service-test\n"
    "  --connectord P   برنامه؛ payvand-connectord\n"
    "  --json           یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ آنچه آزموده شد درست بود؛ ۱ نبود یا چیزی آزموده نشد؛ ۲ خط فرمان\n"
    "نادرست.\n";

struct args {
    const char  *config;
    const char  *examples;
    const char  *consumer;
    const char  *program;
    const char  *only;
    enum pv_lang lang;
    bool         act;
    bool         running;
    bool         json;
};

static volatile sig_atomic_t is_stopped;

static void
on_signal(int number)
{
    (void)number;
    is_stopped = 1;
}

static bool
read_args(int argc, char **argv, struct args *args, int *code)
{
    static const struct option option_list[] = {
        {"config", required_argument, NULL, 'c'},
        {"examples", required_argument, NULL, 'e'},
        {"act", no_argument, NULL, 'a'},
        {"running", no_argument, NULL, 'r'},
        {"as", required_argument, NULL, 's'},
        {"connectord", required_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},
        {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *lang = NULL;
    bool        help = false;
    bool        wrong = false;
    int         c;

    while ((c = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        args->config = c == 'c' ? optarg : args->config;
        args->examples = c == 'e' ? optarg : args->examples;
        args->act = args->act || c == 'a';
        args->running = args->running || c == 'r';
        args->consumer = c == 's' ? optarg : args->consumer;
        args->program = c == 'p' ? optarg : args->program;
        args->json = args->json || c == 'j';
        lang = c == 'l' ? optarg : lang;
        help = help || c == 'h';
        wrong = wrong || c == '?';
    }
    args->lang = pv_cli_lang(lang);
    if (help && !wrong) {
        (void)fputs(pv_cli_text(args->lang, usage_en, usage_fa),
                    stdout); /* seen by main's flush */
        *code = PV_EXIT_OK;
        return false;
    }
    args->only = optind < argc ? argv[optind] : NULL;
    if (wrong || args->config == NULL || argc - optind > 1 ||
        strlen(args->consumer) > PV_NAME_MAX) {
        if (!wrong) {
            pv_cli_error("service test needs --config FILE");
        }
        *code = pv_cli_usage_error("service test");
        return false;
    }
    return true;
}

/* ---- what is said ---- */

static const struct {
    const char *word;
    const char *en;
    const char *fa;
} kind_words[PV_TEST_KINDS] = {
    [PV_TEST_EXAMPLE] = {"example", "the contract's example", "نمونه قرارداد"},
    [PV_TEST_EXAMPLE_ALL] = {"example-all",
                             "the contract's example, all inputs",
                             "نمونه قرارداد با همه اقلام"},
    [PV_TEST_GIVEN] = {"given", "given example",
                       "نمونه داده‌شده"},
    [PV_TEST_MISSING] = {"missing", "refused without",
                         "بدون این قلم نمی‌پذیرد:"},
    [PV_TEST_UNKNOWN] = {"unknown", "refused with the unknown",
                         "قلم ناشناخته را نمی‌پذیرد:"},
    [PV_TEST_FORM] =
        {"form", "refused with another form of",
         "شکل نادرست این قلم را نمی‌پذیرد:"},
    [PV_TEST_NO_KEY] = {"no-key", "refused without Idempotency-Key",
                        "بدون Idempotency-Key نمی‌پذیرد"},
};

struct totals {
    size_t passed;
    size_t failed;
    size_t not_tried;
};

static struct totals
count(const struct pv_test_cases *cases)
{
    struct totals totals = {0, 0, 0};

    for (size_t i = 0; i < cases->count; i++) {
        totals.passed += cases->list[i].result == PV_TEST_PASSED;
        totals.failed += cases->list[i].result == PV_TEST_FAILED;
        totals.not_tried += cases->list[i].result == PV_TEST_NOT_TRIED;
    }
    return totals;
}

static void
say_json_case(const struct pv_test_case *one, struct pv_json *json)
{
    static const char *const result[] = {
        [PV_TEST_NOT_TRIED] = "not-tried",
        [PV_TEST_PASSED] = "passed",
        [PV_TEST_FAILED] = "failed",
    };

    pv_json_object(json, NULL);
    pv_json_text(json, "method", one->method->path);
    pv_json_text(json, "case", kind_words[one->kind].word);
    if (one->name[0] != '\0') {
        pv_json_text(json, "name", one->name);
    }
    pv_json_text(json, "result", result[one->result]);
    if (one->why_en[0] != '\0') {
        pv_json_text(json, "why", one->why_en);
        pv_json_text(json, "why_fa", one->why_fa);
    }
    if (one->result == PV_TEST_PASSED && one->found_nothing) {
        pv_json_bool(json, "found", false);
    }
    if (one->differ_count > 0) {
        pv_json_array(json, "differs");
        for (size_t i = 0; i < one->differ_count; i++) {
            pv_json_text(json, NULL, one->differs[i]);
        }
        pv_json_end_array(json);
    }
    pv_json_end_object(json);
}

static enum pv_err
say_json(const struct pv_test_cases *cases, struct pv_buf *out)
{
    struct totals  totals = count(cases);
    struct pv_json json;

    pv_json_init(&json, out);
    pv_json_object(&json, NULL);
    pv_json_array(&json, "cases");
    for (size_t i = 0; i < cases->count; i++) {
        say_json_case(&cases->list[i], &json);
    }
    pv_json_end_array(&json);
    pv_json_u64(&json, "passed", totals.passed);
    pv_json_u64(&json, "failed", totals.failed);
    pv_json_u64(&json, "not_tried", totals.not_tried);
    pv_json_end_object(&json);
    return pv_json_finish(&json);
}

static enum pv_err
say_case(const struct pv_test_case *one, enum pv_lang lang, struct pv_buf *out)
{
    bool              fa = lang == PV_LANG_FA;
    const char *const result[] = {
        [PV_TEST_NOT_TRIED] = fa ? "آزموده نشد" : "not tried",
        [PV_TEST_PASSED] = fa ? "درست" : "passed",
        [PV_TEST_FAILED] = fa ? "نادرست" : "FAILED",
    };
    const char *why = fa ? one->why_fa : one->why_en;
    enum pv_err err =
        pv_buf_addf(out, "  %-9s  %s%s%s", result[one->result],
                    fa ? kind_words[one->kind].fa : kind_words[one->kind].en,
                    one->name[0] == '\0' ? "" : " ", one->name);

    if (err == PV_OK && why[0] != '\0') {
        err = pv_buf_addf(out, ": %s", why);
    }
    for (size_t i = 0; err == PV_OK && i < one->differ_count; i++) {
        err = pv_buf_addf(out, "%s %s", i == 0 ? ":" : ",", one->differs[i]);
    }
    if (err == PV_OK && one->result == PV_TEST_PASSED && one->found_nothing) {
        err = pv_buf_addf(out, "%s",
                          fa ? " (چیزی پیدا نشد)" : " (nothing was found)");
    }
    return err == PV_OK ? pv_buf_add_char(out, '\n') : err;
}

static enum pv_err
say_text(const struct pv_test_cases *cases, enum pv_lang lang,
         struct pv_buf *out)
{
    struct totals totals = count(cases);
    enum pv_err   err = PV_OK;

    for (size_t i = 0; err == PV_OK && i < cases->count; i++) {
        const struct pv_test_case *one = &cases->list[i];

        if (i == 0 || one->method != cases->list[i - 1].method) {
            err = pv_buf_addf(out, "%s\n", one->method->path + 3);
        }
        if (err == PV_OK) {
            err = say_case(one, lang, out);
        }
    }
    if (err != PV_OK) {
        return err;
    }
    return pv_buf_addf(
        out,
        lang == PV_LANG_FA
            ? "%zu درست، %zu نادرست، %zu آزموده‌نشده"
            : "%zu passed, %zu failed, %zu not tried",
        totals.passed, totals.failed, totals.not_tried);
}

static int
tell(const struct args *args, const struct pv_test_cases *cases)
{
    struct totals totals = count(cases);
    struct pv_buf out;
    int           code = PV_EXIT_FAILED;

    pv_buf_init(&out, OUT_MAX);
    if ((args->json ? say_json(cases, &out)
                    : say_text(cases, args->lang, &out)) == PV_OK) {
        code = pv_cli_print(&out);
    }
    pv_buf_clear(&out);
    return totals.failed > 0 || totals.passed == 0 ? PV_EXIT_FAILED : code;
}

/* ---- the command ---- */

static enum pv_err
begin(const struct args *args, const struct pv_connector_config *config,
      struct pv_test_connector *connector, struct pv_why *why)
{
    struct sigaction action = {.sa_handler = on_signal};

    connector->consumer = args->consumer;
    pv_buf_init(&connector->log, PV_TEST_LOG_MAX);
    if (args->running) {
        (void)snprintf(connector->socket, sizeof(connector->socket), "%s",
                       config->socket); /* it fits */
        return PV_OK;
    }
    /* so that what was started is ended, and its folder goes */
    if (sigaction(SIGINT, &action, NULL) != 0 ||
        sigaction(SIGTERM, &action, NULL) != 0) {
        return PV_ESYS;
    }
    return pv_test_connector_start(args->program, args->config, config,
                                   connector, why);
}

static enum pv_err
run(const struct args *args, const struct pv_connector_config *config,
    struct pv_test_cases *cases, struct pv_why *why)
{
    struct pv_test_connector connector = {.config_fd = -1, .log_fd = -1};
    enum pv_err              err =
        pv_test_cases_make(config, args->only, pv_time_wall_ms(), cases, why);

    if (err == PV_OK && args->examples != NULL) {
        err =
            pv_test_cases_read(config, args->only, args->examples, cases, why);
    }
    if (err == PV_OK) {
        err = begin(args, config, &connector, why);
    }
    for (size_t i = 0; err == PV_OK && i < cases->count; i++) {
        if (is_stopped != 0) {
            pv_why_set(why, "%s", "stopped");
            err = PV_ESTATE;
            break;
        }
        pv_test_run(&connector, args->act, &cases->list[i]);
    }
    pv_test_connector_stop(&connector);
    return err;
}

int
pv_cmd_service_test(int argc, char **argv)
{
    struct args                 args = {.consumer = "service-test",
                                        .program = "payvand-connectord"};
    struct pv_connector_config *config = NULL;
    struct pv_test_cases        cases = {NULL, 0};
    struct pv_why               why = {""};
    int                         code = PV_EXIT_OK;
    enum pv_err                 err;

    if (!read_args(argc, argv, &args, &code)) {
        return code;
    }
    err = pv_connector_config_load(args.config, &config, &why);
    if (err == PV_OK && config->waiting > 0) {
        pv_cli_error("service test: %zu of the service files wait: %s",
                     config->waiting, config->waits.text);
    }
    if (err == PV_OK) {
        err = run(&args, config, &cases, &why);
    }
    if (err == PV_OK) {
        code = tell(&args, &cases);
    } else {
        pv_cli_error("service test: %s",
                     why.text[0] == '\0' ? pv_err_text(err) : why.text);
        code = PV_EXIT_FAILED;
    }
    pv_test_cases_clear(&cases);
    pv_connector_config_free(config);
    return code;
}
