/*
 * cmd_verify.c - `payvand verify`: checks a receipt offline, with nothing but
 * the public keys of the log and of its witnesses; or a whole log on disk
 * (cmd_verify_log.c).
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/jalali.h"
#include "base/time.h"
#include "cmd.h"
#include "trace/receipt.h"
#include "trust.h"
#include "verify.h"

#define OUT_MAX_LEN (64 * 1024)

static const char usage_en[] =
    "payvand verify RECEIPT --log-key VKEY [OPTION...]\n"
    "payvand verify log DIR --journal DIR [OPTION...]   (see verify log --help)\n"
    "payvand verify decisions [NUMBER] --registry PATH --decision-key VKEY\n"
    "\n"
    "Checks a receipt without a network: that the request stands in the log,\n"
    "and with what end. Needs only public keys, got from those who hold them.\n"
    "\n"
    "  --log-key VKEY      the log's public key\n"
    "  --witness-key VKEY  a witness's public key; may be given several times\n"
    "  --witnesses K       how many of them must have signed (default: all)\n"
    "  --json              one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "RECEIPT is a file, or - for standard input.\n"
    "Exit code: 0 all of it holds, 3 something does not (it is named), 1 the\n"
    "file cannot be read, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand verify رسید --log-key VKEY [OPTION...]\n"
    "payvand verify log DIR --journal DIR [OPTION...]\n"
    "payvand verify decisions [شماره] --registry PATH --decision-key VKEY\n"
    "\n"
    "رسید را بدون شبکه می‌سنجد: آیا درخواست در دفتر ثبت است و پایان آن چیست.\n"
    "تنها به کلیدهای عمومی نیاز دارد که از دارندگان آنها گرفته شده باشد.\n"
    "\n"
    "  --log-key VKEY      کلید عمومی دفتر\n"
    "  --witness-key VKEY  کلید عمومی یک گواه؛ چند بار می‌توان داد\n"
    "  --witnesses K       چند گواه باید امضا کرده باشند (پیش‌فرض: همه)\n"
    "  --json              یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ همه درست است، ۳ چیزی درست نیست (نام برده می‌شود)، ۱ پرونده\n"
    "خوانده نشد، ۲ خط فرمان نادرست.\n";

static const struct option option_list[] = {
    PV_CLI_TRUST_OPTIONS,
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct args {
    const char         *lang_name;
    enum pv_lang        lang;
    bool                json;
    bool                help;
    struct pv_cli_trust trust;
};

/* Persian for what does not hold; the English sentence comes with it. */
static const char *const fault_fa[PV_RECEIPT_FAULTS] = {
    [PV_RECEIPT_UNCHECKED] = "سنجیده نشد",
    [PV_RECEIPT_GOOD] = "درست است",
    [PV_RECEIPT_NOTE] = "نشان دفتر یک یادداشت امضاشده نیست",
    [PV_RECEIPT_LOG_UNSIGNED] = "نشان دفتر امضای این کلید را ندارد",
    [PV_RECEIPT_LOG_SIGNATURE] = "امضای دفتر نادرست است",
    [PV_RECEIPT_CHECKPOINT] = "متن امضاشده نشان این دفتر نیست",
    [PV_RECEIPT_WITNESS] = "امضای یک گواه نادرست است",
    [PV_RECEIPT_QUORUM] = "شمار گواهان کافی نیست",
    [PV_RECEIPT_ENTRY] = "رکورد، رکورد یک درخواست نیست",
    [PV_RECEIPT_INDEX] = "ردیف رکورد بیرون از درخت است",
    [PV_RECEIPT_PROOF] = "اثبات به ریشه درخت نمی‌رسد",
    [PV_RECEIPT_COMPLETION_ENTRY] = "رکورد پایان، رکورد پایان نیست",
    [PV_RECEIPT_COMPLETION_OF] = "رکورد پایان از این درخواست نیست",
    [PV_RECEIPT_COMPLETION_INDEX] = "ردیف رکورد پایان بیرون از درخت است",
    [PV_RECEIPT_COMPLETION_PROOF] =
        "اثبات رکورد پایان به ریشه نمی‌رسد",
};

/* ---- for people --------------------------------------------------------- */

static void
row(const struct args *args, const char *en, const char *fa,
    struct pv_slice value)
{
    if (value.len > 0) { /* writing is checked once, at the end */
        (void)printf("%s: %.*s\n", pv_cli_text(args->lang, en, fa),
                     PV_FMT(value));
    }
}

static void
row_time(const struct args *args, const char *en, const char *fa,
         int64_t when_ms)
{
    char text[PV_TIME_TEXT_LEN];
    char jalali[PV_JALALI_TEXT_LEN];

    pv_time_text(when_ms, text);
    pv_jalali_text(when_ms, jalali);
    (void)printf("%s: %.*s  (%.*s)\n", pv_cli_text(args->lang, en, fa),
                 PV_TIME_TEXT_LEN, text, PV_JALALI_TEXT_LEN,
                 jalali); /* as in row() */
}

static void
print_witnesses(const struct args               *args,
                const struct pv_receipt_verdict *verdict)
{
    for (size_t i = 0; i < args->trust.witness_count; i++) {
        const struct pv_note_key *key = &args->trust.witness[i];
        uint64_t                  when_s;

        if (pv_note_verify(&verdict->note, key, &when_s) == PV_OK &&
            when_s < INT64_MAX / 1000) {
            row(args, "witness", "گواه",
                (struct pv_slice){key->name, key->name_len});
            row_time(args, "  signed", "  امضا", (int64_t)when_s * 1000);
        }
    }
    if (args->trust.witness_count == 0) {
        (void)puts(pv_cli_text(
            args->lang,
            "no witness was asked for: a log that shows different trees to\n"
            "different people cannot be told this way",
            "گواهی خواسته نشد: دفتری که به هر کس درخت دیگری نشان دهد با این\n"
            "سنجش شناخته نمی‌شود")); /* as in row() */
    }
}

static void
print_good(const struct args *args, const struct pv_receipt *receipt,
           const struct pv_receipt_verdict *verdict)
{
    const struct pv_request_record *r = &verdict->record.request;
    char                            root[PV_BASE64_LEN(PV_HASH_LEN)];

    (void)puts(pv_cli_text(args->lang, "good: the request stands in the log",
                           "درست: این درخواست در دفتر ثبت است"));
    row(args, "tracking id", "شناسه پیگیری", r->id);
    row_time(args, "received", "دریافت", (int64_t)r->time_ms);
    row(args, "consumer", "متقاضی", r->consumer);
    row(args, "provider", "ارائه‌دهنده", r->provider);
    row(args, "service", "خدمت", r->service);
    row(args, "version", "نسخه", r->version);
    row(args, "method", "متد", r->method);
    row(args, "decision", "تصمیم", r->decision);
    row(args, "reason", "دلیل", r->reason);
    row(args, "grant", "مجوز", r->grant);
    row(args, "purpose", "هدف", r->purpose);
    row(args, "commitment", "تعهد محتوا", r->commitment);
    if (receipt->has_completion) {
        row(args, "outcome", "سرانجام",
            pv_outcome_word(verdict->completion.outcome));
    }
    pv_base64_text(verdict->checkpoint.root.bytes, PV_HASH_LEN, root);
    row(args, "log", "دفتر", verdict->checkpoint.origin);
    (void)printf("%s: %llu / %llu\n", pv_cli_text(args->lang, "leaf", "ردیف"),
                 (unsigned long long)receipt->request.index,
                 (unsigned long long)verdict->checkpoint.size);
    row(args, "root", "ریشه", (struct pv_slice){root, sizeof(root)});
    print_witnesses(args, verdict);
}

/* ---- for programs ------------------------------------------------------- */

static void
json_good(struct pv_json *json, const struct pv_receipt *receipt,
          const struct pv_receipt_verdict *verdict)
{
    const struct pv_request_record *r = &verdict->record.request;
    char                            root[PV_BASE64_LEN(PV_HASH_LEN)];

    pv_base64_text(verdict->checkpoint.root.bytes, PV_HASH_LEN, root);
    pv_json_string(json, "tracking_id", r->id);
    pv_json_u64(json, "time_ms", r->time_ms);
    pv_json_string(json, "consumer", r->consumer);
    pv_json_string(json, "provider", r->provider);
    pv_json_string(json, "service", r->service);
    pv_json_string(json, "version", r->version);
    pv_json_string(json, "method", r->method);
    pv_json_string(json, "decision", r->decision);
    pv_json_string(json, "grant", r->grant);
    if (r->commitment.len > 0) {
        pv_json_string(json, "commitment", r->commitment);
    }
    if (receipt->has_completion) {
        pv_json_string(json, "outcome",
                       pv_outcome_word(verdict->completion.outcome));
    }
    pv_json_string(json, "log", verdict->checkpoint.origin);
    pv_json_u64(json, "index", receipt->request.index);
    pv_json_u64(json, "size", verdict->checkpoint.size);
    pv_json_string(json, "root", (struct pv_slice){root, sizeof(root)});
    pv_json_u64(json, "witnesses", verdict->cosigned);
}

static int
print_json(const struct pv_receipt         *receipt,
           const struct pv_receipt_verdict *verdict, const struct pv_why *why)
{
    bool           good = verdict->fault == PV_RECEIPT_GOOD;
    struct pv_buf  out;
    struct pv_json json;
    int            code = PV_EXIT_FAILED;

    pv_buf_init(&out, OUT_MAX_LEN);
    pv_json_init(&json, &out);
    pv_json_object(&json, NULL);
    pv_json_bool(&json, "good", good);
    if (good) {
        json_good(&json, receipt, verdict);
    } else {
        pv_json_text(&json, "fault", pv_receipt_fault_word(verdict->fault));
        pv_json_text(&json, "why", why->text);
    }
    pv_json_end_object(&json);
    if (pv_json_finish(&json) != PV_OK) {
        pv_cli_error("no memory");
    } else {
        code = pv_cli_print(&out);
    }
    pv_buf_clear(&out);
    return code != PV_EXIT_OK ? code : good ? PV_EXIT_OK : PV_EXIT_UNVERIFIED;
}

/* ---- the work ----------------------------------------------------------- */

static int
report(const struct args *args, const struct pv_receipt *receipt,
       const struct pv_receipt_verdict *verdict, const struct pv_why *why)
{
    if (args->json) {
        return print_json(receipt, verdict, why);
    }
    if (verdict->fault == PV_RECEIPT_GOOD) {
        print_good(args, receipt, verdict);
        if (fflush(stdout) != 0 || ferror(stdout)) {
            pv_cli_error("cannot write to standard output");
            return PV_EXIT_FAILED;
        }
        return PV_EXIT_OK;
    }
    if (args->lang == PV_LANG_FA) {
        pv_cli_error("نپذیرفتنی: %s [%s] %s", fault_fa[verdict->fault],
                     pv_receipt_fault_word(verdict->fault), why->text);
    } else {
        pv_cli_error("refused [%s]: %s", pv_receipt_fault_word(verdict->fault),
                     why->text);
    }
    return PV_EXIT_UNVERIFIED;
}

static int
verify(const struct args *args, const char *name)
{
    const struct pv_receipt_trust trust = pv_cli_trust_view(&args->trust);
    struct pv_receipt             receipt = {.owner = NULL};
    struct pv_receipt_verdict     verdict = {.fault = PV_RECEIPT_UNCHECKED};
    struct pv_why                 why = {""};
    struct pv_buf                 file;
    enum pv_err                   err;
    int                           code = PV_EXIT_FAILED;

    pv_buf_init(&file, PV_RECEIPT_MAX);
    err = pv_cli_read_file(name, &file);
    if (err == PV_OK) {
        err = pv_receipt_parse(pv_buf_view(&file), &receipt, &why);
    } else if (err == PV_ESYS) {
        pv_cli_error("%s: %s", name, strerror(errno));
        goto out;
    }
    if (err == PV_OK) {
        err = pv_receipt_verify(&receipt, &trust, &verdict, &why);
    } else if (why.text[0] == '\0') {
        pv_why_set(&why, "the file is no receipt: %s", pv_err_text(err));
    }
    if (err == PV_ENOMEM || err == PV_ECRYPTO) {
        pv_cli_error("%s", pv_err_text(err));
        goto out;
    }
    code = report(args, &receipt, &verdict, &why);

out:
    pv_receipt_clear(&receipt);
    pv_buf_clear(&file);
    return code;
}

static bool
take_option(struct args *args, int key)
{
    switch (key) {
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
pv_cmd_verify(int argc, char **argv)
{
    struct args args = {0};
    int         key;

    if (argc > 1 && strcmp(argv[1], "log") == 0) {
        return pv_cmd_verify_log(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "decisions") == 0) {
        return pv_cmd_verify_decisions(argc - 1, argv + 1);
    }
    pv_cli_trust_init(&args.trust);
    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        if (!take_option(&args, key)) {
            return pv_cli_usage_error("verify");
        }
    }
    args.lang = pv_cli_lang(args.lang_name);
    if (args.help) {
        return fputs(pv_cli_text(args.lang, usage_en, usage_fa), stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (argc - optind != 1 || !pv_cli_trust_is_whole(&args.trust)) {
        return pv_cli_usage_error("verify");
    }
    return verify(&args, argv[optind]);
}
