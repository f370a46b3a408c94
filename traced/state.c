/* state.c - the page that the processes of payvand-traced share. */
#include "state.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum pv_err
state_make(int *ret_fd, int *ret_read_fd, struct log_state **ret)
{
    char path[64];
    int  fd = memfd_create("payvand-traced", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int  read_fd;

    if (fd == -1) {
        return PV_ESYS;
    }
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); /* fits */
    if (ftruncate(fd, LOG_STATE_LEN) == -1 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ==
            -1 ||
        (read_fd = open(path, O_RDONLY | O_CLOEXEC)) == -1) {
        (void)close(fd); /* nothing was in it */
        return PV_ESYS;
    }
    if (state_map(fd, ret) != PV_OK) {
        (void)close(fd); /* as above */
        (void)close(read_fd);
        return PV_ESYS;
    }
    *ret_fd = fd;
    *ret_read_fd = read_fd;
    return PV_OK;
}

enum pv_err
state_map(int fd, struct log_state **ret)
{
    void *page =
        mmap(NULL, LOG_STATE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (page == MAP_FAILED) {
        return PV_ESYS;
    }
    *ret = page;
    return PV_OK;
}

enum pv_err
state_map_read(int fd, const struct log_state **ret)
{
    void *page = mmap(NULL, LOG_STATE_LEN, PROT_READ, MAP_SHARED, fd, 0);

    if (page == MAP_FAILED) {
        return PV_ESYS;
    }
    *ret = page;
    return PV_OK;
}
