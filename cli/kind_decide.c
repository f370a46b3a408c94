/*
 * kind_decide.c - one decision from words of the command line. The field's
 * type says how its value is read.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "kind.h"
#include "registry.h"

#define NAME_MAX_LEN 64
#define NUMBER_MAX (UINT64_C(1) << 53)

static const json_t *
field_of(const struct pv_kind_args *args, const char *name)
{
    const json_t *field =
        pv_kind_find(json_object_get(args->kind, "fields"), "name", name);

    return field != NULL ? field
                         : pv_kind_find(json_object_get(args->tables, "fields"),
                                        "name", name);
}

/* "FILE" is the JSON in it, "FILE:member" a member of that. */
static json_t *
json_of_file(const char *text)
{
    const char *colon = strrchr(text, ':');
    char        file[PATH_MAX];
    json_t     *whole = json_load_file(text, JSON_REJECT_DUPLICATES, NULL);
    json_t     *member = NULL;

    if (whole != NULL || colon == NULL) {
        return whole;
    }
    if (pv_slice_to_cstr((struct pv_slice){text, (size_t)(colon - text)}, file,
                         sizeof(file)) == PV_OK) {
        whole = json_load_file(file, JSON_REJECT_DUPLICATES, NULL);
        member = json_incref(json_object_get(whole, colon + 1));
    }
    json_decref(whole); /* accepts NULL */
    return member;
}

/* A value of the field's type; NULL after a message. "@" is of a file. */
static json_t *
value_of(const json_t *field, const char *text)
{
    const char *type = pv_kind_text(field, "type");
    const char *name = pv_kind_text(field, "name");
    json_t     *value = NULL;
    char        day[PV_JALALI_TEXT_LEN + 1];
    uint64_t    number;

    if (strcmp(type, "flag") == 0) {
        if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
            value = json_boolean(text[0] == 't');
        }
    } else if (strcmp(type, "number") == 0) {
        if (pv_slice_to_u64(pv_slice_from(text), NUMBER_MAX, &number) ==
            PV_OK) {
            value = json_integer((json_int_t)number);
        }
    } else if (strcmp(type, "day") == 0) {
        value = pv_kind_day(text, day) ? json_string(day) : NULL;
    } else if (strcmp(type, "json") == 0) {
        value = text[0] == '@'
                    ? json_of_file(text + 1)
                    : json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                                 NULL);
    } else {
        value = json_string(text);
    }
    if (value == NULL) {
        pv_cli_error("%s=%s: a %s is needed", name, text, type);
    }
    return value;
}

/* A list's field may come again; a whole JSON list stands for all of it. */
static bool
set_field(json_t *data, const json_t *field, json_t *value)
{
    const char *name = pv_kind_text(field, "name");
    json_t     *list = json_object_get(data, name);

    if (!json_is_true(json_object_get(field, "list")) || json_is_array(value)) {
        return json_object_set_new(data, name, value) == 0;
    }
    if (list == NULL) {
        list = json_array();
        if (json_object_set_new(data, name, list) != 0) {
            json_decref(value);
            return false;
        }
    }
    return json_array_append_new(list, value) == 0;
}

static bool
read_words(const struct pv_kind_args *args, char *const *words, int count,
           json_t *data)
{
    for (int i = 0; i < count; i++) {
        const char   *equals = strchr(words[i], '=');
        char          name[NAME_MAX_LEN + 1];
        const json_t *field = NULL;
        json_t       *value;

        if (equals != NULL && equals - words[i] <= NAME_MAX_LEN) {
            (void)snprintf(name, sizeof(name), "%.*s", /* fits */
                           (int)(equals - words[i]), words[i]);
            field = field_of(args, name);
        }
        if (field == NULL) {
            pv_cli_error("\"%s\": no such field of %s; see payvand %s "
                         "--help",
                         words[i], pv_kind_text(args->kind, "kind"),
                         pv_kind_text(args->kind, "kind"));
            return false;
        }
        value = value_of(field, equals + 1);
        if (value == NULL || !set_field(data, field, value)) {
            return false;
        }
    }
    return true;
}

/* Who decides: --as role/where, else PAYVAND_AS. */
static bool
read_role(const struct pv_kind_args *args, const char **ret_as,
          char role[NAME_MAX_LEN + 1], const char **ret_of)
{
    const char *as = args->as == NULL ? getenv("PAYVAND_AS") : args->as;
    const char *slash = as == NULL ? NULL : strchr(as, '/');

    if (slash == NULL || slash - as > NAME_MAX_LEN) {
        pv_cli_error("who decides? --as role/where, such as "
                     "secretariat/interoperability-working-group");
        return false;
    }
    (void)snprintf(role, NAME_MAX_LEN + 1, "%.*s", /* fits */
                   (int)(slash - as), as);
    *ret_as = as;
    *ret_of = slash + 1;
    return true;
}

static json_t *
make(const struct pv_kind_args *args, const char *event, const char *id,
     json_t *data)
{
    char        today[PV_JALALI_TEXT_LEN + 1] = "";
    char        role[NAME_MAX_LEN + 1];
    const char *as = NULL;
    const char *of = NULL;

    if (!read_role(args, &as, role, &of)) {
        json_decref(data);
        return NULL;
    }
    pv_jalali_text(pv_time_wall_ms(), today);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s*, s:s*, "
                     "s:s*}",
                     "actor", as, "role", role, "of", of, "date",
                     args->date[0] == '\0' ? today : args->date, "kind",
                     pv_kind_text(args->kind, "kind"), "id", id, "event", event,
                     "data", data, "reason", args->reason, "document",
                     args->document, "key", args->key);
}

static int
tell(const struct pv_kind_args *args, long status, struct pv_slice text)
{
    json_t     *answer = json_loadb(text.ptr, text.len, 0, NULL);
    const char *title =
        pv_kind_text(answer, args->lang == PV_LANG_FA ? "title_fa" : "title");
    int code = PV_EXIT_FAILED;

    if (args->json) {
        code = json_dumpf(answer, stdout, JSON_COMPACT) == 0 &&
                       putchar('\n') != EOF && status == 200
                   ? PV_EXIT_OK
                   : PV_EXIT_FAILED;
    } else if (status == 200) {
        code = printf("%s %lld\n", pv_cli_text(args->lang, "decision", "تصمیم"),
                      (long long)json_integer_value(
                          json_object_get(answer, "last"))) > 0
                   ? PV_EXIT_OK
                   : PV_EXIT_FAILED;
    } else {
        pv_cli_error("%s %s", pv_kind_text(answer, "rule"), title);
    }
    json_decref(answer);
    return code;
}

int
pv_kind_decide(const struct pv_kind_args *args, const char *event,
               const char *id, char *const *words, int count)
{
    json_t       *data = json_object();
    json_t       *decision = NULL;
    char         *text = NULL;
    struct pv_buf answer;
    struct pv_why why = {""};
    long          status = 0;
    int           code = PV_EXIT_USAGE;

    pv_buf_init(&answer, PV_REGISTRY_ANSWER_MAX);
    if (!read_words(args, words, count, data)) {
        json_decref(data);
        goto out;
    }
    decision = make(args, event, id, data);
    if (decision == NULL) {
        goto out;
    }
    code = PV_EXIT_FAILED;
    text = json_dumps(decision, JSON_COMPACT);
    if (text == NULL ||
        pv_registry_ask(args->socket, "/registry/v1/decisions",
                        pv_slice_from(text), &status, &answer, &why) != PV_OK) {
        pv_cli_error("%s", why.text);
        goto out;
    }
    code = tell(args, status, pv_buf_view(&answer));

out:
    free(text);
    json_decref(decision);
    pv_buf_clear(&answer);
    return code;
}
