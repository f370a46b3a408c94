/*
 * country.h - the synthetic country in memory: who lives where, who is
 * married to whom, which companies there are. Registers are written from
 * it, so that all of them speak of the same persons and places.
 *
 * The same seed and number of persons give the same country, on every
 * machine and on every day: nothing here reads a clock or uses floating
 * point. Person, address, company and foreigner 0 carry the example
 * identifiers of catalogue/data_items.json.
 *
 * Ownership: the struct owns its arrays.  Errors: PV_ENOMEM, PV_ERANGE.
 * Threads: one owner at a time.  Blocks: never.
 * Limits: PV_PERSONS_MIN to PV_PERSONS_MAX persons; about 100 bytes each.
 */
#ifndef PV_COUNTRY_COUNTRY_H
#define PV_COUNTRY_COUNTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/jalali.h"
#include "ids.h"
#include "places.h"
#include "rng.h"

#define PV_PERSONS_MIN 100
#define PV_PERSONS_MAX 1000000
#define PV_NONE UINT32_MAX /* no such person, address ... */
#define PV_NEVER INT32_MAX /* a day that has not come */
#define PV_TEXT_ROOM 512   /* takes a name or an address with its NUL */
#define PV_AS_OF_YEAR 1405 /* the registers stand as on its first day */

struct pv_person {
    uint32_t father; /* index, or PV_NONE: not in the register */
    uint32_t mother;
    uint32_t spouse;      /* the present one, or PV_NONE */
    uint32_t address;     /* where he or she lives or last lived */
    uint32_t certificate; /* number of the birth certificate; 0: the id */
    int32_t  birth_day;   /* days since 1970-01-01 */
    int32_t  death_day;   /* PV_NEVER while alive */
    int32_t  issue_day;   /* of the birth certificate */
    int32_t  settled_day; /* not dead before: wedding, birth of a child */
    uint16_t first_name;
    uint16_t father_name; /* among the men's names */
    uint16_t last_name;
    uint16_t last_tail;
    bool     is_man; /* for the families' sake; in no register */
};

struct pv_marriage {
    uint32_t man;
    uint32_t woman;
    int32_t  day;
    int32_t  end_day; /* of the divorce; PV_NEVER */
};

struct pv_address {
    uint32_t number; /* of its province, from 0: makes the postal code */
    uint16_t province;
    uint16_t county;
    uint16_t street;
    uint16_t alley;
    uint16_t building;
    int16_t  change_days; /* last change, days before the present state */
    int8_t   floor;
    uint8_t  unit;
    uint8_t  village; /* 0: in the county's seat; 1 or 2: in a village */
};

enum pv_company_status {
    PV_COMPANY_ACTIVE,
    PV_COMPANY_DISSOLVED,
    PV_COMPANY_IN_LIQUIDATION,
    PV_COMPANY_SUSPENDED,
    PV_COMPANY_MERGED,
};

struct pv_company {
    uint32_t               head; /* a person */
    uint32_t               address;
    uint32_t               number; /* in the companies' register */
    int32_t                birth_day;
    int32_t                change_day;
    uint8_t                type;
    enum pv_company_status status;
};

struct pv_country {
    uint64_t            seed;
    uint32_t            person_count;
    uint32_t            marriage_count;
    uint32_t            address_count;
    uint32_t            company_count;
    uint32_t            foreigner_count;
    struct pv_person   *persons;
    struct pv_marriage *marriages;
    struct pv_address  *addresses;
    struct pv_company  *companies;
    uint32_t           *first_child;    /* of a person, or PV_NONE */
    uint32_t           *next_of_father; /* the father's next child */
    uint32_t           *next_of_mother;
    size_t              marriage_room;
    size_t              address_room;
    uint32_t            homes[PV_PLACES_PROVINCES]; /* addresses in each */
    int32_t             as_of;                      /* day */
    int32_t             first_day;                  /* of ->dates */
    int32_t             last_day;
    struct pv_perm      person_perm;
    struct pv_perm      company_perm;
    struct pv_perm      company_name_perm;
    struct pv_perm      foreigner_perm;
    struct pv_perm      address_perm;
    char (*dates)[PV_JALALI_TEXT_LEN + 1]; /* every day in Jalali text */
};

/* A country of that many persons; PV_ERANGE outside the limits above. */
enum pv_err pv_country_make(struct pv_country *country, uint64_t seed,
                            uint32_t persons) PV_MUST_CHECK;
void        pv_country_clear(struct pv_country *country);

/* Parts of pv_country_make, each in its own file. */
enum pv_err pv_people_make(struct pv_country *country) PV_MUST_CHECK;
enum pv_err pv_companies_make(struct pv_country *country) PV_MUST_CHECK;

/* The child of that parent behind `child`, the first one behind PV_NONE; in
 * the order of the persons. PV_NONE: no other. */
uint32_t pv_next_child(const struct pv_country *country, uint32_t parent,
                       uint32_t child);

/* A new address in that county; PV_ENOMEM. */
enum pv_err pv_address_add(struct pv_country *country, struct pv_rng *rng,
                           uint32_t province, uint32_t county,
                           uint32_t *ret_address) PV_MUST_CHECK;

/* A province by its weight, a county of it: the capital's is likeliest. */
uint32_t pv_pick_province(struct pv_rng *rng);
uint32_t pv_pick_county(struct pv_rng *rng, uint32_t province);

/* Jalali text of a day from 1290 to 1499, NULL for PV_NEVER; constant. */
const char *pv_country_date(const struct pv_country *country, int32_t day);

/* The day of a real Jalali date. */
int32_t pv_jalali_day(int year, int month, int day);

bool    pv_person_lives(const struct pv_person *person);
int     pv_person_age(const struct pv_country *country, uint32_t person);
int32_t pv_years(int years); /* as days */

void pv_person_id(const struct pv_country *country, uint32_t person,
                  char room[PV_ID_ROOM]);
void pv_company_id(const struct pv_country *country, uint32_t company,
                   char room[PV_ID_ROOM]);
void pv_foreigner_id(const struct pv_country *country, uint32_t foreigner,
                     char room[PV_ID_ROOM]);
void pv_postal_code(const struct pv_country *country, uint32_t address,
                    char room[PV_ID_ROOM]);

const char *pv_person_first_name(const struct pv_country *country,
                                 uint32_t                 person);
const char *pv_person_father_name(const struct pv_country *country,
                                  uint32_t                 person);
void pv_person_last_name(const struct pv_country *country, uint32_t person,
                         char room[PV_TEXT_ROOM]);
void pv_company_name(const struct pv_country *country, uint32_t company,
                     char room[PV_TEXT_ROOM]);
const char *pv_company_type_text(const struct pv_company *company);
const char *pv_company_status_text(const struct pv_company *company);

/* village is 1 or 2 */
const char *pv_village_name(uint32_t province, uint32_t county,
                            uint32_t village);

/* Its code in the divisions: 99, province, county, district, rural district,
 * village, two digits each. */
void pv_village_code(uint32_t province, uint32_t county, uint32_t village,
                     char room[PV_ID_ROOM]);

/* Province, city or village, street, alley, number ... in one line. */
void pv_address_text(const struct pv_country *country, uint32_t address,
                     char room[PV_TEXT_ROOM]);

/* A person or company who is party to something, by its unique id. */
struct pv_party {
    uint32_t index;
    bool     is_company;
};

void pv_party_id(const struct pv_country *country, struct pv_party party,
                 char room[PV_ID_ROOM]);

#endif
