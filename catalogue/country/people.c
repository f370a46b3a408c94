/*
 * people.c - the families. A founding couple marries, has children, these
 * marry the unmarried of families made before, and so on until the day of
 * the registers or until the country is full. Then everyone dies in time.
 */
#include "country.h"

#include "names.h"

#define CLAN_COUPLES_MAX 512
#define POOL_MAX 4096
#define CERTIFICATES_STOP 1368 /* later births have the id as the number */
#define AGE_MAX 110

struct couple {
    uint32_t man;
    uint32_t woman;
    int32_t  day;
    uint32_t province;
    uint32_t county;
};

struct pool {
    uint32_t count;
    uint32_t person[POOL_MAX];
};

struct people {
    struct pv_country *country;
    struct pv_rng      rng;
    uint32_t           count;
    struct pool        men;
    struct pool        women;
    uint32_t           couple_count;
    struct couple      couple[CLAN_COUPLES_MAX];
};

static bool
is_full(const struct people *people)
{
    return people->count >= people->country->person_count;
}

/* Names go with the time: near where the year stands in the ordered list. */
static uint16_t
pick_first_name(struct pv_rng *rng, bool is_man, int32_t birth_day)
{
    const struct pv_words *words = is_man ? &pv_names_men : &pv_names_women;
    int32_t                first = pv_jalali_day(1300, 1, 1);
    int32_t                span = pv_jalali_day(PV_AS_OF_YEAR, 1, 1) - first;
    int32_t                count = (int32_t)words->count;
    int32_t at = (int32_t)((int64_t)(birth_day - first) * count / span);

    at += pv_rng_between(rng, -9, 9) + pv_rng_between(rng, -9, 9);
    if (at < 0 || at >= count) {
        at = pv_rng_between(rng, 0, count - 1);
    }
    return (uint16_t)at;
}

static uint16_t
pick_common(struct pv_rng *rng, uint32_t count)
{
    uint32_t a = pv_rng_below(rng, count);
    uint32_t b = pv_rng_below(rng, count);

    return (uint16_t)(a < b ? a : b); /* the front of the list is common */
}

static int32_t
issue_day(struct people *people, int32_t birth_day)
{
    int32_t day = birth_day + pv_rng_between(&people->rng, 1, 15);

    if (pv_rng_chance(&people->rng, 20)) {
        day += pv_rng_between(&people->rng, 30, 1500); /* issued late */
    }
    return day < people->country->as_of ? day : people->country->as_of - 1;
}

static uint32_t
add_person(struct people *people, bool is_man, int32_t birth_day,
           uint32_t father, uint32_t mother)
{
    struct pv_person *all = people->country->persons;
    struct pv_person *person;
    struct pv_rng    *rng = &people->rng;
    uint32_t          index = people->count;

    if (is_full(people)) {
        return PV_NONE;
    }
    people->count++;
    person = &all[index];
    *person = (struct pv_person){.father = father,
                                 .mother = mother,
                                 .spouse = PV_NONE,
                                 .address = PV_NONE,
                                 .birth_day = birth_day,
                                 .death_day = PV_NEVER,
                                 .settled_day = birth_day,
                                 .is_man = is_man};
    person->first_name = pick_first_name(rng, is_man, birth_day);
    if (father != PV_NONE) {
        person->father_name = all[father].first_name;
        person->last_name = all[father].last_name;
        person->last_tail = all[father].last_tail;
    } else {
        person->father_name =
            pick_first_name(rng, true, birth_day - pv_years(28));
        person->last_name = pick_common(rng, pv_names_family.count);
        if (pv_rng_chance(rng, 450)) {
            person->last_tail = pick_common(rng, pv_names_family_tail.count);
        }
    }
    if (birth_day < pv_jalali_day(CERTIFICATES_STOP, 1, 1)) {
        person->certificate = 1 + pick_common(rng, 30000);
    }
    person->issue_day = issue_day(people, birth_day);
    return index;
}

static void
pool_add(struct people *people, uint32_t person)
{
    struct pool *pool =
        people->country->persons[person].is_man ? &people->men : &people->women;

    if (pool->count < POOL_MAX) {
        pool->person[pool->count++] = person;
    }
}

/* Someone unmarried of about that age, or a newcomer; PV_NONE when full. */
static uint32_t
find_spouse(struct people *people, uint32_t of)
{
    const struct pv_person *all = people->country->persons;
    bool                    is_man = !all[of].is_man;
    struct pool            *pool = is_man ? &people->men : &people->women;
    int32_t                 wanted = all[of].birth_day;

    wanted += pv_years(is_man ? -3 : 3);
    for (uint32_t tries = 0; tries < 24 && pool->count > 0; tries++) {
        uint32_t at = pv_rng_below(&people->rng, pool->count);
        uint32_t found = pool->person[at];
        int32_t  apart = all[found].birth_day - wanted;

        if (apart > -pv_years(5) && apart < pv_years(5) &&
            (all[found].father == PV_NONE ||
             all[found].father != all[of].father)) {
            pool->person[at] = pool->person[--pool->count];
            return found;
        }
    }
    wanted += pv_rng_between(&people->rng, -900, 900);
    return add_person(people, is_man, wanted, PV_NONE, PV_NONE);
}

static enum pv_err
add_marriage(struct people *people, uint32_t man, uint32_t woman, int32_t day)
{
    struct pv_country  *country = people->country;
    struct pv_marriage *grown;

    if (country->marriage_count == country->marriage_room) {
        size_t room = country->marriage_room * 2 + 1024;

        grown = realloc(country->marriages, room * sizeof(*grown));
        if (grown == NULL) {
            return PV_ENOMEM;
        }
        country->marriages = grown;
        country->marriage_room = room;
    }
    country->marriages[country->marriage_count++] =
        (struct pv_marriage){man, woman, day, PV_NEVER};
    return PV_OK;
}

/* They marry on that day and move to a place of their own. */
static enum pv_err
marry(struct people *people, uint32_t man, uint32_t woman, int32_t day,
      uint32_t province, uint32_t county)
{
    struct pv_person *all = people->country->persons;
    uint32_t          address;
    enum pv_err       err;

    err = pv_address_add(people->country, &people->rng, province, county,
                         &address);
    if (err == PV_OK) {
        err = add_marriage(people, man, woman, day);
    }
    if (err != PV_OK) {
        return err;
    }
    all[man].spouse = woman;
    all[woman].spouse = man;
    all[man].address = address;
    all[woman].address = address;
    all[man].settled_day = day;
    all[woman].settled_day = day;
    if (people->couple_count < CLAN_COUPLES_MAX) {
        people->couple[people->couple_count++] =
            (struct couple){man, woman, day, province, county};
    }
    return PV_OK;
}

/* The day on which this child marries, or PV_NEVER. */
static int32_t
wedding_day(struct people *people, uint32_t child)
{
    const struct pv_person *person = &people->country->persons[child];
    struct pv_rng          *rng = &people->rng;
    int32_t                 day = person->birth_day;

    if (!pv_rng_chance(rng, 860)) {
        return PV_NEVER;
    }
    day += pv_years(person->is_man ? 21 : 19);
    day += pv_rng_between(rng, 0, pv_years(6));
    day += pv_rng_between(rng, 0, pv_years(6));
    return day < people->country->as_of ? day : PV_NEVER;
}

static enum pv_err
settle_child(struct people *people, const struct couple *parents,
             uint32_t child)
{
    struct pv_person *all = people->country->persons;
    int32_t           day = wedding_day(people, child);
    uint32_t          spouse;
    uint32_t          province = parents->province;
    uint32_t          county = parents->county;
    int32_t           latest;

    all[child].address = all[parents->man].address;
    if (day == PV_NEVER) {
        if (all[child].birth_day < people->country->as_of - pv_years(19)) {
            pool_add(people, child);
        }
        return PV_OK;
    }
    spouse = find_spouse(people, child);
    if (spouse == PV_NONE) {
        return PV_OK;
    }
    latest = all[spouse].birth_day + pv_years(18);
    if (day < latest) {
        day = latest + pv_rng_between(&people->rng, 0, 700);
    }
    if (day >= people->country->as_of) {
        day = people->country->as_of - 1;
    }
    if (pv_rng_chance(&people->rng, 180)) {
        province = pv_pick_province(&people->rng);
        county = pv_pick_county(&people->rng, province);
    }
    return all[child].is_man
               ? marry(people, child, spouse, day, province, county)
               : marry(people, spouse, child, day, province, county);
}

/* Fewer children the later the wedding. */
static int
children_wanted(struct people *people, int32_t day)
{
    struct pv_rng *rng = &people->rng;

    if (day < pv_jalali_day(1350, 1, 1)) {
        return pv_rng_between(rng, 2, 7);
    }
    if (day < pv_jalali_day(1365, 1, 1)) {
        return pv_rng_between(rng, 1, 6);
    }
    if (day < pv_jalali_day(1380, 1, 1)) {
        return pv_rng_between(rng, 1, 4);
    }
    return pv_rng_between(rng, 0, 3);
}

static enum pv_err
have_children(struct people *people, const struct couple *parents)
{
    struct pv_person *all = people->country->persons;
    struct pv_rng    *rng = &people->rng;
    int               wanted = children_wanted(people, parents->day);
    int32_t           day = parents->day + pv_rng_between(rng, 280, 1200);
    int32_t           last = all[parents->woman].birth_day + pv_years(46);
    enum pv_err       err = PV_OK;

    while (wanted-- > 0 && err == PV_OK) {
        uint32_t child;

        if (day >= people->country->as_of || day > last) {
            break;
        }
        child = add_person(people, pv_rng_chance(rng, 512), day, parents->man,
                           parents->woman);
        if (child == PV_NONE) {
            break;
        }
        all[parents->man].settled_day = day;
        all[parents->woman].settled_day = day;
        err = settle_child(people, parents, child);
        day += pv_rng_between(rng, 400, 1900);
    }
    return err;
}

static enum pv_err
make_clan(struct people *people)
{
    struct pv_rng *rng = &people->rng;
    uint32_t       province = pv_pick_province(rng);
    uint32_t       county = pv_pick_county(rng, province);
    int32_t        birth = pv_jalali_day(pv_rng_between(rng, 1308, 1349), 1, 1);
    uint32_t       man;
    uint32_t       woman;
    int32_t        day;
    enum pv_err    err;

    birth += pv_rng_between(rng, 0, 364);
    if (people->count == 0) { /* the catalogue's example person */
        birth = pv_jalali_day(1370, 1, 1);
        province = 0;
        county = 0;
    }
    people->couple_count = 0;
    man = add_person(people, true, birth, PV_NONE, PV_NONE);
    woman = add_person(people, false,
                       birth + pv_rng_between(rng, -300, pv_years(7)), PV_NONE,
                       PV_NONE);
    if (woman == PV_NONE) {
        return PV_OK;
    }
    day = people->country->persons[woman].birth_day +
          pv_rng_between(rng, pv_years(18), pv_years(26));
    err = marry(people, man, woman, day, province, county);
    for (uint32_t i = 0; i < people->couple_count && err == PV_OK; i++) {
        struct couple parents = people->couple[i];

        err = have_children(people, &parents);
    }
    return err;
}

/* Deaths in 100,000 of that age in one year: rising by a tenth a year. */
static uint32_t
hazard(int age)
{
    static const uint32_t by_ten[] = {60,   30,   80,   110,   200,  450,
                                      1100, 2700, 6800, 17000, 40000};

    if (age == 0) {
        return 900;
    }
    return by_ten[age / 10 < 10 ? age / 10 : 10];
}

static void
let_die(struct people *people, struct pv_person *person)
{
    int32_t day = person->birth_day;

    for (int age = 0; age <= AGE_MAX; age++) {
        int32_t end = day + 365;

        if (age == AGE_MAX ||
            pv_rng_below(&people->rng, 100000) < hazard(age)) {
            int32_t death = day + pv_rng_between(&people->rng, 0, 364);

            if (death >= people->country->as_of) {
                return;
            }
            if (death > person->settled_day && death > person->issue_day) {
                person->death_day = death;
                return;
            }
        }
        day = end;
        if (day >= people->country->as_of) {
            return;
        }
    }
}

/* Divorces, and homes for those who have none. */
static enum pv_err
part_and_move(struct people *people)
{
    struct pv_country *country = people->country;
    struct pv_rng     *rng = &people->rng;
    enum pv_err        err = PV_OK;

    for (uint32_t i = 1; i < country->marriage_count; i++) {
        struct pv_marriage *marriage = &country->marriages[i];
        struct pv_person   *man = &country->persons[marriage->man];
        struct pv_person   *woman = &country->persons[marriage->woman];
        int32_t day = marriage->day + pv_rng_between(rng, 200, 6000);

        if (pv_rng_chance(rng, 120) && day < country->as_of &&
            day < man->death_day && day < woman->death_day) {
            marriage->end_day = day;
            man->spouse = PV_NONE;
            woman->spouse = PV_NONE;
            woman->address = PV_NONE;
        }
    }
    for (uint32_t i = 0; i < people->count && err == PV_OK; i++) {
        struct pv_person *person = &country->persons[i];
        bool moves = person->spouse == PV_NONE && person->father != PV_NONE &&
                     person->birth_day < country->as_of - pv_years(28) &&
                     pv_rng_chance(rng, 350);

        if (moves || person->address == PV_NONE) {
            uint32_t province = pv_pick_province(rng);
            uint32_t county = pv_pick_county(rng, province);

            err = pv_address_add(country, rng, province, county,
                                 &person->address);
        }
    }
    return err;
}

enum pv_err
pv_people_make(struct pv_country *country)
{
    struct people *people;
    enum pv_err    err = PV_OK;

    people = calloc(1, sizeof(*people));
    if (people == NULL) {
        return PV_ENOMEM;
    }
    people->country = country;
    pv_rng_init(&people->rng, country->seed, "people");
    while (!is_full(people) && err == PV_OK) {
        err = make_clan(people);
    }
    for (uint32_t i = 2; i < people->count; i++) { /* the examples live */
        let_die(people, &country->persons[i]);
    }
    if (err == PV_OK) {
        err = part_and_move(people);
    }
    free(people);
    return err;
}
