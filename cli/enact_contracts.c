/*
 * enact_contracts.c - the contract of each service, with its data items, as a
 * version holds it. A catalogue may be without.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "contract/document.h"
#include "enact.h"

#define PATH_ROOM 4096

static bool
make_path(struct pv_enact *enact, const char *below, char room[PATH_ROOM])
{
    int len = snprintf(room, PATH_ROOM, "%s/%s", enact->dir, below);

    if (len < 0 || len >= PATH_ROOM) {
        pv_enact_fail(enact, "%s: its path is too long", below);
        return false;
    }
    return true;
}

static bool
load_items(struct pv_enact *enact)
{
    static const char *const file[] = {"data_items.json", "enactment.json",
                                       "data_items_proposed.json"};
    struct pv_why            why = {""};
    enum pv_err              err = PV_OK;

    if (enact->items != NULL) {
        return true;
    }
    err = pv_data_items_new(&enact->items);
    for (size_t i = 0; err == PV_OK && i < sizeof(file) / sizeof(file[0]);
         i++) {
        char path[PATH_ROOM];

        if (!make_path(enact, file[i], path)) {
            return false;
        }
        err = pv_data_items_add_file(enact->items, path, &why);
    }
    if (err == PV_OK) {
        err = pv_data_items_finish(enact->items, &why);
    }
    if (err != PV_OK) {
        pv_enact_fail(enact, "%s",
                      why.text[0] == '\0' ? pv_err_text(err) : why.text);
    }
    return err == PV_OK;
}

json_t *
pv_enact_contract(struct pv_enact *enact, const char *provider,
                  const char *service)
{
    struct pv_contract *contract = NULL;
    struct pv_why       why = {""};
    json_t             *document = NULL;
    char                below[PATH_ROOM];
    char                path[PATH_ROOM];
    enum pv_err         err;

    (void)snprintf(below, sizeof(below), "contracts/%.512s/%.512s.json",
                   provider, service); /* fits */
    if (enact->err != PV_OK || !make_path(enact, below, path) ||
        (access(path, R_OK) != 0 && errno == ENOENT) || !load_items(enact)) {
        return NULL;
    }
    err = pv_contract_load_file(path, enact->items, &contract, &why);
    if (err == PV_OK) {
        err = pv_document_make(contract, enact->items, &document);
    }
    if (err != PV_OK) {
        pv_enact_fail(enact, "%s",
                      why.text[0] == '\0' ? pv_err_text(err) : why.text);
    }
    pv_contract_free(contract);
    return document;
}
