/*
 * Laws: a contract that loads has paths of its own; a service file that loads
 * on it has as many ? in each statement as it has parameters, each of an input
 * that is there; a request that it takes can be bound without looking further,
 * holds every required input, and is taken again to the same texts; a fault
 * never holds anything but a declared or a plain name; a refusal has words.
 *
 * Input: a contract, a NUL, a service file, a NUL, and the body of a request.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "contract/answer.h"
#include "contract/request.h"

#define WHEN_MS INT64_C(1679400000000)

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
        pv_data_items_add_file(
            items, PV_SOURCE_ROOT "/catalogue/data_items_proposed.json",
            &why) != PV_OK ||
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
        uint16_t input = statement->bind[i].input;

        if (input >= method->contract->input_count &&
            (method->contract->pattern != PV_CALL_COMMAND ||
             input < PV_BIND_CALL || input >= PV_BIND_CALL + PV_CALL_VALUES)) {
            abort();
        }
    }
}

static void
bound_law(const struct pv_request *one, const struct pv_request *two,
          const struct pv_statement *statement)
{
    for (size_t i = 0; i < statement->bind_count; i++) {
        struct pv_slice text[2] = {{NULL, 0}, {NULL, 0}};

        if (pv_request_bind(one, &statement->bind[i], &text[0]) !=
                pv_request_bind(two, &statement->bind[i], &text[1]) ||
            !pv_utf8_is_valid(text[0]) || !pv_slice_eq(text[0], text[1])) {
            abort();
        }
    }
}

static void
request_law(const struct pv_contract_method *contract,
            const struct pv_method *method, struct pv_slice body)
{
    struct pv_request request;
    struct pv_request again;
    struct pv_fault   fault = {PV_FAULT_NONE, ""};

    if (pv_request_parse(contract, body, WHEN_MS, &request, &fault) != PV_OK) {
        if (fault.kind == PV_FAULT_NONE ||
            strspn(fault.member, "abcdefghijklmnopqrstuvwxyz_0123456789.[]") !=
                strlen(fault.member)) {
            abort();
        }
        return;
    }
    for (size_t i = 0; i < contract->input_count; i++) {
        if (contract->input[i].required && !request.value[i].present) {
            abort();
        }
    }
    if (pv_request_parse(contract, body, WHEN_MS, &again, &fault) != PV_OK) {
        abort();
    }
    if (method != NULL) {
        bound_law(&request, &again, &method->statement);
    }
    pv_request_clear(&again);
    pv_request_clear(&request);
}

static void
service_law(const struct pv_contract *contract, struct pv_slice file,
            struct pv_slice body)
{
    const struct pv_contract *known[] = {contract};
    struct pv_service        *service = NULL;
    struct pv_why             why = {""};

    if (pv_service_load(file, known, 1, &service, &why) != PV_OK) {
        if (service != NULL || why.text[0] == '\0') {
            abort();
        }
        return;
    }
    for (size_t i = 0; i < service->method_count; i++) {
        const struct pv_method *method = &service->method[i];

        statement_law(method, &method->statement);
        statement_law(method, &method->scalar);
        for (size_t j = 0; j < method->step_count; j++) {
            statement_law(method, &method->step[j].statement);
        }
        request_law(method->contract, method, body);
    }
    pv_service_free(service);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct pv_slice     text;
    struct pv_slice     file;
    struct pv_slice     body;
    struct pv_contract *contract = NULL;
    struct pv_why       why = {""};

    (void)pv_slice_cut((struct pv_slice){(const char *)data, len}, '\0', &text,
                       &file);
    (void)pv_slice_cut(file, '\0', &file, &body);
    if (pv_contract_load(text, items, &contract, &why) != PV_OK) {
        if (contract != NULL || why.text[0] == '\0') {
            abort();
        }
        return 0;
    }
    for (size_t i = 0; i < contract->method_count; i++) {
        const struct pv_contract_method *method = &contract->method[i];

        if (pv_contract_method(contract, pv_slice_from(method->id)) != method) {
            abort();
        }
        request_law(method, NULL, body);
    }
    service_law(contract, file, body);
    pv_contract_free(contract);
    return 0;
}
