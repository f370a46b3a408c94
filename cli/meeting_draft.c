/*
 * meeting_draft.c - what a secretariat begins with: the agenda and the
 * invitations that follow from what waits, and the items of a resolution that
 * opens what was asked for. Both are JSON to be edited, then decided with
 * `payvand meeting set-agenda` and `payvand resolution draft`.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "kind.h"
#include "registry.h"
#include "view_text.h"

#define PATH_ROOM 512
#define TEXT_ROOM 1024
#define REQUESTS_MAX 200

static int
print(const json_t *value)
{
    bool ok = value != NULL && json_dumpf(value, stdout, JSON_INDENT(1)) == 0 &&
              putchar('\n') != EOF && fflush(stdout) == 0;

    return ok ? PV_EXIT_OK : PV_EXIT_FAILED;
}

/* The members of that name, where they are there; NULL: no memory. */
static json_t *
pick_members(const json_t *from, const char *const *names)
{
    json_t *picked = json_object();

    for (size_t n = 0; names[n] != NULL; n++) {
        json_t *value = json_object_get(from, names[n]);

        if (value != NULL && json_object_set(picked, names[n], value) != 0) {
            json_decref(picked);
            return NULL;
        }
    }
    return picked;
}

/* ---- the agenda ---- */

static json_t *
draft_items(const json_t *view)
{
    static const char *const of_item[] = {"row", "topic", "text_fa", "text_en",
                                          NULL};
    static const char *const of_matter[] = {"kind", "id", "row", NULL};
    json_t                  *items = json_array();
    json_t                  *item;
    json_t                  *matter;
    size_t                   i;
    size_t                   m;
    bool                     ok = items != NULL;

    json_array_foreach(json_object_get(view, "items"), i, item)
    {
        json_t *draft = pick_members(item, of_item);
        json_t *matters = json_array();

        json_array_foreach(json_object_get(item, "matters"), m, matter)
        {
            ok = ok && json_array_append_new(
                           matters, pick_members(matter, of_matter)) == 0;
        }
        ok = json_object_set_new(draft, "matters", matters) == 0 && ok;
        ok = json_array_append_new(items, draft) == 0 && ok;
    }
    if (!ok) {
        json_decref(items);
        return NULL;
    }
    return items;
}

static json_t *
draft_invitations(const json_t *view)
{
    json_t *invitations = json_array();
    json_t *one;
    size_t  i;
    bool    ok = invitations != NULL;

    json_array_foreach(json_object_get(view, "invitations"), i, one)
    {
        ok = ok &&
             json_array_append_new(
                 invitations,
                 json_pack("{s:O, s:O, s:O}", "party",
                           json_object_get(json_object_get(one, "party"), "id"),
                           "purpose", json_object_get(one, "purpose"), "rows",
                           json_object_get(one, "rows"))) == 0;
    }
    if (!ok) {
        json_decref(invitations);
        return NULL;
    }
    return invitations;
}

void
pv_text_agenda_draft(const json_t *view, enum pv_lang lang)
{
    json_t *items = draft_items(view);
    json_t *invitations = draft_invitations(view);
    json_t *draft = items == NULL || invitations == NULL
                        ? NULL
                        : json_pack("{s:O, s:O}", "agenda", items,
                                    "invitations", invitations);

    (void)lang; /* both are in it */
    if (print(draft) != PV_EXIT_OK) {
        pv_cli_error("the draft could not be written");
    }
    json_decref(items); /* accepts NULL */
    json_decref(invitations);
    json_decref(draft);
}

/* ---- items of a resolution ---- */

/* The body of a record; NULL after a message. */
static json_t *
body_of(const char *socket, const char *kind, const char *id)
{
    char          path[PATH_ROOM];
    struct pv_why why = {""};
    json_t       *record = NULL;
    json_t       *body;

    if (snprintf(path, sizeof(path), "/registry/v1/%s/%s", kind, id) >=
        (int)sizeof(path)) {
        pv_cli_error("%s: no id", id);
        return NULL;
    }
    if (pv_registry_get_json(socket, path, &record, &why) != PV_OK) {
        pv_cli_error("%s %s: %s", kind, id, why.text);
        return NULL;
    }
    body = json_incref(json_object_get(record, "body"));
    json_decref(record);
    return body;
}

/* False: no memory. An English name may be missing: no English text then. */
static bool
add_words(json_t *item, const char *member, const char *who,
          const char *between, const char *to, const char *what)
{
    char text[TEXT_ROOM];

    return who[0] == '\0' || what[0] == '\0' ||
           snprintf(text, sizeof(text), "%s %s %s %s", between, who, to,
                    what) >= (int)sizeof(text) ||
           json_object_set_new(item, member, json_string(text)) == 0;
}

/* "Access of CONSUMER to SERVICE", in both languages. */
static bool
add_text(const char *socket, const json_t *request, json_t *item)
{
    json_t *agency =
        body_of(socket, "agency", pv_kind_text(request, "consumer"));
    json_t *version =
        body_of(socket, "version", pv_kind_text(request, "version"));
    json_t *service =
        version == NULL
            ? NULL
            : body_of(socket, "service", pv_kind_text(version, "service"));
    bool ok = agency != NULL && service != NULL &&
              add_words(item, "text_fa", pv_kind_text(agency, "name_fa"),
                        "دسترسی", "به", pv_kind_text(service, "name_fa")) &&
              add_words(item, "text_en", pv_kind_text(agency, "name_en"),
                        "access of", "to", pv_kind_text(service, "name_en"));

    json_decref(agency); /* accepts NULL */
    json_decref(version);
    json_decref(service);
    return ok;
}

/* The right that a request asks for, under its id; NULL after a message. */
static json_t *
item_of(const char *socket, const char *id, int number)
{
    static const char *const asked[] = {
        "consumer", "unit",     "system", "version",
        "methods",  "purposes", "items",  "name_in_documents",
        NULL};
    char    text[16];
    json_t *request = body_of(socket, "request", id);
    json_t *grant = request == NULL ? NULL : pick_members(request, asked);
    json_t *item = NULL;

    (void)snprintf(text, sizeof(text), "%d", number); /* it fits */
    if (grant != NULL &&
        json_object_set_new(grant, "id", json_string(id)) == 0 &&
        json_object_set_new(grant, "request", json_string(id)) == 0) {
        item = json_pack("{s:s, s:[O]}", "item", text, "grants", grant);
    }
    if (item != NULL && !add_text(socket, request, item)) {
        json_decref(item);
        item = NULL;
    }
    json_decref(request); /* accepts NULL */
    json_decref(grant);
    return item;
}

static const char usage_en[] =
    "payvand resolution items REQUEST... [--socket PATH]\n"
    "\n"
    "The items of a resolution that opens what the requests ask for, one for\n"
    "each, as JSON: to be edited, then\n"
    "  payvand resolution draft ID meeting=... title_fa=... items=@FILE\n";
static const char usage_fa[] =
    "payvand resolution items REQUEST... [--socket PATH]\n"
    "\n"
    "بندهای مصوبه‌ای که خواسته درخواست‌ها را می‌گشاید، به صورت JSON: پس از\n"
    "ویرایش\n"
    "  payvand resolution draft ID meeting=... title_fa=... items=@FILE\n";

static int
make_items(const char *socket, char *const *requests, int count)
{
    json_t *items = json_array();
    bool    ok = items != NULL;
    int     code = PV_EXIT_FAILED;

    for (int i = 0; i < count && ok; i++) {
        ok = json_array_append_new(items,
                                   item_of(socket, requests[i], i + 1)) == 0;
    }
    if (ok) {
        code = print(items);
    }
    json_decref(items); /* accepts NULL */
    return code;
}

static int
cmd_items(int argc, char **argv)
{
    static const struct option option_list[] = {
        {"socket", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'j'},
        {"lang", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *socket = NULL;
    const char *lang = NULL;
    bool        help = false;
    int         count;
    int         key;

    optind = 0; /* getopt starts anew */
    while ((key = getopt_long(argc, argv, "h", option_list, NULL)) != -1) {
        if (key == 's') {
            socket = optarg;
        } else if (key == 'l') {
            lang = optarg;
        } else if (key == 'h') {
            help = true;
        } else if (key != 'j') { /* it is JSON anyway */
            return pv_cli_usage_error("resolution");
        }
    }
    if (help) {
        return fputs(pv_cli_text(pv_cli_lang(lang), usage_en, usage_fa),
                     stdout) == EOF
                   ? PV_EXIT_FAILED
                   : PV_EXIT_OK;
    }
    count = argc - optind;
    if (count < 1 || count > REQUESTS_MAX) {
        return pv_cli_usage_error("resolution");
    }
    return make_items(pv_registry_socket(socket), argv + optind, count);
}

int
pv_cmd_resolution(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "items") == 0
               ? cmd_items(argc - 1, argv + 1)
               : pv_cmd_view(argc, argv);
}
