/*
 * reg_courts.c - the judiciary: certificates of a clean record, rulings on
 * families, certificates of inheritance with the image of their ruling.
 */
#include "draw.h"
#include "heirs.h"
#include "pictures.h"

#define CLEAN "clean-record-certificate-authenticity/verify"
#define RULING "court-ruling-authenticity/verify"
#define IMAGE "probate-ruling-authenticity/verify"
#define HEIRS "probate-certificate-info/inquire"
#define FIRST_SAMPLES 2 /* rulings that every country has */

static const char tables[] =
    "CREATE TABLE clean_record (certificate_number TEXT PRIMARY KEY,"
    " national_id TEXT, issued_on TEXT, status TEXT) WITHOUT ROWID;"
    "CREATE TABLE ruling (ruling_id TEXT PRIMARY KEY, first_id TEXT,"
    " second_id TEXT, kind TEXT, status TEXT) WITHOUT ROWID;"
    "CREATE TABLE heir (deceased_id TEXT, heir_id TEXT, relation TEXT,"
    " PRIMARY KEY (deceased_id, heir_id)) WITHOUT ROWID;"
    "CREATE TABLE probate (ruling_id TEXT PRIMARY KEY, deceased_id TEXT,"
    " image TEXT) WITHOUT ROWID";

static void
certificate(struct pv_draw *draw, uint32_t person, const char *id)
{
    struct pv_samples *samples = draw->making->samples;
    const char        *day = pv_draw_day(draw, -700, -1);
    bool               is_valid = person == 0 || pv_rng_chance(&draw->rng, 950);
    char               number[PV_ID_ROOM];

    pv_plain_id("999-", 7, draw->count + 1, number);
    pv_writer_row(draw->making->writer, 0, "tttt", number, id, day,
                  is_valid ? "valid" : "revoked");
    if (person == 0) {
        pv_sample_add(samples, CLEAN, "yes", "a valid certificate",
                      "national_id", id, "certificate_number", number,
                      "issue_date", day, NULL);
        pv_sample_add(samples, CLEAN, "no", "the day of issue differs",
                      "national_id", id, "certificate_number", number,
                      "issue_date", "1390-01-01", NULL);
    } else if (!is_valid && pv_samples_with(samples, CLEAN, "revoked") == 0) {
        pv_sample_add(samples, CLEAN, "no", "revoked", "national_id", id,
                      "certificate_number", number, "issue_date", day, NULL);
    }
}

static void
write_ruling(struct pv_draw *draw, uint32_t first, uint32_t second,
             const char *kind)
{
    struct pv_samples *samples = draw->making->samples;
    bool is_final = draw->count != 1 && !pv_rng_chance(&draw->rng, 100);
    char number[PV_ID_ROOM];
    char a[PV_ID_ROOM];
    char b[PV_ID_ROOM];

    pv_person_id(draw->country, first, a);
    pv_person_id(draw->country, second, b);
    pv_plain_id("999", 15, draw->count + 1, number);
    pv_writer_row(draw->making->writer, 1, "ttttt", number, a, b, kind,
                  is_final ? "final" : "appealed");
    if (draw->count == 0) {
        pv_sample_add(samples, RULING, "yes", "a final ruling", "ruling_id",
                      number, "first_national_id", a, "second_national_id", b,
                      "ruling_kind", kind, NULL);
        pv_sample_add(samples, RULING, "yes", "the two in the other order",
                      "ruling_id", number, "first_national_id", b,
                      "second_national_id", a, "ruling_kind", kind, NULL);
        pv_sample_add(samples, RULING, "no", "of another subject", "ruling_id",
                      number, "first_national_id", a, "second_national_id", b,
                      "ruling_kind", "majority", NULL);
    } else if (draw->count == 1) {
        pv_sample_add(samples, RULING, "no", "not final yet", "ruling_id",
                      number, "first_national_id", a, "second_national_id", b,
                      "ruling_kind", kind, NULL);
    }
    draw->count++;
}

/* After a divorce the court says with whom a child lives. */
static void
write_rulings(struct pv_draw *draw)
{
    const struct pv_country *country = draw->country;

    draw->count = 0;
    for (uint32_t i = 0; i < country->marriage_count; i++) {
        const struct pv_marriage *at = &country->marriages[i];
        uint32_t child = pv_next_child(country, at->man, PV_NONE);

        if (i < FIRST_SAMPLES) {
            write_ruling(draw, at->man, at->woman, "sponsorship");
        }
        if (at->end_day != PV_NEVER && child != PV_NONE) {
            write_ruling(draw, at->woman, child,
                         pv_rng_chance(&draw->rng, 800) ? "custody"
                                                        : "guardianship");
        }
    }
}

static void
write_probate(struct pv_draw *draw, uint32_t deceased,
              const struct pv_heir *heirs, uint32_t count)
{
    struct pv_writer *writer = draw->making->writer;
    char              id[PV_ID_ROOM];
    char              heir[PV_ID_ROOM];
    char              number[PV_ID_ROOM];
    char              image[PV_PICTURE_ROOM];

    pv_person_id(draw->country, deceased, id);
    for (uint32_t i = 0; i < count; i++) {
        pv_person_id(draw->country, heirs[i].person, heir);
        pv_writer_row(writer, 2, "ttt", id, heir, heirs[i].relation);
    }
    pv_plain_id("998", 15, draw->count + 1, number);
    pv_sheet(deceased, image);
    pv_writer_row(writer, 3, "ttt", number, id, image);
    if (draw->count++ == 0) {
        pv_sample_add(draw->making->samples, IMAGE, "found",
                      "the image of a ruling", "ruling_id", number, NULL);
        pv_sample_add(draw->making->samples, HEIRS, "found",
                      "the heirs of one who died", "deceased_id", id, NULL);
    }
}

/* One certificate in three; the image makes it large. */
static void
write_probates(struct pv_draw *draw)
{
    const struct pv_country *country = draw->country;
    struct pv_heir           heirs[PV_HEIRS_MAX];

    draw->count = 0;
    for (uint32_t i = 0; i < country->person_count; i++) {
        uint32_t person = draw->making->by_id[i];
        uint32_t count;

        if (pv_person_lives(&country->persons[person]) ||
            (draw->count > 0 && !pv_rng_chance(&draw->rng, 100))) {
            continue;
        }
        count = pv_heirs_of(country, person, heirs);
        if (count > 0) {
            write_probate(draw, person, heirs, count);
        }
    }
}

void
pv_register_courts(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "courts", tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO clean_record VALUES (?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO ruling VALUES (?,?,?,?,?)");
    (void)pv_writer_prepare(making->writer, "INSERT INTO heir VALUES (?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO probate VALUES (?,?,?)");
    pv_draw_persons(&draw, (struct pv_some){18, 90, 20}, certificate);
    write_rulings(&draw);
    write_probates(&draw);
    pv_sample_add(making->samples, IMAGE, "not-found", "no such ruling",
                  "ruling_id", "999999999999999999", NULL);
    pv_sample_stranger(&draw, HEIRS, "not-found", "deceased_id");
}
