/*
 * config_services.c - the services: each file with its contract, from the
 * machine's files or from the texts that another process read there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectord/config.h"
#include "contract/document.h"
#include "rights/rights.h"

/*
 * ->texts: per text this word, the hash or path, and the text. Behind a service
 * the path of each method that is answered, in the order of their indexes.
 */
enum text_kind { TEXT_CONTRACT = 1, TEXT_SERVICE, TEXT_METHOD };

static enum pv_err
note_text(struct pv_connector_config *config, enum text_kind kind,
          struct pv_slice name, struct pv_slice path, struct pv_slice text)
{
    enum pv_err err = PV_OK;

    if (!pv_config_is_pulled(config)) {
        return PV_OK; /* nothing of it will change */
    }
    if (config->texts.ptr == NULL) {
        pv_buf_init(&config->texts, PV_CONNECTOR_TEXTS_MAX);
    }
    err = pv_put_u32(&config->texts, kind);
    if (err == PV_OK) {
        err = pv_put_text(&config->texts, name);
    }
    if (err == PV_OK) {
        err = pv_put_text(&config->texts, path);
    }
    return err == PV_OK ? pv_put_text(&config->texts, text) : err;
}

/* ---- a contract ---- */

enum pv_err
pv_config_take_contract(struct pv_connector_config *config,
                        const struct pv_hash *sha256, struct pv_slice path,
                        struct pv_slice text)
{
    const struct pv_slice name = {(const char *)sha256->bytes, PV_HASH_LEN};
    size_t                at = config->contract_count;
    struct pv_why         why = {""};
    enum pv_err err = note_text(config, TEXT_CONTRACT, name, path, text);

    if (err != PV_OK) {
        return err;
    }
    config->seen[config->seen_count++] = *sha256;
    err = pv_document_load(text, &config->contract[at], &why);
    if (err == PV_OK) {
        config->contract_hash[at] = *sha256;
        config->contract_count++;
    } else if (err != PV_ENOMEM) {
        pv_why_set(&config->waits, "the contract of %.*s: %s", PV_FMT(path),
                   why.text[0] == '\0' ? pv_err_text(err) : why.text);
        err = PV_OK; /* its service waits */
    }
    return err;
}

/* NULL: it was brought by file. */
static const struct pv_hash *
hash_of(const struct pv_connector_config *config,
        const struct pv_contract         *contract)
{
    for (size_t i = 0;
         pv_config_is_pulled(config) && i < config->contract_count; i++) {
        if (config->contract[i] == contract) {
            return &config->contract_hash[i];
        }
    }
    return NULL;
}

/* ---- a service ---- */

static enum pv_err
add_method(struct pv_connector_config *config, const struct pv_service *service,
           const struct pv_method *method, struct pv_why *why)
{
    enum pv_err err = pv_config_check_method(config, method, why);

    if (err != PV_OK) {
        return err;
    }
    for (size_t i = 0; i < config->method_count; i++) {
        if (strcmp(config->method[i]->contract->path, method->contract->path) ==
            0) {
            pv_why_set(why, "%s is there already", method->contract->path);
            return PV_EEXIST;
        }
    }
    if (config->method_count == PV_CONNECTOR_METHODS_MAX) {
        pv_why_set(why, "more than %d methods", PV_CONNECTOR_METHODS_MAX);
        return PV_ERANGE;
    }
    config->method_hash[config->method_count] =
        hash_of(config, service->contract);
    config->method[config->method_count++] = method;
    return PV_OK;
}

static enum pv_err
add_service(struct pv_connector_config *config, struct pv_slice text,
            struct pv_why *why)
{
    const size_t       before = config->method_count;
    struct pv_service *service = NULL;
    enum pv_err        err = pv_service_load(
               text, (const struct pv_contract *const *)config->contract,
               config->contract_count, &service, why);

    if (err != PV_OK) {
        return err;
    }
    if (strcmp(service->contract->provider, config->provider) != 0) {
        pv_why_set(why, "its provider is %s, this connector's is %s",
                   service->contract->provider, config->provider);
        err = PV_EINVAL;
    }
    for (size_t i = 0; err == PV_OK && i < service->method_count; i++) {
        err = add_method(config, service, &service->method[i], why);
    }
    if (err == PV_OK) {
        config->service[config->service_count++] = service;
    } else {
        config->method_count = before;
        pv_service_free(service);
    }
    return err;
}

static enum pv_err
note_methods(struct pv_connector_config *config, size_t first)
{
    enum pv_err err = PV_OK;

    for (size_t i = first; err == PV_OK && i < config->method_count; i++) {
        err = note_text(config, TEXT_METHOD, PV_LIT(""),
                        pv_slice_from(config->method[i]->contract->path),
                        PV_LIT(""));
    }
    return err;
}

/* An error of the text alone, and not of the machine: a service that waits. */
static enum pv_err
take_text(struct pv_connector_config *config, const char *path,
          struct pv_slice text, struct pv_why *why)
{
    const size_t  before = config->method_count;
    struct pv_why inner = {""};
    enum pv_err   err =
        note_text(config, TEXT_SERVICE, PV_LIT(""), pv_slice_from(path), text);

    if (err == PV_OK) {
        err = add_service(config, text, &inner);
    }
    if (err == PV_OK) {
        return note_methods(config, before);
    }
    if (err == PV_ENOMEM) {
        return err;
    }
    pv_why_set(why, "%s: %s", path,
               inner.text[0] == '\0' ? pv_err_text(err) : inner.text);
    if (!pv_config_is_pulled(config)) {
        return err;
    }
    config->waiting++;
    config->waits = *why;
    return PV_OK;
}

enum pv_err
pv_config_take_service(struct pv_connector_config *config, const char *path,
                       struct pv_why *why)
{
    struct pv_buf text;
    enum pv_err   err;

    pv_buf_init(&text, PV_CATALOGUE_FILE_MAX);
    err = pv_catalogue_read(path, &text);
    if (err == PV_OK) {
        err = take_text(config, path, pv_buf_view(&text), why);
    } else {
        pv_why_set(why, "%s: %s", path,
                   err == PV_ESYS ? strerror(errno) : pv_err_text(err));
    }
    pv_buf_clear(&text);
    return err;
}

/* ---- texts that another process read ---- */

static void
swap_counts(size_t *one, size_t *other)
{
    size_t count = *one;

    *one = *other;
    *other = count;
}

/* An index names the same method there and here. */
static enum pv_err
check_method(const struct pv_connector_config *config, struct pv_slice path,
             size_t *named)
{
    if (*named >= config->method_count ||
        !pv_slice_eq(path,
                     pv_slice_from(config->method[*named]->contract->path))) {
        return PV_EINVAL;
    }
    (*named)++;
    return PV_OK;
}

/* named: methods so far that the other process answers. */
static enum pv_err
take_noted(struct pv_connector_config *config, struct pv_slice *texts,
           size_t *named)
{
    struct pv_slice part[3]; /* name, path, text */
    struct pv_hash  sha256;
    struct pv_why   why;
    char            path[PV_CONNECTOR_FILE_MAX];
    uint32_t        kind;
    bool            null;
    enum pv_err     err = pv_take_u32(texts, &kind);

    for (size_t i = 0; err == PV_OK && i < 3; i++) {
        err = pv_take_text(texts, &null, &part[i]);
    }
    if (err != PV_OK) {
        return err;
    }
    if (kind == TEXT_CONTRACT && part[0].len == PV_HASH_LEN &&
        config->seen_count < PV_CONNECTOR_SERVICES_MAX) {
        memcpy(sha256.bytes, part[0].ptr, PV_HASH_LEN);
        return pv_config_take_contract(config, &sha256, part[1], part[2]);
    }
    if (kind == TEXT_SERVICE &&
        config->service_count < PV_CONNECTOR_SERVICES_MAX &&
        pv_slice_to_cstr(part[1], path, sizeof(path)) == PV_OK) {
        return take_text(config, path, part[2], &why);
    }
    if (kind == TEXT_METHOD) {
        return check_method(config, part[1], named);
    }
    return PV_EPROTO;
}

enum pv_err
pv_connector_services_read(const struct pv_connector_config *base,
                           struct pv_slice                   texts,
                           struct pv_connector_config      **ret)
{
    struct pv_connector_config *config = calloc(1, sizeof(*config));
    size_t                      named = 0;
    enum pv_err                 err = PV_OK;

    if (config == NULL) {
        return PV_ENOMEM;
    }
    memcpy(config->provider, base->provider, sizeof(config->provider));
    memcpy(&config->rights, &base->rights, sizeof(config->rights));
    memcpy(config->keeper.file, base->keeper.file, sizeof(config->keeper.file));
    config->may_write = base->may_write;
    config->http = base->http;
    config->acts = base->acts;
    config->workers = base->workers;
    config->queue_max = base->queue_max;
    config->secrets.count = base->secrets.count; /* are there any? */
    while (err == PV_OK && texts.len > 0) {
        err = take_noted(config, &texts, &named);
    }
    pv_buf_clear(&config->texts); /* they are there already */
    if (err == PV_OK && config->method_count != named) {
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        *ret = config;
        config = NULL;
    }
    pv_connector_config_free(config);
    return err;
}

void
pv_connector_contracts_swap(struct pv_connector_config *one,
                            struct pv_connector_config *other)
{
    for (size_t i = 0; i < PV_CONNECTOR_SERVICES_MAX; i++) {
        struct pv_contract *contract = one->contract[i];
        struct pv_service  *service = one->service[i];

        one->contract[i] = other->contract[i];
        other->contract[i] = contract;
        one->service[i] = other->service[i];
        other->service[i] = service;
    }
    swap_counts(&one->contract_count, &other->contract_count);
    swap_counts(&one->service_count, &other->service_count);
    one->method_count = 0; /* they would be those of the other */
    other->method_count = 0;
}

bool
pv_config_lacks(const struct pv_connector_config *config,
                const struct pv_rights           *rights)
{
    char below[PV_NAME_MAX + 8];

    (void)snprintf(below, sizeof(below), "/x/%s/", config->provider); /* fits */
    for (size_t i = 0; i < pv_rights_contract_count(rights) &&
                       config->seen_count < PV_CONNECTOR_SERVICES_MAX;
         i++) {
        struct pv_rights_contract named = pv_rights_contract_at(rights, i);
        bool seen = !pv_slice_starts(named.path, pv_slice_from(below));

        for (size_t j = 0; !seen && j < config->seen_count; j++) {
            seen = pv_hash_eq(&config->seen[j], &named.sha256);
        }
        if (!seen) {
            return true;
        }
    }
    return false;
}
