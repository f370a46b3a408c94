/* sandbox.c - the tables of sandbox.h. */
#include "sandbox.h"

#include <seccomp.h>

#include "children.h"
#include "daemon/sandbox.h"

/* ---- system calls -------------------------------------------------------- */

static const int journal[] = {
    SCMP_SYS(fallocate),  SCMP_SYS(fstatfs),     SCMP_SYS(unlink),
    SCMP_SYS(accept4),    SCMP_SYS(recvfrom),    SCMP_SYS(sendto),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),  SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
    PV_SANDBOX_END,
};

static const int keeper[] = {SCMP_SYS(mkdirat), SCMP_SYS(ftruncate),
                             PV_SANDBOX_END};

static const int log_calls[] = {
    SCMP_SYS(mkdirat), SCMP_SYS(ftruncate), SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),  SCMP_SYS(poll),      PV_SANDBOX_END,
};

/* recording what is read; the policy image, whose readers' table it is in */
static const int reader[] = {
    SCMP_SYS(socket),  SCMP_SYS(connect),   SCMP_SYS(geteuid),
    SCMP_SYS(fstatfs), SCMP_SYS(ftruncate), SCMP_SYS(uname),
    SCMP_SYS(kill),    PV_SANDBOX_END,
};

/* libcurl and what TLS needs of the network; no files at all */
static const int courier[] = {
    SCMP_SYS(read),        SCMP_SYS(pread64),     SCMP_SYS(socket),
    SCMP_SYS(connect),     SCMP_SYS(getsockopt),  SCMP_SYS(setsockopt),
    SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),      SCMP_SYS(recvmsg),     SCMP_SYS(sendmsg),
    SCMP_SYS(poll),        SCMP_SYS(fcntl),       SCMP_SYS(ioctl),
    SCMP_SYS(shutdown),    PV_SANDBOX_END,
};

/* Of the supervisor: all that no child needs. */
static const int refused[] = {
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(reboot),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    PV_SANDBOX_END,
};

/* ---- the processes ------------------------------------------------------- */

static const struct pv_sandbox sandbox_of[] = {
    [SANDBOX_JOURNAL] = {.list = {pv_sandbox_every, pv_sandbox_files, journal}},
    [SANDBOX_CHILDREN] = {.deny = true, .list = {refused}},
    [SANDBOX_COURIER] = {.list = {pv_sandbox_every, courier}, .walls = true},
    [SANDBOX_KEEPER] = {.list = {pv_sandbox_every, pv_sandbox_files, keeper},
                        .walls = true,
                        .place = {{FD_JOURNAL, false}, {FD_LOG, true}}},
    [SANDBOX_LOG] = {.list = {pv_sandbox_every, pv_sandbox_files, log_calls},
                     .walls = true,
                     .place = {{FD_JOURNAL, false}, {FD_LOG, true}}},
    [SANDBOX_READER] = {.list = {pv_sandbox_every, pv_sandbox_files,
                                 pv_sandbox_http, reader},
                        .walls = true,
                        .place = {{FD_JOURNAL, false},
                                  {FD_LOG, false},
                                  {FD_POLICY, true}}}, /* its lock.mdb */
};

enum pv_err
sandbox_enter(enum sandbox sandbox, struct pv_why *why)
{
    return pv_sandbox_enter(&sandbox_of[sandbox], why);
}
