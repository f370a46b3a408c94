/*
 * reg_insurance.c - the social security organisation: who is insured, what
 * its workshops report by the month, clearances of contracts.
 */
#include "base/num.h"
#include "draw.h"
#include "pictures.h"
#include "staff.h"

#define ENTITLED "treatment-entitlement/inquire"
#define EMPLOYED "insured-employment-verification/verify"
#define PREMIUM "workshop-premium-payment/inquire"
#define CLEARANCE "contract-clearance-document/inquire"
#define ADULT 18

static const char tables[] =
    "CREATE TABLE insured (national_id TEXT PRIMARY KEY, status TEXT,"
    " kind TEXT, valid_until TEXT) WITHOUT ROWID;"
    "CREATE TABLE worked (national_id TEXT, year INTEGER, month INTEGER,"
    " workshop_code TEXT, company_id TEXT, insurance_number TEXT,"
    " days INTEGER, wage INTEGER, other_wage INTEGER,"
    " PRIMARY KEY (national_id, year, month, workshop_code)) WITHOUT ROWID;"
    "CREATE TABLE premium_list (workshop_code TEXT, company_id TEXT,"
    " year INTEGER, month INTEGER, headcount INTEGER, total_wages INTEGER,"
    " PRIMARY KEY (workshop_code, year, month)) WITHOUT ROWID;"
    "CREATE TABLE clearance (contract_number TEXT, employer_id TEXT,"
    " status TEXT, issued_on TEXT, document TEXT,"
    " PRIMARY KEY (contract_number, employer_id)) WITHOUT ROWID";

static void
insured(struct pv_draw *draw, uint32_t person, const char *id)
{
    bool is_entitled = person == 0 || pv_rng_chance(&draw->rng, 930);
    bool is_adult = pv_person_age(draw->country, person) >= ADULT;

    pv_writer_row(
        draw->making->writer, 0, "tttt", id,
        is_entitled ? "entitled" : "not_entitled",
        is_adult ? "principal" : "dependent",
        pv_draw_day(draw, is_entitled ? 400 : -400, is_entitled ? 1500 : -1));
    if (person == 0) {
        pv_sample_add(draw->making->samples, ENTITLED, "found",
                      "insured, on one's own account", "national_id", id, NULL);
    } else if (!is_entitled && pv_samples_with(draw->making->samples, ENTITLED,
                                               "no longer entitled") == 0) {
        pv_sample_add(draw->making->samples, ENTITLED, "found",
                      "no longer entitled", "national_id", id, NULL);
    }
}

/* The inputs of the check, each as text. */
struct month {
    char workshop[PV_ID_ROOM];
    char company[PV_ID_ROOM];
    char insurance[PV_ID_ROOM];
    char person[PV_ID_ROOM];
    char year[PV_ID_ROOM];
    char number[PV_ID_ROOM];
    char days[PV_ID_ROOM];
    char wage[PV_ID_ROOM];
    char other[PV_ID_ROOM];
};

static void
sample_month(struct pv_samples *samples, const struct month *month,
             const char *expect, const char *note, const char *wage)
{
    pv_sample_add(samples, EMPLOYED, expect, note, "workshop_code",
                  month->workshop, "company_id", month->company,
                  "insurance_number", month->insurance, "national_id",
                  month->person, "year", month->year, "month", month->number,
                  "worked_days", month->days, "insurable_wage", wage,
                  "non_insurable_wage", month->other, NULL);
}

static void
write_month(struct pv_draw *draw, const struct pv_employee *employee,
            struct month *month, uint32_t number)
{
    pv_person_id(draw->country, employee->person, month->person);
    pv_insurance_number(employee->person, month->insurance);
    pv_writer_row(draw->making->writer, 1, "tiitttiii", month->person,
                  (int64_t)PV_STAFF_YEAR, (int64_t)number, month->workshop,
                  month->company, month->insurance, (int64_t)employee->days,
                  (int64_t)employee->wage, (int64_t)employee->other);
    if (draw->count++ == 0) {
        pv_amount(PV_STAFF_YEAR, month->year);
        pv_amount(number, month->number);
        pv_amount(employee->days, month->days);
        pv_amount(employee->wage, month->wage);
        pv_amount(employee->other, month->other);
        sample_month(draw->making->samples, month, "yes", "every item agrees",
                     month->wage);
        sample_month(draw->making->samples, month, "no", "another wage", "1");
    }
}

static void
sample_premium(struct pv_samples *samples, const struct month *month)
{
    char number[PV_ID_ROOM];

    pv_amount(PV_STAFF_FIRST_MONTH, number);
    pv_sample_add(samples, PREMIUM, "found", "how many, and what in all",
                  "workshop_code", month->workshop, "workshop_national_id",
                  month->company, "year", month->year, "month", number, NULL);
    pv_sample_add(samples, PREMIUM, "not-found", "a month without a list",
                  "workshop_code", month->workshop, "workshop_national_id",
                  month->company, "year", "1390", "month", number, NULL);
}

static void
write_workshop(struct pv_draw *draw, uint32_t company)
{
    struct pv_staff staff;
    struct month    month;

    pv_staff_of(draw->country, company, &staff);
    pv_company_id(draw->country, company, month.company);
    pv_workshop_code(company, month.workshop);
    for (uint32_t m = 0; staff.count > 0 && m < PV_STAFF_MONTHS; m++) {
        uint64_t total = 0;

        for (uint32_t i = 0; i < staff.count; i++) {
            write_month(draw, &staff.employee[i], &month,
                        PV_STAFF_FIRST_MONTH + m);
            total += staff.employee[i].wage;
        }
        pv_writer_row(draw->making->writer, 2, "ttiiii", month.workshop,
                      month.company, (int64_t)PV_STAFF_YEAR,
                      (int64_t)(PV_STAFF_FIRST_MONTH + m), (int64_t)staff.count,
                      (int64_t)total);
        if (company == 0 && m == 0) {
            sample_premium(draw->making->samples, &month);
        }
    }
}

/* Of one company in ten; three in four are cleared, with the document. */
static void
write_clearance(struct pv_draw *draw, uint32_t company)
{
    bool is_cleared = company % 40 != 10;
    char number[PV_ID_ROOM];
    char employer[PV_ID_ROOM];
    char page[PV_PICTURE_ROOM];

    pv_plain_id("999/1404/", 6, company + 1, number);
    pv_company_id(draw->country, company, employer);
    pv_page(company + 1, page);
    pv_writer_row(draw->making->writer, 3, "ttttt", number, employer,
                  is_cleared ? "cleared" : "not_cleared",
                  is_cleared ? pv_draw_day(draw, -400, -1) : NULL,
                  is_cleared ? page : NULL);
    if (company == 0) {
        pv_sample_add(draw->making->samples, CLEARANCE, "found",
                      "cleared, with the document", "contract_number", number,
                      "employer_id:legal_person_id", employer, NULL);
        pv_sample_add(draw->making->samples, CLEARANCE, "not-found",
                      "no such contract", "contract_number", "999/1404/0",
                      "employer_id", employer, NULL);
    }
}

void
pv_register_insurance(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "insurance", tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO insured VALUES (?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO worked VALUES (?,?,?,?,?,?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO premium_list VALUES (?,?,?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO clearance VALUES (?,?,?,?,?)");
    pv_draw_persons(&draw, (struct pv_some){0, 120, 300}, insured);
    draw.count = 0;
    for (uint32_t i = 0; i < making->country->company_count; i++) {
        write_workshop(&draw, i);
        if (i % 10 == 0) {
            write_clearance(&draw, i);
        }
    }
    pv_sample_stranger(&draw, ENTITLED, "not-found", "national_id");
}
