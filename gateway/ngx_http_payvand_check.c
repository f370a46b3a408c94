/*
 * ngx_http_payvand_check.c - nginx does not start on a configuration that
 * opens a hole in the gate; the message names the hole and the place.
 *
 * All of http{} is held to it as soon as one location is a gate: a stranger
 * chooses by SNI and Host which server of an address reads his request.
 */

#include "ngx_http_payvand_check.h"

#include <sys/stat.h>


static ngx_int_t ngx_http_payvand_check_main(ngx_conf_t *cf);
static ngx_int_t ngx_http_payvand_check_addresses(ngx_conf_t *cf);
static ngx_int_t ngx_http_payvand_check_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf);


ngx_int_t
ngx_http_payvand_hole(ngx_conf_t *cf, ngx_http_payvand_place_t *place,
    const char *hole)
{
    ngx_str_t  server, name;

    ngx_str_set(&server, "-");
    ngx_str_set(&name, "-");

    if (place) {
        if (place->cscf && place->cscf->server_name.len) {
            server = place->cscf->server_name;
        }

        if (place->clcf && place->clcf->name.len) {
            name = place->clcf->name;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "payvand: refusing to start: %s (server \"%V\", location "
                  "\"%V\")", hole, &server, &name);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_payvand_check(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_payvand_place_t      *place;
    ngx_http_payvand_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_payvand_module);

    if (ngx_http_payvand_check_main(cf) != NGX_OK
        || ngx_http_payvand_check_addresses(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    place = mcf->locations->elts;

    for (i = 0; i < mcf->locations->nelts; i++) {

        if (ngx_http_payvand_check_any(cf, &place[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        if (place[i].plcf->enable
            && ngx_http_payvand_check_gate(cf, &place[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_payvand_check_main(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_payvand_main_conf_t  *mcf;
#if (NGX_DEBUG)
    ngx_event_conf_t              *ecf;

    ecf = ngx_event_get_conf(cf->cycle->conf_ctx, ngx_event_core_module);

    if (ecf->debug_connection.nelts) {
        return ngx_http_payvand_hole(cf, NULL,
            "debug_connection writes requests into the error log: remove it");
    }
#endif

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_payvand_module);

    if (mcf->policy.len == 0) {
        return ngx_http_payvand_hole(cf, NULL,
            "payvand_policy is missing: no image, no decision");
    }

    if (mcf->journal.len == 0) {
        return ngx_http_payvand_hole(cf, NULL,
            "payvand_journal is missing: calls would go unrecorded");
    }

    if (mcf->quota_zone == NULL) {
        return ngx_http_payvand_hole(cf, NULL,
            "payvand_quota_zone is missing: quotas would not be counted");
    }

    if (mcf->node.len == 0) {
        return ngx_http_payvand_hole(cf, NULL,
            "payvand_node is missing: records would not name their exchange");
    }

    for (i = 0; i < mcf->node.len; i++) {
        if (!((mcf->node.data[i] >= 'a' && mcf->node.data[i] <= 'z')
              || (mcf->node.data[i] >= '0' && mcf->node.data[i] <= '9')
              || mcf->node.data[i] == '-'))
        {
            return ngx_http_payvand_hole(cf, NULL,
                "payvand_node may have a-z, 0-9 and hyphens only");
        }
    }

    if (ngx_http_payvand_check_socket(&mcf->journal, cf->log) == NGX_ERROR) {
        return ngx_http_payvand_hole(cf, NULL,
            "the journal's socket could be someone else's: chmod o-w it");
    }

    return NGX_OK;
}


/*
 * The socket that records go to: nobody but its owner and its group may write
 * to it. NGX_DECLINED when there is none yet.
 */

ngx_int_t
ngx_http_payvand_check_socket(ngx_str_t *path, ngx_log_t *log)
{
    struct stat  st;

    if (lstat((char *) path->data, &st) == -1) {
        return NGX_DECLINED;
    }

    if (!S_ISSOCK(st.st_mode)) {
        if (log) {
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "payvand.journal_socket %V is not a socket", path);
        }
        return NGX_ERROR;
    }

    if (st.st_mode & S_IWOTH) {
        if (log) {
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "payvand.journal_socket %V is world-writable", path);
        }
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* every server that shares an address with a gate */

static ngx_int_t
ngx_http_payvand_check_addresses(ngx_conf_t *cf)
{
    ngx_uint_t                     a, i, k, p, gate;
    ngx_http_conf_addr_t          *addr;
    ngx_http_conf_port_t          *port;
    ngx_http_payvand_place_t      *place, here;
    ngx_http_core_srv_conf_t     **cscf;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_payvand_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_payvand_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    place = mcf->locations->elts;

    if (cmcf->ports == NULL) {
        return NGX_OK;
    }

    port = cmcf->ports->elts;

    for (p = 0; p < cmcf->ports->nelts; p++) {

        addr = port[p].addrs.elts;

        for (a = 0; a < port[p].addrs.nelts; a++) {

            cscf = addr[a].servers.elts;
            gate = 0;
            ngx_memzero(&here, sizeof(ngx_http_payvand_place_t));

            for (i = 0; i < addr[a].servers.nelts; i++) {
                for (k = 0; k < mcf->locations->nelts; k++) {
                    if (place[k].plcf->enable && place[k].cscf == cscf[i]) {
                        gate = 1;
                        here = place[k];
                    }
                }
            }

            if (!gate) {
                continue;
            }

            if (!addr[a].opt.ssl) {
                return ngx_http_payvand_hole(cf, &here,
                    "a gate listens without ssl");
            }

#if (NGX_HTTP_V2)
            if (addr[a].opt.http2) {
                return ngx_http_payvand_hole(cf, &here,
                    "a gate listens with http2, which the gate was not proved "
                    "on: remove it");
            }
#endif

#if (NGX_HAVE_DEFERRED_ACCEPT && defined TCP_DEFER_ACCEPT)
            if (addr[a].opt.deferred_accept) {
                return ngx_http_payvand_hole(cf, &here,
                    "listen ... deferred would let nginx log a request line");
            }
#endif

            if (addr[a].opt.proxy_protocol) {
                return ngx_http_payvand_hole(cf, &here,
                    "listen ... proxy_protocol lets the caller state its own "
                    "source network");
            }

            for (i = 0; i < addr[a].servers.nelts; i++) {
                if (ngx_http_payvand_check_server(cf, cscf[i]) != NGX_OK) {
                    return NGX_ERROR;
                }
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_payvand_check_server(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf)
{
    ngx_http_payvand_place_t   here;
    ngx_http_ssl_srv_conf_t   *sscf;

    ngx_memzero(&here, sizeof(ngx_http_payvand_place_t));
    here.cscf = cscf;

    sscf = cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

    if (sscf->verify != 1 && sscf->verify != 2) {
        return ngx_http_payvand_hole(cf, &here,
            sscf->verify == 3
            ? "ssl_verify_client optional_no_ca lets chains pass that do not "
              "verify: use optional"
            : "ssl_verify_client is off: sessions would have no client "
              "certificate; use optional");
    }

    if (sscf->protocols != NGX_SSL_TLSv1_3) {
        return ngx_http_payvand_hole(cf, &here,
            "ssl_protocols is not TLSv1.3 alone");
    }

    if (sscf->early_data) {
        return ngx_http_payvand_hole(cf, &here,
            "ssl_early_data on: early data can be replayed");
    }

    return NGX_OK;
}
