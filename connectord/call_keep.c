/* call_keep.c - what the keeper says to a call and keeps of it.
 */
#include "connectord/call_private.h"

#include <string.h>
#include <strings.h>

#include "connectord/log.h"
#include "contract/person.h"

#define CONSENT_HEADER "Payvand-Consent"

static const struct {
    const char *word;
    const char *en;
    const char *fa;
} refusal[PV_CONSENT_VERDICTS] = {
    [PV_CONSENT_UNKNOWN] =
        {"urn:payvand:problem:consent-unknown",
         "This consent number is not one of this person for this agency and "
         "service",
         "این شماره رضایت از آن این شخص برای این دستگاه و سرویس نیست"},
    [PV_CONSENT_EXPIRED] = {"urn:payvand:problem:consent-expired",
                            "The time of this consent number is over",
                            "مهلت این شماره رضایت گذشته است"},
    [PV_CONSENT_USED_UP] = {"urn:payvand:problem:consent-used-up",
                            "This consent number has been used as often as it "
                            "may be",
                            "دفعات مجاز این شماره رضایت به پایان رسیده است"},
    [PV_CONSENT_WITHDRAWN] = {"urn:payvand:problem:consent-withdrawn",
                              "The person has withdrawn this consent",
                              "شخص این رضایت را پس گرفته است"},
    [PV_CONSENT_LIMITED] =
        {"urn:payvand:problem:consent-limited",
         "Too many wrong consent numbers; try again tomorrow",
         "شماره‌های رضایت نادرست بیش از اندازه؛ فردا دوباره بکوشید"},
};

/* ---- who is asked about ---- */

static enum pv_err
add_person(void *context, struct pv_slice id)
{
    struct call    *call = context;
    struct pv_slice left = pv_buf_view(&call->persons);
    struct pv_slice other;
    enum pv_err     err;
    bool            null;

    while (pv_take_text(&left, &null, &other) == PV_OK) {
        if (pv_slice_eq(other, id)) {
            return PV_OK; /* named twice */
        }
    }
    if (call->person_count == PV_KEEPER_PERSONS_MAX) {
        return PV_ERANGE;
    }
    err = pv_put_text(&call->persons, id);
    call->person_count += err == PV_OK;
    return err;
}

enum pv_err
pv_call_note_persons(struct call *call, const struct pv_request *request)
{
    if (call->http->keeper == NULL) {
        return PV_OK;
    }
    call->asked = true;
    call->keeping.call = pv_keeper_link_number(call->http->keeper);
    return pv_request_persons(call->method->contract, request, add_person,
                              call);
}

static struct pv_slice
agency_of(const struct call *call)
{
    const struct pv_agency *agency =
        pv_keeper_agency(&call->http->config->keeper, call->consumer);

    return pv_slice_from(agency == NULL ? call->consumer : agency->id);
}

static struct call *
call_of(struct pv_keeping *keeping)
{
    void *call = (char *)keeping - offsetof(struct call, keeping);

    return call;
}

/* ---- consent numbers ---- */

/* The header's 16 digits, in one piece or in groups of four. */
static bool
take_number(const struct call *call, char number[PV_CONSENT_DIGITS])
{
    const char *text = MHD_lookup_connection_value(
        call->connection, MHD_HEADER_KIND, CONSENT_HEADER);
    size_t len = 0;

    for (; text != NULL && *text != '\0'; text++) {
        if (*text == ' ') {
            continue;
        }
        if (*text < '0' || *text > '9' || len == PV_CONSENT_DIGITS) {
            return false;
        }
        number[len++] = *text;
    }
    return len == PV_CONSENT_DIGITS;
}

static void
on_said(struct pv_keeping *keeping, uint32_t word)
{
    struct call *call = call_of(keeping);

    if (word == PV_CONSENT_OK) {
        pv_call_submit(call);
        return;
    }
    if (word < PV_CONSENT_VERDICTS && refusal[word].word != NULL) {
        pv_call_say_problem(call, MHD_HTTP_OK, "failed", refusal[word].word,
                            refusal[word].en, refusal[word].fa);
    } else {
        pv_call_say_failed(call);
    }
    pv_call_end(call);
}

static void
say_missing(struct call *call)
{
    pv_call_say_problem(call, MHD_HTTP_OK, "failed",
                        "urn:payvand:problem:consent-missing",
                        "This method needs the person's consent number of 16 "
                        "digits in Payvand-Consent",
                        "این متد شماره رضایت ۱۶ رقمی شخص را در Payvand-Consent "
                        "می‌خواهد");
}

bool
pv_call_ask_consent(struct call *call, const struct pv_request *request)
{
    const struct pv_contract_method *method = call->method->contract;
    struct pv_slice                  path = pv_slice_from(method->path);
    char                             number[PV_CONSENT_DIGITS];
    struct pv_keeper_message         message = {.type = PV_KEEPER_ASK,
                                                .call = call->keeping.call};
    size_t                           person;
    enum pv_err                      err;

    if (!take_number(call, number)) {
        say_missing(call);
        return false;
    }
    err = pv_method_person(method, &person);
    if (err == PV_OK) {
        message.as.ask = (struct pv_keeper_ask){
            method->consent.uses,
            method->consent.shared,
            {number, sizeof(number)},
            request->value[person].text,
            agency_of(call),
            pv_slice_from(call->consumer),
            {path.ptr + 3, path.len - 4 - strlen(method->id)}, /* /x/.../id */
            path,
            pv_slice_from(call->tracking_id)};
        call->keeping.done = on_said;
        err = pv_keeper_link_send(call->http->keeper, &message, &call->keeping);
    }
    explicit_bzero(number, sizeof(number));
    if (err != PV_OK) {
        pv_log_error("connector.call_failed", "tracking_id=%s error=\"%s\"",
                     call->tracking_id, pv_err_text(err));
        pv_call_say_failed(call);
    }
    return err == PV_OK;
}

/* ---- the ledger ---- */

static void
on_kept(struct pv_keeping *keeping, uint32_t word)
{
    struct call *call = call_of(keeping);

    if (word != 1) {
        pv_log_error("connector.call_failed",
                     "tracking_id=%s error=\"not recorded\"",
                     call->tracking_id);
        pv_call_say_failed(call); /* what is not recorded is not answered */
    }
    call->recording = false;
    pv_call_sign_soon(call);
}

static uint32_t
hidden_days(const struct call *call)
{
    const struct pv_keeper_config *keeper = &call->http->config->keeper;
    uint32_t                       days = 0;

    for (size_t i = 0; i < keeper->delay_count; i++) {
        const struct pv_delay *delay = &keeper->delay[i];
        bool                   fits = delay->grant[0] != '\0'
                                          ? strcmp(delay->grant, call->grant) == 0
                                          : strcmp(delay->consumer, call->consumer) == 0;

        days = fits && delay->days > days ? delay->days : days;
    }
    return days;
}

bool
pv_call_record(struct call *call)
{
    const struct pv_keeper_message message = {
        .type = PV_KEEPER_END,
        .call = call->keeping.call,
        .as.end = {strcmp(call->outcome, "answered") == 0, hidden_days(call),
                   agency_of(call), pv_slice_from(call->consumer),
                   pv_slice_from(call->method->contract->path),
                   pv_slice_from(call->tracking_id), pv_slice_from(call->grant),
                   pv_slice_from(call->outcome), call->person_count,
                   pv_buf_view(&call->persons)}};
    enum pv_err err;

    if (!call->asked) {
        return false;
    }
    call->asked = false;
    call->keeping.done = on_kept;
    err = pv_keeper_link_send(call->http->keeper, &message, &call->keeping);
    pv_buf_wipe(&call->persons);
    if (err != PV_OK) {
        pv_log_error("connector.call_failed", "tracking_id=%s error=\"%s\"",
                     call->tracking_id, pv_err_text(err));
        pv_call_say_failed(call);
    }
    call->recording = err == PV_OK;
    return call->recording;
}
