#include "contract/example.h"

#include <string.h>

#include "base/jalali.h"

/* The smallest bytes that look like their media type, as base64. */
static const char *
data_of(const char *media)
{
    static const struct {
        const char *media;
        const char *base64;
    } known[] = {
        {"image/jpeg", "/9j/"},
        {"image/png", "iVBORw0KGgo="},
        {"application/pdf", "JVBERi0x"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].media, media) == 0) {
            return known[i].base64;
        }
    }
    return "AA==";
}

static json_t *
binary(const struct pv_field *field)
{
    const json_t *list = json_object_get(field->source, "media");
    const char   *media = json_string_value(json_array_get(list, 0));

    return json_pack("{s:s,s:s}", "media", media, "data", data_of(media));
}

static json_t *
geometry(void)
{
    return json_pack("{s:s,s:[[[f,f],[f,f],[f,f],[f,f]]]}", "type", "Polygon",
                     "coordinates", 51.0, 35.0, 51.001, 35.0, 51.001, 35.001,
                     51.0, 35.0);
}

static json_t *value_of(const struct pv_field *field, const char *today);

/* Members that are sent today; NULL when there is no memory. */
static json_t *
object_of(const struct pv_field *field, size_t count, const char *today,
          bool all)
{
    json_t *object = json_object();

    for (size_t i = 0; object != NULL && i < count; i++) {
        bool over = field[i].until[0] != '\0' &&
                    memcmp(field[i].until, today, PV_JALALI_TEXT_LEN) < 0;

        if (over || (!all && !field[i].required)) {
            continue;
        }
        if (json_object_set_new(object, field[i].name,
                                value_of(&field[i], today)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *
list_of(const struct pv_field *field, const char *today)
{
    json_t *list = json_array();
    size_t  count = field->min_items > 1 ? field->min_items : 1;

    for (size_t i = 0; list != NULL && i < count; i++) {
        if (json_array_append_new(
                list, object_of(field->item, field->item_count, today, true)) !=
            0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *
value_of(const struct pv_field *field, const char *today)
{
    switch (field->type->base) {
    case PV_BASE_LIST:
        return list_of(field, today);
    case PV_BASE_OBJECT:
        return field->item_count == 0
                   ? geometry()
                   : object_of(field->item, field->item_count, today, true);
    case PV_BASE_BINARY:
        return binary(field);
    case PV_BASE_STRING:
    case PV_BASE_INTEGER:
    case PV_BASE_DECIMAL:
    case PV_BASE_BOOLEAN:
    case PV_BASE_DATE:
    case PV_BASE_ENUM:
        break;
    }
    /* every plain item of the catalogue has one, which is checked there */
    return json_incref(json_object_get(field->type->source, "example"));
}

static enum pv_err
put_window(const struct pv_contract_method *method, int64_t when_ms,
           json_t *request)
{
    const struct pv_window *window = &method->window;
    char                    day[PV_JALALI_TEXT_LEN];

    if (!window->is_set) {
        return PV_OK;
    }
    pv_jalali_text(when_ms - (int64_t)window->newest_days * PV_DAY_MS, day);
    return json_object_set_new(request, method->input[window->input].name,
                               json_stringn(day, sizeof(day))) == 0
               ? PV_OK
               : PV_ENOMEM;
}

enum pv_err
pv_example_request(const struct pv_contract_method *method, bool all,
                   int64_t when_ms, json_t **ret)
{
    char        today[PV_JALALI_TEXT_LEN];
    json_t     *request;
    enum pv_err err;

    pv_jalali_text(when_ms, today);
    request = object_of(method->input, method->input_count, today, all);
    if (request == NULL) {
        return PV_ENOMEM;
    }
    err = put_window(method, when_ms, request);
    if (err == PV_OK && method->after.method != NULL &&
        json_object_set_new(request, "order_token", json_string("AAAAAA==")) !=
            0) {
        err = PV_ENOMEM;
    }
    if (err != PV_OK) {
        json_decref(request);
        return err;
    }
    *ret = request;
    return PV_OK;
}

static enum pv_err
put_validity(const struct pv_contract_method *method, int64_t when_ms,
             json_t *answer)
{
    char now[PV_TIME_TEXT_LEN];

    if (method->coverage_from[0] != '\0' &&
        json_object_set_new(answer, "coverage_from",
                            json_string(method->coverage_from)) != 0) {
        return PV_ENOMEM;
    }
    pv_time_text(when_ms, now);
    if (method->timed &&
        json_object_set_new(answer, "determined_at",
                            json_stringn(now, sizeof(now))) != 0) {
        return PV_ENOMEM;
    }
    return PV_OK;
}

enum pv_err
pv_example_answer(const struct pv_contract_method *method, int64_t when_ms,
                  json_t **ret)
{
    char        today[PV_JALALI_TEXT_LEN];
    json_t     *answer = json_object();
    json_t     *outputs = NULL;
    enum pv_err err = PV_ENOMEM;

    pv_jalali_text(when_ms, today);
    if (answer == NULL) {
        return PV_ENOMEM;
    }
    if (pv_method_says_found(method) &&
        json_object_set_new(answer, "found", json_string("yes")) != 0) {
        goto out;
    }
    outputs = object_of(method->output, method->output_count, today, true);
    if (outputs == NULL || json_object_update(answer, outputs) != 0) {
        goto out;
    }
    err = put_validity(method, when_ms, answer);
    if (err != PV_OK) {
        goto out;
    }
    *ret = answer;
    answer = NULL;

out:
    json_decref(answer);
    json_decref(outputs);
    return err;
}
