/*
 * cmd_report.c - `payvand report`: figures of calls by minute, hour or day,
 * the volumes that are unlike those of other days, and how much each
 * service is asked for.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry.h"
#include "report_demand.h"
#include "report_monthly.h"
#include "report_place.h"
#include "trace_client.h"
#include "trace_show.h"

static const char usage_en[] =
    "payvand report calls [--by minute|hour|day|all] [OPTION...]\n"
    "payvand report volumes [--unusual] [OPTION...]\n"
    "payvand report demand [--registry PATH] [OPTION...]\n"
    "payvand report monthly --folder DIR [--month 1405-08] [OPTION...]\n"
    "\n"
    "calls: how many calls ended how, for each consumer and method, with the\n"
    "provider's time in ms (half, 95 and 99 of 100 calls took no longer; at\n"
    "most 3.2 % off). Verify methods show no times of fewer than 10 calls.\n"
    "volumes: the last whole hour before --until beside the same hour of the 7\n"
    "days before: high (more than 3 times the most), refused (the same for\n"
    "refusals), low (under a quarter of the fewest).\n"
    "demand: of each service its requests, rights and modes in the registry and\n"
    "its calls, what is asked for most first.\n"
    "monthly: the last whole Jalali month, or another, as files: of each provider\n"
    "and consumer its own calls, and all of them for the working group.\n"
    "\n"
    "  --from T, --until T  2026-11-26, 1405-09-05, or ms since 1970 (the last\n"
    "                       24 hours)\n"
    "  --consumer SYSTEM  --provider AGENCY  --service ID  --outcome WORD\n"
    "  --side provider      calls on one's own services\n"
    "  --province ID, --county ID  only consumers whose unit stands there, by\n"
    "                       the registry (not for demand)\n"
    "  --unusual            only what is not usual\n"
    "  --registry PATH      where payvand-registryd listens\n"
    "                       (PAYVAND_REGISTRY_SOCKET)\n"
    "  --csv                comma separated, with a line of names\n" PV_CLIENT_USAGE_EN
    "  --json               one JSON object a line\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 done, 1 not readable, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand report calls [--by minute|hour|day|all] [OPTION...]\n"
    "payvand report volumes [--unusual] [OPTION...]\n"
    "payvand report demand [--registry PATH] [OPTION...]\n"
    "payvand report monthly --folder DIR [--month 1405-08] [OPTION...]\n"
    "\n"
    "calls: شمار فراخوانی‌ها به تفکیک متقاضی، متد و نتیجه، با زمان ارائه‌دهنده\n"
    "به میلی‌ثانیه (میانه و صدک‌های ۹۵ و ۹۹؛ خطا تا ۳٫۲ درصد). برای متدهای\n"
    "راستی‌آزمایی با کمتر از ۱۰ فراخوانی زمان نشان داده نمی‌شود.\n"
    "volumes: آخرین ساعت کامل در کنار همان ساعت در ۷ روز پیش: high (بیش از سه\n"
    "برابر بیشترین)، refused (همان برای ردشده‌ها)، low (کمتر از یک‌چهارم کمترین).\n"
    "demand: درخواست‌ها، مجوزها، شیوه‌ها و فراخوانی‌های هر سرویس، پرتقاضاترین نخست.\n"
    "monthly: گزارش ماه شمسی گذشته یا ماهی دیگر به صورت پرونده: برای هر\n"
    "ارائه‌دهنده و دریافت‌کننده فراخوانی‌های خودش و برای کارگروه همه.\n"
    "\n"
    "  --from T, --until T  تاریخ میلادی یا شمسی (۲۴ ساعت گذشته)\n"
    "  --consumer SYSTEM  --provider AGENCY  --service ID  --outcome WORD\n"
    "  --side provider      فراخوانی‌های خدمات خود\n"
    "  --province ID, --county ID  تنها متقاضیانی که واحدشان در آن استان یا\n"
    "                       شهرستان است، بر پایه دفتر ثبت (جز demand)\n"
    "  --unusual            تنها حجم‌های نامعمول\n"
    "  --registry PATH      سوکت payvand-registryd (PAYVAND_REGISTRY_SOCKET)\n"
    "  --csv                جداشده با ویرگول، با سطر نام‌ها\n" PV_CLIENT_USAGE_FA
    "  --json               هر خط یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n";

enum field {
    F_FROM = 0,
    F_UNTIL,
    F_BY,
    F_CONSUMER,
    F_PROVIDER,
    F_SERVICE,
    F_OUTCOME,
    F_SIDE,
    F_END,
};

static const char *const field_name[F_END] = {
    [F_FROM] = "from",
    [F_UNTIL] = "until",
    [F_BY] = "by",
    [F_CONSUMER] = "consumer",
    [F_PROVIDER] = "provider",
    [F_SERVICE] = "service",
    [F_OUTCOME] = "outcome",
    [F_SIDE] = "as",
};

static const struct option option_list[] = {
    {"from", required_argument, NULL, 1000 + F_FROM},
    {"until", required_argument, NULL, 1000 + F_UNTIL},
    {"by", required_argument, NULL, 1000 + F_BY},
    {"consumer", required_argument, NULL, 1000 + F_CONSUMER},
    {"provider", required_argument, NULL, 1000 + F_PROVIDER},
    {"service", required_argument, NULL, 1000 + F_SERVICE},
    {"outcome", required_argument, NULL, 1000 + F_OUTCOME},
    {"side", required_argument, NULL, 1000 + F_SIDE},
    {"unusual", no_argument, NULL, 'u'},
    {"registry", required_argument, NULL, 'r'},
    {"province", required_argument, NULL, 'p'},
    {"county", required_argument, NULL, 'y'},
    {"folder", required_argument, NULL, 'f'},
    {"month", required_argument, NULL, 'm'},
    {"csv", no_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    PV_CLIENT_OPTIONS,
    {NULL, 0, NULL, 0},
};

struct column {
    const char *name;
    const char *en;
    const char *fa;
    int         width; /* of the table; negative: to the left */
};

static const struct column calls_column[] = {
    {"begin", "begin", "آغاز", -24},
    {"begin_jalali", "jalali", "شمسی", -10},
    {"consumer", "consumer", "متقاضی", -34},
    {"method", "method", "متد", -56},
    {"outcome", "outcome", "نتیجه", -11},
    {"count", "calls", "شمار", 8},
    {"p50_ms", "p50", "p50", 6},
    {"p95_ms", "p95", "p95", 6},
    {"p99_ms", "p99", "p99", 6},
};

static const struct column volume_column[] = {
    {"volume", "volume", "حجم", -8},
    {"consumer", "consumer", "متقاضی", -34},
    {"method", "method", "متد", -56},
    {"calls", "calls", "شمار", 8},
    {"usual_low", "fewest", "کمترین", 8},
    {"usual_high", "most", "بیشترین", 8},
    {"refused", "refused", "ردشده", 8},
    {"usual_refused", "most", "بیشترین", 8},
};

static const struct column demand_column[] = {
    {"service", "service", "سرویس", -44},
    {"provider", "provider", "ارائه‌دهنده", -34},
    {"requests", "requests", "درخواست", 8},
    {"open_requests", "open", "باز", 6},
    {"grants", "rights", "مجوز", 6},
    {"modes", "modes", "شیوه", 6},
    {"calls", "calls", "فراخوانی", 10},
};

static const struct column file_column[] = {
    {"file", "file", "پرونده", -60},
    {"count", "rows", "سطر", 8},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct args {
    struct pv_client     client;
    const char          *field[F_END];
    const struct column *column;
    size_t               column_count;
    const char          *registry;
    const char          *province;
    const char          *county;
    bool                 unusual;
    bool                 demand;
    bool                 monthly;
    const char          *folder;
    const char          *month;
    char                 from[PV_MONTH_DAY_ROOM];
    char                 until[PV_MONTH_DAY_ROOM];
    bool                 csv;
    bool                 json;
};

/* Everything here is checked by pv_show_flush at the end. */
static void
print_names(const struct args *args)
{
    for (size_t i = 0; i < args->column_count; i++) {
        const struct column *column = &args->column[i];

        if (args->csv) {
            (void)printf("%s%s", i > 0 ? "," : "", column->name);
        } else {
            (void)printf(
                "%s%*s", i > 0 ? " " : "", column->width,
                pv_cli_text(args->client.lang, column->en, column->fa));
        }
    }
    (void)printf("\n");
}

static void
print_row(const struct args *args, const json_t *row)
{
    for (size_t i = 0; i < args->column_count; i++) {
        const json_t *value = json_object_get(row, args->column[i].name);
        int           width = args->csv ? 0 : args->column[i].width;
        const char   *gap = i == 0 ? "" : args->csv ? "," : " ";

        if (json_is_integer(value)) {
            (void)printf("%s%*lld", gap, width,
                         (long long)json_integer_value(value));
        } else {
            (void)printf("%s%*s", gap, width,
                         json_is_string(value) ? json_string_value(value) : "");
        }
    }
    (void)printf("\n");
}

static void
print_json(const json_t *row)
{
    char *text = json_dumps(row, JSON_COMPACT);

    (void)printf("%s\n", text == NULL ? "" : text);
    free(text);
}

static int
show(const struct args *args, const json_t *page)
{
    const json_t *row;
    size_t        i;

    if (!args->json) {
        print_names(args);
    }
    json_array_foreach(json_object_get(page, "rows"), i, row)
    {
        if (args->unusual &&
            strcmp(pv_client_text(row, "volume"), "usual") == 0) {
            continue;
        }
        if (args->json) {
            print_json(row);
        } else {
            print_row(args, row);
        }
    }
    return pv_show_flush();
}

/* A whole month, of all calls. */
static bool
ask_month(struct args *args)
{
    for (size_t i = 0; i < F_END; i++) {
        if (args->field[i] != NULL) {
            return false;
        }
    }
    if (args->unusual || args->folder == NULL ||
        !pv_report_month(args->month, args->from, args->until)) {
        return false;
    }
    args->monthly = true;
    args->column = file_column;
    args->column_count = COUNT(file_column);
    args->field[F_FROM] = args->from;
    args->field[F_UNTIL] = args->until;
    return pv_client_path(&args->client, "/trace/v1/rollups", "") &&
           pv_client_add(&args->client, "by", "all");
}

static bool
ask(struct args *args, const char *what)
{
    bool good;

    if (strcmp(what, "monthly") != 0 &&
        (args->folder != NULL || args->month != NULL)) {
        return false;
    }
    if (strcmp(what, "monthly") == 0) {
        good = ask_month(args);
    } else if (strcmp(what, "demand") == 0) {
        args->demand = true;
        args->column = demand_column;
        args->column_count = COUNT(demand_column);
        good = !args->unusual && args->field[F_BY] == NULL &&
               args->province == NULL && args->county == NULL &&
               pv_client_path(&args->client, "/trace/v1/rollups", "") &&
               pv_client_add(&args->client, "by", "all");
    } else if (strcmp(what, "calls") == 0) {
        args->column = calls_column;
        args->column_count = COUNT(calls_column);
        good = !args->unusual &&
               pv_client_path(&args->client, "/trace/v1/rollups", "");
    } else {
        args->column = volume_column;
        args->column_count = COUNT(volume_column);
        good = strcmp(what, "volumes") == 0 &&
               pv_client_path(&args->client, "/trace/v1/volumes", "");
    }
    for (size_t i = 0; good && i < F_END; i++) {
        good = pv_client_add(&args->client, field_name[i], args->field[i]);
    }
    return good;
}

static bool
take_option(struct args *args, int key, const char **lang)
{
    if (key >= 1000 && key < 1000 + F_END) {
        args->field[key - 1000] = optarg;
        return true;
    }
    switch (key) {
    case 'r':
        args->registry = optarg;
        return true;
    case 'p':
        args->province = optarg;
        return true;
    case 'y':
        args->county = optarg;
        return true;
    case 'f':
        args->folder = optarg;
        return true;
    case 'm':
        args->month = optarg;
        return true;
    case 'u':
        args->unusual = true;
        return true;
    case 'c':
        args->csv = true;
        return true;
    case 'j':
        args->json = true;
        return true;
    case 'l':
        *lang = optarg;
        return true;
    default:
        return pv_client_take(&args->client, key, optarg);
    }
}

int
pv_cmd_report(int argc, char **argv)
{
    static struct args args;
    const char        *lang = NULL;
    json_t            *page = NULL;
    bool               help = false;
    int                code;
    int                key;

    memset(&args, 0, sizeof(args));
    pv_client_init(&args.client);
    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        if (key == 'h') {
            help = true;
        } else if (!take_option(&args, key, &lang)) {
            return pv_cli_usage_error("report");
        }
    }
    args.client.lang = pv_cli_lang(lang);
    if (help) {
        return fputs(pv_cli_text(args.client.lang, usage_en, usage_fa),
                     stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (argc - optind != 1 || !ask(&args, argv[optind])) {
        return pv_cli_usage_error("report");
    }
    code = pv_client_get_json(&args.client, &page);
    if (code == PV_EXIT_OK && (args.province != NULL || args.county != NULL)) {
        code = pv_report_place(pv_registry_socket(args.registry), args.province,
                               args.county, page);
    }
    if (code == PV_EXIT_OK && (args.demand || args.monthly)) {
        const char *registry = pv_registry_socket(args.registry);
        json_t     *calls = page;

        page = NULL;
        code = args.demand
                   ? pv_report_demand(registry, calls, &page)
                   : pv_report_monthly(registry, args.folder, calls, &page);
        json_decref(calls);
    }
    if (code == PV_EXIT_OK) {
        code = show(&args, page);
    }
    json_decref(page); /* accepts NULL */
    pv_client_clear(&args.client);
    return code;
}
