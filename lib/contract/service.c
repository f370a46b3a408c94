/* service.c - loading a service file. */
#include "contract/service_private.h"

#include <stdlib.h>
#include <string.h>

static enum pv_err
take_version(const struct loader *loader, const json_t *root)
{
    struct pv_service *service = loader->service;
    const char        *text;
    enum pv_err        err = pv_loader_text(loader, root, "version",
                                            sizeof(service->version) - 1, &text);

    if (err != PV_OK) {
        return err;
    }
    if (text[0] != 'v' || text[1] < '1' || text[1] > '9' ||
        strlen(text + 1) > 4 ||
        strspn(text + 1, "0123456789") != strlen(text + 1)) {
        return pv_loader_refuse(loader, "\"version\" must be v1 to v9999");
    }
    return pv_slice_to_cstr(pv_slice_from(text), service->version,
                            sizeof(service->version));
}

static enum pv_err
take_head(struct loader *loader, const json_t *root)
{
    static const char *const keywords[] = {"format",   "service", "version",
                                           "provider", "basis",   "title_fa",
                                           "title_en", "methods", NULL};
    static const char *const bases[] = {"proposed", "document", NULL};
    struct pv_service       *service = loader->service;
    const json_t            *format = json_object_get(root, "format");
    const char              *title;
    size_t                   basis = 0;
    enum pv_err              err = pv_loader_only(loader, root, keywords);

    if (err != PV_OK) {
        return err;
    }
    if (!json_is_integer(format) || json_integer_value(format) != 1) {
        (void)pv_loader_refuse(loader,
                               "\"format\" must be 1"); /* a better err below */
        return PV_EVERSION;
    }
    err = pv_loader_id(loader, root, "service", service->service);
    if (err == PV_OK) {
        err = pv_loader_id(loader, root, "provider", service->provider);
    }
    if (err == PV_OK) {
        err = take_version(loader, root);
    }
    if (err == PV_OK) {
        err = pv_loader_word(loader, root, "basis", bases, &basis);
    }
    if (err == PV_OK) {
        err = pv_loader_text(loader, root, "title_fa", PV_TITLE_MAX, &title);
    }
    if (err == PV_OK) {
        err = pv_loader_text(loader, root, "title_en", PV_TITLE_MAX, &title);
    }
    service->proposed = basis == 0;
    return err;
}

enum pv_err
pv_service_load(const json_t *root, const struct pv_data_items *items,
                struct pv_service **ret, struct pv_why *why)
{
    struct loader loader = {.items = items, .why = why};
    enum pv_err   err;

    loader.service = calloc(1, sizeof(*loader.service));
    if (loader.service == NULL) {
        return PV_ENOMEM;
    }
    pv_loader_place(&loader, "service file");
    err = take_head(&loader, root);
    if (err == PV_OK) {
        err = pv_loader_methods(&loader, root);
    }
    if (err == PV_OK) {
        *ret = loader.service;
        loader.service = NULL;
    }
    pv_service_free(loader.service);
    return err;
}

enum pv_err
pv_service_load_file(const char *path, const struct pv_data_items *items,
                     struct pv_service **ret, struct pv_why *why)
{
    struct pv_why inner;
    json_t       *root = NULL;
    enum pv_err   err = pv_json_load_file(path, &root, why);

    if (err != PV_OK) {
        return err;
    }
    pv_why_set(&inner, "%s", "");
    err = pv_service_load(root, items, ret, &inner);
    if (err != PV_OK) {
        pv_why_set(why, "%s: %s", path,
                   inner.text[0] == '\0' ? pv_err_text(err) : inner.text);
    }
    json_decref(root);
    return err;
}

static void
method_clear(struct pv_method *method)
{
    for (size_t i = 0; i < method->column_count; i++) {
        free(method->column[i].constant);
    }
    pv_statement_clear(&method->statement);
    pv_statement_clear(&method->scalar);
}

void
pv_service_free(struct pv_service *service)
{
    if (service == NULL) {
        return;
    }
    for (size_t i = 0; i < service->method_count; i++) {
        method_clear(&service->method[i]);
    }
    free(service->method);
    free(service);
}
