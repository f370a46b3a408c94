/*
 * cmd_import.c - payvand import: the catalogue as dated decisions, then what
 * an installation adds to it; and what the registry holds after it.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/jalali.h"
#include "cmd.h"
#include "deploy.h"
#include "enact_send.h"
#include "registry.h"

#define REPORT_BYTES_MAX ((size_t)256 * 1024)

struct arguments {
    const char  *catalogue;
    const char  *deployment;
    const char  *socket;
    int64_t      until; /* day */
    bool         probes;
    bool         probe_services;
    bool         list;
    bool         json;
    enum pv_lang lang;
    bool         done; /* --help was asked and given */
};

static int
help(enum pv_lang lang)
{
    static const char en[] =
        "payvand import: a catalogue as decisions of the registry\n\n"
        "  payvand import --catalogue DIR [--deployment FILE] [--probes]\n"
        "                 [--probe-services] [--until DATE] [--list]\n"
        "  payvand import --deployment FILE\n\n"
        "  --catalogue DIR    agencies, services, resolutions ... as JSON\n"
        "  --deployment FILE  keys, networks and endpoints of the systems\n"
        "  --probes           the synthetic rights that tests call, too\n"
        "  --probe-services   every service live that can be answered, with\n"
        "                     a synthetic right where there is none\n"
        "  --until DATE       only decisions up to this Jalali day\n"
        "  --list             write the decisions, one a line; send nothing\n"
        "  --socket PATH      where payvand-registryd listens\n"
        "                     (PAYVAND_REGISTRY_SOCKET)\n"
        "  --json             the result as JSON\n"
        "  --lang en|fa       the language of messages\n\n"
        "What breaks a rule is refused with the rule; decisions before it "
        "stand.\n"
        "A second import of the same files decides nothing. Manual: man\n"
        "payvand-import\n";
    static const char fa[] =
        "payvand import: کاتالوگ به صورت تصمیم‌های دفتر ثبت\n\n"
        "  payvand import --catalogue DIR [--deployment FILE] [--probes]\n"
        "                 [--probe-services] [--until DATE] [--list]\n"
        "  payvand import --deployment FILE\n\n"
        "  --catalogue DIR    دستگاه‌ها، خدمات، مصوبه‌ها و ... به صورت JSON\n"
        "  --deployment FILE  کلید، شبکه و نشانی سامانه‌ها\n"
        "  --probes           مجوزهای ساختگی آزمون را هم ثبت کن\n"
        "  --probe-services   همه خدمات پاسخ‌پذیر را، با مجوز ساختگی، "
        "بهره‌برداری کن\n"
        "  --until DATE       فقط تصمیم‌های تا این تاریخ شمسی\n"
        "  --list             تصمیم‌ها را بنویس و چیزی نفرست\n"
        "  --socket PATH      سوکت payvand-registryd "
        "(PAYVAND_REGISTRY_SOCKET)\n"
        "  --json             نتیجه به صورت JSON\n"
        "  --lang en|fa       زبان پیام‌ها\n\n"
        "آنچه قاعده‌ای را بشکند با نام قاعده رد می‌شود؛ تصمیم‌های پیش از آن\n"
        "می‌ماند. ورود دوباره همان پرونده‌ها تصمیمی نمی‌سازد. راهنما: man\n"
        "payvand-import\n";

    return fputs(pv_cli_text(lang, en, fa), stdout) < 0 ? PV_EXIT_FAILED
                                                        : PV_EXIT_OK;
}

static bool
read_day(const char *text, int64_t *ret)
{
    struct pv_civil date;

    return pv_jalali_parse(pv_slice_from(text), &date) == PV_OK &&
           pv_jalali_to_days(date, ret) == PV_OK;
}

static bool
is_complete(const struct arguments *arg)
{
    if (arg->catalogue == NULL) { /* the deployment alone */
        return arg->deployment != NULL && !arg->probes &&
               !arg->probe_services && !arg->list && arg->until == INT64_MAX;
    }
    return !arg->list || (arg->deployment == NULL && arg->socket == NULL);
}

static int
read_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option option[] = {
        {"catalogue", required_argument, NULL, 'c'},
        {"deployment", required_argument, NULL, 'd'},
        {"probes", no_argument, NULL, 'p'},
        {"probe-services", no_argument, NULL, 'v'},
        {"socket", required_argument, NULL, 's'},
        {"until", required_argument, NULL, 'u'},
        {"list", no_argument, NULL, 'i'},
        {"json", no_argument, NULL, 'j'},
        {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *lang = NULL;
    bool        asked = false;
    bool        ok = true;
    int         c;

    optind = 1;
    while (ok && (c = getopt_long(argc, argv, "", option, NULL)) != -1) {
        switch (c) {
        case 'c':
            ret->catalogue = optarg;
            break;
        case 'd':
            ret->deployment = optarg;
            break;
        case 'p':
            ret->probes = true;
            break;
        case 'v':
            ret->probe_services = true;
            break;
        case 's':
            ret->socket = optarg;
            break;
        case 'u':
            ok = read_day(optarg, &ret->until);
            break;
        case 'i':
            ret->list = true;
            break;
        case 'j':
            ret->json = true;
            break;
        case 'l':
            lang = optarg;
            break;
        case 'h':
            asked = true;
            break;
        default:
            ok = false;
        }
    }
    ret->lang = pv_cli_lang(lang);
    if (asked) {
        ret->done = true;
        return help(ret->lang);
    }
    if (!ok || optind != argc || !is_complete(ret)) {
        pv_cli_error("import needs --catalogue or --deployment");
        return pv_cli_usage_error("import");
    }
    return PV_EXIT_OK;
}

/* ---- what the registry holds now ---- */

/* How many records of a kind stand in which state; of them proposed. */
static enum pv_err
count_kind(const char *socket, const char *kind, json_t *counts,
           json_int_t *ret_proposed, struct pv_why *why)
{
    json_t     *all = NULL;
    json_t     *by_state = json_object();
    enum pv_err err = pv_registry_records(socket, kind, "", &all, why);
    const char *id;
    json_t     *record;

    json_object_foreach(all, id, record)
    {
        const char *state = pv_enact_text(record, "state");
        json_int_t  n = json_integer_value(json_object_get(by_state, state));

        if (json_object_set_new(by_state, state, json_integer(n + 1)) != 0) {
            err = PV_ENOMEM;
        }
        if (strcmp(pv_enact_text(json_object_get(record, "body"), "basis"),
                   "proposed") == 0) {
            (*ret_proposed)++;
        }
    }
    json_decref(all);
    if (json_object_size(by_state) == 0) {
        json_decref(by_state);
    } else if (json_object_set_new(counts, kind, by_state) != 0) {
        err = PV_ENOMEM;
    }
    return err;
}

/* kind -> state -> count; ret_kinds are the tables. */
static enum pv_err
count_all(const char *socket, json_t **ret_kinds, json_t *counts,
          json_int_t *ret_proposed, long long *ret_last, struct pv_why *why)
{
    json_t     *status = NULL;
    json_t     *kind;
    size_t      i;
    enum pv_err err =
        pv_registry_get_json(socket, "/registry/v1/kinds", ret_kinds, why);

    if (err == PV_OK) {
        err = pv_registry_get_json(socket, "/registry/v1/status", &status, why);
    }
    *ret_last = json_integer_value(json_object_get(status, "last"));
    json_decref(status);
    json_array_foreach(json_object_get(*ret_kinds, "kinds"), i, kind)
    {
        err = err == PV_OK ? count_kind(socket, pv_enact_text(kind, "kind"),
                                        counts, ret_proposed, why)
                           : err;
    }
    return err;
}

static bool
print_kind(const struct arguments *arg, const json_t *kind,
           const json_t *by_state)
{
    const char *before = ": ";
    bool        ok;
    const char *state;
    json_t     *count;
    json_int_t  sum = 0;

    json_object_foreach((json_t *)(uintptr_t)by_state, state, count)
    {
        sum += json_integer_value(count);
    }
    if (sum == 0) {
        return true;
    }
    ok = printf("%8lld  %s", (long long)sum,
                pv_enact_text(kind, arg->lang == PV_LANG_FA ? "name_fa"
                                                            : "kind")) > 0;
    json_object_foreach((json_t *)(uintptr_t)by_state, state, count)
    {
        ok = printf("%s%lld %s", before, (long long)json_integer_value(count),
                    state) > 0 &&
             ok;
        before = ", ";
    }
    return putchar('\n') != EOF && ok;
}

static bool
print_text(const struct arguments *arg, const struct pv_enact_totals *totals,
           const json_t *kinds, const json_t *counts, json_int_t proposed)
{
    bool    ok = true;
    json_t *kind;
    size_t  i;

    json_array_foreach(json_object_get(kinds, "kinds"), i, kind)
    {
        ok = print_kind(arg, kind,
                        json_object_get(counts, pv_enact_text(kind, "kind"))) &&
             ok;
    }
    return printf("%8lld  %s\n", (long long)proposed,
                  pv_cli_text(arg->lang, "records are marked proposed",
                              "رکورد نشان پیشنهادی دارد")) > 0 &&
           printf("%8lld  %s\n", totals->sent - totals->repeated,
                  pv_cli_text(arg->lang, "decisions made now",
                              "تصمیم اکنون ثبت شد")) > 0 &&
           printf("%8lld  %s\n", totals->repeated,
                  pv_cli_text(arg->lang, "known before",
                              "تصمیم از پیش ثبت بود")) > 0 &&
           printf("%8lld  %s\n", totals->last,
                  pv_cli_text(arg->lang, "is the number of the last decision",
                              "شماره آخرین تصمیم")) > 0 &&
           ok;
}

static bool
print_json(const struct pv_enact_totals *totals, json_t *counts,
           json_int_t proposed)
{
    json_t *out = json_pack(
        "{s:O, s:I, s:b, s:I, s:I, s:I}", "kinds", counts, "last",
        (json_int_t)totals->last, "ok", 1, "proposed", proposed, "repeated",
        (json_int_t)totals->repeated, "sent", (json_int_t)totals->sent);
    bool ok = out != NULL && json_dumpf(out, stdout, JSON_COMPACT) == 0 &&
              putchar('\n') != EOF;

    json_decref(out);
    return ok;
}

static int
report(const struct arguments *arg, struct pv_enact_totals *totals)
{
    json_t       *kinds = NULL;
    json_t       *counts = json_object();
    json_int_t    proposed = 0;
    struct pv_why why = {""};
    bool          ok;

    if (count_all(arg->socket, &kinds, counts, &proposed, &totals->last,
                  &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        ok = false;
    } else {
        ok = arg->json ? print_json(totals, counts, proposed)
                       : print_text(arg, totals, kinds, counts, proposed);
    }
    json_decref(kinds);
    json_decref(counts);
    return ok ? PV_EXIT_OK : PV_EXIT_FAILED;
}

/* ---- all of it ---- */

static bool
tell_unread(const struct pv_enact *enact)
{
    pv_cli_error("%s", enact->why.text[0] == '\0' ? pv_err_text(enact->err)
                                                  : enact->why.text);
    return false;
}

static bool
import_catalogue(const struct arguments *arg, struct pv_enact_totals *totals)
{
    struct pv_enact enact = {.dir = NULL};
    bool            ok;

    if (pv_enact_read(arg->catalogue, arg->probes, arg->probe_services,
                      &enact) != PV_OK) {
        ok = tell_unread(&enact);
    } else if (arg->list) {
        ok = pv_enact_list(&enact, arg->until);
    } else {
        ok = pv_enact_send(arg->socket, arg->lang, &enact, arg->until, totals);
    }
    pv_enact_clear(&enact);
    return ok;
}

static bool
import_deployment(const struct arguments *arg, struct pv_enact_totals *totals)
{
    struct pv_enact enact = {.dir = NULL};
    bool            ok;

    if (pv_deploy_read(arg->socket, arg->deployment, arg->catalogue, &enact) !=
        PV_OK) {
        ok = tell_unread(&enact);
    } else {
        ok = pv_enact_send(arg->socket, arg->lang, &enact, INT64_MAX, totals);
    }
    pv_enact_clear(&enact);
    return ok;
}

int
pv_cmd_import(int argc, char **argv)
{
    struct arguments       arg = {.until = INT64_MAX};
    struct pv_enact_totals totals = {0, 0, 0};
    int                    code = read_arguments(argc, argv, &arg);
    bool                   ok = true;

    if (code != PV_EXIT_OK || arg.done) {
        return code;
    }
    arg.socket = pv_registry_socket(arg.socket);
    if (arg.catalogue != NULL) {
        ok = import_catalogue(&arg, &totals);
    }
    if (ok && arg.deployment != NULL) {
        ok = import_deployment(&arg, &totals);
    }
    if (ok && !arg.list) {
        return report(&arg, &totals);
    }
    return ok ? PV_EXIT_OK : PV_EXIT_FAILED;
}
