/* log_state.c - what the log of this machine says of itself. */
#include "log_state.h"

#include <string.h>

#include "base/time.h"

#define PATH_MAX_LEN 4096

static const struct {
    const char *en;
    const char *fa;
} said[] = {
    [PV_LOG_UNWITNESSED] =
        {"no witness watches the log: when the whole machine is restored from "
         "an old copy, nobody can tell",
         "هیچ گواهی بر این دفتر ناظر نیست: اگر همه دستگاه از نسخه‌ای کهنه "
         "بازگردانده شود کسی نمی‌فهمد"},
    [PV_LOG_LATE] =
        {"records wait too long for a published checkpoint",
         "رکوردها دیر به نقطه وارسی منتشر شده می‌رسند"},
    [PV_LOG_UNREADABLE] = {"the log's status cannot be read",
                           "وضعیت دفتر خوانده نمی‌شود"},
    [PV_LOG_QUIET] =
        {"the log process does not run: calls go on, proofs wait",
         "پردازه دفتر کار نمی‌کند: فراخوانی‌ها ادامه دارند و گواهی‌ها "
         "منتظر می‌مانند"},
    [PV_LOG_SPLIT] = {"a witness has seen another history of this log",
                      "گواهی تاریخچه دیگری از این دفتر دیده است"},
    [PV_LOG_FORGOTTEN] =
        {"a witness was put back from an old copy: it has forgotten what it "
         "cosigned",
         "گواهی از نسخه‌ای کهنه بازگردانده شده و آنچه امضا کرده بود "
         "فراموش کرده است"},
    [PV_LOG_UNCOUNTED] =
        {"the answers given under max_calls_answered are not known: no call "
         "of such a grant is forwarded",
         "شمار پاسخ‌های داده‌شده زیر max_calls_answered دانسته نیست: هیچ "
         "فراخوانی با چنین مجوزی فرستاده نمی‌شود"},
    [PV_LOG_REFUSES] =
        {"the log does not go on: calls do, proofs wait",
         "دفتر ادامه نمی‌یابد: فراخوانی‌ها ادامه دارند و گواهی‌ها "
         "منتظر می‌مانند"},
};

static json_int_t
number(const json_t *root, const char *name)
{
    return json_integer_value(json_object_get(root, name));
}

static enum pv_log_state_what
judge(const json_t *root, int64_t now_ms)
{
    if (json_object_get(root, "refusal") != NULL) {
        return PV_LOG_REFUSES;
    }
    if (json_is_true(json_object_get(root, "split_view"))) {
        return PV_LOG_SPLIT;
    }
    if (now_ms - number(root, "time") > PV_LOG_QUIET_MS) {
        return PV_LOG_QUIET;
    }
    if (json_is_true(json_object_get(root, "uncounted"))) {
        return PV_LOG_UNCOUNTED;
    }
    if (number(root, "staleness_ms") > PV_LOG_LATE_MS) {
        return PV_LOG_LATE;
    }
    if (json_is_true(json_object_get(root, "witness_back"))) {
        return PV_LOG_FORGOTTEN;
    }
    return json_is_true(json_object_get(root, "witnessed"))
               ? PV_LOG_WELL
               : PV_LOG_UNWITNESSED;
}

static bool
fill(json_t *state, const json_t *root, int64_t now_ms)
{
    static const char *const same[] = {
        "origin",       "durable", "signed",       "published",
        "staleness_ms", "refusal", "witness_count"};
    json_int_t published_ms = number(root, "published_time");

    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        json_t *value = json_object_get(root, same[i]);

        if (value != NULL && json_object_set(state, same[i], value) != 0) {
            return false;
        }
    }
    return published_ms == 0 ||
           json_object_set_new(state, "checkpoint_age_ms",
                               json_integer(now_ms - published_ms)) == 0;
}

json_t *
pv_log_state(const char *dir, enum pv_lang lang,
             enum pv_log_state_what *ret_what)
{
    char                   path[PATH_MAX_LEN];
    int64_t                now_ms = pv_time_wall_ms();
    enum pv_log_state_what what = PV_LOG_UNREADABLE;
    json_t                *root = NULL;
    json_t                *state = json_object();
    bool                   good = state != NULL;

    if ((size_t)snprintf(path, sizeof(path), "%s/status", dir) < sizeof(path)) {
        root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    }
    if (json_is_object(root)) {
        what = judge(root, now_ms);
        good = good && fill(state, root, now_ms);
    }
    if (what != PV_LOG_WELL) {
        good =
            good && json_object_set_new(state, "said",
                                        json_string(lang == PV_LANG_FA
                                                        ? said[what].fa
                                                        : said[what].en)) == 0;
    }
    json_decref(root);
    if (!good) {
        json_decref(state);
        return NULL;
    }
    *ret_what = what;
    return state;
}
