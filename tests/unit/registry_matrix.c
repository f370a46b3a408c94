/*
 * registry_matrix IMAGE WHEN_MS... - who may call what, every registered
 * system with every method of an image, at each moment. For tests.
 *
 *   at WHEN_MS
 *   may SYSTEM PATH          for each allowed pair
 *   not PATH REASON COUNT    refused pairs of a method, by reason
 *   pairs COUNT
 *
 * Each pair is asked with every purpose of its rows and with none, with a
 * consent number, from the system's own network, with a valid certificate.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "policy/image.h"

#define THINGS_MAX 20000

struct things {
    struct pv_image_system *system;
    size_t                  system_count;
    char (*path)[PV_POLICY_PATH_MAX + 1];
    size_t path_count;
};

static enum pv_err
take_system(void *context, const struct pv_image_item *item)
{
    struct things *things = context;

    if (!item->system->has_key) {
        return PV_OK;
    }
    if (things->system_count == THINGS_MAX) {
        return PV_EFULL;
    }
    things->system[things->system_count++] = *item->system;
    return PV_OK;
}

static enum pv_err
take_path(void *context, const struct pv_image_item *item)
{
    struct things *things = context;

    if (things->path_count == THINGS_MAX) {
        return PV_EFULL;
    }
    return pv_slice_to_cstr(item->path, things->path[things->path_count++],
                            sizeof(things->path[0]));
}

/* The best answer over the purposes. */
static void
ask(const struct pv_rows *rows, struct pv_call *call, struct pv_decision *ret)
{
    call->purpose = PV_LIT("");
    pv_policy_decide(rows, call, false, ret);
    for (size_t g = 0; g < rows->rights->grant_count; g++) {
        const struct pv_grant_row *grant = &rows->rights->grant[g];

        for (size_t p = 0; p < grant->purpose_count; p++) {
            if (ret->verdict == PV_ALLOW) {
                return;
            }
            call->purpose = (struct pv_slice){grant->purpose[p].text,
                                              grant->purpose[p].len};
            pv_policy_decide(rows, call, false, ret);
        }
    }
}

static enum pv_err
ask_pair(struct pv_policy *policy, const struct pv_image_system *system,
         const char *path, int64_t when_ms, size_t refused[PV_REASON_END])
{
    struct pv_certificate certificate = {.not_after_ms = INT64_MAX};
    struct pv_call        call = {
               .when_ms = when_ms, .certificate = &certificate, .has_consent = true};
    struct pv_decision decision;
    struct pv_found    found = {.rights = {.version = 0}};
    struct pv_rows     rows;
    enum pv_err        err;

    memcpy(certificate.key_hash, system->key_hash, PV_KEY_HASH_LEN);
    memcpy(call.source, system->row.network[0].address, sizeof(call.source));
    err = pv_policy_find(policy, system->key_hash, pv_slice_from(path), &found);
    if (err != PV_OK) {
        return err;
    }
    rows = pv_rows_of(&found);
    ask(&rows, &call, &decision);
    if (decision.verdict == PV_ALLOW) {
        return printf("may %.*s %s\n", (int)system->row.system.len,
                      system->row.system.text, path) < 0
                   ? PV_ESYS
                   : PV_OK;
    }
    refused[decision.reason]++;
    return PV_OK;
}

static enum pv_err
at(struct pv_policy *policy, const struct things *things, int64_t when_ms)
{
    enum pv_err err = PV_OK;

    (void)printf("at %lld\n", (long long)when_ms);
    for (size_t p = 0; p < things->path_count; p++) {
        size_t refused[PV_REASON_END] = {0};

        for (size_t s = 0; s < things->system_count && err == PV_OK; s++) {
            err = ask_pair(policy, &things->system[s], things->path[p], when_ms,
                           refused);
        }
        for (int r = 0; r < PV_REASON_END; r++) {
            if (refused[r] > 0) {
                struct pv_slice word = pv_reason_word((enum pv_reason)r);

                (void)printf("not %s %.*s %zu\n", things->path[p], PV_FMT(word),
                             refused[r]);
            }
        }
    }
    (void)printf("pairs %zu\n", things->path_count * things->system_count);
    return err;
}

int
main(int argc, char **argv)
{
    struct things     things = {.system =
                                    calloc(THINGS_MAX, sizeof(*things.system)),
                                .path = calloc(THINGS_MAX, sizeof(*things.path))};
    struct pv_policy *policy = NULL;
    struct pv_why     why = {""};
    enum pv_err       err = PV_EINVAL;

    if (argc < 3 || things.system == NULL || things.path == NULL) {
        goto out;
    }
    err = pv_policy_open(argv[1], &policy, &why);
    if (err == PV_OK) {
        err = pv_policy_walk(policy, PV_WALK_SYSTEMS, take_system, &things);
    }
    if (err == PV_OK) {
        err = pv_policy_walk(policy, PV_WALK_METHODS, take_path, &things);
    }
    for (int a = 2; a < argc && err == PV_OK; a++) {
        uint64_t when_ms;

        err = pv_slice_to_u64(pv_slice_from(argv[a]), INT64_MAX, &when_ms);
        if (err == PV_OK) {
            err = at(policy, &things, (int64_t)when_ms);
        }
    }

out:
    if (err != PV_OK) {
        (void)fprintf(stderr, "registry_matrix: %s %s\n", pv_err_text(err),
                      why.text);
    }
    pv_policy_close(policy);
    free(things.system);
    free(things.path);
    return err == PV_OK && fflush(stdout) == 0 ? 0 : 1;
}
