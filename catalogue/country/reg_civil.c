/*
 * reg_civil.c - the civil registration: persons, parents, marriages, homes.
 */
#include "registers.h"

#include "base/num.h"

#define MATCH "identity-match/verify"
#define INQUIRY "natural-person-inquiry/inquire"

static const char tables[] =
    "CREATE TABLE person (national_id TEXT PRIMARY KEY, first_name TEXT,"
    " last_name TEXT, father_name TEXT, birth_date TEXT,"
    " birth_certificate_number TEXT, life_status TEXT, death_date TEXT,"
    " certificate_issued_on TEXT) WITHOUT ROWID;"
    "CREATE TABLE kinship (national_id TEXT PRIMARY KEY, father_id TEXT,"
    " mother_id TEXT) WITHOUT ROWID;"
    "CREATE TABLE residence (national_id TEXT PRIMARY KEY, postal_code TEXT)"
    " WITHOUT ROWID;"
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
    pv_writer_row(making->writer, 2, "tt", words.id, code);
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
                            "INSERT INTO residence VALUES (?,?)");
    (void)pv_writer_prepare(/* 3 */ writer,
                            "INSERT INTO marriage VALUES (?,?,?,?)");
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
                      pv_country_date(country, at->end_day));
    }
    pv_writer_exec(writer, indexes);
    pick_samples(making);
}
