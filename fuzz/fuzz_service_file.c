/*
 * Laws: a service file that loads has as many ? in each statement as it has
 * parameters, each of an input that is there, and valid paths; a request
 * that it takes can be bound without looking further, holds every required
 * input, and is taken again when it is written out anew; a fault never holds
 * anything but a declared or a plain name.
 *
 * Input: a service file, then a NUL, then the body of a request.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "contract/answer.h"
#include "contract/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct pv_data_items *items;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct pv_why why = {""};

    (void)argc;
    (void)argv;
    if (pv_data_items_new(&items) != PV_OK ||
        pv_data_items_add_file(items,
                               PV_SOURCE_ROOT "/catalogue/data_items.json",
                               &why) != PV_OK ||
        pv_data_items_add_file(
            items, PV_SOURCE_ROOT "/catalogue/enactment.json", &why) != PV_OK ||
        pv_data_items_finish(items, &why) != PV_OK) {
        abort();
    }
    return 0;
}

/* The ? outside quotes and comments, counted by other code. */
static size_t
count_marks(const char *sql)
{
    size_t count = 0;

    for (size_t i = 0; sql[i] != '\0'; i++) {
        if (sql[i] == '\'' || sql[i] == '"' || sql[i] == '`') {
            char quote = sql[i];

            for (i++; sql[i] != quote; i++) {
            }
        } else if (sql[i] == '-' && sql[i + 1] == '-') {
            while (sql[i + 1] != '\0' && sql[i + 1] != '\n') {
                i++;
            }
        } else if (sql[i] == '/' && sql[i + 1] == '*') {
            i = (size_t)(strstr(sql + i + 2, "*/") - sql) + 1;
        } else {
            count += sql[i] == '?';
        }
    }
    return count;
}

static void
statement_law(const struct pv_method    *method,
              const struct pv_statement *statement)
{
    if (statement->sql == NULL) {
        return;
    }
    if (count_marks(statement->sql) != statement->bind_count) {
        abort();
    }
    for (size_t i = 0; i < statement->bind_count; i++) {
        if (statement->bind[i].input >= method->input_count) {
            abort();
        }
    }
}

static void
request_law(const struct pv_method *method, struct pv_slice body)
{
    struct pv_request request;
    struct pv_request again;
    struct pv_fault   fault = {PV_FAULT_NONE, ""};
    struct pv_slice   text;
    char             *written;

    if (pv_request_parse(method, body, &request, &fault) != PV_OK) {
        if (fault.kind == PV_FAULT_NONE ||
            strspn(fault.member, "abcdefghijklmnopqrstuvwxyz_0123456789") !=
                strlen(fault.member)) {
            abort();
        }
        return;
    }
    for (size_t i = 0; i < method->input_count; i++) {
        if (method->input[i].required && !request.value[i].present) {
            abort();
        }
    }
    for (size_t i = 0; i < method->statement.bind_count; i++) {
        if (pv_request_bind(&request, &method->statement.bind[i], &text) &&
            !pv_utf8_is_valid(text)) {
            abort();
        }
    }
    written = json_dumps(request.root, JSON_COMPACT);
    if (written == NULL || pv_request_parse(method, pv_slice_from(written),
                                            &again, &fault) != PV_OK) {
        abort();
    }
    free(written);
    pv_request_clear(&again);
    pv_request_clear(&request);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pv_slice    file;
    struct pv_slice    body;
    struct pv_service *service = NULL;
    struct pv_why      why = {""};
    json_t            *root;

    (void)pv_slice_cut((struct pv_slice){(const char *)data, len}, '\0', &file,
                       &body);
    root = json_loadb(file.len == 0 ? "" : file.ptr, file.len,
                      JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL) {
        return 0;
    }
    if (pv_service_load(root, items, &service, &why) != PV_OK) {
        if (service != NULL || why.text[0] == '\0') {
            abort();
        }
    } else {
        for (size_t i = 0; i < service->method_count; i++) {
            const struct pv_method *method = &service->method[i];

            statement_law(method, &method->statement);
            statement_law(method, &method->scalar);
            request_law(method, body);
        }
    }
    pv_service_free(service);
    json_decref(root);
    return 0;
}
