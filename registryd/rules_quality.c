/*
 * rules_quality.c - criteria of quality in both directions, terms of
 * agreements that are no weaker, and measured values held against them
 * . What is a breach follows from the values; nobody types it in.
 */
#include <string.h>

#include "kind_tables.h"
#include "quality.h"
#include "rules.h"

#define VALUE_MAX INT64_C(1000000000000)

static json_int_t
number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static enum pv_err
refuse_limits(struct pv_change *change, const char *member)
{
    return pv_refuse(
        change->context->refusal, "R-231", "limits",
        "%s: \"%s\" is a list of limits, each of a known measure with a whole "
        "number and a period: day, week or month",
        "%s: «%s» فهرست حد‌هاست؛ هر حد سنجه شناخته‌شده، عدد درست و دوره "
        "day، week یا month دارد",
        change->id, member);
}

/* ---- criteria and terms ---- */

/* An instruction may hold thresholds; then as data. */
enum pv_err
pv_rule_thresholds(struct pv_change *change)
{
    const json_t *criteria = json_object_get(change->body, "criteria");

    return criteria == NULL || pv_are_limits(criteria)
               ? PV_OK
               : refuse_limits(change, "criteria");
}

enum pv_err
pv_rule_terms(struct pv_change *change)
{
    const json_t *terms = json_object_get(change->body, "terms");

    return terms == NULL || pv_are_limits(terms)
               ? PV_OK
               : refuse_limits(change, "terms");
}

/* A right that an agreement names is one between its parties. */
enum pv_err
pv_rule_agreed_grants(struct pv_change *change)
{
    const json_t *parties = json_object_get(change->body, "parties");
    json_t       *id;
    size_t        i;
    enum pv_err   err = PV_OK;

    json_array_foreach(json_object_get(change->body, "grants"), i, id)
    {
        struct pv_record grant = {.body = NULL};
        bool             fits;

        if (err != PV_OK) {
            break;
        }
        err = pv_record_get(pv_registry_of(change), PV_KIND_GRANT,
                            json_string_value(id), &grant);
        fits = pv_list_has(parties, pv_member(grant.body, "consumer")) &&
               pv_list_has(parties, pv_member(grant.body, "provider")) &&
               strcmp(pv_member(grant.body, "version"),
                      pv_member(change->body, "version")) == 0;
        pv_record_clear(&grant);
        if (err == PV_OK && !fits) {
            err = pv_refuse(
                change->context->refusal, "R-235", "other-grant",
                "%s: %s is no right between its parties to its "
                "version",
                "%s: %s مجوزی میان طرف‌های آن برای نسخه آن نیست",
                change->id, json_string_value(id));
        }
    }
    return err;
}

/* Of both sides: of those that serve, and of those that ask. */
static bool
is_of_both(const json_t *criteria)
{
    bool    provider = false;
    bool    consumer = false;
    json_t *one;
    size_t  i;

    json_array_foreach(criteria, i, one)
    {
        const struct pv_measure *measure =
            pv_measure_of(pv_member(one, "measure"));

        provider = provider ||
                   (measure != NULL && strcmp(measure->side, "provider") == 0);
        consumer = consumer ||
                   (measure != NULL && strcmp(measure->side, "consumer") == 0);
    }
    return provider && consumer;
}

/* The agreement's own limits, and the criteria for everything else. */
static enum pv_err
join_limits(struct pv_change *change, const json_t *criteria)
{
    const json_t *own = json_object_get(change->body, "terms");
    json_t       *terms =
        own == NULL ? json_array() : json_copy((json_t *)(uintptr_t)own);
    json_t     *one;
    size_t      i;
    enum pv_err err = terms == NULL ? PV_ENOMEM : PV_OK;

    json_array_foreach(criteria, i, one)
    {
        const char              *word = pv_member(one, "measure");
        const struct pv_measure *measure = pv_measure_of(word);
        const json_t            *ours = pv_limit_on(own, word);

        if (err != PV_OK || measure == NULL) {
            continue;
        }
        if (ours == NULL) {
            err = json_array_append(terms, one) == 0 ? PV_OK : PV_ENOMEM;
        } else if (strcmp(pv_member(ours, "period"),
                          pv_member(one, "period")) != 0) {
            err = pv_refuse(
                change->context->refusal, "R-231", "other-period",
                "%s: its limit on %s is of another period than that of the "
                "criteria",
                "%s: دوره حد آن برای %s با دوره معیارهای ابلاغی یکی نیست",
                change->id, word);
        } else if (!pv_is_within(measure, number_of(ours, "limit"),
                                 number_of(one, "limit"))) {
            err = pv_refuse(
                change->context->refusal, "R-231", "weaker",
                "%s: its limit on %s is weaker than the criteria "
                "allow",
                "%s: حد آن برای %s از معیارهای ابلاغی ضعیف‌تر است",
                change->id, word);
        }
    }
    if (err == PV_OK && json_object_set(change->body, "terms", terms) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(terms);
    return err;
}

enum pv_err
pv_rule_criteria(struct pv_change *change)
{
    struct pv_record criteria = {.body = NULL};
    const json_t    *limits;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_INSTRUCTION,
                      pv_member(change->body, "criteria"), &criteria);

    limits = json_object_get(criteria.body, "criteria");
    if (err == PV_OK &&
        strcmp(pv_kind_row(PV_KIND_INSTRUCTION)->states[criteria.state],
               "issued") != 0) {
        err = pv_refuse(
            change->context->refusal, "R-233", "criteria",
            "%s: it opens for signature after the quality "
            "criteria are issued",
            "%s: پس از ابلاغ معیارهای کیفیت برای امضا باز می‌شود",
            change->id);
    }
    if (err == PV_OK && !is_of_both(limits)) {
        err = pv_refuse(
            change->context->refusal, "R-231", "directions",
            "%s: the criteria have thresholds for providers and "
            "for consumers",
            "%s: معیارها باید برای ارائه‌دهنده و دریافت‌کننده حد "
            "داشته باشد",
            change->id);
    }
    if (err == PV_OK) {
        err = join_limits(change, limits);
    }
    pv_record_clear(&criteria);
    return err;
}

/* ---- what was measured ---- */

/* Which party answers for a side; "" when none does. */
static enum pv_err
find_party(struct pv_change *change, const char *side,
           char room[PV_RECORD_ID_MAX + 1])
{
    struct pv_record version = {.body = NULL};
    const char      *exchange = change->context->of; /* the operator measures */
    const json_t    *parties = json_object_get(change->body, "parties");
    const char      *provider;
    json_t          *party;
    size_t           i;
    bool             are_known;
    enum pv_err      err =
        pv_record_get(pv_registry_of(change), PV_KIND_VERSION,
                      pv_member(change->body, "version"), &version);

    provider = pv_member(version.body, "provider");
    room[0] = '\0';
    /* the consumer is who is left: so the two others must be parties */
    are_known = strcmp(provider, exchange) != 0 &&
                pv_list_has(parties, provider) &&
                pv_list_has(parties, exchange);
    json_array_foreach(parties, i, party)
    {
        const char *id = json_string_value(party);
        const char *of = strcmp(id, provider) == 0   ? "provider"
                         : strcmp(id, exchange) == 0 ? "exchange"
                                                     : "consumer";

        if (are_known && strcmp(of, side) == 0) {
            (void)snprintf(room, PV_RECORD_ID_MAX + 1, "%s",
                           id); /* an id fits */
        }
    }
    pv_record_clear(&version);
    return err == PV_ENOTFOUND ? PV_OK : err;
}

static enum pv_err
refuse_measured(struct pv_change *change)
{
    return pv_refuse(
        change->context->refusal, "R-234", "measured",
        "%s: what was measured is a list of values, each of one of its terms "
        "with its days, and the operator and provider are parties",
        "%s: مقدارهای سنجیده فهرستی است از مقدار و روزهای هر یک از حدهای آن، "
        "و بهره‌بردار و ارائه‌دهنده از طرف‌های آن‌اند",
        change->id);
}

static bool
is_value(const struct pv_change *change, const json_t *one)
{
    static const char *const names[] = {"measure", "value", "from", "until",
                                        NULL};
    const char              *name;
    json_t                  *value;
    int64_t                  from = 0;
    int64_t                  until = 0;
    bool right = pv_limit_on(json_object_get(change->body, "terms"),
                             pv_member(one, "measure")) != NULL &&
                 json_is_integer(json_object_get(one, "value")) &&
                 number_of(one, "value") >= 0 &&
                 number_of(one, "value") <= VALUE_MAX &&
                 pv_member_day(one, "from", &from) == PV_OK &&
                 pv_member_day(one, "until", &until) == PV_OK &&
                 from <= until && until <= change->context->day;

    json_object_foreach((json_t *)(uintptr_t)one, name, value)
    {
        right = right && pv_is_one_of(name, names);
    }
    return right;
}

/* A row for a value that is not within its limit. */
static enum pv_err
add_breach(struct pv_change *change, const json_t *value, json_t *breaches)
{
    const char              *word = pv_member(value, "measure");
    const struct pv_measure *measure = pv_measure_of(word);
    const json_t            *limit =
        pv_limit_on(json_object_get(change->body, "terms"), word);
    char        party[PV_RECORD_ID_MAX + 1];
    enum pv_err err = find_party(change, measure->side, party);

    if (err == PV_OK && party[0] == '\0') {
        return refuse_measured(change);
    }
    if (err != PV_OK || pv_is_within(measure, number_of(value, "value"),
                                     number_of(limit, "limit"))) {
        return err;
    }
    return json_array_append_new(
               breaches, json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:O, s:O}",
                                   "measure", word, "side", measure->side,
                                   "party", party, "unit", measure->unit,
                                   "value", json_object_get(value, "value"),
                                   "limit", json_object_get(limit, "limit"),
                                   "from", json_object_get(value, "from"),
                                   "until", json_object_get(value, "until"))) ==
                   0
               ? PV_OK
               : PV_ENOMEM;
}

enum pv_err
pv_rule_measured(struct pv_change *change)
{
    const json_t *measured = json_object_get(change->body, "measured");
    json_t       *breaches = json_array();
    json_t       *one;
    size_t        i;
    enum pv_err   err = breaches == NULL ? PV_ENOMEM : PV_OK;

    if (json_array_size(measured) == 0 ||
        json_array_size(measured) > PV_LIMITS_MAX) {
        err = refuse_measured(change);
    }
    json_array_foreach(measured, i, one)
    {
        if (err == PV_OK && !is_value(change, one)) {
            err = refuse_measured(change);
        }
        if (err == PV_OK) {
            err = add_breach(change, one, breaches);
        }
    }
    if (err == PV_OK &&
        json_object_set(change->body, "breaches", breaches) != 0) {
        err = PV_ENOMEM;
    }
    json_decref(breaches);
    return err;
}
