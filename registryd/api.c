/*
 * api.c - requests to the registry, one function a route.
 */
#include "api.h"
#include "pki/ocsp.h"

#include <string.h>

#include "access.h"
#include "base/jalali.h"
#include "base/json.h"
#include "base/num.h"

#define PAGE_DEFAULT 100
#define RETRY_BUSY_S 1
#define RETRY_GONE_S 5
#define BODY_MAX PV_DOCUMENT_MAX
#define PERSON_BODY_MAX 4096
#define JSON_TYPE "application/json"
#define PROBLEM_TYPE "application/problem+json"

static struct pv_registry *
registry_of(const struct pv_server_call *call)
{
    return ((struct pv_api *)call->context)->registry;
}

static const struct pv_caller *
caller_of(const struct pv_server_call *call)
{
    return &((struct pv_api *)call->context)->caller;
}

/* ---- problems ---- */

/* One mapping from errors to answers. */
void
pv_api_error(struct pv_server_call *call, enum pv_err err)
{
    if (err == PV_ENOTFOUND) {
        pv_server_problem(call, 404, "record-unknown", "no such record",
                          "چنین رکوردی نیست");
    } else if (err == PV_EINVAL) {
        pv_server_problem(call, 400, "registry-request",
                          "the request is not right; see payvand-registryd(8)",
                          "درخواست درست نیست؛ راهنما را ببینید");
    } else if (err == PV_EAGAIN) {
        call->retry_after_s = RETRY_BUSY_S;
        pv_server_problem(call, 503, "registry-busy",
                          "the registry's database is busy; nothing was "
                          "decided, send it again",
                          "پایگاه داده مشغول است؛ تصمیمی ثبت نشد، دوباره "
                          "بفرستید");
    } else if (err == PV_ECLOSED) {
        call->retry_after_s = RETRY_GONE_S;
        pv_server_problem(
            call, 503, "registry-database-gone",
            "the registry's database cannot be reached; calls "
            "go on, decisions wait: send it again with its key",
            "پایگاه داده در دسترس نیست؛ فراخوانی‌ها ادامه دارد و "
            "تصمیم‌ها می‌ماند: با همان کلید دوباره بفرستید");
    } else {
        pv_server_problem(call, 500, "registry-failed",
                          "the registry failed; its log says why",
                          "دفتر ثبت خطا داد؛ علت در رویدادنگار آن است");
    }
}

void
pv_api_too_many(struct pv_server_call *call)
{
    call->retry_after_s = RETRY_GONE_S;
    pv_server_problem(call, 503, "too-many-wait",
                      "too many wait for this already; ask again later",
                      "شمار منتظران به سقف رسیده است؛ بعداً دوباره بپرسید");
}

void
pv_api_refusal(struct pv_server_call *call, const struct pv_refusal *refusal)
{
    struct pv_json json;

    call->answer.len = 0;
    pv_server_answer(call, 422, PROBLEM_TYPE);
    pv_json_init(&json, &call->answer);
    pv_json_object(&json, NULL);
    pv_json_u64(&json, "index", refusal->index);
    pv_json_text(&json, "rule", refusal->rule);
    pv_json_u64(&json, "status", 422);
    pv_json_text(&json, "title", refusal->en);
    pv_json_text(&json, "title_fa", refusal->fa);
    pv_json_text(&json, "type", "urn:payvand:problem:decision-refused");
    pv_json_text(&json, "word", refusal->word);
    pv_json_end_object(&json);
    if (pv_json_finish(&json) != PV_OK) {
        call->answer.len = 0; /* the status still says it */
    }
}

static void
answer_not_own(struct pv_server_call *call)
{
    pv_server_problem(
        call, 403, "not-own-role",
        "a person decides in his own name and in the role of his "
        "session",
        "هر شخص به نام خود و در نقش نشست خود تصمیم می‌گیرد");
}

static void
finish(struct pv_server_call *call, enum pv_err err)
{
    if (err != PV_OK) {
        pv_api_error(call, err);
        return;
    }
    pv_server_answer(call, 200, JSON_TYPE);
}

/* ---- parameters ---- */

enum { AFTER, AMOUNT, STATE, AS_OF, AT, OF, PARAMS };

struct parameters {
    struct pv_server_param param[PARAMS];
    size_t                 count;
    struct pv_moment       at;
};

static enum pv_err
read_moment(struct parameters *ret)
{
    struct pv_civil date;
    uint64_t        number;
    enum pv_err     err = PV_OK;

    ret->at = (struct pv_moment){PV_NOW, 0};
    if (ret->param[AS_OF].value.len > 0 && ret->param[AT].value.len > 0) {
        return PV_EINVAL;
    }
    if (ret->param[AS_OF].value.len > 0) {
        ret->at.kind = PV_ON_DAY;
        err = pv_jalali_parse(ret->param[AS_OF].value, &date);
        if (err == PV_OK) {
            err = pv_jalali_to_days(date, &ret->at.n);
        }
    } else if (ret->param[AT].value.len > 0) {
        ret->at.kind = PV_AT_NUMBER;
        err = pv_slice_to_u64(ret->param[AT].value, INT64_MAX, &number);
        if (err == PV_OK) {
            ret->at.n = (int64_t)number;
        }
    }
    return err == PV_OK ? PV_OK : PV_EINVAL;
}

static enum pv_err
read_parameters(const struct pv_server_call *call, struct parameters *ret)
{
    uint64_t    count = PAGE_DEFAULT;
    enum pv_err err;

    *ret = (struct parameters){.param = {[AFTER] = {PV_LIT("after"), {"", 0}},
                                         [AMOUNT] = {PV_LIT("count"), {"", 0}},
                                         [STATE] = {PV_LIT("state"), {"", 0}},
                                         [AS_OF] = {PV_LIT("as_of"), {"", 0}},
                                         [AT] = {PV_LIT("at"), {"", 0}},
                                         [OF] = {PV_LIT("of"), {"", 0}}}};
    err = pv_server_query(call->query, ret->param, PARAMS);
    if (err == PV_OK && ret->param[AMOUNT].value.len > 0) {
        err = pv_slice_to_u64(ret->param[AMOUNT].value, PV_PAGE_MAX, &count);
    }
    ret->count = (size_t)count;
    if (err != PV_OK || count == 0) {
        return PV_EINVAL;
    }
    return read_moment(ret);
}

/* "kind/id", or "kind" alone; ret_id is empty then. PV_ENOTFOUND. */
static enum pv_err
split(struct pv_slice rest, enum pv_kind *ret_kind, struct pv_slice *ret_id)
{
    struct pv_slice kind;
    bool            has_id = pv_slice_cut(rest, '/', &kind, ret_id);
    enum pv_err     err = pv_kind_from_word(kind, ret_kind);

    return err == PV_OK && has_id && !pv_is_record_id(*ret_id) ? PV_ENOTFOUND
                                                               : err;
}

/* ---- routes ---- */

static void
post_decisions(struct pv_server_call *call)
{
    const struct pv_caller *caller = caller_of(call);
    json_t           *decisions = json_loadb(call->body.ptr, call->body.len,
                                             JSON_REJECT_DUPLICATES, NULL);
    struct pv_decided decided = {0, 0, 0};
    struct pv_refusal refusal;
    enum pv_err       err = PV_EINVAL;

    if (json_is_object(decisions) || json_is_array(decisions)) {
        if (!pv_caller_signs(caller, decisions)) {
            json_decref(decisions);
            answer_not_own(call);
            return;
        }
        err = pv_registry_decide(registry_of(call), decisions, caller->by,
                                 &decided, &refusal);
    }
    json_decref(decisions);
    if (err == PV_EREFUSED) {
        pv_api_refusal(call, &refusal);
        return;
    }
    if (err == PV_OK) {
        /* decided in any case; an image that lags is taken up by the loop */
        bool behind = pv_registry_apply(registry_of(call)) != PV_OK;

        err = pv_buf_addf(&call->answer,
                          "{\"first\":%lld,\"image_behind\":%s,\"last\":%lld,"
                          "\"repeated\":%zu}",
                          (long long)decided.first, behind ? "true" : "false",
                          (long long)decided.last, decided.repeated);
    }
    finish(call, err);
}

static void
get_decisions(struct pv_server_call *call)
{
    struct parameters parameters;
    uint64_t          after = 0;
    enum pv_err       err = read_parameters(call, &parameters);

    if (err == PV_OK && parameters.param[AFTER].value.len > 0) {
        err = pv_slice_to_u64(parameters.param[AFTER].value, INT64_MAX, &after);
        err = err == PV_OK ? PV_OK : PV_EINVAL;
    }
    if (err == PV_OK) {
        err = pv_registry_decisions(registry_of(call), (int64_t)after,
                                    parameters.count, &call->answer);
    }
    if (err == PV_OK) {
        err = pv_access_mask(caller_of(call), &call->answer);
    }
    finish(call, err);
}

static void
get_status(struct pv_server_call *call)
{
    finish(call, pv_registry_status(registry_of(call), &call->answer));
}

static void
get_kinds(struct pv_server_call *call)
{
    finish(call,
           call->query.len == 0 ? pv_kinds_json(&call->answer) : PV_EINVAL);
}

static void
get_openapi(struct pv_server_call *call)
{
    finish(call,
           call->query.len == 0 ? pv_api_openapi(&call->answer) : PV_EINVAL);
}

static void
get_proof(struct pv_server_call *call)
{
    uint64_t    number = 0;
    enum pv_err err = pv_slice_to_u64(call->rest, INT64_MAX, &number);

    if (err == PV_OK && call->query.len == 0) {
        err = pv_registry_proof(registry_of(call), (int64_t)number,
                                &call->answer);
    } else {
        err = PV_EINVAL;
    }
    finish(call, err);
}

static void
answer_restricted(struct pv_server_call *call)
{
    pv_server_problem(call, 403, "restricted",
                      "these records are restricted (R-005); ask for one of "
                      "your own",
                      "خواندن این رکوردها محدود است؛ رکورد خود را بخواهید");
}

/* A restricted record of others is not there; list: in which member. */
static enum pv_err
check_own(struct pv_server_call *call, enum pv_kind kind, const char *list)
{
    json_t       *whole;
    const json_t *record;
    bool          own;

    if (pv_access_of(caller_of(call), kind) == PV_ACCESS_ALL) {
        return PV_OK;
    }
    whole = json_loadb(call->answer.ptr, call->answer.len,
                       JSON_REJECT_DUPLICATES, NULL);
    record =
        list == NULL ? whole : json_array_get(json_object_get(whole, list), 0);
    own = record != NULL &&
          pv_access_is_own(caller_of(call), kind,
                           json_string_value(json_object_get(record, "id")),
                           json_object_get(record, "body"));
    json_decref(whole);
    return own ? PV_OK : PV_ENOTFOUND;
}

static void
ask_reader(struct pv_server_call *call)
{
    const struct pv_api *api = call->context;

    pv_reader_ask(api->reader, &api->caller, call);
}

/* A list as of a day passes over what did not stand then, however much it is.
 */
static bool
is_long(const struct parameters *parameters, struct pv_slice id)
{
    return id.len == 0 && parameters->at.kind != PV_NOW;
}

static void
get_records(struct pv_server_call *call)
{
    const struct pv_api *api = call->context;
    struct parameters    parameters = {.count = 0};
    enum pv_kind         kind;
    struct pv_slice      id;
    enum pv_err          err = split(call->rest, &kind, &id);

    if (err == PV_OK) {
        err = read_parameters(call, &parameters);
    }
    if (err == PV_OK && api->reader != NULL && is_long(&parameters, id)) {
        ask_reader(call);
        return;
    }
    if (err == PV_OK && id.len > 0) {
        err = pv_registry_get(registry_of(call), kind, id, parameters.at,
                              &call->answer);
        err = err == PV_OK ? check_own(call, kind, NULL) : err;
    } else if (err == PV_OK &&
               pv_access_of(caller_of(call), kind) != PV_ACCESS_ALL) {
        answer_restricted(call);
        return;
    } else if (err == PV_OK) {
        err = pv_registry_list(registry_of(call), kind,
                               parameters.param[STATE].value, parameters.at,
                               parameters.param[AFTER].value, parameters.count,
                               &call->answer);
    }
    finish(call, err);
}

static void
get_history(struct pv_server_call *call)
{
    enum pv_kind    kind;
    struct pv_slice id;
    enum pv_err     err = split(call->rest, &kind, &id);

    if (err == PV_OK && (id.len == 0 || call->query.len > 0)) {
        err = PV_EINVAL;
    }
    if (err == PV_OK) {
        err = pv_registry_history(registry_of(call), kind, id, &call->answer);
    }
    if (err == PV_OK) {
        err = check_own(call, kind, "history");
    }
    finish(call, err);
}

static void
get_users(struct pv_server_call *call)
{
    struct parameters parameters;
    enum pv_kind      kind;
    enum pv_kind      of;
    struct pv_slice   id;
    enum pv_err       err = split(call->rest, &kind, &id);

    if (err == PV_OK) {
        err = id.len == 0 ? PV_EINVAL : read_parameters(call, &parameters);
    }
    if (err == PV_OK &&
        pv_kind_from_word(parameters.param[OF].value, &of) != PV_OK) {
        err = PV_EINVAL;
    }
    if (err == PV_OK && !pv_access_users(caller_of(call), kind, id, of)) {
        answer_restricted(call);
        return;
    }
    if (err == PV_OK) {
        err = pv_registry_users(registry_of(call), kind, id, of,
                                parameters.param[AFTER].value, parameters.count,
                                &call->answer);
    }
    finish(call, err);
}

static void
get_view(struct pv_server_call *call)
{
    const char *type = JSON_TYPE;
    enum pv_err err = pv_api_view(call->context, call, &type);

    if (err == PV_ERANGE) {
        pv_server_problem(call, 400, "view-too-large",
                          "the list is longer than one answer; ask for it by "
                          "page, with count and after",
                          "فهرست از یک پاسخ بلندتر است؛ با count و after "
                          "صفحه‌به‌صفحه بپرسید");
        return;
    }
    if (err != PV_OK) {
        pv_api_error(call, err);
        return;
    }
    pv_server_answer(call, 200, type);
}

const struct pv_server_route pv_api_read_route[] = {
    {"GET", "/registry/v1/users/", 0, get_users},
    {"GET", "/registry/v1/views/", 0, get_view},
    {"GET", "/registry/v1/", 0, get_records},
};
const size_t pv_api_read_route_count =
    sizeof(pv_api_read_route) / sizeof(pv_api_read_route[0]);

void
pv_api_forget(void *state)
{
    ((struct pv_api_state *)state)->forget(state);
}

const struct pv_server_route pv_api_route[] = {
    {"POST", "/registry/v1/decisions", BODY_MAX, post_decisions},
    {"GET", "/registry/v1/decisions", 0, get_decisions},
    {"GET", "/registry/v1/status", 0, get_status},
    {"POST", "/registry/v1/first", PERSON_BODY_MAX, pv_api_first},
    {"POST", "/registry/v1/enrol", PERSON_BODY_MAX, pv_api_enrol},
    {"POST", "/registry/v1/session", PERSON_BODY_MAX, pv_api_sign_in},
    {"POST", "/registry/v1/sign-in-by", PERSON_BODY_MAX, pv_api_sign_in_by},
    {"GET", "/registry/v1/session", 0, pv_api_session},
    {"DELETE", "/registry/v1/session", 0, pv_api_sign_out},
    {"POST", "/registry/v1/session/role", PERSON_BODY_MAX, pv_api_role},
    {"POST", "/registry/v1/session/password", PERSON_BODY_MAX, pv_api_password},
    {"POST", "/registry/v1/invitations", PERSON_BODY_MAX, pv_api_invite},
    {"GET", "/registry/v1/kinds", 0, get_kinds},
    {"GET", "/registry/v1/openapi.json", 0, get_openapi},
    {"GET", "/registry/v1/proof/", 0, get_proof},
    {"GET", "/registry/v1/log/checkpoint", 0, pv_api_checkpoint},
    {"GET", "/registry/v1/log/tile/", 0, pv_api_tile},
    {"GET", "/registry/v1/feed", 0, pv_api_feed},
    {"GET", "/registry/v1/rights", 0, pv_api_rights},
    {"GET", "/registry/v1/contracts/", 0, pv_api_contract},
    {"GET", "/registry/v1/history/", 0, get_history},
    {"GET", "/registry/v1/users/", 0, ask_reader},
    {"GET", "/registry/v1/views/", 0, ask_reader},
    {"GET", "/registry/v1/", 0, get_records},
    {"GET", "/pki/authorities.pem", 0, pv_api_authorities},
    {"GET", "/pki/crl/", 0, pv_api_crl},
    {"POST", "/pki/ocsp", PV_OCSP_REQUEST_MAX, pv_api_ocsp},
    {"GET", "/pki/ocsp/*", 0, pv_api_ocsp_get},
};
const size_t pv_api_route_count =
    sizeof(pv_api_route) / sizeof(pv_api_route[0]);
