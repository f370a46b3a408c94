/* rights.c - the items that the agency's grants open, and an answer held
   against them. */
#include "client/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "contract/opened.h"

#define STALE_HOURS 72 /* a weekend and a day, as at the provider */

void
pv_client_forget_rights(struct payvand *exchange)
{
    pv_rights_free(exchange->rights);
    exchange->rights = NULL;
}

static enum pv_err
refuse(struct pv_why *why, const struct payvand *exchange, const char *what)
{
    pv_why_set(why, "%s: %s", exchange->setting[PAYVAND_RIGHTS], what);
    return PV_EINVAL;
}

/* Hold what is in the bytes, if the log signed it and it is of no other time
   than what is held. */
static enum pv_err
take(struct payvand *exchange, struct pv_slice state, struct pv_why *why)
{
    struct pv_rights     *rights = NULL;
    struct pv_note_key    key;
    struct pv_rights_head head;
    struct pv_slice       body;
    enum pv_err           err = pv_note_key_parse(
                  pv_slice_from(exchange->setting[PAYVAND_LOG_KEY]), &key);

    if (err == PV_OK) { /* another agency's state says nothing of this one */
        err = pv_rights_open(state, &key,
                             pv_slice_from(exchange->setting[PAYVAND_AGENCY]),
                             &head, &body);
    }
    if (err == PV_OK) {
        err = pv_rights_read(body, &rights);
    }
    if (err != PV_OK) {
        return refuse(why, exchange,
                      "it is not what this log signed for this agency");
    }
    if (pv_rights_is_ahead(&head, pv_time_wall_ms()) ||
        (exchange->rights != NULL &&
         pv_rights_is_older(&head, &exchange->rights_head))) {
        pv_rights_free(rights);
        return refuse(why, exchange, "it is of the future, or an old one");
    }
    pv_client_forget_rights(exchange);
    exchange->rights = rights;
    exchange->rights_head = head; /* but for its agency, which is borrowed */
    exchange->rights_head.agency = (struct pv_slice){NULL, 0};
    return PV_OK;
}

/* A file is replaced whole, so another one has another number or time. */
static bool
is_read(const struct payvand *exchange, const struct stat *file)
{
    const struct stat *read = &exchange->rights_file;

    return exchange->rights != NULL && read->st_ino == file->st_ino &&
           read->st_size == file->st_size &&
           read->st_mtim.tv_sec == file->st_mtim.tv_sec &&
           read->st_mtim.tv_nsec == file->st_mtim.tv_nsec;
}

/* The file's, read when it has changed. */
static enum pv_err
read_file(struct payvand *exchange, struct pv_why *why)
{
    const char   *path = exchange->setting[PAYVAND_RIGHTS];
    struct pv_buf state;
    struct stat   file;
    enum pv_err   err;

    if (exchange->setting[PAYVAND_LOG_KEY] == NULL ||
        exchange->setting[PAYVAND_AGENCY] == NULL ||
        exchange->setting[PAYVAND_CONTRACTS] == NULL) {
        return refuse(why, exchange,
                      "rights need the log's key, the agency and contracts");
    }
    if (stat(path, &file) == -1) {
        return refuse(why, exchange, strerror(errno));
    }
    if (is_read(exchange, &file)) {
        return PV_OK;
    }
    pv_buf_init(&state, PV_RIGHTS_MAX);
    err = pv_catalogue_read(path, &state);
    err = err == PV_OK ? take(exchange, pv_buf_view(&state), why)
                       : refuse(why, exchange, "it cannot be read");
    pv_buf_clear(&state);
    if (err == PV_OK) { /* what was refused is looked at each time */
        exchange->rights_file = file;
    }
    return err;
}

enum pv_err
pv_client_load_rights(struct payvand_call *call, struct pv_why *why)
{
    struct payvand *exchange = call->exchange;
    enum pv_err     err;

    if (exchange->source != NULL || exchange->setting[PAYVAND_RIGHTS] == NULL) {
        return PV_OK; /* it came with the contract, or none is wanted */
    }
    err = read_file(exchange, why);
    if (err == PV_OK) {
        call->state.rights = exchange->rights;
        call->state.when_s = exchange->rights_head.when_s;
    }
    return err;
}

bool
pv_client_is_stale(const struct payvand_call *call, struct pv_why *why)
{
    const struct pv_client_state *state = &call->state;

    if (state->rights == NULL ||
        pv_time_wall_ms() / 1000 - (int64_t)state->when_s <=
            STALE_HOURS * INT64_C(3600)) {
        return false;
    }
    pv_why_set(why, "the registry signed nothing newer for 72 hours");
    return true;
}

void
pv_client_release_state(struct payvand_call *call)
{
    const struct pv_client_source *source = call->exchange->source;

    if (source != NULL && call->state.held != NULL) {
        source->release(source->context, &call->state);
    }
    call->state = (struct pv_client_state){.rights = NULL};
}

/* ---- a call, and its answer ---- */

static struct pv_rights_call
asked_for(const struct payvand_call *call, int64_t when_ms)
{
    const char *purpose = call->setting[PAYVAND_PURPOSE];

    return (struct pv_rights_call){
        .grant = "",
        .path = call->path,
        .system = call->exchange->setting[PAYVAND_SYSTEM],
        .when_ms = when_ms,
        .purpose = purpose == NULL ? "" : purpose,
    };
}

bool
pv_client_may_be_sent(const struct payvand_call *call, struct pv_why *why)
{
    const struct pv_rights     *rights = call->state.rights;
    const struct pv_rights_call asked = asked_for(call, pv_time_wall_ms());
    struct pv_rights_items      items = {NULL, NULL};
    size_t                      at = 0;
    bool has = rights == NULL || pv_client_only_asks(call) ||
               pv_rights_next(rights, &asked, &at, &items) ||
               pv_rights_allow(rights, &asked, &items);

    pv_rights_items_clear(&items);
    if (!has) {
        pv_why_set(why, "the agency has no right to %s for this purpose",
                   call->path);
    }
    return has;
}

enum pv_err
pv_client_check_rights(struct payvand_call *call)
{
    const struct pv_rights     *rights = call->state.rights;
    const struct pv_rights_call asked = asked_for(call, call->sent_ms);
    struct pv_rights_items      items;
    size_t                      at = 0;
    enum pv_err                 err = PV_ENOTFOUND;

    if (rights == NULL) {
        return PV_OK;
    }
    while (pv_rights_next(rights, &asked, &at, &items)) {
        err = pv_reply_check_items(call->terms, pv_buf_view(&call->http.answer),
                                   items.open, items.over, &call->fault);
        pv_rights_items_clear(&items);
        if (err != PV_EINVAL) {
            break;
        }
    }
    if (err ==
        PV_ENOTFOUND) { /* no grant: then it was a mode, that opens all */
        pv_fault_set(&call->fault, PV_FAULT_CLOSED, PV_LIT(""));
        err = pv_rights_allow(rights, &asked, &items) ? PV_OK : PV_EINVAL;
    }
    if (err == PV_OK) {
        call->fault = (struct pv_fault){PV_FAULT_NONE, ""};
    }
    return err;
}
