/* contract.c - loading a contract. */
#include "contract/contract.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "contract/contract_private.h"

#define SOURCES_MAX 64
#define CLAUSE_MAX 500

static const char *const pattern_word[] = {
    [PV_CALL_INQUIRY] = "inquiry", [PV_CALL_VERIFY] = "verify",
    [PV_CALL_LIST] = "list",       [PV_CALL_COMMAND] = "command",
    [PV_CALL_FILE] = "file",       [PV_CALL_EVENTS] = "events",
    [PV_CALL_EVENTS + 1] = NULL,
};

static const char *const basis_word[] = {"document", "proposed", NULL};

const char *
pv_call_pattern_word(enum pv_call_pattern pattern)
{
    return pattern_word[pattern];
}

bool
pv_order_token_fits(struct pv_slice token)
{
    static const char letters[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/";
    size_t len = token.len;

    while (len > 0 && token.len - len < 2 && token.ptr[len - 1] == '=') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        if (token.ptr[i] == '\0' || strchr(letters, token.ptr[i]) == NULL) {
            return false;
        }
    }
    return token.len <= PV_ORDER_TOKEN_LEN_MAX;
}

const struct pv_contract_method *
pv_contract_method(const struct pv_contract *contract, struct pv_slice id)
{
    for (size_t i = 0; i < contract->method_count; i++) {
        if (pv_slice_eq(pv_slice_from(contract->method[i].id), id)) {
            return &contract->method[i];
        }
    }
    return NULL;
}

bool
pv_method_is_yes_no(const struct pv_contract_method *method)
{
    return method->output_count == 1 &&
           strcmp(method->output[0].type->id, "yes_no") == 0;
}

bool
pv_method_says_found(const struct pv_contract_method *method)
{
    return method->pattern == PV_CALL_INQUIRY ||
           method->pattern == PV_CALL_LIST;
}

/* ---- the head ---- */

static enum pv_err
take_version(const struct pv_taker *taker, const json_t *root, char room[8])
{
    const char *text;
    enum pv_err err = pv_taker_text(taker, root, "version", 5, &text);

    if (err != PV_OK) {
        return err;
    }
    if (text[0] != 'v' || text[1] < '1' || text[1] > '9' ||
        strspn(text + 1, "0123456789") != strlen(text + 1)) {
        return pv_taker_refuse(taker, "version",
                               "\"version\" must be v1 to v9999");
    }
    return pv_slice_to_cstr(pv_slice_from(text), room, 8);
}

static enum pv_err
take_sources(struct pv_taker *taker, const json_t *root)
{
    static const char *const keywords[] = {"document", "clause", NULL};
    const json_t            *list = json_object_get(root, "sources");
    enum pv_err              err;

    if (list == NULL) {
        return PV_OK;
    }
    err = pv_taker_list(taker, root, "sources", SOURCES_MAX, &list);
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        const json_t *source = json_array_get(list, i);
        size_t        mark = pv_taker_enter_index(taker, "sources", i);
        const char   *text;

        err = pv_taker_only(taker, source, keywords);
        for (int k = 0; err == PV_OK && keywords[k] != NULL; k++) {
            err = pv_taker_text(taker, source, keywords[k], CLAUSE_MAX, &text);
        }
        pv_taker_leave(taker, mark);
    }
    return err;
}

static enum pv_err
take_head(struct pv_taker *taker, const json_t *root,
          struct pv_contract *contract)
{
    static const char *const keywords[] = {
        "contract", "service",  "version", "provider", "basis",
        "title_fa", "title_en", "sources", "methods",  NULL};
    const json_t *version = json_object_get(root, "contract");
    size_t        basis = 0;
    enum pv_err   err = pv_taker_only(taker, root, keywords);

    if (err != PV_OK) {
        return err;
    }
    if (!json_is_integer(version) || json_integer_value(version) != 1) {
        (void)pv_taker_refuse(taker, "contract",
                              "\"contract\" must be 1: the version of the "
                              "language"); /* a better err below */
        return PV_EVERSION;
    }
    err = pv_taker_id(taker, root, "service", contract->service,
                      sizeof(contract->service));
    if (err == PV_OK) {
        err = pv_taker_id(taker, root, "provider", contract->provider,
                          sizeof(contract->provider));
    }
    if (err == PV_OK) {
        err = take_version(taker, root, contract->version);
    }
    if (err == PV_OK) {
        err = pv_taker_word(taker, root, "basis", basis_word, &basis);
    }
    contract->proposed = basis == 1;
    if (err == PV_OK) {
        err = pv_taker_words(taker, root, "title", true);
    }
    return err == PV_OK ? take_sources(taker, root) : err;
}

/* ---- a method ---- */

static enum pv_err
take_fields(struct pv_taker *taker, const json_t *object,
            struct pv_contract_method *method)
{
    const json_t *inputs = json_object_get(object, "inputs");
    enum pv_err   err = PV_OK;

    /* a method may take nothing, as a list that is always the same one */
    if (!json_is_array(inputs) || json_array_size(inputs) > 0) {
        err = pv_take_fields(taker, object, "inputs", true, method->proposed,
                             &method->input, &method->input_count);
    }
    if (err == PV_OK) {
        err = pv_take_fields(taker, object, "outputs", false, method->proposed,
                             &method->output, &method->output_count);
    }
    return err;
}

static enum pv_err
take_method(struct pv_taker *taker, const json_t *object,
            struct pv_contract *contract, struct pv_contract_method *method)
{
    static const char *const keywords[] = {
        "id",          "pattern", "basis",    "title_fa",       "title_en",
        "note_fa",     "note_en", "inputs",   "outputs",        "meaning",
        "deadline_ms", "rules",   "coverage", "timed",          "window",
        "consent",     "after",   "never",    "aggregate_only", "idempotency",
        "consumers",   "hours",   "max_rows", "pad_to",         "pages",
        "coding",      "member",  NULL};
    size_t      pattern = 0;
    size_t      basis = contract->proposed;
    int         len;
    enum pv_err err = pv_taker_only(taker, object, keywords);

    method->source = object;
    if (err == PV_OK) {
        err = pv_taker_id(taker, object, "id", method->id, sizeof(method->id));
    }
    if (err != PV_OK) {
        return err;
    }
    if (pv_contract_method(contract, pv_slice_from(method->id)) != method) {
        return pv_taker_refuse(taker, "id", "\"%s\" is there already",
                               method->id);
    }
    len = snprintf(method->path, sizeof(method->path), "/x/%s/%s/%s/%s",
                   contract->provider, contract->service, contract->version,
                   method->id);
    if (len < 0 || (size_t)len >= sizeof(method->path)) {
        return pv_taker_refuse(taker, "id", "its path is too long");
    }
    err = pv_taker_word(taker, object, "pattern", pattern_word, &pattern);
    method->pattern = (enum pv_call_pattern)pattern;
    if (err == PV_OK && json_object_get(object, "basis") != NULL) {
        err = pv_taker_word(taker, object, "basis", basis_word, &basis);
    }
    method->proposed = basis == 1;
    if (err == PV_OK) {
        err = pv_taker_words(taker, object, "title", false);
    }
    if (err == PV_OK) {
        err = pv_taker_words(taker, object, "note", false);
    }
    if (err == PV_OK) {
        err = take_fields(taker, object, method);
    }
    return err == PV_OK ? pv_take_rules(taker, object, contract, method) : err;
}

static enum pv_err
take_methods(struct pv_taker *taker, const json_t *root,
             struct pv_contract *contract)
{
    const json_t *list;
    enum pv_err   err =
        pv_taker_list(taker, root, "methods", PV_METHODS_MAX, &list);

    if (err != PV_OK) {
        return err;
    }
    contract->method = calloc(json_array_size(list), sizeof(*contract->method));
    if (contract->method == NULL) {
        return PV_ENOMEM;
    }
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        size_t mark = pv_taker_enter_index(taker, "methods", i);

        contract->method_count = i + 1; /* freed from here on */
        err = take_method(taker, json_array_get(list, i), contract,
                          &contract->method[i]);
        pv_taker_leave(taker, mark);
    }
    return err;
}

/* ---- the document ---- */

enum pv_err
pv_contract_load(struct pv_slice text, const struct pv_data_items *items,
                 struct pv_contract **ret, struct pv_why *why)
{
    struct pv_taker     taker = {.text = text, .items = items, .why = why};
    struct pv_contract *contract;
    json_error_t        error;
    enum pv_err         err;

    contract = calloc(1, sizeof(*contract));
    if (contract == NULL) {
        return PV_ENOMEM;
    }
    contract->root = json_loadb(text.len == 0 ? "" : text.ptr, text.len,
                                JSON_REJECT_DUPLICATES, &error);
    if (contract->root == NULL) {
        pv_why_set(why, "line %d: %s", error.line, error.text);
        err = json_error_code(&error) == json_error_out_of_memory ? PV_ENOMEM
                                                                  : PV_EINVAL;
        goto out;
    }
    err = take_head(&taker, contract->root, contract);
    if (err == PV_OK) {
        err = take_methods(&taker, contract->root, contract);
    }
    if (err != PV_OK) {
        goto out;
    }
    *ret = contract;
    contract = NULL;

out:
    pv_contract_free(contract);
    return err;
}

enum pv_err
pv_contract_load_file(const char *path, const struct pv_data_items *items,
                      struct pv_contract **ret, struct pv_why *why)
{
    struct pv_why inner;
    struct pv_buf buf;
    enum pv_err   err;

    pv_buf_init(&buf, PV_CATALOGUE_FILE_MAX);
    pv_why_set(&inner, "%s", "");
    err = pv_catalogue_read(path, &buf);
    if (err == PV_OK) {
        err = pv_contract_load(pv_buf_view(&buf), items, ret, &inner);
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
pv_contract_free(struct pv_contract *contract)
{
    if (contract == NULL) {
        return;
    }
    for (size_t i = 0; i < contract->method_count; i++) {
        pv_fields_free(contract->method[i].input,
                       contract->method[i].input_count);
        pv_fields_free(contract->method[i].output,
                       contract->method[i].output_count);
    }
    free(contract->method);
    json_decref(contract->root);
    pv_data_items_free(contract->own_items); /* fields point into them */
    free(contract);
}
