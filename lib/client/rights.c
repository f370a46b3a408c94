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
    struct pv_slice       agency;
    struct pv_slice       body;
    enum pv_err           err = pv_note_key_parse(
                  pv_slice_from(exchange->setting[PAYVAND_LOG_KEY]), &key);

    if (err == PV_OK) {
        err = pv_rights_agency(state, &agency);
    }
    if (err == PV_OK) {
        err = pv_rights_open(state, &key, agency, &head, &body);
    }
    if (err == PV_OK) {
        err = pv_rights_read(body, &rights);
    }
    if (err != PV_OK) {
        return refuse(why, exchange, "it is not what this log signed");
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

enum pv_err
pv_client_load_rights(struct payvand *exchange, struct pv_why *why)
{
    const char   *path = exchange->setting[PAYVAND_RIGHTS];
    struct pv_buf state;
    struct stat   file;
    enum pv_err   err = PV_OK;
    int64_t       age_s;

    if (path == NULL) {
        return PV_OK;
    }
    if (exchange->setting[PAYVAND_LOG_KEY] == NULL ||
        (exchange->setting[PAYVAND_CONTRACTS] == NULL &&
         exchange->contract_fn == NULL)) {
        return refuse(why, exchange, "rights need the log's key and contracts");
    }
    if (stat(path, &file) == -1) {
        return refuse(why, exchange, strerror(errno));
    }
    if (!is_read(exchange, &file)) {
        pv_buf_init(&state, PV_RIGHTS_MAX);
        err = pv_catalogue_read(path, &state);
        err = err == PV_OK ? take(exchange, pv_buf_view(&state), why)
                           : refuse(why, exchange, "it cannot be read");
        pv_buf_clear(&state);
        if (err == PV_OK) { /* what was refused is looked at each time */
            exchange->rights_file = file;
        }
    }
    age_s = pv_time_wall_ms() / 1000 - (int64_t)exchange->rights_head.when_s;
    if (err == PV_OK && age_s > STALE_HOURS * INT64_C(3600)) {
        err = refuse(why, exchange, "nothing newer was signed for 72 hours");
    }
    return err;
}

enum pv_err
pv_client_check_rights(struct payvand_call *call)
{
    const struct payvand       *exchange = call->exchange;
    const struct pv_rights_call asked = {
        .grant = "",
        .path = call->path,
        .system = exchange->setting[PAYVAND_SYSTEM],
        .when_ms = call->sent_ms,
    };
    struct pv_rights_items items;
    size_t                 at = 0;
    enum pv_err            err = PV_ENOTFOUND;

    if (exchange->setting[PAYVAND_RIGHTS] == NULL) {
        return PV_OK;
    }
    while (pv_rights_next(exchange->rights, &asked, &at, &items)) {
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
        err = pv_rights_allow(exchange->rights, &asked, &items) ? PV_OK
                                                                : PV_EINVAL;
    }
    if (err == PV_OK) {
        call->fault = (struct pv_fault){PV_FAULT_NONE, ""};
    }
    return err;
}
