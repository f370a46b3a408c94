#include "load.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static unsigned
bucket_of(uint64_t ns)
{
    unsigned power = ns < 64 ? 0 : 63u - (unsigned)__builtin_clzll(ns) - 5;

    return power * 64 + (unsigned)((ns >> power) & 63);
}

static double
bucket_middle_ms(unsigned bucket)
{
    unsigned power = bucket / 64;
    uint64_t low = (uint64_t)(bucket % 64) << power;

    return ((double)low + (double)(UINT64_C(1) << power) / 2) / 1e6;
}

void
load_histogram_add(struct load_histogram *h, uint64_t ns)
{
    h->count[bucket_of(ns)]++;
    h->total++;
}

double
load_histogram_ms(const struct load_histogram *h, double quantile)
{
    uint64_t wanted = (uint64_t)((double)h->total * quantile);
    uint64_t seen = 0;

    for (unsigned i = 0; i < 64 * 64; i++) {
        seen += h->count[i];
        if (seen > wanted) {
            return bucket_middle_ms(i);
        }
    }
    return 0;
}

double
load_cpu_s(int pid)
{
    char     name[64];
    char     text[1024];
    ssize_t  len;
    int      fd;
    uint64_t ticks = 0;
    int      field = 2;

    (void)snprintf(name, sizeof(name), "/proc/%d/stat", pid); /* fits */
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }
    len = read(fd, text, sizeof(text) - 1);
    (void)close(fd); /* read-only: nothing to lose */
    if (len <= 0) {
        return 0;
    }
    text[len] = '\0';
    /* proc(5): fields 14 and 15, counted behind the command's bracket */
    for (char *at = strrchr(text, ')'); at != NULL && *at != '\0'; at++) {
        if (*at != ' ') {
            continue;
        }
        field++;
        if (field == 14 || field == 15) {
            uint64_t n = 0;

            for (const char *d = at + 1; *d >= '0' && *d <= '9'; d++) {
                n = n * 10 + (uint64_t)(*d - '0');
            }
            ticks += n;
        }
    }
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

uint64_t
load_now_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail */
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
