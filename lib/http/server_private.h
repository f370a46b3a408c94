/*
 * server_private.h - what server.c, server_request.c and server_answer.c share.
 */
#ifndef PAYVAND_HTTP_SERVER_PRIVATE_H
#define PAYVAND_HTTP_SERVER_PRIVATE_H

#include "http/server.h"

#include <microhttpd.h>

struct pv_server {
    struct pv_server_config config;
    uid_t                   uid[PV_SERVER_UIDS_MAX];
    struct MHD_Daemon      *daemon;
    int                     epfd;
    struct request         *waiting; /* request.next; suspended */
    bool                    woken;
};

struct request {
    uint32_t                      magic;
    struct pv_server             *server;
    struct request               *next; /* of those that wait */
    char                          target[PV_SERVER_TARGET_MAX];
    const struct pv_server_route *route;
    struct pv_buf                 body;
    bool                          begun;
    bool                          too_large;
    struct pv_server_call         call;
};

/* server_request.c: libmicrohttpd's callbacks. */
enum MHD_Result pv_server_request(void                  *context,
                                  struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *data,
                                  size_t *len, void **con_cls);
void           *pv_server_target(void *context, const char *target,
                                 struct MHD_Connection *connection);
void   pv_server_completed(void *context, struct MHD_Connection *connection,
                           void **con_cls, enum MHD_RequestTerminationCode code);
size_t pv_server_escapes(void *context, struct MHD_Connection *connection,
                         char *text);

/* server_answer.c: hands the call's answer over to its connection. */
enum MHD_Result pv_server_send(struct request *request);

#endif
