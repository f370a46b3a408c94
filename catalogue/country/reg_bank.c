/*
 * reg_bank.c - the central bank: accounts and who holds them.
 */
#include "registers.h"

#define MATCH "national-id-iban-match/verify"
#define HOLDERS "account-holders/inquire"
#define ACCOUNT_IDS UINT64_C(1000000000000)
#define EXAMPLE_ACCOUNT 1

/* 099 is the catalogue's example; the rest is beyond the codes in use. */
static const uint32_t bank[] = {99, 991, 992, 993, 994, 995, 996, 997, 998};

static const char tables[] =
    "CREATE TABLE account (iban TEXT PRIMARY KEY, bank_code TEXT,"
    " account_type TEXT, opened_on TEXT) WITHOUT ROWID;"
    "CREATE TABLE account_holder (iban TEXT, holder_id TEXT,"
    " holder_type TEXT, PRIMARY KEY (iban, holder_id)) WITHOUT ROWID";

struct accounts {
    struct pv_making *making;
    struct pv_rng     rng;
    struct pv_perm    perm;
    uint64_t          count;
    char              iban[PV_ID_ROOM]; /* of the last */
};

static void
open_account(struct accounts *accounts, const char *type)
{
    struct pv_rng *rng = &accounts->rng;
    uint64_t       number = pv_perm_at(&accounts->perm, accounts->count);
    uint32_t       at = pv_rng_below(rng, sizeof(bank) / sizeof(bank[0]));
    int32_t        day =
        accounts->making->country->as_of - pv_rng_between(rng, 1, 7000);
    char code[4] = {0};

    if (accounts->count++ == 0) {
        at = 0; /* the catalogue's example */
    }
    pv_digits(code, 3, bank[at]);
    pv_iban(bank[at], number, accounts->iban);
    pv_writer_row(accounts->making->writer, 0, "tttt", accounts->iban, code,
                  type, pv_country_date(accounts->making->country, day));
}

static void
add_holder(struct accounts *accounts, const char *id, const char *type)
{
    pv_writer_row(accounts->making->writer, 1, "ttt", accounts->iban, id, type);
}

static void
sample_first(struct accounts *accounts, const char *holder, const char *second)
{
    struct pv_samples *samples = accounts->making->samples;
    char               nobody[PV_ID_ROOM];
    char               absent[PV_ID_ROOM];

    pv_nobodys_id(nobody);
    pv_iban(999, 1, absent);
    pv_sample_add(samples, MATCH, "yes", "the first of two holders",
                  "holder_id:national_id", holder, "iban", accounts->iban,
                  NULL);
    pv_sample_add(samples, MATCH, "yes", "the second of two holders",
                  "holder_id:national_id", second, "iban", accounts->iban,
                  NULL);
    pv_sample_add(samples, MATCH, "yes", "the type told by the length",
                  "holder_id", holder, "iban", accounts->iban, NULL);
    pv_sample_add(samples, MATCH, "no", "not a holder", "holder_id:national_id",
                  nobody, "iban", accounts->iban, NULL);
    pv_sample_add(samples, MATCH, "no", "no such account",
                  "holder_id:national_id", holder, "iban", absent, NULL);
    pv_sample_add(samples, HOLDERS, "found", "two holders", "iban",
                  accounts->iban, NULL);
    pv_sample_add(samples, HOLDERS, "not-found", "no such account", "iban",
                  absent, NULL);
}

static void
person_accounts(struct accounts *accounts, uint32_t person)
{
    const struct pv_country *country = accounts->making->country;
    const struct pv_person  *at = &country->persons[person];
    struct pv_rng           *rng = &accounts->rng;
    char                     id[PV_ID_ROOM];
    char                     spouse[PV_ID_ROOM];

    pv_person_id(country, person, id);
    for (uint32_t per_mille = 930;
         pv_rng_chance(rng, per_mille) || accounts->count == 0;
         per_mille = per_mille * 4 / 10) {
        bool is_first = accounts->count == 0;

        open_account(accounts, "سپرده شخصی");
        add_holder(accounts, id, "iranian_natural");
        if (at->spouse != PV_NONE &&
            pv_person_lives(&country->persons[at->spouse]) &&
            (pv_rng_chance(rng, 30) || is_first)) {
            pv_person_id(country, at->spouse, spouse);
            add_holder(accounts, spouse, "iranian_natural");
            if (is_first) {
                sample_first(accounts, id, spouse);
            }
        }
    }
}

static void
company_accounts(struct accounts *accounts)
{
    const struct pv_country *country = accounts->making->country;
    char                     id[PV_ID_ROOM];

    for (uint32_t i = 0; i < country->company_count; i++) {
        int count = pv_rng_between(&accounts->rng, 1, 3);

        pv_company_id(country, i, id);
        while (count-- > 0) {
            open_account(accounts, "سپرده تجاری");
            add_holder(accounts, id, "iranian_legal");
        }
        if (i == 0) {
            pv_sample_add(accounts->making->samples, MATCH, "yes",
                          "an account of a company",
                          "holder_id:legal_person_id", id, "iban",
                          accounts->iban, NULL);
            pv_sample_add(accounts->making->samples, HOLDERS, "found",
                          "an account of a company", "iban", accounts->iban,
                          NULL);
        }
    }
}

void
pv_register_bank(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct accounts          accounts = {.making = making};
    char                     id[PV_ID_ROOM];

    pv_rng_init(&accounts.rng, country->seed, "bank");
    pv_perm_init(&accounts.perm, ACCOUNT_IDS, EXAMPLE_ACCOUNT, country->seed,
                 "account");
    pv_writer_exec(making->writer, tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO account VALUES (?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO account_holder VALUES (?,?,?)");
    for (uint32_t i = 0; i < country->person_count; i++) {
        if (pv_person_lives(&country->persons[i]) &&
            pv_person_age(country, i) >= 18) {
            person_accounts(&accounts, i);
        }
        pv_making_step(making, i, country->person_count);
    }
    company_accounts(&accounts);
    for (uint32_t i = 0; i < country->foreigner_count; i++) {
        pv_foreigner_id(country, i, id);
        open_account(&accounts, "سپرده شخصی");
        add_holder(&accounts, id, "foreign_natural");
        if (i == 0) {
            pv_sample_add(making->samples, MATCH, "yes",
                          "an account of a foreign national",
                          "holder_id:foreigner_code", id, "iban", accounts.iban,
                          NULL);
        }
    }
}
