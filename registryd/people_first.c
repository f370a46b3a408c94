/*
 * people_first.c - the first administrator: whoever reads what the server
 * printed, never whoever comes first.
 */
#include <string.h>

#include "kind_tables.h"
#include "people_inside.h"

#define PLACE "administration" /* the body whose administrators they are */
#define BY "first-code"

static enum pv_err
take_count(void *context, const struct pv_value *column)
{
    *(int64_t *)context = column[0].number;
    return PV_OK;
}

static enum pv_err
nobody_is_there(struct pv_people *people)
{
    int64_t     count = 0;
    enum pv_err err =
        pv_store_run(people->registry->store, PV_STMT_CREDENTIAL_COUNT, NULL, 0,
                     take_count, &count);

    return err == PV_OK && count > 0 ? PV_ENOTFOUND : err;
}

enum pv_err
pv_people_first_code(struct pv_people *people, char ret[PV_CODE_LEN + 1])
{
    enum pv_err err = nobody_is_there(people);

    if (err == PV_OK) {
        err = pv_people_random(people->first, PV_CODE_LEN);
    }
    if (err == PV_OK) {
        people->first_until_ms = pv_people_now_ms(people) + PV_FIRST_MS;
        people->first_tries = 0;
        memcpy(ret, people->first, PV_CODE_LEN + 1);
    }
    return err;
}

/* Each attempt counts, and the last one ends the code. */
static enum pv_err
check_code(struct pv_people *people, struct pv_slice code)
{
    bool right = people->first[0] != '\0' &&
                 pv_people_now_ms(people) < people->first_until_ms &&
                 pv_secret_eq(code, pv_slice_from(people->first));

    if (!right && ++people->first_tries >= PV_FIRST_TRIES_MAX) {
        people->first[0] = '\0';
    }
    if (!right) {
        return PV_EVERIFY;
    }
    return nobody_is_there(people) == PV_OK ? PV_OK : PV_EVERIFY;
}

/* ---- the decisions ---- */

static enum pv_err
add_decision(json_t *list, const char *person, const char *day,
             const char *kind, const char *id, const char *event, json_t *data)
{
    json_t *decision =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "actor", person,
                  "role", "console", "of", "console", "date", day, "kind", kind,
                  "id", id, "event", event, "data", data);

    return json_array_append_new(list, decision) == 0 ? PV_OK : PV_ENOMEM;
}

/* Only what is missing: an attempt that was cut off may be made again. */
static enum pv_err
is_missing(struct pv_people *people, enum pv_kind kind, const char *id,
           bool *ret)
{
    struct pv_record record = {.body = NULL};
    enum pv_err      err = pv_record_get(people->registry, kind, id, &record);

    pv_record_clear(&record);
    *ret = err == PV_ENOTFOUND;
    return *ret ? PV_OK : err;
}

static enum pv_err
add_decisions(struct pv_people *people, json_t *list, const char *person,
              const char *name_fa)
{
    char        id[PV_PERSON_MAX + sizeof("administrator-")];
    char        day[PV_JALALI_ROOM];
    int64_t     today = pv_time_tehran_day(pv_people_now_ms(people));
    bool        missing = false;
    bool        held = false;
    enum pv_err err = is_missing(people, PV_KIND_BODY, PLACE, &missing);

    pv_day_text(today, day);
    if (err == PV_OK && missing) {
        err = add_decision(list, person, day, "body", PLACE, "register",
                           json_pack("{s:s, s:s}", "name_fa", "مدیریت سامانه",
                                     "name_en", "Administration"));
    }
    if (err == PV_OK) {
        err = is_missing(people, PV_KIND_PERSON, person, &missing);
    }
    if (err == PV_OK && missing) {
        err = add_decision(list, person, day, "person", person, "register",
                           json_pack("{s:s}", "name_fa", name_fa));
    }
    if (err == PV_OK) {
        err = pv_role_is_held(people->registry, person, "administrator", PLACE,
                              today, &held);
    }
    if (err == PV_OK && !held) {
        (void)snprintf(id, sizeof(id), "administrator-%s", person); /* fits */
        err = add_decision(list, person, day, "appointment", id, "appoint",
                           json_pack("{s:s, s:s, s:s}", "person", person,
                                     "role", "administrator", "of", PLACE));
    }
    return err;
}

static enum pv_err
appoint(struct pv_people *people, const char *person, const char *name_fa,
        struct pv_refusal *refusal)
{
    struct pv_decided decided;
    json_t           *list = json_array();
    enum pv_err       err = list == NULL ? PV_ENOMEM : PV_OK;

    if (err == PV_OK) {
        err = add_decisions(people, list, person, name_fa);
    }
    if (err == PV_OK && json_array_size(list) > 0) {
        err = pv_registry_decide(people->registry, list, BY, &decided, refusal);
    }
    json_decref(list);
    return err;
}

enum pv_err
pv_people_first(struct pv_people *people, struct pv_slice code,
                const char *person, const char *name_fa,
                struct pv_slice password, char *ret_totp, size_t totp_room,
                struct pv_refusal *refusal)
{
    enum pv_err err = check_code(people, code);

    if (err == PV_OK && (strlen(person) > PV_PERSON_MAX ||
                         !pv_people_is_password(password, person))) {
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = appoint(people, person, name_fa, refusal);
    }
    if (err == PV_OK) {
        err = pv_people_set_password(people, person, password, ret_totp,
                                     totp_room);
    }
    if (err == PV_OK) {
        people->first[0] = '\0';
    }
    return err;
}
