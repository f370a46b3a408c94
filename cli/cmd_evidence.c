/*
 * cmd_evidence.c - `payvand evidence`: the evidence that payvand-consumerd
 * keeps of an agency's calls. Reads the store; changes nothing in it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jalali.h"
#include "base/num.h"
#include "base/time.h"
#include "cmd.h"
#include "consumerd/store.h"

#define OUT_MAX (32 * 1024 * 1024)
#define ROWS_DEFAULT 20

static const char usage_en[] =
    "payvand evidence list --store FILE [--last N] [--json] [--lang en|fa]\n"
    "payvand evidence show ID --store FILE\n"
    "\n"
    "What payvand-consumerd kept of the agency's calls: the newest first, or one\n"
    "by its tracking id or commitment, as the file that payvand prove reads.\n"
    "\n"
    "  payvand evidence show 0198f2c4-0000-7000-8000-000000000000 \\\n"
    "      --store /var/lib/payvand-consumer/evidence.sqlite >call.json\n"
    "  payvand prove call.json --content request.json --provider-key KEY.pem\n"
    "\n"
    "Exit code: 0 shown, 1 not there or not read, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand evidence list --store FILE [--last N] [--json] [--lang en|fa]\n"
    "payvand evidence show ID --store FILE\n"
    "\n"
    "آنچه payvand-consumerd از فراخوانی‌های دستگاه نگه داشته است: نخست\n"
    "تازه‌ترین‌ها، یا یکی با شناسه پیگیری یا تعهد آن، به شکل پرونده‌ای که\n"
    "payvand prove می‌خواند.\n"
    "\n"
    "کد خروج: ۰ نشان داده شد، ۱ نبود یا خوانده نشد، ۲ خط فرمان نادرست.\n";

struct args {
    const char    *store;
    const char    *id; /* NULL: the list */
    unsigned       last;
    bool           json;
    enum pv_lang   lang;
    struct pv_buf  out;
    struct pv_json list;
    enum pv_err    err;
};

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

static void
list_json(struct args *args, const struct consumer_row *row)
{
    struct pv_json           *json = &args->list;
    const struct pv_evidence *evidence = row->evidence;

    pv_json_object(json, NULL);
    pv_json_text(json, "application", row->application);
    pv_json_text(json, "commitment", evidence->commitment);
    pv_json_bool(json, "content", evidence->has_content);
    pv_json_text(json, "fault", row->fault);
    pv_json_text(json, "method", evidence->method);
    pv_json_text(json, "outcome", evidence->outcome);
    pv_json_text(json, "purpose", row->purpose);
    pv_json_text(json, "result", row->result);
    add_time(json, evidence->time_ms);
    pv_json_bool(json, "signed", evidence->answer.signature[0] != '\0');
    pv_json_text(json, "system", row->system);
    pv_json_text(json, "tracking_id", evidence->tracking_id);
    pv_json_end_object(json);
}

static enum pv_err
list_words(struct args *args, const struct consumer_row *row)
{
    const struct pv_evidence *evidence = row->evidence;
    char                      text[PV_TIME_TEXT_LEN];
    char                      jalali[PV_JALALI_TEXT_LEN];

    pv_time_text(evidence->time_ms, text);
    pv_jalali_text(evidence->time_ms, jalali);
    return pv_buf_addf(&args->out, "%.*s  %.*s  %s  %s  %s  %s%s%s\n",
                       PV_TIME_TEXT_LEN, text, PV_JALALI_TEXT_LEN, jalali,
                       evidence->tracking_id[0] != '\0' ? evidence->tracking_id
                                                        : evidence->commitment,
                       row->application, evidence->method,
                       row->result[0] != '\0'
                           ? row->result
                           : pv_cli_text(args->lang, "under way", "در جریان"),
                       row->fault[0] != '\0' ? " " : "", row->fault);
}

static void
on_row(void *context, const struct consumer_row *row)
{
    struct args *args = context;

    if (args->err != PV_OK) {
        return;
    }
    if (args->id != NULL) {
        args->err = pv_evidence_text(row->evidence, &args->out);
    } else if (args->json) {
        list_json(args, row);
        args->err = args->list.err;
    } else {
        args->err = list_words(args, row);
    }
}

static int
run(struct args *args)
{
    struct consumer_store *store = NULL;
    struct pv_why          why = {""};
    size_t                 skipped = 0;
    enum pv_err err = consumer_store_open(args->store, true, &store, &why);

    if (err != PV_OK) {
        pv_cli_error("%s", why.text);
        return PV_EXIT_FAILED;
    }
    pv_json_init(&args->list, &args->out);
    if (args->json && args->id == NULL) {
        pv_json_object(&args->list, NULL);
        pv_json_array(&args->list, "calls");
    }
    err = consumer_store_show(store, args->id, args->last, on_row, args,
                              &skipped);
    consumer_store_close(store);
    if (args->json && args->id == NULL) {
        pv_json_end_array(&args->list);
        pv_json_u64(&args->list, "left_out", skipped);
        pv_json_end_object(&args->list);
    }
    if (skipped > 0) {
        pv_cli_error(
            "%zu %s", skipped,
            pv_cli_text(
                args->lang,
                "are left out: a field is longer than "
                "evidence has it",
                "فراخوانی نشان داده نمی‌شود: فیلدی از "
                "اندازه مدرک بلندتر است"));
    }
    err = err == PV_OK ? args->err : err;
    if (err != PV_OK) {
        pv_cli_error("%s: %s", args->store, pv_err_text(err));
        return PV_EXIT_FAILED;
    }
    while (args->out.len > 0 && args->out.ptr[args->out.len - 1] == '\n') {
        args->out.len--; /* the last line's end is written below */
    }
    return args->out.len == 0 ? PV_EXIT_OK : pv_cli_print(&args->out);
}

/* PV_EXIT_OK: go on; -1: help was given. */
static int
parse(struct args *args, int argc, char **argv)
{
    static const struct option option[] = {
        {"store", required_argument, NULL, 's'},
        {"last", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *lang = NULL;
    bool        help = false;
    uint64_t    last = ROWS_DEFAULT;
    int         which;

    optind = 1;
    while ((which = getopt_long(argc, argv, "h", option, NULL)) != -1) {
        switch (which) {
        case 's':
            args->store = optarg;
            break;
        case 'n':
            if (pv_slice_to_u64(pv_slice_from(optarg), CONSUMER_LIST_ROWS_MAX,
                                &last) != PV_OK) {
                return pv_cli_usage_error("evidence");
            }
            break;
        case 'j':
            args->json = true;
            break;
        case 'l':
            lang = optarg;
            break;
        case 'h':
            help = true;
            break;
        default:
            return pv_cli_usage_error("evidence");
        }
    }
    args->lang = pv_cli_lang(lang);
    args->last = (unsigned)last;
    if (help) {
        return fputs(pv_cli_text(args->lang, usage_en, usage_fa), stdout) < 0
                   ? PV_EXIT_FAILED
                   : -1;
    }
    if (argc - optind == 2 && strcmp(argv[optind], "show") == 0) {
        args->id = argv[optind + 1];
    } else if (argc - optind != 1 || strcmp(argv[optind], "list") != 0) {
        pv_cli_error("list, or show ID");
        return pv_cli_usage_error("evidence");
    }
    if (args->store == NULL) {
        pv_cli_error("which store? --store FILE");
        return pv_cli_usage_error("evidence");
    }
    return PV_EXIT_OK;
}

int
pv_cmd_evidence(int argc, char **argv)
{
    struct args args = {.err = PV_OK};
    int         result;

    pv_buf_init(&args.out, OUT_MAX);
    result = parse(&args, argc, argv);
    if (result == PV_EXIT_OK) {
        result = run(&args);
    } else if (result == -1) {
        result = PV_EXIT_OK; /* help was asked for and given */
    }
    pv_buf_wipe(&args.out);
    return result;
}
