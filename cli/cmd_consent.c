/*
 * cmd_consent.c - `payvand consent`: at a provider's counter, consent numbers
 * . Whoever runs it has made sure who the person is.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "desk.h"

static const char usage_en[] =
    "payvand consent issue --agency ID [--service S] [--purpose TEXT] PERSON\n"
    "payvand consent list PERSON\n"
    "payvand consent withdraw --id N PERSON\n"
    "payvand consent terms\n"
    "\n"
    "issue shows who asks, for what, until when and how often, waits for the\n"
    "person's yes, and gives a number of 16 digits. list shows the person's\n"
    "numbers (never their digits) and how often each was used; withdraw ends\n"
    "one. terms: which services need a number, and for which agencies.\n"
    "PERSON as for `payvand who-asked`; make sure first who stands before you.\n"
    "\n"
    "  --desk SOCKET  the desk of the connector (PAYVAND_DESK)\n"
    "  --agency ID    who may use the number\n"
    "  --service S    provider/service/v1; otherwise any that needs a number\n"
    "  --purpose TEXT what for, in words that the person reads\n"
    "  --id N         of list\n"
    "  --yes          the person has confirmed it elsewhere: do not ask\n"
    "  --json         one JSON object\n"
    "  --lang en|fa\n"
    "  -h, --help\n"
    "\n"
    "Exit code: 0 done, 1 not done, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand consent issue --agency ID [--service S] [--purpose TEXT] PERSON\n"
    "payvand consent list PERSON\n"
    "payvand consent withdraw --id N PERSON\n"
    "payvand consent terms\n"
    "\n"
    "issue نشان می‌دهد چه کسی، برای چه، تا کی و چند بار می‌پرسد، منتظر بلی شخص\n"
    "می‌ماند و شماره‌ای ۱۶ رقمی می‌دهد. list شماره‌های شخص (نه ارقام آن‌ها) و دفعات\n"
    "استفاده را نشان می‌دهد؛ withdraw یکی را پایان می‌دهد. terms: کدام سرویس‌ها شماره\n"
    "می‌خواهند و برای کدام دستگاه‌ها. نخست مطمئن شوید چه کسی روبه‌روی شماست.\n"
    "\n"
    "  --desk SOCKET  پیشخوان اتصال‌دهنده (PAYVAND_DESK)\n"
    "  --agency ID    دستگاهی که شماره را به کار می‌برد\n"
    "  --service S    provider/service/v1؛ وگرنه هر سرویسی که شماره می‌خواهد\n"
    "  --purpose TEXT هدف، به زبانی که شخص می‌خواند\n"
    "  --id N         از list\n"
    "  --yes          شخص در جای دیگری تأیید کرده است: نپرس\n"
    "  --json         یک شیء JSON\n"
    "  --lang en|fa\n"
    "  -h, --help\n";

static const struct option option_list[] = {
    {"desk", required_argument, NULL, 'd'},
    {"agency", required_argument, NULL, 'a'},
    {"service", required_argument, NULL, 's'},
    {"purpose", required_argument, NULL, 'p'},
    {"id", required_argument, NULL, 'i'},
    {"yes", no_argument, NULL, 'y'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct args {
    const char  *desk;
    const char  *agency;
    const char  *service;
    const char  *purpose;
    const char  *person;
    uint64_t     id; /* 0: none said */
    bool         yes;
    bool         json;
    enum pv_lang lang;
};

static int
print_json(const json_t *answer)
{
    return json_dumpf(answer, stdout, JSON_COMPACT) == 0 && puts("") >= 0 &&
                   fflush(stdout) == 0
               ? PV_EXIT_OK
               : PV_EXIT_FAILED;
}

static int
done(void)
{
    return ferror(stdout) == 0 && fflush(stdout) == 0 ? PV_EXIT_OK
                                                      : PV_EXIT_FAILED;
}

static json_int_t
number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* The one of a list whose member has this text; NULL. */
static const json_t *
find(const json_t *list, const char *member, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);

        if (strcmp(pv_cli_desk_text(one, member), text) == 0) {
            return one;
        }
    }
    return NULL;
}

/* ---- issue ---- */

/* What the person must have read; the rest is said after the yes. */
static bool
show_question(const struct args *args, const json_t *terms)
{
    const json_t *agency =
        find(json_object_get(terms, "agencies"), "id", args->agency);
    const json_t *service =
        find(json_object_get(terms, "services"), "service", args->service);
    const char *what =
        service == NULL
            ? pv_cli_text(args->lang, "every service that needs a number",
                          "هر سرویسی که شماره می‌خواهد")
            : pv_cli_desk_title(service, "title", args->lang);

    if (agency == NULL || (service == NULL && args->service[0] != '\0')) {
        pv_cli_error("%s", pv_cli_text(args->lang,
                                       "see `payvand consent terms`: no such "
                                       "agency or service",
                                       "چنین دستگاه یا سرویسی نیست: "
                                       "payvand consent terms"));
        return false;
    }
    (void)fprintf(stderr, "%s: %s\n%s: %s\n", /* a prompt */
                  pv_cli_text(args->lang, "Who asks", "پرسنده"),
                  pv_cli_desk_title(agency, "title", args->lang),
                  pv_cli_text(args->lang, "What", "چه"), what);
    if (args->purpose[0] != '\0') {
        (void)fprintf(stderr, "%s: %s\n", /* likewise */
                      pv_cli_text(args->lang, "What for", "برای چه"),
                      args->purpose);
    }
    if (service != NULL) {
        (void)fprintf(
            stderr, "%s: %lld %s\n%s: %lld\n", /* likewise */
            pv_cli_text(args->lang, "For", "مدت"),
            (long long)number_of(service, "months"),
            pv_cli_text(args->lang, "Jalali months", "ماه شمسی"),
            pv_cli_text(args->lang, "At most so often", "حداکثر دفعات"),
            (long long)number_of(service, "uses"));
    }
    return true;
}

static bool
confirm(const struct args *args)
{
    char line[16];

    if (args->yes) {
        return true;
    }
    if (isatty(STDIN_FILENO) == 0) {
        pv_cli_error("there is no terminal to ask at: --yes when the person "
                     "has confirmed it");
        return false;
    }
    (void)fputs(pv_cli_text(args->lang, "Does the person agree? yes/no: ",
                            "آیا شخص می‌پذیرد؟ yes/no: "),
                stderr); /* a prompt */
    return fgets(line, sizeof(line), stdin) != NULL &&
           strcmp(line, "yes\n") == 0;
}

static int
issue(const struct args *args)
{
    json_t *terms = pv_cli_desk_ask(
        args->desk, json_pack("{s:s}", "do", "terms"), args->lang);
    json_t     *answer = NULL;
    const char *number;
    int         code = PV_EXIT_FAILED;

    if (terms != NULL && show_question(args, terms) && confirm(args)) {
        answer = pv_cli_desk_ask(
            args->desk,
            json_pack("{s:s,s:s,s:s,s:s,s:s}", "do", "issue", "person",
                      args->person, "agency", args->agency, "service",
                      args->service, "purpose", args->purpose),
            args->lang);
    }
    if (answer != NULL && args->json) {
        code = print_json(answer);
    } else if (answer != NULL) {
        number = pv_cli_desk_text(answer, "number");
        (void)printf("%.4s %.4s %.4s %.4s\n", number, number + 4, number + 8,
                     number + 12);            /* done() tells */
        (void)printf("%s %s (%s), %s %lld\n", /* likewise */
                     pv_cli_text(args->lang, "until", "تا"),
                     pv_cli_desk_text(answer, "ends_jalali"),
                     pv_cli_desk_text(answer, "ends"),
                     pv_cli_text(args->lang, "uses:", "دفعات:"),
                     (long long)number_of(answer, "uses"));
        code = done();
    }
    json_decref(answer);
    json_decref(terms);
    return code;
}

/* ---- the others ---- */

static const char *
state_text(const char *state, enum pv_lang lang)
{
    static const struct {
        const char *word;
        const char *en;
        const char *fa;
    } text[] = {{"valid", "valid", "معتبر"},
                {"used-up", "used up", "به پایان رسیده"},
                {"expired", "expired", "منقضی"},
                {"withdrawn", "withdrawn", "پس‌گرفته"}};

    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        if (strcmp(text[i].word, state) == 0) {
            return pv_cli_text(lang, text[i].en, text[i].fa);
        }
    }
    return state;
}

static int
show_list(const json_t *answer, enum pv_lang lang)
{
    const json_t *list = json_object_get(answer, "consents");

    if (json_array_size(list) == 0) {
        (void)puts(pv_cli_text(lang, "No numbers.", /* done() tells */
                               "شماره‌ای نیست."));
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char   *service = pv_cli_desk_title(one, "service", lang);

        (void)printf("%lld  %s  %s: %s\n", /* likewise */
                     (long long)number_of(one, "id"),
                     state_text(pv_cli_desk_text(one, "state"), lang),
                     pv_cli_desk_title(one, "agency", lang),
                     service[0] == '\0'
                         ? pv_cli_text(lang, "any service", "هر سرویس")
                         : service);
        (void)printf("    %s %s - %s  %s %lld/%lld  %s\n", /* likewise */
                     pv_cli_text(lang, "from", "از"),
                     pv_cli_desk_text(one, "made_jalali"),
                     pv_cli_desk_text(one, "ends_jalali"),
                     pv_cli_text(lang, "used", "استفاده"),
                     (long long)number_of(one, "used"),
                     (long long)number_of(one, "uses"),
                     pv_cli_desk_text(one, "purpose"));
    }
    return done();
}

static int
show_terms(const json_t *answer, enum pv_lang lang)
{
    const json_t *services = json_object_get(answer, "services");
    const json_t *agencies = json_object_get(answer, "agencies");

    for (size_t i = 0; i < json_array_size(services); i++) {
        const json_t *one = json_array_get(services, i);

        (void)printf("%s  %s: %lld %s, %lld %s\n", /* done() tells */
                     pv_cli_desk_text(one, "service"),
                     pv_cli_desk_title(one, "title", lang),
                     (long long)number_of(one, "months"),
                     pv_cli_text(lang, "months", "ماه"),
                     (long long)number_of(one, "uses"),
                     pv_cli_text(lang, "uses", "بار"));
    }
    for (size_t i = 0; i < json_array_size(agencies); i++) {
        const json_t *one = json_array_get(agencies, i);

        (void)printf("%s  %s\n", pv_cli_desk_text(one, "id"), /* likewise */
                     pv_cli_desk_title(one, "title", lang));
    }
    return done();
}

static int
ask_and_show(const struct args *args, json_t *request,
             int (*show)(const json_t *answer, enum pv_lang lang))
{
    json_t *answer = pv_cli_desk_ask(args->desk, request, args->lang);
    int     code = PV_EXIT_FAILED;

    if (answer != NULL) {
        code = args->json ? print_json(answer) : show(answer, args->lang);
    }
    json_decref(answer);
    return code;
}

static int
show_withdrawn(const json_t *answer, enum pv_lang lang)
{
    (void)answer;
    (void)puts(pv_cli_text(lang, "Withdrawn.", "پس گرفته شد.")); /* likewise */
    return done();
}

/* ---- the command line ---- */

static bool
take_option(struct args *args, int option)
{
    switch (option) {
    case 'd':
        args->desk = optarg;
        return true;
    case 'a':
        args->agency = optarg;
        return true;
    case 's':
        args->service = optarg;
        return true;
    case 'p':
        args->purpose = optarg;
        return true;
    case 'i':
        if (pv_slice_to_u64(pv_slice_from(optarg), INT64_MAX, &args->id) !=
            PV_OK) {
            pv_cli_error("--id: not a number: %s", optarg);
            return false;
        }
        return true;
    case 'y':
        args->yes = true;
        return true;
    case 'j':
        args->json = true;
        return true;
    case 'l':
        args->lang = pv_cli_lang(optarg);
        return true;
    default:
        return false; /* getopt has said what is wrong */
    }
}

static int
run(struct args *args, const char *what, const char *person)
{
    bool terms = strcmp(what, "terms") == 0;

    args->desk = pv_cli_desk(args->desk);
    if (args->desk == NULL || (person == NULL) != terms) {
        return pv_cli_usage_error("consent");
    }
    if (terms) {
        return ask_and_show(args, json_pack("{s:s}", "do", "terms"),
                            show_terms);
    }
    args->person = pv_cli_person(person);
    if (args->person == NULL) {
        return PV_EXIT_FAILED;
    }
    if (strcmp(what, "list") == 0) {
        return ask_and_show(
            args, json_pack("{s:s,s:s}", "do", "list", "person", args->person),
            show_list);
    }
    if (strcmp(what, "withdraw") == 0 && args->id > 0) {
        return ask_and_show(args,
                            json_pack("{s:s,s:s,s:I}", "do", "withdraw",
                                      "person", args->person, "id",
                                      (json_int_t)args->id),
                            show_withdrawn);
    }
    if (strcmp(what, "issue") == 0 && args->agency != NULL) {
        return issue(args);
    }
    return pv_cli_usage_error("consent");
}

int
pv_cmd_consent(int argc, char **argv)
{
    struct args args = {
        .service = "", .purpose = "", .lang = pv_cli_lang(NULL)};
    int option;

    while ((option = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(pv_cli_text(args.lang, usage_en, usage_fa),
                        stdout); /* nothing to do when this fails */
            return PV_EXIT_OK;
        }
        if (!take_option(&args, option)) {
            return pv_cli_usage_error("consent");
        }
    }
    if (optind >= argc || optind + 2 < argc) {
        return pv_cli_usage_error("consent");
    }
    return run(&args, argv[optind],
               optind + 1 < argc ? argv[optind + 1] : NULL);
}
