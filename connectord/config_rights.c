/* config_rights.c - the configuration's member "rights". */
#include <string.h>

#include "connectord/config.h"
#include "daemon/file.h"

#define STALE_HOURS 72 /* unless it is said: a weekend and a day */

static enum pv_err
refuse(struct pv_why *why, const char *what)
{
    pv_why_set(why, "\"rights\": %s", what);
    return PV_EINVAL;
}

/* Absent: "". */
static bool
take(const json_t *object, const char *name, char *room, size_t size)
{
    const json_t *value = json_object_get(object, name);

    room[0] = '\0';
    return value == NULL ||
           (json_is_string(value) && json_string_length(value) > 0 &&
            pv_slice_to_cstr(pv_slice_from(json_string_value(value)), room,
                             size) == PV_OK);
}

static bool
is_named(const struct pv_rights_config *rights)
{
    bool tls = rights->url[0] != '\0' && rights->ca[0] != '\0' &&
               rights->cert[0] != '\0' && rights->key[0] != '\0';
    bool any = rights->url[0] != '\0' || rights->ca[0] != '\0' ||
               rights->cert[0] != '\0' || rights->key[0] != '\0';

    return rights->socket[0] != '\0'
               ? !any
               : tls && strncmp(rights->url, "https://", 8) == 0;
}

static bool
take_hours(const json_t *value, uint32_t *ret)
{
    if (value == NULL) {
        *ret = STALE_HOURS;
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > PV_RIGHTS_HOURS_MAX) {
        return false;
    }
    *ret = (uint32_t)json_integer_value(value);
    return true;
}

enum pv_err
pv_rights_config_take(struct pv_rights_config *rights, const json_t *root,
                      struct pv_why *why)
{
    static const char *const keywords[] = {
        "log_key", "file", "socket",      "url",       "ca",
        "cert",    "key",  "stale_hours", "contracts", NULL};
    const json_t *object = json_object_get(root, "rights");
    enum pv_err   err;

    if (object == NULL) {
        return PV_OK;
    }
    err = pv_json_only(object, keywords, "\"rights\"", why);
    if (err != PV_OK) {
        return err;
    }
    if (!take(object, "log_key", rights->vkey, sizeof(rights->vkey)) ||
        pv_note_key_parse(pv_slice_from(rights->vkey), &rights->log) != PV_OK) {
        return refuse(why, "\"log_key\" must be the public key of the "
                           "registry's log, as its vkey says");
    }
    if (!take(object, "file", rights->file, sizeof(rights->file)) ||
        rights->file[0] != '/' || strrchr(rights->file, '/')[1] == '\0') {
        return refuse(why, "\"file\" must be an absolute path");
    }
    if (strlen(strrchr(rights->file, '/') + 1) > PV_FILE_NAME_MAX) {
        return refuse(why, "the name of \"file\" is longer than 123 bytes");
    }
    if (!take(object, "socket", rights->socket, sizeof(rights->socket)) ||
        !take(object, "url", rights->url, sizeof(rights->url)) ||
        !take(object, "ca", rights->ca, sizeof(rights->ca)) ||
        !take(object, "cert", rights->cert, sizeof(rights->cert)) ||
        !take(object, "key", rights->key, sizeof(rights->key)) ||
        !is_named(rights)) {
        return refuse(why, "it has either \"socket\", or \"url\" (https://), "
                           "\"ca\", \"cert\" and \"key\"");
    }
    if (!take(object, "contracts", rights->contracts,
              sizeof(rights->contracts)) ||
        (rights->contracts[0] != '\0' && rights->contracts[0] != '/')) {
        return refuse(why, "\"contracts\" must be an absolute path");
    }
    return take_hours(json_object_get(object, "stale_hours"),
                      &rights->stale_hours)
               ? PV_OK
               : refuse(why, "\"stale_hours\" must be 1 to 744");
}
