/*
 * main.c - the `payvand` command: finds the command in the table and runs it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *en;
    const char *fa;
};

/* payvand image service|grant ... */
static int
cmd_image(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } part[] = {{"service", pv_cmd_service}, {"grant", pv_cmd_grant}};

    for (size_t i = 0; argc > 1 && i < sizeof(part) / sizeof(part[0]); i++) {
        if (strcmp(argv[1], part[i].name) == 0) {
            return part[i].run(argc - 1, argv + 1);
        }
    }
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        return puts("payvand image service list|show (--help)\n"
                    "payvand image grant list (--help)") == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    pv_cli_error("image: service list|show, or grant list");
    return pv_cli_usage_error("image");
}

static const struct command command[] = {
    {"call", pv_cmd_call, "call a method of a service through an exchange",
     "فراخوانی یک متد از یک خدمت از راه مرکز تبادل"},
    {"trace", pv_cmd_trace, "what became of a request, by its tracking id",
     "سرنوشت یک درخواست با شناسه پیگیری"},
    {"receipt", pv_cmd_receipt, "the file that proves that a request was made",
     "رسید یک درخواست: پرونده‌ای که انجام آن را اثبات می‌کند"},
    {"explain", pv_cmd_explain, "which decisions made a call possible",
     "کدام تصمیم‌ها یک فراخوانی را ممکن کردند"},
    {"report", pv_cmd_report, "figures of calls, and unusual volumes",
     "آمار فراخوانی‌ها و حجم‌های نامعمول"},
    {"evidence", pv_cmd_evidence,
     "at a consumer: what payvand-consumerd kept of its calls",
     "نزد مصرف‌کننده: مدرک فراخوانی‌هایی که نگه داشته شده است"},
    {"prove", pv_cmd_prove, "show from kept evidence what a call asked",
     "اثبات پرسش یک فراخوانی با مدرک نگهداری‌شده"},
    {"verify", pv_cmd_verify, "check a receipt offline",
     "سنجش یک رسید بدون شبکه"},
    {"backup", pv_cmd_backup, "every decision of the registry into files",
     "نوشتن همه تصمیم‌های دفتر ثبت در پرونده"},
    {"log", pv_cmd_log, "prune, copy or restore the stored log",
     "پاک‌سازی، نسخه‌برداری یا بازگردانی دفتر"},
    {"witness", pv_cmd_witness, "run an independent witness of logs",
     "اجرای یک گواه مستقل دفترها"},
    {"contract", pv_cmd_contract,
     "check a contract; its OpenAPI, example calls and page",
     "سنجش یک قرارداد؛ OpenAPI، نمونه فراخوانی و صفحه آن"},
    {"consent", pv_cmd_consent,
     "at a provider: give, show and withdraw consent numbers",
     "نزد ارائه‌دهنده: دادن، دیدن و پس گرفتن شماره رضایت"},
    {"who-asked", pv_cmd_who_asked,
     "at a provider: which agencies asked about a person",
     "نزد ارائه‌دهنده: کدام دستگاه‌ها درباره شخصی پرسیده‌اند"},
    {"image", cmd_image, "what a policy image allows: its methods and grants",
     "آنچه یک تصویر سیاست اجازه می‌دهد: متدها و مجوزها"},
    {"import", pv_cmd_import, "send a catalogue to the registry as decisions",
     "فرستادن کاتالوگ به دفتر ثبت به صورت تصمیم"},
    {"agreement", pv_cmd_agreement,
     "agreements: figures against their terms, breaches",
     "توافق‌نامه‌ها: سنجش با حدها و موارد نقض"},
    {"commitment", pv_cmd_commitment, "duties: overdue, progress, evidence",
     "تکالیف: سررسیدگذشته، پیشرفت، شواهد"},
    {"meeting", pv_cmd_view, "the next meeting's agenda, and invitations",
     "دستور جلسه بعدی و دعوت‌ها"},
    {"resolution", pv_cmd_resolution,
     "the text of a resolution, from the registry", "متن یک مصوبه از دفتر ثبت"},
    {"status", pv_cmd_status, "what an exchange is doing now",
     "وضعیت کنونی مرکز تبادل"},
    {"doctor", pv_cmd_doctor, "find what is wrong with an installation",
     "یافتن ایرادهای نصب و راه رفع آنها"},
};

#define COMMAND_COUNT (sizeof(command) / sizeof(command[0]))

/* What stands before a record of the registry: files of an agency. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} service_verb[] = {
    {"init", pv_cmd_service_init},
    {"submit", pv_cmd_service_submit},
    {"test", pv_cmd_service_test},
};

#define SERVICE_VERBS (sizeof(service_verb) / sizeof(service_verb[0]))

/* The registry knows them; a test holds this against it. */
#define KINDS                                                                  \
    "agency unit system cluster register data-item body person appointment\n"  \
    "  representation service version passport request grant mode "            \
    "suspension\n"                                                             \
    "  publication agreement exemption extension commitment meeting\n"         \
    "  resolution instruction dispute notice link inquiry correction\n"        \
    "  code-list code-map oid authority certificate-request certificate"

static int
help(FILE *out)
{
    enum pv_lang lang = pv_cli_lang(NULL);
    size_t       i;

    (void)fprintf(
        out, /* a failed write shows in ferror below */
        "%s\n\n  payvand COMMAND [OPTION...]\n  payvand COMMAND --help\n\n",
        pv_cli_text(lang,
                    "payvand: the command line of the Payvand information "
                    "exchange",
                    "payvand: خط فرمان مرکز تبادل اطلاعات پیوند"));
    for (i = 0; i < COMMAND_COUNT; i++) {
        (void)fprintf(out, "  %-10s %s\n", command[i].name, /* as above */
                      pv_cli_text(lang, command[i].en, command[i].fa));
    }
    (void)fprintf(
        out, "\n%s\n",
        pv_cli_text(
            lang, /* as above */
            "and each kind of record of the registry: payvand KIND --help, where KIND "
            "is\n  " KINDS "\n\n"
            "Every command takes --json and --lang en|fa. "
            "Manual: man payvand",
            "و هر نوع رکورد دفتر ثبت: payvand KIND --help که KIND یکی از این‌هاست\n  " KINDS
            "\n\n"
            "همه فرمان‌ها ‎--json و ‎--lang en|fa را می‌پذیرند. راهنما: man payvand"));
    return ferror(out) ? PV_EXIT_FAILED : PV_EXIT_OK;
}

void
pv_cli_offer_commands(const char *begin)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strncmp(command[i].name, begin, strlen(begin)) == 0) {
            (void)puts(command[i].name); /* a shell reads it, or does not */
        }
    }
}

static const struct command *
find(const char *name)
{
    size_t i;

    for (i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(name, command[i].name) == 0) {
            return &command[i];
        }
    }
    return NULL;
}

int
main(int argc, char **argv)
{
    const struct command *found;
    static char           help_option[] = "--help";
    char                 *ask[3] = {NULL, help_option, NULL};

    if (argc < 2) {
        (void)help(stderr); /* the exit code says the rest */
        return PV_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2)) {
        return help(stdout);
    }
    if (strcmp(argv[1], "--version") == 0) {
        return printf("payvand %s\n", PV_VERSION) < 0 ? PV_EXIT_FAILED
                                                      : PV_EXIT_OK;
    }
    if (strcmp(argv[1], "help") == 0) {
        found = find(argv[2]);
        if (found != NULL) {
            ask[0] = argv[2];
            return found->run(2, ask);
        }
        argv[1] = argv[2];
    }

    if (strcmp(argv[1], "complete") == 0) { /* for shells */
        return pv_cmd_complete(argc - 1, argv + 1);
    }
    if (strcmp(argv[1], "service") == 0 && argc > 2) {
        for (size_t i = 0; i < SERVICE_VERBS; i++) {
            if (strcmp(argv[2], service_verb[i].name) == 0) {
                return service_verb[i].run(argc - 2, argv + 2);
            }
        }
    }
    found = find(argv[1]);
    if (found == NULL) { /* a kind of record, perhaps */
        return pv_cmd_view(argc - 1, argv + 1);
    }
    return found->run(argc - 1, argv + 1);
}
