/*
 * load.h - what the parts of the load generator share: one thread, epoll,
 * OpenSSL, HTTP/1.1 keep-alive, many client certificates.
 */
#ifndef PV_BENCH_LOAD_H
#define PV_BENCH_LOAD_H

#include <openssl/ssl.h>

#include "base/slice.h"

#define LOAD_CERTS_MAX 64
#define LOAD_PATHS_MAX 100000
#define LOAD_CONNECTIONS_MAX 20000
#define LOAD_PIDS_MAX 64

struct load_options {
    const char *address; /* IPv4 literal */
    uint16_t    port;
    const char *server_name;
    const char *ca;
    const char *certs_dir;  /* NNN.crt, NNN.key from 000 on */
    const char *paths_file; /* one path a line, or "cert-number path" */
    unsigned    certs;      /* how many of them to use */
    unsigned    connections;
    unsigned    body_len;
    double      rate; /* calls a second over all; 0: closed loop */
    double      warmup_s;
    double      seconds;
    int         pids[LOAD_PIDS_MAX];
    unsigned    pid_count;
    bool        idle; /* open the connections and keep them silent */
};

/* Latencies: 64 linear steps in each power of two of nanoseconds. */
struct load_histogram {
    uint64_t count[64 * 64];
    uint64_t total;
};

void   load_histogram_add(struct load_histogram *h, uint64_t ns);
double load_histogram_ms(const struct load_histogram *h, double quantile);

/* utime + stime of the process in seconds; 0 when it is gone. */
double load_cpu_s(int pid);

uint64_t load_now_ns(void);

#endif
