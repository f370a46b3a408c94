/*
 * service_test_pulled.c - contracts that the registry's feed brought, as the
 * files of a connector that has no registry: in memory, like its
 * configuration.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "service_test.h"

/* A file of ours for the connector, named in list. */
static enum pv_err
put_file(struct pv_test_connector *connector, const json_t *value, json_t *list)
{
    char name[64];
    int  fd = memfd_create("contract", MFD_CLOEXEC);

    if (fd == -1) {
        return PV_ESYS;
    }
    connector->file_fd[connector->file_count++] = fd;
    if (json_dumpfd(value, fd, JSON_ENCODE_ANY) != 0) {
        return PV_ESYS;
    }
    (void)snprintf(name, sizeof(name), "/proc/%ld/fd/%d", (long)getpid(),
                   fd); /* it fits */
    return json_array_append_new(list, json_string(name)) == 0 ? PV_OK
                                                               : PV_ENOMEM;
}

static json_t *
named(const json_t *list, const char *id)
{
    json_t *item;
    size_t  at;

    json_array_foreach(list, at, item)
    {
        const char *other = json_string_value(json_object_get(item, "id"));

        if (other != NULL && strcmp(other, id) == 0) {
            return item;
        }
    }
    return NULL;
}

/* Items that list does not have; must_agree: one that it has must be the
 * same. */
static enum pv_err
add_items(json_t *list, const struct pv_data_items *items, bool must_agree,
          struct pv_why *why)
{
    for (size_t i = 0; i < pv_data_items_count(items); i++) {
        const struct pv_data_item *item = pv_data_items_at(items, i);
        const json_t              *has = named(list, item->id);

        if (has == NULL && json_array_append(list, item->source) != 0) {
            return PV_ENOMEM;
        }
        if (has != NULL && must_agree && json_equal(has, item->source) == 0) {
            pv_why_set(why,
                       "contracts differ in the data item %s: have one of "
                       "their services in the configuration",
                       item->id);
            return PV_EINVAL;
        }
    }
    return PV_OK;
}

/* The contracts' own items, and behind them those of the configuration. */
static enum pv_err
put_items(struct pv_test_connector         *connector,
          const struct pv_connector_config *config, json_t *root,
          struct pv_why *why)
{
    json_t     *items = json_array();
    json_t     *list = json_array();
    enum pv_err err = items == NULL || list == NULL ? PV_ENOMEM : PV_OK;

    for (size_t i = 0; err == PV_OK && i < config->service_count; i++) {
        err = add_items(items, config->service[i]->contract->own_items, true,
                        why);
    }
    if (err == PV_OK) {
        err = add_items(items, config->items, false, why);
    }
    if (err == PV_OK) {
        err = put_file(connector, items, list);
    }
    if (err == PV_OK && json_object_set(root, "data_items", list) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(items); /* accepts NULL */
    json_decref(list);  /* likewise */
    return err;
}

/* Of the service files those that do not wait for their contract. */
static enum pv_err
keep_services(const struct pv_connector_config *config, json_t *root)
{
    json_t       *kept = json_array();
    const json_t *list = json_object_get(root, "services");
    enum pv_err   err = kept == NULL ? PV_ENOMEM : PV_OK;

    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        json_t            *path = json_array_get(list, i);
        struct pv_service *service = NULL;
        struct pv_why      waits;

        if (pv_service_load_file(
                json_string_value(path),
                (const struct pv_contract *const *)config->contract,
                config->contract_count, &service, &waits) == PV_OK) {
            pv_service_free(service);
            err = json_array_append(kept, path) == 0 ? PV_OK : PV_ENOMEM;
        }
    }
    if (err == PV_OK && json_object_set(root, "services", kept) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(kept); /* accepts NULL */
    return err;
}

enum pv_err
pv_test_pulled_put(struct pv_test_connector         *connector,
                   const struct pv_connector_config *config, json_t *root,
                   struct pv_why *why)
{
    json_t     *list = json_array();
    enum pv_err err = list == NULL ? PV_ENOMEM : PV_OK;

    for (size_t i = 0; err == PV_OK && i < config->service_count; i++) {
        err = put_file(connector, config->service[i]->contract->root, list);
    }
    if (err == PV_OK) {
        err = put_items(connector, config, root, why);
    }
    if (err == PV_OK && json_object_set(root, "contracts", list) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(list); /* accepts NULL */
    return err == PV_OK ? keep_services(config, root) : err;
}
