/*
 * reg_education.c - the education ministry: photos of pupils of an age for
 * the photo on the birth certificate, and marks.
 */
#include "draw.h"
#include "pictures.h"

#define PHOTO "student-photo/inquire"
#define RECORDS "student-academic-records/inquire"
#define FIRST_AGE 13
#define LAST_AGE 18

static const char tables[] =
    "CREATE TABLE photo (photo_number INTEGER PRIMARY KEY, photo TEXT);"
    "CREATE TABLE pupil (national_id TEXT PRIMARY KEY, birth_date TEXT,"
    " photo_number INTEGER) WITHOUT ROWID;"
    "CREATE TABLE record (national_id TEXT, year TEXT, level TEXT,"
    " grade TEXT, PRIMARY KEY (national_id, year)) WITHOUT ROWID";

static const char *const level[] = {"دوره اول متوسطه", "دوره دوم متوسطه"};

static void
write_records(struct pv_draw *draw, const char *id, int age)
{
    char year[PV_ID_ROOM];
    char grade[PV_ID_ROOM];

    for (int at = FIRST_AGE; at <= age && at <= LAST_AGE; at++) {
        int quarters = pv_rng_between(&draw->rng, 40, 80);

        pv_amount((uint64_t)(PV_AS_OF_YEAR - 1 - age + at), year);
        (void)snprintf(grade, sizeof(grade), "%d.%02d", quarters / 4, /* fits */
                       quarters % 4 * 25);
        pv_writer_row(draw->making->writer, 2, "tttt", id, year,
                      level[at < 16 ? 0 : 1], grade);
    }
}

static void
sample_pupil(struct pv_samples *samples, const char *id, const char *born)
{
    pv_sample_add(samples, PHOTO, "found", "a pupil's photo", "national_id", id,
                  "birth_date", born, NULL);
    pv_sample_add(samples, PHOTO, "not-found", "the birth date differs",
                  "national_id", id, "birth_date", "1341-01-01", NULL);
    pv_sample_add(samples, RECORDS, "found", "every level", "national_id", id,
                  NULL);
    pv_sample_add(samples, RECORDS, "found", "one level", "national_id", id,
                  "level", level[0], NULL);
}

static void
pupil(struct pv_draw *draw, uint32_t person, const char *id)
{
    const char *born = pv_country_date(
        draw->country, draw->country->persons[person].birth_day);
    int age = pv_person_age(draw->country, person);

    if (age > LAST_AGE) {
        return; /* the example person left school long ago */
    }
    pv_writer_row(draw->making->writer, 1, "tti", id, born,
                  (int64_t)(person % PV_PORTRAITS));
    write_records(draw, id, age);
    if (pv_samples_with(draw->making->samples, PHOTO, "a pupil's photo") == 0) {
        sample_pupil(draw->making->samples, id, born);
    }
}

void
pv_register_education(struct pv_making *making)
{
    struct pv_draw draw;
    char           photo[PV_PICTURE_ROOM];
    char           id[PV_ID_ROOM];

    pv_draw_init(&draw, making, "education", tables);
    (void)pv_writer_prepare(making->writer, "INSERT INTO photo VALUES (?,?)");
    (void)pv_writer_prepare(making->writer, "INSERT INTO pupil VALUES (?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO record VALUES (?,?,?,?)");
    for (uint32_t i = 0; i < PV_PORTRAITS; i++) {
        pv_portrait(i, photo);
        pv_writer_row(making->writer, 0, "it", (int64_t)i, photo);
    }
    pv_draw_persons(&draw, (struct pv_some){FIRST_AGE, LAST_AGE, 400}, pupil);
    pv_sample_stranger(&draw, RECORDS, "not-found", "national_id");
    pv_nobodys_id(id);
    pv_sample_add(making->samples, PHOTO, "not-found", "no such pupil",
                  "national_id", id, "birth_date", "1390-01-01", NULL);
}
