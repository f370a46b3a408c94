#include "country.h"

#include <string.h>

#include "names.h"

#define FIRST_YEAR 1290
#define LAST_YEAR PV_JALALI_MAX /* not included */
#define TEHRAN 0

#define SYNTHETIC_NINE 999000000u      /* person: 999 and six digits */
#define SYNTHETIC_NINE_MORE 998000000u /* one more for the millionth */
#define PERSON_IDS 999999u /* 999999999 would give ten equal digits */
#define EXAMPLE_PERSON 123456u
#define SYNTHETIC_TEN UINT64_C(9990000000) /* company: 999 and seven digits */
#define EXAMPLE_COMPANY UINT64_C(9990012345)
#define COMPANY_FIRST UINT64_C(9991000000) /* 99900... is the catalogue's */
#define COMPANY_IDS UINT64_C(9000000)
#define FOREIGNER_IDS UINT64_C(1000000000)
#define EXAMPLE_FOREIGNER 1
#define SLOT_ADDRESSES 59049u /* nine digits without 2, five times */
#define EXAMPLE_ADDRESS (SLOT_ADDRESSES - 1)

static const char slot_fourth[] = "1345678"; /* no 0, no 2, not 9999 */
static const char slot_fifth[] = "3146789";  /* no 0, no 2, no 5 */
static const char nine_digits[] = "013456789";

int32_t
pv_years(int years)
{
    return years * 365 + years / 4;
}

int32_t
pv_jalali_day(int year, int month, int day)
{
    struct pv_civil jalali = {year, month, day};
    int64_t         days = 0;

    if (pv_jalali_to_days(jalali, &days) != PV_OK) {
        return 0; /* only constants and drawn years come here */
    }
    return (int32_t)days;
}

static enum pv_err
make_dates(struct pv_country *country)
{
    struct pv_civil at = {FIRST_YEAR, 1, 1};
    size_t          count = (LAST_YEAR - FIRST_YEAR) * 366;

    country->dates = calloc(count, sizeof(*country->dates));
    if (country->dates == NULL) {
        return PV_ENOMEM;
    }
    for (size_t i = 0; at.year < LAST_YEAR && i < count; i++) {
        char *text = country->dates[i];

        pv_digits(text, 4, (uint64_t)at.year);
        text[4] = '-';
        pv_digits(text + 5, 2, (uint64_t)at.month);
        text[7] = '-';
        pv_digits(text + 8, 2, (uint64_t)at.day);
        if (++at.day > pv_jalali_month_days(at.year, at.month)) {
            at.day = 1;
            if (++at.month > 12) {
                at.month = 1;
                at.year++;
            }
        }
    }
    return PV_OK;
}

const char *
pv_country_date(const struct pv_country *country, int32_t day)
{
    if (day < country->first_day || day > country->last_day) {
        return NULL;
    }
    return country->dates[day - country->first_day];
}

static enum pv_err
link_children(struct pv_country *country)
{
    uint32_t count = country->person_count;

    country->first_child = calloc(count, sizeof(*country->first_child));
    country->next_of_father = calloc(count, sizeof(*country->next_of_father));
    country->next_of_mother = calloc(count, sizeof(*country->next_of_mother));
    if (country->first_child == NULL || country->next_of_father == NULL ||
        country->next_of_mother == NULL) {
        return PV_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        country->first_child[i] = PV_NONE;
    }
    for (uint32_t i = count; i > 0; i--) {
        const struct pv_person *child = &country->persons[i - 1];

        if (child->father != PV_NONE) {
            country->next_of_father[i - 1] =
                country->first_child[child->father];
            country->first_child[child->father] = i - 1;
            country->next_of_mother[i - 1] =
                country->first_child[child->mother];
            country->first_child[child->mother] = i - 1;
        }
    }
    return PV_OK;
}

uint32_t
pv_next_child(const struct pv_country *country, uint32_t parent, uint32_t child)
{
    if (child == PV_NONE) {
        return country->first_child[parent];
    }
    return country->persons[child].father == parent
               ? country->next_of_father[child]
               : country->next_of_mother[child];
}

enum pv_err
pv_country_make(struct pv_country *country, uint64_t seed, uint32_t persons)
{
    struct pv_country made = {.seed = seed, .person_count = persons};
    enum pv_err       err;

    if (persons < PV_PERSONS_MIN || persons > PV_PERSONS_MAX) {
        return PV_ERANGE;
    }
    made.as_of = pv_jalali_day(PV_AS_OF_YEAR, 1, 1);
    made.first_day = pv_jalali_day(FIRST_YEAR, 1, 1);
    made.last_day = pv_jalali_day(LAST_YEAR - 1, 12, 29);
    made.foreigner_count = persons / 100;
    pv_perm_init(&made.person_perm, PERSON_IDS, EXAMPLE_PERSON, seed, "person");
    pv_perm_init(&made.company_perm, COMPANY_IDS, 0, seed, "company");
    pv_perm_init(&made.company_name_perm,
                 (uint64_t)pv_names_activities.count * pv_names_brands.count *
                     pv_names_brand_tails.count,
                 0, seed, "company name");
    pv_perm_init(&made.foreigner_perm, FOREIGNER_IDS, EXAMPLE_FOREIGNER, seed,
                 "foreigner");
    pv_perm_init(&made.address_perm, SLOT_ADDRESSES, EXAMPLE_ADDRESS, seed,
                 "address");
    err = make_dates(&made);
    if (err == PV_OK) {
        made.persons = calloc(persons, sizeof(*made.persons));
        err = made.persons == NULL ? PV_ENOMEM : PV_OK;
    }
    if (err == PV_OK) {
        err = pv_people_make(&made);
    }
    if (err == PV_OK) {
        err = link_children(&made);
    }
    if (err == PV_OK) {
        err = pv_companies_make(&made);
    }
    if (err != PV_OK) {
        pv_country_clear(&made);
        return err;
    }
    *country = made;
    return PV_OK;
}

void
pv_country_clear(struct pv_country *country)
{
    if (country == NULL) {
        return;
    }
    free(country->persons);
    free(country->marriages);
    free(country->addresses);
    free(country->companies);
    free(country->first_child);
    free(country->next_of_father);
    free(country->next_of_mother);
    free(country->dates);
    memset(country, 0, sizeof(*country));
}

uint32_t
pv_pick_province(struct pv_rng *rng)
{
    uint32_t total = 0;
    uint32_t at;
    uint32_t i = 0;

    for (uint32_t p = 0; p < PV_PLACES_PROVINCES; p++) {
        total += pv_provinces[p].weight;
    }
    at = pv_rng_below(rng, total);
    while (at >= pv_provinces[i].weight) {
        at -= pv_provinces[i++].weight;
    }
    return i;
}

uint32_t
pv_pick_county(struct pv_rng *rng, uint32_t province)
{
    uint32_t count = pv_province_counties(&pv_provinces[province]);

    return pv_rng_chance(rng, 450) ? 0 : pv_rng_below(rng, count);
}

enum pv_err
pv_address_add(struct pv_country *country, struct pv_rng *rng,
               uint32_t province, uint32_t county, uint32_t *ret_address)
{
    struct pv_address *grown;
    struct pv_address *address;

    if (country->homes[province] >=
        pv_provinces[province].slots * SLOT_ADDRESSES) {
        return PV_ERANGE; /* no room within the limits on persons */
    }
    if (country->address_count == country->address_room) {
        size_t room = country->address_room * 2 + 4096;

        grown = realloc(country->addresses, room * sizeof(*grown));
        if (grown == NULL) {
            return PV_ENOMEM;
        }
        country->addresses = grown;
        country->address_room = room;
    }
    address = &country->addresses[country->address_count];
    *address = (struct pv_address){
        .number = country->homes[province]++,
        .province = (uint16_t)province,
        .county = (uint16_t)county,
        .street = (uint16_t)pv_rng_below(rng, pv_names_streets.count),
        .alley = (uint16_t)pv_rng_below(rng, pv_names_alleys.count),
        .building = (uint16_t)pv_rng_between(rng, 1, 240),
        .floor = (int8_t)pv_rng_between(rng, 0, 6),
        .unit = (uint8_t)pv_rng_between(rng, 1, 12),
        .change_days = (int16_t)pv_rng_between(rng, 1, 5000),
        .village = (uint8_t)(pv_rng_chance(rng, 220) && province != TEHRAN
                                 ? pv_rng_between(rng, 1, 2)
                                 : 0)};
    *ret_address = country->address_count++;
    return PV_OK;
}

bool
pv_person_lives(const struct pv_person *person)
{
    return person->death_day == PV_NEVER;
}

int
pv_person_age(const struct pv_country *country, uint32_t person)
{
    return (country->as_of - country->persons[person].birth_day) * 4 / 1461;
}

void
pv_person_id(const struct pv_country *country, uint32_t person,
             char room[PV_ID_ROOM])
{
    if (person >= PERSON_IDS) {
        pv_national_id(SYNTHETIC_NINE_MORE + person - PERSON_IDS, room);
        return;
    }
    pv_national_id(SYNTHETIC_NINE +
                       (uint32_t)pv_perm_at(&country->person_perm, person),
                   room);
}

void
pv_company_id(const struct pv_country *country, uint32_t company,
              char room[PV_ID_ROOM])
{
    if (company == 0) {
        pv_legal_id(EXAMPLE_COMPANY, room);
        return;
    }
    pv_legal_id(COMPANY_FIRST + pv_perm_at(&country->company_perm, company),
                room);
}

void
pv_foreigner_id(const struct pv_country *country, uint32_t foreigner,
                char room[PV_ID_ROOM])
{
    pv_plain_id("999", 9, pv_perm_at(&country->foreigner_perm, foreigner),
                room);
}

void
pv_party_id(const struct pv_country *country, struct pv_party party,
            char room[PV_ID_ROOM])
{
    if (party.is_company) {
        pv_company_id(country, party.index, room);
    } else {
        pv_person_id(country, party.index, room);
    }
}

/* 999, two digits for the province, five by number: README.md, section 3. */
void
pv_postal_code(const struct pv_country *country, uint32_t address,
               char room[PV_ID_ROOM])
{
    const struct pv_address  *at = &country->addresses[address];
    const struct pv_province *province = &pv_provinces[at->province];
    uint32_t                  slot = at->number % province->slots;
    uint64_t                  rest;

    for (uint32_t p = 0; p < at->province; p++) {
        slot += pv_provinces[p].slots;
    }
    rest = pv_perm_at(&country->address_perm, at->number / province->slots);
    memcpy(room, "999", 3);
    room[3] = slot_fourth[slot / 7];
    room[4] = slot_fifth[slot % 7];
    for (size_t i = 10; i > 5; i--) {
        room[i - 1] = nine_digits[rest % 9];
        rest /= 9;
    }
    room[10] = '\0';
}
