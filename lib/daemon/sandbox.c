/* sandbox.c - a filter of system calls, and walls around files. */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

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

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE /* of Linux 6.2 */
#define LANDLOCK_ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#endif
#define LANDLOCK_TRUNCATE_ABI 3
#define LANDLOCK_ALL ((UINT64_C(1) << 13) - 1) /* of its first version */

/* libc, memory, time, threads, a line to stderr, the end */
const int pv_sandbox_every[] = {
    SCMP_SYS(write),
    SCMP_SYS(close),
    SCMP_SYS(futex),
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mprotect),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(tgkill),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(sysinfo), /* qsort() of much */
    PV_SANDBOX_END,
};

/* reading and writing files below descriptors it has */
const int pv_sandbox_files[] = {
    SCMP_SYS(openat),   SCMP_SYS(read),       SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(fdatasync),  SCMP_SYS(fsync),
    SCMP_SYS(fstat),    SCMP_SYS(newfstatat), SCMP_SYS(lseek),
    SCMP_SYS(fcntl),    SCMP_SYS(fadvise64),  SCMP_SYS(getdents64),
    SCMP_SYS(renameat), SCMP_SYS(renameat2),  SCMP_SYS(unlinkat),
    PV_SANDBOX_END,
};

const int pv_sandbox_http[] = {
    SCMP_SYS(accept4),    SCMP_SYS(recvfrom),    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),    SCMP_SYS(writev),      SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),  SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(poll),
    PV_SANDBOX_END,
};

static int
add_list(scmp_filter_ctx ctx, uint32_t action, const int *list)
{
    int error = 0;

    for (; list != NULL && error == 0 && *list != PV_SANDBOX_END; list++) {
        error = seccomp_rule_add(ctx, action, *list, 0);
    }
    return error;
}

static enum pv_err
filter(const struct pv_sandbox *how, struct pv_why *why)
{
    uint32_t        deny = SCMP_ACT_ERRNO(EPERM);
    scmp_filter_ctx ctx =
        seccomp_init(how->deny ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
    enum pv_err err = PV_ENOMEM;
    int         error = ENOMEM;

    if (ctx == NULL) {
        goto out;
    }
    /* the journal's second thread is there already */
    error = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; error == 0 && i < PV_SANDBOX_LISTS; i++) {
        error = add_list(ctx, how->deny ? deny : SCMP_ACT_ALLOW, how->list[i]);
    }
    if (error == 0) {
        error = seccomp_load(ctx);
    }
    err = error == 0 ? PV_OK : PV_ESYS;

out:
    if (err != PV_OK) {
        pv_why_set(why, "cannot load the system call filter: %s",
                   strerror(error < 0 ? -error : error));
    }
    seccomp_release(ctx);
    return err;
}

/* Files only below the places; nothing where the kernel has no Landlock. */
static enum pv_err
walls(const struct pv_sandbox *how, struct pv_why *why)
{
    struct landlock_ruleset_attr all = {.handled_access_fs = LANDLOCK_ALL};
    long        abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
                              LANDLOCK_CREATE_RULESET_VERSION);
    enum pv_err err = PV_ESYS;
    int         rules;

    if (abi < 1) {
        return PV_OK; /* a second wall; the first is the filter */
    }
    if (abi >= LANDLOCK_TRUNCATE_ABI) {
        all.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
    }
    rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
    if (rules == -1) {
        goto out;
    }
    for (const struct pv_sandbox_place *place = how->place; place->fd != 0;
         place++) {
        struct landlock_path_beneath_attr below = {
            .allowed_access = place->write ? all.handled_access_fs
                                           : LANDLOCK_ACCESS_FS_READ_FILE |
                                                 LANDLOCK_ACCESS_FS_READ_DIR,
            .parent_fd = place->fd,
        };

        if (fcntl(place->fd, F_GETFD) == -1) {
            continue; /* it was not given: nothing is allowed there */
        }
        if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
                    &below, 0) == -1) {
            goto out;
        }
    }
    if (syscall(SYS_landlock_restrict_self, rules, 0) == 0) {
        err = PV_OK;
    }

out:
    if (err != PV_OK) {
        pv_why_set(why, "cannot give up files: %s", strerror(errno));
    }
    if (rules != -1) {
        (void)close(rules); /* in force, or of no use */
    }
    return err;
}

enum pv_err
pv_sandbox_harden(struct pv_why *why)
{
    struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) == -1 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
        pv_why_set(why, "cannot give up rights: %s", strerror(errno));
        return PV_ESYS;
    }
    return PV_OK;
}

enum pv_err
pv_sandbox_enter(const struct pv_sandbox *how, struct pv_why *why)
{
    enum pv_err err = pv_sandbox_harden(why);

    if (err != PV_OK || SANITIZED) {
        return err; /* a sanitizer calls the kernel as it likes */
    }
    if (how->walls) {
        err = walls(how, why);
    }
    return err == PV_OK ? filter(how, why) : err;
}
