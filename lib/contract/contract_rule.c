/* contract_rule.c - what the documents demand of a method beside its fields. */
#include <string.h>

#include "base/time.h"
#include "contract/contract_private.h"

#define WINDOW_DAYS_MAX 36500
#define PV_NUMBER_LEN_MAX 20

/* The index of the input that a text names. */
static enum pv_err
take_input(const struct pv_taker           *taker,
           const struct pv_contract_method *method, const char *member,
           const json_t *name, size_t *ret)
{
    const char            *text = json_string_value(name);
    const struct pv_field *field =
        text == NULL ? NULL
                     : pv_field_find(method->input, method->input_count,
                                     pv_slice_from(text));

    if (field == NULL) {
        return pv_taker_refuse(taker, member, "\"%.64s\" is no input",
                               text == NULL ? "" : text);
    }
    *ret = (size_t)(field - method->input);
    return PV_OK;
}

/* A list of names of inputs. */
enum pv_err
pv_take_input_names(const struct pv_taker           *taker,
                    const struct pv_contract_method *method,
                    const json_t *object, const char *member,
                    size_t input[PV_FIELDS_MAX], size_t *ret_count)
{
    const json_t *list;
    enum pv_err   err =
        pv_taker_list(taker, object, member, PV_FIELDS_MAX, &list);

    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        err = take_input(taker, method, member, json_array_get(list, i),
                         &input[i]);
        *ret_count = i + 1;
    }
    return err;
}

/* ---- rules over several inputs ---- */

static bool
is_date(const struct pv_field *field)
{
    return field->type->base == PV_BASE_DATE;
}

static enum pv_err
take_rule(struct pv_taker *taker, const json_t *object,
          const struct pv_contract_method *method, struct pv_rule *rule)
{
    /* the kinds first, in the order of enum pv_rule_kind */
    static const char *const keywords[] = {"not_before", "needs",   "one_of",
                                           "not_future", "text_fa", "text_en",
                                           NULL};
    int                      kinds = 0;
    enum pv_err              err = pv_taker_only(taker, object, keywords);

    if (err != PV_OK) {
        return err;
    }
    for (int kind = 0; kind < PV_RULES; kind++) {
        if (pv_has(object, keywords[kind])) {
            rule->kind = (enum pv_rule_kind)kind;
            kinds++;
        }
    }
    if (kinds != 1) {
        return pv_taker_refuse(taker, NULL,
                               "a rule is one of not_before, needs, one_of and "
                               "not_future");
    }
    err = pv_take_input_names(taker, method, object, keywords[rule->kind],
                              rule->input, &rule->input_count);
    if (err != PV_OK) {
        return err;
    }
    if ((rule->kind == PV_RULE_NOT_BEFORE || rule->kind == PV_RULE_NEEDS) &&
        rule->input_count != 2) {
        return pv_taker_refuse(taker, keywords[rule->kind], "takes two inputs");
    }
    for (size_t i = 0; i < rule->input_count; i++) {
        if ((rule->kind == PV_RULE_NOT_BEFORE ||
             rule->kind == PV_RULE_NOT_FUTURE) &&
            !is_date(&method->input[rule->input[i]])) {
            return pv_taker_refuse(taker, keywords[rule->kind],
                                   "\"%s\" is no date",
                                   method->input[rule->input[i]].name);
        }
    }
    return pv_taker_words(taker, object, "text", true);
}

static enum pv_err
take_rule_list(struct pv_taker *taker, const json_t *object,
               struct pv_contract_method *method)
{
    const json_t *list;
    enum pv_err   err;

    if (!pv_has(object, "rules")) {
        return PV_OK;
    }
    err = pv_taker_list(taker, object, "rules", PV_RULES_MAX, &list);
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        size_t mark = pv_taker_enter_index(taker, "rules", i);

        err =
            take_rule(taker, json_array_get(list, i), method, &method->rule[i]);
        method->rule_count = i + 1;
        pv_taker_leave(taker, mark);
    }
    return err;
}

/* ---- what an answer means ---- */

static enum pv_err
take_meaning(struct pv_taker *taker, const json_t *object,
             const struct pv_contract_method *method)
{
    static const char *const keywords[] = {"yes_fa", "yes_en", "no_fa", "no_en",
                                           NULL};
    const json_t            *meaning = json_object_get(object, "meaning");
    size_t                   mark;
    enum pv_err              err;

    if (method->pattern == PV_CALL_VERIFY && !pv_method_is_yes_no(method)) {
        return pv_taker_refuse(taker, "outputs",
                               "verify answers exactly one yes_no (R-041)");
    }
    if (!pv_method_is_yes_no(method)) {
        return meaning == NULL
                   ? PV_OK
                   : pv_taker_refuse(taker, "meaning",
                                     "\"meaning\" is for answers of one "
                                     "yes_no");
    }
    if (meaning == NULL) {
        return pv_taker_refuse(taker, NULL,
                               "\"meaning\" of yes and of no is missing "
                               "(R-146)");
    }
    mark = pv_taker_enter(taker, "meaning");
    err = pv_taker_only(taker, meaning, keywords);
    if (err == PV_OK) {
        err = pv_taker_words(taker, meaning, "yes", true);
    }
    if (err == PV_OK) {
        err = pv_taker_words(taker, meaning, "no", true);
    }
    pv_taker_leave(taker, mark);
    return err;
}

static enum pv_err
take_coverage(struct pv_taker *taker, const json_t *object,
              struct pv_contract_method *method)
{
    static const char *const keywords[] = {"from", "text_fa", "text_en", NULL};
    const json_t            *coverage = json_object_get(object, "coverage");
    enum pv_err err = pv_taker_bool(taker, object, "timed", &method->timed);

    if (err == PV_OK && coverage != NULL) {
        size_t mark = pv_taker_enter(taker, "coverage");

        err = pv_taker_only(taker, coverage, keywords);
        if (err == PV_OK) {
            err = pv_taker_day(taker, coverage, "from", method->coverage_from);
        }
        if (err == PV_OK) {
            err = pv_taker_words(taker, coverage, "text", true);
        }
        pv_taker_leave(taker, mark);
    }
    return err;
}

static enum pv_err
take_window(struct pv_taker *taker, const json_t *object,
            struct pv_contract_method *method)
{
    static const char *const keywords[] = {
        "input", "oldest_days", "newest_days", "text_fa", "text_en", NULL};
    const json_t     *window = json_object_get(object, "window");
    struct pv_window *to = &method->window;
    size_t            mark;
    enum pv_err       err;

    if (window == NULL) {
        return PV_OK;
    }
    mark = pv_taker_enter(taker, "window");
    err = pv_taker_only(taker, window, keywords);
    if (err == PV_OK) {
        err = take_input(taker, method, "input",
                         json_object_get(window, "input"), &to->input);
    }
    if (err == PV_OK && !is_date(&method->input[to->input])) {
        err = pv_taker_refuse(taker, "input", "a window is over a date");
    }
    if (err == PV_OK && !pv_has(window, "oldest_days")) {
        err = pv_taker_refuse(taker, NULL, "\"oldest_days\" is missing");
    }
    if (err == PV_OK) {
        err = pv_taker_number(taker, window, "oldest_days", 0, WINDOW_DAYS_MAX,
                              &to->oldest_days);
    }
    if (err == PV_OK) {
        err = pv_taker_number(taker, window, "newest_days", 0, to->oldest_days,
                              &to->newest_days);
    }
    if (err == PV_OK) {
        err = pv_taker_words(taker, window, "text", true);
    }
    to->is_set = err == PV_OK;
    pv_taker_leave(taker, mark);
    return err;
}

/* ---- what an answer may hold ---- */

static bool
holds_item(const struct pv_field *field, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(field[i].type->id, id) == 0 ||
            holds_item(field[i].item, field[i].item_count, id)) {
            return true;
        }
    }
    return false;
}

static enum pv_err
take_never(struct pv_taker *taker, const json_t *object,
           const struct pv_contract_method *method)
{
    const json_t *list;
    enum pv_err   err;

    if (!pv_has(object, "never")) {
        return PV_OK;
    }
    err = pv_taker_list(taker, object, "never", PV_FIELDS_MAX, &list);
    for (size_t i = 0; err == PV_OK && i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));

        if (id == NULL ||
            pv_data_items_find(taker->items, pv_slice_from(id)) == NULL) {
            err = pv_taker_refuse(taker, "never", "\"%.64s\" is no data item",
                                  id == NULL ? "" : id);
        } else if (holds_item(method->output, method->output_count, id)) {
            err = pv_taker_refuse(taker, "never",
                                  "%s is never sent, but an output is one", id);
        }
    }
    return err;
}

/* Only numbers: neither a name nor an identifier can tell of a person. */
static enum pv_err
take_aggregate(struct pv_taker *taker, const json_t *object,
               struct pv_contract_method *method)
{
    enum pv_err err =
        pv_taker_bool(taker, object, "aggregate_only", &method->aggregate_only);

    for (size_t i = 0;
         err == PV_OK && method->aggregate_only && i < method->output_count;
         i++) {
        enum pv_base base = method->output[i].type->base;

        if (base != PV_BASE_INTEGER && base != PV_BASE_DECIMAL) {
            err = pv_taker_refuse(taker, "aggregate_only",
                                  "output \"%s\" is no number (R-068)",
                                  method->output[i].name);
        }
    }
    return err;
}

size_t
pv_pad_needed(const struct pv_contract_method *method)
{
    size_t len = strlen(method->output[0].name) + strlen("{'':'yes'}");

    if (method->coverage_from[0] != '\0') {
        len += strlen(",'coverage_from':'1401-01-01'");
    }
    if (method->timed) {
        len += strlen(",'determined_at':''") + PV_TIME_TEXT_LEN;
    }
    if (json_object_get(method->source, "coding") != NULL) {
        len += strlen(",'coding':'','code_map':'','code_map_version':''") +
               2 * PV_CODE_LIST_MAX + PV_NUMBER_LEN_MAX;
    }
    if (method->unlocks != NULL) {
        len += strlen(",'order_token':''") + PV_ORDER_TOKEN_LEN_MAX;
    }
    return len;
}

static enum pv_err
take_limits(const struct pv_taker *taker, const json_t *object,
            struct pv_contract_method *method)
{
    enum pv_err err;

    if (!pv_has(object, "deadline_ms")) {
        return pv_taker_refuse(taker, NULL, "\"deadline_ms\" is missing");
    }
    if (pv_has(object, "pad_to") && !pv_method_is_yes_no(method)) {
        return pv_taker_refuse(taker, "pad_to",
                               "\"pad_to\" is for answers of one yes_no");
    }
    method->max_rows = PV_METHOD_ROWS_DEFAULT;
    method->pad_to = method->coverage_from[0] == '\0' && !method->timed
                         ? PV_PAD_DEFAULT
                         : 2 * PV_PAD_DEFAULT;
    err = pv_taker_number(taker, object, "deadline_ms", PV_DEADLINE_MIN_MS,
                          PV_DEADLINE_MAX_MS, &method->deadline_ms);
    if (err == PV_OK) {
        err = pv_taker_number(taker, object, "max_rows", 1, PV_METHOD_ROWS_MAX,
                              &method->max_rows);
    }
    if (err == PV_OK) {
        err = pv_taker_number(taker, object, "pad_to", PV_PAD_MIN, PV_PAD_MAX,
                              &method->pad_to);
    }
    if (err == PV_OK && pv_method_is_yes_no(method) &&
        pv_pad_needed(method) > method->pad_to) {
        err = pv_taker_refuse(taker, NULL,
                              "the answer yes is longer than \"pad_to\"");
    }
    return err;
}

enum pv_err
pv_take_rules(struct pv_taker *taker, const json_t *object,
              struct pv_contract *contract, struct pv_contract_method *method)
{
    enum pv_err err = take_meaning(taker, object, method);

    if (err == PV_OK) {
        err = take_coverage(taker, object, method);
    }
    if (err == PV_OK) {
        err = take_limits(taker, object, method);
    }
    if (err == PV_OK) {
        err = take_rule_list(taker, object, method);
    }
    if (err == PV_OK) {
        err = take_window(taker, object, method);
    }
    if (err == PV_OK) {
        err = pv_take_needs(taker, object, contract, method);
    }
    if (err == PV_OK) {
        err = pv_take_pages(taker, object, method);
    }
    if (err == PV_OK) {
        err = pv_take_coding(taker, object, method);
    }
    if (err == PV_OK) {
        err = take_never(taker, object, method);
    }
    return err == PV_OK ? take_aggregate(taker, object, method) : err;
}
