#include "connectord/sandbox.h"

#include <errno.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define FREED_BYTE 0xa5

enum pv_err
pv_sandbox_every(void)
{
    const struct rlimit none = {0, 0};
    struct rlimit       locked;

    if (setrlimit(RLIMIT_CORE, &none) != 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return PV_ESYS;
    }
    /* freed memory is overwritten by malloc itself, the driver's too */
    (void)mallopt(M_PERTURB, FREED_BYTE); /* fails only for unknown options */
    if (!SANITIZED && getrlimit(RLIMIT_MEMLOCK, &locked) == 0 &&
        locked.rlim_cur == RLIM_INFINITY) {
        /* no swap; where it is limited, systemd's MemorySwapMax=0 does it */
        (void)mlockall(MCL_CURRENT | MCL_FUTURE);
    }
    return PV_OK;
}

static enum pv_err
load(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int failed = seccomp_rule_add(filter, action, calls[i], 0);

        if (failed != 0 && failed != -EDOM) { /* not on this machine */
            return PV_ESYS;
        }
    }
    return seccomp_load(filter) == 0 ? PV_OK : PV_ESYS;
}

static enum pv_err
filter_calls(uint32_t otherwise, uint32_t action, const int *calls,
             size_t count)
{
    scmp_filter_ctx filter;
    enum pv_err     err;

    if (SANITIZED) {
        return PV_OK;
    }
    filter = seccomp_init(otherwise);
    if (filter == NULL) {
        return PV_ESYS;
    }
    err = load(filter, action, calls, count);
    seccomp_release(filter);
    return err;
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum pv_err
pv_sandbox_main(void)
{
    /* what an event loop over sockets that it has already needs */
    static const int allowed[] = {
        SCMP_SYS(read),          SCMP_SYS(write),
        SCMP_SYS(readv),         SCMP_SYS(writev),
        SCMP_SYS(recvfrom),      SCMP_SYS(recvmsg),
        SCMP_SYS(sendto),        SCMP_SYS(sendmsg),
        SCMP_SYS(accept),        SCMP_SYS(accept4),
        SCMP_SYS(shutdown),      SCMP_SYS(close),
        SCMP_SYS(getsockopt),    SCMP_SYS(setsockopt),
        SCMP_SYS(getpeername),   SCMP_SYS(getsockname),
        SCMP_SYS(fcntl),         SCMP_SYS(ioctl),
        SCMP_SYS(epoll_wait),    SCMP_SYS(epoll_pwait),
        SCMP_SYS(epoll_ctl),     SCMP_SYS(poll),
        SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
        SCMP_SYS(gettimeofday),  SCMP_SYS(time),
        SCMP_SYS(futex),         SCMP_SYS(brk),
        SCMP_SYS(mmap),          SCMP_SYS(munmap),
        SCMP_SYS(mremap),        SCMP_SYS(madvise),
        SCMP_SYS(rt_sigreturn),  SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigaction),  SCMP_SYS(pidfd_send_signal),
        SCMP_SYS(setpriority),   SCMP_SYS(getrandom),
        SCMP_SYS(getpid),        SCMP_SYS(gettid),
        SCMP_SYS(tgkill),        SCMP_SYS(restart_syscall),
        SCMP_SYS(exit),          SCMP_SYS(exit_group),
        SCMP_SYS(unlink),        SCMP_SYS(newfstatat),
        SCMP_SYS(fstat),         SCMP_SYS(lseek),
        SCMP_SYS(sysinfo),
    };

    return filter_calls(SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ALLOW, allowed,
                        COUNT(allowed));
}

enum pv_err
pv_sandbox_keeper(void)
{
    /* SQLite on files that it has open, and a loop over sockets */
    static const int allowed[] = {
        SCMP_SYS(read),
        SCMP_SYS(write),
        SCMP_SYS(pread64),
        SCMP_SYS(pwrite64),
        SCMP_SYS(fsync),
        SCMP_SYS(fdatasync),
        SCMP_SYS(ftruncate),
        SCMP_SYS(fallocate),
        SCMP_SYS(lseek),
        SCMP_SYS(fstat),
        SCMP_SYS(newfstatat),
        SCMP_SYS(access),
        SCMP_SYS(fcntl),
        SCMP_SYS(getcwd),
        SCMP_SYS(geteuid),
        SCMP_SYS(recvfrom),
        SCMP_SYS(recvmsg),
        SCMP_SYS(sendto),
        SCMP_SYS(accept4),
        SCMP_SYS(getsockopt),
        SCMP_SYS(close),
        SCMP_SYS(poll),
        SCMP_SYS(ppoll),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(time),
        SCMP_SYS(futex),
        SCMP_SYS(brk),
        SCMP_SYS(mmap),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(getrandom),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(tgkill),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
    };

    return filter_calls(SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ALLOW, allowed,
                        COUNT(allowed));
}

enum pv_err
pv_sandbox_spawner(void)
{
    static const int refused[] = {
        SCMP_SYS(ptrace),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(kcmp),
        SCMP_SYS(mount),
        SCMP_SYS(umount2),
        SCMP_SYS(open_tree),
        SCMP_SYS(move_mount),
        SCMP_SYS(fsopen),
        SCMP_SYS(fsconfig),
        SCMP_SYS(fsmount),
        SCMP_SYS(fspick),
        SCMP_SYS(mount_setattr),
        SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),
        SCMP_SYS(setns),
        SCMP_SYS(unshare),
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(delete_module),
        SCMP_SYS(kexec_load),
        SCMP_SYS(kexec_file_load),
        SCMP_SYS(bpf),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(keyctl),
        SCMP_SYS(add_key),
        SCMP_SYS(request_key),
        SCMP_SYS(reboot),
        SCMP_SYS(swapon),
        SCMP_SYS(swapoff),
        SCMP_SYS(acct),
        SCMP_SYS(settimeofday),
        SCMP_SYS(clock_settime),
        SCMP_SYS(open_by_handle_at),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(io_uring_enter),
        SCMP_SYS(io_uring_register),
    };

    return filter_calls(SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM), refused,
                        COUNT(refused));
}

enum pv_err
pv_sandbox_worker(bool may_write)
{
    static const int    refused[] = {SCMP_SYS(execve), SCMP_SYS(execveat)};
    const struct rlimit none = {0, 0};
    const struct rlimit memory = {PV_WORKER_MEMORY_MAX, PV_WORKER_MEMORY_MAX};

    if (!SANITIZED && setrlimit(RLIMIT_DATA, &memory) != 0) {
        return PV_ESYS;
    }
    if (!may_write) {
        if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
            setrlimit(RLIMIT_FSIZE, &none) != 0) {
            return PV_ESYS;
        }
    }
    return filter_calls(SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM), refused,
                        COUNT(refused));
}

enum pv_err
pv_sandbox_signer(void)
{
    static const int allowed[] = {
        SCMP_SYS(recvfrom), SCMP_SYS(sendto),       SCMP_SYS(write),
        SCMP_SYS(close),    SCMP_SYS(brk),          SCMP_SYS(mmap),
        SCMP_SYS(munmap),   SCMP_SYS(mremap),       SCMP_SYS(madvise),
        SCMP_SYS(futex),    SCMP_SYS(getrandom),    SCMP_SYS(getpid),
        SCMP_SYS(gettid),   SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(tgkill),   SCMP_SYS(exit),         SCMP_SYS(exit_group),
    };

    return filter_calls(SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ALLOW, allowed,
                        COUNT(allowed));
}

/* Any family but AF_INET and AF_INET6; one comparison a rule is allowed. */
static enum pv_err
refuse_families(scmp_filter_ctx filter)
{
    const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
    int failed = seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_LT, AF_INET, 0)) |
                 seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_GT, AF_INET6, 0));

    for (unsigned family = AF_INET + 1; family < AF_INET6; family++) {
        failed |= seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1,
                                   SCMP_A0(SCMP_CMP_EQ, family, 0));
    }
    return failed == 0 ? PV_OK : PV_ESYS;
}

/* The calls, and where only the Internet is asked the families above. */
static enum pv_err
refuse_calls(bool only_internet, const int *refused, size_t count)
{
    scmp_filter_ctx filter;
    enum pv_err     err = PV_OK;

    if (SANITIZED) {
        return PV_OK;
    }
    filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) {
        return PV_ESYS;
    }
    if (only_internet) {
        err = refuse_families(filter);
    }
    if (err == PV_OK) {
        err = load(filter, SCMP_ACT_ERRNO(EPERM), refused, count);
    }
    seccomp_release(filter);
    return err;
}

enum pv_err
pv_sandbox_rest(void)
{
    static const int refused[] = {
        SCMP_SYS(bind),    SCMP_SYS(listen),     SCMP_SYS(accept),
        SCMP_SYS(accept4), SCMP_SYS(socketpair),
    };
    enum pv_err err = pv_sandbox_worker(false);

    return err == PV_OK ? refuse_calls(true, refused, COUNT(refused)) : err;
}

enum pv_err
pv_sandbox_fetcher(bool by_url)
{
    static const int refused[] = {
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(bind),
        SCMP_SYS(listen),
        SCMP_SYS(accept),
        SCMP_SYS(accept4),
        SCMP_SYS(kill),
        SCMP_SYS(tkill),
        SCMP_SYS(tgkill),
        SCMP_SYS(rt_sigqueueinfo),
        SCMP_SYS(rt_tgsigqueueinfo),
        SCMP_SYS(pidfd_send_signal),
        SCMP_SYS(pidfd_getfd),
        SCMP_SYS(process_madvise),
    };
    enum pv_err err = pv_sandbox_spawner();

    return err == PV_OK ? refuse_calls(by_url, refused, COUNT(refused)) : err;
}
