/*
 * ngx_http_payvand_status.c - counters, and the page that shows them, as JSON
 * or (`payvand_status prometheus`) in Prometheus' text format 0.0.4.
 *
 * Each process adds to a block of its own in shared memory, without a locked
 * instruction; the page adds the blocks up. Counters are for rates; evidence
 * is the trace.
 */

#include "ngx_http_payvand.h"
#include "ngx_http_payvand_shared.h"


#define NGX_HTTP_PAYVAND_STATUS_LEN  16384

#define NGX_HTTP_PAYVAND_JSON        1        /* plcf->status */
#define NGX_HTTP_PAYVAND_PROMETHEUS  2


static ngx_int_t ngx_http_payvand_status_handler(ngx_http_request_t *r);
static void ngx_http_payvand_write_json(ngx_buf_t *b, ngx_str_t *node,
    ngx_http_payvand_shared_t *shared);
static void ngx_http_payvand_write_prometheus(ngx_buf_t *b,
    ngx_http_payvand_shared_t *shared);
static uint64_t ngx_http_payvand_sum(ngx_http_payvand_shared_t *shared,
    ngx_uint_t counter);


static const ngx_str_t  ngx_http_payvand_counter_names[] = {
    [NGX_HTTP_PAYVAND_CALLS] = ngx_string("calls"),
    [NGX_HTTP_PAYVAND_FORWARDED] = ngx_string("forwarded"),
    [NGX_HTTP_PAYVAND_ANSWERED] = ngx_string("answered"),
    [NGX_HTTP_PAYVAND_INVALID] = ngx_string("invalid"),
    [NGX_HTTP_PAYVAND_REFUSED] = ngx_string("refused"),
    [NGX_HTTP_PAYVAND_LIMITED] = ngx_string("limited"),
    [NGX_HTTP_PAYVAND_CLOSED] = ngx_string("closed"),
    [NGX_HTTP_PAYVAND_FAILED] = ngx_string("failed"),
    [NGX_HTTP_PAYVAND_TIMEOUT] = ngx_string("timeout"),
    [NGX_HTTP_PAYVAND_UNAVAILABLE] = ngx_string("unavailable"),
    [NGX_HTTP_PAYVAND_UNKNOWN] = ngx_string("unknown"),
    [NGX_HTTP_PAYVAND_TLS_REFUSED] = ngx_string("tls_refused"),
    [NGX_HTTP_PAYVAND_KEY_UNREGISTERED] = ngx_string("key_unregistered"),
    [NGX_HTTP_PAYVAND_MALFORMED] = ngx_string("malformed"),
    [NGX_HTTP_PAYVAND_ROWS_HIT] = ngx_string("rows_hit"),
    [NGX_HTTP_PAYVAND_ROWS_MISS] = ngx_string("rows_miss"),
    [NGX_HTTP_PAYVAND_JOURNALLED] = ngx_string("journalled"),
    [NGX_HTTP_PAYVAND_JOURNAL_FRAMES] = ngx_string("journal_frames"),
    [NGX_HTTP_PAYVAND_JOURNAL_RECONNECTS] = ngx_string("journal_reconnects"),
    [NGX_HTTP_PAYVAND_JOURNAL_TIMEOUTS] = ngx_string("journal_timeouts"),
    [NGX_HTTP_PAYVAND_JOURNAL_REFUSED] = ngx_string("journal_refused"),
    [NGX_HTTP_PAYVAND_COMPLETIONS] = ngx_string("completions"),
    [NGX_HTTP_PAYVAND_REFUSALS_SUMMED] = ngx_string("refusals_summed"),
    [NGX_HTTP_PAYVAND_QUOTA_FULL] = ngx_string("quota_full"),
    [NGX_HTTP_PAYVAND_UPSTREAM_REUSED] = ngx_string("upstream_reused"),
    [NGX_HTTP_PAYVAND_UPSTREAM_OPENED] = ngx_string("upstream_opened"),
    [NGX_HTTP_PAYVAND_UPSTREAM_RETRIED] = ngx_string("upstream_retried"),
    [NGX_HTTP_PAYVAND_PIN_REFUSED] = ngx_string("pin_refused"),
};

_Static_assert(sizeof(ngx_http_payvand_counter_names) / sizeof(ngx_str_t)
               == NGX_HTTP_PAYVAND_COUNTERS, "every counter has a name");


static const enum ngx_http_payvand_counter
    ngx_http_payvand_outcome_counters[PV_OUTCOME_END] = {
    [PV_OUTCOME_NONE] = NGX_HTTP_PAYVAND_UNKNOWN,
    [PV_OUTCOME_ANSWERED] = NGX_HTTP_PAYVAND_ANSWERED,
    [PV_OUTCOME_INVALID] = NGX_HTTP_PAYVAND_INVALID,
    [PV_OUTCOME_REFUSED] = NGX_HTTP_PAYVAND_REFUSED,
    [PV_OUTCOME_LIMITED] = NGX_HTTP_PAYVAND_LIMITED,
    [PV_OUTCOME_CLOSED] = NGX_HTTP_PAYVAND_CLOSED,
    [PV_OUTCOME_FAILED] = NGX_HTTP_PAYVAND_FAILED,
    [PV_OUTCOME_TIMEOUT] = NGX_HTTP_PAYVAND_TIMEOUT,
    [PV_OUTCOME_UNAVAILABLE] = NGX_HTTP_PAYVAND_UNAVAILABLE,
    [PV_OUTCOME_UNKNOWN] = NGX_HTTP_PAYVAND_UNKNOWN,
};


void
ngx_http_payvand_count(enum ngx_http_payvand_counter counter)
{
    ngx_http_payvand_count_add(counter, 1);
}


void
ngx_http_payvand_count_add(enum ngx_http_payvand_counter counter, ngx_uint_t n)
{
    ngx_http_payvand_shared_t  *shared;

    shared = ngx_http_payvand_shared();

    if (shared != NULL) {
        shared->counters[(ngx_uint_t) ngx_process_slot
                         % NGX_HTTP_PAYVAND_COUNTER_BLOCKS].value[counter] += n;
    }
}


void
ngx_http_payvand_count_outcome(enum pv_outcome outcome)
{
    if ((ngx_uint_t) outcome < PV_OUTCOME_END) {
        ngx_http_payvand_count(ngx_http_payvand_outcome_counters[outcome]);
    }
}


char *
ngx_http_payvand_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_payvand_loc_conf_t *plcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    if (cf->args->nelts > 1 && ngx_strcmp(value[1].data, "prometheus") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "payvand_status knows no form \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_payvand_status_handler;
    plcf->status = cf->args->nelts > 1 ? NGX_HTTP_PAYVAND_PROMETHEUS
                                       : NGX_HTTP_PAYVAND_JSON;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_payvand_status_handler(ngx_http_request_t *r)
{
    ngx_buf_t                      *b;
    ngx_int_t                       rc;
    ngx_chain_t                     out;
    ngx_http_payvand_shared_t      *shared;
    ngx_http_payvand_loc_conf_t    *plcf;
    ngx_http_payvand_main_conf_t   *mcf;

    if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_payvand_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_payvand_module);
    shared = ngx_http_payvand_shared();

    if (shared == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_PAYVAND_STATUS_LEN);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (plcf->status == NGX_HTTP_PAYVAND_PROMETHEUS) {
        ngx_http_payvand_write_prometheus(b, shared);
        ngx_str_set(&r->headers_out.content_type,
                    "text/plain; version=0.0.4; charset=utf-8");

    } else {
        ngx_http_payvand_write_json(b, &mcf->node, shared);
        ngx_str_set(&r->headers_out.content_type, "application/json");
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;
    out.buf = b;
    out.next = NULL;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &out);
}


static uint64_t
ngx_http_payvand_sum(ngx_http_payvand_shared_t *shared, ngx_uint_t counter)
{
    uint64_t    sum;
    ngx_uint_t  k;

    sum = 0;

    for (k = 0; k < NGX_HTTP_PAYVAND_COUNTER_BLOCKS; k++) {
        sum += shared->counters[k].value[counter];
    }

    return sum;
}


static void
ngx_http_payvand_write_json(ngx_buf_t *b, ngx_str_t *node,
    ngx_http_payvand_shared_t *shared)
{
    ngx_uint_t  i;

    b->last = ngx_slprintf(b->last, b->end,
        "{\"node\":\"%V\",\"started\":%T,\"time\":%T,\"journal\":\"%s\","
        "\"image_version\":%uL,\"image_valid_until\":%T,"
        "\"daily_counts\":%s",
        node, shared->started, ngx_time(),
        ngx_http_payvand_journal_state(), ngx_http_payvand_image_version(),
        ngx_http_payvand_image_valid_until(),
        shared->counted == NGX_HTTP_PAYVAND_COUNTED ? "true" : "false");

    for (i = 0; i < NGX_HTTP_PAYVAND_COUNTERS; i++) {
        b->last = ngx_slprintf(b->last, b->end, ",\"%V\":%uL",
                               &ngx_http_payvand_counter_names[i],
                               ngx_http_payvand_sum(shared, i));
    }

    b->last = ngx_slprintf(b->last, b->end, "}\n");
}


static void
ngx_http_payvand_write_prometheus(ngx_buf_t *b,
    ngx_http_payvand_shared_t *shared)
{
    ngx_uint_t   i;
    const char  *state;
    ngx_str_t   *name;

    state = ngx_http_payvand_journal_state();

    b->last = ngx_slprintf(b->last, b->end,
        "# HELP payvand_gateway_started_seconds When its counters began.\n"
        "# TYPE payvand_gateway_started_seconds gauge\n"
        "payvand_gateway_started_seconds %T\n"
        "# HELP payvand_gateway_image_version Of the policy image in force.\n"
        "# TYPE payvand_gateway_image_version gauge\n"
        "payvand_gateway_image_version %uL\n"
        "# HELP payvand_gateway_image_valid_until_seconds Until when a copy of "
        "the policy may be used; 0: it is no copy.\n"
        "# TYPE payvand_gateway_image_valid_until_seconds gauge\n"
        "payvand_gateway_image_valid_until_seconds %T\n"
        "# HELP payvand_gateway_journal_up 1 while calls can be journalled.\n"
        "# TYPE payvand_gateway_journal_up gauge\n"
        "payvand_gateway_journal_up %ui\n",
        shared->started, ngx_http_payvand_image_version(),
        ngx_http_payvand_image_valid_until(),
        (ngx_uint_t) (ngx_strcmp(state, "up") == 0
                      || ngx_strcmp(state, "low_space") == 0));

    for (i = 0; i < NGX_HTTP_PAYVAND_COUNTERS; i++) {
        name = (ngx_str_t *) &ngx_http_payvand_counter_names[i];

        b->last = ngx_slprintf(b->last, b->end,
            "# HELP payvand_gateway_%V_total The counter %V of payvand_status."
            "\n# TYPE payvand_gateway_%V_total counter\n"
            "payvand_gateway_%V_total %uL\n",
            name, name, name, name, ngx_http_payvand_sum(shared, i));
    }
}
