/*
 * ngx_http_payvand_address.c - addresses that no endpoint may have: those of
 * this machine that the exchange listens on, and those of no single host.
 */

#include "ngx_http_payvand_peer.h"

#include <ifaddrs.h>


#define NGX_HTTP_PAYVAND_OWN_MAX      64      /* addresses of this machine */


/* the worker's; nothing here is shared */

static uint8_t  ngx_http_payvand_own[NGX_HTTP_PAYVAND_OWN_MAX][16];
static ngx_uint_t  ngx_http_payvand_own_count;


static ngx_uint_t
ngx_http_payvand_map_address(struct sockaddr *sa, uint8_t address[16])
{
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        ngx_memzero(address, 10);
        address[10] = 0xff;
        address[11] = 0xff;
        ngx_memcpy(address + 12, &sin->sin_addr, 4);
        return 1;

    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        ngx_memcpy(address, &sin6->sin6_addr, 16);
        return 1;

    default:
        return 0;
    }
}


ngx_int_t
ngx_http_payvand_address_init(ngx_cycle_t *cycle)
{
    struct ifaddrs  *list, *ifa;

    ngx_http_payvand_own_count = 0;

    /* a listening wildcard stands for every address of this machine */

    if (getifaddrs(&list) == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "payvand: getifaddrs() failed");
        return NGX_ERROR;
    }

    for (ifa = list; ifa; ifa = ifa->ifa_next) {

        if (ifa->ifa_addr == NULL
            || ngx_http_payvand_own_count == NGX_HTTP_PAYVAND_OWN_MAX)
        {
            continue;
        }

        if (ngx_http_payvand_map_address(ifa->ifa_addr,
                             ngx_http_payvand_own[ngx_http_payvand_own_count]))
        {
            ngx_http_payvand_own_count++;
        }
    }

    freeifaddrs(list);

    return NGX_OK;
}


/* Is it an address of the exchange itself, at a port it listens on? */

static ngx_uint_t
ngx_http_payvand_is_own(const uint8_t address[16], in_port_t port)
{
    size_t            n;
    uint8_t           bound[16];
    ngx_uint_t        i, k;
    ngx_listening_t  *ls;

    static const uint8_t  any4[16] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t  any6[16];

    ls = ngx_cycle->listening.elts;
    n = sizeof(bound);

    for (i = 0; i < ngx_cycle->listening.nelts; i++) {

        if (!ngx_http_payvand_map_address(ls[i].sockaddr, bound)
            || ngx_inet_get_port(ls[i].sockaddr) != port)
        {
            continue;
        }

        if (ngx_memcmp(bound, address, n) == 0) {
            return 1;
        }

        if (ngx_memcmp(bound, any4, n) != 0 && ngx_memcmp(bound, any6, n) != 0)
        {
            continue;
        }

        /* all of 127.0.0.0/8 is this machine, not only what is configured */

        if (ngx_memcmp(address, any4, 12) == 0 && address[12] == 127) {
            return 1;
        }

        for (k = 0; k < ngx_http_payvand_own_count; k++) {
            if (ngx_memcmp(ngx_http_payvand_own[k], address, n) == 0) {
                return 1;
            }
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_payvand_address_is_forbidden(const uint8_t address[16],
    in_port_t port, ngx_uint_t loopback)
{
    const uint8_t  *v4;

    static const uint8_t  mapped[12] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t  zeros[15];

    if (port == 0) {
        return 1;
    }

    if (ngx_memcmp(address, mapped, sizeof(mapped)) == 0) {
        v4 = address + 12;

        if (v4[0] == 127) {
            return !loopback || ngx_http_payvand_is_own(address, port);
        }

        if (v4[0] == 0                              /* this network */
            || (v4[0] == 169 && v4[1] == 254)       /* link-local */
            || v4[0] >= 224)                        /* multicast, reserved */
        {
            return 1;
        }

        return ngx_http_payvand_is_own(address, port);
    }

    if (ngx_memcmp(address, zeros, sizeof(zeros)) == 0) {

        if (address[15] == 1) {
            return !loopback || ngx_http_payvand_is_own(address, port);
        }

        return 1;                                   /* unspecified */
    }

    /* old ways of writing an IPv4 address in IPv6 hide what is checked above */

    if (ngx_memcmp(address, zeros, 12) == 0                  /* compatible */
        || (address[0] == 0x00 && address[1] == 0x64
            && address[2] == 0xff && address[3] == 0x9b)     /* NAT64 */
        || (address[0] == 0x20 && address[1] == 0x02)        /* 6to4 */
        || (address[0] == 0xfe && address[1] >= 0x80)        /* link, site */
        || address[0] == 0xff)                               /* multicast */
    {
        return 1;
    }

    return ngx_http_payvand_is_own(address, port);
}
