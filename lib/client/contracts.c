/* contracts.c - the contract of a call, and its answer held against it. */
#include "client/private.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "contract/coding.h"
#include "contract/document.h"
#include "contract/pages.h"
#include "contract/reply.h"
#include "contract/request.h"

#define PATH_ROOM (VALUE_MAX + METHOD_MAX + 32)

void
pv_client_forget_items(struct payvand *exchange)
{
    pv_data_items_free(exchange->items);
    exchange->items = NULL;
}

static enum pv_err
load_items(struct payvand *exchange, struct pv_why *why)
{
    static const char *const file[] = {"data_items.json", "enactment.json",
                                       "data_items_proposed.json"};
    struct pv_data_items    *items = NULL;
    enum pv_err              err;

    if (exchange->items != NULL) {
        return PV_OK;
    }
    err = pv_data_items_new(&items);
    for (size_t i = 0; err == PV_OK && i < sizeof(file) / sizeof(file[0]);
         i++) {
        char path[PATH_ROOM];

        (void)snprintf(path, sizeof(path), "%s/%s", /* fits */
                       exchange->setting[PAYVAND_CONTRACTS], file[i]);
        err = pv_data_items_add_file(items, path, why);
    }
    if (err == PV_OK) {
        err = pv_data_items_finish(items, why);
    }
    if (err == PV_OK) {
        exchange->items = items;
        items = NULL;
    }
    pv_data_items_free(items);
    return err;
}

void
pv_client_set_source(struct payvand                *exchange,
                     const struct pv_client_source *source)
{
    exchange->source = source;
}

bool
pv_client_has_no_contract(const struct payvand_call *call)
{
    return call->has_no_contract;
}

static enum pv_err
load_given(struct payvand_call *call, struct pv_why *why)
{
    const struct pv_client_source *source = call->exchange->source;
    const char                    *method = strrchr(call->path, '/');
    struct pv_buf                  text;
    enum pv_err                    err;

    pv_buf_init(&text, PV_DOCUMENT_BYTES_MAX);
    err = source->take(source->context, call->path, &call->state, &text, why);
    if (err == PV_OK) {
        err = pv_document_load(pv_buf_view(&text), &call->contract, why);
    }
    pv_buf_clear(&text);
    if (err == PV_OK) { /* payvand_call_new has seen the slashes */
        call->terms =
            pv_contract_method(call->contract, pv_slice_from(method + 1));
        if (call->terms == NULL || strcmp(call->terms->path, call->path) != 0) {
            call->terms = NULL;
            pv_why_set(why, "the contract has no method %s", call->path);
            err = PV_EINVAL;
        }
    }
    call->has_no_contract = err != PV_OK && err != PV_ENOMEM;
    return err;
}

enum pv_err
pv_client_load_contract(struct payvand_call *call, struct pv_why *why)
{
    struct payvand *exchange = call->exchange;
    struct pv_slice service;
    struct pv_slice version;
    struct pv_slice rest;
    char            path[PATH_ROOM];
    enum pv_err     err;

    pv_contract_free(call->contract);
    call->contract = NULL;
    call->terms = NULL;
    if (exchange->source != NULL) {
        return load_given(call, why);
    }
    if (exchange->setting[PAYVAND_CONTRACTS] == NULL) {
        return PV_OK;
    }
    err = load_items(exchange, why);
    if (err != PV_OK) {
        return err;
    }
    /* payvand_call_new has seen the three slashes */
    rest = pv_slice_from(call->method + strlen(call->provider) + 1);
    (void)pv_slice_cut(rest, '/', &service, &rest);
    (void)pv_slice_cut(rest, '/', &version, &rest);
    (void)snprintf(path, sizeof(path), "%s/contracts/%s/%.*s.json", /* fits */
                   exchange->setting[PAYVAND_CONTRACTS], call->provider,
                   PV_FMT(service));
    err = pv_contract_load_file(path, exchange->items, &call->contract, why);
    if (err == PV_OK) {
        call->terms = pv_contract_method(call->contract, rest);
        if (call->terms == NULL || strcmp(call->terms->path, call->path) != 0) {
            call->terms = NULL;
            pv_why_set(why, "%s is no contract of %s", path, call->method);
            err = PV_EINVAL;
        }
    }
    return err;
}

bool
pv_client_only_asks(const struct payvand_call *call)
{
    return call->terms != NULL && (call->terms->pattern == PV_CALL_INQUIRY ||
                                   call->terms->pattern == PV_CALL_VERIFY ||
                                   call->terms->pattern == PV_CALL_LIST);
}

/* The name of a member that the provider made up may say anything. */
static void
keep_name(struct pv_fault *fault)
{
    if (fault->member[strspn(
            fault->member, "abcdefghijklmnopqrstuvwxyz0123456789_.")] != '\0') {
        fault->member[0] = '\0';
    }
}

static void
say_fault(const struct payvand_call *call, const char *what, struct pv_why *why)
{
    pv_why_set(why, "The %s breaks its contract: %.*s%s%s", what,
               PV_FMT(pv_fault_word(call->fault.kind)),
               call->fault.member[0] == '\0' ? "" : ", ", call->fault.member);
}

enum pv_err
pv_client_check_request(struct payvand_call *call, struct pv_why *why)
{
    struct pv_request request;
    enum pv_err       err;

    /* files and events have no body of this kind */
    if (!pv_client_only_asks(call) &&
        (call->terms == NULL || call->terms->pattern != PV_CALL_COMMAND)) {
        return PV_OK;
    }
    err = pv_request_parse(call->terms, pv_buf_view(&call->body),
                           pv_time_wall_ms(), &request, &call->fault);
    if (err == PV_OK) {
        pv_request_clear(&request);
    } else {
        say_fault(call, "input", why);
    }
    return err;
}

enum pv_err
pv_client_check_contract(struct payvand_call *call, struct pv_why *why)
{
    enum pv_err err;

    if (call->terms == NULL) {
        return PV_OK;
    }
    /* as of when it was sent: an item of the last day may come after it */
    err = pv_reply_check(call->terms, pv_buf_view(&call->http.answer),
                         call->sent_ms, &call->fault);
    if (err == PV_OK) {
        err = pv_coding_check_reply(call->terms, pv_buf_view(&call->body),
                                    pv_buf_view(&call->http.answer),
                                    &call->fault);
    }
    if (err == PV_OK) {
        err = pv_client_check_rights(call);
    }
    if (err == PV_OK) {
        err = pv_page_check_reply(call->terms, pv_buf_view(&call->body),
                                  pv_buf_view(&call->http.answer), &call->last,
                                  &call->fault);
    }
    if (err == PV_OK && call->is_next && !call->terms->pages.is_set) {
        /* it was replaced: nobody knows whether the list is whole */
        pv_fault_set(&call->fault, PV_FAULT_ORDER, PV_LIT(""));
        pv_why_set(why, "The list's contract has no pages any more");
        return PV_EINVAL;
    }
    if (err != PV_OK) {
        keep_name(&call->fault);
        say_fault(call, "answer", why);
    }
    return err;
}

const struct pv_fault *
pv_client_fault(const struct payvand_call *call)
{
    return &call->fault;
}

int
payvand_call_has_next(const struct payvand_call *call)
{
    return call->last.len > 0;
}

enum payvand_result
payvand_call_next(struct payvand_call *call)
{
    struct pv_buf       question;
    enum payvand_result result = PAYVAND_EINVAL;

    pv_buf_init(&question, PAYVAND_BODY_MAX);
    if (!payvand_call_has_next(call) || call->terms == NULL) {
        pv_why_set(&call->why, "there is no next page");
    } else if (pv_page_next(call->terms, pv_buf_view(&call->body),
                            pv_buf_view(&call->last), &question) != PV_OK) {
        pv_why_set(&call->why, "no memory");
        result = PAYVAND_ENOMEM;
    } else {
        call->is_next = true;
        result = payvand_call_run(call, question.ptr, question.len);
        call->is_next = false;
    }
    pv_buf_wipe(&question);
    return result;
}

const char *
payvand_call_meaning(const struct payvand_call *call, const char *language)
{
    return call->terms == NULL || strcmp(call->http.outcome, "answered") != 0
               ? NULL
               : pv_reply_meaning(call->terms, pv_buf_view(&call->http.answer),
                                  language);
}
