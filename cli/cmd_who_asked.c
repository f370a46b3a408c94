/*
 * cmd_who_asked.c - `payvand who-asked`: at a provider, which agencies asked
 * about a person.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"

static const char usage_en[] =
    "payvand who-asked [OPTION...] PERSON\n"
    "\n"
    "Which agencies asked this provider about a person: newest first, at most\n"
    "1000. PERSON is a national id, a legal person's id or a foreigner's code;\n"
    "\"-\" reads it from standard input, where no other user sees it.\n"
    "Calls that a law has told later are left out until their day.\n"
    "\n"
    "  --desk SOCKET  the desk of the connector (PAYVAND_DESK)\n"
    "  --all          those that the person may not know of yet, too\n"
    "  --json         one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "The connector's log says that the ledger was read, not about whom.\n"
    "Exit code: 0 done, 1 not readable, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand who-asked [OPTION...] PERSON\n"
    "\n"
    "کدام دستگاه‌ها از این ارائه‌دهنده درباره شخص پرسیده‌اند: تازه‌ترین نخست، تا\n"
    "۱۰۰۰ مورد. PERSON کد ملی، شناسه ملی یا کد اتباع است؛ «-» آن را از ورودی\n"
    "استاندارد می‌خواند. فراخوانی‌هایی که به حکم قانون دیرتر گفته می‌شوند تا روز\n"
    "خود نشان داده نمی‌شوند.\n"
    "\n"
    "  --desk SOCKET  پیشخوان اتصال‌دهنده (PAYVAND_DESK)\n"
    "  --all          آن‌هایی که شخص هنوز نباید بداند نیز\n"
    "  --json         یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n";

static const struct option option_list[] = {
    {"desk", required_argument, NULL, 'd'},
    {"all", no_argument, NULL, 'a'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct args {
    const char *desk;
    const char *lang;
    bool        all;
    bool        json;
};

/* The last part of /x/provider/service/v1/method. */
static const char *
method_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static bool
show_call(const json_t *call, enum pv_lang lang)
{
    const char *grant = pv_cli_desk_text(call, "grant");
    const char *later = pv_cli_desk_text(call, "told_from_jalali");
    const char *path = pv_cli_desk_text(call, "path");
    const char *service = pv_cli_desk_title(call, "service", lang);

    return printf("%s  %s  %s (%s)\n", pv_cli_desk_text(call, "at_jalali"),
                  pv_cli_desk_text(call, "at"),
                  pv_cli_desk_title(call, "agency", lang),
                  pv_cli_desk_text(call, "consumer")) > 0 &&
           printf("    %s / %s: %s\n", service[0] == '\0' ? path : service,
                  method_of(path), pv_cli_desk_text(call, "outcome")) > 0 &&
           printf("    %s %s%s%s\n",
                  pv_cli_text(lang, "tracking id", "شناسه پیگیری"),
                  pv_cli_desk_text(call, "tracking_id"),
                  grant[0] == '\0' ? ""
                                   : pv_cli_text(lang, "  grant ", "  مجوز "),
                  grant) > 0 &&
           (later[0] == '\0' ||
            printf("    %s %s\n",
                   pv_cli_text(lang, "told to the person from",
                               "به شخص گفته می‌شود از"),
                   later) > 0);
}

static int
show(const json_t *answer, enum pv_lang lang)
{
    const json_t *calls = json_object_get(answer, "calls");
    bool          ok = true;

    if (json_array_size(calls) == 0) {
        ok = puts(pv_cli_text(lang, "Nobody asked.", "کسی نپرسیده است.")) >= 0;
    }
    for (size_t i = 0; ok && i < json_array_size(calls); i++) {
        ok = show_call(json_array_get(calls, i), lang);
    }
    return ok && fflush(stdout) == 0 ? PV_EXIT_OK : PV_EXIT_FAILED;
}

static int
who_asked(const struct args *args, const char *argument)
{
    enum pv_lang lang = pv_cli_lang(args->lang);
    const char  *desk = pv_cli_desk(args->desk);
    const char  *person = desk == NULL ? NULL : pv_cli_person(argument);
    json_t      *answer;
    int          code;

    if (person == NULL) {
        return desk == NULL ? PV_EXIT_USAGE : PV_EXIT_FAILED;
    }
    answer = pv_cli_desk_ask(desk,
                             json_pack("{s:s,s:s,s:b}", "do", "who-asked",
                                       "person", person, "all", args->all),
                             lang);
    if (answer == NULL) {
        return PV_EXIT_FAILED;
    }
    if (args->json) {
        code = json_dumpf(answer, stdout, JSON_COMPACT) == 0 && puts("") >= 0 &&
                       fflush(stdout) == 0
                   ? PV_EXIT_OK
                   : PV_EXIT_FAILED;
    } else {
        code = show(answer, lang);
    }
    json_decref(answer);
    return code;
}

int
pv_cmd_who_asked(int argc, char **argv)
{
    struct args args = {NULL, NULL, false, false};
    int         option;

    while ((option = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        switch (option) {
        case 'd':
            args.desk = optarg;
            break;
        case 'a':
            args.all = true;
            break;
        case 'j':
            args.json = true;
            break;
        case 'l':
            args.lang = optarg;
            break;
        case 'h':
            (void)fputs(pv_cli_text(pv_cli_lang(args.lang), usage_en, usage_fa),
                        stdout); /* nothing to do when this fails */
            return PV_EXIT_OK;
        default:
            return pv_cli_usage_error("who-asked");
        }
    }
    if (optind + 1 != argc) {
        pv_cli_error("who-asked: say about whom, one person");
        return pv_cli_usage_error("who-asked");
    }
    return who_asked(&args, argv[optind]);
}
