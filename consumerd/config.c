/* config.c - the configuration, taken whole or refused with a reason. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "daemon/user.h"

#define KEEP_DAYS 1827
#define KEEP_DAYS_MAX 36525
#define WORKERS 8
#define PORT_MAX 65535
#define METHOD_SLASHES 3

/* A word of the log and of metrics: visible, and without quotes. */
static bool
is_word(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("\"\\", text[i])) {
            return false;
        }
    }
    return len > 0 && len <= CONSUMER_WORD_MAX;
}

static bool
is_method(const char *text)
{
    size_t slashes = 0;
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        slashes += text[i] == '/';
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return len > 1 && text[0] != '/' &&
           (text[len - 1] == '/' ? slashes <= METHOD_SLASHES
                                 : slashes == METHOD_SLASHES);
}

static bool
is_list(const json_t *list, bool (*fits)(const char *text))
{
    size_t count = json_array_size(list);

    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));

        if (text == NULL || !fits(text)) {
            return false;
        }
    }
    return json_is_array(list) && count > 0 && count <= CONSUMER_LIST_MAX;
}

/* ---- systems and applications ---- */

static enum pv_err
take_systems(struct consumer_config *config, json_t *list, struct pv_why *why)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct consumer_system *system = &config->system[i];

        if (i == CONSUMER_SYSTEMS_MAX ||
            json_unpack(json_array_get(list, i), "{s:s,s:s,s:s!}", "id",
                        &system->id, "cert", &system->cert, "key",
                        &system->key) == -1 ||
            !is_word(system->id)) {
            pv_why_set(why,
                       "\"systems\": %zu is not {\"id\", \"cert\", \"key\"}, "
                       "or there are more than %d",
                       i, CONSUMER_SYSTEMS_MAX);
            return PV_EINVAL;
        }
        config->system_count++;
    }
    return PV_OK;
}

static const struct consumer_system *
find_system(const struct consumer_config *config, const char *id)
{
    for (size_t i = 0; i < config->system_count; i++) {
        if (strcmp(config->system[i].id, id) == 0) {
            return &config->system[i];
        }
    }
    return NULL;
}

static bool
take_uid(struct consumer_application *application, const json_t *value)
{
    if (value == NULL) {
        return true;
    }
    application->has_uid = true;
    if (json_is_integer(value)) {
        json_int_t number = json_integer_value(value);

        application->uid = (uid_t)number;
        return number >= 0 && number < (json_int_t)UINT32_MAX;
    }
    return json_is_string(value) &&
           pv_user_id(json_string_value(value), &application->uid);
}

static bool
take_token(struct consumer_application *application, const char *hex)
{
    application->has_token = hex != NULL;
    return hex == NULL ||
           pv_hex_bytes(pv_slice_from(hex), application->token.bytes,
                        PV_HASH_LEN) == PV_OK;
}

/* Nobody else has its uid, its token or its name. */
static bool
is_alone(const struct consumer_config      *config,
         const struct consumer_application *application)
{
    for (size_t i = 0; i < config->application_count; i++) {
        const struct consumer_application *other = &config->application[i];

        if ((other->has_uid && application->has_uid &&
             other->uid == application->uid) ||
            (other->has_token && application->has_token &&
             pv_hash_eq(&other->token, &application->token)) ||
            strcmp(other->id, application->id) == 0) {
            return false;
        }
    }
    return true;
}

static const char *
take_application(struct consumer_config *config, json_t *row)
{
    struct consumer_application *application =
        &config->application[config->application_count];
    json_t     *uid = NULL;
    json_t     *purposes = NULL;
    json_t     *methods = NULL;
    const char *token = NULL;
    const char *system = NULL;

    if (json_unpack(row, "{s:s,s?o,s?s,s:s,s?o,s:o!}", "id", &application->id,
                    "uid", &uid, "token_sha256", &token, "system", &system,
                    "purposes", &purposes, "methods", &methods) == -1 ||
        !is_word(application->id)) {
        return "is not {\"id\", \"uid\", \"token_sha256\", \"system\", "
               "\"purposes\", \"methods\"}";
    }
    application->system = find_system(config, system);
    if (application->system == NULL) {
        return "has a system that is not among \"systems\"";
    }
    if (!take_uid(application, uid) || !take_token(application, token) ||
        (uid == NULL && token == NULL)) {
        return "needs a \"uid\" or a \"token_sha256\" of 64 hex digits";
    }
    if (!is_list(methods, is_method) ||
        (purposes != NULL && !is_list(purposes, is_word))) {
        return "has \"methods\" or \"purposes\" that are no list of such";
    }
    application->purposes = purposes;
    application->methods = methods;
    return is_alone(config, application)
               ? NULL
               : "has the id, uid or token of another one";
}

static enum pv_err
take_applications(struct consumer_config *config, json_t *list,
                  struct pv_why *why)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *wrong =
            i == CONSUMER_APPLICATIONS_MAX
                ? "is one too many"
                : take_application(config, json_array_get(list, i));

        if (wrong != NULL) {
            pv_why_set(why, "\"applications\": %zu %s", i, wrong);
            return PV_EINVAL;
        }
        config->application_count++;
    }
    return PV_OK;
}

/* ---- the registry ---- */

/* An absolute path with a name at its end. */
static bool
is_file(const char *path)
{
    return path[0] == '/' && strrchr(path, '/')[1] != '\0';
}

static enum pv_err
take_registry(struct consumer_config *config, json_t *row, struct pv_why *why)
{
    struct consumer_registry *own = &config->registry;
    bool                      has_url;

    own->socket = own->url = own->ca = own->cert = own->key = "";
    if (json_unpack(row, "{s:s,s:s,s:s,s:s,s?s,s?s,s?s,s?s,s?s!}", "agency",
                    &own->agency, "log_key", &own->log_key, "file", &own->file,
                    "contracts", &own->contracts, "socket", &own->socket, "url",
                    &own->url, "ca", &own->ca, "cert", &own->cert, "key",
                    &own->key) == -1 ||
        pv_note_key_parse(pv_slice_from(own->log_key), &own->log) != PV_OK) {
        pv_why_set(why,
                   "\"registry\" is not {\"agency\", \"log_key\", \"file\", "
                   "\"contracts\", and \"socket\" or \"url\", \"ca\", "
                   "\"cert\", \"key\"}");
        return PV_EINVAL;
    }
    has_url = strncmp(own->url, "https://", 8) == 0 && own->ca[0] != '\0' &&
              own->cert[0] != '\0' && own->key[0] != '\0';
    if (!is_word(own->agency) || !is_file(own->file) ||
        own->contracts[0] != '/' ||
        (own->socket[0] == '\0' ? !has_url : own->url[0] != '\0')) {
        pv_why_set(why,
                   "\"registry\": \"file\" and \"contracts\" are absolute, "
                   "and it has either \"socket\", or \"url\" (https://), "
                   "\"ca\", \"cert\" and \"key\"");
        return PV_EINVAL;
    }
    own->is_set = true;
    return PV_OK;
}

/* ---- the whole ---- */

static bool
is_in(json_int_t number, json_int_t min, json_int_t max)
{
    return number >= min && number <= max;
}

static enum pv_err
take(struct consumer_config *config, struct pv_why *why)
{
    json_int_t   keep_days = KEEP_DAYS;
    json_int_t   port = 0;
    json_int_t   workers = WORKERS;
    int          keep_content = 0;
    json_t      *systems = NULL;
    json_t      *applications = NULL;
    json_t      *registry = NULL;
    json_error_t wrong;

    if (json_unpack_ex(config->root, &wrong, 0,
                       "{s:s,s:s,s?s,s:s,s:s,s?I,s?b,s?s,s?I,s?I,s:o,s:o,s?o!}",
                       "url", &config->url, "ca", &config->ca, "contracts",
                       &config->contracts, "provider_keys",
                       &config->provider_keys, "store", &config->store,
                       "keep_days", &keep_days, "keep_content", &keep_content,
                       "socket", &config->socket, "port", &port, "workers",
                       &workers, "systems", &systems, "applications",
                       &applications, "registry", &registry) == -1) {
        pv_why_set(why, "%s", wrong.text);
        return PV_EINVAL;
    }
    if (!is_in(keep_days, 1, KEEP_DAYS_MAX) || !is_in(port, 0, PORT_MAX) ||
        !is_in(workers, 1, CONSUMER_WORKERS_MAX)) {
        pv_why_set(
            why, "\"keep_days\", \"port\" or \"workers\" is out of its range");
        return PV_EINVAL;
    }
    if (!json_is_array(systems) || !json_is_array(applications) ||
        (config->socket == NULL && port == 0)) {
        pv_why_set(why, "\"systems\" and \"applications\" are lists, and "
                        "there is a \"socket\" or a \"port\"");
        return PV_EINVAL;
    }
    if ((config->contracts == NULL) == (registry == NULL)) {
        pv_why_set(why, "there is either \"contracts\" or \"registry\"");
        return PV_EINVAL;
    }
    if (registry != NULL && take_registry(config, registry, why) != PV_OK) {
        return PV_EINVAL;
    }
    config->keep_days = (unsigned)keep_days;
    config->keep_content = keep_content != 0;
    config->port = (unsigned)port;
    config->workers = (unsigned)workers;
    return take_systems(config, systems, why) == PV_OK
               ? take_applications(config, applications, why)
               : PV_EINVAL;
}

enum pv_err
consumer_config_take(struct pv_slice text, struct consumer_config *ret,
                     struct pv_why *why)
{
    json_error_t wrong;
    enum pv_err  err;

    memset(ret, 0, sizeof(*ret));
    ret->root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &wrong);
    if (ret->root == NULL) {
        pv_why_set(why, "line %d: %s", wrong.line, wrong.text);
        return PV_EINVAL;
    }
    err = take(ret, why);
    if (err != PV_OK) {
        consumer_config_clear(ret);
    }
    return err;
}

enum pv_err
consumer_config_read(const char *path, struct consumer_config *ret,
                     struct pv_why *why)
{
    char         *text = malloc(CONSUMER_CONFIG_MAX);
    FILE         *file = fopen(path, "re");
    enum pv_err   err = PV_ESYS;
    size_t        len;
    struct pv_why reason = {""};

    if (file == NULL || text == NULL) {
        pv_why_set(why, "%s: %s", path, strerror(errno));
        goto out;
    }
    len = fread(text, 1, CONSUMER_CONFIG_MAX, file);
    if (ferror(file) || len == CONSUMER_CONFIG_MAX) {
        pv_why_set(why, "%s cannot be read, or is too long", path);
        goto out;
    }
    err = consumer_config_take((struct pv_slice){text, len}, ret, &reason);
    if (err != PV_OK) {
        pv_why_set(why, "%s: %s", path, reason.text);
    }

out:
    free(text);
    if (file != NULL) {
        (void)fclose(file); /* read-only: nothing to lose */
    }
    return err;
}

void
consumer_config_clear(struct consumer_config *config)
{
    json_decref(config->root);
    memset(config, 0, sizeof(*config));
}

/* ---- what an application may ---- */

bool
consumer_may_call(const struct consumer_application *application,
                  struct pv_slice                    method)
{
    for (size_t i = 0; i < json_array_size(application->methods); i++) {
        struct pv_slice own = pv_slice_from(
            json_string_value(json_array_get(application->methods, i)));

        if (own.ptr[own.len - 1] == '/' ? pv_slice_starts(method, own)
                                        : pv_slice_eq(method, own)) {
            return true;
        }
    }
    return false;
}

bool
consumer_may_for(const struct consumer_application *application,
                 struct pv_slice                    purpose)
{
    for (size_t i = 0; i < json_array_size(application->purposes); i++) {
        if (pv_slice_eq(purpose, pv_slice_from(json_string_value(json_array_get(
                                     application->purposes, i))))) {
            return true;
        }
    }
    return false;
}
