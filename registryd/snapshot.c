/*
 * snapshot.c - a registry that only reads, beside the one that decides.
 */
#include "decide.h"

enum pv_err
pv_registry_open_reader(const struct pv_registry_config *config,
                        struct pv_registry **ret, struct pv_why *why)
{
    struct pv_registry *registry = pv_registry_new(config);
    enum pv_err         err = PV_ENOMEM;

    if (registry == NULL) {
        return err;
    }
    err = pv_store_open_reader(config->store, &registry->store, why);
    if (err != PV_OK) {
        pv_registry_close(registry);
        return err;
    }
    *ret = registry;
    return PV_OK;
}

/* What is remembered holds until another decides. */
enum pv_err
pv_registry_read_begin(struct pv_registry *registry)
{
    int64_t     before = registry->last;
    int64_t     last = 0;
    int64_t     image;
    enum pv_err err = pv_store_begin(registry->store);

    if (err == PV_ECLOSED) { /* known only now; it may be back already */
        err = pv_store_begin(registry->store);
    }
    registry->last = -1; /* ask the database */
    if (err == PV_OK) {
        err = pv_registry_numbers(registry, &last, &image);
    }
    if (err != PV_OK) {
        pv_store_rollback(registry->store);
        return err;
    }
    if (last != before) {
        pv_cache_clear(registry->cache);
    }
    registry->last = last;
    return PV_OK;
}

void
pv_registry_read_end(struct pv_registry *registry)
{
    pv_store_rollback(registry->store);
}
