/*
 * ngx_http_payvand_private.h - configuration of nginx's own modules that no
 * header of nginx shows, as far as check.c must read it to refuse a hole.
 *
 * The layouts are those of nginx 1.22.1 (the version that Debian 12 builds
 * modules for; a module of another version is not loaded by nginx at all).
 * check.c proves the longest of them before it believes it: the url of
 * proxy_pass must be found where it is expected.
 */

#ifndef _NGX_HTTP_PAYVAND_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_PAYVAND_PRIVATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* ngx_http_proxy_module.c: ngx_http_proxy_loc_conf_t */

typedef struct {
    ngx_array_t                  *flushes;
    ngx_array_t                  *lengths;
    ngx_array_t                  *values;
    ngx_hash_t                    hash;
} ngx_http_payvand_proxy_headers_t;


typedef struct {
    ngx_str_t                     key_start;
    ngx_str_t                     schema;
    ngx_str_t                     host_header;
    ngx_str_t                     port;
    ngx_str_t                     uri;
} ngx_http_payvand_proxy_vars_t;


typedef struct {
    ngx_http_upstream_conf_t      upstream;

    ngx_array_t                  *body_flushes;
    ngx_array_t                  *body_lengths;
    ngx_array_t                  *body_values;
    ngx_str_t                     body_source;

    ngx_http_payvand_proxy_headers_t  headers;
#if (NGX_HTTP_CACHE)
    ngx_http_payvand_proxy_headers_t  headers_cache;
#endif
    ngx_array_t                  *headers_source;

    ngx_array_t                  *proxy_lengths;
    ngx_array_t                  *proxy_values;

    ngx_array_t                  *redirects;
    ngx_array_t                  *cookie_domains;
    ngx_array_t                  *cookie_paths;
    ngx_array_t                  *cookie_flags;

    ngx_http_complex_value_t     *method;
    ngx_str_t                     location;
    ngx_str_t                     url;

#if (NGX_HTTP_CACHE)
    ngx_http_complex_value_t      cache_key;
#endif

    ngx_http_payvand_proxy_vars_t     vars;

    ngx_flag_t                    redirect;
    ngx_uint_t                    http_version;
    ngx_uint_t                    headers_hash_max_size;
    ngx_uint_t                    headers_hash_bucket_size;

    ngx_uint_t                    ssl;
    ngx_uint_t                    ssl_protocols;
    ngx_str_t                     ssl_ciphers;
    ngx_uint_t                    ssl_verify_depth;
    ngx_str_t                     ssl_trusted_certificate;
} ngx_http_payvand_proxy_conf_t;


/* ngx_http_log_module.c: ngx_http_log_loc_conf_t */

typedef struct {
    ngx_array_t                  *logs;
    ngx_open_file_cache_t        *open_file_cache;
    time_t                        open_file_cache_valid;
    ngx_uint_t                    open_file_cache_min_uses;
    ngx_uint_t                    off;      /* unsigned  off:1 */
} ngx_http_payvand_log_conf_t;


/* ngx_http_try_files_module.c: the list ends in an entry without values */

typedef struct {
    ngx_array_t                  *lengths;
    ngx_array_t                  *values;
    ngx_str_t                     name;
    unsigned                      code:10;
    unsigned                      test_dir:1;
} ngx_http_payvand_try_file_t;


/*
 * The first member of the location configurations of try_files, realip
 * (set_real_ip_from), mirror, rewrite (its compiled directives): a pointer
 * that is NULL when the directive was not used. auth_request begins with a
 * string.
 */

typedef struct {
    void                         *first;
} ngx_http_payvand_first_conf_t;

typedef struct {
    ngx_str_t                     uri;
} ngx_http_payvand_auth_conf_t;


#endif /* _NGX_HTTP_PAYVAND_PRIVATE_H_INCLUDED_ */
