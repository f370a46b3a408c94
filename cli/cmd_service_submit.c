/*
 * cmd_service_submit.c - payvand service submit: a new service to the
 * registry, with its contract and the passports.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "init.h"
#include "items.h"
#include "registry.h"

#define OUT_MAX (64u * 1024)

static const char usage_en[] =
    "payvand service submit --contract FILE --passport FILE --as ROLE/AGENCY\n"
    "\n"
    "Proposes a service to the registry, as decisions of the provider's\n"
    "representative: the service, its version with the contract, and the\n"
    "passports of the service and of its data (R-247). A form of which a field\n"
    "is null stays a draft. What is there already is not decided again: run it\n"
    "until nothing is left. Says where each record stands, and the next steps.\n"
    "\n"
    "  --contract FILE   as payvand service init writes it\n"
    "  --passport FILE   {\"service\": form, \"data\": form, \"system\": who holds\n"
    "                    the data; AGENCY-connector}\n"
    "  --as ROLE/AGENCY  such as representative/tavanir; or PAYVAND_AS\n"
    "  --list            write the decisions; ask and send nothing\n"
    "  --socket PATH     the registry's (PAYVAND_REGISTRY_SOCKET)\n"
    "  --catalogue DIR   the data items; PAYVAND_CATALOGUE, or `catalogue` here\n"
    "  --json            one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 all is proposed; 1 not, or a form has gaps; 2 wrong command\n"
    "line.\n";

static const char usage_fa[] =
    "payvand service submit --contract FILE --passport FILE --as ROLE/AGENCY\n"
    "\n"
    "سرویسی را به صورت تصمیم‌های نماینده ارائه‌دهنده به دفتر ثبت پیشنهاد می‌دهد:\n"
    "سرویس، نسخه آن با قرارداد، و شناسنامه سرویس و داده (R-247). فرمی که فیلدی از\n"
    "آن null باشد پیش‌نویس می‌ماند. آنچه هست دوباره تصمیم گرفته نمی‌شود. در پایان\n"
    "وضعیت هر رکورد و گام‌های بعدی گفته می‌شود.\n"
    "\n"
    "  --contract FILE   چنان که payvand service init می‌نویسد\n"
    "  --passport FILE   {\"service\": فرم، \"data\": فرم، \"system\": دارنده داده؛\n"
    "                    AGENCY-connector}\n"
    "  --as ROLE/AGENCY  مانند representative/tavanir؛ یا PAYVAND_AS\n"
    "  --list            تصمیم‌ها را بنویس؛ چیزی نپرس و نفرست\n"
    "  --socket PATH     سوکت دفتر ثبت (PAYVAND_REGISTRY_SOCKET)\n"
    "  --catalogue DIR   اقلام داده؛ PAYVAND_CATALOGUE یا catalogue همین‌جا\n"
    "  --json            یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "کد خروج: ۰ همه پیشنهاد شد؛ ۱ نشد یا فرمی کامل نیست؛ ۲ خط فرمان نادرست.\n";

struct args {
    const char *contract;
    const char *catalogue;
    bool        json;
};

static bool
read_args(int argc, char **argv, struct args *args, struct pv_submit *submit,
          int *code)
{
    static const struct option option_list[] = {
        {"contract", required_argument, NULL, 'f'},
        {"passport", required_argument, NULL, 'p'},
        {"as", required_argument, NULL, 'a'},
        {"list", no_argument, NULL, 'i'},
        {"socket", required_argument, NULL, 's'},
        {"catalogue", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},
        {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *lang = NULL;
    bool        help = false;
    bool        wrong = false;
    int         c;

    while ((c = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        args->contract = c == 'f' ? optarg : args->contract;
        args->catalogue = c == 'c' ? optarg : args->catalogue;
        args->json = args->json || c == 'j';
        submit->passport = c == 'p' ? optarg : submit->passport;
        submit->as = c == 'a' ? optarg : submit->as;
        submit->list = submit->list || c == 'i';
        submit->socket = c == 's' ? optarg : submit->socket;
        lang = c == 'l' ? optarg : lang;
        help = help || c == 'h';
        wrong = wrong || c == '?';
    }
    submit->lang = pv_cli_lang(lang);
    if (help && !wrong) {
        (void)fputs(pv_cli_text(submit->lang, usage_en, usage_fa),
                    stdout); /* seen by main's flush */
        *code = PV_EXIT_OK;
        return false;
    }
    if (wrong || args->contract == NULL || submit->passport == NULL ||
        optind != argc) {
        if (!wrong) {
            pv_cli_error("service submit needs --contract and --passport");
        }
        *code = pv_cli_usage_error("service submit");
        return false;
    }
    return true;
}

static int
tell(const struct pv_submit *submit, bool as_json)
{
    struct pv_buf  out;
    struct pv_json json;
    int            code = PV_EXIT_FAILED;
    enum pv_err    err;

    if (submit->list) {
        return json_dumpf(submit->decisions, stdout, JSON_INDENT(1)) == 0 &&
                       putchar('\n') != EOF
                   ? PV_EXIT_OK
                   : PV_EXIT_FAILED;
    }
    pv_buf_init(&out, OUT_MAX);
    if (as_json) {
        pv_json_init(&json, &out);
        pv_submit_say_json(submit, &json, NULL);
        err = pv_json_finish(&json);
    } else {
        err = pv_submit_say_text(submit, &out);
    }
    if (err == PV_OK) {
        code = pv_cli_print(&out);
    }
    pv_buf_clear(&out);
    return json_array_size(submit->missing) > 0 || submit->other_contract
               ? PV_EXIT_FAILED
               : code;
}

int
pv_cmd_service_submit(int argc, char **argv)
{
    struct args           args = {NULL, NULL, false};
    struct pv_submit      submit = {.as = getenv("PAYVAND_AS")};
    struct pv_data_items *items = NULL;
    struct pv_contract   *contract = NULL;
    struct pv_why         why = {""};
    int                   code = PV_EXIT_OK;
    enum pv_err           err;

    if (!read_args(argc, argv, &args, &submit, &code)) {
        return code;
    }
    submit.socket = pv_registry_socket(submit.socket);
    err = pv_cli_items(args.catalogue, &items, &why);
    if (err == PV_OK) {
        err = pv_contract_load_file(args.contract, items, &contract, &why);
    }
    if (err == PV_OK) {
        submit.contract = contract;
        submit.items = items;
        err = pv_submit_run(&submit, &why);
    }
    if (err == PV_OK) {
        code = tell(&submit, args.json);
    } else {
        pv_cli_error("service submit: %s",
                     why.text[0] == '\0' ? pv_err_text(err) : why.text);
        code = PV_EXIT_FAILED;
    }
    pv_submit_clear(&submit);
    pv_contract_free(contract);
    pv_data_items_free(items);
    return code;
}

enum pv_err
pv_init_submit(struct pv_init *init, struct pv_contract **ret,
               struct pv_why *why)
{
    enum pv_err err = pv_contract_load_file(init->path[PV_INIT_CONTRACT],
                                            init->items, ret, why);

    init->submit = (struct pv_submit){
        .socket = pv_registry_socket(NULL),
        .as = init->as != NULL ? init->as : getenv("PAYVAND_AS"),
        .contract = *ret,
        .items = init->items,
        .passport = init->passport != NULL ? init->passport
                                           : init->path[PV_INIT_PASSPORT],
        .lang = init->lang,
    };
    return err == PV_OK ? pv_submit_run(&init->submit, why) : err;
}
