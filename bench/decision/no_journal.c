/* clang-format off */ /* nginx's own style, as in gateway/ */
/*
 * no_journal.c - stands in for the gateway's journal.c and frame.c in one
 * build that is for measuring only: the decision alone, nothing written down.
 *
 * It is made by `./dev bench`, never installed, and says so when it starts.
 */

#include "ngx_http_payvand.h"
#include "ngx_http_payvand_shared.h"


ngx_int_t
ngx_http_payvand_journal_init_process(ngx_cycle_t *cycle)
{
    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "payvand.bench_only this build journals nothing");

    if (ngx_http_payvand_quota_claim()) {
        ngx_http_payvand_quota_claimed(1);
    }

    return NGX_OK;
}


void
ngx_http_payvand_journal_exit_process(ngx_cycle_t *cycle)
{
}


ngx_int_t
ngx_http_payvand_journal_park(ngx_http_payvand_ctx_t *ctx)
{
    ctx->released = 1;

    return NGX_OK;
}


void
ngx_http_payvand_journal_refusal(ngx_http_payvand_ctx_t *ctx)
{
}


void
ngx_http_payvand_journal_complete(ngx_http_payvand_ctx_t *ctx)
{
}


const char *
ngx_http_payvand_journal_state(void)
{
    return "none";
}


void
ngx_http_payvand_journal_forget(ngx_http_payvand_ctx_t *ctx)
{
}
