/*
 * cmd_prove.c - `payvand prove`: shows from the evidence of a call what it
 * asked. Offline: it reads files and asks nobody.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jalali.h"
#include "base/time.h"
#include "client/evidence.h"
#include "cmd.h"
#include "trust.h"

#define CONTENT_MAX (1024 * 1024)
#define OUT_MAX (64 * 1024)

static const char usage_en[] =
    "payvand prove EVIDENCE [OPTION...]\n"
    "\n"
    "Shows that what an evidence file of payvand call --keep-evidence holds is\n"
    "what the call asked: its nonce and content give the commitment that the\n"
    "exchange recorded. With the call's receipt, also that this commitment "
    "stands\n"
    "in the log. Nothing is sent anywhere.\n"
    "\n"
    "  --content FILE      the content, where it is not kept in the evidence "
    "file\n"
    "  --provider-key FILE the provider's public key: that the answer it signed\n"
    "                      is to this very call\n"
    "  --receipt FILE      the receipt of the call; needs --log-key\n"
    "  --log-key VKEY      the log's public key\n"
    "  --witness-key VKEY  a witness's public key; may be given several times\n"
    "  --witnesses K       how many of them must have signed (default: all)\n"
    "  --json              one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 proven, 3 not proven, 1 a file cannot be read, 2 wrong "
    "command\n"
    "line.\n";

static const char usage_fa[] =
    "payvand prove EVIDENCE [OPTION...]\n"
    "\n"
    "نشان می‌دهد آنچه در پرونده مدرک (payvand call --keep-evidence) است همان\n"
    "چیزی است که پرسیده شده: راز و محتوای آن، تعهد ثبت‌شده در مرکز را می‌سازد.\n"
    "با رسید فراخوانی، اینکه این تعهد در دفتر ثبت است نیز نشان داده می‌شود.\n"
    "چیزی به جایی فرستاده نمی‌شود.\n"
    "\n"
    "  --content FILE      محتوا، اگر در پرونده مدرک نیست\n"
    "  --provider-key FILE کلید عمومی ارائه‌دهنده: پاسخ امضاشده از همین\n"
    "                      فراخوانی است\n"
    "  --receipt FILE      رسید فراخوانی؛ با --log-key\n"
    "  --log-key VKEY      کلید عمومی دفتر\n"
    "  --witness-key VKEY  کلید عمومی یک گواه؛ چند بار می‌توان داد\n"
    "  --witnesses K       چند گواه باید امضا کرده باشند (پیش‌فرض: همه)\n"
    "  --json              یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ اثبات شد، ۳ اثبات نشد، ۱ پرونده‌ای خوانده نشد، ۲ خط فرمان\n"
    "نادرست.\n";

static const struct option option_list[] = {
    {"content", required_argument, NULL, 'c'},
    {"provider-key", required_argument, NULL, 'p'},
    {"receipt", required_argument, NULL, 'r'},
    PV_CLI_TRUST_OPTIONS,
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* What does not hold. Zero is: nothing was found to hold. */
enum fault {
    FAULT_UNCHECKED = 0,
    FAULT_NONE,
    FAULT_COMMITMENT,
    FAULT_SIGNATURE,
    FAULT_RECEIPT,
    FAULT_RECORD,
    FAULTS,
};

static const struct {
    const char *word;
    const char *en;
    const char *fa;
} fault_text[FAULTS] = {
    [FAULT_UNCHECKED] = {"unchecked", "nothing was checked", "سنجیده نشد"},
    [FAULT_NONE] = {"", "content and nonce give the commitment",
                    "محتوا و راز، تعهد را می‌سازد"},
    [FAULT_COMMITMENT] =
        {"commitment", "this content and nonce do not give the commitment",
         "این محتوا و راز، آن تعهد را نمی‌سازد"},
    [FAULT_SIGNATURE] =
        {"signature", "the provider's signature is not of this call",
         "امضای ارائه‌دهنده از این فراخوانی نیست"},
    [FAULT_RECEIPT] = {"receipt", "the receipt is not good", "رسید درست نیست"},
    [FAULT_RECORD] = {"record", "the receipt is of another call",
                      "رسید از فراخوانی دیگری است"},
};

struct args {
    const char         *path;
    const char         *content_path;
    const char         *receipt_path; /* NULL: none */
    const char         *key_path;     /* of the provider; NULL: none */
    const char         *lang_name;
    enum pv_lang        lang;
    bool                json;
    struct pv_cli_trust trust;
    struct pv_evidence  evidence;
    struct pv_buf       content;      /* of --content */
    struct pv_buf       receipt_file; /* what receipt and verdict point into */
    struct pv_receipt   receipt;
    struct pv_receipt_verdict verdict;
    enum fault                fault;
    struct pv_why             why;
};

static bool
read_file(const char *path, struct pv_buf *out)
{
    enum pv_err err = pv_cli_read_file(path, out);

    if (err != PV_OK) {
        pv_cli_error("%s: %s", path,
                     err == PV_ESYS ? strerror(errno) : pv_err_text(err));
    }
    return err == PV_OK;
}

/* ---- checking --------------------------------------------------------- */

/* Is the record that of the call the evidence is of? */
static bool
is_same_call(const struct pv_request_record *r, const struct pv_evidence *e)
{
    char method[PV_EVIDENCE_METHOD_MAX];
    int  len = snprintf(method, sizeof(method), "%.*s/%.*s/%.*s/%.*s",
                        PV_FMT(r->provider), PV_FMT(r->service),
                        PV_FMT(r->version), PV_FMT(r->method));

    return pv_slice_eq(r->commitment, pv_slice_from(e->commitment)) &&
           (e->tracking_id[0] == '\0' ||
            pv_slice_eq(r->id, pv_slice_from(e->tracking_id))) &&
           /* a refusal of an unknown path names no method */
           (r->method.len == 0 || (len > 0 && (size_t)len < sizeof(method) &&
                                   strcmp(method, e->method) == 0));
}

/* Other errors than PV_OK: the check itself could not be done. */
static enum pv_err
check_receipt(struct args *args)
{
    const struct pv_receipt_trust trust = pv_cli_trust_view(&args->trust);
    enum pv_err                   err;

    err = pv_receipt_parse(pv_buf_view(&args->receipt_file), &args->receipt,
                           &args->why);
    if (err == PV_OK) {
        err = pv_receipt_verify(&args->receipt, &trust, &args->verdict,
                                &args->why);
    }
    if (err == PV_ENOMEM || err == PV_ECRYPTO) {
        return err;
    }
    if (err != PV_OK) {
        args->fault = FAULT_RECEIPT;
    } else if (!is_same_call(&args->verdict.record.request, &args->evidence)) {
        args->fault = FAULT_RECORD;
    }
    return PV_OK;
}

/* The answer's signature; content from elsewhere is what was signed, too. */
static enum pv_err
check_signature(struct args *args, struct pv_slice content)
{
    const struct pv_signed *kept = &args->evidence.answer;
    struct pv_httpsig_key  *key = NULL;
    enum pv_err             err;

    if (args->key_path == NULL) {
        return PV_OK;
    }
    err = pv_httpsig_key_read_file(args->key_path, false, &key, &args->why);
    if (err != PV_OK) {
        pv_cli_error("%s", args->why.text);
        return err;
    }
    err = pv_evidence_check_answer(&args->evidence, key, &args->why);
    if (err == PV_OK && kept->request_digest[0] != '\0') {
        err = pv_httpsig_digest_check(pv_slice_from(kept->request_digest),
                                      content);
    }
    pv_httpsig_key_free(key);
    if (err == PV_EVERIFY || err == PV_EINVAL) {
        args->fault = FAULT_SIGNATURE;
        err = PV_OK;
    }
    return err;
}

static enum pv_err
check(struct args *args, struct pv_slice content)
{
    enum pv_err err = pv_evidence_check(&args->evidence, content);

    if (err == PV_EVERIFY) {
        args->fault = FAULT_COMMITMENT;
        return PV_OK;
    }
    if (err != PV_OK) {
        return err;
    }
    args->fault = FAULT_NONE;
    err = check_signature(args, content);
    return err == PV_OK && args->fault == FAULT_NONE &&
                   args->receipt_path != NULL
               ? check_receipt(args)
               : err;
}

/* ---- telling ---------------------------------------------------------- */

static void
add_time(struct pv_json *json, const char *name, const char *jalali_name,
         int64_t when_ms)
{
    char text[PV_TIME_TEXT_LEN];
    char jalali[PV_JALALI_TEXT_LEN];

    pv_time_text(when_ms, text);
    pv_jalali_text(when_ms, jalali);
    pv_json_string(json, name, (struct pv_slice){text, sizeof(text)});
    pv_json_string(json, jalali_name,
                   (struct pv_slice){jalali, sizeof(jalali)});
}

static enum pv_err
write_json(const struct args *args, struct pv_buf *out)
{
    const struct pv_evidence *e = &args->evidence;
    bool                      proven = args->fault == FAULT_NONE;
    struct pv_json            json;

    pv_json_init(&json, out);
    pv_json_object(&json, NULL);
    pv_json_bool(&json, "proven", proven);
    if (!proven) {
        pv_json_text(&json, "fault", fault_text[args->fault].word);
        pv_json_text(&json, "why", args->why.text);
    }
    pv_json_text(&json, "commitment", e->commitment);
    pv_json_text(&json, "method", e->method);
    if (e->tracking_id[0] != '\0') {
        pv_json_text(&json, "tracking_id", e->tracking_id);
        pv_json_text(&json, "outcome", e->outcome);
    }
    add_time(&json, "sent_at", "sent_at_jalali", e->time_ms);
    pv_json_bool(&json, "answer_signed", proven && args->key_path != NULL);
    pv_json_bool(&json, "in_log", proven && args->receipt_path != NULL);
    if (proven && args->receipt_path != NULL) {
        add_time(&json, "recorded_at", "recorded_at_jalali",
                 (int64_t)args->verdict.record.request.time_ms);
        pv_json_u64(&json, "index", args->receipt.request.index);
        pv_json_u64(&json, "size", args->verdict.checkpoint.size);
        pv_json_string(&json, "log", args->verdict.checkpoint.origin);
        pv_json_u64(&json, "witnesses", args->verdict.cosigned);
    }
    pv_json_end_object(&json);
    return pv_json_finish(&json);
}

static enum pv_err
add_line(struct pv_buf *out, const char *label, int64_t when_ms)
{
    char text[PV_TIME_TEXT_LEN];
    char jalali[PV_JALALI_TEXT_LEN];

    pv_time_text(when_ms, text);
    pv_jalali_text(when_ms, jalali);
    return pv_buf_addf(out, "%s: %.*s  (%.*s)\n", label, PV_TIME_TEXT_LEN, text,
                       PV_JALALI_TEXT_LEN, jalali);
}

static enum pv_err
write_log_words(const struct args *args, struct pv_buf *out)
{
    enum pv_lang lang = args->lang;
    enum pv_err  err;

    if (args->receipt_path == NULL) {
        return pv_buf_addf(
            out, "%s",
            pv_cli_text(
                lang, "that it stands in the log shows only with --receipt",
                "ثبت آن در دفتر تنها با --receipt نشان داده می‌شود"));
    }
    err = add_line(out, pv_cli_text(lang, "recorded at", "زمان ثبت"),
                   (int64_t)args->verdict.record.request.time_ms);
    if (err != PV_OK) {
        return err;
    }
    return pv_buf_addf(out, "%s: %.*s, %s %llu / %llu, %s %zu",
                       pv_cli_text(lang, "log", "دفتر"),
                       PV_FMT(args->verdict.checkpoint.origin),
                       pv_cli_text(lang, "leaf", "ردیف"),
                       (unsigned long long)args->receipt.request.index,
                       (unsigned long long)args->verdict.checkpoint.size,
                       pv_cli_text(lang, "witnesses", "گواهان"),
                       args->verdict.cosigned);
}

static enum pv_err
write_words(const struct args *args, struct pv_buf *out)
{
    const struct pv_evidence *e = &args->evidence;
    enum pv_lang              lang = args->lang;
    const char *text = pv_cli_text(lang, fault_text[args->fault].en,
                                   fault_text[args->fault].fa);
    enum pv_err err;

    if (args->fault != FAULT_NONE) {
        return pv_buf_addf(
            out, "%s: %s%s%s", pv_cli_text(lang, "NOT PROVEN", "اثبات نشد"),
            text, args->why.text[0] != '\0' ? ": " : "", args->why.text);
    }
    err = pv_buf_addf(out, "%s: %s\n%s: %s\n%s: %s\n%s: %s\n",
                      pv_cli_text(lang, "proven", "اثبات شد"), text,
                      pv_cli_text(lang, "tracking id", "شناسه پیگیری"),
                      e->tracking_id[0] != '\0' ? e->tracking_id : "-",
                      pv_cli_text(lang, "method", "متد"), e->method,
                      pv_cli_text(lang, "commitment", "تعهد"), e->commitment);
    if (err == PV_OK) {
        err = add_line(out, pv_cli_text(lang, "sent at", "زمان ارسال"),
                       e->time_ms);
    }
    if (err == PV_OK && args->key_path != NULL) {
        err = pv_buf_addf(
            out, "%s\n",
            pv_cli_text(
                lang, "the provider has signed the answer to this call",
                "ارائه‌دهنده پاسخ این فراخوانی را امضا کرده است"));
    }
    return err == PV_OK ? write_log_words(args, out) : err;
}

static int
report(const struct args *args)
{
    struct pv_buf out;
    enum pv_err   err;
    int           result = PV_EXIT_FAILED;

    pv_buf_init(&out, OUT_MAX);
    err = args->json ? write_json(args, &out) : write_words(args, &out);
    if (err != PV_OK) {
        pv_cli_error("%s", pv_err_text(err));
    } else {
        result = pv_cli_print(&out);
    }
    pv_buf_clear(&out);
    return result != PV_EXIT_OK        ? result
           : args->fault == FAULT_NONE ? PV_EXIT_OK
                                       : PV_EXIT_UNVERIFIED;
}

static int
run(struct args *args)
{
    struct pv_buf *content = &args->evidence.content;
    enum pv_err    err;

    if (pv_evidence_read(&args->evidence, args->path, &args->why) != PV_OK) {
        pv_cli_error("%s", args->why.text);
        return PV_EXIT_FAILED;
    }
    if (args->content_path != NULL) {
        content = &args->content;
        if (!read_file(args->content_path, content)) {
            return PV_EXIT_FAILED;
        }
    } else if (!args->evidence.has_content) {
        pv_cli_error("%s holds no content: --content FILE", args->path);
        return PV_EXIT_FAILED;
    }
    if (args->receipt_path != NULL &&
        !read_file(args->receipt_path, &args->receipt_file)) {
        return PV_EXIT_FAILED;
    }
    err = check(args, pv_buf_view(content));
    if (err != PV_OK) {
        pv_cli_error("cannot check: %s", pv_err_text(err));
        return PV_EXIT_FAILED;
    }
    return report(args);
}

/* PV_EXIT_OK: go on; -1: help was given. */
static int
parse(struct args *args, int argc, char **argv)
{
    bool help = false;
    int  which;

    optind = 1;
    while ((which = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        switch (which) {
        case 'c':
            args->content_path = optarg;
            break;
        case 'p':
            args->key_path = optarg;
            break;
        case 'r':
            args->receipt_path = optarg;
            break;
        case 'j':
            args->json = true;
            break;
        case 'l':
            args->lang_name = optarg;
            break;
        case 'h':
            help = true;
            break;
        default:
            if (!pv_cli_trust_take(&args->trust, which, optarg)) {
                return pv_cli_usage_error("prove");
            }
        }
    }
    args->lang = pv_cli_lang(args->lang_name);
    if (help) {
        return fputs(pv_cli_text(args->lang, usage_en, usage_fa), stdout) < 0
                   ? PV_EXIT_FAILED
                   : -1;
    }
    if (argc - optind != 1) {
        pv_cli_error("which evidence file?");
        return pv_cli_usage_error("prove");
    }
    if (args->receipt_path != NULL && !pv_cli_trust_is_whole(&args->trust)) {
        pv_cli_error("--receipt is checked with the log's key: --log-key VKEY");
        return pv_cli_usage_error("prove");
    }
    args->path = argv[optind];
    return PV_EXIT_OK;
}

int
pv_cmd_prove(int argc, char **argv)
{
    struct args args = {0};
    int         result;

    pv_cli_trust_init(&args.trust);
    pv_evidence_init(&args.evidence);
    pv_buf_init(&args.content, CONTENT_MAX);
    pv_buf_init(&args.receipt_file, PV_RECEIPT_MAX);
    result = parse(&args, argc, argv);
    if (result == PV_EXIT_OK) {
        result = run(&args);
    } else if (result == -1) {
        result = PV_EXIT_OK; /* help was asked for and given */
    }
    pv_receipt_clear(&args.receipt);
    pv_buf_clear(&args.receipt_file);
    pv_evidence_clear(&args.evidence);
    pv_buf_clear(&args.content);
    return result;
}
