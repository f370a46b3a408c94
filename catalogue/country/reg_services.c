/*
 * reg_services.c - the register of government services, with the agency that
 * each belongs to.
 */
#include "draw.h"

#define INQUIRY "government-services-registry-inquiry/inquire"
#define SERVICES_PER_AGENCY 10u

static const char tables[] =
    "CREATE TABLE service (service_code TEXT PRIMARY KEY, title TEXT,"
    " agency_id TEXT, last_change_date TEXT) WITHOUT ROWID;"
    "CREATE TABLE follow_up (number INTEGER PRIMARY KEY, call_id TEXT UNIQUE,"
    " service_code TEXT, person_id TEXT, issued_at TEXT)";

static const char *const title[] = {"صدور مجوز", "تمدید پروانه", "ثبت درخواست",
                                    "پاسخ به استعلام", "صدور گواهی"};

void
pv_register_services(struct pv_making *making)
{
    struct pv_draw draw;
    char           code[PV_ID_ROOM];
    char           name[PV_TEXT_ROOM];

    pv_draw_init(&draw, making, "services", tables);
    pv_draw_commands(&draw);
    (void)pv_writer_prepare(making->writer,
                            "INSERT INTO service VALUES (?,?,?,?)");
    for (uint32_t i = 0; i < PV_SETAD_MEMBERS * SERVICES_PER_AGENCY; i++) {
        const struct pv_setad_member *agency =
            &pv_setad_members[i / SERVICES_PER_AGENCY];

        pv_plain_id("999", 5, i + 1, code);
        (void)snprintf(name, sizeof(name), "%s %u", /* fits */
                       title[i % (sizeof(title) / sizeof(title[0]))],
                       i % SERVICES_PER_AGENCY + 1);
        pv_writer_row(making->writer, 0, "tttt", code, name, agency->unique_id,
                      pv_draw_day(&draw, -2000, -1));
        if (i == 0) {
            pv_sample_add(making->samples, INQUIRY, "found", "a known service",
                          "service_code", code, NULL);
        }
    }
    pv_sample_add(making->samples, INQUIRY, "not-found", "no such service",
                  "service_code", "99800001", NULL);
}
