#include "connectord/desk_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

#define ANSWER_MAX ((size_t)2 * 1024 * 1024)
#define PIECE 4096

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval     wait = {PV_DESK_WAIT_S, 0};
    int                fd;
    int                error;

    if (pv_slice_to_cstr(pv_slice_from(path), address.sun_path,
                         sizeof(address.sun_path)) != PV_OK) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1 ||
        (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
         connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)) {
        return fd;
    }
    error = errno;
    (void)close(fd); /* nothing to lose */
    errno = error;
    return -1;
}

static enum pv_err
exchange(int fd, const char *text, struct pv_buf *said)
{
    size_t len = strlen(text);

    /* the desk reads all before it answers, and requests are small */
    if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len ||
        shutdown(fd, SHUT_WR) != 0) {
        return PV_EPROTO;
    }
    for (;;) {
        ssize_t     got;
        enum pv_err err = pv_buf_reserve(said, PIECE);

        if (err != PV_OK) {
            return err;
        }
        got = recv(fd, said->ptr + said->len, PIECE, 0);
        if (got <= 0) {
            return got == 0 ? PV_OK : PV_EPROTO;
        }
        said->len += (size_t)got;
    }
}

enum pv_err
pv_desk_ask(const char *socket_path, const json_t *request, json_t **ret)
{
    char         *text = json_dumps(request, JSON_COMPACT);
    json_t       *answer = NULL;
    struct pv_buf said;
    enum pv_err   err;
    int           fd;

    if (text == NULL) {
        return PV_EINVAL;
    }
    pv_buf_init(&said, ANSWER_MAX);
    fd = connect_to(socket_path);
    err = fd == -1 ? PV_ESYS : exchange(fd, text, &said);
    if (err == PV_OK) {
        answer = json_loadb(said.len == 0 ? "" : said.ptr, said.len,
                            JSON_REJECT_DUPLICATES, NULL);
        err = json_is_object(answer) ? PV_OK : PV_EPROTO;
    }
    if (err == PV_OK) {
        *ret = answer;
        answer = NULL;
    }
    if (fd != -1) {
        (void)close(fd); /* nothing to lose */
    }
    json_decref(answer);
    pv_buf_wipe(&said);
    explicit_bzero(text, strlen(text));
    free(text);
    return err;
}
