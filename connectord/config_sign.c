/* config_sign.c - "signatures" of the configuration: keys and who signs. */
#include "connectord/config.h"

#include <string.h>

static enum pv_err
refuse(struct pv_why *why)
{
    pv_why_set(why,
               "\"signatures\" must be {\"key\": FILE, \"consumers\": "
               "[{\"system\": ID, \"key\": FILE, \"must_sign\": BOOLEAN}, "
               "...]}, at most %d",
               PV_CONNECTOR_CONSUMER_KEYS_MAX);
    return PV_EINVAL;
}

static enum pv_err
take_consumer(struct pv_connector_config *config, json_t *row,
              struct pv_why *why)
{
    struct pv_consumer_key *consumer =
        &config->consumer[config->consumer_count];
    const char *system = NULL;
    const char *key = NULL;
    int         must_sign = 0;
    enum pv_err err;

    if (config->consumer_count == PV_CONNECTOR_CONSUMER_KEYS_MAX ||
        json_unpack(row, "{s:s,s:s,s?b!}", "system", &system, "key", &key,
                    "must_sign", &must_sign) == -1 ||
        pv_slice_to_cstr(pv_slice_from(system), consumer->system,
                         sizeof(consumer->system)) != PV_OK) {
        return refuse(why);
    }
    consumer->must_sign = must_sign != 0;
    err = pv_httpsig_key_read_file(key, false, &consumer->key, why);
    config->consumer_count += err == PV_OK;
    return err;
}

enum pv_err
pv_connector_config_signatures(struct pv_connector_config *config,
                               const json_t *root, struct pv_why *why)
{
    json_t     *object = json_object_get(root, "signatures");
    json_t     *list = NULL;
    const char *key = NULL;
    enum pv_err err = PV_OK;

    if (object == NULL) {
        return PV_OK;
    }
    if (json_unpack(object, "{s?s,s?o!}", "key", &key, "consumers", &list) ==
            -1 ||
        (list != NULL && !json_is_array(list)) ||
        pv_slice_to_cstr(pv_slice_from(key), config->sign_key,
                         sizeof(config->sign_key)) != PV_OK) {
        return refuse(why);
    }
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        err = take_consumer(config, json_array_get(list, i), why);
    }
    return err;
}
