/*
 * reg_science.c - the science ministry: degrees, one row each.
 */
#include "registers.h"

#include "names.h"

#define INQUIRY "academic-degree/inquire"
#define LAST_DEGREE "last-academic-degree/inquire"
#define LAST_STATUS "last-academic-status/inquire"
#define FIRST_AGE 22 /* of the first degree */

static const char tables[] =
    "CREATE TABLE degree (national_id TEXT, degree_number INTEGER,"
    " degree_level TEXT, field_of_study TEXT, university TEXT,"
    " graduation_date TEXT, degree_status TEXT,"
    " PRIMARY KEY (national_id, degree_number)) WITHOUT ROWID";

static const char *const level[] = {"bachelor", "master", "doctorate"};
#define LEVELS (sizeof(level) / sizeof(level[0]))

struct degrees {
    struct pv_making *making;
    struct pv_rng     rng;
    uint32_t          none_samples;
    uint32_t          many_samples;
    uint32_t          studying_samples;
    uint32_t          graduate_samples;
};

/* Fewer among the old. */
static uint32_t
chance_of_first(const struct pv_country *country, uint32_t person)
{
    int32_t birth = country->persons[person].birth_day;

    if (person == 0) {
        return 1000; /* the catalogue's example */
    }
    if (birth < pv_jalali_day(1330, 1, 1)) {
        return 50;
    }
    return birth < pv_jalali_day(1355, 1, 1) ? 180 : 380;
}

/* True when another, higher degree may follow. */
static bool
write_degree(struct degrees *degrees, const char *id, int number,
             const char *name, int32_t day)
{
    const struct pv_country *country = degrees->making->country;
    struct pv_rng           *rng = &degrees->rng;
    uint32_t                 p = pv_pick_province(rng);
    char                     university[PV_TEXT_ROOM];
    const char              *status = "graduated";

    if (day >= country->as_of) {
        status = "studying";
    } else if (pv_rng_chance(rng, 40)) {
        status = "withdrawn";
    }
    (void)snprintf(university, sizeof(university), "دانشگاه %s",
                   pv_provinces[p].name); /* fits */
    pv_writer_row(
        degrees->making->writer, 0, "tittttt", id, (int64_t)number, name,
        pv_word(&pv_names_fields, pv_rng_below(rng, pv_names_fields.count)),
        university, status[0] == 'g' ? pv_country_date(country, day) : NULL,
        status);
    if (status[0] == 's' && degrees->studying_samples++ == 0) {
        pv_sample_add(degrees->making->samples, INQUIRY, "found",
                      "still studying: no date of graduation", "national_id",
                      id, NULL);
        pv_sample_add(degrees->making->samples, LAST_STATUS, "found",
                      "still studying", "national_id", id, NULL);
    }
    if (status[0] == 'g' && degrees->graduate_samples++ == 0) {
        pv_sample_add(degrees->making->samples, LAST_DEGREE, "found",
                      "a graduate", "national_id", id, NULL);
    }
    return status[0] == 'g';
}

static void
person_degrees(struct degrees *degrees, uint32_t person)
{
    const struct pv_country *country = degrees->making->country;
    struct pv_rng           *rng = &degrees->rng;
    int32_t day = country->persons[person].birth_day + pv_years(FIRST_AGE);
    int     count = 0;
    char    id[PV_ID_ROOM];

    pv_person_id(country, person, id);
    day += pv_rng_between(rng, 0, 700);
    if (!pv_rng_chance(rng, chance_of_first(country, person))) {
        if (pv_person_age(country, person) > 30 &&
            degrees->none_samples++ == 0) {
            pv_sample_add(degrees->making->samples, INQUIRY, "not-found",
                          "a person without a degree", "national_id", id, NULL);
            pv_sample_add(degrees->making->samples, LAST_DEGREE, "not-found",
                          "a person without a degree", "national_id", id, NULL);
        }
        return;
    }
    if (pv_rng_chance(rng, 150) && person != 0) {
        (void)write_degree(degrees, id, ++count, "associate", /* not a step */
                           day - pv_years(2));
        day += pv_years(1);
    }
    for (uint32_t at = 0; at < LEVELS; at++) {
        if (!write_degree(degrees, id, ++count, level[at], day) ||
            !pv_rng_chance(rng, at == 0 ? 300 : 150)) {
            break;
        }
        day += pv_rng_between(rng, 800, 1500);
        if (day - pv_years(4) >= country->as_of) {
            break; /* not begun yet */
        }
    }
    if (person == 0 || (count > 1 && degrees->many_samples++ == 0)) {
        pv_sample_add(degrees->making->samples, INQUIRY, "found",
                      person == 0 ? "the example person" : "several degrees",
                      "national_id", id, NULL);
    }
}

void
pv_register_science(struct pv_making *making)
{
    const struct pv_country *country = making->country;
    struct degrees           degrees = {.making = making};
    char                     id[PV_ID_ROOM];

    pv_rng_init(&degrees.rng, country->seed, "science");
    pv_writer_exec(making->writer, tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO degree VALUES (?,?,?,?,?,?,?)");
    for (uint32_t i = 0; i < country->person_count; i++) {
        uint32_t person = making->by_id[i];

        if (pv_person_age(country, person) >= FIRST_AGE - 2) {
            person_degrees(&degrees, person);
        }
        pv_making_step(making, i, country->person_count);
    }
    pv_nobodys_id(id);
    pv_sample_add(making->samples, INQUIRY, "not-found", "no such person",
                  "national_id", id, NULL);
    pv_sample_add(making->samples, LAST_DEGREE, "not-found", "no such person",
                  "national_id", id, NULL);
    pv_sample_add(making->samples, LAST_STATUS, "not-found", "no such person",
                  "national_id", id, NULL);
    pv_person_id(country, 0, id);
    pv_sample_add(making->samples, LAST_STATUS, "found", "the example person",
                  "national_id", id, NULL);
}
