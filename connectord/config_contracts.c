/* config_contracts.c - the contracts that the fetcher brought. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "connectord/config.h"
#include "contract/document.h"
#include "rights/fetch.h"

/* The last state that was kept; NULL: none that is good. */
static enum pv_err
read_state(const struct pv_connector_config *config, struct pv_buf *state,
           struct pv_rights **ret)
{
    struct pv_rights_head head;
    struct pv_slice       body = {"", 0};
    enum pv_err           err = pv_catalogue_read(config->rights.file, state);

    if (err == PV_OK) {
        err = pv_rights_open(pv_buf_view(state), &config->rights.log,
                             pv_slice_from(config->provider), &head, &body);
    }
    if (err == PV_OK && pv_rights_is_ahead(&head, pv_time_wall_ms())) {
        err = PV_EVERIFY;
    }
    return err == PV_OK ? pv_rights_read(body, ret) : err;
}

static enum pv_err
take_one(struct pv_connector_config *config, int dirfd,
         const struct pv_rights_contract *named)
{
    struct pv_buf text;
    enum pv_err   err;

    pv_buf_init(&text, PV_DOCUMENT_BYTES_MAX);
    err = pv_rights_contract_read(dirfd, &named->sha256, &text);
    if (err == PV_OK) {
        err = pv_config_take_contract(config, &named->sha256, named->path,
                                      pv_buf_view(&text));
    } else if (err != PV_ENOMEM) {
        pv_why_set(&config->waits, "the contract of %.*s: %s",
                   PV_FMT(named->path),
                   err == PV_EVERIFY     ? "its SHA-256 is not the signed one"
                   : err == PV_ENOTFOUND ? "it has not come yet"
                                         : pv_err_text(err));
        err = PV_OK; /* it waits */
    }
    pv_buf_clear(&text);
    return err;
}

enum pv_err
pv_config_pull_contracts(struct pv_connector_config *config, struct pv_why *why)
{
    struct pv_rights *rights = NULL;
    char              below[PV_NAME_MAX + 8];
    struct pv_buf     state;
    enum pv_err       err;
    int               dirfd =
        open(config->rights.contracts, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dirfd == -1) {
        pv_why_set(why, "\"rights\": %s: %s", config->rights.contracts,
                   strerror(errno));
        return PV_EINVAL;
    }
    pv_buf_init(&state, PV_RIGHTS_MAX);
    err = read_state(config, &state, &rights);
    (void)snprintf(below, sizeof(below), "/x/%s/", config->provider); /* fits */
    for (size_t i = 0; err == PV_OK && i < pv_rights_contract_count(rights);
         i++) {
        struct pv_rights_contract named = pv_rights_contract_at(rights, i);

        if (!pv_slice_starts(named.path, pv_slice_from(below))) {
            continue; /* what the agency asks others for */
        }
        if (config->seen_count == PV_CONNECTOR_SERVICES_MAX) {
            pv_why_set(&config->waits, "more than %d contracts",
                       PV_CONNECTOR_SERVICES_MAX);
            break;
        }
        err = take_one(config, dirfd, &named);
    }
    pv_rights_free(rights);
    pv_buf_clear(&state);
    (void)close(dirfd); /* a folder: nothing to lose */
    return err == PV_ENOMEM || err == PV_ERANGE ? err : PV_OK;
}

const struct pv_data_item *
pv_config_person(const struct pv_connector_config *config)
{
    const struct pv_slice      id = PV_LIT("person_unique_id");
    const struct pv_data_item *item = pv_data_items_find(config->items, id);

    for (size_t i = 0; item == NULL && i < config->contract_count; i++) {
        if (config->contract[i]->own_items != NULL) {
            item = pv_data_items_find(config->contract[i]->own_items, id);
        }
    }
    return item;
}
