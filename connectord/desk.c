#include "connectord/desk.h"

#include <string.h>

#include "base/jalali.h"
#include "base/json.h"
#include "connectord/log.h"

struct desk {
    struct pv_keeper_store           *store;
    const struct pv_connector_config *config;
    const json_t                     *request;
    int64_t                           when_ms;
    struct pv_slice                   person;
    struct pv_json                    json;
    const char                       *refusal; /* a word, or NULL */
};

static struct pv_slice
text_of(const struct desk *desk, const char *name)
{
    const json_t *value = json_object_get(desk->request, name);

    return json_is_string(value) ? (struct pv_slice){json_string_value(value),
                                                     json_string_length(value)}
                                 : (struct pv_slice){"", 0};
}

enum pv_err
pv_desk_refuse(const char *word, struct pv_buf *out)
{
    struct pv_json json;

    out->len = 0;
    pv_json_init(&json, out);
    pv_json_object(&json, NULL);
    pv_json_text(&json, "error", word);
    pv_json_end_object(&json);
    return pv_json_finish(&json);
}

static void
put_moment(struct pv_json *json, const char *name, const char *jalali_name,
           int64_t when_ms)
{
    char text[PV_TIME_TEXT_LEN];
    char day[PV_JALALI_TEXT_LEN];

    pv_time_text(when_ms, text);
    pv_json_string(json, name, (struct pv_slice){text, sizeof(text)});
    pv_jalali_text(when_ms, day);
    pv_json_string(json, jalali_name, (struct pv_slice){day, sizeof(day)});
}

/* ---- what people call agencies and services ---- */

static const struct pv_agency *
find_agency(const struct desk *desk, struct pv_slice id)
{
    const struct pv_keeper_config *keeper = &desk->config->keeper;

    for (size_t i = 0; i < keeper->agency_count; i++) {
        if (pv_slice_eq(pv_slice_from(keeper->agency[i].id), id)) {
            return &keeper->agency[i];
        }
    }
    return NULL;
}

static void
put_agency(struct desk *desk, struct pv_slice id)
{
    const struct pv_agency *agency = find_agency(desk, id);

    pv_json_string(&desk->json, "agency", id);
    if (agency != NULL) {
        pv_json_text(&desk->json, "agency_fa", agency->title_fa);
        pv_json_text(&desk->json, "agency_en", agency->title_en);
    }
}

/* Is text, or what of it stands before a further "/", this service? */
static bool
is_service(const struct pv_contract *contract, struct pv_slice text)
{
    char name[PV_PATH_MAX];
    int  len = snprintf(name, sizeof(name), "%s/%s/%s", contract->provider,
                        contract->service, contract->version);

    return len > 0 && (size_t)len < sizeof(name) && text.len >= (size_t)len &&
           memcmp(text.ptr, name, (size_t)len) == 0 &&
           (text.len == (size_t)len || text.ptr[len] == '/');
}

static const struct pv_contract *
find_contract(const struct desk *desk, struct pv_slice service)
{
    for (size_t i = 0; i < desk->config->contract_count; i++) {
        if (is_service(desk->config->contract[i], service)) {
            return desk->config->contract[i];
        }
    }
    return NULL;
}

static void
put_titles(struct desk *desk, const struct pv_contract *contract,
           const char *fa, const char *en)
{
    const char *title_fa;
    const char *title_en;

    if (contract == NULL) {
        return;
    }
    title_fa = json_string_value(json_object_get(contract->root, "title_fa"));
    title_en = json_string_value(json_object_get(contract->root, "title_en"));
    if (title_fa != NULL && title_en != NULL) {
        pv_json_text(&desk->json, fa, title_fa);
        pv_json_text(&desk->json, en, title_en);
    }
}

/* The strictest terms of a contract's methods; false: none needs a number. */
static bool
terms_of(const struct pv_contract *contract, uint32_t *months, uint32_t *uses)
{
    bool found = false;

    for (size_t i = 0; i < contract->method_count; i++) {
        const struct pv_consent *consent = &contract->method[i].consent;

        if (!consent->is_set) {
            continue;
        }
        *months = !found || consent->valid_months < *months
                      ? consent->valid_months
                      : *months;
        *uses = !found || consent->uses < *uses ? consent->uses : *uses;
        found = true;
    }
    return found;
}

/* Of one service, or of all there are. */
static bool
terms_for(const struct desk *desk, struct pv_slice service,
          struct pv_consent_terms *terms)
{
    bool found = false;

    for (size_t i = 0; i < desk->config->contract_count; i++) {
        const struct pv_contract *contract = desk->config->contract[i];
        uint32_t                  months;
        uint32_t                  uses;

        if ((service.len > 0 && find_contract(desk, service) != contract) ||
            !terms_of(contract, &months, &uses)) {
            continue;
        }
        terms->months =
            !found || months < terms->months ? months : terms->months;
        terms->uses = !found || uses < terms->uses ? uses : terms->uses;
        found = true;
    }
    return found;
}

/* ---- what is asked ---- */

static enum pv_err
do_terms(struct desk *desk)
{
    const struct pv_connector_config *config = desk->config;

    pv_json_array(&desk->json, "services");
    for (size_t i = 0; i < config->contract_count; i++) {
        const struct pv_contract *contract = config->contract[i];
        char                      name[PV_PATH_MAX];
        uint32_t                  months;
        uint32_t                  uses;

        if (!terms_of(contract, &months, &uses)) {
            continue;
        }
        (void)snprintf(name, sizeof(name), "%s/%s/%s", /* it fits in a path */
                       contract->provider, contract->service,
                       contract->version);
        pv_json_object(&desk->json, NULL);
        pv_json_text(&desk->json, "service", name);
        put_titles(desk, contract, "title_fa", "title_en");
        pv_json_u64(&desk->json, "months", months);
        pv_json_u64(&desk->json, "uses", uses);
        pv_json_end_object(&desk->json);
    }
    pv_json_end_array(&desk->json);
    pv_json_array(&desk->json, "agencies");
    for (size_t i = 0; i < config->keeper.agency_count; i++) {
        const struct pv_agency *agency = &config->keeper.agency[i];

        pv_json_object(&desk->json, NULL);
        pv_json_text(&desk->json, "id", agency->id);
        pv_json_text(&desk->json, "title_fa", agency->title_fa);
        pv_json_text(&desk->json, "title_en", agency->title_en);
        pv_json_end_object(&desk->json);
    }
    pv_json_end_array(&desk->json);
    return PV_OK;
}

static enum pv_err
do_issue(struct desk *desk)
{
    struct pv_consent_terms terms = {desk->person,
                                     text_of(desk, "agency"),
                                     text_of(desk, "service"),
                                     text_of(desk, "purpose"),
                                     0,
                                     0};
    char                    number[PV_CONSENT_DIGITS];
    int64_t                 ends_ms;
    enum pv_err             err;

    if (find_agency(desk, terms.agency) == NULL) {
        desk->refusal = "agency";
    } else if (!terms_for(desk, terms.service, &terms)) {
        desk->refusal = "service";
    } else if (terms.purpose.len > PV_DESK_PURPOSE_MAX) {
        desk->refusal = "purpose";
    }
    if (desk->refusal != NULL) {
        return PV_OK;
    }
    err =
        pv_consent_issue(desk->store, &terms, desk->when_ms, number, &ends_ms);
    if (err != PV_OK) {
        return err;
    }
    pv_json_string(&desk->json, "number",
                   (struct pv_slice){number, sizeof(number)});
    put_moment(&desk->json, "ends", "ends_jalali", ends_ms);
    pv_json_u64(&desk->json, "uses", terms.uses);
    explicit_bzero(number, sizeof(number));
    pv_log_info("connector.consent_issued", "agency=%.*s",
                PV_FMT(terms.agency));
    return PV_OK;
}

static const char *
state_of(const struct pv_consent_row *row, int64_t when_ms)
{
    return row->withdrawn_ms != 0    ? "withdrawn"
           : row->ends_ms <= when_ms ? "expired"
           : row->used >= row->uses  ? "used-up"
                                     : "valid";
}

static enum pv_err
put_consent(void *context, const struct pv_consent_row *row)
{
    struct desk *desk = context;

    pv_json_object(&desk->json, NULL);
    pv_json_i64(&desk->json, "id", row->id);
    put_agency(desk, row->agency);
    pv_json_string(&desk->json, "service", row->service);
    put_titles(desk, find_contract(desk, row->service), "service_fa",
               "service_en");
    pv_json_string(&desk->json, "purpose", row->purpose);
    put_moment(&desk->json, "made", "made_jalali", row->made_ms);
    put_moment(&desk->json, "ends", "ends_jalali", row->ends_ms);
    pv_json_i64(&desk->json, "uses", row->uses);
    pv_json_i64(&desk->json, "used", row->used);
    pv_json_text(&desk->json, "state", state_of(row, desk->when_ms));
    pv_json_end_object(&desk->json);
    return desk->json.err;
}

static enum pv_err
do_list(struct desk *desk)
{
    enum pv_err err;

    pv_json_array(&desk->json, "consents");
    err = pv_consent_list(desk->store, desk->person, put_consent, desk);
    pv_json_end_array(&desk->json);
    return err;
}

static enum pv_err
do_withdraw(struct desk *desk)
{
    const json_t *id = json_object_get(desk->request, "id");
    enum pv_err   err =
        json_is_integer(id)
              ? pv_consent_withdraw(desk->store, desk->person,
                                    json_integer_value(id), desk->when_ms)
              : PV_ENOTFOUND;

    if (err == PV_ENOTFOUND) {
        desk->refusal = "not-found";
        return PV_OK;
    }
    if (err == PV_OK) {
        pv_json_bool(&desk->json, "withdrawn", true);
        pv_log_info("connector.consent_withdrawn", "id=%lld",
                    (long long)json_integer_value(id));
    }
    return err;
}

static enum pv_err
put_call(void *context, const struct pv_ledger_row *row)
{
    struct desk    *desk = context;
    struct pv_slice service = row->path; /* /x/provider/service/v1/method */

    if (service.len > 3) {
        service.ptr += 3;
        service.len -= 3;
    }
    pv_json_object(&desk->json, NULL);
    put_moment(&desk->json, "at", "at_jalali", row->at_ms);
    put_agency(desk, row->agency);
    pv_json_string(&desk->json, "consumer", row->consumer);
    pv_json_string(&desk->json, "path", row->path);
    put_titles(desk, find_contract(desk, service), "service_fa", "service_en");
    pv_json_string(&desk->json, "tracking_id", row->tracking_id);
    pv_json_string(&desk->json, "grant", row->grant);
    pv_json_string(&desk->json, "outcome", row->outcome);
    if (row->told_ms > row->at_ms) {
        put_moment(&desk->json, "told_from", "told_from_jalali", row->told_ms);
    }
    pv_json_end_object(&desk->json);
    return desk->json.err;
}

/* Reading the ledger is itself seen, though not about whom. */
static enum pv_err
do_who_asked(struct desk *desk)
{
    bool        all = json_is_true(json_object_get(desk->request, "all"));
    enum pv_err err;

    pv_json_array(&desk->json, "calls");
    err = pv_ledger_list(desk->store, desk->person, all, INT64_MAX,
                         desk->when_ms, put_call, desk);
    pv_json_end_array(&desk->json);
    pv_log_info("connector.ledger_read", "all=%s", all ? "yes" : "no");
    return err;
}

static const struct {
    const char *word;
    bool        of_person;
    enum pv_err (*answer)(struct desk *desk);
} job[] = {
    {"terms", false, do_terms},        {"issue", true, do_issue},
    {"list", true, do_list},           {"withdraw", true, do_withdraw},
    {"who-asked", true, do_who_asked},
};

static bool
is_person(const struct desk *desk)
{
    const struct pv_data_item *item = pv_config_person(desk->config);
    const struct pv_data_item *member;

    return item != NULL &&
           pv_data_item_check(item, desk->person, &member) == PV_FAULT_NONE;
}

static enum pv_err
answer(struct desk *desk, struct pv_buf *out)
{
    struct pv_slice word = text_of(desk, "do");

    desk->person = text_of(desk, "person");
    pv_json_init(&desk->json, out);
    pv_json_object(&desk->json, NULL);
    for (size_t i = 0; i < sizeof(job) / sizeof(job[0]); i++) {
        enum pv_err err;

        if (!pv_slice_eq(word, pv_slice_from(job[i].word))) {
            continue;
        }
        if (job[i].of_person && !is_person(desk)) {
            desk->refusal = "person";
            return PV_OK;
        }
        err = job[i].answer(desk);
        pv_json_end_object(&desk->json);
        return err == PV_OK && desk->refusal == NULL
                   ? pv_json_finish(&desk->json)
                   : err;
    }
    desk->refusal = "request";
    return PV_OK;
}

enum pv_err
pv_desk_answer(struct pv_keeper_store           *store,
               const struct pv_connector_config *config,
               struct pv_slice request, int64_t when_ms, struct pv_buf *out)
{
    struct desk desk = {.store = store, .config = config, .when_ms = when_ms};
    json_t *root = json_loadb(request.len == 0 ? "" : request.ptr, request.len,
                              JSON_REJECT_DUPLICATES, NULL);
    enum pv_err err = PV_OK;

    desk.request = root;
    if (!json_is_object(root)) {
        desk.refusal = "request";
    } else {
        err = answer(&desk, out);
    }
    json_decref(root); /* accepts NULL */
    return err == PV_OK && desk.refusal != NULL
               ? pv_desk_refuse(desk.refusal, out)
               : err;
}
