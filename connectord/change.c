#include "connectord/change.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/time.h"
#include "connectord/log.h"

#define TELL_AGAIN_MS 100 /* the keeper's socket was full */

/* ---- a serving ---- */

static void
free_serving(const struct pv_change *change, struct pv_serving *serving)
{
    if (serving == NULL) {
        return;
    }
    pv_pool_free(serving->pool);
    if (serving->config != change->base) {
        pv_connector_config_free(serving->config);
    }
    free(serving);
}

/* ask is taken. */
static enum pv_err
new_serving(const struct pv_change *change, struct pv_connector_config *config,
            int ask, struct pv_serving **ret)
{
    struct pv_serving *serving = calloc(1, sizeof(*serving));
    enum pv_err        err = PV_ENOMEM;

    if (serving != NULL) {
        serving->config = config;
        err = pv_pool_new(config, ask, change->epoll, &serving->pool);
    }
    if (err == PV_OK) {
        *ret = serving;
    } else {
        (void)close(ask); /* nobody was asked */
        free(serving);
    }
    return err;
}

/* Is no change under way? */
static bool
is_at_rest(const struct pv_change *change)
{
    return change->next == NULL && change->before == NULL && !change->again;
}

/* ---- the next one ---- */

static void
forget_texts(struct pv_change *change)
{
    (void)close(change->read.texts); /* a copy: nothing to lose */
    change->read.texts = -1;
}

static void
give_up(struct pv_change *change, const char *words)
{
    pv_log_error("connector.change_failed", "provider=%s %s; retrying",
                 change->base->provider, words);
    change->asked = false;
    change->wanted = true;
    change->until_ms = pv_time_monotonic_ms() + PV_CHANGE_WAIT_MS;
}

/* The one of now goes on, with all its workers. */
static void
drop_next(struct pv_change *change)
{
    free_serving(change, change->next); /* which ends its spawner */
    change->next = NULL;
    (void)close(change->read.ends.renew); /* never asked */
    forget_texts(change);
    (void)pv_pool_leave_room(change->now->pool, false); /* all of them */
    give_up(change, "the new workers get no connection");
}

static void
watch_renew(struct pv_change *change, int fd)
{
    pv_watch_remove(change->epoll, &change->renew);
    (void)close(change->renew.fd); /* that spawner is asked no more */
    change->renew.fd = fd;
    if (pv_watch_add(change->epoll, &change->renew) != PV_OK) {
        change->again = true; /* nothing would ever change */
    }
}

static void
on_renewed(struct pv_watch *watch, uint32_t events)
{
    struct pv_change           *change = watch->context;
    struct pv_connector_config *config = NULL;
    struct pv_renewed           read;
    struct pv_why               why = {""};
    enum pv_err err = pv_spawner_take_renewed(watch->fd, &read, &why);

    (void)events; /* an end or an error shows when reading */
    if (err == PV_EAGAIN) {
        return;
    }
    if (err == PV_ECLOSED) { /* the pool knows it, too */
        pv_watch_remove(change->epoll, watch);
        return;
    }
    if (err != PV_OK) {
        give_up(change, why.text);
        return;
    }
    change->asked = false;
    change->until_ms = 0;
    if (!is_at_rest(change)) {      /* so late that another was asked */
        (void)close(read.ends.ask); /* which ends it */
        (void)close(read.ends.renew);
        (void)close(read.texts);
        change->wanted = true;
        return;
    }
    change->read = read;
    err = pv_renewed_read(change->base, read.texts, read.texts_len, &config);
    if (err == PV_OK) {
        err = new_serving(change, config, read.ends.ask, &change->next);
    } else {
        (void)close(read.ends.ask); /* nobody was asked */
    }
    if (err != PV_OK) {
        pv_connector_config_free(config);
        (void)close(read.ends.renew); /* never asked */
        forget_texts(change);
        change->again = true; /* its file is another one than ours */
        return;
    }
    change->until_ms = pv_time_monotonic_ms() + PV_CHANGE_CONNECT_MS;
    change->at_once = !pv_pool_leave_room(change->now->pool, true);
}

/* False: its socket is full. If it is gone, so is the program. */
static bool
tell_keeper(const struct pv_change *change)
{
    return change->keeper == NULL ||
           pv_keeper_link_tell(change->keeper, change->read.texts,
                               change->read.texts_len) != PV_EAGAIN;
}

static void
take_over(struct pv_change *change, int64_t now_ms)
{
    const struct pv_connector_config *config = change->next->config;

    forget_texts(change);
    watch_renew(change, change->read.ends.renew);
    pv_http_serve(change->http, change->next);
    change->before = change->now;
    change->now = change->next;
    change->next = NULL;
    pv_log_info("connector.contracts_changed", "provider=%s methods=%zu",
                config->provider, config->method_count);
    if (config->waiting > 0) {
        pv_log_warn("connector.contract_awaited", "services=%zu %s",
                    config->waiting, config->waits.text);
    }
    change->until_ms = 0;
    change->look_ms = now_ms + PV_CHANGE_WAIT_MS;
}

/* Is there nothing better to wait for than its first connection? */
static bool
may_take_over(const struct pv_change *change)
{
    return change->at_once || pv_pool_is_ready(change->next->pool) ||
           pv_pool_is_down(change->now->pool) ||
           change->now->config->method_count == 0;
}

/* ---- the steps ---- */

static void
ask_for_next(struct pv_change *change, int64_t now_ms)
{
    if (change->rights == NULL || change->asked || !is_at_rest(change)) {
        return;
    }
    change->wanted |= pv_rights_link_take_word(change->rights);
    if (now_ms >= change->look_ms) {
        change->wanted |= pv_pool_is_down(change->now->pool);
        change->look_ms = INT64_MAX;
    }
    if (!change->wanted || now_ms < change->until_ms) {
        return;
    }
    change->wanted = false;
    if (!pv_rights_link_lacks(change->rights, change->now->config) &&
        !pv_pool_is_down(change->now->pool)) {
        return;
    }
    change->asked = pv_spawner_renew(change->renew.fd) == PV_OK;
    change->until_ms = now_ms + PV_CHANGE_WAIT_MS;
}

void
pv_change_tick(struct pv_change *change, int64_t now_ms)
{
    pv_pool_tick(change->now->pool, now_ms);
    if (change->before != NULL) {
        pv_pool_tick(change->before->pool, now_ms);
        if (change->before->calls == 0 &&
            pv_pool_open_count(change->before->pool) == 0) {
            free_serving(change, change->before);
            change->before = NULL;
        }
    }
    if (change->next != NULL) {
        pv_pool_tick(change->next->pool, now_ms);
        if (!pv_pool_is_alive(change->next->pool) ||
            (!may_take_over(change) && now_ms >= change->until_ms)) {
            drop_next(change);
        } else if (may_take_over(change) && tell_keeper(change)) {
            take_over(change, now_ms);
        }
    }
    if (change->asked && now_ms >= change->until_ms) {
        give_up(change, "the configuration is not read");
    }
    ask_for_next(change, now_ms);
}

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t
pv_change_next_ms(const struct pv_change *change, int64_t now_ms)
{
    int64_t next = pv_pool_next_ms(change->now->pool, now_ms);

    if (change->before != NULL) {
        next = earlier(next, pv_pool_next_ms(change->before->pool, now_ms));
    }
    if (change->next != NULL) {
        next = earlier(next, pv_pool_next_ms(change->next->pool, now_ms));
        next = earlier(next, may_take_over(change) ? now_ms + TELL_AGAIN_MS
                                                   : change->until_ms);
    }
    if (!change->asked && is_at_rest(change)) {
        next = earlier(next, change->look_ms);
    }
    return change->asked || (change->wanted && is_at_rest(change))
               ? earlier(next, change->until_ms)
               : next;
}

size_t
pv_change_open_count(const struct pv_change *change)
{
    return pv_pool_open_count(change->now->pool) +
           (change->before == NULL ? 0
                                   : pv_pool_open_count(change->before->pool));
}

bool
pv_change_is_alive(const struct pv_change *change)
{
    return pv_pool_is_alive(change->now->pool) &&
           (change->before == NULL || pv_pool_is_alive(change->before->pool));
}

/* ---- birth and death ---- */

enum pv_err
pv_change_init(struct pv_change *change, struct pv_connector_config *base,
               struct pv_spawner_ends ends, int epoll)
{
    *change = (struct pv_change){.base = base,
                                 .epoll = epoll,
                                 .look_ms = INT64_MAX,
                                 .renew = {ends.renew, on_renewed, change},
                                 .read = {.texts = -1}};
    if (pv_watch_add(epoll, &change->renew) != PV_OK) {
        return PV_ESYS;
    }
    return new_serving(change, base, ends.ask, &change->now);
}

void
pv_change_end_jobs(struct pv_change *change)
{
    struct pv_serving *all[] = {change->now, change->next, change->before};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i] != NULL) {
            pv_pool_free(all[i]->pool);
            all[i]->pool = NULL;
        }
    }
}

void
pv_change_free(struct pv_change *change)
{
    if (change->next != NULL) {
        (void)close(change->read.ends.renew); /* never asked */
        forget_texts(change);
    }
    free_serving(change, change->now);
    free_serving(change, change->next);
    free_serving(change, change->before);
    if (change->renew.fd > 0) {        /* zero: it never began */
        (void)close(change->renew.fd); /* which nobody asks any more */
    }
}
