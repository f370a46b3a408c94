/*
 * reg_judiciary.c - cases about cheques in the judicial services system.
 *
 * The register holds cases before 1400 too; the services answer only for
 * those since its first day.
 */
#include "registers.h"

#define BY_PERSON "cheque-litigation-status/by-national-id"
#define BY_CHEQUE "cheque-litigation-status/by-tracking-id"
#define CHEQUES UINT64_C(10000000000000)
#define EXAMPLE_CHEQUE 1
#define PERSONS_PER_CASE 150
#define CASES_MIN 12 /* the samples need a few */

static const char tables[] =
    "CREATE TABLE cheque_case (case_number TEXT PRIMARY KEY,"
    " tracking_id TEXT, national_id TEXT, case_kind TEXT, filed_on TEXT)"
    " WITHOUT ROWID";

static const char indexes[] =
    "CREATE INDEX cheque_case_tracking ON cheque_case (tracking_id,"
    " filed_on);"
    "CREATE INDEX cheque_case_person ON cheque_case (national_id, filed_on)";

static void
sample_case(struct pv_samples *samples, const char *tracking, const char *id,
            uint32_t at)
{
    if (at == 0) {
        pv_sample_add(samples, BY_CHEQUE, "yes", "a case since 1400",
                      "tracking_id", tracking, NULL);
        pv_sample_add(samples, BY_PERSON, "yes", "a case since 1400",
                      "national_id", id, NULL);
    } else if (at == 1) {
        pv_sample_add(samples, BY_CHEQUE, "no",
                      "only a case before the coverage begins", "tracking_id",
                      tracking, NULL);
        pv_sample_add(samples, BY_PERSON, "no",
                      "only a case before the coverage begins", "national_id",
                      id, NULL);
    } else if (at == 2) {
        pv_sample_add(samples, BY_CHEQUE, "yes",
                      "filed on the first day of the coverage", "tracking_id",
                      tracking, NULL);
    }
}

static void
sample_none(struct pv_making *making)
{
    char id[PV_ID_ROOM];

    pv_person_id(making->country, 0, id);
    pv_sample_add(making->samples, BY_PERSON, "no", "no case", "national_id",
                  id, NULL);
    pv_nobodys_id(id);
    pv_sample_add(making->samples, BY_PERSON, "no", "no such person",
                  "national_id", id, NULL);
    pv_sample_add(making->samples, BY_CHEQUE, "no", "no case", "tracking_id",
                  "9999999999999999", NULL);
}

/* Not persons 0 and 1: one has no case, the other only an old one. */
static uint32_t
pick_person(const struct pv_country *country, struct pv_rng *rng, uint32_t at)
{
    uint32_t person;

    if (at == 1) {
        return 1;
    }
    do {
        person = pv_pick_adult(country, rng, 25);
    } while (person < 2);
    return person;
}

void
pv_register_judiciary(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    uint32_t                 count = country->person_count / PERSONS_PER_CASE;
    int32_t                  first = pv_jalali_day(1395, 1, 1);
    struct pv_rng            rng;
    struct pv_perm           perm;
    char                     id[PV_ID_ROOM];
    char                     tracking[PV_ID_ROOM];
    char                     number[PV_ID_ROOM];

    if (count < CASES_MIN) {
        count = CASES_MIN;
    }
    pv_rng_init(&rng, country->seed, "judiciary");
    pv_perm_init(&perm, CHEQUES, EXAMPLE_CHEQUE, country->seed, "cheque");
    pv_writer_exec(making->writer, tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO cheque_case VALUES (?,?,?,?,?)");
    for (uint32_t i = 0; i < count; i++) {
        int32_t day = pv_rng_between(&rng, first, country->as_of - 1);

        if (i == 0) {
            day = pv_jalali_day(1402, 3, 5);
        } else if (i == 1) {
            day = pv_jalali_day(1399, 12, 30);
        } else if (i == 2) {
            day = pv_jalali_day(1400, 1, 1);
        }
        pv_person_id(country, pick_person(country, &rng, i), id);
        /* one cheque in eight has a second case */
        pv_plain_id("999", 13,
                    pv_perm_at(&perm, i > 8 && i % 8 == 0 ? i - 1 : i),
                    tracking);
        pv_plain_id("999", 9, i + 1, number);
        pv_writer_row(making->writer, 0, "ttttt", number, tracking, id,
                      pv_rng_chance(&rng, 700) ? "civil" : "criminal",
                      pv_country_date(country, day));
        sample_case(making->samples, tracking, id, i);
        pv_making_step(making, i, count);
    }
    pv_writer_exec(making->writer, indexes);
    sample_none(making);
}
