/* config_keeper.c - the configuration's member "keeper". */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connectord/config.h"

#define LEDGER_DAYS 1827 /* five years, unless it is said */

static enum pv_err
refuse(struct pv_why *why, const char *what)
{
    pv_why_set(why, "\"keeper\": %s", what);
    return PV_EINVAL;
}

static bool
take_text(const json_t *object, const char *name, char *room, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL && text[0] != '\0' &&
           pv_slice_to_cstr(pv_slice_from(text), room, size) == PV_OK;
}

static bool
take_days(const json_t *object, const char *name, uint32_t *ret)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > PV_KEEPER_DAYS_MAX) {
        return false;
    }
    *ret = (uint32_t)json_integer_value(value);
    return true;
}

static enum pv_err
take_systems(const json_t *list, struct pv_agency *agency, struct pv_why *why)
{
    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > PV_KEEPER_SYSTEMS_MAX) {
        return refuse(why, "\"systems\" of an agency must be a list of ids");
    }
    agency->system = calloc(json_array_size(list), sizeof(agency->system[0]));
    if (agency->system == NULL) {
        return PV_ENOMEM;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));

        if (text == NULL ||
            pv_slice_to_cstr(pv_slice_from(text), agency->system[i],
                             sizeof(agency->system[i])) != PV_OK) {
            return refuse(why,
                          "\"systems\" of an agency must be a list of ids");
        }
        agency->system_count++;
    }
    return PV_OK;
}

static enum pv_err
take_agency(const json_t *object, struct pv_agency *agency, struct pv_why *why)
{
    static const char *const keywords[] = {"id", "title_fa", "title_en",
                                           "systems", NULL};
    const char *fa = json_string_value(json_object_get(object, "title_fa"));
    const char *en = json_string_value(json_object_get(object, "title_en"));
    enum pv_err err = pv_json_only(object, keywords, "\"agencies\"", why);

    if (err != PV_OK) {
        return err;
    }
    if (!take_text(object, "id", agency->id, sizeof(agency->id)) ||
        fa == NULL || en == NULL) {
        return refuse(why, "an agency has \"id\", \"title_fa\", \"title_en\" "
                           "and \"systems\"");
    }
    agency->title_fa = strdup(fa);
    agency->title_en = strdup(en);
    return agency->title_fa == NULL || agency->title_en == NULL
               ? PV_ENOMEM
               : take_systems(json_object_get(object, "systems"), agency, why);
}

static enum pv_err
take_agencies(struct pv_keeper_config *keeper, const json_t *list,
              struct pv_why *why)
{
    enum pv_err err = PV_OK;

    if (list == NULL) {
        return PV_OK;
    }
    if (!json_is_array(list) ||
        json_array_size(list) > PV_KEEPER_AGENCIES_MAX) {
        return refuse(why, "\"agencies\" must be a list");
    }
    keeper->agency =
        calloc(json_array_size(list) + 1, sizeof(struct pv_agency));
    if (keeper->agency == NULL) {
        return PV_ENOMEM;
    }
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        keeper->agency_count = i + 1; /* freed from here on */
        err = take_agency(json_array_get(list, i), &keeper->agency[i], why);
    }
    return err;
}

static enum pv_err
take_delays(struct pv_keeper_config *keeper, const json_t *list,
            struct pv_why *why)
{
    static const char *const keywords[] = {"grant", "consumer", "days", NULL};

    if (list == NULL) {
        return PV_OK;
    }
    if (!json_is_array(list) || json_array_size(list) > PV_KEEPER_DELAYS_MAX) {
        return refuse(why, "\"delays\" must be a list");
    }
    keeper->delay = calloc(json_array_size(list) + 1, sizeof(struct pv_delay));
    if (keeper->delay == NULL) {
        return PV_ENOMEM;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t    *one = json_array_get(list, i);
        struct pv_delay *delay = &keeper->delay[i];
        enum pv_err      err = pv_json_only(one, keywords, "\"delays\"", why);

        if (err != PV_OK) {
            return err;
        }
        if (take_text(one, "grant", delay->grant, sizeof(delay->grant)) ==
                take_text(one, "consumer", delay->consumer,
                          sizeof(delay->consumer)) ||
            !take_days(one, "days", &delay->days)) {
            return refuse(why, "one of \"delays\" has \"days\" and either "
                               "\"grant\" or \"consumer\"");
        }
        keeper->delay_count++;
    }
    return PV_OK;
}

enum pv_err
pv_keeper_config_take(struct pv_keeper_config *keeper, const json_t *root,
                      struct pv_why *why)
{
    static const char *const keywords[] = {
        "file", "desk", "desk_uid", "agencies", "ledger_days", "delays", NULL};
    const json_t *object = json_object_get(root, "keeper");
    const json_t *uid = json_object_get(object, "desk_uid");
    enum pv_err   err;

    if (object == NULL) {
        return PV_OK;
    }
    err = pv_json_only(object, keywords, "\"keeper\"", why);
    if (err != PV_OK) {
        return err;
    }
    keeper->ledger_days = LEDGER_DAYS;
    keeper->desk_uid = geteuid();
    if (json_is_integer(uid) && json_integer_value(uid) >= 0 &&
        json_integer_value(uid) < UINT32_MAX) {
        keeper->desk_uid = (uid_t)json_integer_value(uid);
    } else if (uid != NULL && !json_is_null(uid)) {
        return refuse(why, "\"desk_uid\" must be a user number or null");
    }
    if (!take_text(object, "file", keeper->file, sizeof(keeper->file)) ||
        !take_text(object, "desk", keeper->desk, sizeof(keeper->desk))) {
        return refuse(why, "\"file\" and \"desk\" must be paths");
    }
    if (json_object_get(object, "ledger_days") != NULL &&
        !take_days(object, "ledger_days", &keeper->ledger_days)) {
        return refuse(why, "\"ledger_days\" must be 1 to 36500");
    }
    err = take_agencies(keeper, json_object_get(object, "agencies"), why);
    return err == PV_OK
               ? take_delays(keeper, json_object_get(object, "delays"), why)
               : err;
}

void
pv_keeper_config_clear(struct pv_keeper_config *keeper)
{
    for (size_t i = 0; i < keeper->agency_count; i++) {
        free(keeper->agency[i].title_fa);
        free(keeper->agency[i].title_en);
        free(keeper->agency[i].system);
    }
    free(keeper->agency);
    free(keeper->delay);
    memset(keeper, 0, sizeof(*keeper));
}

const struct pv_agency *
pv_keeper_agency(const struct pv_keeper_config *keeper, const char *system)
{
    for (size_t i = 0; i < keeper->agency_count; i++) {
        const struct pv_agency *agency = &keeper->agency[i];

        for (size_t j = 0; j < agency->system_count; j++) {
            if (strcmp(agency->system[j], system) == 0) {
                return agency;
            }
        }
    }
    return NULL;
}
