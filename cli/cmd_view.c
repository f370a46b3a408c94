/*
 * cmd_view.c - payvand resolution, meeting, commitment: what the registry
 * shows of its records, as text, JSON, HTML for print or CSV.
 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "registry.h"
#include "view_text.h"

#define PATH_ROOM PV_REGISTRY_PATH_MAX

/* ---- what may be asked ---- */

enum parameter {
    P_AS_OF = 0,
    P_AT,
    P_PARTY,
    P_STATE,
    P_WITHIN,
    P_BODY,
    P_COUNT,
    P_AFTER,
    P_END,
};

static const char *const parameter_name[P_END] = {
    "as_of", "at", "party", "state", "within", "body", "count", "after"};

static const struct option option_list[] = {
    {"as-of", required_argument, NULL, 1000 + P_AS_OF},
    {"at", required_argument, NULL, 1000 + P_AT},
    {"party", required_argument, NULL, 1000 + P_PARTY},
    {"state", required_argument, NULL, 1000 + P_STATE},
    {"within", required_argument, NULL, 1000 + P_WITHIN},
    {"body", required_argument, NULL, 1000 + P_BODY},
    {"count", required_argument, NULL, 1000 + P_COUNT},
    {"after", required_argument, NULL, 1000 + P_AFTER},
    {"socket", required_argument, NULL, 's'},
    {"html", no_argument, NULL, 'H'},
    {"csv", no_argument, NULL, 'C'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const struct {
    const char *command;
    const char *verb;
    bool        needs_id;
    const char *view;
    const char *fixed; /* parameters that the verb stands for */
    void (*text)(const json_t *view, enum pv_lang lang);
} verb_row[] = {
    {"agency", "backlog", false, "backlog", "", pv_text_findings},
    {"agency", "unrepresented", false, "representatives", "", pv_text_findings},
    {"agreement", "breaches", false, "breaches", "", pv_text_findings},
    {"agreement", "unnamed", false, "grants-without-agreement", "",
     pv_text_findings},
    {"certificate", "ending", false, "ending", "", pv_text_ending},
    {"commitment", "list", false, "commitments", "", pv_text_duties},
    {"commitment", "overdue", false, "commitments", "&state=overdue",
     pv_text_duties},
    {"commitment", "progress", false, "progress", "", pv_text_progress},
    {"commitment", "reminders", false, "reminders", "", pv_text_duties},
    {"commitment", "show", true, "commitment", "", pv_text_duty},
    {"grant", "callers", false, "callers", "", pv_text_findings},
    {"grant", "duplicates", false, "duplicate-paths", "", pv_text_findings},
    {"grant", "paths", false, "access-paths", "", pv_text_findings},
    {"grant", "public", false, "public-grants", "", pv_text_findings},
    {"link", "violations", false, "links", "", pv_text_findings},
    {"passport", "counts", false, "passport-counts", "", pv_text_findings},
    {"passport", "public", false, "public-passports", "", pv_text_findings},
    {"request", "missing", false, "missing-requests", "", pv_text_findings},
    {"meeting", "agenda", false, "agenda", "", pv_text_agenda},
    {"meeting", "draft", false, "agenda", "", pv_text_agenda_draft},
    {"meeting", "show", true, "meeting", "", pv_text_agenda},
    {"resolution", "search", true, "legal-bases", "&of=", pv_text_findings},
    {"resolution", "show", true, "resolution", "", pv_text_resolution},
};

size_t
pv_view_verbs(const char *command, const char *ret[PV_VIEW_VERBS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < sizeof(verb_row) / sizeof(verb_row[0]); i++) {
        if (strcmp(verb_row[i].command, command) == 0 &&
            strcmp(verb_row[i].verb, "list") != 0 &&
            strcmp(verb_row[i].verb, "show") != 0 &&
            count < PV_VIEW_VERBS_MAX) {
            ret[count++] = verb_row[i].verb;
        }
    }
    return count;
}

static const char usage_en[] =
    "payvand resolution show ID\n"
    "payvand resolution search WORDS\n"
    "payvand resolution items REQUEST... (see its --help)\n"
    "payvand meeting agenda | draft [--body ID]\n"
    "payvand meeting show ID\n"
    "payvand commitment list|overdue|reminders|progress\n"
    "payvand commitment show ID\n"
    "payvand commitment evidence (see its --help)\n"
    "payvand link violations | grant duplicates | request missing\n"
    "payvand agreement breaches | unnamed\n"
    "payvand agency backlog | unrepresented\n"
    "payvand grant callers | paths | public, payvand passport counts | public\n"
    "payvand certificate ending\n"
    "\n"
    "What the registry shows of its records.\n"
    "\n"
    "  --as-of DAY    as it stood at the end of that Jalali day, 1401-06-15\n"
    "  --at NUMBER    as it stood after that decision\n"
    "  --party ID     commitments of an agency, body or cluster\n"
    "  --state WORD   still-open, open, waiting, reported, met, cancelled\n"
    "  --within DAYS  due, or ending, in so many days\n"
    "  --count N      of lists: one page, by id, 500 rows at most\n"
    "  --after ID     where the page begins\n"
    "  --html         a document made for print\n"
    "  --csv          of lists; for spreadsheets\n"
    "  --json\n"
    "  --socket PATH  where payvand-registryd listens\n"
    "                 (PAYVAND_REGISTRY_SOCKET)\n"
    "  --lang en|fa   the language of the text; HTML is Persian unless asked\n"
    "\n"
    "Manual: man payvand-resolution\n";

static const char usage_fa[] =
    "payvand resolution show ID\n"
    "payvand resolution search WORDS\n"
    "payvand resolution items REQUEST... (see its --help)\n"
    "payvand meeting agenda | draft [--body ID]\n"
    "payvand meeting show ID\n"
    "payvand commitment list|overdue|reminders|progress\n"
    "payvand commitment show ID\n"
    "payvand commitment evidence (see its --help)\n"
    "payvand link violations | grant duplicates | request missing\n"
    "payvand agreement breaches | unnamed\n"
    "payvand agency backlog | unrepresented\n"
    "payvand grant callers | paths | public, payvand passport counts | public\n"
    "payvand certificate ending\n"
    "\n"
    "آنچه دفتر ثبت از رکوردهای خود نشان می‌دهد.\n"
    "\n"
    "  --as-of DAY    وضعیت در پایان آن روز شمسی، مانند 1401-06-15\n"
    "  --at NUMBER    وضعیت پس از آن تصمیم\n"
    "  --party ID     تکالیف یک دستگاه، نهاد یا خوشه\n"
    "  --state WORD   still-open، open، waiting، reported، met، cancelled\n"
    "  --within DAYS  با سررسید یا پایان تا چند روز دیگر\n"
    "  --count N      یک صفحه از فهرست به ترتیب شناسه، حداکثر ۵۰۰ سطر\n"
    "  --after ID     آغاز صفحه\n"
    "  --html         سند آماده چاپ\n"
    "  --csv          فهرست برای صفحه‌گسترده\n"
    "  --json\n"
    "  --socket PATH  سوکت payvand-registryd (PAYVAND_REGISTRY_SOCKET)\n"
    "  --lang en|fa   زبان متن\n"
    "\n"
    "راهنما: man payvand-resolution\n";

struct args {
    const char  *command;
    const char  *parameter[P_END];
    const char  *socket;
    const char  *format; /* json, html, csv; NULL: text */
    const char  *lang_name;
    enum pv_lang lang;
    size_t       row;
    const char  *id;
};

/* ---- the command line ---- */

static bool
set_format(struct args *args, const char *format)
{
    bool first = args->format == NULL;

    args->format = format;
    return first;
}

static bool
take_option(struct args *args, int key)
{
    if (key >= 1000 && key < 1000 + P_END) {
        args->parameter[key - 1000] = optarg;
        return true;
    }
    switch (key) {
    case 's':
        args->socket = optarg;
        return true;
    case 'H':
        return set_format(args, "html");
    case 'C':
        return set_format(args, "csv");
    case 'j':
        return set_format(args, "json");
    case 'l':
        args->lang_name = optarg;
        return true;
    default:
        return false;
    }
}

static bool
is_format(const struct args *args, const char *format)
{
    return args->format != NULL && strcmp(args->format, format) == 0;
}

static bool
find_verb(struct args *args, int count, char **words)
{
    for (size_t i = 0; i < sizeof(verb_row) / sizeof(verb_row[0]); i++) {
        if (count > 0 && strcmp(verb_row[i].command, args->command) == 0 &&
            strcmp(verb_row[i].verb, words[0]) == 0 &&
            count == (verb_row[i].needs_id ? 2 : 1)) {
            args->row = i;
            args->id = verb_row[i].needs_id ? words[1] : NULL;
            return true;
        }
    }
    return false;
}

/* Is it one of the verbs here? Others are of the kind of record itself. */
static bool
has_verb(const char *command, const char *verb)
{
    for (size_t i = 0; i < sizeof(verb_row) / sizeof(verb_row[0]); i++) {
        if (strcmp(verb_row[i].command, command) == 0 &&
            (strcmp(verb_row[i].verb, verb) == 0 ||
             (verb[0] == '-' && verb_row[i].text != pv_text_findings &&
              verb_row[i].text != pv_text_ending))) {
            return true;
        }
    }
    return false;
}

/* The registry takes these bytes of a query; others need no question. */
static bool
is_plain(const char *text)
{
    return text[0] != '\0' &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:+-")] ==
               '\0';
}

static bool
make_path(const struct args *args, char room[PATH_ROOM])
{
    struct pv_buf path;
    const char   *text = NULL;
    const char   *lang =
        args->lang == PV_LANG_FA || args->lang_name == NULL ? "fa" : "en";
    bool        words = strcmp(verb_row[args->row].fixed, "&of=") == 0;
    const char *id = args->id == NULL || words ? "" : args->id;
    enum pv_err err;

    pv_buf_init(&path, PATH_ROOM - 1);
    err = pv_buf_addf(&path, "/registry/v1/views/%s%s%s?format=%s&lang=%s%s",
                      verb_row[args->row].view, id[0] == '\0' ? "" : "/", id,
                      args->format == NULL ? "json" : args->format, lang,
                      verb_row[args->row].fixed);
    if (args->id != NULL && !words && !is_plain(args->id)) {
        err = PV_EINVAL;
    }
    for (const char *at = args->id; words && err == PV_OK && *at != '\0';
         at++) {
        err = pv_buf_addf(&path, "%02x", (unsigned)(unsigned char)*at);
    }
    for (size_t p = 0; p < P_END && err == PV_OK; p++) {
        if (args->parameter[p] != NULL) {
            err = is_plain(args->parameter[p])
                      ? pv_buf_addf(&path, "&%s=%s", parameter_name[p],
                                    args->parameter[p])
                      : PV_EINVAL;
        }
    }
    if (err == PV_OK) {
        err = pv_buf_cstr(&path, &text);
    }
    if (err == PV_OK) {
        (void)snprintf(room, PATH_ROOM, "%s", text); /* no longer than max */
    }
    pv_buf_clear(&path);
    return err == PV_OK;
}

/* ---- the answer ---- */

static void
tell_problem(const struct args *args, struct pv_slice answer, long status)
{
    json_t     *problem = json_loadb(answer.ptr, answer.len, 0, NULL);
    const char *title = json_string_value(json_object_get(
        problem, args->lang == PV_LANG_FA ? "title_fa" : "title"));

    if (title == NULL) {
        pv_cli_error("the registry answered %ld", status);
    } else {
        pv_cli_error("%s", title);
    }
    json_decref(problem);
}

struct taken {
    json_t *whole; /* of all pages; owned. NULL: they are printed at once */
    size_t  pages;
};

/* The head of a table comes once. */
static void
print_page(const struct taken *taken, struct pv_slice page)
{
    const char *end = memchr(page.ptr, '\n', page.len);

    if (taken->pages > 0 && end != NULL) {
        page.len -= (size_t)(end + 1 - page.ptr);
        page.ptr = end + 1;
    }
    (void)fwrite(page.ptr, 1, page.len, stdout); /* ferror tells */
}

static enum pv_err
take_page(const struct args *args, struct pv_slice page, struct taken *taken)
{
    json_t     *view;
    enum pv_err err = PV_OK;

    if (is_format(args, "html") || is_format(args, "csv")) {
        print_page(taken, page);
        taken->pages++;
        return PV_OK;
    }
    view = json_loadb(page.ptr, page.len, 0, NULL);
    if (view == NULL) {
        return PV_EPROTO;
    }
    if (taken->pages++ == 0) {
        taken->whole = view;
        return PV_OK;
    }
    err = pv_registry_join(taken->whole, view);
    json_decref(view);
    return err;
}

/* Lists are asked for by page where one answer does not hold them, unless a
   page is what is wanted; a document for print is one answer. */
static bool
is_whole_wanted(const struct args *args)
{
    return args->parameter[P_COUNT] == NULL && !is_format(args, "html");
}

/* All pages, from path on. */
static bool
take_pages(const struct args *args, char path[PV_REGISTRY_PATH_MAX],
           struct taken *taken)
{
    char          next[PV_REGISTRY_PATH_MAX] = "";
    struct pv_buf answer;
    struct pv_why why = {""};
    long          status = 0;
    bool          good;

    do {
        pv_buf_init(&answer, PV_REGISTRY_ANSWER_MAX);
        good = pv_registry_page(args->socket, path, &status, &answer, next,
                                &why) == PV_OK;
        if (!good) {
            pv_cli_error("%s", why.text);
        } else if (status != 200) {
            tell_problem(args, pv_buf_view(&answer), status);
            good = false;
        } else if (take_page(args, pv_buf_view(&answer), taken) != PV_OK) {
            pv_cli_error("the registry's answer is no JSON");
            good = false;
        }
        pv_buf_clear(&answer);
        memcpy(path, next, sizeof(next));
    } while (good && next[0] != '\0' && is_whole_wanted(args));
    return good;
}

static int
ask(const struct args *args)
{
    char         path[PV_REGISTRY_PATH_MAX];
    struct taken taken = {NULL, 0};
    bool         good;

    if (!make_path(args, path)) {
        pv_cli_error("an id or an option's value is not right");
        return pv_cli_usage_error(args->command);
    }
    good = take_pages(args, path, &taken);
    if (good && taken.whole != NULL && is_whole_wanted(args)) {
        good = pv_registry_joined(taken.whole) == PV_OK;
    }
    if (good && args->format == NULL) {
        verb_row[args->row].text(taken.whole, args->lang);
    } else if (good) {
        good = (taken.whole == NULL ||
                json_dumpf(taken.whole, stdout,
                           JSON_COMPACT | JSON_SORT_KEYS) == 0) &&
               fputc('\n', stdout) != EOF;
    }
    json_decref(taken.whole); /* accepts NULL */
    return good && fflush(stdout) == 0 && !ferror(stdout) ? PV_EXIT_OK
                                                          : PV_EXIT_FAILED;
}

int
pv_cmd_view(int argc, char **argv)
{
    struct args args = {.command = argv[0], .socket = pv_registry_socket(NULL)};
    bool        help = false;
    bool        ok = true;
    int         key;

    if (!has_verb(argv[0], argc > 1 ? argv[1] : "-")) {
        return pv_cmd_kind(argc, argv);
    }
    optind = 0; /* getopt starts anew */
    while (ok &&
           (key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        if (key == 'h') {
            help = true;
        } else {
            ok = take_option(&args, key);
        }
    }
    args.lang = pv_cli_lang(args.lang_name);
    if (help) {
        return fputs(pv_cli_text(args.lang, usage_en, usage_fa), stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    if (!ok || !find_verb(&args, argc - optind, argv + optind)) {
        return pv_cli_usage_error(args.command);
    }
    return ask(&args);
}
