/*
 * ngx_http_payvand_budget.c - how many refusals of one known system are
 * journalled by themselves. Above its budget, a system's refusals are told as
 * one number a minute: nobody outside can fill the journal.
 */

#include "ngx_http_payvand.h"
#include "ngx_http_payvand_shared.h"


#define NGX_HTTP_PAYVAND_BUDGET_STEP    1000    /* ms: one refusal a second */
#define NGX_HTTP_PAYVAND_BUDGET_BURST   60      /* refusals at once */
#define NGX_HTTP_PAYVAND_BUDGET_PERIOD  60000   /* ms between two summaries */


static ngx_http_payvand_budget_t *ngx_http_payvand_budget_place(
    uint32_t number, int64_t now_ms);


ngx_uint_t
ngx_http_payvand_budget_take(const struct pv_system_row *system,
    int64_t now_ms, ngx_uint_t low_space)
{
    uint64_t                    now, due;
    ngx_uint_t                  granted;
    ngx_http_payvand_budget_t  *budget;

    now = (uint64_t) now_ms;
    granted = 0;

    ngx_http_payvand_shared_lock();

    budget = ngx_http_payvand_budget_place(system->number, now_ms);

    if (budget != NULL) {
        budget->system = system->system;
        budget->last_ms = now_ms;
        due = ngx_max(budget->due_ms, now);

        if (!low_space
            && due - now <= NGX_HTTP_PAYVAND_BUDGET_STEP
                            * (NGX_HTTP_PAYVAND_BUDGET_BURST - 1))
        {
            budget->due_ms = due + NGX_HTTP_PAYVAND_BUDGET_STEP;
            granted = 1;

        } else {
            if (budget->suppressed++ == 0) {
                budget->from_ms = now_ms;
            }
        }
    }

    ngx_http_payvand_shared_unlock();

    if (!granted) {
        ngx_http_payvand_count(NGX_HTTP_PAYVAND_REFUSALS_SUMMED);
    }

    return granted;
}


/* the system's place, or one that has nothing to tell; under the lock */

static ngx_http_payvand_budget_t *
ngx_http_payvand_budget_place(uint32_t number, int64_t now_ms)
{
    ngx_uint_t                  i;
    ngx_http_payvand_budget_t  *budget, *idle;
    ngx_http_payvand_shared_t  *shared;

    shared = ngx_http_payvand_shared();
    idle = NULL;

    if (number == 0) {
        return NULL;
    }

    for (i = 0; i < NGX_HTTP_PAYVAND_PROBES; i++) {
        budget = &shared->budget[(number + i) % NGX_HTTP_PAYVAND_BUDGETS];

        if (budget->number == number) {
            return budget;
        }

        if (idle == NULL
            && (budget->number == 0
                || (budget->suppressed == 0
                    && budget->due_ms <= (uint64_t) now_ms)))
        {
            idle = budget;
        }

        if (budget->number == 0) {
            break;
        }
    }

    if (idle) {
        ngx_memzero(idle, sizeof(ngx_http_payvand_budget_t));
        idle->number = number;
    }

    return idle;
}


ngx_uint_t
ngx_http_payvand_budget_due(int64_t now_ms, ngx_uint_t leaving,
    struct pv_id *ret_system, struct pv_refusals_record *ret_refusals)
{
    ngx_uint_t                  i, found;
    ngx_http_payvand_budget_t  *budget;
    ngx_http_payvand_shared_t  *shared;

    shared = ngx_http_payvand_shared();
    found = 0;

    ngx_http_payvand_shared_lock();

    for (i = 0; i < NGX_HTTP_PAYVAND_BUDGETS; i++) {
        budget = &shared->budget[i];

        if (budget->suppressed == 0
            || (!leaving && now_ms - budget->from_ms
                            < NGX_HTTP_PAYVAND_BUDGET_PERIOD))
        {
            continue;
        }

        *ret_system = budget->system;
        ret_refusals->count = budget->suppressed;
        ret_refusals->from_ms = (uint64_t) budget->from_ms;
        ret_refusals->until_ms = (uint64_t) budget->last_ms;
        budget->suppressed = 0;
        found = 1;
        break;
    }

    ngx_http_payvand_shared_unlock();

    return found;
}


void
ngx_http_payvand_budget_return(const struct pv_id *system,
    const struct pv_refusals_record *refusals)
{
    ngx_uint_t                  i;
    ngx_http_payvand_budget_t  *budget;
    ngx_http_payvand_shared_t  *shared;

    shared = ngx_http_payvand_shared();

    ngx_http_payvand_shared_lock();

    for (i = 0; i < NGX_HTTP_PAYVAND_BUDGETS; i++) {
        budget = &shared->budget[i];

        if (budget->number != 0
            && budget->system.len == system->len
            && ngx_memcmp(budget->system.text, system->text, system->len) == 0)
        {
            budget->suppressed += refusals->count;
            budget->from_ms = (int64_t) refusals->from_ms;
            break;
        }
    }

    ngx_http_payvand_shared_unlock();
}
