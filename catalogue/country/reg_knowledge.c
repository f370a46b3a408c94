/*
 * reg_knowledge.c - the science vice-presidency: approvals of companies as
 * knowledge-based, each for some years.
 *
 * next_day is the day behind an approval's last: the statement finds the
 * approval that goes on without a gap by it. civil_day gives the Jalali date
 * of today, which SQL does not know.
 */
#include "registers.h"

#define VERIFY "knowledge-based-company-status/verify"
#define CALENDAR_FIRST 1390
#define CALENDAR_LAST 1450

static const char tables[] =
    "CREATE TABLE approval (company_id TEXT, valid_from TEXT,"
    " valid_until TEXT, next_day TEXT,"
    " PRIMARY KEY (company_id, valid_from)) WITHOUT ROWID;"
    "CREATE TABLE civil_day (gregorian TEXT PRIMARY KEY, jalali TEXT)"
    " WITHOUT ROWID";

static void
add_approval(struct pv_making *making, const char *id, int32_t from,
             int32_t until)
{
    pv_writer_row(making->writer, 0, "tttt", id,
                  pv_country_date(making->country, from),
                  pv_country_date(making->country, until),
                  pv_country_date(making->country, until + 1));
}

/* Without a gap from 1398 to far in the future, in three approvals. */
static void
example_company(struct pv_making *making)
{
    char id[PV_ID_ROOM];

    pv_company_id(making->country, 0, id);
    add_approval(making, id, pv_jalali_day(1398, 3, 1),
                 pv_jalali_day(1400, 2, 31));
    add_approval(making, id, pv_jalali_day(1400, 3, 1),
                 pv_jalali_day(1402, 12, 29));
    add_approval(making, id, pv_jalali_day(1403, 1, 1),
                 pv_jalali_day(CALENDAR_LAST, 12, 29));
    pv_sample_add(making->samples, VERIFY, "yes", "today", "company_id", id,
                  NULL);
    pv_sample_add(making->samples, VERIFY, "yes",
                  "the whole period, over three approvals", "company_id", id,
                  "start_date", "1399-01-01", "end_date", "1403-06-31", NULL);
    pv_sample_add(making->samples, VERIFY, "yes", "from a day until today",
                  "company_id", id, "start_date", "1398-03-01", NULL);
    pv_sample_add(making->samples, VERIFY, "yes", "on one day", "company_id",
                  id, "end_date", "1400-02-31", NULL);
    pv_sample_add(making->samples, VERIFY, "no",
                  "the first day asked is not covered", "company_id", id,
                  "start_date", "1398-02-31", "end_date", "1401-01-01", NULL);
}

/* One day is missing: 1400-01-01. */
static void
gap_company(struct pv_making *making)
{
    char id[PV_ID_ROOM];

    pv_company_id(making->country, 1, id);
    add_approval(making, id, pv_jalali_day(1398, 1, 1),
                 pv_jalali_day(1399, 12, 30));
    add_approval(making, id, pv_jalali_day(1400, 1, 2),
                 pv_jalali_day(1402, 1, 1));
    pv_sample_add(making->samples, VERIFY, "no",
                  "one day of the period is not covered", "company_id", id,
                  "start_date", "1399-06-01", "end_date", "1401-06-01", NULL);
    pv_sample_add(making->samples, VERIFY, "yes",
                  "the period ends before the gap", "company_id", id,
                  "start_date", "1399-06-01", "end_date", "1399-12-30", NULL);
    pv_sample_add(making->samples, VERIFY, "yes",
                  "the period begins behind the gap", "company_id", id,
                  "start_date", "1400-01-02", "end_date", "1402-01-01", NULL);
    pv_sample_add(making->samples, VERIFY, "no", "no longer", "company_id", id,
                  NULL);
}

static void
some_company(struct pv_making *making, struct pv_rng *rng, uint32_t company)
{
    int     count = pv_rng_between(rng, 1, 4);
    int32_t from = making->country->companies[company].birth_day;
    int32_t earliest = pv_jalali_day(1390, 1, 1);
    char    id[PV_ID_ROOM];

    pv_company_id(making->country, company, id);
    from = (from > earliest ? from : earliest) + pv_rng_between(rng, 90, 2500);
    while (count-- > 0 && from < making->country->as_of) {
        int32_t until = from + pv_rng_between(rng, 700, 1100);

        add_approval(making, id, from, until);
        from = until + 1;
        if (pv_rng_chance(rng, 250)) {
            from += pv_rng_between(rng, 1, 400);
        }
    }
}

static void
write_calendar(struct pv_making *making)
{
    int32_t first = pv_jalali_day(CALENDAR_FIRST, 1, 1);
    int32_t last = pv_jalali_day(CALENDAR_LAST, 12, 29);

    for (int32_t day = first; day <= last; day++) {
        struct pv_civil at = pv_time_civil(day);
        char            text[PV_ID_ROOM] = "0000-00-00";

        pv_digits(text, 4, (uint64_t)at.year);
        pv_digits(text + 5, 2, (uint64_t)at.month);
        pv_digits(text + 8, 2, (uint64_t)at.day);
        pv_writer_row(making->writer, 1, "tt", text,
                      pv_country_date(making->country, day));
    }
}

void
pv_register_knowledge(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct pv_rng            rng;
    char                     id[PV_ID_ROOM];

    pv_rng_init(&rng, country->seed, "knowledge");
    pv_writer_exec(making->writer, tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO approval VALUES (?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO civil_day VALUES (?,?)");
    example_company(making);
    gap_company(making);
    for (uint32_t i = 3; i < country->company_count; i++) {
        if (country->companies[i].status == PV_COMPANY_ACTIVE &&
            pv_rng_chance(&rng, 120)) {
            some_company(making, &rng, i);
        }
        pv_making_step(making, i, country->company_count);
    }
    pv_company_id(country, 2, id);
    pv_sample_add(making->samples, VERIFY, "no", "never approved", "company_id",
                  id, NULL);
    pv_no_companys_id(id);
    pv_sample_add(making->samples, VERIFY, "no", "no such company",
                  "company_id", id, NULL);
    write_calendar(making);
}
