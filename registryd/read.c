/*
 * read.c - opening, catching up, and reading as of a moment.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "kind_tables.h"
#include "rules.h"
#include "trace/checkpoint.h"

/* ---- opening ---- */

struct pv_registry *
pv_registry_new(const struct pv_registry_config *config)
{
    struct pv_registry *registry = calloc(1, sizeof(*registry));

    if (registry == NULL) {
        return NULL;
    }
    registry->config = *config;
    registry->last = -1;
    pv_buf_init(&registry->head, PV_CHECKPOINT_NOTE_MAX);
    registry->cache = pv_cache_new();
    registry->unwritten = pv_unwritten_new();
    if (registry->cache == NULL || registry->unwritten == NULL) {
        pv_registry_close(registry);
        return NULL;
    }
    return registry;
}

enum pv_err
pv_registry_open(const struct pv_registry_config *config,
                 struct pv_registry **ret, struct pv_why *why)
{
    struct pv_registry *registry = pv_registry_new(config);
    enum pv_err         err = PV_ENOMEM;

    if (registry == NULL) {
        return err;
    }
    err = pv_store_open(config->store, &registry->store, why);
    if (err == PV_OK && config->image != NULL) {
        err = pv_image_open(config->image, config->durable, &registry->image,
                            why);
    }
    if (err == PV_OK && config->log != NULL) {
        err = pv_decision_log_open(config->log, &registry->log, why);
    }
    if (err == PV_OK) {
        err = pv_registry_catch_up(registry);
        if (err != PV_OK) {
            pv_why_set(why, "%s", registry->why.text);
        }
    }
    if (err == PV_OK) {
        *ret = registry;
        registry = NULL;
    }
    pv_registry_close(registry); /* accepts NULL */
    return err;
}

void
pv_registry_close(struct pv_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    if (registry->image != NULL) {
        pv_image_close(registry->image);
    }
    pv_decision_log_close(registry->log);
    pv_store_close(registry->store);
    pv_cache_free(registry->cache);       /* accepts NULL */
    json_decref(registry->kept.agencies); /* as above */
    json_decref(registry->kept.services);
    json_decref(registry->kept.modes);
    pv_unwritten_free(registry->unwritten);
    pv_buf_clear(&registry->head);
    free(registry);
}

const char *
pv_registry_why(const struct pv_registry *registry)
{
    return registry->why.text;
}

static enum pv_err
take_number(void *context, const struct pv_value *column)
{
    *(int64_t *)context = column[0].number;
    return PV_OK;
}

enum pv_err
pv_registry_numbers(struct pv_registry *registry, int64_t *ret_last,
                    int64_t *ret_image)
{
    int64_t     last = 0;
    enum pv_err err = PV_OK;

    pv_record_follow_session(registry);
    if (registry->last != -1) {
        last = registry->last;
    } else {
        err = pv_store_run(registry->store, PV_STMT_DECISION_LAST, NULL, 0,
                           take_number, &last);
    }
    if (err == PV_OK) {
        *ret_last = last;
        *ret_image = registry->image == NULL
                         ? last
                         : (int64_t)pv_image_decision(registry->image);
    }
    return err;
}

enum pv_err
pv_registry_apply(struct pv_registry *registry)
{
    int64_t     last;
    int64_t     image;
    enum pv_err err = pv_registry_numbers(registry, &last, &image);

    registry->lags = true;
    return err == PV_OK && last != image ? pv_project(registry, last, true)
                                         : err;
}

bool
pv_registry_lags(const struct pv_registry *registry)
{
    return registry->lags;
}

enum pv_err
pv_registry_catch_up(struct pv_registry *registry)
{
    int64_t     last;
    int64_t     image;
    enum pv_err err = pv_registry_numbers(registry, &last, &image);

    pv_cache_rest(registry->cache);
    if (err == PV_OK && last != image) {
        err = pv_project(registry, last, false);
    }
    if (err == PV_OK && registry->image != NULL) {
        err = pv_image_settle(registry->image);
    }
    if (err == PV_OK && registry->log != NULL) {
        err = pv_decision_log_follow(registry->log, registry->store, last);
        if (err != PV_OK) {
            pv_why_set(&registry->why, "decision log: %s", pv_err_text(err));
        }
    }
    registry->lags = err != PV_OK;
    return err;
}

/* ---- the log ---- */

static enum pv_err
add_hash(struct pv_buf *out, const char *before, const struct pv_hash *hash)
{
    char hex[2 * PV_HASH_LEN];

    pv_hex_text(hash->bytes, PV_HASH_LEN, hex);
    return pv_buf_addf(out, "%s\"%.*s\"", before, (int)sizeof(hex), hex);
}

enum pv_err
pv_registry_status(struct pv_registry *registry, struct pv_buf *out)
{
    int64_t        last = 0;
    int64_t        image = 0;
    struct pv_hash root;
    enum pv_err    err = PV_OK;

    if (registry->lags && pv_registry_catch_up(registry) != PV_OK) {
        registry->lags = true; /* the numbers say it */
    }
    err = pv_registry_numbers(registry, &last, &image);
    if (err == PV_OK) {
        err = pv_buf_addf(out,
                          "{\"authority_ahead\":%zu,\"authority_waits\":%zu,"
                          "\"image\":%lld,\"last\":%lld",
                          registry->authority_ahead, registry->authority_waits,
                          (long long)image, (long long)last);
    }
    if (err == PV_OK && registry->log != NULL) {
        err = pv_decision_log_root(registry->log, &root);
        if (err == PV_OK) {
            err = add_hash(out, ",\"log\":{\"root\":", &root);
        }
        if (err == PV_OK) {
            err = pv_buf_addf(
                out, ",\"signed\":%llu,\"size\":%llu}",
                (unsigned long long)registry->head_size,
                (unsigned long long)pv_decision_log_size(registry->log));
        }
    }
    return err == PV_OK ? pv_buf_add_char(out, '}') : err;
}

enum pv_err
pv_registry_set_head(struct pv_registry *registry, struct pv_slice note,
                     uint64_t size)
{
    enum pv_err err;

    registry->head.len = 0;
    registry->head_size = 0;
    err = pv_buf_add(&registry->head, note);
    if (err == PV_OK) {
        registry->head_size = size;
    }
    return err;
}

struct pv_slice
pv_registry_head(const struct pv_registry *registry, uint64_t *ret_size)
{
    *ret_size = registry->head_size;
    return registry->head_size == 0 ? PV_LIT("") : pv_buf_view(&registry->head);
}

struct proof {
    uint64_t               size;
    struct pv_merkle_proof path;
    struct pv_hash         leaf;
    struct pv_hash         root;
    bool                   is_signed;
};

static enum pv_err
make_proof(struct pv_registry *registry, int64_t number, struct proof *proof)
{
    enum pv_err err;

    proof->is_signed = number > 0 && (uint64_t)number <= registry->head_size;
    proof->size = proof->is_signed ? registry->head_size
                                   : pv_decision_log_size(registry->log);
    err =
        pv_decision_log_prove(registry->log, number, proof->size, &proof->path);
    if (err == PV_OK) {
        err = pv_decision_log_leaf(registry->log, number, &proof->leaf);
    }
    if (err == PV_OK) {
        err = pv_decision_log_root_of(registry->log, proof->size, &proof->root);
    }
    return err;
}

enum pv_err
pv_registry_proof(struct pv_registry *registry, int64_t number,
                  struct pv_buf *out)
{
    struct proof proof = {.path = {.count = 0}};
    enum pv_err  err = registry->log == NULL ? PV_ENOTFOUND : PV_OK;

    if (err == PV_OK && registry->lags) {
        err = pv_registry_catch_up(registry);
    }
    if (err == PV_OK) {
        err = make_proof(registry, number, &proof);
    }
    if (err == PV_OK) {
        err = pv_buf_add_char(out, '{');
    }
    if (err == PV_OK && proof.is_signed) {
        err = pv_buf_add(out, PV_LIT("\"checkpoint\":"));
        if (err == PV_OK) {
            err = pv_text_json(pv_buf_view(&registry->head), out);
        }
        if (err == PV_OK) {
            err = pv_buf_add_char(out, ',');
        }
    }
    if (err == PV_OK) {
        err = pv_buf_addf(out, "\"decision\":%lld", (long long)number);
    }
    if (err == PV_OK) {
        err = add_hash(out, ",\"leaf\":", &proof.leaf);
    }
    if (err == PV_OK) {
        err = pv_buf_add(out, PV_LIT(",\"proof\":["));
    }
    for (size_t i = 0; i < proof.path.count && err == PV_OK; i++) {
        err = add_hash(out, i == 0 ? "" : ",", &proof.path.hash[i]);
    }
    if (err == PV_OK) {
        err = add_hash(out, "],\"root\":", &proof.root);
    }
    return err == PV_OK ? pv_buf_addf(out, ",\"size\":%llu}",
                                      (unsigned long long)proof.size)
                        : err;
}

/* ---- records as JSON ---- */

struct page {
    struct pv_buf  *out;
    enum pv_kind    kind;
    struct pv_slice id; /* of a single record */
    size_t          count;
    char            last[PV_RECORD_ID_MAX + 1];
};

/* {"id":...,"state":...,"version":n,"decision":n,"date":"...","body":{...}} */
static enum pv_err
add_record(struct page *page, struct pv_slice id, const struct pv_value *column)
{
    struct pv_buf *out = page->out;
    char           day[PV_JALALI_ROOM];

    pv_day_text(column[2].number, day);
    return pv_buf_addf(out,
                       "%s{\"body\":%.*s,\"date\":\"%s\",\"decision\":%lld,"
                       "\"id\":\"%.*s\",\"kind\":\"%s\",\"state\":\"%.*s\","
                       "\"version\":%lld}",
                       page->count++ == 0 ? "" : ",", PV_FMT(column[4].text),
                       day, (long long)column[1].number, PV_FMT(id),
                       pv_kind_row(page->kind)->name, PV_FMT(column[3].text),
                       (long long)column[0].number);
}

static enum pv_err
take_one(void *context, const struct pv_value *column)
{
    struct page *page = context;

    return add_record(page, page->id, column);
}

static enum pv_err
take_listed(void *context, const struct pv_value *column)
{
    struct page *page = context;
    enum pv_err  err =
        pv_slice_to_cstr(column[0].text, page->last, sizeof(page->last));

    return err == PV_OK ? add_record(page, column[0].text, column + 1) : err;
}

enum pv_err
pv_registry_get(struct pv_registry *registry, enum pv_kind kind,
                struct pv_slice id, struct pv_moment at, struct pv_buf *out)
{
    static const enum pv_stmt stmt[] = {[PV_NOW] = PV_STMT_RECORD_GET,
                                        [PV_ON_DAY] = PV_STMT_RECORD_AS_OF,
                                        [PV_AT_NUMBER] = PV_STMT_RECORD_AT};
    struct pv_value           arguments[] = {
                  PV_TEXT(pv_slice_from(pv_kind_row(kind)->name)), PV_TEXT(id),
                  PV_INT(at.n)};
    struct page page = {.out = out, .kind = kind, .id = id};
    enum pv_err err = pv_store_run(registry->store, stmt[at.kind], arguments,
                                   at.kind == PV_NOW ? 2 : 3, take_one, &page);

    return err == PV_OK && page.count == 0 ? PV_ENOTFOUND : err;
}

/* The end of a list: where the next page begins. */
static enum pv_err
end_page(struct page *page, size_t wanted)
{
    return page->count == wanted && wanted > 0
               ? pv_buf_addf(page->out, "],\"next\":\"%s\"}", page->last)
               : pv_buf_add(page->out, PV_LIT("],\"next\":null}"));
}

enum pv_err
pv_registry_list(struct pv_registry *registry, enum pv_kind kind,
                 struct pv_slice state, struct pv_moment at,
                 struct pv_slice after, size_t count, struct pv_buf *out)
{
    struct pv_value name = PV_TEXT(pv_slice_from(pv_kind_row(kind)->name));
    struct pv_value limit = PV_INT((int64_t)count);
    struct pv_value now[] = {name, PV_TEXT(after), limit};
    struct pv_value in_state[] = {name, PV_TEXT(state), PV_TEXT(after), limit};
    struct pv_value then[] = {name, PV_INT(at.n), PV_TEXT(after), limit};
    struct page     page = {.out = out, .kind = kind};
    enum pv_err err = pv_buf_addf(out, "{\"%s\":[", pv_kind_row(kind)->name);

    if (err != PV_OK) {
        return err;
    }
    if (at.kind != PV_NOW) {
        if (state.len > 0) {
            return PV_EINVAL;
        }
        err = pv_store_run(registry->store,
                           at.kind == PV_ON_DAY ? PV_STMT_RECORD_LIST_AS_OF
                                                : PV_STMT_RECORD_LIST_AT,
                           then, COUNT(then), take_listed, &page);
    } else if (state.len > 0) {
        err = pv_store_run(registry->store, PV_STMT_RECORD_LIST_STATE, in_state,
                           COUNT(in_state), take_listed, &page);
    } else {
        err = pv_store_run(registry->store, PV_STMT_RECORD_LIST, now,
                           COUNT(now), take_listed, &page);
    }
    return err == PV_OK ? end_page(&page, count) : err;
}

enum pv_err
pv_registry_history(struct pv_registry *registry, enum pv_kind kind,
                    struct pv_slice id, struct pv_buf *out)
{
    struct pv_value arguments[] = {
        PV_TEXT(pv_slice_from(pv_kind_row(kind)->name)), PV_TEXT(id)};
    struct page page = {.out = out, .kind = kind, .id = id};
    enum pv_err err = pv_buf_add(out, PV_LIT("{\"history\":["));

    if (err == PV_OK) {
        err = pv_store_run(registry->store, PV_STMT_RECORD_HISTORY, arguments,
                           COUNT(arguments), take_one, &page);
    }
    if (err == PV_OK && page.count == 0) {
        return PV_ENOTFOUND;
    }
    return err == PV_OK ? pv_buf_add(out, PV_LIT("]}")) : err;
}

/* ---- where used ---- */

static enum pv_err
take_user(void *context, const struct pv_value *column)
{
    struct page *page = context;
    enum pv_err  err =
        pv_slice_to_cstr(column[0].text, page->last, sizeof(page->last));

    return err == PV_OK
               ? pv_buf_addf(page->out,
                             "%s{\"as\":\"%.*s\",\"id\":\"%.*s\","
                             "\"state\":\"%.*s\"}",
                             page->count++ == 0 ? "" : ",",
                             PV_FMT(column[1].text), PV_FMT(column[0].text),
                             PV_FMT(column[2].text))
               : err;
}

enum pv_err
pv_registry_users(struct pv_registry *registry, enum pv_kind target,
                  struct pv_slice id, enum pv_kind kind, struct pv_slice after,
                  size_t count, struct pv_buf *out)
{
    struct pv_value arguments[] = {
        PV_TEXT(pv_slice_from(pv_kind_row(target)->name)), PV_TEXT(id),
        PV_TEXT(pv_slice_from(pv_kind_row(kind)->name)), PV_TEXT(after),
        PV_INT((int64_t)count)};
    struct page page = {.out = out, .kind = kind};
    enum pv_err err = pv_buf_addf(out, "{\"%s\":[", pv_kind_row(kind)->name);

    if (err == PV_OK) {
        err = pv_store_run(registry->store, PV_STMT_REFERENCE_FIND, arguments,
                           COUNT(arguments), take_user, &page);
    }
    return err == PV_OK ? end_page(&page, count) : err;
}

/* ---- decisions ---- */

struct decisions {
    struct pv_buf *out;
    size_t         count;
};

static enum pv_err
take_decision(void *context, const struct pv_value *column)
{
    struct decisions *decisions = context;

    return pv_buf_addf(decisions->out, "%s%.*s",
                       decisions->count++ == 0 ? "" : ",",
                       PV_FMT(column[1].text));
}

enum pv_err
pv_registry_decisions(struct pv_registry *registry, int64_t after, size_t count,
                      struct pv_buf *out)
{
    struct pv_value  arguments[] = {PV_INT(after), PV_INT((int64_t)count)};
    struct decisions decisions = {out, 0};
    int64_t          last = 0;
    int64_t          image = 0;
    enum pv_err      err = pv_buf_add(out, PV_LIT("{\"decisions\":["));

    if (err == PV_OK) {
        err = pv_store_run(registry->store, PV_STMT_DECISION_LIST, arguments,
                           COUNT(arguments), take_decision, &decisions);
    }
    if (err == PV_OK) {
        err = pv_registry_numbers(registry, &last, &image);
    }
    return err == PV_OK ? pv_buf_addf(out, "],\"image\":%lld,\"last\":%lld}",
                                      (long long)image, (long long)last)
                        : err;
}
