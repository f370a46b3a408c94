/* service.c - loading a service file. */
#include "contract/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "contract/service_private.h"

static enum pv_err
find_contract(const struct pv_taker *taker, const json_t *root,
              const struct pv_contract *const *contract, size_t count,
              const struct pv_contract **ret)
{
    static const char *const member[] = {"service", "version", "provider"};
    const char              *text[3] = {NULL, NULL, NULL};

    for (int i = 0; i < 3; i++) {
        enum pv_err err =
            pv_taker_text(taker, root, member[i], PV_NAME_MAX, &text[i]);

        if (err != PV_OK) {
            return err;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(contract[i]->service, text[0]) == 0 &&
            strcmp(contract[i]->version, text[1]) == 0 &&
            strcmp(contract[i]->provider, text[2]) == 0) {
            *ret = contract[i];
            return PV_OK;
        }
    }
    (void)pv_taker_refuse(taker, "service",
                          "there is no contract of %s %s by %s", text[0],
                          text[1], text[2]); /* a better err below */
    return PV_ENOTFOUND;
}

static enum pv_err
take_methods(struct pv_taker *taker, const json_t *root,
             struct pv_service *service)
{
    const json_t *list;
    enum pv_err   err =
        pv_taker_list(taker, root, "methods", PV_METHODS_MAX, &list);

    if (err != PV_OK) {
        return err;
    }
    service->method = calloc(json_array_size(list), sizeof(*service->method));
    if (service->method == NULL) {
        return PV_ENOMEM;
    }
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        size_t mark = pv_taker_enter_index(taker, "methods", i);

        service->method_count = i + 1; /* freed from here on */
        err = pv_take_method(taker, json_array_get(list, i), service,
                             &service->method[i]);
        pv_taker_leave(taker, mark);
    }
    return err;
}

static enum pv_err
take_root(struct pv_taker *taker, const json_t *root,
          const struct pv_contract *const *contract, size_t count,
          struct pv_service *service)
{
    static const char *const keywords[] = {"format",   "service", "version",
                                           "provider", "methods", NULL};
    const json_t            *format = json_object_get(root, "format");
    enum pv_err              err = pv_taker_only(taker, root, keywords);

    if (err != PV_OK) {
        return err;
    }
    if (!json_is_integer(format) || json_integer_value(format) != 2) {
        (void)pv_taker_refuse(taker, "format", "\"format\" must be 2"); /* see
                                                                    below */
        return PV_EVERSION;
    }
    err = find_contract(taker, root, contract, count, &service->contract);
    return err == PV_OK ? take_methods(taker, root, service) : err;
}

enum pv_err
pv_service_load(struct pv_slice text, const struct pv_contract *const *contract,
                size_t contract_count, struct pv_service **ret,
                struct pv_why *why)
{
    struct pv_taker    taker = {.text = text, .why = why};
    struct pv_service *service = NULL;
    json_error_t       error;
    json_t            *root;
    enum pv_err        err;

    root = json_loadb(text.len == 0 ? "" : text.ptr, text.len,
                      JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        pv_why_set(why, "line %d: %s", error.line, error.text);
        return json_error_code(&error) == json_error_out_of_memory ? PV_ENOMEM
                                                                   : PV_EINVAL;
    }
    service = calloc(1, sizeof(*service));
    if (service == NULL) {
        err = PV_ENOMEM;
        goto out;
    }
    err = take_root(&taker, root, contract, contract_count, service);
    if (err != PV_OK) {
        goto out;
    }
    *ret = service;
    service = NULL;

out:
    pv_service_free(service);
    json_decref(root);
    return err;
}

enum pv_err
pv_service_load_file(const char                      *path,
                     const struct pv_contract *const *contract,
                     size_t contract_count, struct pv_service **ret,
                     struct pv_why *why)
{
    struct pv_why inner;
    struct pv_buf buf;
    enum pv_err   err;

    pv_buf_init(&buf, PV_CATALOGUE_FILE_MAX);
    pv_why_set(&inner, "%s", "");
    err = pv_catalogue_read(path, &buf);
    if (err == PV_OK) {
        err = pv_service_load(pv_buf_view(&buf), contract, contract_count, ret,
                              &inner);
    }
    if (err != PV_OK) {
        pv_why_set(why, "%s: %s", path,
                   err == PV_ESYS          ? strerror(errno)
                   : inner.text[0] == '\0' ? pv_err_text(err)
                                           : inner.text);
    }
    pv_buf_clear(&buf);
    return err;
}

void
pv_service_free(struct pv_service *service)
{
    if (service == NULL) {
        return;
    }
    for (size_t i = 0; i < service->method_count; i++) {
        struct pv_method *method = &service->method[i];

        for (size_t j = 0; j < method->column_count; j++) {
            free(method->column[j].constant);
        }
        pv_statement_clear(&method->statement);
        pv_statement_clear(&method->scalar);
        pv_statement_clear(&method->member);
        for (size_t j = 0; j < method->step_count; j++) {
            pv_statement_clear(&method->step[j].statement);
        }
    }
    free(service->method);
    free(service);
}
