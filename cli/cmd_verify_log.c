/*
 * cmd_verify_log.c - `payvand verify log`: the audit of a whole log on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "trace/audit.h"
#include "trust.h"
#include "verify.h"

#define OUT_MAX_LEN (1024 * 1024)
#define SHOWN_MAX 100 /* findings; all are counted */
#define VKEY_FILE "vkey"

static const char usage_en[] =
    "payvand verify log DIR --journal DIR [OPTION...]\n"
    "\n"
    "Audits a whole log on disk: each tile, each bundle, each checkpoint kept,\n"
    "and that each record is there. Any changed, missing, added or moved byte is\n"
    "found, named and located. The log is to be at rest.\n"
    "\n"
    "  --journal DIR       its journal (PAYVAND_JOURNAL)\n"
    "  --log-key VKEY      the log's public key; without it the one in DIR is\n"
    "                      taken, which shows damage but not a forger\n"
    "  --witness-key VKEY  a witness's public key; may be given several times\n"
    "  --witnesses K       how many of them must have signed (default: all)\n"
    "  --json              one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 it is whole, 3 something was found, 1 it cannot be read, 2\n"
    "wrong command line.\n";

static const char usage_fa[] =
    "payvand verify log DIR --journal DIR [OPTION...]\n"
    "\n"
    "ممیزی یک دفتر کامل: هر کاشی، هر بسته، هر نشان نگهداری‌شده، و بودن هر\n"
    "رکورد. هر بایت تغییرکرده، گم‌شده، افزوده یا جابه‌جاشده با نام و جای آن\n"
    "گفته می‌شود. دفتر باید در حال نوشتن نباشد.\n"
    "\n"
    "  --journal DIR       دفتر رویداد آن (PAYVAND_JOURNAL)\n"
    "  --log-key VKEY      کلید عمومی دفتر؛ بدون آن کلید درون DIR به کار می‌رود\n"
    "                      که آسیب را نشان می‌دهد، نه جاعل را\n"
    "  --witness-key VKEY  کلید عمومی یک گواه؛ چند بار می‌توان داد\n"
    "  --witnesses K       چند گواه باید امضا کرده باشند (پیش‌فرض: همه)\n"
    "  --json              یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ کامل است، ۳ چیزی یافت شد، ۱ خوانده نشد، ۲ خط فرمان نادرست.\n";

static const struct option option_list[] = {
    PV_CLI_TRUST_OPTIONS,
    {"journal", required_argument, NULL, 'd'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct args {
    const char         *journal;
    const char         *lang_name;
    enum pv_lang        lang;
    bool                json;
    bool                help;
    struct pv_cli_trust trust;
    uint64_t            shown;
    struct pv_buf       out;
    struct pv_json      writer;
};

/* Persian for the words of audit.h; the English sentence comes with it. */
static const struct {
    const char *word;
    const char *fa;
} word_fa[] = {
    {"leaf-differs",
     "رکورد با درهم‌ساز آن در درخت نمی‌خواند"},
    {"leaves-missing", "رکوردهایی نیستند"},
    {"tree-missing", "درخت نیست"},
    {"tree-torn",
     "پرونده درخت در میانه یک درهم‌ساز پایان می‌یابد"},
    {"tree-short", "پرونده درخت کوتاه است"},
    {"tree-long", "پرونده درخت بلند است"},
    {"tree-extra", "درخت بیش از رکوردها دارد"},
    {"tree-differs",
     "درهم‌ساز بالایی با پایینی‌ها نمی‌خواند"},
    {"checkpoint-missing", "نشان منتشرشده نیست"},
    {"checkpoint-unsigned", "نشان را این دفتر امضا نکرده است"},
    {"checkpoint-ahead", "نشان از درخت بزرگ‌تر است"},
    {"checkpoint-order", "نشان دنباله نشان پیشین نیست"},
    {"checkpoint-old",
     "نشان از نسخه‌ای کهنه بازگردانده شده است"},
    {"checkpoint-torn", "نشان ناتمام است"},
    {"root-differs",
     "ریشه درخت با نشان امضاشده نمی‌خواند"},
    {"cosignature-wrong", "امضای یک گواه نادرست است"},
    {"quorum", "شمار گواهان کافی نیست"},
    {"pack-missing", "بسته نیست"},
    {"pack-damaged", "بسته خوانده نمی‌شود"},
    {"pack-differs", "بسته با نام و خط آن نمی‌خواند"},
    {"pack-extra",
     "پرونده‌ای بیش از فهرست بسته‌ها"},
    {"pack-line", "فهرست بسته‌ها خوانده نمی‌شود"},
    {"bundle-damaged", "بخشی از بسته خوانده نمی‌شود"},
    {"pruning-unrecorded", "رکوردهایی حذف شده و تصمیم آن در دفتر نیست"},
    {"journal-gap", "جای خالی دفتر رویداد خالی نیست"},
    {"journal-damaged", "دفتر رویداد آسیب دیده است"},
};

static const char *
in_persian(const char *word)
{
    for (size_t i = 0; i < sizeof(word_fa) / sizeof(word_fa[0]); i++) {
        if (strcmp(word, word_fa[i].word) == 0) {
            return word_fa[i].fa;
        }
    }
    return "";
}

static void
on_finding(void *context, const struct pv_audit_finding *finding)
{
    struct args *args = context;

    if (++args->shown > SHOWN_MAX) {
        return;
    }
    if (args->json) {
        pv_json_object(&args->writer, NULL);
        pv_json_text(&args->writer, "found", finding->word);
        pv_json_text(&args->writer, "file", finding->file);
        pv_json_u64(&args->writer, "at", finding->at);
        pv_json_text(&args->writer, "why", finding->why.text);
        pv_json_end_object(&args->writer);
        return;
    }
    /* the exit code says it too */
    (void)fprintf(stderr, "%s [%s] %s%s%s\n", finding->file, finding->word,
                  args->lang == PV_LANG_FA ? in_persian(finding->word) : "",
                  args->lang == PV_LANG_FA ? ": " : "", finding->why.text);
}

/* ---- results --------------------------------------------------------------
 */

static int
end_json(struct args *args, const struct pv_audit *audit)
{
    struct pv_json *json = &args->writer;

    pv_json_end_array(json);
    pv_json_u64(json, "count", audit->findings);
    pv_json_u64(json, "size", audit->size);
    pv_json_u64(json, "leaves", audit->leaves);
    pv_json_u64(json, "records", audit->records);
    pv_json_u64(json, "unsigned", audit->unsigned_count);
    pv_json_u64(json, "pruned", audit->pruned);
    pv_json_u64(json, "packs", audit->packs);
    pv_json_u64(json, "checkpoints", audit->checkpoints);
    pv_json_bool(json, "whole", audit->findings == 0);
    pv_json_end_object(json);
    if (pv_json_finish(json) != PV_OK) {
        pv_cli_error("no memory");
        return PV_EXIT_FAILED;
    }
    return pv_cli_print(&args->out);
}

static int
end_text(const struct args *args, const struct pv_audit *audit)
{
    static const struct {
        const char *en;
        const char *fa;
    } whole = {"whole: each record is there, as the log signed it",
               "کامل: هر رکورد هست و همان است که دفتر امضا کرده است"};

    if (audit->findings > SHOWN_MAX) {
        pv_cli_error("%llu %s", (unsigned long long)audit->findings - SHOWN_MAX,
                     pv_cli_text(args->lang, "findings more are not shown",
                                 "یافته دیگر نشان داده نشد"));
    }
    if (audit->findings == 0) {
        (void)puts(
            pv_cli_text(args->lang, whole.en, whole.fa)); /* checked below */
    }
    (void)printf(
        "size=%llu leaves=%llu records=%llu unsigned=%llu pruned=%llu "
        "packs=%llu checkpoints=%llu found=%llu\n",
        (unsigned long long)audit->size, (unsigned long long)audit->leaves,
        (unsigned long long)audit->records,
        (unsigned long long)audit->unsigned_count,
        (unsigned long long)audit->pruned, (unsigned long long)audit->packs,
        (unsigned long long)audit->checkpoints,
        (unsigned long long)audit->findings); /* as above */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        pv_cli_error("cannot write to standard output");
        return PV_EXIT_FAILED;
    }
    return PV_EXIT_OK;
}

static int
audit_log(struct args *args, struct pv_audit *audit)
{
    struct pv_why why = {""};
    int           code;

    pv_buf_init(&args->out, OUT_MAX_LEN);
    pv_json_init(&args->writer, &args->out);
    pv_json_object(&args->writer, NULL);
    pv_json_array(&args->writer, "findings");
    if (pv_audit_run(audit, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        code = PV_EXIT_FAILED;
    } else {
        code = args->json ? end_json(args, audit) : end_text(args, audit);
        if (code == PV_EXIT_OK && audit->findings > 0) {
            code = PV_EXIT_UNVERIFIED;
        }
    }
    pv_buf_clear(&args->out);
    return code;
}

/* ---- the work -------------------------------------------------------------
 */

static int
open_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1) {
        pv_cli_error("%s: %s", path, strerror(errno));
    }
    return fd;
}

/* The key that lies beside the log, when none was given. */
static bool
find_key(struct args *args, const char *dir)
{
    char            path[4096];
    struct pv_buf   text;
    struct pv_slice line;
    struct pv_slice rest;
    enum pv_err     err = PV_ERANGE;

    if (args->trust.has_log) {
        return true;
    }
    pv_buf_init(&text, PV_NOTE_VKEY_MAX + 1);
    if (snprintf(path, sizeof(path), "%s/" VKEY_FILE, dir) <
        (int)sizeof(path)) {
        err = pv_cli_read_file(path, &text);
    }
    if (err == PV_OK) {
        (void)pv_slice_cut(pv_buf_view(&text), '\n', &line,
                           &rest); /* or all of it */
        err = pv_note_key_parse(line, &args->trust.log);
    }
    pv_buf_clear(&text);
    if (err != PV_OK) {
        pv_cli_error("%s/" VKEY_FILE ": %s; give --log-key", dir,
                     err == PV_ESYS ? strerror(errno) : pv_err_text(err));
        return false;
    }
    if (!args->json) {
        pv_cli_error(
            "%s",
            pv_cli_text(args->lang,
                        "the key beside the log is taken: a forger of the "
                        "whole log would have put his own there",
                        "کلید کنار دفتر به کار رفت: جاعل همه دفتر کلید خود را "
                        "آنجا می‌گذاشت"));
    }
    args->trust.has_log = true;
    return true;
}

static int
run(struct args *args, const char *dir)
{
    struct pv_audit audit = {.log_dirfd = -1, .journal_dirfd = -1};
    int             code = PV_EXIT_FAILED;

    if (!find_key(args, dir)) {
        return code;
    }
    audit.log_dirfd = open_dir(dir);
    audit.journal_dirfd = open_dir(args->journal);
    if (audit.log_dirfd != -1 && audit.journal_dirfd != -1) {
        audit.log = &args->trust.log;
        audit.witness = args->trust.witness;
        audit.witness_count = args->trust.witness_count;
        audit.quorum = pv_cli_trust_view(&args->trust).quorum;
        audit.fn = on_finding;
        audit.context = args;
        code = audit_log(args, &audit);
    }
    if (audit.log_dirfd != -1) {
        (void)close(audit.log_dirfd); /* a folder: nothing to lose */
    }
    if (audit.journal_dirfd != -1) {
        (void)close(audit.journal_dirfd); /* as above */
    }
    return code;
}

static bool
take_option(struct args *args, int key)
{
    switch (key) {
    case 'd':
        args->journal = optarg;
        return true;
    case 'j':
        args->json = true;
        return true;
    case 'l':
        args->lang_name = optarg;
        return true;
    case 'h':
        args->help = true;
        return true;
    default:
        return pv_cli_trust_take(&args->trust, key, optarg);
    }
}

int
pv_cmd_verify_log(int argc, char **argv)
{
    struct args args = {.journal = getenv("PAYVAND_JOURNAL")};
    int         key;

    pv_cli_trust_init(&args.trust);
    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        if (!take_option(&args, key)) {
            return pv_cli_usage_error("verify log");
        }
    }
    args.lang = pv_cli_lang(args.lang_name);
    if (args.help) {
        return fputs(pv_cli_text(args.lang, usage_en, usage_fa), stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (argc - optind != 1 || args.journal == NULL ||
        (args.trust.quorum != UINT64_MAX &&
         args.trust.quorum > args.trust.witness_count)) {
        return pv_cli_usage_error("verify log");
    }
    return run(&args, argv[optind]);
}
