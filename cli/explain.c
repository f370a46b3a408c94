/* explain.c - the chain from a call to its decisions, gathered and checked. */
#include "explain.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "decisions.h"

void
pv_explain_init(struct pv_explain *explain)
{
    memset(explain, 0, sizeof(*explain));
}

void
pv_explain_clear(struct pv_explain *explain)
{
    for (size_t i = 0; i < explain->step_count; i++) {
        json_decref(explain->step[i].document);
    }
    json_decref(explain->grant); /* accepts NULL */
    pv_receipt_clear(&explain->receipt);
}

static void __attribute__((format(printf, 2, 3)))
fault(struct pv_explain *explain, const char *format, ...)
{
    struct pv_why why;
    va_list       list;

    va_start(list, format);
    (void)vsnprintf(why.text, sizeof(why.text), format, list); /* may be cut */
    va_end(list);
    if (explain->fault_count < PV_EXPLAIN_FAULTS_MAX) {
        explain->fault[explain->fault_count++] = why;
    }
}

bool
pv_explain_is_whole(const struct pv_explain *explain)
{
    bool whole = explain->fault_count == 0 &&
                 explain->call == PV_EXPLAIN_PROVED &&
                 (explain->step_count > 0 || !explain->has_grant);

    for (size_t i = 0; i < explain->step_count; i++) {
        whole = whole && explain->step[i].proof == PV_EXPLAIN_PROVED;
    }
    return whole;
}

/* ---- the call ---- */

enum pv_err
pv_explain_call(struct pv_explain *explain, struct pv_slice receipt,
                struct pv_why *why)
{
    enum pv_err err = pv_receipt_parse(receipt, &explain->receipt, why);

    if (err == PV_OK) {
        err = pv_record_parse(explain->receipt.request.entry, &explain->record);
        if (err == PV_OK && explain->record.type != PV_RECORD_REQUEST) {
            err = PV_EINVAL;
        }
    }
    if (err != PV_OK) {
        if (why->text[0] == '\0') {
            pv_why_set(why, "no receipt of a request: %s", pv_err_text(err));
        }
        return err;
    }
    explain->has_grant = explain->record.request.grant.len > 0;
    if (explain->trace == NULL) {
        return PV_OK;
    }
    err = pv_receipt_verify(&explain->receipt, explain->trace,
                            &explain->verdict, why);
    if (err == PV_EVERIFY) {
        explain->call = PV_EXPLAIN_WRONG;
        fault(explain, "call: %s [%s]", why->text,
              pv_receipt_fault_word(explain->verdict.fault));
        err = PV_OK;
    } else if (err == PV_OK) {
        explain->call = PV_EXPLAIN_PROVED;
    }
    return err;
}

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* ---- the records and the decisions that made them ---- */

static enum pv_err
add_step(struct pv_explain *explain, int64_t number, const char *about)
{
    size_t at = explain->step_count;

    for (size_t i = 0; i < explain->step_count; i++) {
        if (explain->step[i].number == number) {
            return PV_OK;
        }
    }
    if (at == PV_EXPLAIN_DECISIONS_MAX) {
        return PV_ERANGE;
    }
    while (at > 0 && explain->step[at - 1].number > number) {
        explain->step[at] = explain->step[at - 1];
        at--;
    }
    explain->step[at] =
        (struct pv_explain_step){.number = number, .about = about};
    explain->step_count++;
    return PV_OK;
}

/*
 * The decisions that changed a record before the call was decided.
 * PV_ENOTFOUND: there is no such record.
 */
static enum pv_err
visit(struct pv_explain *explain, const char *kind, const char *id,
      int64_t *ret_last, struct pv_why *why)
{
    struct pv_explain_record *record;
    json_t                   *history = NULL;
    json_t                   *version;
    size_t                    i;
    int64_t                   last = 0;
    enum pv_err               err;

    if (explain->visited_count == PV_EXPLAIN_RECORDS_MAX) {
        return PV_ERANGE;
    }
    record = &explain->visited[explain->visited_count];
    if (pv_slice_to_cstr(pv_slice_from(kind), record->kind,
                         sizeof(record->kind)) != PV_OK ||
        pv_slice_to_cstr(pv_slice_from(id), record->id, sizeof(record->id)) !=
            PV_OK) {
        return PV_ERANGE;
    }
    err = pv_decisions_ask(explain->registry, &history, why,
                           "/registry/v1/history/%s/%s", kind, id);
    if (err != PV_OK || history == NULL) {
        return err == PV_OK ? PV_ENOTFOUND : err;
    }
    explain->visited_count++;
    json_array_foreach(json_object_get(history, "history"), i, version)
    {
        int64_t number =
            json_integer_value(json_object_get(version, "decision"));

        if (err == PV_OK && number > 0 &&
            (uint64_t)number <= explain->record.request.image) {
            err = add_step(explain, number, record->kind);
            last = number;
        }
    }
    json_decref(history);
    if (err == PV_OK && ret_last != NULL) {
        *ret_last = last;
    }
    return err;
}

/* A record that the grant names; one that is missing is a fault. */
static enum pv_err
visit_named(struct pv_explain *explain, const char *kind, const char *id,
            struct pv_why *why)
{
    enum pv_err err;

    if (id[0] == '\0') {
        return PV_OK;
    }
    err = visit(explain, kind, id, NULL, why);
    if (err == PV_ENOTFOUND) {
        fault(explain, "%s %s: the registry has no such record", kind, id);
        err = PV_OK;
    }
    return err;
}

static enum pv_err
visit_agreements(struct pv_explain *explain, const char *grant,
                 struct pv_why *why)
{
    json_t     *users = NULL;
    json_t     *user;
    size_t      i;
    enum pv_err err =
        pv_decisions_ask(explain->registry, &users, why,
                         "/registry/v1/users/grant/%s?of=agreement", grant);

    json_array_foreach(json_object_get(users, "agreement"), i, user)
    {
        if (err == PV_OK) {
            err = visit_named(explain, "agreement", text_of(user, "id"), why);
        }
    }
    json_decref(users);
    return err;
}

static enum pv_err
visit_resolution(struct pv_explain *explain, const char *id, struct pv_why *why)
{
    json_t     *resolution = NULL;
    enum pv_err err = visit_named(explain, "resolution", id, why);

    if (err == PV_OK && id[0] != '\0') {
        err =
            pv_decisions_ask(explain->registry, &resolution, why,
                             "/registry/v1/resolution/%s?at=%llu", id,
                             (unsigned long long)explain->record.request.image);
    }
    if (err == PV_OK) {
        err = visit_named(
            explain, "meeting",
            text_of(json_object_get(resolution, "body"), "meeting"), why);
    }
    json_decref(resolution);
    return err;
}

/* The grant or mode as it was when the call was decided. */
static enum pv_err
visit_grant(struct pv_explain *explain, struct pv_why *why)
{
    const struct pv_request_record *r = &explain->record.request;
    char                            id[PV_RECORD_WORD_MAX + 1];
    int64_t                         last = 0;
    const char                     *kind = "grant";
    enum pv_err err = pv_slice_to_cstr(r->grant, id, sizeof(id));

    if (err == PV_OK) {
        err = visit(explain, kind, id, &last, why);
    }
    if (err == PV_ENOTFOUND) {
        kind = "mode";
        err = visit(explain, kind, id, &last, why);
    }
    if (err == PV_ENOTFOUND) {
        fault(explain, "grant %s: the registry has no such record", id);
        return PV_OK;
    }
    if (err == PV_OK && (uint64_t)last != r->grant_decision) {
        fault(explain,
              "grant %s: the call names decision %llu, the registry says that "
              "decision %lld made it",
              id, (unsigned long long)r->grant_decision, (long long)last);
    }
    if (err == PV_OK) {
        err = pv_decisions_ask(explain->registry, &explain->grant, why,
                               "/registry/v1/%s/%s?at=%llu", kind, id,
                               (unsigned long long)r->image);
    }
    if (err == PV_OK && strcmp(kind, "grant") == 0) {
        err = visit_agreements(explain, id, why);
    }
    return err;
}

/* ---- the proofs ---- */

static enum pv_err
verify_step(struct pv_explain *explain, struct pv_sha256 *sha,
            const json_t *answer, struct pv_explain_step *step)
{
    struct pv_checkpoint checkpoint;
    enum pv_err          err;

    if (explain->log == NULL) {
        return PV_OK; /* nobody to believe */
    }
    err = pv_decisions_verify(sha, explain->log, answer, step->document,
                              &checkpoint);
    if (err == PV_ENOMEM || err == PV_ECRYPTO) {
        return err;
    }
    if (err == PV_OK) {
        step->proof = PV_EXPLAIN_PROVED;
        explain->log_size = checkpoint.size;
        return pv_slice_to_cstr(checkpoint.origin, explain->origin,
                                sizeof(explain->origin));
    }
    step->proof = PV_EXPLAIN_WRONG;
    fault(explain, "decision %lld: %s", (long long)step->number,
          err == PV_ENOTFOUND ? "no signed head of the log covers it yet"
                              : pv_err_text(err));
    return PV_OK;
}

static enum pv_err
prove(struct pv_explain *explain, struct pv_sha256 *sha,
      struct pv_explain_step *step, struct pv_why *why)
{
    json_t     *page = NULL;
    json_t     *proof = NULL;
    enum pv_err err =
        pv_decisions_ask(explain->registry, &page, why,
                         "/registry/v1/decisions?after=%lld&count=1",
                         (long long)step->number - 1);

    if (err == PV_OK) {
        step->document =
            json_incref(json_array_get(json_object_get(page, "decisions"), 0));
        if (json_integer_value(json_object_get(step->document, "number")) !=
            step->number) {
            pv_why_set(why, "the registry does not give decision %lld",
                       (long long)step->number);
            err = PV_EPROTO;
        }
    }
    if (err == PV_OK) {
        err = pv_decisions_ask(explain->registry, &proof, why,
                               "/registry/v1/proof/%lld",
                               (long long)step->number);
    }
    if (err == PV_OK) {
        err = verify_step(explain, sha, proof, step);
    }
    json_decref(page);
    json_decref(proof);
    return err;
}

enum pv_err
pv_explain_chain(struct pv_explain *explain, struct pv_why *why)
{
    struct pv_sha256 *sha = NULL;
    const json_t     *body;
    enum pv_err       err;

    if (!explain->has_grant) {
        return PV_OK; /* refused before any grant was looked at */
    }
    if (explain->record.request.grant_decision == 0) {
        fault(explain, "grant %.*s: no decision made it",
              PV_FMT(explain->record.request.grant));
        return PV_OK;
    }
    err = visit_grant(explain, why);
    body = json_object_get(explain->grant, "body");
    if (err == PV_OK) {
        err = visit_named(explain, "request", text_of(body, "request"), why);
    }
    if (err == PV_OK) {
        err = visit_resolution(explain, text_of(body, "resolution"), why);
    }
    if (err == PV_OK) {
        err = pv_sha256_new(&sha);
    }
    for (size_t i = 0; i < explain->step_count && err == PV_OK; i++) {
        err = prove(explain, sha, &explain->step[i], why);
    }
    pv_sha256_free(sha);
    if (err != PV_OK && why->text[0] == '\0') {
        pv_why_set(why, "%s", pv_err_text(err));
    }
    return err;
}
