#include "reg_tax_wages.h"

#include "draw.h"
#include "staff.h"

#define PAID "payroll-tax-payment-verification/verify"
#define SALARY "payroll-tax-to-welfare/inquire"
#define INCOME "income-tax-to-welfare/inquire"
#define IDENTITY "payroll-list-identity-verification/verify"
#define VOLUME "agency-transactions-volume/inquire"
#define RETURN "tax-performance-declaration-items/inquire"
#define ZERO_RATE "knowledge-based-company-income/inquire"
#define YEARS 3
#define TAXED_TENTH 10 /* the part of a wage or an income that is paid */

static const char tables[] =
    "CREATE TABLE payroll (person_id TEXT, year INTEGER, month INTEGER,"
    " company_id TEXT, taxable_salary INTEGER, tax_paid INTEGER, paid INTEGER,"
    " PRIMARY KEY (person_id, year, month, company_id)) WITHOUT ROWID;"
    "CREATE TABLE payroll_person (national_id TEXT PRIMARY KEY,"
    " first_name TEXT, last_name TEXT, birth_date TEXT) WITHOUT ROWID;"
    "CREATE TABLE income (national_id TEXT, year TEXT, taxable_income TEXT,"
    " tax_paid TEXT, PRIMARY KEY (national_id, year)) WITHOUT ROWID;"
    "CREATE TABLE tax_return (taxpayer_id TEXT, tax_year TEXT,"
    " tracking_code TEXT, kind TEXT, taxable_income TEXT, tax_paid TEXT,"
    " zero_rate_income TEXT, exempt_amount TEXT, fiscal_start TEXT,"
    " fiscal_end TEXT, PRIMARY KEY (taxpayer_id, tax_year)) WITHOUT ROWID;"
    "CREATE TABLE agency_year (agency_id TEXT, year TEXT,"
    " transactions TEXT, value TEXT, PRIMARY KEY (agency_id, year))"
    " WITHOUT ROWID;"
    /* what commands fill */
    "CREATE TABLE commercial_account (iban TEXT PRIMARY KEY,"
    " economic_number TEXT, status TEXT, changed_at TEXT) WITHOUT ROWID;"
    "CREATE TABLE commercial_activity (iban TEXT, isic_code TEXT, share TEXT,"
    " PRIMARY KEY (iban, isic_code)) WITHOUT ROWID;"
    "CREATE TABLE commercial_holder (iban TEXT, holder_id TEXT,"
    " PRIMARY KEY (iban, holder_id)) WITHOUT ROWID";

enum insert {
    INTO_PAYROLL,
    INTO_PERSONS,
    INTO_INCOME,
    INTO_RETURNS,
    INTO_YEARS,
    INSERTS,
};

static const char *const inserts[INSERTS] = {
    [INTO_PAYROLL] = "INSERT INTO payroll VALUES (?,?,?,?,?,?,?)",
    [INTO_PERSONS] = "INSERT OR IGNORE INTO payroll_person VALUES (?,?,?,?)",
    [INTO_INCOME] = "INSERT INTO income VALUES (?,?,?,?)",
    [INTO_RETURNS] = "INSERT INTO tax_return VALUES (?,?,?,?,?,?,?,?,?,?)",
    [INTO_YEARS] = "INSERT INTO agency_year VALUES (?,?,?,?)",
};

struct wages {
    struct pv_draw draw;
    int            at[INSERTS]; /* numbers of the statements */
};

static void
sample_person(struct pv_samples *samples, const char *id, const char *first,
              const char *last, const char *born)
{
    pv_sample_add(samples, IDENTITY, "yes", "every input agrees", "national_id",
                  id, "first_name", first, "last_name", last, "birth_date",
                  born, NULL);
    pv_sample_add(samples, IDENTITY, "no", "the last name differs",
                  "national_id", id, "first_name", first, "last_name", "دیگری",
                  "birth_date", born, NULL);
}

static void
write_person(struct wages *wages, uint32_t person, const char *id)
{
    struct pv_draw *draw = &wages->draw;
    const char     *first = pv_person_first_name(draw->country, person);
    const char     *born = pv_country_date(
            draw->country, draw->country->persons[person].birth_day);
    char last[PV_TEXT_ROOM];

    pv_person_last_name(draw->country, person, last);
    pv_writer_row(draw->making->writer, wages->at[INTO_PERSONS], "tttt", id,
                  first, last, born);
    if (person == 0 && pv_samples_with(draw->making->samples, IDENTITY,
                                       "every input agrees") == 0) {
        sample_person(draw->making->samples, id, first, last, born);
    }
}

/* One company in eight has not paid: the same no as a wrong input. */
static bool
has_paid(uint32_t company)
{
    return company % 40 != 5;
}

static void
sample_payment(struct pv_samples *samples, const char *expect, const char *note,
               const char *person, const char *company, const char *month)
{
    char year[PV_ID_ROOM];

    pv_amount(PV_STAFF_YEAR, year);
    if (pv_samples_with(samples, PAID, note) == 0) {
        pv_sample_add(samples, PAID, expect, note, "person_id:national_id",
                      person, "company_id", company, "year", year, "month",
                      month, NULL);
    }
}

static void
sample_month(struct wages *wages, const char *id, const char *company,
             bool is_paid)
{
    struct pv_samples *samples = wages->draw.making->samples;
    char               month[PV_ID_ROOM];
    char               year[PV_ID_ROOM];
    char               other[PV_ID_ROOM];

    pv_amount(PV_STAFF_FIRST_MONTH, month);
    pv_amount(PV_STAFF_YEAR, year);
    if (!is_paid) {
        sample_payment(samples, "no", "not paid", id, company, month);
        return;
    }
    if (pv_samples_with(samples, SALARY, "the tax of a month") == 0) {
        pv_sample_add(samples, SALARY, "found", "the tax of a month",
                      "national_id", id, "year", year, "month", month, NULL);
        pv_sample_add(samples, SALARY, "not-found", "no wage in that month",
                      "national_id", id, "year", "1390", "month", month, NULL);
        pv_no_companys_id(other);
        sample_payment(samples, "no", "the company does not match", id, other,
                       month);
    }
    sample_payment(samples, "yes", "paid", id, company, month);
}

static void
write_payroll(struct wages *wages, uint32_t company)
{
    struct pv_draw *draw = &wages->draw;
    struct pv_staff staff;
    char            of[PV_ID_ROOM];
    char            id[PV_ID_ROOM];

    pv_staff_of(draw->country, company, &staff);
    pv_company_id(draw->country, company, of);
    for (uint32_t i = 0; i < staff.count; i++) {
        const struct pv_employee *at = &staff.employee[i];

        pv_person_id(draw->country, at->person, id);
        write_person(wages, at->person, id);
        for (int m = 0; m < PV_STAFF_MONTHS; m++) {
            pv_writer_row(draw->making->writer, wages->at[INTO_PAYROLL],
                          "tiitiii", id, (int64_t)PV_STAFF_YEAR,
                          (int64_t)(PV_STAFF_FIRST_MONTH + m), of,
                          (int64_t)at->wage, (int64_t)(at->wage / TAXED_TENTH),
                          (int64_t)has_paid(company));
        }
        if (i == 0) {
            sample_month(wages, id, of, has_paid(company));
        }
    }
}

static void
sample_returns(struct pv_draw *draw)
{
    struct pv_samples *samples = draw->making->samples;
    char               company[PV_ID_ROOM];
    char               year[PV_ID_ROOM];
    char               nobody[PV_ID_ROOM];

    pv_company_id(draw->country, 0, company);
    pv_amount(PV_STAFF_YEAR, year);
    pv_nobodys_id(nobody);
    pv_sample_add(samples, RETURN, "found", "the last return",
                  "taxpayer_id:legal_person_id", company, NULL);
    pv_sample_add(samples, RETURN, "not-found", "no return",
                  "taxpayer_id:national_id", nobody, NULL);
    pv_sample_add(samples, ZERO_RATE, "found", "the return of a year",
                  "company_id", company, "tax_year", year, NULL);
    pv_sample_add(samples, ZERO_RATE, "not-found", "no return of that year",
                  "company_id", company, "tax_year", "1390", NULL);
}

/* Of the year before the present state; a person's has no zero rate. */
static void
write_return(struct pv_draw *draw, int statement, const char *id,
             bool is_company, uint32_t number)
{
    uint64_t income =
        UINT64_C(1000000) * (100 + pv_rng_below(&draw->rng, 90000));
    char year[PV_ID_ROOM];
    char code[PV_ID_ROOM];
    char taxable[PV_ID_ROOM];
    char paid[PV_ID_ROOM];
    char zero[PV_ID_ROOM];
    char exempt[PV_ID_ROOM];

    pv_amount(PV_STAFF_YEAR, year);
    pv_plain_id("999", 13, number, code);
    pv_amount(income, taxable);
    pv_amount(income / TAXED_TENTH, paid);
    pv_amount(is_company ? income / 4 : 0, zero);
    pv_amount(is_company ? income / 5 : 0, exempt);
    pv_writer_row(draw->making->writer, statement, "tttttttttt", id, year, code,
                  is_company ? "عملکرد اشخاص حقوقی" : "عملکرد اشخاص حقیقی",
                  taxable, paid, zero, exempt, "1404-01-01", "1404-12-29");
}

static void
taxpayer(struct pv_draw *draw, uint32_t person, const char *id)
{
    struct wages *wages = (struct wages *)draw; /* its first member */
    uint64_t income = UINT64_C(1000000) * (50 + pv_rng_below(&draw->rng, 5000));
    char     year[PV_ID_ROOM];
    char     taxable[PV_ID_ROOM];
    char     paid[PV_ID_ROOM];

    pv_amount(PV_STAFF_YEAR, year);
    pv_amount(income, taxable);
    pv_amount(income / TAXED_TENTH, paid);
    pv_writer_row(draw->making->writer, wages->at[INTO_INCOME], "tttt", id,
                  year, taxable, paid);
    write_return(draw, wages->at[INTO_RETURNS], id, false, draw->count + 1);
    if (person == 0) {
        pv_sample_add(draw->making->samples, INCOME, "found",
                      "the income of a year", "national_id", id, "year", year,
                      NULL);
        pv_sample_add(draw->making->samples, INCOME, "not-found",
                      "no return of that year", "national_id", id, "year",
                      "1390", NULL);
    }
}

static void
write_agencies(struct wages *wages)
{
    struct pv_draw *draw = &wages->draw;
    char            year[PV_ID_ROOM];
    char            count[PV_ID_ROOM];
    char            value[PV_ID_ROOM];

    for (uint32_t i = 0; i < PV_SETAD_MEMBERS * YEARS; i++) {
        const char *agency = pv_setad_members[i / YEARS].unique_id;
        uint32_t    transactions = 20 + pv_rng_below(&draw->rng, 4000);

        pv_amount(PV_AS_OF_YEAR - YEARS + i % YEARS, year);
        pv_amount(transactions, count);
        pv_amount((uint64_t)transactions * 37000000, value);
        pv_writer_row(draw->making->writer, wages->at[INTO_YEARS], "tttt",
                      agency, year, count, value);
        if (i == 0) {
            pv_sample_add(draw->making->samples, VOLUME, "found",
                          "how many, and what they were worth", "agency_id",
                          agency, "year", year, NULL);
            pv_sample_add(draw->making->samples, VOLUME, "not-found",
                          "a year without figures", "agency_id", agency, "year",
                          "1390", NULL);
        }
    }
}

void
pv_tax_wages(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct wages             wages;
    char                     id[PV_ID_ROOM];

    pv_draw_init(&wages.draw, making, "wages", tables);
    pv_draw_commands(&wages.draw);
    for (int i = 0; i < INSERTS; i++) {
        wages.at[i] = pv_writer_prepare(making->writer, inserts[i]);
    }
    pv_draw_persons(&wages.draw, (struct pv_some){25, 80, 60}, taxpayer);
    for (uint32_t i = 0; i < country->company_count; i++) {
        write_payroll(&wages, i);
        pv_company_id(country, i, id);
        write_return(&wages.draw, wages.at[INTO_RETURNS], id, true,
                     country->person_count + i);
    }
    write_agencies(&wages);
    sample_returns(&wages.draw);
}
