/*
 * cmd_contract.c - payvand contract: check a contract, and what comes of it:
 * its OpenAPI document, example calls, and the page a person reads.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"
#include "cmd.h"
#include "contract/call_text.h"
#include "contract/document.h"
#include "contract/openapi.h"
#include "contract/page.h"
#include "items.h"
#include "mock.h"

#define OUT_MAX (8u << 20)
#define KNOWN 6 /* words behind `contract` */

static const char usage_en[] =
    "payvand contract check FILE...\n"
    "payvand contract openapi FILE [--server URL]\n"
    "payvand contract example FILE [METHOD] [--as curl|python|java|csharp]\n"
    "payvand contract page FILE\n"
    "payvand contract document FILE\n"
    "payvand contract mock FILE [--port N]\n"
    "\n"
    "A contract says what a service takes, answers and means (docs/contract.md).\n"
    "  check    whether it holds together; a fault is named with its line\n"
    "  openapi  its OpenAPI 3.1 document, as JSON\n"
    "  example  a call of METHOD (the first one), ready to be tried\n"
    "  page     an HTML page for people, in the language of --lang\n"
    "  document with its data items, as a registry takes it (--json)\n"
    "  mock     answer its methods on loopback with made-up values, for who has\n"
    "           no access yet; a request is checked as a connector does it\n"
    "\n"
    "  --catalogue DIR  where the data items stand; PAYVAND_CATALOGUE, or\n"
    "                   `catalogue` here\n"
    "  --server URL     of the exchange\n"
    "  --port N         of the mock; without it a free one, which is printed\n"
    "  --json           one JSON object (check, mock)\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 done; 1 a contract does not hold, or a file cannot be read;\n"
    "2 wrong command line.\n";

static const char usage_fa[] =
    "payvand contract check FILE...\n"
    "payvand contract openapi FILE [--server URL]\n"
    "payvand contract example FILE [METHOD] [--as curl|python|java|csharp]\n"
    "payvand contract page FILE\n"
    "payvand contract document FILE\n"
    "payvand contract mock FILE [--port N]\n"
    "\n"
    "قرارداد می‌گوید سرویس چه می‌گیرد، چه پاسخ می‌دهد و پاسخ چه معنا دارد.\n"
    "  check    آیا قرارداد درست است؛ ایراد با شماره خط گفته می‌شود\n"
    "  openapi  سند OpenAPI 3.1 آن، به صورت JSON\n"
    "  example  یک فراخوانی از METHOD (نخستین متد)، آماده آزمودن\n"
    "  page     صفحه HTML برای خواندن، به زبان ‎--lang\n"
    "  document  با اقلام داده‌اش، چنان که دفتر ثبت می‌گیرد\n"
    "  mock     پاسخ متدهایش روی همین دستگاه با مقدارهای ساختگی، برای کسی که هنوز\n"
    "           دسترسی ندارد؛ درخواست همان گونه سنجیده می‌شود که رابط می‌سنجد\n"
    "\n"
    "  --catalogue DIR  جای اقلام داده؛ PAYVAND_CATALOGUE یا catalogue همین‌جا\n"
    "  --server URL     نشانی مرکز تبادل\n"
    "  --port N         درگاه mock؛ بی آن درگاهی آزاد، که چاپ می‌شود\n"
    "  --json           یک شیء JSON (برای check و mock)\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ انجام شد؛ ۱ قراردادی درست نیست یا پرونده خوانده نمی‌شود؛ ۲ خط\n"
    "فرمان نادرست.\n";

struct args {
    const char           *catalogue;
    const char           *server;
    const char           *as;
    uint64_t              port;
    enum pv_lang          lang;
    bool                  json;
    char                **file;
    int                   file_count;
    struct pv_data_items *items;
};

static bool
read_args(int argc, char **argv, struct args *args, int *exit_code)
{
    static const struct option option_list[] = {
        {"catalogue", required_argument, NULL, 'c'},
        {"server", required_argument, NULL, 's'},
        {"as", required_argument, NULL, 'a'},
        {"port", required_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},
        {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *lang = NULL;
    bool        help = false;
    int         c;

    while ((c = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        switch (c) {
        case 'c':
            args->catalogue = optarg;
            break;
        case 's':
            args->server = optarg;
            break;
        case 'a':
            args->as = optarg;
            break;
        case 'p':
            if (pv_slice_to_u64(pv_slice_from(optarg), UINT16_MAX,
                                &args->port) != PV_OK) {
                *exit_code = pv_cli_usage_error("contract");
                return false;
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
            *exit_code = pv_cli_usage_error("contract");
            return false;
        }
    }
    args->lang = pv_cli_lang(lang);
    if (help) {
        (void)fputs(pv_cli_text(args->lang, usage_en, usage_fa),
                    stdout); /* seen by main's flush */
        *exit_code = PV_EXIT_OK;
        return false;
    }
    args->file = argv + optind;
    args->file_count = argc - optind;
    if (args->file_count == 0) {
        *exit_code = pv_cli_usage_error("contract");
        return false;
    }
    return true;
}

static int
fail(enum pv_err err, const struct pv_why *why)
{
    pv_cli_error("%s", why->text[0] == '\0' ? pv_err_text(err) : why->text);
    return PV_EXIT_FAILED;
}

/* ---- check ------------------------------------------------------------- */

static void
say_one(const struct args *args, const struct pv_contract *contract,
        const char *path, const struct pv_why *why, struct pv_json *json)
{
    if (args->json) {
        pv_json_object(json, NULL);
        pv_json_text(json, "file", path);
        pv_json_bool(json, "holds", contract != NULL);
        if (contract == NULL) {
            pv_json_text(json, "why", why->text);
        } else {
            pv_json_text(json, "service", contract->service);
            pv_json_text(json, "version", contract->version);
            pv_json_u64(json, "methods", contract->method_count);
        }
        pv_json_end_object(json);
    } else if (contract == NULL) {
        pv_cli_error("%s", why->text);
    } else {
        (void)printf("%s %s: %zu %s\n", contract->service, contract->version,
                     contract->method_count,
                     pv_cli_text(args->lang, "methods", "متد")); /* as above */
    }
}

static int
check(const struct args *args)
{
    struct pv_buf  out;
    struct pv_json json;
    int            code = PV_EXIT_OK;

    pv_buf_init(&out, OUT_MAX);
    pv_json_init(&json, &out);
    pv_json_object(&json, NULL);
    pv_json_array(&json, "contracts");
    for (int i = 0; i < args->file_count; i++) {
        struct pv_contract *contract = NULL;
        struct pv_why       why = {""};

        if (pv_contract_load_file(args->file[i], args->items, &contract,
                                  &why) != PV_OK) {
            code = PV_EXIT_FAILED;
        }
        say_one(args, contract, args->file[i], &why, &json);
        pv_contract_free(contract);
    }
    pv_json_end_array(&json);
    pv_json_bool(&json, "holds", code == PV_EXIT_OK);
    pv_json_end_object(&json);
    if (args->json &&
        (pv_json_finish(&json) != PV_OK || pv_cli_print(&out) != PV_EXIT_OK)) {
        code = PV_EXIT_FAILED;
    }
    pv_buf_clear(&out);
    return code;
}

/* ---- what comes of it -------------------------------------------------- */

static enum pv_err
openapi(const struct args *args, const struct pv_contract *contract,
        struct pv_buf *out)
{
    json_t     *root = NULL;
    char       *text = NULL;
    enum pv_err err =
        pv_openapi(contract, args->server, pv_time_wall_ms(), &root);

    if (err == PV_OK) {
        text = json_dumps(root, JSON_INDENT(2));
        err = text == NULL ? PV_ENOMEM : pv_buf_add(out, pv_slice_from(text));
    }
    free(text);
    json_decref(root);
    return err;
}

static enum pv_err
document(const struct args *args, const struct pv_contract *contract,
         struct pv_buf *out)
{
    json_t     *root = NULL;
    char       *text = NULL;
    enum pv_err err = pv_document_make(contract, args->items, &root);

    if (err == PV_OK) { /* the form whose SHA-256 names it */
        text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
        err = text == NULL ? PV_ENOMEM : pv_buf_add(out, pv_slice_from(text));
    }
    free(text);
    json_decref(root);
    return err;
}

static enum pv_err
example(const struct args *args, const struct pv_contract *contract,
        struct pv_buf *out, struct pv_why *why)
{
    const struct pv_contract_method *method = &contract->method[0];
    enum pv_call_text                as;

    if (args->file_count > 1) {
        method = pv_contract_method(contract, pv_slice_from(args->file[1]));
    }
    if (method == NULL) {
        pv_why_set(why, "the contract has no method %s", args->file[1]);
        return PV_ENOTFOUND;
    }
    if (!pv_call_text_named(args->as == NULL ? "curl" : args->as, &as)) {
        pv_why_set(why, "--as must be curl, python, java or csharp");
        return PV_EINVAL;
    }
    return pv_call_text(method, as, args->server, pv_time_wall_ms(), out);
}

static int
show(const struct args *args, const char *what)
{
    struct pv_contract *contract = NULL;
    struct pv_why       why = {""};
    struct pv_buf       out;
    int                 code;
    enum pv_err         err =
        pv_contract_load_file(args->file[0], args->items, &contract, &why);

    pv_buf_init(&out, OUT_MAX);
    if (err == PV_OK) {
        err = strcmp(what, "openapi") == 0    ? openapi(args, contract, &out)
              : strcmp(what, "document") == 0 ? document(args, contract, &out)
              : strcmp(what, "page") == 0
                  ? pv_contract_page(contract, args->lang == PV_LANG_FA,
                                     pv_time_wall_ms(), &out)
                  : example(args, contract, &out, &why);
    }
    code = err == PV_OK ? pv_cli_print(&out) : fail(err, &why);
    pv_buf_clear(&out);
    pv_contract_free(contract);
    return code;
}

static int
mock(const struct args *args)
{
    struct pv_contract *contract = NULL;
    struct pv_why       why = {""};
    enum pv_err         err =
        pv_contract_load_file(args->file[0], args->items, &contract, &why);

    if (err == PV_OK) {
        err = pv_mock_serve(contract, (uint16_t)args->port, args->json, &why);
    }
    pv_contract_free(contract);
    return err == PV_OK ? PV_EXIT_OK : fail(err, &why);
}

int
pv_cmd_contract(int argc, char **argv)
{
    static const char *const known[] = {"check", "openapi",  "example",
                                        "page",  "document", "mock"};
    const char              *what = argc > 1 ? argv[1] : "";
    struct args              args = {.catalogue = NULL};
    struct pv_why            why = {""};
    int                      code = PV_EXIT_OK;
    size_t                   i = 0;
    enum pv_err              err;

    while (i < KNOWN && strcmp(known[i], what) != 0) {
        i++;
    }
    if (i == KNOWN && (argc < 2 || what[0] != '-')) {
        return pv_cli_usage_error("contract");
    }
    /* options alone (--help) stand where the word would */
    if (!read_args(i == KNOWN ? argc : argc - 1, i == KNOWN ? argv : argv + 1,
                   &args, &code)) {
        return code;
    }
    if (i == KNOWN) {
        return pv_cli_usage_error("contract");
    }
    err = pv_cli_items(args.catalogue, &args.items, &why);
    code = err != PV_OK                ? fail(err, &why)
           : i == 0                    ? check(&args)
           : strcmp(what, "mock") == 0 ? mock(&args)
                                       : show(&args, what);
    pv_data_items_free(args.items);
    return code;
}
