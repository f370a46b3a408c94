/* rights_link.c - hears states of rights, and holds the last one. */
#include "connectord/rights_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "connectord/log.h"
#include "connectord/watch.h"

#define HEAD_LEN 4
#define PART_LEN 65536
#define HOUR_MS INT64_C(3600000)

struct pv_rights_link {
    struct pv_watch                   watch;
    int                               epoll;
    bool                              alive;
    const struct pv_connector_config *config;
    struct pv_buf                     in;
    struct pv_rights                 *rights; /* NULL: nothing yet */
    struct pv_rights_head             head;
    bool                              has_contract; /* it was said */
};

static void
lose(struct pv_rights_link *link, const char *reason)
{
    if (link->alive) {
        link->alive = false;
        pv_log_error("connector.fetcher_gone", "%s; ending", reason);
    }
}

/* A thief of the fetcher may have said it: all is checked once more. */
static enum pv_err
take_state(struct pv_rights_link *link, struct pv_slice state)
{
    struct pv_rights_head head;
    struct pv_rights     *rights = NULL;
    struct pv_slice       body;
    int64_t               now_ms = pv_time_wall_ms();
    enum pv_err           err =
        pv_rights_open(state, &link->config->rights.log,
                       pv_slice_from(link->config->provider), &head, &body);

    if (err == PV_OK && pv_rights_is_ahead(&head, now_ms)) {
        pv_log_error("connector.rights_refused",
                     "decision=%llu was signed in the future: a clock is wrong",
                     (unsigned long long)head.decision);
        return PV_OK; /* what is held is held */
    }
    if (err == PV_OK && link->rights != NULL &&
        !pv_rights_is_ahead(&link->head, now_ms) &&
        pv_rights_is_older(&head, &link->head)) {
        err = PV_EVERIFY;
    }
    if (err == PV_OK && link->rights != NULL &&
        pv_hash_eq(&head.body, &link->head.body)) {
        link->head = head; /* the same, at a later time */
        return PV_OK;
    }
    if (err == PV_OK) {
        err = pv_rights_read(body, &rights);
    }
    if (err == PV_OK) {
        pv_rights_free(link->rights);
        link->rights = rights;
        link->head = head;
        pv_log_info("connector.rights", "decision=%llu grants=%zu",
                    (unsigned long long)head.decision, pv_rights_count(rights));
    }
    return err;
}

/* All states that are there whole. False: the fetcher broke the protocol. */
static bool
take_whole(struct pv_rights_link *link)
{
    struct pv_slice left = pv_buf_view(&link->in);

    while (left.len >= HEAD_LEN) {
        size_t len = pv_load_u32((const uint8_t *)left.ptr);

        if (len > PV_RIGHTS_MAX) {
            return false;
        }
        if (left.len < HEAD_LEN + len) {
            break;
        }
        if (len == 0) {
            link->has_contract = true;
        } else if (take_state(link, (struct pv_slice){left.ptr + HEAD_LEN,
                                                      len}) != PV_OK) {
            return false;
        }
        left.ptr += HEAD_LEN + len;
        left.len -= HEAD_LEN + len;
    }
    if (left.len > 0 && left.len < link->in.len) {
        memmove(link->in.ptr, left.ptr, left.len);
    }
    link->in.len = left.len;
    if (left.len == 0) {
        pv_buf_clear(&link->in); /* it may have been large */
        pv_buf_init(&link->in, HEAD_LEN + PV_RIGHTS_MAX + PART_LEN);
    }
    return true;
}

static void
on_ready(struct pv_watch *watch, uint32_t events)
{
    struct pv_rights_link *link = watch->context;
    ssize_t                got;

    (void)events; /* the end is read as such */
    if (pv_buf_reserve(&link->in, PART_LEN) != PV_OK) {
        lose(link, "no memory for its words");
        return;
    }
    got = recv(watch->fd, link->in.ptr + link->in.len, PART_LEN, MSG_DONTWAIT);
    if (got == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        lose(link, "it has ended");
        return;
    }
    link->in.len += (size_t)got;
    if (!take_whole(link)) {
        lose(link, "it said what the registry did not sign");
    }
}

enum pv_err
pv_rights_link_new(int fd, int epoll, const struct pv_connector_config *config,
                   struct pv_rights_link **ret)
{
    struct pv_rights_link *link = calloc(1, sizeof(*link));
    enum pv_err            err;

    if (link == NULL) {
        (void)close(fd); /* nothing was said */
        return PV_ENOMEM;
    }
    link->watch = (struct pv_watch){fd, on_ready, link};
    link->epoll = epoll;
    link->alive = true;
    link->config = config;
    pv_buf_init(&link->in, HEAD_LEN + PV_RIGHTS_MAX + PART_LEN);
    err = pv_watch_add(epoll, &link->watch);
    if (err != PV_OK) {
        pv_rights_link_free(link);
        return err;
    }
    *ret = link;
    return PV_OK;
}

void
pv_rights_link_free(struct pv_rights_link *link)
{
    if (link == NULL) {
        return;
    }
    pv_watch_remove(link->epoll, &link->watch);
    (void)close(link->watch.fd); /* which ends the fetcher */
    pv_buf_clear(&link->in);
    pv_rights_free(link->rights);
    free(link);
}

bool
pv_rights_link_is_alive(const struct pv_rights_link *link)
{
    return link->alive;
}

bool
pv_rights_link_take_word(struct pv_rights_link *link)
{
    bool said = link->has_contract;

    link->has_contract = false;
    return said;
}

bool
pv_rights_link_lacks(const struct pv_rights_link      *link,
                     const struct pv_connector_config *config)
{
    return link->rights != NULL && pv_config_lacks(config, link->rights);
}

const struct pv_rights *
pv_rights_link_at(const struct pv_rights_link *link, int64_t when_ms)
{
    int64_t age_ms = when_ms - (int64_t)link->head.when_s * 1000;

    return link->rights != NULL && !pv_rights_is_ahead(&link->head, when_ms) &&
                   age_ms < link->config->rights.stale_hours * HOUR_MS
               ? link->rights
               : NULL;
}

enum pv_err
pv_rights_link_metrics(const struct pv_rights_link *link, struct pv_buf *out)
{
    int64_t now_s = pv_time_wall_ms() / 1000;

    return pv_buf_addf(
        out,
        "# HELP payvand_connector_rights_decision The registry's decision that "
        "the rights held go up to; 0: none are held.\n"
        "# TYPE payvand_connector_rights_decision gauge\n"
        "payvand_connector_rights_decision %llu\n"
        "# HELP payvand_connector_rights_age_seconds Since they were signed.\n"
        "# TYPE payvand_connector_rights_age_seconds gauge\n"
        "payvand_connector_rights_age_seconds %lld\n",
        (unsigned long long)(link->rights == NULL ? 0 : link->head.decision),
        (long long)(link->rights == NULL ? now_s
                                         : now_s - (int64_t)link->head.when_s));
}
