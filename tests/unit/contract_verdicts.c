/*
 * contract_verdicts ITEMS... - what lib/contract says of requests and answers,
 * for tests that ask a published validator the same. ITEMS are the catalogue's
 * files of data items. Reads one JSON object a line, writes one a line:
 *
 *   {"items": [...]}                 these data items from here on, no others
 *   {"contract": {...}}              this contract from here on
 *   {"when_ms": n}                   {"openapi": ...} of that day
 *   {"method": M, "side": S, "body": text, "when_ms": n}
 *                                    {"fault": word}, "" for none; S is
 *                                    request or answer
 *
 * The first two answer {"why": text}, "" where they were taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/openapi.h"
#include "contract/reply.h"
#include "contract/request.h"

struct state {
    struct pv_data_items *items;
    struct pv_contract   *contract;
};

static void
say(json_t *object)
{
    if (object == NULL || json_dumpf(object, stdout, JSON_COMPACT) != 0 ||
        putchar('\n') == EOF) {
        (void)fputs("contract_verdicts: no memory, or no reader\n",
                    stderr); /* the exit code says it too */
        exit(1);
    }
    json_decref(object);
}

static enum pv_err
take_items(struct state *state, const json_t *array, struct pv_why *why)
{
    enum pv_err err;

    pv_contract_free(state->contract);
    state->contract = NULL;
    pv_data_items_free(state->items);
    state->items = NULL;
    err = pv_data_items_new(&state->items);
    if (err == PV_OK) {
        err = pv_data_items_add(state->items, array, why);
    }
    if (err == PV_OK) {
        err = pv_data_items_finish(state->items, why);
    }
    if (err != PV_OK) {
        pv_data_items_free(state->items); /* good for nothing else */
        state->items = NULL;
    }
    return err;
}

static enum pv_err
take_contract(struct state *state, const json_t *contract, struct pv_why *why)
{
    char       *text;
    enum pv_err err = PV_ENOMEM;

    pv_contract_free(state->contract);
    state->contract = NULL;
    if (state->items == NULL) {
        pv_why_set(why, "%s", "its data items were refused");
        return PV_EINVAL;
    }
    text = json_dumps(contract, 0);
    if (text != NULL) {
        err = pv_contract_load(pv_slice_from(text), state->items,
                               &state->contract, why);
    }
    free(text);
    return err;
}

static void
judge(const struct pv_contract_method *method, const json_t *line,
      int64_t when_ms)
{
    const char     *side = json_string_value(json_object_get(line, "side"));
    const json_t   *body = json_object_get(line, "body");
    struct pv_slice text = {json_string_value(body), json_string_length(body)};
    struct pv_fault fault = {PV_FAULT_NONE, ""};
    struct pv_request request;
    struct pv_slice   word;
    enum pv_err       err;

    if (side != NULL && strcmp(side, "request") == 0) {
        err = pv_request_parse(method, text, when_ms, &request, &fault);
        if (err == PV_OK) {
            pv_request_clear(&request);
        }
    } else {
        err = pv_reply_check(method, text, when_ms, &fault);
    }
    word = err == PV_EINVAL ? pv_fault_word(fault.kind)
                            : pv_slice_from(err == PV_OK ? "" : "error");
    say(json_pack("{s:s%,s:s}", "fault", word.ptr, word.len, "member",
                  fault.member));
}

static void
take_line(struct state *state, const json_t *line)
{
    const json_t *array = json_object_get(line, "items");
    const json_t *contract = json_object_get(line, "contract");
    const json_t *id = json_object_get(line, "method");
    int64_t when_ms = json_integer_value(json_object_get(line, "when_ms"));
    struct pv_why why;

    pv_why_set(&why, "%s", "");
    if (array != NULL || contract != NULL) {
        enum pv_err err = array != NULL ? take_items(state, array, &why)
                                        : take_contract(state, contract, &why);

        say(json_pack("{s:s}", "why",
                      err != PV_OK && why.text[0] == '\0' ? pv_err_text(err)
                                                          : why.text));
        return;
    }
    if (state->contract == NULL) {
        say(json_pack("{s:s}", "why", "no contract"));
    } else if (id == NULL) {
        json_t     *document = NULL;
        enum pv_err err = pv_openapi(state->contract, NULL, when_ms, &document);

        say(err == PV_OK ? json_pack("{s:o}", "openapi", document) : NULL);
    } else {
        const struct pv_contract_method *method = pv_contract_method(
            state->contract, pv_slice_from(json_string_value(id)));

        if (method == NULL) {
            say(json_pack("{s:s}", "why", "no such method"));
        } else {
            judge(method, line, when_ms);
        }
    }
}

int
main(int argc, char **argv)
{
    struct state  state = {NULL, NULL};
    struct pv_why why;
    char         *text = NULL;
    size_t        room = 0;
    ssize_t       len;
    enum pv_err   err = pv_data_items_new(&state.items);

    pv_why_set(&why, "%s", "");
    for (int i = 1; err == PV_OK && i < argc; i++) {
        err = pv_data_items_add_file(state.items, argv[i], &why);
    }
    if (err == PV_OK) {
        err = pv_data_items_finish(state.items, &why);
    }
    while (err == PV_OK && (len = getline(&text, &room, stdin)) > 0) {
        json_t *line = json_loadb(text, (size_t)len, JSON_ALLOW_NUL, NULL);

        if (line == NULL) {
            pv_why_set(&why, "%s", "a line that is no JSON");
            err = PV_EINVAL;
        } else {
            take_line(&state, line);
        }
        json_decref(line); /* accepts NULL */
    }
    if (err != PV_OK) {
        (void)fprintf(stderr, "contract_verdicts: %s\n",
                      why.text); /* the exit code says it too */
    }
    free(text);
    pv_contract_free(state.contract);
    pv_data_items_free(state.items);
    return err == PV_OK ? 0 : 1;
}
