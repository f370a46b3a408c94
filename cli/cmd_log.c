/*
 * cmd_log.c - `payvand log`: keeping the stored log. Removing what a decision
 * says need not be kept, copying all of it, and bringing a copy back.
 */
#include "cmd_log.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/jalali.h"
#include "base/time.h"

static const char usage_en[] =
    "payvand log prune --before DATE --decision REF [--dry-run] [OPTION...]\n"
    "payvand log export DIR [--static DIR] [OPTION...]\n"
    "payvand log restore DIR [OPTION...]\n"
    "\n"
    "prune    remove the packs of which every record is from before the day;\n"
    "         their hashes stay, so old receipts and the tree still verify. The\n"
    "         removal is itself recorded in the log, with the decision\n"
    "export   copy journal, packs, tree and checkpoint into an empty directory,\n"
    "         beside the running exchange, and check the copy\n"
    "restore  bring such a copy back into two empty directories, and check it\n"
    "\n"
    "  --journal DIR   the journal's directory (PAYVAND_JOURNAL)\n"
    "  --log DIR       the log's directory (PAYVAND_LOG)\n"
    "  --before DATE   first day that is kept, 2026-11-21 or 1405-08-30\n"
    "  --decision REF  reference of the decision, of a-z 0-9 . / _ -\n"
    "  --socket PATH   payvand-traced's socket (PAYVAND_JOURNAL_SOCKET)\n"
    "  --dry-run       say what would be removed, remove nothing\n"
    "  --static DIR    also write the tiles as files for any web server\n"
    "  --json          one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Run it as the user of payvand-traced. Restore with payvand-traced stopped.\n"
    "Exit code: 0 done, 1 could not be done, 2 wrong command line, 3 the log or\n"
    "the copy is not what it should be.\n";

static const char usage_fa[] =
    "payvand log prune --before تاریخ --decision مصوبه [--dry-run]\n"
    "payvand log export پوشه [--static پوشه]\n"
    "payvand log restore پوشه\n"
    "\n"
    "prune    بسته‌هایی را که همه رکوردهایشان از پیش از این روز است حذف می‌کند؛\n"
    "         درهم‌سازه‌ها می‌مانند و رسیدهای پیشین و درخت همچنان سنجیدنی‌اند.\n"
    "         خود حذف با شماره مصوبه در دفتر ثبت می‌شود\n"
    "export   از دفتر رویداد، بسته‌ها، درخت و نشان نسخه می‌گیرد و آن را می‌سنجد\n"
    "restore  نسخه را به دو پوشه خالی برمی‌گرداند و می‌سنجد\n"
    "\n"
    "  --journal DIR   پوشه دفتر رویداد (PAYVAND_JOURNAL)\n"
    "  --log DIR       پوشه دفتر مهرشده (PAYVAND_LOG)\n"
    "  --before تاریخ  نخستین روزی که می‌ماند، مانند 1405-08-30\n"
    "  --decision REF  شماره مصوبه، از a-z 0-9 . / _ -\n"
    "  --socket PATH   سوکت payvand-traced (PAYVAND_JOURNAL_SOCKET)\n"
    "  --dry-run       تنها می‌گوید چه حذف می‌شود\n"
    "  --static DIR    کاشی‌ها را برای هر کارساز وب نیز می‌نویسد\n"
    "  --json          یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "با کاربر payvand-traced اجرا شود؛ restore هنگامی که payvand-traced خاموش\n"
    "است. کد خروج: ۰ انجام شد، ۱ انجام نشد، ۲ خط فرمان نادرست، ۳ دفتر یا نسخه\n"
    "آن نیست که باید باشد.\n";

static const struct option option_list[] = {
    {"before", required_argument, NULL, 'b'},
    {"decision", required_argument, NULL, 'd'},
    {"dry-run", no_argument, NULL, 'n'},
    {"journal", required_argument, NULL, 'J'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"log", required_argument, NULL, 'L'},
    {"socket", required_argument, NULL, 's'},
    {"static", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

int
log_open_dir(const struct log_args *args, const char *path, bool make)
{
    int fd;

    if (make && mkdir(path, 0750) == -1 && errno != EEXIST) {
        fd = -1;
    } else {
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd == -1) {
        pv_cli_error("%s %s: %s",
                     pv_cli_text(args->lang, "cannot open the directory",
                                 "پوشه باز نشد"),
                     path, strerror(errno));
    }
    return fd;
}

void
log_day(int64_t when_ms, char room[LOG_DAY_MAX])
{
    char text[PV_TIME_TEXT_LEN];
    char jalali[PV_JALALI_TEXT_LEN];

    pv_time_text(when_ms, text);
    pv_jalali_text(when_ms, jalali);
    (void)snprintf(room, LOG_DAY_MAX, "%.10s (%.*s)", text, /* fits */
                   (int)sizeof(jalali), jalali);
}

/* The two directories are always needed. */
static int
missing(const struct log_args *args)
{
    if (args->journal == NULL || args->log == NULL) {
        pv_cli_error(
            "%s",
            pv_cli_text(args->lang,
                        "where are they? give --journal DIR and "
                        "--log DIR, or set PAYVAND_JOURNAL and "
                        "PAYVAND_LOG",
                        "پوشه‌ها را با --journal و --log یا "
                        "PAYVAND_JOURNAL و PAYVAND_LOG بدهید"));
        return PV_EXIT_USAGE;
    }
    return PV_EXIT_OK;
}

static int
run(struct log_args *args, const char *what, int operands)
{
    if (missing(args) != PV_EXIT_OK) {
        return PV_EXIT_USAGE;
    }
    if (strcmp(what, "prune") == 0 && operands == 0 && args->before != NULL &&
        args->decision != NULL && args->stat == NULL) {
        return log_prune(args);
    }
    if (operands != 1 || args->before != NULL || args->decision != NULL ||
        args->dry_run) {
        return pv_cli_usage_error("log");
    }
    if (strcmp(what, "export") == 0) {
        return log_export(args);
    }
    if (strcmp(what, "restore") == 0 && args->stat == NULL) {
        return log_restore(args);
    }
    return pv_cli_usage_error("log");
}

int
pv_cmd_log(int argc, char **argv)
{
    struct log_args args = {.journal = getenv("PAYVAND_JOURNAL"),
                            .log = getenv("PAYVAND_LOG"),
                            .socket = getenv("PAYVAND_JOURNAL_SOCKET")};
    const char     *lang = NULL;
    bool            help = false;
    int             key;

    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        switch (key) {
        case 'b':
            args.before = optarg;
            break;
        case 'd':
            args.decision = optarg;
            break;
        case 'n':
            args.dry_run = true;
            break;
        case 'J':
            args.journal = optarg;
            break;
        case 'j':
            args.json = true;
            break;
        case 'l':
            lang = optarg;
            break;
        case 'L':
            args.log = optarg;
            break;
        case 's':
            args.socket = optarg;
            break;
        case 't':
            args.stat = optarg;
            break;
        case 'h':
            help = true;
            break;
        default:
            return pv_cli_usage_error("log");
        }
    }
    args.lang = pv_cli_lang(lang);
    if (help) {
        return fputs(pv_cli_text(args.lang, usage_en, usage_fa), stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (optind == argc) {
        return pv_cli_usage_error("log");
    }
    args.dir = optind + 1 < argc ? argv[optind + 1] : NULL;
    return run(&args, argv[optind], argc - optind - 1);
}
