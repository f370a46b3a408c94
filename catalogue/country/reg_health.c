/*
 * reg_health.c - the health ministry: who is covered by which insurer, and
 * the certificates of hygiene of persons and of businesses.
 */
#include "draw.h"

#define ELIGIBLE "health-eligibility-online/inquire"
#define HYGIENE "workplace-hygiene-certificate/inquire"
#define COMPANIES_EVERY 8

static const char tables[] =
    "CREATE TABLE covered (national_id TEXT PRIMARY KEY, status TEXT,"
    " insurer TEXT, valid_until TEXT) WITHOUT ROWID;"
    "CREATE TABLE hygiene (holder_id TEXT PRIMARY KEY,"
    " certificate_number TEXT, business_name TEXT, status TEXT,"
    " valid_until TEXT) WITHOUT ROWID;"
    "CREATE TABLE record_entry (prescription_id TEXT, kind TEXT,"
    " national_id TEXT, happened_on TEXT, entered_at TEXT,"
    " PRIMARY KEY (prescription_id, kind)) WITHOUT ROWID";

static const char *const insurer[] = {"سازمان تأمین اجتماعی",
                                      "سازمان بیمه سلامت ایران",
                                      "سازمان خدمات درمانی نیروهای مسلح"};
static const char *const business[] = {"نانوایی", "رستوران", "قنادی",
                                       "آرایشگاه", "لبنیاتی"};

static void
covered(struct pv_draw *draw, uint32_t person, const char *id)
{
    bool is_entitled = person == 0 || pv_rng_chance(&draw->rng, 940);

    pv_writer_row(
        draw->making->writer, 0, "tttt", id,
        is_entitled ? "entitled" : "not_entitled", PV_DRAW_WORD(draw, insurer),
        pv_draw_day(draw, is_entitled ? 400 : -400, is_entitled ? 1500 : -1));
    if (person == 0) {
        pv_sample_add(draw->making->samples, ELIGIBLE, "found", "insured",
                      "national_id", id, NULL);
    }
}

static void
write_certificate(struct pv_draw *draw, const char *holder, const char *name)
{
    int  days = pv_rng_between(&draw->rng, -300, 900);
    char number[PV_ID_ROOM];

    pv_plain_id("999-", 7, draw->count + 1, number);
    pv_writer_row(draw->making->writer, 1, "ttttt", holder, number, name,
                  days < 0 ? "expired" : "valid",
                  pv_draw_day(draw, days, days));
}

static void
person_certificate(struct pv_draw *draw, uint32_t person, const char *id)
{
    char name[PV_TEXT_ROOM];
    char last[PV_TEXT_ROOM];

    pv_person_last_name(draw->country, person, last);
    (void)snprintf(name, sizeof(name), "%s %.200s", /* fits */
                   PV_DRAW_WORD(draw, business), last);
    write_certificate(draw, id, name);
    if (person == 0) {
        pv_sample_add(draw->making->samples, HYGIENE, "found",
                      "of a person's business", "holder_id:national_id", id,
                      NULL);
    }
}

static void
company_certificates(struct pv_draw *draw)
{
    const struct pv_country *country = draw->country;
    char                     id[PV_ID_ROOM];
    char                     name[PV_TEXT_ROOM];

    for (uint32_t i = 0; i < country->company_count; i += COMPANIES_EVERY) {
        pv_company_id(country, i, id);
        pv_company_name(country, i, name);
        write_certificate(draw, id, name);
        draw->count++;
        if (i == 0) {
            pv_sample_add(draw->making->samples, HYGIENE, "found",
                          "of a company", "holder_id:legal_person_id", id,
                          NULL);
        }
    }
}

void
pv_register_health(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "health", tables);
    pv_draw_commands(&draw);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO covered VALUES (?,?,?,?)");
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO hygiene VALUES (?,?,?,?,?)");
    pv_draw_persons(&draw, (struct pv_some){0, 120, 250}, covered);
    draw.count = 0;
    pv_draw_persons(&draw, (struct pv_some){20, 80, 6}, person_certificate);
    company_certificates(&draw);
    pv_sample_stranger(&draw, ELIGIBLE, "not-found", "national_id");
    pv_sample_stranger(&draw, HYGIENE, "not-found", "holder_id:national_id");
}
