/*
 * call_rights.c - the right of a call, the items that it opens, and
 * the code map by which it is answered.
 */
#include "base/time.h"
#include "connectord/call_private.h"
#include "connectord/log.h"
#include "contract/answer.h"

/* Was the method made from the contract that its version has now? */
static bool
is_its_contract(const struct call *call, const struct pv_rights *rights)
{
    const struct pv_hash *made =
        call->serving->config->method_hash[call->job.method];
    const struct pv_hash *now =
        pv_rights_contract_of(rights, call->method->contract->path);

    return made == NULL || /* it was brought by file */
           (now != NULL && pv_hash_eq(made, now));
}

bool
pv_call_check_right(struct call *call)
{
    const struct pv_rights_call asked = {.grant = call->grant,
                                         .path = call->method->contract->path,
                                         .system = call->consumer,
                                         .when_ms = pv_time_wall_ms()};
    const struct pv_rights     *rights;
    struct pv_rights_items      items;

    if (call->http->rights == NULL) {
        return true;
    }
    rights = pv_rights_link_at(call->http->rights, asked.when_ms);
    if (rights == NULL) {
        pv_log_warn("connector.rights_stale", "tracking_id=%s path=%s",
                    call->tracking_id, asked.path);
        pv_call_say_problem(
            call, MHD_HTTP_OK, "failed", "urn:payvand:problem:rights-stale",
            "The provider has heard nothing of the registry for too long",
            "ارائه‌دهنده مدتی طولانی از دفتر ثبت خبری نداشته است");
        return false;
    }
    if (!is_its_contract(call, rights)) {
        pv_log_warn("connector.contract_other", "tracking_id=%s path=%s",
                    call->tracking_id, asked.path);
        pv_call_say_problem(
            call, MHD_HTTP_OK, "failed", "urn:payvand:problem:contract-other",
            "The service version has ended, or has another contract now",
            "این نسخه سرویس پایان یافته یا اکنون قرارداد دیگری دارد");
        return false;
    }
    if (!pv_rights_allow(rights, &asked, &items)) {
        pv_log_warn("connector.right_unknown", "tracking_id=%s path=%s",
                    call->tracking_id, asked.path);
        pv_call_say_problem(
            call, MHD_HTTP_OK, "failed", "urn:payvand:problem:right-unknown",
            "The provider holds no such right of this consumer",
            "ارائه‌دهنده چنین مجوزی برای این دریافت‌کننده ندارد");
        return false;
    }
    call->closed = pv_method_closed(call->method, items.open, items.over);
    pv_rights_items_clear(&items);
    return true;
}

static void
say_no_map(struct call *call)
{
    pv_log_warn("connector.code_map_missing", "tracking_id=%s path=%s map=%s",
                call->tracking_id, call->method->contract->path,
                call->method->contract->coding.map);
    pv_call_say_problem(
        call, MHD_HTTP_OK, "failed", "urn:payvand:problem:code-map-missing",
        "The provider holds no announced code map for this coding",
        "ارائه‌دهنده نگاشت کد اعلام‌شده‌ای برای این کدگذاری ندارد");
}

bool
pv_call_translate(struct call *call, struct pv_request *request)
{
    const struct pv_coding *coding = &call->method->contract->coding;
    struct pv_code_map     *map = &call->code_map;
    const struct pv_rights *rights;
    struct pv_fault         fault = {PV_FAULT_NONE, ""};
    enum pv_err             err;

    if (request->coding.len == 0) {
        return true;
    }
    rights = call->http->rights == NULL
                 ? NULL
                 : pv_rights_link_at(call->http->rights, pv_time_wall_ms());
    err = pv_slice_to_cstr(request->coding, map->list, sizeof(map->list));
    if (err == PV_OK) {
        err = rights == NULL
                  ? PV_ENOTFOUND
                  : pv_rights_code_map(rights, coding->map, coding->list,
                                       map->list, &call->codes);
    }
    if (err == PV_ENOTFOUND) {
        say_no_map(call);
        return false;
    }
    if (err == PV_EINVAL) {
        pv_fault_set(&fault, PV_FAULT_CODING, PV_LIT("coding"));
    }
    if (err == PV_OK) {
        map->version = json_object_get(call->codes, "version");
        map->from = json_object_get(call->codes, "from");
        map->to = json_object_get(call->codes, "to");
        err = pv_coding_request(call->method->contract, map, request, &fault);
    }
    if (err == PV_EINVAL) {
        pv_call_say_fault(call, &fault);
    } else if (err != PV_OK) {
        pv_call_say_failed(call);
    }
    return err == PV_OK;
}
