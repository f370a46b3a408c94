/*
 * reg_welfare.c - who is supported: the registers of the State Welfare
 * Organisation, of the Relief Committee and of the Martyrs' Foundation.
 */
#include "draw.h"

#define WELFARE "welfare-client-status/inquire"
#define RELIEF "emdad-client-status/inquire"
#define VETERAN "veteran-status/inquire"

static const char clients[] =
    "CREATE TABLE client (national_id TEXT PRIMARY KEY, client_status TEXT,"
    " client_group TEXT, covered_since TEXT) WITHOUT ROWID";

static const char veterans[] =
    "CREATE TABLE veteran (national_id TEXT PRIMARY KEY, veteran_kind TEXT,"
    " disability_percent TEXT) WITHOUT ROWID";

static const char *const status[] = {"covered", "covered", "covered",
                                     "suspended", "ended"};
static const char *const welfare_group[] = {"معلولان", "سالمندان",
                                            "زنان سرپرست خانوار", "کودکان"};
static const char *const relief_group[] = {"مستمری‌بگیران",
                                           "خودکفایی", "درمان", "ایتام"};
static const char *const kind[] = {"martyr_family", "disabled_veteran",
                                   "freed_prisoner", "combatant"};

static void
write_client(struct pv_draw *draw, const char *method, const char *group,
             uint32_t person, const char *id)
{
    const char *now = person == 0 ? status[0] : PV_DRAW_WORD(draw, status);

    pv_writer_row(draw->making->writer, 0, "tttt", id, now, group,
                  pv_draw_day(draw, -5000, -30));
    if (person == 0) {
        pv_sample_add(draw->making->samples, method, "found", "supported",
                      "national_id", id, NULL);
    } else if (now[0] == 'e' && pv_samples_with(draw->making->samples, method,
                                                "no longer") == 0) {
        pv_sample_add(draw->making->samples, method, "found", "no longer",
                      "national_id", id, NULL);
    }
}

static void
welfare_client(struct pv_draw *draw, uint32_t person, const char *id)
{
    write_client(draw, WELFARE, PV_DRAW_WORD(draw, welfare_group), person, id);
}

static void
relief_client(struct pv_draw *draw, uint32_t person, const char *id)
{
    write_client(draw, RELIEF, PV_DRAW_WORD(draw, relief_group), person, id);
}

static void
veteran(struct pv_draw *draw, uint32_t person, const char *id)
{
    const char *of = person == 0 ? kind[1] : PV_DRAW_WORD(draw, kind);
    char        percent[PV_ID_ROOM];

    pv_amount(5 * (uint64_t)pv_rng_between(&draw->rng, 1, 14), percent);
    pv_writer_row(draw->making->writer, 0, "ttt", id, of,
                  of == kind[1] ? percent : NULL);
    if (person == 0) {
        pv_sample_add(draw->making->samples, VETERAN, "found",
                      "with the percent of disability", "national_id", id,
                      NULL);
    }
}

void
pv_register_welfare(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "welfare", clients);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO client VALUES (?,?,?,?)");
    pv_draw_persons(&draw, (struct pv_some){0, 120, 30}, welfare_client);
    pv_sample_stranger(&draw, WELFARE, "not-found", "national_id");
}

void
pv_register_relief(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "relief", clients);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO client VALUES (?,?,?,?)");
    pv_draw_persons(&draw, (struct pv_some){0, 120, 40}, relief_client);
    pv_sample_stranger(&draw, RELIEF, "not-found", "national_id");
}

void
pv_register_veterans(struct pv_making *making)
{
    struct pv_draw draw;

    pv_draw_init(&draw, making, "veterans", veterans);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO veteran VALUES (?,?,?)");
    pv_draw_persons(&draw, (struct pv_some){18, 120, 20}, veteran);
    pv_sample_stranger(&draw, VETERAN, "not-found", "national_id");
}
