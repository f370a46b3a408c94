/* counts.c - numbers for Prometheus, and a line when an interface changed. */
#include "counts.h"

#include <stdio.h>
#include <string.h>

#include "daemon/event.h"

void
consumer_counts_init(struct consumer_counts *counts)
{
    memset(counts, 0, sizeof(*counts));
    (void)pthread_mutex_init(&counts->lock, NULL); /* cannot fail */
}

static const char *
kind_word(size_t kind)
{
    return kind == CONSUMER_KIND_SIGNATURE
               ? "signature"
               : pv_fault_word((enum pv_fault_kind)kind).ptr;
}

static size_t
find_method(struct consumer_counts *counts, const char *name)
{
    for (size_t i = 0; i < counts->method_count; i++) {
        if (strcmp(counts->method[i].name, name) == 0) {
            return i;
        }
    }
    if (counts->method_count == CONSUMER_METHODS_MAX) {
        return CONSUMER_METHODS_MAX - 1; /* "other" */
    }
    if (counts->method_count == CONSUMER_METHODS_MAX - 1) {
        name = "other";
    }
    (void)snprintf(counts->method[counts->method_count].name,
                   CONSUMER_METHOD_LEN, "%s", name); /* fits */
    return counts->method_count++;
}

static bool
is_power_of_ten(uint64_t n)
{
    while (n % 10 == 0 && n > 0) {
        n /= 10;
    }
    return n == 1;
}

static void
add_withheld(struct consumer_counts *counts, const char *method, size_t kind)
{
    uint64_t count =
        ++counts->method[find_method(counts, method)].withheld[kind];

    if (is_power_of_ten(count)) {
        pv_log_event("warn", "consumer.answer_withheld",
                     "method=%s kind=%s count=%llu", method, kind_word(kind),
                     (unsigned long long)count);
    }
}

static void
add_end(struct consumer_counts *counts, const char *outcome)
{
    const char *name = outcome[0] == '\0' ? "none" : outcome;
    size_t      i = 0;

    while (i < counts->end_count && strcmp(counts->end[i].outcome, name) != 0) {
        i++;
    }
    if (i == CONSUMER_ENDS) {
        return; /* the exchange has fewer words */
    }
    if (i == counts->end_count) {
        for (const char *c = name; *c != '\0'; c++) {
            if (*c < 'a' || *c > 'z') {
                return; /* no word of an exchange */
            }
        }
        (void)snprintf(counts->end[i].outcome, sizeof(counts->end[i].outcome),
                       "%s", name); /* a longer one is cut */
        counts->end_count++;
    }
    counts->end[i].count++;
}

void
consumer_counts_add(struct consumer_counts *counts, const char *method,
                    const struct pv_client_end *end)
{
    (void)pthread_mutex_lock(&counts->lock); /* not held by this thread */
    add_end(counts, end->outcome);
    if (end->result == PAYVAND_ECONTRACT) {
        add_withheld(counts, method, (size_t)end->fault);
    } else if (end->result == PAYVAND_EVERIFY) {
        add_withheld(counts, method, CONSUMER_KIND_SIGNATURE);
    }
    (void)pthread_mutex_unlock(&counts->lock); /* held */
}

static enum pv_err
write_withheld(const struct consumer_counts *counts, struct pv_buf *out)
{
    enum pv_err err = pv_buf_addf(
        out,
        "# HELP payvand_consumer_answers_withheld_total Answers that were not "
        "as their contract says, or not shown to be the provider's.\n"
        "# TYPE payvand_consumer_answers_withheld_total counter\n");

    for (size_t i = 0; i < counts->method_count; i++) {
        for (size_t kind = 0; err == PV_OK && kind < CONSUMER_KINDS; kind++) {
            if (counts->method[i].withheld[kind] == 0) {
                continue;
            }
            err = pv_buf_addf(
                out,
                "payvand_consumer_answers_withheld_total{method=\"%s\","
                "kind=\"%s\"} %llu\n",
                counts->method[i].name, kind_word(kind),
                (unsigned long long)counts->method[i].withheld[kind]);
        }
    }
    return err;
}

enum pv_err
consumer_counts_write(struct consumer_counts *counts, struct pv_buf *out)
{
    enum pv_err err;

    (void)pthread_mutex_lock(&counts->lock); /* not held by this thread */
    err = pv_buf_addf(out,
                      "# HELP payvand_consumer_tries_total Tries by what the "
                      "exchange said; none: no answer.\n"
                      "# TYPE payvand_consumer_tries_total counter\n");
    for (size_t i = 0; err == PV_OK && i < counts->end_count; i++) {
        err = pv_buf_addf(
            out, "payvand_consumer_tries_total{outcome=\"%s\"} %llu\n",
            counts->end[i].outcome, (unsigned long long)counts->end[i].count);
    }
    if (err == PV_OK) {
        err = write_withheld(counts, out);
    }
    (void)pthread_mutex_unlock(&counts->lock); /* held */
    return err;
}
