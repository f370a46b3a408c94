/*
 * reg_police.c - the police: vehicles and their owners, plates of agencies,
 * crossings of the border, residence abroad.
 *
 * A plate is two digits, a letter, three digits and the code of its region;
 * the regions here are 00 to 09, which are not in use.
 */
#include "draw.h"

#define AUTHENTIC "vehicle-authenticity/verify"
#define REGISTRY "vehicle-registry-inquiry/inquire"
#define SCRAPPED "vehicle-scrappage/inquire"
#define OWNED "persons-vehicle-status/inquire"
#define PERMIT "government-vehicle-plate-permit/inquire"
#define CROSSINGS "border-crossings/inquire"
#define ABROAD "residence-abroad/inquire"

#define PLATE_HEADS 90u /* 10 to 99 */
#define PLATE_TAILS 900u
#define PLATE_REGIONS 10u
#define PERMITS_PER_AGENCY 5

static const char *const letter[] = {"ب", "ج", "د", "س", "ص", "ط",
                                     "ق", "ل", "م", "ن", "و", "ه"};
#define LETTERS ((uint32_t)(sizeof(letter) / sizeof(letter[0])))
#define PLATES (PLATE_HEADS * PLATE_TAILS * PLATE_REGIONS * LETTERS)

static const char *const model[] = {"سواری پارس", "سواری تیبا", "سواری سمند",
                                    "وانت", "موتورسیکلت"};
static const char *const status[] = {"active", "active", "active", "active",
                                     "active", "seized", "stolen"};
static const char *const border[] = {"مهران", "بازرگان", "آستارا",
                                     "فرودگاه امام خمینی", "دوغارون"};
static const char *const land[] = {"ترکیه", "آلمان", "عراق", "کانادا",
                                   "امارات متحده عربی"};

static const char tables[] =
    "CREATE TABLE vehicle (plate TEXT PRIMARY KEY, vin TEXT, model TEXT,"
    " status TEXT, owner_id TEXT, scrapped_on TEXT, scrap_certificate TEXT)"
    " WITHOUT ROWID;"
    "CREATE TABLE plate_permit (permit_number TEXT PRIMARY KEY,"
    " agency_id TEXT, plate TEXT, issued_on TEXT, status TEXT)"
    " WITHOUT ROWID;"
    "CREATE TABLE crossing (national_id TEXT, crossed_on TEXT,"
    " direction TEXT, border TEXT,"
    " PRIMARY KEY (national_id, crossed_on, direction)) WITHOUT ROWID;"
    "CREATE TABLE abroad (national_id TEXT PRIMARY KEY, status TEXT,"
    " country TEXT, since TEXT) WITHOUT ROWID";

static const char indexes[] =
    "CREATE UNIQUE INDEX vehicle_vin ON vehicle (vin);"
    "CREATE INDEX vehicle_owner ON vehicle (owner_id)";

static void
make_plate(const struct pv_draw *draw, uint32_t number, char room[PV_ID_ROOM])
{
    struct pv_perm perm;
    uint32_t       at;

    pv_perm_init(&perm, PLATES, 0, draw->country->seed, "plate");
    at = (uint32_t)pv_perm_at(&perm, number);
    (void)snprintf(room, PV_ID_ROOM, "%02u%s%03u-%02u", /* fits */
                   10 + at % PLATE_HEADS, letter[at / PLATE_HEADS % LETTERS],
                   100 + at / (PLATE_HEADS * LETTERS) % PLATE_TAILS,
                   at / (PLATE_HEADS * LETTERS * PLATE_TAILS));
}

static void
sample_vehicle(struct pv_samples *samples, const char *plate, const char *vin,
               const char *owner)
{
    char nobody[PV_ID_ROOM];

    pv_nobodys_id(nobody);
    pv_sample_add(samples, AUTHENTIC, "yes", "in the name of this person",
                  "plate", plate, "owner_id:national_id", owner, NULL);
    pv_sample_add(samples, AUTHENTIC, "no", "of another owner", "plate", plate,
                  "owner_id:national_id", nobody, NULL);
    pv_sample_add(samples, REGISTRY, "found", "by the plate alone", "plate",
                  plate, NULL);
    pv_sample_add(samples, REGISTRY, "found", "with the chassis number",
                  "plate", plate, "vehicle_vin", vin, NULL);
    pv_sample_add(samples, REGISTRY, "not-found", "the plate of another one",
                  "plate", plate, "vehicle_vin", "00000000099999999", NULL);
    pv_sample_add(samples, OWNED, "found", "the vehicles of a person",
                  "owner_id:national_id", owner, NULL);
}

static void
vehicle(struct pv_draw *draw, uint32_t person, const char *id)
{
    bool is_scrapped =
        person != 0 && (draw->count == 1 || pv_rng_chance(&draw->rng, 40));
    const char *day = is_scrapped ? pv_draw_day(draw, -900, -1) : NULL;
    const char *now = is_scrapped   ? "scrapped"
                      : person == 0 ? status[0]
                                    : PV_DRAW_WORD(draw, status);
    char        plate[PV_ID_ROOM];
    char        vin[PV_ID_ROOM];
    char        paper[PV_ID_ROOM];

    make_plate(draw, draw->count, plate);
    pv_plain_id("000", 14, draw->count + 1, vin);
    pv_plain_id("999-", 7, draw->count + 1, paper);
    pv_writer_row(draw->making->writer, 0, "ttttttt", plate, vin,
                  PV_DRAW_WORD(draw, model), now, id, day,
                  is_scrapped ? paper : NULL);
    if (person == 0) {
        sample_vehicle(draw->making->samples, plate, vin, id);
    }
    if (is_scrapped && pv_samples_with(draw->making->samples, SCRAPPED,
                                       "scrapped, with its certificate") == 0) {
        pv_sample_add(draw->making->samples, SCRAPPED, "found",
                      "scrapped, with its certificate", "vehicle_vin", vin,
                      NULL);
    }
}

static void
journey(struct pv_draw *draw, uint32_t person, const char *id)
{
    const char *from = PV_DRAW_WORD(draw, border);
    int         out = pv_rng_between(&draw->rng, -1500, -60);
    int         days = pv_rng_between(&draw->rng, 1, 50);
    const char *left = pv_draw_day(draw, out, out);

    pv_writer_row(draw->making->writer, 2, "tttt", id, left, "exit", from);
    pv_writer_row(draw->making->writer, 2, "tttt", id,
                  pv_draw_day(draw, out + days, out + days), "entry", from);
    if (person == 0) {
        pv_sample_add(draw->making->samples, CROSSINGS, "found",
                      "every crossing", "national_id", id, NULL);
        pv_sample_add(draw->making->samples, CROSSINGS, "found",
                      "of one day, both ends included", "national_id", id,
                      "from_date", left, "until_date", left, NULL);
        pv_sample_add(draw->making->samples, CROSSINGS, "not-found",
                      "before the first one", "national_id", id, "until_date",
                      "1390-01-01", NULL);
    }
}

static void
emigrant(struct pv_draw *draw, uint32_t person, const char *id)
{
    bool is_resident = person != 0 && pv_rng_chance(&draw->rng, 850);

    pv_writer_row(draw->making->writer, 3, "tttt", id,
                  is_resident ? "resident" : "not_resident",
                  is_resident ? PV_DRAW_WORD(draw, land) : NULL,
                  pv_draw_day(draw, -4000, -200));
    if (person == 0) {
        pv_sample_add(draw->making->samples, ABROAD, "found", "came back",
                      "national_id", id, NULL);
    }
}

static void
write_permits(struct pv_draw *draw)
{
    char plate[PV_ID_ROOM];
    char number[PV_ID_ROOM];

    for (uint32_t i = 0; i < PV_SETAD_MEMBERS * PERMITS_PER_AGENCY; i++) {
        const char *agency = pv_setad_members[i / PERMITS_PER_AGENCY].unique_id;

        make_plate(draw, PLATES - 1 - i, plate);
        pv_plain_id("999-1404-", 4, i + 1, number);
        pv_writer_row(draw->making->writer, 1, "ttttt", number, agency, plate,
                      pv_draw_day(draw, -800, -1),
                      i % 7 == 6 ? "revoked" : "valid");
        if (i == 0) {
            pv_sample_add(draw->making->samples, PERMIT, "found",
                          "a plate of an agency", "agency_id", agency,
                          "permit_number", number, NULL);
            pv_sample_add(draw->making->samples, PERMIT, "not-found",
                          "of another agency", "agency_id",
                          pv_setad_members[1].unique_id, "permit_number",
                          number, NULL);
        }
    }
}

void
pv_register_police(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "police", tables);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO vehicle VALUES (?,?,?,?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO plate_permit VALUES (?,?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO crossing VALUES (?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO abroad VALUES (?,?,?,?)");
    pv_draw_persons(&draw, (struct pv_some){18, 90, 150}, vehicle);
    write_permits(&draw);
    pv_draw_persons(&draw, (struct pv_some){0, 90, 50}, journey);
    pv_draw_persons(&draw, (struct pv_some){18, 90, 15}, emigrant);
    pv_writer_exec(making->writer, indexes);
    pv_sample_add(making->samples, SCRAPPED, "not-found", "no such vehicle",
                  "vehicle_vin", "00000000099999999", NULL);
    pv_sample_stranger(&draw, OWNED, "not-found", "owner_id:national_id");
    pv_sample_stranger(&draw, ABROAD, "not-found", "national_id");
}
