/*
 * cmd_kind.c - payvand agency, request, grant ...: records of the registry,
 * and decisions about them. One client for all kinds.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "kind.h"
#include "registry.h"

#define GREGORIAN_FROM 1600 /* no Jalali year here is as large */

/* ---- shared ---- */

const char *
pv_kind_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

const json_t *
pv_kind_find(const json_t *rows, const char *member, const char *name)
{
    json_t *row;
    size_t  i;

    json_array_foreach(rows, i, row)
    {
        if (strcmp(pv_kind_text(row, member), name) == 0) {
            return row;
        }
    }
    return NULL;
}

bool
pv_kind_day(const char *text, char room[PV_JALALI_TEXT_LEN + 1])
{
    struct pv_slice day = pv_slice_from(text);
    struct pv_civil jalali;
    int64_t         when;

    room[PV_JALALI_TEXT_LEN] = '\0';
    if (pv_time_from_date(day, &when) == PV_OK &&
        pv_time_civil(pv_time_tehran_day(when)).year >= GREGORIAN_FROM) {
        pv_jalali_text(when, room);
        return room[0] != '-';
    }
    if (pv_jalali_parse(day, &jalali) != PV_OK) {
        return false;
    }
    memcpy(room, text, PV_JALALI_TEXT_LEN);
    return true;
}

/* ---- the command line ---- */

static const struct option option_list[] = {
    {"as-of", required_argument, NULL, 'o'},
    {"at", required_argument, NULL, 'n'},
    {"state", required_argument, NULL, 'S'},
    {"count", required_argument, NULL, 'c'},
    {"after", required_argument, NULL, 'A'},
    {"as", required_argument, NULL, 'a'},
    {"date", required_argument, NULL, 'd'},
    {"reason", required_argument, NULL, 'r'},
    {"document", required_argument, NULL, 'D'},
    {"key", required_argument, NULL, 'k'},
    {"socket", required_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},
    {"lang", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool
take_day(const char *text, char room[PV_JALALI_TEXT_LEN + 1])
{
    if (pv_kind_day(text, room)) {
        return true;
    }
    pv_cli_error("\"%s\" is no day; write 1405-09-05 or 2026-11-26", text);
    return false;
}

static bool
take_option(struct pv_kind_args *args, int key, bool *ret_help)
{
    switch (key) {
    case 'o':
        return take_day(optarg, args->as_of);
    case 'n':
        args->at = optarg;
        return optarg[0] != '\0' &&
               optarg[strspn(optarg, "0123456789")] == '\0';
    case 'S':
        args->state = optarg;
        return true;
    case 'c':
        args->count = optarg;
        return optarg[0] != '\0' &&
               optarg[strspn(optarg, "0123456789")] == '\0';
    case 'A':
        args->after = optarg;
        return optarg[0] != '\0';
    case 'a':
        args->as = optarg;
        return true;
    case 'd':
        return take_day(optarg, args->date);
    case 'r':
        args->reason = optarg;
        return true;
    case 'D':
        args->document = optarg;
        return true;
    case 'k':
        args->key = optarg;
        return true;
    case 's':
        args->socket = optarg;
        return true;
    case 'j':
        args->json = true;
        return true;
    case 'l':
        args->lang = pv_cli_lang(optarg);
        return true;
    case 'h':
        *ret_help = true;
        return true;
    default:
        return false;
    }
}

static int
run(const struct pv_kind_args *args, char *const *words, int count)
{
    const char *verb = count > 0 ? words[0] : "list";

    if (strcmp(verb, "list") == 0 && count <= 1) {
        return pv_kind_list(args);
    }
    if (strcmp(verb, "show") == 0 && count == 2) {
        return pv_kind_show(args, words[1]);
    }
    if (strcmp(verb, "history") == 0 && count == 2) {
        return pv_kind_history(args, words[1]);
    }
    if (strcmp(verb, "users") == 0 && count == 2) {
        return pv_kind_users(args, words[1]);
    }
    if (pv_kind_find(json_object_get(args->kind, "events"), "event", verb) !=
            NULL &&
        count >= 2) {
        return pv_kind_decide(args, verb, words[1], words + 2, count - 2);
    }
    pv_cli_error(
        "%s %s: list, show ID, history ID, users ID, or EVENT ID FIELD=VALUE...",
        pv_kind_text(args->kind, "kind"), verb);
    return pv_cli_usage_error(pv_kind_text(args->kind, "kind"));
}

int
pv_cmd_kind(int argc, char **argv)
{
    struct pv_kind_args args = {.lang = pv_cli_lang(NULL)};
    struct pv_why       why = {""};
    bool                help = false;
    bool                ok = true;
    int                 key;
    int                 code = PV_EXIT_FAILED;

    optind = 0; /* getopt starts anew */
    while (ok &&
           (key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        ok = take_option(&args, key, &help);
    }
    if (!ok) {
        return pv_cli_usage_error(argv[0]);
    }
    args.socket = pv_registry_socket(args.socket);
    if (pv_registry_get_json(args.socket, "/registry/v1/kinds", &args.tables,
                             &why) != PV_OK) {
        pv_cli_error("%s: kinds of records are asked from the registry: %s",
                     argv[0], why.text);
        return PV_EXIT_FAILED;
    }
    args.kind =
        pv_kind_find(json_object_get(args.tables, "kinds"), "kind", argv[0]);
    if (args.kind == NULL) {
        pv_cli_error("no such command, and no such kind of record: %s",
                     argv[0]);
        code = PV_EXIT_USAGE;
    } else {
        code = help ? pv_kind_help(&args)
                    : run(&args, argv + optind, argc - optind);
    }
    json_decref(args.tables);
    return code;
}
