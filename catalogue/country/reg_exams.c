/*
 * reg_exams.c - the examinations organisation: results and admissions.
 */
#include "draw.h"
#include "names.h"

#define RESULTS "exam-results-admissions/inquire"
#define EXAM_AGE 18

static const char tables[] =
    "CREATE TABLE result (national_id TEXT, year TEXT, exam TEXT,"
    " admission_status TEXT, university TEXT, field_of_study TEXT,"
    " PRIMARY KEY (national_id, year, exam)) WITHOUT ROWID";

static void
examinee(struct pv_draw *draw, uint32_t person, const char *id)
{
    int  age = pv_person_age(draw->country, person);
    bool is_admitted = person == 0 || pv_rng_chance(&draw->rng, 550);
    char year[PV_ID_ROOM];
    char university[PV_TEXT_ROOM];

    pv_amount((uint64_t)(PV_AS_OF_YEAR - 1 - age + EXAM_AGE), year);
    (void)snprintf(university, sizeof(university), "دانشگاه %s", /* fits */
                   pv_provinces[pv_pick_province(&draw->rng)].name);
    pv_writer_row(draw->making->writer, 0, "tttttt", id, year, "آزمون سراسری",
                  is_admitted ? "admitted" : "not_admitted",
                  is_admitted ? university : NULL,
                  is_admitted
                      ? pv_word(&pv_names_fields,
                                pv_rng_below(&draw->rng, pv_names_fields.count))
                      : NULL);
    if (person == 0) {
        pv_sample_add(draw->making->samples, RESULTS, "found", "admitted",
                      "national_id", id, "year", year, NULL);
        pv_sample_add(draw->making->samples, RESULTS, "not-found",
                      "no exam in that year", "national_id", id, "year", "1340",
                      NULL);
    }
}

void
pv_register_exams(struct pv_making *making)
{
    struct pv_draw draw;
    char           id[PV_ID_ROOM];

    pv_draw_init(&draw, making, "exams", tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO result VALUES (?,?,?,?,?,?)");
    pv_draw_persons(&draw, (struct pv_some){EXAM_AGE, 30, 200}, examinee);
    pv_nobodys_id(id);
    pv_sample_add(making->samples, RESULTS, "not-found", "no such person",
                  "national_id", id, "year", "1404", NULL);
}
