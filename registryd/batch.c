/*
 * batch.c - decisions as they are handed in: numbered, in one transaction, each
 * once. Any refusal undoes the whole batch.
 */
#include <string.h>

#include "decide.h"

/* ---- the same decision again ---- */

struct earlier {
    int64_t number;
    json_t *document; /* owned */
};

static enum pv_err
take_earlier(void *context, const struct pv_value *column)
{
    struct earlier *earlier = context;

    earlier->number = column[0].number;
    earlier->document = json_loadb(column[1].text.ptr, column[1].text.len,
                                   JSON_REJECT_DUPLICATES, NULL);
    return earlier->document == NULL ? PV_ECORRUPT : PV_OK;
}

/* ret_number is 0 when its key was never used. */
static enum pv_err
find_earlier(struct pv_registry *registry, const json_t *decision,
             struct pv_refusal *refusal, int64_t *ret_number)
{
    const char     *key = pv_member(decision, "key");
    struct pv_value argument = PV_TEXT(pv_slice_from(key));
    struct earlier  earlier = {0, NULL};
    const char     *name;
    json_t         *value;
    enum pv_err     err;
    bool            same = true;

    *ret_number = 0;
    if (key[0] == '\0') {
        return PV_OK;
    }
    err = pv_store_run(registry->store, PV_STMT_DECISION_KEY, &argument, 1,
                       take_earlier, &earlier);
    json_object_foreach((json_t *)(uintptr_t)decision, name, value)
    {
        same =
            same && json_equal(value, json_object_get(earlier.document, name));
    }
    json_decref(earlier.document);
    if (err == PV_OK && earlier.number != 0 && !same) {
        return pv_refuse(refusal, "", "key-used",
                         "%s: the key \"%s\" was used for another decision",
                         "%s: کلید «%s» برای تصمیم دیگری به کار رفته است",
                         pv_member(decision, "id"), key);
    }
    if (err == PV_OK) {
        *ret_number = earlier.number;
    }
    return err;
}

/* ---- batches ---- */

static enum pv_err
take_last(void *context, const struct pv_value *column)
{
    *(int64_t *)context = column[0].number;
    return PV_OK;
}

/* ret_last is the last one there is, also when all were decided earlier. */
static enum pv_err
decide_all(struct pv_registry *registry, const json_t *list, const char *by,
           struct pv_decided *decided, struct pv_refusal *refusal,
           int64_t *ret_last)
{
    int64_t     last = registry->last;
    enum pv_err err = PV_OK;
    json_t     *decision;
    size_t      i;

    if (last == -1) {
        last = 0;
        err = pv_store_run(registry->store, PV_STMT_DECISION_LAST, NULL, 0,
                           take_last, &last);
    }
    json_array_foreach(list, i, decision)
    {
        int64_t number = 0;

        if (err != PV_OK) {
            break;
        }
        refusal->index = i;
        err = pv_decision_members(decision, refusal);
        err = err == PV_OK ? find_earlier(registry, decision, refusal, &number)
                           : err;
        if (err != PV_OK) {
            return err;
        }
        if (number != 0) {
            decided->repeated++;
        } else {
            number = last + 1;
            err = pv_decide_one(registry, decision, by, number,
                                registry->config.clock == NULL
                                    ? pv_time_wall_ms()
                                    : registry->config.clock(),
                                refusal);
            last = number;
        }
        if (i == 0) {
            decided->first = number;
        }
        decided->last = number;
    }
    *ret_last = last;
    return err;
}

enum pv_err
pv_registry_decide(struct pv_registry *registry, const json_t *decisions,
                   const char *by, struct pv_decided *ret,
                   struct pv_refusal *ret_refusal)
{
    json_t           *list = NULL;
    struct pv_decided decided = {0, 0, 0};
    struct pv_refusal refusal = {.index = 0};
    int64_t           last = -1;
    enum pv_err       err;

    if (json_is_array(decisions)) {
        list = json_incref((json_t *)(uintptr_t)decisions);
    } else {
        list = json_pack("[O]", decisions);
    }
    if (list == NULL) {
        return PV_ENOMEM;
    }
    if (json_array_size(list) == 0 || json_array_size(list) > PV_BATCH_MAX) {
        err = pv_refuse_member(&refusal, "decisions");
        goto out;
    }
    err = pv_store_begin(registry->store);
    if (err != PV_OK) {
        goto out;
    }
    pv_record_follow_session(registry);
    err = decide_all(registry, list, by, &decided, &refusal, &last);
    if (err == PV_OK) {
        err = pv_record_flush(registry);
    }
    if (err == PV_OK) {
        err = pv_store_commit(registry->store);
    }
    if (err == PV_OK) {
        registry->last = last;
    }
    pv_store_rollback(registry->store);
    if (err != PV_OK) {
        pv_record_undone(registry);
    }

out:
    if (err == PV_OK) {
        *ret = decided;
    } else if (err == PV_EREFUSED) {
        *ret_refusal = refusal;
    } else {
        pv_why_set(&registry->why, "%s", pv_store_why(registry->store));
    }
    json_decref(list);
    return err;
}
