/*
 * kind_help.c - help and completion, from the registry's tables.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"
#include "registry.h"

#define OWN_VERBS_MAX (PV_VIEW_VERBS_MAX + 3) /* as many are elsewhere */

/* ---- help; a failed write shows in ferror at its end ---- */

static void
print_list(const json_t *words, const char *between)
{
    json_t *word;
    size_t  i;

    json_array_foreach(words, i, word)
    {
        (void)printf("%s%s", i == 0 ? "" : between, /* ferror says it */
                     json_string_value(word));
    }
}

static void
print_events(const struct pv_kind_args *args)
{
    json_t *event;
    json_t *step;
    size_t  i;
    size_t  n;

    json_array_foreach(json_object_get(args->kind, "events"), i, event)
    {
        if (json_array_size(json_object_get(event, "by")) == 0) {
            continue; /* follows from other decisions */
        }
        (void)printf("  %-18s ", pv_kind_text(event, "event"));
        json_array_foreach(json_object_get(event, "steps"), n, step)
        {
            (void)printf("%s", n == 0 ? "" : "; ");
            print_list(step, " -> ");
        }
        (void)printf("\n  %-18s %s ", "",
                     pv_cli_text(args->lang, "by", "به دست"));
        print_list(json_object_get(event, "by"), ", ");
        if (pv_kind_text(event, "other_than")[0] != '\0') {
            (void)printf("; %s %s",
                         pv_cli_text(args->lang, "not who took",
                                     "نه انجام‌دهنده"),
                         pv_kind_text(event, "other_than"));
        }
        (void)printf("\n");
    }
}

static void
print_fields(const struct pv_kind_args *args)
{
    json_t *field;
    size_t  i;

    json_array_foreach(json_object_get(args->kind, "fields"), i, field)
    {
        const json_t *set_by = json_object_get(field, "set_by");

        if (json_array_size(set_by) == 0) {
            continue; /* the registry sets it */
        }
        (void)printf("  %-18s %s%s%s%s ", pv_kind_text(field, "name"),
                     pv_kind_text(field, "type"),
                     pv_kind_text(field, "target")[0] == '\0' ? "" : ":",
                     pv_kind_text(field, "target"),
                     json_is_true(json_object_get(field, "list")) ? "..." : "");
        if (json_object_get(field, "words") != NULL) {
            (void)printf("(");
            print_list(json_object_get(field, "words"), "|");
            (void)printf(") ");
        }
        (void)printf("[");
        print_list(set_by, ", ");
        (void)printf("]\n");
    }
}

static const char notes_en[] =
    "A day is Jalali, 1405-09-05, or Gregorian, 2026-11-26. A list's field may\n"
    "come again; a json field takes JSON, @FILE or @FILE:MEMBER. Each command\n"
    "takes --json, --lang en|fa and --socket PATH. Manual: man "
    "payvand-registry\n";
static const char notes_fa[] =
    "تاریخ شمسی (1405-09-05) یا میلادی (2026-11-26) است. فیلد فهرستی را\n"
    "می‌توان تکرار کرد؛ فیلد json متن JSON یا ‎@FILE یا ‎@FILE:MEMBER می‌گیرد. همه فرمان‌ها\n"
    "‎--json و ‎--lang en|fa و ‎--socket PATH را می‌پذیرند. راهنما: man "
    "payvand-registry\n";

/* Verbs of a kind that are no events: views, and what is done elsewhere. */
static size_t
own_verbs(const char *kind, const char *ret[OWN_VERBS_MAX])
{
    static const struct {
        const char *kind;
        const char *verb;
    } elsewhere[] = {{"commitment", "evidence"},
                     {"resolution", "items"},
                     {"service", "init"},
                     {"service", "submit"},
                     {"service", "test"}};
    size_t count = pv_view_verbs(kind, ret);

    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        if (strcmp(elsewhere[i].kind, kind) == 0) {
            ret[count++] = elsewhere[i].verb;
        }
    }
    return count;
}

static void
print_usage(const char *kind)
{
    static const char *const lines[] = {
        "list [--state WORD] [--as-of DAY | --at NUMBER]",
        "show ID [--as-of DAY | --at NUMBER]", "history ID", "users ID",
        ("EVENT ID [FIELD=VALUE...] --as ROLE/WHERE\n"
         "      [--date DAY] [--reason TEXT] [--document NUMBER] [--key KEY]")};
    const char  *own[OWN_VERBS_MAX];
    const size_t count = own_verbs(kind, own);

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        (void)printf("  payvand %s %s\n", kind, lines[i]);
    }
    for (size_t i = 0; i < count; i++) {
        (void)printf("  payvand %s %s (--help)\n", kind, own[i]);
    }
}

int
pv_kind_help(const struct pv_kind_args *args)
{
    const char *name = pv_kind_text(args->kind, "kind");

    (void)printf("payvand %s: %s\n\n", name,
                 pv_cli_text(args->lang, "records of the registry",
                             pv_kind_text(args->kind, "name_fa")));
    print_usage(name);
    (void)printf("\n%s", pv_cli_text(args->lang, notes_en, notes_fa));
    (void)printf("\n%s\n",
                 pv_cli_text(args->lang, "States", "وضعیت‌ها"));
    (void)printf("  ");
    print_list(json_object_get(args->kind, "states"), ", ");
    (void)printf("\n\n%s\n", pv_cli_text(args->lang, "Events", "رویدادها"));
    print_events(args);
    (void)printf(
        "\n%s\n",
        pv_cli_text(
            args->lang, "Fields, and who sets them",
            "فیلدها و رویدادهایی که می‌نویسند"));
    print_fields(args);
    return ferror(stdout) ? PV_EXIT_FAILED : PV_EXIT_OK;
}

/* ---- completion ---- */

static void
offer(const char *candidate, const char *begin)
{
    if (candidate != NULL && strncmp(candidate, begin, strlen(begin)) == 0) {
        (void)puts(candidate); /* a shell reads it, or does not */
    }
}

static void
offer_ids(const struct pv_kind_args *args, const char *begin)
{
    json_t       *records = NULL;
    struct pv_why why;
    const char   *id;
    json_t       *record;

    if (pv_registry_records(args->socket, pv_kind_text(args->kind, "kind"), "",
                            &records, &why) != PV_OK) {
        return;
    }
    json_object_foreach(records, id, record)
    {
        offer(id, begin);
    }
    json_decref(records);
}

static bool
is_in(const json_t *list, const char *word)
{
    json_t *one;
    size_t  i;

    json_array_foreach(list, i, one)
    {
        if (strcmp(json_string_value(one), word) == 0) {
            return true;
        }
    }
    return false;
}

/* "field=" of those that the event sets, or the words behind it. */
static void
offer_fields(const struct pv_kind_args *args, const char *event,
             const char *begin)
{
    json_t *field;
    json_t *word;
    size_t  i;
    size_t  n;
    char    text[256];

    json_array_foreach(json_object_get(args->kind, "fields"), i, field)
    {
        const char   *name = pv_kind_text(field, "name");
        const json_t *words = json_object_get(field, "words");

        if (!is_in(json_object_get(field, "set_by"), event) ||
            snprintf(text, sizeof(text), "%s=", name) >= (int)sizeof(text)) {
            continue;
        }
        if (words == NULL || strncmp(begin, text, strlen(text)) != 0) {
            offer(text, begin);
            continue;
        }
        json_array_foreach(words, n, word)
        {
            if (snprintf(text, sizeof(text), "%s=%s", name,
                         json_string_value(word)) < (int)sizeof(text)) {
                offer(text, begin);
            }
        }
    }
}

static void
offer_verbs(const struct pv_kind_args *args, const char *begin)
{
    const char  *own[OWN_VERBS_MAX];
    const size_t count = own_verbs(pv_kind_text(args->kind, "kind"), own);
    json_t      *event;
    size_t       i;

    offer("list", begin);
    offer("show", begin);
    offer("history", begin);
    offer("users", begin);
    for (i = 0; i < count; i++) {
        offer(own[i], begin);
    }
    json_array_foreach(json_object_get(args->kind, "events"), i, event)
    {
        if (json_array_size(json_object_get(event, "by")) > 0) {
            offer(pv_kind_text(event, "event"), begin);
        }
    }
}

static void
offer_options(const char *begin)
{
    static const char *const options[] = {
        "--after",  "--as",     "--as-of", "--at",       "--body",
        "--count",  "--csv",    "--date",  "--document", "--help",
        "--html",   "--json",   "--key",   "--lang",     "--party",
        "--reason", "--socket", "--state", "--within"};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        offer(options[i], begin);
    }
}

static void
offer_kinds(const struct pv_kind_args *args, const char *begin)
{
    json_t *kind;
    size_t  i;

    json_array_foreach(json_object_get(args->tables, "kinds"), i, kind)
    {
        offer(pv_kind_text(kind, "kind"), begin);
    }
}

#define VERB_OPTIONS_MAX 20

/* Verbs that need no registry, and their options. */
static const struct {
    const char *command;
    const char *verb;
    const char *option[VERB_OPTIONS_MAX];
} local[] = {
    {"contract", "check", {"--catalogue", "--json", "--lang"}},
    {"contract", "document", {"--catalogue", "--json", "--lang"}},
    {"contract", "example", {"--as", "--catalogue", "--lang", "--server"}},
    {"contract", "mock", {"--catalogue", "--json", "--lang", "--port"}},
    {"contract", "openapi", {"--catalogue", "--lang", "--server"}},
    {"contract", "page", {"--catalogue", "--lang"}},
    {"service",
     "init",
     {"--as", "--catalogue", "--dsn", "--json", "--key", "--lang", "--out",
      "--passport", "--provider", "--service", "--socket", "--submit",
      "--table", "--title-en", "--title-fa"}},
    {"service",
     "submit",
     {"--as", "--catalogue", "--contract", "--json", "--lang", "--list",
      "--passport", "--socket"}},
    {"service",
     "test",
     {"--act", "--as", "--config", "--connectord", "--examples", "--json",
      "--lang", "--running"}},
};

/* True: the line is of such a verb, and no record's. */
static bool
offer_local(int argc, char **argv, const char *last)
{
    bool is_local = false;

    for (size_t i = 0; argc > 2 && i < sizeof(local) / sizeof(local[0]); i++) {
        if (strcmp(argv[1], local[i].command) != 0) {
            continue;
        }
        if (argc == 3) {
            offer(local[i].verb, last);
        } else if (strcmp(argv[2], local[i].verb) == 0) {
            is_local = true;
            for (size_t j = 0; last[0] == '-' && j < VERB_OPTIONS_MAX; j++) {
                offer(local[i].option[j], last);
            }
        }
    }
    return is_local;
}

int
pv_cmd_complete(int argc, char **argv)
{
    struct pv_kind_args args = {.socket = pv_registry_socket(NULL)};
    const char         *last = argc > 1 ? argv[argc - 1] : "";
    struct pv_why       why;

    if (argc <= 2) {
        pv_cli_offer_commands(last);
    }
    if (offer_local(argc, argv, last)) {
        return PV_EXIT_OK;
    }
    if (pv_registry_get_json(args.socket, "/registry/v1/kinds", &args.tables,
                             &why) != PV_OK) {
        return PV_EXIT_OK; /* nothing more is known without it */
    }
    if (argc <= 2) {
        offer_kinds(&args, last);
    } else {
        args.kind = pv_kind_find(json_object_get(args.tables, "kinds"), "kind",
                                 argv[1]);
    }
    if (args.kind != NULL && last[0] == '-') {
        offer_options(last);
    } else if (args.kind != NULL && argc == 3) {
        offer_verbs(&args, last);
    } else if (args.kind != NULL && argc == 4) {
        offer_ids(&args, last);
    } else if (args.kind != NULL && argc > 4) {
        offer_fields(&args, argv[2], last);
    }
    json_decref(args.tables);
    return PV_EXIT_OK;
}
