/*
 * rules_told.c - what is told to one agency stays within what its connectors
 * take (rights/rights.h): a decision that would go past it is refused, for a
 * state that is too large would silence them all.
 */
#include <string.h>

#include "kind_tables.h"
#include "rights/rights.h"
#include "rules.h"

typedef bool told_fn(const char *state, const json_t *body);

static bool
is_live(const char *state, const json_t *body)
{
    (void)body;
    return strcmp(state, "live") == 0;
}

static bool
is_in_force(const char *state, const json_t *body)
{
    (void)body;
    return strcmp(state, "in-force") == 0;
}

static bool
has_contract(const char *state, const json_t *body)
{
    return strcmp(state, "replaced") != 0 && strcmp(state, "ended") != 0 &&
           pv_member(body, "contract_sha256")[0] != '\0';
}

/* How many of the records are told? Fewer than max are not looked at: 0. */
static enum pv_err
count_told(struct pv_registry *registry, enum pv_kind kind, const json_t *ids,
           told_fn *is_told, size_t max, size_t *ret)
{
    json_t     *id;
    size_t      i;
    enum pv_err err = PV_OK;

    *ret = 0;
    if (json_array_size(ids) < max) {
        return PV_OK;
    }
    json_array_foreach((json_t *)(uintptr_t)ids, i, id)
    {
        struct pv_record record = {.body = NULL};

        if (err == PV_OK) {
            err = pv_record_get(registry, kind, json_string_value(id), &record);
        }
        *ret += err == PV_OK &&
                is_told(pv_kind_row(kind)->states[record.state], record.body);
        pv_record_clear(&record);
    }
    return err;
}

static enum pv_err
check_grants_of(struct pv_change *change, const char *agency)
{
    json_t     *ids = NULL;
    size_t      count = 0;
    enum pv_err err = pv_record_users(pv_registry_of(change), "agency", agency,
                                      PV_KIND_GRANT, &ids);

    if (err == PV_OK) {
        err = count_told(pv_registry_of(change), PV_KIND_GRANT, ids, is_live,
                         PV_RIGHTS_GRANTS_MAX, &count);
    }
    json_decref(ids); /* accepts NULL */
    if (err != PV_OK || count < PV_RIGHTS_GRANTS_MAX) {
        return err;
    }
    return pv_refuse(
        change->context->refusal, "R-139", "too-many-grants",
        "%s: %s has %d live grants, and its connectors take no "
        "more",
        "%s: %s %d مجوز برقرار دارد و رابط‌های آن بیش از این "
        "نمی‌پذیرند",
        change->id, agency, PV_RIGHTS_GRANTS_MAX);
}

enum pv_err
pv_rule_grants_told(struct pv_change *change)
{
    enum pv_err err =
        check_grants_of(change, pv_member(change->body, "provider"));

    return err == PV_OK
               ? check_grants_of(change, pv_member(change->body, "consumer"))
               : err;
}

enum pv_err
pv_rule_modes_told(struct pv_change *change)
{
    json_t     *ids = NULL;
    size_t      count = 0;
    enum pv_err err = pv_record_all(pv_registry_of(change), PV_KIND_MODE, &ids);

    if (err == PV_OK) {
        err = count_told(pv_registry_of(change), PV_KIND_MODE, ids, is_in_force,
                         PV_RIGHTS_MODES_MAX, &count);
    }
    json_decref(ids); /* accepts NULL */
    if (err != PV_OK || count < PV_RIGHTS_MODES_MAX) {
        return err;
    }
    return pv_refuse(
        change->context->refusal, "R-139", "too-many-modes",
        "%s: %d modes are in force, and connectors take no more",
        "%s: %d شیوه برقرار است و رابط‌ها بیش از این نمی‌پذیرند",
        change->id, PV_RIGHTS_MODES_MAX);
}

/* Whoever may call all of them is told of all. */
enum pv_err
pv_rule_contracts_told(struct pv_change *change)
{
    json_t     *ids = NULL;
    size_t      count = 0;
    enum pv_err err =
        json_object_get(change->body, "contract") == NULL
            ? PV_OK
            : pv_record_all(pv_registry_of(change), PV_KIND_VERSION, &ids);

    if (err == PV_OK) {
        err = count_told(pv_registry_of(change), PV_KIND_VERSION, ids,
                         has_contract, PV_RIGHTS_CONTRACTS_MAX, &count);
    }
    json_decref(ids); /* accepts NULL */
    if (err != PV_OK || count < PV_RIGHTS_CONTRACTS_MAX) {
        return err;
    }
    return pv_refuse(
        change->context->refusal, "R-091", "too-many-contracts",
        "%s: %d versions are in use, and connectors take no more "
        "contracts",
        "%s: %d نسخه برقرار است و رابط‌ها قرارداد بیشتری "
        "نمی‌پذیرند",
        change->id, PV_RIGHTS_CONTRACTS_MAX);
}
