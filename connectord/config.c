#include "connectord/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connectord/config_database.h"
#include "connectord/config_http.h"

static enum pv_err
take_text(const json_t *root, const char *name, char *room, size_t room_len,
          struct pv_why *why)
{
    const char *text = json_string_value(json_object_get(root, name));

    if (text == NULL || text[0] == '\0' ||
        pv_slice_to_cstr(pv_slice_from(text), room, room_len) != PV_OK) {
        pv_why_set(why, "\"%s\" is missing, is no text or is too long", name);
        return PV_EINVAL;
    }
    return PV_OK;
}

static enum pv_err
take_number(const json_t *root, const char *name, uint32_t max, uint32_t *ret,
            struct pv_why *why)
{
    const json_t *value = json_object_get(root, name);

    if (value == NULL) {
        return PV_OK; /* the default stays */
    }
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > max) {
        pv_why_set(why, "\"%s\" must be a number from 1 to %u", name, max);
        return PV_EINVAL;
    }
    *ret = (uint32_t)json_integer_value(value);
    return PV_OK;
}

static enum pv_err
take_plain(struct pv_connector_config *config, const json_t *root,
           struct pv_why *why)
{
    const json_t *peer = json_object_get(root, "peer_uid");
    const json_t *may_write = json_object_get(root, "may_write");
    enum pv_err   err;

    err = take_text(root, "provider", config->provider,
                    sizeof(config->provider), why);
    if (err == PV_OK) {
        err = take_text(root, "socket", config->socket, sizeof(config->socket),
                        why);
    }
    config->workers = 2;
    config->queue_max = 256;
    if (err == PV_OK) {
        err = take_number(root, "workers", PV_CONNECTOR_WORKERS_MAX,
                          &config->workers, why);
    }
    if (err == PV_OK) {
        err = take_number(root, "queue_max", PV_CONNECTOR_QUEUE_MAX,
                          &config->queue_max, why);
    }
    if (err != PV_OK) {
        return err;
    }
    config->peer_uid = geteuid();
    if (json_is_integer(peer) && json_integer_value(peer) >= 0 &&
        json_integer_value(peer) < UINT32_MAX) {
        config->peer_uid = (uid_t)json_integer_value(peer);
    } else if (peer != NULL && !json_is_null(peer)) {
        pv_why_set(why, "\"peer_uid\" must be a user number or null");
        return PV_EINVAL;
    }
    if (may_write != NULL && !json_is_boolean(may_write)) {
        pv_why_set(why, "\"may_write\" must be true or false");
        return PV_EINVAL;
    }
    config->may_write = json_is_true(may_write);
    config->http = json_object_get(root, "http") != NULL;
    config->acts = config->may_write || !pv_config_is_sqlite(root);
    return PV_OK;
}

static enum pv_err
take_items(struct pv_connector_config *config, const json_t *root,
           struct pv_why *why)
{
    const json_t *list = json_object_get(root, "data_items");
    enum pv_err   err = pv_data_items_new(&config->items);

    if (err == PV_OK && list == NULL && pv_config_is_pulled(config)) {
        return pv_data_items_finish(config->items, why); /* contracts' own */
    }

    if (err != PV_OK) {
        return err;
    }
    if (!json_is_array(list) || json_array_size(list) == 0) {
        pv_why_set(why, "\"data_items\" must be a list of files");
        return PV_EINVAL;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *path = json_string_value(json_array_get(list, i));

        if (path == NULL) {
            pv_why_set(why, "\"data_items\" must be a list of files");
            return PV_EINVAL;
        }
        err = pv_data_items_add_file(config->items, path, why);
        if (err != PV_OK) {
            return err;
        }
    }
    return pv_data_items_finish(config->items, why);
}

/* What is done with each file of a list. */
typedef enum pv_err file_fn(struct pv_connector_config *config,
                            const char *path, struct pv_why *why);

static enum pv_err
take_files(struct pv_connector_config *config, const json_t *root,
           const char *name, file_fn *take, struct pv_why *why)
{
    const json_t *list = json_object_get(root, name);
    enum pv_err   err = PV_OK;

    if (!json_is_array(list) || json_array_size(list) == 0 ||
        json_array_size(list) > PV_CONNECTOR_SERVICES_MAX) {
        pv_why_set(why, "\"%s\" must be a list of 1 to %d files", name,
                   PV_CONNECTOR_SERVICES_MAX);
        return PV_EINVAL;
    }
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        const char *path = json_string_value(json_array_get(list, i));

        if (path == NULL) {
            pv_why_set(why, "\"%s\" must be a list of files", name);
            return PV_EINVAL;
        }
        err = take(config, path, why);
    }
    return err;
}

static enum pv_err
take_contract(struct pv_connector_config *config, const char *path,
              struct pv_why *why)
{
    enum pv_err err = pv_contract_load_file(
        path, config->items, &config->contract[config->contract_count], why);

    config->contract_count += err == PV_OK;
    return err;
}

static enum pv_err
take_contracts(struct pv_connector_config *config, const json_t *root,
               struct pv_why *why)
{
    if (!pv_config_is_pulled(config)) {
        return take_files(config, root, "contracts", take_contract, why);
    }
    if (json_object_get(root, "contracts") != NULL) {
        pv_why_set(why, "contracts are brought by \"contracts\", or by that of "
                        "\"rights\"");
        return PV_EINVAL;
    }
    return pv_config_pull_contracts(config, why);
}

static enum pv_err
put_query(struct pv_buf *buf, uint32_t flags,
          const struct pv_statement *statement)
{
    enum pv_err err = pv_put_u32(buf, flags);

    if (err == PV_OK) {
        err = pv_put_text(buf, pv_slice_from(statement->sql));
    }
    return err == PV_OK ? pv_put_u32(buf, (uint32_t)statement->bind_count)
                        : err;
}

static enum pv_err
put_queries(struct pv_buf *buf, const struct pv_method *method)
{
    bool        scalar = method->scalar.sql != NULL;
    bool        member = method->member.sql != NULL;
    enum pv_err err;

    if (method->step_count > 0) {
        err = pv_put_u32(buf, (uint32_t)method->step_count);
        for (size_t i = 0; err == PV_OK && i < method->step_count; i++) {
            err = put_query(buf, method->step[i].needed ? PV_QUERY_NEEDED : 0,
                            &method->step[i].statement);
        }
        return err;
    }
    err = pv_put_u32(buf, 1u + scalar + member);
    if (err == PV_OK && member) {
        err = put_query(buf, PV_QUERY_NEEDED, &method->member);
    }
    if (err == PV_OK) {
        err = put_query(buf, 0, &method->statement);
    }
    return err == PV_OK && scalar ? put_query(buf, 0, &method->scalar) : err;
}

static enum pv_err
put_method(struct pv_buf *buf, const struct pv_method *method)
{
    uint32_t    flags = 0;
    enum pv_err err;

    if (method->answer == PV_ANSWER_YES_IF_ROW ||
        method->answer == PV_ANSWER_YES_IF_DONE) {
        flags |= PV_METHOD_EXISTS;
    }
    if (method->step_count > 0) {
        flags |= PV_METHOD_COMMAND;
    }
    err = pv_put_u32(buf, flags);
    if (err == PV_OK) {
        err = pv_put_u32(buf, method->answer == PV_ANSWER_ROWS
                                  ? method->contract->max_rows
                                  : 1);
    }
    if (err == PV_OK) {
        err = pv_put_u32(buf, method->contract->deadline_ms);
    }
    return err == PV_OK ? put_queries(buf, method) : err;
}

static bool
has_commands(const struct pv_connector_config *config)
{
    for (size_t i = 0; i < config->method_count; i++) {
        if (config->method[i]->step_count > 0) {
            return true;
        }
    }
    return false;
}

static enum pv_err
make_setup(struct pv_connector_config *config, uint32_t flags,
           struct pv_slice connection)
{
    struct pv_buf *buf = &config->setup;
    enum pv_err    err;

    flags |= config->may_write ? PV_SETUP_MAY_WRITE : 0;
    flags |= has_commands(config) ? PV_SETUP_COMMANDS : 0;
    pv_buf_init(buf, PV_SETUP_MAX + PV_FRAME_HEAD);
    err = pv_frame_begin(buf, PV_MESSAGE_SETUP, 0);
    if (err == PV_OK) {
        err = pv_put_u32(buf, flags);
    }
    if (err == PV_OK) {
        err = pv_put_text(buf, connection);
    }
    if (err == PV_OK) {
        err = pv_put_u32(buf, (uint32_t)config->method_count);
    }
    for (size_t i = 0; err == PV_OK && i < config->method_count; i++) {
        err = put_method(buf, config->method[i]);
    }
    if (err == PV_OK) {
        pv_frame_end(buf);
    }
    return err;
}

static enum pv_err
take_backend(struct pv_connector_config *config, const json_t *root,
             struct pv_why *why)
{
    const json_t *http = json_object_get(root, "http");
    struct pv_buf connection;
    enum pv_err   err = PV_OK;

    pv_buf_init(&connection, 2 * PV_DSN_MAX);
    if (err == PV_OK && http != NULL &&
        (json_object_get(root, "dsn") != NULL ||
         json_object_get(root, "driver") != NULL)) {
        pv_why_set(why, "\"http\" and \"dsn\" exclude each other");
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = http != NULL ? pv_config_http(http, &connection, why)
                           : pv_config_database(root, &connection, why);
    }
    if (err == PV_OK) {
        err = make_setup(config, http != NULL ? PV_SETUP_HTTP : 0,
                         pv_buf_view(&connection));
        if (err == PV_ERANGE) {
            pv_why_set(why,
                       "the statements of all services are longer than "
                       "%d bytes together",
                       PV_SETUP_MAX);
        }
    }
    pv_buf_wipe(&connection);
    return err;
}

static enum pv_err
fill(struct pv_connector_config *config, const char *path, const json_t *root,
     struct pv_why *why)
{
    static const char *const keywords[] = {
        "provider",  "socket",   "peer_uid",   "driver",     "dsn",
        "contracts", "services", "data_items", "workers",    "queue_max",
        "may_write", "secret",   "keeper",     "signatures", "http",
        "rights",    NULL};
    enum pv_err err = PV_EINVAL;

    if (!json_is_object(root)) {
        pv_why_set(why, "%s: must be a JSON object", path);
        return err;
    }
    err = pv_json_only(root, keywords, path, why);
    if (err == PV_OK) {
        err = take_plain(config, root, why);
    }
    if (err == PV_OK) {
        err = pv_rights_config_take(&config->rights, root, why);
    }
    if (err == PV_OK) {
        err = take_items(config, root, why);
    }
    if (err == PV_OK) {
        err = take_contracts(config, root, why);
    }
    if (err == PV_OK) {
        err = pv_config_take_secret(config, root, why);
    }
    if (err == PV_OK) {
        err = pv_keeper_config_take(&config->keeper, root, why);
    }
    if (err == PV_OK && config->keeper.file[0] != '\0' &&
        config->secrets.count == 0) {
        pv_why_set(why, "\"keeper\" needs \"secret\"");
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = take_files(config, root, "services", pv_config_take_service, why);
    }
    if (err == PV_OK) {
        err = pv_connector_config_signatures(config, root, why);
    }
    if (err == PV_OK) {
        err = take_backend(config, root, why);
    }
    return err;
}

enum pv_err
pv_connector_config_load(const char *path, struct pv_connector_config **ret,
                         struct pv_why *why)
{
    struct pv_connector_config *config = NULL;
    json_t                     *root = NULL;
    enum pv_err                 err = pv_json_load_file(path, &root, why);

    if (err != PV_OK) {
        return err;
    }
    config = calloc(1, sizeof(*config));
    if (config == NULL) {
        err = PV_ENOMEM;
        goto out;
    }
    err = fill(config, path, root, why);
    if (err != PV_OK) {
        goto out;
    }
    *ret = config;
    config = NULL;

out:
    pv_connector_config_free(config);
    json_decref(root);
    return err;
}

void
pv_connector_config_free(struct pv_connector_config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->service_count; i++) {
        pv_service_free(config->service[i]);
    }
    for (size_t i = 0; i < config->contract_count; i++) {
        pv_contract_free(config->contract[i]);
    }
    for (size_t i = 0; i < config->consumer_count; i++) {
        pv_httpsig_key_free(config->consumer[i].key);
    }
    pv_data_items_free(config->items);
    pv_keeper_config_clear(&config->keeper);
    pv_buf_wipe(&config->setup);
    pv_buf_clear(&config->texts);
    explicit_bzero(&config->secrets, sizeof(config->secrets));
    free(config);
}
