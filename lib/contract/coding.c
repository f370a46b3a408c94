/* coding.c - see coding.h; the keyword itself is read here too. */
#include "contract/coding.h"

#include <string.h>

#include "contract/contract_private.h"

/* what an answer says of its coding */
static const char *const said_name[] = {"coding", "code_map",
                                        "code_map_version"};

#define SAID_COUNT (sizeof(said_name) / sizeof(said_name[0]))

static enum pv_err
fail(struct pv_fault *fault, enum pv_fault_kind kind, const char *member)
{
    pv_fault_set(fault, kind, pv_slice_from(member));
    return PV_EINVAL;
}

/* ---- the keyword ---- */

/* As the registry's ids: settlements/interior */
static bool
is_list_id(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && text[0] != '/' && text[len - 1] != '/' &&
           strstr(text, "//") == NULL &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._/-")] ==
               '\0';
}

static enum pv_err
take_list_id(const struct pv_taker *taker, const json_t *coding,
             const char *name, char room[PV_CODE_LIST_MAX + 1])
{
    const char *text;
    enum pv_err err =
        pv_taker_text(taker, coding, name, PV_CODE_LIST_MAX, &text);

    if (err != PV_OK) {
        return err;
    }
    if (!is_list_id(text)) {
        return pv_taker_refuse(taker, name,
                               "\"%.64s\" is no id of the registry", text);
    }
    (void)snprintf(room, PV_CODE_LIST_MAX + 1, "%s", text); /* it fits */
    return PV_OK;
}

/* Is it of that type, or a union that it is a member of? */
static bool
may_hold(const struct pv_data_item *type, const struct pv_data_item *code)
{
    bool may = type == code;

    for (size_t i = 0; type != NULL && i < type->any_count; i++) {
        may = may || type->any_of[i] == code;
    }
    return may;
}

/* Mark the fields that hold such codes; how many are there? */
static size_t
mark_fields(struct pv_field *field, size_t count,
            const struct pv_data_item *type)
{
    size_t marked = 0;

    for (size_t i = 0; i < count; i++) {
        field[i].coded = may_hold(field[i].type, type);
        marked += field[i].coded;
        marked += mark_fields(field[i].item, field[i].item_count, type);
    }
    return marked;
}

/* A page's order is that of the provider's codes. */
static enum pv_err
refuse_what_cannot_be(const struct pv_taker           *taker,
                      const struct pv_contract_method *method)
{
    for (size_t i = 0; i < method->input_count; i++) {
        if (mark_fields(method->input[i].item, method->input[i].item_count,
                        method->coding.type) > 0) {
            return pv_taker_refuse(taker, "type",
                                   "codes within the input \"%s\" are not "
                                   "translated",
                                   method->input[i].name);
        }
    }
    for (size_t i = 0; i < SAID_COUNT; i++) {
        struct pv_slice name = pv_slice_from(said_name[i]);

        if (pv_field_find(method->input, method->input_count, name) != NULL ||
            pv_field_find(method->output, method->output_count, name) != NULL) {
            return pv_taker_refuse(taker, NULL, "\"%s\" is the connector's own",
                                   said_name[i]);
        }
    }
    return method->pages.is_set && method->pages.key->coded
               ? pv_taker_refuse(taker, "type",
                                 "the key of \"pages\" keeps its order")
               : PV_OK;
}

enum pv_err
pv_take_coding(struct pv_taker *taker, const json_t *object,
               struct pv_contract_method *method)
{
    static const char *const keywords[] = {"map", "list", "type", NULL};
    const json_t            *coding = json_object_get(object, "coding");
    struct pv_coding        *to = &method->coding;
    size_t                   mark;
    enum pv_err              err;

    if (coding == NULL) {
        return PV_OK;
    }
    mark = pv_taker_enter(taker, "coding");
    err = pv_taker_only(taker, coding, keywords);
    if (err == PV_OK) {
        err = take_list_id(taker, coding, "map", to->map);
    }
    if (err == PV_OK) {
        err = take_list_id(taker, coding, "list", to->list);
    }
    if (err == PV_OK) {
        err = pv_taker_type(taker, coding, &to->type);
    }
    if (err == PV_OK &&
        mark_fields(method->input, method->input_count, to->type) +
                mark_fields(method->output, method->output_count, to->type) ==
            0) {
        err = pv_taker_refuse(taker, "type", "no field is of this type");
    }
    if (err == PV_OK) {
        err = refuse_what_cannot_be(taker, method);
    }
    pv_taker_leave(taker, mark);
    return err;
}

/* ---- one code ---- */

static bool
is_own(const struct pv_contract_method *method, const char *list)
{
    return strcmp(method->coding.list, list) == 0;
}

/* ---- a request ---- */

enum pv_err
pv_coding_request(const struct pv_contract_method *method,
                  const struct pv_code_map *map, struct pv_request *request,
                  struct pv_fault *ret_fault)
{
    for (size_t i = 0; i < method->input_count; i++) {
        struct pv_value *value = &request->value[i];
        const char      *name = method->input[i].name;
        const json_t    *given = json_object_get(request->root, name);
        const json_t    *partner;

        if (!method->input[i].coded || !value->present ||
            value->type != method->coding.type || is_own(method, map->list)) {
            continue; /* no code: of a union, another member */
        }
        if (json_is_object(given)) { /* {"type","value"} of a union */
            given = json_object_get(given, "value");
        }
        partner = json_object_get(map->from, json_string_value(given));
        if (!json_is_string(partner)) {
            return fail(ret_fault, PV_FAULT_NO_PARTNER, name);
        }
        value->text = (struct pv_slice){json_string_value(partner),
                                        json_string_length(partner)};
    }
    return PV_OK;
}

/* ---- an answer ---- */

typedef enum pv_err code_fn(const struct pv_contract_method *method,
                            const void *context, const struct pv_field *field,
                            json_t *object, struct pv_fault *fault);

/* Every code that stands in an object, or in each of a list. */
static enum pv_err
each_code(const struct pv_contract_method *method, const void *context,
          const struct pv_field *field, size_t count, json_t *object,
          code_fn *fn, struct pv_fault *fault)
{
    enum pv_err err = PV_OK;

    for (size_t i = 0; i < json_array_size(object) && err == PV_OK; i++) {
        err = each_code(method, context, field, count,
                        json_array_get(object, i), fn, fault);
    }
    for (size_t i = 0; json_is_object(object) && i < count && err == PV_OK;
         i++) {
        json_t *value = json_object_get(object, field[i].name);

        if (value != NULL && field[i].coded) {
            err = fn(method, context, &field[i], object, fault);
        } else if (value != NULL && field[i].item_count > 0) {
            err = each_code(method, context, field[i].item, field[i].item_count,
                            value, fn, fault);
        }
    }
    return err;
}

/* Of a union, is this value the code? */
static bool
is_code(const struct pv_contract_method *method, const struct pv_field *field,
        const json_t *value)
{
    const struct pv_data_item *member = NULL;

    return field->type == method->coding.type ||
           (json_is_string(value) &&
            pv_data_item_check(field->type,
                               (struct pv_slice){json_string_value(value),
                                                 json_string_length(value)},
                               &member) == PV_FAULT_NONE &&
            member == method->coding.type);
}

static enum pv_err
translate(const struct pv_contract_method *method, const void *context,
          const struct pv_field *field, json_t *object, struct pv_fault *fault)
{
    const struct pv_code_map *map = context;
    json_t                   *code = json_object_get(object, field->name);
    const json_t             *partner =
        is_own(method, map->list)
                        ? code
                        : json_object_get(map->to, json_string_value(code));
    json_t *put;

    (void)fault; /* nothing of an answer is refused here */
    if (!is_code(method, field, code)) {
        return PV_OK;
    }
    if (json_is_string(partner)) {
        put = json_copy((json_t *)(uintptr_t)partner);
    } else {
        put = json_pack("{s:s, s:O, s:s}", "type", method->coding.list, "value",
                        code, "partners", partner == NULL ? "none" : "many");
    }
    return json_object_set_new(object, field->name, put) == 0 ? PV_OK
                                                              : PV_ENOMEM;
}

enum pv_err
pv_coding_answer(const struct pv_contract_method *method,
                 const struct pv_code_map *map, json_t *body)
{
    struct pv_fault fault;
    enum pv_err     err = each_code(method, map, method->output,
                                    method->output_count, body, translate, &fault);

    if (err == PV_OK &&
        (json_object_set_new(body, said_name[0], json_string(map->list)) != 0 ||
         json_object_set_new(body, said_name[1],
                             json_string(method->coding.map)) != 0 ||
         json_object_set_new(body, said_name[2],
                             json_copy((json_t *)(uintptr_t)map->version)) !=
             0)) {
        err = PV_ENOMEM;
    }
    return err;
}

/* ---- an answer that came ---- */

static enum pv_err
take_type_away(const struct pv_contract_method *method, const void *context,
               const struct pv_field *field, json_t *object,
               struct pv_fault *fault)
{
    json_t     *value = json_object_get(object, field->name);
    const char *type = json_string_value(json_object_get(value, "type"));
    const char *partners =
        json_string_value(json_object_get(value, "partners"));

    (void)context;
    if (!json_is_object(value)) {
        return PV_OK;
    }
    if (json_object_size(value) != 3 || type == NULL || !is_own(method, type) ||
        partners == NULL ||
        (strcmp(partners, "none") != 0 && strcmp(partners, "many") != 0)) {
        return fail(fault, PV_FAULT_CODING, field->name);
    }
    return json_object_set(object, field->name,
                           json_object_get(value, "value")) == 0
               ? PV_OK
               : PV_ENOMEM;
}

enum pv_err
pv_coding_reply(const struct pv_contract_method *method, json_t *body,
                struct pv_fault *ret_fault)
{
    const char *map;

    if (method->coding.type == NULL ||
        json_object_get(body, said_name[0]) == NULL) {
        return PV_OK; /* and what is typed is of another form */
    }
    for (size_t i = 0; i < SAID_COUNT; i++) {
        if (!json_is_string(json_object_get(body, said_name[i]))) {
            return fail(ret_fault, PV_FAULT_CODING, said_name[i]);
        }
    }
    map = json_string_value(json_object_get(body, said_name[1]));
    if (strcmp(map, method->coding.map) != 0) {
        return fail(ret_fault, PV_FAULT_CODING, said_name[1]);
    }
    for (size_t i = 0; i < SAID_COUNT; i++) {
        (void)json_object_del(body, said_name[i]); /* it is there */
    }
    return each_code(method, NULL, method->output, method->output_count, body,
                     take_type_away, ret_fault);
}

static json_t *
coding_of(struct pv_slice body)
{
    json_t *root = json_loadb(body.len == 0 ? "" : body.ptr, body.len,
                              JSON_REJECT_DUPLICATES, NULL);
    json_t *coding = json_incref(json_object_get(root, said_name[0]));

    json_decref(root);
    return coding;
}

enum pv_err
pv_coding_check_reply(const struct pv_contract_method *method,
                      struct pv_slice question, struct pv_slice answer,
                      struct pv_fault *ret_fault)
{
    json_t *asked = NULL;
    json_t *said = NULL;
    bool    same = true;

    if (method->coding.type != NULL) {
        asked = coding_of(question);
        said = coding_of(answer);
        same = asked == said || (asked != NULL && json_equal(asked, said) == 1);
    }
    json_decref(asked); /* accepts NULL */
    json_decref(said);
    return same ? PV_OK : fail(ret_fault, PV_FAULT_CODING, said_name[0]);
}
