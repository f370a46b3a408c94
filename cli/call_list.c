/* call_list.c - see call_list.h. */
#include "call_list.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

/* The rows are the one list of the answer: its contract has been held. */
static const json_t *
rows_of(const json_t *answer)
{
    const json_t *value = NULL;

    for (void *at = json_object_iter((json_t *)(uintptr_t)answer); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)answer, at)) {
        value = json_object_iter_value(at);
        if (json_is_array(value)) {
            break;
        }
    }
    return json_is_array(value) ? value : NULL;
}

static bool
print_row(const json_t *row)
{
    char *text = json_dumps(row, JSON_COMPACT);
    bool  good = text != NULL && pv_cli_put(pv_slice_from(text)) &&
                fputc('\n', stdout) != EOF;

    free(text);
    return good;
}

static void
print_page(struct payvand_call *call, struct pv_call_list *list)
{
    size_t      len = 0;
    const char *text = payvand_call_answer(call, &len);
    json_t     *answer =
        json_loadb(text == NULL ? "" : text, len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *rows = rows_of(answer);

    for (size_t i = 0; list->is_printed && i < json_array_size(rows); i++) {
        list->is_printed = print_row(json_array_get(rows, i));
        list->rows++;
    }
    json_decref(answer);
}

enum payvand_result
pv_call_list_run(struct payvand_call *call, struct pv_slice body,
                 struct pv_call_list *ret)
{
    enum payvand_result result = payvand_call_run(call, body.ptr, body.len);

    *ret = (struct pv_call_list){.calls = 1, .is_printed = true};
    while (result == PAYVAND_OK && payvand_call_has_next(call) &&
           ret->is_printed) {
        print_page(call, ret);
        result = payvand_call_next(call);
        ret->calls++;
    }
    ret->is_whole = result == PAYVAND_OK && ret->is_printed &&
                    strcmp(payvand_call_outcome(call), "answered") == 0;
    if (ret->is_whole) {
        ret->is_printed = printf("{\"whole\":{\"rows\":%llu,\"calls\":%llu}}\n",
                                 (unsigned long long)ret->rows,
                                 (unsigned long long)ret->calls) > 0;
    }
    ret->is_printed = fflush(stdout) == 0 && ret->is_printed;
    return result;
}
