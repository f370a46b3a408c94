/* contract_check.c - a version's contract, compiled by lib/contract. */
#include "contract_check.h"

#include <string.h>

#include "contract/document.h"

static enum pv_err
check_names(const struct pv_contract *contract, const struct pv_contract_of *of,
            struct pv_why *why)
{
    if (strcmp(contract->provider, of->provider) != 0 ||
        strcmp(contract->service, of->service) != 0 ||
        strcmp(contract->version, of->version) != 0) {
        pv_why_set(why, "it is of %s/%s/%s", contract->provider,
                   contract->service, contract->version);
        return PV_EINVAL;
    }
    return PV_OK;
}

/* The exchange keeps less of a verify than of an inquiry: it may be called so.
 */
static bool
fits(enum pv_call_pattern contract, const char *version)
{
    return strcmp(pv_call_pattern_word(contract), version) == 0 ||
           (contract == PV_CALL_INQUIRY && strcmp(version, "verify") == 0);
}

static enum pv_err
check_methods(const struct pv_contract    *contract,
              const struct pv_contract_of *of, struct pv_why *why)
{
    if (contract->method_count != json_array_size(of->methods)) {
        pv_why_set(why, "it has %zu methods, the version %zu",
                   contract->method_count, json_array_size(of->methods));
        return PV_EINVAL;
    }
    for (size_t i = 0; i < contract->method_count; i++) {
        const json_t *row = json_array_get(of->methods, i);
        const char   *id = json_string_value(json_object_get(row, "id"));
        const char   *pattern =
            json_string_value(json_object_get(row, "pattern"));
        const struct pv_contract_method *method =
            id == NULL ? NULL : pv_contract_method(contract, pv_slice_from(id));

        if (method == NULL || pattern == NULL ||
            !fits(method->pattern, pattern)) {
            pv_why_set(why,
                       "the version's method %s is not in it, or is of "
                       "another pattern",
                       id == NULL ? "" : id);
            return PV_EINVAL;
        }
    }
    return PV_OK;
}

enum pv_err
pv_contract_check(struct pv_slice document, const struct pv_contract_of *of,
                  struct pv_why *why)
{
    struct pv_contract *contract = NULL;
    enum pv_err         err = pv_document_load(document, &contract, why);

    if (err == PV_OK) {
        err = check_names(contract, of, why);
    }
    if (err == PV_OK) {
        err = check_methods(contract, of, why);
    }
    pv_contract_free(contract);
    return err;
}
