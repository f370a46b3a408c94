/*
 * find.c - the rows that one (key, path) needs, copied out of the image.
 */
#include <string.h>

#include "policy/scan.h"

#define NEIGHBOURS_MAX 32 /* grants of one agency and method read in a row */

static enum pv_err
get(struct pv_policy *policy, const struct pv_key *key, enum pv_row_kind kind,
    void *ret_row)
{
    return pv_db_get(policy->txn, policy->small_dbi, key, kind, ret_row);
}

static void
set_consumer(struct pv_consumer *consumer, const struct pv_image_system *row,
             bool by_old)
{
    consumer->known = true;
    consumer->key_until_ms = by_old ? row->old_until_ms : 0;
    consumer->system = row->row;
    consumer->group_count = row->group_count;
    memcpy(consumer->group, row->group, sizeof(row->group));
}

static enum pv_err
find_consumer(struct pv_policy *policy, const uint8_t *key_hash,
              struct pv_consumer *consumer)
{
    struct pv_image_system row;
    struct pv_key          key;
    enum pv_err            err;
    bool                   is_key = false;
    bool                   is_old = false;

    consumer->known = false;
    pv_key_start(&key, PV_TABLE_KEYS);
    err = pv_key_bytes(&key, key_hash, PV_KEY_HASH_LEN);
    if (err == PV_OK) {
        err = get(policy, &key, PV_ROW_SYSTEM, &row);
    }
    if (err == PV_OK) {
        is_key =
            row.has_key && memcmp(row.key_hash, key_hash, PV_KEY_HASH_LEN) == 0;
        is_old = row.old_until_ms != 0 &&
                 memcmp(row.old_key_hash, key_hash, PV_KEY_HASH_LEN) == 0;
        if (!is_key && !is_old) {
            return PV_ECORRUPT;
        }
        set_consumer(consumer, &row, !is_key);
    }
    return err == PV_ENOTFOUND ? PV_OK : err;
}

static enum pv_err
find_target(struct pv_policy *policy, struct pv_slice path,
            struct pv_target *target)
{
    struct pv_method_row    *row = &target->method;
    struct pv_image_endpoint endpoint;
    struct pv_image_method   method;
    struct pv_key            key;
    enum pv_err              err;

    target->known = false;
    pv_key_start(&key, PV_TABLE_METHODS);
    err = pv_key_bytes(&key, path.ptr, path.len);
    if (err == PV_OK) {
        err = get(policy, &key, PV_ROW_METHOD, &method);
    }
    if (err != PV_OK) {
        return err == PV_ENOTFOUND ? PV_OK : err;
    }
    target->known = true;
    *row = method.row;
    if (row->endpoint_number == 0) {
        return PV_OK;
    }

    pv_key_start(&key, PV_TABLE_ENDPOINTS);
    pv_key_u32(&key, row->endpoint_number);
    err = get(policy, &key, PV_ROW_ENDPOINT, &endpoint);
    if (err == PV_ENOTFOUND) {
        row->endpoint_number = 0; /* taken away: the decision says so */
        return PV_OK;
    }
    row->endpoint_version = endpoint.version;
    row->endpoint_port = endpoint.port;
    memcpy(row->endpoint_address, endpoint.address, sizeof(endpoint.address));
    memcpy(row->endpoint_pin, endpoint.pin, sizeof(endpoint.pin));
    row->endpoint_old_until_ms = endpoint.old_until_ms;
    memcpy(row->endpoint_old_pin, endpoint.old_pin, sizeof(endpoint.old_pin));
    row->endpoint_name = endpoint.name;
    return err;
}

/* Is the place's subject the caller itself, its unit or its agency? */
static bool
concerns(const struct pv_system_row *caller, uint8_t level, uint32_t subject)
{
    switch (level) {
    case PV_GRANT_SYSTEM:
        return subject == caller->number;
    case PV_GRANT_UNIT:
        return subject != 0 && subject == caller->unit_number;
    case PV_GRANT_AGENCY:
        return subject == caller->agency_number;
    default:
        return false;
    }
}

static enum pv_err
find_suspensions(struct pv_policy *policy, struct pv_found *found)
{
    struct pv_image_suspension row;
    struct pv_scan             scan;
    enum pv_err                err;

    pv_scan_start(&scan, policy->small);
    pv_key_start(&scan.prefix, PV_TABLE_SUSPENSIONS);
    pv_key_u32(&scan.prefix, found->consumer.system.agency_number);
    pv_key_u32(&scan.prefix, found->target.method.number);
    while ((err = pv_scan_next(&scan)) == PV_OK) {
        const uint8_t *at = (const uint8_t *)scan.key.mv_data + scan.prefix.len;

        if (scan.key.mv_size != scan.prefix.len + 1 + sizeof(uint32_t)) {
            return PV_ECORRUPT;
        }
        if (!concerns(&found->consumer.system, at[0],
                      pv_key_load_u32(at + 1))) {
            continue;
        }
        err = pv_scan_row(&scan, PV_ROW_SUSPENSION, &row);
        if (err != PV_OK) {
            return err;
        }
        if (found->rights.block_count == PV_POLICY_BLOCKS_MAX) {
            return PV_ECORRUPT; /* one row a level */
        }
        found->rights.block[found->rights.block_count++] = (struct pv_block){
            .reason = row.reason,
            .since_ms = row.since_ms,
            .until_ms = row.until_ms,
        };
    }
    return err == PV_ENOTFOUND ? PV_OK : err;
}

/* One row into the next place. */
static enum pv_err
take_grant(const struct pv_grant_scan *scan, uint8_t level,
           struct pv_rights *rights)
{
    struct pv_grant_row *row = &rights->grant[rights->grant_count];
    enum pv_err          err;

    err = pv_row_read(PV_ROW_GRANT, scan->row.key, PV_KEY_GRANT_LEN,
                      scan->row.value, scan->row.len, row);
    if (err != PV_OK) {
        return err;
    }
    if (row->kind != level) {
        return PV_ECORRUPT;
    }
    rights->grant_count++;
    return PV_OK;
}

/* The grants of one subject; rows past the maximum are not found, which can
 * only refuse. */
static enum pv_err
find_grants_of(struct pv_policy *policy, struct pv_found *found, uint8_t level,
               uint32_t subject)
{
    struct pv_grant_scan scan;
    enum pv_err          err;

    pv_grant_scan_start(&scan, policy->grants);
    pv_key_grants_of(&scan.prefix, found->consumer.system.agency_number,
                     found->target.method.number);
    pv_key_u8(&scan.prefix, level);
    pv_key_u32(&scan.prefix, subject);
    while (found->rights.grant_count < PV_POLICY_GRANTS_MAX) {
        err = pv_grant_scan_next(&scan);
        if (err == PV_OK) {
            err = take_grant(&scan, level, &found->rights);
        }
        if (err != PV_OK) {
            return err == PV_ENOTFOUND ? PV_OK : err;
        }
    }
    return PV_OK;
}

/*
 * All grants of the agency for the method are neighbours, in the order of
 * decision: one seek finds the caller's and what to hint at. Where an agency
 * holds very many for one method, each subject is sought by itself.
 */
static enum pv_err
find_individual(struct pv_policy *policy, struct pv_grant_scan *scan,
                struct pv_found *found)
{
    enum pv_err err;
    size_t      seen = 0;
    uint8_t     hint = PV_REASON_NONE;

    while ((err = pv_grant_scan_next(scan)) == PV_OK &&
           seen++ < NEIGHBOURS_MAX) {
        struct pv_image_place place = pv_key_place(scan->row.key);

        if (!concerns(&found->consumer.system, place.level, place.subject)) {
            hint = place.level == PV_GRANT_UNIT ? PV_REASON_NOT_THIS_UNIT
                   : hint != PV_REASON_NONE     ? hint
                                                : PV_REASON_NOT_THIS_SYSTEM;
            continue;
        }
        if (found->rights.grant_count < PV_POLICY_GRANTS_MAX) {
            err = take_grant(scan, place.level, &found->rights);
            if (err != PV_OK) {
                return err;
            }
        }
    }
    if (err == PV_OK) { /* very many */
        found->rights.grant_count = 0;
        err = find_grants_of(policy, found, PV_GRANT_SYSTEM,
                             found->consumer.system.number);
        if (err == PV_OK && found->consumer.system.unit_number != 0) {
            err = find_grants_of(policy, found, PV_GRANT_UNIT,
                                 found->consumer.system.unit_number);
        }
        if (err == PV_OK) {
            err = find_grants_of(policy, found, PV_GRANT_AGENCY,
                                 found->consumer.system.agency_number);
        }
    }
    if (found->rights.grant_count == 0) {
        found->rights.hint = hint;
    }
    return err == PV_ENOTFOUND ? PV_OK : err;
}

static bool
lists(const uint32_t *number, size_t count, uint32_t wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (number[i] == wanted) {
            return true;
        }
    }
    return false;
}

static enum pv_err
find_group_grants(struct pv_policy *policy, struct pv_found *found)
{
    struct pv_scan scan;
    enum pv_err    err;

    if (found->consumer.group_count == 0) {
        return PV_OK;
    }
    pv_scan_start(&scan, policy->small);
    pv_key_start(&scan.prefix, PV_TABLE_GROUP_GRANTS);
    pv_key_u32(&scan.prefix, found->target.method.number);
    while (found->rights.grant_count < PV_POLICY_GRANTS_MAX) {
        struct pv_grant_row *row =
            &found->rights.grant[found->rights.grant_count];

        err = pv_scan_next(&scan);
        if (err != PV_OK) {
            return err == PV_ENOTFOUND ? PV_OK : err;
        }
        if (scan.key.mv_size < scan.prefix.len + sizeof(uint32_t)) {
            return PV_ECORRUPT;
        }
        if (!lists(found->consumer.group, found->consumer.group_count,
                   pv_key_load_u32((const uint8_t *)scan.key.mv_data +
                                   scan.prefix.len))) {
            continue;
        }
        err = pv_scan_row(&scan, PV_ROW_GRANT, row);
        if (err != PV_OK) {
            return err;
        }
        if (row->kind != PV_GRANT_GROUP) {
            return PV_ECORRUPT;
        }
        found->rights.grant_count++;
    }
    return PV_OK;
}

/* "all" and "all except" cover agencies registered later. */
static bool
mode_covers(const struct pv_image_mode *mode, uint32_t agency)
{
    bool listed = lists(mode->list, mode->list_count, agency);

    switch (mode->mode) {
    case PV_MODE_ALL:
        return true;
    case PV_MODE_ALL_EXCEPT:
        return !listed;
    case PV_MODE_ALLOW_LIST:
        return listed;
    default:
        return false;
    }
}

static enum pv_err
find_modes(struct pv_policy *policy, struct pv_found *found)
{
    struct pv_image_mode mode;
    struct pv_scan       scan;
    enum pv_err          err;
    bool                 covered;

    pv_scan_start(&scan, policy->small);
    pv_key_start(&scan.prefix, PV_TABLE_MODES);
    pv_key_u32(&scan.prefix, found->target.method.number);
    while (found->rights.grant_count < PV_POLICY_GRANTS_MAX) {
        err = pv_scan_next(&scan);
        if (err == PV_OK) {
            err = pv_scan_row(&scan, PV_ROW_MODE, &mode);
        }
        if (err != PV_OK) {
            return err == PV_ENOTFOUND ? PV_OK : err;
        }
        if (mode.row.kind != PV_GRANT_MODE) {
            return PV_ECORRUPT;
        }
        covered = mode_covers(&mode, found->consumer.system.agency_number);
        if (!covered && mode.row.blocked == PV_REASON_MODE_WITHOUT_RESOLUTION) {
            continue; /* a proposal, and not about this agency */
        }
        if (!covered) {
            mode.row.blocked = PV_REASON_NOT_COVERED_BY_MODE;
            mode.row.blocked_since_ms = 0;
            mode.row.blocked_until_ms = 0;
        }
        found->rights.grant[found->rights.grant_count++] = mode.row;
    }
    return PV_OK;
}

static enum pv_err
renew(struct pv_policy *policy)
{
    enum pv_err err = pv_db_err(mdb_cursor_renew(policy->txn, policy->small));

    return err != PV_OK
               ? err
               : pv_db_err(mdb_cursor_renew(policy->txn, policy->grants));
}

/* What the key and the path have with each other. */
static enum pv_err
find_rights(struct pv_policy *policy, struct pv_found *found)
{
    struct pv_rights    *rights = &found->rights;
    struct pv_grant_scan scan;
    enum pv_err          err;

    rights->decision = policy->meta.decision;
    rights->valid_until_ms = policy->meta.valid_until_ms;
    rights->block_count = 0;
    rights->hint = PV_REASON_NONE;
    rights->grant_count = 0;
    if (!found->consumer.known || !found->target.known) {
        return PV_OK;
    }

    pv_grant_scan_start(&scan, policy->grants);
    pv_key_grants_of(&scan.prefix, found->consumer.system.agency_number,
                     found->target.method.number);
    err = renew(policy);
    if (err == PV_OK) {
        err = pv_grant_scan_ask(&scan); /* memory is slow: asked early */
    }
    if (err == PV_OK) {
        err = find_suspensions(policy, found);
    }
    if (err == PV_OK) { /* in the order of decision */
        err = find_individual(policy, &scan, found);
    }
    if (err == PV_OK) {
        err = find_group_grants(policy, found);
    }
    return err == PV_OK ? find_modes(policy, found) : err;
}

/* Those parts that are of another version than the image. */
static enum pv_err
find_parts(struct pv_policy *policy, const uint8_t *key_hash,
           struct pv_slice path, struct pv_found *found)
{
    uint64_t    version = policy->checked;
    enum pv_err err = PV_OK;

    if (found->consumer.version != version) {
        err = find_consumer(policy, key_hash, &found->consumer);
    }
    if (err == PV_OK && found->target.version != version) {
        err = find_target(policy, path, &found->target);
    }
    if (err == PV_OK && found->rights.version != version) {
        err = find_rights(policy, found);
    }
    if (err == PV_OK) {
        found->consumer.version = version;
        found->target.version = version;
        found->rights.version = version;
    }
    return err;
}

/* Who forgets to look at the error finds nothing to allow. */
static void
forget(struct pv_found *found)
{
    found->consumer.version = 0;
    found->consumer.known = false;
    found->target.version = 0;
    found->target.known = false;
    found->rights.version = 0;
    found->rights.grant_count = 0;
}

enum pv_err
pv_policy_find(struct pv_policy *policy,
               const uint8_t key_hash[PV_KEY_HASH_LEN], struct pv_slice path,
               struct pv_found *found)
{
    enum pv_err err = PV_ERANGE;

    if (path.len <= PV_POLICY_PATH_MAX) {
        err = pv_reader_begin(policy);
    }
    if (err == PV_OK) {
        err = find_parts(policy, key_hash, path, found);
        pv_reader_end(policy);
    }
    if (err != PV_OK) {
        forget(found);
    }
    return err;
}

static enum pv_err
find_named_system(struct pv_policy *policy, struct pv_slice name,
                  struct pv_image_system *ret_row)
{
    struct pv_key key;
    enum pv_err   err;
    uint32_t      number;

    pv_key_start(&key, PV_TABLE_NUMBERS);
    pv_key_u8(&key, PV_IMAGE_SYSTEM);
    err = pv_key_bytes(&key, name.ptr, name.len);
    if (err == PV_OK) {
        err = get(policy, &key, PV_ROW_NUMBER, &number);
    }
    if (err != PV_OK) {
        return err;
    }
    pv_key_start(&key, PV_TABLE_SYSTEMS);
    pv_key_u32(&key, number);
    return get(policy, &key, PV_ROW_SYSTEM, ret_row);
}

static enum pv_err
find_quota(struct pv_policy *policy, struct pv_slice system,
           struct pv_slice path, struct pv_slice grant,
           struct pv_id *ret_agency)
{
    struct pv_image_system caller;
    struct pv_found        found;
    enum pv_err            err;

    err = find_named_system(policy, system, &caller);
    if (err == PV_OK) {
        set_consumer(&found.consumer, &caller, false);
        err = find_target(policy, path, &found.target);
    }
    if (err == PV_OK) {
        err = found.target.known ? find_rights(policy, &found) : PV_ENOTFOUND;
    }
    if (err != PV_OK) {
        return err;
    }
    for (size_t i = 0; i < found.rights.grant_count; i++) {
        const struct pv_grant_row *row = &found.rights.grant[i];

        if (pv_slice_eq((struct pv_slice){row->id.text, row->id.len}, grant)) {
            *ret_agency = row->per_member ? found.consumer.system.agency
                                          : (struct pv_id){.len = 0};
            return PV_OK;
        }
    }
    return PV_ENOTFOUND;
}

enum pv_err
pv_policy_quota_of(struct pv_policy *policy, struct pv_slice system,
                   struct pv_slice path, struct pv_slice grant,
                   struct pv_id *ret_agency)
{
    enum pv_err err;

    if (path.len > PV_POLICY_PATH_MAX) {
        return PV_ERANGE;
    }
    err = pv_reader_begin(policy);
    if (err != PV_OK) {
        return err;
    }
    err = find_quota(policy, system, path, grant, ret_agency);
    pv_reader_end(policy);
    return err;
}
