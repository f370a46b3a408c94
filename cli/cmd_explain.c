/*
 * cmd_explain.c - `payvand explain`: which decisions made a call possible.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "explain.h"
#include "trace/tracking_id.h"
#include "trace_client.h"
#include "trust.h"

enum {
    OPT_REGISTRY = 3000,
    OPT_DECISION_KEY,
};

static const char usage_en[] =
    "payvand explain TRACKING-ID|RECEIPT --registry PATH [OPTION...]\n"
    "\n"
    "Walks from a call back to the decisions that made it possible: its record\n"
    "in the trace, the grant that it names, the request, the agreement, the\n"
    "resolution and its meeting, each a leaf of a log with its proof.\n"
    "\n"
    "  --registry PATH      payvand-registryd's socket (PAYVAND_REGISTRY_SOCKET)\n"
    "  --decision-key VKEY  public key of the decision log\n"
    "  --log-key VKEY       public key of the trace's log\n"
    "  --witness-key VKEY, --witnesses K   as in payvand verify\n" PV_CLIENT_USAGE_EN
    "  --json               one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 nothing is wrong (with both keys: all of it is proved), 3\n"
    "something does not hold, 1 it cannot be asked, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand explain شناسه-پیگیری|رسید --registry PATH [OPTION...]\n"
    "\n"
    "از یک فراخوانی تا تصمیم‌هایی که آن را ممکن کردند: رکورد آن در دفتر، مجوزی\n"
    "که نام برده، درخواست، توافق، مصوبه و جلسه آن؛ هر یک با اثبات خود.\n"
    "\n"
    "  --registry PATH      سوکت payvand-registryd (PAYVAND_REGISTRY_SOCKET)\n"
    "  --decision-key VKEY  کلید عمومی دفتر تصمیم‌ها\n"
    "  --log-key VKEY       کلید عمومی دفتر فراخوانی‌ها\n"
    "  --witness-key VKEY, --witnesses K   مانند payvand verify\n" PV_CLIENT_USAGE_FA
    "  --json               یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ چیزی نادرست نیست، ۳ چیزی نادرست است، ۱ پرسیده نشد، ۲ خط فرمان\n"
    "نادرست.\n";

static const struct option option_list[] = {
    {"log-key", required_argument, NULL, 'L'},
    {"witness-key", required_argument, NULL, 'W'},
    {"witnesses", required_argument, NULL, 'K'},
    {"registry", required_argument, NULL, OPT_REGISTRY},
    {"decision-key", required_argument, NULL, OPT_DECISION_KEY},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    PV_CLIENT_OPTIONS,
    {NULL, 0, NULL, 0},
};

struct args {
    struct pv_client    client;
    struct pv_cli_trust trust;
    const char         *registry;
    const char         *lang_name;
    bool                has_key;
    struct pv_note_key  key; /* of the decision log */
    bool                json;
    bool                help;
};

/* The receipt of a call: a file, or asked of the trace's reader. */
static int
get_receipt(struct args *args, const char *what, struct pv_buf *ret)
{
    struct pv_tracking_id id;
    int                   code;

    if (pv_tracking_id_parse(pv_slice_from(what), &id) != PV_OK) {
        if (pv_cli_read_file(what, ret) != PV_OK) {
            pv_cli_error("%s: %s", what,
                         pv_cli_text(args->client.lang,
                                     "neither a tracking id nor a receipt",
                                     "نه شناسه پیگیری است و نه رسید"));
            return PV_EXIT_FAILED;
        }
        return PV_EXIT_OK;
    }
    if (!pv_client_path(&args->client, "/trace/v1/receipts/", what)) {
        return PV_EXIT_USAGE;
    }
    code = pv_client_get(&args->client);
    if (code == PV_EXIT_OK &&
        pv_buf_add(ret, pv_buf_view(&args->client.http.answer)) != PV_OK) {
        pv_cli_error("no memory");
        code = PV_EXIT_FAILED;
    }
    return code;
}

static int
show(struct args *args, const struct pv_explain *explain)
{
    int code = args->json ? pv_explain_json(explain)
                          : pv_explain_text(explain, args->client.lang);

    return code == PV_EXIT_OK && explain->fault_count > 0 ? PV_EXIT_UNVERIFIED
                                                          : code;
}

static int
run(struct args *args, const char *what)
{
    const struct pv_receipt_trust trust = pv_cli_trust_view(&args->trust);
    struct pv_explain             explain;
    struct pv_why                 why = {""};
    struct pv_buf                 receipt;
    int                           code;

    pv_explain_init(&explain);
    explain.registry = args->registry;
    explain.trace = args->trust.has_log ? &trust : NULL;
    explain.log = args->has_key ? &args->key : NULL;
    pv_buf_init(&receipt, PV_RECEIPT_MAX);
    code = get_receipt(args, what, &receipt);
    if (code != PV_EXIT_OK) {
        goto out;
    }
    if (pv_explain_call(&explain, pv_buf_view(&receipt), &why) != PV_OK ||
        pv_explain_chain(&explain, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        code = PV_EXIT_FAILED;
        goto out;
    }
    code = show(args, &explain);

out:
    pv_explain_clear(&explain);
    pv_buf_clear(&receipt);
    return code;
}

static bool
take_option(struct args *args, int key)
{
    switch (key) {
    case 'L':
        return pv_cli_trust_take(&args->trust, PV_CLI_OPT_LOG_KEY, optarg);
    case 'W':
        return pv_cli_trust_take(&args->trust, PV_CLI_OPT_WITNESS_KEY, optarg);
    case 'K':
        return pv_cli_trust_take(&args->trust, PV_CLI_OPT_WITNESSES, optarg);
    case OPT_REGISTRY:
        args->registry = optarg;
        return true;
    case OPT_DECISION_KEY:
        args->has_key =
            pv_note_key_parse(pv_slice_from(optarg), &args->key) == PV_OK;
        if (!args->has_key) {
            pv_cli_error("--decision-key %s: not a public key", optarg);
        }
        return args->has_key;
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
        return pv_client_take(&args->client, key, optarg);
    }
}

int
pv_cmd_explain(int argc, char **argv)
{
    struct args args = {.registry = getenv("PAYVAND_REGISTRY_SOCKET")};
    int         code;
    int         key;

    pv_client_init(&args.client);
    pv_cli_trust_init(&args.trust);
    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        if (!take_option(&args, key)) {
            return pv_cli_usage_error("explain");
        }
    }
    args.client.lang = pv_cli_lang(args.lang_name);
    if (args.help) {
        return fputs(pv_cli_text(args.client.lang, usage_en, usage_fa),
                     stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (argc - optind != 1 || args.registry == NULL ||
        (args.trust.quorum != UINT64_MAX &&
         args.trust.quorum > args.trust.witness_count)) {
        return pv_cli_usage_error("explain");
    }
    code = run(&args, argv[optind]);
    pv_client_clear(&args.client);
    return code;
}
