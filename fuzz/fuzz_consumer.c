/*
 * Laws: a configuration of payvand-consumerd that is taken has an address, an
 * application's system among its own, a way to know each application, none of
 * which is known as two, and methods of which it may call each; one that is
 * refused holds nothing and is told why.
 */
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
application_law(const struct consumer_config *config, size_t at)
{
    const struct consumer_application *one = &config->application[at];

    if ((!one->has_uid && !one->has_token) || one->system < config->system ||
        one->system >= config->system + config->system_count) {
        abort();
    }
    for (size_t i = 0; i < json_array_size(one->methods); i++) {
        if (!consumer_may_call(one, pv_slice_from(json_string_value(
                                        json_array_get(one->methods, i))))) {
            abort();
        }
    }
    if (consumer_may_call(one, PV_LIT("")) ||
        consumer_may_for(one, PV_LIT(""))) {
        abort();
    }
    for (size_t i = 0; i < at; i++) {
        const struct consumer_application *two = &config->application[i];

        if ((one->has_uid && two->has_uid && one->uid == two->uid) ||
            (one->has_token && two->has_token &&
             pv_hash_eq(&one->token, &two->token))) {
            abort();
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct consumer_config config;
    struct pv_why          why = {""};

    if (consumer_config_take((struct pv_slice){(const char *)data, len},
                             &config, &why) != PV_OK) {
        if (config.root != NULL || why.text[0] == '\0') {
            abort();
        }
        return 0;
    }
    if ((config.socket == NULL && config.port == 0) || config.workers == 0 ||
        config.workers > CONSUMER_WORKERS_MAX) {
        abort();
    }
    for (size_t i = 0; i < config.application_count; i++) {
        application_law(&config, i);
    }
    consumer_config_clear(&config);
    return 0;
}
