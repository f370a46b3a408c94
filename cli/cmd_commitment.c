/*
 * cmd_commitment.c - payvand commitment: its lists are views of the registry;
 * `evidence` looks into the trace for the use that a duty asks for (R-119,
 * R-120) and sends what it found as decisions of the operator.
 *
 * A duty to use a service is met by calls that were answered since the right
 * went live, by a system that the right covers. Where the consumer did not
 * say in which system or window it uses the service, the registry refuses
 * the evidence, and that is told.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jalali.h"
#include "cmd.h"
#include "registry.h"
#include "trace_client.h"

#define PATH_ROOM 512
#define KEY_ROOM 256
#define TIME_ROOM 24
#define LOOK_BACK_DAYS 366 /* the trace answers for 400 */

struct args {
    struct pv_client client; /* of the trace */
    const char      *registry;
    const char      *actor;
    const char      *of;
    char             today[PV_JALALI_TEXT_LEN + 1];
    bool             list; /* send nothing */
    bool             json;
    size_t           met;
    size_t           without;
    size_t           refused;
};

static const char usage_en[] =
    "payvand commitment evidence [OPTION...]\n"
    "\n"
    "Meets duties to use a service by the calls that the trace shows.\n"
    "\n"
    "  --registry PATH  where payvand-registryd listens\n"
    "                   (PAYVAND_REGISTRY_SOCKET)\n"
    "  --actor ID --of ID  the operator who decides\n"
    "  --list           say what was found; decide nothing\n" PV_CLIENT_USAGE_EN
    "  --json           one JSON object a line\n"
    "  --lang en|fa\n"
    "\n"
    "Exit code: 0 done, 1 something could not be asked, 2 wrong command line.\n";

static const char usage_fa[] =
    "payvand commitment evidence [OPTION...]\n"
    "\n"
    "تکلیف به‌کارگیری سرویس را با فراخوانی‌های دفتر رد انجام‌شده می‌کند.\n"
    "\n"
    "  --registry PATH  سوکت payvand-registryd (PAYVAND_REGISTRY_SOCKET)\n"
    "  --actor ID --of ID  بهره‌برداری که تصمیم می‌گیرد\n"
    "  --list           فقط یافته‌ها را بگو\n" PV_CLIENT_USAGE_FA
    "  --json           هر خط یک شیء JSON\n"
    "  --lang en|fa\n";

static const struct option option_list[] = {
    {"registry", required_argument, NULL, 'r'},
    {"actor", required_argument, NULL, 'a'},
    {"of", required_argument, NULL, 'o'},
    {"list", no_argument, NULL, 'i'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    PV_CLIENT_OPTIONS,
    {NULL, 0, NULL, 0},
};

/* ---- asking the registry ---- */

/* JSON of a GET or POST; NULL, with words to stderr when `must`. */
static json_t *
ask(const struct args *args, const char *path, struct pv_slice body,
    long *ret_status)
{
    struct pv_buf answer;
    struct pv_why why = {""};
    json_t       *out = NULL;

    pv_buf_init(&answer, PV_REGISTRY_ANSWER_MAX);
    if (pv_registry_ask(args->registry, path, body, ret_status, &answer,
                        &why) != PV_OK) {
        pv_cli_error("%s", why.text);
    } else {
        out = json_loadb(answer.ptr, answer.len, JSON_REJECT_DUPLICATES, NULL);
    }
    pv_buf_clear(&answer);
    return out;
}

static json_t *
get_record(const struct args *args, const char *kind, const char *id)
{
    char    path[PATH_ROOM];
    long    status = 0;
    json_t *record;

    if (snprintf(path, sizeof(path), "/registry/v1/%s/%s", kind, id) >=
        (int)sizeof(path)) {
        return NULL;
    }
    record = ask(args, path, (struct pv_slice){NULL, 0}, &status);
    if (status != 200) {
        json_decref(record);
        return NULL;
    }
    return record;
}

/* ---- what the trace shows ---- */

/* Is the system one that the right covers? */
static bool
covers(const struct args *args, const json_t *grant, const char *system)
{
    const char *unit = pv_client_text(grant, "unit");
    const char *only = pv_client_text(grant, "system");
    json_t     *record;
    json_t     *body;
    bool        fits;

    if (only[0] != '\0') {
        return strcmp(only, system) == 0;
    }
    record = get_record(args, "system", system);
    body = json_object_get(record, "body");
    fits = body != NULL && strcmp(pv_client_text(body, "agency"),
                                  pv_client_text(grant, "consumer")) == 0;
    if (fits && unit[0] != '\0') {
        fits = strcmp(pv_client_text(body, "unit"), unit) == 0;
    }
    json_decref(record);
    return fits;
}

/* Is the path provider/service/v1/method of the right's version? */
static bool
is_of_version(const char *path, const char *version)
{
    const char *service = strchr(path, '/');
    size_t      len = strlen(version);

    return service != NULL && strncmp(service + 1, version, len) == 0 &&
           service[1 + len] == '/';
}

/* Since the right is live, and no longer ago than the trace can be asked. */
static bool
first_day(const json_t *grant, char room[TIME_ROOM])
{
    int64_t         earliest = pv_time_wall_ms() - LOOK_BACK_DAYS * PV_DAY_MS;
    struct pv_civil date;
    int64_t         days;

    if (pv_jalali_parse(pv_slice_from(pv_client_text(grant, "live_day")),
                        &date) != PV_OK ||
        pv_jalali_to_days(date, &days) != PV_OK) {
        return false; /* not live: no call can have been made */
    }
    if (days * PV_DAY_MS < earliest) {
        (void)snprintf(room, TIME_ROOM, "%lld", (long long)earliest); /* fits */
    } else {
        (void)snprintf(room, TIME_ROOM, "%s",
                       pv_client_text(grant, "live_day")); /* fits */
    }
    return true;
}

/* PV_EXIT_OK and the answered calls; or words were said. */
static int
count_calls(struct args *args, const json_t *grant, long long *ret)
{
    const char *version = pv_client_text(grant, "version");
    char        from[TIME_ROOM];
    char        service[PATH_ROOM];
    json_t     *page = NULL;
    json_t     *row;
    size_t      i;
    int         code;

    *ret = 0;
    (void)snprintf(service, sizeof(service), "%.*s", (int)strcspn(version, "/"),
                   version); /* cut is not found */
    if (!first_day(grant, from)) {
        return PV_EXIT_OK;
    }
    if (!pv_client_path(&args->client, "/trace/v1/rollups", "") ||
        !pv_client_add(&args->client, "by", "all") ||
        !pv_client_add(&args->client, "from", from) ||
        !pv_client_add(&args->client, "service", service) ||
        !pv_client_add(&args->client, "outcome", "answered")) {
        return PV_EXIT_FAILED;
    }
    code = pv_client_get_json(&args->client, &page);
    json_array_foreach(json_object_get(page, "rows"), i, row)
    {
        if (is_of_version(pv_client_text(row, "method"), version) &&
            covers(args, grant, pv_client_text(row, "consumer"))) {
            *ret += json_integer_value(json_object_get(row, "count"));
        }
    }
    json_decref(page); /* accepts NULL */
    return code;
}

/* ---- deciding ---- */

static void
tell(const struct args *args, const json_t *duty, long long calls,
     const char *word, const char *why)
{
    if (args->json) {
        json_t *out =
            json_pack("{s:s, s:I, s:s, s:s}", "id", pv_client_text(duty, "id"),
                      "calls", (json_int_t)calls, "result", word, "why", why);

        if (out != NULL && json_dumpf(out, stdout, JSON_COMPACT) == 0) {
            (void)putchar('\n'); /* checked when it is flushed */
        }
        json_decref(out);
        return;
    }
    (void)printf("%s: %lld %s, %s%s%s\n", pv_client_text(duty, "id"), calls,
                 pv_cli_text(args->client.lang, "calls", "فراخوانی"), word,
                 why[0] == '\0' ? "" : ": ", why); /* as above */
}

static json_t *
make_decision(const struct args *args, const json_t *duty, long long calls)
{
    char key[KEY_ROOM];

    if (snprintf(key, sizeof(key), "evidence/%s", pv_client_text(duty, "id")) >=
        (int)sizeof(key)) {
        return NULL;
    }
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:{s:s, s:I, s:s}}}", "actor",
        args->actor, "role", "operator", "of", args->of, "date", args->today,
        "kind", "commitment", "id", pv_client_text(duty, "id"), "event",
        "evidence", "data", "evidence", "kind", "calls", "count",
        (json_int_t)calls, "day", args->today);
}

static int
decide(struct args *args, const json_t *duty, long long calls)
{
    json_t *decision = make_decision(args, duty, calls);
    char   *text = decision == NULL ? NULL : json_dumps(decision, JSON_COMPACT);
    long    status = 0;
    json_t *answer = NULL;
    bool    fa = args->client.lang == PV_LANG_FA;

    json_decref(decision);
    if (text == NULL) {
        return PV_EXIT_FAILED;
    }
    answer = ask(args, "/registry/v1/decisions", pv_slice_from(text), &status);
    free(text);
    if (status == 200) {
        args->met++;
        tell(args, duty, calls, "met", "");
    } else if (status == 422) {
        args->refused++;
        tell(args, duty, calls, "refused",
             pv_client_text(answer, fa ? "title_fa" : "title"));
    } else {
        pv_cli_error("%s: %s", pv_client_text(duty, "id"),
                     pv_client_text(answer, fa ? "title_fa" : "title"));
    }
    json_decref(answer);
    return status == 200 || status == 422 ? PV_EXIT_OK : PV_EXIT_FAILED;
}

/* A duty names one right or more; calls on any of them are use. */
static int
look_at(struct args *args, const json_t *duty)
{
    long long calls = 0;
    json_t   *id;
    size_t    i;
    int       code = PV_EXIT_OK;

    json_array_foreach(json_object_get(duty, "grants"), i, id)
    {
        json_t   *grant = get_record(args, "grant", json_string_value(id));
        long long some = 0;

        if (code == PV_EXIT_OK && grant != NULL) {
            code = count_calls(args, json_object_get(grant, "body"), &some);
            calls += some;
        }
        json_decref(grant);
    }
    if (code != PV_EXIT_OK) {
        return code;
    }
    if (calls == 0) {
        args->without++;
        tell(args, duty, 0, "open", "");
        return PV_EXIT_OK;
    }
    if (args->list) {
        tell(args, duty, calls, "open", "");
        return PV_EXIT_OK;
    }
    return decide(args, duty, calls);
}

static int
look_at_all(struct args *args)
{
    struct pv_why why = {""};
    json_t       *view = NULL;
    json_t       *duty;
    size_t        i;
    int           code = PV_EXIT_OK;

    if (pv_registry_get_whole(args->registry,
                              "/registry/v1/views/commitments?state=still-open",
                              &view, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        code = PV_EXIT_FAILED;
    }
    json_array_foreach(json_object_get(view, "commitments"), i, duty)
    {
        if (code == PV_EXIT_OK &&
            json_is_true(json_object_get(duty, "by_evidence")) &&
            strcmp(pv_client_text(duty, "state"), "waiting") != 0) {
            code = look_at(args, duty);
        }
    }
    json_decref(view);
    if (code == PV_EXIT_OK && !args->json) {
        enum pv_lang lang = args->client.lang;

        (void)printf("%zu %s, %zu %s, %zu %s\n", args->met,
                     pv_cli_text(lang, "met", "انجام‌شده"),
                     args->refused, pv_cli_text(lang, "refused", "ردشده"),
                     args->without,
                     pv_cli_text(lang, "without a call",
                                 "بدون فراخوانی")); /* checked below */
    }
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
        return pv_client_take(&args->client, key, optarg);
    }
}

static int
evidence(int argc, char **argv)
{
    static struct args args;
    const char        *lang = NULL;
    bool               help = false;
    int                code;
    int                key;

    memset(&args, 0, sizeof(args));
    pv_client_init(&args.client);
    args.registry = getenv("PAYVAND_REGISTRY_SOCKET");
    args.of = "information-technology-organisation";
    args.actor = "operator/information-technology-organisation";
    pv_jalali_text(pv_time_wall_ms(), args.today);
    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        if (key == 'h') {
            help = true;
        } else if (!take_option(&args, key, &lang)) {
            return pv_cli_usage_error("commitment evidence");
        }
    }
    args.client.lang = pv_cli_lang(lang);
    if (help) {
        return fputs(pv_cli_text(args.client.lang, usage_en, usage_fa),
                     stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (optind != argc || args.registry == NULL) {
        pv_cli_error("commitment evidence needs --registry");
        return pv_cli_usage_error("commitment evidence");
    }
    code = look_at_all(&args);
    pv_client_clear(&args.client);
    return code;
}

int
pv_cmd_commitment(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "evidence") == 0) {
        return evidence(argc - 1, argv + 1);
    }
    return pv_cmd_view(argc, argv);
}
