/*
 * ngx_http_payvand_gate.c - the decision, in the preaccess phase.
 *
 * Preaccess, because `satisfy any` and subrequests go around the access phase.
 * A call is decided once; the handler is entered again by stray events while
 * the call is parked, and once more when its record is durable. Everything
 * that is not a decided, quota-taken, journalled call ends in a refusal: an
 * error is never an allow.
 */

#include "ngx_http_payvand.h"
#include "path.h"


#define NGX_HTTP_PAYVAND_REOPEN  1000   /* ms between tries to open the image */


static ngx_int_t ngx_http_payvand_decide(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx);
static enum pv_reason ngx_http_payvand_look_up(ngx_http_payvand_ctx_t *ctx,
    struct pv_slice path, bool *ret_revoked);
static enum pv_reason ngx_http_payvand_check_form(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx);
static enum pv_reason ngx_http_payvand_judge(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx, enum pv_reason fault);
static enum pv_reason ngx_http_payvand_deny(ngx_http_payvand_ctx_t *ctx,
    enum pv_reason reason);
static ngx_int_t ngx_http_payvand_go_on(ngx_http_request_t *r,
    ngx_http_payvand_ctx_t *ctx);
static void ngx_http_payvand_open_policy(void);


static struct {
    struct pv_policy        *policy;     /* NULL: not readable now */
    ngx_str_t                dir;
    ngx_msec_t               tried_at;
    ngx_uint_t               opened;     /* times; an image made anew counts
                                            its versions from the start */
    unsigned                 tried:1;
    struct pv_tracking_ids   ids;
} gate;


ngx_int_t
ngx_http_payvand_gate(ngx_http_request_t *r)
{
    ngx_http_payvand_ctx_t       *ctx;
    ngx_http_payvand_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_payvand_module);

    if (!plcf->enable) {
        return NGX_DECLINED;
    }

    if (r != r->main) {
        return NGX_HTTP_FORBIDDEN;  /* no subrequest is a call */
    }

    ctx = ngx_http_payvand_ctx(r);

    if (ctx == NULL) {
        if (r->internal) {
            return ngx_http_payvand_refuse(r, NULL,
                                           PV_REASON_PATH_NOT_CANONICAL);
        }

        ctx = ngx_http_payvand_ctx_create(r);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_payvand_decide(r, ctx);
    }

    if (!ctx->waiting) {
        /* a redirect led back here: what would go on was never decided */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->released) {
        return ngx_http_payvand_go_on(r, ctx);
    }

    if (ctx->reason != PV_REASON_NONE) {
        ctx->waiting = 0;
        return ngx_http_payvand_refuse(r, ctx, ctx->reason);
    }

    return NGX_AGAIN;
}


/*
 * Everything but the quota. PV_REASON_NONE: the call may be made; otherwise it
 * is not, and what is to be recorded of it is.
 */

static enum pv_reason
ngx_http_payvand_judge(ngx_http_request_t *r, ngx_http_payvand_ctx_t *ctx,
    enum pv_reason fault)
{
    bool             revoked;
    struct pv_call   call;
    enum pv_reason   form, reason;

    ngx_http_payvand_count(NGX_HTTP_PAYVAND_CALLS);

    ctx->decided = 1;
    ctx->received_ms = ngx_http_payvand_now_ms();

    if (pv_tracking_ids_next(&gate.ids, ctx->received_ms, &ctx->id) != PV_OK) {
        return PV_REASON_OVERLOADED;
    }

    pv_tracking_id_text(&ctx->id, (char *) ctx->id_text);

    ctx->identity = ngx_http_payvand_identity(r->connection);

    if (ctx->identity == NULL || ctx->identity->reason != PV_REASON_NONE) {
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_TLS_REFUSED);
        return ctx->identity ? ctx->identity->reason
                             : PV_REASON_CERTIFICATE_MISSING;
    }

    form = ngx_http_payvand_check_form(r, ctx);

    reason = ngx_http_payvand_look_up(ctx, form == PV_REASON_NONE
                                           ? ctx->path : PV_LIT(""), &revoked);
    if (reason != PV_REASON_NONE) {
        return reason;
    }

    if (fault != PV_REASON_NONE) {
        form = fault;
    }

    ngx_memzero(&call, sizeof(struct pv_call));

    call.when_ms = ctx->received_ms;
    call.certificate = &ctx->identity->certificate;
    call.purpose = ctx->purpose;
    call.has_consent = ctx->has_consent;
    ngx_http_payvand_source(r->connection, call.source);

    pv_policy_decide(ctx->rows, &call, revoked, &ctx->decision);

    if (form != PV_REASON_NONE
        && (ctx->decision.verdict == PV_ALLOW
            || ctx->decision.reason > PV_REASON_SYSTEM_SUSPENDED))
    {
        /* the caller is known and in good standing: the form is at fault */
        ctx->decision.grant = NULL;
        return ngx_http_payvand_deny(ctx, form);
    }

    if (ctx->decision.verdict != PV_ALLOW) {
        return ngx_http_payvand_deny(ctx, ctx->decision.reason);
    }

    if (ctx->decision.grant == NULL
        || ctx->rows->target->method.endpoint_number == 0)
    {
        return ngx_http_payvand_deny(ctx, PV_REASON_ENDPOINT_MISSING);
    }

    return PV_REASON_NONE;
}


static ngx_int_t
ngx_http_payvand_decide(ngx_http_request_t *r, ngx_http_payvand_ctx_t *ctx)
{
    enum pv_reason               reason;
    const struct pv_method_row  *method;

    reason = ngx_http_payvand_judge(r, ctx, PV_REASON_NONE);

    if (reason != PV_REASON_NONE) {
        return ngx_http_payvand_refuse(r, ctx, reason);
    }

    method = &ctx->rows->target->method;

    ctx->verify = method->pattern == PV_PATTERN_VERIFY;
    ctx->reason_hidden = method->reason_hidden;
    ctx->idempotent = ctx->verify
                      || method->pattern == PV_PATTERN_INQUIRY
                      || method->pattern == PV_PATTERN_LIST;

    if (ctx->rows_held->used_up >> ngx_http_payvand_grant_at(ctx) & 1) {
        reason = PV_REASON_USED_UP;

    } else if (ngx_http_payvand_upstream_prepare(r, ctx) != NGX_OK) {
        reason = ctx->reason;

    } else {
        reason = ngx_http_payvand_quota_take(ctx);
    }

    if (reason != PV_REASON_NONE) {
        return ngx_http_payvand_refuse(r, ctx,
                                       ngx_http_payvand_deny(ctx, reason));
    }

    if (ngx_http_payvand_journal_park(ctx) == NGX_ERROR) {
        return ngx_http_payvand_refuse(r, ctx, ctx->reason);
    }

    if (ctx->released) {
        return ngx_http_payvand_go_on(r, ctx);
    }

    ctx->waiting = 1;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    return NGX_AGAIN;
}


ngx_http_payvand_ctx_t *
ngx_http_payvand_gate_missed(ngx_http_request_t *r, enum pv_reason fault)
{
    enum pv_reason           reason;
    ngx_http_payvand_ctx_t  *ctx;

    ctx = ngx_http_payvand_ctx_create(r);
    if (ctx == NULL) {
        return NULL;
    }

    reason = ngx_http_payvand_judge(r, ctx, fault);

    ctx->reason = reason != PV_REASON_NONE ? reason : fault;

    return ctx;
}


/*
 * How it is asked: HTTP method, path, headers. The path that was checked is
 * the one looked up, and the request must not have been rewritten since.
 */

static enum pv_reason
ngx_http_payvand_check_form(ngx_http_request_t *r, ngx_http_payvand_ctx_t *ctx)
{
    struct pv_path   path;
    struct pv_slice  raw;

    if (r->method != NGX_HTTP_POST) {
        return PV_REASON_HTTP_METHOD;
    }

    raw = ngx_http_payvand_slice(&r->unparsed_uri);

    if (pv_path_parse(raw, &path) != PV_OK
        || !r->valid_unparsed_uri
        || r->uri.len != raw.len
        || ngx_memcmp(r->uri.data, raw.ptr, raw.len) != 0)
    {
        return PV_REASON_PATH_NOT_CANONICAL;
    }

    ctx->path = raw;

    return ngx_http_payvand_read_headers(r, ctx);
}


static enum pv_reason
ngx_http_payvand_look_up(ngx_http_payvand_ctx_t *ctx, struct pv_slice path,
    bool *ret_revoked)
{
    uint64_t                      version;
    enum pv_err                   err;
    ngx_http_payvand_identity_t  *identity;

    identity = ctx->identity;

    if (ngx_current_msec - gate.tried_at >= NGX_HTTP_PAYVAND_REOPEN
        && gate.policy != NULL)
    {
        gate.tried_at = ngx_current_msec;

        if (!pv_policy_in_place(gate.policy)) {
            pv_policy_close(gate.policy);
            gate.policy = NULL;
            gate.tried = 0;
        }
    }

    if (gate.policy == NULL) {
        ngx_http_payvand_open_policy();
    }

    if (gate.policy == NULL) {
        return PV_REASON_POLICY_UNREADABLE;
    }

    err = pv_policy_version(gate.policy, &version);

    if (err != PV_OK) {
        pv_policy_close(gate.policy);
        gate.policy = NULL;
    }

    /* a revocation is a row too: it stands as long as the version does */

    if (err == PV_OK
        && (!identity->revoked_known || identity->revoked_version != version
            || identity->revoked_opened != gate.opened))
    {
        err = pv_policy_revoked(gate.policy, &identity->certificate,
                                ret_revoked);
        if (err == PV_OK) {
            identity->revoked = *ret_revoked;
            identity->revoked_known = 1;
            identity->revoked_version = version;
            identity->revoked_opened = gate.opened;
        }
    }

    if (err == PV_OK) {
        err = ngx_http_payvand_rows_find(gate.policy, version,
                                         identity->certificate.key_hash, path,
                                         &ctx->rows_held);
    }

    if (err != PV_OK) {
        /* one bad row refuses its own calls, not everybody's */
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "payvand.policy_unreadable err=%d", err);
        return PV_REASON_POLICY_UNREADABLE;
    }

    *ret_revoked = identity->revoked;
    ctx->rows = &ctx->rows_held->rows;

    return PV_REASON_NONE;
}


/* Strangers and the revoked are counted; a known system's are journalled. */

static enum pv_reason
ngx_http_payvand_deny(ngx_http_payvand_ctx_t *ctx, enum pv_reason reason)
{
    ctx->decision.verdict = PV_DENY;
    ctx->reason = reason;
    ctx->outcome = pv_reason_outcome(reason);

    if (reason == PV_REASON_NONE || ctx->outcome == PV_OUTCOME_NONE) {
        ctx->reason = PV_REASON_POLICY_UNREADABLE;
        ctx->outcome = PV_OUTCOME_UNAVAILABLE;
    }

    if (!ctx->rows->consumer->known) {
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_KEY_UNREGISTERED);

    } else if (reason != PV_REASON_CERTIFICATE_REVOKED) {
        ngx_http_payvand_journal_refusal(ctx);
    }

    return ctx->reason;
}


/* the record is durable: now, and only now, the call may go on */

static ngx_int_t
ngx_http_payvand_go_on(ngx_http_request_t *r, ngx_http_payvand_ctx_t *ctx)
{
    ctx->waiting = 0;
    r->read_event_handler = ngx_http_block_reading;

    if (ngx_http_payvand_prepare_request(r, ctx) != NGX_OK) {
        return ngx_http_payvand_refuse(r, ctx, PV_REASON_OVERLOADED);
    }

    ngx_http_payvand_count(NGX_HTTP_PAYVAND_FORWARDED);

    return NGX_DECLINED;
}


struct pv_policy *
ngx_http_payvand_policy(void)
{
    if (gate.policy == NULL) {
        ngx_http_payvand_open_policy();
    }

    return gate.policy;
}


uint64_t
ngx_http_payvand_image_version(void)
{
    uint64_t  version;

    if (ngx_http_payvand_policy() == NULL
        || pv_policy_version(gate.policy, &version) != PV_OK)
    {
        return 0;
    }

    return version;
}


time_t
ngx_http_payvand_image_valid_until(void)
{
    int64_t  until_ms;

    if (ngx_http_payvand_policy() == NULL
        || pv_policy_valid_until(gate.policy, &until_ms) != PV_OK)
    {
        return 0;
    }

    return (time_t) (until_ms / 1000);
}


static void
ngx_http_payvand_open_policy(void)
{
    struct pv_why  why;

    if (gate.tried
        && ngx_current_msec - gate.tried_at < NGX_HTTP_PAYVAND_REOPEN)
    {
        return;
    }

    gate.tried = 1;
    gate.tried_at = ngx_current_msec;
    why.text[0] = '\0';

    if (pv_policy_open((char *) gate.dir.data, &gate.policy, &why) != PV_OK) {
        gate.policy = NULL;
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "payvand.policy_unreadable %s", why.text);
        return;
    }

    /* what was kept of another file says nothing about this one */

    gate.opened++;
    ngx_http_payvand_rows_clear();
}


ngx_int_t
ngx_http_payvand_gate_init_process(ngx_cycle_t *cycle)
{
    ngx_http_payvand_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_payvand_module);

    gate.dir = mcf->policy;
    pv_tracking_ids_init(&gate.ids);

    /* absent or torn: every call is refused, and opening is tried again */
    ngx_http_payvand_open_policy();

    return NGX_OK;
}


void
ngx_http_payvand_gate_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_payvand_rows_clear();
    pv_policy_close(gate.policy);
    gate.policy = NULL;
}
