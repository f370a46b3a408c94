/* sandbox.c - the lists of sandbox.h. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define SQLITE "sqlite:"

/* SQLite, LMDB, and the end of the signer's process */
static const int own[] = {
    SCMP_SYS(access),     SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(stat),       SCMP_SYS(lstat),     SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(getcwd),    SCMP_SYS(unlink),
    SCMP_SYS(ftruncate),  SCMP_SYS(fallocate), SCMP_SYS(fchmod),
    SCMP_SYS(fchown),     SCMP_SYS(geteuid),   SCMP_SYS(getuid),
    SCMP_SYS(pwritev),    SCMP_SYS(msync),     SCMP_SYS(fstatfs),
    SCMP_SYS(flock),      SCMP_SYS(uname),     SCMP_SYS(kill),
    SCMP_SYS(eventfd2),   SCMP_SYS(statx),     SCMP_SYS(recvmsg),
    SCMP_SYS(ppoll),      SCMP_SYS(wait4),     PV_SANDBOX_END,
};

/* libpq, which connects again when its server was gone; libcurl, whose
   resolver is a thread */
static const int network[] = {
    SCMP_SYS(socket),      SCMP_SYS(connect),     SCMP_SYS(bind),
    SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(ioctl),
    SCMP_SYS(sendmmsg),    SCMP_SYS(recvmmsg),    SCMP_SYS(getgid),
    SCMP_SYS(getegid),     SCMP_SYS(open),        SCMP_SYS(statfs),
    SCMP_SYS(prlimit64),   SCMP_SYS(clone),       SCMP_SYS(clone3),
    SCMP_SYS(pipe2),       SCMP_SYS(socketpair),  PV_SANDBOX_END,
};

/* Both behind pv_sandbox_http, in the one list that is left. */
#define BOTH                                                                   \
    (sizeof(own) / sizeof(own[0]) + sizeof(network) / sizeof(network[0]))

/* The folder that a file is in, by a descriptor that stays open. */
static enum pv_err
open_folder(const char *path, bool is_file, int *ret_fd, struct pv_why *why)
{
    char  folder[PATH_MAX];
    char *slash;

    if (strlen(path) >= sizeof(folder)) {
        return PV_ERANGE;
    }
    memcpy(folder, path, strlen(path) + 1);
    slash = strrchr(folder, '/');
    if (is_file && slash == NULL) {
        memcpy(folder, ".", sizeof("."));
    } else if (is_file) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    *ret_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd == -1) {
        pv_why_set(why, "%s: %s", folder, strerror(errno));
        return PV_ESYS;
    }
    return PV_OK;
}

/* walled: it asks nobody, so that files can be walled in. */
static enum pv_err
enter(const struct pv_registry_config *config, const char *socket, bool walled,
      struct pv_why *why)
{
    static int        both[BOTH];
    struct pv_sandbox how = {
        .list = {pv_sandbox_every, pv_sandbox_files, pv_sandbox_http, own}};
    const struct {
        const char *path;
        bool        is_file;
    } folder[PV_SANDBOX_PLACES] = {
        {config->store + strlen(SQLITE), true},
        {config->image, false},
        {config->log, false},
        {socket, true},
    };
    size_t      count = 0;
    enum pv_err err = PV_OK;

    if (SANITIZED) {
        return PV_OK; /* its runtime also wants to be looked into */
    }
    if (!walled) {
        memcpy(both, own, sizeof(own) - sizeof(own[0]));
        memcpy(both + sizeof(own) / sizeof(own[0]) - 1, network,
               sizeof(network));
        how.list[3] = both;
    }
    how.walls = walled;
    for (size_t i = 0; i < PV_SANDBOX_PLACES && how.walls && err == PV_OK;
         i++) {
        if (folder[i].path != NULL) {
            err = open_folder(folder[i].path, folder[i].is_file,
                              &how.place[count].fd, why);
            how.place[count++].write = true;
        }
    }
    if (err == PV_OK) {
        err = pv_sandbox_enter(&how, why);
    }
    for (size_t i = 0; i < count; i++) {
        if (how.place[i].fd > 0) {
            (void)close(how.place[i].fd); /* the walls stand without it */
        }
    }
    return err;
}

static bool
is_on_sqlite(const struct pv_registry_config *config)
{
    return strncmp(config->store, SQLITE, strlen(SQLITE)) == 0;
}

enum pv_err
pv_registry_sandbox(const struct pv_registry_config *config, const char *socket,
                    struct pv_why *why)
{
    return enter(config, socket, is_on_sqlite(config) && socket != NULL, why);
}

enum pv_err
pv_reader_sandbox(const struct pv_registry_config *config, struct pv_why *why)
{
    const struct pv_registry_config store_alone = {.store = config->store};

    return enter(&store_alone, NULL, is_on_sqlite(config), why);
}
