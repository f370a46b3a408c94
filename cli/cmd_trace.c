/*
 * cmd_trace.c - `payvand trace`: what became of requests. What was asked about
 * whom, and what was answered, is not in the trace, so there is
 * nothing here that could show it. It asks the reader, which records that it
 * was read; --offline, for a stopped exchange, cannot.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "trace/request_json.h"
#include "trace_client.h"
#include "trace_show.h"

#define OUT_MAX_LEN (1024 * 1024)
#define POLL_MS 500
#define NUMBER_LEN 24
#define LIMIT_DEFAULT 100
#define PAGE_MAX 1000
#define REQUESTS "/trace/v1/requests"

static const char usage_en[] =
    "payvand trace TRACKING-ID [OPTION...]\n"
    "payvand trace --list [--from T] [--until T] [--consumer SYSTEM]\n"
    "              [--provider AGENCY] [--service ID] [--outcome WORD]\n"
    "              [--order newest|oldest] [--limit N] [OPTION...]\n"
    "payvand trace --follow [--all] [OPTION...]\n"
    "payvand trace TRACKING-ID --offline DIR [--log DIR]\n"
    "\n"
    "Tells what became of one request, lists requests, or shows records as\n"
    "they come: one's own calls, the calls on one's services (--side provider),\n"
    "or all of them for operators and auditors. What was asked about whom and\n"
    "what was answered is not recorded. Every reading is itself recorded.\n"
    "\n"
    "  --from, --until T  2026-11-26, 1405-09-05, or ms since 1970\n"
    "  --side provider    calls on one's own services\n"
    "  --limit N          at most so many requests (100)\n"
    "  --follow           show each record as it is written, until "
    "interrupted\n"
    "  --all              with --follow: begin with the first record kept\n"
    "  --offline DIR      read the journal's directory of a stopped exchange;\n"
    "                     such a reading leaves no record\n"
    "  --log DIR          with --offline: the log's directory beside it\n" PV_CLIENT_USAGE_EN
    "  --json             one JSON object a line\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "States: received (no end recorded yet), refused, limited, closed, invalid,\n"
    "unavailable, answered, failed, timeout, unknown (its worker was lost).\n"
    "Exit code: 0 found, 1 not found or not readable, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand trace شناسه-پیگیری [OPTION...]\n"
    "payvand trace --list [--from T] [--until T] [--consumer SYSTEM]\n"
    "              [--provider AGENCY] [--service ID] [--outcome WORD]\n"
    "              [--order newest|oldest] [--limit N] [OPTION...]\n"
    "payvand trace --follow [--all] [OPTION...]\n"
    "payvand trace شناسه-پیگیری --offline DIR [--log DIR]\n"
    "\n"
    "سرنوشت یک درخواست را می‌گوید، درخواست‌ها را فهرست می‌کند یا رکوردها را\n"
    "همان‌گونه که نوشته می‌شوند نشان می‌دهد: فراخوانی‌های خود، فراخوانی‌های\n"
    "خدمات خود (‎--side provider) و برای بهره‌بردار و حسابرس همه. موضوع پرسش و\n"
    "محتوای پاسخ ثبت نمی‌شود. هر مشاهده خود ثبت می‌شود.\n"
    "\n"
    "  --from, --until T  تاریخ میلادی یا شمسی، یا میلی‌ثانیه از ۱۹۷۰\n"
    "  --side provider    فراخوانی‌های خدمات خود\n"
    "  --limit N          بیشترین شمار درخواست‌ها (۱۰۰)\n"
    "  --follow           نمایش پیوسته رکوردها تا قطع شدن\n"
    "  --all              همراه ‎--follow: از نخستین رکورد نگهداری‌شده\n"
    "  --offline DIR      خواندن پوشه دفتر یک مرکز خاموش؛ این مشاهده ثبت نمی‌شود\n"
    "  --log DIR          همراه ‎--offline: پوشه لاگ\n" PV_CLIENT_USAGE_FA
    "  --json             هر خط یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ یافت شد، ۱ یافت یا خوانده نشد، ۲ خط فرمان نادرست.\n";

enum field { /* what a list is narrowed by */
             F_FROM = 0,
             F_UNTIL,
             F_CONSUMER,
             F_PROVIDER,
             F_SERVICE,
             F_OUTCOME,
             F_SIDE,
             F_ORDER,
             F_END,
};

static const char *const field_name[F_END] = {
    [F_FROM] = "from",         [F_UNTIL] = "until",
    [F_CONSUMER] = "consumer", [F_PROVIDER] = "provider",
    [F_SERVICE] = "service",   [F_OUTCOME] = "outcome",
    [F_SIDE] = "as",           [F_ORDER] = "order",
};

static const struct option option_list[] = {
    {"from", required_argument, NULL, 1000 + F_FROM},
    {"until", required_argument, NULL, 1000 + F_UNTIL},
    {"consumer", required_argument, NULL, 1000 + F_CONSUMER},
    {"provider", required_argument, NULL, 1000 + F_PROVIDER},
    {"service", required_argument, NULL, 1000 + F_SERVICE},
    {"outcome", required_argument, NULL, 1000 + F_OUTCOME},
    {"side", required_argument, NULL, 1000 + F_SIDE},
    {"order", required_argument, NULL, 1000 + F_ORDER},
    {"limit", required_argument, NULL, 'n'},
    {"list", no_argument, NULL, 'i'},
    {"follow", no_argument, NULL, 'f'},
    {"all", no_argument, NULL, 'a'},
    {"offline", required_argument, NULL, 'o'},
    {"log", required_argument, NULL, 'g'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    PV_CLIENT_OPTIONS,
    {NULL, 0, NULL, 0},
};

struct args {
    struct pv_client client;
    enum pv_lang     lang;
    const char      *field[F_END];
    const char      *offline;
    const char      *log_dir;
    uint64_t         limit;
    bool             list;
    bool             follow;
    bool             all;
    bool             json;
};

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
    (void)number; /* every one of them means: end */
    interrupted = 1;
}

/* A JSON value in one line. */
static void
print_json(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);

    (void)printf("%s\n",
                 text == NULL ? "" : text); /* checked by pv_show_flush */
    free(text);
}

/* ---- one --------------------------------------------------------------- */

static int
show_one(struct args *args, const char *id)
{
    struct pv_tracking_id parsed;
    json_t               *request = NULL;
    int                   code = PV_EXIT_USAGE;

    if (pv_tracking_id_parse(pv_slice_from(id), &parsed) != PV_OK) {
        pv_cli_error(
            "%s: %s",
            pv_cli_text(args->lang, "not a tracking id", "شناسه پیگیری نیست"),
            id);
        return PV_EXIT_USAGE;
    }
    if (pv_client_path(&args->client, REQUESTS "/", id)) {
        code = pv_client_get_json(&args->client, &request);
    }
    if (code == PV_EXIT_OK && args->json) {
        print_json(request);
        code = pv_show_flush();
    } else if (code == PV_EXIT_OK) {
        code = pv_show_request(request, args->lang);
    }
    json_decref(request); /* accepts NULL */
    return code;
}

/* ---- offline ----------------------------------------------------------- */

static int
open_dir(const struct args *args, const char *path)
{
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (path != NULL && fd == -1) {
        pv_cli_error("%s %s: %s",
                     pv_cli_text(args->lang, "cannot read", "خوانده نشد:"),
                     path, strerror(errno));
    }
    return fd;
}

static enum pv_err
find_offline(int journal, int log, const struct pv_tracking_id *id,
             struct pv_buf *out)
{
    static struct pv_trace_found found;
    struct pv_log               *opened = NULL;
    struct pv_json               json;
    enum pv_err                  err = pv_log_open(journal, log, &opened);

    if (err == PV_OK) {
        err = pv_log_find(opened, id, pv_time_wall_ms(), &found);
    }
    if (err == PV_OK) {
        pv_json_init(&json, out);
        pv_json_request(&json, &found);
        err = pv_json_finish(&json);
    }
    pv_log_close(opened);
    return err;
}

static int
show_offline(struct args *args, const char *text)
{
    struct pv_tracking_id id;
    struct pv_buf         out;
    json_t               *request;
    int                   journal = -1;
    int                   log = -1;
    int                   code = PV_EXIT_FAILED;
    enum pv_err           err;

    pv_buf_init(&out, OUT_MAX_LEN);
    if (pv_tracking_id_parse(pv_slice_from(text), &id) != PV_OK) {
        pv_cli_error("not a tracking id: %s", text);
        return PV_EXIT_USAGE;
    }
    journal = open_dir(args, args->offline);
    log = open_dir(args, args->log_dir);
    if (journal == -1 || (log == -1 && args->log_dir != NULL)) {
        goto out;
    }
    pv_cli_error(
        "%s",
        pv_cli_text(
            args->lang,
            "reading the files themselves: this "
            "reading leaves no record",
            "خواندن مستقیم پرونده‌ها: این مشاهده ثبت "
            "نمی‌شود"));
    err = find_offline(journal, log, &id, &out);
    if (err != PV_OK) {
        pv_cli_error("%s: %s",
                     err == PV_ENOTFOUND
                         ? pv_cli_text(args->lang, "no such request there",
                                       "چنین درخواستی در آن نیست")
                         : pv_err_text(err),
                     text);
        goto out;
    }
    request = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
    if (args->json) {
        print_json(request);
        code = pv_show_flush();
    } else {
        code = pv_show_request(request, args->lang);
    }
    json_decref(request); /* accepts NULL */

out:
    if (journal != -1) {
        (void)close(journal); /* read-only: nothing to lose */
    }
    if (log != -1) {
        (void)close(log); /* as above */
    }
    pv_buf_clear(&out);
    return code;
}

/* ---- many -------------------------------------------------------------- */

static bool
ask_page(struct args *args, uint64_t left, const char *cursor)
{
    char number[NUMBER_LEN];
    bool good = pv_client_path(&args->client, REQUESTS, "");

    for (size_t i = 0; good && i < F_END; i++) {
        good = pv_client_add(&args->client, field_name[i], args->field[i]);
    }
    (void)snprintf(number, sizeof(number), "%llu", /* it fits */
                   (unsigned long long)(left < PAGE_MAX ? left : PAGE_MAX));
    return good && pv_client_add(&args->client, "limit", number) &&
           pv_client_add(&args->client, "cursor", cursor);
}

static uint64_t
print_page(const struct args *args, const json_t *page)
{
    const json_t *request;
    size_t        i;

    json_array_foreach(json_object_get(page, "requests"), i, request)
    {
        if (args->json) {
            print_json(request);
        } else {
            pv_show_line(request, args->lang);
        }
    }
    return json_array_size(json_object_get(page, "requests"));
}

static int
show_list(struct args *args)
{
    char     cursor[2 * NUMBER_LEN] = "";
    uint64_t left = args->limit;
    int      code = PV_EXIT_OK;

    while (left > 0 && code == PV_EXIT_OK) {
        json_t     *page = NULL;
        const char *next = "";

        code = ask_page(args, left, cursor)
                   ? pv_client_get_json(&args->client, &page)
                   : PV_EXIT_USAGE;
        if (code == PV_EXIT_OK) {
            left -= print_page(args, page);
            next = pv_client_text(page, "cursor");
            code = pv_show_flush();
        }
        if (pv_slice_to_cstr(pv_slice_from(next), cursor, sizeof(cursor)) !=
            PV_OK) {
            cursor[0] = '\0'; /* no cursor of a reader's is so long */
        }
        json_decref(page); /* accepts NULL */
        if (cursor[0] == '\0') {
            break;
        }
    }
    return code;
}

static int
follow(struct args *args)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    char                  cursor[NUMBER_LEN] = "";
    int                   code = PV_EXIT_OK;

    (void)signal(SIGINT, on_signal);  /* cannot fail */
    (void)signal(SIGTERM, on_signal); /* cannot fail */
    if (args->all) {
        cursor[0] = '0';
    }
    while (interrupted == 0 && code == PV_EXIT_OK) {
        const json_t *item;
        json_t       *page = NULL;
        size_t        count = 0;
        size_t        i;

        code = pv_client_path(&args->client, "/trace/v1/follow", "") &&
                       pv_client_add(&args->client, "cursor", cursor) &&
                       pv_client_add(&args->client, "as", args->field[F_SIDE])
                   ? pv_client_get_json(&args->client, &page)
                   : PV_EXIT_USAGE;
        if (code != PV_EXIT_OK) {
            break;
        }
        json_array_foreach(json_object_get(page, "records"), i, item)
        {
            if (args->json) {
                print_json(item);
            } else {
                pv_show_item(item);
            }
            count++;
        }
        code = pv_slice_to_cstr(pv_slice_from(pv_client_text(page, "cursor")),
                                cursor, sizeof(cursor)) == PV_OK
                   ? pv_show_flush()
                   : PV_EXIT_FAILED;
        json_decref(page);
        if (count == 0) {
            (void)nanosleep(&pause, NULL); /* shorter is as good */
        }
    }
    return interrupted != 0 ? PV_EXIT_OK : code;
}

/* ---- the command line -------------------------------------------------- */

static bool
take_option(struct args *args, int key, const char **lang)
{
    if (key >= 1000 && key < 1000 + F_END) {
        args->field[key - 1000] = optarg;
        args->list = args->list || key != 1000 + F_SIDE;
        return true;
    }
    switch (key) {
    case 'n':
        return pv_slice_to_u64(pv_slice_from(optarg), UINT32_MAX,
                               &args->limit) == PV_OK;
    case 'i':
        args->list = true;
        return true;
    case 'f':
        args->follow = true;
        return true;
    case 'a':
        args->all = true;
        return true;
    case 'o':
        args->offline = optarg;
        return true;
    case 'g':
        args->log_dir = optarg;
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

static int
run(struct args *args, int count, char **words)
{
    if (args->follow ? count != 0 || args->list
                     : count != (args->list ? 0 : 1)) {
        return pv_cli_usage_error("trace");
    }
    if (args->offline != NULL) {
        return count == 1 ? show_offline(args, words[0])
                          : pv_cli_usage_error("trace");
    }
    if (args->follow) {
        return follow(args);
    }
    return args->list ? show_list(args) : show_one(args, words[0]);
}

int
pv_cmd_trace(int argc, char **argv)
{
    static struct args args;
    const char        *lang = NULL;
    bool               help = false;
    int                code;
    int                key;

    memset(&args, 0, sizeof(args));
    pv_client_init(&args.client);
    args.limit = LIMIT_DEFAULT;
    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        if (key == 'h') {
            help = true;
        } else if (!take_option(&args, key, &lang)) {
            return pv_cli_usage_error("trace");
        }
    }
    args.lang = pv_cli_lang(lang);
    args.client.lang = args.lang;
    if (help) {
        return fputs(pv_cli_text(args.lang, usage_en, usage_fa), stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    code = run(&args, argc - optind, argv + optind);
    pv_client_clear(&args.client);
    return code;
}
