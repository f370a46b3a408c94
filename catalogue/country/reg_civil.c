/*
 * reg_civil.c - the civil registration: persons, parents, marriages, homes.
 */
#include "registers.h"

#include "base/num.h"
#include "heirs.h"

#define MATCH "identity-match/verify"
#define INQUIRY "natural-person-inquiry/inquire"
#define RESIDENCE "residence-location/inquire"
#define ISSUED "newborn-birth-certificate-list/list"
#define PARENTS "parent-child-relationship/inquire"
#define MARRIAGES "marriage-relationship/inquire"
#define HEIRS "first-class-heirs/inquire"
#define PLACES 3 /* of a county: the seat and two villages */

static const char tables[] =
    "CREATE TABLE person (national_id TEXT PRIMARY KEY, first_name TEXT,"
    " last_name TEXT, father_name TEXT, birth_date TEXT,"
    " birth_certificate_number TEXT, life_status TEXT, death_date TEXT,"
    " certificate_issued_on TEXT) WITHOUT ROWID;"
    "CREATE TABLE kinship (national_id TEXT PRIMARY KEY, father_id TEXT,"
    " mother_id TEXT) WITHOUT ROWID;"
    "CREATE TABLE residence (national_id TEXT PRIMARY KEY, postal_code TEXT,"
    " place INTEGER, since TEXT) WITHOUT ROWID;"
    "CREATE TABLE place (place INTEGER PRIMARY KEY, province TEXT,"
    " county TEXT, city TEXT);"
    "CREATE TABLE marriage (husband_id TEXT, wife_id TEXT, married_on TEXT,"
    " ended_on TEXT, PRIMARY KEY (husband_id, wife_id, married_on))"
    " WITHOUT ROWID";

static const char indexes[] =
    "CREATE INDEX person_issued ON person (certificate_issued_on);"
    "CREATE INDEX kinship_father ON kinship (father_id);"
    "CREATE INDEX kinship_mother ON kinship (mother_id);"
    "CREATE INDEX marriage_wife ON marriage (wife_id)";

struct words {
    char        id[PV_ID_ROOM];
    char        last_name[PV_TEXT_ROOM];
    const char *first_name;
    const char *father_name;
    const char *birth_date;
};

static void
read_words(const struct pv_country *country, uint32_t person,
           struct words *words)
{
    pv_person_id(country, person, words->id);
    pv_person_last_name(country, person, words->last_name);
    words->first_name = pv_person_first_name(country, person);
    words->father_name = pv_person_father_name(country, person);
    words->birth_date =
        pv_country_date(country, country->persons[person].birth_day);
}

static void
sample_living(struct pv_samples *samples, const struct words *a,
              const struct words *b)
{
    pv_sample_add(samples, MATCH, "yes", "every input agrees", "national_id",
                  a->id, "birth_date", a->birth_date, "first_name",
                  a->first_name, "last_name", a->last_name, "father_name",
                  a->father_name, NULL);
    pv_sample_add(samples, MATCH, "yes", "absent inputs are not compared",
                  "national_id", b->id, "birth_date", b->birth_date, NULL);
    pv_sample_add(samples, MATCH, "no", "the last name differs", "national_id",
                  a->id, "birth_date", a->birth_date, "first_name",
                  a->first_name, "last_name", "دیگری", NULL);
    pv_sample_add(samples, MATCH, "no", "the birth date differs", "national_id",
                  a->id, "birth_date", "1341-01-01", NULL);
    pv_sample_add(samples, INQUIRY, "found", "a living person", "national_id",
                  a->id, "birth_date", a->birth_date, NULL);
    pv_sample_add(samples, INQUIRY, "found", "a living person", "national_id",
                  b->id, "birth_date", b->birth_date, NULL);
    pv_sample_add(samples, INQUIRY, "not-found", "the birth date differs",
                  "national_id", a->id, "birth_date", "1341-01-01", NULL);
}

static void
pick_samples(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct words             a;
    struct words             b;
    char                     nobody[PV_ID_ROOM];

    read_words(country, 0, &a);
    read_words(country, country->person_count / 2, &b);
    for (uint32_t i = country->person_count / 2; i > 0; i--) {
        if (pv_person_lives(&country->persons[i])) {
            read_words(country, i, &b);
            break;
        }
    }
    sample_living(making->samples, &a, &b);
    pv_nobodys_id(nobody);
    pv_sample_add(making->samples, MATCH, "no", "no such person", "national_id",
                  nobody, "birth_date", "1370-01-01", NULL);
    pv_sample_add(making->samples, INQUIRY, "not-found", "no such person",
                  "national_id", nobody, "birth_date", "1370-01-01", NULL);
    for (uint32_t i = 2; i < country->person_count; i++) {
        if (!pv_person_lives(&country->persons[i])) {
            read_words(country, i, &b);
            pv_sample_add(making->samples, INQUIRY, "found",
                          "deceased, with the date of death", "national_id",
                          b.id, "birth_date", b.birth_date, NULL);
            break;
        }
    }
}

static void
sample_relations(struct pv_making *making, uint32_t child)
{
    const struct pv_country *country = making->country;
    const struct pv_person  *at = &country->persons[child];
    char                     id[PV_ID_ROOM];
    char                     father[PV_ID_ROOM];
    char                     mother[PV_ID_ROOM];

    pv_person_id(country, child, id);
    pv_person_id(country, at->father, father);
    pv_person_id(country, at->mother, mother);
    pv_sample_add(making->samples, PARENTS, "found", "both parents", "child_id",
                  id, NULL);
    pv_sample_add(making->samples, PARENTS, "found", "this parent", "child_id",
                  id, "parent_id", mother, NULL);
    pv_sample_add(making->samples, PARENTS, "not-found",
                  "the relation the other way round", "child_id", father,
                  "parent_id", id, NULL);
    pv_sample_add(making->samples, MARRIAGES, "found", "every marriage",
                  "national_id", father, NULL);
    pv_sample_add(making->samples, MARRIAGES, "found", "from the other side",
                  "national_id", mother, "spouse_id", father, NULL);
    pv_sample_add(making->samples, MARRIAGES, "not-found",
                  "not married to each other", "national_id", father,
                  "spouse_id", id, NULL);
    pv_sample_add(making->samples, ISSUED, "found",
                  "the day of issue, not of birth", "issue_date",
                  pv_country_date(country, at->issue_day), NULL);
    pv_sample_add(making->samples, ISSUED, "not-found",
                  "a day before all certificates", "issue_date", "1300-01-01",
                  NULL);
}

static void
pick_family_samples(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct pv_heir           heirs[PV_HEIRS_MAX];
    uint32_t                 last = country->person_count - 1;
    uint32_t                 dead = 0;
    char                     id[PV_ID_ROOM];

    while (last > 0 && country->persons[last].father == PV_NONE) {
        last--;
    }
    if (country->persons[last].father != PV_NONE) {
        sample_relations(making, last);
    }
    while (dead < country->person_count &&
           (pv_person_lives(&country->persons[dead]) ||
            pv_heirs_of(country, dead, heirs) == 0)) {
        dead++;
    }
    if (dead < country->person_count) {
        pv_person_id(country, dead, id);
        pv_sample_add(making->samples, HEIRS, "found", "the living heirs",
                      "deceased_id", id, NULL);
    }
    pv_person_id(country, 0, id);
    pv_sample_add(making->samples, HEIRS, "not-found",
                  "the person lives: nothing to inherit", "deceased_id", id,
                  NULL);
    pv_sample_add(making->samples, RESIDENCE, "found", "where a person lives",
                  "national_id", id, NULL);
    pv_nobodys_id(id);
    pv_sample_add(making->samples, RESIDENCE, "not-found", "no such person",
                  "national_id", id, NULL);
}

static uint32_t
place_number(uint32_t province, uint32_t county, uint32_t village)
{
    return (province * PV_PLACES_COUNTIES_MAX + county) * PLACES + village;
}

static uint32_t
place_of(const struct pv_address *address)
{
    return place_number(address->province, address->county, address->village);
}

/* The day of the address's last change, but nobody moved in before birth. */
static int32_t
since_day(const struct pv_country *country, const struct pv_person *person)
{
    int32_t day =
        country->as_of - country->addresses[person->address].change_days;

    return day > person->birth_day ? day : person->birth_day;
}

/* The seat of each county and its two villages. */
static void
write_places(struct pv_making *making)
{
    for (uint32_t p = 0; p < PV_PLACES_PROVINCES; p++) {
        const struct pv_province *province = &pv_provinces[p];
        uint32_t                  count = pv_province_counties(province);

        for (uint32_t i = 0; i < count * PLACES; i++) {
            uint32_t c = i / PLACES;
            uint32_t village = i % PLACES;

            pv_writer_row(making->writer, 4, "ittt",
                          (int64_t)place_number(p, c, village), province->name,
                          province->county[c].name,
                          village == 0 ? pv_county_seat(&province->county[c])
                                       : pv_village_name(p, c, village));
        }
    }
}

/* A marriage ends by divorce or by the death of one of the two. */
static int32_t
end_day(const struct pv_country *country, const struct pv_marriage *marriage)
{
    int32_t day = marriage->end_day;
    int32_t man = country->persons[marriage->man].death_day;
    int32_t woman = country->persons[marriage->woman].death_day;

    day = man < day ? man : day;
    return woman < day ? woman : day;
}

static void
write_person(struct pv_making *making, uint32_t person)
{
    const struct pv_country *country = making->country;
    const struct pv_person  *at = &country->persons[person];
    struct words             words;
    char                     number[PV_U64_TEXT_MAX + 1];
    char                     father[PV_ID_ROOM];
    char                     mother[PV_ID_ROOM];
    char                     code[PV_ID_ROOM];

    read_words(country, person, &words);
    number[pv_u64_text(at->certificate, number)] = '\0';
    pv_postal_code(country, at->address, code);
    pv_writer_row(making->writer, 0, "ttttttttt", words.id, words.first_name,
                  words.last_name, words.father_name, words.birth_date, number,
                  pv_person_lives(at) ? "alive" : "deceased",
                  pv_country_date(country, at->death_day),
                  pv_country_date(country, at->issue_day));
    if (at->father != PV_NONE) {
        pv_person_id(country, at->father, father);
        pv_person_id(country, at->mother, mother);
        pv_writer_row(making->writer, 1, "ttt", words.id, father, mother);
    }
    pv_writer_row(making->writer, 2, "ttit", words.id, code,
                  (int64_t)place_of(&country->addresses[at->address]),
                  pv_country_date(country, since_day(country, at)));
}

void
pv_register_civil(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct pv_writer        *writer = making->writer;

    pv_writer_exec(writer, tables);
    (void)pv_writer_prepare(/* 0 */ writer, "INSERT INTO person VALUES"
                                            " (?,?,?,?,?,?,?,?,?)");
    (void)pv_writer_prepare(/* 1 */ writer,
                            "INSERT INTO kinship VALUES (?,?,?)");
    (void)pv_writer_prepare(/* 2 */ writer,
                            "INSERT INTO residence VALUES (?,?,?,?)");
    (void)pv_writer_prepare(/* 3 */ writer,
                            "INSERT INTO marriage VALUES (?,?,?,?)");
    (void)pv_writer_prepare(/* 4 */ writer,
                            "INSERT INTO place VALUES (?,?,?,?)");
    write_places(making);
    for (uint32_t i = 0; i < country->person_count; i++) {
        write_person(making, making->by_id[i]);
        pv_making_step(making, i, country->person_count);
    }
    for (uint32_t i = 0; i < country->marriage_count; i++) {
        const struct pv_marriage *at = &country->marriages[i];
        char                      man[PV_ID_ROOM];
        char                      woman[PV_ID_ROOM];

        pv_person_id(country, at->man, man);
        pv_person_id(country, at->woman, woman);
        pv_writer_row(writer, 3, "tttt", man, woman,
                      pv_country_date(country, at->day),
                      pv_country_date(country, end_day(country, at)));
    }
    pv_writer_exec(writer, indexes);
    pick_samples(making);
    pick_family_samples(making);
}
