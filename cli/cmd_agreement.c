/*
 * cmd_agreement.c - payvand agreement: its lists are views of the registry;
 * `measure` holds the figures of the trace against the terms of every
 * agreement in force and sends what it measured as decisions of the
 * operator. Which value is a breach the registry says, not we.
 *
 * A term is measured over the last whole day, week (from Saturday) or month
 * before the day that is asked about. A value of no calls is none.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agreement_figures.h"
#include "base/jalali.h"
#include "cmd.h"
#include "registry.h"

struct args {
    struct pv_figures figures;
    const char       *registry;
    const char       *actor;
    const char       *of;
    const char       *day_text;
    int64_t           day;
    char              today[PV_JALALI_TEXT_LEN + 1];
    bool              list; /* send nothing */
    bool              json;
};

static const char usage_en[] =
    "payvand agreement measure [OPTION...]\n"
    "payvand agreement breaches [--party ID] [--state SIDE]\n"
    "payvand agreement unnamed [--party ID]\n"
    "\n"
    "measure: holds the figures of the trace against the terms of every\n"
    "agreement in force; the registry says which are breaches.\n"
    "breaches: of provider, consumer and exchange, as last measured; SIDE is\n"
    "one of them.\n"
    "unnamed: live rights that no agreement in force names.\n"
    "\n"
    "  --registry PATH  where payvand-registryd listens\n"
    "                   (PAYVAND_REGISTRY_SOCKET)\n"
    "  --actor ID --of ID  the operator who decides\n"
    "  --day DAY        the day, week or month before that Jalali day\n"
    "  --list           say what was measured; decide nothing\n" PV_CLIENT_USAGE_EN
    "  --json           one JSON object a line\n"
    "  --lang en|fa\n"
    "\n"
    "Exit code: 0 done, 1 something could not be asked, 2 wrong command line.\n"
    "Every event of an agreement: payvand agreement --help --lang en\n";

static const char usage_fa[] =
    "payvand agreement measure [OPTION...]\n"
    "payvand agreement breaches [--party ID] [--state SIDE]\n"
    "payvand agreement unnamed [--party ID]\n"
    "\n"
    "measure: شاخص‌های دفتر رد را با حدهای توافق‌نامه‌های لازم‌الاجرا می‌سنجد؛\n"
    "نقض را دفتر ثبت اعلام می‌کند.\n"
    "breaches: موارد نقض ارائه‌دهنده، دریافت‌کننده و مرکز تبادل\n"
    "unnamed: مجوزهای برقراری که در هیچ توافق‌نامه‌ای نیستند\n"
    "\n"
    "  --registry PATH  سوکت payvand-registryd (PAYVAND_REGISTRY_SOCKET)\n"
    "  --actor ID --of ID  بهره‌برداری که تصمیم می‌گیرد\n"
    "  --day DAY        روز، هفته یا ماه پیش از آن روز شمسی\n"
    "  --list           فقط سنجیده‌ها را بگو\n" PV_CLIENT_USAGE_FA
    "  --json           هر خط یک شیء JSON\n"
    "  --lang en|fa\n";

static const struct option option_list[] = {
    {"registry", required_argument, NULL, 'r'},
    {"actor", required_argument, NULL, 'a'},
    {"of", required_argument, NULL, 'o'},
    {"day", required_argument, NULL, 'd'},
    {"list", no_argument, NULL, 'i'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    PV_CLIENT_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* ---- deciding ---- */

static void
tell(const struct args *args, const char *id, const json_t *measured,
     const char *why)
{
    json_t *one;
    size_t  i;

    if (args->json) {
        json_t *out = json_pack("{s:s, s:O, s:s}", "id", id, "measured",
                                measured, "why", why);

        if (out != NULL && json_dumpf(out, stdout, JSON_COMPACT) == 0) {
            (void)putchar('\n'); /* checked when it is flushed */
        }
        json_decref(out);
        return;
    }
    (void)printf("%s%s%s\n", id, why[0] == '\0' ? "" : ": ", why);
    json_array_foreach(measured, i, one)
    {
        (void)printf(
            "    %-22s %lld  (%s - %s)\n", pv_client_text(one, "measure"),
            (long long)json_integer_value(json_object_get(one, "value")),
            pv_client_text(one, "from"),
            pv_client_text(one, "until")); /* as above */
    }
}

/* PV_EXIT_OK also when the registry refuses: that is told. */
static int
decide(const struct args *args, const char *id, const json_t *measured)
{
    struct pv_buf answer;
    struct pv_why why = {""};
    json_t       *decision =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:O}}", "actor",
                  args->actor, "role", "operator", "of", args->of, "date",
                  args->today, "kind", "agreement", "id", id, "event",
                  "measure", "data", "measured", measured);
    char   *text = decision == NULL ? NULL : json_dumps(decision, JSON_COMPACT);
    json_t *said = NULL;
    long    status = 0;
    int     code = PV_EXIT_FAILED;

    json_decref(decision);
    pv_buf_init(&answer, PV_REGISTRY_ANSWER_MAX);
    if (text == NULL) {
        pv_why_set(&why, "no memory");
    } else if (pv_registry_ask(args->registry, "/registry/v1/decisions",
                               pv_slice_from(text), &status, &answer,
                               &why) == PV_OK) {
        said = json_loadb(answer.ptr, answer.len, JSON_REJECT_DUPLICATES, NULL);
        code = status == 200 || status == 422 ? PV_EXIT_OK : PV_EXIT_FAILED;
        pv_why_set(&why, "%s",
                   pv_client_text(said, args->figures.client.lang == PV_LANG_FA
                                            ? "title_fa"
                                            : "title"));
    }
    if (code == PV_EXIT_OK) {
        tell(args, id, measured, status == 422 ? why.text : "");
    } else {
        pv_cli_error("%s: %s", id, why.text);
    }
    free(text);
    json_decref(said);
    pv_buf_clear(&answer);
    return code;
}

/* ---- measuring ---- */

static int
measure_one(struct args *args, const char *id, const json_t *body)
{
    const json_t *terms = json_object_get(body, "terms");
    json_t       *measured = json_array();
    json_t       *term;
    size_t        i;
    int           code = PV_EXIT_OK;

    json_array_foreach(terms, i, term)
    {
        json_t *value = NULL;

        if (code == PV_EXIT_OK) {
            code = pv_figures_measure(&args->figures, body, term, args->of,
                                      args->day, &value);
        }
        if (value != NULL && json_array_append_new(measured, value) != 0) {
            code = PV_EXIT_FAILED;
        }
    }
    if (code == PV_EXIT_OK && (args->list || json_array_size(measured) == 0)) {
        tell(args, id, measured, "");
    } else if (code == PV_EXIT_OK) {
        code = decide(args, id, measured);
    }
    json_decref(measured);
    return code;
}

static int
measure_all(struct args *args)
{
    struct pv_why why = {""};
    json_t       *all = NULL;
    const char   *id;
    json_t       *record;
    int           code = PV_EXIT_OK;

    if (pv_registry_records(args->registry, "agreement", "&state=in-force",
                            &all, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        return PV_EXIT_FAILED;
    }
    json_object_foreach(all, id, record)
    {
        if (code == PV_EXIT_OK) {
            code = measure_one(args, id, json_object_get(record, "body"));
        }
    }
    json_decref(all);
    return code == PV_EXIT_OK && fflush(stdout) == 0 && !ferror(stdout)
               ? PV_EXIT_OK
               : PV_EXIT_FAILED;
}

/* ---- the command line ---- */

static bool
take_option(struct args *args, int key, const char **lang)
{
    switch (key) {
    case 'r':
        args->registry = optarg;
        return true;
    case 'a':
        args->actor = optarg;
        return true;
    case 'o':
        args->of = optarg;
        return true;
    case 'd':
        args->day_text = optarg;
        return true;
    case 'i':
        args->list = true;
        return true;
    case 'j':
        args->json = true;
        return true;
    case 'l':
        *lang = optarg;
        return true;
    default:
        return pv_client_take(&args->figures.client, key, optarg);
    }
}

static bool
read_day(struct args *args)
{
    struct pv_civil date;

    return pv_jalali_parse(pv_slice_from(args->day_text == NULL
                                             ? args->today
                                             : args->day_text),
                           &date) == PV_OK &&
           pv_jalali_to_days(date, &args->day) == PV_OK;
}

static int
measure(int argc, char **argv)
{
    static struct args args;
    const char        *lang = NULL;
    bool               help = false;
    int                code;
    int                key;

    memset(&args, 0, sizeof(args));
    pv_client_init(&args.figures.client);
    args.registry = getenv("PAYVAND_REGISTRY_SOCKET");
    args.of = "information-technology-organisation";
    args.actor = "operator/information-technology-organisation";
    pv_jalali_text(pv_time_wall_ms(), args.today);
    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        if (key == 'h') {
            help = true;
        } else if (!take_option(&args, key, &lang)) {
            return pv_cli_usage_error("agreement measure");
        }
    }
    args.figures.client.lang = pv_cli_lang(lang);
    args.figures.registry = args.registry;
    if (help) {
        return fputs(pv_cli_text(args.figures.client.lang, usage_en, usage_fa),
                     stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (optind != argc || args.registry == NULL || !read_day(&args)) {
        pv_cli_error("agreement measure needs --registry, and a Jalali day");
        return pv_cli_usage_error("agreement measure");
    }
    code = measure_all(&args);
    pv_figures_clear(&args.figures);
    return code;
}

int
pv_cmd_agreement(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "measure") == 0) {
        return measure(argc - 1, argv + 1);
    }
    return pv_cmd_view(argc, argv);
}
