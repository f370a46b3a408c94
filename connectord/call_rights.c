/* call_rights.c - the right of a call, and the items that it opens. */
#include "base/time.h"
#include "connectord/call_private.h"
#include "connectord/log.h"
#include "contract/answer.h"

bool
pv_call_check_right(struct call *call)
{
    const struct pv_rights_call asked = {.grant = call->grant,
                                         .path = call->method->contract->path,
                                         .system = call->consumer,
                                         .when_ms = pv_time_wall_ms()};
    const struct pv_rights     *rights;
    const json_t               *items = NULL;

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
    if (!pv_rights_allow(rights, &asked, &items)) {
        pv_log_warn("connector.right_unknown", "tracking_id=%s path=%s",
                    call->tracking_id, asked.path);
        pv_call_say_problem(
            call, MHD_HTTP_OK, "failed", "urn:payvand:problem:right-unknown",
            "The provider holds no such right of this consumer",
            "ارائه‌دهنده چنین مجوزی برای این دریافت‌کننده ندارد");
        return false;
    }
    call->closed = pv_method_closed(call->method, items);
    return true;
}
