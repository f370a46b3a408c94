#include "desk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectord/desk_client.h"

#define PERSON_MAX 64
#define NAME_ROOM 64

static const struct {
    const char *word;
    const char *en;
    const char *fa;
} refusal[] = {
    {"person", "this is no national id, legal person's id or foreigner's code",
     "این کد ملی، شناسه ملی یا کد اتباع نیست"},
    {"agency", "the connector's configuration has no such agency",
     "پیکربندی اتصال‌دهنده چنین دستگاهی ندارد"},
    {"service", "no such service here needs a consent number",
     "چنین سرویسی که شماره رضایت بخواهد در اینجا نیست"},
    {"purpose", "the purpose is too long", "شرح هدف بیش از اندازه بلند است"},
    {"not-found", "this person has no such number, or it is withdrawn already",
     "این شخص چنین شماره‌ای ندارد یا پیش‌تر پس گرفته شده است"},
    {"not-kept", "the keeper could not write it down; nothing was done",
     "نگه‌دارنده نتوانست آن را بنویسد؛ کاری انجام نشد"},
};

const char *
pv_cli_desk(const char *option)
{
    const char *path = option != NULL ? option : getenv("PAYVAND_DESK");

    if (path == NULL) {
        pv_cli_error("say where the connector's desk is: --desk SOCKET or "
                     "PAYVAND_DESK");
    }
    return path;
}

static bool
is_refused(const json_t *answer, enum pv_lang lang)
{
    const char *word = json_string_value(json_object_get(answer, "error"));

    if (word == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(refusal) / sizeof(refusal[0]); i++) {
        if (strcmp(refusal[i].word, word) == 0) {
            pv_cli_error("%s", pv_cli_text(lang, refusal[i].en, refusal[i].fa));
            return true;
        }
    }
    pv_cli_error("the desk refuses: %s", word);
    return true;
}

json_t *
pv_cli_desk_ask(const char *socket_path, json_t *request, enum pv_lang lang)
{
    json_t     *answer = NULL;
    enum pv_err err = pv_desk_ask(socket_path, request, &answer);

    json_decref(request);
    if (err == PV_ESYS) {
        pv_cli_error("%s: %s", socket_path, strerror(errno));
    } else if (err == PV_EINVAL) {
        pv_cli_error("what is asked is no UTF-8");
    } else if (err != PV_OK) {
        pv_cli_error("%s: no answer that is understood: is it a desk, and this "
                     "its user?",
                     socket_path);
    } else if (is_refused(answer, lang)) {
        json_decref(answer);
        answer = NULL;
    }
    return answer;
}

const char *
pv_cli_person(const char *argument)
{
    static char room[PERSON_MAX];

    if (strcmp(argument, "-") != 0) {
        return argument;
    }
    if (fgets(room, sizeof(room), stdin) == NULL) {
        pv_cli_error("there is no person on standard input");
        return NULL;
    }
    room[strcspn(room, "\r\n")] = '\0';
    return room;
}

const char *
pv_cli_desk_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

const char *
pv_cli_desk_title(const json_t *object, const char *name, enum pv_lang lang)
{
    char        full[NAME_ROOM];
    const char *title;

    (void)snprintf(full, sizeof(full), "%s_%s", name, /* our own short names */
                   pv_cli_text(lang, "en", "fa"));
    title = pv_cli_desk_text(object, full);
    return title[0] != '\0' ? title : pv_cli_desk_text(object, name);
}
