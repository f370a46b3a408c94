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
#include "cmd.h"
#include "evidence.h"

#define CONTENT_MAX (1024 * 1024)
#define OUT_MAX (64 * 1024)

static const char usage_en[] =
    "payvand prove EVIDENCE [OPTION...]\n"
    "\n"
    "Shows that what an evidence file of payvand call --keep-evidence holds is\n"
    "what the call asked: its nonce and content give the commitment that the\n"
    "exchange recorded. Nothing is sent anywhere.\n"
    "\n"
    "  --content FILE  the content, where it is not kept in the evidence file\n"
    "  --json          one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 proven, 1 not proven or not readable, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand prove EVIDENCE [OPTION...]\n"
    "\n"
    "نشان می‌دهد آنچه در پرونده مدرک (payvand call --keep-evidence) است همان\n"
    "چیزی است که پرسیده شده: راز و محتوای آن، تعهد ثبت‌شده در مرکز را می‌سازد.\n"
    "چیزی به جایی فرستاده نمی‌شود.\n"
    "\n"
    "  --content FILE  محتوا، اگر در پرونده مدرک نیست\n"
    "  --json          یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ اثبات شد، ۱ اثبات یا خوانده نشد، ۲ خط فرمان نادرست.\n";

static const struct option option_list[] = {
    {"content", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct args {
    const char        *path;
    const char        *content_path;
    const char        *lang_name;
    enum pv_lang       lang;
    bool               json;
    struct pv_evidence evidence;
    struct pv_buf      content; /* of --content */
};

static bool
read_content(struct args *args)
{
    FILE  *file = fopen(args->content_path, "re");
    char   part[4096];
    size_t got;
    bool   is_read = true;

    if (file == NULL) {
        pv_cli_error("%s: %s", args->content_path, strerror(errno));
        return false;
    }
    while (is_read && (got = fread(part, 1, sizeof(part), file)) > 0) {
        is_read =
            pv_buf_add(&args->content, (struct pv_slice){part, got}) == PV_OK;
    }
    if (!is_read || ferror(file)) {
        pv_cli_error("%s: not readable, or larger than %d bytes",
                     args->content_path, CONTENT_MAX);
        is_read = false;
    }
    explicit_bzero(part, sizeof(part));
    (void)fclose(file); /* read-only: nothing to lose */
    return is_read;
}

static void
add_time(struct pv_json *json, int64_t when_ms)
{
    char text[PV_TIME_TEXT_LEN];
    char jalali[PV_JALALI_TEXT_LEN];

    pv_time_text(when_ms, text);
    pv_jalali_text(when_ms, jalali);
    pv_json_string(json, "sent_at", (struct pv_slice){text, sizeof(text)});
    pv_json_string(json, "sent_at_jalali",
                   (struct pv_slice){jalali, sizeof(jalali)});
}

static enum pv_err
write_json(const struct args *args, bool proven, struct pv_buf *out)
{
    const struct pv_evidence *e = &args->evidence;
    struct pv_json            json;

    pv_json_init(&json, out);
    pv_json_object(&json, NULL);
    pv_json_bool(&json, "proven", proven);
    pv_json_text(&json, "commitment", e->commitment);
    pv_json_text(&json, "method", e->method);
    if (e->tracking_id[0] != '\0') {
        pv_json_text(&json, "tracking_id", e->tracking_id);
        pv_json_text(&json, "outcome", e->outcome);
    }
    add_time(&json, e->time_ms);
    pv_json_end_object(&json);
    return pv_json_finish(&json);
}

static enum pv_err
write_words(const struct args *args, bool proven, struct pv_buf *out)
{
    const struct pv_evidence *e = &args->evidence;
    enum pv_lang              lang = args->lang;
    char                      text[PV_TIME_TEXT_LEN];
    char                      jalali[PV_JALALI_TEXT_LEN];

    if (!proven) {
        return pv_buf_addf(
            out, "%s",
            pv_cli_text(
                lang,
                "NOT PROVEN: this content and nonce do not give the "
                "commitment",
                "اثبات نشد: این محتوا و راز، آن تعهد را نمی‌سازد"));
    }
    pv_time_text(e->time_ms, text);
    pv_jalali_text(e->time_ms, jalali);
    return pv_buf_addf(
        out, "%s\n%s: %s\n%s: %s\n%s: %.*s  %.*s\n%s: %s",
        pv_cli_text(
            lang, "proven: content and nonce give the commitment",
            "اثبات شد: محتوا و راز، تعهد را می‌سازد"),
        pv_cli_text(lang, "tracking id", "شناسه پیگیری"),
        e->tracking_id[0] != '\0' ? e->tracking_id : "-",
        pv_cli_text(lang, "method", "متد"), e->method,
        pv_cli_text(lang, "sent at", "زمان ارسال"), (int)sizeof(text), text,
        (int)sizeof(jalali), jalali, pv_cli_text(lang, "commitment", "تعهد"),
        e->commitment);
}

static int
run(struct args *args)
{
    struct pv_why  why = {""};
    struct pv_buf  out;
    enum pv_err    err;
    enum pv_err    written;
    struct pv_buf *content = &args->evidence.content;
    int            result = PV_EXIT_FAILED;

    pv_buf_init(&out, OUT_MAX);
    if (pv_evidence_read(&args->evidence, args->path, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        goto out;
    }
    if (args->content_path != NULL) {
        if (!read_content(args)) {
            goto out;
        }
        content = &args->content;
    } else if (!args->evidence.has_content) {
        pv_cli_error("%s holds no content: --content FILE", args->path);
        goto out;
    }
    err = pv_evidence_check(&args->evidence, pv_buf_view(content));
    if (err != PV_OK && err != PV_EVERIFY) {
        pv_cli_error("cannot check: %s", pv_err_text(err));
        goto out;
    }
    written = args->json ? write_json(args, err == PV_OK, &out)
                         : write_words(args, err == PV_OK, &out);
    if (written != PV_OK) {
        pv_cli_error("%s", pv_err_text(written));
        goto out;
    }
    result = pv_cli_print(&out);
    if (result == PV_EXIT_OK && err != PV_OK) {
        result = PV_EXIT_FAILED;
    }

out:
    pv_buf_clear(&out);
    return result;
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
            return pv_cli_usage_error("prove");
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
    args->path = argv[optind];
    return PV_EXIT_OK;
}

int
pv_cmd_prove(int argc, char **argv)
{
    struct args args = {0};
    int         result;

    pv_evidence_init(&args.evidence);
    pv_buf_init(&args.content, CONTENT_MAX);
    result = parse(&args, argc, argv);
    if (result == PV_EXIT_OK) {
        result = run(&args);
    } else if (result == -1) {
        result = PV_EXIT_OK; /* help was asked for and given */
    }
    pv_evidence_clear(&args.evidence);
    pv_buf_clear(&args.content);
    return result;
}
