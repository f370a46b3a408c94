/*
 * reg_deeds.c - the deeds organisation: companies, deeds and owners.
 *
 * A deed has one or more owners with shares of the whole. Homes of the dead
 * belong to their children, a son with two parts and a daughter with one.
 * A replaced deed stays in the register with its former owners.
 */
#include "registers.h"

#include <string.h>

#include "base/num.h"
#include "reg_parcels.h"

#define COMPANY "legal-person-identity/inquire"
#define BY_NUMBER "legal-person-national-id/inquire"
#define VERIFY "property-deed-authenticity/verify"
#define SINGLE "single-sheet-deed-authenticity/verify"
#define SINGLE_SHEET_FROM 1390 /* older deeds are booklets */
#define DEED_IDS UINT64_C(1000000000000)
#define EXAMPLE_DEED 1
#define EXAMPLE_CODE 999999
#define OWNERS_MAX 12

static const char tables[] =
    "CREATE TABLE company (company_id TEXT PRIMARY KEY, company_name TEXT,"
    " company_type TEXT, company_status TEXT, registration_number TEXT,"
    " registration_date TEXT, postal_code TEXT, last_change_date TEXT,"
    " head_id TEXT) WITHOUT ROWID;"
    "CREATE TABLE deed (deed_number TEXT PRIMARY KEY,"
    " verification_code TEXT, deed_status TEXT, plate_number TEXT,"
    " property_id TEXT, postal_code TEXT, issued_on TEXT, form TEXT)"
    " WITHOUT ROWID;" PV_PARCEL_TABLE
    "CREATE TABLE deed_owner (deed_number TEXT, owner_id TEXT,"
    " share_parts INTEGER, share_total INTEGER,"
    " PRIMARY KEY (deed_number, owner_id)) WITHOUT ROWID";

static const char indexes[] =
    "CREATE UNIQUE INDEX company_number ON company (registration_number);"
    "CREATE INDEX deed_property ON deed (property_id)";

struct owner {
    struct pv_party party;
    uint32_t        parts;
};

struct deeds {
    struct pv_making *making;
    struct pv_rng     rng;
    struct pv_perm    perm;
    uint64_t          count;
    uint32_t          properties;
    uint32_t          owner_count;
    struct owner      owner[OWNERS_MAX];
    char              number[PV_ID_ROOM]; /* of the last deed */
    char              code[PV_ID_ROOM];
    uint32_t          replaced_samples;
    uint32_t          heirs_samples;
};

static void
add_owner(struct deeds *deeds, uint32_t index, bool is_company, uint32_t parts)
{
    if (deeds->owner_count < OWNERS_MAX) {
        deeds->owner[deeds->owner_count++] =
            (struct owner){{index, is_company}, parts};
    }
}

static void
write_owners(struct deeds *deeds)
{
    uint32_t total = 0;
    char     id[PV_ID_ROOM];

    for (uint32_t i = 0; i < deeds->owner_count; i++) {
        total += deeds->owner[i].parts;
    }
    for (uint32_t i = 0; i < deeds->owner_count; i++) {
        pv_party_id(deeds->making->country, deeds->owner[i].party, id);
        pv_writer_row(deeds->making->writer, 2, "ttii", deeds->number, id,
                      (int64_t)deeds->owner[i].parts, (int64_t)total);
    }
}

/* A deed of the present property for the owners gathered. */
static void
write_deed(struct deeds *deeds, const char *status, uint32_t address)
{
    const struct pv_country *country = deeds->making->country;
    uint64_t                 number = pv_perm_at(&deeds->perm, deeds->count);
    uint32_t                 code = pv_rng_below(&deeds->rng, 1000000);
    int32_t day = country->as_of - pv_rng_between(&deeds->rng, 1, 9000);
    char    plate[2 * PV_U64_TEXT_MAX];
    char    property[PV_ID_ROOM];
    char    postal[PV_ID_ROOM];
    size_t  len;
    bool    is_single;

    if (deeds->count++ == 0) {
        code = EXAMPLE_CODE;
        day = country->as_of - 30; /* a single sheet */
    }
    is_single = day >= pv_jalali_day(SINGLE_SHEET_FROM, 1, 1);
    pv_plain_id("999000", 12, number, deeds->number);
    pv_plain_id("", 6, code, deeds->code);
    pv_plain_id("999", 7, deeds->properties, property);
    pv_postal_code(country, address, postal);
    len = pv_u64_text(1 + deeds->properties % 400, plate);
    plate[len++] = '/';
    len += pv_u64_text(deeds->properties, plate + len);
    plate[len] = '\0';
    pv_writer_row(deeds->making->writer, 1, "tttttttt", deeds->number,
                  deeds->code, status, plate, property, postal,
                  pv_country_date(country, day),
                  is_single ? "single-sheet" : "booklet");
    write_owners(deeds);
    if (strcmp(status, "replaced") != 0) { /* once for each property */
        pv_parcel_write(deeds->making, 3, &deeds->rng, deeds->properties, plate,
                        property, deeds->owner[0].party.is_company);
    }
    if (!is_single && status[0] == 'v' &&
        pv_samples_with(deeds->making->samples, SINGLE, "a booklet") == 0) {
        pv_sample_add(deeds->making->samples, SINGLE, "no", "a booklet",
                      "deed_number", deeds->number, "verification_code",
                      deeds->code, NULL);
    }
}

static void
sample_first(struct deeds *deeds)
{
    struct pv_samples *samples = deeds->making->samples;
    char               first[PV_ID_ROOM];
    char               second[PV_ID_ROOM];
    char               nobody[PV_ID_ROOM];

    pv_party_id(deeds->making->country, deeds->owner[0].party, first);
    pv_party_id(deeds->making->country, deeds->owner[1].party, second);
    pv_nobodys_id(nobody);
    pv_sample_add(samples, VERIFY, "yes", "a valid deed, no owner asked for",
                  "deed_number", deeds->number, "verification_code",
                  deeds->code, NULL);
    pv_sample_add(samples, VERIFY, "yes", "the owner of one share of two",
                  "deed_number", deeds->number, "verification_code",
                  deeds->code, "owner_id:national_id", first, NULL);
    pv_sample_add(samples, VERIFY, "yes", "the owner of the other share",
                  "deed_number", deeds->number, "verification_code",
                  deeds->code, "owner_id", second, NULL);
    pv_sample_add(samples, VERIFY, "no", "not an owner", "deed_number",
                  deeds->number, "verification_code", deeds->code,
                  "owner_id:national_id", nobody, NULL);
    pv_sample_add(samples, VERIFY, "no", "the verification code differs",
                  "deed_number", deeds->number, "verification_code", "000001",
                  NULL);
    pv_sample_add(samples, VERIFY, "no", "no such deed", "deed_number",
                  "999999999999999999", "verification_code", deeds->code, NULL);
    pv_sample_add(samples, SINGLE, "yes", "the owner of one share of two",
                  "deed_number", deeds->number, "verification_code",
                  deeds->code, "owner_id:national_id", first, NULL);
    pv_sample_add(samples, SINGLE, "no", "not an owner", "deed_number",
                  deeds->number, "verification_code", deeds->code,
                  "owner_id:national_id", nobody, NULL);
}

/* The former owner's deed, replaced when the present one was issued. */
static void
write_former(struct deeds *deeds, uint32_t address)
{
    const struct pv_country *country = deeds->making->country;
    char                     id[PV_ID_ROOM];

    deeds->owner_count = 0;
    add_owner(deeds, pv_pick_adult(country, &deeds->rng, 25), false, 6);
    write_deed(deeds, "replaced", address);
    if (deeds->replaced_samples++ == 0) {
        pv_party_id(country, deeds->owner[0].party, id);
        pv_sample_add(deeds->making->samples, VERIFY, "no",
                      "a replaced deed is not valid now", "deed_number",
                      deeds->number, "verification_code", deeds->code,
                      "owner_id", id, NULL);
    }
}

static void
gather_heirs(struct deeds *deeds, uint32_t father)
{
    const struct pv_country *country = deeds->making->country;
    const struct pv_person  *all = country->persons;

    for (uint32_t child = pv_next_child(country, father, PV_NONE);
         child != PV_NONE; child = pv_next_child(country, father, child)) {
        if (pv_person_lives(&all[child])) {
            add_owner(deeds, child, false, all[child].is_man ? 2 : 1);
        }
    }
}

static void
gather_owners(struct deeds *deeds, const struct pv_marriage *marriage)
{
    const struct pv_person *all = deeds->making->country->persons;
    bool                    man_lives = pv_person_lives(&all[marriage->man]);
    bool     woman_lives = pv_person_lives(&all[marriage->woman]);
    uint32_t at = pv_rng_below(&deeds->rng, 100);

    deeds->owner_count = 0;
    if (!man_lives && !woman_lives) {
        gather_heirs(deeds, marriage->man);
    } else if (man_lives && woman_lives && (at < 25 || deeds->count == 0)) {
        add_owner(deeds, marriage->man, false, 3);
        add_owner(deeds, marriage->woman, false, 3);
    } else if (man_lives && (at < 85 || !woman_lives)) {
        add_owner(deeds, marriage->man, false, 6);
    } else {
        add_owner(deeds, marriage->woman, false, 6);
    }
}

static void
home_deed(struct deeds *deeds, const struct pv_marriage *marriage)
{
    const struct pv_country *country = deeds->making->country;
    uint32_t                 address = country->persons[marriage->man].address;
    char                     id[PV_ID_ROOM];

    gather_owners(deeds, marriage);
    if (deeds->owner_count == 0) {
        return; /* nobody is left */
    }
    deeds->properties++;
    write_deed(deeds,
               pv_rng_chance(&deeds->rng, 15) && deeds->count > 1 ? "revoked"
                                                                  : "valid",
               address);
    if (deeds->count == 1) {
        sample_first(deeds);
    }
    if (deeds->owner_count > 2 && deeds->heirs_samples++ == 0) {
        pv_party_id(country, deeds->owner[2].party, id);
        pv_sample_add(deeds->making->samples, VERIFY, "yes",
                      "an heir with a share", "deed_number", deeds->number,
                      "verification_code", deeds->code, "owner_id", id, NULL);
    }
    if (pv_rng_chance(&deeds->rng, 60)) {
        write_former(deeds, address);
    }
}

static void
write_company(struct deeds *deeds, uint32_t company)
{
    const struct pv_country *country = deeds->making->country;
    const struct pv_company *at = &country->companies[company];
    char                     id[PV_ID_ROOM];
    char                     head[PV_ID_ROOM];
    char                     postal[PV_ID_ROOM];
    char                     name[PV_TEXT_ROOM];
    char                     number[PV_U64_TEXT_MAX + 1];

    pv_company_id(country, company, id);
    pv_company_name(country, company, name);
    pv_person_id(country, at->head, head);
    pv_postal_code(country, at->address, postal);
    number[pv_u64_text(at->number, number)] = '\0';
    pv_writer_row(deeds->making->writer, 0, "ttttttttt", id, name,
                  pv_company_type_text(at), pv_company_status_text(at), number,
                  pv_country_date(country, at->birth_day), postal,
                  pv_country_date(country, at->change_day), head);
    if (company == 0) {
        pv_sample_add(deeds->making->samples, COMPANY, "found",
                      "an active company", "company_id", id, NULL);
        pv_sample_add(deeds->making->samples, BY_NUMBER, "found",
                      "by the number alone", "registration_number", number,
                      NULL);
        pv_sample_add(deeds->making->samples, BY_NUMBER, "found",
                      "with the name", "registration_number", number,
                      "company_name", name, NULL);
        pv_sample_add(deeds->making->samples, BY_NUMBER, "not-found",
                      "the name differs", "registration_number", number,
                      "company_name", "شرکت دیگری", NULL);
    }
    if (at->status == PV_COMPANY_DISSOLVED &&
        pv_samples_with(deeds->making->samples, COMPANY,
                        "a dissolved company") == 0) {
        pv_sample_add(deeds->making->samples, COMPANY, "found",
                      "a dissolved company", "company_id", id, NULL);
    }
    if (at->status == PV_COMPANY_ACTIVE && pv_rng_chance(&deeds->rng, 150)) {
        deeds->owner_count = 0;
        add_owner(deeds, company, true, 6);
        deeds->properties++;
        write_deed(deeds, "valid", at->address);
        if (pv_samples_with(deeds->making->samples, VERIFY,
                            "a company owns it") == 0) {
            pv_sample_add(deeds->making->samples, VERIFY, "yes",
                          "a company owns it", "deed_number", deeds->number,
                          "verification_code", deeds->code,
                          "owner_id:legal_person_id", id, NULL);
        }
    }
}

static void
write_rows(struct deeds *deeds)
{
    const struct pv_country *country = deeds->making->country;

    for (uint32_t i = 0; i < country->marriage_count; i++) {
        const struct pv_marriage *marriage = &country->marriages[i];

        if (marriage->end_day == PV_NEVER &&
            (i == 0 || pv_rng_chance(&deeds->rng, 550))) {
            home_deed(deeds, marriage);
        }
        pv_making_step(deeds->making, i, country->marriage_count);
    }
    for (uint32_t i = 0; i < country->company_count; i++) {
        write_company(deeds, i);
    }
}

void
pv_register_deeds(struct pv_making *making)
{
    struct deeds deeds = {.making = making};
    char         id[PV_ID_ROOM];

    pv_rng_init(&deeds.rng, making->country->seed, "deeds");
    pv_perm_init(&deeds.perm, DEED_IDS, EXAMPLE_DEED, making->country->seed,
                 "deed");
    pv_writer_exec(making->writer, tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO company VALUES (?,?,?,?,?,?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO deed VALUES (?,?,?,?,?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO deed_owner VALUES (?,?,?,?)");
    (void)pv_writer_prepare(making->writer, PV_PARCEL_INSERT);
    write_rows(&deeds);
    pv_writer_exec(making->writer, indexes);
    pv_parcel_strangers(making);
    pv_no_companys_id(id);
    pv_sample_add(making->samples, COMPANY, "not-found", "no such company",
                  "company_id", id, NULL);
}
