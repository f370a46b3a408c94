/*
 * ngx_http_payvand_check_place.c - the holes of one location: what it logs and
 * keeps, where it sends requests to, and, of a gate, how it reaches providers.
 */

#include "ngx_http_payvand_check.h"
#include "ngx_http_payvand_private.h"


static ngx_int_t ngx_http_payvand_check_proxy(ngx_conf_t *cf,
    ngx_http_payvand_place_t *place);
static ngx_int_t ngx_http_payvand_check_upstream(ngx_conf_t *cf,
    ngx_http_payvand_place_t *place, ngx_http_upstream_conf_t *u);
static ngx_int_t ngx_http_payvand_check_targets(ngx_conf_t *cf,
    ngx_http_payvand_place_t *place);


static void *
ngx_http_payvand_conf_of(ngx_conf_t *cf, void **conf, const char *module)
{
    ngx_uint_t  i;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (cf->cycle->modules[i]->type == NGX_HTTP_MODULE
            && ngx_strcmp(cf->cycle->modules[i]->name, module) == 0)
        {
            return conf[cf->cycle->modules[i]->ctx_index];
        }
    }

    return NULL;
}


/* any location, gate or not: it may read or log a gate's request */

ngx_int_t
ngx_http_payvand_check_any(ngx_conf_t *cf, ngx_http_payvand_place_t *place)
{
    ngx_log_t                      *log;
    ngx_http_payvand_log_conf_t    *llcf;
    ngx_http_payvand_first_conf_t  *first;

    llcf = ngx_http_payvand_conf_of(cf, place->loc_conf,
                                    "ngx_http_log_module");

    if (llcf && !llcf->off) {
        return ngx_http_payvand_hole(cf, place,
            "access_log is on: set access_log off in http{}");
    }

    for (log = place->clcf->error_log; log; log = log->next) {
        if (log->log_level & ~NGX_LOG_DEBUG_CONNECTION & ~0xf) {
            return ngx_http_payvand_hole(cf, place,
                "error_log at level debug writes content into the log");
        }
    }

    if (place->clcf->client_body_in_file_only) {
        return ngx_http_payvand_hole(cf, place,
            "client_body_in_file_only puts requests on disk");
    }

    first = ngx_http_payvand_conf_of(cf, place->loc_conf,
                                     "ngx_http_realip_module");

    if (first && first->first) {
        return ngx_http_payvand_hole(cf, place,
            "set_real_ip_from lets a header state the source network");
    }

    return ngx_http_payvand_check_targets(cf, place);
}


/* does text, or a beginning of it, name a gate location of this server? */

static ngx_uint_t
ngx_http_payvand_names_gate(ngx_conf_t *cf, ngx_http_payvand_place_t *from,
    ngx_str_t *text)
{
    ngx_str_t                     *name;
    ngx_uint_t                     i;
    ngx_http_payvand_place_t      *place;
    ngx_http_payvand_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_payvand_module);
    place = mcf->locations->elts;

    for (i = 0; i < mcf->locations->nelts; i++) {

        if (!place[i].plcf->enable || place[i].cscf != from->cscf) {
            continue;
        }

        name = &place[i].clcf->name;

#if (NGX_PCRE)
        if (place[i].clcf->regex) {
            return 1;  /* not to be told without a request */
        }
#endif

        if (text->len >= name->len
            && ngx_strncmp(text->data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_payvand_server_has_gate(ngx_conf_t *cf, ngx_http_payvand_place_t *from)
{
    ngx_uint_t                     i;
    ngx_http_payvand_place_t      *place;
    ngx_http_payvand_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_payvand_module);
    place = mcf->locations->elts;

    for (i = 0; i < mcf->locations->nelts; i++) {
        if (place[i].plcf->enable && place[i].cscf == from->cscf) {
            return 1;
        }
    }

    return 0;
}


/* error_page, try_files, rewrite: nothing may lead into a gate */

static ngx_int_t
ngx_http_payvand_check_targets(ngx_conf_t *cf, ngx_http_payvand_place_t *place)
{
    ngx_uint_t                       i;
    ngx_array_t                     *pages;
    ngx_http_err_page_t             *page;
    ngx_http_script_code_pt         *code;
    ngx_http_payvand_try_file_t     *file;
    ngx_http_payvand_first_conf_t   *first;

    if (!ngx_http_payvand_server_has_gate(cf, place)) {
        return NGX_OK;
    }

    pages = place->clcf->error_pages;

    if (pages) {
        page = pages->elts;

        for (i = 0; i < pages->nelts; i++) {
            if (page[i].value.lengths
                || ngx_http_payvand_names_gate(cf, place,
                                               &page[i].value.value))
            {
                return ngx_http_payvand_hole(cf, place,
                    "error_page leads into a gate location, or may");
            }
        }
    }

    first = ngx_http_payvand_conf_of(cf, place->loc_conf,
                                     "ngx_http_try_files_module");

    if (first && first->first) {
        for (file = first->first; file->lengths || file->name.len || file->code;
             file++)
        {
            if (place->plcf->enable
                || file->lengths
                || ngx_http_payvand_names_gate(cf, place, &file->name))
            {
                return ngx_http_payvand_hole(cf, place,
                    "try_files leads into or out of a gate location, or may");
            }

            if (file->code) {
                break;
            }
        }
    }

    first = ngx_http_payvand_conf_of(cf, place->loc_conf,
                                     "ngx_http_rewrite_module");

    if (first && first->first && first->first != NGX_CONF_UNSET_PTR) {
        code = ((ngx_array_t *) first->first)->elts;

        if (place->plcf->enable || *code != ngx_http_script_return_code) {
            return ngx_http_payvand_hole(cf, place,
                "rewrite, set or if in a server with a gate could lead into "
                "it: only return is allowed, outside the gate");
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_payvand_check_gate(ngx_conf_t *cf, ngx_http_payvand_place_t *place)
{
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_payvand_auth_conf_t   *auth;
    ngx_http_payvand_first_conf_t  *first;

    clcf = place->clcf;

    if (clcf->noname || clcf->named) {
        return ngx_http_payvand_hole(cf, place,
            "payvand on stands in an if, a limit_except or a named location");
    }

    if (clcf->handler == NULL) {
        return ngx_http_payvand_hole(cf, place,
            "a gate location without its own proxy_pass");
    }

    if (clcf->satisfy != NGX_HTTP_SATISFY_ALL) {
        return ngx_http_payvand_hole(cf, place,
            "satisfy any in a gate location");
    }

    if (clcf->post_action.len) {
        return ngx_http_payvand_hole(cf, place,
            "post_action in a gate location calls out a second time");
    }

    first = ngx_http_payvand_conf_of(cf, place->loc_conf,
                                     "ngx_http_mirror_module");

    if (first && first->first && first->first != NGX_CONF_UNSET_PTR) {
        return ngx_http_payvand_hole(cf, place,
            "mirror in a gate location sends content elsewhere");
    }

    /* both begin with their switch */

    first = ngx_http_payvand_conf_of(cf, place->loc_conf,
                                     "ngx_http_ssi_filter_module");

    if (first && first->first) {
        return ngx_http_payvand_hole(cf, place,
            "ssi in a gate location lets a provider's answer call out");
    }

    first = ngx_http_payvand_conf_of(cf, place->loc_conf,
                                     "ngx_http_gzip_filter_module");

    if (first && first->first) {
        return ngx_http_payvand_hole(cf, place,
            "gzip in a gate location: the length of an answer would tell yes "
            "from no");
    }

    auth = ngx_http_payvand_conf_of(cf, place->loc_conf,
                                    "ngx_http_auth_request_module");

    if (auth && auth->uri.len) {
        return ngx_http_payvand_hole(cf, place,
            "auth_request in a gate location tells another server of a call");
    }

    return ngx_http_payvand_check_proxy(cf, place);
}


static ngx_int_t
ngx_http_payvand_check_proxy(ngx_conf_t *cf, ngx_http_payvand_place_t *place)
{
    off_t                           max;
    ngx_http_upstream_conf_t       *u;
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_payvand_proxy_conf_t  *proxy;

    clcf = place->clcf;
    proxy = ngx_http_payvand_conf_of(cf, place->loc_conf,
                                     "ngx_http_proxy_module");

    if (proxy == NULL || (proxy->url.len == 0 && proxy->proxy_lengths == NULL)) {
        return ngx_http_payvand_hole(cf, place,
            "a gate location without its own proxy_pass");
    }

    if (proxy->proxy_lengths) {
        return ngx_http_payvand_hole(cf, place,
            "proxy_pass with variables in a gate location");
    }

    if (proxy->url.len <= 8
        || ngx_strncasecmp(proxy->url.data, (u_char *) "https://", 8) != 0)
    {
        return ngx_http_payvand_hole(cf, place,
            "proxy_pass without https: providers would be called without TLS");
    }

    if (proxy->vars.uri.len) {
        return ngx_http_payvand_hole(cf, place,
            "proxy_pass with a path: what is decided must be what is "
            "forwarded");
    }

    if (proxy->method || proxy->body_values || proxy->body_source.len) {
        return ngx_http_payvand_hole(cf, place,
            "proxy_method or proxy_set_body in a gate location");
    }

    if (proxy->http_version != NGX_HTTP_VERSION_11) {
        return ngx_http_payvand_hole(cf, place,
            "proxy_http_version 1.1 is missing: connections to providers "
            "would not be kept");
    }

    u = &proxy->upstream;

    if (u->ssl_certificate == NULL || u->ssl_certificate_key == NULL) {
        return ngx_http_payvand_hole(cf, place,
            "proxy_ssl_certificate is missing: providers could not tell the "
            "exchange from others");
    }

    if (!u->ssl_verify || proxy->ssl_trusted_certificate.len == 0) {
        return ngx_http_payvand_hole(cf, place,
            "proxy_ssl_verify on or proxy_ssl_trusted_certificate is missing: "
            "a provider's chain would not be verified");
    }

    max = clcf->client_max_body_size;

    if (u->request_buffering
        && (max == 0 || max > (off_t) clcf->client_body_buffer_size))
    {
        return ngx_http_payvand_hole(cf, place,
            "requests may be buffered on disk: set proxy_request_buffering "
            "off, or client_body_buffer_size to client_max_body_size");
    }

    if (max == 0) {
        return ngx_http_payvand_hole(cf, place,
            "client_max_body_size 0: requests have no limit");
    }

    return ngx_http_payvand_check_upstream(cf, place, u);
}


static ngx_int_t
ngx_http_payvand_check_upstream(ngx_conf_t *cf,
    ngx_http_payvand_place_t *place, ngx_http_upstream_conf_t *u)
{
    if (u->upstream == NULL || !ngx_http_payvand_is_endpoint(u->upstream)) {
        return ngx_http_payvand_hole(cf, place,
            "proxy_pass does not name an upstream{} with payvand_endpoint "
            "alone (keepalive and other choices of a peer share connections "
            "by address)");
    }

    if (u->buffering && u->max_temp_file_size != 0) {
        return ngx_http_payvand_hole(cf, place,
            "answers may be buffered on disk: set proxy_max_temp_file_size 0");
    }

    if (u->store || u->store_lengths) {
        return ngx_http_payvand_hole(cf, place,
            "proxy_store keeps answers on disk");
    }

#if (NGX_HTTP_CACHE)
    if (u->cache || u->cache_zone || u->cache_value) {
        return ngx_http_payvand_hole(cf, place,
            "proxy_cache keeps answers on disk");
    }
#endif

    if (u->intercept_errors) {
        return ngx_http_payvand_hole(cf, place,
            "proxy_intercept_errors in a gate location");
    }

    return NGX_OK;
}
