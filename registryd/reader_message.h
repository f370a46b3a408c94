/*
 * reader_message.h - what the registry and its reader say to each other; both
 * are one binary. Private to reader.c and reader_main.c.
 */
#ifndef PV_REGISTRYD_READER_MESSAGE_H
#define PV_REGISTRYD_READER_MESSAGE_H

#include "caller.h"

#define READER_SOCKET_FD 3 /* in the reader's process */
#define READER_TYPE_MAX 64

struct reader_ask {
    struct pv_caller caller; /* without the secrets of his session */
    char             path[PV_SERVER_TARGET_MAX];
    char             query[PV_SERVER_TARGET_MAX];
};

struct reader_answer {
    uint32_t status;
    uint32_t retry_after_s;
    uint64_t len; /* of the body that follows */
    char     type[READER_TYPE_MAX];
    char     link[PV_SERVER_LINK_MAX];
};

#endif
